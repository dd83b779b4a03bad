"""The rules of a good data map that need the whole of it. Each is one small function in `RULES`.

M108 kept by law, and the policy does not say so    M114 people and companies mixed up
M110 lies where the policy does not say it lies     M116 declared, mapped nowhere (warning)
M111 an edge to nowhere                             M117 no key
M112 several owners without a rule                  M118 a way or column that is not there
M113 deletion of half a row

Those of lenses, finders and sealed columns are in `datamap_lens_rules.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from troth.core.datamap import (
    FROM_PERSON,
    About,
    DataMap,
    EdgeKind,
    Erasure,
    MappedTable,
    OnErase,
    SeveralOwners,
    StoreId,
    owner_steps,
    reads,
)
from troth.core.findings import Severity
from troth.core.policy import LawfulBasis, Policy, PurposeId
from troth.core.yaml_tree import Faults

Told = Iterator[tuple[str, int, str, str]]
"""Rule, line, reason, repair."""

Rule = Callable[[DataMap, Policy], Told]

ALL = "all"
"""In ``writes``: every column that the purpose reads."""


def judge(datamap: DataMap, policy: Policy, faults: Faults, rules: Sequence[Rule]) -> None:
    """Run rules; what they find goes to ``faults``."""
    for rule in rules:
        for id_, line, reason, repair in rule(datamap, policy):
            severity = Severity.WARNING if id_ == "M116" else Severity.ERROR
            faults.add(datamap.file, line, id_, reason, repair, severity=severity)


def readable(policy: Policy, table: MappedTable, purpose_id: PurposeId) -> tuple[str, ...]:
    """Return the columns of a table that a purpose may read, in the map's order.

    Those whose category the policy grants; and, if there is one, what is not personal in the same
    rows, and the bare keys and references. Without any the table is not there for the purpose.
    """
    purpose = policy.purposes[purpose_id]
    granted = {c.name for c in table.columns.values() if c.category and reads(purpose, c)}
    if not granted or not table.personal:
        return ()
    return tuple(
        c.name for c in table.columns.values() if c.name in granted or c.bare or c.not_personal
    )


def _kept_only_as_declared(datamap: DataMap, policy: Policy) -> Told:
    for _, table in datamap.tables():
        for column in table.columns.values():
            rule, category = column.on_erase, policy.categories.get(column.category)
            if rule is None or rule.how is not Erasure.KEEP or category is None:
                continue
            retention = policy.retention.get(category.retention)
            if retention is not None and retention.law != rule.law:
                yield (
                    "M108",
                    column.line,
                    f"{table.name}.{column.name} is kept because of {rule.law}, but the policy "
                    f"keeps {category.id} for {retention.id}, which does not rest on it",
                    "erase it, or give the category a retention that cites this law",
                )
            duties = [
                p
                for p in policy.purposes.values()
                if p.lawful_basis is LawfulBasis.LEGAL_OBLIGATION and category.id in p.categories
            ]
            if not duties:
                yield (
                    "M108",
                    column.line,
                    f"{table.name}.{column.name} is kept because of {rule.law}, but no purpose "
                    f"that rests on a legal obligation has {category.id}",
                    "erase it, or give the category to the purpose that keeps it",
                )


def _lies_where_declared(datamap: DataMap, policy: Policy) -> Told:
    for store, table in datamap.tables():
        for column in table.columns.values():
            category = policy.categories.get(column.category)
            if category is not None and store.storage not in category.storage:
                yield (
                    "M110",
                    column.line,
                    f"{table.name}.{column.name} lies in {store.storage}; the policy says that "
                    f"{category.id} lies in {', '.join(category.storage)}",
                    "move the data, or add the storage to the category in the policy",
                )


def _declared_and_mapped(datamap: DataMap, policy: Policy) -> Told:
    lies: dict[str, set[str]] = {}
    for store, table in datamap.tables():
        for column in table.columns.values():
            lies.setdefault(column.category, set()).add(store.storage)
    for store in datamap.stores.values():
        copied = {
            datamap.stores[s].storage for s in map(StoreId, store.copy_of) if s in datamap.stores
        }
        for places in lies.values():
            if places & copied:
                places.add(store.storage)
    for category in policy.categories.values():
        missing = [s for s in category.storage if s not in lies.get(category.id, ())]
        if missing:
            yield (
                "M116",
                1,
                f"the policy says that {category.id} lies in {', '.join(missing)}; "
                "the map knows no column of it there",
                "map where it lies, or take the storage from the category",
            )


def _edges_end_somewhere(datamap: DataMap, policy: Policy) -> Told:
    for _, table in datamap.tables():
        for edge in table.edges:
            target = datamap.table(edge.store, edge.table)
            here = f"{table.name}.{'+'.join(edge.columns)}"
            there = f"{edge.table}.{'+'.join(edge.keys)}"
            if target is None or not set(edge.keys) <= set(target.columns):
                reason = f"the edge {here} leads to {there}, which the map does not know"
                yield "M111", edge.line, reason, "map its end, or correct the edge"
                continue
            if edge.kind is EdgeKind.OWNED_BY and not target.personal:
                yield (
                    "M114",
                    edge.line,
                    f"{here} is said to be owned by {there}, which is about {target.about.value}",
                    "write shallow, or say which column leads to a person",
                )
            if edge.kind in FROM_PERSON and not (table.personal and target.personal):
                yield (
                    "M114",
                    edge.line,
                    f"{here} is said to own {there}, but one of them is about no person",
                    "write shallow; only a person's row owns, and only what is about a person",
                )
    for store in datamap.stores.values():
        for name in (*store.copy_of, *store.within.values()):
            if name not in datamap.stores:
                reason = f"{store.id} names {name!r}, which is no data store of the map"
                yield "M111", store.line, reason, "name a data store"


def _people_and_companies(datamap: DataMap, policy: Policy) -> Told:
    for store, table in datamap.tables():
        owned = bool(owner_steps(datamap, store.id, table))
        if table.about is About.BOTH and table.person:
            yield (
                "M114",
                table.line,
                f"{table.name} holds companies too, and {table.person} would make persons of them",
                "let the table of persons own its rows here, by an edge `owns`",
            )
        if not table.personal and (table.person or owned or table.writes):
            yield (
                "M114",
                table.line,
                f"{table.name} is about {table.about.value}, but a person is said to own its rows",
                "write `about: person`, or `about: both` where it holds persons and others",
            )
        if not table.personal and any(c.category for c in table.columns.values()):
            yield (
                "M114",
                table.line,
                f"{table.name} is about {table.about.value}, but has columns with a category",
                "list the columns without categories, or write `about: person`",
            )


def _several_owners(datamap: DataMap, policy: Policy) -> Told:
    for store, table in datamap.tables():
        steps = owner_steps(datamap, store.id, table)
        ways = [table.person] if table.person else []
        ways += [step.name for step in steps]
        if len(ways) > 1 and table.several_owners is None:
            yield (
                "M112",
                table.line,
                f"rows of {table.name} may have several owners ({', '.join(ways)})",
                "write `several_owners: same`, `any` or `last`",
            )
        if len(ways) < 2 and table.several_owners is not None:
            reason = f"{table.name} has a rule for several owners and no more than one way to one"
            yield "M112", table.line, reason, "remove several_owners, or annotate the other edge"
        ambiguous = table.several_owners in (SeveralOwners.ANY, SeveralOwners.LAST)
        if ambiguous and not table.via and not table.person:
            yield (
                "M112",
                table.line,
                f"rows of {table.name} have several owners, and a lens asks the consent of one",
                f"write `via:` with one of {', '.join(ways)}",
            )
        if table.via and table.via not in {step.name for step in steps}:
            reason = f"{table.name} says via {table.via}, which is no way to an owner"
            yield "M118", table.line, reason, f"write one of {', '.join(ways) or 'none'}"


def _whole_rows(datamap: DataMap, policy: Policy) -> Told:
    for _, table in datamap.tables():
        rules = {c.on_erase for c in table.columns.values() if c.on_erase is not None}
        deletes = OnErase(Erasure.DELETE) in rules
        others = sorted(r.how.value for r in rules if r.how is not Erasure.DELETE)
        if deletes and others:
            yield (
                "M113",
                table.line,
                f"an erasure deletes the rows of {table.name} and is to {others[0]} columns of it",
                "a row goes as a whole: clear or anonymise the columns, or delete the row",
            )


def _keys(datamap: DataMap, policy: Policy) -> Told:
    for store, table in datamap.tables():
        if store.sql and table.personal and not table.key:
            reason = f"{table.name} has no key in the map"
            yield "M117", table.line, reason, "write `key: [<columns of the primary key>]`"


def _some_rows(datamap: DataMap, policy: Policy) -> Told:
    for _, table in datamap.tables():
        for name in sorted(set(table.where) - set(table.columns)):
            reason = f"{table.name} says where {name}, which is no column of it"
            yield "M118", table.line, reason, "name a column under columns"


RULES: tuple[Rule, ...] = (
    _kept_only_as_declared,
    _lies_where_declared,
    _declared_and_mapped,
    _edges_end_somewhere,
    _people_and_companies,
    _several_owners,
    _whole_rows,
    _keys,
    _some_rows,
)
