"""The policy's claims about itself: what it calls kept is built, and what is built is tested."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tests.promises.marks import marked
from troth.commands import compile_folder
from troth.core.policy import ControlStatus, Policy

FOLDER = Path(__file__).parents[2] / "src" / "troth_shop" / "policy"
SOURCE_PROMISES = {f"S-{n:02}" for n in range(1, 69)}
NOT_TESTABLE = {"S-01", "S-68"}


@pytest.fixture(scope="module")
def policy() -> Policy:
    return compile_folder(FOLDER).require()


def _built(policy: Policy) -> set[str]:
    return {c.id for c in policy.controls.values() if c.status is ControlStatus.BUILT}


def test_every_promise_of_the_source_stands_on_a_clause(policy: Policy) -> None:
    made = {promise for clause in policy.clauses.values() for promise in clause.promises}
    assert {p for p in made if p.startswith("S-")} == SOURCE_PROMISES


def test_what_cannot_be_tested_is_called_so_and_counts_as_kept_nowhere(policy: Policy) -> None:
    for clause in policy.clauses.values():
        if NOT_TESTABLE & set(clause.promises):
            assert clause.status is ControlStatus.NOT_TESTABLE, clause.id


@pytest.mark.parametrize("promise", sorted(SOURCE_PROMISES - NOT_TESTABLE))
def test_no_other_promise_hides_behind_not_testable(policy: Policy, promise: str) -> None:
    statuses = {c.status for c in policy.clauses.values() if promise in c.promises}
    assert statuses - {ControlStatus.NOT_TESTABLE}


def test_every_built_control_has_a_test(policy: Policy) -> None:
    assert sorted(_built(policy) - set(marked("control"))) == []


def test_no_test_proves_a_control_that_nobody_declared(policy: Policy) -> None:
    assert sorted(set(marked("control")) - set(policy.controls)) == []


def test_no_test_proves_a_control_that_is_still_pending(policy: Policy) -> None:
    assert sorted(set(marked("control")) - _built(policy)) == []


def test_every_kept_promise_has_a_test(policy: Policy) -> None:
    kept = {
        promise
        for clause in policy.clauses.values()
        if clause.status is ControlStatus.BUILT
        for promise in clause.promises
    }
    assert sorted(kept - set(marked("promise"))) == []


def test_no_test_proves_a_promise_that_nobody_made(policy: Policy) -> None:
    made = {promise for clause in policy.clauses.values() for promise in clause.promises}
    strange = {p for p in marked("promise") if re.match(r"S-", p)} - made
    assert sorted(strange) == []


def test_every_built_control_names_code_that_exists(policy: Policy) -> None:
    wrong = []
    for name in sorted(_built(policy)):
        kept_by = policy.controls[name].kept_by
        if not _exists(kept_by):
            wrong.append(f"{name}: {kept_by}")
    assert wrong == []


def _exists(dotted: str) -> bool:
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False
