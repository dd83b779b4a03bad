"""Decisions on a real database: every reason, never an exception, never a stale yes."""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import (
    DAY,
    NOW,
    PURPOSES,
    Deployment,
    deployed,
    draft,
    open_troth,
    set_up,
    with_insurer,
)
from tests.conftest import TestDatabase
from troth import Answer, Reason
from troth.adapters.clock import SetClock


@pytest.fixture
def here(migrated_database: TestDatabase) -> Iterator[Deployment]:
    with deployed(migrated_database) as made:
        yield made


@pytest.mark.promise("S-06", "S-36")
@pytest.mark.control("decision_fails_closed", "closed_purposes", "permissions_off")
def test_every_reason_is_given_where_it_holds(here: Deployment) -> None:
    seen: dict[str, Reason] = {}
    troth = here.troth

    def person(*given: str, **facts: bool) -> str:
        made = here.person()
        here.give(made, *given)
        if facts:
            troth.set_person(made, **facts)
        return made

    seen["never_asked"] = troth.decide(here.person(), "scan_code").reason
    seen["unknown_purpose"] = troth.decide(here.person(), "sell_data").reason
    seen["consent_stands"] = troth.decide(person("send_news"), "send_news").reason
    seen["act_stands"] = troth.decide(person("keep_account"), "keep_account").reason
    seen["restricted"] = troth.decide(person("send_news", restricted=True), "send_news").reason
    seen["under_14_without_guardian"] = troth.decide(
        person("send_news", under_14=True), "send_news"
    ).reason
    for said, reason in (
        (Answer.REFUSE, "refused"),
        (Answer.DEFER, "deferred"),
        (Answer.WITHDRAW, "withdrawn"),
    ):
        one = here.person()
        here.say(one, "send_news", said)
        seen[reason] = troth.decide(one, "send_news").reason
    ended = person("keep_account")
    here.say(ended, "keep_account", Answer.END_ACT)
    seen["ended"] = troth.decide(ended, "keep_account").reason
    old, carried = person("scan_code"), person("ship_parcel")
    here.clock.move(366 * DAY)
    seen["expired"] = troth.decide(old, "scan_code").reason
    here.publish(with_insurer(draft().version("1.1")))
    seen["superseded"] = troth.decide(carried, "ship_parcel").reason
    troth.kit.database.cursor = None  # type: ignore[assignment,method-assign]
    troth._decider._cursor = None  # type: ignore[assignment]
    seen["ledger_unreadable"] = troth.decide(old, "scan_code").reason
    assert {name: reason.value for name, reason in seen.items()} == {n: n for n in seen}
    assert set(seen) | {"no_policy"} == {reason.value for reason in Reason}


@pytest.mark.control("decision_fails_closed")
def test_before_a_policy_is_published_every_answer_is_no(database: TestDatabase) -> None:
    set_up(database)
    troth = open_troth(database, SetClock(NOW))
    person = troth.add_person()
    for purpose in PURPOSES:
        assert troth.decide(person, purpose) == (False, "", Reason.NO_POLICY, "")
    assert troth.decide_all(person) == {}
    troth.close()


def test_a_decision_names_the_clause_and_the_event_that_decide(here: Deployment) -> None:
    person = here.person()
    event_id = here.say(person, "scan_code", Answer.GIVE)
    assert here.troth.decide(person, "scan_code") == (
        True,
        "scanning",
        Reason.CONSENT_STANDS,
        event_id,
    )
    later = here.say(person, "scan_code", Answer.WITHDRAW)
    assert here.troth.decide(person, "scan_code") == (False, "scanning", Reason.WITHDRAWN, later)


def test_one_persons_answer_for_one_purpose_opens_nothing_else(here: Deployment) -> None:
    one, other = here.person(), here.person()
    here.give(one, "scan_code")
    opened = [(p, n) for p in (one, other) for n in PURPOSES if here.troth.decide(p, n)]
    assert opened == [(one, "scan_code")]


