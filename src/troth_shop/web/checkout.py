"""Checkout: asks what shopping needs and nothing else (S-07); the order is the act.

The courier is a purpose of its own, asked on a page of its own. Without it, pick-up and our own
delivery remain, at the same price.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from troth import SnapshotError
from troth_shop import orders
from troth_shop.errors import ShopError
from troth_shop.fields import new_key
from troth_shop.web.answers import asked_again
from troth_shop.web.caller import caller_of
from troth_shop.web.cookies import cart_cookie
from troth_shop.web.forms import Form
from troth_shop.web.shop import AnyRequest, Shop

_FIELDS = ("delivery", "pay_by", "recipient_name", "recipient_phone", "recipient_address")


@get("/checkout", sync_to_thread=True)
def checkout_page(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Ask how the order reaches the person and how it is paid."""
    if not caller_of(request).cart.lines:
        return shop.go(request, "/cart")
    return shop.page(request, "checkout.html", _context(shop, request, Form()))


@post("/checkout", status_code=303, sync_to_thread=True)
def place_order(
    request: AnyRequest, shop: NamedDependency[Shop], form: NamedDependency[Form]
) -> Response[Any]:
    """Place the order; the same form sent twice is one order."""
    caller = caller_of(request)
    try:
        asked = orders.Checkout.of(form.values, shop.catalogue, caller.cart.counts())
        placed = orders.place_order(shop.t, caller.person, asked, form.text("token"))
    except (ShopError, SnapshotError) as error:
        return asked_again(shop, request, "checkout.html", _context(shop, request, form), error)
    emptied = cart_cookie("", secure=shop.secure_cookies)
    onward = f"/orders/{placed.order_id}"
    return shop.go(request, onward, done="placed", cookies=[emptied])


def _context(shop: Shop, request: AnyRequest, form: Form) -> dict[str, Any]:
    caller = caller_of(request)
    showing = shop.t.show(
        *orders.ORDER_PURPOSES,
        person=caller.person,
        language=caller.language,
        surface="/checkout",
    )
    return {
        "lines": caller.cart.lines,
        "total_fen": caller.cart.total_fen,
        "notices_shown": showing.notices,
        "token": showing.token,
        "order_key": form.text("order_key") or new_key(),
        "courier": shop.offer(request, "share_with_courier"),
        "typed": form.kept(*_FIELDS),
        "faults": {},
    }


HANDLERS = [checkout_page, place_order]
