import json
from dataclasses import asdict

import pytest

from tests.shop.conftest import PASSWORD, TO_HOME, Shop
from troth import Answer
from troth_shop import accounts, orders, passwords, payments, staff
from troth_shop.errors import BadInput, LogInRefused, NotFound, RoleRefused, Throttled, WrongState
from troth_shop.order_states import OrderState
from troth_shop.payments import Reference
from troth_shop.staff import Role, StaffLogIn

HALF_A_DAY = 12 * 3600


def awaiting(shop: Shop, **changed: str) -> orders.Order:
    person = shop.person()
    placed = shop.order(person, **changed)
    payments.give_reference(shop.t, person, placed.order_id, Reference("20261122ABCD"))
    return placed


def test_staff_log_in_by_name_for_half_a_day(shop: Shop) -> None:
    made = shop.staff(Role.CASHIER)
    token = staff.log_in_staff(shop.t, StaffLogIn.of({"name": made.name, "password": PASSWORD}))
    assert staff.find_staff(shop.t, token) == made
    shop.move(HALF_A_DAY - 1)
    assert staff.find_staff(shop.t, token) == made
    shop.move(1)
    assert staff.find_staff(shop.t, token) is None


def test_logging_out_ends_it(shop: Shop) -> None:
    made = shop.staff(Role.CASHIER)
    token = staff.log_in_staff(shop.t, StaffLogIn(made.name, PASSWORD))
    for _ in range(2):
        staff.log_out_staff(shop.t, token)
    assert staff.find_staff(shop.t, token) is None
    for other in ("", "x", "x" * 1000):
        assert staff.find_staff(shop.t, other) is None


def test_wrong_names_and_passwords_are_refused_and_limited(shop: Shop) -> None:
    made = shop.staff(Role.CASHIER)
    for name, password in ((made.name, "wrong password"), ("nobody", PASSWORD)):
        with pytest.raises(LogInRefused):
            staff.log_in_staff(shop.t, StaffLogIn(name, password))
    for _ in range(passwords.PER_NAME - 1):
        with pytest.raises(LogInRefused):
            staff.log_in_staff(shop.t, StaffLogIn(made.name, "wrong password"))
    with pytest.raises(Throttled):
        staff.log_in_staff(shop.t, StaffLogIn(made.name, PASSWORD))
    with pytest.raises(BadInput):
        StaffLogIn.of({"name": "", "password": ""})


def test_a_customer_session_is_no_staff_session(shop: Shop) -> None:
    from troth_shop import sessions

    person = shop.person()
    _, token = sessions.start_session(shop.t, person)
    assert staff.find_staff(shop.t, token) is None
    made = shop.staff(Role.CASHIER)
    other = staff.log_in_staff(shop.t, StaffLogIn(made.name, PASSWORD))
    assert sessions.find_session(shop.t, other) is None


@pytest.mark.promise("S-57")
@pytest.mark.control("staff_role_page")
def test_the_cashier_sees_payments_and_nothing_that_says_who(shop: Shop) -> None:
    person = shop.person()
    placed = shop.order(person, delivery="our_delivery", **TO_HOME)
    payments.give_reference(shop.t, person, placed.order_id, Reference("20261122ABCD"))
    (row,) = staff.to_check(shop.t, shop.staff(Role.CASHIER))
    assert (row.order_id, row.reference) == (placed.order_id, "20261122ABCD")
    words = json.dumps(asdict(row), ensure_ascii=False)
    assert all(value not in words for value in TO_HOME.values())
    assert accounts.account(shop.t, person).phone not in words
    assert person not in words
    assert "account_phone" not in shop.t.policy.roles["cashier"].sees


