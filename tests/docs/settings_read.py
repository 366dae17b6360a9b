"""The variables of the environment that the source reads, found in its syntax trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .pages import ROOT

_NAME = re.compile(r"_?[A-Z][A-Z0-9_]+")
_READERS = ("environ.get", "environ.pop", "getenv", ".setting")


def settings_read() -> set[str]:
    """Every name that is looked up, spelled at the call, in a constant, or in the tuple that a loop goes through."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "src" / "runstone").rglob("*.py")]
    constants = {name: value for tree in trees for name, value in _constants(tree)}
    found: set[str] = set()
    for tree in trees:
        loops = dict(_loops(tree))
        for key in _keys(tree):
            if isinstance(key, ast.Name):
                found |= {constants[key.id]} if key.id in constants else loops.get(key.id, set())
            elif isinstance(key, ast.Constant) and isinstance(key.value, str):
                found.add(key.value)
    return {name for name in found if _NAME.fullmatch(name)}


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        target = (
            node.target
            if isinstance(node, ast.AnnAssign)
            else node.targets[0]
            if isinstance(node, ast.Assign)
            else None
        )
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield target.id, value.value


def _loops(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and isinstance(node.iter, ast.Tuple):
            yield (
                node.target.id,
                {
                    item.value
                    for item in node.iter.elts
                    if isinstance(item, ast.Constant) and isinstance(item.value, str)
                },
            )


def _keys(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).endswith(_READERS):
            yield node.args[0]
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("environ"):
            yield node.slice
        elif isinstance(node, ast.Compare) and ast.unparse(node.comparators[0]).endswith("environ"):
            yield node.left
