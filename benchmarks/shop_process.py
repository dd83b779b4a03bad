"""The shop in a process of its own, with its gate or with a gate that only remembers.

    python -m benchmarks.shop_process FOLDER gated|ungated

serves the deployment in FOLDER on a free port of 127.0.0.1, prints the port, and ends when its
standard input does. The gate that only remembers gives each decision, token, offer and header
once by the real one and from then on out of a dictionary: pages look the same and nothing is
decided, signed or read for them. It exists here and nowhere in the product.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvicorn
from litestar import Response

from troth import Decision, Policy, Settings, Troth
from troth.integrations.litestar import Offer, Privacy
from troth_shop.web import shop
from troth_shop.web.app import create_app


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


def main(folder: Path, gate: str) -> None:
    """Serve until standard input ends."""
    settings = Settings.of(folder, {})
    if gate == "ungated":
        vars(shop)["Privacy"] = _RememberingPrivacy  # what Shop makes its privacy centre of
        t: Troth = _RememberingTroth.open(settings, migrates=False)
        t.forget_to_ask()  # type: ignore[attr-defined]
    else:
        t = Troth.open(settings, migrates=False)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # asyncio sets this only on sockets that it made itself; without it each page waits 40 ms
        # for an acknowledgement that the client delays.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        print(listening.getsockname()[1], flush=True)
        app = create_app(t, folder, demo=True)
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        uvicorn.Server(config).run(sockets=[listening])


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
