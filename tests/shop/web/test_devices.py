"""The six permissions at their places of use: off until allowed, gone when stopped, never needed.

Each row: the purpose, the page of use, the control that is there only when it is allowed, and the
other way, which is always there.
"""

from dataclasses import dataclass

import pytest

from tests.shop.web.conftest import Browser, Site
from troth_shop import support


@dataclass(frozen=True)
class Place:
    """One place of use; ``also`` is allowed before, ``page`` may hold an order or a case."""

    purpose: str
    page: str
    control: str
    other_way: str
    visitors: bool = False
    also: tuple[str, ...] = ()


PLACES = [
    Place("scan_product", "/scan", "#scanner", "input[name=code]", visitors=True),
    Place("paste_text", "/search", "[data-paste=q]", "input[name=q]", visitors=True),
    Place("paste_text", "/scan", "[data-paste=code]", "input[name=code]", visitors=True),
    Place("paste_text", "/orders/{order}/pay", "[data-paste=reference]", "#reference"),
    Place("call_hotline", "/support", "a[href^='tel:']", ".hotline .digits", visitors=True),
    Place("call_hotline", "/contact", "a[href^='tel:']", ".hotline .digits", visitors=True),
    Place("adapt_pictures", "/", "script[src*=pictures]", "img[src$='.svg']", visitors=True),
    Place("adapt_pictures", "/cart", "script[src*=pictures]", "h1", visitors=True),
    Place(
        "choose_file",
        "/orders/{order}/pay",
        "input[type=file][id=picture]",
        "#reference",
        also=("check_voucher",),
    ),
    Place(
        "photograph_voucher",
        "/orders/{order}/pay",
        "#photograph",
        "#reference",
        also=("check_voucher",),
    ),
    Place("check_voucher", "/orders/{order}/pay", ".by-file", "#reference", also=("choose_file",)),
    Place("choose_file", "/orders/{order}/receipt", "a[href$='/receipt/file']", ".receipt"),
    Place("identify_device", "/support", "input[name=device]", "#message"),
    Place("identify_device", "/support/cases/{case}", "form[action$='/device']", "#message"),
]


def ready(site: Site, place: Place, *, visitor: bool) -> tuple[Browser, str]:
    browser = site.visitor() if visitor else site.customer()
    order = browser.order() if "{order}" in place.page else ""
    case = browser.case() if "{case}" in place.page else ""
    for purpose in place.also:
        site.shop.say(browser.person, purpose)
    return browser, place.page.format(order=order, case=case)


@pytest.mark.promise("S-25", "S-26")
@pytest.mark.control("permissions_off", "refusal_harmless")
@pytest.mark.parametrize(
    ("place", "visitor"),
    [(place, visitor) for place in PLACES for visitor in {False, place.visitors}],
    ids=lambda value: f"{value.purpose} at {value.page}" if isinstance(value, Place) else None,
)
def test_control_is_there_only_while_allowed_and_the_other_way_always(
    site: Site, place: Place, visitor: bool
):
    browser, path = ready(site, place, visitor=visitor)
    ask = f"/privacy/ask/{place.purpose}?next={path}"

    def look(*, on: bool) -> None:
        page = browser.page(path)
        assert (page.select_one(place.control) is not None) is on
        other = page.select_one(place.other_way)
        # The number of the hotline is a link or a text; both read the same.
        assert other is not None or place.purpose == "call_hotline"
        assert "0571-5550-0100" in page.text or place.purpose != "call_hotline"
        assert (page.select_one(f"a[href='{ask}']") is not None) is not on

    look(on=False)
    for said in ("refuse", "defer"):
        browser.say(place.purpose, said, path)
        look(on=False)
    browser.say(place.purpose, "give", path)
    look(on=True)
    # The switch beside the control turns it off, without any other page.
    address, fields = next(
        (str(form["action"]), {i["name"]: i["value"] for i in form.select("input")})
        for form in browser.page(path).select("form[action$='/privacy/answers']")
        if form.select_one(f"input[value={place.purpose}]")
    )
    assert fields["said"] == "withdraw"
    answer = browser.post(address, fields)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(path)
    look(on=False)


