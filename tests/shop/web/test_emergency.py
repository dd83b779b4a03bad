"""Break-glass over HTTP: who may, with which words, what it shows, and whom it tells."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.browser.looked_at import HOUR, LookedAt, looked_at
from troth import LookFilter

EMERGENCY = "/staff/emergency"
FIRE = "配送车起火，要马上通知收货人不要等候"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAt]:
    """One shop for this module."""
    with looked_at(tmp_path_factory.mktemp("emergency")) as made:
        yield made


def client(world: LookedAt, who: str) -> httpx.Client:
    cookie = world.cookie(who)
    return httpx.Client(
        base_url=world.address,
        cookies={str(cookie["name"]): str(cookie["value"])},
        headers={"Accept": "text/html", "Origin": world.address, "Sec-Fetch-Site": "same-origin"},
        timeout=30,
        trust_env=False,
    )


def send(world: LookedAt, who: str, **changed: str) -> httpx.Response:
    form = {"wanted": "delivery", "id": world.order, "reason": FIRE, **changed}
    with client(world, who) as browser:
        return browser.post(EMERGENCY, data=form)


@pytest.mark.promise("S-57")
def test_it_shows_what_was_asked_for_and_raises_one_alarm(world: LookedAt) -> None:
    before = len(world.t.alarms())
    answer = send(world, "support")
    assert answer.status_code == 200
    assert "王小明" in answer.text
    assert len(world.t.alarms()) == before + 1
    newest = world.t.who_looked(world.person).looks[0]
    assert (newest.break_glass, newest.role_id, newest.case_id) == (True, "support", world.order)


@pytest.mark.promise("S-57")
@pytest.mark.parametrize("who", ["packer", "cashier"])
def test_roles_that_may_not_are_refused_without_an_alarm(world: LookedAt, who: str) -> None:
    before = len(world.t.alarms())
    answer = send(world, who, wanted="case", id=world.case)
    assert answer.status_code == 403
    assert "外箱有压痕" not in answer.text
    assert len(world.t.alarms()) == before


@pytest.mark.parametrize(
    "changed",
    [
        {"reason": ""},
        {"reason": "急急急"},
        {"reason": "字" * 301},
        {"reason": "请打 138 0000 0000 告诉对方"},
        {"reason": "写信到 wang@example.com 告诉对方"},
        {"wanted": "password"},
        {"wanted": ""},
        {"id": ""},
        {"id": "a" * 65},
    ],
)
def test_a_form_that_says_too_little_or_too_much_shows_nothing(
    world: LookedAt, changed: dict[str, str]
) -> None:
    before = len(world.t.alarms())
    answer = send(world, "support", **changed)
    assert answer.status_code == 422
    assert "王小明" not in answer.text
    assert len(world.t.alarms()) == before


@pytest.mark.parametrize("row_id", ["0" * 32, "' OR 1=1 --", "..", "一"])
def test_an_id_of_nobody_is_not_found(world: LookedAt, row_id: str) -> None:
    before = len(world.t.alarms())
    assert send(world, "support", id=row_id).status_code == 404
    assert len(world.t.alarms()) == before


@pytest.mark.promise("S-57")
def test_only_the_officer_reads_alarms_and_questions(world: LookedAt) -> None:
    for who in ("packer", "cashier", "support", "agent"):
        with client(world, who) as browser:
            answer = browser.get("/staff/alarms")
        assert answer.status_code == 403, who
        assert "过敏原" not in answer.text
    with client(world, "officer") as browser:
        text = browser.get("/staff/alarms").text
    assert "过敏原" in text
    assert world.person not in text


@pytest.mark.promise("S-57")
@pytest.mark.control("looks_recorded")
def test_who_questioned_a_look_sees_that_the_officer_read_it(world: LookedAt) -> None:
    with client(world, "officer") as browser:
        assert browser.get("/staff/alarms").status_code == 200
    newest = world.t.who_looked(world.person, wanted=LookFilter(roles=("officer",))).looks[0]
    assert (newest.purpose_id, newest.refused) == ("answer_rights", False)
    assert len(newest.categories) == 1


def test_a_customers_log_in_opens_none_of_it(world: LookedAt) -> None:
    with client(world, "person") as browser:
        for path in (EMERGENCY, "/staff/alarms"):
            assert browser.get(path).headers["location"].startswith("/staff/login")
        assert browser.post(EMERGENCY, data={"reason": FIRE}).status_code == 401


def test_my_page_stops_telling_of_an_emergency_after_a_month(world: LookedAt) -> None:
    with client(world, "person") as browser:
        assert "有店员紧急查看过你的信息" in browser.get("/my").text
    world.clock.move(31 * 24 * HOUR)
    token = world.log_in(world.person)
    with client(world, "person") as browser:
        browser.cookies.clear()
        browser.cookies.set("session", token)
        answer = browser.get("/my")
    assert answer.status_code == 200
    assert "有店员紧急查看过你的信息" not in answer.text
