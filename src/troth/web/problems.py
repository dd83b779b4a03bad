"""The one table from errors to answers (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from troth.core.access import Decision
from troth.core.errors import (
    ConsentRefusedByRule,
    InputError,
    KeyDestroyed,
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
    UseRefused,
)


class ForeignForm(TrothError):
    """A request that changes something was not made by a page of ours; nothing was done."""

    code = "foreign_form"


STATUS: Mapping[type[TrothError], int] = {
    UnknownName: 404,
    InputError: 400,
    SnapshotForged: 403,
    ForeignForm: 403,
    SnapshotExpired: 409,
    SnapshotReplayed: 409,
    SnapshotSuperseded: 409,
    SnapshotError: 409,
    UseRefused: 403,
    KeyDestroyed: 410,
    ConsentRefusedByRule: 422,
    StoreUnavailable: 503,
    UnsafeStore: 503,
    PolicyError: 503,
    LedgerError: 503,
    TrothError: 500,
}


class ConsentRequired(Exception):
    """A request needs a purpose that does not stand for this person; nothing was done."""

    def __init__(self, purpose: str, decision: Decision, consent_uri: str) -> None:
        self.purpose = purpose
        self.decision = decision
        self.consent_uri = consent_uri
        super().__init__(f"{purpose} does not stand: {decision.reason.value}")


def status_of(error: TrothError) -> int:
    """Return the status for an error: that of its nearest class in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(error: TrothError | ConsentRequired) -> dict[str, Any]:
    """Return the problem document of an error; it never holds personal data."""
    if isinstance(error, ConsentRequired):
        return {
            "type": "/problems/consent-required",
            "title": "Consent required",
            "status": 403,
            "detail": "This needs an answer of yours that does not stand now.",
            "consent_uri": error.consent_uri,
            "purpose_id": error.purpose,
            "reason": error.decision.reason.value,
            "clause_id": error.decision.clause,
        }
    code = error.code.replace("_", "-")
    return {
        "type": f"/problems/{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status_of(error),
        "detail": str(error),
    }
