"""The rules of an answer: which states exist, which answer may be recorded, and how it is proved.

1. One event answers one purpose; an answer for several purposes is several events (S-05).
2. Every answer of a person presents the token of the text that was shown (`Snapshot`).
3. A separate consent is shown alone: a token that covers it covers nothing else (PIPL 23, 29).
4. Using the shop is never an answer (S-02): there is no state that use could record.
5. A purpose whose basis is not consent opens by a recorded explicit act, and only by its own.
6. A child under 14 answers through the guardian (PIPL 31); nobody of ours consents for a person.

States and types are those of ISO/IEC TS 27560 in lower snake case; ``act_recorded`` and
``act_ended`` are ours, for purposes that do not rest on consent.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
from collections.abc import Mapping
from enum import IntFlag, StrEnum
from functools import lru_cache
from itertools import product
from typing import NamedTuple
from urllib.parse import quote, unquote

from troth.core.errors import (
    ConsentRefusedByRule,
    InputError,
    SnapshotExpired,
    SnapshotForged,
    SnapshotSuperseded,
)
from troth.core.policy import ConsentKind, Policy, Purpose
from troth.core.wording import duration_seconds

SNAPSHOT_LIFE_MICROSECONDS = 30 * 60 * 1_000_000
"""How long a shown text may be answered; after that it is shown again."""


class EventState(StrEnum):
    """What an event says (`event_state`)."""

    REQUESTED = "consent_requested"
    DEFERRED = "consent_request_deferred"
    REFUSED = "consent_refused"
    GIVEN = "consent_given"
    RENEWED = "renewed_consent_given"
    WITHDRAWN = "consent_withdrawn"
    EXPIRED = "consent_expired"
    TERMINATED = "consent_terminated"
    INVALIDATED = "consent_invalidated"
    UNKNOWN = "consent_unknown"
    ACT_RECORDED = "act_recorded"
    ACT_ENDED = "act_ended"


class EventType(StrEnum):
    """How express the answer was (`event_type`)."""

    EXPRESSED = "expressed_consent"
    EXPLICITLY_EXPRESSED = "explicitly_expressed_consent"
    EXPLICIT_ACT = "explicit_act"
    SYSTEM = "system"


class EntityRole(StrEnum):
    """Who acted (`entity_role`)."""

    PII_PRINCIPAL = "pii_principal"
    GUARDIAN = "guardian"
    STAFF = "staff"
    SYSTEM = "system"


class Answer(StrEnum):
    """What a person can say to a notice."""

    GIVE = "give"
    REFUSE = "refuse"
    DEFER = "defer"
    WITHDRAW = "withdraw"
    ACT = "act"
    END_ACT = "end_act"


class PersonFlag(IntFlag):
    """What every decision about a person must know, as bits of one integer."""

    NONE = 0
    UNDER_14 = 1
    GUARDED = 2
    RESTRICTED = 4
    VISITOR = 8


# Bits as plain integers: an enum of flags costs a microsecond each time it is looked at.
_VISITOR = int(PersonFlag.VISITOR)
_CHILD = int(PersonFlag.UNDER_14)
_ACTS = frozenset({Answer.ACT, Answer.END_ACT})
_OPENS = frozenset({Answer.GIVE, Answer.ACT})

STATE_OF: Mapping[Answer, EventState] = {
    Answer.GIVE: EventState.GIVEN,
    Answer.REFUSE: EventState.REFUSED,
    Answer.DEFER: EventState.DEFERRED,
    Answer.WITHDRAW: EventState.WITHDRAWN,
    Answer.ACT: EventState.ACT_RECORDED,
    Answer.END_ACT: EventState.ACT_ENDED,
}

VALID_STATES = frozenset({EventState.GIVEN, EventState.RENEWED, EventState.ACT_RECORDED})
"""The states on which a decision may say yes (DPV: only given and renewed consent is valid)."""


class Snapshot(NamedTuple):
    """What one showing was: to whom, which purposes, which texts, until when.

    Args:
        token_id: random id of the showing; one answer per purpose may use it.
        pii_principal_id: the person it was shown to; empty for a visitor without id.
        notices: digest of the notice of each purpose shown.
        language: tag of the language shown.
        policy_digest: digest of the policy that the notices come from.
        surface: where it was shown, e.g. ``/scan``.
        shown_at: microseconds since 1970.
    """

    token_id: str
    pii_principal_id: str
    notices: Mapping[str, str]
    language: str
    policy_digest: str
    surface: str
    shown_at: int


_BETWEEN = "~"
"""Between the fields of a token: ids, digests and language tags hold none, surfaces are quoted."""


def sign_snapshot(snapshot: Snapshot, key: bytes) -> str:
    """Return the token: the fields of the showing joined by ``~``, and a MAC over them.

    Nothing in it is secret; it is only not to be made or changed by anybody else.

    Raises:
        InputError: an id or a tag holds a character that a token cannot hold.
    """
    fields = [
        snapshot.token_id,
        snapshot.pii_principal_id,
        snapshot.language,
        snapshot.policy_digest,
        quote(snapshot.surface, safe="/?=&").replace(_BETWEEN, "%7E"),
        str(snapshot.shown_at),
    ]
    for purpose, digest in snapshot.notices.items():
        fields += [purpose, digest]
    text = _BETWEEN.join(fields)
    if text.count(_BETWEEN) != len(fields) - 1 or not text.isascii() or not text.isprintable():
        raise InputError("ids and language tags are printable ASCII without '~'")
    return f"{text}{_BETWEEN}{_mac(text, key)}"


def _mac(text: str, key: bytes) -> str:
    """Return keyed BLAKE2b (RFC 7693): a MAC by construction, at a tenth of HMAC's cost here."""
    keyed = _keyed(key).copy()
    keyed.update(text.encode())
    return keyed.hexdigest()


