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
from runstone.core.words import TOKENS
from runstone.engine.calls import AROUND, BLOCKED, OK, Call, status_of, type_of, usage_of
from runstone.engine.debug_vault import vault_of
from runstone.engine.facts import WITHHELD, maybe_text, text_of, withhold
from runstone.engine.governing import blocked_by, is_block_of, records_nothing, unrecorded
from runstone.engine.model_texts import Answer, messages_in, text_bytes
from runstone.errors import CODES, RunstoneError, error

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, Self

    from runstone.core.recorded import RecordedCall
    from runstone.engine.debug_vault import Vault
    from runstone.engine.recorder import Run
    from runstone.engine.replay.book import Book


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
        self._entered = False
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
        self._amount: int | None = 0
        self._attempts = 1
        self._duration_ns = 0
        self._doing = False
        self._form = ""

    def do(self, function: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
        """Ask the model by a function, plain or a coroutine, that answers what it has answered; this is the block.

        A replay gives back what debug mode has kept, which it cannot with a block. The function may tell `usage`.
        """
        from runstone.engine.wrapping import COROUTINE, flags_of

        if flags_of(function) & COROUTINE:
            return self._done_async(function, args, named)
        self._doing = True
        with self:
            answer = self._kept_then() if self._is_answered else function(*args, **named)
            self.answered(answer)
            return answer

    async def _done_async(self, function: Callable[..., Any], args: Any, named: Any) -> Any:
        self._doing = True
        async with self:
            answer = await self._kept_then_async() if self._is_answered else await function(*args, **named)
            self.answered(answer)
            return answer

    @property
    def _is_answered(self) -> bool:
        """Whether a record answers it, and no model."""
        return self._run.replay is not None and not self._run.replay.runs(self._model)

    def _kept_then(self) -> Any:
        from runstone.engine.replay.answering import text_of_model

        return text_of_model(*self._repeated())

    async def _kept_then_async(self) -> Any:
        from runstone.engine.replay.answering import text_of_model, until_cancelled

        replay, match = self._repeated()
        await until_cancelled(replay, match)
        return text_of_model(replay, match)

    def _repeated(self) -> tuple[Book, RecordedCall]:
        """The recorded call that this one is, once what was recorded while it was at work is recorded again."""
        from runstone.engine.replay.answering import answer

        replay, call = self._run.replay, self._call
        match = None if replay is None or call is None else replay.matched(call.id)
        assert replay is not None
        if match is None:
            raise replay.refuse(f"model {self._model} is asked when the run records nothing any more")
        answer(replay, match, self)
        self._finish_reason = match.said("finish_reason")
        if match.said("status") == BLOCKED:
            self.attempt()  # one more try was blocked then
        return replay, match

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
        self._form = "text" if isinstance(output, str) else "bytes" if isinstance(output, bytes) else "json"
        self._finish_reason = maybe_text(finish_reason) if finish_reason is not None else self._finish_reason

    def tried(self) -> None:
        """A replay says that it was asked once more then."""
        self._attempts += 1

    def attempt(self) -> None:
        """Say that the model is asked once more: what has come of an answer is no part of it.

        What rules over calls of models rules over this as well, and it is said before it is done: raises
        `PolicyBlocked` where tokens or cost are used up, and `StoreUnavailable` where something rules over the call
        and the run records nothing any more.
        """
        call, run = self._call, self._run
        if call is not None and run.calls.ruled:
            blocked = self._ruled(call, None)
            if blocked is not None:
                raise blocked
        self._attempts += 1
        self._answer.clear()

    def usage(
        self, model: Any = None, *, input_tokens: Any = 0, output_tokens: Any = 0, cached_tokens: Any = 0
    ) -> None:
        """Add tokens that were used; of several attempts all count. `model` is the one that the provider names."""
        used = usage_of(input_tokens, output_tokens, cached_tokens)
        if model is not None:
            self._answered_by = text_of(model)
        if self._call is not None:
            amount = self._run.calls.spend(self._call, self._answered_by or self._model, used)
            self._amount = None if amount is None or self._amount is None else self._amount + amount
        before = self._usage or dict.fromkeys(TOKENS, 0)
        self._usage = {name: before[name] + used[name] for name in TOKENS}

    def __enter__(self) -> Self:
        if self._entered:
            raise error("invalid_option", "a call is entered once: make one for each block", option="model_call")
        run = self._run
        self._vault = vault_of(run)
        self._entered = True
        prompt = text_bytes(self._prompt)
        facts = {"bytes": len(prompt), "sha256": sha256_hex(prompt), "messages": messages_in(self._prompt)}
        self._prompt = None  # nothing keeps it longer than the caller does
        kept = self._kept(prompt)
        call = Call(run, run.calls.next_id())
        parent = call.parent if self._parent is None else text_of(self._parent)
        data = {"call": call.id, "parent": parent, "model": self._model, "prompt": facts, **self._told}
        data = data if kept is None else {**data, "debug": kept}
        self._called(call, data)
        self._may_be_entered(call)
        self._answer.keeps = self._vault is not None
        self._call, self._before = call, AROUND.get()
        AROUND.set(call)
        return self

    def _may_be_entered(self, call: Call) -> None:
        """In a replay: a block cannot be left out, so it is not entered."""
        replay = self._run.replay
        if replay is not None and self._is_answered and not self._doing:
            message = (
                f"model {self._model} is asked in a block, which cannot be left out: "
                f"ask it for real (--live {self._model}), or use do()"
            )
            raise replay.refuse(message, replay.side_of(call))

    def _called(self, call: Call, data: dict[str, Any]) -> None:
        """Record that the model is called, and ask what rules over it; raises what keeps it from being called."""
        if not self._run.calls.ruled:
            self._run.writer.record(MODEL_CALLED, data)
            self._seen(call, data)
            return
        blocked = self._ruled(call, data)
        if blocked is not None:
            self._attempts = 0
            self._returned(call, BLOCKED, _of_block(blocked))
            raise blocked

    def _seen(self, call: Call, data: dict[str, Any]) -> None:
        """In a replay: see that it was called then, also where a rule blocks it."""
        if self._run.replay is not None and self._run.recording:
            self._run.replay.called(call, MODEL_CALLED, data, [])

    def _ruled(self, call: Call, data: dict[str, Any] | None) -> RunstoneError | None:
        """What blocks the call, or one more try of it, which has no `data` to record."""
        run, called = self._run, {"model": self._model}
        try:
            if not run.recording:
                raise records_nothing(run)
            if data is not None:
                run.writer.surely(MODEL_CALLED, data, [])
                self._seen(call, data)
            found = run.calls.used_up()
            return None if found is None else blocked_by(call, called, *found)
        except RunstoneError as exc:
            raise unrecorded(run, called, exc) from exc

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        call = self._call
        if call is None:  # it has not begun, or is over
            return
        self._call = None
        self._duration_ns = call.duration_ns
        call.end()
        if AROUND.get() is call:  # else the end came in another task, and what is around there stays
            AROUND.set(self._before)
        if exc is None:
            self._returned(call, OK, {"error": None})
            return
        withhold(exc)
        try:
            if isinstance(exc, RunstoneError) and is_block_of(exc, call):
                self._returned(call, BLOCKED, _of_block(exc))
            else:
                self._returned(call, status_of(exc), self._failed(exc))
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
            "cost": self._cost(),
            "finish_reason": self._finish_reason,
            **failure,
            "duration_ns": self._duration_ns,
            "attempts": self._attempts,
            **call.told,
        }
        if self._answered_by is not None:
            data["model"] = self._answered_by
        text = answer.text()
        kept = None if text is None else self._kept(text)
        if kept is not None and self._form:
            kept["form"] = self._form
        data = data if kept is None else {**data, "debug": kept}
        if self._run.replay is not None:
            self._run.replay.returned(call, MODEL_RETURNED, data, [])
        self._run.writer.record(MODEL_RETURNED, data)

    def _cost(self) -> dict[str, str] | None:
        prices = self._run.calls.price_table
        known = self._usage is not None and self._amount is not None
        return prices.cost(self._amount or 0) if known and prices is not None else None

    def _failed(self, exc: BaseException) -> dict[str, Any]:
        """What is told of an exception: its class, and the HTTP status that libraries of providers give it."""
        failure: dict[str, Any] = {**type_of(exc), "message": WITHHELD}
        if (status := _http_status(exc)) is not None:
            failure["http_status"] = status
        if isinstance(exc, RunstoneError) and exc.code in CODES:
            failure["code"] = exc.code
        kept = self._kept(_shown(exc))
        return {"error": failure} if kept is None else {"error": failure, "debug_error": kept}

    def _kept(self, text: bytes) -> dict[str, str] | None:
        """Where a text is kept in debug mode."""
        vault = self._vault
        return vault.keep(self._run, text) if vault is not None and self._run.recording else None


def _of_block(blocked: RunstoneError) -> dict[str, Any]:
    """What is told of the error of a rule, which quotes nobody."""
    return {"error": {"type": type(blocked).__name__, "message": blocked.message}}


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
