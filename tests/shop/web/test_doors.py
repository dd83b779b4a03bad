"""Who may come in, and from where: deny by default, and no form of another site's making."""

import re

import pytest
from litestar.routes import HTTPRoute

from tests.shop.web.conftest import Browser, Site

# What anybody may open. A route that is in neither list is a route that nobody thought about.
OPEN = {
    *("/", "/category/{}", "/product/{}", "/product/{}/qr.svg", "/search", "/code", "/scan"),
    *("/cart", "/cart/add", "/cart/set", "/cart/remove", "/support", "/contact"),
    *("/register", "/register/code", "/login", "/logout", "/reset", "/reset/code"),
    *("/staff/login", "/outbox", "/static/{}/{}", "/privacy/static/{}", "/privacy/log/{}"),
    *("/privacy/policy", "/privacy/policy/versions", "/privacy/policy/versions/{}"),
    *("/privacy/documents/{}", "/privacy/ask/{}", "/privacy/answers", "/privacy/uses/{}"),
    *("/privacy/visitor/reset", "/my/settings/privacy", "/my/privacy/history"),
    *("/my/privacy/receipts/{}", "/privacy/collected"),
}
"""The privacy centre's pages under /my show a visitor's own answers, or lead to the log-in."""


def routes(site: Site) -> list[tuple[str, str]]:
    """Every (method, path) of the application, with ``{}`` for what varies."""
    return [
        (method, re.sub(r"\{[^}]*\}", "{}", route.path) or "/")
        for route in site.app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
        if method in ("GET", "POST")
    ]


def send(browser: Browser, method: str, path: str, **more: str):
    address = path.replace("{}", "0" * 32)
    if method == "GET":
        return browser.get(address)
    return browser.post(address, {"x": "y"}, **more)


def test_the_list_of_open_pages_is_no_longer_than_the_pages(site: Site):
    paths = {path for _, path in routes(site)}
    assert {path for path in OPEN if path not in paths} == set()
    assert len(paths) > 50


def test_every_other_page_leads_a_visitor_to_the_log_in(site: Site):
    visitor = site.visitor()
    closed = [(m, p) for m, p in routes(site) if p not in OPEN]
    assert len(closed) > 30
    for method, path in closed:
        answer = send(visitor, method, path)
        if method == "GET":
            assert answer.status_code == 303, path
            wanted = "/staff/login" if path.startswith("/staff") else "/login"
            assert answer.headers["location"].partition("?")[0] == wanted, path
        else:
            assert answer.status_code == 401, path


@pytest.mark.promise("S-57")
@pytest.mark.control("staff_role_page")
def test_a_customer_is_no_staff_and_staff_are_no_customer(site: Site):
    customer, cashier = site.customer(), site.staff()
    for method, path in routes(site):
        if path in OPEN:
            continue
        stranger = customer if path.startswith("/staff") else cashier
        answer = send(stranger, method, path)
        assert answer.status_code == (303 if method == "GET" else 401), (method, path)


def test_an_ended_log_in_opens_nothing(site: Site):
    customer = site.customer()
    token = customer.http.cookies["session"]
    customer.post("/logout")
    customer.set_cookie("session", token)
    assert customer.get("/my").headers["location"] == "/login?next=/my"


FOREIGN = {
    "another site": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "another port": {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"},
    "no origin to name": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    "nothing said": {"Origin": "", "Sec-Fetch-Site": ""},
    "own origin, foreign site": {"Sec-Fetch-Site": "cross-site"},
}


@pytest.mark.control("forms_guarded")
@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_a_form_from_elsewhere_is_refused_everywhere_and_changes_nothing(
    site: Site, headers: dict[str, str]
):
    customer = site.customer()
    order_id, before = customer.order(), site.rows()
    posts = [path for method, path in routes(site) if method == "POST"]
    assert len(posts) > 25
    for path in posts:
        path = path.replace("{}", order_id)  # noqa: PLW2901
        request = customer.http.build_request("POST", path, data={"x": "y"})
        request.headers.update({"Origin": customer.http.base_url.__str__().rstrip("/")} | headers)
        for name, value in headers.items():
            if not value:
                del request.headers[name]
        answer = customer.http.send(request)
        assert answer.status_code == 403, path
        assert "set-cookie" not in answer.headers, path
    assert site.rows() == before


def test_a_browser_that_sends_no_origin_is_known_by_its_fetch_metadata(site: Site):
    visitor = site.visitor()
    answer = visitor.http.post(
        "/cart/add",
        data={"sku": "tea-longjing", "qty": "1"},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 303


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/my\r\nX: y", "javascript:x"],
)
def test_after_the_log_in_nobody_is_sent_to_another_site(site: Site, target: str):
    customer = site.customer()
    answer = customer.get("/login", params={"next": target})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/my"


def test_addresses_of_posts_lead_back_to_a_page_when_opened(site: Site):
    customer = site.customer()
    order_id, case_id = customer.order(), customer.case()
    for path in (
        "/cart/add",
        "/register/code",
        "/reset/code",
        "/my/sessions/end",
        f"/orders/{order_id}/reference",
        f"/orders/{order_id}/voucher",
        f"/orders/{order_id}/received",
        f"/support/cases/{case_id}/messages",
        f"/support/cases/{case_id}/device",
        "/support/cases",
    ):
        assert customer.get(path, follow_redirects=True).status_code == 200, path


def test_the_codes_page_is_for_this_machine_and_the_demo_only(site: Site):
    assert site.visitor().get("/outbox", headers={"Host": "evil.example"}).status_code == 404
    # This shop's messages go to a phone of the tests, so there is no outbox to show.
    assert site.visitor().get("/outbox").status_code == 404
