"""The source as the architecture tests see it: files, syntax trees, comments."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "runstone"


def modules(*folders: str) -> list[Path]:
    """The package's modules, or those below some of its folders (`core`, `adapters/fs`, …)."""
    roots = [PACKAGE / folder for folder in folders] if folders else [PACKAGE]
    return sorted(path for root in roots for path in (root.rglob("*.py") if root.is_dir() else [root]))


def shown(path: Path) -> str:
    """A path as a test names it."""
    return path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """The module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def place(path: Path, node: ast.AST | int) -> str:
    """`file:line`, as a finding is shown."""
    return f"{shown(path)}:{node if isinstance(node, int) else getattr(node, 'lineno', 0)}"


def imports(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Each import of a module, wherever it stands, with the dotted name of what is imported from."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node, "." * node.level + (node.module or "")


def constants(path: Path) -> Iterator[tuple[ast.Constant, str]]:
    """Each piece of text in a module that is no docstring; bytes as Latin-1."""
    statements = {id(node.value) for node in ast.walk(tree(path)) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and id(node) not in statements and isinstance(node.value, str | bytes):
            yield node, node.value if isinstance(node.value, str) else node.value.decode("latin-1")


def comments(path: Path) -> Iterator[tuple[int, str]]:
    """Each comment with its line."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
