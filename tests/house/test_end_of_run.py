"""What a run says and writes down at its end: skips for want of a server, and the proof record."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.committed import ROOT

NEEDS_SERVER = "def test_needs_server(postgres_database):\n    assert postgres_database\n"

MIXED = """
import pytest

@pytest.mark.promise("S-01", "S-02")
def test_holds(): pass

def test_breaks(): assert 1 == 2

@pytest.mark.skip(reason="not today")
def test_waits(): pass
"""


def _run_suite(source: str, folder: Path, *arguments: str, **environment: str):
    """Run pytest, with the fixtures of this project, on one file with `source`."""
    file = folder / "test_inner.py"
    file.write_text(source, encoding="utf-8")
    config = folder / "pytest.ini"
    config.write_text("[pytest]\nmarkers =\n  promise(ids): x\n  postgresql: x\n  browser: x\n")
    command = [sys.executable, "-m", "pytest", "-c", str(config), "-p", "tests.conftest"]
    return subprocess.run(
        [*command, *arguments, str(file)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _without_postgresql() -> str:
    """Return code before a test file that makes this machine one without PostgreSQL."""
    return "import tests.servers\ntests.servers.find_postgres_binaries = lambda: None\n"


@pytest.mark.parametrize("workers", ["0", "1"])
def test_missing_server_is_skipped_aloud_and_counted_at_home(tmp_path: Path, workers: str):
    run = _run_suite(_without_postgresql() + NEEDS_SERVER, tmp_path, "-n", workers, CI="")
    assert run.returncode == 0
    assert "NOT TESTED HERE: 1 tests, for want of a PostgreSQL server" in run.stdout
    assert "1 skipped" in run.stdout.splitlines()[-1]


@pytest.mark.parametrize("workers", ["0", "1"])
def test_missing_server_fails_in_ci(tmp_path: Path, workers: str):
    run = _run_suite(_without_postgresql() + NEEDS_SERVER, tmp_path, "-n", workers, CI="true")
    assert run.returncode == 1
    assert "nothing may be skipped" in run.stdout
    assert "skipped" not in run.stdout.splitlines()[-1]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_proof_record_tells_what_held_and_what_did_not(tmp_path: Path, workers: str):
    proof, other = tmp_path / "proof", tmp_path / "other"
    # A second folder with a conftest of its own, as in this project: pytest then asks each plugin
    # in another way.
    other.mkdir()
    (other / "conftest.py").write_text("")
    (other / "test_other.py").write_text("def test_elsewhere(): pass\n")
    wanted = (f"--record-proof={proof}", "-n", workers, str(other / "test_other.py"))
    run = _run_suite(MIXED, tmp_path, *wanted)
    record = json.loads((proof / "latest.json").read_text("utf-8"))
    assert run.returncode == record["exit_status"] == 1
    assert record["counts"] == {"passed": 2, "failed": 1, "skipped": 1}
    assert record["tests"]["test_inner.py::test_holds"]["promises"] == ["S-01", "S-02"]
    assert str(tmp_path) not in (proof / "latest.json").read_text("utf-8")
    assert "| S-01 S-02 | passed |" in (proof / "latest.md").read_text("utf-8")


def test_run_without_tests_writes_no_proof(tmp_path: Path):
    proof = tmp_path / "proof"
    run = _run_suite("", tmp_path, f"--record-proof={proof}")
    assert run.returncode == 5
    assert not proof.exists()
