"""Deployments to measure on: of the shop's own policy, on a file of SQLite or on PostgreSQL."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

import troth_shop
from tests.servers import PostgresServer, find_postgres_binaries, running_postgres
from troth import Settings, Troth

POLICY = Path(troth_shop.__file__).parent / "policy"
"""The policy of the shop, as it is."""

MAP = POLICY.parent / "datamap.yaml"
"""The data map of the shop."""


def two_versions(folder: Path) -> list[Path]:
    """Return the folders of the shop's policy and of a next version that widens two purposes.

    The second looks at the network while scanning, and keeps vouchers twice as long: whoever
    answered these two before is asked again, and nobody else is.
    """
    second = folder / "second"
    shutil.copytree(POLICY, second)
    file = second / "policy.yaml"
    policy = yaml.safe_load(file.read_text(encoding="utf-8"))
    policy["policy"]["version"] = f"{policy['policy']['version']}.1"
    policy["purposes"]["scan_product"]["categories"]["network_state"] = "optional"
    policy["retention"]["voucher_check"]["period"] = "P60D"
    text = yaml.safe_dump(policy, allow_unicode=True, sort_keys=False, width=1_000)
    file.write_text(text, encoding="utf-8")
    return [POLICY, second]


@contextlib.contextmanager
def deployment(
    folder: Path, policies: Sequence[Path], *, owner_url: str = "", app_url: str = ""
) -> Iterator[Troth]:
    """Open a fresh deployment with policies published in order; on SQLite unless a URL is given."""
    set_to = {"TROTH_OWNER_URL": owner_url, "TROTH_DATABASE_URL": app_url} if app_url else {}
    t = Troth.open(Settings.of(folder, set_to))
    try:
        for policy in policies:
            t.publish(policy)
        yield t
    finally:
        t.close()


@contextlib.contextmanager
def postgresql() -> Iterator[PostgresServer | None]:
    """Run a throwaway PostgreSQL that waits for the disk; None, said aloud, where there is none."""
    if find_postgres_binaries() is None:
        print("\n!! NOT MEASURED: PostgreSQL, for want of a server program (initdb) here !!\n")
        yield None
        return
    with running_postgres(fsync=True) as server:
        yield server
