"""The shop on a database of each kind, under its own policy and map, with a clock that is set.

The tables lie behind their lenses: the shop reaches them by `Troth.use` and `Troth.find` only. What
is really stored is read by `Shop.stored`, as the owner of the tables, who alone knows their names.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import create_engine, text

import troth_shop
from tests.databases import Template, TestDatabase
from tests.servers import PostgresServer
from tests.shop.replay import Recorder
from troth import Answer, Policy, Settings, Troth
from troth.adapters.clock import SetClock
from troth.core.datamap import DataMap
from troth.core.lens import BASE_SCHEMA, BASE_SUFFIX
from troth.governed import Governed
from troth_shop import accounts, orders, passwords, staff
from troth_shop.catalogue import Catalogue, load_catalogue
from troth_shop.migrate import migrate

POLICY = Path(troth_shop.__file__).parent / "policy"
MAP = Path(troth_shop.__file__).parent / "datamap.yaml"
ROLES_FILE = "lens_roles.json"
OUTSIDE_LENSES = ("shop_code", "shop_attempt", "shop_staff", "shop_staff_session")
NOON = 1_795_407_200_000_000
"""In the days after the policy took effect: its impact assessments were made shortly before."""
SECOND = 1_000_000
PASSWORD = "correct horse battery"
CART = {"tea-longjing": 2}


@dataclass
class Phones:
    """A port that keeps what was sent, as a phone does."""

    sent: list[tuple[str, str]] = field(default_factory=list)

    def send(self, *, to: str, text: str) -> None:
        self.sent.append((to, text))

    def code(self) -> str:
        text = self.sent[-1][1]
        return next(w for w in text.replace("，", " ").replace(",", " ").split() if w.isdigit())


@dataclass
class Shop:
    """One deployment with what tests say most often."""

    t: Troth
    clock: SetClock
    catalogue: Catalogue
    folder: Path
    database: TestDatabase
    phones: Phones = field(default_factory=Phones)
    _numbers: Iterator[int] = field(default_factory=lambda: count(13800000000))

    @property
    def vouchers(self) -> Path:
        return self.folder / "vouchers"

    def person(self) -> str:
        """A new customer, as the seeding makes one."""
        shown = self.t.show(*accounts.REGISTER_PURPOSES, person="", language="zh-CN")
        phone = str(next(self._numbers))
        return accounts.add_customer(self.t, phone, passwords.digest(PASSWORD), shown.token)

    def say(self, person: str, purpose: str, answer: Answer = Answer.GIVE) -> None:
        self.t.answer(person, purpose, answer, self.t.show(purpose, person=person).token)

    def token(self, person: str, *purposes: str) -> str:
        return self.t.show(*purposes, person=person, language="zh-CN", surface="/test").token

    def checkout(self, **changed: str) -> orders.Checkout:
        form = {"order_key": orders.new_key(), "delivery": "pick_up", "pay_by": "transfer"}
        return orders.Checkout.of({**form, **changed}, self.catalogue, CART)

    def order(self, person: str, **changed: str) -> orders.Order:
        token = self.token(person, *orders.ORDER_PURPOSES)
        return orders.place_order(self.t, person, self.checkout(**changed), token)

    def staff(self, role: staff.Role) -> staff.Staff:
        return staff.add_staff(self.t, f"{role.value} {orders.new_key()[:6]}", role, PASSWORD)

    def move(self, seconds: int) -> None:
        self.clock.move(seconds * SECOND)

    def stored(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table as it is stored, sealed where it is sealed."""
        return stored(self.database, table)

    def recorder(self) -> Recorder:
        """What the shop sends through its lenses from now on, while it records."""
        return Recorder(self.t, _CHECKED[self.database.kind])

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return len(self.stored(table))


TO_HOME = {
    "recipient_name": "王小明",
    "recipient_phone": "13700000000",
    "recipient_address": "杭州市西湖区某路 1 号",
}


