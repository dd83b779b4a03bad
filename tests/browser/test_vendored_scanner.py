"""The vendored barcode reader and the fake camera, in a real browser, cut off from other hosts."""

import base64
import functools
import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.camera import film_of_code, film_without_code, still_of_code
from tests.browser.conftest import LaunchChromium

VENDOR = Path(__file__).parents[2] / "src/troth_shop/web/static/vendor"
CODE = "https://shop.example/t/3F-0042"
CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; img-src data:"

PAGE = """<!doctype html><html lang="zh-CN"><title>扫码</title><main><h1>扫码</h1>
<video muted playsinline></video></main><script type="module" src="/scan.js"></script></html>"""

SCRIPT = """
import { BarcodeDetector, prepareZXingModule } from "/vendor/barcode-detector/ponyfill.js";
prepareZXingModule({ overrides: { locateFile: (file) => `/vendor/zxing-wasm/${file}` } });
const detector = new BarcodeDetector({ formats: ["qr_code"] });
const values = async (source) => (await detector.detect(source)).map((code) => code.rawValue);

window.readPicture = async (address) => {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return values(canvas);
};

window.openCamera = async () => {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: false });
    const video = document.querySelector("video");
    video.srcObject = stream;
    await video.play();
    return "open";
  } catch (refusal) {
    return refusal.name;
  }
};

window.readCamera = async (seconds) => {
  const video = document.querySelector("video");
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const found = await values(video);
    if (found.length > 0) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return [];
};
window.ready = true;
"""


@dataclass
class Site:
    """A loopback page that loads the vendored scanner under our Content-Security-Policy."""

    address: str
    asked: list[str] = field(default_factory=list)


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments, site: Site, **keywords):
        self.site = site
        super().__init__(*arguments, directory=str(VENDOR.parent), **keywords)

    def do_GET(self):
        self.site.asked.append(self.path)
        inline = {"/": (PAGE, "text/html"), "/scan.js": (SCRIPT, "text/javascript")}.get(self.path)
        if inline is None:
            super().do_GET()
            return
        body = inline[0].encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{inline[1]}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self):
        self.send_header("Content-Security-Policy", CSP)
        super().end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site(address="")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, site=made))
    made.address = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def _open(page: Page, site: Site) -> list[str]:
    """Open the page and return the list into which every address it asks for will go."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site.address)
    page.wait_for_function("window.ready")
    return asked


def _as_data_address(text: str, *, seed: int) -> str:
    buffer = io.BytesIO()
    still_of_code(text, seed=seed).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def test_scanner_reads_a_code_and_asks_no_other_host(site: Site, open_page: Callable[..., Page]):
    page = open_page()
    asked = _open(page, site)
    assert page.evaluate("readPicture", _as_data_address(CODE, seed=3)) == [CODE]
    outside = [url for url in asked if not url.startswith((site.address, "data:", "blob:"))]
    assert outside == []
    assert "/vendor/zxing-wasm/zxing_reader.wasm" in site.asked


def test_scanner_reads_every_noisy_turned_still(site: Site, open_page: Callable[..., Page]):
    page = open_page()
    _open(page, site)
    read = [page.evaluate("readPicture", _as_data_address(CODE, seed=n)) for n in range(12)]
    assert read == [[CODE]] * 12


def test_scanner_reads_chinese_text(site: Site, open_page: Callable[..., Page]):
    page = open_page()
    _open(page, site)
    assert page.evaluate("readPicture", _as_data_address("三楼女装", seed=5)) == ["三楼女装"]


def test_camera_film_is_read_when_the_prompt_is_allowed(
    site: Site, launch_chromium: LaunchChromium, tmp_path: Path
):
    browser = launch_chromium(camera=film_of_code(CODE, tmp_path / "a.mjpeg"), grant_prompt=True)
    page = browser.new_page()
    asked = _open(page, site)
    assert page.evaluate("openCamera()") == "open"
    assert page.evaluate("readCamera(20)") == [CODE]
    assert [url for url in asked if not url.startswith((site.address, "blob:"))] == []


def test_nothing_is_read_from_an_empty_shelf(
    site: Site, launch_chromium: LaunchChromium, tmp_path: Path
):
    browser = launch_chromium(camera=film_without_code(tmp_path / "a.mjpeg"), grant_prompt=True)
    page = browser.new_page()
    _open(page, site)
    assert page.evaluate("openCamera()") == "open"
    assert page.evaluate("readCamera(2)") == []


def test_camera_stays_closed_when_the_prompt_is_refused(
    site: Site, launch_chromium: LaunchChromium, tmp_path: Path
):
    browser = launch_chromium(camera=film_of_code(CODE, tmp_path / "a.mjpeg"), grant_prompt=False)
    page = browser.new_page()
    _open(page, site)
    assert page.evaluate("openCamera()") == "NotAllowedError"


def test_camera_is_not_found_on_a_device_without_one(site: Site, launch_chromium: LaunchChromium):
    page = launch_chromium(camera=None, grant_prompt=True).new_page()
    _open(page, site)
    assert page.evaluate("openCamera()") == "NotFoundError"


def test_axe_is_at_hand_without_a_network(site: Site, open_page: Callable[..., Page]):
    page = open_page()
    _open(page, site)
    assert Axe().run(page).violations_count == 0
    page.evaluate("document.querySelector('main').innerHTML += '<img src=\"data:,\">'")
    assert "image-alt" in Axe().run(page).generate_snapshot()
