"""Secrets in the files of a bundle, whoever recorded it. Nothing is changed: what is sealed stays as it is.

A line that is JSON, as those of the journal are, is read as the recorder would have recorded it: each text in it
without its escapes, bytes as they were, and by the names of the members. Any other is read as text.
"""

from __future__ import annotations

from binascii import a2b_base64

from runstone.core.parsing import parse_json
from runstone.core.redaction.explain import Reason, about
from runstone.engine.search import Found, Search
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.core.redaction.redactor import Redactor
    from runstone.ports.objects import Bundle

    Told = tuple[str, int | None, str | None, str]
    """Path, line, rule, and a sentence; without a rule the sentence says what was not searched."""

BYTES: Final = b'"$bytes"'
"""What stands before bytes that the recorder has encoded, and with them what they hold."""
MAX_FINDINGS: Final = 1000
"""So many findings of one file are told; a hostile file could hold millions."""


def secrets_in(bundle: Bundle, redactor: Redactor) -> Iterator[Told]:
    """Every secret in every file, and in the files' names. Names are told without theirs."""
    search = _BundleSearch(redactor)
    try:
        paths = [entry.path for entry in bundle.entries() if entry.kind == "file"]
    except RunstoneError as exc:
        yield "", None, None, exc.message
        return
    for path in paths:
        shown, rules = redactor.text(path)
        for rule in rules:
            yield shown, None, rule, f"the name {shown} holds a secret: {rule}"
        try:
            yield from _in_file(bundle, path, shown, search, redactor)
        except RunstoneError as exc:
            yield shown, None, None, f"{shown} cannot be read ({exc.code})"


def _in_file(bundle: Bundle, path: str, shown: str, search: Search, redactor: Redactor) -> Iterator[Told]:
    for number, found in enumerate(search.found(bundle.read(path))):
        rule = found.reason.rule
        if rule is None:
            continue
        if number == MAX_FINDINGS:
            yield shown, None, None, f"{shown} has more secrets behind the first {MAX_FINDINGS} that are told"
            return
        what = about(redactor, rule)[0]
        yield shown, found.line, rule, f"{shown}, line {found.line}: {rule} ({what})"


class _BundleSearch(Search):
    def _suspicious(self, data: bytes) -> bool:
        return super()._suspicious(data) or BYTES in data

    def _closely(self, piece: bytes, around: bytes, line: int) -> Iterator[Found]:
        read: dict[int, list[Found]] = {}
        for number, text in enumerate(piece.split(b"\n"), line):
            value = _json(text) if self._suspicious(text) else None
            if value is not None:
                read[number] = [Found("", number, Reason(0, 0, "", rule)) for rule in self._rules_in(value)]
        found = [one for one in super()._closely(piece, around, line) if one.line not in read]
        yield from sorted([*found, *(one for some in read.values() for one in some)], key=lambda one: one.line)

    def _rules_in(self, value: Any) -> dict[str, None]:
        marks: list[list[str]] = []
        self._redactor.tree(_with_bytes(value), marks)
        return dict.fromkeys(mark.removeprefix("redacted:") for _, mark in marks)


def _with_bytes(value: Any) -> Any:
    """A value of the journal with its bytes as they were."""
    if type(value) is list:
        return [_with_bytes(item) for item in value]
    if type(value) is not dict:
        return value
    if list(value) == ["$bytes"] and type(value["$bytes"]) is str:
        try:
            return a2b_base64(value["$bytes"])
        except ValueError:  # whoever wrote it
            return value
    return {key: _with_bytes(item) for key, item in value.items()}


def _json(line: bytes) -> Any:
    """The value of a line, or of the member that stands in it; `None` where it is no JSON, or null."""
    text = line.strip().rstrip(b",")
    for spelled in (text, b"{" + text + b"}"):
        try:
            return parse_json(spelled)
        except RunstoneError:
            continue
    return None
