"""Looks: one against a bare durable commit, and eight readers against one; none may be lost.

A look is stored before anything is shown, so its time is added to the page. The limit is a commit
of one small row on the same disk; every commit waits for it (SQLite: WAL with synchronous=FULL;
PostgreSQL: fsync on). Whole uses are timed, with the judgement of role and case.
"""

from __future__ import annotations

import secrets
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.bars import Bar
from benchmarks.deployments import POLICY, deployment, postgresql
from benchmarks.timing import Contender, Ratio, Series, inverse, measure, ratio
from tests.servers import PostgresDatabase, PostgresServer
from troth.adapters.clock import SystemClock
from troth.adapters.ids import RandomIds
from troth.core.access import PolicyInForce
from troth.core.looks import Actor, LookFilter, Use
from troth.flows.looks import LookKit, record_uses, who_looked
from troth.store.db import Database
from troth.store.look_tables import looks_url
from troth.store.looks import LookBook

ADDED_LIMIT_MS = 0.5
READERS_LIMIT = 1.5
READERS = 8
_TURN = 4
"""Looks in one turn of a single reader: a few milliseconds."""
_EACH = 6
"""Looks of each of the readers in one turn."""
_PEOPLE = 2_000
_STAFF = Actor("staff-1", "support")
_PURPOSE = "answer_support"


@dataclass(slots=True)
class Looking:
    """Staff who look at one person after the other."""

    kit: LookKit
    known: PolicyInForce
    people: Sequence[str]
    acknowledged: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def ready(self, size: int) -> list[Use]:
        """Return the next uses."""
        numbers = [next(self._numbers) for _ in range(size)]
        return [
            Use(_PURPOSE, _STAFF, (self.people[n % len(self.people)],), case=f"case-{n}")
            for n in numbers
        ]

    def look(self, ready: Sequence[Use]) -> int:
        """Take one look after the other, each durable before the next."""
        for use in ready:
            taken = record_uses(self.kit, self.known, [use])[0]
            if taken.refused:
                raise AssertionError(f"a look was refused: {taken.reason}")
            self.acknowledged.append(taken.look_id)
        return len(ready)

    def lost(self) -> int:
        """Return how many acknowledged looks their own people cannot see."""
        seen: set[str] = set()
        for person in set(self.people):
            found = self.kit.book.looks(person, LookFilter(), limit=10_000_000)
            seen |= {stored.look.look_id for stored in found}
        return len(self.acknowledged) - len(seen & set(self.acknowledged))


def run(*, quick: bool) -> Sequence[Bar]:
    """Measure, say what came out, and return the bars."""
    rounds = 25 if quick else 100
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as made:
        folder = Path(made)
        with _looking(folder / "sqlite") as looking, _bare_sqlite(folder / "bare.db") as bare:
            added = _one("SQLite", looking, bare, rounds=rounds)
            readers = _readers("SQLite", looking, rounds=rounds)
            lost = _lost("SQLite", looking)
            _page(looking)
        with _looking(folder / "held") as looking:
            _while_another_writes(looking, folder / "held" / "troth.db", rounds=rounds)
            lost += _lost("SQLite, while another writes", looking)
        with postgresql() as server:
            if server is not None:
                lost += _postgresql(server, folder, rounds=rounds)
    return [
        Bar("over a bare commit", added, ADDED_LIMIT_MS, unit=" ms"),
        Bar(f"rate of {READERS} readers", readers.typical, READERS_LIMIT, at_least=True, unit="x"),
        Bar("lost", lost, 0, digits=0),
    ]


@contextmanager
def _looking(folder: Path, made: PostgresDatabase | None = None) -> Iterator[Looking]:
    urls = {"owner_url": made.owner_url, "app_url": made.app_url} if made is not None else {}
    people = [secrets.token_hex(16) for _ in range(_PEOPLE)]
    with deployment(folder, [POLICY], **urls) as t:
        book = LookBook(Database(looks_url(t.kit.database.url)))
        try:
            yield Looking(LookKit(book, SystemClock(), RandomIds()), t.in_force(), people)
        finally:
            book.close()


