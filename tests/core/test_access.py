"""The decision rule by itself: every reason, their order, and no row that says yes by accident."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import draft
from troth.core.access import (
    NO_POLICY,
    UNKNOWN_PURPOSE,
    PurposeRule,
    Reason,
    StateRow,
    decide,
    in_force,
    unreadable,
)
from troth.core.consent import EventState, PersonFlag
from troth.core.policy import ClauseId, PurposeId

RULE = PurposeRule(ClauseId("c"), required=0, under_restriction=False, stands=Reason.CONSENT_STANDS)
NOW = 1_000


def row(
    state: str | None = "consent_given",
    *,
    until: int | None = None,
    ordinal: int | None = 1,
    event: str | None = "e",
    flags: int = 0,
) -> StateRow:
    return (1, state, until, ordinal, event, flags)


EXPECTED = {
    EventState.REQUESTED: Reason.NEVER_ASKED,
    EventState.UNKNOWN: Reason.NEVER_ASKED,
    EventState.DEFERRED: Reason.DEFERRED,
    EventState.REFUSED: Reason.REFUSED,
    EventState.GIVEN: Reason.CONSENT_STANDS,
    EventState.RENEWED: Reason.CONSENT_STANDS,
    EventState.WITHDRAWN: Reason.WITHDRAWN,
    EventState.EXPIRED: Reason.EXPIRED,
    EventState.TERMINATED: Reason.ENDED,
    EventState.INVALIDATED: Reason.SUPERSEDED,
    EventState.ACT_RECORDED: Reason.CONSENT_STANDS,
    EventState.ACT_ENDED: Reason.ENDED,
}
YES = {EventState.GIVEN, EventState.RENEWED, EventState.ACT_RECORDED}


@pytest.mark.promise("S-06")
@pytest.mark.parametrize("state", EventState)
def test_every_state_has_its_reason_and_only_given_renewed_and_acts_say_yes(
    state: EventState,
) -> None:
    decision = decide(RULE, row(state.value), NOW)
    assert decision.reason is EXPECTED[state]
    assert decision.allowed is (state in YES)
    assert bool(decision) is decision.allowed
    assert (decision.clause, decision.evidence_id) == ("c", "e")


@pytest.mark.control("decision_fails_closed")
def test_a_state_that_nobody_knows_is_no() -> None:
    for odd in ("", "given", "CONSENT_GIVEN", "consent_given ", "x"):
        assert not decide(RULE, row(odd), NOW)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (row(None, event=None), Reason.NEVER_ASKED),
        (row("consent_given", event=None), Reason.NEVER_ASKED),
        (row(until=NOW), Reason.EXPIRED),
        (row(until=NOW + 1), Reason.CONSENT_STANDS),
        (row(ordinal=None), Reason.SUPERSEDED),
        (row(flags=PersonFlag.RESTRICTED), Reason.RESTRICTED),
        (row(flags=PersonFlag.UNDER_14), Reason.UNDER_14),
        (row(flags=PersonFlag.UNDER_14 | PersonFlag.GUARDED), Reason.CONSENT_STANDS),
        (row(flags=PersonFlag.GUARDED | PersonFlag.VISITOR), Reason.CONSENT_STANDS),
    ],
)
def test_each_fact_of_a_row_has_its_reason(case: StateRow, reason: Reason) -> None:
    assert decide(RULE, case, NOW).reason is reason


def test_an_answer_older_than_what_is_required_is_superseded() -> None:
    rule = PurposeRule(ClauseId("c"), 3, False, Reason.CONSENT_STANDS)
    assert decide(rule, row(ordinal=2), NOW).reason is Reason.SUPERSEDED
    assert decide(rule, row(ordinal=3), NOW).allowed


def test_reasons_come_in_the_order_that_the_rule_promises() -> None:
    """Person first (restricted, child), then the state, then its age (expired, superseded)."""
    rule = PurposeRule(ClauseId("c"), 2, False, Reason.CONSENT_STANDS)
    for restricted, child, refused, expired, old in product((False, True), repeat=5):
        case = row(
            "consent_refused" if refused else "consent_given",
            until=NOW - 1 if expired else None,
            ordinal=1 if old else 2,
            flags=restricted * PersonFlag.RESTRICTED | child * PersonFlag.UNDER_14,
        )
        wanted = next(
            reason
            for holds, reason in (
                (restricted, Reason.RESTRICTED),
                (child, Reason.UNDER_14),
                (refused, Reason.REFUSED),
                (expired, Reason.EXPIRED),
                (old, Reason.SUPERSEDED),
                (True, Reason.CONSENT_STANDS),
            )
            if holds
        )
        assert decide(rule, case, NOW).reason is wanted


def test_what_the_law_makes_go_on_goes_on_under_restriction() -> None:
    rule = PurposeRule(ClauseId("c"), 0, under_restriction=True, stands=Reason.ACT_STANDS)
    assert decide(rule, row("act_recorded", flags=PersonFlag.RESTRICTED), NOW).allowed


@given(
    st.tuples(
        st.integers(),
        st.none() | st.text(max_size=30) | st.sampled_from([s.value for s in EventState]),
        st.none() | st.integers(),
        st.none() | st.integers(0, 5),
        st.none() | st.text(max_size=5),
        st.none() | st.integers(0, 15),
    ),
    st.integers(0, 5),
    st.integers(),
)
def test_yes_needs_everything_at_once(case: StateRow, required: int, now: int) -> None:
    rule = PurposeRule(ClauseId("c"), required, False, Reason.CONSENT_STANDS)
    _, state, until, ordinal, event, flags = case
    flags = flags or 0
    wanted = (
        state in {s.value for s in YES}
        and event is not None
        and (until is None or until > now)
        and ordinal is not None
        and ordinal >= required
        and not flags & PersonFlag.RESTRICTED
        and (not flags & PersonFlag.UNDER_14 or bool(flags & PersonFlag.GUARDED))
    )
    assert decide(rule, case, now).allowed is wanted


def test_a_policy_in_force_knows_how_each_purpose_stands() -> None:
    policy = draft().policy()
    made = in_force(policy, 7, {PurposeId("send_news"): 5})
    assert made.ordinal == 7
    assert {p: r.stands for p, r in made.rules.items()} == {
        p.id: Reason.CONSENT_STANDS if p.optional else Reason.ACT_STANDS
        for p in policy.purposes.values()
    }
    assert {p: r.required for p, r in made.rules.items() if r.required} == {"send_news": 5}
    assert [p for p, r in made.rules.items() if r.under_restriction] == ["keep_books"]
    assert made.rules["send_news"].clause == "news"


def test_answers_without_a_row_are_no() -> None:
    assert not NO_POLICY
    assert not UNKNOWN_PURPOSE
    assert not unreadable(None)
    assert unreadable(RULE) == (False, "c", Reason.LEDGER_UNREADABLE, "")
