import threading
from dataclasses import fields as fields_of

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from tests.shop.conftest import PASSWORD, Shop
from troth import Answer, Reason, SnapshotExpired, SnapshotForged
from troth_shop import accounts, codes, passwords, queries, sessions
from troth_shop.accounts import LogIn, Registration, Reset, StartRegistration
from troth_shop.errors import (
    AccountExists,
    BadInput,
    LogInRefused,
    NotFound,
    NotPermitted,
    ShopError,
    Throttled,
    UnderAge,
    WrongCode,
)

PHONE = "13612345678"
TABLES = ("shop_customer", "shop_session", "shop_code", "shop_attempt", "troth_person")


def rows(shop: Shop) -> dict[str, int]:
    return {name: shop.count(name) for name in TABLES}


def start(shop: Shop, phone: str = PHONE) -> codes.Challenge:
    asked = StartRegistration.of({"phone": phone, "fourteen": "yes"})
    return accounts.start_registration(shop.t, shop.phones, asked, "zh-CN")


def shown(shop: Shop) -> str:
    return shop.t.show(*accounts.REGISTER_PURPOSES, person="", surface="/register").token


def filled(challenge_id: str, code: str, **more: str) -> Registration:
    form = {
        "challenge_id": challenge_id,
        "phone": PHONE,
        "code": code,
        "password": PASSWORD,
        "fourteen": "yes",
    }
    return Registration.of({**form, **more})


def register(shop: Shop, phone: str = PHONE) -> accounts.LoggedIn:
    challenge = start(shop, phone)
    form = filled(challenge.challenge_id, shop.phones.code(), phone=phone)
    return accounts.register(shop.t, form, shown(shop))


@pytest.mark.promise("S-07", "S-16")
def test_registering_stores_a_phone_a_digest_and_a_random_id_and_nothing_else(shop: Shop) -> None:
    challenge = start(shop)
    more = {"email": "canary@example.cn", "resident_id": "110101199001011237", "name": "张三"}
    form = filled(challenge.challenge_id, shop.phones.code(), **more)
    made = accounts.register(shop.t, form, shown(shop))
    (row,) = shop.stored("shop_customer")
    held = {"pii_principal_id", "phone", "phone_index", "password_hash", "created_at"}
    assert set(row) == held
    assert not any(word in str(row) for word in (PHONE, PASSWORD))
    assert accounts.account(shop.t, made.person).phone == PHONE
    assert {f.name for f in fields_of(form)} == {"challenge_id", "phone", "code", "password"}
    assert shop.t.decide(made.person, "register_account").reason is Reason.ACT_STANDS
    assert shop.t.decide(made.person, "secure_account").reason is Reason.ACT_STANDS
    assert sessions.find_session(shop.t, made.session_token) is not None


