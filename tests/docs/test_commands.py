"""Every command in the documentation runs, in a folder of its own, as a reader would run it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_FAULTY = "docs/examples/faulty-policy.md"


def _commands() -> list[tuple[str, str]]:
    return [
        (str(page.relative_to(ROOT)), line.strip())
        for page in PAGES
        for block in _BLOCK.findall(page.read_text(encoding="utf-8"))
        for line in block.splitlines()
        if line.strip() and not line.startswith("#")
    ]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that readers have, a deployment in ``data`` and a receipt."""
    folder = tmp_path_factory.mktemp("reader")
    for name in ("src", "docs", "Makefile", "README.md"):
        (folder / name).symlink_to(ROOT / name)
    make = (
        "from pathlib import Path\n"
        "from troth import Answer, Settings, Troth\n"
        "from troth_shop.migrate import migrate\n"
        "t = Troth.open(Settings.of(Path('data')))\n"
        "migrate('sqlite:///data/troth.db')\n"
        "t.publish(Path('src/troth_shop/policy'))\n"
        "p = t.add_person()\n"
        "e = t.answer(p, 'scan_product', Answer.GIVE, t.show('scan_product', person=p).token)\n"
        "t.sequence()\n"
        "Path('receipt.json').write_text(t.receipt(p, e))\n"
        "t.close()\n"
    )
    subprocess.run([sys.executable, "-c", make], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize(("page", "command"), _commands())
def test_command_of_the_documentation_runs(page: str, command: str, place: Path) -> None:
    words = command.split()
    if words[0] == "make":
        # The targets themselves are run by CI; here they must exist and be spelled so.
        subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, check=True, capture_output=True)
        return
    if words[0] == ".":
        assert words[1] == ".venv/bin/activate"
        return
    if words[0] == "cp":
        shutil.rmtree(place / words[-1], ignore_errors=True)
    if words[:2] == ["troth", "backup"]:
        (place / words[-1]).unlink(missing_ok=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        words,
        cwd=place,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    expected = 1 if _FAULTY in words else 0
    assert ran.returncode == expected, f"{page}: {command}\n{ran.stdout}{ran.stderr}"


def test_python_of_the_readme_runs(place: Path, tmp_path: Path) -> None:
    (code,) = _PYTHON.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    (tmp_path / "policy").symlink_to(ROOT / "src" / "troth_shop" / "policy")
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_of_the_documentation_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_reference_of_the_lint_rules_is_what_the_command_prints() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "troth.cli", "rules"], capture_output=True, text=True, check=True
    )
    page = (ROOT / "docs" / "reference" / "lint-rules.md").read_text(encoding="utf-8")
    assert page.endswith(ran.stdout)
