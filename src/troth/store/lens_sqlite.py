"""Lenses on SQLite: the pools, the block, and the renaming of the tables behind.

What holds here; each point is held by a test in ``tests/store/test_lens_sqlite*.py``:

1. A connection that shows a purpose never shows another one, and one that shows a single person's
   rows was made for single persons. Its random names are drawn anew after each block.
2. A block is one transaction on one thread. It ends by its deadline, with no cursor half read.
3. The person of a block stands in a table that only the inner views may read, and that no
   statement of the block can write.
4. The state that is joined lies in the same file: what was withdrawn before a block opens is not
   seen in it, whichever process took the answer.
"""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from troth.core.errors import InputError, StoreUnavailable, UnknownName, UnsafeStore
from troth.core.lens import BASE_SUFFIX, Lens
from troth.store.db import Database, owner_engine, raise_unavailable
from troth.store.lens_sqlite_connection import LensedConnection, Turn
from troth.store.lens_sqlite_ddl import (
    Catalogue,
    LensText,
    Names,
    columns_of,
    insertable,
    quoted,
)
from troth.store.lens_sqlite_guard import LensGuard
from troth.store.sealed_type import new_mark

_KEPT = 8
"""How many clean connections of a kind are kept."""

_LONGEST = 64 << 20
"""Bytes of a value or a row, so that no statement takes all memory."""


@dataclass(frozen=True, slots=True)
class LensedBlock:
    """What a block works with; both are the same session and the same transaction.

    Args:
        connection: of SQLAlchemy; a `Session` takes it with ``bind=``.
        dbapi: a plain DB-API connection.
        mark: what sealed values are marked with here; for `SealedUse`.
    """

    connection: Connection
    dbapi: LensedConnection
    mark: str


class _Lensed:
    """One connection of the driver that shows one lens.

    Args:
        raw: a connection of ours; from now on it serves this lens and nothing else.
        lens: what it shows.
        scoped: whether its blocks are each of one person.
        mark: what sealed values are marked with.
    """

    def __init__(self, raw: sqlite3.Connection, lens: Lens, *, scoped: bool, mark: str) -> None:
        self.raw = raw
        self.scoped = scoped
        self._lens = lens
        self._mark = mark
        self._guard = LensGuard(
            inserts=frozenset(t.name for t in lens.tables if t.insert),
            updates={t.name: frozenset(t.update) for t in lens.tables},
            deletes=frozenset(t.name for t in lens.tables if t.may_delete),
        )
        self._text: LensText | None = None
        self._set_person = ""
        self.secret = ""
        raw.set_authorizer(self._guard.authorize)
        raw.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        raw.execute("PRAGMA temp_store=MEMORY")
        self._catalogue = _catalogue(raw, lens)
        self.renew()

    def renew(self) -> None:
        """Draw new names and make the views under them."""
        names = Names.draw(self._lens)
        made = LensText(self._lens, names, self._catalogue, self.scoped, self._mark)
        self._guard.building = True
        script = ["BEGIN;", *(self._text.removals() if self._text else ()), *made.statements()]
        if self.scoped:
            script.append(f"INSERT INTO temp.{quoted(names.person)} VALUES (NULL);")
        self.raw.executescript("\n".join([*script, "COMMIT;"]))
        self._text = made
        self.secret = names.triggers.removeprefix("t_")
        self._guard.inner = frozenset(names.inner.values())
        self._guard.inside = frozenset({*names.inner.values(), names.permitted, *made.triggers})
        self._set_person = f"UPDATE temp.{quoted(names.person)} SET id = ?"
        # SQLite resolves views and prepares statements when they are first used: here, not when
        # somebody waits for it.
        if self.scoped:
            self.raw.execute(self._set_person, (None,))
        for table in self._lens.tables:
            self.raw.execute(f"SELECT * FROM temp.{quoted(table.name)} LIMIT 0").fetchall()
        self._guard.building = False

    def give_to(self, person: str | None) -> None:
        """Set the person whose rows the next block sees."""
        if self.scoped:
            self._guard.building = True
            self.raw.execute(self._set_person, (person,))
            self._guard.building = False


