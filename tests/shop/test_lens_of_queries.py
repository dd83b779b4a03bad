"""Every query runs through the lens of its purpose, and through those that it says it also does."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from tests.shop.conftest import TO_HOME, Shop
from troth import StoreUnavailable
from troth_shop import fields, gate, queries, support

NOWHERE = "0" * 32
GIVEN = {
    "order_id": NOWHERE,
    "case_id": NOWHERE,
    "voucher_id": NOWHERE,
    "session_id": NOWHERE,
    "order_key": NOWHERE,
    "case_key": NOWHERE,
    "message_key": NOWHERE,
    "password_hash": "digest",
    "support_device_id": "number",
    "order_ids": [NOWHERE],
    "case_ids": [NOWHERE],
    "states": ["placed", "open"],
    "at": 0,
}
CHANGED: dict[str, dict[str, object]] = {
    "set_order": {"state": "packed", "changed_at": 1},
    "set_payment": {"submitted_at": None},
    "set_hand_over": {"state": "stopped"},
    "set_case": {"agent": "", "support_device_id": None},
    "set_session": {"name": "", "last_seen_at": 0},
}
LENSED = sorted(
    name
    for name, purpose in queries.PURPOSE_OF.items()
    if purpose and name not in queries.NO_LENS and not name.startswith("add_")
)

ALSO_SHOWN = {
    # The policy grants these purposes the same categories; the shop reads them there by no query.
    "answer_support": {"orders_of", "orders_in", "lines_of_person"},
    "place_order": {"orders_in"},
    "take_payment": {"orders_in"},
    "share_with_courier": {"deliveries_of"},
}


def somebody(shop: Shop) -> str:
    """A person for whom every purpose that has rows stands."""
    person = shop.person()
    for purpose in ("check_voucher", "share_with_courier", "identify_device"):
        shop.say(person, purpose)
    shop.order(person, delivery="our_delivery", **TO_HOME)
    new = support.NewCase(fields.new_key(), "subject", "message", device=True)
    support.open_case(shop.t, person, new, shop.token(person, *support.SUPPORT_PURPOSES))
    return person


def run(shop: Shop, person: str, name: str, *purposes: str) -> object:
    """Run one query in a use of its own, as the domain does."""
    query: Callable[..., Any] = getattr(queries, name)
    given: dict[str, Any] = {"person": person, **GIVEN}
    asked = [
        given[parameter.name]
        for parameter in inspect.signature(query).parameters.values()
        if parameter.name != "c"
        and parameter.kind is not parameter.VAR_KEYWORD
        and parameter.default is parameter.empty
    ]
    with gate.use(shop.t, person, *purposes, writes=True) as c:
        return query(c, *asked, **CHANGED.get(name, {}))


def test_every_query_runs_through_the_lens_of_its_purpose_and_of_those_it_names(
    shop: Shop,
) -> None:
    person, ran = somebody(shop), 0
    for name in LENSED:
        for purpose in {queries.PURPOSE_OF[name], *queries.ALSO_UNDER[name]}:
            run(shop, person, name, purpose)
            ran += 1
    assert ran > len(LENSED) > 30


@pytest.mark.control("purpose_lens")
def test_no_query_shows_anything_through_a_lens_that_it_does_not_name(shop: Shop) -> None:
    person, refused = somebody(shop), 0
    purposes = {p for p in queries.PURPOSE_OF.values() if p}
    reading = [name for name in LENSED if not name.startswith(("set_", "drop_", "lock_"))]
    for name in reading:
        named = {queries.PURPOSE_OF[name], *queries.ALSO_UNDER[name]}
        for purpose in purposes - named:
            try:
                found = run(shop, person, name, purpose)
            except (DBAPIError, StoreUnavailable):
                refused += 1
            else:
                assert not found or name in ALSO_SHOWN.get(purpose, set()), (name, purpose, found)
    assert refused > 100
