"""The table of docs/reference/permissions.md, cell by cell, and what is denied to everybody."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from tests.browser.camera import film_without_code
from tests.browser.conftest import ARGUMENTS
from tests.browser.permission_table import Row, read_table
from tests.browser.shop import PERMISSIONS, SEPARATE, RunningShop
from tests.browser.visits import Visits, visits_of
from troth.web import headers

ROWS = {row.permission: row for row in read_table()}
with_each_row = pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
_EVERYTHING = (*(p for purposes in PERMISSIONS.values() for p in purposes), *SEPARATE)
_OUTCOME = "call => Promise.resolve(eval(call)).then(() => 'done', error => error.name)"
_ALLOWS = "name => document.featurePolicy.allowsFeature(name)"


@dataclass
class Person:
    """Somebody with an order and a case, a client and a profile in which the browser says yes."""

    client: httpx.Client
    page: Page
    visits: Visits

    def path(self, written: str) -> str:
        return written.format(order=self.visits.order, case=self.visits.case)

    def open(self, written: str) -> Page:
        answer = self.page.goto(self.path(written))
        assert answer is not None
        assert answer.status == 200
        return self.page


@pytest.fixture(scope="module")
def browser_that_says_yes(
    playwright: Playwright, chromium_program: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """A Chromium with a camera, in which the site's own permissions are granted."""
    film = film_without_code(tmp_path_factory.mktemp("film") / "a.mjpeg")
    camera = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
    browser = playwright.chromium.launch(
        executable_path=chromium_program, args=[*ARGUMENTS, *camera]
    )
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def people(shop: RunningShop, browser_that_says_yes: Browser) -> Iterator[dict[str, Person]]:
    """Who refused one permission and allowed all others, by permission; and who allowed all."""
    made: dict[str, Person] = {}
    opened: list[BrowserContext | httpx.Client] = []

    def person(refusing: str) -> Person:
        refused = PERMISSIONS.get(refusing, ())
        customer = shop.customer(allowing=[p for p in _EVERYTHING if p not in refused])
        context = browser_that_says_yes.new_context(base_url=shop.address, locale="zh-CN")
        context.add_cookies([shop.session_cookie(customer)])
        context.grant_permissions(["camera", "clipboard-read"], origin=shop.address)
        client = shop.client(customer)
        opened.extend((context, client))
        return Person(client, context.new_page(), visits_of(shop, customer))

    class Lazily(dict[str, Person]):
        def __missing__(self, refusing: str) -> Person:
            self[refusing] = person(refusing)
            return self[refusing]

    made = Lazily()
    yield made
    for one in opened:
        one.close()


def test_table_has_a_row_for_every_permission_of_the_policy(shop: RunningShop):
    assert list(ROWS) == list(shop.troth.policy.permissions)


@with_each_row
def test_each_row_stands_in_the_way_somewhere_and_says_so_where_not(row: Row):
    assert row.server
    assert row.page
    if row.policy is None:
        assert row.nothing is not None
        assert len(row.nothing.why) > 40
    else:
        assert row.nothing is None


@with_each_row
@pytest.mark.promise("S-25", "S-06", "S-27")
@pytest.mark.control("permissions_off", "decision_fails_closed", "file_picker_only")
def test_server_refuses_what_the_table_says(shop: RunningShop, people: dict[str, Person], row: Row):
    refusing, allowing = people[row.permission], people["nothing"]
    for cell in row.server:
        answer = _ask(refusing, cell.method, cell.path, dict(cell.fields))
        assert answer.status_code == 403, cell
        assert answer.headers["content-type"].startswith("application/problem+json"), cell
        told = answer.json()
        assert told["purpose_id"] in PERMISSIONS[row.permission]
        question = refusing.client.get(told["consent_uri"])
        assert question.status_code == 200
        assert 'name="said" value="give"' in question.text
        # A page's form gets the same refusal as a page.
        shown = _ask(refusing, cell.method, cell.path, dict(cell.fields), accept="text/html")
        assert shown.status_code == 403
        assert told["consent_uri"].partition("?")[0] in shown.text
        open_to_others = _ask(allowing, cell.method, cell.path, dict(cell.fields))
        assert open_to_others.status_code != 403, cell


def _ask(
    person: Person,
    method: str,
    written: str,
    fields: dict[str, str],
    accept: str = "application/json",
) -> httpx.Response:
    return person.client.request(
        method, person.path(written), data=fields or None, headers={"Accept": accept}
    )


