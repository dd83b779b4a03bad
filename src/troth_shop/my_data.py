"""See my data: everything the shop holds of one person, each part under its own purpose.

A part whose purpose does not stand is named as withheld with the reason, never left out silently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from troth import Decision, Troth
from troth_shop import queries

Rows = Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Section:
    """One part: its name, the purpose it was read under, its rows as plain values."""

    name: str
    purpose: str
    rows: tuple[Mapping[str, object], ...]


@dataclass(frozen=True, slots=True)
class Withheld:
    """A part that was not read, and why."""

    name: str
    purpose: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class MyData:
    """What the shop holds of one person, and what it did not read."""

    sections: tuple[Section, ...]
    withheld: tuple[Withheld, ...]


_SECRET = frozenset(
    {"password_hash", "token_digest", "digest", "order_key", "case_key", "message_key"}
)
"""Columns that prove something to us and tell the person nothing."""


def my_data(t: Troth, person: str) -> MyData:
    """Return what the shop holds of a person, in plain structures for a page."""
    sections: list[Section] = []
    withheld: list[Withheld] = []
    for name, (purposes, read) in _SECTIONS.items():
        decisions = [(purpose, t.decide(person, purpose)) for purpose in purposes]
        stands = next((purpose for purpose, decision in decisions if decision), None)
        if stands is None:
            withheld.append(Withheld(name, *decisions[0]))
            continue
        with t.reading() as c:
            rows = tuple(read(c, person))
        sections.append(Section(name, stands, rows))
    return MyData(tuple(sections), tuple(withheld))


def _account(c: Connection, person: str) -> Rows:
    row = queries.customer_of(c, person)
    return [] if row is None else _plain([row])


def _sessions(c: Connection, person: str) -> Rows:
    return _plain(queries.open_sessions(c, person))


def _codes(c: Connection, person: str) -> Rows:
    row = queries.customer_of(c, person)
    return [] if row is None else _plain(queries.codes_of_phone(c, row.phone))


def _attempts(c: Connection, person: str) -> Rows:
    row = queries.customer_of(c, person)
    return [] if row is None else _plain(queries.attempts_of(c, "customer", row.phone))


def _orders(c: Connection, person: str) -> Rows:
    return _plain(queries.orders_of(c, person))


def _lines(c: Connection, person: str) -> Rows:
    return _plain(queries.lines_of(c, _order_ids(c, person)))


def _deliveries(c: Connection, person: str) -> Rows:
    rows = (queries.delivery_of(c, person, o) for o in _order_ids(c, person))
    return _plain([row for row in rows if row is not None])


def _hand_overs(c: Connection, person: str) -> Rows:
    rows = (queries.hand_over_of(c, person, o) for o in _order_ids(c, person))
    return _plain([row for row in rows if row is not None])


def _payments(c: Connection, person: str) -> Rows:
    rows = (queries.payment_of(c, person, o) for o in _order_ids(c, person))
    return _plain([row for row in rows if row is not None])


def _vouchers(c: Connection, person: str) -> Rows:
    return _plain(queries.vouchers_of(c, _order_ids(c, person)))


def _cases(c: Connection, person: str) -> Rows:
    return _plain(queries.cases_of(c, person))


def _messages(c: Connection, person: str) -> Rows:
    return _plain(queries.messages_of(c, [r.case_id for r in queries.cases_of(c, person)]))


def _order_ids(c: Connection, person: str) -> list[str]:
    return [row.order_id for row in queries.orders_of(c, person)]


def _plain(rows: queries.Rows) -> Rows:
    return [
        {name: value for name, value in row._mapping.items() if name not in _SECRET} for row in rows
    ]


_SECTIONS: Final[Mapping[str, tuple[tuple[str, ...], Callable[[Connection, str], Rows]]]] = {
    "account": (("register_account", "secure_account"), _account),
    "sessions": (("secure_account",), _sessions),
    "codes": (("secure_account",), _codes),
    "attempts": (("secure_account",), _attempts),
    "orders": (("place_order", "keep_records"), _orders),
    "order_lines": (("place_order", "keep_records"), _lines),
    "deliveries": (("deliver_order",), _deliveries),
    "hand_overs": (("share_with_courier", "deliver_order"), _hand_overs),
    "payments": (("take_payment", "keep_records"), _payments),
    "vouchers": (("check_voucher", "take_payment"), _vouchers),
    "cases": (("answer_support",), _cases),
    "messages": (("answer_support",), _messages),
}
"""{part: (purposes that may read it, the first that stands is taken; how)}."""
