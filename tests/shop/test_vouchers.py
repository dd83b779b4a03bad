import io
import os
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from tests.conftest import TestDatabase
from tests.shop.conftest import Shop
from troth import Answer, StoreUnavailable
from troth_shop import orders, payments, vouchers
from troth_shop.errors import (
    FileNotAnImage,
    FileTooLarge,
    ImageBroken,
    ImageTooManyPixels,
    NotFound,
    NotPermitted,
    RoleRefused,
    WrongState,
)
from troth_shop.order_states import OrderState
from troth_shop.payments import Reference
from troth_shop.staff import Role, approve_payment, reject_payment, staff_voucher, to_check
from troth_shop.voucher_picture import MAX_BYTES, MAX_PIXELS, clean
from troth_shop.vouchers import Via

CANARY = b"canary-30.2741N-120.1551E"


def picture(kind: str = "JPEG", size: tuple[int, int] = (320, 200), colour: int = 120) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, (colour, 40, 40)).save(written, kind)
    return written.getvalue()


def full_of_secrets(kind: str) -> bytes:
    image = Image.new("RGB", (320, 200), "red")
    exif = Image.Exif()
    exif[0x010F] = CANARY.decode()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[2] = (30.0, 16.0, 26.76)
    exif.get_ifd(0x8825)[29] = CANARY.decode()
    more: dict[str, object] = {"exif": exif, "icc_profile": b"icc " + CANARY}
    if kind == "PNG":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Comment", CANARY.decode())
        more["pnginfo"] = notes
    if kind == "JPEG":
        more["comment"] = CANARY
    if kind == "WEBP":
        more["xmp"] = b"<x:xmpmeta>" + CANARY
    written = io.BytesIO()
    image.save(written, kind, **more)
    return written.getvalue() + CANARY


# --- the picture ------------------------------------------------------------------------------


@pytest.mark.promise("S-16", "S-28")
@pytest.mark.control("voucher_cleaned")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_place_device_profile_comment_and_tail_are_gone(kind: str) -> None:
    sent = full_of_secrets(kind)
    assert CANARY in sent
    made = clean(sent)
    assert CANARY not in made
    with Image.open(io.BytesIO(made)) as opened:
        assert opened.format == "JPEG"
        assert len(opened.getexif()) == 0
        assert not {"icc_profile", "comment", "exif", "xmp"} & set(opened.info)
        assert opened.size == (200, 320)  # turned as the photograph said, then forgotten


def test_what_was_transparent_is_white() -> None:
    written = io.BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(written, "PNG")
    with Image.open(io.BytesIO(clean(written.getvalue()))) as opened:
        assert opened.getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16", "CMYK", "LA"])
def test_every_kind_of_colour_is_read(mode: str) -> None:
    written = io.BytesIO()
    Image.new(mode, (16, 16)).save(written, "JPEG" if mode == "CMYK" else "PNG")
    assert clean(written.getvalue())[:2] == b"\xff\xd8"


def test_a_large_picture_is_made_smaller() -> None:
    with Image.open(io.BytesIO(clean(picture(size=(4000, 1000))))) as opened:
        assert opened.size == (3000, 750)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def _zip() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        # Without the hour of now: the bytes stand in a test's name.
        archive.writestr(zipfile.ZipInfo("index.html"), "<script>")
    return written.getvalue()


def _other(kind: str) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (8, 8)).save(written, kind)
    return written.getvalue()


