"""What one purpose may see and change of a database, as values. Nothing here opens anything.

A lens is made from the policy and the data map, and kept by the database itself: `store/` turns it
into views, triggers and roles. Columns that are not named here do not exist on a lensed connection,
and rows of people for whom the purpose does not stand are not there.
"""

from __future__ import annotations

from dataclasses import dataclass

from troth.core.policy import PurposeId

BASE_SUFFIX = "__rows"
"""On SQLite the table behind a view bears its name with this at the end."""

BASE_SCHEMA = "troth_base"
"""On PostgreSQL the table behind a view lies in this schema, under its own name."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One step from a row towards its person: ``column`` holds the ``key`` of ``table``."""

    column: str
    table: str
    key: str


@dataclass(frozen=True, slots=True)
class LensTable:
    """What a purpose may do with one table.

    Args:
        name: what the application calls it; the view bears this name.
        key: the columns of its primary key, made by the application.
        read: columns that are shown, the key among them.
        insert: columns that an insert may give; empty if the purpose adds no rows.
        update: columns that an update may change, never of the key; empty if it changes none.
        may_delete: whether the purpose deletes rows.
        hops: the way from a row to the table that names the person; empty if it does itself.
        person: column of the last table on that way that holds the person's random id.
        sealed: those of ``read`` that are stored encrypted.
    """

    name: str
    key: tuple[str, ...]
    read: tuple[str, ...]
    insert: tuple[str, ...]
    update: tuple[str, ...]
    may_delete: bool
    hops: tuple[Hop, ...]
    person: str
    sealed: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """Return the name of the table behind the view on SQLite."""
        return self.name + BASE_SUFFIX


@dataclass(frozen=True, slots=True)
class Lens:
    """Everything that one purpose may see: these tables, and no other."""

    purpose: PurposeId
    tables: tuple[LensTable, ...]
