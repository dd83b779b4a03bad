"""One answer, durably: against the same rows written by hand, in batches, and by eight at once.

Ours proves what was shown, checks the rule, writes one event, and lets the database make state
and outbox; the limit writes the same three rows and does nothing else. Every commit waits for the
disk (SQLite: WAL with synchronous=FULL; PostgreSQL: fsync on).
"""

from __future__ import annotations

import secrets
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg

from benchmarks.bars import Bar
from benchmarks.deployments import POLICY, deployment, postgresql
from benchmarks.hand_written import (
    PostgreSQLWriter,
    Rows,
    SQLiteInsert,
    SQLiteWriter,
    Writer,
    counts,
    rows_of,
)
from benchmarks.timing import Contender, Ratio, Series, inverse, measure, ratio
from benchmarks.world import add_people
from tests.servers import PostgresServer
from troth import Answer, Said, Troth

SINGLE_LIMIT = 1.5
BATCH_LIMIT = 4.0
CALLERS_LIMIT = 1.5
CALLERS = 8
BATCH = 100
PURPOSE = "scan_product"
"""What is answered: an optional purpose with general consent, given and then withdrawn."""

Ready = tuple[str, Answer, str]
_PEOPLE = 4_000
_TURN = 4
"""Writes in one turn of a single caller: a few milliseconds."""
_EACH = 6
"""Writes of each of the callers in one turn."""


