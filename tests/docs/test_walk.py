"""The walk that brings an application under a policy: every command and block, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.databases import TestDatabase
from tests.teahouse import as_owner

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "teahouse"
PAGE = ROOT / "docs" / "how-to" / "put-an-application-under-a-policy.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
_DOCTEST = """
import doctest, sys
sys.path.insert(0, "after")
sys.dont_write_bytecode = True
failed, tried = doctest.testfile("visit.txt", module_relative=False, optionflags=doctest.ELLIPSIS)
sys.exit(1 if failed or not tried else 0)
"""


@dataclass
class Reader:
    """Somebody at a shell who types what the page says."""

    at: Path
    database: TestDatabase
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("TROTH_")
        }
        self.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment["PYTHONDONTWRITEBYTECODE"] = "1"
        (self.at / "docs").symlink_to(ROOT / "docs")

    def type(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run one line as a shell does, and stay where it went."""
        if command.startswith("cd "):
            self.at /= command.removeprefix("cd ")
            command = "true"
        if command.startswith("export "):
            for setting in command.split()[1:]:
                name, _, value = setting.partition("=")
                self.environment[name] = self.settings(name, value)
            command = "true"
        done = self.run(["sh", "-c", command])
        if command == "python before/fill.py" and self.database.app_role:
            rights = "GRANT SELECT, INSERT, UPDATE, DELETE ON customer, tea_order"
            as_owner(self.database, f'{rights} TO "{self.database.app_role}"')
        return done

    def settings(self, name: str, value: str) -> str:
        """Return a setting; on PostgreSQL its URLs stand in place of those of the page."""
        if self.database.kind == "postgresql" and name == "DATABASE":
            self.environment["TROTH_OWNER_URL"] = self.database.owner_url
            return self.database.owner_url
        if self.database.kind == "postgresql" and name == "TROTH_DATABASE_URL":
            return self.database.app_url
        return value.replace("$DATABASE", self.environment.get("DATABASE", ""))

    def run(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.at,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


def commands(block: str) -> list[tuple[str, list[str]]]:
    """Return each command with the lines that the page shows of its output."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        elif line.strip():
            found[-1][1].append(line.strip())
    return found


def in_order(shown: list[str], said: str) -> bool:
    """Tell whether what the page shows stands in what was said, in this order."""
    at = 0
    for line in shown:
        at = said.find(line, at)
        if at < 0:
            return False
        at += len(line)
    return True


def test_every_command_and_every_session_of_the_page_comes_out_as_it_says(
    database: TestDatabase, tmp_path: Path
) -> None:
    (tmp_path / "reader").mkdir()
    reader = Reader(tmp_path / "reader", database)
    visits = "".join(f"{text}\n" for kind, text in BLOCKS if kind == "pycon")
    typed = 0
    for kind, text in BLOCKS:
        for command, shown in commands(text) if kind == "console" else ():
            done = reader.type(command)
            said = done.stdout + done.stderr
            fails = any(line.startswith("error ") for line in shown)
            assert done.returncode == int(fails), f"{command}\n{said}"
            assert in_order(shown, said), f"{command}\n{said}"
            typed += 1
    assert typed == PAGE.read_text(encoding="utf-8").count("\n$ ")
    (reader.at / "visit.txt").write_text(visits, encoding="utf-8")
    visited = reader.run([sys.executable, "-c", _DOCTEST])
    assert visited.returncode == 0, visited.stdout + visited.stderr


@pytest.mark.parametrize(
    "block", [text for kind, text in BLOCKS if kind == "python"], ids=lambda text: text[:24]
)
def test_every_piece_of_code_stands_in_the_file_that_it_names(block: str) -> None:
    named, _, code = block.partition("\n")
    file = EXAMPLE / named.removeprefix("# ")
    assert code in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("block", [text for kind, text in BLOCKS if kind == "yaml"])
def test_every_piece_of_the_map_stands_in_it(block: str) -> None:
    assert block in (EXAMPLE / "datamap.yaml").read_text(encoding="utf-8")


def test_no_code_of_the_page_is_left_unrun() -> None:
    assert {kind for kind, _ in BLOCKS} == {"console", "python", "pycon", "yaml"}
