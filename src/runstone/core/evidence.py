"""Evidence: what a check points at, and whether it is there.

A reference is `<document>:$.path`, `<document>:line:N` or `artifacts/<path>`. Anything else is free text, which
points at nothing and is left alone.
"""

from __future__ import annotations

from runstone.core import layout
from runstone.core.canonical import array_index, is_index
from runstone.core.parsing import parse_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.core.contract import Contract
    from runstone.core.journal import Journal

RESOLVES: Final = "evidence_resolves"
"""Id of the check that is recorded when evidence does not resolve at the end of a run."""


class Reference:
    """A parsed reference: the file, and a path inside JSON or a line number (from 1)."""

    __slots__ = ("file", "json_path", "line")

    def __init__(self, file: str, json_path: str | None = None, line: int | None = None) -> None:
        self.file = file
        self.json_path = json_path
        self.line = line


def parse_reference(text: str) -> Reference | None:
    """The reference that `text` is, or `None` for free text."""
    if text.startswith(layout.ARTIFACTS + "/") and ":" not in text:
        return Reference(text)
    file, mark, rest = text.partition(":")
    if not mark or not _is_document(file):
        return None
    if rest.startswith("$.") and len(rest) > 2:
        return Reference(file, json_path=rest)
    number = rest.removeprefix("line:")
    if number != rest and number.isdecimal() and number.isascii() and 0 < len(number) < 19:
        return Reference(file, line=int(number))
    return None


def _is_document(file: str) -> bool:
    """Whether a document can stand at this path; below a folder only JSON and logs: `src/a.py:line:3` is free text."""
    named = file.endswith((".json", ".log")) if "/" in file else "." in file
    if not named or file.startswith(layout.ARTIFACTS + "/"):
        return False
    return layout.path_problem(file) is None


def json_path_exists(value: Any, path: str) -> bool:
    """Whether `$.a.b[0].c` leads to something in `value`."""
    for part in path[2:].replace("[", ".[").split("."):
        if part.startswith("[") and part.endswith("]") and is_index(part[1:-1]):
            index = array_index(part[1:-1], value)
            if index is None:
                return False
            value = value[index]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return False
    return True


class Evidence:
    """The evidence of a run's checks against the documents that a contract folds from its journal."""

    def __init__(self, contract: Contract, journal: Journal, kept: set[str]) -> None:
        self._contract = contract
        self._journal = journal
        self._kept = kept
        self._values: dict[str, Any] = {}
        self._lines: dict[str, int] = {}

    @property
    def says_failed(self) -> bool:
        """Whether the run itself records that its evidence does not resolve."""
        return any(data["id"] == RESOLVES and data["status"] == "fail" for data in self._journal.data("check"))

    def unresolved(self) -> Iterator[tuple[str, str]]:
        """(check id, reference) of each reference that leads nowhere."""
        for data in self._journal.data("check"):
            for text in data["evidence"]:
                reference = parse_reference(text)
                if reference is not None and not self.resolves(reference):
                    yield data["id"], text

    def resolves(self, reference: Reference) -> bool:
        """Whether a reference leads to something."""
        if reference.line is not None:
            return 0 < reference.line <= self._line_count(reference.file)
        if reference.json_path is not None:
            return json_path_exists(self._value(reference.file), reference.json_path)
        return reference.file in self._kept

    def _pieces(self, path: str) -> Iterator[bytes]:
        for document in self._contract.documents(self._journal):
            if document.path == path:
                yield from document.pieces()

    def _line_count(self, path: str) -> int:
        if path not in self._lines:
            self._lines[path] = sum(piece.count(b"\n") for piece in self._pieces(path))
        return self._lines[path]

    def _value(self, path: str) -> Any:
        if path not in self._values:
            data = b"".join(self._pieces(path))
            self._values[path] = parse_json(data) if path.endswith(".json") and data else None
        return self._values[path]
