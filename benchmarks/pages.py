"""Pages of the shop, over HTTP: governed by its policy against the same pages without it.

Two real servers, each a process with a deployment of its own that holds the same rows; one client
that asks now this one, now the other, over connections that stay open. The person who asks is
logged in, has things in the cart and an order, and allowed what the pages offer, so that there is
the most to do: find out who asks, decide, open browser features, sign what was shown; and on the
pages that show a person's rows record the look, open the lens, open what is sealed.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.bars import Bar
from benchmarks.timing import Contender, Series, measure, ratio

PAGES = {
    "menu": "/",
    "product": "/product/tea-longjing",
    "scan": "/scan",
    "privacy settings": "/my/settings/privacy",
}
"""The four pages of the bar; a person's rows are on none of them."""

OWN_PAGES = {"my orders": "/my/orders", "order": ""}
"""Pages that show a person's rows: each is one look; the order's address is known later."""

GATE_LIMIT, GATE_ADDED_MS = 1.10, 1.0
LIMIT = 1.20
ADDED_MS = 0.5
"""What a page with a look may add besides the durable commit of the look."""


def run(*, quick: bool) -> Sequence[Bar]:
    """Measure, say what came out, and return the bars."""
    rounds = 30 if quick else 120
    with (
        tempfile.TemporaryDirectory(prefix="troth-bench-") as made,
        contextlib.ExitStack() as open_,
    ):
        commit = _durable_commit_ms(Path(made))
        print(f"  a durable write of this disk takes {commit:.2f} ms")
        governed = open_.enter_context(_served(Path(made) / "governed", "governed"))
        bare = open_.enter_context(_served(Path(made) / "bare", "bare"))
        gate = [_compare(governed, bare, name, (p, p), rounds) for name, p in PAGES.items()]
        own = [
            _compare(governed, bare, name, (p or governed.order, p or bare.order), rounds)
            for name, p in OWN_PAGES.items()
        ]
    worst = [max(times for times, _ in pages) for pages in (gate, own)]
    added = [max(more for _, more in pages) for pages in (gate, own)]
    return [
        Bar("time of the slowest of the four pages", worst[0], GATE_LIMIT, unit="x", digits=3),
        Bar("most added to one of them", added[0], GATE_ADDED_MS, unit=" ms"),
        Bar("time of the slowest page with a look", worst[1], LIMIT, unit="x", digits=3),
        Bar("most added to one, less a commit", added[1] - commit, ADDED_MS, unit=" ms"),
    ]


def _compare(
    governed: _Browser, bare: _Browser, name: str, paths: tuple[str, str], rounds: int
) -> tuple[float, float]:
    """Return how many times longer the governed page takes, and how many milliseconds."""
    _assert_alike(governed, bare, paths)
    one, other = measure(
        [_asking("governed", governed, paths[0]), _asking("bare", bare, paths[1])],
        rounds=rounds,
        warm_up=25,
    )
    more = _added_ms(one, other)
    print(
        f"  {name:<17}{paths[0][:22]:<23}governed {one.seconds * 1e3:6.2f} ms, bare "
        f"{other.seconds * 1e3:6.2f} ms, {more:+.2f} ms: {ratio(one, other)}"
    )
    return ratio(one, other).typical, more


def _added_ms(governed: Series, bare: Series) -> float:
    """Return the median of what a round took longer, in milliseconds."""
    return median((a - b) * 1e3 for a, b in zip(governed.rounds, bare.rounds, strict=True))


def _durable_commit_ms(folder: Path) -> float:
    """Return the median of a write of one page that is on the disk afterwards, in milliseconds."""
    times = []
    with (folder / "durable").open("wb", buffering=0) as file:
        for _ in range(300):
            began = perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            times.append((perf_counter() - began) * 1e3)
    return median(times)


class _Browser:
    """One connection to one server, kept open, with the person's cookies."""

    def __init__(self, port: int, cookie: str, order: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Cookie": cookie, "Accept": "text/html", "Accept-Encoding": "identity"}
        self.order = order

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
def _served(folder: Path, kind: str) -> Iterator[_Browser]:
    """Serve a shop in a process of its own and yield a browser that looks at it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.shop_process", str(folder), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        cookie, _, order = process.stdout.readline().strip().partition(" ")
        line = process.stdout.readline().strip()
        if not line.isdigit():
            raise RuntimeError(f"the {kind} shop did not start")
        browser = _Browser(int(line), cookie, order)
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


def _assert_alike(one: _Browser, other: _Browser, paths: tuple[str, str]) -> None:
    """See that both servers send the same page: without this, faster could mean less."""
    path = paths[0]
    (headers, body), (other_headers, other_body) = one.get(paths[0]), other.get(paths[1])
    differing = {
        (name, headers.get(name), other_headers.get(name))
        for name in (headers.keys() | other_headers.keys()) - {"date", "content-length"}
        if headers.get(name) != other_headers.get(name)
    }
    if differing or abs(len(body) - len(other_body)) > 64:
        raise AssertionError(f"{path} differs in the bare shop: {differing or 'in its length'}")


def _asking(name: str, browser: _Browser, path: str) -> Contender:
    def ask(_: int) -> int:
        browser.get(path)
        return 1

    return Contender(name, ask)
