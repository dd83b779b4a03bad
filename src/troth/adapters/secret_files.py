"""Small files with one secret each: written whole or not at all, and overwritten before they go.

Overwriting reaches the file, not what a journalling file system, a flash disk or a snapshot keeps
beside it. Put these files on a disk that is encrypted as a whole.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from troth.core.errors import UnsafeStore
from troth.store.disk import sync_folder


def read_secret(path: Path) -> bytes:
    """Return the content of a secret file.

    Raises:
        FileNotFoundError: it is not there.
        UnsafeStore: others can read it.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise UnsafeStore(f"{path.name} can be read by others; run chmod 600 on it")
        return file.read()


def write_secret(path: Path, content: bytes) -> None:
    """Write a secret file, whole and durable, and overwrite what was in its place.

    Ended by kill -9 anywhere, the old content or the new one stands under the name; a leftover is
    removed by the next write or by `tidy`.
    """
    tidy(path)
    new, old = _beside(path)
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    put_in_place(new, path, old)


def remove_secret(path: Path) -> None:
    """Remove a secret file, which is overwritten; nothing to do if it is not there.

    Under its own name it is whole or absent, never zeros: kill -9 leaves at most the other name.
    """
    tidy(path)
    _, old = _beside(path)
    with contextlib.suppress(FileNotFoundError):
        path.replace(old)
        sync_folder(path.parent)
    shred(old)


def put_in_place(new: Path, path: Path, old: Path) -> None:
    """Let ``new`` take the place of ``path``, whose content is then overwritten under ``old``."""
    with contextlib.suppress(FileNotFoundError):
        os.link(path, old)
    new.replace(path)
    sync_folder(path.parent)
    shred(old)


def tidy(path: Path) -> None:
    """Finish a write that was ended between its steps."""
    _, old = _beside(path)
    if old.exists() and path.exists() and old.samefile(path):
        old.unlink()  # a second name for the living file: the write never took place
    else:
        shred(old)


def shred(path: Path) -> None:
    """Overwrite a file with zeros on the disk and remove it; nothing to do if it is not there."""
    with contextlib.suppress(FileNotFoundError):
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        sync_folder(path.parent)


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(path.name + ".new"), path.with_name(path.name + ".old")
