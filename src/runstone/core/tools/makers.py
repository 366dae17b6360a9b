"""Contracts of tools that are made of what is there."""

from __future__ import annotations

from runstone.core.tools.contract import ToolContract

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def contract_of_function(function: Callable[..., Any], **changes: Any) -> ToolContract:
    """The contract of an annotated function; `changes` are other members of its document."""
    document = {"name": function.__name__, "version": "1", "arguments": {"type": "object"}}
    return ToolContract.of({**document, **changes})
