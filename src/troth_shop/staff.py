"""Staff: accounts of their own, and for each role only what the policy lets it see (S-57).

What a role may see is not written here: the policy's ``roles`` say it, category by category and
for which purpose, and `_may` asks them. And whatever a role may see of people at large, it sees of
one person only while that person's purpose stands.

The cashier compares transfers with the money received and confirms refunds. The packer packs and
hands out. An agent of customer service answers; the first to answer a case keeps it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row

from troth import Troth
from troth_shop import fields, passwords, queries
from troth_shop.errors import LogInRefused, NotFound, RoleRefused
from troth_shop.fields import Form
from troth_shop.gate import now, permit
from troth_shop.order_states import OrderState, PayBy, Step
from troth_shop.orders import Delivery, Line, Order, Recipient, number_of, orders_from, step_order
from troth_shop.payments import VoucherRow, voucher_from
from troth_shop.sessions import HOUR, token_digest
from troth_shop.support import STAFF, Case, NewMessage, add_message, cases_from
from troth_shop.vouchers import picture_of

SESSION_LIFE = 12 * HOUR
_CHECKS = (OrderState.AWAITING_CHECK.value, OrderState.REFUND_DUE.value)
_TO_PACK = (OrderState.PLACED.value, OrderState.PAID.value, OrderState.PACKED.value)


class Role(StrEnum):
    """A role of the policy that has pages of its own."""

    CASHIER = "cashier"
    PACKER = "packer"
    SUPPORT = "support"


@dataclass(frozen=True, slots=True)
class Staff:
    """A member of staff who is logged in."""

    staff_id: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class StaffLogIn:
    """A name and a password as typed."""

    name: str
    password: str

    @classmethod
    def of(cls, form: Form) -> StaffLogIn:
        """Read ``name`` and ``password``.

        Raises:
            BadInput: the name is empty or too long.
        """
        return cls(fields.text(form, "name", most=40), fields.typed_password(form, "password"))


@dataclass(frozen=True, slots=True)
class CheckRow:
    """What the cashier sees of one order: no name, no phone, no address."""

    order_id: str
    state: OrderState
    total_fen: int
    placed_at: int
    submitted_at: int | None
    reference: str
    lines: tuple[Line, ...]
    vouchers: tuple[VoucherRow, ...]

    @property
    def number(self) -> str:
        """Return the short number of the order."""
        return number_of(self.order_id)


@dataclass(frozen=True, slots=True)
class PackRow:
    """What the packer sees of one order; ``recipient`` is None for pick-up."""

    order_id: str
    state: OrderState
    delivery: Delivery
    lines: tuple[Line, ...]
    recipient: Recipient | None

    @property
    def number(self) -> str:
        """Return the short number of the order."""
        return number_of(self.order_id)


# --- accounts of staff ------------------------------------------------------------------------


def add_staff(t: Troth, name: str, role: Role, password: str) -> Staff:
    """Add a member of staff.

    Raises:
        BadInput: the name or the password is too short or long.
        IntegrityError: the name is taken.
    """
    form = {"name": name, "password": password}
    plain = fields.text(form, "name", most=40)
    made = Staff(secrets.token_hex(16), plain, role)
    password_hash = passwords.digest(fields.password(form, "password"))
    with t.transaction() as c:
        queries.add_staff(
            c,
            staff_id=made.staff_id,
            name=made.name,
            role=role.value,
            password_hash=password_hash,
            created_at=now(t),
        )
    return made


def log_in_staff(t: Troth, log_in: StaffLogIn) -> str:
    """Log a member of staff in; return the token of the session, which lasts half a day.

    Raises:
        LogInRefused: name and password do not belong together.
        Throttled: too many failed tries.
    """
    attempt_id = passwords.knock(t, "staff", log_in.name)
    with t.reading() as c:
        row = queries.staff_of_name(c, log_in.name)
    stored = "" if row is None else row.password_hash
    if not passwords.matches(log_in.password, stored) or row is None:
        raise LogInRefused
    passwords.let_in(t, attempt_id)
    token = secrets.token_urlsafe(32)
    with t.transaction() as c:
        queries.add_staff_session(
            c, token_digest=token_digest(token), staff_id=row.staff_id, created_at=now(t)
        )
    return token


def find_staff(t: Troth, token: str) -> Staff | None:
    """Return who a token stands for, or None if it is unknown, ended or too old."""
    if not token or len(token) > 100:
        return None
    with t.reading() as c:
        row = queries.staff_of_token(c, token_digest(token))
    if row is None or row.session_created_at + SESSION_LIFE <= now(t):
        return None
    return Staff(row.staff_id, row.name, Role(row.role))


def log_out_staff(t: Troth, token: str) -> None:
    """End the session of a token; an unknown one is no error."""
    with t.transaction() as c:
        queries.end_staff_session(c, token_digest(token), now(t))


# --- the cashier ------------------------------------------------------------------------------


def to_check(t: Troth, staff: Staff) -> tuple[CheckRow, ...]:
    """Return the orders whose payment waits for a check or a refund, oldest first."""
    return _checks(t, staff, "")


def to_check_one(t: Troth, staff: Staff, order_id: str) -> CheckRow:
    """Return one of them.

    Raises:
        NotFound: it does not wait for the cashier.
    """
    found = _checks(t, staff, order_id)
    if not found:
        raise NotFound
    return found[0]


def staff_voucher(t: Troth, folder: Path, staff: Staff, voucher_id: str) -> bytes:
    """Return the JPEG of a voucher whose order waits for a check.

    Raises:
        NotFound: there is none, or its order does not wait.
        NotPermitted: the person withdrew the consent.
        ImageBroken: the file is not the one that was stored.
    """
    _may(t, staff, "payment_voucher", "check_voucher")
    with t.reading() as c:
        row = queries.voucher_of(c, voucher_id)
        waits = row is not None and queries.payments_in(c, _CHECKS, row.order_id)
    if row is None or not waits:
        raise NotFound
    permit(t, row.pii_principal_id, "check_voucher")
    return picture_of(folder, voucher_id, row.digest)


def approve_payment(t: Troth, staff: Staff, order_id: str) -> OrderState:
    """Record that the money came.

    Raises:
        NotFound: there is no such order.
        WrongState: its payment does not wait for a check.
    """
    return _settle(t, staff, order_id, Step.APPROVE)


def reject_payment(t: Troth, staff: Staff, order_id: str) -> OrderState:
    """Record that the money was not found; the person can report it again.

    Raises:
        NotFound, WrongState: see `approve_payment`.
    """
    return _settle(t, staff, order_id, Step.REJECT)


def confirm_refund(t: Troth, staff: Staff, order_id: str) -> OrderState:
    """Record that a cancelled order was refunded, or that nothing had been paid.

    Raises:
        NotFound, WrongState: see `approve_payment`.
    """
    return _settle(t, staff, order_id, Step.CONFIRM_REFUND)


# --- the packer -------------------------------------------------------------------------------


def to_pack(t: Troth, staff: Staff) -> tuple[PackRow, ...]:
    """Return the orders that can be packed or wait to be handed out, oldest first."""
    _may(t, staff, "order_lines", "deliver_order")
    with t.reading() as c:
        rows = [
            row
            for row in queries.orders_in(c, _TO_PACK)
            if (row.state, row.pay_by) != (OrderState.PLACED.value, PayBy.TRANSFER.value)
            and t.decide(row.pii_principal_id, "deliver_order")
        ]
        return tuple(_pack_row(t, c, staff, order) for order in orders_from(c, rows))


def pack(t: Troth, staff: Staff, order_id: str) -> OrderState:
    """Record that an order is packed; one for the courier then waits to be handed over.

    Raises:
        NotFound: there is no such order.
        WrongState: it cannot be packed.
    """
    _may(t, staff, "order_lines", "deliver_order")
    person = _person(t, order_id)
    permit(t, person, "deliver_order")
    with t.transaction() as c:
        before = step_order(t, c, person, order_id, Step.PACK)
        packed_now = before.state != OrderState.PACKED.value
        if packed_now and before.delivery == Delivery.COURIER.value:
            queries.add_hand_over(
                c, order_id=order_id, pii_principal_id=person, state="waiting", due_at=now(t)
            )
    return OrderState.PACKED


def hand_out(t: Troth, staff: Staff, order_id: str) -> OrderState:
    """Record that our own people handed an order to the person; what is paid on receipt is paid.

    Raises:
        NotFound: there is no such order, or the courier delivers it.
        WrongState: it is not packed.
    """
    _may(t, staff, "order_lines", "deliver_order")
    person = _person(t, order_id)
    permit(t, person, "deliver_order", "take_payment")
    with t.transaction() as c:
        before = step_order(t, c, person, order_id, Step.HAND_OVER)
        if before.delivery == Delivery.COURIER.value:
            raise NotFound
        if before.pay_by == PayBy.ON_RECEIPT.value and before.state == OrderState.PACKED.value:
            queries.set_payment(c, order_id, paid_at=now(t))
    return OrderState.HANDED_OVER


# --- customer service -------------------------------------------------------------------------


def cases_to_answer(t: Troth, staff: Staff) -> tuple[Case, ...]:
    """Return the open cases that nobody has yet, and this agent's own."""
    _may(t, staff, "support_messages", "answer_support")
    with t.reading() as c:
        rows = [
            row
            for row in queries.open_cases(c)
            if row.agent in ("", staff.staff_id)
            and t.decide(row.pii_principal_id, "answer_support")
        ]
        return cases_from(t, c, rows)


