"""The rows of the provable log: leaves, full tiles and checkpoints.

What holds here, and by which test in ``tests/store/test_ledger.py``:

1. Leaves, tiles and checkpoints are only ever added; the database refuses everything else
   (`append_only_ddl`). So only full tiles are stored: the partial ones at the right edge are made
   from the leaves and from the roots of the tiles below.
2. Leaves are numbered without gaps, by the one transaction that holds the sequencer's turn.
3. Nothing here commits; the caller's transaction is the unit.

The entries hold ids and commitments only, see `troth.core.ledger`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    func,
    insert,
    select,
    text,
)

from troth.core.errors import LedgerError
from troth.core.ledger import PendingEvent
from troth.core.merkle import (
    HASH_BYTES,
    TILE_BITS,
    TILE_WIDTH,
    Edge,
    extend,
    leaf_hash,
    partial_tiles,
)
from troth.store.schema import metadata

# On SQLite only a column declared INTEGER is the row's own key, with no second index.
_Number = BigInteger().with_variant(Integer, "sqlite")

leaf = Table(
    "troth_leaf",
    metadata,
    Column("leaf_index", _Number, primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False),
    Column("entry", LargeBinary, nullable=False),
    UniqueConstraint("event_id"),
    comment="The entries of the log, in order. Ids and commitments only.",
)

tile = Table(
    "troth_tile",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("tile_index", BigInteger, primary_key=True, autoincrement=False),
    # Before the hashes, so that reading roots does not read the 8 KiB behind them.
    Column("root", LargeBinary, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    comment="The full tiles of the tree; never a partial one.",
)

checkpoint = Table(
    "troth_checkpoint",
    metadata,
    Column("tree_size", _Number, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    comment="Every signed tree head.",
)

LEDGER_TABLES = (leaf, tile, checkpoint)

_MOST_TILES_HELD = 256
"""2 MB at most for one reader of proofs."""


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """One signed tree head; ``recorded_at`` in microseconds since 1970."""

    tree_size: int
    note: str
    recorded_at: int


@dataclass(frozen=True, slots=True)
class StoredLeaf:
    """One row of the log, as it stands and unchecked."""

    leaf_index: int
    event_id: str
    entry: bytes


# Reading


def tree_size(conn: Connection) -> int:
    """Return how many leaves the log has (by its highest index)."""
    last = conn.execute(select(func.max(leaf.c.leaf_index))).scalar()
    return 0 if last is None else int(last) + 1


def leaf_index_of(conn: Connection, event_id: str) -> int | None:
    """Return the place of an event in the log, or None while it has none (by the unique index)."""
    found = conn.execute(select(leaf.c.leaf_index).where(leaf.c.event_id == event_id)).scalar()
    return None if found is None else int(found)


def logged_ids(conn: Connection, event_ids: Sequence[str]) -> set[str]:
    """Return those of the events that have a leaf (by the unique index)."""
    found: set[str] = set()
    for start in range(0, len(event_ids), 500):
        part = event_ids[start : start + 500]
        found.update(
            conn.execute(select(leaf.c.event_id).where(leaf.c.event_id.in_(part))).scalars()
        )
    return found


def read_entries(conn: Connection, low: int, high: int) -> list[bytes]:
    """Return the entries of the leaves [low, high).

    Raises:
        LedgerError: A leaf of the range is missing.
    """
    found = conn.execute(
        select(leaf.c.entry)
        .where(leaf.c.leaf_index >= low, leaf.c.leaf_index < high)
        .order_by(leaf.c.leaf_index)
    ).scalars()
    entries = [_as_bytes(entry) for entry in found]
    if len(entries) != high - low:
        msg = f"leaves {low} to {high - 1}: found {len(entries)}; the log was tampered with"
        raise LedgerError(msg)
    return entries


def walk_leaves(conn: Connection, batch: int = 1024) -> Iterator[list[StoredLeaf]]:
    """Yield every leaf in order, in batches; gaps are left as they are."""
    first = -(2**62)
    while True:
        rows = conn.execute(
            select(leaf.c.leaf_index, leaf.c.event_id, leaf.c.entry)
            .where(leaf.c.leaf_index >= first)
            .order_by(leaf.c.leaf_index)
            .limit(batch)
        ).all()
        if not rows:
            return
        yield [StoredLeaf(int(row[0]), str(row[1]), _as_bytes(row[2])) for row in rows]
        first = int(rows[-1][0]) + 1


def _as_bytes(value: object) -> bytes:
    # SQLite holds whatever was put into a column; a tampered entry may have become text.
    return value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]


# Built once: making the statement anew costs more than running it.
_FULL_TILE = select(tile.c.hashes).where(
    tile.c.level == bindparam("level"), tile.c.tile_index == bindparam("index")
)
_ROOTS = (
    select(tile.c.root)
    .where(
        tile.c.level == bindparam("level"),
        tile.c.tile_index >= bindparam("low"),
        tile.c.tile_index < bindparam("high"),
    )
    .order_by(tile.c.tile_index)
)


class StoredTiles:
    """The tiles of the log as `troth.core.merkle` reads them, each read once (by primary keys)."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._size = tree_size(conn)
        self._held: dict[tuple[int, int], bytes] = {}

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return the first ``width`` hashes of a tile.

        Raises:
            LedgerError: The rows it is made of are missing or have the wrong length.
        """
        joined = self._held.get((level, index), b"")
        if len(joined) < width * HASH_BYTES:
            if (index + 1) << (TILE_BITS * (level + 1)) <= self._size:
                found = {"level": level, "index": index}
                joined = bytes(self._conn.execute(_FULL_TILE, found).scalar() or b"")
            else:
                joined = b"".join(self._partial(level, index * TILE_WIDTH, width))
            if len(self._held) >= _MOST_TILES_HELD:
                self._held.clear()
            self._held[level, index] = joined
        if len(joined) < width * HASH_BYTES:
            msg = f"tile {level}/{index} of width {width} cannot be made; the log was tampered with"
            raise LedgerError(msg)
        return joined[: width * HASH_BYTES]

    def _partial(self, level: int, first: int, width: int) -> list[bytes]:
        if level == 0:
            return [leaf_hash(entry) for entry in read_entries(self._conn, first, first + width)]
        bounds = {"level": level - 1, "low": first, "high": first + width}
        return [bytes(root) for root in self._conn.execute(_ROOTS, bounds).scalars()]


def load_edge(conn: Connection) -> Edge:
    """Return the right edge of the stored tree.

    Raises:
        LedgerError: Rows that it is made of are missing.
    """
    size = tree_size(conn)
    tiles = StoredTiles(conn)
    rows: list[tuple[bytes, ...]] = [()] * ((size.bit_length() + 7) // 8)
    for at_edge in partial_tiles(size):
        joined = tiles.tile(at_edge.level, at_edge.index, at_edge.width)
        rows[at_edge.level] = tuple(
            joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)
        )
    return Edge(size, tuple(rows))


def stored_tile(conn: Connection, level: int, index: int) -> tuple[bytes, bytes] | None:
    """Return root and hashes of a full tile as they stand, or None if it is not stored."""
    row = conn.execute(
        select(tile.c.root, tile.c.hashes).where(tile.c.level == level, tile.c.tile_index == index)
    ).one_or_none()
    return None if row is None else (_as_bytes(row[0]), _as_bytes(row[1]))


def count_tiles(conn: Connection) -> int:
    """Return how many full tiles are stored."""
    return int(conn.execute(select(func.count()).select_from(tile)).scalar_one())


def last_checkpoint(conn: Connection) -> StoredCheckpoint | None:
    """Return the checkpoint of the largest tree, or None before the first."""
    row = conn.execute(
        select(checkpoint).order_by(checkpoint.c.tree_size.desc()).limit(1)
    ).one_or_none()
    return None if row is None else StoredCheckpoint(*row)


def checkpoints_after(
    conn: Connection, size: int, limit: int | None = None
) -> list[StoredCheckpoint]:
    """Return the checkpoints of trees larger than ``size``, smallest first."""
    rows = conn.execute(
        select(checkpoint)
        .where(checkpoint.c.tree_size > size)
        .order_by(checkpoint.c.tree_size)
        .limit(limit)
    )
    return [StoredCheckpoint(*row) for row in rows]


def begin_snapshot(conn: Connection) -> None:
    """Make every statement of the transaction see one state of the database.

    Must be the first statement of the transaction.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


