import pytest

from tests.shop.conftest import Shop
from troth import Answer
from troth_shop import queries, sessions
from troth_shop.errors import BadInput, NotFound

DAY = 24 * 3600


def log_in(shop: Shop, person: str) -> tuple[str, str]:
    return sessions.start_session(shop.t, person)


def test_the_row_knows_a_digest_and_hours_and_nothing_of_the_browser(shop: Shop) -> None:
    person = shop.person()
    _, token = log_in(shop, person)
    (row,) = shop.stored("shop_session")
    assert row["token_digest"] == sessions.token_digest(token)
    assert set(row) == {
        "session_id",
        "pii_principal_id",
        "token_digest",
        "name",
        "created_at",
        "last_seen_at",
        "ended_at",
    }
    assert token not in map(str, row.values())
    assert row["created_at"] % sessions.HOUR == row["last_seen_at"] % sessions.HOUR == 0


def test_a_session_ends_after_seven_idle_days(shop: Shop) -> None:
    _, token = log_in(shop, shop.person())
    shop.move(6 * DAY)
    assert sessions.find_session(shop.t, token) is not None
    shop.move(6 * DAY)
    assert sessions.find_session(shop.t, token) is not None
    shop.move(7 * DAY + 3600)
    assert sessions.find_session(shop.t, token) is None


def test_a_session_ends_after_thirty_days_of_use(shop: Shop) -> None:
    person = shop.person()
    _, token = log_in(shop, person)
    for _ in range(5):
        shop.move(5 * DAY)
        assert sessions.find_session(shop.t, token) is not None
    shop.move(5 * DAY)
    assert sessions.find_session(shop.t, token) is None
    assert sessions.sessions(shop.t, person) == ()


def test_being_seen_is_written_once_an_hour(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    _, token = log_in(shop, shop.person())
    written = []
    real = queries.set_session
    monkeypatch.setattr(
        queries, "set_session", lambda *a, **k: (written.append(k), real(*a, **k))[1]
    )
    for _ in range(5):
        sessions.find_session(shop.t, token)
    assert written == []
    shop.move(3600)
    for _ in range(5):
        sessions.find_session(shop.t, token)
    assert len(written) == 1


@pytest.mark.promise("S-61")
def test_logging_out_ends_the_session_on_the_server_and_no_consent(shop: Shop) -> None:
    person = shop.person()
    shop.say(person, "identify_device")
    before = shop.t.history(person)
    _, token = log_in(shop, person)
    sessions.log_out(shop.t, token)
    sessions.log_out(shop.t, token)
    sessions.log_out(shop.t, "unknown")
    assert sessions.find_session(shop.t, token) is None
    assert shop.t.history(person) == before
    assert shop.t.decide(person, "identify_device")


@pytest.mark.control("sessions_revocable")
def test_sessions_are_listed_named_and_ended_one_by_one_or_all(shop: Shop) -> None:
    person = shop.person()
    ids = [log_in(shop, person) for _ in range(3)]
    sessions.name_session(shop.t, person, ids[0][0], "  家里的\t电脑 ")
    assert {s.name for s in sessions.sessions(shop.t, person)} == {"家里的 电脑", ""}
    sessions.end_session(shop.t, person, ids[1][0])
    assert sessions.find_session(shop.t, ids[1][1]) is None
    assert sessions.end_sessions(shop.t, person, but=ids[0][0]) == 1
    assert [s.session_id for s in sessions.sessions(shop.t, person)] == [ids[0][0]]
    assert sessions.end_sessions(shop.t, person) == 1


def test_the_sessions_of_others_do_not_exist(shop: Shop) -> None:
    mine, theirs = shop.person(), shop.person()
    session_id, token = log_in(shop, theirs)
    with pytest.raises(NotFound):
        sessions.end_session(shop.t, mine, session_id)
    with pytest.raises(NotFound):
        sessions.name_session(shop.t, mine, session_id, "mine")
    assert sessions.end_sessions(shop.t, mine) == 0
    assert sessions.find_session(shop.t, token) is not None


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "\u202e\x00"])
def test_a_name_has_bounds(shop: Shop, name: str) -> None:
    person = shop.person()
    session_id, _ = log_in(shop, person)
    with pytest.raises(BadInput):
        sessions.name_session(shop.t, person, session_id, name)


@pytest.mark.parametrize("token", ["", "x", "x" * 10_000, "\x00"])
def test_a_token_that_is_none_opens_nothing(shop: Shop, token: str) -> None:
    assert sessions.find_session(shop.t, token) is None


def test_a_session_of_an_ended_account_opens_nothing(shop: Shop) -> None:
    person = shop.person()
    _, token = log_in(shop, person)
    shop.say(person, "secure_account", Answer.END_ACT)
    assert sessions.find_session(shop.t, token) is None
    sessions.log_out(shop.t, token)  # nothing may be written of the person; it is no error
    assert shop.count("shop_session") == 1
