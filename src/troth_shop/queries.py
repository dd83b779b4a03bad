"""All SQL of the shop. Each query is a function under one purpose of the policy (`under`).

A function that a purpose does not own has no business with its columns: the group says the
purpose, its docstring what it reads or writes and which index serves it. A query that a purpose
owns runs on a connection that `gate.use` gave for it, or for one that it names besides; there the
database shows no other column and no other person. Queries without purpose run on ordinary
connections, which see no customer's rows.
Queries take a connection and values, never a request, and decide nothing. The block of the caller
commits.

Rows that are judged before they change are read ``FOR UPDATE``. SQLite has no such lock and needs
none: its write transactions begin by taking the one write lock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from troth_shop import tables

Rows = Sequence[Row[Any]]
F = TypeVar("F", bound=Callable[..., Any])

PURPOSE_OF: Final[dict[str, str]] = {}
"""{name of the query: the purpose that owns it}; empty for what holds no customer's data."""

ALSO_UNDER: Final[dict[str, frozenset[str]]] = {}
"""{name of the query: other purposes whose lens it may run through, alone}."""

NO_LENS: Final[set[str]] = set()
"""Queries that have a purpose and run before there is a person whom a lens could ask."""


def under(purpose: str, *also: str, lens: bool = True) -> Callable[[F], F]:
    """Enter a query under its purpose.

    Args:
        purpose: that owns it; empty for what holds no customer's data.
        also: other purposes whose lens shows all that it needs.
        lens: whether it runs through one.
    """

    def enter(query: F) -> F:
        name = query.__name__
        PURPOSE_OF[name] = purpose
        ALSO_UNDER[name] = frozenset(also)
        if purpose and not lens:
            NO_LENS.add(name)
        return query

    return enter


def _one(connection: Connection, statement: Select[Any]) -> Row[Any] | None:
    return connection.execute(statement).first()


# --- register_account: account_phone, password_hash ------------------------------------------


@under("register_account")
def customer_of(c: Connection, person: str) -> Row[Any] | None:
    """Phone of a customer, and when the account was made. Primary key."""
    table = tables.customer
    columns = (table.c.pii_principal_id, table.c.phone, table.c.created_at)
    return _one(c, select(*columns).where(table.c.pii_principal_id == person))


@under("secure_account", "register_account", "place_order", "answer_support")
def phone_of(c: Connection, person: str) -> Row[Any] | None:
    """Phone of a customer. Primary key."""
    table = tables.customer
    columns = (table.c.pii_principal_id, table.c.phone)
    return _one(c, select(*columns).where(table.c.pii_principal_id == person))


@under("secure_account", "register_account")
def proof_of(c: Connection, person: str) -> Row[Any] | None:
    """Phone of a customer and the digest of the password. Primary key."""
    table = tables.customer
    columns = (table.c.phone, table.c.password_hash)
    return _one(c, select(*columns).where(table.c.pii_principal_id == person))


@under("register_account")
def add_customer(c: Connection, **values: object) -> None:
    """A new customer: person, phone and its blind index, digest of the password, time."""
    c.execute(insert(tables.customer).values(**values))


@under("secure_account", "register_account")
def set_password(c: Connection, person: str, password_hash: str) -> None:
    """The digest of the password. Primary key."""
    table = tables.customer
    c.execute(
        update(table).where(table.c.pii_principal_id == person).values(password_hash=password_hash)
    )


# --- secure_account: login_codes, session_record ----------------------------------------------


@under("secure_account", lens=False)
def add_code(c: Connection, **values: object) -> None:
    """A code that is about to be sent: blind index of the phone, use, digest, time."""
    c.execute(insert(tables.code).values(tries=0, **values))


@under("secure_account", lens=False)
def count_codes(c: Connection, phone_index: str, since: int) -> int:
    """How many codes since a time, of one phone or (empty) of all.

    Indexes ix_shop_code_phone_index_…, ix_shop_code_created_at.
    """
    table = tables.code
    statement = select(func.count()).select_from(table).where(table.c.created_at > since)
    if phone_index:
        statement = statement.where(table.c.phone_index == phone_index)
    return int(c.execute(statement).scalar_one())


