"""The key file: persons' keys and index keys, each wrapped, in a SQLite file of their own.

Nothing in this file opens anything by itself: what is stored is wrapped by the key of an epoch,
which lies elsewhere (`troth.adapters.person_keys`). Invariants, with the tests that hold them in
``tests/adapters/test_person_keys.py``:

1. A wrapped key is never moved: rows are only appended and overwritten in place, at one size, with
   ``secure_delete``. So when a key is destroyed and the journal is truncated, no byte of it is left
   in the file (`test_a_destroyed_key_leaves_no_byte_of_its_wrapping_in_the_file`).
2. A destroyed row stays, as zeros: the person never gets a second key.
3. Re-wrapping touches living rows only, in the transaction that read them: it cannot bring back a
   key that was destroyed meanwhile.
4. Readers never wait: write-ahead journal, and one short transaction per batch.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from troth.core.errors import InputError, StoreUnavailable, UnsafeStore
from troth.store.db import raise_unavailable

Connection = sqlite3.Connection
"""A connection inside `KeyFile.writing`."""

WRAPPED_BYTES = 40
"""32 bytes of key under AES key wrap (RFC 3394)."""

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS epoch (
    number INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL,
    destroyed_at INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS wrapped_key (
    row INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    generation INTEGER NOT NULL,
    epoch INTEGER NOT NULL REFERENCES epoch (number),
    wrapped BLOB NOT NULL CHECK (length(wrapped) = {WRAPPED_BYTES}),
    lives_until INTEGER NOT NULL,
    UNIQUE (owner, generation)
) STRICT;
"""
LIVES = 2**62
"""What stands for the time of destruction while there is none: as many bytes as a time."""

FIRST_EPOCH = 1000
"""Epochs count from here, so that for 30,000 of them the number takes the same bytes in a row."""

_FIND = "SELECT epoch, wrapped, lives_until FROM wrapped_key WHERE owner = ? AND generation = ?"

_PRAGMAS = {
    "synchronous": ("FULL", 2),
    "secure_delete": ("ON", 1),
    "foreign_keys": ("ON", 1),
    "trusted_schema": ("OFF", 0),
    "busy_timeout": ("5000", 5000),
    "wal_autocheckpoint": ("1000", 1000),
}


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A row of the key file.

    Args:
        owner: id of a person, or the place of an index.
        generation: 0 for a person, from 1 for an index.
        epoch: number of the epoch whose key wraps it.
        wrapped: 40 bytes; zeros once destroyed.
        destroyed_at: microseconds since 1970, or None while it lives.
    """

    owner: str
    generation: int
    epoch: int
    wrapped: bytes
    destroyed_at: int | None


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch: its number, when it started, and when its key was destroyed, if it was."""

    number: int
    started_at: int
    destroyed_at: int | None


_Held = tuple[int, sqlite3.Connection, sqlite3.Cursor]


