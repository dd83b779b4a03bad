"""Break-glass: staff look although role or case do not allow it, because they must (S-57).

What is promised, and by what it is kept:

1. Only roles of `MAY_BREAK_GLASS` do it, and only with a reason in words that name nobody.
2. It passes role and case and nothing else: the person's own answer still decides, so what was
   withdrawn stays closed (`Troth.use`).
3. It shows one case, or where one order goes; there is no list to leaf through.
4. The look is durable before the first row, and with it its alarm, which the officer reads
   (`alarms`). The person finds it marked on *Who looked at my data*, and My tells of it
   (`recent_emergency`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from troth import Actor, LookFilter, Troth
from troth_shop import fields, queries
from troth_shop.errors import BadInput, NotFound, RoleRefused
from troth_shop.fields import Form
from troth_shop.gate import finds_one, use
from troth_shop.orders import Recipient, number_of
from troth_shop.staff import Role, Staff
from troth_shop.support import Case, case_in

MAY_BREAK_GLASS = frozenset({Role.SUPPORT, Role.OFFICER})
"""Who may look in an emergency: whoever speaks with customers, and the officer."""

TOLD_FOR = 30 * 24 * 3600 * 1_000_000
"""So long My tells of an emergency look (microseconds)."""

_LEAST, _MOST = 8, 300


class Wanted(StrEnum):
    """What can be looked at in an emergency."""

    CASE = "case"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True)
class Emergency:
    """A form that says what must be seen and why."""

    wanted: Wanted
    id: str
    reason: str

    @classmethod
    def of(cls, form: Form) -> Emergency:
        """Read ``wanted``, ``id`` and ``reason``.

        Raises:
            BadInput: a field is malformed, or the reason has a number or an address in it.
        """
        wanted = fields.choice(form, "wanted", Wanted)
        reason = fields.text(form, "reason", most=_MOST)
        digits = sum(character.isdigit() for character in reason)
        if len(reason) < _LEAST or digits >= 6 or "@" in reason:
            raise BadInput("reason_invalid", "reason")
        return cls(wanted, fields.text(form, "id", most=64), reason)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where one order goes; ``recipient`` is None if it is picked up."""

    order_id: str
    recipient: Recipient | None

    @property
    def number(self) -> str:
        """Return the short number of the order."""
        return number_of(self.order_id)


def look_at_case(t: Troth, staff: Staff, emergency: Emergency) -> Case:
    """Return a case that another agent has, and raise the alarm.

    Raises:
        RoleRefused: this role breaks no glass.
        NotFound: there is no such case.
        NotPermitted: the person's own answer closes it.
    """
    person = _whose(t, staff, "shop_case", "case_id", emergency.id)
    with use(
        t,
        person,
        "answer_support",
        actor=staff.actor,
        case=emergency.id,
        break_glass=emergency.reason,
    ) as c:
        return case_in(c, person, emergency.id)


def look_at_delivery(t: Troth, staff: Staff, emergency: Emergency) -> Delivery:
    """Return where an order goes, and raise the alarm.

    Raises:
        RoleRefused, NotFound, NotPermitted: see `look_at_case`.
    """
    person = _whose(t, staff, "shop_order", "order_id", emergency.id)
    with use(
        t,
        person,
        "deliver_order",
        actor=staff.actor,
        case=emergency.id,
        break_glass=emergency.reason,
    ) as c:
        row = queries.delivery_of(c, person, emergency.id)
    if row is None:
        return Delivery(emergency.id, None)
    recipient = Recipient(
        row.recipient_name, row.recipient_phone, row.recipient_address, row.parcel_number
    )
    return Delivery(emergency.id, recipient)


def recent_emergency(t: Troth, person: str) -> int | None:
    """Return when staff last looked at a person in an emergency (µs), if in the last month."""
    since = t.now() - TOLD_FOR
    page = t.who_looked(person, wanted=LookFilter(since=since), size=500)
    while True:
        for look in page.looks:
            if look.break_glass:
                return look.looked_at
        if not page.next:
            return None
        page = t.who_looked(person, wanted=LookFilter(since=since), after=page.next, size=500)


def _whose(t: Troth, staff: Staff, table: str, by: str, row_id: str) -> str:
    if staff.role not in MAY_BREAK_GLASS:
        raise RoleRefused
    found = finds_one(t, table, by, row_id)
    if found is None:
        raise NotFound
    return found.person


# --- what the officer reads -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An emergency look as the officer reads it: who did it, why, and what it showed."""

    look_id: str
    looked_at: int
    staff_name: str
    role: str
    purpose: str
    categories: tuple[str, ...]
    case_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A look that its person questions; what it was about is empty once it cannot be found."""

    report_id: str
    reported_at: int
    reason: str
    looked_at: int | None
    role: str
    purpose: str
    categories: tuple[str, ...]


def alarms(t: Troth, staff: Staff, since: int, language: str) -> tuple[AlarmRow, ...]:
    """Return the emergency looks since a time (µs), newest first.

    Raises:
        RoleRefused: only the officer reads them.
    """
    _officers_only(staff)
    policy = t.policy
    found = t.alarms(since)
    with t.reading() as c:
        names = queries.staff_names(c, sorted({alarm.look.actor_id for alarm in found}))
    rows = []
    for alarm in found:
        look = alarm.look
        role, purpose = policy.roles.get(look.actor_role), _title(t, look.purpose_id, language)
        rows.append(
            AlarmRow(
                look_id=look.look_id,
                looked_at=look.looked_at,
                staff_name=names.get(look.actor_id, look.actor_id),
                role=role.title[language] if role is not None else look.actor_role,
                purpose=purpose,
                categories=tuple(_category(t, name, language) for name in look.categories),
                case_id=look.case_id,
                reason=alarm.words,
            )
        )
    return tuple(rows)


def reports(t: Troth, staff: Staff, since: int, language: str) -> tuple[ReportRow, ...]:
    """Return what people questioned since a time (µs), newest first.

    Of each only the look that its person put before the officer is shown, no other.

    Raises:
        RoleRefused: only the officer reads them.
    """
    _officers_only(staff)
    found, rows = t.look_reports(since), []
    people = list(dict.fromkeys(report.person for report in found))
    if people:
        t.record_look(
            "answer_rights",
            people=people,
            actor=Actor(staff.staff_id, staff.role.value),
            case="queue:reports",
            categories=("use_records",),
        )
    for report in found:
        look = next(
            (
                look
                for look in t.who_looked(
                    report.person,
                    language=language,
                    wanted=LookFilter(until=report.reported_at + 1, roles=_roles(t)),
                    size=500,
                ).looks
                if look.look_id == report.look_id
            ),
            None,
        )
        rows.append(
            ReportRow(
                report_id=report.report_id,
                reported_at=report.reported_at,
                reason=report.reason.value,
                looked_at=look.looked_at if look is not None else None,
                role=look.role if look is not None else "",
                purpose=look.purpose if look is not None else "",
                categories=look.categories if look is not None else (),
            )
        )
    return tuple(rows)


def _officers_only(staff: Staff) -> None:
    if staff.role is not Role.OFFICER:
        raise RoleRefused


def _roles(t: Troth) -> tuple[str, ...]:
    return (*t.policy.roles, "self", "system")


def _title(t: Troth, purpose: str, language: str) -> str:
    known = {str(name): found for name, found in t.policy.purposes.items()}.get(purpose)
    return known.title[language] if known is not None else purpose


def _category(t: Troth, name: str, language: str) -> str:
    known = t.policy.categories.get(name)
    return known.title[language] if known is not None else name
