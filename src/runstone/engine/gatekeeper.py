"""What happens at a gate, in order: claim, open, decide, make durable, work, seal, answer.

- Before the work: its run is open, and the decision is in a journal that survives power loss; else it is not done.
- Behind the work: the answer leaves when the run is sealed; else it is withheld, and the error says that it was done.
- The decision is made of server-side facts alone. What is not known counts as the worst.
- A run that cannot be told to be durable is left open for recovery, which copies it: nothing is sealed that may not
  be on the disk.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from runstone.core.parsing import load
from runstone.core.policy.decision import DETAILS_OF_THE_GATE, Decision
from runstone.core.words import BLOCKED, CANCELLED, FAILED
from runstone.engine.admitted import admit
from runstone.engine.claiming import Request, Taken, answer_of, blocked, look, request_sha256, result_problem
from runstone.engine.current import RUNS, is_switched_off
from runstone.engine.driving import Asking, Blocking, Body, Inline, Parts, Pause
from runstone.engine.facts import describe, exit_code, text_of
from runstone.engine.live import forget
from runstone.engine.overriding import Overridden
from runstone.engine.reader import Sealed
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

    from runstone.core.policy.policy import Policy
    from runstone.engine.driving import Doing, Done, Steps
    from runstone.engine.recorder import Run
    from runstone.engine.store import Store

POLL_S: Final = 0.02
"""How often one who waits for another looks whether it is done."""
ASKED: Final = ("idempotency_key", "request", "override_of", "labels", "run_id")
"""What is asked of each call before its run is opened; `facts` are asked behind that."""
DECISION: Final = "decision"


class Passage:
    """A call that was let through, in the block of a `with` statement: its `run`, the `decision`, and its answer."""

    __slots__ = ("_answer", "decision", "run")

    def __init__(self, run: Run, decision: Decision) -> None:
        self.run = run
        self.decision = decision
        self._answer: Any = None

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.run.run_id

    def answer(self, value: Any) -> None:
        """Record what is to be answered, as the result of the run."""
        self._answer = value

    def answered(self) -> Any:
        """What was given to `answer`."""
        return self._answer


class Gatekeeper:
    """Lets the calls of one gate pass. Safe to share between threads and tasks."""

    def __init__(
        self,
        kind: str,
        policy: Policy,
        asked: Mapping[str, Any],
        store_of: Callable[[], Store],
        options: Mapping[str, Any],
        *,
        wait_s: float,
        result: bool,
    ) -> None:
        self.kind = kind
        self.policy = policy
        self.options = dict(options)
        self.tells_result = result
        self._asked = {**dict.fromkeys(ASKED), **asked}
        self._asks = [name for name in ASKED if callable(self._asked[name])]
        self._told = {name: self._asked[name] for name in ASKED if name not in self._asks}
        self._store_of = store_of
        self._known_store: Store | None = None
        self._grouped: bool | None = None
        self._wait_ns = int(wait_s * 1e9)

    @property
    def store(self) -> Store:
        """The store, opened at the first call."""
        if self._known_store is None:
            self._known_store = self._store_of()
        return self._known_store

    @property
    def keyed(self) -> bool:
        """Whether calls have an idempotency key."""
        return self._asked["idempotency_key"] is not None

    @property
    def grouped(self) -> bool:
        """Whether what a call waits for are syncs that others wait for, too: a task needs no thread for that."""
        if self._grouped is None:
            self._grouped = self.store.objects.properties.grouped
        return self._grouped

    def steps(self, function: Callable[..., Any] | None, args: tuple[Any, ...], named: dict[str, Any]) -> Steps:
        """The body of one call of `function`, or of the block of a `with` statement where there is none."""
        asked = self._told.copy()
        for name in self._asks:
            asked[name], failure = yield Asking(self._asked[name], args, named)
            if failure is not None:
                return None, failure
        call = Call(self, asked)
        admitted, failure = yield from self._admitted(call)
        if failure is not None or not admitted:
            return call.answer, failure
        RUNS.enter(call.run)
        try:
            facts, failure = yield self._asking_facts(args, named)
            if failure is not None:
                return (yield Parts(partial(call.without_facts, failure), inline=self.grouped))
            decision, failure = yield Parts(partial(call.decide, facts), inline=self.grouped and call.is_free)
            if failure is not None:
                return (yield Parts(partial(call.failed, failure), inline=self.grouped))
            passage = Passage(call.run, decision)
            result, failure = yield Body(passage) if function is None else Asking(function, args, named)
        finally:
            RUNS.leave(call.run)
        if failure is not None:
            return (yield Parts(partial(call.failed, failure), inline=self.grouped))
        answer = passage.answered() if function is None else result
        return (yield Parts(partial(call.done, answer), inline=self.grouped and call.is_free))

    def _asking_facts(self, args: tuple[Any, ...], named: dict[str, Any]) -> Asking:
        facts = self._asked["facts"]
        return Asking(facts, args, named) if callable(facts) else Asking(lambda: facts, (), {})

    def _admitted(self, call: Call) -> Steps:
        """Open the run, or find the answer of one that is sealed; waits while another one does the same."""
        clock = self.store.clock
        started_ns = clock.monotonic_ns()
        while True:
            admitted, failure = yield Inline(call.admit) if self.grouped and call.is_free else Blocking(call.admit)
            if failure is not None:
                return (yield Parts(partial(call.failed, failure), inline=False)) if admitted else (None, failure)
            if admitted is not None:
                return admitted, None
            if clock.monotonic_ns() - started_ns >= self._wait_ns:
                message = "the same request is being worked on; ask again later"
                return None, error("in_progress", message, waited_s=self._wait_ns / 1e9)
            _, failure = yield Pause(POLL_S)
            if failure is not None:
                return None, failure


class Call:
    """One call at a gate. Each method may wait for the disk; what it raises is what the call raises."""

    def __init__(self, keeper: Gatekeeper, asked: Mapping[str, Any]) -> None:
        self._keeper = keeper
        self._store = keeper.store
        self._asked = asked
        self._request: Request | None = None
        self._overridden: Overridden | None = None
        self.answer: Any = None
        self.run: Run

    def admit(self) -> bool | None:
        """Open the run (true), or find the answer in a sealed one (false); `None` while somebody works on it."""
        store, keeper, asked = self._store, self._keeper, self._asked
        if is_switched_off(store.host):
            message = "recording is switched off by RUNSTONE_DISABLED: a gate does no work that it cannot record"
            raise error("store_unavailable", message, store=store.url, reason="RUNSTONE_DISABLED")
        claim, links = None, list(keeper.options.get("links", ()))
        if asked["idempotency_key"] is not None:
            if self._request is None:
                self._request = Request(keeper.kind, asked["idempotency_key"], asked["request"])
            found = look(store, self._request)
            if isinstance(found, Sealed):
                self.answer = answer_of(found)
                return False
            if found is None:
                return None
            claim = found
            links += claim.links
        if asked["override_of"] is not None:
            self._overridden = Overridden(store, asked["override_of"])
            links += self._overridden.links
        options = {**keeper.options, "links": links, "labels": asked["labels"], "run_id": asked["run_id"]}
        try:
            self.run = store.run(keeper.kind, claim=claim, **{**options, "strict": True})
        except Taken:
            return None
        return True

    @property
    def is_free(self) -> bool:
        """Whether neither a key nor an override is to be looked up, which reads other runs, nor an id to be claimed."""
        return not any(self._asked[name] is not None for name in ("idempotency_key", "override_of", "run_id"))

    def decide(self, facts: Any) -> Doing[Done]:
        """The decision, durable, if the work may be done; else `policy_blocked` when the run is sealed as blocked, and
        `store_unavailable` where nothing can be told to be durable."""
        run = self.run
        try:
            decision = self._keeper.policy.decide(facts)
            told = {key: decision.details[key] for key in decision.details if key not in DETAILS_OF_THE_GATE}
            decision.details = {**told, "facts": facts, **self._request_told()}
            if not decision.allowed and self._overridden is not None:
                decision = self._by_override(decision, self._overridden)
            run.writer.record(DECISION, decision.data(), [])
            run.decision = decision
        except Exception as exc:
            yield from self._refuse(exc)
            return None, exc
        if decision.allowed:
            yield from self._make_durable()
            return decision, None
        yield from self._seal(BLOCKED)
        return None, blocked(run.run_id, self._as_recorded(decision))

    def _request_told(self) -> dict[str, Any]:
        if self._request is not None:
            return {"request_sha256": self._request.request_sha256}
        request = self._asked["request"]
        return {} if request is None else {"request_sha256": request_sha256(request)}

    def _by_override(self, decision: Decision, overridden: Overridden) -> Decision:
        """The decision that somebody who may has made instead; or the same, with a warning that says why not."""
        run = self.run
        try:
            told = overridden.use(run.run_id, self._keeper.kind, self._as_recorded(decision))
        except LookupError as exc:
            decision.warnings.append(f"no override of {overridden.named} applies: {exc.args[0]}")
            return decision
        reason = f"{decision.block_reason}; overridden by {told['by']}: {told['reason']}"
        return Decision(
            told["outcome"],
            decision.risk_level,
            decision.score,
            None,
            [*decision.warnings, reason],
            decision.rules,
            {**decision.details, "override": told},
            decision.policy,
        )

    def _as_recorded(self, decision: Decision) -> dict[str, Any]:
        recorded: dict[str, Any] = load(admit(DECISION, decision.data(), [], self.run.redactor).body)
        return recorded

    def _refuse(self, exc: BaseException) -> Doing[None]:
        """Seal a run whose decision cannot be told; where that fails, recovery will."""
        try:
            yield from self.run.finishing(FAILED, error=describe(exc, self.run.redactor))
        except Exception:  # what keeps it open is what is raised already
            return

    def _make_durable(self) -> Doing[None]:
        writer = self.run.writer
        journal = writer.journal
        assert journal is not None
        try:
            pending = journal.begin_sync()
            if pending is not None:
                yield pending
            journal.sync()
        except Exception as exc:
            writer.wind_up()
            writer.end((0,))
            forget(self.run)
            journal.close()
            message = f"the decision cannot be made durable, so the work was not done: {text_of(exc)}"
            raise error("store_unavailable", message, run_id=self.run.run_id) from exc

    def _seal(self, status: str | None, **closed: Any) -> Doing[None]:
        """Seal the run; raises what keeps it from being sealed."""
        if (yield from self.run.finishing(status, **closed)) is None:
            raise error("unsealed", f"run {self.run.run_id} could not be sealed", run_id=self.run.run_id)

    def without_facts(self, failure: BaseException) -> Doing[Done]:
        """Seal a run that has nothing to decide on, and answer what kept the facts away."""
        try:
            decision = self._keeper.policy.failed("facts_failed")
            self.run.writer.record(DECISION, decision.data(), [])
        except Exception as exc:
            yield from self._refuse(exc)
            return None, _because(exc, failure)
        return (yield from self.failed(failure, begun=False))

    def failed(self, failure: BaseException, *, begun: bool = True) -> Doing[Done]:
        """Seal the run of a call that failed or was cancelled, and answer that, with the run's id."""
        run = self.run
        if not run.writer.ended:
            status = FAILED if isinstance(failure, Exception) else CANCELLED
            try:
                yield from self._seal(status, error=describe(failure, run.redactor), exit=exit_code(failure))
            except Exception as exc:
                if not isinstance(failure, Exception):
                    return None, _because(failure, exc)
                if not begun:
                    return None, _because(exc, failure)
                return None, _because(self._withheld("the work failed", exc), failure)
        _tell(failure, run.run_id)
        return None, failure

    def done(self, result: Any) -> Doing[Done]:
        """Seal the run of work that was done; its answer."""
        problem = None if self._request is None else result_problem(result)
        if problem is not None:
            withheld = error(
                "answer_withheld", f"the work was done; its answer cannot be told again: {problem}",
                run_id=self.run.run_id, reason=problem,
            )  # fmt: skip
            return (yield from self.failed(withheld))
        try:
            yield from self._seal(None, result=result if self._keeper.tells_result else None)
        except Exception as exc:
            return None, _because(self._withheld("the work was done", exc), exc)
        return (result if self._request is None else answer_of(self._store.get(self.run.run_id))), None

    def _withheld(self, what: str, exc: BaseException) -> RunstoneError:
        reason = exc.message if isinstance(exc, RunstoneError) else text_of(exc)
        cause = exc.code if isinstance(exc, RunstoneError) else type(exc).__name__
        message = f"{what}, and its record could not be sealed, so the answer is withheld: {reason}"
        return error("answer_withheld", message, run_id=self.run.run_id, reason=reason, cause=cause)


def _because(failure: BaseException, cause: BaseException) -> BaseException:
    """An exception with its cause, to be answered: what a caller's code raised cannot be raised through a generator."""
    failure.__cause__ = cause
    return failure


def _tell(failure: BaseException, run_id: str) -> None:
    """Give an exception the id of its run, as `run_id` and as a note; one that takes no attribute has the note."""
    with suppress(Exception):  # one of ours that has an id, or somebody's without room for it
        failure.run_id = run_id  # type: ignore[attr-defined]  # whoever catches it finds it there
    note = f"recorded by runstone as run {run_id}"
    if note not in getattr(failure, "__notes__", ()):
        failure.add_note(note)
