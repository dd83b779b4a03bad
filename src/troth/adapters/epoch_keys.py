"""The keys of epochs: one small file each, wrapped by the master key; gone when the epoch passed.

They are what makes destruction reach backups: a copy of the key file opens nothing without the key
of the epoch it was made in. So this folder is in no backup. It is mirrored, deletions included,
to a second machine, and that mirror keeps no history.
"""

from __future__ import annotations

import os
import re
import time
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import keywrap

from troth.adapters.master_key import MasterKey
from troth.adapters.secret_files import read_secret, remove_secret, tidy, write_secret
from troth.core.errors import UnsafeStore, WrongMasterKey
from troth.core.sealing import KEY_BYTES

_LINE = re.compile(rb"troth epoch 1 (\d+) ([0-9a-f]{16}) ([0-9a-f]{80})\n")
_READINGS = 4


def unwrap(wrapping: bytes, wrapped: bytes) -> bytes | None:
    """Return the key that AES key wrap (RFC 3394) holds, or None if it is not this key's work."""
    try:
        return keywrap.aes_key_unwrap(wrapping, wrapped)
    except (keywrap.InvalidUnwrap, ValueError):
        return None


def wrap(wrapping: bytes, key: bytes) -> bytes:
    """Return a key of 32 bytes in AES key wrap (RFC 3394): 40 bytes."""
    return keywrap.aes_key_wrap(wrapping, key)


class EpochKeys:
    """The folder of epoch keys; what was read stays in memory while its file is there."""

    def __init__(self, folder: Path, master: MasterKey) -> None:
        self._folder = folder
        self._master = master
        self._held: dict[int, bytes] = {}

    def path(self, number: int) -> Path:
        """Return the file of an epoch."""
        return self._folder / f"{number}.key"

    def are_any(self) -> bool:
        """Tell whether there is the key of any epoch."""
        return any(self._folder.glob("*.key"))

    def add(self, number: int) -> None:
        """Draw the key of a new epoch; durable on return. A file that no row names is replaced."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._write(number, os.urandom(KEY_BYTES))
        self._held.pop(number, None)

    def key(self, number: int) -> bytes:
        """Return the key of an epoch.

        Raises:
            FileNotFoundError: the epoch has passed, or its file is lost.
            WrongMasterKey: no known master key opens it.
            UnsafeStore: the file is damaged, or others can read it.
        """
        key = self._held.get(number)
        if key is None:
            key, _ = self._read(number)
            for other in list(self._held):
                if not self.path(other).exists():
                    self._held.pop(other, None)
            self._held[number] = key
        return key

    def destroy(self, number: int) -> None:
        """Overwrite and remove the key of an epoch."""
        self._held.pop(number, None)
        remove_secret(self.path(number))

    def rewrap(self, number: int) -> None:
        """Wrap the key of an epoch by the newest master key, unless it is already."""
        tidy(self.path(number))
        key, is_newest = self._read(number)
        if not is_newest:
            self._write(number, key)

    def _write(self, number: int, key: bytes) -> None:
        newest = self._master.known()[0]
        line = f"troth epoch 1 {number} {_name(newest)} {wrap(newest, key).hex()}\n"
        write_secret(self.path(number), line.encode())

    def _read(self, number: int) -> tuple[bytes, bool]:
        # Another process may replace the file or the master key between our readings, and
        # overwrite what we have open: only what is wrong every time is wrong.
        is_damaged = True
        for attempt in range(_READINGS):
            time.sleep(attempt / 100)
            found = _LINE.fullmatch(read_secret(self.path(number)))
            is_damaged = found is None or int(found[1]) != number
            masters = self._master.known()
            for master in masters:
                if found is None or is_damaged or _name(master) != found[2].decode():
                    continue
                key = unwrap(master, bytes.fromhex(found[3].decode()))
                if key is not None:
                    return key, master == masters[0]
                is_damaged = True
        if is_damaged:
            raise UnsafeStore(f"the key of epoch {number} is damaged; restore it from its mirror")
        raise WrongMasterKey(f"the master key does not open epoch {number}; restore the right one")


def _name(master: bytes) -> str:
    """Return what a master key is called in the files that it wraps; it says nothing of the key."""
    return sha256(b"troth master key\n" + master).hexdigest()[:16]
