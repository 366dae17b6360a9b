"""Calls as they go on: which is around which, what they are called, and what the calls of a run have used.

- A call's parent is the innermost call of the same run that is going on in the same context. Between the two there may
  be calls of other runs: a run that is a part of this one has its own.
- A call that is over is around nothing, though a context may still name it: it may have ended in another context, or
  before one that was begun in it.
- Calls of tools and models are numbered in one row (`call-1`, …), in the order in which they are begun.
- What a call uses counts in its run, and in each run that this one is a part of, in this process.
"""

from __future__ import annotations

import _thread
from _contextvars import ContextVar
from functools import partial
from itertools import count
from typing import TYPE_CHECKING
from weakref import WeakSet

from runstone.core.redaction.cutting import beginning
from runstone.core.tools.limits import Limits, Spent
from runstone.core.words import TOKENS
from runstone.engine.facts import MESSAGE_CHARACTERS, kept_out_of, text_of, without_heard
from runstone.errors import RunstoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, Final

    from runstone.core.redaction.redactor import Redactor
    from runstone.core.tools.approval import Approver
    from runstone.core.tools.contract import ToolContract
    from runstone.core.tools.prices import PriceTable
    from runstone.core.tools.rules import CallPolicy
    from runstone.engine.contracted import Contracted
    from runstone.engine.recorder import Run

    Fired = tuple[dict[str, Any], dict[str, Any]]
    """A rule that fired, and of which document it is: `name`, `version`, `sha256`."""

OK: Final = "ok"
ERROR: Final = "error"
CANCELLED: Final = "cancelled"
BLOCKED: Final = "blocked"

_STOPS: Final = frozenset(
    (
        *("CancelledError", "KeyboardInterrupt", "GeneratorExit"),
        *("GraphInterrupt", "CallDeferred", "ApprovalRequired"),  # LangGraph and pydantic-ai: first somebody is asked
    )
)
"""Names of exceptions which say that somebody stopped a call, and not that it failed."""

_KNOWN_BY_NAME: Final = ("builtins", RunstoneError.__module__)
"""Modules of which an exception's class is told by its name alone."""

PATIENCE_S: Final = 1.0
"""So long a call waits for another thread that tells a contract; then it is told twice."""


class Call:
    """One call of a run. `around` is the call that its context named when it began, of whatever run, over or not."""

    __slots__ = ("around", "children", "id", "over", "run", "started_ns")

    def __init__(self, run: Run, identity: str) -> None:
        self.run = run
        self.id = identity
        self.around = AROUND.get()
        self.over = False
        self.children: tuple[str, ...] = ()
        self.started_ns = run.writer.monotonic_ns()

    def end(self) -> None:
        """It is over, and keeps no other that is."""
        self.over = True
        self.around = going_on(self.around)

    @property
    def outer(self) -> Call | None:
        """The nearest call around it that is going on, of whatever run."""
        return going_on(self.around)

    @property
    def parent(self) -> str | None:
        """The id of the innermost call around it that the same run records."""
        outer = _of_run(self.outer, self.run)
        return None if outer is None else outer.id

    def yielded(self, item: Any) -> None:
        """It has yielded an item. Of a call of a tool that is kept (`engine.tool_call`)."""

    @property
    def told(self) -> dict[str, Any]:
        """Optional members of its answer: the run that it started, and all of them where there are several."""
        runs = self.children
        if not runs:
            return {}
        return {"child": runs[0], "children": list(runs)} if len(runs) > 1 else {"child": runs[0]}

    @property
    def duration_ns(self) -> int:
        """How long it has been going on."""
        return max(0, self.run.writer.monotonic_ns() - self.started_ns)


AROUND: Final[ContextVar[Call | None]] = ContextVar("runstone_call", default=None)


def going_on(call: Call | None) -> Call | None:
    """A call, or where it is over the nearest one around it that is not."""
    while call is not None and call.over:
        call = call.around
    return call


def call_around(run: Run) -> Call | None:
    """The innermost call of a run that is going on in this context."""
    return _of_run(going_on(AROUND.get()), run)


def _of_run(call: Call | None, run: Run) -> Call | None:
    while call is not None and call.run is not run:
        call = call.outer
    return call


class Within:
    """A block that runs as a part of a call, or of none: calls that are made in it are its children."""

    __slots__ = ("_before", "_call")

    def __init__(self, call: Call | None) -> None:
        self._call = call

    def __enter__(self) -> None:
        self._before = AROUND.get()
        AROUND.set(self._call)

    def __exit__(self, *_: object) -> None:
        AROUND.set(self._before)


