"""Lenses on SQLite: the pools and the block.

What holds here; each point is held by a test in ``tests/store/test_lens_sqlite*.py``:

1. A connection that shows a lens never shows another one, and one that shows the rows of named
   people was made for named people. Its random names are drawn anew after a block in which
   anything was refused or failed, and after so many blocks in any case.
2. A block is one transaction on one thread. It ends by its deadline, with no cursor half read.
3. The people of a block stand in a table that only the inner views may read, and that no
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

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from troth.core.errors import InputError, UnknownName, UnsafeStore
from troth.core.lens import Lens
from troth.store.db import Database, raise_unavailable
from troth.store.lens_sqlite_connection import LensedConnection, Turn
from troth.store.lens_sqlite_ddl import LensText, Names, quoted
from troth.store.lens_sqlite_guard import LensGuard
from troth.store.lens_sqlite_tables import catalogue_of
from troth.store.sealed_type import new_mark

_KEPT = 8
"""How many clean connections of a kind are kept."""

_BLOCKS = 64
"""After how many blocks the names of a connection are drawn anew, if nothing was refused before.

Making views costs more than most blocks, and a name could only come out by way of an error."""

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
        scoped: whether its blocks are each of named people.
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
        self._add_person = self._forget_people = ""
        self.secret = ""
        self.blocks = 0
        """How many blocks there were since the names were drawn."""
        raw.set_authorizer(self._guard.authorize)
        raw.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        raw.execute("PRAGMA temp_store=MEMORY")
        self._catalogue = catalogue_of(raw, lens)
        self.renew()

    def renew(self) -> None:
        """Draw new names and make the views under them."""
        names = Names.draw(self._lens)
        made = LensText(self._lens, names, self._catalogue, self.scoped, self._mark)
        self._guard.building = True
        removals = self._text.removals() if self._text else ()
        self.raw.executescript("\n".join(["BEGIN;", *removals, *made.statements(), "COMMIT;"]))
        self._text = made
        self.secret = names.triggers.removeprefix("t_")
        self._guard.inner = frozenset(names.inner.values())
        self._guard.inside = frozenset({*names.inner.values(), names.permitted, *made.triggers})
        people = f"temp.{quoted(names.people)}"
        self._add_person = f"INSERT INTO {people} VALUES (?)"
        self._forget_people = f"DELETE FROM {people}"
        self.blocks = 0
        # SQLite resolves views and prepares statements when they are first used: here, not when
        # somebody waits for it.
        if self.scoped:
            self.raw.execute(self._add_person, (None,))
            self.raw.execute(self._forget_people)
        for table in self._lens.tables:
            self.raw.execute(f"SELECT * FROM temp.{quoted(table.name)} LIMIT 0").fetchall()
        self._guard.building = False

    def give_to(self, people: Sequence[str]) -> None:
        """Set the people whose rows the next block sees; until then it sees nobody's."""
        self._guard.building = True
        if len(people) == 1:
            self.raw.execute(self._add_person, (people[0],))
        else:
            self.raw.execute("BEGIN")
            self.raw.executemany(self._add_person, ((person,) for person in people))
            self.raw.execute("COMMIT")
        self._guard.building = False

    def forget_people(self) -> None:
        """Let nobody's rows be seen until somebody is given."""
        self._guard.building = True
        self.raw.set_progress_handler(None, 0)
        if self.scoped:
            self.raw.execute(self._forget_people)
        self._guard.building = False