@under("secure_account", lens=False)
def codes_of_phone(c: Connection, phone_index: str) -> Rows:
    """The codes of a phone, for its owner to see. Index ix_shop_code_phone_index_created_at."""
    table = tables.code
    return c.execute(
        select(table)
        .where(table.c.phone_index == phone_index)
        .order_by(table.c.created_at, table.c.code_id)
    ).all()


@under("secure_account", lens=False)
def lock_code(c: Connection, code_id: str) -> Row[Any] | None:
    """One code, locked. Primary key."""
    table = tables.code
    return _one(c, select(table).where(table.c.code_id == code_id).with_for_update())


@under("secure_account", lens=False)
def set_code(c: Connection, code_id: str, **values: object) -> None:
    """How often a code was tried, when it was used. Primary key."""
    c.execute(update(tables.code).where(tables.code.c.code_id == code_id).values(**values))


@under("secure_account", lens=False)
def drop_code(c: Connection, code_id: str) -> None:
    """Deletes one code that was not sent. Primary key."""
    c.execute(delete(tables.code).where(tables.code.c.code_id == code_id))


@under("secure_account", lens=False)
def drop_codes_before(c: Connection, before: int) -> int:
    """Deletes codes made before a time. Index ix_shop_code_created_at."""
    return c.execute(delete(tables.code).where(tables.code.c.created_at < before)).rowcount


@under("secure_account", lens=False)
def add_attempt(c: Connection, **values: object) -> None:
    """A try to log in: door, name, time."""
    c.execute(insert(tables.attempt).values(**values))


@under("secure_account", lens=False)
def count_attempts(c: Connection, door: str, name: str, since: int) -> int:
    """How many tries at a door since a time, with one name or (empty) with any.

    Indexes ix_shop_attempt_door_….
    """
    table = tables.attempt
    statement = (
        select(func.count())
        .select_from(table)
        .where(table.c.door == door, table.c.tried_at > since)
    )
    if name:
        statement = statement.where(table.c.name == name)
    return int(c.execute(statement).scalar_one())


@under("secure_account", lens=False)
def attempts_of(c: Connection, door: str, name: str) -> Rows:
    """The failed tries with a name at a door, for its owner to see.

    Index ix_shop_attempt_door_….
    """
    table = tables.attempt
    return c.execute(
        select(table)
        .where(table.c.door == door, table.c.name == name)
        .order_by(table.c.tried_at, table.c.attempt_id)
    ).all()


@under("secure_account", lens=False)
def drop_attempt(c: Connection, attempt_id: str) -> None:
    """Deletes the try that succeeded. Primary key."""
    c.execute(delete(tables.attempt).where(tables.attempt.c.attempt_id == attempt_id))


@under("secure_account", lens=False)
def drop_attempts_before(c: Connection, before: int) -> int:
    """Deletes tries made before a time."""
    return c.execute(delete(tables.attempt).where(tables.attempt.c.tried_at < before)).rowcount


@under("secure_account")
def add_session(c: Connection, **values: object) -> None:
    """A new session: person, digest of the token, hour."""
    c.execute(insert(tables.session).values(**values))


@under("secure_account")
def open_sessions(c: Connection, person: str) -> Rows:
    """The sessions of a person that were not ended. Index ix_shop_session_pii_principal_id_…."""
    table = tables.session
    return c.execute(
        select(table)
        .where(table.c.pii_principal_id == person, table.c.ended_at.is_(None))
        .order_by(table.c.created_at.desc(), table.c.session_id)
    ).all()


@under("secure_account")
def set_session(c: Connection, person: str, session_id: str, **values: object) -> None:
    """When a session was last seen or ended, or its name; only of its own person. Primary key."""
    table = tables.session
    c.execute(
        update(table)
        .where(table.c.session_id == session_id, table.c.pii_principal_id == person)
        .values(**values)
    )


# --- place_order: order_lines -----------------------------------------------------------------


@under("place_order")
def add_order(c: Connection, **values: object) -> None:
    """A new order without its lines."""
    c.execute(insert(tables.order).values(**values))


@under("place_order")
def add_lines(c: Connection, lines: Sequence[dict[str, object]]) -> None:
    """The lines of a new order."""
    c.execute(insert(tables.order_line), lines)


