"""Blocks of several people, joint lenses, columns that are only cleared, and locked rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg import errors
from sqlalchemy.exc import DBAPIError

from tests.lens_postgresql import (
    ACCOUNT,
    DELIVER,
    LENSES,
    NEWS,
    TO_CUSTOMER,
    Host,
    host,
    table,
)
from tests.servers import PostgresServer
from troth.core.errors import InputError
from troth.core.lens import Lens, name_of
from troth.core.policy import PurposeId

pytestmark = pytest.mark.postgresql

JOINT = Lens(
    (PurposeId(NEWS), PurposeId(DELIVER)),
    (
        table("customer", "customer_id person_id phone street", update="street"),
        table("orders", "order_id customer_id item", insert="order_id customer_id item",
              update="item", hops=TO_CUSTOMER),
    ),
)  # fmt: skip
CASES = Lens(
    (PurposeId("close_case"),),
    (
        table(
            "cases",
            "case_id person_id state",
            update="state device opened",
            clears=("device", "opened"),
        ),
    ),
)
MOVES = Lens(
    (PurposeId("move_case"),),
    (
        table("cases", "case_id person_id state", update="state person_id device",
              clears=("device",)),
    ),
)  # fmt: skip
CASE_TABLE = (
    "CREATE TABLE cases (case_id text PRIMARY KEY, person_id text NOT NULL, "
    "state text NOT NULL DEFAULT 'open', device text DEFAULT 'none', opened timestamptz, "
    "weight json DEFAULT '{}');"
    "INSERT INTO cases VALUES ('d-ada', 'p-ada', 'open', 'serial-of-ada', now()), "
    "('d-bob', 'p-bob', 'open', 'serial-of-bob', now()), "
    "('d-eve', 'p-eve', 'open', 'serial-of-eve', now());"
    "INSERT INTO troth_purpose_rule VALUES ('close_case', 1, 0), ('move_case', 1, 0)"
)


@pytest.fixture(scope="module")
def here(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    with host(postgres_server, tmp_path_factory.mktemp("lens")) as made:
        made.owner.execute(CASE_TABLE.encode())
        made.install(*LENSES, JOINT, CASES, MOVES)
        for person in ("p-ada", "p-bob"):
            made.permit(person, NEWS)
            made.permit(person, "close_case")
            made.permit(person, "move_case")
        yield made


class _Undo(Exception):
    pass


def people_in(block: Any, name: str = "customer") -> list[str]:
    rows = block.dbapi.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall()
    return [row[0].partition("-")[2] for row in rows]


# --- several people ------------------------------------------------------------------------------


def test_a_block_of_several_people_shows_their_rows_and_no_others(here: Host) -> None:
    for number in range(8):
        here.owner.execute(
            "INSERT INTO troth_base.customer VALUES (%s, %s, %s, 's') ON CONFLICT DO NOTHING",
            (f"c-x{number}", f"p-x{number}", f"f-x{number}"),
        )
        here.permit(f"p-x{number}", ACCOUNT)
    try:
        with here.use(ACCOUNT, ["p-x3", "p-bob", "p-x5", "p-nobody", "p-x3"]) as block:
            assert people_in(block) == ["bob", "x3", "x5"]
            assert people_in(block, "orders") == ["bob"]
            everybody = "SELECT * FROM troth_lens_keep_account_all.customer"
            assert block.dbapi.execute(everybody).fetchall() == []
    finally:
        here.owner.execute("DELETE FROM troth_base.customer WHERE customer_id LIKE 'c-x%'")


def test_who_withdrew_is_not_among_several_and_one_who_withdraws_leaves_the_block(
    here: Host,
) -> None:
    with here.use(DELIVER, ["p-ada", "p-bob", "p-eve"]) as block:
        assert people_in(block) == ["ada", "bob"]
        assert people_in(block, "parcel") == ["ada", "bob"]
        here.withdraw("p-bob", DELIVER)
        try:
            assert people_in(block) == ["ada"]
            assert people_in(block, "parcel") == ["ada"]
        finally:
            here.permit("p-bob", DELIVER)


def test_a_block_of_several_people_writes_their_rows_only(here: Host) -> None:
    with suppress(_Undo), here.use(ACCOUNT, ["p-ada", "p-bob"]) as block:
        run = block.dbapi.execute
        assert run("UPDATE customer SET note = 'seen'").rowcount == 2
        assert run("UPDATE customer SET note = 'seen' WHERE customer_id = 'c-eve'").rowcount == 0
        assert run("INSERT INTO orders VALUES ('o-9', 'c-bob', 'x')").rowcount == 1
        raise _Undo
    with pytest.raises(psycopg.Error), here.use(ACCOUNT, ["p-ada", "p-bob"]) as block:
        block.dbapi.execute("INSERT INTO orders VALUES ('o-9', 'c-eve', 'x')")


def test_the_people_of_a_block_cannot_be_forged(here: Host) -> None:
    for statement in (
        "UPDATE public.troth_lens_scope SET people = '{p-eve}'",
        "SELECT troth_base.scope()",
        "SELECT people FROM public.troth_lens_scope",
        "SELECT set_config('role', 'troth_owner', false)",
    ):
        with (
            pytest.raises((errors.InsufficientPrivilege, errors.UndefinedFunction)),
            here.use(ACCOUNT, ["p-ada", "p-bob"]) as block,
        ):
            block.dbapi.execute(statement)


def test_the_next_block_has_its_own_people(here: Host) -> None:
    pools = here.pools(size=1)
    for people, shown in (
        (["p-ada", "p-bob"], ["ada", "bob"]),
        (["p-bob"], ["bob"]),
        (["p-eve", "p-ada"], ["ada", "eve"]),
    ):
        with here.use(ACCOUNT, people, pools) as block:
            assert people_in(block) == shown


@pytest.mark.parametrize("people", [[], [""], "", ["p-ada", None]])
def test_a_block_of_nobody_is_refused(here: Host, people: Any) -> None:
    with (
        pytest.raises(InputError),
        here.pools().use(DELIVER, people=people, record=here.record),
    ):
        pytest.fail("a block was opened")


def test_an_insert_takes_the_person_of_a_block_of_one(here: Host) -> None:
    new = "INSERT INTO customer (customer_id, phone, street) VALUES ('c-n', 'f', 's') RETURNING 1"
    with suppress(_Undo), here.use(ACCOUNT, "p-ada") as block:
        with pytest.raises(errors.UniqueViolation):  # one row for each person here: it was ada's
            block.dbapi.execute(new)
        raise _Undo
    here.permit("p-new", ACCOUNT)
    with suppress(_Undo), here.use(ACCOUNT, "p-new") as block:
        block.dbapi.execute(new)
        seen = block.dbapi.execute("SELECT person_id FROM customer").fetchall()
        assert seen == [("p-new",)]
        raise _Undo
    for people in (["p-new", "p-ada"], None):
        with pytest.raises(errors.InsufficientPrivilege), here.use(ACCOUNT, people) as block:
            block.dbapi.execute(new)


def test_a_block_may_last_for_a_time_of_its_own(here: Host) -> None:
    pools = here.pools(size=1)
    for seconds, shown in ((None, "30s"), (90.0, "90s"), (None, "30s")):
        with pools.use(DELIVER, people=["p-ada"], record=here.record, seconds=seconds) as block:
            assert block.dbapi.execute("SHOW statement_timeout").fetchone() == (shown,)
            block.dbapi.rollback()
            assert block.dbapi.execute("SHOW statement_timeout").fetchone() == (shown,)
    with (
        pytest.raises((psycopg.Error, DBAPIError)),
        pools.use(DELIVER, people=["p-ada"], record=here.record, seconds=0.3) as block,
    ):
        block.dbapi.execute("SELECT pg_sleep(5)")


# --- joint lenses --------------------------------------------------------------------------------


def test_a_joint_lens_shows_those_for_whom_every_purpose_stands(here: Host) -> None:
    name = name_of((DELIVER, NEWS))
    assert name == JOINT.name
    with here.use(name, ["p-ada", "p-bob", "p-eve"]) as block:  # eve stands for the news only
        assert people_in(block) == ["ada", "bob"]
    with here.use(name) as block:
        assert people_in(block) == ["ada", "bob"]
        assert people_in(block, "orders") == ["ada", "bob"]


@pytest.mark.parametrize("purpose", [DELIVER, NEWS])
@pytest.mark.parametrize("people", [["p-ada"], ["p-ada", "p-eve"], None])
def test_a_joint_lens_with_one_purpose_withdrawn_shows_and_writes_nothing(
    here: Host, purpose: str, people: list[str] | None
) -> None:
    with suppress(_Undo), here.use(JOINT.name, people) as block:
        run = block.dbapi.execute
        assert "ada" in people_in(block)
        here.withdraw("p-ada", purpose)
        try:
            for name in ("customer", "orders"):
                assert "ada" not in people_in(block, name)
            assert run("UPDATE customer SET street = 'x' WHERE customer_id = 'c-ada'").rowcount == 0
            with pytest.raises(errors.InsufficientPrivilege):
                run("INSERT INTO orders VALUES ('o-j', 'c-ada', 'x')")
        finally:
            here.permit("p-ada", purpose)
        raise _Undo


def test_a_joint_lens_is_no_way_into_the_lens_of_one_of_its_purposes(here: Host) -> None:
    for own, other in ((JOINT.name, DELIVER), (JOINT.name, NEWS), (DELIVER, JOINT.name)):
        for reach in ("some", "all"):
            with (
                pytest.raises(errors.InsufficientPrivilege),
                here.use(own, ["p-ada"]) as block,
            ):
                block.dbapi.execute(f'SELECT * FROM "troth_lens_{other}_{reach}".customer')


# --- columns that are only cleared ---------------------------------------------------------------


def device_of(here: Host, case: str) -> Any:
    return here.owner.execute(
        "SELECT state, device, opened IS NULL FROM troth_base.cases WHERE case_id = %s", (case,)
    ).fetchone()


def test_a_case_is_closed_and_the_device_goes_with_it(here: Host) -> None:
    with suppress(_Undo), here.use("close_case", "p-ada") as block:
        run = block.dbapi.execute
        changed = run("UPDATE cases SET state = 'seen'")  # what is not named stays
        assert changed.rowcount == 1
        with pytest.raises(_Undo), here.owner.transaction():
            raise _Undo
        run("UPDATE cases SET state = 'closed', device = NULL, opened = NULL RETURNING state")
        block.dbapi.commit()
    assert device_of(here, "d-ada") == ("closed", None, True)
    assert device_of(here, "d-bob") == ("open", "serial-of-bob", False)


def test_an_update_that_does_not_name_the_column_keeps_it(here: Host) -> None:
    with here.use("close_case", "p-bob") as block:
        assert block.dbapi.execute("UPDATE cases SET state = 'open'").rowcount == 1
    assert device_of(here, "d-bob") == ("open", "serial-of-bob", False)


@pytest.mark.parametrize(
    "value",
    ["'x'", "'serial-of-bob'", "DEFAULT || 'x'", "state", "(SELECT 'x')", "''"],
)
def test_a_column_that_is_only_cleared_takes_no_value_not_even_its_own(
    here: Host, value: str
) -> None:
    """Whether what is given is what is stored must not show: it could be guessed."""
    with pytest.raises(psycopg.Error) as error, here.use("close_case", "p-bob") as block:
        block.dbapi.execute(f"UPDATE cases SET device = {value}")
    assert "serial" not in str(error.value)
    assert device_of(here, "d-bob")[1] == "serial-of-bob"


def test_the_sign_of_what_is_kept_changes_nothing(here: Host) -> None:
    with here.use("close_case", "p-bob") as block:
        block.dbapi.execute("UPDATE cases SET device = 'troth: kept', opened = '-infinity'")
    assert device_of(here, "d-bob") == ("open", "serial-of-bob", False)


def test_a_column_that_is_only_cleared_is_not_read_in_any_way(here: Host) -> None:
    for statement in (
        "SELECT device FROM cases",
        "SELECT * FROM cases",
        "SELECT count(*) FROM cases WHERE device = 'serial-of-bob'",
        "SELECT case_id FROM cases ORDER BY device",
        "UPDATE cases SET state = device",
        "UPDATE cases SET state = 'x' WHERE device IS NULL",
        "UPDATE cases SET device = NULL RETURNING device",
        "SELECT to_json(c) FROM cases c",
    ):
        with (
            pytest.raises(errors.InsufficientPrivilege),
            here.use("close_case", "p-bob") as block,
        ):
            block.dbapi.execute(statement)


def test_rows_of_others_are_not_cleared(here: Host) -> None:
    with suppress(_Undo), here.use("close_case", "p-bob") as block:
        assert block.dbapi.execute("UPDATE cases SET device = NULL").rowcount == 1
        raise _Undo
    assert device_of(here, "d-eve") == ("open", "serial-of-eve", False)


def test_a_row_is_not_moved_to_somebody_outside_the_block(here: Host) -> None:
    move = "UPDATE cases SET person_id = %s WHERE case_id = 'd-bob' RETURNING person_id"
    with suppress(_Undo), here.use("move_case", ["p-bob", "p-ada"]) as block:
        assert block.dbapi.execute(move, ("p-ada",)).fetchall() == [("p-ada",)]
        raise _Undo
    for people, whom in ((["p-bob"], "p-ada"), (None, "p-eve"), (["p-bob", "p-eve"], "p-eve")):
        with (
            pytest.raises(errors.InsufficientPrivilege, match="lens"),
            here.use("move_case", people) as block,
        ):
            block.dbapi.execute(move, (whom,))


@pytest.mark.parametrize(
    "given",
    [
        {"update": "state", "clears": ("device",)},
        {"update": "state device", "clears": ("state", "device")},
        {"update": "weight", "clears": ("weight",), "person": "nobody"},
    ],
)
def test_what_cannot_be_only_cleared_is_refused(here: Host, given: Any) -> None:
    lens = Lens((PurposeId("p"),), (table("cases", "case_id person_id state", **given),))
    with pytest.raises(InputError):
        here.install(*LENSES, JOINT, CASES, MOVES, lens)


def test_two_that_change_a_row_at_once_do_not_undo_each_other(here: Host) -> None:
    """The trigger judged the row as it was; who would write over another's change is refused."""
    pools, told = here.pools(size=2), []

    def close() -> None:
        try:
            with here.use("close_case", "p-bob", pools) as late:
                late.dbapi.execute("UPDATE cases SET state = 'late' WHERE state = 'open'")
        except psycopg.Error as error:
            told.append(error)

    with here.use("close_case", "p-bob", pools) as block:
        block.dbapi.execute("UPDATE cases SET state = 'mine' WHERE state = 'open'")
        other = threading.Thread(target=close)
        other.start()
        other.join(0.5)
        assert other.is_alive()  # it waits for us
    other.join(10)
    assert isinstance(told[0], errors.SerializationFailure)
    assert device_of(here, "d-bob")[0] == "mine"
    with here.use("close_case", "p-bob") as block:
        block.dbapi.execute("SELECT * FROM (SELECT case_id FROM cases FOR UPDATE) locked")
        block.dbapi.execute("UPDATE cases SET state = 'open'")


