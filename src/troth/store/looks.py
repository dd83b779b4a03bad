"""Looks: who used whose data, for what. Append-only, and durable before the first row is shown.

Invariants, each held by a test in ``tests/store/test_looks.py``:

1. `LookBook.record` returns after the commit that holds the look, in a transaction of its own that
   callers share among themselves: no rollback and no exception of the use takes it back.
2. It never waits for a transaction that a use holds open. On SQLite looks lie in a file of their
   own beside the database, because one file has one writer, and whoever looks may be inside a
   write (`look_tables.looks_url`); on PostgreSQL in the same one, on a connection of their own.
3. A look, its people, its end, its alarm and what a person said of it are never changed.
4. A person reads the looks that name them, alone or in a batch, and no others.

A look of one person is one row; a batch has one row and one for each of its people. No table refers
to `troth_person`: what is left of an erased person are random ids that lead nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from troth.core.collected import UseCount
from troth.core.errors import UnknownName
from troth.core.frequency import Limit
from troth.core.looks import Ending, Look, LookFilter, Outcome, ReportReason
from troth.core.policy import ClauseId
from troth.store.consent import placed
from troth.store.db import Cursor, Database, Kind, Writer

_LIMITED = 0x74726F6C  # "trol": one at a time counts and stores a look with a limit
_COLUMNS = (
    "look_id, looked_at, actor_id, actor_role, purpose_id, pii_principal_id, people, categories, "
    "clause, policy_ordinal, case_id, outcome, reason, break_glass"
)
_MARKS = ", ".join("?" * len(_COLUMNS.split(",")))
_ADD = f"INSERT INTO troth_look ({_COLUMNS}) VALUES ({_MARKS})"
# By ix_troth_look_person and the key of troth_look_person; what was refused used nothing.
_USES_SINCE = (
    "(SELECT count(*) FROM troth_look WHERE pii_principal_id = ? AND looked_at > ? "
    "AND purpose_id = ? AND outcome != 'refused') + "
    "(SELECT count(*) FROM troth_look_person p JOIN troth_look l ON l.look_id = p.look_id "
    "WHERE p.pii_principal_id = ? AND p.looked_at > ? AND l.purpose_id = ? "
    "AND l.outcome != 'refused')"
)
_ADD_PERSON = (
    "INSERT INTO troth_look_person (pii_principal_id, looked_at, look_id) VALUES (?, ?, ?)"
)
_ALARM = "INSERT INTO troth_look_alarm (look_id, raised_at, words) VALUES (?, ?, ?)"
_NO_LIMITS: Mapping[str, Limit] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class StoredLook:
    """A look as it is read for one person; ``ending`` is None until it ended."""

    look: Look
    ending: Ending | None
    reported: bool


@dataclass(frozen=True, slots=True)
class Alarm:
    """A look that broke the glass, and why, in the words of who did it."""

    look: Look
    words: str


@dataclass(frozen=True, slots=True)
class Report:
    """A look that its person doubts."""

    report_id: str
    look_id: str
    person: str
    reported_at: int
    reason: ReportReason


class LookBook:
    """Writes and reads looks.

    Args:
        database: the one that `look_tables.looks_url` names.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kind: Kind = database.kind
        # A writer of its own: looks never wait for answers, nor for whoever holds a transaction.
        self._writer = Writer(database)
        self._add = placed(self._kind, _ADD)
        self._adds = {1: self._add}
        self._end = placed(
            self._kind,
            "INSERT INTO troth_look_end (look_id, ended_at, ending) VALUES (?, ?, ?)",
        )

    def close(self) -> None:
        """Close every connection to the looks."""
        self._database.close()

    # --- writing ----------------------------------------------------------------------------------

    def record(
        self,
        taken: Sequence[Look],
        *,
        alarm: str = "",
        limits: Mapping[str, Limit] = _NO_LIMITS,
        also: Callable[[Cursor], None] | None = None,
    ) -> str:
        """Store the looks of one use in one commit, and return after it.

        Counting and storing are one step, so that two callers are never both the last one.

        Args:
            taken: one for each purpose of the use; all are about the same people.
            alarm: why the glass was broken; an alarm is stored in the same commit.
            limits: by purpose, how often it may be used for one person.
            also: is run in the same transaction.

        Returns:
            The purpose that was used too often, and then nothing was stored; else "".

        Raises:
            StoreUnavailable: it could not be stored; nothing may be shown.
            ValueError: a purpose with a limit is used for several people at once.
        """
        if len(taken[0].people) < 2 and not (alarm or limits or also):
            add_all = self._add_all(len(taken))
            rows = [value for look in taken for value in _row(look)]
            self._writer.run(lambda cursor: cursor.execute(add_all, rows), is_one_statement=True)
            return ""

        def add(cursor: Cursor) -> str:
            for look in taken:
                limit = limits.get(look.purpose_id)
                if limit is not None and self._is_used_up(cursor, look, limit):
                    return look.purpose_id
            for look in taken:
                self._add_people(cursor, look)
                cursor.execute(self._add, _row(look))
                if alarm:
                    cursor.execute(self._placed(_ALARM), (look.look_id, look.looked_at, alarm))
            if also is not None:
                also(cursor)
            return ""

        return self._writer.run(add)

    def _add_all(self, looks: int) -> str:
        """Return the statement that adds so many looks; made once for each number."""
        made = self._adds.get(looks)
        if made is None:
            made = self._placed(_ADD + f", ({_MARKS})" * (looks - 1))
            self._adds[looks] = made
        return made

    def _is_used_up(self, cursor: Cursor, look: Look, limit: Limit) -> bool:
        (person,) = look.people
        if self._kind == "postgresql":  # SQLite has one writer anyway
            # One lock for all: groups that locked person by person could wait for each other.
            cursor.execute(f"SELECT pg_advisory_xact_lock({_LIMITED})")
        asked = (person, limit.since(look.looked_at), look.purpose_id)
        cursor.execute(self._placed(f"SELECT {_USES_SINCE}"), (*asked, *asked))
        (uses,) = cursor.fetchone()
        return bool(uses >= limit.times)

    def record_end(self, look_ids: Sequence[str], now: int, ending: Ending) -> None:
        """Store how the block of a use ended; once for each of its looks.

        Raises:
            StoreUnavailable: it could not be stored; the looks themselves stay.
        """
        rows = [(look_id, now, ending.value) for look_id in look_ids]
        if len(rows) == 1:
            self._writer.run(lambda c: c.execute(self._end, rows[0]), is_one_statement=True)
        else:
            self._writer.run(lambda cursor: cursor.executemany(self._end, rows))

    def report(self, made: Report) -> None:
        """Store a person's doubt about a look; a second one about the same look changes nothing.

        Raises:
            UnknownName: no such look is about this person; another's looks like none.
        """

        def add(cursor: Cursor) -> None:
            if not self._is_about(cursor, made.look_id, made.person):
                raise UnknownName("there is no look at this person's data with this id")
            cursor.execute(
                self._placed(
                    "INSERT INTO troth_look_report "
                    "(report_id, look_id, pii_principal_id, reported_at, reason) "
                    "VALUES (?, ?, ?, ?, ?) ON CONFLICT (pii_principal_id, look_id) DO NOTHING"
                ),
                (made.report_id, made.look_id, made.person, made.reported_at, made.reason.value),
            )

        self._writer.run(add)

    def record_told(self, look_id: str, person: str, now: int) -> None:
        """Store that a person was told of a look that broke the glass."""
        sql = self._placed(
            "INSERT INTO troth_look_told (look_id, pii_principal_id, told_at) VALUES (?, ?, ?) "
            "ON CONFLICT (look_id, pii_principal_id) DO NOTHING"
        )
        self._writer.run(lambda c: c.execute(sql, (look_id, person, now)), is_one_statement=True)

    def _add_people(self, cursor: Cursor, taken: Look) -> None:
        if len(taken.people) < 2:
            return
        if self._kind == "postgresql":  # one statement instead of one for each
            cursor.execute(
                "INSERT INTO troth_look_person (pii_principal_id, looked_at, look_id) "
                "SELECT person, %s, %s FROM unnest(%s::text[]) person",
                (taken.looked_at, taken.look_id, list(taken.people)),
            )
            return
        rows = [(person, taken.looked_at, taken.look_id) for person in sorted(taken.people)]
        cursor.executemany(_ADD_PERSON, rows)

    def _is_about(self, cursor: Cursor, look_id: str, person: str) -> bool:
        cursor.execute(
            self._placed(
                "SELECT 1 FROM troth_look l WHERE look_id = ? AND (pii_principal_id = ? OR EXISTS "
                "(SELECT 1 FROM troth_look_person p WHERE p.pii_principal_id = ? "
                "AND p.looked_at = l.looked_at AND p.look_id = l.look_id))"
            ),
            (look_id, person, person),
        )
        return bool(cursor.fetchall())

    # --- reading ----------------------------------------------------------------------------------

    def looks(
        self,
        person: str,
        wanted: LookFilter,
        *,
        hidden_roles: Sequence[str] = (),
        before: tuple[int, str] | None = None,
        limit: int = 50,
    ) -> list[StoredLook]:
        """Return looks about one person, newest first; ``people`` of each stays empty.

        Args:
            wanted: the filter.
            hidden_roles: roles left out where the filter names none.
            before: (looked_at, look_id) of the last look of the page before.
            limit: how many at most.
        """
        terms, values = _terms(wanted, hidden_roles)
        if before is not None:
            terms.append("({at}, {id}) < (?, ?)")
            values += before
        arms, asked = _arms(_SELECTED, terms, "ORDER BY {at} DESC, {id} DESC LIMIT ?")
        sql = (
            f"SELECT f.*, e.ending, r.report_id FROM ({arms}) f "
            "LEFT JOIN troth_look_end e ON e.look_id = f.look_id "
            "LEFT JOIN troth_look_report r "
            "ON r.pii_principal_id = ? AND r.look_id = f.look_id "
            "ORDER BY f.looked_at DESC, f.look_id DESC LIMIT ?"
        )
        one = (person, *values, limit)
        with self._database.hot_reading() as cursor:
            cursor.execute(self._placed(sql), (*(one * asked), person, limit))
            return [_stored(row) for row in cursor.fetchall()]

    def names(self, person: str) -> list[tuple[str, str, int]]:
        """Return each (purpose, role, policy ordinal) that occurs in looks at one person."""
        arms, asked = _arms("l.purpose_id, l.actor_role, l.policy_ordinal", [], "")
        sql = (
            "SELECT purpose_id, actor_role, max(policy_ordinal) "
            f"FROM ({arms}) f GROUP BY purpose_id, actor_role ORDER BY purpose_id, actor_role"
        )
        with self._database.hot_reading() as cursor:
            cursor.execute(self._placed(sql), (person,) * asked)
            return [(row[0], row[1], row[2]) for row in cursor.fetchall()]

    def use_counts(self, person: str, wanted: LookFilter) -> list[UseCount]:
        """Return how often what was used of one person, refused attempts left out."""
        terms, values = _terms(wanted, ())
        arms, asked = _arms(_COUNTED, [*terms, "l.outcome != 'refused'"], "")
        with self._database.hot_reading() as cursor:
            cursor.execute(self._placed(_counted(arms)), (person, *values) * asked)
            return [_use_count(row) for row in cursor.fetchall()]

    def all_use_counts(self) -> list[UseCount]:
        """Return how often what was used of anybody (a full scan), to hold against the policy."""
        arms = f"SELECT {_COUNTED} FROM troth_look l WHERE l.outcome != 'refused'"
        with self._database.hot_reading() as cursor:
            cursor.execute(_counted(arms))
            return [_use_count(row) for row in cursor.fetchall()]

    def alarms(self, since: int) -> list[Alarm]:
        """Return every look that broke the glass at or after ``since`` (µs), newest first."""
        sql = (
            f"SELECT {_SELECTED.format(at='l.looked_at')}, a.words FROM troth_look_alarm a "
            "JOIN troth_look l ON l.look_id = a.look_id WHERE a.raised_at >= ? "
            "ORDER BY a.raised_at DESC, a.look_id DESC"
        )
        with self._database.hot_reading() as cursor:
            cursor.execute(self._placed(sql), (since,))
            return [Alarm(_look(row), row[-1]) for row in cursor.fetchall()]

    def notices_due(self, limit: int = 100) -> list[tuple[str, str, int]]:
        """Return (look_id, person, looked_at) of whom to tell of a broken glass, oldest first."""
        people = (
            "SELECT a.look_id, l.pii_principal_id AS person, l.looked_at FROM troth_look_alarm a "
            "JOIN troth_look l ON l.look_id = a.look_id WHERE l.pii_principal_id IS NOT NULL "
            "UNION ALL SELECT a.look_id, p.pii_principal_id, p.looked_at FROM troth_look_alarm a "
            "JOIN troth_look_person p ON p.look_id = a.look_id"
        )
        sql = (
            f"SELECT f.look_id, f.person, f.looked_at FROM ({people}) f WHERE NOT EXISTS "
            "(SELECT 1 FROM troth_look_told t "
            "WHERE t.look_id = f.look_id AND t.pii_principal_id = f.person) "
            "ORDER BY f.looked_at, f.look_id, f.person LIMIT ?"
        )
        with self._database.hot_reading() as cursor:
            cursor.execute(self._placed(sql), (limit,))
            return [(row[0], row[1], row[2]) for row in cursor.fetchall()]

    def reports(self, since: int) -> list[Report]:
        """Return what people doubted at or after ``since`` (µs), newest first."""
        sql = (
            "SELECT report_id, look_id, pii_principal_id, reported_at, reason "
            "FROM troth_look_report WHERE reported_at >= ? ORDER BY reported_at DESC, report_id"
        )
        with self._database.hot_reading() as cursor:
            cursor.execute(self._placed(sql), (since,))
            return [
                Report(row[0], row[1], row[2], row[3], ReportReason(row[4]))
                for row in cursor.fetchall()
            ]

    def _placed(self, sql: str) -> str:
        return placed(self._kind, sql)


