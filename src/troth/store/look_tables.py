"""The tables of looks and where they lie; the statements on them are in `looks.py`."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    make_url,
)

from troth.core.looks import Ending, Outcome, ReportReason
from troth.store.db import kind_of
from troth.store.schema import metadata, one_of

looks_metadata = MetaData(naming_convention=metadata.naming_convention)
"""A catalogue of its own, since on SQLite these tables lie in a file of their own."""


look = Table(
    "troth_look",
    looks_metadata,
    Column("look_id", Text, primary_key=True),
    Column("looked_at", BigInteger, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_role", Text, nullable=False),
    Column("purpose_id", Text, nullable=False),
    Column("pii_principal_id", Text),
    Column("people", Integer, nullable=False),
    Column("categories", Text, nullable=False),
    Column("clause", Text, nullable=False),
    Column("policy_ordinal", Integer, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("break_glass", Integer, nullable=False),
    CheckConstraint(one_of("outcome", Outcome), name="outcome"),
    CheckConstraint("(people = 1) = (pii_principal_id IS NOT NULL)", name="one_person"),
    CheckConstraint("break_glass = 0 OR break_glass = 1", name="break_glass"),
    Index("ix_troth_look_person", "pii_principal_id", "looked_at", "look_id"),
    sqlite_with_rowid=False,
)

look_person = Table(
    "troth_look_person",
    looks_metadata,
    Column("pii_principal_id", Text, nullable=False),
    Column("looked_at", BigInteger, nullable=False),
    Column("look_id", Text, nullable=False),
    PrimaryKeyConstraint("pii_principal_id", "looked_at", "look_id"),
    sqlite_with_rowid=False,
)

look_end = Table(
    "troth_look_end",
    looks_metadata,
    Column("look_id", Text, primary_key=True),
    Column("ended_at", BigInteger, nullable=False),
    Column("ending", Text, nullable=False),
    CheckConstraint(one_of("ending", Ending), name="ending"),
    sqlite_with_rowid=False,
)

look_alarm = Table(
    "troth_look_alarm",
    looks_metadata,
    Column("look_id", Text, primary_key=True),
    Column("raised_at", BigInteger, nullable=False),
    Column("words", Text, nullable=False),
    sqlite_with_rowid=False,
)

look_told = Table(
    "troth_look_told",
    looks_metadata,
    Column("look_id", Text, nullable=False),
    Column("pii_principal_id", Text, nullable=False),
    Column("told_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("pii_principal_id", "look_id"),
    sqlite_with_rowid=False,
)

look_report = Table(
    "troth_look_report",
    looks_metadata,
    Column("report_id", Text, primary_key=True),
    Column("look_id", Text, nullable=False),
    Column("pii_principal_id", Text, nullable=False),
    Column("reported_at", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    UniqueConstraint("pii_principal_id", "look_id"),
    CheckConstraint(one_of("reason", ReportReason), name="reason"),
    sqlite_with_rowid=False,
)


def looks_url(database_url: str) -> str:
    """Return the URL of the database that holds the looks of a deployment.

    On SQLite a file beside the database, ``troth-looks.db`` for ``troth.db``; it belongs to the
    deployment as the other does and is backed up with it. On PostgreSQL the same database.
    """
    if kind_of(database_url) != "sqlite":
        return database_url
    url = make_url(database_url)
    file = looks_file(Path(url.database or ""))
    return url.set(database=str(file)).render_as_string(hide_password=False)


def looks_file(database_file: Path) -> Path:
    """Return where the looks of a SQLite database lie."""
    return database_file.with_name(f"{database_file.stem}-looks{database_file.suffix}")
