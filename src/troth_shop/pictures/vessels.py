"""What several pictures share: the table, bowls, tins, jars, pouches, flowers and heaps."""

# ruff: noqa: PLR0917  coordinates are positional by nature
from __future__ import annotations

import math
from collections.abc import Iterable

from troth_shop.pictures.pen import (
    SIDE,
    Pen,
    Point,
    leaf_path,
    lit,
    mix,
    num,
    oval_path,
    scatter,
    shaded,
    smooth,
)

TABLE_Y = 268


def scene(pen: Pen, wall: str, table: str) -> None:
    """Paint the wall and the table that every picture stands on."""
    pen.box(0, 0, SIDE, SIDE, pen.down(lit(wall, 0.45), shaded(wall, 0.04)))
    pen.box(0, TABLE_Y, SIDE, SIDE - TABLE_Y, pen.down(shaded(table, 0.05), lit(table, 0.3)))
    if pen.full:
        # A pale window on the wall and the grain of the table.
        for x in (36, 132):
            pen.path(f"M{x} 0h70l-52 {TABLE_Y}h-78Z", "#fff", 0.13)
        grain = "".join(
            f"M{num(x * SIDE)} {num(TABLE_Y + 8 + y * 118)}h{num(18 + 46 * y)}"
            for x, y in scatter(22)
        )
        pen.line(grain, shaded(table, 0.22), 1.2, 0.22)
        pen.box(0, TABLE_Y, SIDE, 1.6, "#fff", alpha=0.5)


def grains(
    points: Iterable[Point], length: float, width: float, turn: float = 47, start: float = 0
) -> str:
    """Return one path of many small leaves, each turned ``turn`` degrees from the last."""
    return "".join(
        leaf_path(x, y, length, width, start + turn * i) for i, (x, y) in enumerate(points)
    )


def dots(points: Iterable[Point], rx: float, ry: float) -> str:
    """Return one path of many small ovals."""
    return "".join(oval_path(x, y, rx, ry) for x, y in points)


def heap(
    pen: Pen, cx: float, base: float, rx: float, height: float, colour: str, seed: str = "rice"
) -> None:
    """Pile loose goods on a base line; ``seed`` is ``rice``, ``dot``, ``bean`` or ``flake``."""
    pen.path(
        f"M{num(cx - rx)} {num(base)}C{num(cx - rx * 0.72)} {num(base - height * 0.55)}"
        f" {num(cx - rx * 0.42)} {num(base - height)} {num(cx)} {num(base - height)}"
        f"S{num(cx + rx * 0.72)} {num(base - height * 0.55)} {num(cx + rx)} {num(base)}"
        f"A{num(rx)} {num(rx * 0.2)} 0 0 1 {num(cx - rx)} {num(base)}Z",
        pen.ball(colour, 0.3),
    )
    count = 90 if pen.full else 14
    inside: list[Point] = []
    for u, v in scatter(count):
        across = (u - 0.5) * 2
        top = base - height * (1 - abs(across) ** 1.7) * 0.95
        inside.append((cx + across * rx * 0.93, top + (base + rx * 0.1 - top) * v))
    length, width = {"rice": (9, 3.4), "dot": (2.2, 2.2), "bean": (5, 3.6), "flake": (7, 5)}[seed]
    for part, tone in ((0, lit(colour, 0.5)), (1, shaded(colour, 0.2)), (2, lit(colour, 0.2))):
        if part and not pen.full:
            break
        some = inside[part::3]
        drawn = grains(some, length, width) if seed == "rice" else dots(some, length, width)
        pen.path(drawn, tone, 0.85)


def bowl_inside(pen: Pen, cx: float, rim: float, r: float, colour: str) -> None:
    """Draw the far side of a bowl; the contents come next, then `bowl_front`."""
    pen.oval(cx, rim, r, r * 0.24, pen.across(lit(colour, 0.35)))
    pen.oval(cx, rim + 1, r * 0.94, r * 0.2, pen.hollow(colour))