class KeyFile:
    """The key file at ``path``, for every thread of the process that opens it.

    Raises:
        UnsafeStore: others can read the file.
        StoreUnavailable: it cannot be opened.
    """

    journal_wait_seconds = 5.0

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()

    def is_made(self) -> bool:
        """Tell whether the file is there with its tables."""
        return self.path.exists() and bool(
            self._fetch("SELECT 1 FROM sqlite_master WHERE name = 'wrapped_key'")
        )

    def make(self) -> None:
        """Make the file with its tables where it is missing; the caller holds the set-up lock."""
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        connection = self._connect()
        try:
            # Not by executescript, which would commit between the two.
            with self._transaction(connection):
                for statement in _SCHEMA.split(";\n"):
                    connection.execute(statement)
        finally:
            connection.close()

    def close(self) -> None:
        """Let go of every connection; one that another thread is just using goes when it is done.

        So none is closed under a statement that runs, which would end the process.
        """
        own: _Held | None = getattr(self._local, "held", None)
        self._local = threading.local()
        if own is not None:
            own[1].close()

    def _connect(self) -> sqlite3.Connection:
        try:
            if self.path.stat().st_mode & 0o077:
                raise UnsafeStore(f"{self.path.name} can be read by others; run chmod 600 on it")
            connection = sqlite3.connect(
                f"file:{quote(str(self.path))}?mode=rw",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=5,
            )
        except (OSError, sqlite3.Error):
            raise StoreUnavailable("the key file cannot be opened; is it there?") from None
        try:
            (journal,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
            if journal != "wal":
                raise UnsafeStore(f"the key file's journal is {journal!r}, expected 'wal'")
            for name, (value, expected) in _PRAGMAS.items():
                connection.execute(f"PRAGMA {name}={value}")
                (got,) = connection.execute(f"PRAGMA {name}").fetchone()
                if got != expected:
                    raise UnsafeStore(f"PRAGMA {name} of the key file is {got!r}")
        except BaseException as error:
            connection.close()
            raise_unavailable(error)
            raise
        return connection

    def _held(self) -> _Held:
        """Return this thread's process, connection, and cursor for the hot read."""
        held: _Held | None = getattr(self._local, "held", None)
        if held is None:
            connection = self._connect()
            held = self._local.held = (os.getpid(), connection, connection.cursor())
        if held[0] != os.getpid():
            # SQLite's locks do not pass a fork, and what it knows of them does.
            raise UnsafeStore("the keys were opened before a fork; open them in each process")
        return held

    def _connection(self) -> sqlite3.Connection:
        return self._held()[1]

    # --- reading ------------------------------------------------------------------------------

    def find(self, owner: str, generation: int = 0) -> tuple[int, bytes, int] | None:
        """Return epoch, wrapped key and `LIVES` or when it was destroyed; None if there is no row.

        The hot read: one statement in autocommit by the unique index on owner and generation, so
        it sees every commit that was acknowledged before it began.
        """
        try:
            cursor = self._held()[2]
            cursor.execute(_FIND, (owner, generation))
            row: tuple[int, bytes, int] | None = cursor.fetchone()
        except sqlite3.Error as error:
            raise_unavailable(error)
            raise
        return row

    def generations(self, owner: str) -> Sequence[WrappedKey]:
        """Return every row of an owner, newest generation first."""
        return self._rows(
            "SELECT owner, generation, epoch, wrapped, lives_until FROM wrapped_key "
            "WHERE owner = ? ORDER BY generation DESC",
            (owner,),
        )

    def epochs(self) -> Sequence[Epoch]:
        """Return every epoch, newest first."""
        found = self._fetch("SELECT number, started_at, destroyed_at FROM epoch ORDER BY 1 DESC")
        return [Epoch(number, at, gone) for number, at, gone in found]

    def _rows(self, sql: str, values: tuple[object, ...]) -> list[WrappedKey]:
        return [
            WrappedKey(owner, generation, epoch, wrapped, until if until != LIVES else None)
            for owner, generation, epoch, wrapped, until in self._fetch(sql, values)
        ]

    def _fetch(self, sql: str, values: tuple[object, ...] = ()) -> list[Any]:
        try:
            return self._connection().execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise_unavailable(error)
            raise

    # --- writing ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that holds the write lock from its start; it commits at the end.

        Raises:
            StoreUnavailable: the file cannot be written now; nothing was.
        """
        with self._transaction(self._connection()) as connection:
            yield connection

    @contextlib.contextmanager
    def _transaction(self, connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise_unavailable(error)
            raise

    def copy_to(self, file: Path) -> None:
        """Copy the file, as it is at one moment, to a new file that only its owner can read.

        Raises:
            InputError: there is such a file already.
            StoreUnavailable: the file cannot be read now.
        """
        try:
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            raise InputError(f"{file.name} exists; a backup never overwrites another") from None
        try:
            with contextlib.closing(sqlite3.connect(file)) as copy:
                self._connection().backup(copy)
                # One file, with no journal beside it.
                copy.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.Error as error:
            file.unlink(missing_ok=True)
            raise_unavailable(error)
            raise

    def truncate_journal(self) -> bool:
        """Bring every commit into the file and cut the journal to nothing; False if one reads on.

        Older versions of overwritten rows lie in the journal until then.
        """
        ends = time.monotonic() + self.journal_wait_seconds
        while True:
            ((busy, *_),) = self._fetch("PRAGMA wal_checkpoint(TRUNCATE)")
            if not busy or time.monotonic() > ends:
                return not busy
            time.sleep(0.01)  # another one is cutting it just now, which no busy timeout waits for


def add_epoch(connection: sqlite3.Connection, number: int, at: int) -> None:
    """Start an epoch: keys are wrapped under it from this commit on."""
    connection.execute("INSERT INTO epoch VALUES (?, ?, NULL)", (number, at))


def end_epoch(connection: sqlite3.Connection, number: int, at: int) -> None:
    """Note that the key of an epoch was destroyed; called after it was, never before."""
    connection.execute("UPDATE epoch SET destroyed_at = ? WHERE number = ?", (at, number))


def current_epoch(connection: sqlite3.Connection) -> int:
    """Return the number of the epoch under which keys are wrapped now; 0 before the first."""
    (number,) = connection.execute("SELECT max(number) FROM epoch").fetchone()
    return int(number or 0)


def add_key(
    connection: sqlite3.Connection, owner: str, generation: int, epoch: int, wrapped: bytes
) -> None:
    """Append a wrapped key."""
    connection.execute(
        "INSERT INTO wrapped_key (owner, generation, epoch, wrapped, lives_until) "
        "VALUES (?, ?, ?, ?, ?)",
        (owner, generation, epoch, wrapped, LIVES),
    )


def overwrite(connection: sqlite3.Connection, owner: str, generation: int, at: int) -> None:
    """Overwrite a living key with zeros and note when; a destroyed one keeps its first time."""
    connection.execute(
        f"UPDATE wrapped_key SET wrapped = zeroblob({WRAPPED_BYTES}), lives_until = ? "
        "WHERE owner = ? AND generation = ? AND lives_until = ?",
        (at, owner, generation, LIVES),
    )


def rewrap_batch(
    connection: sqlite3.Connection,
    epoch: int,
    wrap: Callable[[int, bytes], bytes],
    *,
    after: int,
    size: int,
) -> tuple[int, int]:
    """Wrap the next living keys of older epochs anew.

    Args:
        connection: inside a transaction that holds the write lock.
        epoch: number of the epoch to bring them under.
        wrap: makes the new wrapping from the old epoch and the old wrapping.
        after: number of the row behind which to go on.
        size: how many rows to do at most.

    Returns:
        How many rows were done, and the number of the last of them (``after`` if none).
    """
    rows = connection.execute(
        "SELECT row, epoch, wrapped FROM wrapped_key "
        "WHERE row > ? AND epoch < ? AND lives_until = ? ORDER BY row LIMIT ?",
        (after, epoch, LIVES, size),
    ).fetchall()
    connection.executemany(
        "UPDATE wrapped_key SET epoch = ?, wrapped = ? WHERE row = ?",
        [(epoch, wrap(old, wrapped), row) for row, old, wrapped in rows],
    )
    return len(rows), rows[-1][0] if rows else after


def are_living_before(connection: sqlite3.Connection, epoch: int) -> bool:
    """Tell whether a living key is wrapped under an epoch older than this one."""
    (found,) = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM wrapped_key WHERE epoch < ? AND lives_until = ?)",
        (epoch, LIVES),
    ).fetchone()
    return bool(found)
