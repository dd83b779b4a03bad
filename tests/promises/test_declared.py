"""What the policy declares of places, roles and itself does not compile when it is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.promises.test_register import FOLDER
from troth.adapters.sources import read_folder
from troth.core.compile import COMMITMENTS, PolicySources, compile_policy


def _changed(change: Callable[[str], str]) -> set[str]:
    """Return the rules that fire when the shop's commitments are changed in one place."""
    sources = read_folder(FOLDER)
    text = sources.files[COMMITMENTS]
    assert change(text) != text
    files = {**sources.files, COMMITMENTS: change(text)}
    found = compile_policy(PolicySources(files, sources.law)).findings
    return {finding.rule for finding in found if finding.severity == "error"}


def test_the_shop_as_it_stands_breaks_none_of_these_rules() -> None:
    sources = read_folder(FOLDER)
    found = compile_policy(replace(sources)).findings
    assert not [f for f in found if f.severity == "error"]


@pytest.mark.promise("S-44", "S-45")
@pytest.mark.control("region_declared")
def test_a_place_of_storage_abroad_does_not_compile() -> None:
    assert _changed(lambda text: text.replace("region: CN", "region: SG", 1)) == {"C111"}


@pytest.mark.promise("S-45")
@pytest.mark.control("region_declared")
def test_a_recipient_abroad_does_not_compile() -> None:
    head, recipients = "\nrecipients:", "region: CN"

    def abroad(text: str) -> str:
        before, section, after = text.partition(head)
        return before + section + after.replace(recipients, "region: SG", 1)

    assert _changed(abroad) == {"C111"}


@pytest.mark.promise("S-44")
@pytest.mark.control("region_declared")
def test_a_category_without_a_place_of_storage_does_not_compile() -> None:
    gone = "storage: [shop_database, backup_files]"
    assert _changed(lambda text: text.replace(gone, "storage: []", 1)) == {"C108"}


@pytest.mark.promise("S-50", "S-57")
@pytest.mark.control("roles_declared")
def test_a_category_that_no_role_may_see_does_not_compile() -> None:
    row = "      session_record: [secure_account]\n"
    assert _changed(lambda text: text.replace(row, "")) == {"C110"}