@under("place_order")
def order_of_key(c: Connection, person: str, order_key: str) -> Row[Any] | None:
    """Whole order by the key of its form. Index uq_shop_order_pii_principal_id_order_key."""
    table = tables.order
    return _one(
        c,
        select(table).where(table.c.pii_principal_id == person, table.c.order_key == order_key),
    )


@under("place_order", "take_payment", "deliver_order")
def order_of(c: Connection, person: str, order_id: str) -> Row[Any] | None:
    """Whole order of its own person. Primary key."""
    table = tables.order
    return _one(
        c, select(table).where(table.c.order_id == order_id, table.c.pii_principal_id == person)
    )


@under("place_order", "take_payment", "deliver_order")
def lock_order(c: Connection, person: str, order_id: str) -> Row[Any] | None:
    """The same, locked."""
    table = tables.order
    return _one(
        c,
        select(table)
        .where(table.c.order_id == order_id, table.c.pii_principal_id == person)
        .with_for_update(),
    )


@under("place_order", "take_payment", "deliver_order", "keep_records")
def orders_of(c: Connection, person: str) -> Rows:
    """The orders of a person, newest first. Index ix_shop_order_pii_principal_id_placed_at."""
    table = tables.order
    return c.execute(
        select(table)
        .where(table.c.pii_principal_id == person)
        .order_by(table.c.placed_at.desc(), table.c.order_id)
    ).all()


@under("place_order", "take_payment", "deliver_order", "keep_records")
def lines_of(c: Connection, order_ids: Sequence[str]) -> Rows:
    """The lines of some orders, in their order. Primary key."""
    table = tables.order_line
    return c.execute(
        select(table)
        .where(table.c.order_id.in_(order_ids))
        .order_by(table.c.order_id, table.c.place)
    ).all()


@under("place_order", "keep_records", "take_payment", "deliver_order")
def lines_of_person(c: Connection, person: str) -> Rows:
    """The lines of every order of a person. Index ix_shop_order_line_pii_principal_id."""
    table = tables.order_line
    return c.execute(
        select(table)
        .where(table.c.pii_principal_id == person)
        .order_by(table.c.order_id, table.c.place)
    ).all()


@under("place_order", "take_payment", "deliver_order")
def set_order(c: Connection, order_id: str, **values: object) -> None:
    """State, way of delivery and times of an order. Primary key."""
    c.execute(update(tables.order).where(tables.order.c.order_id == order_id).values(**values))


# --- deliver_order: recipient_name, recipient_phone, recipient_address, parcel_number ----------


@under("deliver_order")
def add_delivery(c: Connection, **values: object) -> None:
    """Where an order goes."""
    c.execute(insert(tables.delivery).values(**values))


@under("deliver_order")
def delivery_of(c: Connection, person: str, order_id: str) -> Row[Any] | None:
    """Where an order of this person goes. Primary key."""
    table = tables.delivery
    return _one(
        c, select(table).where(table.c.order_id == order_id, table.c.pii_principal_id == person)
    )


@under("deliver_order")
def deliveries_of(c: Connection, person: str) -> Rows:
    """Where the orders of a person go. Index ix_shop_delivery_pii_principal_id."""
    table = tables.delivery
    return c.execute(
        select(table).where(table.c.pii_principal_id == person).order_by(table.c.order_id)
    ).all()


@under("deliver_order")
def drop_delivery(c: Connection, order_id: str) -> None:
    """Deletes where an order goes, because it is picked up after all. Primary key."""
    c.execute(delete(tables.delivery).where(tables.delivery.c.order_id == order_id))


@under("deliver_order")
def orders_in(c: Connection, states: Sequence[str]) -> Rows:
    """The orders in some states, oldest first, for packing.

    Index ix_shop_order_state_changed_at.
    """
    table = tables.order
    return c.execute(
        select(table)
        .where(table.c.state.in_(states))
        .order_by(table.c.changed_at, table.c.order_id)
    ).all()


# --- deliver_order: what waits for the courier -------------------------------------------------


@under("deliver_order")
def add_hand_over(c: Connection, **values: object) -> None:
    """An order that waits to be handed over."""
    c.execute(insert(tables.hand_over).values(tries=0, tracking_id="", **values))


