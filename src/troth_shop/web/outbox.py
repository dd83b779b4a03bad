"""The demo's phone: what would have been sent to phones, on a page of this machine only."""

from __future__ import annotations

import ipaddress
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException

from troth_shop.messages import DemoOutbox
from troth_shop.web.shop import AnyRequest, Shop

_HERE = {"localhost", "127.0.0.1", "[::1]"}


@get("/outbox", sync_to_thread=True)
def outbox(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Show the last messages; only in the demo, and only to this machine.

    The name in ``Host`` is asked too: a foreign name that resolves to this machine would let a
    page of another site read the codes.
    """
    if not shop.demo or not isinstance(shop.messages, DemoOutbox) or not _is_local(request):
        raise NotFoundException
    return shop.page(request, "outbox.html", {"messages": shop.messages.recent()})


def _is_local(request: AnyRequest) -> bool:
    host = request.headers.get("host", "")
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    if name not in _HERE or request.client is None:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


HANDLERS = [outbox]
