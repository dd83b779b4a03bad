"""The database cannot be read: browsing and the cart go on, everything personal waits (S-06)."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shop.conftest import PASSWORD, Phones
from tests.shop.web.conftest import Browser, Site, opened, served
from troth_shop import sessions, staff
from troth_shop.web.app import create_app

BROWSING = [
    "/",
    "/category/tea",
    "/product/tea-longjing",
    "/search?q=茶",
    "/code",
    "/scan",
    "/cart",
]
BROWSING += ["/contact", "/support", "/privacy/policy", "/en/", "/register"]
PERSONAL = ["/my", "/my/orders", "/my/data", "/my/sessions", "/my/settings", "/checkout", "/login"]
PERSONAL += ["/orders/" + "0" * 32, "/support/cases/" + "0" * 32, "/my/password"]
POSTS = ["/login", "/register", "/checkout", "/support/cases", "/my/password", "/reset"]
POSTS += ["/orders/" + "0" * 32 + "/cancel", "/staff/login"]
FORM = {
    "phone": "13812345678",
    "fourteen": "yes",
    "password": "a long password",
    "name": "cashier",
    "subject": "x",
    "message": "x",
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A shop whose database file turned into something else while it was running."""
    folder = tmp_path_factory.mktemp("broken")
    shop = opened(folder)
    app = create_app(shop.t, shop.folder, demo=True, messages=Phones())
    person = shop.person()
    _, token = sessions.start_session(shop.t, person)
    member = shop.staff(staff.Role.CASHIER)
    staff_token = staff.log_in_staff(shop.t, staff.StaffLogIn(member.name, PASSWORD))
    shop.t.close()
    for path in Path(folder).glob("troth.db*"):
        path.write_bytes(b"this is no database\n" * 1000)
    with served(app) as address, contextlib.ExitStack() as stack:
        site = Site(shop, app, address, stack)
        site.tokens = (token, staff_token)  # type: ignore[attr-defined]
        yield site


def logged_in(broken: Site) -> Browser:
    browser = broken.visitor()
    token, staff_token = broken.tokens  # type: ignore[attr-defined]
    browser.set_cookie("session", token)
    browser.set_cookie("staff", staff_token)
    return browser


@pytest.mark.promise("S-06")
@pytest.mark.control("decision_fails_closed")
@pytest.mark.parametrize("path", BROWSING)
@pytest.mark.parametrize("who", ["visitor", "customer"])
def test_browsing_goes_on(broken: Site, path: str, who: str):
    browser = broken.visitor() if who == "visitor" else logged_in(broken)
    assert browser.get(path).status_code == 200


def test_the_cart_goes_on(broken: Site):
    browser = logged_in(broken)
    browser.post("/cart/add", {"sku": "tea-longjing", "qty": "3"})
    browser.post("/cart/set", {"sku": "tea-longjing", "qty": "2"})
    assert "¥176.00" in browser.get("/cart").text


@pytest.mark.parametrize("path", PERSONAL)
def test_a_personal_page_says_that_it_waits(broken: Site, path: str):
    answer = logged_in(broken).get(path)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
    assert "暂时读不到我们的记录" in answer.text


@pytest.mark.parametrize("path", ["/staff/orders", "/staff/vouchers/" + "0" * 32])
def test_a_staff_page_says_that_it_waits(broken: Site, path: str):
    assert logged_in(broken).get(path).status_code == 503


@pytest.mark.parametrize("path", POSTS)
def test_a_personal_form_says_that_it_waits(broken: Site, path: str):
    answer = logged_in(broken).post(path, FORM)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


def test_no_device_function_is_offered(broken: Site):
    browser = logged_in(broken)
    browser.set_cookie("visitor", "a" * 32)
    page = browser.page("/scan")
    assert page.select_one("#scanner") is None
    assert page.select_one("input[name=code]") is not None


def test_logging_out_clears_the_browser_even_so(broken: Site):
    browser = logged_in(broken)
    answer = browser.post("/logout")
    assert answer.status_code == 503
    assert answer.headers["clear-site-data"] == '"cookies", "storage"'
    assert "session" not in browser.http.cookies


def test_a_program_gets_a_problem_document(broken: Site):
    answer = logged_in(broken).get("/my", headers={"Accept": "application/json"})
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
