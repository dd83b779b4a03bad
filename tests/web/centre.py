"""A small host application with the privacy centre in it: a real server, a database under lenses.

The host knows people by a cookie and nothing else; what it shows of them comes through `Troth.use`,
so that every look in a test was left by a use.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from gettext import NullTranslations
from pathlib import Path
from typing import Any

import httpx
from bs4 import BeautifulSoup
from jinja2 import ChoiceLoader, DictLoader, Environment, FileSystemLoader
from litestar import Litestar, Request, Response
from sqlalchemy import text

from tests.builders import DAY, NOW, Draft, draft
from tests.serving import served
from troth import SELF, SYSTEM, Actor, Answer, Settings, Troth, UseRefused
from troth.adapters.clock import SetClock
from troth.integrations.litestar import (
    TEMPLATES,
    Audience,
    CaseLink,
    Host,
    Privacy,
    route_handlers,
)

DESK = Actor("staff-7", "desk")
ROBOT = Actor("nightly-job", SYSTEM)
_BASE = """<!doctype html><html lang="{{ lang }}">
<head><title>{% block title %}{% endblock %}</title>{% block head %}{% endblock %}</head>
<body><main>{% block content %}{% endblock %}</main></body></html>
"""
_TABLES = """
CREATE TABLE customer (
  pii_principal_id TEXT PRIMARY KEY NOT NULL, phone TEXT, street TEXT, visits INTEGER);
"""
_MAP = """\
stores:
  shop:
    engine: [sqlite]
    storage: shop_db
    tables:
      customer:
        about: person
        key: [pii_principal_id]
        person: pii_principal_id
        on_erase: delete
        columns:
          phone: {category: mobile, unsealed: A test stores none.}
          street: {category: street, unsealed: A test stores none.}
          visits: orders
        writes:
          keep_account: {insert: [pii_principal_id], update: [phone]}
"""


@dataclass
class Centre:
    """A host that is served; `client` is a browser of one person."""

    t: Troth
    clock: SetClock
    address: str
    folder: Path
    stack: contextlib.ExitStack

    def person(self) -> str:
        """Add somebody for whom the purposes of an account stand."""
        person = self.t.add_person()
        for purpose in ("keep_account", "keep_books"):
            self.say(person, purpose, Answer.ACT)
        return person

    def say(self, person: str, purpose: str, said: Answer) -> None:
        token = self.t.show(purpose, person=person, surface="/test").token
        self.t.answer(person, purpose, said, token)

    def look(
        self,
        *people: str,
        purpose: str = "keep_account",
        actor: Actor = DESK,
        case: str = "case-1",
        **how: Any,
    ) -> None:
        """Use a purpose as staff do, refused or not; a minute passes first."""
        self.clock.move(60_000_000)
        about = {"people": people} if len(people) > 1 else {"person": people[0]}
        with (
            contextlib.suppress(UseRefused),
            self.t.use(purpose, actor=actor, case=case, **about, **how) as connection,
        ):
            connection.execute(text("SELECT count(*) FROM customer"))

    def look_of(self, person: str) -> str:
        """Have the desk look at somebody and return the id of the look."""
        self.look(person)
        return self.t.who_looked(person, size=1).looks[0].look_id

    def client(self, person: str = "", *, visitor: bool = False) -> Reader:
        """Return a browser in which a person, or a visitor with an id, is known."""
        cookies = {"visitor" if visitor else "person": person} if person else {}
        made = httpx.Client(
            base_url=self.address,
            cookies=cookies,
            headers={"Accept": "text/html"},
            timeout=30,
            trust_env=False,
        )
        return Reader(self.stack.enter_context(made))


@dataclass
class Reader:
    """One browser, whose forms are sent as a page of the host sends them."""

    http: httpx.Client

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def page(self, path: str) -> BeautifulSoup:
        answer = self.http.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return BeautifulSoup(answer.text, "html.parser")

    def post(self, path: str, data: Mapping[str, str], **headers: str) -> httpx.Response:
        own = {"Origin": str(self.http.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
        return self.http.post(path, data=data, headers=own | headers)


def words(found: Any) -> str:
    """Return the text of a part of a page, its blanks made single."""
    return " ".join(found.get_text(" ").split())


@contextlib.contextmanager
def centre_of(folder: Path, made: Draft | None = None) -> Iterator[Centre]:
    """Open a deployment, govern it and serve its privacy centre on a free port of loopback."""
    settings = Settings.of(folder / "data", {"TROTH_REGION": "CN"})
    clock = SetClock(NOW)
    t = Troth.open(settings, clock=clock)
    with contextlib.closing(sqlite3.connect(settings.data / "troth.db")) as plain:
        plain.executescript(_TABLES)
        own = _map_of_own_tables(plain)
    t.publish((made or draft()).write(folder / "policy"))
    (folder / "datamap.yaml").write_text(_MAP + own, encoding="utf-8")
    try:
        t.govern(folder / "datamap.yaml")
        with served(_application(t)) as address, contextlib.ExitStack() as stack:
            yield Centre(t, clock, address, folder, stack)
    finally:
        t.close()


def _map_of_own_tables(plain: sqlite3.Connection) -> str:
    """Return what the map says of the tables that troth made; these tests are not about them."""
    lines = []
    for (name,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if name.startswith("troth_"):
            columns = [row[1] for row in plain.execute(f"PRAGMA table_info({name})")]
            keys = plain.execute(f"PRAGMA foreign_key_list({name})").fetchall()
            edges = ", ".join(f"{row[3]}: shallow {row[2]}.{row[4]}" for row in keys)
            lines.append(
                f"      {name}:\n        not_personal: Of troth itself.\n"
                f"        edges: {{{edges}}}\n        columns: [{', '.join(columns)}]\n"
            )
    return "".join(lines)


def _application(t: Troth) -> Litestar:
    loader = ChoiceLoader([DictLoader({"base.html": _BASE}), FileSystemLoader(TEMPLATES)])
    pages = Environment(loader=loader, autoescape=True)
    said = NullTranslations()
    pages.globals.update(_=said.gettext, ngettext=said.ngettext, when=_when)

    def language(request: Request[Any, Any, Any]) -> str:
        return request.query_params.get("language", "en")

    def render(
        request: Request[Any, Any, Any], template: str, context: Mapping[str, Any], status: int
    ) -> Response[Any]:
        given = {"lang": language(request), "url": lambda path: path, **context}
        page = pages.get_template(template).render(given)
        return Response(page, media_type="text/html", status_code=status)

    def audience(request: Request[Any, Any, Any]) -> Audience:
        person = request.cookies.get("person", "")
        return Audience(person or request.cookies.get("visitor", ""), visitor=not person)

    def case_link(request: Request[Any, Any, Any], purpose: str, case_id: str) -> CaseLink | None:
        return CaseLink(f"/cases/{case_id}", "Your case") if case_id.startswith("case") else None

    host = Host(
        audience=audience,
        language=language,
        url=lambda request, path: path,
        render=render,
        case_link=case_link,
    )
    privacy = Privacy(t, host)
    return Litestar(
        route_handlers(privacy),
        exception_handlers=privacy.exception_handlers,
        openapi_config=None,
        logging_config=None,
    )


def _when(at: datetime | int) -> str:
    moment = datetime.fromtimestamp(at / 1_000_000, UTC) if isinstance(at, int) else at
    return moment.strftime("%Y-%m-%d %H:%M")


__all__ = ["DAY", "DESK", "ROBOT", "SELF", "Centre", "Reader", "centre_of", "words"]
