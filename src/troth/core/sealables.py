"""From policy and data map to what is sealed: which columns and files, and who opens them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from troth.core.blind_index import NormalForm
from troth.core.datamap import DataMap, Engine, StoreId, reads, sealed
from troth.core.lens import Lens
from troth.core.policy import Policy, frozen
from troth.core.sealing import SealedPlace


@dataclass(frozen=True, slots=True)
class Sealables:
    """What is sealed in a data store and in the folders of files beside it.

    Args:
        places: every sealed column, by ``table.column``.
        granted: by name of a lens, which of them its purposes open and seal.
        forms: by ``table.column`` of a sealed column with a blind index, how values compare.
        indexed: by ``table.column`` of a blind index, the sealed column that it is of.
    """

    places: Mapping[str, SealedPlace]
    granted: Mapping[str, frozenset[str]]
    forms: Mapping[str, NormalForm]
    indexed: Mapping[str, str]


def sealables_of(
    policy: Policy, datamap: DataMap, lenses: Sequence[Lens], *, store: StoreId
) -> Sealables:
    """Return what is sealed in a data store and in files, and which lens opens what.

    Args:
        policy: the policy in force.
        datamap: a map without errors against that policy.
        lenses: the lenses of the data store.
        store: the data store whose database the lenses show.
    """
    places: dict[str, SealedPlace] = {}
    forms: dict[str, NormalForm] = {}
    indexed: dict[str, str] = {}
    readers: dict[str, frozenset[str]] = {}
    for where, table in datamap.tables():
        if where.id != store and Engine.FILES not in where.engines:
            continue
        for column in table.columns.values():
            name = f"{table.name}.{column.name}"
            if sealed(policy, column):
                places[name] = SealedPlace(where.id, table.name, column.name)
                readers[name] = frozenset(
                    p.id for p in policy.purposes.values() if reads(p, column)
                )
            if column.index_of is not None:
                indexed[name] = column.index_of.place
                forms[column.index_of.place] = column.index_of.form
    granted = {
        lens.name: frozenset(n for n, who in readers.items() if not who.isdisjoint(lens.purposes))
        for lens in lenses
    }
    return Sealables(frozen(places), frozen(granted), frozen(forms), frozen(indexed))
