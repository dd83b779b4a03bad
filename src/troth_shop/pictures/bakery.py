"""Pictures of cakes and sweets."""

# ruff: noqa: PLR0917  coordinates are positional by nature
from __future__ import annotations

import math
from collections.abc import Callable

from troth_shop.pictures.pen import Pen, around, in_round, leaf_path, lit, num, scatter, shaded
from troth_shop.pictures.vessels import blossom, dots, grains, lump, saucer, scene


def _scallop(cx: float, cy: float, rx: float, ry: float, waves: int, depth: float) -> str:
    ring = list(around(waves, cx, cy, rx, ry))
    d = f"M{num(ring[0][0])} {num(ring[0][1])}"
    for i in range(waves):
        nx, ny = ring[(i + 1) % waves]
        a = math.radians(-90 + 360 * (i + 0.5) / waves)
        d += (
            f"Q{num(cx + (rx + depth) * math.cos(a))}"
            f" {num(cy + (ry + depth * ry / rx) * math.sin(a))}"
            f" {num(nx)} {num(ny)}"
        )
    return d + "Z"


def mooncake(pen: Pen) -> None:
    """A moulded mooncake, and a cut quarter that shows paste and yolk."""
    scene(pen, "#e7d7cf", "#c5a596")
    saucer(pen, 186, 300, 150, "#3f5f6a")
    for y, tone in ((278, "#9c5a26"), (262, "#a9652c"), (246, "#b5702f")):
        pen.path(_scallop(172, y, 106, 44, 18, 12), pen.across(tone, 0.34))
    pen.path(_scallop(172, 232, 106, 44, 18, 12), pen.ball("#d08a42", 0.34))
    pen.oval(172, 231, 90, 36, pen.down("#c27a36", "#d9974e"))
    pen.path(_scallop(172, 230, 76, 29, 8, 8), pen.ball("#dd9f58", 0.26))
    turn = "translate(172 229) scale(1 .4)"
    for i in range(8):
        pen.path(leaf_path(10, 0, 58, 26, 0), "#b06a2b", 0.9, turn + f" rotate({i * 45})")
        if pen.full:
            pen.line("M18 0H56", "#f0c182", 3, 0.9, turn + f" rotate({i * 45})")
    pen.oval(172, 229, 13, 6, pen.ball("#e8b169"))
    if pen.full:
        pen.line("M84 222A90 36 0 0 1 150 196", "#ffe0ae", 3.4, 0.7)
    pen.shadow(308, 350, 92, 20)
    pen.path("M232 288Q232 256 306 250Q382 256 382 288L306 312Z", pen.down("#c9823c", "#dd9f58"))
    if pen.full:
        pen.line("M250 284Q252 266 306 262Q362 266 364 284M306 300V268", "#a9652c", 2.4, 0.8)
    pen.path("M232 288L306 312V366L232 336Z", pen.down("#a9652c", "#8d4f20"))
    pen.path("M382 288L306 312V366L382 336Z", pen.down("#94561f", "#7a431a"))
    pen.path("M238 296L306 319V358L238 331Z", pen.down("#8b5a2f", "#a06c3c"))
    pen.path("M376 296L306 319V358L376 331Z", pen.down("#73471f", "#835629"))
    pen.path("M306 322C286 312 272 318 272 330C272 342 288 354 306 356Z", pen.ball("#f5a530", 0.3))
    pen.path("M306 322C326 312 340 318 340 330C340 342 324 354 306 356Z", pen.ball("#e08a1c", 0.34))
    if pen.full:
        pen.path(
            dots([(246 + u * 26, 308 + v * 22) for u, v in scatter(12)], 1.5, 1), "#c99a62", 0.7
        )
        pen.path(
            dots([(344 + u * 26, 308 + v * 22) for u, v in scatter(12)], 1.5, 1), "#a9773f", 0.7
        )


