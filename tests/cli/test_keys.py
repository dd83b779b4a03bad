"""``troth keys`` and ``troth backup``: what they do to what is sealed, and what they refuse."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.test_cli import Ended, one_line, run, start
from troth import SELF, Actor, KeyDestroyed, LookFilter, Settings, Troth, TrothError
from troth.adapters.clock import SystemClock
from troth.adapters.person_keys import FilePersonKeys
from troth.core.sealing import SealedPlace, open_sealed, seal
from troth.store.person_keys import FIRST_EPOCH as FIRST
from troth_shop import accounts, passwords
from troth_shop.migrate import migrate

SHOP = Path(accounts.__file__).parent
PLACE = SealedPlace("shop", "customer", "phone")
ANNA, BEN = "a" * 32, "b" * 32
CANARY = "13812345678"


@dataclass
class Sealed:
    """A deployment whose keys have sealed a value of two people."""

    data: Path
    of_anna: str
    of_ben: str

    @property
    def keys(self) -> Path:
        return self.data / "keys"

    def read(self, person: str, folder: Path | None = None) -> str:
        """Open a person's value with the keys as they lie in a folder now."""
        stored = self.of_anna if person == ANNA else self.of_ben
        with closing(FilePersonKeys(folder or self.keys, SystemClock())) as keys:
            return open_sealed(keys.key_of(person), PLACE, person, stored)

    def destroy(self, person: str) -> None:
        with closing(FilePersonKeys(self.keys, SystemClock())) as keys:
            keys.destroy_key(person)

    def wrapped(self) -> bytes:
        with closing(sqlite3.connect(f"file:{self.keys / 'persons.db'}?mode=ro", uri=True)) as db:
            (found,) = db.execute(
                "SELECT wrapped FROM wrapped_key WHERE owner = ?", (ANNA,)
            ).fetchone()
        return bytes(found)

    def log(self) -> list[dict[str, object]]:
        files = sorted((self.data / "security-log").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def sealed_in(data: Path) -> Sealed:
    folder = data / "keys"
    with closing(FilePersonKeys(folder, SystemClock())) as keys:
        made = [
            seal(keys.make_key(person), PLACE, person, CANARY, nonce=os.urandom(12))
            for person in (ANNA, BEN)
        ]
    return Sealed(data, *made)


@pytest.fixture
def here(tmp_path: Path) -> Sealed:
    return sealed_in(tmp_path / "data")


def keys_command(name: str, here: Sealed, *words: str | Path, **environment: str) -> Ended:
    return run("keys", name, "--data", here.data, *words, **environment)


def epochs(here: Sealed) -> list[str]:
    return sorted(path.name for path in (here.keys / "epochs").glob("*.key"))


# --- keys rotate ----------------------------------------------------------------------------------


def test_a_rotation_says_what_it_did_and_values_open_before_and_after(here: Sealed) -> None:
    assert here.read(ANNA) == CANARY
    before = here.wrapped()
    done = start("keys", "rotate", "--data", here.data)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"epoch {FIRST + 1} began; 2 keys wrapped anew; epochs destroyed: {FIRST}\n"
    )
    assert here.wrapped() != before
    assert epochs(here) == [f"{FIRST + 1}.key"]
    assert here.read(ANNA) == here.read(BEN) == CANARY


def test_each_rotation_begins_the_next_epoch(here: Sealed) -> None:
    for epoch in (FIRST + 1, FIRST + 2, FIRST + 3):
        done = keys_command("rotate", here)
        assert done.stdout.startswith(f"epoch {epoch} began; 2 keys wrapped anew; epochs destroyed")
    assert here.read(BEN) == CANARY


def test_what_was_destroyed_opens_from_no_backup_once_the_epoch_is_over(
    here: Sealed, tmp_path: Path
) -> None:
    """Yesterday's copy of the keys, with the folder as it is today."""
    copy = tmp_path / "yesterday.db"
    assert keys_command("backup", here, "--to", copy).returncode == 0
    whole_epoch = shutil.copytree(here.keys, tmp_path / "thief")
    here.destroy(ANNA)
    with pytest.raises(KeyDestroyed):
        here.read(ANNA)
    # Until the epoch ends, whoever kept everything of yesterday still opens it: why one rotates.
    shutil.copy(copy, whole_epoch / "persons.db")
    (whole_epoch / "destroyed.log").unlink(missing_ok=True)
    assert here.read(ANNA, whole_epoch) == CANARY

    assert keys_command("rotate", here).returncode == 0
    today = shutil.copytree(here.keys, tmp_path / "restored")
    shutil.copy(copy, today / "persons.db")
    (today / "destroyed.log").unlink()
    with pytest.raises(TrothError):
        here.read(ANNA, today)
    assert here.read(BEN) == CANARY


