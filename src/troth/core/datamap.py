"""Where personal data lies, as frozen values. `datamap_file.py` makes them from ``datamap.yaml``.

The map names; it repeats nothing. Whether a column is sensitive or sealed, how long it is kept, how
necessary it is, in which region and by whom it is run stands in the policy, under the category and
the storage that the map names.

The words of edges follow K9db and DELF, the two systems that showed that they are needed:
``owned_by`` (the row belongs to the person it leads to), ``owns`` (this row's person owns the
target), ``refcount`` (the target goes with the last row that refers to it), ``accessed_by`` and
``accesses`` (seen by that person, not theirs to delete), ``shallow`` (a link and nothing more).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from troth.core.blind_index import NormalForm
from troth.core.policy import Category, Policy, Purpose, PurposeId

StoreId = NewType("StoreId", str)


class Engine(StrEnum):
    """What kind of place a data store is."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    MARIADB = "mariadb"
    FILES = "files"
    LOGS = "logs"
    BROWSER = "browser"
    EVENTS = "events"


SQL_ENGINES = frozenset({Engine.SQLITE, Engine.POSTGRESQL, Engine.MARIADB})


class About(StrEnum):
    """Whom the rows of a table are about."""

    PERSON = "person"
    COMPANY = "company"
    BOTH = "both"
    """Persons and companies in one table: a row is a person's only if a path reaches it."""
    STAFF = "staff"
    """People who work here; another notice than this policy tells them."""
    NOBODY = "nobody"


class EdgeKind(StrEnum):
    """What a reference from one row to another means for the people behind them."""

    OWNED_BY = "owned_by"
    OWNS = "owns"
    REFCOUNT = "refcount"
    ACCESSED_BY = "accessed_by"
    ACCESSES = "accesses"
    SHALLOW = "shallow"


FROM_PERSON = frozenset({EdgeKind.OWNS, EdgeKind.REFCOUNT})
"""Edges against the direction of the reference: the referring row's person owns the target."""


class SeveralOwners(StrEnum):
    """What happens to a row that more than one way leads to a person from."""

    SAME = "same"
    """All ways lead to one and the same person."""
    ANY = "any"
    """The row goes with whichever of its owners leaves first."""
    LAST = "last"
    """The row goes with its last owner; who leaves before is cut off from it."""


class Erasure(StrEnum):
    """What an erasure does with a value."""

    DELETE = "delete"
    CLEAR = "clear"
    ANONYMISE = "anonymise"
    KEEP = "keep"


class Method(StrEnum):
    """How a value is made to say nothing about anybody while its row stays."""

    EMPTY_TEXT = "empty_text"
    ZERO = "zero"
    CUT_OFF = "cut_off"
    """The random id leads to nobody any more: it is replaced by another that is written nowhere,
    or, where rows cannot change, what it stands for is destroyed."""
    MONTH_ONLY = "month_only"


class OnLeaving(StrEnum):
    """What happens at an edge whose person leaves without owning the row."""

    CLEAR = "clear"
    CUT_OFF = "cut_off"
    DELETE_ROW = "delete_row"


@dataclass(frozen=True, slots=True)
class OnErase:
    """What an erasure does; ``method`` is set for `ANONYMISE`, ``law`` for `KEEP`."""

    how: Erasure
    method: Method | None = None
    law: str = ""


@dataclass(frozen=True, slots=True)
class IndexOf:
    """The sealed column of the same data store that a blind index finds values of.

    ``form`` says how two of them are compared.
    """

    table: str
    column: str
    form: NormalForm

    @property
    def place(self) -> str:
        """Return the sealed column as ``table.column``."""
        return f"{self.table}.{self.column}"


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """One column, or one field of a file, log line, cookie or event.

    Args:
        name: as the data store calls it.
        category: what the policy calls it; empty for keys, references and what is not personal.
        purposes: narrower than the policy gives the category; empty for all of them.
        on_erase: None only where the column is not personal or its table is about no person.
        not_personal: the reason; empty if it is personal.
        unsealed: why it is stored as it is though its category is sealed; empty otherwise.
        line: in the file of the map.
        index_of: what it is a blind index of, if it is one; its category is then that column's.
    """

    name: str
    category: str
    purposes: tuple[PurposeId, ...]
    on_erase: OnErase | None
    not_personal: str
    unsealed: str
    line: int
    index_of: IndexOf | None = None

    @property
    def bare(self) -> bool:
        """Whether it is a key or reference that says nothing but who or which."""
        return not self.category and not self.not_personal


