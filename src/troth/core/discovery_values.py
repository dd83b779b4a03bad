"""What a single value looks like: numbers with checksums, addresses, devices, digests.

Each test answers for one value and knows nothing of the column it stands in. What holds for a
column as a whole (names, dates of birth, runs of numbers) is in `troth.core.discovery_columns`.

Source: GB 11643-1999 (resident ID), GB 32100-2015 (unified social credit code), ISO/IEC 7812-1
(card numbers), 3GPP TS 23.003 annex B (IMEI), GA 36-2018 (vehicle plates), ITU-T E.164.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import date

from troth.core.discovery_kinds import words_of

_PROVINCES = frozenset(
    words_of(
        "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 "
        "63 64 65 71 81 82 83"
    )
)
_RESIDENT_ID = re.compile(r"[1-9][0-9]{16}[0-9Xx]")
_RESIDENT_ID_OLD = re.compile(r"[1-9][0-9]{14}")
_MOBILE = re.compile(
    r"(?:(?:\+|00)?86[- ]?)?"
    r"1(?:3[0-9]|4[0-9]|5[0-35-9]|6[2567]|7[0-8]|8[0-9]|9[0-35-9])[- ]?[0-9]{4}[- ]?[0-9]{4}"
)
_LANDLINE = re.compile(
    r"(?:(?:\+|00)?86[- ]?)?\(?0(?:10|2[0-9]|[3-9][0-9]{2})\)?[- ]?[2-8][0-9]{6,7}"
    r"(?:[-#x转][0-9]{1,6})?"
)
_ABROAD = re.compile(r"(?:\+|00)[1-9][0-9]{0,2}(?:[ .()-]{0,2}[0-9]){6,13}")
_NORTH_AMERICA = re.compile(
    r"(?:1[ .-]?)?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}"
)
_SERVICE_LINE = re.compile(
    r"(?:400[- ]?[0-9]{3}[- ]?[0-9]{4}|[48]00[- ][0-9]{4}[- ]?[0-9]{3}|95[0-9]{3}(?:[0-9]{0,3})"
    r"|(?:\+?1[ .-])?\(?8(?:00|33|44|55|66|77|88)\)?[ .-][0-9A-Z]{3}[ .-][0-9A-Z]{4})"
)
_EMAIL = re.compile(
    r"[A-Za-z0-9._%+'-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24}"
)
_DESK_NAMES = frozenset(
    words_of(
        "info sales support service services contact office admin noreply no-reply hello help "
        "hr jobs press marketing billing postmaster webmaster kefu enquiries mail team orders"
    )
)
_CARD = re.compile(
    r"[0-9]{4}(?:[ -]?[0-9]{4}){3}(?:[ -]?[0-9]{1,3})?|[0-9]{15,19}|"
    r"3[47][0-9]{2} ?[0-9]{6} ?[0-9]{5}"
)
_CARD_START = re.compile(r"62|4|5[1-5]|2[2-7]|3[47]|35|36|30|6011|65|9[0-9]5|88")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_PLATE_HEAD = "[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使][A-HJ-Z][ ·•.-]?"
_PLATE = re.compile(
    _PLATE_HEAD + r"(?=.*[0-9].*[0-9])[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳使领]"
)
_PLATE_NEW_ENERGY = re.compile(_PLATE_HEAD + r"(?:[A-HJK][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJK])")
_PASSPORT_CN = re.compile(r"(?:E[0-9A-HJ-NP-Z][0-9]{7}|[GDSPH][0-9]{8}|(?:14|15)[0-9]{7})")
_PERMIT_CN = re.compile(r"[HMCW][0-9]{8}(?:[0-9]{2})?")
_CREDIT_CODE_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_CODE = re.compile(r"[159ANY][0-9A-Z][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}")
_IMEI = re.compile(r"[0-9]{15}")
_PASSWORD_DIGEST = re.compile(
    r"\$2[abxy]?\$[0-9]{2}\$[./A-Za-z0-9]{53}|\$argon2(?:id|i|d)\$\S+|\$(?:1|5|6|7|y|gy|scrypt)\$\S+"
    r"|\$pbkdf2[a-z0-9-]*\$\S+|(?:pbkdf2_sha256|pbkdf2_sha1|bcrypt_sha256|scrypt|argon2|md5|sha1)\$\S+"
    r"|scrypt:[0-9]+:[0-9]+:[0-9]+\$\S+|pbkdf2:sha(?:1|256|512)(?::[0-9]+)?\$\S+"
    r"|\{(?:SSHA|SHA|SSHA256|SSHA512|CRYPT|bcrypt|MD5)\}\S+|\$[PH]\$[./A-Za-z0-9]{31}"
)
_HEX_DIGEST = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128}")
_TOKEN = re.compile(r"[A-Za-z0-9_./+=-]{20,512}")
_POINT = re.compile(
    r"(?:POINT ?\()?\s*(-?[0-9]{1,3}\.[0-9]{3,})\s*[,; ]\s*(-?[0-9]{1,3}\.[0-9]{3,})\s*\)?"
)
_USER_AGENT = re.compile(
    r"(?:Mozilla|Opera|Dalvik|okhttp|Lynx|MicroMessenger)/[0-9].*|.*\b(?:AppleWebKit|Gecko|CFNetwork)/[0-9].*"
)
_SOCIAL_SECURITY = re.compile(r"(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}")
_ISO_DATE = re.compile(r"([0-9]{4})[-/.年]?([0-9]{1,2})[-/.月]?([0-9]{1,2})日?(?:[ T].*)?")
_IP_FOUR = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_WEB = re.compile(r"(?:https?://|/|[\w./-]+\.(?:png|jpe?g|gif|webp|bmp)$).*", re.IGNORECASE)


def is_resident_id(value: str) -> bool:
    """Tell whether a value is an 18-place PRC resident ID: region, day of birth and check digit."""
    if not _RESIDENT_ID.fullmatch(value) or value[:2] not in _PROVINCES:
        return False
    if date_of(value[6:14]) is None:
        return False
    # Weights are powers of two modulo eleven; eleven is prime, so no single wrong digit passes.
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(value[:17]))
    return "10X98765432"[total % 11] == value[17].upper()


def is_old_resident_id(value: str) -> bool:
    """Tell whether a value has the form of the 15-place resident ID, which has no check digit."""
    return (
        bool(_RESIDENT_ID_OLD.fullmatch(value))
        and value[:2] in _PROVINCES
        and date_of("19" + value[6:12]) is not None
    )


def is_mobile(value: str) -> bool:
    """Tell whether a value is a PRC mobile number of a range that is given out."""
    return bool(_MOBILE.fullmatch(value))


def is_landline(value: str) -> bool:
    """Tell whether a value is a PRC landline number with its area code."""
    return bool(_LANDLINE.fullmatch(value))


def is_service_line(value: str) -> bool:
    """Tell whether a value is a number that only companies have (400, 800, 95xxx, toll-free)."""
    return bool(_SERVICE_LINE.fullmatch(value))


def is_phone_abroad(value: str) -> bool:
    """Tell whether a value is a phone number in international or North American writing."""
    if is_service_line(value):
        return False
    return bool(_ABROAD.fullmatch(value) or _NORTH_AMERICA.fullmatch(value))


def is_email(value: str) -> bool:
    """Tell whether a value is an e-mail address."""
    return bool(_EMAIL.fullmatch(value)) and ".." not in value


def is_desk_email(value: str) -> bool:
    """Tell whether a value is the address of a desk, such as ``info@``, rather than a person's."""
    return is_email(value) and value.split("@", maxsplit=1)[0].lower() in _DESK_NAMES


