"""From policy and data map to a lens: what one purpose sees and changes of one data store."""

from __future__ import annotations

from troth.core.datamap import DataMap, MappedTable, StoreId, sealed, way_to_person
from troth.core.datamap_rules import ALL, readable
from troth.core.errors import InputError, UnknownName
from troth.core.lens import Hop, Lens, LensTable
from troth.core.policy import Policy, PurposeId


def lens_of(
    policy: Policy, datamap: DataMap, purpose: str, *, store: StoreId | None = None
) -> Lens:
    """Return the lens of a purpose on the tables of one data store.

    A table is in it if the policy grants the purpose a category of one of its columns. Then its
    bare keys and references and its columns that are not personal are there too; every other
    column is not.

    Args:
        policy: the policy in force.
        datamap: a map without errors against that policy.
        purpose: id of the purpose.
        store: which data store; may be left out where the map has one database.

    Raises:
        UnknownName: the policy does not know the purpose, or the map not the data store.
        InputError: the map has several databases and none was named; or a way to the person
            needs a key of several columns, or leaves the data store.
    """
    purpose_id = PurposeId(purpose)
    if purpose_id not in policy.purposes:
        raise UnknownName(f"the policy knows no purpose {purpose!r}; name one that it declares")
    chosen = datamap.stores.get(store) if store is not None else None
    if store is None:
        databases = [s for s in datamap.stores.values() if s.sql and s.tables and not s.within]
        if len(databases) != 1:
            raise InputError(f"the map has {len(databases)} databases; say which one is meant")
        chosen = databases[0]
    if chosen is None:
        raise UnknownName(f"the map knows no data store {store!r}")
    tables = (
        _table(policy, datamap, chosen.id, table, purpose_id)
        for table in chosen.tables.values()
        if table.personal and not table.outside_lens
    )
    return Lens(purpose_id, tuple(table for table in tables if table is not None))


def _table(
    policy: Policy, datamap: DataMap, store: StoreId, table: MappedTable, purpose: PurposeId
) -> LensTable | None:
    read = readable(policy, table, purpose)
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
    right = table.writes.get(purpose)
    insert = right.insert if right else ()
    update = right.update if right else ()
    fixed = {*table.key, table.person}
    return LensTable(
        name=table.name,
        key=table.key,
        read=read,
        insert=read if ALL in insert else insert,
        update=tuple(c for c in read if c not in fixed) if ALL in update else update,
        may_delete=right.delete if right else False,
        hops=tuple(Hop(step.columns[0], step.table, step.keys[0]) for step in way),
        person=last.person if last else "",
        sealed=tuple(name for name in read if sealed(policy, table.columns[name])),
    )