@pytest.mark.promise("S-52")
@pytest.mark.control("passwords_hashed")
def test_passwords_are_kept_as_argon2id_digests(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_ARGON2", PasswordHash((Argon2Hasher(),)))
    register(shop)
    (row,) = shop.stored("shop_customer")
    assert row["password_hash"].startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.control("under_14_refused")
def test_under_14_stores_nothing_and_sends_nothing(shop: Shop) -> None:
    before = rows(shop)
    with pytest.raises(UnderAge) as refused:
        StartRegistration.of({"phone": PHONE, "fourteen": "no"})
    assert "14" in str(refused.value)
    assert PHONE not in str(refused.value)
    assert rows(shop) == before
    assert shop.phones.sent == []


@pytest.mark.parametrize("said", ["", "maybe", "YES"])
def test_age_must_be_declared(said: str) -> None:
    with pytest.raises(BadInput):
        StartRegistration.of({"phone": PHONE, "fourteen": said})


@pytest.mark.parametrize(
    "typed",
    [
        "13612345678",
        "+86 136 1234 5678",
        "0086-136-1234-5678",
        "１３６１２３４５６７８",
        " 136　1234　5678 ",
    ],
)
def test_a_phone_may_be_typed_as_people_do(typed: str) -> None:
    assert StartRegistration.of({"phone": typed, "fourteen": "yes"}).phone == PHONE


@pytest.mark.parametrize(
    "typed",
    ["", "1361234567", "136123456789", "23612345678", "136abc45678", "+1 202 555 0100", "١٣٦"],
)
def test_a_phone_that_is_none_is_refused(typed: str) -> None:
    with pytest.raises(BadInput) as refused:
        StartRegistration.of({"phone": typed, "fourteen": "yes"})
    assert refused.value.code == "phone_invalid"


@pytest.mark.parametrize(
    ("password", "code"), [("123456789", "password_short"), ("x" * 129, "password_long")]
)
def test_a_password_has_bounds(password: str, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        filled("0" * 32, "123456", password=password)
    assert refused.value.code == code


def test_a_password_needs_no_signs_nor_capitals() -> None:
    assert filled("0" * 32, "1", password="一二三四五六七八九十").password == "一二三四五六七八九十"


def test_registering_a_known_phone_looks_the_same_and_tells_the_phone(shop: Shop) -> None:
    register(shop)
    first = shop.phones.sent[-1][1]
    known, fresh = start(shop), start(shop, "13612345679")
    assert len(known.challenge_id) == len(fresh.challenge_id)
    assert known.expires_at == fresh.expires_at
    to, told = shop.phones.sent[-2]
    assert to == PHONE
    assert "已经有账号" in told
    assert "已经有账号" not in first
    for guess in ("000000", "123456"):
        with pytest.raises(WrongCode):
            accounts.register(shop.t, filled(known.challenge_id, guess), shown(shop))
    assert rows(shop)["shop_customer"] == 1


def test_two_proved_registrations_of_one_phone_make_one_account(shop: Shop) -> None:
    first = start(shop)
    first_code = shop.phones.code()
    second = start(shop)
    second_code = shop.phones.code()
    accounts.register(shop.t, filled(first.challenge_id, first_code), shown(shop))
    with pytest.raises(AccountExists):
        accounts.register(shop.t, filled(second.challenge_id, second_code), shown(shop))
    found = rows(shop)
    assert (found["shop_customer"], found["troth_person"]) == (1, 1)


def test_one_registration_sent_twice_at_once_makes_one_account(shop: Shop) -> None:
    challenge = start(shop)
    form, token = filled(challenge.challenge_id, shop.phones.code()), shown(shop)
    results: list[object] = []
    ready = threading.Barrier(2)

    def send() -> None:
        ready.wait()
        try:
            results.append(accounts.register(shop.t, form, token))
        except ShopError as error:
            results.append(error)

    both = [threading.Thread(target=send) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(type(r).__name__ for r in results) == ["LoggedIn", "WrongCode"]
    assert rows(shop)["troth_person"] == 1


def test_without_the_notices_shown_nothing_is_stored(shop: Shop) -> None:
    challenge = start(shop)
    form = filled(challenge.challenge_id, shop.phones.code())
    with pytest.raises(SnapshotForged):
        accounts.register(shop.t, form, "no token")
    old = shown(shop)
    shop.move(4 * 60)
    with pytest.raises(SnapshotForged):
        accounts.register(shop.t, form, old[:-4] + "AAA=")
    assert rows(shop)["shop_customer"] == rows(shop)["troth_person"] == 0
    assert accounts.register(shop.t, form, shown(shop)).person


def test_a_failure_after_the_acts_leaves_no_account_and_the_phone_free(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge = start(shop)
    form = filled(challenge.challenge_id, shop.phones.code())

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as failing:
        failing.setattr(queries, "add_session", broken)
        with pytest.raises(RuntimeError):
            accounts.register(shop.t, form, shown(shop))
    found = rows(shop)
    assert (found["shop_customer"], found["shop_session"]) == (0, 0)
    with pytest.raises(WrongCode):  # it was used up; whose phone it is asks for another
        accounts.register(shop.t, form, shown(shop))
    assert register(shop).person
    assert rows(shop)["shop_customer"] == 1


def test_a_phone_that_got_an_account_in_between_is_told_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge = start(shop)
    form = filled(challenge.challenge_id, shop.phones.code())
    register(shop)
    monkeypatch.setattr(accounts, "_owner", lambda *_: None)
    with pytest.raises(AccountExists):
        accounts.register(shop.t, form, shown(shop))
    assert rows(shop)["shop_customer"] == 1


def test_an_old_page_is_refused_and_the_code_still_works(shop: Shop) -> None:
    old = shown(shop)
    shop.move(31 * 60)
    challenge = start(shop)
    form = filled(challenge.challenge_id, shop.phones.code())
    with pytest.raises(SnapshotExpired):
        accounts.register(shop.t, form, old)
    assert accounts.register(shop.t, form, shown(shop)).person


# --- one-time codes ---------------------------------------------------------------------------


@pytest.mark.control("codes_limited")
def test_a_code_is_spent_after_five_wrong_tries(shop: Shop) -> None:
    challenge = start(shop)
    right = shop.phones.code()
    wrong = "000000" if right != "000000" else "000001"
    for _ in range(5):
        with pytest.raises(WrongCode):
            accounts.register(shop.t, filled(challenge.challenge_id, wrong), shown(shop))
    with pytest.raises(WrongCode):
        accounts.register(shop.t, filled(challenge.challenge_id, right), shown(shop))


@pytest.mark.control("codes_limited")
def test_many_tries_at_once_are_five_tries(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    challenge = start(shop)
    compared: list[str] = []
    monkeypatch.setattr(passwords, "matches", lambda code, _: compared.append(code))

    def guess(n: int) -> None:
        with pytest.raises(WrongCode):
            codes.check_code(
                shop.t, challenge.challenge_id, PHONE, f"{n:06d}", codes.CodeUse.REGISTER
            )

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(compared) == codes.MOST_TRIES


@pytest.mark.control("codes_limited")
def test_a_code_ends_after_five_minutes(shop: Shop) -> None:
    challenge = start(shop)
    code = shop.phones.code()
    shop.move(5 * 60)
    with pytest.raises(WrongCode):
        accounts.register(shop.t, filled(challenge.challenge_id, code), shown(shop))


def test_a_code_works_once(shop: Shop) -> None:
    challenge = start(shop)
    form = filled(challenge.challenge_id, shop.phones.code())
    accounts.register(shop.t, form, shown(shop))
    with pytest.raises(WrongCode):
        accounts.register(shop.t, form, shown(shop))


def test_a_code_to_register_does_not_reset_a_password(shop: Shop) -> None:
    challenge = start(shop)
    reset = Reset.of(
        {
            "challenge_id": challenge.challenge_id,
            "phone": PHONE,
            "code": shop.phones.code(),
            "password": "another password",
        }
    )
    with pytest.raises(WrongCode):
        accounts.reset_password(shop.t, reset)


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "' OR 1=1"])
def test_what_is_no_code_is_a_wrong_code(shop: Shop, typed: str) -> None:
    challenge = start(shop)
    with pytest.raises(WrongCode):
        accounts.register(shop.t, filled(challenge.challenge_id, typed), shown(shop))


def test_a_code_proves_the_phone_that_it_was_sent_to_and_no_other(shop: Shop) -> None:
    challenge = start(shop)
    code = shop.phones.code()
    theirs = filled(challenge.challenge_id, code, phone="13612345679")
    with pytest.raises(WrongCode):
        accounts.register(shop.t, theirs, shown(shop))
    assert rows(shop)["shop_customer"] == rows(shop)["troth_person"] == 0
    mine = filled(challenge.challenge_id, code, phone="+86 136 1234 5678")
    assert accounts.register(shop.t, mine, shown(shop)).person


def test_a_page_that_lost_its_phone_is_a_wrong_code() -> None:
    for phone in ("", "110", "' OR 1=1 --"):
        with pytest.raises(WrongCode):
            filled("0" * 32, "123456", phone=phone)


def test_a_reset_code_does_not_open_the_account_of_another_phone(shop: Shop) -> None:
    register(shop)
    theirs = register(shop, "13612345679")
    challenge = accounts.start_reset(shop.t, shop.phones, PHONE, "zh-CN")
    form = {
        "challenge_id": challenge.challenge_id,
        "phone": "13612345679",
        "code": shop.phones.code(),
        "password": "another password",
    }
    with pytest.raises(WrongCode):
        accounts.reset_password(shop.t, Reset.of(form))
    assert sessions.find_session(shop.t, theirs.session_token) is not None
    assert log_in(shop, phone="13612345679").person == theirs.person


def test_unknown_challenge_is_a_wrong_code(shop: Shop) -> None:
    with pytest.raises(WrongCode):
        accounts.register(shop.t, filled("0" * 32, "123456"), shown(shop))


@pytest.mark.control("codes_limited")
def test_one_phone_gets_three_codes_in_ten_minutes_and_ten_a_day(shop: Shop) -> None:
    for _ in range(3):
        start(shop)
    with pytest.raises(Throttled) as refused:
        start(shop)
    assert refused.value.wait_seconds == 600
    assert len(shop.phones.sent) == 3
    for _ in range(2):
        shop.move(601)
        for _ in range(3):
            start(shop)
    shop.move(601)
    start(shop)
    with pytest.raises(Throttled) as refused:
        start(shop)
    assert refused.value.wait_seconds == 24 * 3600
    assert len(shop.phones.sent) == 10


@pytest.mark.control("codes_limited")
def test_all_phones_together_are_limited(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "FOR_ALL", (codes.Limit(4, 600),))
    for n in range(4):
        start(shop, f"1360000000{n}")
    with pytest.raises(Throttled):
        start(shop, "13600000009")
    assert len(shop.phones.sent) == 4


def test_codes_are_stored_as_digests_and_go_after_a_day(shop: Shop) -> None:
    challenge = start(shop)
    code = shop.phones.code()
    with shop.t.transaction() as c:
        row = queries.lock_code(c, challenge.challenge_id)
    assert row is not None
    assert all(value != code and PHONE not in str(value) for value in row._mapping.values())
    assert row.digest.startswith("$argon2id$")
    shop.move(24 * 3600 + 1)
    assert codes.sweep_codes(shop.t) == 1
    assert rows(shop)["shop_code"] == 0


def test_codes_and_phones_reach_no_log(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    register(shop)
    for secret in (PHONE, PASSWORD, shop.phones.code()):
        assert secret not in caplog.text


# --- logging in -------------------------------------------------------------------------------


def log_in(shop: Shop, password: str = PASSWORD, phone: str = PHONE) -> accounts.LoggedIn:
    return accounts.log_in(shop.t, LogIn.of({"phone": phone, "password": password}))


def test_logging_in_opens_a_session(shop: Shop) -> None:
    made = register(shop)
    again = log_in(shop)
    assert again.person == made.person
    assert again.session_token != made.session_token
    assert len(sessions.sessions(shop.t, made.person)) == 2


def test_wrong_password_and_unknown_phone_are_the_same_refusal(shop: Shop) -> None:
    register(shop)
    told = set()
    for phone in (PHONE, "13699999999"):
        with pytest.raises(LogInRefused) as refused:
            log_in(shop, "not the password", phone)
        told.add((str(refused.value), refused.value.code))
    assert len(told) == 1


def test_an_unknown_phone_costs_a_comparison_too(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(shop)
    compared = []
    real = passwords._ARGON2.verify
    spy = type("Spy", (), {"verify": lambda _, s, d: compared.append(d) or real(s, d)})()
    passwords._of_nobody()
    monkeypatch.setattr(passwords, "_ARGON2", spy)
    for phone in (PHONE, "13699999999"):
        with pytest.raises(LogInRefused):
            log_in(shop, "not the password", phone)
    assert len(compared) == 2
    assert all(digest.startswith("$argon2id$") for digest in compared)


@pytest.mark.parametrize("phone", [PHONE, "13699999999"])
def test_ten_failed_tries_close_the_door_for_a_phone(shop: Shop, phone: str) -> None:
    register(shop)
    for _ in range(passwords.PER_NAME):
        with pytest.raises(LogInRefused):
            log_in(shop, "not the password", phone)
    with pytest.raises(Throttled):
        log_in(shop, PASSWORD, phone)
    shop.move(passwords.WINDOW_SECONDS + 1)
    with pytest.raises(LogInRefused):
        log_in(shop, "not the password", phone)


def test_log_ins_that_succeed_are_not_counted(shop: Shop) -> None:
    register(shop)
    for _ in range(passwords.PER_NAME + 2):
        log_in(shop)
    assert rows(shop)["shop_attempt"] == 0


def test_all_phones_together_are_throttled(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "FOR_ALL", 3)
    for n in range(3):
        with pytest.raises(LogInRefused):
            log_in(shop, "not the password", f"1360000000{n}")
    with pytest.raises(Throttled):
        log_in(shop, "not the password", "13600000009")


def test_a_restricted_person_still_logs_in_and_a_child_does_not(shop: Shop) -> None:
    made = register(shop)
    shop.t.set_person(made.person, restricted=True)
    assert log_in(shop).person == made.person
    shop.t.set_person(made.person, under_14=True)
    with pytest.raises(NotPermitted) as refused:
        log_in(shop)
    assert refused.value.purpose == "secure_account"
    assert refused.value.decision.reason is Reason.UNDER_14


def test_an_ended_account_cannot_be_opened_by_logging_in(shop: Shop) -> None:
    made = register(shop)
    shop.say(made.person, "secure_account", Answer.END_ACT)
    login = LogIn.of({"phone": PHONE, "password": PASSWORD})
    with pytest.raises(NotPermitted):
        accounts.log_in(shop.t, login)
    with pytest.raises(NotPermitted):
        accounts.log_in(shop.t, login, shown(shop))


# --- a new password ---------------------------------------------------------------------------


def test_a_new_password_ends_every_session(shop: Shop) -> None:
    made = register(shop)
    challenge = accounts.start_reset(shop.t, shop.phones, PHONE, "en")
    form = {
        "challenge_id": challenge.challenge_id,
        "phone": PHONE,
        "code": shop.phones.code(),
    }
    accounts.reset_password(shop.t, Reset.of({**form, "password": "another password"}))
    assert sessions.find_session(shop.t, made.session_token) is None
    with pytest.raises(LogInRefused):
        log_in(shop)
    assert log_in(shop, "another password").person == made.person


def test_resetting_an_unknown_phone_looks_the_same_and_sends_nothing(shop: Shop) -> None:
    challenge = accounts.start_reset(shop.t, shop.phones, PHONE, "zh-CN")
    assert shop.phones.sent == []
    assert len(challenge.challenge_id) == 32
    form = {
        "challenge_id": challenge.challenge_id,
        "phone": PHONE,
        "code": "123456",
        "password": PASSWORD,
    }
    with pytest.raises(WrongCode):
        accounts.reset_password(shop.t, Reset.of(form))


def test_changing_the_password_keeps_this_session_only(shop: Shop) -> None:
    made = register(shop)
    other = log_in(shop)
    change = accounts.PasswordChange.of({"password_now": PASSWORD, "password": "another password"})
    accounts.change_password(shop.t, made.person, change, keep=made.session_id)
    assert sessions.find_session(shop.t, made.session_token) is not None
    assert sessions.find_session(shop.t, other.session_token) is None
    with pytest.raises(LogInRefused):
        accounts.change_password(shop.t, made.person, change, keep=made.session_id)


def test_an_account_is_seen_by_its_own_person(shop: Shop) -> None:
    made = register(shop)
    assert accounts.account(shop.t, made.person).masked_phone == "136****5678"
    with pytest.raises(NotPermitted):
        accounts.account(shop.t, "0" * 32)
    visitor = shop.t.add_person(visitor=True)
    with pytest.raises((NotPermitted, NotFound)):
        accounts.account(shop.t, visitor)
