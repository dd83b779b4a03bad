"""Draws docs/pictures/tour.png from the running shop: `python -m tests.browser.tour`.

Four pages as a phone in China shows them, side by side: the shop front, an article, the question
about the camera, and the privacy settings.
"""

import io
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import BrowserContext, sync_playwright

from tests.browser.conftest import ARGUMENTS, find_chromium
from tests.browser.shop import RunningShop, running_shop

PICTURE = Path(__file__).parents[2] / "docs/pictures/tour.png"
_PHONE = {"width": 390, "height": 844}
_GAP, _EDGE, _ROUND = 44, 56, 30
_GROUND = "#dfe9e2"


def screens(shop: RunningShop, context: BrowserContext) -> list[Image.Image]:
    """Return the pages, each one screen high."""
    page = context.new_page()
    taken: list[Image.Image] = []

    def take() -> None:
        page.wait_for_load_state("networkidle")
        taken.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))

    page.goto(f"{shop.address}/")
    take()
    page.goto(f"{shop.address}/product/bake-mooncake")
    take()
    page.goto(f"{shop.address}/privacy/ask/scan_product?next=/scan")
    take()
    page.goto(f"{shop.address}/my/settings/privacy")
    take()
    return taken


def composed(pictures: list[Image.Image]) -> Image.Image:
    """Return the pictures side by side, with round corners and a soft shadow."""
    width = 2 * _EDGE + sum(p.width for p in pictures) + _GAP * (len(pictures) - 1)
    height = 2 * _EDGE + max(p.height for p in pictures)
    sheet = Image.new("RGB", (width, height), _GROUND)
    left = _EDGE
    for picture in pictures:
        shape = Image.new("L", picture.size, 0)
        ImageDraw.Draw(shape).rounded_rectangle((0, 0, *picture.size), _ROUND, fill=255)
        shadow = Image.new("L", sheet.size, 0)
        shadow.paste(shape.point(lambda value: value * 45 // 255), (left, _EDGE + 10))
        soft = shadow.filter(ImageFilter.GaussianBlur(18))
        sheet.paste(Image.new("RGB", sheet.size, "#10291d"), (0, 0), soft)
        sheet.paste(picture, (left, _EDGE), shape)
        left += picture.width + _GAP
    return sheet


def draw(path: Path = PICTURE) -> Path:
    """Run a shop, visit it, and write the picture."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_shop(Path(folder)) as shop,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        context = browser.new_context(locale="zh-CN", viewport=_PHONE)
        customer = shop.customer(allowing=["photograph_voucher", "adapt_pictures"])
        context.add_cookies([shop.session_cookie(customer)])  # type: ignore[list-item]
        sheet = composed(screens(shop, context))
        browser.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    return path


if __name__ == "__main__":
    print(draw())
