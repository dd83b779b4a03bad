"""The rows of the log: they only grow, make the tree of RFC 6962, and no event is passed over."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from tests.conftest import TestDatabase
from tests.logs import EventLog, outbox_table
from tests.servers import PostgresDatabase
from troth.core.errors import LedgerError
from troth.core.ledger import PendingEvent
from troth.core.merkle import (
    EMPTY_EDGE,
    consistency_path,
    edge_root,
    inclusion_path,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from troth.store.ledger import (
    LEDGER_TABLES,
    StoredCheckpoint,
    StoredTiles,
    add_checkpoint,
    append_leaves,
    append_only_ddl,
    last_checkpoint,
    leaf_index_of,
    load_edge,
    logged_ids,
    read_entries,
    tree_size,
    walk_leaves,
)
from troth.store.outbox_feed import (
    advance_cursor,
    read_cursor,
    rewind_after_restore,
    take_turn,
)


@pytest.fixture
def log(database: TestDatabase) -> Iterator[EventLog]:
    made = EventLog(database.owner_url, database.folder)
    yield made
    made.close()


@pytest.fixture
def postgres_log(postgres_database: PostgresDatabase, tmp_path: Path) -> Iterator[EventLog]:
    """For what SQLite does not have: writers side by side, and transactions with numbers."""
    made = EventLog(postgres_database.owner_url, tmp_path)
    yield made
    made.close()


def pending(first: int, count: int) -> list[PendingEvent]:
    return [
        PendingEvent((0, number), f"event-{number}", "consent_event", f"{number:064x}")
        for number in range(first, first + count)
    ]


def fill(log: EventLog, *batches: int) -> list[bytes]:
    hashes: list[bytes] = []
    for count in batches:
        events = pending(len(hashes), count)
        with log.database.transaction() as conn:
            append_leaves(conn, load_edge(conn), events)
        hashes += [leaf_hash(event.entry) for event in events]
    return hashes


@pytest.mark.parametrize("batches", [(), (1,), (255,), (256,), (1, 255), (300, 0, 212), (513, 1)])
def test_the_stored_edge_is_that_of_the_tree(log: EventLog, batches: tuple[int, ...]) -> None:
    hashes = fill(log, *batches)
    with log.database.reading() as conn:
        edge = load_edge(conn)
        assert tree_size(conn) == edge.size == len(hashes)
        assert edge_root(edge) == root_of(hashes)
        stored = [entry.leaf_index for batch in walk_leaves(conn, 100) for entry in batch]
    assert stored == list(range(len(hashes)))


def test_proofs_from_stored_rows_hold_across_two_levels_of_tiles(log: EventLog) -> None:
    hashes = fill(log, 40_000, 26_000)  # 65,536 fill a tile of level 1
    size = len(hashes)
    with log.database.reading() as conn:
        tiles = StoredTiles(conn)
        for at in (0, 255, 256, 65_535, 65_536, size - 1):
            path = inclusion_path(at, size, tiles)
            assert verify_inclusion(hashes[at], at, size, path, root_of(hashes))
        for old in (1, 256, 40_000, 65_536, size):
            growth = consistency_path(old, size, tiles)
            assert verify_consistency(old, size, root_of(hashes[:old]), root_of(hashes), growth)


def test_an_old_tree_can_still_be_read_after_its_partial_tiles_have_filled(log: EventLog) -> None:
    hashes = fill(log, 700)
    with log.database.reading() as conn:
        for size in (1, 255, 256, 300, 699):
            path = inclusion_path(0, size, StoredTiles(conn))
            assert verify_inclusion(hashes[0], 0, size, path, root_of(hashes[:size]))


def test_a_leaf_is_found_by_its_event(log: EventLog) -> None:
    fill(log, 3)
    with log.database.reading() as conn:
        assert leaf_index_of(conn, "event-2") == 2
        assert leaf_index_of(conn, "event-9") is None
        assert logged_ids(conn, ["event-0", "event-9"]) == {"event-0"}
        assert read_entries(conn, 1, 3) == [event.entry for event in pending(1, 2)]


def test_the_same_event_is_never_logged_twice(log: EventLog) -> None:
    fill(log, 3)
    with pytest.raises(DBAPIError), log.database.transaction() as conn:
        append_leaves(conn, load_edge(conn), pending(2, 1))
    with log.database.reading() as conn:
        assert tree_size(conn) == 3


def test_two_appends_from_the_same_edge_cannot_fork_the_log(log: EventLog) -> None:
    fill(log, 3)
    with log.database.reading() as conn:
        stale = load_edge(conn)
    fill_more = pending(3, 1)
    with log.database.transaction() as conn:
        append_leaves(conn, stale, fill_more)
    with pytest.raises(DBAPIError), log.database.transaction() as conn:
        append_leaves(conn, stale, pending(4, 1))


REFUSED = [
    "UPDATE troth_leaf SET entry = entry",
    "UPDATE troth_leaf SET leaf_index = 9 WHERE leaf_index = 0",
    "DELETE FROM troth_leaf WHERE leaf_index = 2",
    "UPDATE troth_tile SET root = hashes",
    "DELETE FROM troth_tile",
    "UPDATE troth_checkpoint SET note = 'x'",
    "DELETE FROM troth_checkpoint",
    "INSERT INTO troth_leaf (leaf_index, event_id, entry) SELECT 0, 'event-0', entry "
    "FROM troth_leaf WHERE leaf_index = 1 ON CONFLICT (leaf_index) DO UPDATE SET event_id = 'x'",
]
REFUSED_SQLITE = [
    "INSERT OR REPLACE INTO troth_leaf SELECT 0, 'other', entry FROM troth_leaf LIMIT 1",
    "REPLACE INTO troth_leaf SELECT 900, 'event-0', entry FROM troth_leaf LIMIT 1",
    "UPDATE OR REPLACE troth_leaf SET leaf_index = 1 WHERE leaf_index = 0",
    "INSERT OR REPLACE INTO troth_tile SELECT level, tile_index, root, root FROM troth_tile",
    "INSERT OR REPLACE INTO troth_checkpoint SELECT tree_size, 'x', 0 FROM troth_checkpoint",
    "INSERT INTO troth_leaf SELECT 900, 'other', entry FROM troth_leaf LIMIT 1",
    "INSERT INTO troth_leaf SELECT -1, 'other', entry FROM troth_leaf LIMIT 1",
]
REFUSED_POSTGRESQL = [
    "TRUNCATE troth_leaf",
    "TRUNCATE troth_tile, troth_checkpoint",
    "UPDATE troth_leaf SET entry = entry WHERE false",
    "WITH gone AS (DELETE FROM troth_leaf RETURNING 1) SELECT count(*) FROM gone",
]


def contents_of(log: EventLog) -> list[list[tuple[object, ...]]]:
    with log.database.reading() as conn:
        return [
            [tuple(row) for row in conn.execute(select(table).order_by(*table.primary_key))]
            for table in LEDGER_TABLES
        ]


@pytest.mark.promise("S-13")
def test_the_database_refuses_to_change_the_log(log: EventLog) -> None:
    fill(log, 300)
    with log.database.transaction() as conn:
        add_checkpoint(conn, StoredCheckpoint(300, "note", 1))
    before = contents_of(log)
    more = REFUSED_SQLITE if log.dialect == "sqlite" else REFUSED_POSTGRESQL
    for statement in REFUSED + more:
        # As the owner of the tables, without the application's guard, and on SQLite with
        # recursive triggers off: what refuses is the trigger.
        with pytest.raises(DBAPIError, match="append-only"), log.owner.begin() as conn:
            conn.execute(text(statement))
    assert contents_of(log) == before


def test_the_guard_statements_are_known_for_two_databases_only() -> None:
    with pytest.raises(ValueError, match="got mysql"):
        append_only_ddl("mysql")


def test_events_come_in_order_once_and_from_the_cursor_on(log: EventLog) -> None:
    ids = log.record(5)
    with log.database.transaction() as conn:
        first = log.feed.take(conn, 3)
        assert [event.event_id for event in first] == ids[:3]
        assert log.feed.take(conn, 3) == first
        advance_cursor(conn, first[-1].position)
        assert [event.event_id for event in log.feed.take(conn, 3)] == ids[3:]
        assert read_cursor(conn) == first[-1].position


def test_other_topics_of_the_outbox_are_not_logged(log: EventLog) -> None:
    with log.database.transaction() as conn:
        conn.execute(
            insert(outbox_table).values(tx=0, event_id="mail", topic="mail", recorded_at=1)
        )
    log.record(1)
    with log.database.transaction() as conn:
        assert [event.event_id for event in log.feed.take(conn, 9)] == ["event-000000"]


def test_an_outbox_that_names_a_deleted_event_stops_the_sequencer(log: EventLog) -> None:
    log.record(2)
    log.tamper("DELETE FROM test_event WHERE event_id = 'event-000001'")
    with log.database.transaction() as conn, pytest.raises(LedgerError, match="event-000001"):
        log.feed.take(conn, 9)


def test_an_event_of_an_open_transaction_is_never_passed_over(postgres_log: EventLog) -> None:
    log = postgres_log
    slow, quick = log.rows(1), log.rows(1)
    with log.owner.connect() as open_conn:
        transaction = open_conn.begin()
        log.insert(open_conn, slow)  # holds the smaller (tx, seq), uncommitted
        with log.database.transaction() as conn:
            log.insert(conn, quick)
        with log.database.transaction() as conn:
            assert log.feed.take(conn, 9) == []
        assert log.sequence().appended == 0
        transaction.commit()
    with log.database.transaction() as conn:
        taken = [event.event_id for event in log.feed.take(conn, 9)]
    assert taken == [slow[0]["event_id"], quick[0]["event_id"]]


def test_only_one_sequencer_has_the_turn(log: EventLog) -> None:
    got: list[bool] = []
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with log.database.transaction() as conn:
            got.append(take_turn(conn))

    with log.database.transaction() as conn:
        assert take_turn(conn)
        other = threading.Thread(target=second)
        other.start()
        waiting.wait(5)
        other.join(0.3)
        # PostgreSQL says no at once; SQLite lets it wait for the write lock.
        assert got == ([False] if log.dialect == "postgresql" else [])
    other.join(10)
    assert got == ([False] if log.dialect == "postgresql" else [True])


def test_an_outbox_restored_from_another_server_stops_until_it_is_rewound(
    postgres_log: EventLog,
) -> None:
    log = postgres_log
    log.grow(3)
    log.record(1)
    with log.owner.begin() as conn:  # as if dumped from a server that had run for years
        conn.execute(text("UPDATE test_outbox SET tx = tx + 1000000000"))
        conn.execute(text("UPDATE troth_outbox_cursor SET tx = tx + 1000000000"))
    with pytest.raises(LedgerError, match="rewind_after_restore"):
        log.sequence()
    with log.owner.begin() as conn:
        rewind_after_restore(conn, outbox_table)
    log.record(1)
    assert log.sequence().appended == 2
    assert log.verify().verifies
    assert log.verify().uncovered == ()


def test_an_empty_log_has_no_checkpoint_and_an_empty_edge(log: EventLog) -> None:
    with log.database.reading() as conn:
        assert last_checkpoint(conn) is None
        assert load_edge(conn) == EMPTY_EDGE


def test_a_missing_row_under_the_edge_is_an_error_and_not_another_tree(log: EventLog) -> None:
    fill(log, 600)
    log.tamper("DELETE FROM troth_leaf WHERE leaf_index = 530")
    with log.database.reading() as conn, pytest.raises(LedgerError, match="tampered"):
        load_edge(conn)
    log.tamper("DELETE FROM troth_tile WHERE tile_index = 1")
    with log.database.reading() as conn, pytest.raises(LedgerError, match="tampered"):
        inclusion_path(0, 600, StoredTiles(conn))
