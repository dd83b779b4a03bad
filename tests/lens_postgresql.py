"""A small host application with three lenses on PostgreSQL, to attack and to work with.

Three people: ada and bob stand for `deliver_order`, eve withdrew it. Only eve stands for
`send_news`. Everybody stands for `keep_account`. Whatever is HIDDEN belongs to eve, or to columns
that `deliver_order` does not show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from tests.servers import PostgresServer
from troth.core.lens import Hop, Lens, LensTable
from troth.core.policy import PurposeId
from troth.store.lens_postgresql import Installed, install
from troth.store.lens_postgresql_ddl import role_of
from troth.store.lens_postgresql_pool import LensedBlock, LensPools, Scope, write_scope
from troth.store.migrate import migrate

HIDDEN = ("13900000666", "Hidden Lane 66", "secret of eve")
DELIVER, NEWS, ACCOUNT = "deliver_order", "send_news", "keep_account"

HOST_TABLES = """
CREATE TABLE customer (customer_id text PRIMARY KEY, person_id text NOT NULL UNIQUE,
  phone text NOT NULL UNIQUE, street text NOT NULL, note text NOT NULL DEFAULT 'none',
  CONSTRAINT customer_street_said CHECK (street <> ''));
CREATE TABLE orders (order_id text PRIMARY KEY,
  customer_id text NOT NULL REFERENCES customer, item text NOT NULL);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE TABLE parcel (parcel_id text PRIMARY KEY, order_id text NOT NULL REFERENCES orders,
  weight integer NOT NULL DEFAULT 1, place text NOT NULL DEFAULT 'desk');
CREATE TABLE diary (diary_id bigserial PRIMARY KEY, person_id text NOT NULL, words text NOT NULL);
CREATE TABLE goods (goods_id text PRIMARY KEY, title text NOT NULL);
INSERT INTO customer VALUES ('c-ada', 'p-ada', '13800000001', 'Apple Street 1', 'note of ada'),
  ('c-bob', 'p-bob', '13800000002', 'Birch Street 2', 'note of bob'),
  ('c-eve', 'p-eve', '13900000666', 'Hidden Lane 66', 'secret of eve');
INSERT INTO orders VALUES ('o-ada', 'c-ada', 'tea'), ('o-bob', 'c-bob', 'salt'),
  ('o-eve', 'c-eve', 'secret of eve');
