"""What every answer tells the browser: nothing is open that was not offered and allowed."""

import pytest

from tests.shop.conftest import PASSWORD
from tests.shop.web.conftest import Site
from troth_shop import accounts
from troth_shop.web.static import StaticFiles

FEATURES = ("camera", "clipboard-read", "microphone", "geolocation", "payment", "usb")


def opened(answer) -> set[str]:
    policy = dict(part.split("=", 1) for part in answer.headers["permissions-policy"].split(", "))
    return {name for name, value in policy.items() if value != "()"}


@pytest.mark.parametrize("path", ["/", "/my", "/nothing", "/privacy/policy"])
def test_asking_for_headers_only_gives_those_of_the_page_and_no_page(site: Site, path: str):
    visitor = site.visitor()
    page, headers = visitor.get(path), visitor.http.request("HEAD", path)
    assert headers.status_code == page.status_code
    assert headers.headers == page.headers
    assert headers.content == b""


@pytest.mark.promise("S-17", "S-38")
@pytest.mark.control("undeclared_features_denied", "no_foreign_code")
def test_every_kind_of_answer_denies_features_and_foreign_code(site: Site):
    visitor = site.visitor()
    answers = {
        200: visitor.get("/"),
        303: visitor.get("/my"),
        401: visitor.post("/my/password", {}),
        403: visitor.http.post("/cart/add"),
        404: visitor.get("/nothing"),
        405: visitor.http.request("DELETE", "/cart"),
        413: visitor.post("/cart/add", {"sku": "x" * 100_000}),
        422: visitor.post("/login", {}),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert opened(answer) == set(), status
        policy = answer.headers["permissions-policy"]
        assert all(f"{name}=()" in policy for name in FEATURES), status
        csp = answer.headers["content-security-policy"]
        assert "default-src 'none'" in csp
        assert "unsafe" not in csp
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"


def test_only_the_scanner_of_who_allowed_it_may_open_the_camera_and_run_wasm(site: Site):
    customer = site.customer()
    assert opened(customer.get("/scan")) == set()
    customer.say("scan_product", "give", "/scan")
    answer = customer.get("/scan")
    assert opened(answer) == {"camera"}
    assert "'wasm-unsafe-eval'" in answer.headers["content-security-policy"]
    for path in ("/", "/search", "/cart", "/my", "/product/tea-longjing"):
        assert opened(customer.get(path)) == set(), path
        assert "wasm" not in customer.get(path).headers["content-security-policy"]
    assert opened(site.customer().get("/scan")) == set()
    customer.say("scan_product", "withdraw", "/scan")
    assert opened(customer.get("/scan")) == set()


def test_static_files_may_be_kept_for_good_under_their_digest(site: Site):
    visitor = site.visitor()
    for name in ("css/shop.css", "js/scan.js", "vendor/zxing-wasm/zxing_reader.wasm"):
        answer = visitor.get(StaticFiles().address(name))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert "set-cookie" not in answer.headers
    old = visitor.get("/static/000000000000/css/shop.css")
    assert old.status_code == 200
    assert old.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "name", ["../app.py", "..%2fapp.py", "css/../../app.py", "vendor/README.md", ""]
)
def test_nothing_but_the_static_files_can_be_asked_for(site: Site, name: str):
    assert site.visitor().get(f"/static/x/{name}").status_code == 404


def test_a_log_in_cookie_is_out_of_reach_for_scripts_and_other_sites(site: Site):
    phone = accounts.account(site.t, site.customer().person).phone
    answer = site.visitor().submit("/login", "/login", phone=phone, password=PASSWORD)
    cookie = answer.headers["set-cookie"].lower()
    assert answer.headers["location"] == "/my"
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
