import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from tests.databases import TestDatabase
from tests.shop.conftest import Shop, set_up_shop
from troth import StoreUnavailable, UnsafeStore
from troth.core.lens import BASE_SCHEMA, BASE_SUFFIX
from troth.store.reflect import read_schema
from troth_shop import queries
from troth_shop.gate import use
from troth_shop.migrate import VERSION_TABLE, migrate
from troth_shop.tables import metadata


@pytest.fixture
def shop_database(database: TestDatabase) -> TestDatabase:
    """Not a copy as elsewhere: in this file the migrations themselves are tested."""
    set_up_shop(database)
    return database


def test_schema_is_the_sum_of_its_migrations(database: TestDatabase) -> None:
    migrate(database.owner_url, app_role=database.app_role)
    engine = create_engine(database.owner_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []
        found = inspect(connection)
        for table in metadata.sorted_tables:
            checked = {c["name"] for c in found.get_unique_constraints(table.name)}
            wanted = {c.name for c in table.constraints if type(c).__name__ == "UniqueConstraint"}
            assert checked == wanted
            nullable = {c["name"] for c in found.get_columns(table.name) if c["nullable"]}
            assert nullable == {c.name for c in table.columns if c.nullable}
    engine.dispose()


def test_a_column_that_no_migration_makes_is_found(database: TestDatabase) -> None:
    migrate(database.owner_url, app_role=database.app_role)
    engine = create_engine(database.owner_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE shop_customer ADD COLUMN email TEXT"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert [step[0] for step in compare_metadata(context, metadata)] == ["remove_column"]
    engine.dispose()


def test_migrating_twice_changes_nothing(shop: Shop, database: TestDatabase) -> None:
    person = shop.person()
    migrate(database.owner_url, app_role=database.app_role)
    with use(shop.t, person, "secure_account") as c:
        assert queries.phone_of(c, person) is not None


@pytest.mark.parametrize("name", ["shop_code", "shop_customer"])
def test_application_cannot_change_the_schema(
    shop: Shop, shop_database: TestDatabase, name: str
) -> None:
    places = [name, name + BASE_SUFFIX, f"{BASE_SCHEMA}.{name}"]
    for place in places:
        with pytest.raises((DBAPIError, StoreUnavailable)), shop.t.transaction() as c:
            c.execute(text(f"DROP TABLE {place}"))
    assert name in read_schema(shop_database.owner_url).tables


def test_postgresql_needs_a_role_for_the_application() -> None:
    with pytest.raises(UnsafeStore):
        migrate("postgresql+psycopg://owner@127.0.0.1:1/nowhere")


def test_every_query_runs_under_a_purpose_of_the_policy(shop: Shop) -> None:
    named = {
        name
        for name, value in vars(queries).items()
        if callable(value) and getattr(value, "__module__", "") == queries.__name__
    } - {"under", "_one"}
    assert named == set(queries.PURPOSE_OF)
    assert set(queries.PURPOSE_OF.values()) - {""} <= set(shop.t.policy.purposes)


def test_no_module_but_queries_writes_sql() -> None:
    from pathlib import Path

    import troth_shop

    folder = Path(troth_shop.__file__).parent
    allowed = {"queries.py", "tables.py", "migrate.py"}
    for path in folder.rglob("*.py"):
        if path.name in allowed or "migrations" in path.parts:
            continue
        words = path.read_text(encoding="utf-8")
        for sign in (".execute(", "sqlalchemy import text", "select(", "insert("):
            assert sign not in words, f"{path.name} holds {sign}"
