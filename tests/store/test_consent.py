"""The rows of consent: the database itself makes state, record and outbox of an event."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from tests.builders import DAY, NOW, Deployment, deployed, open_troth
from tests.conftest import TestDatabase
from tests.servers import PostgresDatabase
from troth import Answer
from troth.core.consent import PersonFlag
from troth.core.errors import InputError, SnapshotReplayed
from troth.flows.consent import set_person
from troth.store.consent import SCHEMA_VERSION, ConsentEvent


@pytest.fixture
def here(migrated_database: TestDatabase) -> Iterator[Deployment]:
    with deployed(migrated_database) as made:
        yield made


def rows(here: Deployment, sql: str, **values: object) -> list[tuple[Any, ...]]:
    with here.troth.reading() as connection:
        return [tuple(row) for row in connection.execute(text(sql), values)]


def test_one_event_makes_one_state_one_record_and_one_line_of_the_outbox(here: Deployment) -> None:
    person = here.person()
    event_id = here.say(person, "send_news", Answer.GIVE)
    (event,) = here.troth.history(person)
    state = rows(here, "SELECT * FROM troth_consent_state")
    assert state == [(person, "send_news", "consent_given", None, 1, event_id, 0, 1)]
    assert rows(here, "SELECT * FROM troth_consent_record") == [
        (event.record_id, SCHEMA_VERSION, person, "测试公司", "send_news", "CN")
    ]
    assert rows(here, "SELECT event_id, topic, recorded_at FROM troth_outbox ORDER BY seq")[1:] == [
        (event_id, "consent_event", NOW)
    ]


def test_later_events_move_the_state_and_keep_the_record(here: Deployment) -> None:
    person = here.person()
    answers = [Answer.GIVE, Answer.WITHDRAW, Answer.DEFER, Answer.REFUSE, Answer.GIVE]
    ids = [here.say(person, "scan_code", answer) for answer in answers]
    assert [e.event_id for e in here.troth.history(person)] == ids
    assert rows(here, "SELECT event_state, event_id, valid_until FROM troth_consent_state") == [
        ("consent_given", ids[-1], NOW + 365 * DAY)
    ]
    assert len(rows(here, "SELECT 1 FROM troth_consent_record")) == 1
    assert len(rows(here, "SELECT 1 FROM troth_outbox")) == 1 + len(ids)


def test_the_state_is_what_the_events_say(here: Deployment) -> None:
    for number in range(3):
        person = here.person()
        here.give(person, "send_news", "keep_account", "scan_code")
        if number:
            here.say(person, "send_news", Answer.WITHDRAW)
        if number == 2:
            here.troth.set_person(person, restricted=True)
    assert rows(here, REBUILT) == rows(here, STANDS)
    assert len(rows(here, STANDS)) == 9


STANDS = "SELECT * FROM troth_consent_state ORDER BY 1, 2"
REBUILT = """
SELECT e.pii_principal_id, e.purpose_id, e.event_state, e.valid_until, e.notice_ordinal, e.event_id,
       p.flags, e.seq
FROM troth_consent_event e JOIN troth_person p ON p.pii_principal_id = e.pii_principal_id
WHERE e.seq = (SELECT max(l.seq) FROM troth_consent_event l
               WHERE l.pii_principal_id = e.pii_principal_id AND l.purpose_id = e.purpose_id)
