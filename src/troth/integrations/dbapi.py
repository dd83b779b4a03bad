"""The door for applications that speak SQL as text: a plain DB-API connection (PEP 249).

    with lens_connection(t, "deliver_order", person=person, writes=True) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT name, phone FROM customer")
        sealed = connection.sealed("tea_order.address", "18 Tianmushan Road")

Values are bound as the driver does it: ``?`` on SQLite, ``%s`` on PostgreSQL (`paramstyle`). Sealed
columns are opened as they are read. Nothing else of the driver is there: no file of a blob, backup,
authorizer, function, script, COPY or notification.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NoReturn, Unpack

from sqlalchemy import Connection

from troth.app import Troth
from troth.core.errors import InputError
from troth.flows.lens import plain_of
from troth.integrations import sqlalchemy as sealing
from troth.integrations.uses import HowUsed

__all__ = ["LensConnection", "LensCursor", "lens_connection"]


@contextmanager
def lens_connection(t: Troth, *purposes: str, **how: Unpack[HowUsed]) -> Iterator[LensConnection]:
    """Open a purpose and lend a plain connection; takes and raises what `Troth.use` does.

    The block is committed at its end and undone by an exception; the connection ends with it.
    """
    with t.use(*purposes, **how) as connection:
        yield LensConnection(connection)


class LensCursor:
    """A cursor of a block: it runs statements and gives their rows.

    It is an iterator over what is left of the rows. Rows that are left unread at the end of a block
    undo it on SQLite: read them all or `close`.
    """

    __slots__ = ("__counts", "__cursor", "arraysize")

    def __init__(self, cursor: Any, *, counts: bool) -> None:
        self.__cursor = cursor
        self.__counts = counts
        self.arraysize = 1

    @property
    def description(self) -> Any:
        """Return name and type of each column, as the driver says them."""
        return self.__cursor.description

    @property
    def rowcount(self) -> int:
        """Return how many rows the last statement found or changed; -1 on SQLite.

        There triggers change rows in place of the statement, and nobody counts them.
        """
        return int(self.__cursor.rowcount) if self.__counts else -1

    def execute(self, statement: str, values: Any = ()) -> LensCursor:
        """Run one statement.

        Raises:
            InputError: a lens runs no statement of this kind, or the block is over.
            StoreUnavailable: the database cannot be used now, or the block lasted too long.
        """
        self.__cursor.execute(statement, values)
        return self

    def executemany(self, statement: str, values: Any) -> LensCursor:
        """Run one statement for each set of values; raises what `execute` does."""
        self.__cursor.executemany(statement, values)
        return self

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        return self.__cursor.fetchone()

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next rows, at most ``size`` or `arraysize`."""
        return list(self.__cursor.fetchmany(self.arraysize if size is None else size))

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        return list(self.__cursor.fetchall())

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def setinputsizes(self, sizes: object) -> None:
        """Do nothing, as PEP 249 allows."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Do nothing, as PEP 249 allows."""

    def close(self) -> None:
        """Close it; the connection stays."""
        self.__cursor.close()

    def __enter__(self) -> LensCursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class LensConnection:
    """A DB-API connection for the length of one block.

    Args:
        connection: that of SQLAlchemy, of the same block.
    """

    __slots__ = ("__connection", "__counts", "__plain", "paramstyle")

    def __init__(self, connection: Connection) -> None:
        self.__connection = connection
        self.__plain = plain_of(connection)
        self.__counts = connection.dialect.supports_sane_rowcount
        self.paramstyle = "qmark" if connection.dialect.name == "sqlite" else "format"

    def cursor(self) -> LensCursor:
        """Return a new cursor."""
        return LensCursor(self.__plain.cursor(), counts=self.__counts)

    def execute(self, statement: str, values: Any = ()) -> LensCursor:
        """Run one statement on a new cursor; see `LensCursor.execute`."""
        return self.cursor().execute(statement, values)

    def commit(self) -> None:
        """Commit what was written so far."""
        self.__plain.commit()

    def rollback(self) -> None:
        """Undo what was written since the last commit."""
        self.__plain.rollback()

    def close(self) -> NoReturn:
        """Refuse: the block ends the use, not its connection.

        Raises:
            InputError: always.
        """
        raise InputError("the block ends this connection; leave the block")

    def sealed(self, column: str, value: str | None, *, person: str = "") -> str | None:
        """Return what to store in a sealed column; see `troth.integrations.sqlalchemy.sealed`."""
        return sealing.sealed(self.__connection, column, value, person=person)

    def look_up(self, column: str, text: str) -> Sequence[str]:
        """Return what a blind index may hold; see `troth.integrations.sqlalchemy.look_up`."""
        return sealing.look_up(self.__connection, column, text)

    def index(self, column: str, text: str) -> str:
        """Return what to store in the blind index of a sealed column."""
        return sealing.index(self.__connection, column, text)

    def __enter__(self) -> LensConnection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit, or undo after an error, as the drivers do."""
        self.commit() if kind is None else self.rollback()
