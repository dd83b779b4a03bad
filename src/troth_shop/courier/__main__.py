"""The courier's own process: takes parcels over HTTP on loopback, knows nothing of the shop.

    COURIER_TOKEN=… python -m troth_shop.courier --url http://127.0.0.1:8901 [--file parcels.jsonl]

``POST /parcels`` takes one parcel as a JSON object of texts and answers ``{"tracking_id": …}``;
the same parcel number gets the same id. ``GET /parcels`` shows what it received, word for word:
that is what a test of our promise looks at. Both need ``Authorization: Bearer <token>``.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import secrets
import signal
import sys
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

_MOST_BYTES = 16_384
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Parcels:
    """What the courier received, in memory and, if asked for, in a file that survives it."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._writing = threading.Lock()
        self._received: dict[str, dict[str, object]] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                self._received[str(entry["parcel"]["parcel_number"])] = entry

    def take(self, parcel: dict[str, str]) -> str:
        """Take one parcel; return its tracking id, the old one for a parcel it already has."""
        number = parcel["parcel_number"]
        with self._writing:
            entry = self._received.get(number)
            if entry is None:
                entry = {"tracking_id": f"SH{secrets.randbelow(10**12):012d}", "parcel": parcel}
                self._keep(entry)
                self._received[number] = entry
            return str(entry["tracking_id"])

    def all(self) -> list[dict[str, object]]:
        """Return everything that was received, oldest first."""
        with self._writing:
            return list(self._received.values())

    def _keep(self, entry: dict[str, object]) -> None:
        if self._path is None:
            return
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


class Door(BaseHTTPRequestHandler):
    """Answers one request; `make_server` gives each server a subclass with these set."""

    timeout = 10
    token: ClassVar[str]
    parcels: ClassVar[Parcels]

    def do_POST(self) -> None:
        """Take a parcel."""
        if not self._is_known():
            return
        parcel = self._parcel()
        if parcel is None:
            self._answer(HTTPStatus.BAD_REQUEST, {"error": "not a parcel"})
        else:
            self._answer(HTTPStatus.OK, {"tracking_id": self.parcels.take(parcel)})

    def do_GET(self) -> None:
        """Show what was received."""
        if not self._is_known():
            return
        if self.path == "/parcels":
            self._answer(HTTPStatus.OK, {"parcels": self.parcels.all()})
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": "no such page"})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Write no log: a line could name a parcel."""

    def _parcel(self) -> dict[str, str] | None:
        length = self.headers.get("Content-Length", "")
        if self.path != "/parcels" or not length.isdecimal() or int(length) > _MOST_BYTES:
            return None
        try:
            found = json.loads(self.rfile.read(int(length)))
        except ValueError:
            return None
        texts = isinstance(found, dict) and all(isinstance(v, str) for v in found.values())
        return found if texts and found.get("parcel_number") else None

    def _is_known(self) -> bool:
        given = self.headers.get("Authorization", "").encode()
        if hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            return True
        self._answer(HTTPStatus.UNAUTHORIZED, {"error": "who are you?"})
        return False

    def _answer(self, status: HTTPStatus, body: dict[str, object]) -> None:
        content = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def make_server(host: str, port: int, token: str, parcels: Parcels) -> ThreadingHTTPServer:
    """Return the server, bound and not yet serving."""
    door = type("Door", (Door,), {"token": token, "parcels": parcels})
    return ThreadingHTTPServer((host, port), door)


def _end_with_parent(server: ThreadingHTTPServer) -> None:
    sys.stdin.read()
    server.shutdown()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; print the address on the first line."""
    parser = argparse.ArgumentParser(prog="python -m troth_shop.courier")
    parser.add_argument("--url", default="http://127.0.0.1:0", help="port 0 takes a free one")
    parser.add_argument("--file", type=Path, default=None, help="keep what was received here")
    parser.add_argument("--with-parent", action="store_true", help="end when stdin is closed")
    given = parser.parse_args(arguments)
    token = os.environ.get("COURIER_TOKEN", "")
    parts = urlsplit(given.url)
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK or not token:
        parser.error("needs COURIER_TOKEN and an http address on loopback")
    server = make_server(parts.hostname, parts.port or 0, token, Parcels(given.file))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.stdout.write(f"courier listens at http://{parts.hostname}:{server.server_address[1]}\n")
    sys.stdout.flush()
    if given.with_parent:
        # The pipe closes however the parent ends, even killed.
        threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        return 0
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