@under("deliver_order", "share_with_courier")
def hand_over_of(c: Connection, person: str, order_id: str) -> Row[Any] | None:
    """The hand-over of one order of this person. Primary key."""
    table = tables.hand_over
    return _one(
        c, select(table).where(table.c.order_id == order_id, table.c.pii_principal_id == person)
    )


@under("deliver_order", "share_with_courier")
def hand_overs_of(c: Connection, person: str) -> Rows:
    """The hand-overs of a person's orders. Index ix_shop_hand_over_pii_principal_id."""
    table = tables.hand_over
    return c.execute(
        select(table).where(table.c.pii_principal_id == person).order_by(table.c.order_id)
    ).all()


@under("deliver_order")
def lock_hand_over(c: Connection, order_id: str) -> Row[Any] | None:
    """The same, locked."""
    table = tables.hand_over
    return _one(c, select(table).where(table.c.order_id == order_id).with_for_update())


@under("deliver_order")
def lock_due_hand_over(
    c: Connection, order_id: str, states: Sequence[str], at: int
) -> Row[Any] | None:
    """The hand-over of an order if it is due, locked; none if another process holds it.

    Primary key.
    """
    table = tables.hand_over
    return _one(
        c,
        select(table)
        .where(table.c.order_id == order_id, table.c.state.in_(states), table.c.due_at <= at)
        .with_for_update(skip_locked=True),
    )


@under("deliver_order")
def set_hand_over(c: Connection, order_id: str, **values: object) -> None:
    """State, tries, times and tracking id of a hand-over. Primary key."""
    table = tables.hand_over
    c.execute(update(table).where(table.c.order_id == order_id).values(**values))


# --- share_with_courier: recipient_name, recipient_phone, recipient_address, parcel_number ------


@under("share_with_courier", "deliver_order")
def parcel_of(c: Connection, person: str, order_id: str) -> Row[Any] | None:
    """What the courier may learn of one parcel. Primary key."""
    table = tables.delivery
    return _one(
        c,
        select(
            table.c.recipient_name,
            table.c.recipient_phone,
            table.c.recipient_address,
            table.c.parcel_number,
        ).where(table.c.order_id == order_id, table.c.pii_principal_id == person),
    )


# --- take_payment: payment_record, transfer_reference ------------------------------------------


@under("take_payment")
def add_payment(c: Connection, **values: object) -> None:
    """What is to be paid and how."""
    c.execute(insert(tables.payment).values(checked_by="", **values))


@under("take_payment", "keep_records")
def payment_of(c: Connection, person: str, order_id: str) -> Row[Any] | None:
    """The payment of one order of this person. Primary key."""
    table = tables.payment
    return _one(
        c, select(table).where(table.c.order_id == order_id, table.c.pii_principal_id == person)
    )


@under("take_payment", "keep_records")
def payments_of(c: Connection, person: str) -> Rows:
    """The payments of a person's orders. Index ix_shop_payment_pii_principal_id."""
    table = tables.payment
    return c.execute(
        select(table).where(table.c.pii_principal_id == person).order_by(table.c.order_id)
    ).all()


@under("take_payment")
def set_payment(c: Connection, order_id: str, **values: object) -> None:
    """Reference and times of a payment. Primary key."""
    table = tables.payment
    c.execute(update(table).where(table.c.order_id == order_id).values(**values))


@under("take_payment")
def set_paid(c: Connection, order_id: str, at: int) -> None:
    """When an order was paid, unless that is known already. Primary key."""
    table = tables.payment
    c.execute(
        update(table)
        .where(table.c.order_id == order_id, table.c.paid_at.is_(None))
        .values(paid_at=at)
    )


@under("take_payment")
def payments_in(c: Connection, states: Sequence[str], order_id: str = "") -> Rows:
    """The orders with their payments in some states, oldest first, for the cashier.

    Index ix_shop_order_state_changed_at.
    """
    order, payment = tables.order, tables.payment
    statement = (
        select(
            order.c.order_id,
            order.c.pii_principal_id,
            order.c.state,
            order.c.total_fen,
            order.c.placed_at,
            payment.c.reference,
            payment.c.submitted_at,
        )
        .join_from(order, payment, order.c.order_id == payment.c.order_id)
        .where(order.c.state.in_(states))
        .order_by(order.c.changed_at, order.c.order_id)
    )
    if order_id:
        statement = statement.where(order.c.order_id == order_id)
    rows: Rows = c.execute(statement).all()  # type: ignore[assignment]
    return rows


