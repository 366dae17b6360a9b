"""A run that is recorded in a task of an event loop.

Written by `tools/async_layer.py` from `recorder.py`: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstone.engine.async_block import AsyncRunBlock
from runstone.engine.hopping import Hopping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from random import Random
    from typing import Any, Unpack
    from uuid import UUID

    from runstone.core.digests import Digest
    from runstone.core.judgement.verdict import Verdict
    from runstone.core.redaction.redactor import Redactor
    from runstone.core.tools.approval import Approver
    from runstone.core.tools.contract import ToolContract
    from runstone.core.tools.prices import PriceTable
    from runstone.core.tools.rules import CallPolicy
    from runstone.engine.acting import Function, Source
    from runstone.engine.artifacts import ArtifactFacts
    from runstone.engine.calls import Calls
    from runstone.engine.capture import Capture
    from runstone.engine.hopping import Threads
    from runstone.engine.models import ModelCall
    from runstone.engine.opening import RunOptions
    from runstone.engine.reader import Sealed
    from runstone.engine.recorder import Run
    from runstone.engine.tool_call import CallBlock, ToolCall


class AsyncRun(Hopping):
    """A `Run` that is recorded in a task. Made by `AsyncStore.run`.

    What is told is recorded at once, in the thread of the task; what reads files or seals is awaited.
    `sync` is the plain one.
    """

    def __init__(self, sync: Run, threads: Threads | None = None) -> None:
        super().__init__(threads)
        self.sync = sync

    @property
    def status(self) -> str:
        """As the plain one has it."""
        return self.sync.status

    @property
    def digest(self) -> Digest | None:
        """As the plain one has it."""
        return self.sync.digest

    @property
    def redactor(self) -> Redactor:
        """What takes secrets out of everything that this run records."""
        return self.sync.redactor

    def git_state(
        self,
        sha: str | None,
        ref: str | None,
        *,
        dirty: bool | None,
    ) -> None:
        """Record what is known of the repository, once its dirty flag is."""
        self.sync.git_state(
            sha,
            ref,
            dirty=dirty,
        )

    @property
    def run_id(self) -> str:
        """The run's id; the name of its folder once it is sealed."""
        return self.sync.run_id

    @property
    def opened_at(self) -> str | None:
        """When the run was opened (UTC), as its first line has it; `None` where none was written."""
        return self.sync.opened_at

    @property
    def recording(self) -> bool:
        """Whether facts are being recorded: false once finished, in a fork, and where no journal could be opened."""
        return self.sync.recording

    @property
    def resumed_step(self) -> int | None:
        """The last step of the run that this one resumes, of the whole chain; `None` where there is none."""
        return self.sync.resumed_step

    @property
    def environ(self) -> dict[str, str]:
        """Variables of the environment that make a run in another process a child of this one.

        None where this run could not be recorded. The wrapper gives them to its command, a fork to the child.
        """
        return self.sync.environ

    def child(
        self,
        kind: str,
        **options: Unpack[RunOptions],
    ) -> AsyncRunBlock:
        """Start recording a run that is a part of this one, in the same store; `options` and errors as `Store.run`.

        It links to this run as `child-of`, and knows its declared secrets.
        """
        return AsyncRunBlock(
            self,
            lambda: self.sync.child(
                kind,
                **options,
            ),
        )

    async def input(
        self,
        type: str,
        ref: Any = None,
        **facts: Unpack[ArtifactFacts],
    ) -> None:
        """Record something that the run consumed. See `output` for the arguments."""
        await self.in_thread(
            self.sync.input,
            type,
            ref,
            **facts,
        )

    async def output(
        self,
        type: str,
        ref: Any = None,
        **facts: Unpack[ArtifactFacts],
    ) -> None:
        """Record something that the run produced.

        With `type="file"`, `ref` is a path: the file is hashed now, by reference; `keep` also copies it into the
        bundle: `True` unless a secret is found in it, `"redacted"` without what is found, `"anyway"` whatever is
        found, by the name in `asked_by`. For anything else `ref` is text, and `sha256` and `size` are what the
        caller knows. Also: `name` (default: the path below the working directory, or `ref`), `media_type`, `extra`
        (a mapping that is recorded as it is).

        A file's name and an object (`output("plot.png", figure)`) write the object as that file, into the bundle
        alone: a figure, an image, a table, an array, bytes, or what JSON can hold. It is kept unless `keep` says else.
        """
        await self.in_thread(
            self.sync.output,
            type,
            ref,
            **facts,
        )

    def check(
        self,
        name: str,
        status: str | bool,
        evidence: str | Iterable[str] | None = None,
        *,
        id: str | None = None,
    ) -> None:
        """Record a check: `pass` (or true), `fail` (or false) or `skip`, with references to its evidence
        (`run.log:line:3`, …)."""
        self.sync.check(
            name,
            status,
            evidence,
            id=id,
        )

    def log(
        self,
        message: str,
        level: str = "info",
    ) -> str:
        """Record a message, one line of `run.log`; answers the reference to it (`run.log:line:N`, 0 if it was lost)."""
        return self.sync.log(
            message,
            level,
        )

    def stream(
        self,
        stream: str,
        chunk: bytes,
    ) -> None:
        """Record bytes that a command wrote to one of its streams (`stdout`, `stderr`), as they are.

        What may be the middle of a secret (the end of an unfinished line, of a private key) is recorded once it is
        whole, at the latest with 64 KiB or when the run is finished.
        """
        self.sync.stream(
            stream,
            chunk,
        )

    def capture(
        self,
        *,
        descriptors: bool = False,
    ) -> Capture:
        """Record what this process prints, logs and warns of from now on, while it goes where it went before.

        The answer is a context manager; its `end`, the end of its block and the end of the run put everything back.
        With `descriptors` what C code and child processes write to descriptors 1 and 2 is recorded as well. Never
        raises, and nothing that is recorded by it does.
        """
        return self.sync.capture(
            descriptors=descriptors,
        )

    def metrics(
        self,
        values: Mapping[str, Any],
        step: int | None = None,
        rank: int | None = None,
    ) -> None:
        """Record numbers by name, at a step where there is one. `nan` and infinities are kept as text; two names that
        become the same text are told apart.

        `rank` says which of many processes measured them; without it the rank that the environment told when the run
        was opened. In a run that resumes another one, a call without a step is the next step after the last.
        """
        self.sync.metrics(
            values,
            step,
            rank,
        )

    def watch_system(
        self,
        every: float = 10.0,
    ) -> None:
        """Record what the machine and this process use as metrics `system.…`, every so many seconds (at least 0.1).

        A thread of its own does it until the run is finished, and once more then. A second call changes nothing.
        """
        self.sync.watch_system(
            every,
        )

    def config(
        self,
        value: Any,
        sources: Mapping[str, Any] | None = None,
        volatile: Iterable[str] = (),
    ) -> None:
        """Record the configuration. `volatile` are JSON Pointers to what the outcome must not depend on."""
        self.sync.config(
            value,
            sources,
            volatile,
        )

    def note(
        self,
        text: str,
    ) -> None:
        """Record a remark."""
        self.sync.note(
            text,
        )

    def event(
        self,
        type: str,
        data: Mapping[str, Any],
    ) -> None:
        """Record a fact of the caller's own; its type begins with `x.`, or is a kernel type that a caller may tell."""
        self.sync.event(
            type,
            data,
        )

    async def finish(
        self,
        status: str | None = None,
        *,
        exit: int | None = None,
        error: Any = None,
        result: Any = None,
        resources: Mapping[str, Any] | None = None,
    ) -> Digest | None:
        """Close the run and seal it; answers the run digest, or `None` where it could not be sealed.

        Without `status` the checks decide: a failed one → `failed`, a skipped one → `partial`, else `success`.
        When it answers, the bundle survives power loss. A second call changes nothing; while another thread seals, it
        waits, and answers or raises the same.
        """
        return await self.to_the_end(
            lambda: self.sync.finish(
                status,
                exit=exit,
                error=error,
                result=result,
                resources=resources,
            ),
        )

    @property
    def calls(self) -> Calls:
        """What is counted of the run's calls, and what rules over them. The kernel's own."""
        return self.sync.calls

    def tool(
        self,
        contract: ToolContract | Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
    ) -> Callable[[Function], Function]:
        """Record each call of a function in this run, as a call of a tool: a decorator.

        The function may be plain, a coroutine, a generator or an asynchronous generator, or answer one of these; what
        it answers, yields and raises goes through. Without a `contract`, one is made of the function's annotations.
        `name` stands for the contract's. Raises `invalid_tool_contract`, and `invalid_option` for what is no function;
        a call raises `invalid_arguments`, `tool_blocked`, and in a strict run `invalid_result`.
        """
        return self.sync.tool(
            contract,
            name=name,
        )

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
        return self.sync.tool_call(
            name,
            args,
            contract=contract,
            ref=ref,
            parent=parent,
        )

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
        return self.sync.model_call(
            model,
            prompt,
            provider=provider,
            parameters=parameters,
            ref=ref,
            parent=parent,
        )

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
        self.sync.govern(
            policy,
            approver,
            prices,
            debug_key,
        )

    def now(self) -> datetime:
        """The time now, UTC, in microseconds: recorded, and given back by a replay."""
        return self.sync.now()

    def uuid(self) -> UUID:
        """A new random id (version 4): recorded, and given back by a replay."""
        return self.sync.uuid()

    def random(
        self,
        name: str = "",
    ) -> Random:
        """A generator of random numbers whose seed is recorded, and given back by a replay: one a name.

        The numbers are Python's `random.Random`: for the same calls they are the same. In threads of their own, and in
        tools, take names of their own, as a generator gives its numbers to whoever comes first.
        """
        return self.sync.random(
            name,
        )

    def seed(
        self,
        *modules: Any,
        name: str = "",
    ) -> int:
        """Seed what is handed in (`random`, `numpy`, `torch`, what has a method `seed` or `manual_seed`) by the seed of
        a name, which is recorded, and given back by a replay; answers it, 0 to 2^32 - 1.

        Nothing else is seeded. Raises `invalid_option` for what cannot be seeded.
        """
        return self.sync.seed(
            *modules,
            name=name,
        )

    def evidence(
        self,
        query: Any,
        passages: Iterable[Any],
        *,
        corpus: str,
        version: str | None = None,
    ) -> list[str]:
        """Record a retrieval: what was asked of which collection, and the passages that were found.

        A passage is a mapping or object with some of `id`, `source`, `span` (start and end, or a pair), `score` and
        `text` (or `content`, `page_content`), or its text alone, or a pair of one of these and its score. Of a text the
        SHA-256 and the size are recorded, never the text; instead of it there may be `sha256` and `bytes`. The answer
        are the passages' ids, by which they are cited: where one has none, its `sha256`. `passages` is a list: what
        can be read but once is refused, as recording would use it up.
        """
        return self.sync.evidence(
            query,
            passages,
            corpus=corpus,
            version=version,
        )

    def cite(
        self,
        ids: str | Iterable[str],
    ) -> None:
        """Record that passages were used, by their ids.

        When the run ends, the check `citations_retrieved` says whether all that was cited had been retrieved in this
        run, before or after.
        """
        self.sync.cite(
            ids,
        )

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
        self.sync.score(
            name,
            value,
            samples=samples,
            direction=direction,
            unit=unit,
            threshold=threshold,
            confidence=confidence,
        )

    async def judge(
        self,
        *rules: str,
        baseline: str | Sealed | None = None,
    ) -> Verdict:
        """The verdict on what was recorded until now, beside a baseline where there is one; it is recorded in this run.

        Rules are texts as `min score.accuracy:-1%`, `meet scores`, `cited`, `require check.rows`. The baseline is what
        `Store.get` takes, or a `Sealed`. The verdict is true where every rule passed; it changes nothing of how the
        run ends. A gate is strict, whatever the run is: raises `invalid_option` for a rule that is none and without
        any, `store_unavailable` where it cannot be recorded, errors as `Store.get`, `bundle_damaged`.
        """
        return await self.in_thread(
            self.sync.judge,
            *rules,
            baseline=baseline,
        )
