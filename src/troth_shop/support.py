"""Support cases: opened by the person, seen by the person and by the one agent who answers.

The number of a device exists only where the person allowed it, only in a case that is open, and is
random: it says nothing of the device but "the same one as before" (S-32). It goes when the case
closes, when it is reset, and when the permission is withdrawn. `answer_support` never shows it; it
may only clear it.

Opening a case is an act: it is recorded first, and the rows follow in one block.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError

from troth import SnapshotError, Troth
from troth_shop import fields, queries
from troth_shop.errors import NotFound, NotPermitted, WrongState
from troth_shop.fields import Form
from troth_shop.gate import SUPPORTING, now, open_by_act, permit, stand, taken, use

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
    """Open a case: first the act that opens the purpose, then the case with its first message.

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
    try:
        open_by_act(t, person, SUPPORT_PURPOSES, token, form_key=new.case_key)
        return _write(t, person, new)
    except (NotPermitted, SnapshotError, IntegrityError) as error:
        if isinstance(error, IntegrityError) and not taken(error):
            raise
        # The form was sent before, or twice at once and the other was faster.
        found = _of_key(t, person, new.case_key)
        if found is None:
            raise
        return found


def case(t: Troth, person: str, case_id: str) -> Case:
    """Return one case of a person.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    purposes = shown_under(t, person)
    with use(t, person, *purposes) as c:
        return case_in(c, person, case_id, purposes)


def case_in(
    c: Connection, person: str, case_id: str, purposes: Sequence[str] = SUPPORT_PURPOSES
) -> Case:
    """Return one case of a person in the caller's block; see `case`.

    Args:
        c: the connection of the block.
        person: whose case.
        case_id: which.
        purposes: of the block; the device's number is shown for `identify_device` only.
    """
    row = queries.case_of(c, person, case_id)
    if row is None:
        raise NotFound
    numbered = "identify_device" in purposes
    return _cases_from(c, [row], queries.device_ids_of(c, person) if numbered else ())[0]


def cases(t: Troth, person: str) -> tuple[Case, ...]:
    """Return the cases of a person, newest first, without the numbers of devices."""
    permit(t, person, "answer_support")  # who never asked attempted nothing by opening a page
    with use(t, person, "answer_support") as c:
        return _cases_from(c, queries.cases_of(c, person))


def write(t: Troth, person: str, case_id: str, new: NewMessage) -> Case:
    """Add a message to a case that is open; the same form sent twice adds one.

    Raises:
        NotFound: there is no such case of this person.
        WrongState: it is closed.
    """
    purposes = shown_under(t, person)
    with use(t, person, *purposes, writes=True) as c:
        add_message(t, c, person, case_id, new, sender=PERSON)
        return case_in(c, person, case_id, purposes)


def close_case(t: Troth, person: str, case_id: str) -> Case:
    """Close a case; the number of the device goes with it.

    Raises:
        NotFound: there is no such case of this person.
    """
    with use(t, person, "answer_support", writes=True) as c:
        row = queries.lock_case(c, person, case_id)
        if row is None:
            raise NotFound
        if row.state == OPEN:
            queries.set_case(c, case_id, state=CLOSED, closed_at=now(t), support_device_id=None)
        return case_in(c, person, case_id)


def give_device_id(t: Troth, person: str, case_id: str) -> Case:
    """Make a number for the device in an open case, or a new one in place of the old.

    Raises:
        NotPermitted: the person does not allow it.
        NotFound: there is no such case of this person.
        WrongState: it is closed.
    """
    with use(t, person, *SUPPORTING, writes=True) as c:
        row = queries.lock_case(c, person, case_id)
        if row is None:
            raise NotFound
        if row.state != OPEN:
            raise WrongState(row.state)
        queries.set_device_id(c, case_id, _number())
        return case_in(c, person, case_id, SUPPORTING)


def drop_device_id(t: Troth, person: str) -> None:
    """Delete the numbers of a person's devices, for the moment after a withdrawal.

    Where `answer_support` does not stand either, nothing may be written of the cases, and no page
    shows a number.
    """
    if stand(t, person, "answer_support"):
        with use(t, person, "answer_support", writes=True) as c:
            queries.drop_device_ids(c, person)


def add_message(
    t: Troth, c: Connection, person: str, case_id: str, new: NewMessage, *, sender: str
) -> Row[Any]:
    """Add a message to a person's open case in the caller's block; return the case's row.

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


def _cases_from(
    c: Connection, rows: Sequence[Row[Any]], numbers: Sequence[Row[Any]] = ()
) -> tuple[Case, ...]:
    number_of = {row.case_id: str(row.support_device_id) for row in numbers}
    messages: dict[str, list[Message]] = {row.case_id: [] for row in rows}
    for m in queries.messages_of(c, list(messages)):
        messages[m.case_id].append(Message(m.message_key, m.sender, m.text, m.written_at))
    return tuple(
        Case(
            row.case_id,
            row.subject,
            row.state,
            row.opened_at,
            row.closed_at,
            number_of.get(row.case_id, ""),
            tuple(messages[row.case_id]),
        )
        for row in rows
    )


def shown_under(t: Troth, person: str) -> Sequence[str]:
    """Return the purposes that the page of a case is read under."""
    return SUPPORTING if stand(t, person, "identify_device") else SUPPORT_PURPOSES


def _number() -> str:
    return secrets.token_hex(8)


def _of_key(t: Troth, person: str, case_key: str) -> Case | None:
    if not stand(t, person, "answer_support"):
        return None
    purposes = shown_under(t, person)
    with use(t, person, *purposes) as c:
        row = queries.case_of_key(c, person, case_key)
        return None if row is None else case_in(c, person, row.case_id, purposes)


def _write(t: Troth, person: str, new: NewCase) -> Case:
    purposes = shown_under(t, person) if new.device else SUPPORT_PURPOSES
    case_id, at = secrets.token_hex(16), now(t)
    with use(t, person, *purposes, writes=True) as c:
        queries.add_case(
            c,
            case_id=case_id,
            pii_principal_id=person,
            case_key=new.case_key,
            subject=new.subject,
            opened_at=at,
        )
        if "identify_device" in purposes:
            queries.set_device_id(c, case_id, _number())
        first = NewMessage(new.case_key, new.message)
        _add_message(c, person, case_id, first, sender=PERSON, at=at)
        return case_in(c, person, case_id, purposes)


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
