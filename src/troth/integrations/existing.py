"""The door for an application that has rows already: seal what lies there in plain text.

seal_existing(Settings.of(folder), Path("datamap.yaml"), "customer.phone")
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from troth.app import Troth
from troth.commands import person_keys
from troth.config import Settings
from troth.core.datamap_file import read_datamap
from troth.core.errors import InputError
from troth.flows import seal_existing as flow
from troth.flows.data_map import store_of
from troth.flows.seal_existing import SealedColumn

__all__ = ["SealedColumn", "seal_existing"]


def seal_existing(settings: Settings, map_file: Path, column: str) -> SealedColumn:
    """Seal a column of a database that came with plain text; run it again after any failure.

    The application must not run meanwhile. Before `Troth.govern` or after it is the same.

    Args:
        settings: the deployment, in which a policy was published.
        map_file: its data map.
        column: ``table.column``, as the map names it.

    Raises:
        DataMapError: the map is wrong.
        InputError: the map cannot be read, no policy was published, or what
            `troth.flows.seal_existing.seal_existing` refuses.
        SealBroken, KeyDestroyed, UnsafeStore, StoreUnavailable: as there.
    """
    try:
        text = map_file.read_text(encoding="utf-8")
    except OSError:
        raise InputError(f"{map_file} cannot be read") from None
    with closing(Troth.open(settings)) as t:
        policy = t.in_force().policy
    datamap = read_datamap(text, policy, file=str(map_file)).require()
    store, _ = store_of(datamap, settings.database_url)
    with closing(person_keys(settings)) as keys:
        return flow.seal_existing(settings.owner_url, policy, datamap, store, column, keys=keys)
