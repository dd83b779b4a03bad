"""Connections and commits: durable, guarded, and never a new ledger in the place of a lost one."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import DBAPIError

from tests.builders import NOW, Deployment, deployed, open_troth, set_up
from tests.conftest import TestDatabase
from tests.servers import PostgresDatabase
from troth import Answer, Settings
from troth.adapters.clock import SetClock
from troth.core.errors import InputError, StoreUnavailable, UnknownName, UnsafeStore
from troth.store import db, guard
from troth.store.db import Database


@pytest.fixture
def here(migrated_database: TestDatabase) -> Iterator[Deployment]:
    with deployed(migrated_database) as made:
        yield made


@pytest.fixture
def sqlite_here(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(sqlite_database(tmp_path)) as made:
        yield made


def sqlite_database(folder: Path) -> TestDatabase:
    url = URL.create("sqlite", database=str(folder / "troth.db")).render_as_string()
    return TestDatabase(kind="sqlite", owner_url=url, app_url=url, folder=folder)


# --- SQLite's settings ---------------------------------------------------------------------------


def settings_of(cursor: Any) -> dict[str, object]:
    """Read the settings with the guard lifted, since it lets few of them be read."""
    connection = cursor.connection
    connection.set_authorizer(None)
    names = ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers", "trusted_schema")
    return {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in names}


SAFE = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "recursive_triggers": 1,
    "trusted_schema": 0,
}


def test_every_connection_of_sqlite_is_durable_and_checks_keys(sqlite_here: Deployment) -> None:
    database = sqlite_here.troth.kit.database
    found = [settings_of(database.cursor())]
    found.append(settings_of(database.open(autocommit=True).cursor()))
    found.append(database.writer.run(settings_of))
    with database.transaction() as one, database.reading() as two:
        found += [settings_of(c.connection.cursor()) for c in (one, two)]
    with ThreadPoolExecutor(1) as pool:
        found.append(pool.submit(lambda: settings_of(database.cursor())).result())
    assert found == [SAFE] * 6


@pytest.mark.parametrize("name", ["synchronous", "foreign_keys", "recursive_triggers"])
def test_a_connection_that_is_not_safe_refuses_to_work(
    sqlite_here: Deployment, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    _, expected = db._PRAGMAS[name]
    monkeypatch.setitem(db._PRAGMAS, name, ("OFF", expected))
    database = Database(sqlite_here.database.app_url)
    with pytest.raises((UnsafeStore, StoreUnavailable)) as refused:
        database.open(autocommit=True)
    cause = refused.value.__cause__ or refused.value
    assert isinstance(cause, UnsafeStore)
    assert name in str(cause)
    with pytest.raises(UnsafeStore), database.transaction():
        pass


@pytest.mark.usefixtures("impatient")
def test_a_journal_that_is_not_wal_refuses_to_work(tmp_path: Path) -> None:
    """Not every file system can do WAL; then SQLite keeps the old journal and says so."""
    with deployed(sqlite_database(tmp_path)) as made:
        made.troth.close()
    with closing(sqlite3.connect(tmp_path / "troth.db")) as plain:
        plain.execute("PRAGMA journal_mode=DELETE")
        plain.execute("PRAGMA locking_mode=EXCLUSIVE")
        plain.execute("BEGIN EXCLUSIVE")
        database = Database(sqlite_database(tmp_path).app_url)
        with pytest.raises(StoreUnavailable):
            database.open(autocommit=True)


@pytest.mark.parametrize("url", ["mysql+pymysql://a@b/c", "oracle://x", "duckdb:///x"])
def test_a_database_on_which_the_promises_do_not_hold_is_refused(url: str) -> None:
    with pytest.raises(UnsafeStore, match="SQLite or PostgreSQL"):
        Database(url)


# --- what the application may not do, on its own connections -------------------------------------

TABLES = (
    "troth_consent_event",
    "troth_consent_state",
    "troth_outbox",
    "troth_policy_version",
    "troth_policy_head",
    "troth_policy_purpose",
    "troth_purpose_rule",
    "troth_leaf",
    "troth_tile",
    "troth_checkpoint",
)
KEYS = {
    "troth_consent_event": "purpose_id",
    "troth_consent_state": "event_state",
    "troth_outbox": "topic",
    "troth_policy_version": "version",
    "troth_policy_head": "ordinal",
    "troth_policy_purpose": "purpose_id",
    "troth_purpose_rule": "required",
    "troth_leaf": "event_id",
    "troth_tile": "level",
    "troth_checkpoint": "note",
}
BY_TABLE = {
    "both": (
        "UPDATE {table} SET {column} = {column}",
        "UPDATE {table} SET {column} = {column} WHERE 1 = 0",
        "DELETE FROM {table}",
        "DROP TABLE {table}",
        "ALTER TABLE {table} ADD COLUMN x integer",
        "ALTER TABLE {table} RENAME TO y",
        "CREATE INDEX x ON {table} ({column})",
    ),
    "sqlite": (
        "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
        "REPLACE INTO {table} SELECT * FROM {table} LIMIT 1",
        "INSERT INTO {table} SELECT * FROM {table} WHERE 1 "
        "ON CONFLICT DO UPDATE SET {column} = {column}",
        "UPDATE OR REPLACE {table} SET {column} = {column}",
        "WITH troth_consent_event_project AS (SELECT 1) DELETE FROM {table}",
        "WITH troth_consent_event_project(v) AS (SELECT 'x') "
        "UPDATE {table} SET {column} = (SELECT v FROM troth_consent_event_project)",
        "WITH troth_purpose_rule_empty AS (SELECT 1) DELETE FROM {table}",
        "WITH troth_purpose_rule_fill(v) AS (SELECT 0) "
        "UPDATE {table} SET {column} = (SELECT v FROM troth_purpose_rule_fill)",
        "WITH troth_person_project(v) AS (SELECT 'x') "
        "UPDATE {table} SET {column} = p.v FROM troth_person_project AS p",
        "CREATE TEMP TRIGGER x AFTER INSERT ON {table} BEGIN SELECT 1; END",
        "CREATE TEMP TABLE {table} (x)",
        "CREATE TEMP VIEW {table} AS SELECT 1",
    ),
    "postgresql": (
        "TRUNCATE {table}",
        "TRUNCATE {table} CASCADE",
        "MERGE INTO {table} t USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
        "ALTER TABLE {table} DISABLE TRIGGER ALL",
        "ALTER TABLE {table} DISABLE TRIGGER USER",
        "CREATE RULE x AS ON INSERT TO {table} DO INSTEAD NOTHING",
        "CREATE TRIGGER x BEFORE INSERT ON {table} FOR EACH ROW "
        "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "ALTER TABLE {table} OWNER TO CURRENT_USER",
        "CREATE POLICY x ON {table}",
        "COPY {table} FROM PROGRAM 'true'",
        "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
    ),
}
ANYWHERE = {
    "sqlite": (
        "PRAGMA writable_schema=ON",
        "PRAGMA recursive_triggers=OFF",
        "PRAGMA foreign_keys=OFF",
        "PRAGMA synchronous=OFF",
        "PRAGMA journal_mode=DELETE",
        "PRAGMA user_version=7",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "ATTACH DATABASE ':memory:' AS other",
        "DETACH DATABASE main",
        "VACUUM",
        "VACUUM INTO 'copy.db'",
        "REINDEX",
        "ANALYZE",
        "UPDATE sqlite_master SET sql = ''",
        "UPDATE sqlite_schema SET sql = '' WHERE type = 'trigger'",
        "DELETE FROM sqlite_sequence",
        "DROP TRIGGER troth_consent_event_no_update",
        "DROP TRIGGER IF EXISTS troth_consent_event_project",
        "DROP INDEX ix_troth_consent_event_person",
        "CREATE TABLE mine (x)",
        "CREATE VIRTUAL TABLE v USING fts5(x)",
        "SELECT load_extension('x')",
        "DELETE FROM sqlite_master",
        "INSERT INTO troth_policy_head (one, ordinal) VALUES (1, 9)",
        "INSERT INTO troth_purpose_rule VALUES ('send_news', 0, 1)",
        "INSERT INTO troth_outbox (tx, event_id, topic, recorded_at) VALUES (0, 'x', 'x', 1)",
        "INSERT INTO troth_consent_state VALUES ('p', 'x', 'consent_given', NULL, 1, 'e', 0, 9)",
        "INSERT INTO troth_consent_record VALUES ('r', 'x', 'p', 'c', 'x', 'CN')",
        "UPDATE troth_consent_record SET pii_controller = 'x'",
        "DELETE FROM troth_consent_record",
    ),
    "postgresql": (
        "SET session_replication_role = replica",
        "SET ROLE troth_owner",
        "SET SESSION AUTHORIZATION troth_owner",
        "DROP TRIGGER troth_consent_event_append_only ON troth_consent_event",
        "DROP FUNCTION troth_consent_event_project() CASCADE",
        "CREATE OR REPLACE FUNCTION troth_refuse_change() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN RETURN NEW; END'",
        "ALTER FUNCTION troth_refuse_change() OWNER TO CURRENT_USER",
        "CREATE TABLE public.mine (x int)",
        "CREATE SCHEMA mine",
        "ALTER ROLE troth_app SUPERUSER",
        "INSERT INTO troth_policy_head (one, ordinal) VALUES (1, 9)",
        "INSERT INTO troth_purpose_rule VALUES ('send_news', 0, 1)",
        "INSERT INTO troth_outbox (tx, event_id, topic, recorded_at) VALUES (0, 'x', 'x', 1)",
        "INSERT INTO troth_consent_state VALUES ('p', 'x', 'consent_given', NULL, 1, 'e', 0, 9)",
        "INSERT INTO troth_consent_record VALUES ('r', 'x', 'p', 'c', 'x', 'CN')",
        "UPDATE troth_consent_record SET pii_controller = 'x'",
        "DELETE FROM troth_consent_record",
        "COPY troth_consent_state FROM STDIN",
        "SELECT setval('troth_consent_event_seq_seq', 1)",
        "SELECT nextval('troth_outbox_seq_seq')",
    ),
}


def everything(owner_url: str) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table, read as the owner."""
    engine = db.owner_engine(owner_url)
    try:
        with engine.connect() as connection:
            return {
                table: sorted(
                    map(tuple, connection.execute(text(f"SELECT * FROM {table}"))), key=str
                )
                for table in (*TABLES, "troth_person")
            }
    finally:
        engine.dispose()


