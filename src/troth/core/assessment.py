"""Which purposes need an impact assessment before they start, and whether one stands (PIPL 55, 56).

Rules decided here:

1. A purpose is due when it uses a sensitive category, has a recipient, or its data lies or goes
   abroad; when it asks for separate consent; and when somebody assessed it on a ground that no
   commitment shows (automated decisions, another major influence).
2. Each sensitive category and each recipient is a matter of its own, so that an assessment never
   stretches to one that joined later. For each matter the newest assessment counts, from the day
   it was made on; an older one is history. Of several made on that day the strictest counts.
3. What is due and has none, one that says it must not start, or one whose time is over, stays
   closed. Nothing here looks at a clock: the caller gives the day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import StrEnum

from troth.core.findings import Severity
from troth.core.policy import (
    Assessment,
    AssessmentOutcome,
    ConsentKind,
    ControlStatus,
    Ground,
    Policy,
    Purpose,
    PurposeId,
)
from troth.core.yaml_tree import Tree


class Gap(StrEnum):
    """Why a purpose that is due may not start."""

    MISSING = "missing"
    MUST_NOT_START = "must_not_start"
    OVER = "over"
    """The day by which it had to be reviewed is past."""


Matter = tuple[str, str]
"""A ground, and the id of the category or recipient that it is about; empty for the others."""

ANY_GROUND: Matter = ("", "")
"""Of a purpose that asks for separate consent although no commitment shows why."""

DECLARED = frozenset({Ground.AUTOMATED_DECISIONS, Ground.MAJOR_INFLUENCE})
"""Grounds that no commitment shows: whoever assesses a purpose on one says that it holds."""


def assessment_due(policy: Policy, purpose: str, today: date) -> bool:
    """Tell whether a purpose must stay closed for want of an impact assessment (PIPL 55).

    Args:
        purpose: its id; one that the policy does not know stays closed.
        today: the day in the policy's jurisdiction.
    """
    known = policy.purposes.get(PurposeId(purpose))
    return known is None or assessment_gap(policy, known, today) is not None


def assessment_gap(policy: Policy, purpose: Purpose, today: date) -> Gap | None:
    """Return what a purpose lacks on a day, or None if nothing: it is not due, or one stands."""
    gaps = (_gap(policy, purpose, matter, today) for matter in sorted(due_matters(policy, purpose)))
    return next((gap for gap in gaps if gap is not None), None)


def due_matters(policy: Policy, purpose: Purpose) -> frozenset[Matter]:
    """Return what must be assessed before a purpose starts; empty if it is not due (PIPL 55)."""
    declared = {
        (ground, "")
        for assessment in policy.assessments.values()
        if purpose.id in assessment.purposes
        for ground in assessment.grounds
        if ground in DECLARED
    }
    matters = _shown_matters(policy, purpose) | declared
    if not matters and purpose.consent_kind is ConsentKind.SEPARATE:
        return frozenset({ANY_GROUND})
    return frozenset(matters)


def _shown_matters(policy: Policy, purpose: Purpose) -> set[Matter]:
    """Return the matters that the commitments of a purpose show by themselves."""
    categories = [policy.categories[c] for c in purpose.categories]
    recipients = [policy.recipients[r] for r in purpose.recipients]
    places = {policy.storage[s].region for c in categories for s in c.storage}
    places |= {r.region for r in recipients}
    shown = {(str(Ground.SENSITIVE), c.id) for c in categories if c.sensitive}
    # A processor counts too: PIPL 55(3) names entrusting beside providing.
    shown |= {(str(Ground.GIVEN_TO_OTHERS), r.id) for r in recipients}
    if places - {policy.jurisdiction, "device"}:
        shown.add((str(Ground.ABROAD), ""))
    return shown


def _gap(policy: Policy, purpose: Purpose, matter: Matter, today: date) -> Gap | None:
    ground, thing = matter
    made = [
        a
        for a in policy.assessments.values()
        if purpose.id in a.purposes
        and (matter == ANY_GROUND or ground in a.grounds)
        and (not thing or thing in (*a.categories, *a.recipients))
        and a.made <= today
    ]
    if not made:
        return Gap.MISSING
    last = max(a.made for a in made)
    newest = [a for a in made if a.made == last]
    if any(a.outcome is not AssessmentOutcome.MAY_START for a in newest):
        return Gap.MUST_NOT_START
    return Gap.OVER if any(a.review_by < today for a in newest) else None


# --- findings on the commitments ------------------------------------------------------------------

_WORDS = {
    Gap.MISSING: "was not assessed",
    Gap.MUST_NOT_START: "was assessed and must not start",
    Gap.OVER: "has an assessment whose time is over",
}


def judge_assessments(root: Tree, policy: Policy) -> None:
    """Warn of what stays closed (W302) and of measures not built; fault what fits nothing (C112).

    Call it only on commitments whose references hold. The day is the one on which the policy
    takes effect: a version may be compiled long before or after.
    """
    for purpose in policy.purposes.values():
        for matter in sorted(due_matters(policy, purpose)):
            gap = _gap(policy, purpose, matter, policy.effective)
            if gap is not None:
                _warn_of_gap(root.branch("purposes").branch(purpose.id), purpose, matter, gap)
    for assessment in policy.assessments.values():
        tree = root.branch("assessments").branch(assessment.id)
        for key, reason in _misfits(policy, assessment):
            tree.fault(
                "C112", reason, "assess what is due, and name it as the purpose does", key=key
            )
        _warn_of_pending(policy, assessment, tree)


def _warn_of_gap(tree: Tree, purpose: Purpose, matter: Matter, gap: Gap) -> None:
    named = " ".join(filter(None, matter)) or "separate consent"
    tree.faults.add(
        tree.file,
        tree.line,
        "W302",
        f"the purpose {purpose.id} {_WORDS[gap]} ({named}), so it stays closed",
        "assess it and write the outcome under assessments:",
        severity=Severity.WARNING,
        law="PIPL 55 [L]",
    )


def _misfits(policy: Policy, assessment: Assessment) -> Iterator[tuple[str, str]]:
    """Yield the key and the reason of whatever in an assessment is about nothing that is due."""
    covered = [policy.purposes[p] for p in assessment.purposes]
    fits = {p.id: [g for g in assessment.grounds if _fits(policy, p, g)] for p in covered}
    for purpose, grounds in fits.items():
        if not grounds:
            named = ", ".join(assessment.grounds)
            yield "purposes", f"{assessment.id}: {purpose} is not due on its grounds ({named})"
    for ground in assessment.grounds:
        if all(fits.values()) and all(ground not in grounds for grounds in fits.values()):
            yield "grounds", f"{assessment.id}: none of its purposes is due on {ground}"
    things = {thing for p in covered for _, thing in _shown_matters(policy, p)}
    for key, named_things in (
        ("categories", assessment.categories),
        ("recipients", assessment.recipients),
    ):
        for thing in named_things:
            if thing not in things:
                yield key, f"{assessment.id}: none of its purposes is due for {thing}"


def _fits(policy: Policy, purpose: Purpose, ground: Ground) -> bool:
    shown = {name for name, _ in _shown_matters(policy, purpose)}
    if purpose.consent_kind is ConsentKind.SEPARATE and not shown:
        return True  # published, for one: what made it separate no commitment shows
    return ground in shown | DECLARED


def _warn_of_pending(policy: Policy, assessment: Assessment, tree: Tree) -> None:
    names = dict.fromkeys(c for risk in assessment.risks.values() for c in risk.controls)
    for name in names:
        if policy.controls[name].status is ControlStatus.PENDING:
            tree.faults.add(
                tree.file,
                tree.line_of("risks"),
                "W301",
                f"the assessment {assessment.id} rests on the control {name}, which is not built",
                "build it, or assess the risk without it",
                severity=Severity.WARNING,
            )
