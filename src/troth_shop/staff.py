"""Staff: accounts of their own, and for each role only what the policy lets it see (S-57).

What a role may see is not written here: the policy's ``roles`` say it, category by category and
for which purpose, and whoever opens a purpose is judged by it (`gate.use`). Whatever a role may see
of people at large, it sees of one person only while that person's purpose stands, only for a case,
and with a look that the person can read. A queue names exactly the people whose rows it shows.

The cashier compares transfers with the money received and confirms refunds. The packer packs and
hands out. An agent of customer service answers; the first to answer a case keeps it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row

from troth import SYSTEM, Actor, Found, Troth, seen_by_role
from troth_shop import fields, passwords, queries
from troth_shop.errors import LogInRefused, NotFound, RoleRefused
from troth_shop.fields import Form
from troth_shop.gate import (
    CHECKING,
    finds_one,
    in_parts,
    now,
    permit,
    use,
    use_of_many,
)
from troth_shop.order_states import OrderState, PayBy, Step
from troth_shop.orders import Delivery, Line, Order, Recipient, number_of, orders_from, step_order
from troth_shop.payments import VoucherRow, voucher_from
from troth_shop.sessions import HOUR, token_digest
from troth_shop.support import OPEN, STAFF, Case, NewMessage, add_message, case_in, shown_under
from troth_shop.vouchers import picture_of

SESSION_LIFE = 12 * HOUR
_CHECKS = (OrderState.AWAITING_CHECK.value, OrderState.REFUND_DUE.value)
_OF_RECIPIENT = ("recipient_name", "recipient_phone", "recipient_address", "parcel_number")
"""Categories of the policy and columns of the same name; a role that may not see one sees none."""
_TO_PACK = (OrderState.PLACED.value, OrderState.PAID.value, OrderState.PACKED.value)


class Role(StrEnum):
    """A role of the policy that has pages of its own."""

    CASHIER = "cashier"
    PACKER = "packer"
    SUPPORT = "support"
    OFFICER = "officer"


@dataclass(frozen=True, slots=True)
class Staff:
    """A member of staff who is logged in."""

    staff_id: str
    name: str
    role: Role

    @property
    def actor(self) -> Actor:
        """Return who looks, as looks name them."""
        return Actor(self.staff_id, self.role.value)


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


@dataclass(frozen=True, slots=True)
class AgentsCase:
    """A case as its agent sees it; ``phone`` has its middle hidden, or is empty if not theirs."""

    case: Case
    phone: str


@dataclass(frozen=True, slots=True)
class CaseRow:
    """What a list of cases shows of one; its messages are read when it is opened."""

    case_id: str
    subject: str
    opened_at: int


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
    """Return the orders whose payment waits for a check or a refund, oldest first.

    Raises:
        RoleRefused: it is not for this role.
    """
    found = t.find("shop_order", "state", *_CHECKS)
    rows: list[CheckRow] = []
    for people in in_parts(_permitting(t, staff, found, "take_payment")):
        with use_of_many(t, people, "take_payment", actor=staff.actor, case="queue:checks") as c:
            rows += _checks(t, c, queries.payments_in(c, _CHECKS))
    return tuple(rows)


def to_check_one(t: Troth, staff: Staff, order_id: str) -> CheckRow:
    """Return one of them.

    Raises:
        NotFound: it does not wait for the cashier.
        NotPermitted, RoleRefused: see `gate.use`.
    """
    person = _whose(t, staff, "take_payment", "shop_order", order_id)
    with use(t, person, "take_payment", actor=staff.actor, case=order_id) as c:
        rows = _checks(t, c, queries.payments_in(c, _CHECKS, order_id))
    if not rows:
        raise NotFound
    return rows[0]


def staff_voucher(t: Troth, folder: Path, staff: Staff, voucher_id: str) -> bytes:
    """Return the JPEG of a voucher whose order waits for a check.

    Raises:
        NotFound: there is none, or its order does not wait.
        NotPermitted: the person withdrew the consent.
        ImageBroken: the file is not the one that was stored.
    """
    found = finds_one(t, "shop_voucher", "voucher_id", voucher_id)
    if found is None:
        _must_see(t, staff, "check_voucher")
        raise NotFound
    order_id = str(found.told["order_id"])
    with use(t, found.person, *CHECKING, actor=staff.actor, case=order_id) as c:
        row = queries.voucher_of(c, voucher_id)
        if row is None or not queries.payments_in(c, _CHECKS, order_id):
            raise NotFound
        return picture_of(c, folder, voucher_id, row.digest)


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
    """Return the orders that can be packed or wait to be handed out, oldest first.

    Raises:
        RoleRefused: it is not for this role.
    """
    unpaid = t.find("shop_order", "state", OrderState.PLACED.value)
    ready = t.find("shop_order", "state", OrderState.PAID.value, OrderState.PACKED.value)
    found = [one for one in unpaid if one.told["pay_by"] == PayBy.ON_RECEIPT.value] + ready
    rows: list[PackRow] = []
    for people in in_parts(_permitting(t, staff, found, "deliver_order")):
        with use_of_many(t, people, "deliver_order", actor=staff.actor, case="queue:parcels") as c:
            waiting = [
                row
                for row in queries.orders_in(c, _TO_PACK)
                if (row.state, row.pay_by) != (OrderState.PLACED.value, PayBy.TRANSFER.value)
            ]
            rows += [_pack_row(t, c, staff, order) for order in orders_from(c, waiting)]
    return tuple(rows)


def pack(t: Troth, staff: Staff, order_id: str) -> OrderState:
    """Record that an order is packed; one for the courier then waits to be handed over.

    Raises:
        NotFound: there is no such order.
        WrongState: it cannot be packed.
    """
    person = _whose(t, staff, "deliver_order", "shop_order", order_id)
    with use(t, person, "deliver_order", actor=staff.actor, case=order_id, writes=True) as c:
        before = step_order(t, c, person, order_id, Step.PACK)
        packed_now = before.state != OrderState.PACKED.value
        if packed_now and before.delivery == Delivery.COURIER.value:
            queries.add_hand_over(
                c, order_id=order_id, pii_principal_id=person, state="waiting", due_at=now(t)
            )
    return OrderState.PACKED


def hand_out(t: Troth, staff: Staff, order_id: str) -> OrderState:
    """Record that our own people handed an order to the person; what is paid on receipt is paid.

    The payment is recorded by the shop itself, in a use of its own, because a packer may not see
    payments. Done again, after a crash in between say, it records what is missing.

    Raises:
        NotFound: there is no such order, or the courier delivers it.
        WrongState: it is not packed.
    """
    person = _whose(t, staff, "deliver_order", "shop_order", order_id)
    permit(t, person, "take_payment")
    with use(t, person, "deliver_order", actor=staff.actor, case=order_id, writes=True) as c:
        before = step_order(t, c, person, order_id, Step.HAND_OVER)
        if before.delivery == Delivery.COURIER.value:
            raise NotFound
    if before.pay_by == PayBy.ON_RECEIPT.value:
        doer = Actor("hand-out", SYSTEM)
        with use(t, person, "take_payment", actor=doer, case=order_id, writes=True) as c:
            queries.set_paid(c, order_id, now(t))
    return OrderState.HANDED_OVER


# --- customer service -------------------------------------------------------------------------


def cases_to_answer(t: Troth, staff: Staff) -> tuple[CaseRow, ...]:
    """Return the open cases that nobody has yet, and this agent's own.

    Raises:
        RoleRefused: it is not for this role.
    """
    found = [
        one for one in t.find("shop_case", "state", OPEN) if _may_have(staff, one.told["agent"])
    ]
    rows: list[CaseRow] = []
    for people in in_parts(_permitting(t, staff, found, "answer_support")):
        with use_of_many(t, people, "answer_support", actor=staff.actor, case="queue:cases") as c:
            rows += [
                CaseRow(row.case_id, row.subject, row.opened_at)
                for row in queries.open_cases(c)
                if _may_have(staff, row.agent)
            ]
    return tuple(rows)


def staff_case(t: Troth, staff: Staff, case_id: str) -> Case:
    """Return one case that nobody has yet, or this agent's own.

    Raises:
        NotFound: there is none.
        RoleRefused: another agent has it (S-51).
    """
    return agents_case(t, staff, case_id).case


def agents_case(t: Troth, staff: Staff, case_id: str) -> AgentsCase:
    """Return one case as `staff_case` does, and whose phone it is as far as the role sees it.

    Raises:
        NotFound, RoleRefused: see `staff_case`.
    """
    person = _whose(t, staff, "answer_support", "shop_case", case_id)
    sees = seen_by_role(t.policy, staff.role.value, "answer_support")
    purposes = shown_under(t, person)
    with use(t, person, *purposes, actor=staff.actor, case=case_id) as c:
        row = queries.case_of(c, person, case_id)
        if row is None:
            raise NotFound
        _own(staff, row)
        owner = queries.phone_of(c, person) if "account_phone" in sees else None
        phone = masked(owner.phone) if owner is not None else ""
        return AgentsCase(case_in(c, person, case_id, purposes), phone)


def reply(t: Troth, staff: Staff, case_id: str, new: NewMessage) -> Case:
    """Answer in a case and keep it; the same form sent twice answers once.

    Raises:
        NotFound: there is no such case.
        RoleRefused: another agent has it.
        WrongState: it is closed.
    """
    person = _whose(t, staff, "answer_support", "shop_case", case_id)
    purposes = shown_under(t, person)
    with use(t, person, *purposes, actor=staff.actor, case=case_id, writes=True) as c:
        row = add_message(t, c, person, case_id, new, sender=STAFF)
        _own(staff, row)
        queries.set_case(c, case_id, agent=staff.staff_id)
        return case_in(c, person, case_id, purposes)


# --- what they share --------------------------------------------------------------------------


def masked(phone: str) -> str:
    """Return a phone with its middle hidden."""
    return f"{phone[:3]}****{phone[-4:]}"


def _must_see(t: Troth, staff: Staff, purpose: str) -> None:
    """Refuse a role that sees nothing for a purpose, where there is nobody whose use would."""
    if not seen_by_role(t.policy, staff.role.value, purpose):
        raise RoleRefused


def _permitting(t: Troth, staff: Staff, found: Sequence[Found], purpose: str) -> list[str]:
    """Return the people of a queue for whom the purpose stands."""
    people = [one.person for one in found if t.decide(one.person, purpose)]
    if not people:
        _must_see(t, staff, purpose)
    return people


def _whose(t: Troth, staff: Staff, purpose: str, table: str, row_id: str) -> str:
    """Return whose an order or a case is; staff do not come from a person."""
    by = "order_id" if table == "shop_order" else "case_id"
    found = finds_one(t, table, by, row_id)
    if found is None:
        _must_see(t, staff, purpose)
        raise NotFound
    return found.person


def _may_have(staff: Staff, agent: object) -> bool:
    return agent in ("", staff.staff_id)


def _own(staff: Staff, row: Row[Any]) -> None:
    if not _may_have(staff, row.agent):
        raise RoleRefused


def _checks(t: Troth, c: Connection, rows: queries.Rows) -> list[CheckRow]:
    lines: dict[str, list[Line]] = {row.order_id: [] for row in rows}
    for line in queries.lines_of(c, list(lines)):
        lines[line.order_id].append(
            Line(line.sku, line.name_zh, line.name_en, line.price_fen, line.quantity)
        )
    vouchers: dict[str, list[VoucherRow]] = {row.order_id: [] for row in rows}
    for voucher in queries.vouchers_of(c, list(lines)):
        if t.decide(voucher.pii_principal_id, "check_voucher"):
            vouchers[voucher.order_id].append(voucher_from(voucher))
    return [
        CheckRow(
            row.order_id,
            OrderState(row.state),
            row.total_fen,
            row.placed_at,
            row.submitted_at,
            row.reference or "",
            tuple(lines[row.order_id]),
            tuple(vouchers[row.order_id]),
        )
        for row in rows
    ]


def _settle(t: Troth, staff: Staff, order_id: str, step: Step) -> OrderState:
    person = _whose(t, staff, "take_payment", "shop_order", order_id)
    at = now(t)
    with use(t, person, "take_payment", actor=staff.actor, case=order_id, writes=True) as c:
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
        seen = seen_by_role(t.policy, staff.role.value, "deliver_order")
        shown = {name: str(getattr(row, name)) if name in seen else "" for name in _OF_RECIPIENT}
        recipient = Recipient(*shown.values())
    return PackRow(order.order_id, order.state, order.delivery, order.lines, recipient)
