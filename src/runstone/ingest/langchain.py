"""Records an agent of LangChain or LangGraph as it is: a handler that is passed among its callbacks.

- Calls of models and tools, and what retrievers find, become calls and evidence of the run. Chains, graphs and their
  nodes are not recorded themselves; by them it is known of which call of a tool another call is a part.
- Of what is said of a call there are size and digest for prompts, answers and passages; of the parameters of a model
  numbers, truth values and known words (`parameters.py`). LangChain's own ids, new each time, are left out.
- An interrupt of LangGraph is no error: the tool in which it comes has been cancelled (after the resume it is called
  once more), and an event says what was asked.
- What the run says to a call stops it (a policy, a contract, a strict run); what fails in here does not.
"""

from __future__ import annotations

from asyncio import CancelledError
from typing import TYPE_CHECKING

from runstone.core.canonical import canonical_bytes
from runstone.core.digests import sha256_hex
from runstone.core.values import coerce
from runstone.engine.facts import text_of
from runstone.extras import Extra
from runstone.ingest.begun import Begun
from runstone.ingest.contracts import contracts_by_name, take_out
from runstone.ingest.failures import Failures
from runstone.ingest.langchain_values import (
    answer_of,
    asked_with,
    corpus_of,
    is_error,
    model_of,
    passage_of,
    piece_of,
    prompt_of,
    provider_of,
    result_of,
)

with Extra("langchain"):
    from langchain_core.tools import ToolException

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any
    from uuid import UUID

    from langchain_core.callbacks import BaseCallbackHandler as Handler
    from langchain_core.documents import Document
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import LLMResult

    from runstone.core.tools.contract import ToolContract
    from runstone.engine.recorder import Run
else:
    try:
        from langgraph.callbacks import GraphCallbackHandler as Handler  # it alone is told of interrupts
    except ImportError:  # LangChain without LangGraph, or with an older one
        from langchain_core.callbacks import BaseCallbackHandler as Handler

_CANCELLED = (CancelledError, KeyboardInterrupt, GeneratorExit)


