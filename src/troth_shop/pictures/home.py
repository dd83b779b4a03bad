"""Pictures of household things."""

from __future__ import annotations

import math
from collections.abc import Callable

from troth_shop.pictures.pen import Pen, around, in_round, leaf_path, lit, num, scatter, shaded
from troth_shop.pictures.vessels import blossom, cylinder, dots, grains, scene


def towels(pen: Pen) -> None:
    """Three folded towels in a stack, with a sprig of cotton."""
    scene(pen, "#dfe5e6", "#b9c6c6")
    pen.shadow(196, 340, 160, 28)
    for y, tone, inset in ((274, "#7fa3a0", 0), (212, "#e8d9bd", 8), (150, "#d48f7c", 4)):
        left, right = 54 + inset, 330 - inset
        pen.path(
            f"M{left + 24} {y}H{right}Q{right + 8} {y + 30} {right} {y + 62}H{left + 24}"
            f"Q{left - 12} {y + 58} {left - 12} {y + 31}T{left + 24} {y}Z",
            pen.down(lit(tone, 0.3), shaded(tone, 0.14)),
        )
        pen.line(
            f"M{right} {y + 20}H{left + 26}"
            f"Q{left + 8} {y + 22} {left + 8} {y + 31}T{left + 26} {y + 42}H{right}",
            shaded(tone, 0.26),
            2.6,
            0.6,
        )
        pen.path(f"M{right - 66} {y}h22q8 30 0 62h-22q8 -32 0 -62Z", lit(tone, 0.5), 0.75)
        if pen.full:
            loops = [(left + 12 + u * (right - left - 20), y + 4 + v * 54) for u, v in scatter(130)]
            pen.path(dots(loops[::2], 1.7, 1), lit(tone, 0.6), 0.55)
            pen.path(dots(loops[1::2], 1.7, 1), shaded(tone, 0.3), 0.35)
            pen.line(
                f"M{right - 58} {y + 3}q8 28 0 56M{right - 52} {y + 3}q8 28 0 56", tone, 1.5, 0.8
            )
    pen.line("M350 356C330 330 322 280 338 232M334 290Q352 276 366 270", "#7a5c3e", 4)
    for x, y, r in ((338, 224, 20), (370, 262, 17)):
        for turn in (50, 130, 90):
            pen.path(leaf_path(x, y + r * 0.3, r * 1.3, r * 0.6, turn), "#8a6a48")
        for dx, dy in ((-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.3)):
            pen.ball_at(x + dx * r, y + dy * r, r * 0.66, "#fbf9f3", 0.16)


def soap(pen: Pen) -> None:
    """Two green bars on a slatted dish, with mugwort."""
    scene(pen, "#dbe5d8", "#b3c6ad")
    pen.shadow(200, 338, 172, 26)
    pen.path("M40 296H360L344 330H56Z", pen.down("#b98a55", "#8c6237"))
    for x in range(58, 340, 36):
        pen.path(f"M{x} 280h26l4 22h-34Z", pen.down("#d9b07a", "#b98a55"))
    for x, y, turn, tone in ((76, 214, 0, "#a9bf84"), (150, 150, -7, "#c3cf9d")):
        where = f"rotate({turn} {x + 90} {y + 40})"
        pen.path(
            f"M{x} {y + 22}L{x + 30} {y - 14}H{x + 196}L{x + 180} {y + 22}Z",
            lit(tone, 0.38),
            1,
            where,
        )
        pen.path(
            f"M{x + 180} {y + 22}L{x + 196} {y - 14}V{y + 40}L{x + 180} {y + 80}Z",
            shaded(tone, 0.26),
            1,
            where,
        )
        pen.box(x, y + 20, 181, 62, pen.down(lit(tone, 0.16), shaded(tone, 0.1)), 5, 1, where)
        flecks = [(x + 8 + u * 166, y + 26 + v * 50) for u, v in scatter(34 if pen.full else 9)]
        pen.path(grains(flecks, 8, 3, 57), "#5c7a43", 0.75, where)
        pen.line(f"M{x + 58} {y + 51}q14 -18 32 0t32 0", lit(tone, 0.7), 4, 0.9, where)
        if pen.full:
            pen.line(f"M{x + 6} {y + 24}H{x + 174}", "#ffffff", 3, 0.6, where)
            pen.line(f"M{x + 34} {y - 10}H{x + 188}", "#ffffff", 2, 0.6, where)
    pen.line("M286 348C320 316 338 260 336 186", "#6c8458", 4)
    for i in range(6):
        sx, sy = 300 + i * 7.6 - i * i * 0.25, 336 - i * 27
        for side in (-1, 1):
            for spread in (18, 44, 70):
                pen.path(
                    leaf_path(sx, sy, 40 - i * 2, 8, -78 + side * spread),
                    ("#7f9a68", "#96ae80")[side > 0],
                )
    for x, y, r in ((60, 350, 13), (88, 362, 8), (236, 358, 10)):
        pen.oval(x, y, r, r, "#ffffff", 0.5)
        pen.oval(x - r * 0.3, y - r * 0.3, r * 0.28, r * 0.28, "#ffffff", 0.9)


