"""Pictures of tableware."""

from __future__ import annotations

import math
from collections.abc import Callable

from troth_shop.pictures.pen import Pen, around, in_round, leaf_path, lit, num, scatter, shaded
from troth_shop.pictures.vessels import (
    blossom,
    bowl_front,
    bowl_inside,
    dots,
    grains,
    saucer,
    scene,
    steam,
)


def _crackle(pen: Pen, spots: list[tuple[float, float]], colour: str) -> None:
    if pen.full:
        veins = "".join(
            f"M{num(x)} {num(y)}l{num(9 + i % 5)} {num(-7 + i % 7 * 2)}l{num(5)} {num(8 - i % 4)}"
            for i, (x, y) in enumerate(spots)
        )
        pen.line(veins, colour, 0.9, 0.42)


def gaiwan(pen: Pen) -> None:
    """A celadon gaiwan with its lid on, on its saucer."""
    scene(pen, "#d3dfdf", "#9fb4b4")
    saucer(pen, 200, 324, 142, "#a8cbb9")
    pen.oval(200, 318, 62, 11, "#7fa894")
    pen.path("M158 312H242L236 326H164Z", pen.across("#9dc3b0"))
    pen.path(
        "M78 180Q82 196 96 204Q108 292 162 316H238Q292 292 304 204Q318 196 322 180"
        "A122 22 0 0 1 78 180Z",
        pen.across("#add0bf", 0.36),
    )
    pen.line("M79 181A122 22 0 0 0 321 181", "#e6f4ec", 3)
    _crackle(pen, list(in_round(26, 196, 250, 84, 44)), "#5f8c79")
    pen.path(
        "M94 180C100 128 150 104 200 104S300 128 306 180A106 18 0 0 1 94 180Z",
        pen.ball("#b6d7c7", 0.36),
    )
    _crackle(pen, list(in_round(14, 196, 148, 72, 24)), "#5f8c79")
    pen.path("M172 106Q166 82 176 76H224Q234 82 228 106Q200 114 172 106Z", pen.across("#a3c8b6"))
    pen.oval(200, 77, 25, 7, pen.down("#dcefe5", "#b3d4c4"))
    pen.glint("M120 156Q132 128 160 118", 7, 0.7)
    pen.glint("M104 220Q116 272 142 294", 8, 0.5)
    if pen.full:
        for i in range(9):
            x = 122 + i * 19.5
            pen.path(
                leaf_path(x, 300 - abs(i - 4) * 4.5, 44, 15, -90 + (i - 4) * 5), "#8fb8a4", 0.5
            )


def noodle_bowl(pen: Pen) -> None:
    """A blue-and-white bowl of noodles with chopsticks laid across."""
    scene(pen, "#dbe1e8", "#aebac8")
    pen.shadow(202, 340, 156, 28)
    bowl_inside(pen, 200, 194, 140, "#f4f5f2")
    pen.oval(200, 197, 126, 24, pen.down("#d99a52", "#c07a35"))
    for i in range(12 if pen.full else 6):
        y = 186 + (i * 7) % 22
        pen.line(
            f"M{96 + (i * 13) % 30} {y}q48 {-16 + i * 3 % 17} 96 0t{88 - (i * 11) % 20} 2",
            "#f6dfa4",
            5,
            0.95,
        )
    pen.oval(150, 190, 26, 12, "#fff8ec")
    pen.oval(150, 190, 12, 6.6, "#f0962c")
    for x, y, turn in ((232, 186, -18), (250, 196, 8), (222, 202, -40)):
        pen.path(leaf_path(x, y, 50, 18, turn), "#5f9a4a")
    pen.path(dots([(190, 184), (206, 194), (198, 206), (176, 204), (290, 192)], 6, 3.4), "#9ac46a")
    bowl_front(pen, 200, 194, 140, 132, "#f4f6f5", 0.4)
    blue = "#2f5597"
    pen.line("M68 226Q104 250 200 250T332 226M92 282Q130 304 200 304T308 282", blue, 3)
    pen.line("M76 262q24 -26 44 4t44 10 42 -10 42 10 40 -6 36 -24", blue, 3.4, 0.9)
    for x, y in ((120, 268), (200, 276), (280, 266)):
        blossom(pen, x, y, 17, 6, blue, "#f4f6f5", 0.94)
    for x, y, turn in (
        (92, 254, 60),
        (152, 284, -50),
        (168, 264, 40),
        (236, 284, -130),
        (242, 262, 130),
        (312, 250, 120),
    ):
        pen.path(leaf_path(x, y, 24, 11, turn), "#4c74b4")
    for dy in (0, 12):
        pen.line(f"M{226 - dy} {190 + dy}L392 {142 + dy}", "#7a3b2a", 7)
        pen.glint(f"M{236 - dy} {186 + dy}L386 {142 + dy}", 1.8, 0.45)
    steam(pen, 150, 152, 74)


