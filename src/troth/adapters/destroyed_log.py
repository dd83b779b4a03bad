"""What was destroyed, in a file that is only added to and that no backup of the keys holds.

A line is durable before the key is destroyed. So whatever is put back later, a start finds here
what must be destroyed again; and a line whose destruction was ended by kill -9 is fulfilled then.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from troth.core.errors import UnsafeStore
from troth.store.disk import sync_folder


@dataclass(frozen=True, slots=True)
class DestroyedKey:
    """One line: whose key (id of a person, or place of an index), its generation, and when."""

    owner: str
    generation: int
    at: int


class DestroyedLog:
    """The log at ``path``; made with the first line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, gone: Sequence[DestroyedKey]) -> None:
        """Append lines; durable on return."""
        lines = "".join(f"{key.at} {key.generation} {key.owner}\n" for key in gone)
        is_new = not self._path.exists()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # One write: lines of several processes do not mix. It begins with a line end, so that
            # a line which was cut by a crash spoils none that follows.
            os.write(descriptor, b"\n" + lines.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            sync_folder(self._path.parent)

    def read(self) -> Iterator[DestroyedKey]:
        """Return every line, oldest first; one that was cut by a crash destroyed nothing.

        Raises:
            UnsafeStore: others can read the file.
        """
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise UnsafeStore(f"{self._path.name} can be read by others; run chmod 600")
                for line in file:
                    parts = line.rstrip(b"\n").split(b" ", 2)
                    if len(parts) == 3 and line.endswith(b"\n"):
                        at, generation, owner = parts
                        yield DestroyedKey(owner.decode(), int(generation), int(at))
        except FileNotFoundError:
            return
