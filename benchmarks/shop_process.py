"""The shop in a process of its own: as it is, or bare, with a gate that only remembers.

    python -m benchmarks.shop_process FOLDER governed|ungated|bare

makes a deployment with one customer in FOLDER, prints the customer's cookies and the path of an
order, serves it on a free port of 127.0.0.1, prints the port, and ends when its standard input
does. In the ungated shop the gate gives each decision, token, offer and header once by the real one
and from then on out of a dictionary: pages look the same and nothing is decided or signed for them.
In the bare shop besides rows lie in plain tables, in the open, and are read by an ordinary
connection: no lens, no look, no sealing. Both exist here and nowhere in the product.
"""

# ruff: noqa: E402 - the shop is imported after the types of its columns are chosen

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import uvicorn
from litestar import Response
from sqlalchemy import Connection, Text

import troth.integrations.sqlalchemy as door
from troth import Answer, Decision, Found, Policy, Settings, Troth
from troth.integrations.litestar import Offer, Privacy

GOVERNED, UNGATED, BARE = "governed", "ungated", "bare"
if __name__ == "__main__" and sys.argv[2] == BARE:
    # The shop's tables take their types of columns when they are imported, below.
    for name in ("SealedText", "BlindIndexText"):
        vars(door)[name] = lambda *_: Text()

from benchmarks.deployments import MAP, POLICY
from troth_shop import accounts, orders, seed
from troth_shop.catalogue import load_catalogue
from troth_shop.migrate import migrate
from troth_shop.web import shop
from troth_shop.web.app import create_app

_ALLOWED = ("scan_product", "adapt_pictures", "paste_text", "call_hotline")


class _RememberingTroth(Troth):
    """Decides everything once."""

    def forget_to_ask(self) -> None:
        """Answer from memory from now on."""
        policy, decide, decide_all = self.policy, self.decide, self.decide_all
        show, token = self.show, self.token
        decisions: dict[tuple[str, str], Decision] = {}
        everything: dict[str, Mapping[Any, Decision]] = {}
        showings: dict[Any, Any] = {}
        tokens: dict[Any, str] = {}

        def decide_once(person: str, purpose_id: str) -> Decision:
            key = person, purpose_id
            if key not in decisions:
                decisions[key] = decide(person, purpose_id)
            return decisions[key]

        def decide_all_once(person: str) -> Mapping[Any, Decision]:
            if person not in everything:
                everything[person] = decide_all(person)
            return everything[person]

        def show_once(*purposes: str, **where: str) -> Any:
            key = purposes, tuple(where.items())
            if key not in showings:
                showings[key] = show(*purposes, **where)
            return showings[key]

        def token_once(*purposes: str, **where: str) -> str:
            key = purposes, tuple(where.items())
            if key not in tokens:
                tokens[key] = token(*purposes, **where)
            return tokens[key]

        self._policy = policy
        for name, function in (
            ("decide", decide_once),
            ("decide_all", decide_all_once),
            ("show", show_once),
            ("token", token_once),
        ):
            setattr(self, name, function)

    @property
    def policy(self) -> Policy:
        """Return the policy, without asking whether it is still in force."""
        remembered: Policy | None = self.__dict__.get("_policy")
        return remembered if remembered is not None else self.in_force().policy


class _BareTroth(_RememberingTroth):
    """Lends ordinary connections for every use."""

    def govern(self, map_file: Path) -> None:
        """Do nothing: the tables stay as they are."""

    @contextlib.contextmanager
    def use(self, *_: str, writes: bool = False, **__: Any) -> Iterator[Connection]:
        """Lend a connection that shows everything."""
        with self.transaction() if writes else self.reading() as connection:
            yield connection

    def find(self, table_name: str, by: str, *values: str) -> list[Found]:
        """Return whole rows of whoever they belong to."""
        marks = ", ".join("?" * len(values))
        with self.kit.database.hot_reading() as cursor:
            cursor.execute(f"SELECT * FROM {table_name} WHERE {by} IN ({marks})", values)
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return [Found(row["pii_principal_id"], row) for row in rows]

    def index(self, _: str, text: str) -> str:
        """Return the text itself."""
        return text


class _RememberingPrivacy(Privacy):
    """Makes each offer and each set of headers once per address."""

    def __init__(self, *wiring: Any) -> None:
        super().__init__(*wiring)
        self._offers: dict[tuple[str, str], Offer] = {}
        self._headers: dict[str, Mapping[str, str]] = {}

    def offer(self, request: Any, purpose: str, *, wasm: bool = False) -> Offer:
        """Return what was offered here the first time."""
        key = request.scope["path"], purpose
        if key not in self._offers:
            self._offers[key] = super().offer(request, purpose, wasm=wasm)
        return self._offers[key]

    async def after_request(self, response: Response[Any], request: Any) -> Response[Any]:
        """Set the headers that were set here the first time."""
        path = request.scope["path"]
        if path not in self._headers:
            first = await super().after_request(Response(None), request)
            self._headers[path] = dict(first.headers)
        for name, value in self._headers[path].items():
            response.headers.setdefault(name, value)
        return response


_KINDS: Mapping[str, type[Troth]] = {
    GOVERNED: Troth,
    UNGATED: _RememberingTroth,
    BARE: _BareTroth,
}


def main(folder: Path, kind: str) -> None:
    """Serve until standard input ends."""
    settings = Settings.of(folder, {"TROTH_REGION": "CN"})
    if kind != GOVERNED:
        vars(shop)["Privacy"] = _RememberingPrivacy  # what Shop makes its privacy centre of
    t = _KINDS[kind].open(settings)
    migrate(settings.owner_url)
    t.publish(POLICY)
    t.govern(MAP)
    print(*_customer(t), flush=True)
    if isinstance(t, _RememberingTroth):
        t.forget_to_ask()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # asyncio sets this only on sockets that it made itself; without it each page waits 40 ms
        # for an acknowledgement that the client delays.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        print(listening.getsockname()[1], flush=True)
        app = create_app(t, folder, demo=True)
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        uvicorn.Server(config).run(sockets=[listening])


def _customer(t: Troth) -> tuple[str, str]:
    """Make a customer who allowed what is offered and ordered something; return their cookies."""
    password = "correct horse battery"
    seed.seed(t, passwords=(password, password), staff_name="cashier", staff_password=password)
    entered = accounts.log_in(t, accounts.LogIn(seed.PHONES[0], password))
    person = entered.person
    for purpose in _ALLOWED:
        t.answer(person, purpose, Answer.GIVE, t.show(purpose, person=person).token)
    form = {
        "order_key": secrets.token_hex(16),
        "delivery": "our_delivery",
        "pay_by": "transfer",
        "recipient_name": "王小明",
        "recipient_phone": "13900000001",
        "recipient_address": "浙江省杭州市西湖区知禾路 2 号 1 幢 202 室",
    }
    checkout = orders.Checkout.of(form, load_catalogue(), {"tea-longjing": 2})
    token = t.show(*orders.ORDER_PURPOSES, person=person).token
    placed = orders.place_order(t, person, checkout, token)
    return f"session={entered.session_token};cart=tea-longjing.2", f"/orders/{placed.order_id}"


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
