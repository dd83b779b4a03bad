"""The clean and the faulty policies in Markdown and in HTML."""

from __future__ import annotations

import html
import re

_HEADING = re.compile(r"(?:[一二三四五六七八九十]+、|\d{1,2}\. [A-Z])")
_ITEM = re.compile(r"- |[（(]\d[）)]")


def as_markdown(text: str) -> str:
    """Return the plain policy as Markdown: one block per line, numbers kept in the words."""
    blocks: list[str] = []
    for line in filter(None, text.split("\n")):
        if _HEADING.match(line):
            blocks.append(f"## {line}")
        elif _ITEM.match(line):
            blocks.append(f"- {line.removeprefix('- ')}")
        else:
            blocks.append(line)
    return "\n\n".join(blocks) + "\n"


def as_html(text: str) -> str:
    """Return the plain policy as a page, with things around it that nobody reads."""
    blocks: list[str] = []
    for line in filter(None, text.split("\n")):
        words = html.escape(line.removeprefix("- "))
        if _HEADING.match(line):
            blocks.append(f"<h2>{words}</h2>")
        elif _ITEM.match(line):
            blocks.append(f'<ul>\n  <li><span class="row">{words}</span>\n  </li></ul>')
        else:
            blocks.append(f"<p\n  class='text'>\n  {words}</p>")
    body = "\n".join(blocks)
    return f"<html><head><style>p {{ margin: 0 }}</style></head>\n<body>\n{body}\n</body></html>\n"
