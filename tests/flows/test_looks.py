"""Who looked: recorded first, read by the person, questioned, counted; out of turn, it is told."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.builders import NOW, SECOND, deployed, draft
from tests.conftest import TestDatabase
from tests.looks import DESK, Watched, limited, watched
from troth import InputError, Policy, StoreUnavailable, UnknownName
from troth.core.collected import Collected, Origin
from troth.core.frequency import Limit
from troth.core.looks import SELF, SYSTEM, Actor, Ending, LookFilter, ReportReason, Use
from troth.flows import looks as flow

FIRE = "the shop is on fire, we must warn them"


@pytest.fixture
def here(database: TestDatabase) -> Iterator[Watched]:
    with deployed(database) as made, watched(made) as looked:
        yield looked


def page(here: Watched, person: str, **how: object) -> flow.LookPage:
    return flow.who_looked(here.kit, person, here.policy_at, language="en", **how)  # type: ignore[arg-type]


# --- who looked -----------------------------------------------------------------------------------


@pytest.mark.promise("S-19", "S-57")
def test_the_person_reads_role_purpose_clause_categories_and_time(here: Watched) -> None:
    person = here.here.person()
    look = here.look(person)
    (line,) = page(here, person).looks
    assert (line.look_id, line.looked_at) == (look.look_id, NOW)
    assert (line.role, line.purpose) == ("Desk", "Words about keep account")
    assert (line.clause, line.clause_title) == ("account", "account")
    assert line.categories == ("Words about mobile",)
    assert [line.refused, line.wrote, line.break_glass, line.reported] == [False] * 4
    assert "staff-7" not in repr(line)
    (spoken,) = flow.who_looked(here.kit, person, here.policy_at, language="zh-CN").looks
    assert (spoken.role, spoken.purpose) == ("前台", "关于keep_account的话")


@pytest.mark.promise("S-57")
def test_the_persons_own_looks_are_left_out_unless_asked_for(here: Watched) -> None:
    person = here.here.person()
    here.look(person, actor=Actor(person, SELF), case="")
    program = here.look(person, actor=Actor("courier-job", SYSTEM), case="")
    (line,) = page(here, person).looks
    assert (line.look_id, line.role) == (program.look_id, "Automatic processing")
    (own,) = page(here, person, wanted=LookFilter(roles=(SELF,))).looks
    assert own.role == "You"


def test_pages_follow_each_other_to_the_end(here: Watched) -> None:
    person = here.here.person()
    made = [here.look(person).look_id for _ in range(7)]  # all at the same moment
    first = page(here, person, size=3)
    second = page(here, person, size=3, after=first.next)
    third = page(here, person, size=3, after=second.next)
    listed = [line.look_id for p in (first, second, third) for line in p.looks]
    assert listed == sorted(made, reverse=True)
    assert third.next == ""
    assert page(here, person, size=7).next == ""


def test_the_filter_offers_what_occurs_in_the_list_and_nothing_of_others(here: Watched) -> None:
    person, other = here.here.person(), here.here.person()
    here.look(person)
    here.look(person, other, purpose="ship_parcel")
    here.look(person, purpose="sell_contacts")
    here.look(other, purpose="check_proof", actor=Actor("job", SYSTEM), case="")
    found = flow.choices(here.kit, person, here.policy_at, language="en")
    assert found.purposes == {
        "keep_account": "Words about keep account",
        "ship_parcel": "Words about ship parcel",
    }
    assert found.roles == {"desk": "Desk"}


@pytest.mark.parametrize(
    "after",
    ["x", "1;DROP", "-1.a", "1" * 30 + ".a", "１.a", ".a", "1.é", "1.\x00", "1." + "a" * 65],
)
def test_a_malformed_place_in_the_list_is_refused(here: Watched, after: str) -> None:
    with pytest.raises(InputError, match="no place in the list"):
        page(here, here.here.person(), after=after)
    with pytest.raises(InputError, match="1 to 500"):
        page(here, here.here.person(), size=0)


def test_a_look_speaks_in_the_words_of_its_own_version(here: Watched) -> None:
    person = here.here.person()
    here.look(person)
    old = here.known.policy
    here.here.publish(
        draft()
        .version("1.1")
        .change("title: {zh-CN: 前台, en: Desk}", "title: {zh-CN: 柜台, en: Counter}")
    )
    here.look(person)
    policies = {1: old, 2: here.known.policy}
    found = flow.who_looked(here.kit, person, policies.__getitem__, language="en").looks
    assert sorted(line.role for line in found) == ["Counter", "Desk"]


@pytest.mark.parametrize(
    "wanted",
    [
        LookFilter(purposes=("keep_account\x00",)),
        LookFilter(roles=("' OR 1=1 --",)),
        LookFilter(purposes=("a",) * 101),
        LookFilter(since=2**70),
        LookFilter(until=-1),
    ],
)
def test_a_malformed_filter_is_refused(here: Watched, wanted: LookFilter) -> None:
    with pytest.raises(InputError):
        page(here, here.here.person(), wanted=wanted)


# --- refused --------------------------------------------------------------------------------------


@pytest.mark.promise("S-57")
@pytest.mark.control("looks_recorded")
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"case": ""}, "no_case"),
        ({"purpose": "send_news"}, "not_for_this_role"),
        ({"actor": Actor("staff-7", "manager")}, "unknown_role"),
        ({"categories": ("street",)}, "category_of_another_purpose"),
        ({"purpose": "sell_contacts"}, "unknown_purpose"),
    ],
)
def test_a_refused_attempt_is_recorded_and_the_person_sees_it(
    here: Watched, how: dict[str, object], reason: str
) -> None:
    person = here.here.person()
    look = here.look(person, **how)  # type: ignore[arg-type]
    assert (look.refused, look.reason) == (True, reason)
    (line,) = page(here, person).looks
    assert (line.look_id, line.refused) == (look.look_id, True)
    assert flow.collected_list(here.kit, person, here.known.policy, permissions={}) == ()


def test_the_reason_of_a_decision_is_recorded_with_the_attempt(here: Watched) -> None:
    person = here.here.person()
    decision = here.here.troth.decide(person, "send_news")
    use = Use("send_news", Actor("news-job", SYSTEM), (person,))
    look = flow.record_refusal(here.kit, here.known, use, decision.reason)
    assert (look.reason, look.purpose_id, look.clause) == ("never_asked", "send_news", "news")
    assert page(here, person).looks[0].refused


def test_what_somebody_typed_in_the_place_of_an_id_is_not_kept(here: Watched) -> None:
    typed = Use("keep_account", DESK, ("13800138000",), case="case-1")
    with pytest.raises(InputError):
        flow.record_uses(here.kit, here.known, [typed])
    look = flow.record_refusal(here.kit, here.known, typed, "unknown_person")
    assert (look.people, look.people_count) == ((), 0)


@pytest.mark.parametrize("people", [(), ("a" * 32, "b" * 32)])
def test_a_limit_is_for_one_person_and_a_use_for_somebody(
    here: Watched, people: tuple[str, ...]
) -> None:
    with pytest.raises(InputError):
        here.look(*people, limit=Limit(1, 60))


# --- how often ------------------------------------------------------------------------------------


@pytest.mark.promise("S-08")
@pytest.mark.control("looks_recorded")
def test_a_purpose_with_a_limit_is_refused_beyond_it_and_opens_again_later(here: Watched) -> None:
    person, other = here.here.person(), here.here.person()
    limit = Limit.of(2, "PT1H")

    def ask(of: str = person) -> str:
        return here.look(of, limit=limit).reason

    here.look(person, other)  # a batch counts for each of its people
    assert [ask(), ask(), ask()] == ["", "too_often", "too_often"]
    assert here.look(person, purpose="ship_parcel", limit=limit).reason == ""
    assert ask(other) == ""
    here.here.clock.move(3600 * SECOND)
    assert [ask(), ask(), ask()] == ["", "", "too_often"]  # refusals did not count


# --- break-glass ----------------------------------------------------------------------------------


@pytest.mark.promise("S-57")
def test_breaking_the_glass_needs_a_reason_raises_an_alarm_and_is_told_to_each_person(
    here: Watched,
) -> None:
    one, two = here.here.person(), here.here.person()
    with pytest.raises(InputError, match="why you must look"):
        here.look(one, case="", break_glass="!")
    look = here.look(one, two, purpose="send_news", case="", break_glass=FIRE)
    assert (look.refused, look.break_glass) == (False, True)
    (alarm,) = flow.alarms(here.kit, NOW)
    assert (alarm.look.look_id, alarm.words, alarm.look.actor_id) == (look.look_id, FIRE, "staff-7")
    assert flow.alarms(here.kit, NOW + 1) == []
    (line,) = page(here, two).looks
    assert line.break_glass
    assert FIRE not in repr(line)
    told: list[tuple[str, str, int]] = []

    def tell(*notice: object) -> None:
        told.append(notice)  # type: ignore[arg-type]

    assert flow.tell_of_broken_glass(here.kit, tell, limit=1) == 1
    assert flow.tell_of_broken_glass(here.kit, tell) == 1
    assert flow.tell_of_broken_glass(here.kit, tell) == 0
    assert sorted(told) == sorted((look.look_id, person, NOW) for person in (one, two))


def test_a_notice_that_could_not_be_given_stays_due(here: Watched) -> None:
    person = here.here.person()
    here.look(person, case="", break_glass=FIRE)

    def fail(*_: object) -> None:
        raise OSError("no mail today")

    with pytest.raises(OSError, match="no mail"):
        flow.tell_of_broken_glass(here.kit, fail)
    assert flow.tell_of_broken_glass(here.kit, lambda *_: None) == 1


def test_breaking_the_glass_in_vain_raises_no_alarm(here: Watched) -> None:
    look = here.look(here.here.person(), purpose="sell_contacts", case="", break_glass=FIRE)
    assert look.refused
    assert flow.alarms(here.kit, 0) == []


# --- a person doubts a look -----------------------------------------------------------------------


@pytest.mark.promise("S-57")
@pytest.mark.control("looks_recorded")
def test_a_person_questions_a_look_at_their_own_data_and_at_no_other(here: Watched) -> None:
    person, other = here.here.person(), here.here.person()
    look, batch = here.look(person), here.look(person, other)
    for stranger, theirs in ((other, look.look_id), (person, "\x00"), ("%", look.look_id)):
        with pytest.raises(UnknownName):
            flow.report(here.kit, stranger, theirs, ReportReason.OTHER)
    report_id = flow.report(here.kit, person, look.look_id, ReportReason.NOT_NEEDED)
    flow.report(here.kit, person, look.look_id, ReportReason.OTHER)  # twice says nothing new
    flow.report(here.kit, other, batch.look_id, ReportReason.UNEXPECTED)
    found = {(r.person, r.look_id): r for r in flow.reports(here.kit, 0)}
    assert set(found) == {(person, look.look_id), (other, batch.look_id)}
    assert found[person, look.look_id].report_id == report_id
    assert found[person, look.look_id].reason is ReportReason.NOT_NEEDED
    marks = {line.look_id: line.reported for line in page(here, person).looks}
    assert marks == {look.look_id: True, batch.look_id: False}


# --- the two lists --------------------------------------------------------------------------------


@pytest.mark.promise("S-19")
@pytest.mark.control("collected_lists")
def test_my_list_says_what_was_used_how_often_and_when_last(here: Watched) -> None:
    person, other = here.here.person(), here.here.person()
    here.look(person)
    here.look(person, other)
    here.here.clock.move(60 * SECOND)
    here.look(person, actor=Actor(person, SELF), case="", writes=True)
    here.look(person, case="")  # refused: nothing was used
    policy = here.known.policy
    mine = flow.collected_list(here.kit, person, policy, permissions={"scan_code": (2, NOW + 1)})
    assert mine == (
        Collected("keep_account", "mobile", 3, 1, NOW + 60 * SECOND, Origin.LENS),
        Collected("scan_code", "frames", 2, 0, NOW + 1, Origin.PERMISSION),
    )
    late = flow.collected_list(
        here.kit, person, policy, permissions={"scan_code": (2, NOW)}, since=NOW + 1
    )
    assert [(line.category, line.times) for line in late] == [("mobile", 1)]
    early = flow.collected_list(here.kit, person, policy, permissions={}, until=NOW + 1)
    assert [(line.category, line.times) for line in early] == [("mobile", 2)]
    pairs = {(str(line.purpose), line.category) for line in flow.declared_list(policy)}
    assert {(line.purpose, line.category) for line in mine} <= pairs


@pytest.mark.promise("S-19")
def test_whatever_was_used_is_declared_and_what_is_not_is_named(here: Watched) -> None:
    for purpose in ("keep_account", "ship_parcel", "keep_books", "check_proof"):
        here.look(here.here.person(), purpose=purpose)
    assert flow.undeclared(here.kit, here.policy_at) == ()

    def without_proof(_: int) -> Policy:
        policy = here.known.policy
        kept = {k: v for k, v in policy.purposes.items() if k != "check_proof"}
        return replace(policy, purposes=kept)

    assert flow.undeclared(here.kit, without_proof) == (("check_proof", "proof"),)


def stored(here: Watched, person: str) -> list[tuple[str, Ending | None]]:
    found = here.kit.book.looks(person, LookFilter())
    return [(s.look.outcome.value, s.ending) for s in found]


def test_the_end_of_a_write_is_recorded_once_it_ended(here: Watched) -> None:
    person = here.here.person()
    look = here.look(person, writes=True)
    here.here.clock.move(SECOND)
    assert stored(here, person) == [("write", None)]
    flow.record_end(here.kit, [look], Ending.UNDONE)
    assert stored(here, person) == [("write", Ending.UNDONE)]


def test_a_read_has_no_end(here: Watched) -> None:
    person = here.here.person()
    flow.record_end(here.kit, [here.look(person)], Ending.DONE)
    assert stored(here, person) == [("read", None)]


def test_an_end_that_cannot_be_stored_is_no_error_to_who_has_ended(
    here: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = here.here.person()
    look = here.look(person, writes=True)

    def lost(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(here.kit.book, "record_end", lost)
    flow.record_end(here.kit, [look], Ending.DONE)
    assert stored(here, person) == [("write", None)]


def test_the_looks_of_purposes_used_together_are_stored_all_or_none(here: Watched) -> None:
    person = here.here.person()
    uses = [Use(p, DESK, (person,), case="case-1") for p in ("keep_account", "ship_parcel")]
    wrote: list[object] = []
    bound = limited(here.known, "ship_parcel", Limit(1, 60))
    assert len(flow.record_uses(here.kit, bound, uses, also=wrote.append)) == 2
    assert len(wrote) == 1
    (refused,) = flow.record_uses(here.kit, bound, uses, also=wrote.append)
    assert (refused.purpose_id, refused.reason) == ("ship_parcel", "too_often")
    assert len(wrote) == 1
    found = [(s.look.purpose_id, s.look.refused) for s in here.kit.book.looks(person, LookFilter())]
    assert sorted(found) == [
        ("keep_account", False),
        ("ship_parcel", False),
        ("ship_parcel", True),
    ]


def test_a_person_nobody_looked_at_reads_an_empty_list(here: Watched) -> None:
    assert page(here, here.here.person()) == flow.LookPage((), "")