ORDER BY 1, 2
"""


def test_what_is_known_of_a_person_reaches_every_state_at_once(here: Deployment) -> None:
    person, other = here.person(), here.person()
    for one in (person, other):
        here.give(one, "send_news", "keep_account")
    here.troth.set_person(person, restricted=True, under_14=True)
    flags = int(PersonFlag.RESTRICTED | PersonFlag.UNDER_14)
    found = rows(here, "SELECT pii_principal_id, person_flags FROM troth_consent_state")
    assert sorted(found) == sorted([(person, flags)] * 2 + [(other, 0)] * 2)
    here.troth.set_person(person, restricted=False, guarded=True)
    assert {row[1] for row in rows(here, STANDS_OF, p=person)} == {
        int(PersonFlag.UNDER_14 | PersonFlag.GUARDED)
    }


STANDS_OF = "SELECT 1, person_flags FROM troth_consent_state WHERE pii_principal_id = :p"


def event_of(person: str, **changes: object) -> ConsentEvent:
    values: dict[str, object] = {
        "event_id": "e1",
        "record_id": "r1",
        "pii_principal_id": person,
        "purpose_id": "send_news",
        "event_type": "expressed_consent",
        "event_state": "consent_given",
        "event_time": NOW,
        "recorded_at": NOW,
        "valid_until": None,
        "entity_id": person,
        "entity_role": "pii_principal",
        "indication_method": "button",
        "surface": "/",
        "privacy_notice": "tiny@1.0",
        "notice_ordinal": 1,
        "notice_digest": "d",
        "language": "en",
        "snapshot_token_id": "t1",
        "idempotency_key": "k1",
        "salt": b"s" * 16,
    }
    return ConsentEvent(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"event_id": "e2", "idempotency_key": None}, SnapshotReplayed),
        ({"event_id": "e2", "snapshot_token_id": "t2"}, InputError),
        ({"event_id": "e2", "snapshot_token_id": "t2", "purpose_id": "scan_code"}, InputError),
    ],
)
def test_the_database_refuses_what_was_answered_before(
    here: Deployment, changes: dict[str, object], error: type[Exception]
) -> None:
    person = here.person()
    writer, store = here.troth.kit.database.writer, here.troth.kit.rows
    writer.run(lambda cursor: store.append(cursor, 1, [(event_of(person), 0)]))
    before = here.counts()
    bent = event_of(person, **changes)
    with pytest.raises(error) as refused:
        writer.run(lambda cursor: store.append(cursor, 1, [(bent, 0)]))
    assert type(refused.value) is error
    assert person not in str(refused.value)
    assert here.counts() == before


@pytest.mark.parametrize(
    ("ordinal", "whose", "bars"),
    [(2, "", 0), (1, "nobody", 0), (1, "", int(PersonFlag.RESTRICTED))],
    ids=["another version is in force", "no such person", "a person who is barred"],
)
def test_the_database_takes_no_event_of(
    here: Deployment, ordinal: int, whose: str, bars: int
) -> None:
    person = here.person()
    here.troth.set_person(person, restricted=True)
    before = here.counts()
    event = event_of(whose or person)
    store = here.troth.kit.rows
    taken = here.troth.kit.database.writer.run(
        lambda cursor: store.append(cursor, ordinal, [(event, bars)])
    )
    assert taken is False
    assert here.counts() == before


def test_one_showing_answers_each_of_its_purposes_once(here: Deployment) -> None:
    person = here.person()
    token = here.troth.show("send_news", "scan_code", person=person).token
    here.troth.answer(person, "send_news", Answer.GIVE, token)
    here.troth.answer(person, "scan_code", Answer.REFUSE, token)
    for purpose in ("send_news", "scan_code"):
        with pytest.raises(SnapshotReplayed):
            here.troth.answer(person, purpose, Answer.GIVE, token)
    assert here.counts()["troth_consent_event"] == 2


def test_programs_without_a_key_may_answer_as_often_as_they_show(here: Deployment) -> None:
    person = here.person()
    for _ in range(3):
        here.say(person, "send_news", Answer.GIVE)
    assert here.counts()["troth_consent_event"] == 3


@pytest.mark.parametrize(
    "bad",
    [
        {"event_state": "consent_bought"},
        {"event_type": "implied_consent"},
        {"entity_role": "advertiser"},
        {"notice_digest": None},
        {"language": None},
    ],
)
def test_states_types_and_roles_are_those_of_the_model_and_nothing_else(
    here: Deployment, bad: dict[str, object]
) -> None:
    person = here.person()
    before = here.counts()
    with pytest.raises(Exception, match=r"(?i)constraint"):
        here.troth.kit.database.writer.run(
            lambda cursor: here.troth.kit.rows.append(cursor, 1, [(event_of(person, **bad), 0)])
        )
    assert here.counts() == before


def test_uses_are_counted_and_nothing_else_is_kept_of_them(here: Deployment) -> None:
    person = here.person()
    assert not here.troth.count_use(person, "scan_code")
    assert here.troth.uses(person) == {}
    here.give(person, "scan_code")
    for _ in range(3):
        here.clock.move(DAY)
        assert here.troth.count_use(person, "scan_code")
    assert here.troth.uses(person) == {"scan_code": (3, NOW + 3 * DAY)}


def test_a_person_with_answers_cannot_be_dropped_by_accident(here: Deployment) -> None:
    person = here.person()
    here.give(person, "send_news")
    with pytest.raises(Exception, match=r"(?i)foreign"), here.troth.transaction() as connection:
        connection.execute(text("DELETE FROM troth_person"))
    assert here.troth.decide(person, "send_news")


@dataclass
class Turn:
    """One step in a thread of its own, started and awaited from the test."""

    work: Any
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.work()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            self.error = error

    def done(self, seconds: float = 10) -> bool:
        self.thread.join(seconds)
        if self.error is not None:
            raise self.error
        return not self.thread.is_alive()


def test_restricting_while_an_answer_is_being_written_reaches_its_state(
    postgres_database: PostgresDatabase, tmp_path: Any
) -> None:
    """The answer is not committed when the flags change; its state must know of them after."""
    database = TestDatabase(
        kind="postgresql",
        owner_url=postgres_database.owner_url,
        app_url=postgres_database.app_url,
        folder=tmp_path,
    )
    with deployed(database) as here:
        person = here.person()
        token = here.troth.show("send_news", person=person).token
        with here.troth.transaction() as connection:
            here.troth.answer(person, "send_news", Answer.GIVE, token, connection=connection)
            restricting = Turn(lambda: here.troth.set_person(person, restricted=True))
            restricting.done(0.5)
        assert restricting.done()
        assert here.troth.decide(person, "send_news").reason == "restricted"


def test_two_changes_of_what_is_known_of_a_person_are_both_kept(
    postgres_database: PostgresDatabase, tmp_path: Any
) -> None:
    database = TestDatabase(
        kind="postgresql",
        owner_url=postgres_database.owner_url,
        app_url=postgres_database.app_url,
        folder=tmp_path,
    )
    with deployed(database) as here:
        person = here.person()
        other = open_troth(database, here.clock, seed="other")
        with here.troth.transaction() as connection:
            set_person(here.troth.kit, person, under_14=True, connection=connection)
            restricting = Turn(lambda: other.set_person(person, restricted=True))
            restricting.done(0.5)
        assert restricting.done()
        with here.troth.reading() as connection:
            flags = connection.execute(text("SELECT flags FROM troth_person")).scalar_one()
        assert flags == int(PersonFlag.RESTRICTED | PersonFlag.UNDER_14)
        other.close()
