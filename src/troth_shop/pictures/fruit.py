"""Pictures of fruit, dried fruit and nuts."""

from __future__ import annotations

import math
from collections.abc import Callable

from troth_shop.pictures.pen import Pen, in_round, leaf_path, lit, num, scatter, shaded
from troth_shop.pictures.vessels import (
    bowl_front,
    bowl_inside,
    dots,
    glass_gleam,
    glass_jar,
    label,
    lump,
    pouch,
    saucer,
    scene,
)


def _pores(pen: Pen, cx: float, cy: float, r: float, colour: str) -> None:
    if pen.full:
        pen.path(dots(in_round(60, cx, cy, r * 0.9, r * 0.9), 1.3, 1.3), colour, 0.35)


def _whole_orange(pen: Pen, cx: float, cy: float, r: float) -> None:
    pen.ball_at(cx, cy, r, "#f08a24", 0.38)
    _pores(pen, cx, cy, r, "#b9560f")
    pen.oval(cx + r * 0.1, cy - r * 0.72, r * 0.12, r * 0.08, "#6f8b3b")
    pen.glint(
        f"M{num(cx - r * 0.55)} {num(cy - r * 0.35)}q{num(r * 0.1)} {num(-r * 0.22)}"
        f" {num(r * 0.3)} {num(-r * 0.3)}",
        8,
        0.45,
    )


def orange(pen: Pen) -> None:
    """Two whole oranges, and a cut one that shows its segments."""
    scene(pen, "#f2dfc4", "#dbbd92")
    pen.shadow(206, 334, 164, 30)
    _whole_orange(pen, 132, 218, 88)
    for turn, x, y in ((-36, 140, 152), (-150, 136, 154)):
        pen.path(leaf_path(x, y, 78, 28, turn), pen.down("#6fa04a", "#3f7335"))
        if pen.full:
            a = math.radians(turn)
            pen.line(
                f"M{x} {y}l{num(math.cos(a) * 64)} {num(math.sin(a) * 64)}", "#b7d391", 1.6, 0.8
            )
    _whole_orange(pen, 274, 196, 66)
    pen.ball_at(254, 276, 78, "#e97d18", 0.34)
    pen.oval(252, 274, 71, 71, "#fbe6bd")
    for i in range(10):
        a = 36 * i + 8
        middle, left, right = math.radians(a), math.radians(a - 15), math.radians(a + 15)
        points = [
            (252 + r * math.cos(t), 274 + r * math.sin(t))
            for r, t in ((10, middle), (60, left), (66, middle), (60, right))
        ]
        pen.path(
            f"M{num(points[0][0])} {num(points[0][1])}L{num(points[1][0])} {num(points[1][1])}"
            f"Q{num(points[2][0])} {num(points[2][1])} {num(points[3][0])} {num(points[3][1])}Z",
            pen.ball("#f59a2c", 0.22),
        )
        if pen.full:
            inner = [
                (252 + r * math.cos(middle + o), 274 + r * math.sin(middle + o))
                for r, o in ((28, 0.08), (40, -0.1), (50, 0.12), (54, -0.1))
            ]
            pen.path(dots(inner, 3.4, 1.6), "#ffd27a", 0.8)
    pen.oval(252, 274, 9, 9, "#fdf0d2")


