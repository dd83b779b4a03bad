"""Throwaway servers that the suite starts itself, on free loopback ports, in folders of their own.

What a test may count on:

* a server listens on 127.0.0.1 and on a socket in its own temporary folder only;
* it never runs as root, also when the suite does;
* it is stopped by the process that was started here, never by name; when the suite is killed
  outright, the kernel stops it (Linux);
* when its program is not on this machine, `say_missing` skips the test at home, aloud and
  counted at the end of the run, and fails it in CI.
"""

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

MISSING = "missing on this machine: "
OWNER = "troth_owner"
APPLICATION = "troth_app"
_SUPERUSER = "postgres"
_START_SECONDS = 30
_STOP_SECONDS = 10
_ROOM = 2 * 1024**3


def say_missing(what: str) -> NoReturn:
    """Skip the test that asked for `what`, or fail it where `CI` is set.

    The end of the run counts these skips on a line of their own (tests/conftest.py).
    """
    if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        pytest.fail(f"{MISSING}{what}, and in CI nothing may be skipped for that", pytrace=False)
    pytest.skip(f"{MISSING}{what}")


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class PostgresDatabase:
    """One database, owned by `troth_owner`, with `troth_app` able to connect and no more.

    Otherwise it is as PostgreSQL makes it: what PUBLIC may do by default (CONNECT, TEMP) it may
    do here too, so that a test shows what the product closes, not what the suite closed for it.
    """

    name: str
    owner_url: str
    app_url: str
    superuser_dsn: str


@dataclass(frozen=True)
class PostgresServer:
    """A running throwaway PostgreSQL server.

    Attributes:
        port: its port on 127.0.0.1.
        folder: holds its data and its socket; removed when it stops.
        version: of the server, such as 150018.
        pid: of the postmaster.
    """

    port: int
    folder: Path
    version: int
    pid: int

    def dsn(self, database: str, *, user: str = _SUPERUSER) -> str:
        """Return the address for psycopg; connections over loopback need no password."""
        return f"postgresql://{quote(user)}@127.0.0.1:{self.port}/{quote(database)}"

    def url(self, database: str, *, user: str = _SUPERUSER) -> str:
        """Return the address for SQLAlchemy."""
        return self.dsn(database, user=user).replace("postgresql://", "postgresql+psycopg://", 1)

    def create_database(self, *, template: str = "template0") -> PostgresDatabase:
        """Make a database that stays until the server stops.

        Args:
            template: the database that it is a copy of, to which nobody may be connected; an
                empty one by default.
        """
        name = f"troth_{secrets.token_hex(6)}"
        # Copies the files as they are. Later versions write every page to their log instead,
        # which costs twice as much where no file has to reach the disk.
        strategy = "STRATEGY FILE_COPY" if self.version >= 150000 else ""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} {}").format(
                    sql.Identifier(name),
                    sql.Identifier(OWNER),
                    sql.Identifier(template),
                    sql.SQL(strategy),
                )
            )
        return PostgresDatabase(
            name=name,
            owner_url=self.url(name, user=OWNER),
            app_url=self.url(name, user=APPLICATION),
            superuser_dsn=self.dsn(name),
        )

    @contextmanager
    def fresh_database(self, *, template: str = "template0") -> Iterator[PostgresDatabase]:
        """Make a database, and drop it at the end with every role that was added meanwhile.

        Roles belong to the whole server, so those a test made (one per purpose), and settings it
        gave to the roles of the product, would otherwise meet the next test.

        Args:
            template: as for `create_database`.
        """
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as admin:
            roles_before = _role_names(admin)
        made = self.create_database(template=template)
        try:
            yield made
        finally:
            with psycopg.connect(self.dsn("postgres"), autocommit=True) as admin:
                # FORCE ends the sessions that a failing test left open.
                admin.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
                        sql.Identifier(made.name)
                    )
                )
                for role in sorted(_role_names(admin) - roles_before):
                    # One that a template filled meanwhile still needs stays with the template.
                    with suppress(psycopg.errors.DependentObjectsStillExist):
                        admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
                for role in (OWNER, APPLICATION):
                    admin.execute(sql.SQL("ALTER ROLE {} RESET ALL").format(sql.Identifier(role)))


def find_postgres_binaries() -> Path | None:
    """Return the folder of initdb and postgres: the newest on this machine, or None."""
    candidates: list[Path] = []
    if wanted := os.environ.get("TROTH_TEST_POSTGRES_BIN"):
        candidates.append(Path(wanted))
    versioned = Path("/usr/lib/postgresql").glob("*/bin")
    candidates += sorted(versioned, key=lambda path: _version_key(path.parent.name), reverse=True)
    if program := shutil.which("pg_config"):
        answer = subprocess.run([program, "--bindir"], capture_output=True, text=True, check=False)
        candidates.append(Path(answer.stdout.strip()))
    if program := shutil.which("initdb"):
        candidates.append(Path(program).resolve().parent)
    return next(
        (
            path
            for path in candidates
            if (path / "initdb").exists() and (path / "postgres").exists()
        ),
        None,
    )


