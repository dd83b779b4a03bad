"""Pictures of grains, noodles and oil."""

from __future__ import annotations

import math
from collections.abc import Callable

from troth_shop.pictures.pen import Pen, lit, num, scatter, shaded
from troth_shop.pictures.vessels import (
    blossom,
    bowl_front,
    bowl_inside,
    cork,
    dots,
    glass_gleam,
    glass_jar,
    grains,
    heap,
    label,
    lump,
    scene,
)


def rice(pen: Pen) -> None:
    """A tied cotton sack with a stamped ear of rice, and a spill of grains."""
    scene(pen, "#dfe3d0", "#c3c9a8")
    pen.shadow(190, 326, 132, 30)
    pen.path(
        "M92 150Q70 236 82 318Q86 334 112 334H268Q292 334 296 318Q308 236 284 150"
        "Q236 128 188 130Q138 128 92 150Z",
        pen.across("#efe7d3", 0.3),
    )
    pen.path(
        "M120 92Q148 118 152 140Q188 150 226 140Q232 116 258 88Q224 66 190 78Q152 64 120 92Z",
        pen.down("#f7f1e2", "#d9cdb0"),
    )
    if pen.full:
        for x, lean in ((140, 20), (170, 8), (206, -8), (238, -22)):
            pen.line(f"M{x} 90q{lean} 26 {lean * 0.6} 50", "#b9ab88", 2, 0.6)
        for x, bend in ((112, -8), (150, 6), (238, -6), (268, 8)):
            pen.line(f"M{x} 160q{bend} 70 {-bend} 140", "#cbbd99", 2, 0.5)
        weave = "".join(f"M{num(90 + u * 200)} {num(160 + v * 160)}h5" for u, v in scatter(90))
        pen.line(weave, "#b7a67f", 1, 0.35)
    pen.line("M146 142Q188 158 232 142", "#8a3d2f", 7)
    pen.line("M188 150q-16 22 -32 26M192 150q14 20 34 22", "#8a3d2f", 4)
    stalk = [(190 - 4 * i * 0.9, 300 - i * 15) for i in range(8)]
    pen.line("M194 308Q190 252 152 186", "#4d7a4a", 4)
    for i, node in enumerate(stalk[1:]):
        pen.path(grains([node], 27, 10, 0, -28 - i * 2), "#c99b2e")
        pen.path(grains([node], 27, 10, 0, -140 - i * 2), "#dbb04a")
    pen.shadow(300, 352, 76, 12)
    heap(pen, 306, 346, 70, 44, "#fbf8ee")


def millet(pen: Pen) -> None:
    """A dark stoneware bowl heaped with millet."""
    scene(pen, "#e8dfc3", "#d0bf92")
    pen.shadow(202, 334, 150, 30)
    bowl_inside(pen, 200, 206, 126, "#4a5b58")
    heap(pen, 200, 214, 112, 96, "#f0c146", "dot")
    bowl_front(pen, 200, 206, 126, 120, "#43605c", 0.4)
    if pen.full:
        pen.line("M80 226Q96 250 130 262M282 258Q312 244 320 226", "#86a39a", 3, 0.5)
        loose = [(60 + u * 290, 344 + v * 36) for u, v in scatter(34)]
        pen.path(dots(loose, 2.6, 2.2), "#d9a32c")
    pen.line("M330 350C352 300 350 250 336 196", "#7f9151", 4)
    for i in range(11):
        t = i / 10
        pen.oval(
            337 + math.sin(t * 3) * 5,
            196 - 40 + i * 8.5,
            12 - abs(t - 0.45) * 9,
            9,
            "#dfae3a" if i % 2 else "#c8952a",
        )


def red_beans(pen: Pen) -> None:
    """A cork jar of red beans."""
    scene(pen, "#e6d6d0", "#cbaea4")
    glass_jar(pen, 190, 104, 322, 92)
    pen.box(101, 138, 178, 188, "#6f1a2a", 22)
    for part, tone in ((0, "#8c2433"), (1, "#a9333f"), (2, "#6f1a2a")):
        spots = [(112 + u * 156, 152 + v * 158) for u, v in scatter(150 if pen.full else 34)]
        radius = 9 if pen.full else 13
        beans = "".join(lump(x, y, radius, radius * 0.74, 0.1, x) for x, y in spots[part::3])
        pen.path(beans if pen.full else dots(spots[part::3], radius, radius * 0.7), tone)
    if pen.full:
        eyes = [(114 + u * 154, 150 + v * 156) for u, v in scatter(150)]
        pen.path(dots(eyes[::2], 2.6, 1.1), "#f3dcd2", 0.85)
    glass_gleam(pen, 190, 104, 322, 92)
    cork(pen, 190, 66, 70, 44)
    label(pen, 146, 204, 88, 64, "#f8f1e4")
    pen.path(lump(178, 238, 17, 12, 0.1) + lump(206, 230, 16, 11, 0.1, 2), "#9c2c3a")
    pen.shadow(318, 350, 50, 10)
    for x, y in ((296, 342), (322, 352), (340, 338), (352, 356), (84, 356)):
        pen.path(lump(x, y, 13, 9, 0.1, x), pen.ball("#9c2c3a"))
        pen.oval(x + 2, y - 1, 3.4, 1.3, "#f3dcd2")


