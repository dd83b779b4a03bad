"""Check that the data map and the live databases say the same: in CI and at start."""

from __future__ import annotations

from collections.abc import Sequence

from troth.core.datamap import DataMap, DataStore, StoreId
from troth.core.datamap_file import DATAMAP, ReadMap, read_datamap
from troth.core.drift import compare
from troth.core.errors import InputError
from troth.core.findings import Finding
from troth.core.policy import Policy
from troth.store.reflect import engine_of, read_schema


def check(
    urls: Sequence[str], text: str, policy: Policy, *, file: str = DATAMAP
) -> tuple[Finding, ...]:
    """Return everything that is wrong with the map itself or between it and the databases.

    A map with errors is not compared: mend it first.

    Args:
        urls: SQLAlchemy URLs, each alone or as ``store=URL`` where the map has several databases.
        text: the YAML of the map.
        policy: the compiled policy.
        file: what findings call the map.

    Raises:
        InputError: an URL belongs to no data store of the map, or its driver is missing.
        StoreUnavailable: a database cannot be reached.
    """
    return checked(urls, text, policy, file=file).findings


def checked(urls: Sequence[str], text: str, policy: Policy, *, file: str) -> ReadMap:
    """Return the map with everything that `check` finds; takes and raises what that does."""
    read = read_datamap(text, policy, file=file)
    found = list(read.findings)
    if read.datamap is not None:
        for url in urls:
            store, address = store_of(read.datamap, url)
            stores = read.datamap.in_database_of(store, engine_of(address))
            found += compare(read.datamap, stores, read_schema(address), policy)
    return ReadMap(read.datamap, tuple(sorted(set(found))))


def store_of(datamap: DataMap, url: str) -> tuple[DataStore, str]:
    """Return the data store that an URL means, and the URL without the store's name.

    Raises:
        InputError: none fits, or several do.
    """
    name, named, address = url.partition("=")
    if named and StoreId(name) in datamap.stores:
        store = datamap.stores[StoreId(name)]
        if engine_of(address) not in store.engines:
            raise InputError(f"{name} is {', '.join(store.engines)}, the URL is of another engine")
        return store, address
    engine = engine_of(url)
    fitting = [s for s in datamap.stores.values() if engine in s.engines and not s.within]
    if len(fitting) != 1:
        raise InputError(
            f"{len(fitting)} data stores of the map are {engine.value}; write store=URL with one "
            f"of {', '.join(datamap.stores)}"
        )
    return fitting[0], url
