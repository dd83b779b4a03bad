"""The rules of a good data map that are about lenses, finders and what is sealed.

M104 purpose that the policy does not give     M121 a finder that tells too much, or of nobody
M115 a write right beyond the reading          M122 purposes that cannot work together
M119 a lens on rows that are about nobody      M123 a blind index of nothing that is sealed
M120 excused from sealing without need         M124 cleared, and must stay
M125 sealed, and to be compared                M126 sealed, and outside every lens
"""

from __future__ import annotations

from collections.abc import Iterator

from troth.core.datamap import (
    DataMap,
    DataStore,
    IndexOf,
    MappedColumn,
    MappedTable,
    owner_steps,
    purposes_of,
    sealed,
)
from troth.core.datamap_rules import ALL, Rule, Told, readable
from troth.core.policy import Policy, PurposeId


def _some_rows_in_a_lens(datamap: DataMap, policy: Policy) -> Told:
    for _, table in datamap.tables():
        if table.where and not table.outside_lens:
            yield (
                "M119",
                table.line,
                f"some rows of {table.name} are about a person and some are not; a lens cannot "
                "tell them apart",
                "write `outside_lens: <reason>`, or keep the two in tables of their own",
            )


def _unsealed(datamap: DataMap, policy: Policy) -> Told:
    for _, table in datamap.tables():
        for column in table.columns.values():
            category = policy.categories.get(column.category)
            needs_it = category is not None and category.sealed and column.index_of is None
            if column.unsealed and not needs_it:
                yield (
                    "M120",
                    column.line,
                    f"{table.name}.{column.name} is excused from sealing, and nothing seals it",
                    "take `unsealed` away",
                )


def _sealed_outside(datamap: DataMap, policy: Policy) -> Told:
    for store, table in datamap.tables():
        for column in table.columns.values() if store.sql and table.outside_lens else ():
            if sealed(policy, column):
                yield (
                    "M126",
                    column.line,
                    f"{table.name}.{column.name} is of a sealed category, and no lens seals it",
                    "let a lens show the table, keep a blind index instead (`index_of`), or write "
                    "`unsealed: <reason>`",
                )


def _writes(datamap: DataMap, policy: Policy) -> Told:
    for _, table in datamap.tables():
        for purpose, right in table.writes.items():
            shown = set(readable(policy, table, purpose))
            named = {c for c in (*right.insert, *right.update) if c != ALL}
            if not shown:
                reason = f"{purpose} reads nothing of {table.name} and is to write it"
                yield "M115", table.line, reason, "take the right away"
                continue
            for name in sorted(named - shown):
                yield (
                    "M115",
                    table.line,
                    f"{purpose} is to write {table.name}.{name}, which it may not read",
                    "give the column a category of the purpose, or take the right away; to set it "
                    "to NULL and to nothing else, write it under `clears`",
                )
            if right.insert and ALL not in right.insert and not set(table.key) <= set(right.insert):
                reason = f"{purpose} inserts into {table.name} without its key"
                yield "M115", table.line, reason, "keys are made by the application: name them"
            changed = set(right.update) & {*table.key, table.person}
            for name in sorted(changed):
                reason = f"{purpose} is to change {table.name}.{name}, which says whose row it is"
                yield "M115", table.line, reason, "insert a new row instead"


def _clears(datamap: DataMap, policy: Policy) -> Told:
    for store, table in datamap.tables():
        fixed = {*table.key, table.person}
        fixed |= {c for s in owner_steps(datamap, store.id, table) for c in s.columns}
        for purpose, right in table.writes.items():
            for name in right.clears:
                column = f"{table.name}.{name}"
                if name not in table.columns:
                    reason = f"{purpose} is to clear {column}, which the map does not know"
                    yield "M124", table.line, reason, "name columns of the table"
                elif name in fixed:
                    reason = f"{purpose} is to clear {column}, which says whose row it is"
                    yield "M124", table.line, reason, "delete the row instead, or take it out"
                elif name in readable(policy, table, purpose):
                    reason = f"{purpose} is to clear {column} without reading it, and reads it"
                    yield "M124", table.line, reason, "name it under `update`, and only there"
                for other in _only_readers(store, table, purpose, name, policy):
                    yield (
                        "M124",
                        table.line,
                        f"{purpose} is to clear {column} without reading it; together with it "
                        f"{other} reads it, and no purpose beside them may update it",
                        f"let {other} update it, or do not put the two together",
                    )


def _only_readers(
    store: DataStore, table: MappedTable, purpose: PurposeId, name: str, policy: Policy
) -> Iterator[PurposeId]:
    """Yield who reads a column beside a purpose that clears it, where none of them updates it.

    In their joint lens the column would be read and set to nothing but NULL, which no lens keeps.
    """
    for group in store.together:
        beside = [p for p in group if p != purpose and p in policy.purposes]
        readers = [p for p in beside if name in readable(policy, table, p)]
        rights = [table.writes[p].update for p in readers if p in table.writes]
        if purpose in group and not any(name in right or ALL in right for right in rights):
            yield from readers


