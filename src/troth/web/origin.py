"""Refuse what another site makes a browser send; no cookie and no token are needed for it.

A visitor has neither, and an answer of theirs must still be their own (practice: forms are guarded
by ``Origin`` and ``Sec-Fetch-Site``). Every handler of ours that changes something has this guard.
"""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from troth.core.security_event import Event
from troth.flows.security_event import security_event
from troth.web.problems import ForeignForm

_READING = ("GET", "HEAD", "OPTIONS")


def same_origin(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Let a changing request pass only if a page of our own made it.

    ``Origin`` is our own; or it is absent, as in old browsers, and ``Sec-Fetch-Site`` says
    ``same-origin`` or ``none``. Both absent is refused.

    Raises:
        ForeignForm: it does not pass.
    """
    if connection.scope.get("method") in _READING:
        return
    origin = connection.headers.get("origin")
    site = connection.headers.get("sec-fetch-site")
    own = f"{connection.scope['scheme']}://{connection.headers.get('host', '')}"
    if origin is None:
        passes = site in ("same-origin", "none")
    else:
        passes = origin == own and site in (None, "same-origin", "none")
    if not passes:
        # The template of the path: what was sent in it may name somebody.
        security_event(
            Event.FORM_REFUSED,
            method=str(connection.scope.get("method", "")),
            path=str(connection.scope.get("path_template", "")),
        )
        raise ForeignForm("this form was not sent from a page of ours; open the page and send it")
