"""Impact assessments: which purposes are due, and on which days one of them may start."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.assessments import without_assessments
from tests.builders import Draft, draft, with_insurer
from troth.core.assessment import (
    ANY_GROUND,
    Gap,
    assessment_due,
    assessment_gap,
    due_matters,
)
from troth.core.compile import COMMITMENTS
from troth.core.policy import (
    AssessmentOutcome,
    ConsentKind,
    Ground,
    Policy,
    PurposeId,
    frozen,
)

SOUND = draft()
POLICY = SOUND.policy()
TODAY = date(2026, 6, 1)
PROOF, PARCEL, NEWS = (PurposeId(p) for p in ("check_proof", "ship_parcel", "send_news"))

AGAIN = """\
  {id}:
    purposes: [check_proof]
    grounds: [{ground}]
    categories: [{categories}]
    made: {made}
    valid_for: P1Y
    outcome: {outcome}
    signed_by: desk
    necessity: {{zh-CN: 有必要, en: It is needed}}
    risks: {{}}
"""


def again(
    made: str, outcome: str, *, id_: str = "again", ground: str = "sensitive", of: str = "proof"
) -> Draft:
    """Return the sound policy with one more assessment of ``check_proof``."""
    entry = AGAIN.format(id=id_, made=made, outcome=outcome, ground=ground, categories=of)
    return SOUND.change("\nrecipients:\n", f"\n{entry}recipients:\n")


def dues(policy: Policy, today: date = TODAY) -> set[str]:
    return {str(p) for p in policy.purposes if assessment_due(policy, p, today)}


def purposes_due(policy: Policy) -> set[str]:
    return {str(p.id) for p in policy.purposes.values() if due_matters(policy, p)}


def without_any(policy: Policy) -> Policy:
    return replace(policy, assessments=frozen({}))


@pytest.mark.promise("S-53")
def test_a_purpose_of_sensitive_data_or_with_a_recipient_is_due_and_others_are_not() -> None:
    assert purposes_due(POLICY) == {"check_proof", "ship_parcel"}
    assert due_matters(POLICY, POLICY.purposes[PROOF]) == {("sensitive", "proof")}
    assert due_matters(POLICY, POLICY.purposes[PARCEL]) == {("given_to_others", "carrier")}


@pytest.mark.promise("S-53")
def test_what_is_due_stays_closed_without_an_assessment_and_the_rest_stays_open() -> None:
    assert dues(POLICY) == set()
    assert dues(without_any(POLICY)) == {"check_proof", "ship_parcel"}


def test_separate_consent_alone_makes_a_purpose_due_and_any_ground_will_do() -> None:
    news = replace(POLICY.purposes[NEWS], consent_kind=ConsentKind.SEPARATE)
    policy = replace(POLICY, purposes=frozen({**POLICY.purposes, NEWS: news}))
    assert due_matters(policy, news) == {ANY_GROUND}
    assert assessment_due(policy, NEWS, TODAY)
    made = replace(POLICY.assessments["parcel"], purposes=(NEWS,), recipients=())
    assert not assessment_due(replace(policy, assessments=frozen({"one": made})), NEWS, TODAY)


@pytest.mark.parametrize("where", ["storage", "recipient"])
def test_what_leaves_the_country_is_due_for_that_too(where: str) -> None:
    if where == "storage":
        place = replace(POLICY.storage["shop_db"], region="SG")
        policy = replace(POLICY, storage=frozen({**POLICY.storage, "shop_db": place}))
        assert (Ground.ABROAD, "") in due_matters(policy, policy.purposes[NEWS])
    else:
        abroad = replace(POLICY.recipients["carrier"], region="SG")
        policy = replace(POLICY, recipients=frozen({"carrier": abroad}))
        assert not assessment_due(policy, NEWS, TODAY)
    assert assessment_gap(policy, policy.purposes[PARCEL], TODAY) is Gap.MISSING
    assert not assessment_due(policy, PurposeId("scan_code"), TODAY)  # on the person's own device


def test_a_purpose_that_the_policy_does_not_know_stays_closed() -> None:
    assert assessment_due(POLICY, "sell_everything", TODAY)


@pytest.mark.promise("S-53")
@pytest.mark.control("assessment_before_start")
def test_an_assessment_opens_from_its_day_to_its_last_and_not_a_day_longer() -> None:
    parcel = POLICY.purposes[PARCEL]
    days = {
        date(2025, 12, 30): Gap.MISSING,
        date(2025, 12, 31): None,
        date(2027, 12, 31): None,
        date(2028, 1, 1): Gap.OVER,
    }
    for day, gap in days.items():
        assert assessment_gap(POLICY, parcel, day) is gap, day
        assert assessment_due(POLICY, PARCEL, day) is (gap is not None)


@given(st.dates(date(2020, 1, 1), date(2035, 1, 1)))
def test_on_every_day_it_is_open_exactly_between_its_two_days(day: date) -> None:
    one = POLICY.assessments["proof_check"]
    assert one.review_by == one.made + timedelta(days=730)
    assert assessment_due(POLICY, PROOF, day) is not (one.made <= day <= one.review_by)


@pytest.mark.promise("S-53")
def test_an_assessment_that_said_no_closes_the_purpose_and_no_other() -> None:
    made = SOUND.change("outcome: may_start", "outcome: must_not_start", at="\n  proof_check:\n")
    policy = made.policy()
    assert dues(policy) == {"check_proof"}
    assert assessment_gap(policy, policy.purposes[PROOF], TODAY) is Gap.MUST_NOT_START


def test_the_newest_assessment_counts_from_its_day_on() -> None:
    no = again("2026-03-01", "must_not_start").policy()
    assert not assessment_due(no, PROOF, date(2026, 2, 28))
    assert assessment_due(no, PROOF, date(2026, 3, 1))
    first = SOUND.change("outcome: may_start", "outcome: must_not_start", at="\n  proof_check:\n")
    entry = AGAIN.format(
        id="mended", made="2026-03-01", outcome="may_start", ground="sensitive", categories="proof"
    )
    mended = first.change("\nrecipients:\n", f"\n{entry}recipients:\n").policy()
    assert assessment_due(mended, PROOF, date(2026, 2, 28))
    assert not assessment_due(mended, PROOF, date(2026, 3, 1))


def test_of_two_assessments_of_one_day_the_strictest_counts() -> None:
    for outcome, closed in (("may_start", False), ("must_not_start", True)):
        policy = again("2025-12-30", outcome).policy()
        assert assessment_due(policy, PROOF, TODAY) is closed


@pytest.mark.promise("S-53")
def test_an_assessment_does_not_stretch_to_a_recipient_that_joined_later() -> None:
    policy = with_insurer(SOUND).policy()
    assert assessment_gap(policy, policy.purposes[PARCEL], TODAY) is Gap.MISSING
    both = with_insurer(SOUND).change(
        "recipients: [carrier]\n    made", "recipients: [carrier, insurer]\n    made"
    )
    assert not assessment_due(both.policy(), PARCEL, TODAY)


def test_an_assessment_does_not_stretch_to_a_sensitive_category_that_joined_later() -> None:
    bent = SOUND.of("categories", "orders", "sensitive: false", "sensitive: true")
    bent = bent.change("{proof: necessary}", "{proof: necessary, orders: optional}")
    assert dues(bent.policy()) == {"check_proof", "keep_books"}
    assert due_matters(bent.policy(), bent.policy().purposes[PROOF]) == {
        ("sensitive", "proof"),
        ("sensitive", "orders"),
    }


@pytest.mark.parametrize("ground", ["automated_decisions", "major_influence"])
def test_a_ground_that_no_commitment_shows_is_due_because_somebody_says_so(ground: str) -> None:
    """It is due from the first: what was declared a risk does not run until it was weighed."""
    policy = again("2026-03-01", "may_start", ground=ground, of="").policy()
    assert (ground, "") in due_matters(policy, policy.purposes[PROOF])
    assert assessment_due(policy, PROOF, date(2026, 2, 28))
    assert not assessment_due(policy, PROOF, date(2026, 3, 1))
    refused = again("2026-03-01", "must_not_start", ground=ground, of="").policy()
    assert dues(refused, date(2026, 3, 1)) == {"check_proof"}  # though it may as for `sensitive`


def test_no_assessment_of_one_purpose_opens_another() -> None:
    policy = SOUND.policy()
    proof = replace(
        policy.assessments["proof_check"],
        purposes=(PARCEL,),
        grounds=tuple(Ground),
        outcome=AssessmentOutcome.MAY_START,
    )
    assert dues(replace(policy, assessments=frozen({"one": proof}))) == {
        "check_proof",
        "ship_parcel",
    }


def test_a_file_without_the_section_says_the_same_as_an_empty_one() -> None:
    text = SOUND.files[COMMITMENTS]
    start, end = text.index("\nassessments:\n"), text.index("\nrecipients:\n")
    empty = replace(
        SOUND, files={**SOUND.files, COMMITMENTS: f"{text[:start]}\nassessments: {{}}{text[end:]}"}
    )
    assert (
        dues(empty.policy())
        == dues(without_assessments(SOUND).policy())
        == {"check_proof", "ship_parcel"}
    )
