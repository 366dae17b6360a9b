"""Calls of models as they happen: events `model.called` and `model.returned`.

- Of prompt and answer an event has size and digest, and nothing of the text; no error and no message has any of it.
  What an exception says that passes a call is withheld, here and wherever it goes: it may quote either.
- Parameters are recorded, and pass the redactor as all that is recorded does.
- In debug mode the texts themselves are kept apart, encrypted (`engine.debug_vault`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstone.core.digests import sha256_hex
from runstone.core.events import MODEL_CALLED, MODEL_RETURNED
from runstone.engine.calls import calls_of
from runstone.engine.debug_vault import vault_of
from runstone.engine.facts import WITHHELD, maybe_text, text_of, withhold
from runstone.engine.model_texts import Answer, messages_in, text_bytes
from runstone.engine.tracking import CANCELLED, ERROR, OK, Call, call_around, enter, is_cancelled, leave

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Final, Self

    from runstone.engine.debug_vault import Vault
    from runstone.engine.recorder import Run

NO_TOKENS: Final = {"input_tokens": 0, "output_tokens": 0, "cached_tokens": 0}


class ModelCall:
    """One call of a model, from the beginning of its block to the end; for `with` and `async with`.

    It belongs to the thread or task that makes the call. After the block nothing is recorded of it any more.
    """

    def __init__(
        self, run: Run, model: Any, prompt: Any, provider: Any, parameters: Any, ref: Any, parent: Any
    ) -> None:
        self._run = run
        self._model = text_of(model)
        self._prompt = prompt
        self._told = {"provider": maybe_text(provider), "parameters": parameters}
        if ref is not None:
            self._told["ref"] = text_of(ref)
        self._parent = getattr(parent, "id", parent)
        self._call: Call | None = None
        self._before: Call | None = None
        self._vault: Vault | None = None
        self._answer = Answer()
        self._answered_by: str | None = None
        self._finish_reason: str | None = None
        self._usage: dict[str, int] | None = None
        self._attempts = 1
        self._duration_ns = 0

    @property
    def id(self) -> str | None:
        """The id of the call, as its events have it; `None` before the block begins."""
        return None if self._call is None else self._call.id

    def chunk(self, text: Any) -> None:
        """Take in a piece of an answer that is streamed. What was streamed is the answer, unless `answered` says so."""
        self._answer.add(text_bytes(text))

    def answered(self, output: Any, finish_reason: Any = None) -> None:
        """Say what the model has answered, text or anything that JSON can hold, and why it stopped."""
        self._answer.replace(text_bytes(output))
        self._finish_reason = maybe_text(finish_reason) if finish_reason is not None else self._finish_reason

    def attempt(self) -> None:
        """Say that the model is asked once more: what has come of an answer is no part of it."""
        self._attempts += 1
        self._answer.clear()

    def usage(
        self, model: Any = None, *, input_tokens: Any = 0, output_tokens: Any = 0, cached_tokens: Any = 0
    ) -> None:
        """Add tokens that were used; of several attempts all count. `model` is the one that the provider names."""
        used = {"input_tokens": input_tokens, "output_tokens": output_tokens, "cached_tokens": cached_tokens}
        before = self._usage or NO_TOKENS
        self._usage = {name: before[name] + _count(value) for name, value in used.items()}
        if model is not None:
            self._answered_by = text_of(model)

    def __enter__(self) -> Self:
        run = self._run
        self._vault = vault_of(run)
        prompt = text_bytes(self._prompt)
        facts = {"bytes": len(prompt), "sha256": sha256_hex(prompt), "messages": messages_in(self._prompt)}
        self._prompt = None  # nothing keeps it longer than the caller does
        identity = calls_of(run).next_id()
        parent = call_around(run) if self._parent is None else text_of(self._parent)
        data = {"call": identity, "parent": parent, "model": self._model, "prompt": facts, **self._told}
        run.writer.record(MODEL_CALLED, self._with_kept(data, "debug", prompt))
        self._answer.keeps = self._vault is not None
        self._call = Call(run, identity)
        self._before = enter(self._call)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        call = self._call
        if call is None:  # it has not begun, or is over
            return
        self._call = None
        self._duration_ns = max(0, self._run.writer.monotonic_ns() - call.started_ns)
        leave(call, self._before)
        if exc is None:
            self._returned(call, OK, {"error": None})
            return
        withhold(exc)
        try:
            self._returned(call, CANCELLED if is_cancelled(exc) else ERROR, self._failed(exc))
        except Exception:  # of a strict run: the call's own goes on
            return

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, exc, trace)

    def _returned(self, call: Call, status: str, failure: dict[str, Any]) -> None:
        answer = self._answer
        data = {
            "call": call.id,
            "status": status,
            "output": answer.facts(),
            "usage": self._usage,
            "cost": calls_of(self._run).cost_of(self._answered_by or self._model, self._usage),
            "finish_reason": self._finish_reason,
            **failure,
            "duration_ns": self._duration_ns,
            "attempts": self._attempts,
        }
        if self._answered_by is not None:
            data["model"] = self._answered_by
        text = answer.text()
        self._run.writer.record(MODEL_RETURNED, data if text is None else self._with_kept(data, "debug", text))

    def _failed(self, exc: BaseException) -> dict[str, Any]:
        """What is told of an exception: its type, and the HTTP status that libraries of providers give it."""
        failure: dict[str, Any] = {"type": type(exc).__name__, "message": WITHHELD}
        if (status := _http_status(exc)) is not None:
            failure["http_status"] = status
        return self._with_kept({"error": failure}, "debug_error", _shown(exc))

    def _with_kept(self, data: dict[str, Any], member: str, text: bytes) -> dict[str, Any]:
        """`data`, with where a text is kept in debug mode."""
        vault = self._vault
        kept = vault.keep(self._run, text) if vault is not None and self._run.recording else None
        return data if kept is None else {**data, member: kept}


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 2**53 else 0


def _http_status(exc: BaseException) -> int | None:
    try:
        status = exc.status_code  # type: ignore[attr-defined]  # of the libraries of most providers
    except Exception:  # most exceptions have none, and a foreign one may raise anything
        return None
    return status if type(status) is int and 100 <= status <= 599 else None


def _shown(exc: BaseException) -> bytes:
    """An exception as Python shows it."""
    from traceback import format_exception

    try:
        return "".join(format_exception(exc)).encode("utf-8", "replace")
    except Exception:  # an exception that cannot be shown is still the caller's
        return type(exc).__name__.encode()
