"""Lint a policy of ours together with its prose, as its readers see it."""

from __future__ import annotations

from dataclasses import replace

from troth.core.compile import PolicySources, compile_policy
from troth.core.findings import Finding
from troth.core.lint import Form, lint_text
from troth.core.policy import Policy


def lint_policy(sources: PolicySources) -> tuple[Finding, ...]:
    """Compile the sources and read the prose with tables and values filled in.

    The service agreement is compiled but not read as a privacy policy, because it is none.
    """
    compiled = compile_policy(sources)
    found = list(compiled.findings)
    if compiled.policy is not None:
        for language in compiled.policy.languages:
            found += _lint_prose(sources, compiled.policy, language)
    return tuple(sorted(found))


def _lint_prose(sources: PolicySources, policy: Policy, language: str) -> list[Finding]:
    """Lint the policy document as it is read; lines lead to the clause in the prose file."""
    text: list[str] = []
    clause_at: list[tuple[int, str, int]] = []
    for clause in policy.clauses.values():
        if clause.document == "policy":
            clause_at.append((len(text) + 1, clause.id, clause.lines[language]))
            text.append(f"{'#' * clause.level} {clause.title[language]}")
            text += ["", *clause.text[language].split("\n"), ""]
    file = sources.at(f"{language}.md")
    found = lint_text(file=file, text="\n".join(text), form=Form.MARKDOWN)
    placed: list[Finding] = []
    for finding in found:
        before = (at for at in reversed(clause_at) if at[0] <= finding.line)
        _, id_, line = next(before, (0, "", 1))
        placed.append(replace(finding, line=line, clause=id_))
    return placed
