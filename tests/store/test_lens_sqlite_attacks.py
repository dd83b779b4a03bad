"""SQL that tries to see or change more than its purpose on SQLite: one attack, one test.

Threat model: columns and tables outside the purpose are refused whatever the SQL; rows outside it
are never returned and never changed, though SQL may sense that one exists. Every test ends with a
look at all rows: nothing changed that was not granted.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.databases import Template
from tests.lens_sqlite import BOTH, CALL, LensedShop, lensed_shop
from troth.core.errors import InputError
from troth.store import lens_sqlite_ddl as said
from troth.store.lens_sqlite import LensedBlock
from troth.store.lens_sqlite_ddl import Names

REFUSED = (sqlite3.DatabaseError, InputError)
HIDDEN = ("bo", "1391", "note bo", "tea bo", "@x", "c-bo")


@pytest.fixture
def shop(migrated_template: Template, tmp_path: Path) -> Iterator[LensedShop]:
    with (
        migrated_template.copy(None, tmp_path / "database") as database,
        lensed_shop(database) as made,
    ):
        before = made.everything()
        yield made
        assert made.everything() == before, "an attack changed a row"


WHO = {"of_all": None, "of_one": "an", "of_several": ["an", "bo", "cy"]}


@pytest.fixture(params=WHO)
def block(shop: LensedShop, request: pytest.FixtureRequest) -> Iterator[LensedBlock]:
    """A block that sees an and cy, one that sees an only, and one that names bo in vain."""
    with shop.use(WHO[request.param]) as made:
        yield made


def refused(block: LensedBlock, *statements: str, match: str | None = None) -> None:
    """Hold that each statement is refused, on the plain connection and under SQLAlchemy."""
    for sql in statements:
        for execute in (block.dbapi.execute, block.connection.exec_driver_sql):
            with pytest.raises(Exception, match=match) as caught:
                must_fail(execute, sql)
            cause = getattr(caught.value, "orig", None) or caught.value
            assert isinstance(cause, REFUSED), repr(cause)
            assert not any(word in str(cause) for word in ("note bo", "1391", "bo@x"))


def must_fail(execute: Any, sql: str) -> None:
    """Run a statement; what it gives is shown if it is not refused."""
    pytest.fail(f"{sql}: {execute(sql).fetchall()}")


def rows(block: LensedBlock, sql: str, *values: object) -> list[Any]:
    return block.dbapi.execute(sql, values).fetchall()


def shows_nothing_hidden(block: LensedBlock, *statements: str) -> None:
    for sql in statements:
        found = repr(rows(block, sql))
        assert not any(word in found for word in HIDDEN), f"{sql}: {found}"


# --- reading --------------------------------------------------------------------------------------


def test_base_tables_by_name_quoted_and_qualified(block: LensedBlock) -> None:
    refused(
        block,
        "SELECT * FROM customer__rows",
        'SELECT phone FROM "customer__rows"',
        "SELECT phone FROM [customer__rows]",
        "SELECT phone FROM `main`.`customer__rows`",
        "SELECT phone FROM main.customer__rows",
        "SELECT/**/phone/**/FROM/**/MAIN.CUSTOMER__ROWS -- x",
        "SELECT c.phone FROM main.customer__rows AS c",
        "SELECT phone FROM main.customer",
        "SELECT rowid FROM customer__rows",
    )


@pytest.mark.promise("S-36", "S-50")
@pytest.mark.control("purpose_lens")
def test_columns_outside_the_purpose(block: LensedBlock) -> None:
    refused(
        block,
        "SELECT level FROM customer",
        "SELECT fen FROM orders",
        "SELECT customer.level FROM customer",
        "SELECT * FROM customer ORDER BY level",
        "SELECT 1 FROM customer WHERE level = 1",
        "SELECT 1 FROM customer JOIN orders USING (fen)",
    )
    assert {row[0] for row in rows(block, "SELECT email FROM customer")} == {None}, "write only"


def test_tables_outside_the_purpose(block: LensedBlock) -> None:
    refused(
        block,
        "SELECT * FROM wish",
        "SELECT * FROM wish__rows",
        "SELECT * FROM troth_consent_state",
        "SELECT * FROM troth_permitted",
        "SELECT * FROM troth_person",
        "SELECT * FROM troth_purpose_rule",
        "SELECT count(*) FROM wish__rows",
        "SELECT 1 FROM wish__rows",
    )


@pytest.mark.promise("S-36", "S-50")
@pytest.mark.control("purpose_lens")
def test_rows_of_people_who_did_not_permit(block: LensedBlock) -> None:
    shows_nothing_hidden(
        block,
        "SELECT * FROM customer",
        "SELECT * FROM orders",
        "SELECT * FROM line",
        "SELECT * FROM customer WHERE id = 'c-bo'",
        "SELECT * FROM customer LEFT JOIN orders ON orders.customer_id = 'c-bo'",
        "SELECT * FROM orders o FULL JOIN customer c ON o.customer_id = c.id",
        "SELECT * FROM customer WHERE 1 OR id = 'c-bo'",
        "SELECT group_concat(phone) FROM customer",
        "SELECT max(phone) OVER () FROM customer",
        "SELECT name FROM customer UNION SELECT note FROM orders",
        "SELECT (SELECT group_concat(note) FROM orders)",
    )


def test_a_sub_query_named_like_a_mapped_table(block: LensedBlock) -> None:
    refused(
        block,
        "WITH customer AS (SELECT phone FROM main.customer__rows) SELECT phone FROM customer",
        "WITH customer(phone) AS (SELECT phone FROM customer__rows) SELECT * FROM customer",
        "WITH customer AS MATERIALIZED (SELECT * FROM main.customer__rows) SELECT * FROM customer",
        "SELECT * FROM (SELECT * FROM main.customer__rows) AS customer",
        "WITH orders AS (SELECT * FROM main.wish__rows) SELECT * FROM orders",
        "WITH customer AS (SELECT 1 FROM main.customer__rows) SELECT count(*) FROM customer",
        "SELECT * FROM customer AS customer__rows JOIN main.customer__rows AS customer",
    )


@pytest.mark.promise("S-36", "S-50")
@pytest.mark.control("purpose_lens")
def test_a_join_by_name_whose_columns_nobody_asks_about(block: LensedBlock) -> None:
    # SQLite reads the columns of USING and NATURAL without a word to the authorizer.
    refused(
        block,
        "WITH g(phone) AS (VALUES (1)) SELECT phone FROM g FULL JOIN customer__rows USING(phone)",
        "WITH g(level) AS (VALUES (NULL)) "
        "SELECT level FROM g FULL JOIN main.customer__rows USING (level)",
        "WITH g(phone) AS (VALUES ('1391')) SELECT 1 FROM g JOIN main.customer__rows USING (phone)",
        "SELECT phone FROM customer FULL JOIN main.customer__rows using (phone)",
        "WITH g(sql) AS (VALUES (1)) SELECT sql FROM g FULL JOIN sqlite_temp_master USING (sql)",
        "WITH g(pii_principal_id) AS (VALUES (1)) "
        "SELECT pii_principal_id FROM g FULL JOIN troth_person/**/USING/**/(pii_principal_id)",
        "SELECT c.id FROM customer c NATURAL JOIN main.customer__rows",
        "SELECT id FROM orders NATURAL FULL OUTER JOIN orders__rows",
        "UPDATE orders SET note = phone FROM (SELECT NULL AS phone) g "
        "FULL JOIN main.customer__rows USING (phone)",
        "INSERT INTO orders (id, customer_id, note) WITH g(phone) AS (VALUES (NULL)) "
        "SELECT 'n', 'c-an', phone FROM g FULL JOIN main.customer__rows USING (phone)",
    )
    shows_nothing_hidden(
        block,
        'SELECT c.name AS "using", o.note AS "natural" FROM customer c JOIN orders o '
        "ON o.customer_id = c.id",
    )


def test_a_sub_query_named_like_the_views_of_consent(block: LensedBlock) -> None:
    refused(
        block,
        "WITH troth_permitted AS (SELECT * FROM main.troth_consent_state) "
        "SELECT * FROM troth_permitted",
        "WITH troth_permitted AS (SELECT * FROM main.customer__rows) SELECT * FROM troth_permitted",
        "WITH troth_purpose_rule_fill AS (SELECT * FROM main.customer__rows) "
        "SELECT * FROM troth_purpose_rule_fill",
    )


def test_the_lens_s_own_inner_views_cannot_be_reached_by_whoever_sees_their_names(
    shop: LensedShop,
) -> None:
    seen: list[Names] = []
    draw = Names.draw

    def spied(lens: Any) -> Names:
        seen.append(draw(lens))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Names, "draw", spied)
        lensed = shop.lenses.take("ship_parcel", scoped=True)
    shop.lenses._clean["ship_parcel", True].append(lensed)
    names = seen[-1]
    with shop.use("an") as block:
        refused(
            block,
            f"SELECT * FROM {names.inner['customer']}",
            f"SELECT id FROM {names.people}",
            f"SELECT id FROM temp.{names.people} LIMIT 0",
            f"SELECT count(*) FROM {names.people}",
            f"WITH g(id) AS (VALUES (NULL)) SELECT id FROM g FULL JOIN {names.people} USING (id)",
            f"UPDATE customer SET name = p.id FROM {names.people} p",
            f"WITH customer AS (SELECT * FROM {names.people}) SELECT * FROM customer",
            f"SELECT * FROM {names.permitted}",
            f"UPDATE {names.people} SET id = '{shop.people['bo']}'",
            f"REPLACE INTO {names.people} VALUES ('{shop.people['bo']}')",
            f"INSERT INTO {names.people} SELECT pii_principal_id FROM customer",
            f"INSERT INTO temp.{names.people} VALUES ('{shop.people['bo']}')",
            f"DELETE FROM {names.people}",
            f"DROP VIEW {names.inner['customer']}",
        )


@pytest.mark.parametrize(
    "attack",
    [
        "EXPLAIN SELECT * FROM customer",
        "SELECT * FROM customer__rows",
        "SELECT * FROM sqlite_temp_master",
        "UPDATE orders SET fen = 1",
        "SELECT no_such_column FROM customer",
    ],
)
def test_names_behind_the_lens_are_fresh_after_anything_was_refused(
    shop: LensedShop, attack: str
) -> None:
    with shop.use("an") as block:
        before = {one.secret for one in shop.lenses._clean["ship_parcel", True]}
        with pytest.raises((sqlite3.Error, InputError)):
            block.dbapi.execute(attack)
    shop.lenses.settle()
    after = [one for one in shop.lenses._clean["ship_parcel", True] if one.secret not in before]
    assert [one.blocks for one in after] == [0]


def test_names_behind_the_lens_are_fresh_after_so_many_blocks(shop: LensedShop) -> None:
    drawn = []
    for _ in range(130):
        with shop.use("an") as block:
            assert rows(block, "SELECT name FROM customer") == [("an",)]
        shop.lenses.settle()
        drawn += [one.secret for one in shop.lenses._clean["ship_parcel", True]]
    assert len(set(drawn)) == 3


def test_a_connection_that_comes_back_shows_nobody_until_it_is_given_people(
    shop: LensedShop,
) -> None:
    with shop.use("an"):
        pass
    (lensed,) = shop.lenses._clean["ship_parcel", True]
    assert lensed.raw.execute("SELECT name FROM customer").fetchall() == []


def test_explain_in_every_dress(block: LensedBlock) -> None:
    refused(
        block,
        "EXPLAIN SELECT * FROM customer",
        "explain query plan select * from customer",
        "/* x */ EXPLAIN SELECT 1",
        "-- x\nExPlAiN SELECT 1",
        ";EXPLAIN SELECT 1",
        "; ; /**/ EXPLAIN QUERY PLAN SELECT 1",
        "\ufeffEXPLAIN SELECT 1",
        "SELECT 1; EXPLAIN SELECT * FROM customer",
    )


def test_count_and_exists_see_only_what_the_lens_shows(shop: LensedShop) -> None:
    for person, people in ((None, 2), ("an", 1)):
        with shop.use(person) as block:
            assert rows(block, "SELECT count(*) FROM customer") == [(people,)]
            assert rows(block, "SELECT count(*) FROM orders") == [(2 * people,)]
            assert rows(block, "SELECT count(*) FROM temp.customer") == [(people,)]
            assert rows(block, "SELECT EXISTS (SELECT 1 FROM customer WHERE id = 'c-bo')") == [(0,)]
            assert rows(block, "SELECT count(*) FROM (SELECT * FROM line)") == [(2 * people,)]
            refused(
                block,
                "SELECT count(*) FROM customer__rows",
                "SELECT count(*) FROM main.customer__rows",
                "SELECT EXISTS (SELECT 1 FROM main.customer__rows)",
                "SELECT count(*) FROM sqlite_master",
                "SELECT count(*) FROM troth_person",
                "SELECT count(*) FROM temp.sqlite_master",
            )


def test_the_catalogue_and_tables_made_of_functions(block: LensedBlock) -> None:
    refused(
        block,
        "SELECT sql FROM sqlite_master",
        "SELECT sql FROM sqlite_schema",
        "SELECT sql FROM sqlite_temp_master",
        "SELECT sql FROM temp.sqlite_schema",
        "SELECT * FROM pragma_table_info('customer__rows')",
        "SELECT * FROM pragma_table_list",
        "SELECT * FROM json_each('[1]')",
        "SELECT * FROM dbstat",
        "SELECT * FROM sqlite_dbpage",
        "SELECT * FROM sqlite_stmt",
        "SELECT * FROM bytecode('SELECT 1')",
    )


def test_attach_pragma_and_changes_of_schema(block: LensedBlock, tmp_path: Path) -> None:
    refused(
        block,
        f"ATTACH '{tmp_path / 'x.db'}' AS x",
        "DETACH main",
        "PRAGMA table_info(customer__rows)",
        "PRAGMA writable_schema=ON",
        "PRAGMA foreign_keys=OFF",
        "PRAGMA database_list",
        "VACUUM",
        f"VACUUM INTO '{tmp_path / 'x.db'}'",
        "REINDEX",
        "ANALYZE",
        "CREATE TABLE x (y)",
        "CREATE TEMP TABLE customer__rows (y)",
        "CREATE TEMP VIEW x AS SELECT * FROM main.customer__rows",
        "CREATE VIEW x AS SELECT * FROM main.customer__rows",
        "CREATE TEMP TRIGGER x INSTEAD OF INSERT ON customer BEGIN SELECT 1; END",
        "CREATE TRIGGER x AFTER INSERT ON customer__rows BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE x USING fts5(y)",
        "CREATE INDEX x ON customer__rows (phone)",
        "DROP VIEW customer",
        "DROP TABLE customer__rows",
        "ALTER TABLE customer__rows RENAME TO customer2",
    )


def test_functions_that_fail_on_purpose_or_reach_outside(block: LensedBlock) -> None:
    refused(
        block,
        "SELECT abs(-9223372036854775808)",
        "SELECT zeroblob(1000000000)",
        "SELECT randomblob(1000000000)",
        "SELECT json('{')",
        "SELECT json_extract('{', '$')",
        "SELECT load_extension('x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT sqlite_version()",
        "SELECT last_insert_rowid()",
        "SELECT changes()",
        "SELECT fts3_tokenizer('simple')",
        "SELECT 1 FROM customer WHERE id = 'c-bo' AND abs(-9223372036854775808)",
        "SELECT name REGEXP 'x' FROM customer",
    )


def test_error_oracle_on_a_hidden_row_is_dumb_where_the_person_is_given(shop: LensedShop) -> None:
    # With all people it tells that the row is there: that is the residue the threat model names.
    mine = shop.people["an"]
    oracle = (
        "SELECT 1 FROM customer WHERE id = ? AND phone = ? AND "
        f"'x' LIKE 'x' ESCAPE CASE pii_principal_id WHEN '{mine}' THEN 'e' ELSE 'too long' END"
    )
    with shop.use("an") as block:
        for phone in ("1391", "no such"):
            assert rows(block, oracle, "c-bo", phone) == []
        assert rows(block, oracle, "c-an", "1390") == [(1,)]
    with shop.use() as block:
        assert rows(block, oracle, "c-bo", "no such") == []
        with pytest.raises(sqlite3.Error):
            rows(block, oracle, "c-bo", "1391")


def test_a_person_whom_the_statement_chooses(shop: LensedShop) -> None:
    bo = shop.people["bo"]
    with shop.use("an") as block:
        shows_nothing_hidden(
            block,
            f"SELECT name FROM customer WHERE pii_principal_id = '{bo}'",
            f"WITH p(id) AS (SELECT '{bo}') SELECT name FROM customer, p WHERE p.id > ''",
            "SELECT name FROM customer WHERE pii_principal_id IN (SELECT id FROM customer)",
        )
        assert rows(block, "SELECT name FROM customer") == [("an",)]
    with shop.use("bo") as block:
        assert rows(block, "SELECT name FROM customer") == []
        assert rows(block, "SELECT id FROM orders") == []
    for nobody in ("", bo, [""], [], 0, b"x", False, [bo, None], {bo}):
        with pytest.raises(InputError), shop.lenses.use("ship_parcel", people=nobody):  # type: ignore[arg-type]
            pytest.fail("a block for nobody")


@pytest.mark.promise("S-36", "S-50")
@pytest.mark.control("purpose_lens")
def test_a_joint_lens_without_one_of_its_purposes(shop: LensedShop) -> None:
    everything = (
        "SELECT * FROM customer",
        "SELECT * FROM orders",
        "SELECT count(*) FROM customer HAVING count(*) > 0",
        "SELECT 1 WHERE EXISTS (SELECT * FROM line)",
        "SELECT email FROM customer UNION SELECT note FROM orders",
    )
    for who in ("cy", ["cy"], ["bo", "cy"]):  # cy permits one of the two purposes, bo none
        with shop.use(who, BOTH.name) as block:
            assert [rows(block, sql) for sql in everything] == [[]] * len(everything)
            rows(block, "UPDATE customer SET phone = 'x', email = 'x@x'")
            rows(block, "DELETE FROM orders")
            refused(
                block,
                "INSERT INTO wish (id, what) VALUES ('w', 'x')",
                "INSERT INTO orders (id, customer_id) VALUES ('n', 'c-cy')",
                "INSERT INTO customer (id, name, pii_principal_id) "
                f"VALUES ('n', 'x', '{shop.people['cy']}')",
                match=said.NOT_YOURS,
            )


def test_people_beside_those_who_are_named(shop: LensedShop) -> None:
    bo, cy = shop.people["bo"], shop.people["cy"]
    for hidden, who in (("cy", ["an", "bo"]), ("an", ["cy", "bo"])):
        with shop.use(who) as block:
            shown = "an" if hidden == "cy" else "cy"
            assert rows(block, "SELECT name FROM customer") == [(shown,)]
            for sql in (
                "SELECT * FROM customer",
                "SELECT * FROM orders",
                "SELECT * FROM line",
                "SELECT * FROM customer LEFT JOIN orders ON 1",
                f"SELECT name FROM customer WHERE pii_principal_id IN ('{bo}', '{cy}') "
                f"AND id <> 'c-{shown}'",
            ):
                assert f"{hidden} " not in repr(rows(block, sql))
                assert f"-{hidden}" not in repr(rows(block, sql))
            refused(
                block,
                f"INSERT INTO orders (id, customer_id) VALUES ('n', 'c-{hidden}')",
                f"UPDATE orders SET customer_id = 'c-{hidden}'",
                "INSERT INTO customer (id, name, pii_principal_id) "
                f"VALUES ('n', 'x', '{shop.people[hidden]}')",
                "INSERT INTO customer (id, name) VALUES ('n', 'x')",
                match=said.NOT_YOURS,
            )


# --- writing --------------------------------------------------------------------------------------


def test_insert_or_replace_over_a_hidden_row(block: LensedBlock) -> None:
    refused(
        block,
        "INSERT OR REPLACE INTO customer (id, name) VALUES ('c-bo', 'x')",
        "INSERT/**/OR/**/REPLACE INTO customer (id, name) VALUES ('c-bo', 'x')",
        "insert\ufeffor\ufeffreplace into customer (id, name) values ('c-bo', 'x')",
        "REPLACE INTO customer (id, name) VALUES ('c-bo', 'x')",
        "WITH x AS (SELECT 1) REPLACE INTO customer (id, name) VALUES ('c-bo', 'x')",
        "INSERT OR IGNORE INTO customer (id, name) VALUES ('c-bo', 'x')",
        "UPDATE OR REPLACE customer SET phone = '1' WHERE id = 'c-an'",
        "UPDATE OR IGNORE customer SET phone = '1' WHERE id = 'c-an'",
    )


def test_a_conflict_clause_that_gets_past_the_words_is_an_error_in_the_triggers(
    shop: LensedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from troth.store import lens_sqlite_connection

    passes = lens_sqlite_connection.judge("UPDATE x SET y = 1")
    monkeypatch.setattr(lens_sqlite_connection, "judge", lambda _: passes)
    an = shop.people["an"]
    for person in (None, "an"):
        with shop.use(person) as block:
            with pytest.raises(sqlite3.IntegrityError, match=said.KEY_TAKEN):
                rows(block, "UPDATE OR REPLACE customer SET email = 'bo@x' WHERE id = 'c-an'")
            for how in ("OR REPLACE", "OR IGNORE", ""):
                for unique in ("'c-bo', 'x@x'", "'c-new', 'bo@x'"):
                    with pytest.raises(sqlite3.IntegrityError, match=said.KEY_TAKEN):
                        rows(
                            block,
                            f"INSERT {how} INTO customer (id, email, name, pii_principal_id) "
                            f"VALUES ({unique}, 'x', '{an}')",
                        )


def test_an_upsert_is_refused(block: LensedBlock) -> None:
    refused(
        block,
        "INSERT INTO customer (id, name) VALUES ('c-bo', 'x') ON CONFLICT (id) DO NOTHING",
        "INSERT INTO customer (id, name) VALUES ('c-bo', 'x') "
        "ON CONFLICT (id) DO UPDATE SET phone = excluded.name",
        match="UPSERT",
    )


def test_a_unique_violation_says_no_value(shop: LensedShop) -> None:
    with shop.use("an") as block:
        for values in (f"('c-bo', 'x', '{shop.people['an']}')",):
            with pytest.raises(sqlite3.IntegrityError) as caught:
                rows(
                    block,
                    f"INSERT INTO customer (id, name, pii_principal_id) VALUES {values}",
                )
            assert str(caught.value) == said.KEY_TAKEN
        with pytest.raises(sqlite3.IntegrityError) as caught:
            rows(block, "UPDATE customer SET email = 'bo@x'")
        assert str(caught.value) == said.KEY_TAKEN


def test_rows_for_somebody_else(shop: LensedShop) -> None:
    for person, others in ((None, ("bo",)), ("an", ("bo", "cy"))):
        with shop.use(person) as block:
            for other in others:
                refused(
                    block,
                    "INSERT INTO customer (id, name, pii_principal_id) "
                    f"VALUES ('n', 'x', '{shop.people[other]}')",
                    f"INSERT INTO orders (id, customer_id) VALUES ('n', 'c-{other}')",
                    f"UPDATE orders SET customer_id = 'c-{other}' WHERE customer_id = 'c-an'",
                    match=said.NOT_YOURS,
                )
            refused(
                block,
                "INSERT INTO customer (id, name) VALUES ('n', 'x')",
                "INSERT INTO orders (id, customer_id) VALUES ('n', NULL)",
                "INSERT INTO orders (id, customer_id) VALUES ('n', 'nobody')",
                match=said.NOT_YOURS,
            )


def test_changing_hidden_rows_changes_nothing(shop: LensedShop) -> None:
    for person in (None, "an"):
        with shop.use(person) as block:
            rows(block, "UPDATE customer SET phone = 'x' WHERE id = 'c-bo'")
            rows(block, "UPDATE orders SET note = 'x' WHERE customer_id = 'c-bo'")
            rows(block, "DELETE FROM orders WHERE customer_id = 'c-bo'")


def test_changing_keys_and_what_is_not_granted(block: LensedBlock) -> None:
    refused(
        block,
        "UPDATE customer SET id = 'c-bo' WHERE id = 'c-an'",
        "UPDATE orders SET id = 'x'",
        "UPDATE customer SET pii_principal_id = 'x'",
        "UPDATE line SET what = 'x'",
        "DELETE FROM customer",
        "DELETE FROM line",
        "INSERT INTO line VALUES ('o-an-0', 9, 'x')",
        "UPDATE customer__rows SET phone = 'x'",
        "INSERT INTO customer__rows (id, name) VALUES ('n', 'x')",
        "DELETE FROM main.orders__rows",
        "INSERT INTO troth_consent_state SELECT 1, 2, 3, 4, 5, 6, 7, 8",
        "UPDATE troth_person SET flags = 0",
    )
    refused(
        block,
        "INSERT INTO customer (name) VALUES ('x')",
        "INSERT INTO customer (id, name) VALUES (NULL, 'x')",
        match=said.NO_KEY,
    )


def test_writing_where_only_clearing_is_granted(shop: LensedShop) -> None:
    for who in WHO.values():
        with shop.use(who, CALL.name) as block:
            refused(
                block,
                "UPDATE customer SET phone = 'x'",
                "UPDATE customer SET (name, phone) = ('an', 'x')",
                "UPDATE customer SET phone = ''",
                "UPDATE orders SET note = 'x', fen = 1",
                "UPDATE customer SET phone = c.name FROM customer c",
                match=said.ONLY_CLEARED,
            )
            refused(block, "UPDATE customer SET phone = b.phone FROM main.customer__rows b")
            rows(block, "UPDATE customer SET phone = NULL WHERE id = 'c-bo'")


def test_update_from_and_returning_read_past_the_lens(block: LensedBlock) -> None:
    refused(
        block,
        "UPDATE customer SET phone = b.phone FROM main.customer__rows b WHERE b.id = 'c-bo'",
        "UPDATE customer SET phone = (SELECT phone FROM main.customer__rows WHERE id = 'c-bo')",
        "WITH customer AS (SELECT * FROM main.customer__rows) "
        "UPDATE orders SET note = c.phone FROM customer c",
        "UPDATE customer SET phone = phone RETURNING (SELECT phone FROM main.customer__rows)",
        "DELETE FROM orders WHERE 0 RETURNING (SELECT group_concat(note) FROM main.orders__rows)",
        "DELETE FROM orders WHERE id IN (SELECT id FROM main.orders__rows)",
        "INSERT INTO orders (id, customer_id, note) "
        "SELECT 'n', 'c-an', group_concat(phone) FROM main.customer__rows",
    )


# --- connections ----------------------------------------------------------------------------------


def test_the_connection_has_no_back_door(block: LensedBlock) -> None:
    doors = (
        "blobopen",
        "backup",
        "serialize",
        "deserialize",
        "set_authorizer",
        "create_function",
        "create_window_function",
        "create_aggregate",
        "create_collation",
        "executescript",
        "enable_load_extension",
        "load_extension",
        "iterdump",
        "set_trace_callback",
        "set_progress_handler",
        "interrupt",
        "setlimit",
        "isolation_level",
    )
    for connection in (
        block.dbapi,
        block.connection.connection.driver_connection,
        block.connection.connection.dbapi_connection,
    ):
        assert [name for name in doors if hasattr(connection, name)] == []
    cursor = block.dbapi.cursor()
    with pytest.raises(InputError, match="driver"):
        _ = cursor.connection
    with pytest.raises(InputError, match="one statement"):
        cursor.executescript("SELECT 1; SELECT 2")
    with pytest.raises((sqlite3.Warning, sqlite3.ProgrammingError)):
        cursor.execute("SELECT 1; SELECT 2")
    with pytest.raises(InputError, match="to a block only"):
        block.connection.engine.connect()


def test_transactions_and_savepoints_change_nothing_of_it(shop: LensedShop) -> None:
    with shop.use("an") as block:
        for sql in ("COMMIT", "BEGIN IMMEDIATE", "ROLLBACK", "SAVEPOINT a", "ROLLBACK TO a"):
            if sql.startswith("BEGIN"):
                block.dbapi.rollback()
            rows(block, sql)
            assert rows(block, "SELECT name FROM customer") == [("an",)]
            refused(block, "SELECT * FROM main.customer__rows")


def test_a_statement_prepared_under_another_purpose_or_person(shop: LensedShop) -> None:
    sql = "SELECT id, email FROM customer"
    with shop.use("an", "send_news") as block:
        assert rows(block, sql) == [("c-an", "an@x")]
        old = block.dbapi.cursor()
    with shop.use("cy", "send_news") as block:
        assert rows(block, sql) == []
        with pytest.raises((InputError, sqlite3.ProgrammingError)):
            old.execute(sql)
    shop.lenses.settle()
    with shop.use("cy") as block:
        assert rows(block, sql) == [("c-cy", None)]


def test_a_column_with_the_name_of_an_alias_in_double_quotes_reads_no_other(
    block: LensedBlock,
) -> None:
    shows_nothing_hidden(block, 'SELECT "name" FROM customer', "SELECT 'level' FROM customer")
    refused(block, 'SELECT customer."level" FROM customer')
