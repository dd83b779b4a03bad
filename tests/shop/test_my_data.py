import json
from pathlib import Path

import pytest

from tests.shop.conftest import PASSWORD, TO_HOME, Phones, Shop
from tests.shop.test_vouchers import picture
from troth import Answer, Reason
from troth_shop import (
    accounts,
    fields,
    messages,
    orders,
    passwords,
    payments,
    seed,
    sessions,
    support,
    tables,
    vouchers,
)
from troth_shop import staff as staff_of_shop
from troth_shop.accounts import LogIn, StartRegistration
from troth_shop.errors import LogInRefused, MessageNotSent
from troth_shop.my_data import my_data
from troth_shop.staff import Role

OURS = {"shop_staff", "shop_staff_session"}


def everything(shop: Shop) -> str:
    """A person with a row in every table that holds something about customers."""
    person = shop.person()
    for purpose in ("check_voucher", "choose_file", "share_with_courier", "identify_device"):
        shop.say(person, purpose)
    placed = shop.order(person, delivery="courier", **TO_HOME)
    row = vouchers.store_voucher(
        shop.t,
        shop.vouchers,
        person,
        placed.order_id,
        content=picture(),
        via=vouchers.Via.CHOOSE_FILE,
    )
    assert row.size_bytes
    staff_of_shop.approve_payment(shop.t, shop.staff(Role.CASHIER), placed.order_id)
    staff_of_shop.pack(shop.t, shop.staff(Role.PACKER), placed.order_id)
    new = support.NewCase(fields.new_key(), "subject", "message", device=True)
    support.open_case(shop.t, person, new, shop.token(person, *support.SUPPORT_PURPOSES))
    phone = accounts.account(shop.t, person).phone
    accounts.start_registration(shop.t, Phones(), StartRegistration(phone), "en")
    with pytest.raises(LogInRefused):
        accounts.log_in(shop.t, LogIn(phone, "wrong password"))
    sessions.start_session(shop.t, person)
    return person


@pytest.mark.promise("S-19")
def test_every_table_about_a_person_is_in_my_data(shop: Shop) -> None:
    person, other = everything(shop), everything(shop)
    found = my_data(shop.t, person)
    assert found.withheld == ()
    shown = {section.name: section.rows for section in found.sections}
    held = {t.name for t in tables.metadata.sorted_tables} - OURS
    assert len(shown) == len(held)
    for table in held:
        assert shop.count(table) == 2
    assert all(len(rows) == 1 for rows in shown.values())
    words = json.dumps(shown, ensure_ascii=False, default=dict)
    assert TO_HOME["recipient_address"] in words
    assert accounts.account(shop.t, person).phone in words
    assert other not in words
    assert "$argon2" not in words


def test_a_part_whose_purpose_does_not_stand_is_named_with_the_reason(shop: Shop) -> None:
    person = everything(shop)
    shop.say(person, "answer_support", Answer.END_ACT)
    found = my_data(shop.t, person)
    assert {w.name: w.decision.reason for w in found.withheld} == {
        "cases": Reason.ENDED,
        "messages": Reason.ENDED,
    }
    assert {"account", "orders"} <= {s.name for s in found.sections}


def test_a_restricted_person_still_sees_what_the_law_keeps(shop: Shop) -> None:
    person = everything(shop)
    shop.t.set_person(person, restricted=True)
    found = {s.name: s.purpose for s in my_data(shop.t, person).sections}
    assert found["account"] == "secure_account"
    assert found["orders"] == "keep_records"


def test_who_never_ordered_has_an_account_and_no_more(shop: Shop) -> None:
    found = my_data(shop.t, shop.person())
    assert {s.name for s in found.sections if s.rows} == {"account"}
    assert all(w.decision.reason is Reason.NEVER_ASKED for w in found.withheld)


def test_a_stranger_has_nothing(shop: Shop) -> None:
    shop.person()
    assert my_data(shop.t, "0" * 32).sections == ()


def seeded(shop: Shop) -> seed.Seeded:
    return seed.seed(
        shop.t,
        passwords=("first password", "second password"),
        staff_name="收款员",
        staff_password=PASSWORD,
    )


def test_seeding_twice_makes_two_customers_and_one_cashier(shop: Shop) -> None:
    made = seeded(shop)
    assert seeded(shop) == made
    for phone, password, person in zip(
        seed.PHONES, ("first password", "second password"), made.people, strict=True
    ):
        assert accounts.log_in(shop.t, LogIn(phone, password)).person == person
        assert shop.order(person).state is orders.OrderState.PLACED
    token = staff_of_shop.log_in_staff(shop.t, staff_of_shop.StaffLogIn("收款员", PASSWORD))
    found = staff_of_shop.find_staff(shop.t, token)
    assert found is not None
    assert found.role is Role.CASHIER
    assert shop.count("troth_person") == 2


def test_the_demo_outbox_shows_the_last_messages_and_is_private(tmp_path: Path) -> None:
    outbox = messages.DemoOutbox(tmp_path / "data")
    assert outbox.recent() == ()
    for n in range(messages.DemoOutbox.MOST + 5):
        outbox.send(to="13900000001", text=f"验证码\n{n}")
    shown = outbox.recent()
    assert len(shown) == messages.DemoOutbox.MOST
    assert shown[0].text == f"验证码\n{messages.DemoOutbox.MOST + 4}"
    assert (tmp_path / "data" / "outbox.jsonl").stat().st_mode & 0o777 == 0o600


def test_without_a_port_nothing_is_sent_and_it_is_said(shop: Shop) -> None:
    start = StartRegistration("13612345678")
    with pytest.raises(MessageNotSent):
        accounts.start_registration(shop.t, messages.NoMessages(), start, "en")


def test_payment_keeps_its_way(shop: Shop) -> None:
    person = shop.person()
    placed = shop.order(person, pay_by="on_receipt")
    assert payments.payment_of(shop.t, person, placed.order_id).pay_by is orders.PayBy.ON_RECEIPT
    assert passwords.matches("x", "not a digest") is False
