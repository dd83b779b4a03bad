"""A look is one recorded use of personal data: what it says, who may take it, what is shown.

A look holds random ids, names of the policy and codes, never personal data: people appear by
their random id, staff by theirs, and what was seen by its category. The person it is about reads
the role that looked, not who in that role.

Rules decided here, in this order, before a lens is opened (`judge`):

1. a purpose that the policy knows, and none but its own categories;
2. staff look only through a role that the policy lets see these categories for this purpose, and
   for a case (S-57); break-glass passes the role and the case, needs a reason, and is told;
3. a purpose with a limit is not used more often than it (`core.frequency`, S-08); `store` counts,
   since two callers must not both be the last one allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from troth.core.errors import InputError
from troth.core.policy import ClauseId, Policy, PurposeId, Words, frozen

_PERSON = re.compile(r"[0-9a-f]{32}")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,63}")
_DIGITS = re.compile(r"\d(?:[\s\-]?\d){5,}")
_LOOK = re.compile(r"[0-9a-f\-]{1,64}")
_PLACE = re.compile(r"[0-9]{1,18}\.[0-9a-f\-]{1,64}")
_LEAST_REASON, _MOST_REASON = 8, 300

MOST_PEOPLE = 10_000
"""So many people one look may name: others wait while they are stored, about 50 ms."""


class Outcome(StrEnum):
    """What came of it; `WRITE` means that the use was opened to write."""

    READ = "read"
    WRITE = "write"
    REFUSED = "refused"


class Ending(StrEnum):
    """How the block of a use ended; a look without an end is one whose process died in it."""

    DONE = "done"
    UNDONE = "undone"
    """Rolled back: what was read was read all the same."""


class Refusal(StrEnum):
    """Why a use was refused besides the reasons of a decision (`core.access.Reason`)."""

    UNKNOWN_PURPOSE = "unknown_purpose"
    OTHER_CATEGORY = "category_of_another_purpose"
    UNKNOWN_ROLE = "unknown_role"
    NOT_FOR_ROLE = "not_for_this_role"
    NO_CASE = "no_case"
    TOO_OFTEN = "too_often"
    ASSESSMENT_DUE = "assessment_due"
    OTHER_REGION = "other_region"


class ReportReason(StrEnum):
    """What a person doubts about a look; words go to the complaints desk, which can forget."""

    UNEXPECTED = "unexpected"
    NOT_NEEDED = "not_needed"
    TOO_OFTEN = "too_often"
    OTHER = "other"


SELF = "self"
"""The role of the person looking at their own data."""

SYSTEM = "system"
"""The role of a program that runs without anybody in front of it."""

ROLE_TITLES: Mapping[str, Words] = frozen(
    {
        SELF: frozen({"zh-CN": "你自己", "en": "You"}),
        SYSTEM: frozen({"zh-CN": "系统自动处理", "en": "Automatic processing"}),
    }
)
"""Roles that no policy declares, in words for people."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who looks: a random id, and a role of the policy, `SELF` or `SYSTEM`."""

    id: str
    role: str

    @property
    def is_staff(self) -> bool:
        """Tell whether somebody else than the person or a program looks."""
        return self.role not in (SELF, SYSTEM)


@dataclass(frozen=True, slots=True)
class Use:
    """What somebody is about to do; a look is made of it.

    Args:
        purpose: id of the purpose.
        actor: who does it.
        people: the random ids of whom it is about, each once; one for a use of one person, the
            whole set for a batch, none only where a use was refused before anybody was named.
        categories: what the lens will show; empty for all of the purpose's.
        case: id of the case, order or queue that staff work on; empty for others.
        writes: whether it was opened to change rows.
        break_glass: why staff must look although role or case do not allow it; empty if they need
            not. Words about the emergency, never about a person.
    """

    purpose: str
    actor: Actor
    people: tuple[str, ...]
    categories: tuple[str, ...] = ()
    case: str = ""
    writes: bool = False
    break_glass: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One recorded use; times in microseconds since 1970.

    Args:
        people: as in `Use`; empty where a stored look is read for one person.
        people_count: how many people it is about.
        policy_ordinal: the version of the policy that it was taken under.
        reason: why it was refused; empty otherwise.
    """

    look_id: str
    looked_at: int
    actor_id: str
    actor_role: str
    purpose_id: str
    people: tuple[str, ...]
    people_count: int
    categories: tuple[str, ...]
    clause: ClauseId
    policy_ordinal: int
    case_id: str
    outcome: Outcome
    reason: str
    break_glass: bool

    @property
    def refused(self) -> bool:
        """Tell whether nothing may be shown."""
        return self.outcome is Outcome.REFUSED


def is_person(person: str) -> bool:
    """Tell whether this has the shape of a person's random id."""
    return _PERSON.fullmatch(person) is not None


