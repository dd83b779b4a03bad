"""The shop on a database of each kind, under its own policy, with a clock that is set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

import troth_shop
from tests.databases import Template, TestDatabase
from tests.servers import PostgresServer
from troth import Answer, Settings, Troth
from troth.adapters.clock import SetClock
from troth_shop import accounts, orders, passwords, staff
from troth_shop.catalogue import Catalogue, load_catalogue
from troth_shop.migrate import migrate

POLICY = Path(troth_shop.__file__).parent / "policy"
NOON = 1_790_000_000_000_000
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
    phones: Phones = field(default_factory=Phones)
    _numbers: Iterator[int] = field(default_factory=lambda: count(13800000000))

    @property
    def vouchers(self) -> Path:
        return self.folder / "vouchers"

    def person(self) -> str:
        """A new customer, as the seeding makes one."""
        shown = self.t.show(*accounts.REGISTER_PURPOSES, person="", language="zh-CN")
        with self.t.transaction() as c:
            phone = str(next(self._numbers))
            return accounts.add_customer(self.t, c, phone, passwords.digest(PASSWORD), shown.token)

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
def shop(shop_database: TestDatabase, catalogue: Catalogue, tmp_path: Path) -> Iterator[Shop]:
    """The shop on a database of its own, with keys of its own; its policy is in force."""
    settings = settings_of(shop_database, tmp_path / "data")
    settings.data.mkdir()
    clock = SetClock(NOON)
    t = Troth.open(settings, migrates=False, clock=clock)
    t.in_force(renew=True)
    yield Shop(t, clock, catalogue, settings.data)
    t.close()


def set_up_shop(empty: TestDatabase) -> None:
    """Bring an empty database to where a shop can open: migrated twice, the policy published."""
    t = Troth.open(settings_of(empty, empty.folder / "data"), clock=SetClock(NOON))
    migrate(empty.owner_url, app_role=empty.app_role)
    t.publish(POLICY)
    t.close()


def settings_of(database: TestDatabase, data: Path) -> Settings:
    """Return the settings of a shop whose state is in that folder and in that database."""
    environment = {"TROTH_DATABASE_URL": database.app_url, "TROTH_OWNER_URL": database.owner_url}
    return Settings.of(data, environment)
