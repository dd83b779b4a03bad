"""What holds of any text whatever, policy or not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.lint.faults import CLEAN, FAULTS
from tests.core.lint.forms import as_html, as_markdown
from troth.core.findings import Severity
from troth.core.lint import RULES, Form, lint_text

LINES = sorted({line for fault in FAULTS for line in fault.faulty.split("\n")})
SCRAPS = [
    "1.",
    "（二）",
    "- ",
    ":",
    "。",
    "；",
    "<p>",
    "</li>",
    "<td",
    "<![x",
    "&amp;",
    "|",
    "\t",
    "```",
    "the following purposes:",
    "以下目的",
    "\r\n",
    "\r",
    "\x0b",
    "\u2028",
    "\ufeff",
    "\x00",
    "İ",
    "ﬁ",
]
TEXT = st.lists(
    st.one_of(st.sampled_from(LINES), st.sampled_from(SCRAPS), st.text(max_size=30)), max_size=25
).flatmap(lambda parts: st.sampled_from(["\n", "\n\n", " ", ""]).map(lambda gap: gap.join(parts)))


@given(TEXT, st.sampled_from(Form))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_and_gives_the_same_findings_twice(text: str, form: Form) -> None:
    found = lint_text(file="any", text=text, form=form)
    assert found == lint_text(file="any", text=text, form=form)
    assert found == tuple(sorted(found))
    last = len(re.split(r"\r\n|\r|\n", text))
    for finding in found:
        assert finding.rule in RULES
        assert 1 <= finding.line <= last
        assert finding.quote or finding.searched
        assert finding.severity in (RULES[finding.rule].severity, Severity.UNDECIDED)


@given(TEXT)
@settings(max_examples=150, deadline=None)
def test_every_quote_begins_at_its_line(text: str) -> None:
    lines = re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))
    for finding in lint_text(file="any", text=text):
        if finding.quote:
            quote = "".join(finding.quote.split())
            here = "".join(lines[finding.line - 1].split())
            below = "".join("".join(line.split()) for line in lines[finding.line - 1 :])
            starts = [match.start() for match in re.finditer(re.escape(quote), below)]
            assert any(start < len(here) for start in starts)


@given(st.permutations([fault for fault in FAULTS if fault.new.startswith(fault.old)]))
@settings(max_examples=15, deadline=None)
def test_adding_faults_never_hides_one_that_was_found(order: list[object]) -> None:
    text, wanted = CLEAN["zh"], set()
    for fault in FAULTS:
        if fault in order[:8] and fault.language == "zh" and fault.old in text:
            text = text.replace(fault.old, fault.new)
            wanted.add(fault.rule)
    assert wanted <= {finding.rule for finding in lint_text(file="any", text=text)}


@pytest.mark.parametrize("text", ["", "\n", " ", "\ufeff", "1.", "- ", "<p", "。", ":", "|"])
@pytest.mark.parametrize("form", Form)
def test_nothing_at_all_lacks_everything_and_says_nothing(text: str, form: Form) -> None:
    found = {finding.rule for finding in lint_text(file="empty", text=text, form=form)}
    assert {"E102", "E103", "E104", "E108", "E113"} <= found
    assert not any(finding.rule.startswith("W") for finding in lint_text(file="x", text=text))


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("form", Form)
def test_long_policy_is_read_to_its_end(language: str, form: Form) -> None:
    clean = CLEAN[language]
    text = clean * (200_000 // len(clean.encode()) + 1)
    writer = {Form.TEXT: str, Form.MARKDOWN: as_markdown, Form.HTML: as_html}[form]
    written = writer(text)
    # Quadratic work on such texts would be minutes here, which nobody overlooks.
    assert not [f for f in lint_text(file="long", text=written, form=form) if f.line < 1]


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "我", "a. ", "we share ", "1. A\n", "（", "<", "<li>", "| a ", "> "),
        "2. What permissions\n\n(a) Camera\n\nUsed.\n\n",
        "We notify you of a data breach.\n\n",
        "You can delete your data.\n\n",
    ],
)
@pytest.mark.parametrize("form", Form)
def test_monotonous_text_is_read_to_its_end(piece: str, form: Form) -> None:
    text = piece * (30_000 // len(piece))
    assert {f.rule for f in lint_text(file="long", text=text, form=form)} >= {"E102", "E103"}
