"""Show, answer, withdraw: how an event of consent comes to be.

An answer is one statement: the event, and by the database itself the state and the outbox row. It
happens in the caller's transaction when a connection is given, else in one that is
shared with other callers who wait; either way it is acknowledged after its commit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection

from troth.core.access import PolicyInForce
from troth.core.consent import (
    Answer,
    EntityRole,
    EventState,
    EventType,
    PersonFlag,
    Snapshot,
    answer_rule,
    barring_flags,
    check_showing,
    check_snapshot,
    read_snapshot,
    record_id_of,
    refuse_barred,
    sign_snapshot,
)
from troth.core.errors import (
    InputError,
    SnapshotForged,
    SnapshotSuperseded,
    StoreUnavailable,
    UnknownName,
)
from troth.core.notice import Notice, notice_for
from troth.core.policy import Policy, Purpose, PurposeId
from troth.flows.kit import Kit
from troth.store.consent import BarredEvent, ConsentEvent
from troth.store.db import Cursor, raise_unavailable

SYSTEM = "system"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Showing:
    """What to put on the page: the notices, word for word, and the token that proves them."""

    notices: tuple[Notice, ...]
    token: str


def add_person(
    kit: Kit,
    *,
    visitor: bool = False,
    under_14: bool = False,
    connection: Connection | None = None,
) -> str:
    """Add a person and return the random id that stands for them everywhere in troth."""
    person = kit.ids.secret_id()
    flags = PersonFlag.VISITOR if visitor else PersonFlag.NONE
    if under_14:
        flags |= PersonFlag.UNDER_14
    now = kit.clock.now()

    def work(cursor: Cursor) -> None:
        kit.rows.add_person(cursor, person, flags, now)

    _run(kit, connection, work)
    return person


def set_person(
    kit: Kit,
    person: str,
    *,
    under_14: bool | None = None,
    guarded: bool | None = None,
    restricted: bool | None = None,
    connection: Connection | None = None,
) -> None:
    """Record what every decision about a person must know; None leaves a fact as it is.

    Raises:
        UnknownName: there is no such person.
    """
    wanted = {
        PersonFlag.UNDER_14: under_14,
        PersonFlag.GUARDED: guarded,
        PersonFlag.RESTRICTED: restricted,
    }

    on = sum(flag for flag, value in wanted.items() if value)
    off = sum(flag for flag, value in wanted.items() if value is False)

    def work(cursor: Cursor) -> None:
        kit.rows.set_flags(cursor, person, on=int(on), off=int(off))

    _run(kit, connection, work)


def show(
    kit: Kit,
    policy: Policy,
    purposes: Sequence[str],
    *,
    person: str,
    language: str,
    surface: str,
) -> Showing:
    """Return the notices of ``purposes`` in one language with a token for one answer each.

    Args:
        kit: the kit.
        policy: the policy in force.
        purposes: what is asked for; a separate consent stands alone.
        person: the person's random id, or empty for a visitor without one.
        language: tag of a language of the policy.
        surface: where it is shown, e.g. ``/scan``.

    Raises:
        UnknownName: a purpose that the policy does not have.
        InputError: a language that the policy does not have.
        ConsentRefusedByRule: a separate consent in a bundle.
    """
    notices = tuple(notice_for(policy, purpose, language) for purpose in purposes)
    now = kit.clock.now()
    check_showing(tuple(policy.purposes[n.purpose_id] for n in notices))
    snapshot = Snapshot(
        # Rises with time, so that its index grows at one end; the MAC keeps it from being guessed.
        token_id=kit.ids.event_id(now),
        pii_principal_id=person,
        notices={n.purpose_id: n.digest for n in notices},
        language=language,
        policy_digest=policy.digest,
        surface=surface,
        shown_at=now,
    )
    return Showing(notices, sign_snapshot(snapshot, kit.keys.snapshot_key))


class Said(NamedTuple):
    """What somebody said to one purpose of one showing.

    Args:
        person: the person's random id.
        purpose_id: the purpose that is answered.
        answer: what the person said.
        token: the token of the showing, from `show`.
        indication_method: how it was said, e.g. ``switch`` or ``button``.
        event_time: when it was said, in microseconds; when it is recorded if None.
        entity_id: who acted, if not the person.
        entity_role: in which role.
        shown_to: the id the text was shown to, if another: empty for a visitor who had none.
        idempotency_key: of an API call; the same key is stored once.
    """

    person: str
    purpose_id: str
    answer: Answer
    token: str
    indication_method: str = "button"
    event_time: int | None = None
    entity_id: str = ""
    entity_role: EntityRole = EntityRole.PII_PRINCIPAL
    shown_to: str | None = None
    idempotency_key: str | None = None


def answer(
    kit: Kit, in_force: PolicyInForce, said: Said, *, connection: Connection | None = None
) -> str:
    """Record one answer to one purpose and return the id of its event.

    Args:
        kit: the kit.
        in_force: the policy in force.
        said: the answer.
        connection: the caller's transaction; None commits, together with others who wait.

    Raises:
        UnknownName: the purpose or the person is not known.
        SnapshotForged, SnapshotExpired, SnapshotSuperseded, SnapshotReplayed: the showing does
            not hold.
        ConsentRefusedByRule: the answer does not fit the purpose or the person.
        StoreUnavailable: nothing was stored.
    """
    now = kit.clock.now()
    snapshot = _proved(kit, in_force.policy, said, now)

    def append(cursor: Cursor) -> str:
        event = _event(kit, in_force, said, snapshot, now)
        if not kit.rows.append(cursor, in_force.ordinal, [event]):
            _say_why(kit, in_force, [said], cursor)
        return event[0].event_id

    if connection is None:
        return kit.database.writer.run(append, is_one_statement=True)
    return _run_in(connection, append)


def answer_many(
    kit: Kit,
    in_force: PolicyInForce,
    answers: Sequence[Said],
    *,
    connection: Connection | None = None,
) -> list[str]:
    """Record many answers in one transaction, all or none; return the ids of their events.

    Takes and raises what `answer` does; one answer that is refused refuses them all.
    """
    now = kit.clock.now()
    proved = [(said, _proved(kit, in_force.policy, said, now)) for said in answers]

    def append(cursor: Cursor) -> list[str]:
        events = [_event(kit, in_force, said, snapshot, now) for said, snapshot in proved]
        if events and not kit.rows.append(cursor, in_force.ordinal, events):
            _say_why(kit, in_force, answers, cursor)
        return [event.event_id for event, _ in events]

    if connection is None:  # undone as a whole anyway; a savepoint would copy every page it writes
        return kit.database.writer.run(append)

    def append_all_or_none(cursor: Cursor) -> list[str]:
        with _all_or_none(cursor):
            return append(cursor)

    return _run_in(connection, append_all_or_none)


@contextlib.contextmanager
def _all_or_none(cursor: Cursor) -> Iterator[None]:
    """Undo the first answers of a batch when a later one is refused."""
    cursor.execute("SAVEPOINT answers")
    try:
        yield
    except Exception:
        cursor.execute("ROLLBACK TO SAVEPOINT answers")
        raise
    finally:
        cursor.execute("RELEASE SAVEPOINT answers")


def _say_why(kit: Kit, in_force: PolicyInForce, answers: Sequence[Said], cursor: Cursor) -> None:
    """Raise the reason why the database took fewer events than it was given."""
    for said in answers:
        ordinal, flags = kit.rows.standing(cursor, said.person)
        if ordinal != in_force.ordinal:  # published by another process while the page was open
            raise SnapshotSuperseded("the policy changed since this page was opened; read it again")
        purpose = _purpose(in_force.policy, said.purpose_id)
        bars = barring_flags(purpose, said.answer, said.entity_role)
        refuse_barred(purpose, flags, bars)
    raise StoreUnavailable("an answer was not stored; try again")


def _event(
    kit: Kit, in_force: PolicyInForce, said: Said, snapshot: Snapshot, now: int
) -> BarredEvent:
    """Return the event of an answer and what bars it, if the answer fits its purpose."""
    rule = in_force.answers.get((said.purpose_id, said.answer, said.entity_role))
    if rule is None:  # says why
        purpose = _purpose(in_force.policy, said.purpose_id)
        rule = answer_rule(purpose, said.answer, said.entity_role)
    event = ConsentEvent(
        event_id=kit.ids.event_id(now),
        record_id=record_id_of(said.person, said.purpose_id),
        purpose_id=said.purpose_id,
        event_type=rule.event_type,
        event_state=rule.event_state,
        event_time=now if said.event_time is None else said.event_time,
        recorded_at=now,
        valid_until=None if rule.valid_for is None else now + rule.valid_for,
        entity_id=said.entity_id or said.person,
        entity_role=said.entity_role.value,
        indication_method=said.indication_method,
        surface=snapshot.surface,
        privacy_notice=in_force.privacy_notice,
        notice_ordinal=in_force.ordinal,
        notice_digest=snapshot.notices[said.purpose_id],
        language=snapshot.language,
        snapshot_token_id=snapshot.token_id,
        idempotency_key=said.idempotency_key,
        salt=kit.ids.salt(),
        pii_principal_id=said.person,
    )
    return event, rule.bars


def _proved(kit: Kit, policy: Policy, said: Said, now: int) -> Snapshot:
    """Return the showing that an answer is to, if it holds."""
    _purpose(policy, said.purpose_id)
    snapshot = read_snapshot(said.token, kit.keys.snapshot_key)
    audience = said.person if said.shown_to is None else said.shown_to
    check_snapshot(snapshot, person=audience, policy=policy, now=now)
    if said.purpose_id not in snapshot.notices:
        raise SnapshotForged(f"{said.purpose_id} was not on the page that was shown")
    if said.event_time is not None and not snapshot.shown_at <= said.event_time <= now:
        raise InputError("event_time must lie between the showing and now")
    return snapshot


def expire(kit: Kit, in_force: PolicyInForce, person: str) -> list[str]:
    """Record as expired what no longer stands by its age; return the ids of the events.

    A decision says no at the very moment, with or without this event.
    """
    now = kit.clock.now()
    given = (EventState.GIVEN.value, EventState.RENEWED.value)

    def work(cursor: Cursor) -> list[str]:
        made: list[str] = []
        for purpose_id, row in kit.rows.states(cursor, person).items():
            _, state, valid_until, ordinal, _, _ = row
            if state not in given or valid_until is None or valid_until > now:
                continue
            event = ConsentEvent(
                event_id=kit.ids.event_id(now),
                record_id=record_id_of(person, purpose_id),
                purpose_id=purpose_id,
                event_type=EventType.SYSTEM.value,
                event_state=EventState.EXPIRED.value,
                event_time=valid_until,
                recorded_at=now,
                valid_until=None,
                entity_id=SYSTEM,
                entity_role=EntityRole.SYSTEM.value,
                indication_method="validity_duration",
                surface=SYSTEM,
                privacy_notice=in_force.privacy_notice,
                notice_ordinal=ordinal or in_force.ordinal,
                notice_digest=in_force.policy.digest,
                language=in_force.policy.binding_language,
                snapshot_token_id=None,
                idempotency_key=None,
                salt=kit.ids.salt(),
                pii_principal_id=person,
            )
            kit.rows.append(cursor, in_force.ordinal, [(event, 0)])
            made.append(event.event_id)
        return made

    return _run(kit, None, work)


def _purpose(policy: Policy, purpose_id: str) -> Purpose:
    purpose = policy.purposes.get(PurposeId(purpose_id))
    if purpose is None:
        raise UnknownName(f"the policy has no purpose {purpose_id!r}")
    return purpose


def _run(kit: Kit, connection: Connection | None, work: Callable[[Cursor], T]) -> T:
    return kit.database.writer.run(work) if connection is None else _run_in(connection, work)


def _run_in(connection: Connection, work: Callable[[Cursor], T]) -> T:
    """Run work in the caller's transaction."""
    if not connection.in_transaction():
        # SQLAlchemy begins at its own first statement; ours pass by it, and its commit would
        # then commit nothing.
        connection.begin()
    try:
        return work(connection.connection.cursor())
    except Exception as error:
        raise_unavailable(error)
        raise
