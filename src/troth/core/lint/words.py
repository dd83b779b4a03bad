"""A lexicon in two languages, searched only in the language that is there.

Running one pattern for both over a long text costs the sum of both, and there are some hundred
and fifty of them; so each half is its own pattern, and the half whose letters a text does not
contain is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_CJK = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
_LATIN = re.compile(r"[a-zA-Z@]")

Match = re.Match[str]


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Two patterns for one meaning. They meet folded text, one sentence per line."""

    en: re.Pattern[str]
    zh: re.Pattern[str]

    def search(self, text: str, start: int = 0, end: int | None = None) -> Match | None:
        """Return the first match of either half from `start` on, before `end`."""
        stop = len(text) if end is None else end
        english = self.en.search(text, start, stop)
        chinese = None if text.isascii() else self.zh.search(text, start, stop)
        if english is None or chinese is None:
            return english or chinese
        return english if english.start() <= chinese.start() else chinese

    def finditer(self, text: str) -> Iterator[Match]:
        """Yield the matches of the English half, then those of the Chinese half."""
        if _LATIN.search(text):
            yield from self.en.finditer(text)
        if _CJK.search(text):
            yield from self.zh.finditer(text)

    def without(self, text: str) -> str:
        """Return the text with every match taken out."""
        return self.zh.sub("", self.en.sub("", text))


def either(*, en: str, zh: str) -> Words:
    """Compile one meaning in both languages.

    Args:
        en: pattern for lower-case English with straight apostrophes.
        zh: pattern for Chinese; Latin words in it are lower case.

    Returns:
        Words with ASCII classes, so that ``\\b`` also stands between a Chinese character and a
        Latin word.
    """
    return Words(en=re.compile(en, re.ASCII), zh=re.compile(zh, re.ASCII))
