"""A pen that writes one SVG picture in one of two weights.

The full weight shades with gradients and takes every detail; the light weight draws the same
composition flat, and leaves out what is drawn under ``if pen.full``. Nothing here is random, so
that a picture drawn twice is the same byte for byte.
"""

# ruff: noqa: PLR0917  coordinates are positional by nature
from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from enum import StrEnum

SIDE = 400

Point = tuple[float, float]


class Weight(StrEnum):
    """How much a picture costs to load."""

    FULL = "full"
    LIGHT = "light"


def mix(one: str, other: str, share: float) -> str:
    """Return the colour that has ``share`` (0 to 1) of ``other`` in ``one``; both ``#rrggbb``."""
    a = [int(one[i : i + 2], 16) for i in (1, 3, 5)]
    b = [int(other[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in zip(a, b, strict=True))


def lit(colour: str, share: float = 0.28) -> str:
    """Return a colour nearer to warm light."""
    return mix(colour, "#fffaf0", share)


def shaded(colour: str, share: float = 0.28) -> str:
    """Return a colour nearer to cool shade."""
    return mix(colour, "#1d2430", share)


def num(value: float) -> str:
    """Write a number with at most one decimal."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def scatter(count: int) -> Iterator[Point]:
    """Yield points spread evenly over the unit square, without chance (the R2 sequence)."""
    golden = 1.32471795724
    for i in range(count):
        yield (0.5 + (i + 1) / golden) % 1, (0.5 + (i + 1) / golden**2) % 1


def in_round(count: int, cx: float, cy: float, rx: float, ry: float) -> Iterator[Point]:
    """Yield points spread evenly over an ellipse, in the order of a sunflower's seeds."""
    for i in range(count):
        angle = i * 2.399963
        reach = math.sqrt((i + 0.5) / count)
        yield cx + rx * reach * math.cos(angle), cy + ry * reach * math.sin(angle)


def around(
    count: int, cx: float, cy: float, rx: float, ry: float, start: float = -90
) -> Iterator[Point]:
    """Yield points evenly on the rim of an ellipse, from ``start`` degrees."""
    for i in range(count):
        angle = math.radians(start + 360 * i / count)
        yield cx + rx * math.cos(angle), cy + ry * math.sin(angle)


def smooth(points: Iterable[Point]) -> str:
    """Return the path of a closed smooth line through the points (Catmull-Rom)."""
    ring = list(points)
    n = len(ring)
    d = f"M{num(ring[0][0])} {num(ring[0][1])}"
    for i in range(n):
        before, at, to, after = (ring[(i + k) % n] for k in (-1, 0, 1, 2))
        one = (at[0] + (to[0] - before[0]) / 6, at[1] + (to[1] - before[1]) / 6)
        two = (to[0] - (after[0] - at[0]) / 6, to[1] - (after[1] - at[1]) / 6)
        d += "C" + " ".join(f"{num(x)} {num(y)}" for x, y in (one, two, to))
    return d + "Z"


def leaf_path(x: float, y: float, length: float, width: float, degrees: float) -> str:
    """Return the path of a pointed leaf that grows from ``x, y`` in the direction given."""
    a = math.radians(degrees)
    ux, uy = math.cos(a), math.sin(a)
    tip = (x + ux * length, y + uy * length)
    bend = [
        (x + ux * length * t - uy * width * s, y + uy * length * t + ux * width * s)
        for t, s in ((0.3, 0.62), (0.3, -0.62))
    ]
    return (
        f"M{num(x)} {num(y)}Q{num(bend[0][0])} {num(bend[0][1])} {num(tip[0])} {num(tip[1])}"
        f"Q{num(bend[1][0])} {num(bend[1][1])} {num(x)} {num(y)}Z"
    )


def oval_path(cx: float, cy: float, rx: float, ry: float) -> str:
    """Return the path of an upright ellipse, so that many can be one element."""
    return (
        f"M{num(cx - rx)} {num(cy)}a{num(rx)} {num(ry)} 0 1 0 {num(2 * rx)} 0"
        f"a{num(rx)} {num(ry)} 0 1 0 {num(-2 * rx)} 0Z"
    )


class Pen:
    """Collects the shapes of one picture, back to front."""

    def __init__(self, weight: Weight) -> None:
        self.full = weight is Weight.FULL
        self._defs: dict[str, str] = {}
        self._shapes: list[str] = []

    # ---- colours

    def down(self, top: str, bottom: str) -> str:
        """Return a fill that runs from top to bottom; flat in the light weight."""
        return self._gradient("linear", 'x2="0" y2="1"', (0, top), (1, bottom))

    def across(self, colour: str, depth: float = 0.34) -> str:
        """Return the fill of something round that stands upright, lit from the left."""
        return self._gradient(
            "linear",
            "",
            (0, shaded(colour, depth * 0.45)),
            (0.22, lit(colour, depth * 0.9)),
            (0.5, colour),
            (1, shaded(colour, depth)),
            flat=colour,
        )

    def ball(self, colour: str, depth: float = 0.34) -> str:
        """Return the fill of a ball, lit from the upper left."""
        return self._gradient(
            "radial",
            'cx=".36" cy=".3" r=".75"',
            (0, lit(colour, depth * 1.3)),
            (0.45, colour),
            (1, shaded(colour, depth)),
            flat=colour,
        )

    def hollow(self, colour: str, depth: float = 0.3) -> str:
        """Return the fill of the inside of a vessel, darker towards the light."""
        return self._gradient(
            "linear",
            'x2=".3" y2="1"',
            (0, shaded(colour, depth)),
            (0.7, colour),
            (1, lit(colour, depth * 0.6)),
            flat=shaded(colour, depth * 0.4),
        )

    def _gradient(self, kind: str, where: str, *stops: tuple[float, str], flat: str = "") -> str:
        if not self.full:
            return flat or mix(stops[0][1], stops[-1][1], 0.5)
        body = "".join(
            f'<stop offset="{num(at * 100)}%" stop-color="{colour}"/>' for at, colour in stops
        )
        key = f"{kind}|{where}|{body}"
        if key not in self._defs:
            name = f"g{len(self._defs)}"
            inside = f" {where}" if where else ""
            self._defs[key] = f'<{kind}Gradient id="{name}"{inside}>{body}</{kind}Gradient>'
        return f"url(#{self._defs[key].split(chr(34))[1]})"

    # ---- shapes

    def path(self, d: str, fill: str, alpha: float = 1, turn: str = "") -> None:
        """Fill a path; ``turn`` is an SVG transform."""
        self._add("path", f'd="{d}"', fill, alpha, turn)

    def line(self, d: str, colour: str, width: float, alpha: float = 1, turn: str = "") -> None:
        """Stroke a path with round ends."""
        self._shapes.append(
            f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{num(width)}"'
            f' stroke-linecap="round" stroke-linejoin="round"{_extra(alpha, turn)}/>'
        )

    def oval(
        self,
        cx: float,
        cy: float,
        rx: float,
        ry: float,
        fill: str,
        alpha: float = 1,
        degrees: float = 0,
    ) -> None:
        """Fill an ellipse, turned about its own centre."""
        turn = f"rotate({num(degrees)} {num(cx)} {num(cy)})" if degrees else ""
        if rx == ry:
            shape = f'cx="{num(cx)}" cy="{num(cy)}" r="{num(rx)}"'
            self._add("circle", shape, fill, alpha, "")
        else:
            shape = f'cx="{num(cx)}" cy="{num(cy)}" rx="{num(rx)}" ry="{num(ry)}"'
            self._add("ellipse", shape, fill, alpha, turn)

    def ball_at(self, cx: float, cy: float, r: float, colour: str, depth: float = 0.34) -> None:
        """Draw a shaded ball."""
        self.oval(cx, cy, r, r, self.ball(colour, depth))

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str,
        round_by: float = 0,
        alpha: float = 1,
        turn: str = "",
    ) -> None:
        """Fill a rectangle, perhaps with round corners."""
        shape = f'x="{num(x)}" y="{num(y)}" width="{num(width)}" height="{num(height)}"'
        if round_by:
            shape += f' rx="{num(round_by)}"'
        self._add("rect", shape, fill, alpha, turn)

    def glint(self, d: str, width: float = 5, alpha: float = 0.5) -> None:
        """Draw a stroke of reflected light; only in the full weight."""
        if self.full:
            self.line(d, "#fff", width, alpha)

    def shadow(self, cx: float, cy: float, rx: float, ry: float, alpha: float = 0.34) -> None:
        """Lay a soft shadow on the table."""
        if not self.full:
            self.oval(cx, cy, rx * 0.9, ry * 0.72, "#1d2430", alpha * 0.4)
            return
        self._defs.setdefault(
            "shadow",
            '<radialGradient id="s"><stop offset="0%" stop-color="#1d2430"/>'
            '<stop offset="55%" stop-color="#1d2430" stop-opacity=".5"/>'
            '<stop offset="100%" stop-color="#1d2430" stop-opacity="0"/></radialGradient>',
        )
        self.oval(cx, cy, rx * 1.12, ry * 1.2, "url(#s)", alpha)

    def _add(self, tag: str, shape: str, fill: str, alpha: float, turn: str) -> None:
        self._shapes.append(f'<{tag} {shape} fill="{fill}"{_extra(alpha, turn)}/>')

    def svg(self) -> str:
        """Return the finished picture."""
        defs = f"<defs>{''.join(self._defs.values())}</defs>" if self._defs else ""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}"'
            f' width="{SIDE}" height="{SIDE}">{defs}{"".join(self._shapes)}</svg>\n'
        )


def _extra(alpha: float, turn: str) -> str:
    text = "" if alpha == 1 else f' opacity="{f"{alpha:.2f}".rstrip("0").lstrip("0")}"'
    return text + (f' transform="{turn}"' if turn else "")
