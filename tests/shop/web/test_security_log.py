"""A whole day of a shop leaves security events behind, and nothing of anybody (L-25)."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from bs4 import BeautifulSoup
from litestar import Litestar

from tests.shop.conftest import MAP, PASSWORD, POLICY, Phones
from tests.shop.web.conftest import Browser, fields_of, served
from troth import Actor, Reason, ReportReason, Settings, Troth, UseRefused, lift_lenses
from troth.core.looks import Refusal
from troth.core.security_event import FIELDS, Event
from troth.integrations.security_log import open_security_log
from troth_shop import security, staff
from troth_shop.migrate import migrate
from troth_shop.web.app import create_app

PHONE, OTHER_PHONE, THIRD_PHONE = "13712340001", "13712340002", "13712340003"
TYPED = {
    "recipient_name": "欧阳若琳",
    "recipient_phone": "13712340009",
    "recipient_address": "杭州市西湖区灵隐路 77 号 3 幢",
}
SEARCHED, SUBJECT, MESSAGE = "zyzzyvasoap", "qqsubjectqq", "qqmessageqq 欧阳"
AGENT, ELSEWHERE = "CanaryBrowser/7.7", "198.51.100.77"
REFERENCE, WRONG_PASSWORD = "REF-20261122-77", "qq-wrong-password-qq"
STAFF_NAME = "掌柜欧阳"
ALWAYS = {"at", "event", "pid", "times"}


class Unreliable(Phones):
    """A port to phones that works, until it fails in a way that nobody foresaw."""

    fails = False

    def send(self, *, to: str, text: str) -> None:
        if self.fails:
            raise RuntimeError(f"no route to {to}: {text}")
        super().send(to=to, text=text)


@dataclass
class Day:
    """What is left of one day of a shop."""

    folder: Path
    lines: list[dict[str, Any]]
    text: str
    digest: str
    secrets: list[str] = field(default_factory=list)

    def of(self, event: Event) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]


def read(settings: Settings) -> tuple[list[dict[str, Any]], str]:
    text = "".join(p.read_text("ascii") for p in sorted(settings.security_log.iterdir()))
    return [json.loads(line) for line in text.splitlines()], text


def opened(folder: Path) -> tuple[Troth, Settings]:
    """Open a shop as `troth-shop run` does, but for the people that it seeds."""
    settings = Settings.of(folder, {"TROTH_REGION": "CN"})
    t = Troth.open(settings)
    migrate(settings.owner_url, lift=lambda: lift_lenses(settings))
    t.publish(POLICY)
    t.govern(MAP)
    for name, role in (
        (STAFF_NAME, staff.Role.CASHIER),
        ("packer", staff.Role.PACKER),
        ("support", staff.Role.SUPPORT),
    ):
        staff.add_staff(t, name, role, PASSWORD)
    return t, settings


def nobody_listens() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@contextlib.contextmanager
def serving(app: Litestar) -> Iterator[str]:
    """Serve an application, and stop also where the block fails."""
    server = served(app)
    address = server.__enter__()
    try:
        yield address
    finally:
        server.__exit__(None, None, None)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A day in which people come and go, guess, are refused, and the courier is away."""
    folder = tmp_path_factory.mktemp("shop")
    phones = Unreliable()
    settings = Settings.of(folder, {"TROTH_REGION": "CN"})
    with contextlib.ExitStack() as stack:
        stack.enter_context(open_security_log(settings, security.LOGGER))
        t, _ = opened(folder)
        app = create_app(t, folder, demo=True, messages=phones, courier_url=nobody_listens())
        address = stack.enter_context(serving(app))

        def browser() -> Browser:
            headers = {"Accept": "text/html", "User-Agent": AGENT, "X-Forwarded-For": ELSEWHERE}
            client = httpx.Client(base_url=address, headers=headers, timeout=30)
            return Browser(stack.enter_context(client))

        customer = browser()
        _register(customer, phones, PHONE)
        _shop_and_ask(customer)
        _guess(browser(), phones)
        _work(browser, customer)
        _look_out_of_turn(t)
        phones.fails = True
        lost = customer.submit("/reset", "/reset", phone=PHONE)
        assert lost.status_code == 500
        deadline = time.monotonic() + 20
        while "recipient_unreachable" not in read(settings)[1]:
            assert time.monotonic() < deadline, "the courier was never tried"
            time.sleep(0.1)
        digest = t.policy.digest
        secrets = list(customer.http.cookies.values())
        t.close()
        for path in folder.glob("troth.db*"):
            (folder / f"kept.{path.name}").write_bytes(path.read_bytes())
            path.write_bytes(b"this is no database\n" * 1000)
        assert customer.get("/my").status_code == 503
        answer = customer.post("/login", {"phone": PHONE, "password": PASSWORD})
        assert answer.status_code == 503
    return Day(folder, *read(settings), digest, [phones.code(), *secrets])


