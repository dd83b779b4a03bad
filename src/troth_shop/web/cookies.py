"""The four cookies of the shop, and when each is set.

- ``cart``: what the person put in, and nothing that tells people apart; set when something is put
  in (S-16).
- ``session`` and ``staff``: a random secret of a log-in; set by logging in.
- ``visitor``: the random id of a visitor who allowed something; set by the privacy centre.

A visitor who chose nothing gets none of them (S-06).
"""

from __future__ import annotations

from litestar.datastructures import Cookie

CART = "cart"
SESSION = "session"
STAFF = "staff"
VISITOR = "visitor"

_CART_SECONDS = 30 * 24 * 3600
_SESSION_SECONDS = 30 * 24 * 3600


def cart_cookie(value: str, *, secure: bool) -> Cookie:
    """Return the cookie that holds the cart; an empty cart removes it."""
    if not value:
        return gone(CART, secure=secure)
    return _cookie(CART, value, _CART_SECONDS, secure=secure)


def session_cookie(name: str, secret: str, *, secure: bool) -> Cookie:
    """Return the cookie of a log-in, ``name`` being `SESSION` or `STAFF`."""
    # The staff's log-in ends with the browser; the customer's session is limited on the server.
    kept = _SESSION_SECONDS if name == SESSION else None
    return _cookie(name, secret, kept, secure=secure)


def gone(name: str, *, secure: bool) -> Cookie:
    """Return the cookie that removes ``name`` from the browser."""
    return _cookie(name, "", 0, secure=secure)


def _cookie(name: str, value: str, seconds: int | None, *, secure: bool) -> Cookie:
    return Cookie(
        key=name,
        value=value,
        max_age=seconds,
        path="/",
        httponly=True,
        secure=secure,
        samesite="lax",
    )
