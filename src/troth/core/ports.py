"""The ports: what the rooms need of the outside world; `app.py` chooses who serves."""

from __future__ import annotations

from typing import Protocol

from troth.core.tlog import Signer


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> int:
        """Return microseconds since 1970-01-01T00:00:00Z."""
        ...


class Ids(Protocol):
    """Draws ids and salts that nobody can guess."""

    def event_id(self, now: int) -> str:
        """Return a UUIDv7 (RFC 9562) for the time ``now`` in microseconds."""
        ...

    def secret_id(self) -> str:
        """Return 128 random bits as 32 hex digits: an id that says nothing."""
        ...

    def salt(self) -> bytes:
        """Return 16 random bytes."""
        ...


class Keys(Protocol):
    """Holds the secrets of a deployment; they lie outside the database."""

    @property
    def snapshot_key(self) -> bytes:
        """Return the MAC key of snapshot tokens (32 bytes)."""
        ...

    @property
    def signer(self) -> Signer:
        """Return the signer of checkpoints and receipts."""
        ...
