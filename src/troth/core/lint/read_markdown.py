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


def read_markdown(text: str) -> list[RawBlock]:
    """Return headings, items, rows and paragraphs with the lines they stand on."""
    blocks: list[RawBlock] = []
    lists: list[str] = []
    """Marks of the open list items: a bullet, or the number to put back."""
    fresh = False
    level = 0
    row: Flow | None = None
    for token in _PARSER.parse(text):
        if token.type == "heading_open":
            level = int(token.tag[1])
        elif token.type == "heading_close":
            level = 0
        elif token.type == "list_item_open":
            lists.append(f"{token.info}{token.markup} " if token.info else "")
            fresh = True
        elif token.type == "list_item_close":
            lists.pop()
        elif token.type == "tr_open":
            row = Flow()
        elif token.type == "tr_close" and row is not None:
            if not row.empty:
                blocks.append(row.block(kind=Kind.ROW))
            row = None
        elif token.type == "inline":
            line = token.map[0] + 1 if token.map else 1
            if row is not None:
                _pour(token, row, line)
                row.end_cell()
                continue
            mark = lists[-1] if lists and fresh else ""
            flow = Flow()
            flow.add(mark, line)
            bold = _pour(token, flow, line)
            if not flow.empty and flow.block().text != mark.strip():
                kind = Kind.ITEM if lists and (not fresh or not mark) else None
                kind = Kind.HEADING if level else kind
                blocks.append(flow.block(kind=kind, level=level, bold=bold))
            fresh = False
        elif token.type in ("code_block", "fence") and token.content.strip():
            flow = Flow()
            flow.add(token.content, (token.map[0] + 1 if token.map else 1) + (token.type == "fence"))
            blocks.append(flow.block())
    return blocks


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
