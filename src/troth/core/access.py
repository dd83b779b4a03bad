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

from troth.core.consent import VALID_STATES, EventState, PersonFlag
from troth.core.policy import ClauseId, Policy, Purpose, PurposeId


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


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to `troth.decide`.

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
        return self.allowed


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """The policy that decisions are made under.

    Args:
        policy: the policy.
        ordinal: its place in the order of publication, from 1.
        required: the ordinal of the last version that asks again, per purpose; an answer to an
            older one no longer stands. Purposes never changed materially are absent.
    """

    policy: Policy
    ordinal: int
    required: Mapping[PurposeId, int]


StateRow = tuple[str | None, int | None, int | None, str | None, int | None]
"""event_state, valid_until (µs), notice_ordinal, event_id, person_flags; all None without a row."""

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


def unreadable(purpose: Purpose | None) -> Decision:
    """Return the decision for a ledger that cannot be read: no (S-06, fail closed)."""
    clause = purpose.clause if purpose is not None else ClauseId("")
    return Decision(False, clause, Reason.LEDGER_UNREADABLE, "")


def decide(purpose: Purpose, required_ordinal: int, row: StateRow, now: int) -> Decision:
    """Return the decision for one purpose from one row of state.

    Args:
        purpose: the purpose as the policy in force has it.
        required_ordinal: ordinal of the last version that asks again for it; 0 if none.
        row: the state, see `StateRow`.
        now: microseconds since 1970.
    """
    state, valid_until, ordinal, event_id, flags = row
    clause = purpose.clause
    if state is None or event_id is None:
        return Decision(False, clause, Reason.NEVER_ASKED, "")
    if flags:
        if flags & _RESTRICTED and not purpose.under_restriction:
            return Decision(False, clause, Reason.RESTRICTED, event_id)
        if flags & _CHILD and not flags & _GUARDED:
            return Decision(False, clause, Reason.UNDER_14, event_id)
    if state not in _VALID:
        return Decision(False, clause, _BY_STATE.get(state, Reason.NEVER_ASKED), event_id)
    if valid_until is not None and valid_until <= now:
        return Decision(False, clause, Reason.EXPIRED, event_id)
    if ordinal is None or ordinal < required_ordinal:
        return Decision(False, clause, Reason.SUPERSEDED, event_id)
    stands = Reason.CONSENT_STANDS if purpose.optional else Reason.ACT_STANDS
    return Decision(True, clause, stands, event_id)
