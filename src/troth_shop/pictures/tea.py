"""Pictures of the teas."""

from __future__ import annotations

from collections.abc import Callable

from troth_shop.pictures.pen import Pen, in_round, leaf_path, lit, num, scatter, shaded
from troth_shop.pictures.vessels import (
    blossom,
    bowl_front,
    bowl_inside,
    dots,
    glass_gleam,
    glass_jar,
    grains,
    label,
    lump,
    pouch,
    rolled,
    saucer,
    scene,
    sprig,
    steam,
    tin,
)

WALL, TABLE = "#cfe0cf", "#b9cdb8"


def longjing(pen: Pen) -> None:
    """A tall green tin and a dish of flat leaves."""
    scene(pen, WALL, TABLE)
    tin(pen, 168, 74, 312, 72, "#3f7a55", "#e3c578", 46)
    label(pen, 120, 168, 92, 108, "#f4efdc")
    sprig(pen, 163, 256, -84, 70, "#6f9f45")
    saucer(pen, 292, 318, 78, "#f2f1e8")
    leaves = list(in_round(64 if pen.full else 22, 286, 311, 50, 10))
    for part, tone in ((0, "#6d8f3a"), (1, "#8fae52"), (2, "#557a35")):
        pen.path(rolled(leaves[part::3], 26, 7, -160 + part * 130), tone)
    if pen.full:
        pen.path(rolled([(232, 352), (214, 346), (352, 356)], 24, 7, 12), "#6d8f3a")


def tieguanyin(pen: Pen) -> None:
    """A white gaiwan, lid aside, full of rolled leaves."""
    scene(pen, "#d5e2dc", "#a9c2b8")
    pen.shadow(206, 338, 150, 30)
    saucer(pen, 190, 324, 116, "#f6f5ef")
    bowl_inside(pen, 190, 204, 98, "#f3f1ea")
    pearls = list(in_round(46 if pen.full else 20, 190, 202, 76, 15))
    for part, tone in ((0, "#4d6b3c"), (1, "#33523a"), (2, "#6d8450")):
        pen.path("".join(lump(x, y, 10, 8, 0.16, x) for x, y in pearls[part::3]), tone)
    if pen.full:
        pen.path(dots([(x - 3, y - 3) for x, y in pearls[::2]], 2.4, 1.4), "#b9c99a", 0.7)
    bowl_front(pen, 190, 204, 98, 114, "#f6f5ef", 0.4)
    for turn, x, y in ((-70, 150, 282), (-110, 176, 290), (-50, 130, 270)):
        pen.path(leaf_path(x, y, 54, 13, turn), "#7fa088", 0.85)
    if pen.full:
        pen.oval(158, 226, 5, 5, "#e8a0a5")
        pen.oval(140, 240, 4, 4, "#e8a0a5")
    # The lid leans on the saucer.
    pen.shadow(322, 342, 66, 15)
    pen.path("M258 336Q266 262 318 258Q372 262 384 334A64 12 0 0 1 258 336Z", pen.ball("#f6f5ef"))
    pen.oval(321, 335, 63, 11, pen.across("#e6e6dd"))
    pen.oval(318, 255, 22, 8, pen.down("#ffffff", "#d8dad0"))
    pen.path("".join(lump(x, y, 9, 7, 0.16, x) for x, y in ((64, 348), (86, 358))), "#3f6040")


def dianhong(pen: Pen) -> None:
    """A glass cup of red tea, steaming, with golden tips beside it."""
    scene(pen, "#e6d9cf", "#c9b3a3")
    saucer(pen, 186, 320, 128, "#ffffff")
    pen.path("M98 150Q100 318 186 320Q272 318 274 150Z", "#f6fbfa", 0.75)
    pen.path("M104 188Q108 306 186 309Q264 306 268 188Z", pen.down("#cf5a1f", "#8f1f12"))
    pen.oval(186, 188, 82, 17, pen.down("#e98a3a", "#c9501d"))
    if pen.full:
        pen.line("M106 190A82 17 0 0 0 266 190", "#ffd08a", 3, 0.9)
        pen.path("M122 214Q126 284 164 300Q140 262 138 214Z", "#fff", 0.28)
        pen.oval(216, 186, 14, 3, "#ffd9a0", 0.8)
    pen.oval(186, 150, 88, 18, "#ffffff", 0.42)
    pen.line("M98 150A88 18 0 1 0 274 150A88 18 0 1 0 98 150Z", "#fff", 3, 0.9)
    pen.line("M268 186C330 172 336 268 254 266", "#e9f3f1", 13, 0.85)
    pen.line("M268 186C330 172 336 268 254 266", "#ffffff", 4, 0.9)
    steam(pen, 186, 128)
    tips = [(306.0 + (i * 29) % 66, 334 + (i * 17) % 30) for i in range(14 if pen.full else 7)]
    pen.path(rolled(tips, 25, 6, 20), "#5b3320")
    pen.path(rolled([(x + 4, y + 3) for x, y in tips[::2]], 22, 6, -10), "#d79a3c")


