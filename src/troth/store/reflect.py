"""The schema of a live database as a value, and the rows that a person reaches in it.

It only reads. A file of SQLite is opened read-only, so a wrong path makes no empty database. Where
lenses are installed, tables bear another name or lie in another schema; here they have the name
that the application calls them by, and the lenses' own tables and schemas are not seen.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    String,
    and_,
    column,
    create_engine,
    inspect,
    literal_column,
    make_url,
    or_,
    select,
    table,
)
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.engine.reflection import Inspector
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from troth.core import reach as walk
from troth.core.datamap import DataMap, MappedTable, StoreId
from troth.core.datamap import Engine as StoreEngine
from troth.core.drift import LiveColumn, LiveEdge, LiveSchema, LiveTable
from troth.core.errors import InputError, StoreUnavailable
from troth.core.lens import BASE_SCHEMA, BASE_SUFFIX

_BATCH = 400
"""Values per statement: SQLite takes 999 parameters."""

_BOOKS = "troth_lens_"
"""How the names of the tables begin in which the lenses keep book of themselves."""

_ENGINES = {
    "sqlite": StoreEngine.SQLITE,
    "postgresql": StoreEngine.POSTGRESQL,
    "mariadb": StoreEngine.MARIADB,
    "mysql": StoreEngine.MARIADB,
}


def engine_of(url: str) -> StoreEngine:
    """Return which kind of database a URL means.

    Raises:
        InputError: it is no URL, or of a kind whose schema cannot be read.
    """
    try:
        return _ENGINES[make_url(url).get_backend_name()]
    except (ArgumentError, KeyError):
        raise InputError(
            f"the map is checked against {', '.join(sorted(_ENGINES))}; write an URL of one"
        ) from None


def read_schema(url: str) -> LiveSchema:
    """Return the tables of a database.

    Raises:
        InputError: the URL means no database that can be read here, or its driver is missing.
        StoreUnavailable: the database cannot be reached.
    """
    with reading(url) as connection:
        found = inspect(connection)
        tables: dict[str, LiveTable] = {}
        for called, (schema, name) in _places(connection, found).items():
            tables[called] = _table(connection, found, schema, name)
    return LiveSchema(tables)


def reach(url: str, datamap: DataMap, store: StoreId, person: object) -> walk.Reach:
    """Return which rows of a database are a person's, as the map says.

    Raises:
        InputError: as `read_schema`.
        StoreUnavailable: the database cannot be reached, or has not the tables of the map.
    """
    with reading(url) as connection:
        places = _places(connection, inspect(connection))

        def fetch(
            mapped: MappedTable, columns: tuple[str, ...], values: Sequence[tuple[Any, ...]]
        ) -> list[walk.Row]:
            schema, name = places.get(mapped.name, (None, mapped.name))
            source = table(name, *(column(c) for c in mapped.columns), schema=schema)
            wanted = [source.c[c] for c in columns]
            rows: list[walk.Row] = []
            for start in range(0, len(values), _BATCH):
                batch = values[start : start + _BATCH]
                # One column: a list of keys. Several: SQLite knows no row values in an IN list.
                which = (
                    wanted[0].in_([value[0] for value in batch])
                    if len(wanted) == 1
                    else or_(
                        *(and_(*(c == v for c, v in zip(wanted, b, strict=True))) for b in batch)
                    )
                )
                about = [source.c[name] == value for name, value in mapped.where.items()]
                order = [source.c[k] for k in mapped.key]
                found = connection.execute(select(source).where(which, *about).order_by(*order))
                rows += [dict(row) for row in found.mappings()]
            return rows

        return walk.reach(datamap, store, person, fetch)


@contextmanager
def reading(
    url: str, set_up: Callable[[sqlite3.Connection], None] = lambda _: None
) -> Iterator[Connection]:
    """Connect to a database that is not ours, to read it; a file of SQLite is opened read-only.

    Args:
        url: SQLAlchemy URL.
        set_up: what to do with a new connection of SQLite.

    Raises:
        InputError: the URL means no database that can be read here, or its driver is missing.
        StoreUnavailable: the database cannot be reached, or a statement failed.
    """
    kind = engine_of(url)
    try:
        engine = _engine(url, kind, set_up)
    except (NoSuchModuleError, ModuleNotFoundError):
        raise InputError(f"the driver for {kind.value} is not installed here") from None
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        # The driver's text may hold a password or a value; its class says enough.
        raise StoreUnavailable(
            f"the {kind.value} database cannot be read ({type(error).__name__}); "
            "check its address and that it runs"
        ) from None
    finally:
        engine.dispose()


def _engine(url: str, kind: StoreEngine, set_up: Callable[[sqlite3.Connection], None]) -> Engine:
    if kind is not StoreEngine.SQLITE:
        return create_engine(url)
    file = make_url(url).database
    if file in (None, "", ":memory:"):
        raise InputError("a database in memory cannot be read here; write sqlite:///folder/file.db")
    place = f"file:{quote(str(file))}?mode=ro"

    def connect() -> sqlite3.Connection:
        made = sqlite3.connect(place, uri=True)
        set_up(made)
        return made

    return create_engine("sqlite://", creator=connect)


def _places(connection: Connection, found: Inspector) -> dict[str, tuple[str | None, str]]:
    """Return schema and name of every table, by what the application calls it.

    A table of the same name beside one behind the lens is guarded by nobody; it is told under a
    name that no map knows. The lenses' own tables and schemas are left out.
    """
    places: dict[str, tuple[str | None, str]] = {}
    if connection.dialect.name == "postgresql" and BASE_SCHEMA in found.get_schema_names():
        places = {name: (BASE_SCHEMA, name) for name in found.get_table_names(schema=BASE_SCHEMA)}
    # Those with the suffix first: whatever bears the plain name too stands beside them.
    for name in sorted(found.get_table_names(), key=lambda n: (not n.endswith(BASE_SUFFIX), n)):
        if not name.startswith(_BOOKS):
            called = _plain(name)
            places[f"{called} (beside the lens)" if called in places else called] = (None, name)
    return places


def _plain(name: str) -> str:
    return name.removesuffix(BASE_SUFFIX)


def _table(connection: Connection, found: Inspector, schema: str | None, name: str) -> LiveTable:
    key = tuple(found.get_pk_constraint(name, schema=schema)["constrained_columns"])
    columns = found.get_columns(name, schema=schema)
    unique = {frozenset(key)} if key else set()
    indexes = {key} if key else set()
    for constraint in found.get_unique_constraints(name, schema=schema):
        unique.add(frozenset(constraint["column_names"]))
        indexes.add(tuple(constraint["column_names"]))
    for index in found.get_indexes(name, schema=schema):
        parts = index["column_names"]
        # An index over part of the rows, or over an expression, finds not every row of a person.
        options = index.get("dialect_options", {})
        if None in parts or any(str(o).endswith("_where") for o in options):
            continue
        indexes.add(tuple(str(part) for part in parts))
        if index["unique"]:
            unique.add(frozenset(str(part) for part in parts))
    edges = tuple(
        LiveEdge(
            tuple(fk["constrained_columns"]),
            _plain(fk["referred_table"]),
            tuple(fk["referred_columns"])
            or _key_of(found, fk["referred_schema"], fk["referred_table"]),
        )
        for fk in found.get_foreign_keys(name, schema=schema)
    )
    live = {
        c["name"]: LiveColumn(c["name"], bool(c["nullable"]), made, _is_text(c))
        for c in columns
        for made in [_made(c) or _rowid(connection, name, c, key)]
    }
    return LiveTable(_plain(name), live, key, edges, frozenset(indexes), frozenset(unique))


def _key_of(found: Inspector, schema: str | None, name: str) -> tuple[str, ...]:
    """Return the key that a reference without columns means (SQLite allows it)."""
    return tuple(found.get_pk_constraint(name, schema=schema)["constrained_columns"])


def _made(column: ReflectedColumn) -> str:
    """Return how the database makes a value when none is given; empty if it does not."""
    if column.get("identity"):
        return "identity"
    if column.get("computed"):
        return "generated"
    default = column.get("default")
    if default is None or str(default).upper() == "NULL":
        return "autoincrement" if column.get("autoincrement") is True else ""
    return "sequence" if "nextval(" in str(default) else "server default"


def _is_text(column: ReflectedColumn) -> bool:
    """Tell whether a column takes a text of any length."""
    kind = column["type"]
    return isinstance(kind, String) and kind.length is None


def _rowid(connection: Connection, name: str, column: ReflectedColumn, key: tuple[str, ...]) -> str:
    """On SQLite, an INTEGER PRIMARY KEY is filled by the database unless a table has no rowid."""
    if connection.dialect.name != "sqlite" or key != (column["name"],):
        return ""
    if str(column["type"]).upper() != "INTEGER":
        return ""
    statement: Select[Any] = select(literal_column("sql")).select_from(table("sqlite_master"))
    ddl = connection.execute(statement.where(literal_column("name") == name)).scalar() or ""
    return "" if "WITHOUT ROWID" in str(ddl).upper() else "rowid"