class SqliteLenses:
    """The lenses of one deployment on SQLite; one object per process.

    Args:
        database: of the application; tables of the lenses and consent state lie in its file.
        lenses: by name; see `Lens.name`.
        block_seconds: how long a block may last.

    Raises:
        UnsafeStore: the database is not SQLite.
        InputError: a lens is given under a name that is not its own.
    """

    def __init__(
        self, database: Database, lenses: Mapping[str, Lens], *, block_seconds: float = 30.0
    ) -> None:
        if database.kind != "sqlite":
            raise UnsafeStore("these lenses are for SQLite")
        if any(name != lens.name for name, lens in lenses.items()):
            raise InputError("a lens is given under its own name: that of its purposes")
        # Its own: who closes the application's connections must not close one being renewed.
        self._database = Database(database.url)
        self._lenses = dict(lenses)
        self._seconds = block_seconds
        self._process = os.getpid()
        self._clean: dict[tuple[str, bool], deque[_Lensed]] = {
            (name, scoped): deque() for name in self._lenses for scoped in (True, False)
        }
        self._mark = new_mark()
        self._taken = threading.local()
        self._engines = {name: self._engine() for name in self._lenses}
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
        name: str,
        *,
        people: Sequence[str] | None,
        writes: bool = False,
        record: Callable[[], object] | None = None,
        seconds: float | None = None,
    ) -> Iterator[LensedBlock]:
        """Open a block: one transaction on a lensed connection, committed at its end.

        Args:
            name: of the lens: the id of its purpose, or of a joint one all of them; see `name_of`.
            people: random ids of the people whose rows are shown, and nobody else's; None for all
                people for whom every purpose of the lens stands. A point read costs as many rows
                as the people have, so name those who are worked on, not thousands.
            writes: whether the block will write. It then takes the write lock with its first
                statement, even one that reads: a read that became a write could fail. Without it
                a first statement that writes does the same.
            record: called before anything is handed out; returns when the look is durable.
            seconds: how long this block may last; by default that of all.

        Raises:
            UnknownName: there is no such lens here.
            InputError: nobody is named, or not by id; or the block ended with a cursor half read.
            StoreUnavailable: the database cannot be used now, or the block lasted too long; what
                it did was undone.
        """
        named = None if people is None else _named(people)
        lensed = self.take(name, scoped=named is not None)
        turn: Turn | None = None
        try:
            if record is not None:
                record()
            lensed.blocks += 1
            if named is not None:
                lensed.give_to(named)
            turn = Turn(lensed.raw, seconds or self._seconds, lensed.secret, writes=writes)
            self._keeper.watch(turn)
            driver = LensedConnection(turn)
            self._taken.connection = driver
            with self._engines[name].connect() as connection:
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
            self._give_back(name, lensed, turn)

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

    def take(self, name: str, *, scoped: bool) -> _Lensed:
        """Take a clean connection of a lens from its pool, or make one.

        Raises:
            UnknownName: there is no such lens here.
            StoreUnavailable: no connection can be made.
            UnsafeStore: a table of the lens is not in the database, or was not put behind it.
        """
        if self._process != os.getpid():
            raise UnsafeStore("a connection of SQLite must not cross a fork; open lenses anew")
        pool = self._clean.get((name, scoped))
        if pool is None:
            raise UnknownName("there is no lens of this name; the data map says which there are")
        try:
            return pool.pop()
        except IndexError:
            pass
        raw = self._database.open(autocommit=True)
        try:
            raw.set_authorizer(None)
            raw.execute(f"PRAGMA busy_timeout={int(min(self._seconds, 5.0) * 1000)}")
            return _Lensed(raw, self._lenses[name], scoped=scoped, mark=self._mark)
        except sqlite3.Error as error:
            raw.close()
            raise_unavailable(error)
            raise UnsafeStore("the lens cannot be made on this database") from error
        except BaseException:
            raw.close()
            raise

    def _give_back(self, name: str, lensed: _Lensed, turn: Turn | None) -> None:
        if turn is not None:
            with turn.lock:
                turn.is_over = True
                turn.close_cursors()
                if lensed.raw.in_transaction:
                    lensed.raw.execute("ROLLBACK")
            self._keeper.forget(turn)
        pool = self._clean[name, lensed.scoped]
        if turn is None or turn.was_refused or lensed.blocks >= _BLOCKS or len(pool) >= _KEPT:
            self._keeper.renew_later(name, lensed)
            return
        try:
            lensed.forget_people()
        except sqlite3.Error:  # closed meanwhile
            with suppress(sqlite3.Error):
                lensed.raw.close()
            return
        pool.append(lensed)

    def _renew(self, name: str, lensed: _Lensed) -> None:
        """Make a used connection clean, off the way of whoever used it."""
        pool = self._clean[name, lensed.scoped]
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

    def warm(self, name: str, *, scoped: bool, connections: int = 1) -> None:
        """Make connections ahead of use, as many as the pool keeps at most."""
        made = [self.take(name, scoped=scoped) for _ in range(min(connections, _KEPT))]
        self._clean[name, scoped].extend(made)

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


def _named(people: Sequence[str]) -> Sequence[str]:
    """Return the people of a block, each once."""
    is_list = isinstance(people, Sequence) and not isinstance(people, str)
    if not is_list or not people or not all(isinstance(one, str) and one for one in people):
        raise InputError("a lens is for people named by id, or for None: all who permit it")
    return tuple(dict.fromkeys(people))


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

    def renew_later(self, name: str, lensed: _Lensed) -> None:
        """Renew a connection soon."""
        if self._is_closed:
            lensed.raw.close()
        else:
            self._queue.put((name, lensed))

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
