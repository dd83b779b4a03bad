"""The port to a person's phone, and the one that the demo shows on a local page.

What is sent holds one-time codes, so no message is ever logged. `DemoOutbox` keeps them in a file
on purpose, for a shop on one machine that has no operator for text messages; it must be asked for.
"""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from troth_shop.errors import MessageNotSent


class Messages(Protocol):
    """Sends short messages to phones."""

    def send(self, *, to: str, text: str) -> None:
        """Send one message; return when it is handed over.

        Raises:
            MessageNotSent: it was not taken.
        """
        ...


class NoMessages:
    """The default: nothing is set up, so nothing can be sent."""

    def send(self, *, to: str, text: str) -> None:
        """Refuse to send.

        Raises:
            MessageNotSent: always.
        """
        raise MessageNotSent


@dataclass(frozen=True, slots=True)
class DemoMessage:
    """One message as the demo's page shows it; ``at`` in microseconds since 1970."""

    at: int
    to: str
    text: str


class DemoOutbox:
    """Keeps the last messages in a file that only this user can read.

    Args:
        folder: where ``outbox.jsonl`` lies; made if missing.
    """

    MOST = 50

    def __init__(self, folder: Path) -> None:
        self._path = folder / "outbox.jsonl"
        self._writing = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def send(self, *, to: str, text: str) -> None:
        """Add one message to the page.

        Raises:
            MessageNotSent: the file cannot be written.
        """
        message = DemoMessage(time.time_ns() // 1000, to, text)
        line = json.dumps(asdict(message), ensure_ascii=False).encode() + b"\n"
        try:
            with self._writing:
                # One write of one line, appended: lines of several processes do not mix.
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
                descriptor = os.open(self._path, flags, 0o600)
                try:
                    os.write(descriptor, line)
                finally:
                    os.close(descriptor)
        except OSError:
            raise MessageNotSent from None

    def recent(self) -> tuple[DemoMessage, ...]:
        """Return the last messages, newest first."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return ()
        return tuple(DemoMessage(**json.loads(line)) for line in reversed(lines[-self.MOST :]))
