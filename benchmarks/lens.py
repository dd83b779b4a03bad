"""What a lens costs: taking one, and a point read through it. The SQLite half, and both together.

The point read is compared with the same consent join written by hand, on the driver's own
connection and through SQLAlchemy: the rule of `troth_permitted`, joined in the statement.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, create_engine, text

from benchmarks.bars import Bar
from benchmarks.lens_postgresql import run_postgresql
from troth.core.lens import Hop, Lens, LensTable
from troth.core.policy import PurposeId
from troth.store.db import Database
from troth.store.lens_sqlite import SqliteLenses
from troth.store.lens_sqlite_tables import install
from troth.store.migrate import migrate
from troth.store.permitted import permitted_select

PURPOSE = "deliver_order"
TOGETHER = ("deliver_order", "place_order", "take_payment")
READ_LIMIT = 1.15
TAKE_LIMIT = 200.0
"""Microseconds."""

_LENS = Lens(
    (PurposeId(PURPOSE),),
    (
        LensTable("customer", ("id",), ("id", "phone"), (), (), False, (), "pii_principal_id"),
        LensTable(
            "orders",
            ("id",),
            ("id", "customer_id", "note"),
            (),
            ("note",),
            False,
            (Hop("customer_id", "customer", "id"),),
            "pii_principal_id",
        ),
    ),
)
_JOINT = Lens(tuple(PurposeId(purpose) for purpose in TOGETHER), _LENS.tables)
_TABLES = """
CREATE TABLE customer (id TEXT PRIMARY KEY, pii_principal_id TEXT, phone TEXT, born TEXT);
CREATE INDEX customer_person ON customer (pii_principal_id);
CREATE TABLE orders (id TEXT PRIMARY KEY, customer_id TEXT REFERENCES customer (id), note TEXT);
CREATE INDEX orders_customer ON orders (customer_id);
"""


@dataclass(frozen=True, slots=True)
class LensCost:
    """Medians of one run.

    Args:
        read_of_all: a point read through a lens on all people, against the same by hand.
        read_of_one: the same where the person is given, against the same by hand.
        core_of_all: as ``read_of_all``, both through SQLAlchemy.
        core_of_one: as ``read_of_one``, both through SQLAlchemy.
        joint_of_all: as ``core_of_all``, of a lens of three purposes against the same by hand.
        joint_of_one: as ``core_of_one``, of that lens.
        bare: a point read through a lens on all people, against one without any consent.
        take_microseconds: taking a clean connection for a person, ready for its first statement.
        take_joint_microseconds: the same of the lens of three purposes.
        block_microseconds: a whole block with one read in it.
        renew_microseconds: making a used connection clean, in the background.
    """

    read_of_all: float
    read_of_one: float
    core_of_all: float
    core_of_one: float
    joint_of_all: float
    joint_of_one: float
    bare: float
    take_microseconds: float
    take_joint_microseconds: float
    block_microseconds: float
    renew_microseconds: float

    def say(self) -> None:
        """Print what has no bar."""
        print(
            f"  SQLite, our DB-API connection, which judges each statement in Python, against the "
            f"bare driver: {self.read_of_all:.2f}x for all, {self.read_of_one:.2f}x for one person;"
            f" against no consent at all {self.bare:.2f}x"
        )
        print(
            f"  a block with one read {self.block_microseconds:.0f} us, renewing its connection "
            f"afterwards, in the background, {self.renew_microseconds:.0f} us"
        )

    def bars(self) -> Sequence[Bar]:
        """Return what must hold: reads as `Troth.use` gives them, on SQLAlchemy's connection."""
        return (
            Bar("SQLite read for all", self.core_of_all, READ_LIMIT, unit="x"),
            Bar("SQLite read for one person", self.core_of_one, READ_LIMIT, unit="x"),
            Bar("SQLite joint read for all", self.joint_of_all, READ_LIMIT, unit="x"),
            Bar(
                "SQLite joint read for one person",
                self.joint_of_one,
                READ_LIMIT,
                unit="x",
            ),
            Bar("SQLite taking a lens", self.take_microseconds, TAKE_LIMIT, unit=" us", digits=0),
            Bar(
                "SQLite taking a joint lens",
                self.take_joint_microseconds,
                TAKE_LIMIT,
                unit=" us",
                digits=0,
            ),
        )


def run(*, quick: bool) -> Sequence[Bar]:
    """Measure both databases and return the bars."""
    cost = measure(rounds=7) if quick else measure(people=100_000, rounds=25)
    cost.say()
    return [*cost.bars(), *run_postgresql(quick=quick)]


