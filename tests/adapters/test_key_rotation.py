"""Epochs and master keys are replaced while keys are read, and the old ones are gone."""

import multiprocessing
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.test_person_keys import (
    ANNA,
    CANARY,
    PHONE,
    opened,
    sealed_phone,
    wrapped_rows,
)
from tests.builders import NOW
from troth.adapters import person_keys
from troth.adapters.clock import SetClock
from troth.adapters.master_key import EnvironmentMasterKey
from troth.adapters.person_keys import FilePersonKeys
from troth.core.errors import (
    InputError,
    KeyDestroyed,
    StoreUnavailable,
    TrothError,
    UnsafeStore,
    WrongMasterKey,
)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def here(folder: Path, clock: SetClock) -> Iterator[FilePersonKeys]:
    made = FilePersonKeys(folder, clock)
    yield made
    made.close()


def test_a_rotation_is_due_after_the_epochs_days(folder: Path, clock: SetClock) -> None:
    with closing(FilePersonKeys(folder, clock, epoch_days=7)) as keys:
        clock.move(7 * person_keys.MICROSECONDS_PER_DAY - 1)
        assert not keys.is_rotation_due()
        clock.move(1)
        assert keys.is_rotation_due()
        done = keys.rotate_epoch()
        assert (done.epoch, done.destroyed) == (1001, (1000,))
        assert not keys.is_rotation_due()
        assert [p.name for p in (folder / "epochs").iterdir()] == ["1001.key"]


def test_a_rotation_wraps_every_living_key_anew_and_no_destroyed_one(
    here: FilePersonKeys, folder: Path
) -> None:
    people = [f"{n:032x}" for n in range(1_203)]
    for person in people:
        here.make_key(person)
    here.index_keys(PHONE)
    here.destroy_key(people[7])
    before = wrapped_rows(folder)
    assert here.rotate_epoch().rewrapped == 1_203
    after = wrapped_rows(folder)
    assert {owner for owner in before if before[owner] == after[owner]} == {people[7]}
    assert not after[people[7]].strip(b"\0")


def test_the_old_epochs_file_is_overwritten_before_it_goes(
    here: FilePersonKeys, folder: Path
) -> None:
    # A second name for the same file shows what is left of it after the first is gone.
    os.link(folder / "epochs" / "1000.key", folder / "kept")
    size = (folder / "kept").stat().st_size
    here.rotate_epoch()
    assert (folder / "kept").read_bytes() == bytes(size)


def test_the_old_master_key_is_overwritten_and_opens_nothing(
    here: FilePersonKeys, folder: Path, clock: SetClock
) -> None:
    sealed = sealed_phone(here, ANNA)
    old = (folder / "master.key").read_bytes()
    for name in ("master.key", "epochs/1000.key"):
        os.link(folder / name, folder / f"kept-{Path(name).name}")
    here.rotate_master()
    for kept in folder.glob("kept-*"):
        assert not kept.read_bytes().strip(b"\0")
        kept.unlink()
    assert (folder / "master.key").read_bytes() != old
    assert [p.name for p in folder.iterdir() if "master" in p.name] == ["master.key"]
    with closing(FilePersonKeys(folder, clock)) as later:
        assert opened(later, ANNA, sealed) == CANARY
    (folder / "master.key").write_bytes(old)
    with pytest.raises(WrongMasterKey):
        FilePersonKeys(folder, clock)


def test_the_master_key_of_the_environment_is_replaced_with_both_given(
    folder: Path, clock: SetClock
) -> None:
    one, two = os.urandom(32).hex(), os.urandom(32).hex()

    def opening(**given: str) -> closing[FilePersonKeys]:
        return closing(FilePersonKeys(folder, clock, master=EnvironmentMasterKey(given)))

    with opening(TROTH_MASTER_KEY=one) as keys:
        sealed = sealed_phone(keys, ANNA)
        assert not (folder / "master.key").exists()
        with pytest.raises(UnsafeStore):
            keys.rotate_master()
    with pytest.raises(WrongMasterKey):
        opening(TROTH_MASTER_KEY=two)
    with opening(TROTH_MASTER_KEY=two, TROTH_MASTER_KEY_OLD=one) as both:
        assert opened(both, ANNA, sealed) == CANARY
        both.rotate_master()
    with opening(TROTH_MASTER_KEY=two) as later:
        assert opened(later, ANNA, sealed) == CANARY
    with pytest.raises(WrongMasterKey):
        opening(TROTH_MASTER_KEY=one)


def test_two_rotations_at_once_do_not_meet(
    here: FilePersonKeys, folder: Path, clock: SetClock
) -> None:
    with closing(FilePersonKeys(folder, clock)) as other:
        with here._alone(waits=False):
            for rotate in (other.rotate_epoch, other.rotate_master):
                with pytest.raises(InputError, match="under way"):
                    rotate()
        other.rotate_epoch()


