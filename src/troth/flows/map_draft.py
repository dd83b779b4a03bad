"""Draft a data map for a database that has none: ``troth map init URL``."""

from __future__ import annotations

from troth.core.discovery import discover
from troth.core.discovery_draft import draft_text
from troth.store.reflect import engine_of
from troth.store.samples import ROWS, sample


def draft(url: str, *, rows: int = ROWS, seconds: float = 60.0) -> str:
    """Return the text of a draft ``datamap.yaml`` in which every table and column stands.

    The database is only read. No sampled value is written, logged or kept.

    Args:
        url: SQLAlchemy URL of SQLite, PostgreSQL or MariaDB; a role that may only read is enough.
        rows: at most this many of each table are looked at.
        seconds: for the whole; what the clock did not reach is guessed by its name alone.

    Raises:
        InputError: the URL means no database that can be read here, or its driver is missing.
        StoreUnavailable: the database cannot be reached.
    """
    return draft_text(discover(sample(url, rows=rows, seconds=seconds)), engine=engine_of(url))
