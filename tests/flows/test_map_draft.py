"""A draft of a data map from a live database: complete, readable, and without any value."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml
from sqlalchemy import create_engine, make_url, text

from benchmarks import discovery as cases
from tests.builders import draft as tiny_policy
from tests.conftest import TestDatabase
from tests.servers import PostgresDatabase
from troth.core.datamap import Engine
from troth.core.datamap_file import read_datamap
from troth.core.discovery_draft import draft_text
from troth.core.errors import InputError, StoreUnavailable
from troth.core.findings import errors
from troth.core.policy import Policy
from troth.flows.data_map import check
from troth.flows.map_draft import draft
from troth.store.samples import sample

SCHEMA = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, xm TEXT, "order" TEXT, phone TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (id),
  total NUMERIC(9, 2), placed_at TIMESTAMP);
CREATE TABLE wallets (id INTEGER, part INTEGER, PRIMARY KEY (id, part));
CREATE TABLE nothing_yet (email TEXT);
CREATE TABLE "odd-name" (id INTEGER PRIMARY KEY, "no" TEXT, "a: b # c" TEXT)
"""
PEOPLE = [("王芳", "13800138000"), ("李建国", "15912345678"), ("张伟", "17700112233")] * 3


@pytest.fixture(scope="module")
def policy() -> Policy:
    """A policy that knows nothing of the categories of a draft."""
    return tiny_policy().policy()


@pytest.fixture
def live(database: TestDatabase) -> TestDatabase:
    """A small database that troth knows nothing of."""
    _fill(database.owner_url)
    return database


@pytest.fixture
def live_postgresql(postgres_database: PostgresDatabase) -> PostgresDatabase:
    """The same, where there are rights and comments."""
    _fill(postgres_database.owner_url)
    return postgres_database


def _fill(url: str) -> None:
    _run(url, *SCHEMA.split(";"))
    engine = create_engine(url)
    with engine.begin() as connection:
        for number, (name, phone) in enumerate(PEOPLE):
            connection.execute(
                text("INSERT INTO customers VALUES (:id, :name, 'x', :phone)"),
                {"id": number, "name": name, "phone": phone},
            )
            connection.execute(
                text("INSERT INTO orders (id, customer_id, total) VALUES (:id, :id, 12.5)"),
                {"id": number},
            )
    engine.dispose()


