"""From policy and data map to lenses and finders: what purposes see and change of a data store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from troth.core.datamap import (
    DataMap,
    DataStore,
    Engine,
    MappedTable,
    StoreId,
    WriteRight,
    reads,
    sealed,
    way_to_person,
)
from troth.core.datamap_rules import ALL, readable
from troth.core.errors import InputError, UnknownName
from troth.core.lens import Finder, Hop, Lens, LensTable
from troth.core.policy import Policy, PurposeId

_NO_RIGHT = WriteRight((), (), delete=False)


def lens_of(policy: Policy, datamap: DataMap, *purposes: str, store: StoreId | None = None) -> Lens:
    """Return the lens of a purpose, or of several together, on the tables of one data store.

    A table is in it if the policy grants one of the purposes a category of one of its columns. Then
    its bare keys and references and its columns that are not personal are there too; every other
    column is not. What may be written is what any of the purposes may write.

    Args:
        policy: the policy in force.
        datamap: a map without errors against that policy.
        purposes: one, or those that the data store declares ``together``, in any order.
        store: which data store; may be left out where the map has one database.

    Raises:
        UnknownName: the policy does not know a purpose, or the map not the data store.
        InputError: several purposes are not together; the map has several databases and none was
            named; or a way to the person needs a key of several columns, or leaves the data store.
    """
    chosen = _store(datamap, store)
    ids = tuple(map(PurposeId, purposes))
    for purpose in ids:
        if purpose not in policy.purposes:
            raise UnknownName(f"the policy knows no purpose {purpose!r}; name one that it declares")
    if len(ids) != 1:
        groups = {frozenset(group) for group in chosen.together}
        if len(set(ids)) != len(ids) or frozenset(ids) not in groups:
            raise InputError(
                f"{chosen.id} of the data map does not have ({', '.join(ids)}) together"
            )
    tables = (
        _table(policy, datamap, chosen.id, table, ids)
        for table in chosen.tables.values()
        if table.lensed
    )
    return Lens(ids, tuple(table for table in tables if table is not None))


def lenses_of(
    policy: Policy, datamap: DataMap, *, store: StoreId | None = None
) -> tuple[Lens, ...]:
    """Return every lens of a data store: of each purpose that sees a table, and of those together.

    Raises:
        UnknownName, InputError: as `lens_of`.
    """
    chosen = _store(datamap, store)
    alone = (lens_of(policy, datamap, purpose, store=chosen.id) for purpose in policy.purposes)
    joint = (lens_of(policy, datamap, *group, store=chosen.id) for group in chosen.together)
    return (*(lens for lens in alone if lens.tables), *joint)


def shown_by(
    policy: Policy, datamap: DataMap, *, store: StoreId | None = None
) -> Mapping[str, frozenset[str]]:
    """Return, by purpose, the categories that a use of it can show: what it has a column for.

    Files count too, since a use opens those that are sealed. A category of the purpose that lies
    nowhere, or outside every lens, is not among them.

    Raises:
        UnknownName, InputError: as `lens_of`.
    """
    chosen = _store(datamap, store)
    columns = [
        column
        for where, table in datamap.tables()
        if (where.id == chosen.id and table.lensed) or Engine.FILES in where.engines
        for column in table.columns.values()
        if column.category
    ]
    return {
        purpose.id: frozenset(c.category for c in columns if reads(purpose, c))
        for purpose in policy.purposes.values()
    }


def finders_of(datamap: DataMap, *, store: StoreId | None = None) -> tuple[Finder, ...]:
    """Return the finders of a data store, in the order of the map.

    Raises:
        UnknownName: the map does not know the data store.
        InputError: the map has several databases and none was named.
    """
    return tuple(
        Finder(table.name, by, found.tells, table.person)
        for table in _store(datamap, store).tables.values()
        for by, found in table.found_by.items()
    )


def _store(datamap: DataMap, store: StoreId | None) -> DataStore:
    if store is not None:
        chosen = datamap.stores.get(store)
        if chosen is None:
            raise UnknownName(f"the map knows no data store {store!r}")
        return chosen
    databases = [s for s in datamap.stores.values() if s.sql and s.tables and not s.within]
    if len(databases) != 1:
        raise InputError(f"the map has {len(databases)} databases; say which one is meant")
    return databases[0]


def _table(
    policy: Policy,
    datamap: DataMap,
    store: StoreId,
    table: MappedTable,
    purposes: Sequence[PurposeId],
) -> LensTable | None:
    seen = {purpose: readable(policy, table, purpose) for purpose in purposes}
    read = _in_order(table, (name for names in seen.values() for name in names))
    if not read:
        return None
    way = way_to_person(datamap, store, table)
    if way is None:
        raise InputError(f"no way leads from {table.name} to a person; mend the data map")
    if any(len(step.columns) != 1 or step.store != store for step in way):
        raise InputError(
            f"the way from {table.name} to a person goes by a key of several columns or leaves "
            f"{store}; give the table a column with the person's id"
        )
    last = datamap.table(store, way[-1].table) if way else table
    rights = {
        purpose: table.writes.get(purpose, _NO_RIGHT) for purpose in purposes if seen[purpose]
    }
    fixed = {*table.key, table.person}
    insert, update, clears = set[str](), set[str](), set[str]()
    for purpose, right in rights.items():
        insert.update(seen[purpose] if ALL in right.insert else right.insert)
        update.update(set(seen[purpose]) - fixed if ALL in right.update else right.update)
        clears.update(right.clears)
    return LensTable(
        name=table.name,
        key=table.key,
        read=read,
        insert=_in_order(table, insert),
        update=_in_order(table, update | clears),
        may_delete=any(right.delete for right in rights.values()),
        hops=tuple(Hop(step.columns[0], step.table, step.keys[0]) for step in way),
        person=last.person if last else "",
        sealed=tuple(name for name in read if sealed(policy, table.columns[name])),
        clears=_in_order(table, clears - update),
    )


def _in_order(table: MappedTable, names: Iterable[str]) -> tuple[str, ...]:
    """Return columns once each, in the order of the map."""
    wanted = set(names)
    return tuple(name for name in table.columns if name in wanted)
