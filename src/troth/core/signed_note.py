"""Signed notes (C2SP signed-note): a text that keys of known names have signed with Ed25519.

The form in which logs, witnesses and monitors exchange checkpoints, so what is written here is
read by verifiers that are not ours. The rules that decide whether a note is believed:

1. The text is separated from the signatures by the last empty line.
2. A key is known by its name and its 4-byte id together; signatures of unknown keys are ignored.
3. One failing signature of a known key spoils the note; without a good one it is not believed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from troth.core.errors import LedgerError

ED25519_TYPE = b"\x01"
KEY_ID_BYTES = 4
PUBLIC_KEY_BYTES = 32
MOST_SIGNATURES = 64
"""A note with more is refused; the specification asks to accept at least 16."""

_SIGNATURE_LINE = re.compile(r"— (\S+) ([A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a named Ed25519 key.

    Attributes:
        name: Usually the log's origin, such as ``shop.example/consent``; no spaces, no ``+``.
        public_key: 32 bytes (RFC 8032).
    """

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or any(c.isspace() or c < " " for c in self.name):
            raise LedgerError("a key name must not be empty nor hold a space or a plus sign")
        if len(self.public_key) != PUBLIC_KEY_BYTES:
            msg = f"an Ed25519 public key has 32 bytes, got {len(self.public_key)}"
            raise LedgerError(msg)

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that name the key in a signature line."""
        named = self.name.encode() + b"\n" + ED25519_TYPE + self.public_key
        return sha256(named).digest()[:KEY_ID_BYTES]

    @property
    def vkey(self) -> str:
        """The key as people exchange it: name, id and key joined by plus signs."""
        material = base64.b64encode(ED25519_TYPE + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Tell whether the key made this signature (64 bytes) over these bytes."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: who, by which key, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A note taken apart, with nothing checked yet; ``text`` ends with a newline."""

    text: str
    signatures: tuple[NoteSignature, ...]


def parse_vkey(text: str) -> VerifierKey:
    """Read a verifier key.

    Raises:
        LedgerError: The text is not ``name+id+key`` for an Ed25519 key, or the id is another
            key's.

    Source: C2SP signed-note, "Verifier keys".
    """
    name, _, rest = text.partition("+")
    key_id, _, material = rest.partition("+")
    decoded = _from_base64(material)
    if decoded is None or decoded[:1] != ED25519_TYPE:
        raise LedgerError("a verifier key is name+id+base64 of an Ed25519 key; this is none")
    key = VerifierKey(name, decoded[1:])
    if key.key_id.hex() != key_id:
        raise LedgerError("the verifier key's id belongs to another name or key; was it retyped?")
    return key


def write_note(text: str, signatures: Sequence[NoteSignature]) -> str:
    """Join a text (ending with a newline) and its signatures into a note."""
    lines = [
        f"— {made.name} {base64.b64encode(made.key_id + made.signature).decode()}\n"
        for made in signatures
    ]
    return text + "\n" + "".join(lines)


def parse_note(note: str) -> SignedNote:
    """Take a note apart without believing it.

    Raises:
        LedgerError: The note is malformed.

    Source: C2SP signed-note, "Format".
    """
    text, separator, tail = note.rpartition("\n\n")
    if not separator or not tail.endswith("\n") or any(c < " " and c != "\n" for c in note):
        raise LedgerError("this is no signed note: it needs a text, an empty line and signatures")
    lines = tail[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        msg = f"the note has {len(lines)} signatures, more than {MOST_SIGNATURES}"
        raise LedgerError(msg)
    return SignedNote(text + "\n", tuple(_parse_signature(line) for line in lines))


def _parse_signature(line: str) -> NoteSignature:
    found = _SIGNATURE_LINE.fullmatch(line)
    raw = _from_base64(found[2]) if found else None
    if found is None or raw is None or len(raw) <= KEY_ID_BYTES or "+" in found[1]:
        raise LedgerError("a signature line of the note is malformed")
    return NoteSignature(found[1], raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def open_note(note: str, keys: Sequence[VerifierKey]) -> tuple[str, VerifierKey]:
    """Return the text of a note that one of these keys signed, and the key.

    Raises:
        LedgerError: The note is malformed, none of the keys signed it, or the signature of one
            of them fails.

    Source: C2SP signed-note, "Signatures".
    """
    parsed = parse_note(note)
    known = {(key.name, key.key_id): key for key in keys}
    believed: VerifierKey | None = None
    for made in parsed.signatures:
        key = known.get((made.name, made.key_id))
        if key is None:
            continue
        if not key.verifies(parsed.text.encode(), made.signature):
            msg = f"the signature of {key.vkey} on the note fails: the note was altered or forged"
            raise LedgerError(msg)
        believed = believed or key
    if believed is None:
        raise LedgerError("no key that you trust signed this note")
    return parsed.text, believed


def _from_base64(text: str) -> bytes | None:
    """Decode standard base64 in its one canonical spelling, or return None."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded).decode() == text else None
