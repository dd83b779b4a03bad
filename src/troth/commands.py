"""What can be done with the files and folders of a deployment while no `Troth` runs on them.

The command and host applications call these: lint and compile policies, check a data map against
databases, copy databases and keys, take lenses off for a migration, check receipts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from troth.adapters import lenses, sources
from troth.adapters.clock import SystemClock
from troth.adapters.person_keys import FilePersonKeys
from troth.adapters.security_log import SecurityLog, attached
from troth.config import Settings
from troth.core.commitments import read_law
from troth.core.compile import COMMITMENTS, Compiled, compile_policy
from troth.core.diff import PolicyDiff, compare
from troth.core.errors import (
    InputError,
)
from troth.core.findings import Finding
from troth.core.lint import Form, lint_text
from troth.core.policy import Policy
from troth.core.ports import Clock
from troth.core.receipt_check import ReceiptReport, verify_receipt
from troth.core.security_event import LOGGER, PROVISION, checked_days
from troth.core.yaml_tree import Faults
from troth.flows import data_map, map_draft
from troth.flows.lint import lint_policy
from troth.governed import open_person_keys
from troth.store import backup
from troth.store.backup import Backup
from troth.store.look_tables import looks_file, looks_url


def lift_lenses(settings: Settings) -> None:
    """Take the lenses away and put the tables back, before a migration of them; then govern again.

    Raises:
        StoreUnavailable: the tables are in use.
    """
    lenses.uninstall(settings.owner_url, folder=settings.data)


def back_up(settings: Settings, file: Path) -> tuple[Backup, ...]:
    """Write a copy of a deployment's database, and of its looks beside it if they are apart.

    Takes and raises what `troth.store.backup.back_up` does. No key is in either.
    """
    looks_at = looks_url(settings.database_url)
    if looks_at == settings.database_url:
        return (backup.back_up(settings.database_url, file),)
    beside = looks_file(file)
    if beside.exists():
        raise InputError(f"{beside} exists; a backup never overwrites another")
    return (backup.back_up(settings.database_url, file), backup.back_up(looks_at, beside))


def person_keys(settings: Settings) -> FilePersonKeys:
    """Open the persons' keys of a deployment, to rotate or to copy them; close them afterwards.

    Raises:
        InputError: there is no deployment in the folder.
        UnsafeStore, WrongMasterKey, StoreUnavailable: see `FilePersonKeys`.
    """
    if not settings.keys.is_dir():
        raise InputError(f"there are no keys in {settings.keys}; check --data")
    return open_person_keys(settings, SystemClock())


@contextlib.contextmanager
def open_security_log(
    settings: Settings, *loggers: str, law: str = "cn-2026", clock: Clock | None = None
) -> Iterator[SecurityLog]:
    """Keep the security log of this process inside the block; open one for each process.

    Args:
        settings: the deployment.
        loggers: what the host tells its own events on; troth's are always heard.
        law: the law profile that says how long the log is kept at least.
        clock: the machine's by default.

    Raises:
        InputError: it is set to be kept shorter than the law asks for.

    Source:
        L-25, CSL 23 (21 before 2026).
    """
    profile = read_law(sources.read_law_profile(law), Faults())
    days = checked_days(settings.security_log_days, profile.provisions.get(PROVISION))
    log = SecurityLog(settings.security_log, clock or SystemClock(), kept_days=days)
    with attached(log, LOGGER, *loggers):
        yield log


def compile_folder(folder: Path) -> Compiled:
    """Compile the policy files of a folder.

    Raises:
        InputError: there is no policy in it.
    """
    return compile_policy(sources.read_folder(folder))


def compare_folders(old: Path, new: Path) -> PolicyDiff:
    """Return what changed between the policies of two folders.

    Raises:
        PolicyError: one of them does not compile.
    """
    return compare(compile_folder(old).require(), compile_folder(new).require())


def check_map(file: Path, policy: Policy, urls: Sequence[str]) -> tuple[Finding, ...]:
    """Return what is wrong with a data map, or differs between it and live databases.

    Takes and raises what `troth.flows.data_map.check` does.

    Raises:
        InputError: the file cannot be read.
    """
    return data_map.check(urls, sources.read_text(file), policy, file=str(file))


def draft_map(url: str) -> str:
    """Return a draft of a data map for a database; see `troth.flows.map_draft.draft`."""
    return map_draft.draft(url)


def lint(path: Path) -> tuple[Finding, ...]:
    """Return every finding on a policy folder, or on a text that somebody else wrote.

    Raises:
        InputError: there is nothing to read at ``path``.
    """
    if path.is_file():
        form = _FORMS.get(path.suffix.lower(), Form.TEXT)
        return lint_text(file=str(path), text=sources.read_text(path), form=form)
    if (path / COMMITMENTS).is_file():
        return lint_policy(sources.read_folder(path))
    texts = sorted(p for p in path.rglob("*") if p.suffix.lower() in (".txt", *_FORMS))
    if not texts:
        raise InputError(f"there is no policy and no text at {path}")
    return tuple(finding for text in texts for finding in lint(text))


_FORMS = {".md": Form.MARKDOWN, ".html": Form.HTML, ".htm": Form.HTML}


def check_receipt(file: Path, keys: Sequence[str]) -> ReceiptReport:
    """Check a receipt file offline; each key is a verifier key or a file that holds one.

    Raises:
        InputError: a file cannot be read.
        LedgerError: a key is malformed.
    """
    if not file.is_file():
        raise InputError(f"there is no file {file}")
    trusted = [sources.read_text(Path(k)).strip() if Path(k).is_file() else k for k in keys]
    return verify_receipt(sources.read_text(file), trusted_keys=trusted or None)
