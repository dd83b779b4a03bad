"""Contracts over src/: what each package is for stands in it, and no file grows unseen."""

import ast

from tests.house.committed import ROOT, committed_files, relative

LONGEST = 600
WRITTEN_BY_HAND = {".py", ".js", ".css", ".html"}

# A file past LONGEST lines stands here with the reason why it is one file all the same.
LONG_FILES: dict[str, str] = {
    "src/troth/app.py": "one façade: a method for each thing that a host may do, each handed on",
    "src/troth_shop/queries.py": "all SQL of the shop stands in one file, where the lens comes in",
}


def _source_files():
    source = ROOT / "src"
    return [path for path in committed_files() if path.is_relative_to(source)]


def test_every_package_says_what_it_is_for():
    packages = [path for path in _source_files() if path.name == "__init__.py"]
    assert packages
    silent = [
        relative(path)
        for path in packages
        if not (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").strip()
    ]
    assert silent == []


def test_no_source_file_is_long_without_a_reason():
    lines = {
        relative(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in _source_files()
        if path.suffix in WRITTEN_BY_HAND and "vendor" not in path.parts
    }
    long = {name: count for name, count in lines.items() if count > LONGEST}
    assert {name: n for name, n in long.items() if name not in LONG_FILES} == {}
    assert [name for name in LONG_FILES if name not in long] == [], "listed, but long no more"
    assert all(reason.strip() for reason in LONG_FILES.values())
