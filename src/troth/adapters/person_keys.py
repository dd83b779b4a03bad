"""Persons' keys in files of their own, and a twin in memory.

The folder of keys holds, beside the keys of `troth.adapters.keys`:

- ``persons.db``: a random 256-bit key for each person and each blind index, wrapped by the key of
  the present epoch. Never derived: what can be derived again was never destroyed.
- ``epochs/N.key``: the key of an epoch, wrapped by the master key.
- ``master.key``, unless the environment gives the master key.
- ``destroyed.log``: what was destroyed and when, one line each, so that a key file put back from a
  backup destroys it again at the next start. It holds random ids and times.

What is dangerous here, and what is never done (``tests/adapters/test_person_keys.py``,
``tests/crash/test_person_keys_crash.py``):

1. An epoch's key is destroyed only when no living key is wrapped by it, and the journal that could
   still hold such a wrapping has been cut. Then, and not before, it is noted as destroyed.
2. A key that was destroyed is given out by no process afterwards: each answer reads the row, and
   memory only saves the unwrapping.
3. Every rotation can be ended by kill -9 at any step and is finished by the next call.
4. A missing master key is never replaced by a new one where something is wrapped already.

Irreversible are `destroy_key` and `destroy_index_keys` at their commit, and `rotate_epoch` at the
removal of the old epoch's file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from troth.adapters.destroyed_log import DestroyedKey, DestroyedLog
from troth.adapters.epoch_keys import EpochKeys, unwrap, wrap
from troth.adapters.master_key import FileMasterKey, MasterKey
from troth.core.blind_index import IndexKey
from troth.core.errors import InputError, KeyDestroyed, KeyMissing, StoreUnavailable, UnsafeStore
from troth.core.ports import Clock
from troth.core.sealing import KEY_BYTES, Destruction, PersonKey, SealedPlace
from troth.store import person_keys as rows
from troth.store.person_keys import LIVES, KeyFile

MICROSECONDS_PER_DAY = 86_400_000_000
MOST_IN_MEMORY = 4_096
"""How many unwrapped keys a process keeps."""

_REWRAPPED_AT_ONCE = 500
_INDEX = "index "
"""Stands before a place in the column that otherwise holds a person's id."""


@dataclass(frozen=True, slots=True)
class EpochRotation:
    """What a rotation did: the epoch that began, keys wrapped anew, epochs whose keys are gone."""

    epoch: int
    rewrapped: int
    destroyed: tuple[int, ...]


