"""Whatever is sent: a clear page, what was typed is there again, nothing is stored."""

import pytest
from bs4 import BeautifulSoup

from tests.shop.web.conftest import Site, fields_of

ADDRESS = {
    "recipient_name": "王小明",
    "recipient_phone": "13700000000",
    "recipient_address": "杭州市某路 1 号",
}
LONG = "长" * 3000
CHECKOUT = {"delivery": "our_delivery", "pay_by": "transfer", **ADDRESS}
CASES: list[tuple[str, str, str, dict[str, str], str]] = [
    # who, page, form, what is typed, the field that is named
    ("visitor", "/register", "/register", {"fourteen": "", "phone": "13800001111"}, "fourteen"),
    ("visitor", "/register", "/register", {"fourteen": "no", "phone": "13800001111"}, "fourteen"),
    ("visitor", "/register", "/register", {"fourteen": "maybe", "phone": "1"}, "fourteen"),
    ("visitor", "/register", "/register", {"fourteen": "yes", "phone": "12345"}, "phone"),
    ("visitor", "/register", "/register", {"fourteen": "yes", "phone": "<b>"}, "phone"),
    ("visitor", "/register", "/register", {"fourteen": "yes", "phone": LONG}, "phone"),
    ("visitor", "/login", "/login", {"phone": "12", "password": "Zq9-secret-too"}, "phone"),
    ("visitor", "/reset", "/reset", {"phone": ""}, "phone"),
    ("visitor", "/staff/login", "/staff/login", {"name": "", "password": "Zq9-secret"}, "name"),
    ("visitor", "/staff/login", "/staff/login", {"name": LONG, "password": "Zq9-secret"}, "name"),
    ("customer", "/checkout", "/checkout", {**CHECKOUT, "delivery": "drone"}, "delivery"),
    ("customer", "/checkout", "/checkout", {**CHECKOUT, "pay_by": ""}, "pay_by"),
    ("customer", "/checkout", "/checkout", {**CHECKOUT, "recipient_name": ""}, "recipient_name"),
    ("customer", "/checkout", "/checkout", {**CHECKOUT, "recipient_phone": "0"}, "recipient_phone"),
    (
        "customer",
        "/checkout",
        "/checkout",
        {**CHECKOUT, "recipient_address": LONG},
        "recipient_address",
    ),
    (
        "customer",
        "/checkout",
        "/checkout",
        {**CHECKOUT, "delivery": "courier", "pay_by": "on_receipt"},
        "pay_by",
    ),
    ("customer", "/support", "/support/cases", {"subject": "", "message": "x"}, "subject"),
    ("customer", "/support", "/support/cases", {"subject": "x", "message": LONG}, "message"),
    (
        "customer",
        "/my/password",
        "/my/password",
        {"password_now": "Zq9-secret", "password": "Zq9"},
        "password",
    ),
]


@pytest.mark.parametrize("told", CASES, ids=lambda told: f"{told[1]} {told[4]}")
def test_a_fault_is_named_at_its_field_and_what_was_typed_stays(
    site: Site, told: tuple[str, str, str, dict[str, str], str]
):
    who, path, action, typed, field = told
    browser = getattr(site, who)()
    browser.post("/cart/add", {"sku": "tea-longjing", "qty": "1"})
    address, fields = browser.form(path, action)
    before = site.rows()
    answer = browser.post(address, fields | typed)
    assert answer.status_code == 422
    assert site.rows() == before
    assert "set-cookie" not in answer.headers
    page = BeautifulSoup(answer.text, "html.parser")
    named = page.select_one(f"#{field}")
    assert f"{field}-error" in named["aria-describedby"]
    assert page.select_one(f"#{field}-error").text.strip()
    assert page.select_one(f".notice a[href='#{field}']")
    shown = {}
    for form in page.select("form[method=post]"):
        shown |= fields_of(form)
    for name, value in typed.items():
        if "password" in name:
            assert value not in answer.text
        elif name not in ("fourteen", "delivery", "pay_by"):
            assert shown[name] == value


def test_a_small_child_leaves_nothing_behind(site: Site):
    visitor, sent = site.visitor(), len(site.phones.sent)
    visitor.submit("/register", "/register", phone="13812340000", fourteen="no")
    assert len(site.phones.sent) == sent
    assert "13812340000" not in site.everything()


