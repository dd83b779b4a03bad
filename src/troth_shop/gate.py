"""The one gate of the shop: nothing personal is read or written but under a purpose that stands.

Every function of the domain names its purpose once and passes here before it touches a row. The
gate fails closed: what `troth.decide` does not allow does not happen (S-06).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from troth import Answer, Reason, Troth
from troth_shop.errors import NotPermitted

_OPENS = frozenset({Reason.NEVER_ASKED, Reason.ENDED, Reason.EXPIRED, Reason.SUPERSEDED})
"""Why a purpose may be closed and still be opened by an act of the person."""


def now(t: Troth) -> int:
    """Return microseconds since 1970 by the clock of the deployment."""
    return t.kit.clock.now()


def permit(t: Troth, person: str, *purposes: str) -> None:
    """Let pass only if every purpose stands for this person now.

    Raises:
        NotPermitted: one does not; it carries the first decision that said no.
    """
    for purpose in purposes:
        decision = t.decide(person, purpose)
        if not decision:
            raise NotPermitted(purpose, decision)


def open_by_act(
    t: Troth, connection: Connection, person: str, purposes: Sequence[str], token: str
) -> None:
    """Record an explicit act (ordering, opening a case) for each purpose, in the caller's commit.

    The purposes are open when the caller's transaction commits; until then nothing else sees it.

    Args:
        t: the engine.
        connection: the caller's transaction.
        person: who acted.
        purposes: what the act opens.
        token: the token of the notices that were shown.

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
    for purpose in purposes:
        t.answer(
            person,
            purpose,
            Answer.ACT,
            token,
            indication_method="submitted_form",
            connection=connection,
        )
