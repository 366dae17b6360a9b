"""Write the asynchronous layer: from each plain class one whose methods are awaited, with the same parameters.

    python tools/async_layer.py            # writes the modules
    python tools/async_layer.py --check    # exit status 1 where one is not what it would write

What a method becomes is decided here, and of a class that records nothing is decided by default: a new method of `Run`
has to be put into a list.
"""

from __future__ import annotations

import argparse
import ast
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "runstone"
Method = ast.FunctionDef | ast.AsyncFunctionDef

THREAD = "thread"
END = "end"
EACH = "each"
BLOCK = "block"
DIRECT = "direct"
OMIT = "omit"


class Source(NamedTuple):
    """A plain class and what its methods become; `default` is for those that are not named."""

    module: str
    name: str
    target: str
    base: str
    doc: str
    ways: dict[str, str]
    default: str | None
    attributes: tuple[tuple[str, str], ...] = ()
    parents: tuple[tuple[str, str], ...] = ()
    protocol: str = ""


def listed(**ways: str) -> dict[str, str]:
    """Name of each method → what it becomes, of words in one text each."""
    return {name: way for way, names in ways.items() for name in names.split()}


STORE = Source(
    "engine/store.py",
    "Store",
    "AsyncStore",
    "Hopping",
    "A `Store` whose methods are awaited, each made in a thread. Made by `runstone.open_async`.\n"
    "\n"
    "    `sync` is the plain one. It answers what that does; to read much of a `Sealed`:\n"
    "    `await store.in_thread(sealed.document, path)`.",
    listed(block="run", each="runs"),
    THREAD,
    (("url", "str"),),
    (("engine/proving.py", "Proving"),),
)
RUN = Source(
    "engine/recorder.py",
    "Run",
    "AsyncRun",
    "Hopping",
    "A `Run` that is recorded in a task. Made by `AsyncStore.run`.\n"
    "\n"
    "    What is told is recorded at once, in the thread of the task; what reads files or seals is awaited.\n"
    "    `sync` is the plain one.",
    listed(
        direct="log check stream metrics note event config git_state watch_system capture now uuid seed random "
        "tool tool_call model_call govern evidence cite score",
        thread="input output judge",
        end="finish",
        block="child",
        omit="open finishing",
    ),
    None,
    (("status", "str"), ("digest", "Digest | None")),
    (("engine/acting.py", "Acting"),),
)
STORES = tuple(
    Source(
        "contracts/rentl/stores.py",
        name,
        f"Async{name}",
        "Hopping",
        f"`{protocol}` over `{name}`: its methods awaited, each made in a thread; `sync` is the plain one.",
        {},
        THREAD,
        protocol=protocol,
    )
    for name, protocol in (("RunStates", "RunStateStore"), ("Artifacts", "ArtifactStore"), ("Logs", "LogStore"))
)
MODULES = {
    "engine/async_store.py": (
        "A store whose methods are awaited.",
        (STORE,),
    ),
    "engine/async_run.py": (
        "A run that is recorded in a task of an event loop.",
        (RUN,),
    ),
    "contracts/rentl/async_stores.py": (
        "The stores of rentl as its protocols want them: asynchronous.",
        STORES,
    ),
}


class Plain:
    """A module of plain classes: its source, its classes, its imports."""

    def __init__(self, module: str) -> None:
        self.source = (PACKAGE / module).read_text(encoding="utf-8")
        self.tree = ast.parse(self.source)
        self.dotted = "runstone." + module.removesuffix(".py").replace("/", ".")

    def text(self, node: ast.AST) -> str:
        """A node as it is spelled."""
        return " ".join((ast.get_source_segment(self.source, node) or "").split())

    def methods(self, name: str) -> list[Method]:
        """The public methods of a class, properties too."""
        (found,) = (node for node in self.tree.body if isinstance(node, ast.ClassDef) and node.name == name)
        return [node for node in found.body if isinstance(node, Method) and not node.name.startswith("_")]

    def names(self) -> list[tuple[str, str]]:
        """Each name that is imported from somewhere, or stands for a type, and where it is from."""
        top = [inner for outer in self.tree.body for inner in (outer.body if isinstance(outer, ast.If) else [outer])]
        own = [
            (self.dotted, node.targets[0].id)
            for node in top
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        ]
        return own + [
            (getattr(node, "module", "") or "", f"{alias.name} as {alias.asname}" if alias.asname else alias.name)
            for node in top
            if isinstance(node, ast.ImportFrom | ast.Import)
            for alias in node.names
        ]


def is_property(method: Method) -> bool:
    """Whether a method is read as an attribute."""
    return any(isinstance(decorator, ast.Name) and decorator.id == "property" for decorator in method.decorator_list)


