"""The same rows written by hand: what a careful programmer would write for one consent.

One transaction inserts the event, puts the state in its place and adds the outbox row. Nothing is
read, checked, signed or made up while the clock runs: ids and salts are given. The databases are
of troth's own shape, with the trigger gone that would make state and outbox a second time.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg

from benchmarks.world import EVENT_COLUMNS, uuid_of
from troth.adapters.ids import RandomIds

_COLUMNS = EVENT_COLUMNS.split(", ")
_STATE_COLUMNS = (
    "pii_principal_id, purpose_id, event_state, valid_until, notice_ordinal, event_id, "
    "person_flags, last_seq"
)
_PUT_STATE = (
    "ON CONFLICT (pii_principal_id, purpose_id) DO UPDATE SET event_state = excluded.event_state, "
    "valid_until = excluded.valid_until, notice_ordinal = excluded.notice_ordinal, "
    "event_id = excluded.event_id, person_flags = excluded.person_flags, "
    "last_seq = excluded.last_seq"
)
_IDS = RandomIds()


@dataclass(frozen=True, slots=True)
class Rows:
    """What one answer writes, ready to be bound; the state lacks the number of its event."""

    event: tuple[Any, ...]
    state: tuple[Any, ...]
    outbox: tuple[Any, ...]


class Writer(Protocol):
    """Writes the rows of one answer durably."""

    def write(self, rows: Rows) -> None:
        """Return after the commit."""


def rows_of(person: str, purpose: str, state: str, now: int) -> Rows:
    """Return the rows of one answer, as long as those that troth writes, and ids as it makes."""
    event_id, token_id, salt = _IDS.event_id(now), _IDS.event_id(now), _IDS.salt()
    record = uuid_of(hashlib.sha256(f"{person} {purpose}".encode()).hexdigest())
    until = now + 31_536_000_000_000 if state == "consent_given" else None
    values = {
        "event_id": event_id,
        "record_id": record,
        "pii_principal_id": person,
        "purpose_id": purpose,
        "event_type": "expressed_consent",
        "event_state": state,
        "event_time": now,
        "recorded_at": now,
        "valid_until": until,
        "entity_id": person,
        "entity_role": "pii_principal",
        "indication_method": "button",
        "surface": "/scan",
        "privacy_notice": "zhihe_privacy@1.0",
        "notice_ordinal": 1,
        "notice_digest": "0123456789abcdef" * 4,
        "language": "zh-CN",
        "snapshot_token_id": token_id,
        "idempotency_key": None,
        "salt": salt,
    }
    return Rows(
        event=tuple(values[name] for name in _COLUMNS),
        state=(person, purpose, state, until, 1, event_id, 0),
        outbox=(event_id, "consent_event", now),
    )


def _insert(table: str, columns: str) -> str:
    return f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(columns.split(',')))})"


def _open(file: Path) -> sqlite3.Connection:
    """Open a file as durably as troth does, and see that it is so."""
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma, value in (
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("recursive_triggers", 1),
    ):
        connection.execute(f"PRAGMA {pragma}={value}")
        (got,) = connection.execute(f"PRAGMA {pragma}").fetchone()
        if got != value:
            raise AssertionError(f"PRAGMA {pragma} is {got!r}, expected {value!r}")
    connection.execute("DROP TRIGGER IF EXISTS troth_consent_event_project")
    return connection


class SQLiteWriter:
    """The transaction on a file of SQLite."""

    _event = _insert("troth_consent_event", EVENT_COLUMNS)
    _state = f"{_insert('troth_consent_state', _STATE_COLUMNS)} {_PUT_STATE}"
    _outbox = "INSERT INTO troth_outbox (tx, event_id, topic, recorded_at) VALUES (0, ?, ?, ?)"

    def __init__(self, file: Path) -> None:
        self.connection = _open(file)
        self._cursor = self.connection.cursor()

    def write(self, rows: Rows) -> None:
        """Write the three rows and commit."""
        execute = self._cursor.execute
        execute("BEGIN IMMEDIATE")
        execute(self._event, rows.event)
        execute(self._state, (*rows.state, self._cursor.lastrowid))
        execute(self._outbox, rows.outbox)
        execute("COMMIT")


class SQLiteInsert:
    """One raw insert of the event alone: less than any consent may write."""

    def __init__(self, file: Path) -> None:
        self.connection = _open(file)
        self._cursor = self.connection.cursor()
        self._event = _insert("troth_consent_event", EVENT_COLUMNS)

    def write(self, rows: Rows) -> None:
        """Write the event; the statement commits by itself."""
        self._cursor.execute(self._event, rows.event)


class PostgreSQLWriter:
    """The transaction on PostgreSQL as one statement, which is the fastest way to write it."""

    def __init__(self, owner_url: str) -> None:
        address = owner_url.replace("postgresql+psycopg://", "postgresql://", 1)
        self.connection = psycopg.connect(address, autocommit=True, prepare_threshold=1)
        self.connection.execute(
            "DROP TRIGGER IF EXISTS troth_consent_event_project ON troth_consent_event"
        )
        marks = ", ".join(["%s"] * len(_COLUMNS))
        self._statement = f"""
        WITH event AS (
          INSERT INTO troth_consent_event ({EVENT_COLUMNS}) VALUES ({marks}) RETURNING seq
        ), state AS (
          INSERT INTO troth_consent_state ({_STATE_COLUMNS})
          SELECT %s, %s, %s, %s::bigint, %s::integer, %s, %s::integer, seq FROM event {_PUT_STATE}
        )
        INSERT INTO troth_outbox (tx, event_id, topic, recorded_at)
        VALUES (pg_current_xact_id()::text::bigint, %s, %s, %s)
        """

    def write(self, rows: Rows) -> None:
        """Write the three rows; the statement commits by itself."""
        self.connection.execute(self._statement, (*rows.event, *rows.state, *rows.outbox))


def counts(execute: Any) -> Sequence[int]:
    """Return how many events, states and outbox rows of consent a database holds."""
    return [
        execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in (
            "troth_consent_event",
            "troth_consent_state",
            "troth_outbox WHERE topic = 'consent_event'",
        )
    ]
