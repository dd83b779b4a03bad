"""Open a purpose: ask the decision, record the look, then let the database show what it may.

The order is the promise. A refusal is recorded and nothing opens; a look is durable before the
first row is handed out, so that no rollback and no exception can take it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from sqlalchemy import Connection

from troth.core.access import Decision, PolicyInForce, Reason
from troth.core.datamap import DataStore, region_of
from troth.core.errors import InputError, StoreUnavailable, UseRefused
from troth.core.looks import Refusal, Use
from troth.core.policy import PurposeId
from troth.flows.looks import LookKit, looked, record_refusal


class LensedBlock(Protocol):
    """What a lens hands out for one block."""

    @property
    def connection(self) -> Connection:
        """Return the connection of SQLAlchemy: one transaction, committed at the block's end."""
        ...


OpenLens = Callable[[str, str | None], AbstractContextManager[LensedBlock]]
"""Opens the lens of a purpose for a person, or for all who permit it."""


@dataclass(frozen=True, slots=True)
class LensKit:
    """What a use needs.

    Args:
        looks: the book of looks.
        opens: the lens of this deployment's database.
        permitted: the people for whom a purpose stands now.
        decide: the decision about one person.
        store: the data store that the lens shows.
        region: where this deployment runs; a data store declared elsewhere does not open.
    """

    looks: LookKit
    opens: OpenLens
    permitted: Callable[[str], Sequence[str]]
    decide: Callable[[str, str], Decision]
    store: DataStore
    region: str


@contextmanager
def use(kit: LensKit, known: PolicyInForce, wanted: Use) -> Iterator[Connection]:
    """Open a purpose for one person, or for everybody who permits it.

    Args:
        kit: what a use needs.
        known: the policy in force.
        wanted: the use; without people it is a batch, and its look names all who permit it.

    Yields:
        A connection on which each mapped table shows the purpose's columns and the rows of the
        people of this use. The block is one transaction, bounded in time.

    Raises:
        UseRefused: the purpose, the decision, the role or the region says no, which is recorded;
            or nobody permits a batch.
        StoreUnavailable: the ledger, the looks or the database cannot be used now.
        InputError: the use is malformed or names several people, or the block left a cursor half
            read.
    """
    if len(wanted.people) > 1:
        raise InputError("a use is of one person, or of everybody who permits it")
    person = wanted.people[0] if wanted.people else None
    reason = _refusal(kit, known, wanted)
    if reason is not None:
        record_refusal(kit.looks, known, wanted, reason)
        raise UseRefused(wanted.purpose, reason)
    people = wanted.people or tuple(kit.permitted(wanted.purpose))
    if not people:  # nothing to show; somebody who permits it now is in the next batch
        raise UseRefused(wanted.purpose, Reason.NEVER_ASKED)
    with looked(kit.looks, known, replace(wanted, people=people)) as look:
        if look.look.refused:
            raise UseRefused(wanted.purpose, look.look.reason)
        with kit.opens(wanted.purpose, person) as block:
            yield block.connection


def _refusal(kit: LensKit, known: PolicyInForce, wanted: Use) -> str | None:
    """Return why a use does not open, before roles are asked; None if it may."""
    purpose = known.policy.purposes.get(PurposeId(wanted.purpose))
    if purpose is None:
        return str(Refusal.UNKNOWN_PURPOSE)
    if region_of(known.policy, kit.store) != kit.region:  # S-45
        return str(Refusal.OTHER_REGION)
    for person in wanted.people:
        decision = kit.decide(person, wanted.purpose)
        if decision.reason is Reason.LEDGER_UNREADABLE:
            raise StoreUnavailable("the database cannot be read now")
        if not decision.allowed:
            return str(decision.reason)
    return None
