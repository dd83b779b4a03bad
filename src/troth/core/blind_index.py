"""Blind indexes: find the row of a sealed value by equality, without storing the value.

The index of a value is a keyed BLAKE2b (RFC 7693) over its place and its normal form, so that the
same mobile number written in two ways is found once. Who has the key of an index can try every
mobile number in hours: so the key lies with the persons' keys, outside the database, and is
replaced and destroyed like them. Who has only the database sees which rows hold equal values.

Spelling of an index: ``i``, the generation of its key, a dot, and 22 digits of base64.
"""

from __future__ import annotations

import binascii
import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from troth.core.errors import InputError
from troth.core.sealing import KEY_BYTES, SealedPlace

_DIGEST_BYTES = 16
_SEPARATORS = re.compile(r"[\s\-‐-―−().·•・/]+")
_MOBILE_OF_CHINA = re.compile(r"(?:\+?86|0086)?(1[3-9]\d{9})")


class NormalForm(StrEnum):
    """How a value is written before it is compared."""

    EXACT = "exact"
    TEXT = "text"
    MOBILE = "mobile"
    EMAIL = "email"
    RESIDENT_ID = "resident_id"
    PLATE = "plate"
    BANK_CARD = "bank_card"


@dataclass(frozen=True, slots=True)
class IndexKey:
    """One generation of the key of one blind index.

    Args:
        generation: 1 or more; the newest writes, all living ones are searched.
        material: 32 random bytes.
    """

    generation: int
    material: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.material) != KEY_BYTES or self.generation < 1:
            raise InputError(f"an index key has {KEY_BYTES} bytes and a generation from 1")


def normalised(value: str, form: NormalForm) -> str:
    """Return the normal form of a value: equal for what people mean as equal.

    Full-width digits and letters become plain ones (Unicode NFKC) in every form but ``EXACT``.
    A mobile number of the mainland loses +86 and separators; other numbers keep their country. An
    e-mail is folded in case as a whole, which RFC 5321 leaves to the receiver and everybody does.
    """
    return value if form is NormalForm.EXACT else _FORMS[form](unicodedata.normalize("NFKC", value))


def _text(value: str) -> str:
    return " ".join(value.split()).casefold()


def _mobile(value: str) -> str:
    digits = _SEPARATORS.sub("", value)
    found = _MOBILE_OF_CHINA.fullmatch(digits)
    if found is not None:
        return found[1]
    return "+" + digits[2:] if digits.startswith("00") else digits


def _email(value: str) -> str:
    return value.strip().casefold()


def _code(value: str) -> str:
    return _SEPARATORS.sub("", value).upper()


_FORMS: Mapping[NormalForm, Callable[[str], str]] = {
    NormalForm.TEXT: _text,
    NormalForm.MOBILE: _mobile,
    NormalForm.EMAIL: _email,
    NormalForm.RESIDENT_ID: _code,
    NormalForm.PLATE: _code,
    NormalForm.BANK_CARD: _code,
}


def blind_index(key: IndexKey, place: SealedPlace, value: str, form: NormalForm) -> str:
    """Return the index of a value under one generation of the key of its place.

    Raises:
        InputError: nothing is left of the value in its normal form, or it holds half of a
            surrogate pair.
    """
    normal = normalised(value, form)
    if not normal:
        raise InputError(f"an empty value of {place.name} has no index")
    try:
        message = place.bound + normal.encode()
    except UnicodeEncodeError:
        raise InputError(f"the text for {place.name} holds half of a surrogate pair") from None
    made = hashlib.blake2b(
        message, key=key.material, digest_size=_DIGEST_BYTES, person=b"troth index"
    ).digest()
    spelled = binascii.b2a_base64(made, newline=False).decode("ascii").rstrip("=")
    return f"i{key.generation}.{spelled}"


def look_ups(
    keys: Sequence[IndexKey], place: SealedPlace, value: str, form: NormalForm
) -> tuple[str, ...]:
    """Return what an equal value may be indexed as: one for each living generation of the key."""
    return tuple(blind_index(key, place, value, form) for key in keys)


def generation_of(index: str) -> int:
    """Return the generation of the key that made an index.

    Raises:
        InputError: the text is no index.
    """
    found = re.fullmatch(r"i([1-9]\d*)\.[A-Za-z0-9+/]{22}", index)
    if found is None:
        raise InputError("this is no blind index")
    return int(found[1])
