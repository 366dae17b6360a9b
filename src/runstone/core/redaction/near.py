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
    from typing import Any, Final

    from runstone.core.redaction.rule import Rule

WITHOUT_END: Final = 1 << 20
"""A pattern that is wider has repeats without a bound."""

MOST_SPELLED: Final = 256
MOST_CHARACTERS: Final = 8

_found: dict[tuple[str, tuple[str, ...]], Near] = {}


class Near:
    """A pattern, and what each of its matches holds one of: `anchors`."""

    __slots__ = ("_anchors", "_finder", "_lead", "_longest", "_reach", "pattern")

    def __init__(self, pattern: str, anchors: tuple[str, ...]) -> None:
        tree = _parser.parse(pattern, re.ASCII)
        width = tree.getwidth()[1]
        self.pattern = re.compile(pattern, re.ASCII)
        self._anchors = anchors
        self._longest = max(map(len, anchors))
        self._reach = width + max(_looks_ahead(tree), default=0) if width < WITHOUT_END else None
        """Of a pattern whose matches have an end: how far behind its beginning one is decided."""
        self._lead = width if width < WITHOUT_END else _lead(tree, anchors)
        """How far an anchor may stand behind the beginning of a match; `None` where nobody knows."""
        self._finder = re.compile("|".join(map(re.escape, anchors))) if len(anchors) > 1 else None

    def matches(self, text: str, looked_at: str) -> Iterator[re.Match[str]]:
        """The matches in `text`, in order; `looked_at` is the same text as the anchors are spelled."""
        if self._lead is None:
            if any(anchor in looked_at for anchor in self._anchors):
                yield from self.pattern.finditer(text)
            return
        done = 0
        for first, last in self._windows(looked_at, self._lead):
            at = max(first, done)
            while at <= last:
                match = self._next(text, at, last)
                if match is None:
                    break
                yield match
                at = done = match.end()

    def _next(self, text: str, at: int, last: int) -> re.Match[str] | None:
        """The first match that begins between two places; one behind them is a later window's."""
        if self._reach is not None:
            match = self.pattern.search(text, at, last + self._reach + 2)  # and an end that is none
            return match if match is None or match.start() <= last else None
        begun = (self.pattern.match(text, start) for start in range(at, last + 1))
        return next((match for match in begun if match is not None), None)

    def _windows(self, text: str, lead: int) -> Iterator[tuple[int, int]]:
        """The first place and the last where a match may begin."""
        first, last = 0, -1
        for at in self._places(text):
            if at - lead > last >= 0:
                yield first, last
                last = -1
            if last < 0:
                first = max(0, at - lead)
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


def _lead(tree: Iterable[tuple[Any, Any]], anchors: tuple[str, ...]) -> int | None:
    """How wide that part of a pattern is at most which stands before the first thing without an end, if each match of
    it holds an anchor."""
    head = _parser.SubPattern(tree.state)  # type: ignore[attr-defined]  # as above
    for item in tree:
        if _parser.SubPattern(tree.state, [item]).getwidth()[1] >= WITHOUT_END:  # type: ignore[attr-defined]  # as above
            break
        head.append(item)
    folded = [anchor.lower() for anchor in anchors]
    if all(any(anchor in text for anchor in folded) for text in _spelled(head)):
        return int(head.getwidth()[1])
    return None


def _spelled(items: Iterable[tuple[Any, Any]]) -> set[str]:
    """What a part of a pattern may match, in lower case; `?` stands for whatever is not spelled out."""
    texts = {""}
    for code, value in items:
        more = _spelled_item(code, value)
        texts = {text + item for text in texts for item in more}
        if len(texts) > MOST_SPELLED:
            texts = {"?"}
    return texts


def _spelled_item(code: Any, value: Any) -> set[str]:
    if code is op.LITERAL:
        return {chr(value).lower()}
    if code in (op.AT, op.ASSERT, op.ASSERT_NOT):
        return {""}
    if code is op.BRANCH:
        return {text for branch in value[1] for text in _spelled(branch)}
    if code is op.SUBPATTERN:
        return _spelled(value[-1])
    if code is op.IN and len(value) <= MOST_CHARACTERS and all(kind is op.LITERAL for kind, _ in value):
        return {chr(character).lower() for _, character in value}
    if code is op.MAX_REPEAT and value[:2] == (0, 1):
        return {"", *_spelled(value[2])}
    return {"?"}


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
