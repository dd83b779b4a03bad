"""Every sentence of the shop stands in both languages, and none is left over."""

from collections import Counter

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import troth_shop
from tests.shop.web.conftest import Site
from troth_shop.web.words import LOCALE, translations

SHOP = LOCALE.parents[1]
METHODS = [
    ("web/templates/**.html", "jinja2"),
    ("web/templates/**.txt", "jinja2"),
    ("**.py", "python"),
]
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}


def catalogues() -> dict[str, Catalog]:
    found = {}
    for path in sorted((LOCALE / "zh_CN" / "LC_MESSAGES").glob("*.po")):
        with path.open("rb") as file:
            found[path.name] = read_po(file, locale="zh_CN", abort_invalid=True)
    return found


def known() -> list[Message]:
    return [m for catalogue in catalogues().values() for m in catalogue if m.id]


def used() -> set[object]:
    found = extract_from_dir(SHOP, method_map=METHODS, keywords=KEYWORDS)
    return {message for _, _, message, _, _ in found}


def test_the_shop_says_a_few_hundred_sentences():
    assert SHOP.name == troth_shop.__name__
    assert len(used()) > 350


def test_every_sentence_has_a_chinese_text():
    texts = {m.id for m in known() if (all(m.string) if m.pluralizable else m.string)}
    assert used() - texts == set()


def test_no_chinese_text_is_left_over_or_stands_twice():
    assert {m.id for m in known()} - used() == set()
    assert [id_ for id_, times in Counter(m.id for m in known()).items() if times > 1] == []
    assert [m.id for m in known() if m.fuzzy] == []


def test_the_places_in_a_sentence_survive_translation():
    assert [(m.id, list(m.check())) for m in known() if list(m.check())] == []


def test_chinese_sentences_end_with_full_width_marks():
    half = [m.id for m in known() if str(m.string).endswith((".", "?", "!", ";", ","))]
    assert half == []


def test_plurals_are_chinese_too():
    words = translations([LOCALE])["zh-CN"]
    for message in known():
        if message.pluralizable:
            one, many = message.id
            for n in (1, 2, 5):
                assert words.ngettext(one, many, n) == message.string[0]


def test_no_english_sentence_shows_on_a_chinese_page(site: Site):
    customer = site.customer()
    customer.order()
    english = [m for m in used() if isinstance(m, str) and len(m) > 24 and "%" not in m]
    for path in ("/", "/cart", "/checkout", "/my", "/support", "/scan", "/login", "/my/data"):
        text = customer.get(path).text
        assert [sentence for sentence in english if sentence in text] == [], path
