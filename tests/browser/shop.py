"""The shop as its own command serves it: a process, a courier's process, a folder, a free port.

What a test may count on:

* nothing of the shop is replaced: it is `troth-shop run`, with the people it seeds;
* everything it prints goes into a file that a test can search;
* it ends when the fixture ends, by its process id, and with it the courier.
"""

import ctypes
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path

import httpx
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

import troth_shop
from tests.servers import free_port
from troth import Answer, Settings, Troth
from troth_shop import accounts, sessions
from troth_shop.catalogue import Catalogue, load_catalogue

PASSWORD = "a long enough password"
CASHIER = ("cashier", "abacus-and-scales")
PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "camera": ("scan_product", "photograph_voucher"),
    "storage": ("choose_file",),
    "call": ("call_hotline",),
    "network": ("adapt_pictures",),
    "device_id": ("identify_device",),
    "clipboard": ("paste_text",),
}
"""The six permissions of the policy and the purposes that each of them opens."""

SEPARATE = ("check_voucher", "share_with_courier")
"""Purposes that are no permission and are asked alone."""

_MAP = Path(troth_shop.__file__).parent / "datamap.yaml"
_DATABASES = ("troth.db", "troth-looks.db")
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
_START_SECONDS = 90
_STOP_SECONDS = 15
_DIGEST = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),)).hash(PASSWORD)
"""Of `PASSWORD`, by the shop's algorithm with little work, for people whom tests add."""


@dataclass(frozen=True)
class Customer:
    """A customer who is logged in; the password is `PASSWORD`."""

    person: str
    phone: str
    session_token: str


@dataclass
class RunningShop:
    """One shop that runs.

    Attributes:
        address: where it listens, without a slash at the end.
        data: its folder, with database, keys, log, vouchers and outbox.
        printed: the files that hold what its processes wrote to stdout and stderr.
    """

    address: str
    data: Path
    printed: Sequence[Path]
    _numbers: Iterator[int] = field(default_factory=lambda: count(15000000000))

    # --- people -------------------------------------------------------------------------------

    @cached_property
    def troth(self) -> Troth:
        """The same deployment, opened by this process too; the shop's process sees what it does."""
        t = Troth.open(Settings.of(self.data, {"TROTH_REGION": "CN"}), migrates=False)
        t.govern(_MAP)
        return t

    @cached_property
    def catalogue(self) -> Catalogue:
        """The goods."""
        return load_catalogue()

    def next_phone(self) -> str:
        """Return a phone number that has no account."""
        return str(next(self._numbers))

    def customer(self, *, allowing: Sequence[str] = ()) -> Customer:
        """Add a customer who is logged in, made by the functions that registering calls.

        Args:
            allowing: purposes to which the customer has said yes.
        """
        t, phone = self.troth, self.next_phone()
        shown = t.show(*accounts.REGISTER_PURPOSES, language="zh-CN", surface="/register")
        person = accounts.add_customer(t, phone, _DIGEST, shown.token)
        _, token = sessions.start_session(t, person)
        for purpose in allowing:
            self.say(person, purpose, Answer.GIVE)
        return Customer(person, phone, token)

    def say(self, person: str, purpose: str, said: Answer) -> None:
        """Record an answer as the pages do."""
        shown = self.troth.show(purpose, person=person, language="zh-CN", surface="/")
        self.troth.answer(person, purpose, said, shown.token)

    def session_cookie(self, customer: Customer) -> dict[str, object]:
        """Return the cookie of a customer's log-in, for Playwright."""
        return {
            "name": "session",
            "value": customer.session_token,
            "url": self.address,
            "httpOnly": True,
            "sameSite": "Lax",
        }

    def code_sent_to(self, phone: str) -> str:
        """Return the one-time code that was last sent to a phone."""
        lines = (self.data / "outbox.jsonl").read_text(encoding="utf-8").splitlines()
        texts = [m["text"] for line in lines if (m := json.loads(line))["to"] == phone]
        return next(
            w for w in texts[-1].replace("，", " ").replace(",", " ").split() if w.isdigit()
        )

    # --- what it knows ------------------------------------------------------------------------

    def person_of(self, phone: str) -> str:
        """Return the random id of whoever has this phone."""
        (found,) = self.troth.find("shop_customer", "phone_index", phone)
        return found.person

    def query(
        self, statement: str, *values: object, database: str = "troth.db"
    ) -> list[tuple[object, ...]]:
        """Return the rows of a statement, read from a database file past all code of ours.

        What is sealed comes sealed; a table behind a lens has the name ``<table>__rows``.
        """
        with closing(sqlite3.connect(self.data / database, timeout=30)) as connection:
            return connection.execute(statement, values).fetchall()

    def tables(self) -> dict[str, list[tuple[object, ...]]]:
        """Return {table: its rows}, of every table of both databases."""
        return {
            str(table): self.query(f'SELECT * FROM "{table}"', database=database)
            for database in _DATABASES
            for (table,) in self.query(_TABLES, database=database)
        }

    def row_counts(self) -> dict[str, int]:
        """Return {table: how many rows}, of every table of both databases."""
        return {
            str(table): int(
                str(self.query(f'SELECT count(*) FROM "{table}"', database=database)[0][0])
            )
            for database in _DATABASES
            for (table,) in self.query(_TABLES, database=database)
        }

    def settled_row_counts(self) -> dict[str, int]:
        """Return the row counts once every committed event is in the log and nothing moves."""
        before = self.row_counts()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            time.sleep(1.2)  # longer than a round of the sequencer
            now = self.row_counts()
            if now == before:
                return now
            before = now
        raise AssertionError(f"the shop does not come to rest: {before}")

    def states(self, person: str, purpose: str) -> list[str]:
        """Return what was recorded of one person's answers about a purpose, oldest first."""
        history = self.troth.history(person)
        return [str(e.event_state) for e in history if e.purpose_id == purpose]

    def files_with(self, text: str) -> list[str]:
        """Return every file of its folder, and of what it printed, that holds ``text``.

        In UTF-8 and UTF-16, which is how a database or a log could hold it.
        """
        needles = [text.encode(), text.encode("utf-16-le")]
        searched = [p for p in self.data.rglob("*") if p.is_file()] + list(self.printed)
        return [str(p) for p in searched if any(n in p.read_bytes() for n in needles)]

    def said(self) -> str:
        """Return all that its processes wrote to stdout and stderr."""
        return "".join(p.read_text(encoding="utf-8", errors="replace") for p in self.printed)

    # --- requests without a browser -----------------------------------------------------------

    def client(self, customer: Customer | None = None) -> httpx.Client:
        """Return a client with cookies of its own, whose forms count as our own pages'."""
        cookies = {} if customer is None else {"session": customer.session_token}
        return httpx.Client(
            base_url=self.address,
            headers={"Origin": self.address, "Accept": "text/html"},
            cookies=cookies,
            timeout=60,
            trust_env=False,
        )