def oats(pen: Pen) -> None:
    """A tall jar of flakes with a wooden spoon in front."""
    scene(pen, "#dfe2dd", "#bcc6c0")
    glass_jar(pen, 164, 84, 316, 82)
    flakes = [(92 + u * 142, 142 + v * 164) for u, v in scatter(130 if pen.full else 40)]
    pen.box(84, 150, 160, 166, "#d8bd8c", 14)
    for part, tone in ((0, "#ecd9b2"), (1, "#c9a873"), (2, "#e0c696")):
        shapes = "".join(lump(x, y, 11, 7, 0.14, y) for x, y in flakes[part::3])
        pen.path(shapes if pen.full else dots(flakes[part::3], 13, 7), tone)
    glass_gleam(pen, 164, 84, 316, 82)
    pen.box(88, 62, 152, 32, pen.across("#56727a"), 9)
    pen.oval(164, 64, 75, 11, lit("#56727a", 0.3))
    pen.shadow(296, 346, 92, 16)
    pen.line("M326 322L384 246", "#a8743f", 13)
    pen.glint("M330 314L380 250", 3, 0.4)
    pen.oval(282, 336, 66, 26, pen.down("#c98f55", "#8e5b2c"), 1, -12)
    pen.oval(281, 331, 54, 17, shaded("#b67d45", 0.2), 1, -12)
    spoon = [(240 + u * 80, 316 + v * 20) for u, v in scatter(30 if pen.full else 12)]
    for part, tone in ((0, "#f2e2bf"), (1, "#d2b27e")):
        pen.path("".join(lump(x, y, 11, 7, 0.14, x) for x, y in spoon[part::2]), tone)


def noodles(pen: Pen) -> None:
    """Three bundles of dried noodles, each held by a band of paper."""
    scene(pen, "#dcdfe2", "#bcbfc2")
    pen.shadow(206, 336, 150, 26)
    for x, lean, band in ((96, -9, "#b5382e"), (176, 0, "#3c6a72"), (256, 8, "#c6952f")):
        turn = f"rotate({lean} {x + 32} 330)"
        pen.box(x, 72, 64, 264, pen.across("#f3e4bd"), 5, 1, turn)
        if pen.full:
            strands = "".join(f"M{num(x + 4 + i * 5.1)} 76v256" for i in range(12))
            pen.line(strands, "#c9ac6f", 1.5, 0.6, turn)
            pen.line(
                "".join(f"M{num(x + 6.5 + i * 10)} 76v256" for i in range(6)),
                "#fff8e4",
                1.2,
                0.8,
                turn,
            )
        ends = [(x + 5 + i * 6, 72) for i in range(10)]
        pen.path(dots(ends, 2.8, 2), "#e3cd97", 1, turn)
        pen.box(x - 3, 178, 70, 62, pen.across(band), 3, 1, turn)
        pen.path(dots([(x + 32, 209)], 17, 17), "#fbf3df", 1, turn)
        pen.line(f"M{x + 22} 214q5 -10 10 0t10 0M{x + 22} 206q5 -10 10 0t10 0", band, 2.4, 1, turn)


def buckwheat(pen: Pen) -> None:
    """Nests of buckwheat noodles on a slate board."""
    scene(pen, "#d8dcd8", "#a9b2ad")
    pen.shadow(204, 340, 174, 26)
    pen.path("M44 306L92 254H330L366 306Z", pen.down("#4b5557", "#3a4345"))
    pen.path("M44 306H366V322Q366 328 360 328H50Q44 328 44 322Z", "#2c3335")
    for cx, cy, r in ((142, 262, 66), (272, 262, 64), (206, 196, 62)):
        pen.oval(cx, cy + r * 0.42, r, r * 0.3, "#1d2430", 0.25)
        pen.oval(cx, cy, r, r * 0.62, pen.ball("#a98a72"))
        rings = 15 if pen.full else 7
        for i in range(rings):
            k = 1 - i / rings * 0.86
            wobble = ((i * 37) % 9) - 4
            tone = ("#c7a98f", "#8b6d57", "#b79a80")[i % 3]
            pen.line(
                f"M{num(cx - r * k)} {num(cy + wobble * 0.4)}"
                f"A{num(r * k)} {num(r * 0.6 * k)} {wobble * 3} 1 1 {num(cx + r * k)}"
                f" {num(cy - wobble * 0.5)}A{num(r * k)} {num(r * 0.6 * k)} {wobble * 2} 0 1"
                f" {num(cx - r * k)} {num(cy + wobble * 0.4)}",
                tone,
                3.4 if pen.full else 4.6,
                0.95,
            )
        pen.line(
            f"M{num(cx - r * 0.7)} {num(cy - r * 0.1)}Q{cx} {num(cy + r * 0.5)}"
            f" {num(cx + r * 0.8)} {num(cy - r * 0.2)}",
            "#d3b69b",
            3.6,
        )
    pen.path(
        "".join(f"M{x} {y}l7 -11l8 10Z" for x, y in ((70, 352), (98, 362), (330, 356), (352, 348))),
        "#5c4636",
    )


