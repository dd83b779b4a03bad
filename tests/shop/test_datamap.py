"""The shop's own data map, against its migrations on both databases and its rows."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import create_engine, inspect, text

from tests.databases import TestDatabase
from tests.shop.conftest import MAP, NOON, POLICY, TO_HOME, Shop, settings_of
from troth import Answer, Troth
from troth.adapters import lenses
from troth.adapters.clock import SetClock
from troth.adapters.sources import read_folder
from troth.core.compile import compile_policy
from troth.core.datamap import DataMap, StoreId, way_to_person
from troth.core.datamap_file import read_datamap
from troth.core.findings import errors
from troth.core.lens import BASE_SCHEMA, BASE_SUFFIX
from troth.core.lens_of import finders_of, lens_of, lenses_of
from troth.core.policy import Policy
from troth.core.reach import Relation
from troth.flows.data_map import check
from troth.store.reflect import reach
from troth_shop import gate, orders, support
from troth_shop.migrate import migrate

SHOP = StoreId("shop")

RULE = re.compile(r"\b[DM][0-9]{3}\b")

NOT_BUILT_YET = {"cart_lines", "reply_contact", "request_records"}
"""What the policy says lies in the shop's database and no table holds yet."""


@pytest.fixture(scope="module")
def policy() -> Policy:
    return compile_policy(read_folder(POLICY)).require()


@pytest.fixture(scope="module")
def datamap(policy: Policy) -> DataMap:
    return read_datamap(MAP.read_text(encoding="utf-8"), policy).require()


@pytest.fixture
def bare(database: TestDatabase) -> TestDatabase:
    """What the migrations make, which the map must know; its tables are behind no lens yet."""
    Troth.open(settings_of(database, database.folder / "data"), clock=SetClock(NOON)).close()
    migrate(database.owner_url, app_role=database.app_role)
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


def tables_in_lenses(datamap: DataMap) -> set[str]:
    return {table.name for table in datamap.stores[SHOP].tables.values() if table.lensed}


def install(database: TestDatabase, policy: Policy, datamap: DataMap) -> None:
    """Put the shop's tables behind their lenses, as a start of the shop does."""
    lenses.install(
        database.owner_url,
        lenses_of(policy, datamap, store=SHOP),
        finders_of(datamap, store=SHOP),
        sorted(tables_in_lenses(datamap)),
        app_url=database.app_url,
        folder=database.folder,
    )


def base_of(database: TestDatabase, name: str, *, suffix: str = BASE_SUFFIX) -> str:
    """What the owner calls something that lies behind the lenses."""
    return name + suffix if database.kind == "sqlite" else f"{BASE_SCHEMA}.{name}"


def behind(database: TestDatabase) -> set[str]:
    """The tables that are behind lenses, as the database says."""
    engine = create_engine(database.owner_url)
    found = inspect(engine)
    if database.kind == "sqlite":
        names = [name for name in found.get_table_names() if name.endswith(BASE_SUFFIX)]
    else:
        names = found.get_table_names(schema=BASE_SCHEMA)
    engine.dispose()
    return {name.removesuffix(BASE_SUFFIX) for name in names}


@pytest.mark.promise("S-14")
def test_map_and_fresh_shop_agree(bare: TestDatabase, policy: Policy) -> None:
    assert checked(bare, policy) == []


@pytest.mark.promise("S-14")
@pytest.mark.control("data_map_gate")
def test_id_card_column_and_newsletter_table_are_named(bare: TestDatabase, policy: Policy) -> None:
    change(
        bare,
        "ALTER TABLE shop_customer ADD COLUMN id_card TEXT",
        "CREATE TABLE newsletter (email TEXT NOT NULL PRIMARY KEY)",
    )
    column, table = sorted(checked(bare, policy), key=lambda line: "D306" in line)
    assert "D302" in column
    assert "shop_customer.id_card" in column
    assert "D306" in table
    assert "newsletter" in table


def test_map_fits_the_shop_behind_its_lenses_too(
    bare: TestDatabase, policy: Policy, datamap: DataMap
) -> None:
    install(bare, policy, datamap)
    assert behind(bare) == tables_in_lenses(datamap)
    assert checked(bare, policy) == []
    install(bare, policy, datamap)
    assert checked(bare, policy) == []


