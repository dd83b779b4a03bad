"""The tables and values of the prose, made from the commitments and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from troth.core.policy import (
    Assessment,
    ConsentKind,
    Ground,
    LawfulBasis,
    LawProfile,
    Necessity,
    Policy,
    Purpose,
    PurposeId,
    Retention,
)
from troth.core.wording import HEADS, PHRASES, amount, period_words


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
    return "\n" + "\n".join(lines) + "\n"


def joined(parts: Iterable[str], language: str) -> str:
    """Return a list of words in one language, or that language's word for none."""
    items = list(parts)
    phrases = PHRASES[language]
    return phrases["list"].join(items) if items else phrases["none"]


def basis_words(purpose: Purpose, language: str) -> str:
    """Return the lawful basis of a purpose in words."""
    phrases = PHRASES[language]
    if purpose.lawful_basis is LawfulBasis.CONSENT:
        separate = purpose.consent_kind is ConsentKind.SEPARATE
        return phrases["basis.separate" if separate else "basis.consent"]
    return phrases[f"basis.{purpose.lawful_basis.value}"]


def data_words(policy: Policy, purpose: Purpose, language: str) -> str:
    """Return the categories of a purpose in words, the optional ones marked."""
    phrases = PHRASES[language]
    return joined(
        (
            policy.categories[name].title[language]
            + (
                phrases["open"] + phrases["optional"] + phrases["close"]
                if necessity is Necessity.OPTIONAL
                else ""
            )
            for name, necessity in purpose.categories.items()
        ),
        language,
    )


def retention_words(retention: Retention, language: str) -> str:
    """Return the words of a period with its number put in."""
    return retention.words[language].replace("{period}", period_words(retention.period, language))


def kept_words(policy: Policy, purpose: Purpose, language: str) -> str:
    """Return how long the data of a purpose is kept, one entry per distinct period."""
    names = dict.fromkeys(policy.categories[c].retention for c in purpose.categories)
    return joined((retention_words(policy.retention[n], language) for n in names), language)


def given_words(policy: Policy, purpose: Purpose, language: str) -> str:
    """Return the recipients of a purpose by name, or *nobody*."""
    if not purpose.recipients:
        return PHRASES[language]["nobody"]
    return joined((policy.recipients[r].name[language] for r in purpose.recipients), language)


def clock_words(law: LawProfile, clock: str, language: str) -> str:
    """Return a clock of a right or channel in words; it names a provision or ``at_once``."""
    if clock in ("", "at_once"):
        return PHRASES[language]["at_once" if clock else "none"]
    provision = law.provisions[clock]
    return amount(provision.value, provision.unit, language)


def table(policy: Policy, name: str, language: str) -> str | None:
    """Return one table as Markdown, or None when no table has that name."""
    make = _TABLES.get(name)
    return None if make is None else _table(HEADS[language][name], make(policy, language))


Rows = Iterable[Sequence[str]]


def _permissions(policy: Policy, language: str) -> Rows:
    for p in policy.permissions.values():
        yield p.title[language], p.why[language], p.stays[language], p.if_refused[language]


def _purposes(policy: Policy, language: str) -> Rows:
    for p in policy.purposes.values():
        yield (
            p.title[language],
            p.why[language],
            basis_words(p, language),
            data_words(policy, p, language),
            p.frequency[language],
            given_words(policy, p, language),
            p.if_refused[language],
        )


def _categories(policy: Policy, language: str) -> Rows:
    phrases = PHRASES[language]
    for c in policy.categories.values():
        users = (p.title[language] for p in policy.purposes.values() if c.id in p.categories)
        kept = retention_words(policy.retention[c.retention], language)
        yield (
            c.title[language],
            phrases["yes" if c.sensitive else "no"],
            joined(users, language),
            kept,
        )


def _retention(policy: Policy, language: str) -> Rows:
    phrases = PHRASES[language]
    for r in policy.retention.values():
        kinds = [c.title[language] for c in policy.categories.values() if c.retention == r.id]
        yield (
            joined(kinds, language),
            retention_words(r, language),
            r.starts[language],
            phrases[r.at_end],
        )


