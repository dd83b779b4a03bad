"""The live schema against the map, both ways: each rule with its fault and its repair."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.builders import draft
from troth.core.datamap import StoreId
from troth.core.datamap_file import read_datamap
from troth.core.drift import LiveColumn, LiveEdge, LiveSchema, LiveTable, compare
from troth.core.findings import Severity
from troth.core.policy import Policy

MAP = """\
stores:
  shop:
    engine: sqlite
    storage: shop_db
    tables:
      person:
        about: person
        key: id
        person: id
        on_erase: delete
        columns: {phone: mobile}
      parcel:
        about: person
        key: parcel_id
        edges: {person_id: owned_by person.id}
        on_erase: delete
        columns: {street: street}
      helper:
        about: company
        key: helper_id
        edges: {person_id: accessed_by person.id}
"""


def live(name: str, *columns: str, key: str, indexes: str = "", edges: str = "") -> LiveTable:
    """A table; a column with ``?`` may be NULL, an edge is written ``column>table.key``."""
    made = {c.rstrip("?"): LiveColumn(c.rstrip("?"), c.endswith("?")) for c in columns}
    told = [edge.split(">") for edge in edges.split()]
    return LiveTable(
        name,
        made,
        (key,),
        tuple(
            LiveEdge((column,), target.split(".")[0], (target.split(".")[1],))
            for column, target in told
        ),
        frozenset({(key,), *((i,) for i in indexes.split())}),
        frozenset({frozenset({key})}),
    )


PERSON = live("person", "id", "phone", key="id")
PARCEL = live(
    "parcel",
    "parcel_id",
    "person_id",
    "street?",
    key="parcel_id",
    indexes="person_id",
    edges="person_id>person.id",
)
HELPER = live("helper", "helper_id", "person_id?", key="helper_id", edges="person_id>person.id")
TABLES = {"person": PERSON, "parcel": PARCEL, "helper": HELPER}


@pytest.fixture(scope="module")
def policy() -> Policy:
    return draft().policy()


def judge(policy: Policy, text: str = MAP, **tables: LiveTable | None) -> list[tuple[str, str]]:
    """The rules found, with reason and repair, for the sound schema with some tables changed."""
    datamap = read_datamap(text, policy).datamap
    assert datamap is not None
    known = {**TABLES, **tables}
    schema = LiveSchema({name: table for name, table in known.items() if table is not None})
    found = compare(datamap, [datamap.stores[StoreId("shop")]], schema, policy)
    assert all(f.file == "datamap.yaml" and f.line > 1 for f in found)
    return [(f.rule, f"{f.reason}; {f.repair}") for f in found]


def rules(*found: tuple[str, str]) -> list[str]:
    return [rule for rule, _ in found]


def with_column(table: LiveTable, column: LiveColumn) -> LiveTable:
    return replace(table, columns={**table.columns, column.name: column})


def changed(old: str, new: str, text: str = MAP) -> str:
    assert old in text
    return text.replace(old, new, 1)


def test_map_and_schema_that_agree_have_no_finding(policy: Policy) -> None:
    assert judge(policy) == []


def test_column_that_the_map_does_not_know(policy: Policy) -> None:
    grown = with_column(PERSON, LiveColumn("id_card", nullable=True))
    [(rule, said)] = judge(policy, person=grown)
    assert rule == "D302"
    assert "person.id_card" in said
    assert "`id_card: <category>`" in said
    repaired = changed("{phone: mobile}", "{phone: mobile, id_card: mobile}")
    assert judge(policy, repaired, person=grown) == []


def test_table_that_the_map_does_not_know(policy: Policy) -> None:
    letter = live("newsletter", "email", key="email")
    [(rule, said)] = judge(policy, newsletter=letter)
    assert rule == "D306"
    assert "`newsletter:`" in said
    assert "(email)" in said
    repaired = MAP + "      newsletter: {not_personal: A test., columns: [email]}\n"
    assert judge(policy, repaired, newsletter=letter) == []


@pytest.mark.parametrize("what", ["table", "column"])
def test_entry_that_is_stale(policy: Policy, what: str) -> None:
    if what == "table":
        [(rule, said)] = judge(policy, helper=None)
        assert "the table helper" in said
        repaired = MAP[: MAP.index("      helper:")]
        assert judge(policy, repaired, helper=None) == []
    else:
        bare = live("person", "id", key="id")
        [(rule, said)] = judge(policy, person=bare)
        assert "person.phone" in said
        assert judge(policy, changed("        columns: {phone: mobile}\n", ""), person=bare) == []
    assert rule == "D307"


def test_reference_without_annotation(policy: Policy) -> None:
    text = changed("        edges: {person_id: accessed_by person.id}\n", "")
    text += "        columns: [person_id]\n"
    [(rule, said)] = judge(policy, text)
    assert rule == "D308"
    assert "`person_id: <kind> person.id`" in said


def test_annotation_that_leads_elsewhere_than_the_reference(policy: Policy) -> None:
    elsewhere = replace(HELPER, edges=(LiveEdge(("person_id",), "parcel", ("parcel_id",)),))
    assert rules(*judge(policy, helper=elsewhere)) == ["D308"]


def test_reference_without_a_constraint_may_be_annotated(policy: Policy) -> None:
    assert judge(policy, helper=replace(HELPER, edges=())) == []


def test_key_that_is_another(policy: Policy) -> None:
    [(rule, said)] = judge(policy, changed("key: helper_id", "key: [helper_id, person_id]"))
    assert rule == "D309"
    assert "`key: [helper_id]`" in said


OWNING = changed("{person_id: owned_by person.id}\n", "{letter_id: owns letter.id}\n")
OWNING = changed(
    "        key: parcel_id\n", "        key: parcel_id\n        person: person_id\n", OWNING
)
OWNING += """\
      letter:
        about: person
        key: id
        on_erase: delete
        columns: {body: street}
