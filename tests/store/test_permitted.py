"""The view that lenses join says yes exactly where a decision does, and only triggers feed it."""

import time
from collections.abc import Iterator
from itertools import product

import pytest
from sqlalchemy import Connection, create_engine, text

from tests.builders import DAY, PURPOSES, Deployment, deployed, draft, with_insurer
from tests.conftest import TestDatabase
from troth.core.access import Reason
from troth.core.consent import Answer, EventState, PersonFlag


@pytest.fixture
def here(migrated_database: TestDatabase) -> Iterator[Deployment]:
    with deployed(migrated_database) as made:
        made.clock.move(int(time.time() * 1_000_000) - made.clock.now())
        yield made


def permitted(here: Deployment) -> set[tuple[str, str]]:
    """Return the pairs that the view shows, read as the owner."""
    with owner(here) as connection:
        found = connection.execute(text("SELECT pii_principal_id, purpose_id FROM troth_permitted"))
        return {(row[0], row[1]) for row in found}


def owner(here: Deployment) -> Connection:
    return create_engine(here.database.owner_url).connect()


def rules(here: Deployment) -> dict[str, tuple[int, int]]:
    with owner(here) as connection:
        found = connection.execute(text("SELECT * FROM troth_purpose_rule"))
        return {row[0]: (row[1], row[2]) for row in found}


def every_state(here: Deployment) -> list[str]:
    """Write, as the owner, each state with each age, version and flag for each purpose."""
    now = here.clock.now()
    ends = (None, now - DAY, now + DAY)
    every = product(EventState, ends, (1, 2), range(2 * PersonFlag.VISITOR))
    rows = [
        {"person": f"p{n}", "purpose": purpose, "s": s.value, "end": end, "o": o, "f": f, "n": n}
        for n, (s, end, o, f) in enumerate(every)
        for purpose in (*PURPOSES, "never_in_policy")
    ]
    with owner(here) as connection:
        connection.execute(
            text(
                "INSERT INTO troth_consent_state (pii_principal_id, purpose_id, event_state, "
                "valid_until, notice_ordinal, event_id, person_flags, last_seq) "
                "VALUES (:person, :purpose, :s, :end, :o, :purpose || :person, :f, :n)"
            ),
            rows,
        )
        connection.commit()
    return sorted({str(row["person"]) for row in rows})


@pytest.mark.promise("S-06")
def test_the_view_says_yes_exactly_where_a_decision_does_for_every_reason(
    here: Deployment,
) -> None:
    here.publish(with_insurer(draft().version("1.1")))
    people = every_state(here)
    expected, reasons = set(), set()
    for person in (*people, "nobody"):
        for purpose in (*PURPOSES, "never_in_policy"):
            decision = here.troth.decide(person, purpose)
            reasons.add(decision.reason)
            if decision.allowed:
                expected.add((person, purpose))
    assert permitted(here) == expected
    assert 0 < len(expected) < len(people) * len(PURPOSES)
    outside_of_a_state = {Reason.NO_POLICY, Reason.LEDGER_UNREADABLE}
    assert reasons == set(Reason) - outside_of_a_state


def test_without_any_policy_nobody_is_permitted(here: Deployment) -> None:
    person = here.person()
    here.give(person, "send_news")
    assert permitted(here) == {(person, "send_news")}
    with owner(here) as connection:
        connection.execute(text("DELETE FROM troth_policy_head"))
        connection.execute(text("DELETE FROM troth_purpose_rule"))
        connection.commit()
    assert here.troth.decide(person, "send_news").reason is Reason.NO_POLICY
    assert permitted(here) == set()


def test_a_withdrawal_leaves_the_view_at_its_commit(here: Deployment) -> None:
    person, other = here.person(), here.person()
    for who in (person, other):
        here.give(who, "send_news", "scan_code")
    here.say(person, "send_news", Answer.WITHDRAW)
    left = {(person, "scan_code"), (other, "send_news"), (other, "scan_code")}
    assert permitted(here) == left
    here.troth.set_person(other, restricted=True)
    assert permitted(here) == {(person, "scan_code")}


def test_an_answer_ends_by_the_clock_of_the_database(here: Deployment) -> None:
    person = here.person()
    here.give(person, "scan_code")  # for a year
    assert permitted(here) == {(person, "scan_code")}
    now = int(time.time() * 1_000_000)
    with owner(here) as connection:
        for seconds, stands in ((2, True), (-2, False)):
            connection.execute(
                text("UPDATE troth_consent_state SET valid_until = :end"),
                {"end": now + seconds * 1_000_000},
            )
            connection.commit()
            assert bool(permitted(here)) is stands


def test_a_purpose_left_out_is_permitted_to_nobody_and_comes_back_asking(here: Deployment) -> None:
    base = draft()
    person = here.person()
    here.give(person, "ship_parcel")
    here.publish(with_insurer(base.version("1.1")))
    assert rules(here)["ship_parcel"] == (2, 0)
    assert rules(here)["keep_books"] == (0, 1)
    assert permitted(here) == set()
    here.give(person, "ship_parcel")
    assert permitted(here) == {(person, "ship_parcel")}
    with owner(here) as connection:  # a version of an older release, which appends no purposes
        connection.execute(
            text(
                "INSERT INTO troth_policy_version SELECT 3, 'e3', policy_id, '1.2', digest, "
                "change_class, '[]', pii_controller, jurisdiction, sources, recorded_at, salt "
                "FROM troth_policy_version WHERE ordinal = 2"
            )
        )
        connection.commit()
        assert rules(here) == {}
        assert permitted(here) == set()
        connection.execute(text("INSERT INTO troth_policy_purpose VALUES (3, 'ship_parcel', 0)"))
        connection.execute(text("INSERT INTO troth_policy_purpose VALUES (2, 'x', 0)"))
        connection.commit()
    assert rules(here) == {"ship_parcel": (2, 0)}, "what it asked again before still holds"
    assert permitted(here) == {(person, "ship_parcel")}


def test_publishing_the_version_in_force_again_completes_an_older_database(
    here: Deployment,
) -> None:
    wanted = rules(here)
    assert set(wanted) == set(PURPOSES)
    with owner(here) as connection:
        if here.database.kind == "sqlite":
            connection.execute(text("DROP TRIGGER troth_policy_purpose_no_delete"))
        else:
            connection.execute(text("ALTER TABLE troth_policy_purpose DISABLE TRIGGER USER"))
        connection.execute(text("DELETE FROM troth_policy_purpose"))
        connection.execute(text("DELETE FROM troth_purpose_rule"))
        if here.database.kind == "postgresql":
            connection.execute(text("ALTER TABLE troth_policy_purpose ENABLE TRIGGER USER"))
        connection.commit()
    here.publish(draft())
    assert rules(here) == wanted
    here.publish(draft())
    assert rules(here) == wanted