@dataclass(slots=True)
class Answers:
    """Answers of ours, one after the other: each person gives, then withdraws."""

    t: Troth
    people: Sequence[str]
    acknowledged: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def whose(self) -> tuple[str, Answer]:
        """Return who says what next."""
        number = next(self._numbers)
        person = self.people[number // 2 % len(self.people)]
        return person, (Answer.WITHDRAW if number % 2 else Answer.GIVE)

    def ready(self, size: int) -> list[Ready]:
        """Return the next answers with the tokens of what was shown."""
        return [(*said, self.token(said[0])) for said in (self.whose() for _ in range(size))]

    def token(self, person: str) -> str:
        """Return the token of a notice shown to a person."""
        return self.t.show(PURPOSE, person=person, surface="/scan").token

    def give(self, ready: Sequence[Ready]) -> int:
        """Give answers one after the other, each with a commit of its own."""
        for person, answer, token in ready:
            self.acknowledged.append(self.t.answer(person, PURPOSE, answer, token))
        return len(ready)

    def show_and_give(self, said: Sequence[tuple[str, Answer]]) -> int:
        """Make the tokens as well."""
        return sum(self.give([(person, answer, self.token(person))]) for person, answer in said)

    def give_in_one(self, ready: Sequence[Ready]) -> int:
        """Give answers in one call and one transaction."""
        made = self.t.answer_many(
            [Said(person, PURPOSE, answer, token) for person, answer, token in ready]
        )
        self.acknowledged += made
        return len(made)


def run(*, quick: bool) -> Sequence[Bar]:
    """Measure, say what came out, and return the bars."""
    rounds = 25 if quick else 100
    people = [secrets.token_hex(16) for _ in range(_PEOPLE)]
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as made:
        folder = Path(made)
        files = [_fresh_file(folder / name, people) for name in ("hand", "raw")]
        _fresh_file(folder / "ours", people)
        with deployment(folder / "ours", []) as t:
            _assert_durable(t)
            answers = Answers(t, people)
            single = _singles(answers, people, files, rounds=rounds)
            batch = _batches(answers, rounds=max(9, rounds // 3))
            callers = _callers("SQLite", answers, rounds=rounds)
            with sqlite3.connect(folder / "ours" / "troth.db") as owner:
                lost = _lost("SQLite", answers, counts(owner.execute))
        with postgresql() as server:
            if server is not None:
                lost += _postgresql(server, folder, people, rounds=rounds)
    return [
        Bar("time over hand-written", single.typical, SINGLE_LIMIT, unit="x"),
        Bar(f"rate in batches of {BATCH}", batch.typical, BATCH_LIMIT, at_least=True, unit="x"),
        Bar(f"rate of {CALLERS} callers", callers.typical, CALLERS_LIMIT, at_least=True, unit="x"),
        Bar("lost", lost, 0, digits=0),
    ]


def _fresh_file(folder: Path, people: Sequence[str]) -> Path:
    """Make a database of ours with the policy published and people in it."""
    with deployment(folder, [POLICY]):
        pass
    file = folder / "troth.db"
    with sqlite3.connect(file) as owner:
        add_people(owner.executemany, "?", people)
    owner.close()
    return file


def _assert_durable(t: Troth) -> None:
    for pragma, expected in (("journal_mode", "wal"), ("synchronous", 2)):
        (got,) = t.kit.database.cursor().execute(f"PRAGMA {pragma}").fetchone()
        if got != expected:
            raise AssertionError(f"PRAGMA {pragma} is {got!r}, expected {expected!r}")


def _single(answers: Answers) -> Contender:
    return Contender("troth.answer", answers.give, lambda _: answers.ready(_TURN))


def _by_hand(name: str, writer: Writer, people: Sequence[str]) -> Contender:
    def next_rows(turn: int) -> list[Rows]:
        now = time.time_ns() // 1000
        numbers = range(turn * _TURN, (turn + 1) * _TURN)
        return [
            rows_of(
                people[number // 2 % len(people)],
                PURPOSE,
                "consent_withdrawn" if number % 2 else "consent_given",
                now,
            )
            for number in numbers
        ]

    def write(ready: Sequence[Rows]) -> int:
        for rows in ready:
            writer.write(rows)
        return len(ready)

    return Contender(name, write, next_rows)


def _singles(
    answers: Answers, people: Sequence[str], files: Sequence[Path], *, rounds: int
) -> Ratio:
    """Time one answer against its limits; return ours over hand-written."""
    hand, raw = SQLiteWriter(files[0]), SQLiteInsert(files[1])
    with_tokens = Contender(
        "with the token", answers.show_and_give, lambda _: [answers.whose() for _ in range(_TURN)]
    )
    ours, limit, insert, whole = measure(
        [
            _single(answers),
            _by_hand("hand-written", hand, people),
            _by_hand("raw insert", raw, people),
            with_tokens,
        ],
        rounds=rounds,
    )
    _say("SQLite", ours, whole, limit, insert)
    print(f"  one answer: {ratio(ours, limit)} times as long as hand-written")
    print(f"  with its token made as well: {ratio(whole, limit)} times")
    print(f"  hand-written: {ratio(limit, insert)} times as long as one raw insert")
    events, _, outbox = counts(hand.connection.execute)
    if events != outbox:
        raise AssertionError("the hand-written rows are not those that troth writes")
    hand.connection.close()
    raw.connection.close()
    return ratio(ours, limit)


def _batches(answers: Answers, *, rounds: int) -> Ratio:
    """Time a hundred answers in one transaction of the caller; return its rate over single."""
    batch = Contender(f"batches of {BATCH}", answers.give_in_one, lambda _: answers.ready(BATCH))
    grouped, single = measure([batch, _single(answers)], rounds=rounds, turns=5)
    _say("SQLite", grouped)
    print(f"  in batches: {inverse(grouped, single)} times the rate of single answers")
    return inverse(grouped, single)


def _callers(where: str, answers: Answers, *, rounds: int) -> Ratio:
    """Time eight callers who each wait for their own commit; return their rate over one's."""

    def at_once(ready: Sequence[Ready]) -> int:
        shares = [ready[i : i + _EACH] for i in range(0, len(ready), _EACH)]
        return sum(threads.map(answers.give, shares))

    with ThreadPoolExecutor(CALLERS) as threads:
        one = Contender("one caller", answers.give, lambda _: answers.ready(_EACH))
        many = Contender(f"{CALLERS} callers", at_once, lambda _: answers.ready(CALLERS * _EACH))
        together, alone = measure([many, one], rounds=max(9, rounds // 2), turns=5)
    _say(where, together, alone)
    print(f"  {CALLERS} callers: {inverse(together, alone)} times the rate of one")
    return inverse(together, alone)


def _say(where: str, *series: Series) -> None:
    for one in series:
        print(f"  {where}: {one.name:<16}{one.rate:>9,.0f} /s")


def _lost(where: str, answers: Answers, found: Sequence[int]) -> int:
    """Return how many acknowledged answers are not in the database, with all that belongs to it."""
    given, distinct = len(answers.acknowledged), len(set(answers.acknowledged))
    events, states, outbox = found
    print(f"  {where}: {given:,} answers acknowledged, {events:,} events, {outbox:,} in the outbox")
    spoke = min(len(answers.people), (given + 1) // 2)
    if states != spoke:
        raise AssertionError(f"{states} states of {spoke} people")
    return max(given - events, 0) + max(given - outbox, 0) + given - distinct


def _postgresql(server: PostgresServer, folder: Path, people: Sequence[str], *, rounds: int) -> int:
    """Show PostgreSQL beside: no bar on its rates, but nothing may be lost; return what is."""
    with server.fresh_database() as ours, server.fresh_database() as other:
        for number, base in enumerate((other, ours)):
            with deployment(
                folder / f"pg{number}", [POLICY], owner_url=base.owner_url, app_url=base.app_url
            ):
                pass
            with psycopg.connect(base.superuser_dsn) as owner:
                add_people(owner.cursor().executemany, "%s", people)
        with deployment(folder / "pg1", [], owner_url=ours.owner_url, app_url=ours.app_url) as t:
            answers = Answers(t, people)
            hand = PostgreSQLWriter(other.owner_url)
            single, limit = measure(
                [_single(answers), _by_hand("hand-written", hand, people)], rounds=rounds
            )
            hand.connection.close()
            _say("PostgreSQL", single, limit)
            print(f"  PostgreSQL: {ratio(single, limit)} times as long as hand-written")
            _callers("PostgreSQL", answers, rounds=rounds)
            with psycopg.connect(ours.superuser_dsn) as owner:
                return _lost("PostgreSQL", answers, counts(owner.execute))
