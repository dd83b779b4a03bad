"""Every rule, once broken and once repaired, in Chinese and in English."""

from __future__ import annotations

import pytest

from tests.core.lint.faults import CLEAN, FAULTS, Fault
from troth.core.findings import Finding, Severity
from troth.core.lint import RULES, lint_text

EXPECTED = {*(f"E{n}" for n in range(101, 121)), *(f"W{n}" for n in range(201, 214))}


def hits(text: str) -> list[Finding]:
    found = lint_text(file="policy.txt", text=text)
    return [finding for finding in found if finding.severity is not Severity.UNDECIDED]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_clean_policy_has_no_hit(language: str) -> None:
    assert hits(CLEAN[language]) == []


def test_clean_policy_in_two_languages_has_no_hit() -> None:
    assert hits(CLEAN["zh"] + "\n" + CLEAN["en"]) == []


@pytest.mark.control("policy_readable")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_one_fault_gives_exactly_that_rule(fault: Fault) -> None:
    found = hits(fault.faulty)
    assert {finding.rule for finding in found} == {fault.rule}
    said = " ".join(f"{f.quote} {f.searched} {f.reason}" for f in found)
    assert fault.says in said


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_finding_quotes_words_or_names_what_was_searched(fault: Fault) -> None:
    for finding in hits(fault.faulty):
        assert finding.quote or finding.searched
        assert finding.reason
        assert finding.repair
        assert finding.severity is RULES[finding.rule].severity


@pytest.mark.parametrize("language", ["zh", "en"])
def test_repairing_one_of_two_faults_leaves_the_other(language: str) -> None:
    first, second = (
        next(f for f in FAULTS if f.language == language and f.rule == rule)
        for rule in ("E105", "W202")
    )
    both = first.faulty.replace(second.old, second.new)
    assert {f.rule for f in hits(both)} == {"E105", "W202"}
    assert {f.rule for f in hits(both.replace(first.new, first.old))} == {"W202"}
    assert {f.rule for f in hits(both.replace(second.new, second.old))} == {"E105"}


def test_all_faults_together_hit_their_rules() -> None:
    for language in ("zh", "en"):
        wanted, text = set(), CLEAN[language]
        for fault in FAULTS:
            if fault.language == language and fault.old in text and fault.new.startswith(fault.old):
                text = text.replace(fault.old, fault.new)
                wanted.add(fault.rule)
        assert len(wanted) > 10
        assert wanted <= {f.rule for f in hits(text)}


def test_every_rule_is_listed_and_has_faults_in_both_languages() -> None:
    assert set(RULES) == EXPECTED
    for language in ("zh", "en"):
        assert {f.rule for f in FAULTS if f.language == language} == EXPECTED


@pytest.mark.parametrize("rule", sorted(EXPECTED))
def test_rule_can_be_printed_in_the_documentation(rule: str) -> None:
    entry = RULES[rule]
    assert entry.id == rule
    assert entry.title
    assert any("\u4e00" <= character <= "\u9fff" for character in entry.title_zh)
    assert entry.reason.endswith(".")
    assert entry.repair.endswith(".")
    marks = ("[L]", "[P]", "[R]", "(fm)")
    assert not entry.law or entry.law.endswith(marks)
