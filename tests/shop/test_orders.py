import contextlib
import os
import subprocess
import sys
import threading
from dataclasses import fields as fields_of

import pytest

from tests.shop.conftest import CART, TO_HOME, Shop
from troth import Answer, Reason, SnapshotForged, SnapshotReplayed
from troth_shop import fields, orders, payments, queries
from troth_shop.errors import BadInput, NotFound, NotPermitted, ShopError, WrongState
from troth_shop.order_states import OrderState, PayBy, Step, after, can
from troth_shop.orders import Checkout
from troth_shop.payments import Reference
from troth_shop.staff import Role, approve_payment, confirm_refund, hand_out, pack, reject_payment

REFERENCE = Reference("2026112200001234")


def count(shop: Shop, table: str) -> int:
    return shop.count(table)


# --- placing ----------------------------------------------------------------------------------


@pytest.mark.promise("S-07")
@pytest.mark.control("checkout_minimal")
def test_pick_up_asks_and_stores_no_name_address_or_phone(shop: Shop) -> None:
    person = shop.person()
    placed = shop.order(person, **TO_HOME, pay_by="on_receipt")
    assert placed.state is OrderState.PLACED
    assert orders.delivery_of(shop.t, person, placed.order_id) is None
    assert count(shop, "shop_delivery") == 0


def test_delivery_by_ourselves_keeps_exactly_what_it_needs(shop: Shop) -> None:
    person = shop.person()
    placed = shop.order(person, delivery="our_delivery", **TO_HOME)
    found = orders.delivery_of(shop.t, person, placed.order_id)
    assert found is not None
    assert (found.name, found.phone, found.address) == tuple(TO_HOME.values())
    assert len(found.parcel_number) == 12


def test_lines_keep_name_and_price_of_the_day(shop: Shop) -> None:
    placed = shop.order(shop.person())
    product = shop.catalogue.by_sku["tea-longjing"]
    (line,) = placed.lines
    assert (line.name("zh-CN"), line.name("en")) == (product.name.zh, product.name.en)
    assert placed.total_fen == line.sum_fen == 2 * product.price_fen


@pytest.mark.promise("S-16")
@pytest.mark.control("extra_fields_dropped")
def test_fields_that_checkout_does_not_declare_are_dropped(shop: Shop) -> None:
    canary = "canary-4711"
    more = dict.fromkeys(("email", "birthday", "resident_id", "note", "utm_source"), canary)
    person = shop.person()
    shop.order(person, delivery="our_delivery", **TO_HOME, **more)
    names = {f.name for f in fields_of(Checkout)}
    assert names == {"order_key", "lines", "delivery", "pay_by", "recipient"}
    for table in ("shop_order", "shop_order_line", "shop_delivery", "shop_payment"):
        for row in shop.stored(table):
            assert canary not in str(row)
    found = orders.delivery_of(shop.t, person, orders.orders(shop.t, person)[0].order_id)
    assert found is not None
    assert canary not in str(found)  # what is sealed, opened


def test_ordering_records_the_acts_that_open_its_purposes(shop: Shop) -> None:
    person = shop.person()
    for purpose in orders.ORDER_PURPOSES:
        assert shop.t.decide(person, purpose).reason is Reason.NEVER_ASKED
    shop.order(person)
    for purpose in orders.ORDER_PURPOSES:
        assert shop.t.decide(person, purpose).reason is Reason.ACT_STANDS


def test_an_act_that_fails_leaves_no_order(shop: Shop) -> None:
    person = shop.person()
    with pytest.raises(SnapshotForged):
        orders.place_order(shop.t, person, shop.checkout(), "forged")
    assert count(shop, "shop_order") == 0
    assert shop.t.decide(person, "place_order").reason is Reason.NEVER_ASKED


