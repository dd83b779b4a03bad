"""The kit: what every flow receives. `app.py` builds it; nothing else wires anything."""

from __future__ import annotations

from dataclasses import dataclass

from troth.core.ports import Clock, Ids, Keys
from troth.store.consent import ConsentRows
from troth.store.db import Database


@dataclass(frozen=True, slots=True)
class Kit:
    """The database, its statements, and the outside world."""

    database: Database
    rows: ConsentRows
    clock: Clock
    ids: Ids
    keys: Keys
