"""What changed between two versions of a policy, how much it weighs, and whom it touches (S-58).

Classes: *editorial* changes words without meaning and is told to nobody; *minor* is told;
*material* changes purpose, method, category, recipient, retention, region, right or controller:
the purposes it touches are told, and asked again where it widens what may be done with the data.
Narrowing (a category or recipient dropped, a shorter period) is told and asks nobody: the old
answer covers it. Purposes that rest on an act are told, never asked: what was ordered under the
old text is finished under it (S-59).

What a machine cannot tell from a change of meaning is not editorial: see `word_change`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from troth.core.frequency import Limit
from troth.core.policy import Policy, PurposeId
from troth.core.word_change import ChangeClass, word_change
from troth.core.wording import UNIT_SECONDS, duration_seconds


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Args:
        where: dotted place, e.g. ``purposes.scan_product.categories.camera_frames``.
        before: the old value as text; empty for something new.
        after: the new value as text; empty for something gone.
        weight: its class.
        told: purposes whose people must be told.
        asked: purposes whose people must be asked again.
    """

    where: str
    before: str
    after: str
    weight: ChangeClass
    told: tuple[PurposeId, ...]
    asked: tuple[PurposeId, ...]


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """Every change between two versions."""

    changes: tuple[Change, ...]

    @property
    def change_class(self) -> ChangeClass:
        """Return the heaviest class among the changes; editorial when there is none."""
        classes = (c.weight for c in self.changes)
        return max(classes, key=lambda c: c.weight, default=ChangeClass.EDITORIAL)

    @property
    def told(self) -> tuple[PurposeId, ...]:
        """Return the purposes whose people are told, without repetition."""
        return tuple(dict.fromkeys(p for c in self.changes for p in c.told))

    @property
    def asked(self) -> tuple[PurposeId, ...]:
        """Return the purposes whose people are asked again, without repetition."""
        return tuple(dict.fromkeys(p for c in self.changes for p in c.asked))

    @property
    def required_action(self) -> str:
        """Return ``none``, ``inform`` or ``reconsent`` (the names of practice)."""
        if self.asked:
            return "reconsent"
        return "inform" if self.told else "none"


def compare(old: Policy, new: Policy) -> PolicyDiff:
    """Return every change from ``old`` to ``new``, weighed."""
    before, after = old.content["commitments"], new.content["commitments"]
    touched = _Touched(old, new)
    changes = [
        _weigh(touched, path, a, b)
        for path, a, b in _walk((), before, after)
        if path[:2] not in (("policy", "version"), ("policy", "published"), ("policy", "effective"))
        and path[:2] != ("policy", "summary")
    ]
    changes += _prose_changes(old, new)
    changes += _law_changes(old, new)
    return PolicyDiff(tuple(changes))


Path = tuple[str, ...]
_Maybe = Any
_LIMIT = "at_most"
_DEFAULTS = {"consent": "general", "under_restriction": "false", "visitors": "false"}


def _walk(path: Path, a: _Maybe, b: _Maybe) -> Iterator[tuple[Path, _Maybe, _Maybe]]:
    """Yield (place, old, new) for every leaf that differs; lists are compared as sets.

    A key that is left out means the same as its default written down. A limit is one value: its
    two numbers say nothing apart.
    """
    if a == b or not (a or b):
        return
    if isinstance(a, Mapping) and isinstance(b, Mapping) and path[-1:] != (_LIMIT,):
        for key in dict.fromkeys([*a, *b]):
            default = _DEFAULTS.get(key)
            yield from _walk((*path, key), a.get(key, default), b.get(key, default))
    elif isinstance(a, list) and isinstance(b, list):
        for item in dict.fromkeys([*a, *b]):
            if (item in a) != (item in b):
                yield (*path, item), item if item in a else None, item if item in b else None
    else:
        yield path, a, b


