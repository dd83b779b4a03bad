"""The numbers and bullets that policies put before headings and items.

A mark has a style (``1.``, ``（一）``, ``(a)`` …) and a number. Two lines belong to one list when
their style is the same and their numbers follow one another; whether a marked line is a heading
or an item is decided in `structure`, because that hangs on its neighbours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Style(StrEnum):
    """How a line is marked."""

    CHAPTER = "第一章"
    HAN = "一、"
    HAN_PAREN = "（一）"
    WORD = "Section 1"
    POINTED = "1.1"
    DECIMAL = "1."
    DECIMAL_PAREN = "(1)"
    DECIMAL_CLOSE = "1)"
    ROMAN_PAREN = "(i)"
    LETTER_PAREN = "(a)"
    LETTER = "a."
    CIRCLED = "①"
    BULLET = "·"


@dataclass(frozen=True, slots=True)
class Mark:
    """The mark before a line: how it looks, its number (0 for a bullet), where it ends."""

    style: Style
    number: int
    depth: int
    """Of pointed numbers: how many parts; else 1."""
    end: int


_HAN = r"[一二三四五六七八九十]{1,3}"
_PATTERNS: tuple[tuple[Style, re.Pattern[str]], ...] = (
    (Style.CHAPTER, re.compile(rf"第({_HAN}|\d{{1,2}})(?:章|条|节|部分)[\s、：:.]*")),
    (Style.HAN, re.compile(rf"({_HAN})[、．.]\s*")),
    (Style.HAN_PAREN, re.compile(rf"[（(]({_HAN})[）)][\s、.]*")),
    (Style.WORD, re.compile(r"(?:section|article|part)\s+(\d{1,2})\s?[.:)–-]?\s+", re.I)),
    (
        Style.POINTED,
        re.compile(r"(\d{1,2}(?:\.\d{1,2}){1,3})[.、)）]?(?:\s+|(?=[\u4e00-\u9fff【]))"),
    ),
    (Style.DECIMAL, re.compile(r"(\d{1,2})(?:[.．](?!\d)|、)\s*")),
    (Style.DECIMAL_PAREN, re.compile(r"[（(](\d{1,2})[）)][\s、.]*")),
    (Style.DECIMAL_CLOSE, re.compile(r"(\d{1,2})[)）][\s、.]*")),
    (Style.ROMAN_PAREN, re.compile(r"[（(]([ivx]{1,5})[）)]\s*")),
    (Style.LETTER_PAREN, re.compile(r"[（(]([a-z])[）)]\s*")),
    (Style.LETTER, re.compile(r"([a-z])[.)、]\s+")),
    (Style.CIRCLED, re.compile(r"([①-⑳])[\s、.]*")),
    (Style.BULLET, re.compile(r"[·•●○■□◆◇▪‣➢]\s*()|[-*–—]\s+()")),
)
_HAN_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九十")}
_ROMAN = {"i": 1, "v": 5, "x": 10}


def mark_of(text: str) -> Mark | None:
    """Return the mark at the start of the line, or nothing; a mark alone is no mark."""
    for style, pattern in _PATTERNS:
        match = pattern.match(text)
        if match and match.end() < len(text):
            number = match.group(1) or ""
            depth = number.count(".") + 1
            return Mark(style=style, number=_value(style, number), depth=depth, end=match.end())
    return None


def _value(style: Style, number: str) -> int:
    if style is Style.BULLET:
        return 0
    if style is Style.CIRCLED:
        return ord(number) - ord("①") + 1
    if style in (Style.LETTER, Style.LETTER_PAREN):
        return ord(number) - ord("a") + 1
    if style is Style.ROMAN_PAREN:
        values = [_ROMAN[letter] for letter in number]
        following = [*values[1:], 0]
        return sum(-v if v < after else v for v, after in zip(values, following, strict=True))
    last = number.rsplit(".", 1)[-1]
    return int(last) if last.isdecimal() else _han_value(last)


def _han_value(number: str) -> int:
    if "十" not in number:
        return _HAN_DIGITS[number[-1]]
    tens, _, ones = number.partition("十")
    tens_value = _HAN_DIGITS[tens[-1]] if tens else 1
    return tens_value * 10 + (_HAN_DIGITS[ones[0]] if ones else 0)
