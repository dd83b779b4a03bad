"""Check a receipt offline: the signature, the event against its commitment, the place in the log.

`verify_receipt` reports and never raises on what it is given: a receipt comes from anywhere. It
says which key it believed; a signature under a key that nobody pinned proves only that whoever
holds that key wrote the receipt.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from troth.core.canonical import canonical_json, read_strict_json
from troth.core.errors import InputError, LedgerError
from troth.core.ledger import LeafEntry, commit_to, consent_event_bytes
from troth.core.merkle import leaf_hash, verify_inclusion
from troth.core.receipt import (
    LOGGED,
    PENDING,
    PROOF_TYPE,
    REQUIRED_EVENT_FIELDS,
    SHARED_FIELDS,
)
from troth.core.signed_note import VerifierKey, parse_vkey
from troth.core.tlog import open_checkpoint

_EVENT_NAMES = {"kind", "event", "salt", "commitment", "inclusion"}
_INCLUSION_NAMES = {"status", "leaf_index", "tree_size", "path", "checkpoint", "log_key"}


class ReceiptCheck(StrEnum):
    """What a check of a receipt looks at; the stable names of its findings."""

    FORM = "form"
    SIGNATURE = "signature"
    KEY = "key"
    EVENT = "event"
    COMMITMENT = "commitment"
    INCLUSION = "inclusion"
    CHECKPOINT = "checkpoint"


class Outcome(StrEnum):
    """How a check came out; ``open`` is neither proof nor fault."""

    HOLDS = "holds"
    FAILS = "fails"
    OPEN = "open"


_WORDS: Mapping[tuple[ReceiptCheck, Outcome], tuple[str, str]] = {
    (ReceiptCheck.FORM, Outcome.FAILS): (
        "这不是一份可以核验的回执：{reason}。",
        "This is no receipt that can be checked: {reason}.",
    ),
    (ReceiptCheck.SIGNATURE, Outcome.HOLDS): (
        "签名有效：回执自密钥 {key} 签署以来未被改动。",
        "The signature holds: nothing was changed since key {key} signed the receipt.",
    ),
    (ReceiptCheck.SIGNATURE, Outcome.FAILS): (
        "签名无效：回执在签署之后被改动，或者并非由密钥 {key} 签署。",
        "The signature fails: the receipt was changed, or key {key} never signed it.",
    ),
    (ReceiptCheck.KEY, Outcome.HOLDS): (
        "密钥 {key} 是您指定信任的密钥。",
        "Key {key} is one that you pinned.",
    ),
    (ReceiptCheck.KEY, Outcome.FAILS): (
        "密钥 {key} 不在您指定信任的密钥之中，不能证明由谁签署。",
        "Key {key} is not among the keys that you pinned: it does not show who signed.",
    ),
    (ReceiptCheck.KEY, Outcome.OPEN): (
        "以上核验依据回执中写明的密钥 {key}，您尚未指定信任该密钥；请从其他途径核对。",
        "All this holds for key {key}, which you did not pin; compare it with another source.",
    ),
    (ReceiptCheck.EVENT, Outcome.FAILS): (
        "事件 {event_id} 与回执其余内容不一致：{reason}。",
        "Event {event_id} contradicts the rest of the receipt: {reason}.",
    ),
    (ReceiptCheck.COMMITMENT, Outcome.HOLDS): (
        "事件 {event_id} 的内容与其承诺值一致。",
        "Event {event_id} is the one that its commitment was made of.",
    ),
    (ReceiptCheck.COMMITMENT, Outcome.FAILS): (
        "事件 {event_id} 的内容与其承诺值不一致：事件、盐值或承诺值被改动。",
        "Event {event_id} does not match its commitment: event, salt or commitment was changed.",
    ),
    (ReceiptCheck.CHECKPOINT, Outcome.HOLDS): (
        "日志检查点由密钥 {key} 签署，共 {tree_size} 条。",
        "The log's checkpoint of {tree_size} leaves is signed by key {key}.",
    ),
    (ReceiptCheck.CHECKPOINT, Outcome.FAILS): (
        "事件 {event_id} 所附的日志检查点不可信：{reason}。",
        "The log's checkpoint given for event {event_id} is not believed: {reason}.",
    ),
    (ReceiptCheck.INCLUSION, Outcome.HOLDS): (
        "事件 {event_id} 是日志中的第 {leaf_index} 条（从 0 起计），证明有效。",
        "Event {event_id} is leaf {leaf_index} of the log (counted from 0); the proof holds.",
    ),
    (ReceiptCheck.INCLUSION, Outcome.FAILS): (
        "事件 {event_id} 在日志中的证明无效。",
        "The proof that event {event_id} is in the log fails.",
    ),
    (ReceiptCheck.INCLUSION, Outcome.OPEN): (
        "签发时事件 {event_id} 尚未写入日志；稍后可向服务器索取附有证明的回执。",
        "Event {event_id} was not in the log yet when this was issued; ask for a receipt later.",
    ),
}


@dataclass(frozen=True, slots=True)
class ReceiptFinding:
    """One thing that was looked at; ``values`` fill its sentence."""

    check: ReceiptCheck
    outcome: Outcome
    values: Mapping[str, str]

    def sentence(self, language: str = "zh-CN") -> str:
        """Say it in ``zh-CN`` or, for any other tag, in English."""
        chinese, english = _WORDS[self.check, self.outcome]
        return (chinese if language == "zh-CN" else english).format(**self.values)


@dataclass(frozen=True, slots=True)
class ReceiptReport:
    """What the check of a receipt found.

    Attributes:
        findings: In the order of checking.
        key: The verifier key whose signature was checked; None if there was none.
        is_pinned: That key is one that the caller trusted beforehand.
    """

    findings: tuple[ReceiptFinding, ...]
    key: str | None
    is_pinned: bool

    @property
    def is_intact(self) -> bool:
        """Nothing fails: the receipt is as its key signed it, and its proofs hold."""
        return all(finding.outcome is not Outcome.FAILS for finding in self.findings)

    @property
    def is_proven(self) -> bool:
        """It is intact, under a pinned key, and every event is proved to be in the log."""
        return (
            self.is_intact
            and self.is_pinned
            and all(finding.outcome is not Outcome.OPEN for finding in self.findings)
        )


def verify_receipt(text: str, *, trusted_keys: Sequence[str] | None = None) -> ReceiptReport:
    """Check a receipt without asking anybody.

    Args:
        text: The receipt as it was given.
        trusted_keys: Verifier keys known from elsewhere, of the receipts and of the log; None to
            believe the keys that the receipt names, which the report then says.

    Raises:
        LedgerError: A trusted key is malformed.
    """
    trusted = None if trusted_keys is None else [parse_vkey(vkey) for vkey in trusted_keys]
    check = _Check(trusted)
    try:
        check.receipt(read_strict_json(text))
    except _Malformed as error:
        check.add(ReceiptCheck.FORM, Outcome.FAILS, reason=str(error))
    except (InputError, LedgerError) as error:
        check.add(ReceiptCheck.FORM, Outcome.FAILS, reason=str(error))
    return ReceiptReport(tuple(check.findings), check.key, check.is_pinned)


class _Malformed(Exception):
    """The receipt lacks something or has it in another form."""


@dataclass
class _Check:
    """One receipt under examination."""

    trusted: Sequence[VerifierKey] | None
    findings: list[ReceiptFinding] = field(default_factory=list)
    key: str | None = None
    is_pinned: bool = False

    def add(self, check: ReceiptCheck, outcome: Outcome, **values: str) -> None:
        self.findings.append(ReceiptFinding(check, outcome, values))

    def receipt(self, value: object) -> None:
        receipt = _map(value, "the receipt")
        self._signature(receipt)
        events = _list(receipt.get("events"), "events")
        if not events:
            raise _Malformed("it shows no event")
        purposes = [
            _map(purpose, "a purpose").get("purpose_id")
            for purpose in _list(receipt.get("purposes"), "purposes")
        ]
        for shown in events:
            self._event(_map(shown, "an event"), receipt, purposes)

    def _signature(self, receipt: dict[str, Any]) -> None:
        proof = _map(receipt.get("proof"), "proof")
        key = parse_vkey(_text(proof.get("key"), "proof.key"))
        if proof.get("type") != PROOF_TYPE:
            raise _Malformed("its proof is of a type unknown here")
        signature = _base64(proof.get("signature"), "proof.signature")
        unsigned = {name: inner for name, inner in proof.items() if name != "signature"}
        holds = key.verifies(canonical_json({**receipt, "proof": unsigned}), signature)
        self.key = key.vkey
        self.is_pinned = self.trusted is not None and key in self.trusted
        self.add(ReceiptCheck.SIGNATURE, Outcome.HOLDS if holds else Outcome.FAILS, key=key.vkey)
        pinned = Outcome.OPEN
        if self.trusted is not None:
            pinned = Outcome.HOLDS if self.is_pinned else Outcome.FAILS
        self.add(ReceiptCheck.KEY, pinned, key=key.vkey)

    def _event(
        self, shown: dict[str, Any], receipt: dict[str, Any], purposes: Sequence[object]
    ) -> None:
        if shown.keys() != _EVENT_NAMES:
            raise _Malformed("an event needs kind, event, salt, commitment and inclusion")
        fields = _map(shown.get("event"), "event")
        event_id = _text(fields.get("event_id"), "event_id")
        if reason := _contradiction(fields, receipt, purposes):
            self.add(ReceiptCheck.EVENT, Outcome.FAILS, event_id=event_id, reason=reason)
        commitment = _text(shown.get("commitment"), "commitment")
        try:
            salt = bytes.fromhex(_text(shown.get("salt"), "salt"))
        except ValueError:
            raise _Malformed("salt is not hexadecimal") from None
        matches = commit_to(salt, consent_event_bytes(fields)) == commitment
        self.add(
            ReceiptCheck.COMMITMENT,
            Outcome.HOLDS if matches else Outcome.FAILS,
            event_id=event_id,
        )
        entry = LeafEntry(_text(shown.get("kind"), "kind"), event_id, commitment)
        self._inclusion(_map(shown.get("inclusion"), "inclusion"), entry)

    def _inclusion(self, inclusion: dict[str, Any], entry: LeafEntry) -> None:
        if inclusion == {"status": PENDING}:
            self.add(ReceiptCheck.INCLUSION, Outcome.OPEN, event_id=entry.event_id)
            return
        if inclusion.get("status") != LOGGED or inclusion.keys() != _INCLUSION_NAMES:
            raise _Malformed("inclusion is neither pending nor a complete proof")
        leaf_index = _number(inclusion.get("leaf_index"), "leaf_index")
        tree_size = _number(inclusion.get("tree_size"), "tree_size")
        path = [_base64(step, "path") for step in _list(inclusion.get("path"), "path")]
        note = _text(inclusion.get("checkpoint"), "checkpoint")
        log_key = parse_vkey(_text(inclusion.get("log_key"), "log_key"))
        try:
            said, key = open_checkpoint(note, self.trusted or [log_key])
        except LedgerError as error:
            self.add(
                ReceiptCheck.CHECKPOINT,
                Outcome.FAILS,
                event_id=entry.event_id,
                reason=str(error),
            )
            return
        self.add(
            ReceiptCheck.CHECKPOINT, Outcome.HOLDS, key=key.vkey, tree_size=str(said.tree_size)
        )
        proved = (
            key == log_key
            and said.tree_size == tree_size
            and verify_inclusion(leaf_hash(entry.canonical), leaf_index, tree_size, path, said.root)
        )
        self.add(
            ReceiptCheck.INCLUSION,
            Outcome.HOLDS if proved else Outcome.FAILS,
            event_id=entry.event_id,
            leaf_index=str(leaf_index),
        )


def _contradiction(
    fields: dict[str, Any], receipt: dict[str, Any], purposes: Sequence[object]
) -> str | None:
    for name in REQUIRED_EVENT_FIELDS:
        if name not in fields:
            return f"it lacks {name}"
    for name in SHARED_FIELDS:
        if name in fields and fields[name] != receipt.get(name):
            return f"it has another {name}"
    if "purpose_id" in fields and fields["purpose_id"] not in purposes:
        return "its purpose_id is not among the purposes"
    return None


def _map(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        msg = f"{name} is missing or no map"
        raise _Malformed(msg)
    return value


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list):
        msg = f"{name} is missing or no list"
        raise _Malformed(msg)
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        msg = f"{name} is missing or no text"
        raise _Malformed(msg)
    return value


def _number(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{name} is missing or no whole number"
        raise _Malformed(msg)
    return value


def _base64(value: object, name: str) -> bytes:
    text = _text(value, name)
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded or base64.b64encode(decoded).decode() != text:
        msg = f"{name} is not base64"
        raise _Malformed(msg)
    return decoded
