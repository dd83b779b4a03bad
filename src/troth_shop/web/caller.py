"""Who asks, in which language, with what in the cart: found once per request, before routing.

English pages lie under ``/en``; the prefix is taken off here, so handlers know one path per page.
When the database cannot be read, whoever asks counts as a visitor, and `Caller.unreadable` says
why; browsing goes on, and whatever needs a person answers 503.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeVar

from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from troth import StoreUnavailable, Troth
from troth_shop import sessions, staff
from troth_shop.catalogue import Catalogue
from troth_shop.web import cookies
from troth_shop.web.cart import Cart

_KEY = "troth_shop.caller"
_ENGLISH = "/en"
_VISITOR = re.compile(r"[0-9a-f]{32}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{20,200}")
_NO_CALLER = ("/static/", "/privacy/static/")

AnyConnection = ASGIConnection[Any, Any, Any, Any]


class LogInFirst(Exception):
    """The page needs a log-in of a customer, or of staff."""

    def __init__(self, *, staff: bool) -> None:
        self.staff = staff
        super().__init__("log in first")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Args:
        language: tag of the language of the page.
        session: the log-in of a customer, if there is one.
        staff: the member of staff, if one is logged in in this browser.
        visitor: random id of a visitor who allowed something; empty without.
        cart: what the browser says is in the cart.
        unreadable: the database could not be asked who this is.
    """

    language: str = "zh-CN"
    session: sessions.Session | None = None
    staff: staff.Staff | None = None
    visitor: str = ""
    cart: Cart = field(default_factory=Cart)
    unreadable: bool = False

    @property
    def person(self) -> str:
        """Return the random id of the person of the account; empty for visitors."""
        return self.session.person if self.session else ""


def caller_of(connection: AnyConnection) -> Caller:
    """Return who asks."""
    found = connection.scope.get(_KEY)
    return found if isinstance(found, Caller) else Caller()


def _as_get(scope: HTTPScope) -> HTTPScope:
    asked = scope.copy()
    asked["method"] = "GET"
    return asked


def _without_body(send: Send) -> Send:
    """Let the headers of an answer pass and nothing of its body (RFC 9110 §9.3.2)."""

    async def send_headers(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_headers


def in_language(language: str, path: str) -> str:
    """Return the address of a path of ours in a language."""
    return f"{_ENGLISH}{path}" if language == "en" else path


class CallerDoor:
    """The outermost door: takes the language off the path and finds out who asks."""

    def __init__(self, inner: ASGIApp, t: Troth, catalogue: Catalogue) -> None:
        self.inner = inner
        self.t = t
        self.catalogue = catalogue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its `Caller`."""
        if scope["type"] == ScopeType.HTTP:
            if scope["method"] == "HEAD":
                scope, send = _as_get(scope), _without_body(send)
            # No id of ours holds it and PostgreSQL takes none: the address of what is not there.
            scope["path"] = scope["path"].replace("\0", "\ufffd")
            language = _take_language_off(scope)
            if not scope["path"].startswith(_NO_CALLER):
                scope[_KEY] = await self._caller(scope, language)  # type: ignore[literal-required]
        await self.inner(scope, receive, send)

    async def _caller(self, scope: Scope, language: str) -> Caller:
        sent = _cookies(scope)
        session, member, unreadable = None, None, False
        # Without a cookie of a log-in nobody is looked up: a visitor costs no query and no thread.
        if sent.get(cookies.SESSION) or sent.get(cookies.STAFF):
            session, member, unreadable = await sync_to_thread(self._look_up, sent)
        visitor = sent.get(cookies.VISITOR, "")
        return Caller(
            language=language,
            session=session,
            staff=member,
            visitor=visitor if _VISITOR.fullmatch(visitor) else "",
            cart=Cart.read(sent.get(cookies.CART, ""), self.catalogue),
            unreadable=unreadable,
        )

    def _look_up(
        self, sent: dict[str, str]
    ) -> tuple[sessions.Session | None, staff.Staff | None, bool]:
        try:
            return (
                _asked(sent.get(cookies.SESSION, ""), lambda s: sessions.find_session(self.t, s)),
                _asked(sent.get(cookies.STAFF, ""), lambda s: staff.find_staff(self.t, s)),
                False,
            )
        except StoreUnavailable:
            return None, None, True


T = TypeVar("T")


def _asked(secret: str, find: Callable[[str], T | None]) -> T | None:
    return find(secret) if _SECRET.fullmatch(secret) else None


def _take_language_off(scope: Scope) -> str:
    path = scope["path"]
    if path != _ENGLISH and not path.startswith(_ENGLISH + "/"):
        return "zh-CN"
    scope["path"] = path[len(_ENGLISH) :] or "/"
    scope["raw_path"] = scope.get("raw_path", path.encode())[len(_ENGLISH) :] or b"/"
    return "en"


def _cookies(scope: Scope) -> dict[str, str]:
    read: SimpleCookie = SimpleCookie()
    for name, value in scope["headers"]:
        if name == b"cookie":
            for part in value.decode("latin-1").split(";"):
                try:
                    read.load(part.strip())
                except CookieError:
                    continue  # one cookie of somebody else's; the others count
    return {name: morsel.value for name, morsel in read.items()}


def customers_only(connection: AnyConnection, _handler: BaseRouteHandler) -> None:
    """Let nobody in but who is logged in as a customer.

    Raises:
        StoreUnavailable: it cannot be known who asks.
        LogInFirst: nobody is logged in.
    """
    caller = caller_of(connection)
    if caller.session is None:
        raise _unknown(caller, staff=False)


def staff_only(connection: AnyConnection, _handler: BaseRouteHandler) -> None:
    """Let nobody in but staff; a customer's log-in does not count.

    Raises:
        StoreUnavailable: it cannot be known who asks.
        LogInFirst: nobody is logged in.
    """
    caller = caller_of(connection)
    if caller.staff is None:
        raise _unknown(caller, staff=True)


def _unknown(caller: Caller, *, staff: bool) -> Exception:
    if caller.unreadable:
        return StoreUnavailable("log-ins cannot be read now")
    return LogInFirst(staff=staff)
