"""A use: refused and recorded, or recorded and opened; nothing is shown before its look is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tests.databases import empty_database
from tests.lens_sqlite import NEWS, SHIP, LensedShop, lensed_shop
from tests.looks import Watched, watched
from troth import Answer
from troth.core.datamap import DataStore, Engine, StoreId
from troth.core.errors import StoreUnavailable, UnknownName, UseRefused
from troth.core.lens import Lens
from troth.core.looks import SELF, SYSTEM, Actor, Ending, LookFilter, Outcome, Use
from troth.flows.lens import LensesInForce, LensKit, use
from troth.store.lens_sqlite import SqliteLenses
from troth.store.looks import LookBook
from troth.store.permitted import people_permitted

STORE = DataStore(StoreId("shop"), (Engine.SQLITE,), "shop_db", (), {}, {}, 1)
SHOWS = {"ship_parcel": frozenset({"street", "orders"}), "send_news": frozenset({"mobile"})}
ROBOT = Actor("courier-round", SYSTEM)


@pytest.fixture
def shop(tmp_path: Any) -> Iterator[LensedShop]:
    with empty_database(None, tmp_path / "database") as database, lensed_shop(database) as made:
        yield made


@pytest.fixture
def looks(shop: LensedShop) -> Iterator[Watched]:
    with watched(shop.here) as made:
        yield made


@pytest.fixture
def kit(shop: LensedShop, looks: Watched) -> Iterator[LensKit]:
    together = Lens((*NEWS.purposes, *SHIP.purposes), SHIP.tables)
    lenses = {lens.name: lens for lens in (NEWS, SHIP, together)}
    open_lenses = SqliteLenses(shop.here.troth.kit.database, lenses, block_seconds=5)

    @contextmanager
    def opens(
        name: str, people: Sequence[str], *, writes: bool, record: Callable[[None], None]
    ) -> Iterator[Any]:
        asked = open_lenses.use(name, people=people, writes=writes, record=lambda: record(None))
        with asked as block:
            yield block.connection

    def permitted(purposes: Sequence[str]) -> list[str]:
        with shop.here.troth.kit.database.hot_reading() as cursor:
            return people_permitted(cursor, "sqlite", purposes)

    troth = shop.here.troth
    yield LensKit(
        looks=looks.kit,
        lenses=lambda _: LensesInForce(frozenset(lenses), opens, SHOWS, STORE),
        permitted=permitted,
        decide=troth.decide,
        decide_all=troth.decide_all,
        known=lambda: looks.known,
        today=lambda: date(2027, 1, 15),
        region="CN",
    )
    open_lenses.close()


def lose(*_: object, **__: object) -> AbstractContextManager[Connection]:
    raise AssertionError("a connection was asked for")


def seen_of(looks: Watched, person: str) -> list[tuple[str, bool, str]]:
    """Return purpose, refusal and role of every look at a person."""
    everybody = LookFilter(roles=(SELF, SYSTEM, "desk"))
    found = looks.kit.book.looks(person, everybody, hidden_roles=(), before=None, limit=50)
    return [(s.look.purpose_id, s.look.refused, s.look.actor_role) for s in found]


def test_a_person_is_shown_alone_and_finds_the_look(
    shop: LensedShop, looks: Watched, kit: LensKit
) -> None:
    an = shop.people["an"]
    with use(kit, [Use("ship_parcel", ROBOT, (an,))]) as connection:
        names = connection.execute(text("SELECT name FROM customer")).scalars().all()
    assert names == ["an"]
    assert seen_of(looks, an) == [("ship_parcel", False, SYSTEM)]


@pytest.mark.promise("S-36", "S-50")
@pytest.mark.control("purpose_lens")
def test_a_look_names_what_the_lens_has_and_no_more_than_the_purpose_has(
    shop: LensedShop, looks: Watched, kit: LensKit
) -> None:
    with use(kit, [Use("ship_parcel", ROBOT, (shop.people["an"],))]):
        pass
    (stored,) = looks.kit.book.looks(shop.people["an"], LookFilter(roles=(SYSTEM,)))
    assert stored.look.categories == ("street",)


def test_who_did_not_permit_is_refused_before_a_connection_and_it_is_recorded(
    shop: LensedShop, looks: Watched, kit: LensKit
) -> None:
    bo = shop.people["bo"]
    watching = replace(kit, lenses=lambda _: LensesInForce(frozenset(), lose, SHOWS, STORE))
    with (
        pytest.raises(UseRefused, match="never_asked"),
        use(watching, [Use("ship_parcel", ROBOT, (bo,))]),
    ):
        raise AssertionError("it opened")
    assert seen_of(looks, bo) == [("ship_parcel", True, SYSTEM)]


@pytest.mark.promise("S-36", "S-50")
@pytest.mark.control("purpose_lens")
def test_a_withdrawal_that_was_acknowledged_closes_the_next_use(
    shop: LensedShop, looks: Watched, kit: LensKit
) -> None:
    an = shop.people["an"]
    with use(kit, [Use("send_news", ROBOT, (an,))]):
        pass
    shop.here.say(an, "send_news", Answer.WITHDRAW)
    with (
        pytest.raises(UseRefused, match="withdrawn"),
        use(kit, [Use("send_news", ROBOT, (an,))]),
    ):
        raise AssertionError("it opened")


@pytest.mark.parametrize("purpose", ["sell_everything", ""])
def test_a_purpose_that_nobody_declared_is_refused(
    shop: LensedShop, looks: Watched, kit: LensKit, purpose: str
) -> None:
    with (
        pytest.raises(UseRefused, match="unknown_purpose"),
        use(kit, [Use(purpose, ROBOT, (shop.people["an"],))]),
    ):
        raise AssertionError("it opened")


@pytest.mark.promise("S-53")
@pytest.mark.control("assessment_before_start")
def test_a_purpose_whose_assessment_is_due_and_missing_is_refused_before_a_connection(
    shop: LensedShop, looks: Watched, kit: LensKit
) -> None:
    policy = replace(looks.known.policy, assessments={})
    unassessed = replace(kit, known=lambda: replace(looks.known, policy=policy))
    with (
        pytest.raises(UseRefused, match="assessment_due"),
        use(unassessed, [Use("ship_parcel", ROBOT, (shop.people["an"],))]),
    ):
        raise AssertionError("it opened")
    assert seen_of(looks, shop.people["an"]) == [("ship_parcel", True, SYSTEM)]


@pytest.mark.promise("S-45")
@pytest.mark.control("purpose_lens")
def test_data_declared_for_another_region_does_not_open_here(
    shop: LensedShop, looks: Watched, kit: LensKit
) -> None:
    abroad = replace(kit, region="SG")
    with (
        pytest.raises(UseRefused, match="other_region"),
        use(abroad, [Use("ship_parcel", ROBOT, (shop.people["an"],))]),
    ):
        raise AssertionError("it opened")
    assert seen_of(looks, shop.people["an"]) == [("ship_parcel", True, SYSTEM)]


def test_staff_without_a_case_is_refused_and_with_one_is_seen_by_role(
    shop: LensedShop, looks: Watched, kit: LensKit
) -> None:
    an, clerk = shop.people["an"], Actor("staff-7", "desk")
    with (
        pytest.raises(UseRefused, match="no_case"),
        use(kit, [Use("ship_parcel", clerk, (an,))]),
    ):
        raise AssertionError("it opened")
    with use(kit, [Use("ship_parcel", clerk, (an,), case="o-an-0")]) as connection:
        assert connection.execute(text("SELECT count(*) FROM orders")).scalar_one() == 2
    both = [("ship_parcel", False, "desk"), ("ship_parcel", True, "desk")]
    assert sorted(seen_of(looks, an)) == both


def test_a_batch_shows_and_names_exactly_those_who_permit(
    shop: LensedShop, looks: Watched, kit: LensKit
) -> None:
    with use(kit, [Use("ship_parcel", ROBOT, ())]) as connection:
        names = connection.execute(text("SELECT name FROM customer ORDER BY 1")).scalars().all()
    assert names == ["an", "cy"]
    assert seen_of(looks, shop.people["an"]) == [("ship_parcel", False, SYSTEM)]
    assert seen_of(looks, shop.people["cy"]) == [("ship_parcel", False, SYSTEM)]
    assert seen_of(looks, shop.people["bo"]) == []


def test_a_batch_that_nobody_permits_opens_nothing(
    shop: LensedShop, looks: Watched, kit: LensKit
) -> None:
    for name in ("an", "cy"):
        shop.here.say(shop.people[name], "ship_parcel", Answer.WITHDRAW)
    with (
        pytest.raises(UseRefused, match="never_asked"),
        use(kit, [Use("ship_parcel", ROBOT, ())]),
    ):
        raise AssertionError("it opened")


def test_several_people_by_name_are_shown_and_nobody_else(
    shop: LensedShop, looks: Watched, kit: LensKit
) -> None:
    shop.here.give(shop.people["bo"], "ship_parcel")
    both = (shop.people["an"], shop.people["bo"])
    with use(kit, [Use("ship_parcel", ROBOT, both)]) as connection:
        names = connection.execute(text("SELECT name FROM customer ORDER BY 1")).scalars().all()
    assert names == ["an", "bo"]
    assert seen_of(looks, shop.people["cy"]) == []


def test_one_of_several_people_who_says_no_closes_it_for_all(
    shop: LensedShop, looks: Watched, kit: LensKit
) -> None:
    both = (shop.people["an"], shop.people["bo"])
    with (
        pytest.raises(UseRefused, match="never_asked"),
        use(kit, [Use("ship_parcel", ROBOT, both)]),
    ):
        raise AssertionError("it opened")


def test_purposes_used_together_leave_a_look_each_and_need_all_of_them(
    shop: LensedShop, looks: Watched, kit: LensKit
) -> None:
    an = shop.people["an"]
    together = [Use(p, ROBOT, (an,)) for p in ("ship_parcel", "send_news")]
    with use(kit, together) as connection:
        assert connection.execute(text("SELECT name FROM customer")).scalars().all() == ["an"]
    both = [("send_news", False, SYSTEM), ("ship_parcel", False, SYSTEM)]
    assert sorted(seen_of(looks, an)) == both
    shop.here.say(an, "send_news", Answer.WITHDRAW)
    with pytest.raises(UseRefused, match="withdrawn"), use(kit, together):
        raise AssertionError("it opened")


@pytest.mark.promise("S-36", "S-50")
@pytest.mark.control("purpose_lens")
def test_purposes_that_are_not_declared_together_have_no_lens(
    shop: LensedShop, looks: Watched, kit: LensKit
) -> None:
    an = shop.people["an"]
    alone = LensesInForce(frozenset({"ship_parcel", "send_news"}), lose, SHOWS, STORE)
    apart = replace(kit, lenses=lambda _: alone)
    uses = [Use(p, ROBOT, (an,)) for p in ("ship_parcel", "send_news")]
    with pytest.raises(UnknownName, match="together"), use(apart, uses):
        raise AssertionError("it opened")
    assert seen_of(looks, an) == []


def test_a_write_says_how_it_ended(shop: LensedShop, looks: Watched, kit: LensKit) -> None:
    an = shop.people["an"]
    with use(kit, [Use("ship_parcel", ROBOT, (an,), writes=True)]) as connection:
        connection.execute(text("UPDATE orders SET note = 'changed'"))
    (stored,) = looks.kit.book.looks(an, LookFilter(roles=(SYSTEM,)))
    assert (stored.look.outcome, stored.ending) == (Outcome.WRITE, Ending.DONE)


def test_an_exception_after_a_read_undoes_the_writes_and_keeps_the_look(
    shop: LensedShop, looks: Watched, kit: LensKit
) -> None:
    an = shop.people["an"]
    before = shop.everything()

    def change_and_fail() -> None:
        with use(kit, [Use("ship_parcel", ROBOT, (an,), writes=True)]) as connection:
            connection.execute(text("UPDATE orders SET note = 'changed'"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    assert shop.everything() == before
    assert seen_of(looks, an) == [("ship_parcel", False, SYSTEM)]
    (stored,) = looks.kit.book.looks(an, LookFilter(roles=(SYSTEM,)))
    assert (stored.look.outcome, stored.ending) == (Outcome.WRITE, Ending.UNDONE)


@pytest.mark.promise("S-57")
@pytest.mark.control("looks_recorded")
def test_a_look_that_cannot_be_stored_opens_nothing(
    shop: LensedShop, looks: Watched, kit: LensKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(LookBook, "record", full)
    with (
        pytest.raises(StoreUnavailable),
        use(kit, [Use("ship_parcel", ROBOT, (shop.people["an"],))]),
    ):
        raise AssertionError("it opened")
