"""What the benchmarks compute, and that each runs to its last line. No test here asks for speed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.bars import Bar, last_line
from benchmarks.timing import Contender, Series, inverse, measure, ratio

ROOT = Path(__file__).parents[2]
_LAST_LINE = re.compile(r"(?P<name>[a-z_]+): .*\d.* \(limit .*\d.*\) (?P<verdict>ok|MISSED)")


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHMARKS)
def test_benchmark_ends_with_figure_limit_and_matching_exit_code(name: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", name, "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )

    line = _LAST_LINE.fullmatch(ended.stdout.rstrip("\n").rpartition("\n")[2])
    assert line is not None, ended.stdout[-2000:] + ended.stderr[-2000:]
    assert line["name"] == name
    assert ended.returncode == (0 if line["verdict"] == "ok" else 1)


def test_unknown_benchmark_is_refused_by_name() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "nothing"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "nothing" in ended.stderr
    assert "decide" in ended.stderr


# --- rounds and ratios --------------------------------------------------------------------------


def test_contenders_take_turns_forth_and_back() -> None:
    seen: list[str] = []

    def note(name: str) -> Contender:
        return Contender(name, lambda _: seen.append(name) or 1)

    measure([note("a"), note("b")], rounds=2, turns=1, warm_up=0)
    assert seen == ["a", "b", "b", "a"]


def test_warm_up_turns_are_run_and_not_counted() -> None:
    numbers: list[int] = []
    (series,) = measure(
        [Contender("a", lambda n: numbers.append(n) or 1)], rounds=2, turns=3, warm_up=4
    )
    assert numbers == list(range(10))
    assert len(series.rounds) == 2


def test_preparation_is_handed_to_the_turn_and_costs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0]
    monkeypatch.setattr("benchmarks.timing.perf_counter_ns", lambda: clock[0])

    def prepare(number: int) -> str:
        clock[0] += 1_000_000_000
        return f"work {number}"

    def run(work: str) -> int:
        assert work.startswith("work ")
        clock[0] += 6_000
        return 3

    (series,) = measure([Contender("a", run, prepare)], rounds=2, turns=1, warm_up=1)
    assert series.rounds == pytest.approx((2e-6, 2e-6))


def test_one_stopped_turn_does_not_change_its_round(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0]
    monkeypatch.setattr("benchmarks.timing.perf_counter_ns", lambda: clock[0])

    def run(number: int) -> int:
        clock[0] += 900_000 if number == 1 else 1_000
        return 1

    (series,) = measure([Contender("a", run)], rounds=2, turns=3, warm_up=0)
    assert series.rounds == pytest.approx((1e-6, 1e-6))


def test_ratio_is_taken_within_each_round() -> None:
    # The machine grows ten times as slow in the third round, for both.
    ours = Series("ours", (2.0, 2.0, 20.0))
    limit = Series("limit", (1.0, 1.0, 10.0))
    assert ratio(ours, limit).typical == 2.0
    assert (ratio(ours, limit).low, ratio(ours, limit).high) == (2.0, 2.0)
    assert inverse(ours, limit).typical == 0.5


def test_ratio_of_medians_is_told_beside_the_median_of_ratios() -> None:
    found = ratio(Series("ours", (1.0, 4.0, 9.0)), Series("limit", (2.0, 1.0, 3.0)))
    assert found.typical == 3.0
    assert found.of_medians == 2.0


def test_ratio_of_different_rounds_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratio(Series("ours", (1.0, 2.0)), Series("limit", (1.0,)))


def test_rate_is_operations_per_second_at_the_median() -> None:
    assert Series("a", (0.001, 0.002, 9.0)).rate == pytest.approx(500)


def test_a_single_round_is_no_median() -> None:
    with pytest.raises(ValueError, match="2 rounds"):
        measure([Contender("a", lambda _: 1)], rounds=1)


# --- bars ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figure", "at_least", "holds"),
    [(1.5, False, True), (1.51, False, False), (1.5, True, True), (1.49, True, False)],
)
def test_bar_holds_up_to_its_limit_and_no_further(
    figure: float, at_least: bool, holds: bool
) -> None:
    assert Bar("time", figure, 1.5, at_least=at_least).holds is holds


@pytest.mark.parametrize("at_least", [True, False])
def test_figure_that_is_no_number_never_holds(at_least: bool) -> None:
    assert not Bar("time", float("nan"), 1.5, at_least=at_least).holds


def test_last_line_names_figure_limit_and_verdict() -> None:
    kept = Bar("time", 1.2, 1.5, unit="x")
    assert last_line("writes", [kept]) == "writes: time 1.20x (limit <= 1.50x) ok"
    missed = Bar("wrong", 3, 0, digits=0)
    assert last_line("writes", [kept, missed]).endswith("(limit <= 1.50x, <= 0) MISSED")


def test_benchmark_without_a_bar_is_refused() -> None:
    with pytest.raises(ValueError, match="measured nothing"):
        last_line("writes", [])
