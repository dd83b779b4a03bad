"""What every handler is handed: the shop with its goods, its policy and its way to make a page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from gettext import NullTranslations
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.response import Redirect

from troth import Policy, Troth
from troth.integrations.litestar import LOCALE as PRIVACY_LOCALE
from troth.integrations.litestar import TEMPLATES as PRIVACY_TEMPLATES
from troth.integrations.litestar import Audience, CaseLink, Host, Offer, Privacy, here_of
from troth_shop.catalogue import Catalogue, price_text
from troth_shop.gate import SUPPORTING
from troth_shop.messages import Messages
from troth_shop.orders import number_of
from troth_shop.web.caller import caller_of, in_language
from troth_shop.web.static import StaticFiles
from troth_shop.web.words import LANGUAGES, LOCALE, N_, Gettext, translations

AnyRequest = Request[Any, Any, Any]
TEMPLATES = Path(__file__).parent / "templates"

_ROW_ID = re.compile(r"[0-9a-f]{32}")
_CHINA = timezone(timedelta(hours=8))
"""What the shop's clock shows, whatever the machine's does; China knows no summer time."""

DONE: Mapping[str, tuple[str, str]] = {
    "added": (N_("It is in your cart."), "good"),
    "placed": (N_("Your order is placed."), "good"),
    "reference": (N_("We have your transfer reference and check it."), "good"),
    "voucher": (N_("We have your voucher and check it. We made the picture anew, so that place "
                   "and device details are gone."), "good"),
    "voucher_removed": (N_("The picture is deleted."), "good"),
    "cancelled": (N_("Your order is cancelled."), "good"),
    "received": (N_("Thank you. The order is complete."), "good"),
    "ended": (N_("That log-in is ended."), "good"),
    "ended_others": (N_("All other log-ins are ended."), "good"),
    "password": (N_("Your new password holds. All other log-ins are ended."), "good"),
    "reset": (N_("Your new password holds. Please log in with it."), "good"),
    "case": (N_("Your case is open. We answer here."), "good"),
    "message": (N_("Your message is in the case."), "good"),
    "closed": (N_("The case is closed. A device number, if there was one, is deleted."), "good"),
    "device": (N_("A new random number stands for this device until the case closes."), "good"),
    "logged_out": (N_("You are logged out, and what the shop kept in this browser is deleted. "
                      "What you allowed stays as it is; you can change it after the next log-in."),
                   "good"),
    "done": (N_("Done."), "good"),
}  # fmt: skip
"""What a page says after a form was sent, by the value of ``done`` in its address."""


class Shop:
    """The shop as its handlers see it.

    Args:
        t: the policy that runs.
        catalogue: the goods.
        data: folder of the deployment; vouchers lie in ``vouchers`` in it.
        messages: the way to people's phones.
        demo: whether this is the demonstration on one machine, with its outbox page.
        secure_cookies: whether cookies are sent over TLS only.
    """

    def __init__(
        self,
        t: Troth,
        catalogue: Catalogue,
        data: Path,
        messages: Messages,
        *,
        demo: bool,
        secure_cookies: bool,
    ) -> None:
        self.t = t
        self.catalogue = catalogue
        self.vouchers = data / "vouchers"
        self.messages = messages
        self.demo = demo
        self.secure_cookies = secure_cookies
        self.static_files = StaticFiles()
        self._translations = translations([PRIVACY_LOCALE, LOCALE])
        self._pages = {tag: self._environment(tag) for tag in LANGUAGES}
        self.privacy = Privacy(
            t,
            Host(
                audience=audience,
                language=lambda request: caller_of(request).language,
                url=lambda request, path: in_language(caller_of(request).language, path),
                render=self.page,
                secure_cookies=secure_cookies,
                case_link=self._case_link,
            ),
        )

    @property
    def policy(self) -> Policy:
        """Return the policy in force; it stays in memory when the database cannot be read."""
        return self.t.policy

    # --- pages --------------------------------------------------------------------------------

    def page(
        self,
        request: AnyRequest,
        template: str,
        context: Mapping[str, Any] | None = None,
        status: int = 200,
    ) -> Response[str]:
        """Return a page made of a template, in the language of the request."""
        caller = caller_of(request)
        path = request.url.path
        other = "zh-CN" if caller.language == "en" else "en"
        done = DONE.get(request.query_params.get("done", ""))
        words = self.words(request)
        given: dict[str, Any] = {
            "url": partial(in_language, caller.language),
            "person": caller.person or None,
            "staff": caller.staff,
            "cart_count": caller.cart.count,
            "here": path,
            "next": here_of(request),
            "other_language_url": in_language(other, here_of(request)),
            "notices": [(words(done[0]), done[1])] if done else [],
            "controller": self.policy.controller,
            "demo": self.demo,
            **(context or {}),
        }
        text = self._pages[caller.language].get_template(template).render(given)
        return Response(text, media_type="text/html", status_code=status)

    def words(self, request: AnyRequest) -> Gettext:
        """Return the translation of message ids for the language of the request."""
        found: NullTranslations = self._translations[caller_of(request).language]
        return found.gettext

    def go(
        self,
        request: AnyRequest,
        path: str,
        *,
        done: str = "",
        cookies: Sequence[Cookie] = (),
    ) -> Redirect:
        """Return the answer to a form: go to a page of ours, in the same language.

        Args:
            request: the request.
            path: path without the language.
            done: key of `DONE` that the page shows.
            cookies: cookies to set on the way.
        """
        mark = f"{'&' if '?' in path else '?'}done={done}" if done else ""
        target = in_language(caller_of(request).language, path) + mark
        return Redirect(target, status_code=303, cookies=list(cookies))

    def offer(self, request: AnyRequest, purpose: str, *, wasm: bool = False) -> Offer:
        """Return whether this page may show a device function; see `Privacy.offer`."""
        return self.privacy.offer(request, purpose, wasm=wasm)

    def _case_link(self, request: AnyRequest, purpose: str, case_id: str) -> CaseLink | None:
        """Return where a person finds the order or case that a look was taken for."""
        if not _ROW_ID.fullmatch(case_id):
            return None  # a queue
        words = self.words(request)
        if purpose in SUPPORTING:
            return CaseLink(f"/support/cases/{case_id}", words(N_("Your support case")))
        order = words(N_("Your order %(number)s")) % {"number": number_of(case_id)}
        return CaseLink(f"/orders/{case_id}", order)

    def _environment(self, language: str) -> Environment:
        pages = Environment(
            loader=FileSystemLoader([TEMPLATES, PRIVACY_TEMPLATES]),
            autoescape=True,
            auto_reload=False,
        )
        found = self._translations[language]
        pages.globals.update(
            _=found.gettext,
            ngettext=found.ngettext,
            lang=language,
            static=self.static_files.address,
            price_text=price_text,
            when=_when,
        )
        return pages


def audience(request: AnyRequest) -> Audience:
    """Return who asks, for the privacy centre: an account's person, else a visitor's id if any.

    A browser that is logged in and also carries a visitor's id is the account's; the two are
    never joined.
    """
    caller = caller_of(request)
    if caller.person:
        return Audience(caller.person)
    return Audience(caller.visitor, visitor=bool(caller.visitor))


def _when(at: datetime | int) -> str:
    """Return a time as people in China read it: date and minutes, China time."""
    moment = datetime.fromtimestamp(at / 1_000_000, UTC) if isinstance(at, int) else at
    return moment.astimezone(_CHINA).strftime("%Y-%m-%d %H:%M")
