"""A tool contract: what a tool takes and answers, what it does to the world, what of its data may be recorded, and
when somebody has to be asked.

- It is a versioned document, taken whole or not at all: a member that is not known is refused, with its path.
- Its digest is that of the document's canonical bytes: anybody who has the document can make it.
- What is not said counts as bad, though not as the worst: a tool without a side-effect class may `write`.
- A pattern of the handling that names nothing is refused where the schema tells that: it would take nothing out.
- A schema refers to nothing outside of itself: what a contract means must not change with what a server answers.

Whether a schema is one, and whether a value fits it, is told by port `schemas`.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes, pointer, tokens
from runstone.core.digests import sha256_hex
from runstone.core.parsing import load
from runstone.core.tools.handling import Handling
from runstone.core.tools.prices import AMOUNT_LIMITS, amount_of
from runstone.core.tools.reach import reaches
from runstone.core.words import SIDE_EFFECTS
from runstone.errors import RunstoneError, error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Final

MEMBERS: Final = (
    *("name", "version", "description", "arguments", "result"),
    *("side_effect", "handling", "approval", "budget"),
)
DEFAULT_SIDE_EFFECT: Final = "write"
_DEFAULTS: Final = {
    "description": None,
    "result": None,
    "side_effect": DEFAULT_SIDE_EFFECT,
    "approval": "never",
    "budget": None,
}
APPROVALS: Final = ("never", "always")
BUDGET: Final = ("calls", "per_minute", "cost", "tokens")
"""What a budget may limit: calls of a run, calls in any minute, money in the currency of the prices, tokens."""

MAX_NAME: Final = 256
"""Characters of a name, or of a version."""
MAX_BYTES: Final = 1 << 20
"""Canonical bytes of a contract."""

_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_OF_NAMES: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
"""Keywords of JSON Schema whose members are names, and no keywords."""
_OF_DATA: Final = ("const", "default", "enum", "example", "examples")


class ToolContract:
    """A tool contract: an immutable value. `of` makes it of a document, which is `data`."""

    __slots__ = (
        *("approval", "arguments", "budget", "data", "description"),
        *("handling", "name", "result", "sha256", "side_effect", "version"),
    )
    name: str
    version: str
    description: str | None
    arguments: dict[str, Any]
    """JSON Schema of the arguments."""
    result: dict[str, Any] | None
    """JSON Schema of the result; `None` where nothing is said of it."""
    side_effect: str
    """`none`, `read`, `write` or `irreversible`."""
    handling: Handling
    approval: str
    """`never` or `always`: whether somebody has to be asked before a call."""
    budget: dict[str, Any] | None
    data: dict[str, Any]
    """The document."""
    sha256: str
    """Hexadecimal, of the canonical bytes of `data`."""

    def __init__(self, data: dict[str, Any], sha256: str, handling: Handling) -> None:
        values = {**_DEFAULTS, **data, "handling": handling, "data": data, "sha256": sha256}
        for name in self.__slots__:
            object.__setattr__(self, name, values[name])

    @classmethod
    def of(cls, document: ToolContract | Mapping[str, Any]) -> ToolContract:
        """The contract of a document, which is copied; a contract as it is.

        Raises `invalid_tool_contract`; `details.path` is a JSON Pointer into the document.
        """
        if isinstance(document, ToolContract):
            return document
        try:
            body = canonical_bytes(dict(document))
        except (TypeError, ValueError):
            raise _invalid("is an object", "") from None
        except RunstoneError as exc:
            raise _invalid(f"is no JSON: {exc.message}", str(exc.details.get("path", ""))) from None
        if len(body) > MAX_BYTES:
            raise _invalid(f"is of {len(body)} bytes; the limit is {MAX_BYTES}", "")
        data = load(body)
        _check(data)
        handling = Handling.of(data.get("handling", {}), "/handling")
        _check_patterns(data, handling)
        return cls(data, sha256_hex(body), handling)

    def changed(self, **members: Any) -> ToolContract:
        """This contract with other members: `changed(side_effect="read", handling={…})`. Raises as `of`."""
        return ToolContract.of({**self.data, **members})

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a tool contract cannot be changed: {name}; changed() makes another one")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ToolContract) and other.sha256 == self.sha256

    def __hash__(self) -> int:
        return int(self.sha256[:15], 16)

    def __reduce__(self) -> Any:
        return ToolContract.of, (self.data,)

    def __repr__(self) -> str:
        return f"<ToolContract {self.name} {self.version}>"


def _check(data: dict[str, Any]) -> None:
    """Everything of a document but its handling. Raises `invalid_tool_contract`."""
    for member in data:
        if member not in MEMBERS:
            raise _invalid(f"is not known; known are {', '.join(MEMBERS)}", pointer([member]))
    for member in ("name", "version"):
        if (problem := _name_problem(data.get(member))) is not None:
            raise _invalid(problem, f"/{member}")
    if not isinstance(data.get("description", ""), str):
        raise _invalid("is text", "/description")
    for member in ("arguments", "result"):
        schema = data.get(member, None if member == "result" else 0)
        if schema is not None or member == "arguments":
            _check_schema(schema, f"/{member}")
    for member, known in (("side_effect", SIDE_EFFECTS), ("approval", APPROVALS)):
        if data.get(member, known[0]) not in known:
            raise _invalid(f"is one of {', '.join(known)}", f"/{member}")
    if data.get("budget") is not None:
        _check_budget(data["budget"])


def _name_problem(value: Any) -> str | None:
    if not isinstance(value, str) or not value:
        return "is text that is not empty"
    if len(value) > MAX_NAME:
        return f"is longer than {MAX_NAME} characters"
    return None if value.isprintable() and value == value.strip() else "has a blank at an end, or a control character"


def _check_schema(schema: Any, path: str) -> None:
    if not isinstance(schema, dict):
        raise _invalid("is a JSON Schema, an object", path)
    for reference, at in _references(schema, [path[1:]]):
        if not reference.startswith("#"):
            raise _invalid("refers to something outside of the schema; a reference begins with #", at)


def _references(schema: Any, path: list[str]) -> Iterator[tuple[str, str]]:
    """What a schema refers to, and the pointer to where it does."""
    members = schema.items() if isinstance(schema, dict) else enumerate(schema) if isinstance(schema, list) else ()
    for key, item in members:
        here = [*path, str(key)]
        if key in _REFERENCES and isinstance(item, str):
            yield item, pointer(here)
        elif key in _OF_NAMES and isinstance(item, dict):
            for name, inner in item.items():
                yield from _references(inner, [*here, name])
        elif key not in _OF_DATA:
            yield from _references(item, here)


def _check_patterns(data: dict[str, Any], handling: Handling) -> None:
    """Each pattern names something that the schema can hold: else what was to be taken out would be recorded."""
    for member in Handling.__slots__:
        schema = data.get(member)
        for pattern in getattr(handling, member).table if schema is not None else ():
            if not reaches(schema, tokens(pattern)):
                here = pointer(["handling", member, pattern])
                raise _invalid(f"names nothing that the schema of {member} can hold", here)


def _check_budget(budget: Any) -> None:
    if not isinstance(budget, dict):
        raise _invalid(f"is an object with any of {', '.join(BUDGET)}", "/budget")
    for member, value in budget.items():
        here = "/budget" + pointer([member])
        if member not in BUDGET:
            raise _invalid(f"is not known; known are {', '.join(BUDGET)}", here)
        if member == "cost" and amount_of(value) is None:
            raise _invalid(f"is an amount: a number, or its digits as text, as in 0.50; {AMOUNT_LIMITS}", here)
        if member != "cost" and (type(value) is not int or value < 0):
            raise _invalid("is a whole number, 0 or more", here)


def _invalid(problem: str, path: str) -> Exception:
    return error("invalid_tool_contract", f"{excerpt(path, 200) or 'a tool contract'} {problem}", path=path)
