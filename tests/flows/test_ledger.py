"""The log from event to published proof: crashes, rollbacks, and every way to tamper with it."""

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, text

from tests.conftest import TestDatabase
from tests.logs import ORIGIN, Ed25519Signer, EventLog
from troth.core.errors import LedgerError
from troth.core.ledger import FaultKind, LedgerReport
from troth.core.merkle import EMPTY_ROOT, leaf_hash, root_of
from troth.core.signed_note import parse_vkey
from troth.core.tlog import (
    ENTRIES,
    Checkpoint,
    open_checkpoint,
    parse_checkpoint,
    read_bundle,
    sign_checkpoint,
    tile_path,
)
from troth.flows.ledger import OutsideGap, publish


@pytest.fixture
def log(database: TestDatabase) -> Iterator[EventLog]:
    made = EventLog(database.owner_url, database.folder)
    yield made
    made.close()


@pytest.fixture
def file_log(tmp_path: Path) -> Iterator[EventLog]:
    """A log in a file of SQLite, for what needs a file: kills, and copies put back."""
    made = EventLog(f"sqlite:///{tmp_path / 'log.db'}", tmp_path)
    yield made
    made.close()


def kinds(report: LedgerReport) -> set[FaultKind]:
    return {fault.kind for fault in report.faults}


def published_entries(log: EventLog) -> list[bytes]:
    """Read the published folder the way a verifier does, and hold it against its checkpoint."""
    note = log.published.checkpoint()
    assert note is not None
    said, _ = open_checkpoint(note, [parse_vkey(log.signer.vkey)], origin=ORIGIN)
    entries: list[bytes] = []
    for first in range(0, said.tree_size, 256):
        width = min(256, said.tree_size - first)
        path = log.folder / "published" / tile_path(ENTRIES, first // 256, width)
        entries += read_bundle(path.read_bytes())
        hashes = log.folder / "published" / tile_path(0, first // 256, width)
        assert hashes.read_bytes() == b"".join(leaf_hash(entry) for entry in entries[first:])
    assert root_of([leaf_hash(entry) for entry in entries]) == said.root
    return entries


# Growing


def test_events_become_leaves_under_one_signed_checkpoint_each_batch(log: EventLog) -> None:
    log.grow(3, 300, 1)
    sizes = [parse_checkpoint(note).tree_size for note in log.outside.notes()]
    assert sizes == [3, 303, 304]
    assert len(published_entries(log)) == 304
    report = log.verify()
    assert report.verifies
    assert (report.tree_size, report.covered_size) == (304, 304)
    assert (report.checkpoints, report.outside_checkpoints) == (3, 3)
    assert report.uncovered == ()


def test_with_nothing_to_log_nothing_is_signed(log: EventLog) -> None:
    assert log.sequence().note is None
    log.grow(2)
    again = log.sequence()
    assert (again.appended, again.note, again.tree_size) == (0, None, 2)
    assert len(log.outside.notes()) == 1


def test_a_batch_takes_no_more_than_its_limit(log: EventLog) -> None:
    log.record(10)
    assert [log.sequence(limit=4).appended for _ in range(4)] == [4, 4, 2, 0]
    assert log.verify().verifies


def test_events_not_yet_logged_are_the_uncovered_tail_and_no_fault(log: EventLog) -> None:
    log.grow(2)
    late = log.record(2)
    report = log.verify()
    assert report.verifies
    assert [waiting.event_id for waiting in report.uncovered] == late
    assert report.covered_size == 2


def test_an_empty_log_verifies(log: EventLog) -> None:
    report = log.verify()
    assert report.verifies
    assert report.tree_size == report.covered_size == 0
    assert sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), log.signer)


def test_the_log_holds_no_field_of_the_events(log: EventLog) -> None:
    log.grow(3)
    for entry in published_entries(log):
        assert b"scan_product" not in entry
        assert b"consent_given" not in entry


def test_sequencers_side_by_side_make_one_log(log: EventLog) -> None:
    log.record(400)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(12):
                log.sequence(limit=20)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert errors == []
    while log.sequence(limit=400).appended:
        pass
    assert len(set(published_entries(log))) == 400
    assert log.verify().verifies


