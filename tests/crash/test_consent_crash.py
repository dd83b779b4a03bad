"""kill -9 between any two statements of a consent: afterwards all of it is there, or nothing."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.builders import Deployment, deployed, draft, open_troth
from tests.conftest import TestDatabase
from troth import Answer

ROOT = Path(__file__).parents[2]
MOST = 40
MOST_OF_PUBLICATION = 60
"""The rules that SQL reads are laid out row by row, by triggers on SQLite."""


@pytest.fixture
def here(database: TestDatabase) -> Iterator[Deployment]:
    with deployed(database) as made:
        engine = create_engine(database.owner_url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE host_order (person text)"))
            if database.kind == "postgresql":
                connection.execute(text("GRANT ALL ON host_order TO troth_app"))
        engine.dispose()
        yield made


def kill_at_each_statement(here: Deployment, work: str, jobs: list[dict[str, Any]]) -> list[Any]:
    """Run one child per job, the n-th killed before its n-th statement; return the lines."""
    place = {**asdict(here.database), "folder": str(here.database.folder)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.dying"],
        input=json.dumps({"database": place, "work": work, "jobs": jobs}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    codes = [line["code"] for line in lines if "code" in line]
    assert codes[-1] == 0, (codes, done.stderr)
    assert set(codes[:-1]) == {-signal.SIGKILL}, (codes, done.stderr)
    return codes


def ask(here: Deployment) -> list[dict[str, Any]]:
    people = [here.person() for _ in range(MOST)]
    return [
        {
            "person": p,
            "token": here.troth.show("keep_books", person=p).token,
            "other_token": here.troth.show("send_news", person=p).token,
        }
        for p in people
    ]


PARTS = {
    "event": "SELECT count(*) FROM troth_consent_event WHERE pii_principal_id = :p",
    "state": "SELECT count(*) FROM troth_consent_state WHERE pii_principal_id = :p",
    "record": "SELECT count(*) FROM troth_consent_record WHERE pii_principal_id = :p",
    "outbox": "SELECT count(*) FROM troth_outbox o JOIN troth_consent_event e "
    "ON e.event_id = o.event_id WHERE e.pii_principal_id = :p",
    "host": "SELECT count(*) FROM host_order WHERE person = :p",
}


def parts(here: Deployment, person: str) -> dict[str, int]:
    with here.troth.reading() as connection:
        return {
            name: connection.execute(text(sql), {"p": person}).scalar_one()
            for name, sql in PARTS.items()
        }


@pytest.mark.control("consent_recorded")
@pytest.mark.parametrize(
    ("work", "answers", "least"),
    [
        ("answer", 1, {"sqlite": 5, "postgresql": 3}),  # one statement; on SQLite its triggers' too
        ("answer_two", 2, {"sqlite": 9, "postgresql": 4}),
        ("answer_with_a_row_of_the_host", 1, {"sqlite": 7, "postgresql": 5}),
    ],
)
def test_killed_anywhere_a_consent_is_whole_or_absent(
    here: Deployment, work: str, answers: int, least: dict[str, int]
) -> None:
    jobs = ask(here)
    codes = kill_at_each_statement(here, work, jobs)
    assert len(codes) >= least[here.database.kind]
    wanted = dict.fromkeys(("event", "state", "record", "outbox"), answers)
    wanted["host"] = int("host" in work)
    nothing = dict.fromkeys(wanted, 0)
    whole = [parts(here, job["person"]) == wanted for job in jobs[: len(codes)]]
    for job, is_whole in zip(jobs, whole, strict=False):
        assert is_whole or parts(here, job["person"]) == nothing
        assert here.troth.decide(job["person"], "keep_books").allowed is is_whole
    assert whole[0] is False  # killed before its first statement
    assert whole[-2:] == [True, True]  # killed after the commit, and not killed at all
    assert whole == sorted(whole)  # never there, then gone at a later statement
    # Life goes on: what was not stored can be answered with the same showing, and the log holds.
    for job, is_whole in zip(jobs, whole, strict=False):
        if not is_whole:
            here.troth.answer(job["person"], "keep_books", Answer.ACT, job["token"])
    here.troth.sequence()
    report = here.troth.verify_ledger()
    assert report.faults == ()
    assert report.uncovered == ()
    if here.database.kind == "sqlite":
        engine = create_engine(here.database.owner_url)
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall() == []
        engine.dispose()


@pytest.mark.slow
@pytest.mark.control("policy_archive")
def test_killed_anywhere_a_publication_is_whole_or_absent(here: Deployment) -> None:
    jobs = []
    for number in range(MOST_OF_PUBLICATION):
        made = draft().version(f"2.{number}").change("period: P30D", f"period: P{31 + number}D")
        jobs.append({"folder": str(made.write(here.folder / f"policy-{number}"))})
    codes = kill_at_each_statement(here, "publish", jobs)
    assert len(codes) >= 5
    later = open_troth(here.database, here.clock, seed="later")
    with later.reading() as connection:
        versions, head, lines = (
            connection.execute(text(sql)).scalar_one()
            for sql in (
                "SELECT max(ordinal) FROM troth_policy_version",
                "SELECT ordinal FROM troth_policy_head",
                "SELECT count(*) FROM troth_outbox WHERE topic = 'policy_version'",
            )
        )
    assert versions == head == lines == later.in_force().ordinal
    assert later.policy.version == f"2.{len(codes) - 1}"
    assert head > 1
    later.close()
