"""The cases of the discovery benchmark agree with themselves, and its scores count as they say."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import discovery as cases
from benchmarks.discovery_canaries import MAKERS
from troth.core.discovery import discover
from troth.core.discovery_kinds import About, Kind
from troth.store.samples import sample

KINDS = {kind.value for kind in Kind} | {"link"}


@pytest.mark.parametrize("name", cases.SCHEMAS)
def test_truth_speaks_of_every_table_and_of_no_column_that_is_not_there(name: str) -> None:
    tables = cases.read_schema(name)
    truths = cases.read_truth(name)
    assert set(tables) == set(truths)
    for table, columns in tables.items():
        assert set(truths[table].kinds) <= {column.name for column in columns}
        assert set(truths[table].kinds.values()) <= KINDS
        assert truths[table].about in set(About)
        for column in columns:
            assert column.maker in MAKERS or column.maker in ("ref", "ref_sparse")


def test_cases_are_as_large_as_they_claim() -> None:
    tables = [columns for name in cases.SCHEMAS for columns in cases.read_schema(name).values()]
    assert len(tables) >= 80
    assert sum(map(len, tables)) >= 500


def test_same_seed_makes_the_same_database(tmp_path: Path) -> None:
    dumps = []
    for number in range(2):
        file = tmp_path / f"{number}.db"
        cases.fill("estate", file, rows=5)
        with sqlite3.connect(file) as connection:
            dumps.append(list(connection.iterdump()))
    assert dumps[0] == dumps[1]


@pytest.fixture(scope="module")
def guesses(tmp_path_factory: pytest.TempPathFactory) -> cases.Guesses:
    file = tmp_path_factory.mktemp("case") / "mall.db"
    cases.fill("mall", file, rows=60)
    return discover(sample(f"sqlite:///{file}"))


def test_finding_everything_costs_precision_and_nothing_costs_recall(
    guesses: cases.Guesses,
) -> None:
    def all_columns(kind: Kind | None) -> cases.Guesses:
        return tuple(
            replace(
                guess,
                columns={
                    name: replace(column, kind=kind, personal=kind is not None)
                    for name, column in guess.columns.items()
                },
            )
            for guess in guesses
        )

    by_itself, at_all, _, _ = cases.judge("mall", all_columns(Kind.EMAIL))
    assert (by_itself.recall, at_all.recall) == (100, 100)
    assert by_itself.precision < 50
    assert at_all.precision < 75
    by_itself, at_all, _, _ = cases.judge("mall", all_columns(None))
    assert (by_itself.recall, at_all.recall) == (0, 0)


def test_one_miss_and_one_wrong_find_are_named(guesses: cases.Guesses) -> None:
    changed = tuple(
        replace(
            guess,
            columns={
                **guess.columns,
                **(
                    {"sj": replace(guess.columns["sj"], kind=None)}
                    if guess.name == "admin_user"
                    else {"sort": replace(guess.columns["sort"], kind=Kind.PHONE)}
                    if guess.name == "sys_dict"
                    else {}
                ),
            },
        )
        for guess in guesses
    )
    score = cases.judge("mall", changed)[0]
    assert score.missed == ["mall: admin_user.sj (phone)"]
    assert score.wrong == ["mall: sys_dict.sort (phone)"]


def test_bars_hold_on_every_case_together(capsys: pytest.CaptureFixture[str]) -> None:
    bars = cases.run(quick=True)
    assert [bar.what for bar in bars if not bar.holds] == []
    printed = capsys.readouterr().out
    for name in cases.FIRST:
        assert f"{name}, held out, gave when first tried" in printed
