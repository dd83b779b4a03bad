"""Four pages of the shop, over HTTP: with the gate against the same pages without it.

Two real servers, each a process, on the same deployment; one client that asks now this one, now
the other, over connections that stay open. The person who asks is logged in, has things in the
cart and allowed what the pages offer, so that the gate has the most to do: find out, open browser
features, and sign what was shown.
"""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.bars import Bar
from benchmarks.deployments import POLICY
from benchmarks.timing import Contender, Series, measure, ratio
from troth import Answer, Settings, Troth
from troth_shop import accounts, passwords, sessions
from troth_shop.migrate import migrate

PAGES = {
    "menu": "/",
    "product": "/product/tea-longjing",
    "scan": "/scan",
    "privacy settings": "/my/settings/privacy",
}
TIME_LIMIT = 1.10
ADDED_LIMIT_MS = 1.0
_ALLOWED = ("scan_product", "adapt_pictures", "paste_text", "call_hotline")


def run(*, quick: bool) -> Sequence[Bar]:
    """Measure, say what came out, and return the bars."""
    rounds = 30 if quick else 120
    with (
        tempfile.TemporaryDirectory(prefix="troth-bench-") as made,
        contextlib.ExitStack() as open_,
    ):
        folder = Path(made)
        cookie = _customer(folder)
        with_gate = open_.enter_context(_served(folder, "gated", cookie))
        without = open_.enter_context(_served(folder, "ungated", cookie))
        worst, added = 0.0, 0.0
        for name, path in PAGES.items():
            _assert_alike(with_gate, without, path)
            gated, bare = measure(
                [_asking("with", with_gate, path), _asking("without", without, path)],
                rounds=rounds,
                warm_up=25,
            )
            more = _added_ms(gated, bare)
            worst, added = max(worst, ratio(gated, bare).typical), max(added, more)
            print(
                f"  {name:<17}{path:<23}with {gated.seconds * 1e3:6.2f} ms, without "
                f"{bare.seconds * 1e3:6.2f} ms, {more:+.2f} ms: {ratio(gated, bare)}"
            )
    return [
        Bar("time of the slowest-gated page", worst, TIME_LIMIT, unit="x", digits=3),
        Bar("most added", added, ADDED_LIMIT_MS, unit=" ms"),
    ]


def _added_ms(gated: Series, bare: Series) -> float:
    """Return the median of what a round took longer, in milliseconds."""
    return median((a - b) * 1e3 for a, b in zip(gated.rounds, bare.rounds, strict=True))


def _customer(folder: Path) -> str:
    """Make a deployment with one customer who allowed what is offered; return their cookies."""
    settings = Settings.of(folder, {})
    t = Troth.open(settings)
    try:
        migrate(settings.owner_url)
        t.publish(POLICY)
        shown = t.show(*accounts.REGISTER_PURPOSES, person="")
        with t.transaction() as connection:
            digest = passwords.digest("correct horse battery")
            person = accounts.add_customer(t, connection, "13800000001", digest, shown.token)
            _, secret = sessions.add_session(t, connection, person)
        for purpose in _ALLOWED:
            t.answer(person, purpose, Answer.GIVE, t.show(purpose, person=person).token)
    finally:
        t.close()
    return f"session={secret}; cart=tea-longjing.2"


class _Browser:
    """One connection to one server, kept open, with the person's cookies."""

    def __init__(self, port: int, cookie: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Cookie": cookie, "Accept": "text/html", "Accept-Encoding": "identity"}

    def get(self, path: str) -> tuple[dict[str, str], bytes]:
        """Return headers and body of a page.

        Raises:
            AssertionError: it was not answered with 200.
        """
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise AssertionError(f"{path} answered {answer.status}")
        return {k.lower(): v for k, v in answer.getheaders()}, body

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextlib.contextmanager
def _served(folder: Path, gate: str, cookie: str) -> Iterator[_Browser]:
    """Serve the shop in a process of its own and yield a browser that looks at it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.shop_process", str(folder), gate],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline().strip()
        if not line.isdigit():
            raise RuntimeError(f"the {gate} shop did not start")
        browser = _Browser(int(line), cookie)
        yield browser
        browser.close()
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _assert_alike(one: _Browser, other: _Browser, path: str) -> None:
    """See that both servers send the same page: without this, faster could mean less."""
    (headers, body), (other_headers, other_body) = one.get(path), other.get(path)
    differing = {
        (name, headers.get(name), other_headers.get(name))
        for name in (headers.keys() | other_headers.keys()) - {"date", "content-length"}
        if headers.get(name) != other_headers.get(name)
    }
    if differing or abs(len(body) - len(other_body)) > 64:
        raise AssertionError(f"{path} differs without the gate: {differing or 'in its length'}")


def _asking(name: str, browser: _Browser, path: str) -> Contender:
    def ask(_: int) -> int:
        browser.get(path)
        return 1

    return Contender(name, ask)