def luhn_holds(digits: str) -> bool:
    """Tell whether a run of digits carries a right Luhn check digit at its end."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def is_bank_card(value: str) -> bool:
    """Tell whether a value is a card number: length, known first digits, Luhn, not all alike."""
    if not _CARD.fullmatch(value):
        return False
    digits = value.replace(" ", "").replace("-", "")
    return bool(_CARD_START.match(digits)) and len(set(digits)) > 1 and luhn_holds(digits)


def is_iban(value: str) -> bool:
    """Tell whether a value is an international account number with its check digits (ISO 13616)."""
    packed = value.replace(" ", "").upper()
    if not _IBAN.fullmatch(packed):
        return False
    turned = packed[4:] + packed[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


def is_plate(value: str) -> bool:
    """Tell whether a value is a PRC vehicle plate, that of a new-energy vehicle included."""
    plain = value.upper()
    return bool(_PLATE.fullmatch(plain) or _PLATE_NEW_ENERGY.fullmatch(plain))


def is_passport(value: str) -> bool:
    """Tell whether a value has the form of a PRC passport or a permit for Hong Kong and Macao.

    There is no check digit in the number itself: the name of the column must support it.
    """
    return bool(_PASSPORT_CN.fullmatch(value) or _PERMIT_CN.fullmatch(value))


def is_social_security(value: str) -> bool:
    """Tell whether a value is a United States social security number as it is written."""
    return bool(_SOCIAL_SECURITY.fullmatch(value))


def is_credit_code(value: str) -> bool:
    """Tell whether a value is a unified social credit code: it names a company, not a person."""
    if not _CREDIT_CODE.fullmatch(value) or any(s not in _CREDIT_CODE_SIGNS for s in value):
        return False
    total = sum(
        _CREDIT_CODE_SIGNS.index(sign) * pow(3, place, 31) for place, sign in enumerate(value[:17])
    )
    return _CREDIT_CODE_SIGNS[-total % 31] == value[17]


def is_ip(value: str) -> bool:
    """Tell whether a value is an IP address, with or without a network or port behind it."""
    bare = value.split("/", maxsplit=1)[0].split("%", maxsplit=1)[0]
    if _IP_FOUR.fullmatch(bare.split(":")[0]) and bare.count(":") <= 1:
        bare = bare.split(":")[0]
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return False
    return True


def is_version_like(value: str) -> bool:
    """Tell whether four numbers with points are so small that they are rather a version."""
    if not _IP_FOUR.fullmatch(value):
        return False
    return all(int(part) < 32 for part in value.split("."))


def is_mac(value: str) -> bool:
    """Tell whether a value is the hardware address of a network card."""
    return bool(_MAC.fullmatch(value)) and len(set(value.lower()) - {":", "-"}) > 1


def is_imei(value: str) -> bool:
    """Tell whether a value is the number of a mobile device: fifteen places with Luhn."""
    return bool(_IMEI.fullmatch(value)) and len(set(value)) > 3 and luhn_holds(value)


def is_user_agent(value: str) -> bool:
    """Tell whether a value is what a browser says of itself and its device."""
    return bool(_USER_AGENT.fullmatch(value))


def is_password_digest(value: str) -> bool:
    """Tell whether a value is written as password hashing libraries write their results."""
    return bool(_PASSWORD_DIGEST.fullmatch(value))


def is_hex_digest(value: str) -> bool:
    """Tell whether a value is as long as a digest; it may be one of a file as well."""
    return bool(_HEX_DIGEST.fullmatch(value))


def is_random_token(value: str) -> bool:
    """Tell whether a value is a long run of mixed signs as secrets are; no digest, no UUID."""
    if not _TOKEN.fullmatch(value) or is_hex_digest(value):
        return False
    return all(any(test(sign) for sign in value) for test in (str.isupper, str.islower))


def is_point(value: str) -> bool:
    """Tell whether a value is a pair of coordinates, each with at least three decimals."""
    match = _POINT.fullmatch(value)
    if match is None:
        return False
    one, other = (abs(float(part)) for part in match.groups())
    return max(one, other) <= 180 and min(one, other) <= 90


def date_of(value: str) -> date | None:
    """Return the day that a value names, year first; None if it names none from 1850 to 2150."""
    match = _ISO_DATE.fullmatch(value)
    if match is None:
        return None
    year, month, day = (int(part) for part in match.groups())
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found if 1850 <= year <= 2150 else None


def is_web_or_file(value: str) -> bool:
    """Tell whether a value is a web address or the path of a file."""
    return bool(_WEB.match(value))


_EMBEDDED = (
    ("e-mail addresses", re.compile(_EMAIL.pattern), is_email),
    ("mobile numbers", re.compile(r"(?<![0-9A-Za-z])1[3-9][0-9]{9}(?![0-9A-Za-z])"), is_mobile),
    (
        "resident IDs",
        re.compile(r"(?<![0-9A-Za-z])[1-9][0-9]{16}[0-9Xx](?![0-9A-Za-z])"),
        is_resident_id,
    ),
)


def contained_in(text: str) -> tuple[str, ...]:
    """Return what kinds of personal values a longer text contains, in words, never the values."""
    found = []
    for what, pattern, holds in _EMBEDDED:
        if any(holds(match[0]) and match[0] != text for match in pattern.finditer(text)):
            found.append(what)
    return tuple(found)
