"""Every pattern of discovery with values that hold and values that nearly do; checksums as laws."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from troth.core import discovery_people as people
from troth.core import discovery_values as values

HOLDS: list[tuple[Callable[[str], bool], list[str]]] = [
    (values.is_resident_id, ["11010519491231002X", "11010519491231002x", "440524188001010014"]),
    (values.is_old_resident_id, ["110105491231002"]),
    (values.is_mobile, ["13800138000", "+86 138 0013 8000", "+8619912345678", "166-1234-5678"]),
    (values.is_landline, ["010-62345678", "0571-88881234", "(021)56781234", "0512-65123456-802"]),
    (values.is_service_line, ["400-810-8888", "95588", "1-800-555-0199", "800-8203 800"]),
    (
        values.is_phone_abroad,
        ["+44 20 7946 0958", "+14155550123", "(415) 555-0123", "415-555-0123"],
    ),
    (values.is_email, ["a@b.co", "first.last+tag@mail.example.org", "张".encode().hex() + "@x.cn"]),
    (values.is_desk_email, ["info@example.org", "No-Reply@example.org"]),
    (values.is_bank_card, ["4111111111111111", "5555 5555 5555 4444", "378282246310005"]),
    (values.is_iban, ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"]),
    (
        values.is_plate,
        ["浙A12345", "京AF0236", "粤B·D12345", "沪AD12345", "川A12345D", "粤Z1234港"],
    ),
    (values.is_passport, ["E12345678", "EA1234567", "G12345678", "H12345678"]),
    (values.is_social_security, ["123-45-6789"]),
    (values.is_credit_code, ["91350100M000100Y43"]),
    (values.is_ip, ["8.8.8.8", "2001:db8::1", "10.0.0.1:443", "192.168.0.0/16", "fe80::1%eth0"]),
    (values.is_version_like, ["1.2.3.4", "10.0.19.2"]),
    (values.is_mac, ["00:1A:2b:3c:4D:5e", "00-1a-2b-3c-4d-5e"]),
    (values.is_imei, ["490154203237518"]),
    (values.is_user_agent, ["Mozilla/5.0 (X11; Linux)", "okhttp/4.9.0"]),
    (
        values.is_password_digest,
        [
            "$2b$12$" + "a" * 53,
            "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
            "pbkdf2_sha256$260000$salt$hash",
            "{SSHA}abcdef==",
            "$6$salt$hash",
        ],
    ),
    (values.is_hex_digest, ["d41d8cd98f00b204e9800998ecf8427e", "A" * 64]),
    (values.is_point, ["31.23042,121.47370", "POINT(121.4737 31.2304)"]),
    (values.is_random_token, ["Zx81kLmQ92ppRtYw00aB"]),
    (values.is_web_or_file, ["https://example.org/a", "/face/a.jpg", "a/b.PNG"]),
    (people.is_name_zh, ["王芳", "欧阳修文", "李建国"]),
    (people.is_name_en, ["Mary Johnson", "Garcia, Maria", "ZHANG/WEI", "Susan"]),
    (people.is_company_name, ["杭州云帆科技有限公司", "Miller Inc.", "Park Hotel"]),
    (
        people.is_street_address,
        ["杭州市西湖区文三路12号3栋402", "翠苑小区5幢2单元301室", "12 Main St", "P.O. Box 77"],
    ),
]

FAILS: list[tuple[Callable[[str], bool], list[str]]] = [
    (
        values.is_resident_id,
        [
            "110105194912310021",  # wrong check digit
            "11010519491331002X",  # month thirteen
            "20240101123045678X",  # an order number of eighteen places
            "990105194912310020",  # no such province
            "11010519491231002",
        ],
    ),
    (values.is_old_resident_id, ["110105491331002", "990105491231002"]),
    (
        values.is_mobile,
        ["12345678901", "15412345678", "1380013800", "138001380001", "1705000000000"],
    ),
    (values.is_landline, ["62345678", "010-12345678", "0571 1888"]),
    (values.is_phone_abroad, ["+0123456789", "1-800-555-0199", "12345", "2024-01-01"]),
    (values.is_service_line, ["13800138000", "0571-88881234"]),
    (values.is_email, ["a@b", "a b@c.de", "@example.org", "a@@b.co", "a..b@x.co", "git@host:repo"]),
    (values.is_desk_email, ["mary@example.org"]),
    (values.is_bank_card, ["4111111111111112", "0000000000000000", "1234567890123452", "411111"]),
    (values.is_iban, ["DE89370400440532013001", "XX00"]),
    (values.is_plate, ["浙A1234", "ABC-1234", "浙1A2345", "AB123-456", "浙AIO123"]),
    (values.is_passport, ["E1234567", "KX12345678", "EI1234567"]),
    (values.is_social_security, ["000-45-6789", "666-45-6789", "123-00-6789", "123456789"]),
    (values.is_credit_code, ["91350100M000100Y44", "91350100I000100Y43", "110105194912310"]),
    (values.is_ip, ["256.1.1.1", "1.2.3", "localhost", "12:30"]),
    (values.is_version_like, ["8.8.8.233", "1.2.3"]),
    (values.is_mac, ["00:00:00:00:00:00", "00:1A:2b-3c:4D:5e", "001A2b3c4D5e"]),
    (values.is_imei, ["490154203237519", "000000000000000", "49015420323751"]),
    (values.is_user_agent, ["Mozilla", "a browser"]),
    (values.is_password_digest, ["hunter2", "d41d8cd98f00b204e9800998ecf8427e", "$5.00"]),
    (values.is_hex_digest, ["d41d8cd9", "z" * 32]),
    (values.is_point, ["1.5,2.5", "200.1234,99.1234", "12.3456"]),
    (
        values.is_random_token,
        ["the-quick-brown-fox-jumps", "short", "d41d8cd98f00b204e9800998ecf8427e"],
    ),
    (values.is_web_or_file, ["王芳", "plain words"]),
    (people.is_name_zh, ["苹果手机壳", "江门市", "王记食品厂", "普通会员", "Wang"]),
    (people.is_name_en, ["Essential hypertension", "Miller Inc.", "SKU-1", "Infusion Pump"]),
    (people.is_company_name, ["王芳", "Mary Johnson"]),
    (people.is_street_address, ["杭州市", "蓝牙耳机", "10.0.0.1", "500g"]),
]


@pytest.mark.parametrize(
    ("holds", "value"), [(holds, value) for holds, all_ in HOLDS for value in all_ if value]
)
def test_value_of_the_kind_is_recognised(holds: Callable[[str], bool], value: str) -> None:
    assert holds(value)


@pytest.mark.parametrize(
    ("holds", "value"), [(holds, value) for holds, all_ in FAILS for value in all_]
)
def test_value_that_nearly_is_of_the_kind_is_not_taken_for_it(
    holds: Callable[[str], bool], value: str
) -> None:
    assert not holds(value)


# --- resident IDs -------------------------------------------------------------------------------

REGIONS = st.sampled_from(["110108", "330106", "440305", "650102", "820000"])
BIRTHS = st.dates(min_value=date(1900, 1, 1), max_value=date(2030, 12, 31))


def _written(region: str, born: date, serial: int) -> str:
    """Make a resident ID by the table of weights in GB 11643, not by powers of two."""
    body = f"{region}{born:%Y%m%d}{serial:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return body + "10X98765432"[total % 11]


RESIDENT_IDS = st.builds(_written, REGIONS, BIRTHS, st.integers(0, 999))


@given(RESIDENT_IDS)
def test_every_rightly_made_resident_id_is_recognised(written: str) -> None:
    assert values.is_resident_id(written)


@given(RESIDENT_IDS)
def test_no_single_wrong_digit_passes_as_a_resident_id(written: str) -> None:
    for place, right in enumerate(written):
        for wrong in string.digits + ("X" if place == 17 else ""):
            if wrong != right:
                assert not values.is_resident_id(written[:place] + wrong + written[place + 1 :])


@given(RESIDENT_IDS, st.integers(0, 16))
def test_no_two_neighbours_change_places_in_a_resident_id_unnoticed(
    written: str, place: int
) -> None:
    swapped = written[:place] + written[place + 1] + written[place] + written[place + 2 :]
    assume(swapped != written)
    assert not values.is_resident_id(swapped)


@given(st.text(alphabet=string.digits + "Xx", max_size=20))
def test_eighteen_signs_without_a_day_of_birth_are_no_resident_id(text: str) -> None:
    if values.is_resident_id(text):
        assert len(text) == 18
        assert values.date_of(text[6:14]) is not None


# --- other checksums ----------------------------------------------------------------------------


def _luhn(body: str) -> str:
    """Add the digit that makes the sum of doubled places a multiple of ten, by trying all ten."""
    doubled = dict(zip(string.digits, (0, 2, 4, 6, 8, 1, 3, 5, 7, 9), strict=True))
    total = sum(doubled[d] if i % 2 == 0 else int(d) for i, d in enumerate(reversed(body)))
    return next(body + digit for digit in string.digits if (total + int(digit)) % 10 == 0)


@given(st.text(alphabet=string.digits, min_size=11, max_size=18))
def test_no_single_wrong_digit_passes_luhn(body: str) -> None:
    right = _luhn(body)
    assert values.luhn_holds(right)
    for place, digit in enumerate(right):
        for wrong in set(string.digits) - {digit}:
            assert not values.luhn_holds(right[:place] + wrong + right[place + 1 :])


CREDIT_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def _credit_code(rest: str) -> str:
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
    body = "91330106" + rest
    total = sum(CREDIT_SIGNS.index(s) * w for s, w in zip(body, weights, strict=True))
    return body + CREDIT_SIGNS[(31 - total % 31) % 31]


@given(st.text(alphabet=CREDIT_SIGNS, min_size=9, max_size=9), st.integers(8, 17))
def test_no_single_wrong_sign_passes_as_a_credit_code(rest: str, place: int) -> None:
    right = _credit_code(rest)
    assert values.is_credit_code(right)
    for wrong in set(CREDIT_SIGNS) - {right[place]}:
        assert not values.is_credit_code(right[:place] + wrong + right[place + 1 :])


@given(st.text(max_size=200))
def test_any_text_gets_an_answer_from_every_pattern(text: str) -> None:
    for holds, _ in HOLDS:
        assert holds(text) in (True, False)
    values.contained_in(text)
    values.date_of(text)


# --- longer texts and dates ---------------------------------------------------------------------


def test_texts_tell_what_they_contain_and_never_the_value() -> None:
    text = "请打13800138000，或写信到 mary@example.org，证件 11010519491231002X。"
    found = values.contained_in(text)
    assert found == ("e-mail addresses", "mobile numbers", "resident IDs")


@pytest.mark.parametrize("text", ["订单 20240101123045678X", "编号138001380001", "v1.2@latest"])
def test_texts_with_numbers_of_other_kinds_contain_nothing(text: str) -> None:
    assert values.contained_in(text) == ()


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1990-02-28", date(1990, 2, 28)),
        ("19900228", date(1990, 2, 28)),
        ("1990年2月28日", date(1990, 2, 28)),
        ("2024-02-29 10:11:12", date(2024, 2, 29)),
        ("1990-02-30", None),
        ("0199-01-01", None),
        ("soon", None),
    ],
)
def test_days_are_read_year_first(text: str, day: date | None) -> None:
    assert values.date_of(text) == day


# --- names as a column --------------------------------------------------------------------------


def test_names_spread_as_among_people_are_names() -> None:
    names = ["王芳", "李建国", "张伟", "刘洋", "陈静", "欧阳娜娜", "赵敏"]
    assert people.share_of_names(names) == 1.0


def test_goods_that_begin_with_surnames_are_no_names() -> None:
    goods = ["黄瓜", "白菜", "金针菇", "马铃薯", "石榴", "方便面", "汤圆", "毛巾", "高粱米"]
    assert people.share_of_names(goods) < 0.6
    assert people.share_of_names([]) == 0.0