def _finders(datamap: DataMap, policy: Policy) -> Told:
    for store, table in datamap.tables():
        for by, found in table.found_by.items():
            finder = f"{table.name} is found by {by}"
            if not (store.sql and table.lensed and table.person):
                yield (
                    "M121",
                    found.line,
                    f"{finder}, and its rows do not name a person whom a lens could show",
                    "find by a column of a table in a lens that has `person`",
                )
                continue
            for name in sorted({by, *found.tells} - set(table.columns)):
                reason = f"{finder} and names {name}, which is no column of it"
                yield "M121", found.line, reason, "name columns of the table"
            compared = table.columns.get(by)
            if compared is not None and sealed(policy, compared):
                yield (
                    "M121",
                    found.line,
                    f"{finder}, which is sealed: equal values are sealed differently each time",
                    "find by a column that is a blind index of it (`index_of`)",
                )
            told = [table.columns[name] for name in found.tells if name in table.columns]
            for column in told:
                if sealed(policy, column) or column.index_of is not None:
                    reason = f"{finder} and tells {column.name}, which is sealed or its index"
                    yield "M121", found.line, reason, "take it out; a lens shows it"
            if not _purposes_of_all(policy, told):
                yield (
                    "M121",
                    found.line,
                    f"{finder} and tells {', '.join(found.tells)}, which no purpose reads together",
                    "tell what one purpose may read; the rest is seen through a lens",
                )


def _purposes_of_all(policy: Policy, columns: list[MappedColumn]) -> set[PurposeId]:
    """Return the purposes that may read all of these columns."""
    purposes = set(policy.purposes)
    for column in columns:
        if column.category:
            purposes &= set(purposes_of(policy, column))
    return purposes


def _together(datamap: DataMap, policy: Policy) -> Told:
    for store in datamap.stores.values():
        seen: list[frozenset[PurposeId]] = []
        for group in store.together:
            for reason, repair in _group(store, group, policy):
                yield "M122", store.line, reason, repair
            if frozenset(group) in seen:
                reason = f"{', '.join(group)} are together twice in {store.id}"
                yield "M122", store.line, reason, "keep one of the two; their order says nothing"
            seen.append(frozenset(group))


def _group(
    store: DataStore, group: tuple[PurposeId, ...], policy: Policy
) -> Iterator[tuple[str, str]]:
    """Return what is wrong with one list of purposes, and its repair."""
    if len(set(group)) < 2:
        words = ", ".join(group) or "no purpose"
        yield f"{words} of {store.id} is together with no other", "name two or more, or none"
    for purpose in dict.fromkeys(group):
        if group.count(purpose) > 1:
            yield f"{purpose} stands twice in one list of {store.id}.together", "name it once"
        if purpose not in policy.purposes:
            reason = f"the policy knows no purpose {purpose!r} ({store.id}.together)"
            yield reason, "name purposes of the policy"
        elif not any(t.lensed and readable(policy, t, purpose) for t in store.tables.values()):
            reason = f"{purpose} has no lens on {store.id}, and is to be together with others"
            yield reason, "leave it out; a purpose that reads nothing here needs no transaction"
    if group and not store.sql:
        yield f"{store.id} has purposes together, and is no database", "write it at a database"


def _indexes(datamap: DataMap, policy: Policy) -> Told:
    for store, table in datamap.tables():
        for column in table.columns.values():
            index = column.index_of
            if index is None:
                continue
            here = f"{table.name}.{column.name}"
            target = _target(store, index)
            if target is None or not sealed(policy, target):
                yield (
                    "M123",
                    column.line,
                    f"{here} is a blind index of {index.place}, which is no sealed column of "
                    f"{store.id}",
                    "name a column whose category is sealed, or write a `category:` instead",
                )
                continue
            forms = {other.form for other in _indexes_of(store, index)}
            if len(forms) > 1:
                yield (
                    "M123",
                    column.line,
                    f"indexes of {index.place} compare as {' and as '.join(sorted(forms))}",
                    "give all of them one form, or equal values are not found",
                )
            granted = {p.id for p in policy.purposes.values() if target.category in p.categories}
            for purpose in (p for p in column.purposes if p not in granted):
                reason = f"the policy does not give {target.category} to {purpose} ({here})"
                yield "M104", column.line, reason, "leave it out, or have the policy changed first"


def _target(store: DataStore, index: IndexOf) -> MappedColumn | None:
    table = store.tables.get(index.table)
    return table.columns.get(index.column) if table is not None and table.lensed else None


def _indexes_of(store: DataStore, index: IndexOf) -> Iterator[IndexOf]:
    """Return every blind index of the same sealed column."""
    for table in store.tables.values():
        for column in table.columns.values():
            if column.index_of is not None and column.index_of.place == index.place:
                yield column.index_of


def _compared(datamap: DataMap, policy: Policy) -> Told:
    """A sealed value equals no other: it is no key, and leads nowhere."""
    for store, table in datamap.tables():
        ends = [
            (table, (*table.key, table.person, *table.where), "key, person or where", table.line)
        ]
        for edge in table.edges:
            ends.append((table, edge.columns, "an edge", edge.line))
            target = datamap.table(edge.store, edge.table)
            if target is not None:
                ends.append((target, edge.keys, "an edge", edge.line))
        for owner, names, words, line in ends if store.sql else ():
            for name in (n for n in names if _is_sealed(owner, n, policy)):
                yield (
                    "M125",
                    line,
                    f"{owner.name}.{name} is sealed and stands in {words}; equal values are "
                    "sealed differently each time",
                    "use the random id of the person, or a blind index (`index_of`)",
                )


def _is_sealed(table: MappedTable, name: str, policy: Policy) -> bool:
    column = table.columns.get(name)
    return column is not None and sealed(policy, column)


LENS_RULES: tuple[Rule, ...] = (
    _some_rows_in_a_lens,
    _unsealed,
    _sealed_outside,
    _writes,
    _clears,
    _finders,
    _together,
    _indexes,
    _compared,
)
