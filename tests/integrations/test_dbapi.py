"""A plain connection of a purpose: text SQL, sealed columns, and no door of the driver."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.teahouse import PACKER, Tea
from troth import InputError, UseRefused
from troth.integrations.dbapi import LensConnection, LensCursor, lens_connection

_DOORS = """
    autocommit backup blobopen cancel copy create_aggregate create_collation create_function
    deserialize enable_load_extension executescript info interrupt iterdump load_extension notifies
    pgconn pipeline prepare_threshold row_factory serialize set_authorizer set_isolation_level
    set_progress_handler set_trace_callback setlimit stream text_factory tpc_begin wait connection
    isolation_level adapters cursor_factory fileno
"""
DOORS = sorted(_DOORS.split())


def bound(tea: Tea, sql: str) -> str:
    """Return a statement with the placeholders of the database's driver."""
    return sql if tea.database.kind == "sqlite" else sql.replace("?", "%s")


def test_text_sql_reads_opened_columns_of_the_named_person_only(tea: Tea) -> None:
    person = tea.customer("Chen Yu", orders=2)
    tea.customer("Somebody Else", orders=1)
    with lens_connection(tea.t, "deliver_order", person=person) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT name, phone FROM customer")
        assert [column[0] for column in cursor.description] == ["name", "phone"]
        ((name, phone),) = cursor.fetchall()
        assert (name, phone[:3]) == ("Chen Yu", "150")
        joined = bound(
            tea,
            "SELECT o.what, o.address FROM tea_order o JOIN customer c "
            "ON c.customer_id = o.customer_id WHERE o.fen > ? ORDER BY o.what",
        )
        rows = connection.execute(joined, (1,)).fetchall()
        assert rows == [("Tea 0", "3 Hupao Road"), ("Tea 1", "3 Hupao Road")]


def test_a_cursor_gives_rows_one_by_one_in_parts_and_as_an_iterator(tea: Tea) -> None:
    person = tea.customer(orders=4)
    with lens_connection(tea.t, "place_order", person=person) as connection:
        with connection.execute("SELECT what FROM tea_order ORDER BY what") as cursor:
            assert cursor.fetchone() == ("Tea 0",)
            assert cursor.fetchmany() == [("Tea 1",)]
            cursor.arraysize = 2
            assert cursor.fetchmany() == [("Tea 2",), ("Tea 3",)]
            assert cursor.fetchone() is None
        again = connection.execute("SELECT what FROM tea_order ORDER BY what")
        assert [what for (what,) in again] == ["Tea 0", "Tea 1", "Tea 2", "Tea 3"]


