"""kill -9 between any two steps of a work on keys: no key is lost, none comes back, and the next
call finishes what was begun."""

import json
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.builders import NOW
from troth.adapters.clock import SetClock
from troth.adapters.person_keys import FilePersonKeys
from troth.core.errors import KeyDestroyed
from troth.core.sealing import SealedPlace

ROOT = Path(__file__).parents[2]
PHONE = SealedPlace("shop", "customer", "phone")
PEOPLE = [f"{n:032x}" for n in range(20)]
DYING = PEOPLE[3]
LONG_GONE = PEOPLE[5]


def killed_at_each_step(work: str, folder: Path | None, to: Path) -> list[Path]:
    """Return the folders in which the work was ended at each of its steps; the last was not."""
    order = {"work": work, "folder": folder and str(folder), "to": str(to), "person": DYING}
    to.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.dying_keys"],
        input=json.dumps(order),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    codes = [json.loads(line)["code"] for line in done.stdout.splitlines()]
    assert codes[-1] == 0, (codes, done.stderr)
    assert set(codes[:-1]) == {-signal.SIGKILL}
    return [to / str(number) for number in range(1, len(codes) + 1)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def materials(folder: Path) -> dict[str, bytes]:
    with closing(FilePersonKeys(folder, SetClock(NOW))) as keys:
        found = {person: keys.make_key(person).material for person in PEOPLE}
        keys.index_keys(PHONE)
        keys.destroy_key(LONG_GONE)
    return found


def living(keys: FilePersonKeys) -> dict[str, bytes]:
    found = {}
    for person in PEOPLE:
        try:
            found[person] = keys.key_of(person).material
        except KeyDestroyed:
            continue
    return found


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


IN_ORDER = {"persons.db", "persons.db-wal", "persons.db-shm", "rotation.lock", "destroyed.log"}


@pytest.mark.parametrize(("work", "least"), [("rotate_epoch", 25), ("rotate_master", 15)])
def test_a_rotation_killed_anywhere_loses_no_key_and_is_finished_by_the_next(
    folder: Path, materials: dict[str, bytes], tmp_path: Path, work: str, least: int
) -> None:
    before = {name: (folder / name).read_bytes() for name in ("master.key", "epochs/1000.key")}
    ended = killed_at_each_step(work, folder, tmp_path / "ended")
    assert len(ended) > least
    expected = {person: key for person, key in materials.items() if person != LONG_GONE}
    for place in ended:
        with closing(FilePersonKeys(place, SetClock(NOW))) as keys:
            assert living(keys) == expected, place.name
            keys.make_key("d" * 32)  # life goes on before it is finished
            getattr(keys, work)()
            assert living(keys) == expected, place.name
            (newest,) = keys._living_epochs()
            assert newest in ((1001, 1002) if work == "rotate_epoch" else (1000,))
            assert names(place) == {*IN_ORDER, "master.key", f"epochs/{newest}.key"}, place.name
        for name, content in before.items():
            if name.startswith("epochs/" if work == "rotate_epoch" else "master"):
                assert not (place / name).exists() or (place / name).read_bytes() != content


def test_a_rotation_never_notes_an_epoch_as_destroyed_whose_key_is_there(
    folder: Path, materials: dict[str, bytes], tmp_path: Path
) -> None:
    for place in killed_at_each_step("rotate_epoch", folder, tmp_path / "ended"):
        with closing(FilePersonKeys(place, SetClock(NOW))) as keys:
            gone = keys.destruction_of(LONG_GONE)
            assert gone is not None
            assert not (gone.is_final and (place / "epochs" / "1000.key").exists()), place.name


def test_a_destruction_killed_anywhere_is_whole_or_absent_or_finished_by_the_next_start(
    folder: Path, materials: dict[str, bytes], tmp_path: Path
) -> None:
    ended = killed_at_each_step("destroy_key", folder, tmp_path / "ended")
    assert len(ended) > 5
    is_gone = []
    for place in ended:
        with closing(FilePersonKeys(place, SetClock(NOW))) as keys:
            found = living(keys)
            is_gone.append(DYING not in found)
            assert set(PEOPLE) - set(found) == {LONG_GONE, *([DYING] if is_gone[-1] else [])}
            assert keys.destroy_key(DYING) == keys.destruction_of(DYING)
    assert is_gone[0] is False
    assert is_gone[-2:] == [True, True]
    assert is_gone == sorted(is_gone)


@pytest.mark.parametrize(("work", "least"), [("set_up", 20), ("make_key", 3)])
def test_a_start_or_a_new_key_killed_anywhere_is_made_good_by_the_next(
    folder: Path, materials: dict[str, bytes], tmp_path: Path, work: str, least: int
) -> None:
    ended = killed_at_each_step(work, folder if work == "make_key" else None, tmp_path / "ended")
    assert len(ended) > least
    for place in ended:
        with closing(FilePersonKeys(place, SetClock(NOW))) as keys:
            material = keys.make_key("c" * 32).material
        with closing(FilePersonKeys(place, SetClock(NOW))) as keys:
            assert keys.key_of("c" * 32).material == material
            assert keys._living_epochs() == [1000]
