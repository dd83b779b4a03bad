"""Decide: one indexed read, then the rule. Nothing is written and nothing is raised.

The read runs in autocommit on this thread's own connection, so a withdrawal that was acknowledged
anywhere on this database is seen. The policy is kept in memory; its ordinal is read with the state,
so a version that another process published is loaded before the rule is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from troth.core import access
from troth.core.access import Decision, PolicyInForce, StateRow
from troth.core.errors import PolicyError
from troth.core.policy import PurposeId
from troth.flows.kit import Kit

_decide = access.decide
_NO_STATE: StateRow = (0, None, None, None, None, None)


class Decider:
    """Answers decisions under the policy in force."""

    def __init__(self, kit: Kit, load: Callable[[], PolicyInForce | None]) -> None:
        self._kit = kit
        self._load = load
        self._in_force: PolicyInForce | None = None
        # Bound once: `decide` is the hottest path of the house.
        self._state = kit.rows.state
        self._cursor = kit.database.cursor
        self._now = kit.clock.now

    @property
    def in_force(self) -> PolicyInForce | None:
        """Return the policy in force, loading it if it was never loaded."""
        if self._in_force is None:
            self._in_force = self._load()
        return self._in_force

    def renew(self) -> PolicyInForce | None:
        """Load the policy in force anew."""
        self._in_force = self._load()
        return self._in_force

    def decide(self, person: str, purpose_id: str) -> Decision:
        """Return whether ``purpose_id`` may be served for ``person`` now.

        Args:
            person: the person's random id (`pii_principal_id`).
            purpose_id: a purpose of the policy.
        """
        try:
            row = self._state(self._cursor(), person, purpose_id)
            if row is None:
                return access.NO_POLICY
            in_force = self._in_force
            if in_force is None or in_force.ordinal != row[0]:
                in_force = self.renew()
        except PolicyError:
            return access.NO_POLICY
        except Exception:  # noqa: BLE001 - whatever is wrong with the database, the answer is no
            return self._unreadable(purpose_id)
        if in_force is None:
            return access.NO_POLICY
        rule = in_force.rules.get(purpose_id)
        if rule is None:
            return access.UNKNOWN_PURPOSE
        return _decide(rule, row, 0 if row[2] is None else self._now())

    def _unreadable(self, purpose_id: str) -> Decision:
        self._kit.database.forget_cursor()
        rules = self._in_force.rules if self._in_force is not None else {}
        return access.unreadable(rules.get(str(purpose_id)))

    def decide_all(self, person: str) -> Mapping[PurposeId, Decision]:
        """Return the decision of every purpose of the policy for one person."""
        try:
            in_force = self.in_force
            states = self._kit.rows.states(self._cursor(), person)
            if in_force is not None and any(row[0] != in_force.ordinal for row in states.values()):
                in_force = self.renew()
        except Exception:  # noqa: BLE001 - fail closed, as above
            self._kit.database.forget_cursor()
            rules = self._in_force.rules if self._in_force is not None else {}
            return {PurposeId(p): access.unreadable(rule) for p, rule in rules.items()}
        if in_force is None:
            return {}
        now = self._now()
        return {
            PurposeId(p): _decide(rule, states.get(p, _NO_STATE), now)
            for p, rule in in_force.rules.items()
        }

    def snapshot(self) -> Snapshot:
        """Return the decisions of everybody as they stand now, for batches and audiences.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        in_force = self.renew()
        now = self._now()
        rules = in_force.rules if in_force is not None else {}
        never = {p: _decide(rule, _NO_STATE, now) for p, rule in rules.items()}
        made: dict[tuple[str, str], Decision] = {}
        with self._kit.database.hot_reading() as cursor:
            states = self._kit.rows.all_states(cursor)
        for person, purpose_id, row in states:
            rule = rules.get(purpose_id)
            if rule is not None:
                made[person, purpose_id] = _decide(rule, row, now)
        return Snapshot(made, never, now, self._now)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Decisions as they stood at ``taken_at`` (microseconds); it never opens anything by itself.

    For batches and audiences: whoever acts on one person still asks `decide`.
    """

    decisions: Mapping[tuple[str, str], Decision]
    never_asked: Mapping[str, Decision]
    taken_at: int
    now: Callable[[], int]

    def decide(self, person: str, purpose_id: str) -> Decision:
        """Return the decision as it stood; a person without any answer was never asked."""
        found = self.decisions.get((person, purpose_id))
        if found is None:
            return self.never_asked.get(purpose_id, access.UNKNOWN_PURPOSE)
        return found

    def age_seconds(self) -> float:
        """Return how old the snapshot is, by the clock of the deployment."""
        return (self.now() - self.taken_at) / 1_000_000
