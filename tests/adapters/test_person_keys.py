"""Keys that are random, outside the database, and gone for good once destroyed."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.builders import NOW
from troth.adapters import person_keys
from troth.adapters.clock import SetClock
from troth.adapters.epoch_keys import unwrap, wrap
from troth.adapters.master_key import EnvironmentMasterKey, FileMasterKey
from troth.adapters.person_keys import FilePersonKeys, MemoryPersonKeys
from troth.core.blind_index import NormalForm, blind_index
from troth.core.errors import (
    InputError,
    KeyDestroyed,
    KeyMissing,
    SealBroken,
    StoreUnavailable,
    UnsafeStore,
    WrongMasterKey,
)
from troth.core.sealing import PersonKey, SealedPlace, open_sealed, seal

PHONE = SealedPlace("shop", "customer", "phone")
EMAIL = SealedPlace("shop", "customer", "email")
ANNA, BEN = "a" * 32, "b" * 32
CANARY = "13812345678"
Provider = FilePersonKeys | MemoryPersonKeys


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture(params=["file", "memory"])
def keys(request: pytest.FixtureRequest, folder: Path, clock: SetClock) -> Iterator[Provider]:
    made: Provider = (
        FilePersonKeys(folder, clock) if request.param == "file" else MemoryPersonKeys(clock)
    )
    yield made
    made.close()


@pytest.fixture
def here(folder: Path, clock: SetClock) -> Iterator[FilePersonKeys]:
    made = FilePersonKeys(folder, clock)
    yield made
    made.close()


def sealed_phone(keys: Provider, person: str, value: str = CANARY) -> str:
    return seal(keys.make_key(person), PHONE, person, value, nonce=os.urandom(12))


def opened(keys: Provider, person: str, sealed: str) -> str:
    return open_sealed(keys.key_of(person), PHONE, person, sealed)


def wrapped_rows(folder: Path) -> dict[str, bytes]:
    with closing(sqlite3.connect(f"file:{folder / 'persons.db'}?mode=ro", uri=True)) as connection:
        return dict(connection.execute("SELECT owner, wrapped FROM wrapped_key"))


# --- one provider or the other --------------------------------------------------------------------


@pytest.mark.promise("S-13", "S-50")
@pytest.mark.control("sealed_columns")
def test_a_person_has_one_random_key_of_their_own(keys: Provider) -> None:
    made = keys.make_key(ANNA)
    assert keys.make_key(ANNA).material == keys.key_of(ANNA).material == made.material
    assert len({bytes(32), made.material, keys.make_key(BEN).material}) == 3


def test_a_person_who_never_had_a_key_is_told_apart_from_a_destroyed_one(keys: Provider) -> None:
    with pytest.raises(KeyMissing) as told:
        keys.key_of(ANNA)
    assert ANNA not in str(told.value)
    keys.make_key(ANNA)
    keys.destroy_key(ANNA)
    with pytest.raises(KeyDestroyed) as told_too:
        keys.key_of(ANNA)
    assert ANNA not in str(told_too.value)


def test_a_destroyed_person_gets_no_second_key(keys: Provider) -> None:
    keys.make_key(ANNA)
    for person in (ANNA, BEN):  # with a key and without one
        keys.destroy_key(person)
        with pytest.raises(KeyDestroyed):
            keys.make_key(person)


def test_destroying_one_persons_key_leaves_the_others(keys: Provider) -> None:
    hers, his = sealed_phone(keys, ANNA), sealed_phone(keys, BEN)
    keys.destroy_key(ANNA)
    with pytest.raises(KeyDestroyed):
        opened(keys, ANNA, hers)
    assert opened(keys, BEN, his) == CANARY


def test_a_destruction_is_final_when_its_epoch_has_passed(keys: Provider, clock: SetClock) -> None:
    keys.make_key(ANNA)
    assert keys.destruction_of(ANNA) is None
    made = keys.destroy_key(ANNA)
    assert (made.at, made.is_final) == (NOW, False)
    clock.move(60_000_000)
    assert keys.destroy_key(ANNA) == made  # again changes nothing, the time neither
    assert keys.destruction_of(BEN) is None
    keys.rotate_epoch()
    final = keys.destruction_of(ANNA)
    assert final is not None
    assert (final.at, final.epoch, final.is_final) == (NOW, made.epoch, True)


def test_a_rotation_changes_no_key(keys: Provider) -> None:
    sealed = sealed_phone(keys, ANNA)
    index = keys.index_keys(PHONE)
    before = keys.key_of(ANNA).material
    for _ in range(3):
        keys.rotate_epoch()
        assert keys.key_of(ANNA).material == before
        assert opened(keys, ANNA, sealed) == CANARY
        assert keys.index_keys(PHONE) == index


def test_each_index_has_keys_of_its_own_that_are_replaced(keys: Provider) -> None:
    (first,) = keys.index_keys(PHONE)
    assert first.generation == 1
    assert keys.index_keys(EMAIL)[0].material != first.material
    second = keys.renew_index_key(PHONE)
    assert keys.index_keys(PHONE) == [second, first]
    keys.destroy_index_keys(PHONE, before=2)
    assert keys.index_keys(PHONE) == [second]
    assert keys.destruction_of_index(PHONE, 2) is None
    gone = keys.destruction_of_index(PHONE, 1)
    assert gone is not None
    assert not gone.is_final
    keys.rotate_epoch()
    assert keys.destruction_of_index(PHONE, 1).is_final  # type: ignore[union-attr]
    assert keys.renew_index_key(PHONE).generation == 3


def test_the_last_key_of_an_index_is_not_destroyed(keys: Provider) -> None:
    keys.index_keys(PHONE)
    with pytest.raises(InputError):
        keys.destroy_index_keys(PHONE, before=2)
    assert len(keys.index_keys(PHONE)) == 1


@pytest.mark.parametrize("name", ["", "index 00", "a\nb"])
def test_only_people_get_keys_of_people(keys: Provider, name: str) -> None:
    with pytest.raises(InputError):
        keys.make_key(name)
    with pytest.raises(InputError):
        keys.destroy_key(name)


def test_many_threads_that_ask_at_once_get_one_key(keys: Provider) -> None:
    found: list[bytes] = []
    together = threading.Barrier(8)

    def ask() -> None:
        together.wait()
        found.append(keys.make_key(ANNA).material)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


# --- files ----------------------------------------------------------------------------------------


def test_keys_are_there_again_after_a_restart(
    here: FilePersonKeys, folder: Path, clock: SetClock
) -> None:
    sealed = sealed_phone(here, ANNA)
    here.close()
    with closing(FilePersonKeys(folder, clock)) as later:
        assert opened(later, ANNA, sealed) == CANARY


def test_every_file_of_keys_is_its_owners_alone(here: FilePersonKeys, folder: Path) -> None:
    here.make_key(ANNA)
    here.destroy_key(BEN)
    found = {path: path.stat().st_mode & 0o077 for path in [folder, *folder.rglob("*")]}
    assert len(found) >= 8
    assert set(found.values()) == {0}


@pytest.mark.parametrize("name", ["persons.db", "master.key", "epochs/1000.key", "destroyed.log"])
def test_a_key_file_that_others_can_read_is_refused(
    here: FilePersonKeys, folder: Path, clock: SetClock, name: str
) -> None:
    here.destroy_key(BEN)
    here.close()
    (folder / name).chmod(0o640)
    with pytest.raises(UnsafeStore, match="chmod"):
        FilePersonKeys(folder, clock)


def test_nothing_in_the_folder_shows_a_key(here: FilePersonKeys, folder: Path) -> None:
    material = here.make_key(ANNA).material
    index = here.index_keys(PHONE)[0].material
    master = (folder / "master.key").read_bytes()
    everything = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    assert material not in everything
    assert index not in everything
    assert everything.count(master) == 1


def test_a_wrong_master_key_opens_nothing(
    here: FilePersonKeys, folder: Path, clock: SetClock
) -> None:
    here.make_key(ANNA)
    here.close()
    (folder / "master.key").write_bytes(os.urandom(32))
    with pytest.raises(WrongMasterKey):
        FilePersonKeys(folder, clock)


def test_a_missing_master_key_is_never_made_anew(
    here: FilePersonKeys, folder: Path, clock: SetClock
) -> None:
    here.make_key(ANNA)
    here.close()
    (folder / "master.key").unlink()
    with pytest.raises(WrongMasterKey):
        FilePersonKeys(folder, clock)
    assert not (folder / "master.key").exists()


def test_a_missing_key_file_is_never_made_anew_beside_living_epochs(
    here: FilePersonKeys, folder: Path, clock: SetClock
) -> None:
    here.close()
    epoch = (folder / "epochs" / "1000.key").read_bytes()
    (folder / "persons.db").unlink()
    with pytest.raises(UnsafeStore, match=r"persons\.db is missing"):
        FilePersonKeys(folder, clock)
    assert (folder / "epochs" / "1000.key").read_bytes() == epoch


def test_a_lost_epoch_key_is_told_at_the_start(
    here: FilePersonKeys, folder: Path, clock: SetClock
) -> None:
    here.make_key(ANNA)
    here.close()
    shutil.rmtree(folder / "epochs")
    with pytest.raises(UnsafeStore, match="epoch 1000"):
        FilePersonKeys(folder, clock)


@pytest.mark.parametrize("content", [b"", b"\0" * 128, b"troth epoch 1 1000 00 00\n"])
def test_a_damaged_epoch_key_is_told(
    here: FilePersonKeys, folder: Path, clock: SetClock, content: bytes
) -> None:
    here.close()
    (folder / "epochs" / "1000.key").write_bytes(content)
    with pytest.raises(UnsafeStore, match="damaged"):
        FilePersonKeys(folder, clock)


def test_wrapped_keys_swapped_in_the_key_file_open_no_other_persons_value(
    here: FilePersonKeys, folder: Path, clock: SetClock
) -> None:
    hers, his = sealed_phone(here, ANNA, "13800000001"), sealed_phone(here, BEN, "13800000002")
    here.close()
    rows = wrapped_rows(folder)
    with closing(sqlite3.connect(folder / "persons.db")) as connection, connection:
        for person, other in ((ANNA, BEN), (BEN, ANNA)):
            swapped = (rows[other], person)
            connection.execute("UPDATE wrapped_key SET wrapped = ? WHERE owner = ?", swapped)
    with closing(FilePersonKeys(folder, clock)) as later:
        for person in (ANNA, BEN):
            for sealed in (hers, his):
                with pytest.raises(SealBroken):
                    opened(later, person, sealed)


def test_a_damaged_wrapping_is_told_and_opens_nothing(here: FilePersonKeys, folder: Path) -> None:
    here.make_key(ANNA)
    with closing(sqlite3.connect(folder / "persons.db")) as connection, connection:
        connection.execute("UPDATE wrapped_key SET wrapped = randomblob(40)")
    with pytest.raises(UnsafeStore, match="damaged"):
        here.key_of(ANNA)


def test_without_its_file_no_key_is_given_out_from_memory(
    here: FilePersonKeys, folder: Path
) -> None:
    here.make_key(ANNA)
    here._file.close()
    (folder / "persons.db").rename(folder / "elsewhere.db")
    with pytest.raises(StoreUnavailable):
        here.key_of(ANNA)


def test_memory_holds_no_more_keys_than_it_may(
    here: FilePersonKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person_keys, "MOST_IN_MEMORY", 10)
    people = [f"{n:032x}" for n in range(30)]
    made = {person: here.make_key(person).material for person in people}
    assert len(here._unwrapped) == 10
    assert {person: here.key_of(person).material for person in people} == made
    assert len(here._unwrapped) == 10


@pytest.mark.parametrize("given", ["", "short", "zz" * 32, "A" * 43])
def test_a_master_key_of_the_wrong_form_is_refused_unshown(given: str) -> None:
    with pytest.raises(UnsafeStore) as told:
        EnvironmentMasterKey({"TROTH_MASTER_KEY": given})
    assert not given or given not in str(told.value)


def test_the_file_of_the_master_key_is_made_once(folder: Path) -> None:
    folder.mkdir()
    master = FileMasterKey(folder / "master.key")
    master.make()
    known = master.known()
    master.make()
    assert master.known() == known


def test_the_wrapping_is_the_one_of_rfc_3394() -> None:
    # RFC 3394 §4.6: 256 bits of key data with a 256-bit key.
    key = bytes.fromhex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F")
    data = bytes.fromhex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")
    wrapped = "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"
    assert wrap(key, data).hex().upper() == wrapped
    assert unwrap(key, bytes.fromhex(wrapped)) == data


# --- destroyed ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rotated", [False, True])
def test_a_destroyed_key_leaves_no_byte_of_its_wrapping_in_the_file(
    here: FilePersonKeys, folder: Path, rotated: bool
) -> None:
    people = [os.urandom(16).hex() for _ in range(800)]
    made = {person: here.make_key(person).material for person in people}
    before = wrapped_rows(folder)
    gone, kept = people[::5], [p for n, p in enumerate(people) if n % 5]
    for person in gone[:80]:
        here.destroy_key(person)
    between = {}
    if rotated:
        here.rotate_epoch()
        between = wrapped_rows(folder)
    for person in gone[80:]:
        here.destroy_key(person)
    assert (folder / "persons.db-wal").stat().st_size == 0
    left = (folder / "persons.db").read_bytes()
    assert [person for person in gone if before[person] in left] == []
    assert [p for p in gone if between.get(p, b"").strip(b"\0") and between[p] in left] == []
    # The search does find what is there, and a rotation leaves nothing of the older wrappings.
    assert sum(before[person] in left for person in kept) == (0 if rotated else len(kept))
    assert all(here.key_of(person).material == made[person] for person in kept)


@pytest.mark.promise("S-13", "S-50")
@pytest.mark.control("sealed_columns")
def test_a_key_destroyed_elsewhere_is_not_given_out_from_memory(
    here: FilePersonKeys, folder: Path, clock: SetClock
) -> None:
    with closing(FilePersonKeys(folder, clock)) as other:
        for number in range(50):
            person = f"{number:032x}"
            sealed = sealed_phone(here, person)
            assert opened(other, person, sealed) == CANARY
            here.destroy_key(person)
            with pytest.raises(KeyDestroyed):  # at once, with no time in between
                opened(other, person, sealed)
            assert (person, 0) not in other._unwrapped


def test_keys_opened_before_a_fork_are_refused_in_the_child(here: FilePersonKeys) -> None:
    material = here.make_key(ANNA).material
    child = os.fork()
    if child == 0:
        try:
            here.key_of(ANNA)
        except UnsafeStore:
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert here.key_of(ANNA).material == material


def test_closing_ends_no_process_whose_threads_still_ask(here: FilePersonKeys) -> None:
    for number in range(100):
        here.make_key(f"{number:032x}")
    stops = threading.Event()
    wrong: list[BaseException] = []

    def ask() -> None:
        while not stops.is_set():
            try:
                for number in range(100):
                    here.key_of(f"{number:032x}")
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is told
                wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        here.close()
    stops.set()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- yesterday's backup ---------------------------------------------------------------------------


class Yesterday:
    """Backups of the database and of the key file, made before Anna's key was destroyed."""

    def __init__(self, here: FilePersonKeys, to: Path) -> None:
        self.sealed = {ANNA: sealed_phone(here, ANNA), BEN: sealed_phone(here, BEN)}
        key = here.index_keys(PHONE)[0]
        self.index = blind_index(key, PHONE, CANARY, NormalForm.MOBILE)
        self.file = to / "persons.db"
        here.back_up(self.file)

    def put_back(self, folder: Path, clock: SetClock) -> FilePersonKeys:
        for path in folder.glob("persons.db*"):
            path.unlink()
        shutil.copy(self.file, folder / "persons.db")
        return FilePersonKeys(folder, clock)


