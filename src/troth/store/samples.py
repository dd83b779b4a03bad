"""Some rows of every table of a database that is not ours, for guessing what they hold.

It only reads, and only a little: SQLite files are opened read-only, PostgreSQL and MariaDB in a
transaction that may not write; every table gives a bounded number of rows from both ends of its
key, long values are cut off in the database, and a clock ends the whole. What was sampled stays in
memory and goes to `troth.core.discovery`, which repeats no value.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    cast,
    func,
    inspect,
    null,
    select,
)
from sqlalchemy.engine.reflection import Inspector
from sqlalchemy.exc import SQLAlchemyError

from troth.core.datamap import Engine as StoreEngine
from troth.core.discovery_kinds import ColumnSeen, EdgeSeen, TableSeen
from troth.core.lens import BASE_SCHEMA, BASE_SUFFIX
from troth.store.reflect import engine_of, reading

ROWS = 200
"""Rows of a table that are looked at unless the caller says otherwise."""

_LONGEST = 2000  # Signs of one value.
_STEPS = 100_000  # Of SQLite's machine, between two looks at the clock: some milliseconds.
_LEAST = 2000  # Milliseconds for one statement.
_OURS = ("troth_", "alembic_version", "sqlite_")


def sample(url: str, *, rows: int = ROWS, seconds: float = 60.0) -> tuple[TableSeen, ...]:
    """Return every table of a database with some of its values, in the order of their names.

    Tables of troth itself are left out. A table that the clock did not reach has no samples.

    Args:
        url: SQLAlchemy URL; a role that may only read is enough.
        rows: at most this many of each table.
        seconds: for the whole; a statement that runs longer is broken off.

    Raises:
        InputError: the URL means no database that can be read here, or its driver is missing.
        StoreUnavailable: the database cannot be reached.
    """
    ends = time.monotonic() + seconds
    with _reading(url, ends) as connection:
        found = inspect(connection)
        return tuple(
            _table(connection, found, (schema, name), rows=rows, ends=ends)
            for schema, name in sorted(_names(found), key=lambda place: place[1])
        )


@contextmanager
def _reading(url: str, ends: float) -> Iterator[Connection]:
    def set_up(made: sqlite3.Connection) -> None:
        made.text_factory = lambda data: data.decode(errors="replace")
        made.set_progress_handler(lambda: int(time.monotonic() > ends), _STEPS)

    kind = engine_of(url)
    with reading(url, set_up) as connection:
        # The catalogue must be read even when the clock has run out.
        milliseconds = max(_LEAST, int((ends - time.monotonic()) * 1000))
        if kind is StoreEngine.POSTGRESQL:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
        elif kind is StoreEngine.MARIADB:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            connection.exec_driver_sql(f"SET max_statement_time = {milliseconds / 1000}")
        yield connection


def _names(found: Inspector) -> list[tuple[str | None, str]]:
    """Return the tables of the application with their schemas, None for the default one."""
    names: list[tuple[str | None, str]] = [(None, name) for name in found.get_table_names()]
    if BASE_SCHEMA in found.get_schema_names():
        names += [(BASE_SCHEMA, name) for name in found.get_table_names(schema=BASE_SCHEMA)]
    return [place for place in names if not place[1].startswith(_OURS)]


def _table(
    connection: Connection,
    found: Inspector,
    place: tuple[str | None, str],
    *,
    rows: int,
    ends: float,
) -> TableSeen:
    schema, name = place
    reflected = found.get_columns(name, schema=schema)
    key = tuple(found.get_pk_constraint(name, schema=schema)["constrained_columns"])
    live = Table(
        name, MetaData(), *(Column(c["name"], c["type"]) for c in reflected), schema=schema
    )
    taken = _rows(connection, live, key, rows) if time.monotonic() < ends else []
    columns = tuple(
        ColumnSeen(
            column["name"],
            type=str(column["type"]).lower(),
            samples=tuple(text for row in taken if (text := _text(row[at])) is not None),
            comment=column.get("comment") or "",
        )
        for at, column in enumerate(reflected)
    )
    edges = tuple(
        EdgeSeen(fk["constrained_columns"][0], _plain(fk["referred_table"]), referred[0])
        for fk in found.get_foreign_keys(name, schema=schema)
        if len(fk["constrained_columns"]) == 1
        and (
            referred := tuple(fk["referred_columns"])
            or tuple(found.get_pk_constraint(fk["referred_table"])["constrained_columns"])
        )
    )
    return TableSeen(_plain(name), columns, key, edges, _comment(found, schema, name))


def _plain(name: str) -> str:
    return name.removesuffix(BASE_SUFFIX)


def _comment(found: Inspector, schema: str | None, name: str) -> str:
    try:
        return str(found.get_table_comment(name, schema=schema)["text"] or "")
    except NotImplementedError:  # SQLite knows no comments.
        return ""


def _rows(
    connection: Connection, live: Table, key: tuple[str, ...], rows: int
) -> list[tuple[Any, ...]]:
    """Return rows from both ends of the key, so that old and new ones are seen; no sort is made."""
    dialect = connection.dialect.name
    shown = select(*(_cut(column, dialect=dialect) for column in live.columns)).select_from(live)
    if not key:
        return _fetch(connection, shown.limit(rows))
    order = [live.c[name] for name in key]
    first = _fetch(connection, shown.order_by(*order).limit(rows - rows // 2))
    if len(first) < rows - rows // 2:
        return first
    last = _fetch(connection, shown.order_by(*(c.desc() for c in order)).limit(rows // 2))
    return first + last


def _fetch(connection: Connection, statement: Select[Any]) -> list[tuple[Any, ...]]:
    """Run one statement in a savepoint; one that takes too long gives nothing and ends nothing."""
    try:
        with connection.begin_nested():
            return [tuple(row) for row in connection.execute(statement)]
    except SQLAlchemyError:
        return []


def _cut(column: Column[Any], *, dialect: str) -> Any:
    """Return a column as text of bounded length, made by the database itself.

    No value passes through a converter of the driver: SQLite keeps what it is given whatever the
    type of the column, and a date that is none would end the whole.
    """
    if dialect == "sqlite":
        return func.substr(column, 1, _LONGEST)
    if isinstance(column.type, LargeBinary):
        return null()
    return func.substr(cast(column, String), 1, _LONGEST)


def _text(value: Any) -> str | None:
    """Return a value as text; None for NULL and for bytes that are no text."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    return None if value is None else str(value)
