"""The first release of the shop: accounts, orders, payment, support and staff.

The statements are written out, so that this migration stays what it was when the code moves on.
They are the same on SQLite and PostgreSQL.

Revision ID: 0001
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)


STATEMENTS = (
    """
    CREATE TABLE shop_attempt (
      attempt_id TEXT NOT NULL,
      door TEXT NOT NULL,
      name TEXT NOT NULL,
      tried_at BIGINT NOT NULL,
      CONSTRAINT pk_shop_attempt PRIMARY KEY (attempt_id)
    )
    """,
    """
    CREATE INDEX ix_shop_attempt_door_name_tried_at ON shop_attempt (door, name, tried_at)
    """,
    """
    CREATE INDEX ix_shop_attempt_door_tried_at ON shop_attempt (door, tried_at)
    """,
    """
    CREATE TABLE shop_case (
      case_id TEXT NOT NULL,
      pii_principal_id TEXT NOT NULL,
      case_key TEXT NOT NULL,
      subject TEXT NOT NULL,
      state TEXT NOT NULL,
      agent TEXT NOT NULL,
      support_device_id TEXT,
      opened_at BIGINT NOT NULL,
      closed_at BIGINT,
      CONSTRAINT pk_shop_case PRIMARY KEY (case_id),
      CONSTRAINT uq_shop_case_pii_principal_id_case_key UNIQUE (pii_principal_id, case_key)
    )
    """,
    """
    CREATE INDEX ix_shop_case_state_opened_at ON shop_case (state, opened_at)
    """,
    """
    CREATE TABLE shop_code (
      code_id TEXT NOT NULL,
      phone_index TEXT NOT NULL,
      use TEXT NOT NULL,
      digest TEXT NOT NULL,
      tries INTEGER NOT NULL,
      created_at BIGINT NOT NULL,
      used_at BIGINT,
      CONSTRAINT pk_shop_code PRIMARY KEY (code_id)
    )
    """,
    """
    CREATE INDEX ix_shop_code_created_at ON shop_code (created_at)
    """,
    """
    CREATE INDEX ix_shop_code_phone_index_created_at ON shop_code (phone_index, created_at)
    """,
    """
    CREATE TABLE shop_customer (
      pii_principal_id TEXT NOT NULL,
      phone TEXT NOT NULL,
      phone_index TEXT NOT NULL,
      password_hash TEXT NOT NULL,
      created_at BIGINT NOT NULL,
      CONSTRAINT pk_shop_customer PRIMARY KEY (pii_principal_id),
      CONSTRAINT uq_shop_customer_phone_index UNIQUE (phone_index)
    )
    """,
    """
    CREATE TABLE shop_order (
      order_id TEXT NOT NULL,
      pii_principal_id TEXT NOT NULL,
      order_key TEXT NOT NULL,
      state TEXT NOT NULL,
      delivery TEXT NOT NULL,
      pay_by TEXT NOT NULL,
      total_fen BIGINT NOT NULL,
      placed_at BIGINT NOT NULL,
      changed_at BIGINT NOT NULL,
      done_at BIGINT,
      CONSTRAINT pk_shop_order PRIMARY KEY (order_id),
      CONSTRAINT uq_shop_order_pii_principal_id_order_key UNIQUE (pii_principal_id, order_key)
    )
    """,
    """
    CREATE INDEX ix_shop_order_pii_principal_id_placed_at ON shop_order (pii_principal_id, placed_at)
    """,
    """
    CREATE INDEX ix_shop_order_state_changed_at ON shop_order (state, changed_at)
    """,
    """
    CREATE TABLE shop_staff (
      staff_id TEXT NOT NULL,
      name TEXT NOT NULL,
      role TEXT NOT NULL,
      password_hash TEXT NOT NULL,
      created_at BIGINT NOT NULL,
      CONSTRAINT pk_shop_staff PRIMARY KEY (staff_id),
      CONSTRAINT uq_shop_staff_name UNIQUE (name)
    )
    """,
    """
    CREATE TABLE shop_case_message (
      case_id TEXT NOT NULL,
      message_key TEXT NOT NULL,
      pii_principal_id TEXT NOT NULL,
      sender TEXT NOT NULL,
      text TEXT NOT NULL,
      written_at BIGINT NOT NULL,
      CONSTRAINT pk_shop_case_message PRIMARY KEY (case_id, message_key),
      CONSTRAINT fk_shop_case_message_case_id FOREIGN KEY(case_id) REFERENCES shop_case (case_id)
    )
    """,
    """
    CREATE INDEX ix_shop_case_message_pii_principal_id ON shop_case_message (pii_principal_id)
    """,
    """
    CREATE TABLE shop_delivery (
      order_id TEXT NOT NULL,
      pii_principal_id TEXT NOT NULL,
      recipient_name TEXT NOT NULL,
      recipient_phone TEXT NOT NULL,
      recipient_address TEXT NOT NULL,
      parcel_number TEXT NOT NULL,
      CONSTRAINT pk_shop_delivery PRIMARY KEY (order_id),
      CONSTRAINT fk_shop_delivery_order_id FOREIGN KEY(order_id) REFERENCES shop_order (order_id)
    )
    """,
    """
    CREATE INDEX ix_shop_delivery_pii_principal_id ON shop_delivery (pii_principal_id)
    """,
    """
    CREATE TABLE shop_hand_over (
      order_id TEXT NOT NULL,
      pii_principal_id TEXT NOT NULL,
      state TEXT NOT NULL,
      tries INTEGER NOT NULL,
      due_at BIGINT NOT NULL,
      tracking_id TEXT NOT NULL,
      sent_at BIGINT,
      CONSTRAINT pk_shop_hand_over PRIMARY KEY (order_id),
      CONSTRAINT fk_shop_hand_over_order_id FOREIGN KEY(order_id) REFERENCES shop_order (order_id)
    )
    """,
    """
    CREATE INDEX ix_shop_hand_over_pii_principal_id ON shop_hand_over (pii_principal_id)
    """,
    """
    CREATE INDEX ix_shop_hand_over_state_due_at ON shop_hand_over (state, due_at)
    """,
    """
    CREATE TABLE shop_order_line (
      order_id TEXT NOT NULL,
      place INTEGER NOT NULL,
      pii_principal_id TEXT NOT NULL,
      sku TEXT NOT NULL,
      name_zh TEXT NOT NULL,
      name_en TEXT NOT NULL,
      price_fen BIGINT NOT NULL,
      quantity INTEGER NOT NULL,
      CONSTRAINT pk_shop_order_line PRIMARY KEY (order_id, place),
      CONSTRAINT fk_shop_order_line_order_id FOREIGN KEY(order_id) REFERENCES shop_order (order_id)
    )
    """,
    """
    CREATE INDEX ix_shop_order_line_pii_principal_id ON shop_order_line (pii_principal_id)
    """,
    """
    CREATE TABLE shop_payment (
      order_id TEXT NOT NULL,
      pii_principal_id TEXT NOT NULL,
      pay_by TEXT NOT NULL,
      amount_fen BIGINT NOT NULL,
      reference TEXT,
      checked_by TEXT NOT NULL,
      submitted_at BIGINT,
      checked_at BIGINT,
      paid_at BIGINT,
      refunded_at BIGINT,
      CONSTRAINT pk_shop_payment PRIMARY KEY (order_id),
      CONSTRAINT fk_shop_payment_order_id FOREIGN KEY(order_id) REFERENCES shop_order (order_id)
    )
    """,
    """
    CREATE INDEX ix_shop_payment_pii_principal_id ON shop_payment (pii_principal_id)
    """,
    """
    CREATE TABLE shop_session (
      session_id TEXT NOT NULL,
      pii_principal_id TEXT NOT NULL,
      token_digest TEXT NOT NULL,
      name TEXT NOT NULL,
      created_at BIGINT NOT NULL,
      last_seen_at BIGINT NOT NULL,
      ended_at BIGINT,
      CONSTRAINT pk_shop_session PRIMARY KEY (session_id),
      CONSTRAINT uq_shop_session_token_digest UNIQUE (token_digest),
      CONSTRAINT fk_shop_session_pii_principal_id FOREIGN KEY(pii_principal_id) REFERENCES shop_customer (pii_principal_id)
    )
    """,
    """
    CREATE INDEX ix_shop_session_pii_principal_id_created_at ON shop_session (pii_principal_id, created_at)
    """,
    """
    CREATE TABLE shop_staff_session (
      token_digest TEXT NOT NULL,
      staff_id TEXT NOT NULL,
      created_at BIGINT NOT NULL,
      ended_at BIGINT,
      CONSTRAINT pk_shop_staff_session PRIMARY KEY (token_digest),
      CONSTRAINT fk_shop_staff_session_staff_id FOREIGN KEY(staff_id) REFERENCES shop_staff (staff_id)
    )
    """,
    """
    CREATE INDEX ix_shop_staff_session_staff_id ON shop_staff_session (staff_id)
    """,
    """
    CREATE TABLE shop_voucher (
      voucher_id TEXT NOT NULL,
      order_id TEXT NOT NULL,
      pii_principal_id TEXT NOT NULL,
      size_bytes INTEGER NOT NULL,
      digest TEXT NOT NULL,
      created_at BIGINT NOT NULL,
      CONSTRAINT pk_shop_voucher PRIMARY KEY (voucher_id),
      CONSTRAINT uq_shop_voucher_order_id_digest UNIQUE (order_id, digest),
      CONSTRAINT fk_shop_voucher_order_id FOREIGN KEY(order_id) REFERENCES shop_order (order_id)
    )
    """,
    """
    CREATE INDEX ix_shop_voucher_pii_principal_id ON shop_voucher (pii_principal_id)
    """,
)
