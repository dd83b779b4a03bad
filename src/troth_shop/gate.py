"""The one gate of the shop: nothing personal is read or written but under a purpose that stands.

`use` opens a purpose and lends the only connection that shows a person's rows; it records who
looked before the first of them (S-06, S-57). `finds_one` leads from a value that somebody brings to
the random id of a person, and shows nothing. An act is recorded before its block, in a commit of
its own, because a lens cannot write consent (`open_by_act`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from troth import (
    Actor,
    Answer,
    ClauseId,
    Decision,
    Found,
    InputError,
    PurposeId,
    Reason,
    Said,
    SnapshotReplayed,
    Troth,
    UseRefused,
)
from troth_shop.errors import NotPermitted, RoleRefused

REGISTERING = ("register_account", "secure_account")
ORDERING = ("place_order", "take_payment", "deliver_order")
CANCELLING = ("place_order", "deliver_order")
CHECKING = ("take_payment", "check_voucher")
HANDING_OVER = ("deliver_order", "share_with_courier")
SUPPORTING = ("answer_support", "identify_device")
"""Purposes whose work shares a transaction; the data map declares the same ``together``."""

MOST_PEOPLE = 10_000
"""So many people one use may name; a longer queue is looked at in parts."""

_OPENS = frozenset({Reason.NEVER_ASKED, Reason.ENDED, Reason.EXPIRED, Reason.SUPERSEDED})
"""Why a purpose may be closed and still be opened by an act of the person."""

_OF_ROLE = frozenset({"unknown_role", "not_for_this_role", "no_case"})
"""Why a use is refused to staff, whatever the person decided."""

_TAKEN = ("a row with this key", "UNIQUE constraint failed")
_UNIQUE_VIOLATION = "23505"


@dataclass(frozen=True, slots=True)
class Withheld:
    """A part of a page that was not read, the purpose it belongs to, and why that is closed."""

    name: str
    purpose: str
    decision: Decision


def now(t: Troth) -> int:
    """Return microseconds since 1970 by the clock of the deployment."""
    return t.now()


def permit(t: Troth, person: str, *purposes: str) -> None:
    """Let pass only if every purpose stands for this person now; look at nothing.

    For purposes that have no rows of their own, and where a refusal is to come before other work.

    Raises:
        NotPermitted: one does not; it carries the first decision that said no.
    """
    for purpose in purposes:
        decision = t.decide(person, purpose)
        if not decision:
            raise NotPermitted(purpose, decision)


def stand(t: Troth, person: str, *purposes: str) -> bool:
    """Tell whether every purpose stands for this person now."""
    decided = t.decide_all(person)  # one read for all of them
    return all(decided.get(PurposeId(purpose), False) for purpose in purposes)


# --- a use ------------------------------------------------------------------------------------


@contextmanager
def use(
    t: Troth,
    person: str,
    *purposes: str,
    writes: bool = False,
    actor: Actor | None = None,
    case: str = "",
    break_glass: str = "",
) -> Iterator[Connection]:
    """Open purposes for one person and lend a connection that shows this person's rows only.

    Args:
        t: the engine.
        person: whose rows.
        purposes: one, or several that are declared together.
        writes: whether rows will be changed.
        actor: who does it; without one the person does.
        case: id of the order or case that staff work on.
        break_glass: why staff must look although role or case do not allow it (`emergency`).

    Raises:
        NotPermitted: a purpose does not stand; the attempt is recorded.
        RoleRefused: it is not for the actor's role; the attempt is recorded.
    """
    if not person:  # a use that names nobody would be one of everybody
        raise NotPermitted(purposes[0], t.decide("", purposes[0]))
    try:
        with t.use(
            *purposes,
            person=person,
            actor=actor,
            case=case,
            writes=writes,
            break_glass=break_glass,
        ) as connection:
            yield connection
    except UseRefused as refused:
        raise _told(t, refused, person) from None
    except DBAPIError:
        # What was withdrawn while the block was open can no longer be written.
        permit(t, person, *purposes)
        raise


@contextmanager
def use_of_many(
    t: Troth, people: Sequence[str], *purposes: str, actor: Actor, case: str
) -> Iterator[Connection]:
    """Open purposes for exactly these people, to read; see `use`.

    Args:
        t: the engine.
        people: at least one and at most `MOST_PEOPLE`, each once.
        purposes: as in `use`.
        actor: who looks.
        case: the queue that they work on.

    Raises:
        ValueError: nobody is named.
        NotPermitted, RoleRefused: see `use`.
    """
    if not people:  # a use that names nobody would be one of everybody
        raise ValueError("a queue without people needs no use")
    try:
        with t.use(*purposes, people=people, actor=actor, case=case) as connection:
            yield connection
    except UseRefused as refused:
        raise _told(t, refused, "") from None


def in_parts(people: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield these people, each once, in parts that one use may name."""
    each = tuple(dict.fromkeys(people))
    for start in range(0, len(each), MOST_PEOPLE):
        yield each[start : start + MOST_PEOPLE]


