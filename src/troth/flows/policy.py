"""Publish a policy, and know which one is in force.

A version is published once, in one transaction with its ledger event; the head that every decision
reads moves in the same statement. Other processes see the new head at their next decision and load
the version from the database, where its files are kept whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from troth.core.access import PolicyInForce, in_force
from troth.core.compile import Compiled, PolicySources, compile_policy
from troth.core.diff import PolicyDiff, compare
from troth.core.errors import InputError, LedgerError, UnknownName
from troth.core.policy import Policy, PurposeId
from troth.core.security_event import Event
from troth.flows.kit import Kit
from troth.flows.security_event import security_event
from troth.store import permitted
from troth.store import policy as rows
from troth.store.db import Cursor
from troth.store.policy import PolicyVersion

Recompile = Callable[[Mapping[str, str]], Compiled]
"""Compiles the files of a stored version; the law profile comes from the package."""


def publish(kit: Kit, sources: PolicySources, recompile: Recompile) -> PolicyInForce:
    """Publish the policy in ``sources``; publishing the version in force again does nothing.

    Raises:
        PolicyError: it does not compile.
        InputError: its version was already published, and with other content or not as the last;
            or another publication came first.
    """
    policy = compile_policy(sources).require()

    def work(cursor: Cursor) -> bool:
        known = rows.versions(cursor)
        for version in known:
            if version.version == policy.version and version.digest != policy.digest:
                raise InputError(
                    f"version {policy.version} was published with other content; "
                    "give the changed policy a new version"
                )
        under_restriction = {str(p.id): p.under_restriction for p in policy.purposes.values()}
        if known and known[-1].digest == policy.digest:
            kind, ordinal = kit.database.kind, known[-1].ordinal
            permitted.add_purposes(cursor, kind, ordinal, under_restriction)
            return False
        if any(version.digest == policy.digest for version in known):
            raise InputError(
                f"version {policy.version} was published before and another is in force; "
                "give the text a new version to bring it back"
            )
        change = _change(known, policy_of=recompile, sources=sources)
        now = kit.clock.now()
        version = PolicyVersion(
            ordinal=len(known) + 1,
            event_id=kit.ids.event_id(now),
            policy_id=policy.id,
            version=policy.version,
            digest=policy.digest,
            change_class=change.change_class.value,
            asked=tuple(change.asked),
            pii_controller=policy.controller.name[policy.binding_language],
            jurisdiction=policy.jurisdiction,
            sources=dict(sources.files),
            recorded_at=now,
            salt=kit.ids.salt(),
        )
        rows.publish(cursor, kit.database.kind, version)
        permitted.add_purposes(cursor, kit.database.kind, version.ordinal, under_restriction)
        return True

    if kit.database.writer.run(work):
        security_event(Event.POLICY_PUBLISHED, version=policy.version, policy=policy.digest)
    published = load(kit, recompile)
    if published is None:
        raise InputError("the policy was published but cannot be read back")
    return published


def _change(
    known: list[PolicyVersion], *, policy_of: Recompile, sources: PolicySources
) -> PolicyDiff:
    if not known:
        return PolicyDiff(())
    new = compile_policy(sources).require()
    return compare(policy_of(known[-1].sources).require(), new)


def load(kit: Kit, recompile: Recompile) -> PolicyInForce | None:
    """Return the policy in force with what it requires, or None when none was published.

    Raises:
        PolicyError: the stored version does not compile with this release.
        LedgerError: the stored files are not those that were published.
        StoreUnavailable: the database cannot be read.
    """
    known = read_versions(kit)
    if not known:
        return None
    latest = known[-1]
    policy = recompile(latest.sources).require()
    if policy.digest != latest.digest:
        raise LedgerError(
            f"the files of version {latest.version} are not the ones that were published; "
            "run troth ledger verify"
        )
    required: dict[PurposeId, int] = {}
    for version in known:
        for purpose in version.asked:
            required[PurposeId(purpose)] = version.ordinal
    return in_force(policy, latest.ordinal, required)


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """One version in the archive (S-56); ``digest`` is the SHA-256 (hex) of its content."""

    version: str
    digest: str
    change_class: str
    asked: tuple[str, ...]
    published_at: datetime


def archive(kit: Kit) -> list[PublishedVersion]:
    """Return every published version, newest first.

    Raises:
        StoreUnavailable: the database cannot be read.
    """
    return [
        PublishedVersion(
            version=v.version,
            digest=v.digest,
            change_class=v.change_class,
            asked=v.asked,
            published_at=datetime.fromtimestamp(v.recorded_at / 1_000_000, UTC),
        )
        for v in reversed(read_versions(kit))
    ]


def archived(kit: Kit, version: str, recompile: Recompile) -> Policy:
    """Return one published version as a policy.

    Raises:
        UnknownName: no such version was published.
        PolicyError: the stored version does not compile with this release.
    """
    for known in read_versions(kit):
        if known.version == version:
            return recompile(known.sources).require()
    raise UnknownName("no such version of the policy was published")


def archived_at(kit: Kit, ordinal: int, recompile: Recompile) -> Policy:
    """Return the published version with an ordinal; raises what `archived` does."""
    for known in read_versions(kit):
        if known.ordinal == ordinal:
            return recompile(known.sources).require()
    raise UnknownName("no such version of the policy was published")


def head(kit: Kit) -> int:
    """Return the ordinal of the version in force; 0 when none was published.

    Raises:
        StoreUnavailable: the database cannot be read.
    """
    with kit.database.hot_reading() as cursor:
        return rows.head(cursor)


def read_versions(kit: Kit) -> list[PolicyVersion]:
    """Return the stored versions, oldest first.

    Raises:
        StoreUnavailable: the database cannot be read.
    """
    with kit.database.hot_reading() as cursor:
        return rows.versions(cursor)
