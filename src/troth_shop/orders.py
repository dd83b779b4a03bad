"""Orders: place one, look at it, cancel it, say that it came.

Checkout asks for what the chosen delivery needs and for nothing else (S-07): an order that is
picked up has no name, no address, no phone. An order is placed once per form, however often the
form is sent. What an order cost and what its goods were called stands in it as it was that day.

Ordering is an act: it is recorded first, and the rows follow in one block. After a crash in
between, the purposes stand and there is no order; the same form sent again places it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError

from troth import SnapshotError, Troth
from troth_shop import fields, queries
from troth_shop.catalogue import Catalogue
from troth_shop.errors import BadInput, NotFound, NotPermitted, WrongState
from troth_shop.fields import Form, new_key
from troth_shop.gate import (
    CANCELLING,
    ORDERING,
    now,
    open_by_act,
    permit,
    stand,
    taken,
    use,
)
from troth_shop.order_states import OrderState, PayBy, Step, after, can

__all__ = [
    "ORDER_PURPOSES",
    "Checkout",
    "Delivery",
    "Line",
    "Order",
    "OrderState",
    "PayBy",
    "Recipient",
    "cancel_order",
    "delivery_of",
    "finish_order",
    "new_key",
    "order",
    "orders",
    "place_order",
    "step_order",
]

ORDER_PURPOSES = (*ORDERING, "keep_records")
"""What ordering opens; their notices stand at checkout."""

MOST_LINES = 50
MOST_OF_ONE = 99


class Delivery(StrEnum):
    """How an order reaches the person; only the courier is told anything."""

    PICK_UP = "pick_up"
    OUR_DELIVERY = "our_delivery"
    COURIER = "courier"


@dataclass(frozen=True, slots=True)
class Line:
    """One article of an order as it was named and priced that day."""

    sku: str
    name_zh: str
    name_en: str
    price_fen: int
    quantity: int

    @property
    def sum_fen(self) -> int:
        """Return price times quantity."""
        return self.price_fen * self.quantity

    def name(self, language: str) -> str:
        """Return the name in a language; anything that is not English gets Chinese."""
        return self.name_en if language.lower().startswith("en") else self.name_zh


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where an order goes; ``tracking_id`` is empty until the courier took it."""

    name: str
    phone: str
    address: str
    parcel_number: str = ""
    tracking_id: str = ""


@dataclass(frozen=True, slots=True)
class Checkout:
    """What a checkout form says, once read; ``recipient`` is None for pick-up."""

    order_key: str
    lines: tuple[Line, ...]
    delivery: Delivery
    pay_by: PayBy
    recipient: Recipient | None

    @classmethod
    def of(cls, form: Form, catalogue: Catalogue, cart: Mapping[str, int]) -> Checkout:
        """Read ``order_key``, ``delivery``, ``pay_by``; and only for delivery the recipient.

        Args:
            form: the form.
            catalogue: what is sold, and for how much.
            cart: {sku: quantity}.

        Raises:
            BadInput: a field is malformed, or the cart is empty or holds what is not sold.
        """
        delivery = fields.choice(form, "delivery", Delivery)
        pay_by = fields.choice(form, "pay_by", PayBy)
        if delivery is Delivery.COURIER and pay_by is PayBy.ON_RECEIPT:
            raise BadInput("courier_needs_transfer", "pay_by")
        recipient = None
        if delivery is not Delivery.PICK_UP:
            recipient = Recipient(
                name=fields.text(form, "recipient_name", most=40),
                phone=fields.phone(form, "recipient_phone"),
                address=fields.text(form, "recipient_address", most=200),
            )
        return cls(
            order_key=fields.key(form, "order_key"),
            lines=_lines(catalogue, cart),
            delivery=delivery,
            pay_by=pay_by,
            recipient=recipient,
        )

    @property
    def total_fen(self) -> int:
        """Return what is to be paid."""
        return sum(line.sum_fen for line in self.lines)


