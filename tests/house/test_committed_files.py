"""Contracts over the committed text: no address or path of the place where it was made."""

from pathlib import Path

import pytest

from tests.house.committed import ROOT, committed_files, relative

# Put together from parts, so that this file does not name what it forbids.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("deb", "debian", "org"),
    )
]
WORKPLACES = [
    "/".join(parts)
    for parts in (
        ("", "work", ""),
        ("", "opt", "pypi"),
        ("", "opt", "wheels"),
        ("", "root", "."),
        ("..", "shared"),
        (".library", ""),
    )
] + ["farm" + "-"]


def places_of(text: str, names: list[str]) -> list[str]:
    """Return `line: name` for every line of `text` that holds one of `names`."""
    return [
        f"{number}: {name}"
        for number, line in enumerate(text.splitlines(), start=1)
        for name in names
        if name in line
    ]


def _found(names: list[str]) -> list[str]:
    return [
        f"{relative(path)}:{place}"
        for path in committed_files()
        for place in places_of(path.read_text(encoding="utf-8", errors="replace"), names)
    ]


def test_no_committed_file_names_a_package_registry():
    assert _found(REGISTRIES) == []


def test_no_committed_file_names_a_path_of_the_workplace():
    assert _found(WORKPLACES) == []


def test_no_committed_file_names_the_folder_of_this_checkout():
    assert _found([f"{ROOT}/"]) == []


def test_no_lock_file_with_hosts_is_committed():
    names = {path.name for path in committed_files()}
    assert names.isdisjoint({"uv.lock", "pylock.toml", "poetry.lock", "package-lock.json"})


@pytest.mark.parametrize("name", REGISTRIES + WORKPLACES)
def test_scan_finds_each_forbidden_name(name: str, tmp_path: Path):
    assert places_of(f"fine\nsee {name}x\n", REGISTRIES + WORKPLACES)[0].startswith("2: ")
