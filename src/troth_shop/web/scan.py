"""Scanning a product's QR code: the camera's picture is read on the device and never sent (S-28)."""

from __future__ import annotations

from typing import Any

from litestar import Response, get

from troth_shop.web.shop import AnyRequest, Shop


@get("/scan", sync_to_thread=True)
def scan(request: AnyRequest, shop: Shop) -> Response[Any]:
    """Show the scanner if it is allowed, and always the field for typing the code."""
    offer = shop.offer(request, "scan_product", wasm=True)
    paste = shop.offer(request, "paste_text")
    return shop.page(request, "scan.html", {"scan": offer, "paste": paste})


HANDLERS = [scan]
