"""The teahouse's pages: each handler declares its purpose, and the privacy centre asks.

TROTH_DATABASE_URL=… TROTH_REGION=CN uvicorn --factory web:application
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader
from litestar import Litestar, Request, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotAuthorizedException
from litestar.middleware.session.client_side import CookieBackendConfig
from sqlalchemy import select

from teahouse import ORDERING, Customer, Order, Teahouse, opened
from troth import Settings
from troth.integrations.litestar import (
    TEMPLATES,
    Audience,
    Declared,
    Host,
    Privacy,
    dependencies,
    headers,
    purpose,
    route_handlers,
    same_origin,
)

Page = Request[Any, Any, Any]


@post("/log-in", guards=[same_origin], sync_to_thread=True, status_code=200)
def log_in(request: Page, shop: NamedDependency[Teahouse], data: dict[str, str]) -> dict[str, bool]:
    """Know the customer with this phone; the code that is texted to it is left out here."""
    person = shop.log_in(data["phone"])
    request.set_session({"person": person} if person else {})
    return {"known": person is not None}


@get("/orders", dependencies={"mine": purpose("place_order")}, sync_to_thread=True)
def orders(mine: NamedDependency[Declared]) -> list[str]:
    """Show who asks what they ordered."""
    with mine.session() as session:
        return list(session.scalars(select(Order.what).order_by(Order.placed_at)))


@get("/news", dependencies={"news": purpose("send_news")}, sync_to_thread=True)
def my_news(news: NamedDependency[Declared]) -> str:
    """Show to which number the news goes."""
    with news.session() as session:
        return session.scalars(select(Customer.phone)).one()


@get("/checkout", sync_to_thread=True)
def checkout(request: Page, shop: NamedDependency[Teahouse]) -> dict[str, Any]:
    """Show what ordering opens, word for word, and the token that proves it was shown."""
    shown = shop.t.show(*ORDERING, person=_person(request), language="en")
    return {"notices": [list(notice.lines) for notice in shown.notices], "token": shown.token}


@post("/orders", guards=[same_origin], sync_to_thread=True)
def order(request: Page, shop: NamedDependency[Teahouse], data: dict[str, str]) -> None:
    """Take an order: the act that opens its purposes, even for a customer of old."""
    shop.order(_person(request), data["what"], 12_800, data["address"], data["token"])


def application(folder: Path = Path("data")) -> Litestar:
    """Open the shop and put its pages together."""
    shop = opened(Settings.of(folder))
    loader = ChoiceLoader([FileSystemLoader(Path(__file__).parent / "templates"),
                           FileSystemLoader(TEMPLATES)])  # fmt: skip
    pages = Environment(loader=loader, autoescape=True)
    pages.globals.update(_=str, ngettext=lambda one, many, n: one if n == 1 else many, when=_when)

    def render(_: Page, template: str, context: Mapping[str, Any], status: int) -> Response[Any]:
        page = pages.get_template(template).render(lang="en", url=str, **context)
        return Response(page, media_type="text/html", status_code=status)

    host = Host(
        audience=lambda request: Audience(request.session.get("person", "")),
        language=lambda _: "en",
        url=lambda _, path: path,
        render=render,
    )
    privacy = Privacy(shop.t, host)
    secret = os.environ.get("TEAHOUSE_SECRET", secrets.token_hex(16)).encode()
    return Litestar(
        [log_in, orders, my_news, checkout, order, *route_handlers(privacy)],
        dependencies={
            **dependencies(privacy),
            "shop": Provide(lambda: shop, sync_to_thread=False),
        },
        middleware=[CookieBackendConfig(secret=secret, secure=False).middleware],
        before_send=[headers(privacy)],
        exception_handlers=privacy.exception_handlers,
        on_shutdown=[shop.t.close],
        openapi_config=None,
    )


def _person(request: Page) -> str:
    if "person" not in request.session:
        raise NotAuthorizedException("log in first")
    return str(request.session["person"])


def _when(at: int) -> str:
    return datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y-%m-%d %H:%M")
