"""troth's own tables in a map that names only their categories: each fault, and what comes out."""

from __future__ import annotations

import pytest

from tests.builders import draft
from troth.core.datamap import DataStore, Engine, Erasure, StoreId, way_to_person
from troth.core.datamap_file import ReadMap, read_datamap
from troth.core.datamap_own import LOOKS, OWN_TABLES
from troth.core.drift import LiveColumn, LiveSchema, LiveTable, compare
from troth.core.findings import Finding, errors
from troth.core.lens_of import lenses_of
from troth.core.policy import Policy
from troth.flows.data_map import store_of

NAMED = "    troth: {person: orders, consent: orders, uses: orders}\n"
SOUND = (
    "stores:\n  shop:\n    engine: [sqlite, postgresql]\n    storage: shop_db\n"
    f"{NAMED}    tables:\n      note: {{not_personal: No., columns: [note_id]}}\n"
)
SHOP = StoreId("shop")


@pytest.fixture(scope="module")
def policy() -> Policy:
    return draft().policy()


def read(policy: Policy, old: str = "", new: str = "") -> ReadMap:
    assert old in SOUND
    return read_datamap(SOUND.replace(old, new, 1) if old else SOUND, policy)


def records(policy: Policy) -> DataStore:
    return read(policy).require().stores[SHOP]


def test_one_line_maps_every_table_of_troth_and_the_applications_stand_beside(
    policy: Policy,
) -> None:
    datamap = read(policy).require()
    assert list(datamap.stores) == [SHOP, LOOKS]
    mapped = {name for store in datamap.stores.values() for name in store.tables}
    assert mapped == OWN_TABLES | {"note"}
    assert {name for store in datamap.stores.values() for name in store.own} == OWN_TABLES


def test_looks_lie_in_a_file_of_their_own_and_on_postgresql_beside_the_rows(
    policy: Policy,
) -> None:
    looks = read(policy).require().stores[LOOKS]
    assert looks.engines == (Engine.SQLITE, Engine.POSTGRESQL)
    assert looks.within == {Engine.POSTGRESQL: SHOP}
    assert looks.storage == "shop_db"


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_database_of_one_engine_needs_no_name_though_looks_lie_beside_it(
    policy: Policy, engine: str
) -> None:
    datamap = read(policy, "[sqlite, postgresql]", engine).require()
    url = {"sqlite": "sqlite:///troth.db", "postgresql": "postgresql+psycopg://h/d"}[engine]
    assert store_of(datamap, url)[0].id == SHOP
    assert lenses_of(policy, datamap) == ()


def test_each_kind_has_the_category_that_the_policy_gives_it() -> None:
    unsealed = draft().change("    sealed: true", "    sealed: false").policy()
    text = SOUND.replace("person: orders, consent: orders", "consent: mobile")
    datamap = read_datamap(text, unsealed).require()
    tables = datamap.stores[SHOP].tables
    assert tables["troth_consent_event"].columns["event_state"].category == "mobile"
    assert tables["troth_use"].columns["uses"].category == "orders"
    assert datamap.stores[LOOKS].tables["troth_look"].columns["actor_id"].category == "orders"
    assert tables["troth_consent_event"].columns["salt"].not_personal
    # No word of the policy for the random id: then it is a bare key.
    assert tables["troth_person"].columns["pii_principal_id"].bare


def test_every_row_about_a_person_leads_to_them_and_is_cut_off_or_deleted(policy: Policy) -> None:
    datamap = read(policy).require()
    personal = [(s, t) for s, t in datamap.tables() if t.personal]
    assert len(personal) == 10
    for store, table in personal:
        assert way_to_person(datamap, store.id, table) is not None, table.name
        rules = {c.on_erase.how for c in table.columns.values() if c.on_erase is not None}
        expected = Erasure.DELETE if table.name == "troth_use" else Erasure.ANONYMISE
        assert rules == {expected}, table.name


def test_no_lens_shows_troths_own_tables(policy: Policy) -> None:
    assert lenses_of(policy, read(policy).require(), store=SHOP) == ()


def test_a_store_may_hold_nothing_but_troths_records(policy: Policy) -> None:
    end = SOUND.index("    tables:")
    assert set(read_datamap(SOUND[:end], policy).require().stores[SHOP].tables) < OWN_TABLES


