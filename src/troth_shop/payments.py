"""Payment by transfer: the person types the reference or uploads a voucher, staff approve it.

Neither is asked for twice, and neither is needed: an order can be paid when it is received.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from troth import Troth
from troth_shop import fields, queries
from troth_shop.errors import NotFound
from troth_shop.fields import Form
from troth_shop.gate import now, use
from troth_shop.order_states import PayBy, Step
from troth_shop.orders import Order, order_in, step_order


@dataclass(frozen=True, slots=True)
class Reference:
    """The reference of a transfer, as the bank's receipt shows it."""

    reference: str

    @classmethod
    def of(cls, form: Form) -> Reference:
        """Read ``reference``.

        Raises:
            BadInput: it has not 6 to 64 letters, digits or dashes.
        """
        return cls(fields.reference(form, "reference"))


@dataclass(frozen=True, slots=True)
class VoucherRow:
    """What is known of a voucher without looking at it."""

    voucher_id: str
    size_bytes: int
    created_at: int


@dataclass(frozen=True, slots=True)
class Payment:
    """How an order is paid; times in microseconds, None for what did not happen."""

    order_id: str
    amount_fen: int
    pay_by: PayBy
    reference: str
    vouchers: tuple[VoucherRow, ...]
    submitted_at: int | None
    checked_at: int | None
    paid_at: int | None
    refunded_at: int | None

    @property
    def rejected(self) -> bool:
        """Tell whether staff looked and did not find the money."""
        return self.checked_at is not None and self.paid_at is None and self.submitted_at is None


def give_reference(t: Troth, person: str, order_id: str, reference: Reference) -> Payment:
    """Report a transfer by its reference; staff will compare it with the money received.

    Raises:
        NotFound: there is no such order of this person.
        WrongState: it is not paid by transfer, or is paid already.
    """
    with use(t, person, "take_payment", writes=True) as c:
        submit(t, c, person, order_id, reference=reference.reference)
        return payment_in(c, person, order_id)


def payment_of(t: Troth, person: str, order_id: str) -> Payment:
    """Return the payment of one order.

    Raises:
        NotFound: there is no such order of this person.
    """
    with use(t, person, "take_payment") as c:
        return payment_in(c, person, order_id)


def order_to_pay(t: Troth, person: str, order_id: str) -> tuple[Order, Payment]:
    """Return one order with its payment: what paying and a receipt are about.

    Raises:
        NotFound: there is no such order of this person.
    """
    with use(t, person, "take_payment") as c:
        return order_in(c, person, order_id), payment_in(c, person, order_id)


def payment_in(c: Connection, person: str, order_id: str) -> Payment:
    """Return the payment of one order in the caller's block; see `payment_of`."""
    row = queries.payment_of(c, person, order_id)
    if row is None:
        raise NotFound
    return payment_from(row, queries.vouchers_of(c, [order_id]))


def submit(t: Troth, c: Connection, person: str, order_id: str, **values: object) -> None:
    """Put an order up for checking in the caller's block; ``values`` go to its payment.

    Raises:
        NotFound, WrongState: see `give_reference`.
    """
    step_order(t, c, person, order_id, Step.SUBMIT_PAYMENT)
    queries.set_payment(c, order_id, submitted_at=now(t), **values)


def payment_from(row: Row[Any], vouchers: queries.Rows) -> Payment:
    """Return a payment from its rows."""
    return Payment(
        order_id=row.order_id,
        amount_fen=row.amount_fen,
        pay_by=PayBy(row.pay_by),
        reference=row.reference or "",
        vouchers=tuple(voucher_from(v) for v in vouchers),
        submitted_at=row.submitted_at,
        checked_at=row.checked_at,
        paid_at=row.paid_at,
        refunded_at=row.refunded_at,
    )


def voucher_from(row: Row[Any]) -> VoucherRow:
    """Return what a row says of a voucher."""
    return VoucherRow(row.voucher_id, row.size_bytes, row.created_at)
