"""The versions of the policy, append-only, and the head that every decision reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from troth.core.errors import InputError
from troth.store.consent import placed, plpgsql
from troth.store.db import Cursor, Kind
from troth.store.schema import metadata

policy_version = Table(
    "troth_policy_version",
    metadata,
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False),
    Column("policy_id", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("change_class", Text, nullable=False),
    Column("asked", Text, nullable=False),
    Column("pii_controller", Text, nullable=False),
    Column("jurisdiction", Text, nullable=False),
    Column("sources", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    UniqueConstraint("event_id"),
    UniqueConstraint("policy_id", "version"),
)

policy_head = Table(
    "troth_policy_head",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("ordinal", Integer, nullable=False),
    CheckConstraint("one = 1", name="one_row"),
)


def head_triggers(kind: Kind) -> Sequence[str]:
    """Return the DDL by which a published version becomes the head and goes to the outbox."""
    tx = "0" if kind == "sqlite" else "pg_current_xact_id()::text::bigint"
    body = f"""
    INSERT INTO troth_policy_head (one, ordinal) VALUES (1, NEW.ordinal)
      ON CONFLICT (one) DO UPDATE SET ordinal = excluded.ordinal;
    INSERT INTO troth_outbox (tx, event_id, topic, recorded_at)
      VALUES ({tx}, NEW.event_id, 'policy_version', NEW.recorded_at);
    """
    name = "troth_policy_version_project"
    if kind == "sqlite":
        return [f"CREATE TRIGGER {name} AFTER INSERT ON troth_policy_version BEGIN {body} END"]
    return [
        plpgsql(name, body),
        f"CREATE TRIGGER {name} AFTER INSERT ON troth_policy_version "
        f"FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One published version; ``asked`` are the purposes that it asks again."""

    ordinal: int
    event_id: str
    policy_id: str
    version: str
    digest: str
    change_class: str
    asked: tuple[str, ...]
    pii_controller: str
    jurisdiction: str
    sources: Mapping[str, str]
    recorded_at: int
    salt: bytes


_COLUMNS = (
    "ordinal, event_id, policy_id, version, digest, change_class, asked, pii_controller, "
    "jurisdiction, sources, recorded_at, salt"
)


def publish(cursor: Cursor, kind: Kind, version: PolicyVersion) -> None:
    """Append one version; the head and the outbox follow in the database.

    Raises:
        InputError: another version took its place meanwhile.
    """
    marks = ", ".join("?" * len(_COLUMNS.split(",")))
    sql = f"INSERT INTO troth_policy_version ({_COLUMNS}) VALUES ({marks})"
    values = (
        version.ordinal,
        version.event_id,
        version.policy_id,
        version.version,
        version.digest,
        version.change_class,
        json.dumps(version.asked),
        version.pii_controller,
        version.jurisdiction,
        json.dumps(dict(version.sources), ensure_ascii=False),
        version.recorded_at,
        version.salt,
    )
    try:
        cursor.execute(placed(kind, sql), values)
    except Exception as error:
        if type(error).__name__ in ("IntegrityError", "UniqueViolation"):
            raise InputError(
                "another version was published at the same moment; look again"
            ) from None
        raise


def head(cursor: Cursor) -> int:
    """Return the ordinal of the version in force; 0 when none was published."""
    cursor.execute("SELECT ordinal FROM troth_policy_head")
    rows = cursor.fetchall()
    return int(rows[0][0]) if rows else 0


def versions(cursor: Cursor) -> list[PolicyVersion]:
    """Return every published version, oldest first."""
    cursor.execute(f"SELECT {_COLUMNS} FROM troth_policy_version ORDER BY ordinal")
    return [
        PolicyVersion(
            ordinal=row[0],
            event_id=row[1],
            policy_id=row[2],
            version=row[3],
            digest=row[4],
            change_class=row[5],
            asked=tuple(json.loads(row[6])),
            pii_controller=row[7],
            jurisdiction=row[8],
            sources=json.loads(row[9]),
            recorded_at=row[10],
            salt=bytes(row[11]),
        )
        for row in cursor.fetchall()
    ]
