"""A shop with a customer whom staff looked at in every way there is, served by this process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

import troth_shop
from tests.serving import served
from troth import Actor, Answer, ReportReason, Settings, Troth
from troth.adapters.clock import SetClock
from troth_shop import (
    accounts,
    emergency,
    gate,
    orders,
    passwords,
    payments,
    sessions,
    staff,
    support,
)
from troth_shop.catalogue import load_catalogue
from troth_shop.errors import ShopError
from troth_shop.fields import new_key
from troth_shop.messages import NoMessages
from troth_shop.migrate import migrate
from troth_shop.web.app import create_app

HERE = Path(troth_shop.__file__).parent
NOON = 1_795_407_200_000_000
HOUR = 3600 * 1_000_000
DAY = 24 * HOUR
PASSWORD = "correct horse battery"
_PHONES = iter(range(13800000000, 13900000000))
TO_HOME = {
    "delivery": "our_delivery",
    "pay_by": "on_receipt",
    "recipient_name": "王小明",
    "recipient_phone": "13700000000",
    "recipient_address": "杭州市西湖区某路 1 号 2 幢 301 室",
}


@dataclass
class LookedAt:
    """The shop and its people.

    Attributes:
        person: a customer with an order for our own staff to bring, and a support case.
        stranger: a customer at whom nobody looked.
        order: of the person; ``awaiting`` is somebody else's, whose payment waits for a check.
        tokens: of a log-in, by name: `person`, `stranger` and each role of staff; `agent` is of
            customer service too, and has the case.
    """

    t: Troth
    clock: SetClock
    address: str
    person: str
    stranger: str
    order: str
    awaiting: str
    case: str
    tokens: dict[str, str]

    def cookie(self, name: str) -> dict[str, object]:
        """Return the cookie of a log-in, for Playwright."""
        kind = "session" if name in ("person", "stranger") else "staff"
        return {"name": kind, "value": self.tokens[name], "url": self.address}

    def log_in(self, person: str) -> str:
        """Log a customer in anew and return the token."""
        return _log_in(self.t, person)


@contextlib.contextmanager
def looked_at(folder: Path) -> Iterator[LookedAt]:
    """Open and serve the shop, with everything that its staff did in the last six weeks."""
    clock = SetClock(NOON)
    settings = Settings.of(folder, {"TROTH_REGION": "CN"})
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),))
    usual, passwords._ARGON2 = passwords._ARGON2, quick
    t = Troth.open(settings, clock=clock)
    try:
        migrate(settings.owner_url)
        t.publish(HERE / "policy")
        t.govern(HERE / "datamap.yaml")
        app = create_app(t, folder, demo=True, messages=NoMessages())
        with served(app) as address:
            yield _world(t, clock, address)
    finally:
        passwords._ARGON2 = usual
        t.close()


def _world(t: Troth, clock: SetClock, address: str) -> LookedAt:
    person, other, stranger = (_customer(t) for _ in range(3))
    for purpose in ("scan_product", "paste_text"):
        t.answer(person, purpose, Answer.GIVE, t.show(purpose, person=person).token)
        t.count_use(person, purpose)
    clock.move(DAY)
    order = _order(t, person)
    _order(t, other)
    awaiting = _order(t, other, delivery="pick_up", pay_by="transfer")
    payments.give_reference(t, other, awaiting, payments.Reference("20261122ABCD"))
    clock.move(HOUR)
    case = _case(t, person)
    packer, agent, second = (
        staff.add_staff(t, name, role, PASSWORD)
        for name, role in (
            ("李静", staff.Role.PACKER),
            ("赵云", staff.Role.SUPPORT),
            ("孙悦", staff.Role.SUPPORT),
        )
    )
    officer = staff.add_staff(t, "陈知微", staff.Role.OFFICER, PASSWORD)
    cashier = staff.add_staff(t, "周海", staff.Role.CASHIER, PASSWORD)
    clock.move(9 * HOUR)
    staff.to_pack(t, packer)
    staff.pack(t, packer, order)
    clock.move(2 * DAY)
    said = {"message_key": new_key(), "message": "你好，我们会为你换一罐。"}
    staff.reply(t, agent, case, support.NewMessage.of(said))
    with contextlib.suppress(ShopError):  # the role refuses, and the person reads it
        gate.use(t, person, "deliver_order", actor=second.actor, case=order).__enter__()
    clock.move(DAY)
    asked = {
        "wanted": "case",
        "id": case,
        "reason": "顾客来电说包裹里有过敏原，经办同事正在休假，必须马上看到对话。",
    }
    emergency.look_at_case(t, second, emergency.Emergency.of(asked))
    robot = Actor("reminder-round", "system")
    with gate.use(t, person, "place_order", actor=robot, case=order):
        pass
    doubted = t.who_looked(person).looks[-1]
    t.report_look(person, doubted.look_id, ReportReason.NOT_NEEDED)
    clock.move(HOUR)
    tokens = {"person": _log_in(t, person), "stranger": _log_in(t, stranger)}
    for name, member in (
        ("packer", packer),
        ("agent", agent),
        ("support", second),
        ("officer", officer),
        ("cashier", cashier),
    ):
        tokens[name] = staff.log_in_staff(t, staff.StaffLogIn(member.name, PASSWORD))
    return LookedAt(t, clock, address, person, stranger, order, awaiting, case, tokens)


def _customer(t: Troth) -> str:
    shown = t.show(*accounts.REGISTER_PURPOSES, person="", language="zh-CN")
    digest = passwords.digest(PASSWORD)
    return accounts.add_customer(t, str(next(_PHONES)), digest, shown.token)


def _log_in(t: Troth, person: str) -> str:
    with gate.use(t, person, "secure_account", writes=True) as c:
        return sessions.add_session(t, c, person)[1]


def _order(t: Troth, person: str, **changed: str) -> str:
    form = {"order_key": new_key(), **TO_HOME, **changed}
    checkout = orders.Checkout.of(form, load_catalogue(), {"tea-longjing": 1, "ware-teapot": 1})
    token = t.show(*orders.ORDER_PURPOSES, person=person, language="zh-CN").token
    return orders.place_order(t, person, checkout, token).order_id


def _case(t: Troth, person: str) -> str:
    form = {"case_key": new_key(), "subject": "茶罐压坏了", "message": "外箱有压痕，盖子打不开。"}
    token = t.show(*support.SUPPORT_PURPOSES, person=person, language="zh-CN").token
    return support.open_case(t, person, support.NewCase.of(form), token).case_id
