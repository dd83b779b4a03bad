"""Customer service: the hotline for everybody, cases for who has an account, and who we are."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from troth import SnapshotError
from troth_shop import support
from troth_shop.errors import ShopError
from troth_shop.fields import new_key
from troth_shop.web.answers import asked_again, or_nothing
from troth_shop.web.caller import caller_of
from troth_shop.web.forms import Form
from troth_shop.web.shop import AnyRequest, Shop


@get("/support", sync_to_thread=True)
def support_page(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Show the hotline; to customers also their cases and the form for a new one."""
    return shop.page(request, "support.html", _context(shop, request, Form()))


@get("/contact", sync_to_thread=True)
def contact(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Show who we are and every way to reach us and the authorities (S-24)."""
    context = {"policy": shop.policy, "call": shop.offer(request, "call_hotline")}
    return shop.page(request, "contact.html", context)


@get("/support/cases", sync_to_thread=False)
def cases(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Lead to the page that lists the cases."""
    return shop.go(request, "/support")


@post("/support/cases", status_code=303, sync_to_thread=True)
def open_case(
    request: AnyRequest, shop: NamedDependency[Shop], form: NamedDependency[Form]
) -> Response[Any]:
    """Open a case; the same form sent twice is one case."""
    person = caller_of(request).person
    try:
        asked = support.NewCase.of(form.values)
        opened = support.open_case(shop.t, person, asked, form.text("token"))
    except (ShopError, SnapshotError) as error:
        return asked_again(shop, request, "support.html", _context(shop, request, form), error)
    return shop.go(request, f"/support/cases/{opened.case_id}", done="case")


@get("/support/cases/{case_id:str}", sync_to_thread=True)
def case_page(
    request: AnyRequest, shop: NamedDependency[Shop], case_id: FromPath[str]
) -> Response[Any]:
    """Show one case."""
    return shop.page(request, "case.html", _case_context(shop, request, case_id, Form()))


@get(
    [
        "/support/cases/{case_id:str}/messages",
        "/support/cases/{case_id:str}/close",
        "/support/cases/{case_id:str}/device",
    ],
    sync_to_thread=False,
)
def case_part(
    request: AnyRequest, shop: NamedDependency[Shop], case_id: FromPath[str]
) -> Response[Any]:
    """Lead back to the case whose forms have these addresses."""
    return shop.go(request, f"/support/cases/{case_id}")


@post("/support/cases/{case_id:str}/messages", status_code=303, sync_to_thread=True)
def write(
    request: AnyRequest,
    shop: NamedDependency[Shop],
    case_id: FromPath[str],
    form: NamedDependency[Form],
) -> Response[Any]:
    """Add a message to a case."""
    person = caller_of(request).person
    try:
        support.write(shop.t, person, case_id, support.NewMessage.of(form.values))
    except ShopError as error:
        context = _case_context(shop, request, case_id, form)
        return asked_again(shop, request, "case.html", context, error)
    return shop.go(request, f"/support/cases/{case_id}", done="message")


@post("/support/cases/{case_id:str}/close", status_code=303, sync_to_thread=True)
def close(
    request: AnyRequest, shop: NamedDependency[Shop], case_id: FromPath[str]
) -> Response[Any]:
    """Close a case; the device's number goes with it (S-32)."""
    support.close_case(shop.t, caller_of(request).person, case_id)
    return shop.go(request, f"/support/cases/{case_id}", done="closed")


@post("/support/cases/{case_id:str}/device", status_code=303, sync_to_thread=True)
def give_device_id(
    request: AnyRequest, shop: NamedDependency[Shop], case_id: FromPath[str]
) -> Response[Any]:
    """Make a new random number for this device, in place of the old one if there is one."""
    shop.privacy.require(request, "identify_device")
    person = caller_of(request).person
    support.give_device_id(shop.t, person, case_id)
    return shop.go(request, f"/support/cases/{case_id}", done="device")


def _context(shop: Shop, request: AnyRequest, form: Form) -> dict[str, Any]:
    caller = caller_of(request)
    context: dict[str, Any] = {
        "policy": shop.policy,
        "call": shop.offer(request, "call_hotline"),
        "typed": form.kept("subject", "message"),
        "faults": {},
    }
    if caller.person:
        showing = shop.t.show(
            *support.SUPPORT_PURPOSES,
            person=caller.person,
            language=caller.language,
            surface="/support",
        )
        context |= {
            "cases": or_nothing(lambda: support.cases(shop.t, caller.person)),
            "notices_shown": showing.notices,
            "token": showing.token,
            "case_key": form.text("case_key") or new_key(),
            "device": shop.offer(request, "identify_device"),
        }
    return context


def _case_context(shop: Shop, request: AnyRequest, case_id: str, form: Form) -> dict[str, Any]:
    return {
        "case": support.case(shop.t, caller_of(request).person, case_id),
        "message_key": form.text("message_key") or new_key(),
        "device": shop.offer(request, "identify_device"),
        "typed": form.kept("message"),
        "faults": {},
    }


PUBLIC = [support_page, contact]
HANDLERS = [cases, open_case, case_page, case_part, write, close, give_device_id]
