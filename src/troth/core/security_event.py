"""What the security log may say: a closed list of events, each with its own fields.

The law asks for the running state of the network and its security events, kept for months after
the people they touched may have been erased (L-25). So no person, actor, address or typed word can
stand in a line: every field is a name of the policy or of the code, a digest of a file of ours, a
count, or one of a list of words. A `SecurityEvent` cannot be made with anything else in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from troth.core.access import Reason
from troth.core.errors import InputError
from troth.core.lens import THREAT_MODEL
from troth.core.looks import Refusal, ReportReason
from troth.core.policy import Provision

LOGGER = "troth.security"
"""Name of the logger that troth's own events are sent to."""

PROVISION = "network_logs"
"""The provision of a law profile that says how long the log is kept at least."""

Value = str | int


class Event(StrEnum):
    """What happened."""

    STARTED = "started"
    START_REFUSED = "start_refused"
    STOPPED = "stopped"
    LOG_IN_REFUSED = "log_in_refused"
    THROTTLED = "throttled"
    CODE_WRONG = "code_wrong"
    USE_REFUSED = "use_refused"
    GLASS_BROKEN = "glass_broken"
    LOOK_REPORTED = "look_reported"
    POLICY_PUBLISHED = "policy_published"
    MAP_CHECKED = "map_checked"
    MAP_REFUSED = "map_refused"
    KEY_EPOCH_BEGUN = "key_epoch_begun"
    MASTER_KEY_REPLACED = "master_key_replaced"
    RECIPIENT_UNREACHABLE = "recipient_unreachable"
    PAGE_FAILED = "page_failed"
    FORM_REFUSED = "form_refused"
    EVENTS_LOST = "events_lost"
    """Written by the log itself, once it can write again."""


class Door(StrEnum):
    """Which log-in somebody stood at; never who."""

    CUSTOMER = "customer"
    STAFF = "staff"


GRAVE = frozenset(
    {
        Event.STARTED,
        Event.START_REFUSED,
        Event.STOPPED,
        Event.GLASS_BROKEN,
        Event.LOOK_REPORTED,
        Event.POLICY_PUBLISHED,
        Event.MAP_CHECKED,
        Event.MAP_REFUSED,
        Event.KEY_EPOCH_BEGUN,
        Event.MASTER_KEY_REPLACED,
        Event.EVENTS_LOST,
    }
)
"""On the disk before the caller goes on. Nobody outside can cause them in numbers."""

Check = Callable[[Value], bool]
_WORD = r"(?:[a-z]{1,24}\d{0,3}|\d{1,3})"
_MOST = 1_000_000_000


def _like(pattern: str) -> Check:
    whole = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and whole.fullmatch(value) is not None


def _one_of(*words: str) -> Check:
    known = frozenset(map(str, words))
    return lambda value: isinstance(value, str) and value in known


def _count(value: Value) -> bool:
    return type(value) is int and 0 <= value < _MOST


