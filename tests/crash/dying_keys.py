"""Run as a program: do one piece of work on keys in children that die before their n-th step.

A step is a statement of SQLite or a call that changes a file. The job comes on standard input
(JSON); a line per child says how far it came and leads to the folder that it worked in.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.builders import NOW
from tests.crash.dying import Fuse, watch
from troth.adapters.clock import SetClock
from troth.adapters.person_keys import FilePersonKeys

WORKS: dict[str, Callable[[FilePersonKeys, str], object]] = {
    "rotate_epoch": lambda keys, _: keys.rotate_epoch(),
    "rotate_master": lambda keys, _: keys.rotate_master(),
    "destroy_key": lambda keys, person: keys.destroy_key(person),
    "make_key": lambda keys, _: keys.make_key("c" * 32),
}


def watch_files(fuse: Fuse) -> None:
    """Let the fuse see every call that changes a file."""
    for name in ("fsync", "link", "replace", "unlink", "write"):
        real = getattr(os, name)

        def watched(*args: Any, _real: Any = real, **named: Any) -> Any:
            fuse.statement()
            return _real(*args, **named)

        setattr(os, name, watched)


def live_and_die(work: str, folder: Path, person: str, last: int) -> None:
    fuse = Fuse(last)
    watch("sqlite", fuse)
    watch_files(fuse)
    if work == "set_up":
        fuse.lit = True
        FilePersonKeys(folder, SetClock(NOW))
    else:
        keys = FilePersonKeys(folder, SetClock(NOW))
        fuse.lit = True
        WORKS[work](keys, person)
    fuse.lit = False
    os._exit(0)


def main() -> None:
    order = json.load(sys.stdin)
    for last in range(1, 200):
        folder = Path(order["to"]) / str(last)
        if order["folder"]:
            shutil.copytree(order["folder"], folder)
        child = os.fork()
        if child == 0:
            try:
                live_and_die(order["work"], folder, order["person"], last)
            finally:
                os._exit(3)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"last": last, "code": code}), flush=True)
        if code != -signal.SIGKILL:
            return


if __name__ == "__main__":
    main()
