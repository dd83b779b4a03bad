"""A privacy policy that runs: ask, decide, record, prove.

The public names of troth. Host applications import from here and from `troth.integrations` only.
"""

from troth.app import Troth
from troth.commands import lift_lenses
from troth.config import Settings
from troth.core.access import Decision, Reason
from troth.core.consent import Answer, EntityRole
from troth.core.errors import (
    ConsentRefusedByRule,
    DataMapError,
    InputError,
    KeyDestroyed,
    LedgerError,
    PolicyError,
    SealBroken,
    SealError,
    SnapshotError,
    SnapshotExpired,
    SnapshotForged,
    SnapshotReplayed,
    SnapshotSuperseded,
    StoreUnavailable,
    TrothError,
    UnknownName,
    UnsafeStore,
    UseRefused,
)
from troth.core.looks import SELF, SYSTEM, Actor, LookFilter, ReportReason, seen_by_role
from troth.core.notice import Notice
from troth.core.policy import ClauseId, Policy, PurposeId
from troth.flows.consent import Said, Showing
from troth.store.finders import Found

__all__ = [
    "SELF",
    "SYSTEM",
    "Actor",
    "Answer",
    "ClauseId",
    "ConsentRefusedByRule",
    "DataMapError",
    "Decision",
    "EntityRole",
    "Found",
    "InputError",
    "KeyDestroyed",
    "LedgerError",
    "LookFilter",
    "Notice",
    "Policy",
    "PolicyError",
    "PurposeId",
    "Reason",
    "ReportReason",
    "Said",
    "SealBroken",
    "SealError",
    "Settings",
    "Showing",
    "SnapshotError",
    "SnapshotExpired",
    "SnapshotForged",
    "SnapshotReplayed",
    "SnapshotSuperseded",
    "StoreUnavailable",
    "Troth",
    "TrothError",
    "UnknownName",
    "UnsafeStore",
    "UseRefused",
    "lift_lenses",
    "seen_by_role",
]
