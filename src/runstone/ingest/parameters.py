"""What a model was asked with, as far as it may be recorded."""

from __future__ import annotations

from runstone.engine.facts import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

_WORDS: Final = frozenset(
    (
        *("response_format", "stop", "stop_sequences", "tool_choice", "truncation"),
        *("reasoning", "reasoning_effort", "service_tier", "thinking", "verbosity"),
    )
)
"""Parameters whose texts are a choice among a few, or where to stop. Any other text may be a part of a prompt, of an
answer that a model of a test is given, or of a request."""


def parameters_of(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers and truth values by their names, and texts of those parameters that are known to be harmless. Nothing
    deeper: headers and bodies of requests stand there."""
    return {text_of(name): value for name, value in asked.items() if _is_plain(name, value)}


def _is_plain(name: Any, value: Any) -> bool:
    if isinstance(value, str):
        return name in _WORDS
    if isinstance(value, (list, tuple)):
        return name in _WORDS and all(isinstance(one, str) for one in value)
    return isinstance(value, (int, float))
