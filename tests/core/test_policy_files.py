"""The shop's own policy: it compiles, it is whole in both languages, and its tables show all."""

from pathlib import Path

import pytest

from troth.adapters.sources import LAW, read_folder
from troth.app import compile_folder
from troth.core.compile import Compiled, compile_policy
from troth.core.findings import Severity
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


def test_every_pending_control_is_counted_once_per_clause_that_names_it(
    compiled: Compiled, policy: Policy
) -> None:
    wanted = sum(
        policy.controls[name].status is ControlStatus.PENDING
        for clause in policy.clauses.values()
        for name in clause.controls
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
