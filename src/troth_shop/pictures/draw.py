"""Draw the picture of every article, in both weights: ``python -m troth_shop.pictures``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from troth_shop.pictures import bakery, fruit, grain, home, tableware, tea
from troth_shop.pictures.pen import Pen, Weight

DRAWINGS: Mapping[str, Callable[[Pen], None]] = {
    **tea.DRAWINGS,
    **grain.DRAWINGS,
    **fruit.DRAWINGS,
    **bakery.DRAWINGS,
    **tableware.DRAWINGS,
    **home.DRAWINGS,
}


def picture(sku: str, weight: Weight) -> str:
    """Return the SVG of an article.

    Raises:
        KeyError: Nobody has drawn this article yet; add a drawing to the file of its shelf.
    """
    pen = Pen(weight)
    DRAWINGS[sku](pen)
    return pen.svg()


def file_name(sku: str, weight: Weight) -> str:
    """Return the name of a picture's file under ``static/pictures``."""
    return f"{sku}.svg" if weight is Weight.FULL else f"{sku}.light.svg"


def write_all(folder: Path) -> int:
    """Write both weights of every picture into ``folder``; return how many files were written."""
    folder.mkdir(parents=True, exist_ok=True)
    for sku in DRAWINGS:
        for weight in Weight:
            path = folder / file_name(sku, weight)
            path.write_text(picture(sku, weight), encoding="utf-8")
    return len(DRAWINGS) * len(Weight)
