"""Tell the security log what happened; without a log that is open, nothing is done.

Any thread may do so at any place: it raises nothing and waits for nothing but the line. What may
be said is decided in `troth.core.security_event`.
"""

from __future__ import annotations

import logging
from typing import Protocol

from troth.core.security_event import LOGGER, Event, SecurityEvent, Value


class Tell(Protocol):
    """Tells one event."""

    def __call__(self, event: Event, /, **fields: Value) -> None:
        """Tell ``event`` with its fields; a field that is not in its vocabulary is left out."""
        ...


def event_logger(name: str) -> Tell:
    """Return what tells events on the logger ``name``, for a host with a logger of its own."""
    logger = logging.getLogger(name)

    def tell(event: Event, /, **fields: Value) -> None:
        if logger.isEnabledFor(logging.INFO):
            told = SecurityEvent(event, fields)
            logger.info("%s", told, extra={"security_event": told})

    return tell


security_event = event_logger(LOGGER)
"""Tell one event of troth's own."""