def test_a_new_key_goes_on_where_the_old_one_ended(log: EventLog) -> None:
    log.grow(3)
    old = log.signer
    log.signer = Ed25519Signer(ORIGIN, seed=7)
    log.record(2)
    with pytest.raises(LedgerError, match="no key that you trust"):
        log.sequence()
    assert log.sequence(trusted=[old.vkey]).appended == 2
    assert log.verify(trusted=[old.vkey, log.signer.vkey]).verifies
    assert kinds(log.verify(trusted=[log.signer.vkey])) == {FaultKind.FORGED_CHECKPOINT}


# Crashes


def killed_at(log: EventLog, step: int) -> bool:
    """Run the sequencer in a process that is killed (-9) before its ``step``-th act.

    Acts are SQL statements, commits, and calls that put a file in its place.

    Returns:
        Whether there were that many acts.
    """
    log.close()
    child = os.fork()
    if child == 0:
        try:
            left = step

            def act(*_: object) -> None:
                nonlocal left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

            def counted(function: Callable[..., object]) -> Callable[..., object]:
                def run(*arguments: object, **named: object) -> object:
                    act()
                    return function(*arguments, **named)

                return run

            event.listen(log.database.engine, "before_cursor_execute", act)
            event.listen(log.database.engine, "commit", act)
            for name in ("fsync", "fdatasync", "rename", "replace"):
                setattr(os, name, counted(getattr(os, name)))
            log.sequence()
        except BaseException:  # noqa: BLE001 - the parent sees the status
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def test_a_kill_at_any_step_neither_loses_nor_doubles_nor_forks(file_log: EventLog) -> None:
    log = file_log
    log.grow(250)
    kills = 0
    while True:
        log.record(3)
        if not killed_at(log, kills):
            break
        kills += 1
        log.sequence()  # the next turn, in another process, finds whatever the kill left
        log.sequence()
        entries = published_entries(log)
        assert len(entries) == len(set(entries)) == log.recorded
    assert kills > 25
    assert log.verify().verifies
    sizes = [parse_checkpoint(note).tree_size for note in log.outside.notes()]
    assert sizes == sorted(set(sizes))
    left = [path.name for path in (log.folder / "published").rglob(".new-*")]
    assert len(left) <= kills  # a kill between write and rename leaves a file nobody reads


def test_a_checkpoint_that_a_crash_kept_inside_is_copied_out_first(log: EventLog) -> None:
    log.grow(2)
    log.record(3)

    class Broken:
        def last(self) -> str | None:
            return log.outside.last()

        def append(self, note: str) -> None:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        log.sequence(outside=Broken())
    log.record(1)
    with pytest.raises(OSError, match="disk full"):  # and meanwhile nothing more is signed
        log.sequence(outside=Broken())
    assert log.verify().checkpoints == 2
    assert log.sequence().appended == 1
    assert [parse_checkpoint(note).tree_size for note in log.outside.notes()] == [2, 5, 6]


@pytest.mark.parametrize("kept", [1, 20, 100, 200])
def test_a_checkpoint_torn_by_a_crash_is_completed(log: EventLog, kept: int) -> None:
    log.grow(2, 2)
    path = log.folder / "elsewhere" / "checkpoints.log"
    whole = path.read_bytes()
    first = whole.index(b"\n\n", whole.index(b"\n\n") + 2) + 2
    path.write_bytes(whole[: first + kept])
    log.sequence()
    assert path.read_bytes() == whole
    assert log.verify().verifies


def test_an_outside_file_with_foreign_words_is_left_alone(log: EventLog) -> None:
    log.grow(2)
    path = log.folder / "elsewhere" / "checkpoints.log"
    path.write_bytes(path.read_bytes() + b"not ours")
    log.record(1)
    with pytest.raises(LedgerError, match="no checkpoint of ours"):
        log.sequence()
    assert path.read_bytes().endswith(b"not ours")


def test_the_outside_file_is_read_from_its_end(log: EventLog) -> None:
    signer = log.signer
    path = log.folder / "elsewhere" / "checkpoints.log"
    path.parent.mkdir()
    notes = [
        sign_checkpoint(Checkpoint(ORIGIN, size, leaf_hash(b"%d" % size)), signer)
        for size in range(1, 900)
    ]
    path.write_text("".join(note + "\n" for note in notes), encoding="utf-8")
    assert path.stat().st_size > 2 * 65_536
    assert log.outside.last() == notes[-1]
    assert log.outside.notes() == notes