@pytest.mark.parametrize("row", [r for r in ROWS.values() if r.policy], ids=lambda r: r.permission)
@pytest.mark.promise("S-25", "S-28", "S-33")
@pytest.mark.control("permissions_off", "camera_on_device", "clipboard_per_click")
def test_header_refuses_though_the_browser_was_told_yes(people: dict[str, Person], row: Row):
    assert row.policy is not None
    refusing, allowing = people[row.permission], people["nothing"]
    used_on = {cell.path for cell in row.page}
    for path in [*used_on, "/", "/my/settings/privacy"]:
        page = refusing.open(path)
        assert not page.evaluate(_ALLOWS, row.policy.feature), path
    page.bring_to_front()
    assert page.evaluate(_OUTCOME, row.policy.call) == "NotAllowedError"

    for path in used_on:
        page = allowing.open(path)
        assert page.evaluate(_ALLOWS, row.policy.feature), path
    page.bring_to_front()
    assert page.evaluate(_OUTCOME, row.policy.call) == "done"
    for path in ("/", "/my", "/cart", "/support", "/privacy/policy"):
        page = allowing.open(path)
        assert not page.evaluate(_ALLOWS, row.policy.feature), path
    assert page.evaluate(_OUTCOME, row.policy.call) == "NotAllowedError"


@with_each_row
@pytest.mark.promise("S-25", "S-26", "S-30", "S-31")
@pytest.mark.control("permissions_off", "refusal_harmless", "hotline_dial_only")
def test_page_omits_what_the_table_says_and_leads_to_the_question(
    people: dict[str, Person], row: Row
):
    for cell in row.page:
        page = people[row.permission].open(cell.path)
        assert page.locator(cell.selector).count() == 0, cell
        questions = [f'main a[href*="/privacy/ask/{p}?"]' for p in PERMISSIONS[row.permission]]
        assert page.locator(", ".join(questions)).count() >= 1, cell
        assert people["nothing"].open(cell.path).locator(cell.selector).count() >= 1, cell


@pytest.mark.parametrize("row", [r for r in ROWS.values() if r.nothing], ids=lambda r: r.permission)
def test_what_is_called_impossible_is_so(people: dict[str, Person], row: Row):
    assert row.nothing is not None
    page = people[row.permission].open(row.page[0].path)
    assert page.evaluate(row.nothing.shown_by) is True


@pytest.mark.promise("S-17")
@pytest.mark.control("undeclared_features_denied")
def test_every_feature_of_this_browser_is_denied(people: dict[str, Person]):
    page = people["nothing"].open("/")
    known = set(page.evaluate("document.featurePolicy.features()"))
    assert known - set(headers.DENIED_FEATURES) == set()
    assert len(known) > 20


@pytest.mark.promise("S-17", "S-25")
@pytest.mark.control("undeclared_features_denied", "permissions_off")
def test_pages_open_no_feature_but_the_one_they_use(people: dict[str, Person]):
    allowed = "document.featurePolicy.allowedFeatures().sort()"
    # Without the last one Chromium does not start the camera's picture; it gives access to nothing.
    with_camera = ["camera", "clipboard-read", "media-playback-while-not-visible"]
    opens = {"/scan": with_camera, "/orders/{order}/pay": with_camera}
    opens["/search"] = ["clipboard-read"]
    opens["/my/settings/privacy"] = with_camera  # shows what the browser says of both
    for path in people["nothing"].visits.customers:
        person = people["nothing"]
        if person.page.goto(path).status != 200:
            continue
        written = path.replace(person.visits.order, "{order}").partition("?")[0]
        if written == "/code":
            written = "/search"
        assert person.page.evaluate(allowed) == opens.get(written, []), path


@pytest.mark.promise("S-17")
@pytest.mark.control("undeclared_features_denied")
@pytest.mark.parametrize(
    ("granted", "call"),
    [
        ("geolocation", "new Promise((y, n) => navigator.geolocation.getCurrentPosition(y, n))"),
        ("microphone", "navigator.mediaDevices.getUserMedia({audio: true})"),
        ("clipboard-write", "navigator.clipboard.writeText('x')"),
    ],
)
def test_undeclared_feature_fails_though_the_browser_was_told_yes(
    shop: RunningShop, people: dict[str, Person], granted: str, call: str
):
    person = people["nothing"]
    person.page.context.grant_permissions(
        ["camera", "clipboard-read", granted], origin=shop.address
    )
    page = person.open("/")
    outcome = "call => Promise.resolve(eval(call)).then(() => 'done', e => e.name || e.code)"
    refused = page.evaluate(outcome, call)
    assert refused in ("NotAllowedError", 1)  # 1 is PERMISSION_DENIED of geolocation