class _Touched:
    """Which purposes a section's entry concerns, in either version."""

    def __init__(self, old: Policy, new: Policy) -> None:
        self.policies = (old, new)

    def all(self) -> tuple[PurposeId, ...]:
        return self._ordered(lambda policy: policy.purposes)

    def _ordered(self, find: Callable[[Policy], Iterable[PurposeId]]) -> tuple[PurposeId, ...]:
        return tuple(dict.fromkeys(p for policy in self.policies for p in find(policy)))

    def by_category(self, names: Iterable[str]) -> tuple[PurposeId, ...]:
        wanted = set(names)
        return self._ordered(
            lambda policy: (p.id for p in policy.purposes.values() if wanted & set(p.categories))
        )

    def by_entry(self, section: str, name: str) -> tuple[PurposeId, ...]:
        """Return the purposes that an entry of a section concerns."""
        if section == "purposes":
            return (PurposeId(name),)
        if section == "categories":
            return self.by_category([name])
        if section in ("retention", "storage"):
            return self.by_category(
                c.id
                for policy in self.policies
                for c in policy.categories.values()
                if c.retention == name or name in c.storage
            )
        if section == "recipients":
            return self._ordered(
                lambda policy: (p.id for p in policy.purposes.values() if name in p.recipients)
            )
        if section == "assessments":
            return self._ordered(
                lambda policy: (
                    p for a in policy.assessments.values() if name in ("", a.id) for p in a.purposes
                )
            )
        if section == "permissions":
            return self._ordered(
                lambda policy: (p.id for p in policy.purposes.values() if p.device == name)
            )
        return self.all()

    def by_role(self, path: Path) -> tuple[PurposeId, ...]:
        """Return the purposes for which a role may see what ``path`` leads to."""
        name, category, purpose = (*path[1:2], *path[3:5], "", "")[:3]
        seen = [policy.roles[name].sees for policy in self.policies if name in policy.roles]
        named = dict.fromkeys(
            p for sees in seen for c, ps in sees.items() if category in ("", c) for p in ps
        )
        return tuple(p for p in named if purpose in ("", p))

    def longer(self, old: str, new: str) -> bool:
        """Tell whether the period of the retention ``new`` is longer than that of ``old``."""
        before, after = (
            policy.retention[name].period
            for policy, name in zip(self.policies, (old, new), strict=True)
        )
        return duration_seconds(after) > duration_seconds(before)

    def slower(self, old: str, new: str) -> bool:
        """Tell whether the clock ``new`` gives us more time than ``old``."""
        before, after = (
            _clock_seconds(policy, name)
            for policy, name in zip(self.policies, (old, new), strict=True)
        )
        return after > before

    def optional(self, purposes: Iterable[PurposeId]) -> tuple[PurposeId, ...]:
        """Keep what rests on consent in the new version: only that can be asked again."""
        new = self.policies[1]
        return tuple(p for p in purposes if p in new.purposes and new.purposes[p].optional)


_WORDS = frozenset({"title", "why", "words", "if_refused", "frequency", "stays", "impact"})
_WORDS |= {"how_in_browser", "how", "way", "starts", "place", "hotline_hours", "officer"}
_WORDS |= {"collection_method", "necessity", "risks"}
_SUBSTANCE = frozenset(
    {
        ("purposes", "title"),
        ("purposes", "why"),
        ("purposes", "collection_method"),
        ("retention", "starts"),
        ("retention", "words"),
    }
)
"""Words that are themselves the purpose, the method or the period (S-58): new ones are material."""
_MINOR = frozenset(
    {"contract_end", "contact", "phone", "email", "address", "clause", "basis_source"}
)
_MINOR |= {
    "law",
    "pii_type",
    "path",
    "control",
    "visitors",
    "browser_feature",
    "sealed",
    "registration",
    "law_profile",
}
_MINOR |= {"languages", "binding_language"}


_FOR_GOOD = "P100Y"
"""How long an answer stands to a purpose that sets no `valid_for`."""


