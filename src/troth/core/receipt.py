"""The receipt that a person is given: what was answered, to which text, and how to prove it.

In the terms of ISO/IEC TS 27560, written as JSON-LD with the vocabulary of W3C DPV. A receipt

1. is signed as a whole: the signature covers the canonical JSON of everything but itself;
2. shows the event byte for byte, with its salt, so that the holder can make the commitment anew;
3. holds the proof that the commitment is in the log, or says that it is still pending;
4. never changes. The current state is asked from the server, and the receipt says so.

The signed bytes begin with ``{`` and end with ``}``; a checkpoint's end with a newline. So the
same key can sign both, and neither signature can be passed off as the other.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from troth.core.canonical import canonical_json
from troth.core.errors import InputError
from troth.core.ledger import EventContent, consent_event_bytes
from troth.core.tlog import Signer

SCHEMA_VERSION = "ISO/IEC TS 27560:2023; troth receipt 1"
PROOF_TYPE = "Ed25519 over RFC 8785 canonical JSON without proof.signature"
PENDING = "pending"
LOGGED = "logged"

ASK_THE_SERVER = {
    "zh-CN": "本回执一经签发不再更改。您当前的授权状态，请以服务器的答复为准。",
    "en": "This receipt never changes. Ask the server for the state that applies now.",
}

REQUIRED_EVENT_FIELDS = (
    "event_id",
    "event_type",
    "event_state",
    "event_time",
    "recorded_at",
    "valid_until",
    "entity_id",
    "entity_role",
    "indication_method",
)

SHARED_FIELDS = ("record_id", "pii_principal_id", "notice_digest", "language")
"""Fields that, where an event has them too, must say the same as the receipt."""

_DPV_STATES = {
    "consent_requested": "ConsentRequested",
    "consent_request_deferred": "ConsentRequestDeferred",
    "consent_refused": "ConsentRefused",
    "consent_given": "ConsentGiven",
    "renewed_consent_given": "RenewedConsentGiven",
    "consent_withdrawn": "ConsentWithdrawn",
    "consent_expired": "ConsentExpired",
    "consent_invalidated": "ConsentInvalidated",
    "consent_unknown": "ConsentUnknown",
}

CONTEXT: Mapping[str, object] = {
    "dpv": "https://w3id.org/dpv#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    # Every other term is ours: it has a name of its own, and no page behind it.
    "@vocab": "urn:troth:terms:",
    "consent_receipt": "dpv:ConsentReceipt",
    "receipt_id": "dpv:hasIdentifier",
    "schema_version": "dct:conformsTo",
    "issued_at": {"@id": "dct:issued", "@type": "xsd:dateTime"},
    "pii_principal_id": "dpv:hasDataSubject",
    "pii_controller": "dpv:hasDataController",
    "name": "dpv:hasName",
    "contact": "dpv:hasContact",
    "privacy_notice": "dpv:hasNotice",
    "language": "dct:language",
    "purposes": "dpv:hasPurpose",
    "title": "dct:title",
    "lawful_basis": "dpv:hasLegalBasis",
    "pii_information": "dpv:hasPersonalData",
    "retention_period": "dpv:hasDuration",
    "recipient_third_parties": "dpv:hasRecipient",
    "storage_locations": "dpv:hasStorageCondition",
    "processing_locations": "dpv:hasLocation",
    "withdrawal_method": "dpv:hasConsentControl",
    "privacy_rights": "dpv:hasRight",
    "jurisdiction": "dpv:hasJurisdiction",
    "note": {"@id": "dct:description", "@container": "@language"},
    "path": {"@id": "urn:troth:terms:path", "@container": "@list"},
    "events": "dpv:hasConsentStatus",
    "event": "@nest",
    "event_state": "@type",
    "event_time": "dpv:isIndicatedAtTime",
    "valid_until": "dpv:hasDuration",
    "entity_id": "dpv:isIndicatedBy",
    "indication_method": "dpv:hasIndicationMethod",
    **{state: f"dpv:{term}" for state, term in _DPV_STATES.items()},
}
"""JSON-LD: what each name of the receipt means in the Data Privacy Vocabulary."""


@dataclass(frozen=True, slots=True)
class ReceiptController:
    """Who answers for the processing, and where to reach them."""

    name: str
    contact: str


@dataclass(frozen=True, slots=True)
class ReceiptNotice:
    """The text that was shown; ``digest`` as in the event, ``language`` a tag such as zh-CN."""

    notice_id: str
    version: str
    digest: str
    language: str


@dataclass(frozen=True, slots=True)
class ReceiptPiiType:
    """A category of personal information, and what the purpose makes of it."""

    pii_type: str
    is_optional: bool
    is_sensitive: bool


@dataclass(frozen=True, slots=True)
class ReceiptPurpose:
    """A purpose as it stood in the notice; ``title`` in the language of the notice."""

    purpose_id: str
    title: str
    lawful_basis: str
    pii_types: tuple[ReceiptPiiType, ...]
    collection_method: str
    retention_period: str
    recipients: tuple[str, ...]
    storage_locations: tuple[str, ...]
    processing_locations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReceiptEvent:
    """An event of the record.

    Attributes:
        fields: What `consent_event_bytes` was made of; at least `REQUIRED_EVENT_FIELDS`.
        salt: The 16 bytes of its commitment.
        kind: The kind in its leaf.
    """

    fields: Mapping[str, str | int | None]
    salt: bytes
    kind: str = "consent_event"

    @property
    def event_id(self) -> str:
        """The id that the leaf bears."""
        return str(self.fields["event_id"])

    @property
    def content(self) -> EventContent:
        """What the commitment is made of."""
        return EventContent(self.kind, self.salt, consent_event_bytes(self.fields))


@dataclass(frozen=True, slots=True)
class ReceiptSubject:
    """Everything a receipt says, before it is proved and signed.

    Attributes:
        receipt_id: Random, new for each receipt.
        issued_at: RFC 3339, UTC.
        record_id: Groups one person's events for one purpose.
        pii_principal_id: The person, by random id.
        withdrawal_method: How to withdraw, in the language of the notice.
        privacy_rights: What the person may ask for, in the language of the notice.
        jurisdiction: Such as ``CN``.
        status_url: Where the state that applies now is asked.
        events: At least one, oldest first.
    """

    receipt_id: str
    issued_at: str
    record_id: str
    pii_principal_id: str
    controller: ReceiptController
    notice: ReceiptNotice
    purposes: tuple[ReceiptPurpose, ...]
    withdrawal_method: str
    privacy_rights: tuple[str, ...]
    jurisdiction: str
    status_url: str
    events: tuple[ReceiptEvent, ...]


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The proof that an event is in the log.

    Attributes:
        path: The audit path, leaf's sibling first (RFC 6962 §2.1.1).
        checkpoint: The signed note of the tree of ``tree_size`` leaves.
        log_key: The verifier key that signed it.
    """

    leaf_index: int
    tree_size: int
    path: tuple[bytes, ...]
    checkpoint: str
    log_key: str


