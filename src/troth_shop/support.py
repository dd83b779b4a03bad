"""Support cases: opened by the person, seen by the person and by the one agent who answers.

The number of a device exists only where the person allowed it, only in a case that is open, and is
random: it says nothing of the device but "the same one as before" (S-32). It goes when the case
closes, when it is reset, and when the permission is withdrawn.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError

from troth import SnapshotReplayed, Troth
from troth_shop import fields, queries
from troth_shop.errors import NotFound, WrongState
from troth_shop.fields import Form
from troth_shop.gate import now, open_by_act, permit

SUPPORT_PURPOSES = ("answer_support",)
"""What opening a case opens; its notice stands on the page."""

OPEN, CLOSED = "open", "closed"
PERSON, STAFF = "person", "staff"


@dataclass(frozen=True, slots=True)
class NewCase:
    """What a form for a new case says; ``device``: whether to make a number for the device."""

    case_key: str
    subject: str
    message: str
    device: bool

    @classmethod
    def of(cls, form: Form) -> NewCase:
        """Read ``case_key``, ``subject``, ``message`` and ``device``.

        Raises:
            BadInput: a field is malformed.
        """
        return cls(
            fields.key(form, "case_key"),
            fields.text(form, "subject", most=80),
            fields.text(form, "message", most=2000, lines=True),
            form.get("device", "") == "yes",
        )


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What a form for a message says."""

    message_key: str
    message: str

    @classmethod
    def of(cls, form: Form) -> NewMessage:
        """Read ``message_key`` and ``message``.

        Raises:
            BadInput: a field is malformed.
        """
        return cls(
            fields.key(form, "message_key"), fields.text(form, "message", most=2000, lines=True)
        )


@dataclass(frozen=True, slots=True)
class Message:
    """One message; ``sender`` is ``person`` or ``staff``, ``at`` in microseconds."""

    message_id: str
    sender: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Case:
    """One case; ``support_device_id`` is empty unless it is open and the person allows it."""

    case_id: str
    subject: str
    state: str
    opened_at: int
    closed_at: int | None
    support_device_id: str
    messages: tuple[Message, ...]

    @property
    def is_open(self) -> bool:
        """Tell whether messages can be added."""
        return self.state == OPEN


def open_case(t: Troth, person: str, new: NewCase, token: str) -> Case:
    """Open a case with its first message, and the act that opens the purpose, in one commit.

    Args:
        t: the engine.
        person: who asks.
        new: the form.
        token: of ``t.show(*SUPPORT_PURPOSES, person=person)``.

    Returns:
        The case; the one that stands already if this form was sent before.

    Raises:
        SnapshotError: the notice was not shown, or too long ago; nothing was stored.
    """
    if t.decide(person, "answer_support"):
        found = _of_key(t, person, new.case_key)
        if found is not None:
            return found
    wanted = new.device and bool(t.decide(person, "identify_device"))
    case_id, at = secrets.token_hex(16), now(t)
    try:
        with t.transaction() as c:
            open_by_act(t, c, person, SUPPORT_PURPOSES, token)
            queries.add_case(
                c,
                case_id=case_id,
                pii_principal_id=person,
                case_key=new.case_key,
                subject=new.subject,
                opened_at=at,
            )
            if wanted:
                queries.set_device_id(c, case_id, _number())
            first = NewMessage(new.case_key, new.message)
            _add_message(c, person, case_id, first, sender=PERSON, at=at)
    except (IntegrityError, SnapshotReplayed):
        # The same form was sent twice at once and the other was faster.
        permit(t, person, "answer_support")
        found = _of_key(t, person, new.case_key)
        if found is None:
            raise
        return found
    return case(t, person, case_id)


