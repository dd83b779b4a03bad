"""Every page, both languages, wide and narrow: for eyes, keyboards, screen readers and fingers.

TROTH_TEST_SCREENSHOTS=folder also writes a picture of every page there; they are not committed.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext
from tests.browser.shop import CASHIER, PERMISSIONS, SEPARATE, RunningShop
from tests.browser.visits import Visits, visits_of

WIDE, PHONE, NARROWEST = 1280, 390, 320
_AXE = {
    "resultTypes": ["violations"],
    "rules": {"target-size": {"enabled": True}},
}
_OVERFLOWS = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.getBoundingClientRect().right > width + 1)
    .map((e) => e.tagName + "." + e.className).slice(0, 5);
}"""
_SMALL = """() => [...document.querySelectorAll(
    "a, button, input:not([type=hidden]), select, textarea, summary")]
  .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest(".skip, .unseen"))
  .filter((e) => {
    // A link within a sentence may be as high as its line (WCAG 2.5.8, inline).
    const sentence = e.tagName === "A" && getComputedStyle(e).display.startsWith("inline")
      && e.parentElement.textContent.trim() !== e.textContent.trim();
    const label = e.labels?.[0] ?? e;
    // A link whose ::after is stretched over its card is as large as the card.
    const stretched = getComputedStyle(e, "::after").position === "absolute" && e.offsetParent;
    const box = (stretched || (label.contains(e) ? label : e)).getBoundingClientRect();
    return !sentence && (box.width < 23.9 || box.height < 23.9);
  })
  .map((e) => `${e.tagName} ${e.id || e.className} ${e.textContent.trim().slice(0, 30)}`)"""

_OPTIONAL = (*(p for purposes in PERMISSIONS.values() for p in purposes), *SEPARATE)


class Looked:
    """Opens pages, looks at them, and remembers every fault for one report."""

    def __init__(self, page: Page, language: str, who: str) -> None:
        self.page = page
        self.language = language
        self.who = who
        self.faults: list[str] = []
        self._axe = Axe()
        folder = os.environ.get("TROTH_TEST_SCREENSHOTS")
        self._folder = Path(folder) if folder else None

    def at(self, paths: Sequence[str], width: int) -> None:
        """Look at each page in one width; a phone's pages are also made as narrow as 320."""
        self.page.set_viewport_size({"width": width, "height": 844})
        prefix = "/en" if self.language == "en" else ""
        for path in paths:
            self.page.goto(f"{prefix}{path}")
            where = f"{self.language} {width} {path}"
            self._picture(path, width)
            found = self._axe.run(self.page, options=_AXE)
            self.faults += [
                f"{where}: {v['id']} {[n['target'] for n in v['nodes'][:3]]}"
                for v in found.response["violations"]
            ]
            self._fits(where)
            self.faults += [f"{where}: small {e}" for e in self.page.evaluate(_SMALL)]
            if width == PHONE:
                self.page.set_viewport_size({"width": NARROWEST, "height": 844})
                self._fits(f"{where} at {NARROWEST}")
                self.page.set_viewport_size({"width": width, "height": 844})

    def _fits(self, where: str) -> None:
        if wide := self.page.evaluate(_OVERFLOWS):
            self.faults.append(f"{where}: scrolls sideways {wide}")

    def _picture(self, path: str, width: int) -> None:
        if self._folder is None:
            return
        name = re.sub(r"[0-9a-f]{32}", "id", path.partition("?next")[0])
        name = re.sub(r"\W+", "-", name).strip("-") or "home"
        self._folder.mkdir(parents=True, exist_ok=True)
        file = f"{self.who}-{name}-{width}-{self.language}.png"
        self.page.screenshot(path=self._folder / file, full_page=True)


def _own_pages(visits: Visits) -> list[str]:
    return [p for p in visits.customers if p not in visits.everybody] + ["/my/settings/privacy"]


@pytest.mark.promise("S-15", "S-18")
@pytest.mark.control("privacy_settings_page", "policy_readable")
@pytest.mark.parametrize(
    ("language", "width"),
    [
        ("zh-CN", PHONE),
        pytest.param("en", WIDE, marks=pytest.mark.slow),
        pytest.param("zh-CN", WIDE, marks=pytest.mark.slow),
        pytest.param("en", PHONE, marks=pytest.mark.slow),
    ],
)
def test_pages_have_no_fault_that_can_be_measured(
    shop: RunningShop, open_context: OpenContext, language: str, width: int
):
    customer = shop.customer(allowing=_OPTIONAL)
    visits = visits_of(shop, customer)
    locale = "en-GB" if language == "en" else "zh-CN"
    visitor = Looked(open_context(locale=locale).new_page(), language, "visitor")
    visitor.at([*visits.everybody, *visits.visitors], width)

    context = open_context(customer, locale=locale)
    shopper = Looked(context.new_page(), language, "customer")
    shopper.page.goto("/product/tea-longjing")
    shopper.page.locator("form.buy button").click()
    shopper.page.wait_for_url("**/cart*")
    shopper.at([*_own_pages(visits), "/cart", "/scan", "/search", "/support"], width)
    faults = visitor.faults + shopper.faults
    assert faults == [], "\n".join(faults)


@pytest.mark.promise("S-15")
@pytest.mark.control("privacy_settings_page", "staff_role_page")
def test_staff_pages_have_no_fault_that_can_be_measured(
    shop: RunningShop, open_context: OpenContext
):
    visits_of(shop, shop.customer())
    page = open_context().new_page()
    faults: list[str] = []
    for name in (CASHIER[0], "packer", "support"):
        page.goto("/staff/login")
        page.locator("#name").fill(name)
        page.locator("#password").fill(CASHIER[1])
        page.locator('main form[action="/staff/login"] button').click()
        page.wait_for_url("**/staff/orders")
        looked = Looked(page, "zh-CN", name)
        looked.at(["/staff/orders"], PHONE)
        faults += looked.faults
        page.context.clear_cookies()
    assert faults == [], "\n".join(faults)


