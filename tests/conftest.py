"""Fixtures that every room may use: databases of both kinds, and what the end of a run says."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from sqlalchemy import URL

from tests.proof import ProofRecorder
from tests.servers import (
    MISSING,
    PostgresDatabase,
    PostgresServer,
    running_postgres,
)


@dataclass(frozen=True)
class TestDatabase:
    """A fresh, empty database for one test.

    Attributes:
        kind: which of the two databases it is.
        owner_url: for SQLAlchemy; may create and own tables (migrations run as this).
        app_url: for SQLAlchemy; the role the application runs as, which owns nothing. The same
            as `owner_url` on SQLite, which knows no roles.
        folder: an empty folder of this test on disk; on SQLite the file lies in it.
    """

    __test__: ClassVar[bool] = False

    kind: Literal["sqlite", "postgresql"]
    owner_url: str
    app_url: str
    folder: Path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A throwaway PostgreSQL server; TROTH_TEST_FSYNC=on makes its commits wait for the disk."""
    with running_postgres(fsync=os.environ.get("TROTH_TEST_FSYNC", "off") == "on") as server:
        yield server


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """An empty PostgreSQL database of this test's own, with an owner and an application role."""
    with postgres_server.fresh_database() as database:
        yield database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> TestDatabase:
    """The same test on every database: a file of SQLite, then a database of PostgreSQL."""
    folder = tmp_path / "database"
    folder.mkdir()
    if request.param == "sqlite":
        url = URL.create("sqlite", database=str(folder / "troth.db")).render_as_string()
        return TestDatabase(kind="sqlite", owner_url=url, app_url=url, folder=folder)
    made: PostgresDatabase = request.getfixturevalue("postgres_database")
    return TestDatabase(
        kind="postgresql", owner_url=made.owner_url, app_url=made.app_url, folder=folder
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-proof",
        metavar="FOLDER",
        default=None,
        help="write what this run proved (date, commit, counts, durations) into FOLDER",
    )


def pytest_configure(config: pytest.Config) -> None:
    # A terminated run ends like an interrupted one, so that every fixture still stops its server.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = config.getoption("--record-proof")
    if folder is not None:
        config.pluginmanager.register(ProofRecorder(config.rootpath, config.rootpath / folder))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Marks by what a test asks for, so that `-m "not postgresql"` needs nobody to remember them.
    for item in items:
        asked = getattr(item, "fixturenames", ())
        if "postgres_server" in asked or "postgres_database" in asked:
            item.add_marker(pytest.mark.postgresql)
        if "chromium" in asked or "launch_chromium" in asked:
            item.add_marker(pytest.mark.browser)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud, and counted, what this run could not test on this machine."""
    missing: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _, found, what = reason.partition(MISSING)
        if found:
            missing[what] = missing.get(what, 0) + 1
    for what, count in sorted(missing.items()):
        terminalreporter.write_sep(
            "!", f"NOT TESTED HERE: {count} tests, for want of {what}", red=True, bold=True
        )
