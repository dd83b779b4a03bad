"""Switching a permission on and off: at once, everywhere, as easily one way as the other."""

import time

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import LaunchChromium, OpenContext
from tests.browser.shop import PASSWORD, PERMISSIONS, SEPARATE, RunningShop
from tests.browser.spies import NOTHING_STORED, SPIES, stored
from troth import Answer

_OPTIONAL = (*(p for purposes in PERMISSIONS.values() for p in purposes), *SEPARATE)
_USE = "async address => (await fetch(address, { method: 'POST' })).status"
_LOOKS = """button => {
  const style = getComputedStyle(button), box = button.getBoundingClientRect();
  const names = ["color", "backgroundColor", "backgroundImage", "borderTopColor", "borderTopWidth",
    "borderTopStyle", "borderRadius", "boxShadow", "fontSize", "fontWeight", "fontFamily",
    "fontStyle", "lineHeight", "letterSpacing", "textDecorationLine", "textTransform", "opacity",
    "outlineStyle", "outlineColor", "paddingTop", "paddingLeft", "cursor", "order", "transform"];
  return [Math.round(box.width), Math.round(box.height), button.disabled, button.tabIndex,
    ...names.map(name => style[name])];
}"""


def _switch_off(page: Page, purpose: str) -> None:
    """Switch a purpose off on the page that is open, with one click."""
    page.locator(f'button[role=switch][aria-labelledby="switch-{purpose}"]').click()


@pytest.mark.promise("S-27", "S-60")
@pytest.mark.control("withdraw_at_once", "privacy_settings_page")
def test_switching_off_holds_on_another_device_within_a_second(
    shop: RunningShop, launch_chromium: LaunchChromium, open_context: OpenContext
):
    customer = shop.customer(allowing=["scan_product"])
    here, there = open_context(customer), open_context(customer, browser=launch_chromium())
    there.add_init_script(SPIES)
    settings, scanner = here.new_page(), there.new_page()
    scanner.goto("/scan")
    assert scanner.evaluate(_USE, "/privacy/uses/scan_product") == 204
    settings.goto("/my/settings/privacy")
    with settings.expect_response("**/privacy/answers") as acknowledged:
        _switch_off(settings, "scan_product")
    assert acknowledged.value.status == 303
    began = time.monotonic()
    assert scanner.evaluate(_USE, "/privacy/uses/scan_product") == 403
    assert time.monotonic() - began < 1
    # Its own button meets the same: the camera is not even asked for.
    scanner.get_by_role("button", name="打开相机").click()
    expect(scanner.locator("#scanner [data-status]")).to_contain_text("刚刚关闭")
    assert scanner.evaluate("seen.camera.length") == 0
    assert shop.states(customer.person, "scan_product") == ["consent_given", "consent_withdrawn"]


@pytest.mark.promise("S-27", "S-60")
@pytest.mark.control("withdraw_at_once")
def test_other_tabs_load_again_when_one_switches_off(shop: RunningShop, open_context: OpenContext):
    customer = shop.customer(allowing=["scan_product"])
    context = open_context(customer)
    scanner, settings = context.new_page(), context.new_page()
    scanner.goto("/scan")
    assert scanner.evaluate("document.featurePolicy.allowsFeature('camera')")
    settings.goto("/my/settings/privacy")
    _switch_off(settings, "scan_product")
    expect(settings.get_by_role("status").first).to_contain_text("已停止")
    scanner.wait_for_selector("#scanner", state="detached")
    scanner.wait_for_function("!document.featurePolicy.allowsFeature('camera')")
    assert "changed=" not in settings.url
    assert scanner.url == f"{shop.address}/scan"


@pytest.mark.promise("S-60", "S-27", "S-05")
@pytest.mark.control("withdraw_at_once", "privacy_settings_page")
@pytest.mark.parametrize("place", ["/search", "/my/settings/privacy"])
def test_withdrawing_takes_no_more_clicks_than_giving(
    shop: RunningShop, open_context: OpenContext, place: str
):
    customer = shop.customer()
    page = open_context(customer).new_page()
    page.goto(place)
    clicks = {"give": 0, "withdraw": 0}
    if place == "/search":
        page.locator('main a[href*="/privacy/ask/paste_text?"]').first.click()
    else:
        _switch_off(page, "paste_text")  # the same switch, which asks when it is off
    clicks["give"] += 1
    page.wait_for_selector("#question")
    page.get_by_role("button", name="允许", exact=True).click()
    clicks["give"] += 1
    switch = page.locator('button[role=switch][aria-labelledby="switch-paste_text"]')
    expect(switch).to_have_attribute("aria-checked", "true")
    assert page.url.partition("?")[0] == f"{shop.address}{place}"
    switch.click()
    clicks["withdraw"] += 1
    expect(switch.and_(page.locator('[aria-checked="true"]'))).to_have_count(0)
    assert page.url.partition("?")[0] == f"{shop.address}{place}"
    assert clicks["withdraw"] <= clicks["give"]
    assert shop.states(customer.person, "paste_text") == ["consent_given", "consent_withdrawn"]