def staff_case(t: Troth, staff: Staff, case_id: str) -> Case:
    """Return one case that nobody has yet, or this agent's own.

    Raises:
        NotFound: there is none.
        RoleRefused: another agent has it (S-51).
    """
    _may(t, staff, "support_messages", "answer_support")
    person = _person_of_case(t, case_id)
    with t.reading() as c:
        row = queries.case_of(c, person, case_id)
        if row is None:
            raise NotFound
        _own(staff, row)
        return cases_from(t, c, [row])[0]


def reply(t: Troth, staff: Staff, case_id: str, new: NewMessage) -> Case:
    """Answer in a case and keep it; the same form sent twice answers once.

    Raises:
        NotFound: there is no such case.
        RoleRefused: another agent has it.
        WrongState: it is closed.
    """
    _may(t, staff, "support_messages", "answer_support")
    person = _person_of_case(t, case_id)
    with t.transaction() as c:
        row = add_message(t, c, person, case_id, new, sender=STAFF)
        _own(staff, row)
        queries.set_case(c, case_id, agent=staff.staff_id)
    return staff_case(t, staff, case_id)


# --- what they share --------------------------------------------------------------------------


def _may(t: Troth, staff: Staff, category: str, purpose: str) -> None:
    role = t.policy.roles.get(staff.role.value)
    if role is None or purpose not in role.sees.get(category, ()):
        raise RoleRefused