# Publishing


def test_a_lost_folder_is_published_again(log: EventLog) -> None:
    log.grow(200, 200, 200)
    shutil.rmtree(log.folder / "published")
    assert publish(log.database, log.published) == 3
    assert len(published_entries(log)) == 600
    assert publish(log.database, log.published) == 0


def test_partial_tiles_give_way_to_the_full_one(log: EventLog) -> None:
    log.grow(200, 100)
    tiles = log.folder / "published" / "tile"
    assert not (tiles / "0" / "000.p").exists()
    assert not (tiles / "entries" / "000.p").exists()
    assert (tiles / "0" / "001.p" / "44").stat().st_size == 44 * 32
    assert (tiles / "1" / "000.p" / "1").stat().st_size == 32


def test_a_published_tile_that_was_changed_is_reported_and_not_overwritten(log: EventLog) -> None:
    log.grow(3)
    path = log.folder / "published" / tile_path(0, 0, 3)
    path.write_bytes(bytes(96))
    (log.folder / "published" / "checkpoint").unlink()
    with pytest.raises(LedgerError, match="tiles never change"):
        publish(log.database, log.published)
    assert path.read_bytes() == bytes(96)


def test_another_history_is_not_published_over_the_first(log: EventLog) -> None:
    log.grow(3)
    forged = Checkpoint(ORIGIN, 3, leaf_hash(b"another"))
    path = log.folder / "published" / "checkpoint"
    path.write_text(sign_checkpoint(forged, log.signer), encoding="utf-8")
    with pytest.raises(LedgerError, match="another than the database's"):
        publish(log.database, log.published)
    path.write_text(sign_checkpoint(Checkpoint(ORIGIN, 9, forged.root), log.signer), "utf-8")
    with pytest.raises(LedgerError, match="more than the database"):
        publish(log.database, log.published)


# Refusing to sign


@pytest.mark.promise("S-13")
def test_a_database_put_back_from_a_copy_gets_no_new_history(file_log: EventLog) -> None:
    log = file_log
    log.grow(300)
    log.close()
    for name in ("log.db", "log.db-wal", "log.db-shm"):
        if (log.folder / name).exists():
            shutil.copy(log.folder / name, log.folder / f"copy-{name}")
    log.grow(100)
    log.close()
    for name in ("log.db", "log.db-wal", "log.db-shm"):
        (log.folder / name).unlink(missing_ok=True)
        if (log.folder / f"copy-{name}").exists():
            shutil.copy(log.folder / f"copy-{name}", log.folder / name)
    log.recorded = 900  # other events than the first time
    log.record(150)
    with pytest.raises(LedgerError, match="rolled back or truncated"):
        log.sequence()
    assert log.verify().tree_size == 300
    assert FaultKind.TRUNCATED in kinds(log.verify())


def test_a_history_rewritten_to_the_same_size_is_not_signed(log: EventLog) -> None:
    log.grow(4)
    outside = log.outside.notes()
    swap_rows = "UPDATE troth_leaf SET leaf_index = 3 - leaf_index + 100"
    log.tamper(swap_rows, "UPDATE troth_leaf SET leaf_index = leaf_index - 100")
    with log.database.reading() as conn:
        entries = [
            bytes(row[0])
            for row in conn.execute(text("SELECT entry FROM troth_leaf ORDER BY leaf_index"))
        ]
    rewritten = Checkpoint(ORIGIN, 4, root_of([leaf_hash(entry) for entry in entries]))
    log.tamper(
        "UPDATE troth_checkpoint SET note = :note", note=sign_checkpoint(rewritten, log.signer)
    )
    log.record(1)
    with pytest.raises(LedgerError, match="not those of the checkpoint outside"):
        log.sequence()
    # The database agrees with itself, key included: only the outside checkpoint tells.
    assert log.verify(outside=[]).verifies
    assert FaultKind.REWRITTEN in kinds(log.verify(outside=outside))


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DELETE FROM troth_leaf WHERE leaf_index = 299", "added or removed by hand"),
        ("DELETE FROM troth_checkpoint", "no checkpoint"),
        ("UPDATE troth_leaf SET entry = 'x' WHERE leaf_index = 299", "not the one we signed"),
        ("DELETE FROM troth_leaf", "added or removed by hand"),
    ],
)
def test_nothing_is_signed_over_a_log_that_was_tampered_with(
    log: EventLog, statement: str, reason: str
) -> None:
    log.grow(300)
    log.tamper(statement)
    log.record(1)
    with pytest.raises(LedgerError, match=reason):
        log.sequence()
    assert len(log.outside.notes()) == 1


