"""A receipt is checked offline, and no change of it goes unseen."""

import base64
import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.test_merkle import GrownTree
from tests.logs import ORIGIN, Ed25519Signer
from tests.receipts import event_of, subject_of
from troth.core.canonical import canonical_json
from troth.core.errors import InputError, LedgerError
from troth.core.ledger import LeafEntry
from troth.core.merkle import edge_root, inclusion_path, leaf_hash
from troth.core.receipt import Inclusion, write_receipt
from troth.core.receipt_check import Outcome, ReceiptCheck, ReceiptReport, verify_receipt
from troth.core.tlog import Checkpoint, sign_checkpoint

SIGNER = Ed25519Signer(ORIGIN)
STRANGER = Ed25519Signer("stranger.example", seed=9)
EVENTS = [event_of(number) for number in range(300)]
TREE = GrownTree(
    [
        leaf_hash(LeafEntry(event.kind, event.event_id, event.content.commitment).canonical)
        for event in EVENTS
    ]
)
NOTE = sign_checkpoint(Checkpoint(ORIGIN, 300, edge_root(TREE.edge)), SIGNER)


def inclusion_of(number: int) -> Inclusion:
    path = inclusion_path(number, 300, TREE)
    return Inclusion(number, 300, tuple(path), NOTE, SIGNER.vkey)


LOGGED = write_receipt(
    subject_of(EVENTS[7], EVENTS[290]),
    {EVENTS[7].event_id: inclusion_of(7), EVENTS[290].event_id: inclusion_of(290)},
    SIGNER,
)
WAITING = write_receipt(subject_of(EVENTS[7]), {}, SIGNER)


def outcomes(report: ReceiptReport, check: ReceiptCheck) -> list[Outcome]:
    return [finding.outcome for finding in report.findings if finding.check is check]


def failing(report: ReceiptReport) -> set[ReceiptCheck]:
    return {found.check for found in report.findings if found.outcome is Outcome.FAILS}


def test_a_receipt_of_logged_events_is_proven_under_a_pinned_key() -> None:
    report = verify_receipt(LOGGED, trusted_keys=[STRANGER.vkey, SIGNER.vkey])
    assert report.is_intact
    assert report.is_pinned
    assert report.is_proven
    assert report.key == SIGNER.vkey
    assert outcomes(report, ReceiptCheck.INCLUSION) == [Outcome.HOLDS, Outcome.HOLDS]


def test_without_a_pinned_key_the_report_says_which_key_it_believed() -> None:
    report = verify_receipt(LOGGED)
    assert report.is_intact
    assert not report.is_pinned
    assert not report.is_proven
    (key,) = [finding for finding in report.findings if finding.check is ReceiptCheck.KEY]
    assert key.outcome is Outcome.OPEN
    assert key.sentence("en") == (
        f"All this holds for key {SIGNER.vkey}, which you did not pin; "
        "compare it with another source."
    )


def test_a_receipt_of_a_stranger_is_not_trusted_though_its_signature_holds() -> None:
    theirs = write_receipt(subject_of(EVENTS[7]), {}, STRANGER)
    report = verify_receipt(theirs, trusted_keys=[SIGNER.vkey])
    assert outcomes(report, ReceiptCheck.SIGNATURE) == [Outcome.HOLDS]
    assert failing(report) == {ReceiptCheck.KEY}


def test_a_checkpoint_of_a_stranger_is_not_believed_under_a_pinned_key() -> None:
    forged = sign_checkpoint(Checkpoint("stranger.example", 300, edge_root(TREE.edge)), STRANGER)
    path = tuple(inclusion_path(7, 300, TREE))
    inclusion = Inclusion(7, 300, path, forged, STRANGER.vkey)
    text = write_receipt(subject_of(EVENTS[7]), {EVENTS[7].event_id: inclusion}, SIGNER)
    assert failing(verify_receipt(text, trusted_keys=[SIGNER.vkey])) == {ReceiptCheck.CHECKPOINT}