def bowl_front(
    pen: Pen, cx: float, rim: float, r: float, depth: float, colour: str, foot: float = 0.42
) -> None:
    """Draw the near side of a bowl, below its rim."""
    f = r * foot
    bottom = rim + depth
    pen.path(
        f"M{num(cx - f)} {num(bottom - 4)}v8a{num(f)} {num(f * 0.22)} 0 0 0 {num(2 * f)} 0v-8Z",
        pen.across(shaded(colour, 0.1)),
    )
    pen.path(
        f"M{num(cx - r)} {num(rim)}C{num(cx - r * 0.97)} {num(rim + depth * 0.62)}"
        f" {num(cx - r * 0.6)} {num(bottom)} {num(cx)} {num(bottom + 2)}"
        f"S{num(cx + r * 0.97)} {num(rim + depth * 0.62)} {num(cx + r)} {num(rim)}"
        f"A{num(r)} {num(r * 0.24)} 0 0 1 {num(cx - r)} {num(rim)}Z",
        pen.across(colour),
    )
    pen.line(
        f"M{num(cx - r)} {num(rim)}A{num(r)} {num(r * 0.24)} 0 0 0 {num(cx + r)} {num(rim)}",
        lit(colour, 0.55),
        2.6,
    )
    pen.glint(
        f"M{num(cx - r * 0.76)} {num(rim + depth * 0.4)}"
        f"Q{num(cx - r * 0.64)} {num(rim + depth * 0.72)}"
        f" {num(cx - r * 0.42)} {num(rim + depth * 0.86)}",
        6,
        0.42,
    )


def cylinder(
    pen: Pen, cx: float, top: float, bottom: float, r: float, colour: str, flat: float = 0.2
) -> None:
    """Draw an upright round body; its top face is left to the caller."""
    ry = num(r * flat)
    pen.path(
        f"M{num(cx - r)} {num(top)}V{num(bottom)}A{num(r)} {ry} 0 0 0 {num(cx + r)} {num(bottom)}"
        f"V{num(top)}A{num(r)} {ry} 0 0 1 {num(cx - r)} {num(top)}Z",
        pen.across(colour),
    )


def tin(
    pen: Pen, cx: float, top: float, bottom: float, r: float, colour: str, lid: str, lid_h: float
) -> None:
    """Draw a round tin with a lid that sits over it."""
    pen.shadow(cx + 10, bottom + 6, r * 1.3, r * 0.34)
    cylinder(pen, cx, top + lid_h, bottom, r * 0.97, colour)
    if pen.full:
        band = f"A{num(r * 0.97)} {num(r * 0.194)} 0 0 0 {num(cx + r * 0.97)}"
        for y in (top + lid_h + 10, bottom - 8):
            pen.line(f"M{num(cx - r * 0.97)} {num(y)}{band} {num(y)}", lit(lid, 0.3), 1.6, 0.7)
    cylinder(pen, cx, top, top + lid_h, r, lid)
    pen.oval(cx, top, r, r * 0.2, pen.down(lit(lid, 0.5), lit(lid, 0.12)))
    if pen.full:
        pen.oval(cx, top, r * 0.86, r * 0.16, pen.down(lit(lid, 0.2), lit(lid, 0.4)))


def glass_jar(
    pen: Pen, cx: float, top: float, bottom: float, r: float, tint: str = "#dfeeee"
) -> None:
    """Draw the body of a jar; fill it, then call `glass_gleam`."""
    pen.shadow(cx + 8, bottom + 6, r * 1.25, r * 0.32)
    pen.path(_jar_path(cx, top, bottom, r), tint, 0.75)