def _weigh(touched: _Touched, path: Path, a: _Maybe, b: _Maybe) -> Change:
    section, name = path[0], path[1] if len(path) > 1 else ""
    field = path[2] if len(path) > 2 else ""
    told = touched.by_role(path) if section == "roles" else touched.by_entry(section, name)
    where = ".".join(path)
    if section in ("controller", "policy"):
        field = name
    if field == _LIMIT:
        return _weigh_limit(touched, where, a, b, told)
    if a is not None and b is not None and (field in _WORDS or section == "channels"):
        weight = word_change(str(a), str(b))
        if not weight.weight:
            return Change(where, _text(a), _text(b), weight, (), ())
        if (section, field) in _SUBSTANCE:
            asked = touched.optional(told)
            return Change(where, _text(a), _text(b), ChangeClass.MATERIAL, told, asked)
        return Change(where, _text(a), _text(b), weight, told, ())
    if field in _MINOR or section in ("channels", "clauses", "assessments"):
        return Change(where, _text(a), _text(b), ChangeClass.MINOR, told, ())
    widens = _widens(touched, section, field, a, b)
    asked = touched.optional(told) if widens else ()
    return Change(where, _text(a), _text(b), ChangeClass.MATERIAL, told, asked)


def _weigh_limit(
    touched: _Touched, where: str, a: _Maybe, b: _Maybe, told: tuple[PurposeId, ...]
) -> Change:
    """Weigh a limit on how often (S-08): one raised or dropped is material, one lowered is told."""
    old, new = (x and Limit.of(int(x["times"]), x["per"]) for x in (a, b))
    if old is not None and (new is None or not new.is_within(old)):
        asked = touched.optional(told)
        return Change(where, _text(a), _text(b), ChangeClass.MATERIAL, told, asked)
    if old is not None and old.is_within(new):
        return Change(where, _text(a), _text(b), ChangeClass.EDITORIAL, (), ())
    return Change(where, _text(a), _text(b), ChangeClass.MINOR, told, ())


def _widens(touched: _Touched, section: str, field: str, a: _Maybe, b: _Maybe) -> bool:
    """Tell whether more may be done with the data than the old answer covered."""
    if section == "rights":
        return b is None or (field == "clock" and touched.slower(str(a), str(b)))
    if section in ("retention", "storage") and a is None:
        return False  # it means something only where a category names it, which is weighed there
    if section == "categories" and field == "retention" and a and b:
        return touched.longer(str(a), str(b))
    if field == "valid_for":
        return duration_seconds(b or _FOR_GOOD) > duration_seconds(a or _FOR_GOOD)
    if section in ("purposes", "recipients", "categories", "storage", "roles") and b is None:
        return False  # something is no longer done
    if field == "period":
        return duration_seconds(b) > duration_seconds(a)
    if field == "categories" and a is not None and b is not None:
        return bool(b == "necessary")  # optional became necessary
    if field == "at_end":
        return bool(b == "anonymise")
    if field == "under_restriction":
        return bool(b == "true")
    return True


def _clock_seconds(policy: Policy, clock: str) -> int:
    provision = policy.law.provisions.get(clock)
    return 0 if provision is None else provision.value * UNIT_SECONDS.get(provision.unit, 1)


def _prose_changes(old: Policy, new: Policy) -> Iterator[Change]:
    """Yield changes of the prose; what it says of commitments is weighed with those."""
    everyone = tuple(new.purposes)
    for path, a, b in _walk((), old.content["prose"], new.content["prose"]):
        gone_or_new = a is None or b is None
        weight = ChangeClass.MINOR if gone_or_new else word_change(_text(a), _text(b))
        told = everyone if weight.weight else ()
        yield Change(".".join(("prose", *path)), _text(a), _text(b), weight, told, ())


def _law_changes(old: Policy, new: Policy) -> Iterator[Change]:
    """Yield changed numbers of the law: told to everybody, they are not the controller's choice."""
    before, after = (
        {name: f"{p.value} {p.unit}" for name, p in policy.law.provisions.items()}
        for policy in (old, new)
    )
    for (name,), a, b in _walk((), before, after):
        everyone = tuple(new.purposes)
        yield Change(f"law.{name}", _text(a), _text(b), ChangeClass.MINOR, everyone, ())


def _text(value: _Maybe) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "; ".join(f"{k}: {_text(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value)