def is_look(look_id: str) -> bool:
    """Tell whether this has the shape of a look's id."""
    return _LOOK.fullmatch(look_id) is not None


def check_use(use: Use) -> None:
    """Refuse a use that cannot be recorded as it is; what it holds must be ids and codes.

    Raises:
        InputError: an id of a person, actor or case is malformed, somebody is named twice or too
            many are, or the reason for break-glass is too short, too long or names somebody.
    """
    if not all(
        map(is_person, use.people)
    ):  # never repeated here: it may be a name or a number that somebody typed
        raise InputError("a person is named by 32 hex digits, as add_person made them")
    if len(set(use.people)) != len(use.people):
        raise InputError("a look names each person once")
    if len(use.people) > MOST_PEOPLE:
        raise InputError(f"a look names at most {MOST_PEOPLE} people; take the batch in parts")
    for what, code in (("actor", use.actor.id), ("role", use.actor.role), ("case", use.case)):
        if (code or what != "case") and not _CODE.fullmatch(code):
            raise InputError(f"the {what} is an id of letters, digits and . _ : -, at most 64")
    if use.break_glass:
        _check_reason(use.break_glass)


def _check_reason(words: str) -> None:
    if not _LEAST_REASON <= len(words.strip()) <= _MOST_REASON:
        raise InputError(
            f"say in {_LEAST_REASON} to {_MOST_REASON} characters why you must look now"
        )
    if _DIGITS.search(words) or "@" in words:
        raise InputError("write the reason without numbers or addresses of people")


def judge(policy: Policy, use: Use) -> Refusal | None:
    """Return why a use may not even begin, or None; consent is decided elsewhere.

    Source: S-57 (roles), PIPL 51(2); the categories of a purpose are S-36.
    """
    purpose = policy.purposes.get(PurposeId(use.purpose))
    if purpose is None:
        return Refusal.UNKNOWN_PURPOSE
    if not set(use.categories) <= set(purpose.categories):
        return Refusal.OTHER_CATEGORY
    if not use.actor.is_staff:
        return None
    if use.actor.role not in policy.roles:
        return Refusal.UNKNOWN_ROLE
    if use.break_glass:
        return None
    seen = seen_by_role(policy, use.actor.role, use.purpose)
    if not seen or not set(use.categories) <= seen:
        return Refusal.NOT_FOR_ROLE
    return None if use.case else Refusal.NO_CASE


def seen_by_role(policy: Policy, role: str, purpose: str) -> frozenset[str]:
    """Return the categories that a role sees for a purpose; all others are masked (S-57)."""
    known = policy.roles.get(role)
    if known is None:
        return frozenset()
    return frozenset(c for c, purposes in known.sees.items() if purpose in purposes)


def shown_categories(policy: Policy, use: Use) -> tuple[str, ...]:
    """Return what a use shows, sorted: what it names, or all that purpose and role allow."""
    purpose = policy.purposes.get(PurposeId(use.purpose))
    if use.categories or purpose is None:
        return tuple(sorted(use.categories))
    every = set(purpose.categories)
    if use.actor.is_staff and not use.break_glass:
        every &= seen_by_role(policy, use.actor.role, use.purpose)
    return tuple(sorted(every))


def look_of(
    policy: Policy, ordinal: int, use: Use, *, look_id: str, now: int, reason: str = ""
) -> Look:
    """Return the look of a use; with a ``reason`` it is that of a refused attempt."""
    purpose = policy.purposes.get(PurposeId(use.purpose))
    outcome = Outcome.WRITE if use.writes else Outcome.READ
    return Look(
        look_id=look_id,
        looked_at=now,
        actor_id=use.actor.id,
        actor_role=use.actor.role,
        # A purpose that nobody declared is what a caller typed: it is not kept.
        purpose_id=use.purpose if purpose is not None else "",
        people=use.people,
        people_count=len(use.people),
        categories=shown_categories(policy, use) if not reason else _known(policy, use),
        clause=purpose.clause if purpose is not None else ClauseId(""),
        policy_ordinal=ordinal,
        case_id=use.case,
        outcome=Outcome.REFUSED if reason else outcome,
        reason=reason,
        break_glass=bool(use.break_glass),
    )


