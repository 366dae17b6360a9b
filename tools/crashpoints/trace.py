"""The strace log as finished system calls.

- Only calls that succeeded are kept: a failed or interrupted one changed nothing, and one that was
  unfinished at the end either did nothing or shows up as a difference on disk.
- Calls come in the order in which they took effect, as nearly as strace can tell: by their end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crashpoints.arguments import Descriptor, descriptor, integer, split_arguments

_LINE = re.compile(r"^(\d+)\s+(.*)$")
_RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>\s?(.*)$")
_CALL = re.compile(r"^(\w+)\((.*)\)\s+= (.+)$")
_RESULT = re.compile(r"^(-?\d+|0x[0-9a-f]+)(<.*)?")
_UNFINISHED = "<unfinished ...>"


@dataclass(frozen=True)
class Call:
    """One successful system call; `start` and `end` are line numbers in the log."""

    pid: int
    name: str
    args: list[str]
    ret: int
    opened: Descriptor  # the result read as a descriptor: its path note, where it has one
    start: int
    end: int


def parse_trace(lines: Iterable[str]) -> list[Call]:
    """All successful calls of a log, in the order in which they took effect."""
    calls = [call for pid, text, start, end in _whole_calls(lines) if (call := _call(pid, text, start, end))]
    # A descriptor number is free for reuse as soon as close() has begun.
    return sorted(calls, key=lambda c: c.start if c.name == "close" else c.end)


def _whole_calls(lines: Iterable[str]) -> Iterator[tuple[int, str, int, int]]:
    """(pid, text, first line, last line) of each call, with the two halves of a split one joined."""
    unfinished: dict[int, tuple[str, int]] = {}
    for number, line in enumerate(lines):
        m = _LINE.match(line.rstrip("\n"))
        if not m or m[2].startswith(("---", "+++")):  # signals and exits
            continue
        pid, body, start = int(m[1]), m[2], number
        if body.endswith(_UNFINISHED):
            unfinished[pid] = (body.removesuffix(_UNFINISHED).rstrip(), number)
            continue
        if resumed := _RESUMED.match(body):
            head, start = unfinished.pop(pid, (resumed[1] + "(", number))
            body = head + (" " if head.endswith(",") else "") + resumed[2]
        yield pid, body, start, number


def _call(pid: int, text: str, start: int, end: int) -> Call | None:
    """The call in one joined line; None when it failed or the line holds none."""
    m = _CALL.match(text)
    result = _RESULT.match(m[3]) if m else None
    if not m or not result or result[1].startswith("-"):
        return None
    return Call(pid, m[1], split_arguments(m[2]), integer(result[1]), descriptor(m[3]), start, end)
