"""The book of looks: durable before it answers, never changed, never waiting for the host."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex, CreateTable

from tests.builders import NOW, SECOND, deployed, set_up
from tests.conftest import TestDatabase
from tests.looks import DESK, Watched, limited, watched
from tests.store.test_migrations import sqlite_schema
from troth.core.errors import StoreUnavailable
from troth.core.frequency import Limit
from troth.core.looks import Ending, LookFilter, Outcome, ReportReason, Use
from troth.flows import looks as flow
from troth.store import guard
from troth.store.db import Database, owner_engine
from troth.store.look_tables import looks_file, looks_metadata, looks_url
from troth.store.looks import LookBook

EVERYTHING = LookFilter()


@pytest.fixture
def here(database: TestDatabase) -> Iterator[Watched]:
    with deployed(database) as made, watched(made) as looked:
        yield looked


def ids(here: Watched, person: str) -> list[str]:
    return [stored.look.look_id for stored in here.kit.book.looks(person, EVERYTHING, limit=500)]


def rows(here: Watched) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table of looks, read as the owner."""
    engine = owner_engine(looks_url(here.here.database.owner_url))
    try:
        with engine.connect() as connection:
            return {
                table: sorted(
                    map(tuple, connection.execute(text(f"SELECT * FROM {table}"))), key=str
                )
                for table in guard.LOOKS
            }
    finally:
        engine.dispose()


# --- durable, and nobody's rollback takes it back -------------------------------------------------


def test_another_process_sees_a_look_as_soon_as_it_is_acknowledged(here: Watched) -> None:
    person = here.here.person()
    look = here.look(person)
    assert [row[0] for row in rows(here)["troth_look"]] == [look.look_id]
    assert ids(here, person) == [look.look_id]


def test_a_use_that_is_rolled_back_leaves_its_look(here: Watched) -> None:
    person = here.here.person()
    taken: list[str] = []

    def use_and_fail() -> None:
        with here.here.troth.transaction() as connection:
            connection.execute(text("UPDATE troth_person SET flags = 1"))
            taken.append(here.look(person).look_id)
            raise RuntimeError("the use fails after it read")

    with pytest.raises(RuntimeError):
        use_and_fail()
    assert ids(here, person) == taken
    with here.here.troth.reading() as connection:
        flags = connection.execute(text("SELECT sum(flags) FROM troth_person")).scalar_one()
    assert flags == 0  # the use itself was undone


@pytest.mark.promise("S-57")
@pytest.mark.control("looks_recorded")
def test_a_look_inside_a_write_of_the_same_thread_neither_waits_nor_locks(here: Watched) -> None:
    """On SQLite the thread holds the only writer of its file: looks lie in another."""
    person = here.here.person()
    with here.here.troth.transaction() as connection:
        connection.execute(text("UPDATE troth_person SET flags = 0"))
        started = time.monotonic()
        first = here.look(person)
        nested = here.look(person, writes=True)
        assert time.monotonic() - started < 2
        connection.execute(text("UPDATE troth_person SET flags = 0"))
    assert set(ids(here, person)) == {first.look_id, nested.look_id}


def test_the_end_of_a_use_says_how_it_ended_and_what_it_changed(here: Watched) -> None:
    person = here.here.person()
    done, undone, died = (here.look(person, writes=True) for _ in range(3))
    here.kit.book.record_end([done.look_id], NOW + 5, Ending.DONE)
    here.kit.book.record_end([undone.look_id], NOW + 5, Ending.UNDONE)
    found = {s.look.look_id: s for s in here.kit.book.looks(person, EVERYTHING)}
    assert found[done.look_id].ending is Ending.DONE
    assert found[undone.look_id].ending is Ending.UNDONE
    assert found[died.look_id].ending is None
    assert found[done.look_id].look.outcome is Outcome.WRITE
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.UniqueViolation)):
        here.kit.book.record_end([done.look_id], NOW + 6, Ending.UNDONE)


# --- many at once ---------------------------------------------------------------------------------


