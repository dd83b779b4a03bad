"""The way to a person before a lens: from a value that somebody brings to whose it is.

What holds here, on both databases; each point has a test in ``tests/store/test_finders*.py``:

1. Only what the data map declares is found, by an exact value, and only the declared columns are
   told. There is no pattern, no order and no list of all.
2. The application never gets a connection that could read more. On SQLite these statements run on
   one whose authorizer lets it read the finders' columns and change nothing; on PostgreSQL they
   call functions, and the application's role may do no more than call them.
3. Errors name the finder and never a value.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from troth.core.errors import InputError, StoreUnavailable, UnknownName, UnsafeStore
from troth.core.lens import BASE_SUFFIX, FIND_SCHEMA, Finder
from troth.store.db import Database, raise_unavailable
from troth.store.lens_sqlite_ddl import quoted

_MANY = 500
"""Values of one statement; SQLite takes a limited number of parameters."""


@dataclass(frozen=True, slots=True)
class Found:
    """Whose a row is.

    Args:
        person: random id.
        told: the columns that the finder tells, as the driver gives them.
    """

    person: str
    told: Mapping[str, Any]


class Finders:
    """The finders of one deployment; one object per process, used by any of its threads.

    Args:
        database: of the application.
        finders: what the data map declares; see `core.lens_of.finders_of`.
    """

    def __init__(self, database: Database, finders: Sequence[Finder]) -> None:
        self._finders = {(finder.table, finder.by): finder for finder in finders}
        self._ask: _Asks = (
            _AskSqlite(database, finders) if database.kind == "sqlite" else _AskPostgresql(database)
        )

    def find(self, table: str, by: str, values: Sequence[str]) -> list[Found]:
        """Return whose the rows with exactly one of these values are, in no order.

        A row of nobody is not found. A person with several such rows is found several times.

        Args:
            table: what the application calls it.
            by: the column that is compared.
            values: as text, whatever the column's type is; an empty list finds nobody.

        Raises:
            UnknownName: the data map declares no such finder.
            InputError: the values are no texts, or (on PostgreSQL) one cannot be of the column's
                type.
            StoreUnavailable: the database cannot be read now, or the finders are closed.
            UnsafeStore: the finders are not installed, or this is another process than that which
                opened them.
        """
        finder = self._finders.get((table, by))
        if finder is None:
            raise UnknownName(f"nobody is found by {table}.{by}; declare it in the data map")
        if isinstance(values, str) or not all(isinstance(value, str) for value in values):
            raise InputError(f"{finder.name} takes a list of texts")
        asked = [value for value in dict.fromkeys(values) if _can_be_stored(value)]
        found = []
        for start in range(0, len(asked), _MANY):
            for person, *told in self._ask.rows(finder, asked[start : start + _MANY]):
                found.append(Found(person, dict(zip(finder.tells, told, strict=True))))
        return found

    def close(self) -> None:
        """Close what was opened; nothing is found afterwards."""
        self._ask.close()


class _Asks(Protocol):
    def rows(self, finder: Finder, values: Sequence[str]) -> Sequence[tuple[Any, ...]]:
        """Return the person and what is told of each row with one of the values."""

    def close(self) -> None:
        """Close what was opened."""


def _can_be_stored(value: str) -> bool:
    """Tell whether a text can lie in a column; what cannot is nobody's."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _listed(*columns: str) -> str:
    return ", ".join(quoted(column) for column in columns)


class _AskSqlite:
    """Asks on a connection of its own for each thread, which reads these columns and no other."""

    def __init__(self, database: Database, finders: Sequence[Finder]) -> None:
        self._database = Database(database.url)
        self._readable = frozenset(
            (finder.table + BASE_SUFFIX, column)
            for finder in finders
            for column in (finder.person, finder.by, *finder.tells)
        )
        self._local = threading.local()
        self._process = os.getpid()
        self._is_closed = False

    def rows(self, finder: Finder, values: Sequence[str]) -> Sequence[tuple[Any, ...]]:
        if self._process != os.getpid():
            raise UnsafeStore("a connection of SQLite must not cross a fork; open finders anew")
        columns, person = _listed(finder.person, *finder.tells), quoted(finder.person)
        marks = ", ".join("?" * len(values))
        sql = (
            f"SELECT {columns} FROM main.{quoted(finder.table + BASE_SUFFIX)} "
            f"WHERE {quoted(finder.by)} IN ({marks}) AND {person} IS NOT NULL"
        )
        try:
            found: list[tuple[Any, ...]] = self._cursor().execute(sql, values).fetchall()
        except sqlite3.Error as error:
            self._forget_cursor()
            if self._is_closed:
                raise StoreUnavailable("the finders are closed") from None
            raise_unavailable(error)
            raise UnsafeStore(
                f"{finder.name} cannot be asked: its table is not behind the lenses, or lacks a "
                "column; run troth lens install and troth map check"
            ) from None
        return found

    def _cursor(self) -> sqlite3.Cursor:
        cursor: sqlite3.Cursor | None = getattr(self._local, "cursor", None)
        if cursor is None:
            if self._is_closed:
                raise StoreUnavailable("the finders are closed")
            connection: sqlite3.Connection = self._database.open(autocommit=True)
            connection.set_authorizer(self._authorize)
            cursor = self._local.cursor = connection.cursor()
        return cursor

    def _forget_cursor(self) -> None:
        cursor: sqlite3.Cursor | None = getattr(self._local, "cursor", None)
        self._local.cursor = None
        if cursor is not None:
            with suppress(sqlite3.Error):
                cursor.connection.close()

    def _authorize(
        self,
        action: int,
        first: str | None,
        second: str | None,
        database: str | None,
        source: str | None,
    ) -> int:
        """Answer SQLite what a finder may do: read its columns (signature set by SQLite)."""
        reads = action == sqlite3.SQLITE_READ and (first, second) in self._readable
        is_plain = action == sqlite3.SQLITE_SELECT or (reads and database == "main" and not source)
        return sqlite3.SQLITE_OK if is_plain else sqlite3.SQLITE_DENY

    def close(self) -> None:
        self._is_closed = True
        self._database.close()


_PERSON = "pii_principal_id"
"""What the functions call the person, whatever the table does."""

_NOT_INSTALLED = frozenset({"42883", "3F000", "42501"})
"""SQLSTATE of a function or schema that is not there, or that this role may not use."""


class _AskPostgresql:
    """Asks the functions that the installation of the lenses made."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, finder: Finder, values: Sequence[str]) -> Sequence[tuple[Any, ...]]:
        columns = _listed(_PERSON, *finder.tells)
        function = f"{quoted(FIND_SCHEMA)}.{quoted(finder.name)}"
        select = f"SELECT {columns} FROM {function}".replace("%", "%%")
        sql = f"{select}(%s::text[]) WHERE {_PERSON} IS NOT NULL"
        try:
            with self._database.hot_reading() as cursor:
                cursor.execute(sql, (list(values),))
                found: list[tuple[Any, ...]] = cursor.fetchall()
        except StoreUnavailable:
            raise
        except Exception as error:
            state = getattr(error, "sqlstate", None) or ""
            if state in _NOT_INSTALLED:
                raise UnsafeStore(f"{finder.name} is not there; run troth lens install") from None
            if state.startswith("22"):  # its text would say the value
                raise InputError(f"a value has not the type of {finder.name}") from None
            raise
        return found

    def close(self) -> None:
        """Close nothing: the connections are the application's."""