@pytest.mark.promise("S-13")
@pytest.mark.control("consent_recorded")
@pytest.mark.parametrize("table", TABLES)
def test_a_row_once_written_stays_as_it_is_whatever_the_application_tries(
    here: Deployment, table: str
) -> None:
    person = here.person()
    here.give(person, "send_news", "keep_account")
    here.troth.sequence()
    with here.troth.transaction() as connection:  # a full tile needs 256 leaves; one row will do
        connection.execute(text("INSERT INTO troth_tile VALUES (7, 7, :h, :h)"), {"h": b"\0"})
    before = everything(here.database.owner_url)
    assert all(before.values())
    kind = here.database.kind
    refuse(
        here,
        [s.format(table=table, column=KEYS[table]) for s in BY_TABLE["both"] + BY_TABLE[kind]],
    )
    assert everything(here.database.owner_url) == before


@pytest.mark.promise("S-13")
def test_the_application_can_change_no_setting_schema_or_projection(here: Deployment) -> None:
    here.give(here.person(), "send_news")
    before = everything(here.database.owner_url)
    refuse(here, ANYWHERE[here.database.kind])
    assert everything(here.database.owner_url) == before


def refuse(here: Deployment, statements: Sequence[str]) -> None:
    """Hold that each statement is refused on each kind of connection that the application has."""
    database = here.troth.kit.database
    alone = database.open(autocommit=True)
    for statement in statements:
        with pytest.raises((sqlite3.Error, psycopg.Error)):
            alone.execute(statement)
        with pytest.raises((DBAPIError, StoreUnavailable)), database.transaction() as connection:
            connection.exec_driver_sql(statement)


