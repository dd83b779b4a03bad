"""Sealed files: a voucher's picture, a recording; chunk by chunk, so that memory stays small.

A file is sealed under the same key and bound to the same place and person as a value, and to the
name of the file. Each chunk is a message of AES-256-GCM whose nonce holds a random prefix of the
file, the number of the chunk and whether it is the last one: so chunks that were left out,
repeated, reordered, cut off at the end or taken from another file are refused. This is the
STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: *Online authenticated-encryption and its
nonce-reuse misuse-resistance*, 2015).

Form: `MAGIC`, 7 bytes of prefix, then chunks of `CHUNK_BYTES` and a tag each; the last is shorter,
and may be empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag

from troth.core.errors import InputError
from troth.core.sealing import TAG_BYTES, PersonKey, SealedPlace, broken

MAGIC = b"troth sealed file 1\n"
CHUNK_BYTES = 65_536
PREFIX_BYTES = 7
_SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES
_MOST_CHUNKS = 2**32


def seal_file(
    key: PersonKey,
    place: SealedPlace,
    person: str,
    file: str,
    pieces: Iterable[bytes],
    *,
    nonce_prefix: bytes,
) -> Iterator[bytes]:
    """Seal a file that arrives in pieces of any size, and give out what is to be stored.

    Args:
        key: the person's key.
        place: where the file belongs.
        person: random id of the person whom it is about.
        file: name under which it is stored; another name does not open it.
        pieces: the content; never more than one piece and one chunk are held.
        nonce_prefix: 7 random bytes, drawn for this file and never used again under the key.

    Raises:
        InputError: the prefix has another length, or the file is longer than 256 TiB.
    """
    if len(nonce_prefix) != PREFIX_BYTES:
        msg = f"the nonce prefix of a file has {PREFIX_BYTES} bytes, got {len(nonce_prefix)}"
        raise InputError(msg)
    bound = _bound(place, person, file)
    yield MAGIC + nonce_prefix
    for number, (chunk, is_last) in enumerate(_cut(pieces, CHUNK_BYTES)):
        yield key.cipher.encrypt(_nonce(nonce_prefix, number, is_last=is_last), chunk, bound)


def open_file(
    key: PersonKey, place: SealedPlace, person: str, file: str, pieces: Iterable[bytes]
) -> Iterator[bytes]:
    """Open a sealed file that arrives in pieces of any size, and give out its content.

    Each chunk that is given out is whole and in its place. That nothing is missing behind it is
    known only when the iterator ends: do not act on the content before.

    Raises:
        SealBroken: chunks are altered, missing, repeated or in another order, or the file was
            sealed under another key, name or place or for another person.
    """
    bound = _bound(place, person, file)
    head, rest = _take(iter(pieces), len(MAGIC) + PREFIX_BYTES)
    if len(head) != len(MAGIC) + PREFIX_BYTES or not head.startswith(MAGIC):
        raise broken(place)
    prefix = head[len(MAGIC) :]
    for number, (chunk, is_last) in enumerate(_cut(rest, _SEALED_CHUNK)):
        try:
            nonce = _nonce(prefix, number, is_last=is_last)
            yield key.cipher.decrypt(nonce, chunk, bound)
        except (InvalidTag, InputError):
            raise broken(place) from None


def _bound(place: SealedPlace, person: str, file: str) -> bytes:
    if not file:
        raise InputError(f"a sealed file of {place.name} needs the name it is stored under")
    return place.bound_to(person) + b"file\n" + file.encode()


def _nonce(prefix: bytes, number: int, *, is_last: bool) -> bytes:
    if number >= _MOST_CHUNKS:
        raise InputError("the file is longer than 256 TiB; seal it in parts")
    return prefix + number.to_bytes(4, "big") + bytes([is_last])


def _cut(pieces: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """Give out chunks of ``size`` bytes and, last, what is left: at least one, perhaps empty."""
    held = bytearray()
    for piece in pieces:
        held += piece
        start = 0
        # The last chunk is known only at the end, so a full one is held until more comes.
        while len(held) - start > size:
            yield bytes(held[start : start + size]), False
            start += size
        del held[:start]
    yield bytes(held), True


def _take(pieces: Iterator[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    """Return the first ``size`` bytes and what follows them."""
    held = b""
    for piece in pieces:
        held += piece
        if len(held) >= size:
            break

    def following() -> Iterator[bytes]:
        yield held[size:]
        yield from pieces

    return held[:size], following()
