"""Lend lensed connections: a small pool for each lens, clean at every return.

What is never done; each is held by a test in ``tests/store/test_lens_postgresql_attacks.py``:

1. A connection serves one lens for its whole life: it logged in as that lens's role.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import tuple_row
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from troth.core.errors import InputError, StoreUnavailable, UnknownName, UnsafeStore
from troth.store.db import Cursor
from troth.store.lens_postgresql import ROLES_FILE
from troth.store.lens_postgresql_connection import (
    LensedConnection,
    QuietConnection,
    QuietCursor,
    Turn,
)
from troth.store.lens_postgresql_ddl import SCOPE, Reach, quoted, schema_of
from troth.store.sealed_type import seals

_OPEN_SCOPE = (
    f"INSERT INTO {SCOPE} (backend_pid, lens, people, until) "
    "VALUES (%s, %s, %s, clock_timestamp() + make_interval(secs => %s)) "
    "ON CONFLICT (backend_pid) DO UPDATE SET lens = excluded.lens, "
    "people = excluded.people, until = excluded.until"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom one connection works, and for how long.

    Args:
        backend_pid: the process of the server behind the connection.
        lens: name of the lens.
        people: random ids of the people; None for everybody for whom the lens's purposes stand.
        seconds: how long the block may last.
    """

    backend_pid: int
    lens: str
    people: tuple[str, ...] | None
    seconds: float


def write_scope(cursor: Cursor, scope: Scope) -> None:
    """Write a scope, best in the transaction that records the look.

    Args:
        cursor: of the application's own role, in a transaction that the caller commits before
            anything runs on the connection.
        scope: what `LensPools.use` gave.
    """
    people = None if scope.people is None else list(scope.people)
    cursor.execute(_OPEN_SCOPE, (scope.backend_pid, scope.lens, people, scope.seconds))


@dataclass(frozen=True, slots=True)
class LensedBlock:
    """What a block works with; both are the same session and the same transaction.

    Args:
        connection: of SQLAlchemy; a `Session` takes it with ``bind=``.
        dbapi: a plain DB-API connection.
        scope: for whom it works.
        mark: what sealed values are marked with here; for `SealedUse`.
    """

    connection: Connection
    dbapi: LensedConnection
    scope: Scope
    mark: str