def thermos(pen: Pen) -> None:
    """A red enamelled flask with painted peonies, and a cup."""
    scene(pen, "#dfe0d6", "#b8baa5")
    pen.shadow(176, 338, 100, 24)
    pen.line("M96 236C22 216 24 116 110 112", "#c9ccce", 11)
    pen.line("M96 236C26 216 28 120 110 114", "#ffffff", 3, 0.7)
    cylinder(pen, 166, 128, 328, 78, "#b82a30")
    pen.path(
        "M88 128Q96 88 128 76H204Q236 88 244 128A78 15.6 0 0 1 88 128Z", pen.across("#d5d9db", 0.4)
    )
    if pen.full:
        pen.line("M92 122A78 15 0 0 0 240 122M100 104A68 13 0 0 0 232 104", "#8d9498", 1.6, 0.7)
    cylinder(pen, 166, 40, 80, 36, "#d9dcde")
    pen.oval(166, 40, 36, 7.2, pen.down("#ffffff", "#d4d8da"))
    for y in (134, 318):
        pen.line(f"M88 {y}A78 15.6 0 0 0 244 {y}", "#d9dcde", 8)
        pen.line(f"M90 {y - 1}A78 15.6 0 0 0 242 {y - 1}", "#ffffff", 2, 0.7)
    for turn, x, y in (
        (30, 168, 270),
        (150, 160, 262),
        (-150, 142, 232),
        (-30, 196, 226),
        (80, 160, 270),
    ):
        pen.path(leaf_path(x, y, 52, 22, turn), "#5d8f55")
    for x, y, r in ((164, 236, 42), (134, 190, 24), (202, 188, 22)):
        blossom(pen, x, y, r, 8, "#f7c9cd", "#f3b24a")
        blossom(pen, x, y, r * 0.66, 7, "#ea8f9d", "#f6d36d")
    pen.glint("M104 158V300", 8, 0.45)
    pen.shadow(308, 346, 62, 15)
    pen.path("M256 262L268 340Q306 356 344 340L356 262Z", pen.across("#f4f4ee"))
    pen.line("M352 278C392 272 388 326 346 318", "#f0f0e9", 10)
    pen.oval(306, 262, 50, 10, "#2f5fa0")
    pen.oval(306, 263, 45, 8, "#e7eaea")
    pen.oval(306, 266, 40, 6, "#bfd3d6")
    pen.line("M260 286Q306 300 352 286", "#2f5fa0", 3)