def _recipients(policy: Policy, language: str) -> Rows:
    phrases = PHRASES[language]
    for r in policy.recipients.values():
        uses = [p.title[language] for p in policy.purposes.values() if r.id in p.recipients]
        yield (
            r.name[language],
            r.contact,
            phrases[f"role.{r.role}"],
            joined((policy.categories[f].title[language] for f in r.fields), language),
            joined(uses, language),
            r.way[language],
            phrases.get(f"region.{r.region}", r.region),
            r.contract_end.isoformat(),
        )


def _rights(policy: Policy, language: str) -> Rows:
    for r in policy.rights.values():
        clock = clock_words(policy.law, r.clock, language)
        yield r.title[language], r.path, r.how[language], clock


def _storage(policy: Policy, language: str) -> Rows:
    phrases = PHRASES[language]
    for s in policy.storage.values():
        region = phrases.get(f"region.{s.region}", s.region)
        yield s.place[language], s.entity[language], region


def _roles(policy: Policy, language: str) -> Rows:
    for role in policy.roles.values():
        for category, purposes in role.sees.items():
            yield (
                role.title[language],
                policy.categories[category].title[language],
                joined((policy.purposes[p].title[language] for p in purposes), language),
            )


def _channels(policy: Policy, language: str) -> Rows:
    for c in policy.channels.values():
        yield c.title[language], c.address, clock_words(policy.law, c.clock, language)


def _ground(policy: Policy, assessment: Assessment, ground: Ground, language: str) -> str:
    """Return a ground with what was weighed on it, e.g. *uses sensitive information (…)*."""
    phrases = PHRASES[language]
    weighed = {
        Ground.SENSITIVE: [policy.categories[c].title[language] for c in assessment.categories],
        Ground.GIVEN_TO_OTHERS: [
            policy.recipients[r].name[language] for r in assessment.recipients
        ],
    }.get(ground)
    words = phrases[f"ground.{ground}"]
    return (
        words + phrases["open"] + joined(weighed, language) + phrases["close"] if weighed else words
    )


def _assessments(policy: Policy, language: str) -> Rows:
    phrases = PHRASES[language]
    for a in policy.assessments.values():
        yield (
            joined((policy.purposes[p].title[language] for p in a.purposes), language),
            joined((_ground(policy, a, ground, language) for ground in a.grounds), language),
            a.necessity[language],
            a.made.isoformat(),
            a.review_by.isoformat(),
            phrases[f"outcome.{a.outcome}"],
            policy.roles[a.signed_by].title[language],
        )


def _risks(policy: Policy, language: str) -> Rows:
    for a in policy.assessments.values():
        assessed = joined((policy.purposes[p].title[language] for p in a.purposes), language)
        for risk in a.risks.values():
            yield assessed, risk.risk[language], risk.measures[language]


_TABLES = {
    "permissions": _permissions,
    "purposes": _purposes,
    "categories": _categories,
    "retention": _retention,
    "recipients": _recipients,
    "rights": _rights,
    "storage": _storage,
    "roles": _roles,
    "channels": _channels,
    "assessments": _assessments,
    "risks": _risks,
}


def value(policy: Policy, kind: str, name: str, language: str) -> str | None:
    """Return what an inline directive ``{{kind:name}}`` stands for, or None when unknown."""
    if kind == "table":
        return table(policy, name, language)
    if kind == "law":
        known = name in policy.law.provisions
        return clock_words(policy.law, name, language) if known else None
    if kind == "controller":
        field = getattr(policy.controller, name, None)
        return field if field is None or isinstance(field, str) else str(field[language])
    if kind == "policy":
        facts = {
            "version": policy.version,
            "published": policy.published.isoformat(),
            "effective": policy.effective.isoformat(),
            "summary": policy.summary[language],
        }
        return facts.get(name)
    if kind == "retention":
        retention = policy.retention.get(name)
        return None if retention is None else retention_words(retention, language)
    if kind == "purpose":
        purpose = policy.purposes.get(PurposeId(name))
        return None if purpose is None else purpose.title[language]
    titled = {
        "category": {k: c.title for k, c in policy.categories.items()},
        "permission": {k: p.title for k, p in policy.permissions.items()},
        "recipient": {k: r.name for k, r in policy.recipients.items()},
        "right": {k: r.title for k, r in policy.rights.items()},
        "channel": {k: c.title for k, c in policy.channels.items()},
    }.get(kind, {})
    return titled[name][language] if name in titled else None