def _jpeg_comment(comment: bytes) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (8, 8)).save(written, "JPEG", comment=comment)
    return written.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        SVG,
        b"<?xml version='1.0'?>" + SVG,
        b"<!DOCTYPE html><html></html>",
        b"%PDF-1.7\n1 0 obj",
        _zip(),
        _other("GIF"),
        _other("BMP"),
        _other("TIFF"),
        _other("ICO"),
        picture() + _zip(),
        _jpeg_comment(b"%PDF-1.4"),
        _jpeg_comment(b"<HTML><SCRIPT>alert(1)</SCRIPT>"),
    ],
    ids=lambda content: repr(content[:12]),
)
def test_what_is_not_only_a_picture_is_refused(content: bytes) -> None:
    with pytest.raises(FileNotAnImage):
        clean(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("keep", [0.2, 0.6, 0.95])
def test_a_picture_cut_short_is_broken(kind: str, keep: float) -> None:
    noise = Image.effect_noise((300, 300), 90).convert("RGB")
    written = io.BytesIO()
    noise.save(written, kind)
    whole = written.getvalue()
    with pytest.raises(ImageBroken):
        clean(whole[: int(len(whole) * keep)])


def test_only_a_head_is_broken() -> None:
    for head in (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\x00\x00\x00\x00WEBPVP8 "):
        with pytest.raises(ImageBroken):
            clean(head + b"\x00" * 64)


def bomb(width: int, height: int) -> bytes:
    """A tiny PNG that says it is large and does unfold to zeros."""

    def chunk(name: bytes, data: bytes) -> bytes:
        sum32 = zlib.crc32(name + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + name + data + sum32

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    rows = zlib.compress(b"\x00" * 10_000_000)
    end = chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + end


@pytest.mark.parametrize("size", [(8000, 5001), (10_000, 10_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_before_it_unfolds(size: tuple[int, int]) -> None:
    began = time.perf_counter()
    with pytest.raises(ImageTooManyPixels) as refused:
        clean(bomb(*size))
    assert time.perf_counter() - began < 1
    assert refused.value.values == {"megapixels": MAX_PIXELS // 1_000_000}


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(FileTooLarge):
        clean(picture() + b"\x00" * MAX_BYTES)


# --- storing ----------------------------------------------------------------------------------


def allowed(shop: Shop, *purposes: str) -> tuple[str, str]:
    person = shop.person()
    for purpose in purposes or ("check_voucher", "choose_file"):
        shop.say(person, purpose)
    return person, shop.order(person).order_id


def store(
    shop: Shop, person: str, order_id: str, content: bytes = b"", via: Via = Via.CHOOSE_FILE
) -> payments.VoucherRow:
    return vouchers.store_voucher(
        shop.t, shop.vouchers, person, order_id, content=content or picture(), via=via
    )


def files(shop: Shop) -> list[Path]:
    return sorted(shop.vouchers.iterdir()) if shop.vouchers.is_dir() else []


@pytest.mark.promise("S-13", "S-50")
@pytest.mark.control("sealed_columns")
def test_a_voucher_is_a_private_file_and_a_row_and_puts_the_order_up_for_checking(
    shop: Shop,
) -> None:
    person, order_id = allowed(shop)
    sent = full_of_secrets("JPEG")
    row = store(shop, person, order_id, sent)
    (path,) = files(shop)
    assert path.name == f"{row.voucher_id}{vouchers.SEALED}"
    assert path.stat().st_mode & 0o777 == 0o600
    assert shop.vouchers.stat().st_mode & 0o777 == 0o700
    assert row.size_bytes == len(clean(sent))
    kept = path.read_bytes()
    assert CANARY not in kept
    assert not any(clean(sent)[at : at + 16] in kept for at in range(0, 400, 16))  # sealed
    assert orders.order(shop.t, person, order_id).state is OrderState.AWAITING_CHECK
    assert vouchers.read_voucher(shop.t, shop.vouchers, person, row.voucher_id) == clean(sent)
    assert shop.t.uses(person)["choose_file"][0] == 1
    (held,) = payments.payment_of(shop.t, person, order_id).vouchers
    assert held.voucher_id == row.voucher_id


@pytest.mark.control("voucher_separate_consent")
@pytest.mark.parametrize(
    ("given", "via", "missing"),
    [
        (("choose_file", "photograph_voucher"), Via.CHOOSE_FILE, "check_voucher"),
        (("check_voucher",), Via.CHOOSE_FILE, "choose_file"),
        (("check_voucher", "choose_file"), Via.PHOTOGRAPH, "photograph_voucher"),
        (("check_voucher", "photograph_voucher"), Via.CHOOSE_FILE, "choose_file"),
    ],
)
def test_a_voucher_needs_separate_consent_and_the_way_it_came(
    shop: Shop, given: tuple[str, ...], via: Via, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, order_id = allowed(shop, *given)
    monkeypatch.setattr(vouchers, "clean", lambda _: pytest.fail("the picture was looked at"))
    with pytest.raises(NotPermitted) as refused:
        store(shop, person, order_id, via=via)
    assert refused.value.purpose == missing
    assert files(shop) == []
    assert shop.t.uses(person) == {}


def test_a_photograph_is_counted_by_the_camera_and_not_again(shop: Shop) -> None:
    person, order_id = allowed(shop, "check_voucher", "photograph_voucher")
    store(shop, person, order_id, via=Via.PHOTOGRAPH)
    assert shop.t.uses(person) == {}


@pytest.mark.promise("S-26")
def test_refusing_every_way_to_upload_leaves_payment_by_reference(shop: Shop) -> None:
    person = shop.person()
    for purpose in ("check_voucher", "choose_file", "photograph_voucher"):
        shop.say(person, purpose, Answer.REFUSE)
    order_id = shop.order(person).order_id
    payments.give_reference(shop.t, person, order_id, Reference("20261122ABCD"))
    assert orders.order(shop.t, person, order_id).state is OrderState.AWAITING_CHECK


def test_a_refused_file_leaves_nothing(shop: Shop) -> None:
    person, order_id = allowed(shop)
    for content in (SVG, b"\xff\xd8\xff\xe0 broken", bomb(10_000, 10_000)):
        with pytest.raises((FileNotAnImage, ImageBroken, ImageTooManyPixels)):
            store(shop, person, order_id, content)
    assert files(shop) == []
    assert orders.order(shop.t, person, order_id).state is OrderState.PLACED
    assert shop.t.uses(person) == {}


def test_the_same_picture_sent_twice_is_stored_once(shop: Shop) -> None:
    person, order_id = allowed(shop)
    first = store(shop, person, order_id)
    assert store(shop, person, order_id) == first
    assert len(files(shop)) == 1


def test_the_same_picture_sent_twice_at_once_is_stored_once(shop: Shop) -> None:
    person, order_id = allowed(shop)
    results: list[object] = []
    ready = threading.Barrier(3)

    def send() -> None:
        ready.wait()
        results.append(store(shop, person, order_id).voucher_id)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert len(set(results)) == 1
    assert [p.stem for p in files(shop)] == [results[0]]


def test_an_order_takes_five_vouchers(shop: Shop) -> None:
    person, order_id = allowed(shop)
    for n in range(vouchers.MOST_PER_ORDER):
        store(shop, person, order_id, picture(colour=20 * n))
    with pytest.raises(WrongState):
        store(shop, person, order_id, picture(colour=255))
    assert len(files(shop)) == vouchers.MOST_PER_ORDER


def test_an_order_that_is_paid_takes_no_voucher(shop: Shop) -> None:
    person, order_id = allowed(shop)
    store(shop, person, order_id)
    approve_payment(shop.t, shop.staff(Role.CASHIER), order_id)
    with pytest.raises(WrongState):
        store(shop, person, order_id, picture(colour=1))
    cash = shop.order(person, pay_by="on_receipt").order_id
    with pytest.raises(WrongState):
        store(shop, person, cash)
    assert len(files(shop)) == 1


@pytest.mark.promise("S-13")
def test_the_vouchers_and_orders_of_others_do_not_exist(shop: Shop) -> None:
    theirs, their_order = allowed(shop)
    row = store(shop, theirs, their_order)
    mine, _ = allowed(shop)
    for voucher_id in (row.voucher_id, "0" * 32, "../../troth", ""):
        with pytest.raises(NotFound):
            vouchers.read_voucher(shop.t, shop.vouchers, mine, voucher_id)
        with pytest.raises(NotFound):
            vouchers.remove_voucher(shop.t, shop.vouchers, mine, voucher_id)
    with pytest.raises(NotFound):
        store(shop, mine, their_order)
    assert len(files(shop)) == 1


def test_removing_works_after_a_withdrawal_and_frees_the_order(shop: Shop) -> None:
    person, order_id = allowed(shop)
    row = store(shop, person, order_id)
    shop.say(person, "check_voucher", Answer.WITHDRAW)
    with pytest.raises(NotPermitted):
        vouchers.read_voucher(shop.t, shop.vouchers, person, row.voucher_id)
    vouchers.remove_voucher(shop.t, shop.vouchers, person, row.voucher_id)
    assert files(shop) == []
    assert orders.order(shop.t, person, order_id).state is OrderState.PLACED
    with pytest.raises(NotFound):
        vouchers.remove_voucher(shop.t, shop.vouchers, person, row.voucher_id)


def test_removing_beside_a_reference_leaves_the_order_up_for_checking(shop: Shop) -> None:
    person, order_id = allowed(shop)
    row = store(shop, person, order_id)
    payments.give_reference(shop.t, person, order_id, Reference("20261122ABCD"))
    vouchers.remove_voucher(shop.t, shop.vouchers, person, row.voucher_id)
    assert orders.order(shop.t, person, order_id).state is OrderState.AWAITING_CHECK


@pytest.mark.promise("S-13")
def test_a_picture_that_was_changed_or_lost_on_the_disk_is_told(shop: Shop) -> None:
    person, order_id = allowed(shop)
    row = store(shop, person, order_id)
    (path,) = files(shop)
    sealed = path.read_bytes()
    half = len(sealed) // 2
    altered = sealed[:half] + bytes([sealed[half] ^ 1]) + sealed[half + 1 :]
    for content in (picture(colour=9), altered, sealed[:half], b""):
        path.write_bytes(content)
        with pytest.raises(ImageBroken):
            vouchers.read_voucher(shop.t, shop.vouchers, person, row.voucher_id)
    path.unlink()
    with pytest.raises(ImageBroken):
        vouchers.read_voucher(shop.t, shop.vouchers, person, row.voucher_id)


@pytest.mark.promise("S-13")
def test_a_picture_that_was_put_in_the_place_of_another_does_not_open(shop: Shop) -> None:
    mine, my_order = allowed(shop)
    theirs, their_order = allowed(shop)
    first = store(shop, mine, my_order).voucher_id
    second = store(shop, mine, my_order, picture(colour=9)).voucher_id
    other = store(shop, theirs, their_order).voucher_id
    held = {path.stem: path.read_bytes() for path in files(shop)}
    for moved in (second, other):
        (shop.vouchers / f"{first}{vouchers.SEALED}").write_bytes(held[moved])
        with pytest.raises(ImageBroken):
            vouchers.read_voucher(shop.t, shop.vouchers, mine, first)


# --- staff ------------------------------------------------------------------------------------


@pytest.mark.promise("S-28")
def test_the_cashier_sees_a_voucher_only_while_it_is_checked_and_consent_stands(
    shop: Shop,
) -> None:
    person, order_id = allowed(shop)
    row = store(shop, person, order_id)
    cashier = shop.staff(Role.CASHIER)
    assert staff_voucher(shop.t, shop.vouchers, cashier, row.voucher_id)
    for role in (Role.PACKER, Role.SUPPORT):
        with pytest.raises(RoleRefused):
            staff_voucher(shop.t, shop.vouchers, shop.staff(role), row.voucher_id)
    shop.say(person, "check_voucher", Answer.WITHDRAW)
    with pytest.raises(NotPermitted):
        staff_voucher(shop.t, shop.vouchers, cashier, row.voucher_id)
    assert to_check(shop.t, cashier)[0].vouchers == ()
    shop.say(person, "check_voucher")
    reject_payment(shop.t, cashier, order_id)
    with pytest.raises(NotFound):
        staff_voucher(shop.t, shop.vouchers, cashier, row.voucher_id)


# --- crashes ----------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from troth import Settings, Troth
from troth_shop import queries, vouchers

data, person, order_id, url, owner, where = sys.argv[1:7]
content = sys.stdin.buffer.read()

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

settings = {"TROTH_DATABASE_URL": url, "TROTH_OWNER_URL": owner, "TROTH_REGION": "CN"}
t = Troth.open(Settings.of(Path(data), settings), migrates=False)
t.govern(Path(vouchers.__file__).parent / "datamap.yaml")
room, name = where.split(":")
setattr({"os": os, "queries": queries, "vouchers": vouchers, "path": Path}[room], name, die)
if where == "queries:add_voucher":
    queries.add_voucher = die
vouchers.store_voucher(
    t, Path(data) / "vouchers", person, order_id, content=content, via=vouchers.Via.CHOOSE_FILE
)
"""


@pytest.mark.parametrize(
    "where",
    ["os:fsync", "path:rename", "vouchers:_flush_folder", "vouchers:submit", "queries:add_voucher"],
)
def test_killed_anywhere_leaves_no_row_without_file_and_the_file_is_swept(
    shop: Shop, shop_database: TestDatabase, where: str
) -> None:
    person, order_id = allowed(shop)
    done = subprocess.run(
        [
            *(sys.executable, "-c", KILLED, shop.folder, person, order_id),
            *(shop_database.app_url, shop_database.owner_url, where),
        ],
        input=picture(),
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == -9
    assert shop.count("shop_voucher") == 0
    assert orders.order(shop.t, person, order_id).state is OrderState.PLACED
    assert len(files(shop)) == 1
    assert vouchers.sweep_vouchers(shop.t, shop.vouchers) == 0  # it may still be at work
    for path in files(shop):
        old = time.time() - vouchers.AT_WORK_SECONDS - 1
        os.utime(path, (old, old))
    assert vouchers.sweep_vouchers(shop.t, shop.vouchers) == 1
    assert files(shop) == []
    row = store(shop, person, order_id)
    assert vouchers.read_voucher(shop.t, shop.vouchers, person, row.voucher_id)


def test_sweeping_keeps_what_a_row_names_however_old(shop: Shop) -> None:
    person, order_id = allowed(shop)
    row = store(shop, person, order_id)
    (path,) = files(shop)
    os.utime(path, (0, 0))
    assert vouchers.sweep_vouchers(shop.t, shop.vouchers) == 0
    assert vouchers.read_voucher(shop.t, shop.vouchers, person, row.voucher_id)


def test_sweeping_removes_nothing_when_the_rows_cannot_be_read(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, order_id = allowed(shop)
    store(shop, person, order_id)
    os.utime(files(shop)[0], (0, 0))

    def down(*_: object) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(vouchers, "finds_one", down)
    with pytest.raises(StoreUnavailable):
        vouchers.sweep_vouchers(shop.t, shop.vouchers)
    assert len(files(shop)) == 1