def apple(pen: Pen) -> None:
    """Three red apples on a cloth."""
    scene(pen, "#dfe5d8", "#b9c6b0")
    pen.path("M30 300L206 262L376 306L212 372Z", "#f4f1e6", 0.95)
    if pen.full:
        for i in range(5):
            pen.line(f"M{64 + i * 36} {294 - i * 8}l176 66", "#b5423f", 2, 0.28)
            pen.line(f"M{70 + i * 36} {308 + i * 13}l172 -42", "#b5423f", 2, 0.28)
    for cx, cy, r, tone in (
        (136, 232, 74, "#c23a34"),
        (272, 222, 68, "#cf4a36"),
        (208, 286, 76, "#b92f31"),
    ):
        pen.shadow(cx + 8, cy + r * 0.86, r * 0.96, r * 0.26, 0.3)
        pen.path(
            f"M{num(cx)} {num(cy - r * 0.74)}C{num(cx + r * 0.5)} {num(cy - r * 1.12)}"
            f" {num(cx + r * 1.16)} {num(cy - r * 0.7)} {num(cx + r * 1.02)} {num(cy + r * 0.12)}"
            f"C{num(cx + r * 0.92)} {num(cy + r * 0.74)} {num(cx + r * 0.4)} {num(cy + r * 1.06)}"
            f" {num(cx)} {num(cy + r * 0.9)}"
            f"C{num(cx - r * 0.4)} {num(cy + r * 1.06)} {num(cx - r * 0.92)} {num(cy + r * 0.74)}"
            f" {num(cx - r * 1.02)} {num(cy + r * 0.12)}"
            f"C{num(cx - r * 1.16)} {num(cy - r * 0.7)} {num(cx - r * 0.5)} {num(cy - r * 1.12)}"
            f" {num(cx)} {num(cy - r * 0.74)}Z",
            pen.ball(tone, 0.4),
        )
        if pen.full:
            for i in range(13):
                x = cx + (i - 6) * r * 0.14
                bow = (i - 6) * r * 0.035
                pen.line(
                    f"M{num(x)} {num(cy - r * 0.62)}q{num(bow)} {num(r * 0.5)} {num(bow * 0.6)}"
                    f" {num(r * (0.7 + (i * 29 % 5) / 12))}",
                    "#f2b65a",
                    1.8,
                    0.26,
                )
            freckles = list(in_round(44, cx, cy, r * 0.84, r * 0.78))
            pen.path(dots(freckles, 1.2, 1.2), "#ffe9bd", 0.7)
        pen.oval(cx, cy - r * 0.72, r * 0.3, r * 0.09, shaded(tone, 0.45))
        pen.line(
            f"M{num(cx)} {num(cy - r * 0.7)}q2 {num(-r * 0.2)} {num(r * 0.16)} {num(-r * 0.4)}",
            "#5e412a",
            5,
        )
        pen.glint(
            f"M{num(cx - r * 0.62)} {num(cy - r * 0.28)}q{num(r * 0.06)} {num(-r * 0.22)}"
            f" {num(r * 0.26)} {num(-r * 0.32)}",
            8,
            0.5,
        )
    pen.path(leaf_path(218, 212, 58, 24, -24), pen.down("#7aa653", "#4c7a39"))


def pear(pen: Pen) -> None:
    """Two pears and a half with its core, in soft yellow."""
    scene(pen, "#e6e6d6", "#c6c7a8")
    pen.shadow(204, 334, 164, 28)
    for cx, base, s, tone in ((132, 322, 1.12, "#d9c563"), (246, 300, 0.98, "#e2d07a")):
        pen.path(
            f"M{num(cx)} {num(base)}c{num(-66 * s)} 0 {num(-92 * s)} {num(-40 * s)} {num(-86 * s)}"
            f" {num(-88 * s)}c{num(6 * s)} {num(-44 * s)}"
            f" {num(36 * s)} {num(-66 * s)} {num(58 * s)}"
            f" {num(-78 * s)}c{num(16 * s)} {num(-10 * s)}"
            f" {num(40 * s)} {num(-10 * s)} {num(56 * s)} 0"
            f"c{num(22 * s)} {num(12 * s)} {num(52 * s)} {num(34 * s)} {num(58 * s)} {num(78 * s)}"
            f"c{num(6 * s)} {num(48 * s)} {num(-20 * s)}"
            f" {num(88 * s)} {num(-86 * s)} {num(88 * s)}Z",
            pen.ball(tone, 0.34),
        )
        if pen.full:
            pen.path(
                dots(in_round(100, cx, base - 84 * s, 78 * s, 76 * s), 1.5, 1.5), "#8f7a33", 0.45
            )
            pen.glint(f"M{num(cx - 58 * s)} {num(base - 80 * s)}q-4 -30 22 -50", 9, 0.45)
        pen.oval(cx, base - 167 * s, 24 * s, 6 * s, shaded(tone, 0.34))
        pen.line(f"M{num(cx)} {num(base - 166 * s)}q4 -24 18 -40", "#6a4c2c", 6)
    pen.path(leaf_path(146, 112, 66, 26, 14), pen.down("#83ab58", "#4f7f3d"))
    pen.shadow(312, 350, 66, 14)
    pen.path(
        "M306 352C258 352 238 322 242 290C246 260 270 244 288 236Q306 230 324 236"
        "C342 244 366 260 370 290C374 322 354 352 306 352Z",
        "#cdb958",
    )
    pen.path(
        "M306 346C264 346 246 320 250 291C254 266 276 250 292 243Q306 238 320 243"
        "C336 250 358 266 362 291C366 320 348 346 306 346Z",
        pen.ball("#fbf6df", 0.12),
    )
    pen.path(lump(307, 302, 22, 25, 0.06), "#efe5bd")
    pen.path(leaf_path(302, 316, 24, 11, -100) + leaf_path(312, 316, 24, 11, -80), "#5d4026")
    pen.line("M307 278V246", "#d9cc97", 2.4)