def test_an_outside_file_that_was_cut_stops_the_signing_until_it_is_filled(log: EventLog) -> None:
    log.grow(2, 2, 2)
    path = log.folder / "elsewhere" / "checkpoints.log"
    whole = path.read_bytes()
    path.unlink()
    log.record(1)
    with pytest.raises(LedgerError, match="it was cut"):
        log.sequence()
    assert log.sequence(gap=OutsideGap.FILL_FROM_DATABASE).appended == 1
    assert path.read_bytes().startswith(whole)
    assert log.verify().verifies


def test_a_forged_outside_checkpoint_stops_the_signing(log: EventLog) -> None:
    log.grow(2)
    forger = Ed25519Signer(ORIGIN, seed=9)
    log.outside.append(sign_checkpoint(Checkpoint(ORIGIN, 9, leaf_hash(b"forged")), forger))
    log.record(1)
    with pytest.raises(LedgerError, match="no key that you trust"):
        log.sequence()


# Verifying what was tampered with

LAST = 399
TAMPERINGS: dict[str, tuple[list[str], set[FaultKind]]] = {
    "leaf edited under a full tile": (
        ["UPDATE troth_leaf SET entry = replace(entry, 'a', 'b') WHERE leaf_index = 7"],
        {FaultKind.EDITED},
    ),
    "leaf edited at the right edge": (
        [
            f"UPDATE troth_leaf SET entry = (SELECT entry FROM troth_leaf WHERE leaf_index = 0) "
            f"WHERE leaf_index = {LAST}"
        ],
        {FaultKind.EDITED},
    ),
    "event edited": (
        ["UPDATE test_event SET event_state = 'consent_refused' WHERE event_id = 'event-000007'"],
        {FaultKind.EDITED},
    ),
    "event at the right edge edited": (
        ["UPDATE test_event SET recorded_at = recorded_at - 1 WHERE event_id = 'event-000390'"],
        {FaultKind.EDITED},
    ),
    "event deleted": (
        ["DELETE FROM test_event WHERE event_id = 'event-000007'"],
        {FaultKind.MISSING_EVENT},
    ),
    "event put in by hand": (
        [
            "INSERT INTO test_event SELECT 'forged', recorded_at, salt, purpose_id, event_state "
            "FROM test_event WHERE event_id = 'event-000007'"
        ],
        {FaultKind.MISSING_LEAF},
    ),
    "leaf inserted at the end": (
        [
            f"INSERT INTO troth_leaf SELECT {LAST + 1}, 'forged', entry FROM troth_leaf "
            "WHERE leaf_index = 7"
        ],
        {FaultKind.MISSING_EVENT, FaultKind.INSERTED},
    ),
    "leaf inserted in the middle": (
        [
            "UPDATE troth_leaf SET leaf_index = leaf_index + 1000 WHERE leaf_index >= 300",
            "UPDATE troth_leaf SET leaf_index = leaf_index - 999 WHERE leaf_index >= 1000",
            "INSERT INTO troth_leaf SELECT 300, 'forged', entry FROM troth_leaf "
            "WHERE leaf_index = 7",
        ],
        {FaultKind.MISSING_EVENT, FaultKind.INSERTED, FaultKind.EDITED},
    ),
    "two leaves swapped under a full tile": (
        [
            "UPDATE troth_leaf SET leaf_index = 1007 WHERE leaf_index = 7",
            "UPDATE troth_leaf SET leaf_index = 7 WHERE leaf_index = 9",
            "UPDATE troth_leaf SET leaf_index = 9 WHERE leaf_index = 1007",
        ],
        {FaultKind.REORDERED},
    ),
    "two leaves swapped at the right edge": (
        [
            "UPDATE troth_leaf SET leaf_index = 1390 WHERE leaf_index = 390",
            "UPDATE troth_leaf SET leaf_index = 390 WHERE leaf_index = 391",
            "UPDATE troth_leaf SET leaf_index = 391 WHERE leaf_index = 1390",
        ],
        {FaultKind.REORDERED},
    ),
    "leaf deleted in the middle": (
        ["DELETE FROM troth_leaf WHERE leaf_index = 7"],
        {FaultKind.MISSING_LEAF},
    ),
    "leaf deleted at the right edge": (
        ["DELETE FROM troth_leaf WHERE leaf_index = 390"],
        {FaultKind.MISSING_LEAF, FaultKind.EDITED},
    ),
    "first leaves deleted": (
        ["DELETE FROM troth_leaf WHERE leaf_index < 300"],
        {FaultKind.MISSING_LEAF, FaultKind.EDITED},
    ),
    "leaf inserted under a full tile": (
        [
            "UPDATE troth_leaf SET leaf_index = leaf_index + 1000 WHERE leaf_index >= 100",
            "UPDATE troth_leaf SET leaf_index = leaf_index - 999 WHERE leaf_index >= 1000",
            "INSERT INTO troth_leaf SELECT 100, 'forged', entry FROM troth_leaf "
            "WHERE leaf_index = 7",
        ],
        {FaultKind.MISSING_EVENT, FaultKind.INSERTED, FaultKind.REORDERED, FaultKind.EDITED},
    ),
    "leaf put in before the first": (
        [
            "INSERT INTO troth_leaf SELECT -1, 'forged', entry FROM troth_leaf "
            "WHERE leaf_index = 7",
        ],
        {FaultKind.MISSING_EVENT, FaultKind.INSERTED, FaultKind.REORDERED, FaultKind.EDITED},
    ),
    "leaf put in far away": (
        [
            "INSERT INTO troth_leaf SELECT 999999999999, 'forged', entry FROM troth_leaf "
            "WHERE leaf_index = 7",
        ],
        {FaultKind.MISSING_EVENT, FaultKind.INSERTED, FaultKind.MISSING_LEAF},
    ),
    "leaves cut off": (
        ["DELETE FROM troth_leaf WHERE leaf_index >= 350"],
        {FaultKind.TRUNCATED, FaultKind.MISSING_LEAF},
    ),
    "tile edited": (
        ["UPDATE troth_tile SET root = (SELECT substr(hashes, 1, 32) FROM troth_tile)"],
        {FaultKind.EDITED},
    ),
    "tile deleted": (["DELETE FROM troth_tile"], {FaultKind.TRUNCATED}),
    "tile forged": (
        ["INSERT INTO troth_tile SELECT level, 5, root, hashes FROM troth_tile"],
        {FaultKind.TRUNCATED},
    ),
    "checkpoint edited": (
        ["UPDATE troth_checkpoint SET note = replace(note, '300', '299') WHERE tree_size = 300"],
        {FaultKind.FORGED_CHECKPOINT},
    ),
    "checkpoint deleted in the middle": (
        ["DELETE FROM troth_checkpoint WHERE tree_size = 300"],
        {FaultKind.MISSING_CHECKPOINT},
    ),
    "newest checkpoint deleted": (
        ["DELETE FROM troth_checkpoint WHERE tree_size = 400"],
        {FaultKind.MISSING_CHECKPOINT, FaultKind.INSERTED},
    ),
    "checkpoints exchanged": (
        [
            "UPDATE troth_checkpoint SET tree_size = 999 WHERE tree_size = 300",
            "UPDATE troth_checkpoint SET tree_size = 300 WHERE tree_size = 310",
            "UPDATE troth_checkpoint SET tree_size = 310 WHERE tree_size = 999",
        ],
        {FaultKind.REORDERED},
    ),
}


