"""Which rows of which tables belong to a person, and which that person may only see.

The walk starts at the rows that name the person and follows the edges of the data map until
nothing new is found. What is owned leads on; what is only accessed ends there, so that a shopkeeper
who sees an order does not see the address behind it unless an edge says so.

Pure: rows come through a function that the caller gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from troth.core.datamap import (
    FROM_PERSON,
    DataMap,
    Edge,
    EdgeKind,
    MappedTable,
    StoreId,
)

Row = Mapping[str, Any]
Fetch = Callable[[MappedTable, tuple[str, ...], Sequence[tuple[Any, ...]]], Sequence[Row]]
"""``fetch(table, columns, values)`` returns the rows whose columns hold one of the values."""


class Relation(StrEnum):
    """How a row is a person's: theirs, or another's that they may see."""

    OWNED = "owned"
    ACCESSED = "accessed"


@dataclass(frozen=True, slots=True)
class ReachedRow:
    """One row: its table, the values of its key, how and by which steps it was reached."""

    table: str
    key: tuple[Any, ...]
    relation: Relation
    way: tuple[str, ...]

    def text(self) -> str:
        """Return the row for a reader: keys only, no other value."""
        key = ", ".join(str(part) for part in self.key)
        return f"{self.table} [{key}] {self.relation}: {' -> '.join(self.way)}"


@dataclass(frozen=True, slots=True)
class Reach:
    """Everything of one data store that one person reaches, in the order of the walk."""

    rows: tuple[ReachedRow, ...]

    def counts(self, relation: Relation | None = None) -> Mapping[str, int]:
        """Return the number of rows per table, of one relation or of both."""
        found: dict[str, int] = {}
        for row in self.rows:
            if relation in (None, row.relation):
                found[row.table] = found.get(row.table, 0) + 1
        return found

    def text(self) -> str:
        """Return one line for each row, then the count."""
        lines = [row.text() for row in self.rows]
        return "\n".join([*lines, f"{len(self.rows)} row(s) in {len(self.counts())} table(s)"])


def reach(datamap: DataMap, store: StoreId, person: object, fetch: Fetch) -> Reach:
    """Return the rows of one data store that are a person's.

    Args:
        datamap: the map.
        store: the data store; edges that leave it are not followed.
        person: the value that the columns ``person`` hold.
        fetch: gives the rows of a table by values of some of its columns.
    """
    walk = _Walk(datamap, store, fetch)
    for table in datamap.stores[store].tables.values():
        if table.person and table.personal:
            rows = fetch(table, (table.person,), [(person,)])
            walk.take(table, rows, Relation.OWNED, (f"{table.name}({table.person})",))
    walk.run()
    return Reach(tuple(walk.found.values()))


@dataclass(frozen=True, slots=True)
class _Turn:
    """One way an edge can be walked from a row: to whom, by which columns, with what effect."""

    table: str
    mine: tuple[str, ...]
    theirs: tuple[str, ...]
    relation: Relation


class _Walk:
    def __init__(self, datamap: DataMap, store: StoreId, fetch: Fetch) -> None:
        self.tables = datamap.stores[store].tables
        self.fetch = fetch
        self.turns = {name: tuple(self._turns(name, store)) for name in self.tables}
        self.found: dict[tuple[str, tuple[Any, ...]], ReachedRow] = {}
        self.waiting: list[tuple[MappedTable, Sequence[Row], tuple[str, ...]]] = []

    def _turns(self, name: str, store: StoreId) -> Iterator[_Turn]:
        """Yield how to go on from a row of ``name`` that the person owns."""
        for edge in self.tables[name].edges:  # along the reference
            if edge.store == store and (edge.kind in FROM_PERSON or edge.kind is EdgeKind.ACCESSES):
                yield _Turn(edge.table, edge.columns, edge.keys, _relation(edge))
        for other in self.tables.values():  # against it
            for edge in other.edges:
                if (edge.store, edge.table) == (store, name) and edge.kind in (
                    EdgeKind.OWNED_BY,
                    EdgeKind.ACCESSED_BY,
                ):
                    yield _Turn(other.name, edge.keys, edge.columns, _relation(edge))

    def take(
        self, table: MappedTable, rows: Sequence[Row], relation: Relation, way: tuple[str, ...]
    ) -> None:
        """Note rows; only owned ones that are new lead on."""
        fresh: list[Row] = []
        for row in rows:
            key = tuple(row[column] for column in table.key)
            known = self.found.get((table.name, key))
            if known is not None and (
                known.relation is Relation.OWNED or known.relation is relation
            ):
                continue
            self.found[(table.name, key)] = ReachedRow(table.name, key, relation, way)
            fresh.append(row)
        if fresh and relation is Relation.OWNED:
            self.waiting.append((table, fresh, way))

    def run(self) -> None:
        """Go on until no new row is found."""
        while self.waiting:
            table, rows, way = self.waiting.pop(0)
            for turn in self.turns[table.name]:
                held = {tuple(row[column] for column in turn.mine) for row in rows}
                values = [v for v in held if None not in v]
                target = self.tables.get(turn.table)
                if target is None or not values:
                    continue
                name = f"{turn.table}({'+'.join(turn.theirs)})"
                self.take(
                    target,
                    self.fetch(target, turn.theirs, values),
                    turn.relation,
                    (*way, name),
                )


def _relation(edge: Edge) -> Relation:
    accessed = edge.kind in (EdgeKind.ACCESSED_BY, EdgeKind.ACCESSES)
    return Relation.ACCESSED if accessed else Relation.OWNED
