"""Whether a live schema and the data map say the same. Pure: the schema comes in as a value.

    D302 a column that the map does not know      D311 a deep edge that could reach another person
    D306 a table that the map does not know       D312 a personal table that no path reaches
    D307 in the map, and not in the database      D313 a NOT NULL column that is to be cleared
    D308 a reference that is not annotated        D314 no index on a path
    D309 another key than the map says            D315 keys or values that the database makes
    D310 every path may be empty (warning)        D316 an insert that cannot give what is needed
    D317 no index where a person is found         D318 sealed, and no text or compared

D301 and D303 to D305 of the rule list look at pages, hosts, settings and tests, not at schemas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from troth.core.datamap import (
    FROM_PERSON,
    About,
    DataMap,
    DataStore,
    Edge,
    EdgeKind,
    Erasure,
    MappedTable,
    OnLeaving,
    SeveralOwners,
    owner_steps,
    sealed,
    way_to_person,
)
from troth.core.datamap_own import KEY, OWN_TABLES
from troth.core.datamap_rules import ALL, readable
from troth.core.findings import Finding, Severity
from troth.core.policy import Policy
from troth.core.yaml_tree import Faults


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """One column as it is.

    ``made_by_database`` says how (``identity`` …), or is empty; ``is_text`` whether it takes a text
    of any length.
    """

    name: str
    nullable: bool
    made_by_database: str = ""
    is_text: bool = True


@dataclass(frozen=True, slots=True)
class LiveEdge:
    """One foreign key as it is."""

    columns: tuple[str, ...]
    table: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LiveTable:
    """One table as it is.

    ``indexes`` holds the columns of every index, the primary key and unique ones among them;
    ``unique`` those that no two rows share.
    """

    name: str
    columns: Mapping[str, LiveColumn]
    key: tuple[str, ...]
    edges: tuple[LiveEdge, ...]
    indexes: frozenset[tuple[str, ...]]
    unique: frozenset[frozenset[str]]

    def has_index(self, columns: tuple[str, ...]) -> bool:
        """Tell whether an index begins with these columns, in any order."""
        wanted = set(columns)
        return any(set(index[: len(wanted)]) == wanted for index in self.indexes)

    def is_unique(self, columns: tuple[str, ...]) -> bool:
        """Tell whether no two rows share the values of these columns."""
        return any(known <= set(columns) for known in self.unique)


@dataclass(frozen=True, slots=True)
class LiveSchema:
    """The tables of one database."""

    tables: Mapping[str, LiveTable]


Told = Iterator[tuple[str, int, str, str]]
"""Rule, line in the map, reason, repair."""

_OWN_REPAIR = (
    "the map of troth's own tables comes with its release: open a deployment of this release on "
    "the database once, which brings them up to date, and undo what anybody else changed in them"
)


def compare(
    datamap: DataMap, stores: Sequence[DataStore], live: LiveSchema, policy: Policy
) -> tuple[Finding, ...]:
    """Compare both ways; return what differs or could not be erased, each with what to write.

    Args:
        datamap: the whole map.
        stores: the data stores whose tables lie in this database, the one that owns it first.
        live: the database.
        policy: the policy that the map was read against.
    """
    faults = Faults()
    told = [*_unmapped_tables(stores, live)]
    for store in stores:
        yours, own = _parts(store)
        told += _judged(datamap, yours, live, policy)
        told += (
            (id_, line, reason, _OWN_REPAIR)
            for id_, line, reason, _ in _judged(datamap, own, live, policy)
        )
    for id_, line, reason, repair in told:
        severity = Severity.WARNING if id_ == "D310" else Severity.ERROR
        faults.add(datamap.file, line, id_, reason, repair, severity=severity)
    return tuple(sorted(set(faults.found)))


def _parts(store: DataStore) -> tuple[DataStore, DataStore]:
    """Return a data store with the tables that its map describes, and with troth's own."""
    yours = {name: t for name, t in store.tables.items() if name not in store.own}
    own = {name: t for name, t in store.tables.items() if name in store.own}
    return replace(store, tables=yours), replace(store, tables=own)


def _judged(datamap: DataMap, store: DataStore, live: LiveSchema, policy: Policy) -> Told:
    for rule in RULES:
        yield from rule(datamap, store, live)
    yield from _inserts(store, live, policy)
    yield from _sealed(store, live, policy)


def _both(store: DataStore, live: LiveSchema) -> Iterator[tuple[MappedTable, LiveTable]]:
    for name, table in store.tables.items():
        if name in live.tables:
            yield table, live.tables[name]


def _unmapped_tables(stores: Sequence[DataStore], live: LiveSchema) -> Told:
    store = stores[0]
    for name, table in live.tables.items():
        if not any(name in known.tables for known in stores):
            columns = ", ".join(table.columns)
            repair = (
                f"write `{name}:` under {store.id}.tables with its columns ({columns}), or "
                f"`{name}: {{not_personal: <reason>, columns: [{columns}]}}`"
            )
            if name in OWN_TABLES:
                repair = (
                    f"write `{KEY}: {{consent: <category>, uses: <category>}}` under {store.id}, "
                    "and all of troth's own tables are mapped"
                )
            reason = f"the table {name} is in the database and not in the map"
            yield "D306", store.line, reason, repair


