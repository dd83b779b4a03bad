"""What troth's own tables are, said once, and what a map adds to it: the policy's words for them.

An application's map holds no line of these tables. Under ``troth`` of the data store in whose
database troth writes, it names what the policy calls what is written there, and the tables come
from here: the records among the store's own tables, the looks in a store beside it, since on SQLite
they lie in a file of their own.

Rules made here:

    M102 unknown category       M127 a place where troth writes nothing, or one that is
    M110 lies elsewhere              mapped twice; a category that troth cannot seal
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from troth.core.datamap import (
    About,
    DataStore,
    Edge,
    EdgeKind,
    Engine,
    Erasure,
    MappedColumn,
    MappedTable,
    Method,
    OnErase,
    OnLeaving,
    SeveralOwners,
    StoreId,
)
from troth.core.policy import Policy, frozen
from troth.core.yaml_tree import Tree

KEY = "troth"
"""The key of a data store under which a map names the categories."""

LOOKS = StoreId("looks")
"""What the data store of the looks is called, in ``copy_of`` and in ``looks=URL``."""

ENGINES = frozenset({Engine.SQLITE, Engine.POSTGRESQL})
"""The databases that troth writes its records in."""


class Kind(StrEnum):
    """What a policy has a word for, of all that troth writes down of people."""

    PERSON = "person"
    """The random id; a policy may have no word for it, and it is then a bare key."""
    CONSENT = "consent"
    """What somebody answered, when, and to which words."""
    USES = "uses"
    """How often and when a purpose was used, who looked, and what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTable:
    """One of troth's tables, before a policy has named the kinds of its columns.

    Args:
        name: as the database calls it.
        key: the columns of the primary key; none where nobody asks.
        reason: why no row says anything about anybody; empty if rows are about a person.
        person: the column with the random id, if there is one.
        edges: by column, what the reference means and the ``table.column`` it leads to.
        kinds: columns that say something of a person.
        bare: columns that do not, with the reason; those of a table about nobody need none.
        on_erase: what an erasure does with a row; None where none is about a person.
    """

    name: str
    key: tuple[str, ...] = ()
    reason: str = ""
    person: str = ""
    edges: Mapping[str, tuple[EdgeKind, str]]
    kinds: Mapping[str, Kind]
    bare: Mapping[str, str]
    on_erase: OnErase | None


_PRINCIPAL = "pii_principal_id"
_CUT_OFF = OnErase(Erasure.ANONYMISE, method=Method.CUT_OFF)
_OUTSIDE = "troth's own record; its pages and commands show it."


def _of_people(
    name: str,
    key: str,
    kinds: Mapping[Kind, str],
    *,
    person: str = _PRINCIPAL,
    edges: Mapping[str, tuple[EdgeKind, str]] | None = None,
    bare: Mapping[str, str] | None = None,
    on_erase: OnErase = _CUT_OFF,
) -> OwnTable:
    """Return a table about people; names of columns are parted by blanks."""
    return OwnTable(
        name=name,
        key=tuple(key.split()),
        person=person,
        edges=edges or {},
        kinds={column: kind for kind, names in kinds.items() for column in names.split()},
        bare=bare or {},
        on_erase=on_erase,
    )


def _of_nobody(
    name: str,
    reason: str,
    key: str,
    columns: str,
    edges: Mapping[str, tuple[EdgeKind, str]] | None = None,
) -> OwnTable:
    """Return a table about nobody; names of columns are parted by blanks."""
    return OwnTable(
        name=name,
        key=tuple(key.split()),
        reason=reason,
        edges=edges or {},
        kinds={},
        bare=dict.fromkeys(columns.split(), ""),
        on_erase=None,
    )