@pytest.mark.promise("S-13")
@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_tampering_is_found(log: EventLog, tampering: str) -> None:
    statements, expected = TAMPERINGS[tampering]
    log.grow(300, 10, 90)
    assert log.verify().verifies
    if log.dialect == "postgresql":
        statements = [
            statement.replace("replace(entry, 'a', 'b')", "set_byte(entry, 20, 1)")
            for statement in statements
        ]
    log.tamper(*statements)
    report = log.verify()
    assert not report.verifies
    assert kinds(report) == expected


def test_a_fault_names_the_leaf_and_says_what_was_found(log: EventLog) -> None:
    log.grow(300)
    log.tamper("DELETE FROM test_event WHERE event_id = 'event-000123'")
    (fault,) = log.verify().faults
    assert fault.place == "leaf 123"
    assert "event-000123 does not exist" in fault.sentence


def test_a_checkpoint_forged_with_another_key_is_found(log: EventLog) -> None:
    log.grow(3, 3)
    stranger = Ed25519Signer(ORIGIN, seed=9)
    with log.database.reading() as conn:
        note = conn.execute(
            text("SELECT note FROM troth_checkpoint WHERE tree_size = 6")
        ).scalar_one()
    forged = sign_checkpoint(parse_checkpoint(note), stranger)
    log.tamper("UPDATE troth_checkpoint SET note = :note WHERE tree_size = 6", note=forged)
    report = log.verify()
    assert kinds(report) == {FaultKind.FORGED_CHECKPOINT}
    assert report.covered_size == 3


