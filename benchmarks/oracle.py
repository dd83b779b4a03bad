"""Another decision, from the policy files and the bare events, to hold ours against.

It shares no code with troth and imports nothing of it: it reads the YAML itself and knows of the
database nothing. Where both were written by one hand they could share one mistake; so the rule is
told here the other way round, from the whole story of a person, not from a row of state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import yaml

YES_BY_CONSENT, YES_BY_ACT = "consent_stands", "act_stands"
DENY_REASONS = (
    "never_asked",
    "refused",
    "deferred",
    "withdrawn",
    "expired",
    "ended",
    "superseded",
    "under_14_without_guardian",
    "restricted",
    "unknown_purpose",
)
"""What a readable ledger under a policy may answer with a no."""

_CLOSED: Mapping[str, str | None] = {
    "consent_given": None,
    "renewed_consent_given": None,
    "act_recorded": None,
    "consent_refused": "refused",
    "consent_request_deferred": "deferred",
    "consent_withdrawn": "withdrawn",
    "consent_expired": "expired",
    "consent_terminated": "ended",
    "act_ended": "ended",
    "consent_invalidated": "superseded",
    "consent_requested": "never_asked",
    "consent_unknown": "never_asked",
}
"""What the last word says by itself; None opens, unless age or a newer policy closes it."""


@dataclass(frozen=True, slots=True)
class Said:
    """One event: ``version`` counts published policies from 1, ``until`` is microseconds."""

    event_id: str
    state: str
    version: int
    until: int | None


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a person."""

    under_14: bool = False
    guarded: bool = False
    restricted: bool = False


Verdict = tuple[bool, str, str, str]
"""Allowed, clause, reason, evidence_id."""


class Oracle:
    """Says what the right decision is.

    Args:
        policies: the texts of policy.yaml, one per published version, oldest first.
        people: what is known of each person.
        stories: what each person said of each purpose, oldest first.
    """

    def __init__(
        self,
        policies: Sequence[str],
        people: Mapping[str, About],
        stories: Mapping[tuple[str, str], Sequence[Said]],
    ) -> None:
        read = [yaml.safe_load(text) for text in policies]
        self._purposes: Mapping[str, Any] = read[-1]["purposes"]
        self._people = people
        self._stories = stories
        self._asked_again_in = asked_again(read)

    def verdict(self, person: str, purpose: str, now: int) -> Verdict:
        """Return the right decision at ``now`` (microseconds)."""
        terms = self._purposes.get(purpose)
        if terms is None:
            return False, "", "unknown_purpose", ""
        story = self._stories.get((person, purpose), ())
        if not story:
            return False, terms["clause"], "never_asked", ""
        reason = self._reason(self._people[person], terms, story[-1], purpose, now)
        allowed = reason in (YES_BY_CONSENT, YES_BY_ACT)
        return allowed, terms["clause"], reason, story[-1].event_id

    def _reason(self, about: About, terms: Any, last: Said, purpose: str, now: int) -> str:
        if about.restricted and terms["under_restriction"] is False:
            return "restricted"
        if about.under_14 and not about.guarded:
            return "under_14_without_guardian"
        if (closed := _CLOSED[last.state]) is not None:
            return closed
        if last.until is not None and now >= last.until:
            return "expired"
        if last.version < self._asked_again_in.get(purpose, 1):
            return "superseded"
        return YES_BY_CONSENT if terms["lawful_basis"] == "consent" else YES_BY_ACT


def asked_again(policies: Sequence[Any]) -> dict[str, int]:
    """Return the last version in which a purpose was widened, so that old answers fall.

    A purpose of consent is wider when it takes a category or recipient it did not, when a category
    it could do without becomes necessary, or when one of its categories is kept for longer.
    """
    found: dict[str, int] = {}
    for version, (old, new) in enumerate(pairwise(policies), start=2):
        for name, after in new["purposes"].items():
            before = old["purposes"].get(name)
            if before is None or after["lawful_basis"] != "consent":
                continue
            if (
                set(after["recipients"]) - set(before["recipients"])
                or _necessary(after) - _necessary(before)
                or set(after["categories"]) - set(before["categories"])
                or any(_days(new, c) > _days(old, c) for c in before["categories"])
            ):
                found[name] = version
    return found


def _necessary(purpose: Any) -> set[str]:
    return {name for name, need in purpose["categories"].items() if need == "necessary"}


def _days(policy: Any, category: str) -> float:
    """Return how long a category is kept, for the plain periods that a policy writes (P30D …)."""
    period: str = policy["retention"][policy["categories"][category]["retention"]]["period"]
    days = {"Y": 365.25, "M": 30.44, "W": 7.0, "D": 1.0}
    if period.startswith("PT"):
        return float(period[2:-1]) / {"H": 24, "M": 1_440, "S": 86_400}[period[-1]]
    return float(period[1:-1]) * days[period[-1]]


def counted(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """Return how often each reason occurs."""
    counts: dict[str, int] = {}
    for _, _, reason, _ in verdicts:
        counts[reason] = counts.get(reason, 0) + 1
    return counts
