"""A lens that grants a sealed column opens it for its rows; whatever SQL is sent."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, String, Table, insert, select, text, update

from tests.builders import NOW
from tests.databases import Template
from tests.lens_sqlite import SHIP, LensedShop, lensed_shop, table
from troth.adapters.clock import SetClock
from troth.adapters.person_keys import FilePersonKeys
from troth.core.errors import KeyDestroyed, SealBroken
from troth.core.lens import Lens
from troth.core.sealing import SealedPlace, is_sealed
from troth.store.lens_sqlite import LensedBlock, SqliteLenses
from troth.store.sealed_type import SealedText, SealedUse, detach

PLACES = {"customer.phone": SealedPlace("shop", "customer", "phone")}


class SealedShop:
    def __init__(self, shop: LensedShop, keys: FilePersonKeys) -> None:
        seen = SHIP.tables[0]
        columns = "id pii_principal_id phone name"
        sealed = table(
            "customer", columns, insert=seen.insert, update=seen.update, sealed=("phone",)
        )
        lens = Lens(SHIP.purposes, (sealed, *SHIP.tables[1:]))
        self.shop, self.keys = shop, keys
        self.lenses = SqliteLenses(shop.here.troth.kit.database, {"ship_parcel": lens})
        for name, person in shop.people.items():
            use = SealedUse(keys, PLACES, person=person)
            stored = use.sealed("customer.phone", f"1390000000{len(name)}{name}")
            shop.base("UPDATE customer__rows SET phone = ? WHERE id = ?", stored, f"c-{name}")

    @contextmanager
    def use(self, name: str | None = None) -> Iterator[tuple[LensedBlock, SealedUse]]:
        person = None if name is None else self.shop.people[name]
        people = None if person is None else [person]
        with self.lenses.use("ship_parcel", people=people) as block:
            use = SealedUse(self.keys, PLACES, mark=block.mark, person=person)
            use.attach(block.connection)
            yield block, use
            detach(block.connection)


@pytest.fixture
def here(migrated_template: Template, tmp_path: Path) -> Iterator[SealedShop]:
    with (
        migrated_template.copy(None, tmp_path / "database") as database,
        lensed_shop(database) as shop,
        closing(FilePersonKeys(tmp_path / "keys", SetClock(NOW))) as keys,
    ):
        made = SealedShop(shop, keys)
        yield made
        made.lenses.close()


def seen(block: LensedBlock, sql: str = "SELECT id, phone FROM customer") -> dict[str, Any]:
    return {row[0]: row[1] for row in block.connection.execute(text(sql))}


def test_a_granted_sealed_column_opens_for_permitted_people_only(here: SealedShop) -> None:
    with here.use() as (block, _):
        assert seen(block) == {"c-an": "13900000002an", "c-cy": "13900000002cy"}
    with here.use("an") as (block, _):
        assert seen(block) == {"c-an": "13900000002an"}
        cursor = block.dbapi.execute("SELECT phone, upper(phone) FROM customer")
        ((opened, spoilt),) = cursor.fetchall()  # a function sees what is stored, not what opens
        assert opened == "13900000002an"
        assert opened not in spoilt
        with pytest.raises(SealBroken):
            block.dbapi.execute("SELECT substr(phone, 1, 90) FROM customer").fetchall()


def test_a_statement_through_the_view_writes_what_is_sealed(here: SealedShop) -> None:
    customer = Table("customer", MetaData(), *_columns())
    with here.use("an") as (block, _):
        mine = update(customer).where(customer.c.id == "c-an")
        block.connection.execute(mine.values(phone="13811112222"))
        assert seen(block) == {"c-an": "13811112222"}
    ((stored,),) = here.shop.base("SELECT phone FROM customer__rows WHERE id = 'c-an'")
    assert is_sealed(str(stored))
    with here.use("cy") as (block, _):
        assert block.connection.execute(select(customer.c.phone)).scalars().all() == [
            "13900000002cy"
        ]


def _columns() -> list[Any]:
    return [
        Column("id", String, primary_key=True),
        Column("phone", SealedText("customer.phone")),
        Column("name", String),
    ]


def test_the_next_block_without_a_use_of_sealing_opens_nothing(here: SealedShop) -> None:
    with here.use("an"):
        pass
    with here.lenses.use("ship_parcel", people=[here.shop.people["an"]]) as block:
        (value,) = seen(block).values()
        assert "13900000002an" not in value
        given = insert(Table("customer", MetaData(), *_columns())).values(id="new", phone="1")
        with pytest.raises(Exception, match=r"sealed|supported|bind"):
            block.connection.execute(given)


def test_a_destroyed_key_closes_the_row_and_no_other(here: SealedShop) -> None:
    here.keys.destroy_key(here.shop.people["an"])
    with here.use("an") as (block, _), pytest.raises(KeyDestroyed):
        seen(block)
    with here.use("cy") as (block, _):
        assert seen(block) == {"c-cy": "13900000002cy"}