def finds_one(t: Troth, table: str, by: str, value: str) -> Found | None:
    """Return whose row has this value, if anybody's; it opens nothing and leaves no look."""
    found = t.find(table, by, value) if "\0" not in value else []
    return found[0] if found else None


def taken(error: IntegrityError) -> bool:
    """Tell whether a row was refused because another one has its key already."""
    if getattr(error.orig, "sqlstate", "") == _UNIQUE_VIOLATION:
        return True
    said = str(error.orig)
    return any(words in said for words in _TAKEN)


def _told(t: Troth, refused: UseRefused, person: str) -> NotPermitted | RoleRefused:
    """Return the shop's own error for a use that was refused."""
    if refused.reason in _OF_ROLE:
        return RoleRefused()
    decision = t.decide(person, refused.purpose)
    if decision or decision.reason != refused.reason:
        # Refused for many people, or for what no answer of a person changes (region, assessment).
        known = t.policy.purposes.get(PurposeId(refused.purpose))
        clause = known.clause if known is not None else ClauseId("")
        decision = Decision(False, clause, _reason(refused.reason), "")
    return NotPermitted(refused.purpose, decision)


def _reason(code: str) -> Reason:
    try:
        return Reason(code)
    except ValueError:
        return Reason.NO_POLICY


# --- an act -----------------------------------------------------------------------------------


def open_by_act(
    t: Troth, person: str, purposes: Sequence[str], token: str, *, form_key: str
) -> None:
    """Record an explicit act (ordering, opening a case) for each purpose, all or none.

    The acts are committed when this returns. The same form sent again, after a crash say, finds
    them recorded and goes on where it stopped; the same showing under another form is refused.

    Args:
        t: the engine.
        person: who acted.
        purposes: what the act opens.
        token: the token of the notices that were shown.
        form_key: the key of the form that was sent.

    Raises:
        NotPermitted: a purpose is closed for a reason that no act may lift: the person's data is
            restricted, a child without guardian, no policy, the ledger cannot be read.
        SnapshotError: the notices were not shown, too long ago, or already answered.
    """
    # A person who never acted has no state that could say "restricted"; the account's has.
    permit(t, person, "register_account")
    for purpose in purposes:
        decision = t.decide(person, purpose)
        if not decision and decision.reason not in _OPENS:
            raise NotPermitted(purpose, decision)
    acts = [
        Said(
            person,
            purpose,
            Answer.ACT,
            token,
            indication_method="submitted_form",
            idempotency_key=_once(person, form_key, purpose),
        )
        for purpose in purposes
    ]
    try:
        t.answer_many(acts)
    except (SnapshotReplayed, InputError):
        recorded = {event.idempotency_key for event in t.history(person)}
        if not all(act.idempotency_key in recorded for act in acts):
            raise


def _once(person: str, form_key: str, purpose: str) -> str:
    # Two people may send one key; and no event shall spell out an id that may be cut off from it.
    return hashlib.sha256(f"{person}:{form_key}:{purpose}".encode()).hexdigest()
