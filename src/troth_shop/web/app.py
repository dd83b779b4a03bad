"""The application: every page of the shop behind its doors, nothing open that is not listed here.

Pages are public only if they stand in ``_PUBLIC``; everything else needs the log-in of a customer
or of staff (deny by default). No documentation page, no outside host, no state but the `Shop`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.concurrency import sync_to_thread
from litestar.di import Provide
from litestar.types import Message, Scope

from troth import StoreUnavailable, Troth
from troth.integrations.litestar import route_handlers, same_origin
from troth_shop import courier, support, vouchers
from troth_shop.catalogue import load_catalogue
from troth_shop.errors import ShopError
from troth_shop.messages import DemoOutbox, Messages, NoMessages
from troth_shop.security import Event, security_event
from troth_shop.web import (
    basket,
    browse,
    checkout,
    joining,
    login,
    mine,
    orders,
    outbox,
    scan,
    staff,
    static,
)
from troth_shop.web import support as support_pages
from troth_shop.web.caller import CallerDoor, caller_of, customers_only, staff_only
from troth_shop.web.errors import ErrorPages
from troth_shop.web.forms import read_form
from troth_shop.web.shop import AnyRequest, Shop

_log = logging.getLogger("troth_shop.web")
_FORM_BYTES = 64 * 1024
_COURIER_SECONDS = 3.0

_PUBLIC = [
    static.static_file,
    *browse.HANDLERS,
    *scan.HANDLERS,
    *basket.HANDLERS,
    *joining.HANDLERS,
    *login.HANDLERS,
    *support_pages.PUBLIC,
    *staff.PUBLIC,
    *outbox.HANDLERS,
]
_CUSTOMERS = [
    *mine.HANDLERS,
    *checkout.HANDLERS,
    *orders.HANDLERS,
    *support_pages.HANDLERS,
]


def create_app(
    t: Troth,
    data: Path,
    *,
    demo: bool = False,
    courier_url: str | None = None,
    courier_token: str = "",
    messages: Messages | None = None,
    secure_cookies: bool | None = None,
) -> Litestar:
    """Return the shop as an application.

    Args:
        t: the policy that runs; published and with the shop's own tables migrated.
        data: folder of the deployment, for vouchers and the demo's outbox.
        demo: whether this is the demonstration on one machine, with its outbox page.
        courier_url: address of the courier's interface; None hands no parcel over.
        courier_token: what the courier knows us by.
        messages: the way to people's phones; the demo's outbox or none by default.
        secure_cookies: whether cookies are sent over TLS only; so by default unless in the demo.
    """
    port = messages or (DemoOutbox(data) if demo else NoMessages())
    secure = not demo if secure_cookies is None else secure_cookies
    shop = Shop(t, load_catalogue(), data, port, demo=demo, secure_cookies=secure)
    lifespan: list[Callable[[Litestar], AbstractAsyncContextManager[None]]] = []
    if courier_url is not None:
        lifespan.append(_courier_round(t, courier.HttpCourier(courier_url, courier_token)))
    app = Litestar(
        [
            # A router each, also for the public pages: Litestar 2.25 prepares a synchronous handler
            # a second time, wrongly, when another method of its path is registered after it.
            Router("/", route_handlers=_PUBLIC),
            Router("/", route_handlers=_CUSTOMERS, guards=[customers_only]),
            Router("/", route_handlers=staff.HANDLERS, guards=[staff_only]),
            *route_handlers(shop.privacy),
        ],
        guards=[same_origin],
        dependencies={
            "shop": Provide(lambda: shop, sync_to_thread=False),
            "static_files": Provide(lambda: shop.static_files, sync_to_thread=False),
            "form": Provide(read_form),
        },
        exception_handlers=ErrorPages(shop).handlers,
        before_send=[_follow_withdrawal(shop), _headers(shop)],
        lifespan=lifespan,
        openapi_config=None,
        logging_config=None,
        request_max_body_size=_FORM_BYTES,
        signature_types=[Shop],
    )
    app.asgi_handler = CallerDoor(app.asgi_handler, t, shop.catalogue)
    vouchers.sweep_vouchers(t, shop.vouchers)
    return app


def _headers(shop: Shop) -> Callable[[Message, Scope], Any]:
    """Set the headers of the privacy centre on every answer, error pages too."""

    async def set_headers(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        sent = {name.lower() for name, _ in message["headers"]}
        # `after_request` of the application would leave out what exception handlers answer.
        extra = await shop.privacy.after_request(Response(None), Request(scope))
        message["headers"] = [
            *message["headers"],
            *(
                (name.lower().encode(), value.encode())
                for name, value in extra.headers.items()
                if name.lower().encode() not in sent
            ),
        ]

    return set_headers


def _follow_withdrawal(shop: Shop) -> Callable[[Message, Scope], Any]:
    """Delete the device numbers of a person who just withdrew that, before it is acknowledged."""

    def follow(person: str) -> None:
        if not shop.t.decide(person, "identify_device"):
            with contextlib.suppress(ShopError, StoreUnavailable):
                support.drop_device_id(shop.t, person)

    async def after_answers(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        request: AnyRequest = Request(scope)
        if request.method == "POST" and request.url.path == "/privacy/answers":
            person = caller_of(request).person
            if person:
                await sync_to_thread(follow, person)

    return after_answers


def _courier_round(
    t: Troth, to: courier.HttpCourier
) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    """Hand over what waits for the courier, every few seconds while the shop runs."""

    @contextlib.asynccontextmanager
    async def running(_app: Litestar) -> AsyncIterator[None]:
        task = asyncio.create_task(rounds())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def rounds() -> None:
        while True:
            try:
                done = await sync_to_thread(courier.hand_over, t, to)
                if done.failed:
                    security_event(
                        Event.RECIPIENT_UNREACHABLE,
                        recipient=courier.RECIPIENT,
                        waiting=done.failed,
                    )
            except (ShopError, StoreUnavailable) as error:
                _log.warning("parcels wait: %s", type(error).__name__)
            await asyncio.sleep(_COURIER_SECONDS)

    return running
