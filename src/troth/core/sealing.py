"""Sealed values: one column of one person, encrypted under that person's own key.

Rules that hold for everything sealed, each with a test in ``tests/core/test_sealing.py``:

1. What is sealed opens only under the same key, at the same place (data store, table, column) and
   for the same person. Anything else is an error and never another value.
2. The cipher is AES-256-GCM (NIST SP 800-38D) with a nonce of 96 bits that the caller draws anew
   for every seal. Nothing here draws lots.
3. Errors name the place and carry neither the value, nor the person, nor what was stored.

Spelling of a sealed value: ``s1.`` and the standard base64 of nonce, ciphertext and tag. It is
ASCII, so a TEXT column holds it, and a later format will bear another number.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from troth.core.errors import InputError, SealBroken

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
PREFIX = "s1."
"""Stands before every sealed value: its format and the version of it."""

_LEAST_BASE64 = -(-(NONCE_BYTES + TAG_BYTES) // 3) * 4
_SEALED = re.compile(rf"s1\.[A-Za-z0-9+/]{{{_LEAST_BASE64 - 2},}}={{0,2}}")


class PersonKey:
    """A person's key, ready for use; its text form shows nothing of it.

    Args:
        material: 32 random bytes, never derived from anything.

    Raises:
        InputError: the material has another length.
    """

    __slots__ = ("cipher", "material")

    def __init__(self, material: bytes) -> None:
        if len(material) != KEY_BYTES:
            msg = f"a person's key has {KEY_BYTES} bytes, got {len(material)}"
            raise InputError(msg)
        self.material = material
        self.cipher = AESGCM(material)

    def __repr__(self) -> str:
        return "PersonKey(…)"

    def __reduce__(self) -> str:
        raise TypeError("a person's key is not copied out of its process")


@dataclass(frozen=True, slots=True)
class SealedPlace:
    """Where a sealed value lies.

    Args:
        data_store: name of the data store in the data map.
        table: name of the table, as the application calls it.
        column: name of the column.

    Raises:
        InputError: a part is empty.
    """

    data_store: str
    table: str
    column: str
    bound: bytes = field(init=False, repr=False, compare=False)
    """The place in the form that the cipher authenticates."""

    def __post_init__(self) -> None:
        if not (self.data_store and self.table and self.column):
            raise InputError("a sealed place needs a data store, a table and a column")
        parts = ("troth sealed 1", self.data_store, self.table, self.column)
        object.__setattr__(self, "bound", b"".join(_with_length(part) for part in parts))

    @property
    def name(self) -> str:
        """Return ``table.column``."""
        return f"{self.table}.{self.column}"

    def bound_to(self, person: str) -> bytes:
        """Return the associated data of a value: the place and the person, unambiguously joined.

        Raises:
            InputError: the person's id is empty.
        """
        if not person:
            raise InputError(f"a value of {self.name} is sealed for a person; none was given")
        return self.bound + _with_length(person)


def _with_length(part: str) -> bytes:
    # With their lengths, so that ("ab", "c") and ("a", "bc") are two different places.
    encoded = part.encode()
    return len(encoded).to_bytes(4, "big") + encoded


def is_sealed(text: str) -> bool:
    """Tell whether a text has the form of a sealed value; it need not open."""
    return _SEALED.fullmatch(text) is not None


def seal(key: PersonKey, place: SealedPlace, person: str, value: str, *, nonce: bytes) -> str:
    """Seal a text.

    Args:
        key: the person's key.
        place: where the value will lie.
        person: random id of the person whom it is about.
        value: the text; may be empty. Its length in bytes stays visible.
        nonce: 12 random bytes, drawn for this seal and never used again under the same key.

    Raises:
        InputError: the nonce has another length, the text holds half of a surrogate pair, or it is
            itself a sealed value (sealing twice is a mistake of the caller).
    """
    if len(nonce) != NONCE_BYTES:
        msg = f"a nonce has {NONCE_BYTES} bytes, got {len(nonce)}"
        raise InputError(msg)
    if value.startswith(PREFIX) and is_sealed(value):
        raise InputError(f"the value for {place.name} is sealed already")
    try:
        plain = value.encode()
    except UnicodeEncodeError:
        raise InputError(f"the text for {place.name} holds half of a surrogate pair") from None
    body = nonce + key.cipher.encrypt(nonce, plain, place.bound_to(person))
    return PREFIX + binascii.b2a_base64(body, newline=False).decode("ascii")


def open_sealed(key: PersonKey, place: SealedPlace, person: str, sealed: str) -> str:
    """Return the text that was sealed under this key, at this place, for this person.

    Raises:
        SealBroken: it is not whole, or was sealed under another key, elsewhere or for another
            person; nothing of it is returned.
    """
    try:
        if not sealed.startswith(PREFIX):
            raise ValueError
        body = binascii.a2b_base64(sealed[len(PREFIX) :], strict_mode=True)
        if len(body) < NONCE_BYTES + TAG_BYTES:
            raise ValueError
        plain = key.cipher.decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], place.bound_to(person))
        return plain.decode()
    except (ValueError, InvalidTag):  # binascii.Error and UnicodeError are kinds of ValueError
        raise broken(place) from None


def broken(place: SealedPlace) -> SealBroken:
    """Return the error for something at a place that does not open."""
    return SealBroken(
        f"a sealed value of {place.name} does not open: it was altered, cut, or moved from another "
        "person or column; restore it from a backup"
    )


@dataclass(frozen=True, slots=True)
class Destruction:
    """What is known of a key that was destroyed.

    Args:
        at: when, in microseconds since 1970.
        epoch: number of the epoch whose key last wrapped it.
        is_final: whether no copy can be opened any more: every epoch up to that one is destroyed.
            Until then a backup of the key file from before, together with the epoch's key and the
            master key, still opens what was sealed.
    """

    at: int
    epoch: int
    is_final: bool
