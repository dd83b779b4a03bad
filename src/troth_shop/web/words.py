"""The words of the pages: English message ids, translations read from .po files at the start."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LOCALE = Path(__file__).parent / "locale"
LANGUAGES = ("zh-CN", "en")
"""The languages of the shop; the first is served without a prefix and is the binding one."""

Gettext = Callable[[str], str]
_FOLDER = {"zh-CN": "zh_CN"}


def N_(message: str) -> str:  # noqa: N802 - the customary name of the mark
    """Mark a message id that is translated later, where the language is known."""
    return message


def translations(folders: Iterable[Path]) -> dict[str, NullTranslations]:
    """Return the translations of each language, later folders over earlier ones.

    Args:
        folders: Folders of the form ``<locale>/LC_MESSAGES/<domain>.po``. Fuzzy messages count
            as missing.
    """
    found: dict[str, NullTranslations] = {"en": NullTranslations()}
    merged = Translations()
    for folder in folders:
        for path in sorted((folder / _FOLDER["zh-CN"] / "LC_MESSAGES").glob("*.po")):
            with path.open("rb") as source:
                catalogue = read_po(source, locale="zh_CN")
            machine = BytesIO()
            write_mo(machine, catalogue)
            machine.seek(0)
            read = Translations(machine)
            # Adding takes the texts only; without the plural rule of Chinese the English one holds.
            merged.plural = read.plural
            merged.add(read)
    found["zh-CN"] = merged
    return found
