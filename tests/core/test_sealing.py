"""A sealed value opens in its own place, for its own person, under its own key; or not at all."""

import base64
import os
import pickle
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.core.blind_index import (
    IndexKey,
    NormalForm,
    blind_index,
    generation_of,
    look_ups,
    normalised,
)
from troth.core.errors import InputError, SealBroken
from troth.core.sealed_file import CHUNK_BYTES, MAGIC, PREFIX_BYTES, open_file, seal_file
from troth.core.sealing import TAG_BYTES, PersonKey, SealedPlace, is_sealed, open_sealed, seal

KEY = PersonKey(bytes(range(32)))
OTHER_KEY = PersonKey(bytes(range(1, 33)))
PHONE = SealedPlace("shop", "customer", "phone")
ADDRESS = SealedPlace("shop", "customer", "address")
ANNA, BEN = "a" * 32, "b" * 32
NONCE = bytes(12)
CANARY = "13812345678"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


def sealed_phone(value: str = CANARY, key: PersonKey = KEY) -> str:
    return seal(key, PHONE, ANNA, value, nonce=NONCE)


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.promise("S-13", "S-50")
@pytest.mark.control("sealed_columns")
@given(value=texts, nonce=st.binary(min_size=12, max_size=12), person=names)
def test_what_was_sealed_opens_to_the_same_text(value: str, nonce: bytes, person: str) -> None:
    sealed = seal(KEY, PHONE, person, value, nonce=nonce)
    assert open_sealed(KEY, PHONE, person, sealed) == value


@given(value=texts)
def test_a_sealed_value_is_one_line_of_ascii_with_its_version(value: str) -> None:
    sealed = sealed_phone(value)
    assert sealed.isascii()
    assert sealed.isprintable()
    assert sealed.startswith("s1.")
    assert is_sealed(sealed)


def test_a_sealed_value_shows_nothing_of_the_text() -> None:
    sealed = sealed_phone(CANARY * 3)
    body = base64.b64decode(sealed[3:])
    assert CANARY.encode() not in body
    assert CANARY not in sealed


def test_the_format_does_not_change_unseen() -> None:
    # Values sealed by an earlier release must open for ever, so this text stands here.
    assert sealed_phone() == "s1.AAAAAAAAAAAAAAAAP4+N74cft4g+n5GMItbrkO5Ll9+kcCB1Uwvv"


@pytest.mark.promise("S-13", "S-50")
@pytest.mark.control("sealed_columns")
@given(moved_to=st.tuples(names, names, names), person=names)
def test_a_value_moved_to_another_place_or_person_does_not_open(
    moved_to: tuple[str, str, str], person: str
) -> None:
    place = SealedPlace(*moved_to)
    sealed = sealed_phone()
    if (place, person) != (PHONE, ANNA):
        with pytest.raises(SealBroken):
            open_sealed(KEY, place, person, sealed)


@pytest.mark.promise("S-13", "S-50")
@pytest.mark.control("sealed_columns")
@pytest.mark.parametrize(
    ("place", "person", "key"),
    [
        (ADDRESS, ANNA, KEY),
        (SealedPlace("lake", "customer", "phone"), ANNA, KEY),
        (SealedPlace("shop", "order", "phone"), ANNA, KEY),
        (PHONE, BEN, KEY),
        (PHONE, ANNA, OTHER_KEY),
        (SealedPlace("shop", "custome", "rphone"), ANNA, KEY),
        (SealedPlace("shopcustomer", "phone", "x"), ANNA, KEY),
    ],
)
def test_swapped_ciphertext_is_an_error_and_names_no_value(
    place: SealedPlace, person: str, key: PersonKey
) -> None:
    sealed = sealed_phone()
    with pytest.raises(SealBroken) as told:
        open_sealed(key, place, person, sealed)
    said = str(told.value)
    assert CANARY not in said
    assert sealed[3:] not in said
    assert ANNA not in said
    assert told.value.__cause__ is None


@given(data=st.data())
def test_a_truncated_or_altered_value_never_opens(data: st.DataObject) -> None:
    sealed = sealed_phone("北京市海淀区")
    at = data.draw(st.integers(0, len(sealed) - 1))
    cut = data.draw(st.booleans())
    sign = data.draw(st.sampled_from("AZaz09+/=.-_ \n号"))
    changed = sealed[:at] if cut else sealed[:at] + sign + sealed[at + 1 :]
    if changed != sealed:
        # Base64 has spare bits at its end, so a changed last digit may spell the same bytes.
        try:
            opened = open_sealed(KEY, PHONE, ANNA, changed)
        except SealBroken:
            return
        assert opened == "北京市海淀区"
        assert base64.b64decode(changed[3:]) == base64.b64decode(sealed[3:])


