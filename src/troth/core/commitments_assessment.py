"""Read the section ``assessments`` of ``policy.yaml``: the impact assessments of PIPL 55 and 56.

What is malformed becomes a finding at its line. Whether a purpose needs one, and has one that
stands, is decided in `assessment.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from troth.core.policy import (
    Assessment,
    AssessmentOutcome,
    Ground,
    PurposeId,
    Risk,
    frozen,
)
from troth.core.wording import duration_seconds
from troth.core.yaml_tree import Tree


def read_assessments(root: Tree, languages: tuple[str, ...]) -> Mapping[str, Assessment]:
    """Return the impact assessments by id; versions from before there were any have none."""
    if not root.has("assessments"):
        return frozen({})
    return frozen({k: _assessment(k, t, languages) for k, t in root.branches("assessments")})


def _assessment(name: str, tree: Tree, languages: tuple[str, ...]) -> Assessment:
    made = tree.day("made")
    grounds = _grounds(tree)
    purposes = tuple(PurposeId(p) for p in tree.texts("purposes"))
    for key, named in (("purposes", purposes), ("grounds", grounds)):
        if not named:
            tree.fault("C108", f"the assessment {name} names no {key}", "list them", key=key)
    return Assessment(
        id=name,
        purposes=purposes,
        grounds=grounds,
        categories=tree.texts("categories"),
        recipients=tree.texts("recipients"),
        made=made,
        review_by=_review_by(name, tree, made),
        outcome=tree.one_of("outcome", AssessmentOutcome),
        necessity=tree.words("necessity", languages),
        risks=frozen({k: _risk(k, t, languages) for k, t in tree.branches("risks")}),
        signed_by=tree.text("signed_by"),
    )


def _grounds(tree: Tree) -> tuple[Ground, ...]:
    names = tree.texts("grounds")
    known = {ground.value for ground in Ground}
    for name in names:
        if name not in known:
            allowed = ", ".join(ground.value for ground in Ground)
            tree.fault(
                "C004",
                f"{tree.path}.grounds must be of {allowed}, got {name!r}",
                f"write some of {allowed}",
                key="grounds",
                law="PIPL 55 [L]",
            )
    return tuple(Ground(name) for name in names if name in known)


def _review_by(name: str, tree: Tree, made: date) -> date:
    """Return the last day an assessment stands, from ``review_by`` or ``valid_for`` (C108)."""
    key = "review_by" if tree.has("review_by") else "valid_for"
    last = date.min
    if key == "review_by":
        last = tree.day(key)
    else:
        period = tree.text(key)
        try:
            last = made + timedelta(seconds=duration_seconds(period))
        except OverflowError:
            last = date.min  # no assessment stands for thousands of years: a fault below
    if tree.has("valid_for") and tree.has("review_by"):
        tree.text("valid_for")
        tree.fault("C108", f"{name} ends twice", "keep valid_for or review_by", key="valid_for")
    elif tree.has(key) and made > date.min and last <= made:
        tree.fault(
            "C108",
            f"the assessment {name} does not stand for a single day",
            "write review_by: a later day, or valid_for like P1Y",
            key=key,
        )
    return last


def _risk(name: str, tree: Tree, languages: tuple[str, ...]) -> Risk:
    return Risk(
        id=name,
        risk=tree.words("risk", languages),
        measures=tree.words("measures", languages),
        controls=tree.texts("controls"),
    )
