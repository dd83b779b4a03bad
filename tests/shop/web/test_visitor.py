"""The visitor without account: nothing set, nothing kept, everything to be seen (S-02, S-06)."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx
import pytest

from tests.shop.web.conftest import Site

PUBLIC = ["/", "/search", "/search?q=茶", "/code", "/scan", "/cart", "/contact", "/support"]
PUBLIC += ["/login", "/register", "/reset", "/logout", "/privacy/policy", "/my/settings/privacy"]
PUBLIC += ["/privacy/documents/service-agreement", "/privacy/policy/versions"]
PUBLIC += ["/privacy/ask/scan_product?next=/scan", "/staff/login", "/nothing-here"]


def pages(site: Site) -> list[str]:
    goods = site.shop.catalogue
    found = [*PUBLIC, *(f"/category/{shelf.id}" for shelf in goods.categories)]
    found += [f"/product/{p.sku}" for p in goods.products]
    return [*found, *(f"/en{path}" for path in found)]


@dataclass(frozen=True)
class FirstVisit:
    """One visit of every public page, by a browser that was never here.

    Attributes:
        answers: what came, by path.
        cookies: what the browser holds afterwards.
        rows: how many rows every table had before and after.
    """

    answers: Mapping[str, httpx.Response]
    cookies: Mapping[str, str]
    rows: tuple[Mapping[str, int], Mapping[str, int]]


@pytest.fixture(scope="module")
def first_visit(site: Site) -> FirstVisit:
    """The visit; nobody changes what came, and nobody else is in the shop meanwhile."""
    visitor, before = site.visitor(), site.rows()
    answers = {path: visitor.get(path) for path in pages(site)}
    return FirstVisit(answers, dict(visitor.http.cookies), (before, site.rows()))


@pytest.mark.promise("S-02", "S-06")
@pytest.mark.control("visitor_without_identifiers", "no_consent_by_use")
def test_first_visit_of_every_public_page_sets_no_cookie_and_writes_no_row(
    first_visit: FirstVisit,
):
    assert len(first_visit.answers) > 100
    for path, answer in first_visit.answers.items():
        assert answer.status_code in (200, 404), path
        assert "set-cookie" not in answer.headers, path
        assert "clear-site-data" not in answer.headers, path
    assert not first_visit.cookies
    before, after = first_visit.rows
    assert after == before


def test_every_page_links_to_the_policy(first_visit: FirstVisit):
    for path, answer in first_visit.answers.items():
        prefix = "/en" if path.startswith("/en") else ""
        assert f'href="{prefix}/privacy/policy"' in answer.text, path


def test_english_lies_under_its_prefix_and_stays_there(site: Site):
    page = site.visitor().page("/en/product/tea-longjing")
    assert page.html["lang"] == "en"
    links = [a["href"] for a in page.select("a[href^='/']") if not a.has_attr("hreflang")]
    assert links
    assert all(link == "/en" or link.startswith("/en/") for link in links)


def test_refusing_sets_nothing_and_writes_nothing(site: Site):
    visitor, before = site.visitor(), site.rows()
    for said in ("refuse", "defer"):
        answer = visitor.say("scan_product", said, "/scan")
        assert answer.status_code == 303
        assert "set-cookie" not in answer.headers
    assert site.rows() == before


def test_allowing_gives_a_random_visitor_number_that_no_account_gets(site: Site):
    visitor = site.visitor()
    given = visitor.say("scan_product", "give", "/scan")
    number = visitor.http.cookies["visitor"]
    kept = site.t.policy.categories["visitor_id"].retention
    assert site.t.policy.retention[kept].period == "P30D"
    assert f"Max-Age={30 * 86_400};" in given.headers["set-cookie"]
    assert len(number) == 32
    customer = site.customer()
    customer.set_cookie("visitor", number)
    # Logged in, the browser is the account's: what the visitor allowed does not carry over.
    assert customer.page("/scan").select_one("#scanner") is None
    assert visitor.page("/scan").select_one("#scanner") is not None
    assert number not in site.everything()


def test_cart_cookie_holds_goods_and_nothing_else(site: Site):
    one, two = site.visitor(), site.visitor()
    for browser in (one, two):
        browser.post("/cart/add", {"sku": "tea-longjing", "qty": "2"})
        answer = browser.post("/cart/add", {"sku": "home-fan", "qty": "1"})
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "samesite=lax" in answer.headers["set-cookie"].lower()
    assert one.http.cookies["cart"] == two.http.cookies["cart"] == "tea-longjing.2_home-fan.1"


@pytest.mark.parametrize("cart", ["x", "tea-longjing.0", "tea-longjing.100", "gone.1", "_._", "…"])
def test_a_forged_cart_is_an_empty_cart(site: Site, cart: str):
    answer = site.visitor().get("/cart", headers={"Cookie": f"cart={cart}".encode()})
    assert answer.status_code == 200
    assert '/checkout"' not in answer.text


def test_emptying_the_cart_removes_its_cookie(site: Site):
    visitor = site.visitor()
    visitor.post("/cart/add", {"sku": "tea-longjing", "qty": "2"})
    visitor.post("/cart/remove", {"sku": "tea-longjing"})
    assert "cart" not in visitor.http.cookies


def test_a_typed_code_opens_its_article_and_a_wrong_one_is_shown_again(site: Site):
    product = site.shop.catalogue.products[3]
    visitor = site.visitor()
    spaced = f"{product.code[:4]} {product.code[4:]}"
    found = visitor.get("/code", params={"code": spaced})
    assert found.headers["location"] == f"/product/{product.sku}"
    wrong = visitor.get("/code", params={"code": "123456"})
    assert wrong.status_code == 404
    assert 'value="123456"' in wrong.text
    assert 'aria-describedby="code-hint code-error"' in wrong.text


def test_pages_load_nothing_from_elsewhere(first_visit: FirstVisit):
    for path, answer in first_visit.answers.items():
        page = answer.text
        for mark in ('src="http', 'href="http', 'srcset="http', "//cdn", 'src="//'):
            assert mark not in page, path
        assert " style=" not in page, path
        assert "<script>" not in page, path