def _date(pen: Pen, cx: float, cy: float, turn: float, size: float = 1) -> None:
    tone = shaded("#8d2f22", 0.18) if int(turn) % 4 else "#8d2f22"
    where = f"translate({num(cx)} {num(cy)}) rotate({num(turn)}) scale({size:.2f})"
    pen.path(
        "M-40 0C-40 -24 -18 -29 2 -28C26 -27 41 -16 41 1C40 20 22 28 -2 28C-24 28 -40 20 -40 0Z",
        pen.ball(tone, 0.42),
        1,
        where,
    )
    if pen.full:
        pen.line(
            "M-30 -8q14 -10 26 -4t26 -6M-32 4q18 8 30 1t30 2"
            "M-24 15q16 6 26 0t18 0M-20 -18q12 -4 20 0",
            "#4d1511",
            2.2,
            0.6,
            where,
        )
        pen.line("M-24 -13q12 -8 22 -4M4 8q12 3 22 0", "#dd8a6d", 2.2, 0.7, where)
    pen.path(dots([(41, 1)], 4, 4), "#4a2a1c", 1, where)


def jujube(pen: Pen) -> None:
    """Wrinkled red dates in a pale bowl."""
    scene(pen, "#e8dad2", "#c9ab9a")
    pen.shadow(202, 340, 158, 28)
    bowl_inside(pen, 200, 226, 130, "#e9e3d6")
    for cx, cy, turn in (
        (136, 206, -18),
        (262, 204, 24),
        (198, 178, 6),
        (156, 176, 40),
        (244, 172, -34),
        (202, 140, 14),
        (112, 220, 30),
        (294, 220, -30),
        (176, 216, -6),
        (232, 218, 12),
    ):
        _date(pen, cx, cy, turn)
    bowl_front(pen, 200, 226, 130, 104, "#f1ece0", 0.42)
    if pen.full:
        pen.line("M76 252Q96 300 150 318M324 252Q304 300 250 318", "#a9b7ae", 2, 0.5)
    _date(pen, 334, 346, -14, 0.86)
    _date(pen, 72, 354, 18, 0.8)


def _persimmon(pen: Pen, cx: float, cy: float, r: float) -> None:
    pen.oval(cx, cy, r, r * 0.62, pen.ball("#c4713f", 0.4))
    pen.path(lump(cx - r * 0.06, cy - r * 0.12, r * 0.8, r * 0.42, 0.08, cx), "#fbeee2", 0.34)
    pen.path(lump(cx - r * 0.1, cy - r * 0.16, r * 0.56, r * 0.28, 0.12, cy), "#fffaf2", 0.46)
    if pen.full:
        pen.path(
            dots(in_round(110, cx, cy - r * 0.04, r * 0.95, r * 0.56), 1.2, 0.9), "#fffaf2", 0.7
        )
        pen.line(
            f"M{num(cx - r * 0.7)} {num(cy + r * 0.2)}q{num(r * 0.5)}"
            f" {num(r * 0.3)} {num(r * 1.2)} 0"
            f"M{num(cx - r * 0.5)} {num(cy + r * 0.36)}q{num(r * 0.4)}"
            f" {num(r * 0.16)} {num(r * 0.8)} 0",
            "#8a3c17",
            2,
            0.3,
        )
    for turn in (15, 105, 195, 285):
        pen.path(
            leaf_path(0, 0, r * 0.36, r * 0.26, turn),
            "#6b6a3a",
            1,
            f"translate({num(cx)} {num(cy - r * 0.26)}) scale(1 .6)",
        )
    pen.oval(cx, cy - r * 0.26, r * 0.09, r * 0.06, "#4c4a28")