_SELECTED = (
    "l.look_id, {at} AS looked_at, l.actor_id, l.actor_role, l.purpose_id, l.people, "
    "l.categories, l.clause, l.policy_ordinal, l.case_id, l.outcome, l.reason, l.break_glass"
)
_COUNTED = "l.purpose_id, l.categories, l.policy_ordinal, l.outcome, l.looked_at"


def _terms(wanted: LookFilter, hidden_roles: Sequence[str]) -> tuple[list[str], list[Any]]:
    """Return the conditions of a filter, with ``{at}`` for the time, and their values in order."""
    terms: list[str] = []
    values: list[Any] = []
    for term, value in (("{at} >= ?", wanted.since), ("{at} < ?", wanted.until)):
        if value is not None:
            terms.append(term)
            values.append(value)
    for column, names, is_in in (
        ("l.purpose_id", wanted.purposes, "IN"),
        ("l.actor_role", wanted.roles or hidden_roles, "IN" if wanted.roles else "NOT IN"),
    ):
        if names:
            terms.append(f"{column} {is_in} ({', '.join('?' * len(names))})")
            values += names
    return terms, values


def _arms(columns: str, terms: Sequence[str], tail: str) -> tuple[str, int]:
    """Return looks at one person alone and in batches as one query, and how often it asks.

    Each arm is ordered and cut by its own index before the two are merged.
    """
    alone = {"at": "l.looked_at", "id": "l.look_id"}
    in_batch = {"at": "p.looked_at", "id": "p.look_id"}
    where = "".join(f" AND {term}" for term in terms)
    texts = [
        f"SELECT {columns} FROM troth_look l WHERE l.pii_principal_id = ?{where} {tail}".format(
            **alone
        ),
        f"SELECT {columns} FROM troth_look_person p JOIN troth_look l ON l.look_id = p.look_id "
        f"WHERE p.pii_principal_id = ?{where} {tail}".format(**in_batch),
    ]
    return " UNION ALL ".join(f"SELECT * FROM ({text}) a{n}" for n, text in enumerate(texts)), 2


