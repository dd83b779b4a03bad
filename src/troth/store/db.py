"""Connections, and the only commits of our own transactions.

Invariants, each held by a test in ``tests/store/test_db.py``:

1. SQLite runs in WAL mode with ``synchronous=FULL``, foreign keys and recursive triggers on; every
   connection reads them back and refuses to work otherwise (`UnsafeStore`).
2. The application's connections cannot change the schema, nor pragmas, nor attach files, nor
   change or delete what is append-only, nor write a projection except through its trigger. On
   SQLite an authorizer refuses it, on PostgreSQL the missing rights of the role.
3. A decision reads on a connection of its own thread, in autocommit, with nothing half read, so
   it sees every commit that was acknowledged before it began.
4. `Writer.run` returns after the commit that holds its work, and never before.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError

from troth.core.errors import StoreUnavailable, UnsafeStore
from troth.store import guard

Kind = Literal["sqlite", "postgresql"]
T = TypeVar("T")
Cursor = Any
"""A cursor of the driver: `sqlite3.Cursor` or `psycopg.Cursor`."""

_PRAGMAS = {
    "journal_mode": ("WAL", "wal"),
    "synchronous": ("FULL", 2),
    "foreign_keys": ("ON", 1),
    "recursive_triggers": ("ON", 1),
    "trusted_schema": ("OFF", 0),
    "busy_timeout": ("5000", 5000),
    "cache_size": ("-16384", -16384),  # KiB: the upper pages of every index stay in memory
}


def kind_of(url: str) -> Kind:
    """Return which database a URL means.

    Raises:
        UnsafeStore: the engine is one on which our promises do not hold.
    """
    parts = make_url(url)
    name = parts.get_backend_name()
    if name == "sqlite":
        if parts.database in (None, "", ":memory:"):
            raise UnsafeStore("records are kept in a file: write sqlite:///folder/troth.db")
        return "sqlite"
    if name == "postgresql":
        return "postgresql"
    raise UnsafeStore(f"troth keeps its records in SQLite or PostgreSQL, not in {name}")


class Database:
    """One database, as the application may use it.

    Args:
        url: SQLAlchemy URL; on PostgreSQL that of a role which owns nothing.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.kind: Kind = kind_of(url)
        self.engine = _engine(url, self.kind)
        self.writer = Writer(self)
        self._local = threading.local()
        self._opened: list[Any] = []
        self._opening = threading.Lock()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction that writes; it commits at the end of the block.

        Raises:
            StoreUnavailable: the database cannot be reached or is locked for too long.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise_unavailable(error)
            raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads and sees one state of the database."""
        try:
            with self.engine.connect() as connection:
                connection.execution_options(troth_reads=True)
                with connection.begin():
                    yield connection
        except DBAPIError as error:
            raise_unavailable(error)
            raise

    def cursor(self) -> Cursor:
        """Return this thread's cursor for hot reads: autocommit, one statement at a time.

        Raises:
            StoreUnavailable: no connection can be made.
        """
        cursor = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = self.open(autocommit=True).cursor()
            self._local.cursor = cursor
        return cursor

    @contextlib.contextmanager
    def hot_reading(self) -> Iterator[Cursor]:
        """Lend this thread's cursor for a few reads.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        try:
            yield self.cursor()
        except StoreUnavailable:
            self.forget_cursor()
            raise
        except Exception as error:
            self.forget_cursor()
            raise_unavailable(error)
            raise

    def forget_cursor(self) -> None:
        """Drop this thread's connection after an error, so that the next read connects anew."""
        cursor = getattr(self._local, "cursor", None)
        self._local.cursor = None
        if cursor is not None:
            with self._opening, contextlib.suppress(Exception):
                self._opened.remove(cursor.connection)
                cursor.connection.close()

    def open(self, *, autocommit: bool) -> Any:
        """Return a driver connection of ours, guarded like every other; `close` closes it."""
        try:
            if self.kind == "sqlite":
                connection: Any = _open_sqlite(make_url(self.url).database or "")
            else:
                connection = _open_postgresql(self.url, autocommit=autocommit)
        except UnsafeStore:
            raise
        except Exception as error:
            raise StoreUnavailable("the database cannot be opened; is it there?") from error
        with self._opening:
            self._opened.append(connection)
        return connection

    def close(self) -> None:
        """Close every connection; the object cannot be used afterwards."""
        with self._opening:
            for connection in self._opened:
                connection.close()
            self._opened.clear()
        self.engine.dispose()


