"""Who looked at whose data: recorded before anything is shown, read by the person afterwards.

Order of a use, kept by the caller (`Troth.use`):

1. The decision, region and assessment are asked. If they say no: `record_refusal`, and nothing
   opens.
2. `looked` judges role, case and frequency and stores the look, or the refusal. A look is durable
   before its block begins, so that no rollback, exception or crash takes it back.
3. The lens opens in that block, if the look was not refused, and ends in it.
4. At the end of a write `looked` stores how it ended and how many rows were changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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
from troth.core.policy import Policy, frozen
from troth.core.ports import Clock, Ids
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


def record_use(kit: LookKit, known: PolicyInForce, use: Use, *, limit: Limit | None = None) -> Look:
    """Record a use, or its refusal, and return the look after its commit.

    A look with ``refused`` set means that nothing may be shown; ``reason`` says why. Consent,
    region and assessment are not asked here. May be called inside any transaction of the host: it
    neither waits for it nor goes away with it.

    Args:
        use: what is about to be done; a batch names everybody whose row may be shown.
        limit: how often the purpose may be used for one person (S-08); None for any number.

    Raises:
        InputError: the use cannot be recorded as it is (see `core.looks.check_use`), names nobody,
            or has a limit and is no use of one person.
        StoreUnavailable: the look could not be stored; nothing may be shown.
    """
    check_use(use)
    if not use.people:
        raise InputError("a use names its people; a batch with nobody in it need not begin")
    if limit is not None and len(use.people) != 1:
        raise InputError("a limit counts the uses of one person; use it without a batch")
    refusal = judge(known.policy, use)
    if refusal is not None:
        return record_refusal(kit, known, use, refusal)
    look = _look(kit, known, use)
    if limit is not None and not look.break_glass:
        if kit.book.record_within(look, limit):
            return look
        return record_refusal(kit, known, use, Refusal.TOO_OFTEN)  # S-08
    kit.book.record(look, alarm=use.break_glass)
    return look


def record_refusal(kit: LookKit, known: PolicyInForce, use: Use, reason: str) -> Look:
    """Record an attempt that was refused, and return it after its commit.

    Ids that are no ids are left out, so that what somebody typed is not kept.

    Args:
        reason: a `Refusal`, or the reason of the decision that said no.

    Raises:
        InputError: the actor or the case is malformed, or too many people are named.
        StoreUnavailable: it could not be stored; nothing may be shown either way.
    """
    people = tuple(dict.fromkeys(person for person in use.people if is_person(person)))
    attempt = replace(use, people=people, break_glass="")
    check_use(attempt)
    look = _look(kit, known, attempt, reason=str(reason))
    kit.book.record(look)
    return look


def _look(kit: LookKit, known: PolicyInForce, use: Use, *, reason: str = "") -> Look:
    now = kit.clock.now()
    look_id = kit.ids.event_id(now)
    return look_of(known.policy, known.ordinal, use, look_id=look_id, now=now, reason=reason)


def record_end(kit: LookKit, look: Look, ending: Ending, *, rows_changed: int = 0) -> None:
    """Record how the block of a use ended, once it did.

    A look without an end is one whose process died in it, or whose end could not be stored: the
    look itself stands either way.

    Raises:
        StoreUnavailable: it could not be stored.
    """
    kit.book.record_end(look.look_id, kit.clock.now(), ending, rows_changed)


@dataclass(slots=True)
class Block:
    """A use while it lasts: its look, and how many rows it changed, as its connection counts."""

    look: Look
    rows_changed: int = 0


@contextmanager
def looked(
    kit: LookKit, known: PolicyInForce, use: Use, *, limit: Limit | None = None
) -> Iterator[Block]:
    """Record a use, lend the block that may show data, and record how a write ended.

    A read gets no end: it would cost a second commit and say nothing. The caller asks
    ``block.look.refused`` first, and commits its own transaction inside the block.

    Raises:
        InputError: as `record_use`.
        StoreUnavailable: the look could not be stored; the block is not entered.
    """
    block = Block(record_use(kit, known, use, limit=limit))
    try:
        yield block
    except BaseException:
        _end_write(kit, block, Ending.UNDONE)
        raise
    _end_write(kit, block, Ending.DONE)


def _end_write(kit: LookKit, block: Block, ending: Ending) -> None:
    if block.look.outcome is not Outcome.WRITE:
        return
    # The use has ended either way: an error here would tell its caller what is not so. A write
    # without an end is counted as one whose end is not known.
    with suppress(StoreUnavailable):
        changed = block.rows_changed if ending is Ending.DONE else 0
        record_end(kit, block.look, ending, rows_changed=changed)


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