def _unmapped_columns(datamap: DataMap, store: DataStore, live: LiveSchema) -> Told:
    for mapped, table in _both(store, live):
        for name in table.columns:
            if name not in mapped.columns:
                yield (
                    "D302",
                    mapped.line,
                    f"the column {mapped.name}.{name} is in the database and not in the map",
                    f"write `{name}: <category>` or `{name}: {{not_personal: <reason>}}` under "
                    f"{mapped.name}.columns",
                )


def _stale(datamap: DataMap, store: DataStore, live: LiveSchema) -> Told:
    for name, mapped in store.tables.items():
        if name not in live.tables:
            yield (
                "D307",
                mapped.line,
                f"the table {name} is in the map and not in the database",
                f"take `{name}:` out of {store.id}.tables, or create the table",
            )
    for mapped, table in _both(store, live):
        for column in mapped.columns.values():
            if column.name not in table.columns:
                yield (
                    "D307",
                    column.line,
                    f"the column {mapped.name}.{column.name} is in the map, not in the database",
                    f"take `{column.name}` out of {mapped.name}",
                )
        if mapped.key and set(mapped.key) != set(table.key):
            yield (
                "D309",
                mapped.line,
                f"the key of {mapped.name} is ({', '.join(table.key)}) in the database",
                f"write `key: [{', '.join(table.key)}]`",
            )


def _edges(datamap: DataMap, store: DataStore, live: LiveSchema) -> Told:
    for mapped, table in _both(store, live):
        known = {_ends(edge) for edge in mapped.edges if edge.store == store.id}
        for edge in table.edges:
            if _ends(edge) not in known:
                yield (
                    "D308",
                    mapped.line,
                    f"the reference {mapped.name}({', '.join(edge.columns)}) to {edge.table}"
                    f"({', '.join(edge.keys)}) is not annotated",
                    f"write `{'+'.join(edge.columns)}: <kind> {edge.table}.{'+'.join(edge.keys)}` "
                    f"under {mapped.name}.edges; kinds: {', '.join(EdgeKind)}",
                )


def _ends(edge: Edge | LiveEdge) -> tuple[frozenset[tuple[str, str]], str]:
    return frozenset(zip(edge.columns, edge.keys, strict=False)), edge.table


def _deep_edges(datamap: DataMap, store: DataStore, live: LiveSchema) -> Told:
    """An edge that carries an erasure on must end in one person's rows only."""
    for mapped, table in _both(store, live):
        for edge in mapped.edges:
            if edge.store != store.id:
                continue
            here = f"{mapped.name}.{'+'.join(edge.columns)}"
            there = f"{edge.table}.{'+'.join(edge.keys)}"
            target = live.tables.get(edge.table)
            if edge.kind is EdgeKind.OWNS and not table.is_unique(edge.columns):
                yield (
                    "D311",
                    edge.line,
                    f"rows of two people may own the same row of {edge.table} by {here}",
                    f"write `refcount {there}`, or make {here} unique in the database",
                )
            if edge.kind is EdgeKind.OWNED_BY and target and not target.is_unique(edge.keys):
                yield (
                    "D311",
                    edge.line,
                    f"{here} is owned by {there}, which several rows may share",
                    f"lead the edge to a unique column of {edge.table}",
                )


def _unreached(datamap: DataMap, store: DataStore, live: LiveSchema) -> Told:
    for mapped, _ in _both(store, live):
        if mapped.personal and way_to_person(datamap, store.id, mapped) is None:
            yield (
                "D312",
                mapped.line,
                f"{mapped.name} is about a person, and no path leads from it to one",
                "write `person: <column>` or annotate an edge as owned_by or owns; an erasure "
                "would leave these rows behind",
            )


def _cleared(datamap: DataMap, store: DataStore, live: LiveSchema) -> Told:
    for mapped, table in _both(store, live):
        fixed = {c.name for c in table.columns.values() if not c.nullable}
        for column in mapped.columns.values():
            rule = column.on_erase
            if rule is not None and rule.how is Erasure.CLEAR and column.name in fixed:
                yield (
                    "D313",
                    column.line,
                    f"{mapped.name}.{column.name} is to be cleared, and it is NOT NULL",
                    "allow NULL in the database, or write `on_erase: {anonymise: <method>}`",
                )
        for purpose, right in mapped.writes.items():
            for name in right.clears:
                if name in fixed:
                    yield (
                        "D313",
                        mapped.columns[name].line,
                        f"{purpose} is to clear {mapped.name}.{name}, and it is NOT NULL",
                        "allow NULL in the database, or take the column out of `clears`",
                    )
        for edge in mapped.edges:
            stays = edge.kind is EdgeKind.ACCESSED_BY or (
                edge.kind is EdgeKind.OWNED_BY and mapped.several_owners is SeveralOwners.LAST
            )
            blocked = fixed.intersection(edge.columns)
            if stays and edge.on_leaving is OnLeaving.CLEAR and blocked:
                name = "+".join(edge.columns)
                yield (
                    "D313",
                    edge.line,
                    f"{mapped.name}.{name} is cleared when its person leaves, and it is NOT NULL",
                    f"allow NULL, or write `on_leaving: {{{name}: delete_row}}` or `cut_off`",
                )


