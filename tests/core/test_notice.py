"""The notice: what is shown is what is digested, and it says all that the law wants said."""

import hashlib

import pytest

from tests.builders import PURPOSES, draft
from troth.core.errors import InputError, UnknownName
from troth.core.notice import notice_for

POLICY = draft().policy()


@pytest.mark.promise("S-04")
@pytest.mark.parametrize("language", POLICY.languages)
@pytest.mark.parametrize("purpose_id", PURPOSES)
def test_a_notice_tells_purpose_data_period_recipients_basis_and_the_other_way(
    purpose_id: str, language: str
) -> None:
    purpose = POLICY.purposes[purpose_id]  # type: ignore[index]
    notice = notice_for(POLICY, purpose_id, language)
    shown = "\n".join([notice.title, *notice.lines])
    assert notice.title == purpose.title[language]
    assert purpose.why[language] in shown
    assert purpose.frequency[language] in shown
    for name in purpose.categories:
        assert POLICY.categories[name].title[language] in shown
    for name in purpose.recipients:
        assert POLICY.recipients[name].name[language] in shown
    if purpose.impact is not None:
        assert purpose.impact[language] in shown
    assert (purpose.if_refused[language] in shown) == purpose.optional
    assert "{" not in shown


def test_the_digest_is_of_the_words_shown_and_of_nothing_else() -> None:
    notice = notice_for(POLICY, "send_news", "en")
    said = [notice.privacy_notice, notice.purpose_id, notice.language, notice.title, *notice.lines]
    assert notice.digest == hashlib.sha256("\n".join(said).encode()).hexdigest()


def test_each_purpose_language_and_version_has_a_digest_of_its_own() -> None:
    later = draft().version("1.1").policy()
    digests = {
        notice_for(policy, purpose, language).digest
        for policy in (POLICY, later)
        for purpose in PURPOSES
        for language in POLICY.languages
    }
    assert len(digests) == 2 * len(PURPOSES) * 2


@pytest.mark.parametrize(
    ("section", "name", "old", "new"),
    [
        ("purposes", "send_news", "en: Because of send_news", "en: Because we like to"),
        ("purposes", "send_news", "en: Once per use of send_news", "en: Every hour"),
        ("purposes", "send_news", "en: Nothing else changes for send_news", "en: Goodbye"),
        ("categories", "mobile", "en: Words about mobile", "en: Your number"),
        ("retention", "life", "period: P2Y", "period: P9Y"),
    ],
)
def test_a_change_of_what_a_person_is_told_changes_the_digest(
    section: str, name: str, old: str, new: str
) -> None:
    changed = draft().of(section, name, old, new).policy()
    before = notice_for(POLICY, "send_news", "en")
    after = notice_for(changed, "send_news", "en")
    assert before.digest != after.digest
    assert before.lines != after.lines or before.title != after.title


def test_an_unknown_purpose_or_language_has_no_notice() -> None:
    with pytest.raises(UnknownName, match="no purpose 'sell_data'"):
        notice_for(POLICY, "sell_data", "en")
    with pytest.raises(InputError, match="not 'fr'"):
        notice_for(POLICY, "send_news", "fr")
