"""A label held before a camera opens its article; nothing of the picture leaves the device."""

import json
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.camera import film_of_code, film_without_code
from tests.browser.conftest import LaunchChromium, OpenContext
from tests.browser.shop import RunningShop
from tests.browser.spies import NOTHING_STORED, SPIES, Traffic, stored

ARTICLE = "tea-longjing"
_LONGEST_REQUEST_BYTES = 3000
"""Of all that a request of the scanner may say; a frame, however small, is more."""


def _allow_scanning(page: Page) -> None:
    """Go from the scanner's page through the shop's own question, as a person does."""
    page.goto("/scan")
    assert page.locator("#scanner").count() == 0
    page.get_by_role("link", name="使用相机", exact=True).click()
    page.wait_for_url(re.compile(r"/privacy/ask/scan_product\?"))
    page.get_by_role("button", name="允许", exact=True).click()
    page.wait_for_selector("#scanner")


@pytest.mark.promise("S-04", "S-08", "S-28")
@pytest.mark.control("camera_on_device", "uses_counted")
@pytest.mark.parametrize("who", ["customer", "visitor"])
def test_label_before_the_camera_opens_its_article(
    shop: RunningShop,
    launch_chromium: LaunchChromium,
    open_context: OpenContext,
    tmp_path: Path,
    who: str,
):
    code = shop.catalogue.by_sku[ARTICLE].code
    browser = launch_chromium(camera=film_of_code(code, tmp_path / "a.mjpeg"), grant_prompt=True)
    customer = shop.customer() if who == "customer" else None
    context = open_context(customer, browser=browser)
    context.add_init_script(SPIES)
    reports: list[str] = []
    context.expose_function("reportSeen", lambda text: reports.append(str(text)))
    traffic = Traffic.of(context)
    page = context.new_page()
    _allow_scanning(page)
    before = len(traffic.requests)
    page.get_by_role("button", name="打开相机").click()
    page.wait_for_url(f"**/product/{ARTICLE}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("龙井")

    (report,) = reports  # one track of one stream was stopped, before the document was left
    seen = json.loads(report)
    assert len(seen["camera"]) == 1
    hit = seen["looks"][-1]  # the frame that held the code was looked at last
    assert 0 <= seen["stops"][0] - hit <= 1000
    assert seen["peers"] == 0

    assert max(map(len, traffic.sent()[before:])) < _LONGEST_REQUEST_BYTES
    posts = [r for r in traffic.requests[before:] if r.method != "GET"]
    assert [(r.method, r.url) for r in posts] == [
        ("POST", f"{shop.address}/privacy/uses/scan_product")
    ]
    assert posts[0].post_data_buffer in (None, b"")
    assert traffic.outside(shop.address) == []
    assert stored(page) == NOTHING_STORED


@pytest.mark.promise("S-08", "S-28")
@pytest.mark.control("camera_on_device", "uses_counted")
def test_camera_stays_closed_while_idle_and_closes_by_itself(
    shop: RunningShop, launch_chromium: LaunchChromium, open_context: OpenContext, tmp_path: Path
):
    film = film_without_code(tmp_path / "a.mjpeg")
    browser = launch_chromium(camera=film, grant_prompt=True)
    context = open_context(shop.customer(allowing=["scan_product"]), browser=browser)
    context.add_init_script(SPIES)
    page = context.new_page()
    page.clock.install()
    page.goto("/scan")
    page.clock.fast_forward("10:00")
    assert page.evaluate("seen.camera.length") == 0
    page.get_by_role("button", name="打开相机").click()
    expect(page.locator("#scanner video")).to_be_visible()
    page.clock.fast_forward("01:01")
    expect(page.locator("#scanner video")).to_be_hidden()
    assert page.evaluate("[seen.camera.length, seen.stops.length]") == [1, 1]


@pytest.mark.promise("S-28")
@pytest.mark.control("camera_on_device")
def test_camera_closes_when_the_person_says_so(
    shop: RunningShop, launch_chromium: LaunchChromium, open_context: OpenContext, tmp_path: Path
):
    film = film_without_code(tmp_path / "a.mjpeg")
    browser = launch_chromium(camera=film, grant_prompt=True)
    context = open_context(shop.customer(allowing=["scan_product"]), browser=browser)
    context.add_init_script(SPIES)
    page = context.new_page()
    page.goto("/scan")
    page.get_by_role("button", name="打开相机").click()
    expect(page.locator("#scanner video")).to_be_visible()
    began = time.monotonic()
    page.get_by_role("button", name="关闭相机").click()
    page.wait_for_function("seen.stops.length === 1")
    assert time.monotonic() - began < 1
    expect(page.get_by_role("button", name="打开相机")).to_be_visible()


@pytest.mark.promise("S-28")
@pytest.mark.control("camera_on_device")
def test_code_of_somebody_else_leads_nowhere(
    shop: RunningShop, launch_chromium: LaunchChromium, open_context: OpenContext, tmp_path: Path
):
    film = film_of_code("https://evil.example/?x=1", tmp_path / "a.mjpeg")
    browser = launch_chromium(camera=film, grant_prompt=True)
    context = open_context(shop.customer(allowing=["scan_product"]), browser=browser)
    traffic = Traffic.of(context)
    page = context.new_page()
    page.goto("/scan")
    page.get_by_role("button", name="打开相机").click()
    expect(page.locator("#scanner [data-status]")).to_contain_text("不是")
    assert page.url == f"{shop.address}/scan"
    assert traffic.outside(shop.address) == []
