"""Writes down what a run proved: `make prove` keeps the record in docs/proof/."""

import json
import platform
import subprocess
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pluggy
import pytest

_PASSED, _FAILED, _SKIPPED = "passed", "failed", "skipped"
_PROMISES = "promises"


@dataclass(eq=False)
class ProofRecorder:
    """A pytest plugin that records one run as latest.json and latest.md.

    The record tells the commit, whether the tree had changes on top of it, and each test with
    its promises, outcome and seconds. It holds no path and no name of the machine.

    Where several workers share a run (pytest-xdist), each notes the promises on its reports, and
    the process that hands out the tests, where all reports arrive, writes the record.
    """

    root: Path
    folder: Path
    writes: bool = True
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    tests: dict[str, dict[str, object]] = field(default_factory=dict)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pluggy.Result[pytest.TestReport], None]:
        report = (yield).get_result()
        names = {str(name) for mark in item.iter_markers("promise") for name in mark.args}
        report.user_properties.append((_PROMISES, sorted(names)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        noted: dict[str, object] = dict(report.user_properties)
        entry = self.tests.setdefault(
            report.nodeid,
            {"outcome": _PASSED, "seconds": 0.0, "promises": noted.get(_PROMISES, [])},
        )
        entry["seconds"] = round(float(str(entry["seconds"])) + report.duration, 3)
        if report.outcome != _PASSED and entry["outcome"] != _FAILED:
            entry["outcome"] = report.outcome

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if not self.tests or not self.writes:
            return
        record = self._record(exitstatus)
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True)
        (self.folder / "latest.json").write_text(text + "\n", encoding="utf-8")
        (self.folder / "latest.md").write_text(_as_markdown(record), encoding="utf-8")

    def _record(self, exitstatus: int) -> dict[str, object]:
        outcomes = [entry["outcome"] for entry in self.tests.values()]
        now = datetime.now(UTC)
        return {
            "date": self.started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "commit": self._git("rev-parse", "HEAD"),
            "tree_had_changes": bool(self._git("status", "--porcelain", "--untracked-files=no")),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "exit_status": int(exitstatus),
            "seconds": round((now - self.started_at).total_seconds(), 1),
            "counts": {name: outcomes.count(name) for name in (_PASSED, _FAILED, _SKIPPED)},
            "tests": self.tests,
        }

    def _git(self, *arguments: str) -> str:
        answer = subprocess.run(
            ["git", "-C", str(self.root), *arguments], capture_output=True, text=True, check=False
        )
        return answer.stdout.strip() if answer.returncode == 0 else "unknown"


def _as_markdown(record: dict[str, object]) -> str:
    counts, tests = record["counts"], record["tests"]
    assert isinstance(counts, dict)
    assert isinstance(tests, dict)
    commit = f"`{str(record['commit'])[:12]}`"
    if record["tree_had_changes"]:
        commit += " with uncommitted changes"
    rows = "".join(
        f"| `{name}` | {' '.join(entry['promises']) or '–'} | {entry['outcome']} "
        f"| {entry['seconds']} |\n"
        for name, entry in sorted(tests.items())
    )
    return (
        "# The last `make prove`\n\n"
        f"{record['date']}, commit {commit}, Python {record['python']}, {record['system']}, "
        f"{record['seconds']} s: {counts['passed']} passed, {counts['failed']} failed, "
        f"{counts['skipped']} skipped.\n\n"
        "| test | promises | outcome | seconds |\n|---|---|---|---|\n" + rows
    )