@pytest.mark.promise("S-60")
def test_what_the_law_makes_go_on_is_not_stopped_by_restriction(here: Deployment) -> None:
    person = here.person()
    here.give(person, "keep_books", "send_news")
    here.troth.set_person(person, restricted=True)
    assert here.troth.decide(person, "keep_books").allowed
    assert here.troth.decide(person, "send_news").reason == "restricted"
    here.troth.set_person(person, restricted=False)
    assert here.troth.decide(person, "send_news").allowed


@pytest.mark.control("decision_fails_closed")
def test_deciding_writes_nothing(here: Deployment) -> None:
    person = here.person()
    here.give(person, "scan_code")
    before = here.counts()
    for purpose in (*PURPOSES, "sell_data"):
        here.troth.decide(person, purpose)
        here.troth.decide("nobody", purpose)
    assert here.counts() == before


@pytest.mark.control("decision_fails_closed")
def test_no_text_makes_a_decision_raise_or_say_yes(here: Deployment) -> None:
    person = here.person()
    here.give(person, *PURPOSES)
    anything = st.text(max_size=40) | st.characters(categories=["Cs", "Cc"]) | st.just(person)

    @settings(
        max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(anything, anything | st.sampled_from(list(PURPOSES)))
    def run(who: str, what: str) -> None:
        decision = here.troth.decide(who, what)
        assert decision.allowed is (who == person and what in PURPOSES)

    run()
    assert here.troth.decide(person, "send_news").allowed


def test_many_threads_decide_at_once_each_on_its_own_connection(here: Deployment) -> None:
    people = [here.person() for _ in range(8)]
    for number, person in enumerate(people):
        here.say(person, "send_news", Answer.GIVE if number % 2 else Answer.REFUSE)

    def work(number: int) -> bool:
        return all(
            here.troth.decide(people[number], "send_news").allowed is bool(number % 2)
            for _ in range(200)
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def test_a_snapshot_is_what_stood_when_it_was_taken(here: Deployment) -> None:
    one, other = here.person(), here.person()
    here.give(one, "send_news")
    here.say(other, "send_news", Answer.REFUSE)
    taken = here.troth.snapshot()
    assert taken.decide(one, "send_news") == here.troth.decide(one, "send_news")
    assert taken.decide(other, "send_news") == here.troth.decide(other, "send_news")
    assert taken.decide("nobody", "send_news").reason == "never_asked"
    here.say(one, "send_news", Answer.WITHDRAW)
    assert taken.decide(one, "send_news").allowed
    assert not here.troth.snapshot().decide(one, "send_news")
    assert taken.taken_at == NOW


def test_all_decisions_of_a_person_equal_the_single_ones(here: Deployment) -> None:
    person = here.person()
    here.give(person, "scan_code", "keep_account")
    here.say(person, "send_news", Answer.DEFER)
    every = here.troth.decide_all(person)
    assert dict(every) == {p: here.troth.decide(person, p) for p in PURPOSES}


@pytest.mark.promise("S-12", "S-37", "S-58")
@pytest.mark.control("ask_again_after_change")
def test_another_process_publishes_and_the_next_decision_here_knows(here: Deployment) -> None:
    person = here.person()
    here.give(person, "ship_parcel", "send_news")
    assert here.troth.decide(person, "ship_parcel").allowed
    other = open_troth(here.database, here.clock, seed="other")
    other.publish(with_insurer(draft().version("1.1")).write(here.folder / "later"))
    assert here.troth.decide(person, "ship_parcel").reason == "superseded"
    assert here.troth.decide(person, "send_news").allowed
    other.close()


def test_another_process_publishes_and_all_decisions_here_know(here: Deployment) -> None:
    person = here.person()
    here.give(person, "ship_parcel")
    other = open_troth(here.database, here.clock, seed="other")
    other.publish(with_insurer(draft().version("1.1")).write(here.folder / "later"))
    every = here.troth.decide_all(person)
    other.close()
    assert every["ship_parcel"].reason == "superseded"  # type: ignore[index]


def test_the_age_of_a_snapshot_is_told_by_the_clock_of_the_deployment(here: Deployment) -> None:
    taken = here.troth.snapshot()
    assert 0 <= taken.age_seconds() < 60


# --- withdrawal, seen by every process -----------------------------------------------------------

ROUNDS = 1_500


def _decide_forever(database: TestDatabase, person: str, pipe: Any, go: Barrier) -> None:
    """Answer each message with a decision; and decide without pause in between."""
    troth = open_troth(database, SetClock(NOW), seed="reader")
    troth.decide(person, "send_news")
    go.wait()
    asked = 0
    while True:
        while not pipe.poll():
            troth.decide(person, "send_news")
            asked += 1
        if pipe.recv() == "stop":
            pipe.send(asked)
            troth.close()
            return
        decision = troth.decide(person, "send_news")
        pipe.send((decision.allowed, decision.evidence_id))


@pytest.mark.promise("S-60")
@pytest.mark.control("withdraw_at_once")
def test_after_an_acknowledged_withdrawal_no_process_says_yes(here: Deployment) -> None:
    """One process answers, another decides without pause; each acknowledgement is asked after."""
    person = here.person()
    here.give(person, "send_news")
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    go = context.Barrier(2)
    reader = context.Process(target=_decide_forever, args=(here.database, person, theirs, go))
    reader.start()
    try:
        go.wait(60)
        until = time.monotonic() + 8
        done = 0
        for turn in range(ROUNDS):
            said = Answer.GIVE if turn % 2 else Answer.WITHDRAW
            event_id = here.say(person, "send_news", said)
            mine.send("now")
            assert mine.recv() == (said is Answer.GIVE, event_id), turn
            done += 1
            if time.monotonic() > until:
                break
        mine.send("stop")
        mine.recv()
        # How many fit into eight seconds depends on the machine; a few dozen already ask the
        # question, and `make prove` asks it thousands of times.
        assert done >= 50
    finally:
        reader.join(20)
        if reader.is_alive():
            reader.kill()


@pytest.mark.slow
@pytest.mark.promise("S-60")
@pytest.mark.control("withdraw_at_once")
def test_threads_that_decide_never_see_a_yes_after_the_acknowledgement(here: Deployment) -> None:
    """Thousands of rounds: readers note the last acknowledged answer before they ask."""
    person = here.person()
    here.give(person, "send_news")
    acknowledged = [("give", 0)]
    stop = False
    wrong: list[tuple[str, int]] = []

    def read() -> int:
        asked = 0
        while not stop:
            before = acknowledged[0]
            allowed = here.troth.decide(person, "send_news").allowed
            if before[0] == "withdraw" and allowed and acknowledged[0] == before:
                started = begun[0]
                if started == before[1]:  # nobody had begun to answer anew
                    wrong.append(before)
            asked += 1
        return asked

    begun = [0]
    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        for turn in range(1, 3_000):
            begun[0] = turn
            said = Answer.GIVE if turn % 2 == 0 else Answer.WITHDRAW
            here.say(person, "send_news", said)
            acknowledged[0] = (said.value, turn)
        stop = True
        assert all(reader.result() > 100 for reader in readers)
    assert wrong == []


def test_decisions_go_on_while_the_log_is_sequenced_and_backed_up(
    here: Deployment, tmp_path: Path
) -> None:
    people = [here.person() for _ in range(20)]
    for person in people:
        here.give(person, "send_news")
    with ThreadPoolExecutor(2) as pool:
        sequencing = pool.submit(here.troth.sequence)
        assert all(here.troth.decide(p, "send_news") for p in people)
        assert sequencing.result() == 21
    assert not here.troth.verify_ledger().faults
