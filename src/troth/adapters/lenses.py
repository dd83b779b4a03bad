"""The lenses of one deployment, on whichever of the two databases it has.

`install` is the owner's work and puts the tables behind their lenses; `OpenLenses` is the
application's and lends connections, with what is sealed opened on them. What the two databases do
differently lies in ``store/lens_sqlite*.py`` and ``store/lens_postgresql*.py``; the latter need a
driver that only who uses PostgreSQL has, so they are imported when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, make_url

from troth.core.blind_index import NormalForm
from troth.core.lens import Finder, Lens
from troth.core.ports import KeyProvider
from troth.core.sealing import SealedPlace
from troth.store import lens_sqlite, lens_sqlite_tables
from troth.store.db import Cursor, Database, kind_of
from troth.store.plain_connection import keep_plain
from troth.store.sealed_type import SealedUse

Record = Callable[[Callable[[Cursor], None] | None], None]
"""Stores the looks, and what it is given in the same transaction."""


def install(
    owner_url: str,
    lenses: Sequence[Lens],
    finders: Sequence[Finder],
    tables: Sequence[str],
    *,
    app_url: str,
    folder: Path,
) -> tuple[str, ...]:
    """Put tables behind lenses; does next to nothing where they are there already.

    Args:
        owner_url: of the role that owns the tables; on SQLite the database itself.
        lenses: every lens of the deployment.
        finders: every finder.
        tables: the personal tables that lenses show or hide.
        app_url: of the role that the application logs in with.
        folder: of the deployment; on PostgreSQL the passwords of the lenses' roles lie there.

    Returns:
        What an administrator of the server could still close, in words.

    Raises:
        InputError: a lens names what is not in the database.
        UnsafeStore: the lens would be no boundary, or the engine has none (MariaDB).
    """
    if kind_of(owner_url) == "sqlite":
        lens_sqlite_tables.install(owner_url, tables)
        return ()
    from troth.store import lens_postgresql  # noqa: PLC0415 - the driver is an extra

    role = make_url(app_url).username or ""
    made = lens_postgresql.install(
        owner_url, lenses, app_role=role, folder=folder, tables=tables, finders=finders
    )
    return made.residue


def uninstall(owner_url: str, *, folder: Path) -> None:
    """Take every lens away and put the tables back, as before a migration of them.

    Args:
        owner_url: as for `install`.
        folder: of the deployment.
    """
    if kind_of(owner_url) == "sqlite":
        lens_sqlite_tables.uninstall(owner_url, lens_sqlite_tables.installed(owner_url))
        return
    from troth.store import lens_postgresql  # noqa: PLC0415 - the driver is an extra

    lens_postgresql.uninstall(owner_url, folder=folder)


@dataclass(frozen=True, slots=True)
class Sealing:
    """What opens and seals.

    Args:
        keys: of the persons.
        places: every sealed column, by ``table.column``.
        granted: by name of a lens, which of them it opens and seals.
        forms: how values of a column with a blind index are compared.
    """

    keys: KeyProvider
    places: Mapping[str, SealedPlace]
    granted: Mapping[str, frozenset[str]]
    forms: Mapping[str, NormalForm]


class OpenLenses:
    """Lends lensed connections; one object per process.

    Args:
        database: of the application.
        lenses: every lens of the deployment; installed.
        sealing: what opens and seals on the connections.
        folder: of the deployment.
    """

    def __init__(
        self, database: Database, lenses: Sequence[Lens], sealing: Sealing, *, folder: Path
    ) -> None:
        self._sealing = sealing
        self._granted = {
            lens.name: {name: sealing.places[name] for name in sealing.granted[lens.name]}
            for lens in lenses
        }
        self.names = frozenset(self._granted)
        self._lend: Any
        self._pools: Any
        if database.kind == "sqlite":
            self._pools = lens_sqlite.SqliteLenses(database, {lens.name: lens for lens in lenses})
            self._lend = self._lend_sqlite
        else:
            from troth.store.lens_postgresql_pool import LensPools  # noqa: PLC0415 - as above

            self._pools = LensPools(database.url, folder)
            self._lend = self._lend_postgresql

    @contextmanager
    def open(
        self, name: str, people: Sequence[str], *, writes: bool, record: Record
    ) -> Iterator[Connection]:
        """Lend a connection; see `troth.flows.lens.OpenLens`."""
        with self._lend(name, people, writes, record) as block:
            person = people[0] if len(people) == 1 else None
            opening = SealedUse(
                self._sealing.keys,
                self._granted[name],
                mark=block.mark,
                person=person,
                forms=self._sealing.forms,
            )
            opening.attach(block.connection)
            keep_plain(block.connection, block.dbapi)
            yield block.connection

    def _lend_sqlite(self, name: str, people: Sequence[str], writes: bool, record: Record) -> Any:
        return self._pools.use(name, people=people, writes=writes, record=lambda: record(None))

    def _lend_postgresql(
        self, name: str, people: Sequence[str], writes: bool, record: Record
    ) -> Any:
        from troth.store.lens_postgresql_pool import write_scope  # noqa: PLC0415 - as above

        def record_both(scope: Any) -> None:
            record(lambda cursor: write_scope(cursor, scope))

        return self._pools.use(name, people=people, writes=writes, record=record_both)

    def close(self) -> None:
        """Close every connection that is not lent."""
        self._pools.close()
