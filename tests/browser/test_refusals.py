"""In Chromium: whoever refuses one permission, or all, or at the browser's own prompt, still shops.

The same journeys each time: browse, search, register, order, pay, support, see my data, log out.
What a refused permission would have served is done the other way.
"""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from tests.browser.camera import film_of_code
from tests.browser.conftest import ARGUMENTS, LaunchChromium, OpenContext
from tests.browser.shop import PASSWORD, PERMISSIONS, RunningShop
from tests.browser.spies import NOTHING_STORED, SPIES, Traffic, stored
from tests.browser.test_clipboard import put_on_clipboard
from tests.browser.visits import visits_of
from troth import Answer
from troth_shop import payments

ARTICLE = "tea-longjing"
_ALONE = [pytest.param(frozenset({p}), marks=pytest.mark.slow, id=p) for p in PERMISSIONS]
REFUSALS = [
    pytest.param(frozenset[str](), id="nothing"),
    pytest.param(frozenset(PERMISSIONS), id="everything"),
    *_ALONE,
]
"""Each alone is in `make prove`; at the server it is one of the 64, and its places of use are in
the permission table's test."""

SLOW = """Object.defineProperty(navigator, "connection", {
  value: { effectiveType: "2g", saveData: false, addEventListener() {} } });"""
"""A slow network, as a browser reports it; the only thing here that a test makes up."""


