"""Persons, consent events, their state and the outbox.

An event is one INSERT; the state and the outbox row follow by a trigger of the database in the
same statement, so that no code path can write one without the other, and on PostgreSQL the
application has no right to write the state at all. A record, which groups the events of one person
for one purpose, is a view over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import (
    text as sql_text,
)

from troth.core.access import StateRow
from troth.core.consent import EntityRole, EventState, EventType, PersonFlag
from troth.core.errors import InputError, SnapshotReplayed, UnknownName
from troth.store.db import Cursor, Kind
from troth.store.schema import metadata, one_of

_SEQ = BigInteger().with_variant(Integer(), "sqlite")


person = Table(
    "troth_person",
    metadata,
    Column("pii_principal_id", Text, primary_key=True),
    Column("flags", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

consent_event = Table(
    "troth_consent_event",
    metadata,
    Column("seq", _SEQ, Identity(always=True), primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("pii_principal_id", Text, ForeignKey("troth_person.pii_principal_id"), nullable=False),
    Column("purpose_id", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("event_state", Text, nullable=False),
    Column("event_time", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("valid_until", BigInteger),
    Column("entity_id", Text, nullable=False),
    Column("entity_role", Text, nullable=False),
    Column("indication_method", Text, nullable=False),
    Column("surface", Text, nullable=False),
    Column("privacy_notice", Text, nullable=False),
    Column("notice_ordinal", Integer, nullable=False),
    Column("notice_digest", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("snapshot_token_id", Text),
    Column("idempotency_key", Text),
    Column("salt", LargeBinary, nullable=False),
    UniqueConstraint("event_id"),
    UniqueConstraint("snapshot_token_id", "purpose_id"),
    CheckConstraint(one_of("event_state", EventState), name="event_state"),
    CheckConstraint(one_of("event_type", EventType), name="event_type"),
    CheckConstraint(one_of("entity_role", EntityRole), name="entity_role"),
    # Only calls of programs bring a key; the other rows cost the index nothing.
    Index(
        "uq_troth_consent_event_idempotency_key",
        "idempotency_key",
        unique=True,
        sqlite_where=sql_text("idempotency_key IS NOT NULL"),
        postgresql_where=sql_text("idempotency_key IS NOT NULL"),
    ),
    Index("ix_troth_consent_event_person", "pii_principal_id", "seq"),
)

consent_state = Table(
    "troth_consent_state",
    metadata,
    Column("pii_principal_id", Text, nullable=False),
    Column("purpose_id", Text, nullable=False),
    Column("event_state", Text, nullable=False),
    Column("valid_until", BigInteger),
    Column("notice_ordinal", Integer, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("person_flags", Integer, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("pii_principal_id", "purpose_id"),
    sqlite_with_rowid=False,
)

outbox = Table(
    "troth_outbox",
    metadata,
    Column("seq", _SEQ, Identity(always=True), primary_key=True),
    Column("tx", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    # On SQLite tx is always 0 and seq alone is the order.
    Index("ix_troth_outbox_tx_seq", "tx", "seq").ddl_if(dialect="postgresql"),
)

use = Table(
    "troth_use",
    metadata,
    Column("pii_principal_id", Text, ForeignKey("troth_person.pii_principal_id"), nullable=False),
    Column("purpose_id", Text, nullable=False),
    Column("uses", Integer, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("pii_principal_id", "purpose_id"),
    sqlite_with_rowid=False,
)

SCHEMA_VERSION = "27560-2023"
"""`schema_version` of every record: ISO/IEC TS 27560:2023."""

RECORD_VIEW = f"""
CREATE VIEW troth_consent_record AS
  SELECT e.record_id, '{SCHEMA_VERSION}' AS schema_version, s.pii_principal_id,
         v.pii_controller, s.purpose_id, v.jurisdiction
  FROM troth_consent_state s
  JOIN troth_consent_event e ON e.event_id = s.event_id
  JOIN troth_policy_version v ON v.ordinal = s.notice_ordinal
