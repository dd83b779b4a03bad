"""The first visit: fifty pages, and nothing that tells this visitor from another."""

import re
from collections.abc import Sequence

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.conftest import OpenContext
from tests.browser.shop import RunningShop
from tests.browser.spies import NOTHING_STORED, SPIES, Traffic, stored

_TOKEN = re.compile(r'name="token" value="[^"]+"')


def _pages(shop: RunningShop) -> list[str]:
    goods = shop.catalogue
    shelves = [f"/category/{c.id}" for c in goods.categories]
    articles = [f"/product/{p.sku}" for p in goods.products[:9]]
    plain = ["/", "/search?q=茶", "/scan", "/cart", "/support", "/contact", "/register", "/login"]
    privacy = [
        "/privacy/policy",
        "/my/settings/privacy",
        "/privacy/ask/scan_product?next=/scan",
        "/privacy/ask/paste_text?next=/search",
    ]
    chinese = [*plain, *shelves, *articles, *privacy]
    return [*chinese, *(f"/en{path}" for path in chinese)]


def _visit(context: BrowserContext, paths: Sequence[str]) -> dict[str, str]:
    """Open each page in one tab, move about in it, and return its HTML as it came."""
    page = context.new_page()
    came: dict[str, str] = {}
    for path in paths:
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        came[path] = _TOKEN.sub("", answer.text())
        page.mouse.wheel(0, 800)
        page.keyboard.press("Tab")
        assert stored(page) == NOTHING_STORED, path
        assert page.evaluate("[seen.reads, seen.camera.length, seen.asked.length]") == [0, 0, 0]
    return came


@pytest.mark.promise("S-02", "S-03", "S-06", "S-16")
@pytest.mark.control("visitor_without_identifiers", "no_consent_by_use", "no_foreign_code")
def test_fifty_pages_leave_no_trace_of_the_visitor(shop: RunningShop, open_context: OpenContext):
    paths = _pages(shop)
    assert len(set(paths)) >= 50
    before = shop.settled_row_counts()
    context = open_context()
    context.add_init_script(SPIES)
    traffic = Traffic.of(context)
    dialogs: list[str] = []
    context.on("dialog", lambda dialog: dialogs.append(dialog.message))
    came = _visit(context, paths)

    assert context.storage_state() == {"cookies": [], "origins": []}
    for answer in traffic.responses:
        assert "set-cookie" not in answer.headers, answer.url
    for request in traffic.requests:
        assert request.method == "GET", request.url
        assert "cookie" not in request.headers, request.url
    assert traffic.outside(shop.address) == []
    assert dialogs == []
    assert shop.settled_row_counts() == before  # no consent event, no use, no person, no session

    # Another visitor is sent the very same bytes; what guards a form names the form, not a person.
    sample = paths[:: len(paths) // 8]
    other = open_context()
    other.add_init_script(SPIES)
    tags = {r.url: r.headers.get("etag") for r in traffic.responses}
    again = Traffic.of(other)
    assert _visit(other, sample) == {path: came[path] for path in sample}
    for answer in again.responses:
        if answer.url in tags:
            assert answer.headers.get("etag") == tags[answer.url], answer.url


@pytest.mark.promise("S-03")
@pytest.mark.control("policy_archive", "visitor_without_identifiers")
def test_policy_is_one_click_away_on_the_first_page(shop: RunningShop, open_context: OpenContext):
    page = open_context().new_page()
    page.goto("/")
    page.get_by_role("contentinfo").get_by_role("link", name="隐私政策").click()
    page.wait_for_url("**/privacy/policy")
    assert page.locator("html").get_attribute("lang") == "zh-CN"


@pytest.mark.promise("S-25", "S-06")
@pytest.mark.control("no_frequent_asking", "permissions_off")
def test_hundred_visits_after_a_refusal_ask_nothing(shop: RunningShop):
    customer = shop.customer()
    with shop.client(customer) as client:
        _refuse(shop, customer.person)
        events = len(shop.troth.history(customer.person))
        paths = ["/", "/search?q=茶", "/scan", "/support", "/my", "/my/orders", "/cart"]
        for number in range(100):
            answer = client.get(paths[number % len(paths)])
            assert answer.status_code == 200  # no detour by a question
            assert "<dialog" not in answer.text
            assert 'action="/privacy/answers"' not in answer.text
        assert len(shop.troth.history(customer.person)) == events


def _refuse(shop: RunningShop, person: str) -> None:
    from troth import Answer

    for purpose in ("scan_product", "paste_text", "call_hotline", "adapt_pictures"):
        shop.say(person, purpose, Answer.REFUSE)
