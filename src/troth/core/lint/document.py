"""The policy as the rules see it: blocks under headings, cut into sentences with their lines.

A reader (`read_text`, `read_markdown`, `read_html`) makes `RawBlock`s; `structure` decides what
is a heading, an item or a paragraph; this module keeps the result and answers the two questions
every rule asks: *where do these words stand?* and *what stands under this heading?*
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from troth.core.lint.words import Words


class Form(StrEnum):
    """How the policy was handed over."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"


class Kind(StrEnum):
    """What a block is to a reader of the policy."""

    HEADING = "heading"
    ITEM = "item"
    ROW = "row"
    PARAGRAPH = "paragraph"


class Language(StrEnum):
    """The language a text is mostly written in; `MIXED` where neither prevails."""

    ZH = "zh"
    EN = "en"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class RawBlock:
    """One run of words as a reader found it, whitespace already normalised.

    Args:
        text: the words, on one line.
        breaks: ``(offset, line)`` pairs in order: from this offset on the words stand on this
            line of the file, counted from 1. Never empty.
        kind: what the form itself says (``<h2>``, ``- ``); ``None`` where it says nothing.
        level: of a heading that the form declares, 1 to 6.
        bold: the whole run is emphasised, as headings often are where no heading tag is used.
        name_end: of a table row, where its first cell ends.
        linked: some of the words are a link, so they lead somewhere.
    """

    text: str
    breaks: tuple[tuple[int, int], ...]
    kind: Kind | None = None
    level: int = 0
    bold: bool = False
    name_end: int = 0
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, list item, table row or paragraph; its number or bullet stands in `marker`."""

    kind: Kind
    text: str
    breaks: tuple[tuple[int, int], ...]
    section: int
    level: int = 0
    marker: str = ""
    name_end: int = 0
    linked: bool = False

    def line_at(self, offset: int) -> int:
        """Return the line of the file on which the character at this offset stands."""
        place = bisect_right(self.breaks, (offset, 1 << 60)) - 1
        return self.breaks[max(place, 0)][1]


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading; section 0 is what stands before the first one."""

    index: int
    heading: int | None
    """Index of the heading's block."""
    level: int
    parent: int | None


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a block; `folded` is its text with ASCII letters in lower case."""

    index: int
    text: str
    folded: str
    line: int
    block: int
    section: int
    kind: Kind
    start: int
    """Offset in the block."""
    offset: int
    """Offset in the document's joined `folded` text."""
    lead: int | None = None
    """Of an item or row: index of the sentence that announces the list."""


_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ’", "abcdefghijklmnopqrstuvwxyz'")
_CJK = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]{2,}")
_END = re.compile(r"[。！？]+[”’」』）)]*\s*|(?<=[.!?])[\"”’)\]]*\s+(?=[^\sa-z,;.，])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Inc|Ltd|Co|No|Nos|Art|Arts|Sec|Mr|Ms|Dr|St|vs|cf|p|pp)|\b\w\.\w)\.$"
)
_ANNOUNCES = re.compile(r"[:：]$|\bfollowing\b|以下|下列|如下|\bbelow\b")