"""
"""One row per person and purpose, under the controller and law of the last answer."""

_STATE_COLUMNS = "event_state, valid_until, notice_ordinal, event_id"


def projection_triggers(kind: Kind) -> Sequence[str]:
    """Return the DDL by which the database itself makes state and outbox of an event."""
    # Holds the person's row, so that what is known of the person cannot change in between.
    lock = "FOR SHARE OF p" if kind == "postgresql" else ""
    upsert = f"""
    INSERT INTO troth_consent_state
      (pii_principal_id, purpose_id, {_STATE_COLUMNS}, person_flags, last_seq)
      SELECT NEW.pii_principal_id, NEW.purpose_id, NEW.event_state, NEW.valid_until,
             NEW.notice_ordinal, NEW.event_id, p.flags, NEW.seq
      FROM troth_person p WHERE p.pii_principal_id = NEW.pii_principal_id {lock}
      ON CONFLICT (pii_principal_id, purpose_id) DO UPDATE SET
        event_state = excluded.event_state, valid_until = excluded.valid_until,
        notice_ordinal = excluded.notice_ordinal, event_id = excluded.event_id,
        person_flags = excluded.person_flags, last_seq = excluded.last_seq
      WHERE excluded.last_seq > troth_consent_state.last_seq;
    """
    flags = """
    UPDATE troth_consent_state SET person_flags = NEW.flags
      WHERE pii_principal_id = NEW.pii_principal_id;
    """
    out = """
    INSERT INTO troth_outbox (tx, event_id, topic, recorded_at)
      VALUES ({tx}, NEW.event_id, 'consent_event', NEW.recorded_at);
    """
    if kind == "sqlite":
        mine = out.format(tx="0")
        return [
            "CREATE TRIGGER troth_consent_event_project AFTER INSERT ON troth_consent_event "
            f"BEGIN {upsert} {mine} END",
            "CREATE TRIGGER troth_person_project AFTER UPDATE OF flags ON troth_person "
            f"BEGIN {flags} END",
        ]
    mine = out.format(tx="pg_current_xact_id()::text::bigint")
    return [
        plpgsql("troth_consent_event_project", upsert + mine),
        "CREATE TRIGGER troth_consent_event_project AFTER INSERT ON troth_consent_event "
        "FOR EACH ROW EXECUTE FUNCTION troth_consent_event_project()",
        plpgsql("troth_person_project", flags),
        "CREATE TRIGGER troth_person_project AFTER UPDATE OF flags ON troth_person "
        "FOR EACH ROW EXECUTE FUNCTION troth_person_project()",
    ]


def plpgsql(name: str, body: str) -> str:
    """Return a trigger function that runs with its owner's rights on a fixed search path."""
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path = public, pg_temp AS $$ BEGIN {body} RETURN NULL; END $$"
    )


class ConsentEvent(NamedTuple):
    """One row of ``troth_consent_event`` without its ``seq``; times in microseconds.

    A named tuple, so that it is the parameters of its own INSERT; the person stands last, because
    the INSERT takes the person from the person's own row.
    """

    event_id: str
    record_id: str
    purpose_id: str
    event_type: str
    event_state: str
    event_time: int
    recorded_at: int
    valid_until: int | None
    entity_id: str
    entity_role: str
    indication_method: str
    surface: str
    privacy_notice: str
    notice_ordinal: int
    notice_digest: str
    language: str
    snapshot_token_id: str | None
    idempotency_key: str | None
    salt: bytes
    pii_principal_id: str


COLUMNS = ConsentEvent._fields
BarredEvent = tuple[ConsentEvent, int]
"""An event, and the bits of `PersonFlag` of which none may be set for it to be appended."""


def placed(kind: Kind, text: str) -> str:
    """Return a statement with the placeholders of the driver; ``?`` is how we write them."""
    return text if kind == "sqlite" else text.replace("?", "%s")


