"""Publishing: what changed asks those it touches, in this process and in every other."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
from sqlalchemy import create_engine, text

from tests.builders import (
    DAY,
    NOW,
    PURPOSES,
    ZH,
    Deployment,
    deployed,
    draft,
    open_troth,
    set_up,
    with_insurer,
)
from tests.conftest import TestDatabase
from troth import InputError, LedgerError, PolicyError, UnknownName
from troth.adapters.clock import SetClock


@pytest.fixture
def here(migrated_database: TestDatabase) -> Iterator[Deployment]:
    with deployed(migrated_database) as made:
        yield made


@pytest.mark.promise("S-37", "S-56", "S-58", "S-59")
@pytest.mark.control("ask_again_after_change", "change_classified")
def test_a_new_recipient_asks_its_people_again_and_everything_else_stands(
    here: Deployment,
) -> None:
    people = [here.person() for _ in range(3)]
    for person in people:
        here.give(person, *PURPOSES)
    assert all(r.endswith("_stands") for p in people for r in here.reasons(p).values())
    here.clock.move(DAY)
    here.publish(with_insurer(draft().version("1.1")))
    for person in people:
        reasons = here.reasons(person)
        assert reasons.pop("ship_parcel") == "superseded"
        assert {p: r for p, r in reasons.items() if not r.endswith("_stands")} == {}
    here.give(people[0], "ship_parcel")
    assert here.troth.decide(people[0], "ship_parcel").allowed
    assert here.troth.decide(people[1], "ship_parcel").reason == "superseded"
    (archived, first) = here.troth.versions()
    assert (archived.version, archived.change_class, archived.asked) == (
        "1.1",
        "material",
        ("ship_parcel",),
    )
    assert (first.version, first.asked) == ("1.0", ())
    assert archived.published_at == datetime.fromtimestamp((NOW + DAY) / 1e6, UTC)


@pytest.mark.promise("S-58")
def test_a_typo_asks_nobody(here: Deployment) -> None:
    person = here.person()
    here.give(person, *PURPOSES)
    before = here.reasons(person)
    mended = draft().version("1.0.1").change("这一条说的是news。", "这一条说的是news！", file=ZH)
    here.publish(mended)
    assert here.reasons(person) == before
    assert here.troth.versions()[0].change_class == "editorial"


@pytest.mark.promise("S-59")
def test_what_was_asked_again_stays_so_through_later_versions(here: Deployment) -> None:
    person, late = here.person(), here.person()
    here.give(person, "ship_parcel")
    second = with_insurer(draft().version("1.1"))
    here.publish(second)
    here.give(late, "ship_parcel")
    here.publish(second.change('version: "1.1"', 'version: "1.2"'))
    assert here.troth.decide(person, "ship_parcel").reason == "superseded"
    assert here.troth.decide(late, "ship_parcel").allowed


@pytest.mark.promise("S-58")
def test_narrowing_lets_old_answers_stand(here: Deployment) -> None:
    person = here.person()
    here.give(person, *PURPOSES)
    here.publish(draft().version("1.1").change("period: P30D", "period: P7D"))
    assert all(r.endswith("_stands") for r in here.reasons(person).values())
    assert here.troth.versions()[0].change_class == "material"


def test_a_refusal_stays_a_refusal_after_a_change(here: Deployment) -> None:
    from troth import Answer

    person = here.person()
    here.say(person, "ship_parcel", Answer.REFUSE)
    here.publish(with_insurer(draft().version("1.1")))
    assert here.troth.decide(person, "ship_parcel").reason == "refused"


def test_publishing_the_version_in_force_again_changes_nothing(here: Deployment) -> None:
    before = here.counts()
    here.publish(draft())
    here.publish(draft().change("# A comment that changes nothing.", "# Another."))
    assert here.counts() == before
    assert here.troth.in_force().ordinal == 1


def test_a_version_number_is_used_for_one_content_only(here: Deployment) -> None:
    before = here.counts()
    with pytest.raises(InputError, match="give the changed policy a new version"):
        here.publish(draft().change("period: P30D", "period: P31D"))
    assert here.counts() == before
    assert here.troth.policy.retention["short"].period == "P30D"


def test_an_older_version_cannot_come_back_under_its_old_number(here: Deployment) -> None:
    here.publish(draft().version("1.1"))
    before = here.counts()
    with pytest.raises(InputError, match="published before and another is in force"):
        here.publish(draft())
    assert here.counts() == before
    assert here.troth.policy.version == "1.1"


def test_a_policy_that_does_not_compile_is_not_published(here: Deployment) -> None:
    before = here.counts()
    broken = draft().version("1.1").change("retention: life", "retention: gone")
    with pytest.raises(PolicyError) as refused:
        here.publish(broken)
    assert refused.value.findings
    assert here.counts() == before
    assert here.troth.policy.version == "1.0"


@pytest.mark.promise("S-56")
@pytest.mark.control("policy_archive")
def test_every_published_version_can_be_read_word_for_word(here: Deployment) -> None:
    here.publish(with_insurer(draft().version("1.1").says("news", "Other words.")))
    old, new = here.troth.version("1.0"), here.troth.version("1.1")
    assert old.digest == draft().policy().digest
    assert old.clauses["news"].text["en"] == "This clause is about news."  # type: ignore[index]
    assert new.clauses["news"].text["en"] == "Other words."  # type: ignore[index]
    assert "insurer" in new.recipients
    assert "insurer" not in old.recipients
    with pytest.raises(UnknownName):
        here.troth.version("7.7")


def test_a_deployment_opened_later_has_the_policy_and_what_it_asks(here: Deployment) -> None:
    person = here.person()
    here.give(person, "ship_parcel", "send_news")
    here.publish(with_insurer(draft().version("1.1")))
    later = open_troth(here.database, here.clock, seed="later")
    assert later.decide(person, "ship_parcel").reason == "superseded"
    assert later.decide(person, "send_news").allowed
    assert later.policy.digest == here.troth.policy.digest
    later.close()


def test_without_a_policy_there_is_none_in_force(database: TestDatabase) -> None:
    set_up(database)
    troth = open_troth(database, SetClock(NOW))
    with pytest.raises(InputError, match="no policy was published"):
        troth.in_force()
    assert troth.versions() == []
    troth.close()


def test_another_process_that_publishes_is_seen_by_pages_too(here: Deployment) -> None:
    other = open_troth(here.database, here.clock, seed="other")
    assert other.policy.version == "1.0"
    here.publish(draft().version("1.1"))
    assert other.in_force().policy.version == "1.1"
    assert other.policy.version == "1.1"
    other.close()


def test_stored_files_that_were_altered_are_not_put_in_force(here: Deployment) -> None:
    """Whoever owns the database can alter them; the digest tells, and decisions say no."""
    person = here.person()
    here.give(person, "send_news")
    engine = create_engine(here.database.owner_url)
    with engine.begin() as connection:
        if here.database.kind == "sqlite":
            connection.execute(text("DROP TRIGGER troth_policy_version_no_update"))
        else:
            connection.execute(text("ALTER TABLE troth_policy_version DISABLE TRIGGER USER"))
        connection.execute(
            text("UPDATE troth_policy_version SET sources = replace(sources, 'P30D', 'P99Y')")
        )
    engine.dispose()
    later = open_troth(here.database, here.clock, seed="later")
    with pytest.raises(LedgerError, match="not the ones that were published"):
        later.in_force()
    assert later.decide(person, "send_news").reason == "ledger_unreadable"
    later.close()


def test_two_processes_that_publish_at_once_leave_one_order_of_versions(
    here: Deployment,
) -> None:
    others = [open_troth(here.database, here.clock, seed=f"p{n}") for n in range(4)]
    folders = [draft().version(f"2.{n}").write(here.folder / f"v{n}") for n in range(4)]
    start = Barrier(4)

    def publish(number: int) -> bool:
        start.wait()
        try:
            others[number].publish(folders[number])
        except InputError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        published = list(pool.map(publish, range(4)))
    assert any(published)
    with here.troth.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT ordinal, version FROM troth_policy_version ORDER BY ordinal"
        ).fetchall()
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) == 1 + sum(published)
    assert here.troth.in_force().ordinal == len(rows)
    for other in others:
        other.close()