class SqliteLenses:
    """The lenses of every purpose of one deployment on SQLite; one object per process.

    Args:
        database: of the application; tables of the lenses and consent state lie in its file.
        lenses: what each purpose may see.
        block_seconds: how long a block may last.

    Raises:
        UnsafeStore: the database is not SQLite.
    """

    def __init__(
        self, database: Database, lenses: Mapping[str, Lens], *, block_seconds: float = 30.0
    ) -> None:
        if database.kind != "sqlite":
            raise UnsafeStore("these lenses are for SQLite")
        # Its own: who closes the application's connections must not close one being renewed.
        self._database = Database(database.url)
        self._lenses = dict(lenses)
        self._seconds = block_seconds
        self._process = os.getpid()
        self._clean: dict[tuple[str, bool], deque[_Lensed]] = {
            (purpose, scoped): deque() for purpose in self._lenses for scoped in (True, False)
        }
        self._mark = new_mark()
        self._taken = threading.local()
        self._engines = {purpose: self._engine() for purpose in self._lenses}
        self._keeper = _Keeper(self._renew)

    def _engine(self) -> Engine:
        def connection() -> LensedConnection:
            taken: LensedConnection | None = getattr(self._taken, "connection", None)
            if taken is None:
                raise InputError("a lens gives its connection to a block only")
            self._taken.connection = None
            return taken

        return create_engine("sqlite+troth_lens://", creator=connection, poolclass=NullPool)

    @contextmanager
    def use(
        self,
        purpose: str,
        *,
        person: str | None,
        record: Callable[[], object] | None = None,
        seconds: float | None = None,
    ) -> Iterator[LensedBlock]:
        """Open a block: one transaction on a lensed connection, committed at its end.

        Args:
            purpose: one of the lenses.
            person: random id of the person; None for all people for whom the purpose stands.
            record: called before anything is handed out; returns when the look is durable.
            seconds: how long this block may last; by default that of all.

        Raises:
            UnknownName: the purpose has no lens here.
            InputError: the person is an empty text, or the block ended with a cursor half read.
            StoreUnavailable: the database cannot be used now, or the block lasted too long; what
                it did was undone.
        """
        if person is not None and not (isinstance(person, str) and person):
            raise InputError("a lens is for one person by id, or for None: all who permit it")
        lensed = self.take(purpose, scoped=person is not None)
        turn: Turn | None = None
        try:
            if record is not None:
                record()
            lensed.give_to(person)
            turn = Turn(lensed.raw, seconds or self._seconds, lensed.secret)
            self._keeper.watch(turn)
            driver = LensedConnection(turn)
            self._taken.connection = driver
            with self._engines[purpose].connect() as connection:
                try:
                    yield LensedBlock(connection, driver, self._mark)
                    self._end(turn, connection)
                except BaseException:
                    connection.rollback()
                    raise
        except sqlite3.Error as error:
            raise_unavailable(error)
            raise
        finally:
            self._give_back(purpose, lensed, turn)

    def _end(self, turn: Turn, connection: Connection) -> None:
        """Commit; a cursor that is half read would go on seeing what the block saw."""
        with turn.lock:
            half_read = 0 if turn.is_over else turn.close_cursors()
        if half_read:
            raise InputError(
                f"the block left {half_read} cursor(s) half read and was undone; "
                "read or close every result in the block"
            )
        if connection.in_transaction():
            connection.commit()
        else:
            connection.connection.driver_connection.commit()  # type: ignore[union-attr]

    def take(self, purpose: str, *, scoped: bool) -> _Lensed:
        """Take a clean connection of a purpose from its pool, or make one.

        Raises:
            UnknownName: the purpose has no lens here.
            StoreUnavailable: no connection can be made.
            UnsafeStore: a table of the lens is not in the database, or was not put behind it.
        """
        if self._process != os.getpid():
            raise UnsafeStore("a connection of SQLite must not cross a fork; open lenses anew")
        pool = self._clean.get((purpose, scoped))
        if pool is None:
            raise UnknownName("this purpose has no lens here")
        try:
            return pool.pop()
        except IndexError:
            pass
        raw = self._database.open(autocommit=True)
        try:
            raw.set_authorizer(None)
            raw.execute(f"PRAGMA busy_timeout={int(min(self._seconds, 5.0) * 1000)}")
            return _Lensed(raw, self._lenses[purpose], scoped=scoped, mark=self._mark)
        except sqlite3.Error as error:
            raw.close()
            raise_unavailable(error)
            raise UnsafeStore("the lens cannot be made on this database") from error
        except BaseException:
            raw.close()
            raise

    def _give_back(self, purpose: str, lensed: _Lensed, turn: Turn | None) -> None:
        if turn is not None:
            with turn.lock:
                turn.is_over = True
                turn.close_cursors()
                if lensed.raw.in_transaction:
                    lensed.raw.execute("ROLLBACK")
            self._keeper.forget(turn)
        self._keeper.renew_later(purpose, lensed)

    def _renew(self, purpose: str, lensed: _Lensed) -> None:
        """Make a used connection clean, off the way of whoever used it."""
        pool = self._clean[purpose, lensed.scoped]
        try:
            if len(pool) >= _KEPT:
                lensed.raw.close()
                return
            lensed.raw.set_progress_handler(None, 0)
            lensed.renew()
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                lensed.raw.close()
            return
        pool.append(lensed)

    def warm(self, purpose: str, *, scoped: bool, connections: int = 1) -> None:
        """Make connections ahead of use, as many as the pool keeps at most."""
        made = [self.take(purpose, scoped=scoped) for _ in range(min(connections, _KEPT))]
        self._clean[purpose, scoped].extend(made)

    def settle(self) -> None:
        """Wait until every connection that was given back is clean again."""
        self._keeper.settle()

    def close(self) -> None:
        """Close every connection; no block may be open."""
        self._keeper.close()
        for pool in self._clean.values():
            while pool:
                pool.pop()
        self._database.close()
        for engine in self._engines.values():
            engine.dispose()


