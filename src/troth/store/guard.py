"""What the application's connections may do: append only, and no table behind a lens.

On SQLite `authorize` runs when a statement is prepared and costs nothing when it runs. On
PostgreSQL `grants` gives the application's role what it needs and nothing more; it owns nothing.
In both, triggers made by the migration refuse to change or delete an append-only row, whoever asks.

A table behind a lens (`core.lens.BASE_SUFFIX`) is neither read nor written here, whichever view,
trigger or foreign key leads to it; on PostgreSQL the role has no right to it. So a table outside
the lenses that refers to one behind them is written by the owner or not at all. The names of tables
and columns stay visible.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from troth.core.errors import InputError
from troth.core.lens import BASE_SUFFIX

LEDGER = ("troth_leaf", "troth_tile", "troth_checkpoint")
APPEND_ONLY = (
    "troth_consent_event",
    "troth_policy_version",
    "troth_policy_purpose",
    "troth_outbox",
    *LEDGER,
)
"""Tables in which a row, once written, stays as it is."""

LOOKS = (
    "troth_look",
    "troth_look_person",
    "troth_look_end",
    "troth_look_alarm",
    "troth_look_told",
    "troth_look_report",
)
"""Append-only as well; on SQLite they lie in a file of their own."""

PROJECTIONS = {
    "troth_consent_state": ("troth_consent_event_project", "troth_person_project"),
    "troth_outbox": ("troth_consent_event_project", "troth_policy_version_project"),
    "troth_policy_head": ("troth_policy_version_project",),
    "troth_purpose_rule": ("troth_purpose_rule_empty", "troth_purpose_rule_fill"),
}
"""Tables that only the named triggers write: they are made from events, never by hand."""

_execute = sqlite3.Cursor.execute
_executemany = sqlite3.Cursor.executemany

_WRITES = (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE)
_READS = (
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_TRANSACTION,
    sqlite3.SQLITE_SAVEPOINT,
    sqlite3.SQLITE_RECURSIVE,
)
_CATALOGUE = ("sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema")
_PRAGMAS_READ = (
    "journal_mode",
    "synchronous",
    "data_version",
    "foreign_keys",
    "recursive_triggers",
    "cache_size",
    "read_uncommitted",  # SQLAlchemy reads it on its first connection
    "table_info",
)


def authorize(
    action: int, first: str | None, second: str | None, database: str | None, source: str | None
) -> int:
    """Answer SQLite whether a statement may do ``action`` (signature set by SQLite)."""
    if action == sqlite3.SQLITE_READ:
        return sqlite3.SQLITE_DENY if _is_hidden(first or "") else sqlite3.SQLITE_OK
    if action in _READS:
        if action == sqlite3.SQLITE_FUNCTION and second == "load_extension":
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK
    if action in _WRITES:
        return sqlite3.SQLITE_OK if _may_write(action, first or "", source) else sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and first in _PRAGMAS_READ:
        reads = second is None or first == "table_info"
        return sqlite3.SQLITE_OK if reads else sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_DENY


def _is_hidden(table: str) -> bool:
    """Tell whether a table lies behind a lens, or holds samples of values of such tables.

    Lenses and finders have connections with authorizers of their own. SQLite tells the name as the
    schema spells it, whatever the statement calls the table.
    """
    return table.endswith(BASE_SUFFIX) or table.startswith("sqlite_stat")


def _may_write(action: int, table: str, source: str | None) -> bool:
    if table in _CATALOGUE or table.startswith("sqlite_") or _is_hidden(table):
        return False
    if table in PROJECTIONS and source not in PROJECTIONS[table]:
        return False
    if table in LOOKS:
        return action == sqlite3.SQLITE_INSERT
    return action == sqlite3.SQLITE_INSERT or table not in APPEND_ONLY


class GuardedCursor(sqlite3.Cursor):
    """A cursor of `GuardedConnection`."""

    def execute(self, sql: str, parameters: Any = (), /) -> GuardedCursor:
        """Run one statement; see `refuse_join_by_name`."""
        refuse_join_by_name(sql)
        _execute(self, sql, parameters)
        return self

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> GuardedCursor:
        """Run one statement for each set of parameters; see `refuse_join_by_name`."""
        refuse_join_by_name(sql)
        _executemany(self, sql, parameters)
        return self

    def executescript(self, sql_script: str, /) -> GuardedCursor:
        """Run a script; see `refuse_join_by_name`."""
        refuse_join_by_name(sql_script)
        super().executescript(sql_script)
        return self


class GuardedConnection(sqlite3.Connection):
    """A connection for SQL that is not ours; `authorize` alone does not see every read of it."""

    def cursor(self, factory: Any = GuardedCursor) -> Any:
        """Return a cursor that looks at each statement's text."""
        return super().cursor(factory)

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """Run one statement on a new cursor."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Any:
        """Run one statement for each set of parameters on a new cursor."""
        return self.cursor().executemany(sql, parameters)

    def executescript(self, sql_script: str, /) -> Any:
        """Run a script on a new cursor."""
        return self.cursor().executescript(sql_script)


@lru_cache(maxsize=1024)
def refuse_join_by_name(sql: str) -> None:
    """Refuse a statement that joins a table behind a lens by ``USING`` or ``NATURAL``.

    SQLite reads the columns of such a join without asking the authorizer: with
    ``… FULL JOIN customer__rows USING (phone)`` a statement would get every phone.

    Raises:
        InputError: the text holds `BASE_SUFFIX` and one of these words, be it in a literal.
    """
    text = sql.lower()
    if BASE_SUFFIX in text and ("using" in text or "natural" in text):
        raise InputError("a table behind a lens is read through a purpose; see Troth.use")


def append_only_triggers(kind: str, table: str) -> Sequence[str]:
    """Return the DDL that makes one table append-only, for ``sqlite`` or ``postgresql``."""
    if kind == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN "
            f"SELECT RAISE(ABORT, 'troth: {table} is append-only'); END"
            for verb in ("UPDATE", "DELETE")
        ]
    return [
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION troth_refuse_change()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION troth_refuse_change()",
    ]


REFUSE_CHANGE = """
CREATE FUNCTION troth_refuse_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN RAISE EXCEPTION 'troth: % is append-only', TG_TABLE_NAME; END $$
"""


def grants(role: str) -> Sequence[str]:
    """Return what the application's role gets on PostgreSQL; ``role`` is a quoted identifier."""
    inserts = [table for table in (*APPEND_ONLY, *LOOKS) if table not in PROJECTIONS]
    whole = ("troth_person", "troth_use", "troth_outbox_cursor")
    reads = (*PROJECTIONS, "troth_consent_record", "troth_permitted")
    # The functions write with their owner's rights. Whoever may execute one can hang it on a table
    # of his own (TEMP is everybody's) and have it write rows of his making.
    functions = {*(name for names in PROJECTIONS.values() for name in names)}
    functions |= {"troth_refuse_change", "troth_refuse_ledger_change"}
    return [
        *(f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC" for name in sorted(functions)),
        f"GRANT USAGE ON SCHEMA public TO {role}",
        *(f"GRANT SELECT, INSERT ON {table} TO {role}" for table in inserts),
        *(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}" for table in whole),
        *(f"GRANT SELECT ON {table} TO {role}" for table in reads),
    ]
