"""The security log: whole lines that say nothing of anybody, kept as long as the law asks."""

import calendar
import fcntl
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW
from troth import InputError, Settings
from troth.adapters.clock import SetClock
from troth.adapters.security_log import SecurityLog, attached
from troth.adapters.sources import read_law_profile
from troth.commands import open_security_log
from troth.core.commitments import read_law
from troth.core.policy import Provision
from troth.core.security_event import (
    FIELDS,
    GRAVE,
    LOGGER,
    PROVISION,
    Door,
    Event,
    SecurityEvent,
    checked_days,
    day_of,
    is_due,
    line_of,
)
from troth.core.yaml_tree import Faults
from troth.flows.security_event import event_logger, security_event

ROOT = Path(__file__).parents[2]
DAY = 86_400_000_000
MINUTE = 60_000_000
LAW = read_law(read_law_profile("cn-2026"), Faults()).provisions[PROVISION]

CANARIES = {
    "phone": "13912345678",
    "phone with country": "+86 139-1234-5678",
    "name": "王小明",
    "name in letters": "Wang Xiaoming",
    "address": "杭州市西湖区某路 1 号",
    "mail": "somebody@mail.example",
    "person id": "0f" * 16,
    "person id that begins with letters": "abcdef0123456789abcdef0123456789",
    "event id": "019aa3c5-7e2b-7c11-8d5e-0123456789ab",
    "order number": "A4F2-93C7",
    "ip": "203.0.113.77",
    "ip v6": "2001:db8::77",
    "user agent": "Mozilla/5.0 (X11; Linux x86_64)",
    "search": "龙井 礼盒",
    "code": "482915",
    "path with an id": "/orders/" + "0f" * 16,
    "path with a phone": "/orders/13912345678",
    "path with a query": "/search?q=tea",
    "second line": 'customer"}\n{"event":"started"',
    "voucher reference": "TX20261122-998877",
}


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "security-log"


def log_in(folder: Path, clock: SetClock, **more: Any) -> SecurityLog:
    return SecurityLog(folder, clock, **{"kept_days": 400, **more})


def text_of(folder: Path) -> str:
    return "".join(path.read_text(encoding="ascii") for path in sorted(folder.glob("*.jsonl")))


def lines_of(folder: Path) -> list[dict[str, Any]]:
    """Every line, each of which must be a whole document; the last one too."""
    text = text_of(folder)
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def events_of(folder: Path) -> list[str]:
    return [line["event"] for line in lines_of(folder)]


# --- what may be said -----------------------------------------------------------------------------


@pytest.mark.promise("L-25")
@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
def test_nothing_of_a_person_stands_in_any_field_of_any_event(
    canary: str, folder: Path, clock: SetClock
) -> None:
    """Whatever a caller mistakes for a field, the line is written without it."""
    with attached(log_in(folder, clock), LOGGER) as log:
        for event, fields in FIELDS.items():
            security_event(event, **dict.fromkeys(fields, canary))
            security_event(event, note=canary)
    assert log.dropped == sum(len(fields) + 1 for fields in FIELDS.values())
    assert canary not in text_of(folder)
    assert json.dumps(canary)[1:-1] not in text_of(folder)
    # Without their fields both are the same event: each was written twice.
    assert sorted(events_of(folder)) == sorted([*map(str, Event)] * 2)


@given(st.text(min_size=1), st.sampled_from(Event))
def test_a_line_is_one_line_of_ascii_whatever_is_given(text: str, event: Event) -> None:
    told = SecurityEvent(event, {**dict.fromkeys(FIELDS[event], text), text: text})
    line = line_of(told, NOW, process=1)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert json.loads(line)["event"] == event
    assert len(line) < 1000


@given(st.text("0123456789", min_size=4) | st.text("0123456789abcdef", min_size=12, max_size=63))
def test_no_number_and_no_hexadecimal_id_passes_for_a_name(text: str) -> None:
    for event, fields in FIELDS.items():
        for name in fields:
            kept = dict(SecurityEvent(event, {name: text}).fields)
            assert not kept or not re.search(r"\d{4}", text), (event, name, text)


@pytest.mark.parametrize("number", [13912345678, -1, True, 600, 200])
def test_a_number_that_is_no_count_and_no_failure_is_left_out(number: int) -> None:
    told = SecurityEvent(Event.PAGE_FAILED, {"status": number})
    assert told.fields == ()
    if number not in (200, 600):
        assert SecurityEvent(Event.KEY_EPOCH_BEGUN, {"epoch": number}).fields == ()


