"""Where an order stands and where it can go. Pure: what is not in the table cannot happen.

placed ─ submit_payment → awaiting_check ─ approve → paid ─ pack → packed ─ hand_over →
   │                          │ reject → placed                      handed_over ─ finish → done
   └ pack (pays on receipt) → packed

cancel, while not handed over: cancelled where nothing can have been paid, else refund_due,
and a member of staff confirms: refunded.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from troth_shop.errors import WrongState


class OrderState(StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    AWAITING_CHECK = "awaiting_check"
    PAID = "paid"
    PACKED = "packed"
    HANDED_OVER = "handed_over"
    DONE = "done"
    CANCELLED = "cancelled"
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"


class Step(StrEnum):
    """What can be done with an order."""

    SUBMIT_PAYMENT = "submit_payment"
    TAKE_BACK_PAYMENT = "take_back_payment"
    APPROVE = "approve"
    REJECT = "reject"
    PACK = "pack"
    HAND_OVER = "hand_over"
    FINISH = "finish"
    CANCEL = "cancel"
    CONFIRM_REFUND = "confirm_refund"


class PayBy(StrEnum):
    """How an order is paid; on receipt means on delivery or at pick-up."""

    TRANSFER = "transfer"
    ON_RECEIPT = "on_receipt"


_S = OrderState
_NEXT: Mapping[tuple[PayBy, Step], Mapping[OrderState, OrderState]] = {
    (PayBy.TRANSFER, Step.SUBMIT_PAYMENT): {
        _S.PLACED: _S.AWAITING_CHECK,
        _S.AWAITING_CHECK: _S.AWAITING_CHECK,
    },
    (PayBy.TRANSFER, Step.TAKE_BACK_PAYMENT): {
        _S.PLACED: _S.PLACED,
        _S.AWAITING_CHECK: _S.PLACED,
    },
    (PayBy.TRANSFER, Step.APPROVE): {_S.AWAITING_CHECK: _S.PAID, _S.PAID: _S.PAID},
    (PayBy.TRANSFER, Step.REJECT): {_S.AWAITING_CHECK: _S.PLACED, _S.PLACED: _S.PLACED},
    (PayBy.TRANSFER, Step.PACK): {_S.PAID: _S.PACKED, _S.PACKED: _S.PACKED},
    (PayBy.ON_RECEIPT, Step.PACK): {_S.PLACED: _S.PACKED, _S.PACKED: _S.PACKED},
    (PayBy.TRANSFER, Step.CANCEL): {
        _S.PLACED: _S.CANCELLED,
        # Somebody says the money is on its way: staff look before it counts as nothing.
        _S.AWAITING_CHECK: _S.REFUND_DUE,
        _S.PAID: _S.REFUND_DUE,
        _S.PACKED: _S.REFUND_DUE,
    },
    (PayBy.ON_RECEIPT, Step.CANCEL): {_S.PLACED: _S.CANCELLED, _S.PACKED: _S.CANCELLED},
    (PayBy.TRANSFER, Step.CONFIRM_REFUND): {_S.REFUND_DUE: _S.REFUNDED, _S.REFUNDED: _S.REFUNDED},
}
_EITHER: Mapping[Step, Mapping[OrderState, OrderState]] = {
    Step.HAND_OVER: {_S.PACKED: _S.HANDED_OVER, _S.HANDED_OVER: _S.HANDED_OVER},
    Step.FINISH: {_S.HANDED_OVER: _S.DONE, _S.DONE: _S.DONE},
    Step.CANCEL: {s: s for s in (_S.CANCELLED, _S.REFUND_DUE, _S.REFUNDED)},
}


def after(state: OrderState, step: Step, pay_by: PayBy) -> OrderState:
    """Return where an order stands after a step; a step done twice changes nothing.

    Raises:
        WrongState: the step cannot be done from there.
    """
    found = _NEXT.get((pay_by, step), {}).get(state) or _EITHER.get(step, {}).get(state)
    if found is None:
        raise WrongState(state.value)
    return found


def can(state: OrderState, step: Step, pay_by: PayBy) -> bool:
    """Tell whether a step would change where an order stands."""
    try:
        return after(state, step, pay_by) is not state
    except WrongState:
        return False