def test_forms_do_not_nest_whatever_is_allowed(site: Site):
    customer = site.customer()
    order, case = customer.order(), customer.case()
    for purpose in site.t.policy.purposes.values():
        if purpose.optional:
            site.shop.say(customer.person, purpose.id)
    customer.post("/cart/add", {"sku": "tea-longjing", "qty": "1"})
    for path in (
        *("/", "/search", "/scan", "/cart", "/checkout", "/support", "/contact", "/my"),
        *(f"/orders/{order}", f"/orders/{order}/pay", f"/orders/{order}/receipt"),
        *(f"/support/cases/{case}", "/category/tea", "/product/tea-longjing"),
    ):
        page = customer.page(path)
        assert not page.select("form form"), path
        ids = [e["id"] for e in page.select("[id]")]
        assert len(ids) == len(set(ids)), (path, sorted(i for i in ids if ids.count(i) > 1))


@pytest.mark.promise("S-08")
@pytest.mark.control("uses_counted")
@pytest.mark.parametrize(
    "purpose",
    ["scan_product", "photograph_voucher", "call_hotline", "adapt_pictures", "paste_text"],
)
def test_a_use_is_counted_while_allowed_and_refused_before_and_after(site: Site, purpose: str):
    customer = site.customer()
    json = {"Accept": "application/json"}
    before = customer.post(f"/privacy/uses/{purpose}", headers=json)
    assert before.status_code == 403
    assert before.headers["content-type"] == "application/problem+json"
    assert before.json()["consent_uri"].startswith(f"/privacy/ask/{purpose}")
    assert purpose not in site.t.uses(customer.person)
    customer.say(purpose)
    for _ in range(2):
        assert customer.post(f"/privacy/uses/{purpose}", headers=json).status_code == 204
    customer.say(purpose, "withdraw")
    assert customer.post(f"/privacy/uses/{purpose}", headers=json).status_code == 403
    assert site.t.uses(customer.person)[purpose][0] == 2


@pytest.mark.promise("S-32")
@pytest.mark.control("device_id_per_case")
def test_a_device_number_can_be_reset_and_goes_with_the_case_or_the_permission(site: Site):
    customer = site.customer()
    site.shop.say(customer.person, "identify_device")
    case_id = customer.case(device="yes")

    def number() -> str:
        return support.case(site.t, customer.person, case_id).support_device_id

    first = number()
    assert first
    assert first in customer.get(f"/support/cases/{case_id}").text
    customer.submit(f"/support/cases/{case_id}", "/device")
    assert number() not in ("", first)
    customer.say("identify_device", "withdraw")
    # Not only hidden: deleted before the withdrawal was acknowledged.
    site.shop.say(customer.person, "identify_device")
    assert number() == ""
    customer.submit(f"/support/cases/{case_id}", "/device")
    held = number()
    customer.submit(f"/support/cases/{case_id}", "/close")
    assert number() == ""
    assert held not in site.everything()


def test_a_device_number_is_not_made_by_asking_for_it_without_permission(site: Site):
    customer = site.customer()
    case_id = customer.case(device="yes")
    assert support.case(site.t, customer.person, case_id).support_device_id == ""
    answer = customer.post(
        f"/support/cases/{case_id}/device", headers={"Accept": "application/json"}
    )
    assert answer.status_code == 403
    assert answer.json()["purpose_id"] == "identify_device"


@pytest.mark.promise("S-29")
@pytest.mark.control("file_picker_only")
def test_a_receipt_is_a_page_for_everybody_and_a_file_for_who_allowed_it(site: Site):
    customer = site.customer()
    order_id = customer.order()
    assert "回执" in customer.get(f"/orders/{order_id}/receipt").text
    refused = customer.get(
        f"/orders/{order_id}/receipt/file", headers={"Accept": "application/json"}
    )
    assert refused.status_code == 403
    assert refused.json()["consent_uri"].startswith("/privacy/ask/choose_file?next=")
    customer.say("choose_file")
    file = customer.get(f"/orders/{order_id}/receipt/file")
    assert file.headers["content-disposition"].startswith("attachment")
    assert "明前龙井 x 1  ¥88.00" in file.text
    assert site.t.uses(customer.person)["choose_file"][0] == 1
