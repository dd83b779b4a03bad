"""Ids and salts: from the machine's randomness, and a counting twin for tests."""

from __future__ import annotations

import hashlib
import os
import secrets


def _uuid7(now: int, random80: bytes) -> str:
    """Return RFC 9562 §5.7: 48 bits of milliseconds, then version, variant and random bits."""
    drawn = int.from_bytes(random80, "big")
    value = now // 1000 << 80 | drawn & ~0xF000_C000_0000_0000_0000 | 0x7000_8000_0000_0000_0000
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class RandomIds:
    """Ids that nobody can guess."""

    def event_id(self, now: int) -> str:
        """Return a UUIDv7 for the time ``now`` in microseconds."""
        return _uuid7(now, os.urandom(10))

    def secret_id(self) -> str:
        """Return 128 random bits as 32 hex digits."""
        return secrets.token_hex(16)

    def salt(self) -> bytes:
        """Return 16 random bytes."""
        return os.urandom(16)


class CountedIds:
    """Ids that a test can foresee: the n-th is the digest of a seed and n."""

    def __init__(self, seed: str = "test") -> None:
        self._seed = seed
        self._count = 0

    def _next(self) -> bytes:
        self._count += 1
        return hashlib.sha256(f"{self._seed}:{self._count}".encode()).digest()

    def event_id(self, now: int) -> str:
        """Return a UUIDv7 for the time ``now`` in microseconds."""
        return _uuid7(now, self._next()[:10])

    def secret_id(self) -> str:
        """Return 32 hex digits."""
        return self._next()[:16].hex()

    def salt(self) -> bytes:
        """Return 16 bytes."""
        return self._next()[:16]