@given(garbage=st.text(max_size=80))
def test_what_was_never_sealed_is_an_error(garbage: str) -> None:
    with pytest.raises(SealBroken):
        open_sealed(KEY, PHONE, ANNA, garbage)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: seal(KEY, PHONE, ANNA, "x", nonce=bytes(11)),
        lambda: seal(KEY, PHONE, "", "x", nonce=NONCE),
        lambda: seal(KEY, PHONE, ANNA, sealed_phone(), nonce=NONCE),
        lambda: seal(KEY, PHONE, ANNA, "\ud800", nonce=NONCE),
        lambda: PersonKey(bytes(16)),
        lambda: SealedPlace("shop", "", "phone"),
        lambda: IndexKey(0, bytes(32)),
        lambda: IndexKey(1, bytes(8)),
    ],
)
def test_a_mistake_of_the_caller_is_refused(mistake) -> None:
    with pytest.raises(InputError):
        mistake()


def test_a_key_shows_itself_nowhere() -> None:
    assert repr(KEY) == "PersonKey(…)"
    assert KEY.material.hex() not in repr(IndexKey(1, KEY.material))
    with pytest.raises(TypeError):
        pickle.dumps(KEY)


# --- files ----------------------------------------------------------------------------------------

PICTURE = SealedPlace("shop", "voucher", "picture")
sizes = st.sampled_from(
    [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 7]
)


def pieces(content: bytes, size: int) -> list[bytes]:
    return [content[i : i + size] for i in range(0, len(content), size)]


def sealed_file(content: bytes, *, step: int = 10_000, prefix: bytes = bytes(7)) -> list[bytes]:
    cut = pieces(content, step)
    return list(seal_file(KEY, PICTURE, ANNA, "v1.webp", cut, nonce_prefix=prefix))


def opened_file(sealed: bytes, *, step: int = 10_000, file: str = "v1.webp", person: str = ANNA):
    return b"".join(open_file(KEY, PICTURE, person, file, pieces(sealed, step)))


@given(size=sizes, step=st.sampled_from([1_000, 4_096, 65_536, 1_000_000]))
def test_a_file_of_any_size_in_pieces_of_any_size_comes_back(size: int, step: int) -> None:
    content = os.urandom(size)
    stored = sealed_file(content, step=step)
    assert opened_file(b"".join(stored), step=step) == content
    assert len(b"".join(stored)) <= size + 27 + TAG_BYTES * (size // CHUNK_BYTES + 1)
    assert max(len(piece) for piece in stored) <= CHUNK_BYTES + TAG_BYTES


def test_a_file_larger_than_memory_may_be_is_sealed_piece_by_piece() -> None:
    read = 0

    def content():
        nonlocal read
        for _ in range(64):
            read += CHUNK_BYTES
            yield bytes(CHUNK_BYTES)

    held = 0
    given_out = 0
    for piece in seal_file(KEY, PICTURE, ANNA, "film", content(), nonce_prefix=bytes(7)):
        given_out += len(piece)
        held = max(held, read - given_out)
    assert read == 64 * CHUNK_BYTES
    assert held <= 2 * CHUNK_BYTES


def _head_and_chunks(prefix: bytes = bytes(7)) -> list[bytes]:
    return sealed_file(os.urandom(3 * CHUNK_BYTES + 5), prefix=prefix)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda c: c[:-1],  # the last chunk is missing
        lambda c: [*c[:-1], c[-1][:-1]],
        lambda c: c[:2],
        lambda c: c[:1],
        lambda c: [c[0][:10]],
        lambda c: [],
        lambda c: [c[0], c[2], c[1], *c[3:]],
        lambda c: [c[0], c[1], c[1], *c[2:]],
        lambda c: [c[0], *c[2:]],
        lambda c: [*c, b"x"],
        lambda c: [*c, c[-1]],
        lambda c: [b"x" + c[0][1:], *c[1:]],
        lambda c: [c[0][:-1] + b"x", *c[1:]],
        lambda c: [c[0], c[1][:100] + bytes([c[1][100] ^ 1]) + c[1][101:], *c[2:]],
        lambda c: [*c[:3], *_head_and_chunks(b"another")[3:]],
    ],
)
def test_a_file_cut_reordered_or_altered_is_refused(tamper) -> None:
    chunks = _head_and_chunks()
    assert opened_file(b"".join(chunks))
    with pytest.raises(SealBroken):
        opened_file(b"".join(tamper(chunks)))


