"""What a rule is, and how it says where it found what.

A rule looks at a `Document` and yields `Hit`s; it never builds a `Finding` itself, so that every
finding of one rule bears the same reason, repair and law.

Verification marks of the laws: [L] read in the law's full Chinese text, [R] incident-reporting
measures quoted article by article, [P] press, law-firm or standards page, (fm) from memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from troth.core.findings import Finding, Severity
from troth.core.lint.document import Document, Kind, Sentence
from troth.core.lint.words import Words

_LONGEST_QUOTE = 480
_BEFORE, _AFTER = 80, 320
_WORD_EDGE = re.compile(r"[\s\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One place where a rule is broken, or cannot be decided.

    Args:
        line: first line of the quote; 1 where something is missing from the text as a whole.
        quote: the words it rests on, whitespace normalised; empty for something missing.
        searched: for something missing, what was searched for and where.
        detail: what is particular to this place, one sentence added to the rule's reason.
        undecided: plain text cannot decide it here; reported, never counted.
    """

    line: int = 1
    quote: str = ""
    searched: str = ""
    detail: str = ""
    undecided: bool = False


Look = Callable[[Document], Iterable[Hit]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One fault of wording that a regulator would mark.

    Args:
        id: stable; ``E…`` fails a build, ``W…`` does not.
        title: short, in English.
        title_zh: short, in Chinese.
        reason: why it is a fault, one or two sentences.
        repair: what to write instead.
        law: the articles with their verification marks; empty for our own recommendation.
        look: finds the hits; pure.
    """

    id: str
    title: str
    title_zh: str
    reason: str
    repair: str
    law: str
    look: Look

    @property
    def severity(self) -> Severity:
        """Return what a hit does to the build."""
        return Severity.ERROR if self.id.startswith("E") else Severity.WARNING

    def findings(self, document: Document) -> Iterator[Finding]:
        """Yield the findings of this rule, in the order its look makes them."""
        for hit in self.look(document):
            yield Finding(
                file=document.file,
                line=hit.line,
                rule=self.id,
                severity=Severity.UNDECIDED if hit.undecided else self.severity,
                reason=" ".join(filter(None, (self.reason, hit.detail))),
                repair=self.repair,
                quote=hit.quote,
                searched=hit.searched,
                law=self.law,
            )


def said(
    document: Document,
    sentence: Sentence,
    match: re.Match[str] | None = None,
    *,
    detail: str = "",
    undecided: bool = False,
) -> Hit:
    """Return a hit that quotes the sentence, or of a long one the words around the match."""
    start, end = 0, len(sentence.text)
    if end > _LONGEST_QUOTE:
        middle = match.start() - sentence.offset if match else 0
        start = _edge(sentence.text, max(0, middle - _BEFORE))
        end = _edge(sentence.text, min(end, middle + _AFTER))
    quote = sentence.text[start:end].strip()
    start = sentence.text.index(quote, start) if quote else start
    return Hit(
        line=document.blocks[sentence.block].line_at(sentence.start + start),
        quote=quote,
        detail=detail,
        undecided=undecided,
    )


def _edge(text: str, offset: int) -> int:
    """Move right to the next place where a word may be cut, at most thirty characters."""
    if offset in (0, len(text)):
        return offset
    edge = _WORD_EDGE.search(text, offset, offset + 30)
    return edge.start() if edge else offset


def missing(document: Document, what: str, *, line: int = 1, detail: str = "") -> Hit:
    """Return a hit for words that are nowhere; `what` names what was looked for."""
    return Hit(line=line, searched=f"{document.measure()} for {what}", detail=detail)


def statements(document: Document, *patterns: Words) -> Iterator[Sentence]:
    """Yield the sentences, headings left out, in which every one of the patterns matches."""
    indexes = document.which(patterns[0])
    for pattern in patterns[1:]:
        indexes = indexes & document.which(pattern)
    for index in sorted(indexes):
        if document.sentences[index].kind is not Kind.HEADING:
            yield document.sentences[index]


def has(document: Document, pattern: Words, indexes: Iterable[int]) -> bool:
    """Return whether one of these sentences matches."""
    return not document.which(pattern).isdisjoint(indexes)
