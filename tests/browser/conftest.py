"""A real Chromium, found on this machine, for the tests in this folder."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.browser.shop import Customer, RunningShop, running_shop
from tests.servers import say_missing

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_PHONE = {"width": 390, "height": 844}


class LaunchChromium(Protocol):
    """What the fixture `launch_chromium` hands out."""

    def __call__(self, *, camera: Path | None = None, grant_prompt: bool = False) -> Browser:
        """Start a browser of this test's own, closed at its end.

        Args:
            camera: a film (tests/browser/camera.py) to play as the only camera; None leaves the
                browser without any camera.
            grant_prompt: how the browser's own prompt for camera and microphone is answered:
                True as by a shopper who taps "allow", at once; False as by one who closes it, so
                that getUserMedia rejects with NotAllowedError while the permission stays at
                "prompt". A context made with permissions=["camera"] was allowed before.
        """
        ...


def find_chromium() -> str | None:
    """Return the path of Chromium on this machine, or None. TROTH_TEST_CHROMIUM overrides."""
    if wanted := os.environ.get("TROTH_TEST_CHROMIUM"):
        return wanted
    return next((path for name in _PROGRAMS if (path := shutil.which(name))), None)


# Of this folder, not of the session: while Playwright's synchronous interface is open, an event
# loop counts as running in the main thread, and asyncio.run() in a later room's test would fail.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Playwright's synchronous interface, open for the tests of this folder."""
    with sync_playwright() as opened:
        yield opened


@pytest.fixture(scope="package")
def chromium_program() -> str:
    """The path of Chromium; the test is skipped where there is none (fails in CI)."""
    program = find_chromium()
    if program is None:
        say_missing("Chromium")
    return program


@pytest.fixture(scope="package")
def chromium(chromium_program: str, playwright: Playwright) -> Iterator[Browser]:
    """One running Chromium for the tests of this folder; each test opens a context of its own."""
    browser = playwright.chromium.launch(executable_path=chromium_program, args=list(ARGUMENTS))
    yield browser
    browser.close()


@pytest.fixture
def launch_chromium(chromium_program: str, playwright: Playwright) -> Iterator[LaunchChromium]:
    """A browser of this test's own, with a camera film and an answer to the browser's prompt."""
    with ExitStack() as opened:

        def launch(*, camera: Path | None = None, grant_prompt: bool = False) -> Browser:
            arguments = list(ARGUMENTS)
            if camera is not None:
                arguments += [
                    "--use-fake-device-for-media-stream",
                    f"--use-file-for-fake-video-capture={camera}",
                ]
            if grant_prompt:
                arguments.append("--use-fake-ui-for-media-stream")
            browser = playwright.chromium.launch(executable_path=chromium_program, args=arguments)
            opened.callback(browser.close)
            return browser

        yield launch


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page in a fresh context: Chinese, a phone's width; arguments are new_context's."""
    with ExitStack() as opened:

        def open_one(**context_arguments: object) -> Page:
            settings = {"locale": "zh-CN", "viewport": _PHONE, **context_arguments}
            context = chromium.new_context(**settings)  # type: ignore[arg-type]
            opened.callback(context.close)
            return context.new_page()

        yield open_one


# --- the shop ---------------------------------------------------------------------------------


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """The shop as its command serves it, with its courier; one for the tests of this folder."""
    with running_shop(tmp_path_factory.mktemp("shop")) as running:
        yield running


class OpenContext(Protocol):
    """What the fixture `open_context` hands out."""

    def __call__(
        self,
        customer: Customer | None = None,
        *,
        browser: Browser | None = None,
        **settings: object,
    ) -> BrowserContext:
        """Open a browser profile of its own: a person's phone, in Chinese.

        Args:
            customer: who is logged in there; nobody by default.
            browser: the browser; the common one by default.
            settings: of Playwright's new_context.
        """
        ...


@pytest.fixture
def open_context(chromium: Browser, shop: RunningShop) -> Iterator[OpenContext]:
    """Open profiles at the shop; they are closed at the end of the test."""
    with ExitStack() as opened:

        def open_one(
            customer: Customer | None = None, *, browser: Browser | None = None, **settings: object
        ) -> BrowserContext:
            wanted = {
                "locale": "zh-CN",
                "viewport": _PHONE,
                "base_url": shop.address,
                "reduced_motion": "reduce",
                **settings,
            }
            context = (browser or chromium).new_context(**wanted)  # type: ignore[arg-type]
            opened.callback(context.close)
            context.set_default_timeout(20_000)
            if customer is not None:
                context.add_cookies([shop.session_cookie(customer)])  # type: ignore[list-item]
            return context

        yield open_one
