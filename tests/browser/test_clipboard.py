"""The clipboard canary: read by a click on “Paste” and by nothing else, and left nowhere."""

import secrets

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import OpenContext
from tests.browser.shop import Customer, RunningShop
from tests.browser.spies import NOTHING_STORED, SPIES, Traffic, stored
from tests.browser.visits import Visits, visits_of

_ALL_ALLOWED = (
    "scan_product",
    "photograph_voucher",
    "choose_file",
    "call_hotline",
    "adapt_pictures",
    "identify_device",
    "paste_text",
    "check_voucher",
)


@pytest.fixture
def canary() -> str:
    return f"canary-{secrets.token_hex(8)}"


@pytest.fixture
def customer(shop: RunningShop) -> Customer:
    return shop.customer(allowing=_ALL_ALLOWED)


@pytest.fixture
def context(shop: RunningShop, open_context: OpenContext, customer: Customer) -> BrowserContext:
    context = open_context(customer)
    context.grant_permissions(["clipboard-read"], origin=shop.address)
    context.add_init_script(SPIES)
    return context


def put_on_clipboard(context: BrowserContext, text: str) -> None:
    """Copy a text as a person does elsewhere: in a field of a page that is not the shop's."""
    page = context.new_page()
    page.set_content("<textarea></textarea>")
    page.locator("textarea").fill(text)
    page.locator("textarea").select_text()
    page.keyboard.press("Control+C")
    page.close()


def _reads(page: Page) -> int:
    return int(page.evaluate("seen.reads"))


def _assert_nowhere(shop: RunningShop, context: BrowserContext, page: Page, canary: str) -> None:
    assert canary not in str(stored(page))
    assert canary not in str(context.storage_state(indexed_db=True))
    assert shop.files_with(canary) == []


@pytest.mark.promise("S-33", "S-34", "S-35")
@pytest.mark.control("clipboard_per_click")
def test_canary_is_read_per_click_only_and_left_nowhere(
    shop: RunningShop,
    context: BrowserContext,
    customer: Customer,
    canary: str,
):
    traffic = Traffic.of(context)
    put_on_clipboard(context, canary)
    page = context.new_page()
    visits: Visits = visits_of(shop, customer)
    for path in visits.customers:
        page.goto(path)
        assert _reads(page) == 0, path
        fields = page.locator("main input.input:visible, main textarea:visible")
        for n in range(fields.count()):
            fields.nth(n).focus()
        page.mouse.wheel(0, 600)
        assert _reads(page) == 0, path
        assert {**stored(page), "cookies": ""} == NOTHING_STORED, path
    _use_the_functions(page, visits)

    page.goto("/search")
    page.get_by_role("button", name="粘贴", exact=True).click()
    field = page.locator("#q")
    expect(field).to_have_value(canary)
    assert _reads(page) == 1
    page.get_by_role("link", name="首页").first.focus()  # leaving the field sends nothing either
    page.goto("/")
    needle = canary.encode()
    assert [r for r in traffic.sent() if needle in r] == []
    _assert_nowhere(shop, context, page, canary)
    assert traffic.outside(shop.address) == []

    # What the person then sends in a form is that form's content, and of a search nothing stays.
    page.goto("/search")
    page.get_by_role("button", name="粘贴", exact=True).click()
    expect(field).to_have_value(canary)
    assert _reads(page) == 1
    field.press("Enter")
    page.wait_for_url("**/search?q=canary*")
    with_it = [r for r in traffic.requests if canary in r.url]
    assert [r.url for r in with_it] == [f"{shop.address}/search?q={canary}"]
    _assert_nowhere(shop, context, page, canary)


def _use_the_functions(page: Page, visits: Visits) -> None:
    """Search, put into the cart, open a case's message, count a use of the hotline: no reading."""
    page.goto("/search")
    page.locator("#q").fill("龙井")
    page.locator("#q").press("Enter")
    page.wait_for_url("**/search?q=*")
    assert _reads(page) == 0
    page.goto("/product/tea-longjing")
    page.locator("main form.buy button").click()
    page.wait_for_url("**/cart*")
    assert _reads(page) == 0
    page.goto(f"/support/cases/{visits.case}")
    page.locator("textarea").fill("在吗？")
    page.get_by_role("button", name="发送").click()
    page.wait_for_load_state()
    assert _reads(page) == 0


@pytest.mark.promise("S-33", "S-08")
@pytest.mark.control("clipboard_per_click", "uses_counted")
def test_clipboard_is_read_once_per_click_and_never_while_idle(
    shop: RunningShop, context: BrowserContext, customer: Customer, canary: str
):
    put_on_clipboard(context, canary)
    page = context.new_page()
    page.clock.install()
    page.goto("/search")
    page.clock.fast_forward("10:00")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    assert _reads(page) == 0
    for clicks in (1, 2, 3):
        page.get_by_role("button", name="粘贴", exact=True).click()
        page.wait_for_function("n => seen.reads >= n", arg=clicks)
        expect(page.locator("#q")).to_have_value(canary)
        assert _reads(page) == clicks
        assert shop.troth.uses(customer.person)["paste_text"][0] == clicks


@pytest.mark.promise("S-26", "S-33")
@pytest.mark.control("clipboard_per_click", "refusal_harmless")
def test_keyboard_pastes_where_the_clipboard_is_refused(
    shop: RunningShop, open_context: OpenContext, canary: str
):
    context = open_context(shop.customer())
    context.grant_permissions(["clipboard-read"], origin=shop.address)
    context.add_init_script(SPIES)
    put_on_clipboard(context, canary)
    page = context.new_page()
    page.goto("/search")
    assert page.locator("button[data-paste]").count() == 0
    page.locator("#q").focus()
    page.keyboard.press("Control+V")
    expect(page.locator("#q")).to_have_value(canary)
    assert _reads(page) == 0
