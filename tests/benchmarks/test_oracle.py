"""The oracle, and the world it judges: told by hand, without troth."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from benchmarks import oracle as oracle_module
from benchmarks.deployments import POLICY, deployment, two_versions
from benchmarks.oracle import DENY_REASONS, About, Oracle, Said, asked_again, counted
from benchmarks.world import make_world, write_sqlite

NOW = 1_000
POLICY_1 = """
retention: {short: {period: P30D}, long: {period: P3Y}, brief: {period: PT24H}}
categories: {frames: {retention: short}, voucher: {retention: short}, phone: {retention: long}}
purposes:
  scan: {lawful_basis: consent, clause: c_scan, under_restriction: false, recipients: [],
         categories: {frames: necessary}}
  check: {lawful_basis: consent, clause: c_check, under_restriction: false, recipients: [],
          categories: {voucher: necessary}}
  secure: {lawful_basis: legal_obligation, clause: c_secure, under_restriction: true,
           recipients: [], categories: {phone: necessary}}
"""


def said(state: str, *, version: int = 1, until: int | None = None) -> list[Said]:
    return [Said("first", "consent_requested", 1, None), Said("last", state, version, until)]


def judge(
    story: Sequence[Said],
    *,
    purpose: str = "scan",
    about: About | None = None,
    policies: Sequence[str] = (POLICY_1,),
) -> tuple[bool, str, str, str]:
    oracle = Oracle(policies, {"p": about or About()}, {("p", purpose): story} if story else {})
    return oracle.verdict("p", purpose, NOW)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("consent_given", "consent_stands"),
        ("renewed_consent_given", "consent_stands"),
        ("consent_refused", "refused"),
        ("consent_request_deferred", "deferred"),
        ("consent_withdrawn", "withdrawn"),
        ("consent_expired", "expired"),
        ("consent_terminated", "ended"),
        ("consent_invalidated", "superseded"),
        ("consent_unknown", "never_asked"),
        ("consent_requested", "never_asked"),
    ],
)
def test_last_word_decides(state: str, reason: str) -> None:
    allowed = reason == "consent_stands"
    assert judge(said(state)) == (allowed, "c_scan", reason, "last")


def test_act_opens_and_its_end_closes() -> None:
    assert judge(said("act_recorded"), purpose="secure")[2] == "act_stands"
    assert judge(said("act_ended"), purpose="secure")[2] == "ended"


def test_nothing_said_is_never_asked_without_evidence() -> None:
    assert judge([]) == (False, "c_scan", "never_asked", "")


def test_unknown_purpose_has_no_clause() -> None:
    assert judge([], purpose="sell") == (False, "", "unknown_purpose", "")


@pytest.mark.parametrize(("until", "reason"), [(999, "expired"), (1_000, "expired"), (1_001, "")])
def test_consent_ends_at_its_last_moment(until: int, reason: str) -> None:
    assert judge(said("consent_given", until=until))[2] == (reason or "consent_stands")


def test_child_needs_a_guardian() -> None:
    given = said("consent_given")
    assert judge(given, about=About(under_14=True))[2] == "under_14_without_guardian"
    assert judge(given, about=About(under_14=True, guarded=True))[0]


def test_restriction_leaves_what_the_policy_lets_go_on() -> None:
    restricted = About(restricted=True)
    assert judge(said("consent_given"), about=restricted)[2] == "restricted"
    assert judge(said("act_recorded"), purpose="secure", about=restricted)[0]


@pytest.mark.parametrize(
    ("old", "new", "asked"),
    [
        ("{frames: necessary}", "{frames: necessary, phone: optional}", {"scan": 2}),
        ("recipients: [],\n         cat", "recipients: [courier],\n         cat", {"scan": 2}),
        ("short: {period: P30D}", "short: {period: P60D}", {"scan": 2, "check": 2}),
        ("short: {period: P30D}", "short: {period: PT12H}", {}),
        ("categories: {phone: necessary}", "categories: {}", {}),
        ("c_scan", "c_other", {}),
    ],
)
def test_only_wider_purposes_of_consent_are_asked_again(
    old: str, new: str, asked: dict[str, int]
) -> None:
    assert old in POLICY_1
    wider = POLICY_1.replace(old, new)
    assert asked_again([yaml.safe_load(POLICY_1), yaml.safe_load(wider)]) == asked


def test_answer_to_a_narrower_version_is_superseded() -> None:
    wider = POLICY_1.replace("{frames: necessary}", "{frames: necessary, phone: optional}")
    both = (POLICY_1, wider)
    assert judge(said("consent_given", version=1), policies=both)[2] == "superseded"
    assert judge(said("consent_given", version=2), policies=both)[2] == "consent_stands"
    assert judge(said("consent_given"), purpose="check", policies=both)[2] == "consent_stands"


def test_oracle_imports_nothing_of_troth() -> None:
    tree = ast.parse(Path(str(oracle_module.__file__)).read_text(encoding="utf-8"))
    imported = {
        name.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for name in node.names
    } | {
        str(node.module).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    }
    assert imported == {"__future__", "collections", "dataclasses", "itertools", "typing", "yaml"}


def test_decisions_in_a_small_world_are_those_of_the_oracle(tmp_path: Path) -> None:
    versions = two_versions(tmp_path)
    texts = [(v / "policy.yaml").read_text(encoding="utf-8") for v in versions]
    world = make_world(texts[-1], 150)
    oracle = Oracle(texts, world.people, world.stories)
    cases = world.cases(1_500)
    right = [oracle.verdict(*case, world.now) for case in cases]
    with deployment(tmp_path / "data", versions) as t:
        write_sqlite(tmp_path / "data" / "troth.db", world)
        assert [tuple(t.decide(*case)) for case in cases] == right
    assert set(DENY_REASONS) <= counted(right).keys()


def test_shops_policy_is_the_first_version_unchanged(tmp_path: Path) -> None:
    assert two_versions(tmp_path)[0] == POLICY
