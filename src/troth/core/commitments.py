"""Read the commitments of ``policy.yaml``, the controls and the law profile, section by section.

Each function reads one section and knows its keys; what is wrong becomes a finding at its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from troth.core.commitments_assessment import read_assessments
from troth.core.errors import InputError
from troth.core.frequency import Limit
from troth.core.policy import (
    Category,
    Channel,
    ClauseId,
    ConsentKind,
    Control,
    Controller,
    ControlStatus,
    LawfulBasis,
    LawProfile,
    Necessity,
    Permission,
    Policy,
    Provision,
    Purpose,
    PurposeId,
    Recipient,
    Retention,
    Right,
    Role,
    Storage,
    Words,
    frozen,
)
from troth.core.wording import LANGUAGES, UNITS, at_most_words, duration_parts
from troth.core.yaml_tree import Faults, Tree, read_tree


def read_law(text: str, faults: Faults) -> LawProfile:
    """Return the law profile: every number of the law, with its source."""
    tree = read_tree("law profile", text, faults)
    provisions: dict[str, Provision] = {}
    for name, item in tree.branches("provisions"):
        unit = item.text("unit")
        provisions[name] = Provision(
            name, item.number("value"), unit, item.text("source"), item.text("mark")
        )
        if unit and any(unit not in UNITS[language] for language in LANGUAGES):
            item.fault(
                "C108",
                f"no wording for the unit {unit!r} of {name}",
                f"use one of {', '.join(UNITS[LANGUAGES[0]])}",
                key="unit",
            )
    profile = LawProfile(tree.text("name"), tree.text("jurisdiction"), frozen(provisions))
    tree.close()
    return profile


def read_controls(file: str, text: str, faults: Faults) -> Mapping[str, Control]:
    """Return the controls by id; a built one names its code (C107)."""
    tree = read_tree(file, text, faults)
    controls: dict[str, Control] = {}
    for name in tree.names():
        item = tree.branch(name)
        control = Control(
            name,
            item.one_of("status", ControlStatus),
            item.text("summary"),
            item.text("kept_by", ""),
        )
        item.text("issue", "")
        item.close()
        controls[name] = control
        if control.status is ControlStatus.BUILT and "." not in control.kept_by:
            item.fault(
                "C107",
                f"the control {name} is built but names no code",
                "write kept_by: the dotted name that enforces it",
            )
    return frozen(controls)


def read_commitments(root: Tree, law: LawProfile, controls: Mapping[str, Control]) -> Policy:
    """Return the policy without its clauses, content and digest: `compile.py` adds them."""
    head = root.branch("policy")
    languages = head.texts("languages") or LANGUAGES
    for language in languages:
        if language not in LANGUAGES:
            head.fault(
                "C108",
                f"no wording for the language {language!r}",
                f"use {', '.join(LANGUAGES)} or add it to core/wording.py",
                key="languages",
            )
    languages = tuple(dict.fromkeys(name for name in languages if name in LANGUAGES))
    binding = head.text("binding_language")
    if binding and binding not in languages:
        head.fault(
            "C106",
            f"the binding language {binding!r} is none of the policy's languages",
            f"use one of {', '.join(languages)}",
            key="binding_language",
        )
    minimum = law.provisions.get(head.text("minimum_age", ""))
    if head.text("law_profile") != law.name:
        head.fault(
            "C106", f"the law profile is {law.name!r}", "name that profile", key="law_profile"
        )
    policy = Policy(
        id=head.text("id"),
        version=head.text("version"),
        published=head.day("published"),
        effective=head.day("effective"),
        binding_language=binding,
        languages=languages,
        summary=head.words("summary", languages),
        law=law,
        jurisdiction=head.text("jurisdiction"),
        controller=_controller(root, languages),
        minimum_age=minimum.value if minimum else 0,
        categories=frozen({k: _category(k, t, languages) for k, t in root.branches("categories")}),
        purposes=frozen(
            {PurposeId(k): _purpose(k, t, languages) for k, t in root.branches("purposes")}
        ),
        assessments=read_assessments(root, languages),
        permissions=frozen(
            {k: _permission(k, t, languages) for k, t in root.branches("permissions")}
        ),
        retention=frozen({k: _retention(k, t, languages) for k, t in root.branches("retention")}),
        recipients=frozen({k: _recipient(k, t, languages) for k, t in root.branches("recipients")}),
        storage=frozen({k: _storage(k, t, languages) for k, t in root.branches("storage")}),
        roles=frozen({k: _role(k, t, languages) for k, t in root.branches("roles")}),
        rights=frozen({k: _right(k, t, languages) for k, t in root.branches("rights")}),
        channels=frozen({k: _channel(k, t, languages) for k, t in root.branches("channels")}),
        controls=controls,
        clauses=frozen({}),
        digest="",
        content=frozen({}),
    )
    head.close()
    return policy


def _controller(root: Tree, languages: tuple[str, ...]) -> Controller:
    tree = root.branch("controller")
    controller = Controller(
        name=tree.words("name", languages),
        address=tree.words("address", languages),
        registration=tree.text("registration"),
        phone=tree.text("phone"),
        email=tree.text("email"),
        officer=tree.words("officer", languages),
        hotline_hours=tree.words("hotline_hours", languages),
    )
    tree.close()
    return controller


def _category(name: str, tree: Tree, languages: tuple[str, ...]) -> Category:
    return Category(
        id=name,
        title=tree.words("title", languages),
        pii_type=tree.text("pii_type"),
        sensitive=tree.flag("sensitive"),
        sealed=tree.flag("sealed"),
        retention=tree.text("retention"),
        storage=tree.texts("storage"),
    )


def _purpose(name: str, tree: Tree, languages: tuple[str, ...]) -> Purpose:
    basis = tree.one_of("lawful_basis", LawfulBasis)
    uses = tree.branch("categories")
    at_most = _limit(tree)
    purpose = Purpose(
        id=PurposeId(name),
        title=tree.words("title", languages),
        why=tree.words("why", languages),
        lawful_basis=basis,
        basis_source=tree.text("basis_source"),
        consent_kind=tree.one_of("consent", ConsentKind, ConsentKind.GENERAL),
        act=tree.text("act", ""),
        categories=frozen({c: uses.one_of(c, Necessity) for c in uses.names()}),
        collection_method=tree.words("collection_method", languages),
        recipients=tree.texts("recipients"),
        if_refused=tree.words("if_refused", languages),
        frequency=_frequency(tree, languages, at_most),
        at_most=at_most,
        device=tree.text("device", ""),
        valid_for=tree.text("valid_for", ""),
        impact=tree.words("impact", languages) if tree.has("impact") else None,
        under_restriction=tree.flag("under_restriction", default=False),
        visitors=tree.flag("visitors", default=False),
        clause=ClauseId(tree.text("clause")),
    )
    if not purpose.categories:
        tree.fault(
            "C103",
            f"the purpose {name} names no category of data",
            "list what it uses, each necessary or optional",
            key="categories",
        )
    if purpose.optional == bool(purpose.act):
        tree.fault(
            "C108",
            f"the purpose {name} stands on {basis.value} but its act is {purpose.act!r}",
            "consent has no act; every other basis names one",
            key="act",
        )
    if purpose.valid_for and duration_parts(purpose.valid_for) is None:
        tree.fault(
            "C108",
            f"valid_for of {name} is no ISO 8601 duration",
            "write it like P1Y or P6M",
            key="valid_for",
        )
    return purpose


_LIMIT_PLACE = "{at_most}"
"""Stands in the words of ``frequency`` for the limit, so that no number is written twice."""


def _limit(purpose: Tree) -> Limit | None:
    """Return ``at_most: {times: 3, per: PT1H}``, or None where the purpose has none (C108)."""
    if not purpose.has("at_most"):
        return None
    before = len(purpose.faults.found)
    tree = purpose.branch("at_most")
    times, per = tree.number("times"), tree.text("per")
    tree.close()
    if len(purpose.faults.found) > before:  # one fault is enough to say
        return None
    try:
        return Limit.of(times, per)
    except InputError as error:
        purpose.fault("C108", str(error), "write it like {times: 3, per: PT1H}", key="at_most")
        return None


def _frequency(tree: Tree, languages: tuple[str, ...], at_most: Limit | None) -> Words:
    """Return the words of ``frequency`` with the limit put in; they never contradict it (C113)."""
    words = tree.words("frequency", languages)
    limited = tree.has("at_most")
    for language, text in words.items():
        rest = text.replace(_LIMIT_PLACE, "")
        if text and (limited != (rest != text) or (limited and any(map(str.isdigit, rest)))):
            tree.fault(
                "C113",
                f"the {language} words of {tree.path}.frequency do not say the limit of at_most",
                f"write {_LIMIT_PLACE} where the limit stands, and no other number",
                key="frequency",
                law="PIPL 6 [L]",
            )
    if at_most is None:
        return words
    per = tree.branch("at_most").text("per")
    return frozen(
        {
            language: text.replace(_LIMIT_PLACE, at_most_words(at_most.times, per, language))
            for language, text in words.items()
        }
    )


def _permission(name: str, tree: Tree, languages: tuple[str, ...]) -> Permission:
    return Permission(
        id=name,
        title=tree.words("title", languages),
        why=tree.words("why", languages),
        stays=tree.words("stays", languages),
        if_refused=tree.words("if_refused", languages),
        how_in_browser=tree.words("how_in_browser", languages),
        browser_feature=tree.text("browser_feature", ""),
        purposes=tuple(PurposeId(p) for p in tree.texts("purposes")),
        clause=ClauseId(tree.text("clause")),
    )


def _retention(name: str, tree: Tree, languages: tuple[str, ...]) -> Retention:
    retention = Retention(
        id=name,
        period=tree.text("period"),
        starts=tree.words("starts", languages),
        at_end=tree.text("at_end"),
        words=tree.words("words", languages),
        law=tree.text("law", ""),
    )
    if duration_parts(retention.period) is None:
        tree.fault(
            "C108",
            f"the period of {name} is no ISO 8601 duration",
            "write it like P3Y or PT0S",
            key="period",
            law="PIPL 19 [L]",
        )
    if retention.at_end not in ("delete", "anonymise"):
        tree.fault(
            "C108", f"at_end of {name} must be delete or anonymise", "choose one", key="at_end"
        )
    return retention


def _recipient(name: str, tree: Tree, languages: tuple[str, ...]) -> Recipient:
    recipient = Recipient(
        id=name,
        name=tree.words("name", languages),
        contact=tree.text("contact"),
        role=tree.text("role"),
        fields=tree.texts("fields"),
        way=tree.words("way", languages),
        region=tree.text("region"),
        contract_end=tree.day("contract_end"),
    )
    if recipient.role not in ("processor", "joint", "third_party"):
        tree.fault(
            "C108",
            f"the role of {name} must be processor, joint or third_party",
            "choose one",
            key="role",
        )
    return recipient


def _storage(name: str, tree: Tree, languages: tuple[str, ...]) -> Storage:
    return Storage(
        name, tree.words("entity", languages), tree.text("region"), tree.words("place", languages)
    )


def _role(name: str, tree: Tree, languages: tuple[str, ...]) -> Role:
    title = tree.words("title", languages)
    sees = tree.branch("sees")
    seen = {c: tuple(PurposeId(p) for p in sees.texts(c)) for c in sees.names()}
    return Role(name, title, frozen(seen))


def _right(name: str, tree: Tree, languages: tuple[str, ...]) -> Right:
    right = Right(
        id=name,
        title=tree.words("title", languages),
        path=tree.text("path"),
        how=tree.words("how", languages),
        clock=tree.text("clock"),
        control=tree.text("control"),
    )
    if not right.path.startswith("/"):
        tree.fault(
            "E107",
            f"the right {name} has no path where it is exercised",
            "write path: /my/…",
            key="path",
            law="NDSR 21(4) [L]",
        )
    return right


def _channel(name: str, tree: Tree, languages: tuple[str, ...]) -> Channel:
    return Channel(
        id=name,
        kind=tree.text("kind"),
        title=tree.words("title", languages),
        address=tree.text("address"),
        clock=tree.text("clock", ""),
    )


Edge = tuple[str, str, Iterable[str], Iterable[str]]
"""Section, id in it, the ids it names, the ids that exist."""


def check_references(root: Tree, policy: Policy) -> None:
    """Report every id that is named and not defined (C106)."""
    for section, owner, named, known in _edges(policy):
        for name in named:
            if name and name not in known:
                root.branch(section).branch(owner).fault(
                    "C106",
                    f"{section}.{owner} names {name!r}, which is not defined there",
                    f"define it, or use one of {', '.join(sorted(known))}",
                )


def _edges(policy: Policy) -> Iterator[Edge]:
    clocks = {*policy.law.provisions, "at_once"}
    for c in policy.categories.values():
        yield "categories", c.id, [c.retention], policy.retention
        yield "categories", c.id, c.storage, policy.storage
    for p in policy.purposes.values():
        yield "purposes", p.id, p.categories, policy.categories
        yield "purposes", p.id, p.recipients, policy.recipients
        yield "purposes", p.id, [p.device], policy.permissions
    yield from _assessment_edges(policy)
    for q in policy.permissions.values():
        mine = [p.id for p in policy.purposes.values() if p.device == q.id]
        yield "permissions", q.id, q.purposes, mine
    for r in policy.recipients.values():
        yield "recipients", r.id, r.fields, policy.categories
    for t in policy.retention.values():
        yield "retention", t.id, [t.law], policy.law.provisions
    for role in policy.roles.values():
        yield "roles", role.id, role.sees, policy.categories
        for purposes in role.sees.values():
            yield "roles", role.id, purposes, policy.purposes
    for right in policy.rights.values():
        yield "rights", right.id, [right.clock], clocks
        yield "rights", right.id, [right.control], policy.controls
    for channel in policy.channels.values():
        yield "channels", channel.id, [channel.clock], clocks


def _assessment_edges(policy: Policy) -> Iterator[Edge]:
    for a in policy.assessments.values():
        yield "assessments", a.id, a.purposes, policy.purposes
        yield "assessments", a.id, a.categories, policy.categories
        yield "assessments", a.id, a.recipients, policy.recipients
        yield "assessments", a.id, [a.signed_by], policy.roles
        for risk in a.risks.values():
            yield "assessments", a.id, risk.controls, policy.controls
