"""Sealing what was there before: every value, once, resumable, and looked at again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import TestDatabase
from tests.teahouse import EXAMPLE, as_owner, part, with_people
from troth import InputError, KeyDestroyed, SealBroken, Settings, UnsafeStore
from troth.commands import compile_folder, person_keys
from troth.core.datamap_file import read_datamap
from troth.core.sealing import is_sealed
from troth.flows import seal_existing as flow
from troth.flows.data_map import store_of
from troth.integrations.existing import SealedColumn, seal_existing
from troth.store.plain_rows import Place, PlainRows

MAP = EXAMPLE / "datamap.yaml"
PHONES = {"13800138001", "13912345678", "13700137003"}


@pytest.fixture
def settings(database: TestDatabase) -> Iterator[Settings]:
    """The settings of a teahouse whose people have random ids and whose phones are plain."""
    return with_people(database)


def phones(database: TestDatabase, table: str = "customer") -> list[str]:
    return [str(row[0]) for row in as_owner(database, f"SELECT phone FROM {table} ORDER BY 1")]


class Drawing:
    """Random bytes, with something that happens before a certain draw."""

    def __init__(self, at: int, happens: object) -> None:
        self.left, self.happens = at, happens

    def __call__(self, size: int) -> bytes:
        self.left -= 1
        if self.left == 0 and callable(self.happens):
            self.happens()
        return os.urandom(size)


def run(settings: Settings, column: str, *, draw: Drawing, batch: int = 1) -> SealedColumn:
    """Seal as the door does, with another source of random bytes and small batches."""
    policy = compile_folder(EXAMPLE / "policy").require()
    datamap = read_datamap(MAP.read_text(encoding="utf-8"), policy).require()
    store, _ = store_of(datamap, settings.database_url)
    with closing(person_keys(settings)) as keys:
        return flow.seal_existing(
            settings.owner_url, policy, datamap, store, column, keys=keys, batch=batch, draw=draw
        )


def test_every_value_is_sealed_once_and_found_by_its_index(
    database: TestDatabase, settings: Settings
) -> None:
    assert set(phones(database)) == PHONES
    assert seal_existing(settings, MAP, "customer.phone") == SealedColumn("customer.phone", 3, 3, 0)
    stored = phones(database)
    assert all(is_sealed(one) for one in stored)
    again = seal_existing(settings, MAP, "customer.phone")
    assert (again.sealed_now, phones(database)) == (0, stored)
    seal_existing(settings, MAP, "tea_order.address")
    shop = part("after/teahouse").opened(settings)
    with closing(shop.t):
        assert shop.log_in("139-1234-5678") is not None
        assert shop.log_in("13912345679") is None


@pytest.mark.parametrize("server_of_database", ["sqlite"], indirect=True)
def test_the_file_holds_no_old_value_afterwards(database: TestDatabase, settings: Settings) -> None:
    plain = next(iter(PHONES)).encode()
    assert any(plain in file.read_bytes() for file in database.folder.glob("troth.db*"))
    seal_existing(settings, MAP, "customer.phone")
    assert not any(plain in file.read_bytes() for file in database.folder.glob("troth.db*"))


def test_a_run_that_died_is_finished_by_the_next(
    database: TestDatabase, settings: Settings
) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(settings, "customer.phone", draw=Drawing(3, die))
    half = [one for one in phones(database) if is_sealed(one)]
    assert len(half) == 2
    done = seal_existing(settings, MAP, "customer.phone")
    assert (done.sealed_now, done.rows) == (1, 3)
    assert set(half) < set(phones(database))


def test_a_row_that_belongs_to_nobody_is_refused_and_not_called_sealed(
    database: TestDatabase, settings: Settings
) -> None:
    as_owner(database, "UPDATE customer SET person = NULL WHERE phone = '13700137003'")
    with pytest.raises(InputError, match="belongs to nobody") as refused:
        seal_existing(settings, MAP, "customer.phone")
    assert "13700137003" not in str(refused.value)
    assert "13700137003" in phones(database)


def test_who_writes_plain_text_meanwhile_is_noticed_and_keeps_what_was_written(
    database: TestDatabase, settings: Settings
) -> None:
    def write() -> None:
        as_owner(database, "UPDATE customer SET phone = '13500135005' WHERE phone NOT LIKE 's1.%'")

    with pytest.raises(SealBroken, match="stop who writes it"):
        run(settings, "customer.phone", draw=Drawing(3, write), batch=1)
    assert "13500135005" in phones(database)
    assert seal_existing(settings, MAP, "customer.phone").sealed_now == 1


def test_a_value_moved_between_two_people_does_not_pass_the_second_look(
    database: TestDatabase, settings: Settings
) -> None:
    seal_existing(settings, MAP, "customer.phone")
    one, two, _ = phones(database)
    as_owner(database, "UPDATE customer SET phone = :two WHERE phone = :one", one=one, two=two)
    with pytest.raises(SealBroken):
        seal_existing(settings, MAP, "customer.phone")


def test_two_customers_with_one_phone_are_told_by_their_key_and_not_by_the_phone(
    database: TestDatabase, settings: Settings
) -> None:
    as_owner(database, "UPDATE customer SET phone = '+86 139 1234 5678' WHERE name = 'Li Wen'")
    keys = {key for (key,) in as_owner(database, "SELECT customer_id FROM customer")}
    with pytest.raises(InputError, match="must be unique") as refused:
        seal_existing(settings, MAP, "customer.phone")
    assert any(key in str(refused.value) for key in keys)
    assert "1234" not in str(refused.value).replace(" ", "")
    as_owner(database, "UPDATE customer SET phone = '13100131001' WHERE name = 'Li Wen'")
    assert seal_existing(settings, MAP, "customer.phone").sealed_now == 3


def test_a_missing_index_is_filled_and_an_empty_value_has_none(
    database: TestDatabase, settings: Settings
) -> None:
    seal_existing(settings, MAP, "customer.phone")
    indexes = "SELECT phone_index FROM customer ORDER BY customer_id"
    before = as_owner(database, indexes)
    as_owner(database, "UPDATE customer SET phone_index = NULL")
    assert seal_existing(settings, MAP, "customer.phone").sealed_now == 0
    assert as_owner(database, indexes) == before
    as_owner(database, "UPDATE customer SET phone = '', phone_index = NULL")
    assert seal_existing(settings, MAP, "customer.phone").sealed_now == 3
    assert as_owner(database, indexes) == [(None,)] * 3  # nothing is found by an empty text
    assert seal_existing(settings, MAP, "customer.phone").sealed_now == 0


def test_a_table_that_names_nobody_is_sealed_for_the_person_to_whom_it_leads(
    database: TestDatabase, settings: Settings, tmp_path: Path
) -> None:
    text = MAP.read_text(encoding="utf-8")
    named = "        key: [order_id]\n        person: person\n"
    assert named in text
    text = text.replace(named, "        key: [order_id]\n")
    text = text.replace("        several_owners: same\n", "", 1)
    found_by = "        found_by:\n          state:\n"
    start = text.index(found_by)
    text = text[:start] + text[text.index("\n\n", start) + 1 :]
    (tmp_path / "datamap.yaml").write_text(text, encoding="utf-8")
    done = seal_existing(settings, tmp_path / "datamap.yaml", "tea_order.address")
    assert (done.rows, done.sealed_now) == (4, 4)
    # The person is the same by both ways, so what was sealed by one opens by the other.
    assert seal_existing(settings, MAP, "tea_order.address").sealed_now == 0


def test_rows_with_a_key_of_several_columns_come_in_batches_each_once(
    database: TestDatabase,
) -> None:
    as_owner(database, "CREATE TABLE part (a TEXT, b INTEGER, p TEXT, v TEXT, PRIMARY KEY (a, b))")
    keys = [(a, b) for a in "xyz" for b in range(5)]
    for a, b in keys:
        as_owner(database, "INSERT INTO part VALUES (:a, :b, 'p', 'walnut')", a=a, b=b)
    place = Place("part", ("a", "b"), "v", "", (), "p")
    with PlainRows(database.owner_url, place) as rows:
        batches = list(rows.batches(4))
        assert [len(some) for some in batches] == [4, 4, 4, 3]
        assert [row.key for some in batches for row in some] == keys
        rows.write([(batches[1][0], "s1.new", None)])
    changed = as_owner(database, "SELECT a, b FROM part WHERE v = 's1.new'")
    assert changed == [batches[1][0].key]
    assert "walnut" not in repr(batches[0][0])


def test_behind_the_lenses_it_is_the_same(database: TestDatabase, settings: Settings) -> None:
    part("after/teahouse").opened(settings).t.close()
    behind = "customer__rows" if database.kind == "sqlite" else "troth_base.customer"
    assert set(phones(database, behind)) == PHONES
    assert seal_existing(settings, MAP, "customer.phone").sealed_now == 3
    assert all(is_sealed(one) for one in phones(database, behind))


def test_nothing_is_sealed_for_a_person_whose_key_was_destroyed(
    database: TestDatabase, settings: Settings
) -> None:
    ((person,),) = as_owner(database, "SELECT person FROM customer WHERE phone = '13700137003'")
    with closing(person_keys(settings)) as keys:
        keys.make_key(person)
        keys.destroy_key(person)
    with pytest.raises(KeyDestroyed):
        seal_existing(settings, MAP, "customer.phone")


@pytest.mark.parametrize("column", ["customer.name", "customer.phone_index", "x.y", "customer", ""])
def test_only_what_the_policy_seals_is_sealed(settings: Settings, column: str) -> None:
    with pytest.raises(InputError, match="no column of teahouse that the policy seals"):
        seal_existing(settings, MAP, column)


def test_a_map_that_is_not_there_and_a_table_that_is_not_there(
    settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        seal_existing(settings, tmp_path / "none.yaml", "customer.phone")
    other = tmp_path / "other.yaml"
    shutil.copyfile(MAP, other)
    text = other.read_text(encoding="utf-8")
    text = text.replace("\n      customer:\n", "\n      client:\n").replace("customer.", "client.")
    other.write_text(text, encoding="utf-8")
    with pytest.raises(UnsafeStore, match="there are 0 tables client"):
        seal_existing(settings, other, "client.phone")