def test_what_the_vocabulary_has_is_written_as_it_is(folder: Path, clock: SetClock) -> None:
    with attached(log_in(folder, clock), LOGGER):
        security_event(
            Event.USE_REFUSED,
            purpose="deliver_order",
            role="packer",
            reason="under_14_without_guardian",
        )
        security_event(Event.THROTTLED, door=Door.STAFF, path="/staff/login")
        security_event(
            Event.PAGE_FAILED,
            method="GET",
            path="/my/orders/{order_id}",
            status=503,
            error="StoreUnavailable",
        )
        security_event(Event.KEY_EPOCH_BEGUN, epoch=3, rewrapped=12, destroyed=0)
    first, second, third, fourth = lines_of(folder)
    assert first == {
        "at": first["at"],
        "event": "use_refused",
        "purpose": "deliver_order",
        "role": "packer",
        "reason": "under_14_without_guardian",
        "pid": os.getpid(),
    }
    assert (second["door"], second["path"]) == ("staff", "/staff/login")
    assert (third["status"], third["path"]) == (503, "/my/orders/{order_id}")
    assert (fourth["epoch"], fourth["rewrapped"], fourth["destroyed"]) == (3, 12, 0)


def test_the_time_leads_to_no_look(folder: Path) -> None:
    """A look's time is exact; a line's is that of its second, so the two cannot be matched."""
    with attached(log_in(folder, SetClock(NOW - NOW % 1_000_000 + 987_654)), LOGGER):
        security_event(Event.CODE_WRONG)
    (line,) = lines_of(folder)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["at"])


def test_records_that_are_no_events_are_dropped_and_counted(folder: Path, clock: SetClock) -> None:
    """Anybody can log on our loggers; what is written is not what they say."""
    canary = CANARIES["phone"]
    with attached(log_in(folder, clock), LOGGER, "host.security") as log:
        for name in (LOGGER, "host.security", f"{LOGGER}.child"):
            logger = logging.getLogger(name)
            logger.warning("%s tried to log in", canary)
            logger.error(canary, extra={"security_event": {"event": canary}})
        event_logger("host.security")(Event.LOG_IN_REFUSED, door=Door.CUSTOMER)
    assert log.dropped == 6
    assert canary not in text_of(folder)
    assert events_of(folder) == ["log_in_refused"]


def test_what_is_told_while_no_log_is_open_goes_nowhere(
    folder: Path, clock: SetClock, capfd: pytest.CaptureFixture[str]
) -> None:
    security_event(Event.LOG_IN_REFUSED, door=Door.CUSTOMER)
    with attached(log_in(folder, clock), LOGGER):
        security_event(Event.CODE_WRONG)
    security_event(Event.LOG_IN_REFUSED, door=Door.CUSTOMER)
    assert events_of(folder) == ["code_wrong"]
    assert logging.getLogger(LOGGER).handlers == []
    assert capfd.readouterr() == ("", "")


# --- the file -------------------------------------------------------------------------------------


def test_only_its_owner_reads_it_also_where_the_mask_is_loose(
    folder: Path, clock: SetClock
) -> None:
    before = os.umask(0)
    try:
        with attached(log_in(folder, clock), LOGGER):
            security_event(Event.STARTED)
    finally:
        os.umask(before)
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    file.chmod(0o644)  # put back from a backup, say
    with attached(log_in(folder, clock), LOGGER):
        security_event(Event.STARTED)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_day_has_a_file_of_its_own_in_utc(folder: Path) -> None:
    midnight = NOW - NOW % DAY + DAY
    clock = SetClock(midnight - 1)
    with attached(log_in(folder, clock), LOGGER):
        security_event(Event.STARTED)
        clock.move(1)
        security_event(Event.STOPPED)
    first, second = sorted(folder.iterdir())
    assert (first.stem, second.stem) == (str(day_of(midnight - 1)), str(day_of(midnight)))
    assert json.loads(second.read_text())["event"] == "stopped"


def test_nothing_is_made_until_something_happens(folder: Path, clock: SetClock) -> None:
    with attached(log_in(folder, clock), LOGGER):
        pass
    assert not folder.exists()


def test_a_link_in_the_place_of_the_file_is_not_followed(
    folder: Path, clock: SetClock, tmp_path: Path
) -> None:
    folder.mkdir()
    target = tmp_path / "victim"
    target.write_text("mine")
    (folder / f"{day_of(NOW)}.jsonl").symlink_to(target)
    log = log_in(folder, clock)
    with attached(log, LOGGER):
        security_event(Event.STARTED)
    assert target.read_text() == "mine"
    assert log.lost == 1


