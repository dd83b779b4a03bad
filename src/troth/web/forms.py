"""What a form of ours may hold; everything else in it is dropped unread (S-16)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from litestar import Request

from troth.core.errors import InputError

LONGEST_FORM_BYTES = 16_384


async def read_form(request: Request[Any, Any, Any], *names: str) -> dict[str, str]:
    """Return the named fields of a form post, empty if missing.

    Raises:
        InputError: the body is too large or not a form.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/x-www-form-urlencoded":
        raise InputError("send this form as application/x-www-form-urlencoded")
    if int(request.headers.get("content-length") or 0) > LONGEST_FORM_BYTES:
        raise InputError(f"the form is larger than {LONGEST_FORM_BYTES} bytes")
    body = await request.body()
    if len(body) > LONGEST_FORM_BYTES:
        raise InputError(f"the form is larger than {LONGEST_FORM_BYTES} bytes")
    try:
        fields = dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise InputError("the form cannot be read; send it again") from None
    return {name: fields.get(name, "") for name in names}


def local_path(path: str, fallback: str) -> str:
    """Return ``path`` if it leads to a page of ours, else ``fallback``: never to another site."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if plain and all(" " < c < "\x7f" and c != "\\" for c in path) else fallback
