"""Run as a program: take looks from eight threads until somebody kills it, naming each one taken.

Every line of its output is one look that was acknowledged, with the number of its people.
"""

import json
import os
import sys
import threading
from pathlib import Path

from tests.builders import NOW, Deployment, open_troth
from tests.conftest import TestDatabase
from tests.looks import DESK, watched
from troth.adapters.clock import SetClock
from troth.core.looks import Use
from troth.flows.looks import record_uses

THREADS = 8
BATCH = 30
REASON = "the shop is on fire, we must warn them"


def main() -> None:
    place = json.load(sys.stdin)
    database = TestDatabase(**{**place, "folder": Path(place["folder"])})
    clock = SetClock(NOW)
    troth = open_troth(database, clock, seed="child")
    known = troth.in_force()
    with watched(Deployment(troth, clock, database, database.folder), seed="child") as looked:

        def look(thread: int) -> None:
            turn = 0
            while True:
                turn += 1
                size = BATCH if turn % 3 == 0 else 1
                first = (thread * 1_000_000 + turn) * 1_000
                people = tuple(f"{first + n:032x}" for n in range(size))
                words = REASON if turn % 5 == 0 else ""
                use = Use("keep_account", DESK, people, case="case-1", break_glass=words)
                taken = record_uses(looked.kit, known, [use])[0]
                line = f"{taken.look_id} {size} {int(bool(words))} {people[-1]}\n"
                os.write(1, line.encode())  # one call, so that a line is whole or not there

        threads = [threading.Thread(target=look, args=(n,)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
