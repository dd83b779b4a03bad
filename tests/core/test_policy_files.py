"""The shop's own policy: it compiles, it is whole in both languages, and its tables show all."""

from datetime import timedelta
from pathlib import Path

import pytest

from troth.adapters.sources import LAW, read_folder
from troth.commands import compile_folder
from troth.core.assessment import assessment_due, due_matters
from troth.core.compile import Compiled, compile_policy
from troth.core.findings import Severity
from troth.core.frequency import Limit
from troth.core.notice import notice_for
from troth.core.policy import ControlStatus, LawfulBasis, Policy
from troth.core.tables import basis_words, retention_words

FOLDER = Path(__file__).parents[2] / "src" / "troth_shop" / "policy"
PERMISSIONS = {"camera", "storage", "call", "network", "device_id", "clipboard"}


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_folder(FOLDER)


@pytest.fixture(scope="module")
def policy(compiled: Compiled) -> Policy:
    return compiled.require()


@pytest.mark.control("policy_compiles")
def test_the_policy_compiles_and_only_pending_controls_are_found(compiled: Compiled) -> None:
    assert {f.rule for f in compiled.findings} <= {"W301"}
    assert {f.severity for f in compiled.findings} <= {Severity.WARNING}


def test_every_pending_control_is_counted_once_per_clause_and_assessment_that_names_it(
    compiled: Compiled, policy: Policy
) -> None:
    wanted = sum(
        policy.controls[name].status is ControlStatus.PENDING
        for clause in policy.clauses.values()
        for name in clause.controls
    ) + sum(
        policy.controls[name].status is ControlStatus.PENDING
        for assessment in policy.assessments.values()
        for name in {name for risk in assessment.risks.values() for name in risk.controls}
    )
    assert len(compiled.findings) == wanted > 0


def test_compiling_twice_gives_the_same_digest(policy: Policy) -> None:
    assert compile_folder(FOLDER).require().digest == policy.digest


def test_a_published_version_compiles_alone_to_the_same_digest(policy: Policy) -> None:
    sources = read_folder(FOLDER)
    assert LAW in sources.files
    assert compile_policy(sources).require().digest == policy.digest


@pytest.mark.promise("S-01", "S-68")
def test_obeying_the_law_and_taking_care_are_called_not_testable(policy: Policy) -> None:
    for promise in ("S-01", "S-68"):
        clauses = [c for c in policy.clauses.values() if promise in c.promises]
        assert clauses
        assert {c.status for c in clauses} == {ControlStatus.NOT_TESTABLE}


def test_no_clause_claims_a_promise_that_the_source_does_not_make(policy: Policy) -> None:
    known = {f"S-{n:02}" for n in range(1, 69)}
    for clause in policy.clauses.values():
        assert set(clause.promises) <= known, clause.id


@pytest.mark.promise("S-18")
def test_every_clause_is_written_in_both_languages_with_nothing_left_to_fill_in(
    policy: Policy,
) -> None:
    assert policy.languages == ("zh-CN", "en")
    assert policy.binding_language == "zh-CN"
    for clause in policy.clauses.values():
        for language in policy.languages:
            assert clause.title[language].strip(), clause.id
            assert "{{" not in clause.text[language] + clause.title[language], clause.id
            assert "{#" not in clause.title[language], clause.id
        body = {language: bool(clause.text[language].strip()) for language in policy.languages}
        assert len(set(body.values())) == 1, clause.id


def test_the_chinese_is_chinese_and_the_english_is_not(policy: Policy) -> None:
    def chinese(text: str) -> float:
        letters = [c for c in text if c.isalpha()]
        return sum("\u4e00" <= c <= "\u9fff" for c in letters) / max(1, len(letters))

    for clause in policy.clauses.values():
        assert chinese(clause.title["zh-CN"]) > 0.5, clause.id
        assert chinese(clause.title["en"] + clause.text["en"]) == 0, clause.id


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_tables_show_every_purpose_permission_recipient_right_and_period(
    policy: Policy, language: str
) -> None:
    shown = "\n".join(
        line
        for clause in policy.clauses.values()
        for line in clause.text[language].splitlines()
        if line.startswith("|")
    )
    for purpose in policy.purposes.values():
        assert purpose.title[language] in shown, purpose.id
        assert basis_words(purpose, language) in shown
    for permission in policy.permissions.values():
        assert permission.if_refused[language] in shown, permission.id
    for recipient in policy.recipients.values():
        assert recipient.name[language] in shown
        assert recipient.contact in shown
    for right in policy.rights.values():
        assert right.path in shown, right.id
    for retention in policy.retention.values():
        assert retention_words(retention, language) in shown, retention.id
    for category in policy.categories.values():
        assert category.title[language] in shown, category.id


@pytest.mark.promise("S-25", "S-26")
def test_the_six_permissions_rest_on_consent_and_each_has_another_way(policy: Policy) -> None:
    assert set(policy.permissions) == PERMISSIONS
    for permission in policy.permissions.values():
        for name in permission.purposes:
            purpose = policy.purposes[name]
            assert purpose.lawful_basis is LawfulBasis.CONSENT
            assert purpose.device == permission.id
            for language in policy.languages:
                assert permission.if_refused[language].strip()
                assert purpose.if_refused[language].strip()


def test_every_purpose_has_a_notice_in_every_language(policy: Policy) -> None:
    notices = [
        notice_for(policy, name, language)
        for name in policy.purposes
        for language in ("zh-CN", "en")
    ]
    assert len({n.digest for n in notices}) == len(notices)


def test_chinese_sentences_use_full_width_punctuation(policy: Policy) -> None:
    import re

    wrong = re.compile(r"[\u4e00-\u9fff][,;:!?]|[,;!?][\u4e00-\u9fff]|[\u4e00-\u9fff]\.(?![\w.])")
    found = [
        (clause.id, match.group())
        for clause in policy.clauses.values()
        for match in wrong.finditer(clause.text["zh-CN"] + clause.title["zh-CN"])
    ]
    assert found == []


@pytest.mark.promise("S-53")
def test_every_purpose_of_the_shop_that_is_due_was_assessed_and_may_start(policy: Policy) -> None:
    due = {p.id for p in policy.purposes.values() if due_matters(policy, p)}
    assert due == {"check_voucher", "share_with_courier"}
    for purpose in policy.purposes:
        assert not assessment_due(policy, purpose, policy.effective), purpose
    for assessment in policy.assessments.values():
        assert assessment.made < policy.published < assessment.review_by
        assert assessment.risks, assessment.id
    after = max(a.review_by for a in policy.assessments.values()) + timedelta(days=1)
    assert {p for p in policy.purposes if assessment_due(policy, p, after)} == due


@pytest.mark.promise("S-08")
def test_a_limit_of_the_shop_is_said_in_the_table_and_in_the_notice(policy: Policy) -> None:
    device = policy.purposes["identify_device"]  # type: ignore[index]
    assert device.at_most == Limit.of(300, "PT1H")
    for language, said in (
        ("zh-CN", "1 小时内最多 300 次"),
        ("en", "at most 300 times within 1 hour"),
    ):
        assert said in policy.clauses["purposes"].text[language]  # type: ignore[index]
        assert any(said in line for line in notice_for(policy, device.id, language).lines)