def _indexes(datamap: DataMap, store: DataStore, live: LiveSchema) -> Told:
    """A person's rows are found from the person on: each step needs an index at its far end."""
    for mapped, table in _both(store, live):
        if not mapped.personal:
            continue
        way = way_to_person(datamap, store.id, mapped, by_edges=True)
        if way is None:
            continue
        columns = (*mapped.where, *(way[0].columns if way else (mapped.person,)))
        if not table.has_index(columns):
            yield (
                "D314",
                mapped.line,
                f"no index of {mapped.name} begins with {', '.join(columns)}, by which a "
                "person's rows are found",
                f"create an index on {mapped.name} ({', '.join(columns)})"
                + (", or name an indexed edge as `via:`" if not way else ""),
            )


def _found_by(datamap: DataMap, store: DataStore, live: LiveSchema) -> Told:
    for mapped, table in _both(store, live):
        for name, found in mapped.found_by.items():
            if not table.has_index((name,)):
                yield (
                    "D317",
                    found.line,
                    f"no index of {mapped.name} begins with {name}, by which a person is found",
                    f"create an index on {mapped.name} ({name})",
                )


def _made_keys(datamap: DataMap, store: DataStore, live: LiveSchema) -> Told:
    for mapped, table in _both(store, live):
        if not mapped.personal or mapped.outside_lens:
            continue
        for column in table.columns.values():
            if column.made_by_database:
                what = "key" if column.name in table.key else "value"
                yield (
                    "D315",
                    mapped.line,
                    f"the database makes the {what} {mapped.name}.{column.name} "
                    f"({column.made_by_database}), and a lens cannot hand it back",
                    "let the application make it, or write `outside_lens: <reason>`",
                )


def _inserts(store: DataStore, live: LiveSchema, policy: Policy) -> Told:
    for mapped, table in _both(store, live):
        for purpose, right in mapped.writes.items():
            given = set(readable(policy, mapped, purpose) if ALL in right.insert else right.insert)
            for column in table.columns.values():
                needed = not (column.nullable or column.made_by_database)
                if given and needed and column.name not in given:
                    yield (
                        "D316",
                        mapped.line,
                        f"{purpose} is to insert into {mapped.name} and may not give "
                        f"{column.name}, which is NOT NULL",
                        "allow NULL, keep the column in a table of its own, or take the right away",
                    )


def _sealed(store: DataStore, live: LiveSchema, policy: Policy) -> Told:
    for mapped, table in _both(store, live):
        for column in mapped.columns.values():
            here, found = f"{mapped.name}.{column.name}", table.columns.get(column.name)
            is_sealed = sealed(policy, column) and mapped.lensed
            if found is None or not (is_sealed or column.index_of):
                continue
            if not found.is_text:
                yield (
                    "D318",
                    column.line,
                    f"{here} is sealed or an index, and the database takes no text of any length",
                    f"make {here} TEXT",
                )
            indexes = {*table.indexes, *(tuple(sorted(one)) for one in table.unique)}
            if is_sealed and any(column.name in index for index in indexes):
                yield (
                    "D318",
                    column.line,
                    f"{here} is sealed, and an index or a unique constraint compares it; equal "
                    "values are sealed differently each time",
                    "put the constraint on a blind index of it (`index_of`), or drop it",
                )


def _nullable_paths(datamap: DataMap, store: DataStore, live: LiveSchema) -> Told:
    for mapped, table in _both(store, live):
        if mapped.about is not About.PERSON:
            continue
        ways: list[Iterable[str]] = [[mapped.person]] if mapped.person else []
        steps = owner_steps(datamap, store.id, mapped)
        # A row that another refers to is found from there, whatever it says itself.
        if (store.id, mapped.name) in _referred(datamap):
            continue
        ways += [step.columns for step in steps]
        empty = [any(table.columns[c].nullable for c in way if c in table.columns) for way in ways]
        if empty and all(empty):
            yield (
                "D310",
                mapped.line,
                f"every path from {mapped.name} to a person may be empty: such rows are nobody's",
                "make one of its columns NOT NULL, or say in the application why rows may be so",
            )


def _referred(datamap: DataMap) -> set[tuple[str, str]]:
    """Return the tables that a person's rows elsewhere lead to."""
    kinds = (*FROM_PERSON, EdgeKind.ACCESSES)
    return {(e.store, e.table) for _, t in datamap.tables() for e in t.edges if e.kind in kinds}


RULES: tuple[Callable[[DataMap, DataStore, LiveSchema], Told], ...] = (
    _unmapped_columns,
    _stale,
    _edges,
    _deep_edges,
    _unreached,
    _cleared,
    _indexes,
    _found_by,
    _made_keys,
    _nullable_paths,
)
