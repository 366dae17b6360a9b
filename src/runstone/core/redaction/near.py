"""Where a rule's pattern matches, found by its anchors: a long text is tried only where one stands near.

Most patterns begin with what must not stand before them, so a search has to try every place of a text; ten of them
take a second for a megabyte. An anchor is found a hundred times as quickly. The matches are those of `finditer`.
"""

from __future__ import annotations

import re
from re import _constants as op  # type: ignore[attr-defined]  # the tree of a pattern has no public name
from re import _parser  # type: ignore[attr-defined]  # as above

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from runstone.core.redaction.rule import Rule

_found: dict[tuple[str, tuple[str, ...]], Near] = {}


class Near:
    """A pattern, and what each of its matches holds one of: `anchors`."""

    __slots__ = ("_anchors", "_finder", "_longest", "_reach", "pattern")

    def __init__(self, pattern: str, anchors: tuple[str, ...]) -> None:
        tree = _parser.parse(pattern, re.ASCII)
        self.pattern = re.compile(pattern, re.ASCII)
        self._anchors = anchors
        self._longest = max(map(len, anchors))
        self._reach = tree.getwidth()[1] + max(_looks_ahead(tree), default=0)
        self._finder = re.compile("|".join(map(re.escape, anchors))) if len(anchors) > 1 else None

    def matches(self, text: str, looked_at: str) -> Iterator[re.Match[str]]:
        """The matches in `text`, in order; `looked_at` is the same text as the anchors are spelled."""
        done = 0
        for first, last in self._windows(looked_at):
            at = max(first, done)
            while at <= last:
                match = self.pattern.search(text, at, last + self._reach + 2)  # and an end that is none
                if match is None or match.start() > last:  # a later window has it
                    break
                yield match
                at = done = match.end()

    def _windows(self, text: str) -> Iterator[tuple[int, int]]:
        """The first place and the last where a match may begin."""
        first, last = 0, -1
        for at in self._places(text):
            if at - self._reach > last >= 0:
                yield first, last
                last = -1
            if last < 0:
                first = max(0, at - self._reach)
            last = at + self._longest
        if last >= 0:
            yield first, last

    def _places(self, text: str) -> Iterator[int]:
        if self._finder is not None:
            for found in self._finder.finditer(text):
                yield found.start()
            return
        anchor = self._anchors[0]
        at = text.find(anchor)
        while at >= 0:
            yield at
            at = text.find(anchor, at + len(anchor))


def near(rule: Rule) -> Near:
    """The pattern of a rule, compiled once."""
    key = rule.pattern, rule.anchors
    found = _found.get(key)
    if found is None:
        found = _found[key] = Near(*key)
    return found


def _looks_ahead(items: Iterable[tuple[Any, Any]]) -> Iterator[int]:
    """How far each look ahead in a pattern may see."""
    for code, value in items:
        if code in (op.ASSERT, op.ASSERT_NOT):
            yield value[1].getwidth()[1]
            yield from _looks_ahead(value[1])
        elif code is op.BRANCH:
            for branch in value[1]:
                yield from _looks_ahead(branch)
        elif code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            yield from _looks_ahead(value[2])
        elif code is op.SUBPATTERN:
            yield from _looks_ahead(value[-1])
        elif code is op.ATOMIC_GROUP:
            yield from _looks_ahead(value)