def puer(pen: Pen) -> None:
    """A cake in its paper, and a broken one in front that shows the pressed leaf."""
    scene(pen, "#dcd8cf", "#b7a999")
    pen.shadow(198, 300, 150, 36)
    pen.oval(188, 182, 132, 130, pen.ball("#efe6d2", 0.22))
    folds = "".join(
        f"M188 182L{num(188 + 130 * c)} {num(182 + 128 * s)}"
        for c, s in (
            (0.97, 0.2),
            (0.7, 0.7),
            (0.2, 0.97),
            (-0.4, 0.9),
            (-0.85, 0.5),
            (-0.98, -0.1),
            (-0.75, -0.65),
            (-0.25, -0.96),
            (0.35, -0.92),
            (0.85, -0.5),
        )
    )
    if pen.full:
        pen.line(folds, "#b9a987", 1.6, 0.5)
    pen.oval(188, 182, 78, 77, pen.ball("#b5382e", 0.2))
    pen.oval(188, 182, 66, 65, "#f3e9d3")
    sprig(pen, 186, 222, -90, 62, "#4c7350")
    # The broken cake leans in front.
    pen.shadow(296, 344, 96, 22)
    pen.path(
        "M214 338Q204 254 290 238Q372 244 384 326L352 312L346 336L316 322L300 346L268 326L248 350Z",
        pen.ball("#5a3a2a"),
    )
    pressed = [(226 + u * 140, 252 + v * 62) for u, v in scatter(60 if pen.full else 16)]
    inside = [(x, y) for x, y in pressed if ((x - 298) / 84) ** 2 + ((y - 318) / 78) ** 2 < 0.84]
    pen.path(grains(inside[::2], 22, 5, 53), "#7b5238", 0.85)
    pen.path(grains(inside[1::2], 20, 5, 71), "#3f281d", 0.7)
    pen.path(lump(206, 358, 18, 9, 0.2) + lump(330, 362, 13, 7, 0.2, 2), "#4a2f22")


def jasmine(pen: Pen) -> None:
    """A sage paper pouch with jasmine flowers in front."""
    scene(pen, "#dde6d4", "#c2d0b4")
    pouch(pen, 92, 66, 176, 254, "#8fb3a0", 40)
    label(pen, 122, 150, 116, 112, "#fbf8ec")
    pen.line("M158 246C176 216 170 196 196 172", "#5f8a55", 4)
    for turn, x, y in ((-160, 176, 216), (-20, 178, 206), (-150, 186, 188)):
        pen.path(leaf_path(x, y, 34, 12, turn), "#6d9b5f")
    blossom(pen, 198, 178, 24, 5, "#ffffff", "#f1d46b")
    pen.shadow(286, 346, 74, 16)
    for x, y, r in ((252, 330, 34), (318, 336, 38), (288, 304, 32)):
        for turn in (35, 150):
            pen.path(leaf_path(x, y, r * 1.5, r * 0.42, turn), "#6f9a63")
        blossom(pen, x, y, r, 6, "#fffdf6", "#efcf62", 0.86)
    pen.path(leaf_path(118, 356, 26, 7, -8) + leaf_path(152, 364, 24, 6, -26), "#60793f")
    pen.path(leaf_path(182, 356, 26, 7, 14), "#7d9650")


def chrysanthemum(pen: Pen) -> None:
    """A glass jar of yellow buds, two of them open in front."""
    scene(pen, "#e9e4c4", "#cfc69a")
    glass_jar(pen, 176, 92, 318, 88)
    pen.box(92, 140, 168, 178, "#c9962a", 22)
    for i, (u, v) in enumerate(scatter(58 if pen.full else 22)):
        x, y, r = 106 + u * 140, 146 + v * 158, 15 + (i % 3) * 2
        tone = ("#eebf35", "#f6d25a", "#dba728")[i % 3]
        if pen.full:
            blossom(pen, x, y, r, 8, tone, shaded(tone, 0.14), 0.92)
            pen.path(leaf_path(x - r, y + 6, 9, 5, 20), "#8a9a4a")
        else:
            pen.oval(x, y, r, r * 0.9, tone)
    glass_gleam(pen, 176, 92, 318, 88)
    tin_lid = "#d9b46a"
    pen.box(100, 64, 152, 36, pen.across(tin_lid), 8)
    pen.oval(176, 66, 74, 11, lit(tin_lid, 0.4))
    pen.shadow(300, 350, 70, 16)
    blossom(pen, 270, 336, 36, 12, "#f4cd4f", "#c98a1b", 0.8)
    blossom(pen, 336, 340, 30, 11, "#f9dc78", "#c98a1b", 0.8)


