"""What we publish, read by Go's verifier of its own module log (golang.org/x/mod/sumdb)."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.logs import ORIGIN, Ed25519Signer, EventLog
from tests.servers import say_missing
from troth.core.tlog import tile_path

pytestmark = pytest.mark.slow

SOURCE = Path(__file__).parent / "go" / "verify_log.go"
DEBIAN_GOPATH = Path("/usr/share/gocode")
Verify = Callable[[EventLog], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the foreign verifier from the sources of the Linux distribution; nothing is fetched."""
    go = shutil.which("go")
    if go is None or not (DEBIAN_GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        say_missing("Go with golang.org/x/mod (Debian: golang-go, golang-golang-x-mod-dev)")
    folder = tmp_path_factory.mktemp("go")
    program = folder / "verify_log"
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(DEBIAN_GOPATH),
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    subprocess.run([go, "build", "-o", str(program), str(SOURCE)], env=environment, check=True)
    return program


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    made = EventLog(f"sqlite:///{tmp_path / 'log.db'}", tmp_path)
    yield made
    made.close()


def answer(verifier: Path, log: EventLog) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            str(verifier),
            str(log.folder / "published"),
            log.signer.vkey,
            str(log.folder / "elsewhere" / "checkpoints.log"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("batches", [(1,), (255, 1), (256,), (300, 1, 700), (1000, 65_000, 700)])
def test_gos_verifier_accepts_our_log(
    verifier: Path, log: EventLog, batches: tuple[int, ...]
) -> None:
    for count in batches:
        log.record(count)
        log.sequence(limit=count)
    said = answer(verifier, log)
    assert said.returncode == 0, said.stderr
    assert said.stdout == (f"size {sum(batches)}, consistent with {len(batches)} checkpoints\n")


def test_gos_verifier_accepts_a_folder_that_was_published_late(
    verifier: Path, log: EventLog
) -> None:
    for count in (200, 200, 200):
        log.record(count)
        log.sequence(published=None)
    log.sequence()
    assert answer(verifier, log).returncode == 0


@pytest.mark.parametrize(
    "path",
    [tile_path(0, 1), tile_path(0, 2, 88), tile_path(1, 0, 2), tile_path("entries", 2, 88)],
)
def test_gos_verifier_refuses_a_tile_of_ours_with_one_byte_changed(
    verifier: Path, log: EventLog, path: str
) -> None:
    log.grow(600)
    target = log.folder / "published" / path
    content = bytearray(target.read_bytes())
    content[40] ^= 1
    target.write_bytes(content)
    assert answer(verifier, log).returncode == 1


def test_gos_verifier_refuses_a_checkpoint_of_another_key(verifier: Path, log: EventLog) -> None:
    log.grow(3)
    log.signer = Ed25519Signer(ORIGIN, seed=9)
    said = answer(verifier, log)
    assert said.returncode == 1
    assert "no verifiable signatures" in said.stderr
