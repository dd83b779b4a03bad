"""Reading a data map: each rule with its fault and its repair, and what a lens is made of."""

from __future__ import annotations

import pytest

from tests.builders import draft
from troth.core.datamap import StoreId, purposes_of, region_of
from troth.core.datamap_file import ReadMap, read_datamap
from troth.core.errors import InputError, UnknownName
from troth.core.findings import Severity, errors
from troth.core.lens import Hop
from troth.core.lens_of import lens_of
from troth.core.policy import Policy

SOUND = """\
stores:
  shop:
    engine: [sqlite, postgresql]
    storage: shop_db
    tables:
      person:
        about: person
        key: id
        person: id
        on_erase: delete
        columns:
          phone: mobile
          colour: {not_personal: The colour of the page.}
        writes:
          keep_account: {insert: all, update: phone, delete: true}
      parcel:
        about: person
        key: parcel_id
        edges: {person_id: owned_by person.id}
        on_erase: {anonymise: empty_text}
        columns:
          street: {category: street, purposes: ship_parcel, on_erase: clear}
          size: {category: street, unsealed: It says how big it is.}
      item:
        about: person
        key: [parcel_id, place]
        person: person_id
        edges:
          parcel_id: owned_by parcel.parcel_id
          person_id: owned_by person.id
        several_owners: same
        via: parcel_id
        on_erase: delete
        columns: {what: orders}
        writes:
          keep_books: {insert: [parcel_id, place, person_id, what], update: all}
      firm:
        about: company
        key: firm_id
        edges: {boss: accessed_by person.id}
        on_leaving: {boss: delete_row}
        columns: [firm_id, tax_number]
      worker:
        about: staff
        reason: Told by their contract.
        columns: [name]
      version:
        not_personal: Which migrations have run.
        columns: [number]
  phone:
    engine: browser
    storage: phone_only
    tables:
      camera:
        about: person
        on_erase: delete
        columns: {picture: frames}
  proofs:
    engine: files
    storage: shop_db
    tables:
      pictures:
        about: person
        edges: {parcel_id: owned_by shop.parcel.parcel_id}
        on_erase: delete
        columns: {picture: proof}
  copies:
    engine: files
    storage: shop_db
    copy_of: [shop, proofs]
  logs:
    engine: logs
    tables:
      warnings:
        not_personal: Without names and addresses.
        columns: [message]
"""


@pytest.fixture(scope="module")
def policy() -> Policy:
    return draft().policy()


def read(policy: Policy, old: str = "", new: str = "") -> ReadMap:
    assert old in SOUND
    return read_datamap(SOUND.replace(old, new, 1) if old else SOUND, policy)


def test_sound_map_has_no_finding(policy: Policy) -> None:
    assert read(policy).findings == ()


WAYS_OF_ITEM = """\
        person: person_id
        edges:
          parcel_id: owned_by parcel.parcel_id
          person_id: owned_by person.id
        several_owners: same
        via: parcel_id
"""
WAYS_OF_ITEM_BY_ANY_OWNER = """\
        edges:
          parcel_id: owned_by parcel.parcel_id
          person_id: owned_by person.id
        several_owners: any
"""

