"""Who looked at whose data: recorded before anything is shown, read by the person afterwards.

Order of a use, kept by `troth.flows.lens.use`:

1. The decision, region and assessment are asked. If they say no: `record_refusal`, and nothing
   opens.
2. `record_uses` judges role, case and frequency and stores the looks, or the refusal. They are
   durable before the first row is shown, so that no rollback, exception or crash takes them back.
3. The lens opens, if nothing was refused.
4. At the end of a write `record_end` stores how it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from troth.core import collected as lists
from troth.core.access import PolicyInForce
from troth.core.collected import Collected, Declared
from troth.core.errors import InputError, StoreUnavailable, UnknownName
from troth.core.frequency import Limit
from troth.core.looks import (
    SELF,
    Ending,
    Look,
    LookFilter,
    Outcome,
    Refusal,
    ReportReason,
    ShownLook,
    Use,
    check_filter,
    check_use,
    is_look,
    is_person,
    judge,
    look_of,
    place_of,
    purpose_title,
    read_place,
    role_title,
    shown,
)
from troth.core.policy import Policy, PurposeId, frozen
from troth.core.ports import Clock, Ids
from troth.core.security_event import Event
from troth.flows.security_event import security_event
from troth.store.db import Cursor
from troth.store.looks import Alarm, LookBook, Report

PAGE = 50
"""Looks on a page unless asked otherwise."""

PolicyAt = Callable[[int], Policy]
"""Returns the version of the policy with an ordinal."""


@dataclass(frozen=True, slots=True)
class LookKit:
    """The book of looks, and the outside world; `app.py` builds it."""

    book: LookBook
    clock: Clock
    ids: Ids


# --- recording ------------------------------------------------------------------------------------


def record_uses(
    kit: LookKit,
    known: PolicyInForce,
    uses: Sequence[Use],
    *,
    also: Callable[[Cursor], None] | None = None,
) -> tuple[Look, ...]:
    """Record what is done under one or several purposes at once, or the refusal of one of them.

    A look with ``refused`` set means that nothing may be shown; ``reason`` says why. Consent,
    region and assessment are not asked here. May be called inside any transaction of the host: it
    neither waits for it nor goes away with it.

    Args:
        uses: one for each purpose, alike in all else; a batch names everybody whose row may be
            shown.
        also: is run in the transaction of the looks, if nothing is refused.

    Returns:
        A look for each use, durable; or the look of the one that was refused, alone.

    Raises:
        InputError: a use cannot be recorded as it is (see `core.looks.check_use`), names nobody,
            or has a limit and is no use of one person.
        StoreUnavailable: the looks could not be stored; nothing may be shown.
    """
    for use in uses:
        check_use(use)
        if not use.people:
            raise InputError("a use names its people; a batch with nobody in it need not begin")
        refusal = judge(known.policy, use)
        if refusal is not None:
            return (record_refusal(kit, known, use, refusal),)
    looks = tuple(_look(kit, known, use) for use in uses)
    limits = {} if uses[0].break_glass else _limits(known.policy, uses)
    used_up = kit.book.record(looks, alarm=uses[0].break_glass, limits=limits, also=also)
    if used_up:  # S-08
        too_often = next(use for use in uses if use.purpose == used_up)
        return (record_refusal(kit, known, too_often, Refusal.TOO_OFTEN),)
    for use in uses if uses[0].break_glass else ():
        security_event(Event.GLASS_BROKEN, purpose=use.purpose, role=use.actor.role)  # L-25
    return looks


def _limits(policy: Policy, uses: Sequence[Use]) -> dict[str, Limit]:
    """Return the limits that the policy sets; only uses of one person by itself are counted."""
    limits = {use.purpose: policy.purposes[PurposeId(use.purpose)].at_most for use in uses}
    found = {purpose: limit for purpose, limit in limits.items() if limit is not None}
    if found and len(uses[0].people) != 1:
        raise InputError("a limit counts the uses of one person; use it without a batch")
    return found


def record_refusal(kit: LookKit, known: PolicyInForce, use: Use, reason: str) -> Look:
    """Record an attempt that was refused, and return it after its commit.

    Ids that are no ids are left out, so that what somebody typed is not kept.

    Args:
        reason: a `Refusal`, or the reason of the decision that said no.

    Raises:
        InputError: the actor or the case is malformed, or too many people are named.
        StoreUnavailable: it could not be stored; nothing may be shown either way.
    """
    # Told first: it is known too where it cannot be stored. No person, actor or case (L-25).
    purpose = use.purpose if use.purpose in known.policy.purposes else "unknown"
    security_event(Event.USE_REFUSED, purpose=purpose, role=use.actor.role, reason=str(reason))
    people = tuple(dict.fromkeys(person for person in use.people if is_person(person)))
    attempt = replace(use, people=people, break_glass="")
    check_use(attempt)
    look = _look(kit, known, attempt, reason=str(reason))
    kit.book.record([look])
    return look


def _look(kit: LookKit, known: PolicyInForce, use: Use, *, reason: str = "") -> Look:
    now = kit.clock.now()
    look_id = kit.ids.event_id(now)
    return look_of(known.policy, known.ordinal, use, look_id=look_id, now=now, reason=reason)


def record_end(kit: LookKit, looks: Sequence[Look], ending: Ending) -> None:
    """Record how a use ended that was opened to write.

    A read gets no end: it would cost a second commit and say nothing. A look of a write without an
    end is one whose process died in it, or whose end could not be stored: the look itself stands,
    and the use has ended either way, so that an error here would tell its caller what is not so.
    """
    written = [look.look_id for look in looks if look.outcome is Outcome.WRITE]
    if written:
        with suppress(StoreUnavailable):
            kit.book.record_end(written, kit.clock.now(), ending)


# --- what the person reads ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LookPage:
    """A page of *Who looked at my data*, newest first.

    ``next`` asks for the page after it; empty on the last one.
    """

    looks: tuple[ShownLook, ...]
    next: str


def who_looked(
    kit: LookKit,
    person: str,
    policy_at: PolicyAt,
    *,
    language: str,
    wanted: LookFilter | None = None,
    after: str = "",
    size: int = PAGE,
) -> LookPage:
    """Return a page of the looks at one person's data, refused attempts too.

    Args:
        person: who asks; looks that do not name this person are not there.
        policy_at: each look speaks in the words of the version that it was taken under.
        wanted: a filter; without roles in it, the person's own looks are left out.
        after: ``next`` of the page before.
        size: looks on the page, 1 to 500.

    Raises:
        InputError: ``wanted``, ``after`` or ``size`` is malformed.
    """
    if not 1 <= size <= 500:
        raise InputError(f"a page has 1 to 500 looks, got {size}")
    wanted = wanted or LookFilter()
    check_filter(wanted)
    found = kit.book.looks(
        person,
        wanted,
        hidden_roles=(SELF,),
        before=read_place(after) if after else None,
        limit=size + 1,
    )
    policies: dict[int, Policy] = {}
    lines = []
    for stored in found[:size]:
        ordinal = stored.look.policy_ordinal
        policy = policies.get(ordinal) or policies.setdefault(ordinal, policy_at(ordinal))
        lines.append(shown(stored.look, policy, language, reported=stored.reported))
    last = found[size - 1].look if len(found) > size else None
    return LookPage(tuple(lines), place_of(last) if last is not None else "")


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person can filter by: ids with their words, only those that occur in the list."""

    purposes: Mapping[str, str]
    roles: Mapping[str, str]


