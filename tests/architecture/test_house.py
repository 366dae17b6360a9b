"""Rules of the house that a reader feels: sizes, docstrings, reasons, codes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from runstone.errors import CODES

from .source import ROOT, comments, constants, modules, place, shown, tree

MAX_MODULE_LINES = 600
MAX_FUNCTION_LINES = 80

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def suite() -> list[Path]:
    return sorted((ROOT / "tests").rglob("*.py"))


# sizes


def test_modules_can_be_read_in_one_sitting() -> None:
    """No module is longer than 600 lines; most are far below."""
    sizes = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert {name: size for name, size in sizes.items() if size > MAX_MODULE_LINES} == {}


def test_functions_fit_a_screen() -> None:
    """No function is longer than 80 lines, docstring included."""
    long = [
        f"{place(path, node)}: {node.name}, {(node.end_lineno or 0) - node.lineno + 1} lines"
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    ]
    assert long == []


# docstrings


def public(nodes: list[ast.stmt], owner: str = "") -> Iterator[tuple[Definition, str]]:
    """Public classes and functions of a body, and public methods of public classes."""
    for node in nodes:
        if isinstance(node, ast.If):
            yield from public([*node.body, *node.orelse], owner)
        elif isinstance(node, ast.Try):
            yield from public([*node.body, *(inner for handler in node.handlers for inner in handler.body)], owner)
        elif isinstance(node, Definition) and not node.name.startswith("_"):
            yield node, owner + node.name
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{node.name}.")


def said_elsewhere(path: Path, name: str) -> bool:
    """A port's Protocol documents a method once; adapters and suites that stand in for a port need not repeat it."""
    return "." in name and shown(path).startswith(("adapters/", "testing/"))


def overloads(node: Definition) -> bool:
    return any(ast.unparse(decorator).endswith((".setter", "overload")) for decorator in node.decorator_list)


def test_everything_public_has_a_docstring() -> None:
    """Modules, classes, functions and methods state what they promise."""
    silent = [shown(path) for path in modules() if not ast.get_docstring(tree(path))]
    silent += [
        f"{place(path, node)}: {name}"
        for path in modules()
        for node, name in public(tree(path).body)
        if not ast.get_docstring(node) and not overloads(node) and not said_elsewhere(path, name)
    ]
    assert silent == []


def test_every_test_has_a_docstring() -> None:
    """It states the behaviour that the test holds."""
    silent = [
        f"{place(path, node)}: {name}"
        for path in suite()
        for node, name in public(tree(path).body)
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert silent == []


# reasons

EXCEPTION = re.compile(r"#\s*(type:\s*ignore|noqa|pragma:\s*no cover|pyright:\s*ignore)", re.IGNORECASE)
REASONED = re.compile(
    r"#\s*(?:type: ignore\[[a-z, -]+\]|pyright: ignore\[\w+\]|noqa: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*|pragma: no cover)"
    r"\s+(?:[#-]\s*)?[\w`]+"
)


def test_every_exception_to_a_rule_has_a_code_and_a_reason() -> None:
    """`type: ignore[code]  # why`: who reads it later must be able to tell whether it is still needed."""
    bare = [
        f"{place(path, line)}: {text}"
        for path in [*modules(), *suite()]
        for line, text in comments(path)
        if EXCEPTION.search(text) and not REASONED.search(text)
    ]
    assert bare == []


def test_nothing_is_left_for_later() -> None:
    """What has to be done is an issue, not a comment."""
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    left = [f"{place(path, line)}: {text}" for path in modules() for line, text in comments(path) if words.search(text)]
    assert left == []


# codes


def raised_codes() -> Iterator[tuple[str, str]]:
    """The first argument of each call of `error`, where it is written out."""
    for path in modules():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "error" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    yield place(path, node), first.value


def test_every_code_that_is_raised_is_known() -> None:
    """`error("code", …)` finds its class in `CODES`."""
    raised = list(raised_codes())
    assert len(raised) > 50
    assert [f"{where}: {code}" for where, code in raised if code not in CODES] == []


def test_every_known_code_is_used() -> None:
    """A code that nothing raises is a promise that nobody keeps."""
    spoken = {text for path in modules() if shown(path) != "errors.py" for _, text in constants(path)}
    assert [code for code in CODES if code not in spoken] == []


def test_errors_are_made_in_one_place() -> None:
    """Nobody picks a class: `errors.error` looks it up, so that a code always has the same one."""
    family = {"RunstoneError", "InvalidInput", "NotFound", "Conflict", "StoreUnavailable", "Damaged"}
    made = [
        f"{place(path, node)}: {node.func.id}"
        for path in modules()
        if shown(path) != "errors.py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in family
    ]
    assert made == []


def test_codes_have_one_answer_a_class() -> None:
    """Exit and HTTP status follow from the class: a handler that knows the class knows both."""
    answers: dict[type, set[tuple[int, int, bool]]] = {}
    for code in CODES.values():
        answers.setdefault(code.error, set()).add((code.exit_status, code.http_status, code.retryable))
    assert {kind.__name__: len(found) for kind, found in answers.items() if len(found) != 1} == {}
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in CODES)
    assert all(code.meaning.endswith(".") for code in CODES.values())


# types


def test_every_public_name_is_checked_by_the_type_checkers() -> None:
    """`tests/typing/public_api.py` uses each name of `import runstone`."""
    import runstone

    used = {node.id for node in ast.walk(tree(ROOT / "tests/typing/public_api.py")) if isinstance(node, ast.Name)}
    used |= {
        node.attr for node in ast.walk(tree(ROOT / "tests/typing/public_api.py")) if isinstance(node, ast.Attribute)
    }
    assert set(runstone.__all__) - used == set()


def test_every_public_name_is_loaded_and_typed_alike() -> None:
    """The names that a checker sees are the names that are loaded when they are first used."""
    import runstone

    for name in runstone.__all__:
        assert getattr(runstone, name) is not None
    assert dir(runstone) == sorted(runstone.__all__)