RECORDS: tuple[OwnTable, ...] = (
    # A visitor who allowed something has no other id than this.
    _of_people(
        "troth_person",
        _PRINCIPAL,
        {Kind.PERSON: _PRINCIPAL, Kind.CONSENT: "flags created_at"},
    ),
    _of_people(
        "troth_consent_event",
        "seq",
        {
            Kind.CONSENT: "event_id record_id purpose_id event_type event_state event_time "
            "recorded_at valid_until entity_id entity_role indication_method surface "
            "privacy_notice notice_ordinal notice_digest language snapshot_token_id "
            "idempotency_key"
        },
        edges={_PRINCIPAL: (EdgeKind.OWNED_BY, f"troth_person.{_PRINCIPAL}")},
        bare={"salt": "Random bytes that say nothing of anybody."},
    ),
    _of_people(
        "troth_consent_state",
        f"{_PRINCIPAL} purpose_id",
        {Kind.CONSENT: "event_state valid_until notice_ordinal event_id person_flags last_seq"},
    ),
    _of_people(
        "troth_use",
        f"{_PRINCIPAL} purpose_id",
        {Kind.USES: "uses last_used_at"},
        edges={_PRINCIPAL: (EdgeKind.OWNED_BY, f"troth_person.{_PRINCIPAL}")},
        on_erase=OnErase(Erasure.DELETE),
    ),
    _of_nobody(
        "troth_policy_version",
        "The published policy.",
        "ordinal",
        "event_id policy_id version digest change_class asked pii_controller jurisdiction sources "
        "recorded_at salt",
    ),
    _of_nobody("troth_policy_head", "Which version of the policy is in force.", "one", "ordinal"),
    _of_nobody(
        "troth_policy_purpose",
        "Which purposes a version of the policy has.",
        "ordinal purpose_id",
        "under_restriction",
        {"ordinal": (EdgeKind.SHALLOW, "troth_policy_version.ordinal")},
    ),
    _of_nobody(
        "troth_purpose_rule",
        "The rules of the purposes in force.",
        "purpose_id",
        "required under_restriction",
    ),
    _of_nobody(
        "troth_outbox",
        "Random ids of events that wait to be carried on.",
        "seq",
        "tx event_id topic recorded_at",
    ),
    _of_nobody(
        "troth_outbox_cursor", "How far each reader of the outbox came.", "consumer", "tx seq"
    ),
    _of_nobody(
        "troth_leaf",
        "Salted commitments that lead to nobody without the event they were made from.",
        "leaf_index",
        "event_id entry",
    ),
    _of_nobody("troth_tile", "Hashes of the log.", "level tile_index", "root hashes"),
    _of_nobody("troth_checkpoint", "Signed heads of the log.", "tree_size", "note recorded_at"),
    _of_nobody("troth_alembic_version", "Which migrations of troth have run.", "", "version_num"),
)
"""The tables that lie in the database of the application."""

_LOOK = {"look_id": (EdgeKind.OWNED_BY, "troth_look.look_id")}

LOOK_TABLES: tuple[OwnTable, ...] = (
    _of_people(
        "troth_look",
        "look_id",
        {
            Kind.USES: "looked_at actor_id actor_role purpose_id people categories clause "
            "policy_ordinal case_id outcome reason break_glass"
        },
    ),
    # The people of a batch, whose look names nobody itself.
    _of_people(
        "troth_look_person",
        f"{_PRINCIPAL} looked_at look_id",
        {Kind.USES: "looked_at"},
        edges={"look_id": (EdgeKind.ACCESSES, "troth_look.look_id")},
    ),
    _of_people("troth_look_end", "look_id", {Kind.USES: "ended_at ending"}, person="", edges=_LOOK),
    _of_people(
        "troth_look_alarm", "look_id", {Kind.USES: "raised_at words"}, person="", edges=_LOOK
    ),
    _of_people("troth_look_told", f"{_PRINCIPAL} look_id", {Kind.USES: "told_at"}, edges=_LOOK),
    _of_people("troth_look_report", "report_id", {Kind.USES: "reported_at reason"}, edges=_LOOK),
)
"""The tables of looks: one file has one writer, so on SQLite they have one of their own."""

OWN_TABLES = frozenset(table.name for table in (*RECORDS, *LOOK_TABLES))


@dataclass(frozen=True, slots=True)
class _Named:
    """What a map calls the kinds, each with its line, and the line of the whole."""

    categories: Mapping[Kind, str]
    lines: Mapping[Kind, int]
    line: int

    def column(self, name: str, kind: Kind | None, on_erase: OnErase | None) -> MappedColumn:
        category = self.categories.get(kind, "") if kind else ""
        line = self.lines[kind] if kind and category else self.line
        return MappedColumn(name, category, (), on_erase, "", "", line)


def read_own(
    tree: Tree, policy: Policy, store: DataStore, others: Collection[str]
) -> tuple[DataStore, ...]:
    """Return a data store as its map meant it: alone, or with troth's tables and the looks beside.

    Args:
        tree: the mapping of the store; `KEY` of it is read here.
        policy: the compiled policy.
        store: what the map says of it otherwise.
        others: the data stores of the map, and those made here so far.
    """
    if not tree.has(KEY):
        return (store,)
    named = _read_named(tree, policy, store)
    _placed(tree, store, others)
    records = _tables(RECORDS, store.id, named)
    looks = DataStore(
        id=LOOKS,
        engines=store.engines,
        storage=store.storage,
        copy_of=(),
        # Said even where the store is no PostgreSQL: whoever gives one URL means the other store.
        within=frozen({Engine.POSTGRESQL: store.id}),
        tables=frozen(_tables(LOOK_TABLES, LOOKS, named)),
        line=named.line,
        own=frozenset(table.name for table in LOOK_TABLES),
    )
    tables = frozen({**store.tables, **records})
    return replace(store, tables=tables, own=frozenset(records)), looks


