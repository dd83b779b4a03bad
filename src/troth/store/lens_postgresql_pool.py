"""Lend lensed connections: a small pool for each purpose, clean at every return.

What is never done; each is held by a test in ``tests/store/test_lens_postgresql_attacks.py``:

1. A connection serves one purpose for its whole life: it logged in as that purpose's role.
2. No statement of a caller runs before the scope of its block is durable.
3. A connection that cannot be cleaned (rolled back, then all of `_FORGET`) is closed.
4. An error of the driver goes on without what it says of rows: its text may hold their values.
5. A block ends with its time: a session that goes on is ended by another one of the same role.
"""

from __future__ import annotations

import json
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from troth.core.errors import StoreUnavailable, UnknownName, UnsafeStore
from troth.store.db import Cursor
from troth.store.lens_postgresql import ROLES_FILE
from troth.store.lens_postgresql_ddl import SCOPE, Reach, quoted, schema_of

_OPEN_SCOPE = (
    f"INSERT INTO {SCOPE} (backend_pid, purpose_id, person, until) "
    "VALUES (%s, %s, %s, clock_timestamp() + make_interval(secs => %s)) "
    "ON CONFLICT (backend_pid) DO UPDATE SET purpose_id = excluded.purpose_id, "
    "person = excluded.person, until = excluded.until"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom one connection works, and for how long.

    Args:
        backend_pid: the process of the server behind the connection.
        purpose: the purpose.
        person: random id of the person; None for everybody for whom the purpose stands.
        seconds: how long the block may last.
    """

    backend_pid: int
    purpose: str
    person: str | None
    seconds: float


def write_scope(cursor: Cursor, scope: Scope) -> None:
    """Write a scope, best in the transaction that records the look.

    Args:
        cursor: of the application's own role, in a transaction that the caller commits before
            anything runs on the connection.
        scope: what `LensPools.use` gave.
    """
    cursor.execute(_OPEN_SCOPE, (scope.backend_pid, scope.purpose, scope.person, scope.seconds))


class _Turn:
    """Whether a block is still going on; its cursors ask before they touch the connection."""

    __slots__ = ("over",)

    def __init__(self) -> None:
        self.over = False

    def check(self) -> None:
        if self.over:
            # The connection may by now work for somebody else.
            raise psycopg.InterfaceError("this block is over; open a new one with troth.use")


class LensedCursor:
    """A cursor that runs statements and fetches rows while its block lasts, and nothing else."""

    __slots__ = ("__cursor", "__turn")

    def __init__(self, cursor: psycopg.Cursor[Any], turn: _Turn) -> None:
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

    def __init__(self, connection: psycopg.Connection[Any], turn: _Turn) -> None:
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


@dataclass(frozen=True, slots=True)
class LensedBlock:
    """What a block works with; both are the same session and the same transaction.

    Args:
        connection: of SQLAlchemy; a `Session` takes it with ``bind=``.
        dbapi: a plain DB-API connection.
        scope: for whom it works.
    """

    connection: Connection
    dbapi: LensedConnection
    scope: Scope


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


class _QuietCursor(psycopg.Cursor[Any]):
    execute = _guarded(psycopg.Cursor.execute)
    executemany = _guarded(psycopg.Cursor.executemany)
    fetchone = _guarded(psycopg.Cursor.fetchone)
    fetchmany = _guarded(psycopg.Cursor.fetchmany)
    fetchall = _guarded(psycopg.Cursor.fetchall)

    def copy(self, *_: Any, **__: Any) -> Any:
        raise psycopg.NotSupportedError("a lens has no COPY; read and insert rows instead")

    def stream(self, *_: Any, **__: Any) -> Any:
        raise psycopg.NotSupportedError("a lens has no streams; a block starts and ends with none")


class _QuietConnection(psycopg.Connection[Any]):
    commit = _guarded(psycopg.Connection.commit)
    rollback = _guarded(psycopg.Connection.rollback)


class LensPools:
    """The pools of every purpose of one deployment; one object per process.

    Args:
        app_url: SQLAlchemy URL of the application's database; server and database are taken from
            it, never its role.
        folder: of the deployment, where `install` left the roles' passwords.
        size: how many connections a purpose has for one person at a time, and as many for all.
        block_seconds: how long a block may last, and how long a statement in it.
        wait_seconds: how long `use` waits for a connection.
    """

    def __init__(
        self,
        app_url: str,
        folder: Path,
        *,
        size: int = 5,
        block_seconds: float = 30.0,
        wait_seconds: float = 5.0,
    ) -> None:
        self._address = make_url(app_url)
        self._folder = folder
        self._size = size
        self._block_seconds = block_seconds
        self._wait_seconds = wait_seconds
        self._engines: dict[tuple[str, Reach], Engine] = {}
        self._making = threading.Lock()
        self._watch = _Watch(self._end_session)

    @contextmanager
    def use(
        self, purpose: str, *, person: str | None, record: Callable[[Scope], None]
    ) -> Iterator[LensedBlock]:
        """Open a block: one transaction on a lensed connection, committed at its end.

        Args:
            purpose: one that `install` made a lens for.
            person: random id of the person; None for all people for whom the purpose stands.
            record: is given the scope, and returns when `write_scope` and the look are durable.

        Raises:
            UnknownName: the purpose has no lens here.
            StoreUnavailable: the database or a connection cannot be had now.
            UnsafeStore: the connection is not what it must be, such as behind a transaction pooler.
        """
        connection = self._take(purpose, "all" if person is None else "one")
        try:
            driver: Any = connection.connection.driver_connection
            scope = Scope(driver.info.backend_pid, purpose, person, self._block_seconds)
            turn = _Turn()
            self._watch.add(scope, self._block_seconds)
            try:
                record(scope)
                with connection.begin():
                    yield LensedBlock(connection, LensedConnection(driver, turn), scope)
            finally:
                turn.over = True
                self._watch.remove(scope)
        finally:
            connection.close()

    def _take(self, purpose: str, reach: Reach) -> Connection:
        engine = self._engines.get((purpose, reach)) or self._engine(purpose, reach)
        refused: Exception
        try:
            return engine.connect()
        except PoolTimeout:
            refused = StoreUnavailable(f"every connection of {purpose} is in use; blocks are short")
        except (UnsafeStore, UnknownName):
            raise
        except Exception as error:  # noqa: BLE001 - of the driver, which may name the password's file
            refused = StoreUnavailable(f"no connection for {purpose} ({type(error).__name__})")
        raise refused

    def _engine(self, purpose: str, reach: Reach) -> Engine:
        with self._making:
            if (purpose, reach) not in self._engines:
                self._credentials(purpose)
                self._engines[purpose, reach] = self._make(purpose, reach)
            return self._engines[purpose, reach]

    def _make(self, purpose: str, reach: Reach) -> Engine:
        engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: self._connect(purpose, reach),
            poolclass=QueuePool,
            pool_size=self._size,
            max_overflow=0,
            pool_timeout=self._wait_seconds,
            pool_use_lifo=True,
            pool_reset_on_return=None,
            use_native_hstore=False,
            hide_parameters=True,  # no personal data in errors
        )
        event.listen(engine, "checkout", _refuse_a_dead_one)
        event.listen(engine, "reset", _clean)
        event.listen(engine, "handle_error", _forget_values)
        return engine

    def _credentials(self, purpose: str) -> tuple[str, str]:
        # Read at each new connection: `install` makes new passwords while we run.
        try:
            text = (self._folder / ROLES_FILE).read_text(encoding="utf-8")
        except OSError:
            raise UnsafeStore(f"{ROLES_FILE} cannot be read; install the lens first") from None
        entry = json.loads(text)["roles"].get(purpose)
        if entry is None:
            raise UnknownName(f"the purpose {purpose} has no lens in this database")
        return entry["role"], entry["password"]

    def _connect(self, purpose: str, reach: Reach) -> psycopg.Connection[Any]:
        role, _ = self._credentials(purpose)
        connection = self._log_in(purpose, _options(purpose, reach, self._block_seconds))
        # Behind a transaction pooler the process that we know is not the one that works for us.
        row = connection.execute(
            "SELECT pg_backend_pid(), session_user::text, current_setting('search_path'), "
            "current_setting('synchronous_commit')"
        ).fetchone()
        connection.rollback()
        expected = (connection.info.backend_pid, role, _search_path(purpose, reach), "on")
        if row != expected:
            connection.close()
            raise UnsafeStore(
                "a lensed connection does not reach its own server process as its own role with "
                "its own settings; connect to PostgreSQL directly, not through a pooler"
            )
        return connection

    def _log_in(self, purpose: str, options: str) -> psycopg.Connection[Any]:
        role, password = self._credentials(purpose)
        address = self._address.set(drivername="postgresql", username=role, password=password)
        return _QuietConnection.connect(
            address.render_as_string(hide_password=False),
            options=options,
            cursor_factory=_QuietCursor,
            connect_timeout=5,
        )

    def _end_session(self, scope: Scope) -> None:
        with self._log_in(scope.purpose, "") as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", (scope.backend_pid,))

    def close(self) -> None:
        """Close every connection that is not lent; the object cannot be used afterwards."""
        self._watch.close()
        for engine in self._engines.values():
            engine.dispose()


def _search_path(purpose: str, reach: Reach) -> str:
    return f"{quoted(schema_of(purpose, reach))}, pg_temp"


def _options(purpose: str, reach: Reach, seconds: float) -> str:
    """Return the settings of a session; RESET ALL comes back to these, not to the role's own."""
    limit = str(int(seconds * 1000))
    settings = {
        "search_path": _search_path(purpose, reach),
        "statement_timeout": limit,
        "idle_in_transaction_session_timeout": limit,
        "lock_timeout": limit,
        "client_min_messages": "error",
        "synchronous_commit": "on",
        "default_transaction_isolation": "read committed",
        "default_transaction_read_only": "off",
        "row_security": "on",
    }
    escaped = {name: value.replace(" ", "\\ ") for name, value in settings.items()}
    return " ".join(f"-c {name}={value}" for name, value in escaped.items())


def _refuse_a_dead_one(connection: Any, *_: object) -> None:
    """Tell the pool that a connection is gone; a clean and idle one has nothing to say."""
    waiting = select.poll()
    waiting.register(connection.pgconn.socket, select.POLLIN)
    if waiting.poll(0):
        raise DisconnectionError("the server ended this session")


def _forget_values(context: Any) -> None:
    """Take the bound values out of an error of SQLAlchemy, which keeps them besides its text."""
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.params = None


_FORGET = (
    "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DEALLOCATE ALL; UNLISTEN *; "
    "SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES"
)
"""What DISCARD ALL does, but for the plans of our own functions: a role can make none, plans hold
no value of a row, and making them anew in each block costs more than the read that it is for."""

_turns = count()


def _clean(connection: Any, _record: object, state: Any) -> None:
    """Undo and forget all of a block; what raises here makes the pool close the connection."""
    if state.terminate_only:
        return
    connection.rollback()
    connection.autocommit = True
    # The driver forgets the statements that it prepared when the server answers DEALLOCATE ALL to
    # a text that it meets for the first time; one that it knows it would prepare in the end.
    connection.execute(f"{_FORGET} -- {next(_turns)}")
    connection.autocommit = False


class _Watch:
    """Ends sessions whose block has outlived its time."""

    def __init__(self, end: Callable[[Scope], None]) -> None:
        self._end = end
        self._due: dict[Scope, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, scope: Scope, seconds: float) -> None:
        with self._changed:
            self._due[scope] = time.monotonic() + seconds
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="troth-lens", daemon=True)
                self._thread.start()
            elif len(self._due) == 1:
                self._changed.notify()  # later ones are due later

    def remove(self, scope: Scope) -> None:
        with self._changed:
            self._due.pop(scope, None)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                now = time.monotonic()
                over = [scope for scope, due in self._due.items() if due <= now]
                for scope in over:
                    del self._due[scope]
                if not over:
                    first = min(self._due.values(), default=None)
                    self._changed.wait(None if first is None else first - now)
                    continue
            for scope in over:
                with suppress(Exception):  # it may have ended by itself; the scope is over anyway
                    self._end(scope)
