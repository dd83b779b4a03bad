"""Each promise is broken once, and its test must fail: the slow half breaks, the fast half counts.

`make test` holds that no built control and no kept promise is without a break, and that every
break still fits the code. `make prove` makes the breaks.
"""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.house.committed import ROOT
from tests.promises.marks import marked
from tests.promises.test_register import FOLDER
from tests.sabotage.breaking import Run, Sabotage, break_it, broken, copy_of, in_this_tree, run
from tests.sabotage.table import BREAKS
from troth.commands import compile_folder
from troth.core.policy import ControlStatus, Policy

_MARKED = {**marked("control"), **marked("promise")}
_each = pytest.mark.parametrize("sabotage", BREAKS, ids=lambda s: s.name)


# --- the table ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def policy() -> Policy:
    return compile_folder(FOLDER).require()


def test_every_built_control_is_broken_once_and_no_other_is(policy: Policy) -> None:
    built = {c.id for c in policy.controls.values() if c.status is ControlStatus.BUILT}
    assert {s.of for s in BREAKS if not s.of.startswith("S-")} == built


def test_every_kept_promise_has_a_test_that_a_break_fails(policy: Policy) -> None:
    kept = {
        promise
        for clause in policy.clauses.values()
        if clause.status is ControlStatus.BUILT
        for promise in clause.promises
    }
    shaken = {s.function for s in BREAKS}
    promises = marked("promise")
    assert sorted(p for p in kept if not shaken & promises.get(p, set())) == []


@_each
def test_break_fits_one_place_of_the_code_and_leaves_it_readable(sabotage: Sabotage) -> None:
    text = broken(in_this_tree(sabotage), sabotage)
    assert text != in_this_tree(sabotage)
    if sabotage.file.endswith(".py"):
        ast.parse(text)
    elif sabotage.file.endswith(".yaml"):
        yaml.safe_load(text)


@_each
def test_break_names_a_test_that_is_marked_with_what_it_breaks(sabotage: Sabotage) -> None:
    assert sabotage.function in _MARKED.get(sabotage.of, set())


def test_no_two_breaks_have_one_name() -> None:
    names = [s.name for s in BREAKS]
    assert sorted(names) == sorted(set(names))


# --- the breaks -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tree as it stands now; every break is made in a copy of this one."""
    folder = copy_of(ROOT, tmp_path_factory.mktemp("sabotage") / "whole")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the tree for one break."""
    folder = copy_of(whole, tmp_path / "copy")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def sound(whole: Path, request: pytest.FixtureRequest) -> Run:
    """What the tests of the chosen breaks say where nothing is broken: one run for all."""
    chosen = {
        item.callspec.params["sabotage"].test
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.originalname == test_broken_promise_fails_its_test.__name__
    }
    return run(whole, sorted(chosen))


@pytest.mark.slow
@_each
def test_broken_promise_fails_its_test(sabotage: Sabotage, sound: Run, copy: Path) -> None:
    before = sound.of(sabotage.test)
    assert before, f"{sabotage.test} was not run\n{sound.printed}"
    assert {o.ended for o in before} == {"passed"}, f"it fails anyway\n{sound.printed}"
    break_it(copy, sabotage)
    after = run(copy, [sabotage.test], "-x")
    assert after.code == pytest.ExitCode.TESTS_FAILED, f"nobody noticed\n{after.printed}"
    assert any(o.noticed for o in after.of(sabotage.test)), after.printed
