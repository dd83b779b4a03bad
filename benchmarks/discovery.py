"""How many personal columns discovery finds, and how many of its finds are right.

Six schemas that were not made for it stand in `benchmarks/discovery_cases`, with planted personal
data and with what only looks like it; what is right was written down before anything was measured
on them. Three were tuned on from the start. ``estate``, ``booking`` and ``courier`` were each held
out until the rest was tuned; `FIRST` keeps what came out of each before anything was tuned on it.
Those, and not today's, say what to expect of a schema never seen.

Two questions are asked of every column: is it personal by itself (a name, a number, an address),
and is it personal at all (so that an erasure or a copy must reach it, as with the amount of a
person's order)? Precision is the share of the finds that are right, recall the share of what is
there that was found.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.bars import Bar
from benchmarks.discovery_canaries import MAKERS
from troth.core.discovery import discover
from troth.core.discovery_kinds import TableGuess
from troth.store.samples import sample

CASES = Path(__file__).parent / "discovery_cases"
SCHEMAS = ("forum", "hospital", "mall", "estate", "booking", "courier")
FIRST = {
    "estate": "recall 88.9 % precision 95.2 %, recall 97.3 % precision 100.0 %",
    "booking": "recall 79.3 % precision 76.7 %, recall 100.0 % precision 84.5 %",
    "courier": "recall 75.6 % precision 93.9 %, recall 100.0 % precision 98.6 %",
}
"""What came out of each schema that was held out when it was first tried; tuned on only then."""

LEAST_RECALL = 96.0
LEAST_PRECISION = 95.0
SEED = 20260

Guesses = tuple[TableGuess, ...]

_COLUMN = re.compile(
    r"  (?P<name>\w+) (?P<type>\w+)(?P<key> pk)?"
    r"(?: (?P<arrow>->|~>) (?P<table>\w+)\.(?P<target>\w+))? = (?P<maker>\w+)"
)


@dataclass(frozen=True, slots=True)
class CaseColumn:
    name: str
    type: str
    key: bool
    declared: bool
    target: tuple[str, str] | None
    maker: str


@dataclass(frozen=True, slots=True)
class Truth:
    """What is right of one table: whose rows, and which columns are personal by themselves."""

    about: str
    kinds: Mapping[str, str]

    def personal(self, column: str) -> bool:
        return self.about == "person" or column in self.kinds

    def by_itself(self, column: str) -> bool:
        return self.kinds.get(column, "link") != "link"


@dataclass(slots=True)
class Score:
    """Finds that are right, finds that are wrong, and what was missed, by ``table.column``."""

    right: int = 0
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, name: str, *, found: bool, there: bool) -> None:
        if found and there:
            self.right += 1
        elif found:
            self.wrong.append(name)
        elif there:
            self.missed.append(name)

    def __add__(self, other: Score) -> Score:
        return Score(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def precision(self) -> float:
        return 100 * self.right / max(1, self.right + len(self.wrong))

    @property
    def recall(self) -> float:
        return 100 * self.right / max(1, self.right + len(self.missed))


def read_schema(name: str) -> dict[str, list[CaseColumn]]:
    """Return the tables of a case.

    Raises:
        ValueError: a line cannot be read.
    """
    tables: dict[str, list[CaseColumn]] = {}
    for line in (CASES / f"{name}.schema").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if not line.startswith(" "):
            tables[line.strip()] = []
            continue
        match = _COLUMN.fullmatch(line)
        if match is None:
            raise ValueError(f"{name}: {line!r}")
        target = (match["table"], match["target"]) if match["arrow"] else None
        tables[list(tables)[-1]].append(
            CaseColumn(
                match["name"],
                match["type"],
                match["key"] is not None,
                match["arrow"] == "->",
                target,
                match["maker"],
            )
        )
    return tables


def read_truth(name: str) -> dict[str, Truth]:
    """Return what is right of each table of a case."""
    truths: dict[str, Truth] = {}
    for line in (CASES / f"{name}.truth").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        table, about, kinds = (part.strip() for part in line.split("|"))
        pairs = [(column, kind) for column, _, kind in (p.partition(":") for p in kinds.split())]
        truths[table] = Truth(about, dict(pairs))
    return truths


def fill(name: str, file: Path, *, rows: int) -> None:
    """Make the database of a case, with values of a fixed seed."""
    tables = read_schema(name)
    random = Random(f"{SEED} {name}")
    keys = {
        (table, column.name): list(_keys(column, random, rows))
        for table, columns in tables.items()
        for column in columns
        if column.key
    }
    with sqlite3.connect(file) as connection:
        for table, columns in tables.items():
            connection.execute(f"CREATE TABLE {table} ({', '.join(map(_ddl, columns))})")
            for number in range(rows):
                row = [
                    keys[table, column.name][number] if column.key else _value(column, keys, random)
                    for column in columns
                ]
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)
    connection.close()


def _ddl(column: CaseColumn) -> str:
    text = f'"{column.name}" {column.type}'
    if column.key:
        text += " PRIMARY KEY"
    if column.declared and column.target is not None:
        text += f' REFERENCES {column.target[0]}("{column.target[1]}")'
    return text


def _keys(column: CaseColumn, random: Random, rows: int) -> Iterator[str]:
    """Yield keys that differ; a maker with few values gets a number behind them."""
    seen: set[str] = set()
    for number in range(rows):
        if column.maker == "serial":
            yield str(number + 1)
            continue
        value = MAKERS[column.maker](random) or "x"
        tries = 0
        while value in seen:
            tries += 1
            value = f"{MAKERS[column.maker](random)}{number if tries > 50 else ''}"
        seen.add(value)
        yield value


def _value(
    column: CaseColumn, keys: Mapping[tuple[str, str], Sequence[str]], random: Random
) -> str | None:
    if column.target is None:
        return MAKERS[column.maker](random)
    if column.maker == "ref_sparse" and random.random() < 0.7:
        return None
    return random.choice(keys[column.target])


def judge(name: str, guesses: Guesses) -> tuple[Score, Score, int, list[str]]:
    """Compare with the truth: by itself, personal at all, tables of the right kind, kinds off."""
    truths = read_truth(name)
    by_itself, at_all, tables_right = Score(), Score(), 0
    off: list[str] = []
    for guess in guesses:
        truth = truths[guess.name]
        tables_right += (guess.about == "person") == (truth.about == "person")
        for column, found in guess.columns.items():
            full = f"{name}: {guess.name}.{column}"
            kind = found.kind.value if found.kind is not None else ""
            there = truth.by_itself(column)
            by_itself.add(
                f"{full} ({kind or truth.kinds.get(column)})", found=bool(kind), there=there
            )
            at_all.add(full, found=found.personal, there=truth.personal(column))
            if kind and there and kind != truth.kinds[column]:
                off.append(f"{full}: {kind}, not {truth.kinds[column]}")
    return by_itself, at_all, tables_right, off


def measure(name: str, *, rows: int) -> tuple[Score, Score, int, list[str], int]:
    """Fill, sample and guess one case; the last number is that of its tables."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.db"
        fill(name, file, rows=rows)
        guesses = discover(sample(f"sqlite:///{file}"))
    return (*judge(name, guesses), len(guesses))


