"""Give a person the receipt of what they answered, with the proof that stands in the log."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from troth.core.errors import LedgerError
from troth.core.ledger import LeafEntry
from troth.core.merkle import inclusion_path, leaf_hash, verify_inclusion
from troth.core.receipt import Inclusion, ReceiptEvent, ReceiptSubject, write_receipt
from troth.core.signed_note import VerifierKey, parse_vkey
from troth.core.tlog import Signer, open_checkpoint
from troth.store import ledger as rows
from troth.store.ledger import StoredTiles


def make_receipt(
    conn: Connection, subject: ReceiptSubject, *, signer: Signer, log_keys: Sequence[str] = ()
) -> str:
    """Return a signed receipt, each of its events with its proof or marked as pending.

    Args:
        conn: In a transaction that reads one state of the database.
        subject: What the receipt says.
        signer: The key of receipts.
        log_keys: The keys that signed the log's checkpoints; the signer's own if empty.

    Raises:
        LedgerError: The log contradicts an event as it stands: one of them was tampered with,
            and no receipt is given for it.
        InputError: The subject is incomplete or contradicts itself.
    """
    keys = [parse_vkey(vkey) for vkey in (log_keys or (signer.vkey,))]
    found = {}
    for event in subject.events:
        inclusion = prove(conn, event, keys)
        if inclusion is not None:
            found[event.event_id] = inclusion
    return write_receipt(subject, found, signer)


def prove(conn: Connection, event: ReceiptEvent, keys: Sequence[VerifierKey]) -> Inclusion | None:
    """Return the proof that an event is in the log, or None while it has no leaf.

    Raises:
        LedgerError: The newest checkpoint is signed by none of the keys, or the proof would fail.
    """
    leaf_index = rows.leaf_index_of(conn, event.event_id)
    newest = rows.last_checkpoint(conn)
    if leaf_index is None or newest is None or newest.tree_size <= leaf_index:
        return None
    said, key = open_checkpoint(newest.note, keys)
    path = inclusion_path(leaf_index, said.tree_size, StoredTiles(conn))
    entry = LeafEntry(event.kind, event.event_id, event.content.commitment)
    if not verify_inclusion(
        leaf_hash(entry.canonical), leaf_index, said.tree_size, path, said.root
    ):
        msg = f"event {event.event_id} is not what leaf {leaf_index} says; verify the log"
        raise LedgerError(msg)
    return Inclusion(leaf_index, said.tree_size, tuple(path), newest.note, key.vkey)
