"""The lens on PostgreSQL: a point read against the same consent join by hand, and taking a lens.

By hand means: the owner's role, the tables themselves, and the condition that whoever is careful
writes into each query. Both sides run the same statements, bound, on the same driver.

The bars hold reads that are planned as they come, which is what a page sends. Statements that the
driver prepared, since a block sent them more than five times, are shown beside.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

import psycopg
from sqlalchemy import make_url

from benchmarks.bars import Bar
from benchmarks.deployments import postgresql
from benchmarks.timing import Contender, measure, ratio
from tests.servers import PostgresDatabase
from troth.core.lens import Lens, LensTable
from troth.core.policy import PurposeId
from troth.store.lens_postgresql import install
from troth.store.lens_postgresql_pool import LensPools, Scope, write_scope
from troth.store.migrate import migrate

READ_LIMIT = 1.15
TAKE_LIMIT = 200.0
_PURPOSE = "deliver_order"
_TURN = 40
"""Reads in one turn: a few milliseconds."""

_TABLE = LensTable(
    name="customer",
    key=("customer_id",),
    read=("customer_id", "person_id", "street"),
    insert=(),
    update=(),
    may_delete=False,
    hops=(),
    person="person_id",
)
_BY_LENS = "SELECT street FROM customer WHERE customer_id = %s"
_BY_HAND = (
    "SELECT t.street FROM troth_base.customer t WHERE t.customer_id = %s{} AND EXISTS (SELECT 1 "
    "FROM troth_permitted p WHERE p.pii_principal_id = t.person_id "
    "AND p.purpose_id = 'deliver_order')"
)
_OF_ONE = " AND t.person_id = %s"


def run_postgresql(*, quick: bool) -> Sequence[Bar]:
    """Measure, say what came out, and return the bars; none where there is no server program."""
    people, rounds, takes = (20_000, 15, 400) if quick else (100_000, 60, 3_000)
    with (
        postgresql() as server,
        tempfile.TemporaryDirectory(prefix="troth-bench-") as folder,
    ):
        if server is None:
            return []
        with server.fresh_database() as made, _world(made, Path(folder), people) as world:
            print(f"  PostgreSQL: {people:,} people, one row each")
            bars = [_read(world, one=one, prepared=False, rounds=rounds) for one in (True, False)]
            for one in (True, False):
                _read(world, one=one, prepared=True, rounds=rounds)
            return [*bars, _take(world, takes)]


@dataclass(frozen=True, slots=True)
class _World:
    pools: LensPools
    owner: psycopg.Connection[Any]
    app: psycopg.Connection[Any]
    people: int

    def record(self, scope: Scope) -> None:
        with self.app.transaction(), self.app.cursor() as cursor:
            write_scope(cursor, scope)


@contextlib.contextmanager
def _world(made: PostgresDatabase, folder: Path, people: int) -> Iterator[_World]:
    """Make a table of customers, nine of ten of whom agreed, and its lens."""
    app_role = make_url(made.app_url).username or ""
    migrate(made.owner_url, app_role=app_role)
    addresses = [url.replace("+psycopg", "") for url in (made.owner_url, made.app_url)]
    with (
        psycopg.connect(addresses[0], autocommit=True) as owner,
        psycopg.connect(addresses[1], autocommit=True) as app,
    ):
        owner.execute(
            "CREATE TABLE customer (customer_id text PRIMARY KEY, person_id text NOT NULL, "
            "phone text NOT NULL, street text NOT NULL);"
            "CREATE INDEX customer_person ON customer (person_id);"
            "INSERT INTO troth_purpose_rule VALUES ('deliver_order', 1, 0)"
        )
        owner.execute(
            "INSERT INTO customer SELECT 'c-' || n, 'p-' || n, '139' || n, 'Street ' || n "
            "FROM generate_series(1, %s) n",
            (people,),
        )
        owner.execute(
            "INSERT INTO troth_consent_state (pii_principal_id, purpose_id, event_state, "
            "notice_ordinal, event_id, person_flags, last_seq) SELECT 'p-' || n, 'deliver_order', "
            "CASE WHEN n %% 10 = 0 THEN 'consent_withdrawn' ELSE 'consent_given' END, 1, "
            "'e-' || n, 0, n FROM generate_series(1, %s) n",
            (people,),
        )
        lens = Lens((PurposeId(_PURPOSE),), (_TABLE,))
        install(made.owner_url, [lens], app_role=app_role, folder=folder)
        owner.execute("VACUUM ANALYZE")
        pools = LensPools(made.app_url, folder, block_seconds=3600)
        try:
            yield _World(pools, owner, app, people)
        finally:
            pools.close()


def _read(world: _World, *, one: bool, prepared: bool, rounds: int) -> Bar:
    """Return what a point read through the lens costs against the join by hand."""
    person = "p-7" if one else None
    threshold = 1 if prepared else None
    world.owner.prepare_threshold = threshold
    ids = ["c-7"] if one else [f"c-{n * 37 % world.people + 1}" for n in range(2_000)]
    with world.pools.use(_PURPOSE, people=person and (person,), record=world.record) as block:
        driver: Any = block.connection.connection.driver_connection
        driver.prepare_threshold = threshold
        by_lens, by_hand = block.dbapi.cursor(), world.owner.cursor()
        statement = _BY_HAND.format(_OF_ONE if one else "")
        others = ("p-7",) if one else ()

        def lens(key: str) -> Any:
            return by_lens.execute(_BY_LENS, (key,)).fetchall()

        def hand(key: str) -> Any:
            return by_hand.execute(statement.encode(), (key, *others)).fetchall()

        if [lens(key) for key in ids] != [hand(key) for key in ids]:
            raise AssertionError("the lens shows other rows than the join by hand")
        with world.owner.transaction():  # both sides within one transaction
            ours, limit = measure(
                [_reading("lens", lens, ids), _reading("by hand", hand, ids)], rounds=rounds
            )
        driver.prepare_threshold = 5
    name = f"{'one person' if one else 'all people'}, {'prepared' if prepared else 'planned'}"
    times = ratio(ours, limit)
    print(
        f"  {name}: lens {ours.seconds * 1e6:.0f} us, by hand {limit.seconds * 1e6:.0f} us: {times}"
    )
    return Bar(f"PostgreSQL point read ({name})", times.typical, READ_LIMIT, unit="x")


def _reading(name: str, read: Callable[[str], Any], ids: Sequence[str]) -> Contender:
    def one_turn(number: int) -> int:
        for n in range(_TURN):
            read(ids[(number * _TURN + n) % len(ids)])
        return _TURN

    return Contender(name, one_turn)


def _take(world: _World, takes: int) -> Bar:
    """Return how long a lens is being taken, apart from the write that records it."""
    taken, written, read, returned = [], [], [], []
    for _ in range(takes):
        writing: list[int] = []

        def record(scope: Scope, writing: list[int] = writing) -> None:
            writing.append(perf_counter_ns())
            world.record(scope)
            writing.append(perf_counter_ns())

        started = perf_counter_ns()
        with world.pools.use(_PURPOSE, people=("p-7",), record=record) as block:
            ready = perf_counter_ns()
            block.dbapi.execute(_BY_LENS, ("c-7",)).fetchall()
            done = perf_counter_ns()
        returned.append(perf_counter_ns() - done)
        read.append(done - ready)
        written.append(writing[1] - writing[0])
        taken.append(ready - started - written[-1])
    us = [median(times) / 1_000 for times in (taken, written, read, returned)]
    print(
        f"  taking a lens {us[0]:.0f} us, and {us[1]:.0f} us to write the scope durably by itself; "
        f"the first read {us[2]:.0f} us with its BEGIN, commit and clean return {us[3]:.0f} us"
    )
    return Bar("PostgreSQL taking a lens", us[0], TAKE_LIMIT, unit=" us", digits=0)