def fish_plate(pen: Pen) -> None:
    """A shallow plate seen from above, with two fish in its well."""
    scene(pen, "#d9dfdc", "#b3bfba")
    pen.shadow(206, 226, 176, 172, 0.36)
    pen.oval(200, 206, 166, 162, pen.ball("#eef2ee", 0.18))
    pen.oval(200, 206, 158, 154, pen.down("#dfe8e3", "#fbfdfb"))
    pen.oval(200, 207, 112, 109, pen.down("#c8d8d3", "#eef4f1"))
    if pen.full:
        ring = "".join(
            f"M{num(x)} {num(y)}q7 -9 14 0t14 0" for x, y in around(20, 188, 207, 135, 131)
        )
        pen.line(ring, "#5a8a95", 2.2, 0.6)
        pen.line("M132 262q10 -8 20 0t20 0 20 0M212 152q10 -8 20 0t20 0 20 0", "#8fb3b5", 2.2, 0.8)
    for cx, cy, turn, tone in ((178, 178, -24, "#c8453a"), (224, 240, 156, "#2f4f66")):
        where = f"translate({cx} {cy}) rotate({turn})"
        pen.path(
            "M-46 0C-30 -30 20 -28 44 -2C20 26 -28 28 -46 0Z",
            pen.down(lit(tone, 0.2), shaded(tone, 0.2)),
            1,
            where,
        )
        pen.path("M36 -2Q58 -28 76 -22Q62 -6 66 0Q64 10 78 22Q56 24 36 -2Z", tone, 0.86, where)
        pen.path(
            "M-8 -20Q6 -42 26 -30Q18 -24 16 -18ZM-6 20Q4 36 20 32Q14 24 12 18Z", tone, 0.8, where
        )
        pen.path(dots([(-31, -5)], 5, 5), "#ffffff", 1, where)
        pen.path(dots([(-31, -5)], 2.4, 2.4), "#1d2430", 1, where)
        if pen.full:
            scales = "".join(f"M{x} {y}q6 5 0 10" for y in (-14, -5, 4) for x in range(-14, 26, 9))
            pen.line(scales, "#ffffff", 1.7, 0.6, where)
            pen.line("M44 -2L66 -14M44 -1L66 0M44 0L66 14", "#ffffff", 1.4, 0.6, where)
    pen.glint("M62 150Q92 84 152 62", 7, 0.75)