def yolk_pastry(pen: Pen) -> None:
    """Glazed domes with black sesame; one cut in half."""
    scene(pen, "#efe0c6", "#d6bb8e")
    pen.shadow(204, 338, 172, 26)
    for cx, cy, r in ((118, 236, 76), (254, 222, 76)):
        pen.shadow(cx, cy + r * 0.66, r * 1.02, r * 0.2, 0.3)
        pen.path(
            f"M{cx - r} {num(cy + r * 0.5)}C{num(cx - r * 1.04)} {num(cy - r * 0.9)}"
            f" {num(cx + r * 1.04)} {num(cy - r * 0.9)} {cx + r} {num(cy + r * 0.5)}"
            f"Q{cx} {num(cy + r * 0.92)} {cx - r} {num(cy + r * 0.5)}Z",
            pen.ball("#e9a440", 0.4),
        )
        pen.path(
            f"M{num(cx - r * 0.97)} {num(cy + r * 0.34)}Q{cx} {num(cy + r * 0.62)}"
            f" {num(cx + r * 0.97)} {num(cy + r * 0.34)}L{cx + r} {num(cy + r * 0.5)}"
            f"Q{cx} {num(cy + r * 0.92)} {cx - r} {num(cy + r * 0.5)}Z",
            "#f3dcae",
        )
        seeds = in_round(18 if pen.full else 9, cx - 4, cy - r * 0.3, r * 0.44, r * 0.2)
        pen.path(grains(seeds, 8, 4, 67), "#2b2724")
        pen.glint(
            f"M{num(cx - r * 0.66)} {num(cy)}q{num(r * 0.12)} {num(-r * 0.34)} {num(r * 0.4)}"
            f" {num(-r * 0.42)}",
            8,
            0.55,
        )
    pen.shadow(196, 356, 98, 16)
    pen.path("M104 336C100 236 290 236 288 336Q196 370 104 336Z", pen.ball("#f0cf92", 0.3))
    if pen.full:
        for i in range(4):
            k = i * 7
            pen.line(
                f"M{110 + k} 334C{112 + k} {250 + k} {280 - k} {250 + k} {282 - k} 334",
                "#c99a52",
                1.8,
                0.7,
            )
    pen.path("M136 338C134 268 258 268 256 338Q196 356 136 338Z", pen.ball("#6f2b2c", 0.3))
    pen.path(lump(196, 324, 34, 28, 0.02), pen.ball("#f08c22", 0.42))
    if pen.full:
        crumbs = [(150 + u * 94, 296 + v * 44) for u, v in scatter(30)]
        pen.path(dots(crumbs, 1.6, 1.2), "#a4565a", 0.8)
    pen.path(grains(in_round(9, 196, 274, 30, 5), 8, 4, 67), "#2b2724")


def walnut_cookie(pen: Pen) -> None:
    """A stack of cracked shortbread, each with half a walnut."""
    scene(pen, "#e2ddd0", "#c0b59d")
    pen.shadow(200, 334, 162, 28)
    for i, (cx, cy) in enumerate(((172, 308), (184, 276), (168, 244), (180, 212))):
        pen.path(lump(cx, cy + 10, 116, 34, 0.03, i), "#a9743a")
        pen.path(lump(cx, cy, 116, 34, 0.03, i), pen.ball("#dcaa62", 0.32))
        if pen.full:
            pen.path(
                dots([(cx - 100 + u * 200, cy + 12 + v * 14) for u, v in scatter(20)], 2.2, 1.2),
                "#8a5a26",
                0.45,
            )
    cracks = (
        "M92 210l22 6 10 -9 24 10M268 206l-26 7 -8 -8 -22 9M118 232l20 -8 14 8M238 232l-18 -9 -16 6"
        "M130 190l16 8 10 -6M232 190l-20 8"
    )
    pen.line(cracks, "#9c6529", 3.6 if pen.full else 3, 0.85)
    if pen.full:
        pen.line("M94 213l22 6 10 -9M268 209l-26 7", "#f3d29a", 1.6, 0.9)
    pen.path(lump(180, 204, 36, 16, 0.12), pen.ball("#b07a3f", 0.4))
    pen.line("M154 204q10 -9 18 0t18 -1 16 1", "#75481d", 3, 0.85)
    pen.shadow(318, 340, 72, 18)
    turn = "rotate(-18 316 284)"
    pen.path(lump(316, 284, 66, 62, 0.03), pen.ball("#dcaa62", 0.34), 1, turn)
    pen.line(
        "M268 270l20 8 12 -12 16 6M360 262l-18 12 -12 -6M278 316l18 -12 14 6M352 312l-16 -12",
        "#9c6529",
        3.4,
        0.85,
        turn,
    )
    pen.path(lump(316, 284, 28, 22, 0.14), pen.ball("#b07a3f", 0.4))
    pen.line("M298 284q8 -10 16 0t18 -2M304 294q8 -6 14 0", "#75481d", 3, 0.85)
    pen.path(
        lump(84, 356, 12, 6, 0.2) + lump(110, 362, 7, 4, 0.2) + lump(258, 362, 8, 4, 0.2), "#c8954f"
    )