def _register(visitor: Browser, phones: Phones, phone: str) -> None:
    asked = visitor.submit("/register", "/register", phone=phone, fourteen="yes")
    form = BeautifulSoup(asked.text, "html.parser").select_one("form[action$='/register/code']")
    assert form is not None
    right = phones.code()
    fields = fields_of(form) | {"password": PASSWORD}
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    assert visitor.post(str(form["action"]), fields | {"code": wrong}).status_code == 422
    assert visitor.post(str(form["action"]), fields | {"code": right}).status_code == 303


def _shop_and_ask(customer: Browser) -> None:
    assert customer.get("/search", params={"q": SEARCHED}).status_code == 200
    assert customer.get("/my/orders").status_code == 200
    assert customer.get(f"/nothing/{SEARCHED}").status_code == 404
    customer.say("share_with_courier", "give", "/checkout")
    order = customer.order(delivery="courier", **TYPED)
    page = f"/orders/{order}/pay"
    assert customer.submit(page, "/reference", reference=REFERENCE).status_code == 303
    case = customer.case(subject=SUBJECT, message=MESSAGE)
    assert customer.get(f"/support/cases/{case}?q={SEARCHED}").status_code == 200
    assert customer.get(f"/orders/{order}?q={SEARCHED}").status_code == 200
    foreign = {"Origin": f"https://{SEARCHED}.example", "Sec-Fetch-Site": "cross-site"}
    refused = customer.post(f"/orders/{order}/cancel?q={PHONE}", {}, headers=foreign)
    assert refused.status_code == 403


def _guess(stranger: Browser, phones: Phones) -> None:
    for _ in range(11):
        stranger.submit("/login", "/login", phone=PHONE, password=WRONG_PASSWORD)
    for name in (STAFF_NAME, PHONE):
        stranger.submit("/staff/login", "/staff/login", name=name, password=WRONG_PASSWORD)
    for _ in range(4):
        stranger.submit("/register", "/register", phone=THIRD_PHONE, fourteen="yes")
    stranger.submit("/reset", "/reset", phone=OTHER_PHONE)


def _work(browser: Any, customer: Browser) -> None:
    cashier, packer = browser(), browser()
    for member, name in ((cashier, STAFF_NAME), (packer, "packer")):
        entered = member.submit("/staff/login", "/staff/login", name=name, password=PASSWORD)
        assert entered.status_code == 303
    page = cashier.page("/staff/orders")
    order = next(str(a["href"]) for a in page.select("a[href*='/staff/orders/']"))
    assert cashier.submit(order, "/approve").status_code == 303
    assert packer.submit("/staff/orders", "/pack").status_code == 303
    reported = customer.submit("/my/privacy/looks", "/report", reason="unexpected")
    assert reported.status_code == 303


def _look_out_of_turn(t: Troth) -> None:
    (person,) = _people(t)
    actor = Actor("ab" * 16, "packer")
    reason = "parcel leaks, call before the driver leaves"
    with t.use("place_order", person=person, actor=actor, break_glass=reason):
        pass
    with pytest.raises(UseRefused), t.use("identify_device", person=person):
        pass
    with (
        pytest.raises(UseRefused),
        t.use("answer_support", person=person, actor=actor, case="parcel-7"),
    ):
        pass
    with (
        pytest.raises(UseRefused),
        t.use(f"read_{PHONE}", person=person, actor=actor, case="parcel-7"),
    ):
        pass


def _people(t: Troth) -> list[str]:
    return [found.person for found in t.find("shop_customer", "phone_index", PHONE)]


# --- what is there --------------------------------------------------------------------------------


def test_the_day_left_every_kind_of_event_that_it_had(day: Day) -> None:
    assert {line["event"] for line in day.lines} == {
        "policy_published",
        "map_checked",
        "log_in_refused",
        "throttled",
        "code_wrong",
        "use_refused",
        "glass_broken",
        "look_reported",
        "recipient_unreachable",
        "form_refused",
        "page_failed",
    }