def test_a_failure_after_the_acts_leaves_no_order_and_the_form_places_it_later(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = shop.person()
    checkout, token = shop.checkout(), shop.token(person, *orders.ORDER_PURPOSES)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as failing:
        failing.setattr(queries, "add_payment", broken)
        with pytest.raises(RuntimeError):
            orders.place_order(shop.t, person, checkout, token)
    assert count(shop, "shop_order") == count(shop, "shop_order_line") == 0
    before = shop.t.history(person)
    with pytest.raises(SnapshotReplayed):  # one showing is one act
        orders.place_order(shop.t, person, shop.checkout(), token)
    placed = orders.place_order(shop.t, person, checkout, token)
    assert orders.order(shop.t, person, placed.order_id) == placed
    later = shop.token(person, *orders.ORDER_PURPOSES)
    assert orders.place_order(shop.t, person, checkout, later) == placed
    assert shop.t.history(person) == before  # no act was recorded twice
    assert count(shop, "shop_order") == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from troth import Settings, Troth
from troth.adapters.clock import SetClock
from troth_shop import orders
from troth_shop.catalogue import load_catalogue

data, person, token, key, url, owner, now = sys.argv[1:8]
settings = {"TROTH_DATABASE_URL": url, "TROTH_OWNER_URL": owner, "TROTH_REGION": "CN"}
t = Troth.open(Settings.of(Path(data), settings), migrates=False, clock=SetClock(int(now)))
t.govern(Path(orders.__file__).parent / "datamap.yaml")
orders._write_rows = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
form = {"order_key": key, "delivery": "pick_up", "pay_by": "transfer"}
asked = orders.Checkout.of(form, load_catalogue(), {"tea-longjing": 2})
orders.place_order(t, person, asked, token)
"""


def test_killed_between_the_acts_and_the_rows_the_same_form_places_the_order(shop: Shop) -> None:
    person = shop.person()
    checkout, token = shop.checkout(), shop.token(person, *orders.ORDER_PURPOSES)
    done = subprocess.run(
        [
            *(sys.executable, "-c", KILLED, shop.folder, person, token, checkout.order_key),
            *(shop.database.app_url, shop.database.owner_url, str(shop.t.now())),
        ],
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == -9
    assert count(shop, "shop_order") == 0
    assert shop.t.decide(person, "place_order").reason is Reason.ACT_STANDS
    placed = orders.place_order(shop.t, person, checkout, token)
    assert orders.orders(shop.t, person) == (placed,)


def test_what_was_ended_between_the_acts_and_the_rows_is_not_written(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, real = shop.person(), orders._write

    def ending(*args: object) -> object:
        shop.say(person, "deliver_order", Answer.END_ACT)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(orders, "_write", ending)
    with pytest.raises(NotPermitted) as refused:
        shop.order(person)
    assert refused.value.purpose == "deliver_order"
    assert count(shop, "shop_order") == 0


def test_the_notices_shown_to_another_person_do_not_count(shop: Shop) -> None:
    mine, theirs = shop.person(), shop.person()
    token = shop.token(theirs, *orders.ORDER_PURPOSES)
    with pytest.raises(SnapshotForged):
        orders.place_order(shop.t, mine, shop.checkout(), token)


@pytest.mark.parametrize("told", ["restricted", "under_14"])
def test_a_person_who_may_not_be_served_cannot_open_it_by_an_act(shop: Shop, told: str) -> None:
    person = shop.person()
    shop.t.set_person(person, **{told: True})
    with pytest.raises(NotPermitted):
        shop.order(person)
    assert count(shop, "shop_order") == 0


def test_a_person_without_account_cannot_order(shop: Shop) -> None:
    with pytest.raises(NotPermitted):
        shop.order(shop.t.add_person(visitor=True))


# --- once -------------------------------------------------------------------------------------


def test_the_same_form_sent_twice_is_one_order(shop: Shop) -> None:
    person = shop.person()
    checkout, token = shop.checkout(), shop.token(person, *orders.ORDER_PURPOSES)
    first = orders.place_order(shop.t, person, checkout, token)
    assert orders.place_order(shop.t, person, checkout, token) == first
    later = shop.token(person, *orders.ORDER_PURPOSES)
    assert orders.place_order(shop.t, person, checkout, later) == first
    assert count(shop, "shop_order") == 1


@pytest.mark.parametrize("first_order", [True, False])
def test_the_same_form_sent_twice_at_once_is_one_order(shop: Shop, first_order: bool) -> None:
    person = shop.person()
    if not first_order:
        shop.order(person)
    before = count(shop, "shop_order")
    checkout = shop.checkout(delivery="our_delivery", **TO_HOME)
    tokens = [shop.token(person, *orders.ORDER_PURPOSES)] * 2
    tokens += [shop.token(person, *orders.ORDER_PURPOSES)] * 2
    results: list[object] = []
    ready = threading.Barrier(len(tokens))

    def send(token: str) -> None:
        ready.wait()
        results.append(orders.place_order(shop.t, person, checkout, token).order_id)

    threads = [threading.Thread(target=send, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == len(tokens)
    assert len(set(results)) == 1
    assert count(shop, "shop_order") == before + 1
    assert count(shop, "shop_delivery") == 1


def test_one_showing_does_not_place_two_orders(shop: Shop) -> None:
    person = shop.person()
    token = shop.token(person, *orders.ORDER_PURPOSES)
    orders.place_order(shop.t, person, shop.checkout(), token)
    with pytest.raises(SnapshotReplayed):
        orders.place_order(shop.t, person, shop.checkout(), token)
    assert count(shop, "shop_order") == 1


def test_two_people_with_one_key_have_an_order_each(shop: Shop) -> None:
    checkout = shop.checkout()
    ids = set()
    for person in (shop.person(), shop.person()):
        token = shop.token(person, *orders.ORDER_PURPOSES)
        ids.add(orders.place_order(shop.t, person, checkout, token).order_id)
    assert len(ids) == 2


# --- the courier ------------------------------------------------------------------------------


@pytest.mark.promise("S-09", "S-41")
@pytest.mark.control("courier_separate_consent")
def test_the_courier_needs_the_consent_that_names_it(shop: Shop) -> None:
    person = shop.person()
    for answer in (None, Answer.REFUSE, Answer.DEFER, Answer.WITHDRAW):
        if answer is not None:
            shop.say(person, "share_with_courier", answer)
        with pytest.raises(NotPermitted) as refused:
            shop.order(person, delivery="courier", **TO_HOME)
        assert refused.value.purpose == "share_with_courier"
    assert count(shop, "shop_order") == 0
    shop.say(person, "share_with_courier")
    assert shop.order(person, delivery="courier", **TO_HOME).delivery is orders.Delivery.COURIER


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"delivery": "drone"}, "choice_invalid"),
        ({"pay_by": ""}, "choice_invalid"),
        ({"order_key": "x"}, "key_invalid"),
        ({"order_key": "' OR 1=1 --"}, "key_invalid"),
        ({"delivery": "courier", "pay_by": "on_receipt", **TO_HOME}, "courier_needs_transfer"),
        ({"delivery": "our_delivery"}, "text_missing"),
        ({"delivery": "our_delivery", **TO_HOME, "recipient_name": " \x00 "}, "text_missing"),
        ({"delivery": "our_delivery", **TO_HOME, "recipient_name": "王" * 41}, "text_long"),
        ({"delivery": "our_delivery", **TO_HOME, "recipient_address": "路" * 10**6}, "text_long"),
        ({"delivery": "our_delivery", **TO_HOME, "recipient_phone": "110"}, "phone_invalid"),
    ],
)
def test_a_malformed_checkout_is_refused(changed: dict[str, str], code: str) -> None:
    from troth_shop.catalogue import load_catalogue

    form = {"order_key": "0" * 32, "delivery": "pick_up", "pay_by": "transfer", **changed}
    with pytest.raises(BadInput) as refused:
        Checkout.of(form, load_catalogue(), CART)
    assert refused.value.code == code
    assert all(value not in str(refused.value) for value in TO_HOME.values())


@pytest.mark.parametrize(
    ("cart", "code"),
    [
        ({}, "cart_empty"),
        ({"no-such-thing": 1}, "cart_invalid"),
        ({"tea-longjing": 0}, "cart_invalid"),
        ({"tea-longjing": -1}, "cart_invalid"),
        ({"tea-longjing": 100}, "cart_invalid"),
        ({f"sku-{n}": 1 for n in range(51)}, "cart_invalid"),
    ],
)
def test_a_cart_that_cannot_be_sold_is_refused(cart: dict[str, int], code: str) -> None:
    from troth_shop.catalogue import load_catalogue

    form = {"order_key": "0" * 32, "delivery": "pick_up", "pay_by": "transfer"}
    with pytest.raises(BadInput) as refused:
        Checkout.of(form, load_catalogue(), cart)
    assert refused.value.code == code


@pytest.mark.parametrize("typed", ["", "12345", "x" * 65, "-12345-", "<script>", "１２ ３"])
def test_a_reference_that_is_none_is_refused(typed: str) -> None:
    with pytest.raises(BadInput):
        Reference.of({"reference": typed})


def test_a_reference_may_be_typed_as_banks_print_it() -> None:
    assert Reference.of({"reference": " 2026 1122　ab-９９ "}).reference == "20261122AB-99"


# --- other people -----------------------------------------------------------------------------


@pytest.mark.promise("S-13")
def test_the_order_of_another_person_does_not_exist(shop: Shop) -> None:
    mine, theirs = shop.person(), shop.person()
    shop.order(mine)
    other = shop.order(theirs, delivery="our_delivery", **TO_HOME).order_id
    calls = [
        lambda i: orders.order(shop.t, mine, i),
        lambda i: orders.delivery_of(shop.t, mine, i),
        lambda i: orders.cancel_order(shop.t, mine, i),
        lambda i: orders.finish_order(shop.t, mine, i),
        lambda i: payments.payment_of(shop.t, mine, i),
        lambda i: payments.give_reference(shop.t, mine, i, REFERENCE),
    ]
    for call in calls:
        for order_id in (other, "0" * 32, "", "' OR 1=1 --"):
            with pytest.raises(NotFound):
                call(order_id)
    assert orders.order(shop.t, theirs, other).state is OrderState.PLACED
    assert payments.payment_of(shop.t, theirs, other).reference == ""
    assert [o.person for o in orders.orders(shop.t, mine)] == [mine]


def test_what_a_person_ended_is_read_no_more(shop: Shop) -> None:
    person = shop.person()
    placed = shop.order(person, delivery="our_delivery", **TO_HOME)
    for purpose, call in (
        ("place_order", lambda: orders.order(shop.t, person, placed.order_id)),
        ("deliver_order", lambda: orders.delivery_of(shop.t, person, placed.order_id)),
        ("take_payment", lambda: payments.payment_of(shop.t, person, placed.order_id)),
    ):
        shop.say(person, purpose, Answer.END_ACT)
        with pytest.raises(NotPermitted) as refused:
            call()
        assert refused.value.purpose == purpose


# --- the states -------------------------------------------------------------------------------


def test_transfer_from_order_to_done(shop: Shop) -> None:
    person = shop.person()
    cashier, packer = shop.staff(Role.CASHIER), shop.staff(Role.PACKER)
    placed = shop.order(person)
    assert placed.may_pay
    assert placed.may_cancel
    paid = payments.give_reference(shop.t, person, placed.order_id, REFERENCE)
    assert paid.reference == REFERENCE.reference
    assert orders.order(shop.t, person, placed.order_id).state is OrderState.AWAITING_CHECK
    assert reject_payment(shop.t, cashier, placed.order_id) is OrderState.PLACED
    assert payments.payment_of(shop.t, person, placed.order_id).rejected
    payments.give_reference(shop.t, person, placed.order_id, REFERENCE)
    for _ in range(2):
        assert approve_payment(shop.t, cashier, placed.order_id) is OrderState.PAID
    assert payments.payment_of(shop.t, person, placed.order_id).paid_at
    for _ in range(2):
        assert pack(shop.t, packer, placed.order_id) is OrderState.PACKED
    assert hand_out(shop.t, packer, placed.order_id) is OrderState.HANDED_OVER
    with pytest.raises(WrongState):
        orders.cancel_order(shop.t, person, placed.order_id)
    for _ in range(2):
        assert orders.finish_order(shop.t, person, placed.order_id).state is OrderState.DONE


def test_payment_on_receipt_needs_no_cashier(shop: Shop) -> None:
    person, packer = shop.person(), shop.staff(Role.PACKER)
    placed = shop.order(person, pay_by="on_receipt")
    with pytest.raises(WrongState):
        payments.give_reference(shop.t, person, placed.order_id, REFERENCE)
    pack(shop.t, packer, placed.order_id)
    assert payments.payment_of(shop.t, person, placed.order_id).paid_at is None
    hand_out(shop.t, packer, placed.order_id)
    assert payments.payment_of(shop.t, person, placed.order_id).paid_at is not None


def test_what_was_not_paid_is_not_packed(shop: Shop) -> None:
    placed = shop.order(shop.person())
    with pytest.raises(WrongState):
        pack(shop.t, shop.staff(Role.PACKER), placed.order_id)


def test_cancelling_before_paying_needs_no_refund(shop: Shop) -> None:
    person = shop.person()
    placed = shop.order(person)
    for _ in range(2):
        assert orders.cancel_order(shop.t, person, placed.order_id).state is OrderState.CANCELLED
    with pytest.raises(WrongState):
        payments.give_reference(shop.t, person, placed.order_id, REFERENCE)


@pytest.mark.parametrize("how_far", [OrderState.AWAITING_CHECK, OrderState.PAID, OrderState.PACKED])
def test_cancelling_after_paying_makes_a_refund_that_staff_confirm(
    shop: Shop, how_far: OrderState
) -> None:
    person, cashier = shop.person(), shop.staff(Role.CASHIER)
    placed = shop.order(person)
    payments.give_reference(shop.t, person, placed.order_id, REFERENCE)
    if how_far is not OrderState.AWAITING_CHECK:
        approve_payment(shop.t, cashier, placed.order_id)
    if how_far is OrderState.PACKED:
        pack(shop.t, shop.staff(Role.PACKER), placed.order_id)
    for _ in range(2):
        assert orders.cancel_order(shop.t, person, placed.order_id).state is OrderState.REFUND_DUE
    for _ in range(2):
        assert confirm_refund(shop.t, cashier, placed.order_id) is OrderState.REFUNDED
    assert payments.payment_of(shop.t, person, placed.order_id).refunded_at is not None
    assert orders.cancel_order(shop.t, person, placed.order_id).state is OrderState.REFUNDED


def test_cancelling_and_approving_at_once_end_in_one_of_two_states(shop: Shop) -> None:
    person, cashier = shop.person(), shop.staff(Role.CASHIER)
    for _ in range(3):
        placed = shop.order(person)
        payments.give_reference(shop.t, person, placed.order_id, REFERENCE)
        ready = threading.Barrier(2)

        def run(call: object, *args: object, ready: threading.Barrier = ready) -> None:
            ready.wait()
            with contextlib.suppress(ShopError):
                call(shop.t, *args)  # type: ignore[operator]

        both = [
            threading.Thread(target=run, args=(orders.cancel_order, person, placed.order_id)),
            threading.Thread(target=run, args=(approve_payment, cashier, placed.order_id)),
        ]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert orders.order(shop.t, person, placed.order_id).state is OrderState.REFUND_DUE


@pytest.mark.parametrize("pay_by", PayBy)
def test_every_state_ends_somewhere_and_no_step_leaves_the_end(pay_by: PayBy) -> None:
    ends = {OrderState.DONE, OrderState.CANCELLED, OrderState.REFUNDED}
    for state in OrderState:
        moves = [step for step in Step if can(state, step, pay_by)]
        if state in ends:
            assert moves == []
    for state in (OrderState.HANDED_OVER, OrderState.DONE):
        with pytest.raises(WrongState):
            after(state, Step.CANCEL, pay_by)
    reached, grown = {OrderState.PLACED}, True
    while grown:
        then = {after(s, step, pay_by) for s in reached for step in Step if can(s, step, pay_by)}
        grown = bool(then - reached)
        reached |= then
    lost = (
        set()
        if pay_by is PayBy.TRANSFER
        else {
            OrderState.AWAITING_CHECK,
            OrderState.PAID,
            OrderState.REFUND_DUE,
            OrderState.REFUNDED,
        }
    )
    assert reached == set(OrderState) - lost


def test_keys_are_random() -> None:
    assert len({fields.new_key() for _ in range(100)}) == 100
