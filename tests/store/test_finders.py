"""Finders on SQLite: from a value that somebody brings to whose it is, and to nothing more."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from tests.databases import Template
from tests.lens_sqlite import INSTALLED, LensedShop, lensed_shop
from troth.core.errors import InputError, StoreUnavailable, UnknownName, UnsafeStore
from troth.core.lens import Finder
from troth.store import db
from troth.store import finders as module
from troth.store.finders import Finders, Found
from troth.store.lens_sqlite_tables import uninstall

BY_PHONE = Finder("customer", "phone", ("id",), "pii_principal_id")
BY_LEVEL = Finder("customer", "level", (), "pii_principal_id")
BY_WISH = Finder("wish", "what", ("id",), "pii_principal_id")
ALL = (BY_PHONE, BY_LEVEL, BY_WISH)


@pytest.fixture
def shop(migrated_template: Template, tmp_path: Path) -> Iterator[LensedShop]:
    with (
        migrated_template.copy(None, tmp_path / "database") as database,
        lensed_shop(database) as made,
    ):
        yield made


@pytest.fixture
def finders(shop: LensedShop) -> Iterator[Finders]:
    with closing(Finders(shop.here.troth.kit.database, ALL)) as made:
        yield made


# --- what is found --------------------------------------------------------------------------------


def test_a_value_finds_its_person_and_what_is_told(shop: LensedShop, finders: Finders) -> None:
    (found,) = finders.find("customer", "phone", ["1391"])
    assert found == Found(shop.people["bo"], {"id": "c-bo"})
    with pytest.raises(FrozenInstanceError):
        found.person = shop.people["an"]  # type: ignore[misc]


def test_several_values_find_each_of_their_people_once(shop: LensedShop, finders: Finders) -> None:
    found = finders.find("customer", "phone", ["1392", "1390", "no such", "1392"])
    an, cy = shop.people["an"], shop.people["cy"]
    assert {(one.person, one.told["id"]) for one in found} == {(an, "c-an"), (cy, "c-cy")}
    assert len(found) == 2
    many = [f"{n}" for n in range(3000)]
    assert len(finders.find("customer", "phone", many)) == 3
    shop.base("UPDATE customer__rows SET level = 7 WHERE id <> 'c-bo'")
    assert {one.person for one in finders.find("customer", "level", ["7"])} == {an, cy}


def test_a_value_is_compared_with_the_type_of_its_column(
    shop: LensedShop, finders: Finders
) -> None:
    assert finders.find("customer", "level", ["1"]) == [Found(shop.people["bo"], {})]
    assert finders.find("customer", "level", ["one", ""]) == []


@pytest.mark.parametrize(
    "value",
    [
        "",
        "139",
        "1391 ",
        "%",
        "139_",
        "1391%",
        "' OR 1=1 --",
        "*",
        "\0",
        "1391\0",
        "\udc80",
        "NULL",
    ],
)
def test_nobody_s_value_finds_nobody(finders: Finders, value: str) -> None:
    assert finders.find("customer", "phone", [value]) == []
    assert finders.find("customer", "phone", []) == []


def test_a_row_of_nobody_is_not_found(shop: LensedShop, finders: Finders) -> None:
    an = shop.people["an"]
    shop.base("INSERT INTO wish__rows VALUES ('w1', NULL, 'tea'), ('w2', ?, 'tea')", an)
    found = finders.find("wish", "what", ["tea"])
    assert found == [Found(an, {"id": "w2"})]


def test_what_was_committed_before_is_found(shop: LensedShop, finders: Finders) -> None:
    for phone in ("2000", "2001", "2002"):
        assert finders.find("customer", "phone", [phone]) == []
        with shop.use("an") as block:
            block.dbapi.execute("UPDATE customer SET phone = ?", (phone,))
            assert finders.find("customer", "phone", [phone]) == []
        assert [one.person for one in finders.find("customer", "phone", [phone])] == [
            shop.people["an"]
        ]


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "by"),
    [
        ("customer", "email"),
        ("customer", "id"),
        ("customer__rows", "phone"),
        ("orders", "id"),
        ("troth_person", "flags"),
        ('customer" --', "phone"),
        ("customer", "phone\" OR '1"),
        ("", ""),
    ],
)
def test_what_is_not_declared_finds_nobody_and_says_no_value(
    finders: Finders, table: str, by: str
) -> None:
    with pytest.raises(UnknownName) as caught:
        finders.find(table, by, ["1391"])
    assert "1391" not in str(caught.value)


@pytest.mark.parametrize("values", ["1391", [1391], [b"1391"], ["1391", None]])
def test_values_that_are_no_texts_are_refused_and_not_said(
    finders: Finders, values: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        finders.find("customer", "phone", values)
    assert "1391" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.promise("S-36", "S-50")
@pytest.mark.control("purpose_lens")
def test_the_connection_of_finders_reads_their_columns_and_does_nothing_else(
    shop: LensedShop, finders: Finders
) -> None:
    finders.find("customer", "phone", ["1391"])
    asks = finders._ask
    assert isinstance(asks, module._AskSqlite)
    cursor = asks._cursor()
    before = shop.everything()
    assert cursor.execute("SELECT phone FROM main.customer__rows").fetchall()
    for sql in (
        "SELECT name FROM main.customer__rows",
        "SELECT email FROM main.customer__rows WHERE phone = '1391'",
        "SELECT rowid FROM main.customer__rows",
        "SELECT note FROM orders__rows",
        "SELECT * FROM troth_person",
        "SELECT sql FROM sqlite_master",
        "SELECT max(phone) FROM main.customer__rows",
        "WITH customer__rows AS (SELECT name AS phone FROM main.customer__rows) "
        "SELECT phone FROM customer__rows",
        "UPDATE customer__rows SET phone = 'x'",
        "DELETE FROM customer__rows",
        "INSERT INTO wish__rows (id) VALUES ('x')",
        "CREATE TEMP TABLE x (y)",
        "PRAGMA foreign_keys = OFF",
        "ATTACH ':memory:' AS x",
        "BEGIN",
    ):
        with pytest.raises(sqlite3.DatabaseError, match=r"prohibited|not authorized"):
            pytest.fail(f"{sql}: {cursor.execute(sql).fetchall()}")
    assert shop.everything() == before
    assert not hasattr(finders, "connection")


# --- connections ----------------------------------------------------------------------------------


def test_finders_over_tables_that_are_not_behind_lenses_are_refused(
    shop: LensedShop, finders: Finders
) -> None:
    assert len(finders.find("customer", "phone", ["1391"])) == 1
    uninstall(shop.here.database.owner_url, INSTALLED)
    with closing(Finders(shop.here.troth.kit.database, ALL)) as later:
        for asked in (finders, later):
            with pytest.raises(UnsafeStore, match="install") as caught:
                asked.find("customer", "phone", ["1391"])
            assert "1391" not in str(caught.value)
    wrong = Finder("wish", "colour", (), "pii_principal_id")
    with (
        closing(Finders(shop.here.troth.kit.database, [wrong])) as made,
        pytest.raises(UnsafeStore, match="map check"),
    ):
        made.find("wish", "colour", ["red"])


def test_every_thread_has_a_connection_of_its_own(shop: LensedShop, finders: Finders) -> None:
    wrong: list[object] = []

    def work(name: str, phone: str) -> None:
        for _ in range(200):
            found = finders.find("customer", "phone", [phone])
            if [one.person for one in found] != [shop.people[name]]:
                wrong.append(found)

    given = (("an", "1390"), ("bo", "1391"), ("cy", "1392")) * 2
    threads = [threading.Thread(target=work, args=pair) for pair in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_connection_does_not_cross_a_fork(finders: Finders) -> None:
    assert len(finders.find("customer", "phone", ["1391"])) == 1
    child = os.fork()
    if child == 0:
        try:
            finders.find("customer", "phone", ["1391"])
        except UnsafeStore:
            os._exit(7)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert len(finders.find("customer", "phone", ["1391"])) == 1


def test_closed_finders_find_nobody_in_any_thread(shop: LensedShop) -> None:
    finders = Finders(shop.here.troth.kit.database, ALL)
    finders.find("customer", "phone", ["1391"])
    finders.close()
    told: list[BaseException] = []

    def ask() -> None:
        try:
            finders.find("customer", "phone", ["1391"])
        except StoreUnavailable as error:
            told.append(error)

    ask()
    ask()
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert len(told) == 3
    finders.close()
    # The application's own connections are not theirs to close.
    assert shop.here.troth.decide(shop.people["an"], "ship_parcel").allowed


def test_a_locked_database_is_unavailable_and_then_found_again(
    shop: LensedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(db._PRAGMAS, "busy_timeout", ("50", 50))
    finders = Finders(shop.here.troth.kit.database, ALL)
    file = shop.here.database.file
    shop.here.troth.close()
    shop.lenses.close()
    finders.find("customer", "phone", ["1391"])
    finders._ask._forget_cursor()  # type: ignore[attr-defined]
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable) as caught:
            finders.find("customer", "phone", ["1391"])
        assert "1391" not in str(caught.value)
        other.execute("ROLLBACK")
    assert len(finders.find("customer", "phone", ["1391"])) == 1
    finders.close()


def test_a_writer_keeps_nobody_from_being_found(shop: LensedShop, finders: Finders) -> None:
    with closing(sqlite3.connect(shop.here.database.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE customer__rows SET phone = 'x'")
        assert len(finders.find("customer", "phone", ["1391"])) == 1
        other.execute("ROLLBACK")


def test_a_file_that_is_gone_is_unavailable(shop: LensedShop) -> None:
    with closing(Finders(shop.here.troth.kit.database, ALL)) as finders:
        shop.here.database.file.rename(shop.here.database.file.with_suffix(".moved"))
        try:
            with pytest.raises(StoreUnavailable):
                finders.find("customer", "phone", ["1391"])
        finally:
            shop.here.database.file.with_suffix(".moved").rename(shop.here.database.file)
