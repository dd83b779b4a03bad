"""The command of the shop: ``troth-shop run`` compiles, seeds and serves it on this machine."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from sqlalchemy import make_url
from sqlalchemy.exc import IntegrityError

from troth import PolicyError, Settings, Troth, TrothError, lift_lenses
from troth.integrations.security_log import open_security_log
from troth_shop import security, seed
from troth_shop.catalogue import load_catalogue
from troth_shop.migrate import migrate
from troth_shop.security import Event, security_event
from troth_shop.staff import Role, add_staff
from troth_shop.web.app import create_app

_PASSWORDS = ("longjing-and-rice", "mooncake-and-tea")
_STAFF_PASSWORD = "abacus-and-scales"  # noqa: S105 - of the demonstration, printed at its start
_STAFF = (
    ("cashier", Role.CASHIER),
    ("packer", Role.PACKER),
    ("support", Role.SUPPORT),
    ("officer", Role.OFFICER),
)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_USUAL_PORT = 8000

commands = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


@commands.callback()
def _root() -> None:
    """The shop that lives under its own privacy policy."""


@commands.command()
def run(
    data: Annotated[
        Path | None, typer.Option(help="Folder that keeps the state; a temporary one by default.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to serve on; 0 takes 8000 if it is free, else another.")
    ] = 0,
) -> None:
    """Serve the demonstration: compile the policy, seed two customers and staff, open the shop."""
    if host not in _LOOPBACK:
        typer.echo(
            "This is a demonstration with printed passwords: it is served on this machine only "
            f"(got --host {host}, expected one of {', '.join(_LOOPBACK)}).",
            err=True,
        )
        raise typer.Exit(2)
    # Stopped by a signal, at any moment, the block below is unwound, so that the courier's process
    # and the temporary folder go with the shop (uvicorn raises its signal again at its end).
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as open_until_the_end:
        folder = data or Path(
            open_until_the_end.enter_context(tempfile.TemporaryDirectory(prefix="troth-shop-"))
        )
        release = version("troth")
        try:
            settings = _settings(folder)
            open_until_the_end.enter_context(open_security_log(settings, security.LOGGER))
            t = _open(settings)
        except TrothError as error:
            security_event(Event.START_REFUSED, release=release, error=type(error).__name__)
            typer.echo(f"The shop cannot open: {error}", err=True)
            for finding in error.findings if isinstance(error, PolicyError) else ():
                typer.echo(f"  {finding.line_of_text()}", err=True)
            raise typer.Exit(1) from None
        open_until_the_end.callback(t.close)
        words = t.lens_words()
        security_event(
            Event.STARTED,
            release=release,
            version=t.policy.version,
            policy=t.policy.digest,
            lens=words[0],
            left_open=len(words) - 1,
        )
        open_until_the_end.callback(security_event, Event.STOPPED)
        t.start_sequencer()
        listening = open_until_the_end.enter_context(_listen(host, port))
        token = secrets.token_urlsafe(24)
        courier_url = open_until_the_end.enter_context(_courier(folder, token))
        shop = create_app(t, folder, demo=True, courier_url=courier_url, courier_token=token)
        served_at = f"http://{host}:{listening.getsockname()[1]}"
        _say(t, folder, served_at, courier_url, kept=data is not None)
        # No access log: it would hold addresses and what people search for. No proxy headers:
        # they would let a request say that it comes from this machine.
        uvicorn.Server(
            uvicorn.Config(
                shop,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
            )
        ).run(sockets=[listening])


def _settings(folder: Path) -> Settings:
    # This demonstration says of itself where its policy lets data lie; a real shop is told.
    return Settings.of(folder, {"TROTH_REGION": "CN", **os.environ})


def _open(settings: Settings) -> Troth:
    """Open a deployment: migrate, publish the policy if it changed, seed."""
    t = Troth.open(settings)
    role = make_url(settings.database_url).username or ""
    migrate(settings.owner_url, app_role=role, lift=lambda: lift_lenses(settings))
    files = Path(str(resources.files("troth_shop")))
    t.publish(files / "policy")
    t.govern(files / "datamap.yaml")
    name, _ = _STAFF[0]
    seed.seed(t, passwords=_PASSWORDS, staff_name=name, staff_password=_STAFF_PASSWORD)
    for name, role in _STAFF[1:]:
        with contextlib.suppress(IntegrityError):
            add_staff(t, name, role, _STAFF_PASSWORD)
    return t


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """Open the address that the shop is served on; connections wait there until it is ready."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port or _USUAL_PORT), family=family)
    except OSError as taken:
        if port:
            typer.echo(f"Port {port} of {host} cannot be used: {taken.strerror}.", err=True)
            raise typer.Exit(1) from None
        listening = socket.create_server((host, 0), family=family)
    with listening:
        # asyncio sets it on sockets of its own making only; without it each page waits 40 ms.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listening


@contextlib.contextmanager
def _courier(folder: Path, token: str) -> Iterator[str]:
    """Run the courier as a process of its own, ended with the shop; yield its address."""
    process = subprocess.Popen(  # noqa: S603 - our own module, nothing from outside in it
        [
            *(sys.executable, "-m", "troth_shop.courier", "--with-parent"),
            *("--file", str(folder / "courier.jsonl")),
        ],
        env={**os.environ, "COURIER_TOKEN": token},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        address = line.strip().rpartition(" ")[2]
        if not address.startswith("http://"):
            typer.echo("The courier's process did not start.", err=True)
            raise typer.Exit(1)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _say(t: Troth, folder: Path, served_at: str, courier_url: str, *, kept: bool) -> None:
    policy = t.policy
    status = [clause.status.value for clause in policy.clauses.values()]
    goods = load_catalogue()
    first, second = seed.PHONES
    typer.echo(
        f"""
Policy    {policy.id} {policy.version}, digest {policy.digest[:16]}…
          {len(policy.clauses)} clauses: {status.count("built")} kept by built controls, \
{status.count("pending")} not yet kept, {status.count("not_testable")} not testable
          {len(policy.purposes)} purposes, {len(policy.permissions)} permissions (all off), \
{len(policy.recipients)} recipient
Shop      {len(goods.products)} articles on {len(goods.categories)} shelves
Data      {folder}{"" if kept else " (temporary: gone when the shop stops)"}
Lens      {_wrapped(t.lens_words())}
Courier   {courier_url} (a process of its own)

Open      {served_at}/        in English: {served_at}/en/
Codes     {served_at}/outbox  (what a phone would have received)
Staff     {served_at}/staff/login

Customer  {first}   password {_PASSWORDS[0]}
Customer  {second}   password {_PASSWORDS[1]}
Staff     {_STAFF[0][0]}       password {_STAFF_PASSWORD}   (also: \
{", ".join(name for name, _ in _STAFF[1:])})

Stop with Ctrl+C.
"""
    )


def _wrapped(words: Sequence[str]) -> str:
    """Return sentences as lines under each other, in the column of the banner's other facts."""
    lines = [line for sentence in words for line in textwrap.wrap(sentence, 88)]
    return ("\n" + " " * 10).join(lines)


def main() -> None:
    """Run the command line."""
    commands()


if __name__ == "__main__":
    main()