class Calls:
    """What a run counts of its calls, and what rules over them. `outer` is that of the run that it is a part of,
    `heard` what the run takes out of exceptions (`JournalWriter.heard`).

    Safe to share between threads. One lock for a whole family of runs: of two calls that would take the last of a
    budget, one has it.
    """

    __slots__ = (
        *("__weakref__", "_numbers", "_telling", "_told", "approver", "heard", "known", "lock", "outer"),
        *("policy", "prices", "spent", "taken", "tools"),
    )

    def __init__(self, outer: Calls | None, heard: list[Redactor]) -> None:
        self.outer = outer
        self.heard = heard
        self.lock: _thread.RLock = _thread.RLock() if outer is None else outer.lock
        self.policy: CallPolicy | None = None
        self.approver: Approver | None = None
        self.prices: PriceTable | None = None
        self.spent = Spent()
        self.tools: dict[str, Spent] = {}
        """By the name of the tool; of the outermost run alone, which counts for all that are a part of it."""
        self.known: dict[str, Contracted] = {}
        """Contracts that are made ready, by digest."""
        self.taken: set[str] = set()
        """What contracts took out of arguments of calls that failed: the run may end with the same exception."""
        self._numbers = count(1)
        self._telling = _thread.allocate_lock()
        self._told: set[str] = set()
        _ALL.add(self)

    def next_id(self) -> str:
        """The id of the next call of a tool or model."""
        return f"call-{next(self._numbers)}"

    def chain(self) -> Iterator[Calls]:
        """This one and those of the runs that it is a part of, the outermost last."""
        calls: Calls | None = self
        while calls is not None:
            yield calls
            calls = calls.outer

    def renew_locks(self) -> None:
        """Have locks that nobody holds."""
        self.lock, self._telling = _thread.RLock(), _thread.allocate_lock()

    @property
    def ruled(self) -> bool:
        """Whether a policy rules over the calls of this run."""
        calls: Calls | None = self
        while calls is not None:
            if calls.policy is not None:
                return True
            calls = calls.outer
        return False

    @property
    def price_table(self) -> PriceTable | None:
        """The prices in force: of the nearest run that has any."""
        return next((calls.prices for calls in self.chain() if calls.prices is not None), None)

    def take(self, tool: str, limits: Limits, told: dict[str, Any], now_ns: int) -> Fired | None:
        """Count one call of a tool, whose contract sets limits; or the rule that fires on it, and it does not count."""
        with self.lock:
            found = self._exceeded(tool, limits, told, now_ns)
            if found is None:
                self.count(tool, limits.kept, now_ns)
        return found

    def count(self, tool: str, kept: int, now_ns: int) -> None:
        """Count one call of a tool, whatever rules over it; `kept` is how many of its calls its contract's rate tells
        apart."""
        with self.lock:
            for calls in self.chain():
                calls.spent.count(now_ns, 0 if calls.policy is None else calls.policy.limits.kept)
            self._of_tool(tool).count(now_ns, kept)

    def give_back(self, tool: str, at_ns: int) -> None:
        """A call that was counted then was not let through after all."""
        with self.lock:
            for calls in self.chain():
                calls.spent.give_back(at_ns)
            self._of_tool(tool).give_back(at_ns)

    def used_up(self) -> Fired | None:
        """The rule that fires on a call of a model: its tokens and its cost are limited, too."""
        currency = self._currency
        with self.lock:
            for calls in self.chain():
                policy = calls.policy
                if policy is not None and (rule := policy.limits.used_up(calls.spent, currency)) is not None:
                    return rule, policy.told
        return None

    def spend(
        self, call: Call | None, model: str | None, usage: Mapping[str, int], within: Iterable[str] = ()
    ) -> int | None:
        """Count tokens that a call used, in its run, in those around it, and in the tools that it is a part of, or was
        in a record (`within`); answers what they cost (`core.tools.prices`), or `None` where that is not known. A
        forked child counts nothing."""
        prices = self.price_table
        amount = None if prices is None or model is None else prices.amount(model, usage)
        currency = None if prices is None else prices.currency
        if call is not None and call.run.writer.inherited:
            return amount
        tokens = usage[TOKENS[0]] + usage[TOKENS[1]]
        names = _tools_around(call).union(within)
        with self.lock:
            for calls in self.chain():
                calls.spent.add(tokens, amount, currency, model)
            for name in names:
                self._of_tool(name).add(tokens, amount, currency, model)
        return amount

    def tell(self, contract: ToolContract, record: Callable[[str, Any, list[Any]], object]) -> None:
        """Record a tool's contract before its first call in this run."""
        if contract.sha256 in self._told:
            return
        held = self._telling.acquire(timeout=PATIENCE_S)  # who holds it may wait for what this thread is doing
        try:
            if contract.sha256 not in self._told:
                record("contract", {"sha256": contract.sha256, "document": contract.data}, [])
                self._told.add(contract.sha256)
        finally:
            if held:
                self._telling.release()

    def first_told(self, sha256: str) -> bool:
        """Whether a contract has not been told in this run; from now on it has."""
        with self._telling:
            first = sha256 not in self._told
            self._told.add(sha256)
        return first

    def _exceeded(self, tool: str, limits: Limits, told: dict[str, Any], now_ns: int) -> Fired | None:
        currency = self._currency
        for calls in self.chain():
            policy = calls.policy
            if policy is not None and (rule := policy.limits.exceeded(calls.spent, now_ns, currency)) is not None:
                return rule, policy.told
        if not limits.none and (rule := limits.exceeded(self._of_tool(tool), now_ns, currency)) is not None:
            return rule, told
        return None

    def _of_tool(self, tool: str) -> Spent:
        outermost = self
        while outermost.outer is not None:
            outermost = outermost.outer
        return outermost.tools.setdefault(tool, Spent())

    @property
    def _currency(self) -> str | None:
        prices = self.price_table
        return None if prices is None else prices.currency