def persimmon(pen: Pen) -> None:
    """Frosted persimmon cakes on a leaf, one torn open."""
    scene(pen, "#ecdccb", "#cfb296")
    pen.shadow(200, 334, 164, 28)
    pen.path(leaf_path(20, 320, 372, 118, -4), pen.down("#7f9a5d", "#54733f"))
    if pen.full:
        pen.line(
            "M30 319L370 298M120 312l40 -30M190 308l44 -30M120 314l46 18M200 309l52 18",
            "#b5c88f",
            2,
            0.7,
        )
    _persimmon(pen, 122, 256, 78)
    _persimmon(pen, 262, 248, 76)
    _persimmon(pen, 196, 196, 74)
    pen.shadow(266, 342, 80, 14)
    pen.path(
        "M190 332C186 296 220 282 262 286C314 288 344 306 340 336C336 358 300 364 262 362"
        "C222 360 192 356 190 332Z",
        pen.ball("#c8642b", 0.36),
    )
    pen.path(
        "M204 330C206 306 232 298 262 300C300 302 328 312 326 334C322 350 296 352 262 350"
        "C228 350 204 346 204 330Z",
        pen.ball("#f08b2d", 0.3),
    )
    pen.path(
        "M222 330C226 314 246 312 266 314C292 316 310 322 308 334C304 342 284 342 262 341"
        "C238 341 222 340 222 330Z",
        pen.ball("#ffb04a", 0.26),
    )
    pen.glint("M234 324q22 -8 40 -4", 4, 0.8)


def mango(pen: Pen) -> None:
    """Thick slices fanned before a kraft bag with a mango label."""
    scene(pen, "#f0e3bd", "#dcc587")
    pouch(pen, 118, 56, 168, 246, "#e9dfc8", 36)
    pen.path(lump(202, 190, 56, 56, 0.02), "#fff9ea")
    pen.path(
        "M168 208C160 176 186 150 218 156C246 162 252 192 236 212C216 236 176 236 168 208Z",
        pen.ball("#f0a52b", 0.4),
    )
    pen.path("M206 158C236 158 250 186 238 208C240 184 228 168 206 158Z", "#d2603a", 0.75)
    pen.path(leaf_path(216, 156, 40, 14, -30), "#5f8f45")
    pen.shadow(204, 352, 160, 18)
    for i, (x, y, turn) in enumerate(
        ((84, 318, -62), (318, 320, 58), (140, 306, -30), (262, 308, 34), (200, 310, 4))
    ):
        where = f"translate({x} {y}) rotate({turn})"
        tone = ("#e9961f", "#f0a52e", "#f5b347", "#eea02a", "#f8bf58")[i]
        slab = "M-24 -52C-38 -20 -36 26 -20 50Q2 60 22 48C36 22 34 -24 18 -54Q-2 -62 -24 -52Z"
        pen.path(slab, shaded(tone, 0.34), 1, where + " translate(5 5)")
        pen.path(slab, pen.ball(tone, 0.24), 1, where)
        if pen.full:
            pen.line(
                "M-16 -40C-24 -12 -24 16 -14 38M-4 -46C-8 -16 -8 18 -2 44M10 -42C14 -14 14 16 8 40",
                "#d5830f",
                1.4,
                0.45,
                where,
            )
            pen.line("M-27 -28C-32 -6 -31 16 -24 34", "#ffe9b8", 3.4, 0.75, where)


