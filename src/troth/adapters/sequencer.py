"""The thread that turns events into leaves about once a second."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from troth.core.errors import TrothError

_LOGGER = logging.getLogger("troth.sequencer")


class Sequencer:
    """Calls ``sequence`` again and again; a failure is logged and tried again, never hidden.

    Args:
        sequence: does one round and returns how many leaves it made.
        wait_seconds: how long to wait between rounds.
    """

    def __init__(self, sequence: Callable[[], int], *, wait_seconds: float = 0.5) -> None:
        self._sequence = sequence
        self._wait_seconds = wait_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="troth-sequencer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the round that runs, and wait for it."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._wait_seconds):
            try:
                self._sequence()
            except TrothError as error:
                # Errors of ours name no person; the round is tried again.
                _LOGGER.error("sequencing failed: %s", error)
