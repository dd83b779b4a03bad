"""The tables behind the lenses on SQLite: putting them there, and what views need to know of them.

A table behind a lens bears its name with `BASE_SUFFIX`, and the lens's view bears the table's own
name. `install` renames; where everything is in place it only looks, so that every start may call
it while other processes work.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from troth.core.errors import StoreUnavailable, UnsafeStore
from troth.core.lens import BASE_SUFFIX, Lens
from troth.store.db import owner_engine, raise_unavailable
from troth.store.lens_sqlite_ddl import Catalogue, columns_of, insertable, quoted


def catalogue_of(raw: sqlite3.Connection, lens: Lens) -> Catalogue:
    """Read what the views need; the authorizer must allow it.

    Raises:
        UnsafeStore: a table of the lens is not behind it, or has not what the lens shows.
    """
    found = raw.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall()
    there = {name for (name,) in found}
    names = {t.name for t in lens.tables}
    bases = {}
    for name in names | {hop.table for t in lens.tables for hop in t.hops}:
        base = name + BASE_SUFFIX
        if base not in there and (name in names or name not in there):
            raise UnsafeStore(f"{name} is not behind a lens; run troth lens install")
        if base in there and name in there:
            raise UnsafeStore(f"{name} stands beside {base}: something made it anew; move its rows")
        if name.startswith(("troth_", "sqlite_")):
            raise UnsafeStore(f"{name} is no table of an application")
        bases[name] = base if base in there else name
    unique = {t.name: _unique(raw, bases[t.name]) for t in lens.tables}
    for table in lens.tables:
        columns = {row[1] for row in raw.execute(f"PRAGMA main.table_info({quoted(table.base)})")}
        wanted = {*columns_of(table), *(() if table.hops else (table.person,))}
        if wanted - columns:
            missing = ", ".join(sorted(wanted - columns))
            raise UnsafeStore(f"{table.name} has no column {missing}; run troth map check")
        if set(table.update) & set(table.key):
            raise UnsafeStore(f"the key of {table.name} cannot be among what a purpose changes")
        if not table.key or (insertable(table) and not set(table.key) <= columns):
            raise UnsafeStore(f"{table.name} has no key")
    return Catalogue(bases, unique)


def _unique(raw: sqlite3.Connection, base: str) -> Sequence[tuple[str, ...]]:
    indexes = raw.execute(f"PRAGMA main.index_list({quoted(base)})").fetchall()
    found = []
    for _, name, is_unique, _, is_partial in indexes:
        if is_unique and not is_partial:
            columns = [row[2] for row in raw.execute(f"PRAGMA main.index_info({quoted(name)})")]
            if None not in columns:  # an expression; conflict clauses are refused in any case
                found.append(tuple(columns))
    return found


def install(owner_url: str, tables: Sequence[str]) -> list[str]:
    """Put tables behind the lenses: rename them, with every reference to them.

    Returns:
        The tables that were renamed now; those that were before are left as they are.

    Raises:
        UnsafeStore: a table is not there, or stands beside one that was renamed before.
    """
    return _rename(owner_url, [(name, name + BASE_SUFFIX) for name in tables])


def uninstall(owner_url: str, tables: Sequence[str]) -> list[str]:
    """Give tables their own names back; see `install`."""
    return _rename(owner_url, [(name + BASE_SUFFIX, name) for name in tables])


def installed(owner_url: str) -> list[str]:
    """Return the tables that lie behind lenses, by their own names."""
    engine = owner_engine(owner_url)
    try:
        with engine.connect() as connection:
            found = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
            names = [str(row[0]) for row in found]
    finally:
        engine.dispose()
    return [name.removesuffix(BASE_SUFFIX) for name in names if name.endswith(BASE_SUFFIX)]


def _rename(owner_url: str, names: Sequence[tuple[str, str]]) -> list[str]:
    engine = owner_engine(owner_url)
    try:
        with engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.isolation_level = None  # the driver would commit before each change of schema
            if not _still_to_rename(connection, names):
                return []  # without a lock, and without a place in the queue of writers
            # References follow only with both of these; they cannot be set in a transaction.
            driver.execute("PRAGMA legacy_alter_table=OFF")
            driver.execute("PRAGMA foreign_keys=ON")
            driver.execute("BEGIN IMMEDIATE")
            try:
                todo = _still_to_rename(connection, names)  # another process may have been faster
                for old, new in todo:
                    driver.execute(f"ALTER TABLE {quoted(old)} RENAME TO {quoted(new)}")
                driver.execute("COMMIT")
            except BaseException:
                driver.execute("ROLLBACK")
                raise
    except sqlite3.Error as error:
        raise_unavailable(error)
        raise StoreUnavailable("the tables cannot be renamed now") from error
    finally:
        engine.dispose()
    return [old for old, _ in todo]


def _still_to_rename(
    connection: Connection, names: Sequence[tuple[str, str]]
) -> Sequence[tuple[str, str]]:
    found = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
    there = {row[0] for row in found}
    for old, new in names:
        if old in there and new in there:
            raise UnsafeStore(f"{old} and {new} are both there; move the rows of one")
        if old not in there and new not in there:
            raise UnsafeStore(f"there is no table {old}")
    return [(old, new) for old, new in names if old in there]