@dataclass(frozen=True, slots=True)
class Order:
    """One order; times in microseconds, amounts in fen."""

    order_id: str
    person: str
    state: OrderState
    delivery: Delivery
    pay_by: PayBy
    total_fen: int
    lines: tuple[Line, ...]
    placed_at: int
    changed_at: int

    @property
    def number(self) -> str:
        """Return a short number to read out; it opens nothing."""
        return number_of(self.order_id)

    @property
    def may_cancel(self) -> bool:
        """Tell whether the order can still be cancelled."""
        return can(self.state, Step.CANCEL, self.pay_by)

    @property
    def may_pay(self) -> bool:
        """Tell whether a transfer can be reported now."""
        return self.state is OrderState.PLACED and self.pay_by is PayBy.TRANSFER


def number_of(order_id: str) -> str:
    """Return the short number of an order."""
    return f"{order_id[:4]}-{order_id[4:8]}".upper()


def place_order(t: Troth, person: str, checkout: Checkout, token: str) -> Order:
    """Place an order: first the acts that open its purposes, then its rows in one block.

    Args:
        t: the engine.
        person: who orders.
        checkout: the form.
        token: of ``t.show(*ORDER_PURPOSES, person=person)``.

    Returns:
        The order; the one that stands already if this form was sent before.

    Raises:
        NotPermitted: for the courier, without the separate consent that names it (S-41).
        SnapshotError: the notices were not shown, or too long ago; nothing was stored.
    """
    try:
        if checkout.delivery is Delivery.COURIER:
            permit(t, person, "share_with_courier")
        open_by_act(t, person, ORDER_PURPOSES, token, form_key=checkout.order_key)
        return _write(t, person, checkout)
    except (NotPermitted, SnapshotError, IntegrityError) as error:
        if isinstance(error, IntegrityError) and not taken(error):
            raise
        # The form was sent before, or twice at once and the other was faster.
        placed = _of_key(t, person, checkout.order_key)
        if placed is None:
            raise
        return placed


def order(t: Troth, person: str, order_id: str) -> Order:
    """Return one order of a person.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    with use(t, person, "place_order") as c:
        return order_in(c, person, order_id)


def order_in(c: Connection, person: str, order_id: str) -> Order:
    """Return one order of a person in the caller's block; see `order`."""
    row = queries.order_of(c, person, order_id)
    if row is None:
        raise NotFound
    return orders_from(c, [row])[0]


def orders(t: Troth, person: str) -> tuple[Order, ...]:
    """Return the orders of a person, newest first."""
    permit(t, person, "place_order")  # who never ordered attempted nothing by opening a page
    with use(t, person, "place_order") as c:
        return orders_from(c, queries.orders_of(c, person))


def delivery_of(t: Troth, person: str, order_id: str) -> Recipient | None:
    """Return where an order goes, or None when it is picked up.

    Raises:
        NotFound: there is no such order of this person.
    """
    with use(t, person, "deliver_order") as c:
        if queries.order_of(c, person, order_id) is None:
            raise NotFound
        return delivery_in(c, person, order_id)


def delivery_in(c: Connection, person: str, order_id: str) -> Recipient | None:
    """Return where an order that is there goes, in the caller's block; see `delivery_of`."""
    row = queries.delivery_of(c, person, order_id)
    if row is None:
        return None
    sent = queries.hand_over_of(c, person, order_id)
    return Recipient(
        row.recipient_name,
        row.recipient_phone,
        row.recipient_address,
        row.parcel_number,
        "" if sent is None else sent.tracking_id,
    )


def cancel_order(t: Troth, person: str, order_id: str) -> Order:
    """Cancel an order that was not handed over; what may have been paid becomes a refund.

    Raises:
        WrongState: it was handed over, or is being handed to the courier this moment.
    """
    if not stand(t, person, *CANCELLING):
        # Nothing is handed over without `deliver_order`, so there is nothing to stop.
        with use(t, person, "place_order", writes=True) as c:
            step_order(t, c, person, order_id, Step.CANCEL)
            return order_in(c, person, order_id)
    with use(t, person, *CANCELLING, writes=True) as c:
        row = step_order(t, c, person, order_id, Step.CANCEL)
        waiting = queries.lock_hand_over(c, order_id)
        if waiting is not None and waiting.state == "sending":
            raise WrongState(row.state)
        if waiting is not None and waiting.state == "waiting":
            queries.set_hand_over(c, order_id, state="stopped")
        return order_in(c, person, order_id)


