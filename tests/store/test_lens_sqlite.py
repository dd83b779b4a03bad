"""Lenses on SQLite at work: reading, writing, the ORM, pools, deadlines, withdrawal, renaming."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ForeignKey, MetaData, Table, delete, insert, inspect, select, text, update
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    joinedload,
    mapped_column,
    relationship,
    selectinload,
)

from tests.databases import Template
from tests.lens_sqlite import BOTH, CALL, INSTALLED, NEWS, SHIP, LensedShop, lensed_shop, table
from troth.core.consent import Answer
from troth.core.errors import InputError, StoreUnavailable, UnknownName, UnsafeStore
from troth.core.lens import Lens
from troth.core.sealing import PREFIX
from troth.store import lens_sqlite as module
from troth.store import lens_sqlite_ddl as said
from troth.store.lens_sqlite import SqliteLenses
from troth.store.lens_sqlite_tables import install, installed, uninstall


@pytest.fixture
def shop(migrated_template: Template, tmp_path: Path) -> Iterator[LensedShop]:
    with (
        migrated_template.copy(None, tmp_path / "database") as database,
        lensed_shop(database) as made,
    ):
        yield made


# --- plain SQL and SQLAlchemy Core ----------------------------------------------------------------


def test_a_block_reads_and_writes_what_is_granted_and_commits_at_its_end(shop: LensedShop) -> None:
    with shop.use("an") as block:
        c = block.connection
        c.execute(text("UPDATE customer SET phone = '7' WHERE id = 'c-an'"))
        c.execute(text("INSERT INTO orders (id, customer_id, note) VALUES ('n', 'c-an', 'new')"))
        found = c.execute(
            text("SELECT c.phone, o.note FROM customer c JOIN orders o ON o.customer_id = c.id")
        ).fetchall()
        assert sorted(map(tuple, found)) == [("7", "new"), ("7", "note an 0"), ("7", "note an 1")]
    assert shop.base("SELECT phone, name, email, level FROM customer__rows WHERE id = 'c-an'") == [
        ("7", "an", "an@x", 0)
    ]
    assert shop.base("SELECT customer_id, note, fen FROM orders__rows WHERE id = 'n'") == [
        ("c-an", "new", None)
    ]
    with shop.use() as block:
        block.dbapi.execute("DELETE FROM orders WHERE id = ?", ("n",))
    assert shop.base("SELECT 1 FROM orders__rows WHERE id = 'n'") == []


def test_an_error_in_the_block_undoes_it(shop: LensedShop) -> None:
    before = shop.everything()
    for through in ("dbapi", "connection"):
        with pytest.raises(ZeroDivisionError), shop.use("an") as block:  # noqa: PT012
            if through == "dbapi":
                block.dbapi.execute("UPDATE customer SET phone = 'x'")
            else:
                block.connection.execute(text("UPDATE customer SET phone = 'x'"))
            raise ZeroDivisionError
    assert shop.everything() == before


def test_a_column_that_is_only_written_keeps_what_it_had(shop: LensedShop) -> None:
    with shop.use("an") as block:
        block.dbapi.execute("UPDATE customer SET phone = '8', name = 'Ann'")
    kept = shop.base("SELECT email FROM customer__rows WHERE id = 'c-an'")
    assert kept == [("an@x",)]
    with shop.use("an") as block:
        block.dbapi.execute("UPDATE customer SET email = 'new@x'")
    assert shop.base("SELECT email, phone, name FROM customer__rows WHERE id = 'c-an'") == [
        ("new@x", "8", "Ann")
    ]


def test_rows_of_a_new_person_s_table_take_the_person_of_the_block(shop: LensedShop) -> None:
    wish = table("wish", "id what", insert=("id", "what"))
    lens = Lens(SHIP.purposes, (wish,))
    database = shop.here.troth.kit.database
    lenses = SqliteLenses(database, {"ship_parcel": lens})
    an = shop.people["an"]
    with lenses.use("ship_parcel", people=[an]) as block:
        block.dbapi.execute("INSERT INTO wish VALUES ('w', 'tea')")
        assert block.dbapi.execute("SELECT * FROM wish").fetchall() == [("w", "tea")]
    assert shop.base("SELECT * FROM wish__rows") == [("w", an, "tea")]
    with (
        lenses.use("ship_parcel", people=None) as block,
        pytest.raises(sqlite3.IntegrityError, match=said.NOT_YOURS),
    ):
        block.dbapi.execute("INSERT INTO wish VALUES ('v', 'tea')")
    lenses.close()


@pytest.mark.promise("S-13", "S-50")
@pytest.mark.control("sealed_columns")
def test_sealed_columns_are_marked_with_their_person_and_written_only_sealed(
    shop: LensedShop,
) -> None:
    seen = SHIP.tables[0]
    sealed = table(
        "customer",
        "id pii_principal_id phone name",
        insert=seen.insert,
        update=seen.update,
        sealed=("phone",),
    )
    stored = PREFIX + "c-an"
    lenses = SqliteLenses(
        shop.here.troth.kit.database, {"ship_parcel": Lens(SHIP.purposes, (sealed,))}
    )
    an = shop.people["an"]
    for people in ([an], None):
        shop.base("UPDATE customer__rows SET phone = ?", stored)
        with lenses.use("ship_parcel", people=people) as block:
            found = block.dbapi.execute("SELECT phone FROM customer WHERE id = 'c-an'").fetchall()
            assert found == [(f"{block.mark}customer.phone:{an}:{stored}",)]
            block.dbapi.execute("UPDATE customer SET name = 'Ann' WHERE id = 'c-an'")
            for value in ("open", found[0][0]):
                with pytest.raises(sqlite3.IntegrityError, match=said.IN_THE_OPEN):
                    block.dbapi.execute("UPDATE customer SET phone = ?", (value,))
            block.dbapi.execute(
                "UPDATE customer SET phone = ? WHERE id = 'c-an'", (PREFIX + "new",)
            )
    assert shop.base("SELECT phone, name FROM customer__rows WHERE id = 'c-an'") == [
        (PREFIX + "new", "Ann")
    ]
    lenses.close()


def test_an_unknown_lens_is_refused_before_a_connection(shop: LensedShop) -> None:
    for name in ("stare_at_people", "ship_parcel+send_news", "check_proof+ship_parcel", ""):
        with pytest.raises(UnknownName), shop.use("an", name):
            pytest.fail("a block was given")
    with pytest.raises(InputError, match="own name"):
        SqliteLenses(shop.here.troth.kit.database, {"send_news": SHIP})


# --- several purposes, several people -------------------------------------------------------------


def test_a_joint_lens_does_the_work_of_its_purposes_in_one_transaction(shop: LensedShop) -> None:
    an = shop.people["an"]
    with shop.use("an", BOTH.name, writes=True) as block:
        c = block.connection
        c.execute(text("INSERT INTO orders (id, customer_id, note) VALUES ('n', 'c-an', 'new')"))
        c.execute(text("INSERT INTO wish (id, what) VALUES ('w', 'tea')"))
        c.execute(text("UPDATE customer SET email = 'new@x'"))
        joined = "SELECT c.phone, c.email, w.what FROM customer c JOIN wish w ON w.id = 'w'"
        assert [tuple(row) for row in c.execute(text(joined))] == [("1390", "new@x", "tea")]
    assert shop.base("SELECT pii_principal_id, what FROM wish__rows") == [(an, "tea")]
    assert shop.base("SELECT customer_id FROM orders__rows WHERE id = 'n'") == [("c-an",)]
    before = shop.everything()
    with pytest.raises(ZeroDivisionError), shop.use("an", BOTH.name, writes=True) as block:  # noqa: PT012
        block.dbapi.execute("INSERT INTO wish (id, what) VALUES ('v', 'tea')")
        block.dbapi.execute("DELETE FROM orders WHERE id = 'n'")
        raise ZeroDivisionError
    assert shop.everything() == before


def test_a_joint_lens_shows_whoever_permits_every_purpose_of_it(shop: LensedShop) -> None:
    def seen(who: str | list[str] | None) -> list[Any]:
        with shop.use(who, BOTH.name) as block:
            return block.dbapi.execute("SELECT name FROM customer ORDER BY 1").fetchall()

    both = ["an", "cy"]
    assert (seen(None), seen("an"), seen("cy"), seen(both)) == ([("an",)], [("an",)], [], [("an",)])
    shop.here.give(shop.people["cy"], "send_news")
    assert (seen(None), seen("cy")) == ([("an",), ("cy",)], [("cy",)])
    for purpose in ("send_news", "ship_parcel"):
        shop.here.say(shop.people["an"], purpose, Answer.WITHDRAW)
        assert (seen(None), seen("an"), seen(both)) == ([("cy",)], [], [("cy",)])
        shop.here.give(shop.people["an"], purpose)
    shop.here.troth.set_person(shop.people["an"], restricted=True)
    assert (seen(None), seen("an")) == ([("cy",)], [])


def test_several_people_by_name_are_shown_and_nobody_else(shop: LensedShop) -> None:
    shop.here.give(shop.people["bo"], "ship_parcel")
    for who in (["an", "bo"], ["bo", "an", "bo"], ["cy", "bo"], ["cy"], ["an", "bo", "cy"]):
        with shop.use(who) as block:
            found = block.dbapi.execute(
                "SELECT c.name, o.note, l.what FROM customer c JOIN orders o "
                "ON o.customer_id = c.id JOIN line l ON l.order_id = o.id ORDER BY 1, 2"
            ).fetchall()
            names = sorted(set(who))
            assert found == [(n, f"note {n} {o}", f"tea {n}") for n in names for o in range(2)]
            block.dbapi.execute("UPDATE orders SET note = note || '!'")
            block.dbapi.rollback()
    many = [*shop.people.values(), *(f"nobody{n}" for n in range(3000))]
    with shop.lenses.use("ship_parcel", people=many) as block:
        count = "SELECT count(*) FROM customer"
        assert block.dbapi.execute(count).fetchall() == [(3,)]


def test_a_row_takes_its_person_from_the_block_only_where_that_is_one(shop: LensedShop) -> None:
    shop.here.give(shop.people["cy"], "send_news")
    with (
        shop.use(["an", "cy"], BOTH.name) as block,
        pytest.raises(sqlite3.IntegrityError, match=said.NOT_YOURS),
    ):
        block.dbapi.execute("INSERT INTO wish (id, what) VALUES ('w', 'tea')")
    with shop.use(["cy"], BOTH.name) as block:
        block.dbapi.execute("INSERT INTO wish (id, what) VALUES ('w', 'tea')")
    assert shop.base("SELECT pii_principal_id FROM wish__rows") == [(shop.people["cy"],)]


# --- columns that are cleared ---------------------------------------------------------------------


def test_a_column_that_a_purpose_only_clears_is_set_to_nothing_and_never_to_a_value(
    shop: LensedShop,
) -> None:
    for who in (None, "an", ["an", "cy"]):
        with shop.use(who, CALL.name) as block:
            run = block.dbapi.execute
            assert run("SELECT phone FROM customer WHERE id = 'c-an'").fetchall() == [(None,)]
            for value in ("'x'", "''", "0", "name", "coalesce(phone, 1)"):
                with pytest.raises(sqlite3.IntegrityError, match=said.ONLY_CLEARED):
                    run(f"UPDATE customer SET phone = {value} WHERE id = 'c-an'")
            run("UPDATE customer SET name = 'Ann' WHERE id = 'c-an'")
            # What it clears and also sees is not in the way of its other changes.
            run("UPDATE orders SET note = 'seen' WHERE id = 'o-an-1'")
            with pytest.raises(sqlite3.IntegrityError, match=said.ONLY_CLEARED):
                run("UPDATE orders SET note = 'x', fen = 0 WHERE id = 'o-an-1'")
    kept = "SELECT name, phone FROM customer__rows ORDER BY 1"
    assert shop.base(kept) == [("Ann", "1390"), ("bo", "1391"), ("cy", "1392")]
    assert shop.base("SELECT note, fen FROM orders__rows WHERE id = 'o-an-1'") == [("seen", 100)]
    with shop.use("an", CALL.name) as block:
        block.dbapi.execute("UPDATE customer SET phone = NULL, name = 'an'")
        block.dbapi.execute("UPDATE orders SET fen = NULL WHERE id = 'o-an-1'")
    assert shop.base(kept) == [("an", None), ("bo", "1391"), ("cy", "1392")]
    assert shop.base("SELECT note, fen FROM orders__rows WHERE id = 'o-an-1'") == [("seen", None)]


# --- the write lock -------------------------------------------------------------------------------


def write_elsewhere(shop: LensedShop) -> None:
    with closing(sqlite3.connect(shop.here.database.file, timeout=0)) as other:
        other.execute("UPDATE wish__rows SET what = what")
        other.commit()


def test_a_block_that_will_write_reads_first_and_still_writes(shop: LensedShop) -> None:
    with shop.use("an", writes=True) as block:
        write_elsewhere(shop)  # nothing is held before the first statement
        block.dbapi.execute("SELECT note FROM orders").fetchall()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            write_elsewhere(shop)
        block.dbapi.execute("UPDATE orders SET note = 'x'")
        block.dbapi.commit()
        write_elsewhere(shop)
        block.connection.execute(text("SELECT note FROM orders")).fetchall()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            write_elsewhere(shop)
    write_elsewhere(shop)


def test_a_block_that_reads_keeps_nobody_from_writing_and_cannot_write_over_it(
    shop: LensedShop,
) -> None:
    with shop.use("an") as block:
        block.dbapi.execute("SELECT note FROM orders").fetchall()
        shop.base("UPDATE wish__rows SET what = 'x'")
        shop.base("INSERT INTO wish__rows VALUES ('w', NULL, 'x')")
        with pytest.raises(StoreUnavailable):
            block.dbapi.execute("UPDATE orders SET note = 'x'")
    with shop.use("an") as block:
        block.dbapi.execute("UPDATE orders SET note = 'x'")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            write_elsewhere(shop)


def test_a_block_waits_for_the_write_lock_no_longer_than_it_may_last(shop: LensedShop) -> None:
    with closing(sqlite3.connect(shop.here.database.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        lenses = SqliteLenses(shop.here.troth.kit.database, {SHIP.name: SHIP}, block_seconds=0.3)
        an = [shop.people["an"]]
        with pytest.raises(StoreUnavailable), lenses.use(SHIP.name, people=an, writes=True) as b:
            b.dbapi.execute("SELECT 1")
        with lenses.use(SHIP.name, people=an) as block:
            assert block.dbapi.execute("SELECT name FROM customer").fetchall() == [("an",)]
        lenses.close()


def test_the_look_is_recorded_before_anything_is_handed_out(shop: LensedShop) -> None:
    said_so: list[str] = []
    an = shop.people["an"]
    with shop.lenses.use("ship_parcel", people=[an], record=lambda: said_so.append("look")):
        assert said_so == ["look"]

    def fails() -> None:
        raise StoreUnavailable("no look, no lens")

    with (
        pytest.raises(StoreUnavailable, match="no look"),
        shop.lenses.use("ship_parcel", people=[an], record=fails),
    ):
        pytest.fail("a block was given without a look")


# --- the ORM --------------------------------------------------------------------------------------


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[str] = mapped_column(primary_key=True)
    pii_principal_id: Mapped[str]
    name: Mapped[str]
    phone: Mapped[str | None]
    orders: Mapped[list["Order"]] = relationship(back_populates="customer")


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"))
    note: Mapped[str | None]
    customer: Mapped[Customer] = relationship(back_populates="orders")


class FullCustomer(DeclarativeBase):
    pass


class Whole(FullCustomer):
    __tablename__ = "customer"
    id: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[int]


class Counted(FullCustomer):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[str]


@pytest.mark.parametrize("load", [joinedload, selectinload, None])
def test_the_orm_selects_joins_and_loads(shop: LensedShop, load: Any) -> None:
    with shop.use() as block, Session(bind=block.connection) as session:
        query = select(Customer).order_by(Customer.name)
        if load is not None:
            query = query.options(load(Customer.orders))
        found = session.scalars(query).unique().all()
        assert [c.name for c in found] == ["an", "cy"]
        assert [sorted(o.note or "" for o in c.orders) for c in found] == [
            ["note an 0", "note an 1"],
            ["note cy 0", "note cy 1"],
        ]
        joined = select(Customer.name, Order.id).join(Order.customer).where(Order.id == "o-bo-0")
        assert session.execute(joined).all() == []
        assert session.get(Customer, "c-bo") is None
        assert session.get_one(Order, "o-an-0").customer.name == "an"


def test_the_orm_inserts_updates_and_deletes_with_keys_of_the_application(
    shop: LensedShop,
) -> None:
    an = shop.people["an"]
    with shop.use("an") as block, Session(bind=block.connection) as session:
        customer = session.get_one(Customer, "c-an")
        customer.phone = "777"
        customer.orders.append(Order(id="o-new", note="by the ORM"))
        session.add_all([Order(id=f"m-{n}", customer_id="c-an") for n in range(3)])
        session.flush()
        with session.begin_nested():
            session.execute(update(Order).where(Order.id.like("m-%")).values(note="bulk"))
        session.execute(delete(Order).where(Order.id == "m-2"))
        session.commit()
    found = shop.base("SELECT id, note FROM orders__rows WHERE customer_id = 'c-an' ORDER BY id")
    assert found == [
        ("m-0", "bulk"),
        ("m-1", "bulk"),
        ("o-an-0", "note an 0"),
        ("o-an-1", "note an 1"),
        ("o-new", "by the ORM"),
    ]
    assert shop.base("SELECT phone FROM customer__rows WHERE pii_principal_id = ?", an) == [
        ("777",)
    ]


def test_what_the_orm_cannot_have_is_refused_with_the_reason(shop: LensedShop) -> None:
    with shop.use("an") as block:
        with Session(bind=block.connection) as session:
            session.add(Counted(customer_id="c-an"))
            with pytest.raises(Exception, match="key is made by the application"):
                session.flush()
        with (
            Session(bind=block.connection) as session,
            pytest.raises(Exception, match=r"no such column: customer\.level"),
        ):
            session.get(Whole, "c-an")
        orders = Table("orders", MetaData(), *[c._copy() for c in Order.__table__.columns])
        with pytest.raises(Exception, match="RETURNING is refused"):
            block.connection.execute(
                insert(orders).values(id="r", customer_id="c-an").returning(orders.c.id)
            )
        with pytest.raises(Exception, match="a lens runs no PRAGMA"):
            inspect(block.connection).get_columns("customer")


# --- cursors, deadlines, threads, pools -----------------------------------------------------------


def test_a_cursor_left_half_read_undoes_the_block_and_is_closed(shop: LensedShop) -> None:
    before = shop.everything()
    kept: list[Any] = []
    with pytest.raises(InputError, match="1 cursor"), shop.use() as block:  # noqa: PT012
        block.dbapi.execute("UPDATE customer SET phone = 'x'")
        kept.append(block.dbapi.execute("SELECT id FROM customer"))
        assert kept[0].fetchone() is not None
    with pytest.raises((InputError, sqlite3.ProgrammingError)):
        kept[0].fetchone()
    assert shop.everything() == before
    with shop.use() as block:
        kept.append(block.dbapi.execute("SELECT id FROM customer WHERE id = 'c-an'"))
        assert kept[1].fetchone() == ("c-an",)  # the only row: nothing is left of it


def test_a_connection_is_dead_after_its_block(shop: LensedShop) -> None:
    with shop.use("an") as block:
        cursor = block.dbapi.cursor()
    for attempt in (
        lambda: block.dbapi.execute("SELECT 1"),
        lambda: cursor.execute("SELECT 1"),
        block.dbapi.cursor,
        block.dbapi.commit,
        lambda: block.connection.execute(text("SELECT 1")),
    ):
        with pytest.raises(Exception, match=r"over|closed"):
            attempt()


def test_a_statement_and_an_idle_block_end_at_the_deadline_and_are_undone(
    shop: LensedShop,
) -> None:
    before = shop.everything()
    many = " ".join(f"CROSS JOIN line l{n}" for n in range(14))
    with pytest.raises(StoreUnavailable, match="long"), shop.use(seconds=0.3) as block:  # noqa: PT012
        block.dbapi.execute("UPDATE customer SET phone = 'x'")
        block.dbapi.execute(f"SELECT count(*) FROM line l {many}").fetchall()
    with pytest.raises(StoreUnavailable, match="long"), shop.use(seconds=0.3) as block:  # noqa: PT012
        block.dbapi.execute("UPDATE customer SET phone = 'x'")
        time.sleep(1)
        # The keeper has let go of the write lock, before anybody asked.
        shop.base("UPDATE wish__rows SET what = what")
        block.dbapi.execute("SELECT 1")
    assert shop.everything() == before


def test_a_block_belongs_to_one_thread(shop: LensedShop) -> None:
    refusals: list[BaseException] = []
    with shop.use("an") as block:

        def elsewhere() -> None:
            try:
                block.dbapi.execute("SELECT 1")
            except InputError as error:
                refusals.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert len(refusals) == 1


def test_nested_and_concurrent_uses_see_each_its_own(shop: LensedShop) -> None:
    with shop.use("an") as outer, shop.use("cy") as inner, shop.use("an", "send_news") as news:
        assert outer.dbapi.execute("SELECT name FROM customer").fetchall() == [("an",)]
        assert inner.dbapi.execute("SELECT name FROM customer").fetchall() == [("cy",)]
        assert news.dbapi.execute("SELECT email FROM customer").fetchall() == [("an@x",)]
    wrong: list[Any] = []

    def work(name: str) -> None:
        for _ in range(25):
            with shop.use(name) as block:
                block.dbapi.execute("UPDATE orders SET note = note || '.'")
                found = block.connection.execute(text("SELECT name FROM customer")).fetchall()
            if [tuple(row) for row in found] != [(name,)]:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("an", "cy") * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    dots = shop.base("SELECT sum(length(note) - length(replace(note, '.', ''))) FROM orders__rows")
    assert dots == [(2 * 6 * 25,)]


def test_a_pool_keeps_purposes_apart_and_gives_connections_on_clean(shop: LensedShop) -> None:
    with shop.use("an") as block:
        block.dbapi.row_factory = lambda _, row: ["seen", *row]
        block.dbapi.execute("BEGIN")
        block.dbapi.execute("SAVEPOINT left_open")
    shop.lenses.settle()
    pools = shop.lenses._clean
    assert not any(pools[key] for key in pools if key != ("ship_parcel", True))
    (lensed,) = pools["ship_parcel", True]
    assert not lensed.raw.in_transaction
    with shop.use("cy") as block:
        assert block.dbapi.execute("SELECT name FROM customer").fetchall() == [("cy",)]
    shop.lenses.settle()
    assert list(pools["ship_parcel", True]) == [lensed]
    for purpose in ("ship_parcel", "send_news"):
        with shop.use(None, purpose) as block:
            assert block.dbapi.execute("SELECT id FROM customer").fetchall()


# --- withdrawal -----------------------------------------------------------------------------------

OTHER_PROCESS = """
import sys
from tests.lens_sqlite import SHIP
from troth.store.db import Database
from troth.store.lens_sqlite import SqliteLenses
lenses = SqliteLenses(Database(sys.argv[1]), {"ship_parcel": SHIP})
for line in sys.stdin:
    with lenses.use("ship_parcel", people=[line.strip()] if line.strip() else None) as block:
        print(len(block.dbapi.execute("SELECT id FROM customer").fetchall()), flush=True)