def _run(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_every_table_and_column_stands_in_the_draft(live: TestDatabase) -> None:
    written = draft(live.owner_url)
    tables = yaml.safe_load(written)["stores"]["main"]["tables"]
    assert set(tables) == {"customers", "orders", "wallets", "nothing_yet", "odd-name"}
    assert tables["customers"]["about"] == "person"
    assert tables["customers"]["person"] == "id"
    assert tables["customers"]["columns"]["xm"] == "person_name"
    assert tables["customers"]["columns"]["phone"] == "phone"
    assert tables["orders"]["edges"] == {"customer_id": "owned_by customers.id"}
    assert tables["orders"]["columns"]["total"] == "orders_record"
    assert tables["nothing_yet"]["columns"] == {"email": "email"}
    assert "not_personal" in tables["odd-name"]
    assert set(tables["odd-name"]["columns"]) == {"id", "no", "a: b # c"}
    assert "path to the person: customer_id -> customers.id" in written


def test_draft_says_why_and_shows_no_value(live: TestDatabase) -> None:
    written = draft(live.owner_url)
    assert "3 of 3 sampled values are PRC mobile numbers" in written
    for name, phone in PEOPLE:
        assert name not in written
        assert phone not in written


def test_drafting_leaves_a_file_and_its_folder_as_they_were(tmp_path: Path) -> None:
    database = TestDatabase.of_file(tmp_path)
    _fill(database.owner_url)
    before = hashlib.sha256(database.file.read_bytes()).hexdigest()
    draft(database.owner_url)
    assert hashlib.sha256(database.file.read_bytes()).hexdigest() == before
    assert [path.name for path in tmp_path.iterdir()] == [database.file.name]


def test_role_that_may_only_read_is_enough(live_postgresql: PostgresDatabase) -> None:
    role = make_url(live_postgresql.app_url).username
    grant = f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
    _run(live_postgresql.owner_url, grant)
    assert "3 of 3 sampled values are PRC mobile numbers" in draft(live_postgresql.app_url)


def test_table_that_may_not_be_read_is_guessed_by_its_names(
    live_postgresql: PostgresDatabase,
) -> None:
    written = draft(live_postgresql.app_url)
    assert "phone: phone" in written
    assert "sampled values are" not in written


def test_comments_of_the_schema_are_read(live_postgresql: PostgresDatabase) -> None:
    _run(live_postgresql.owner_url, "COMMENT ON COLUMN wallets.part IS '身份证号'")
    assert "part: national_id" in draft(live_postgresql.owner_url)


def test_values_that_do_not_fit_their_type_are_sampled_as_they_are(tmp_path: Path) -> None:
    database = TestDatabase.of_file(tmp_path)
    _run(
        database.owner_url,
        "CREATE TABLE t (born DATE, at DATETIME, n NUMERIC, b BLOB)",
        "INSERT INTO t VALUES ('soon', 'never', 'x1', x'ff00'), ('1990-01-01', 7, 1.5, 'text')",
    )
    (table,) = sample(database.owner_url)
    assert [column.samples for column in table.columns] == [
        ("soon", "1990-01-01"),
        ("never", "7"),
        ("x1", "1.5"),
        ("text",),
    ]


def test_every_type_of_postgresql_is_sampled_as_text(live_postgresql: PostgresDatabase) -> None:
    _run(
        live_postgresql.owner_url,
        "CREATE TABLE t (d date, j jsonb, a text[], i inet, u uuid, f boolean, b bytea)",
        "INSERT INTO t VALUES ('infinity', '{\"e\": 1}', '{x,y}', '10.0.0.1', "
        "'00000000-0000-0000-0000-000000000001', true, 'x')",
    )
    (table,) = (t for t in sample(live_postgresql.owner_url) if t.name == "t")
    assert [column.samples for column in table.columns] == [
        ("infinity",),
        ('{"e": 1}',),
        ("{x,y}",),
        ("10.0.0.1/32",),
        ("00000000-0000-0000-0000-000000000001",),
        ("true",),
        (),
    ]


def test_long_values_are_cut_off_by_the_database(live: TestDatabase) -> None:
    _run(live.owner_url, "CREATE TABLE texts (body TEXT)")
    _run(live.owner_url, f"INSERT INTO texts VALUES ('{'x' * 5000}')")
    (table,) = (t for t in sample(live.owner_url) if t.name == "texts")
    assert len(table.columns[0].samples[0]) == 2000


def test_rows_come_from_both_ends_and_are_bounded(live: TestDatabase) -> None:
    (customers,) = (t for t in sample(live.owner_url, rows=4) if t.name == "customers")
    ids = [int(value) for value in customers.columns[0].samples]
    assert sorted(ids) == [0, 1, len(PEOPLE) - 2, len(PEOPLE) - 1]


def test_when_the_clock_has_run_out_names_decide(live: TestDatabase) -> None:
    tables = sample(live.owner_url, seconds=0.0)
    assert all(column.samples == () for table in tables for column in table.columns)
    assert {table.name for table in tables} >= {"customers", "orders"}


def test_tables_of_troth_itself_are_left_to_the_line_that_maps_them(
    migrated_database: TestDatabase,
) -> None:
    assert sample(migrated_database.owner_url) == ()
    store = yaml.safe_load(draft(migrated_database.owner_url))["stores"]["main"]
    assert store["tables"] == {}
    assert set(store["troth"]) == {"consent", "uses"}


def test_draft_of_a_database_that_troth_cannot_write_in_has_no_line_for_it() -> None:
    assert "troth:" in draft_text((), engine=Engine.SQLITE)
    assert "troth:" not in draft_text((), engine=Engine.MARIADB)


def test_draft_for_a_policy_is_whole_when_the_storage_is_written(
    migrated_database: TestDatabase, policy: Policy
) -> None:
    written = draft(migrated_database.owner_url)
    written = written.replace("    troth: {", "    storage: shop_db\n    troth: {", 1)
    for name in ("consent_records", "use_records"):
        written = written.replace(name, "orders")
    found = check([migrated_database.owner_url], written, policy)
    assert not errors(found), [f.line_of_text() for f in found]


@pytest.mark.parametrize("url", ["sqlite://", "nonsense", "oracle://host/db"])
def test_url_that_cannot_be_sampled_is_refused(url: str) -> None:
    with pytest.raises(InputError):
        draft(url)


def test_missing_file_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        draft(f"sqlite:///{tmp_path / 'none.db'}")
    assert list(tmp_path.iterdir()) == []


def test_missing_driver_is_named() -> None:
    with pytest.raises(InputError, match="driver for mariadb"):
        draft("mariadb+pymysql://u:secret@127.0.0.1/db")


@pytest.mark.parametrize("name", cases.SCHEMAS)
def test_draft_of_a_strange_schema_reads_as_a_map_but_for_what_is_to_decide(
    name: str, tmp_path: Path, policy: Policy
) -> None:
    file = tmp_path / "case.db"
    cases.fill(name, file, rows=40)
    written = draft(f"sqlite:///{file}")
    rules = {finding.rule for finding in read_datamap(written, policy).findings}
    # Unknown storage (C003) and categories (M102): only people can say them.
    assert rules <= {"C003", "M102"}
    for table in sample(f"sqlite:///{file}"):
        for column in table.columns:
            assert column.name in written
            for value in column.samples:
                if any(sign.isdigit() for sign in value) and len(value) > 8:
                    assert value not in written
