"""The files of the log: the folder that verifiers read, and the checkpoints kept elsewhere.

Every write is made durable before it is seen: a new file is written and synced under another name,
then renamed, then its folder is synced. The checkpoint file only grows; a write that a crash cut
short is completed, never overwritten.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from troth.core.errors import LedgerError
from troth.core.tlog import parse_checkpoint, split_notes
from troth.store.disk import sync_folder

_TAIL_BYTES = 1 << 16
"""How much of the end of the checkpoint file is read for the newest note (they have ~250 bytes)."""


class CheckpointFile:
    """The append-only file of checkpoint notes, each followed by an empty line.

    Keep it on another disk, host or account than the database: whoever can rewrite both can
    rewrite history.

    Args:
        path: The file; made with its folder when the first note is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def last(self) -> str | None:
        """Return the newest complete note, or None if there is none.

        Raises:
            LedgerError: The end of the file is not made of notes.
        """
        try:
            with self._path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                return _last_note(file)[0]
        except FileNotFoundError:
            return None

    def notes(self) -> list[str]:
        """Return every complete note, oldest first; empty if there is no file."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except UnicodeDecodeError:
            raise LedgerError("the file of outside checkpoints is not text") from None
        return split_notes(text)[0]

    def append(self, note: str) -> None:
        """Add a note and wait until it is on the disk.

        Does nothing if the file already ends with this note or one of a larger tree.

        Raises:
            LedgerError: The file ends with another tree of the same size, or with something that
                is neither a note nor the beginning of this one.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self._path.exists()
        # "a": the kernel puts every write at the end, whatever another process did meanwhile.
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            last, torn = _last_note(file)
            if last is not None and _is_already_there(last, note):
                return
            whole = (note + "\n").encode()
            if not whole.startswith(torn):
                raise LedgerError(
                    "the file of outside checkpoints ends with something that is no checkpoint "
                    "of ours; keep it as it is and verify the log"
                )
            file.write(whole[len(torn) :])
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_folder(self._path.parent)


def _last_note(file: BinaryIO) -> tuple[str | None, bytes]:
    """Return the newest complete note and the bytes after it."""
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - _TAIL_BYTES)
    file.seek(start)
    tail = file.read()
    if start:
        # Begin at a note: the first line after an empty line that follows a signature line.
        at = tail.find("\n— ".encode())
        end = tail.find(b"\n\n", at)
        if at < 0 or end < 0:
            raise LedgerError("the end of the file of outside checkpoints holds no checkpoint")
        tail = tail[end + 2 :]
    # A cut may fall inside a character: split on bytes by way of a reversible decoding.
    notes, torn = split_notes(tail.decode(errors="surrogateescape"))
    return (notes[-1] if notes else None), torn.encode(errors="surrogateescape")


def _is_already_there(last: str, note: str) -> bool:
    there, new = parse_checkpoint(last), parse_checkpoint(note)
    if there.tree_size == new.tree_size and there.root != new.root:
        msg = f"two histories: the checkpoint outside of {new.tree_size} leaves is another"
        raise LedgerError(msg)
    return there.tree_size >= new.tree_size


class LogFolder:
    """The published log: ``checkpoint`` and ``tile/…`` as C2SP tlog-tiles lays them out.

    Any static file server can serve it.

    Args:
        root: The folder; made when the first file is written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def checkpoint(self) -> str | None:
        """Return the published checkpoint note, or None before the first."""
        try:
            return (self._root / "checkpoint").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def write_tile(self, path: str, content: bytes) -> None:
        """Write a tile or bundle; a full one replaces its partial ones.

        Args:
            path: From `troth.core.tlog.tile_path`.
            content: The whole file.

        Raises:
            LedgerError: Another content is published there already. Tiles never change.
        """
        target = self._root / path
        if target.is_file():
            if target.read_bytes() != content:
                msg = f"{path} is published with another content; tiles never change: verify"
                raise LedgerError(msg)
        else:
            _write_durably(target, content)
        if not target.parent.name.endswith(".p"):
            # tlog-tiles allows it once the full tile is there; a busy log would leave gigabytes.
            shutil.rmtree(target.with_name(target.name + ".p"), ignore_errors=True)

    def write_checkpoint(self, note: str) -> None:
        """Replace the published checkpoint, unless one of a larger tree is there."""
        there = self.checkpoint()
        if there is not None and _is_already_there(there, note):
            return
        _write_durably(self._root / "checkpoint", note.encode())


def _write_durably(target: Path, content: bytes) -> None:
    made = _make_folders(target.parent)
    with _new_file_beside(target) as (descriptor, name):
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o644)  # mkstemp keeps it private; it is for everybody
            os.fsync(file.fileno())
        Path(name).replace(target)
    for folder in (target.parent, *made):
        sync_folder(folder)


@contextlib.contextmanager
def _new_file_beside(target: Path) -> Iterator[tuple[int, str]]:
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=target.parent)
    try:
        yield descriptor, name
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; return the folders that got a new entry."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for made in reversed(missing):
        made.mkdir(exist_ok=True)
    return [made.parent for made in missing]
