"""Hashes of JSON as this contract has them, and what is kept of a request. Pure.

The stable text of JSON tells `2.0` from `2`; of what is recorded it is print profile `py-compact-utf8`. A hash is bare
hexadecimal.
"""

from __future__ import annotations

from contextlib import suppress

from runstone.core.digests import sha256_hex
from runstone.core.printing import print_json
from runstone.core.values import dumped, is_finite
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

STABLE: Final = "py-compact-utf8"
MAX_KEYS: Final = 80
MAX_ITEMS: Final = 200
MAX_LEVELS: Final = 60


def sha256_text(text: str) -> str:
    """SHA-256 of the UTF-8 of a text, in hexadecimal."""
    return sha256_hex(text.encode())


def sha256_json(value: Any) -> str:
    """SHA-256 of the stable text of a JSON-like value. Raises as `as_json`."""
    return sha256_hex(stable_json(value))


def sha256_parsed(value: Any) -> str:
    """The same of a value that was parsed from JSON."""
    return sha256_hex(print_json(value, STABLE))


def sha256_toolpaths_payload(toolpaths_payload: Mapping[str, Any]) -> str:
    """SHA-256 of a whole toolpaths answer, before anything is added to it."""
    return sha256_json(toolpaths_payload)


def stable_json(value: Any) -> bytes:
    """The stable text of a JSON-like value, as `json.dumps` sorts it: keys that are numbers as numbers. Raises as
    `as_json`, and `lone_surrogate`."""
    from json import dumps

    as_json(value)
    try:
        text = dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_dumped)
    except ValueError as exc:  # more digits than Python turns into text
        raise error("not_json", f"this value has no form in JSON: {exc}") from exc
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise error("lone_surrogate", "text holds half of a surrogate pair") from None


def as_json(value: Any, levels: int = MAX_LEVELS) -> Any:
    """A value as JSON types, integers and floats apart: tuples become lists, models what their `model_dump` gives,
    members of an enumeration that are text or numbers just that, keys text. Raises `not_json` for anything else, also
    NaN, infinities and keys that cannot be sorted, and `too_deep`."""
    if levels < 0:
        raise error("too_deep", f"a value nests deeper than {MAX_LEVELS}", limit=MAX_LEVELS)
    kind = type(value)
    if value is None or kind in (str, bool, int):
        return value
    if kind is float and is_finite(value):
        return value
    if isinstance(value, dict):
        _check_keys(value)
        return {_key(key): as_json(item, levels - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item, levels - 1) for item in value]
    if callable(getattr(value, "model_dump", None)):
        return as_json(_dumped(value), levels - 1)
    for base, plain in _PLAIN:
        if isinstance(value, base) and kind is not base:
            return as_json(plain(value), levels)
    raise error("not_json", f"a {kind.__name__} of this value has no form in JSON")


_PLAIN: Final[tuple[tuple[type, Callable[[Any], Any]], ...]] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
)
"""What a value of a type beneath `str`, `int` or `float` is, whatever its own text says: so does `json`."""


def _dumped(model: Any) -> Any:
    return dumped(model, mode="json")


def _check_keys(value: dict[Any, Any]) -> None:
    """Raise `not_json` for an object of which `json` cannot sort the keys: text beside numbers, or null beside any."""
    if len(value) > 1 and not all(isinstance(key, str) for key in value):
        odd = [type(key).__name__ for key in value if not isinstance(key, (int, float))]
        if odd:
            raise error("not_json", f"keys of one object are all text or all numbers; found one of type {odd[0]}")


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, (int, float)) and is_finite(key):
        with suppress(ValueError):  # of more digits than Python turns into text
            return int.__repr__(key) if isinstance(key, int) else float.__repr__(key)
    raise error("not_json", f"a key of type {type(key).__name__} has no form in JSON")


def in_order(value: Any) -> Any:
    """A JSON value with the keys of every object sorted by code point."""
    if type(value) is dict:
        return {key: in_order(value[key]) for key in sorted(value)}
    return [in_order(item) for item in value] if type(value) is list else value


def summarize_request(req: Mapping[str, Any], *, max_keys: int = MAX_KEYS) -> dict[str, Any]:
    """What is kept of a request: its keys sorted, at most `max_keys`, without the client's own feasibility; a list or
    mapping of more than 200 items only as `type` and `len`."""
    kept = [key for key in sorted(req) if key != "feasibility"][:max_keys]
    return {key: _summarized(req[key]) for key in kept}


def _summarized(value: Any) -> Any:
    for kind, word in ((list, "list"), (dict, "dict")):
        if isinstance(value, kind) and len(value) > MAX_ITEMS:
            return {"type": word, "len": len(value)}
    return value
