"""Fixtures that every room may use: databases of both kinds, and what the end of a run says.

Each test has a database of its own. `database` is an empty one. `migrated_database` is a copy of
one that the migrations of troth made once in this run: for tests that are about something else.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.databases import Template, TestDatabase, empty_database
from tests.proof import ProofRecorder
from tests.servers import MISSING, PostgresDatabase, PostgresServer, running_postgres
from troth import app
from troth.core.compile import Compiled
from troth.store.migrate import migrate

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

__all__ = ["TestDatabase"]

_ONE_SERVER_EACH = ("tests/browser/", "tests/matrix/")
"""Rooms whose tests share a browser or a shop: one worker runs all of such a room."""


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
def server_of_database(request: pytest.FixtureRequest) -> PostgresServer | None:
    """The same test on every database: SQLite, which needs no server, then PostgreSQL."""
    if request.param == "sqlite":
        return None
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server


@pytest.fixture
def database(server_of_database: PostgresServer | None, tmp_path: Path) -> Iterator[TestDatabase]:
    """An empty database: a file of SQLite that is not there yet, then one of PostgreSQL."""
    with empty_database(server_of_database, tmp_path / "database") as made:
        yield made


@pytest.fixture
def migrated_database(
    server_of_database: PostgresServer | None, migrated_template: Template, tmp_path: Path
) -> Iterator[TestDatabase]:
    """A database with troth's tables and nothing in them, of both kinds."""
    with migrated_template.copy(server_of_database, tmp_path / "database") as made:
        yield made


@pytest.fixture(scope="session")
def migrated_template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """What `migrated_database` is a copy of."""

    def fill(empty: TestDatabase) -> None:
        migrate(empty.owner_url, app_role=empty.app_role)

    return Template(fill, tmp_path_factory.mktemp("migrated"))


@pytest.fixture(scope="session", autouse=True)
def _stored_policies_compile_once() -> Iterator[None]:
    # Compiling is pure: the same files give the same value, which nobody can change.
    real, made = app._recompile, dict[tuple[tuple[str, str], ...], Compiled]()

    def once(files: Mapping[str, str]) -> Compiled:
        key = tuple(sorted(files.items()))
        if key not in made:
            made[key] = real(files)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "_recompile", once)
        yield


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
        is_worker = hasattr(config, "workerinput")
        recorder = ProofRecorder(config.rootpath, config.rootpath / folder, writes=not is_worker)
        config.pluginmanager.register(recorder)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Hand out files, and rooms with a server of their own as a whole, in the order they stand."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            room = next((name for name in _ONE_SERVER_EACH if nodeid.startswith(name)), None)
            return room or nodeid.partition("::")[0]

    # The rooms that take longest stand first; sorted by number of tests they would come last.
    config.option.loadscopereorder = False
    return ByFile(config, log)


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
