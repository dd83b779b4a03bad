"""What is collected: the list the policy declares, and the list of what really was (L-04, S-19).

Both lists count by purpose and category. The declared one is made from the policy alone; the
observed one from looks and from counted uses of permissions. Whatever was observed and is not
declared is a fault of ours, found by `undeclared`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from troth.core.policy import ClauseId, Necessity, Policy, PurposeId


class Origin(StrEnum):
    """What recorded the use."""

    LENS = "lens"
    PERMISSION = "permission"
    """A device permission, counted as a whole: it is known how often and when last."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One line of the declared list: a category that a purpose uses, and on what terms."""

    purpose: PurposeId
    category: str
    necessity: Necessity
    clause: ClauseId
    retention: str
    recipients: tuple[str, ...]
    sensitive: bool


@dataclass(frozen=True, slots=True)
class UseCount:
    """How often one set of categories was used for one purpose; times in microseconds."""

    purpose: str
    categories: tuple[str, ...]
    policy_ordinal: int
    times: int
    times_writing: int
    last_at: int


@dataclass(frozen=True, slots=True)
class Collected:
    """One line of *mine*: how often a category was used for a purpose, and when last (µs)."""

    purpose: str
    category: str
    times: int
    times_writing: int
    last_at: int
    origin: Origin


def declared(policy: Policy) -> tuple[Declared, ...]:
    """Return the declared list, in the order of the policy."""
    return tuple(
        Declared(
            purpose=purpose.id,
            category=name,
            necessity=necessity,
            clause=purpose.clause,
            retention=policy.categories[name].retention,
            recipients=tuple(
                recipient
                for recipient in purpose.recipients
                if name in policy.recipients[recipient].fields
            ),
            sensitive=policy.categories[name].sensitive,
        )
        for purpose in policy.purposes.values()
        for name, necessity in purpose.categories.items()
    )


def collected(
    counts: Iterable[UseCount],
    permissions: Mapping[str, tuple[int, int]],
    policy: Policy,
) -> tuple[Collected, ...]:
    """Return the observed list of one person, sorted by purpose and category.

    Args:
        counts: of looks that were not refused.
        permissions: {purpose: (how often, when last)} of counted permissions; empty where a
            period is asked for, because these are counted over all time.
        policy: tells which categories a permission uses.
    """
    lines: dict[tuple[str, str, Origin], Collected] = {}
    for count in counts:
        for category in count.categories:
            key = (count.purpose, category, Origin.LENS)
            before = lines.get(key, Collected(*key[:2], 0, 0, 0, Origin.LENS))
            lines[key] = Collected(
                count.purpose,
                category,
                before.times + count.times,
                before.times_writing + count.times_writing,
                max(before.last_at, count.last_at),
                Origin.LENS,
            )
    for purpose, (times, last_at) in permissions.items():
        known = policy.purposes.get(PurposeId(purpose))
        for category in known.categories if known is not None else ():
            line = Collected(purpose, category, times, 0, last_at, Origin.PERMISSION)
            lines[purpose, category, Origin.PERMISSION] = line
    return tuple(lines[key] for key in sorted(lines))


def undeclared(
    counts: Iterable[UseCount], policy_at: Callable[[int], Policy]
) -> tuple[tuple[str, str], ...]:
    """Return what was observed and not declared, as (purpose, category); empty is as it must be.

    Args:
        counts: of looks that were not refused, of anybody.
        policy_at: returns the version with an ordinal; each use is held against its own.
    """
    found: set[tuple[str, str]] = set()
    for count in counts:
        purpose = policy_at(count.policy_ordinal).purposes.get(PurposeId(count.purpose))
        known = set(purpose.categories) if purpose is not None else set()
        found |= {
            (count.purpose, category) for category in count.categories if category not in known
        }
    return tuple(sorted(found))
