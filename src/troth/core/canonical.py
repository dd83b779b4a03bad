"""One spelling for one value: the JSON that is hashed and signed.

The subset of the JSON Canonicalization Scheme (RFC 8785) that our values need: maps with ASCII
names, lists, strings, whole numbers, true, false and null. Fractions are refused, because their
spelling is the only hard part of the scheme; names are ASCII, so that sorting by code point (ours)
and by UTF-16 unit (the scheme's) agree. Within these limits the bytes equal those of RFC 8785.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from troth.core.errors import InputError

LARGEST_WHOLE_NUMBER = 2**53 - 1
"""Beyond this a reader that holds numbers as IEEE doubles, as RFC 8785 does, would round."""

_DEEPEST = 32


def canonical_json(value: object) -> bytes:
    """Write a value as canonical JSON in UTF-8.

    Raises:
        InputError: The value holds something outside the subset (a fraction, a name that is not
            ASCII text, a number past 2**53 - 1, half of a surrogate pair, nesting past 32).

    Source: RFC 8785 §3.2.
    """
    _require_subset(value, 0)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InputError("text for canonical JSON holds half of a surrogate pair") from None


def read_strict_json(text: str) -> Any:
    """Read JSON that has exactly one meaning.

    Raises:
        InputError: The text is not JSON, repeats a name in one map, or leaves the subset of
            `canonical_json`; two readers could take it for two different things.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_map_of, parse_float=_refuse, parse_constant=_refuse
        )
    except (json.JSONDecodeError, RecursionError):
        raise InputError("the text is not JSON") from None
    except ValueError:  # a whole number of more digits than Python will read
        raise InputError("the JSON holds a number outside whole numbers to 2**53 - 1") from None
    _require_subset(value, 0)
    return value


def _map_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InputError("the JSON repeats a name in one map, so readers could disagree")
    return found


def _refuse(_: str) -> NoReturn:
    raise InputError("the JSON holds a number outside whole numbers to 2**53 - 1")


def _require_subset(value: object, depth: int) -> None:
    if depth > _DEEPEST:
        msg = f"canonical JSON nests at most {_DEEPEST} deep here"
        raise InputError(msg)
    if isinstance(value, dict):
        for name, inner in value.items():
            if not (isinstance(name, str) and name.isascii()):
                raise InputError("names in canonical JSON are ASCII text here")
            _require_subset(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            _require_subset(inner, depth + 1)
    elif isinstance(value, int):
        if abs(value) > LARGEST_WHOLE_NUMBER:
            raise InputError("whole numbers in canonical JSON end at 2**53 - 1")
    elif not (value is None or isinstance(value, str)):
        msg = f"canonical JSON here holds no {type(value).__name__}"
        raise InputError(msg)