# Writing


def append_leaves(conn: Connection, edge: Edge, events: Sequence[PendingEvent]) -> Edge:
    """Add events to the log, and the tiles that they fill.

    Args:
        conn: In the transaction that holds the sequencer's turn.
        edge: The right edge before, from `load_edge` in the same transaction.
        events: In order; none of them logged yet.

    Returns:
        The right edge after.
    """
    if not events:
        return edge
    entries = [event.entry for event in events]
    after, full = extend(edge, [leaf_hash(entry) for entry in entries])
    # The driver's own executemany: a third of the time of the same insert made by SQLAlchemy.
    mark = "?" if conn.dialect.name == "sqlite" else "%s"
    conn.exec_driver_sql(
        f"INSERT INTO troth_leaf (leaf_index, event_id, entry) VALUES ({mark}, {mark}, {mark})",
        [
            (edge.size + offset, event.event_id, entry)
            for offset, (event, entry) in enumerate(zip(events, entries, strict=True))
        ],
    )
    if full:
        conn.exec_driver_sql(
            "INSERT INTO troth_tile (level, tile_index, root, hashes) "
            f"VALUES ({mark}, {mark}, {mark}, {mark})",
            [(made.level, made.index, made.root, made.hashes) for made in full],
        )
    return after


def add_checkpoint(conn: Connection, made: StoredCheckpoint) -> None:
    """Store a signed tree head."""
    conn.execute(
        insert(checkpoint).values(
            tree_size=made.tree_size, note=made.note, recorded_at=made.recorded_at
        )
    )


