"""Looking around: menu, shelves, articles, search, code. No database, no record of who looks."""

from __future__ import annotations

import io
from typing import Any

import segno
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from troth_shop.catalogue import Category, Product
from troth_shop.web.shop import AnyRequest, Shop

_LONGEST_SEARCH = 100
_PICKS = ("tea-longjing", "bake-mooncake", "ware-teapot")


@get("/", sync_to_thread=True)
def menu(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Show the shop front."""
    goods = shop.catalogue
    picks = [goods.by_sku[sku] for sku in _PICKS if sku in goods.by_sku] or goods.products[:3]
    context = {
        "shelves": [(shelf, goods.on_shelf(shelf.id)) for shelf in goods.categories],
        "picks": picks,
        "pictures": shop.offer(request, "adapt_pictures"),
    }
    return shop.page(request, "menu.html", context)


@get("/category/{category_id:str}", sync_to_thread=True)
def category(
    request: AnyRequest, shop: NamedDependency[Shop], category_id: FromPath[str]
) -> Response[Any]:
    """Show one shelf."""
    shelf = _shelf(shop, category_id)
    context = {
        "category": shelf,
        "products": shop.catalogue.on_shelf(shelf.id),
        "categories": shop.catalogue.categories,
        "pictures": shop.offer(request, "adapt_pictures"),
    }
    return shop.page(request, "category.html", context)


@get("/product/{sku:str}", sync_to_thread=True)
def product(request: AnyRequest, shop: NamedDependency[Shop], sku: FromPath[str]) -> Response[Any]:
    """Show one article."""
    article = article_of(shop, sku)
    shelf = _shelf(shop, article.category)
    others = [p for p in shop.catalogue.on_shelf(shelf.id) if p.sku != sku][:4]
    context = {
        "product": article,
        "category": shelf,
        "others": others,
        "qr_url": f"/product/{article.sku}/qr.svg",
        "pictures": shop.offer(request, "adapt_pictures"),
    }
    return shop.page(request, "product.html", context)


@get("/product/{sku:str}/qr.svg", sync_to_thread=False)
def qr_code(shop: NamedDependency[Shop], sku: FromPath[str]) -> Response[bytes]:
    """Send the QR code of an article: its 13 digits, as on the shelf label."""
    drawn = io.BytesIO()
    code = segno.make(article_of(shop, sku).code, error="m", micro=False)
    code.save(drawn, kind="svg", scale=8, border=4, light="#fff", dark="#000", xmldecl=False)
    return Response(
        drawn.getvalue(),
        media_type="image/svg+xml",
        headers={"Cache-Control": "public, max-age=86400"},
    )


@get("/search", sync_to_thread=True)
def search(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Find articles by words; what was searched for is kept nowhere."""
    asked = request.query_params.get("q", "")[:_LONGEST_SEARCH].strip()
    return _search_page(request, shop, asked)


@get("/code", sync_to_thread=True)
def code(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Open the article of a code, typed or scanned; a strange one is shown again with a hint."""
    typed = request.query_params.get("code", "")[:_LONGEST_SEARCH].strip()
    if not typed:
        return _search_page(request, shop, "")
    found = shop.catalogue.find_code(typed)
    if found is None:
        return _search_page(request, shop, "", wrong_code=typed)
    return shop.go(request, f"/product/{found.sku}")


def _search_page(
    request: AnyRequest, shop: Shop, asked: str, wrong_code: str = ""
) -> Response[Any]:
    context = {
        "q": asked,
        "results": shop.catalogue.search(asked),
        "wrong_code": wrong_code,
        "categories": shop.catalogue.categories,
        "paste": shop.offer(request, "paste_text"),
        "pictures": shop.offer(request, "adapt_pictures"),
    }
    return shop.page(request, "search.html", context, 404 if wrong_code else 200)


def article_of(shop: Shop, sku: str) -> Product:
    """Return the article of a ``sku`` in an address.

    Raises:
        NotFoundException: there is none.
    """
    found = shop.catalogue.by_sku.get(sku)
    if found is None:
        raise NotFoundException
    return found


def _shelf(shop: Shop, category_id: str) -> Category:
    found = shop.catalogue.by_id.get(category_id)
    if found is None:
        raise NotFoundException
    return found


HANDLERS = [menu, category, product, qr_code, search, code]
