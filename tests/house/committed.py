"""What git would commit from this checkout: the files that the contracts of the house look at."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def committed_files() -> list[Path]:
    """Return every file that is tracked, or would be by `git add .`, without the deleted ones.

    Files not yet added count, so that a fault is seen before it is committed.
    """
    answer = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        pytest.skip("not a git checkout")
    files = (ROOT / name for name in answer.stdout.split("\0") if name)
    return sorted(path for path in files if path.is_file())


def relative(path: Path) -> str:
    """Return the path as the repository names it."""
    return path.relative_to(ROOT).as_posix()