def test_a_receipt_issued_before_the_leaf_says_pending() -> None:
    report = verify_receipt(WAITING, trusted_keys=[SIGNER.vkey])
    assert report.is_intact
    assert not report.is_proven
    assert outcomes(report, ReceiptCheck.INCLUSION) == [Outcome.OPEN]
    assert json.loads(WAITING)["events"][0]["inclusion"] == {"status": "pending"}


def test_a_receipt_holds_every_field_of_the_standard_and_where_to_ask_for_the_state() -> None:
    receipt = json.loads(LOGGED)
    assert set(receipt) >= {
        "receipt_id", "schema_version", "record_id", "pii_principal_id", "pii_controller",
        "privacy_notice", "notice_digest", "language", "purposes", "withdrawal_method",
        "privacy_rights", "jurisdiction",
    }  # fmt: skip
    assert set(receipt["purposes"][0]) >= {
        "lawful_basis", "pii_information", "retention_period", "recipient_third_parties",
        "storage_locations", "processing_locations",
    }  # fmt: skip
    assert receipt["current_status"]["ask"] == "https://shop.example/privacy/consents/record-1"
    assert "不再更改" in receipt["current_status"]["note"]["zh-CN"]


def test_layout_and_order_of_names_do_not_matter() -> None:
    again = json.dumps(json.loads(LOGGED), sort_keys=True, separators=(",", ":"))
    assert verify_receipt(again, trusted_keys=[SIGNER.vkey]).is_proven


# Changes


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in a JSON document, maps and lists included."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def parent_of(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path[:-1]:
        document = document[step]
    return document


def other(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value[:-1] + ("A" if value[-1:] != "A" else "B")
    if isinstance(value, list):
        return [*value, "more"]
    if isinstance(value, dict):
        return {**value, "more": "more"}
    return "something"


PLACES = list(places(json.loads(LOGGED)))


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_a_change_of_any_value_is_found(path: tuple[Any, ...]) -> None:
    receipt = json.loads(LOGGED)
    parent = parent_of(receipt, path)
    parent[path[-1]] = other(parent[path[-1]])
    assert not verify_receipt(json.dumps(receipt)).is_intact
    assert not verify_receipt(json.dumps(receipt), trusted_keys=[SIGNER.vkey]).is_intact


@given(st.sampled_from(PLACES), st.none() | st.booleans() | st.integers() | st.text() | st.just({}))
def test_a_change_to_anything_or_a_removal_is_found(path: tuple[Any, ...], value: object) -> None:
    receipt = json.loads(LOGGED)
    parent = parent_of(receipt, path)
    if type(parent[path[-1]]) is type(value) and parent[path[-1]] == value:
        return
    parent[path[-1]] = value
    assert not verify_receipt(json.dumps(receipt)).is_intact
    del parent[path[-1]]
    assert not verify_receipt(json.dumps(receipt)).is_intact


def signed_again(receipt: dict[str, Any], signer: Ed25519Signer = SIGNER) -> str:
    receipt = deepcopy(receipt)
    receipt["proof"]["key"] = signer.vkey
    del receipt["proof"]["signature"]
    signature = signer.sign(canonical_json(receipt))
    receipt["proof"]["signature"] = base64.b64encode(signature).decode()
    return json.dumps(receipt, ensure_ascii=False)


@pytest.mark.parametrize(
    "path",
    [path for path in PLACES if path[:2] == ("events", 0)],
    ids=lambda path: ".".join(map(str, path)),
)
def test_even_the_controller_cannot_change_the_event_or_its_proof(path: tuple[Any, ...]) -> None:
    # Signed again with the right key: what speaks here is the log alone.
    receipt = json.loads(LOGGED)
    parent = parent_of(receipt, path)
    parent[path[-1]] = other(parent[path[-1]])
    report = verify_receipt(signed_again(receipt), trusted_keys=[SIGNER.vkey])
    assert not report.is_intact
    assert outcomes(report, ReceiptCheck.SIGNATURE) == [Outcome.HOLDS]


def test_an_unchanged_receipt_signed_again_still_holds() -> None:
    report = verify_receipt(signed_again(json.loads(LOGGED)), trusted_keys=[SIGNER.vkey])
    assert report.is_proven


def test_a_proof_of_another_event_does_not_serve() -> None:
    receipt = json.loads(LOGGED)
    receipt["events"][0]["inclusion"] = receipt["events"][1]["inclusion"]
    assert failing(verify_receipt(signed_again(receipt))) == {ReceiptCheck.INCLUSION}


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("record_id", "record-2", "another record_id"),
        ("notice_digest", "00" * 32, "another notice_digest"),
        ("language", "en", "another language"),
    ],
)
def test_an_event_of_another_record_or_text_contradicts_the_receipt(
    name: str, value: str, reason: str
) -> None:
    receipt = json.loads(LOGGED)
    receipt[name] = value
    report = verify_receipt(signed_again(receipt))
    assert failing(report) == {ReceiptCheck.EVENT}
    assert reason in report.findings[2].sentence("en")