@dataclass(frozen=True, slots=True)
class Edge:
    """One reference: ``columns`` of this table hold ``keys`` of ``table`` in ``store``.

    Most have one column. ``on_leaving`` counts when the edge's person leaves and the row stays.
    """

    columns: tuple[str, ...]
    kind: EdgeKind
    store: StoreId
    table: str
    keys: tuple[str, ...]
    on_leaving: OnLeaving
    line: int


@dataclass(frozen=True, slots=True)
class WriteRight:
    """What a purpose may change in a table: columns to insert, columns to update, whole rows.

    ``clears`` are columns that it may set to NULL, without reading them and to nothing else.
    """

    insert: tuple[str, ...]
    update: tuple[str, ...]
    delete: bool
    clears: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundBy:
    """Why whoever brings a value of a column is told whose row has it, and what else of the row."""

    tells: tuple[str, ...]
    reason: str
    line: int


@dataclass(frozen=True, slots=True)
class MappedTable:
    """One table; in other data stores a folder of files, a kind of log line, a cookie, an event.

    Args:
        name: as the data store calls it.
        about: whom its rows are about.
        reason: why it is about nobody or about staff; empty otherwise.
        key: the columns of the primary key.
        person: the column with the person's random id; empty if only edges lead to the person.
        where: values of columns that a row has if it is about a person; empty for every row.
        via: the edge that finds a person's rows, where several do: a column of this table, or
            ``table.column`` of the table that owns it; empty for the shortest.
        several_owners: the rule, where several ways lead to a person; else None.
        outside_lens: why no lens shows this table; empty if lenses do.
        columns: by name, keys and references among them.
        edges: references to other tables.
        writes: by purpose.
        line: in the file of the map.
        found_by: columns whose exact value leads to the person before any lens, by name.
    """

    name: str
    about: About
    reason: str
    key: tuple[str, ...]
    person: str
    where: Mapping[str, str]
    via: str
    several_owners: SeveralOwners | None
    outside_lens: str
    columns: Mapping[str, MappedColumn]
    edges: tuple[Edge, ...]
    writes: Mapping[PurposeId, WriteRight]
    line: int
    found_by: Mapping[str, FoundBy] = field(default_factory=dict)

    @property
    def lensed(self) -> bool:
        """Whether lenses show it."""
        return self.personal and not self.outside_lens

    @property
    def personal(self) -> bool:
        """Whether rows may belong to a person whom the policy speaks to."""
        return self.about in (About.PERSON, About.BOTH)


@dataclass(frozen=True, slots=True)
class DataStore:
    """One database, folder, log or browser; the policy's ``storage`` says where and whose.

    ``storage`` may be empty where nothing personal lies in it. ``copy_of`` names the stores whose
    whole content it copies (backups); it has no tables then. ``within`` says on which engines its
    tables lie in the database of another store, where on others it has one of its own.
    ``together`` names purposes whose work shares a transaction, and so a lens. ``own`` are those
    of its tables that are troth's and stand in no application's map.
    """

    id: StoreId
    engines: tuple[Engine, ...]
    storage: str
    copy_of: tuple[str, ...]
    within: Mapping[Engine, StoreId]
    tables: Mapping[str, MappedTable]
    line: int
    together: tuple[tuple[PurposeId, ...], ...] = ()
    own: frozenset[str] = frozenset()

    @property
    def sql(self) -> bool:
        """Whether it is a database whose live schema can be compared."""
        return bool(self.engines) and SQL_ENGINES.issuperset(self.engines)


@dataclass(frozen=True, slots=True, eq=False)
class DataMap:
    """The whole map; ``file`` is what findings call it."""

    file: str
    stores: Mapping[StoreId, DataStore]

    def tables(self) -> Iterator[tuple[DataStore, MappedTable]]:
        """Yield every table with its store."""
        for store in self.stores.values():
            for table in store.tables.values():
                yield store, table

    def in_database_of(self, store: DataStore, engine: Engine) -> tuple[DataStore, ...]:
        """Return a store and those whose tables lie in its database on this engine."""
        guests = (s for s in self.stores.values() if s.within.get(engine) == store.id)
        return (store, *guests)

    def table(self, store: StoreId, name: str) -> MappedTable | None:
        """Return a table, or None if the map does not know it."""
        found = self.stores.get(store)
        return found.tables.get(name) if found else None


