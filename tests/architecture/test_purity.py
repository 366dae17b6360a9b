"""What a graph of imports cannot see: names, calls and words that have one place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.core import layout

from .source import PACKAGE, constants, imports, modules, place, shown, tree

CORE_MAY_IMPORT = {
    "__future__", "collections.abc", "typing",  # words for types
    "_json", "_sha256", "_sha2", "binascii", "hashlib", "hyperscan", "json", "json.encoder", "re",
    "runstone.json_library",  # `orjson`
    "base64", "hmac", "tomllib", "unicodedata", "zlib", "zstandard",
    "re._constants", "re._parser",
    "bisect", "csv", "decimal", "difflib", "math", "struct",
    "sys",  # for what is loaded, see below
}  # fmt: skip
CORE_MAY_ASK_SYS = {"modules", "get_int_max_str_digits"}
IMPURE = {"open", "input", "print", "exec", "eval", "compile", "__import__", "breakpoint", "globals", "id", "hash"}


def found(places: Iterator[str]) -> None:
    listed = sorted(places)
    assert not listed, "\n".join(listed)


def test_core_imports_what_is_pure() -> None:
    """Computation only: files, sockets, clocks, randomness and threads come in through ports."""
    found(
        f"{place(path, node)}: {name}"
        for path in modules("core", "errors.py")
        for node, name in imports(path)
        if name not in CORE_MAY_IMPORT and not name.startswith(("runstone.core", "runstone.errors"))
    )


def test_core_calls_nothing_that_reaches_out() -> None:
    """No `open`, no `print`, no `eval`; nor `hash` and `id`, which differ between processes."""
    found(
        f"{place(path, node)}: {node.func.id}"
        for path in modules("core", "errors.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE
    )


def test_core_asks_sys_for_little() -> None:
    """Which modules are loaded, and how long a number may be; no argv, no streams, no platform."""
    found(
        f"{place(path, node)}: sys.{node.attr}"
        for path in modules("core", "errors.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys"
        if node.attr not in CORE_MAY_ASK_SYS
    )


# paths

FILES = {
    layout.MANIFEST,
    layout.JOURNAL,
    layout.PRIVATE,
    layout.GIT_ATTRIBUTES,
    layout.ARTIFACTS,
    layout.STORE_FILE.split("/")[1],
}
FOLDERS = {path.split("/")[1] for path in (layout.TEMPORARY, layout.OPEN, layout.LEASES, layout.UNKEPT)}


def spelled_paths(path: Path) -> Iterator[str]:
    for node, text in constants(path):
        parts = re.split(r"[/:]", text)
        words = " " in text or "\n" in text
        if not words and (FILES & set(parts) or ("/" in text and FOLDERS & set(parts))):
            yield f"{place(path, node)}: {text!r}"


def test_one_module_spells_the_paths() -> None:
    """The names of a bundle's and a store's files stand in `core/layout`; in the shipped suites they are samples."""
    found(
        spelled
        for path in modules()
        if shown(path) != "core/layout.py" and not shown(path).startswith("testing/")
        for spelled in spelled_paths(path)
    )


def document_names() -> set[str]:
    names = set()
    for path in modules("contracts"):
        names |= {text for _, text in constants(path) if re.fullmatch(r"[a-z_./]+\.(json|log)", text)}
    return names


def test_the_command_spells_no_document() -> None:
    """A contract's documents are named by the contract."""
    names = document_names()
    assert {"run.json", "checks.json", "run.log"} <= names
    found(
        f"{place(path, node)}: {text!r}" for path in modules("cli") for node, text in constants(path) if text in names
    )


# durability

DURABLE = {
    "fsync", "fdatasync", "sync", "link", "rename", "renames", "replace", "symlink", "flock", "lockf", "locking",
    "sync_file_range",
}  # fmt: skip
BY_PATHLIB = {"rename", "symlink_to", "hardlink_to", "link_to"}
SYSTEM = {"os", "posix", "fcntl", "msvcrt", "shutil"}


def durable_names(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            of_system = isinstance(node.value, ast.Name) and node.value.id in SYSTEM and node.attr in DURABLE
            if of_system or node.attr in BY_PATHLIB:
                yield f"{place(path, node)}: {ast.unparse(node)}"
        elif isinstance(node, ast.ImportFrom) and node.module in SYSTEM:
            for alias in node.names:
                if alias.name in DURABLE or alias.name == "*":
                    yield f"{place(path, node)}: from {node.module} import {alias.name}"


def test_one_module_makes_things_durable() -> None:
    """Every sync, link, rename and lock stands in `adapters/fs/durable.py`, where their order can be read."""
    home = PACKAGE / "adapters" / "fs" / "durable.py"
    kinds = {name.rpartition(".")[2] for name in durable_names(home)}
    assert {"fsync", "link", "flock"} <= kinds
    found(name for path in modules() if path != home for name in durable_names(path))


# the environment


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Everything that runs when a module is imported: all but the bodies of functions."""
    yield node
    for field, value in ast.iter_fields(node):
        if field == "body" and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from at_import(child)


def test_no_setting_is_read_at_import() -> None:
    """Environment variables are read at each call: a program may set them after the import."""
    found(
        f"{place(path, node)}: os.{node.attr}"
        for path in modules()
        for node in at_import(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
    )


def test_only_the_outside_reads_the_environment() -> None:
    """The engine and the ports are handed what they need; adapters, the command and contracts' writers may ask."""
    found(
        f"{place(path, node)}: {node.attr}"
        for path in modules("core", "ports", "errors.py", "api.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
    )


@pytest.mark.parametrize("word", ["utils", "helpers", "helper", "manager", "common", "misc"])
def test_no_module_is_a_drawer(word: str) -> None:
    """A module is named by its noun; what has no noun has no place."""
    found(shown(path) for path in modules() if word in re.split(r"[/_.]", shown(path)))


def test_imports_are_absolute() -> None:
    """A dotted name can be searched for."""
    found(f"{place(path, node)}: {name}" for path in modules() for node, name in imports(path) if name.startswith("."))
