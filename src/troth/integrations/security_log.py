"""The door to the security log: open it where the application starts, tell events anywhere.

    security_event = event_logger("my_shop.security")

    with open_security_log(settings, "my_shop.security"):
        security_event(Event.STARTED, policy=troth.policy.digest)
        …

The list of events and fields is closed: names, digests and counts, never people. What else is sent
is left out and counted. See ``docs/explanation/logs.md``.
"""

from troth.commands import open_security_log
from troth.core.security_event import Door, Event
from troth.flows.security_event import event_logger, security_event

__all__ = ["Door", "Event", "event_logger", "open_security_log", "security_event"]
