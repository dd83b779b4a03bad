"""The named journeys, by the forms that stand on the pages and nothing else."""

import pytest
from bs4 import BeautifulSoup

from tests.shop.conftest import PASSWORD
from tests.shop.web.conftest import Browser, Site, fields_of
from troth_shop import accounts, orders, sessions
from troth_shop.staff import Role

HOME = {
    "delivery": "our_delivery",
    "recipient_name": "王小明",
    "recipient_phone": "13700000000",
    "recipient_address": "杭州市西湖区某路 1 号",
}


def register(site: Site, visitor: Browser, phone: str, prefix: str = "") -> None:
    asked = visitor.submit(f"{prefix}/register", "/register", phone=phone, fourteen="yes")
    assert asked.status_code == 200

    form = BeautifulSoup(asked.text, "html.parser").select_one("form[action$='/register/code']")
    fields = fields_of(form) | {"code": site.phones.code(), "password": PASSWORD}
    answer = visitor.post(str(form["action"]), fields)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{prefix}/my"


@pytest.mark.control("shop_journeys", "refusal_harmless")
@pytest.mark.parametrize(("prefix", "phone"), [("", "13811110001"), ("/en", "13811110002")])
def test_a_new_customer_with_every_permission_off_buys_pays_asks_and_leaves(
    site: Site, prefix: str, phone: str
):
    visitor = site.visitor()
    visitor.submit(f"{prefix}/product/tea-longjing", "/cart/add", qty="2")
    register(site, visitor, phone, prefix)
    placed = visitor.submit(f"{prefix}/checkout", "/checkout", pay_by="transfer", **HOME)
    order = placed.headers["location"].partition("?")[0]
    paid = visitor.submit(f"{order}/pay", "/reference", reference="REF-20261122")
    assert paid.status_code == 303
    asked = visitor.submit(f"{prefix}/support", "/support/cases", subject="问", message="几时到")
    assert asked.status_code == 303
    assert "REF-20261122" in visitor.get(order).text
    assert "13811110" in visitor.get(f"{prefix}/my/data").text
    left = visitor.submit(f"{prefix}/my", "/logout")
    assert left.status_code == 303
    assert visitor.get(order).status_code == 303

    cashier, packer = site.staff(), site.staff(Role.PACKER)
    path = order.removeprefix(prefix)
    assert cashier.submit(f"/staff{path}", "/approve").status_code == 303
    assert packer.submit("/staff/orders", f"{path}/pack").status_code == 303
    assert packer.submit("/staff/orders", f"{path}/hand-out").status_code == 303
    visitor.submit(f"{prefix}/login", "/login", phone=phone, password=PASSWORD)
    assert visitor.submit(order, "/received").status_code == 303
    page = visitor.page(order)
    assert all("done" in step.get("class", []) for step in page.select(".timeline li"))


def test_the_notices_of_an_act_stand_on_its_page_word_for_word(site: Site):
    customer = site.customer()
    customer.post("/cart/add", {"sku": "tea-longjing", "qty": "1"})
    for language, prefix in (("zh-CN", ""), ("en", "/en")):
        for path, purposes in (
            ("/register", accounts.REGISTER_PURPOSES),
            ("/checkout", orders.ORDER_PURPOSES),
            ("/support", ("answer_support",)),
        ):
            browser = site.visitor() if path == "/register" else customer
            page = browser.page(prefix + path)
            shown = [e.text.strip() for e in page.select(".told :is(summary, p)")]
            meant = site.t.show(*purposes, person="", language=language).notices
            assert shown == [line for n in meant for line in (n.title, *n.lines)]
            assert all(d.has_attr("open") for d in page.select(".told details"))


def test_checkout_asks_nothing_of_who_picks_up(site: Site):
    customer = site.customer()
    order_id = customer.order(pay_by="on_receipt")
    assert orders.delivery_of(site.t, customer.person, order_id) is None
    customer.post("/cart/add", {"sku": "tea-longjing", "qty": "1"})
    page = customer.page("/checkout")
    needed = {e["name"] for e in page.select("[required]")}
    assert needed == {"delivery", "pay_by"}