@contextmanager
def running_postgres(*, fsync: bool) -> Iterator[PostgresServer]:
    """Run a fresh PostgreSQL server for the length of the block.

    Args:
        fsync: whether a commit waits for the disk. Benchmarks say True; tests that do not cut
            the power say False and save about half their time.

    Raises:
        pytest.skip.Exception: no PostgreSQL server program is installed (fails in CI).
        RuntimeError: the server did not come up; the message ends with its log.
    """
    binaries = find_postgres_binaries()
    if binaries is None:
        say_missing("a PostgreSQL server (initdb)")
    folder = Path(tempfile.mkdtemp(prefix="troth-pg-", dir=None if fsync else _memory()))
    account = _unprivileged_account()
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    try:
        _initialise(binaries, folder, account)
        port = free_port()
        process = _launch(binaries, folder, account, port=port, fsync=fsync)
        try:
            version = _wait_until_it_answers(process, folder, port)
            yield PostgresServer(port=port, folder=folder, version=version, pid=process.pid)
        finally:
            _stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _memory() -> Path | None:
    """Return a file system in memory that has room for a server, or None.

    A database is 300 files; a disk spends longer on making and removing them than the test on its
    work. Whoever waits for no disk need not touch one.
    """
    folder = Path("/dev/shm")
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        return None
    return folder if shutil.disk_usage(folder).free >= _ROOM else None


def _version_key(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split(".") if part.isdigit())


def _role_names(admin: psycopg.Connection) -> set[str]:
    return {row[0] for row in admin.execute("SELECT rolname FROM pg_roles").fetchall()}


def _unprivileged_account() -> pwd.struct_passwd | None:
    """Return who the server runs as when the suite is root (PostgreSQL refuses to be), or None."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("the suite runs as root and there is no account postgres or nobody")


def _as(account: pwd.struct_passwd | None) -> dict[str, object]:
    """Return the arguments of Popen that make the child that account."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment of the server: nothing of PG* from outside may steer it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "HOME": str(folder), "LC_ALL": "C", "TZ": "UTC"}


def _initialise(binaries: Path, folder: Path, account: pwd.struct_passwd | None) -> None:
    data = folder / "data"
    answer = subprocess.run(
        [
            str(binaries / "initdb"),
            f"--pgdata={data}",
            f"--username={_SUPERUSER}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
        ],
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **_as(account),  # type: ignore[call-overload]
    )
    if answer.returncode != 0:
        raise RuntimeError(f"initdb failed: {answer.stdout[-2000:]}{answer.stderr[-2000:]}")
    (data / "pg_hba.conf").write_text(
        "local all all trust\nhost all all 127.0.0.1/32 trust\n", encoding="ascii"
    )


def _launch(
    binaries: Path, folder: Path, account: pwd.struct_passwd | None, *, port: int, fsync: bool
) -> "subprocess.Popen[bytes]":
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": folder,
        "unix_socket_permissions": "0700",
        "max_connections": 200,
        "fsync": "on" if fsync else "off",
        "synchronous_commit": "on",  # troth refuses to work without it
        "full_page_writes": "on" if fsync else "off",
        "max_wal_size": "1GB" if fsync else "256MB",
    }
    command = [str(binaries / "postgres"), "-D", str(folder / "data")]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with (folder / "log").open("wb") as log:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # A session of its own: Ctrl-C in the terminal reaches the suite, which then stops the
            # server in order. The signal at the suite's own death is for kill -9.
            start_new_session=True,
            # It only makes one system call in the child, so threads do it no harm.
            preexec_fn=_die_with_the_suite,  # noqa: PLW1509
            **_as(account),  # type: ignore[call-overload]
        )
        return process


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_the_suite() -> None:
    """Ask Linux to send this child SIGQUIT (PostgreSQL's immediate stop) when the suite dies."""
    if _libc is not None:
        pr_set_pdeathsig = 1
        _libc.prctl(pr_set_pdeathsig, signal.SIGQUIT)


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", folder: Path, port: int) -> int:
    """Return the server's version once it answers, with the two roles of the product made."""
    deadline = time.monotonic() + _START_SECONDS
    address = f"postgresql://{_SUPERUSER}@127.0.0.1:{port}/postgres?connect_timeout=2"
    while True:
        try:
            with psycopg.connect(address, autocommit=True) as admin:
                for role, rights in ((OWNER, "LOGIN CREATEROLE"), (APPLICATION, "LOGIN")):
                    admin.execute(
                        sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(role), sql.SQL(rights))
                    )
                return admin.info.server_version
        except psycopg.OperationalError:
            if process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            log = (folder / "log").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"PostgreSQL did not come up: {log[-3000:]}") from None


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Stop the server: in order (SIGINT), else at once (SIGQUIT), else by the kernel."""
    for stop in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(stop)
        try:
            process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
