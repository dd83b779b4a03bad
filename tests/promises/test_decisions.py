"""A no is a no in the answer itself, not only in the reason that is given with it (S-06)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests.builders import PURPOSES, Deployment, deployed
from tests.conftest import TestDatabase
from troth.store.db import owner_engine

CLOSED = ("sell_data", "", "SEND_NEWS", "send_news ", "*")


@pytest.fixture
def here(database: TestDatabase) -> Iterator[Deployment]:
    with deployed(database) as made:
        yield made


@pytest.mark.promise("S-06", "S-25")
@pytest.mark.control("permissions_off")
def test_who_was_never_asked_has_allowed_nothing(here: Deployment) -> None:
    for person in (here.person(), "nobody", ""):
        assert not any(here.troth.decide(person, p).allowed for p in PURPOSES)
        assert not any(decision.allowed for decision in here.troth.decide_all(person).values())


@pytest.mark.promise("S-36")
@pytest.mark.control("closed_purposes")
@pytest.mark.parametrize("purpose", CLOSED)
def test_a_purpose_that_the_policy_does_not_have_is_no(here: Deployment, purpose: str) -> None:
    person = here.person()
    here.give(person, *PURPOSES)
    assert not here.troth.decide(person, purpose).allowed
    assert purpose not in here.troth.decide_all(person)


@pytest.mark.promise("S-06")
@pytest.mark.control("decision_fails_closed")
def test_what_stands_in_a_record_that_cannot_be_read_is_no(here: Deployment) -> None:
    person = here.person()
    here.give(person, *PURPOSES)
    assert all(here.troth.decide(person, p).allowed for p in PURPOSES)
    engine = owner_engine(here.database.owner_url)
    with engine.begin() as owner:
        owner.execute(text("ALTER TABLE troth_consent_state RENAME TO put_away"))
    engine.dispose()
    assert not any(here.troth.decide(person, p).allowed for p in PURPOSES)
    assert not any(decision.allowed for decision in here.troth.decide_all(person).values())
