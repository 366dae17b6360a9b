"""Values of any size, as much of them as is worth a line: long texts and lists are cut, and marked so.

- The cut keeps the beginning. How a text is cut is the caller's: the middle of a secret is no secret any more to
  who looks for one.
- What holds others (mappings, lists, tuples, dataclasses, models) is gone through. A table or an array is told by its
  type and shape. Anything else stays as it is.
"""

from __future__ import annotations

import sys

from runstone.core import canonical
from runstone.core.values import COERCED, TRUNCATED, dumped, is_model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Final

    from runstone.core.values import Mark

MAX_TEXT: Final = 10_000
"""Characters of a text, bytes of bytes."""
MAX_ITEMS: Final = 1_000
"""Items of one list or mapping."""
MAX_NODES: Final = 10_000
"""Values in all."""
MAX_LEVELS: Final = 16
"""Nesting; what refers to itself ends there."""

_TEXTS: Final = (str, bytes, bytearray, memoryview)
_PLAIN: Final = frozenset({bool, int, float, type(None)})


class Bounded:
    """Bounds values; `marks` tell what was changed, by pointers that begin with `path`.

    `shorten` gives the beginning of a text, of about so many characters.
    """

    def __init__(self, shorten: Callable[[str, int], str], *path: str) -> None:
        self.marks: list[Mark] = []
        self._shorten = shorten
        self._path = list(path)
        self._deepest = len(path) + MAX_LEVELS
        self._nodes = 0

    def value(self, value: Any) -> Any:
        """`value`, or as much of it as there is room for. Never raises."""
        kind = type(value)
        self._nodes += 1
        if kind in _PLAIN:
            return value
        if kind is str:
            return value if len(value) <= MAX_TEXT else self._cut(self._shorten(value, MAX_TEXT))
        if kind is dict:
            return self._mapping(value)
        if kind is list or kind is tuple:
            return self._list(value)
        try:
            return self._other(value)
        except Exception:  # a foreign object may raise anything from any method
            return value

    def _cut(self, value: Any) -> Any:
        return self._marked(value, TRUNCATED)

    def _marked(self, value: Any, mark: str) -> Any:
        self.marks.append([canonical.pointer(self._path), mark])
        return value

    def _list(self, items: Sequence[Any]) -> Any:
        if len(self._path) >= self._deepest:
            return self._cut(f"{type(items).__name__} of {len(items)}")
        result: list[Any] = []
        for index, item in enumerate(items):
            if index >= MAX_ITEMS or self._nodes >= MAX_NODES:
                return self._cut(result)
            result.append(self._below(str(index), item))
        return result if type(items) is list else self._marked(result, COERCED)

    def _mapping(self, items: Mapping[Any, Any]) -> Any:
        if len(self._path) >= self._deepest:
            return self._cut(f"{type(items).__name__} of {len(items)}")
        result: dict[Any, Any] = {}
        for key, item in list(items.items()):
            if len(result) >= MAX_ITEMS or self._nodes >= MAX_NODES:
                return self._cut(result)
            result[key] = self._below(_recorded(key), item)
        return result

    def _below(self, name: str | None, item: Any) -> Any:
        """An item; what is cut in one whose key is not text is told of what holds it."""
        if name is None:
            return self.value(item)
        self._path.append(name)
        found = self.value(item)
        self._path.pop()
        return found

    def _other(self, value: Any) -> Any:
        if isinstance(value, (bytes, bytearray, memoryview, set, frozenset)):
            return value if len(value) <= MAX_ITEMS else self._cut(f"{type(value).__name__} of {len(value)}")
        if isinstance(value, str):
            return value if len(value) <= MAX_TEXT else self.value(str.__str__(value))
        shape = getattr(value, "shape", None)
        if type(shape) is tuple and shape:
            return self._marked(f"{type(value).__name__} {shape}", COERCED)
        held = _held(value)
        return value if held is value else self._marked(self.value(held), COERCED)


class Outlined(Bounded):
    """Bounds what holds others; texts and bytes stay as long as they are."""

    def value(self, value: Any) -> Any:
        """`value`, or as much of what it holds as there is room for. Never raises."""
        if issubclass(type(value), _TEXTS):
            self._nodes += 1
            return value
        return super().value(value)


def with_cut_texts(tree: Any, marks: list[Mark], shorten: Callable[[str, int], str], *path: str) -> Any:
    """The JSON tree of what was outlined with its long texts and bytes cut. Adds to `marks`."""
    if type(tree) is dict:
        return {key: with_cut_texts(item, marks, shorten, *path, key) for key, item in tree.items()}
    if type(tree) is list:
        return [with_cut_texts(item, marks, shorten, *path, str(at)) for at, item in enumerate(tree)]
    if type(tree) not in (str, bytes) or len(tree) <= MAX_ITEMS:
        return tree
    bounded = Bounded(shorten, *path)
    found = bounded.value(tree)
    marks += bounded.marks
    return found


def _recorded(key: Any) -> str | None:
    """The key as the door will write it; `None` where it is no plain text."""
    if type(key) is not str or not key.isascii():
        return None
    return "$" + key if key.startswith("$") else key


def _held(value: Any) -> Any:
    """What an object holds, as a plain mapping or list, or as a model's dump has it; itself, if it holds no others."""
    if is_model(value):
        value = dumped(value)
    elif hasattr(type(value), "__dataclass_fields__"):
        fields = sys.modules["dataclasses"].fields(value)
        return {field.name: getattr(value, field.name) for field in fields}
    known = getattr(sys.modules.get("collections.abc"), "Mapping", dict)
    if isinstance(value, known):
        return dict(value)
    return list(value) if isinstance(value, (list, tuple)) else value
