"""The first release: people, consent, the policy, the outbox and the provable log.

The statements are written out, so that this migration stays what it was when the code moves on.

Revision ID: 0001
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # On the driver's own cursor: nothing in a statement is a parameter.
    cursor = op.get_bind().connection.cursor()
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        cursor.execute(statement)


SQLITE = (
    """
    CREATE TABLE troth_checkpoint (
      tree_size INTEGER NOT NULL,
      note TEXT NOT NULL,
      recorded_at BIGINT NOT NULL,
      CONSTRAINT pk_troth_checkpoint PRIMARY KEY (tree_size)
    )
    """,
    """
    CREATE TABLE troth_consent_state (
      pii_principal_id TEXT NOT NULL,
      purpose_id TEXT NOT NULL,
      event_state TEXT NOT NULL,
      valid_until BIGINT,
      notice_ordinal INTEGER NOT NULL,
      event_id TEXT NOT NULL,
      person_flags INTEGER NOT NULL,
      last_seq BIGINT NOT NULL,
      CONSTRAINT pk_troth_consent_state PRIMARY KEY (pii_principal_id, purpose_id)
    )
     WITHOUT ROWID
    """,
    """
    CREATE TABLE troth_leaf (
      leaf_index INTEGER NOT NULL,
      event_id TEXT NOT NULL,
      entry BLOB NOT NULL,
      CONSTRAINT pk_troth_leaf PRIMARY KEY (leaf_index),
      CONSTRAINT uq_troth_leaf_event_id UNIQUE (event_id)
    )
    """,
    """
    CREATE TABLE troth_outbox (
      seq INTEGER NOT NULL,
      tx BIGINT NOT NULL,
      event_id TEXT NOT NULL,
      topic TEXT NOT NULL,
      recorded_at BIGINT NOT NULL,
      CONSTRAINT pk_troth_outbox PRIMARY KEY (seq)
    )
    """,
    """
    CREATE TABLE troth_outbox_cursor (
      consumer TEXT NOT NULL,
      tx BIGINT NOT NULL,
      seq BIGINT NOT NULL,
      CONSTRAINT pk_troth_outbox_cursor PRIMARY KEY (consumer)
    )
    """,
    """
    CREATE TABLE troth_person (
      pii_principal_id TEXT NOT NULL,
      flags INTEGER NOT NULL,
      created_at BIGINT NOT NULL,
      CONSTRAINT pk_troth_person PRIMARY KEY (pii_principal_id)
    )
     WITHOUT ROWID
    """,
    """
    CREATE TABLE troth_policy_head (
      one INTEGER NOT NULL,
      ordinal INTEGER NOT NULL,
      CONSTRAINT pk_troth_policy_head PRIMARY KEY (one),
      CONSTRAINT ck_troth_policy_head_one_row CHECK (one = 1)
    )
    """,
    """
    CREATE TABLE troth_policy_version (
      ordinal INTEGER NOT NULL,
      event_id TEXT NOT NULL,
      policy_id TEXT NOT NULL,
      version TEXT NOT NULL,
      digest TEXT NOT NULL,
      change_class TEXT NOT NULL,
      asked TEXT NOT NULL,
      pii_controller TEXT NOT NULL,
      jurisdiction TEXT NOT NULL,
      sources TEXT NOT NULL,
      recorded_at BIGINT NOT NULL,
      salt BLOB NOT NULL,
      CONSTRAINT pk_troth_policy_version PRIMARY KEY (ordinal),
      CONSTRAINT uq_troth_policy_version_event_id UNIQUE (event_id),
      CONSTRAINT uq_troth_policy_version_policy_id_version UNIQUE (policy_id, version)
    )
    """,
    """
    CREATE TABLE troth_tile (
      level SMALLINT NOT NULL,
      tile_index BIGINT NOT NULL,
      root BLOB NOT NULL,
      hashes BLOB NOT NULL,
      CONSTRAINT pk_troth_tile PRIMARY KEY (level, tile_index)
    )
    """,
    """
    CREATE TABLE troth_consent_event (
      seq INTEGER NOT NULL,
      event_id TEXT NOT NULL,
      record_id TEXT NOT NULL,
      pii_principal_id TEXT NOT NULL,
      purpose_id TEXT NOT NULL,
      event_type TEXT NOT NULL,
      event_state TEXT NOT NULL,
      event_time BIGINT NOT NULL,
      recorded_at BIGINT NOT NULL,
      valid_until BIGINT,
      entity_id TEXT NOT NULL,
      entity_role TEXT NOT NULL,
      indication_method TEXT NOT NULL,
      surface TEXT NOT NULL,
      privacy_notice TEXT NOT NULL,
      notice_ordinal INTEGER NOT NULL,
      notice_digest TEXT NOT NULL,
      language TEXT NOT NULL,
      snapshot_token_id TEXT,
      idempotency_key TEXT,
      salt BLOB NOT NULL,
      CONSTRAINT pk_troth_consent_event PRIMARY KEY (seq),
      CONSTRAINT uq_troth_consent_event_event_id UNIQUE (event_id),
      CONSTRAINT uq_troth_consent_event_snapshot_token_id_purpose_id UNIQUE (snapshot_token_id, purpose_id),
      CONSTRAINT ck_troth_consent_event_event_state CHECK (event_state = 'consent_requested' OR event_state = 'consent_request_deferred' OR event_state = 'consent_refused' OR event_state = 'consent_given' OR event_state = 'renewed_consent_given' OR event_state = 'consent_withdrawn' OR event_state = 'consent_expired' OR event_state = 'consent_terminated' OR event_state = 'consent_invalidated' OR event_state = 'consent_unknown' OR event_state = 'act_recorded' OR event_state = 'act_ended'),
      CONSTRAINT ck_troth_consent_event_event_type CHECK (event_type = 'expressed_consent' OR event_type = 'explicitly_expressed_consent' OR event_type = 'explicit_act' OR event_type = 'system'),
      CONSTRAINT ck_troth_consent_event_entity_role CHECK (entity_role = 'pii_principal' OR entity_role = 'guardian' OR entity_role = 'staff' OR entity_role = 'system'),
      CONSTRAINT fk_troth_consent_event_pii_principal_id FOREIGN KEY(pii_principal_id) REFERENCES troth_person (pii_principal_id)
    )
    """,
    """
    CREATE INDEX ix_troth_consent_event_person ON troth_consent_event (pii_principal_id, seq)
    """,
    """
    CREATE UNIQUE INDEX uq_troth_consent_event_idempotency_key ON troth_consent_event (idempotency_key) WHERE idempotency_key IS NOT NULL
    """,
    """
    CREATE TABLE troth_use (
      pii_principal_id TEXT NOT NULL,
      purpose_id TEXT NOT NULL,
      uses INTEGER NOT NULL,
      last_used_at BIGINT NOT NULL,
      CONSTRAINT pk_troth_use PRIMARY KEY (pii_principal_id, purpose_id),
      CONSTRAINT fk_troth_use_pii_principal_id FOREIGN KEY(pii_principal_id) REFERENCES troth_person (pii_principal_id)
    )
     WITHOUT ROWID
    """,
    """
    CREATE TRIGGER troth_consent_event_no_update BEFORE UPDATE ON troth_consent_event BEGIN SELECT RAISE(ABORT, 'troth: troth_consent_event is append-only'); END
    """,
    """
    CREATE TRIGGER troth_consent_event_no_delete BEFORE DELETE ON troth_consent_event BEGIN SELECT RAISE(ABORT, 'troth: troth_consent_event is append-only'); END
    """,
    """
    CREATE TRIGGER troth_policy_version_no_update BEFORE UPDATE ON troth_policy_version BEGIN SELECT RAISE(ABORT, 'troth: troth_policy_version is append-only'); END
    """,
    """
    CREATE TRIGGER troth_policy_version_no_delete BEFORE DELETE ON troth_policy_version BEGIN SELECT RAISE(ABORT, 'troth: troth_policy_version is append-only'); END
    """,
    """
    CREATE TRIGGER troth_outbox_no_update BEFORE UPDATE ON troth_outbox BEGIN SELECT RAISE(ABORT, 'troth: troth_outbox is append-only'); END
    """,
    """
    CREATE TRIGGER troth_outbox_no_delete BEFORE DELETE ON troth_outbox BEGIN SELECT RAISE(ABORT, 'troth: troth_outbox is append-only'); END
    """,
    """
    CREATE TRIGGER troth_leaf_no_update BEFORE UPDATE ON troth_leaf BEGIN SELECT RAISE(ABORT, 'troth_leaf is append-only'); END
    """,
    """
    CREATE TRIGGER troth_leaf_no_delete BEFORE DELETE ON troth_leaf BEGIN SELECT RAISE(ABORT, 'troth_leaf is append-only'); END
    """,
    """
    CREATE TRIGGER troth_leaf_no_replace BEFORE INSERT ON troth_leaf WHEN EXISTS (SELECT 1 FROM troth_leaf WHERE (event_id IS NEW.event_id)) BEGIN SELECT RAISE(ABORT, 'troth_leaf is append-only'); END
    """,
    """
    CREATE TRIGGER troth_leaf_no_gap BEFORE INSERT ON troth_leaf WHEN NEW.leaf_index IS NOT (SELECT coalesce(max(leaf_index), -1) + 1 FROM troth_leaf) BEGIN SELECT RAISE(ABORT, 'troth_leaf is append-only'); END
    """,
    """
    CREATE TRIGGER troth_tile_no_update BEFORE UPDATE ON troth_tile BEGIN SELECT RAISE(ABORT, 'troth_tile is append-only'); END
    """,
    """
    CREATE TRIGGER troth_tile_no_delete BEFORE DELETE ON troth_tile BEGIN SELECT RAISE(ABORT, 'troth_tile is append-only'); END
    """,
    """
    CREATE TRIGGER troth_tile_no_replace BEFORE INSERT ON troth_tile WHEN EXISTS (SELECT 1 FROM troth_tile WHERE (level IS NEW.level AND tile_index IS NEW.tile_index)) BEGIN SELECT RAISE(ABORT, 'troth_tile is append-only'); END
    """,
    """
    CREATE TRIGGER troth_checkpoint_no_update BEFORE UPDATE ON troth_checkpoint BEGIN SELECT RAISE(ABORT, 'troth_checkpoint is append-only'); END
    """,
    """
    CREATE TRIGGER troth_checkpoint_no_delete BEFORE DELETE ON troth_checkpoint BEGIN SELECT RAISE(ABORT, 'troth_checkpoint is append-only'); END
    """,
    """
    CREATE TRIGGER troth_checkpoint_no_replace BEFORE INSERT ON troth_checkpoint WHEN EXISTS (SELECT 1 FROM troth_checkpoint WHERE (tree_size IS NEW.tree_size)) BEGIN SELECT RAISE(ABORT, 'troth_checkpoint is append-only'); END
    """,
    """
    CREATE TRIGGER troth_consent_event_project AFTER INSERT ON troth_consent_event BEGIN
        INSERT INTO troth_consent_state
          (pii_principal_id, purpose_id, event_state, valid_until, notice_ordinal, event_id, person_flags, last_seq)
          SELECT NEW.pii_principal_id, NEW.purpose_id, NEW.event_state, NEW.valid_until,
                 NEW.notice_ordinal, NEW.event_id, p.flags, NEW.seq
          FROM troth_person p WHERE p.pii_principal_id = NEW.pii_principal_id
          ON CONFLICT (pii_principal_id, purpose_id) DO UPDATE SET
            event_state = excluded.event_state, valid_until = excluded.valid_until,
            notice_ordinal = excluded.notice_ordinal, event_id = excluded.event_id,
            person_flags = excluded.person_flags, last_seq = excluded.last_seq
          WHERE excluded.last_seq > troth_consent_state.last_seq;

        INSERT INTO troth_outbox (tx, event_id, topic, recorded_at)
          VALUES (0, NEW.event_id, 'consent_event', NEW.recorded_at);
         END
    """,
    """
    CREATE TRIGGER troth_person_project AFTER UPDATE OF flags ON troth_person BEGIN
        UPDATE troth_consent_state SET person_flags = NEW.flags
          WHERE pii_principal_id = NEW.pii_principal_id;
         END
    """,
    """
    CREATE TRIGGER troth_policy_version_project AFTER INSERT ON troth_policy_version BEGIN
        INSERT INTO troth_policy_head (one, ordinal) VALUES (1, NEW.ordinal)
          ON CONFLICT (one) DO UPDATE SET ordinal = excluded.ordinal;
        INSERT INTO troth_outbox (tx, event_id, topic, recorded_at)
          VALUES (0, NEW.event_id, 'policy_version', NEW.recorded_at);
         END
    """,
    """
    CREATE VIEW troth_consent_record AS
      SELECT e.record_id, '27560-2023' AS schema_version, s.pii_principal_id,
             v.pii_controller, s.purpose_id, v.jurisdiction
      FROM troth_consent_state s
      JOIN troth_consent_event e ON e.event_id = s.event_id
      JOIN troth_policy_version v ON v.ordinal = s.notice_ordinal
    """,
)

POSTGRESQL = (
    """
    CREATE TABLE troth_checkpoint (
      tree_size BIGINT NOT NULL,
      note TEXT NOT NULL,
      recorded_at BIGINT NOT NULL,
      CONSTRAINT pk_troth_checkpoint PRIMARY KEY (tree_size)
    )
    """,
    """
    CREATE TABLE troth_consent_state (
      pii_principal_id TEXT NOT NULL,
      purpose_id TEXT NOT NULL,
      event_state TEXT NOT NULL,
      valid_until BIGINT,
      notice_ordinal INTEGER NOT NULL,
      event_id TEXT NOT NULL,
      person_flags INTEGER NOT NULL,
      last_seq BIGINT NOT NULL,
      CONSTRAINT pk_troth_consent_state PRIMARY KEY (pii_principal_id, purpose_id)
    )
    """,
    """
    CREATE TABLE troth_leaf (
      leaf_index BIGINT NOT NULL,
      event_id TEXT NOT NULL,
      entry BYTEA NOT NULL,
      CONSTRAINT pk_troth_leaf PRIMARY KEY (leaf_index),
      CONSTRAINT uq_troth_leaf_event_id UNIQUE (event_id)
    )
    """,
    """
    CREATE TABLE troth_outbox (
      seq BIGINT GENERATED ALWAYS AS IDENTITY,
      tx BIGINT NOT NULL,
      event_id TEXT NOT NULL,
      topic TEXT NOT NULL,
      recorded_at BIGINT NOT NULL,
      CONSTRAINT pk_troth_outbox PRIMARY KEY (seq)
    )
    """,
    """
    CREATE INDEX ix_troth_outbox_tx_seq ON troth_outbox (tx, seq)
    """,
    """
    CREATE TABLE troth_outbox_cursor (
      consumer TEXT NOT NULL,
      tx BIGINT NOT NULL,
      seq BIGINT NOT NULL,
      CONSTRAINT pk_troth_outbox_cursor PRIMARY KEY (consumer)
    )
    """,
    """
    CREATE TABLE troth_person (
      pii_principal_id TEXT NOT NULL,
      flags INTEGER NOT NULL,
      created_at BIGINT NOT NULL,
      CONSTRAINT pk_troth_person PRIMARY KEY (pii_principal_id)
    )
    """,
    """
    CREATE TABLE troth_policy_head (
      one INTEGER NOT NULL,
      ordinal INTEGER NOT NULL,
      CONSTRAINT pk_troth_policy_head PRIMARY KEY (one),
      CONSTRAINT ck_troth_policy_head_one_row CHECK (one = 1)
    )
    """,
    """
    CREATE TABLE troth_policy_version (
      ordinal INTEGER NOT NULL,
      event_id TEXT NOT NULL,
      policy_id TEXT NOT NULL,
      version TEXT NOT NULL,
      digest TEXT NOT NULL,
      change_class TEXT NOT NULL,
      asked TEXT NOT NULL,
      pii_controller TEXT NOT NULL,
      jurisdiction TEXT NOT NULL,
      sources TEXT NOT NULL,
      recorded_at BIGINT NOT NULL,
      salt BYTEA NOT NULL,
      CONSTRAINT pk_troth_policy_version PRIMARY KEY (ordinal),
      CONSTRAINT uq_troth_policy_version_event_id UNIQUE (event_id),
      CONSTRAINT uq_troth_policy_version_policy_id_version UNIQUE (policy_id, version)
    )
    """,
    """
    CREATE TABLE troth_tile (
      level SMALLINT NOT NULL,
      tile_index BIGINT NOT NULL,
      root BYTEA NOT NULL,
      hashes BYTEA NOT NULL,
      CONSTRAINT pk_troth_tile PRIMARY KEY (level, tile_index)
    )
    """,
    """
    CREATE TABLE troth_consent_event (
      seq BIGINT GENERATED ALWAYS AS IDENTITY,
      event_id TEXT NOT NULL,
      record_id TEXT NOT NULL,
      pii_principal_id TEXT NOT NULL,
      purpose_id TEXT NOT NULL,
      event_type TEXT NOT NULL,
      event_state TEXT NOT NULL,
      event_time BIGINT NOT NULL,
      recorded_at BIGINT NOT NULL,
      valid_until BIGINT,
      entity_id TEXT NOT NULL,
      entity_role TEXT NOT NULL,
      indication_method TEXT NOT NULL,
      surface TEXT NOT NULL,
      privacy_notice TEXT NOT NULL,
      notice_ordinal INTEGER NOT NULL,
      notice_digest TEXT NOT NULL,
      language TEXT NOT NULL,
      snapshot_token_id TEXT,
      idempotency_key TEXT,
      salt BYTEA NOT NULL,
      CONSTRAINT pk_troth_consent_event PRIMARY KEY (seq),
      CONSTRAINT uq_troth_consent_event_event_id UNIQUE (event_id),
      CONSTRAINT uq_troth_consent_event_snapshot_token_id_purpose_id UNIQUE (snapshot_token_id, purpose_id),
      CONSTRAINT ck_troth_consent_event_event_state CHECK (event_state = 'consent_requested' OR event_state = 'consent_request_deferred' OR event_state = 'consent_refused' OR event_state = 'consent_given' OR event_state = 'renewed_consent_given' OR event_state = 'consent_withdrawn' OR event_state = 'consent_expired' OR event_state = 'consent_terminated' OR event_state = 'consent_invalidated' OR event_state = 'consent_unknown' OR event_state = 'act_recorded' OR event_state = 'act_ended'),
      CONSTRAINT ck_troth_consent_event_event_type CHECK (event_type = 'expressed_consent' OR event_type = 'explicitly_expressed_consent' OR event_type = 'explicit_act' OR event_type = 'system'),
      CONSTRAINT ck_troth_consent_event_entity_role CHECK (entity_role = 'pii_principal' OR entity_role = 'guardian' OR entity_role = 'staff' OR entity_role = 'system'),
      CONSTRAINT fk_troth_consent_event_pii_principal_id FOREIGN KEY(pii_principal_id) REFERENCES troth_person (pii_principal_id)
    )
    """,
    """
    CREATE INDEX ix_troth_consent_event_person ON troth_consent_event (pii_principal_id, seq)
    """,
    """
    CREATE UNIQUE INDEX uq_troth_consent_event_idempotency_key ON troth_consent_event (idempotency_key) WHERE idempotency_key IS NOT NULL
    """,
    """
    CREATE TABLE troth_use (
      pii_principal_id TEXT NOT NULL,
      purpose_id TEXT NOT NULL,
      uses INTEGER NOT NULL,
      last_used_at BIGINT NOT NULL,
      CONSTRAINT pk_troth_use PRIMARY KEY (pii_principal_id, purpose_id),
      CONSTRAINT fk_troth_use_pii_principal_id FOREIGN KEY(pii_principal_id) REFERENCES troth_person (pii_principal_id)
    )
    """,
    """
    CREATE FUNCTION troth_refuse_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
    BEGIN RAISE EXCEPTION 'troth: % is append-only', TG_TABLE_NAME; END $$
    """,
    """
    CREATE TRIGGER troth_consent_event_append_only BEFORE UPDATE OR DELETE ON troth_consent_event FOR EACH ROW EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_consent_event_no_truncate BEFORE TRUNCATE ON troth_consent_event FOR EACH STATEMENT EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_policy_version_append_only BEFORE UPDATE OR DELETE ON troth_policy_version FOR EACH ROW EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_policy_version_no_truncate BEFORE TRUNCATE ON troth_policy_version FOR EACH STATEMENT EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_outbox_append_only BEFORE UPDATE OR DELETE ON troth_outbox FOR EACH ROW EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE TRIGGER troth_outbox_no_truncate BEFORE TRUNCATE ON troth_outbox FOR EACH STATEMENT EXECUTE FUNCTION troth_refuse_change()
    """,
    """
    CREATE OR REPLACE FUNCTION troth_refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      RAISE EXCEPTION USING
        MESSAGE = TG_TABLE_NAME || ' is append-only, ' || TG_OP || ' is refused',
        ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER troth_leaf_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON troth_leaf FOR EACH STATEMENT EXECUTE FUNCTION troth_refuse_ledger_change()
    """,
    """
    ALTER TABLE troth_leaf ENABLE ALWAYS TRIGGER troth_leaf_append_only
    """,
    """
    CREATE TRIGGER troth_tile_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON troth_tile FOR EACH STATEMENT EXECUTE FUNCTION troth_refuse_ledger_change()
    """,
    """
    ALTER TABLE troth_tile ENABLE ALWAYS TRIGGER troth_tile_append_only
    """,
    """
    CREATE TRIGGER troth_checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON troth_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION troth_refuse_ledger_change()
    """,
    """
    ALTER TABLE troth_checkpoint ENABLE ALWAYS TRIGGER troth_checkpoint_append_only
    """,
    """
    CREATE FUNCTION troth_consent_event_project() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
        INSERT INTO troth_consent_state
          (pii_principal_id, purpose_id, event_state, valid_until, notice_ordinal, event_id, person_flags, last_seq)
          SELECT NEW.pii_principal_id, NEW.purpose_id, NEW.event_state, NEW.valid_until,
                 NEW.notice_ordinal, NEW.event_id, p.flags, NEW.seq
          FROM troth_person p WHERE p.pii_principal_id = NEW.pii_principal_id FOR SHARE OF p
          ON CONFLICT (pii_principal_id, purpose_id) DO UPDATE SET
            event_state = excluded.event_state, valid_until = excluded.valid_until,
            notice_ordinal = excluded.notice_ordinal, event_id = excluded.event_id,
            person_flags = excluded.person_flags, last_seq = excluded.last_seq
          WHERE excluded.last_seq > troth_consent_state.last_seq;

        INSERT INTO troth_outbox (tx, event_id, topic, recorded_at)
          VALUES (pg_current_xact_id()::text::bigint, NEW.event_id, 'consent_event', NEW.recorded_at);
         RETURN NULL; END $$
    """,
    """
    CREATE TRIGGER troth_consent_event_project AFTER INSERT ON troth_consent_event FOR EACH ROW EXECUTE FUNCTION troth_consent_event_project()
    """,
    """
    CREATE FUNCTION troth_person_project() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
        UPDATE troth_consent_state SET person_flags = NEW.flags
          WHERE pii_principal_id = NEW.pii_principal_id;
         RETURN NULL; END $$
    """,
    """
    CREATE TRIGGER troth_person_project AFTER UPDATE OF flags ON troth_person FOR EACH ROW EXECUTE FUNCTION troth_person_project()
    """,
    """
    CREATE FUNCTION troth_policy_version_project() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN
        INSERT INTO troth_policy_head (one, ordinal) VALUES (1, NEW.ordinal)
          ON CONFLICT (one) DO UPDATE SET ordinal = excluded.ordinal;
        INSERT INTO troth_outbox (tx, event_id, topic, recorded_at)
          VALUES (pg_current_xact_id()::text::bigint, NEW.event_id, 'policy_version', NEW.recorded_at);
         RETURN NULL; END $$
    """,
    """
    CREATE TRIGGER troth_policy_version_project AFTER INSERT ON troth_policy_version FOR EACH ROW EXECUTE FUNCTION troth_policy_version_project()
    """,
    """
    CREATE VIEW troth_consent_record AS
      SELECT e.record_id, '27560-2023' AS schema_version, s.pii_principal_id,
             v.pii_controller, s.purpose_id, v.jurisdiction
      FROM troth_consent_state s
      JOIN troth_consent_event e ON e.event_id = s.event_id
      JOIN troth_policy_version v ON v.ordinal = s.notice_ordinal
    """,
)