# --- rows that are locked ------------------------------------------------------------------------


@pytest.mark.parametrize(("lens", "name"), [(DELIVER, "parcel"), (ACCOUNT, "customer")])
def test_a_row_is_locked_through_a_lens_that_may_update_it(
    here: Host, lens: str, name: str
) -> None:
    pools = here.pools(size=3)
    lock = f"SELECT * FROM {name} FOR UPDATE"
    with here.use(lens, "p-ada", pools) as first:
        assert len(first.dbapi.execute(lock).fetchall()) == 1
        with here.use(lens, ["p-ada", "p-bob"], pools) as second:
            left = second.dbapi.execute(f"{lock} SKIP LOCKED").fetchall()
            assert [row[0].partition("-")[2] for row in left] == ["bob"]
        with (
            pytest.raises(errors.LockNotAvailable),
            here.use(lens, "p-ada", pools) as third,
        ):
            third.dbapi.execute(f"{lock} NOWAIT")
    with here.use(lens, "p-ada", pools) as after:
        assert len(after.dbapi.execute(f"{lock} SKIP LOCKED").fetchall()) == 1


NEXT = (
    "SELECT locked.parcel_id FROM (SELECT parcel_id FROM parcel WHERE weight > 0 "
    "ORDER BY weight) next CROSS JOIN LATERAL (SELECT * FROM parcel p "
    "WHERE p.parcel_id = next.parcel_id FOR UPDATE SKIP LOCKED) locked LIMIT 1"
)


