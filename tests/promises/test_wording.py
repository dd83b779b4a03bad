"""The lint that judges the policies of others judges our own, warnings too."""

from __future__ import annotations

import pytest

from tests.promises.test_register import FOLDER
from troth.commands import lint
from troth.core.findings import Severity


@pytest.mark.promise("S-18")
@pytest.mark.control("policy_readable")
def test_our_own_policy_has_no_word_that_its_lint_warns_of() -> None:
    # W301 counts what is not built yet; it is no fault of the words.
    found = [f for f in lint(FOLDER) if f.severity is not Severity.UNDECIDED and f.rule != "W301"]
    assert [f"{f.file}:{f.line} {f.rule} {f.quote}" for f in found] == []
