"""Vouchers: taken in only with both permissions, only as a picture, and made anew."""

import io
import struct
import zlib

import pytest
from PIL import Image

from tests.shop.web.conftest import Browser, Site, picture
from troth_shop import payments

JSON = {"Accept": "application/json"}


def send(browser: Browser, order_id: str, content: bytes, via: str = "choose_file", **more: object):
    files = {"picture": ("voucher.jpg", content, "image/jpeg")}
    return browser.post(f"/orders/{order_id}/voucher", {"via": via}, files=files, **more)


def stored(site: Site) -> list[bytes]:
    return [p.read_bytes() for p in site.shop.vouchers.glob("*")]


@pytest.fixture
def payer(site: Site) -> tuple[Browser, str]:
    browser = site.customer()
    for purpose in ("check_voucher", "choose_file", "photograph_voucher"):
        site.shop.say(browser.person, purpose)
    return browser, browser.order()


@pytest.mark.control("voucher_separate_consent")
@pytest.mark.parametrize("via", ["choose_file", "photograph_voucher"])
@pytest.mark.parametrize("missing", ["check_voucher", "the device"])
def test_without_either_permission_nothing_is_taken_in(site: Site, via: str, missing: str):
    browser = site.customer()
    site.shop.say(browser.person, via if missing == "check_voucher" else "check_voucher")
    order_id, before = browser.order(), (site.rows(), stored(site))
    answer = send(browser, order_id, picture(), via, headers=JSON)
    assert answer.status_code == 403
    wanted = "check_voucher" if missing == "check_voucher" else via
    assert answer.json()["purpose_id"] == wanted
    assert answer.json()["consent_uri"].startswith(f"/privacy/ask/{wanted}?next=/orders/")
    assert (site.rows(), stored(site)) == before


def bomb() -> bytes:
    """Return a small PNG that unfolds to 60,000 × 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 10_000_000, 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
BAD = {
    "SVG": SVG,
    "HTML": b"<!doctype html><script>alert(1)</script>",
    "SVG behind a JPEG mark": b"\xff\xd8\xff\xe0" + SVG,
    "cut off": picture(400, 400)[:600],
    "GIF": picture(kind="GIF"),
    "PDF": b"%PDF-1.7\n",
    "nothing": b"",
    "bomb": bomb(),
    "text": "转账成功".encode(),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_what_is_no_picture_is_refused_and_not_stored(
    site: Site, payer: tuple[Browser, str], content: bytes
):
    browser, order_id = payer
    before = (site.rows(), stored(site))
    answer = send(browser, order_id, content)
    assert answer.status_code == 422
    assert "转账流水号" in answer.text
    assert (site.rows(), stored(site)) == before


@pytest.mark.parametrize("size", [8 * 1024 * 1024 + 1, 12 * 1024 * 1024])
def test_what_is_too_large_is_refused(site: Site, payer: tuple[Browser, str], size: int):
    browser, order_id = payer
    answer = send(browser, order_id, picture() + b"\0" * size)
    assert answer.status_code == 413
    assert stored(site) == [] or all(len(c) < 1_000_000 for c in stored(site))
    assert payments.payment_of(site.t, browser.person, order_id).vouchers == ()


def test_a_form_without_a_picture_or_a_way_is_refused(site: Site, payer: tuple[Browser, str]):
    browser, order_id = payer
    path = f"/orders/{order_id}/voucher"
    assert browser.post(path, {"via": "choose_file"}).status_code == 422
    assert browser.post(path, {"via": "choose_file", "picture": "text"}).status_code == 422
    assert send(browser, order_id, picture(), "telepathy").status_code == 422
    assert send(browser, order_id, picture(), "").status_code == 422


@pytest.mark.promise("S-28")
@pytest.mark.control("voucher_cleaned")
def test_a_picture_is_made_anew_shown_to_its_sender_and_deleted_on_request(
    site: Site, payer: tuple[Browser, str]
):
    browser, order_id = payer
    made = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "CANARY-PHONE"
    Image.new("RGB", (60, 40), (10, 120, 60)).save(made, "JPEG", exif=exif)
    assert b"CANARY-PHONE" in made.getvalue()
    before = len(stored(site))
    assert send(browser, order_id, made.getvalue()).status_code == 303
    assert send(browser, order_id, made.getvalue()).status_code == 303  # the same, once more
    (voucher,) = payments.payment_of(site.t, browser.person, order_id).vouchers
    shown = browser.get(f"/orders/{order_id}/voucher/{voucher.voucher_id}")
    assert shown.headers["content-type"] == "image/jpeg"
    assert b"CANARY-PHONE" not in shown.content
    assert Image.open(io.BytesIO(shown.content)).size == (60, 40)
    assert len(stored(site)) == before + 1
    cashier = site.staff()
    assert cashier.get(f"/staff/vouchers/{voucher.voucher_id}").content == shown.content
    browser.say("check_voucher", "withdraw")
    assert cashier.get(f"/staff/vouchers/{voucher.voucher_id}").status_code == 403
    # Deleting works after the withdrawal, too.
    assert browser.submit(f"/orders/{order_id}/pay", "/remove").status_code == 303
    assert len(stored(site)) == before
