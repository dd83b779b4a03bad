"""Who looked at my data, as people read it: by role, filtered, paged, each open to question."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bs4 import BeautifulSoup

from tests.web.centre import DAY, DESK, ROBOT, Centre, centre_of, words
from troth import SELF, Actor, Answer, LookFilter
from troth.core.looks import ReportReason

LOOKS = "/my/privacy/looks"


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """One host for this module; each test brings its own people."""
    with centre_of(tmp_path_factory.mktemp("centre")) as made:
        yield made


def entries(page: BeautifulSoup) -> list[str]:
    return [words(entry) for entry in page.select("li.look")]


# --- what stands there ----------------------------------------------------------------------------


@pytest.mark.promise("S-57")
def test_an_entry_says_role_purpose_categories_clause_time_and_case(centre: Centre) -> None:
    person = centre.person()
    centre.look(person)
    page = centre.client(person).page(LOOKS)
    (entry,) = entries(page)
    for said in ("Desk", "Words about keep account", "Words about mobile", "Your case"):
        assert said in entry
    assert "staff-7" not in page.text
    links = {str(a["href"]) for a in page.select("li.look a")}
    assert links == {"/privacy/policy#account", "/cases/case-1"}
    (time,) = page.select("li.look time")
    assert str(time["datetime"]).endswith("+00:00")


def test_it_is_said_in_the_language_of_the_page(centre: Centre) -> None:
    person = centre.person()
    centre.look(person)
    (entry,) = entries(centre.client(person).page(f"{LOOKS}?language=zh-CN"))
    assert "前台" in entry
    assert "关于keep_account的话" in entry


def test_a_refused_attempt_is_told_with_its_reason_and_without_its_case(centre: Centre) -> None:
    person = centre.person()
    centre.look(person, case="")
    centre.look(person, purpose="keep_books", actor=Actor("staff-8", "nobody"), case="case-9")
    roles, no_case = entries(centre.client(person).page(LOOKS))
    assert "Refused, nothing was shown" in no_case
    assert "No order or case was named." in no_case
    assert "The role may not see this information." in roles
    assert "Your case" not in roles


@pytest.mark.promise("S-57")
def test_a_write_a_batch_and_a_broken_glass_are_marked(centre: Centre) -> None:
    person, other = centre.person(), centre.person()
    centre.look(person, writes=True)
    centre.look(person, other)
    centre.look(person, case="", break_glass="a parcel leaks, the agent is away")
    broken, batch, written = entries(centre.client(person).page(LOOKS))
    assert "Opened to make a change" in written
    assert "The same list had 1 other person in it." in batch
    assert "Your case" not in batch
    assert "Emergency look" in broken
    assert "a parcel leaks" not in broken
    (seen_by_other,) = entries(centre.client(other).page(LOOKS))
    assert "The same list had 1 other person in it." in seen_by_other


def test_who_was_never_looked_at_reads_so(centre: Centre) -> None:
    page = centre.client(centre.person()).page(LOOKS)
    assert entries(page) == []
    assert "Nobody has looked at your data yet." in words(page.main)
    filtered = centre.client(centre.person()).page(f"{LOOKS}?purpose=keep_account")
    assert "No look fits this filter." in words(filtered.main)


# --- filter and pages -----------------------------------------------------------------------------


def test_the_filter_narrows_by_purpose_role_and_period(centre: Centre) -> None:
    person = centre.person()
    centre.look(person)
    centre.clock.move(10 * DAY)
    centre.look(person, actor=ROBOT, case="")
    centre.look(person, actor=Actor(person, SELF), case="")
    centre.look(person, purpose="keep_books")
    reader = centre.client(person)

    def count(query: str) -> int:
        return len(entries(reader.page(f"{LOOKS}?{query}")))

    assert count("") == 3
    assert count("purpose=keep_books") == 1
    assert count("role=self") == 1
    assert count("role=system") == 1
    assert count("period=7d") == 2
    assert count("period=30d&role=desk&purpose=keep_account") == 1
    assert count("purpose=unheard_of") == 0


def test_the_form_offers_what_occurs_and_keeps_what_was_chosen(centre: Centre) -> None:
    person = centre.person()
    centre.look(person)
    centre.look(person, actor=Actor(person, SELF), case="")
    page = centre.client(person).page(f"{LOOKS}?role=desk&period=30d")
    offered = {
        str(s["name"]): [str(o["value"]) for o in s.select("option")] for s in page.select("select")
    }
    assert offered == {
        "purpose": ["", "keep_account"],
        "role": ["", "desk", "self"],
        "period": ["", "1y", "30d", "7d"],
    }
    chosen = [str(o["value"]) for o in page.select("option[selected]")]
    assert chosen == ["desk", "30d"]
    assert [str(form["method"]) for form in page.select("form.filter")] == ["get"]


def test_pages_lead_to_the_oldest_look_and_back_with_the_filter(centre: Centre) -> None:
    person = centre.person()
    for _ in range(45):
        centre.look(person)
    reader, seen = centre.client(person), []
    path: str | None = f"{LOOKS}?role=desk"
    while path:
        page = reader.page(path)
        seen += [str(entry["id"]) for entry in page.select("li.look")]
        older = page.select_one("a[rel=next]")
        path = str(older["href"]) if older else None
        assert path is None or "role=desk" in path
    assert len(seen) == len(set(seen)) == 45
    newest = page.select_one("nav.actions a")
    assert newest is not None
    assert newest["href"] == f"{LOOKS}?role=desk"


@pytest.mark.parametrize(
    "query",
    [
        "period=forever",
        "period=7D",
        "purpose=%27%20OR%201=1",
        "role=a%00b",
        "purpose=" + "a" * 65,
        "after=1",
        "after=1.x'--",
        "after=" + "9" * 40 + ".a",
        "after=%E4%B8%80.a",
    ],
)
def test_a_filter_that_no_page_offers_is_answered_as_such(centre: Centre, query: str) -> None:
    answer = centre.client(centre.person()).get(f"{LOOKS}?{query}")
    assert answer.status_code == 400
    assert "We could not read what was asked for" in answer.text


# --- who may read it ------------------------------------------------------------------------------


def test_nobody_reads_it_without_an_account(centre: Centre) -> None:
    person = centre.person()
    centre.look(person)
    for stranger in (centre.client(), centre.client(person, visitor=True)):
        answer = stranger.get(LOOKS)
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/login?next={LOOKS}"
        sent = stranger.post(f"{LOOKS}/{'0' * 32}/report", {"reason": "other"})
        assert sent.status_code == 401


def test_another_persons_looks_are_on_no_page(centre: Centre) -> None:
    person, other = centre.person(), centre.person()
    look_id = centre.look_of(person)
    assert look_id not in centre.client(other).get(LOOKS).text
    after = f"{centre.clock.now() + 1}.{look_id}"
    assert look_id not in centre.client(other).get(f"{LOOKS}?after={after}").text


# --- questions ------------------------------------------------------------------------------------


@pytest.mark.promise("S-57")
@pytest.mark.parametrize("reason", list(ReportReason))
def test_a_question_is_recorded_and_the_entry_says_so(centre: Centre, reason: ReportReason) -> None:
    person, before = centre.person(), centre.clock.now() + 1
    look_id = centre.look_of(person)
    reader = centre.client(person)
    form = reader.page(f"{LOOKS}?role=desk").select_one("li.look form")
    assert form is not None
    assert {str(i["value"]) for i in form.select("[name=reason]")} == set(ReportReason)
    back = str(form.select_one("[name=next]")["value"])  # type: ignore[index]
    sent = reader.post(str(form["action"]), {"reason": reason.value, "next": back})
    assert sent.status_code == 303
    assert sent.headers["location"] == f"{LOOKS}?role=desk&reported={look_id}"
    (made,) = [r for r in centre.t.look_reports(before) if r.person == person]
    assert (made.look_id, made.reason) == (look_id, reason)
    page = reader.page(sent.headers["location"])
    assert "Your question is recorded." in words(page.select_one("[role=status]"))
    assert "You questioned it" in entries(page)[0]
    assert page.select("li.look form") == []


def test_questioning_twice_is_one_question(centre: Centre) -> None:
    person, before = centre.person(), centre.clock.now() + 1
    address = f"{LOOKS}/{centre.look_of(person)}/report"
    reader = centre.client(person)
    for reason in ("other", "too_often"):
        assert reader.post(address, {"reason": reason}).status_code == 303
    assert [r.reason for r in centre.t.look_reports(before) if r.person == person] == ["other"]


@pytest.mark.promise("S-57")
def test_a_look_at_somebody_else_looks_like_none(centre: Centre) -> None:
    person, other, before = centre.person(), centre.person(), centre.clock.now() + 1
    theirs = centre.look_of(person)
    answers = [
        centre.client(other).post(f"{LOOKS}/{look_id}/report", {"reason": "other"})
        for look_id in (theirs, "01a3185d-0000-7000-8000-000000000000")
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text == answers[1].text
    assert centre.t.look_reports(before) == []


@pytest.mark.parametrize("look_id", ["x", "1 OR 1=1", "%00", "../../etc", "0" * 500])
def test_what_is_no_id_is_not_found(centre: Centre, look_id: str) -> None:
    sent = centre.client(centre.person()).post(f"{LOOKS}/{look_id}/report", {"reason": "other"})
    assert sent.status_code == 404


@pytest.mark.parametrize("reason", ["", "because", "OTHER", "other\x00"])
def test_a_reason_that_was_not_offered_is_refused(centre: Centre, reason: str) -> None:
    person, before = centre.person(), centre.clock.now() + 1
    address = f"{LOOKS}/{centre.look_of(person)}/report"
    assert centre.client(person).post(address, {"reason": reason}).status_code == 400
    assert centre.t.look_reports(before) == []


def test_a_form_of_another_site_is_refused(centre: Centre) -> None:
    person, before = centre.person(), centre.clock.now() + 1
    address = f"{LOOKS}/{centre.look_of(person)}/report"
    sent = centre.client(person).post(address, {"reason": "other"}, Origin="https://evil.example")
    assert sent.status_code == 403
    assert centre.t.look_reports(before) == []


def test_a_question_leads_back_to_a_page_of_ours_only(centre: Centre) -> None:
    person = centre.person()
    look_id = centre.look_of(person)
    sent = centre.client(person).post(
        f"{LOOKS}/{look_id}/report", {"reason": "other", "next": "//evil.example/x"}
    )
    assert sent.headers["location"] == f"{LOOKS}?reported={look_id}"


def test_the_page_confirms_no_question_that_was_not_recorded(centre: Centre) -> None:
    person = centre.person()
    look_id = centre.look_of(person)
    page = centre.client(person).page(f"{LOOKS}?reported={look_id}")
    assert page.select("[role=status]") == []


def test_looks_that_outlive_a_purpose_are_still_told(centre: Centre) -> None:
    person = centre.person()
    centre.say(person, "send_news", Answer.GIVE)
    centre.look(person)
    centre.say(person, "send_news", Answer.WITHDRAW)
    centre.look(person, purpose="send_news", actor=ROBOT, case="")
    refused = entries(centre.client(person).page(LOOKS))[0]
    assert "You had stopped this purpose." in refused
    found = centre.t.who_looked(person, wanted=LookFilter(roles=(DESK.role,)))
    assert [look.refused for look in found.looks] == [False]