def finish_order(t: Troth, person: str, order_id: str) -> Order:
    """Record that the person has the goods.

    Raises:
        WrongState: they were not handed over.
    """
    with use(t, person, "place_order", writes=True) as c:
        step_order(t, c, person, order_id, Step.FINISH)
        return order_in(c, person, order_id)


def step_order(t: Troth, c: Connection, person: str, order_id: str, step: Step) -> Row[Any]:
    """Do one step of an order in the caller's block; return the row as it was before.

    Raises:
        NotFound: there is no such order of this person.
        WrongState: the step cannot be done now.
    """
    row = queries.lock_order(c, person, order_id)
    if row is None:
        raise NotFound
    state = OrderState(row.state)
    then = after(state, step, PayBy(row.pay_by))
    if then is not state:
        at = now(t)
        done = {"done_at": at} if then is OrderState.DONE else {}
        queries.set_order(c, order_id, state=then.value, changed_at=at, **done)
    return row


def orders_from(c: Connection, rows: Sequence[Row[Any]]) -> tuple[Order, ...]:
    """Return orders with their lines, in the order of ``rows``."""
    lines: dict[str, list[Line]] = {row.order_id: [] for row in rows}
    for line in queries.lines_of(c, list(lines)):
        lines[line.order_id].append(
            Line(line.sku, line.name_zh, line.name_en, line.price_fen, line.quantity)
        )
    return tuple(
        Order(
            row.order_id,
            row.pii_principal_id,
            OrderState(row.state),
            Delivery(row.delivery),
            PayBy(row.pay_by),
            row.total_fen,
            tuple(lines[row.order_id]),
            row.placed_at,
            row.changed_at,
        )
        for row in rows
    )


def _of_key(t: Troth, person: str, order_key: str) -> Order | None:
    if not stand(t, person, "place_order"):
        return None
    with use(t, person, "place_order") as c:
        row = queries.order_of_key(c, person, order_key)
        return None if row is None else orders_from(c, [row])[0]


def _write(t: Troth, person: str, checkout: Checkout) -> Order:
    at = now(t)
    placed = Order(
        order_id=secrets.token_hex(16),
        person=person,
        state=OrderState.PLACED,
        delivery=checkout.delivery,
        pay_by=checkout.pay_by,
        total_fen=checkout.total_fen,
        lines=checkout.lines,
        placed_at=at,
        changed_at=at,
    )
    with use(t, person, *ORDERING, writes=True) as c:
        _write_rows(c, placed, checkout)
    return placed


def _write_rows(c: Connection, placed: Order, checkout: Checkout) -> None:
    mine = {"order_id": placed.order_id, "pii_principal_id": placed.person}
    queries.add_order(
        c,
        **mine,
        order_key=checkout.order_key,
        state=placed.state.value,
        delivery=placed.delivery.value,
        pay_by=placed.pay_by.value,
        total_fen=placed.total_fen,
        placed_at=placed.placed_at,
        changed_at=placed.changed_at,
    )
    queries.add_lines(
        c,
        [
            {
                **mine,
                "place": place,
                "sku": line.sku,
                "name_zh": line.name_zh,
                "name_en": line.name_en,
                "price_fen": line.price_fen,
                "quantity": line.quantity,
            }
            for place, line in enumerate(placed.lines)
        ],
    )
    queries.add_payment(c, **mine, pay_by=placed.pay_by.value, amount_fen=placed.total_fen)
    if checkout.recipient is not None:
        queries.add_delivery(
            c,
            **mine,
            recipient_name=checkout.recipient.name,
            recipient_phone=checkout.recipient.phone,
            recipient_address=checkout.recipient.address,
            parcel_number=f"ZH{secrets.randbelow(10**10):010d}",
        )


def _lines(catalogue: Catalogue, cart: Mapping[str, int]) -> tuple[Line, ...]:
    if not cart:
        raise BadInput("cart_empty", "cart")
    if len(cart) > MOST_LINES:
        raise BadInput("cart_invalid", "cart")
    lines = []
    for sku, quantity in cart.items():
        product = catalogue.by_sku.get(sku)
        if product is None or not 1 <= quantity <= MOST_OF_ONE:
            raise BadInput("cart_invalid", "cart")
        lines.append(Line(sku, product.name.zh, product.name.en, product.price_fen, quantity))
    return tuple(lines)
