"""What changed from one document to another. Pure."""

from __future__ import annotations

from runstone.core.canonical import pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

OWN: Final = ("run_id", "created_at_utc")
"""Members that are another in every run."""


def differences(a: dict[str, Any], b: dict[str, Any]) -> list[dict[str, Any]]:
    """Each place at which two documents differ, in the order of the first one; lists item by item."""
    return list(_differ(_without(a), _without(b), []))


def _without(value: dict[str, Any]) -> dict[str, Any]:
    return {key: value[key] for key in value if key not in OWN}


def _differ(a: Any, b: Any, path: list[str]) -> Iterator[dict[str, Any]]:
    if type(a) is dict and type(b) is dict:
        for key in [*a, *(key for key in b if key not in a)]:
            yield from _member(key, a, b, [*path, key])
    elif type(a) is list and type(b) is list:
        for index in range(max(len(a), len(b))):
            yield from _item(index, a, b, [*path, str(index)])
    elif type(a) is not type(b) or a != b:
        yield {"path": pointer(path), "change": "changed", "a": a, "b": b}


def _member(key: str, a: dict[str, Any], b: dict[str, Any], path: list[str]) -> Iterator[dict[str, Any]]:
    if key not in b:
        yield {"path": pointer(path), "change": "removed", "a": a[key]}
    elif key not in a:
        yield {"path": pointer(path), "change": "added", "b": b[key]}
    else:
        yield from _differ(a[key], b[key], path)


def _item(index: int, a: list[Any], b: list[Any], path: list[str]) -> Iterator[dict[str, Any]]:
    if index >= len(b):
        yield {"path": pointer(path), "change": "removed", "a": a[index]}
    elif index >= len(a):
        yield {"path": pointer(path), "change": "added", "b": b[index]}
    else:
        yield from _differ(a[index], b[index], path)
