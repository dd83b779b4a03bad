"""The compiler: policy files → one frozen `Policy`, or every reason why not, at once.

It reads texts, never files: `PolicySources` holds them by name. Rules made here, besides those of
`yaml_tree` (C001–C006) and `prose` (C120–C122):

    C101 clause bound to no control          C106 a reference to an id that is not there
    C102 control nobody knows                C107 a built control that names no code
    C103 purpose without category            C108 malformed value (duration, path, region …)
    C104 a language misses a clause          C109 a clause in the prose that is bound to nothing
    C113 words that do not say a limit       W301 control pending (counted)

`model_rules.py` adds the E1xx and W2xx rules that are decided on the compiled policy, and
`assessment.py` those of impact assessments: C112 one that fits nothing, W302 a purpose that stays
closed for want of one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from troth.core import prose, tables
from troth.core.assessment import judge_assessments
from troth.core.commitments import (
    check_references,
    read_commitments,
    read_controls,
    read_law,
)
from troth.core.errors import PolicyError
from troth.core.findings import Finding, Severity, errors
from troth.core.model_rules import judge
from troth.core.policy import (
    Clause,
    ClauseId,
    Control,
    ControlStatus,
    Policy,
    frozen,
)
from troth.core.yaml_tree import Faults, Tree, plain, read_tree

COMMITMENTS = "policy.yaml"
CONTROLS = "controls.yaml"


@dataclass(frozen=True, slots=True)
class PolicySources:
    """The texts of one policy by file name, and where they lie, for findings.

    ``files`` holds ``policy.yaml``, ``controls.yaml`` and the prose of each document and
    language (``zh-CN.md``, ``en.md``, ``service-agreement.zh-CN.md`` …). ``law`` is the text of
    the law profile. ``place`` is put before each file name in findings.
    """

    files: Mapping[str, str]
    law: str
    place: str = ""

    def at(self, name: str) -> str:
        """Return a file's name as findings show it."""
        return f"{self.place}/{name}" if self.place else name


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came out: the policy (None if there are errors) and every finding."""

    policy: Policy | None
    findings: tuple[Finding, ...]

    def require(self) -> Policy:
        """Return the policy.

        Raises:
            PolicyError: there are errors; it carries all of them.
        """
        if self.policy is None:
            raise PolicyError(errors(self.findings))
        return self.policy


def compile_policy(sources: PolicySources) -> Compiled:
    """Compile the policy files; never raises for what stands in them."""
    faults = Faults()
    for name in (COMMITMENTS, CONTROLS):
        if name not in sources.files:
            faults.add(sources.at(name), 1, "C003", f"{name} is missing", "add the file")
    if faults.found:
        return Compiled(None, tuple(faults.found))
    root = read_tree(sources.at(COMMITMENTS), sources.files[COMMITMENTS], faults)
    law = read_law(sources.law, faults)
    controls = read_controls(sources.at(CONTROLS), sources.files[CONTROLS], faults)
    if any(f.rule == "C001" for f in faults.found):  # nothing can be said of the rest
        return Compiled(None, tuple(sorted(faults.found)))
    policy = read_commitments(root, law, controls)
    check_references(root, policy)
    judge(root, policy)
    if not errors(faults.found):  # they follow references, whose faults are reported
        judge_assessments(root, policy)
    policy, words = _with_clauses(sources, root, policy)
    found = tuple(sorted(set(faults.found)))
    return Compiled(None if errors(found) else _with_content(root, policy, words), found)


def _documents(sources: PolicySources, languages: tuple[str, ...]) -> Mapping[str, dict[str, str]]:
    """Return {document: {language: file name}}; the policy itself is the document ``policy``."""
    found: dict[str, dict[str, str]] = {"policy": {}}
    for name in sources.files:
        if not name.endswith(".md"):
            continue
        stem = name.removesuffix(".md")
        document, _, language = stem.rpartition(".")
        if language in languages:
            found.setdefault(document or "policy", {})[language] = name
    return found


Prose = Mapping[str, Mapping[str, Mapping[str, Mapping[str, str]]]]
"""{document: {language: {clause id: {"title": …, "body": …}}}}, before values are put in."""


def _with_clauses(sources: PolicySources, root: Tree, policy: Policy) -> tuple[Policy, Prose]:
    clauses: dict[ClauseId, Clause] = {}
    words: dict[str, Any] = {}
    reader = _ClauseReader(sources, root, policy)
    for document, names in _documents(sources, policy.languages).items():
        texts = reader.sections(document, names)
        clauses.update(reader.clauses(document, names, texts))
        words[document] = {
            language: {id_: {"title": s.title, "body": s.body} for id_, s in sections.items()}
            for language, sections in texts.items()
        }
    reader.close()
    return replace(policy, clauses=frozen(clauses)), words


def _with_content(root: Tree, policy: Policy, words: Prose) -> Policy:
    """Add the content and its digest; only of a policy without errors is there any."""
    # The binding of clauses and measures is engineering: controls change without asking anyone.
    commitments = plain(root.node) or {}
    commitments.pop("clauses", None)
    for assessment in commitments.get("assessments", {}).values():
        for risk in assessment["risks"].values():
            risk.pop("controls", None)
    law = {p.name: [p.value, p.unit] for p in policy.law.provisions.values()}
    content = {"commitments": commitments, "prose": words, "law": law}
    digest = hashlib.sha256(
        json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()
    return replace(policy, content=frozen(content), digest=digest)


Texts = Mapping[str, Mapping[str, prose.Section]]
"""The sections of one document by language, then by clause id."""


class _ClauseReader:
    """Brings the prose of each document and the bindings of ``clauses:`` together."""

    def __init__(self, sources: PolicySources, root: Tree, policy: Policy) -> None:
        self.sources = sources
        self.root = root
        self.policy = policy
        self.faults = root.faults
        self.fills = not errors(root.faults.found)
        bindings = root.branch("clauses")
        self.bound = {name: bindings.branch(name) for name in bindings.names()}
        self.written: set[str] = set()
        root.close()

    def sections(self, document: str, names: Mapping[str, str]) -> Texts:
        """Split each language; a language that misses the file or a clause is a C104."""
        at = self.sources.at
        texts = {
            language: prose.split(at(name), self.sources.files[name], self.faults)
            for language, name in names.items()
        }
        everywhere = {id_: s.title for sections in texts.values() for id_, s in sections.items()}
        for language in self.policy.languages:
            if language not in texts:
                prefix = "" if document == "policy" else f"{document}."
                file = at(f"{prefix}{language}.md")
                reason = f"the document {document} has no {language} text"
                self.faults.add(file, 1, "C104", reason, "add the file")
                continue
            for id_, title in everywhere.items():
                if id_ not in texts[language]:
                    reason = f"the {language} text misses the clause {id_} ({title!r})"
                    repair = "add the clause under the same id"
                    self.faults.add(at(names[language]), 1, "C104", reason, repair, clause=id_)
        return texts

    def clauses(
        self, document: str, names: Mapping[str, str], texts: Texts
    ) -> Mapping[ClauseId, Clause]:
        """Return the clauses that every language has and that are bound (else C109)."""
        made: dict[ClauseId, Clause] = {}
        ids = dict.fromkeys(id_ for sections in texts.values() for id_ in sections)
        self.written.update(ids)
        for id_ in ids:
            sections = {lang: s[id_] for lang, s in texts.items() if id_ in s}
            tree = self.bound.pop(id_, None)
            if tree is None:
                language, section = next(iter(sections.items()))
                reason = f"the clause {id_} is bound to nothing"
                repair = f"add it under clauses: in {COMMITMENTS} with its controls"
                file = self.sources.at(names[language])
                self.faults.add(file, section.line, "C109", reason, repair, clause=id_)
            elif len(sections) == len(self.policy.languages):
                made[ClauseId(id_)] = self._clause(document, names, tree, sections)
        return made

    def _clause(
        self,
        document: str,
        names: Mapping[str, str],
        tree: Tree,
        sections: Mapping[str, prose.Section],
    ) -> Clause:
        first = next(iter(sections.values()))
        promises, controls = tree.texts("promises"), tree.texts("controls")
        tree.close()
        known = self._controls(first.id, tree, controls)

        def filled(language: str, text: str) -> str:
            def fill(kind: str, name: str) -> str | None:
                if not self.fills:  # tables need sound references; their faults are reported
                    return ""
                return tables.value(self.policy, kind, name, language)

            file = self.sources.at(names[language])
            return prose.fill_in(file, sections[language], text, fill, self.faults)

        return Clause(
            id=ClauseId(first.id),
            document=document,
            level=first.level,
            title=frozen({lang: filled(lang, s.title) for lang, s in sections.items()}),
            text=frozen({lang: filled(lang, s.body) for lang, s in sections.items()}),
            lines=frozen({lang: s.line for lang, s in sections.items()}),
            promises=promises,
            controls=controls,
            status=_status(known),
        )

    def _controls(self, clause: str, tree: Tree, names: tuple[str, ...]) -> list[Control]:
        if not names:
            reason = f"the clause {clause} is bound to no control"
            tree.fault("C101", reason, "name the control that keeps it, or declare one as pending")
        known: list[Control] = []
        for name in names:
            control = self.policy.controls.get(name)
            if control is None:
                reason = f"the clause {clause} names the control {name!r}, which nobody knows"
                tree.fault("C102", reason, f"declare it in {CONTROLS}", key="controls")
                continue
            known.append(control)
            if control.status is ControlStatus.PENDING:
                self.faults.add(
                    tree.file,
                    tree.line_of("controls"),
                    "W301",
                    f"the control {name} of clause {clause} is not built yet",
                    "readers see the clause as not yet kept until it is",
                    severity=Severity.WARNING,
                    clause=clause,
                )
        return known

    def close(self) -> None:
        """Report bindings without prose, and purposes and permissions without a clause (C106)."""
        for name, tree in self.bound.items():
            tree.fault(
                "C106",
                f"the clause {name} stands in no prose file",
                "write the clause, or remove its binding",
            )
        named = [("purposes", p.id, p.clause) for p in self.policy.purposes.values()]
        named += [("permissions", p.id, p.clause) for p in self.policy.permissions.values()]  # type: ignore[misc]
        for section, name, clause in named:
            if clause not in self.written:
                self.root.branch(section).branch(name).fault(
                    "C106",
                    f"{section}.{name} names the clause {clause!r}, which is not there",
                    "name the clause of the prose that speaks of it",
                    key="clause",
                )


def _status(controls: Iterable[Control]) -> ControlStatus:
    """A clause is kept only when every control that can be tested is built."""
    testable = [c.status for c in controls if c.status is not ControlStatus.NOT_TESTABLE]
    if not testable:
        return ControlStatus.NOT_TESTABLE
    built = all(status is ControlStatus.BUILT for status in testable)
    return ControlStatus.BUILT if built else ControlStatus.PENDING
