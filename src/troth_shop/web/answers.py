"""How a form is answered when something in it does not hold: the same form, with what was typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from litestar import Response

from troth import Reason, SnapshotError
from troth_shop.errors import BadInput, NotFound, NotPermitted, ShopError, Throttled, WrongCode
from troth_shop.web.errors import fault_of, status_of, tell_of
from troth_shop.web.shop import AnyRequest, Shop
from troth_shop.web.words import N_

OUT_OF_DATE = 409
_READ_AGAIN = N_("This page was open for too long, or the policy changed. Please read it again.")
T = TypeVar("T")

_UNSEEN = frozenset({"cart", "order_key", "case_key", "message_key", "challenge_id"})
"""What a form sends without a field to see; its faults stand above the form."""

NOTHING_YET = frozenset({Reason.NEVER_ASKED, Reason.ENDED})
"""Why a purpose is closed when the person has simply never ordered or opened a case."""


def or_nothing(read: Callable[[], tuple[T, ...]]) -> tuple[T, ...]:
    """Return what ``read`` returns, or nothing for a person whose purpose was never opened.

    Raises:
        NotPermitted: the purpose is closed for any other reason.
    """
    try:
        return read()
    except NotPermitted as closed:
        if closed.decision.reason in NOTHING_YET:
            return ()
        raise


def asked_again(
    shop: Shop,
    request: AnyRequest,
    template: str,
    context: Mapping[str, Any],
    error: ShopError | SnapshotError,
) -> Response[str]:
    """Return the form once more, with its fault named at the field, or above the form.

    Args:
        shop: the shop.
        request: the request.
        template: the page of the form; it shows ``faults``, by field; ``""`` is the whole form.
        context: what the page needs; ``typed`` in it holds what to show again, never a secret.
        error: what does not hold, or that the text on the page is no longer the one to agree to.

    Raises:
        ShopError: ``error`` itself, where no change to the form could help.
    """
    if isinstance(error, NotPermitted | NotFound):
        raise error
    tell_of(request, error)
    if isinstance(error, SnapshotError):
        faults = {"": shop.words(request)(_READ_AGAIN)}
        return shop.page(request, template, {**context, "faults": faults}, OUT_OF_DATE)
    if isinstance(error, BadInput):
        field = "" if error.field in _UNSEEN else error.field
    else:
        field = "code" if isinstance(error, WrongCode) else ""
    faults = {field: fault_of(shop, request, error)}
    answer = shop.page(request, template, {**context, "faults": faults}, status_of(error))
    if isinstance(error, Throttled):
        answer.headers["Retry-After"] = str(error.wait_seconds)
    return answer
