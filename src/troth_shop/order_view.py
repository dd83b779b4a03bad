"""What the page of one order shows: the order, its payment and its delivery, read in one use.

Where one of the three purposes does not stand, the others are read one by one, and what was left
out is named with the reason. Without `place_order` there is no page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection

from troth import Troth
from troth_shop.errors import NotPermitted
from troth_shop.gate import ORDERING, Withheld, stand, use
from troth_shop.orders import Order, Recipient, delivery_in, order, order_in
from troth_shop.payments import Payment, payment_in

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order as its person sees it.

    Args:
        order: the order with its lines.
        payment: how it is paid; None if it is withheld.
        recipient: where it goes; None if it is picked up or withheld.
        withheld: the parts that were not read.
    """

    order: Order
    payment: Payment | None
    recipient: Recipient | None
    withheld: tuple[Withheld, ...] = ()


def order_view(t: Troth, person: str, order_id: str) -> OrderView:
    """Return one order of a person with its payment and its delivery.

    Raises:
        NotFound: there is no such order of this person.
        NotPermitted: orders themselves may not be read now.
    """
    if stand(t, person, *ORDERING):
        with use(t, person, *ORDERING) as c:
            return OrderView(
                order_in(c, person, order_id),
                payment_in(c, person, order_id),
                delivery_in(c, person, order_id),
            )
    found = order(t, person, order_id)
    withheld: list[Withheld] = []

    def part(name: str, purpose: str, read: Callable[[Connection], T]) -> T | None:
        try:
            with use(t, person, purpose) as c:
                return read(c)
        except NotPermitted as closed:
            withheld.append(Withheld(name, purpose, closed.decision))
            return None

    payment = part("payment", "take_payment", lambda c: payment_in(c, person, order_id))
    recipient = part("delivery", "deliver_order", lambda c: delivery_in(c, person, order_id))
    return OrderView(found, payment, recipient, tuple(withheld))