_ALL: Final[WeakSet[Calls]] = WeakSet()


def renew_locks() -> None:
    """In a forked child: a thread of the parent may have held any of these, and is not here to let go."""
    for calls in list(_ALL):
        calls.renew_locks()
    for calls in list(_ALL):
        *_, outermost = calls.chain()
        calls.lock = outermost.lock


def _tools_around(call: Call | None) -> set[str]:
    """The names of the tools that a call is one of, or a part of."""
    names = set()
    while call is not None:
        if (tool := getattr(call, "tool", None)) is not None:
            names.add(tool)
        call = call.outer
    return names


def keepers_of(exc: BaseException) -> list[Redactor]:
    """What takes out of what an exception says what the calls and runs in this one, and those around it, keep out of
    the record."""
    return [*kept_out_of(exc), *_kept_out_around()]


def _kept_out_around() -> Iterator[Redactor]:
    """What takes out of a text what the contracts of the calls around keep out of the record.

    Those that are over, too: work that was begun in one may go on, and may quote its arguments.
    """
    call = AROUND.get()
    while call is not None:
        if taken := getattr(call, "taken", None):
            from runstone.engine.taken_out import TakenOut  # most calls take nothing out

            yield TakenOut(taken)
        call = call.around


def usage_of(input_tokens: Any, output_tokens: Any, cached_tokens: Any) -> dict[str, int]:
    """Counts of tokens as a call tells them; what is no integer of 0 or more counts as 0."""
    counts = zip(TOKENS, (input_tokens, output_tokens, cached_tokens), strict=True)
    return {name: value if type(value) is int and value >= 0 else 0 for name, value in counts}


def status_of(exc: BaseException) -> str:
    """How a call ended that raised."""
    stopped = any(kind.__name__ in _STOPS for kind in type(exc).__mro__)
    return CANCELLED if stopped else ERROR


def left_early(items: int) -> dict[str, str]:
    """What is recorded as the error of a generator whose caller wanted no more of it, after so many items."""
    return {"type": GeneratorExit.__name__, "message": f"left by its caller after {items} item{'s' * (items != 1)}"}


def type_of(exc: BaseException) -> dict[str, str]:
    """How the class of an exception is recorded: its name (`type`), and where that alone does not tell it `class`."""
    kind = type(exc)
    known = text_of(kind.__module__) in _KNOWN_BY_NAME
    return {"type": kind.__name__} if known else {"type": kind.__name__, "class": class_name(kind)}


def class_name(kind: type) -> str:
    """The name of a class behind that of its module."""
    return f"{text_of(kind.__module__)}.{kind.__qualname__}"


def failure_of(run: Run, exc: BaseException) -> dict[str, str]:
    """What a call raised, as it is recorded: without what calls and runs in it, or around it, keep out of theirs."""
    message = without_heard(text_of(exc), keepers_of(exc))
    return {**type_of(exc), "message": shorten_for(run)(message, MESSAGE_CHARACTERS)}


def shorten_for(run: Run) -> Callable[[str, int], str]:
    """How a text is cut without dividing a secret."""
    return partial(beginning, run.redactor)
