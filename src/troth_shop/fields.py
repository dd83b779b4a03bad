"""What a single field of a form may hold; forms are read field by field, never as a whole (S-16).

A form is a mapping from names to texts. Only the fields that a constructor asks for are ever
read, so whatever else was sent is dropped before anything could store it.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from troth_shop.errors import BadInput

Form = Mapping[str, str]
Choice = TypeVar("Choice", bound=StrEnum)

_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_KEY = re.compile(r"[0-9a-f]{32}")
_CODE = re.compile(r"[0-9]{6}")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-]{4,62}[A-Za-z0-9]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def new_key() -> str:
    """Return a random key for a form; sent back twice, the form still counts once."""
    return secrets.token_hex(16)


def phone(form: Form, field: str) -> str:
    """Return a mainland mobile number as 11 digits; +86, spaces, dashes and width do not matter.

    Raises:
        BadInput: it is none.
    """
    typed = unicodedata.normalize("NFKC", str(form.get(field, "")))[:40]
    digits = re.sub(r"[\s\-()]", "", typed)
    digits = re.sub(r"^(\+|00)86", "", digits)
    if not _MOBILE.fullmatch(digits):
        raise BadInput("phone_invalid", field)
    return digits


def password(form: Form, field: str) -> str:
    """Return a password as typed, in Unicode form NFKC: at least 10 characters, no other rule.

    Raises:
        BadInput: it is too short, or too long to be hashed in reasonable time.
    """
    typed = str(form.get(field, ""))
    if len(typed) > 128:
        raise BadInput("password_long", field)
    typed = unicodedata.normalize("NFKC", typed)
    if len(typed) < 10:
        raise BadInput("password_short", field)
    return typed


def typed_password(form: Form, field: str) -> str:
    """Return a password to be compared: never refused, only cut where none can be that long."""
    return unicodedata.normalize("NFKC", str(form.get(field, ""))[:129])


def key(form: Form, field: str) -> str:
    """Return a key that `new_key` made, or an id of the same shape.

    Raises:
        BadInput: it has another shape.
    """
    typed = str(form.get(field, ""))
    if not _KEY.fullmatch(typed):
        raise BadInput("key_invalid", field)
    return typed


def code(form: Form, field: str) -> str:
    """Return the six digits of a one-time code, or an empty text when it is none."""
    typed = unicodedata.normalize("NFKC", str(form.get(field, "")))[:20]
    digits = re.sub(r"\s", "", typed)
    return digits if _CODE.fullmatch(digits) else ""


def reference(form: Form, field: str) -> str:
    """Return the reference of a transfer, in capitals.

    Raises:
        BadInput: it has another shape.
    """
    typed = unicodedata.normalize("NFKC", str(form.get(field, "")))[:200]
    plain = re.sub(r"\s", "", typed)
    if not _REFERENCE.fullmatch(plain):
        raise BadInput("reference_invalid", field)
    return plain.upper()


def text(form: Form, field: str, *, most: int, lines: bool = False) -> str:
    """Return a text without control characters and outer spaces.

    Args:
        form: the form.
        field: name of the field.
        most: most characters it may have.
        lines: whether it may have more than one line.

    Raises:
        BadInput: it is empty or too long.
    """
    typed = str(form.get(field, ""))
    if len(typed) > 4 * most:
        raise BadInput("text_long", field, most=most)
    typed = _CONTROL.sub("", unicodedata.normalize("NFC", typed).replace("\r\n", "\n")).strip()
    if not lines:
        typed = re.sub(r"\s+", " ", typed)
    if not typed:
        raise BadInput("text_missing", field)
    if len(typed) > most:
        raise BadInput("text_long", field, most=most)
    return typed


def choice(form: Form, field: str, choices: type[Choice]) -> Choice:
    """Return one of ``choices``.

    Raises:
        BadInput: it is none of them.
    """
    try:
        return choices(str(form.get(field, "")))
    except ValueError:
        raise BadInput("choice_invalid", field) from None