"""
LETTER = live("letter", "id", "body", key="id")
WRITER = live(
    "parcel",
    "parcel_id",
    "person_id",
    "letter_id",
    "street",
    key="parcel_id",
    indexes="person_id",
    edges="letter_id>letter.id",
)


def test_deep_edge_that_could_end_in_another_persons_row(policy: Policy) -> None:
    [(rule, said)] = judge(policy, OWNING, parcel=WRITER, letter=LETTER)
    assert rule == "D311"
    assert "two people may own the same row of letter" in said
    assert "`refcount letter.id`" in said


def test_deep_edge_is_sound_if_unique_or_counted(policy: Policy) -> None:
    unique = replace(WRITER, unique=WRITER.unique | {frozenset({"letter_id"})})
    assert judge(policy, OWNING, parcel=unique, letter=LETTER) == []
    counted = changed("owns letter.id", "refcount letter.id", OWNING)
    assert judge(policy, counted, parcel=WRITER, letter=LETTER) == []


def test_owner_that_several_rows_may_be(policy: Policy) -> None:
    text = changed("person_id: owned_by person.id", "phone: owned_by person.phone")
    text = changed("{phone: mobile}", "{phone: {category: mobile, unsealed: A test.}}", text)
    parcel = live("parcel", "parcel_id", "phone", "street?", key="parcel_id", indexes="phone")
    assert rules(*judge(policy, text, parcel=parcel)) == ["D311"]
    known = replace(PERSON, unique=PERSON.unique | {frozenset({"phone"})})
    assert judge(policy, text, parcel=parcel, person=known) == []


def test_personal_table_that_no_path_reaches(policy: Policy) -> None:
    text = changed("person_id: owned_by person.id", "person_id: shallow person.id")
    [(rule, said)] = judge(policy, text)
    assert rule == "D312"
    assert "parcel" in said
    assert "`person: <column>`" in said


def test_personal_table_that_only_reaches_itself(policy: Policy) -> None:
    text = changed("person_id: owned_by person.id", "person_id: owned_by parcel.parcel_id")
    own = replace(PARCEL, edges=(LiveEdge(("person_id",), "parcel", ("parcel_id",)),))
    assert "D312" in rules(*judge(policy, text, parcel=own))


def test_column_that_cannot_be_cleared(policy: Policy) -> None:
    text = changed(
        "on_erase: delete\n        columns: {street", "on_erase: clear\n        columns: {street"
    )
    text = changed(
        "{street: street}",
        "{street: street, parcel_id: {on_erase: {anonymise: cut_off}},"
        " person_id: {on_erase: {anonymise: cut_off}}}",
        text,
    )
    fixed = with_column(PARCEL, LiveColumn("street", nullable=False))
    [(rule, said)] = judge(policy, text, parcel=fixed)
    assert rule == "D313"
    assert "parcel.street" in said
    assert judge(policy, text) == []


def test_reference_that_cannot_be_cleared_when_its_person_leaves(policy: Policy) -> None:
    fixed = with_column(HELPER, LiveColumn("person_id", nullable=False))
    [(rule, said)] = judge(policy, helper=fixed)
    assert rule == "D313"
    assert "helper.person_id" in said
    assert judge(policy, MAP + "        on_leaving: {person_id: delete_row}\n", helper=fixed) == []


def test_index_that_a_path_needs(policy: Policy) -> None:
    slow = replace(PARCEL, indexes=frozenset({("parcel_id",)}))
    [(rule, said)] = judge(policy, parcel=slow)
    assert rule == "D314"
    assert "parcel (person_id)" in said
    of_two = replace(PARCEL, indexes=frozenset({("parcel_id", "person_id")}))
    assert rules(*judge(policy, parcel=of_two)) == ["D314"]
    begins = replace(PARCEL, indexes=frozenset({("person_id", "parcel_id")}))
    assert judge(policy, parcel=begins) == []


@pytest.mark.parametrize("column", ["parcel_id", "street"])
def test_value_that_the_database_makes_in_a_lensed_table(policy: Policy, column: str) -> None:
    made = with_column(PARCEL, replace(PARCEL.columns[column], made_by_database="identity"))
    [(rule, said)] = judge(policy, parcel=made)
    assert rule == "D315"
    assert f"parcel.{column} (identity)" in said
    outside = changed("key: parcel_id", "key: parcel_id\n        outside_lens: A test.")
    outside = changed("{street: street}", "{street: {category: street, unsealed: So.}}", outside)
    assert judge(policy, outside, parcel=made) == []


def test_path_that_may_be_empty_is_a_warning(policy: Policy) -> None:
    loose = with_column(PARCEL, LiveColumn("person_id", nullable=True))
    assert rules(*judge(policy, parcel=loose)) == ["D310"]
    datamap = read_datamap(MAP, policy).require()
    schema = LiveSchema({**TABLES, "parcel": loose})
    [finding] = compare(datamap, [datamap.stores[StoreId("shop")]], schema, policy)
    assert finding.severity is Severity.WARNING


WRITING = changed(
    "        columns: {street: street}\n",
    "        columns: {street: street, label: mobile}\n"
    "        writes: {ship_parcel: {insert: all}}\n",
)


def test_insert_that_may_not_give_what_the_database_asks_for(policy: Policy) -> None:
    grown = with_column(PARCEL, LiveColumn("label", nullable=False))
    [(rule, said)] = judge(policy, WRITING, parcel=grown)
    assert rule == "D316"
    assert "ship_parcel is to insert into parcel and may not give label" in said
    loose = with_column(PARCEL, LiveColumn("label", nullable=True))
    assert judge(policy, WRITING, parcel=loose) == []


# --- finders and what is sealed --------------------------------------------------------------

FINDING = changed(
    "        columns: {phone: mobile}\n",
    "        columns:\n"
    "          phone: mobile\n"
    "          phone_index: {index_of: {column: person.phone, form: mobile}}\n"
    "        found_by: {phone_index: {tells: [], reason: A test.}}\n",
)
INDEXED = live("person", "id", "phone", "phone_index", key="id", indexes="phone_index")


def test_finder_needs_an_index_of_the_database(policy: Policy) -> None:
    assert judge(policy, FINDING, person=INDEXED) == []
    slow = replace(INDEXED, indexes=frozenset({("id",), ("id", "phone_index")}))
    [(rule, said)] = judge(policy, FINDING, person=slow)
    assert rule == "D317"
    assert "no index of person begins with phone_index" in said
    assert "create an index on person (phone_index)" in said
    begins = replace(INDEXED, indexes=frozenset({("id",), ("phone_index", "id")}))
    assert judge(policy, FINDING, person=begins) == []


@pytest.mark.parametrize("column", ["phone", "phone_index"])
def test_sealed_value_or_index_that_is_no_text(policy: Policy, column: str) -> None:
    short = with_column(INDEXED, LiveColumn(column, nullable=False, is_text=False))
    [(rule, said)] = judge(policy, FINDING, person=short)
    assert rule == "D318"
    assert f"make person.{column} TEXT" in said


@pytest.mark.parametrize("how", ["index", "unique"])
def test_sealed_value_that_the_database_compares(policy: Policy, how: str) -> None:
    compared = (
        replace(INDEXED, indexes=INDEXED.indexes | {("phone", "id")})
        if how == "index"
        else replace(INDEXED, unique=INDEXED.unique | {frozenset({"phone", "id"})})
    )
    [(rule, said)] = judge(policy, FINDING, person=compared)
    assert rule == "D318"
    assert "person.phone is sealed, and an index" in said
    # Its blind index may be unique: that is what it is for.
    unique = replace(INDEXED, unique=INDEXED.unique | {frozenset({"phone_index"})})
    assert judge(policy, FINDING, person=unique) == []


def test_unsealed_value_may_be_compared_and_of_any_type(policy: Policy) -> None:
    text = changed("{phone: mobile}", "{phone: {category: mobile, unsealed: A test.}}")
    number = with_column(PERSON, LiveColumn("phone", nullable=False, is_text=False))
    number = replace(number, unique=number.unique | {frozenset({"phone"})})
    assert judge(policy, text, person=number) == []


CLEARING = changed(
    "        columns: {street: street}\n",
    "        columns: {street: street, label: mobile}\n"
    "        writes: {ship_parcel: {clears: label}}\n",
)


def test_column_that_a_purpose_clears_and_cannot(policy: Policy) -> None:
    loose = with_column(PARCEL, LiveColumn("label", nullable=True))
    assert judge(policy, CLEARING, parcel=loose) == []
    fixed = with_column(PARCEL, LiveColumn("label", nullable=False))
    [(rule, said)] = judge(policy, CLEARING, parcel=fixed)
    assert rule == "D313"
    assert "ship_parcel is to clear parcel.label" in said
