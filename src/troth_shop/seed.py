"""Two customers and one member of staff to try the shop with; safe to run again."""

from __future__ import annotations

from dataclasses import dataclass

from troth import Troth
from troth_shop import queries
from troth_shop.accounts import REGISTER_PURPOSES, add_customer
from troth_shop.gate import finds_one
from troth_shop.passwords import digest
from troth_shop.staff import Role, add_staff

PHONES = ("13900000001", "13900000002")


@dataclass(frozen=True, slots=True)
class Seeded:
    """Who can log in now."""

    people: tuple[str, str]
    staff_id: str


def seed(
    t: Troth,
    *,
    passwords: tuple[str, str],
    staff_name: str,
    staff_password: str,
    language: str = "zh-CN",
) -> Seeded:
    """Add what is missing of two customers and a cashier; who is there keeps their password.

    Args:
        t: the engine, with a policy published.
        passwords: of the customers with `PHONES`, in that order.
        staff_name: the cashier's name.
        staff_password: the cashier's password.
        language: in which the notices count as shown.
    """
    first, second = (
        _customer(t, phone, password, language)
        for phone, password in zip(PHONES, passwords, strict=True)
    )
    with t.reading() as c:
        row = queries.staff_of_name(c, staff_name)
    staff_id = (
        row.staff_id
        if row is not None
        else add_staff(t, staff_name, Role.CASHIER, staff_password).staff_id
    )
    return Seeded((first, second), staff_id)


def _customer(t: Troth, phone: str, password: str, language: str) -> str:
    found = finds_one(t, "shop_customer", "phone_index", phone)
    if found is not None:
        return found.person
    shown = t.show(*REGISTER_PURPOSES, person="", language=language, surface="/register")
    return add_customer(t, phone, digest(password), shown.token)