def _counted(arms: str) -> str:
    return (
        "SELECT purpose_id, categories, policy_ordinal, count(*), "
        "sum(CASE WHEN outcome = 'write' THEN 1 ELSE 0 END), max(looked_at) "
        f"FROM ({arms}) f GROUP BY purpose_id, categories, policy_ordinal "
        "ORDER BY purpose_id, categories, policy_ordinal"
    )


def _row(taken: Look) -> tuple[Any, ...]:
    return (
        taken.look_id,
        taken.looked_at,
        taken.actor_id,
        taken.actor_role,
        taken.purpose_id,
        taken.people[0] if len(taken.people) == 1 else None,
        len(taken.people),
        ",".join(taken.categories),
        taken.clause,
        taken.policy_ordinal,
        taken.case_id,
        taken.outcome.value,
        taken.reason,
        int(taken.break_glass),
    )


def _look(row: Sequence[Any]) -> Look:
    return Look(
        look_id=row[0],
        looked_at=row[1],
        actor_id=row[2],
        actor_role=row[3],
        purpose_id=row[4],
        people=(),
        people_count=row[5],
        categories=tuple(filter(None, row[6].split(","))),
        clause=ClauseId(row[7]),
        policy_ordinal=row[8],
        case_id=row[9],
        outcome=Outcome(row[10]),
        reason=row[11],
        break_glass=bool(row[12]),
    )


def _stored(row: Sequence[Any]) -> StoredLook:
    ending, report_id = row[13:]
    return StoredLook(
        look=_look(row),
        ending=Ending(ending) if ending is not None else None,
        reported=report_id is not None,
    )


def _use_count(row: Sequence[Any]) -> UseCount:
    return UseCount(
        purpose=row[0],
        categories=tuple(filter(None, row[1].split(","))),
        policy_ordinal=row[2],
        times=int(row[3]),
        times_writing=int(row[4]),
        last_at=row[5],
    )