def basket(pen: Pen) -> None:
    """A willow basket with greens and a loaf's worth of market goods."""
    scene(pen, "#e3e2d3", "#c2bc9b")
    pen.shadow(202, 336, 150, 28)
    pen.line("M92 220C92 34 308 34 308 220", "#a8793f", 15)
    if pen.full:
        pen.line("M92 220C92 34 308 34 308 220", "#d9b47a", 5, 0.8)
        wraps = "".join(
            f"M{num(x - 7)} {num(y - 5)}l14 10"
            for x, y in (
                (200 + 108 * math.cos(a / 10), 206 - 132 * math.sin(a / 10)) for a in range(2, 30)
            )
        )
        pen.line(wraps, "#7d5626", 2.4, 0.7)
    for x, turn, tone in (
        (130, -112, "#5f944a"),
        (152, -98, "#79ad5a"),
        (176, -84, "#4f853f"),
        (116, -130, "#79ad5a"),
    ):
        pen.path(leaf_path(x, 226, 116, 44, turn), tone)
        a = math.radians(turn)
        pen.line(
            f"M{x} 226L{num(x + math.cos(a) * 92)} {num(226 + math.sin(a) * 92)}", "#dcebc0", 3, 0.8
        )
    pen.ball_at(238, 194, 40, "#d8452f")
    pen.path(
        leaf_path(232, 158, 26, 10, 200)
        + leaf_path(238, 158, 26, 10, -60)
        + leaf_path(240, 160, 26, 10, 20),
        "#4c7a3a",
    )
    pen.ball_at(284, 206, 32, "#e8a52d")
    pen.path(
        "M64 216H336Q332 300 300 326Q200 346 100 326Q68 300 64 216Z", pen.across("#c79656", 0.36)
    )
    rows, columns = (7, 15) if pen.full else (4, 8)
    for r in range(rows):
        y = 232 + r * 92 / rows
        half = 132 - r * r * 34 / rows**2 - r * 10 / rows
        for c in range(columns):
            if (r + c) % 2:
                continue
            left = 200 - half + c * 2 * half / columns
            sag = 14 * (1 - ((left - 200 + half / columns) / half) ** 2)
            pen.box(
                left,
                y + sag,
                2 * half / columns * 0.94,
                82 / rows,
                pen.down("#e6c287", "#b98547"),
                4,
            )
    pen.line("M64 218Q200 246 336 218", "#8f6430", 13)
    pen.line("M66 216Q200 242 334 216", "#d9b174", 6)
    if pen.full:
        pen.line(
            "".join(
                f"M{70 + i * 20} {num(212 + 13 * (1 - ((70 + i * 20 - 200) / 136) ** 2))}l9 15"
                for i in range(13)
            ),
            "#7d5626",
            2.4,
            0.7,
        )


def incense(pen: Pen) -> None:
    """A stick smoking in a small bronze holder, with a paper tube."""
    scene(pen, "#d6dad9", "#a4aeab")
    pen.shadow(300, 336, 60, 18)
    cylinder(pen, 300, 92, 326, 46, "#3e5c57")
    pen.oval(300, 92, 46, 9.2, pen.down("#83a39b", "#567a73"))
    cylinder(pen, 300, 168, 250, 46.6, "#efe6d0")
    pen.line("M300 248V186", "#5d7f69", 3)
    for i in range(5):
        for side in (-1, 1):
            y, reach = 240 - i * 12, 27 - i * 4
            pen.line(f"M300 {y}q{side * reach * 0.6:.0f} -3 {side * reach} -14", "#6d9079", 4)
            pen.oval(300 + side * reach, y - 15, 3.6, 3.6, "#8fae98")
    cylinder(pen, 300, 132, 138, 46.4, "#c9a24d")
    pen.shadow(150, 340, 108, 22)
    pen.path("M56 304C56 340 100 348 150 348S244 340 244 304Z", pen.across("#8a6b3c"))
    pen.oval(150, 304, 94, 18, pen.across("#c19a5b"))
    pen.oval(150, 306, 84, 14, pen.down("#b8b2a6", "#d6d0c4"))
    if pen.full:
        pen.path(dots(in_round(60, 150, 306, 78, 11), 1.4, 0.9), "#8f897d", 0.7)
    pen.line("M150 304L132 122", "#5d4c36", 5)
    pen.line("M132 122L130 108", "#8d8a86", 5.4)
    pen.oval(132, 120, 4.6, 4.6, pen.ball("#f0642c", 0.5))
    for d, width, alpha in (
        ("M130 104C112 80 150 66 134 44S140 14 128 2", 5, 0.55),
        ("M131 102C122 84 164 72 152 46S170 22 164 6", 3, 0.4),
        ("M130 102C104 86 116 66 106 50S96 26 102 10", 2.6, 0.32),
    ):
        pen.line(d, "#ffffff", width, alpha)
    pen.line("M40 366L226 358M52 374L238 368", "#5d4c36", 4.4)
    pen.line("M40 366l26 -1M52 374l26 -1", "#b3453a", 4.4)


