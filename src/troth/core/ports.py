"""The ports: what the rooms need of the outside world; `app.py` chooses who serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from troth.core.blind_index import IndexKey
from troth.core.sealing import Destruction, PersonKey, SealedPlace
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


class KeyProvider(Protocol):
    """Holds a random key for each person and the keys of blind indexes, outside the database.

    Every answer is read from where the keys lie, so a key that any process destroyed is given out
    by none afterwards. Any method raises `StoreUnavailable` while the keys cannot be read, and
    `WrongMasterKey` when they cannot be opened.
    """

    def key_of(self, person: str) -> PersonKey:
        """Return a person's key.

        Raises:
            KeyMissing: none was ever made.
            KeyDestroyed: it was destroyed.
        """
        ...

    def make_key(self, person: str) -> PersonKey:
        """Return a person's key, made now and durable if there was none.

        Raises:
            KeyDestroyed: it was destroyed; a person gets no second key.
        """
        ...

    def destroy_key(self, person: str) -> Destruction:
        """Destroy a person's key for every process, durable on return; again changes nothing.

        A person without a key gets none afterwards either.
        """
        ...

    def destruction_of(self, person: str) -> Destruction | None:
        """Return what is known of the destruction of a person's key, or None if it lives."""
        ...

    def index_keys(self, place: SealedPlace) -> Sequence[IndexKey]:
        """Return the living keys of the blind index of a place, newest first, at least one."""
        ...

    def renew_index_key(self, place: SealedPlace) -> IndexKey:
        """Add a generation to the key of a blind index: what is written from now on bears it."""
        ...

    def destroy_index_keys(self, place: SealedPlace, *, before: int) -> None:
        """Destroy the generations below ``before``, when no row bears them any more.

        Raises:
            InputError: no generation would be left.
        """
        ...

    def destruction_of_index(self, place: SealedPlace, generation: int) -> Destruction | None:
        """Return what is known of a destroyed generation of an index key, or None if it lives."""
        ...
