"""Handing a parcel to the courier: with separate consent, in declared fields, once (S-09, S-41).

1. The decision `share_with_courier` is taken at the moment of sending, not when the person ordered:
   who withdrew meanwhile is not handed over, and the order waits for pick-up. The parcel is read in
   a use of its person, in which it is also claimed; what became of it is delivery, not sharing.
2. What is sent is built from the fields that the policy declares for the recipient, and from
   nothing else. A field that the policy adds and we have no source for stops the hand-over.
3. Sending again is harmless: the parcel number, itself a declared field, is the key by which the
   courier knows a parcel it already has. A crash after sending and before our commit sends again.
"""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from sqlalchemy import Row

from troth import SYSTEM, Actor, Policy, Reason, Troth
from troth_shop import queries
from troth_shop.errors import CourierUnreachable, NotPermitted
from troth_shop.gate import HANDING_OVER, now, use
from troth_shop.order_states import OrderState, Step
from troth_shop.orders import Delivery, step_order

RECIPIENT = "courier"
PURPOSE = "share_with_courier"
ROUND = Actor("courier-round", SYSTEM)
"""Who looks at a parcel: nobody sits before it."""

_SECOND = 1_000_000
LEASE_SECONDS = 60
"""A hand-over that was begun this long ago and is not over belongs to a process that died."""
LONGEST_WAIT_SECONDS = 3600
_WAITS = ("waiting", "sending")
_UNDECIDED = frozenset({Reason.LEDGER_UNREADABLE, Reason.NO_POLICY})
"""No decision about the person was taken: the parcel waits, it does not turn back."""

SOURCE_OF: Final[Mapping[str, Callable[[Row[Any]], str]]] = {
    "recipient_name": lambda row: str(row.recipient_name),
    "recipient_phone": lambda row: str(row.recipient_phone),
    "recipient_address": lambda row: str(row.recipient_address),
    "parcel_number": lambda row: str(row.parcel_number),
}
"""Category of the policy → where its value stands. The one place that knows both."""


class Courier(Protocol):
    """Takes parcels."""

    def take(self, parcel: Mapping[str, str]) -> str:
        """Take one parcel and return its tracking id; the same parcel gets the same id.

        Raises:
            CourierUnreachable: it was not taken, or nobody knows whether it was.
        """
        ...