# --- many at once ---------------------------------------------------------------------------------

_APPENDS = """
import sys
from pathlib import Path
from troth.adapters.clock import SystemClock
from troth.adapters.security_log import SecurityLog, attached
from troth.core.security_event import LOGGER, Event
from troth.flows.security_event import security_event
log = SecurityLog(Path(sys.argv[1]), SystemClock(), kept_days=400, most_a_minute=10**9)
with attached(log, LOGGER):
    print("ready", flush=True)
    sys.stdin.readline()
    number = 0
    while number < int(sys.argv[2]):
        security_event(Event.KEY_EPOCH_BEGUN if sys.argv[3] == "durable"
                       else Event.RECIPIENT_UNREACHABLE, **{sys.argv[4]: number})
        print(number, flush=True)
        number += 1
assert (log.lost, log.dropped) == (0, 0), (log.lost, log.dropped)
"""


def appending(folder: Path, lines: int, *, durable: bool = False) -> "subprocess.Popen[str]":
    """Start a process that writes lines once it is told to, and tells each that is written."""
    how = ("durable", "epoch") if durable else ("plain", "waiting")
    child = subprocess.Popen(
        [sys.executable, "-c", _APPENDS, str(folder), str(lines), *how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.mark.promise("L-25")
def test_two_processes_of_a_thousand_lines_each_lose_and_tear_none(folder: Path) -> None:
    children = [appending(folder, 1000) for _ in range(2)]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        out, err = child.communicate(timeout=60)
        assert child.returncode == 0, err
        assert len(out.splitlines()) == 1000
    written = lines_of(folder)
    assert len(written) == 2000
    for child in children:
        assert [line["waiting"] for line in written if line["pid"] == child.pid] == [*range(1000)]
    switches = sum(a["pid"] != b["pid"] for a, b in pairwise(written))
    assert switches > 1, "they did not write at the same time"


def test_eight_threads_lose_and_tear_none(folder: Path, clock: SetClock) -> None:
    with attached(log_in(folder, clock, most_a_minute=10**6), LOGGER) as log:
        threads = [
            threading.Thread(
                target=lambda first=first: [
                    security_event(Event.RECIPIENT_UNREACHABLE, waiting=first + number)
                    for number in range(200)
                ]
            )
            for first in range(0, 1600, 200)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert log.lost == 0
    assert sorted(line["waiting"] for line in lines_of(folder)) == [*range(1600)]


@pytest.mark.promise("L-25")
@pytest.mark.parametrize("durable", [False, True])
def test_kill_9_leaves_whole_lines_and_every_one_that_was_told(folder: Path, durable: bool) -> None:
    field = "epoch" if durable else "waiting"
    told: list[int] = []
    for least in (20, 150, 400):
        child = appending(folder, 10**6, durable=durable)
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write("go\n")
        child.stdin.flush()
        lines = [child.stdout.readline() for _ in range(least)]
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.readlines()
        child.communicate()
        assert child.wait() == -signal.SIGKILL
        acknowledged = [int(line) for line in lines if line.endswith("\n")]
        written = [line[field] for line in lines_of(folder) if line["pid"] == child.pid]
        assert written[: len(acknowledged)] == acknowledged
        assert len(written) <= len(acknowledged) + 1
        told += acknowledged
    assert len(lines_of(folder)) >= len(told) > 500


@pytest.mark.parametrize("torn", ['{"at":"2026', "{", '{"at":"' + "x" * 3000])
def test_what_a_power_cut_left_of_a_line_is_cut_off_by_the_next_one(
    folder: Path, clock: SetClock, torn: str
) -> None:
    with attached(log_in(folder, clock), LOGGER):
        security_event(Event.STARTED)
    (file,) = folder.iterdir()
    with file.open("a") as crashed:
        crashed.write(torn)
    with attached(log_in(folder, clock), LOGGER):
        security_event(Event.STOPPED)
    assert events_of(folder) == ["started", "stopped"]


def test_a_file_that_is_nothing_but_half_a_line_begins_anew(folder: Path, clock: SetClock) -> None:
    folder.mkdir()
    (folder / f"{day_of(NOW)}.jsonl").write_text('{"at"')
    with attached(log_in(folder, clock), LOGGER):
        security_event(Event.STARTED)
    assert events_of(folder) == ["started"]


# --- when it cannot be written --------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_stops_nobody_is_told_once_and_counted(
    folder: Path, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.write_text("a file in the place of the folder")
    with attached(log_in(folder, clock), LOGGER) as log:
        for _ in range(3):
            security_event(Event.LOG_IN_REFUSED, door=Door.CUSTOMER)
        assert log.lost == 3
        (told,) = capsys.readouterr().err.splitlines()
        assert told.startswith("troth: the security log in ")
        folder.unlink()
        security_event(Event.CODE_WRONG)
        security_event(Event.CODE_WRONG)
    assert capsys.readouterr().err == ""
    gap, *others = lines_of(folder)
    assert (gap["event"], gap["lost"]) == ("events_lost", 3)
    assert [line["event"] for line in others] == ["code_wrong", "code_wrong"]


def test_a_full_disk_takes_whole_lines_only_and_stops_nobody(folder: Path) -> None:
    """The kernel cuts the write itself: files of the child may not grow past 1000 bytes."""
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from troth.adapters.clock import SystemClock\n"
        "from troth.adapters.security_log import SecurityLog, attached\n"
        "from troth.core.security_event import LOGGER, Event\n"
        "from troth.flows.security_event import security_event\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "l = SecurityLog(Path(sys.argv[1]), SystemClock(), kept_days=400)\n"
        "with attached(l, LOGGER):\n"
        "    for number in range(40):\n"
        "        security_event(Event.RECIPIENT_UNREACHABLE, waiting=number)\n"
        "print(l.lost)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    kept = lines_of(folder)
    assert [line["waiting"] for line in kept] == [*range(len(kept))]
    assert 5 < len(kept) < 40
    assert int(done.stdout) == 40 - len(kept)
    assert len(done.stderr.splitlines()) == 1


def test_a_process_that_never_lets_go_of_the_file_costs_lines_and_not_the_shop(
    folder: Path, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    with attached(log_in(folder, clock), LOGGER) as log:
        security_event(Event.STARTED)
        (file,) = folder.iterdir()
        with file.open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            began = time.monotonic()
            for _ in range(50):
                security_event(Event.CODE_WRONG)
            assert time.monotonic() - began < 5
        assert log.lost == 50
        assert "cannot be written" in capsys.readouterr().err
        security_event(Event.STOPPED)
    assert events_of(folder) == ["started", "events_lost", "stopped"]


def test_without_a_stderr_it_goes_on_all_the_same(
    folder: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_text("")
    monkeypatch.setattr(sys, "stderr", None)
    with attached(log_in(folder, clock), LOGGER) as log:
        security_event(Event.CODE_WRONG)
    assert log.lost == 1


# --- a flood --------------------------------------------------------------------------------------


def test_a_flood_of_one_event_is_counted_and_the_others_are_still_written(
    folder: Path, clock: SetClock
) -> None:
    with attached(log_in(folder, clock), LOGGER):
        for _ in range(5000):
            security_event(Event.FORM_REFUSED, method="POST", path="/login")
        security_event(Event.LOG_IN_REFUSED, door=Door.CUSTOMER)
        clock.move(MINUTE)
        security_event(Event.FORM_REFUSED, method="POST", path="/login")
    *flood, refused, more, again = lines_of(folder)
    assert len(flood) == 100
    assert all(line["event"] == "form_refused" and "times" not in line for line in flood)
    assert refused["event"] == "log_in_refused"
    assert (more["event"], more["path"], more["times"]) == ("form_refused", "/login", 4900)
    assert more["at"] <= flood[0]["at"] < again["at"]


def test_what_was_counted_of_a_flood_is_told_at_the_end(folder: Path, clock: SetClock) -> None:
    with attached(log_in(folder, clock, most_a_minute=2), LOGGER):
        for _ in range(5):
            security_event(Event.CODE_WRONG)
    assert [line.get("times", 1) for line in lines_of(folder)] == [1, 1, 3]


def test_nobody_outside_can_make_the_log_wait_for_the_disk(
    folder: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    with attached(log_in(folder, clock), LOGGER):
        for event in set(Event) - GRAVE:
            security_event(event)
        assert synced == []
        security_event(Event.GLASS_BROKEN)
        assert len(synced) == 1


# --- how long it is kept --------------------------------------------------------------------------


def months_later(day: date, months: int) -> date:
    """The same day so many months later, or the last of that month."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def test_the_law_asks_for_six_months() -> None:
    assert (LAW.value, LAW.unit) == (6, "months")
    assert "CSL" in LAW.source


@pytest.mark.promise("L-25")
@given(
    st.dates(date(2020, 1, 1), date(2090, 1, 1)),
    st.integers(0, 1000),
    st.integers(0, 400),
)
def test_no_file_is_ever_deleted_before_six_months_are_over(day: date, more: int, age: int) -> None:
    kept = checked_days(186 + more, LAW)
    if day + timedelta(age) <= months_later(day, 6):
        assert not is_due(day, day + timedelta(age), kept)


@pytest.mark.promise("L-25")
@pytest.mark.parametrize("days", [1, 30, 183, 185])
def test_a_deployment_set_to_keep_less_than_the_law_asks_does_not_start(
    days: int, tmp_path: Path
) -> None:
    settings = Settings.of(tmp_path, {"TROTH_SECURITY_LOG_DAYS": str(days)})
    with pytest.raises(InputError, match=r"6 months at least by law \(CSL 23.*186 days"):
        open_security_log(settings).__enter__()
    assert logging.getLogger(LOGGER).handlers == []


@pytest.mark.parametrize("days", ["0", "-1", "x", "1e9", "١٢٣", "1000000"])
def test_a_setting_that_is_no_number_of_days_is_one_clear_error(days: str) -> None:
    with pytest.raises(InputError, match="TROTH_SECURITY_LOG_DAYS is a number of days"):
        Settings.of(Path("data"), {"TROTH_SECURITY_LOG_DAYS": days})


def test_settings_name_the_folder_and_400_days(tmp_path: Path) -> None:
    usual = Settings.of(tmp_path, {})
    assert usual.security_log == tmp_path / "security-log"
    assert usual.security_log_days == 400
    given_ = Settings.of(tmp_path, {"TROTH_SECURITY_LOG": "/elsewhere"})
    assert given_.security_log == Path("/elsewhere")


@pytest.mark.parametrize(
    ("provision", "least"),
    [
        (Provision("x", 6, "months", "a law", "L"), 186),
        (Provision("x", 3, "years", "a law", "L"), 1098),
        (Provision("x", 90, "days", "a law", "L"), 90),
        (None, 1),
    ],
)
def test_another_law_asks_for_its_own_time(provision: Provision | None, least: int) -> None:
    assert checked_days(least, provision) == least
    with pytest.raises(InputError):
        checked_days(least - 1, provision)


@pytest.mark.promise("L-25")
def test_old_days_are_swept_and_nothing_else(folder: Path, clock: SetClock) -> None:
    folder.mkdir()
    today = day_of(NOW)
    ages = (0, 1, 183, 185, 186, 399, 400, 401, 500, 3000)
    for age in ages:
        (folder / f"{today - timedelta(age)}.jsonl").write_text("{}\n")
    others = ("notes.txt", "2020-01-01.txt", "2020-1-1.jsonl", "20200101.jsonl", "x.jsonl")
    for name in others:
        (folder / name).write_text("not ours")
    with attached(log_in(folder, clock), LOGGER):
        pass
    kept = {f"{today - timedelta(age)}.jsonl" for age in ages if age <= 400}
    assert {path.name for path in folder.iterdir()} == kept | set(others)


def test_a_process_that_runs_for_years_sweeps_too(folder: Path, clock: SetClock) -> None:
    with attached(log_in(folder, clock), LOGGER):
        security_event(Event.STARTED)
        for _ in range(41):
            clock.move(10 * DAY)
            security_event(Event.CODE_WRONG)
    days = sorted(date.fromisoformat(path.stem) for path in folder.iterdir())
    assert days[0] == day_of(NOW) + timedelta(10)
    assert len(days) == 41


def test_a_day_that_cannot_be_deleted_stops_nobody(
    folder: Path, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "2020-01-01.jsonl").mkdir(parents=True)
    with attached(log_in(folder, clock), LOGGER):
        security_event(Event.STARTED)
    assert "cannot be swept" in capsys.readouterr().err
    assert json.loads((folder / f"{day_of(NOW)}.jsonl").read_text())["event"] == "started"


# --- where events come from -----------------------------------------------------------------------


def test_publishing_a_policy_is_told_once(tmp_path: Path) -> None:
    from tests.builders import draft
    from troth import Troth

    settings = Settings.of(tmp_path / "data", {})
    policy = draft().write(tmp_path / "policy")
    with open_security_log(settings):
        troth = Troth.open(settings)
        troth.publish(policy)
        troth.publish(policy)
        digest = troth.policy.digest
        troth.close()
    (line,) = lines_of(settings.security_log)
    assert (line["event"], line["version"], line["policy"]) == ("policy_published", "1.0", digest)