@dataclass(frozen=True, slots=True)
class Step:
    """One step from a row to the person it belongs to: ``columns`` hold ``keys`` of ``table``.

    It has the same form in both directions; ``edge`` is the annotation that allows it.
    """

    from_table: str
    columns: tuple[str, ...]
    store: StoreId
    table: str
    keys: tuple[str, ...]
    edge: Edge

    @property
    def name(self) -> str:
        """Return how ``via`` names this step."""
        if self.edge.kind is EdgeKind.OWNED_BY:
            return "+".join(self.columns)
        return f"{self.table}.{'+'.join(self.keys)}"

    def text(self) -> str:
        """Return the step for a reader."""
        return f"{self.from_table}({'+'.join(self.columns)}) -> {self.table}({'+'.join(self.keys)})"


def owner_steps(datamap: DataMap, store: StoreId, table: MappedTable) -> tuple[Step, ...]:
    """Return every step by which a row of ``table`` comes nearer to its owner."""
    steps = [
        Step(table.name, edge.columns, edge.store, edge.table, edge.keys, edge)
        for edge in table.edges
        if edge.kind is EdgeKind.OWNED_BY
    ]
    for other_store, other in datamap.tables():
        steps += [
            Step(table.name, edge.keys, other_store.id, other.name, edge.columns, edge)
            for edge in other.edges
            if edge.kind in FROM_PERSON and (edge.store, edge.table) == (store, table.name)
        ]
    return tuple(steps)


def way_to_person(
    datamap: DataMap, store: StoreId, table: MappedTable, *, by_edges: bool = False
) -> tuple[Step, ...] | None:
    """Return the steps from a row to a table that names the person; None if there is no way.

    A table that names the person itself needs no step. Of several ways ``via`` decides, else the
    shortest, of equally long ones the first in the map.

    Args:
        datamap: the map.
        store: where ``table`` lies.
        table: where the way begins.
        by_edges: walk by ``via`` even where the row names the person itself: the way by which
            the rows of a person are found.
    """
    if table.person and not (by_edges and table.via):
        return ()
    queue: list[tuple[Step, ...]] = [(step,) for step in _chosen(datamap, store, table)]
    seen = {(store, table.name)}
    while queue:
        way = queue.pop(0)
        at = (way[-1].store, way[-1].table)
        reached = datamap.table(*at)
        if reached is None or at in seen:
            continue
        if reached.person:
            return way
        seen.add(at)
        queue += [(*way, step) for step in _chosen(datamap, at[0], reached)]
    return None


def _chosen(datamap: DataMap, store: StoreId, table: MappedTable) -> tuple[Step, ...]:
    """Return the steps of a table that count: the one that ``via`` names, else all."""
    steps = owner_steps(datamap, store, table)
    return tuple(s for s in steps if s.name == table.via) if table.via else steps


def purposes_of(policy: Policy, column: MappedColumn) -> tuple[PurposeId, ...]:
    """Return the purposes that may read a column, in the policy's order; none if it has no kind."""
    granted = (p.id for p in policy.purposes.values() if column.category in p.categories)
    return tuple(p for p in granted if not column.purposes or p in column.purposes)


def category_of(policy: Policy, column: MappedColumn) -> Category | None:
    """Return what the policy says of a column: sensitive, sealed, retention, storage."""
    return policy.categories.get(column.category)


def sealed(policy: Policy, column: MappedColumn) -> bool:
    """Tell whether a column is stored encrypted: its category is, and the map excuses it not.

    A blind index of a sealed column is none itself: it is compared, and opens to nothing.
    """
    category = category_of(policy, column)
    excused = bool(column.unsealed) or column.index_of is not None
    return category is not None and category.sealed and not excused


def reads(purpose: Purpose, column: MappedColumn) -> bool:
    """Tell whether a purpose may read a column because of its category."""
    return column.category in purpose.categories and (
        not column.purposes or purpose.id in column.purposes
    )


def region_of(policy: Policy, store: DataStore) -> str:
    """Return the region of a data store, as the policy's storage says; empty if unknown."""
    found = policy.storage.get(store.storage)
    return found.region if found else ""
