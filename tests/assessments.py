"""The small policy of `builders` as it was before anybody assessed a purpose."""

from __future__ import annotations

from dataclasses import replace

from tests.builders import ASSESSMENTS, Draft
from troth.core.compile import COMMITMENTS


def without_assessments(made: Draft) -> Draft:
    """Return ``made`` as it was before anybody assessed anything."""
    text = made.files[COMMITMENTS]
    assert ASSESSMENTS in text
    return replace(made, files={**made.files, COMMITMENTS: text.replace(ASSESSMENTS, "")})