def umbrella(pen: Pen) -> None:
    """An open oil-paper umbrella resting on its rim, seen from outside."""
    scene(pen, "#dfdce0", "#bab2bd")
    pen.shadow(206, 326, 170, 30)
    cx, cy, rx, ry = 190, 196, 158, 138
    rim = list(around(16, cx, cy, rx, ry, -96))
    pen.line("M190 196L352 372", "#7d5a36", 9)
    pen.line("M332 350L352 372", "#3d2a1c", 12)
    for i in range(16):
        (x1, y1), (x2, y2) = rim[i], rim[(i + 1) % 16]
        mx, my = (x1 + x2) / 2, (y1 + y2) / 2
        px, py = cx + (mx - cx) * 0.965, cy + (my - cy) * 0.965
        tone = ("#c23b3a", "#b13236")[i % 2]
        shade = 0.24 * (0.5 + 0.5 * math.sin(math.radians(-96 + 22.5 * i - 20)))
        pen.path(
            f"M{cx} {cy - 12}L{num(x1)} {num(y1)}Q{num(px)} {num(py)} {num(x2)} {num(y2)}Z",
            shaded(tone, shade),
        )
    for k, tone, width in ((0.86, "#e7c46c", 3), (0.8, "#e7c46c", 1.6), (0.3, "#e7c46c", 2)):
        ring = "L".join(
            f"{num(cx + (x - cx) * k)} {num(cy - 12 * (1 - k) + (y - cy) * k)}" for x, y in rim
        )
        pen.line(f"M{ring}Z", tone, width, 0.8)
    if pen.full:
        ribs = "".join(f"M{cx} {cy - 12}L{num(x)} {num(y)}" for x, y in rim)
        pen.line(ribs, "#6d1c22", 1.6, 0.7)
        pen.line(
            "".join(f"M{cx + 1.6} {cy - 12}L{num(x + 1.6)} {num(y)}" for x, y in rim),
            "#f08a7a",
            0.9,
            0.6,
        )
    pen.line(
        "M86 254C118 246 128 216 158 214M116 242Q112 222 96 214M132 228Q146 236 160 250",
        "#3f2a24",
        4,
    )
    for x, y, r in ((86, 254, 15), (96, 212, 14), (158, 212, 17), (160, 252, 14), (124, 270, 11)):
        blossom(pen, x, y, r, 5, "#fbe4e2", "#e7c46c")
    for x, y, r in ((252, 128, 13), (276, 148, 10), (258, 160, 11)):
        blossom(pen, x, y, r, 5, "#fbe4e2", "#e7c46c")
    pen.oval(cx, cy - 12, 15, 13, pen.ball("#3d2a1c"))
    pen.oval(cx - 1, cy - 17, 8, 7, "#d9b46a")