def test_an_event_of_a_purpose_that_the_receipt_does_not_name_contradicts_it() -> None:
    receipt = json.loads(LOGGED)
    receipt["purposes"][0]["purpose_id"] = "sell_data"
    assert failing(verify_receipt(signed_again(receipt))) == {ReceiptCheck.EVENT}


def test_a_checkpoint_signature_cannot_pass_for_one_over_a_receipt() -> None:
    receipt = json.loads(WAITING)
    raw = base64.b64decode(NOTE.split()[-1])[4:]
    receipt["proof"]["signature"] = base64.b64encode(raw).decode()
    assert failing(verify_receipt(json.dumps(receipt))) == {ReceiptCheck.SIGNATURE}
    assert not NOTE.partition("\n\n")[0].startswith("{")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "{" * 5000,
        '{"proof":{}}',
        '{"proof":{"key":"a+b+c"}}',
        LOGGED.replace('"receipt_id"', '"receipt_id": "x", "receipt_id"', 1),
        LOGGED.replace('"leaf_index": 7', '"leaf_index": 7.0'),
        LOGGED.replace('"leaf_index": 7', '"leaf_index": -7'),
    ],
    ids=range(10),
)
def test_what_is_no_receipt_is_reported_and_raises_nothing(text: str) -> None:
    report = verify_receipt(text)
    assert not report.is_intact
    for finding in report.findings:
        assert finding.sentence()
        assert finding.sentence("en")


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_makes_the_check_raise(text: str) -> None:
    assert not verify_receipt(text).is_intact


def test_a_malformed_trusted_key_is_the_callers_error() -> None:
    with pytest.raises(LedgerError):
        verify_receipt(LOGGED, trusted_keys=["nonsense"])


def test_every_finding_speaks_chinese_and_english() -> None:
    report = verify_receipt(LOGGED, trusted_keys=[SIGNER.vkey])
    assert report.findings[0].sentence().startswith("签名有效：")
    assert report.findings[0].sentence("en").startswith("The signature holds")
    for finding in report.findings:
        assert "{" not in finding.sentence() + finding.sentence("en")


# Writing


def test_a_receipt_needs_an_event() -> None:
    with pytest.raises(InputError, match="at least one event"):
        write_receipt(subject_of(), {}, SIGNER)


def test_an_event_without_a_required_field_gets_no_receipt() -> None:
    event = event_of(1)
    fields = {name: value for name, value in event.fields.items() if name != "entity_role"}
    with pytest.raises(InputError, match="lacks entity_role"):
        write_receipt(subject_of(type(event)(fields, event.salt)), {}, SIGNER)


def test_an_event_of_another_person_gets_no_receipt() -> None:
    with pytest.raises(InputError, match="another pii_principal_id"):
        write_receipt(subject_of(event_of(1, pii_principal_id="person-2")), {}, SIGNER)
