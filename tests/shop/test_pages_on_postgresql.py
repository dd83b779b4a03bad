"""The pages of the shop on PostgreSQL, lenses and all: the same tests as on SQLite."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.house.committed import ROOT


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.control("purpose_lens")
def test_every_test_of_the_pages_passes_on_postgresql() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/shop/web", "-m", "not slow"],
        cwd=ROOT,
        env={**os.environ, "TROTH_TEST_SHOP_ON": "postgresql", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-3000:]
