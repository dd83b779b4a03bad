"""What the shop tells the security log: what happened at which door, never to whom."""

from troth.integrations.security_log import Door, Event, event_logger

__all__ = ["LOGGER", "Door", "Event", "security_event"]

LOGGER = "troth_shop.security"

security_event = event_logger(LOGGER)
"""Tell one event of the shop's."""
