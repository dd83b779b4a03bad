"""What one purpose may see and change of a database, as values. Nothing here opens anything.

A lens is made from the policy and the data map, and kept by the database itself: `store/` turns it
into views, triggers and roles. Columns that are not named here do not exist on a lensed connection,
and rows of people for whom the purpose does not stand are not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

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
        clears: those of ``update`` that may only be set to NULL.
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
    clears: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """Return the name of the table behind the view on SQLite."""
        return self.name + BASE_SUFFIX


@dataclass(frozen=True, slots=True)
class Lens:
    """Everything that these purposes may see: these tables, and no other.

    Args:
        purposes: one; or several that the data map declares ``together``, for work that must be
            done for all of them in one transaction. Rows of a person are there only while every
            one of them stands for that person.
        tables: what they may see; of several purposes, what any of them may.
    """

    purposes: tuple[PurposeId, ...]
    tables: tuple[LensTable, ...]

    @property
    def name(self) -> str:
        """Return the name of the lens, the same whatever the order of its purposes."""
        return name_of(self.purposes)


def name_of(purposes: Sequence[str]) -> str:
    """Return the name of the lens of these purposes; their order makes no other lens."""
    return "+".join(sorted(purposes))


@dataclass(frozen=True, slots=True)
class Finder:
    """A declared way to learn whose a row is from a value that somebody brings, before any lens.

    It answers an exact value (a digest of a session's token, an id of an order, the state of a
    queue) with the random ids of the people behind it, and with no more than `tells`. Whoever wants
    to see anything of these people then opens a lens.

    Args:
        table: what the application calls it.
        by: the column that is compared.
        tells: columns told besides; none of them sealed.
        person: the column of this table that holds the person's random id.
    """

    table: str
    by: str
    tells: tuple[str, ...]
    person: str

    @property
    def name(self) -> str:
        """Return the name of the finder; on PostgreSQL that of its function in `FIND_SCHEMA`."""
        return f"{self.table}__by_{self.by}"


FIND_SCHEMA = "troth_find"
"""On PostgreSQL finders are functions in this schema; only the application may call them."""

THREAT_MODEL: Mapping[str, str] = MappingProxyType(
    {
        "sqlite": (
            "SQLite: columns and tables outside a purpose are refused whatever the SQL; rows "
            "outside it are never returned, but clever SQL can still sense that one exists. Code "
            "in this process is trusted."
        ),
        "postgresql": (
            "PostgreSQL: a boundary against hostile SQL on a lensed connection; each purpose has a "
            "login role of its own. EXPLAIN, the catalogue and unique violations still tell that "
            "rows exist. Code in this process is trusted."
        ),
    }
)
"""What a lens keeps on each database, in a sentence for whoever starts a deployment."""
