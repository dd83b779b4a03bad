"""From errors to pages: one table, and never a 500 for what somebody sent.

What the form handlers can name beside a field they show on the form itself (`fault_of`); what is
left comes here. Nothing of what was sent is logged.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from typing import Any

from litestar import Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from troth import Reason, StoreUnavailable, TrothError
from troth.integrations.litestar import ConsentRequired, ForeignForm
from troth_shop import errors as shop_errors
from troth_shop.security import Door, Event, security_event
from troth_shop.web.caller import LogInFirst
from troth_shop.web.shop import AnyRequest, Shop
from troth_shop.web.words import N_

_log = logging.getLogger("troth_shop.web")

STATUS: Mapping[type[shop_errors.ShopError], int] = {
    shop_errors.NotFound: 404,
    shop_errors.AccountExists: 409,
    shop_errors.WrongState: 409,
    shop_errors.FileTooLarge: 413,
    shop_errors.Throttled: 429,
    shop_errors.RoleRefused: 403,
    shop_errors.NotPermitted: 403,
    shop_errors.MessageNotSent: 503,
    shop_errors.CourierUnreachable: 503,
    shop_errors.ShopError: 422,
}

PAGES: Mapping[int, tuple[str, str]] = {
    400: (
        N_("We could not read that"),
        N_(
            "What arrived was not a form of ours. Nothing was stored. Please go back and try again."
        ),
    ),
    401: (N_("Please log in first"), N_("Nothing was stored. Log in, then try again.")),
    403: (
        N_("This is not possible here"),
        N_("You may not open this page or do this. Nothing was changed."),
    ),
    404: (
        N_("There is nothing here"),
        N_("The address may be mistyped, or what stood here is gone."),
    ),
    405: (
        N_("This does not work that way"),
        N_("This address takes no such request. Please use the buttons of the page."),
    ),
    413: (N_("That is too large"), N_("Nothing was stored. Please send something smaller.")),
    422: (N_("Please check what you entered"), N_("Nothing was stored.")),
    500: (
        N_("Something went wrong on our side"),
        N_("It is our fault and it is noted without your data. Please try again in a minute."),
    ),
    503: (
        N_("We cannot reach our records right now"),
        N_(
            "Browsing, search and your cart work as before. What concerns your data waits until "
            "our records can be read again; nothing was lost. Please try again in a minute."
        ),
    ),
}
"""Title and text of the page for each status."""

_FOREIGN_FORM = (
    N_("This form did not come from our page"),
    N_(
        "To keep others from acting in your name, we take forms from our own pages only. Nothing "
        "was changed. Please open the page here and try again."
    ),
)


def status_of(error: shop_errors.ShopError) -> int:
    """Return the status of an error of the domain: that of its nearest class in the table."""
    if isinstance(error, shop_errors.NotPermitted):
        unreadable = error.decision.reason is Reason.LEDGER_UNREADABLE
        return 503 if unreadable else 403
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def fault_of(shop: Shop, request: AnyRequest, error: shop_errors.ShopError) -> str:
    """Return what an error says, in the language of the request."""
    return shop.words(request)(error.msgid) % error.values


def tell_of(request: AnyRequest, error: Exception) -> None:
    """Tell the security log of an error that somebody tried a door: which door, never who."""
    path = template_of(request)
    door = Door.STAFF if path.startswith("/staff") else Door.CUSTOMER
    if isinstance(error, shop_errors.LogInRefused):
        security_event(Event.LOG_IN_REFUSED, door=door)
    elif isinstance(error, shop_errors.Throttled):
        security_event(Event.THROTTLED, door=door, path=path)
    elif isinstance(error, shop_errors.WrongCode):
        security_event(Event.CODE_WRONG, path=path)


def template_of(request: AnyRequest) -> str:
    """Return the path as the handler declares it, without what was sent in it."""
    return str(request.scope.get("path_template", ""))


class ErrorPages:
    """Makes the page of every error that a request can end with."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    @property
    def handlers(self) -> ExceptionHandlersMap:
        """Return the handler of each error, for the application."""
        return {
            **self.shop.privacy.exception_handlers,
            TrothError: self.of_engine,
            StoreUnavailable: self.unavailable,
            shop_errors.ShopError: self.of_domain,
            LogInFirst: self.log_in_first,
            ForeignForm: self.foreign_form,
            HTTPException: self.of_http,
            Exception: self.unforeseen,
        }

    def page(
        self,
        request: AnyRequest,
        status: int,
        words: tuple[str, str] | None = None,
        detail: str = "",
    ) -> Response[Any]:
        """Return the page for a status; ``words`` or ``detail`` say it more exactly."""
        _ = self.shop.words(request)
        title, text = words or PAGES.get(status) or PAGES[400 if status < 500 else 500]
        context = {"title": _(title), "text": detail or _(text), "status": status}
        answer = self.shop.page(request, "error.html", context, status)
        if status == 503:
            answer.headers["Retry-After"] = "30"
        return answer

    def unavailable(self, request: AnyRequest, error: Exception) -> Response[Any]:
        """Answer that the records cannot be reached: 503, with a time to come back."""
        self._tell_of_failure(request, 503, error)
        if "application/json" in request.headers.get("accept", ""):
            return self.shop.privacy.answer_error(request, error)
        return self.page(request, 503)

    def of_engine(self, request: AnyRequest, error: Exception) -> Response[Any]:
        """Answer an error of the engine that has no page of the shop."""
        answer = self.shop.privacy.answer_error(request, error)
        self._tell_of_failure(request, answer.status_code or 500, error)
        return answer

    def of_domain(self, request: AnyRequest, error: Exception) -> Response[Any]:
        """Answer an error of the domain that no form could show beside a field."""
        if isinstance(error, shop_errors.NotPermitted):
            return self.not_permitted(request, error)
        if isinstance(error, shop_errors.NotFound) or not isinstance(error, shop_errors.ShopError):
            return self.page(request, 404)
        tell_of(request, error)
        answer = self.page(request, status_of(error), detail=fault_of(self.shop, request, error))
        self._tell_of_failure(request, status_of(error), error)
        if isinstance(error, shop_errors.Throttled):
            answer.headers["Retry-After"] = str(error.wait_seconds)
        return answer

    def not_permitted(self, request: AnyRequest, error: shop_errors.NotPermitted) -> Response[Any]:
        """Answer that a purpose does not stand: the question, if there is one to ask."""
        if status_of(error) == 503:
            return self.unavailable(request, StoreUnavailable("the ledger cannot be read now"))
        optional = {name for name, p in self.shop.policy.purposes.items() if p.optional}
        if error.purpose in optional:
            asked = self.shop.privacy.ask_url(request, error.purpose)
            required = ConsentRequired(error.purpose, error.decision, asked)
            return self.shop.privacy.answer_error(request, required)
        # Who never ordered has no orders: an address of somebody else's looks like one of nobody.
        nothing = error.decision.reason in (Reason.NEVER_ASKED, Reason.ENDED)
        return self.page(request, 404 if nothing else 403)

    def log_in_first(self, request: AnyRequest, error: Exception) -> Response[Any]:
        """Lead to the log-in; a form that was sent without one is refused."""
        path = "/staff/login" if isinstance(error, LogInFirst) and error.staff else "/login"
        if request.method == "GET":
            return self.shop.go(request, f"{path}?next={request.url.path}")
        return self.page(request, 401)

    def foreign_form(self, request: AnyRequest, error: Exception) -> Response[Any]:
        """Answer that a form did not come from a page of ours."""
        if "application/json" in request.headers.get("accept", ""):
            return self.shop.privacy.answer_error(request, error)
        return self.page(request, 403, _FOREIGN_FORM)

    def of_http(self, request: AnyRequest, error: Exception) -> Response[Any]:
        """Answer what Litestar or a door refused."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        answer = self.page(request, status)
        self._tell_of_failure(request, status, error)
        if isinstance(error, HTTPException) and error.headers:
            answer.headers.update({k: v for k, v in error.headers.items() if k == "Allow"})
        return answer

    def unforeseen(self, request: AnyRequest, error: Exception) -> Response[Any]:
        """Answer a fault of ours; the log says where, and holds nothing of what was sent."""
        # The frames say where; the message could hold what was sent, so only its type is kept.
        frames = "".join(traceback.format_tb(error.__traceback__))
        _log.error("%s at %s\n%s", type(error).__name__, request.method, frames)
        self._tell_of_failure(request, 500, error)
        return self.page(request, 500)

    def _tell_of_failure(self, request: AnyRequest, status: int, error: Exception) -> None:
        if status >= 500:
            security_event(
                Event.PAGE_FAILED,
                method=request.method,
                path=template_of(request),
                status=status,
                error=type(error).__name__,
            )
