"""Clocks: the machine's, and one that tests and time travel set by hand."""

from __future__ import annotations

import time


class SystemClock:
    """The clock of the machine."""

    def now(self) -> int:
        """Return microseconds since 1970-01-01T00:00:00Z."""
        return time.time_ns() // 1000


class SetClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        """Return the time it was set to."""
        return self._now

    def move(self, microseconds: int) -> None:
        """Move the time forward."""
        self._now += microseconds
