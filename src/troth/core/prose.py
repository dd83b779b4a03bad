"""Split the prose of a policy into clauses, and put values and tables into it.

A clause is a heading that carries an id, ``## Title {#clause_id}``, and the text up to the next
heading. Facts are never typed in prose: ``{{table:purposes}}``, ``{{law:rights_answer}}``,
``{{controller:name}}`` and the like stand where they belong (house rule "one source").
Rules made here: C120 heading without id, or words before the first heading, C121 the same id
twice, C122 unknown directive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from markdown_it import MarkdownIt

from troth.core.yaml_tree import Faults

_HEADING = re.compile(r"^(#{1,4})\s+(.*?)\s*(?:\{#([a-z0-9_]+)\})?\s*$")
_DIRECTIVE = re.compile(r"\{\{\s*([a-z_]+):([a-z0-9_]+)\s*\}\}")

Fill = Callable[[str, str], str | None]
"""Answers a directive ``{{kind:name}}`` with its words, or None when it is unknown."""


@dataclass(frozen=True, slots=True)
class Section:
    """One clause of one language as it stands in its file.

    ``line`` is that of its heading, ``body_line`` that of the first words under it.
    """

    id: str
    level: int
    title: str
    body: str
    line: int
    body_line: int


def split(file: str, text: str, faults: Faults) -> Mapping[str, Section]:
    """Return the sections by id, in the order of the file."""
    sections: dict[str, Section] = {}
    current: tuple[str, int, str, int] | None = None
    body: list[str] = []

    def finish() -> None:
        blank = next((i for i, words in enumerate(body) if words.strip()), len(body))
        if current is None:
            if blank < len(body):
                faults.add(
                    file,
                    blank + 1,
                    "C120",
                    "these words stand before the first heading, so they belong to no clause",
                    "put them under a heading that ends with {#clause_id}",
                )
            return
        id_, level, title, line = current
        if id_ in sections:
            faults.add(
                file,
                line,
                "C121",
                f"the clause id {id_} stands twice",
                "give each clause an id of its own; ids never change",
                clause=id_,
            )
            return
        words = "\n".join(body[blank:]).rstrip("\n")
        sections[id_] = Section(id_, level, title, words, line, line + 1 + blank)

    for number, raw in enumerate(text.splitlines(), start=1):
        match = _HEADING.match(raw)
        if match is None:
            body.append(raw)
            continue
        finish()
        body = []
        marks, title, id_ = match.groups()
        if id_ is None:
            faults.add(
                file,
                number,
                "C120",
                f"the heading {title!r} has no clause id",
                "end it with {#clause_id}",
            )
        current = (id_ or f"line_{number}", len(marks), title, number)
    finish()
    return sections


def fill_in(file: str, section: Section, text: str, fill: Fill, faults: Faults) -> str:
    """Return ``text`` with each directive replaced; an unknown one is a C122 at its line."""
    first = section.line if text == section.title else section.body_line

    def answer(match: re.Match[str]) -> str:
        words = fill(match.group(1), match.group(2))
        if words is None:
            line = first + text.count("\n", 0, match.start())
            faults.add(
                file,
                line,
                "C122",
                f"{match.group(0)} names nothing in the policy files",
                "use a table or a value that the commitments define",
                clause=section.id,
            )
            return match.group(0)
        return words

    return _DIRECTIVE.sub(answer, text)


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def to_html(markdown: str) -> str:
    """Return clause text as HTML; raw HTML in it is shown as text, never obeyed."""
    return str(_MARKDOWN.render(markdown))
