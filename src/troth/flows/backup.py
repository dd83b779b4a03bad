"""Back up the database while it is used, and say what is in it.

SQLite is copied by its own online backup, so the copy is one state of the database; the keys are
not in it, and must not be: a backup that holds keys can never be forgotten. On PostgreSQL use the
server's own tools (`pg_dump`), which are better at it than anything we could write.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sqlalchemy import make_url

from troth.core.errors import InputError, StoreUnavailable
from troth.store.db import kind_of


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written: the file, its size in bytes and its SHA-256 (hex)."""

    file: Path
    size_bytes: int
    digest: str


def back_up(database_url: str, file: Path) -> Backup:
    """Write a copy of a SQLite database to ``file``, which must not exist yet.

    Raises:
        InputError: the database is not SQLite, or the file exists.
        StoreUnavailable: the database cannot be read, or the copy is not sound.
    """
    if kind_of(database_url) != "sqlite":
        raise InputError("troth backup copies SQLite; for PostgreSQL run pg_dump")
    if file.exists():
        raise InputError(f"{file} exists; a backup never overwrites another")
    part = file.with_name(file.name + ".part")
    source = make_url(database_url).database or ""
    try:
        old = sqlite3.connect(f"file:{source}?mode=ro", uri=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.close(descriptor)
        new = sqlite3.connect(part)
        try:
            old.backup(new, pages=4096)
            (sound,) = new.execute("PRAGMA integrity_check").fetchone()
        finally:
            new.close()
            old.close()
    except sqlite3.Error as error:
        part.unlink(missing_ok=True)
        raise StoreUnavailable("the database cannot be copied now") from error
    if sound != "ok":
        part.unlink(missing_ok=True)
        raise StoreUnavailable("the copy is not sound; the database may be damaged")
    with part.open("rb") as copy:
        os.fsync(copy.fileno())
        digest = sha256(copy.read()).hexdigest()
    part.rename(file)
    return Backup(file, file.stat().st_size, digest)