# What the database refuses


def append_only_ddl(dialect: str, tables: Sequence[Table] = LEDGER_TABLES) -> list[str]:
    """Return the statements that let a table only grow.

    UPDATE, DELETE, TRUNCATE (PostgreSQL) and ``INSERT OR REPLACE`` (SQLite, with or without
    ``recursive_triggers``) are refused; on SQLite leaves must also continue without a gap. Who
    owns a table can still drop its triggers: the application's role must own nothing, and
    `troth ledger verify` finds what an owner did.

    Args:
        dialect: ``sqlite`` or ``postgresql``.
        tables: Any tables of the catalogue; their keys are read from it.

    Raises:
        ValueError: Another dialect.
    """
    if dialect == "postgresql":
        return _POSTGRESQL_FUNCTION + [
            statement for table in tables for statement in _postgresql_triggers(table.name)
        ]
    if dialect == "sqlite":
        return [statement for table in tables for statement in _sqlite_triggers(table)]
    msg = f"append-only tables need sqlite or postgresql, got {dialect}"
    raise ValueError(msg)


# No colon and no per cent sign: these statements pass through text() and drivers unharmed.
_POSTGRESQL_FUNCTION = [
    """CREATE OR REPLACE FUNCTION troth_refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING
    MESSAGE = TG_TABLE_NAME || ' is append-only, ' || TG_OP || ' is refused',
    ERRCODE = 'restrict_violation';
END $$"""
]


def _postgresql_triggers(name: str) -> list[str]:
    # ALWAYS, because session_replication_role = replica would silence an ordinary trigger.
    return [
        f"CREATE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} "
        "FOR EACH STATEMENT EXECUTE FUNCTION troth_refuse_ledger_change()",
        f"ALTER TABLE {name} ENABLE ALWAYS TRIGGER {name}_append_only",
    ]


def _sqlite_triggers(table: Table) -> list[str]:
    name = table.name
    refuse = f"BEGIN SELECT RAISE(ABORT, '{name} is append-only'); END"
    # The place of a leaf is guarded by the trigger against gaps, which costs one look-up less.
    keys = [] if table is leaf else [list(table.primary_key.columns.keys())]
    keys += [
        list(made.columns.keys())
        for made in table.constraints
        if isinstance(made, UniqueConstraint)
    ]
    taken = " OR ".join(
        "(" + " AND ".join(f"{column} IS NEW.{column}" for column in key) + ")" for key in keys
    )
    statements = [
        f"CREATE TRIGGER {name}_no_update BEFORE UPDATE ON {name} {refuse}",
        f"CREATE TRIGGER {name}_no_delete BEFORE DELETE ON {name} {refuse}",
        # REPLACE deletes the row in its way without firing the trigger above.
        f"CREATE TRIGGER {name}_no_replace BEFORE INSERT ON {name} "
        f"WHEN EXISTS (SELECT 1 FROM {name} WHERE {taken}) {refuse}",
    ]
    if table is leaf:
        statements.append(
            f"CREATE TRIGGER {name}_no_gap BEFORE INSERT ON {name} "
            "WHEN NEW.leaf_index IS NOT "
            f"(SELECT coalesce(max(leaf_index), -1) + 1 FROM {name}) {refuse}"
        )
    return statements