def test_what_is_written_is_sealed_and_found_by_its_index(tea: Tea) -> None:
    person = tea.customer()
    statement = bound(
        tea,
        "INSERT INTO tea_order (order_id, customer_id, person, what, fen, address, state, "
        "placed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    ordering = ("place_order", "deliver_order")
    tea.order(person, "First")
    with lens_connection(tea.t, *ordering, person=person, writes=True) as connection:
        ((customer,),) = connection.execute("SELECT customer_id FROM customer").fetchall()
        address = connection.sealed("tea_order.address", "5 Manjuelong Road")
        row = (f"by-text-{person}", customer, person, "Text", 1, address, "placed", 1)
        connection.cursor().execute(statement, row)
    with lens_connection(tea.t, "deliver_order", person=person) as connection:
        found = connection.execute("SELECT address FROM tea_order WHERE what = 'Text'").fetchall()
    assert found == [("5 Manjuelong Road",)]
    with lens_connection(tea.t, "keep_account", person=person) as connection:
        ((phone,),) = connection.execute("SELECT phone FROM customer").fetchall()
        (index,) = connection.look_up("customer.phone", phone)
        assert connection.index("customer.phone", phone) == index
        query = bound(tea, "SELECT person FROM customer WHERE phone_index = ?")
        assert connection.execute(query, (index,)).fetchall() == [(person,)]


def test_plain_text_into_a_sealed_column_is_refused_by_the_database(tea: Tea) -> None:
    person = tea.customer(orders=1)

    def write() -> None:
        with lens_connection(
            tea.t, "place_order", "deliver_order", person=person, writes=True
        ) as connection:
            ((customer,),) = connection.execute("SELECT customer_id FROM customer").fetchall()
            connection.execute(
                bound(
                    tea,
                    "INSERT INTO tea_order (order_id, customer_id, person, what, fen, address, "
                    "state, placed_at) VALUES (?, ?, ?, 'x', 1, 'in the open', 'placed', 1)",
                ),
                (f"open-{person}", customer, person),
            )

    with pytest.raises(Exception, match=r"(?i)sealed") as refused:
        write()
    assert "in the open" not in str(refused.value)


def test_a_rollback_undoes_and_an_exception_undoes_the_block(tea: Tea) -> None:
    person = tea.customer("Before")
    rename = "UPDATE customer SET name = 'After'"
    with lens_connection(tea.t, "keep_account", person=person, writes=True) as connection:
        connection.execute(rename)
        connection.rollback()

    def fail() -> None:
        with lens_connection(tea.t, "keep_account", person=person, writes=True) as connection:
            connection.execute(rename)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with lens_connection(tea.t, "keep_account", person=person, writes=True) as connection:
        assert connection.execute("SELECT name FROM customer").fetchall() == [("Before",)]
        with connection:
            connection.execute(rename)
    with lens_connection(tea.t, "keep_account", person=person) as connection:
        assert connection.execute("SELECT name FROM customer").fetchall() == [("After",)]


def test_several_rows_are_changed_with_one_call(tea: Tea) -> None:
    person = tea.customer(orders=2)
    case = {"actor": PACKER, "case": "tour"}
    with lens_connection(tea.t, "deliver_order", person=person, writes=True, **case) as connection:
        cursor = connection.cursor()
        cursor.setinputsizes([10])
        cursor.setoutputsize(10)
        change = bound(tea, "UPDATE tea_order SET state = ? WHERE what = ?")
        cursor.executemany(change, [("delivered", "Tea 0"), ("lost", "Tea 1")])
        assert cursor.rowcount == (-1 if tea.database.kind == "sqlite" else 2)
        states = connection.execute("SELECT state FROM tea_order ORDER BY what").fetchall()
    assert states == [("delivered",), ("lost",)]


@pytest.mark.parametrize("name", DOORS)
def test_no_door_of_the_driver_is_there(tea: Tea, name: str) -> None:
    person = tea.customer()
    with lens_connection(tea.t, "keep_account", person=person) as connection:
        assert not hasattr(connection, name)
        assert not hasattr(connection.cursor(), name)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM tea_order",
        "SELECT name FROM customer__rows",
        "SELECT name FROM troth_base.customer",
        "SELECT * FROM troth_person",
        "ATTACH 'x.db' AS x",
        "COPY customer TO STDOUT",
        "SET ROLE postgres",
        "PRAGMA table_info(customer)",
    ],
)
def test_what_lies_outside_the_purpose_is_refused_as_text(tea: Tea, statement: str) -> None:
    person = tea.customer()

    def read() -> None:
        with lens_connection(tea.t, "keep_account", person=person) as connection:
            connection.execute(statement).fetchall()

    with pytest.raises(Exception, match=r".+"):
        read()


def test_a_connection_ends_with_its_block_and_not_before(tea: Tea) -> None:
    person = tea.customer()
    kept: list[LensConnection | LensCursor] = []
    with lens_connection(tea.t, "keep_account", person=person) as connection:
        with pytest.raises(InputError, match="leave the block"):
            connection.close()
        kept += [connection, connection.cursor()]
    for one in kept:
        with pytest.raises(Exception, match="block is over"):
            one.execute("SELECT name FROM customer")


def test_who_did_not_permit_it_gets_no_connection(tea: Tea) -> None:
    person = tea.customer()
    with (
        pytest.raises(UseRefused, match="never_asked"),
        lens_connection(tea.t, "place_order", person=person),
    ):
        raise AssertionError("it opened")


def test_a_connection_that_is_of_no_use_is_none_of_a_lens(tea: Tea) -> None:
    with tea.t.reading() as connection, pytest.raises(InputError, match="no connection of a use"):
        LensConnection(connection)


def test_a_connection_of_troth_use_gives_its_plain_one_in_the_same_transaction(tea: Tea) -> None:
    person = tea.customer("Before")
    with tea.t.use("keep_account", person=person, writes=True) as connection:
        connection.execute(text("UPDATE customer SET name = 'After'"))
        plain = LensConnection(connection)
        assert plain.execute("SELECT name FROM customer").fetchall() == [("After",)]