@dataclass
class Shopper:
    """One person in front of one browser.

    Attributes:
        refused: permissions to which the person says no in the shop.
        browser_says_no: whether the browser's own prompts are refused as well.
    """

    shop: RunningShop
    context: BrowserContext
    page: Page
    refused: Set[str]
    voucher: Path
    browser_says_no: bool = False

    def __post_init__(self) -> None:
        self.phone = self.shop.next_phone()
        self.reference = f"REF-{self.phone}"
        self.person = ""

    def allows(self, permission: str) -> bool:
        """Tell whether both the shop and the browser were told yes."""
        return permission not in self.refused

    def works(self, permission: str) -> bool:
        """Tell whether the function behind a permission of the browser can work."""
        return self.allows(permission) and not self.browser_says_no

    # --- the journeys -------------------------------------------------------------------------

    def browse(self) -> None:
        self.page.goto("/")
        expect(self.page.locator("script[data-uses-pictures]")).to_have_count(0)
        self.page.locator(".shelf-links a").first.click()
        self.page.locator(f'main a[href="/product/{ARTICLE}"]').first.click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("龙井")

    def search(self) -> None:
        self.page.locator('.bar a[href="/search"]').click()
        self.page.locator("#q").fill("龙井")
        self.page.locator("#q").press("Enter")
        expect(self.page.locator(f'.found a[href="/product/{ARTICLE}"]').first).to_be_visible()

    def register(self) -> None:
        page = self.page
        page.goto("/register")
        page.locator("#fourteen-yes").check()
        page.locator("#phone").fill(self.phone)
        page.get_by_role("main").locator("form button[type=submit]").click()
        page.locator("#password").fill(PASSWORD)
        page.locator("#code").fill(self.shop.code_sent_to(self.phone))
        page.get_by_role("main").locator("form button[type=submit]").click()
        page.wait_for_url(f"{self.shop.address}/my")
        self.person = self.shop.person_of(self.phone)

    def answer(self) -> None:
        """Answer every question: by its page where the browser is tried, else by what it calls."""
        say = self.say if self.browser_says_no else self.record
        for permission, purposes in PERMISSIONS.items():
            for purpose in purposes:
                say(purpose, Answer.GIVE if self.allows(permission) else Answer.REFUSE)
        say("check_voucher", Answer.GIVE)
        for permission, purposes in PERMISSIONS.items():
            stands = [self.shop.troth.decide(self.person, p).allowed for p in purposes]
            assert stands == [self.allows(permission)] * len(purposes)

    def record(self, purpose: str, said: Answer) -> None:
        self.shop.say(self.person, purpose, said)

    def say(self, purpose: str, said: Answer) -> None:
        self.page.goto(f"/privacy/ask/{purpose}?next=/contact")
        self.page.locator(f'form:has(input[value="{said}"]) button').click()
        self.page.wait_for_url(f"{self.shop.address}/contact")

    def find_by_code(self) -> None:
        """Scan the label, or type its code."""
        page = self.page
        page.goto("/scan")
        if self.works("camera"):
            page.get_by_role("button", name="打开相机").click()
        else:
            if self.allows("camera"):
                page.get_by_role("button", name="打开相机").click()
                expect(page.locator("#scanner [data-status]")).to_contain_text("浏览器")
                expect(page.locator("#scanner video")).to_be_hidden()
            else:
                expect(page.locator("#scanner")).to_have_count(0)
            page.locator("#code").fill(self.shop.catalogue.by_sku[ARTICLE].code)
            page.locator("#code").press("Enter")
        page.wait_for_url(f"{self.shop.address}/product/{ARTICLE}")

    def look_at_pictures(self) -> None:
        """On a slow network: light pictures if that is allowed, normal ones if not."""
        picture = self.page.locator(f'main img[data-light*="{ARTICLE}"]').first
        light = "light.svg" if self.allows("network") else f"{ARTICLE}.svg"
        expect(picture).to_have_attribute("src", _ending(light))

    def order(self) -> str:
        page = self.page
        page.locator("form.buy button").click()
        page.wait_for_url("**/cart*")
        page.goto("/checkout")
        page.locator("#delivery-pick_up").check()
        page.locator("#pay_by-transfer").check()
        page.locator("form.checkout button[type=submit]").click()
        page.wait_for_url("**/orders/*")
        return page.url.partition("?")[0].rpartition("/")[2]

    def pay(self, order: str) -> None:
        """Send a picture if files are allowed; then the reference, pasted by click or keyboard."""
        page = self.page
        pay = f"{self.shop.address}/orders/{order}/pay"
        page.goto(pay)
        by_file = page.locator("form.by-file")
        if self.allows("storage"):
            by_file.locator("input[type=file]").set_input_files(self.voucher)
            by_file.locator("button").click()
            page.wait_for_url(f"**/orders/{order}?*")
            page.goto(pay)
        else:
            expect(by_file).to_have_count(0)
        if self.allows("camera") and self.browser_says_no:
            page.locator("#photograph [data-open-camera]").click()
            expect(page.locator("#photograph [data-status]")).to_contain_text("浏览器")
        expect(page.locator("#photograph")).to_have_count(1 if self.allows("camera") else 0)
        self.paste_reference()
        page.locator("form[action$='/reference'] button[type=submit]").click()
        page.wait_for_url(f"**/orders/{order}?*")
        page.goto(f"/orders/{order}/receipt")
        file = page.locator('a[href$="/receipt/file"]')
        expect(file).to_have_count(1 if self.allows("storage") else 0)
        if self.allows("storage"):
            with page.expect_download() as saved:
                file.click()
            assert Path(saved.value.path()).read_text(encoding="utf-8")

    def paste_reference(self) -> None:
        put_on_clipboard(self.context, self.reference)
        page = self.page
        page.bring_to_front()
        button = page.locator('button[data-paste="reference"]')
        field = page.locator("#reference")
        if self.allows("clipboard"):
            button.click()
            if self.works("clipboard"):
                expect(field).to_have_value(self.reference)
                return
            status = page.locator('[data-paste-status="reference"]')
            expect(status).to_contain_text("浏览器")
        else:
            expect(button).to_have_count(0)
        field.focus()
        page.keyboard.press("Control+V")
        expect(field).to_have_value(self.reference)

    def support(self) -> str:
        page = self.page
        page.goto("/support")
        number = self.shop.troth.policy.controller.phone
        expect(page.get_by_role("main")).to_contain_text(number)
        expect(page.locator('a[href^="tel:"]')).to_have_count(1 if self.allows("call") else 0)
        page.locator("#subject").fill("包装破了")
        page.locator("#message").fill("收到时盒子有一个角是破的。")
        device = page.locator("input[name=device]")
        expect(device).to_have_count(1 if self.allows("device_id") else 0)
        if self.allows("device_id"):
            device.check()
        page.locator('form[action="/support/cases"] button[type=submit]').click()
        page.wait_for_url("**/support/cases/*")
        return page.url.partition("?")[0].rpartition("/")[2]

    def see_my_data(self, order: str) -> None:
        self.page.goto("/my/data")
        held = self.page.locator("main").text_content() or ""
        assert self.phone in held
        assert order in held

    def log_out(self) -> None:
        self.page.goto("/logout")
        self.page.locator('main form[action="/logout"] button').click()
        self.page.wait_for_url(f"{self.shop.address}/?*")
        assert self.context.cookies() == []
        self.page.goto("/my")
        assert self.page.url.startswith(f"{self.shop.address}/login")

    def shops(self) -> None:
        """Go all journeys and look at what they left in the database."""
        self.browse()
        self.search()
        self.register()
        self.answer()
        self.find_by_code()
        self.look_at_pictures()
        order = self.order()
        self.pay(order)
        case = self.support()
        self.see_my_data(order)
        self.log_out()
        self._ended(order, case)

    def _ended(self, order: str, case: str) -> None:
        of_order = (
            "SELECT o.state, p.reference, count(v.voucher_id) FROM shop_order__rows o "
            "JOIN shop_payment__rows p USING (order_id) "
            "LEFT JOIN shop_voucher__rows v USING (order_id) WHERE order_id = ?"
        )
        ((state, stored_reference, pictures),) = self.shop.query(of_order, order)
        assert (state, pictures) == ("awaiting_check", int(self.allows("storage")))
        assert stored_reference not in (None, "")
        payment = payments.payment_of(self.shop.troth, self.person, order)
        assert payment.reference == self.reference
        of_case = (
            "SELECT state, support_device_id IS NOT NULL FROM shop_case__rows WHERE case_id = ?"
        )
        assert self.shop.query(of_case, case) == [("open", int(self.allows("device_id")))]
        open_sessions = (
            "SELECT count(*) FROM shop_session__rows "
            "WHERE pii_principal_id = ? AND ended_at IS NULL"
        )
        assert self.shop.query(open_sessions, self.person) == [(0,)]
        # Sealed or an index of what was typed; only the outbox, which is the phone, can be read.
        assert self.shop.files_with(self.reference) == []
        assert self.shop.files_with(self.phone) == [str(self.shop.data / "outbox.jsonl")]