def write_receipt(
    subject: ReceiptSubject, inclusions: Mapping[str, Inclusion], signer: Signer
) -> str:
    """Return the signed receipt, as indented JSON.

    Args:
        subject: What it says.
        inclusions: The proofs, by event id; an event without one is marked as pending.
        signer: The key; its verifier key is named in the receipt.

    Raises:
        InputError: There is no event, one lacks a required field, or one contradicts the rest.
    """
    _require_consistent(subject)
    body = _body(subject, inclusions)
    proof: dict[str, object] = {"type": PROOF_TYPE, "key": signer.vkey}
    body["proof"] = proof
    proof["signature"] = base64.b64encode(signer.sign(canonical_json(body))).decode()
    return json.dumps(body, ensure_ascii=False, indent=2) + "\n"


def _require_consistent(subject: ReceiptSubject) -> None:
    if not subject.events:
        raise InputError("a receipt needs at least one event")
    header = _header(subject)
    for event in subject.events:
        lacking = [name for name in REQUIRED_EVENT_FIELDS if name not in event.fields]
        if lacking:
            msg = f"an event of the receipt lacks {', '.join(lacking)}"
            raise InputError(msg)
        if not isinstance(event.fields["event_id"], str):
            raise InputError("an event id is text")
        for name in SHARED_FIELDS:
            if event.fields.get(name, header[name]) != header[name]:
                msg = f"event {event.event_id} has another {name} than the receipt"
                raise InputError(msg)


def _header(subject: ReceiptSubject) -> dict[str, str]:
    return {
        "record_id": subject.record_id,
        "pii_principal_id": subject.pii_principal_id,
        "notice_digest": subject.notice.digest,
        "language": subject.notice.language,
    }


def _body(subject: ReceiptSubject, inclusions: Mapping[str, Inclusion]) -> dict[str, object]:
    return {
        "@context": CONTEXT,
        "@type": "consent_receipt",
        "receipt_id": subject.receipt_id,
        "schema_version": SCHEMA_VERSION,
        "issued_at": subject.issued_at,
        **_header(subject),
        "pii_controller": {
            "name": subject.controller.name,
            "contact": subject.controller.contact,
        },
        "privacy_notice": {"id": subject.notice.notice_id, "version": subject.notice.version},
        "purposes": [_purpose(purpose) for purpose in subject.purposes],
        "withdrawal_method": subject.withdrawal_method,
        "privacy_rights": list(subject.privacy_rights),
        "jurisdiction": subject.jurisdiction,
        "current_status": {"ask": subject.status_url, "note": ASK_THE_SERVER},
        "events": [_event(event, inclusions.get(event.event_id)) for event in subject.events],
    }


def _purpose(purpose: ReceiptPurpose) -> dict[str, object]:
    return {
        "purpose_id": purpose.purpose_id,
        "title": purpose.title,
        "lawful_basis": purpose.lawful_basis,
        "pii_information": [
            {
                "pii_type": pii.pii_type,
                "pii_optional": pii.is_optional,
                "sensitive_pii_category": pii.is_sensitive,
            }
            for pii in purpose.pii_types
        ],
        "collection_method": purpose.collection_method,
        "retention_period": purpose.retention_period,
        "recipient_third_parties": list(purpose.recipients),
        "storage_locations": list(purpose.storage_locations),
        "processing_locations": list(purpose.processing_locations),
    }


def _event(event: ReceiptEvent, inclusion: Inclusion | None) -> dict[str, object]:
    return {
        "kind": event.kind,
        "event": dict(event.fields),
        "salt": event.salt.hex(),
        "commitment": event.content.commitment,
        "inclusion": {"status": PENDING} if inclusion is None else _inclusion(inclusion),
    }


def _inclusion(inclusion: Inclusion) -> dict[str, object]:
    return {
        "status": LOGGED,
        "leaf_index": inclusion.leaf_index,
        "tree_size": inclusion.tree_size,
        "path": [base64.b64encode(step).decode() for step in inclusion.path],
        "checkpoint": inclusion.checkpoint,
        "log_key": inclusion.log_key,
    }