def sweet_potato(pen: Pen) -> None:
    """A folded skein of glassy noodles tied with straw, with a sweet potato."""
    scene(pen, "#e1dbe2", "#c2b4c0")
    pen.shadow(196, 318, 166, 30)
    hank = "M190 {a}C140 {a} 116 {b} 78 {c}C20 {d} 20 {e} 78 {f}C116 {g} 140 {h} 190 {h}"
    hank += "C240 {h} 264 {g} 302 {f}C360 {e} 360 {d} 302 {c}C264 {b} 240 {a} 190 {a}Z"
    count = 15 if pen.full else 6
    for i in range(count):
        k = 1 - i / count * 0.93
        mid = 244 + ((i * 5) % 7 - 3)
        rows = {"a": -26, "b": -70, "c": -68, "d": -62, "e": 62, "f": 68, "g": 70, "h": 26}
        d = hank.format(**{name: num(mid + y * k) for name, y in rows.items()})
        tone = ("#c3a983", "#dcc7a3", "#a78c68")[i % 3]
        if i == 0:
            pen.path(d, "#8c7352")
        pen.line(d, tone, 6.5 if pen.full else 15)
        if pen.full:
            pen.line(d, "#f6efe6", 1.5, 0.75)
    pen.path(
        "M170 206Q190 200 210 206Q218 244 210 284Q190 292 170 284Q162 244 170 206Z",
        pen.across("#9c4a3a"),
    )
    if pen.full:
        pen.line("".join(f"M{171 + i * 6} 210q-4 36 0 72" for i in range(7)), "#6d2c22", 1.2, 0.6)
        pen.line("M168 226Q190 234 212 226M168 262Q190 270 212 262", "#e8c9a0", 2, 0.8)
    pen.shadow(308, 350, 78, 14)
    pen.path(
        "M226 344Q240 306 300 306Q356 308 384 338Q352 364 296 362Q246 362 226 344Z",
        pen.ball("#a24a5c"),
    )
    pen.oval(238, 341, 13, 15, "#f0a75a", 1, -20)
    if pen.full:
        pen.line("M286 326q12 -5 22 0M320 346q12 -4 20 1M268 348q8 -3 14 0", "#6d2a3b", 2, 0.7)


def rapeseed(pen: Pen) -> None:
    """A clear bottle of golden oil and a rape flower."""
    scene(pen, "#e9e6c6", "#cfca98")
    pen.shadow(186, 328, 96, 24)
    body = (
        "M154 96V146Q154 164 128 186Q106 206 106 236V314Q106 334 126 334H230Q250 334 250 314"
        "V236Q250 206 228 186Q202 164 202 146V96Z"
    )
    pen.path(body, "#f3f6ea", 0.9)
    pen.path(
        "M110 224Q116 204 136 190H220Q240 204 246 224V312Q246 329 230 329H126Q110 329 110 312Z",
        pen.across("#e5a91c", 0.4),
    )
    pen.oval(178, 192, 43, 7, "#f7d269")
    pen.line(body, "#ffffff", 2.6, 0.75)
    if pen.full:
        pen.box(120, 220, 12, 96, "#fff", 6, 0.55)
        pen.box(138, 226, 5, 80, "#fff", 3, 0.4)
        pen.box(234, 232, 7, 76, "#fff", 4, 0.35)
        pen.box(160, 100, 7, 50, "#fff", 4, 0.7)
    cork(pen, 178, 70, 22, 28)
    label(pen, 142, 236, 72, 68, "#fbf6e4")
    for dx, dy in ((0, 0), (-17, 12), (17, 12), (-9, 28), (10, 28)):
        blossom(pen, 178 + dx, 256 + dy, 10, 4, "#efc02c", "#b07d12")
    pen.line(
        "M310 352C300 300 306 250 318 190M308 316C330 290 338 270 340 250M306 296C288 276 282 262"
        " 280 246",
        "#6d8f45",
        4,
    )
    for x, y in (
        (318, 186),
        (302, 200),
        (334, 204),
        (318, 214),
        (340, 244),
        (354, 256),
        (330, 262),
        (280, 240),
        (268, 254),
        (294, 256),
        (308, 168),
        (330, 172),
    ):
        blossom(pen, x, y, 14, 4, "#f4ca36", "#b98a14")


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "grain-rice": rice,
    "grain-millet": millet,
    "grain-red-beans": red_beans,
    "grain-oats": oats,
    "noodle-dried": noodles,
    "noodle-buckwheat": buckwheat,
    "noodle-sweet-potato": sweet_potato,
    "oil-rapeseed": rapeseed,
}