@pytest.mark.promise("S-04", "S-05")
@pytest.mark.control("ask_per_purpose", "consent_recorded")
def test_escape_is_not_now_for_a_customer(shop: RunningShop, open_context: OpenContext):
    customer = shop.customer()
    page = open_context(customer).new_page()
    page.goto("/privacy/ask/scan_product?next=/scan")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Escape")
    page.wait_for_url(f"{shop.address}/scan")
    assert shop.states(customer.person, "scan_product") == ["consent_request_deferred"]
    assert not shop.troth.decide(customer.person, "scan_product")
    assert page.locator("#scanner").count() == 0


@pytest.mark.promise("S-06", "S-25")
@pytest.mark.control("visitor_without_identifiers", "no_consent_by_use")
@pytest.mark.parametrize("way", ["escape", "refuse"])
def test_no_of_a_visitor_is_recorded_nowhere(
    shop: RunningShop, open_context: OpenContext, way: str
):
    before = shop.settled_row_counts()
    context = open_context()
    page = context.new_page()
    page.goto("/privacy/ask/paste_text?next=/search")
    page.wait_for_load_state("networkidle")
    if way == "escape":
        page.keyboard.press("Escape")
    else:
        page.get_by_role("button", name="不允许", exact=True).click()
    page.wait_for_url(f"{shop.address}/search")
    assert context.storage_state() == {"cookies": [], "origins": []}
    assert stored(page) == NOTHING_STORED
    assert shop.settled_row_counts() == before


@pytest.mark.promise("S-04", "S-05", "S-25")
@pytest.mark.control("ask_per_purpose", "shown_text_proved")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_answers_look_the_same_and_none_is_chosen(
    shop: RunningShop, open_context: OpenContext, scheme: str
):
    context = open_context(shop.customer(), color_scheme=scheme)
    page = context.new_page()
    for prefix in ("", "/en"):
        for purpose in _OPTIONAL:
            page.goto(f"{prefix}/privacy/ask/{purpose}?next=/")
            answers = page.locator(".equal button")
            assert answers.count() == 2
            refuse, allow = (answers.nth(n).evaluate(_LOOKS) for n in (0, 1))
            assert refuse == allow, f"{prefix} {purpose}"
            assert page.evaluate("document.activeElement === document.body"), "one is preselected"
            assert page.locator("[autofocus], :checked, [aria-checked=true]").count() == 0
            _names_what_is_asked(shop, page, purpose, "en" if prefix else "zh-CN")


def _names_what_is_asked(shop: RunningShop, page: Page, purpose: str, language: str) -> None:
    policy = shop.troth.policy
    asked = policy.purposes[purpose]  # type: ignore[index]
    said = page.locator("main").inner_text()
    for words in (asked.why, asked.if_refused):
        assert words[language] in said
    for category in asked.categories:
        assert policy.categories[category].title[language] in said


def _log_in(page: Page, phone: str) -> None:
    page.goto("/login")
    page.locator("#phone").fill(phone)
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="登录").click()
    page.wait_for_url("**/my")


@pytest.mark.promise("S-61")
@pytest.mark.control("log_out_clears")
def test_logging_out_clears_the_browser_and_withdraws_nothing(
    shop: RunningShop, open_context: OpenContext
):
    customer = shop.customer(allowing=["paste_text"])
    context = open_context(customer)
    page = context.new_page()
    page.goto("/product/tea-longjing")
    page.locator("form.buy button").click()
    page.wait_for_url("**/cart*")
    page.evaluate("localStorage.setItem('left', 'x'); sessionStorage.setItem('left', 'x')")
    assert {c["name"] for c in context.cookies()} == {"session", "cart"}
    page.goto("/logout")
    page.get_by_role("main").get_by_role("button", name="退出登录").click()
    page.wait_for_url(f"{shop.address}/?*")
    assert context.cookies() == []
    assert stored(page)["local"] == {}
    assert shop.states(customer.person, "paste_text") == ["consent_given"]
    assert shop.troth.decide(customer.person, "paste_text").allowed
    _log_in(page, customer.phone)
    page.goto("/search")
    expect(page.locator('button[role=switch][aria-labelledby="switch-paste_text"]')).to_be_visible()