class _Keeper:
    """A thread that renews connections which came back, and ends blocks that last too long."""

    EVERY_SECONDS = 0.25

    def __init__(self, renew: Callable[[str, _Lensed], None]) -> None:
        self._renew = renew
        self._queue: queue.SimpleQueue[tuple[str, _Lensed] | threading.Event | None]
        self._queue = queue.SimpleQueue()
        self._turns: set[Turn] = set()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def watch(self, turn: Turn) -> None:
        """Watch over the deadline of a block, in a statement and between two."""
        deadline = turn.deadline
        turn.raw.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
        if self._thread is None:
            self._start()
        self._turns.add(turn)

    def forget(self, turn: Turn) -> None:
        """Watch over a block no more."""
        self._turns.discard(turn)

    def renew_later(self, purpose: str, lensed: _Lensed) -> None:
        """Renew a connection soon."""
        if self._is_closed:
            lensed.raw.close()
        else:
            self._queue.put((purpose, lensed))

    def settle(self) -> None:
        """Wait until everything that was given so far is renewed."""
        done = threading.Event()
        self._queue.put(done)
        if self._thread is None:
            self._start()
        done.wait(10)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="troth-lens", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                given = self._queue.get(timeout=self.EVERY_SECONDS)
            except queue.Empty:
                self._end_overdue()
                continue
            if given is None:
                return
            if isinstance(given, threading.Event):
                given.set()
            else:
                self._renew(*given)

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for turn in [turn for turn in tuple(self._turns) if turn.deadline < now]:
            if turn.expire_idle():
                self._turns.discard(turn)

    def close(self) -> None:
        """End the thread."""
        self._is_closed = True
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(10)


# --- what lies in the database --------------------------------------------------------------------