def chopsticks(pen: Pen) -> None:
    """Four pairs with coloured tips on ceramic rests."""
    scene(pen, "#e2ddd7", "#bdb2a6")
    pen.box(0, 96, 400, 304, pen.down("#cfc6bb", "#ddd5ca"))
    pen.shadow(204, 244, 186, 106, 0.16)
    pen.path("M26 128H374V330H26Z", pen.down("#5d7a74", "#4d6a66"))
    if pen.full:
        pen.line("".join(f"M26 {132 + i * 7}H374" for i in range(29)), "#7d9a92", 1.2, 0.5)
        pen.line("".join(f"M{30 + i * 10} 128V330" for i in range(35)), "#3f5853", 1, 0.3)
    pen.line("M40 138H360V320H40Z", "#d9c58f", 2, 0.8)
    for i, tone in enumerate(("#c2453f", "#d9a43a", "#4c86a0", "#efe9dc")):
        y = 158 + i * 42
        pen.path(f"M286 {y - 9}q8 -6 16 0l3 34q-10 8 -22 0Z", pen.across("#f2f3ee"))
        pen.line(f"M290 {y - 6}h9", tone, 4)
        for dy in (0, 13):
            top = y + dy
            if pen.full:
                pen.line(f"M54 {top + 7}L346 {top + 6}", "#1d2430", 8, 0.25)
            pen.path(
                f"M52 {top - 5}H336L352 {top - 1}V{top + 2}L336 {top + 4}L52 {top + 5}Z",
                pen.down("#6d4630", "#402619"),
            )
            pen.box(52, top - 5, 32, 10, pen.down(lit(tone, 0.25), shaded(tone, 0.15)))
            pen.box(84, top - 5, 3, 10, "#e7d6a4")
            if pen.full:
                pen.line(f"M94 {top - 2}Q200 {top - 4} 330 {top - 1}", "#a67a57", 1.4, 0.7)
                pen.line(f"M110 {top + 2}h60M200 {top + 1}h80", "#2c180f", 1, 0.6)


def teapot(pen: Pen) -> None:
    """A round purple-clay pot."""
    scene(pen, "#e3dad4", "#b9a79b")
    clay = "#7d4436"
    pen.shadow(200, 330, 158, 30)
    pen.path("M78 226C46 218 40 178 24 156Q36 146 52 154C60 184 78 190 98 198Z", pen.across(clay))
    pen.line("M306 196C372 168 392 268 300 282", shaded(clay, 0.14), 20)
    pen.line("M306 192C366 168 384 262 300 276", lit(clay, 0.14), 8, 0.7)
    pen.path(
        "M84 236C84 162 138 138 200 138S316 162 316 236C316 300 268 328 200 328S84 300 84 236Z",
        pen.ball(clay, 0.42),
    )
    pen.path("M144 324H256L250 336Q200 342 150 336Z", shaded(clay, 0.3))
    pen.oval(200, 148, 76, 17, shaded(clay, 0.36))
    pen.path(
        "M128 146C136 116 166 108 200 108S264 116 272 146A72 14 0 0 1 128 146Z", pen.ball(clay, 0.4)
    )
    pen.path("M182 112Q174 84 200 80Q226 84 218 112Q200 118 182 112Z", pen.ball(clay, 0.4))
    if pen.full:
        speck = list(in_round(130, 200, 232, 108, 86))
        pen.path(dots(speck[::2], 1.1, 1.1), "#c98b70", 0.5)
        pen.path(dots(speck[1::2], 1.2, 1.2), "#4a241c", 0.5)
    pen.line(
        "M124 300C150 262 166 236 160 196M154 250Q172 240 184 220M146 270Q132 256 130 240",
        "#b98068",
        3,
        0.9,
    )
    for x, y, turn in (
        (160, 198, -70),
        (184, 220, -40),
        (130, 240, -110),
        (166, 226, -10),
        (150, 262, -165),
    ):
        pen.path(leaf_path(x, y, 36, 11, turn), "#b98068", 0.9)
    pen.glint("M108 220Q116 180 148 164", 10, 0.4)
    pen.glint("M150 130Q164 120 184 117", 5, 0.4)
    steam(pen, 36, 136, 60)