def test_nothing_is_ticked_before_the_person_ticks_it(site: Site):
    customer = site.customer()
    site.shop.say(customer.person, "identify_device")
    customer.post("/cart/add", {"sku": "tea-longjing", "qty": "1"})
    ticked = {
        (path, e["name"], e["value"])
        for path in ("/register", "/checkout", "/support", "/login")
        for e in (site.visitor() if path in ("/register", "/login") else customer)
        .page(path)
        .select("[checked]")
    }
    # The way that needs no data at all is chosen; it is no consent.
    assert ticked == {("/checkout", "delivery", "pick_up")}


@pytest.mark.control("courier_separate_consent")
def test_the_courier_is_offered_only_after_its_own_question(site: Site):
    customer = site.customer()
    customer.post("/cart/add", {"sku": "tea-longjing", "qty": "1"})
    by_courier = {**HOME, "delivery": "courier", "pay_by": "transfer"}
    page = customer.page("/checkout")
    assert page.select_one("#delivery-courier").has_attr("disabled")
    answer = customer.submit("/checkout", "/checkout", **by_courier)
    assert answer.status_code == 403
    assert "/privacy/ask/share_with_courier?next=/checkout" in answer.text
    customer.say("share_with_courier", "give", "/checkout")
    assert customer.submit("/checkout", "/checkout", **by_courier).status_code == 303


@pytest.mark.control("codes_limited")
def test_codes_are_limited_by_tries_and_by_number(site: Site):
    visitor, phone = site.visitor(), "13822220001"
    for asked in range(4):
        answer = visitor.submit("/register", "/register", phone=phone, fourteen="yes")
        assert answer.status_code == (200 if asked < 3 else 429)
    assert int(answer.headers["retry-after"]) > 0

    page = visitor.submit("/register", "/register", phone="13822220002", fourteen="yes").text
    form = BeautifulSoup(page, "html.parser").select_one("form[action$='/register/code']")
    right = site.phones.code()
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    fields = fields_of(form) | {"password": PASSWORD}
    for _ in range(5):
        assert visitor.post("/register/code", fields | {"code": wrong}).status_code == 422
    assert visitor.post("/register/code", fields | {"code": right}).status_code == 422
    assert not visitor.http.cookies


def test_the_page_tells_nobody_whether_a_phone_has_an_account(site: Site):
    known = accounts.account(site.t, site.customer().person).phone
    texts = []
    for phone in (known, "13833330001"):
        answer = site.visitor().submit("/reset", "/reset", phone=phone)
        assert answer.status_code == 200

        page = BeautifulSoup(answer.text, "html.parser")
        page.select_one("input[name=challenge_id]").decompose()
        texts.append(page.text)
    assert texts[0] == texts[1]
    for phone in (known, "13833330002"):
        answer = site.visitor().submit("/login", "/login", phone=phone, password="not-the-password")
        assert answer.status_code == 422
        assert "手机号和密码不匹配" in answer.text


@pytest.mark.promise("S-61")
@pytest.mark.control("log_out_clears")
def test_logging_out_ends_the_session_clears_the_browser_and_withdraws_nothing(site: Site):
    customer = site.customer()
    customer.say("scan_product")
    customer.post("/cart/add", {"sku": "tea-longjing", "qty": "1"})
    customer.set_cookie("visitor", "a" * 32)
    history = site.t.history(customer.person)
    answer = customer.submit("/my", "/logout")
    assert answer.headers["clear-site-data"] == '"cookies", "storage"'
    assert not customer.http.cookies
    assert sessions.sessions(site.t, customer.person) == ()
    assert site.t.history(customer.person) == history
    assert site.t.decide(customer.person, "scan_product")
    assert "保持不变" in customer.get(answer.headers["location"]).text


def test_opening_the_log_out_page_logs_nobody_out(site: Site):
    customer = site.customer()
    assert customer.get("/logout").status_code == 200
    assert customer.get("/my").status_code == 200


