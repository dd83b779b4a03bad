import threading

import pytest

from tests.shop.conftest import SECOND, Shop
from troth import Answer, Reason, SnapshotForged, SnapshotReplayed
from troth_shop import fields, queries, support
from troth_shop.errors import BadInput, NotFound, NotPermitted, RoleRefused, WrongState
from troth_shop.staff import Role, cases_to_answer, reply, staff_case
from troth_shop.support import NewCase, NewMessage


def new_case(**changed: str) -> NewCase:
    form = {"case_key": fields.new_key(), "subject": "茶叶罐瘪了", "message": "收到时\r\n已经瘪了"}
    return NewCase.of({**form, **changed})


def message(text_of_it: str = "请看照片", key: str = "") -> NewMessage:
    return NewMessage.of({"message_key": key or fields.new_key(), "message": text_of_it})


def opened(shop: Shop, person: str, **changed: str) -> support.Case:
    token = shop.token(person, *support.SUPPORT_PURPOSES)
    return support.open_case(shop.t, person, new_case(**changed), token)


def stored_numbers(shop: Shop) -> list[str | None]:
    return [row["support_device_id"] for row in shop.stored("shop_case")]


@pytest.mark.control("support_case")
def test_a_case_is_opened_written_in_and_closed(shop: Shop) -> None:
    person = shop.person()
    made = opened(shop, person)
    assert shop.t.decide(person, "answer_support").reason is Reason.ACT_STANDS
    assert [(m.sender, m.text) for m in made.messages] == [("person", "收到时\n已经瘪了")]
    one = message()
    for _ in range(2):
        made = support.write(shop.t, person, made.case_id, one)
    assert len(made.messages) == 2
    for _ in range(2):
        made = support.close_case(shop.t, person, made.case_id)
    assert not made.is_open
    with pytest.raises(WrongState):
        support.write(shop.t, person, made.case_id, message())
    assert support.cases(shop.t, person) == (made,)


def test_without_the_notice_shown_no_case_is_opened(shop: Shop) -> None:
    person = shop.person()
    with pytest.raises(SnapshotForged):
        support.open_case(shop.t, person, new_case(), "forged")
    assert stored_numbers(shop) == []
    assert shop.t.decide(person, "answer_support").reason is Reason.NEVER_ASKED


def test_a_failure_after_the_act_leaves_no_case_and_the_form_opens_it_later(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = shop.person()
    form, token = new_case(), shop.token(person, *support.SUPPORT_PURPOSES)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as failing:
        failing.setattr(queries, "add_message", broken)
        with pytest.raises(RuntimeError):
            support.open_case(shop.t, person, form, token)
    assert shop.count("shop_case") == 0
    with pytest.raises(SnapshotReplayed):
        support.open_case(shop.t, person, new_case(), token)
    assert support.open_case(shop.t, person, form, token).subject == form.subject
    assert support.open_case(shop.t, person, form, token).subject == form.subject
    assert shop.count("shop_case") == shop.count("shop_case_message") == 1


def test_the_same_form_sent_at_once_opens_one_case(shop: Shop) -> None:
    person = shop.person()
    form, token = new_case(), shop.token(person, *support.SUPPORT_PURPOSES)
    results: list[object] = []
    ready = threading.Barrier(3)

    def send() -> None:
        ready.wait()
        results.append(support.open_case(shop.t, person, form, token).case_id)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert len(set(results)) == 1
    assert len(stored_numbers(shop)) == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"subject": " "}, "text_missing"),
        ({"subject": "x" * 81}, "text_long"),
        ({"message": ""}, "text_missing"),
        ({"message": "x" * 2001}, "text_long"),
        ({"case_key": "1"}, "key_invalid"),
    ],
)
def test_a_malformed_case_is_refused(changed: dict[str, str], code: str) -> None:
    with pytest.raises(BadInput) as refused:
        new_case(**changed)
    assert refused.value.code == code


# --- the number of the device -----------------------------------------------------------------


@pytest.mark.promise("S-32")
@pytest.mark.control("device_id_per_case")
@pytest.mark.parametrize("answer", [None, Answer.REFUSE, Answer.DEFER, Answer.WITHDRAW])
def test_without_permission_no_number_is_made_and_the_case_opens(
    shop: Shop, answer: Answer | None
) -> None:
    person = shop.person()
    if answer is not None:
        shop.say(person, "identify_device", answer)
    made = opened(shop, person, device="yes")
    assert made.is_open
    assert stored_numbers(shop) == [None]
    with pytest.raises(NotPermitted):
        support.give_device_id(shop.t, person, made.case_id)