@pytest.mark.promise("S-06", "S-32")
@pytest.mark.control("visitor_without_identifiers", "no_consent_by_use")
def test_number_of_a_visitor_is_shown_resettable_and_joined_to_no_account(
    shop: RunningShop, open_context: OpenContext
):
    context = open_context()
    page = context.new_page()
    first = _allow_pasting(page, context)
    page.goto("/my/settings/privacy")
    expect(page.locator("main code")).to_have_text(first)

    customer = shop.customer()
    _log_in(page, customer.phone)
    page.goto("/search")
    assert page.locator("button[data-paste]").count() == 0, "the visitor's yes became the account's"
    assert first != customer.person
    assert _rows_with_both(shop, first, customer.person) == []
    assert shop.states(customer.person, "paste_text") == []
    page.goto("/logout")
    page.get_by_role("main").get_by_role("button", name="退出登录").click()
    page.wait_for_url(f"{shop.address}/?*")

    second = _allow_pasting(page, context)
    page.goto("/my/settings/privacy")
    page.locator('form[action$="/privacy/visitor/reset"] button').click()
    page.wait_for_url("**/my/settings/privacy*")
    expect(page.locator("main code")).to_have_count(0)
    assert context.cookies() == []
    assert shop.states(second, "paste_text") == ["consent_given", "consent_withdrawn"]
    third = _allow_pasting(page, context)
    assert len({first, second, third}) == 3
    assert all(len(number) == 32 for number in (first, second, third))


def _allow_pasting(page: Page, context: BrowserContext) -> str:
    page.goto("/search")
    page.locator('main a[href*="/privacy/ask/paste_text?"]').first.click()
    page.get_by_role("button", name="允许", exact=True).click()
    page.wait_for_selector("button[data-paste]")
    (visitor,) = [c for c in context.cookies() if c["name"] == "visitor"]
    assert visitor["httpOnly"]
    return str(visitor["value"])


def _rows_with_both(shop: RunningShop, first: str, second: str) -> list[object]:
    found: list[object] = []
    for rows in shop.tables().values():
        found += [row for row in rows if first in str(row) and second in str(row)]
    return found


@pytest.mark.promise("S-27", "S-15", "S-08")
@pytest.mark.control("privacy_settings_page", "uses_counted")
def test_settings_tell_the_shops_answer_and_the_browsers_apart(
    shop: RunningShop, open_context: OpenContext
):
    customer = shop.customer(allowing=["scan_product"])
    context = open_context(customer)
    context.grant_permissions(["camera"], origin=shop.address)
    page = context.new_page()
    page.goto("/scan")
    assert page.evaluate(_USE, "/privacy/uses/scan_product") == 204
    page.goto("/my/settings/privacy")
    camera = page.locator("#permission-camera")
    browser_says = camera.locator("[data-browser-state]")
    expect(browser_says).to_have_text("已允许。")
    expect(camera).to_contain_text("已使用 1 次")
    _switch_off(page, "scan_product")
    page.wait_for_url("**/my/settings/privacy")
    # Off in the shop; what the browser granted stays the browser's, and the page does not deny it.
    expect(camera.locator("dd", has_text="已关闭")).to_have_count(1)
    assert page.get_by_role("heading", level=2).count() >= 5


@pytest.mark.promise("S-60", "S-32")
@pytest.mark.control("withdraw_at_once", "device_id_per_case")
def test_device_number_goes_with_the_permission(shop: RunningShop, open_context: OpenContext):
    customer = shop.customer(allowing=["identify_device"])
    page = open_context(customer).new_page()
    page.goto("/support")
    page.locator("#subject").fill("扫码没反应")
    page.locator("#message").fill("手机上点了没有反应。")
    page.get_by_label("随机编号").check()
    page.get_by_role("button", name="提交").click()
    page.wait_for_url("**/support/cases/*")
    of_case = "SELECT support_device_id FROM shop_case__rows WHERE pii_principal_id = ?"
    ((first,),) = shop.query(of_case, customer.person)
    assert first
    page.locator('form[action$="/device"] button').click()
    page.wait_for_load_state()
    ((second,),) = shop.query(of_case, customer.person)
    assert second not in (None, first)
    _switch_off(page, "identify_device")
    page.wait_for_load_state()
    assert shop.query(of_case, customer.person) == [(None,)]
    shop.say(customer.person, "identify_device", Answer.GIVE)
    assert shop.query(of_case, customer.person) == [(None,)]