@pytest.mark.promise("S-13")
@pytest.mark.parametrize(
    ("function", "columns", "values"),
    [
        (
            "troth_policy_version_project",
            "ordinal int, pii_controller text, jurisdiction text, event_id text, "
            "recorded_at bigint",
            "9, 'x', 'x', 'x', 1",
        ),
        ("troth_person_project", "flags int, pii_principal_id text", "0, '{person}'"),
        (
            "troth_consent_event_project",
            "record_id text, pii_principal_id text, purpose_id text, event_state text, "
            "valid_until bigint, notice_ordinal int, event_id text, seq bigint, recorded_at bigint",
            "'r', '{person}', 'send_news', 'consent_given', NULL, 1, 'e', 999, 1",
        ),
    ],
)
def test_the_functions_that_write_projections_cannot_be_hung_on_a_table_of_ones_own(
    postgres_database: PostgresDatabase, tmp_path: Path, function: str, columns: str, values: str
) -> None:
    """They run with the owner's rights: on a TEMP table they would write whatever one likes."""
    with deployed(postgres(postgres_database, tmp_path)) as here:
        person = here.person()
        here.say(person, "send_news", Answer.REFUSE)
        here.troth.set_person(person, restricted=True)
        before = everything(here.database.owner_url)
        connection = here.troth.kit.database.open(autocommit=True)
        connection.execute(f"CREATE TEMP TABLE mine ({columns})")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "CREATE TRIGGER forge AFTER INSERT ON mine FOR EACH ROW "
                f"EXECUTE FUNCTION public.{function}()"
            )
        connection.execute(f"INSERT INTO mine VALUES ({values.format(person=person)})")
        assert everything(here.database.owner_url) == before
        assert not here.troth.decide(person, "send_news")


