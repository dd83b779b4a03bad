"""The plain DB-API connection of a block, which lies beside that of SQLAlchemy.

Both are the same session and the same transaction.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from troth.core.errors import InputError

_PLAIN = "troth_plain"
"""Where a connection of SQLAlchemy keeps it; a pool forgets it with whatever else a block left."""


def keep_plain(connection: Connection, plain: Any) -> None:
    """Keep the plain connection of a block with its connection of SQLAlchemy."""
    connection.info[_PLAIN] = plain


def plain_of(connection: Connection) -> Any:
    """Return the plain connection of a block: `LensedConnection` of either database.

    Raises:
        InputError: it is no connection of a use.
    """
    plain = connection.info.get(_PLAIN)
    if plain is None:
        raise InputError("this is no connection of a use; take one of troth.use")
    return plain
