"""What the map says of lenses, finders and blind indexes: faults with repairs, and what is made."""

from __future__ import annotations

import pytest

from tests.builders import draft
from troth.core.blind_index import NormalForm
from troth.core.datamap import DataMap, IndexOf, StoreId
from troth.core.datamap_file import ReadMap, read_datamap
from troth.core.errors import InputError, UnknownName
from troth.core.lens import Finder
from troth.core.lens_of import finders_of, lens_of, lenses_of
from troth.core.policy import Policy

SOUND = """\
stores:
  shop:
    engine: [sqlite, postgresql]
    storage: shop_db
    together: [[keep_account, ship_parcel], [keep_books, ship_parcel]]
    tables:
      person:
        about: person
        key: id
        person: id
        on_erase: delete
        columns:
          phone: mobile
          phone_index: {index_of: {column: person.phone, form: mobile}, purposes: keep_account}
          colour: {not_personal: The colour of the page.}
        writes:
          keep_account: {insert: all, update: phone, delete: true}
        found_by:
          phone_index: {tells: [colour], reason: Somebody types a phone to log in.}
      parcel:
        about: person
        key: parcel_id
        person: person_id
        on_erase: delete
        columns:
          street: street
          stage: orders
          paid: {category: orders, purposes: keep_books}
          label: {category: street, unsealed: It says how big it is.}
        writes:
          keep_books: {update: [stage], clears: label}
          ship_parcel: {insert: [parcel_id, person_id, street, label], update: label}
        found_by:
          stage: {tells: [parcel_id, paid], reason: Whoever keeps the books works off a list.}
          parcel_id: {tells: [], reason: A label with the number of a parcel is scanned.}
      sent_code:
        about: person
        outside_lens: Sent before there is a person.
        key: code_id
        edges: {phone_index: owned_by person.phone_index}
        on_erase: delete
        columns: {phone_index: {index_of: {column: person.phone, form: mobile}}}
      firm:
        about: company
        key: firm_id
        columns: [firm_id]
  proofs:
    engine: files
    storage: shop_db
    tables:
      pictures:
        about: person
        edges: {parcel_id: owned_by shop.parcel.parcel_id}
        on_erase: delete
        columns: {picture: proof}
  phone:
    engine: browser
    storage: phone_only
    tables:
      camera: {about: person, on_erase: delete, columns: {picture: frames}}
"""

STAGE = (
    "          stage: {tells: [parcel_id, paid], reason: Whoever keeps the books works off a list.}"
)
PHONE_INDEX = (
    "phone_index: {index_of: {column: person.phone, form: mobile}, purposes: keep_account}"
)
FOUND = "found_by: {colour: {tells: [], reason: So.}}"


@pytest.fixture(scope="module")
def policy() -> Policy:
    return draft().policy()


@pytest.fixture(scope="module")
def datamap(policy: Policy) -> DataMap:
    return read(policy).require()


def read(policy: Policy, *changes: tuple[str, str]) -> ReadMap:
    text = SOUND
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return read_datamap(text, policy)


def test_sound_map_has_no_finding(policy: Policy) -> None:
    assert read(policy).findings == ()