def postgres(made: PostgresDatabase, folder: Path) -> TestDatabase:
    return TestDatabase(
        kind="postgresql", owner_url=made.owner_url, app_url=made.app_url, folder=folder
    )


def test_the_role_of_the_application_owns_nothing_on_postgresql(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    with deployed(postgres(postgres_database, tmp_path)):
        pass
    with psycopg.connect(postgres_database.app_url.replace("+psycopg", "")) as app:
        for to in ("PUBLIC", "troth_app"):  # a warning of the server, and no effect
            app.execute(f"GRANT ALL ON troth_consent_state, troth_consent_event TO {to}")
    with psycopg.connect(postgres_database.superuser_dsn) as admin:
        owned = admin.execute(
            "SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = 'troth_app' UNION ALL "
            "SELECT proname FROM pg_proc WHERE pg_get_userbyid(proowner) = 'troth_app' UNION ALL "
            "SELECT nspname FROM pg_namespace WHERE pg_get_userbyid(nspowner) = 'troth_app'"
        ).fetchall()
        assert owned == []
        rights = admin.execute(
            "SELECT table_name, string_agg(privilege_type, ' ' ORDER BY privilege_type) "
            "FROM information_schema.role_table_grants WHERE grantee = 'troth_app' GROUP BY 1"
        ).fetchall()
        public = admin.execute(
            "SELECT count(*) FROM information_schema.role_table_grants "
            "WHERE grantee = 'PUBLIC' AND table_schema = 'public'"
        ).fetchone()
        assert public == (0,)
        assert dict(rights) == {
            "troth_person": "DELETE INSERT SELECT UPDATE",
            "troth_use": "DELETE INSERT SELECT UPDATE",
            "troth_outbox_cursor": "DELETE INSERT SELECT UPDATE",
            "troth_consent_event": "INSERT SELECT",
            "troth_policy_version": "INSERT SELECT",
            "troth_policy_purpose": "INSERT SELECT",
            **dict.fromkeys(guard.LOOKS, "INSERT SELECT"),
            "troth_leaf": "INSERT SELECT",
            "troth_tile": "INSERT SELECT",
            "troth_checkpoint": "INSERT SELECT",
            "troth_consent_state": "SELECT",
            "troth_consent_record": "SELECT",
            "troth_permitted": "SELECT",
            "troth_outbox": "SELECT",
            "troth_policy_head": "SELECT",
            "troth_purpose_rule": "SELECT",
        }


# --- a database that is lost, broken or locked ---------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a lock a fifth of a second instead of five."""
    monkeypatch.setitem(db._PRAGMAS, "busy_timeout", ("200", 200))
    connect = sqlite3.connect

    def hurried(*args: Any, **named: Any) -> sqlite3.Connection:
        return connect(*args, **{**named, "timeout": 0.2})

    monkeypatch.setattr(db.sqlite3, "connect", hurried)


@pytest.mark.control("decision_fails_closed")
def test_a_missing_file_is_an_error_and_never_a_new_ledger(tmp_path: Path) -> None:
    made = sqlite_database(tmp_path)
    set_up(made)
    for file in tmp_path.glob("troth.db*"):
        file.unlink()
    troth = open_troth(made, SetClock(NOW))
    decision = troth.decide("somebody", "send_news")
    assert (decision.allowed, decision.reason) == (False, "ledger_unreadable")
    for attempt in (troth.add_person, troth.in_force, troth.versions, troth.snapshot):
        with pytest.raises(StoreUnavailable):
            attempt()
    with pytest.raises(StoreUnavailable), troth.transaction():
        pass
    with pytest.raises(StoreUnavailable), troth.reading():
        pass
    troth.close()
    assert list(tmp_path.glob("troth.db*")) == []


def test_an_empty_file_is_no_ledger(tmp_path: Path) -> None:
    made = sqlite_database(tmp_path)
    (tmp_path / "troth.db").touch()
    troth = open_troth(made, SetClock(NOW))
    assert troth.decide("somebody", "send_news").reason == "ledger_unreadable"
    with pytest.raises((StoreUnavailable, sqlite3.OperationalError)):
        troth.add_person()
    troth.close()


@pytest.mark.control("decision_fails_closed")
def test_a_broken_file_says_no_and_takes_nothing_until_it_is_restored(tmp_path: Path) -> None:
    with deployed(sqlite_database(tmp_path)) as here:
        person = here.person()
        here.give(person, "send_news")
        here.troth.close()
        sound = (tmp_path / "troth.db").read_bytes()
        (tmp_path / "troth.db").write_bytes(b"\x5a" * len(sound))
        troth = open_troth(here.database, here.clock, seed="later")
        assert troth.decide(person, "send_news").reason == "ledger_unreadable"
        with pytest.raises(StoreUnavailable):
            troth.add_person()
        (tmp_path / "troth.db").write_bytes(sound)
        assert troth.decide(person, "send_news").allowed
        assert troth.add_person() != person
        troth.close()


@pytest.mark.usefixtures("impatient")
@pytest.mark.control("decision_fails_closed")
def test_a_locked_file_says_no_and_takes_nothing_until_it_is_free(tmp_path: Path) -> None:
    with deployed(sqlite_database(tmp_path)) as here:
        person = here.person()
        here.give(person, "send_news")
        token = here.troth.show("send_news", person=person).token
        here.troth.close()
        before = everything(here.database.owner_url)
        troth = open_troth(here.database, here.clock, seed="later")
        hold = sqlite3.connect(tmp_path / "troth.db", isolation_level=None)
        hold.execute("PRAGMA locking_mode=EXCLUSIVE")
        hold.execute("BEGIN EXCLUSIVE")
        assert troth.decide(person, "send_news").reason == "ledger_unreadable"
        assert not troth.decide(person, "send_news").allowed
        with pytest.raises(StoreUnavailable):
            troth.answer(person, "send_news", Answer.WITHDRAW, token)
        hold.close()
        assert everything(here.database.owner_url) == before
        assert troth.decide(person, "send_news").allowed
        troth.answer(person, "send_news", Answer.WITHDRAW, token)
        assert troth.decide(person, "send_news").reason == "withdrawn"
        troth.close()


@pytest.mark.usefixtures("impatient")
def test_while_another_writes_reads_go_on_and_a_write_waits_and_is_told(tmp_path: Path) -> None:
    with deployed(sqlite_database(tmp_path)) as here:
        person = here.person()
        here.give(person, "send_news")
        token = here.troth.show("send_news", person=person).token
        here.troth.close()
        troth = open_troth(here.database, here.clock, seed="later")
        with closing(sqlite3.connect(tmp_path / "troth.db", isolation_level=None)) as hold:
            hold.execute("BEGIN IMMEDIATE")
            assert troth.decide(person, "send_news").allowed
            with pytest.raises(StoreUnavailable):
                troth.answer(person, "send_news", Answer.WITHDRAW, token)
            with pytest.raises(StoreUnavailable), troth.transaction():
                pass
            hold.execute("ROLLBACK")
        assert troth.answer(person, "send_news", Answer.WITHDRAW, token)
        troth.close()


def test_a_server_that_ends_our_sessions_costs_one_answer_each_and_no_more(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    with deployed(postgres(postgres_database, tmp_path)) as here:
        person = here.person()
        here.give(person, "send_news")
        with psycopg.connect(postgres_database.superuser_dsn, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'troth_app'"
            )
        assert here.troth.decide(person, "send_news").reason == "ledger_unreadable"
        assert here.troth.decide(person, "send_news").allowed
        with pytest.raises(StoreUnavailable):
            here.person()
        assert here.person()
        with here.troth.reading() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1


def test_errors_of_the_database_tell_no_values(here: Deployment) -> None:
    here.troth.add_person()
    with pytest.raises(UnknownName) as refused:
        here.troth.set_person("somebody-secret", restricted=True)
    assert "somebody-secret" not in str(refused.value)


# --- many callers, one commit --------------------------------------------------------------------


def test_many_callers_share_commits_and_each_gets_its_own_result(here: Deployment) -> None:
    """16 threads of 50 answers: none lost, each result its caller's own."""
    threads, rounds = 16, 50
    people = [here.person() for _ in range(threads)]
    commits = count_commits(here)
    start = threading.Barrier(threads)

    def work(person: str) -> list[str]:
        start.wait()
        made = []
        for turn in range(rounds):
            token = here.troth.show("send_news", person=person).token
            said = Answer.WITHDRAW if turn % 2 else Answer.GIVE
            made.append(here.troth.answer(person, "send_news", said, token))
        return made

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(work, people))
    for person, made in zip(people, results, strict=True):
        history = here.troth.history(person)
        assert [event.event_id for event in history] == made
        assert here.troth.decide(person, "send_news").evidence_id == made[-1]
    assert here.counts()["troth_consent_event"] == threads * rounds
    assert here.counts()["troth_outbox"] == threads * rounds + 1
    assert 0 < len(commits) < threads * rounds


def count_commits(here: Deployment) -> list[int]:
    """Count the commits of the shared writer and how many callers each had."""
    writer = here.troth.kit.database.writer
    made: list[int] = []
    commit = writer._commit

    def counted(jobs: list[Any]) -> None:
        made.append(len(jobs))
        commit(jobs)

    writer._commit = counted  # type: ignore[method-assign]
    return made


def test_a_caller_that_fails_fails_alone(here: Deployment) -> None:
    """Half of those who share a commit fail, after they wrote; the others' rows are there."""
    writer = here.troth.kit.database.writer
    rows = here.troth.kit.rows
    start = threading.Barrier(16)

    def work(number: int) -> str:
        start.wait()

        def job(cursor: Any) -> str:
            name = f"person-{number:02}"
            rows.add_person(cursor, name, 0, NOW)  # type: ignore[arg-type]
            if number % 2:
                raise InputError(f"no {number}")
            return name

        try:
            return writer.run(job)
        except InputError as error:
            return str(error)

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(work, range(16)))
    assert results == [f"no {n}" if n % 2 else f"person-{n:02}" for n in range(16)]
    with here.troth.reading() as connection:
        found = connection.exec_driver_sql(
            "SELECT pii_principal_id FROM troth_person ORDER BY 1"
        ).fetchall()
    assert [row[0] for row in found] == [f"person-{n:02}" for n in range(0, 16, 2)]


