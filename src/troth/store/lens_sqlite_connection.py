"""What a block gets on SQLite: a connection that can do no more than its lens.

`LensedConnection` is a DB-API connection without the driver's doors (``blobopen``, ``backup``,
``serialize``, ``set_authorizer``, ``create_function``, ``executescript`` …), and the one under
SQLAlchemy's. It belongs to one block on one thread, ends with its deadline and never comes back.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterable
from threading import get_ident
from time import monotonic
from types import TracebackType
from typing import Any, NoReturn

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from troth.core.errors import InputError, StoreUnavailable
from troth.store.db import raise_unavailable
from troth.store.lens_sqlite_guard import Verdict, judge
from troth.store.sealed_type import sealed_values

_OVER = "this block is over; open a lens for each use"
_MANY = 64
"""Cursors of a block that are remembered before those that are gone are forgotten."""


class Turn:
    """One block's time with a driver's connection; every statement goes through ``lock``.

    Without the lock a thread that ends the block could wait for SQLite while SQLite, preparing a
    statement of the block, waits for Python to run the authorizer.

    Args:
        raw: the driver's connection.
        seconds: how long the block may last.
        secrets: names that no error may say.
        writes: whether its transaction takes the write lock even if its first statement reads.
    """

    __slots__ = (
        "__weakref__", "cursors", "deadline", "is_over", "lock", "raw", "row_factory", "secrets",
        "thread", "was_refused", "why", "writes",
    )  # fmt: skip

    def __init__(
        self, raw: sqlite3.Connection, seconds: float, secrets: str, *, writes: bool = False
    ) -> None:
        self.raw = raw
        self.deadline = monotonic() + seconds
        self.row_factory: Any = None
        self.secrets = secrets
        self.writes = writes
        self.lock = threading.Lock()
        self.thread = get_ident()
        self.cursors: list[weakref.ref[LensedCursor]] = []
        self.is_over = False
        self.was_refused = False
        self.why = _OVER

    def check(self) -> None:
        """Refuse a call that comes too late or from another thread; see `refuse`."""
        if self.is_over or get_ident() != self.thread or monotonic() > self.deadline:
            self.refuse()

    def refuse(self) -> NoReturn:
        """Say why a call is refused.

        Raises:
            InputError: the block is over, or belongs to another thread.
            StoreUnavailable: the block lasted too long and was undone.
        """
        if self.is_over and self.why is _OVER:
            raise InputError(_OVER)
        if get_ident() != self.thread:
            raise InputError("a lens belongs to the thread that opened it; open another one")
        if not self.is_over:
            self.expire()
        raise StoreUnavailable(self.why)

    def expire_idle(self) -> bool:
        """End an overdue block from another thread; return whether it could be done now.

        A cursor that is alive may be reading without the lock; its statement is stopped instead.
        """
        if not self.lock.acquire(blocking=False):
            return False
        try:
            if not self.is_over and any(one() is not None for one in self.cursors):
                self.raw.interrupt()
                return False
            if not self.is_over:
                self.expire()
            return True
        finally:
            self.lock.release()

    def expire(self) -> None:
        """End the block at its deadline, undoing what it did; the lock must be held."""
        self.is_over = True
        self.why = "this block lasted too long and was undone; blocks are short"
        self.close_cursors()
        if self.raw.in_transaction:
            self.raw.execute("ROLLBACK")

    def begin(self, *, writes: bool) -> None:
        """Begin the block's transaction with its first statement.

        One that writes takes the write lock at once: a read that became a write could fail.
        """
        self.raw.execute("BEGIN IMMEDIATE" if writes or self.writes else "BEGIN")

    def close_cursors(self) -> int:
        """Close every cursor, and return how many had rows that nobody read."""
        half_read = 0
        for reference in self.cursors:
            cursor = reference()
            if cursor is not None:
                half_read += cursor.abandon()
        self.cursors.clear()
        return half_read

    def judged(self, sql: str) -> Verdict:
        """Return what a statement is, or refuse it; see `judge`."""
        try:
            return judge(sql)
        except InputError:
            self.was_refused = True
            raise

    def told(self, error: sqlite3.Error) -> BaseException:
        """Return what the block is told of an error: never a name behind the lens."""
        self.was_refused = True
        if isinstance(error, sqlite3.OperationalError) and "interrupted" in str(error):
            self.expire()
            return StoreUnavailable(self.why)
        try:
            raise_unavailable(error)
        except StoreUnavailable as unavailable:
            return unavailable
        if self.secrets and self.secrets in str(error):
            return type(error)("the statement is refused by the lens")
        return error


_execute = sqlite3.Cursor.execute
_executemany = sqlite3.Cursor.executemany


class LensedCursor(sqlite3.Cursor):
    """A cursor of a lensed connection; reading rows is the driver's own, as fast as it is."""

    _turn: Turn

    def __init__(self, turn: Turn) -> None:
        sqlite3.Cursor.__init__(self, turn.raw)
        self._turn = turn
        if turn.row_factory is not None:
            self.row_factory = turn.row_factory
        cursors = turn.cursors
        if len(cursors) > _MANY:
            turn.cursors = cursors = [one for one in cursors if one() is not None]
        cursors.append(weakref.ref(self))

    @property
    def connection(self) -> Any:
        """Refuse: the driver's own connection is not to be had."""
        raise InputError("a lens does not hand out the driver's connection")

    @property
    def rowcount(self) -> int:
        """Return -1, not known: a trigger in place of a statement changes the rows."""
        return -1

    def execute(self, sql: str, parameters: Any = (), /) -> LensedCursor:
        """Run one statement.

        Raises:
            InputError: it is of a kind that a lens refuses, or the block is over.
            StoreUnavailable: the database cannot be used now, or the block lasted too long.
            sqlite3.Error: the statement is wrong or goes beyond the lens.
        """
        turn = self._turn
        with turn.lock:
            if turn.is_over or get_ident() != turn.thread or monotonic() > turn.deadline:
                turn.refuse()
            verdict = turn.judged(sql)
            try:
                if not turn.raw.in_transaction and not verdict.begins:
                    turn.begin(writes=verdict.writes)
                _execute(self, sql, parameters)
            except sqlite3.Error as error:
                raise turn.told(error) from None
        return self

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> LensedCursor:
        """Run one statement that writes, once for each set of parameters; see `execute`."""
        turn = self._turn
        rows = list(parameters)
        with turn.lock:
            turn.check()
            verdict = turn.judged(sql)
            try:
                if not turn.raw.in_transaction:
                    turn.begin(writes=verdict.writes)
                _executemany(self, sql, rows)
            except sqlite3.Error as error:
                raise turn.told(error) from None
        return self

    def executescript(self, sql_script: str, /) -> LensedCursor:
        """Refuse: a script ends the transaction that it finds."""
        raise InputError("a lens runs one statement at a time")

    def abandon(self) -> bool:
        """Close, and tell whether a row was left; the turn's lock must be held."""
        left = None
        with contextlib.suppress(sqlite3.Error):
            self.row_factory = None
            left = self.fetchone()
        with contextlib.suppress(sqlite3.Error):
            self.close()
        return left is not None