class HttpCourier:
    """The courier behind its interface.

    Args:
        url: where it listens, ``http://host:port``.
        token: what it knows us by.
    """

    TIMEOUT_SECONDS = 10

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._token = token

    def take(self, parcel: Mapping[str, str]) -> str:
        """Send one parcel; see `Courier.take`."""
        connection = http.client.HTTPConnection(
            self._host, self._port, timeout=self.TIMEOUT_SECONDS
        )
        try:
            connection.request(
                "POST",
                "/parcels",
                json.dumps(dict(parcel), ensure_ascii=False).encode(),
                {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            body = answer.read(10_000)
            if answer.status != 200:
                raise CourierUnreachable
            return str(json.loads(body)["tracking_id"])[:64]
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
            # The cause may quote what was sent; it goes no further.
            raise CourierUnreachable from None
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What one round did: sent, stopped for want of consent, failed and waiting."""

    sent: int = 0
    stopped: int = 0
    failed: int = 0


def parcel_for(policy: Policy, row: Row[Any]) -> Mapping[str, str]:
    """Return exactly the fields that the policy declares for the courier.

    Raises:
        LookupError: the policy declares a field that we have no source for, or no courier.
    """
    return {name: SOURCE_OF[name](row) for name in policy.recipients[RECIPIENT].fields}


def hand_over(t: Troth, courier: Courier) -> HandedOver:
    """Hand every parcel that is due to the courier; several processes may do so at once."""
    done = HandedOver()
    found = t.find("shop_hand_over", "state", *_WAITS)
    due = [one for one in found if one.told["due_at"] <= now(t)]
    for one in sorted(due, key=lambda one: (one.told["due_at"], one.told["order_id"])):
        try:
            outcome = _one(t, courier, one.person, str(one.told["order_id"]))
        except NotPermitted:
            outcome = "waits"  # delivery itself was ended this moment
        done = HandedOver(
            done.sent + (outcome == "sent"),
            done.stopped + (outcome == "stopped"),
            done.failed + (outcome == "failed"),
        )
    return done


def _one(t: Troth, courier: Courier, person: str, order_id: str) -> str:
    delivering = t.decide(person, "deliver_order")
    if not delivering:
        # Nothing may be read or written of it, and nothing goes out.
        return "failed" if delivering.reason in _UNDECIDED else "waits"
    claimed = None
    try:
        _stands(t, person)
        claimed = _claim(t, person, order_id)
        if claimed is None:
            return "waits"
        parcel = parcel_for(t.policy, claimed.parcel)
        _stands(t, person)  # again, at the very moment of sending
        tracking_id = courier.take(parcel)
    except NotPermitted:
        return _turn_back(t, person, order_id, claimed)
    except CourierUnreachable:
        if claimed is not None:
            _wait(t, person, order_id, claimed.tries_before)
        return "failed"
    with (
        contextlib.suppress(NotPermitted),  # ended this moment; the parcel is on its way
        use(t, person, "deliver_order", actor=ROUND, case=order_id, writes=True) as c,
    ):
        step_order(t, c, person, order_id, Step.HAND_OVER)
        queries.set_hand_over(c, order_id, state="sent", tracking_id=tracking_id, sent_at=now(t))
    return "sent"


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A parcel that this process alone may send until its lease ends."""

    parcel: Row[Any]
    tries_before: int


def _claim(t: Troth, person: str, order_id: str) -> _Claimed | None:
    """Read a parcel and claim it in one block; None if there is nothing to send after all."""
    began = now(t)
    with use(t, person, *HANDING_OVER, actor=ROUND, case=order_id, writes=True) as c:
        order = queries.lock_order(c, person, order_id)
        row = queries.lock_due_hand_over(c, order_id, _WAITS, began)
        if order is None or row is None:
            return None  # another process has it, or had it
        found = queries.parcel_of(c, person, order_id)
        if found is None or order.state != OrderState.PACKED.value:
            queries.set_hand_over(c, order_id, state="stopped")
            return None
        lease = began + LEASE_SECONDS * _SECOND
        queries.set_hand_over(c, order_id, state="sending", tries=row.tries + 1, due_at=lease)
        return _Claimed(found, row.tries)


def _stands(t: Troth, person: str) -> None:
    """Let pass only while the consent stands and the courier is under contract.

    Raises:
        NotPermitted: the person said no, or no more.
        CourierUnreachable: nobody can tell now, or the contract is over: the parcel waits.
    """
    decision = t.decide(person, PURPOSE)
    if decision.reason in _UNDECIDED or _contract_ended(t):
        raise CourierUnreachable
    if not decision:
        raise NotPermitted(PURPOSE, decision)


def _wait(t: Troth, person: str, order_id: str, tries_before: int) -> None:
    seconds = min(30 * 2 ** min(tries_before, 10), LONGEST_WAIT_SECONDS)
    with use(t, person, "deliver_order", actor=ROUND, case=order_id, writes=True) as c:
        row = queries.lock_hand_over(c, order_id)
        if row is not None and row.state == "sending":
            queries.set_hand_over(c, order_id, state="waiting", due_at=now(t) + seconds * _SECOND)


def _turn_back(t: Troth, person: str, order_id: str, claimed: _Claimed | None) -> str:
    """Keep the parcel for pick-up; the recipient's details are then needed by nobody."""
    states = ("sending",) if claimed is not None else _WAITS
    latest = now(t) if claimed is None else now(t) + LEASE_SECONDS * _SECOND
    with use(t, person, "deliver_order", actor=ROUND, case=order_id, writes=True) as c:
        queries.lock_order(c, person, order_id)
        if queries.lock_due_hand_over(c, order_id, states, latest) is None:
            return "waits"  # another process has it, or had it
        queries.set_hand_over(c, order_id, state="stopped")
        queries.set_order(c, order_id, delivery=Delivery.PICK_UP.value, changed_at=now(t))
        queries.drop_delivery(c, order_id)
    return "stopped"


def _contract_ended(t: Troth) -> bool:
    today = datetime.fromtimestamp(now(t) / _SECOND, UTC).date()
    return today > t.policy.recipients[RECIPIENT].contract_end
