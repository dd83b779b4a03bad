"""Sealed columns behind a view: opened where granted, for the row's own person, else never."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from tests.builders import NOW
from tests.conftest import TestDatabase
from troth.adapters.clock import SetClock
from troth.adapters.person_keys import FilePersonKeys
from troth.core.blind_index import NormalForm, generation_of
from troth.core.errors import InputError, KeyDestroyed, KeyMissing, SealBroken, SealError
from troth.core.sealing import SealedPlace, is_sealed
from troth.store.sealed_type import (
    CLOSED,
    BlindIndexText,
    ForPerson,
    SealedText,
    SealedUse,
    ToSeal,
    detach,
    marked_column,
    new_mark,
    sealed_check,
    seals,
)

ANNA, BEN = "a" * 32, "b" * 32
PHONES = {ANNA: "13800007771", BEN: "13800007772"}
ADDRESSES = {ANNA: "上海市隐语路七号", BEN: "北京市无名胡同三号"}
PLACES = {
    f"customer.{column}": SealedPlace("shop", "customer", column) for column in ("phone", "address")
}
FORMS = {"customer.phone": NormalForm.MOBILE}


def customers(name: str) -> Table:
    return Table(
        name,
        MetaData(),
        Column("id", String, primary_key=True),
        Column("person", String),
        Column("phone", SealedText("customer.phone")),
        Column("phone_index", BlindIndexText("customer.phone")),
        Column("address", SealedText("customer.address")),
        Column("note", String),
        *(CheckConstraint(sealed_check(c)) for c in ("phone", "address") if name.endswith("rows")),
    )


ROWS, SHOWN = customers("customer_rows"), customers("customer")


class Model(DeclarativeBase):
    pass


class Customer(Model):
    __tablename__ = "customer_rows"
    id: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[str]
    phone: Mapped[str | None] = mapped_column(SealedText("customer.phone"))
    note: Mapped[str | None]


@dataclass
class Here:
    database: TestDatabase
    engine: Engine
    keys: FilePersonKeys
    mark: str

    @contextmanager
    def use(self, person: str | None = None, *granted: str) -> Iterator[tuple[Connection, Any]]:
        places = {name: PLACES[name] for name in granted} if granted else PLACES
        made = SealedUse(self.keys, places, mark=self.mark, person=person, forms=FORMS)
        with self.engine.begin() as connection:
            made.attach(connection)
            try:
                yield connection, made
            finally:
                detach(connection)

    def stored(self, column: str = "phone") -> dict[str, Any]:
        with self.engine.connect() as connection:
            found = connection.execute(text(f"SELECT id, {column} FROM customer_rows"))
            return {row[0]: row[1] for row in found}


@pytest.fixture
def here(database: TestDatabase, tmp_path: Path) -> Iterator[Here]:
    engine = create_engine(database.owner_url)
    seals(engine)
    keys = FilePersonKeys(tmp_path / "keys", SetClock(NOW))
    made = Here(database, engine, keys, new_mark())
    shown = {
        name: marked_column(made.mark, f"customer.{name}", "person", name)
        for name in ("phone", "address")
    }
    with engine.begin() as connection:
        ROWS.create(connection)
        columns = f"{shown['phone']} AS phone, phone_index, {shown['address']} AS address"
        view = f"CREATE VIEW customer AS SELECT id, person, {columns}, note FROM customer_rows"
        connection.execute(text(view.replace(":", "\\:")))
    yield made
    keys.close()
    engine.dispose()


@pytest.fixture
def filled(here: Here) -> Here:
    for person in (ANNA, BEN):
        with here.use(person) as (connection, _):
            connection.execute(insert(ROWS).values(**row_of(person)))
    return here


def row_of(person: str) -> dict[str, Any]:
    return {
        "id": f"of-{person[0]}",
        "person": person,
        "phone": PHONES[person],
        "phone_index": PHONES[person],
        "address": ADDRESSES[person],
        "note": "leave it at the door",
    }


def seen(connection: Connection, sql: str = "SELECT id, phone FROM customer") -> dict[str, Any]:
    return {row[0]: row[1] for row in connection.execute(text(sql))}


def test_text_sql_core_and_orm_read_the_same(filled: Here) -> None:
    with filled.use() as (connection, _):
        wanted = {f"of-{person[0]}": phone for person, phone in PHONES.items()}
        assert seen(connection) == wanted
        found = connection.execute(select(SHOWN.c.id, SHOWN.c.phone.label("calls")))
        assert dict(found.all()) == wanted
        joined = "SELECT c.id, d.address FROM customer c JOIN customer d ON d.id = c.id"
        assert seen(connection, joined) == {f"of-{p[0]}": a for p, a in ADDRESSES.items()}
        deeper = "WITH customer AS (SELECT * FROM customer_rows) SELECT id, phone FROM customer"
        assert all(is_sealed(value) for value in seen(connection, deeper).values())


def test_what_is_stored_is_sealed_and_each_time_differently(filled: Here) -> None:
    assert all(is_sealed(value) for value in filled.stored().values())
    before = filled.stored()["of-a"]
    with filled.use(ANNA) as (connection, _):
        connection.execute(update(ROWS).where(ROWS.c.id == "of-a").values(phone=PHONES[ANNA]))
    assert is_sealed(filled.stored()["of-a"])
    assert filled.stored()["of-a"] != before
    with filled.use() as (connection, _):
        assert seen(connection)["of-a"] == PHONES[ANNA]


def test_the_orm_seals_what_it_inserts_and_updates(here: Here) -> None:
    with here.use(ANNA) as (connection, _), Session(connection) as session:
        session.add(Customer(id="of-a", person=ANNA, phone="13900000000", note=None))
        session.flush()
        assert is_sealed(here_and_now(connection))
        mine = session.get_one(Customer, "of-a")
        mine.phone = "13900000001"
        session.flush()
    with here.use(ANNA) as (connection, _):
        assert seen(connection) == {"of-a": "13900000001"}


def here_and_now(connection: Connection) -> str:
    found: str = connection.execute(text("SELECT phone FROM customer_rows")).scalar_one()
    return found


def test_many_rows_are_sealed_each_for_its_person(here: Here) -> None:
    given = [
        row_of(p) | {"phone": ForPerson(p, PHONES[p]), "address": ForPerson(p, ADDRESSES[p])}
        for p in (ANNA, BEN)
    ]
    with here.use() as (connection, _):
        connection.execute(insert(ROWS), given)
        assert set(seen(connection).values()) == set(PHONES.values())


def test_text_sql_writes_what_the_use_sealed(here: Here) -> None:
    with here.use(ANNA) as (connection, use):
        values = {"p": ANNA, "v": use.sealed("customer.phone", "13900000000")}
        connection.execute(
            text("INSERT INTO customer_rows (id, person, phone) VALUES ('1', :p, :v)"), values
        )
        assert seen(connection) == {"1": "13900000000"}
        assert use.sealed("customer.phone", None) is None


def test_null_stays_null(here: Here) -> None:
    with here.use(ANNA) as (connection, _):
        row = row_of(ANNA) | {"phone": None, "phone_index": None, "address": None}
        connection.execute(insert(ROWS).values(**row))
        assert seen(connection) == {"of-a": None}
        assert connection.execute(select(SHOWN.c.id).where(SHOWN.c.phone.is_(None))).all()
    assert here.stored() == {"of-a": None}


# --- not granted ----------------------------------------------------------------------------------


def test_a_connection_without_a_use_shows_nothing(filled: Here) -> None:
    with filled.engine.connect() as connection:
        found = connection.execute(select(ROWS.c.phone, ROWS.c.address)).all()
    assert [value for row in found for value in row] == [CLOSED] * 4
    assert str(CLOSED) == ""
    assert not CLOSED
    assert PHONES[ANNA] != CLOSED


def test_a_connection_given_back_shows_nothing_to_the_next(filled: Here) -> None:
    with filled.use() as (connection, _):
        assert seen(connection)["of-a"] == PHONES[ANNA]
    with filled.engine.connect() as connection:
        assert not set(PHONES.values()) & set(seen(connection).values())
        with pytest.raises((DBAPIError, InputError)):
            connection.execute(insert(ROWS).values(**row_of(ANNA) | {"id": "again"}))


def test_a_column_that_is_not_granted_does_not_open(filled: Here) -> None:
    with filled.use(None, "customer.phone") as (connection, use):
        assert seen(connection)["of-a"] == PHONES[ANNA]
        with pytest.raises(SealBroken):
            seen(connection, "SELECT id, address FROM customer")
        with pytest.raises(InputError):
            use.sealed("customer.address", "x", person=ANNA)


@pytest.mark.promise("S-13", "S-50")
@pytest.mark.control("sealed_columns")
def test_a_use_of_one_person_opens_and_seals_for_nobody_else(filled: Here) -> None:
    with filled.use(ANNA) as (connection, use):
        mine = "SELECT id, phone FROM customer WHERE id = 'of-a'"
        assert seen(connection, mine) == {"of-a": PHONES[ANNA]}
        with pytest.raises(SealBroken):
            seen(connection, "SELECT id, phone FROM customer WHERE id = 'of-b'")
        with pytest.raises(InputError):
            use.sealed("customer.phone", "13900000000", person=BEN)


def test_without_a_use_nothing_is_stored_in_the_open(filled: Here) -> None:
    for row in (row_of(ANNA), row_of(ANNA) | {"phone": None, "address": None}):
        with filled.engine.connect() as connection, pytest.raises(DBAPIError) as told:
            connection.execute(insert(ROWS).values(**row | {"id": "again"}))
        assert PHONES[ANNA] not in str(told.value.orig)
        assert PHONES[ANNA] not in repr(told.value.params)
    with filled.engine.connect() as connection, pytest.raises(DBAPIError):
        connection.execute(text("UPDATE customer_rows SET phone = '13900000000'"))
    assert PHONES[ANNA] not in repr(ToSeal("customer.phone", PHONES[ANNA]))


# --- moved ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "swap",
    [
        "UPDATE customer_rows SET phone = (SELECT phone FROM customer_rows WHERE id = 'of-b') "
        "WHERE id = 'of-a'",
        "UPDATE customer_rows SET phone = address",
        f"UPDATE customer_rows SET person = CASE person WHEN '{ANNA}' THEN '{BEN}' "
        f"ELSE '{ANNA}' END",
        "UPDATE customer_rows SET phone = substr(phone, 1, length(phone) - 4)",
        "UPDATE customer_rows SET phone = substr(phone, 1, 3)",
    ],
)
def test_a_value_moved_or_cut_in_the_database_is_an_error_and_never_another_value(
    filled: Here, swap: str
) -> None:
    with filled.engine.begin() as connection:
        connection.execute(text(swap))
    with filled.use() as (connection, _), pytest.raises(SealBroken) as told:
        connection.execute(text("SELECT phone FROM customer WHERE id = 'of-a'")).all()
    assert not any(value in str(told.value) for value in [*PHONES.values(), ANNA, BEN])


def test_forged_marks_open_nothing_that_was_not_there(filled: Here) -> None:
    stolen = filled.stored()["of-b"]
    forged = [
        f"{filled.mark}customer.phone:{ANNA}:{stolen}",  # another person's, as hers
        f"{filled.mark}customer.address:{BEN}:{stolen}",
        f"{filled.mark}voucher.code:{BEN}:{stolen}",
        f"{filled.mark}",
        f"{filled.mark}customer.phone:{'c' * 32}:{stolen}",
    ]
    for value in forged:
        with filled.use() as (connection, _), pytest.raises(SealError):
            connection.execute(text("SELECT :v"), {"v": value}).all()


def test_text_that_a_person_typed_never_passes_for_a_sealed_value(filled: Here) -> None:
    typed = f"{new_mark()}customer.phone:{BEN}:{filled.stored()['of-b']}"
    with filled.use(ANNA) as (connection, _):
        connection.execute(update(ROWS).where(ROWS.c.id == "of-a").values(note=typed))
        assert seen(connection, "SELECT id, note FROM customer WHERE id = 'of-a'") == {
            "of-a": typed
        }


def test_after_the_key_is_destroyed_a_row_is_an_error_and_others_read_on(filled: Here) -> None:
    filled.keys.destroy_key(ANNA)
    with filled.use() as (connection, use):
        with pytest.raises(KeyDestroyed):
            seen(connection, "SELECT id, phone FROM customer WHERE id = 'of-a'")
        others = "SELECT id, phone FROM customer WHERE id = 'of-b'"
        assert seen(connection, others) == {"of-b": PHONES[BEN]}
        with pytest.raises(KeyDestroyed):
            use.sealed("customer.phone", "13900000000", person=ANNA)


def test_a_person_without_a_key_has_nothing_to_open(filled: Here) -> None:
    with filled.engine.begin() as connection:
        connection.execute(text(f"UPDATE customer_rows SET person = '{'c' * 32}'"))
    with filled.use() as (connection, _), pytest.raises(KeyMissing):
        seen(connection)


# --- looked up ------------------------------------------------------------------------------------


def found_by(connection: Connection, use: SealedUse, number: str) -> list[str]:
    wanted = SHOWN.c.phone_index.in_(use.look_up("customer.phone", number))
    return list(connection.execute(select(SHOWN.c.id).where(wanted)).scalars())


def test_a_row_is_found_by_its_number_however_it_is_written(filled: Here) -> None:
    with filled.use() as (connection, use):
        assert found_by(connection, use, "+86 138 0000 7772") == ["of-b"]
        assert found_by(connection, use, "13800007773") == []


def test_rows_are_found_while_the_key_of_the_index_is_replaced(filled: Here) -> None:
    place = PLACES["customer.phone"]
    filled.keys.renew_index_key(place)
    with filled.use(BEN) as (connection, use):
        assert found_by(connection, use, PHONES[BEN]) == ["of-b"]
        # Index the rows anew, one person at a time, then the old key goes.
        mine = update(ROWS).where(ROWS.c.id == "of-b")
        connection.execute(mine.values(phone_index=PHONES[BEN]))
        assert found_by(connection, use, PHONES[BEN]) == ["of-b"]
    stored = filled.stored("phone_index")
    assert {id_: generation_of(index) for id_, index in stored.items()} == {"of-a": 1, "of-b": 2}
    filled.keys.destroy_index_keys(place, before=2)
    with filled.use() as (connection, use):
        assert found_by(connection, use, PHONES[BEN]) == ["of-b"]
        assert found_by(connection, use, PHONES[ANNA]) == []


def test_comparing_a_sealed_column_or_an_index_with_a_value_is_refused(filled: Here) -> None:
    for wrong in (
        lambda: SHOWN.c.phone == PHONES[ANNA],
        lambda: SHOWN.c.phone.in_([PHONES[ANNA]]),
        lambda: SHOWN.c.phone.like("138%"),
        SHOWN.c.phone.desc,
        lambda: SHOWN.c.phone_index == PHONES[ANNA],
        lambda: SHOWN.c.phone_index.in_([PHONES[ANNA]]),
    ):
        with pytest.raises(InputError):
            wrong()


@pytest.mark.parametrize("wrong", [CLOSED, 13800007771, b"138"])
def test_only_text_is_sealed(here: Here, wrong: Any) -> None:
    with here.use(ANNA) as (connection, _), pytest.raises(Exception) as told:  # noqa: PT011
        connection.execute(insert(ROWS).values(**row_of(ANNA) | {"phone": wrong}))
    assert "takes a text" in str(told.value)


@pytest.mark.parametrize("name", ["customer.pho'ne", "customer:phone", "a\\b"])
def test_a_column_name_that_could_break_out_of_the_view_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        marked_column(new_mark(), name, "person", "phone")


# --- bytes ----------------------------------------------------------------------------------------


def bytes_of(here: Here, folder: Path) -> bytes:
    """Return the database as a thief gets it: the files of SQLite, a dump of PostgreSQL."""
    if here.database.kind == "sqlite":
        return b"".join(path.read_bytes() for path in here.database.folder.rglob("*.db*"))
    with here.engine.connect() as connection:
        names = connection.execute(text("SELECT pg_relation_filepath('customer_rows')"))
        assert names.scalar_one()
        found = connection.execute(text("SELECT r::text FROM customer_rows r")).scalars()
        return "\n".join(found).encode()


def test_a_copy_of_the_database_shows_nothing_of_a_sealed_column(
    filled: Here, tmp_path: Path
) -> None:
    found = bytes_of(filled, tmp_path)
    assert b"leave it at the door" in found  # so the search does find
    for value in [*PHONES.values(), *ADDRESSES.values()]:
        assert value.encode() not in found
        assert value.encode("utf-16-le") not in found
        assert value[-5:].encode() not in found


def test_no_sealed_value_is_in_the_files_of_a_postgresql_server(
    postgres_server: Any, tmp_path: Path
) -> None:
    with postgres_server.fresh_database() as made:
        database = TestDatabase.of_server(made, tmp_path)
        canary = f"139{os.urandom(4).hex()}"
        engine = create_engine(database.owner_url)
        seals(engine)
        keys = FilePersonKeys(tmp_path / "keys", SetClock(NOW))
        place = {"customer.phone": PLACES["customer.phone"]}
        use = SealedUse(keys, place, person=ANNA)
        with engine.begin() as connection:
            Model.metadata.create_all(connection)
            use.attach(connection)
            row = {"id": "1", "person": ANNA, "phone": canary, "note": f"open-{canary[3:]}"}
            connection.execute(insert(Customer).values(**row))
            detach(connection)
        keys.close()
        engine.dispose()
        with psycopg.connect(made.superuser_dsn, autocommit=True) as superuser:
            superuser.execute("CHECKPOINT")
        folder = postgres_server.folder
        files = [path for path in folder.rglob("*") if path.is_file()]
        holding = [path for path in files if canary.encode() in path.read_bytes()]
        open_ones = [p for p in files if f"open-{canary[3:]}".encode() in p.read_bytes()]
        assert holding == []
        assert open_ones  # at least the write-ahead log holds what was not sealed