def test_eight_readers_at_once_lose_no_look(here: Watched) -> None:
    people = [here.here.person() for _ in range(8)]
    known = here.known  # read once: each thread only looks
    start = threading.Barrier(8)

    def read(person: str) -> list[str]:
        start.wait()
        use = Use("keep_account", DESK, (person,), case="case-1")
        return [flow.record_uses(here.kit, known, [use])[0].look_id for _ in range(40)]

    with ThreadPoolExecutor(8) as pool:
        acknowledged = list(pool.map(read, people))
    assert [sorted(ids(here, person)) for person in people] == [sorted(a) for a in acknowledged]
    assert len({look for some in acknowledged for look in some}) == 320


@pytest.mark.promise("S-08")
def test_two_callers_are_never_both_the_last_one_allowed(here: Watched) -> None:
    person = here.here.person()
    bound = limited(here.known, "keep_account", Limit(3, 60))
    start = threading.Barrier(8)
    use = Use("keep_account", DESK, (person,), case="case-1")
    # A second book, as another process has one, with a writer of its own.
    with watched(here.here, seed="other") as other:

        def ask(number: int) -> bool:
            kit = (here, other)[number % 2].kit
            start.wait()
            return flow.record_uses(kit, bound, [use])[0].refused

        with ThreadPoolExecutor(8) as pool:
            refused = list(pool.map(ask, range(8)))
    assert sorted(refused) == [False] * 3 + [True] * 5


@pytest.mark.promise("S-57")
@pytest.mark.control("looks_recorded")
def test_a_batch_names_ten_thousand_people_and_each_sees_it(here: Watched) -> None:
    people = [f"{number:032x}" for number in range(10_000)]
    started = time.monotonic()
    batch = here.look(*people)
    assert time.monotonic() - started < 5
    for person in (people[0], people[777], people[-1]):
        (stored,) = here.kit.book.looks(person, EVERYTHING)
        assert (stored.look.look_id, stored.look.people_count) == (batch.look_id, 10_000)
    assert ids(here, f"{10_000:032x}") == []
    assert len(rows(here)["troth_look_person"]) == 10_000


# --- whose looks ----------------------------------------------------------------------------------


@pytest.mark.promise("S-19", "S-57")
@pytest.mark.control("looks_recorded")
def test_another_persons_looks_are_never_listed(here: Watched) -> None:
    one, two, three = (here.here.person() for _ in range(3))
    alone = here.look(one)
    both = here.look(one, two)
    assert set(ids(here, one)) == {alone.look_id, both.look_id}
    assert ids(here, two) == [both.look_id]
    assert ids(here, three) == []
    for hostile in ("%", "' OR 1=1 --", "", one.upper(), one[:31]):
        assert ids(here, hostile) == []


def test_a_filter_and_pages_show_every_look_once_newest_first(here: Watched) -> None:
    person, other = here.here.person(), here.here.person()
    made = []
    for number in range(23):
        here.here.clock.move((number % 3) * SECOND)  # some at the same moment
        people = (person,) if number % 2 else (person, other)
        made.append(here.look(*people, purpose=("keep_account", "ship_parcel")[number % 5 == 0]))
    listed: list[tuple[int, str]] = []
    before = None
    while page := here.kit.book.looks(person, EVERYTHING, before=before, limit=4):
        listed += [(s.look.looked_at, s.look.look_id) for s in page]
        before = listed[-1]
    assert listed == sorted(((m.looked_at, m.look_id) for m in made), reverse=True)
    parcel = here.kit.book.looks(person, LookFilter(purposes=("ship_parcel",)))
    assert {s.look.look_id for s in parcel} == {m.look_id for m in made[::5]}
    middle = made[10].looked_at
    late = here.kit.book.looks(person, LookFilter(since=middle), limit=500)
    early = here.kit.book.looks(person, LookFilter(until=middle), limit=500)
    assert {s.look.look_id for s in late} == {m.look_id for m in made if m.looked_at >= middle}
    assert len(late) + len(early) == 23


