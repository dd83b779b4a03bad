"""Contracts over the lock: it covers what pyproject.toml asks for, and every file has a hash."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.committed import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
RUN = [
    *PROJECT["project"]["dependencies"],
    *PROJECT["project"]["optional-dependencies"]["postgresql"],
    *PROJECT["dependency-groups"]["build"],
]
DEV = RUN + [wanted for group in PROJECT["dependency-groups"].values() for wanted in group]


def _locked(name: str) -> dict[str, list[tuple[str, list[str]]]]:
    """Return versions and hashes by package; a package may stand twice, for different Pythons."""
    text = (ROOT / "requirements" / name).read_text("utf-8")
    entries: dict[str, list[tuple[str, list[str]]]] = {}
    for block in re.split(r"\n(?=\S)", text):
        head = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", block)
        assert head is not None, f"not a pinned package: {block.splitlines()[0]}"
        hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})", block)
        entries.setdefault(canonicalize_name(head[1]), []).append((head[2], hashes))
    return entries


@pytest.mark.parametrize(("name", "wanted"), [("run.txt", RUN), ("dev.txt", DEV)])
def test_lock_covers_what_the_project_asks_for(name: str, wanted: list[str]):
    locked = _locked(name)
    for line in wanted:
        requirement = Requirement(line)
        versions = [version for version, _ in locked.get(canonicalize_name(requirement.name), [])]
        assert versions, f"{line} is not in requirements/{name}: run `make lock`"
        assert all(version in requirement.specifier for version in versions), line


@pytest.mark.parametrize("name", ["run.txt", "dev.txt"])
def test_every_locked_package_has_a_hash(name: str):
    assert [
        package for package, entries in _locked(name).items() for _, h in entries if not h
    ] == []


def test_both_locks_agree_on_versions():
    run, dev = _locked("run.txt"), _locked("dev.txt")
    assert {package: dev.get(package) for package in run} == run
