"""Receipts with proofs from a real log: pending, then proven, and never for a tampered event."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select, text

from tests.builders import deployed
from tests.conftest import TestDatabase
from tests.logs import ORIGIN, Ed25519Signer, EventLog, event_fields, event_table
from tests.receipts import subject_of
from troth import Answer
from troth.core.errors import LedgerError, UnknownName
from troth.core.receipt import ReceiptEvent
from troth.core.receipt_check import Outcome, ReceiptCheck, ReceiptReport, verify_receipt
from troth.flows.receipt import make_receipt


@pytest.fixture
def log(database: TestDatabase) -> Iterator[EventLog]:
    made = EventLog(database.owner_url, database.folder)
    yield made
    made.close()


def receipt_of(log: EventLog, *event_ids: str, log_keys: tuple[str, ...] = ()) -> str:
    """Make the receipt of events, from their rows as they stand."""
    with log.database.reading() as conn:
        rows = [
            conn.execute(select(event_table).where(event_table.c.event_id == event_id))
            .mappings()
            .one()
            for event_id in event_ids
        ]
        events = [ReceiptEvent(event_fields(row), bytes(row["salt"])) for row in rows]
        return make_receipt(conn, subject_of(*events), signer=log.signer, log_keys=log_keys)


def inclusions(report: ReceiptReport) -> list[Outcome]:
    return [
        finding.outcome for finding in report.findings if finding.check is ReceiptCheck.INCLUSION
    ]


def test_a_receipt_is_pending_first_and_proven_once_the_event_is_logged(log: EventLog) -> None:
    log.grow(300)
    (event_id,) = log.record(1)
    early = receipt_of(log, event_id)
    log.sequence()
    late = receipt_of(log, event_id)
    before = verify_receipt(early, trusted_keys=[log.signer.vkey])
    after = verify_receipt(late, trusted_keys=[log.signer.vkey])
    assert before.is_intact
    assert inclusions(before) == [Outcome.OPEN]
    assert after.is_proven
    assert inclusions(after) == [Outcome.HOLDS]


def test_one_receipt_proves_every_event_of_a_record(log: EventLog) -> None:
    log.grow(10, 600)
    text_of_receipt = receipt_of(log, "event-000000", "event-000009", "event-000555")
    report = verify_receipt(text_of_receipt, trusted_keys=[log.signer.vkey])
    assert report.is_proven
    assert len(inclusions(report)) == 3


def test_a_receipt_still_holds_after_the_log_and_even_the_event_are_gone(log: EventLog) -> None:
    log.grow(5)
    kept = receipt_of(log, "event-000003")
    log.grow(500)
    log.tamper("DELETE FROM troth_leaf", "DELETE FROM test_event")
    assert verify_receipt(kept, trusted_keys=[log.signer.vkey]).is_proven


@pytest.mark.promise("S-13")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE test_event SET event_state = 'consent_refused' WHERE event_id = 'event-000003'",
        "UPDATE troth_leaf SET entry = (SELECT entry FROM troth_leaf WHERE leaf_index = 4) "
        "WHERE leaf_index = 2",
        "DELETE FROM troth_leaf WHERE leaf_index = 4",
    ],
)
def test_no_receipt_is_given_from_a_log_that_was_tampered_with(
    log: EventLog, statement: str
) -> None:
    log.grow(5)
    log.tamper(statement)
    with pytest.raises(LedgerError):
        receipt_of(log, "event-000003")


def test_an_event_that_the_log_has_lost_is_never_called_proven(log: EventLog) -> None:
    log.grow(5)
    log.tamper("UPDATE troth_leaf SET event_id = 'lost' WHERE leaf_index = 3")
    report = verify_receipt(receipt_of(log, "event-000003"), trusted_keys=[log.signer.vkey])
    assert inclusions(report) == [Outcome.OPEN]
    assert not report.is_proven


def test_a_receipt_key_of_its_own_names_the_key_of_the_log(log: EventLog) -> None:
    log.grow(5)
    log_key = log.signer.vkey
    log.signer = Ed25519Signer(f"{ORIGIN}/receipts", seed=5)
    with pytest.raises(LedgerError, match="no key that you trust"):
        receipt_of(log, "event-000003")
    made = receipt_of(log, "event-000003", log_keys=(log_key,))
    assert verify_receipt(made).is_intact
    assert verify_receipt(made, trusted_keys=[log.signer.vkey, log_key]).is_proven
    assert not verify_receipt(made, trusted_keys=[log.signer.vkey]).is_intact


def test_an_event_beyond_the_newest_checkpoint_is_pending(log: EventLog) -> None:
    log.grow(5, 5)
    log.tamper("DELETE FROM troth_checkpoint WHERE tree_size = 10")
    assert inclusions(verify_receipt(receipt_of(log, "event-000007"))) == [Outcome.OPEN]
    with log.database.reading() as conn:
        assert conn.execute(text("SELECT count(*) FROM troth_leaf")).scalar_one() == 10


@pytest.mark.control("receipts")
def test_a_receipt_is_for_the_person_who_answered_and_others_learn_nothing(
    database: TestDatabase,
) -> None:
    with deployed(database) as here:
        person, other = here.person(), here.person()
        event_id = here.say(person, "send_news", Answer.GIVE)
        here.say(other, "send_news", Answer.GIVE)
        assert event_id in here.troth.receipt(person, event_id)
        refused = []
        for who, what in ((other, event_id), ("", event_id), (other, "strange"), (person, "")):
            with pytest.raises(UnknownName) as error:
                here.troth.receipt(who, what)
            refused.append(str(error.value))
        assert len(set(refused)) == 1
