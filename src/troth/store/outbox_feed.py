"""The events that wait for a leaf, taken from the outbox in an order that skips none.

On PostgreSQL an event is taken only when every transaction older than its own has ended: only then
can no event with a smaller (tx, seq) still appear behind the cursor. On SQLite writers follow each
other, so ``seq`` alone is such an order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    cast,
    exists,
    func,
    literal,
    select,
    text,
    true,
    tuple_,
    update,
)

from troth.core.errors import LedgerError
from troth.core.ledger import EventContent, PendingEvent, UnloggedEvent
from troth.store.ledger import leaf
from troth.store.schema import metadata

LEDGER = "ledger"
"""The name under which the sequencer keeps its cursor."""

_TURN = 0x74726F  # Namespace of our advisory locks: "tro".

outbox_cursor = Table(
    "troth_outbox_cursor",
    metadata,
    Column("consumer", Text, primary_key=True),
    Column("tx", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    comment="How far each consumer of the outbox has come.",
)

ReadContents = Callable[[Connection, Sequence[str]], Mapping[str, EventContent]]
"""Returns the contents of events by id, in batches of at most 500; missing ids are left out."""


class Pending(Protocol):
    """Where the sequencer takes its events from."""

    def take(self, conn: Connection, limit: int) -> Sequence[PendingEvent]:
        """Return the next events in order, at most ``limit``; empty when none may be taken."""
        ...


def take_turn(conn: Connection) -> bool:
    """Become the only sequencer until the transaction ends.

    Must be the first statement of the transaction. On SQLite it takes the write lock, waiting for
    another writer as long as the connection's busy timeout; on PostgreSQL an advisory lock.

    Returns:
        False if another sequencer is at work (PostgreSQL); then there is nothing to do.
    """
    if conn.dialect.name == "postgresql":
        turn = func.pg_try_advisory_xact_lock(_TURN, func.hashtext(func.current_schema()))
        return bool(conn.execute(select(turn)).scalar_one())
    # A write, even one without effect, takes SQLite's write lock whatever kind of BEGIN was used.
    _ensure_cursor(conn)
    return True


def _ensure_cursor(conn: Connection) -> None:
    conn.execute(
        text(
            "INSERT INTO troth_outbox_cursor (consumer, tx, seq) VALUES (:consumer, 0, 0) "
            "ON CONFLICT (consumer) DO NOTHING"
        ),
        {"consumer": LEDGER},
    )


def read_cursor(conn: Connection) -> tuple[int, int]:
    """Return the position (tx, seq) of the last event that was taken; (0, 0) before the first."""
    row = conn.execute(
        select(outbox_cursor.c.tx, outbox_cursor.c.seq).where(outbox_cursor.c.consumer == LEDGER)
    ).one_or_none()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def advance_cursor(conn: Connection, position: tuple[int, int]) -> None:
    """Record how far the sequencer has come, in the transaction that adds the leaves."""
    _ensure_cursor(conn)
    conn.execute(
        update(outbox_cursor)
        .where(outbox_cursor.c.consumer == LEDGER)
        .values(tx=position[0], seq=position[1])
    )


class OutboxFeed:
    """The outbox and the events behind it, as the sequencer and the check of the log see them.

    Args:
        outbox: Has the columns seq, tx, event_id; with an index on (tx, seq) on PostgreSQL.
        events: The tables whose every row must have a leaf; each has event_id and recorded_at.
        contents: Returns the contents of events by id.
        topics: The topics of the outbox (column topic) that the log takes; None for all.
    """

    def __init__(
        self,
        *,
        outbox: Table,
        events: Sequence[Table],
        contents: ReadContents,
        topics: Collection[str] | None = None,
    ) -> None:
        self._outbox = outbox
        self._events = tuple(events)
        self._contents = contents
        self._mine = true() if topics is None else outbox.c.topic.in_(sorted(topics))

    def take(self, conn: Connection, limit: int) -> list[PendingEvent]:
        """Return the next events in order, at most ``limit`` (by the key, or (tx, seq)).

        Raises:
            LedgerError: The outbox names an event that does not exist, or the cursor is ahead of
                the server's transactions (see `rewind_after_restore`).
        """
        outbox = self._outbox
        tx, seq = read_cursor(conn)
        if conn.dialect.name == "postgresql":
            _require_same_server(conn, tx)
            ripe = outbox.c.tx < _oldest_running()
        else:
            ripe = true()
        rows = conn.execute(
            select(outbox.c.tx, outbox.c.seq, outbox.c.event_id)
            .where(self._beyond(conn, tx, seq), ripe, self._mine)
            .order_by(outbox.c.tx, outbox.c.seq)
            .limit(limit)
        ).all()
        contents = self._read(conn, [str(row[2]) for row in rows])
        taken = []
        for row_tx, row_seq, event_id in rows:
            content = contents.get(event_id)
            if content is None:
                msg = f"the outbox names event {event_id}, which does not exist; verify the log"
                raise LedgerError(msg)
            position = (int(row_tx), int(row_seq))
            taken.append(PendingEvent(position, event_id, content.kind, content.commitment))
        return taken

    def _beyond(self, conn: Connection, tx: int, seq: int) -> ColumnElement[bool]:
        outbox = self._outbox
        if conn.dialect.name != "postgresql":
            return outbox.c.seq > seq  # tx is 0 throughout, and seq alone has the index
        at = tuple_(literal(tx, BigInteger), literal(seq, BigInteger))
        return tuple_(outbox.c.tx, outbox.c.seq) > at

    def _read(self, conn: Connection, event_ids: Sequence[str]) -> dict[str, EventContent]:
        found: dict[str, EventContent] = {}
        for start in range(0, len(event_ids), 500):
            found.update(self._contents(conn, event_ids[start : start + 500]))
        return found

    def contents(self, conn: Connection, event_ids: Sequence[str]) -> dict[str, EventContent]:
        """Return events as they stand in their tables now; missing ids are left out."""
        return self._read(conn, event_ids)

    def unlogged(self, conn: Connection) -> Iterator[UnloggedEvent]:
        """Yield every event without a leaf, oldest first of each table (a full scan)."""
        beyond = self._beyond(conn, *read_cursor(conn))
        for table in self._events:
            waiting = exists().where(
                self._outbox.c.event_id == table.c.event_id,
                beyond,
                self._mine,
            )
            rows = conn.execute(
                select(table.c.event_id, table.c.recorded_at, waiting.label("waiting"))
                .where(~exists().where(leaf.c.event_id == table.c.event_id))
                .order_by(table.c.recorded_at, table.c.event_id)
            )
            for event_id, recorded_at, is_waiting in rows:
                yield UnloggedEvent(event_id, int(recorded_at), bool(is_waiting))


def _oldest_running() -> ColumnElement[int]:
    oldest = func.pg_snapshot_xmin(func.pg_current_snapshot())
    return cast(cast(oldest, Text), BigInteger)  # xid8 has no other way to a number


def _require_same_server(conn: Connection, tx: int) -> None:
    newest = func.pg_snapshot_xmax(func.pg_current_snapshot())
    if tx >= int(conn.execute(select(cast(newest, Text))).scalar_one()):
        raise LedgerError(
            "the outbox counts transactions that this server has not had yet: the database was "
            "restored from a dump; run rewind_after_restore once, while nothing writes"
        )


def rewind_after_restore(conn: Connection, outbox: Table) -> None:
    """Make an outbox usable whose rows count the transactions of another server (PostgreSQL).

    After a dump was restored, its rows would wait for transactions that come only in years, and
    new rows would lie behind the cursor. The rows become the oldest, the cursor goes back to the
    beginning, and the sequencer skips what is already logged.

    Args:
        conn: As the owner of the outbox, whose append-only triggers are off for this one
            transaction; nothing else may write meanwhile.
        outbox: The table.
    """
    name = conn.dialect.identifier_preparer.format_table(outbox)
    conn.execute(text(f"ALTER TABLE {name} DISABLE TRIGGER USER"))
    conn.execute(update(outbox).values(tx=0))
    conn.execute(text(f"ALTER TABLE {name} ENABLE TRIGGER USER"))
    advance_cursor(conn, (0, 0))
