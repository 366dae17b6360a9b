"""What a run tells of who acts in it: tools and models that are called, what rules over them, what was retrieved, and
how good it was.

Here is what the words mean; what happens is in the modules that they import when they are first used: most runs never
say any of them.
"""

from __future__ import annotations

from runstone.engine.current import OfThisProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from random import Random
    from typing import Any, TypeVar
    from uuid import UUID

    from runstone.core.judgement.verdict import Verdict
    from runstone.core.tools.approval import Approver
    from runstone.core.tools.contract import ToolContract
    from runstone.core.tools.prices import PriceTable
    from runstone.core.tools.rules import CallPolicy
    from runstone.engine.calls import Calls
    from runstone.engine.drawn import Drawn
    from runstone.engine.models import ModelCall
    from runstone.engine.reader import Sealed
    from runstone.engine.recorder import Run
    from runstone.engine.replay.book import Book
    from runstone.engine.tool_call import CallBlock, ToolCall

    Function = TypeVar("Function", bound=Callable[..., Any])
    Source = str | os.PathLike[str] | Mapping[str, Any]


class Acting(OfThisProcess):
    """The methods of `Run` that an agent's run has use for."""

    _elsewhere = "hand its `environ` on, and begin a `runstone.child` there"
    _cites = False  # something was cited: the end of the run will check it
    _calls: Calls | None = None
    _drawn: Drawn | None = None
    replay: Book | None = None
    """What answers for the outside world, where this run replays another one. The kernel's own."""
    debug_key: str | None

    @property
    def calls(self) -> Calls:
        """What is counted of the run's calls, and what rules over them. The kernel's own."""
        found = self._calls
        if found is None:
            from runstone.engine.calls import Calls

            made = Calls(None, _whole(self).writer.heard)
            kept: Calls = self.__dict__.setdefault("_calls", made)  # of two threads one makes it
            return kept
        return found

    def tool(
        self, contract: ToolContract | Mapping[str, Any] | None = None, *, name: str | None = None
    ) -> Callable[[Function], Function]:
        """Record each call of a function in this run, as a call of a tool: a decorator.

        The function may be plain, a coroutine, a generator or an asynchronous generator, or answer one of these; what
        it answers, yields and raises goes through. Without a `contract`, one is made of the function's annotations.
        `name` stands for the contract's. Raises `invalid_tool_contract`, and `invalid_option` for what is no function;
        a call raises `invalid_arguments`, `tool_blocked`, and in a strict run `invalid_result`.
        """
        from runstone.engine.tools import tool_of

        return tool_of(_whole(self), contract, name)

    def tool_call(
        self,
        name: str,
        args: Any = None,
        *,
        contract: ToolContract | Mapping[str, Any] | None = None,
        ref: str | None = None,
        parent: str | ToolCall | None = None,
    ) -> CallBlock:
        """Record a call of a tool as a block, of `with` or `async with`, which is given the `ToolCall`.

        `ref` is what somebody else calls it, `parent` the call that it is a part of, without which that is the one
        around it in this thread or task. Raises `invalid_tool_contract`; entering raises as a call of `tool` does.
        """
        from runstone.engine.tools import call_of

        return call_of(_whole(self), name, args, contract, ref, parent)

    def model_call(
        self,
        model: str,
        prompt: Any,
        *,
        provider: str | None = None,
        parameters: Any = None,
        ref: str | None = None,
        parent: Any = None,
    ) -> ModelCall:
        """A call of a model, as a block around it: `with run.model_call(…) as call`, or `async with`.

        `prompt` is text or what JSON can hold: its size and digest are recorded, and nothing of it; so it is with the
        answer, by `call.answered` or piece by piece by `call.chunk`. `parameters` are recorded. `ref` is a framework's
        own id of the call, `parent` the call, or the id of it, that it is a part of: else the one around it here.

        What the block raises goes on, and nothing that it says is recorded. With a `debug_key` texts are kept apart,
        encrypted; the first call then raises `invalid_debug_key`, `missing_extra`.
        """
        from runstone.engine.models import ModelCall

        return ModelCall(_whole(self), model, prompt, provider, parameters, ref, parent)

    def govern(
        self,
        policy: CallPolicy | Source | None = None,
        approver: Approver | None = None,
        prices: PriceTable | Source | None = None,
        debug_key: str | None = None,
    ) -> None:
        """Have a policy rule over the calls of this run, and of its children in this process, from now on.

        `approver` is asked where a policy or a contract wants it: it is given an `ApprovalRequest` and answers an
        `Approval`, a yes or no, or `None`; for calls in a task it may be asynchronous. `prices` say what tokens cost.
        `debug_key` is a public key of age (`age1…`): prompts and answers of models are kept from then on, encrypted to
        it, outside of the bundle. What is not given stays as it is. Raises `invalid_call_policy`,
        `invalid_price_table`, `file_not_found`, `invalid_option`, `invalid_debug_key`, `missing_extra`.
        """
        from runstone.engine.governing import govern

        govern(_whole(self), policy, approver, prices, debug_key)

    def now(self) -> datetime:
        """The time now, UTC, in microseconds: recorded, and given back by a replay."""
        return self._draws.now()

    def uuid(self) -> UUID:
        """A new random id (version 4): recorded, and given back by a replay."""
        return self._draws.uuid()

    def random(self, name: str = "") -> Random:
        """A generator of random numbers whose seed is recorded, and given back by a replay: one a name.

        The numbers are Python's `random.Random`: for the same calls they are the same. In threads of their own, and in
        tools, take names of their own, as a generator gives its numbers to whoever comes first.
        """
        from runstone.engine.drawn import name_of

        return self._draws.random(name_of(name))

    def seed(self, *modules: Any, name: str = "") -> int:
        """Seed what is handed in (`random`, `numpy`, `torch`, what has a method `seed` or `manual_seed`) by the seed of
        a name, which is recorded, and given back by a replay; answers it, 0 to 2^32 - 1.

        Nothing else is seeded. Raises `invalid_option` for what cannot be seeded.
        """
        from runstone.engine.drawn import name_of, seed_all

        seed = self._draws.seed(name_of(name))
        seed_all(seed, modules)
        return seed

    @property
    def _draws(self) -> Drawn:
        found = self._drawn
        if found is None:
            from runstone.engine.drawn import Drawn

            made: Drawn = self.__dict__.setdefault("_drawn", Drawn(_whole(self)))  # of two threads one makes it
            return made
        return found

    def _started(self, child: Any) -> None:
        """A run that is a part of this one was opened: what rules over this one rules over it, and the call around it
        tells of it."""
        from runstone.engine.calls import Calls, call_around

        if isinstance(child, Acting):
            child._calls = Calls(self.calls, _whole(child).writer.heard)  # noqa: SLF001  # of this class
            if self.debug_key is not None:
                child.debug_key = self.debug_key
            call = call_around(_whole(self))
            if call is not None:
                call.children = (*call.children, child.run_id)  # type: ignore[attr-defined]  # the same

    def evidence(self, query: Any, passages: Iterable[Any], *, corpus: str, version: str | None = None) -> list[str]:
        """Record a retrieval: what was asked of which collection, and the passages that were found.

        A passage is a mapping or object with some of `id`, `source`, `span` (start and end, or a pair), `score` and
        `text` (or `content`, `page_content`), or its text alone, or a pair of one of these and its score. Of a text the
        SHA-256 and the size are recorded, never the text; instead of it there may be `sha256` and `bytes`. The answer
        are the passages' ids, by which they are cited: where one has none, its `sha256`. `passages` is a list: what
        can be read but once is refused, as recording would use it up.
        """
        from runstone.engine.retrieval import record_evidence

        return record_evidence(_whole(self), query, passages, corpus, version)

    def cite(self, ids: str | Iterable[str]) -> None:
        """Record that passages were used, by their ids.

        When the run ends, the check `citations_retrieved` says whether all that was cited had been retrieved in this
        run, before or after.
        """
        from runstone.engine.retrieval import record_citation

        record_citation(_whole(self), ids)
        self._count_citation()

    def _count_citation(self) -> None:
        """Something was cited: the end of the run will check it."""
        from runstone.engine.retrieval import check_at_end

        if not self._cites:
            self._cites = True
            check_at_end(_whole(self))

    def score(
        self,
        name: str,
        value: float | None = None,
        *,
        samples: Any = None,
        direction: str = "higher",
        unit: str | None = None,
        threshold: float | None = None,
        confidence: float = 0.95,
    ) -> None:
        """Record how good the run was, by a measure: a number, or samples whose mean it is.

        `samples` are a mapping of values by id, a list of mappings with `id`, `value` and whatever else, of pairs, or
        of values, which are numbered. A value is a number, true and false, or `None` for a sample that has none and
        does not count. Values of one id are tries of one sample, which counts once, by their mean. With `value` left
        out the record has the mean of the samples and a bootstrap interval of it at `confidence`.

        `direction` says what is better, `higher` or `lower`; `threshold` what is good enough.
        """
        from runstone.engine.scoring import record_score

        facts = {"direction": direction, "unit": unit, "threshold": threshold, "confidence": confidence}
        record_score(_whole(self), name, value, samples, facts)

    def judge(self, *rules: str, baseline: str | Sealed | None = None) -> Verdict:
        """The verdict on what was recorded until now, beside a baseline where there is one; it is recorded in this run.

        Rules are texts as `min score.accuracy:-1%`, `meet scores`, `cited`, `require check.rows`. The baseline is what
        `Store.get` takes, or a `Sealed`. The verdict is true where every rule passed; it changes nothing of how the
        run ends. A gate is strict, whatever the run is: raises `invalid_option` for a rule that is none and without
        any, `store_unavailable` where it cannot be recorded, errors as `Store.get`, `bundle_damaged`.
        """
        from runstone.engine.release import judge_open

        return judge_open(_whole(self), rules, baseline)


def _whole(acting: Acting) -> Run:
    return acting  # type: ignore[return-value]  # `Run` is the one class that is made of it
