"""What the sampled values of one column say together, kind by kind.

A run of numbers that grows by itself (times, order numbers) can look like mobile numbers one by
one; the whole column gives it away. Evidence names kinds and shares, never a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from troth.core import discovery_people as people
from troth.core import discovery_values as values
from troth.core.discovery_kinds import Kind

_ENOUGH = 5  # Fewer distinct values than this show too little to decide against a name.


@dataclass(frozen=True, slots=True)
class ValueSign:
    """What the values speak for.

    Args:
        weight: from 0 to 1 for the share found.
        share: of the distinct values.
    """

    kind: Kind
    weight: float
    share: float
    evidence: str


@dataclass(frozen=True, slots=True)
class _Pattern:
    kind: Kind
    words: str
    holds: Callable[[str], bool]
    weight: float


_PATTERNS = (
    _Pattern(
        Kind.NATIONAL_ID, "resident IDs with a right check digit", values.is_resident_id, 0.98
    ),
    _Pattern(Kind.NATIONAL_ID, "15-place resident IDs", values.is_old_resident_id, 0.4),
    _Pattern(Kind.NATIONAL_ID, "social security numbers", values.is_social_security, 0.75),
    _Pattern(Kind.PASSPORT, "passport or permit numbers", values.is_passport, 0.3),
    _Pattern(Kind.PHONE, "PRC mobile numbers", values.is_mobile, 0.85),
    _Pattern(Kind.PHONE, "landline numbers", values.is_landline, 0.55),
    _Pattern(Kind.PHONE, "international phone numbers", values.is_phone_abroad, 0.7),
    _Pattern(Kind.EMAIL, "e-mail addresses", values.is_email, 0.92),
    _Pattern(Kind.BANK_CARD, "card numbers with a right Luhn digit", values.is_bank_card, 0.75),
    _Pattern(Kind.BANK_CARD, "account numbers with right check digits", values.is_iban, 0.85),
    _Pattern(Kind.PLATE, "vehicle plates", values.is_plate, 0.92),
    _Pattern(Kind.IP_ADDRESS, "IP addresses", values.is_ip, 0.75),
    _Pattern(Kind.DEVICE, "hardware addresses", values.is_mac, 0.85),
    _Pattern(Kind.DEVICE, "device numbers with a right Luhn digit", values.is_imei, 0.7),
    _Pattern(Kind.DEVICE, "names of browsers and devices", values.is_user_agent, 0.85),
    _Pattern(Kind.PASSWORD, "password digests", values.is_password_digest, 0.92),
    _Pattern(Kind.LOCATION, "pairs of coordinates", values.is_point, 0.7),
    _Pattern(Kind.ADDRESS, "street addresses", people.is_street_address, 0.75),
)

_DIGITS_ONLY = re.compile(r"[0-9]+")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_PHONE_SHAPE = re.compile(r"[+(0-9][0-9 ().+#x转/-]{2,24}")
_WORD_SHAPE = re.compile(r"[^\W\d_]")


def _phone_shape(value: str) -> bool:
    digits = sum(sign.isdigit() for sign in value)
    return (
        bool(_PHONE_SHAPE.fullmatch(value))
        and 3 <= digits <= 15
        and not values.is_service_line(value)
    )


def _no_number(value: str) -> bool:
    return not _NUMBER.fullmatch(value) and values.date_of(value) is None


def _could_be_name(value: str) -> bool:
    return (
        bool(_WORD_SHAPE.search(value))
        and not any(sign.isdigit() or sign in "@\\_{}<>:" for sign in value)
        and len(value) <= 60
        and not people.is_company_name(value)
    )


_PLAUSIBLE: Mapping[Kind, Callable[[str], bool]] = {
    Kind.PHONE: _phone_shape,
    Kind.EMAIL: lambda value: "@" in value and not values.is_desk_email(value),
    Kind.PERSON_NAME: _could_be_name,
    Kind.NICKNAME: lambda value: _no_number(value) and len(value) <= 60,
    Kind.ACCOUNT_NAME: lambda value: (
        _no_number(value) and len(value) <= 80 and not values.is_web_or_file(value)
    ),
    Kind.PERSON_NUMBER: lambda value: (
        len(value) >= 3 and any(s.isdigit() for s in value) and values.date_of(value[:10]) is None
    ),
    Kind.NATIONAL_ID: lambda value: sum(s.isdigit() for s in value) >= 5 and len(value) <= 24,
    Kind.PASSPORT: lambda value: sum(s.isdigit() for s in value) >= 5 and len(value) <= 14,
    Kind.ADDRESS: lambda value: (
        not values.is_ip(value)
        and "@" not in value
        and "://" not in value
        and (not _NUMBER.fullmatch(value) or len(value) >= 3)
    ),
    Kind.LOCATION: lambda value: any(sign.isdigit() for sign in value),
    Kind.INCOME: lambda value: any(sign.isdigit() for sign in value),
    Kind.BIRTH_DATE: lambda value: (
        values.date_of(value) is not None
        or (_DIGITS_ONLY.fullmatch(value) is not None and len(value) <= 10)
    ),
    Kind.GENDER: lambda value: len(value) <= 12,
    Kind.IP_ADDRESS: values.is_ip,
    Kind.PLATE: lambda value: 5 <= len(value) <= 17 and any(sign.isdigit() for sign in value),
    Kind.PASSWORD: lambda value: len(value) >= 4,
    Kind.CREDENTIAL: lambda value: len(value) >= 4 and values.date_of(value) is None,
    Kind.FREE_TEXT: lambda value: _no_number(value) and len(value) >= 2,
    Kind.PHOTO: lambda value: not _NUMBER.fullmatch(value) or len(value) > 8,
    Kind.SOCIAL_ACCOUNT: lambda value: len(value) >= 3,
    Kind.FAMILY: lambda value: len(value) <= 40 and values.date_of(value) is None,
}
_NEEDS_LETTERS_OR_TEN_SIGNS = frozenset({Kind.DEVICE})


def distinct_of(samples: Sequence[str]) -> tuple[str, ...]:
    """Return the values that differ, without blanks around them and without empty ones."""
    return tuple(dict.fromkeys(text for value in samples if (text := value.strip())))


def plausible_share(kind: Kind, distinct: Sequence[str]) -> float:
    """Return which share of the values could be of a kind at all; 1 where that cannot be told."""
    holds = _PLAUSIBLE.get(kind)
    if holds is None or not distinct:
        return 1.0
    return sum(map(holds, distinct)) / len(distinct)


def signs_of_values(distinct: Sequence[str]) -> tuple[ValueSign, ...]:
    """Return what a column's distinct values speak for, strongest first, one for each kind."""
    if not distinct:
        return ()
    found: dict[Kind, ValueSign] = {}
    run = is_run_of_numbers(distinct)
    for pattern in _PATTERNS:
        if run and pattern.kind in (Kind.PHONE, Kind.BANK_CARD, Kind.DEVICE, Kind.NATIONAL_ID):
            continue
        matched = [value for value in distinct if pattern.holds(value)]
        if pattern.kind is Kind.EMAIL:
            matched = [value for value in matched if not values.is_desk_email(value)]
        if pattern.kind is Kind.IP_ADDRESS and all(map(values.is_version_like, matched)):
            continue
        _keep(
            found, pattern.kind, pattern.weight, pattern.words, count=len(matched), of=len(distinct)
        )
    names = people.share_of_names(distinct)
    # Few values, or many that are no names, show too little: goods and brands hold names as well.
    weight = 0.7 if len(distinct) >= _ENOUGH and names >= 0.6 else 0.35
    named = round(names * len(distinct))
    _keep(found, Kind.PERSON_NAME, weight, "names of people", count=named, of=len(distinct))
    if spread_as_births(distinct):
        found[Kind.BIRTH_DATE] = ValueSign(
            Kind.BIRTH_DATE, 0.35, 1.0, "the values are days spread over decades"
        )
    tokens = sum(map(values.is_random_token, distinct))
    _keep(found, Kind.CREDENTIAL, 0.35, "long random signs", count=tokens, of=len(distinct))
    _contained(found, distinct)
    return tuple(sorted(found.values(), key=lambda sign: -sign.weight))