"""


def test_no_lens_opened_after_a_withdrawal_sees_the_person_in_any_process(
    shop: LensedShop,
) -> None:
    an = shop.people["an"]
    command = [sys.executable, "-c", OTHER_PROCESS, shop.here.database.app_url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:

        def rows_there(person: str) -> int:
            assert other.stdin is not None
            assert other.stdout is not None
            other.stdin.write(person + "\n")
            other.stdin.flush()
            return int(other.stdout.readline())

        def rows_here(name: str | None) -> int:
            with shop.use(name) as block:
                return len(block.dbapi.execute("SELECT id FROM customer").fetchall())

        for _ in range(5):
            assert (rows_there(an), rows_there(""), rows_here("an"), rows_here(None)) == (
                (1, 2, 1, 2)
            )
            shop.here.say(an, "ship_parcel", Answer.WITHDRAW)
            assert (rows_there(an), rows_there(""), rows_here("an"), rows_here(None)) == (
                (0, 1, 0, 1)
            )
            shop.here.give(an, "ship_parcel")
        shop.here.troth.set_person(an, restricted=True)
        assert (rows_there(an), rows_here("an")) == (0, 0)
        assert other.stdin is not None
        other.stdin.close()


def test_a_block_that_is_open_keeps_what_it_saw_until_its_end(shop: LensedShop) -> None:
    with shop.use("an") as block:
        assert block.dbapi.execute("SELECT name FROM customer").fetchall() == [("an",)]
        shop.here.say(shop.people["an"], "ship_parcel", Answer.WITHDRAW)
        assert block.dbapi.execute("SELECT name FROM customer").fetchall() == [("an",)]
    with shop.use("an") as block:
        assert block.dbapi.execute("SELECT name FROM customer").fetchall() == []


# --- renaming -------------------------------------------------------------------------------------


def test_renaming_keeps_rows_keys_indexes_and_can_be_undone_and_repeated(shop: LensedShop) -> None:
    url = shop.here.database.owner_url
    assert install(url, INSTALLED) == []
    catalogue = "SELECT type, name, tbl_name FROM sqlite_master WHERE tbl_name LIKE '%\\_\\_rows' "
    assert len(shop.base(catalogue + "ESCAPE '\\' AND type = 'index' AND sql IS NOT NULL")) == 2
    assert shop.base("PRAGMA foreign_key_list(orders__rows)")[0][2] == "customer__rows"
    assert shop.base("PRAGMA foreign_key_check") == []
    before = shop.everything()
    assert uninstall(url, INSTALLED) == [f"{name}__rows" for name in INSTALLED]
    assert uninstall(url, INSTALLED) == []
    assert shop.base("PRAGMA foreign_key_list(orders)")[0][2] == "customer"
    lenses = SqliteLenses(shop.here.troth.kit.database, {"send_news": NEWS})
    with (
        pytest.raises(UnsafeStore, match="not behind a lens"),
        lenses.use("send_news", people=None),
    ):
        pytest.fail("a lens over a table that everybody can read")
    assert install(url, INSTALLED) == list(INSTALLED)
    assert shop.everything() == before
    lenses.close()


def test_what_is_in_place_is_seen_to_be_without_waiting_for_whoever_writes(
    shop: LensedShop,
) -> None:
    url = shop.here.database.owner_url
    with closing(sqlite3.connect(shop.here.database.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE customer__rows SET level = 7")
        start = time.perf_counter()
        assert install(url, INSTALLED) == []
        assert time.perf_counter() - start < 1  # a second try for the lock would take five
        with pytest.raises(UnsafeStore, match="no table nothing"):
            install(url, ["nothing"])
        other.execute("ROLLBACK")
    assert installed(url) == list(INSTALLED)
    assert len(uninstall(url, INSTALLED)) == len(INSTALLED)
    assert installed(url) == []
    assert uninstall(url, installed(url)) == []


def test_two_processes_that_install_at_once_rename_every_table_once(shop: LensedShop) -> None:
    url = shop.here.database.owner_url
    uninstall(url, INSTALLED)
    done: list[list[str]] = []
    threads = [threading.Thread(target=lambda: done.append(install(url, INSTALLED))) for _ in "123"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 3
    assert sorted(name for names in done for name in names) == sorted(INSTALLED)


def test_a_table_made_anew_beside_its_renamed_one_is_refused(shop: LensedShop) -> None:
    with closing(sqlite3.connect(shop.here.database.file)) as plain:
        plain.execute("CREATE TABLE customer (id TEXT)")
    with pytest.raises(UnsafeStore, match="both there"):
        install(shop.here.database.owner_url, INSTALLED)
    with pytest.raises(UnsafeStore, match="stands beside"), shop.use("an"):
        pytest.fail("a lens over one of two tables")
    with pytest.raises(UnsafeStore, match="no table nothing"):
        install(shop.here.database.owner_url, ["nothing"])


def test_a_renaming_that_fails_renames_nothing(shop: LensedShop) -> None:
    url = shop.here.database.owner_url
    uninstall(url, INSTALLED)
    with pytest.raises(UnsafeStore):
        install(url, [*INSTALLED, "nothing"])
    assert uninstall(url, INSTALLED) == []


def test_a_pool_keeps_only_so_many_connections(
    shop: LensedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_KEPT", 2)
    lensed = [shop.lenses.take("ship_parcel", scoped=False) for _ in range(4)]
    for one in lensed:
        shop.lenses._give_back("ship_parcel", one, None)
    shop.lenses.settle()
    assert len(shop.lenses._clean["ship_parcel", False]) == 2
