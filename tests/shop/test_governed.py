"""A deployment under its data map: what it takes to start, and what follows a new policy."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError

from tests.shop.conftest import MAP, POLICY, TO_HOME, Shop, stored
from troth import (
    SYSTEM,
    Actor,
    DataMapError,
    InputError,
    LookFilter,
    Settings,
    Troth,
    UnknownName,
    UnsafeStore,
    UseRefused,
    lift_lenses,
)
from troth.adapters import lenses
from troth.core.lens import BASE_SCHEMA, BASE_SUFFIX
from troth_shop import tables

ROBOT = Actor("a-test", SYSTEM)


def settings_of(shop: Shop) -> Settings:
    found = shop.t._settings
    assert found is not None
    return found


def as_owner(shop: Shop, sql: str) -> None:
    engine = create_engine(shop.database.owner_url)
    try:
        with engine.begin() as connection:
            connection.execute(text(sql))
    finally:
        engine.dispose()


def another(shop: Shop, settings: Settings | None = None) -> Troth:
    """Return the same deployment as another process opens it."""
    return Troth.open(settings or settings_of(shop), migrates=False, clock=shop.clock)


def test_before_a_map_governs_no_purpose_opens(shop: Shop) -> None:
    person, t = shop.person(), another(shop)
    try:
        with (
            pytest.raises(InputError, match="no data map governs"),
            t.use("register_account", person=person),
        ):
            raise AssertionError("it opened")
        with pytest.raises(InputError, match="no data map governs"):
            t.find("shop_customer", "phone_index", "13800000000")
    finally:
        t.close()


@pytest.mark.control("data_map_gate")
@pytest.mark.promise("S-14")
def test_a_database_that_differs_from_the_map_does_not_start(shop: Shop) -> None:
    as_owner(shop, "CREATE TABLE newsletter (email TEXT PRIMARY KEY)")
    base = (
        f"{BASE_SCHEMA}.shop_customer"
        if shop.database.kind == "postgresql"
        else f"shop_customer{BASE_SUFFIX}"
    )
    as_owner(shop, f"ALTER TABLE {base} ADD COLUMN id_card TEXT")
    t = another(shop)
    try:
        with pytest.raises(DataMapError) as refused:
            t.govern(MAP)
        told = " ".join(finding.reason for finding in refused.value.findings)
        assert "newsletter" in told
        assert "shop_customer.id_card" in told
    finally:
        t.close()


@pytest.mark.control("purpose_lens")
def test_a_deployment_in_another_region_opens_nothing_and_says_so(shop: Shop) -> None:
    person = shop.person()
    t = another(shop, replace(settings_of(shop), region="SG"))
    try:
        t.govern(MAP)
        with (
            pytest.raises(UseRefused, match="other_region"),
            t.use("register_account", person=person),
        ):
            raise AssertionError("it opened")
    finally:
        t.close()


@pytest.mark.control("purpose_lens")
def test_ordinary_connections_reach_no_row_that_a_purpose_shows(shop: Shop) -> None:
    shop.person()
    for table in (tables.customer, tables.order, tables.delivery, tables.case_message):
        for base in (table.name, table.name + BASE_SUFFIX, f"{BASE_SCHEMA}.{table.name}"):
            with pytest.raises((DBAPIError, InputError)), shop.t.transaction() as c:
                c.execute(text(f"SELECT * FROM {base}"))


def test_starting_again_beside_a_running_process_changes_nothing(shop: Shop) -> None:
    person, t = shop.person(), another(shop)
    try:
        with shop.t.use("register_account", person=person) as c:
            first = c.execute(select(tables.customer.c.phone)).scalar_one()
            t.govern(MAP)
            assert c.execute(select(tables.customer.c.phone)).scalar_one() == first
        with t.use("register_account", person=person) as c:
            assert c.execute(select(tables.customer.c.phone)).scalar_one() == first
    finally:
        t.close()


def test_a_new_policy_narrows_the_lenses_of_a_running_process(shop: Shop, tmp_path: Path) -> None:
    person = shop.person()
    order = shop.order(person, delivery="our_delivery", **TO_HOME)
    with shop.t.use("keep_records", person=person, actor=ROBOT) as c:
        assert c.execute(text("SELECT recipient_name FROM shop_delivery")).all()
    shutil.copytree(POLICY, tmp_path / "policy")
    file = tmp_path / "policy" / "policy.yaml"
    before = file.read_text(encoding="utf-8")
    start = before.index("  keep_records:")
    kept = before[start:].replace("      recipient_name: optional\n", "", 1)
    changed = (before[:start] + kept).replace('version: "1.0"', 'version: "1.1"', 1)
    for role in ("      recipient_name: [keep_records]\n",):
        assert role in changed
        changed = changed.replace(role, "", 1)
    file.write_text(changed, encoding="utf-8")
    publisher = another(shop)
    try:
        publisher.publish(tmp_path / "policy")
    finally:
        publisher.close()
    with (
        pytest.raises((DBAPIError, DataMapError, UseRefused)),
        shop.t.use("keep_records", person=person, actor=ROBOT) as c,
    ):
        c.execute(text("SELECT recipient_name FROM shop_delivery")).all()
    assert stored(shop.database, "shop_order")[0]["order_id"] == order.order_id


def test_lenses_are_lifted_for_a_migration_and_put_back(shop: Shop) -> None:
    person = shop.person()
    before = shop.stored("shop_customer")
    shop.t.close()
    lift_lenses(settings_of(shop))
    engine = create_engine(shop.database.owner_url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT pii_principal_id FROM shop_customer")).scalars()
        assert found.all() == [person]
    engine.dispose()
    t = another(shop)
    try:
        t.govern(MAP)
        assert shop.stored("shop_customer") == before
    finally:
        t.close()


def test_a_phone_is_found_however_it_is_written_and_nobody_elses(shop: Shop) -> None:
    person = shop.person()
    (found,) = shop.t.find("shop_customer", "phone_index", "+86 138 0000 0000")
    assert found.person == person
    assert shop.t.find("shop_customer", "phone_index", "13811112222") == []
    with pytest.raises(UnknownName, match="nobody is found by"):
        shop.t.find("shop_customer", "password_hash", "x")
    with pytest.raises(InputError, match="no blind index"):
        shop.t.index("shop_payment.reference", "x")


def test_a_batch_without_people_names_whoever_permits_it(shop: Shop) -> None:
    first, second = shop.person(), shop.person()
    with shop.t.use("register_account", actor=ROBOT) as c:
        assert len(c.execute(select(tables.customer.c.phone)).all()) == 2
    for person in (first, second):
        (line,) = shop.t.who_looked(person, language="en", wanted=LookFilter(roles=(SYSTEM,))).looks
        assert line.shared_with == 1
    with pytest.raises(InputError, match="name the actor"), shop.t.use("register_account"):
        raise AssertionError("it opened")


def test_keys_rotate_when_their_epoch_is_old_and_everything_still_opens(shop: Shop) -> None:
    person = shop.person()
    governed = shop.t._require_governed()
    before = [epoch.number for epoch in governed.keys._file.epochs()]
    governed.rotate_if_due()
    assert [epoch.number for epoch in governed.keys._file.epochs()] == before
    shop.move(31 * 24 * 3600)
    governed.rotate_if_due()
    assert len(governed.keys._file.epochs()) == len(before) + 1
    with shop.t.use("register_account", person=person) as c:
        assert c.execute(select(tables.customer.c.phone)).scalar_one().startswith("138")


def test_mariadb_is_refused_clearly_at_the_start(tmp_path: Path) -> None:
    for url in ("mariadb+pymysql://u:p@127.0.0.1/shop", "mysql://u:p@127.0.0.1/shop"):
        with pytest.raises(UnsafeStore, match="SQLite or PostgreSQL"):
            lenses.install(url, (), (), (), app_url=url, folder=tmp_path)