# --- check_voucher: payment_voucher (the picture itself is a file) -----------------------------


@under("check_voucher")
def add_voucher(c: Connection, **values: object) -> None:
    """A voucher whose file is on the disk."""
    c.execute(insert(tables.voucher).values(**values))


@under("check_voucher", "take_payment")
def vouchers_of(c: Connection, order_ids: Sequence[str]) -> Rows:
    """The vouchers of some orders, oldest first. Index uq_shop_voucher_order_id_digest."""
    table = tables.voucher
    return c.execute(
        select(table)
        .where(table.c.order_id.in_(order_ids))
        .order_by(table.c.created_at, table.c.voucher_id)
    ).all()


@under("check_voucher", "take_payment")
def vouchers_of_person(c: Connection, person: str) -> Rows:
    """The vouchers of a person, oldest first. Index ix_shop_voucher_pii_principal_id."""
    table = tables.voucher
    return c.execute(
        select(table)
        .where(table.c.pii_principal_id == person)
        .order_by(table.c.created_at, table.c.voucher_id)
    ).all()


@under("check_voucher", "take_payment")
def voucher_of(c: Connection, voucher_id: str) -> Row[Any] | None:
    """One voucher by its id. Primary key."""
    return _one(c, select(tables.voucher).where(tables.voucher.c.voucher_id == voucher_id))


@under("take_payment", "check_voucher")
def drop_voucher(c: Connection, voucher_id: str) -> None:
    """Deletes one voucher; it stands on the payment, so that it works after a withdrawal.

    Primary key.
    """
    c.execute(delete(tables.voucher).where(tables.voucher.c.voucher_id == voucher_id))


# --- answer_support: support_messages -----------------------------------------------------------

_CASE: Final = [column for column in tables.case.c if column.name != "support_device_id"]
"""What `answer_support` reads of a case: the number of the device it may only clear."""


@under("answer_support")
def add_case(c: Connection, **values: object) -> None:
    """A new case."""
    c.execute(insert(tables.case).values(state="open", agent="", **values))


@under("answer_support")
def add_message(c: Connection, **values: object) -> None:
    """A message in a case."""
    c.execute(insert(tables.case_message).values(**values))


@under("answer_support")
def message_of(c: Connection, case_id: str, message_key: str) -> Row[Any] | None:
    """One message by the key of its form. Primary key."""
    table = tables.case_message
    return _one(
        c, select(table).where(table.c.case_id == case_id, table.c.message_key == message_key)
    )


@under("answer_support")
def case_of_key(c: Connection, person: str, case_key: str) -> Row[Any] | None:
    """A case by the key of its form. Index uq_shop_case_pii_principal_id_case_key."""
    table = tables.case
    return _one(
        c, select(*_CASE).where(table.c.pii_principal_id == person, table.c.case_key == case_key)
    )


@under("answer_support")
def case_of(c: Connection, person: str, case_id: str) -> Row[Any] | None:
    """A case of its own person. Primary key."""
    table = tables.case
    return _one(
        c, select(*_CASE).where(table.c.case_id == case_id, table.c.pii_principal_id == person)
    )


@under("answer_support")
def lock_case(c: Connection, person: str, case_id: str) -> Row[Any] | None:
    """The same, locked."""
    table = tables.case
    return _one(
        c,
        select(*_CASE)
        .where(table.c.case_id == case_id, table.c.pii_principal_id == person)
        .with_for_update(),
    )


@under("answer_support")
def cases_of(c: Connection, person: str) -> Rows:
    """The cases of a person, newest first. Index uq_shop_case_pii_principal_id_case_key."""
    table = tables.case
    return c.execute(
        select(*_CASE)
        .where(table.c.pii_principal_id == person)
        .order_by(table.c.opened_at.desc(), table.c.case_id)
    ).all()


