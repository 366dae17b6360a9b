"""Records an agent of pydantic-ai as it is: a capability that is passed to its runs.

- A call of a tool is what its function is called with, once pydantic-ai has found that the arguments fit; that they did
  not is an event. Each attempt to reach a model is a call, by the model that was really asked; what clients repeat
  below that is not seen.
- Of prompts and answers there are size and digest. How many pieces a streamed answer had is not known here.
- A tool that waits for an approval, or for somebody else's work, has been cancelled; an event says what an agent's run
  ended to wait for.
- What the run says to a call stops it (a policy, a contract, a strict run); what fails in here does not.
"""

from __future__ import annotations

from asyncio import CancelledError
from contextlib import asynccontextmanager
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

from runstone.engine.recorder import Run
from runstone.extras import Extra
from runstone.ingest.begun import Begun
from runstone.ingest.contracts import contracts_by_name
from runstone.ingest.failures import Failures
from runstone.ingest.parameters import parameters_of
from runstone.ingest.pydantic_ai_values import message_of, output_of, tools_of, usage_of

with Extra("pydantic-ai"):
    from pydantic_ai.capabilities import AbstractCapability, CapabilityOrdering
    from pydantic_ai.models.wrapper import WrapperModel
    from pydantic_ai.tools import DeferredToolRequests

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping

    from pydantic_ai import RunContext
    from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart
    from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
    from pydantic_ai.run import AgentRunResult
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.tools import ToolDefinition

    from runstone.core.tools.contract import ToolContract

_BROKEN = ("incomplete", "interrupted")
"""States of an answer that was not taken to its end."""


@dataclass
class RunstoneCapability(AbstractCapability[Any]):
    """Records in a run what an agent does: `agent.run(…, capabilities=[RunstoneCapability(run)])`.

    `contracts` are those of its tools, by their names, for what may be recorded of arguments and results, and what
    rules over them. Raises `invalid_tool_contract`.
    """

    run: Run
    _: KW_ONLY
    tools: bool = True
    models: bool = True
    contracts: Iterable[ToolContract | Mapping[str, Any]] = ()
    _contracts: dict[str, ToolContract] = field(init=False, repr=False)
    _calls: ModelCalls = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._contracts = contracts_by_name(self.contracts)
        self._calls = ModelCalls(self.run)

    def get_ordering(self) -> CapabilityOrdering:
        """Next to the model and to the tool: what is recorded is what is done."""
        return CapabilityOrdering(position="innermost")

    def get_wrapper_model(self, model: Model) -> Model | None:
        """The model, recorded."""
        return RecordedModel(model, self._calls) if self.models else None

    async def wrap_tool_validate(
        self, ctx: RunContext[Any], *, call: ToolCallPart, tool_def: ToolDefinition, args: Any, handler: Any
    ) -> Any:
        """See whether the arguments fit; where they do not, the tool is not called."""
        try:
            return await handler(args)
        except Exception as exc:
            with self._calls.failures("wrap_tool_validate"):
                told = {"ref": call.tool_call_id, "tool": call.tool_name, "error": type(exc).__name__}
                if self.tools:
                    self.run.event("x.pydantic_ai.refused", told)
            raise

    async def wrap_tool_execute(
        self, ctx: RunContext[Any], *, call: ToolCallPart, tool_def: ToolDefinition, args: dict[str, Any], handler: Any
    ) -> Any:
        """Call a tool, or have a record answer it. Raises what keeps it from that: `tool_blocked`, `invalid_arguments`,
        what the approver raises, and in a strict run `store_unavailable`."""
        if not self.tools:
            return await handler(args)
        name = call.tool_name
        block = self.run.tool_call(name, args, contract=self._contracts.get(name), ref=call.tool_call_id)
        replay = self.run.replay
        if replay is not None and not replay.runs(name):

            async def answered() -> Any:
                """A replay gives its answer."""

            return await block.do(answered)
        async with block as recorded:
            result = await handler(args)
            recorded.returned(getattr(result, "return_value", result))
        return result

    async def after_run(self, ctx: RunContext[Any], *, result: AgentRunResult[Any]) -> AgentRunResult[Any]:
        """An agent's run has ended; perhaps to wait for somebody."""
        with self._calls.failures("after_run"):
            output = result.output
            if self.tools and isinstance(output, DeferredToolRequests):
                told = {"approvals": _asked(output.approvals), "calls": _asked(output.calls)}
                self.run.event("x.pydantic_ai.deferred", told)
        return result


class ModelCalls:
    """The calls of models of a run, each from when it is sent to its answer."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._begun = Begun(run)
        self.failures = Failures(run, RunstoneCapability.__name__)

    def begin(
        self, model: Model, messages: list[ModelMessage], settings: Any, parameters: ModelRequestParameters
    ) -> object:
        """A model is about to be asked; answers what `end` wants to know. Raises as `Run.model_call` does."""
        key, block = object(), None
        with self.failures("request"):
            asked = {**parameters_of(settings or {}), **tools_of(parameters)}
            prompt = [message_of(message) for message in messages]
            block = self._run.model_call(model.model_name, prompt, provider=model.system, parameters=asked)
        if block is not None:
            self._begun.begin(key, None, block, has_parts=False)
        return key

    def end(self, key: object, response: ModelResponse | None, exc: BaseException | None = None) -> None:
        """It has answered, all or a part, or failed."""
        call = self._begun.call(key)
        with self.failures("response"):
            if call is not None and response is not None:
                call.answered(output_of(response), response.finish_reason)
                call.usage(response.model_name, **usage_of(response.usage))
                if exc is None and response.state in _BROKEN:
                    exc = CancelledError("its answer was not read to the end")
        self._begun.end(key, exc)


class RecordedModel(WrapperModel):
    """A model whose calls are recorded."""

    def __init__(self, wrapped: Model, calls: ModelCalls) -> None:
        super().__init__(wrapped)
        self._recorded = calls

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Ask it."""
        key = self._recorded.begin(self.wrapped, messages, model_settings, model_request_parameters)
        try:
            response = await self.wrapped.request(messages, model_settings, model_request_parameters)
        except BaseException as exc:
            self._recorded.end(key, None, exc)
            raise
        self._recorded.end(key, response)
        return response

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Ask it for an answer in pieces."""
        key = self._recorded.begin(self.wrapped, messages, model_settings, model_request_parameters)
        answer: StreamedResponse | None = None
        try:
            async with self.wrapped.request_stream(
                messages, model_settings, model_request_parameters, run_context
            ) as answer:
                yield answer
        except BaseException as exc:
            self._recorded.end(key, self._so_far(answer), exc)
            raise
        self._recorded.end(key, self._so_far(answer))

    def _so_far(self, answer: StreamedResponse | None) -> ModelResponse | None:
        with self._recorded.failures("request_stream"):
            return None if answer is None else answer.get()
        return None


def _asked(calls: list[ToolCallPart]) -> list[dict[str, str]]:
    return [{"ref": call.tool_call_id, "tool": call.tool_name} for call in calls]
