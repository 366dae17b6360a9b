"""A chat model for LangChain that follows a script instead of a network: what it does depends on its instructions, the
question and what the tools have answered, and on nothing else. Tokens are words.

It searches first, looks around with the shell if its instructions allow that, calculates with the calculator or else
"in its head" (rounded to whole numbers, as heads do), writes a report, and answers with the sentence of what it read
that shares most words with the question, and with the passage where that stands.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from calculator import calculate
from corpus import words
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import ToolCall
from langchain_core.outputs import ChatGeneration, ChatResult

NAME = "scripted-researcher-1"
_EXPRESSION = re.compile(r"[0-9][0-9 .+*/()-]*[0-9)]")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"“])")


class ScriptedResearcher(BaseChatModel):
    """The model. Any number of threads may use one."""

    model: str = NAME

    @property
    def _llm_type(self) -> str:
        return NAME

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
        """The same model: it knows its tools."""
        return self.bind(tools=[getattr(tool, "name", str(tool)) for tool in tools])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002  # the script stops by itself
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002  # its callbacks are LangChain's own
        **_: Any,
    ) -> ChatResult:
        message = Turn(messages).message()
        read = sum(len(str(each.content).split()) for each in messages)
        told = [str(message.content), *(json.dumps(call["args"]) for call in message.tool_calls)]
        said = sum(len(text.split()) for text in told)
        message.usage_metadata = UsageMetadata(input_tokens=read, output_tokens=said, total_tokens=read + said)
        reason = "tool_calls" if message.tool_calls else "stop"
        message.response_metadata = {"model_name": NAME, "finish_reason": reason}
        return ChatResult(generations=[ChatGeneration(message=message)])


class Turn:
    """The conversation up to now, and what comes next in it."""

    def __init__(self, messages: Sequence[BaseMessage]) -> None:
        self._instructions = " ".join(str(each.content) for each in messages if isinstance(each, SystemMessage))
        self._question = next(str(each.content) for each in reversed(messages) if isinstance(each, HumanMessage))
        self._answers = {each.name: str(each.content) for each in messages if isinstance(each, ToolMessage)}
        expression = _EXPRESSION.search(self._question)
        self._expression = expression[0] if expression and re.search(r"[-+*/]", expression[0]) else None

    def message(self) -> AIMessage:
        """What the model says: calls of tools, or the answer."""
        calls = self._first() if not self._answers else self._report()
        if calls:
            return AIMessage(content="", tool_calls=calls)
        answer, cited = self._found()
        return AIMessage(content=json.dumps({"answer": answer, "cited": cited}, ensure_ascii=False))

    def _first(self) -> list[ToolCall]:
        if self._expression and "calculator" in self._instructions:
            return [_call("calculate", expression=self._expression)]
        read = re.search(r"read (\d+) passage", self._instructions)
        calls = [_call("search", query=self._question, passages=int(read[1]) if read else 1)]
        if "shell" in self._instructions:
            calls.append(_call("run_shell", command=f"grep -ri {words(self._question)[-1]} /usr/share/doc"))
        return calls

    def _report(self) -> list[ToolCall]:
        if "write_report" in self._answers:
            return []
        answer, cited = self._found()
        name = "-".join(words(self._question)[:4])
        return [_call("write_report", path=f"reports/{name}.md", text=f"{self._question}\n\n{answer} {cited}\n")]

    def _found(self) -> tuple[str, list[str]]:
        if "calculate" in self._answers:
            return self._answers["calculate"], []
        if self._expression:
            return f"about {float(calculate(self._expression)):.0f}", []
        asked = set(words(self._question))
        best = (0.0, "I do not know.", "")
        for passage in _parsed(self._answers.get("search", "")):
            for sentence in _SENTENCE.split(passage["text"]):
                told = words(sentence)
                score = len(asked & set(told)) - len(told) / 100
                if score > best[0]:
                    best = (score, sentence, passage["id"])
        return best[1], [best[2]] if best[2] else []


def _parsed(text: str) -> list[dict[str, str]]:
    try:
        found: list[dict[str, str]] = json.loads(text)
    except ValueError:  # the tool was blocked, or failed: then it tells so in words
        return []
    return found


def _call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall(name=name, args=arguments, id=f"{name}-1", type="tool_call")
