"""Every error that troth raises, in one tree.

    TrothError
    ├── PolicyError            the policy files do not compile; carries the findings
    │   └── DataMapError       the data map is wrong, or a database differs from it
    ├── UseRefused             a purpose does not open: the decision, role or region says no
    ├── InputError             what the caller sent is malformed; nothing was stored
    │   └── UnknownName        a purpose, recipient or person that the policy does not know
    ├── SnapshotError          the proof of what the person was shown does not hold
    │   ├── SnapshotForged     not signed by us, or altered
    │   ├── SnapshotExpired    shown too long ago
    │   ├── SnapshotReplayed   this answer was already given
    │   └── SnapshotSuperseded the text changed since it was shown
    ├── ConsentRefusedByRule   the answer may not be taken this way (a bundle, a child)
    ├── LedgerError            the log does not verify
    ├── SealError              a sealed value is not to be had
    │   ├── SealBroken         altered, cut, or moved from another person or column
    │   ├── KeyMissing         no key was ever made for this person
    │   ├── KeyDestroyed       the person's key was destroyed, and with it what it sealed
    │   └── WrongMasterKey     the master key does not open the keys of this deployment
    ├── StoreUnavailable       the database cannot be read or written now
    └── UnsafeStore            the database is not set up as the house demands

Messages say what happened, what was expected and what to do. They never carry personal data:
people appear in them by random id only. ``code`` is stable; ``web`` maps it to a status once.
A refusal to process is no error: it is a `Decision` with ``allowed=False``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from troth.core.findings import Finding


class TrothError(Exception):
    """Root of the tree; ``code`` is the stable name that programs may rely on."""

    code: ClassVar[str] = "troth_error"


class PolicyError(TrothError):
    """The policy files do not compile; ``findings`` holds every reason at once."""

    code = "policy_invalid"
    subject = "the policy"

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        first = f"; first: {self.findings[0].line_of_text()}" if self.findings else ""
        super().__init__(f"{self.subject} has {len(self.findings)} error(s){first}")


class DataMapError(PolicyError):
    """The data map is wrong, or a live database differs from it; ``findings`` says where."""

    code = "data_map_invalid"
    subject = "the data map"


class InputError(TrothError):
    """What the caller sent is malformed; nothing was stored."""

    code = "input_invalid"


class UnknownName(InputError):
    """A purpose, recipient or person that the policy or the database does not know."""

    code = "unknown_name"


class SnapshotError(TrothError):
    """The proof of what the person was shown does not hold; nothing was stored."""

    code = "snapshot_invalid"


class SnapshotForged(SnapshotError):
    """The token was not signed here, was altered, or was made for somebody or something else."""

    code = "snapshot_forged"


class SnapshotExpired(SnapshotError):
    """The text was shown too long ago; show it again."""

    code = "snapshot_expired"


class SnapshotReplayed(SnapshotError):
    """An answer was already recorded for this showing; show the text again to answer again."""

    code = "snapshot_replayed"


class SnapshotSuperseded(SnapshotError):
    """The text changed since it was shown; show the new one."""

    code = "snapshot_superseded"


class ConsentRefusedByRule(TrothError):
    """The answer may not be taken this way: a bundle, a child without guardian, a missing act."""

    code = "consent_refused_by_rule"


class LedgerError(TrothError):
    """The log, a checkpoint or a receipt does not verify."""

    code = "ledger_invalid"


class StoreUnavailable(TrothError):
    """The database cannot be read or written now; optional processing waits."""

    code = "store_unavailable"


class UnsafeStore(TrothError):
    """The database is not set up as the house demands (journal, durability, rights)."""

    code = "store_unsafe"


class UseRefused(TrothError):
    """A purpose does not open for this use; ``reason`` is that of the decision or a `Refusal`."""

    code = "use_refused"

    def __init__(self, purpose: str, reason: str) -> None:
        self.purpose = purpose
        self.reason = reason
        super().__init__(f"{purpose} does not open here: {reason}")


class SealError(TrothError):
    """A sealed value is not to be had."""

    code = "seal_invalid"


class SealBroken(SealError):
    """A sealed value was altered, cut, or moved from another person or column."""

    code = "seal_broken"


class KeyMissing(SealError):
    """No key was ever made for this person, so nothing of theirs is sealed."""

    code = "key_missing"


class KeyDestroyed(SealError):
    """The person's key was destroyed; what it sealed is gone, and nothing is sealed for them."""

    code = "key_destroyed"


class WrongMasterKey(SealError):
    """The master key does not open the keys of this deployment."""

    code = "wrong_master_key"
