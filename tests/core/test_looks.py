"""Looks as values: who may take one, what one says, and what its person is shown of it."""

from dataclasses import fields, replace

import pytest

from tests.builders import NOW, draft
from troth import InputError, Policy
from troth.core.looks import (
    MOST_PEOPLE,
    SELF,
    SYSTEM,
    Actor,
    Outcome,
    Refusal,
    Use,
    check_use,
    judge,
    look_of,
    seen_by_role,
    shown,
    shown_categories,
)
from troth.core.wording import LANGUAGES

PERSON, OTHER = "a" * 32, "b" * 32
DESK = Actor("staff-7", "desk")
USE = Use("keep_account", DESK, (PERSON,), case="case-1")
WORDS = "前台电脑着火，需要立刻通知顾客"


@pytest.fixture(scope="module")
def policy() -> Policy:
    return draft().policy()


# --- who may look ---------------------------------------------------------------------------------


@pytest.mark.promise("S-57")
@pytest.mark.control("looks_recorded")
@pytest.mark.parametrize(
    ("use", "refusal"),
    [
        (USE, None),
        (replace(USE, categories=("mobile",)), None),
        (replace(USE, purpose="sell_contacts"), Refusal.UNKNOWN_PURPOSE),
        (replace(USE, categories=("street",)), Refusal.OTHER_CATEGORY),
        (replace(USE, actor=Actor("staff-7", "manager")), Refusal.UNKNOWN_ROLE),
        (replace(USE, purpose="send_news"), Refusal.NOT_FOR_ROLE),
        (replace(USE, actor=Actor("staff-7", "nobody")), Refusal.NOT_FOR_ROLE),
        (replace(USE, case=""), Refusal.NO_CASE),
        (replace(USE, actor=Actor(PERSON, SELF), case=""), None),
        (replace(USE, actor=Actor("sweeper", SYSTEM), case=""), None),
        (replace(USE, actor=Actor("x", SYSTEM), purpose="sell"), Refusal.UNKNOWN_PURPOSE),
        (replace(USE, case="", break_glass=WORDS), None),
        (replace(USE, purpose="send_news", break_glass=WORDS), None),
        (replace(USE, actor=Actor("s", "manager"), break_glass=WORDS), Refusal.UNKNOWN_ROLE),
        (replace(USE, categories=("street",), break_glass=WORDS), Refusal.OTHER_CATEGORY),
    ],
)
def test_staff_look_only_through_a_role_a_purpose_and_a_case(
    policy: Policy, use: Use, refusal: Refusal | None
) -> None:
    assert judge(policy, use) is refusal


def test_a_role_sees_its_own_categories_of_a_purpose_and_the_others_stay_masked() -> None:
    both = draft().change(
        "categories: {mobile: necessary}",
        "categories: {mobile: necessary, orders: optional}",
        at="keep_account:",
    )
    policy = both.policy()
    assert seen_by_role(policy, "desk", "keep_account") == {"mobile"}
    assert shown_categories(policy, USE) == ("mobile",)
    assert judge(policy, replace(USE, categories=("orders",))) is Refusal.NOT_FOR_ROLE
    assert shown_categories(policy, replace(USE, actor=Actor(PERSON, SELF))) == ("mobile", "orders")
    assert shown_categories(policy, replace(USE, break_glass=WORDS)) == ("mobile", "orders")
    assert seen_by_role(policy, "manager", "keep_account") == set()


@pytest.mark.parametrize(
    "wrong",
    [
        {"people": ("13800138000",)},
        {"people": (PERSON.upper(),)},
        {"people": (PERSON + "\n",)},
        {"people": (PERSON, PERSON)},
        {"people": tuple(f"{n:032x}" for n in range(MOST_PEOPLE + 1))},
        {"actor": Actor("", "desk")},
        {"actor": Actor("陈知微", "desk")},
        {"actor": Actor("staff-7", "the desk")},
        {"case": "call me: a@b.c"},
        {"case": "x" * 65},
        {"break_glass": "now"},
        {"break_glass": "x" * 301},
        {"break_glass": "the man with 138 0013 8000 calls"},
        {"break_glass": "he writes from a@b.example today"},
    ],
)
def test_what_is_no_id_and_no_code_is_refused_and_not_repeated(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError) as refused:
        check_use(replace(USE, **wrong))  # type: ignore[arg-type]
    for word in ("138", "陈", "a@b", PERSON):
        assert word not in str(refused.value)


def test_a_use_that_is_well_formed_passes() -> None:
    check_use(USE)
    check_use(replace(USE, people=(PERSON, OTHER), break_glass=WORDS, case=""))


# --- what a look says -----------------------------------------------------------------------------


def test_a_look_names_the_clause_and_the_version_it_was_taken_under(policy: Policy) -> None:
    look = look_of(policy, 3, replace(USE, writes=True), look_id="l", now=NOW)
    assert (look.clause, look.policy_ordinal, look.outcome) == ("account", 3, Outcome.WRITE)
    assert (look.people, look.people_count, look.categories) == ((PERSON,), 1, ("mobile",))
    assert not look.refused


def test_a_refused_attempt_keeps_nothing_that_the_policy_does_not_know(policy: Policy) -> None:
    typed = replace(USE, purpose="Wang 13800138000", categories=("his bank card", "street"))
    look = look_of(policy, 1, typed, look_id="l", now=NOW, reason=Refusal.UNKNOWN_PURPOSE)
    assert look.refused
    assert (look.purpose_id, look.categories, look.clause) == ("", ("street",), "")
    assert look.reason == "unknown_purpose"


# --- what the person is shown ---------------------------------------------------------------------


@pytest.mark.promise("S-57")
@pytest.mark.control("looks_recorded")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_person_reads_roles_in_words_and_no_member_of_staff(
    policy: Policy, language: str
) -> None:
    line = shown(look_of(policy, 1, USE, look_id="l", now=NOW), policy, language, reported=False)
    assert line.role == {"zh-CN": "前台", "en": "Desk"}[language]
    assert line.purpose == policy.purposes["keep_account"].title[language]  # type: ignore[index]
    assert line.categories == (policy.categories["mobile"].title[language],)
    assert line.clause_title == policy.clauses["account"].title[language]  # type: ignore[index]
    values = [str(getattr(line, field.name)) for field in fields(line)]
    assert not [value for value in values if "staff-7" in value]
    assert line.case_id == "case-1"  # the person's own


def test_fixed_roles_have_words_in_every_language(policy: Policy) -> None:
    for role in (SELF, SYSTEM):
        look = look_of(policy, 1, replace(USE, actor=Actor("x", role)), look_id="l", now=NOW)
        words = {shown(look, policy, spoken, reported=False).role for spoken in LANGUAGES}
        assert len(words) == len(LANGUAGES)
        assert role not in words


def test_a_name_that_the_policy_no_longer_has_is_shown_as_it_was_written(policy: Policy) -> None:
    look = replace(
        look_of(policy, 1, USE, look_id="l", now=NOW),
        actor_role="old_desk",
        purpose_id="old_purpose",
        categories=("old_category", "mobile"),
        people_count=12,
    )
    line = shown(look, policy, "fr", reported=True)
    assert (line.role, line.purpose, line.shared_with) == ("old_desk", "old_purpose", 11)
    assert line.categories == ("old_category", policy.categories["mobile"].title["zh-CN"])
    assert line.reported
