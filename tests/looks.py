"""A book of looks for tests: on a deployment's own database, with its clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tests.builders import Deployment
from troth.adapters.ids import CountedIds
from troth.core.access import PolicyInForce
from troth.core.frequency import Limit
from troth.core.looks import Actor, Look, Use
from troth.core.policy import Policy, PurposeId
from troth.flows.looks import LookKit, record_uses
from troth.store.db import Database
from troth.store.look_tables import looks_url
from troth.store.looks import LookBook

DESK = Actor("staff-7", "desk")


@dataclass
class Watched:
    """A deployment whose looks are recorded."""

    here: Deployment
    kit: LookKit
    database: Database

    @property
    def known(self) -> PolicyInForce:
        return self.here.troth.in_force()

    def look(
        self,
        *people: str,
        purpose: str = "keep_account",
        actor: Actor = DESK,
        case: str = "case-1",
        limit: Limit | None = None,
        **how: object,
    ) -> Look:
        """Record one use, by staff unless another actor is given."""
        use = Use(purpose, actor, people, case=case, **how)  # type: ignore[arg-type]
        known = self.known if limit is None else limited(self.known, purpose, limit)
        return record_uses(self.kit, known, [use])[0]

    def policy_at(self, _: int) -> Policy:
        return self.known.policy


def limited(known: PolicyInForce, purpose: str, limit: Limit) -> PolicyInForce:
    """Return a policy in force that lets a purpose be used so often and no more."""
    policy = known.policy
    bound = replace(policy.purposes[PurposeId(purpose)], at_most=limit)
    return replace(known, policy=replace(policy, purposes={**policy.purposes, bound.id: bound}))


@contextmanager
def watched(here: Deployment, *, seed: str = "looks") -> Iterator[Watched]:
    """Open the looks of a deployment; close them at the end."""
    database = Database(looks_url(here.database.app_url))
    book = LookBook(database)
    try:
        yield Watched(here, LookKit(book, here.clock, CountedIds(seed)), database)
    finally:
        book.close()