BODIES: dict[str, tuple[bytes, str]] = {
    "not UTF-8": (b"sku=\xff\xfe&qty=1", "application/x-www-form-urlencoded"),
    "percent of nothing": (b"sku=%ff%fe&qty=1", "application/x-www-form-urlencoded"),
    "too many fields": (
        b"&".join(b"a%d=1" % n for n in range(200)),
        "application/x-www-form-urlencoded",
    ),
    "JSON": (b'{"sku": "tea-longjing", "qty": 1}', "application/json"),
    "no boundary": (b"--x", "multipart/form-data"),
    "cut off": (
        b'--x\r\nContent-Disposition: form-data; name="sku"\r\n\r\ntea',
        "multipart/form-data; boundary=x",
    ),
    "strange charset": (
        b'--x\r\nContent-Disposition: form-data; name="sku"\r\n'
        b"Content-Type: text/plain; charset=nonsense\r\n\r\n"
        b"tea\r\n--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
    "nameless part": (b"--x\r\n\r\n\r\n--x--\r\n", "multipart/form-data; boundary=x"),
    "nothing": (b"", ""),
    "a file for a text": (
        b'--x\r\nContent-Disposition: form-data; name="sku"; filename="a"\r\n\r\ntea\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
    ),
}
PLACES = [
    "/cart/add",
    "/login",
    "/register",
    "/register/code",
    "/checkout",
    "/support/cases",
    "/my/password",
]


@pytest.mark.parametrize(("body", "kind"), BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_form_is_refused(site: Site, body: bytes, kind: str):
    customer = site.customer()
    customer.post("/cart/add", {"sku": "tea-longjing", "qty": "1"})
    before = site.rows()
    for path in PLACES:
        answer = customer.post(path, content=body, headers={"Content-Type": kind})
        assert answer.status_code in (400, 422), (path, answer.status_code)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert site.rows() == before


def test_a_body_that_is_too_large_is_refused_before_it_is_read(site: Site):
    customer = site.customer()
    answer = customer.post("/support/cases", {"message": "x" * 200_000})
    assert answer.status_code == 413


@pytest.mark.parametrize("qty", ["0", "-1", "100", "1.5", "x", "", "９", "1e3", "٣"])
def test_a_quantity_that_is_none_leaves_the_cart_as_it_was(site: Site, qty: str):
    visitor = site.visitor()
    answer = visitor.post("/cart/add", {"sku": "tea-longjing", "qty": qty})
    assert answer.status_code == 422
    assert "cart" not in visitor.http.cookies


def test_control_characters_and_markup_are_shown_as_text_and_stored_as_text(site: Site):
    customer = site.customer()
    nasty = "<script>alert(1)</script>\u202e\x00'\";--"
    answer = customer.submit("/support", "/support/cases", subject=nasty, message=nasty)
    page = customer.get(answer.headers["location"]).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\u202e" not in page
    assert "\x00" not in page


@pytest.mark.promise("S-16")
@pytest.mark.control("extra_fields_dropped")
def test_personal_fields_that_no_form_declares_are_dropped(site: Site):
    customer = site.customer()
    canary = "KANARIENVOGEL"
    extra = dict.fromkeys(
        ("id_card", "birthday", "email", "real_name", "location", "imei", "contacts"), canary
    )
    order_id = customer.order(**extra, recipient_name=canary, recipient_address=canary)
    customer.case(**extra)
    customer.post(f"/orders/{order_id}/reference", {"reference": "REF-1234567", **extra})
    customer.post("/login", {"phone": "13800009999", "password": "nonsense-here", **extra})
    # Picked up at the shop: the recipient's fields are undeclared there, too.
    assert canary not in site.everything()
    assert "REF-1234567" in site.everything()


def test_the_same_order_form_sent_twice_is_one_order(site: Site):
    customer = site.customer()
    customer.post("/cart/add", {"sku": "tea-longjing", "qty": "1"})
    cart = customer.http.cookies["cart"]
    address, fields = customer.form("/checkout", "/checkout", delivery="pick_up", pay_by="transfer")
    first = customer.post(address, fields)
    customer.set_cookie("cart", cart)
    second = customer.post(address, fields)
    assert first.headers["location"] == second.headers["location"]
    assert len(customer.page("/my/orders").select(".order-list > li")) == 1


def test_the_same_case_and_the_same_message_sent_twice_count_once(site: Site):
    customer = site.customer()
    address, fields = customer.form("/support", "/support/cases", subject="A", message="B")
    first, second = customer.post(address, fields), customer.post(address, fields)
    assert first.headers["location"] == second.headers["location"]
    case = first.headers["location"].partition("?")[0]
    address, fields = customer.form(case, "/messages", message="C")
    assert [customer.post(address, fields).status_code for _ in range(2)] == [303, 303]
    assert len(customer.page(case).select(".talk li")) == 2


def test_cancelling_twice_is_cancelling_once(site: Site):
    customer = site.customer()
    order_id = customer.order()
    for _ in range(2):
        assert customer.post(f"/orders/{order_id}/cancel").status_code == 303
    late = customer.post(f"/orders/{order_id}/reference", {"reference": "REF-1234567"})
    assert late.status_code == 409


def test_an_answer_given_twice_counts_once(site: Site):
    customer = site.customer()
    page = customer.page("/privacy/ask/scan_product?next=/scan")
    token = page.select_one("input[name=token]")["value"]
    form = {"token": token, "purpose": "scan_product", "said": "give", "next": "/scan"}
    assert customer.post("/privacy/answers", form).status_code == 303
    events = len(site.t.history(customer.person))
    assert customer.post("/privacy/answers", form).status_code == 409
    assert len(site.t.history(customer.person)) == events


def test_an_order_without_a_shown_text_is_not_placed(site: Site):
    customer = site.customer()
    customer.post("/cart/add", {"sku": "tea-longjing", "qty": "1"})
    address, fields = customer.form("/checkout", "/checkout", delivery="pick_up", pay_by="transfer")
    before = site.rows()
    for token in ("", "x.y", fields["token"][:-4] + "AAAA"):
        answer = customer.post(address, fields | {"token": token})
        assert answer.status_code == 409
        assert "重新读一遍" in answer.text
    assert site.rows() == before


def test_an_empty_cart_cannot_be_ordered(site: Site):
    customer = site.customer()
    customer.post("/cart/add", {"sku": "tea-longjing", "qty": "1"})
    address, fields = customer.form("/checkout", "/checkout", delivery="pick_up", pay_by="transfer")
    customer.post("/cart/remove", {"sku": "tea-longjing"})
    assert customer.post(address, fields).status_code == 422
    assert customer.get("/checkout").headers["location"] == "/cart"