def cups(pen: Pen) -> None:
    """Two wood-fired cups, dark and pale, with running glaze."""
    scene(pen, "#dcd9d2", "#b0a99f")
    for cx, top, bottom, r, clay, glaze, drip in (
        (130, 138, 306, 76, "#4a3a33", "#7c8f7a", "#aab99a"),
        (276, 176, 326, 72, "#cdb799", "#f0e9da", "#b9d0cc"),
    ):
        pen.shadow(cx + 8, bottom + 8, r * 1.2, r * 0.3)
        pen.path(
            f"M{cx - r} {top}Q{cx - r * 0.96:.0f} {bottom} {cx - r * 0.62:.0f} {bottom + 6}"
            f"Q{cx} {bottom + 20} {cx + r * 0.62:.0f} {bottom + 6}"
            f"Q{cx + r * 0.96:.0f} {bottom} {cx + r} {top}Z",
            pen.across(clay, 0.4),
        )
        runs = [
            (cx - r + i * r / 4, top + (bottom - top) * (0.42 + ((i * 5) % 8) / 17))
            for i in range(9)
        ]
        d = f"M{cx - r} {top}"
        for i, (x, y) in enumerate(runs):
            inner = cx + (x - cx) * 0.93
            d += f"L{num(inner - 5)} {num(y - 26 if i % 2 else y)}q5 {12 if i % 2 else 16} 10 0"
        pen.path(
            d + f"L{cx + r} {top}A{r} {r * 0.22:.0f} 0 0 1 {cx - r} {top}Z", pen.across(glaze, 0.4)
        )
        if pen.full:
            ash = [
                (cx - r * 0.8 + u * r * 1.6, top + 20 + v * (bottom - top) * 0.86)
                for u, v in scatter(60)
            ]
            pen.path(dots(ash[::2], 1.4, 2), drip, 0.8)
            pen.path(dots(ash[1::2], 1.2, 1.2), shaded(clay, 0.4), 0.7)
            rings = "".join(
                f"M{cx - r * (0.94 - i * 0.05):.0f} {top + 34 + i * 26}"
                f"Q{cx} {top + 62 + i * 26} {cx + r * (0.94 - i * 0.05):.0f} {top + 34 + i * 26}"
                for i in range(4)
            )
            pen.line(rings, shaded(glaze, 0.4), 1.6, 0.3)
        pen.oval(cx, top, r, r * 0.22, lit(glaze, 0.3))
        pen.oval(cx, top + 1, r * 0.92, r * 0.185, pen.hollow(shaded(clay, 0.2), 0.3))
        pen.oval(cx, top + 6, r * 0.78, r * 0.12, pen.down("#c98a34", "#a8651f"))
        pen.glint(
            f"M{cx - r * 0.78:.0f} {top + 30}"
            f"Q{cx - r * 0.72:.0f} {bottom - 40} {cx - r * 0.54:.0f} {bottom - 20}",
            7,
            0.45,
        )


def steamer(pen: Pen) -> None:
    """Two tiers of bamboo with buns, the lid set back."""
    scene(pen, "#e6e0cd", "#c6b88f")
    pen.shadow(196, 336, 160, 30)
    # The lid stands behind.
    pen.oval(300, 186, 84, 84, pen.ball("#c79a55", 0.3))
    pen.oval(300, 186, 72, 72, pen.ball("#e0bd7f", 0.24))
    if pen.full:
        weave = "".join(
            f"M{240 + i * 13} {num(186 - math.sqrt(max(0, 4900 - (240 + i * 13 - 300) ** 2)))}V"
            f"{num(186 + math.sqrt(max(0, 4900 - (240 + i * 13 - 300) ** 2)))}"
            for i in range(10)
        )
        pen.line(weave, "#a97b3a", 2.4, 0.6)
        across = "".join(
            f"M{num(300 - math.sqrt(max(0, 4900 - (128 + i * 13 - 186) ** 2)))} {128 + i * 13}H"
            f"{num(300 + math.sqrt(max(0, 4900 - (128 + i * 13 - 186) ** 2)))}"
            for i in range(10)
        )
        pen.line(across, "#f3dba9", 2.4, 0.6)
    for y in (273, 232):
        pen.path(
            f"M50 {y}V{y + 40}A136 26 0 0 0 322 {y + 40}V{y}A136 26 0 0 1 50 {y}Z",
            pen.across("#d2a65f", 0.36),
        )
        pen.line(
            f"M50 {y + 8}A136 26 0 0 0 322 {y + 8}M50 {y + 36}A136 26 0 0 0 322 {y + 36}",
            "#9c7033",
            4,
            0.8,
        )
        if pen.full:
            for x in (86, 138, 186, 234, 286):
                drop = 26 * math.sqrt(max(0.0, 1 - ((x - 186) / 136) ** 2))
                pen.line(
                    f"M{x - 8} {num(y + 12 + drop)}l8 20 8 -20"
                    f"M{x - 8} {num(y + 32 + drop)}l8 -20 8 20",
                    "#8a5f2a",
                    2.4,
                    0.8,
                )
    pen.oval(186, 232, 136, 26, pen.across("#e2bd7c"))
    pen.oval(186, 233, 126, 22, pen.hollow("#b98d4c", 0.3))
    for x, y, r in ((112, 214, 44), (258, 214, 44), (186, 204, 50)):
        pen.path(
            f"M{x - r} {y + 14}"
            f"C{x - r} {num(y - r * 0.9)} {x + r} {num(y - r * 0.9)} {x + r} {y + 14}"
            f"Q{x} {y + 34} {x - r} {y + 14}Z",
            pen.ball("#fbf7ee", 0.16),
        )
        top = y - r * 0.5
        pleats = "".join(
            f"M{x} {num(top)}q{(i - 4) * 4} 4 {(i - 4) * 7} {20 - abs(i - 4) * 2}" for i in range(9)
        )
        pen.line(pleats, "#cfc4ac", 2, 0.9)
        pen.oval(x, top + 1, 4, 2.6, "#bba98a")
    pen.path("M52 238A136 26 0 0 0 320 238V232A134 24 0 0 1 52 232Z", pen.across("#dcb36d"))
    steam(pen, 150, 158, 84)


