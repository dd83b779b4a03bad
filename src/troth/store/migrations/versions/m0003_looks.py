"""Looks: who used whose data, for what; append-only.

On PostgreSQL they lie in the database. On SQLite they lie in a file beside it, since one file has
one writer and a look must be stored while a use holds it; this migration makes that file.
The statements are written out, so that this migration stays what it was when the code moves on.

Revision ID: 0003
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from alembic import op

from troth.store.disk import sync_folder

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        (_, _, main), *_ = connection.exec_driver_sql("PRAGMA database_list").fetchall()
        make_file(Path(main))
        return
    # On the driver's own cursor: nothing in a statement is a parameter.
    cursor = connection.connection.cursor()
    for statement in POSTGRESQL:
        cursor.execute(statement)


def make_file(main: Path) -> None:
    """Make the file of the looks beside the database ``main``, whole or not at all."""
    file = main.with_name(f"{main.stem}-looks{main.suffix}")
    if file.exists():
        return  # an interrupted run made it; what it holds is never thrown away
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=main.parent)
    os.close(descriptor)
    part = Path(name)
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as made:
            made.execute("PRAGMA journal_mode=WAL")
            made.execute("BEGIN IMMEDIATE")
            for statement in SQLITE:
                made.execute(statement)
            made.execute("COMMIT")
        part.chmod(main.stat().st_mode & 0o777)  # whoever may open the one may open the other
        with part.open("rb") as written:
            os.fsync(written.fileno())
        os.link(part, file)  # unlike a rename, it takes nothing's place
    finally:
        part.unlink(missing_ok=True)
    sync_folder(main.parent)


SQLITE = (
    """
    CREATE TABLE troth_look (
      look_id TEXT NOT NULL,
      looked_at BIGINT NOT NULL,
      actor_id TEXT NOT NULL,
      actor_role TEXT NOT NULL,
      purpose_id TEXT NOT NULL,
      pii_principal_id TEXT,
      people INTEGER NOT NULL,
      categories TEXT NOT NULL,
      clause TEXT NOT NULL,
      policy_ordinal INTEGER NOT NULL,
      case_id TEXT NOT NULL,
      outcome TEXT NOT NULL,
      reason TEXT NOT NULL,
      break_glass INTEGER NOT NULL,
      CONSTRAINT pk_troth_look PRIMARY KEY (look_id),
      CONSTRAINT ck_troth_look_outcome CHECK (outcome = 'read' OR outcome = 'write' OR outcome = 'refused'),
      CONSTRAINT ck_troth_look_one_person CHECK ((people = 1) = (pii_principal_id IS NOT NULL)),
      CONSTRAINT ck_troth_look_break_glass CHECK (break_glass = 0 OR break_glass = 1)
    )
     WITHOUT ROWID
    """,
    """
    CREATE INDEX ix_troth_look_person ON troth_look (pii_principal_id, looked_at, look_id)
    """,
    """
    CREATE TABLE troth_look_alarm (
      look_id TEXT NOT NULL,
      raised_at BIGINT NOT NULL,
      words TEXT NOT NULL,
      CONSTRAINT pk_troth_look_alarm PRIMARY KEY (look_id)
    )
     WITHOUT ROWID
    """,
    """
    CREATE TABLE troth_look_end (
      look_id TEXT NOT NULL,
      ended_at BIGINT NOT NULL,
      ending TEXT NOT NULL,
      CONSTRAINT pk_troth_look_end PRIMARY KEY (look_id),
      CONSTRAINT ck_troth_look_end_ending CHECK (ending = 'done' OR ending = 'undone')
    )
     WITHOUT ROWID
    """,
    """
    CREATE TABLE troth_look_person (
      pii_principal_id TEXT NOT NULL,
      looked_at BIGINT NOT NULL,
      look_id TEXT NOT NULL,
      CONSTRAINT pk_troth_look_person PRIMARY KEY (pii_principal_id, looked_at, look_id)
    )
     WITHOUT ROWID
    """,
    """
    CREATE TABLE troth_look_report (
      report_id TEXT NOT NULL,
      look_id TEXT NOT NULL,
      pii_principal_id TEXT NOT NULL,
      reported_at BIGINT NOT NULL,
      reason TEXT NOT NULL,
      CONSTRAINT pk_troth_look_report PRIMARY KEY (report_id),
      CONSTRAINT uq_troth_look_report_pii_principal_id_look_id UNIQUE (pii_principal_id, look_id),
      CONSTRAINT ck_troth_look_report_reason CHECK (reason = 'unexpected' OR reason = 'not_needed' OR reason = 'too_often' OR reason = 'other')
    )
     WITHOUT ROWID
    """,
    """
    CREATE TABLE troth_look_told (
      look_id TEXT NOT NULL,
      pii_principal_id TEXT NOT NULL,
      told_at BIGINT NOT NULL,
      CONSTRAINT pk_troth_look_told PRIMARY KEY (pii_principal_id, look_id)
    )
     WITHOUT ROWID
    """,
    """
    CREATE TRIGGER troth_look_no_update BEFORE UPDATE ON troth_look BEGIN SELECT RAISE(ABORT, 'troth: troth_look is append-only'); END
    """,
    """
    CREATE TRIGGER troth_look_no_delete BEFORE DELETE ON troth_look BEGIN SELECT RAISE(ABORT, 'troth: troth_look is append-only'); END
    """,
    """
    CREATE TRIGGER troth_look_alarm_no_update BEFORE UPDATE ON troth_look_alarm BEGIN SELECT RAISE(ABORT, 'troth: troth_look_alarm is append-only'); END
    """,
    """
    CREATE TRIGGER troth_look_alarm_no_delete BEFORE DELETE ON troth_look_alarm BEGIN SELECT RAISE(ABORT, 'troth: troth_look_alarm is append-only'); END
    """,
    """
    CREATE TRIGGER troth_look_end_no_update BEFORE UPDATE ON troth_look_end BEGIN SELECT RAISE(ABORT, 'troth: troth_look_end is append-only'); END
    """,
    """
    CREATE TRIGGER troth_look_end_no_delete BEFORE DELETE ON troth_look_end BEGIN SELECT RAISE(ABORT, 'troth: troth_look_end is append-only'); END
    """,
    """
    CREATE TRIGGER troth_look_person_no_update BEFORE UPDATE ON troth_look_person BEGIN SELECT RAISE(ABORT, 'troth: troth_look_person is append-only'); END
    """,
    """
    CREATE TRIGGER troth_look_person_no_delete BEFORE DELETE ON troth_look_person BEGIN SELECT RAISE(ABORT, 'troth: troth_look_person is append-only'); END
    """,
    """
    CREATE TRIGGER troth_look_report_no_update BEFORE UPDATE ON troth_look_report BEGIN SELECT RAISE(ABORT, 'troth: troth_look_report is append-only'); END
    """,
    """
    CREATE TRIGGER troth_look_report_no_delete BEFORE DELETE ON troth_look_report BEGIN SELECT RAISE(ABORT, 'troth: troth_look_report is append-only'); END
    """,
    """
    CREATE TRIGGER troth_look_told_no_update BEFORE UPDATE ON troth_look_told BEGIN SELECT RAISE(ABORT, 'troth: troth_look_told is append-only'); END
    """,
    """
    CREATE TRIGGER troth_look_told_no_delete BEFORE DELETE ON troth_look_told BEGIN SELECT RAISE(ABORT, 'troth: troth_look_told is append-only'); END
    """,
)

POSTGRESQL = (
    """
    CREATE TABLE troth_look (
      look_id TEXT NOT NULL,
      looked_at BIGINT NOT NULL,
      actor_id TEXT NOT NULL,
      actor_role TEXT NOT NULL,
      purpose_id TEXT NOT NULL,
      pii_principal_id TEXT,
      people INTEGER NOT NULL,
      categories TEXT NOT NULL,
      clause TEXT NOT NULL,
      policy_ordinal INTEGER NOT NULL,
      case_id TEXT NOT NULL,
      outcome TEXT NOT NULL,
      reason TEXT NOT NULL,
      break_glass INTEGER NOT NULL,
      CONSTRAINT pk_troth_look PRIMARY KEY (look_id),
      CONSTRAINT ck_troth_look_outcome CHECK (outcome = 'read' OR outcome = 'write' OR outcome = 'refused'),
      CONSTRAINT ck_troth_look_one_person CHECK ((people = 1) = (pii_principal_id IS NOT NULL)),
      CONSTRAINT ck_troth_look_break_glass CHECK (break_glass = 0 OR break_glass = 1)
    )
    """,
    """
    CREATE INDEX ix_troth_look_person ON troth_look (pii_principal_id, looked_at, look_id)
    """,
    """
    CREATE TABLE troth_look_alarm (
      look_id TEXT NOT NULL,
      raised_at BIGINT NOT NULL,
      words TEXT NOT NULL,
      CONSTRAINT pk_troth_look_alarm PRIMARY KEY (look_id)
    )
    """,
    """
    CREATE TABLE troth_look_end (
      look_id TEXT NOT NULL,
      ended_at BIGINT NOT NULL,
      ending TEXT NOT NULL,
      CONSTRAINT pk_troth_look_end PRIMARY KEY (look_id),
      CONSTRAINT ck_troth_look_end_ending CHECK (ending = 'done' OR ending = 'undone')
    )
    """,
    """
    CREATE TABLE troth_look_person (
      pii_principal_id TEXT NOT NULL,
      looked_at BIGINT NOT NULL,
      look_id TEXT NOT NULL,
      CONSTRAINT pk_troth_look_person PRIMARY KEY (pii_principal_id, looked_at, look_id)
    )
    """,
    """
    CREATE TABLE troth_look_report (
      report_id TEXT NOT NULL,
      look_id TEXT NOT NULL,
      pii_principal_id TEXT NOT NULL,
      reported_at BIGINT NOT NULL,
      reason TEXT NOT NULL,
      CONSTRAINT pk_troth_look_report PRIMARY KEY (report_id),
      CONSTRAINT uq_troth_look_report_pii_principal_id_look_id UNIQUE (pii_principal_id, look_id),
      CONSTRAINT ck_troth_look_report_reason CHECK (reason = 'unexpected' OR reason = 'not_needed' OR reason = 'too_often' OR reason = 'other')
    )
    """,
    """
    CREATE TABLE troth_look_told (
      look_id TEXT NOT NULL,
      pii_principal_id TEXT NOT NULL,
      told_at BIGINT NOT NULL,
      CONSTRAINT pk_troth_look_told PRIMARY KEY (pii_principal_id, look_id)
    )
    """,
    """
    CREATE TRIGGER troth_look_append_only BEFORE UPDATE OR DELETE ON troth_look FOR EACH ROW EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_look_no_truncate BEFORE TRUNCATE ON troth_look FOR EACH STATEMENT EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_look_alarm_append_only BEFORE UPDATE OR DELETE ON troth_look_alarm FOR EACH ROW EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_look_alarm_no_truncate BEFORE TRUNCATE ON troth_look_alarm FOR EACH STATEMENT EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_look_end_append_only BEFORE UPDATE OR DELETE ON troth_look_end FOR EACH ROW EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_look_end_no_truncate BEFORE TRUNCATE ON troth_look_end FOR EACH STATEMENT EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_look_person_append_only BEFORE UPDATE OR DELETE ON troth_look_person FOR EACH ROW EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_look_person_no_truncate BEFORE TRUNCATE ON troth_look_person FOR EACH STATEMENT EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_look_report_append_only BEFORE UPDATE OR DELETE ON troth_look_report FOR EACH ROW EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_look_report_no_truncate BEFORE TRUNCATE ON troth_look_report FOR EACH STATEMENT EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_look_told_append_only BEFORE UPDATE OR DELETE ON troth_look_told FOR EACH ROW EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_look_told_no_truncate BEFORE TRUNCATE ON troth_look_told FOR EACH STATEMENT EXECUTE FUNCTION troth_refuse_change()
    """,
)
