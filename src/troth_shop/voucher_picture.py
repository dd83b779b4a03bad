"""A voucher picture is decoded and made anew: only what the eye sees goes through (S-16, S-28).

Place, device, thumbnails, comments, colour profiles, hidden second files: whatever is not a pixel
of the first frame is gone. What is refused is refused by its content; a name or a declared type is
never looked at. The decoder sees three formats, a size limit before it unfolds anything, and no
other plug-in.
"""

from __future__ import annotations

import io
import warnings
import zipfile

import filetype  # type: ignore[import-untyped]
from PIL import Image, ImageOps

from troth_shop.errors import (
    FileNotAnImage,
    FileRefused,
    FileTooLarge,
    ImageBroken,
    ImageTooManyPixels,
)

MAX_BYTES = 8 * 1024 * 1024
MAX_PIXELS = 40_000_000
LONGEST_SIDE = 3000
"""Pixels; more than the small print of a bank's receipt needs."""

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_DOCUMENTS = (b"%pdf-", b"<svg", b"<html", b"<!doctype", b"<script", b"<?xml-stylesheet")
_SNIFFED = 1024
"""Bytes at the start in which lenient readers look for a PDF or HTML document."""

# For every decoder in this process: above this Pillow warns, above twice this it refuses.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def clean(content: bytes) -> bytes:
    """Return a new JPEG of what a picture shows.

    Args:
        content: the file as it was sent.

    Raises:
        FileTooLarge: more than `MAX_BYTES`.
        FileNotAnImage: not JPEG, PNG or WebP, or something else as well (a PDF, page or archive).
        ImageTooManyPixels: more than `MAX_PIXELS`.
        ImageBroken: it cannot be decoded to its end.
    """
    if len(content) > MAX_BYTES:
        raise FileTooLarge(megabytes=MAX_BYTES // 1024 // 1024)
    found = filetype.guess(content)
    expected = _FORMATS.get(found.mime) if found is not None else None
    if expected is None or _is_something_else_too(content):
        raise FileNotAnImage
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=(expected,)) as opened:
                return _made_anew(opened)
    except FileRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageTooManyPixels(megapixels=MAX_PIXELS // 1_000_000) from None
    except Exception:  # noqa: BLE001 - a decoder may raise anything on hostile bytes
        raise ImageBroken from None


def _made_anew(opened: Image.Image) -> bytes:
    # Only the header was read so far: nothing is unfolded before its size is known.
    if opened.width * opened.height > MAX_PIXELS:
        raise ImageTooManyPixels(megapixels=MAX_PIXELS // 1_000_000)
    opened.load()
    upright = ImageOps.exif_transpose(opened)
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    coloured = upright.convert("RGBA")
    # A fresh picture has no metadata that a writer could pick up by itself.
    fresh = Image.new("RGB", coloured.size, "white")
    fresh.paste(coloured, mask=coloured.getchannel("A"))
    written = io.BytesIO()
    fresh.save(written, "JPEG", quality=85)
    return written.getvalue()


def _is_something_else_too(content: bytes) -> bool:
    start = content[:_SNIFFED].lower()
    return any(mark in start for mark in _DOCUMENTS) or zipfile.is_zipfile(io.BytesIO(content))