def glass_gleam(pen: Pen, cx: float, top: float, bottom: float, r: float) -> None:
    """Put the light on a jar's glass."""
    pen.line(_jar_path(cx, top, bottom, r), "#fff", 2.4, 0.65)
    if pen.full:
        pen.box(cx - r * 0.78, top + 34, r * 0.14, (bottom - top) * 0.62, "#fff", 8, 0.5)
        pen.box(cx - r * 0.56, top + 34, r * 0.05, (bottom - top) * 0.5, "#fff", 4, 0.4)
        pen.box(cx + r * 0.74, top + 44, r * 0.07, (bottom - top) * 0.5, "#fff", 4, 0.3)


def _jar_path(cx: float, top: float, bottom: float, r: float) -> str:
    neck = r * 0.8
    return (
        f"M{num(cx - neck)} {num(top)}Q{num(cx - r)} {num(top + 8)} {num(cx - r)} {num(top + 30)}"
        f"V{num(bottom - 14)}Q{num(cx - r)} {num(bottom + 6)} {num(cx - r * 0.7)} {num(bottom + 8)}"
        f"H{num(cx + r * 0.7)}Q{num(cx + r)} {num(bottom + 6)} {num(cx + r)} {num(bottom - 14)}"
        f"V{num(top + 30)}Q{num(cx + r)} {num(top + 8)} {num(cx + neck)} {num(top)}Z"
    )


def cork(pen: Pen, cx: float, top: float, r: float, height: float) -> None:
    """Draw a cork stopper whose lower end is at ``top + height``."""
    cylinder(pen, cx, top, top + height, r, "#c99b6a", 0.16)
    pen.oval(cx, top, r, r * 0.16, "#e2bf93")
    if pen.full:
        flecks = [(cx + (u - 0.5) * 1.8 * r, top + 5 + v * height) for u, v in scatter(16)]
        pen.path(dots(flecks, 2, 1.2), "#8f6439", 0.6)


def pouch(
    pen: Pen, x: float, y: float, width: float, height: float, colour: str, fold: float = 34
) -> None:
    """Draw a standing paper bag with its top folded over."""
    pen.shadow(x + width / 2 + 10, y + height + 2, width * 0.66, 22)
    bulge = width * 0.05
    pen.path(
        f"M{num(x)} {num(y)}H{num(x + width)}L{num(x + width + bulge)} {num(y + height - 10)}"
        f"Q{num(x + width + bulge)} {num(y + height + 6)}"
        f" {num(x + width - 8)} {num(y + height + 6)}"
        f"H{num(x + 8)}Q{num(x - bulge)} {num(y + height + 6)}"
        f" {num(x - bulge)} {num(y + height - 10)}Z",
        pen.across(colour, 0.22),
    )
    pen.box(x - 3, y - 4, width + 6, fold, pen.down(lit(colour, 0.3), shaded(colour, 0.08)), 3)
    if pen.full:
        pen.box(x - 3, y - 4 + fold, width + 6, 5, shaded(colour, 0.6), alpha=0.2)
        crease = f"M{num(x + width * 0.86)} {num(y + fold + 8)}l-7 {num(height * 0.3)}"
        pen.line(crease + f"l6 {num(height * 0.42)}", shaded(colour, 0.4), 1.6, 0.35)
        pen.line(
            f"M{num(x + width * 0.1)} {num(y + fold + 12)}l6 {num(height * 0.5)}", "#fff", 2, 0.4
        )


def blossom(
    pen: Pen, x: float, y: float, r: float, petals: int, petal: str, heart: str, squash: float = 1
) -> None:
    """Draw a flower seen from the front, flattened by ``squash``."""
    for back in (True, False):
        if back and not pen.full:
            continue
        turn = 180 / petals if back else 0
        tone = shaded(petal, 0.12) if back else petal
        ring = "".join(
            leaf_path(0, 0, r, r * 1.15 * math.tan(math.pi / petals) * 1.5, 360 * i / petals + turn)
            for i in range(petals)
        )
        pen.path(ring, tone, turn=f"translate({num(x)} {num(y)}) scale(1 {squash:.2f})")
    pen.oval(x, y, r * 0.28, r * 0.28 * squash, pen.ball(heart))