INSERT INTO parcel VALUES ('k-ada', 'o-ada', 5), ('k-bob', 'o-bob', 7), ('k-eve', 'o-eve', 66);
INSERT INTO diary (person_id, words) VALUES ('p-eve', 'secret of eve');
INSERT INTO goods VALUES ('g-1', 'tea');
"""

TO_CUSTOMER = (Hop("customer_id", "customer", "customer_id"),)
TO_ORDER = (Hop("order_id", "orders", "order_id"), *TO_CUSTOMER)


def table(name: str, read: str, **given: Any) -> LensTable:
    """Return what a lens may do with a table; columns are written in one text."""
    columns = {verb: tuple(given.pop(verb, "").split()) for verb in ("insert", "update")}
    key = given.pop("key", (read.split(maxsplit=1)[0],))
    hops = given.pop("hops", ())
    may_delete = given.pop("may_delete", False)
    person = given.pop("person", "person_id")
    given.update(columns, may_delete=may_delete, hops=hops, person=person)
    return LensTable(name, key, tuple(read.split()), **given)


DELIVER_LENS = Lens(
    (PurposeId(DELIVER),),
    (
        table("customer", "customer_id person_id street", update="street"),
        table("orders", "order_id customer_id item", hops=TO_CUSTOMER),
        table(
            "parcel",
            "parcel_id order_id weight",
            insert="parcel_id order_id weight",
            update="weight",
            may_delete=True,
            hops=TO_ORDER,
        ),
    ),
)
NEWS_LENS = Lens((PurposeId(NEWS),), (table("customer", "customer_id person_id phone"),))
ACCOUNT_LENS = Lens(
    (PurposeId(ACCOUNT),),
    (
        table(
            "customer",
            "customer_id person_id phone street note",
            insert="customer_id person_id phone street note",
            update="phone street note",
            may_delete=True,
        ),
        table("orders", "order_id customer_id item", insert="order_id customer_id item",
              hops=TO_CUSTOMER),
    ),
)  # fmt: skip
LENSES = (DELIVER_LENS, NEWS_LENS, ACCOUNT_LENS)


@dataclass
class Host:
    """A database of the host application, with its lenses.

    Attributes:
        owner: a connection of the tables' owner, in autocommit.
        app: a connection of the application's role, in autocommit.
        admin: a connection of the superuser, in autocommit.
        owner_url: of the owner.
        app_url: of the application.
        folder: of the deployment.
        installed: what the first `install` said.
        server: where it runs.
    """

    owner: psycopg.Connection[Any]
    app: psycopg.Connection[Any]
    admin: psycopg.Connection[Any]
    owner_url: str
    app_url: str
    folder: Path
    installed: Installed
    server: PostgresServer
    _pools: list[LensPools] = field(default_factory=list)

    @property
    def app_role(self) -> str:
        return str(make_url(self.app_url).username)

    def role(self, lens: str) -> str:
        """The login role of a lens of this database; other databases have theirs."""
        return role_of(lens, str(make_url(self.owner_url).database))

    def install(self, *lenses: Lens, **given: Any) -> Installed:
        given = {"app_role": self.app_role, "folder": self.folder, "tables": ("diary",), **given}
        return install(self.owner_url, lenses or LENSES, **given)

    def pools(self, **given: Any) -> LensPools:
        self._pools.append(LensPools(self.app_url, self.folder, **given))
        return self._pools[-1]

    @contextmanager
    def use(
        self,
        lens: str = DELIVER,
        people: str | Sequence[str] | None = None,
        pools: LensPools | None = None,
    ) -> Iterator[LensedBlock]:
        chosen = pools or (self._pools[0] if self._pools else self.pools())
        of = (people,) if isinstance(people, str) else people
        with chosen.use(lens, people=of, record=self.record) as block:
            yield block

    def record(self, scope: Scope) -> None:
        with self.app.transaction(), self.app.cursor() as cursor:
            write_scope(cursor, scope)

    def permit(self, person: str, purpose: str) -> None:
        """Write the state that a consent would leave."""
        self.owner.execute(
            "INSERT INTO troth_consent_state (pii_principal_id, purpose_id, event_state, "
            "notice_ordinal, event_id, person_flags, last_seq) "
            "VALUES (%s, %s, 'consent_given', 1, %s, 0, 1) "
            "ON CONFLICT (pii_principal_id, purpose_id) DO UPDATE SET event_state = "
            "excluded.event_state",
            (person, purpose, f"event-{person}-{purpose}"),
        )

    def withdraw(self, person: str, purpose: str) -> None:
        self.owner.execute(
            "UPDATE troth_consent_state SET event_state = 'consent_withdrawn' "
            "WHERE pii_principal_id = %s AND purpose_id = %s",
            (person, purpose),
        )

    def street_of(self, customer: str) -> str:
        row = self.owner.execute(
            "SELECT street FROM troth_base.customer WHERE customer_id = %s", (customer,)
        ).fetchone()
        assert row is not None
        return str(row[0])

    def close(self) -> None:
        for pools in self._pools:
            pools.close()
        for connection in (self.owner, self.app, self.admin):
            connection.close()


@contextmanager
def host(server: PostgresServer, folder: Path) -> Iterator[Host]:
    """Make the host application's database and put its lenses in."""
    with server.fresh_database() as made:
        migrate(made.owner_url, app_role=str(make_url(made.app_url).username))
        addresses = [
            url.replace("+psycopg", "")
            for url in (made.owner_url, made.app_url, made.superuser_dsn)
        ]
        owner, app, admin = (psycopg.connect(url, autocommit=True) for url in addresses)
        owner.execute(HOST_TABLES)
        owner.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON customer, orders, parcel, diary, "
                      f"goods TO {make_url(made.app_url).username}")  # fmt: skip
        installed = install(
            made.owner_url,
            LENSES,
            app_role=str(make_url(made.app_url).username),
            folder=folder,
            tables=("diary",),
        )
        here = Host(owner, app, admin, made.owner_url, made.app_url, folder, installed, server)
        for purpose in (DELIVER, NEWS, ACCOUNT):
            owner.execute("INSERT INTO troth_purpose_rule VALUES (%s, 1, 0)", (purpose,))
        for person in ("p-ada", "p-bob", "p-eve"):
            here.permit(person, ACCOUNT)
            here.permit(person, DELIVER)
        here.permit("p-eve", NEWS)
        here.withdraw("p-eve", DELIVER)
        try:
            yield here
        finally:
            here.close()
