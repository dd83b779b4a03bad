"""Reads the table of docs/reference/permissions.md: its cells are what the tests try."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs/reference/permissions.md"
_CODE = re.compile(r"`([^`]+)`")
_NOTHING = "–"
_COLUMNS = (
    "Permission",
    "The server refuses",
    "The document's `Permissions-Policy` refuses",
    "The page omits",
    "Nothing possible, and why",
)


@dataclass(frozen=True)
class ServerRefuses:
    """A request that is answered with the question."""

    method: str
    path: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class PolicyRefuses:
    """A feature and a call that needs it."""

    feature: str
    call: str


@dataclass(frozen=True)
class PageOmits:
    """A page and what it holds only with the permission."""

    path: str
    selector: str


@dataclass(frozen=True)
class NothingPossible:
    """Why there is nothing, and an expression that is true where it is so."""

    why: str
    shown_by: str


@dataclass(frozen=True)
class Row:
    """One permission."""

    permission: str
    server: tuple[ServerRefuses, ...]
    policy: PolicyRefuses | None
    page: tuple[PageOmits, ...]
    nothing: NothingPossible | None


def read_table(document: Path = DOCUMENT) -> tuple[Row, ...]:
    """Return the rows.

    Raises:
        AssertionError: the document has no such table, or a cell that cannot be tried.
    """
    lines = document.read_text(encoding="utf-8").splitlines()
    start = next((n for n, line in enumerate(lines) if _cells(line) == _COLUMNS), None)
    assert start is not None, f"{document} has no table with the columns {_COLUMNS}"
    rows: list[Row] = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(_row(_cells(line)))
    return tuple(rows)


def _cells(line: str) -> tuple[str, ...]:
    # A bar within a cell is written \|, as Markdown wants it.
    parts = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return tuple(part.strip().replace("\\|", "|") for part in parts)


def _row(cells: tuple[str, ...]) -> Row:
    assert len(cells) == len(_COLUMNS), cells
    name, server, policy, page, nothing = cells
    return Row(
        permission=_CODE.findall(name)[0],
        server=tuple(_server(code) for code in _tried(server)),
        policy=None if policy == _NOTHING else PolicyRefuses(*_CODE.findall(policy)),
        page=_pages(_tried(page)),
        nothing=None if nothing == _NOTHING else _nothing(nothing),
    )


def _tried(cell: str) -> list[str]:
    found = _CODE.findall(cell)
    assert found, f"nothing in this cell can be tried: {cell}"
    assert not _CODE.sub("", cell).strip(", "), f"words without a check: {cell}"
    return found


def _server(code: str) -> ServerRefuses:
    method, path, *fields = code.split(" ")
    return ServerRefuses(method, path, dict(f.split("=") for f in fields))


def _pages(codes: list[str]) -> tuple[PageOmits, ...]:
    assert len(codes) % 2 == 0, codes
    return tuple(PageOmits(*pair) for pair in zip(codes[::2], codes[1::2], strict=True))


def _nothing(cell: str) -> NothingPossible:
    why, said, shown_by = cell.partition("true: ")
    assert said, f"nothing shows that nothing is possible: {cell}"
    return NothingPossible(why.strip(), _CODE.findall(shown_by)[0])
