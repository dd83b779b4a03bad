"""The cart's pages: it lives in the browser, so it works for visitors and without a database."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from troth_shop.catalogue import Product
from troth_shop.web.caller import caller_of
from troth_shop.web.cart import MOST_OF_ONE, Cart
from troth_shop.web.cookies import cart_cookie
from troth_shop.web.forms import Form
from troth_shop.web.shop import AnyRequest, Shop
from troth_shop.web.words import N_


@get("/cart", sync_to_thread=True)
def cart(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Show what is in the cart."""
    return _cart_page(request, shop)


@post("/cart/add", status_code=303, sync_to_thread=True)
def add(
    request: AnyRequest, shop: NamedDependency[Shop], form: NamedDependency[Form]
) -> Response[Any]:
    """Put an article in, once or several times."""
    article, qty = _article(shop, form), _quantity(form, least=1)
    if article is None or qty is None:
        return _cart_page(request, shop, fault=_fault(article))
    return _keep(request, shop, caller_of(request).cart.plus(article, qty), done="added")


@post("/cart/set", status_code=303, sync_to_thread=True)
def set_quantity(
    request: AnyRequest, shop: NamedDependency[Shop], form: NamedDependency[Form]
) -> Response[Any]:
    """Set how many of an article are in the cart; 0 takes it out."""
    article, qty = _article(shop, form), _quantity(form, least=0)
    if article is None or qty is None:
        return _cart_page(request, shop, fault=_fault(article))
    return _keep(request, shop, caller_of(request).cart.with_count(article, qty))


@post("/cart/remove", status_code=303, sync_to_thread=True)
def remove(
    request: AnyRequest, shop: NamedDependency[Shop], form: NamedDependency[Form]
) -> Response[Any]:
    """Take an article out."""
    article = _article(shop, form)
    if article is None:
        return _cart_page(request, shop, fault=_fault(article))
    return _keep(request, shop, caller_of(request).cart.with_count(article, 0))


@get(["/cart/add", "/cart/set", "/cart/remove"], sync_to_thread=False)
def cart_part(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Lead back to the cart, whose forms have these addresses."""
    return shop.go(request, "/cart")


def _keep(request: AnyRequest, shop: Shop, kept: Cart, *, done: str = "") -> Redirect:
    cookie = cart_cookie(kept.text(), secure=shop.secure_cookies)
    return shop.go(request, "/cart", done=done, cookies=[cookie])


def _cart_page(request: AnyRequest, shop: Shop, fault: str = "") -> Response[Any]:
    held = caller_of(request).cart
    context: dict[str, Any] = {
        "lines": held.lines,
        "total_fen": held.total_fen,
        "pictures": shop.offer(request, "adapt_pictures"),
    }
    if fault:
        context["notices"] = [(shop.words(request)(fault), "bad")]
    return shop.page(request, "cart.html", context, 422 if fault else 200)


def _article(shop: Shop, form: Form) -> Product | None:
    return shop.catalogue.by_sku.get(form.text("sku"))


def _quantity(form: Form, *, least: int) -> int | None:
    typed = form.text("qty")
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 3):
        return None
    return int(typed) if least <= int(typed) <= MOST_OF_ONE else None


def _fault(article: Product | None) -> str:
    if article is None:
        return N_("We do not sell such an article, so nothing was put in.")
    return N_("The quantity is a whole number from 1 to 99; your cart is as it was.")


HANDLERS = [cart, add, set_quantity, remove, cart_part]