class RunstoneHandler(Handler):
    """Records in a run what an agent does that has it among its callbacks: `config={"callbacks": [handler]}`.

    It serves plain and asynchronous agents, in as many threads as they have. `contracts` are those of its tools, by
    their names, for what may be recorded of arguments and results, and what rules over them.
    """

    raise_error = True
    """What the run says to a call is raised; nothing else is."""
    run_inline = True
    """In the task or thread of the agent: what is recorded keeps its order."""

    def __init__(
        self,
        run: Run,
        *,
        tools: bool = True,
        models: bool = True,
        retrievers: bool = True,
        contracts: Iterable[ToolContract | Mapping[str, Any]] = (),
    ) -> None:
        """Raises `invalid_tool_contract`."""
        self._run = run
        self._tools = tools
        self._models = models
        self._retrievers = retrievers
        self._contracts = contracts_by_name(contracts)
        self._begun = Begun(run)
        self._failures = Failures(run, type(self).__name__)
        self._asked: dict[UUID, tuple[str, str, str | None]] = {}
        """Of retrievals that go on: query, corpus, version."""

    @property
    def ignore_llm(self) -> bool:
        """Models are not recorded."""
        return not self._models

    @property
    def ignore_chat_model(self) -> bool:
        """Models are not recorded."""
        return not self._models

    @property
    def ignore_retriever(self) -> bool:
        """Retrievals are not recorded."""
        return not self._retrievers

    # chains, graphs and nodes

    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **_: Any
    ) -> None:
        """Work begins that may have calls in it."""
        with self._failures("on_chain_start"):
            self._begun.work(run_id, parent_run_id)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> None:
        """It is done."""
        with self._failures("on_chain_end"):
            self._begun.over(run_id)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """It failed, or was cancelled: of a call of a model that was, nothing else tells."""
        with self._failures("on_chain_error"):
            if isinstance(error, _CANCELLED):
                self._begun.cancel(run_id, error)
            self._begun.over(run_id)

    # tools

    def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        inputs: dict[str, Any] | None = None,
        tool_call_id: str | None = None,
        **told: Any,
    ) -> None:
        """A tool is about to be called. Raises what keeps it from that: `tool_blocked`, `invalid_arguments`, what the
        approver raises, and in a strict run `store_unavailable`."""
        if not self._tools:
            self._begun.work(run_id, parent_run_id)
            return
        known = (serialized or {}).get("name") if isinstance(serialized, dict) else None
        name = text_of(known or told.get("name") or "tool")
        args = input_str if inputs is None else inputs
        block = self._run.tool_call(name, args, contract=self._contracts.get(name), ref=tool_call_id)
        self._begun.begin(run_id, parent_run_id, block, has_parts=True)

    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        """It answered; perhaps that it failed, which it then tells the model."""
        failure = None
        with self._failures("on_tool_end"):
            result = result_of(output)
            if is_error(output):
                failure = ToolException(text_of(result))
            elif (call := self._begun.call(run_id)) is not None:
                call.returned(result)
        self._begun.end(run_id, failure)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """It raised."""
        self._begun.end(run_id, error)

    # models

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **told: Any,
    ) -> None:
        """A chat model is about to be asked."""
        self._model_starts(serialized, messages, run_id, parent_run_id, metadata, told)

    def on_llm_start(
        self,
        serialized: dict[str, Any],
        prompts: list[str],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **told: Any,
    ) -> None:
        """A model that completes texts is about to be asked."""
        self._model_starts(serialized, prompts, run_id, parent_run_id, metadata, told)

    def on_llm_new_token(self, token: Any, *, run_id: UUID, chunk: Any = None, **_: Any) -> None:
        """A piece of an answer came."""
        with self._failures("on_llm_new_token"):
            if (call := self._begun.call(run_id)) is not None:
                call.chunk(piece_of(token, chunk))

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """A model has answered."""
        with self._failures("on_llm_end"):
            if (call := self._begun.call(run_id)) is not None:
                answer = answer_of(response)
                call.answered(answer.output, answer.finish_reason)
                if answer.usage is not None:
                    call.usage(answer.model, **answer.usage)
        self._begun.end(run_id)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Asking a model failed, or was stopped."""
        self._begun.end(run_id, error)

    def on_retry(self, retry_state: Any, *, run_id: UUID, **_: Any) -> None:
        """A model is asked once more. Raises what keeps it from that (`tool_blocked`, `store_unavailable`), which
        LangChain heeds where the call is no task."""
        with self._failures("on_retry"):
            if (call := self._begun.call(run_id)) is not None:
                call.attempt()

    # retrievers

    def on_retriever_start(
        self,
        serialized: dict[str, Any] | None,
        query: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **told: Any,
    ) -> None:
        """A retriever is asked."""
        with self._failures("on_retriever_start"):
            self._begun.work(run_id, parent_run_id)
            self._asked[run_id] = (query, *corpus_of(serialized, metadata, told))

    def on_retriever_end(self, documents: Sequence[Document], *, run_id: UUID, **_: Any) -> None:
        """It found passages."""
        self._begun.over(run_id)
        with self._failures("on_retriever_end"):
            asked = self._asked.pop(run_id, None)
            if asked is not None:
                query, corpus, version = asked
                passages = [passage_of(document) for document in documents]
                self._run.evidence(query, passages, corpus=corpus, version=version)

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """It failed: nothing was retrieved, and an event says so."""
        self._begun.over(run_id)
        with self._failures("on_retriever_error"):
            asked = self._asked.pop(run_id, None)
            if asked is not None:
                told = {"corpus": asked[1], "version": asked[2], "error": type(error).__name__}
                self._run.event("x.retrieval.failed", told)

    # interrupts of LangGraph

    def on_interrupt(self, event: Any) -> None:
        """A graph waits for somebody."""
        with self._failures("on_interrupt"):
            asked = [{"id": text_of(one.id), "value": self._allowed(one.value)} for one in event.interrupts]
            self._run.event("x.langgraph.interrupted", {**self._where(event), "asked": asked})

    def on_resume(self, event: Any) -> None:
        """It goes on."""
        with self._failures("on_resume"):
            self._run.event("x.langgraph.resumed", self._where(event))

    def _model_starts(
        self,
        serialized: Any,
        prompts: Sequence[Any],
        run_id: UUID,
        parent_run_id: UUID | None,
        metadata: dict[str, Any] | None,
        told: dict[str, Any],
    ) -> None:
        block = None
        with self._failures("on_llm_start"):
            asked = told.get("invocation_params") or {}
            model = model_of(serialized, metadata or {}, asked)
            provider = provider_of(metadata or {}, asked)
            block = self._run.model_call(model, prompt_of(prompts), provider=provider, parameters=asked_with(asked))
        if block is not None:
            self._begun.begin(run_id, parent_run_id, block, has_parts=False)

    def _where(self, event: Any) -> dict[str, Any]:
        call = self._begun.around(event.run_id)
        place = [text_of(part) for part in event.checkpoint_ns]
        return {"call": call and call.id, "checkpoint": event.checkpoint_id, "graph": place, "status": event.status}

    def _allowed(self, value: Any) -> Any:
        """What was asked; its size and digest where a contract takes something out of arguments, which may stand in
        what is asked in any form."""
        if not take_out(self._run, self._contracts):
            return value
        data = canonical_bytes(coerce(value)[0])
        return {"bytes": len(data), "sha256": sha256_hex(data)}
