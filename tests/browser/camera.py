"""Films for Chromium's fake camera: a printed code held in front of a phone, not a clean bitmap."""

import io
import random
from pathlib import Path

import segno
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 640, 480
_FRAMES = 40
_UNFOCUSED_FRAMES = 10


def film_of_code(text: str, path: Path, *, seed: int = 1) -> Path:
    """Write a film in which a QR code with `text` comes into view, held by an unsteady hand.

    The first frames are out of focus; each frame turns, shifts and lights the label a little
    differently and adds sensor noise. Chromium plays the film in a loop.

    Args:
        text: what the code says; ASCII for addresses, otherwise it is encoded as UTF-8.
        path: where to write, ending in .mjpeg, which is how Chromium knows the format.
        seed: the same seed makes the same film.

    Returns:
        `path`.
    """
    draw = random.Random(seed)
    label = _label(text)
    frames = [_frame(label, draw, blurred=number < _UNFOCUSED_FRAMES) for number in range(_FRAMES)]
    return _write_film(frames, path)


def film_without_code(path: Path, *, seed: int = 1) -> Path:
    """Write a film of an empty shelf: nothing in it can be read."""
    draw = random.Random(seed)
    return _write_film([_frame(None, draw, blurred=False) for _ in range(_FRAMES)], path)


def still_of_code(text: str, *, seed: int = 1) -> Image.Image:
    """Return one sharp frame of such a film, for pages that read a picture instead of a camera."""
    return _frame(_label(text), random.Random(seed), blurred=False)


def _label(text: str) -> Image.Image:
    """Return the printed label: the code with its quiet zone, on white card with a margin."""
    code = segno.make(text, error="m", micro=False, encoding=None if text.isascii() else "utf-8")
    buffer = io.BytesIO()
    code.save(buffer, kind="png", scale=6, border=4)
    printed = Image.open(buffer).convert("RGB")
    side = 250
    card = Image.new("RGB", (side + 30, side + 70), "#fbfaf6")
    card.paste(printed.resize((side, side), Image.Resampling.LANCZOS), (15, 15))
    ImageDraw.Draw(card).rectangle((40, side + 30, side - 10, side + 44), fill="#3c3a36")
    return card


def _frame(label: Image.Image | None, draw: random.Random, *, blurred: bool) -> Image.Image:
    scene = _shelf(draw)
    if label is not None:
        angle = draw.uniform(-14, 14)
        turned = label.convert("RGBA").rotate(angle, resample=Image.Resampling.BICUBIC, expand=True)
        left = (WIDTH - turned.width) // 2 + draw.randint(-40, 40)
        top = (HEIGHT - turned.height) // 2 + draw.randint(-20, 20)
        scene.paste(turned, (left, top), turned)
    scene = scene.filter(ImageFilter.GaussianBlur(7 if blurred else draw.uniform(0.4, 1.0)))
    light = draw.uniform(0.8, 1.1)
    noise = Image.frombytes("L", (WIDTH, HEIGHT), draw.randbytes(WIDTH * HEIGHT))
    grain = Image.merge("RGB", (noise, noise, noise))
    return Image.blend(scene.point(lambda value: min(255, int(value * light))), grain, 0.08)


def _shelf(draw: random.Random) -> Image.Image:
    scene = Image.new("RGB", (WIDTH, HEIGHT), "#8d8478")
    pen = ImageDraw.Draw(scene)
    for top in (90, 260, 430):
        pen.rectangle((0, top, WIDTH, top + 14), fill="#5a4b3c")
    for left in range(10, WIDTH, 90):
        shade = draw.randint(90, 200)
        pen.rectangle((left, 110, left + 60, 255), fill=(shade, 110, 90))
    return scene


def _write_film(frames: list[Image.Image], path: Path) -> Path:
    if path.suffix != ".mjpeg":
        raise ValueError(f"Chromium knows the film by its name: got {path.name}, expected *.mjpeg")
    with path.open("wb") as file:
        for frame in frames:
            frame.save(file, format="JPEG", quality=85, subsampling="4:2:0")
    return path