class LensPools:
    """The pools of every lens of one deployment; one object per process.

    Args:
        app_url: SQLAlchemy URL of the application's database; server and database are taken from
            it, never its role.
        folder: of the deployment, where `install` left the roles' passwords.
        size: how many connections a lens has for named people at a time, and as many for all.
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
        self,
        name: str,
        *,
        people: Sequence[str] | None,
        record: Callable[[Scope], None],
        seconds: float | None = None,
        writes: bool = False,
    ) -> Iterator[LensedBlock]:
        """Open a block: one transaction on a lensed connection, committed at its end.

        Args:
            name: of a lens that `install` made.
            people: random ids of one or more people; None for all for whom the lens stands.
            record: is given the scope, and returns when `write_scope` and the look are durable.
            seconds: how long this block may last; by default that of all.
            writes: whether the block will write; PostgreSQL need not be told.

        Raises:
            UnknownName: there is no such lens here.
            InputError: the people are none, or an empty text is among them.
            StoreUnavailable: the database or a connection cannot be had now.
            UnsafeStore: the connection is not what it must be, such as behind a transaction pooler.
        """
        whom = _people(people)
        lasts = seconds or self._block_seconds
        connection = self._take(name, "all" if whom is None else "some")
        try:
            driver: Any = connection.connection.driver_connection
            scope = Scope(driver.info.backend_pid, name, whom, lasts)
            turn = Turn()
            self._watch.add(scope, lasts)
            try:
                record(scope)
                if lasts > self._block_seconds:
                    _give_time(driver, lasts)
                with connection.begin():
                    dbapi = LensedConnection(driver, turn)
                    yield LensedBlock(connection, dbapi, scope, driver.mark)
            finally:
                turn.over = True
                self._watch.remove(scope)
        finally:
            connection.close()

    def _take(self, name: str, reach: Reach) -> Connection:
        engine = self._engines.get((name, reach)) or self._engine(name, reach)
        refused: Exception
        try:
            return engine.connect()
        except PoolTimeout:
            refused = StoreUnavailable(f"every connection of {name} is in use; blocks are short")
        except (UnsafeStore, UnknownName):
            raise
        except Exception as error:  # noqa: BLE001 - of the driver, which may name the password's file
            refused = StoreUnavailable(
                f"no connection for {name} ({type(error).__name__}); if the server runs and has "
                "room, install the lenses again with new passwords (renew)"
            )
        raise refused

    def _engine(self, name: str, reach: Reach) -> Engine:
        with self._making:
            if (name, reach) not in self._engines:
                self._credentials(name)
                self._engines[name, reach] = self._make(name, reach)
            return self._engines[name, reach]

    def _make(self, name: str, reach: Reach) -> Engine:
        engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: self._connect(name, reach),
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
        seals(engine)
        return engine

    def _credentials(self, name: str) -> _Credentials:
        # Read at each new connection: `install` makes new passwords while we run.
        try:
            text = (self._folder / ROLES_FILE).read_text(encoding="utf-8")
        except OSError:
            raise UnsafeStore(f"{ROLES_FILE} cannot be read; install the lens first") from None
        written = json.loads(text)
        entry = written["roles"].get(name)
        if entry is None:
            raise UnknownName(f"there is no lens {name} in this database")
        return _Credentials(entry["role"], entry["password"], written["mark"])

    def _connect(self, name: str, reach: Reach) -> QuietConnection:
        known = self._credentials(name)
        connection = self._log_in(known, _options(name, reach, self._block_seconds))
        # Behind a transaction pooler the process that we know is not the one that works for us.
        row = connection.execute(
            "SELECT pg_backend_pid(), session_user::text, current_setting('search_path'), "
            "current_setting('synchronous_commit')"
        ).fetchone()
        connection.rollback()
        expected = (connection.info.backend_pid, known.role, _search_path(name, reach), "on")
        if row != expected:
            connection.close()
            raise UnsafeStore(
                "a lensed connection does not reach its own server process as its own role with "
                "its own settings; connect to PostgreSQL directly, not through a pooler"
            )
        connection.mark = known.mark
        return connection

    def _log_in(self, known: _Credentials, options: str) -> QuietConnection:
        address = self._address.set(
            drivername="postgresql", username=known.role, password=known.password
        )
        return QuietConnection.connect(
            address.render_as_string(hide_password=False),
            options=options,
            cursor_factory=QuietCursor,
            connect_timeout=5,
        )

    def _end_session(self, scope: Scope) -> None:
        with self._log_in(self._credentials(scope.lens), "") as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", (scope.backend_pid,))

    def close(self) -> None:
        """Close every connection that is not lent; the object cannot be used afterwards."""
        self._watch.close()
        for engine in self._engines.values():
            engine.dispose()


@dataclass(frozen=True, slots=True, repr=False)
class _Credentials:
    role: str
    password: str
    mark: str


def _people(people: Sequence[str] | None) -> tuple[str, ...] | None:
    if people is None:
        return None
    if isinstance(people, str) or not people or not all(isinstance(p, str) and p for p in people):
        raise InputError("a lens is for people by id, at least one, or for None: all who permit it")
    return tuple(people)


def _give_time(driver: psycopg.Connection[Any], seconds: float) -> None:
    """Let a block last longer than the others; at its return the settings are as they were."""
    limit = int(seconds * 1000)
    driver.autocommit = True
    for setting in ("statement", "idle_in_transaction_session", "lock"):
        driver.execute(f"SET {setting}_timeout = {limit}")
    driver.autocommit = False


def _search_path(name: str, reach: Reach) -> str:
    return f"{quoted(schema_of(name, reach))}, pg_temp"


def _options(name: str, reach: Reach, seconds: float) -> str:
    """Return the settings of a session; RESET ALL comes back to these, not to the role's own."""
    limit = str(int(seconds * 1000))
    settings = {
        "search_path": _search_path(name, reach),
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


def _clean(connection: Any, record: Any, state: Any) -> None:
    """Undo and forget all of a block; what raises here makes the pool close the connection."""
    if state.terminate_only:
        return
    connection.row_factory = tuple_row  # opens no sealed value any more
    if record is not None:
        record.info.clear()
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
