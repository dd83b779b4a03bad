"""The pictures: every article has its own, in two weights, drawn by us and safe to serve."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from importlib.resources import files
from pathlib import Path

import pytest

from troth_shop.catalogue import load_catalogue
from troth_shop.pictures.draw import DRAWINGS, file_name, picture, write_all
from troth_shop.pictures.pen import Pen, Weight, mix, num, scatter

SKUS = [product.sku for product in load_catalogue().products]
PACKAGED = files("troth_shop") / "web" / "static" / "pictures"
SHAPES = {
    f"{{http://www.w3.org/2000/svg}}{tag}"
    for tag in (
        "svg defs linearGradient radialGradient stop path rect circle ellipse".split()  # noqa: SIM905
    )
}


def test_every_article_is_drawn_and_nothing_else_is() -> None:
    assert sorted(DRAWINGS) == sorted(SKUS)


@pytest.mark.parametrize("sku", SKUS)
@pytest.mark.parametrize("weight", list(Weight))
def test_packaged_file_is_what_the_drawing_makes_today(sku: str, weight: Weight) -> None:
    # After changing a drawing: python -m troth_shop.pictures
    assert (PACKAGED / file_name(sku, weight)).read_text(encoding="utf-8") == picture(sku, weight)


def test_folder_holds_no_picture_of_an_article_that_is_gone() -> None:
    names = {entry.name for entry in PACKAGED.iterdir()}
    assert names == {file_name(sku, weight) for sku in SKUS for weight in Weight}


@pytest.mark.parametrize("sku", SKUS)
@pytest.mark.parametrize("weight", list(Weight))
def test_picture_holds_shapes_only(sku: str, weight: Weight) -> None:
    """No script, no text to translate, no style, no reference out of the file."""
    root = ET.fromstring(picture(sku, weight))
    ids = {element.get("id") for element in root.iter() if element.get("id")}
    for element in root.iter():
        assert element.tag in SHAPES
        assert not (element.text or "").strip()
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            assert name not in {"style", "class"}
            assert "href" not in name
            assert "nan" not in value.lower()
            assert "inf" not in value.lower()
            if "url(" in value:
                assert value[5:-1] in ids
    assert root.get("viewBox") == "0 0 400 400"


@pytest.mark.parametrize("sku", SKUS)
def test_light_picture_is_far_smaller_and_flat(sku: str) -> None:
    full, light = picture(sku, Weight.FULL), picture(sku, Weight.LIGHT)
    assert len(light) < 0.6 * len(full)
    assert len(light) < 12_000
    assert "Gradient" in full
    assert "Gradient" not in light


def test_light_pictures_together_weigh_less_than_a_third() -> None:
    full = sum(len(picture(sku, Weight.FULL)) for sku in SKUS)
    light = sum(len(picture(sku, Weight.LIGHT)) for sku in SKUS)
    assert light < full / 3


def test_no_two_articles_share_their_composition() -> None:
    """Colours aside, every picture is another drawing, not a recoloured one."""

    def composition(sku: str) -> tuple[str, ...]:
        root = ET.fromstring(picture(sku, Weight.LIGHT))
        return tuple(
            ET.tostring(element, encoding="unicode").replace(element.get("fill", "\0"), "")
            for element in list(root)[2:]  # after the wall and the table, which all share
        )

    seen = {sku: composition(sku) for sku in SKUS}
    for one in SKUS:
        for other in SKUS:
            if one < other:
                shared = len(set(seen[one]) & set(seen[other]))
                assert shared < 0.35 * min(len(seen[one]), len(seen[other])), (one, other)


def test_writing_all_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    assert write_all(tmp_path / "one") == 2 * len(SKUS)
    write_all(tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_article_nobody_drew_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        picture("tea-unknown", Weight.FULL)


def test_mixing_reaches_both_ends() -> None:
    assert mix("#000000", "#ffffff", 0) == "#000000"
    assert mix("#000000", "#ffffff", 1) == "#ffffff"
    assert mix("#102030", "#304050", 0.5) == "#203040"


def test_numbers_are_short() -> None:
    assert [num(2.0), num(2.04), num(-0.26)] == ["2", "2", "-0.3"]


def test_scattered_points_keep_apart() -> None:
    points = list(scatter(50))
    nearest = min(
        (ax - bx) ** 2 + (ay - by) ** 2
        for i, (ax, ay) in enumerate(points)
        for bx, by in points[:i]
    )
    assert nearest > 0.06**2


def test_light_pen_drops_glints_and_gradients() -> None:
    pen = Pen(Weight.LIGHT)
    pen.glint("M0 0L9 9")
    pen.oval(5, 5, 4, 4, pen.ball("#336699"))
    assert pen.svg().count("<circle") == 1
    assert "stroke" not in pen.svg()
    assert "#336699" in pen.svg()