@pytest.mark.promise("S-57")
@pytest.mark.control("staff_role_page")
def test_each_role_does_its_own_and_no_other(shop: Shop) -> None:
    order_id = awaiting(shop).order_id
    cashier, packer, agent, officer = (shop.staff(role) for role in Role)
    for other in (packer, agent, officer):
        for call in (
            lambda s: staff.to_check(shop.t, s),
            lambda s: staff.to_check_one(shop.t, s, order_id),
            lambda s: staff.approve_payment(shop.t, s, order_id),
            lambda s: staff.reject_payment(shop.t, s, order_id),
            lambda s: staff.confirm_refund(shop.t, s, order_id),
        ):
            with pytest.raises(RoleRefused):
                call(other)
    for call in (
        lambda s: staff.to_pack(shop.t, s),
        lambda s: staff.pack(shop.t, s, order_id),
        lambda s: staff.hand_out(shop.t, s, order_id),
    ):
        for other in (cashier, agent, officer):
            with pytest.raises(RoleRefused):
                call(other)


def test_only_what_waits_is_shown_to_the_cashier(shop: Shop) -> None:
    cashier = shop.staff(Role.CASHIER)
    placed = shop.order(shop.person())
    assert staff.to_check(shop.t, cashier) == ()
    for order_id in (placed.order_id, "0" * 32):
        with pytest.raises(NotFound):
            staff.to_check_one(shop.t, cashier, order_id)
    with pytest.raises(WrongState):
        staff.approve_payment(shop.t, cashier, placed.order_id)
    with pytest.raises(NotFound):
        staff.approve_payment(shop.t, cashier, "0" * 32)
    waits = awaiting(shop)
    assert staff.to_check_one(shop.t, cashier, waits.order_id).number == waits.number


def test_a_person_who_ended_the_purpose_is_not_shown_to_staff(shop: Shop) -> None:
    waits = awaiting(shop)
    packer, cashier = shop.staff(Role.PACKER), shop.staff(Role.CASHIER)
    staff.approve_payment(shop.t, cashier, waits.order_id)
    assert len(staff.to_pack(shop.t, packer)) == 1
    shop.say(waits.person, "deliver_order", Answer.END_ACT)
    assert staff.to_pack(shop.t, packer) == ()
    other = awaiting(shop)
    shop.say(other.person, "take_payment", Answer.END_ACT)
    assert staff.to_check(shop.t, cashier) == ()


def test_the_packer_sees_where_it_goes_and_not_what_is_unpaid(shop: Shop) -> None:
    cashier, packer = shop.staff(Role.CASHIER), shop.staff(Role.PACKER)
    unpaid = awaiting(shop, delivery="our_delivery", **TO_HOME)
    cash = shop.order(shop.person(), pay_by="on_receipt")
    (row,) = staff.to_pack(shop.t, packer)
    assert (row.order_id, row.recipient) == (cash.order_id, None)
    staff.approve_payment(shop.t, cashier, unpaid.order_id)
    found = {r.order_id: r for r in staff.to_pack(shop.t, packer)}[unpaid.order_id]
    assert found.recipient is not None
    assert found.recipient.address == TO_HOME["recipient_address"]
    staff.pack(shop.t, packer, unpaid.order_id)
    assert staff.hand_out(shop.t, packer, unpaid.order_id) is OrderState.HANDED_OVER


@pytest.mark.promise("S-57")
@pytest.mark.control("staff_role_page")
def test_a_field_that_the_policy_does_not_let_the_role_see_is_masked(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = awaiting(shop, delivery="our_delivery", **TO_HOME)
    staff.approve_payment(shop.t, shop.staff(Role.CASHIER), placed.order_id)
    seen = staff.seen_by_role(shop.t.policy, "packer", "deliver_order")
    assert "recipient_phone" in seen
    monkeypatch.setattr(staff, "seen_by_role", lambda *_: seen - {"recipient_phone"})
    (row,) = staff.to_pack(shop.t, shop.staff(Role.PACKER))
    assert row.recipient is not None
    assert (row.recipient.name, row.recipient.phone) == (TO_HOME["recipient_name"], "")