def mung_cake(pen: Pen) -> None:
    """Moulded green cakes in a bamboo tray, each with another flower."""
    scene(pen, "#dfe6d2", "#bccaa4")
    pen.shadow(202, 340, 172, 26)
    pen.path(
        "M40 292L94 168H312L364 292V330Q364 338 354 338H50Q40 338 40 330Z",
        pen.down("#b98a4b", "#8c6230"),
    )
    pen.path("M56 288L104 178H302L348 288Z", pen.down("#8f6a3a", "#c79a5c"))
    for row, (y, width, left) in enumerate(((206, 58, 108), (244, 66, 92), (286, 74, 76))):
        for k in range(3):
            x = left + k * (width + 8)
            skew = (1 - k) * 4
            pen.path(f"M{x} {y}h{width}v18h-{width}Z", "#8aa05a")
            top = f"M{x + skew + 3} {y - 26}h{width - 6}l{3 - skew} 27h-{width}Z"
            pen.path(top, pen.down("#cbd98f", "#b3c673"))
            cx, cy = x + width / 2 + skew / 2, y - 12
            if (row + k) % 2:
                blossom(pen, cx, cy, width * 0.3, 6, "#a2b862", "#dbe6a8", 0.46)
            else:
                for turn in range(0, 360, 72):
                    pen.path(
                        leaf_path(0, 0, width * 0.3, width * 0.14, turn),
                        "#97ae58",
                        1,
                        f"translate({num(cx)} {num(cy)}) scale(1 .46)",
                    )
            if pen.full:
                pen.line(f"M{x + skew + 3} {y - 26}h{width - 6}", "#f0f6cf", 1.8, 0.9)
                pen.path(
                    dots([(x + u * width, y + 3 + v * 13) for u, v in scatter(9)], 1.4, 1),
                    "#6b8340",
                    0.6,
                )
    if pen.full:
        pen.line("M46 314H358", "#e0b878", 2, 0.7)
        pen.line("".join(f"M{60 + i * 32} 300v30" for i in range(10)), "#7a5426", 1.4, 0.5)


def toast(pen: Pen) -> None:
    """A milk loaf with a cut face and one slice leaning."""
    scene(pen, "#e3e0da", "#c4b7a6")
    pen.shadow(204, 332, 172, 30)
    pen.path("M38 318H362V330Q362 338 352 338H48Q38 338 38 330Z", pen.down("#c4986a", "#8d6339"))
    crust = (
        "M150 306V186Q120 170 134 138Q150 112 186 124Q206 98 240 106Q272 92 296 116Q334 108 346 138"
        "Q356 166 332 182V292Q332 306 318 306Z"
    )
    pen.path(crust, pen.down("#d9923f", "#a8642a"))
    if pen.full:
        pen.line(
            "M186 128Q204 152 196 190M240 110Q258 136 250 184M296 120Q310 146 304 184",
            "#8a4d1d",
            3,
            0.45,
        )
        pen.line(
            "M162 134Q174 124 188 132M214 116Q226 108 240 114M272 112Q284 108 296 122",
            "#ffd494",
            5,
            0.65,
        )
    face = (
        "M62 306V196Q34 180 46 148Q62 122 98 134Q114 108 146 118"
        "Q184 112 194 146Q200 172 176 188V296Q176 306 166 306Z"
    )
    pen.path(face, pen.down("#b8702e", "#95561f"))
    pen.path(
        "M72 298V192Q48 176 58 152Q72 132 101 145"
        "Q118 120 144 128Q176 124 183 150Q186 168 166 182V290"
        "Q166 298 158 298Z",
        pen.ball("#fbefd4", 0.12),
    )
    if pen.full:
        holes = [(78 + u * 82, 150 + v * 138) for u, v in scatter(44)]
        pen.path(dots(holes[::2], 2.6, 1.6), "#e3cc9c", 0.9)
        pen.path(dots(holes[1::2], 1.6, 2.2), "#efdcb4", 0.9)
    pen.shadow(294, 350, 92, 14)
    turn = "rotate(10 300 340)"
    pen.path(
        "M236 346V272Q214 258 224 234Q236 216 262 224"
        "Q276 204 302 212Q332 210 338 236Q342 256 324 266V338"
        "Q324 346 316 346Z",
        pen.down("#c47c36", "#9b5c24"),
        1,
        turn,
    )
    pen.path(
        "M243 339V269Q224 256 232 238Q240 226 264 233"
        "Q280 213 301 220Q326 218 330 238Q332 252 317 262V332"
        "Q317 339 310 339Z",
        pen.ball("#fdf3dc", 0.12),
        1,
        turn,
    )
    if pen.full:
        spots = [(246 + u * 68, 236 + v * 94) for u, v in scatter(30)]
        pen.path(dots(spots, 2.2, 1.5), "#e7d2a6", 0.9, turn)