def test_leaves_edited_together_with_their_events_are_found_by_the_checkpoint(
    log: EventLog,
) -> None:
    log.grow(3)
    log.tamper("DELETE FROM troth_leaf WHERE leaf_index = 2")
    log.tamper("UPDATE test_event SET event_state = 'x' WHERE event_id = 'event-000002'")
    with log.database.transaction() as conn:
        content = log.feed.contents(conn, ["event-000002"])["event-000002"]
    entry = b'{"commitment":"%s","event_id":"event-000002","kind":"consent_event"}' % (
        content.commitment.encode()
    )
    log.tamper("INSERT INTO troth_leaf VALUES (2, 'event-000002', :entry)", entry=entry)
    report = log.verify(outside=[])
    assert kinds(report) == {FaultKind.REORDERED}
    assert report.faults[0].place == "checkpoint 3"
    assert "the leaves 0 to 2" in report.faults[0].sentence


@pytest.mark.promise("S-13")
@pytest.mark.control("tamper_evident_log")
def test_cutting_leaves_and_checkpoints_together_is_found_only_from_outside(log: EventLog) -> None:
    log.grow(300, 100)
    log.tamper(
        "DELETE FROM troth_leaf WHERE leaf_index >= 300",
        "DELETE FROM troth_checkpoint WHERE tree_size > 300",
        "DELETE FROM test_event WHERE event_id >= 'event-000300'",
        "DELETE FROM test_outbox WHERE event_id >= 'event-000300'",
        "UPDATE troth_outbox_cursor SET seq = (SELECT max(seq) FROM test_outbox)",
        "UPDATE troth_outbox_cursor SET tx = (SELECT max(tx) FROM test_outbox)",
    )
    inside = log.verify(outside=[])
    assert inside.verifies
    assert inside.outside_checkpoints == 0
    for outside in (log.outside.notes(), log.outside.notes()[-1:]):
        report = log.verify(outside=outside)
        assert kinds(report) == {FaultKind.TRUNCATED, FaultKind.MISSING_CHECKPOINT}
        assert "outside checkpoint 400" in {fault.place for fault in report.faults}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda notes: [notes[1], notes[0]], {FaultKind.REORDERED}),
        (lambda notes: [notes[0].replace("300", "301"), notes[1]], {FaultKind.FORGED_CHECKPOINT}),
        (lambda notes: ["nonsense", *notes], {FaultKind.FORGED_CHECKPOINT}),
        (lambda notes: notes[1:], set()),
    ],
)
def test_an_outside_file_that_was_changed_is_found(
    log: EventLog, change: Callable[[list[str]], list[str]], expected: set[FaultKind]
) -> None:
    log.grow(300, 10)
    assert kinds(log.verify(outside=change(log.outside.notes()))) == expected


def test_a_flood_of_faults_is_counted_and_not_kept(log: EventLog) -> None:
    log.grow(300)
    log.tamper("DELETE FROM test_event")
    report = log.verify()
    assert len(report.faults) == 100
    assert report.faults_left_out == 200
