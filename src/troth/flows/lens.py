"""Open a purpose: ask the decision, record the look, then let the database show what it may.

The order is the promise. A refusal is recorded and nothing opens; a look is durable before the
first row is handed out, so that no rollback and no exception can take it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import Connection

from troth.core.access import Decision, PolicyInForce, Reason
from troth.core.assessment import assessment_due
from troth.core.datamap import DataStore, region_of
from troth.core.errors import InputError, StoreUnavailable, UnknownName, UseRefused
from troth.core.lens import name_of
from troth.core.looks import MOST_PEOPLE, Ending, Look, Refusal, Use, shown_categories
from troth.core.policy import Policy, PurposeId
from troth.flows.looks import LookKit, record_end, record_refusal, record_uses
from troth.store import plain_connection
from troth.store.db import Cursor

Also = Callable[[Cursor], None]
"""Something to write in the transaction of the looks."""


class OpenLens(Protocol):
    """Opens a lens of this deployment's database."""

    def __call__(
        self,
        name: str,
        people: Sequence[str],
        *,
        writes: bool,
        record: Callable[[Also | None], None],
    ) -> AbstractContextManager[Connection]:
        """Call ``record`` once a connection is there, and lend it when that has returned.

        The connection shows these people and nobody else; sealed columns open and seal on it, and
        `plain_of` gives its plain one. The block is one transaction, committed at its end.
        """
        ...


@dataclass(frozen=True, slots=True)
class LensesInForce:
    """The lenses that one version of the policy makes of the data map.

    Args:
        names: of the lenses that there are.
        opens: opens one of them.
        shows: by purpose, the categories that a use of it can show.
        store: the data store that they show.
    """

    names: frozenset[str]
    opens: OpenLens
    shows: Mapping[str, frozenset[str]]
    store: DataStore


@dataclass(frozen=True, slots=True)
class LensKit:
    """What a use needs.

    Args:
        looks: the book of looks.
        lenses: the lenses of a version of the policy; made when it is first asked for them.
        permitted: the people for whom all of some purposes stand now.
        decide: the decision about one person and one purpose.
        decide_all: the decisions about one person, by purpose.
        known: the policy in force at the last decision.
        today: the date in the deployment's country.
        region: where this deployment runs; a data store declared elsewhere does not open.
    """

    looks: LookKit
    lenses: Callable[[PolicyInForce], LensesInForce]
    permitted: Callable[[Sequence[str]], Sequence[str]]
    decide: Callable[[str, str], Decision]
    decide_all: Callable[[str], Mapping[PurposeId, Decision]]
    known: Callable[[], PolicyInForce]
    today: Callable[[], date]
    region: str


@contextmanager
def use(kit: LensKit, uses: Sequence[Use]) -> Iterator[Connection]:
    """Open a purpose, or several that the data map declares together, for some people.

    Args:
        kit: what a use needs.
        uses: one for each purpose, alike in all else. Without people it is a batch: its looks name
            all for whom every purpose stands, and they are whom it shows.

    Yields:
        A connection on which each mapped table shows the columns of the purposes and the rows of
        the people of this use. The block is one transaction, bounded in time.

    Raises:
        UseRefused: the purpose, the decision, the assessment, the role, the frequency or the region
            says no, which is recorded; or nobody permits a batch.
        StoreUnavailable: the ledger, the looks or the database cannot be used now.
        UnknownName: the purposes have no lens, or are not declared together.
        InputError: the use is malformed, or the block left a cursor half read.
    """
    uses = _with_people(kit, uses)
    denied = _denied(kit, uses)
    known = kit.known()  # after the decisions, which bring the policy in force with them
    lenses = kit.lenses(known)
    refused = _closed(kit, known, lenses.store, uses) or denied
    if refused is not None:
        asked, reason = refused
        record_refusal(kit.looks, known, asked, reason)
        raise UseRefused(asked.purpose, reason)
    name = name_of([asked.purpose for asked in uses])
    if name not in lenses.names:
        raise UnknownName(f"the data map has no lens for {name}; declare these purposes together")
    uses = [_narrowed(known.policy, asked, lenses.shows) for asked in uses]
    looks: list[Look] = []

    def record(also: Also | None) -> None:
        looks.extend(record_uses(kit.looks, known, uses, also=also))
        if looks[0].refused:
            raise UseRefused(looks[0].purpose_id, looks[0].reason)

    try:
        with lenses.opens(name, uses[0].people, writes=uses[0].writes, record=record) as connection:
            yield connection
    except BaseException:
        record_end(kit.looks, looks, Ending.UNDONE)
        raise
    record_end(kit.looks, looks, Ending.DONE)


def plain_of(connection: Connection) -> Any:
    """Return the plain DB-API connection of a block, in the same session and transaction.

    Raises:
        InputError: it is no connection of a use.
    """
    return plain_connection.plain_of(connection)


def _narrowed(policy: Policy, asked: Use, shows: Mapping[str, frozenset[str]]) -> Use:
    """Name what the use can show, so that its look says no more; who says less has said it."""
    shown = shows.get(asked.purpose, frozenset()).intersection(shown_categories(policy, asked))
    return asked if asked.categories else replace(asked, categories=tuple(sorted(shown)))


def _with_people(kit: LensKit, uses: Sequence[Use]) -> Sequence[Use]:
    """Name the people of a batch: who permits it later is in the next one."""
    if not uses:
        raise InputError("a use has a purpose")
    if uses[0].people:
        return uses
    people = tuple(kit.permitted([asked.purpose for asked in uses]))
    if not people:
        known = kit.known().policy.purposes
        if all(asked.purpose in known for asked in uses):
            raise UseRefused(uses[0].purpose, Reason.NEVER_ASKED)
    if len(people) > MOST_PEOPLE:
        raise InputError(f"{len(people)} people permit this; use it for {MOST_PEOPLE} at a time")
    return [replace(asked, people=people) for asked in uses]


def _denied(kit: LensKit, uses: Sequence[Use]) -> tuple[Use, str] | None:
    """Return the first use that somebody's decision denies, and why; None if all are allowed."""
    denied = None
    if len(uses) > 1 and len(uses[0].people) == 1:  # one read for all of them
        decided = kit.decide_all(uses[0].people[0])
    else:
        decided = {}
    for asked in uses:
        found = decided.get(PurposeId(asked.purpose))
        decisions = (found or kit.decide(person, asked.purpose) for person in asked.people)
        no = next((decision for decision in decisions if not decision), None)
        if no is not None and no.reason is Reason.LEDGER_UNREADABLE:
            raise StoreUnavailable("the database cannot be read now")
        if no is not None and denied is None:
            denied = asked, str(no.reason)
    return denied


def _closed(
    kit: LensKit, known: PolicyInForce, store: DataStore, uses: Sequence[Use]
) -> tuple[Use, str] | None:
    """Return the first use that is closed whatever anybody said, and why; None if all may open."""
    home, today = region_of(known.policy, store), kit.today()
    for asked in uses:
        why = _why_closed(known.policy, asked.purpose, today, is_at_home=home == kit.region)
        if why is not None:
            return asked, str(why)
    return None


@lru_cache(maxsize=1024)
def _why_closed(policy: Policy, purpose: str, today: date, *, is_at_home: bool) -> Refusal | None:
    """Return why a purpose is closed to everybody on a day."""
    if PurposeId(purpose) not in policy.purposes:
        return Refusal.UNKNOWN_PURPOSE
    if not is_at_home:  # S-45
        return Refusal.OTHER_REGION
    return Refusal.ASSESSMENT_DUE if assessment_due(policy, purpose, today) else None
