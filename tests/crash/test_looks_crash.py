"""kill -9 while eight threads look: every look that was acknowledged is there, with its people."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.builders import Deployment, deployed
from tests.conftest import TestDatabase
from tests.looks import Watched, watched
from troth.core.looks import LookFilter
from troth.flows import looks as flow

ROOT = Path(__file__).parents[2]
LEAST = 300


@pytest.fixture
def here(database: TestDatabase) -> Iterator[Deployment]:
    with deployed(database) as made:
        yield made


def killed_while_looking(here: Deployment) -> list[tuple[str, int, int, str]]:
    """Let a child look, kill it in the midst of it, and return what it had acknowledged."""
    place = {**asdict(here.database), "folder": str(here.database.folder)}
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.looking"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(place))
    child.stdin.close()
    lines = [child.stdout.readline() for _ in range(LEAST)]
    child.send_signal(signal.SIGKILL)
    lines += child.stdout.readlines()
    child.stdout.close()
    assert child.wait(timeout=60) == -signal.SIGKILL, child.stderr.read() if child.stderr else ""
    if child.stderr is not None:
        child.stderr.close()
    whole = [line.split() for line in lines if line.endswith("\n")]
    return [(look_id, int(size), int(alarm), last) for look_id, size, alarm, last in whole]


def orphans(looked: Watched) -> list[object]:
    """Return rows of people and alarms whose look is not there."""
    with looked.database.reading() as connection:
        return [
            *connection.exec_driver_sql(
                "SELECT 1 FROM troth_look_person p WHERE NOT EXISTS "
                "(SELECT 1 FROM troth_look l WHERE l.look_id = p.look_id)"
            ),
            *connection.exec_driver_sql(
                "SELECT l.look_id FROM troth_look l WHERE people > 1 AND people <> "
                "(SELECT count(*) FROM troth_look_person p WHERE p.look_id = l.look_id)"
            ),
            *connection.exec_driver_sql(
                "SELECT 1 FROM troth_look l WHERE break_glass <> "
                "(SELECT count(*) FROM troth_look_alarm a WHERE a.look_id = l.look_id)"
            ),
        ]


def test_killed_while_eight_look_every_acknowledged_look_is_there_with_its_people(
    here: Deployment,
) -> None:
    acknowledged = killed_while_looking(here)
    assert len(acknowledged) >= LEAST
    with watched(here) as looked:
        for look_id, size, alarm, last in acknowledged:
            (found,) = looked.kit.book.looks(last, LookFilter())
            assert (found.look.look_id, found.look.people_count) == (look_id, size)
            assert found.look.break_glass is bool(alarm)
        alarms = {alarm.look.look_id for alarm in flow.alarms(looked.kit, 0)}
        assert alarms >= {look_id for look_id, _, alarm, _ in acknowledged if alarm}
        assert orphans(looked) == []
        assert looked.look(here.person()).look_id  # life goes on