def goji(pen: Pen) -> None:
    """A jar of red berries and a saucer of them."""
    scene(pen, "#e5dcd3", "#c3aea0")
    glass_jar(pen, 148, 96, 306, 78)
    pen.box(73, 142, 150, 164, "#8f1f1a", 18)
    spots = [(82 + u * 132, 146 + v * 152) for u, v in scatter(90 if pen.full else 34)]
    for i, (x, y) in enumerate(spots):
        tone = ("#c8322a", "#a8251f", "#dd4a36")[i % 3]
        pen.oval(x, y, 14 if pen.full else 17, 6.4, tone, 1, (i * 47) % 180)
        if pen.full and i % 2:
            pen.oval(x - 3, y - 1.6, 5, 1.5, "#f6a58d", 0.8, (i * 47) % 180)
    glass_gleam(pen, 148, 96, 306, 78)
    pen.box(78, 68, 140, 34, pen.across("#44605a"), 8)
    pen.oval(148, 70, 69, 10, lit("#44605a", 0.35))
    label(pen, 110, 190, 76, 66, "#f7f1e2")
    for x, y, turn in ((134, 214, 40), (158, 222, -30), (144, 238, 8)):
        pen.oval(x, y, 12, 6, "#c8322a", 1, turn)
    saucer(pen, 290, 316, 92, "#dfe8e4")
    berries = list(in_round(30 if pen.full else 14, 290, 306, 56, 16))
    for i, (x, y) in enumerate(sorted(berries, key=lambda p: p[1])):
        tone = ("#c8322a", "#a8251f", "#dd4a36")[i % 3]
        pen.oval(x, y, 14, 6.4, pen.ball(tone), 1, (i * 61) % 180)
        if pen.full:
            pen.oval(x - 2, y - 2, 4.6, 1.4, "#f9bda9", 0.8, (i * 61) % 180)


def walnut(pen: Pen) -> None:
    """Whole walnuts, an open half shell and a kernel."""
    scene(pen, "#e4dccf", "#bfae98")
    pen.shadow(200, 334, 168, 30)
    for cx, cy, r in ((116, 240, 78), (268, 226, 76)):
        pen.path(lump(cx, cy, r, r * 0.92, 0.05, cx), pen.ball("#bd8d5b", 0.42))
        pen.line(
            f"M{cx} {num(cy - r * 0.94)}q{num(r * 0.16)} {num(r * 0.9)} 0 {num(r * 1.86)}",
            "#8a5e34",
            5,
        )
        pen.line(
            f"M{num(cx + 5)} {num(cy - r * 0.9)}q{num(r * 0.16)} {num(r * 0.9)} 0 {num(r * 1.78)}",
            "#e0b98a",
            3,
        )
        if pen.full:
            for side in (-1, 1):
                for k in range(5):
                    x = cx + side * r * (0.22 + k * 0.15)
                    y = cy - r * (0.66 - k * 0.09)
                    pen.line(
                        f"M{num(x)} {num(y)}q{num(side * 15)} {num(r * 0.3)} {num(side * -3)}"
                        f" {num(r * 0.5)}q{num(side * 14)} {num(r * 0.3)} {num(side * -12)}"
                        f" {num(r * (0.62 - k * 0.11))}",
                        "#8a5e34",
                        2.6,
                        0.55,
                    )
    pen.shadow(196, 344, 100, 18)
    pen.path(lump(192, 298, 86, 58, 0.03), pen.ball("#a87444", 0.4))
    pen.path(lump(192, 292, 76, 47, 0.03), pen.hollow("#e7cba0", 0.3))
    for side in (-1, 1):
        pen.path(
            f"M192 258C{192 + side * 20} 244 {192 + side * 62} 262 {192 + side * 64} 288"
            f"C{192 + side * 66} 318 {192 + side * 34} 332 192 326Z",
            pen.ball("#d7a767", 0.3),
        )
        pen.line(
            f"M{192 + side * 14} 264q{side * 20} 10 {side * 10} 26t{side * 14} 28"
            f"M{192 + side * 36} 268q{side * 6} 16 {side * -4} 26t{side * 12} 20",
            "#8f5f2e",
            3.4,
            0.8,
        )
    pen.line("M192 256V328", "#f3dcb4", 5)
    pen.path(lump(330, 340, 34, 22, 0.14), pen.ball("#d7a767", 0.34))
    pen.line("M308 340q12 -12 22 0t22 -2", "#8f5f2e", 3, 0.8)
    pen.path(lump(62, 346, 18, 10, 0.2), pen.ball("#bd8d5b"))


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "fruit-orange": orange,
    "fruit-apple": apple,
    "fruit-pear": pear,
    "dried-jujube": jujube,
    "dried-persimmon": persimmon,
    "dried-mango": mango,
    "dried-goji": goji,
    "nut-walnut": walnut,
}