def test_a_backup_may_copy_the_looks(policy: Policy) -> None:
    backup = "  copies: {engine: files, storage: shop_db, copy_of: [shop, looks]}\n"
    assert not errors(read_datamap(SOUND + backup, policy).findings)


FAULTS = [  # rule, line, what stands in the sound map, what stands there instead, words, repair
    ("C003", 5, "consent: orders, ", "", "troth.consent is missing", "add `consent:`"),
    ("C003", 5, ", uses: orders", "", "troth.uses is missing", "add `uses:`"),
    ("C002", 5, "uses: orders", "uses: orders, looks: orders", "looks is not", "person, uses"),
    ("C004", 5, NAMED.strip(), "troth: orders", "troth must be a mapping", "key: value"),
    ("M102", 5, "consent: orders", "consent: answers", "shop.troth.consent", "of the policy"),
    ("M102", 5, "person: orders", "person: number", "shop.troth.person", "of the policy"),
    ("M110", 5, "uses: orders", "uses: frames", "frames lies in phone_only", "add the storage"),
    ("M127", 5, "uses: orders", "uses: mobile", "mobile, which is sealed", "not sealed"),
    ("M127", 5, "[sqlite, postgresql]", "mariadb", "is mariadb", "postgresql, sqlite"),
    ("M127", 5, "[sqlite, postgresql]", "files", "is files", "postgresql, sqlite"),
    ("M101", 4, "shop_db", "moon", "no storage 'moon'", "name one of"),
    ("C003", 3, "    storage: shop_db\n", "", "shop.storage is missing", "add `storage:`"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault[0]}: {fault[4]}")
def test_what_is_wrong_is_told_once_with_its_line_and_its_repair(
    policy: Policy, fault: tuple[str, int, str, str, str, str]
) -> None:
    rule, line, old, new, words, repair = fault
    found = [f for f in read(policy, old, new).findings if f.rule == rule]
    told = [f for f in found if words in f.reason]
    assert [(f.line, repair in f.repair) for f in told] == [(line, True)], found


def test_a_table_of_troth_in_the_map_as_well_is_to_be_taken_out(policy: Policy) -> None:
    use = "      troth_use: {not_personal: No., columns: [uses]}\n"
    [told] = read_datamap(SOUND + use, policy).findings
    assert (told.rule, told.line) == ("M127", 8)
    assert "take `troth_use:` out of shop.tables" in told.repair


@pytest.mark.parametrize("second", ["looks", "books"])
def test_looks_are_mapped_once(policy: Policy, second: str) -> None:
    """By a store of that name, or by a second `troth:`."""
    own = "" if second == "looks" else NAMED
    other = f"  {second}:\n    engine: sqlite\n    storage: shop_db\n{own}    tables: {{}}\n"
    [told] = read_datamap(SOUND + other, policy).findings
    assert told.rule == "M127"
    assert told.line == (5 if second == "looks" else 11)
    assert "`troth:`" in told.repair


# --- against a live schema -----------------------------------------------------------------------


def table(name: str, *columns: str) -> LiveTable:
    made = {c: LiveColumn(c, nullable=False) for c in columns}
    return LiveTable(name, made, (), (), frozenset(), frozenset())


def differs(policy: Policy, text: str, *tables: LiveTable) -> list[Finding]:
    datamap = read_datamap(text, policy).require()
    live = LiveSchema({t.name: t for t in tables})
    return list(compare(datamap, [datamap.stores[SHOP]], live, policy))


def test_map_without_the_line_is_told_to_write_it(policy: Policy) -> None:
    text = SOUND.replace(NAMED, "")
    [told] = differs(policy, text, table("note", "note_id"), table("troth_use", "uses"))
    assert told.rule == "D306"
    assert told.repair.startswith("write `troth: {consent: <category>, uses: <category>}`")


def test_repair_of_troths_table_is_never_a_line_in_the_map(policy: Policy) -> None:
    found = differs(policy, SOUND, table("note", "note_id", "x"), table("troth_tile", "x"))
    own = [f for f in found if "troth_" in f.reason]
    assert {f.rule for f in own} >= {"D302", "D307", "D309"}
    assert {f.line for f in own} == {5}
    assert all(f.repair.startswith("the map of troth's own tables comes with") for f in own)
    [yours] = [f for f in found if "troth_" not in f.reason]
    assert "`x: <category>`" in yours.repair
    assert records(policy).own <= OWN_TABLES