_UNUSABLE_SQLITE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}
_UNUSABLE_POSTGRESQL = ("OperationalError", "InterfaceError", "AdminShutdown", "CrashShutdown")


def raise_unavailable(error: BaseException) -> None:
    """Raise `StoreUnavailable` if ``error`` means that the database cannot be used now.

    A fault in one of our statements is not that, and goes on as it is.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        # The low byte is the primary code; what the driver raises by itself has none.
        unusable = getattr(cause, "sqlite_errorcode", 0) & 0xFF in _UNUSABLE_SQLITE
    else:
        unusable = any(kind.__name__ in _UNUSABLE_POSTGRESQL for kind in type(cause).__mro__)
    if unusable:
        raise StoreUnavailable("the database cannot be read or written now") from None


def owner_engine(url: str) -> Engine:
    """Return an engine that may change the schema: for migrations and nothing else."""
    return create_engine(url)


def _engine(url: str, kind: Kind) -> Engine:
    if kind == "postgresql":
        engine = create_engine(url, pool_pre_ping=True)
        event.listen(engine, "connect", lambda connection, _: _assert_durable(connection))
        return engine
    path = make_url(url).database or ""
    engine = create_engine(
        url, creator=lambda: _open_sqlite(path, guard.GuardedConnection), pool_size=8
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # Writers take the write lock at once: a read that becomes a write could fail half-way.
        reads = connection.get_execution_options().get("troth_reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _open_sqlite(
    path: str, kind: type[sqlite3.Connection] = sqlite3.Connection
) -> sqlite3.Connection:
    # mode=rw: a missing file is an error, never a new and empty ledger.
    connection = sqlite3.connect(
        f"file:{quote(path)}?mode=rw",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=5,
        factory=kind,
    )
    for name, (value, _) in _PRAGMAS.items():
        connection.execute(f"PRAGMA {name}={value}")
    for name, (_, expected) in _PRAGMAS.items():
        (got,) = connection.execute(f"PRAGMA {name}").fetchone()
        if got != expected:
            connection.close()
            raise UnsafeStore(f"PRAGMA {name} is {got!r}, expected {expected!r}")
    connection.set_authorizer(guard.authorize)
    return connection


def _open_postgresql(url: str, *, autocommit: bool) -> Any:
    import psycopg  # noqa: PLC0415 - an extra: only who uses PostgreSQL has it

    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg.connect(address, autocommit=autocommit, prepare_threshold=1)
    _assert_durable(connection)
    return connection


def _assert_durable(connection: Any) -> None:
    """Refuse a PostgreSQL connection whose commits do not wait for the disk."""
    with connection.cursor() as cursor:
        (setting,) = cursor.execute("SHOW synchronous_commit").fetchone()
    connection.rollback()
    if setting == "off":
        connection.close()
        raise UnsafeStore("synchronous_commit is off, expected on; set it for this role")


class _Job(Generic[T]):
    """One caller's work on its way through a shared commit; ``turn`` wakes the caller."""

    __slots__ = ("done", "error", "result", "turn", "work")

    def __init__(self, work: Callable[[Cursor], T]) -> None:
        self.work = work
        self.result: T | None = None
        self.error: BaseException | None = None
        self.done = False
        self.turn: threading.Lock | None = None


