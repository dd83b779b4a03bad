"""Findings: what a reader of a policy, of its files or of a foreign text has to mend.

One `Finding` is one thing at one place. The compiler and the lint only make them;
`render_text`, `render_json` and `render_sarif` are the three ways out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a finding weighs: an error fails the build, a note fails nothing."""

    ERROR = "error"
    WARNING = "warning"
    UNDECIDED = "undecided"
    """Plain text cannot decide this rule; reported, never counted as a hit."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing to mend.

    Args:
        file: path as the caller gave it.
        line: first line it rests on, counted from 1; 1 for the file as a whole.
        rule: stable id of the rule (``E101``, ``W204``, ``C310`` …).
        severity: what it does to the build.
        reason: what is wrong and why that matters, in one or two sentences.
        repair: what to write instead.
        quote: the words it rests on; empty for something missing.
        searched: for something missing, what was searched; else empty.
        law: the article it rests on, with its verification mark; may be empty.
        clause: id of the clause, where the text has clause ids; else empty.
    """

    file: str
    line: int
    rule: str
    severity: Severity
    reason: str
    repair: str
    quote: str = ""
    searched: str = ""
    law: str = ""
    clause: str = ""

    def line_of_text(self) -> str:
        """Return the finding as one line: place, severity, rule, reason."""
        return f"{self.file}:{self.line}: {self.severity.value} {self.rule}: {self.reason}"


def errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return only what fails the build."""
    return tuple(f for f in findings if f.severity is Severity.ERROR)


def render_text(findings: Sequence[Finding]) -> str:
    """Return findings for a terminal, in order of file and line, with a count at the end."""
    lines: list[str] = []
    for finding in sorted(findings):
        lines.append(finding.line_of_text())
        for label, value in (
            ("words", finding.quote),
            ("searched", finding.searched),
            ("law", finding.law),
            ("repair", finding.repair),
        ):
            if value:
                lines.append(f"    {label}: {value}")
    lines.append(summary(findings))
    return "\n".join(lines)


def summary(findings: Sequence[Finding]) -> str:
    """Return the counts as one sentence."""
    count = {s: sum(f.severity is s for f in findings) for s in Severity}
    return (
        f"{count[Severity.ERROR]} error(s), {count[Severity.WARNING]} warning(s), "
        f"{count[Severity.UNDECIDED]} undecided"
    )


def render_json(findings: Sequence[Finding]) -> str:
    """Return findings as a JSON array of objects with the fields of `Finding`."""
    return json.dumps([asdict(f) for f in sorted(findings)], ensure_ascii=False, indent=2)


_SARIF_LEVEL = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.UNDECIDED: "note",
}


def render_sarif(findings: Sequence[Finding], *, tool_version: str) -> str:
    """Return findings as a SARIF 2.1.0 log, so that code review shows them at their lines."""
    ordered = sorted(findings)
    rules = [{"id": rule} for rule in sorted({f.rule for f in ordered})]
    results: list[dict[str, Any]] = [
        {
            "ruleId": f.rule,
            "level": _SARIF_LEVEL[f.severity],
            "message": {"text": " ".join(filter(None, (f.reason, f.repair)))},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": f.file},
                        "region": {"startLine": f.line},
                    }
                }
            ],
            "properties": {"quote": f.quote, "searched": f.searched, "law": f.law},
        }
        for f in ordered
    ]
    log = {
        "version": "2.1.0",
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "runs": [
            {
                "tool": {"driver": {"name": "troth", "version": tool_version, "rules": rules}},
                "results": results,
            }
        ],
    }
    return json.dumps(log, ensure_ascii=False, indent=2)