def test_a_key_destroyed_while_a_rotation_runs_stays_destroyed(
    here: FilePersonKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person_keys, "_REWRAPPED_AT_ONCE", 10)
    people = [f"{n:032x}" for n in range(100)]
    for person in people:
        here.make_key(person)
    batch = person_keys.rows.rewrap_batch
    dying: list[threading.Thread] = []

    def and_meanwhile_one_dies(*args: Any, **named: Any) -> Any:
        done = batch(*args, **named)
        # Its row may be before or behind this batch: every eleventh is one or the other.
        person = people[(len(dying) * 37) % 100]
        dying.append(threading.Thread(target=here.destroy_key, args=(person,)))
        dying[-1].start()
        return done

    monkeypatch.setattr(person_keys.rows, "rewrap_batch", and_meanwhile_one_dies)
    try:
        here.rotate_epoch()
    finally:
        for thread in dying:
            thread.join()
    gone = {people[(n * 37) % 100] for n in range(len(dying))}
    assert len(gone) >= 10
    for person in gone:
        with pytest.raises(KeyDestroyed):
            here.key_of(person)
    for person in set(people) - gone:
        here.key_of(person)


def test_no_epoch_key_is_destroyed_while_the_journal_cannot_be_cut(
    here: FilePersonKeys, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.make_key(ANNA)
    with closing(sqlite3.connect(folder / "persons.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM wrapped_key").fetchone()
        here._file._connection().execute("PRAGMA busy_timeout=50")
        here._file.journal_wait_seconds = 0.2
        with pytest.raises(StoreUnavailable):
            here.rotate_epoch()
        assert (folder / "epochs" / "1000.key").exists()
        here.key_of(ANNA)  # nobody waits for that reader
    assert here.is_rotation_due()  # it is unfinished
    assert here.rotate_epoch().destroyed == (1000,)


# --- other processes ------------------------------------------------------------------------------

SPAWN = multiprocessing.get_context("spawn")


def started(watch: Any, *arguments: Any, count: int = 2) -> list[Any]:
    """Start processes that watch, and return their pipes once each has said that it is ready."""
    pipes = []
    for _ in range(count):
        ours, theirs = SPAWN.Pipe()
        SPAWN.Process(target=watch, args=(*arguments, theirs), daemon=True).start()
        pipes.append(ours)
    assert [pipe.recv() for pipe in pipes] == ["ready"] * count
    return pipes


def ask_before_and_after(folder: Path, person: str, pipe: Any) -> None:
    keys = FilePersonKeys(folder, SetClock(NOW))
    keys.key_of(person)
    pipe.send("ready")
    pipe.recv()  # it was destroyed, and that was acknowledged
    try:
        keys.key_of(person)
    except KeyDestroyed:
        pipe.send("refused")
    else:
        pipe.send("given out")


def test_another_process_gives_out_no_key_after_its_destruction_was_acknowledged(
    here: FilePersonKeys, folder: Path
) -> None:
    here.make_key(ANNA)
    pipes = started(ask_before_and_after, folder, ANNA)
    here.destroy_key(ANNA)
    for pipe in pipes:
        pipe.send("destroyed")
    assert [pipe.recv() for pipe in pipes] == ["refused"] * 2


def read_and_write(folder: Path, people: dict[str, bytes], pipe: Any) -> None:
    keys = FilePersonKeys(folder, SetClock(NOW))
    wrong: list[str] = []
    rounds = 0
    pipe.send("ready")
    while not pipe.poll():
        for person, material in people.items():
            try:
                if keys.key_of(person).material != material:
                    wrong.append("another key")
            except TrothError as error:
                wrong.append(f"{error.code}: {error}")
        made = os.urandom(16).hex()
        keys.make_key(made)
        keys._unwrapped.clear()
        rounds += 1
    pipe.send((rounds, wrong))


def test_other_processes_read_and_write_while_keys_are_rotated(
    here: FilePersonKeys, folder: Path
) -> None:
    people = {f"{n:032x}": here.make_key(f"{n:032x}").material for n in range(300)}
    pipes = started(read_and_write, folder, people)
    for _ in range(8):
        here.rotate_epoch()
        here.rotate_master()
    for pipe in pipes:
        pipe.send("enough")
    told = [pipe.recv() for pipe in pipes]
    assert all(rounds > 0 for rounds, _ in told)
    assert [wrong for _, wrong in told] == [[], []]
    assert {person: here.key_of(person).material for person in people} == people
    assert len(list((folder / "epochs").iterdir())) == 1
