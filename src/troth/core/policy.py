"""What a policy says, as frozen values. `compile.py` makes them from the policy files.

Every name of a purpose, category, permission, recipient, right or clause is its id in
``policy.yaml``. Words for people are `Words`: one text per language of the policy.
Terms follow ISO/IEC TS 27560 and the W3C Data Privacy Vocabulary (DPV).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NewType, TypeVar

from troth.core.frequency import Limit

K = TypeVar("K")
V = TypeVar("V")

PurposeId = NewType("PurposeId", str)
ClauseId = NewType("ClauseId", str)
Words = Mapping[str, str]
"""One text per language tag, e.g. ``{"zh-CN": "…", "en": "…"}``; every language is present."""


class LawfulBasis(StrEnum):
    """Why a purpose may process at all (PIPL 13); the PRC knows no legitimate interests."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"


class ConsentKind(StrEnum):
    """How consent must be given: separate consent (PIPL 23, 29) is never part of a bundle."""

    GENERAL = "general"
    SEPARATE = "separate"


class Necessity(StrEnum):
    """Whether a purpose can be served without a category (`pii_optional` of TS 27560)."""

    NECESSARY = "necessary"
    OPTIONAL = "optional"


class Ground(StrEnum):
    """Why the law asks for an impact assessment before a purpose starts (PIPL 55)."""

    SENSITIVE = "sensitive"
    AUTOMATED_DECISIONS = "automated_decisions"
    GIVEN_TO_OTHERS = "given_to_others"
    """Entrusted, provided to another handler, or published."""
    ABROAD = "abroad"
    MAJOR_INFLUENCE = "major_influence"


class AssessmentOutcome(StrEnum):
    """What an impact assessment came to."""

    MAY_START = "may_start"
    MUST_NOT_START = "must_not_start"


class ControlStatus(StrEnum):
    """Whether the control of a clause is built; only `BUILT` counts as kept."""

    BUILT = "built"
    PENDING = "pending"
    NOT_TESTABLE = "not_testable"
    """The clause promises an attitude; it is shown so and never counted as kept."""


@dataclass(frozen=True, slots=True)
class Provision:
    """One number or rule of the law profile, with where it stands in the law.

    ``value`` counts ``unit`` (``working_days``, ``days``, ``hours``, ``years``, ``age`` …);
    ``mark`` is how well the source was checked: L, R, P, fm or rec.
    """

    name: str
    value: int
    unit: str
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class LawProfile:
    """The dated set of rules of one jurisdiction that a policy is written against (S-01)."""

    name: str
    jurisdiction: str
    provisions: Mapping[str, Provision]


@dataclass(frozen=True, slots=True)
class Control:
    """What enforces clauses: ``kept_by`` names the code, a dotted name, when it is built."""

    id: str
    status: ControlStatus
    summary: str
    kept_by: str


@dataclass(frozen=True, slots=True)
class Controller:
    """Who answers for the processing (PIPL 17(1); `pii_controllers`)."""

    name: Words
    address: Words
    registration: str
    phone: str
    email: str
    officer: Words
    hotline_hours: Words


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a category is kept and what happens then; ``period`` is an ISO 8601 duration.

    ``starts`` says from which fact the period runs. ``law`` names the provision that sets the
    period, or is empty when the controller chose it.
    """

    id: str
    period: str
    starts: Words
    at_end: str
    words: Words
    law: str


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of personal data (`pii_type`).

    ``sensitive`` means what PIPL 28 means; ``sealed`` means encrypted under the person's key.
    """

    id: str
    title: Words
    pii_type: str
    sensitive: bool
    sealed: bool
    retention: str
    storage: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Purpose:
    """One purpose: the unit of asking, deciding, recording and withdrawing.

    Args:
        act: the explicit act that opens a purpose whose basis is not consent
            (``register_account``); empty for consent.
        frequency: how often, in words; the numbers of ``at_most`` are put in already.
        at_most: how often it may be used for one person (S-08); None where words alone say it.
        device: id of the device permission this purpose belongs to, or empty.
        valid_for: ISO 8601 duration after which consent expires, or empty.
        impact: for separate consent: why it is necessary and how it affects the person (PIPL 30).
        under_restriction: whether it goes on while the person's data is restricted.
        visitors: whether a visitor without account may be asked.
        clause: the clause of the policy that speaks of it.
    """

    id: PurposeId
    title: Words
    why: Words
    lawful_basis: LawfulBasis
    basis_source: str
    consent_kind: ConsentKind
    act: str
    categories: Mapping[str, Necessity]
    collection_method: Words
    recipients: tuple[str, ...]
    if_refused: Words
    frequency: Words
    at_most: Limit | None
    device: str
    valid_for: str
    impact: Words | None
    under_restriction: bool
    visitors: bool
    clause: ClauseId

    @property
    def optional(self) -> bool:
        """Whether the person may refuse it and still be served: whatever rests on consent."""
        return self.lawful_basis is LawfulBasis.CONSENT


