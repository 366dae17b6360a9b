"""A tool's contract at work: what is wrong with arguments, and what may be recorded of them."""

from __future__ import annotations

from runstone.core.bounding import Bounded
from runstone.core.canonical import pointer
from runstone.core.values import Coerced, coerce

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

    from runstone.core.tools.contract import ToolContract
    from runstone.core.values import Mark

    Shorten = Callable[[str, int], str]

_KINDS: Final = {"string": str, "integer": int, "object": dict, "array": list, "boolean": bool}


class Contracted:
    """The contract of one tool."""

    def __init__(self, contract: ToolContract, schemas: Any, pseudonym: Any) -> None:
        self.contract = contract
        self._schemas = schemas
        self._pseudonym = pseudonym

    def problems(self, args: Any) -> list[dict[str, str]]:
        """What does not fit the schema of the arguments, by JSON Pointer; no value is told."""
        schema: Mapping[str, Any] = self.contract.arguments
        found = [{"path": "", "message": f"lacks {name}"} for name in schema.get("required", ()) if name not in args]
        for name, value in args.items() if isinstance(args, dict) else ():
            problem = _problem(schema.get("properties", {}).get(name, {}), value)
            found += [] if problem is None else [{"path": pointer([name]), "message": problem}]
        return found

    def result_problems(self, value: Any) -> list[dict[str, str]]:
        """What does not fit the schema of the result."""
        problem = _problem(self.contract.result or {}, value)
        return [] if problem is None else [{"path": "", "message": problem}]

    def args(self, value: Any, shorten: Shorten | None = None) -> tuple[Any, list[Mark]]:
        """Arguments as they may be recorded, and the marks of what was changed."""
        return self._handled(value, "arguments", "args", shorten)

    def result(self, value: Any, shorten: Shorten | None = None) -> tuple[Any, list[Mark]]:
        """A result as it may be recorded, and the marks of what was changed."""
        return self._handled(value, "result", "result", shorten)

    def _handled(self, value: Any, part: str, member: str, shorten: Shorten | None) -> tuple[Any, list[Mark]]:
        marks: list[Mark] = []
        if shorten is not None:
            bounded = Bounded(shorten, member)
            value, marks = bounded.value(value), bounded.marks
        tree, coerced = coerce({member: value})
        marks = [*marks, *coerced]
        patterns = self.contract.handling.get(part, {})
        for place, action in patterns.items():
            if action == "mask" and isinstance(tree[member], dict) and place[1:] in tree[member]:
                tree[member][place[1:]] = "[REDACTED:tool-mask]"
                marks.append([f"/{member}{place}", "redacted:tool-mask"])
        return (Coerced(tree[member]) if marks else tree[member]), marks


def _problem(schema: Mapping[str, Any], value: Any) -> str | None:
    kind = schema.get("type")
    known = _KINDS.get(kind) if isinstance(kind, str) else None
    return None if known is None or isinstance(value, known) else f"expected {kind}, found {type(value).__name__}"