_COMMAND = ("-m", "troth_shop.cli")
_COMMAND_OF_QUICK_DIGESTS = (
    "-c",
    "from pwdlib import PasswordHash; from pwdlib.hashers.argon2 import Argon2Hasher\n"
    "from troth_shop import cli, passwords\n"
    "light = Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)\n"
    "passwords._ARGON2 = PasswordHash((light,))\n"
    "cli.main()",
)


@contextmanager
def running_shop(folder: Path, *, quick_digests: bool = False) -> Iterator[RunningShop]:
    """Run the shop for the length of the block.

    Args:
        folder: an empty folder; the state goes into ``data`` in it.
        quick_digests: let argon2 do little work, for tests in which hundreds of people register;
            that is the only difference, and what the shop really uses is tested elsewhere.

    Raises:
        RuntimeError: it did not come up; the message ends with what it printed.
    """
    data, out, err = folder / "data", folder / "stdout", folder / "stderr"
    port = free_port()
    program = _COMMAND_OF_QUICK_DIGESTS if quick_digests else _COMMAND
    command = [sys.executable, *program, "run", "--data", str(data)]
    with out.open("wb") as to_out, err.open("wb") as to_err:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=to_out,
            stderr=to_err,
            start_new_session=True,
            preexec_fn=_end_with_the_suite,  # noqa: PLW1509
        )
    shop = RunningShop(f"http://127.0.0.1:{port}", data, (out, err))
    try:
        _wait_until_it_answers(shop, process)
        yield shop
    finally:
        if "troth" in vars(shop):
            shop.troth.close()
        _stop(process)


def _wait_until_it_answers(shop: RunningShop, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the shop ended with {process.returncode}: {shop.said()[-3000:]}")
        try:
            if httpx.get(shop.address, timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"the shop did not open in {_START_SECONDS} s: {shop.said()[-3000:]}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    for stop in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(stop)
        try:
            process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _end_with_the_suite() -> None:
    """Ask Linux to end this child when the suite dies, even by kill -9."""
    if _libc is not None:
        pr_set_pdeathsig = 1
        _libc.prctl(pr_set_pdeathsig, signal.SIGTERM)
