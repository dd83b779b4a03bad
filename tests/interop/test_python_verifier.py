"""What we publish, read by a Python verifier of the C2SP formats that is not ours (aics-tlog)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.logs import EventLog
from troth.core.tlog import parse_checkpoint

aics_tlog = pytest.importorskip(
    "aics_tlog", reason="aics-tlog needs Python 3.12; Go's verifier reads the same in make prove"
)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    made = EventLog(f"sqlite:///{tmp_path / 'log.db'}", tmp_path)
    yield made
    made.close()


def test_a_foreign_verifier_accepts_checkpoint_tiles_inclusion_and_growth(log: EventLog) -> None:
    log.grow(300, 1, 299)
    folder = log.folder / "published"
    reader = aics_tlog.FileSystemTileReader(folder)
    key = aics_tlog.parse_vkey(log.signer.vkey)
    note = aics_tlog.parse_note((folder / "checkpoint").read_bytes())
    assert aics_tlog.verify_note(note, [key])
    head = aics_tlog.parse_checkpoint(note.text)
    assert aics_tlog.tree_root_from_tiles(reader, head.size) == head.root
    for index in (0, 255, 256, 299, 300, 599):
        entry = aics_tlog.read_entry(reader, index, head.size)
        proof = aics_tlog.inclusion_proof_from_tiles(reader, index, head.size)
        assert aics_tlog.verify_leaf_inclusion(entry, index, head.size, proof, head.root)
    for old in map(parse_checkpoint, log.outside.notes()):
        growth = aics_tlog.consistency_proof_from_tiles(reader, old.tree_size, head.size)
        assert aics_tlog.verify_consistency(old.tree_size, head.size, old.root, head.root, growth)
