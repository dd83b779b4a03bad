"""Pages of the shop, over HTTP: governed by its policy against the same pages without it.

Three real servers, each a process with a deployment of its own that holds the same rows: governed;
ungated, where no decision is taken; and bare, where besides no lens is opened, no look recorded and
nothing sealed. One client asks now this one, now another, over connections that stay open. The
person who asks is logged in, has things in the cart and an order, and allowed what the pages offer,
so that there is the most to do: find out who asks, decide, open browser features, sign what was
shown; and on the pages that show a person's rows record the look, open the lens and what is sealed.
"""

from __future__ import annotations

import contextlib
import http.client
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

from benchmarks.bars import Bar
from benchmarks.shop_process import BARE, GOVERNED, UNGATED
from benchmarks.timing import Contender, Series, measure, ratio

PAGES = {
    "menu": "/",
    "product": "/product/tea-longjing",
    "scan": "/scan",
    "privacy settings": "/my/settings/privacy",
}
"""The four named pages; a person's rows are on none of them."""

OWN_PAGES = {"my orders": "/my/orders", "order": ""}
"""Pages that show a person's rows, each by one use; the order's address is known later."""

GATE_LIMIT, GATE_ADDED_MS = 1.10, 1.0
LIMIT = 1.20
ADDED_MS = 0.5
"""What a page may take longer in all, besides one durable commit."""


def run(*, quick: bool) -> Sequence[Bar]:
    """Measure, say what came out, and return the bars."""
    rounds = 30 if quick else 120
    with (
        tempfile.TemporaryDirectory(prefix="troth-bench-") as made,
        contextlib.ExitStack() as open_,
    ):
        shops = [
            open_.enter_context(_served(Path(made) / kind, kind))
            for kind in (GOVERNED, UNGATED, BARE)
        ]
        compared = [
            _compare(shops, name, path, rounds) for name, path in {**PAGES, **OWN_PAGES}.items()
        ]
        commit = _durable_commit_ms(Path(made))
    print(f"  a durable commit of one row in a file of its own takes {commit:.2f} ms")
    named = compared[: len(PAGES)]
    return [
        Bar(
            "gate: slowest of the four", max(p.gate for p in named), GATE_LIMIT, unit="x", digits=3
        ),
        Bar("gate: most added", max(p.gate_added_ms for p in named), GATE_ADDED_MS, unit=" ms"),
        Bar("all: slowest page", max(p.all for p in compared), LIMIT, unit="x", digits=3),
        Bar(
            "all: most added beyond a commit",
            max(p.all_added_ms for p in compared) - commit,
            ADDED_MS,
            unit=" ms",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Page:
    """How many times longer a page takes with the gate, and with all, and how many milliseconds."""

    gate: float
    gate_added_ms: float
    all: float
    all_added_ms: float


def _compare(shops: Sequence[_Browser], name: str, path: str, rounds: int) -> _Page:
    paths = [path or shop.order for shop in shops]
    _assert_alike(shops, paths)
    governed, ungated, bare = measure(
        [
            _asking(kind, shop, p)
            for kind, shop, p in zip((GOVERNED, UNGATED, BARE), shops, paths, strict=True)
        ],
        rounds=rounds,
        warm_up=25,
    )
    page = _Page(
        ratio(governed, ungated).typical,
        _added_ms(governed, ungated),
        ratio(governed, bare).typical,
        _added_ms(governed, bare),
    )
    print(
        f"  {name:<17}governed {governed.seconds * 1e3:5.2f} ms; without the gate "
        f"{ungated.seconds * 1e3:5.2f} ms: {page.gate:.3f}x {page.gate_added_ms:+.2f} ms; bare "
        f"{bare.seconds * 1e3:5.2f} ms: {page.all:.3f}x {page.all_added_ms:+.2f} ms"
    )
    return page


def _added_ms(governed: Series, bare: Series) -> float:
    """Return the median of what a round took longer, in milliseconds."""
    return median((a - b) * 1e3 for a, b in zip(governed.rounds, bare.rounds, strict=True))


def _durable_commit_ms(folder: Path) -> float:
    """Return the median time of a row that SQLite puts on the disk, in milliseconds.

    With pauses between them, as between pages: memory is as cold as it is there.
    """
    with contextlib.closing(sqlite3.connect(folder / "commit.db", isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("PRAGMA synchronous=FULL")
        file.execute("CREATE TABLE one (id INTEGER PRIMARY KEY, what TEXT)")
        times = []
        for _ in range(200):
            sleep(0.005)
            began = perf_counter()
            file.execute("INSERT INTO one (what) VALUES ('a row')")
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


def _assert_alike(shops: Sequence[_Browser], paths: Sequence[str]) -> None:
    """See that all servers send the same page: without this, faster could mean less."""
    (headers, body), *others = [shop.get(path) for shop, path in zip(shops, paths, strict=True)]
    for other_headers, other_body in others:
        differing = {
            (name, headers.get(name), other_headers.get(name))
            for name in (headers.keys() | other_headers.keys()) - {"date", "content-length"}
            if headers.get(name) != other_headers.get(name)
        }
        if differing or abs(len(body) - len(other_body)) > 64:
            raise AssertionError(f"{paths[0]} differs: {differing or 'in its length'}")


def _asking(name: str, browser: _Browser, path: str) -> Contender:
    def ask(_: int) -> int:
        browser.get(path)
        return 1

    return Contender(name, ask)
