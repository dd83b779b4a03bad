"""Who may be served for what: the rules of the purposes, and the view that lenses join.

The statements are written out, so that this migration stays what it was when the code moves on.
A database that has a policy already gets its rules when that policy is published again; until then
nobody is permitted for anything.

Revision ID: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # On the driver's own cursor: nothing in a statement is a parameter.
    cursor = op.get_bind().connection.cursor()
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        cursor.execute(statement)


SQLITE = (
    """
    CREATE TABLE troth_policy_purpose (
      ordinal INTEGER NOT NULL,
      purpose_id TEXT NOT NULL,
      under_restriction INTEGER NOT NULL,
      CONSTRAINT pk_troth_policy_purpose PRIMARY KEY (ordinal, purpose_id),
      CONSTRAINT ck_troth_policy_purpose_under_restriction CHECK (under_restriction = 0 OR under_restriction = 1),
      CONSTRAINT fk_troth_policy_purpose_ordinal FOREIGN KEY(ordinal) REFERENCES troth_policy_version (ordinal)
    )
     WITHOUT ROWID
    """,
    """
    CREATE TABLE troth_purpose_rule (
      purpose_id TEXT NOT NULL,
      required INTEGER NOT NULL,
      under_restriction INTEGER NOT NULL,
      CONSTRAINT pk_troth_purpose_rule PRIMARY KEY (purpose_id)
    )
     WITHOUT ROWID
    """,
    """
    CREATE TRIGGER troth_policy_purpose_no_update BEFORE UPDATE ON troth_policy_purpose BEGIN SELECT RAISE(ABORT, 'troth: troth_policy_purpose is append-only'); END
    """,
    """
    CREATE TRIGGER troth_policy_purpose_no_delete BEFORE DELETE ON troth_policy_purpose BEGIN SELECT RAISE(ABORT, 'troth: troth_policy_purpose is append-only'); END
    """,
    """
    CREATE TRIGGER troth_purpose_rule_empty AFTER INSERT ON troth_policy_version BEGIN DELETE FROM troth_purpose_rule; END
    """,
    """
    CREATE TRIGGER troth_purpose_rule_fill AFTER INSERT ON troth_policy_purpose BEGIN
        INSERT INTO troth_purpose_rule (purpose_id, required, under_restriction)
          SELECT NEW.purpose_id,
                 coalesce((SELECT max(v.ordinal) FROM troth_policy_version v
                           WHERE instr(v.asked, '"' || NEW.purpose_id || '"') > 0), 0),
                 NEW.under_restriction
          FROM troth_policy_head h WHERE h.ordinal = NEW.ordinal;
         END
    """,
    """
    CREATE VIEW troth_permitted AS
      SELECT s.pii_principal_id, s.purpose_id
      FROM troth_consent_state s JOIN troth_purpose_rule r ON r.purpose_id = s.purpose_id
      WHERE (s.event_state = 'act_recorded' OR s.event_state = 'consent_given' OR s.event_state = 'renewed_consent_given')
        AND (s.valid_until IS NULL OR s.valid_until > CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000)
        AND s.notice_ordinal >= r.required
        AND (s.person_flags & 4 = 0 OR r.under_restriction = 1)
        AND (s.person_flags & 1 = 0 OR s.person_flags & 2 <> 0)
    """,
)

POSTGRESQL = (
    """
    CREATE TABLE troth_policy_purpose (
      ordinal INTEGER NOT NULL,
      purpose_id TEXT NOT NULL,
      under_restriction INTEGER NOT NULL,
      CONSTRAINT pk_troth_policy_purpose PRIMARY KEY (ordinal, purpose_id),
      CONSTRAINT ck_troth_policy_purpose_under_restriction CHECK (under_restriction = 0 OR under_restriction = 1),
      CONSTRAINT fk_troth_policy_purpose_ordinal FOREIGN KEY(ordinal) REFERENCES troth_policy_version (ordinal)
    )
    """,
    """
    CREATE TABLE troth_purpose_rule (
      purpose_id TEXT NOT NULL,
      required INTEGER NOT NULL,
      under_restriction INTEGER NOT NULL,
      CONSTRAINT pk_troth_purpose_rule PRIMARY KEY (purpose_id)
    )
    """,
    """
    CREATE TRIGGER troth_policy_purpose_append_only BEFORE UPDATE OR DELETE ON troth_policy_purpose FOR EACH ROW EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_policy_purpose_no_truncate BEFORE TRUNCATE ON troth_policy_purpose FOR EACH STATEMENT EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE FUNCTION troth_purpose_rule_empty() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN DELETE FROM troth_purpose_rule; RETURN NULL; END $$
    """,
    """
    CREATE TRIGGER troth_purpose_rule_empty AFTER INSERT ON troth_policy_version FOR EACH ROW EXECUTE FUNCTION troth_purpose_rule_empty()
    """,
    """
    CREATE FUNCTION troth_purpose_rule_fill() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
        INSERT INTO troth_purpose_rule (purpose_id, required, under_restriction)
          SELECT NEW.purpose_id,
                 coalesce((SELECT max(v.ordinal) FROM troth_policy_version v
                           WHERE strpos(v.asked, '"' || NEW.purpose_id || '"') > 0), 0),
                 NEW.under_restriction
          FROM troth_policy_head h WHERE h.ordinal = NEW.ordinal;
         RETURN NULL; END $$
    """,
    """
    CREATE TRIGGER troth_purpose_rule_fill AFTER INSERT ON troth_policy_purpose FOR EACH ROW EXECUTE FUNCTION troth_purpose_rule_fill()
    """,
    """
    CREATE VIEW troth_permitted AS
      SELECT s.pii_principal_id, s.purpose_id
      FROM troth_consent_state s JOIN troth_purpose_rule r ON r.purpose_id = s.purpose_id
      WHERE (s.event_state = 'act_recorded' OR s.event_state = 'consent_given' OR s.event_state = 'renewed_consent_given')
        AND (s.valid_until IS NULL OR s.valid_until > CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint))
        AND s.notice_ordinal >= r.required
        AND (s.person_flags & 4 = 0 OR r.under_restriction = 1)
        AND (s.person_flags & 1 = 0 OR s.person_flags & 2 <> 0)
    """,
)