def case(t: Troth, person: str, case_id: str) -> Case:
    """Return one case of a person.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    permit(t, person, "answer_support")
    with t.reading() as c:
        row = queries.case_of(c, person, case_id)
        if row is None:
            raise NotFound
        return cases_from(t, c, [row])[0]


def cases(t: Troth, person: str) -> tuple[Case, ...]:
    """Return the cases of a person, newest first."""
    permit(t, person, "answer_support")
    with t.reading() as c:
        return cases_from(t, c, queries.cases_of(c, person))


def write(t: Troth, person: str, case_id: str, new: NewMessage) -> Case:
    """Add a message to a case that is open; the same form sent twice adds one.

    Raises:
        NotFound: there is no such case of this person.
        WrongState: it is closed.
    """
    permit(t, person, "answer_support")
    with t.transaction() as c:
        add_message(t, c, person, case_id, new, sender=PERSON)
    return case(t, person, case_id)


def close_case(t: Troth, person: str, case_id: str) -> Case:
    """Close a case; the number of the device goes with it.

    Raises:
        NotFound: there is no such case of this person.
    """
    permit(t, person, "answer_support")
    with t.transaction() as c:
        row = queries.lock_case(c, person, case_id)
        if row is None:
            raise NotFound
        if row.state == OPEN:
            queries.set_case(c, case_id, state=CLOSED, closed_at=now(t))
            queries.set_device_id(c, case_id, None)
    return case(t, person, case_id)


def give_device_id(t: Troth, person: str, case_id: str) -> Case:
    """Make a number for the device in an open case, or a new one in place of the old.

    Raises:
        NotPermitted: the person does not allow it.
        NotFound: there is no such case of this person.
        WrongState: it is closed.
    """
    permit(t, person, "identify_device", "answer_support")
    with t.transaction() as c:
        row = queries.lock_case(c, person, case_id)
        if row is None:
            raise NotFound
        if row.state != OPEN:
            raise WrongState(row.state)
        queries.set_device_id(c, case_id, _number())
    return case(t, person, case_id)


def drop_device_id(t: Troth, person: str) -> int:
    """Delete the numbers of a person's devices; return how many.

    For the moment after a withdrawal, so it asks no purpose: it only takes away.
    """
    with t.transaction() as c:
        held = [row for row in queries.cases_of(c, person) if row.support_device_id]
        for row in held:
            queries.set_device_id(c, row.case_id, None)
    return len(held)


def add_message(
    t: Troth, c: Connection, person: str, case_id: str, new: NewMessage, *, sender: str
) -> Row[Any]:
    """Add a message to a person's open case in the caller's transaction; return the case's row.

    Raises:
        NotFound, WrongState: see `write`.
    """
    row = queries.lock_case(c, person, case_id)
    if row is None:
        raise NotFound
    if row.state != OPEN:
        raise WrongState(row.state)
    if queries.message_of(c, case_id, new.message_key) is None:
        _add_message(c, person, case_id, new, sender=sender, at=now(t))
    return row


def cases_from(t: Troth, c: Connection, rows: Sequence[Row[Any]]) -> tuple[Case, ...]:
    """Return cases with their messages; the device's number only where it is allowed now."""
    messages: dict[str, list[Message]] = {row.case_id: [] for row in rows}
    for m in queries.messages_of(c, list(messages)):
        messages[m.case_id].append(Message(m.message_key, m.sender, m.text, m.written_at))
    allowed = {
        person: bool(t.decide(person, "identify_device"))
        for person in {row.pii_principal_id for row in rows if row.support_device_id}
    }
    return tuple(
        Case(
            row.case_id,
            row.subject,
            row.state,
            row.opened_at,
            row.closed_at,
            row.support_device_id if allowed.get(row.pii_principal_id, False) else "",
            tuple(messages[row.case_id]),
        )
        for row in rows
    )


def _number() -> str:
    return secrets.token_hex(8)


def _of_key(t: Troth, person: str, case_key: str) -> Case | None:
    with t.reading() as c:
        row = queries.case_of_key(c, person, case_key)
        return None if row is None else cases_from(t, c, [row])[0]


def _add_message(
    c: Connection, person: str, case_id: str, new: NewMessage, *, sender: str, at: int
) -> None:
    queries.add_message(
        c,
        case_id=case_id,
        message_key=new.message_key,
        pii_principal_id=person,
        sender=sender,
        text=new.message,
        written_at=at,
    )
