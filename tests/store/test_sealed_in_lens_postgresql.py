"""A lens on PostgreSQL that grants sealed columns opens them for its rows; whatever SQL is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import Column, MetaData, String, Table, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, StatementError

from tests.builders import NOW
from tests.lens_postgresql import ACCOUNT, DELIVER, NEWS, TO_CUSTOMER, Host, host, table
from tests.servers import PostgresServer
from troth.adapters.clock import SetClock
from troth.adapters.person_keys import FilePersonKeys
from troth.core.errors import InputError, KeyDestroyed, SealBroken
from troth.core.lens import Lens
from troth.core.policy import PurposeId
from troth.core.sealing import SealedPlace, is_sealed
from troth.store.lens_postgresql_pool import LensedBlock, LensPools
from troth.store.sealed_type import SealedText, SealedUse

pytestmark = pytest.mark.postgresql

PLACES = {
    "customer.phone": SealedPlace("shop", "customer", "phone"),
    "orders.item": SealedPlace("shop", "orders", "item"),
}
_ITEM: Any = {"sealed": ("item",), "hops": TO_CUSTOMER}
LENSES = (
    Lens(
        (PurposeId(DELIVER),),
        (
            table("customer", "customer_id person_id phone street", update="street",
                  sealed=("phone",)),
            table("orders", "order_id item", **_ITEM),
        ),
    ),
    Lens(
        (PurposeId(ACCOUNT),),
        (
            table("customer", "customer_id phone street note", sealed=("phone",),
                  insert="customer_id phone street", update="phone street", may_delete=True),
            table("orders", "order_id customer_id item", insert="order_id customer_id item",
                  update="item", **_ITEM),
        ),
    ),
    Lens(
        (PurposeId(NEWS),),
        (
            table("customer", "customer_id person_id street", update="street phone",
                  sealed=("phone",)),
        ),
    ),
)  # fmt: skip
CUSTOMER = Table(
    "customer",
    MetaData(),
    Column("customer_id", String, primary_key=True),
    Column("phone", SealedText("customer.phone")),
    Column("street", String),
)


class SealedHost:
    def __init__(self, here: Host, keys: FilePersonKeys) -> None:
        self.here, self.keys = here, keys
        here.owner.execute("ALTER TABLE troth_base.customer ALTER phone DROP NOT NULL")
        for name in ("ada", "bob", "eve"):
            use = SealedUse(keys, PLACES, person=f"p-{name}")
            for column, value in (("customer.phone", f"139-{name}"), ("orders.item", "tea")):
                self.store(column, f"{column[0]}-{name}", use.sealed(column, value))
        here.install(*LENSES)
        self.pools: LensPools = here.pools()

    def store(self, column: str, key: str, value: str | None) -> None:
        name, _, of = column.partition(".")
        self.here.owner.execute(
            f"UPDATE troth_base.{name} SET {of} = %s "
            f"WHERE {name.removesuffix('s')}_id = %s".encode(),
            (value, key),
        )

    def stored(self, customer: str) -> Any:
        return self.here.owner.execute(
            "SELECT phone, street FROM troth_base.customer WHERE customer_id = %s", (customer,)
        ).fetchone()

    @contextmanager
    def use(self, lens: str = DELIVER, *people: str) -> Iterator[LensedBlock]:
        with self.pools.use(lens, people=people or None, record=self.here.record) as block:
            person = people[0] if len(people) == 1 else None
            SealedUse(self.keys, PLACES, mark=block.mark, person=person).attach(block.connection)
            yield block


@pytest.fixture
def here(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[SealedHost]:
    folder = tmp_path / "lens"
    folder.mkdir()
    with (
        host(postgres_server, folder) as made,
        closing(FilePersonKeys(tmp_path / "keys", SetClock(NOW))) as keys,
    ):
        yield SealedHost(made, keys)


def seen(block: LensedBlock, sql: str = "SELECT customer_id, phone FROM customer") -> Any:
    return {row[0]: row[1] for row in block.connection.execute(text(sql))}


class _Undo(Exception):
    pass


def test_a_granted_sealed_column_opens_for_permitted_people_only(here: SealedHost) -> None:
    for people, shown in (
        ((), {"c-ada": "139-ada", "c-bob": "139-bob"}),
        (("p-ada",), {"c-ada": "139-ada"}),
        (("p-bob", "p-ada", "p-eve"), {"c-ada": "139-ada", "c-bob": "139-bob"}),
        (("p-eve",), {}),
    ):
        with here.use(DELIVER, *people) as block:
            assert seen(block) == shown
            assert dict(block.dbapi.execute("SELECT customer_id, phone FROM customer")) == shown
            orders = seen(block, "SELECT order_id, item FROM orders")
            assert orders == {key.replace("c-", "o-"): "tea" for key in shown}
            changed = block.dbapi.execute("UPDATE customer SET street = street")
            assert changed.rowcount == len(shown)
            core = block.connection.execute(select(CUSTOMER.c.phone)).scalars()
            assert sorted(core) == sorted(shown.values())


def test_a_function_sees_what_is_stored_and_a_piece_does_not_open(here: SealedHost) -> None:
    with here.use(DELIVER, "p-ada") as block:
        ((opened, spoilt),) = block.dbapi.execute("SELECT phone, upper(phone) FROM customer")
        assert opened == "139-ada"
        assert opened not in spoilt
        with pytest.raises(SealBroken):
            block.dbapi.execute("SELECT substr(phone, 1, 70) FROM customer").fetchall()


def test_the_mark_lies_with_the_roles_and_stays_the_same(here: SealedHost) -> None:
    with here.use() as block:
        mark = block.mark
        assert mark.startswith("troth:")
    here.here.install(*LENSES, renew=True)
    with here.here.pools().use(DELIVER, people=None, record=here.here.record) as block:
        assert block.mark == mark
        ((raw,),) = block.dbapi.execute("SELECT phone FROM customer WHERE customer_id = 'c-ada'")
        assert raw.startswith(mark)  # nobody attached what opens it


def test_a_value_that_was_moved_to_another_row_does_not_open(here: SealedHost) -> None:
    bobs = here.stored("c-bob")[0]
    here.here.owner.execute("UPDATE troth_base.customer SET phone = NULL")
    here.store("customer.phone", "c-ada", bobs)
    for people in ((), ("p-ada",), ("p-ada", "p-bob")):
        with here.use(DELIVER, *people) as block, pytest.raises(SealBroken):
            seen(block)


def test_a_destroyed_key_closes_the_row_and_no_other(here: SealedHost) -> None:
    here.keys.destroy_key("p-ada")
    with here.use(DELIVER, "p-ada") as block, pytest.raises(KeyDestroyed):
        seen(block)
    with here.use(DELIVER, "p-bob") as block:
        assert seen(block) == {"c-bob": "139-bob"}


def test_a_person_of_another_use_does_not_open(here: SealedHost) -> None:
    with here.use(DELIVER, "p-ada", "p-bob") as block:
        use = SealedUse(here.keys, PLACES, mark=block.mark, person="p-bob")
        use.attach(block.connection)
        with pytest.raises(SealBroken):
            seen(block)


# --- writing -------------------------------------------------------------------------------------


def test_core_writes_what_is_sealed_and_returning_opens_it(here: SealedHost) -> None:
    with here.use(ACCOUNT, "p-ada") as block:
        change = update(CUSTOMER).values(phone="138-new").returning(CUSTOMER.c.phone)
        assert block.connection.execute(change).scalars().all() == ["138-new"]
        assert seen(block) == {"c-ada": "138-new"}
    assert is_sealed(here.stored("c-ada")[0])
    with here.use(DELIVER, "p-ada") as block:
        assert seen(block) == {"c-ada": "138-new"}


def test_a_row_with_a_sealed_column_is_added_for_the_person_of_the_block(here: SealedHost) -> None:
    here.here.permit("p-new", ACCOUNT)
    with here.use(ACCOUNT, "p-new") as block:
        new = insert(CUSTOMER).values(customer_id="c-new", phone="137", street="Elm 9")
        given = block.connection.execute(new.returning(CUSTOMER.c.phone, CUSTOMER.c.street))
        assert given.fetchall() == [("137", "Elm 9")]
        assert seen(block) == {"c-new": "137"}
    assert is_sealed(here.stored("c-new")[0])
    with here.use(ACCOUNT, "p-new") as block:
        assert block.connection.execute(delete(CUSTOMER)).rowcount == 1


def test_text_sql_writes_what_the_use_sealed(here: SealedHost) -> None:
    with here.pools.use(ACCOUNT, people=["p-ada"], record=here.here.record) as block:
        use = SealedUse(here.keys, PLACES, mark=block.mark, person="p-ada")
        use.attach(block.connection)
        block.dbapi.execute("UPDATE customer SET phone = %s", (use.sealed("customer.phone", "1"),))
        block.dbapi.execute(
            "INSERT INTO orders VALUES ('o-9', 'c-ada', %s)", (use.sealed("orders.item", "rice"),)
        )
        assert seen(block) == {"c-ada": "1"}
        assert seen(block, "SELECT order_id, item FROM orders") == {"o-9": "rice", "o-ada": "tea"}
        raise_nothing = block.dbapi.execute("UPDATE customer SET phone = NULL RETURNING phone")
        assert raise_nothing.fetchall() == [(None,)]


def test_columns_that_the_statement_does_not_name_stay_as_they_are(here: SealedHost) -> None:
    before = here.stored("c-ada")[0]
    with here.use(ACCOUNT, "p-ada") as block:
        changed = block.dbapi.execute("UPDATE customer SET street = 'Elm 9' RETURNING phone")
        assert changed.fetchall() == [("139-ada",)]
        block.dbapi.execute("UPDATE customer SET phone = phone, street = street")
    assert here.stored("c-ada") == (before, "Elm 9")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE customer SET phone = '13811112222'",
        "UPDATE customer SET phone = 'x' || phone",
        "UPDATE customer SET phone = substr(phone, 2)",
        "UPDATE customer SET phone = street",
        "UPDATE customer SET phone = ''",
        "UPDATE orders SET item = 'rice'",
        "INSERT INTO orders VALUES ('o-9', 'c-ada', 'rice')",
        "INSERT INTO customer VALUES ('c-9', '13811112222', 's')",
    ],
)
def test_writing_in_the_open_is_refused_by_the_database(here: SealedHost, statement: str) -> None:
    with (
        pytest.raises((errors.InsufficientPrivilege, errors.UniqueViolation), match=r"sealed|lens"),
        here.use(ACCOUNT, "p-ada") as block,
    ):
        block.dbapi.execute(statement)


def test_a_purpose_that_writes_and_does_not_read_seals_without_seeing(here: SealedHost) -> None:
    use = SealedUse(here.keys, PLACES, person="p-eve")
    before = here.stored("c-eve")[0]
    with here.use(NEWS, "p-eve") as block:
        run = block.dbapi.execute
        run("UPDATE customer SET street = 'Elm 9'")
        block.dbapi.commit()
        assert here.stored("c-eve") == (before, "Elm 9")
        for given in ("139-eve", before[1:], "13811112222"):
            with pytest.raises(errors.InsufficientPrivilege):
                run("UPDATE customer SET phone = %s", (given,))
            block.dbapi.rollback()
        with pytest.raises(errors.InsufficientPrivilege):
            run("UPDATE customer SET street = phone")
        block.dbapi.rollback()
        run("UPDATE customer SET phone = %s", (use.sealed("customer.phone", "136"),))
    with here.use(ACCOUNT, "p-eve") as block:
        assert seen(block) == {"c-eve": "136"}


def test_without_a_use_of_sealing_nothing_is_written_and_nothing_opens(here: SealedHost) -> None:
    with here.use(ACCOUNT, "p-ada"):
        pass  # the same connection comes back
    with here.pools.use(ACCOUNT, people=["p-ada"], record=here.here.record) as block:
        (value,) = seen(block).values()
        assert "139-ada" not in value
        with pytest.raises((StatementError, DBAPIError, psycopg.Error)):
            block.connection.execute(update(CUSTOMER).values(phone="138"))
        block.connection.rollback()


def test_a_copied_ciphertext_is_not_opened_for_somebody_else(here: SealedHost) -> None:
    """Hostile SQL may store what it sees elsewhere; there it does not open."""
    with here.use(ACCOUNT, "p-ada") as block:
        block.dbapi.execute(
            "UPDATE orders SET item = (SELECT substr(phone, strpos(phone, 's1.')) FROM customer)"
        )
        with pytest.raises(SealBroken):
            seen(block, "SELECT order_id, item FROM orders")


def test_a_sealed_column_that_is_no_text_is_refused(here: SealedHost) -> None:
    here.here.owner.execute("ALTER TABLE troth_base.customer ADD age integer")
    lens = Lens((PurposeId("p"),), (table("customer", "customer_id age", sealed=("age",)),))
    with pytest.raises(InputError, match="text"):
        here.here.install(*LENSES, lens)


def test_a_marked_text_that_somebody_typed_is_not_taken_for_a_value(here: SealedHost) -> None:
    with suppress(_Undo), here.use(ACCOUNT, "p-ada") as block:
        block.dbapi.execute(
            "UPDATE customer SET street = (SELECT replace(phone, 'customer.phone', 'orders.item') "
            "FROM customer)"
        )
        with pytest.raises(SealBroken):
            block.dbapi.execute("SELECT street FROM customer").fetchall()
        raise _Undo
