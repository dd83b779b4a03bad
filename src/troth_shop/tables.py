"""The tables of the shop. Keys are made by the application, times are microseconds, money is fen.

No table draws numbers, fills in defaults or hands back rows it wrote, because a later release puts
views with triggers in front of them, which can do none of that. Every table that holds something
about a person names that person (``pii_principal_id``), so that its rows can be found and guarded
without a join. What is kept for different times lies in different tables: the delivery address
goes long before the order does. What the policy calls sealed opens and seals only on a connection
that ``t.use`` gave.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from troth.integrations.sqlalchemy import BlindIndexText, SealedText

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str, *more: ForeignKey, key: bool = False, null: bool = False) -> Column[str]:
    return Column(name, Text, *more, primary_key=key, nullable=null)


def _sealed(place: str, *, null: bool = False) -> Column[str]:
    """Return a column that is stored under its person's key; ``place`` is ``table.column``."""
    return Column(place.partition(".")[2], SealedText(place), nullable=null)


def _number(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, Integer, primary_key=key, nullable=False, autoincrement=False)


def _time(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


# --- accounts ---------------------------------------------------------------------------------

customer = Table(
    "shop_customer",
    metadata,
    _text("pii_principal_id", key=True),
    _sealed("shop_customer.phone"),
    Column("phone_index", BlindIndexText("shop_customer.phone"), nullable=False),
    _text("password_hash"),
    _time("created_at"),
    UniqueConstraint("phone_index"),
)
"""The map from a phone to the random id that stands for the person everywhere else."""

session = Table(
    "shop_session",
    metadata,
    _text("session_id", key=True),
    _text("pii_principal_id", ForeignKey("shop_customer.pii_principal_id")),
    _text("token_digest"),
    _text("name"),
    _time("created_at"),
    _time("last_seen_at"),
    _time("ended_at", null=True),
    UniqueConstraint("token_digest"),
    Index(None, "pii_principal_id", "created_at"),
)

code = Table(
    "shop_code",
    metadata,
    _text("code_id", key=True),
    _text("phone_index"),
    _text("use"),
    _text("digest"),
    _number("tries"),
    _time("created_at"),
    _time("used_at", null=True),
    Index(None, "phone_index", "created_at"),
    Index(None, "created_at"),
)
"""One-time codes; ``digest`` is empty when no code was sent that could be right.

Before there is an account nothing can be sealed for a person, so the phone itself is not stored:
the page that takes the code carries it, and ``phone_index`` (``t.index("shop_customer.phone", …)``)
says whether it is the one.
"""

attempt = Table(
    "shop_attempt",
    metadata,
    _text("attempt_id", key=True),
    _text("door"),
    _text("name"),
    _time("tried_at"),
    Index(None, "door", "name", "tried_at"),
    Index(None, "door", "tried_at"),
)
"""Tries to log in that did not succeed, for a day.

``name`` is the blind index of the phone at the customers' door, the name at the staff's.
"""

# --- orders -----------------------------------------------------------------------------------

order = Table(
    "shop_order",
    metadata,
    _text("order_id", key=True),
    _text("pii_principal_id"),
    _text("order_key"),
    _text("state"),
    _text("delivery"),
    _text("pay_by"),
    Column("total_fen", BigInteger, nullable=False),
    _time("placed_at"),
    _time("changed_at"),
    _time("done_at", null=True),
    UniqueConstraint("pii_principal_id", "order_key"),
    Index(None, "pii_principal_id", "placed_at"),
    Index(None, "state", "changed_at"),
)
"""No foreign key to the customer: the law keeps an order longer than an account may live."""

order_line = Table(
    "shop_order_line",
    metadata,
    _text("order_id", ForeignKey("shop_order.order_id"), key=True),
    _number("place", key=True),
    _text("pii_principal_id"),
    _text("sku"),
    _text("name_zh"),
    _text("name_en"),
    Column("price_fen", BigInteger, nullable=False),
    _number("quantity"),
    Index(None, "pii_principal_id"),
)

delivery = Table(
    "shop_delivery",
    metadata,
    _text("order_id", ForeignKey("shop_order.order_id"), key=True),
    _text("pii_principal_id"),
    _sealed("shop_delivery.recipient_name"),
    _sealed("shop_delivery.recipient_phone"),
    _sealed("shop_delivery.recipient_address"),
    _text("parcel_number"),
    Index(None, "pii_principal_id"),
)
"""Only for orders that are delivered; an order that is picked up has no row."""

hand_over = Table(
    "shop_hand_over",
    metadata,
    _text("order_id", ForeignKey("shop_order.order_id"), key=True),
    _text("pii_principal_id"),
    _text("state"),
    _number("tries"),
    _time("due_at"),
    _text("tracking_id"),
    _time("sent_at", null=True),
    Index(None, "state", "due_at"),
    Index(None, "pii_principal_id"),
)
"""What waits to be handed to the courier; the parcel number is the key that makes it once."""

payment = Table(
    "shop_payment",
    metadata,
    _text("order_id", ForeignKey("shop_order.order_id"), key=True),
    _text("pii_principal_id"),
    _text("pay_by"),
    Column("amount_fen", BigInteger, nullable=False),
    _sealed("shop_payment.reference", null=True),
    _text("checked_by"),
    _time("submitted_at", null=True),
    _time("checked_at", null=True),
    _time("paid_at", null=True),
    _time("refunded_at", null=True),
    Index(None, "pii_principal_id"),
)
"""``reference`` is NULL until the person reports a transfer."""

voucher = Table(
    "shop_voucher",
    metadata,
    _text("voucher_id", key=True),
    _text("order_id", ForeignKey("shop_order.order_id")),
    _text("pii_principal_id"),
    _number("size_bytes"),
    _text("digest"),
    _time("created_at"),
    UniqueConstraint("order_id", "digest"),
    Index(None, "pii_principal_id"),
)
"""The picture lies in a file named after ``voucher_id``; the row holds its size and digest."""

# --- support ----------------------------------------------------------------------------------

case = Table(
    "shop_case",
    metadata,
    _text("case_id", key=True),
    _text("pii_principal_id"),
    _text("case_key"),
    _sealed("shop_case.subject"),
    _text("state"),
    _text("agent"),
    _text("support_device_id", null=True),
    _time("opened_at"),
    _time("closed_at", null=True),
    UniqueConstraint("pii_principal_id", "case_key"),
    Index(None, "state", "opened_at"),
)

case_message = Table(
    "shop_case_message",
    metadata,
    _text("case_id", ForeignKey("shop_case.case_id"), key=True),
    _text("message_key", key=True),
    _text("pii_principal_id"),
    _text("sender"),
    _sealed("shop_case_message.text"),
    _time("written_at"),
    Index(None, "pii_principal_id"),
)

# --- staff ------------------------------------------------------------------------------------

staff = Table(
    "shop_staff",
    metadata,
    _text("staff_id", key=True),
    _text("name"),
    _text("role"),
    _text("password_hash"),
    _time("created_at"),
    UniqueConstraint("name"),
)

staff_session = Table(
    "shop_staff_session",
    metadata,
    _text("token_digest", key=True),
    _text("staff_id", ForeignKey("shop_staff.staff_id")),
    _time("created_at"),
    _time("ended_at", null=True),
    Index(None, "staff_id"),
)
