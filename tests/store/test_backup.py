"""A backup is one state of the whole, taken while the shop is used, and never holds keys."""

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.builders import Deployment, deployed, open_troth
from tests.conftest import TestDatabase
from tests.servers import PostgresDatabase
from troth import Answer, InputError, StoreUnavailable
from troth.store.backup import back_up


def sqlite_database(folder: Path) -> TestDatabase:
    url = f"sqlite:///{folder / 'troth.db'}"
    return TestDatabase(kind="sqlite", owner_url=url, app_url=url, folder=folder)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Deployment]:
    folder = tmp_path / "data"
    folder.mkdir()
    with deployed(sqlite_database(folder)) as made:
        yield made


@pytest.mark.promise("S-50")
@pytest.mark.control("backup_command")
def test_a_backup_opens_as_a_deployment_that_answers_the_same(
    here: Deployment, tmp_path: Path
) -> None:
    person, other = here.person(), here.person()
    here.give(person, "send_news")
    here.say(other, "send_news", Answer.REFUSE)
    here.troth.sequence()
    to = tmp_path / "backup.db"
    made = back_up(here.database.app_url, to)
    assert (made.file, made.size_bytes) == (to, to.stat().st_size)
    assert made.digest == hashlib.sha256(to.read_bytes()).hexdigest()
    assert to.stat().st_mode & 0o777 == 0o600
    restored = tmp_path / "restored"
    restored.mkdir()
    (restored / "troth.db").write_bytes(to.read_bytes())
    later = open_troth(sqlite_database(restored), here.clock, seed="later")
    assert later.decide(person, "send_news") == here.troth.decide(person, "send_news")
    assert later.decide(other, "send_news").reason == "refused"
    assert not later.verify_ledger([here.folder / "outside" / "checkpoints.log"]).faults
    later.close()


def test_a_backup_leaves_one_file_and_no_key(here: Deployment, tmp_path: Path) -> None:
    to = tmp_path / "out" / "backup.db"
    to.parent.mkdir()
    back_up(here.database.app_url, to)
    assert [p.name for p in to.parent.iterdir()] == ["backup.db"]
    keys = here.troth.kit.keys
    assert keys.snapshot_key not in to.read_bytes()


def test_a_backup_taken_while_people_answer_is_one_state(here: Deployment, tmp_path: Path) -> None:
    """In every copy the state is exactly what its own events say."""
    person = here.person()
    stop = threading.Event()

    def answer() -> int:
        turn = 0
        while not stop.is_set():
            here.say(person, "send_news", Answer.WITHDRAW if turn % 2 else Answer.GIVE)
            turn += 1
        return turn

    with ThreadPoolExecutor(1) as pool:
        answering = pool.submit(answer)
        for number in range(6):
            back_up(here.database.app_url, tmp_path / f"{number}.db")
        stop.set()
        assert answering.result() > 6
    for number in range(6):
        with closing(sqlite3.connect(tmp_path / f"{number}.db")) as copy:
            (events, last) = copy.execute(
                "SELECT count(*), max(seq) FROM troth_consent_event"
            ).fetchone()
            states = copy.execute("SELECT last_seq FROM troth_consent_state").fetchall()
            outbox = copy.execute("SELECT count(*) FROM troth_outbox").fetchone()
        assert states == ([(last,)] if events else [])
        assert outbox == (events + 1,)


def test_a_backup_never_takes_the_place_of_another(here: Deployment, tmp_path: Path) -> None:
    to = tmp_path / "backup.db"
    to.write_bytes(b"precious")
    with pytest.raises(InputError, match="never overwrites"):
        back_up(here.database.app_url, to)
    assert to.read_bytes() == b"precious"
    start = threading.Barrier(4)

    def once(_: int) -> bool:
        start.wait()
        try:
            back_up(here.database.app_url, tmp_path / "same.db")
        except InputError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(once, range(4))) == 1
    with closing(sqlite3.connect(tmp_path / "same.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["backup.db", "data", "same.db"]


@pytest.mark.parametrize("what", ["missing", "garbage", "broken"])
def test_what_cannot_be_copied_soundly_is_no_backup(
    here: Deployment, tmp_path: Path, what: str
) -> None:
    here.give(here.person(), "send_news")
    here.troth.close()
    file = here.folder / "troth.db"
    if what == "missing":
        file.unlink()
    elif what == "garbage":
        file.write_bytes(b"\x5a" * 8192)
    else:
        content = bytearray(file.read_bytes())
        content[4096 * 2 : 4096 * 6] = b"\xff" * (4096 * 4)
        file.write_bytes(bytes(content))
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(StoreUnavailable):
        back_up(here.database.app_url, out / "backup.db")
    assert list(out.iterdir()) == []
    assert file.exists() is (what != "missing")


def test_a_folder_that_is_not_there_is_named(here: Deployment, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        back_up(here.database.app_url, tmp_path / "nowhere" / "backup.db")


def test_postgresql_is_copied_by_its_own_tools(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="pg_dump"):
        back_up(postgres_database.app_url, tmp_path / "backup.db")