@contextmanager
def _shop(people: int) -> Iterator[tuple[Path, Database]]:
    """Make a file with so many customers and orders, who all permit every purpose."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "troth.db"
        url = f"sqlite:///{file}"
        migrate(url)
        with closing(sqlite3.connect(file)) as plain:
            plain.executescript(_TABLES)
            plain.executemany(
                "INSERT INTO customer VALUES (?, ?, ?, 'x')",
                ((f"c{n}", f"p{n}", f"139{n:08}") for n in range(people)),
            )
            plain.executemany(
                "INSERT INTO orders VALUES (?, ?, 'note')",
                ((f"o{n}", f"c{n}") for n in range(people)),
            )
            # The rule and the states as a publication and the answers would have made them.
            for purpose in TOGETHER:
                plain.execute("INSERT INTO troth_purpose_rule VALUES (?, 0, 0)", (purpose,))
            plain.executemany(
                "INSERT INTO troth_consent_state VALUES (?, ?, 'act_recorded', NULL, 1, ?, 0, ?)",
                (
                    (f"p{n}", purpose, f"e{n}{purpose}", n)
                    for n in range(people)
                    for purpose in TOGETHER
                ),
            )
            plain.commit()
        install(url, ("customer", "orders"))
        database = Database(url)
        try:
            yield file, database
        finally:
            database.close()


def _ratio(
    ours: Callable[[int], object], theirs: Callable[[int], object], *, rounds: int, size: int
) -> float:
    """Return the median over rounds of how much longer ``ours`` takes, run turn by turn."""
    ratios = []
    for turn in range(rounds + 2):
        seconds = []
        for work in (ours, theirs) if turn % 2 else (theirs, ours):
            start = time.perf_counter()
            for n in range(size):
                work(n)
            seconds.append(time.perf_counter() - start)
        mine, other = seconds if turn % 2 else reversed(seconds)
        if turn > 1:  # the first two are for warming
            ratios.append(mine / other)
    return statistics.median(ratios)


_THROUGH_LENS = "SELECT id, phone FROM customer WHERE id = ?"
_BARE = "SELECT c.id, c.phone FROM customer__rows c WHERE c.id = ?"


def _by_hand(purposes: Sequence[str], *, of_one: bool) -> str:
    """Return the point read that a careful programmer writes: everybody's, or of one person."""
    rules = (f"{permitted_select('sqlite')} AND s.purpose_id = '{purpose}'" for purpose in purposes)
    asks = (f"EXISTS ({rule} AND s.pii_principal_id = c.pii_principal_id)" for rule in rules)
    mine = "c.pii_principal_id = ? AND " if of_one else ""
    return (
        f"SELECT c.id, c.phone FROM customer__rows c WHERE {mine}c.id = ? AND {' AND '.join(asks)}"
    )


@dataclass(frozen=True, slots=True)
class _Reads:
    """Point reads of one database, through lenses and by hand."""

    lenses: SqliteLenses
    plain: sqlite3.Connection
    core: Connection
    people: int
    rounds: int
    size: int

    def compared(self, lens: Lens, by_hand: str, *, of_one: bool) -> tuple[float, float]:
        """Return what a lens costs against SQL by hand: on the driver, and on SQLAlchemy."""

        def key(n: int) -> str:
            return "c7" if of_one else f"c{n * 7 % self.people}"

        def given(n: int) -> tuple[str, ...]:
            return ("p7", "c7") if by_hand.count("?") == 2 else (key(n),)

        with self.lenses.use(lens.name, people=["p7"] if of_one else None) as block:
            driver = _ratio(
                lambda n: block.dbapi.execute(_THROUGH_LENS, (key(n),)).fetchall(),
                lambda n: self.plain.execute(by_hand, given(n)).fetchall(),
                rounds=self.rounds,
                size=self.size,
            )
            through_core = _ratio(
                lambda n: _core(block.connection, _THROUGH_LENS, (key(n),)),
                lambda n: _core(self.core, by_hand, given(n)),
                rounds=self.rounds,
                size=self.size // 4,
            )
        return driver, through_core


def measure(*, people: int = 20_000, rounds: int = 15, size: int = 2_000) -> LensCost:
    """Measure on a fresh file; with the defaults about ten seconds."""
    of_all, of_one = (_by_hand((PURPOSE,), of_one=of_one) for of_one in (False, True))
    joint_of_all, joint_of_one = (_by_hand(TOGETHER, of_one=of_one) for of_one in (False, True))
    with _shop(people) as (file, database):
        lenses = SqliteLenses(
            database, {lens.name: lens for lens in (_LENS, _JOINT)}, block_seconds=120
        )
        engine = create_engine(f"sqlite:///{file}")
        with (
            closing(sqlite3.connect(file, isolation_level=None)) as plain,
            engine.connect() as core,
        ):
            plain.execute("BEGIN")
            reads = _Reads(lenses, plain, core, people, rounds, size)
            read_of_all, core_of_all = reads.compared(_LENS, of_all, of_one=False)
            read_of_one, core_of_one = reads.compared(_LENS, of_one, of_one=True)
            _, core_joint_of_all = reads.compared(_JOINT, joint_of_all, of_one=False)
            _, core_joint_of_one = reads.compared(_JOINT, joint_of_one, of_one=True)
            against_bare, _ = reads.compared(_LENS, _BARE, of_one=False)
        take, block, renew = _takes(lenses, _LENS, rounds * 40)
        take_joint, _, _ = _takes(lenses, _JOINT, rounds * 40)
        lenses.close()
        engine.dispose()
    return LensCost(
        read_of_all=read_of_all,
        read_of_one=read_of_one,
        core_of_all=core_of_all,
        core_of_one=core_of_one,
        joint_of_all=core_joint_of_all,
        joint_of_one=core_joint_of_one,
        bare=against_bare,
        take_microseconds=take,
        take_joint_microseconds=take_joint,
        block_microseconds=block,
        renew_microseconds=renew,
    )


def _core(connection: Connection, sql: str, given: tuple[str, ...]) -> object:
    return connection.exec_driver_sql(sql, given).fetchall()


def _takes(lenses: SqliteLenses, lens: Lens, times: int) -> tuple[float, float, float]:
    takes, blocks, renewals = [], [], []
    sql = text(_THROUGH_LENS.replace("?", ":id"))
    for _ in range(times):
        lenses.settle()
        start = time.perf_counter()
        with lenses.use(lens.name, people=["p7"]) as block:
            taken = time.perf_counter()
            block.connection.execute(sql, {"id": "c7"}).fetchall()
        ended = time.perf_counter()
        lenses.settle()
        renewals.append(time.perf_counter() - ended)
        takes.append(taken - start)
        blocks.append(ended - start)
    return tuple(statistics.median(each) * 1e6 for each in (takes, blocks, renewals))  # type: ignore[return-value]