def _own(staff: Staff, row: Row[Any]) -> None:
    if row.agent not in ("", staff.staff_id):
        raise RoleRefused


def _person(t: Troth, order_id: str) -> str:
    with t.reading() as c:
        person = queries.person_of_order(c, order_id)
    if person is None:
        raise NotFound
    return person


def _person_of_case(t: Troth, case_id: str) -> str:
    with t.reading() as c:
        person = queries.person_of_case(c, case_id)
    if person is None:
        raise NotFound
    permit(t, person, "answer_support")
    return person


def _checks(t: Troth, staff: Staff, order_id: str) -> tuple[CheckRow, ...]:
    for category in ("order_lines", "payment_record", "transfer_reference"):
        _may(t, staff, category, "take_payment")
    with t.reading() as c:
        rows = [
            row
            for row in queries.payments_in(c, _CHECKS, order_id)
            if t.decide(row.pii_principal_id, "take_payment")
        ]
        lines: dict[str, list[Line]] = {row.order_id: [] for row in rows}
        for line in queries.lines_of(c, list(lines)):
            lines[line.order_id].append(
                Line(line.sku, line.name_zh, line.name_en, line.price_fen, line.quantity)
            )
        vouchers: dict[str, list[VoucherRow]] = {row.order_id: [] for row in rows}
        for voucher in queries.vouchers_of(c, list(lines)):
            if t.decide(voucher.pii_principal_id, "check_voucher"):
                vouchers[voucher.order_id].append(voucher_from(voucher))
    return tuple(
        CheckRow(
            row.order_id,
            OrderState(row.state),
            row.total_fen,
            row.placed_at,
            row.submitted_at,
            row.reference,
            tuple(lines[row.order_id]),
            tuple(vouchers[row.order_id]),
        )
        for row in rows
    )


def _settle(t: Troth, staff: Staff, order_id: str, step: Step) -> OrderState:
    _may(t, staff, "payment_record", "take_payment")
    person = _person(t, order_id)
    permit(t, person, "take_payment")
    at = now(t)
    with t.transaction() as c:
        before = step_order(t, c, person, order_id, step)
        row = queries.order_of(c, person, order_id)
        if row is not None and row.state != before.state:
            queries.set_payment(c, order_id, checked_by=staff.staff_id, checked_at=at)
            if step is Step.APPROVE:
                queries.set_payment(c, order_id, paid_at=at)
            elif step is Step.REJECT:
                queries.set_payment(c, order_id, submitted_at=None)
            else:
                queries.set_payment(c, order_id, refunded_at=at)
    return OrderState(before.state if row is None else row.state)


def _pack_row(t: Troth, c: Connection, staff: Staff, order: Order) -> PackRow:
    row = queries.delivery_of(c, order.person, order.order_id)
    recipient = None
    if row is not None:
        for category in ("recipient_name", "recipient_phone", "recipient_address"):
            _may(t, staff, category, "deliver_order")
        recipient = Recipient(
            row.recipient_name, row.recipient_phone, row.recipient_address, row.parcel_number
        )
    return PackRow(order.order_id, order.state, order.delivery, order.lines, recipient)
