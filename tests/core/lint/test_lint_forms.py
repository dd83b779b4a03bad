"""Plain text, Markdown and HTML of one policy say the same, each at its own lines."""

from __future__ import annotations

import html
import re

import pytest

from tests.core.lint.faults import CLEAN, FAULTS, TEXTS, Fault
from tests.core.lint.forms import as_html, as_markdown
from troth.core.findings import Finding, Severity
from troth.core.lint import Form, lint_text
from troth.core.lint.document import Kind
from troth.core.lint.parse import parse

WRITERS = {Form.MARKDOWN: as_markdown, Form.HTML: as_html}


def hits(text: str, form: Form) -> list[Finding]:
    found = lint_text(file="policy", text=text, form=form)
    return [finding for finding in found if finding.severity is not Severity.UNDECIDED]


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_clean_policy_has_no_hit_in_any_form(language: str, form: Form) -> None:
    assert hits(WRITERS[form](CLEAN[language]), form) == []


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_the_same_in_every_form_and_quoted_at_its_line(fault: Fault, form: Form) -> None:
    text = WRITERS[form](fault.faulty)
    found = hits(text, form)
    assert {finding.rule for finding in found} == {fault.rule}
    lines = text.split("\n")
    for finding in found:
        rest = "\n".join(lines[finding.line - 1 :])
        seen = html.unescape(re.sub(r"<[^>]*>", "", rest)) if form is Form.HTML else rest
        assert "".join(finding.quote.split()) in "".join(seen.split())
        first = "".join(finding.quote.split())[:4]
        assert first in "".join(html.unescape(lines[finding.line - 1]).split())


@pytest.mark.parametrize("name", ["press.en.md", "mall.zh.md"])
def test_good_policy_of_another_house_has_no_hit(name: str) -> None:
    text = (TEXTS / name).read_text(encoding="utf-8")
    assert hits(text, Form.MARKDOWN) == []


def kinds(text: str, form: Form = Form.TEXT) -> list[tuple[Kind, str]]:
    return [(block.kind, block.text) for block in parse(file="x", text=text, form=form).blocks]


def test_numbered_line_after_an_announcement_is_the_next_heading_when_it_counts_on() -> None:
    text = "1. Start\n\nWords.\n\n2. Use\n\nFor the following purposes:\n\n3. Sharing\n\nWords.\n"
    headings = [words for kind, words in kinds(text) if kind is Kind.HEADING]
    assert headings == ["Start", "Use", "Sharing"]


def test_numbered_lines_after_an_announcement_are_items_when_they_start_anew() -> None:
    text = "一、开始\n文字。\n二、用途\n用于以下目的：\n1. 送货\n2. 收款\n三、共享\n文字。\n"
    assert [words for kind, words in kinds(text) if kind is Kind.ITEM] == ["送货", "收款"]
    assert [words for kind, words in kinds(text) if kind is Kind.HEADING] == [
        "开始",
        "用途",
        "共享",
    ]


def test_table_of_contents_makes_no_headings() -> None:
    text = "This notice has:\n\n1. Who we are;\n\n2. Rights.\n\n1. Who we are\n\nWe are Ann.\n"
    assert [words for kind, words in kinds(text) if kind is Kind.HEADING] == ["Who we are"]


def test_sentence_broken_over_narrow_lines_is_one_sentence() -> None:
    text = (
        "We keep the order and the invoice that belongs to it for a\n"
        "period of three years from the day on which it was sent to\nyou."
    )
    document = parse(file="x", text=text, form=Form.TEXT)
    assert [sentence.line for sentence in document.sentences] == [1]
    assert document.blocks[0].line_at(document.blocks[0].text.index("you")) == 3


def test_bold_line_in_html_is_a_heading_and_script_is_no_text() -> None:
    page = "<script>var by = 'using';</script><p><b>三、共享</b></p>\n<p>我们不共享。</p>"
    assert kinds(page, Form.HTML) == [(Kind.HEADING, "共享"), (Kind.PARAGRAPH, "我们不共享。")]


def test_table_row_in_html_is_one_row_named_by_its_first_cell() -> None:
    page = "<table>\n<tr><td>相机</td>\n<td><p>扫码</p></td></tr></table>"
    row = parse(file="x", text=page, form=Form.HTML).blocks[0]
    assert (row.kind, row.text[: row.name_end], row.line_at(0)) == (Kind.ROW, "相机", 2)
    assert row.line_at(row.text.index("扫码")) == 3


def test_numbered_line_in_markdown_is_a_heading_when_text_follows() -> None:
    text = "1. Who we are\n\nWe are Ann.\n\n2. Rights\n\nYou have some.\n"
    assert [kind for kind, _ in kinds(text, Form.MARKDOWN)] == [Kind.HEADING, Kind.PARAGRAPH] * 2


@pytest.mark.parametrize(
    ("line", "words"), [("相机\t扫码", "相机 扫码"), ("相机 | 扫码", "相机 | 扫码")]
)
def test_row_in_plain_text_keeps_its_words_and_is_named_by_its_first_cell(
    line: str, words: str
) -> None:
    row = parse(file="x", text=line, form=Form.TEXT).blocks[0]
    assert (row.kind, row.text, row.text[: row.name_end]) == (Kind.ROW, words, "相机")
