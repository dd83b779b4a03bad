"""How often a purpose may be used: the limit a policy may declare, and what counts towards it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW, SECOND
from troth import InputError
from troth.core.frequency import Limit


@pytest.mark.promise("S-08")
def test_a_limit_counts_the_uses_within_its_time_and_no_others() -> None:
    limit = Limit.of(2, "PT1M")
    assert limit == Limit(2, 60)
    assert limit.allows([], NOW)
    assert limit.allows([NOW - 60 * SECOND, NOW - SECOND], NOW)
    assert not limit.allows([NOW - 59 * SECOND, NOW - SECOND], NOW)
    assert not limit.allows([NOW + SECOND, NOW + SECOND], NOW)  # a clock set back opens nothing


@pytest.mark.promise("S-08")
@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 5), st.integers(1, 60))
def test_whoever_asks_each_time_never_gets_more_than_the_limit_in_any_window(
    steps: list[int], times: int, seconds: int
) -> None:
    limit, now, used = Limit(times, seconds), NOW, list[int]()
    for step in steps:
        now += step * SECOND // 10
        if limit.allows(used, now):
            used.append(now)
    for start in used:
        within = [at for at in used if start <= at < start + seconds * SECOND]
        assert len(within) <= times


@pytest.mark.parametrize(
    ("times", "per"), [(0, "PT1H"), (1, "PT0S"), (1, "1h"), (1, ""), (-1, "P1D")]
)
def test_a_limit_that_limits_nothing_is_refused(times: int, per: str) -> None:
    with pytest.raises(InputError, match="at least once per duration"):
        Limit.of(times, per)


@pytest.mark.promise("S-08")
@given(*[st.integers(1, n) for n in (6, 12, 6, 12)])
def test_a_limit_is_within_another_only_if_no_run_of_uses_tells_them_apart(
    times: int, seconds: int, other_times: int, other_seconds: int
) -> None:
    """The greediest run that one limit allows is tried under the other."""
    ours, other = Limit(times, seconds), Limit(other_times, other_seconds)
    used: list[int] = []
    for step in range(3 * other_seconds + 1):
        now = NOW + step * SECOND
        while ours.allows(used, now):
            used.append(now)
    fits = all(other.allows(used[:i], at) for i, at in enumerate(used))
    assert ours.is_within(other) == fits


def test_limits_compare_by_the_most_they_allow() -> None:
    assert Limit.of(2, "PT1H").is_within(Limit.of(48, "P1D"))
    assert not Limit.of(48, "P1D").is_within(Limit.of(2, "PT1H"))
    assert Limit.of(1, "P1D").is_within(Limit.of(2, "PT1H"))
    assert Limit.of(2, "PT60M").is_within(Limit.of(2, "PT1H"))