@pytest.mark.promise("S-32")
def test_permission_alone_makes_no_number(shop: Shop) -> None:
    person = shop.person()
    shop.say(person, "identify_device")
    opened(shop, person)
    assert stored_numbers(shop) == [None]


@pytest.mark.promise("S-32")
@pytest.mark.control("device_id_per_case")
def test_the_number_is_random_resettable_and_goes_with_the_case(shop: Shop) -> None:
    person = shop.person()
    shop.say(person, "identify_device")
    made = opened(shop, person, device="yes")
    other = opened(shop, person, device="yes")
    assert made.support_device_id
    assert made.support_device_id != other.support_device_id
    again = support.give_device_id(shop.t, person, made.case_id)
    assert again.support_device_id not in ("", made.support_device_id)
    assert made.support_device_id not in stored_numbers(shop)
    assert support.close_case(shop.t, person, made.case_id).support_device_id == ""
    assert again.support_device_id not in stored_numbers(shop)
    with pytest.raises(WrongState):
        support.give_device_id(shop.t, person, made.case_id)


@pytest.mark.promise("S-32")
def test_after_a_withdrawal_the_number_is_hidden_at_once_and_then_deleted(shop: Shop) -> None:
    person = shop.person()
    shop.say(person, "identify_device")
    made = opened(shop, person, device="yes")
    shop.say(person, "identify_device", Answer.WITHDRAW)
    assert support.case(shop.t, person, made.case_id).support_device_id == ""
    agent = shop.staff(Role.SUPPORT)
    assert staff_case(shop.t, agent, made.case_id).support_device_id == ""
    assert stored_numbers(shop) == [made.support_device_id]
    support.drop_device_id(shop.t, person)
    assert stored_numbers(shop) == [None]


# --- other people -----------------------------------------------------------------------------


@pytest.mark.promise("S-51")
@pytest.mark.control("support_case")
def test_the_case_of_another_person_does_not_exist(shop: Shop) -> None:
    mine, theirs = shop.person(), shop.person()
    shop.say(mine, "identify_device")
    opened(shop, mine)
    shop.say(theirs, "identify_device")
    number = opened(shop, theirs, device="yes")
    other = number.case_id
    for case_id in (other, "0" * 32, ""):
        for call in (
            lambda i: support.case(shop.t, mine, i),
            lambda i: support.write(shop.t, mine, i, message()),
            lambda i: support.close_case(shop.t, mine, i),
            lambda i: support.give_device_id(shop.t, mine, i),
        ):
            with pytest.raises(NotFound):
                call(case_id)
    support.drop_device_id(shop.t, mine)
    assert support.case(shop.t, theirs, other) == number


@pytest.mark.promise("S-51")
def test_the_first_agent_to_answer_keeps_the_case(shop: Shop) -> None:
    person = shop.person()
    made = opened(shop, person)
    first, second = shop.staff(Role.SUPPORT), shop.staff(Role.SUPPORT)
    assert [c.case_id for c in cases_to_answer(shop.t, second)] == [made.case_id]
    shop.clock.move(SECOND)  # two messages in the same microsecond would have no order
    reply(shop.t, first, made.case_id, message("马上补发"))
    assert cases_to_answer(shop.t, second) == ()
    with pytest.raises(RoleRefused):
        staff_case(shop.t, second, made.case_id)
    with pytest.raises(RoleRefused):
        reply(shop.t, second, made.case_id, message())
    found = support.case(shop.t, person, made.case_id)
    assert [m.sender for m in found.messages] == ["person", "staff"]


@pytest.mark.promise("S-51")
@pytest.mark.parametrize("role", [Role.CASHIER, Role.PACKER])
def test_other_roles_see_no_conversation(shop: Shop, role: Role) -> None:
    made = opened(shop, shop.person())
    staff = shop.staff(role)
    for call in (
        lambda: cases_to_answer(shop.t, staff),
        lambda: staff_case(shop.t, staff, made.case_id),
        lambda: reply(shop.t, staff, made.case_id, message()),
    ):
        with pytest.raises(RoleRefused):
            call()


def test_a_person_who_ended_the_purpose_is_read_by_nobody(shop: Shop) -> None:
    person = shop.person()
    made = opened(shop, person)
    shop.say(person, "answer_support", Answer.END_ACT)
    with pytest.raises(NotPermitted):
        support.case(shop.t, person, made.case_id)
    agent = shop.staff(Role.SUPPORT)
    assert cases_to_answer(shop.t, agent) == ()
    with pytest.raises(NotPermitted):
        staff_case(shop.t, agent, made.case_id)
