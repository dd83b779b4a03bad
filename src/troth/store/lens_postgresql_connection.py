"""What a block on PostgreSQL works with: a connection that ends with it, and quiet errors.

An error of the driver goes on without what it says of rows, since its text may hold their values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg


class Turn:
    """Whether a block is still going on; its cursors ask before they touch the connection."""

    __slots__ = ("over",)

    def __init__(self) -> None:
        self.over = False

    def check(self) -> None:
        """Raise if it is over."""
        if self.over:
            # The connection may by now work for somebody else.
            raise psycopg.InterfaceError("this block is over; open a new one with troth.use")


class LensedCursor:
    """A cursor that runs statements and fetches rows while its block lasts, and nothing else."""

    __slots__ = ("__cursor", "__turn")

    def __init__(self, cursor: psycopg.Cursor[Any], turn: Turn) -> None:
        self.__cursor = cursor
        self.__turn = turn

    @property
    def description(self) -> Any:
        """Name and type of each column, as DB-API says it."""
        return self.__cursor.description

    @property
    def rowcount(self) -> int:
        """How many rows the last statement found or changed."""
        return self.__cursor.rowcount

    def execute(self, statement: str, values: Any = None) -> LensedCursor:
        """Run one statement; values are bound at ``%s`` or ``%(name)s``."""
        self.__turn.check()
        self.__cursor.execute(statement.encode(), values)
        return self

    def executemany(self, statement: str, values: Any) -> LensedCursor:
        """Run one statement for each set of values."""
        self.__turn.check()
        self.__cursor.executemany(statement.encode(), values)
        return self

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        self.__turn.check()
        return self.__cursor.fetchone()

    def fetchmany(self, size: int = 1) -> list[Any]:
        """Return the next rows, as many as asked for at most."""
        self.__turn.check()
        return self.__cursor.fetchmany(size)

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        self.__turn.check()
        return self.__cursor.fetchall()

    def __iter__(self) -> Iterator[Any]:
        self.__turn.check()
        return iter(self.__cursor.fetchall())

    def close(self) -> None:
        """Close it; the connection stays."""
        self.__cursor.close()

    def __enter__(self) -> LensedCursor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class LensedConnection:
    """A DB-API connection for the length of a block, without what a driver offers besides.

    It offers nothing of the driver's connection: no password, COPY, notices, notifications or
    pipelines, and nothing at all once the block is over.
    """

    __slots__ = ("__connection", "__turn")

    def __init__(self, connection: psycopg.Connection[Any], turn: Turn) -> None:
        self.__connection = connection
        self.__turn = turn

    def cursor(self) -> LensedCursor:
        """Return a new cursor."""
        self.__turn.check()
        return LensedCursor(self.__connection.cursor(), self.__turn)

    def execute(self, statement: str, values: Any = None) -> LensedCursor:
        """Run one statement on a new cursor."""
        return self.cursor().execute(statement, values)

    def commit(self) -> None:
        """Commit what was written so far."""
        self.__turn.check()
        self.__connection.commit()

    def rollback(self) -> None:
        """Undo what was written since the last commit."""
        self.__turn.check()
        self.__connection.rollback()


_SAYS_NAMES_ONLY = ("42", "0A", "25", "3D", "3F", "2B")
"""Classes of SQLSTATE whose messages name what is in the statement, and no value of a row."""


def without_values(error: psycopg.Error) -> psycopg.Error:
    """Return an error of the same kind that says nothing of any row.

    The message of a failed cast holds the value, and the detail of a broken constraint the row.
    """
    state = getattr(error, "sqlstate", None) or ""
    if state[:2] in _SAYS_NAMES_ONLY:
        text = error.diag.message_primary or ""
    elif state[:2] == "23":
        text = f"a constraint does not hold ({error.diag.constraint_name or 'of the lens'})"
    else:
        text = "the database refused or could not do it"
    clean = type(error)(f"{text} [{state or type(error).__name__}]")
    if state:
        clean.sqlstate = state
    return clean


def _guarded(run: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of the driver that raises its errors without values."""

    def guarded(*arguments: Any, **named: Any) -> Any:
        try:
            return run(*arguments, **named)
        except psycopg.Error as error:
            refused = without_values(error)
        # Outside the except: the first error would hang on the second as its context.
        raise refused

    guarded.__name__ = run.__name__
    return guarded


class QuietCursor(psycopg.Cursor[Any]):
    """A cursor that raises the driver's errors without values, and neither copies nor streams."""

    execute = _guarded(psycopg.Cursor.execute)
    executemany = _guarded(psycopg.Cursor.executemany)
    fetchone = _guarded(psycopg.Cursor.fetchone)
    fetchmany = _guarded(psycopg.Cursor.fetchmany)
    fetchall = _guarded(psycopg.Cursor.fetchall)

    def copy(self, *_: Any, **__: Any) -> Any:
        """Refuse."""
        raise psycopg.NotSupportedError("a lens has no COPY; read and insert rows instead")

    def stream(self, *_: Any, **__: Any) -> Any:
        """Refuse."""
        raise psycopg.NotSupportedError("a lens has no streams; a block starts and ends with none")


class QuietConnection(psycopg.Connection[Any]):
    """A connection that raises the driver's errors without values.

    Attributes:
        mark: what the views of its lens mark sealed values with.
    """

    mark = ""
    commit = _guarded(psycopg.Connection.commit)
    rollback = _guarded(psycopg.Connection.rollback)