@lru_cache(maxsize=8)
def _keyed(key: bytes) -> hashlib.blake2b:
    return hashlib.blake2b(key=key, digest_size=32, person=b"troth-snapshot-1")


def read_snapshot(token: str, key: bytes) -> Snapshot:
    """Return what a token says.

    Raises:
        SnapshotForged: it was not signed with ``key``, or is not a token at all.
    """
    text, _, mac = token.rpartition(_BETWEEN)
    if not token.isascii() or not hmac.compare_digest(_mac(text, key), mac):
        raise SnapshotForged("the proof of what was shown is not ours; open the page again")
    token_id, person, language, digest, surface, shown_at, *notices = text.split(_BETWEEN)
    pairs = iter(notices)
    shown = dict(zip(pairs, pairs, strict=True))
    return Snapshot(token_id, person, shown, language, digest, unquote(surface), int(shown_at))


def check_snapshot(snapshot: Snapshot, *, person: str, policy: Policy, now: int) -> None:
    """Refuse a showing that was made to somebody else, too long ago, or of another text.

    Raises:
        SnapshotForged: shown to another person.
        SnapshotExpired: older than `SNAPSHOT_LIFE_MICROSECONDS`, or from the future.
        SnapshotSuperseded: the policy changed since.
    """
    if snapshot.pii_principal_id != person:
        raise SnapshotForged("this page was shown to somebody else; open it again")
    if not 0 <= now - snapshot.shown_at <= SNAPSHOT_LIFE_MICROSECONDS:
        raise SnapshotExpired("this page was opened too long ago; open it again")
    if snapshot.policy_digest != policy.digest:
        raise SnapshotSuperseded("the policy changed since this page was opened; read it again")


def check_showing(purposes: tuple[Purpose, ...]) -> None:
    """Refuse to show a separate consent together with anything else.

    Raises:
        ConsentRefusedByRule: a bundle with a separate consent in it.
    """
    alone = [p.id for p in purposes if p.consent_kind is ConsentKind.SEPARATE]
    if alone and len(purposes) > 1:
        raise ConsentRefusedByRule(
            f"{alone[0]} needs separate consent: show and ask it alone, not with other purposes"
        )


def check_answer(purpose: Purpose, answer: Answer, role: EntityRole) -> EventType:
    """Return the type of the event, or refuse an answer that does not fit the purpose.

    Raises:
        ConsentRefusedByRule: it does not fit its basis, or who says it.
    """
    acts = answer in _ACTS
    if acts == purpose.optional:
        basis = purpose.lawful_basis.value
        raise ConsentRefusedByRule(
            f"{purpose.id} stands on {basis}: it cannot be answered with {answer.value!r}"
        )
    if answer is Answer.GIVE and role in (EntityRole.STAFF, EntityRole.SYSTEM):
        raise ConsentRefusedByRule("only the person, or a guardian, can give consent")
    if acts:
        return EventType.EXPLICIT_ACT
    separate = purpose.consent_kind is ConsentKind.SEPARATE
    return EventType.EXPLICITLY_EXPRESSED if separate else EventType.EXPRESSED


def barring_flags(purpose: Purpose, answer: Answer, role: EntityRole) -> int:
    """Return the bits of `PersonFlag` of which any forbids this answer to a person.

    The write itself holds it against the person's row, so that no change comes between.
    """
    bars = 0 if purpose.visitors else _VISITOR
    if answer in _OPENS and role is not EntityRole.GUARDIAN:
        bars |= _CHILD
    return bars


def refuse_barred(purpose: Purpose, flags: int, bars: int) -> None:
    """Say why a person with ``flags`` may not give an answer that ``bars`` forbid.

    Raises:
        ConsentRefusedByRule: one of the bits is set.
    """
    if flags & bars & _VISITOR:
        raise ConsentRefusedByRule(f"{purpose.id} needs an account; visitors are not asked for it")
    if flags & bars & _CHILD:
        raise ConsentRefusedByRule("a guardian answers for a child under 14")


class AnswerRule(NamedTuple):
    """What follows from one answer to one purpose, worked out once for a policy.

    Args:
        event_type: the type of its event.
        event_state: the state that it leads to.
        bars: bits of `PersonFlag` of which any forbids it; see `barring_flags`.
        valid_for: microseconds after which it expires; None if it does not.
    """

    event_type: str
    event_state: str
    bars: int
    valid_for: int | None


def answer_rule(purpose: Purpose, answer: Answer, role: EntityRole) -> AnswerRule:
    """Return the rule of an answer.

    Raises:
        ConsentRefusedByRule: it does not fit the purpose, or who says it.
    """
    expires = answer is Answer.GIVE and bool(purpose.valid_for)
    return AnswerRule(
        event_type=check_answer(purpose, answer, role).value,
        event_state=STATE_OF[answer].value,
        bars=barring_flags(purpose, answer, role),
        valid_for=duration_seconds(purpose.valid_for) * 1_000_000 if expires else None,
    )


def answer_rules(purpose: Purpose) -> Mapping[tuple[str, str, str], AnswerRule]:
    """Return {(purpose, answer, role): rule} of every answer that fits a purpose."""
    found: dict[tuple[str, str, str], AnswerRule] = {}
    for answer, role in product(Answer, EntityRole):
        with contextlib.suppress(ConsentRefusedByRule):
            found[purpose.id, answer.value, role.value] = answer_rule(purpose, answer, role)
    return found


def record_id_of(person: str, purpose_id: str) -> str:
    """Return the id of the record that groups one person's events for one purpose.

    It is made from the random person id, so it says nothing to who does not know that id.
    """
    digest = hashlib.blake2b(f"{person}\n{purpose_id}".encode(), digest_size=16).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
