"""Every sentence of the privacy centre stands in both languages, and none is left over."""

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from troth.integrations.litestar import LOCALE, TEMPLATES


def _catalogue() -> Catalog:
    with (LOCALE / "zh_CN" / "LC_MESSAGES" / "troth.po").open("rb") as file:
        return read_po(file, locale="zh_CN", abort_invalid=True)


def _used(folder: Path) -> set[object]:
    keywords = {"_": None, "ngettext": (1, 2)}
    found = extract_from_dir(folder, method_map=[("**.html", "jinja2")], keywords=keywords)
    return {message for _, _, message, _, _ in found}


def test_every_sentence_of_the_templates_has_a_chinese_text() -> None:
    known = {message.id for message in _catalogue() if message.id and message.string}
    assert _used(TEMPLATES) - known == set()


def test_no_chinese_text_is_left_over() -> None:
    assert {message.id for message in _catalogue() if message.id} - _used(TEMPLATES) == set()


def test_placeholders_survive_translation() -> None:
    faults = [(m.id, list(m.check())) for m in _catalogue() if m.id and list(m.check())]
    assert faults == []