# --- the keyboard -----------------------------------------------------------------------------

_STOP = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const box = e.getBoundingClientRect();
  const style = getComputedStyle(e);
  const x = box.left + box.width / 2, y = box.top + Math.min(box.height / 2, 20);
  const top = document.elementFromPoint(x, y);
  const label = e.labels?.[0];
  const ring = (s) => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2;
  window.walked = window.walked || [];
  const before = window.walked.at(-1), after = Node.DOCUMENT_POSITION_FOLLOWING;
  const seenBefore = window.walked.includes(e);
  window.walked.push(e);
  return {
    name: `${e.tagName} ${e.id || e.className} ${e.textContent.trim().slice(0, 24)}`,
    ring: ring(style) || style.boxShadow !== "none",
    inView: box.top >= 0 && box.bottom <= innerHeight + 1 || box.height > innerHeight,
    covered: !(top && (e.contains(top) || top.contains(e) || label?.contains(top))),
    inOrder: !before || Boolean(before.compareDocumentPosition(e) & after),
    again: seenBefore,
  };
}"""
_FOCUSABLE = """() => [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary")]
  .filter((e) => !e.disabled && e.type !== "hidden" && e.tabIndex >= 0
    && e.checkVisibility({ visibilityProperty: true })).length"""


@pytest.mark.promise("S-15")
@pytest.mark.control("privacy_settings_page", "ask_per_purpose")
@pytest.mark.parametrize("width", [PHONE, WIDE])
@pytest.mark.parametrize("path", ["/privacy/ask/scan_product?next=/scan", "/my/settings/privacy"])
def test_keyboard_reaches_everything_in_order_and_focus_is_seen(
    shop: RunningShop, open_context: OpenContext, path: str, width: int
):
    customer = shop.customer(allowing=["paste_text"])
    page = open_context(customer, viewport={"width": width, "height": 700}).new_page()
    page.goto(path)
    expected = int(page.evaluate(_FOCUSABLE))
    faults: list[str] = []
    stops = 0
    for _ in range(expected + 5):
        page.keyboard.press("Tab")
        stop = page.evaluate(_STOP)
        if stop is None or stop["again"]:
            break
        stops += 1
        missing = [what for what in ("ring", "inView", "inOrder") if not stop[what]]
        faults += [f"{stop['name']}: not {what}" for what in missing]
        if stop["covered"]:
            faults.append(f"{stop['name']}: covered")
    assert faults == []
    assert stops == expected


@pytest.mark.promise("S-15", "S-60")
@pytest.mark.control("privacy_settings_page", "withdraw_at_once")
def test_everything_about_a_permission_can_be_done_by_keyboard_alone(
    shop: RunningShop, open_context: OpenContext
):
    customer = shop.customer()
    page = open_context(customer).new_page()
    page.goto("/my/settings/privacy")
    _tab_to(page, 'button[aria-labelledby="switch-paste_text"]')
    page.keyboard.press("Enter")
    page.wait_for_selector("#question")
    _tab_to(page, 'form:has(input[value="give"]) button')
    page.keyboard.press("Space")
    page.wait_for_url(f"{shop.address}/my/settings/privacy")
    assert shop.troth.decide(customer.person, "paste_text").allowed
    _tab_to(page, 'button[aria-labelledby="switch-paste_text"]')
    page.keyboard.press("Enter")
    page.wait_for_selector('button[aria-labelledby="switch-paste_text"][aria-checked="false"]')
    assert not shop.troth.decide(customer.person, "paste_text").allowed


def _tab_to(page: Page, selector: str) -> None:
    focused = "selector => document.activeElement?.matches(selector)"
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate(focused, selector):
            return
    raise AssertionError(f"the keyboard never reaches {selector}")


@pytest.mark.promise("S-03", "S-02")
@pytest.mark.control("no_consent_by_use")
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_first_page_tells_a_visitor_of_the_policy_without_covering_the_goods(
    shop: RunningShop, open_context: OpenContext, language: str
):
    page = open_context().new_page()
    prefix = "/en" if language == "en" else ""
    page.goto(f"{prefix}/")
    told = page.locator(f'main a[href="{prefix}/privacy/policy"]').first
    expect(told).to_be_visible()
    assert told.evaluate(
        "a => { for (let e = a; e; e = e.parentElement)"
        " if (['fixed', 'sticky'].includes(getComputedStyle(e).position)) return false;"
        " return true; }"
    ), "the notice lies over the page"
    assert page.locator("main :checked, main dialog").count() == 0


@pytest.mark.promise("S-15", "S-27")
@pytest.mark.control("privacy_settings_page")
def test_privacy_settings_are_at_most_four_clicks_from_the_first_page(
    shop: RunningShop, open_context: OpenContext
):
    page = open_context(shop.customer()).new_page()
    page.goto("/")
    for clicks, name in enumerate(("我的", "设置", "隐私设置"), start=1):
        path = {"我的": "/my", "设置": "/my/settings", "隐私设置": "/my/settings/privacy"}[name]
        page.get_by_role("link", name=name, exact=True).first.click()
        page.wait_for_url(f"{shop.address}{path}")
        assert clicks <= 4
    assert page.get_by_role("switch").count() >= 6