def test_two_who_take_the_next_of_a_queue_take_different_ones(here: Host) -> None:
    pools = here.pools(size=3)
    people = ["p-ada", "p-bob"]
    with (
        here.use(DELIVER, people, pools) as one,
        here.use(DELIVER, people, pools) as two,
        here.use(DELIVER, people, pools) as three,
    ):
        assert one.dbapi.execute(NEXT).fetchall() == [("k-ada",)]
        assert two.dbapi.execute(NEXT).fetchall() == [("k-bob",)]
        assert three.dbapi.execute(NEXT).fetchall() == []


def test_residue_a_limit_outside_a_lock_locks_what_the_lens_shows(here: Host) -> None:
    """PostgreSQL locks the rows of a view before it sorts and limits them: nest as above."""
    pools = here.pools(size=2)
    pick = "SELECT parcel_id FROM parcel ORDER BY weight LIMIT 1 FOR UPDATE SKIP LOCKED"
    with (
        here.use(DELIVER, ["p-ada", "p-bob"], pools) as one,
        here.use(DELIVER, ["p-ada", "p-bob"], pools) as two,
    ):
        assert one.dbapi.execute(pick).fetchall() == [("k-ada",)]
        assert two.dbapi.execute(pick).fetchall() == []


def test_a_table_that_is_only_read_cannot_be_locked(here: Host) -> None:
    with pytest.raises(errors.InsufficientPrivilege), here.use(NEWS, "p-ada") as block:
        block.dbapi.execute("SELECT * FROM customer FOR UPDATE SKIP LOCKED")