def sprig(pen: Pen, x: float, y: float, degrees: float, size: float, colour: str) -> None:
    """Draw two leaves and a bud on one stem: how tea is picked."""
    for turn, length, width in ((-38, 0.9, 0.34), (34, 0.84, 0.34), (-2, 1.0, 0.24)):
        tone = colour if turn < 0 else shaded(colour, 0.14)
        pen.path(leaf_path(x, y, size * length, size * width, degrees + turn), tone)
        if pen.full:
            a = math.radians(degrees + turn)
            end = (x + math.cos(a) * size * length * 0.8, y + math.sin(a) * size * length * 0.8)
            pen.line(f"M{num(x)} {num(y)}L{num(end[0])} {num(end[1])}", lit(colour, 0.45), 1.3, 0.8)
    a = math.radians(degrees + 180)
    pen.line(
        f"M{num(x)} {num(y)}l{num(math.cos(a) * size * 0.3)} {num(math.sin(a) * size * 0.3)}",
        shaded(colour, 0.15),
        3,
    )


def rolled(points: Iterable[Point], length: float, width: float, lean: float) -> str:
    """Return flat tea leaves lying mostly one way, as one path."""
    return "".join(
        leaf_path(x, y, length, width, lean + ((i * 37) % 60) - 30)
        for i, (x, y) in enumerate(points)
    )


def saucer(pen: Pen, cx: float, cy: float, r: float, colour: str) -> None:
    """Draw a low dish seen from the side and above."""
    pen.shadow(cx + 6, cy + r * 0.16, r * 1.12, r * 0.26)
    pen.oval(cx, cy + r * 0.09, r * 0.94, r * 0.22, shaded(colour, 0.24))
    pen.oval(cx, cy, r, r * 0.24, pen.across(colour, 0.24))
    pen.oval(cx, cy + r * 0.015, r * 0.74, r * 0.15, pen.hollow(colour, 0.18))
    pen.glint(
        f"M{num(cx - r * 0.86)} {num(cy + 3)}Q{num(cx - r * 0.6)} {num(cy + r * 0.16)}"
        f" {num(cx - r * 0.2)} {num(cy + r * 0.19)}",
        2.5,
        0.55,
    )


def steam(pen: Pen, cx: float, y: float, height: float = 70) -> None:
    """Let something hot steam; only in the full weight."""
    if pen.full:
        for dx, sway, alpha in ((-22, 9, 0.32), (2, -11, 0.42), (24, 8, 0.28)):
            pen.line(
                f"M{num(cx + dx)} {num(y)}c{num(sway)} {num(-height * 0.3)} {num(-sway)}"
                f" {num(-height * 0.6)} {num(sway * 0.4)} {num(-height)}",
                "#fff",
                5,
                alpha,
            )


def lump(cx: float, cy: float, rx: float, ry: float, rough: float, phase: float = 0) -> str:
    """Return the path of a roundish thing with an uneven outline (``rough`` 0 to 0.3)."""
    ring: list[Point] = []
    corners = 12 if rx > 14 else 7
    for i in range(corners):
        a = math.tau * i / corners
        swell = (
            1 + rough * math.sin(3 * a + phase) * 0.6 + rough * math.cos(5 * a + phase * 2) * 0.4
        )
        ring.append((cx + rx * swell * math.cos(a), cy + ry * swell * math.sin(a)))
    return smooth(ring)


def label(pen: Pen, x: float, y: float, width: float, height: float, colour: str) -> None:
    """Stick a plain paper label on; no words, so there is nothing to translate."""
    pen.box(x, y, width, height, pen.across(colour, 0.12), 4)
    if pen.full:
        pen.line(
            f"M{num(x + 5)} {num(y + 5)}h{num(width - 10)}v{num(height - 10)}h{num(10 - width)}Z",
            mix(colour, "#6b7a70", 0.5),
            1.2,
            0.8,
        )