@under("answer_support")
def open_cases(c: Connection) -> Rows:
    """What the open cases of some people are about, oldest first, for customer service.

    Index ix_shop_case_state_opened_at.
    """
    table = tables.case
    columns = (table.c.case_id, table.c.subject, table.c.agent, table.c.opened_at)
    statement = select(*columns).where(table.c.state == "open")
    rows: Rows = c.execute(statement.order_by(table.c.opened_at, table.c.case_id)).all()  # type: ignore[assignment]
    return rows


@under("answer_support")
def messages_of(c: Connection, case_ids: Sequence[str]) -> Rows:
    """The messages of some cases, oldest first. Primary key."""
    table = tables.case_message
    return c.execute(
        select(table)
        .where(table.c.case_id.in_(case_ids))
        .order_by(table.c.case_id, table.c.written_at, table.c.message_key)
    ).all()


@under("answer_support")
def messages_of_person(c: Connection, person: str) -> Rows:
    """The messages in every case of a person. Index ix_shop_case_message_pii_principal_id."""
    table = tables.case_message
    return c.execute(
        select(table)
        .where(table.c.pii_principal_id == person)
        .order_by(table.c.case_id, table.c.written_at, table.c.message_key)
    ).all()


@under("answer_support")
def set_case(c: Connection, case_id: str, **values: object) -> None:
    """State and agent of a case; the number of the device only to clear it. Primary key."""
    c.execute(update(tables.case).where(tables.case.c.case_id == case_id).values(**values))


@under("answer_support")
def drop_device_ids(c: Connection, person: str) -> None:
    """Clears the numbers of a person's devices. Index uq_shop_case_pii_principal_id_case_key."""
    table = tables.case
    c.execute(
        update(table).where(table.c.pii_principal_id == person).values(support_device_id=None)
    )


# --- identify_device: support_device_id ----------------------------------------------------------


@under("identify_device")
def set_device_id(c: Connection, case_id: str, support_device_id: str) -> None:
    """The number of the device in one case. Primary key."""
    table = tables.case
    c.execute(
        update(table).where(table.c.case_id == case_id).values(support_device_id=support_device_id)
    )


@under("identify_device")
def device_ids_of(c: Connection, person: str) -> Rows:
    """The numbers of a person's devices, by case. Index uq_shop_case_pii_principal_id_case_key."""
    table = tables.case
    rows: Rows = c.execute(  # type: ignore[assignment]
        select(table.c.case_id, table.c.support_device_id).where(
            table.c.pii_principal_id == person, table.c.support_device_id.is_not(None)
        )
    ).all()
    return rows


# --- the shop's own staff: no customer's data -------------------------------------------------


@under("")
def add_staff(c: Connection, **values: object) -> None:
    """A member of staff."""
    c.execute(insert(tables.staff).values(**values))


@under("")
def staff_names(c: Connection, staff_ids: Sequence[str]) -> dict[str, str]:
    """Names of members of staff by id. Primary key."""
    table = tables.staff
    columns = (table.c.staff_id, table.c.name)
    rows = c.execute(select(*columns).where(table.c.staff_id.in_(staff_ids)))
    return {row.staff_id: row.name for row in rows}


@under("")
def staff_of_name(c: Connection, name: str) -> Row[Any] | None:
    """A member of staff by name. Index uq_shop_staff_name."""
    return _one(c, select(tables.staff).where(tables.staff.c.name == name))


@under("")
def add_staff_session(c: Connection, **values: object) -> None:
    """A session of staff."""
    c.execute(insert(tables.staff_session).values(**values))


@under("")
def staff_of_token(c: Connection, token_digest: str) -> Row[Any] | None:
    """The member of staff behind a token that was not ended. Primary keys."""
    staff, session = tables.staff, tables.staff_session
    return _one(
        c,
        select(staff, session.c.created_at.label("session_created_at"))
        .join_from(session, staff, session.c.staff_id == staff.c.staff_id)
        .where(session.c.token_digest == token_digest, session.c.ended_at.is_(None)),
    )


@under("")
def end_staff_session(c: Connection, token_digest: str, at: int) -> None:
    """Ends a session of staff. Primary key."""
    table = tables.staff_session
    c.execute(update(table).where(table.c.token_digest == token_digest).values(ended_at=at))