def parameters(plain: Plain, method: Method) -> list[str]:
    """The parameters behind `self`, as they are spelled, each on a line of its own."""
    given = method.args
    assert not given.posonlyargs, method.name
    every = given.args[1:]
    without = len(every) - len(given.defaults)
    spelled = []
    for number, one in enumerate(every):
        default = given.defaults[number - without] if number >= without else None
        spelled.append(_parameter(plain, one, default))
    if given.vararg:
        spelled.append("*" + _parameter(plain, given.vararg, None))
    elif given.kwonlyargs:
        spelled.append("*")
    spelled += [
        _parameter(plain, one, default) for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]
    if given.kwarg:
        spelled.append("**" + _parameter(plain, given.kwarg, None))
    return spelled


def _parameter(plain: Plain, one: ast.arg, default: ast.expr | None) -> str:
    annotation = f": {plain.text(one.annotation)}" if one.annotation else ""
    return f"{one.arg}{annotation}{f' = {plain.text(default)}' if default is not None else ''}"


def arguments(method: Method) -> list[str]:
    """What is handed on."""
    given = method.args
    passed = [one.arg for one in given.args[1:]]
    passed += [f"*{given.vararg.arg}"] if given.vararg else []
    passed += [f"{one.arg}={one.arg}" for one in given.kwonlyargs]
    return passed + ([f"**{given.kwarg.arg}"] if given.kwarg else [])


def spread(head: str, items: list[str], tail: str, indent: int) -> list[str]:
    """A call or a signature: in a line where nothing is handed on, else an item a line."""
    space = " " * indent
    if not items:
        return [f"{space}{head}{tail}"]
    comma = ["" if item == "**options" or item.startswith("**options:") else "," for item in items]
    inner = [f"{space}    {item}{mark or ','}" for item, mark in zip(items, comma, strict=True)]
    return [f"{space}{head}", *inner, f"{space}{tail}"]


def answer_of(plain: Plain, method: Method, way: str) -> str:
    """What the method answers, as an annotation."""
    plainly = plain.text(method.returns) if method.returns else "None"
    if way == BLOCK:
        return "AsyncRunBlock"
    return plainly.replace("Iterator[", "AsyncIterator[", 1) if way == EACH else plainly


def method_lines(plain: Plain, method: Method, way: str) -> list[str]:
    """One method of the layer."""
    answer = answer_of(plain, method, way)
    if is_property(method):
        return [
            "    @property",
            f"    def {method.name}(self) -> {answer}:",
            *docstring(method),
            f"        return self.sync.{method.name}",
        ]
    plainly = "" if way in (DIRECT, BLOCK, EACH) else "async "
    lines = spread(f"{plainly}def {method.name}(", ["self", *parameters(plain, method)], f") -> {answer}:", 4)
    if lines[1:2] == ["        self,"] and len(lines) == 3:
        lines = [f"    {plainly}def {method.name}(self) -> {answer}:"]
    lines += docstring(method)
    passed = arguments(method)
    called = f"self.sync.{method.name}"
    back = "" if answer == "None" else "return "
    if way == DIRECT:
        return [*lines, *spread(f"{back}{called}(", passed, ")", 8)]
    if way == THREAD:
        if not passed:
            return [*lines, f"        {back}await self.in_thread({called})"]
        if len(passed) == 1 and not passed[0].startswith("*"):
            return [*lines, f"        {back}await self.in_thread({called}, {passed[0]})"]
        return [*lines, *spread(f"{back}await self.in_thread(", [called, *passed], ")", 8)]
    made = "AsyncRunBlock(self, " if way == BLOCK else "self.each(" if way == EACH else "self.to_the_end("
    wait = "await " if way == END else ""
    inner = spread("lambda: " + called + "(", passed, ")", 12)
    if way == BLOCK:
        inner = ["            self,", *inner]
        made = "AsyncRunBlock("
    inner[-1] += ","
    return [*lines, f"        {back}{wait}{made}", *inner, "        )"]


def docstring(method: Method) -> list[str]:
    """The text of the plain one, as it stands."""
    text = ast.get_docstring(method, clean=True)
    assert text, f"{method.name} says nothing"
    first, *rest = text.splitlines()
    lines = [f'        """{first}', *(f"        {line}".rstrip() for line in rest)]
    if rest:
        return (
            [*lines, '        """']
            if not text.endswith("\n") and len(rest) and _closes_apart(method)
            else _closed(lines)
        )
    return [f'        """{first}"""']


def _closes_apart(method: Method) -> bool:
    node = method.body[0]
    assert isinstance(node, ast.Expr)
    assert isinstance(node.value, ast.Constant)
    return str(node.value.value).rstrip(" ").endswith("\n")