def _ending(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text) + "$")


@pytest.fixture(scope="module")
def voucher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("voucher") / "voucher.png"
    Image.effect_noise((320, 200), 60).convert("RGB").save(path)
    return path


@pytest.fixture(scope="module")
def film(shop: RunningShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    code = shop.catalogue.by_sku[ARTICLE].code
    return film_of_code(code, tmp_path_factory.mktemp("film") / "a.mjpeg")


@pytest.fixture(scope="module")
def browser_with_camera(
    playwright: Playwright, chromium_program: str, film: Path
) -> Iterator[Browser]:
    """A browser before whose camera the label is held, and whose prompts are answered with yes."""
    camera = [
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
        "--use-fake-ui-for-media-stream",
    ]
    browser = playwright.chromium.launch(
        executable_path=chromium_program, args=[*ARGUMENTS, *camera]
    )
    yield browser
    browser.close()


def _shopper(
    shop: RunningShop,
    open_context: OpenContext,
    browser: Browser,
    refused: Set[str],
    voucher: Path,
    *,
    browser_says_no: bool = False,
) -> Shopper:
    context = open_context(browser=browser)
    context.add_init_script(SPIES)
    context.add_init_script(SLOW)
    if not browser_says_no:
        context.grant_permissions(["camera", "clipboard-read"], origin=shop.address)
    return Shopper(shop, context, context.new_page(), refused, voucher, browser_says_no)


@pytest.mark.promise("S-25", "S-26", "S-07", "S-30", "S-31")
@pytest.mark.control(
    "refusal_harmless",
    "shop_journeys",
    "hotline_dial_only",
    "network_in_memory",
    "file_picker_only",
)
@pytest.mark.parametrize("refused", REFUSALS)
def test_journeys_end_with_these_refused_in_the_shop(
    shop: RunningShop,
    browser_with_camera: Browser,
    open_context: OpenContext,
    voucher: Path,
    refused: frozenset[str],
):
    _shopper(shop, open_context, browser_with_camera, refused, voucher).shops()


@pytest.mark.promise("S-26", "S-27")
@pytest.mark.control("refusal_harmless", "shop_journeys")
def test_journeys_end_when_the_browser_says_no_after_the_shops_yes(
    shop: RunningShop,
    launch_chromium: LaunchChromium,
    open_context: OpenContext,
    film: Path,
    voucher: Path,
):
    browser = launch_chromium(camera=film, grant_prompt=False)
    shopper = _shopper(shop, open_context, browser, set(), voucher, browser_says_no=True)
    shopper.shops()


@pytest.mark.promise("S-31")
@pytest.mark.control("network_in_memory")
def test_network_state_is_neither_sent_nor_stored(shop: RunningShop, open_context: OpenContext):
    customer = shop.customer(allowing=["adapt_pictures"])
    context = open_context(customer)
    context.add_init_script(SLOW.replace('"2g"', '"slow-2g"'))
    traffic = Traffic.of(context)
    page = context.new_page()
    page.goto("/category/tea")
    expect(page.locator("main img[data-light]").first).to_have_attribute(
        "src", _ending("light.svg")
    )
    posts = [r for r in traffic.requests if r.method != "GET"]
    assert [(r.url, r.post_data_buffer or b"") for r in posts] == [
        (f"{shop.address}/privacy/uses/adapt_pictures", b"")
    ]
    assert not any(b"2g" in sent for sent in traffic.sent())
    assert not any(r.headers.get("downlink") or r.headers.get("ect") for r in traffic.requests)
    assert {**stored(page), "cookies": ""} == NOTHING_STORED
    assert shop.files_with("slow-2g") == []


@pytest.mark.promise("S-29")
@pytest.mark.control("file_picker_only")
def test_only_one_file_is_asked_for_and_no_folder(shop: RunningShop, open_context: OpenContext):
    customer = shop.customer(allowing=["choose_file", "check_voucher"])
    visits = visits_of(shop, customer)
    page = open_context(customer).new_page()
    page.goto(f"/orders/{visits.order}/pay")
    field = page.locator("form.by-file input[type=file]")
    with page.expect_file_chooser() as opened:
        field.click()
    assert not opened.value.is_multiple()
    assert page.locator("input[webkitdirectory], input[type=file][multiple]").count() == 0


@pytest.mark.promise("S-30")
@pytest.mark.control("hotline_dial_only")
def test_hotline_link_dials_the_hotline_and_nothing_dials_by_itself(
    shop: RunningShop, open_context: OpenContext
):
    customer = shop.customer(allowing=["call_hotline"])
    page = open_context(customer).new_page()
    number = shop.troth.policy.controller.phone.replace("-", "")
    for path in ("/support", "/contact"):
        page.goto(path)
        links = page.locator('a[href^="tel:"]')
        assert links.evaluate_all("all => all.map(a => a.getAttribute('href'))") == [
            f"tel:{number}"
        ]
        assert page.url == f"{shop.address}{path}"
    assert "call_hotline" not in shop.troth.uses(customer.person)
