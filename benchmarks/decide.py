"""The decision: its rate against a bare SELECT, and its answers against the oracle.

The limit is the least that any answer from a database costs: one column of one row of the same
table in the same file, by its whole primary key, on the same guarded connection.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import yaml

from benchmarks import rivals
from benchmarks.bars import Bar
from benchmarks.deployments import deployment, postgresql, two_versions
from benchmarks.oracle import DENY_REASONS, Oracle, Verdict, asked_again, counted
from benchmarks.timing import Contender, Ratio, Series, inverse, measure, ratio
from benchmarks.world import World, make_world, write_postgresql, write_sqlite
from troth import Troth

RATE_LIMIT = 0.5
SNAPSHOT_LIMIT = 3.0
LEAST_CASES = 2_000
LEAST_PER_REASON = 50
_SET_UPS = 60
_SELECT = (
    "SELECT event_state FROM troth_consent_state WHERE pii_principal_id = {} AND purpose_id = {}"
)

Case = tuple[str, str]


def run(*, quick: bool) -> Sequence[Bar]:
    """Measure, say what came out, and return the bars."""
    people, cases, rounds = (3_000, 4_000, 100) if quick else (20_000, 40_000, 400)
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as made:
        folder = Path(made)
        versions = two_versions(folder)
        texts = [(v / "policy.yaml").read_text(encoding="utf-8") for v in versions]
        world = make_world(texts[-1], people)
        oracle = Oracle(texts, world.people, world.stories)
        asked = world.cases(cases)
        with deployment(folder / "sqlite", versions) as t:
            write_sqlite(folder / "sqlite" / "troth.db", world)
            print(f"  {people:,} people, {len(world.stories):,} states, {cases:,} cases")
            verdicts = [oracle.verdict(*case, world.now) for case in asked]
            wrong = _compare("SQLite", asked, verdicts, (t.decide(*case) for case in asked))
            judged = len(asked) + 3 * _SET_UPS
            rate, snapshot = _rates(t, world, texts, asked, verdicts, rounds=rounds)
            wrong += _unreadable(t, folder / "sqlite" / "troth.db", texts[-1], asked)
        with deployment(folder / "empty", []) as t:
            wrong += _no_policy(t, asked)
        small = make_world(texts[-1], min(people, 3_000), seed=2)
        small_oracle = Oracle(texts, small.people, small.stories)
        with postgresql() as server:
            if server is not None:
                with (
                    server.fresh_database() as base,
                    deployment(
                        folder / "pg", versions, owner_url=base.owner_url, app_url=base.app_url
                    ) as t,
                ):
                    write_postgresql(base.owner_url, small)
                    wrong += _postgresql(t, small, small_oracle, rounds=rounds // 4)
                    judged += LEAST_CASES
        counts = counted(verdicts)
        fewest = min(counts.get(reason, 0) for reason in DENY_REASONS)
        print("  cases per reason: " + ", ".join(f"{r} {n:,}" for r, n in sorted(counts.items())))
    return [
        Bar("rate of a bare SELECT", 1 / rate.typical, RATE_LIMIT, at_least=True, unit="x"),
        Bar(f"wrong of {judged:,}", wrong, 0, digits=0),
        Bar("cases of the rarest reason", fewest, LEAST_PER_REASON, at_least=True, digits=0),
        Bar("time of a snapshot over a dict", snapshot.typical, SNAPSHOT_LIMIT, unit="x"),
    ]


def _compare(
    where: str, cases: Sequence[Case], right: Sequence[Verdict], ours: Iterable[Verdict]
) -> int:
    """Return how many answers differ in anything: yes or no, clause, reason or evidence."""
    wrong = [
        (case, expected, got)
        for case, expected, got in zip(cases, right, ours, strict=True)
        if (got[0], got[1], got[2], got[3]) != expected
    ]
    print(f"  {where}: {len(wrong)} wrong of {len(cases):,}")
    for (_, purpose), expected, got in wrong[:3]:
        print(f"    {purpose!r}: expected {expected}, got {tuple(got)}")
    return len(wrong)


def _rates(
    t: Troth,
    world: World,
    texts: Sequence[str],
    asked: Sequence[Case],
    verdicts: Sequence[Verdict],
    *,
    rounds: int,
) -> tuple[Ratio, Ratio]:
    """Time everything on the same cases and return decide over SELECT, snapshot over dict."""
    taken = t.snapshot()
    table, never = dict(taken.decisions), taken.decide("", "")
    told = [taken.decide(*case) for case in asked]
    wrong = sum(got.allowed != right[0] for got, right in zip(told, verdicts, strict=True))
    print(f"  snapshot: {wrong} wrong of {len(asked):,} (yes or no)")
    if wrong:
        raise AssertionError("the snapshot answers otherwise than the oracle")
    deciding = _over("troth.decide", asked, 100, _deciding(t.decide))
    ours, bare = measure([deciding, _over("bare SELECT", asked, 100, _selecting(t))], rounds=rounds)
    looked, plain = measure(
        [
            _over("snapshot", asked, 400, _deciding(taken.decide)),
            _over("dict", asked, 400, _looking_up(table.get, never)),
        ],
        rounds=rounds,
    )
    beside, *engines = measure(
        [deciding, *_engines(world, texts, asked, verdicts)], rounds=rounds // 4
    )
    for one in (ours, bare, looked, plain, *engines):
        print(f"  {one.name:<14}{one.rate:>12,.0f} /s")
    print(f"  decide: {inverse(ours, bare)} of the rate of a bare SELECT")
    print(f"  snapshot: {ratio(looked, plain)} times as long as a dict")
    for one in engines:
        print(f"  decide: {inverse(beside, one)} times the rate of {one.name}, which reads nothing")
    return ratio(ours, bare), ratio(looked, plain)


def _over(
    name: str, cases: Sequence[Case], size: int, work: Callable[[Sequence[Case]], None]
) -> Contender:
    """Return a contender that works through the cases, ``size`` in a turn, over and over."""
    chunks = [cases[i : i + size] for i in range(0, len(cases) - size + 1, size)]

    def one_turn(chunk: Sequence[Case]) -> int:
        work(chunk)
        return size

    return Contender(name, one_turn, lambda number: chunks[number % len(chunks)])


def _deciding(decide: Callable[[str, str], object]) -> Callable[[Sequence[Case]], None]:
    def work(cases: Sequence[Case]) -> None:
        for person, purpose in cases:
            decide(person, purpose)

    return work


def _selecting(t: Troth, mark: str = "?") -> Callable[[Sequence[Case]], None]:
    cursor, sql = t.kit.database.cursor(), _SELECT.format(mark, mark)

    def work(cases: Sequence[Case]) -> None:
        for case in cases:
            cursor.execute(sql, case)
            cursor.fetchone()

    return work


def _looking_up(
    get: Callable[[Case, object], object], never: object
) -> Callable[[Sequence[Case]], None]:
    def work(cases: Sequence[Case]) -> None:
        for person, purpose in cases:
            get((person, purpose), never)

    return work


def _engines(
    world: World, texts: Sequence[str], asked: Sequence[Case], verdicts: Sequence[Verdict]
) -> list[Contender]:
    """Return Cedar and Casbin as contenders, and say how often they agree on these cases."""
    policies = [yaml.safe_load(text) for text in texts]
    purposes, required = policies[-1]["purposes"], asked_again(policies)
    looked_up = [rivals.facts(case, purposes, required, world) for case in asked[:LEAST_CASES]]
    found = []
    for name, make in (("cedarpy", rivals.cedar), ("casbin", rivals.pycasbin)):
        request_of, answer = make()
        requests = [request_of(one) for one in looked_up]
        agrees = sum(answer(r) == right[0] for r, right in zip(requests, verdicts, strict=False))
        print(f"  {name} agrees on {agrees:,} of {len(requests):,}, given state and version")
        found.append(_asking(name, requests, answer))
    return found


def _asking(name: str, requests: Sequence[object], answer: rivals.Engine) -> Contender:
    size = 5

    def one_turn(number: int) -> int:
        start = number * size % (len(requests) - size)
        for request in requests[start : start + size]:
            answer(request)
        return size

    return Contender(name, one_turn)


def _unreadable(t: Troth, file: Path, policy_text: str, asked: Sequence[Case]) -> int:
    """Make the ledger unreadable, first gone, then garbage, and return the wrong answers.

    A thread connects anew, so it meets the file as it is now.
    """
    clauses = {p: c["clause"] for p, c in yaml.safe_load(policy_text)["purposes"].items()}
    cases = asked[:_SET_UPS]
    right = [(False, clauses.get(purpose, ""), "ledger_unreadable", "") for _, purpose in cases]
    away = file.with_suffix(".away")
    file.rename(away)
    wrong = _compare("ledger gone", cases, right, _in_a_thread(t, cases))
    with sqlite3.connect(away) as owner:
        owner.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.write_bytes(b"\x5a" * 65_536)
    return wrong + _compare("ledger garbage", cases, right, _in_a_thread(t, cases))


def _in_a_thread(t: Troth, cases: Sequence[Case]) -> list[Verdict]:
    answers: list[Verdict] = []
    thread = threading.Thread(target=lambda: answers.extend(t.decide(*case) for case in cases))
    thread.start()
    thread.join()
    return answers


def _no_policy(t: Troth, asked: Sequence[Case]) -> int:
    """Return the wrong answers of a deployment in which no policy was published."""
    cases = asked[:_SET_UPS]
    right = [(False, "", "no_policy", "")] * len(cases)
    return _compare("no policy", cases, right, (t.decide(*case) for case in cases))


def _postgresql(t: Troth, world: World, oracle: Oracle, *, rounds: int) -> int:
    """Show PostgreSQL beside: its rates are not held to a bar, its answers are."""
    asked = world.cases(LEAST_CASES)
    verdicts = [oracle.verdict(*case, world.now) for case in asked]
    wrong = _compare("PostgreSQL", asked, verdicts, (t.decide(*case) for case in asked))
    ours, bare = measure(
        [
            _over("troth.decide", asked, 20, _deciding(t.decide)),
            _over("bare SELECT", asked, 20, _selecting(t, "%s")),
        ],
        rounds=rounds,
    )
    _say_rates("PostgreSQL", ours, bare)
    return wrong


def _say_rates(where: str, ours: Series, bare: Series) -> None:
    print(
        f"  {where}: decide {ours.rate:,.0f} /s, bare SELECT {bare.rate:,.0f} /s: "
        f"{inverse(ours, bare)} of its rate"
    )
