"""Live schemas of both databases against a map, and whose rows they hold: Shuup, the known case."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from tests import shuup
from tests.databases import TestDatabase
from troth.core.datamap import DataMap, MappedTable, Step, StoreId, way_to_person
from troth.core.datamap_file import read_datamap
from troth.core.errors import InputError, StoreUnavailable
from troth.core.reach import Relation
from troth.flows.data_map import check
from troth.store.reflect import reach, read_schema

STORE = StoreId("shuup")
ALICE, JOE = 1, 2


def way_text(table: MappedTable, way: tuple[Step, ...], person: str) -> str:
    """Return a way for a reader, with its length in steps."""
    steps = [step.text() for step in way] or [table.name]
    return f"{'; '.join(steps)}; person in {person} ({len(way)} steps)"


def run(database: TestDatabase, script: str) -> None:
    engine = create_engine(database.owner_url)
    with engine.begin() as connection:
        for statement in filter(str.strip, script.split(";")):
            connection.execute(text(statement))
    engine.dispose()


def every_key(database: TestDatabase) -> set[tuple[str, int]]:
    engine = create_engine(database.owner_url)
    with engine.connect() as connection:
        found = {
            (table, key)
            for table, column in shuup.KEYS.items()
            for (key,) in connection.execute(text(f"SELECT {column} FROM {table}"))
        }
    engine.dispose()
    return found


@pytest.fixture
def shop_of_k9db(database: TestDatabase) -> TestDatabase:
    run(database, shuup.SCHEMA + shuup.ROWS)
    return database


@pytest.fixture(scope="module")
def datamap() -> DataMap:
    return read_datamap(shuup.MAP, shuup.policy()).require()


def test_shuup_map_and_schema_agree(shop_of_k9db: TestDatabase) -> None:
    found = check([shop_of_k9db.owner_url], shuup.MAP, shuup.policy())
    # SQLite fills an INTEGER PRIMARY KEY itself: true of Shuup, and nothing else is to be said.
    assert {f.rule for f in found} - {"M116"} == (
        {"D315"} if shop_of_k9db.kind == "sqlite" else set()
    )


def test_alice_reaches_nine_tables_with_one_row_each(
    shop_of_k9db: TestDatabase, datamap: DataMap
) -> None:
    found = reach(shop_of_k9db.owner_url, datamap, STORE, ALICE)
    assert found.counts() == {
        "shuup_personcontact": 1,
        "shuup_contact": 1,
        "auth_user": 1,
        "shuup_companycontact_members": 1,
        "shuup_shop": 1,
        "shuup_gdpr_gdpruserconsent": 1,
        "shuup_mutaddress": 1,
        "shuup_basket": 1,
        "shuup_order": 1,
    }
    assert {row.table: row.key for row in found.rows}["shuup_contact"] == (6,)
    assert found.text().endswith("9 row(s) in 9 table(s)")


def test_what_alice_leaves_is_the_company_and_joe(
    shop_of_k9db: TestDatabase, datamap: DataMap
) -> None:
    hers = reach(shop_of_k9db.owner_url, datamap, STORE, ALICE)
    left = every_key(shop_of_k9db) - {(row.table, row.key[0]) for row in hers.rows}
    assert left == {
        ("shuup_contact", 8),
        ("shuup_companycontact", 8),
        ("shuup_contact", 7),
        ("auth_user", 16),
        ("shuup_personcontact", 2),
    }


def test_joe_owns_three_rows_and_sees_the_order_and_basket_he_handles(
    shop_of_k9db: TestDatabase, datamap: DataMap
) -> None:
    found = reach(shop_of_k9db.owner_url, datamap, STORE, JOE)
    owned = {(r.table, r.key[0]) for r in found.rows if r.relation is Relation.OWNED}
    assert owned == {("shuup_contact", 7), ("auth_user", 16), ("shuup_personcontact", 2)}
    assert found.counts(Relation.ACCESSED) == {"shuup_basket": 1, "shuup_order": 1}


def test_no_number_reaches_a_company(shop_of_k9db: TestDatabase, datamap: DataMap) -> None:
    for nobody in (6, 8, 666):
        assert reach(shop_of_k9db.owner_url, datamap, STORE, nobody).rows == ()


@pytest.mark.parametrize(
    ("table", "way"),
    [
        ("shuup_personcontact", "shuup_personcontact; person in pid (0 steps)"),
        (
            "shuup_shop",
            "shuup_shop(owner_id) -> shuup_personcontact(pid); person in pid (1 steps)",
        ),
        (
            "auth_user",
            "auth_user(id) -> shuup_personcontact(user_id); person in pid (1 steps)",
        ),
        (
            "shuup_order",
            "shuup_order(customer_id) -> shuup_contact(id); "
            "shuup_contact(id) -> shuup_personcontact(contact_ptr_id); person in pid (2 steps)",
        ),
        (
            "shuup_mutaddress",
            "shuup_mutaddress(id) -> shuup_order(billing_address_id); "
            "shuup_order(customer_id) -> shuup_contact(id); "
            "shuup_contact(id) -> shuup_personcontact(contact_ptr_id); person in pid (3 steps)",
        ),
    ],
)
def test_path_from_a_row_to_its_person(datamap: DataMap, table: str, way: str) -> None:
    mapped = datamap.stores[STORE].tables[table]
    steps = way_to_person(datamap, STORE, mapped)
    assert steps is not None
    assert way_text(mapped, steps, "pid") == way


def test_no_path_leads_from_a_company_to_a_person(datamap: DataMap) -> None:
    for name in ("shuup_companycontact", "shuup_companycontact_members"):
        assert way_to_person(datamap, STORE, datamap.stores[STORE].tables[name]) is None


@pytest.mark.promise("S-14")
def test_new_column_and_new_table_are_found_by_name(shop_of_k9db: TestDatabase) -> None:
    run(
        shop_of_k9db,
        "ALTER TABLE shuup_contact ADD COLUMN id_card TEXT;"
        "CREATE TABLE newsletter (email TEXT NOT NULL PRIMARY KEY)",
    )
    found = check([shop_of_k9db.owner_url], shuup.MAP, shuup.policy())
    said = {f.rule: f.reason for f in found if f.rule in ("D302", "D306")}
    assert "shuup_contact.id_card" in said["D302"]
    assert "newsletter" in said["D306"]


def test_schema_says_who_makes_keys_and_what_is_indexed(database: TestDatabase) -> None:
    made = {
        "sqlite": "id INTEGER PRIMARY KEY",
        "postgresql": "id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n BIGSERIAL",
    }[database.kind]
    run(
        database,
        f"CREATE TABLE counted ({made}, at TEXT DEFAULT 'now', a TEXT NOT NULL, b TEXT,"
        " short VARCHAR(20), at_day DATE, UNIQUE (a, b));"
        "CREATE INDEX ix_part ON counted (b) WHERE b IS NOT NULL;"
        "CREATE TABLE plain (k TEXT NOT NULL, v TEXT, PRIMARY KEY (k));"
        "CREATE TABLE child (k TEXT NOT NULL PRIMARY KEY REFERENCES plain)",
    )
    schema = read_schema(database.owner_url)
    counted, plain = schema.tables["counted"], schema.tables["plain"]
    by_database = {c.name: c.made_by_database for c in counted.columns.values()}
    expected = {"at": "server default", "a": "", "b": "", "short": "", "at_day": ""}
    expected |= {"id": "rowid"} if database.kind == "sqlite" else {}
    expected |= {"id": "identity", "n": "sequence"} if database.kind == "postgresql" else {}
    assert by_database == expected
    assert counted.has_index(("b", "a"))
    assert not counted.has_index(("b",))  # an index over part of the rows does not find them all
    assert counted.is_unique(("a", "b"))
    assert not counted.is_unique(("a",))
    assert {c.name for c in counted.columns.values() if c.is_text} == {"at", "a", "b"}
    assert not any(c.made_by_database for c in plain.columns.values())
    assert schema.tables["child"].edges[0].keys == ("k",)


def test_tables_behind_a_lens_have_the_name_of_the_application(database: TestDatabase) -> None:
    if database.kind == "sqlite":
        run(
            database,
            "CREATE TABLE person__rows (k TEXT NOT NULL PRIMARY KEY);"
            "CREATE TABLE note__rows (k TEXT NOT NULL PRIMARY KEY REFERENCES person__rows (k))",
        )
    else:
        run(
            database,
            "CREATE SCHEMA troth_base;"
            "CREATE TABLE troth_base.person (k TEXT PRIMARY KEY);"
            "CREATE TABLE troth_base.note (k TEXT PRIMARY KEY REFERENCES troth_base.person (k))",
        )
    run(database, "CREATE TABLE troth_lens_role (purpose_id TEXT NOT NULL PRIMARY KEY)")
    schema = read_schema(database.owner_url)
    assert set(schema.tables) == {"person", "note"}  # books of the lenses are not seen
    assert schema.tables["note"].edges[0].table == "person"


def test_table_made_anew_beside_the_one_behind_the_lens_is_not_taken_for_it(
    database: TestDatabase,
) -> None:
    made = {
        "sqlite": "CREATE TABLE person__rows (k TEXT NOT NULL PRIMARY KEY);",
        "postgresql": "CREATE SCHEMA troth_base; CREATE TABLE troth_base.person (k TEXT);",
    }
    run(database, made[database.kind] + "CREATE TABLE person (k TEXT NOT NULL, phone TEXT)")
    schema = read_schema(database.owner_url)
    assert set(schema.tables["person"].columns) == {"k"}
    assert set(schema.tables["person (beside the lens)"].columns) == {"k", "phone"}


def test_missing_file_is_an_error_and_is_not_created(tmp_path: object) -> None:
    file = f"{tmp_path}/nothing.db"
    with pytest.raises(StoreUnavailable) as error:
        read_schema(f"sqlite:///{file}")
    assert file not in str(error.value)
    with pytest.raises(FileNotFoundError):
        open(file).close()


def test_password_of_a_refused_connection_is_not_told() -> None:
    with pytest.raises(StoreUnavailable) as error:
        read_schema("postgresql+psycopg://someone:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None


def test_unknown_engine_and_missing_driver_are_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match="mariadb, mysql, postgresql, sqlite"):
        read_schema("oracle://x/y")
    with pytest.raises(InputError, match="driver for mariadb is not installed"):
        read_schema("mysql+no_such_driver://someone@127.0.0.1/none")
    with pytest.raises(InputError, match="in memory"):
        read_schema("sqlite://")