def _read_named(tree: Tree, policy: Policy, store: DataStore) -> _Named:
    branch = tree.branch(KEY)
    categories: dict[Kind, str] = {}
    for kind in Kind:
        category = branch.text(kind.value, "" if kind is Kind.PERSON else None)
        if category:
            categories[kind] = category
            _held(branch, kind, category, policy, store)
    branch.close()
    lines = {kind: branch.line_of(kind.value) for kind in Kind}
    return _Named(categories, lines, tree.line_of(KEY))


def _held(branch: Tree, kind: Kind, category: str, policy: Policy, store: DataStore) -> None:
    """Judge a category once, and not again for every column that is of it."""
    here = f"{store.id}.{KEY}.{kind.value}"
    known = policy.categories.get(category)
    if known is None:
        branch.fault(
            "M102",
            f"the policy knows no category {category!r} ({here})",
            "name a category of the policy; data that it does not name may not be held",
            key=kind.value,
        )
        return
    if store.storage in policy.storage and store.storage not in known.storage:
        branch.fault(
            "M110",
            f"{here} lies in {store.storage}; the policy says that {category} lies in "
            f"{', '.join(known.storage)}",
            "add the storage to the category in the policy, or name another category",
            key=kind.value,
        )
    if known.sealed:
        branch.fault(
            "M127",
            f"{here} is {category}, which is sealed; troth reads and compares it at every "
            "decision, and does not seal it",
            "name a category that is not sealed",
            key=kind.value,
        )


def _placed(tree: Tree, store: DataStore, others: Collection[str]) -> None:
    """Judge whether troth writes there, and whether the same tables are mapped a second time."""
    if not ENGINES.issuperset(store.engines):
        tree.fault(
            "M127",
            f"{store.id} is {', '.join(store.engines)}, where troth keeps no records",
            f"write `{KEY}:` at the database that troth writes in: {', '.join(sorted(ENGINES))}",
            key=KEY,
        )
    if LOOKS in others:
        tree.fault(
            "M127",
            f"the map has a data store {LOOKS!r} beside the one that `{KEY}:` of {store.id} makes",
            f"call yours by another name; write `{KEY}:` once, and no table of looks",
            key=KEY,
        )
    for name in sorted(OWN_TABLES.intersection(store.tables)):
        tree.faults.add(
            tree.file,
            store.tables[name].line,
            "M127",
            f"{name} is one of troth's own tables, which `{KEY}:` of {store.id} maps already",
            f"take `{name}:` out of {store.id}.tables",
        )


def _tables(tables: tuple[OwnTable, ...], store: StoreId, named: _Named) -> dict[str, MappedTable]:
    return {table.name: _table(table, store, named) for table in tables}


def _table(own: OwnTable, store: StoreId, named: _Named) -> MappedTable:
    links = [*own.key, *([own.person] if own.person else []), *own.edges]
    columns = {name: named.column(name, None, own.on_erase) for name in links}
    for name, kind in own.kinds.items():
        columns[name] = named.column(name, kind, own.on_erase)
    for name, reason in own.bare.items():
        columns[name] = replace(named.column(name, None, None), not_personal=reason)
    edges = tuple(_edge(column, end, store, named.line) for column, end in own.edges.items())
    owned = any(edge.kind is EdgeKind.OWNED_BY for edge in edges)
    return MappedTable(
        name=own.name,
        about=About.NOBODY if own.reason else About.PERSON,
        reason=own.reason,
        key=own.key,
        person=own.person,
        where=frozen({}),
        via="",
        # What a row says itself and the row that it belongs to name one and the same person.
        several_owners=SeveralOwners.SAME if own.person and owned else None,
        outside_lens="" if own.reason else _OUTSIDE,
        columns=frozen(columns),
        edges=edges,
        writes=frozen({}),
        line=named.line,
    )


def _edge(column: str, end: tuple[EdgeKind, str], store: StoreId, line: int) -> Edge:
    kind, target = end
    table, _, key = target.partition(".")
    return Edge((column,), kind, store, table, (key,), OnLeaving.CLEAR, line)
