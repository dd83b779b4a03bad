"""What a form sent: text fields and at most a few files, read before a handler runs.

The domain takes only the fields it declares and drops all others (S-16); here it is only made
sure that what arrives is text that can be stored and shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request
from litestar.datastructures import UploadFile
from litestar.exceptions import ClientException, ValidationException

MOST_FIELDS = 60

AnyRequest = Request[Any, Any, Any]


class UnreadableForm(ClientException):
    """What was sent is no form that a page of ours could have sent."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of one form; of a field that was sent twice the last counts."""

    values: dict[str, str] = field(default_factory=dict)
    files: dict[str, UploadFile] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a field without the blanks around it; empty if it was not sent."""
        return self.values.get(name, "").strip()

    def kept(self, *names: str) -> dict[str, str]:
        """Return what was typed into fields, to show it again; name no secrets here."""
        return {name: self.values.get(name, "") for name in names}


async def read_form(request: AnyRequest) -> Form:
    """Return what the form of a request sent.

    Raises:
        UnreadableForm: it is not a form, not UTF-8, or has too many fields.
    """
    kind = request.content_type[0]
    try:
        if kind == "multipart/form-data":
            sent = await request.form()
            pairs: list[tuple[str, Any]] = list(sent.multi_items())
        else:
            body = (await request.body()).decode("utf-8")
            pairs = list(
                parse_qsl(body, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
            )
    except (ClientException, ValidationException, ValueError, LookupError) as error:
        if getattr(error, "status_code", 400) == 413:
            raise
        raise UnreadableForm from error
    return _form_of(pairs)


def _form_of(pairs: list[tuple[str, Any]]) -> Form:
    if len(pairs) > MOST_FIELDS:
        raise UnreadableForm
    form = Form()
    for name, value in pairs:
        if isinstance(value, UploadFile):
            form.files[name] = value
        elif isinstance(value, str):
            form.values[name] = value.replace("\r\n", "\n")
        else:
            raise UnreadableForm
    return form
