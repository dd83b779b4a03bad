"""The events behind the leaves of the log, read anew from their own tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from sqlalchemy import Connection, Row, Table, select

from troth.core.canonical import canonical_json
from troth.core.ledger import CONSENT_EVENT, EventContent, consent_event_bytes
from troth.store.consent import COLUMNS, ConsentEvent, consent_event, outbox
from troth.store.outbox_feed import OutboxFeed
from troth.store.policy import policy_version

POLICY_VERSION = "policy_version"
EVENT_TABLES: tuple[Table, ...] = (consent_event, policy_version)
"""Every table of which each row is an event of the log."""


def event_fields(event: ConsentEvent) -> dict[str, str | int | None]:
    """Return what the commitment of a consent event covers: everything but its salt."""
    return {name: getattr(event, name) for name in COLUMNS if name != "salt"}


def contents(conn: Connection, event_ids: Sequence[str]) -> Mapping[str, EventContent]:
    """Return events of every kind by id (by the unique index on event_id); missing ones are out."""
    found: dict[str, EventContent] = {}
    for table, read in ((consent_event, _consent), (policy_version, _policy)):
        for row in conn.execute(select(table).where(table.c.event_id.in_(event_ids))):
            found[row.event_id] = read(row)
    return found


_POLICY_FIELDS = (
    "ordinal",
    "event_id",
    "policy_id",
    "version",
    "digest",
    "change_class",
    "asked",
    "pii_controller",
    "jurisdiction",
    "recorded_at",
)


def _consent(row: Row[tuple[object, ...]]) -> EventContent:
    fields = {name: getattr(row, name) for name in COLUMNS if name != "salt"}
    return EventContent(CONSENT_EVENT, bytes(row.salt), consent_event_bytes(fields))


def _policy(row: Row[tuple[object, ...]]) -> EventContent:
    fields = {name: getattr(row, name) for name in _POLICY_FIELDS}
    fields["sources_digest"] = sha256(row.sources.encode()).hexdigest()
    return EventContent(POLICY_VERSION, bytes(row.salt), canonical_json(fields))


def feed() -> OutboxFeed:
    """Return what the sequencer takes and what the check of the log compares."""
    return OutboxFeed(outbox=outbox, events=EVENT_TABLES, contents=contents)
