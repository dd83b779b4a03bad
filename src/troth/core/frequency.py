"""How often a purpose may be used for one person (S-08): the limit that a policy may declare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from troth.core.errors import InputError
from troth.core.wording import duration_parts, duration_seconds


@dataclass(frozen=True, slots=True)
class Limit:
    """How often a purpose may be used for one person: ``times`` within any ``per_seconds``."""

    times: int
    per_seconds: int

    @classmethod
    def of(cls, times: int, per: str) -> Limit:
        """Return a limit as a policy would write it: ``at_most: {times: 3, per: PT1H}``.

        Raises:
            InputError: less than one time, or no ISO 8601 duration longer than nothing.
        """
        seconds = duration_seconds(per) if duration_parts(per) else 0
        if times < 1 or seconds < 1:
            raise InputError(f"a limit is at least once per duration, got {times} per {per!r}")
        return cls(times, seconds)

    def allows(self, looked_at: Sequence[int], now: int) -> bool:
        """Tell whether one more use now stays within the limit (S-08).

        Args:
            looked_at: when it was used before, in any order; later than ``now`` counts too, so
                that a clock set back opens nothing.
            now: microseconds since 1970.
        """
        since = self.since(now)
        return sum(at > since for at in looked_at) < self.times

    def since(self, now: int) -> int:
        """Return the time after which uses count."""
        return now - self.per_seconds * 1_000_000

    def is_within(self, other: Limit) -> bool:
        """Tell whether ``other`` allows every use that this limit allows."""
        # The most of these uses in one span of the other come in bursts, one at the begin of
        # each of ours: so many of ours begin in one of theirs.
        bursts = -(-other.per_seconds // self.per_seconds)
        return bursts * self.times <= other.times