FAULTS = [  # rule, what stands in the sound map, the fault in its place, words of the finding
    ("M103", "          ship_parcel: {insert", "          ship_it: {insert", "'ship_it'"),
    (
        "M104",
        "purposes: keep_account",
        "purposes: keep_books",
        "does not give mobile to keep_books",
    ),
    ("M105", PHONE_INDEX, "phone_index: {category: orders, index_of: " + PHONE_INDEX[24:], "must"),
    ("M105", PHONE_INDEX, "phone_index: {purposes: keep_account}", "person.phone_index"),
    # finders
    ("M121", ", reason: Somebody types a phone to log in.", "", "nothing says why"),
    (
        "M121",
        "by:\n          phone_index",
        "by:\n          phone",
        "found by phone, which is sealed",
    ),
    ("M121", "by:\n          phone_index", "by:\n          mail", "names mail, which is no column"),
    ("M121", "tells: [parcel_id, paid]", "tells: [weight]", "names weight"),
    ("M121", "tells: [parcel_id, paid]", "tells: [street]", "tells street, which is sealed"),
    (
        "M121",
        "tells: [colour]",
        "tells: [phone_index]",
        "tells phone_index, which is sealed or its",
    ),
    ("M121", "[parcel_id, paid]", "[label, paid]", "label, paid, which no purpose reads together"),
    (
        "M121",
        "        key: code_id\n",
        "        key: code_id\n        " + FOUND + "\n",
        "sent_code",
    ),
    ("M121", "        key: firm_id\n", "        key: firm_id\n        " + FOUND + "\n", "firm is"),
    ("M121", "camera: {", "camera: {" + FOUND + ", ", "camera is found by colour"),
    # together
    ("M122", "[keep_books, ship_parcel]", "[keep_books, ship_it]", "no purpose 'ship_it'"),
    ("M122", "[keep_books, ship_parcel]", "[keep_books]", "keep_books of shop is together with no"),
    ("M122", "[keep_books, ship_parcel]", "[]", "no purpose of shop is together with no other"),
    ("M122", "[keep_books, ship_parcel]", "[keep_books, keep_books]", "keep_books stands twice"),
    ("M122", "[keep_books, ship_parcel]", "[ship_parcel, keep_account]", "together twice in shop"),
    ("M122", "[keep_books, ship_parcel]", "[keep_books, check_proof]", "check_proof has no lens"),
    ("M122", "engine: files\n", "engine: files\n    together: [[a, b]]\n", "is no database"),
    ("C004", "[keep_books, ship_parcel]]", "keep_books]", "must be a list of lists"),
    ("C004", "[[keep_account, ship_parcel], [keep_books, ship_parcel]]", "all", "list of lists"),
    # blind indexes
    (
        "M123",
        "{column: person.phone, form: mobile}, p",
        "{column: person.colour, form: mobile}, p",
        "",
    ),
    (
        "M123",
        "{column: person.phone, form: mobile}, p",
        "{column: person.name, form: mobile}, p",
        "",
    ),
    (
        "M123",
        "{column: person.phone, form: mobile}, p",
        "{column: phone, form: mobile}, p",
        "'phone'",
    ),
    (
        "M123",
        "{column: person.phone, form: mobile}, p",
        "{column: parcel.label, form: text}, p",
        "",
    ),
    (
        "M123",
        "person.phone, form: mobile}, p",
        "person.phone, form: text}, p",
        "as mobile and as text",
    ),
    ("C004", "person.phone, form: mobile}, p", "person.phone, form: soundex}, p", "must be one of"),
    (
        "C002",
        "person.phone, form: mobile}, p",
        "person.phone, form: mobile, by: id}, p",
        "not a known",
    ),
    # clears
    ("M124", "clears: label", "clears: weight", "parcel.weight, which the map does not know"),
    ("M124", "clears: label", "clears: parcel_id", "parcel.parcel_id, which says whose row it is"),
    ("M124", "clears: label", "clears: person_id", "parcel.person_id, which says whose row it is"),
    ("M124", "clears: label", "clears: stage", "parcel.stage without reading it, and reads it"),
    (
        "M124",
        "street, label], update: label}",
        "street, label]}",
        "together with it ship_parcel reads",
    ),
    ("M124", "update: [stage], clears: label", "update: all, clears: stage", "and reads it"),
    ("M115", "update: [stage], clears: label", "update: [label]", "`clears`"),
    ("M120", "phone_index: {index_of", "phone_index: {unsealed: So., index_of", "nothing seals it"),
    # sealed
    (
        "M125",
        "owned_by person.phone_index}",
        "owned_by person.phone}",
        "person.phone is sealed and",
    ),
    (
        "M125",
        "        key: parcel_id",
        "        key: [parcel_id, street]",
        "parcel.street is sealed",
    ),
    ("M125", "owned_by person.phone_index}", "shallow parcel.street}", "an edge"),
    ("M126", "columns: {phone_index:", "columns: {phone: mobile, phone_index:", "no lens seals it"),
]


@pytest.mark.parametrize(("rule", "old", "new", "words"), FAULTS)
def test_fault_is_found_at_its_line_with_a_repair(
    policy: Policy, rule: str, old: str, new: str, words: str
) -> None:
    found = read(policy, (old, new))
    assert found.datamap is None
    told = [f for f in found.findings if f.rule == rule and words in f"{f.reason}; {f.repair}"]
    assert told, [f.line_of_text() for f in found.findings]
    assert all(f.file == "datamap.yaml" and f.line > 1 and f.repair for f in told)


def test_every_rule_of_lenses_has_a_fault_here() -> None:
    assert {rule for rule, *_ in FAULTS} >= {f"M{n}" for n in range(121, 127)}


