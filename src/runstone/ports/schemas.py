"""Port `schemas`: whether values fit a JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

Checker = Callable[[Any], list[tuple[str, str]]]
"""The problems of a value: JSON Pointer and message, sorted, the first of many; none where it fits.

No message repeats a value, and no pointer a key that the schema does not name (`*` stands there): what is refused may
be a secret. It is safe to share between threads.
"""


class Schemas(Protocol):
    """Reads schemas of the draft that they name by `$schema`, without one of 2020-12."""

    def checker(self, schema: Mapping[str, Any], at: str) -> Checker:
        """What checks values against a schema, which stands at the JSON Pointer `at` of its document.

        Nothing is fetched. Raises `invalid_tool_contract` for what is no schema, or refers to what is not in it, and
        `missing_extra`, with what to install, where no library can read schemas.
        """
        ...