def opened_with_what_is_left(folder: Path, wrapped: bytes) -> bytes | None:
    """Try the present master key on every epoch that is left, and these on a wrapped key."""
    master = (folder / "master.key").read_bytes()
    for file in (folder / "epochs").iterdir():
        epoch = unwrap(master, bytes.fromhex(file.read_text().split()[-1]))
        assert epoch is not None
        found = unwrap(epoch, wrapped)
        if found is not None:
            return found
    return unwrap(master, wrapped)


@pytest.mark.promise("S-13", "S-50")
@pytest.mark.control("sealed_columns")
def test_yesterdays_backup_opens_nothing_when_the_epoch_has_passed(
    here: FilePersonKeys, folder: Path, clock: SetClock, tmp_path: Path
) -> None:
    yesterday = Yesterday(here, tmp_path)
    here.destroy_key(ANNA)
    here.renew_index_key(PHONE)
    here.destroy_index_keys(PHONE, before=2)
    here.rotate_epoch()
    assert here.destruction_of(ANNA).is_final  # type: ignore[union-attr]
    assert here.destruction_of_index(PHONE, 1).is_final  # type: ignore[union-attr]
    here.close()
    wrapped = wrapped_rows(tmp_path)
    assert len(wrapped) == 3
    assert [opened_with_what_is_left(folder, one) for one in wrapped.values()] == [None] * 3
    with pytest.raises(UnsafeStore, match="epoch 1000"):  # nor by the front door
        yesterday.put_back(folder, clock)


