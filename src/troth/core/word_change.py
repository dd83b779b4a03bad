"""Weigh a change of words: is it spelling, or may it be meaning?

Only what is plainly the same text is editorial: other spaces and punctuation, a word of Latin
letters with a slip of the pen mended, an article, one Chinese character for another that weighs
nothing. Whatever was added or taken away beside that is not: a sentence more in a long clause
changes few letters and may change everything.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from enum import StrEnum


class ChangeClass(StrEnum):
    """How much a change weighs, least first."""

    EDITORIAL = "editorial"
    MINOR = "minor"
    MATERIAL = "material"

    @property
    def weight(self) -> int:
        """Return 0, 1 or 2."""
        return list(ChangeClass).index(self)


_TOKEN = re.compile(r"[0-9]+|[^\W\d_\u2e80-\u9fff\uf900-\ufaff]+|[^\W_]|[%‰$€£¥￥<>≤≥±]")
_ARTICLES = frozenset({"a", "an", "the"})
_WEIGHTY_WORDS = frozenset(
    {"not", "never", "no", "none", "nor", "neither", "only", "without", "unless", "except"}
    | {"may", "might", "must", "shall", "will", "should", "can", "cannot", "or", "and"}
    | {"all", "any", "every", "each", "some", "before", "after", "until", "within"}
)
_WEIGHTY_CHARACTERS = frozenset(
    "不没无未非除仅只勿莫禁免别否可能须应必当要会或和与及且均都皆全部任何每各"
    "零一二三四五六七八九十百千万亿两半多少几年月日天周时分秒元前后内外以超满"
    "收集用存传送给供交卖买删留看查取读享转公开问知告同意拒撤我你她们谁"
)
_MOST_CHARACTERS = 2
"""How many Chinese characters a correction may replace in one text."""
_PREFIXES = ("un", "in", "im", "ir", "il", "dis", "non", "mis", "de", "re", "anti", "over", "under")


def word_change(before: str, after: str) -> ChangeClass:
    """Return editorial if only spelling or punctuation moved, else minor.

    A number, a unit, a negation or a modal verb that changes, comes or goes is never editorial.
    """
    old, new = _TOKEN.findall(before.lower()), _TOKEN.findall(after.lower())
    if old == new or ("".join(old) == "".join(new) and _weights(old) == _weights(new)):
        return ChangeClass.EDITORIAL
    characters = 0
    for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, False).get_opcodes():
        if kind == "equal":
            continue
        gone, came = old[i1:i2], new[j1:j2]
        if not _same_words(gone, came):
            return ChangeClass.MINOR
        characters += sum(map(_is_cjk, came))
    return ChangeClass.MINOR if characters > _MOST_CHARACTERS else ChangeClass.EDITORIAL


def _weights(tokens: Sequence[str]) -> list[str]:
    return [token for token in tokens if _weighs(token)]


def _is_cjk(token: str) -> bool:
    return "\u2e80" <= token[0] <= "\u9fff" or "\uf900" <= token[0] <= "\ufaff"


def _same_words(gone: Sequence[str], came: Sequence[str]) -> bool:
    gone = [word for word in gone if word not in _ARTICLES]
    came = [word for word in came if word not in _ARTICLES]
    return len(gone) == len(came) and all(map(_same_word, gone, came))


def _same_word(a: str, b: str) -> bool:
    """Tell whether ``b`` is ``a`` with a slip of the pen mended."""
    if _weighs(a) or _weighs(b) or _is_cjk(a) != _is_cjk(b):
        return False
    if _is_cjk(a):
        return True
    return _slip(a, b) and not _negated(a, b) and not _negated(b, a)


def _weighs(token: str) -> bool:
    return token in _WEIGHTY_WORDS or token in _WEIGHTY_CHARACTERS or not token.isalpha()


def _negated(a: str, b: str) -> bool:
    return any(b == prefix + a for prefix in _PREFIXES) or b == a + "less"


def _slip(a: str, b: str) -> bool:
    """Tell whether one letter was added, dropped, replaced or two neighbours were swapped."""
    if min(len(a), len(b)) < 4 and sorted(a) != sorted(b):
        return False  # of three letters, one makes another word: sell, tell
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
    if start is None:
        return abs(len(a) - len(b)) <= 1
    rest_a, rest_b = a[start:], b[start:]
    swapped = rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:]
    added = rest_a == rest_b[1:] or rest_b == rest_a[1:]
    replaced = rest_a[1:] == rest_b[1:]
    return swapped or added or (replaced and start > 0 and len(a) > 5)
