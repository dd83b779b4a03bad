"""The one catalogue of our own tables; each file of this room adds its tables to it.

All names start with ``troth_`` so that they can live in the database of the host application:
the state that guards rows lies in the same database as the rows (house rule, §4).
Times are integers: microseconds since 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, kind: type[StrEnum]) -> str:
    """Return the condition of a CHECK that a column holds one of the values of an enum."""
    # Not IN: SQLite would build an index of the list at every row, a quarter of an insert's cost.
    return " OR ".join(f"{column} = '{member.value}'" for member in kind)
