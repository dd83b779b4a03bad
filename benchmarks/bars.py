"""What must hold, and the last line that says whether it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure and its limit.

    Args:
        what: what was measured, in a few words.
        figure: what came out.
        limit: what it is held against.
        at_least: whether the figure must reach the limit; else it must not pass it.
        unit: stands behind both numbers, such as ``x`` or `` ms``.
        digits: behind the point.
    """

    what: str
    figure: float
    limit: float
    at_least: bool = False
    unit: str = ""
    digits: int = 2

    @property
    def holds(self) -> bool:
        """Tell whether the figure keeps the limit; one that is no number never does."""
        if self.at_least:
            return self.figure >= self.limit
        return self.figure <= self.limit

    @property
    def shown_figure(self) -> str:
        """Return the figure with its unit."""
        return f"{self.figure:.{self.digits}f}{self.unit}"

    @property
    def shown_limit(self) -> str:
        """Return the limit with its unit and on which side of it the figure must lie."""
        return f"{'>=' if self.at_least else '<='} {self.limit:.{self.digits}f}{self.unit}"


def last_line(name: str, bars: Sequence[Bar]) -> str:
    """Return ``NAME: figures (limit …) ok``, or MISSED with what was missed.

    Raises:
        ValueError: there is no bar, so nothing was shown.
    """
    if not bars:
        raise ValueError(f"{name} measured nothing")
    figures = ", ".join(f"{bar.what} {bar.shown_figure}" for bar in bars)
    limits = ", ".join(bar.shown_limit for bar in bars)
    missed = [bar.what for bar in bars if not bar.holds]
    return f"{name}: {figures} (limit {limits}) {'MISSED' if missed else 'ok'}"
