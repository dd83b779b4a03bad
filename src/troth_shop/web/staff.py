"""The staff's pages: a log-in of their own, and for each role what its work needs (S-57)."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from troth_shop import emergency, staff, support
from troth_shop.errors import BadInput, NotFound, RoleRefused, ShopError
from troth_shop.fields import new_key
from troth_shop.web import cookies
from troth_shop.web.answers import asked_again
from troth_shop.web.caller import LogInFirst, caller_of
from troth_shop.web.forms import Form
from troth_shop.web.shop import AnyRequest, Shop

_ORDER_STEPS = {
    "approve": staff.approve_payment,
    "reject": staff.reject_payment,
    "refund": staff.confirm_refund,
    "pack": staff.pack,
    "hand-out": staff.hand_out,
}


_ALARMS_SHOWN = 180 * 24 * 3600 * 1_000_000
"""The officer's page goes back half a year (microseconds)."""


def member(request: AnyRequest) -> staff.Staff:
    """Return who of the staff asks.

    Raises:
        LogInFirst: nobody.
    """
    found = caller_of(request).staff
    if found is None:
        raise LogInFirst(staff=True)
    return found


@get("/staff/login", sync_to_thread=True)
def log_in_page(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Ask for name and password of a member of staff."""
    if caller_of(request).staff:
        return shop.go(request, "/staff/orders")
    return shop.page(request, "staff_login.html", {"typed": {}, "faults": {}})


@post("/staff/login", status_code=303, sync_to_thread=True)
def log_in(
    request: AnyRequest, shop: NamedDependency[Shop], form: NamedDependency[Form]
) -> Response[Any]:
    """Log a member of staff in."""
    try:
        secret = staff.log_in_staff(shop.t, staff.StaffLogIn.of(form.values))
    except ShopError as error:
        context = {"typed": form.kept("name")}
        return asked_again(shop, request, "staff_login.html", context, error)
    cookie = cookies.session_cookie(cookies.STAFF, secret, secure=shop.secure_cookies)
    return shop.go(request, "/staff/orders", cookies=[cookie])


@post("/staff/logout", status_code=303, sync_to_thread=True)
def log_out(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Log a member of staff out; a customer's log-in in the same browser stays."""
    staff.log_out_staff(shop.t, request.cookies.get(cookies.STAFF, ""))
    left = cookies.gone(cookies.STAFF, secure=shop.secure_cookies)
    return shop.go(request, "/staff/login", cookies=[left])


@get(["/staff", "/staff/logout"], sync_to_thread=False)
def staff_part(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Lead to the work."""
    return shop.go(request, "/staff/orders")


@get("/staff/orders", sync_to_thread=True)
def work(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Show the work of this role: payments to check, parcels to pack, or cases to answer."""
    who = member(request)
    context: dict[str, Any] = {"role": who.role.value}
    if who.role is staff.Role.CASHIER:
        context["checks"] = staff.to_check(shop.t, who)
    elif who.role is staff.Role.PACKER:
        context["parcels"] = staff.to_pack(shop.t, who)
    elif who.role is staff.Role.OFFICER:
        return shop.go(request, "/staff/alarms")
    else:
        context["cases"] = staff.cases_to_answer(shop.t, who)
    return shop.page(request, "staff_orders.html", context)


@get("/staff/orders/{order_id:str}", sync_to_thread=True)
def order_page(
    request: AnyRequest, shop: NamedDependency[Shop], order_id: FromPath[str]
) -> Response[Any]:
    """Show the cashier one payment to check."""
    who = member(request)
    try:
        row = staff.to_check_one(shop.t, who, order_id)
    except RoleRefused:
        return _refused(shop, request, emergency.Wanted.DELIVERY, order_id)
    return shop.page(request, "staff_order.html", {"row": row})


@get("/staff/orders/{order_id:str}/{step:str}", sync_to_thread=False)
def order_part(
    request: AnyRequest, shop: NamedDependency[Shop], order_id: FromPath[str], step: FromPath[str]
) -> Response[Any]:
    """Lead back to the list whose forms have this address."""
    return shop.go(request, "/staff/orders")


@post("/staff/orders/{order_id:str}/{step:str}", status_code=303, sync_to_thread=True)
def do_step(
    request: AnyRequest, shop: NamedDependency[Shop], order_id: FromPath[str], step: FromPath[str]
) -> Response[Any]:
    """Do one step of the work on an order; done twice it changes nothing."""
    do = _ORDER_STEPS.get(step)
    if do is None:
        raise NotFound
    do(shop.t, member(request), order_id)
    return shop.go(request, "/staff/orders", done="done")


@get("/staff/vouchers/{voucher_id:str}", sync_to_thread=True)
def voucher(
    request: AnyRequest, shop: NamedDependency[Shop], voucher_id: FromPath[str]
) -> Response[bytes]:
    """Send the cashier a voucher that waits to be checked."""
    picture = staff.staff_voucher(shop.t, shop.vouchers, member(request), voucher_id)
    return Response(picture, media_type="image/jpeg")


@get("/staff/cases/{case_id:str}", sync_to_thread=True)
def case_page(
    request: AnyRequest, shop: NamedDependency[Shop], case_id: FromPath[str]
) -> Response[Any]:
    """Show customer service one case."""
    try:
        context = _case(shop, request, case_id, Form())
    except RoleRefused:
        return _refused(shop, request, emergency.Wanted.CASE, case_id)
    return shop.page(request, "staff_case.html", context)


@post("/staff/cases/{case_id:str}", status_code=303, sync_to_thread=True)
def reply(
    request: AnyRequest,
    shop: NamedDependency[Shop],
    case_id: FromPath[str],
    form: NamedDependency[Form],
) -> Response[Any]:
    """Answer in a case."""
    try:
        message = support.NewMessage.of(form.values)
        staff.reply(shop.t, member(request), case_id, message)
    except RoleRefused:
        raise
    except ShopError as error:
        context = _case(shop, request, case_id, form)
        return asked_again(shop, request, "staff_case.html", context, error)
    return shop.go(request, f"/staff/cases/{case_id}", done="message")


def _case(shop: Shop, request: AnyRequest, case_id: str, form: Form) -> dict[str, Any]:
    found = staff.agents_case(shop.t, member(request), case_id)
    return {
        "case": found.case,
        "phone": found.phone,
        "message_key": form.text("message_key") or new_key(),
        "typed": form.kept("message"),
        "faults": {},
    }


# --- break-glass ------------------------------------------------------------------------------


@get("/staff/emergency", sync_to_thread=True)
def emergency_page(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Ask what must be seen in an emergency, and why."""
    if member(request).role not in emergency.MAY_BREAK_GLASS:
        raise RoleRefused
    return shop.page(request, "staff_emergency.html", _asked(request))


@post("/staff/emergency", status_code=200, sync_to_thread=True)
def look_in_emergency(
    request: AnyRequest, shop: NamedDependency[Shop], form: NamedDependency[Form]
) -> Response[Any]:
    """Show it, raise the alarm, and leave a look that the person finds marked.

    The answer is the page itself: an address that showed it again would look again.
    """
    who = member(request)
    try:
        asked = emergency.Emergency.of(form.values)
        context: dict[str, Any] = {"asked": asked}
        if asked.wanted is emergency.Wanted.CASE:
            context["case"] = emergency.look_at_case(shop.t, who, asked)
        else:
            context["delivery"] = emergency.look_at_delivery(shop.t, who, asked)
    except BadInput as error:
        context = _asked(request) | {"typed": form.kept("wanted", "id", "reason")}
        return asked_again(shop, request, "staff_emergency.html", context, error)
    return shop.page(request, "staff_emergency_seen.html", context)


@get("/staff/alarms", sync_to_thread=True)
def alarms_page(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Show the officer every emergency look and every look that somebody questioned."""
    who, language = member(request), caller_of(request).language
    since = shop.t.now() - _ALARMS_SHOWN
    context = {
        "alarms": emergency.alarms(shop.t, who, since, language),
        "reports": emergency.reports(shop.t, who, since, language),
    }
    return shop.page(request, "staff_alarms.html", context)


def _asked(request: AnyRequest) -> dict[str, Any]:
    query = request.query_params
    typed = {"wanted": query.get("wanted", ""), "id": query.get("id", ""), "reason": ""}
    return {"typed": typed, "faults": {}}


def _refused(
    shop: Shop, request: AnyRequest, wanted: emergency.Wanted, row_id: str
) -> Response[Any]:
    """Answer that role or case refuse; who may break the glass is shown the way there."""
    context = {
        "wanted": wanted.value,
        "id": row_id,
        "may": member(request).role in emergency.MAY_BREAK_GLASS,
    }
    return shop.page(request, "staff_refused.html", context, 403)


PUBLIC = [log_in_page, log_in]
HANDLERS = [
    log_out,
    staff_part,
    work,
    order_page,
    order_part,
    do_step,
    voucher,
    case_page,
    reply,
    emergency_page,
    look_in_emergency,
    alarms_page,
]
