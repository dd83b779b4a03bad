"""The versions of the policy: appended once each, and the head that follows them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from tests.builders import NOW, Deployment, deployed, draft, open_troth, set_up, with_insurer
from tests.conftest import TestDatabase
from troth.adapters.clock import SetClock
from troth.core.errors import InputError
from troth.store import policy as rows
from troth.store.policy import PolicyVersion


@pytest.fixture
def here(migrated_database: TestDatabase) -> Iterator[Deployment]:
    with deployed(migrated_database) as made:
        yield made


def head(here: Deployment) -> list[tuple[object, ...]]:
    with here.troth.reading() as connection:
        found = connection.execute(text("SELECT * FROM troth_policy_head")).fetchall()
    return [tuple(row) for row in found]


def version_of(ordinal: int, version: str = "9.9") -> PolicyVersion:
    return PolicyVersion(
        ordinal=ordinal,
        event_id=f"event-{ordinal}-{version}",
        policy_id="tiny",
        version=version,
        digest="d" * 64,
        change_class="minor",
        asked=("send_news",),
        pii_controller="测试公司",
        jurisdiction="CN",
        sources={"policy.yaml": "a: 1\n", "zh-CN.md": "第一条"},
        recorded_at=NOW,
        salt=b"\x00\xff" * 8,
    )


def test_a_version_comes_back_as_it_was_stored(here: Deployment) -> None:
    stored = version_of(2)
    database = here.troth.kit.database
    database.writer.run(lambda cursor: rows.publish(cursor, database.kind, stored))
    with database.hot_reading() as cursor:
        assert rows.versions(cursor)[1:] == [stored]
        assert rows.head(cursor) == 2
    assert head(here) == [(1, 2)]


def test_each_version_goes_to_the_outbox_once(here: Deployment) -> None:
    here.publish(with_insurer(draft().version("1.1")))
    with here.troth.reading() as connection:
        found = connection.execute(
            text(
                "SELECT v.ordinal, o.topic FROM troth_outbox o JOIN troth_policy_version v "
                "ON v.event_id = o.event_id ORDER BY o.seq"
            )
        ).fetchall()
    assert [tuple(row) for row in found] == [(1, "policy_version"), (2, "policy_version")]


@pytest.mark.parametrize(("ordinal", "version"), [(1, "9.9"), (2, "1.0")])
def test_two_publications_at_one_moment_leave_one_and_tell_the_other(
    here: Deployment, ordinal: int, version: str
) -> None:
    database = here.troth.kit.database
    before, counts = head(here), here.counts()
    bent = version_of(ordinal, version)
    with pytest.raises(InputError, match="at the same moment"):
        database.writer.run(lambda cursor: rows.publish(cursor, database.kind, bent))
    assert (head(here), here.counts()) == (before, counts)


def test_without_a_version_the_head_is_nought(database: TestDatabase) -> None:
    set_up(database)
    troth = open_troth(database, SetClock(NOW))
    with troth.kit.database.hot_reading() as cursor:
        assert rows.head(cursor) == 0
        assert rows.versions(cursor) == []
    troth.close()


def test_a_head_of_two_rows_cannot_be(here: Deployment) -> None:
    engine = create_engine(here.database.owner_url)
    with pytest.raises(Exception, match=r"(?i)check|constraint"), engine.begin() as connection:
        connection.execute(text("INSERT INTO troth_policy_head VALUES (2, 1)"))
    engine.dispose()
