"""The shop as people meet it: a real server on loopback, and one browser per person."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup, Tag
from litestar import Litestar
from PIL import Image
from sqlalchemy import create_engine, text

from tests.databases import TestDatabase, empty_database
from tests.serving import served
from tests.shop.conftest import MAP, PASSWORD, POLICY, Phones, Shop, settings_of
from troth import Troth
from troth_shop import sessions, staff
from troth_shop.catalogue import load_catalogue
from troth_shop.migrate import migrate
from troth_shop.my_data import my_data
from troth_shop.tables import metadata
from troth_shop.web.app import create_app

ON = os.environ.get("TROTH_TEST_SHOP_ON", "sqlite")
"""Which database these tests serve the shop on; `test_on_postgresql` sets it."""

TABLES = {
    "sqlite": "SELECT '\"' || name || '\"' FROM sqlite_master WHERE type = 'table'",
    "postgresql": "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
    "WHERE schemaname IN ('public', 'troth_base') AND tablename !~ '^troth_(look|lens)'",
}
"""What names every table of a database, as a statement spells it; looks lie elsewhere on SQLite."""


@dataclass
class Browser:
    """One person's browser: its own cookies, and forms that are sent as a browser sends them."""

    http: httpx.Client
    person: str = ""

    def set_cookie(self, name: str, value: str) -> None:
        """Put a cookie into the browser as if this shop had set it."""
        self.http.cookies.set(name, value, domain=self.http.base_url.host, path="/")

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.http.get(path, **more)

    def post(self, path: str, data: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        """Send a form as a page of the shop does."""
        headers = {"Origin": str(self.http.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
        headers |= more.pop("headers", {})
        return self.http.post(path, data=data, headers=headers, **more)

    def page(self, path: str) -> BeautifulSoup:
        answer = self.get(path, follow_redirects=True)
        assert answer.status_code == 200, (path, answer.status_code)
        return BeautifulSoup(answer.text, "html.parser")

    def form(self, path: str, action: str, **typed: str) -> tuple[str, dict[str, str]]:
        """Return the address and the fields of a form on a page, filled in."""
        for found in self.page(path).select("form[method=post]"):
            if str(found["action"]).endswith(action):
                return str(found["action"]), fields_of(found) | typed
        raise AssertionError(f"{path} has no form {action}")

    def submit(self, path: str, action: str, **typed: str) -> httpx.Response:
        """Fill in and send a form that stands on a page."""
        address, fields = self.form(path, action, **typed)
        return self.post(address, fields)

    def say(self, purpose: str, said: str = "give", following: str = "/") -> httpx.Response:
        """Answer a question on its own page, by one of its buttons."""
        page = self.page(f"/privacy/ask/{purpose}?next={following}")
        for found in page.select("form[action$='/privacy/answers']"):
            fields = fields_of(found)
            if fields["said"] == said:
                return self.post(str(found["action"]), fields)
        raise AssertionError(f"nobody can say {said!r} to {purpose}")

    def order(self, **typed: str) -> str:
        """Order one tin of tea and return the id of the order."""
        self.post("/cart/add", {"sku": "tea-longjing", "qty": "1"})
        chosen = {"delivery": "pick_up", "pay_by": "transfer", **typed}
        answer = self.submit("/checkout", "/checkout", **chosen)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"].split("/orders/")[1].split("?")[0]

    def case(self, **typed: str) -> str:
        """Open a support case and return its id."""
        told = {"subject": "茶罐压坏了", "message": "外箱有压痕", **typed}
        answer = self.submit("/support", "/support/cases", **told)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"].split("/cases/")[1].split("?")[0]


def fields_of(form: Tag) -> dict[str, str]:
    """Return what a browser would send with a form that nobody touched."""
    fields = {}
    for control in form.select("input[name], textarea[name], button[name]"):
        ticks = control.get("type") in ("radio", "checkbox")
        if control.name == "button" or control.get("type") == "file":
            continue
        if not ticks or control.has_attr("checked"):
            fields[str(control["name"])] = str(control.get("value", control.text))
    return fields


@dataclass
class Site:
    """A shop that is served; ``shop`` speaks to its domain."""

    shop: Shop
    app: Litestar
    address: str
    stack: contextlib.ExitStack
    phones: Phones = field(default_factory=Phones)

    @property
    def t(self) -> Troth:
        return self.shop.t

    def visitor(self) -> Browser:
        """A browser that was never here."""
        client = httpx.Client(base_url=self.address, headers={"Accept": "text/html"}, timeout=30)
        return Browser(self.stack.enter_context(client))

    def customer(self) -> Browser:
        """A browser in which a new customer is logged in."""
        browser = self.visitor()
        browser.person = self.shop.person()
        _, token = sessions.start_session(self.t, browser.person)
        browser.set_cookie("session", token)
        return browser

    def staff(self, role: staff.Role = staff.Role.CASHIER) -> Browser:
        """A browser in which a new member of staff is logged in."""
        browser = self.visitor()
        member = self.shop.staff(role)
        token = staff.log_in_staff(self.t, staff.StaffLogIn(member.name, PASSWORD))
        browser.set_cookie("staff", token)
        return browser

    def rows(self) -> dict[str, int]:
        """How many rows every table has, the shop's and troth's."""
        engine = create_engine(self.shop.database.owner_url)
        try:
            with engine.connect() as c:
                names = c.execute(text(TABLES[self.shop.database.kind])).scalars().all()
                return {n: c.execute(text(f"SELECT count(*) FROM {n}")).scalar_one() for n in names}
        finally:
            engine.dispose()

    def everything(self) -> str:
        """Every value of every table of the shop, as one text to search in.

        As it is stored, and what is sealed also as its own person sees it.
        """
        people = [row["pii_principal_id"] for row in self.shop.stored("shop_customer")]
        held = [
            *(repr(self.shop.stored(table.name)) for table in metadata.sorted_tables),
            *(repr(my_data(self.t, person)) for person in people),
        ]
        return "\n".join(held)


def opened(folder: Path, database: TestDatabase | None = None) -> Shop:
    """Open a deployment in a folder of its own, with the policy published.

    Args:
        folder: where it keeps its state.
        database: an empty one; by default a file of SQLite in the folder.
    """
    stored = database or TestDatabase.of_file(folder)
    settings = settings_of(stored, folder)
    t = Troth.open(settings)
    migrate(settings.owner_url, app_role=stored.app_role)
    t.publish(POLICY)
    t.govern(MAP)
    return Shop(t, t.kit.clock, load_catalogue(), settings.data, stored)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A shop of this module's own; tests bring their own people, so they do not meet."""
    server = request.getfixturevalue("postgres_server") if ON == "postgresql" else None
    folder = tmp_path_factory.mktemp("shop")
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(empty_database(server, folder / "database"))
        shop = opened(folder / "data" if server else database.folder, database)
        stack.callback(shop.t.close)
        phones = Phones()
        app = create_app(shop.t, shop.folder, demo=True, messages=phones)
        address = stack.enter_context(served(app))
        yield Site(shop, app, address, stack, phones)


def picture(width: int = 40, height: int = 30, kind: str = "JPEG") -> bytes:
    """Return a picture as a phone would send it."""
    made = io.BytesIO()
    Image.new("RGB", (width, height), (200, 120, 60)).save(made, kind)
    return made.getvalue()