FAULTS = [  # rule, what stands in the sound map, the fault in its place, words of the finding
    ("M101", "storage: phone_only", "storage: moon", "no storage 'moon'"),
    ("M101", "engine: logs", "engine: paper", "no engine 'paper'"),
    ("M101", "[sqlite, postgresql]", "[sqlite, files]", "a database and something else"),
    ("M102", "phone: mobile", "phone: telephone", "no category 'telephone'"),
    ("M103", "purposes: ship_parcel", "purposes: ship_it", "no purpose 'ship_it'"),
    ("M103", "          keep_account: {insert", "          keep_it: {insert", "'keep_it'"),
    ("M104", "purposes: ship_parcel", "purposes: keep_books", "does not give street to keep_books"),
    ("M105", "{not_personal: The colour of the page.}", "{}", "person.colour"),
    ("M105", "{not_personal: The colour of", "{category: mobile, not_personal: The", "colour"),
    ("M105", "        reason: Told by their contract.\n", "", "worker"),
    ("M105", "        columns: {what: orders}", "        columns: [what]", "item.what"),
    ("M105", "not_personal: Which migrations have run.", 'not_personal: ""', "version"),
    ("M106", "        on_erase: {anonymise: empty_text}\n", "", "parcel.parcel_id"),
    ("M106", "on_erase: {anonymise: empty_text}", "on_erase: keep", "neither how nor why"),
    ("M107", "{anonymise: empty_text}", "{keep: no_law}", "no period 'no_law'"),
    ("M107", "{anonymise: empty_text}", "{keep: under_14}", "no period 'under_14'"),
    ("M108", "{anonymise: empty_text}", "{keep: records}", "does not rest on it"),
    ("M110", "{picture: proof}", "{picture: frames}", "lies in shop_db"),
    ("M111", "person_id: owned_by person.id}", "person_id: belongs person.id}", "cannot be read"),
    ("M111", "person_id: owned_by person.id}", "person_id: owned_by nobody.id}", "nobody.id"),
    ("M111", "person_id: owned_by person.id}", "person_id: owned_by person.it}", "person.it"),
    ("M111", "person_id: owned_by person.id}", "person_id: owned_by person.a+b}", "joins 1 to 2"),
    ("M111", "on_leaving: {boss: delete_row}", "on_leaving: {chef: delete_row}", "'chef'"),
    ("M111", "copy_of: [shop, proofs]", "copy_of: [shop, attic]", "'attic'"),
    ("M112", "        several_owners: same\n", "", "(person_id, parcel_id, person_id)"),
    ("M112", WAYS_OF_ITEM, WAYS_OF_ITEM_BY_ANY_OWNER, "asks the consent of one"),
    (
        "M112",
        "        key: parcel_id\n",
        "        key: parcel_id\n        several_owners: any\n",
        "",
    ),
    ("M113", "on_erase: clear", "on_erase: delete", "deletes the rows of parcel"),
    ("M114", "boss: accessed_by person.id", "boss: owned_by person.id", "firm is about company"),
    ("M114", "        about: person\n        key: id", "        about: both\n        key: id", ""),
    ("M114", "parcel_id: owned_by parcel.parcel_id", "parcel_id: owned_by firm.firm_id", "company"),
    ("M114", "boss: accessed_by person.id", "boss: owns person.id", "is said to own"),
    ("M114", "columns: [firm_id, tax_number]", "columns: {firm_id: mobile}", "with a category"),
    ("M115", "update: phone", "update: name", "person.name"),
    ("M115", "update: phone", "update: id", "whose row it is"),
    ("M115", "[parcel_id, place, person_id, what]", "[what]", "without its key"),
    ("M115", "          keep_account: {insert", "          scan_code: {insert", "reads nothing"),
    ("M117", "        key: parcel_id\n", "", "parcel has no key"),
    ("M118", "via: parcel_id", "via: size", "no way to an owner"),
    (
        "M118",
        "        key: parcel_id\n",
        "        key: parcel_id\n        where: {a: b}\n",
        "where a",
    ),
    (
        "M119",
        "        key: parcel_id\n",
        "        key: parcel_id\n        where: {size: b}\n",
        "rows",
    ),
    ("M120", "what: orders", "what: {category: orders, unsealed: Why not.}", "nothing seals it"),
    ("C002", "via: parcel_id", "vai: parcel_id", "not a known key"),
    ("C003", "        about: company\n", "", "about is missing"),
    ("C003", "    storage: phone_only\n", "", "storage is missing"),
    ("C004", "{anonymise: empty_text}", "{anonymise: forget}", "must be one of"),
    ("C001", "engine: browser", "engine: [", "cannot be read"),
]


@pytest.mark.parametrize(("rule", "old", "new", "words"), FAULTS)
def test_fault_is_found_at_its_line_with_its_repair(
    policy: Policy, rule: str, old: str, new: str, words: str
) -> None:
    found = read(policy, old, new)
    assert found.datamap is None
    told = [f for f in found.findings if f.rule == rule and words in f.reason]
    assert told, [f.line_of_text() for f in found.findings]
    assert all(f.file == "datamap.yaml" and f.line > 0 and f.repair for f in told)


def test_every_rule_of_the_map_has_a_fault_here() -> None:
    tested = {rule for rule, *_ in FAULTS if rule.startswith("M")} | {"M116"}
    assert tested == {f"M{n}" for n in (*range(101, 109), *range(110, 116), *range(116, 121))}


def test_several_faults_are_told_at_once(policy: Policy) -> None:
    text = SOUND.replace("phone: mobile", "phone: telephone").replace(
        "storage: phone_only", "storage: moon"
    )
    found = read_datamap(text, policy)
    assert {f.rule for f in found.findings} == {"M101", "M102"}
    lines = text.split("\n")
    assert {lines[f.line - 1].strip() for f in found.findings} == {
        "phone: telephone",
        "storage: moon",
    }


def test_category_that_lies_nowhere_is_a_warning_and_the_map_still_reads(policy: Policy) -> None:
    found = read(policy, "columns: {what: orders}\n", "columns: {}\n")
    text = SOUND.replace("        columns: {what: orders}\n        writes:\n", "        writes:\n")
    assert found.datamap is None  # the write right goes with the column
    start = text.index("        writes:\n          keep_books")
    text = text[:start] + text[text.index("      firm:") :]
    found = read_datamap(text, policy)
    assert found.datamap is not None
    assert [(f.rule, f.severity) for f in found.findings] == [("M116", Severity.WARNING)]
    assert "orders lies in shop_db" in found.findings[0].reason