def test_a_list_of_one_person_is_read_by_its_indexes(on_sqlite: Watched) -> None:
    """Whoever was looked at a million times reads a page as fast as anybody."""
    seen: list[str] = []
    with on_sqlite.database.hot_reading() as cursor:
        cursor.connection.set_trace_callback(seen.append)
        on_sqlite.kit.book.looks("a" * 32, LookFilter(since=1), before=(NOW, "x"))
        cursor.connection.set_trace_callback(None)
    (sql,) = seen
    with closing(sqlite3.connect(looks_file(on_sqlite.here.database.file))) as plain:
        steps = [row[3] for row in plain.execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert [step for step in steps if step.startswith("SCAN") and "troth" in step] == []
    searched = [step for step in steps if "ix_troth_look_person" in step]
    assert len(searched) == 1
    for arm in ("a0", "a1"):  # cut in the order of its index; sorted are only the pages, merged
        inside = steps[steps.index(f"CO-ROUTINE {arm}") : steps.index(f"SCAN {arm}")]
        assert len(inside) >= 2
        assert [step for step in inside if "TEMP B-TREE" in step] == []


# --- append-only ----------------------------------------------------------------------------------

_COLUMN = {
    "troth_look": "actor_role",
    "troth_look_person": "looked_at",
    "troth_look_end": "ended_at",
    "troth_look_alarm": "words",
    "troth_look_told": "told_at",
    "troth_look_report": "reason",
}
ATTACKS = {
    "both": (
        "UPDATE {table} SET {column} = {column}",
        "UPDATE {table} SET {column} = {column} WHERE 1 = 0",
        "DELETE FROM {table}",
        "DROP TABLE {table}",
        "ALTER TABLE {table} RENAME TO y",
        "CREATE INDEX x ON {table} ({column})",
    ),
    "sqlite": (
        "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
        "REPLACE INTO {table} SELECT * FROM {table} LIMIT 1",
        "INSERT INTO {table} SELECT * FROM {table} WHERE 1 "
        "ON CONFLICT DO UPDATE SET {column} = {column}",
        "UPDATE OR REPLACE {table} SET {column} = {column}",
        "WITH troth_look AS (SELECT 1) DELETE FROM {table}",
        "DROP TRIGGER {table}_no_update",
        "CREATE TEMP TRIGGER x AFTER INSERT ON {table} BEGIN SELECT 1; END",
        "PRAGMA recursive_triggers=OFF",
        "PRAGMA writable_schema=ON",
        "PRAGMA synchronous=OFF",
        "DELETE FROM sqlite_master",
        "ATTACH DATABASE ':memory:' AS other",
        "VACUUM",
    ),
    "postgresql": (
        "TRUNCATE {table}",
        "TRUNCATE {table} CASCADE",
        "MERGE INTO {table} t USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
        "INSERT INTO {table} SELECT * FROM {table} LIMIT 1 "
        "ON CONFLICT ON CONSTRAINT pk_{table} DO UPDATE SET {column} = excluded.{column}",
        "ALTER TABLE {table} DISABLE TRIGGER ALL",
        "DROP TRIGGER {table}_append_only ON {table}",
        "SET session_replication_role = replica",
        "SET ROLE troth_owner",
        "COPY {table} FROM PROGRAM 'true'",
        "CREATE RULE x AS ON INSERT TO {table} DO INSTEAD NOTHING",
        "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
    ),
}


def one_row_each(here: Watched) -> None:
    one, two = here.here.person(), here.here.person()
    look = here.look(one, two, break_glass="the shop is on fire, we must warn them")
    here.kit.book.record_end([look.look_id], NOW, Ending.DONE)
    here.kit.book.record_told(look.look_id, one, NOW)
    flow.report(here.kit, one, look.look_id, ReportReason.UNEXPECTED)


@pytest.mark.promise("S-13", "S-57")
@pytest.mark.control("looks_recorded")
@pytest.mark.parametrize("table", guard.LOOKS)
def test_a_look_once_written_stays_as_it_is_whatever_the_application_tries(
    here: Watched, table: str
) -> None:
    one_row_each(here)
    before = rows(here)
    assert all(before.values())
    alone = here.database.open(autocommit=True)
    for statement in ATTACKS["both"] + ATTACKS[here.here.database.kind]:
        sql = statement.format(table=table, column=_COLUMN[table])
        with pytest.raises((sqlite3.Error, psycopg.Error)):
            alone.execute(sql)
        with (
            pytest.raises((DBAPIError, StoreUnavailable)),
            here.database.transaction() as connection,
        ):
            connection.exec_driver_sql(sql)
    assert rows(here) == before


@pytest.mark.promise("S-13")
@pytest.mark.parametrize("table", guard.LOOKS)
def test_even_the_owner_changes_no_look_by_mistake(here: Watched, table: str) -> None:
    one_row_each(here)
    before = rows(here)
    engine = owner_engine(looks_url(here.here.database.owner_url))
    for sql in (f"UPDATE {table} SET {_COLUMN[table]} = {_COLUMN[table]}", f"DELETE FROM {table}"):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.exec_driver_sql(sql)
    engine.dispose()
    assert rows(here) == before


# --- the file of SQLite ---------------------------------------------------------------------------


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Watched]:
    with deployed(TestDatabase.of_file(tmp_path)) as made, watched(made) as looked:
        yield looked