def test_fault_of_a_finder_stands_at_its_own_line(policy: Policy) -> None:
    [found] = read(policy, ("tells: [parcel_id, paid]", "tells: [street, paid]")).findings[:1]
    assert SOUND.split("\n")[found.line - 1] == STAGE


# --- values ----------------------------------------------------------------------------------


def test_index_has_the_category_of_its_column_and_is_not_sealed(
    policy: Policy, datamap: DataMap
) -> None:
    tables = datamap.stores[StoreId("shop")].tables
    column = tables["person"].columns["phone_index"]
    assert column.category == "mobile"
    assert column.index_of == IndexOf("person", "phone", NormalForm.MOBILE)
    assert column.index_of.place == "person.phone"
    assert tables["sent_code"].columns["phone_index"].category == "mobile"
    [person, _] = lens_of(policy, datamap, "keep_account", "ship_parcel").tables
    assert "phone_index" in person.read
    assert person.sealed == ("phone",)  # an index opens to nothing


def test_index_is_shown_to_the_purposes_that_it_names_only(
    policy: Policy, datamap: DataMap
) -> None:
    [person] = lens_of(policy, datamap, "send_news").tables
    assert person.read == ("id", "phone", "colour")
    [person] = lens_of(policy, datamap, "keep_account").tables
    assert person.insert == ("id", "phone", "phone_index", "colour")


def test_finders_are_those_of_the_map(datamap: DataMap) -> None:
    assert finders_of(datamap) == (
        Finder("person", "phone_index", ("colour",), "id"),
        Finder("parcel", "stage", ("parcel_id", "paid"), "person_id"),
        Finder("parcel", "parcel_id", (), "person_id"),
    )
    assert finders_of(datamap, store=StoreId("proofs")) == ()
    with pytest.raises(UnknownName, match="attic"):
        finders_of(datamap, store=StoreId("attic"))


def test_purpose_clears_what_it_does_not_read(policy: Policy, datamap: DataMap) -> None:
    [parcel] = lens_of(policy, datamap, "keep_books").tables
    assert "label" not in parcel.read
    assert parcel.update == ("stage", "label")
    assert parcel.clears == ("label",)
    assert "label" not in parcel.insert


# --- together --------------------------------------------------------------------------------


def test_joint_lens_shows_and_writes_what_any_of_its_purposes_may(
    policy: Policy, datamap: DataMap
) -> None:
    lens = lens_of(policy, datamap, "ship_parcel", "keep_books")
    assert lens.name == lens_of(policy, datamap, "keep_books", "ship_parcel").name
    [parcel] = lens.tables
    assert parcel.read == ("parcel_id", "person_id", "street", "stage", "paid", "label")
    assert parcel.insert == ("parcel_id", "person_id", "street", "label")
    assert parcel.update == ("stage", "label")
    assert parcel.clears == ()  # one of them may set it to anything
    assert parcel.sealed == ("street",)
    assert not parcel.may_delete


def test_joint_lens_gives_no_right_of_a_purpose_that_is_not_in_it(
    policy: Policy, datamap: DataMap
) -> None:
    tables = {t.name: t for t in lens_of(policy, datamap, "keep_account", "ship_parcel").tables}
    assert set(tables) == {"person", "parcel"}
    assert tables["person"].may_delete
    assert tables["parcel"].update == ("label",)
    assert "stage" not in tables["parcel"].read


def test_lenses_are_of_every_purpose_with_a_table_and_of_those_together(
    policy: Policy, datamap: DataMap
) -> None:
    assert [lens.name for lens in lenses_of(policy, datamap)] == [
        "keep_account",
        "keep_books",
        "send_news",
        "ship_parcel",
        "keep_account+ship_parcel",
        "keep_books+ship_parcel",
    ]


@pytest.mark.parametrize(
    "purposes",
    [
        ("keep_account", "send_news"),
        ("keep_account", "ship_parcel", "keep_books"),
        ("keep_account", "keep_account"),
        ("keep_account", "ship_parcel", "ship_parcel"),
        (),
    ],
)
def test_purposes_that_the_map_does_not_put_together_have_no_lens(
    policy: Policy, datamap: DataMap, purposes: tuple[str, ...]
) -> None:
    with pytest.raises(InputError, match="together"):
        lens_of(policy, datamap, *purposes)


def test_unknown_purpose_among_several_is_refused_by_its_name(
    policy: Policy, datamap: DataMap
) -> None:
    with pytest.raises(UnknownName, match="sell_everything"):
        lens_of(policy, datamap, "keep_account", "sell_everything")
