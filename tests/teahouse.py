"""The teahouse of the documentation, brought under its policy as its page says."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import create_engine, text

from tests.databases import TestDatabase
from troth import Actor, Answer, Settings, Troth

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "teahouse"
PACKER = Actor("packer-1", "packer")


def part(name: str) -> ModuleType:
    """Import a file of the example, such as ``after/teahouse``, once."""
    known = f"teahouse_{name.replace('/', '_')}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, EXAMPLE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[known] = importlib.util.module_from_spec(spec)
        sys.path.insert(0, str((EXAMPLE / name).parent))
        try:
            spec.loader.exec_module(sys.modules[known])
        finally:
            sys.path.pop(0)
            sys.modules.pop("teahouse", None)
    return sys.modules[known]


@dataclass
class Tea:
    """The teahouse under its policy; `shop` is what its pages call."""

    shop: Any
    settings: Settings
    database: TestDatabase
    _phones: int = 0

    @property
    def t(self) -> Troth:
        return self.shop.t  # type: ignore[no-any-return]

    def customer(self, name: str = "Chen Yu", *, orders: int = 0) -> str:
        """Register somebody new, with some orders, and return their random id."""
        self._phones += 1
        person = self.t.add_person()
        token = self.t.show("keep_account", person=person).token
        self.shop.register(person, name, f"150{self._phones:08d}", token)
        for n in range(orders):
            self.order(person, f"Tea {n}")
        return person

    def order(self, person: str, what: str) -> str:
        token = self.t.show(*part("after/teahouse").ORDERING, person=person).token
        placed: str = self.shop.order(person, what, 9_900, "3 Hupao Road", token)
        return placed

    def say(self, person: str, purpose: str, said: Answer) -> None:
        self.t.answer(person, purpose, said, self.t.show(purpose, person=person).token)

    def raw(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        """Run SQL as the owner of the tables."""
        return as_owner(self.database, sql, **values)


def as_owner(database: TestDatabase, sql: str, **values: object) -> list[tuple[Any, ...]]:
    """Run SQL as the owner of the tables."""
    engine = create_engine(database.owner_url)
    try:
        with engine.begin() as connection:
            found = connection.execute(text(sql), values)
            return [tuple(row) for row in found] if found.returns_rows else []
    finally:
        engine.dispose()


def settings_of(database: TestDatabase) -> Settings:
    """Return the settings of the deployment beside a database."""
    environment = {
        "TROTH_DATABASE_URL": database.app_url,
        "TROTH_OWNER_URL": database.owner_url,
        "TROTH_REGION": "CN",
    }
    return Settings.of(database.folder / "data", environment)


def as_it_was(database: TestDatabase) -> None:
    """Make the teahouse's own database, with its customers, and the rights that its role has."""
    part("before/fill").fill(database.owner_url)
    if database.app_role:
        for table in ("customer", "tea_order"):
            rights = "SELECT, INSERT, UPDATE, DELETE"
            as_owner(database, f'GRANT {rights} ON {table} TO "{database.app_role}"')


def with_people(database: TestDatabase) -> Settings:
    """Do everything up to the sealing: columns, policy, random ids."""
    as_it_was(database)
    settings = settings_of(database)
    part("prepare").columns(settings)
    t = Troth.open(settings)
    t.publish(EXAMPLE / "policy")
    t.close()
    part("prepare").people(settings)
    return settings


@contextmanager
def teahouse(database: TestDatabase) -> Iterator[Tea]:
    """Bring the teahouse on an empty database under its policy."""
    settings = with_people(database)
    before = Path.cwd()
    os.chdir(EXAMPLE)
    try:
        part("prepare").seal(settings)
    finally:
        os.chdir(before)
    shop = part("after/teahouse").opened(settings)
    try:
        yield Tea(shop, settings, database)
    finally:
        shop.t.close()
