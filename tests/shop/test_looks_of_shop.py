"""Every use leaves a look that names who, for what and about whom; ordinary pages leave none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.databases import TestDatabase
from tests.shop.conftest import PASSWORD, TO_HOME, Shop, stored
from tests.shop.test_courier import Twin, packed
from tests.shop.test_vouchers import allowed, store
from troth import Answer, StoreUnavailable
from troth.store.look_tables import looks_url
from troth_shop import (
    accounts,
    courier,
    fields,
    gate,
    my_data,
    order_view,
    orders,
    payments,
    queries,
    sessions,
    staff,
    support,
    tables,
)
from troth_shop.errors import NotFound, NotPermitted, RoleRefused
from troth_shop.payments import Reference
from troth_shop.staff import Role


@dataclass(frozen=True)
class Looked:
    """One look as it is stored."""

    role: str
    purpose: str
    people: frozenset[str]
    case: str
    outcome: str


def looks(shop: Shop) -> dict[str, Looked]:
    """Every look of the deployment by its id."""
    place = shop.database
    where = TestDatabase(place.kind, looks_url(place.owner_url), "", place.folder)
    batches: dict[str, set[str]] = {}
    for row in stored(where, "troth_look_person"):
        batches.setdefault(row["look_id"], set()).add(row["pii_principal_id"])
    return {
        row["look_id"]: Looked(
            row["actor_role"],
            row["purpose_id"],
            frozenset(batches.get(row["look_id"]) or {row["pii_principal_id"]}),
            row["case_id"],
            row["outcome"],
        )
        for row in stored(where, "troth_look")
    }


def taken_by(shop: Shop, do: object, *args: object) -> list[Looked]:
    """The looks that one call leaves, by purpose and role."""
    before = looks(shop)
    do(*args)  # type: ignore[operator]
    left = [look for look_id, look in looks(shop).items() if look_id not in before]
    return sorted(left, key=lambda look: (look.purpose, look.role))


def awaiting(shop: Shop) -> orders.Order:
    person = shop.person()
    placed = shop.order(person, delivery="our_delivery", **TO_HOME)
    payments.give_reference(shop.t, person, placed.order_id, Reference("20261122ABCD"))
    return placed


# --- who, for what, about whom ----------------------------------------------------------------


def test_a_person_who_reads_their_order_leaves_one_look_for_each_purpose_of_the_page(
    shop: Shop,
) -> None:
    placed = awaiting(shop)
    left = taken_by(shop, order_view.order_view, shop.t, placed.person, placed.order_id)
    assert {look.purpose for look in left} == set(gate.ORDERING)
    assert len(left) == len(gate.ORDERING)
    assert {(look.role, look.people, look.outcome) for look in left} == {
        ("self", frozenset({placed.person}), "read")
    }


def test_asking_who_is_logged_in_leaves_no_look(shop: Shop) -> None:
    person = shop.person()
    _, token = sessions.start_session(shop.t, person)
    assert taken_by(shop, sessions.find_session, shop.t, token) == []
    assert taken_by(shop, sessions.find_session, shop.t, "unknown") == []
    shop.move(3600)
    seen = taken_by(shop, sessions.find_session, shop.t, token)
    assert seen == [Looked("self", "secure_account", frozenset({person}), "", "write")]
    assert taken_by(shop, sessions.find_session, shop.t, token) == []


def test_a_wrong_password_shows_nothing_and_leaves_no_look(shop: Shop) -> None:
    phone = accounts.account(shop.t, shop.person()).phone

    def try_to_log_in() -> None:
        with pytest.raises(accounts.LogInRefused):
            accounts.log_in(shop.t, accounts.LogIn(phone, "not the password"))

    assert taken_by(shop, try_to_log_in) == []
    assert accounts.log_in(shop.t, accounts.LogIn(phone, PASSWORD)).person


def test_a_list_that_was_never_opened_is_no_attempt(shop: Shop) -> None:
    person = shop.person()

    def open_lists() -> None:
        for read in (orders.orders, support.cases):
            with pytest.raises(NotPermitted):
                read(shop.t, person)

    assert taken_by(shop, open_lists) == []


@pytest.mark.promise("S-57")
def test_the_look_at_a_queue_names_exactly_the_people_whose_rows_are_shown(shop: Shop) -> None:
    shown = [awaiting(shop) for _ in range(3)]
    ended = awaiting(shop)
    shop.say(ended.person, "take_payment", Answer.END_ACT)
    shop.order(shop.person())  # waits for nobody
    cashier = shop.staff(Role.CASHIER)
    rows: list[staff.CheckRow] = []
    left = taken_by(shop, lambda: rows.extend(staff.to_check(shop.t, cashier)))
    assert {row.order_id for row in rows} == {placed.order_id for placed in shown}
    people = frozenset(placed.person for placed in shown)
    assert left == [Looked("cashier", "take_payment", people, "queue:checks", "read")]


def test_the_packer_looks_only_at_people_with_something_to_pack(shop: Shop) -> None:
    unpaid = awaiting(shop)
    cash = shop.order(shop.person(), pay_by="on_receipt")
    packer = shop.staff(Role.PACKER)
    left = taken_by(shop, staff.to_pack, shop.t, packer)
    assert [look.people for look in left] == [frozenset({cash.person})]
    assert unpaid.person not in left[0].people


@pytest.mark.promise("S-57")
@pytest.mark.control("looks_recorded")
def test_an_agent_looks_only_at_cases_that_are_theirs_or_nobodys(shop: Shop) -> None:
    people = [shop.person(), shop.person()]
    made = [
        support.open_case(
            shop.t,
            person,
            support.NewCase(fields.new_key(), "subject", "message", device=False),
            shop.token(person, *support.SUPPORT_PURPOSES),
        )
        for person in people
    ]
    first, second = shop.staff(Role.SUPPORT), shop.staff(Role.SUPPORT)
    staff.reply(shop.t, first, made[0].case_id, support.NewMessage(fields.new_key(), "answer"))
    left = taken_by(shop, staff.cases_to_answer, shop.t, second)
    assert [(look.people, look.case) for look in left] == [(frozenset({people[1]}), "queue:cases")]
    own = taken_by(shop, staff.staff_case, shop.t, first, made[0].case_id)
    assert own == [
        Looked("support", "answer_support", frozenset({people[0]}), made[0].case_id, "read")
    ]


def test_a_queue_is_looked_at_in_parts_that_one_look_may_name(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = [awaiting(shop) for _ in range(3)]
    monkeypatch.setattr(gate, "MOST_PEOPLE", 2)
    rows: list[staff.CheckRow] = []
    cashier = shop.staff(Role.CASHIER)
    left = taken_by(shop, lambda: rows.extend(staff.to_check(shop.t, cashier)))
    assert sorted(len(look.people) for look in left) == [1, 2]
    assert {row.order_id for row in rows} == {placed.order_id for placed in shown}


def test_a_use_of_nobody_is_not_one_of_everybody(shop: Shop) -> None:
    awaiting(shop)
    cashier = shop.staff(Role.CASHIER)
    before = looks(shop)
    with (
        pytest.raises(ValueError, match="without people"),
        gate.use_of_many(shop.t, (), "take_payment", actor=cashier.actor, case="queue:checks"),
    ):
        pytest.fail("it opened")
    with pytest.raises(NotPermitted), gate.use(shop.t, "", "take_payment", actor=cashier.actor):
        pytest.fail("it opened")
    assert looks(shop) == before


@pytest.mark.promise("S-57")
@pytest.mark.control("staff_role_page")
def test_a_role_that_may_not_look_is_refused_and_the_attempt_is_recorded(shop: Shop) -> None:
    placed = awaiting(shop)

    def try_it() -> None:
        with pytest.raises(RoleRefused):
            staff.to_check_one(shop.t, shop.staff(Role.PACKER), placed.order_id)

    left = taken_by(shop, try_it)
    assert left == [
        Looked("packer", "take_payment", frozenset({placed.person}), placed.order_id, "refused")
    ]


def test_an_order_that_is_not_there_is_looked_at_by_nobody(shop: Shop) -> None:
    cashier = shop.staff(Role.CASHIER)

    def try_it() -> None:
        for order_id in ("0" * 32, "", "' OR 1=1 --", "\0"):
            with pytest.raises(NotFound):
                staff.to_check_one(shop.t, cashier, order_id)

    assert taken_by(shop, try_it) == []


def test_approving_is_a_write_for_the_order(shop: Shop) -> None:
    placed, cashier = awaiting(shop), shop.staff(Role.CASHIER)
    left = taken_by(shop, staff.approve_payment, shop.t, cashier, placed.order_id)
    person = frozenset({placed.person})
    assert left == [Looked("cashier", "take_payment", person, placed.order_id, "write")]


def test_a_voucher_is_opened_for_both_purposes_and_its_order(shop: Shop) -> None:
    person, order_id = allowed(shop)
    row = store(shop, person, order_id)
    cashier = shop.staff(Role.CASHIER)
    left = taken_by(shop, staff.staff_voucher, shop.t, shop.vouchers, cashier, row.voucher_id)
    assert {look.purpose for look in left} == set(gate.CHECKING)
    assert {(look.role, look.people, look.case) for look in left} == {
        ("cashier", frozenset({person}), order_id)
    }


def test_the_courier_round_looks_as_a_system_and_not_at_who_withdrew(shop: Shop) -> None:
    order = packed(shop)
    left = taken_by(shop, courier.hand_over, shop.t, Twin())
    assert {look.role for look in left} == {"system"}
    assert {look.people for look in left} == {frozenset({order.person})}
    assert {look.purpose for look in left} == set(gate.HANDING_OVER)
    other = packed(shop)
    shop.say(other.person, "share_with_courier", Answer.WITHDRAW)
    left = taken_by(shop, courier.hand_over, shop.t, Twin())
    assert {(look.purpose, look.outcome) for look in left} == {("deliver_order", "write")}
    assert taken_by(shop, courier.hand_over, shop.t, Twin()) == []


def test_delivery_that_was_ended_is_not_touched_again_and_again(shop: Shop) -> None:
    order, twin = packed(shop), Twin()
    shop.say(order.person, "deliver_order", Answer.END_ACT)
    assert taken_by(shop, courier.hand_over, shop.t, twin) == []
    assert twin.taken == []


def test_handing_out_again_records_a_payment_that_a_crash_left_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, packer = shop.person(), shop.staff(Role.PACKER)
    placed = shop.order(person, pay_by="on_receipt")
    staff.pack(shop.t, packer, placed.order_id)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(queries, "set_paid", dies)
        with pytest.raises(KeyboardInterrupt):
            staff.hand_out(shop.t, packer, placed.order_id)
    assert payments.payment_of(shop.t, person, placed.order_id).paid_at is None
    shop.move(60)
    left = taken_by(shop, staff.hand_out, shop.t, packer, placed.order_id)
    assert [(look.role, look.purpose) for look in left] == [
        ("packer", "deliver_order"),
        ("system", "take_payment"),
    ]
    paid_at = payments.payment_of(shop.t, person, placed.order_id).paid_at
    assert paid_at == shop.t.now()
    shop.move(60)
    staff.hand_out(shop.t, packer, placed.order_id)
    assert payments.payment_of(shop.t, person, placed.order_id).paid_at == paid_at


def test_my_data_is_read_in_one_use_of_each_group(shop: Shop) -> None:
    placed = awaiting(shop)
    left = taken_by(shop, my_data.my_data, shop.t, placed.person)
    assert sorted(look.purpose for look in left) == sorted((*gate.REGISTERING, *gate.ORDERING))


# --- a page of an order of which one purpose is closed -----------------------------------------


@pytest.mark.parametrize(
    ("purpose", "part"), [("take_payment", "payment"), ("deliver_order", "delivery")]
)
def test_an_order_page_names_what_it_withholds_and_shows_the_rest(
    shop: Shop, purpose: str, part: str
) -> None:
    placed = awaiting(shop)
    whole = order_view.order_view(shop.t, placed.person, placed.order_id)
    assert whole.withheld == ()
    assert whole.payment is not None
    assert whole.recipient is not None
    shop.say(placed.person, purpose, Answer.END_ACT)
    found = order_view.order_view(shop.t, placed.person, placed.order_id)
    (withheld,) = found.withheld
    assert (withheld.name, withheld.purpose) == (part, purpose)
    assert not withheld.decision
    assert found.order == whole.order
    assert (found.payment is None) == (part == "payment")
    assert (found.recipient is None) == (part == "delivery")


def test_an_order_can_be_cancelled_when_its_delivery_was_ended(shop: Shop) -> None:
    placed = awaiting(shop)
    shop.say(placed.person, "deliver_order", Answer.END_ACT)
    cancelled = orders.cancel_order(shop.t, placed.person, placed.order_id)
    assert cancelled.state is orders.OrderState.REFUND_DUE


def test_an_order_that_was_cancelled_while_its_delivery_was_ended_is_not_sent_later(
    shop: Shop,
) -> None:
    order, twin = packed(shop), Twin()
    shop.say(order.person, "deliver_order", Answer.END_ACT)
    orders.cancel_order(shop.t, order.person, order.order_id)
    shop.order(order.person)  # opens delivery again
    assert courier.hand_over(shop.t, twin).sent == 0
    assert twin.taken == []


# --- a closed account ---------------------------------------------------------------------------


def test_a_wrong_password_does_not_tell_that_an_account_is_closed(shop: Shop) -> None:
    person = shop.person()
    phone = accounts.account(shop.t, person).phone
    shop.say(person, "secure_account", Answer.END_ACT)
    with pytest.raises(accounts.LogInRefused):
        accounts.log_in(shop.t, accounts.LogIn(phone, "not the password"))
    with pytest.raises(NotPermitted):
        accounts.log_in(shop.t, accounts.LogIn(phone, PASSWORD))


# --- what is stored -----------------------------------------------------------------------------

SAID = "茶叶罐在路上瘪了 canary"


@pytest.mark.promise("S-13", "S-50")
@pytest.mark.control("sealed_columns")
def test_who_holds_the_files_of_the_database_reads_no_sealed_word(
    shop: Shop, tmp_path: Path
) -> None:
    person = shop.person()
    phone = accounts.account(shop.t, person).phone
    placed = shop.order(person, delivery="our_delivery", **TO_HOME)
    reference = "20261122QWERTZ"
    payments.give_reference(shop.t, person, placed.order_id, Reference(reference))
    case = support.NewCase(fields.new_key(), "subject 茶叶罐", SAID, device=False)
    support.open_case(shop.t, person, case, shop.token(person, *support.SUPPORT_PURPOSES))
    words = (phone, *TO_HOME.values(), reference, SAID, "茶叶罐")
    if shop.database.kind == "sqlite":
        held = b"".join(path.read_bytes() for path in shop.database.folder.iterdir())
        held += b"".join(p.read_bytes() for p in shop.folder.rglob("*") if p.is_file())
    else:
        names = [table.name for table in tables.metadata.sorted_tables]
        held = repr([shop.stored(name) for name in names]).encode()
    assert placed.order_id.encode() in held
    for word in words:
        assert word.encode() not in held
        assert word.encode("utf-16-le") not in held


@pytest.mark.control("purpose_lens")
def test_ordinary_connections_see_no_customer(shop: Shop) -> None:
    awaiting(shop)
    for table in ("shop_customer", "shop_order", "shop_delivery", "shop_session", "shop_case"):
        for name in (table, f"{table}__rows", f"troth_base.{table}"):
            with (
                pytest.raises((DBAPIError, StoreUnavailable)),
                shop.t.reading() as c,
            ):
                c.execute(text(f"SELECT * FROM {name}"))
