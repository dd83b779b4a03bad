"""The schema is the sum of its migrations, and equals what the code says it is."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.schema import CreateIndex, CreateTable

from tests.builders import set_up
from tests.conftest import TestDatabase
from tests.servers import PostgresDatabase
from troth.core.errors import UnsafeStore
from troth.store import guard, ledger, permitted
from troth.store.consent import RECORD_VIEW, projection_triggers
from troth.store.look_tables import looks_metadata
from troth.store.migrate import VERSION_TABLE, migrate
from troth.store.outbox_feed import outbox_cursor
from troth.store.policy import head_triggers
from troth.store.schema import metadata

assert outbox_cursor.metadata is metadata  # imported so that the catalogue is whole


@contextmanager
def owner(database: TestDatabase) -> Iterator[Connection]:
    engine = create_engine(database.owner_url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def declared(kind: str, engine: Engine) -> list[str]:
    """Return the DDL that the code declares: tables, indexes, functions and triggers."""
    statements = []
    tables = metadata.sorted_tables
    if kind == "postgresql":  # on SQLite looks lie in a file of their own: see test_looks_file
        tables = [*tables, *looks_metadata.sorted_tables]
    for table in tables:
        statements.append(str(CreateTable(table).compile(engine)))
        statements += [
            str(CreateIndex(index).compile(engine))
            for index in sorted(table.indexes, key=lambda i: str(i.name))
            if index._ddl_if is None or index._ddl_if.dialect == kind
        ]
    if kind == "postgresql":
        statements.append(guard.REFUSE_CHANGE)
    looks = guard.LOOKS if kind == "postgresql" else ()
    for table_name in (*guard.APPEND_ONLY, *looks):
        if table_name not in guard.LEDGER:
            statements += guard.append_only_triggers(kind, table_name)
    statements += ledger.append_only_ddl(kind)
    statements += projection_triggers(kind)  # type: ignore[arg-type]
    statements += head_triggers(kind)  # type: ignore[arg-type]
    statements.append(RECORD_VIEW)
    statements += permitted.rule_triggers(kind)  # type: ignore[arg-type]
    statements.append(permitted.permitted_view(kind))  # type: ignore[arg-type]
    return statements


def sqlite_schema(connection: Connection) -> dict[tuple[str, str], str]:
    found = connection.execute(
        text(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL "
            f"AND name NOT LIKE 'sqlite_%' AND name != '{VERSION_TABLE}'"
        )
    )
    return {(kind, name): plain(sql) for kind, name, sql in found}


def plain(sql: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\s*([(),])\s*", r"\1", sql)).strip()


PG_CATALOGUE = (
    "SELECT 'column', table_name || '.' || column_name, "
    "  data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') || ' ' || "
    "  is_identity || ' ' || coalesce(identity_generation, '') "
    "  FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT 'constraint', conrelid::regclass::text || '.' || conname, pg_get_constraintdef(oid) "
    "  FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
    "SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT 'view', viewname, definition FROM pg_views WHERE schemaname = 'public'",
    "SELECT 'trigger', tgname, pg_get_triggerdef(oid) || ' ' || tgenabled::text FROM pg_trigger "
    "  WHERE NOT tgisinternal",
    "SELECT 'function', proname, pg_get_functiondef(oid) FROM pg_proc "
    "  WHERE pronamespace = 'public'::regnamespace",
)


def postgresql_schema(connection: Connection) -> dict[tuple[str, str], str]:
    return {
        (kind, name): plain(definition)
        for query in PG_CATALOGUE
        for kind, name, definition in connection.exec_driver_sql(query)
        if VERSION_TABLE not in name
    }


def schema(connection: Connection) -> dict[tuple[str, str], str]:
    is_sqlite = connection.dialect.name == "sqlite"
    return sqlite_schema(connection) if is_sqlite else postgresql_schema(connection)


def test_the_schema_equals_the_sum_of_its_migrations(database: TestDatabase) -> None:
    set_up(database)
    with owner(database) as connection:
        migrated = schema(connection)
    assert len([name for kind, name in migrated if kind == "trigger"]) >= 12
    if database.kind == "sqlite":
        file = database.folder / "declared.db"
        other = TestDatabase(
            kind="sqlite", owner_url=f"sqlite:///{file}", app_url="", folder=database.folder
        )
    else:
        other = database
        with owner(database) as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
    with owner(other) as connection:
        cursor = connection.connection.cursor()
        for statement in declared(database.kind, connection.engine):
            cursor.execute(statement)
        wanted = schema(connection)
    assert sorted(migrated) == sorted(wanted)
    assert {k: v for k, v in migrated.items() if wanted[k] != v} == {}


def test_alembic_finds_nothing_that_the_migrations_forgot(database: TestDatabase) -> None:
    set_up(database)
    with owner(database) as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        both = [metadata, looks_metadata]
        found = compare_metadata(context, both if database.kind == "postgresql" else metadata)
    # The words beside a table are for readers of the code, and one index is PostgreSQL's only.
    expected = ("add_table_comment", "ix_troth_outbox_tx_seq")
    assert [e for e in found if not any(word in str(e) for word in expected)] == []


def test_migrating_again_changes_nothing(database: TestDatabase) -> None:
    set_up(database)
    with owner(database) as connection:
        connection.execute(text("INSERT INTO troth_person VALUES ('p', 0, 1)"))
        before = schema(connection)
    set_up(database)
    with owner(database) as connection:
        assert schema(connection) == before
        assert connection.execute(text("SELECT count(*) FROM troth_person")).scalar_one() == 1
        versions = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).fetchall()
    assert versions == [(heads()[0],)]


def heads() -> list[str]:
    config = Config()
    scripts = Path(str(resources.files("troth.store") / "migrations"))
    config.set_main_option("script_location", str(scripts))
    return list(ScriptDirectory.from_config(config).get_heads())


def test_the_migrations_have_a_single_head() -> None:
    assert len(heads()) == 1


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    postgres_database: PostgresDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from troth.store import migrate as module

    database = TestDatabase(
        kind="postgresql",
        owner_url=postgres_database.owner_url,
        app_url=postgres_database.app_url,
        folder=tmp_path,
    )

    def broken(_: str) -> list[str]:
        return ["GRANT nonsense"]

    monkeypatch.setattr(module.guard, "grants", broken)
    with pytest.raises(Exception, match="nonsense"):
        set_up(database)
    with owner(database) as connection:
        assert schema(connection) == {}
    monkeypatch.undo()
    set_up(database)


def test_a_new_file_of_sqlite_keeps_its_journal_as_a_log(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    migrate(url)
    with owner(TestDatabase(kind="sqlite", owner_url=url, app_url=url, folder=tmp_path)) as found:
        assert found.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"


def test_postgresql_needs_a_role_that_owns_nothing(postgres_database: PostgresDatabase) -> None:
    for role in ("", "troth_owner"):
        with pytest.raises(UnsafeStore, match="a role that owns nothing"):
            migrate(postgres_database.owner_url, app_role=role)


def test_a_role_that_may_act_as_the_owner_is_refused(postgres_database: PostgresDatabase) -> None:
    with psycopg.connect(postgres_database.superuser_dsn, autocommit=True) as admin:
        admin.execute("CREATE ROLE troth_sly LOGIN IN ROLE troth_owner")
        with pytest.raises(UnsafeStore, match="act as their owner"):
            migrate(postgres_database.owner_url, app_role="troth_sly")
        count = admin.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'troth%'")
        assert count.fetchone() == (0,)
        with pytest.raises(UnsafeStore, match="act as their owner"):
            migrate(postgres_database.owner_url, app_role="postgres")


def test_an_engine_on_which_our_promises_do_not_hold_is_refused() -> None:
    with pytest.raises(UnsafeStore):
        migrate("mysql+pymysql://a@b/c", app_role="x")
