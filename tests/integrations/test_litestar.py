"""A handler declares its purpose, opens it in its own thread, and is refused with a way to ask."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from litestar import Litestar, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.testing import TestClient
from sqlalchemy import select, text

from tests.teahouse import PACKER, Tea, part
from troth import Answer
from troth.integrations.litestar import (
    Audience,
    Declared,
    Host,
    Privacy,
    dependencies,
    headers,
    purpose,
)
from troth.integrations.uses import HowUsed

AnyRequest = Request[Any, Any, Any]


def as_packer(request: AnyRequest) -> HowUsed:
    return {"people": request.query_params["people"].split(","), "actor": PACKER, "case": "tour"}


@get("/orders", dependencies={"orders": purpose("place_order")}, sync_to_thread=True)
def my_orders(orders: NamedDependency[Declared]) -> list[str]:
    order = part("after/teahouse").Order
    with orders.session() as session:
        return list(session.scalars(select(order.what).order_by(order.what)))


@get("/on-the-loop", dependencies={"orders": purpose("place_order")})
async def on_the_loop(orders: NamedDependency[Declared]) -> list[str]:
    with orders.connection() as connection:
        return list(connection.execute(text("SELECT what FROM tea_order ORDER BY what")).scalars())


@get("/name", dependencies={"account": purpose("keep_account")}, sync_to_thread=True)
def my_name(account: NamedDependency[Declared]) -> str:
    with account.plain() as connection:
        return str(connection.execute("SELECT name FROM customer").fetchall()[0][0])


@post(
    "/name",
    dependencies={"account": purpose("keep_account", writes=True)},
    sync_to_thread=True,
    status_code=204,
)
def rename(account: NamedDependency[Declared]) -> None:
    with account.session() as session:
        session.scalars(select(part("after/teahouse").Customer)).one().name = "Renamed"


@get("/news", dependencies={"news": purpose("send_news")}, sync_to_thread=True)
def news(news: NamedDependency[Declared]) -> str:
    with news.plain() as connection:
        return str(connection.execute("SELECT phone FROM customer").fetchall()[0][0])


@get("/tour", dependencies={"tour": purpose("deliver_order", how=as_packer)}, sync_to_thread=True)
def tour(tour: NamedDependency[Declared]) -> list[str]:
    with tour.connection() as connection:
        return list(connection.execute(text("SELECT name FROM customer ORDER BY name")).scalars())


def render(_: AnyRequest, template: str, context: Any, status: int) -> Response[Any]:
    return Response(f"page {template}", media_type="text/html", status_code=status)


def application(tea: Tea, *handlers: Any) -> Litestar:
    host = Host(
        audience=lambda request: Audience(request.headers.get("x-person", "")),
        language=lambda request: "en",
        url=lambda request, path: path,
        render=render,
    )
    privacy = Privacy(tea.t, host)
    return Litestar(
        handlers,
        dependencies=dependencies(privacy),
        before_send=[headers(privacy)],
        exception_handlers=privacy.exception_handlers,
        openapi_config=None,
    )


@pytest.fixture(scope="module")
def client(tea: Tea) -> Iterator[TestClient[Litestar]]:
    with TestClient(application(tea, my_orders, on_the_loop, my_name, rename, news, tour)) as made:
        yield made


def test_a_handler_in_a_thread_reads_the_rows_of_who_asks(
    tea: Tea, client: TestClient[Litestar]
) -> None:
    person = tea.customer("Chen Yu", orders=2)
    mine = {"x-person": person}
    assert client.get("/orders", headers=mine).json() == ["Tea 0", "Tea 1"]
    assert client.get("/on-the-loop", headers=mine).json() == ["Tea 0", "Tea 1"]
    assert client.get("/name", headers=mine).text == "Chen Yu"


def test_requests_at_the_same_time_see_each_their_own_rows(
    tea: Tea, client: TestClient[Litestar]
) -> None:
    people = {f"Guest {n}": tea.customer(f"Guest {n}") for n in range(6)}

    def asked(name: str) -> bool:
        return client.get("/name", headers={"x-person": people[name]}).text == name

    with ThreadPoolExecutor(6) as browsers:
        assert all(browsers.map(asked, list(people) * 5))


def test_a_handler_that_declared_to_write_writes(tea: Tea, client: TestClient[Litestar]) -> None:
    mine = {"x-person": tea.customer("Chen Yu")}
    assert client.post("/name", headers=mine).status_code == 204
    assert client.get("/name", headers=mine).text == "Renamed"


def test_a_refused_use_is_a_problem_with_the_way_to_the_question(
    tea: Tea, client: TestClient[Litestar]
) -> None:
    person = tea.customer()
    answer = client.get("/news", headers={"x-person": person})
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["type"] == "/problems/consent-required"
    assert said["consent_uri"] == "/privacy/ask/send_news?next=/news"
    assert (said["purpose_id"], said["reason"]) == ("send_news", "never_asked")
    tea.say(person, "send_news", Answer.GIVE)
    assert client.get("/news", headers={"x-person": person}).text.startswith("150")
    tea.say(person, "send_news", Answer.WITHDRAW)
    again = client.get("/news", headers={"x-person": person, "accept": "text/html"})
    assert (again.status_code, again.text) == (403, "page privacy/problem.html")


def test_who_is_not_logged_in_is_asked_like_anybody_else(client: TestClient[Litestar]) -> None:
    said = client.get("/news").json()
    assert (said["status"], said["reason"]) == (403, "never_asked")


def test_a_purpose_that_an_act_opens_is_refused_without_a_question(
    tea: Tea, client: TestClient[Litestar]
) -> None:
    answer = client.get("/orders", headers={"x-person": tea.customer()})
    said = answer.json()
    assert (answer.status_code, said["type"]) == (403, "/problems/use-refused")
    assert "never_asked" in said["detail"]
    assert "consent_uri" not in said


def test_errors_bear_the_headers_of_the_privacy_centre_too(client: TestClient[Litestar]) -> None:
    answer = client.get("/news")
    assert answer.status_code == 403
    assert answer.headers["cache-control"] == "no-store"
    assert "camera=()" in answer.headers["permissions-policy"]


def test_staff_see_exactly_the_people_of_their_tour_and_are_not_sent_to_a_question(
    tea: Tea, client: TestClient[Litestar]
) -> None:
    people = [tea.customer(name, orders=1) for name in ("An", "Bo")]
    tea.customer("Not on the tour", orders=1)
    assert client.get("/tour", params={"people": ",".join(people)}).json() == ["An", "Bo"]
    never = tea.customer("Never ordered")
    refused = client.get("/tour", params={"people": ",".join([*people, never])})
    said = refused.json()
    assert (refused.status_code, said["type"]) == (403, "/problems/use-refused")
    assert "consent_uri" not in said


def test_a_purpose_that_is_misspelt_is_no_question_to_a_person(tea: Tea) -> None:
    @get("/", sync_to_thread=True, dependencies={"orders": purpose("deliver_oder")})
    def wrong(orders: NamedDependency[Declared]) -> None:
        with orders.session():
            raise AssertionError("it opened")

    with TestClient(application(tea, wrong)) as made:
        said = made.get("/", headers={"x-person": tea.customer()}).json()
    assert (said["status"], said["type"]) == (403, "/problems/use-refused")