def test_a_rotation_while_the_application_reads_disturbs_nobody(here: Sealed) -> None:
    with closing(FilePersonKeys(here.keys, SystemClock())) as application:
        assert open_sealed(application.key_of(ANNA), PLACE, ANNA, here.of_anna) == CANARY
        assert start("keys", "rotate", "--data", here.data).returncode == 0
        assert open_sealed(application.key_of(BEN), PLACE, BEN, here.of_ben) == CANARY
        made = application.make_key("c" * 32)
    with closing(FilePersonKeys(here.keys, SystemClock())) as again:
        assert again.key_of("c" * 32).material == made.material


def test_the_security_log_tells_the_rotation_and_nobody_of_it(here: Sealed) -> None:
    assert keys_command("rotate", here).returncode == 0
    assert keys_command("rotate-master", here).returncode == 0
    first, second = here.log()
    assert first["event"] == "key_epoch_begun"
    assert (first["epoch"], first["rewrapped"], first["destroyed"]) == (FIRST + 1, 2, 1)
    assert second["event"] == "master_key_replaced"
    assert set(second) == {"at", "event", "pid"}


# --- keys rotate-master ---------------------------------------------------------------------------


def test_a_new_master_key_changes_nothing_that_is_sealed(here: Sealed) -> None:
    before, wrapped = (here.keys / "master.key").read_bytes(), here.wrapped()
    done = start("keys", "rotate-master", "--data", here.data)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "the keys of epochs are wrapped by a new master key\n"
    assert (here.keys / "master.key").read_bytes() != before
    assert (here.keys / "master.key").stat().st_mode & 0o777 == 0o600
    assert here.wrapped() == wrapped
    assert here.read(ANNA) == here.read(BEN) == CANARY


def test_the_old_master_key_opens_nothing_afterwards(here: Sealed) -> None:
    old = (here.keys / "master.key").read_bytes()
    assert keys_command("rotate-master", here).returncode == 0
    (here.keys / "master.key").write_bytes(old)
    assert f"the master key does not open epoch {FIRST}" in one_line(keys_command("rotate", here))
    assert epochs(here) == [f"{FIRST}.key"]


def test_a_master_key_of_the_environment_is_replaced_by_the_one_given_beside_it(
    here: Sealed,
) -> None:
    old = base64.b64encode((here.keys / "master.key").read_bytes()).decode()
    new = base64.b64encode(os.urandom(32)).decode()
    (here.keys / "master.key").unlink()
    refused = keys_command("rotate-master", here, TROTH_MASTER_KEY=old)
    line = one_line(refused)
    assert "TROTH_MASTER_KEY_OLD" in line
    assert old not in line
    done = keys_command("rotate-master", here, TROTH_MASTER_KEY=new, TROTH_MASTER_KEY_OLD=old)
    assert done.returncode == 0, done.stderr
    assert keys_command("rotate", here, TROTH_MASTER_KEY=new).returncode == 0
    assert "does not open" in one_line(keys_command("rotate", here, TROTH_MASTER_KEY=old))


def test_a_master_key_that_is_none_is_refused_without_showing_it(here: Sealed) -> None:
    line = one_line(keys_command("rotate", here, TROTH_MASTER_KEY="a-secret-that-is-no-key"))
    assert "holds no 32 bytes" in line
    assert "a-secret" not in line


# --- keys backup ----------------------------------------------------------------------------------


def test_a_backup_of_the_keys_opens_nothing_by_itself(here: Sealed, tmp_path: Path) -> None:
    to = tmp_path / "keys.db"
    done = start("keys", "backup", "--data", here.data, "--to", to)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{to}: wrapped keys; ")
    assert to.stat().st_mode & 0o077 == 0
    alone = tmp_path / "alone"
    alone.mkdir(mode=0o700)
    shutil.copy(to, alone / "persons.db")
    with pytest.raises(TrothError):
        here.read(ANNA, alone)
    for secret in ("master.key", f"epochs/{FIRST}.key"):
        assert (here.keys / secret).read_bytes() not in to.read_bytes()


def test_a_backup_of_the_keys_brings_them_back(here: Sealed, tmp_path: Path) -> None:
    to = tmp_path / "keys.db"
    assert keys_command("backup", here, "--to", to).returncode == 0
    for file in here.keys.glob("persons.db*"):
        file.unlink()
    assert "persons.db is missing" in one_line(keys_command("rotate", here))
    shutil.copy(to, here.keys / "persons.db")
    assert here.read(ANNA) == CANARY


def test_a_backup_of_the_keys_never_takes_the_place_of_a_file(here: Sealed, tmp_path: Path) -> None:
    to = tmp_path / "there.db"
    to.write_text("mine")
    one_line(keys_command("backup", here, "--to", to))
    assert to.read_text() == "mine"
    one_line(keys_command("backup", here, "--to", tmp_path / "no" / "folder.db"))
    assert not (tmp_path / "no").exists()


# --- what is refused ------------------------------------------------------------------------------

COMMANDS = ["rotate", "rotate-master", "backup"]


