"""The security log: one JSON line for each event, in one file for each day (UTC).

What it does to whom, and never does (``tests/adapters/test_security_log.py``):

1. It takes `SecurityEvent` values only; any other record sent to its loggers is dropped and
   counted. So nothing personal can be written, whatever a caller sends.
2. A line is whole or not there. It is one write at the end of the file, under a lock that the
   kernel drops with its process; a write that the disk cut short is taken back; what a crash of
   the machine left of a line is cut off by the next one.
3. It never stops who tells it. A disk that is full or a folder that cannot be written is told once
   on stderr; the events are counted, and the count is the first line once it can write again.
4. It deletes only files of its own name, whole days, older than they are kept; never younger than
   the law asks for, since `kept_days` is checked before it is made.

Durability: a written line survives the death of the process. Events in `GRAVE` are on the disk
before the caller goes on; all others are when the system writes them, within about half a minute:
what anybody can cause in numbers must not make everybody wait for the disk.

A flood: of the same event with the same fields the first 100 in a minute are written; how many more
there were is one line after it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from troth.core.ports import Clock
from troth.core.security_event import GRAVE, Event, SecurityEvent, day_of, is_due, line_of
from troth.store.disk import sync_folder

MOST_A_MINUTE = 100
_MINUTE = 60_000_000
_LOCK_SECONDS = 1.0
_LINE_BYTES = 4096
"""Longer than any line."""


class SecurityLog(logging.Handler):
    """The handler that writes the log; `attach` it to the loggers that events are told on.

    Args:
        folder: where the files lie; made with the first line, for its owner only.
        clock: tells when.
        kept_days: for how many days files are kept, as `core.security_event.checked_days` allows.
        most_a_minute: how many lines a minute may have of the same event.

    Attributes:
        dropped: how many records and fields were not of the vocabulary.
        lost: how many events could not be written.
    """

    def __init__(
        self, folder: Path, clock: Clock, *, kept_days: int, most_a_minute: int = MOST_A_MINUTE
    ) -> None:
        super().__init__(logging.INFO)
        self.dropped = 0
        self.lost = 0
        self._folder = folder
        self._clock = clock
        self._kept_days = kept_days
        self._most = most_a_minute
        self._minute = 0
        self._tally: dict[SecurityEvent, int] = {}
        self._untold = 0
        self._swept_on: date | None = None
        self._has_complained = False

    # --- the handler --------------------------------------------------------------------------

    def emit(self, record: logging.LogRecord) -> None:
        """Write the event of a record; called by `logging` with the lock of this handler held."""
        told = getattr(record, "security_event", None)
        if not isinstance(told, SecurityEvent):
            self.dropped += 1
            return
        self.dropped += told.dropped
        now = self._clock.now()
        lines = self._those_before(now)
        times = self._tally[told] = self._tally.get(told, 0) + 1
        if times <= self._most:
            lines.append((line_of(told, now, process=os.getpid()), 1))
        self._write(now, lines, durable=told.event in GRAVE)
        self._sweep_once_a_day(day_of(now))

    def close(self) -> None:
        """Write what is counted and not yet told."""
        self.acquire()
        try:
            now = self._clock.now()
            self._write(now, self._those_before(now, ends=True), durable=True)
        finally:
            self.release()
        super().close()

    def _those_before(self, now: int, *, ends: bool = False) -> list[tuple[bytes, int]]:
        """Return what the minute that passed still has to tell: lines, and events in each."""
        minute = now // _MINUTE
        if minute == self._minute and not ends:
            return []
        passed, at = self._tally, self._minute * _MINUTE
        self._minute, self._tally = minute, {}
        return [
            (line_of(told, at, process=os.getpid(), times=more), more)
            for told, times in passed.items()
            if (more := times - self._most) > 0
        ]

    # --- the file -----------------------------------------------------------------------------

    def _write(self, now: int, lines: list[tuple[bytes, int]], *, durable: bool) -> None:
        if not lines:
            return
        events = sum(count for _, count in lines)
        content = b"".join(line for line, _ in lines)
        if self._untold:
            gap = SecurityEvent(Event.EVENTS_LOST, {"lost": self._untold})
            content = line_of(gap, now, process=os.getpid()) + content
        try:
            self._append(self._folder / f"{day_of(now)}.jsonl", content, durable=durable)
        except OSError as error:
            self.lost += events
            self._untold += events
            self._complain(f"cannot be written: {error.strerror or error}")
        else:
            self._untold = 0

    def _append(self, path: Path, content: bytes, *, durable: bool) -> None:
        # Where the last line was lost already nobody waits again.
        wait = 0.0 if self._untold else _LOCK_SECONDS
        with _opened(path) as descriptor:
            with _locked(descriptor, wait_seconds=wait):
                size = _whole(descriptor)
                written = os.write(descriptor, content)
                if written != len(content):
                    os.ftruncate(descriptor, size)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if durable:
                os.fsync(descriptor)
                if size == 0:
                    sync_folder(path.parent)

    def _complain(self, what: str) -> None:
        if not self._has_complained:
            self._has_complained = True
            with contextlib.suppress(OSError, ValueError, AttributeError):  # no stderr to tell
                sys.stderr.write(f"troth: the security log in {self._folder} {what}; counted\n")

    # --- what is old --------------------------------------------------------------------------

    def _sweep_once_a_day(self, today: date) -> None:
        if self._swept_on != today:
            self._swept_on = today
            self.sweep()

    def sweep(self) -> int:
        """Delete the files of days that are older than they are kept; return how many."""
        today, gone = day_of(self._clock.now()), 0
        try:
            for path in sorted(self._folder.glob("*.jsonl")):
                day = _day_in(path.stem)
                if day is not None and is_due(day, today, self._kept_days):
                    path.unlink()
                    gone += 1
        except OSError as error:
            self._complain(f"cannot be swept: {error.strerror or error}")
        return gone


@contextlib.contextmanager
def attached(log: SecurityLog, *names: str) -> Iterator[SecurityLog]:
    """Send what is told on these loggers to ``log`` inside the block, and close it at its end."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(log)
        logger.setLevel(logging.INFO)
    try:
        log.sweep()
        yield log
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(log)
            if not any(isinstance(other, SecurityLog) for other in logger.handlers):
                logger.setLevel(level)
        log.close()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, flags, 0o600)
    try:
        if os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(descriptor: int, *, wait_seconds: float) -> Iterator[None]:
    """Hold the file against other processes; one that never lets go costs lines, not the shop."""
    until = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.001)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _whole(descriptor: int) -> int:
    """Cut off what a crash left of a line, and return the size of the file in bytes."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - _LINE_BYTES)
    tail = os.pread(descriptor, size - start, start)
    if not tail or tail.endswith(b"\n"):
        return size
    end = tail.rfind(b"\n") + 1
    if end or not start:  # else it is no line of ours: leave it, and begin a new one after it
        os.ftruncate(descriptor, start + end)
        return start + end
    os.write(descriptor, b"\n")
    return size + 1


def _day_in(stem: str) -> date | None:
    try:
        day = date.fromisoformat(stem)
    except ValueError:
        return None
    return day if day.isoformat() == stem else None
