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
from troth.commands import person_keys
from troth.config import Settings
from troth.core.access import Decision, PolicyInForce
from troth.core.collected import Collected, Declared
from troth.core.compile import Compiled, compile_policy
from troth.core.consent import Answer, EntityRole
from troth.core.datamap_file import read_datamap
from troth.core.errors import (
    InputError,
    LedgerError,
    SnapshotSuperseded,
    StoreUnavailable,
    UnknownName,
    UseRefused,
)
from troth.core.ledger import LedgerReport
from troth.core.looks import SELF, Actor, LookFilter, ReportReason, Use
from troth.core.policy import Policy, PurposeId
from troth.core.ports import Clock, Ids, Keys
from troth.flows import access, consent, data_map, evidence, looks, policy
from troth.flows import seal_existing as sealing
from troth.flows.consent import Said, Showing
from troth.flows.kit import Kit
from troth.flows.policy import PublishedVersion
from troth.flows.seal_existing import SealedColumn
from troth.governed import Governed
from troth.store.consent import ConsentEvent, ConsentRows
from troth.store.db import Database
from troth.store.finders import Found
from troth.store.looks import Alarm, Report
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
        settings: the deployment; needed to govern its rows.
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
        settings: Settings | None = None,
    ) -> None:
        self._log = log
        self._settings = settings
        self._governed: Governed | None = None
        self._archived: dict[int, Policy] = {}
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
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if migrates:
            role = make_url(settings.database_url).username or ""
            migrate(settings.owner_url, app_role=role)
        keys = FileKeys(settings.keys, settings.log_name)
        return cls(
            Database(settings.database_url),
            keys,
            log=settings.log,
            checkpoints=settings.checkpoints,
            settings=settings,
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

    def versions(self) -> Sequence[PublishedVersion]:
        """Return every published version, newest first."""
        return policy.archive(self.kit)

    def version(self, version: str) -> Policy:
        """Return one published version; see `troth.flows.policy.archived`."""
        in_force = self.in_force().policy
        if in_force.version == version:
            return in_force
        return policy.archived(self.kit, version, _recompile)

    # --- rows ---------------------------------------------------------------------------------

    def govern(self, map_file: Path) -> None:
        """Put the rows of this deployment under its data map, as at every start.

        Checks the map against the policy in force and the live database, puts the tables behind
        lenses and opens the keys and the book of looks. Before it no purpose opens.

        Raises:
            DataMapError: the map is wrong, or the database differs from it; the errors say where.
            UnsafeStore: lenses or keys would not be what they promise; MariaDB has no lenses.
            InputError: this object was made without the settings of a deployment.
        """
        if self._settings is None:
            raise InputError("a deployment is governed by its settings; use Troth.open")
        self.in_force(renew=True)
        former = self._governed
        self._governed = Governed(
            self.kit, self._settings, map_file, known=self._known, decider=self._decider
        )
        if former is not None:
            former.close()

    def _known(self) -> PolicyInForce:
        return self._decider.in_force or self.in_force()

    def _require_governed(self) -> Governed:
        if self._governed is None:
            raise InputError("no data map governs this deployment; call govern at its start")
        return self._governed

    def use(
        self,
        *purposes: str,
        person: str = "",
        people: Sequence[str] = (),
        actor: Actor | None = None,
        case: str = "",
        writes: bool = False,
        categories: Sequence[str] = (),
        break_glass: str = "",
    ) -> contextlib.AbstractContextManager[Connection]:
        """Open a purpose and lend a connection that shows its rows and columns, and nothing else.

        The block is one transaction, committed at its end, and short. Its looks are durable before
        it begins, whatever becomes of it.

        Args:
            purposes: one; or several that the data map declares together.
            person: random id of whom it is about.
            people: several of them, for a batch; neither means all for whom every purpose stands.
            actor: who does it; without one the person looks at their own data.
            case: id of the case, order or queue that staff work on.
            writes: whether rows will be changed.
            categories: what is looked at, if less than the purposes allow.
            break_glass: why staff must look although role or case do not allow it.

        Raises:
            UseRefused: a decision, the role, the region, the frequency or a missing assessment says
                no; the attempt is recorded.
            UnknownName: the data map has no lens for these purposes.
            StoreUnavailable: the database or the looks cannot be used now.
            InputError: the use is malformed; a batch without an actor, for one.
        """
        if actor is None and not person:
            raise InputError("name the actor of a use that is not a person's own")
        doer = actor or Actor(person, SELF)
        about = (person,) if person else tuple(people)
        uses = [
            Use(purpose, doer, about, tuple(categories), case, writes, break_glass)
            for purpose in purposes
        ]
        return self._require_governed().use(uses)

    def record_look(
        self,
        purpose: str,
        *,
        people: Sequence[str],
        actor: Actor,
        case: str = "",
        categories: Sequence[str] = (),
    ) -> None:
        """Record that somebody is about to look at what no lens shows, such as our own records.

        Takes what `use` does; consent is not asked, since a duty of ours is what shows them.

        Raises:
            UseRefused: the policy does not let the role see these categories for this purpose.
            StoreUnavailable: the look could not be stored; nothing may be shown.
        """
        asked = Use(purpose, actor, tuple(people), tuple(categories), case)
        (look,) = looks.record_uses(self._require_governed().looks, self._known(), [asked])
        if look.refused:
            raise UseRefused(purpose, look.reason)

    def find(self, table: str, by: str, *values: str) -> list[Found]:
        """Return whose rows have one of these values; see `troth.governed.Governed.find`."""
        return self._require_governed().find(table, by, values)

    def index(self, column: str, text: str) -> str:
        """Return the blind index of a text; see `troth.governed.Governed.index`."""
        return self._require_governed().index(column, text)

    def lens_words(self) -> tuple[str, ...]:
        """Return what the lenses keep on this database and what they cannot, for who starts it."""
        return self._require_governed().words()

    # --- looks --------------------------------------------------------------------------------

    def who_looked(
        self,
        person: str,
        *,
        language: str = "",
        wanted: LookFilter | None = None,
        after: str = "",
        size: int = looks.PAGE,
    ) -> looks.LookPage:
        """Return a page of the looks at a person's data; see `troth.flows.looks.who_looked`."""
        return looks.who_looked(
            self._require_governed().looks,
            person,
            self._policy_at,
            language=language,
            wanted=wanted,
            after=after,
            size=size,
        )

    def look_choices(self, person: str, *, language: str = "") -> looks.Choices:
        """Return what the looks can be filtered by; see `troth.flows.looks.choices`."""
        kit = self._require_governed().looks
        return looks.choices(kit, person, self._policy_at, language=language)

    def report_look(self, person: str, look_id: str, reason: ReportReason) -> str:
        """Record that a person doubts a look; see `troth.flows.looks.report`."""
        return looks.report(self._require_governed().looks, person, look_id, reason)

    def declared(self) -> tuple[Declared, ...]:
        """Return what the policy in force declares to collect."""
        return looks.declared_list(self.in_force().policy)

    def collected(
        self, person: str, *, since: int | None = None, until: int | None = None
    ) -> tuple[Collected, ...]:
        """Return what was really used of a person; see `troth.flows.looks.collected_list`."""
        return looks.collected_list(
            self._require_governed().looks,
            person,
            self.in_force().policy,
            permissions=self.uses(person),
            since=since,
            until=until,
        )

    def undeclared(self) -> tuple[tuple[str, str], ...]:
        """Return what was used of anybody and not declared: empty as it must be."""
        return looks.undeclared(self._require_governed().looks, self._policy_at)

    def alarms(self, since: int = 0) -> Sequence[Alarm]:
        """Return every use that broke the glass at or after ``since`` (microseconds)."""
        return looks.alarms(self._require_governed().looks, since)

    def look_reports(self, since: int = 0) -> Sequence[Report]:
        """Return what people doubted at or after ``since`` (microseconds)."""
        return looks.reports(self._require_governed().looks, since)

    def tell_of_broken_glass(self, tell: Callable[[str, str, int], None]) -> int:
        """Tell people that somebody looked; see `troth.flows.looks.tell_of_broken_glass`."""
        return looks.tell_of_broken_glass(self._require_governed().looks, tell)

    def _policy_at(self, ordinal: int) -> Policy:
        known = self._known()
        if known.ordinal == ordinal:
            return known.policy
        if ordinal not in self._archived:  # what was published never changes
            self._archived[ordinal] = policy.archived_at(self.kit, ordinal, _recompile)
        return self._archived[ordinal]

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
        """Sequence about once a second in a thread of its own, and rotate keys, until `close`."""
        if self._sequencer is None:
            self._sequencer = Sequencer(self._round)
            self._sequencer.start()

    def _round(self) -> int:
        if self._governed is not None:
            self._governed.rotate_if_due()
        return self.sequence()

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
        if self._governed is not None:
            self._governed.close()
        self.kit.database.close()


def seal_existing(settings: Settings, map_file: Path, column: str) -> SealedColumn:
    """Seal a column of a database that came with plain text; run it again after any failure.

    The application must not run meanwhile. Before `Troth.govern` or after it is the same.

    Args:
        settings: the deployment, in which a policy was published.
        map_file: its data map.
        column: ``table.column``, as the map names it.

    Raises:
        InputError: the map is wrong or cannot be read, no policy was published, or what
            `troth.flows.seal_existing.seal_existing` refuses.
        SealBroken, KeyDestroyed, UnsafeStore, StoreUnavailable: as there.
    """
    with contextlib.closing(Troth.open(settings)) as t:
        policy_now = t.in_force().policy
    text = sources.read_text(map_file)
    datamap = read_datamap(text, policy_now, file=str(map_file)).require()
    store, _ = data_map.store_of(datamap, settings.database_url)
    with contextlib.closing(person_keys(settings)) as keys:
        return sealing.seal_existing(
            settings.owner_url, policy_now, datamap, store, column, keys=keys
        )


def _recompile(files: Mapping[str, str]) -> Compiled:
    return compile_policy(sources.with_law(files))
