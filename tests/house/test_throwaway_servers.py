"""What tests/servers.py promises to the other tests."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from tests.conftest import TestDatabase
from tests.servers import APPLICATION, OWNER, PostgresDatabase, PostgresServer

ROOT = Path(__file__).parents[2]


def test_server_never_runs_as_root(postgres_server: PostgresServer):
    status = Path(f"/proc/{postgres_server.pid}/status")
    if not status.exists():
        pytest.skip("this system shows no /proc")
    owner = next(line for line in status.read_text().splitlines() if line.startswith("Uid:"))
    assert "0" not in owner.split()[1:]


def test_server_listens_on_loopback_only(postgres_server: PostgresServer):
    with psycopg.connect(postgres_server.dsn("postgres")) as connection:
        shown = connection.execute("SHOW listen_addresses").fetchone()
        rules = connection.execute(
            "SELECT DISTINCT type, address, auth_method FROM pg_hba_file_rules"
        ).fetchall()
    assert shown == ("127.0.0.1",)
    assert set(rules) == {("local", None, "trust"), ("host", "127.0.0.1", "trust")}


def test_application_role_owns_nothing_and_cannot_create(
    postgres_server: PostgresServer, postgres_database: PostgresDatabase
):
    if postgres_server.version < 150000:
        pytest.skip("before PostgreSQL 15 everyone could create tables in schema public")
    engine = sqlalchemy.create_engine(postgres_database.app_url)
    with (
        engine.connect() as connection,
        pytest.raises(sqlalchemy.exc.ProgrammingError, match="permission denied"),
    ):
        connection.execute(sqlalchemy.text("CREATE TABLE public.taken (id int)"))
    engine.dispose()


def test_each_database_starts_empty_and_roles_of_a_test_end_with_it(
    postgres_server: PostgresServer,
):
    with postgres_server.fresh_database() as first:
        with psycopg.connect(postgres_server.dsn(first.name, user=OWNER)) as connection:
            connection.execute("CREATE TABLE letter (body text)")
            connection.execute("CREATE ROLE lens_of_this_test LOGIN")
            connection.execute("GRANT SELECT ON letter TO lens_of_this_test")
        # Left open on purpose: a failing test leaves its connections behind.
        left_open = psycopg.connect(postgres_server.dsn(first.name, user=APPLICATION))
    left_open.close()
    with (
        postgres_server.fresh_database() as second,
        psycopg.connect(postgres_server.dsn(second.name, user=OWNER)) as connection,
    ):
        tables = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()
        roles = connection.execute(
            "SELECT count(*) FROM pg_roles WHERE rolname = 'lens_of_this_test'"
        ).fetchone()
        databases = connection.execute(
            "SELECT count(*) FROM pg_database WHERE datname = %s", (first.name,)
        ).fetchone()
    assert (tables, roles, databases) == ((0,), (0,), (0,))


def test_owner_can_create_and_keep_rows_on_every_database(database: TestDatabase):
    engine = sqlalchemy.create_engine(database.owner_url)
    assert engine.dialect.name == database.kind
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE letter (body text)"))
        connection.execute(sqlalchemy.text("INSERT INTO letter VALUES ('你好')"))
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT body FROM letter")).scalar_one() == "你好"
    engine.dispose()


@pytest.mark.parametrize(
    ("end", "workers"),
    [(signal.SIGINT, "0"), (signal.SIGTERM, "0"), (signal.SIGKILL, "0"), (signal.SIGINT, "1")],
)
def test_server_stops_when_the_suite_is_interrupted(
    postgres_server: PostgresServer, tmp_path: Path, end: signal.Signals, workers: str
):
    if end is signal.SIGKILL and sys.platform != "linux":
        pytest.skip("only Linux ends a child with its parent")
    inner = tmp_path / "test_inner.py"
    inner.write_text(
        "import time\n"
        "def test_waits(postgres_server):\n"
        f"    with open({str(tmp_path / 'pid')!r}, 'w') as file:\n"
        "        file.write(f'{postgres_server.pid} {postgres_server.folder}\\n')\n"
        "    time.sleep(60)\n"
    )
    suite = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-n", workers, "-p", "tests.conftest", str(inner)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A suite in the background of a script was told to ignore Ctrl-C, and so would its child.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    told = tmp_path / "pid"
    _wait_for(lambda: told.exists() and told.read_text().endswith("\n"), seconds=30)
    pid, folder = told.read_text().split()
    suite.send_signal(end)
    suite.wait(timeout=30)
    _wait_for(lambda: not _runs(int(pid)), seconds=15)
    if end is signal.SIGKILL:
        shutil.rmtree(folder)  # nobody was left to do it
    assert not Path(folder).exists()


def _wait_for(condition, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A stopped server whose new parent has not collected it yet is a zombie: it runs no more.
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_browser_tests_leave_no_event_loop_open():
    # tests/browser runs before this folder; its Playwright must be closed by now, or asyncio.run
    # fails in every later test.
    async def answer() -> int:
        return 1

    assert asyncio.run(answer()) == 1
