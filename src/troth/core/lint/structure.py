"""What is a heading, what an item, what a paragraph.

Plain text says none of this, and a test such as "the next line looks like a list" fails on the
commonest fault, a list that was announced and forgotten: the next line is then the next heading,
numbered like an item. So headings are found first, from the whole sequence of marked lines:

1. A marked line that ends like an item (``;``) or reads like a sentence is an item.
2. A run of lines with one style and consecutive numbers and nothing between them is a list,
   unless the run goes on counting from the last heading of that style.
3. A marked line that reads like a title and has a body below it is a heading.
4. An unmarked short line without full stop above a longer one is a heading of the lowest rank.

Where the form says what a block is (``<h2>``, ``- ``), that is believed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from troth.core.lint.document import Block, Kind, RawBlock, Section
from troth.core.lint.marks import Mark, Style, mark_of

_CJK = re.compile(r"[\u4e00-\u9fff]")
_ITEM_END = re.compile(r"[;；,，:：、]$")
_SENTENCE_END = re.compile(r"[.。！!]$")
_COLON_END = re.compile(r"[:：]$")
_PAIR = re.compile(r"[:：|\t]|https?:|@")
_BARE_START = re.compile(r"[A-Z【\u4e00-\u9fff]")
_BARE = "bare"


def title_like(text: str, *, words: int = 12, characters: int = 30) -> bool:
    """Return whether the words could be a title: short, one phrase, not ended like an item."""
    if _ITEM_END.search(text) or "。" in text[:-1] or re.search(r"[.!?;]\s", text):
        return False
    cjk = len(_CJK.findall(text))
    if cjk * 2 > len(text):
        return len(text) <= characters and not _SENTENCE_END.search(text)
    count = len(text.split())
    return count <= (6 if _SENTENCE_END.search(text) else words) and len(text) <= 100


class _Ranks:
    """The open headings from the outermost in, by which the next one finds its level."""

    def __init__(self) -> None:
        self.open: list[tuple[str, int, int]] = []
        """(key, level, index of section)."""
        self.last_number: dict[str, int] = {}

    def key_of(self, mark: Mark) -> str:
        return f"{mark.style.value}/{mark.depth}"

    def goes_on(self, mark: Mark) -> bool:
        """Return whether this number follows the last heading of its style that is still open."""
        key = self.key_of(mark)
        is_open = any(name == key for name, _, _ in self.open)
        return is_open and self.last_number.get(key, 0) + 1 == mark.number

    def enter(self, key: str, *, declared: int = 0, number: int = 0) -> tuple[int, int | None]:
        """Close what this heading closes; return its level and its parent section."""
        keys = [name for name, _, _ in self.open]
        if declared:
            while self.open and not (
                self.open[-1][0].startswith("h") and self.open[-1][1] < declared * 10
            ):
                self.open.pop()
            level = declared * 10
        elif key in keys:
            level = self.open[keys.index(key)][1]
            del self.open[keys.index(key) :]
        else:
            while key != _BARE and self.open and self.open[-1][0] == _BARE:
                self.open.pop()
            level = (self.open[-1][1] if self.open else 0) + 1
        self.last_number[key] = number
        return level, (self.open[-1][2] if self.open else None)


def arrange(raw: Sequence[RawBlock]) -> tuple[list[Block], list[Section]]:
    """Decide the kind of every block and put it under its heading.

    Returns:
        The blocks in order, marks taken off their text, and the sections in order; section 0
        has no heading.
    """
    marks = [None if block.kind is Kind.ROW else mark_of(block.text) for block in raw]
    blocks: list[Block] = []
    sections = [Section(index=0, heading=None, level=0, parent=None)]
    ranks = _Ranks()
    for i, block in enumerate(raw):
        mark = marks[i]
        kind = block.kind or _kind(raw, marks, blocks, ranks, i)
        level = 0
        if kind is Kind.HEADING:
            if block.kind is Kind.HEADING:
                key = f"h{block.level}"
            else:
                key = ranks.key_of(mark) if mark else _BARE
            level, parent = ranks.enter(
                key, declared=block.level, number=mark.number if mark else 0
            )
            index = len(sections)
            sections.append(Section(index=index, heading=i, level=level, parent=parent))
            ranks.open.append((key, level, index))
        blocks.append(_placed(block, mark, kind, section=len(sections) - 1, level=level))
    return blocks, sections


def _kind(
    raw: Sequence[RawBlock],
    marks: Sequence[Mark | None],
    done: Sequence[Block],
    ranks: _Ranks,
    i: int,
) -> Kind:
    mark = marks[i]
    before = raw[i - 1] if i else None
    after = raw[i + 1] if i + 1 < len(raw) else None
    if mark is None:
        return Kind.HEADING if _bare_heading(raw[i], before, after) else Kind.PARAGRAPH
    rest = raw[i].text[mark.end :]
    if raw[i].bold and title_like(rest.rstrip(":：")):
        return Kind.HEADING
    if mark.style is Style.BULLET or not title_like(rest):
        return Kind.ITEM
    if i and _follows(marks[i - 1], mark) and done[i - 1].kind is Kind.ITEM:
        return Kind.ITEM
    if ranks.goes_on(mark):
        return Kind.HEADING
    if after is None or _follows(mark, marks[i + 1]):
        return Kind.ITEM
    if before is not None and _COLON_END.search(before.text):
        # Announced, yet alone: a heading if it has a body of its own, else a list of one.
        body = marks[i + 1] is None and after.kind is None and not title_like(after.text)
        return Kind.HEADING if body else Kind.ITEM
    return Kind.HEADING


def _follows(first: Mark | None, second: Mark | None) -> bool:
    return (
        first is not None
        and second is not None
        and first.style is second.style
        and first.depth == second.depth
        and first.number + 1 == second.number
    )


def _bare_heading(block: RawBlock, before: RawBlock | None, after: RawBlock | None) -> bool:
    text = block.text
    if after is None or after.kind is Kind.HEADING or _PAIR.search(text):
        return False
    if not title_like(text, words=9, characters=20) or _SENTENCE_END.search(text):
        return False
    if block.bold:
        return True
    if not _BARE_START.match(text) or (before is not None and _COLON_END.search(before.text)):
        return False
    longer = len(after.text) > 2 * len(text) or _SENTENCE_END.search(after.text) is not None
    return longer and not title_like(after.text, words=9, characters=20)


def _placed(block: RawBlock, mark: Mark | None, kind: Kind, *, section: int, level: int) -> Block:
    cut = mark.end if mark and kind in (Kind.HEADING, Kind.ITEM) else 0
    line = block.breaks[0][1]
    shifted: list[tuple[int, int]] = []
    for offset, number in block.breaks:
        if offset <= cut:
            line = number
        else:
            shifted.append((offset - cut, number))
    placed = Block(
        kind=kind,
        text=block.text[cut:],
        breaks=((0, line), *shifted),
        section=section,
        level=level,
        marker=block.text[:cut].strip(),
        name_end=block.name_end,
        linked=block.linked,
    )
    return placed if placed.text else replace(placed, text=block.text, marker="")
