"""Creating an account: the age question and the phone, then the code and a password.

The notices of both purposes stand on both pages, word for word; the act is the button, and the
token that is sent with it proves which text was on the page (S-05). Nothing is pre-ticked.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from troth import SnapshotError
from troth_shop import accounts
from troth_shop.errors import ShopError
from troth_shop.web.answers import asked_again
from troth_shop.web.caller import caller_of
from troth_shop.web.forms import Form
from troth_shop.web.login import browser_of, logged_in, next_of
from troth_shop.web.shop import AnyRequest, Shop

_PAGE, _CODE_PAGE = "register.html", "register_code.html"


@get("/register", sync_to_thread=True)
def register_page(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Ask for the phone and whether the person is 14 or older."""
    if caller_of(request).person:
        return shop.go(request, "/my")
    return shop.page(request, _PAGE, _context(shop, request, Form()))


@post("/register", status_code=200, sync_to_thread=True)
def start(
    request: AnyRequest, shop: NamedDependency[Shop], form: NamedDependency[Form]
) -> Response[Any]:
    """Send a code to the phone; the answer is the same whether it has an account or not."""
    language = caller_of(request).language
    try:
        asked = accounts.StartRegistration.of(form.values)
        challenge = accounts.start_registration(shop.t, shop.messages, asked, language)
    except ShopError as error:
        return asked_again(shop, request, _PAGE, _context(shop, request, form), error)
    context = {
        **_context(shop, request, form),
        "challenge_id": challenge.challenge_id,
        "phone": challenge.phone,
    }
    return shop.page(request, _CODE_PAGE, context)


@get("/register/code", sync_to_thread=False)
def code_page(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Lead back to the start: this page follows a form only."""
    return shop.go(request, "/register")


@post("/register/code", status_code=303, sync_to_thread=True)
def register(
    request: AnyRequest, shop: NamedDependency[Shop], form: NamedDependency[Form]
) -> Response[Any]:
    """Create the account: the act that opens both purposes."""
    try:
        asked = accounts.Registration.of(form.values)
        entered = accounts.register(shop.t, asked, form.text("token"), browser=browser_of(request))
    except (ShopError, SnapshotError) as error:
        return asked_again(shop, request, _CODE_PAGE, _context(shop, request, form), error)
    return logged_in(request, shop, entered, next_of(form.text("next")))


def _context(shop: Shop, request: AnyRequest, form: Form) -> dict[str, Any]:
    showing = shop.t.show(
        *accounts.REGISTER_PURPOSES,
        language=caller_of(request).language,
        surface="/register",
    )
    return {
        "notices_shown": showing.notices,
        "token": showing.token,
        "typed": form.kept("phone", "fourteen"),
        "faults": {},
        "challenge_id": form.text("challenge_id"),
        "phone": form.text("phone"),
        "minimum_age": shop.policy.minimum_age,
        "return_to": next_of(form.text("next") or request.query_params.get("next", "")),
    }


HANDLERS = [register_page, start, code_page, register]
