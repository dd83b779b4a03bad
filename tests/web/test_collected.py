"""The two lists of what is collected: declared by the policy, and really used of me (L-04)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bs4 import BeautifulSoup

from tests.builders import draft
from tests.web.centre import DAY, ROBOT, Centre, centre_of, words
from troth import SELF, Actor, Answer

MINE, DECLARED = "/my/privacy/collected", "/privacy/collected"


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """One host for this module; each test brings its own people."""
    with centre_of(tmp_path_factory.mktemp("centre")) as made:
        yield made


def lines(page: BeautifulSoup) -> list[list[str]]:
    """Return the cells of every row of a page, without its headings."""
    return [[words(cell) for cell in row.select("th, td")] for row in page.select("tbody tr")]


# --- declared -------------------------------------------------------------------------------------


@pytest.mark.promise("S-19")
def test_the_declared_list_is_what_the_policy_declares(centre: Centre) -> None:
    page = centre.client().page(DECLARED)
    policy = centre.t.policy
    sections = page.select("section.card")
    assert [str(s["id"]) for s in sections] == list(policy.purposes)
    for section, purpose in zip(sections, policy.purposes.values(), strict=True):
        shown = words(section)
        assert purpose.title["en"] in shown
        assert purpose.why["en"] in shown
        assert purpose.frequency["en"] in shown
        for category in purpose.categories:
            assert policy.categories[category].title["en"] in shown
        for recipient in purpose.recipients:
            assert policy.recipients[recipient].name["en"] in shown
    assert len(lines(page)) == len(centre.t.declared())


def test_periods_stand_in_words_and_sensitive_and_optional_are_marked(centre: Centre) -> None:
    rows = lines(centre.client().page(DECLARED))
    assert ["Words about mobile", "2 years after your last log-in"] in rows
    (proof,) = [row for row in rows if row[0].startswith("Words about proof")]
    assert "sensitive" in proof[0]
    assert proof[1] == "30 days after the check"
    assert any("given to The Carrier" in row[0] for row in rows)


def test_the_page_says_where_both_lists_come_from_and_their_date(centre: Centre) -> None:
    for page in (centre.client().page(DECLARED), centre.client(centre.person()).page(MINE)):
        said = words(page.main)
        assert "No hand writes these lists." in said
        assert "policy 1.0 of 2026-01-01" in said


# --- mine -----------------------------------------------------------------------------------------


@pytest.mark.promise("S-19")
@pytest.mark.control("collected_lists")
def test_my_list_counts_every_use_whoever_it_was_by(centre: Centre) -> None:
    person = centre.person()
    centre.look(person)
    centre.look(person, actor=Actor(person, SELF), case="", writes=True)
    centre.look(person, actor=ROBOT, case="", purpose="keep_books")
    centre.look(person, case="")  # refused: nothing was used
    account, books = lines(centre.client(person).page(MINE))
    assert account[:2] == ["Words about mobile", "2 times 1 with a change"]
    assert books[:2] == ["Words about orders", "1 time"]


def test_nobody_elses_uses_are_counted(centre: Centre) -> None:
    person, other = centre.person(), centre.person()
    centre.look(person)
    centre.look(person, other)
    (mine,) = lines(centre.client(other).page(MINE))
    assert mine[1] == "1 time"


@pytest.mark.parametrize(
    ("period", "times"), [("7d", "1 time"), ("30d", "2 times"), ("1y", "3 times"), ("", "4 times")]
)
def test_a_period_counts_from_its_beginning(centre: Centre, period: str, times: str) -> None:
    person = centre.person()
    for days in (300, 80, 20, 3):
        centre.look(person)
        centre.clock.move(days * DAY)
    (mine,) = lines(centre.client(person).page(f"{MINE}?period={period}"))
    assert mine[1] == times


def test_a_permission_is_counted_as_a_whole_and_kept_apart(centre: Centre) -> None:
    person = centre.person()
    centre.say(person, "scan_code", Answer.GIVE)
    for _ in range(2):
        centre.t.count_use(person, "scan_code")
    reader = centre.client(person)
    (row,) = lines(reader.page(MINE))
    assert row[0] == "Words about scan code Words about frames"
    assert row[1] == "2 times"
    centre.clock.move(8 * DAY)
    assert lines(reader.page(f"{MINE}?period=7d")) == []
    month = reader.page(f"{MINE}?period=30d")
    assert [row[1] for row in lines(month)] == ["2 times"]
    assert "Of a permission only the number of all uses" in words(month.main)


def test_who_was_never_used_reads_so(centre: Centre) -> None:
    said = words(centre.client(centre.person()).page(MINE).main)
    assert "Nothing of yours was used in this period." in said
    assert "No permission was used in this period." in said


@pytest.mark.parametrize("query", ["period=2d", "period=%00", "period=all", "period=7d%20"])
def test_a_period_that_no_page_offers_is_answered_as_such(centre: Centre, query: str) -> None:
    answer = centre.client(centre.person()).get(f"{MINE}?{query}")
    assert answer.status_code == 400
    assert "We could not read what was asked for" in answer.text


# --- who may read it ------------------------------------------------------------------------------


def test_without_an_id_my_list_leads_to_the_log_in(centre: Centre) -> None:
    answer = centre.client().get(MINE)
    assert answer.headers["location"] == f"/login?next={MINE}"
    assert centre.client().get(DECLARED).status_code == 200


def test_a_visitor_reads_permissions_only_even_with_an_accounts_id(centre: Centre) -> None:
    person = centre.person()
    centre.look(person)
    centre.say(person, "scan_code", Answer.GIVE)
    centre.t.count_use(person, "scan_code")
    (row,) = lines(centre.client(person, visitor=True).page(MINE))
    assert row[0].startswith("Words about scan code")


# --- the lists against each other -----------------------------------------------------------------


@pytest.mark.promise("S-19")
def test_what_was_used_and_is_no_longer_declared_is_marked(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with centre_of(tmp_path_factory.mktemp("own")) as centre:
        person = centre.person()
        centre.look(person)
        assert "not in the policy of today" not in centre.client(person).get(MINE).text
        assert centre.t.undeclared() == ()
        newer = (
            draft()
            .version("1.1")
            .of("purposes", "keep_account", "{mobile: necessary}", "{orders: necessary}")
            .of("purposes", "keep_books", "{orders:", "{mobile: necessary, orders:")
            .change("mobile: [keep_account]", "mobile: [keep_books]")
        )
        centre.t.publish(newer.write(centre.folder / "newer"))
        (mine,) = lines(centre.client(person).page(MINE))
        assert mine[0] == "Words about mobile not in the policy of today"
        assert centre.t.undeclared() == ()  # it was declared when it was used
