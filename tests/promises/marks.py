"""Which tests prove which controls and promises, read from their marks without running them."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parents[1]


def marked(kind: str) -> dict[str, set[str]]:
    """Return {name: tests} for ``@pytest.mark.<kind>("name", …)`` on functions and modules.

    Args:
        kind: ``control`` or ``promise``.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        whole = _names(kind, [n.value for n in tree.body if _is_pytestmark(n)])  # type: ignore[attr-defined]
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            for name in whole | _names(kind, node.decorator_list):
                found[name].add(f"{path.relative_to(TESTS)}::{node.name}")
    return dict(found)


def _is_pytestmark(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
    )


def _names(kind: str, nodes: list[ast.expr]) -> set[str]:
    names: set[str] = set()
    for top in nodes:
        for node in ast.walk(top):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == kind
            ):
                names |= {a.value for a in node.args if isinstance(a, ast.Constant)}
    return names
