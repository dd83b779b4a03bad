"""From committed events to published proof: one sequencer turns events into leaves.

Invariants, each held by a test in ``tests/flows/test_ledger.py``:

1. Leaves, checkpoint and cursor of one batch share one transaction: after a kill at any statement
   the log is as before the batch or as after it.
2. A checkpoint is signed only if the stored tree extends the newest checkpoint outside the
   database, and is itself outside before the next one is signed. So a database that was rolled
   back, truncated or swapped never gets a new history under our key: `LedgerError` instead.
3. One sequencer at a time; another waits or does nothing.
4. Publishing is idempotent, and catches up after a crash. What was published is never changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from sqlalchemy import Connection

from troth.core.errors import LedgerError
from troth.core.merkle import (
    TILE_WIDTH,
    Edge,
    TileAddress,
    edge_root,
    root_at,
    tiles_between,
)
from troth.core.signed_note import VerifierKey, parse_vkey
from troth.core.tlog import (
    ENTRIES,
    Checkpoint,
    Signer,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
    tile_path,
    write_bundle,
)
from troth.store import ledger as rows
from troth.store.ledger import StoredCheckpoint, StoredTiles
from troth.store.outbox_feed import Pending, advance_cursor, take_turn

MOST_PER_BATCH = 10_000
_TILES_AT_ONCE = 64
"""How many tiles are held in memory while publishing (64 tiles and bundles are about 4 MB)."""


class LedgerDatabase(Protocol):
    """The database of the log."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """Open a transaction that writes; it commits at the end of the block."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """Open a transaction that only reads and sees one state of the database."""
        ...


class OutsideCheckpoints(Protocol):
    """A file of checkpoints, kept where the database's fate does not reach it."""

    def last(self) -> str | None:
        """Return the newest checkpoint note, or None if there is none yet."""
        ...

    def append(self, note: str) -> None:
        """Add a note durably, unless it or a newer one is there already."""
        ...


class PublishedLog(Protocol):
    """The folder that verifiers read, in the layout of C2SP tlog-tiles."""

    def checkpoint(self) -> str | None:
        """Return the published checkpoint note, or None before the first."""
        ...

    def write_tile(self, path: str, content: bytes) -> None:
        """Write a tile or bundle durably; what is there already must be the same."""
        ...

    def write_checkpoint(self, note: str) -> None:
        """Replace the published checkpoint, unless a newer one is there."""
        ...


class OutsideGap(Enum):
    """What to do when the outside file lacks more checkpoints than one crash explains."""

    REFUSE = auto()
    FILL_FROM_DATABASE = auto()


@dataclass(frozen=True, slots=True)
class Sequenced:
    """What one turn of the sequencer did.

    Attributes:
        appended: How many leaves it added.
        tree_size: The size of the tree after it.
        note: The checkpoint it signed, or None if there was nothing to add.
        is_busy: Another sequencer was at work, and nothing was done.
    """

    appended: int
    tree_size: int
    note: str | None
    is_busy: bool = False


def sequence(
    database: LedgerDatabase,
    pending: Pending,
    signer: Signer,
    *,
    outside: OutsideCheckpoints,
    published: PublishedLog | None,
    now: int,
    trusted: Sequence[str] = (),
    limit: int = MOST_PER_BATCH,
    gap: OutsideGap = OutsideGap.REFUSE,
) -> Sequenced:
    """Turn committed events into leaves, sign one checkpoint over them, and publish it.

    Call it again while ``appended == limit``, and about once a second otherwise.

    Args:
        database: Where events and log lie.
        pending: The events that wait.
        signer: The log's key; its name is the origin of the checkpoints.
        outside: The checkpoints kept outside the database.
        published: The folder for verifiers; None to publish later with `publish`.
        now: Microseconds since 1970, for the checkpoint's row.
        trusted: Verifier keys that signed earlier checkpoints, besides the signer's own.
        limit: The most leaves to add, at least 1.
        gap: Whether missing outside checkpoints may be filled from the database: an operator's
            decision, after `verify` with a checkpoint from elsewhere.

    Raises:
        LedgerError: The stored tree does not extend the checkpoints; nothing was signed.
        StoreUnavailable: The database cannot be used now.
    """
    keys = _keys(signer, trusted)
    with database.transaction() as conn:
        if not take_turn(conn):
            return Sequenced(0, 0, None, is_busy=True)
        edge = rows.load_edge(conn)
        last = rows.last_checkpoint(conn)
        _require_checkpoint_of_tree(edge, last, keys)
        _catch_up_outside(conn, edge, last, outside, keys, gap=gap)
        made = _append(conn, edge, pending, signer, now=now, limit=limit)
    # Committed. What follows may be repeated, so a crash between costs nothing but time.
    if made.note is not None:
        outside.append(made.note)
    if published is not None:
        publish(database, published)
    return made


def _keys(signer: Signer, trusted: Sequence[str]) -> list[VerifierKey]:
    return [parse_vkey(vkey) for vkey in (signer.vkey, *trusted)]