def test_before_the_epoch_has_passed_a_backup_is_readable_and_the_destruction_says_so(
    here: FilePersonKeys, folder: Path, tmp_path: Path
) -> None:
    yesterday = Yesterday(here, tmp_path)
    assert not here.destroy_key(ANNA).is_final
    hers = opened_with_what_is_left(folder, wrapped_rows(tmp_path)[ANNA])
    assert hers is not None
    assert open_sealed(PersonKey(hers), PHONE, ANNA, yesterday.sealed[ANNA]) == CANARY


def test_a_key_file_put_back_within_the_epoch_destroys_again_what_was_destroyed(
    here: FilePersonKeys, folder: Path, clock: SetClock, tmp_path: Path
) -> None:
    yesterday = Yesterday(here, tmp_path)
    here.destroy_key(ANNA)
    here.renew_index_key(PHONE)
    here.destroy_index_keys(PHONE, before=2)
    here.close()
    with closing(yesterday.put_back(folder, clock)) as restored:
        with pytest.raises(KeyDestroyed):
            opened(restored, ANNA, yesterday.sealed[ANNA])
        assert restored.destruction_of(ANNA).at == NOW  # type: ignore[union-attr]
        assert opened(restored, BEN, yesterday.sealed[BEN]) == CANARY
        (key,) = restored.index_keys(PHONE)
        assert key.generation == 2
        assert blind_index(key, PHONE, CANARY, NormalForm.MOBILE) != yesterday.index


def test_a_line_of_the_log_that_a_crash_cut_spoils_no_other(
    here: FilePersonKeys, folder: Path, clock: SetClock, tmp_path: Path
) -> None:
    yesterday = Yesterday(here, tmp_path)
    (folder / "destroyed.log").write_bytes(b"\n17000")
    (folder / "destroyed.log").chmod(0o600)
    here.destroy_key(ANNA)
    here.close()
    with closing(yesterday.put_back(folder, clock)) as restored:
        assert restored.destruction_of(ANNA) is not None
        assert restored.destruction_of(BEN) is None


def test_a_backup_holds_wrapped_keys_and_nothing_to_open_them(
    here: FilePersonKeys, folder: Path, tmp_path: Path
) -> None:
    yesterday = Yesterday(here, tmp_path)
    copied = yesterday.file.read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["persons.db"]
    assert yesterday.file.stat().st_mode & 0o077 == 0
    assert here.key_of(ANNA).material not in copied
    assert (folder / "master.key").read_bytes() not in copied
    epoch = (folder / "epochs" / "1000.key").read_text().split()[-1]
    assert bytes.fromhex(epoch) not in copied
    with pytest.raises(InputError):
        here.back_up(yesterday.file)