@pytest.mark.control("sessions_revocable")
def test_a_person_sees_every_log_in_and_ends_the_others(site: Site):
    customer = site.customer()
    session_id, token = sessions.start_session(site.t, customer.person)
    sessions.start_session(site.t, customer.person)
    other = site.visitor()
    other.set_cookie("session", token)
    assert other.get("/my").status_code == 200
    assert len(customer.page("/my/sessions").select(".order-list > li")) == 3
    customer.post("/my/sessions/end", {"session_id": session_id})
    assert other.get("/my").status_code == 303
    customer.submit("/my/sessions", "/end-others")
    assert len(sessions.sessions(site.t, customer.person)) == 1


def test_a_log_in_notes_the_kind_of_browser_and_no_more(site: Site):
    phone = accounts.account(site.t, site.customer().person).phone
    agent = (
        "Mozilla/5.0 (Linux; Android 16; Pixel 11 Pro) AppleWebKit/537.36 Chrome/156.0.7.1 Safari"
    )
    visitor = site.visitor()
    visitor.http.headers["User-Agent"] = agent
    visitor.submit("/login", "/login", phone=phone, password=PASSWORD)
    stored = site.everything()
    assert "'Chrome'" in stored
    assert "Android" not in stored
    assert "Pixel" not in stored


def test_a_forgotten_password_is_set_anew_and_every_log_in_ends(site: Site):
    customer = site.customer()
    phone = accounts.account(site.t, customer.person).phone
    visitor = site.visitor()
    page = visitor.submit("/reset", "/reset", phone=phone)

    form = BeautifulSoup(page.text, "html.parser").select_one("form[action$='/reset/code']")
    new = "quite another one"
    fields = fields_of(form) | {"code": site.phones.code(), "password": new}
    assert visitor.post("/reset/code", fields).headers["location"] == "/login?done=reset"
    assert customer.get("/my").status_code == 303
    assert visitor.submit("/login", "/login", phone=phone, password=new).status_code == 303


def test_a_new_password_needs_the_old_one(site: Site):
    customer = site.customer()
    wrong = {"password_now": "not the old one", "password": "a new long password"}
    assert customer.submit("/my/password", "/my/password", **wrong).status_code in (401, 422)
    right = wrong | {"password_now": PASSWORD}
    assert customer.submit("/my/password", "/my/password", **right).status_code == 303


def test_each_role_of_staff_sees_its_own_work_and_no_more(site: Site):
    customer = site.customer()
    order_id = customer.order(**HOME)
    customer.submit(f"/orders/{order_id}/pay", "/reference", reference="REF-7654321")
    case_id = customer.case(subject="问题")
    phone = accounts.account(site.t, customer.person).phone
    cashier, packer, agent = site.staff(), site.staff(Role.PACKER), site.staff(Role.SUPPORT)
    seen = cashier.get("/staff/orders").text + cashier.get(f"/staff/orders/{order_id}").text
    assert "REF-7654321" in seen
    for hidden in (phone, HOME["recipient_name"], HOME["recipient_address"]):
        assert hidden not in seen
    assert "REF-7654321" not in packer.get("/staff/orders").text
    assert packer.get(f"/staff/orders/{order_id}").status_code == 403
    assert packer.post(f"/staff/orders/{order_id}/approve").status_code == 403
    assert cashier.get(f"/staff/cases/{case_id}").status_code == 403
    assert agent.get(f"/staff/cases/{case_id}").status_code == 200
    assert agent.post(f"/staff/orders/{order_id}/pack").status_code == 403


def test_a_cancelled_order_that_was_paid_is_refunded(site: Site):
    customer, cashier = site.customer(), site.staff()
    order_id = customer.order()
    customer.submit(f"/orders/{order_id}/pay", "/reference", reference="REF-7654321")
    cashier.submit(f"/staff/orders/{order_id}", "/approve")
    customer.submit(f"/orders/{order_id}/cancel", "/cancel")
    assert "退款中" in customer.get(f"/orders/{order_id}").text
    cashier.submit(f"/staff/orders/{order_id}", "/refund")
    assert "已退款" in customer.get(f"/orders/{order_id}").text
