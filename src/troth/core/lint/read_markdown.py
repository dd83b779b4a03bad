"""Markdown, by CommonMark with tables: its own structure is believed, numbered lines are not.

``1. Our purposes`` followed by a paragraph is a list of one to CommonMark and a heading to its
author, so numbered items go to `structure` unmarked by us, with their number put back.
"""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.token import Token

from troth.core.lint.document import Kind, RawBlock
from troth.core.lint.flow import Flow

_PARSER = MarkdownIt("commonmark").enable("table")


class _Reader:
    """The open list items, heading and row while the tokens go by."""

    def __init__(self) -> None:
        self.blocks: list[RawBlock] = []
        self._marks: list[str] = []
        """Of each open list item: empty for a bullet, or the number to put back."""
        self._fresh = False
        self._level = 0
        self._row: Flow | None = None

    def take(self, token: Token) -> None:
        """Take the next token of the document."""
        line = token.map[0] + 1 if token.map else 1
        if token.type == "inline":
            self._take_words(token, line)
        elif token.type in ("heading_open", "heading_close"):
            self._level = int(token.tag[1]) if token.nesting > 0 else 0
        elif token.type == "list_item_open":
            self._marks.append(f"{token.info}{token.markup} " if token.info else "")
            self._fresh = True
        elif token.type == "list_item_close":
            self._marks.pop()
        elif token.type == "tr_open":
            self._row = Flow()
        elif token.type == "tr_close" and self._row is not None:
            if not self._row.empty:
                self.blocks.append(self._row.block(kind=Kind.ROW))
            self._row = None
        elif token.type in ("code_block", "fence") and token.content.strip():
            flow = Flow()
            flow.add(token.content, line + (token.type == "fence"))
            self.blocks.append(flow.block())

    def _take_words(self, token: Token, line: int) -> None:
        if self._row is not None:
            _pour(token, self._row, line)
            self._row.end_cell()
            return
        mark = self._marks[-1] if self._marks and self._fresh else ""
        flow = Flow()
        flow.add(mark, line)
        bold = _pour(token, flow, line)
        if not flow.empty and flow.block().text != mark.strip():
            kind = Kind.ITEM if self._marks and not mark else None
            kind = Kind.HEADING if self._level else kind
            self.blocks.append(flow.block(kind=kind, level=self._level, bold=bold))
        self._fresh = False


def read_markdown(text: str) -> list[RawBlock]:
    """Return headings, items, rows and paragraphs with the lines they stand on."""
    reader = _Reader()
    for token in _PARSER.parse(text):
        reader.take(token)
    return reader.blocks


def _pour(token: Token, flow: Flow, line: int) -> bool:
    """Add the words of an inline token; return whether all of them are emphasised."""
    strong = 0
    all_bold = True
    for child in token.children or ():
        if child.type == "strong_open":
            strong += 1
        elif child.type == "strong_close":
            strong -= 1
        elif child.type == "link_open":
            flow.linked = flow.linked or not str(child.attrGet("href") or "#").startswith("#")
        elif child.type in ("softbreak", "hardbreak"):
            line += 1
            flow.add("\n", line - 1)
        elif child.content:
            flow.add(child.content, line)
            all_bold = all_bold and (strong > 0 or not child.content.strip())
    return all_bold