def _keep(
    found: dict[Kind, ValueSign], kind: Kind, weight: float, words: str, *, count: int, of: int
) -> None:
    """Keep the sign if at least a fifth matched and nothing stronger of its kind is there."""
    share = count / of
    if share < 0.2:
        return
    # Two thirds speak as loud as all: columns that people fill hold other things as well.
    loud = weight * min(1.0, share * 1.5)
    if kind not in found or found[kind].weight < loud:
        found[kind] = ValueSign(kind, loud, share, f"{count} of {of} sampled values are {words}")


def _contained(found: dict[Kind, ValueSign], distinct: Sequence[str]) -> None:
    """Look for personal values inside longer texts: what people wrote, or what was logged."""
    texts = [value for value in distinct if len(value) > 12]
    holding = [contained for value in texts if (contained := values.contained_in(value[:2000]))]
    if len(holding) * 20 < len(distinct) or not holding:
        return
    kinds = sorted({words for contained in holding for words in contained})
    found[Kind.FREE_TEXT] = ValueSign(
        Kind.FREE_TEXT,
        0.8,
        len(holding) / len(distinct),
        f"{len(holding)} of {len(distinct)} sampled texts contain {' and '.join(kinds)}",
    )


def is_run_of_numbers(distinct: Sequence[str]) -> bool:
    """Tell whether numbers of one length share their beginning, as counters and times do.

    Mobile numbers of one shop begin with many prefixes; times of ten years share two digits.
    """
    digits = [value for value in distinct if _DIGITS_ONLY.fullmatch(value)]
    if len(digits) < 8 or len(digits) * 10 < len(distinct) * 9:
        return False
    if len({len(value) for value in digits}) > 1:
        return False
    if len(digits[0]) == 18 or len(digits[0]) == 17:
        return sum(values.date_of(value[:8]) is not None for value in digits) * 10 > len(digits) * 9
    return len(digits[0]) in (11, 13) and len({value[:2] for value in digits}) <= 2


def spread_as_births(distinct: Sequence[str]) -> bool:
    """Tell whether values are days of which the earliest and latest lie fifteen years apart."""
    days = [day for value in distinct if (day := values.date_of(value)) is not None]
    if len(days) < _ENOUGH or len(days) * 10 < len(distinct) * 9:
        return False
    years = [day.year for day in days]
    return max(years) - min(years) >= 15 and max(years) <= 2100