def words_of(command: str, data: Path, to: Path) -> list[str | Path]:
    target: list[str | Path] = ["--to", to] if command == "backup" else []
    return ["keys", command, "--data", data, *target]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_mistyped_deployment_gets_no_keys(command: str, tmp_path: Path) -> None:
    """Keys made by a slip would look like keys that were lost."""
    nowhere, to = tmp_path / "nowhere", tmp_path / "copy.db"
    line = one_line(run(*words_of(command, nowhere, to)))
    assert "there are no keys in" in line
    assert not nowhere.exists()
    assert not to.exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_without_keys_is_not_filled_with_some(command: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    one_line(run(*words_of(command, tmp_path / "data", tmp_path / "copy.db")))
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("missing", ["master.key", f"epochs/{FIRST}.key", "persons.db"])
def test_a_missing_key_is_named_and_never_made_anew(
    command: str, missing: str, here: Sealed, tmp_path: Path
) -> None:
    for file in (here.keys / missing).parent.glob(Path(missing).name + "*"):
        file.unlink()
    one_line(run(*words_of(command, here.data, tmp_path / "copy.db")))
    assert not (here.keys / missing).exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_keys_that_others_can_read_are_refused(command: str, here: Sealed, tmp_path: Path) -> None:
    (here.keys / "master.key").chmod(0o644)
    assert "chmod 600" in one_line(run(*words_of(command, here.data, tmp_path / "copy.db")))


@pytest.mark.parametrize("command", ["rotate", "rotate-master"])
def test_a_second_rotation_at_the_same_time_is_refused(command: str, here: Sealed) -> None:
    with closing(FilePersonKeys(here.keys, SystemClock())) as other, other._alone(waits=False):
        line = one_line(start(*words_of(command, here.data, here.data)))
    assert "rotation" in line
    assert here.read(ANNA) == CANARY


@pytest.mark.promise("L-25")
def test_a_log_set_shorter_than_the_law_stops_the_rotation_before_it_begins(here: Sealed) -> None:
    line = one_line(keys_command("rotate", here, TROTH_SECURITY_LOG_DAYS="30"))
    assert "6 months at least by law" in line
    assert epochs(here) == [f"{FIRST}.key"]


def test_backup_of_keys_needs_a_file_to_write(here: Sealed) -> None:
    assert keys_command("backup", here).returncode == 2


# --- backup of the database and its looks ---------------------------------------------------------


@contextmanager
def governed(data: Path) -> Iterator[Troth]:
    settings = Settings.of(data, {"TROTH_REGION": "CN"})
    t = Troth.open(settings)
    try:
        migrate(settings.owner_url)
        t.publish(SHOP / "policy")
        t.govern(SHOP / "datamap.yaml")
        yield t
    finally:
        t.close()


def test_a_backup_has_the_looks_beside_it_and_no_key_in_either(tmp_path: Path) -> None:
    data, to = tmp_path / "data", tmp_path / "copies" / "shop.db"
    to.parent.mkdir()
    with governed(data) as t:
        shown = t.show(*accounts.REGISTER_PURPOSES, person="", language="zh-CN")
        person = accounts.add_customer(t, CANARY, passwords.digest("a password"), shown.token)
        with t.use("register_account", person=person, actor=Actor(person, SELF)):
            pass
        done = start("backup", "--data", data, "--to", to)  # while it is used
        assert done.returncode == 0, done.stderr
        looks_now = len(t.who_looked(person, wanted=LookFilter(roles=(SELF,))).looks)
    files = sorted(to.parent.iterdir())
    assert len(files) == 2
    assert to in files
    for file in files:
        assert f"{file}: {file.stat().st_size} bytes, sha256 " in done.stdout
        assert file.stat().st_mode & 0o077 == 0
    (looks,) = (file for file in files if file != to)
    with closing(sqlite3.connect(f"file:{looks}?mode=ro", uri=True)) as copy:
        (kept,) = copy.execute(
            "SELECT count(*) FROM troth_look WHERE pii_principal_id = ?", (person,)
        ).fetchone()
    assert kept == looks_now > 0
    with closing(sqlite3.connect(f"file:{data / 'keys' / 'persons.db'}?mode=ro", uri=True)) as keys:
        wrapped = [bytes(row[0]) for row in keys.execute("SELECT wrapped FROM wrapped_key")]
    assert wrapped
    for file in files:
        content = file.read_bytes()
        assert CANARY.encode() not in content  # sealed
        assert not [key for key in wrapped if key in content]


def test_a_backup_whose_looks_have_no_place_overwrites_nothing(tmp_path: Path) -> None:
    data, to = tmp_path / "data", tmp_path / "shop.db"
    with governed(data):
        pass
    assert start("backup", "--data", data, "--to", to).returncode == 0
    (looks,) = (f for f in tmp_path.iterdir() if f.is_file() and f != to)
    before = looks.read_bytes()
    to.unlink()
    assert "never overwrites" in one_line(run("backup", "--data", data, "--to", to))
    assert looks.read_bytes() == before
