"""A small shop behind lenses on SQLite, with people who said yes and people who did not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass

from tests.builders import Deployment, deployed
from tests.conftest import TestDatabase
from troth.core.lens import Hop, Lens, LensTable
from troth.core.policy import PurposeId
from troth.store.lens_sqlite import LensedBlock, SqliteLenses
from troth.store.lens_sqlite_tables import install

TABLES = """
CREATE TABLE customer (
  id TEXT PRIMARY KEY, pii_principal_id TEXT, name TEXT NOT NULL, phone TEXT, email TEXT UNIQUE,
  level INTEGER DEFAULT 1);
CREATE INDEX customer_person ON customer (pii_principal_id);
CREATE TABLE orders (
  id TEXT PRIMARY KEY, customer_id TEXT NOT NULL REFERENCES customer (id), note TEXT, fen INTEGER);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE TABLE line (
  order_id TEXT REFERENCES orders (id), nr INTEGER, what TEXT, PRIMARY KEY (order_id, nr));
CREATE TABLE wish (id TEXT PRIMARY KEY, pii_principal_id TEXT, what TEXT);
"""
INSTALLED = ("customer", "orders", "line", "wish")
TO_CUSTOMER = Hop("customer_id", "customer", "id")


def table(name: str, read: str, **more: object) -> LensTable:
    """Return a lens's table in few words."""
    values: dict[str, object] = {
        "key": ("id",),
        "insert": (),
        "update": (),
        "may_delete": False,
        "hops": (),
        "person": "pii_principal_id",
        **more,
    }
    return LensTable(name=name, read=tuple(read.split()), **values)  # type: ignore[arg-type]


SHIP = Lens(
    (PurposeId("ship_parcel"),),
    (
        table(
            "customer",
            "id pii_principal_id name phone",
            insert=("id", "pii_principal_id", "name", "phone", "email"),
            update=("phone", "name", "email"),
        ),
        table(
            "orders",
            "id customer_id note",
            hops=(TO_CUSTOMER,),
            insert=("id", "customer_id", "note"),
            update=("note", "customer_id"),
            may_delete=True,
        ),
        table(
            "line",
            "order_id nr what",
            key=("order_id", "nr"),
            hops=(Hop("order_id", "orders", "id"), TO_CUSTOMER),
        ),
    ),
)
NEWS = Lens((PurposeId("send_news"),), (table("customer", "id email"),))
BOTH = Lens(
    (PurposeId("ship_parcel"), PurposeId("send_news")),
    (
        table(
            "customer",
            "id pii_principal_id name phone email",
            insert=("id", "pii_principal_id", "name", "phone", "email"),
            update=("phone", "name", "email"),
        ),
        *SHIP.tables[1:],
        table("wish", "id what", insert=("id", "what")),
    ),
)
CALL = Lens(
    (PurposeId("check_proof"),),
    (
        table("customer", "id name", update=("name", "phone"), clears=("phone",)),
        table(
            "orders", "id note fen", hops=(TO_CUSTOMER,), update=("note", "fen"), clears=("fen",)
        ),
    ),
)


@dataclass
class LensedShop:
    """People by name: ``an`` permits everything, ``bo`` nothing, ``cy`` all but the news."""

    here: Deployment
    lenses: SqliteLenses
    people: dict[str, str]

    def base(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Run SQL on the file itself, as its owner."""
        with closing(sqlite3.connect(self.here.database.file)) as connection:
            found = connection.execute(sql, values).fetchall()
            connection.commit()
        return found

    def everything(self) -> list[list[tuple[object, ...]]]:
        """Return every row of the shop."""
        return [self.base(f"SELECT * FROM {name}__rows ORDER BY 1, 2") for name in INSTALLED]

    def use(
        self,
        who: str | Sequence[str] | None = None,
        lens: str = "ship_parcel",
        *,
        writes: bool = False,
        seconds: float | None = None,
    ) -> AbstractContextManager[LensedBlock]:
        """Open a block for somebody by name, for several, or for all."""
        names = [who] if isinstance(who, str) else who
        people = None if names is None else [self.people[name] for name in names]
        return self.lenses.use(lens, people=people, writes=writes, seconds=seconds)


@contextmanager
def lensed_shop(database: TestDatabase) -> Iterator[LensedShop]:
    """Fill a database of SQLite, put its tables behind lenses and open those."""
    with deployed(database) as here:
        people = {name: here.person() for name in ("an", "bo", "cy")}
        here.give(people["an"], "ship_parcel", "check_proof", "send_news")
        here.give(people["cy"], "ship_parcel", "check_proof")
        with closing(sqlite3.connect(database.file)) as plain:
            plain.executescript(TABLES)
            for n, (name, person) in enumerate(people.items()):
                row = (f"c-{name}", person, name, f"139{n}", f"{name}@x", n)
                plain.execute("INSERT INTO customer VALUES (?, ?, ?, ?, ?, ?)", row)
                for o in range(2):
                    order = (f"o-{name}-{o}", f"c-{name}", f"note {name} {o}", 100 * o)
                    plain.execute("INSERT INTO orders VALUES (?, ?, ?, ?)", order)
                    plain.execute("INSERT INTO line VALUES (?, 1, ?)", (order[0], f"tea {name}"))
            plain.commit()
        install(database.owner_url, INSTALLED)
        lenses = SqliteLenses(
            here.troth.kit.database,
            {lens.name: lens for lens in (SHIP, NEWS, BOTH, CALL)},
            block_seconds=5,
        )
        try:
            yield LensedShop(here, lenses, people)
        finally:
            lenses.close()
