"""See my data: everything the shop holds of one person, each part under its own purpose.

A part whose purpose does not stand is named as withheld with the reason, never left out silently.
Purposes that are declared together are read in one use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row

from troth import Troth
from troth_shop import queries
from troth_shop.accounts import phone_index
from troth_shop.errors import NotPermitted
from troth_shop.gate import ORDERING, REGISTERING, SUPPORTING, Withheld, stand, use

Rows = Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Section:
    """One part: its name, the purpose it was read under, its rows as plain values."""

    name: str
    purpose: str
    rows: tuple[Mapping[str, object], ...]


@dataclass(frozen=True, slots=True)
class MyData:
    """What the shop holds of one person, and what it did not read."""

    sections: tuple[Section, ...]
    withheld: tuple[Withheld, ...]


_SECRET = frozenset(
    {
        "password_hash",
        "phone_index",
        "token_digest",
        "digest",
        "order_key",
        "case_key",
        "message_key",
    }
)
"""Columns that prove something to us and tell the person nothing."""


@dataclass(frozen=True, slots=True)
class _Open:
    """A use that is open: its connection, its purposes, and whose rows it shows."""

    t: Troth
    c: Connection
    person: str
    purposes: Sequence[str]


Read = Callable[[_Open], Rows]
"""Reads a part of one person in a use."""


def my_data(t: Troth, person: str) -> MyData:
    """Return what the shop holds of a person, in plain structures for a page."""
    chosen: dict[str, tuple[str, Read]] = {}
    withheld: dict[str, Withheld] = {}
    for name, ways in _SECTIONS.items():
        decisions = {purpose: t.decide(person, purpose) for purpose, _ in ways}
        stands = next((way for way in ways if decisions[way[0]]), None)
        if stands is not None:
            chosen[name] = stands
        else:
            withheld[name] = Withheld(name, *next(iter(decisions.items())))
    read: dict[str, Section] = {}
    for purposes in _uses(t, person, {purpose for purpose, _ in chosen.values()}):
        parts = {name: way for name, way in chosen.items() if way[0] in purposes}
        try:
            with use(t, person, *purposes) as c:
                for name, (purpose, rows_of) in parts.items():
                    read[name] = Section(
                        name, purpose, tuple(rows_of(_Open(t, c, person, purposes)))
                    )
        except NotPermitted as closed:  # withdrawn this moment
            for name in parts:
                read.pop(name, None)
                withheld[name] = Withheld(name, closed.purpose, closed.decision)
    return MyData(
        tuple(read[name] for name in _SECTIONS if name in read),
        tuple(withheld[name] for name in _SECTIONS if name in withheld),
    )


def _uses(t: Troth, person: str, wanted: set[str]) -> list[Sequence[str]]:
    """Return the uses that read these purposes: those that are declared together in one."""
    uses: list[Sequence[str]] = []
    if "answer_support" in wanted and stand(t, person, "identify_device"):
        uses.append(SUPPORTING)  # only with it is the number of the device shown
        wanted = wanted - set(SUPPORTING)
    for together in (REGISTERING, ORDERING):
        if wanted >= set(together):
            uses.append(together)
            wanted = wanted - set(together)
    return [*uses, *((purpose,) for purpose in sorted(wanted))]


def _account(of: _Open) -> Rows:
    return _plain_one(queries.customer_of(of.c, of.person))


def _phone(of: _Open) -> Rows:
    return _plain_one(queries.phone_of(of.c, of.person))


def _sessions(of: _Open) -> Rows:
    return _plain(queries.open_sessions(of.c, of.person))


def _codes(of: _Open) -> Rows:
    row = queries.phone_of(of.c, of.person)
    if row is None:
        return []
    with of.t.reading() as outside:  # codes and tries lie outside lenses, and know no phone
        return _plain(queries.codes_of_phone(outside, phone_index(of.t, row.phone)))


def _attempts(of: _Open) -> Rows:
    row = queries.phone_of(of.c, of.person)
    if row is None:
        return []
    with of.t.reading() as outside:
        return _plain(queries.attempts_of(outside, "customer", phone_index(of.t, row.phone)))


def _orders(of: _Open) -> Rows:
    return _plain(queries.orders_of(of.c, of.person))


def _lines(of: _Open) -> Rows:
    return _plain(queries.lines_of_person(of.c, of.person))


def _deliveries(of: _Open) -> Rows:
    return _plain(queries.deliveries_of(of.c, of.person))


def _hand_overs(of: _Open) -> Rows:
    return _plain(queries.hand_overs_of(of.c, of.person))


def _payments(of: _Open) -> Rows:
    return _plain(queries.payments_of(of.c, of.person))


def _vouchers(of: _Open) -> Rows:
    return _plain(queries.vouchers_of_person(of.c, of.person))


def _cases(of: _Open) -> Rows:
    rows = _plain(queries.cases_of(of.c, of.person))
    if "identify_device" not in of.purposes:
        return rows
    numbers = {row.case_id: row.support_device_id for row in queries.device_ids_of(of.c, of.person)}
    return [{**row, "support_device_id": numbers.get(row["case_id"])} for row in rows]


def _messages(of: _Open) -> Rows:
    return _plain(queries.messages_of_person(of.c, of.person))


def _plain_one(row: Row[Any] | None) -> Rows:
    return [] if row is None else _plain([row])


def _plain(rows: queries.Rows) -> Rows:
    return [
        {name: value for name, value in row._mapping.items() if name not in _SECRET} for row in rows
    ]


_SECTIONS: Final[Mapping[str, tuple[tuple[str, Read], ...]]] = {
    "account": (("register_account", _account), ("secure_account", _phone)),
    "sessions": (("secure_account", _sessions),),
    "codes": (("secure_account", _codes),),
    "attempts": (("secure_account", _attempts),),
    "orders": (("place_order", _orders), ("keep_records", _orders)),
    "order_lines": (("place_order", _lines), ("keep_records", _lines)),
    "deliveries": (("deliver_order", _deliveries),),
    "hand_overs": (("deliver_order", _hand_overs), ("share_with_courier", _hand_overs)),
    "payments": (("take_payment", _payments), ("keep_records", _payments)),
    "vouchers": (("take_payment", _vouchers), ("check_voucher", _vouchers)),
    "cases": (("answer_support", _cases),),
    "messages": (("answer_support", _messages),),
}
"""{part: the purposes that may read it, the first that stands is taken, and how}."""