def _catalogue(raw: sqlite3.Connection, lens: Lens) -> Catalogue:
    """Read what the views need; the authorizer must allow it."""
    found = raw.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall()
    there = {name for (name,) in found}
    names = {t.name for t in lens.tables}
    bases = {}
    for name in names | {hop.table for t in lens.tables for hop in t.hops}:
        base = name + BASE_SUFFIX
        if base not in there and (name in names or name not in there):
            raise UnsafeStore(f"{name} is not behind a lens; run troth lens install")
        if base in there and name in there:
            raise UnsafeStore(f"{name} stands beside {base}: something made it anew; move its rows")
        if name.startswith(("troth_", "sqlite_")):
            raise UnsafeStore(f"{name} is no table of an application")
        bases[name] = base if base in there else name
    unique = {t.name: _unique(raw, bases[t.name]) for t in lens.tables}
    for table in lens.tables:
        columns = {row[1] for row in raw.execute(f"PRAGMA main.table_info({quoted(table.base)})")}
        wanted = {*columns_of(table), *(() if table.hops else (table.person,))}
        if wanted - columns:
            missing = ", ".join(sorted(wanted - columns))
            raise UnsafeStore(f"{table.name} has no column {missing}; run troth map check")
        if set(table.update) & set(table.key):
            raise UnsafeStore(f"the key of {table.name} cannot be among what a purpose changes")
        if not table.key or (insertable(table) and not set(table.key) <= columns):
            raise UnsafeStore(f"{table.name} has no key")
    return Catalogue(bases, unique)


def _unique(raw: sqlite3.Connection, base: str) -> Sequence[tuple[str, ...]]:
    indexes = raw.execute(f"PRAGMA main.index_list({quoted(base)})").fetchall()
    found = []
    for _, name, is_unique, _, is_partial in indexes:
        if is_unique and not is_partial:
            columns = [row[2] for row in raw.execute(f"PRAGMA main.index_info({quoted(name)})")]
            if None not in columns:  # an expression; conflict clauses are refused in any case
                found.append(tuple(columns))
    return found


def install(owner_url: str, tables: Sequence[str]) -> list[str]:
    """Put tables behind the lenses: rename them, with every reference to them.

    Returns:
        The tables that were renamed now; those that were before are left as they are.

    Raises:
        UnsafeStore: a table is not there, or stands beside one that was renamed before.
    """
    return _rename(owner_url, [(name, name + BASE_SUFFIX) for name in tables])


def uninstall(owner_url: str, tables: Sequence[str]) -> list[str]:
    """Give tables their own names back; see `install`."""
    return _rename(owner_url, [(name + BASE_SUFFIX, name) for name in tables])


def _rename(owner_url: str, names: Sequence[tuple[str, str]]) -> list[str]:
    engine = owner_engine(owner_url)
    renamed = []
    try:
        with engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.isolation_level = None  # the driver would commit before each change of schema
            # References follow only with both of these; they cannot be set in a transaction.
            driver.execute("PRAGMA legacy_alter_table=OFF")
            driver.execute("PRAGMA foreign_keys=ON")
            driver.execute("BEGIN IMMEDIATE")
            try:
                found = connection.execute(
                    text("SELECT name FROM sqlite_master WHERE type = 'table'")
                )
                there = {row[0] for row in found}
                for old, new in names:
                    if old in there and new in there:
                        raise UnsafeStore(f"{old} and {new} are both there; move the rows of one")
                    if old not in there and new not in there:
                        raise UnsafeStore(f"there is no table {old}")
                    if old in there:
                        driver.execute(f"ALTER TABLE {quoted(old)} RENAME TO {quoted(new)}")
                        renamed.append(old)
                driver.execute("COMMIT")
            except BaseException:
                driver.execute("ROLLBACK")
                raise
    except sqlite3.Error as error:
        raise_unavailable(error)
        raise StoreUnavailable("the tables cannot be renamed now") from error
    finally:
        engine.dispose()
    return renamed