class LensedConnection:
    """A DB-API connection that shows one purpose, for one block."""

    __slots__ = ("__turn",)

    def __init__(self, turn: Turn) -> None:
        self.__turn = turn

    @property
    def in_transaction(self) -> bool:
        """Tell whether a transaction is open."""
        return self.__turn.raw.in_transaction

    @property
    def row_factory(self) -> Any:
        """What makes a row of a cursor and a tuple, as `sqlite3` has it; None for plain tuples."""
        return self.__turn.row_factory

    @row_factory.setter
    def row_factory(self, factory: Any) -> None:
        self.__turn.row_factory = factory

    def cursor(self) -> LensedCursor:
        """Return a new cursor."""
        self.__turn.check()
        return LensedCursor(self.__turn)

    def execute(self, sql: str, parameters: Any = (), /) -> LensedCursor:
        """Run one statement on a new cursor; see `LensedCursor.execute`."""
        return LensedCursor(self.__turn).execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> LensedCursor:
        """Run one statement once for each set of parameters."""
        return LensedCursor(self.__turn).executemany(sql, parameters)

    def begin(self) -> None:
        """Do nothing but check: the next statement begins a transaction."""
        self.__turn.check()

    def commit(self) -> None:
        """Commit what is open; a cursor that is half read goes on."""
        self._end("COMMIT")

    def rollback(self) -> None:
        """Undo what is open."""
        self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        turn = self.__turn
        with turn.lock:
            if how == "ROLLBACK" and turn.is_over:
                return  # undone already
            turn.check()
            if turn.raw.in_transaction:
                try:
                    turn.raw.execute(how)
                except sqlite3.Error as error:
                    raise turn.told(error) from None

    def close(self) -> None:
        """Do nothing: the block ends the use."""

    def __enter__(self) -> LensedConnection:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit, or undo after an error."""
        self.commit() if kind is None else self.rollback()


class LensDialect(SQLiteDialect_pysqlite):
    """SQLite through a lens: what triggers of a view cannot tell is not asked for."""

    supports_statement_cache = True
    insert_returning = False
    update_returning = False
    delete_returning = False
    # A trigger in place of the statement changes the row, so the driver counts none.
    supports_sane_rowcount = False
    supports_sane_multi_rowcount = False
    postfetch_lastrowid = False

    def on_connect(self) -> Callable[[Any], None]:
        """Return what does nothing to a new connection: it gets no functions."""
        return lambda _: None

    seals_what_is_bound = True
    """Here, not by an event of the engine, which costs each statement more than its lens does."""

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Run one statement, with what is bound to sealed columns sealed."""
        if context is not None:
            parameters = sealed_values(context.root_connection, parameters)
        cursor.execute(statement, parameters)

    def do_executemany(
        self, cursor: Any, statement: str, parameters: Any, context: Any = None
    ) -> None:
        """Run one statement for each set of parameters; see `do_execute`."""
        if context is not None:
            parameters = sealed_values(context.root_connection, parameters, many=True)
        cursor.executemany(statement, parameters)

    def initialize(self, connection: Any) -> None:
        """Ask the connection nothing: a lens answers no PRAGMA."""
        self.default_isolation_level = "SERIALIZABLE"
        self.server_version_info = sqlite3.sqlite_version_info

    def do_begin(self, dbapi_connection: Any) -> None:
        """Begin with the first statement, which says whether it writes."""
        dbapi_connection.begin()

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """Return False: a connection of a block is never made anew."""
        return False


registry.register("sqlite.troth_lens", __name__, "LensDialect")
