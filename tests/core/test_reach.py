"""Whose rows they are: the walk over the map, on rows held in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.builders import draft
from troth.core.datamap import MappedTable, StoreId
from troth.core.datamap_file import read_datamap
from troth.core.reach import Reach, Relation, Row, reach

MAP = """\
stores:
  db:
    engine: sqlite
    storage: shop_db
    tables:
      person:
        about: person
        key: id
        person: id
        on_erase: delete
        columns: {phone: {category: mobile, unsealed: A test.}}
      note:
        about: person
        key: id
        edges: {writer: owned_by person.id, reader: accessed_by person.id, parent: owned_by note.id}
        several_owners: last
        via: writer
        on_erase: delete
        columns: {body: street}
      attachment:
        about: person
        key: id
        edges: {note: owned_by note.id}
        on_erase: delete
      letter:
        about: person
        key: id
        edges: {phone: owned_by person.phone}
        on_erase: delete
      tag:
        about: both
        key: id
        on_erase: delete
        columns: {name: orders}
      tagging:
        about: person
        key: [note, tag]
        edges: {note: owned_by note.id, tag: refcount tag.id}
        on_erase: delete
"""


def walked(rows: Mapping[str, Sequence[Row]], person: object) -> Reach:
    datamap = read_datamap(MAP, draft().policy()).require()

    def fetch(
        table: MappedTable, columns: tuple[str, ...], values: Sequence[tuple[Any, ...]]
    ) -> Sequence[Row]:
        given = rows.get(table.name, ())
        return [row for row in given if tuple(row[c] for c in columns) in values]

    return reach(datamap, StoreId("db"), person, fetch)


def keys(found: Reach, relation: Relation) -> set[tuple[str, tuple[Any, ...]]]:
    return {(row.table, row.key) for row in found.rows if row.relation is relation}


def note(id_: int, writer: int | None, reader: int | None = None, parent: int | None = None) -> Row:
    return {"id": id_, "writer": writer, "reader": reader, "parent": parent, "body": "x"}


PEOPLE = [{"id": 1, "phone": "a"}, {"id": 2, "phone": "b"}]


def test_reader_sees_the_note_and_not_what_hangs_on_it() -> None:
    rows = {"person": PEOPLE, "note": [note(5, 1, 2)], "attachment": [{"id": 9, "note": 5}]}
    assert keys(walked(rows, 1), Relation.OWNED) == {
        ("person", (1,)),
        ("note", (5,)),
        ("attachment", (9,)),
    }
    assert keys(walked(rows, 2), Relation.OWNED) == {("person", (2,))}
    assert keys(walked(rows, 2), Relation.ACCESSED) == {("note", (5,))}


def test_row_that_is_both_owned_and_read_counts_once_as_owned() -> None:
    found = walked({"person": PEOPLE, "note": [note(5, 1, 1)]}, 1)
    assert found.counts() == {"person": 1, "note": 1}
    assert found.counts(Relation.ACCESSED) == {}


def test_row_first_seen_and_then_found_owned_leads_on() -> None:
    # 2 reads note 6, and owns it too, because it answers a note of 2.
    rows = {
        "person": PEOPLE,
        "note": [note(5, 2), note(6, 1, 2, parent=5)],
        "attachment": [{"id": 9, "note": 6}],
    }
    found = walked(rows, 2)
    assert keys(found, Relation.ACCESSED) == set()
    assert ("attachment", (9,)) in keys(found, Relation.OWNED)


def test_notes_that_answer_each_other_end() -> None:
    found = walked({"person": PEOPLE, "note": [note(5, 1, parent=6), note(6, None, parent=5)]}, 1)
    assert found.counts() == {"person": 1, "note": 2}


def test_reference_to_nobody_leads_to_no_row_of_nobody() -> None:
    rows = {"person": PEOPLE, "note": [note(5, None), note(6, None)], "attachment": []}
    assert walked(rows, 1).counts() == {"person": 1}
    assert walked(rows, None).counts() == {}


def test_two_unknown_numbers_are_not_the_same_number() -> None:
    rows = {"person": [{"id": 1, "phone": None}], "letter": [{"id": 4, "phone": None}]}
    assert walked(rows, 1).counts() == {"person": 1}
    known = {"person": [{"id": 1, "phone": "a"}], "letter": [{"id": 4, "phone": "a"}]}
    assert walked(known, 1).counts() == {"person": 1, "letter": 1}


def test_shared_target_is_reached_against_the_count() -> None:
    rows = {
        "person": PEOPLE,
        "note": [note(5, 1)],
        "tagging": [{"note": 5, "tag": 3}],
        "tag": [{"id": 3, "name": "x"}, {"id": 4, "name": "y"}],
    }
    found = walked(rows, 1)
    assert ("tag", (3,)) in keys(found, Relation.OWNED)
    assert ("tag", (4,)) not in keys(found, Relation.OWNED)
    assert "tag [3] owned: person(id) -> note(writer) -> tagging(note) -> tag(id)" in found.text()


def test_print_holds_keys_and_no_other_value() -> None:
    rows = {"person": [{"id": 1, "phone": "13800000000"}], "note": [note(5, 1)]}
    assert "13800000000" not in walked(rows, 1).text()
