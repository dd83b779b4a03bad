"""The decision: may this purpose be served for this person now?

The rule reads what stands in one row of state and one row of policy head, and answers with the
clause and the event that decide. It fails closed: whatever is missing, old or unreadable is a no.

Order matters where several reasons hold: what concerns the person as a whole comes first
(restricted, child), then the state of the purpose, then its age (expired, superseded).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from troth.core.consent import VALID_STATES, AnswerRule, EventState, PersonFlag, answer_rules
from troth.core.policy import ClauseId, Policy, PurposeId


class Reason(StrEnum):
    """Why a decision came out as it did; the first two say yes, all others no."""

    CONSENT_STANDS = "consent_stands"
    ACT_STANDS = "act_stands"
    NO_POLICY = "no_policy"
    UNKNOWN_PURPOSE = "unknown_purpose"
    NEVER_ASKED = "never_asked"
    REFUSED = "refused"
    DEFERRED = "deferred"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    ENDED = "ended"
    SUPERSEDED = "superseded"
    UNDER_14 = "under_14_without_guardian"
    RESTRICTED = "restricted"
    LEDGER_UNREADABLE = "ledger_unreadable"


class Decision(NamedTuple):
    """The answer to `troth.decide`; true when it is allowed.

    A named tuple, because one is made at every decision: a frozen dataclass costs a quarter of
    the whole decision more.

    Args:
        allowed: whether the purpose may be served now.
        clause: the clause of the policy that speaks of the purpose; empty if unknown.
        reason: why.
        evidence_id: the event that decided; empty when there is none.
    """

    allowed: bool
    clause: ClauseId
    reason: Reason
    evidence_id: str

    def __bool__(self) -> bool:
        """Tell whether it is allowed, so that ``if troth.decide(…):`` reads well."""
        return self[0]


@dataclass(frozen=True, slots=True)
class PurposeRule:
    """What a decision about one purpose needs of the policy in force, worked out once.

    Args:
        clause: the clause that speaks of the purpose.
        required: ordinal of the last version that asks again for it; 0 if none.
        under_restriction: whether it goes on while the person's data is restricted.
        stands: the reason of a yes.
    """

    clause: ClauseId
    required: int
    under_restriction: bool
    stands: Reason


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """The policy that decisions are made under.

    Args:
        policy: the policy.
        ordinal: its place in the order of publication, from 1.
        rules: the rule of each purpose.
        answers: the rule of every answer that fits its purpose, by purpose, answer and role.
        privacy_notice: ``id@version``, as events name it.
    """

    policy: Policy
    ordinal: int
    rules: Mapping[str, PurposeRule]
    answers: Mapping[tuple[str, str, str], AnswerRule]
    privacy_notice: str


def in_force(policy: Policy, ordinal: int, required: Mapping[PurposeId, int]) -> PolicyInForce:
    """Return a policy ready for decisions.

    Args:
        policy: the policy.
        ordinal: its place in the order of publication, from 1.
        required: the ordinal of the last version that asks again, per purpose; an answer to an
            older one no longer stands. Purposes never changed materially are absent.
    """
    rules = {
        str(p.id): PurposeRule(
            clause=p.clause,
            required=required.get(p.id, 0),
            under_restriction=p.under_restriction,
            stands=Reason.CONSENT_STANDS if p.optional else Reason.ACT_STANDS,
        )
        for p in policy.purposes.values()
    }
    answers = {key: rule for p in policy.purposes.values() for key, rule in answer_rules(p).items()}
    return PolicyInForce(policy, ordinal, rules, answers, f"{policy.id}@{policy.version}")


StateRow = tuple[int, str | None, int | None, int | None, str | None, int | None]
"""Ordinal of the policy head; then event_state, valid_until (µs), notice_ordinal, event_id and
person_flags of the state, all None when there is none."""

_BY_STATE: Mapping[str, Reason] = {
    EventState.REQUESTED.value: Reason.NEVER_ASKED,
    EventState.UNKNOWN.value: Reason.NEVER_ASKED,
    EventState.DEFERRED.value: Reason.DEFERRED,
    EventState.REFUSED.value: Reason.REFUSED,
    EventState.WITHDRAWN.value: Reason.WITHDRAWN,
    EventState.EXPIRED.value: Reason.EXPIRED,
    EventState.TERMINATED.value: Reason.ENDED,
    EventState.INVALIDATED.value: Reason.SUPERSEDED,
    EventState.ACT_ENDED.value: Reason.ENDED,
}
_VALID = frozenset(state.value for state in VALID_STATES)
_RESTRICTED = int(PersonFlag.RESTRICTED)
_CHILD = int(PersonFlag.UNDER_14)
_GUARDED = int(PersonFlag.GUARDED)

NO_POLICY = Decision(False, ClauseId(""), Reason.NO_POLICY, "")
UNKNOWN_PURPOSE = Decision(False, ClauseId(""), Reason.UNKNOWN_PURPOSE, "")


def unreadable(rule: PurposeRule | None) -> Decision:
    """Return the decision for a ledger that cannot be read: no (S-06, fail closed)."""
    clause = rule.clause if rule is not None else ClauseId("")
    return Decision(False, clause, Reason.LEDGER_UNREADABLE, "")


def decide(rule: PurposeRule, row: StateRow, now: int) -> Decision:
    """Return the decision for one purpose from one row of state.

    Args:
        rule: the rule of the purpose.
        row: the state, see `StateRow`.
        now: microseconds since 1970; not looked at when the state has no end.
    """
    _, state, valid_until, ordinal, event_id, flags = row
    if state is None or event_id is None:
        return Decision(False, rule.clause, Reason.NEVER_ASKED, "")
    if flags:
        if flags & _RESTRICTED and not rule.under_restriction:
            return Decision(False, rule.clause, Reason.RESTRICTED, event_id)
        if flags & _CHILD and not flags & _GUARDED:
            return Decision(False, rule.clause, Reason.UNDER_14, event_id)
    if state not in _VALID:
        return Decision(False, rule.clause, _BY_STATE.get(state, Reason.NEVER_ASKED), event_id)
    if valid_until is not None and valid_until <= now:
        return Decision(False, rule.clause, Reason.EXPIRED, event_id)
    if ordinal is None or ordinal < rule.required:
        return Decision(False, rule.clause, Reason.SUPERSEDED, event_id)
    # tuple.__new__ is what Decision(…) does, without one call of Python's on the common way.
    return tuple.__new__(Decision, (True, rule.clause, rule.stands, event_id))
