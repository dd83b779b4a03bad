"""Rows whose column is not sealed yet, read and written by the owner of the tables.

The only place where a table behind a lens is read past it: to seal what was there before. Tables
are found under whichever name they have, before and after they went behind their lenses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from sqlalchemy import Column, MetaData, Select, Table, and_, inspect, null, select, tuple_
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from troth.core.errors import InputError, StoreUnavailable, UnsafeStore
from troth.core.lens import BASE_SCHEMA, BASE_SUFFIX, Hop
from troth.store.db import kind_of, owner_engine, raise_unavailable


@dataclass(frozen=True, slots=True)
class Place:
    """Which column of which table, and the way to the person of a row.

    Args:
        table: as the application calls it.
        key: the columns of its primary key.
        column: that is to be sealed.
        index: the column of its blind index in the same table; empty if there is none.
        hops: the way from a row to the table that names the person; empty if it does itself.
        person: column of the last table on that way that holds the person's random id.
    """

    table: str
    key: tuple[str, ...]
    column: str
    index: str
    hops: tuple[Hop, ...]
    person: str


@dataclass(frozen=True, slots=True, repr=False)
class PlainRow:
    """One row: its key, its person (None if nobody's), the value, and the value of its index."""

    key: tuple[Any, ...]
    person: str | None
    value: str | None
    index: str | None


class PlainRows:
    """The rows of one place; a context manager that holds the owner's connections.

    Args:
        owner_url: SQLAlchemy URL of the role that owns the tables.
        place: what is looked at.

    Raises:
        UnsafeStore: the table is not there, or lies both behind a lens and beside it.
        StoreUnavailable: the database cannot be reached.
    """

    def __init__(self, owner_url: str, place: Place) -> None:
        self._kind = kind_of(owner_url)
        self._engine = owner_engine(owner_url)
        self._place = place
        with _told():
            self._table = self._find(place.table)
            self._select = self._all()

    def __enter__(self) -> PlainRows:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._engine.dispose()

    def batches(self, size: int) -> Iterator[Sequence[PlainRow]]:
        """Yield all rows in the order of their keys, so many at a time; holds no lock between."""
        key = [self._table.c[name] for name in self._place.key]
        after: tuple[Any, ...] = ()
        while True:
            query = self._select.order_by(*key).limit(size)
            if after:
                query = query.where(tuple_(*key) > tuple_(*after))
            with _told(), self._engine.connect() as connection:
                found = connection.execute(query).all()
            width = len(key)
            if found:
                yield [PlainRow(tuple(row[:width]), *row[width:]) for row in found]
                after = tuple(found[-1][:width])
            if len(found) < size:
                return

    def write(self, rows: Sequence[tuple[PlainRow, str, str | None]]) -> None:
        """Write sealed values and their indexes in one transaction.

        A row whose value somebody changed since it was read stays as it is.

        Raises:
            InputError: a sealed value or its index cannot stand there; the message names the row by
                its key. Nothing of this batch was written.
        """
        table, place = self._table, self._place
        with _told(), self._engine.begin() as connection:
            if self._kind == "sqlite":
                # What is overwritten is overwritten with zeros, also on pages that are free then.
                connection.exec_driver_sql("PRAGMA secure_delete=ON")
            for row, sealed, index in rows:
                new = {place.column: sealed, **({place.index: index} if place.index else {})}
                same = zip(place.key, row.key, strict=True)
                change = (
                    table.update()
                    .where(and_(*(table.c[name] == value for name, value in same)))
                    .where(table.c[place.column] == row.value)
                    .values(new)
                )
                try:
                    connection.execute(change)
                except IntegrityError:
                    refused = "another row has an equal value or index, and it must be unique; join"
                    raise InputError(self._at(row, f"{refused} the two")) from None
                except DataError:
                    refused = "the column takes no text of any length; widen it"
                    raise InputError(self._at(row, refused)) from None

    def _at(self, row: PlainRow, what: str) -> str:
        key = ", ".join(map(str, row.key))
        return f"{self._place.table} {key}, {self._place.column}: {what}"

    def clean(self) -> None:
        """Write the table's file anew, so that it holds no old version of a row.

        Raises:
            StoreUnavailable: somebody else is using the database; stop it and call again.
        """
        outside = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        with _told(), outside.connect() as connection:
            if self._kind == "sqlite":
                connection.exec_driver_sql("VACUUM")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            else:
                name = self._engine.dialect.identifier_preparer.format_table(self._table)
                connection.exec_driver_sql("SET lock_timeout = 5000")
                connection.exec_driver_sql(f"VACUUM FULL {name}")

    def _find(self, name: str) -> Table:
        """Return a table under the name that it has now."""
        known = inspect(self._engine)
        if self._kind == "sqlite":
            names = [one for one in (name, name + BASE_SUFFIX) if known.has_table(one)]
            found = [Table(one, MetaData(), autoload_with=self._engine) for one in names]
        else:
            schemas = [s for s in ("public", BASE_SCHEMA) if known.has_table(name, schema=s)]
            found = [
                Table(name, MetaData(), schema=schema, autoload_with=self._engine)
                for schema in schemas
            ]
        if len(found) != 1:
            raise UnsafeStore(f"there are {len(found)} tables {name}; one was expected")
        return found[0]

    def _all(self) -> Select[Any]:
        place, table = self._place, self._table
        joined: Any = table
        entry = table.c
        for hop in place.hops:
            target = self._find(hop.table).alias()
            joined = joined.outerjoin(target, target.c[hop.key] == entry[hop.column])
            entry = target.c
        index: Column[Any] | Any = table.c[place.index] if place.index else null()
        key = [table.c[name] for name in place.key]
        shown = select(*key, entry[place.person], table.c[place.column], index)
        return shown.select_from(joined)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise_unavailable(error)
        # The driver's error may hold the values of a row.
        raise StoreUnavailable("the rows cannot be read or written as their owner") from None
