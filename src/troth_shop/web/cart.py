"""The cart: a cookie that says what is in it and nothing else, so it works without a database.

The text is ``sku.count_sku.count``. Whatever is malformed, unknown or too many is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from troth_shop.catalogue import Catalogue, Product

MOST_OF_ONE = 99
MOST_LINES = 40
_LINE = re.compile(r"([a-z0-9-]{1,40})\.([1-9][0-9]?)")


@dataclass(frozen=True, slots=True)
class CartLine:
    """One article and how many of it; ``sum_fen`` is what they cost together."""

    product: Product
    qty: int

    @property
    def sum_fen(self) -> int:
        """Return what the line costs, in fen."""
        return self.product.price_fen * self.qty


@dataclass(frozen=True, slots=True)
class Cart:
    """What is in the cart, in the order it was put in."""

    lines: tuple[CartLine, ...] = ()

    @classmethod
    def read(cls, text: str, catalogue: Catalogue) -> Cart:
        """Return the cart that a cookie holds, without what cannot be sold."""
        counts: dict[str, int] = {}
        for part in text.split("_")[:MOST_LINES]:
            found = _LINE.fullmatch(part)
            if found and found[1] in catalogue.by_sku:
                counts[found[1]] = int(found[2])
        return cls(tuple(CartLine(catalogue.by_sku[sku], n) for sku, n in counts.items()))

    @property
    def count(self) -> int:
        """Return how many articles are in it."""
        return sum(line.qty for line in self.lines)

    @property
    def total_fen(self) -> int:
        """Return what everything costs, in fen."""
        return sum(line.sum_fen for line in self.lines)

    def with_count(self, product: Product, qty: int) -> Cart:
        """Return a cart with ``qty`` of an article; 0 takes it out."""
        kept = {line.product.sku: line for line in self.lines}
        if qty <= 0:
            kept.pop(product.sku, None)
        elif product.sku in kept or len(kept) < MOST_LINES:
            kept[product.sku] = CartLine(product, min(qty, MOST_OF_ONE))
        return Cart(tuple(kept.values()))

    def plus(self, product: Product, qty: int) -> Cart:
        """Return a cart with ``qty`` more of an article, up to `MOST_OF_ONE`."""
        held = next((line.qty for line in self.lines if line.product.sku == product.sku), 0)
        return self.with_count(product, held + qty)

    def text(self) -> str:
        """Return what the cookie holds."""
        return "_".join(f"{line.product.sku}.{line.qty}" for line in self.lines)

    def counts(self) -> dict[str, int]:
        """Return how many of each article, by sku."""
        return {line.product.sku: line.qty for line in self.lines}