def fan(pen: Pen) -> None:
    """A palm-leaf fan with its pleats and bound edge."""
    scene(pen, "#e2e6d6", "#bfc7a6")
    pen.shadow(206, 330, 140, 26)
    pen.path("M188 214L206 214L214 372Q200 384 188 372Z", pen.across("#b08a4a"))
    if pen.full:
        pen.line("M196 250V366M203 250V366", "#7d5d29", 1.6, 0.6)
    leaf = (
        "M198 238C130 246 62 214 56 148C52 88 112 40 198 36C286 40 346 88 342 148"
        "C336 214 266 246 198 238Z"
    )
    pen.path(leaf, pen.ball("#d6c184", 0.34))
    for i in range(23):
        a = math.radians(-172 + i * 7.45)
        x, y = 198 + 138 * math.cos(a), 168 + 124 * math.sin(a)
        if i % 2 == 0:
            b = math.radians(-172 + (i + 1) * 7.45)
            x2, y2 = 198 + 138 * math.cos(b), 168 + 124 * math.sin(b)
            pen.path(f"M198 232L{num(x)} {num(y)}L{num(x2)} {num(y2)}Z", "#b39a56", 0.5)
        if pen.full:
            pen.line(f"M198 232L{num(x)} {num(y)}", "#8f7637", 1.2, 0.6)
            pen.line(f"M200 232L{num(x + 3)} {num(y)}", "#f4e8bd", 1.2, 0.7)
    pen.line(leaf, "#4f7a86", 9)
    if pen.full:
        pen.line(leaf, "#e9f1ee", 1.6, 0.9)
    pen.path(
        "M170 240Q198 214 226 240Q214 262 198 264Q182 262 170 240Z", pen.down("#4f7a86", "#3a606b")
    )
    pen.line("M178 242Q198 224 218 242", "#e9f1ee", 1.8, 0.9)
    pen.line("M202 374C214 392 238 372 262 384", "#c2453f", 4)
    for dx in (-6, 0, 6):
        pen.line(f"M262 384l{12 + dx} {8 - dx * 0.4}", "#c2453f", 3)


def apron(pen: Pen) -> None:
    """An indigo apron hanging from a peg, tie-dyed with flowers."""
    scene(pen, "#e4e4e0", "#c3c0b8")
    pen.box(0, 40, 400, 20, pen.down("#c9a878", "#a5814f"))
    for x in (90, 200, 310):
        pen.box(x - 6, 50, 12, 34, pen.across("#8a6335"), 5)
        pen.oval(x, 84, 9, 9, pen.ball("#a97e48"))
    pen.line("M156 130C160 96 186 84 200 84S240 96 244 130", "#27406e", 8)
    pen.line("M126 214C86 232 70 276 78 330M274 214C314 232 332 276 322 330", "#27406e", 7)
    body = (
        "M152 126H248Q250 172 282 200Q296 270 300 346Q250 360 200 358T100 346Q104 270 118 200"
        "Q150 172 152 126Z"
    )
    if pen.full:
        for step in (12, 8, 4):
            pen.path(body, "#1d2430", 0.06, f"translate({step} {step * 0.7:.0f})")
    pen.path(body, pen.across("#2f4f86", 0.34))
    if pen.full:
        for d in (
            "M150 210Q140 280 146 350",
            "M256 210Q262 280 256 352",
            "M200 240Q196 300 202 356",
        ):
            pen.line(d, "#1c3260", 7, 0.35)
        pen.line("M130 206Q122 280 118 344M228 220Q236 290 232 354", "#7f9ccc", 4, 0.3)
    for x, y, r in (
        (176, 152, 15),
        (224, 156, 13),
        (200, 186, 17),
        (146, 218, 15),
        (254, 216, 15),
        (128, 330, 13),
        (272, 328, 13),
        (200, 336, 14),
    ):
        pen.oval(x, y, r * 1.25, r * 1.25, "#8fabd6", 0.45)
        blossom(pen, x, y, r, 8, "#e4edf6", "#2f4f86")
    for x in (132, 210):
        pen.path(
            f"M{x} 244h58q3 34 -2 62q-27 10 -54 0q-5 -30 -2 -62Z", pen.down("#3f629c", "#2a4778")
        )
        pen.line(f"M{x + 3} 252h52", "#dfe8f3", 2, 0.9)
        if pen.full:
            pen.line(f"M{x + 4} 300q25 10 50 0", "#dfe8f3", 1.4, 0.6)
    pen.path("M232 250l14 -34 12 4 -8 34Z", "#d9a06a")
    pen.line("M154 128H246", "#dfe8f3", 2, 0.8)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "home-towels": towels,
    "home-soap": soap,
    "home-thermos": thermos,
    "home-basket": basket,
    "home-incense": incense,
    "home-umbrella": umbrella,
    "home-fan": fan,
    "home-apron": apron,
}