def hawthorn(pen: Pen) -> None:
    """Candied hawthorn sticks fanned in a glass of rice."""
    scene(pen, "#d9dfe2", "#b3bfc4")
    pen.shadow(204, 342, 100, 22)
    for turn, lift in ((-26, 8), (-13, 0), (0, -6), (13, 0), (26, 8)):
        where = f"rotate({turn} 200 352)"
        pen.line(f"M200 {40 + lift}V330", "#d8b67e", 6, 1, where)
        for i in range(5):
            y = 66 + lift + i * 35
            tone = "#c4242b" if i % 2 else "#b21f2a"
            berry = lump(200, y, 21, 19, 0.02) if pen.full else dots([(200, y)], 21, 19)
            pen.path(berry, pen.ball(tone, 0.44), 1, where)
            if pen.full:
                pen.path(
                    dots([(192 + (k * 11) % 20, y - 8 + (k * 7) % 18) for k in range(6)], 1.3, 1.3),
                    "#f3b9a0",
                    0.7,
                    where,
                )
                pen.line(f"M188 {y - 4}q3 -9 11 -10", "#fff", 4, 0.75, where)
                pen.line(f"M214 {y + 6}q-3 6 -9 8", "#ffb8a8", 2, 0.7, where)
    pen.path("M136 254H264L252 334Q250 344 240 344H160Q150 344 148 334Z", "#f6fafa", 0.86)
    pen.path(
        "M139 272H261L251 332Q249 340 240 340H160Q151 340 149 332Z", pen.across("#efe7d4", 0.2)
    )
    if pen.full:
        pen.path(
            grains([(150 + u * 98, 276 + v * 58) for u, v in scatter(60)], 8, 3, 51), "#cfc2a2", 0.7
        )
        pen.line("M150 264L158 326", "#fff", 7, 0.7)
    pen.oval(200, 254, 64, 9, "#ffffff", 0.55)
    pen.line("M136 254A64 9 0 1 0 264 254A64 9 0 1 0 136 254", "#ffffff", 2, 0.9)
    for x, y in ((310, 340), (338, 350), (92, 348)):
        pen.path(lump(x, y, 15, 13, 0.04), pen.ball("#b4232a", 0.4))
        pen.path(leaf_path(x, y - 12, 12, 6, -60), "#5f7f42")


def _strip(count: int, phase: int) -> list[tuple[float, float]]:
    """Spread points over a long thin strip: even along it, uneven across."""
    return [((i + 0.5) / count, (i * 0.618034 + phase * 0.37) % 1) for i in range(count)]