def test_map_with_errors_tells_the_first_and_how_many(policy: Policy) -> None:
    with pytest.raises(InputError, match=r"M102.*\(1 error"):
        read(policy, "phone: mobile", "phone: telephone").require()


@pytest.mark.parametrize(
    "text", ["", "stores:", "[]", "stores: {a: 1}", "stores: {a: {tables: 3}}"]
)
def test_text_that_is_no_map_is_a_finding_and_no_crash(policy: Policy, text: str) -> None:
    assert errors(read_datamap(text, policy).findings)


def test_region_and_purposes_come_from_the_policy(policy: Policy) -> None:
    datamap = read(policy).require()
    shop = datamap.stores[StoreId("shop")]
    assert region_of(policy, shop) == "CN"
    assert region_of(policy, datamap.stores[StoreId("phone")]) == "device"
    assert purposes_of(policy, shop.tables["person"].columns["phone"]) == (
        "keep_account",
        "send_news",
    )


# --- lenses ----------------------------------------------------------------------------------


def test_lens_shows_granted_columns_with_keys_and_nothing_else(policy: Policy) -> None:
    lens = lens_of(policy, read(policy).require(), "keep_account")
    assert [table.name for table in lens.tables] == ["person"]
    person = lens.tables[0]
    assert person.read == ("id", "phone", "colour")
    assert person.insert == person.read
    assert person.update == ("phone",)
    assert person.may_delete
    assert (person.hops, person.person) == ((), "id")
    assert person.sealed == ("phone",)


def test_lens_of_another_purpose_on_the_same_columns_only_reads(policy: Policy) -> None:
    person = lens_of(policy, read(policy).require(), "send_news").tables[0]
    assert (person.insert, person.update, person.may_delete) == ((), (), False)


def test_lens_walks_to_the_person_where_the_row_does_not_name_one(policy: Policy) -> None:
    lens = lens_of(policy, read(policy).require(), "ship_parcel")
    parcel = lens.tables[0]
    assert parcel.name == "parcel"
    assert parcel.hops == (Hop("person_id", "person", "id"),)
    assert parcel.person == "id"
    assert parcel.sealed == ("street",)  # what the map excuses is not


def test_lens_uses_the_person_of_the_row_where_there_is_one(policy: Policy) -> None:
    item = lens_of(policy, read(policy).require(), "keep_books").tables[0]
    assert (item.name, item.hops, item.person) == ("item", (), "person_id")
    assert item.insert == ("parcel_id", "place", "person_id", "what")
    assert item.update == ("what",)  # all, but never whose row it is


def test_column_narrowed_to_one_purpose_is_not_there_for_another(policy: Policy) -> None:
    text = SOUND.replace("phone: mobile", "phone: {category: mobile, purposes: send_news}").replace(
        "          keep_account: {insert: all, update: phone, delete: true}",
        "          send_news: {update: phone}",
    )
    datamap = read_datamap(text, policy).require()
    assert lens_of(policy, datamap, "keep_account").tables == ()
    assert [t.name for t in lens_of(policy, datamap, "send_news").tables] == ["person"]


def test_table_outside_lenses_is_in_none(policy: Policy) -> None:
    text = SOUND.replace("        key: id\n", "        key: id\n        outside_lens: A test.\n")
    text = text.replace("phone: mobile", "phone: {category: mobile, unsealed: A test.}")
    assert lens_of(policy, read_datamap(text, policy).require(), "send_news").tables == ()


def test_lens_of_unknown_purpose_or_store_is_refused(policy: Policy) -> None:
    datamap = read(policy).require()
    with pytest.raises(UnknownName, match="sell_everything"):
        lens_of(policy, datamap, "sell_everything")
    with pytest.raises(UnknownName, match="attic"):
        lens_of(policy, datamap, "send_news", store=StoreId("attic"))


def test_lens_of_a_table_without_a_way_to_a_person_is_refused(policy: Policy) -> None:
    text = SOUND.replace("{person_id: owned_by person.id}", "{person_id: shallow person.id}")
    with pytest.raises(InputError, match="parcel"):
        lens_of(policy, read_datamap(text, policy).require(), "ship_parcel")


def test_lens_does_not_guess_between_two_databases(policy: Policy) -> None:
    text = SOUND.replace(
        "engine: files\n    storage: shop_db\n    tables",
        "engine: mariadb\n    storage: shop_db\n    tables",
    ).replace(
        "        edges: {parcel_id: owned_by shop.",
        "        key: parcel_id\n        edges: {parcel_id: owned_by shop.",
    )
    datamap = read_datamap(text, policy).require()
    with pytest.raises(InputError, match="2 databases"):
        lens_of(policy, datamap, "send_news")
    with pytest.raises(InputError, match="leaves"):
        lens_of(policy, datamap, "check_proof", store=StoreId("proofs"))