class FilePersonKeys:
    """Keys of persons in a folder (`troth.core.ports.KeyProvider`); made there when missing.

    Args:
        folder: where the keys lie; never in the database, nor in its backups.
        clock: tells when epochs begin and keys are destroyed.
        master: where the master key comes from; by default ``master.key`` in the folder.
        epoch_days: after how many days an epoch's key is due to be destroyed.

    Raises:
        UnsafeStore: files can be read by others, or some are missing.
        WrongMasterKey: the master key does not open what is there.
        StoreUnavailable: the key file cannot be opened.
    """

    def __init__(
        self, folder: Path, clock: Clock, *, master: MasterKey | None = None, epoch_days: int = 30
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._clock = clock
        self._master = master or FileMasterKey(folder / "master.key")
        self._epochs = EpochKeys(folder / "epochs", self._master)
        self._file = KeyFile(folder / "persons.db")
        self._log = DestroyedLog(folder / "destroyed.log")
        self._epoch_days = epoch_days
        self._unwrapped: OrderedDict[tuple[str, int], tuple[bytes, PersonKey]] = OrderedDict()
        self._remembering = threading.Lock()
        self._set_up()

    def _set_up(self) -> None:
        if not (self._file.is_made() and self._file.epochs()):
            with self._alone(waits=True):
                if not self._file.path.exists():
                    if self._epochs.are_any():
                        raise UnsafeStore("persons.db is missing; restore it from its backup")
                    self._master.make()
                self._file.make()
                if not self._file.epochs():
                    self._begin_epoch(rows.FIRST_EPOCH)
        # Without the lock: a process may start while another rotates.
        self._destroy_again()
        for epoch in self._living_epochs():
            try:
                self._epochs.key(epoch)
            except FileNotFoundError:
                if epoch in self._living_epochs() and self._is_in_use(epoch):
                    raise _lost(epoch) from None

    def close(self) -> None:
        """Forget every key in memory and close the file."""
        with self._remembering:
            self._unwrapped.clear()
        self._file.close()

    # --- keys of persons ----------------------------------------------------------------------

    def key_of(self, person: str) -> PersonKey:
        """Return a person's key; see `troth.core.ports.KeyProvider`."""
        key = self._key(person, 0)
        if key is None:
            raise KeyMissing("this person has no key; nothing of theirs was ever sealed")
        return key

    def make_key(self, person: str) -> PersonKey:
        """Return a person's key, made now if there was none."""
        _require_person(person)
        key = self._key(person, 0)
        if key is not None:
            return key
        with self._file.writing() as connection:
            if self._file.find(person) is None:
                self._add(connection, person, 0)
        return self.key_of(person)

    def destroy_key(self, person: str) -> Destruction:
        """Destroy a person's key; see `troth.core.ports.KeyProvider`."""
        _require_person(person)
        self._destroy([(person, 0)])
        made = self.destruction_of(person)
        if made is None:  # the row was written by the commit above
            raise StoreUnavailable("the key was not destroyed; try again")
        return made

    def destruction_of(self, person: str) -> Destruction | None:
        """Return what is known of the destruction of a person's key, or None if it lives."""
        return self._destruction(person, 0)

    def _destroy(self, owners: Sequence[tuple[str, int]]) -> None:
        now = self._clock.now()
        dying = [DestroyedKey(owner, generation, now) for owner, generation in owners]
        dying = [gone for gone in dying if not self._is_destroyed(gone)]
        if not dying:
            return
        self._log.add(dying)
        with self._file.writing() as connection:
            for gone in dying:
                self._overwrite(connection, gone)
        for each in owners:
            self._forget(each)
        # A reader that holds an old state keeps the journal from being cut: the next one does it,
        # and the end of the epoch reaches what lies there.
        self._file.truncate_journal()

    def _destroy_again(self) -> None:
        """Destroy what the log says was destroyed: the key file may be an old one, put back."""
        undone = [gone for gone in self._log.read() if not self._is_destroyed(gone)]
        if not undone:
            return
        with self._file.writing() as connection:
            for gone in undone:
                self._overwrite(connection, gone)
        self._file.truncate_journal()

    def _is_destroyed(self, gone: DestroyedKey) -> bool:
        row = self._file.find(gone.owner, gone.generation)
        return row is not None and row[2] != LIVES

    def _overwrite(self, connection: rows.Connection, gone: DestroyedKey) -> None:
        if self._file.find(gone.owner, gone.generation) is None:
            epoch, empty = rows.current_epoch(connection), bytes(rows.WRAPPED_BYTES)
            rows.add_key(connection, gone.owner, gone.generation, epoch, empty)
        rows.overwrite(connection, gone.owner, gone.generation, gone.at)

    def _destruction(self, owner: str, generation: int) -> Destruction | None:
        row = self._file.find(owner, generation)
        if row is None or row[2] == LIVES:
            return None
        oldest = min(self._living_epochs())
        return Destruction(at=row[2], epoch=row[0], is_final=oldest > row[0])

    # --- keys of blind indexes ----------------------------------------------------------------

    def index_keys(self, place: SealedPlace) -> Sequence[IndexKey]:
        """Return the living keys of the blind index of a place, newest first, at least one."""
        owner = _owner_of_index(place)
        made = self._living_generations(owner)
        if not made:
            with self._file.writing() as connection:
                found = self._file.generations(owner)
                if all(row.destroyed_at is not None for row in found):
                    newest = max((row.generation for row in found), default=0)
                    self._add(connection, owner, newest + 1)
            made = self._living_generations(owner)
        return made

    def renew_index_key(self, place: SealedPlace) -> IndexKey:
        """Add a generation to the key of a blind index."""
        owner = _owner_of_index(place)
        with self._file.writing() as connection:
            newest = max((row.generation for row in self._file.generations(owner)), default=0)
            self._add(connection, owner, newest + 1)
        return self._living_generations(owner)[0]

    def destroy_index_keys(self, place: SealedPlace, *, before: int) -> None:
        """Destroy the generations of an index key below ``before``."""
        owner = _owner_of_index(place)
        generations = [row.generation for row in self._file.generations(owner)]
        if not any(generation >= before for generation in generations):
            raise InputError(f"renew the index key of {place.name} before you destroy the old one")
        self._destroy([(owner, g) for g in generations if g < before])

    def destruction_of_index(self, place: SealedPlace, generation: int) -> Destruction | None:
        """Return what is known of a destroyed generation of an index key, or None if it lives."""
        return self._destruction(_owner_of_index(place), generation)

    def _living_generations(self, owner: str) -> list[IndexKey]:
        found = []
        for row in self._file.generations(owner):
            if row.destroyed_at is None:
                with contextlib.suppress(KeyDestroyed):  # by another process, since we read
                    key = self._key(owner, row.generation)
                    if key is not None:
                        found.append(IndexKey(row.generation, key.material))
        return found

    # --- rotation -----------------------------------------------------------------------------

    def is_rotation_due(self) -> bool:
        """Tell whether the present epoch is old enough, or a rotation was left unfinished."""
        living = [epoch for epoch in self._file.epochs() if epoch.destroyed_at is None]
        ends = living[0].started_at + self._epoch_days * MICROSECONDS_PER_DAY
        return len(living) > 1 or ends <= self._clock.now()

    def rotate_epoch(self) -> EpochRotation:
        """Begin an epoch, wrap every living key under it and destroy the older epochs' keys.

        Readers and writers of every process go on meanwhile. A rotation that was left unfinished
        is finished, and no other begun.

        Raises:
            InputError: another rotation is under way.
            UnsafeStore: the key of an older epoch is lost while living keys are wrapped by it.
        """
        with self._alone(waits=False):
            living = self._living_epochs()
            if len(living) == 1:
                self._begin_epoch(living[0] + 1)
                living = self._living_epochs()
            newest, *older = living
            rewrapped = self._rewrap_all(newest)
            for epoch in sorted(older):
                self._end_epoch(epoch, newest)
            return EpochRotation(newest, rewrapped, tuple(sorted(older)))

    def rotate_master(self) -> None:
        """Replace the master key: the keys of epochs are wrapped by the new one.

        Raises:
            InputError: another rotation is under way.
            UnsafeStore: the master key comes from the environment and no old one was given.
        """
        with self._alone(waits=False):
            if self._master.begin_rotation():
                for epoch in self._living_epochs():
                    with contextlib.suppress(FileNotFoundError):  # shredded, and not yet noted
                        self._epochs.rewrap(epoch)
                self._master.finish_rotation()

    def _begin_epoch(self, number: int) -> None:
        # The file first: a row never names an epoch whose key is not on the disk.
        self._epochs.add(number)
        with self._file.writing() as connection:
            rows.add_epoch(connection, number, self._clock.now())

    def _rewrap_all(self, newest: int) -> int:
        def anew(epoch: int, wrapped: bytes) -> bytes:
            return wrap(self._epochs.key(newest), self._unwrap(epoch, wrapped))

        done = after = 0
        while True:
            try:
                with self._file.writing() as connection:
                    size, after = rows.rewrap_batch(
                        connection, newest, anew, after=after, size=_REWRAPPED_AT_ONCE
                    )
            except FileNotFoundError as error:
                raise _lost(Path(error.filename).stem) from None
            if not size:
                return done
            done += size

    def _end_epoch(self, epoch: int, newest: int) -> None:
        with self._file.writing() as connection:
            if rows.are_living_before(connection, newest):
                raise UnsafeStore(f"keys are still wrapped by epoch {epoch}; rotate again")
        if not self._file.truncate_journal():
            raise StoreUnavailable("the key file's journal is in use; rotate again")
        self._epochs.destroy(epoch)
        # Noted only now: a note of destruction never comes before it.
        with self._file.writing() as connection:
            rows.end_epoch(connection, epoch, self._clock.now())

    def back_up(self, file: Path) -> None:
        """Copy the wrapped keys to ``file``: without epochs, master key and log of what is gone.

        Raises:
            InputError: the file exists already.
            StoreUnavailable: the key file cannot be read now.
        """
        self._file.copy_to(file)

    # --- within -------------------------------------------------------------------------------

    def _living_epochs(self) -> list[int]:
        return [epoch.number for epoch in self._file.epochs() if epoch.destroyed_at is None]

    def _is_in_use(self, epoch: int) -> bool:
        with self._file.writing() as connection:
            return epoch == rows.current_epoch(connection) or rows.are_living_before(
                connection, epoch + 1
            )

    def _add(self, connection: rows.Connection, owner: str, generation: int) -> None:
        """Draw a key and append it, wrapped; the connection holds the write lock."""
        epoch = rows.current_epoch(connection)
        try:
            wrapping = self._epochs.key(epoch)
        except FileNotFoundError:
            raise _lost(epoch) from None
        rows.add_key(connection, owner, generation, epoch, wrap(wrapping, os.urandom(KEY_BYTES)))

    def _key(self, owner: str, generation: int) -> PersonKey | None:
        """Return a living key, or None if there is no row; the row is read every time."""
        for attempt in range(5):
            row = self._file.find(owner, generation)
            if row is None:
                return None
            epoch, wrapped, lives_until = row
            if lives_until != LIVES:
                self._forget((owner, generation))
                raise KeyDestroyed("this key was destroyed; what it sealed is gone")
            held = self._unwrapped.get((owner, generation))
            if held is not None and held[0] == wrapped:
                return held[1]
            try:
                key = PersonKey(self._unwrap(epoch, wrapped))
            except FileNotFoundError:
                if attempt == 4:
                    raise _lost(epoch) from None
                continue  # the epoch passed since we read the row: it bears a newer one now
            self._remember((owner, generation), (wrapped, key))
            return key
        return None

    def _unwrap(self, epoch: int, wrapped: bytes) -> bytes:
        key = unwrap(self._epochs.key(epoch), wrapped)
        if key is None:
            raise UnsafeStore(f"a key wrapped by epoch {epoch} is damaged; restore the key file")
        return key

    def _remember(self, owner: tuple[str, int], held: tuple[bytes, PersonKey]) -> None:
        with self._remembering:
            self._unwrapped[owner] = held
            self._unwrapped.move_to_end(owner)
            if len(self._unwrapped) > MOST_IN_MEMORY:
                self._unwrapped.popitem(last=False)

    def _forget(self, owner: tuple[str, int]) -> None:
        with self._remembering:
            self._unwrapped.pop(owner, None)

    @contextlib.contextmanager
    def _alone(self, *, waits: bool) -> Iterator[None]:
        """Keep other processes from setting up or rotating; the lock ends with the process."""
        descriptor = os.open(self._folder / "rotation.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
            except BlockingIOError:
                raise InputError("a rotation of keys is under way; let it finish") from None
            yield
        finally:
            os.close(descriptor)


def _require_person(person: str) -> None:
    if not person.isprintable() or not person or person.startswith(_INDEX):
        raise InputError("a key belongs to a person's random id; this is none")


def _owner_of_index(place: SealedPlace) -> str:
    return _INDEX + place.bound.hex()


def _lost(epoch: int | str) -> UnsafeStore:
    return UnsafeStore(
        f"the key of epoch {epoch} is missing: it was destroyed, and an old key file put back, or "
        "it was lost; then restore the folder of epochs from its mirror"
    )


class MemoryPersonKeys:
    """Persons' keys that live as long as the object: for tests. Epochs pass by `rotate_epoch`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._epoch = rows.FIRST_EPOCH
        self._keys: dict[tuple[str, int], PersonKey] = {}
        self._destroyed: dict[tuple[str, int], tuple[int, int]] = {}
        self._lock = threading.RLock()

    def key_of(self, person: str) -> PersonKey:
        """Return a person's key; see `troth.core.ports.KeyProvider`."""
        with self._lock:
            if (person, 0) in self._destroyed:
                raise KeyDestroyed("this key was destroyed; what it sealed is gone")
            if (person, 0) not in self._keys:
                raise KeyMissing("this person has no key; nothing of theirs was ever sealed")
            return self._keys[person, 0]

    def make_key(self, person: str) -> PersonKey:
        """Return a person's key, made now if there was none."""
        _require_person(person)
        with self._lock:
            if (person, 0) not in self._destroyed:
                self._keys.setdefault((person, 0), PersonKey(os.urandom(KEY_BYTES)))
            return self.key_of(person)

    def destroy_key(self, person: str) -> Destruction:
        """Destroy a person's key."""
        _require_person(person)
        with self._lock:
            self._destroy((person, 0))
            at, epoch = self._destroyed[person, 0]
            return Destruction(at, epoch, is_final=self._epoch > epoch)

    def _destroy(self, owner: tuple[str, int]) -> None:
        self._keys.pop(owner, None)
        self._destroyed.setdefault(owner, (self._clock.now(), self._epoch))

    def destruction_of(self, person: str) -> Destruction | None:
        """Return what is known of the destruction of a person's key, or None if it lives."""
        return self._destruction((person, 0))

    def _destruction(self, owner: tuple[str, int]) -> Destruction | None:
        with self._lock:
            found = self._destroyed.get(owner)
            return found and Destruction(*found, is_final=self._epoch > found[1])

    def index_keys(self, place: SealedPlace) -> Sequence[IndexKey]:
        """Return the living keys of the blind index of a place, newest first, at least one."""
        owner = _owner_of_index(place)
        with self._lock:
            if not any(name == owner for name, _ in self._keys):
                self.renew_index_key(place)
            living = sorted((g for name, g in self._keys if name == owner), reverse=True)
            return [IndexKey(g, self._keys[owner, g].material) for g in living]

    def renew_index_key(self, place: SealedPlace) -> IndexKey:
        """Add a generation to the key of a blind index."""
        owner = _owner_of_index(place)
        with self._lock:
            newest = max((g for name, g in self._keys if name == owner), default=0) + 1
            self._keys[owner, newest] = PersonKey(os.urandom(KEY_BYTES))
            return IndexKey(newest, self._keys[owner, newest].material)

    def destroy_index_keys(self, place: SealedPlace, *, before: int) -> None:
        """Destroy the generations of an index key below ``before``."""
        owner = _owner_of_index(place)
        with self._lock:
            generations = [g for name, g in self._keys if name == owner]
            if not any(g >= before for g in generations):
                raise InputError(f"renew the index key of {place.name} before the old one goes")
            for g in generations:
                if g < before:
                    self._destroy((owner, g))

    def destruction_of_index(self, place: SealedPlace, generation: int) -> Destruction | None:
        """Return what is known of a destroyed generation of an index key, or None if it lives."""
        return self._destruction((_owner_of_index(place), generation))

    def rotate_epoch(self) -> EpochRotation:
        """Begin an epoch; what was destroyed before is destroyed for good."""
        with self._lock:
            self._epoch += 1
            return EpochRotation(self._epoch, len(self._keys), (self._epoch - 1,))

    def close(self) -> None:
        """Forget every key."""
        with self._lock:
            self._keys.clear()
