"""Rounds in which all take turns, their medians, and the ratio of two of them.

A machine that is busy with other work stops whoever runs for a moment, and is slower in one minute
than in the next. So the contenders take short turns, one after the other and then back again; a
round is a few turns of each and counts with the median of its turns, so that a stop in one of them
does not matter; a ratio is taken within a round, where both met the same machine; and the figure is
the median of the ratios.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter_ns
from typing import Any


def _as_it_is(number: int) -> Any:
    return number


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do the work.

    Args:
        name: how it is called in the output.
        run: does the work of one turn and returns how many operations it did, at least 1. It is
            handed what ``prepare`` made.
        prepare: makes what a turn works on, before the clock starts; it is handed the number of
            the turn, from 0, and by default hands that on. No number comes twice.
    """

    name: str
    run: Callable[[Any], int]
    prepare: Callable[[int], Any] = _as_it_is


@dataclass(frozen=True, slots=True)
class Series:
    """What one contender needed: seconds per operation, one figure per round."""

    name: str
    rounds: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """Return the median of the rounds, in seconds per operation."""
        return median(self.rounds)

    @property
    def rate(self) -> float:
        """Return operations per second at the median."""
        return 1 / self.seconds


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as long one contender needed as another.

    Args:
        typical: median of the ratios within each round; this is the figure that counts.
        of_medians: ratio of the two medians, to compare with it.
        low: first quartile of the ratios within each round.
        high: third quartile.
    """

    typical: float
    of_medians: float
    low: float
    high: float

    def __str__(self) -> str:
        return (
            f"{self.typical:.2f} (of medians {self.of_medians:.2f}, "
            f"half of the rounds {self.low:.2f} to {self.high:.2f})"
        )


def measure(
    contenders: Sequence[Contender], *, rounds: int, turns: int = 9, warm_up: int = 3
) -> list[Series]:
    """Let all contenders take turns and return their times in the same order.

    Args:
        contenders: who takes part.
        rounds: how many rounds count, at least 2.
        turns: how many turns each has in a round; an odd number has a turn as its median.
        warm_up: how many turns of each come before and do not count.
    """
    if rounds < 2 or turns < 1:
        raise ValueError(f"2 rounds of 1 turn at least, got {rounds} of {turns}")
    times: list[list[float]] = [[] for _ in contenders]
    gc.collect()
    gc.disable()
    try:
        for number in range(warm_up + rounds * turns):
            order = range(len(contenders))
            # Forth and back: what a neighbour leaves in the caches falls on both alike.
            for index in order if number % 2 == 0 else reversed(order):
                times[index].append(_one_turn(contenders[index], number))
    finally:
        gc.enable()
    return [
        Series(contender.name, _by_round(taken[warm_up:], turns))
        for contender, taken in zip(contenders, times, strict=True)
    ]


def _one_turn(contender: Contender, number: int) -> float:
    run, work = contender.run, contender.prepare(number)
    started = perf_counter_ns()
    operations = run(work)
    return (perf_counter_ns() - started) / operations / 1e9


def _by_round(taken: Sequence[float], turns: int) -> tuple[float, ...]:
    return tuple(median(taken[i : i + turns]) for i in range(0, len(taken), turns))


def ratio(of: Series, to: Series) -> Ratio:
    """Return how many times as long ``of`` needed as ``to``.

    Raises:
        ValueError: the two did not run the same rounds.
    """
    each = [a / b for a, b in zip(of.rounds, to.rounds, strict=True)]
    low, _, high = quantiles(each, n=4, method="inclusive")
    return Ratio(typical=median(each), of_medians=of.seconds / to.seconds, low=low, high=high)


def inverse(of: Series, to: Series) -> Ratio:
    """Return how many times the rate of ``to`` ``of`` has: the other way round than `ratio`."""
    return ratio(to, of)
