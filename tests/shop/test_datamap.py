"""The shop's own data map, against its migrations on both databases and its rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import troth_shop
from tests.databases import TestDatabase
from tests.shop.conftest import POLICY, TO_HOME, Shop, set_up_shop
from troth import Answer
from troth.adapters.sources import read_folder
from troth.core.compile import compile_policy
from troth.core.datamap import DataMap, StoreId, way_to_person
from troth.core.datamap_file import read_datamap
from troth.core.findings import errors
from troth.core.lens_of import lens_of
from troth.core.policy import Policy
from troth.core.reach import Relation
from troth.flows.data_map import check
from troth.store.reflect import reach
from troth_shop import orders, queries, support

MAP = Path(troth_shop.__file__).parent / "datamap.yaml"
SHOP = StoreId("shop")

NOT_BUILT_YET = {"cart_lines", "reply_contact", "request_records"}
"""What the policy says lies in the shop's database and no table holds yet."""


@pytest.fixture(scope="module")
def policy() -> Policy:
    return compile_policy(read_folder(POLICY)).require()


@pytest.fixture(scope="module")
def datamap(policy: Policy) -> DataMap:
    return read_datamap(MAP.read_text(encoding="utf-8"), policy).require()


@pytest.fixture
def shop_database(database: TestDatabase) -> TestDatabase:
    """Not a copy as elsewhere: what the migrations make is what the map must know."""
    set_up_shop(database)
    return database


def checked(database: TestDatabase, policy: Policy) -> list[str]:
    """What `check` says of a database: each error, and each warning that is not known."""
    urls = [database.owner_url]
    if database.kind == "sqlite":
        urls.append(f"looks=sqlite:///{database.folder / 'troth-looks.db'}")
    found = check(urls, MAP.read_text(encoding="utf-8"), policy)
    known = {f"the policy says that {name} lies in " for name in NOT_BUILT_YET}
    return [
        f.line_of_text()
        for f in found
        if not (f.rule == "M116" and any(f.reason.startswith(words) for words in known))
    ]


def change(database: TestDatabase, *statements: str) -> None:
    engine = create_engine(database.owner_url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@pytest.mark.promise("S-14")
def test_map_and_fresh_shop_agree(shop_database: TestDatabase, policy: Policy) -> None:
    assert checked(shop_database, policy) == []


@pytest.mark.promise("S-14")
def test_id_card_column_and_newsletter_table_are_named(
    shop_database: TestDatabase, policy: Policy
) -> None:
    change(
        shop_database,
        "ALTER TABLE shop_customer ADD COLUMN id_card TEXT",
        "CREATE TABLE newsletter (email TEXT NOT NULL PRIMARY KEY)",
    )
    column, table = sorted(checked(shop_database, policy), key=lambda line: "D306" in line)
    assert "D302" in column
    assert "shop_customer.id_card" in column
    assert "D306" in table
    assert "newsletter" in table


def test_table_that_is_gone_is_stale(shop_database: TestDatabase, policy: Policy) -> None:
    change(shop_database, "DROP TABLE shop_voucher")
    [line] = checked(shop_database, policy)
    assert "D307" in line
    assert "shop_voucher" in line


def test_every_personal_table_leads_to_its_person(datamap: DataMap) -> None:
    for table in datamap.stores[SHOP].tables.values():
        if table.personal:
            assert way_to_person(datamap, SHOP, table) is not None, table.name


def test_only_what_waits_for_its_issue_is_mapped_nowhere(policy: Policy) -> None:
    found = read_datamap(MAP.read_text(encoding="utf-8"), policy).findings
    assert not errors(found)
    assert {f.reason.split()[4] for f in found} == NOT_BUILT_YET


def test_person_reaches_all_their_rows_and_nobody_elses(
    shop: Shop, shop_database: TestDatabase, datamap: DataMap
) -> None:
    mine, other = shop.person(), shop.person()
    for person in (mine, other):
        shop.say(person, "share_with_courier", Answer.GIVE)
        shop.order(person, delivery="our_delivery", **TO_HOME)
        token = shop.token(person, *support.SUPPORT_PURPOSES)
        new = support.NewCase(
            case_key=orders.new_key(), subject="茶", message="到了吗", device=False
        )
        support.open_case(shop.t, person, new, token)
    found = reach(shop_database.owner_url, datamap, SHOP, mine)
    counts = found.counts()
    for table in ("customer", "order", "order_line", "delivery", "payment", "case", "case_message"):
        assert counts[f"shop_{table}"] == 1, table
    assert counts["troth_person"] == 1
    assert found.counts(Relation.ACCESSED) == {}
    others = reach(shop_database.owner_url, datamap, SHOP, other)
    assert not {(r.table, r.key) for r in found.rows} & {(r.table, r.key) for r in others.rows}


def test_tries_at_the_staff_door_are_no_customers(
    shop: Shop, shop_database: TestDatabase, datamap: DataMap
) -> None:
    person = shop.person()
    with shop.t.reading() as c:
        phone = c.execute(text("SELECT phone FROM shop_customer")).scalar_one()
    with shop.t.transaction() as c:
        for door in ("customer", "staff"):
            queries.add_attempt(c, attempt_id=door, door=door, name=phone, tried_at=1)
    found = reach(shop_database.owner_url, datamap, SHOP, person)
    assert [r.key for r in found.rows if r.table == "shop_attempt"] == [("customer",)]


# --- lenses ----------------------------------------------------------------------------------


def test_cashier_sees_no_address_and_packer_no_payment(policy: Policy, datamap: DataMap) -> None:
    paying = {t.name for t in lens_of(policy, datamap, "take_payment").tables}
    assert paying == {"shop_order", "shop_order_line", "shop_payment", "shop_voucher"}
    delivering = {t.name for t in lens_of(policy, datamap, "deliver_order").tables}
    assert delivering == {"shop_order", "shop_order_line", "shop_delivery", "shop_hand_over"}


def test_books_keep_the_name_and_not_the_address(policy: Policy, datamap: DataMap) -> None:
    tables = {t.name: t for t in lens_of(policy, datamap, "keep_records").tables}
    kept = tables["shop_delivery"].read
    assert "recipient_name" in kept
    assert "recipient_address" not in kept
    assert "parcel_number" not in kept
    assert all(not t.insert and not t.update and not t.may_delete for t in tables.values())


def test_no_lens_shows_staff_or_troths_own_record(policy: Policy, datamap: DataMap) -> None:
    for purpose in policy.purposes:
        names = {t.name for t in lens_of(policy, datamap, purpose).tables}
        assert not {name for name in names if name.startswith(("troth_", "shop_staff"))}
        assert not names & {"shop_code", "shop_attempt"}


def test_sealed_columns_are_those_of_sealed_categories(policy: Policy, datamap: DataMap) -> None:
    sealed = {
        (table.name, column)
        for purpose in policy.purposes
        for table in lens_of(policy, datamap, purpose).tables
        for column in table.sealed
    }
    assert sealed == {
        ("shop_customer", "phone"),
        ("shop_delivery", "recipient_name"),
        ("shop_delivery", "recipient_phone"),
        ("shop_delivery", "recipient_address"),
        ("shop_payment", "reference"),
        ("shop_case", "subject"),
        ("shop_case_message", "text"),
    }
