"""The goods: the packaged file, the faults a file can have, and what searching finds."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from troth_shop.catalogue import (
    LANGUAGES,
    Catalogue,
    CatalogueError,
    check_digit,
    fold,
    load_catalogue,
    price_text,
)

GOODS: Catalogue = load_catalogue()


def small_file() -> dict[str, Any]:
    both = {"zh": "茶", "en": "Tea"}
    return {
        "categories": [{"id": "tea", "name": both, "blurb": both}],
        "products": [
            {
                "sku": "tea-one",
                "code": "2001000014118",
                "category": "tea",
                "price_fen": 100,
                "unit": both,
                "name": both,
                "blurb": both,
                "details": both,
            }
        ],
    }


def faults_of(data: object, folder: Path) -> tuple[str, ...]:
    path = folder / "goods.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(path)
    return caught.value.faults


def test_packaged_catalogue_fills_six_shelves_with_at_least_six_articles_each() -> None:
    assert len(GOODS.categories) >= 6
    assert len(GOODS.products) >= 44
    for shelf in GOODS.categories:
        assert len(GOODS.on_shelf(shelf.id)) >= 6


def test_every_text_stands_in_both_languages_and_chinese_is_chinese() -> None:
    for product in GOODS.products:
        for words in (product.name, product.blurb, product.details):
            assert any("\u4e00" <= c <= "\u9fff" for c in words.of("zh-CN")), product.sku
            assert not any("\u3400" <= c <= "\u9fff" for c in words.of("en")), product.sku
            # Chinese sentences take full-width marks.
            assert not set(words.zh) & set(",;!?()"), product.sku


def test_no_article_promises_health_or_calls_itself_the_best() -> None:
    # Advertising Law 9(3) and 17: no superlatives, no claims of treating illness for food.
    banned = ("最佳", "最好", "第一", "国家级", "顶级", "治疗", "养生", "降血", "抗癌", "保健")
    for product in GOODS.products:
        told = product.name.zh + product.blurb.zh + product.details.zh
        assert not [word for word in banned if word in told], product.sku


def test_every_code_is_an_in_store_ean13_with_its_check_digit() -> None:
    for product in GOODS.products:
        assert len(product.code) == 13
        assert product.code.startswith("2")
        # Weighed the other way round than in the loader: the whole number must end in 0.
        assert sum(int(d) * w for d, w in zip(product.code, [1, 3] * 7, strict=False)) % 10 == 0


def test_known_ean13_gets_its_published_check_digit() -> None:
    assert check_digit("400638133393") == "1"
    assert check_digit("629104150021") == "3"


@given(st.text("0123456789", min_size=12, max_size=12), st.integers(0, 11), st.integers(1, 9))
def test_one_mistyped_digit_always_breaks_the_code(first: str, at: int, off: int) -> None:
    wrong = first[:at] + str((int(first[at]) + off) % 10) + first[at + 1 :]
    assert check_digit(wrong) != check_digit(first)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"price_fen": 12.5}, "product tea-one: field `price_fen`: expected a whole number"),
        ({"price_fen": True}, "field `price_fen`"),
        ({"price_fen": 0}, "field `price_fen`"),
        ({"code": "2001000014119"}, "field `code`: expected check digit 8, got '9'"),
        ({"code": 2001000014118}, "field `code`: expected 13 digits"),
        ({"code": "6901234567892"}, "field `code`: expected 13 digits that start in 2"),
        ({"category": "toys"}, "field `category`: expected one of tea, got 'toys'"),
        ({"name": {"zh": "茶"}}, "field `name`: expected the two texts"),
        ({"name": {"zh": "茶", "en": " "}}, "product tea-one, name: field `en`"),
        ({"allergens": ["dust"]}, "field `allergens`: expected some of gluten"),
        ({"words": [1]}, "field `words`"),
        ({"sku": "Tea One"}, "product Tea One: field `sku`"),
        ({"colour": "green"}, "field `colour`: expected only the fields"),
    ],
)
def test_bad_field_is_named_with_file_and_article(
    change: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    data = small_file()
    data["products"][0].update(change)
    faults = faults_of(data, tmp_path)
    assert len(faults) == 1
    assert faults[0].startswith("goods.yaml: ")
    assert expected in faults[0]


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    data = small_file()
    data["products"].append(copy.deepcopy(data["products"][0]))
    data["products"][0]["price_fen"] = -1
    text = "\n".join(faults_of(data, tmp_path))
    assert "price_fen" in text
    assert "product tea-one: field `sku`: expected a value used once" in text
    assert "product 2001000014118: field `code`: expected a value used once" in text


@pytest.mark.parametrize("data", [None, [], {"categories": []}, "tea"])
def test_file_of_another_shape_is_refused_not_crashed_on(data: object, tmp_path: Path) -> None:
    assert all(fault.startswith("goods.yaml: ") for fault in faults_of(data, tmp_path))


def test_broken_yaml_is_refused_with_the_name_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "goods.yaml"
    path.write_text("products: [", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"goods\.yaml: is not YAML"):
        load_catalogue(path)


@pytest.mark.parametrize(
    ("query", "sku"),
    [
        ("龙井", "tea-longjing"),
        ("龙井茶", "tea-longjing"),  # the name has 龙井 without 茶 beside it
        ("红枣", "dried-jujube"),  # only among the search words
        ("LONGJING", "tea-longjing"),
        ("ｌｏｎｇｊｉｎｇ", "tea-longjing"),  # full width
        ("buckwheat noodles", "noodle-buckwheat"),
        ("noodles buckwheat", "noodle-buckwheat"),
        ("dim sum", "ware-steamer"),
        ("２００１００００１４１１８", "tea-longjing"),
        ("2001 0000 1411 8", "tea-longjing"),
    ],
)
def test_search_puts_what_was_meant_first(query: str, sku: str) -> None:
    assert GOODS.search(query)[0].sku == sku


def test_search_by_shelf_finds_the_whole_shelf() -> None:
    found = {product.sku for product in GOODS.search("餐具茶器")}
    assert found >= {product.sku for product in GOODS.on_shelf("tableware")}


def test_every_word_of_a_query_must_be_found() -> None:
    assert GOODS.search("oolong")
    assert GOODS.search("oolong umbrella") == ()


@pytest.mark.parametrize("query", ["", "   ", "　", "冰箱", "qqq"])
def test_search_for_nothing_or_for_what_we_lack_is_empty(query: str) -> None:
    assert GOODS.search(query) == ()


def test_short_latin_word_does_not_match_inside_another() -> None:
    assert "ware-steamer" not in {product.sku for product in GOODS.search("tea")}


@given(st.text(max_size=60))
def test_search_takes_any_text_and_ignores_case_and_width(query: str) -> None:
    assert GOODS.search(query) == GOODS.search(fold(query))


def test_every_article_is_found_by_either_of_its_names_and_by_its_code() -> None:
    for product in GOODS.products:
        for lang in LANGUAGES:
            assert product in GOODS.search(product.name.of(lang)), product.sku
        assert GOODS.search(product.code) == (product,)
        assert GOODS.find_code(f" {product.code[:4]}-{product.code[4:]} ") is product
        assert GOODS.by_sku[product.sku] is product


def test_code_of_no_article_is_none() -> None:
    assert GOODS.find_code("2009999999995") is None
    assert GOODS.find_code("") is None


@pytest.mark.parametrize(
    ("fen", "text"), [(5, "¥0.05"), (8800, "¥88.00"), (1234500, "¥12,345.00"), (0, "¥0.00")]
)
def test_price_is_printed_in_yuan_with_two_places(fen: int, text: str) -> None:
    assert price_text(fen) == text


def test_unknown_language_gets_chinese() -> None:
    words = GOODS.products[0].name
    assert words.of("fr") == words.zh
    assert words.of("en-GB") == words.en
