"""Keys: in files beside the database, never in it; and a twin in memory.

The folder holds ``snapshot.key`` (32 random bytes) and ``log.key`` (an Ed25519 seed), each readable
by the owner only, and ``log.vkey``, which is public: whoever verifies the log pins it.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from troth.core.errors import UnsafeStore
from troth.core.signed_note import VerifierKey


class NoteSigner:
    """Signs notes with an Ed25519 key under a name (`troth.core.tlog.Signer`)."""

    def __init__(self, key_name: str, seed: bytes) -> None:
        self._name = key_name
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._key.public_key().public_bytes_raw()
        self._vkey = VerifierKey(key_name, public).vkey

    @property
    def key_name(self) -> str:
        """Return the name of the log."""
        return self._name

    @property
    def vkey(self) -> str:
        """Return the verifier key ``name+hash+base64``."""
        return self._vkey

    def sign(self, message: bytes) -> bytes:
        """Return the signature (64 bytes)."""
        return self._key.sign(message)


class MemoryKeys:
    """Keys that live as long as the object: for tests."""

    def __init__(self, key_name: str, seed: bytes = b"\x01" * 32) -> None:
        self._snapshot_key = bytes(reversed(seed))
        self._signer = NoteSigner(key_name, seed)

    @property
    def snapshot_key(self) -> bytes:
        """Return the MAC key of snapshot tokens."""
        return self._snapshot_key

    @property
    def signer(self) -> NoteSigner:
        """Return the signer of checkpoints and receipts."""
        return self._signer


class FileKeys(MemoryKeys):
    """Keys in a folder; made there when they are missing.

    Raises:
        UnsafeStore: a key file can be read by others, or has the wrong size.
    """

    def __init__(self, folder: Path, key_name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._snapshot_key = _secret(folder / "snapshot.key")
        self._signer = NoteSigner(key_name, _secret(folder / "log.key"))
        (folder / "log.vkey").write_text(self._signer.vkey + "\n", encoding="ascii")


def _secret(path: Path) -> bytes:
    try:
        # O_EXCL: two processes that start at once agree on the file that came first.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(32))
            file.flush()
            os.fsync(file.fileno())
    if path.stat().st_mode & 0o077:
        raise UnsafeStore(f"{path.name} can be read by others; run chmod 600 on it")
    secret = path.read_bytes()
    if len(secret) != 32:
        raise UnsafeStore(f"{path.name} holds {len(secret)} bytes, expected 32; restore it")
    return secret
