"""What the engine says of its own tables, against what its migrations make on both databases.

A migration that adds a column or a table fails here by name until `datamap_own.py` says whose data
it holds.
"""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine

from tests.builders import draft
from tests.databases import TestDatabase
from troth.core.datamap_own import LOOK_TABLES, RECORDS, OwnTable
from troth.core.policy import Policy
from troth.flows.data_map import check
from troth.store.look_tables import looks_url
from troth.store.reflect import read_schema

MAP = """\
stores:
  shop:
    engine: [sqlite, postgresql]
    storage: shop_db
    troth: {person: orders, consent: orders, uses: orders}
"""


@pytest.fixture(scope="module")
def policy() -> Policy:
    return draft().policy()


def checked(database: TestDatabase, policy: Policy) -> list[str]:
    """Every difference between the map and the databases of a deployment."""
    urls = [f"shop={database.owner_url}"]
    if database.kind == "sqlite":
        urls.append(f"looks={looks_url(database.owner_url)}")
    found = check(urls, MAP, policy)
    return [f.line_of_text() for f in found if f.rule != "M116"]


def columns(tables: tuple[OwnTable, ...]) -> dict[str, set[str]]:
    """The columns that the engine says each of its tables has."""
    return {
        table.name: {*table.key, table.person, *table.edges, *table.kinds, *table.bare} - {""}
        for table in tables
    }


def live(url: str) -> dict[str, set[str]]:
    return {name: set(table.columns) for name, table in read_schema(url).tables.items()}


def change(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def test_own_tables_are_those_that_the_migrations_make(migrated_database: TestDatabase) -> None:
    if migrated_database.kind == "sqlite":
        assert live(migrated_database.owner_url) == columns(RECORDS)
        assert live(looks_url(migrated_database.owner_url)) == columns(LOOK_TABLES)
    else:
        assert live(migrated_database.owner_url) == columns((*RECORDS, *LOOK_TABLES))


def test_keys_references_and_indexes_are_as_the_engine_says(
    migrated_database: TestDatabase, policy: Policy
) -> None:
    assert checked(migrated_database, policy) == []


@pytest.mark.parametrize("table", ["troth_use", "troth_look"])
def test_column_that_a_migration_adds_is_named(
    migrated_database: TestDatabase, policy: Policy, table: str
) -> None:
    url = migrated_database.owner_url
    change(
        looks_url(url) if table == "troth_look" else url,
        f"ALTER TABLE {table} ADD COLUMN city TEXT",
    )
    [line] = checked(migrated_database, policy)
    assert "D302" in line
    assert f"{table}.city" in line


def test_table_that_a_migration_adds_is_named(
    migrated_database: TestDatabase, policy: Policy
) -> None:
    change(migrated_database.owner_url, "CREATE TABLE troth_visit (day INTEGER)")
    [line] = checked(migrated_database, policy)
    assert "D306" in line
    assert "troth_visit" in line


def test_column_that_a_migration_drops_is_named(
    migrated_database: TestDatabase, policy: Policy
) -> None:
    change(migrated_database.owner_url, "ALTER TABLE troth_checkpoint DROP COLUMN note")
    [line] = checked(migrated_database, policy)
    assert "D307" in line
    assert "troth_checkpoint.note" in line
