"""Read the keys of ``datamap.yaml`` that say what lenses, finders and blind indexes may do.

Rules made here; what needs the whole map is judged in `datamap_lens_rules.py`:

    M103 unknown purpose     M121 a finder without a reason     M123 an index that cannot be read
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml

from troth.core.blind_index import NormalForm
from troth.core.datamap import FoundBy, IndexOf, WriteRight
from troth.core.policy import Policy, PurposeId, frozen
from troth.core.yaml_tree import Tree

_PLACE = re.compile(r"(\w+)\.(\w+)")
"""``table.column``"""


def node_of(tree: Tree, key: str) -> yaml.Node | None:
    """Return the node under a key, to see what kind it is."""
    if isinstance(tree.node, yaml.MappingNode):
        for name, value in tree.node.value:
            if str(name.value) == key:
                found: yaml.Node = value
                return found
    return None


def is_text(tree: Tree, key: str) -> bool:
    """Tell whether one text stands under a key."""
    return isinstance(node_of(tree, key), yaml.ScalarNode)


def texts(tree: Tree, key: str) -> tuple[str, ...]:
    """Return a list, or one text as a list of it."""
    return (tree.text(key),) if is_text(tree, key) else tree.texts(key)


class StoreTree(Tree):
    """The mapping of a data store, which has a key that holds lists of lists."""

    def lists(self, key: str) -> tuple[tuple[str, ...], ...]:
        """Return a list of lists of scalars; a missing key is an empty list."""
        if not self.has(key):
            return ()
        lists = _lists(self._node(key))
        if lists is None:
            reason = f"{self._at(key)} must be a list of lists"
            self.fault("C004", reason, "write [[a, b], [c, d]]", key=key)
        return lists or ()


def _lists(node: yaml.Node | None) -> tuple[tuple[str, ...], ...] | None:
    if not isinstance(node, yaml.SequenceNode):
        return None
    found: list[tuple[str, ...]] = []
    for inner in node.value:
        if not isinstance(inner, yaml.SequenceNode):
            return None
        if not all(isinstance(item, yaml.ScalarNode) for item in inner.value):
            return None
        found.append(tuple(str(item.value) for item in inner.value))
    return tuple(found)


def read_index_of(place: Tree, table: str, column: str) -> IndexOf | None:
    """Read ``index_of: {column: table.column, form: …}`` of a column."""
    if not place.has("index_of"):
        return None
    branch = place.branch("index_of")
    target = branch.text("column")
    form = branch.one_of("form", NormalForm)
    branch.close()
    match = _PLACE.fullmatch(target)
    if match is None:
        if target:
            branch.fault(
                "M123",
                f"{table}.{column} is an index of {target!r}, which cannot be read",
                "write `index_of: {column: <table>.<column>, form: <form>}`",
                key="column",
            )
        return None
    return IndexOf(match[1], match[2], form)


def read_writes(tree: Tree, policy: Policy, table: str) -> Mapping[PurposeId, WriteRight]:
    """Read ``writes`` of a table: what each purpose inserts, updates, clears and deletes."""
    found: dict[PurposeId, WriteRight] = {}
    if not tree.has("writes"):
        return frozen(found)
    for name, branch in tree.branches("writes"):
        if name not in policy.purposes:
            reason = f"the policy knows no purpose {name!r} ({table})"
            branch.fault("M103", reason, "name a purpose of the policy")
        found[PurposeId(name)] = WriteRight(
            insert=texts(branch, "insert"),
            update=texts(branch, "update"),
            delete=branch.flag("delete", default=False),
            clears=texts(branch, "clears"),
        )
    return frozen(found)


def read_found_by(tree: Tree, table: str) -> Mapping[str, FoundBy]:
    """Read ``found_by`` of a table: by which columns a person is found, what is told, and why."""
    found: dict[str, FoundBy] = {}
    if not tree.has("found_by"):
        return frozen(found)
    for name, branch in tree.branches("found_by"):
        tells, reason = texts(branch, "tells"), branch.text("reason", "")
        if not reason.strip():
            branch.fault(
                "M121",
                f"nothing says why {table} is found by {name} before any lens",
                "write `reason:`: who brings the value, and what for",
            )
        found[name] = FoundBy(tells, reason, branch.line)
    return frozen(found)
