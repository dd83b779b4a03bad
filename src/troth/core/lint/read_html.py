"""HTML: visible words with the lines they stand on.

The standard library's parser is used rather than a tree builder because it tells the position
of every run of text; a tree tells only where an element begins, and long policies are often one
element per chapter.
"""

from __future__ import annotations

from html.parser import HTMLParser

from troth.core.lint.document import Kind, RawBlock
from troth.core.lint.flow import Flow

_HEADINGS = {f"h{n}": n for n in range(1, 7)}
_UNSEEN = frozenset({"script", "style", "template", "noscript", "title", "svg", "textarea"})
_CELLS = frozenset({"td", "th"})
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "ins",
        "kbd",
        "label",
        "mark",
        "o:p",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
    ]
)
_BOLD = frozenset({"b", "strong"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[RawBlock] = []
        self._flow = Flow()
        self._all_bold = True
        self._unseen = 0
        self._bold = 0
        self._row: Flow | None = None
        self._heading = 0
        self._items = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a" and not (dict(attrs).get("href") or "#").startswith("#"):
            (self._row or self._flow).linked = True
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in _BOLD:
            self._bold += 1
        elif tag == "body":
            self._unseen = 0
        elif tag in _CELLS and self._row is not None:
            self._row.end_cell()
        elif tag not in _INLINE:
            self.finish()
            if tag in _HEADINGS:
                self._heading = _HEADINGS[tag]
            elif tag == "li":
                self._items += 1
            elif tag == "tr":
                self._end_row()
                self._row = Flow()

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _BOLD:
            self._bold = max(0, self._bold - 1)
        elif tag in _CELLS and self._row is not None:
            self._row.end_cell()
        elif tag not in _INLINE:
            self.finish()
            if tag in _HEADINGS:
                self._heading = 0
            elif tag == "li":
                self._items = max(0, self._items - 1)
            elif tag in ("tr", "table"):
                self._end_row()

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        line = self.getpos()[0]
        if self._row is not None:
            self._row.add(data, line)
            return
        self._flow.add(data, line)
        self._all_bold = self._all_bold and (self._bold > 0 or not data.strip())

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """Skip ``<![…]>`` as a browser does; the standard parser would stop on it."""
        del report
        return self.parse_bogus_comment(i)

    def finish(self) -> None:
        """Close the run of words that is open, where a block begins or ends."""
        if self._row is not None:
            self._row.add(" ", self.getpos()[0])
            return
        if not self._flow.empty:
            kind = Kind.HEADING if self._heading else Kind.ITEM if self._items else None
            self.blocks.append(
                self._flow.block(kind=kind, level=self._heading, bold=self._all_bold)
            )
        self._flow, self._all_bold = Flow(), True

    def _end_row(self) -> None:
        if self._row is not None and not self._row.empty:
            self.blocks.append(self._row.block(kind=Kind.ROW))
        self._row = None

    def end(self) -> list[RawBlock]:
        """Close whatever is still open and return the blocks."""
        self._end_row()
        self.finish()
        return self.blocks


def read_html(text: str) -> list[RawBlock]:
    """Return headings, items, rows and paragraphs of the visible text with their lines."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.end()
