"""What a person and an operator can prove: the log of this deployment, and receipts from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from troth.core.errors import UnknownName
from troth.core.ledger import LedgerReport
from troth.core.policy import Policy, Purpose, PurposeId
from troth.core.receipt import (
    ReceiptController,
    ReceiptEvent,
    ReceiptNotice,
    ReceiptPiiType,
    ReceiptPurpose,
    ReceiptSubject,
)
from troth.core.tables import retention_words
from troth.flows import ledger, ledger_verify, receipt
from troth.flows.kit import Kit
from troth.flows.ledger import OutsideCheckpoints, PublishedLog, Sequenced
from troth.store.consent import ConsentEvent
from troth.store.events import event_fields, feed

SETTINGS_PATH = "/my/settings/privacy"


def sequence(kit: Kit, outside: OutsideCheckpoints, published: PublishedLog | None) -> Sequenced:
    """Turn what waits into leaves; see `troth.flows.ledger.sequence`."""
    return ledger.sequence(
        kit.database,
        feed(),
        kit.keys.signer,
        outside=outside,
        published=published,
        now=kit.clock.now(),
    )


def verify(kit: Kit, outside: list[str]) -> LedgerReport:
    """Check the whole log; see `troth.flows.ledger_verify.verify`."""
    with kit.database.reading() as connection:
        return ledger_verify.verify(
            connection, feed(), trusted=[kit.keys.signer.vkey], outside=outside
        )


def joined(reports: Sequence[LedgerReport]) -> LedgerReport:
    """Return one report of checks against several outside files; each fault once."""
    faults = dict.fromkeys(fault for report in reports for fault in report.faults)
    return replace(
        reports[-1],
        outside_checkpoints=sum(report.outside_checkpoints for report in reports),
        faults=tuple(faults),
        faults_left_out=max(report.faults_left_out for report in reports),
    )


def make_receipt(kit: Kit, policy: Policy, event: ConsentEvent, *, language: str) -> str:
    """Return the signed receipt of one answer (JSON-LD).

    Args:
        kit: the kit.
        policy: the version that the answer was given under.
        event: the answer.
        language: language of the titles in the receipt.

    Raises:
        UnknownName: the policy has no such purpose.
        LedgerError: the log contradicts the event.
    """
    purpose = policy.purposes.get(PurposeId(event.purpose_id))
    if purpose is None:
        raise UnknownName(f"version {policy.version} has no purpose {event.purpose_id!r}")
    controller = policy.controller
    subject = ReceiptSubject(
        receipt_id=kit.ids.secret_id(),
        issued_at=datetime.fromtimestamp(kit.clock.now() / 1_000_000, UTC).isoformat(),
        record_id=event.record_id,
        pii_principal_id=event.pii_principal_id,
        controller=ReceiptController(
            controller.name[language],
            f"{controller.address[language]}; {controller.phone}; {controller.email}",
        ),
        notice=ReceiptNotice(policy.id, policy.version, event.notice_digest, event.language),
        purposes=(_purpose(policy, purpose, language),),
        withdrawal_method=policy.rights["withdraw"].how[language],
        privacy_rights=tuple(r.title[language] for r in policy.rights.values()),
        jurisdiction=policy.jurisdiction,
        status_url=SETTINGS_PATH,
        events=(ReceiptEvent(event_fields(event), event.salt),),
    )
    with kit.database.reading() as connection:
        return receipt.make_receipt(connection, subject, signer=kit.keys.signer)


def _purpose(policy: Policy, purpose: Purpose, language: str) -> ReceiptPurpose:
    categories = [policy.categories[name] for name in purpose.categories]
    storage = dict.fromkeys(name for c in categories for name in c.storage)
    places = tuple(policy.storage[name].place[language] for name in storage)
    kept = dict.fromkeys(c.retention for c in categories)
    return ReceiptPurpose(
        purpose_id=purpose.id,
        title=purpose.title[language],
        lawful_basis=purpose.lawful_basis.value,
        pii_types=tuple(
            ReceiptPiiType(c.pii_type, purpose.categories[c.id].value == "optional", c.sensitive)
            for c in categories
        ),
        collection_method=purpose.collection_method[language],
        retention_period="; ".join(retention_words(policy.retention[k], language) for k in kept),
        recipients=tuple(policy.recipients[r].name[language] for r in purpose.recipients),
        storage_locations=places,
        processing_locations=tuple(dict.fromkeys(policy.storage[n].region for n in storage)),
    )
