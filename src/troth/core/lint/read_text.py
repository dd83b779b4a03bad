"""Plain text: a paragraph is a line, or several where a narrow column broke it."""

from __future__ import annotations

import re

from troth.core.lint.document import Kind, RawBlock
from troth.core.lint.flow import Flow
from troth.core.lint.marks import mark_of

_OPEN_END = re.compile(r"[^.。!！?？:：;；…)）\]】”\"|>]$")
_LOWER_START = re.compile(r"[a-z(（]")
_CJK = re.compile(r"[\u4e00-\u9fff，、]")
_CELLS = re.compile(r"((?<=\S)(?:\t+|\s+\|\s+)(?=\S))")


def read_text(text: str) -> list[RawBlock]:
    """Return the paragraphs of a plain text, with the lines they stand on."""
    blocks: list[RawBlock] = []
    flow = Flow()
    previous = ""
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if not line or not _wrapped(previous, line):
            if not flow.empty:
                blocks.append(flow.block())
            flow = Flow()
        previous = line
        if not line:
            continue
        if flow.empty and _CELLS.search(line):
            blocks.append(_row(line, number))
            previous = ""
        else:
            flow.add(line, number)
    if not flow.empty:
        blocks.append(flow.block())
    return blocks


def _row(line: str, number: int) -> RawBlock:
    """Return a table row; a bar between cells stays in the words, so that they can be quoted."""
    flow = Flow()
    for piece in _CELLS.split(line):
        if piece.strip() == "|":
            flow.end_cell()
        flow.add(piece, number)
        if piece.isspace():
            flow.end_cell()
    return flow.block(kind=Kind.ROW)


def _wrapped(previous: str, line: str) -> bool:
    """Return whether this line goes on with the sentence of the line before it."""
    if not previous or not _OPEN_END.search(previous) or mark_of(line) is not None:
        return False
    if _CJK.match(previous[-1]):
        return len(previous) >= 30 and _CJK.match(line) is not None
    return len(previous) >= 50 and (previous[-1] == "," or _LOWER_START.match(line) is not None)
