"""My: the overview, log-ins, settings, password, and what the shop holds about me."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from troth_shop import accounts, emergency, my_data, orders, sessions
from troth_shop.errors import ShopError
from troth_shop.web.answers import asked_again, or_nothing
from troth_shop.web.caller import caller_of
from troth_shop.web.forms import Form
from troth_shop.web.shop import AnyRequest, Shop


@get("/my", sync_to_thread=True)
def overview(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Show the account and its last orders."""
    person = caller_of(request).person
    context = {
        "account": accounts.account(shop.t, person),
        "orders": or_nothing(lambda: orders.orders(shop.t, person))[:3],
        "emergency": emergency.recent_emergency(shop.t, person),
    }
    return shop.page(request, "my.html", context)


@get("/my/orders", sync_to_thread=True)
def my_orders(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Show every order, newest first."""
    person = caller_of(request).person
    found = or_nothing(lambda: orders.orders(shop.t, person))
    return shop.page(request, "my_orders.html", {"orders": found})


@get("/my/settings", sync_to_thread=True)
def settings(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """List the settings."""
    return shop.page(request, "my_settings.html")


@get("/my/sessions", sync_to_thread=True)
def my_sessions(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """List every open log-in of this account."""
    caller = caller_of(request)
    context = {
        "sessions": sessions.sessions(shop.t, caller.person),
        "this_session": caller.session.session_id if caller.session else "",
    }
    return shop.page(request, "my_sessions.html", context)


@post("/my/sessions/end", status_code=303, sync_to_thread=True)
def end_session(
    request: AnyRequest, shop: NamedDependency[Shop], form: NamedDependency[Form]
) -> Response[Any]:
    """End one log-in of this account; somebody else's is not found."""
    sessions.end_session(shop.t, caller_of(request).person, form.text("session_id"))
    return shop.go(request, "/my/sessions", done="ended")


@post("/my/sessions/end-others", status_code=303, sync_to_thread=True)
def end_others(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """End every log-in but this one."""
    caller = caller_of(request)
    this = caller.session.session_id if caller.session else ""
    sessions.end_sessions(shop.t, caller.person, but=this)
    return shop.go(request, "/my/sessions", done="ended_others")


@get(["/my/sessions/end", "/my/sessions/end-others"], sync_to_thread=False)
def sessions_part(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Lead back to the list whose forms have these addresses."""
    return shop.go(request, "/my/sessions")


@get("/my/password", sync_to_thread=True)
def password_page(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Ask for the password of now and a new one."""
    return shop.page(request, "my_password.html", {"faults": {}})


@post("/my/password", status_code=303, sync_to_thread=True)
def change_password(
    request: AnyRequest, shop: NamedDependency[Shop], form: NamedDependency[Form]
) -> Response[Any]:
    """Set a new password; all other log-ins end."""
    caller = caller_of(request)
    this = caller.session.session_id if caller.session else ""
    try:
        change = accounts.PasswordChange.of(form.values)
        accounts.change_password(shop.t, caller.person, change, keep=this)
    except ShopError as error:
        return asked_again(shop, request, "my_password.html", {}, error)
    return shop.go(request, "/my/settings", done="password")


@get("/my/data", sync_to_thread=True)
def data(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Show what the shop holds about the person, each part under its purpose."""
    held = my_data.my_data(shop.t, caller_of(request).person)
    return shop.page(request, "my_data.html", {"held": held, "policy": shop.policy})


HANDLERS = [
    overview,
    my_orders,
    settings,
    my_sessions,
    end_session,
    end_others,
    sessions_part,
    password_page,
    change_password,
    data,
]