@pytest.fixture(autouse=True)
def _quick_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    # Same algorithm, little work; test_accounts proves what the shop really uses.
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),))
    monkeypatch.setattr(passwords, "_ARGON2", quick)
    passwords._of_nobody.cache_clear()


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The goods; reading them takes longer than most tests, and nobody can change them."""
    return load_catalogue()


@pytest.fixture(scope="session")
def shop_template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A database with the tables of troth and of the shop, and the shop's policy published."""
    return Template(set_up_shop, tmp_path_factory.mktemp("shop-template"))


@pytest.fixture
def shop_database(
    server_of_database: PostgresServer | None, shop_template: Template, tmp_path: Path
) -> Iterator[TestDatabase]:
    """The database of `shop`: a copy of the template."""
    with shop_template.copy(server_of_database, tmp_path / "shop-database") as made:
        yield made


@pytest.fixture
def shop(
    shop_database: TestDatabase,
    shop_template: Template,
    catalogue: Catalogue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Shop]:
    """The shop on a database of its own, with keys of its own; its policy is in force.

    What it sends through its lenses is sent again at the end under every other purpose (`replay`).
    """
    settings = settings_of(shop_database, tmp_path / "data")
    settings.data.mkdir()
    # A copied database of PostgreSQL goes on with the roles of the one that it was copied from.
    for roles in shop_template.folder.glob(f"{shop_database.kind}/data/{ROLES_FILE}"):
        shutil.copy2(roles, settings.data / ROLES_FILE)
    clock = SetClock(NOON)
    t = Troth.open(settings, migrates=False, clock=clock)
    t.in_force(renew=True)
    _govern(t, shop_database.kind, monkeypatch)
    recorder = Recorder(t, _CHECKED[shop_database.kind])
    with recorder.recording(monkeypatch):
        yield Shop(t, clock, catalogue, settings.data, shop_database)
    monkeypatch.undo()
    recorder.replay()
    t.close()


_CHECKED: dict[str, DataMap] = {}
"""The map that was compared with the database that the others are copies of, by its kind."""


def _govern(t: Troth, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Govern a copy: what was compared once for its template is not compared for each test."""
    really = Governed._checked_map

    def checked(governed: Governed, policy: Policy) -> DataMap:
        if kind not in _CHECKED:
            _CHECKED[kind] = really(governed, policy)
        return _CHECKED[kind]

    with monkeypatch.context() as patch:
        patch.setattr(Governed, "_checked_map", checked)
        t.govern(MAP)


def set_up_shop(empty: TestDatabase) -> None:
    """Bring an empty database to where a shop can open: migrated, published, behind its lenses."""
    t = Troth.open(settings_of(empty, empty.folder / "data"), clock=SetClock(NOON))
    migrate(empty.owner_url, app_role=empty.app_role)
    t.publish(POLICY)
    t.govern(MAP)
    t.close()


def settings_of(database: TestDatabase, data: Path) -> Settings:
    """Return the settings of a shop whose state is in that folder and in that database."""
    environment = {
        "TROTH_DATABASE_URL": database.app_url,
        "TROTH_OWNER_URL": database.owner_url,
        "TROTH_REGION": "CN",
    }
    return Settings.of(data, environment)


def stored(database: TestDatabase, table: str) -> list[dict[str, Any]]:
    """Return every row of a table as its owner sees it, in the order of its first column."""
    name = f'"{table}"'
    if table.startswith("shop_") and table not in OUTSIDE_LENSES:
        on_sqlite = database.kind == "sqlite"
        name = f'"{table}{BASE_SUFFIX}"' if on_sqlite else f'"{BASE_SCHEMA}"."{table}"'
    engine = create_engine(database.owner_url)
    try:
        with engine.connect() as connection:
            rows = connection.execute(text(f"SELECT * FROM {name} ORDER BY 1"))
            return [dict(row) for row in rows.mappings()]
    finally:
        engine.dispose()