# Names as people write them in code and policy: never 32 hex digits, a phone or an address.
_NAME = _like(rf"(?=.{{1,64}}$)[a-z]{{1,24}}\d{{0,3}}(?:_{_WORD})*")
_SEGMENT = rf"(?:{_WORD}(?:[-_.]{_WORD})*|\{{[a-z_]{{1,40}}(?::[a-z]{{1,10}})?\}})"
_PATH = _like(rf"(?=.{{1,120}}$)/|(?:/{_SEGMENT})+/?")
_DIGEST = _like(r"[0-9a-f]{64}")
# Two or three numbers: four would be an address of the network.
_VERSION = _like(r"\d{1,4}(?:\.\d{1,4}){1,2}(?:[a-z]{1,4}\d{0,3})?")
_ERROR = _like(r"[A-Z][A-Za-z]{2,39}")
_METHOD = _one_of("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def _failure(value: Value) -> bool:
    return type(value) is int and 500 <= value <= 599


def _fields(**checks: Check) -> Mapping[str, Check]:
    return MappingProxyType(checks)


FIELDS: Mapping[Event, Mapping[str, Check]] = MappingProxyType(
    {
        Event.STARTED: _fields(
            release=_VERSION,
            version=_VERSION,
            policy=_DIGEST,
            lens=_one_of(*THREAT_MODEL.values()),
            left_open=_count,
        ),
        Event.START_REFUSED: _fields(release=_VERSION, error=_ERROR),
        Event.STOPPED: _fields(),
        Event.LOG_IN_REFUSED: _fields(door=_one_of(*Door)),
        Event.THROTTLED: _fields(door=_one_of(*Door), path=_PATH),
        Event.CODE_WRONG: _fields(path=_PATH),
        Event.USE_REFUSED: _fields(purpose=_NAME, role=_NAME, reason=_one_of(*Reason, *Refusal)),
        Event.GLASS_BROKEN: _fields(purpose=_NAME, role=_NAME),
        Event.LOOK_REPORTED: _fields(reason=_one_of(*ReportReason)),
        Event.POLICY_PUBLISHED: _fields(version=_VERSION, policy=_DIGEST),
        Event.MAP_CHECKED: _fields(version=_VERSION, policy=_DIGEST, map=_DIGEST),
        Event.MAP_REFUSED: _fields(version=_VERSION, policy=_DIGEST, map=_DIGEST, errors=_count),
        Event.KEY_EPOCH_BEGUN: _fields(epoch=_count, rewrapped=_count, destroyed=_count),
        Event.MASTER_KEY_REPLACED: _fields(),
        Event.RECIPIENT_UNREACHABLE: _fields(recipient=_NAME, waiting=_count),
        Event.PAGE_FAILED: _fields(method=_METHOD, path=_PATH, status=_failure, error=_ERROR),
        Event.FORM_REFUSED: _fields(method=_METHOD, path=_PATH),
        Event.EVENTS_LOST: _fields(lost=_count),
    }
)
"""The fields that each event may have, with what may stand in them."""


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """One event that may be written down as it is.

    Args:
        event: what happened.
        given: its fields; what is not in `FIELDS` is left out and counted.

    Attributes:
        fields: what was kept, in the order of `FIELDS`.
        dropped: how many fields were left out.
    """

    event: Event
    given: Mapping[str, Value] = field(repr=False, compare=False)
    fields: tuple[tuple[str, Value], ...] = field(init=False)
    dropped: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Keep what the vocabulary has, and forget the rest."""
        checks = FIELDS[self.event]
        kept = tuple(
            (name, _plain(self.given[name]))
            for name, holds in checks.items()
            if name in self.given and holds(self.given[name])
        )
        object.__setattr__(self, "fields", kept)
        object.__setattr__(self, "dropped", len(self.given) - len(kept))
        object.__setattr__(self, "given", MappingProxyType({}))

    def __str__(self) -> str:
        """Return the event in one line of words."""
        return " ".join([str(self.event), *(f"{name}={value}" for name, value in self.fields)])


def _plain(value: Value) -> Value:
    return str(value) if isinstance(value, str) else value


def line_of(told: SecurityEvent, at: int, *, process: int, times: int = 1) -> bytes:
    """Return the line of an event: JSON, ASCII, with its line end.

    The time is cut to the second: it orders the log, and leads to no look, whose time is exact.

    Args:
        told: the event.
        at: when, in microseconds since 1970.
        process: number of the process that says it.
        times: how often it happened; told where it is not once.
    """
    said: dict[str, Value] = {
        "at": _second(at).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "event": str(told.event),
        **dict(told.fields),
        "pid": process,
    }
    if times != 1:
        said["times"] = times
    return json.dumps(said, separators=(",", ":")).encode("ascii") + b"\n"


def day_of(at: int) -> date:
    """Return the day (UTC) of a time in microseconds since 1970."""
    return _second(at).date()


def _second(at: int) -> datetime:
    return datetime.fromtimestamp(at // 1_000_000, UTC)


# --- how long it is kept --------------------------------------------------------------------------

_LONGEST_DAYS = {"days": 1, "months": 31, "years": 366}


def checked_days(asked: int, provision: Provision | None) -> int:
    """Return for how many days the log is kept, if the law allows it.

    A month counts as 31 days, so that no six months of any calendar are longer.

    Args:
        asked: what the deployment is set to.
        provision: what the law asks for at least, or None where it asks for nothing.

    Raises:
        InputError: it is less than the law asks for.

    Source:
        L-25, CSL 23 (21 before 2026).
    """
    least = 1 if provision is None else provision.value * _LONGEST_DAYS[provision.unit]
    if asked < least:
        why = "one day" if provision is None else f"{provision.value} {provision.unit}"
        law = "" if provision is None else f" by law ({provision.source})"
        raise InputError(
            f"the security log is set to be kept for {asked} days; it is kept for {why} at least"
            f"{law}: set {least} days or more"
        )
    return asked


def is_due(day: date, today: date, kept_days: int) -> bool:
    """Tell whether the file of a day is older than it is kept."""
    return today - day > timedelta(days=kept_days)
