"""Scanning a product's QR code: its picture is read on the device, never sent (S-28)."""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from troth_shop.web.shop import AnyRequest, Shop


@get("/scan", sync_to_thread=True)
def scan(request: AnyRequest, shop: NamedDependency[Shop]) -> Response[Any]:
    """Show the scanner if it is allowed, and always the field for typing the code."""
    offer = shop.offer(request, "scan_product", wasm=True)
    paste = shop.offer(request, "paste_text")
    return shop.page(request, "scan.html", {"scan": offer, "paste": paste})


HANDLERS = [scan]