def peanut_brittle(pen: Pen) -> None:
    """Bars of brittle stacked crosswise, with peanuts."""
    scene(pen, "#e9dcc3", "#cdb58b")
    pen.shadow(198, 336, 164, 28)
    bars = ((60, 296, 250), (76, 258, 222), (58, 220, 238), (92, 182, 178))
    for row, (x, y, width) in enumerate(bars):
        pen.path(f"M{x} {y}l26 -26h{width}l-26 26Z", pen.down("#f0c27a", "#dca353"))
        pen.path(f"M{x + width} {y}l26 -26v30l-26 28Z", "#a8692a")
        pen.path(f"M{x} {y}h{width}v32h-{width}Z", pen.across("#c98a3e", 0.2))
        count = round(width / (11 if pen.full else 18))
        nuts = [(x + 8 + u * (width - 16), y + 7 + v * 19) for u, v in _strip(count, row)]
        pen.path(dots(nuts[::3], 8, 4.6), "#f3dcb0")
        pen.path(dots(nuts[1::3], 6, 5), "#e6c286")
        pen.path(dots(nuts[2::3], 7, 4.4), "#9c5527")
        tops = [
            (x + 26 - v * 20 + u * (width - 8), y - 22 + v * 18) for u, v in _strip(count // 2, row)
        ]
        pen.path(dots(tops, 7, 2.8), "#fdf0cf", 0.95)
        if pen.full:
            pen.line(f"M{x + 2} {y + 1}h{width - 4}", "#ffe6b4", 2, 0.8)
            pen.line(f"M{x + 30} {y - 24}h{width - 40 - row}", "#fff6dc", 2.2, 0.7)
    for x, y, turn in ((336, 338, -16), (70, 356, 12)):
        where = f"rotate({turn} {x} {y})"
        pen.path(
            f"M{x - 34} {y}c0 -20 24 -20 34 -12c10 -8 34 -8"
            f" 34 12c0 20 -24 20 -34 12c-10 8 -34 8 -34 -12Z",
            pen.ball("#d9b07a", 0.36),
            1,
            where,
        )
        if pen.full:
            mesh = "".join(f"M{x - 26 + i * 11} {y - 11}v22" for i in range(6))
            pen.line(mesh + f"M{x - 30} {y - 3}h60M{x - 30} {y + 5}h60", "#a1743c", 1.5, 0.6, where)


def _candy(pen: Pen, x: float, y: float, turn: float, colour: str) -> None:
    where = f"translate({num(x)} {num(y)}) rotate({num(turn)})"
    for side in (-1, 1):
        pen.path(
            f"M{side * 34} 0L{side * 70} -24L{side * 64} -8"
            f"L{side * 74} 0L{side * 64} 8L{side * 70} 24Z",
            shaded(colour, 0.12),
            1,
            where,
        )
        if pen.full:
            pen.line(
                f"M{side * 36} -2L{side * 64} -15M{side * 36} 2L{side * 64} 15",
                lit(colour, 0.6),
                1.6,
                0.8,
                where,
            )
    pen.box(-40, -22, 80, 44, pen.down(lit(colour, 0.3), shaded(colour, 0.12)), 12, 1, where)
    pen.box(-18, -22, 36, 44, "#fff8ec", 0, 0.92, where)
    pen.path(leaf_path(-9, 4, 20, 9, -20), colour, 1, where)
    pen.path(dots([(8, -8)], 3.4, 3.4), colour, 1, where)
    if pen.full:
        pen.line("M-32 -14H30", "#fff", 4, 0.6, where)


def nougat(pen: Pen) -> None:
    """Twisted candies in four colours around a cut block of nougat."""
    scene(pen, "#e6dce2", "#c8b4c0")
    pen.shadow(204, 338, 168, 30)
    pen.path("M96 196L204 156L318 192L210 240Z", pen.down("#fffdf4", "#f3ead3"))
    pen.path("M96 196L210 240V288L96 240Z", pen.down("#f0e4c8", "#e2d2ae"))
    pen.path("M210 240L318 192V238L210 288Z", pen.down("#e2d2ae", "#cfbb92"))
    spots = [(110 + u * 190, 166 + v * 64) for u, v in scatter(26 if pen.full else 12)]
    top = [(x, y) for x, y in spots if abs(x - 207) / 108 + abs(y - 198) / 42 < 0.86]
    pen.path("".join(lump(x, y, 10, 5, 0.1, x) for x, y in top), "#c98f4d")
    pen.path(
        "".join(
            lump(x, y, 9, 7, 0.1, y)
            for x, y in ((122, 222), (150, 240), (180, 252), (136, 246), (196, 270), (166, 262))
        ),
        "#b97a3b",
    )
    pen.path(
        "".join(
            lump(x, y, 9, 7, 0.1, y)
            for x, y in ((236, 250), (262, 232), (292, 222), (250, 264), (284, 244))
        ),
        "#a66c31",
    )
    for x, y, turn, tone in (
        (112, 308, -14, "#c2453f"),
        (296, 304, 16, "#3f7a72"),
        (200, 332, -3, "#d69a2d"),
        (314, 352, -18, "#6a5796"),
        (94, 356, 20, "#3f7a72"),
    ):
        pen.shadow(x, y + 22, 58, 9, 0.24)
        _candy(pen, x, y, turn, tone)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "bake-mooncake": mooncake,
    "bake-yolk-pastry": yolk_pastry,
    "bake-walnut-cookie": walnut_cookie,
    "bake-mung-cake": mung_cake,
    "bake-toast": toast,
    "sweet-hawthorn": hawthorn,
    "sweet-peanut": peanut_brittle,
    "sweet-nougat": nougat,
}
