"""What a person is shown before answering: one notice per purpose and language.

The prompt, the digest in the consent event and the text in the receipt are all made here, so they
cannot differ: a page shows `Notice.title` and `Notice.lines`, word for word.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from troth.core.errors import InputError, UnknownName
from troth.core.policy import Policy, PurposeId
from troth.core.tables import basis_words, data_words, given_words, kept_words
from troth.core.wording import PHRASES


@dataclass(frozen=True, slots=True)
class Notice:
    """The text shown for one purpose.

    Args:
        purpose_id: the purpose that is asked for.
        privacy_notice: policy id and version, ``id@version``.
        language: tag of the language shown.
        title: the purpose as an act.
        lines: the sentences, in the order shown.
        digest: SHA-256 (hex) over all of the above.
    """

    purpose_id: PurposeId
    privacy_notice: str
    language: str
    title: str
    lines: tuple[str, ...]
    digest: str


@lru_cache(maxsize=1024)
def notice_for(policy: Policy, purpose_id: str, language: str) -> Notice:
    """Return what must be shown before ``purpose_id`` may be answered.

    Raises:
        UnknownName: the policy has no such purpose.
        InputError: the policy has no such language.
    """
    purpose = policy.purposes.get(PurposeId(purpose_id))
    if purpose is None:
        raise UnknownName(f"the policy has no purpose {purpose_id!r}")
    if language not in policy.languages:
        raise InputError(f"the policy speaks {', '.join(policy.languages)}, not {language!r}")
    phrases = PHRASES[language]
    lines = [
        purpose.why[language],
        phrases["notice.data"].format(data=data_words(policy, purpose, language)),
        phrases["notice.kept"].format(kept=kept_words(policy, purpose, language)),
        phrases["notice.given"].format(given=given_words(policy, purpose, language)),
        phrases["notice.basis"].format(basis=basis_words(purpose, language)),
        phrases["notice.frequency"].format(frequency=purpose.frequency[language]),
    ]
    if purpose.impact is not None:
        lines.append(phrases["notice.impact"].format(impact=purpose.impact[language]))
    if purpose.optional:
        lines.append(phrases["notice.refused"].format(refused=purpose.if_refused[language]))
    shown = f"{policy.id}@{policy.version}"
    title = purpose.title[language]
    text = "\n".join([shown, purpose_id, language, title, *lines])
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Notice(PurposeId(purpose_id), shown, language, title, tuple(lines), digest)
