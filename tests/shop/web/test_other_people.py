"""Another person's ids, in every address and field that takes one: as if they were nobody's."""

import pytest

from tests.shop.web.conftest import Browser, Site, picture
from troth_shop import orders, payments, sessions, support, vouchers


@pytest.fixture(scope="module")
def owner(site: Site) -> Browser:
    """Somebody with an order, a voucher, a case and a log-in."""
    browser = site.customer()
    for purpose in ("check_voucher", "choose_file", "identify_device"):
        site.shop.say(browser.person, purpose)
    return browser


@pytest.fixture(scope="module")
def ids(site: Site, owner: Browser) -> dict[str, str]:
    order_id = owner.order()
    stored = vouchers.store_voucher(
        site.t,
        site.shop.vouchers,
        owner.person,
        order_id,
        content=picture(),
        via=vouchers.Via.CHOOSE_FILE,
    )
    return {"order": order_id, "voucher": stored.voucher_id, "case": owner.case(device="yes")}


GETS = [
    "/orders/{order}",
    "/orders/{order}/pay",
    "/orders/{order}/cancel",
    "/orders/{order}/receipt",
    "/orders/{order}/receipt/file",
    "/orders/{order}/voucher/{voucher}",
    "/orders/{own}/voucher/{voucher}",
    "/support/cases/{case}",
]
POSTS = [
    ("/orders/{order}/cancel", {}),
    ("/orders/{order}/received", {}),
    ("/orders/{order}/reference", {"reference": "ABC1234567"}),
    ("/orders/{order}/voucher/{voucher}/remove", {}),
    ("/orders/{own}/voucher/{voucher}/remove", {}),
    ("/support/cases/{case}/messages", {"message_key": "a" * 32, "message": "fremd"}),
    ("/support/cases/{case}/close", {}),
    ("/support/cases/{case}/device", {}),
]


def everything_of(site: Site, owner: Browser, ids: dict[str, str]) -> tuple[object, ...]:
    return (
        orders.order(site.t, owner.person, ids["order"]),
        payments.payment_of(site.t, owner.person, ids["order"]),
        support.case(site.t, owner.person, ids["case"]),
        vouchers.read_voucher(site.t, site.shop.vouchers, owner.person, ids["voucher"]),
    )


@pytest.fixture(params=["who ordered too", "who just registered"])
def stranger(request: pytest.FixtureRequest, site: Site) -> tuple[Browser, str]:
    """Another customer who allowed everything, and an order of theirs if there is one."""
    browser = site.customer()
    for purpose in ("check_voucher", "choose_file", "identify_device"):
        site.shop.say(browser.person, purpose)
    if request.param == "who just registered":
        return browser, "f" * 32
    browser.case()
    return browser, browser.order()


@pytest.mark.parametrize("path", GETS)
def test_their_pages_are_not_there_for_others(
    site: Site, owner: Browser, ids: dict[str, str], stranger: tuple[Browser, str], path: str
):
    browser, own = stranger
    answer = browser.get(path.format(**ids, own=own))
    assert answer.status_code == 404
    assert "明前龙井" not in answer.text


@pytest.mark.parametrize("sent", POSTS, ids=[path for path, _ in POSTS])
def test_their_things_cannot_be_changed_by_others(
    site: Site,
    owner: Browser,
    ids: dict[str, str],
    stranger: tuple[Browser, str],
    sent: tuple[str, dict[str, str]],
):
    (browser, own), (path, form) = stranger, sent
    before = everything_of(site, owner, ids)
    assert browser.post(path.format(**ids, own=own), form).status_code == 404
    assert everything_of(site, owner, ids) == before


def test_their_voucher_slot_takes_no_picture_of_others(
    site: Site, owner: Browser, ids: dict[str, str], stranger: tuple[Browser, str]
):
    browser, _ = stranger
    before = everything_of(site, owner, ids)
    answer = browser.post(
        f"/orders/{ids['order']}/voucher",
        {"via": "choose_file"},
        files={"picture": ("a.jpg", picture(50, 50), "image/jpeg")},
    )
    assert answer.status_code == 404
    assert everything_of(site, owner, ids) == before
    assert len(list(site.shop.vouchers.glob("*"))) == 1


def test_their_log_in_cannot_be_ended_by_others(
    site: Site, owner: Browser, stranger: tuple[Browser, str]
):
    browser, _ = stranger
    (session,) = sessions.sessions(site.t, owner.person)
    answer = browser.post("/my/sessions/end", {"session_id": session.session_id})
    assert answer.status_code == 404
    assert owner.get("/my").status_code == 200


def test_their_answers_and_receipts_are_not_there_for_others(
    site: Site, owner: Browser, stranger: tuple[Browser, str]
):
    browser, _ = stranger
    event = site.t.history(owner.person)[-1].event_id
    assert browser.get(f"/my/privacy/receipts/{event}").status_code == 404


def test_a_question_shown_to_one_cannot_be_answered_by_another(site: Site):
    one, other = site.customer(), site.customer()
    page = one.page("/privacy/ask/scan_product?next=/scan")
    token = page.select_one("input[name=token]")["value"]
    form = {"token": token, "purpose": "scan_product", "said": "give", "next": "/scan"}
    assert other.post("/privacy/answers", form).status_code in (403, 409)
    assert not site.t.decide(other.person, "scan_product")
    assert not site.t.decide(one.person, "scan_product")


@pytest.mark.parametrize("strange", ["x", "0" * 31, "%00", "..%2f..", "' OR 1=1 --", "中" * 20])
def test_an_id_that_is_none_is_not_found(site: Site, owner: Browser, strange: str):
    paths = ("/orders/{}", "/orders/{}/pay", "/orders/{}/receipt", "/support/cases/{}")
    for path in (*paths, "/my/privacy/receipts/{}"):
        assert owner.get(path.format(strange)).status_code == 404, path