@pytest.mark.promise("S-14")
def test_drift_behind_the_lenses_is_named_as_the_application_names_it(
    bare: TestDatabase, policy: Policy, datamap: DataMap
) -> None:
    install(bare, policy, datamap)
    change(
        bare,
        f"ALTER TABLE {base_of(bare, 'shop_customer')} ADD COLUMN id_card TEXT",
        f"CREATE TABLE {base_of(bare, 'newsletter')} (email TEXT NOT NULL PRIMARY KEY)",
        "DROP INDEX " + base_of(bare, "ix_shop_hand_over_state_due_at", suffix=""),
    )
    found = {rule: line for line in checked(bare, policy) for rule in RULE.findall(line)}
    assert "shop_customer.id_card" in found["D302"]
    assert "the table newsletter" in found["D306"]
    assert "no index of shop_hand_over begins with state" in found["D317"]
    assert len(found) == 3
    assert not any(BASE_SUFFIX in line or BASE_SCHEMA in line for line in found.values())


def test_table_that_is_gone_is_stale(bare: TestDatabase, policy: Policy) -> None:
    change(bare, "DROP TABLE shop_voucher")
    [line] = checked(bare, policy)
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


def test_code_and_tries_of_a_phone_lead_to_its_customer_and_staff_are_none(
    bare: TestDatabase, datamap: DataMap
) -> None:
    columns = "(attempt_id, door, name, tried_at)"
    change(
        bare,
        "INSERT INTO shop_customer VALUES ('p1', 's1.x', 'i1.mine', 'digest', 1)",
        "INSERT INTO shop_customer VALUES ('p2', 's1.y', 'i1.other', 'digest', 1)",
        "INSERT INTO shop_code VALUES ('c1', 'i1.mine', 'register', 'digest', 0, 1, NULL)",
        "INSERT INTO shop_code VALUES ('c2', 'i1.other', 'register', 'digest', 0, 1, NULL)",
        f"INSERT INTO shop_attempt {columns} VALUES ('a1', 'customer', 'i1.mine', 1)",
        f"INSERT INTO shop_attempt {columns} VALUES ('a2', 'staff', 'i1.mine', 1)",
        f"INSERT INTO shop_attempt {columns} VALUES ('a3', 'customer', 'i1.other', 1)",
    )
    found = reach(bare.owner_url, datamap, SHOP, "p1")
    assert {(r.table, r.key[0]) for r in found.rows} == {
        ("shop_customer", "p1"),
        ("shop_code", "c1"),
        ("shop_attempt", "a1"),
    }


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


def test_what_the_shop_does_together_is_what_the_map_puts_together(
    policy: Policy, datamap: DataMap
) -> None:
    done = {
        frozenset(names)
        for names in vars(gate).values()
        if isinstance(names, tuple) and len(names) > 1 and set(policy.purposes).issuperset(names)
    }
    assert done == {frozenset(names) for names in datamap.stores[SHOP].together}


def test_agent_clears_the_number_of_the_device_and_never_sees_it(
    policy: Policy, datamap: DataMap
) -> None:
    [case] = [t for t in lens_of(policy, datamap, "answer_support").tables if t.name == "shop_case"]
    assert case.clears == ("support_device_id",)
    assert "support_device_id" in case.update
    assert "support_device_id" not in case.read


def test_finders_tell_no_more_than_the_shop_needs_before_a_lens(datamap: DataMap) -> None:
    found = {(f.table, f.by): f.tells for f in finders_of(datamap, store=SHOP)}
    assert found["shop_order", "order_id"] == ()
    assert found["shop_case", "case_id"] == ()
    told = {(table, column) for (table, _), tells in found.items() for column in tells}
    assert told == {
        ("shop_customer", "password_hash"),
        *(("shop_session", c) for c in ("session_id", "created_at", "last_seen_at", "ended_at")),
        *(("shop_order", c) for c in ("order_id", "pay_by")),
        *(("shop_hand_over", c) for c in ("order_id", "due_at", "tries")),
        ("shop_voucher", "order_id"),
        *(("shop_case", c) for c in ("case_id", "agent")),
    }


def test_index_of_the_phone_is_written_by_registration_and_seen_by_nobody_else(
    policy: Policy, datamap: DataMap
) -> None:
    seen = {
        purpose
        for purpose in policy.purposes
        for table in lens_of(policy, datamap, purpose).tables
        if "phone_index" in table.read
    }
    assert seen == {"register_account"}


def test_order_is_placed_with_its_payment_and_delivery_in_one_lens(
    policy: Policy, datamap: DataMap
) -> None:
    lens = lens_of(policy, datamap, "place_order", "take_payment", "deliver_order")
    added = {table.name for table in lens.tables if table.insert}
    assert {"shop_order", "shop_order_line", "shop_payment", "shop_delivery"} <= added
    alone = {t.name for t in lens_of(policy, datamap, "place_order").tables if t.insert}
    assert alone == {"shop_order", "shop_order_line"}
