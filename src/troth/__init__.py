"""A privacy policy that runs: ask, decide, record, prove.

The public names of troth. Host applications import from here and from `troth.integrations` only.
"""

from troth.app import Troth
from troth.config import Settings
from troth.core.access import Decision, Reason
from troth.core.consent import Answer, EntityRole
from troth.core.errors import (
    ConsentRefusedByRule,
    DataMapError,
    InputError,
    LedgerError,
    PolicyError,
    SnapshotError,
    SnapshotExpired,
    SnapshotForged,
    SnapshotReplayed,
    SnapshotSuperseded,
    StoreUnavailable,
    TrothError,
    UnknownName,
    UnsafeStore,
)
from troth.core.notice import Notice
from troth.core.policy import ClauseId, Policy, PurposeId
from troth.flows.consent import Said, Showing

__all__ = [
    "Answer",
    "ClauseId",
    "ConsentRefusedByRule",
    "DataMapError",
    "Decision",
    "EntityRole",
    "InputError",
    "LedgerError",
    "Notice",
    "Policy",
    "PolicyError",
    "PurposeId",
    "Reason",
    "Said",
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
]
