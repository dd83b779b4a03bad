"""Logging in and out, and a new password for who forgot the old one."""

from __future__ import annotations

import re
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from troth import Reason, SnapshotError, StoreUnavailable
from troth_shop import accounts, sessions
from troth_shop.errors import NotPermitted, ShopError
from troth_shop.web import cookies
from troth_shop.web.answers import OUT_OF_DATE, asked_again
from troth_shop.web.caller import caller_of
from troth_shop.web.forms import Form
from troth_shop.web.shop import AnyRequest, Shop
from troth_shop.web.words import N_

_LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")
_BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)


@get("/login", sync_to_thread=True)
def log_in_page(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Ask for phone and password."""
    return_to = next_of(request.query_params.get("next", ""))
    if caller_of(request).person:
        return shop.go(request, return_to)
    if caller_of(request).unreadable:
        raise StoreUnavailable("log-ins cannot be read now")
    return shop.page(request, "login.html", _context(Form(), return_to))


@post("/login", status_code=303, sync_to_thread=True)
def log_in(
    request: AnyRequest, shop: NamedDependency[Shop], form: NamedDependency[Form]
) -> Response[Any]:
    """Log in; the answer does not tell whether the phone is known."""
    return_to = next_of(form.text("next"))
    context = _context(form, return_to)
    try:
        asked = accounts.LogIn.of(form.values)
        entered = accounts.log_in(shop.t, asked, form.text("token"), browser=browser_of(request))
    except NotPermitted as closed:
        if closed.decision.reason not in (Reason.SUPERSEDED, Reason.EXPIRED):
            raise
        return _read_first(request, shop, context)
    except SnapshotError:
        return _read_first(request, shop, context)
    except ShopError as error:
        return asked_again(shop, request, "login.html", context, error)
    return logged_in(request, shop, entered, return_to)


def _read_first(request: AnyRequest, shop: Shop, context: dict[str, Any]) -> Response[Any]:
    """Show what changed for the account since the last log-in; logging in again is the act."""
    showing = shop.t.show(
        *accounts.REGISTER_PURPOSES, language=caller_of(request).language, surface="/login"
    )
    words = shop.words(request)(
        N_("What we need for an account has changed since your last log-in. Please read it below.")
    )
    told = {"notices_shown": showing.notices, "token": showing.token, "faults": {"": words}}
    return shop.page(request, "login.html", {**context, **told}, OUT_OF_DATE)


def logged_in(
    request: AnyRequest, shop: Shop, entered: accounts.LoggedIn, return_to: str
) -> Response[Any]:
    """Return the way on after a log-in, with its cookie; an older log-in of this browser ends."""
    before = request.cookies.get(cookies.SESSION, "")
    if before:
        sessions.log_out(shop.t, before)
    cookie = cookies.session_cookie(
        cookies.SESSION, entered.session_token, secure=shop.secure_cookies
    )
    return shop.go(request, return_to, cookies=[cookie])


@get("/logout", sync_to_thread=True)
def log_out_page(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Show the button: opening an address never logs anybody out."""
    return shop.page(request, "logout.html")


@post("/logout", status_code=303, sync_to_thread=True)
def log_out(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """End the log-in on the server and clear this browser; no consent is withdrawn (S-61)."""
    secret = request.cookies.get(cookies.SESSION, "")
    left = [
        cookies.gone(name, secure=shop.secure_cookies)
        for name in (cookies.SESSION, cookies.CART, cookies.VISITOR)
    ]
    try:
        if secret:
            sessions.log_out(shop.t, secret)
        answer: Response[Any] = shop.go(request, "/", done="logged_out", cookies=left)
    except StoreUnavailable:
        # The browser is cleared all the same: who stands at a borrowed machine must get away.
        words = shop.words(request)
        context = {"title": words(_HALF[0]), "text": words(_HALF[1]), "status": 503}
        answer = shop.page(request, "error.html", context, 503)
        answer.headers["Retry-After"] = "30"
        for cookie in left:
            answer.set_cookie(cookie)
    answer.headers["Clear-Site-Data"] = '"cookies", "storage"'
    return answer


_HALF = (
    N_("This browser is cleared"),
    N_(
        "The log-in could not be ended on our side, because our records cannot be reached. Please "
        "log in again in a minute and end it under My › Log-ins."
    ),
)


@get("/reset", sync_to_thread=True)
def reset_page(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Ask for the phone that the code goes to."""
    return shop.page(request, "reset.html", _context(Form(), ""))


@post("/reset", status_code=200, sync_to_thread=True)
def start_reset(
    request: AnyRequest, shop: NamedDependency[Shop], form: NamedDependency[Form]
) -> Response[Any]:
    """Send a code; the answer is the same whether the phone has an account or not."""
    context = _context(form, "")
    try:
        challenge = accounts.start_reset(
            shop.t, shop.messages, form.text("phone"), caller_of(request).language
        )
    except ShopError as error:
        return asked_again(shop, request, "reset.html", context, error)
    return shop.page(
        request, "reset_code.html", {**context, "challenge_id": challenge.challenge_id}
    )


@get("/reset/code", sync_to_thread=False)
def reset_code_page(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Lead back to the start: this page follows a form only."""
    return shop.go(request, "/reset")


@post("/reset/code", status_code=303, sync_to_thread=True)
def reset(
    request: AnyRequest, shop: NamedDependency[Shop], form: NamedDependency[Form]
) -> Response[Any]:
    """Set the new password; every log-in ends."""
    try:
        accounts.reset_password(shop.t, accounts.Reset.of(form.values))
    except ShopError as error:
        context = {**_context(form, ""), "challenge_id": form.text("challenge_id")}
        return asked_again(shop, request, "reset_code.html", context, error)
    return shop.go(request, "/login", done="reset")


def next_of(path: str) -> str:
    """Return ``path`` if it is a page of ours, else the overview: never another site."""
    return path if _LOCAL_PATH.fullmatch(path) else "/my"


def browser_of(request: AnyRequest) -> str:
    """Return the kind of browser that sent a request, empty if it is none that we know."""
    return browser_kind(request.headers.get("user-agent", ""))


def browser_kind(user_agent: str) -> str:
    """Return the kind of browser and no more of what it says about itself."""
    return next((kind for mark, kind in _BROWSERS if mark in user_agent), "")


def _context(form: Form, return_to: str) -> dict[str, Any]:
    return {
        "typed": form.kept("phone"),
        "faults": {},
        "return_to": return_to,
        "notices_shown": (),
        "token": "",
    }


HANDLERS = [
    log_in_page,
    log_in,
    log_out_page,
    log_out,
    reset_page,
    start_reset,
    reset_code_page,
    reset,
]
