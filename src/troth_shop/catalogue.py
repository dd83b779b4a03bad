"""The goods of the shop, read once from ``catalogue.yaml``; no database is needed to browse.

Everything here is public and the same for everybody, so nothing in this file knows a person.
All faults of a file are reported at once, each with the file, the product and the field.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal, get_args

import yaml

Language = Literal["zh-CN", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_SKU = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CJK = re.compile(r"[\u3400-\u9fff]+")


class CatalogueError(ValueError):
    """The catalogue file cannot be sold from; ``faults`` holds every reason, one line each."""

    code = "catalogue_invalid"

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(faults))


class Allergen(StrEnum):
    """The eight groups that GB 7718 (labels of prepacked food) names."""

    GLUTEN = "gluten"
    CRUSTACEAN = "crustacean"
    FISH = "fish"
    EGG = "egg"
    PEANUT = "peanut"
    SOY = "soy"
    MILK = "milk"
    NUT = "nut"


@dataclass(frozen=True, slots=True)
class Words:
    """One text in both languages of the shop."""

    zh: str
    en: str

    def of(self, lang: str) -> str:
        """Return the text for a language tag; anything that is not English gets Chinese."""
        return self.en if lang.lower().startswith("en") else self.zh


@dataclass(frozen=True, slots=True)
class Category:
    """A shelf of the shop."""

    id: str
    name: Words
    blurb: Words


@dataclass(frozen=True)
class Product:
    """One article; ``code`` is the EAN-13 printed under its QR code."""

    sku: str
    code: str
    category: str
    price_fen: int
    unit: Words
    name: Words
    blurb: Words
    details: Words
    origin: Words | None = None
    allergens: tuple[Allergen, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def picture(self) -> str:
        """Path of the full picture under ``/static``."""
        return f"pictures/{self.sku}.svg"

    @property
    def light_picture(self) -> str:
        """Path of the light picture under ``/static``, for slow or costly networks."""
        return f"pictures/{self.sku}.light.svg"


@dataclass(frozen=True)
class Catalogue:
    """All shelves and articles, in the order of the file."""

    categories: tuple[Category, ...]
    products: tuple[Product, ...]
    _searched: Mapping[str, tuple[tuple[int, str], ...]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        names = {shelf.id: shelf.name for shelf in self.categories}
        texts = {p.sku: _searched_texts(p, names[p.category]) for p in self.products}
        object.__setattr__(self, "_searched", texts)

    @cached_property
    def by_sku(self) -> Mapping[str, Product]:
        """Articles by ``sku``."""
        return {product.sku: product for product in self.products}

    @cached_property
    def by_code(self) -> Mapping[str, Product]:
        """Articles by EAN-13."""
        return {product.code: product for product in self.products}

    @cached_property
    def by_id(self) -> Mapping[str, Category]:
        """Shelves by id."""
        return {category.id: category for category in self.categories}

    def on_shelf(self, category_id: str) -> tuple[Product, ...]:
        """Return the articles of one shelf, in the order of the file; empty if unknown."""
        return tuple(p for p in self.products if p.category == category_id)

    def find_code(self, typed: str) -> Product | None:
        """Return the article of a code as people type it: spaces, dashes, full-width digits."""
        return self.by_code.get(re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", typed)))

    def search(self, query: str) -> tuple[Product, ...]:
        """Return the articles that hold every word of ``query``, best first.

        Args:
            query: As typed; width and case do not matter. A Chinese word of three or more
                characters that is found nowhere still matches where half of its pairs of
                characters are found (龙井茶 finds 龙井). May be empty.

        Returns:
            Articles in order of fit, then in the order of the file; empty for an empty query.
        """
        terms = fold(query).split()
        if not terms:
            return ()
        by_its_code = self.find_code(query)
        if by_its_code is not None:
            return (by_its_code,)
        fits = [(self._fit(p.sku, terms), i, p) for i, p in enumerate(self.products)]
        return tuple(p for fit, _, p in sorted(fits, key=lambda f: (-f[0], f[1])) if fit > 0)

    def _fit(self, sku: str, terms: list[str]) -> int:
        total = 0
        for term in terms:
            best = max(_term_fit(term, weight, text) for weight, text in self._searched[sku])
            if best == 0:
                return 0
            total += best
        return total


def fold(text: str) -> str:
    """Return ``text`` with width and case folded away (Ａ and a are the same)."""
    return unicodedata.normalize("NFKC", text).casefold()


def _searched_texts(product: Product, shelf: Words) -> tuple[tuple[int, str], ...]:
    """Pair every text that is searched with its weight; a name tells more than a blurb."""
    weighed = [
        (8, product.name.zh),
        (8, product.name.en),
        (5, " ".join(product.words)),
        (3, shelf.zh),
        (3, shelf.en),
        (2, product.blurb.zh),
        (2, product.blurb.en),
        (2, product.code),
    ]
    return tuple((weight, fold(text)) for weight, text in weighed)


def _term_fit(term: str, weight: int, text: str) -> int:
    at = text.find(term)
    if at >= 0:
        # "tea" in "steamer" is chance; "cake" in "mooncake" is meant, and is worth less.
        inside_word = at > 0 and term[0].isascii() and text[at - 1].isascii()
        if not (inside_word and text[at - 1].isalnum()):
            return weight * 4
        return weight if len(term) > 3 else 0
    if len(term) >= 3 and _CJK.fullmatch(term):
        pairs = [term[i : i + 2] for i in range(len(term) - 1)]
        found = sum(pair in text for pair in pairs)
        return weight if 2 * found >= len(pairs) else 0
    return 0


def check_digit(first_twelve: str) -> str:
    """Return the thirteenth digit of an EAN-13 (GS1 General Specifications, section 7.9)."""
    weighed = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(first_twelve))
    return str(-weighed % 10)


def price_text(fen: int) -> str:
    """Return an amount as the shop prints it in both languages: ``1234500`` → ``¥12,345.00``."""
    return f"¥{fen // 100:,}.{fen % 100:02d}"


def load_catalogue(source: Traversable | None = None) -> Catalogue:
    """Read the catalogue; by default the one packaged with the shop.

    Raises:
        CatalogueError: The file cannot be sold from. Every fault is in ``faults``.
    """
    path = source or files("troth_shop") / "catalogue.yaml"
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as broken:
        raise CatalogueError([f"{path.name}: is not YAML: {broken}"]) from broken
    return _Reader(path.name).catalogue(data)


class _Reader:
    """Turns what YAML gave into a `Catalogue`, and collects faults on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults: list[str] = []

    def catalogue(self, data: object) -> Catalogue:
        """Return the catalogue, or raise with all faults."""
        root = self.mapping(data, "file")
        self.no_others(root, {"categories", "products"}, "file")
        shelves = [self.category(i, d) for i, d in self.rows(root, "categories")]
        shelf_ids = {shelf.id for shelf in shelves}
        goods = [self.product(i, d, shelf_ids) for i, d in self.rows(root, "products")]
        self.no_twins("category", "id", [shelf.id for shelf in shelves])
        self.no_twins("product", "sku", [p.sku for p in goods])
        self.no_twins("product", "code", [p.code for p in goods])
        if self.faults:
            raise CatalogueError(self.faults)
        return Catalogue(categories=tuple(shelves), products=tuple(goods))

    def category(self, index: int, data: object) -> Category:
        row = self.mapping(data, f"category #{index}")
        where = f"category {row.get('id', f'#{index}')}"
        self.no_others(row, {"id", "name", "blurb"}, where)
        return Category(
            id=self.text(row, "id", where, _SKU, "lower-case ASCII such as `tea`"),
            name=self.words_in_both(row, "name", where),
            blurb=self.words_in_both(row, "blurb", where),
        )

    def product(self, index: int, data: object, shelf_ids: set[str]) -> Product:
        row = self.mapping(data, f"product #{index}")
        where = f"product {row.get('sku', f'#{index}')}"
        self.no_others(row, set(Product.__dataclass_fields__), where)
        shelf = self.text(row, "category", where)
        if shelf and shelf not in shelf_ids:
            self.fault(where, "category", f"one of {', '.join(sorted(shelf_ids))}", shelf)
        return Product(
            sku=self.text(row, "sku", where, _SKU, "lower-case ASCII such as `tea-longjing`"),
            code=self.code(row, where),
            category=shelf,
            price_fen=self.price(row, where),
            unit=self.words_in_both(row, "unit", where),
            name=self.words_in_both(row, "name", where),
            blurb=self.words_in_both(row, "blurb", where),
            details=self.words_in_both(row, "details", where),
            origin=self.words_in_both(row, "origin", where) if "origin" in row else None,
            allergens=tuple(self.allergens(row, where)),
            words=tuple(self.strings(row, "words", where)),
        )

    def code(self, row: Mapping[str, Any], where: str) -> str:
        code = self.text(row, "code", where, re.compile(r"2[0-9]{12}"), "13 digits that start in 2")
        if code and code[12] != check_digit(code[:12]):
            self.fault(where, "code", f"check digit {check_digit(code[:12])}", code[12])
        return code

    def price(self, row: Mapping[str, Any], where: str) -> int:
        price = row.get("price_fen")
        if isinstance(price, bool) or not isinstance(price, int) or price <= 0:
            self.fault(where, "price_fen", "a whole number of fen above 0", price)
            return 0
        return price

    def allergens(self, row: Mapping[str, Any], where: str) -> Iterator[Allergen]:
        for value in self.strings(row, "allergens", where):
            if value in set(Allergen):
                yield Allergen(value)
            else:
                self.fault(where, "allergens", f"some of {', '.join(Allergen)}", value)

    def strings(self, row: Mapping[str, Any], field_name: str, where: str) -> list[str]:
        values = row.get(field_name, [])
        if isinstance(values, list) and all(isinstance(v, str) and v for v in values):
            return values
        self.fault(where, field_name, "a list of texts (quote numbers)", values)
        return []

    def words_in_both(self, row: Mapping[str, Any], field_name: str, where: str) -> Words:
        both = row.get(field_name)
        if not isinstance(both, Mapping) or set(both) != {"zh", "en"}:
            self.fault(where, field_name, "the two texts `zh` and `en`", both)
            return Words("", "")
        inner = f"{where}, {field_name}"
        return Words(zh=self.text(both, "zh", inner), en=self.text(both, "en", inner))

    def text(
        self,
        row: Mapping[str, Any],
        field_name: str,
        where: str,
        shape: re.Pattern[str] | None = None,
        expected: str = "a text that is not empty",
    ) -> str:
        value = row.get(field_name)
        if isinstance(value, str) and value.strip() and (not shape or shape.fullmatch(value)):
            return value.strip()
        self.fault(where, field_name, expected, value)
        return ""

    def mapping(self, data: object, where: str) -> Mapping[str, Any]:
        if isinstance(data, Mapping):
            return data
        self.fault(where, "all", "a mapping of fields", data)
        return {}

    def rows(self, root: Mapping[str, Any], field_name: str) -> Iterator[tuple[int, object]]:
        rows = root.get(field_name)
        if not isinstance(rows, list) or not rows:
            self.fault("file", field_name, "a list with at least one entry", rows)
            return
        yield from enumerate(rows, start=1)

    def no_others(self, row: Mapping[str, Any], known: set[str], where: str) -> None:
        for name in sorted(set(map(str, row)) - known):
            self.fault(where, name, f"only the fields {', '.join(sorted(known))}", name)

    def no_twins(self, kind: str, field_name: str, values: list[str]) -> None:
        for twin in sorted({v for v in values if v and values.count(v) > 1}):
            self.fault(f"{kind} {twin}", field_name, "a value used once", twin)

    def fault(self, where: str, field_name: str, expected: str, got: object) -> None:
        self.faults.append(
            f"{self.name}: {where}: field `{field_name}`: expected {expected}, got {got!r}"
        )
