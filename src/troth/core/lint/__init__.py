"""The lint for a privacy policy that somebody else wrote.

`lint_text` reads the bare text, without any model behind it, so it reports three things and
keeps them apart: words that are there (quoted, with their line), things that are missing (with
what was searched), and questions that plain text cannot decide (`Severity.UNDECIDED`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from troth.core.findings import Finding
from troth.core.lint import (
    coherence,
    consent,
    disclosure,
    notice,
    permissions,
    protection,
    rights,
    wording,
)
from troth.core.lint.document import Form
from troth.core.lint.parse import parse
from troth.core.lint.rule import Rule

__all__ = ["RULES", "Form", "Rule", "lint_text"]

_FAMILIES = (
    notice,
    consent,
    rights,
    disclosure,
    protection,
    coherence,
    permissions,
    wording,
)

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.id: rule
        for rule in sorted(
            (rule for family in _FAMILIES for rule in family.RULES), key=lambda rule: rule.id
        )
    }
)
"""Every rule by its id, in the order of the ids."""


def lint_text(*, file: str, text: str, form: Form = Form.TEXT) -> tuple[Finding, ...]:
    """Return what is wrong with the wording of a privacy policy, Chinese or English.

    Args:
        file: the path to put into the findings; it is not opened.
        text: the whole policy; may be empty, which lacks everything.
        form: how headings and lists are written in it.

    Returns:
        Findings in the order of line and rule; the same text gives the same findings. A quote
        begins at its line, whitespace normalised. Findings of severity `UNDECIDED` are no hits.

    Source:
        The articles that each rule names; `troth.core.lint.rule` explains their marks.
    """
    document = parse(file=file, text=text, form=form)
    found = {finding for rule in RULES.values() for finding in rule.findings(document)}
    return tuple(sorted(found))
