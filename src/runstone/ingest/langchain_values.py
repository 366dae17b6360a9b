"""What LangChain says of calls, in the words of a run: prompts, answers, results and passages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runstone.engine.facts import maybe_text, text_of
from runstone.ingest.parameters import parameters_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final

    from langchain_core.documents import Document
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import Generation, LLMResult

_REASONS: Final = ("finish_reason", "stop_reason", "done_reason")
"""Where providers tell why a model stopped."""


class Answer(NamedTuple):
    """What a model answered, why it stopped, which model it was, and the tokens that it took."""

    output: Any
    finish_reason: str | None
    model: str | None
    usage: dict[str, int] | None


def prompt_of(prompts: Sequence[Any]) -> Any:
    """A prompt: a text, or messages; several only where one call has several."""
    found = [prompt if isinstance(prompt, str) else [message_of(one) for one in prompt] for prompt in prompts]
    return found[0] if len(found) == 1 else found


def message_of(message: BaseMessage) -> dict[str, Any]:
    """A message by what a model reads of it. Its id is not, and is new each time."""
    told: dict[str, Any] = {"type": message.type, "content": message.content}
    for name in ("name", "tool_call_id"):
        if (value := getattr(message, name, None)) is not None:
            told[name] = value
    if calls := _calls_of(message):
        told["tool_calls"] = calls
    return told


def model_of(serialized: Any, metadata: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """The name of a model; of its class where it has none."""
    known = serialized.get("name") if isinstance(serialized, dict) else None
    found = asked.get("model") or asked.get("model_name") or metadata.get("ls_model_name") or known
    return text_of(found or asked.get("_type") or "model")


def provider_of(metadata: Mapping[str, Any], asked: Mapping[str, Any]) -> str | None:
    """Who provides it."""
    return maybe_text(metadata.get("ls_provider") or asked.get("_type"))


def asked_with(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a model was asked with, its tools by their names."""
    tools = next((asked[name] for name in ("tools", "functions") if asked.get(name)), ())
    names = [_tool_name(tool) for tool in tools] if isinstance(tools, (list, tuple)) else []
    return {**parameters_of(asked), **({"tools": names} if names else {})}


def piece_of(token: Any, chunk: Any) -> str:
    """A piece of an answer as text; of a tool that is asked for, a piece of its arguments."""
    if token:
        return token if isinstance(token, str) else text_of(token)
    pieces = getattr(getattr(chunk, "message", None), "tool_call_chunks", None) or ()
    return "".join(piece.get("args") or "" for piece in pieces)


def answer_of(response: LLMResult) -> Answer:
    """What came of one prompt; of several answers all."""
    found = [generation for generations in response.generations for generation in generations]
    outputs = [_output(generation) for generation in found]
    message = getattr(found[0], "message", None) if found else None
    about = {**(getattr(message, "response_metadata", None) or {}), **((found and found[0].generation_info) or {})}
    reason = next((about[name] for name in _REASONS if about.get(name)), None)
    told = response.llm_output or {}
    model = about.get("model_name") or about.get("model") or told.get("model_name")
    usage = _usage(getattr(message, "usage_metadata", None) or told.get("token_usage") or {})
    return Answer(outputs[0] if len(outputs) == 1 else outputs, maybe_text(reason), maybe_text(model), usage)


def result_of(output: Any) -> Any:
    """What a tool answered: the content of its message; of a command of LangGraph where it goes and what it updates."""
    if isinstance(output, (list, tuple)):
        return [result_of(one) for one in output]
    if hasattr(output, "tool_call_id") or hasattr(output, "response_metadata"):
        return output.content
    if hasattr(output, "goto") and hasattr(output, "update"):
        update = output.update
        changed = {text_of(k): result_of(v) for k, v in update.items()} if isinstance(update, dict) else update
        return {"goto": text_of(output.goto) if output.goto else None, "update": changed}
    return output


def is_error(output: Any) -> bool:
    """Whether a tool answers that it failed."""
    return hasattr(output, "tool_call_id") and getattr(output, "status", None) == "error"


def corpus_of(serialized: Any, metadata: Mapping[str, Any] | None, told: Mapping[str, Any]) -> tuple[str, str | None]:
    """What a retriever searches: `corpus` and `corpus_version` of its metadata, else the name of the retriever."""
    known = metadata or {}
    name = serialized.get("name") if isinstance(serialized, dict) else None
    corpus = known.get("corpus") or told.get("name") or known.get("ls_retriever_name") or name or "retriever"
    return text_of(corpus), maybe_text(known.get("corpus_version"))


def passage_of(document: Document) -> dict[str, Any]:
    """A document that was found. Of its text the run records size and digest."""
    metadata = document.metadata or {}
    text = document.page_content
    start = metadata.get("start_index")
    span = {"start": start, "end": start + len(text)} if type(start) is int else metadata.get("span")
    return {
        "id": getattr(document, "id", None) or metadata.get("id"),
        "source": metadata.get("source"),
        "span": span,
        "score": metadata.get("score", metadata.get("relevance_score")),
        "text": text,
    }


def _output(generation: Generation) -> Any:
    """A text, or where tools are asked for the text and these."""
    message = getattr(generation, "message", None)
    if message is None:
        return generation.text
    calls = _calls_of(message)
    return {"content": message.content, "tool_calls": calls} if calls else message.content


def _calls_of(message: Any) -> list[dict[str, Any]]:
    calls = [*(getattr(message, "tool_calls", None) or ()), *(getattr(message, "invalid_tool_calls", None) or ())]
    return [{name: call.get(name) for name in ("id", "name", "args")} for call in calls]


def _usage(told: Mapping[str, Any]) -> dict[str, int] | None:
    """Tokens, in LangChain's words or in those of a provider."""
    if not told:
        return None
    cached = (told.get("input_token_details") or {}).get("cache_read")
    if cached is None:
        cached = (told.get("prompt_tokens_details") or {}).get("cached_tokens")
    return {
        "input_tokens": told.get("input_tokens", told.get("prompt_tokens")) or 0,
        "output_tokens": told.get("output_tokens", told.get("completion_tokens")) or 0,
        "cached_tokens": cached or 0,
    }


def _tool_name(tool: Any) -> str | None:
    told = tool.get("function", tool) if isinstance(tool, dict) else tool
    return maybe_text(told.get("name", told.get("type")) if isinstance(told, dict) else None)