@dataclass(frozen=True, slots=True)
class Risk:
    """One risk to people, and what is done about it (PIPL 56(2), (3)).

    ``controls`` names what keeps the measures; it is empty where they are no program's.
    """

    id: str
    risk: Words
    measures: Words
    controls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """One impact assessment (PIPL 55, 56); what follows from it is decided in `assessment.py`.

    Args:
        categories: the sensitive categories that it weighed; it stretches to no other.
        recipients: the recipients that it weighed; it stretches to no other.
        made: the day it was signed; before that day it opens nothing.
        review_by: the last day on which it stands.
        necessity: why purpose and way are lawful and necessary (PIPL 56(1)).
        signed_by: id of the role that signed it; no person is named.
    """

    id: str
    purposes: tuple[PurposeId, ...]
    grounds: tuple[Ground, ...]
    categories: tuple[str, ...]
    recipients: tuple[str, ...]
    made: date
    review_by: date
    outcome: AssessmentOutcome
    necessity: Words
    risks: Mapping[str, Risk]
    signed_by: str


@dataclass(frozen=True, slots=True)
class Permission:
    """One device permission; refusing it harms nothing that is not its own function (S-26)."""

    id: str
    title: Words
    why: Words
    stays: Words
    if_refused: Words
    how_in_browser: Words
    browser_feature: str
    purposes: tuple[PurposeId, ...]
    clause: ClauseId


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody outside who receives data (PIPL 23; `recipient_third_parties`)."""

    id: str
    name: Words
    contact: str
    role: str
    fields: tuple[str, ...]
    way: Words
    region: str
    contract_end: date


@dataclass(frozen=True, slots=True)
class Storage:
    """Where data rests: the legal entity that runs it and its region (S-44, S-45)."""

    id: str
    entity: Words
    region: str
    place: Words


@dataclass(frozen=True, slots=True)
class Role:
    """Who among the controller's people may see which categories, for which purposes (S-57)."""

    id: str
    title: Words
    sees: Mapping[str, tuple[PurposeId, ...]]


@dataclass(frozen=True, slots=True)
class Right:
    """One right of the person: where it is exercised and how long an answer may take."""

    id: str
    title: Words
    path: str
    how: Words
    clock: str
    control: str


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to reach us or to be reached, with its clock if it has one."""

    id: str
    kind: str
    title: Words
    address: str
    clock: str


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause: its words in each language and what it is bound to.

    ``text`` holds Markdown with every table and value already put in. ``lines`` gives the first
    line of the clause in the prose file of each language.
    """

    id: ClauseId
    document: str
    level: int
    title: Words
    text: Words
    lines: Mapping[str, int]
    promises: tuple[str, ...]
    controls: tuple[str, ...]
    status: ControlStatus


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """The whole policy; ``digest`` is the SHA-256 (hex) of its canonical content.

    Two policies are the same if they are one object; to compare what they say, compare digests.
    """

    id: str
    version: str
    published: date
    effective: date
    binding_language: str
    languages: tuple[str, ...]
    summary: Words
    law: LawProfile
    jurisdiction: str
    controller: Controller
    minimum_age: int
    categories: Mapping[str, Category]
    purposes: Mapping[PurposeId, Purpose]
    assessments: Mapping[str, Assessment]
    permissions: Mapping[str, Permission]
    retention: Mapping[str, Retention]
    recipients: Mapping[str, Recipient]
    storage: Mapping[str, Storage]
    roles: Mapping[str, Role]
    rights: Mapping[str, Right]
    channels: Mapping[str, Channel]
    controls: Mapping[str, Control]
    clauses: Mapping[ClauseId, Clause]
    digest: str
    content: Mapping[str, Any]
    """The commitments and prose as plain data: what ``digest`` covers and `diff.py` compares."""


def frozen(mapping: Mapping[K, V]) -> Mapping[K, V]:
    """Return a read-only view of a copy of ``mapping``, in its order."""
    return MappingProxyType(dict(mapping))
