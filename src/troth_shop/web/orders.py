"""One order: its way, paying for it, its receipt, cancelling it. Other people's are not found."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath

from troth_shop import order_view, orders, payments, vouchers
from troth_shop.errors import BadInput, ShopError
from troth_shop.voucher_picture import MAX_BYTES
from troth_shop.web.answers import asked_again
from troth_shop.web.caller import caller_of
from troth_shop.web.forms import Form
from troth_shop.web.shop import AnyRequest, Shop

_VOUCHER_BYTES = 9 * 1024 * 1024
"""Most bytes of the form with the picture; the picture itself is limited by the domain."""


@get("/orders/{order_id:str}", sync_to_thread=True)
def order_page(
    request: AnyRequest, shop: NamedDependency[Shop], order_id: FromPath[str]
) -> Response[Any]:
    """Show one order and what can be done with it now."""
    found = order_view.order_view(shop.t, caller_of(request).person, order_id)
    context = {
        "order": found.order,
        "payment": found.payment,
        "recipient": found.recipient,
        "withheld": found.withheld,
        "policy": shop.policy,
        "courier": shop.offer(request, "share_with_courier"),
        "timeline": timeline(found.order),
    }
    return shop.page(request, "order.html", context)


@get("/orders/{order_id:str}/pay", sync_to_thread=True)
def pay_page(
    request: AnyRequest, shop: NamedDependency[Shop], order_id: FromPath[str]
) -> Response[Any]:
    """Show the ways to pay: type the reference, send a picture, or pay on receipt."""
    return shop.page(request, "pay.html", _pay_context(shop, request, order_id, Form()))


@get(["/orders/{order_id:str}/reference", "/orders/{order_id:str}/voucher"], sync_to_thread=False)
def pay_part(
    request: AnyRequest, shop: NamedDependency[Shop], order_id: FromPath[str]
) -> Response[Any]:
    """Lead back to the page that holds the forms of these addresses."""
    return shop.go(request, f"/orders/{order_id}/pay")


@get("/orders/{order_id:str}/received", sync_to_thread=False)
def order_part(
    request: AnyRequest, shop: NamedDependency[Shop], order_id: FromPath[str]
) -> Response[Any]:
    """Lead back to the order whose form has this address."""
    return shop.go(request, f"/orders/{order_id}")


@post("/orders/{order_id:str}/reference", status_code=303, sync_to_thread=True)
def give_reference(
    request: AnyRequest,
    shop: NamedDependency[Shop],
    order_id: FromPath[str],
    form: NamedDependency[Form],
) -> Response[Any]:
    """Take the reference of a transfer."""
    person = caller_of(request).person
    try:
        payments.give_reference(shop.t, person, order_id, payments.Reference.of(form.values))
    except ShopError as error:
        context = _pay_context(shop, request, order_id, form)
        return asked_again(shop, request, "pay.html", context, error)
    return shop.go(request, f"/orders/{order_id}", done="reference")


@post(
    "/orders/{order_id:str}/voucher",
    status_code=303,
    sync_to_thread=True,
    request_max_body_size=_VOUCHER_BYTES,
)
def give_voucher(
    request: AnyRequest,
    shop: NamedDependency[Shop],
    order_id: FromPath[str],
    form: NamedDependency[Form],
) -> Response[Any]:
    """Take the picture of a voucher: only with separate consent and with the way it came by."""
    person = caller_of(request).person
    picture = form.files.get("picture")
    try:
        via = _via(form)
        shop.privacy.require(request, via.value)
        shop.privacy.require(request, "check_voucher")
        content = _content(picture)
        vouchers.store_voucher(shop.t, shop.vouchers, person, order_id, content=content, via=via)
    except ShopError as error:
        context = _pay_context(shop, request, order_id, form)
        return asked_again(shop, request, "pay.html", context, error)
    return shop.go(request, f"/orders/{order_id}", done="voucher")


@get("/orders/{order_id:str}/voucher/{voucher_id:str}", sync_to_thread=True)
def voucher_picture(
    request: AnyRequest,
    shop: NamedDependency[Shop],
    order_id: FromPath[str],
    voucher_id: FromPath[str],
) -> Response[bytes]:
    """Send a picture of a voucher to the person who sent it."""
    person = caller_of(request).person
    picture = vouchers.read_voucher(shop.t, shop.vouchers, person, voucher_id, order_id=order_id)
    return Response(picture, media_type="image/jpeg")


@post(
    "/orders/{order_id:str}/voucher/{voucher_id:str}/remove",
    status_code=303,
    sync_to_thread=True,
)
def remove_voucher(
    request: AnyRequest,
    shop: NamedDependency[Shop],
    order_id: FromPath[str],
    voucher_id: FromPath[str],
) -> Response[Any]:
    """Delete a picture of a voucher."""
    vouchers.remove_voucher(shop.t, shop.vouchers, caller_of(request).person, voucher_id)
    return shop.go(request, f"/orders/{order_id}/pay", done="voucher_removed")


@get("/orders/{order_id:str}/cancel", sync_to_thread=True)
def cancel_page(
    request: AnyRequest, shop: NamedDependency[Shop], order_id: FromPath[str]
) -> Response[Any]:
    """Say what cancelling does, before the button."""
    found = orders.order(shop.t, caller_of(request).person, order_id)
    return shop.page(request, "order_cancel.html", {"order": found})


@post("/orders/{order_id:str}/cancel", status_code=303, sync_to_thread=True)
def cancel(
    request: AnyRequest, shop: NamedDependency[Shop], order_id: FromPath[str]
) -> Response[Any]:
    """Cancel the order; money that was paid goes back the way it came."""
    orders.cancel_order(shop.t, caller_of(request).person, order_id)
    return shop.go(request, f"/orders/{order_id}", done="cancelled")


@post("/orders/{order_id:str}/received", status_code=303, sync_to_thread=True)
def received(
    request: AnyRequest, shop: NamedDependency[Shop], order_id: FromPath[str]
) -> Response[Any]:
    """Note that the person has the goods."""
    orders.finish_order(shop.t, caller_of(request).person, order_id)
    return shop.go(request, f"/orders/{order_id}", done="received")


@get("/orders/{order_id:str}/receipt", sync_to_thread=True)
def receipt(
    request: AnyRequest, shop: NamedDependency[Shop], order_id: FromPath[str]
) -> Response[Any]:
    """Show the receipt, to read, print or copy; the file only where storage is allowed."""
    context = {
        **_receipt(shop, request, order_id),
        "choose_file": shop.offer(request, "choose_file"),
    }
    return shop.page(request, "receipt.html", context)


@get("/orders/{order_id:str}/receipt/file", sync_to_thread=True)
def receipt_file(
    request: AnyRequest, shop: NamedDependency[Shop], order_id: FromPath[str]
) -> Response[Any]:
    """Send the receipt as a file, if the person allowed the shop to save files (S-29)."""
    shop.privacy.require(request, "choose_file")
    page = shop.page(request, "receipt.txt", _receipt(shop, request, order_id))
    shop.t.count_use(caller_of(request).person, "choose_file")
    page.media_type = "text/plain"
    page.headers["Content-Disposition"] = f'attachment; filename="receipt-{order_id[:8]}.txt"'
    return page


_NOW = {
    "placed": ("to_pay", "packing"),
    "awaiting_check": ("awaiting_check",),
    "paid": ("packing",),
    "packed": ("delivering", "picking_up"),
    "handed_over": ("delivering", "done"),
}
"""The step that is under way in each state: the first of these that the order has."""


def timeline(found: orders.Order) -> list[tuple[str, str]]:
    """Return the steps of an order as (step, done|now|later), for the page to put into words."""
    state = found.state.value
    if state == "cancelled":
        return [("placed", "done"), ("cancelled", "done")]
    if state in ("refund_due", "refunded"):
        sent_back = "done" if state == "refunded" else "now"
        return [("placed", "done"), ("cancelled", "done"), ("refund", sent_back)]
    payment = ["to_pay", "awaiting_check"] if found.pay_by is orders.PayBy.TRANSFER else []
    picked_up = found.delivery is orders.Delivery.PICK_UP
    way = ["placed", *payment, "packing", "picking_up" if picked_up else "delivering", "done"]
    at = next((way.index(step) for step in _NOW.get(state, ()) if step in way), len(way))
    return [
        (step, "done" if i < at else "now" if i == at else "later") for i, step in enumerate(way)
    ]


def _via(form: Form) -> vouchers.Via:
    try:
        return vouchers.Via(form.text("via"))
    except ValueError:
        raise BadInput("choice_invalid", "picture") from None


def _content(picture: UploadFile | None) -> bytes:
    if picture is None:
        raise BadInput("text_missing", "picture")
    # We are in a thread of our own; the spooled file behind the upload reads without the loop.
    picture.file.seek(0)
    content = picture.file.read(MAX_BYTES + 1)
    picture.file.close()
    return content


def _pay_context(shop: Shop, request: AnyRequest, order_id: str, form: Form) -> dict[str, Any]:
    order, payment = payments.order_to_pay(shop.t, caller_of(request).person, order_id)
    return {
        "order": order,
        "payment": payment,
        "paste": shop.offer(request, "paste_text"),
        "choose_file": shop.offer(request, "choose_file"),
        "photograph": shop.offer(request, "photograph_voucher"),
        "check_voucher": shop.offer(request, "check_voucher"),
        "megabytes": MAX_BYTES // 1024 // 1024,
        "typed": form.kept("reference"),
        "faults": {},
    }


def _receipt(shop: Shop, request: AnyRequest, order_id: str) -> dict[str, Any]:
    order, payment = payments.order_to_pay(shop.t, caller_of(request).person, order_id)
    return {"order": order, "payment": payment}


HANDLERS = [
    order_page,
    pay_page,
    pay_part,
    order_part,
    give_reference,
    give_voucher,
    voucher_picture,
    remove_voucher,
    cancel_page,
    cancel,
    received,
    receipt,
    receipt_file,
]
