"""The reference of the data map: its example reads, and it lists the rules that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from troth.adapters.sources import read_folder
from troth.core import (
    datamap_file,
    datamap_lens_keys,
    datamap_lens_rules,
    datamap_own,
    datamap_rules,
    drift,
)
from troth.core.blind_index import NormalForm
from troth.core.compile import compile_policy
from troth.core.datamap import About, EdgeKind, Engine, Erasure, Method, OnLeaving, SeveralOwners
from troth.core.datamap_file import read_datamap
from troth.core.datamap_own import Kind
from troth.core.findings import errors

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "data-map.md").read_text(encoding="utf-8")
MODULES = (
    datamap_file,
    datamap_lens_keys,
    datamap_lens_rules,
    datamap_own,
    datamap_rules,
    drift,
)
_RULE = re.compile(r"\b([MD][0-9]{3})\b")


def test_example_of_the_page_is_a_sound_map_of_the_shops_policy() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    policy = compile_policy(read_folder(ROOT / "src" / "troth_shop" / "policy")).require()
    assert not errors(read_datamap(example, policy).findings)


def test_page_lists_every_rule_and_no_other() -> None:
    made = {
        rule
        for module in MODULES
        for rule in re.findall(r"\"([MD][0-9]{3})\"", Path(module.__file__).read_text("utf-8"))
    }
    assert set(re.findall(r"^\| ([MD][0-9]{3}) \|", PAGE, re.MULTILINE)) == made


def test_modules_list_the_rules_that_they_make() -> None:
    for module in MODULES:
        source = Path(module.__file__).read_text("utf-8")
        made = set(re.findall(r"\"([MD][0-9]{3})\"", source))
        told = set(_RULE.findall(module.__doc__ or ""))
        assert made <= told
        assert told - made <= {"D301", "D303", "D305"}


@pytest.mark.parametrize(
    "words",
    [About, EdgeKind, Engine, Erasure, Kind, Method, NormalForm, OnLeaving, SeveralOwners],
)
def test_page_explains_every_word_of_the_format(words: type[About]) -> None:
    missing = [word.value for word in words if word.value not in PAGE]
    assert missing == [] or (words is About and missing == ["nobody"])
