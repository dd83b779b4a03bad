"""Show and answer: what is refused leaves nothing behind, what is acknowledged is all there."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import create_engine, text

from tests.builders import DAY, MINUTE, NOW, PURPOSES, Deployment, deployed, draft, open_troth
from tests.conftest import TestDatabase
from troth import (
    Answer,
    ConsentRefusedByRule,
    EntityRole,
    InputError,
    SnapshotExpired,
    SnapshotForged,
    SnapshotReplayed,
    SnapshotSuperseded,
    UnknownName,
)
from troth.core.consent import sign_snapshot
from troth.core.notice import notice_for


@pytest.fixture
def here(migrated_database: TestDatabase) -> Iterator[Deployment]:
    with deployed(migrated_database) as made:
        yield made


# --- five answers told apart ---------------------------------------------------------------------


@pytest.mark.promise("S-05", "S-06")
def test_given_refused_deferred_withdrawn_and_expired_are_told_apart(here: Deployment) -> None:
    people = {answer: here.person() for answer in ("give", "refuse", "defer", "withdraw", "expire")}
    here.give(people["give"], "scan_code")
    here.say(people["refuse"], "scan_code", Answer.REFUSE)
    here.say(people["defer"], "scan_code", Answer.DEFER)
    here.give(people["withdraw"], "scan_code")
    here.say(people["withdraw"], "scan_code", Answer.WITHDRAW)
    here.clock.move(-400 * DAY)
    here.give(people["expire"], "scan_code")
    here.clock.move(400 * DAY)
    reasons = {k: here.troth.decide(p, "scan_code").reason.value for k, p in people.items()}
    assert reasons == {
        "give": "consent_stands",
        "refuse": "refused",
        "defer": "deferred",
        "withdraw": "withdrawn",
        "expire": "expired",
    }
    states = {k: here.troth.history(p)[-1].event_state for k, p in people.items()}
    assert states["refuse"] == "consent_refused"
    assert states["defer"] == "consent_request_deferred"
    assert here.troth.expire(people["expire"])
    (_, expired) = here.troth.history(people["expire"])
    assert expired.event_state == "consent_expired"
    assert expired.event_time == NOW - 35 * DAY
    assert (expired.recorded_at, expired.entity_role) == (NOW, "system")
    assert here.troth.expire(people["expire"]) == []
    assert here.troth.expire(people["give"]) == []


@pytest.mark.control("shown_text_proved")
def test_an_event_names_the_text_its_language_its_place_and_who_acted(here: Deployment) -> None:
    person = here.person()
    showing = here.troth.show("send_news", person=person, language="en", surface="/news")
    here.clock.move(5 * MINUTE)
    here.troth.answer(
        person,
        "send_news",
        Answer.GIVE,
        showing.token,
        indication_method="switch",
        event_time=NOW + 3 * MINUTE,
    )
    (event,) = here.troth.history(person)
    assert event.notice_digest == notice_for(here.troth.policy, "send_news", "en").digest
    assert showing.notices == (notice_for(here.troth.policy, "send_news", "en"),)
    assert (event.language, event.surface) == ("en", "/news")
    assert (event.indication_method, event.privacy_notice) == ("switch", "tiny@1.0")
    assert (event.event_time, event.recorded_at) == (NOW + 3 * MINUTE, NOW + 5 * MINUTE)
    assert (event.entity_id, event.entity_role) == (person, "pii_principal")
    assert event.event_type == "expressed_consent"
    assert len(event.salt) == 16


def test_the_language_is_the_binding_one_unless_another_is_asked_for(here: Deployment) -> None:
    person = here.person()
    assert here.troth.show("send_news", person=person).notices[0].language == "zh-CN"


@pytest.mark.parametrize("when", [NOW - 1, NOW + 1, 0])
def test_an_event_cannot_be_dated_before_its_showing_or_in_the_future(
    here: Deployment, when: int
) -> None:
    person = here.person()
    before = here.counts()
    with pytest.raises(InputError, match="between the showing and now"):
        here.say(person, "send_news", Answer.GIVE, event_time=when)
    assert here.counts() == before


@pytest.mark.parametrize(
    ("period", "after"),
    [("P1Y", 365 * DAY), ("P6M", 180 * DAY), ("P10D", 10 * DAY), ("PT12H", DAY // 2)],
)
def test_consent_lasts_as_long_as_the_policy_says(
    database: TestDatabase, period: str, after: int
) -> None:
    made = draft().change("valid_for: P1Y", f"valid_for: {period}  # how long")
    with deployed(database, made) as here:
        person = here.person()
        here.give(person, "scan_code")
        here.clock.move(after - 1)
        assert here.troth.decide(person, "scan_code").allowed
        here.clock.move(1)
        assert here.troth.decide(person, "scan_code").reason == "expired"


# --- what is refused leaves nothing --------------------------------------------------------------

Attempt = Callable[[Deployment, str], object]


def answered(purpose: str, said: Answer, token: str | None = None, **how: Any) -> Attempt:
    def attempt(here: Deployment, person: str) -> object:
        shown = token if token is not None else here.troth.show(purpose, person=person).token
        return here.troth.answer(person, purpose, said, shown, **how)

    return attempt


def replayed(here: Deployment, person: str) -> None:
    token = here.troth.show("scan_code", person=person).token
    here.troth.answer(person, "scan_code", Answer.REFUSE, token)
    counts = here.counts()
    try:
        here.troth.answer(person, "scan_code", Answer.GIVE, token)
    finally:
        assert here.counts() == counts
        assert not here.troth.decide(person, "scan_code")


def expired(here: Deployment, person: str) -> None:
    token = here.troth.show("send_news", person=person).token
    here.clock.move(30 * MINUTE + 1)
    here.troth.answer(person, "send_news", Answer.GIVE, token)


def from_the_future(here: Deployment, person: str) -> None:
    token = here.troth.show("send_news", person=person).token
    here.clock.move(-1)
    here.troth.answer(person, "send_news", Answer.GIVE, token)


def of_another_person(here: Deployment, person: str) -> None:
    token = here.troth.show("send_news", person=PEOPLE["other"]).token
    here.troth.answer(person, "send_news", Answer.GIVE, token)


def of_another_purpose(here: Deployment, person: str) -> None:
    token = here.troth.show("scan_code", person=person).token
    here.troth.answer(person, "send_news", Answer.GIVE, token)


def shown_to_a_visitor(here: Deployment, person: str) -> None:
    token = here.troth.show("send_news").token
    here.troth.answer(person, "send_news", Answer.GIVE, token)


def bundled(here: Deployment, person: str) -> None:
    here.troth.show("send_news", "ship_parcel", person=person)


def signed_elsewhere(here: Deployment, person: str) -> None:
    from troth.core.consent import read_snapshot

    token = here.troth.show("send_news", person=person).token
    snapshot = read_snapshot(token, here.troth.kit.keys.snapshot_key)
    here.troth.answer(person, "send_news", Answer.GIVE, sign_snapshot(snapshot, b"\0" * 32))


def of_a_child(here: Deployment, person: str) -> None:
    here.troth.answer(
        PEOPLE["child"],
        "send_news",
        Answer.GIVE,
        here.troth.show("send_news", person=PEOPLE["child"]).token,
    )


def of_a_child_registering(here: Deployment, person: str) -> None:
    token = here.troth.show("keep_account", person=PEOPLE["child"]).token
    here.troth.answer(PEOPLE["child"], "keep_account", Answer.ACT, token)


def of_a_visitor_beyond(here: Deployment, person: str) -> None:
    token = here.troth.show("send_news", person=PEOPLE["visitor"]).token
    here.troth.answer(PEOPLE["visitor"], "send_news", Answer.GIVE, token)


def of_nobody(here: Deployment, person: str) -> None:
    token = here.troth.show("send_news", person="nobody").token
    here.troth.answer("nobody", "send_news", Answer.GIVE, token)


PEOPLE: dict[str, str] = {}
REFUSED: list[tuple[str, Attempt, type[Exception]]] = [
    ("no token", answered("send_news", Answer.GIVE, ""), SnapshotForged),
    ("nonsense token", answered("send_news", Answer.GIVE, "a.b"), SnapshotForged),
    ("signed elsewhere", signed_elsewhere, SnapshotForged),
    ("replayed", replayed, SnapshotReplayed),
    ("expired", expired, SnapshotExpired),
    ("from the future", from_the_future, SnapshotExpired),
    ("of another person", of_another_person, SnapshotForged),
    ("of another purpose", of_another_purpose, SnapshotForged),
    ("shown to a visitor", shown_to_a_visitor, SnapshotForged),
    ("bundle with separate consent", bundled, ConsentRefusedByRule),
    (
        "consent to what stands on an act",
        answered("keep_account", Answer.GIVE),
        ConsentRefusedByRule,
    ),
    (
        "refusal of what the law demands",
        answered("keep_books", Answer.REFUSE),
        ConsentRefusedByRule,
    ),
    ("act for what stands on consent", answered("send_news", Answer.ACT), ConsentRefusedByRule),
    ("end of an act for consent", answered("send_news", Answer.END_ACT), ConsentRefusedByRule),
    (
        "staff consenting for a person",
        answered("send_news", Answer.GIVE, entity_role=EntityRole.STAFF),
        ConsentRefusedByRule,
    ),
    ("child", of_a_child, ConsentRefusedByRule),
    ("child registering", of_a_child_registering, ConsentRefusedByRule),
    ("visitor beyond what visitors are asked", of_a_visitor_beyond, ConsentRefusedByRule),
    ("unknown person", of_nobody, UnknownName),
    ("unknown purpose", answered("sell_data", Answer.GIVE), UnknownName),
    (
        "unknown language",
        lambda h, p: h.troth.show("send_news", person=p, language="fr"),
        InputError,
    ),
]


@pytest.mark.promise("S-05", "S-06")
@pytest.mark.control("ask_per_purpose")
def test_what_is_refused_stores_nothing(here: Deployment) -> None:
    """One deployment, every refusal in turn: rows of every table counted before and after."""
    person = here.person()
    PEOPLE.update(
        other=here.person(), child=here.person(under_14=True), visitor=here.person(visitor=True)
    )
    start = here.clock.now()
    for name, attempt, error in REFUSED:
        before = here.counts()
        with pytest.raises(error) as refused:
            attempt(here, person)
        assert type(refused.value) is error, name
        assert person not in str(refused.value), name
        if attempt is not replayed:
            assert here.counts() == before, name
        here.clock.move(start - here.clock.now())
    assert here.counts()["troth_consent_event"] == 1  # what was replayed


def test_a_guardian_answers_for_a_child_and_decisions_wait_for_the_link(here: Deployment) -> None:
    child = here.person(under_14=True)
    here.say(
        child, "send_news", Answer.GIVE, entity_role=EntityRole.GUARDIAN, entity_id="guardian-1"
    )
    (event,) = here.troth.history(child)
    assert (event.entity_id, event.entity_role) == ("guardian-1", "guardian")
    assert here.troth.decide(child, "send_news").reason == "under_14_without_guardian"
    here.troth.set_person(child, guarded=True)
    assert here.troth.decide(child, "send_news").allowed


def test_a_visitor_is_shown_the_text_without_an_id_and_gets_one_with_the_yes(
    here: Deployment,
) -> None:
    token = here.troth.show("scan_code").token
    before = here.counts()
    with here.troth.transaction() as connection:
        person = here.troth.add_person(visitor=True, connection=connection)
        here.troth.answer(
            person, "scan_code", Answer.GIVE, token, shown_to="", connection=connection
        )
    assert here.troth.decide(person, "scan_code").allowed
    assert here.counts()["troth_person"] == before["troth_person"] + 1


def test_a_call_with_a_key_is_stored_once(here: Deployment) -> None:
    person = here.person()
    here.say(person, "send_news", Answer.GIVE, idempotency_key="call-1")
    before = here.counts()
    with pytest.raises(InputError, match="already used"):
        here.say(person, "send_news", Answer.WITHDRAW, idempotency_key="call-1")
    assert here.counts() == before


@pytest.mark.promise("S-58")
def test_a_token_of_the_old_text_is_refused_and_the_new_text_can_be_answered(
    here: Deployment,
) -> None:
    person = here.person()
    old = here.troth.show("send_news", person=person).token
    here.publish(draft().version("1.1"))
    before = here.counts()
    with pytest.raises(SnapshotSuperseded):
        here.troth.answer(person, "send_news", Answer.GIVE, old)
    assert here.counts() == before
    here.give(person, "send_news")
    assert here.troth.history(person)[-1].privacy_notice == "tiny@1.1"


def test_when_another_process_publishes_old_tokens_fail_and_new_ones_work_in_each(
    here: Deployment,
) -> None:
    """Neither process decides anything between, so nothing else renews its policy."""
    other = open_troth(here.database, here.clock, seed="other")
    person = here.person()
    old = here.troth.show("send_news", person=person).token
    other.publish(draft().version("1.1").write(here.folder / "later"))
    with pytest.raises(SnapshotSuperseded):
        here.troth.answer(person, "send_news", Answer.GIVE, old)
    again = here.troth.show("send_news", person=person)
    assert again.notices[0].privacy_notice == "tiny@1.1"
    here.troth.answer(person, "send_news", Answer.GIVE, again.token)
    other.publish(draft().version("1.2").write(here.folder / "latest"))
    shown_there = other.show("send_news", person=person).token
    here.troth.answer(person, "send_news", Answer.WITHDRAW, shown_there)
    assert not other.decide(person, "send_news")
    other.close()


# --- in the caller's transaction -----------------------------------------------------------------


@pytest.fixture
def with_orders(here: Deployment) -> Deployment:
    engine = create_engine(here.database.owner_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE host_order (id integer, person text)"))
        if here.database.kind == "postgresql":
            connection.execute(text("GRANT ALL ON host_order TO troth_app"))
    engine.dispose()
    return here


def orders(here: Deployment) -> int:
    with here.troth.reading() as connection:
        return int(connection.execute(text("SELECT count(*) FROM host_order")).scalar_one())


class Abandoned(Exception):
    pass


@pytest.mark.control("consent_recorded")
def test_the_hosts_row_and_the_event_are_committed_together(with_orders: Deployment) -> None:
    here = with_orders
    person = here.person()
    token = here.troth.show("keep_books", "keep_account", person=person).token
    before = here.counts()
    with here.troth.transaction() as connection:
        connection.execute(text("INSERT INTO host_order VALUES (1, :p)"), {"p": person})
        event_id = here.troth.answer(person, "keep_books", Answer.ACT, token, connection=connection)
    after = here.counts()
    assert orders(here) == 1
    assert here.troth.decide(person, "keep_books").evidence_id == event_id
    changed = {k: after[k] - before[k] for k in after if after[k] != before[k]}
    assert changed == {
        "troth_consent_event": 1,
        "troth_consent_state": 1,
        "troth_outbox": 1,
    }


@pytest.mark.control("consent_recorded")
def test_a_host_that_rolls_back_leaves_neither_row_nor_event(with_orders: Deployment) -> None:
    here = with_orders
    person = here.person()
    token = here.troth.show("keep_books", person=person).token
    before = here.counts()
    added = ""
    with contextlib.suppress(Abandoned), here.troth.transaction() as connection:
        connection.execute(text("INSERT INTO host_order VALUES (1, :p)"), {"p": person})
        added = here.troth.add_person(connection=connection)
        here.troth.answer(person, "keep_books", Answer.ACT, token, connection=connection)
        raise Abandoned
    assert added
    assert (here.counts(), orders(here)) == (before, 0)
    assert here.troth.decide(person, "keep_books").reason == "never_asked"
    assert here.troth.decide(added, "keep_books").reason == "never_asked"
    here.troth.answer(person, "keep_books", Answer.ACT, token)  # the showing was not used up


def test_a_savepoint_of_the_host_takes_back_the_event_alone(with_orders: Deployment) -> None:
    here = with_orders
    person = here.person()
    token = here.troth.show("keep_books", "keep_account", person=person).token
    with here.troth.transaction() as connection:
        connection.execute(text("INSERT INTO host_order VALUES (1, :p)"), {"p": person})
        with contextlib.suppress(Abandoned), connection.begin_nested():
            here.troth.answer(person, "keep_books", Answer.ACT, token, connection=connection)
            raise Abandoned
        here.troth.answer(person, "keep_account", Answer.ACT, token, connection=connection)
    assert orders(here) == 1
    assert [e.purpose_id for e in here.troth.history(person)] == ["keep_account"]


def test_a_hosts_own_engine_carries_the_event_in_its_own_transaction(
    with_orders: Deployment,
) -> None:
    """Also when nothing was said on its connection before, so that no transaction is open yet."""
    here = with_orders
    person = here.person()
    host = create_engine(here.database.app_url)
    stored = 0
    for commits, alone in product((False, True), repeat=2):
        token = here.troth.show("keep_books", person=person).token
        with host.connect() as connection:
            here.troth.answer(person, "keep_books", Answer.ACT, token, connection=connection)
            if not alone:
                connection.execute(text("INSERT INTO host_order VALUES (1, :p)"), {"p": person})
            connection.commit() if commits else connection.rollback()
        stored += commits
        assert len(here.troth.history(person)) == stored
    assert orders(here) == 1
    host.dispose()


def test_what_is_not_committed_is_seen_by_no_decision(here: Deployment) -> None:
    person = here.person()
    here.give(person, "send_news")
    token = here.troth.show("send_news", person=person).token
    with here.troth.transaction() as connection:
        here.troth.answer(person, "send_news", Answer.WITHDRAW, token, connection=connection)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(here.troth.decide, person, "send_news").result().allowed
        assert here.troth.decide(person, "send_news").allowed
    assert not here.troth.decide(person, "send_news")


def test_two_answers_to_one_showing_at_once_leave_one(here: Deployment) -> None:
    person = here.person()
    for _ in range(20):
        token = here.troth.show("send_news", person=person).token
        start = threading.Barrier(4)

        def once(said: Answer, token: str = token, start: threading.Barrier = start) -> str:
            start.wait()
            try:
                return here.troth.answer(person, "send_news", said, token)
            except SnapshotReplayed:
                return ""

        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(once, [Answer.GIVE, Answer.REFUSE] * 2))
        (event_id,) = [found for found in results if found]
        assert here.troth.decide(person, "send_news").evidence_id == event_id
    assert here.counts()["troth_consent_event"] == 20


# --- a model that shares no code -----------------------------------------------------------------


class ConsentMachine(RuleBasedStateMachine):
    """A random run of answers against a dictionary; the state must equal it, and the events."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = TemporaryDirectory()
        folder = Path(self.scratch.name)
        url = f"sqlite:///{folder / 'troth.db'}"
        database = TestDatabase(kind="sqlite", owner_url=url, app_url=url, folder=folder)
        self.opened = deployed(database)
        self.here = self.opened.__enter__()
        self.people: list[str] = []
        self.model: dict[tuple[str, str], tuple[str, int]] = {}
        self.flags: dict[str, set[str]] = {}
        self.events = 0

    @initialize()
    def add_two(self) -> None:
        for _ in range(2):
            self.people.append(self.here.person())
            self.flags[self.people[-1]] = set()

    @rule(
        who=st.integers(0, 1), purpose=st.sampled_from(list(PURPOSES)), said=st.sampled_from(Answer)
    )
    def answer(self, who: int, purpose: str, said: Answer) -> None:
        person = self.people[who]
        acts = purpose.startswith("keep")
        opens = said in (Answer.GIVE, Answer.ACT)
        fits = acts == (said in (Answer.ACT, Answer.END_ACT))
        if not fits or (opens and "child" in self.flags[person]):
            with pytest.raises(ConsentRefusedByRule):
                self.here.say(person, purpose, said)
            return
        self.here.say(person, purpose, said)
        self.events += 1
        self.model[person, purpose] = (said.value, self.here.clock.now())

    @rule(who=st.integers(0, 1), fact=st.sampled_from(["child", "guarded", "restricted"]))
    def learn(self, who: int, fact: str) -> None:
        person = self.people[who]
        known = self.flags[person]
        known ^= {fact}
        self.here.troth.set_person(
            person,
            under_14="child" in known,
            guarded="guarded" in known,
            restricted="restricted" in known,
        )

    @rule(days=st.sampled_from([1, 100, 300]))
    def wait(self, days: int) -> None:
        self.here.clock.move(days * DAY)

    @precondition(lambda self: self.people)
    @rule(who=st.integers(0, 1))
    def expire(self, who: int) -> None:
        person = self.people[who]
        said = self.model.get((person, "scan_code"))
        old = said is not None and said[0] == "give"
        old = old and self.here.clock.now() >= said[1] + 365 * DAY  # type: ignore[index]
        assert len(self.here.troth.expire(person)) == int(old)
        if old:
            self.events += 1
            self.model[person, "scan_code"] = ("expired", self.here.clock.now())

    def wanted(self, person: str, purpose: str) -> str:
        said = self.model.get((person, purpose))
        known = self.flags[person]
        if said is None:
            return "never_asked"
        if "restricted" in known and purpose != "keep_books":
            return "restricted"
        if "child" in known and "guarded" not in known:
            return "under_14_without_guardian"
        dated = said[0] == "give" and purpose == "scan_code"
        if dated and self.here.clock.now() >= said[1] + 365 * DAY:
            return "expired"
        return {
            "give": "consent_stands",
            "act": "act_stands",
            "refuse": "refused",
            "defer": "deferred",
            "withdraw": "withdrawn",
            "end_act": "ended",
            "expired": "expired",
        }[said[0]]

    @invariant()
    def decisions_equal_the_model(self) -> None:
        for person in self.people:
            every = self.here.troth.decide_all(person)
            for purpose in PURPOSES:
                decision = self.here.troth.decide(person, purpose)
                assert decision.reason == self.wanted(person, purpose)
                assert every[purpose] == decision  # type: ignore[index]

    @invariant()
    def state_equals_the_rebuild_from_events(self) -> None:
        with self.here.troth.reading() as connection:
            stands = connection.exec_driver_sql(
                "SELECT pii_principal_id, purpose_id, event_id, event_state, valid_until "
                "FROM troth_consent_state ORDER BY 1, 2"
            ).fetchall()
            events = connection.exec_driver_sql(
                "SELECT pii_principal_id, purpose_id, event_id, event_state, valid_until "
                "FROM troth_consent_event ORDER BY seq"
            ).fetchall()
        rebuilt = {(row[0], row[1]): tuple(row) for row in events}
        assert [tuple(row) for row in stands] == [rebuilt[key] for key in sorted(rebuilt)]
        assert len(events) == self.events

    def teardown(self) -> None:
        self.opened.__exit__(None, None, None)
        self.scratch.cleanup()


TestRandomAnswers = ConsentMachine.TestCase
TestRandomAnswers.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
