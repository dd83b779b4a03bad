"""Runs of words on their way to becoming blocks: whitespace goes, lines are remembered."""

from __future__ import annotations

import re

from troth.core.lint.document import Kind, RawBlock

_SPACE = re.compile(r"\s+")
_WIDE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef“”‘’]")


class Flow:
    """Collects the pieces of one block.

    Runs of whitespace become one space; between two Chinese characters a line break becomes
    nothing, for there it stands only because the line was full.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._breaks: list[tuple[int, int]] = []
        self._gap: str = ""
        self.name_end = 0
        self.linked = False

    def add(self, text: str, line: int) -> None:
        """Add text that begins on this line; newlines inside it count up."""
        for distance, piece in enumerate(text.split("\n")):
            if distance:
                self._gap = self._gap or "\n"
            self._add_piece(piece, line + distance)

    def _add_piece(self, piece: str, line: int) -> None:
        words = _SPACE.sub(" ", piece)
        if not words.strip():
            self._gap = " " if words and not self._gap else self._gap
            return
        if words[0] == " ":
            self._gap = self._gap or " "
        stripped = words.strip()
        if self._parts and self._gap:
            wide = _WIDE.match(self._parts[-1][-1]) and _WIDE.match(stripped[0])
            if not (self._gap == "\n" and wide):
                self._parts.append(" ")
                self._length += 1
        if not self._breaks or self._breaks[-1][1] != line:
            self._breaks.append((self._length, line))
        self._parts.append(stripped)
        self._length += len(stripped)
        self._gap = " " if words[-1] == " " else ""

    def end_cell(self) -> None:
        """Mark the end of a table cell; the first one is the row's name."""
        if not self.empty:
            self.name_end = self.name_end or self._length
        self._gap = " "

    @property
    def empty(self) -> bool:
        """Whether nothing but whitespace was added."""
        return not self._parts

    def block(self, *, kind: Kind | None = None, level: int = 0, bold: bool = False) -> RawBlock:
        """Return what was collected; at least one piece must have been added."""
        return RawBlock(
            text="".join(self._parts),
            breaks=tuple(self._breaks),
            kind=kind,
            level=level,
            bold=bold,
            name_end=self.name_end,
            linked=self.linked,
        )