def spoons(pen: Pen) -> None:
    """Three soup spoons in three glazes, side by side."""
    scene(pen, "#dde2e6", "#b4bec6")
    pen.path("M40 116H360V362H40Z", "#f3f0e8")
    if pen.full:
        pen.line("".join(f"M40 {124 + i * 9}H360" for i in range(27)), "#dcd6c8", 1.3, 0.7)
        pen.line("M52 116V362M60 116V362M340 116V362M348 116V362", "#4c74a4", 2, 0.6)
    for cx, tone, turn in ((120, "#e3e9e6", -8), (200, "#a9c6a6", 0), (280, "#27467c", 8)):
        where = f"rotate({turn} {cx} 240)"
        if pen.full:
            pen.path(dots([(cx + 10, 304)], 46, 50), "#1d2430", 0.16, where)
            pen.line(f"M{cx + 9} 90V250", "#1d2430", 22, 0.14, where)
        pen.path(
            f"M{cx - 13} 250C{cx - 9} 200 {cx - 12} 130 {cx - 15} 84Q{cx} 64 {cx + 15} 84"
            f"C{cx + 12} 130 {cx + 9} 200 {cx + 13} 250Z",
            pen.across(tone, 0.4),
            1,
            where,
        )
        pen.path(
            f"M{cx - 44} 292C{cx - 44} 256 {cx - 20} 240 {cx} 240S{cx + 44} 256 {cx + 44} 292"
            f"C{cx + 44} 332 {cx + 22} 352 {cx} 352S{cx - 44} 332 {cx - 44} 292Z",
            pen.across(tone, 0.3),
            1,
            where,
        )
        pen.path(
            f"M{cx - 35} 294C{cx - 35} 264 {cx - 16} 250 {cx} 250S{cx + 35} 264 {cx + 35} 294"
            f"C{cx + 35} 326 {cx + 18} 343 {cx} 343S{cx - 35} 326 {cx - 35} 294Z",
            pen.hollow(tone, 0.36),
            1,
            where,
        )
        pen.line(f"M{cx - 2} 100V228", shaded(tone, 0.25), 5, 0.5, where)
        if pen.full:
            pen.line(f"M{cx - 26} 316Q{cx - 20} 334 {cx} 338", "#fff", 5, 0.65, where)
            pen.line(f"M{cx - 8} 96Q{cx - 6} 160 {cx - 6} 220", "#fff", 2.6, 0.6, where)
            pen.path(grains(in_round(9, cx, 292, 18, 22), 9, 3, 40), lit(tone, 0.5), 0.5, where)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "ware-gaiwan": gaiwan,
    "ware-noodle-bowl": noodle_bowl,
    "ware-fish-plate": fish_plate,
    "ware-chopsticks": chopsticks,
    "ware-teapot": teapot,
    "ware-cups": cups,
    "ware-steamer": steamer,
    "ware-spoons": spoons,
}
