"""Run as a program: do one piece of work in a child that kills itself before its n-th statement.

It reads a job from its standard input (JSON) and writes one line per child: how far it came. The
children are forked from a process that never opened the database, so each starts as new.
"""

import json
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests.builders import NOW, open_troth
from tests.conftest import TestDatabase
from troth import Answer, Said, Troth
from troth.adapters.clock import SetClock

Work = Callable[[Troth, dict[str, Any]], None]


class Fuse:
    """Counts statements of the driver and ends the process, as kill -9 does, before the n-th."""

    def __init__(self, last: int) -> None:
        self.left = last
        self.lit = False
        self.lock = threading.Lock()

    def statement(self, *_: object) -> None:
        with self.lock:
            if not self.lit:
                return
            self.left -= 1
            if self.left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def watch(kind: str, fuse: Fuse) -> None:
    """Let the fuse see every statement of every connection that is opened from now on.

    On SQLite those inside triggers too; on PostgreSQL a trigger runs in the server, which lives on.
    """
    if kind == "sqlite":
        connect = sqlite3.connect

        def watched(*args: Any, **named: Any) -> sqlite3.Connection:
            connection = connect(*args, **named)
            connection.set_trace_callback(fuse.statement)
            return connection

        sqlite3.connect = watched  # type: ignore[assignment]
        return
    import psycopg

    execute = psycopg.Cursor.execute
    commit = psycopg.Connection.commit

    def watched_execute(self: Any, *args: Any, **named: Any) -> Any:
        fuse.statement()
        return execute(self, *args, **named)

    def watched_commit(self: Any) -> None:
        fuse.statement()
        commit(self)

    psycopg.Cursor.execute = watched_execute  # type: ignore[method-assign]
    psycopg.Connection.commit = watched_commit  # type: ignore[method-assign]


def answer(troth: Troth, job: dict[str, Any]) -> None:
    troth.answer(job["person"], "keep_books", Answer.ACT, job["token"])


def answer_two(troth: Troth, job: dict[str, Any]) -> None:
    troth.answer_many(
        [
            Said(job["person"], "keep_books", Answer.ACT, job["token"]),
            Said(job["person"], "send_news", Answer.GIVE, job["other_token"]),
        ]
    )


def answer_with_a_row_of_the_host(troth: Troth, job: dict[str, Any]) -> None:
    with troth.transaction() as connection:
        connection.execute(text("INSERT INTO host_order VALUES (:p)"), {"p": job["person"]})
        troth.answer(job["person"], "keep_books", Answer.ACT, job["token"], connection=connection)


def publish(troth: Troth, job: dict[str, Any]) -> None:
    troth.publish(Path(job["folder"]))


WORKS: dict[str, Work] = {
    "answer": answer,
    "answer_two": answer_two,
    "answer_with_a_row_of_the_host": answer_with_a_row_of_the_host,
    "publish": publish,
}


def live_and_die(database: TestDatabase, work: str, job: dict[str, Any], last: int) -> None:
    """Do the work in this process; it may not survive it."""
    fuse = Fuse(last)
    watch(database.kind, fuse)
    troth = open_troth(database, SetClock(NOW), seed=f"child-{last}-{os.getpid()}")
    troth.in_force()
    fuse.lit = True
    WORKS[work](troth, job)
    fuse.statement()  # once more after the commit, before anybody was told
    print(json.dumps({"acknowledged": job}), flush=True)
    os._exit(0)


def main() -> None:
    order = json.load(sys.stdin)
    place = order["database"]
    database = TestDatabase(
        kind=place["kind"],
        owner_url=place["owner_url"],
        app_url=place["app_url"],
        folder=Path(place["folder"]),
    )
    for last, job in enumerate(order["jobs"], start=1):
        child = os.fork()
        if child == 0:
            try:
                live_and_die(database, order["work"], job, last)
            finally:
                os._exit(3)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps({"last": last, "code": code}), flush=True)
        if code != -signal.SIGKILL:
            return


if __name__ == "__main__":
    main()