def run(*, quick: bool) -> Sequence[Bar]:
    """Measure every case and print what was wrong or missed by name."""
    rows = 60 if quick else 400
    totals = [Score(), Score()]
    print(f"  {'schema':<10}{'tables':>7}{'personal by itself':>36}{'personal at all':>36}")
    wrong: list[str] = []
    for name in SCHEMAS:
        by_itself, at_all, right, off, tables = measure(name, rows=rows)
        totals = [totals[0] + by_itself, totals[1] + at_all]
        print(f"  {name:<10}{right:>4}/{tables:<3}{_figures(by_itself):>36}{_figures(at_all):>36}")
        wrong += [f"wrong: {text}" for text in by_itself.wrong + at_all.wrong]
        wrong += [f"missed: {text}" for text in by_itself.missed + at_all.missed]
        wrong += [f"other kind: {text}" for text in off]
    for name, figures in FIRST.items():
        print(f"  {name}, held out, gave when first tried: {figures}")
    for text in wrong:
        print(f"    {text}")
    one, other = totals
    return [
        Bar("recall by itself", one.recall, LEAST_RECALL, at_least=True, unit=" %", digits=1),
        Bar(
            "precision by itself",
            one.precision,
            LEAST_PRECISION,
            at_least=True,
            unit=" %",
            digits=1,
        ),
        Bar("recall at all", other.recall, LEAST_RECALL, at_least=True, unit=" %", digits=1),
        Bar(
            "precision at all", other.precision, LEAST_PRECISION, at_least=True, unit=" %", digits=1
        ),
    ]


def _figures(score: Score) -> str:
    return f"recall {score.recall:.1f} % precision {score.precision:.1f} %"
