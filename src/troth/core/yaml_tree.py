"""Read YAML into a tree that knows its lines and collects every fault instead of raising one.

Rules made here: C001 malformed YAML, C002 unknown key, C003 missing key, C004 wrong type,
C005 the same key twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

import yaml

from troth.core.findings import Finding, Severity
from troth.core.policy import Words, frozen

E = TypeVar("E", bound=StrEnum)

_WHOLE_NUMBER = re.compile(r"-?[0-9]+")


class Faults:
    """The findings of one compilation, in the order they were met."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def add(
        self,
        file: str,
        line: int,
        rule: str,
        reason: str,
        repair: str,
        *,
        severity: Severity = Severity.ERROR,
        searched: str = "",
        law: str = "",
        clause: str = "",
    ) -> None:
        """Add one finding; an error unless ``severity`` says otherwise."""
        self.found.append(
            Finding(
                file=file,
                line=line,
                rule=rule,
                severity=severity,
                reason=reason,
                repair=repair,
                searched=searched,
                law=law,
                clause=clause,
            )
        )


class Tree:
    """A mapping of a YAML file, read key by key; keys that nobody read are faults at `close`."""

    def __init__(self, file: str, node: yaml.Node | None, faults: Faults, path: str = "") -> None:
        self.file = file
        self.line = node.start_mark.line + 1 if node is not None else 1
        self.path = path
        self.faults = faults
        self.node = node
        self._nodes: dict[str, yaml.Node] = {}
        self._key_lines: dict[str, int] = {}
        self._read: set[str] = set()
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            self.fault(
                "C004", f"{path or 'the file'} must be a mapping", "write `key: value` lines"
            )
            return
        for key, value in node.value:
            name = str(key.value)
            if name in self._nodes:
                faults.add(
                    file,
                    key.start_mark.line + 1,
                    "C005",
                    f"{self._at(name)} stands twice",
                    "keep one of the two",
                )
            self._nodes[name] = value
            self._key_lines[name] = key.start_mark.line + 1

    def _at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def fault(self, rule: str, reason: str, repair: str, *, key: str = "", law: str = "") -> None:
        """Add an error at the line of ``key``, or of this mapping."""
        self.faults.add(self.file, self.line_of(key), rule, reason, repair, law=law)

    def line_of(self, key: str = "") -> int:
        """Return the line of ``key``, or the first line of this mapping."""
        return self._key_lines.get(key, self.line)

    def names(self) -> tuple[str, ...]:
        """Return the keys in the order of the file."""
        return tuple(self._nodes)

    def has(self, key: str) -> bool:
        """Tell whether the key is there."""
        return key in self._nodes

    def _node(self, key: str) -> yaml.Node | None:
        self._read.add(key)
        node = self._nodes.get(key)
        if node is None:
            self.fault("C003", f"{self._at(key)} is missing", f"add `{key}:` here")
        return node

    def text(self, key: str, default: str | None = None) -> str:
        """Return a scalar as text; ``default`` makes the key optional."""
        if default is not None and key not in self._nodes:
            self._read.add(key)
            return default
        node = self._node(key)
        if node is None:
            return ""
        if not isinstance(node, yaml.ScalarNode):
            self.fault("C004", f"{self._at(key)} must be a text", "write one value", key=key)
            return ""
        return str(node.value)

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """Return ``true`` or ``false``."""
        value = self.text(key, None if default is None else str(default).lower())
        if value not in ("true", "false", ""):
            self.fault(
                "C004",
                f"{self._at(key)} must be true or false, got {value!r}",
                "write true or false",
                key=key,
            )
        return value == "true"

    def number(self, key: str) -> int:
        """Return a whole number."""
        value = self.text(key)
        if _WHOLE_NUMBER.fullmatch(value) is None:
            if value:
                self.fault(
                    "C004",
                    f"{self._at(key)} must be a whole number, got {value!r}",
                    "write digits",
                    key=key,
                )
            return 0
        return int(value)

    def day(self, key: str) -> date:
        """Return a date written YYYY-MM-DD."""
        value = self.text(key)
        try:
            return date.fromisoformat(value)
        except ValueError:
            if value:
                self.fault(
                    "C004",
                    f"{self._at(key)} must be a date, got {value!r}",
                    "write YYYY-MM-DD",
                    key=key,
                )
            return date.min

    def one_of(self, key: str, kind: type[E], default: E | None = None) -> E:
        """Return a member of an enumeration, by its value."""
        value = self.text(key, default.value if default is not None else None)
        try:
            return kind(value)
        except ValueError:
            allowed = ", ".join(member.value for member in kind)
            if value:
                self.fault(
                    "C004",
                    f"{self._at(key)} must be one of {allowed}, got {value!r}",
                    f"write one of {allowed}",
                    key=key,
                )
            return next(iter(kind))

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of scalars as texts; a missing key is an empty list."""
        self._read.add(key)
        node = self._nodes.get(key)
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self.fault("C004", f"{self._at(key)} must be a list", "write [a, b]", key=key)
            return ()
        items = tuple(item for item in node.value if isinstance(item, yaml.ScalarNode))
        if len(items) != len(node.value):
            self.fault("C004", f"{self._at(key)} must list texts only", "write [a, b]", key=key)
        return tuple(str(item.value) for item in items)

    def branch(self, key: str) -> Tree:
        """Return the mapping under ``key``; empty when it is missing, which is a fault."""
        return Tree(self.file, self._node(key), self.faults, self._at(key))

    def branches(self, key: str) -> Iterator[tuple[str, Tree]]:
        """Yield each id under ``key`` with its mapping, and close each after the caller read it."""
        parent = self.branch(key)
        for name in parent.names():
            tree = parent.branch(name)
            yield name, tree
            tree.close()

    def words(self, key: str, languages: tuple[str, ...]) -> Words:
        """Return one text per language; a missing language is a fault (C006)."""
        tree = self.branch(key)
        found = {name: tree.text(name) for name in tree.names()}
        for language in languages:
            if self.has(key) and not found.get(language, "").strip():
                self.fault(
                    "C006",
                    f"{self._at(key)} has no {language} text",
                    f"add `{language}:` so that every reader reads the same",
                    key=key,
                )
        for name in found:
            if name not in languages:
                tree.fault(
                    "C002",
                    f"{self._at(key)} has an unknown language {name!r}",
                    f"use one of {', '.join(languages)}",
                    key=name,
                )
        return frozen({language: found.get(language, "") for language in languages})

    def close(self) -> None:
        """Report every key that was not read (C002)."""
        for key in self._nodes:
            if key not in self._read:
                known = ", ".join(sorted(self._read))
                self.fault(
                    "C002", f"{self._at(key)} is not a known key", f"known here: {known}", key=key
                )


_SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C where PyYAML has it: ten times faster, the same tree and lines."""


def read_tree(file: str, text: str, faults: Faults) -> Tree:
    """Parse ``text``; malformed YAML becomes a C001 with its line and an empty tree."""
    try:
        node = yaml.compose(text, Loader=_SAFE)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        faults.add(
            file,
            mark.line + 1 if mark else 1,
            "C001",
            f"the YAML cannot be read: {error.problem or error.context}",
            "mend the syntax at this line; indentation and quotes are the usual causes",
        )
        node = None
    except (yaml.YAMLError, ValueError, RecursionError):
        faults.add(
            file,
            1,
            "C001",
            "the file is nested too deeply or holds characters that YAML does not allow",
            "save it as UTF-8 without control characters",
        )
        node = None
    return Tree(file, node, faults)


def plain(node: yaml.Node | None) -> Any:
    """Return a node as plain lists, maps and texts: dates and numbers stay as written."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [plain(item) for item in node.value]
    return None if node is None else str(node.value)
