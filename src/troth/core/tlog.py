"""The provable log as it is published: checkpoints, tile paths, entry bundles, proofs (C2SP).

What is written here is read by verifiers that are not ours, so each form follows its
specification and nothing else: tlog-checkpoint, tlog-tiles and tlog-proof of C2SP.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from troth.core.errors import InputError, LedgerError
from troth.core.merkle import HASH_BYTES, TILE_WIDTH
from troth.core.signed_note import (
    NoteSignature,
    VerifierKey,
    open_note,
    parse_note,
    parse_vkey,
    write_note,
)

LONGEST_ENTRY_BYTES = 0xFFFF
LARGEST_TREE = 2**63 - 1
ENTRIES = "entries"
"""Where a tile path bears a level, a bundle's path bears this word."""

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class Signer(Protocol):
    """The private half of a named Ed25519 key, wherever it lies."""

    @property
    def key_name(self) -> str:
        """The name in the signature lines; for a log key, the origin of its checkpoints."""
        ...

    @property
    def vkey(self) -> str:
        """The verifier key, as `troth.core.signed_note.VerifierKey.vkey` spells it."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature (64 bytes, RFC 8032) over the message."""
        ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one size."""

    origin: str
    tree_size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note text: origin, size and root, a line each (C2SP tlog-checkpoint)."""
        return f"{self.origin}\n{self.tree_size}\n{base64.b64encode(self.root).decode()}\n"


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> str:
    """Return the signed note of a checkpoint.

    Raises:
        LedgerError: The origin is not the signer's name, or what the signer returned does not
            verify under its own key (a key store that answers with the wrong key).
    """
    key = parse_vkey(signer.vkey)
    if checkpoint.origin != signer.key_name or key.name != signer.key_name:
        raise LedgerError("a log signs its checkpoints with the key that bears its own name")
    signature = signer.sign(checkpoint.text.encode())
    if not key.verifies(checkpoint.text.encode(), signature):
        raise LedgerError("the signer's answer does not verify under its own verifier key")
    return write_note(checkpoint.text, [NoteSignature(key.name, key.key_id, signature)])


def parse_checkpoint(note: str) -> Checkpoint:
    """Read the checkpoint in a note without believing it.

    Raises:
        LedgerError: The note or its three lines are malformed.
    """
    return _checkpoint_of(parse_note(note).text)


def open_checkpoint(
    note: str, keys: Sequence[VerifierKey], *, origin: str | None = None
) -> tuple[Checkpoint, VerifierKey]:
    """Return the checkpoint that one of these keys signed, and the key.

    Args:
        note: The signed note.
        keys: The keys to believe.
        origin: The log it must speak of; None to take the signing key's name.

    Raises:
        LedgerError: The note is malformed, is signed by none of the keys, or is another log's.
    """
    text, key = open_note(note, keys)
    checkpoint = _checkpoint_of(text)
    expected = key.name if origin is None else origin
    if checkpoint.origin != expected:
        msg = f"the checkpoint is of the log {checkpoint.origin!r}, expected {expected!r}"
        raise LedgerError(msg)
    return checkpoint, key


def _checkpoint_of(text: str) -> Checkpoint:
    # Extension lines are allowed by the specification and never written by us: monitors cannot
    # audit them. Read them past, so that another log's checkpoint can still be judged.
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not all(lines) or not _SIZE.fullmatch(lines[1]):
        raise LedgerError("a checkpoint is a line each of origin, tree size and root hash")
    root = _hash_from(lines[2])
    if root is None or int(lines[1]) > LARGEST_TREE:
        raise LedgerError("the checkpoint's size or root hash is malformed")
    return Checkpoint(lines[0], int(lines[1]), root)


def split_notes(text: str) -> tuple[list[str], str]:
    """Split a file of checkpoint notes, each followed by an empty line.

    Returns:
        The notes, and what follows the last complete one: empty, unless a write was cut short.
    """
    notes: list[str] = []
    rest = text
    while True:
        # A checkpoint's text has no empty line, so the second one ends the note.
        middle = rest.find("\n\n")
        end = rest.find("\n\n", middle + 2) if middle >= 0 else -1
        if end < 0:
            return notes, rest
        notes.append(rest[: end + 1])
        rest = rest[end + 2 :]


def tile_path(level: int | str, index: int, width: int = TILE_WIDTH) -> str:
    """Return where a tile or bundle lies below the log's prefix.

    Args:
        level: 0 to 63, or `ENTRIES` for a bundle.
        index: From 0.
        width: 1 to 256; below 256 the tile is partial.

    Source: C2SP tlog-tiles, "Merkle Tree": 1234067 is spelt ``x001/x234/067``.
    """
    digits = f"{index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    spelt = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
    return f"tile/{level}/{spelt}" + ("" if width == TILE_WIDTH else f".p/{width}")


def write_bundle(entries: Sequence[bytes]) -> bytes:
    """Join up to 256 entries, each after its length in two bytes, big end first.

    Raises:
        InputError: An entry is longer than 65,535 bytes.

    Source: C2SP tlog-tiles, "Log entries".
    """
    if any(len(entry) > LONGEST_ENTRY_BYTES for entry in entries):
        raise InputError("a log entry has at most 65,535 bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def read_bundle(bundle: bytes) -> list[bytes]:
    """Split a bundle into its entries.

    Raises:
        LedgerError: The bundle ends inside an entry.
    """
    entries, at = [], 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if end > len(bundle) or at + 2 > len(bundle):
            raise LedgerError("the entry bundle ends inside an entry")
        entries.append(bundle[at + 2 : end])
        at = end
    return entries


def write_proof(leaf_index: int, path: Sequence[bytes], note: str) -> str:
    """Return a proof of inclusion that others can check without us (C2SP tlog-proof)."""
    hashes = "".join(base64.b64encode(step).decode() + "\n" for step in path)
    return f"c2sp.org/tlog-proof@v1\nindex {leaf_index}\n{hashes}\n{note}"


def _hash_from(text: str) -> bytes | None:
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    canonical = base64.b64encode(decoded).decode() == text
    return decoded if canonical and len(decoded) == HASH_BYTES else None
