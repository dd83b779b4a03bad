"""Back up the database while it is used, and say what is in it.

SQLite is copied by its own online backup, so the copy is one state of the database; the keys are
not in it, and must not be: a backup that holds keys can never be forgotten. On PostgreSQL use the
server's own tools (`pg_dump`), which are better at it than anything we could write.

A copy appears under its name only when it is whole, checked and on the disk, and never in the
place of another.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import make_url

from troth.core.errors import InputError, StoreUnavailable
from troth.store.db import kind_of
from troth.store.disk import sync_folder


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written: the file, its size in bytes and its SHA-256 (hex)."""

    file: Path
    size_bytes: int
    digest: str


def back_up(database_url: str, file: Path) -> Backup:
    """Write a copy of a SQLite database to ``file``, which must not exist yet.

    Raises:
        InputError: the database is not SQLite, the file exists, or its folder does not.
        StoreUnavailable: the database cannot be read, or the copy is not sound.
    """
    if kind_of(database_url) != "sqlite":
        raise InputError("troth backup copies SQLite; for PostgreSQL run pg_dump")
    if file.exists():
        raise InputError(f"{file} exists; a backup never overwrites another")
    if not file.parent.is_dir():
        raise InputError(f"there is no folder {file.parent} to write the backup into")
    # Made by mkstemp, so that nobody but us can read it, and two backups do not meet.
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    os.close(descriptor)
    part = Path(name)
    try:
        _copy(make_url(database_url).database or "", part)
        with part.open("rb") as copy:
            os.fsync(copy.fileno())
            digest = hashlib.file_digest(copy, "sha256").hexdigest()
        try:
            os.link(part, file)  # unlike a rename, it takes nothing's place
        except FileExistsError:
            raise InputError(f"{file} exists; a backup never overwrites another") from None
    finally:
        for leftover in (part, Path(f"{name}-wal"), Path(f"{name}-shm")):
            leftover.unlink(missing_ok=True)
    sync_folder(file.parent)
    return Backup(file, file.stat().st_size, digest)


def _copy(source: str, part: Path) -> None:
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(source)}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(part)) as new,
        ):
            old.backup(new, pages=4096)
            (sound,) = new.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.Error as error:
        raise StoreUnavailable("the database cannot be copied now; is it there?") from error
    if sound != "ok":
        raise StoreUnavailable("the copy is not sound; the database may be damaged")