def _known(policy: Policy, use: Use) -> tuple[str, ...]:
    """Return what a refused attempt asked for, as far as the policy knows such categories."""
    asked = use.categories or shown_categories(policy, use)
    return tuple(sorted(set(asked) & set(policy.categories)))


# --- what the person is shown ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LookFilter:
    """Which looks a person wants to see.

    Args:
        purposes: ids; empty for all.
        roles: ids; empty for everybody but the person.
        since: microseconds, or None; looks from then on.
        until: microseconds, or None; looks before then.
    """

    purposes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None


_LATEST = 10**18 - 1
_MOST_NAMES = 100


def check_filter(wanted: LookFilter) -> None:
    """Refuse a filter that no list could have offered.

    Raises:
        InputError: a name is no id, there are too many of them, or a time is no time.
    """
    names = (*wanted.purposes, *wanted.roles)
    times = [at for at in (wanted.since, wanted.until) if at is not None]
    if len(names) > _MOST_NAMES or not all(map(_CODE.fullmatch, names)):
        raise InputError("filter by purposes and roles of the list; open it from its beginning")
    if not all(0 <= at <= _LATEST for at in times):
        raise InputError("the period is not a time in microseconds since 1970")


def place_of(look: Look) -> str:
    """Return where a page ends: what `read_place` reads again."""
    return f"{look.looked_at}.{look.look_id}"


def read_place(place: str) -> tuple[int, str]:
    """Return time and id of the look that a page ended with.

    Raises:
        InputError: this is no such place.
    """
    if not _PLACE.fullmatch(place):
        raise InputError("this is no place in the list; open it from its beginning")
    at, _, look_id = place.partition(".")
    return int(at), look_id


@dataclass(frozen=True, slots=True)
class ShownLook:
    """One line of *Who looked at my data*: words, and nothing that names a member of staff.

    Args:
        looked_at: microseconds since 1970.
        role: who looked, in words (the role, not the person in it).
        clause: id of the clause that allows the purpose, and its heading in ``clause_title``.
        shared_with: how many other people the same look was about.
        refused: whether nothing was shown.
        wrote: whether it was opened to change something.
        reported: whether the person questioned it.
        reason: why nothing was shown: a `Refusal` or the reason of a decision; empty otherwise.
        case_id: the order or case it was taken for; empty where it is about others too, or where
            nothing was shown, since then it is only what somebody named.
    """

    look_id: str
    looked_at: int
    role_id: str
    role: str
    purpose_id: str
    purpose: str
    clause: ClauseId
    clause_title: str
    categories: tuple[str, ...]
    shared_with: int
    refused: bool
    wrote: bool
    break_glass: bool
    reported: bool
    reason: str
    case_id: str


def role_title(policy: Policy, role: str, language: str) -> str:
    """Return a role in words; one that neither policy nor house knows is shown by its id."""
    known = policy.roles.get(role)
    titles = known.title if known is not None else ROLE_TITLES.get(role, {})
    return titles.get(_spoken(policy, language), role)


def purpose_title(policy: Policy, purpose: str, language: str) -> str:
    """Return a purpose in words; one that the policy does not know is shown by its id."""
    known = policy.purposes.get(PurposeId(purpose))
    return known.title[_spoken(policy, language)] if known is not None else purpose


def _spoken(policy: Policy, language: str) -> str:
    return language if language in policy.languages else policy.binding_language


def shown(look: Look, policy: Policy, language: str, *, reported: bool) -> ShownLook:
    """Return a look as its person reads it.

    Args:
        policy: the version that it was taken under; what it does not know is shown by its id.
        language: tag, one of the policy's; any other reads the binding language.
    """
    spoken = _spoken(policy, language)
    clause = policy.clauses.get(look.clause)
    known = [policy.categories.get(name) for name in look.categories]
    return ShownLook(
        look_id=look.look_id,
        looked_at=look.looked_at,
        role_id=look.actor_role,
        role=role_title(policy, look.actor_role, language),
        purpose_id=look.purpose_id,
        purpose=purpose_title(policy, look.purpose_id, language),
        clause=look.clause,
        clause_title=clause.title[spoken] if clause is not None else "",
        categories=tuple(
            category.title[spoken] if category is not None else name
            for category, name in zip(known, look.categories, strict=True)
        ),
        shared_with=max(look.people_count - 1, 0),
        refused=look.refused,
        wrote=look.outcome is Outcome.WRITE,
        break_glass=look.break_glass,
        reported=reported,
        reason=look.reason,
        case_id=look.case_id if look.people_count == 1 and not look.refused else "",
    )