@contextmanager
def _bare_sqlite(file: Path) -> Iterator[Callable[[Any], int]]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE bare (n INTEGER PRIMARY KEY, at INTEGER)")

        def commit(_: Any) -> int:
            for _turn in range(_TURN):
                connection.execute("INSERT INTO bare (at) VALUES (1)")
            return _TURN

        yield commit


@contextmanager
def _bare_postgresql(dsn: str) -> Iterator[Callable[[Any], int]]:
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=1) as connection:
        connection.execute("CREATE TABLE bare (n bigint GENERATED ALWAYS AS IDENTITY, at bigint)")

        def commit(_: Any) -> int:
            for _turn in range(_TURN):
                connection.execute("INSERT INTO bare (at) VALUES (1)")
            return _TURN

        yield commit


def _one(where: str, looking: Looking, bare: Callable[[Any], int], *, rounds: int) -> float:
    """Time one look beside a bare commit; return what it adds, in milliseconds."""
    look, commit = measure(
        [
            Contender("one look", looking.look, lambda _: looking.ready(_TURN)),
            Contender("bare commit", bare),
        ],
        rounds=rounds,
    )
    _say(where, look, commit)
    added = (look.seconds - commit.seconds) * 1000
    print(
        f"  {where}: one look {look.seconds * 1000:.3f} ms, {ratio(look, commit)} times a bare "
        f"commit of {commit.seconds * 1000:.3f} ms, {added:.3f} ms more"
    )
    return added


def _readers(where: str, looking: Looking, *, rounds: int) -> Ratio:
    """Time eight readers who each wait for their own look; return their rate over one's."""

    def at_once(ready: Sequence[Use]) -> int:
        shares = [ready[i : i + _EACH] for i in range(0, len(ready), _EACH)]
        return sum(threads.map(looking.look, shares))

    with ThreadPoolExecutor(READERS) as threads:
        many = Contender(f"{READERS} readers", at_once, lambda _: looking.ready(READERS * _EACH))
        one = Contender("one reader", looking.look, lambda _: looking.ready(_EACH))
        together, alone = measure([many, one], rounds=max(9, rounds // 2), turns=5)
    _say(where, together, alone)
    print(f"  {where}: {READERS} readers: {inverse(together, alone)} times the rate of one")
    return inverse(together, alone)


def _while_another_writes(looking: Looking, file: Path, *, rounds: int) -> None:
    """Show that a use which holds the database for a write does not hold up the looks."""
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        holder.execute("UPDATE troth_person SET flags = flags")
        one = Contender("one look", looking.look, lambda _: looking.ready(_TURN))
        (held,) = measure([one], rounds=max(9, rounds // 4))
        holder.execute("ROLLBACK")
    print(f"  SQLite: while a write is held open, one look takes {held.seconds * 1000:.3f} ms")


def _page(looking: Looking) -> None:
    """Say what a page of the list costs the person."""

    def read(_: Any) -> int:
        for person in looking.people[:20]:
            who_looked(looking.kit, person, lambda _o: looking.known.policy, language="zh-CN")
        return 20

    (page,) = measure([Contender("a page of the list", read)], rounds=9)
    print(f"  SQLite: a page of the list takes {page.seconds * 1000:.3f} ms")


def _say(where: str, *series: Series) -> None:
    for one in series:
        print(f"  {where}: {one.name:<16}{one.rate:>9,.0f} /s")


def _lost(where: str, looking: Looking) -> int:
    lost = looking.lost()
    print(f"  {where}: {len(looking.acknowledged):,} looks acknowledged, {lost} of them lost")
    return lost


def _postgresql(server: PostgresServer, folder: Path, *, rounds: int) -> int:
    """Show PostgreSQL beside: no bar on its rates, but nothing may be lost; return what is."""
    with (
        server.fresh_database() as made,
        _looking(folder / "pg", made) as looking,
        _bare_postgresql(made.superuser_dsn) as bare,
    ):
        _one("PostgreSQL", looking, bare, rounds=rounds)
        _readers("PostgreSQL", looking, rounds=rounds)
        return _lost("PostgreSQL", looking)
