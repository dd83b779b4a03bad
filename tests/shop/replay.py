"""Replay what the shop sends to the database under purposes that have no business with it.

While a test runs, every statement that goes through a lens is kept, each wording once in a run. At
the end of the test each new one is sent again as text SQL, on the same rows, through the lens of
every other purpose that is not granted what the statement touches, with the decision passed by: so
it is the database that must refuse, or show and change nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from sqlalchemy import Column, Connection, Delete, Insert, Update, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import visitors

from troth import Troth
from troth.core.datamap import DataMap
from troth.core.errors import InputError, StoreUnavailable
from troth.core.lens import Lens, name_of
from troth.core.lens_of import lenses_of
from troth.core.looks import Use
from troth.governed import Governed
from troth.store.db import Cursor
from troth.store.sealed_type import ToIndex, ToSeal

_SEALED = "s1." + "A" * 40
_INDEX = "i1." + "A" * 22

REPLAYED: set[tuple[str, str, str]] = set()
"""{(kind of the database, name of the lens, statement)} that this run has replayed."""


class _Undo(Exception):
    """Ends a replay, whatever came of it."""


@dataclass(frozen=True)
class Sent:
    """One statement that went through a lens, and for whom."""

    lens: str
    sql: str
    given: Any
    many: bool
    touched: frozenset[tuple[str, str]]
    people: tuple[str, ...]


@dataclass
class Recorder:
    """What the shop sent during one test, of a deployment under a data map."""

    t: Troth
    datamap: DataMap
    sent: list[Sent] = field(default_factory=list)

    @contextmanager
    def recording(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Keep what goes through the lenses of every deployment in this process."""
        opened = Governed.use

        @contextmanager
        def watched(governed: Governed, uses: Sequence[Use]) -> Iterator[Connection]:
            with opened(governed, uses) as connection:
                self._listen(connection, governed, uses)
                yield connection

        with monkeypatch.context() as patch:
            patch.setattr(Governed, "use", watched)
            yield

    def _listen(self, connection: Connection, governed: Governed, uses: Sequence[Use]) -> None:
        if governed is not self.t._governed or not uses[0].people:
            return
        lens, people = name_of([use.purpose for use in uses]), uses[0].people

        def keep(_: Any, __: Any, sql: str, given: Any, context: Any, many: bool) -> None:
            compiled = getattr(context, "compiled", None)
            if compiled is not None:
                touched = _touched(compiled.statement, compiled.params)
                self.sent.append(Sent(lens, sql, _plain(given), many, touched, people))

        event.listen(connection, "before_cursor_execute", keep)

    def replay(self) -> int:
        """Send every new statement again under every other purpose; return how many were sent.

        Raises:
            AssertionError: one of them showed or changed something.
        """
        kind = self.t.kit.database.kind
        new = {(kind, sent.lens, sent.sql): sent for sent in self.sent}
        for known_already in REPLAYED & new.keys():
            del new[known_already]
        known, opened = self.t._known(), self.t._require_governed()._now
        if not new or opened is None or opened.ordinal != known.ordinal or self._is_closed():
            return 0  # nothing new, or a test closed it or left a policy that the map does not fit
        REPLAYED.update(new)
        lenses = lenses_of(known.policy, self.datamap, store=opened.in_force.store.id)
        done = 0
        for sent in new.values():
            for lens in lenses:
                if not sent.touched <= _granted(lens):
                    assert _is_refused(self.t, opened.in_force.opens, lens, sent), (
                        f"{lens.name} ran what {sent.lens} sends: {sent.sql}"
                    )
                    done += 1
        return done

    def _is_closed(self) -> bool:
        try:
            with self.t.kit.database.hot_reading() as cursor:
                cursor.execute("SELECT 1")
        except (sqlite3.Error, psycopg.Error, StoreUnavailable):
            return True
        return False


def _touched(statement: Any, params: Any) -> frozenset[tuple[str, str]]:
    """Return (table, column) of everything that a statement reads or writes."""
    found = {
        (element.table.name, element.name)
        for element in visitors.iterate(statement)
        if isinstance(element, Column) and element.table is not None
    }
    if isinstance(statement, Insert | Update | Delete):
        named = set(params) | {c.name for c in statement.table.primary_key}
        found |= {(statement.table.name, c.name) for c in statement.table.c if c.name in named}
    return frozenset(found)


def _granted(lens: Lens) -> set[tuple[str, str]]:
    return {(t.name, c) for t in lens.tables for c in (*t.read, *t.insert, *t.update)}


def _plain(given: Any) -> Any:
    """Return values as text SQL would send them: what was to be sealed as something sealed."""
    if isinstance(given, dict):
        return {name: _plain(value) for name, value in given.items()}
    if isinstance(given, list | tuple):
        return type(given)(_plain(value) for value in given)
    if isinstance(given, ToSeal):
        return _SEALED
    return _INDEX if isinstance(given, ToIndex) else given


def _is_refused(t: Troth, opens: Any, lens: Lens, sent: Sent) -> bool:
    """Tell whether the database refuses a statement, or shows no row and changes none."""

    def record(also: Callable[[Cursor], None] | None) -> None:
        if also is not None:
            t.kit.database.writer.run(also)

    answer = False
    try:
        with opens(lens.name, sent.people, writes=True, record=record) as connection:
            try:
                result = connection.exec_driver_sql(sent.sql, sent.given)
                answer = result.all() == [] if result.returns_rows else False
            except (DBAPIError, InputError):
                answer = True
            raise _Undo
    except _Undo:
        return answer