def fold(text: str) -> str:
    """Return the text with ASCII letters lowered; every character keeps its place."""
    return text.translate(_LOWER)


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each sentence, Chinese and English full stops alike."""
    start = 0
    for end in _END.finditer(text):
        if _ABBREVIATION.search(text, max(start, end.start() - 8), end.start()):
            continue
        if text[start : end.start()].strip():
            yield start, end.end()
        start = end.end()
    if text[start:].strip():
        yield start, len(text)


def language_of(text: str) -> Language:
    """Return the language that most words are in; a Chinese word counts as two characters."""
    zh, en = len(_CJK.findall(text)) / 2, len(_LATIN.findall(text))
    if zh >= 3 * en:
        return Language.ZH if zh else Language.EN
    return Language.EN if en >= 3 * zh else Language.MIXED


@dataclass(frozen=True)
class Document:
    """A parsed policy. Build it with `document_from`; it is read only."""

    file: str
    form: Form
    line_count: int
    blocks: tuple[Block, ...]
    sections: tuple[Section, ...]
    sentences: tuple[Sentence, ...]
    folded: str
    """All sentences in lower case, one per line: a pattern without newline stays in one."""
    language: Language
    _starts: tuple[int, ...] = ()
    _found: dict[Words, tuple[tuple[int, re.Match[str]], ...]] = field(
        default_factory=dict, repr=False, compare=False
    )
    _says: dict[Words, bool] = field(default_factory=dict, repr=False, compare=False)
    _which: dict[Words, frozenset[int]] = field(default_factory=dict, repr=False, compare=False)
    _by_section: dict[int, list[int]] = field(default_factory=dict, repr=False, compare=False)
    _by_block: dict[int, list[int]] = field(default_factory=dict, repr=False, compare=False)

    def matches(self, pattern: Words) -> tuple[tuple[int, re.Match[str]], ...]:
        """Return ``(index of sentence, first match in it)`` for each sentence that matches.

        The match is relative to the document's `folded` text. Each pattern is run once over
        the whole text and remembered, which keeps forty rules linear.
        """
        if pattern not in self._found:
            found: dict[int, re.Match[str]] = {}
            for match in pattern.finditer(self.folded):
                index = bisect_right(self._starts, match.start()) - 1
                if index not in found or match.start() < found[index].start():
                    found[index] = match
            self._found[pattern] = tuple(sorted(found.items(), key=lambda pair: pair[0]))
        return self._found[pattern]

    def which(self, pattern: Words) -> frozenset[int]:
        """Return the indexes of the sentences, headings included, that match."""
        if pattern not in self._which:
            self._which[pattern] = frozenset(index for index, _ in self.matches(pattern))
        return self._which[pattern]

    def says(self, pattern: Words) -> bool:
        """Return whether any sentence or heading matches."""
        if pattern not in self._says:
            self._says[pattern] = pattern.search(self.folded) is not None
        return self._says[pattern]

    def said(self, pattern: Words) -> Iterator[tuple[Sentence, re.Match[str]]]:
        """Yield the sentences that match, headings left out, each with its first match."""
        for index, match in self.matches(pattern):
            if self.sentences[index].kind is not Kind.HEADING:
                yield self.sentences[index], match

    def heading_of(self, section: int) -> str:
        """Return the folded heading of a section, empty where it has none."""
        heading = self.sections[section].heading
        return "" if heading is None else fold(self.blocks[heading].text)

    def within(self, section: int) -> frozenset[int]:
        """Return the section and every section below it."""
        inside = {section}
        for index in range(section + 1, len(self.sections)):
            if self.sections[index].parent not in inside:
                break
            inside.add(index)
        return frozenset(inside)

    def blocks_within(self, section: int) -> range:
        """Return the indexes of the blocks of a section and of those below it: they adjoin."""
        first = self.sections[section].heading or 0
        after = max(self.within(section)) + 1
        last = self.sections[after].heading if after < len(self.sections) else None
        return range(first, len(self.blocks) if last is None else last)

    def own(self, section: int) -> list[int]:
        """Return the indexes of the sentences that stand directly under this heading."""
        return self._by_section.get(section, [])

    def of_block(self, block: int) -> list[int]:
        """Return the indexes of the sentences of one block."""
        return self._by_block.get(block, [])

    def lead_of(self, sentence: Sentence) -> str:
        """Return the folded sentence that announces the list this one stands in, or nothing."""
        return "" if sentence.lead is None else self.sentences[sentence.lead].folded

    def measure(self) -> str:
        """Say how much was searched, for findings about what is missing."""
        headings = sum(block.kind is Kind.HEADING for block in self.blocks)
        return f"the whole text ({len(self.sentences) - headings} sentences, {headings} headings)"


def document_from(
    *,
    file: str,
    form: Form,
    line_count: int,
    blocks: Sequence[Block],
    sections: Sequence[Section],
) -> Document:
    """Cut the blocks into sentences and index them."""
    sentences: list[Sentence] = []
    by_section: dict[int, list[int]] = {}
    by_block: dict[int, list[int]] = {}
    offset = 0
    lead: int | None = None
    for number, block in enumerate(blocks):
        listed = block.kind in (Kind.ITEM, Kind.ROW)
        for start, end in sentence_spans(block.text):
            text = block.text[start:end].rstrip()
            by_section.setdefault(block.section, []).append(len(sentences))
            by_block.setdefault(number, []).append(len(sentences))
            sentences.append(
                Sentence(
                    index=len(sentences),
                    text=text,
                    folded=fold(text),
                    line=block.line_at(start),
                    block=number,
                    section=block.section,
                    kind=block.kind,
                    start=start,
                    offset=offset,
                    lead=lead if listed else None,
                )
            )
            offset += len(text) + 1
        if block.kind is Kind.HEADING:
            lead = None
        elif not listed and number in by_block:
            last = by_block[number][-1]
            lead = last if _ANNOUNCES.search(sentences[last].folded) else None
    folded = "\n".join(sentence.folded for sentence in sentences)
    return Document(
        file=file,
        form=form,
        line_count=line_count,
        blocks=tuple(blocks),
        sections=tuple(sections),
        sentences=tuple(sentences),
        folded=folded,
        language=language_of(folded),
        _starts=tuple(sentence.offset for sentence in sentences),
        _by_section=by_section,
        _by_block=by_block,
    )