def test_a_caller_that_breaks_the_database_rule_fails_alone_in_a_shared_commit(
    here: Deployment,
) -> None:
    writer = here.troth.kit.database.writer
    rows = here.troth.kit.rows
    first, go = threading.Event(), threading.Event()

    def leader(cursor: Any) -> str:
        first.set()
        go.wait(5)
        rows.add_person(cursor, "leader", 0, NOW)  # type: ignore[arg-type]
        return "leader"

    def twice(cursor: Any) -> str:
        for _ in range(2):
            rows.add_person(cursor, "twice", 0, NOW)  # type: ignore[arg-type]
        return "twice"

    def follower(cursor: Any) -> str:
        rows.add_person(cursor, "follower", 0, NOW)  # type: ignore[arg-type]
        return "follower"

    with ThreadPoolExecutor(3) as pool:
        leading = pool.submit(writer.run, leader)
        first.wait(5)
        failing, following = pool.submit(writer.run, twice), pool.submit(writer.run, follower)
        while len(writer._queue) < 2:
            pass
        go.set()
        assert leading.result(10) == "leader"
        assert following.result(10) == "follower"
        assert failing.exception(10) is not None
    assert here.counts()["troth_person"] == 2


def test_an_interrupted_commit_tells_everybody_and_the_writer_goes_on(here: Deployment) -> None:
    writer = here.troth.kit.database.writer

    def interrupt(cursor: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        writer.run(interrupt)
    assert here.person()
    assert here.counts()["troth_person"] == 1


# --- connections and sums that must not pile up -------------------------------------------------


def test_decisions_that_fail_leave_no_connection_behind(sqlite_here: Deployment) -> None:
    database = sqlite_here.troth.kit.database
    before = len(database._opened)
    for _ in range(20):
        assert not sqlite_here.troth.decide("\ud800", "send_news")
    assert len(database._opened) <= before + 1


@pytest.mark.parametrize("name", ["with#hash", "with%41percent", "with?mark", "含有 空格"])
def test_any_folder_name_can_hold_the_database(tmp_path: Path, name: str) -> None:
    url = Settings.of(tmp_path / name, {}).database_url
    folder = tmp_path / name
    folder.mkdir()
    made = TestDatabase(kind="sqlite", owner_url=url, app_url=url, folder=folder)
    with deployed(made) as here:
        assert here.person()
    assert (folder / "troth.db").is_file()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(UnsafeStore):
        Database(url)


def test_a_role_whose_commits_do_not_wait_for_the_disk_is_refused(
    postgres_database: PostgresDatabase,
) -> None:
    address = make_url(postgres_database.owner_url).set(drivername="postgresql")
    with psycopg.connect(address.render_as_string(hide_password=False)) as owner:
        owner.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = off")
    database = Database(postgres_database.owner_url)
    with pytest.raises(UnsafeStore):
        database.cursor()
    with pytest.raises(UnsafeStore), database.transaction():
        pass
    database.close()