def test_a_file_of_another_person_name_or_column_is_refused() -> None:
    sealed = b"".join(sealed_file(b"picture"))
    with pytest.raises(SealBroken):
        opened_file(sealed, person=BEN)
    with pytest.raises(SealBroken):
        opened_file(sealed, file="v2.webp")
    with pytest.raises(SealBroken):
        list(open_file(KEY, PHONE, ANNA, "v1.webp", [sealed]))


def test_a_file_is_no_value_and_a_value_is_no_file() -> None:
    sealed = sealed_file(b"13812345678")
    prefix = sealed[0][len(MAGIC) :]
    assert len(prefix) == PREFIX_BYTES
    body = prefix + bytes(4) + b"\x01" + sealed[1]
    as_value = "s1." + base64.b64encode(body).decode()
    with pytest.raises(SealBroken):
        open_sealed(KEY, PICTURE, ANNA, as_value)


# --- blind indexes --------------------------------------------------------------------------------

INDEX_KEY = IndexKey(3, bytes(range(32)))


@pytest.mark.parametrize(
    "written",
    [
        "13812345678",
        "+86 138 1234 5678",
        "１３８１２３４５６７８",
        "0086-138-1234-5678",
        " 86 138１２３４5678",
    ],
)
def test_a_mobile_number_is_found_however_it_is_written(written: str) -> None:
    wanted = blind_index(INDEX_KEY, PHONE, "13812345678", NormalForm.MOBILE)
    assert blind_index(INDEX_KEY, PHONE, written, NormalForm.MOBILE) == wanted


@pytest.mark.parametrize(
    ("form", "one", "same", "other"),
    [
        (NormalForm.EMAIL, "Anna@Example.com ", "anna@example.COM", "anna@example.org"),
        (
            NormalForm.RESIDENT_ID,
            "11010519491231002x",
            "110105 19491231 002X",
            "110105194912310021",
        ),
        (NormalForm.PLATE, "京A·12345", "京a12345", "京A12346"),
        (NormalForm.BANK_CARD, "6222 0212 3456", "622202123456", "622202123457"),
        (NormalForm.MOBILE, "+44 20 7946 0958", "0044 2079460958", "2079460958"),
        (NormalForm.TEXT, "  Zhang　San ", "zhang san", "zhangsan"),
    ],
)
def test_equal_values_have_one_normal_form(
    form: NormalForm, one: str, same: str, other: str
) -> None:
    assert normalised(one, form) == normalised(same, form)
    assert normalised(one, form) != normalised(other, form)


def test_the_exact_form_changes_nothing() -> None:
    assert normalised(" Ａ ", NormalForm.EXACT) == " Ａ "


@given(value=texts, form=st.sampled_from(NormalForm))
def test_a_normal_form_is_normal_already(value: str, form: NormalForm) -> None:
    once = normalised(value, form)
    if form in (NormalForm.RESIDENT_ID, NormalForm.PLATE, NormalForm.BANK_CARD):
        once = normalised(once, form)  # upper case may make letters that NFKC then splits
    if form in (NormalForm.EMAIL, NormalForm.TEXT):
        once = normalised(once, form)  # so may the folding of case
    assert normalised(once, form) == once


def test_an_index_differs_by_key_place_and_generation() -> None:
    made = {
        blind_index(key, place, "13812345678", NormalForm.MOBILE)
        for key in (INDEX_KEY, IndexKey(3, bytes(32)), IndexKey(4, INDEX_KEY.material))
        for place in (PHONE, ADDRESS)
    }
    assert len(made) == 6
    assert {generation_of(one) for one in made} == {3, 4}
    assert not any("13812345678" in one for one in made)


def test_a_look_up_asks_for_every_living_generation() -> None:
    keys = [IndexKey(5, bytes(32)), IndexKey(4, bytes(31) + b"x")]
    found = look_ups(keys, PHONE, "13812345678", NormalForm.MOBILE)
    assert [generation_of(one) for one in found] == [5, 4]


@pytest.mark.parametrize("empty", ["", " ", "-"])
def test_an_empty_value_has_no_index(empty: str) -> None:
    with pytest.raises(InputError):
        blind_index(INDEX_KEY, PHONE, empty, NormalForm.MOBILE)


@pytest.mark.parametrize("wrong", ["", "13812345678", "i0." + "A" * 22, "i1." + "A" * 21])
def test_what_is_no_index_is_told(wrong: str) -> None:
    with pytest.raises(InputError):
        generation_of(wrong)


def test_places_that_join_alike_are_bound_apart() -> None:
    parts = [("ab", "c", "d"), ("a", "bc", "d"), ("a", "b", "cd"), ("abc", "d", "e")]
    bound = [SealedPlace(*part).bound_to("p") for part in parts]
    assert all(one != other for one, other in pairwise(sorted(bound)))