class Writer:
    """Commits the work of standalone callers; those who wait together share one commit.

    The caller that finds the writer free leads: it runs what is queued, commits once, and wakes
    those whose work is in it. If one of them fails, the group is undone and run again with a
    savepoint each, so that it fails alone. If others queued meanwhile, the lead passes to the
    first of them. One caller alone pays for none of this.
    """

    MOST_PER_COMMIT = 256

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: deque[_Job[Any]] = deque()
        self._state = threading.Lock()
        self._busy = False
        self._crowded = False
        self._connection: Any = None
        self._cursor: Cursor = None
        # SQLite's writers take the write lock at once: a read that became a write could fail.
        self._begin = "BEGIN IMMEDIATE" if database.kind == "sqlite" else "BEGIN"

    def run(self, work: Callable[[Cursor], T], *, is_one_statement: bool = False) -> T:
        """Run ``work`` in a transaction and return its result after the commit.

        Args:
            work: gets a cursor of the driver and must not commit. It may be run twice, the first
                time undone, when somebody else's work in the same group fails. What it raises is
                raised here, and nothing of it is stored; other callers' work in the same commit
                is untouched.
            is_one_statement: it writes by one statement, which is a transaction by itself.

        Raises:
            StoreUnavailable: the database cannot be written now; nothing was stored.
        """
        with self._state:
            alone = is_one_statement and not self._busy and not self._crowded
            job = None if alone else self._enqueue(work)
            self._busy = True
        if job is None:
            return self._write_alone(work)
        if job.turn is not None:
            job.turn.acquire()  # released when the work is done, or when it is ours to lead
        if not job.done:
            self._lead()
        if job.error is not None:
            raise job.error
        return job.result  # type: ignore[return-value]

    def _enqueue(self, work: Callable[[Cursor], T]) -> _Job[T]:
        job = _Job(work)
        self._queue.append(job)
        if self._busy:
            job.turn = threading.Lock()
            job.turn.acquire()
        return job

    def _write_alone(self, work: Callable[[Cursor], T]) -> T:
        try:
            return work(self._ready())
        except BaseException as error:  # noqa: BLE001 - told, and the writer left in order
            told = _told(error)
            if isinstance(told, StoreUnavailable) or not isinstance(told, Exception):
                self._discard()
            raise told from None
        finally:
            self._pass_on(shared=False)

    def _lead(self) -> None:
        """Commit one group of queued work, our own in it, and pass the lead on."""
        if self._crowded:
            self._let_others_come()
        with self._state:
            size = min(len(self._queue), self.MOST_PER_COMMIT)
            jobs = [self._queue.popleft() for _ in range(size)]
        try:
            self._commit_all(jobs)
        finally:
            for job in jobs:
                job.done = True
            self._pass_on(shared=len(jobs) > 1)
            for job in jobs:
                if job.turn is not None:
                    job.turn.release()

    def _let_others_come(self) -> None:
        """Wait as long as each turn that we give away brings somebody who will share the commit."""
        found = 0
        while found < len(self._queue) < self.MOST_PER_COMMIT:
            found = len(self._queue)
            time.sleep(0)

    def _pass_on(self, *, shared: bool) -> None:
        """Give the lead to the first who waits, or let the writer be free."""
        with self._state:
            following = self._queue[0] if self._queue else None
            self._busy = following is not None
            self._crowded = shared or self._busy
        if following is not None and following.turn is not None:
            following.turn.release()

    def _commit_all(self, jobs: list[_Job[Any]]) -> None:
        try:
            self._commit(jobs)
        except BaseException as error:
            self._discard()
            interrupted = not isinstance(error, Exception)
            told = StoreUnavailable("the write was interrupted") if interrupted else _told(error)
            for job in jobs:
                job.error = job.error or told
            if interrupted:
                raise

    def _ready(self) -> Cursor:
        if self._connection is None:
            self._connection = self._database.open(autocommit=True)
            self._cursor = self._connection.cursor()
        return self._cursor

    def _commit(self, jobs: list[_Job[Any]]) -> None:
        cursor = self._ready()
        cursor.execute(self._begin)
        try:
            for job in jobs:
                job.result = job.work(cursor)
        except Exception as error:  # noqa: BLE001 - handed to its caller by run()
            cursor.execute("ROLLBACK")
            if len(jobs) == 1:
                jobs[0].error = _told(error)
            else:
                self._commit_apart(jobs)
            return
        cursor.execute("COMMIT")

    def _commit_apart(self, jobs: list[_Job[Any]]) -> None:
        """Run the group again with a savepoint each: somebody's work in it fails, and alone."""
        cursor = self._cursor
        cursor.execute(self._begin)
        for job in jobs:
            cursor.execute("SAVEPOINT caller")
            try:
                job.result = job.work(cursor)
            except Exception as error:  # noqa: BLE001 - handed to its caller by run()
                job.error = _told(error)
                cursor.execute("ROLLBACK TO SAVEPOINT caller")
            cursor.execute("RELEASE SAVEPOINT caller")
        cursor.execute("COMMIT")

    def _discard(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
        self._connection = self._cursor = None


def _told(error: BaseException) -> BaseException:
    """Return what a caller is told of an error of the driver: never its text, which names data."""
    try:
        raise_unavailable(error)
    except StoreUnavailable as told:
        return told
    return error