def choices(kit: LookKit, person: str, policy_at: PolicyAt, *, language: str) -> Choices:
    """Return the purposes and roles that occur in the looks at one person, for the filter.

    A refused attempt under a purpose that nobody declared has none, and is not among them.
    """
    purposes: dict[str, str] = {}
    roles: dict[str, str] = {}
    for purpose_id, role_id, ordinal in kit.book.names(person):
        policy = policy_at(ordinal)
        roles[role_id] = role_title(policy, role_id, language)
        if purpose_id:
            purposes[purpose_id] = purpose_title(policy, purpose_id, language)
    return Choices(frozen(purposes), frozen(roles))


def report(kit: LookKit, person: str, look_id: str, reason: ReportReason) -> str:
    """Record that a person doubts a look, and return the id of the report.

    Free words are not taken: they belong to the complaints desk, where they can be erased.

    Raises:
        UnknownName: no such look is about this person; another's looks like none.
        StoreUnavailable: it could not be stored.
    """
    if not is_look(look_id):
        raise UnknownName("there is no look at this person's data with this id")
    now = kit.clock.now()
    made = Report(kit.ids.event_id(now), look_id, person, now, reason)
    kit.book.report(made)
    security_event(Event.LOOK_REPORTED, reason=reason.value)
    return made.report_id


def declared_list(policy: Policy) -> tuple[Declared, ...]:
    """Return what the policy declares to collect; see `troth.core.collected.declared`."""
    return lists.declared(policy)


def collected_list(
    kit: LookKit,
    person: str,
    policy: Policy,
    *,
    permissions: Mapping[str, tuple[int, int]],
    since: int | None = None,
    until: int | None = None,
) -> tuple[Collected, ...]:
    """Return what was really used of one person, how often and when last (L-04).

    Args:
        policy: the version in force; tells which categories a permission uses.
        permissions: {purpose: (how often, when last)} as `ConsentRows.uses` returns it; left out
            where a period is asked for, because it is counted over all time.
        since: beginning of the period (µs, inclusive), or None.
        until: end of the period (µs, exclusive), or None.

    Raises:
        InputError: the period is malformed.
    """
    period = LookFilter(since=since, until=until)
    check_filter(period)
    counts = kit.book.use_counts(person, period)
    whole = since is None and until is None
    return lists.collected(counts, permissions if whole else {}, policy)


def undeclared(kit: LookKit, policy_at: PolicyAt) -> tuple[tuple[str, str], ...]:
    """Return what was used of anybody and was not declared: empty as long as the promise holds."""
    return lists.undeclared(kit.book.all_use_counts(), policy_at)


# --- the officer's side ---------------------------------------------------------------------------


def alarms(kit: LookKit, since: int) -> Sequence[Alarm]:
    """Return every use that broke the glass at or after ``since`` (µs), newest first."""
    return kit.book.alarms(since)


def reports(kit: LookKit, since: int) -> Sequence[Report]:
    """Return what people doubted at or after ``since`` (µs), newest first."""
    return kit.book.reports(since)


def tell_of_broken_glass(
    kit: LookKit, tell: Callable[[str, str, int], None], *, limit: int = 100
) -> int:
    """Tell people who are not told yet that somebody looked out of turn; return how many.

    Args:
        tell: delivers one notice (look id, person, when in µs); a person may be told twice if the
            process dies in between, and never not at all.
        limit: how many at most.
    """
    due = kit.book.notices_due(limit)
    for look_id, person, looked_at in due:
        tell(look_id, person, looked_at)
        kit.book.record_told(look_id, person, kit.clock.now())
    return len(due)
