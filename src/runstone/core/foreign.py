"""Foreign JSON in a record, `{"$json": text}`: the text is the payload as somebody else hashes it."""

from __future__ import annotations

from runstone.core.parsing import parse_json
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def foreign_object(value: Any) -> dict[str, Any]:
    """The object that foreign JSON, or JSON as it is, tells; empty where it was dropped, or is none. Raises nothing."""
    if isinstance(value, dict) and value.keys() == {"$json"}:
        try:
            value = parse_json(str(value["$json"]).encode())
        except RunstoneError:  # no recorder wrote that
            return {}
        return value if isinstance(value, dict) else {}
    return value if isinstance(value, dict) and "$redacted" not in value else {}
