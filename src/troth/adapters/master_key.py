"""The master key, which wraps the keys of epochs: in a file of its own, or in the environment.

It lies apart from what it opens wherever the operator can manage it: a mounted secret, the
environment of the service. While it is being replaced, the old and the new one are both known.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from troth.adapters.secret_files import put_in_place, read_secret, shred, tidy, write_secret
from troth.core.errors import UnsafeStore, WrongMasterKey
from troth.core.sealing import KEY_BYTES

VARIABLE = "TROTH_MASTER_KEY"
OLD_VARIABLE = "TROTH_MASTER_KEY_OLD"


class MasterKey(Protocol):
    """Where the master key comes from."""

    def known(self) -> Sequence[bytes]:
        """Return the keys that may have wrapped something, the one that wraps now first."""
        ...

    def make(self) -> None:
        """Make the first key of a new deployment, where that is ours to do."""
        ...

    def begin_rotation(self) -> bool:
        """Bring in a new key beside the old; False if nothing has to be wrapped anew for it."""
        ...

    def finish_rotation(self) -> None:
        """Let go of the old key: nothing is wrapped by it any more."""
        ...


class FileMasterKey:
    """The master key as 32 bytes in a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = path.with_name(path.name + ".next")
        self._old = path.with_name(path.name + ".old")

    def known(self) -> Sequence[bytes]:
        """Return the keys that may have wrapped something, the one that wraps now first.

        Raises:
            WrongMasterKey: the file is not there.
            UnsafeStore: others can read it, or it has another size.
        """
        found = []
        for path in (self._next, self._path):
            try:
                key = read_secret(path)
            except FileNotFoundError:
                continue
            if len(key) != KEY_BYTES:
                raise UnsafeStore(f"{path.name} holds {len(key)} bytes, expected 32; restore it")
            found.append(key)
        if not found:
            raise WrongMasterKey(f"{self._path.name} is missing; restore it from where you keep it")
        return found

    def make(self) -> None:
        """Make a random key if there is none."""
        if not self._path.exists():
            write_secret(self._path, os.urandom(KEY_BYTES))

    def begin_rotation(self) -> bool:
        """Write the new key beside the old, or finish a rotation whose old key lies about."""
        if not self._next.exists() and self._old.exists():
            tidy(self._path)
            return False
        if not self._next.exists():
            write_secret(self._next, os.urandom(KEY_BYTES))
        return True

    def finish_rotation(self) -> None:
        """Let the new key take the place of the old, which is overwritten."""
        if not (self._old.exists() and self._old.samefile(self._path)):
            shred(self._old)
        else:
            self._old.unlink()
        put_in_place(self._next, self._path, self._old)


class EnvironmentMasterKey:
    """The master key from ``TROTH_MASTER_KEY``: base64 or hex of 32 bytes.

    To replace it, start with the new key there and the old one in ``TROTH_MASTER_KEY_OLD``, rotate,
    and take the old one away.

    Raises:
        UnsafeStore: a variable is missing or holds no 32 bytes; its content is not shown.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        given = os.environ if environment is None else environment
        self._known = [_read(VARIABLE, given.get(VARIABLE, ""))]
        if given.get(OLD_VARIABLE):
            self._known.append(_read(OLD_VARIABLE, given[OLD_VARIABLE]))

    def known(self) -> Sequence[bytes]:
        """Return the key that wraps now, and the old one if it was given."""
        return self._known

    def make(self) -> None:
        """Leave it to the operator, who gave the key."""

    def begin_rotation(self) -> bool:
        """Tell whether an old key was given.

        Raises:
            UnsafeStore: none was, so there is nothing to rotate from.
        """
        if len(self._known) < 2:
            raise UnsafeStore(f"set {VARIABLE} to the new key and {OLD_VARIABLE} to the old one")
        return True

    def finish_rotation(self) -> None:
        """Leave it to the operator, who takes the old key away."""


def _read(name: str, text: str) -> bytes:
    text = text.strip()
    try:
        key = bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise UnsafeStore(f"{name} holds no 32 bytes in base64 or hex; expected a random key")
    return key
