"""Check the whole log against its events, its checkpoints, and checkpoints kept elsewhere.

What each source can show, and nothing else can:

- the events' own rows: that a leaf or an event was edited, or an event deleted;
- the full tiles: at which leaf the log was edited or reordered;
- the signatures and roots of the checkpoints: that anything under them was changed;
- checkpoints from outside the database: that leaves **and** checkpoints were cut off or rewritten
  together. Without one this cannot be seen, and the report says how many were given.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection

from troth.core.errors import LedgerError
from troth.core.ledger import (
    EventContent,
    Fault,
    FaultKind,
    LeafEntry,
    LedgerReport,
    UnloggedEvent,
)
from troth.core.merkle import (
    EMPTY_EDGE,
    HASH_BYTES,
    TILE_WIDTH,
    Edge,
    FullTile,
    edge_root,
    extend,
    leaf_hash,
)
from troth.core.signed_note import VerifierKey, parse_vkey
from troth.core.tlog import Checkpoint, open_checkpoint
from troth.store import ledger as rows
from troth.store.ledger import StoredLeaf

MOST_FAULTS_OF_A_KIND = 100
_NO_HASH = bytes(HASH_BYTES)


class LedgerEvents(Protocol):
    """The events as they stand in their own tables."""

    def contents(self, conn: Connection, event_ids: Sequence[str]) -> Mapping[str, EventContent]:
        """Return events by id, read anew; missing ids are left out."""
        ...

    def unlogged(self, conn: Connection) -> Iterable[UnloggedEvent]:
        """Return every event that has no leaf."""
        ...


def verify(
    conn: Connection,
    events: LedgerEvents,
    *,
    trusted: Sequence[str],
    outside: Sequence[str] = (),
    most_faults: int = MOST_FAULTS_OF_A_KIND,
) -> LedgerReport:
    """Check the whole log; reads every leaf and every event, and changes nothing.

    Args:
        conn: In a transaction that has run no statement yet.
        events: The events behind the leaves.
        trusted: Verifier keys whose checkpoints count.
        outside: Checkpoint notes kept outside the database, oldest first.
        most_faults: How many faults of each kind the report holds; the rest is counted.

    Raises:
        LedgerError: A key in ``trusted`` is malformed. Faults of the log are values, not errors.
    """
    rows.begin_snapshot(conn)
    keys = [parse_vkey(vkey) for vkey in trusted]
    found = _Findings(most_faults)
    stored = deque(_stored_heads(conn, keys, found))
    given = deque(_outside_heads(outside, keys, {head.size for head in stored}, found))
    walk = _Walk(conn, found, stored, given)
    for batch in rows.walk_leaves(conn, batch=TILE_WIDTH * 4):
        walk.take(batch, events.contents(conn, [leaf.event_id for leaf in batch]))
    walk.finish()
    uncovered = []
    for event in events.unlogged(conn):
        if event.waiting:
            uncovered.append(event)
        else:
            found.add(
                FaultKind.MISSING_LEAF,
                f"event {event.event_id}",
                "the event has no leaf, and the sequencer has passed it: its leaf was removed, "
                "or the event was put in by hand",
            )
    uncovered.sort(key=lambda event: (event.recorded_at, event.event_id))
    return LedgerReport(
        tree_size=walk.edge.size,
        covered_size=walk.covered_size,
        checkpoints=walk.stored_count,
        outside_checkpoints=len(outside),
        faults=tuple(found.faults),
        faults_left_out=found.left_out,
        uncovered=tuple(uncovered),
    )


class _Findings:
    """The faults found, up to a limit for each kind, so that a flood of one hides no other."""

    def __init__(self, most: int) -> None:
        self.faults: list[Fault] = []
        self.left_out = 0
        self.count = 0
        self._most = most
        self._of_kind: Counter[FaultKind] = Counter()

    def add(self, kind: FaultKind, place: str, sentence: str) -> None:
        self.count += 1
        self._of_kind[kind] += 1
        if self._of_kind[kind] <= self._most:
            self.faults.append(Fault(kind, place, sentence))
        else:
            self.left_out += 1


@dataclass(frozen=True, slots=True)
class _Head:
    """A checkpoint to hold the tree against; ``checkpoint`` is None if it is not believed."""

    size: int
    place: str
    is_outside: bool
    checkpoint: Checkpoint | None


def _stored_heads(
    conn: Connection, keys: Sequence[VerifierKey], found: _Findings
) -> Iterator[_Head]:
    for row in rows.checkpoints_after(conn, -(2**62)):
        place = f"checkpoint {row.tree_size}"
        said = _believe(row.note, keys, place, found)
        if said is not None and said.tree_size != row.tree_size:
            found.add(
                FaultKind.REORDERED,
                place,
                f"the row stands for {row.tree_size} leaves, its note for {said.tree_size}",
            )
            said = None
        yield _Head(row.tree_size, place, False, said)


def _outside_heads(
    notes: Sequence[str], keys: Sequence[VerifierKey], stored: set[int], found: _Findings
) -> list[_Head]:
    heads = []
    before = -1
    for number, note in enumerate(notes, start=1):
        said = _believe(note, keys, f"outside checkpoint number {number}", found)
        if said is None:
            continue
        place = f"outside checkpoint {said.tree_size}"
        if said.tree_size < before:
            found.add(
                FaultKind.REORDERED,
                place,
                f"it stands after the one of {before} leaves; the outside file was changed",
            )
        before = max(before, said.tree_size)
        if said.tree_size not in stored:
            found.add(
                FaultKind.MISSING_CHECKPOINT,
                place,
                "we signed it, and the database has no checkpoint of this size any more",
            )
        heads.append(_Head(said.tree_size, place, True, said))
    return sorted(heads, key=lambda head: head.size)


def _believe(
    note: str, keys: Sequence[VerifierKey], place: str, found: _Findings
) -> Checkpoint | None:
    try:
        return open_checkpoint(note, keys)[0]
    except LedgerError as error:
        found.add(FaultKind.FORGED_CHECKPOINT, place, str(error))
        return None


@dataclass
class _Walk:
    """One pass over the leaves, in order."""

    conn: Connection
    found: _Findings
    stored: deque[_Head]
    outside: deque[_Head]
    edge: Edge = EMPTY_EDGE
    covered_size: int = 0
    stored_count: int = field(init=False)

    def __post_init__(self) -> None:
        self.stored_count = len(self.stored)
        self._last_stored = self.stored[-1].size if self.stored else 0
        self._last_size = max([self._last_stored, *(head.size for head in self.outside)])
        self._next_index = 0
        self._tile: tuple[bytes, ...] = ()
        self._tiles_seen = 0
        self._faults_at_good_head = 0
        self._good_size = 0
        self._moved_before = False
        self._broken: dict[bool, tuple[FaultKind, str]] = {}

    def take(self, leaves: Sequence[StoredLeaf], contents: Mapping[str, EventContent]) -> None:
        """Check a batch of leaves and every checkpoint that ends in it."""
        hashes: list[bytes] = []
        for leaf in leaves:
            if leaf.leaf_index != self._next_index:
                self._report_gap(leaf.leaf_index)
                # Each later leaf keeps its own place, so that one gap is one fault.
                while self._next_index < min(leaf.leaf_index, self._last_size):
                    self._heads_at(hashes)
                    hashes.append(self._hash_in_tile(len(hashes)) or _NO_HASH)
                    self._next_index += 1
            self._heads_at(hashes)
            hashes.append(self._hash_of(leaf, contents, len(hashes)))
            self._next_index = leaf.leaf_index + 1
        self._grow(hashes)

    def finish(self) -> None:
        """Check what must not be left over after the last leaf."""
        self._heads_at([])
        size = self.edge.size
        for heads in (self.stored, self.outside):
            if heads:
                self.found.add(
                    FaultKind.TRUNCATED,
                    heads[-1].place,
                    f"it covers {heads[-1].size} leaves and the log has {size}: the end was cut",
                )
        if size > self._last_stored:
            self.found.add(
                FaultKind.INSERTED,
                f"leaf {self._last_stored}",
                f"{size - self._last_stored} leaves stand beyond the last checkpoint, which a "
                "sequencer never leaves: they were inserted, or checkpoints were cut off",
            )
        extra = rows.count_tiles(self.conn) - self._tiles_seen
        if extra > 0:
            self.found.add(
                FaultKind.TRUNCATED,
                "tiles",
                f"{extra} stored tiles cover leaves that the log does not have",
            )

    def _report_gap(self, index: int) -> None:
        expected = self._next_index
        if index < expected:
            sentence = "a leaf stands before the first one: the log begins at leaf 0"
            self.found.add(FaultKind.INSERTED, f"leaf {index}", sentence)
        else:
            sentence = f"{index - expected} leaves are missing before leaf {index}"
            self.found.add(FaultKind.MISSING_LEAF, f"leaf {expected}", sentence)

    def _hash_in_tile(self, offset: int) -> bytes | None:
        """Return the hash that the stored tile has for the next leaf, if it is under a full one."""
        index, place = divmod(self.edge.size + offset, TILE_WIDTH)
        if place == 0:
            self._tile = self._load_tile(index)
        return self._tile[place] if self._tile else None

    def _hash_of(
        self, leaf: StoredLeaf, contents: Mapping[str, EventContent], offset: int
    ) -> bytes:
        """Return the hash that stands for the leaf: the stored tile's, where there is one.

        So one edited leaf is one fault, and the checkpoints then judge the tile.
        """
        hashed = leaf_hash(leaf.entry)
        in_tile = self._hash_in_tile(offset)
        self._check_event(leaf, contents.get(leaf.event_id), in_tile)
        if in_tile is None or in_tile == hashed:
            self._moved_before = False
            return hashed
        is_moved = hashed in self._tile
        place = f"leaf {leaf.leaf_index}"
        if is_moved and not self._moved_before:
            self.found.add(
                FaultKind.REORDERED,
                place,
                "the tile has this entry, and perhaps those after it, at another place: leaves "
                "were moved, or one was put in before them",
            )
        elif not is_moved:
            self.found.add(
                FaultKind.EDITED, place, "the entry is not the one that was hashed into its tile"
            )
        self._moved_before = is_moved
        return in_tile

    def _load_tile(self, index: int) -> tuple[bytes, ...]:
        stored = rows.stored_tile(self.conn, 0, index)
        if stored is None or len(stored[1]) != TILE_WIDTH * HASH_BYTES:
            return ()
        return tuple(stored[1][at : at + HASH_BYTES] for at in range(0, len(stored[1]), HASH_BYTES))

    def _check_event(
        self, leaf: StoredLeaf, content: EventContent | None, in_tile: bytes | None
    ) -> None:
        place = f"leaf {leaf.leaf_index}"
        if content is None:
            self.found.add(
                FaultKind.MISSING_EVENT,
                place,
                f"its event {leaf.event_id} does not exist: the event was deleted, or the leaf "
                "was inserted",
            )
            return
        expected = LeafEntry(content.kind, leaf.event_id, content.commitment).canonical
        if expected == leaf.entry:
            return
        if in_tile is not None and in_tile == leaf_hash(expected):
            return  # the leaf alone was changed, and is reported against its tile
        self.found.add(
            FaultKind.EDITED,
            place,
            f"the event {leaf.event_id} as it stands has another commitment than its leaf: the "
            "event was edited after it was logged, or the leaf was",
        )

    def _grow(self, hashes: Sequence[bytes]) -> None:
        self.edge, full = extend(self.edge, hashes)
        for made in full:
            self._check_tile(made)

    def _check_tile(self, made: FullTile) -> None:
        place = f"tile {made.level}/{made.index}"
        stored = rows.stored_tile(self.conn, made.level, made.index)
        if stored is None:
            self.found.add(FaultKind.TRUNCATED, place, "the full tile is missing")
            return
        self._tiles_seen += 1
        if stored != (made.root, made.hashes):
            self.found.add(
                FaultKind.EDITED, place, "the tile is not the one that the leaves below it make"
            )

    def _heads_at(self, hashes: list[bytes]) -> None:
        """Hold the tree so far against the checkpoints of exactly its size."""
        size = self.edge.size + len(hashes)
        while self._is_due(self.stored, size) or self._is_due(self.outside, size):
            if hashes:
                self._grow(hashes)
                hashes.clear()
            heads = self.stored if self._is_due(self.stored, size) else self.outside
            self._hold_against(heads.popleft())

    @staticmethod
    def _is_due(heads: deque[_Head], size: int) -> bool:
        return bool(heads) and heads[0].size <= size

    def _hold_against(self, head: _Head) -> None:
        if head.checkpoint is None:
            return
        if head.size == self.edge.size and edge_root(self.edge) == head.checkpoint.root:
            if not head.is_outside:
                self.covered_size = head.size
            self._good_size = head.size
            self._faults_at_good_head = self.found.count
            return
        if head.is_outside in self._broken:
            return  # the same change makes every later checkpoint fail: one fault tells it
        kind, what = self._broken.get(not head.is_outside) or self._why(head)
        self._broken[head.is_outside] = (kind, what)
        self.found.add(
            kind,
            head.place,
            f"its root is not that of the leaves; the change lies in the leaves "
            f"{self._good_size} to {head.size - 1}; {what}",
        )

    def _why(self, head: _Head) -> tuple[FaultKind, str]:
        if self.found.count > self._faults_at_good_head:
            return FaultKind.EDITED, "see the faults there"
        if head.is_outside:
            return FaultKind.REWRITTEN, "the database agrees with itself, but not with it"
        return FaultKind.REORDERED, "every leaf has its event: leaves were moved or exchanged"