def _closed(lines: list[str]) -> list[str]:
    return [*lines[:-1], f'{lines[-1]}"""']


def way_of(source: Source, method: Method) -> str:
    """What a method becomes; raises where nobody has decided."""
    if is_property(method):
        return DIRECT
    way = source.ways.get(method.name, source.default)
    if way is None:
        raise SystemExit(f"{source.name}.{method.name} is in no list of tools/async_layer.py: is it awaited?")
    return way


def class_lines(source: Source, used: set[tuple[str, str]]) -> list[str]:
    """One class of the layer; adds what is imported for it."""
    plain = Plain(source.module)
    lines = [f"class {source.target}({source.base}):", f'    """{source.doc}']
    lines = [*lines, '    """'] if "\n" in source.doc else [lines[0], f'    """{source.doc}"""']
    lines += ["", f"    def __init__(self, sync: {source.name}, threads: Threads | None = None) -> None:"]
    lines += ["        super().__init__(threads)", "        self.sync = sync", ""]
    for name, kind in source.attributes:
        lines += ["    @property", f"    def {name}(self) -> {kind}:", '        """As the plain one has it."""']
        lines += [f"        return self.sync.{name}", ""]
    found = [(plain, method) for method in plain.methods(source.name)]
    for module, name in source.parents:
        above = Plain(module)
        found += [(above, method) for method in above.methods(name)]
    for owner, method in found:
        if (way := way_of(source, method)) != OMIT:
            made = method_lines(owner, method, way)
            lines += [*made, ""]
            text = "\n".join(["class Made:", *made])
            named = _named(text)
            used |= {(module, name) for module, name in owner.names() if name.split(" ")[-1] in named}
    used.add((plain.dotted, source.name))
    return [*lines[:-1], "", ""]


def _named(text: str) -> set[str]:
    """The names that stand in annotations and defaults."""
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, Method)]
    spelled = [node for function in functions for node in (function.args, function.returns) if node is not None]
    return {node.id for part in spelled for node in ast.walk(part) if isinstance(node, ast.Name)}


def module_text(name: str) -> str:
    """What a module of the layer has to be."""
    about, sources = MODULES[name]
    used: set[tuple[str, str]] = set()
    body = [line for source in sources for line in class_lines(source, used)]
    text = "\n".join(body)
    plain_modules = ", ".join(f"`{Path(source.module).name}`" for source in {s.module: s for s in sources}.values())
    head = [
        f'"""{about}',
        "",
        f"Written by `tools/async_layer.py` from {plain_modules}: change that, and run it again.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import TYPE_CHECKING",
        "",
    ]
    if "AsyncRunBlock" in text:
        head.append("from runstone.engine.async_block import AsyncRunBlock")
    head += ["from runstone.engine.hopping import Hopping", "", "if TYPE_CHECKING:"]
    if "AsyncIterator" in text:
        used = {(module, "AsyncIterator") if entry == "Iterator" else (module, entry) for module, entry in used}
        used.add(("collections.abc", "AsyncIterator"))
    used.add(("runstone.engine.hopping", "Threads"))
    return "\n".join([*head, *import_lines(used), "", "", *body[:-2]]) + "\n"


def import_lines(used: set[tuple[str, str]]) -> list[str]:
    """Imports for types, in the order of the linter."""
    ours = sorted(module for module in {module for module, _ in used} if module.startswith("runstone"))
    elsewhere = {module for module, _ in used if module} - set(ours)
    theirs = sorted(module for module in elsewhere if module.split(".")[0] in sys.stdlib_module_names)
    lines: list[str] = [f"    import {name}" for module, name in sorted(used) if not module]
    for group in (theirs, sorted(elsewhere - set(theirs)), ours):
        if group and lines and group is not theirs:
            lines.append("")
        for module in group:
            names = sorted(
                {name for found, name in used if found == module}, key=lambda name: (not name.isupper(), name)
            )
            line = f"    from {module} import {', '.join(names)}"
            if len(line) > 120:
                line = "\n".join([f"    from {module} import (", *(f"        {name}," for name in names), "    )"])
            lines.append(line)
    return lines


def main(words: list[str]) -> int:
    """Write or check."""
    parser = argparse.ArgumentParser(description="Write AsyncStore and AsyncRun, from the plain classes.")
    parser.add_argument("--check", action="store_true", help="write nothing; the status is 1 where something is stale")
    check, stale = parser.parse_args(words).check, 0
    for name in MODULES:
        path, text = PACKAGE / name, module_text(name)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            print(f"{name} is not what its source says: run python tools/async_layer.py")
            stale = 1
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
