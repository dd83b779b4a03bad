"""What was collected: the list that the policy declares, and the list of what really was (L-04).

Nobody writes either of them: one is made from the policy in force, the other from the records of
uses. So they can be held against each other, and a line of mine that the policy does not declare
is marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from troth.core.collected import Collected, Declared, Origin
from troth.core.policy import Necessity, Policy, Purpose, PurposeId
from troth.core.tables import basis_words, given_words, retention_words
from troth.web.period import Period, read_period, since
from troth.web.privacy import AnyRequest, Privacy

MINE_PATH = "/my/privacy/collected"
DECLARED_PATH = "/privacy/collected"


@dataclass(frozen=True, slots=True)
class DeclaredLine:
    """A category that a purpose uses, in words; ``given`` names who receives it from us."""

    title: str
    optional: bool
    sensitive: bool
    kept: str
    given: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeclaredPurpose:
    """One purpose of the declared list."""

    purpose: Purpose
    basis: str
    given: str
    lines: tuple[DeclaredLine, ...]


@dataclass(frozen=True, slots=True)
class MyLine:
    """A category that was really used; ``declared`` unless the policy in force says nothing."""

    title: str
    times: int
    times_writing: int
    last: datetime
    declared: bool


@dataclass(frozen=True, slots=True)
class MyPermission:
    """One use of a device permission, counted as a whole; ``categories`` are what it needs."""

    id: str
    title: str
    times: int
    last: datetime
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MyPurpose:
    """One purpose of my own list; ``declared`` while the policy in force still has it."""

    id: str
    title: str
    declared: bool
    lines: tuple[MyLine, ...]


def handlers(privacy: Privacy) -> list[HTTPRouteHandler]:
    """Return the handlers of these pages."""
    troth, host = privacy.troth, privacy.host

    @get(DECLARED_PATH, sync_to_thread=True)
    def declared(request: AnyRequest) -> Response[Any]:
        policy = troth.in_force().policy
        purposes = _declared(troth.declared(), policy, host.language(request))
        context = {"policy": policy, "purposes": purposes, "which": "declared"}
        return host.render(request, "privacy/collected_declared.html", context, 200)

    @get(MINE_PATH, sync_to_thread=True)
    def mine(request: AnyRequest) -> Response[Any]:
        who = host.audience(request)
        if not who.person:
            login = host.url(request, host.login_path)
            return Redirect(f"{login}?next={MINE_PATH}", status_code=303)
        policy, language, now = troth.in_force().policy, host.language(request), troth.now()
        period = read_period(request.query_params.get("period", ""))
        start = since(period, now)
        all_time = troth.collected(who.person)
        # Permissions are counted over all time, so a period only tells whether one was used in it.
        device = [
            line
            for line in all_time
            if line.origin is Origin.PERMISSION and line.last_at >= (start or 0)
        ]
        uses: Sequence[Collected] = ()
        if not who.visitor:  # a visitor's id is only what a browser says
            found = all_time if start is None else troth.collected(who.person, since=start)
            uses = [line for line in found if line.origin is Origin.LENS]
        known = {(line.purpose, line.category) for line in troth.declared()}
        # Who has an account needs no visitor's id for it.
        without = "" if who.visitor else host.visitor_category
        context = {
            "policy": policy,
            "which": "mine",
            "uses": _mine(uses, known, policy, language),
            "device": _permissions(device, policy, language, without),
            "period": period.value,
            "periods": [p.value for p in Period],
            "made_at": _moment(now),
            "visitor": who.visitor,
        }
        return host.render(request, "privacy/collected_mine.html", context, 200)

    return [declared, mine]


def _declared(
    found: Iterable[Declared], policy: Policy, language: str
) -> tuple[DeclaredPurpose, ...]:
    by_purpose: dict[PurposeId, list[DeclaredLine]] = {}
    for line in found:
        category = policy.categories[line.category]
        by_purpose.setdefault(line.purpose, []).append(
            DeclaredLine(
                title=category.title[language],
                optional=line.necessity is Necessity.OPTIONAL,
                sensitive=line.sensitive,
                kept=retention_words(policy.retention[line.retention], language),
                given=tuple(policy.recipients[r].name[language] for r in line.recipients),
            )
        )
    return tuple(
        DeclaredPurpose(
            purpose=policy.purposes[name],
            basis=basis_words(policy.purposes[name], language),
            given=given_words(policy, policy.purposes[name], language),
            lines=tuple(lines),
        )
        for name, lines in by_purpose.items()
    )


def _mine(
    found: Iterable[Collected],
    known: set[tuple[PurposeId, str]],
    policy: Policy,
    language: str,
) -> tuple[MyPurpose, ...]:
    by_purpose: dict[PurposeId, list[MyLine]] = {}
    for line in found:
        category = policy.categories.get(line.category)
        purpose = PurposeId(line.purpose)
        by_purpose.setdefault(purpose, []).append(
            MyLine(
                title=category.title[language] if category is not None else line.category,
                times=line.times,
                times_writing=line.times_writing,
                last=_moment(line.last_at),
                declared=(purpose, line.category) in known,
            )
        )
    # In the order of the policy; what it no longer knows comes last.
    order = [p for p in policy.purposes if p in by_purpose]
    order += [p for p in by_purpose if p not in policy.purposes]
    return tuple(_my_purpose(p, by_purpose[p], policy, language) for p in order)


def _permissions(
    found: Iterable[Collected], policy: Policy, language: str, without: str
) -> tuple[MyPermission, ...]:
    by_purpose: dict[str, list[Collected]] = {}
    for line in found:
        by_purpose.setdefault(line.purpose, []).append(line)
    return tuple(
        MyPermission(
            id=name,
            title=policy.purposes[PurposeId(name)].title[language],
            times=by_purpose[name][0].times,
            last=_moment(by_purpose[name][0].last_at),
            categories=tuple(
                policy.categories[line.category].title[language]
                for line in by_purpose[name]
                if line.category != without
            ),
        )
        for name in policy.purposes
        if name in by_purpose
    )


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1_000_000, UTC)


def _my_purpose(
    name: PurposeId, lines: Sequence[MyLine], policy: Policy, language: str
) -> MyPurpose:
    purpose = policy.purposes.get(name)
    if purpose is None:
        return MyPurpose(name, name, declared=False, lines=tuple(lines))
    return MyPurpose(name, purpose.title[language], declared=True, lines=tuple(lines))