def test_the_door_is_told_and_how_often(day: Day) -> None:
    refused = [line["door"] for line in day.of(Event.LOG_IN_REFUSED)]
    assert (refused.count("customer"), refused.count("staff")) == (10, 2)
    throttled = {(line["door"], line["path"]) for line in day.of(Event.THROTTLED)}
    assert throttled == {("customer", "/login"), ("customer", "/register")}
    assert [line["path"] for line in day.of(Event.CODE_WRONG)] == ["/register/code"]


def test_a_refused_use_tells_purpose_role_and_reason(day: Day) -> None:
    told = {(line["purpose"], line["role"], line["reason"]) for line in day.of(Event.USE_REFUSED)}
    assert ("identify_device", "self", "never_asked") in told
    assert ("answer_support", "packer", "not_for_this_role") in told
    assert ("unknown", "packer", "unknown_purpose") in told
    (glass,) = day.of(Event.GLASS_BROKEN)
    assert (glass["purpose"], glass["role"]) == ("place_order", "packer")
    assert [line["reason"] for line in day.of(Event.LOOK_REPORTED)] == ["unexpected"]


def test_a_foreign_form_and_a_failed_page_are_told_by_their_template(day: Day) -> None:
    (foreign,) = day.of(Event.FORM_REFUSED)
    assert (foreign["method"], foreign["path"]) == ("POST", "/orders/{order_id}/cancel")
    failed = [(f["path"], f["status"], f["error"]) for f in day.of(Event.PAGE_FAILED)]
    assert ("/reset", 500, "RuntimeError") in failed
    assert ("/my", 503, "StoreUnavailable") in failed
    assert ("/login", 503, "StoreUnavailable") in failed
    (courier, *_) = day.of(Event.RECIPIENT_UNREACHABLE)
    assert (courier["recipient"], courier["waiting"]) == ("courier", 1)


# --- what is not there ----------------------------------------------------------------------------


@pytest.mark.promise("L-25")
def test_nothing_that_anybody_typed_or_sent_stands_in_the_log(day: Day) -> None:
    sent = [PHONE, OTHER_PHONE, THIRD_PHONE, *TYPED.values(), SEARCHED, SUBJECT, MESSAGE, REFERENCE]
    sent += [AGENT, "CanaryBrowser", ELSEWHERE, "127.0.0.1", WRONG_PASSWORD, PASSWORD, STAFF_NAME]
    sent += day.secrets
    assert [said for said in sent if said in day.text or json.dumps(said)[1:-1] in day.text] == []


@pytest.mark.promise("L-25")
def test_no_value_of_any_row_stands_in_the_log(day: Day) -> None:
    """Persons, orders, cases, looks, sessions, events: whatever the databases hold of anybody."""
    public = "".join(path.read_text("utf-8") for path in sorted(POLICY.iterdir()))
    values = set()
    for file in (day.folder / "kept.troth.db", *_databases(day.folder)):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (table,) in tables.fetchall():
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    values |= {str(v) for v in row if isinstance(v, str | int)}
    names = {*map(str, Event), *(name for fields in FIELDS.values() for name in fields)}
    names |= {*map(str, Reason), *map(str, Refusal), *map(str, ReportReason)}
    names |= {"/register", "/checkout", "/support"}  # surfaces that answers were given on
    longer = {v for v in values if len(v) >= 8 and v not in public and v not in names}
    assert len(longer) > 100, "the databases were hardly read"
    assert {v for v in longer if v in day.text} == {day.digest}


def _databases(folder: Path) -> list[Path]:
    others = [*folder.glob("*looks*.db"), *folder.glob("keys/persons.db")]
    assert len(others) == 2, sorted(folder.rglob("*.db"))
    return others


@pytest.mark.promise("L-25")
def test_nothing_that_looks_like_a_person_stands_in_the_log(day: Day) -> None:
    rest = re.sub(r"\b[0-9a-f]{64}\b", "", day.text)  # digests of our own files
    rest = re.sub(r'"at":"[^"]*"', "", rest)
    for what, pattern in {
        "a phone": r"1[3-9]\d{9}",
        "a random id": r"[0-9a-f]{16}",
        "an id with dashes": r"[0-9a-f]{8}-[0-9a-f]{4}",
        "an address of a network": r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}|[0-9a-f]+::",
        "a mail address": r"@",
        "a query": r"\?",
        "another language": r"\\u",
    }.items():
        assert not re.search(pattern, rest), what