def _require_checkpoint_of_tree(
    edge: Edge, last: StoredCheckpoint | None, keys: Sequence[VerifierKey]
) -> None:
    """Refuse a tree that its own newest checkpoint does not describe."""
    if last is None:
        if edge.size:
            msg = f"the log has {edge.size} leaves and no checkpoint; verify it"
            raise LedgerError(msg)
        return
    said, _ = open_checkpoint(last.note, keys)
    if said.tree_size != last.tree_size or said.tree_size != edge.size:
        msg = (
            f"the newest checkpoint is of {said.tree_size} leaves and the log has {edge.size}: "
            "leaves were added or removed by hand; verify the log"
        )
        raise LedgerError(msg)
    if said.root != edge_root(edge):
        msg = f"the root of the stored tree of {edge.size} is not the one we signed; verify the log"
        raise LedgerError(msg)


def _catch_up_outside(
    conn: Connection,
    edge: Edge,
    last: StoredCheckpoint | None,
    outside: OutsideCheckpoints,
    keys: Sequence[VerifierKey],
    *,
    gap: OutsideGap,
) -> None:
    """Refuse a tree that does not extend the outside checkpoint; copy out what a crash left."""
    note = outside.last()
    known = 0
    if note is not None:
        said, _ = open_checkpoint(note, keys)
        known = said.tree_size
        if known > edge.size:
            msg = (
                f"the checkpoint outside is of {known} leaves and the database has {edge.size}: "
                "it was rolled back or truncated; nothing is signed until that is explained"
            )
            raise LedgerError(msg)
        if root_at(known, StoredTiles(conn)) != said.root:
            msg = f"the first {known} leaves are not those of the checkpoint outside; verify"
            raise LedgerError(msg)
    if last is None or last.tree_size == known:
        return
    missing = rows.checkpoints_after(conn, known, None if gap is not OutsideGap.REFUSE else 2)
    if len(missing) > 1 and gap is OutsideGap.REFUSE:
        msg = (
            f"the file of outside checkpoints ends at {known} leaves and the database has several "
            "newer ones: it was cut; verify the log, then fill the file from the database"
        )
        raise LedgerError(msg)
    for stored in missing:
        said, _ = open_checkpoint(stored.note, keys)
        if said.tree_size != stored.tree_size or said.root != root_at(
            stored.tree_size, StoredTiles(conn)
        ):
            msg = f"the stored checkpoint of {stored.tree_size} leaves is not of this tree; verify"
            raise LedgerError(msg)
        outside.append(stored.note)


def _append(
    conn: Connection, edge: Edge, pending: Pending, signer: Signer, *, now: int, limit: int
) -> Sequenced:
    taken = pending.take(conn, limit)
    if not taken:
        return Sequenced(0, edge.size, None)
    logged = rows.logged_ids(conn, [event.event_id for event in taken])
    fresh = [event for event in taken if event.event_id not in logged]
    advance_cursor(conn, taken[-1].position)
    if not fresh:
        return Sequenced(0, edge.size, None)
    after = rows.append_leaves(conn, edge, fresh)
    note = sign_checkpoint(Checkpoint(signer.key_name, after.size, edge_root(after)), signer)
    rows.add_checkpoint(conn, StoredCheckpoint(after.size, note, now))
    return Sequenced(len(fresh), after.size, note)


def publish(database: LedgerDatabase, published: PublishedLog) -> int:
    """Bring the published folder up to the newest checkpoint.

    Returns:
        How many checkpoints were published; 0 if the folder was up to date.

    Raises:
        LedgerError: The folder holds another history than the database.
    """
    count = 0
    while True:
        with database.reading() as conn:
            size = _published_size(conn, published)
            step = rows.checkpoints_after(conn, size, 1)
            newest = rows.last_checkpoint(conn)
        if not step or newest is None:
            return count
        target = step[0]
        addresses = tiles_between(size, target.tree_size, newest.tree_size)
        for start in range(0, len(addresses), _TILES_AT_ONCE):
            with database.reading() as conn:
                files = _files(conn, addresses[start : start + _TILES_AT_ONCE])
            for path, content in files:
                published.write_tile(path, content)
        # Last, so that whoever sees the checkpoint finds every tile it promises.
        published.write_checkpoint(target.note)
        count += 1


def _published_size(conn: Connection, published: PublishedLog) -> int:
    note = published.checkpoint()
    if note is None:
        return 0
    stored = rows.last_checkpoint(conn)
    said = parse_checkpoint(note)
    if stored is None or said.tree_size > stored.tree_size:
        msg = f"the published log has {said.tree_size} leaves, more than the database; verify"
        raise LedgerError(msg)
    if root_at(said.tree_size, StoredTiles(conn)) != said.root:
        msg = f"the published log of {said.tree_size} leaves is another than the database's; verify"
        raise LedgerError(msg)
    return said.tree_size


def _files(conn: Connection, addresses: Sequence[TileAddress]) -> list[tuple[str, bytes]]:
    tiles = StoredTiles(conn)
    files = []
    for at in addresses:
        content = tiles.tile(at.level, at.index, at.width)
        files.append((tile_path(at.level, at.index, at.width), content))
        if at.level == 0:
            low = at.index * TILE_WIDTH
            bundle = write_bundle(rows.read_entries(conn, low, low + at.width))
            files.append((tile_path(ENTRIES, at.index, at.width), bundle))
    return files