def white_peony(pen: Pen) -> None:
    """A bamboo scoop of silver buds and green leaves."""
    scene(pen, "#dbe3e2", "#b5c5bf")
    pen.shadow(206, 324, 168, 36)
    pen.path(
        "M40 240Q30 206 84 200L352 176Q380 178 376 206Q366 292 250 318Q90 336 40 240Z",
        pen.down("#b98f52", "#8b6433"),
    )
    pen.path(
        "M52 238Q48 216 92 212L346 190Q366 190 362 208Q350 270 246 292Q104 312 52 238Z",
        pen.hollow("#dcb97c", 0.22),
    )
    if pen.full:
        for k in (0, 14, 28, 42):
            pen.line(
                f"M{70 + k} {226 + k}Q200 {232 + k * 1.3} 350 {204 + k * 0.9}", "#a77d42", 1.3, 0.4
            )
    heap = list(in_round(60 if pen.full else 24, 206, 226, 112, 34))
    for i, (x, y) in enumerate(heap):
        tone = ("#8a9b78", "#6d8566", "#a3ad8b", "#596f56")[i % 4]
        pen.path(leaf_path(x - 14, y + 4, 40, 11, (i * 41) % 110 - 70), tone)
    for i, (x, y) in enumerate(heap[::4]):
        pen.path(
            leaf_path(x - 8, y + 2, 42, 8, (i * 59) % 100 - 70), pen.down("#ffffff", "#cfd9cf")
        )
    pen.path(leaf_path(300, 352, 40, 11, -14), "#6d8566")
    pen.path(leaf_path(270, 360, 38, 8, 8), "#e3e9df")


def osmanthus(pen: Pen) -> None:
    """A square amber caddy with osmanthus and dark rolled tea."""
    scene(pen, "#ecdcc0", "#d6bf97")
    pen.shadow(184, 326, 118, 28)
    pen.path("M84 132L186 152V336L84 304Z", pen.down("#2f5a56", "#254a47"))
    pen.path("M186 152L272 128V298L186 336Z", pen.down("#1f4341", "#173433"))
    pen.path("M78 96L186 112V160L78 138Z", pen.down("#c99a3f", "#b3842d"))
    pen.path("M186 112L278 90V134L186 160Z", pen.down("#9c7024", "#8a611d"))
    pen.path("M78 96L172 76L278 90L186 112Z", pen.down("#f0d083", "#dcb257"))
    spots = [(104, 196), (132, 182), (158, 206), (118, 232), (146, 252), (164, 286), (106, 268)]
    for i, (x, y) in enumerate(spots):
        blossom(pen, x, y, 13 if i % 2 else 10, 4, "#f3b63c", "#d07f16")
    pen.line("M96 300C120 250 128 220 162 180", "#7fa08a", 2.5, 0.8)
    for x, y in ((212, 200), (240, 176), (226, 250), (252, 230)):
        blossom(pen, x, y, 9, 4, "#d99a2c", "#a9660e")
    pen.shadow(312, 346, 66, 15)
    balls = list(in_round(26 if pen.full else 12, 308, 334, 50, 15))
    for part, tone in ((0, "#4a4030"), (1, "#665638"), (2, "#352f27")):
        pen.path("".join(lump(x, y, 11, 9, 0.16, y) for x, y in balls[part::3]), tone)
    for x, y in ((284, 328), (306, 322), (330, 330), (316, 342), (340, 350), (268, 344)):
        blossom(pen, x, y, 8, 4, "#f6bd45", "#d07f16")


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "tea-longjing": longjing,
    "tea-tieguanyin": tieguanyin,
    "tea-dianhong": dianhong,
    "tea-puer": puer,
    "tea-jasmine": jasmine,
    "tea-chrysanthemum": chrysanthemum,
    "tea-white-peony": white_peony,
    "tea-osmanthus": osmanthus,
}
