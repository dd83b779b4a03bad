"""`python -m benchmarks NAME [--quick]`, or `all`; run it in the checkout."""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

from benchmarks.bars import Bar, last_line

BENCHMARKS: Mapping[str, str] = {
    "decide": "the decision against a bare SELECT, and right against an oracle of its own",
    "consent_writes": "one answer against a transaction written by hand; batches; eight callers",
    "discovery": "recall and precision of the draft of a map on schemas not made for it",
    "sealed": "sealed columns against the bare cipher and the open row; what a copy shows",
    "pages": "pages of the shop governed against ungated and bare: gate, lens, looks, sealing",
    "lens": "a point read through the lens against the same join by hand; taking a lens",
    "looks": "one look against a bare durable commit; eight readers against one; none lost",
}
"""Each name is a module of this package with ``run(*, quick: bool) -> Sequence[Bar]``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is named and return the exit code: 0 if every bar holds."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.description = "\n".join(f"{name}: {what}" for name, what in BENCHMARKS.items())
    parser.add_argument("name", choices=[*BENCHMARKS, "all"], metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="less data, fewer rounds")
    wanted = parser.parse_args(arguments)
    _say_machine()
    if wanted.name != "all":
        return _run(wanted.name, quick=wanted.quick)[0]
    results = {name: _run(name, quick=wanted.quick) for name in BENCHMARKS}
    print("\n== all")
    for _, line in results.values():
        print(line)
    kept = sum(code == 0 for code, _ in results.values())
    line = last_line("all", [Bar("benchmarks kept", kept, len(results), at_least=True, digits=0)])
    print(line, flush=True)
    return 0 if kept == len(results) else 1


def _run(name: str, *, quick: bool) -> tuple[int, str]:
    print(f"\n== {name}{' (quick)' if quick else ''}: {BENCHMARKS[name]}", flush=True)
    run: Callable[..., Sequence[Bar]] = import_module(f"benchmarks.{name}").run
    bars = run(quick=quick)
    print()
    for bar in bars:
        verdict = "ok" if bar.holds else "MISSED"
        print(f"  {verdict:<7}{bar.what}: {bar.shown_figure}, limit {bar.shown_limit}")
    line = last_line(name, bars)
    print(line, flush=True)
    return (0 if all(bar.holds for bar in bars) else 1), line


def _say_machine() -> None:
    """Say what this ran on, and why only the ratios travel to another machine."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"{os.cpu_count()} cores, load {load:.1f} at the start, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}, SQLite "
        f"{sqlite3.sqlite_version}.\n"
        "The machine may be busy with other work: contenders take turns in short rounds, figures "
        "are medians\nof ratios within a round. Trust the ratios; rates are this machine's today."
    )


if __name__ == "__main__":
    sys.exit(main())
