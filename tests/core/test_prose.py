"""Prose: clauses by heading, lines that lead back to the file, and HTML that obeys nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import draft
from troth.core import tables
from troth.core.prose import fill_in, split, to_html
from troth.core.wording import (
    HEADS,
    LANGUAGES,
    PHRASES,
    UNITS,
    at_most_words,
    duration_parts,
    duration_seconds,
    period_words,
)
from troth.core.yaml_tree import Faults

TEXT = """\
# The whole {#whole}

First.

## A part {#part}


Second {{law:unknown}}.

| a | b |
"""


def test_clauses_are_split_at_headings_with_their_lines() -> None:
    faults = Faults()
    sections = split("f.md", TEXT, faults)
    assert faults.found == []
    whole, part = sections.values()
    assert (whole.id, whole.level, whole.title, whole.body) == ("whole", 1, "The whole", "First.")
    assert (part.line, part.body_line) == (5, 8)
    assert part.body == "Second {{law:unknown}}.\n\n| a | b |"


def test_an_unknown_directive_is_named_at_the_line_it_stands_on() -> None:
    faults = Faults()
    part = split("f.md", TEXT, faults)["part"]
    shown = fill_in("f.md", part, part.body, lambda kind, name: None, faults)
    assert [(f.line, f.rule, f.clause) for f in faults.found] == [(8, "C122", "part")]
    assert "{{law:unknown}}" in shown


def test_words_that_a_directive_brings_in_are_not_read_as_directives() -> None:
    faults = Faults()
    part = split("f.md", TEXT, faults)["part"]
    shown = fill_in("f.md", part, part.body, lambda kind, name: "{{a:b}}", faults)
    assert faults.found == []
    assert shown.startswith("Second {{a:b}}.")


@given(st.text(max_size=200))
def test_no_text_is_lost_or_invented_by_splitting(text: str) -> None:
    faults = Faults()
    sections = split("f.md", text, faults)
    for section in sections.values():
        lines = text.splitlines()
        assert lines[section.line - 1].startswith("#" * section.level)
        if section.body:
            assert lines[section.body_line - 1].strip() == section.body.split("\n")[0].strip()
    stray = any(line.strip() and not line.startswith("#") for line in text.splitlines())
    if stray and not sections:
        assert "C120" in [f.rule for f in faults.found]


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1))",
        "<a href='data:text/html,x'>x</a>",
    ],
)
def test_markup_in_a_clause_is_shown_and_never_obeyed(attack: str) -> None:
    html = to_html(f"Before {attack} after.")
    assert "<script" not in html
    assert "<img" not in html
    assert "<a " not in html


def test_tables_of_a_clause_become_tables() -> None:
    policy = draft().policy()
    html = to_html(policy.clauses["tables"].text["zh-CN"])  # type: ignore[index]
    assert html.count("<table>") == 11
    assert html.count("<th>") == sum(len(HEADS["zh-CN"][name]) for name in HEADS["zh-CN"])


def test_a_bar_or_line_break_in_a_value_cannot_break_a_table() -> None:
    made = draft().change("{zh-CN: 负责人, en: The officer}", "{zh-CN: 甲, en: A}")
    made = made.of("purposes", "send_news", "en: Because of send_news", 'en: "a | b\\nc"')
    shown = made.policy().clauses["tables"].text["en"]  # type: ignore[index]
    (row,) = [line for line in shown.split("\n") if "a \\| b" in line]
    assert "a \\| b c" in row
    assert "<td>a | b c</td>" in to_html(shown)


@pytest.mark.parametrize("words", [HEADS, PHRASES, UNITS])
def test_every_language_has_every_fixed_word(words: dict[str, dict[str, object]]) -> None:
    assert set(words) == set(LANGUAGES)
    keys = [list(words[language]) for language in LANGUAGES]
    assert all(set(k) == set(keys[0]) for k in keys)


def test_limits_read_in_both_languages() -> None:
    assert at_most_words(1, "PT1H", "en") == "at most 1 time within 1 hour"
    assert at_most_words(3, "P1DT12H", "en") == "at most 3 times within 1 day 12 hours"
    assert at_most_words(3, "PT1H", "zh-CN") == "1 小时内最多 3 次"


def test_periods_read_in_both_languages() -> None:
    assert period_words("P2Y", "en") == "2 years"
    assert period_words("P1Y6M", "en") == "1 year 6 months"
    assert period_words("P30D", "zh-CN") == "30 天"
    assert period_words("PT24H", "zh-CN") == "24 小时"
    assert period_words("PT0S", "zh-CN") == "不保存"


@given(st.text(max_size=12))
def test_a_duration_is_read_or_refused(text: str) -> None:
    parts = duration_parts(text)
    if parts is None:
        return
    assert text.startswith("P")
    assert all(n > 0 for n, _ in parts)


@pytest.mark.parametrize(
    ("period", "seconds"),
    [
        ("P1Y", 365 * 86_400),
        ("P6M", 180 * 86_400),
        ("P2D", 2 * 86_400),
        ("P1DT2H3M4S", 86_400 + 2 * 3_600 + 3 * 60 + 4),
        ("PT1M", 60),
        ("PT0S", 0),
        ("P", 0),
        ("1 year", 0),
    ],
)
def test_a_duration_is_as_long_as_its_units_and_nothing_malformed_lasts(
    period: str, seconds: int
) -> None:
    assert duration_seconds(period) == seconds


def test_values_named_nowhere_are_unknown_in_every_kind() -> None:
    policy = draft().policy()
    kinds = ("table", "law", "controller", "policy", "retention", "purpose", "category")
    for kind in (*kinds, "permission", "recipient", "right", "channel", "weather"):
        assert tables.value(policy, kind, "nothing_of_that_name", "en") is None
    assert tables.value(policy, "law", "answer", "zh-CN") == "15 个工作日"
    assert tables.value(policy, "controller", "name", "en") == "Test Company"
    assert tables.value(policy, "policy", "effective", "en") == "2026-01-02"
