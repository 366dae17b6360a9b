"""What pydantic-ai says of calls of models, in the words of a run: prompts, answers, tools and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, Final

    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.usage import RequestUsage

_READ: Final = ("content", "tool_name", "tool_call_id", "args")
"""What a model reads of a part of a message; times and ids of runs are not, and are new each time."""


def message_of(message: ModelMessage) -> dict[str, Any]:
    """A message by what a model reads of it."""
    told: dict[str, Any] = {"kind": message.kind, "parts": [_part(part) for part in message.parts]}
    if (instructions := getattr(message, "instructions", None)) is not None:
        told["instructions"] = instructions
    return told


def output_of(response: ModelResponse) -> Any:
    """What a model answered: a text, or where tools are asked for the text and these."""
    text = "".join(part.content for part in response.parts if part.part_kind == "text")
    calls = [part for part in response.parts if part.part_kind == "tool-call"]
    if not calls:
        return text
    asked = [{"id": call.tool_call_id, "name": call.tool_name, "args": _arguments(call)} for call in calls]
    return {"content": text, "tool_calls": asked}


def tools_of(parameters: ModelRequestParameters) -> dict[str, list[str]]:
    """The names of the tools that a model may ask for."""
    found = [tool.name for tool in (*parameters.function_tools, *parameters.output_tools)]
    return {"tools": found} if found else {}


def usage_of(usage: RequestUsage) -> dict[str, int]:
    """The tokens of one call."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cache_read_tokens,
    }


def _part(part: Any) -> dict[str, Any]:
    read = {name: getattr(part, name) for name in _READ if getattr(part, name, None) is not None}
    return {"kind": part.part_kind, **read}


def _arguments(call: Any) -> Any:
    try:
        return call.args_as_dict()
    except Exception:  # no JSON, or no object: what the model wrote
        return call.args