def test_every_line_has_the_fields_of_its_event_and_no_other(day: Day) -> None:
    for line in day.lines:
        assert set(line) - ALWAYS <= set(FIELDS[Event(line["event"])])


def test_the_data_map_names_every_field_of_the_log() -> None:
    mapped = yaml.safe_load(MAP.read_text("utf-8"))["stores"]["server_log"]["tables"]
    fields = {name for fields in FIELDS.values() for name in fields}
    assert sorted(mapped["security_log"]["columns"]) == sorted(fields | ALWAYS)


def test_nothing_was_lost_of_the_day(day: Day) -> None:
    assert day.of(Event.EVENTS_LOST) == []


# --- the command ----------------------------------------------------------------------------------


def run_shop(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "troth_shop.cli", "run", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )


def wait_until_open(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Stop with"):
            return "".join(lines)
    raise AssertionError("".join(lines))


def test_start_and_stop_are_told_with_release_policy_and_lens(tmp_path: Path) -> None:
    process = run_shop("--data", str(tmp_path))
    try:
        wait_until_open(process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    lines, text = read(Settings.of(tmp_path, {}))
    assert [line["event"] for line in lines] == [
        "policy_published",
        "map_checked",
        "started",
        "stopped",
    ]
    started = lines[2]
    assert re.fullmatch(r"\d+\.\d+\.\d+", started["release"])
    assert started["policy"] == lines[0]["policy"]
    assert started["lens"].startswith("SQLite: columns and tables outside a purpose are refused")
    assert started["left_open"] == 0
    assert "13900000001" not in text


def test_a_shop_that_was_killed_tells_no_stop_and_begins_anew(tmp_path: Path) -> None:
    for _ in range(2):
        process = run_shop("--data", str(tmp_path))
        try:
            wait_until_open(process)
        finally:
            process.kill()
            process.communicate(timeout=30)
    lines, _ = read(Settings.of(tmp_path, {}))
    events = [line["event"] for line in lines]
    assert events.count("started") == 2
    assert "stopped" not in events
    assert events.count("policy_published") == 1


def test_a_shop_that_cannot_open_tells_why_by_the_name_of_the_error(tmp_path: Path) -> None:
    (tmp_path / "troth.db").write_bytes(b"nonsense" * 1000)
    process = run_shop("--data", str(tmp_path))
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert text.startswith("The shop cannot open: ")
    lines, _ = read(Settings.of(tmp_path, {}))
    (refused,) = lines
    assert (refused["event"], refused["error"]) == ("start_refused", "StoreUnavailable")


@pytest.mark.promise("L-25")
def test_a_shop_set_to_keep_its_log_shorter_than_the_law_does_not_open(tmp_path: Path) -> None:
    old = tmp_path / "security-log" / f"{datetime.now(UTC).date() - timedelta(100)}.jsonl"
    old.parent.mkdir()
    old.write_text('{"event":"started"}\n')
    process = run_shop("--data", str(tmp_path), TROTH_SECURITY_LOG_DAYS="90")
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "kept for 6 months at least by law" in text
    assert old.exists()


def test_a_shop_whose_log_cannot_be_written_opens_and_says_so_once(tmp_path: Path) -> None:
    (tmp_path / "security-log").write_text("a file in the place of the folder")
    process = run_shop("--data", str(tmp_path))
    try:
        text = wait_until_open(process)
        address = re.search(r"Open\s+(http://127\.0\.0\.1:\d+)/", text)
        assert address is not None
        with httpx.Client(base_url=address[1], headers={"Origin": address[1]}) as client:
            for _ in range(2):
                typed = {"phone": PHONE, "password": WRONG_PASSWORD}
                assert client.post("/login", data=typed).status_code == 422
            assert client.get("/").status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
        more, _ = process.communicate(timeout=30)
    assert (text + more).count("the security log in") == 1


def test_days_of_other_years_are_swept_when_the_shop_opens(tmp_path: Path) -> None:
    folder = tmp_path / "security-log"
    folder.mkdir()
    today = datetime.now(UTC).date()
    days = [today - timedelta(age) for age in (1, 200, 390, 410, 800)]
    for day_ in days:
        (folder / f"{day_}.jsonl").write_text('{"event":"started"}\n')
    process = run_shop("--data", str(tmp_path))
    try:
        wait_until_open(process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    kept = {date.fromisoformat(path.stem) for path in folder.iterdir()}
    assert kept >= set(days[:3])
    assert not kept & set(days[3:])
