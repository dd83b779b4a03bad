"""Seal what was there before: a column of plain text, once its people have their random ids.

An application that comes under a policy brings rows in plain text, and a lens opens nothing that is
not sealed. So the column is sealed by the owner of the tables, in batches, each a transaction: a
run that is killed is simply run again, and what is sealed is left as it is.

Nothing is called sealed that was not looked at again: a second pass opens every value.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from troth.core.blind_index import NormalForm, blind_index, normalised
from troth.core.datamap import DataMap, DataStore, MappedTable, sealed, way_to_person
from troth.core.errors import InputError, SealBroken
from troth.core.lens import Hop
from troth.core.policy import Policy
from troth.core.ports import KeyProvider
from troth.core.sealing import NONCE_BYTES, SealedPlace, is_sealed, open_sealed, seal
from troth.store.plain_rows import Place, PlainRow, PlainRows

BATCH = 500


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """What a run found and did, in rows.

    Args:
        column: ``table.column``.
        rows: that there are.
        sealed_now: that this run sealed.
        empty: that hold nothing to seal.
    """

    column: str
    rows: int
    sealed_now: int
    empty: int


@dataclass(frozen=True, slots=True)
class _Work:
    keys: KeyProvider
    at: SealedPlace
    form: NormalForm | None
    draw: Callable[[int], bytes]

    def sealed(self, row: PlainRow) -> tuple[PlainRow, str, str | None]:
        """Return a row with what is to be stored in its column and its index."""
        person, value = _person(self.at, row), row.value or ""
        nonce = self.draw(NONCE_BYTES)
        stored = seal(self.keys.make_key(person), self.at, person, value, nonce=nonce)
        return row, stored, self._index(value)

    def lacks_index(self, row: PlainRow) -> bool:
        """Tell whether a value cannot be found, as when the index was added after it."""
        return self.form is not None and row.value is not None and row.index is None

    def indexed(self, row: PlainRow) -> tuple[PlainRow, str, str | None]:
        """Return a sealed row with what is to be stored in its index."""
        stored = row.value or ""
        return row, stored, self._index(self._opened(row))

    def _index(self, value: str) -> str | None:
        if self.form is None or not normalised(value, self.form):
            return None  # an empty value is found by nothing
        return blind_index(self.keys.index_keys(self.at)[0], self.at, value, self.form)

    def check(self, row: PlainRow) -> None:
        """Open a sealed row again.

        Raises:
            SealBroken: it does not open, is in plain text, or cannot be found by its index.
        """
        value = self._opened(row)
        if row.index is None and self._index(value) is not None:
            raise SealBroken(f"a value of {self.at.name} has no index; stop who writes it")

    def _opened(self, row: PlainRow) -> str:
        person, stored = _person(self.at, row), row.value or ""
        if not is_sealed(stored):
            raise SealBroken(f"{self.at.name} is written in plain text; stop who writes it")
        return open_sealed(self.keys.key_of(person), self.at, person, stored)


def seal_existing(
    owner_url: str,
    policy: Policy,
    datamap: DataMap,
    store: DataStore,
    column: str,
    *,
    keys: KeyProvider,
    batch: int = BATCH,
    draw: Callable[[int], bytes] = os.urandom,
) -> SealedColumn:
    """Seal every value of a column that is in plain text, and fill its blind index.

    Stop the application first: nothing keeps a running one from writing plain text meanwhile. The
    old values are also in the database's backups, and on PostgreSQL in its journal: let those run
    out. Afterwards the table's file is written anew, so that it holds none of them.

    Args:
        owner_url: SQLAlchemy URL of the role that owns the tables.
        policy: the policy in force.
        datamap: a map without errors against that policy.
        store: the data store of the database.
        column: ``table.column``, whose category the policy seals.
        keys: of the persons.
        batch: rows of one transaction.
        draw: gives so many random bytes.

    Raises:
        InputError: the column is not sealed by the policy; a row belongs to nobody yet; or two rows
            have equal values and the index is unique. What was sealed before stays sealed.
        SealBroken: a value does not open, or somebody writes plain text at the same time.
        KeyDestroyed: a person's key was destroyed, and there is still a value of theirs.
        StoreUnavailable: the database or the keys cannot be used now.
    """
    place, form = _place(policy, datamap, store, column)
    work = _Work(keys, SealedPlace(store.id, place.table, place.column), form, draw)
    rows = sealed_now = empty = 0
    with PlainRows(owner_url, place) as found:
        for some in found.batches(batch):
            plain = [row for row in some if row.value is not None and not is_sealed(row.value)]
            bare = [row for row in some if work.lacks_index(row) and is_sealed(row.value or "")]
            found.write([work.sealed(row) for row in plain] + [work.indexed(row) for row in bare])
            rows, sealed_now = rows + len(some), sealed_now + len(plain)
            empty += sum(row.value is None for row in some)
        for some in found.batches(batch):
            for row in some:
                if row.value is not None:
                    work.check(row)
        found.clean()
    return SealedColumn(column, rows, sealed_now, empty)


def _person(at: SealedPlace, row: PlainRow) -> str:
    if not row.person:
        raise InputError(f"a row of {at.table} belongs to nobody; give its person a random id")
    return row.person


def _place(
    policy: Policy, datamap: DataMap, store: DataStore, column: str
) -> tuple[Place, NormalForm | None]:
    table_name, _, name = column.partition(".")
    table = store.tables.get(table_name)
    mapped = table.columns.get(name) if table is not None else None
    if table is None or mapped is None or not sealed(policy, mapped):
        raise InputError(f"{column} is no column of {store.id} that the policy seals")
    indexes = [
        (one.name, one.index_of.form)
        for one in table.columns.values()
        if one.index_of is not None and one.index_of.place == column
    ]
    if len(indexes) > 1:
        raise InputError(f"{column} has several blind indexes in its table; one was expected")
    index, form = indexes[0] if indexes else ("", None)
    hops, person = _way(datamap, store, table)
    return Place(table.name, table.key, name, index, hops, person), form


def _way(datamap: DataMap, store: DataStore, table: MappedTable) -> tuple[tuple[Hop, ...], str]:
    way = way_to_person(datamap, store.id, table)
    if way is None or any(len(step.columns) != 1 or step.store != store.id for step in way):
        raise InputError(f"no single way leads from {table.name} to a person; mend the data map")
    last = datamap.table(store.id, way[-1].table) if way else table
    hops = tuple(Hop(step.columns[0], step.table, step.keys[0]) for step in way)
    return hops, last.person if last is not None else ""
