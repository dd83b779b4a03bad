"""Break one place of a copy of the program, and see what a test of the promise says to that.

A break is a replacement of text in one file under ``src``. It is made in a copy of the whole tree
in a temporary folder and never here; there a fresh process runs the test. Because the copy holds
the files themselves, a break reaches servers that a test starts, templates, scripts of the browser
and the policy's own files as well as Python. The tests are copied too, and never broken.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.house.committed import ROOT

_COPIED = ("src", "tests", "docs")
_SECONDS = 300
_ACCIDENTS = {"ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError"}
_ACCIDENTS |= {"NameError", "UnboundLocalError", "AttributeError", "TypeError", "OSError"}
"""A test that ends with one of these stumbled; it did not notice a broken promise."""


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One break, and the test that must notice it.

    Args:
        of: the control that is broken, or the promise (``S-19``) where no control names its test.
        situation: what is now wrong, in a few words; the name of the case.
        file: the file under ``src``.
        old: text that stands in it exactly once.
        new: what stands there instead.
        test: ``<file under tests>::<function>``, marked with ``of``; with ``[…]`` one case of it.
    """

    of: str
    situation: str
    file: str
    old: str
    new: str
    test: str

    @property
    def name(self) -> str:
        """Return the name of the case: what is broken and how."""
        return f"{self.of}-{self.situation}".replace(" ", "-")

    @property
    def function(self) -> str:
        """Return the test without the case."""
        return self.test.partition("[")[0]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one case of a test ended: ``passed``, ``failed``, ``error`` or ``skipped``, and why."""

    ended: str
    reason: str = ""

    @property
    def noticed(self) -> bool:
        """Tell whether the test itself found something wrong, and did not merely stumble."""
        kind = re.match(r"[\w.]*", self.reason)
        return self.ended == "failed" and bool(kind) and kind[0].split(".")[-1] not in _ACCIDENTS


def copy_of(tree: Path, folder: Path) -> Path:
    """Copy what the tests need of ``tree`` into the new ``folder`` and return it."""
    for name in _COPIED:
        shutil.copytree(tree / name, folder / name)
    shutil.copy2(tree / "pyproject.toml", folder)
    return folder


def broken(text: str, sabotage: Sabotage) -> str:
    """Return the text of the file with the break in it.

    Raises:
        AssertionError: the place is not there, or not the only one.
    """
    found = text.count(sabotage.old)
    assert found == 1, f"{sabotage.name}: the place stands {found} times in {sabotage.file}"
    return text.replace(sabotage.old, sabotage.new)


def break_it(folder: Path, sabotage: Sabotage) -> None:
    """Make the break in the copy in ``folder``."""
    file = folder / "src" / sabotage.file
    file.write_text(broken(file.read_text(encoding="utf-8"), sabotage), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of pytest: what each case said, the exit code, and what was printed."""

    outcomes: Mapping[str, Outcome]
    code: int
    printed: str

    def of(self, test: str) -> list[Outcome]:
        """Return the outcomes of the cases of ``test``."""
        whole = re.compile(re.escape(test) + ("" if "[" in test else r"(\[.*)?"), re.DOTALL)
        return [o for name, o in self.outcomes.items() if whole.fullmatch(name)]


def run(folder: Path, tests: Iterable[str], *more: str) -> Run:
    """Run tests on the copy in ``folder``, in a process that sees no other tree."""
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider"]
    command += ["-m", "not slow and not postgresql", f"--junitxml={report}", *more]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "TROTH_DATA"))}
    paths = os.pathsep.join((str(folder / "src"), str(folder)))
    done = subprocess.run(
        [*command, *(f"tests/{test}" for test in tests)],
        cwd=folder,
        env={**kept, "PYTHONPATH": paths},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS * (1 if "-x" in more else 8),
    )
    outcomes = _read(report) if report.exists() else {}
    return Run(outcomes, done.returncode, done.stdout[-3000:] + done.stderr[-1000:])


def _read(report: Path) -> dict[str, Outcome]:
    """Return {file::function[case]: outcome} of a report; a setup that fails is an error."""
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        file = case.get("classname", "").removeprefix("tests.").replace(".", "/")
        name = f"{file}.py::{case.get('name')}"
        found[name] = Outcome("passed")
        for part in case:
            if part.tag in ("failure", "error", "skipped"):
                ended = {"failure": "failed"}.get(part.tag, part.tag)
                found[name] = Outcome(ended, part.get("message", ""))
                break
    return found


def in_this_tree(sabotage: Sabotage) -> str:
    """Return the text of the file that a sabotage names, as it stands here."""
    return (ROOT / "src" / sabotage.file).read_text(encoding="utf-8")
