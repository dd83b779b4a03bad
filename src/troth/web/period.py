"""The stretches of time that a list can be narrowed to."""

from __future__ import annotations

from enum import StrEnum

from troth.core.errors import InputError

_DAY = 86_400 * 1_000_000


class Period(StrEnum):
    """A stretch of time that ends now; the values stand in addresses."""

    WEEK = "7d"
    MONTH = "30d"
    YEAR = "1y"
    ALL = ""


_DAYS = {Period.WEEK: 7, Period.MONTH: 30, Period.YEAR: 365}


def read_period(typed: str) -> Period:
    """Return the period that an address names.

    Raises:
        InputError: no list offers it.
    """
    try:
        return Period(typed)
    except ValueError:
        raise InputError("the period is 7d, 30d, 1y or left out") from None


def since(period: Period, now: int) -> int | None:
    """Return the beginning of a period (µs), or None for all time."""
    days = _DAYS.get(period)
    return None if days is None else max(now - days * _DAY, 0)