def test_the_file_of_looks_is_what_the_code_declares(on_sqlite: Watched) -> None:
    file = looks_file(on_sqlite.here.database.file)
    other = create_engine(f"sqlite:///{file.with_name('declared.db')}")
    with other.begin() as connection:
        for table in looks_metadata.sorted_tables:
            connection.execute(CreateTable(table))
            for index in table.indexes:
                connection.execute(CreateIndex(index))
        for name in guard.LOOKS:
            for statement in guard.append_only_triggers("sqlite", name):
                connection.exec_driver_sql(statement)
        wanted = sqlite_schema(connection)
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        assert sqlite_schema(connection) == wanted
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    engine.dispose()
    other.dispose()


def test_migrating_again_leaves_the_looks_as_they_are(on_sqlite: Watched) -> None:
    person = on_sqlite.here.person()
    look = on_sqlite.look(person)
    with closing(sqlite3.connect(on_sqlite.here.database.file)) as owner:
        # As if the migration had been interrupted after the file was made.
        owner.execute("UPDATE troth_alembic_version SET version_num = '0002'")
        owner.commit()
    set_up(on_sqlite.here.database)
    assert ids(on_sqlite, person) == [look.look_id]
    folder = on_sqlite.here.database.folder
    assert [path.name for path in folder.glob(".*looks*")] == []


def test_a_lost_file_of_looks_stops_every_use_and_is_never_made_anew(on_sqlite: Watched) -> None:
    person = on_sqlite.here.person()
    file = looks_file(on_sqlite.here.database.file)
    on_sqlite.kit.book.close()
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink()
    with watched(on_sqlite.here, seed="later") as later, pytest.raises(StoreUnavailable):
        later.look(person)
    assert not file.exists()


def test_a_write_held_by_another_process_does_not_hold_up_looks(on_sqlite: Watched) -> None:
    person, known = on_sqlite.here.person(), on_sqlite.known
    with closing(sqlite3.connect(on_sqlite.here.database.file, isolation_level=None)) as hold:
        hold.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        assert on_sqlite.look(person).look_id
        assert time.monotonic() - started < 2
        hold.execute("ROLLBACK")
    assert known.policy.id == "tiny"


def test_looks_lie_beside_the_database_on_sqlite_and_in_it_on_postgresql() -> None:
    assert looks_url("sqlite:////data/my troth.db") == "sqlite:////data/my troth-looks.db"
    assert looks_url("postgresql+psycopg://a:b@c/d") == "postgresql+psycopg://a:b@c/d"


def test_a_book_on_a_database_without_looks_refuses_the_use(tmp_path: Path) -> None:
    made = TestDatabase.of_file(tmp_path)
    set_up(made)
    book = LookBook(Database(made.app_url))  # not the file of the looks
    with pytest.raises(sqlite3.OperationalError):
        book.record_end(["x"], NOW, Ending.DONE)
    book.close()
