"""The application: the only place that wires rooms together.

`Troth` is what host applications hold. It builds the kit from `Settings`, keeps the policy in
force, and hands each call to the flow that tells its story.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, make_url

from troth.adapters import sources
from troth.adapters.clock import SystemClock
from troth.adapters.ids import RandomIds
from troth.adapters.keys import FileKeys
from troth.adapters.log_files import CheckpointFile, LogFolder
from troth.adapters.sequencer import Sequencer
from troth.config import Settings
from troth.core.access import Decision, PolicyInForce
from troth.core.compile import COMMITMENTS, Compiled, compile_policy
from troth.core.consent import Answer, EntityRole
from troth.core.diff import PolicyDiff, compare
from troth.core.errors import (
    DataMapError,
    InputError,
    LedgerError,
    SnapshotSuperseded,
    StoreUnavailable,
    UnknownName,
)
from troth.core.findings import Finding, errors
from troth.core.ledger import LedgerReport
from troth.core.lint import Form, lint_text
from troth.core.policy import Policy, PurposeId
from troth.core.ports import Clock, Ids, Keys
from troth.core.receipt_check import ReceiptReport, verify_receipt
from troth.flows import access, consent, data_map, evidence, map_draft, policy
from troth.flows.consent import Said, Showing
from troth.flows.kit import Kit
from troth.flows.lint import lint_policy
from troth.flows.policy import PublishedVersion
from troth.store import backup
from troth.store.backup import Backup
from troth.store.consent import ConsentEvent, ConsentRows
from troth.store.db import Database
from troth.store.migrate import migrate

T = TypeVar("T")


class Troth:
    """A policy that runs on one database.

    Args:
        database: the database, already migrated.
        keys: the keys of the deployment.
        clock: the clock; the machine's by default.
        ids: the source of ids; random by default.
        log: the folder where the log is published; None publishes nothing.
        checkpoints: the file of checkpoints outside the database; needed to sequence.
    """

    def __init__(
        self,
        database: Database,
        keys: Keys,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        log: Path | None = None,
        checkpoints: Path | None = None,
    ) -> None:
        self._log = log
        self._checkpoints = checkpoints
        self._sequencer: Sequencer | None = None
        self.kit = Kit(
            database=database,
            rows=ConsentRows(database.kind),
            clock=clock or SystemClock(),
            ids=ids or RandomIds(),
            keys=keys,
        )
        self._decider = access.Decider(self.kit, lambda: policy.load(self.kit, _recompile))
        self.decide = self._decider.decide
        """See `troth.flows.access.Decider.decide`."""

    @classmethod
    def open(cls, settings: Settings, *, migrates: bool = True, **outside: Clock | Ids) -> Troth:
        """Open a deployment: migrate its database, make missing keys, check the connection.

        Raises:
            UnsafeStore: the database or the keys are not set up as the house demands.
            StoreUnavailable: the database cannot be opened.
            InputError: there is no deployment in the folder, and none is to be made.
        """
        if not migrates and not settings.data.is_dir():
            raise InputError(f"there is no deployment in {settings.data}; check --data")
        settings.data.mkdir(parents=True, exist_ok=True)
        if migrates:
            role = make_url(settings.database_url).username or ""
            migrate(settings.owner_url, app_role=role)
        keys = FileKeys(settings.keys, settings.log_name)
        return cls(
            Database(settings.database_url),
            keys,
            log=settings.log,
            checkpoints=settings.checkpoints,
            **outside,  # type: ignore[arg-type]
        )

    # --- the policy ---------------------------------------------------------------------------

    def publish(self, folder: Path) -> PolicyInForce:
        """Publish the policy files of a folder; see `troth.flows.policy.publish`."""
        policy.publish(self.kit, sources.read_folder(folder), _recompile)
        return self.in_force(renew=True)

    def in_force(self, *, renew: bool = False) -> PolicyInForce:
        """Return the policy in force, also when another process published it.

        While the database cannot be read, the one in memory is returned.

        Raises:
            InputError: no policy was published.
            StoreUnavailable: the database cannot be read and no policy is in memory.
        """
        found = self._decider.in_force
        if renew or (found is not None and self._is_superseded(found)):
            found = self._decider.renew()
        if found is None:
            raise InputError("no policy was published; run troth policy publish")
        return found

    def _is_superseded(self, known: PolicyInForce) -> bool:
        try:
            return policy.head(self.kit) != known.ordinal
        except StoreUnavailable:
            return False

    @property
    def policy(self) -> Policy:
        """Return the policy in memory: the one in force at this thread's last decision or `show`.

        Pages decide before they speak; whoever shows the text itself asks `in_force`.
        """
        known = self._decider.in_force
        return known.policy if known is not None else self.in_force().policy

    def require_map(self, file: Path) -> None:
        """See that a data map tells the truth of this deployment's database, as at every start.

        Raises:
            DataMapError: the map is wrong, or the database differs from it; the errors say where.
        """
        found = errors(check_map(file, self.in_force().policy, [self.kit.database.url]))
        if found:
            raise DataMapError(found)

    def versions(self) -> Sequence[PublishedVersion]:
        """Return every published version, newest first."""
        return policy.archive(self.kit)

    def version(self, version: str) -> Policy:
        """Return one published version; see `troth.flows.policy.archived`."""
        in_force = self.in_force().policy
        if in_force.version == version:
            return in_force
        return policy.archived(self.kit, version, _recompile)

    # --- people and their answers -------------------------------------------------------------

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction in which the host writes its rows and troth its events."""
        with self.kit.database.transaction() as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads and sees one state of the database."""
        with self.kit.database.reading() as connection:
            yield connection

    def add_person(
        self,
        *,
        visitor: bool = False,
        under_14: bool = False,
        connection: Connection | None = None,
    ) -> str:
        """Add a person; see `troth.flows.consent.add_person`."""
        return consent.add_person(
            self.kit, visitor=visitor, under_14=under_14, connection=connection
        )

    def set_person(
        self,
        person: str,
        *,
        under_14: bool | None = None,
        guarded: bool | None = None,
        restricted: bool | None = None,
    ) -> None:
        """Record what decisions must know; see `troth.flows.consent.set_person`."""
        consent.set_person(
            self.kit, person, under_14=under_14, guarded=guarded, restricted=restricted
        )

    def show(
        self, *purposes: str, person: str = "", language: str = "", surface: str = ""
    ) -> Showing:
        """Return the notices to show and the token that proves it; see `flows.consent.show`."""
        policy_now = self.in_force().policy
        return consent.show(
            self.kit,
            policy_now,
            purposes,
            person=person,
            language=language or policy_now.binding_language,
            surface=surface,
        )

    def token(self, *purposes: str, person: str, language: str, surface: str) -> str:
        """Return the token of a page that speaks under the policy of its own last decision.

        Takes and raises what `show` does. It does not look whether the policy is still in force:
        a token of an older one is refused with its answer.
        """
        return consent.show(
            self.kit, self.policy, purposes, person=person, language=language, surface=surface
        ).token

    def answer(
        self,
        person: str,
        purpose: str,
        said: Answer,
        token: str,
        *,
        indication_method: str = "button",
        event_time: int | None = None,
        entity_id: str = "",
        entity_role: EntityRole = EntityRole.PII_PRINCIPAL,
        shown_to: str | None = None,
        idempotency_key: str | None = None,
        connection: Connection | None = None,
    ) -> str:
        """Record one answer and return its event id; see `troth.flows.consent.answer`."""
        answered = Said(
            person,
            purpose,
            said,
            token,
            indication_method,
            event_time,
            entity_id,
            entity_role,
            shown_to,
            idempotency_key,
        )
        return self._recorded(
            lambda known: consent.answer(self.kit, known, answered, connection=connection)
        )

    def answer_many(
        self, answers: Sequence[Said], *, connection: Connection | None = None
    ) -> list[str]:
        """Record many answers, all or none; see `troth.flows.consent.answer_many`."""
        return self._recorded(
            lambda known: consent.answer_many(self.kit, known, answers, connection=connection)
        )

    def _recorded(self, record: Callable[[PolicyInForce], T]) -> T:
        known = self._decider.in_force
        try:
            return record(known or self.in_force())
        except (SnapshotSuperseded, UnknownName):
            # Another process may have published: then its text may be the one that was shown.
            newer = self.in_force()
            if newer is known:
                raise
            return record(newer)

    def decide_all(self, person: str) -> Mapping[PurposeId, Decision]:
        """Return the decision of every purpose for one person."""
        return self._decider.decide_all(person)

    def snapshot(self) -> access.Snapshot:
        """Return everybody's decisions as they stand now."""
        return self._decider.snapshot()

    def expire(self, person: str) -> Sequence[str]:
        """Record what expired; see `troth.flows.consent.expire`."""
        return consent.expire(self.kit, self.in_force(), person)

    def history(self, person: str) -> Sequence[ConsentEvent]:
        """Return every answer of one person, oldest first."""
        with self.kit.database.hot_reading() as cursor:
            return self.kit.rows.events(cursor, person)

    def count_use(self, person: str, purpose: str) -> Decision:
        """Count one use of a purpose if it is allowed; return the decision either way."""
        decision = self.decide(person, purpose)
        if decision.allowed:
            now = self.kit.clock.now()
            self.kit.database.writer.run(
                lambda cursor: self.kit.rows.count_use(cursor, person, purpose, now)
            )
        return decision

    def uses(self, person: str) -> Mapping[str, tuple[int, int]]:
        """Return {purpose: (how often, when last in microseconds)} of one person."""
        with self.kit.database.hot_reading() as cursor:
            return self.kit.rows.uses(cursor, person)

    # --- evidence -----------------------------------------------------------------------------

    def sequence(self) -> int:
        """Turn every event that waits into a leaf, and return how many there were.

        Raises:
            InputError: this deployment has no file for checkpoints outside the database.
            LedgerError: the log does not extend its checkpoints; nothing was signed.
        """
        if self._checkpoints is None:
            raise InputError("name a file for the checkpoints outside the database")
        outside = CheckpointFile(self._checkpoints)
        published = LogFolder(self._log) if self._log is not None else None
        total = 0
        while appended := evidence.sequence(self.kit, outside, published).appended:
            total += appended
        return total

    def start_sequencer(self) -> None:
        """Sequence about once a second in a thread of its own, until `close`."""
        if self._sequencer is None:
            self._sequencer = Sequencer(self.sequence)
            self._sequencer.start()

    def verify_ledger(self, checkpoints: Sequence[Path] = ()) -> LedgerReport:
        """Check the whole log against the events and against checkpoints kept outside.

        Args:
            checkpoints: files of checkpoint notes; the deployment's own file if empty.

        Raises:
            LedgerError: a file holds no checkpoints, so that nothing could be said of what was cut
                off; the deployment's own may be empty as long as nothing was signed.
        """
        own = [self._checkpoints] if self._checkpoints is not None else []
        notes = {file: CheckpointFile(file).notes() for file in checkpoints or own}
        reports = [evidence.verify(self.kit, found) for found in notes.values()]
        report = evidence.joined(reports or [evidence.verify(self.kit, [])])
        if checkpoints or report.checkpoints:
            for file, found in notes.items():
                if not found:
                    raise LedgerError(f"{file} holds no checkpoint; name the file kept outside")
        return report

    def receipt(self, person: str, event_id: str, *, language: str = "") -> str:
        """Return the receipt of one answer of a person.

        Raises:
            UnknownName: this person gave no such answer; another's looks like none.
            LedgerError: the log contradicts it.
        """
        with self.kit.database.hot_reading() as cursor:
            event = self.kit.rows.event(cursor, event_id)
        if event is None or event.pii_principal_id != person:
            raise UnknownName("there is no answer of this person with this id")
        given_under = self.version(event.privacy_notice.partition("@")[2])
        return evidence.make_receipt(
            self.kit, given_under, event, language=language or given_under.binding_language
        )

    def log_file(self, path: str) -> bytes:
        """Return one file of the published log (``checkpoint``, ``tile/0/000`` …).

        Raises:
            UnknownName: no such file is published.
        """
        if self._log is not None:
            root = self._log.resolve()
            file = (root / path.lstrip("/")).resolve()
            if file.is_relative_to(root) and file.is_file():
                return file.read_bytes()
        raise UnknownName("the log has no such file")

    @property
    def vkey(self) -> str:
        """Return the key under which the log and receipts verify."""
        return self.kit.keys.signer.vkey

    def now(self) -> int:
        """Return the time of the deployment's clock in microseconds since 1970."""
        return self.kit.clock.now()

    def close(self) -> None:
        """Stop the sequencer and close every connection."""
        if self._sequencer is not None:
            self._sequencer.stop()
        self.kit.database.close()


def back_up(settings: Settings, file: Path) -> Backup:
    """Write a copy of a deployment's database; see `troth.store.backup.back_up`."""
    return backup.back_up(settings.database_url, file)


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


def _recompile(files: Mapping[str, str]) -> Compiled:
    return compile_policy(sources.with_law(files))
