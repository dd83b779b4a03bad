"""What SQL on a lensed connection may do: the authorizer, and what never reaches SQLite.

The authorizer runs when a statement is prepared. It allows what comes from inside our own views and
triggers, known by names that nobody can guess, and what touches the outer views; of everything
else, a list of harmless functions and transactions.

`judge` keeps away what the authorizer cannot refuse: EXPLAIN, which would print those names;
conflict clauses, which would reach into the tables behind; and joins by ``USING`` and ``NATURAL``,
whose columns SQLite reads without asking (a FULL JOIN with a sub-query that has a column of that
name gives the whole column of any table).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from troth.core.errors import InputError

_HARMLESS = """
    avg coalesce count cume_dist date datetime dense_rank first_value format glob group_concat hex
    ifnull iif instr julianday lag last_value lead length like likelihood likely lower ltrim max min
    nth_value ntile nullif percent_rank printf quote rank replace round row_number rtrim strftime
    substr substring sum time total trim typeof unicode unixepoch unlikely upper
"""
HARMLESS = frozenset(_HARMLESS.split())
"""Functions that read nothing but their arguments. Not among them: ``abs``, ``zeroblob``, ``json``
and ``randomblob``, whose errors would tell of rows that are not shown, and whatever reads files,
the state of the connection or its statements. ``sum``, ``printf`` and ``replace`` can fail too, and
stay for their use; what they tell is written in the threat model."""

_OK, _NO = sqlite3.SQLITE_OK, sqlite3.SQLITE_DENY
_FROM_INSIDE = frozenset(
    {
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_INSERT,
        sqlite3.SQLITE_UPDATE,
        sqlite3.SQLITE_DELETE,
    }
)
_PLAIN = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT})


class LensGuard:
    """The authorizer of one connection.

    While ``building`` is true everything is allowed: only our own statements run then.

    Args:
        inserts: the outer views into which the purpose inserts.
        updates: the columns of each outer view that it changes.
        deletes: the outer views from which it deletes.
    """

    def __init__(
        self,
        *,
        inserts: frozenset[str],
        updates: Mapping[str, frozenset[str]],
        deletes: frozenset[str],
    ) -> None:
        self.building = True
        self.outer: frozenset[str] = frozenset(updates)
        self.inside: frozenset[str] = frozenset()
        self.inner: frozenset[str] = frozenset()
        self._inserts = inserts
        self._updates = updates
        self._deletes = deletes

    def authorize(
        self,
        action: int,
        first: str | None,
        second: str | None,
        database: str | None,
        source: str | None,
    ) -> int:
        """Answer SQLite whether a statement may do ``action`` (signature set by SQLite)."""
        if self.building:
            return _OK
        if source in self.inside:
            return _OK if action in _FROM_INSIDE else _NO
        if action == sqlite3.SQLITE_READ:
            return self._read(first, second, database, source)
        if action in _PLAIN:
            return _OK
        if action == sqlite3.SQLITE_FUNCTION:
            return _OK if second in HARMLESS else _NO
        return _OK if database == "temp" and self._writes(action, first or "", second) else _NO

    def _read(
        self, table: str | None, column: str | None, database: str | None, source: str | None
    ) -> int:
        if table in self.inner:
            # Through the outer view; where no column is read, SQLite names no source.
            return _OK if source in self.outer or column == "" else _NO
        # SQLite gives no database where it only counts rows of a name that was not qualified; such
        # a name means the view, or a sub-query that was looked at by itself.
        ours = database == "temp" or (database is None and column == "")
        return _OK if ours and table in self.outer else _NO

    def _writes(self, action: int, table: str, column: str | None) -> bool:
        if action == sqlite3.SQLITE_INSERT:
            return table in self._inserts
        if action == sqlite3.SQLITE_UPDATE:
            return column in self._updates.get(table, frozenset())
        return action == sqlite3.SQLITE_DELETE and table in self._deletes


class Verdict(NamedTuple):
    """What `judge` found: whether the statement changes rows, or begins a transaction by itself."""

    writes: bool
    begins: bool


# As SQLite cuts a statement; a byte order mark is a space to it.
_TOKEN = re.compile(
    r"""
      (?P<skip>[\s\ufeff]+ | --[^\n]*(?:\n|\Z) | /\*.*?(?:\*/|\Z))
    | (?P<quoted>'(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z)
                | `(?:[^`]|``)*(?:`|\Z) | \[[^\]]*(?:\]|\Z))
    | (?P<word>[^\W\d][\w$]*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_READING = frozenset({"SELECT", "WITH", "VALUES"})
_WRITING = frozenset({"INSERT", "UPDATE", "DELETE"})
_TRANSACTION = frozenset({"BEGIN", "SAVEPOINT", "COMMIT", "END", "ROLLBACK", "RELEASE"})


@lru_cache(maxsize=2048)
def judge(sql: str) -> Verdict:
    """Return what a statement is, or refuse it; strings, quoted names and comments are no words.

    Raises:
        InputError: it is of a kind that a lens does not know, or holds a word that it refuses.
    """
    words: list[str] = []
    for token in _TOKEN.finditer(sql):
        if token.lastgroup == "word":
            words.append(token["word"].upper())
        elif token.lastgroup == "other" and token["other"] == "(":
            words.append("(")
    first = next((word for word in words if word != "("), "")
    if first not in _READING | _WRITING | _TRANSACTION:
        raise InputError(f"a lens runs no {first[:20] or 'empty'} statement")
    if "EXPLAIN" in words:
        raise InputError("EXPLAIN is refused on a lens: it prints what stands behind it")
    if "RETURNING" in words:
        raise InputError(
            "RETURNING is refused on a lens: it would give what was sent, not what was stored; "
            "make keys and defaults in the application"
        )
    if "USING" in words or "NATURAL" in words:
        raise InputError("write a join on a lens with ON; USING and NATURAL are refused")
    pairs = set(pairwise(words))
    if ("INSERT", "OR") in pairs or ("UPDATE", "OR") in pairs or ("REPLACE", "INTO") in pairs:
        raise InputError(
            "OR REPLACE, OR IGNORE and REPLACE are refused on a lens: they reach rows it hides"
        )
    writes = first in _WRITING or (first == "WITH" and not _WRITING.isdisjoint(words))
    return Verdict(writes, first == "BEGIN")
