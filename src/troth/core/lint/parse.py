"""From a file's text to the `Document` the rules read."""

from __future__ import annotations

import re

from troth.core.lint.document import Document, Form, document_from
from troth.core.lint.read_html import read_html
from troth.core.lint.read_markdown import read_markdown
from troth.core.lint.read_text import read_text
from troth.core.lint.structure import arrange

_NEWLINE = re.compile(r"\r\n?")
_READERS = {Form.TEXT: read_text, Form.MARKDOWN: read_markdown, Form.HTML: read_html}


def parse(*, file: str, text: str, form: Form) -> Document:
    """Return the policy as blocks, sections and sentences.

    Lines end at ``\\n``, ``\\r\\n`` or ``\\r`` and are counted from 1, as editors count them.
    """
    plain = _NEWLINE.sub("\n", text.removeprefix("\ufeff"))
    blocks, sections = arrange(_READERS[form](plain))
    return document_from(
        file=file,
        form=form,
        line_count=plain.count("\n") + 1,
        blocks=blocks,
        sections=sections,
    )
