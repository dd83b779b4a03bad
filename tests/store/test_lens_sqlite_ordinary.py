"""The application's ordinary connections on SQLite: no table behind a lens is read or written."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.databases import Template
from tests.lens_sqlite import INSTALLED, LensedShop, lensed_shop
from troth.core.errors import InputError
from troth.store import guard
from troth.store.lens_sqlite_tables import install, uninstall

OWNERS = """
CREATE TABLE shelf (id TEXT PRIMARY KEY, what TEXT);
CREATE TABLE wish_copy (id TEXT PRIMARY KEY, pii_principal_id TEXT, what TEXT);
CREATE TABLE bell (id TEXT);
CREATE TABLE tag (id TEXT PRIMARY KEY, customer_id TEXT REFERENCES customer__rows (id));
CREATE VIEW everybody AS SELECT name, phone FROM customer__rows;
CREATE VIEW how_many AS SELECT count(*) AS people FROM customer__rows;
CREATE TRIGGER bell_rings AFTER INSERT ON bell
  BEGIN UPDATE customer__rows SET phone = 'x'; END;
CREATE TRIGGER bell_goes AFTER DELETE ON bell
  BEGIN INSERT INTO shelf SELECT id, phone FROM customer__rows; END;
INSERT INTO bell VALUES ('b');
"""
"""What an owner may have made over tables that were renamed afterwards, or by mistake."""


@pytest.fixture
def shop(migrated_template: Template, tmp_path: Path) -> Iterator[LensedShop]:
    with (
        migrated_template.copy(None, tmp_path / "database") as database,
        lensed_shop(database) as made,
    ):
        with closing(sqlite3.connect(database.file)) as owner:
            owner.executescript(OWNERS)
            owner.execute("ANALYZE")
        before = made.everything()
        yield made
        assert made.everything() == before, "an ordinary connection changed a row"


@contextmanager
def through_transaction(shop: LensedShop) -> Iterator[Callable[[str], Any]]:
    with shop.here.troth.kit.database.transaction() as connection:
        yield lambda sql: connection.execute(text(sql))
        connection.rollback()


@contextmanager
def through_reading(shop: LensedShop) -> Iterator[Callable[[str], Any]]:
    with shop.here.troth.kit.database.reading() as connection:
        yield connection.exec_driver_sql


@contextmanager
def through_cursor(shop: LensedShop) -> Iterator[Callable[[str], Any]]:
    yield shop.here.troth.kit.database.cursor().execute


@contextmanager
def through_writer(shop: LensedShop) -> Iterator[Callable[[str], Any]]:
    yield lambda sql: shop.here.troth.kit.database.writer.run(lambda cursor: cursor.execute(sql))


WAYS = (through_transaction, through_reading, through_cursor, through_writer)


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def run(shop: LensedShop, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
    with request.param(shop) as made:
        yield made


def refused(run: Callable[[str], Any], *statements: str) -> None:
    for sql in statements:
        with pytest.raises(Exception, match=r"prohibited|not authorized") as caught:
            must_fail(run, sql)
        cause = getattr(caught.value, "orig", None) or caught.value
        assert isinstance(cause, sqlite3.DatabaseError), repr(cause)


def must_fail(run: Callable[[str], Any], sql: str) -> None:
    pytest.fail(f"{sql}: {run(sql).fetchall()}")


@pytest.mark.promise("S-36", "S-50")
@pytest.mark.control("purpose_lens")
def test_base_tables_by_name_quoted_and_qualified(run: Callable[[str], Any]) -> None:
    refused(
        run,
        "SELECT * FROM customer__rows",
        "SELECT name FROM main.customer__rows",
        'SELECT "name" FROM "CUSTOMER__ROWS"',
        "SELECT name FROM [main].[Customer__Rows] AS shelf",
        "SELECT name FROM `customer__rows`",
        "SELECT/**/rowid/**/FROM/**/customer__rows",
        "SELECT count(*) FROM customer__rows",
        "SELECT 1 FROM customer__rows",
        "SELECT EXISTS (SELECT * FROM customer__rows)",
        "SELECT * FROM wish__rows",
        "EXPLAIN QUERY PLAN SELECT * FROM customer__rows",
    )


def test_sub_queries_and_joins(run: Callable[[str], Any]) -> None:
    refused(
        run,
        "WITH shelf AS (SELECT * FROM customer__rows) SELECT * FROM shelf",
        "SELECT (SELECT phone FROM customer__rows LIMIT 1)",
        "SELECT * FROM shelf WHERE id IN (SELECT id FROM customer__rows)",
        "SELECT s.id FROM shelf s LEFT JOIN customer__rows c ON c.id = s.id",
        "SELECT 1 FROM bell, customer__rows",
        "SELECT id FROM shelf UNION SELECT name FROM customer__rows",
        "SELECT id FROM shelf ORDER BY (SELECT max(phone) FROM customer__rows)",
        "SELECT 1 WHERE ('a', 'b', 'c') IN wish__rows",
    )


def test_views_that_an_owner_made(run: Callable[[str], Any]) -> None:
    refused(
        run,
        "SELECT * FROM everybody",
        "SELECT name FROM everybody",
        "SELECT count(*) FROM everybody",
        "SELECT people FROM how_many",
        "SELECT name FROM shelf FULL JOIN (SELECT name FROM everybody) ON 1",
        "WITH g(phone) AS (VALUES (1)) SELECT phone FROM g FULL JOIN everybody USING (phone)",
    )


def test_samples_that_the_planner_keeps(run: Callable[[str], Any]) -> None:
    refused(run, "SELECT * FROM sqlite_stat1")


def test_writing(shop: LensedShop) -> None:
    for way in (through_transaction, through_cursor, through_writer):
        with way(shop) as run:
            refused(
                run,
                "UPDATE customer__rows SET phone = 'x'",
                "UPDATE main.customer__rows SET phone = 'x' WHERE 0",
                "DELETE FROM line__rows",
                "INSERT INTO wish__rows VALUES ('w', 'p', 'x')",
                "INSERT OR REPLACE INTO wish__rows SELECT * FROM wish_copy",
                "INSERT INTO wish_copy SELECT * FROM wish__rows",
                "UPDATE shelf SET what = (SELECT phone FROM customer__rows)",
                "UPDATE shelf SET what = c.phone FROM customer__rows c",
                "INSERT INTO shelf VALUES ('s', 'x') RETURNING (SELECT name FROM customer__rows)",
                "DELETE FROM shelf WHERE id IN (SELECT id FROM customer__rows)",
                "INSERT INTO bell VALUES ('ring')",
                "DELETE FROM bell",
                "CREATE TEMP VIEW v AS SELECT * FROM customer__rows",
                "CREATE TRIGGER t AFTER INSERT ON shelf BEGIN DELETE FROM wish__rows; END",
                "ALTER TABLE customer__rows RENAME TO customer",
                "DROP TABLE wish__rows",
                # SQLite looks for the parent as whoever wrote the child, and he may not read it.
                "INSERT INTO tag VALUES ('t', 'c-an')",
            )


def test_what_lies_outside_the_lenses_goes_on(shop: LensedShop) -> None:
    database = shop.here.troth.kit.database
    with database.transaction() as connection:
        connection.execute(text("INSERT INTO shelf VALUES ('s', 'tea')"))
        connection.execute(text("UPDATE shelf SET what = 'green tea'"))
    with database.reading() as connection:
        assert connection.execute(text("SELECT what FROM shelf")).scalar_one() == "green tea"
        people = connection.execute(text("SELECT count(*) FROM troth_person")).scalar_one()
        assert people == 3
    assert shop.here.troth.decide(shop.people["an"], "ship_parcel").allowed
    with shop.use("an") as block:
        assert block.dbapi.execute("SELECT name FROM customer").fetchall() == [("an",)]


def test_names_are_told_and_no_rows(shop: LensedShop) -> None:
    cursor = shop.here.troth.kit.database.cursor()
    columns = [row[1] for row in cursor.execute("PRAGMA table_info(customer__rows)")]
    assert "phone" in columns
    names = {row[0] for row in cursor.execute("SELECT name FROM sqlite_master")}
    assert {f"{name}__rows" for name in INSTALLED} <= names
    assert "1390" not in repr(cursor.execute("SELECT * FROM sqlite_master").fetchall())


def test_without_lenses_the_tables_are_the_applications_own(shop: LensedShop) -> None:
    url = shop.here.database.owner_url
    uninstall(url, INSTALLED)
    with shop.here.troth.kit.database.reading() as connection:
        names = connection.execute(text("SELECT name FROM customer ORDER BY 1")).scalars().all()
    assert names == ["an", "bo", "cy"]
    install(url, INSTALLED)


# --- what the authorizer does not see -------------------------------------------------------------

BY_NAME = (
    "WITH g(phone) AS (VALUES (NULL)) SELECT phone FROM g FULL JOIN customer__rows USING (phone)",
    'WITH g(phone) AS (VALUES (1)) SELECT phone FROM g FULL JOIN "Customer__ROWS" uSiNg (phone)',
    "WITH g(phone) AS (VALUES ('1391')) SELECT phone FROM g JOIN main.customer__rows USING(phone)",
    "SELECT * FROM wish_copy NATURAL JOIN wish__rows",
    "UPDATE shelf SET what = phone FROM (SELECT 1 AS phone) g FULL JOIN customer__rows "
    "USING (phone)",
)


@pytest.mark.parametrize("sql", BY_NAME)
def test_a_join_by_name_is_refused_by_its_text(shop: LensedShop, sql: str) -> None:
    file = shop.here.database.file
    with closing(sqlite3.connect(file, factory=guard.GuardedConnection)) as connection:
        connection.set_authorizer(guard.authorize)
        for execute in (
            connection.execute,
            connection.cursor().execute,
            lambda given: connection.executemany(given, [()]),
            connection.executescript,
        ):
            with pytest.raises(InputError, match="through a purpose"):
                execute(sql)
        own = "SELECT a.id FROM shelf a JOIN shelf b USING (id) NATURAL JOIN shelf c"
        assert connection.execute(own).fetchall() == []


@pytest.mark.parametrize("sql", BY_NAME)
def test_a_join_by_name_is_refused_on_the_applications_connections(
    shop: LensedShop, sql: str
) -> None:
    for way in (through_transaction, through_reading):
        with way(shop) as run, pytest.raises(InputError, match="through a purpose"):
            must_fail(run, sql)
