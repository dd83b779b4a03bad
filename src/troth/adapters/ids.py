"""Ids and salts: from the machine's randomness, and a counting twin for tests."""

from __future__ import annotations

import hashlib
import os
import secrets

_VARIANT = "89ab" * 4
"""The digit with the variant of RFC 9562 in it, by the digit that was drawn."""


def _uuid7(now: int, random80: bytes) -> str:
    """Return RFC 9562 §5.7: 48 bits of milliseconds, then version, variant and random bits."""
    at, drawn = f"{now // 1000:012x}", random80.hex()
    variant = _VARIANT[int(drawn[4], 16)]
    return f"{at[:8]}-{at[8:]}-7{drawn[1:4]}-{variant}{drawn[5:8]}-{drawn[8:]}"


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