# The person who may say this now; nobody if the policy moved on or the person is barred from it.
_WHO = (
    "p.pii_principal_id FROM troth_policy_head h, troth_person p "
    "WHERE h.ordinal = ? AND p.pii_principal_id = ? AND p.flags & ? = 0"
)
_MARKS = ", ".join("?" * (len(COLUMNS) - 1))
_APPEND: dict[Kind, str] = {
    # Nobody is a NULL here, and refused as such: SQLite would set up a table in memory for each
    # INSERT … SELECT that a trigger follows, at half the cost of the whole.
    "sqlite": f"INSERT INTO troth_consent_event ({', '.join(COLUMNS)}) "
    f"VALUES ({_MARKS}, (SELECT {_WHO}))",
    # Nobody is no row here: an error would end the caller's transaction.
    "postgresql": f"INSERT INTO troth_consent_event ({', '.join(COLUMNS)}) SELECT {_MARKS}, {_WHO}",
}
_NOBODY = "NOT NULL constraint failed: troth_consent_event.pii_principal_id"
_EVENTS = f"SELECT {', '.join(COLUMNS)} FROM troth_consent_event "


class ConsentRows:
    """The statements on persons, events and state, on a driver's cursor that the caller commits."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._append = placed(kind, _APPEND[kind])
        # By primary key on both sides; the head is one row.
        self._state = placed(
            kind,
            "SELECT h.ordinal, s.event_state, s.valid_until, s.notice_ordinal, s.event_id, "
            "s.person_flags FROM troth_policy_head h LEFT JOIN troth_consent_state s "
            "ON s.pii_principal_id = ? AND s.purpose_id = ?",
        )
        self._standing = placed(
            kind,
            "SELECT h.ordinal, p.flags FROM troth_policy_head h LEFT JOIN troth_person p "
            "ON p.pii_principal_id = ?",
        )

    def append(self, cursor: Cursor, ordinal: int, answers: Sequence[BarredEvent]) -> bool:
        """Append events in order; state and outbox follow in the database.

        Args:
            cursor: in a transaction that the caller ends.
            ordinal: the version of the policy that must be in force.
            answers: at least one.

        Returns:
            Whether every one was appended. If not, the caller rolls back and asks `standing`:
            the policy moved on, a person is not known, or is barred from the answer.

        Raises:
            SnapshotReplayed: a showing was already answered for its purpose.
            InputError: an idempotency key was already used.
        """
        rows = [(*e[:-1], ordinal, e[-1], bars) for e, bars in answers]
        try:
            if len(rows) == 1:
                cursor.execute(self._append, rows[0])
            else:
                cursor.executemany(self._append, rows)
        except Exception as error:
            if str(error) == _NOBODY:
                return False
            raise_refused(error)
            raise
        return bool(cursor.rowcount == len(rows))

    def state(self, cursor: Cursor, person_id: str, purpose_id: str) -> StateRow | None:
        """Return the policy head with the state of one purpose; None without any policy.

        One row at most; the driver has read past it when this returns, so nothing stays half read.
        """
        cursor.execute(self._state, (person_id, purpose_id))
        row: StateRow | None = cursor.fetchone()
        return row

    def standing(self, cursor: Cursor, person_id: str) -> tuple[int, int]:
        """Return the ordinal of the policy head and the flags of a person (`PersonFlag` bits).

        Raises:
            UnknownName: there is no such person, or no policy was published.
        """
        cursor.execute(self._standing, (person_id,))
        rows = cursor.fetchall()
        if not rows or rows[0][1] is None:
            raise UnknownName("there is no person with this id")
        return rows[0][0], rows[0][1]

    def add_person(self, cursor: Cursor, person_id: str, flags: PersonFlag, now: int) -> None:
        """Add a person under a random id."""
        sql = "INSERT INTO troth_person (pii_principal_id, flags, created_at) VALUES (?, ?, ?)"
        cursor.execute(placed(self.kind, sql), (person_id, int(flags), now))

    def set_flags(self, cursor: Cursor, person_id: str, *, on: int, off: int) -> None:
        """Set and clear bits of what is known of a person; every state of the person follows.

        Raises:
            UnknownName: there is no such person.
        """
        sql = "UPDATE troth_person SET flags = (flags & ~ ?) | ? WHERE pii_principal_id = ?"
        cursor.execute(placed(self.kind, sql), (off, on, person_id))
        if cursor.rowcount != 1:
            raise UnknownName("there is no person with this id")

    def events(self, cursor: Cursor, person_id: str) -> list[ConsentEvent]:
        """Return a person's events, oldest first."""
        sql = placed(self.kind, _EVENTS + "WHERE pii_principal_id = ? ORDER BY seq")
        cursor.execute(sql, (person_id,))
        return [_event(row) for row in cursor.fetchall()]

    def event(self, cursor: Cursor, event_id: str) -> ConsentEvent | None:
        """Return one event by its id."""
        cursor.execute(placed(self.kind, _EVENTS + "WHERE event_id = ?"), (event_id,))
        rows = cursor.fetchall()
        return _event(rows[0]) if rows else None

    def states(self, cursor: Cursor, person_id: str) -> dict[str, StateRow]:
        """Return every state of one person by purpose."""
        sql = (
            f"SELECT purpose_id, h.ordinal, {_STATE_COLUMNS}, person_flags "
            "FROM troth_consent_state, troth_policy_head h WHERE pii_principal_id = ?"
        )
        cursor.execute(placed(self.kind, sql), (person_id,))
        return {row[0]: row[1:] for row in cursor.fetchall()}

    def all_states(self, cursor: Cursor) -> list[tuple[str, str, StateRow]]:
        """Return every state of everybody, for a snapshot."""
        cursor.execute(
            f"SELECT pii_principal_id, purpose_id, h.ordinal, {_STATE_COLUMNS}, person_flags "
            "FROM troth_consent_state, troth_policy_head h"
        )
        return [(row[0], row[1], row[2:]) for row in cursor.fetchall()]

    def count_use(self, cursor: Cursor, person_id: str, purpose_id: str, now: int) -> None:
        """Count one use of a purpose by a person: how often and when last, nothing else."""
        sql = (
            "INSERT INTO troth_use (pii_principal_id, purpose_id, uses, last_used_at) "
            "VALUES (?, ?, 1, ?) ON CONFLICT (pii_principal_id, purpose_id) DO UPDATE SET "
            "uses = troth_use.uses + 1, last_used_at = excluded.last_used_at"
        )
        cursor.execute(placed(self.kind, sql), (person_id, purpose_id, now))

    def uses(self, cursor: Cursor, person_id: str) -> dict[str, tuple[int, int]]:
        """Return {purpose: (how often, when last in microseconds)} of one person."""
        sql = "SELECT purpose_id, uses, last_used_at FROM troth_use WHERE pii_principal_id = ?"
        cursor.execute(placed(self.kind, sql), (person_id,))
        return {row[0]: (row[1], row[2]) for row in cursor.fetchall()}


def _event(row: Sequence[Any]) -> ConsentEvent:
    event = ConsentEvent._make(row)
    return event._replace(salt=bytes(event.salt))  # PostgreSQL's driver may hand out a view of it


def raise_refused(error: Exception) -> None:
    """Raise what an integrity error of an event means; return if it means nothing to us."""
    if type(error).__name__ not in ("IntegrityError", "UniqueViolation", "ForeignKeyViolation"):
        return
    text = str(error)
    if "snapshot_token_id" in text:
        raise SnapshotReplayed("this question was already answered; open it again") from None
    if "idempotency_key" in text:
        raise InputError("this idempotency key was already used for another request") from None
    if "foreign key" in text.lower():
        raise UnknownName("there is no person with this id") from None
