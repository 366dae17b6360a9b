"""A call of a tool while it goes on: what its caller tells of it, as a block or from within the work.

What becomes of it in the record is the business of `engine.tools`.
"""

from __future__ import annotations

from runstone.core.bounding import MAX_ITEMS
from runstone.core.values import TRUNCATED
from runstone.core.words import TOKENS
from runstone.engine.calls import AROUND, Call, usage_of
from runstone.engine.facts import maybe_text
from runstone.engine.governing import records_nothing, refused, told_of
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, Final

    from runstone.core.values import Mark
    from runstone.engine.governing import Admission
    from runstone.engine.recorder import Run
    from runstone.engine.tools import Tool


BY_FUNCTION: Final = object()
"""In the place of a block's call: it was made as that of a function."""
MAX_ITEMS_BYTES: Final = 1 << 20
"""Of all that a generator has yielded, what is recorded at most."""


class ToolCall(Call):
    """A call of a tool that is going on. `id` is its id in the record, empty where none is made."""

    __slots__ = (
        "_amount",
        "_items",
        "_items_bytes",
        "_items_marks",
        "_models",
        "_tool",
        "_usage",
        "_value",
        "admission",
        "attempts",
        "contract",
        "form",
        "limits",
        "taken",
        "tool",
    )

    def __init__(self, run: Run, identity: str, tool: Tool) -> None:
        super().__init__(run, identity)
        self._tool = tool
        self.tool = tool.name
        self.contract = tool.contract
        self.limits = tool.limits
        self.admission: Admission | None = None
        self.taken: set[str] = set()
        self.attempts = 1
        self.form: str | None = None
        """How the work went on behind the answer of a plain function: see `engine.tools`."""
        self._amount: int | None = 0
        self._items: list[Any] = []
        self._items_bytes = 0
        self._items_marks: list[Mark] = []
        self._models: list[str] = []
        self._usage: dict[str, int] = {}
        self._value: Any = None

    def returned(self, value: Any) -> None:
        """What the tool answered. Without it the result is null."""
        self._value = value

    def yielded(self, item: Any) -> None:
        """The tool has yielded an item: as much of all of them is recorded as is worth a line."""
        if not self.id or self._items_bytes >= MAX_ITEMS_BYTES or len(self._items) > MAX_ITEMS:
            return
        if len(self._items) == MAX_ITEMS:
            self._items_bytes = MAX_ITEMS_BYTES
        else:
            try:
                shown, marks, size = self._tool.shown_item(item, len(self._items))
            except Exception:  # a foreign object may raise anything, and the work goes on
                shown, marks, size = None, [], MAX_ITEMS_BYTES
            self._items_bytes += size
            if self._items_bytes < MAX_ITEMS_BYTES:
                self._items.append(shown)
                self._items_marks += marks
                return
        self._items_marks.append(["/yielded", TRUNCATED])

    @property
    def items(self) -> tuple[list[Any], list[Mark]]:
        """What it has yielded, as it is recorded, and the marks of that."""
        return self._items, self._items_marks

    def attempt(self) -> int:
        """One more try; answers the how manieth. It counts as a call: raises `PolicyBlocked` where that is one too
        many, and `StoreUnavailable` where something rules over the call and the run records nothing any more."""
        if self.admission is not None:
            if not self.run.recording:
                raise refused(self, records_nothing(self.run))
            found = self.admission.take()
            if found is not None:
                raise self.admission.blocked(*found)
        elif self.id and self.run.recording:
            self.run.calls.take(self.tool, self.limits, told_of(self.contract), self.run.writer.monotonic_ns())
        self.attempts += 1
        return self.attempts

    def tried(self) -> None:
        """A replay says that it was called once more then; it counts, and is not kept from it."""
        replay = self.run.replay
        then_ns = None if replay is None else replay.at_ns(self)
        self.run.calls.count(self.tool, self.limits.kept, then_ns or self.started_ns)
        self.attempts += 1

    def usage(
        self, model: str | None = None, *, input_tokens: int = 0, output_tokens: int = 0, cached_tokens: int = 0
    ) -> None:
        """Tokens of a model that the tool used; a second call adds to the first. `input_tokens` are all of the input,
        `cached_tokens` how many of them came from a cache."""
        used = usage_of(input_tokens, output_tokens, cached_tokens)
        name = maybe_text(model)
        amount = self.run.calls.spend(self, name, used) if self.id else None
        self._usage = {key: self._usage.get(key, 0) + used[key] for key in TOKENS}
        self._amount = None if amount is None or self._amount is None else self._amount + amount
        if name is not None and name not in self._models:
            self._models.append(name)

    @property
    def value(self) -> Any:
        """What was given to `returned`."""
        return self._value

    @property
    def used(self) -> dict[str, Any]:
        """Optional members of its answer: `usage`, `cost` where all of it is known, `model` where it is one."""
        if not self._usage:
            return {}
        found: dict[str, Any] = {"usage": self._usage}
        prices = self.run.calls.price_table
        if self._amount is not None and prices is not None:
            found["cost"] = prices.cost(self._amount)
        if len(self._models) == 1:
            found["model"] = self._models[0]
        return found


class CallBlock:
    """A call of a tool as a block, of a `with` or an `async with` statement: what happens in it is the call. Or as the
    call of a function: `do`."""

    __slots__ = ("_args", "_before", "_call", "_parent", "_ref", "_tool")

    def __init__(self, tool: Tool, args: Any, ref: str | None, parent: str | None) -> None:
        self._tool = tool
        self._args = args
        self._ref = ref
        self._parent = parent
        self._call: ToolCall | object | None = None

    def do(self, function: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
        """Call a function of any kind; what it answers, yields and raises is that of the call, and goes through.

        A replay answers it from the record, which it cannot with a block.
        """
        self._once()
        self._call = BY_FUNCTION
        return done_by(self._tool, function, (self._args, self._ref, self._parent))(*args, **named)

    def __enter__(self) -> ToolCall:
        self._once()
        return self._entered(self._tool.enter(self._args, self._args, self._ref, self._parent))

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, _: TracebackType | None) -> None:
        call = self._call
        assert type(call) is ToolCall
        if AROUND.get() is call:  # else the end came in another task, and what is around there stays
            AROUND.set(self._before)
        if exc is None:
            self._tool.over(call, call.value)
        else:
            self._tool.fail(call, exc)

    async def __aenter__(self) -> ToolCall:
        self._once()
        return self._entered(await self._tool.enter_async(self._args, self._args, self._ref, self._parent))

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, exc, trace)

    def _once(self) -> None:
        if self._call is not None:
            raise error("invalid_option", "a call is entered once: make one for each block", option="tool_call")

    def _entered(self, call: ToolCall) -> ToolCall:
        replay = call.run.replay
        if replay is not None and not replay.runs(call.tool):
            message = (
                f"tool {call.tool} is called as a block, which cannot be left out: "
                f"call it for real (--live {call.tool}), or use do()"
            )
            raise replay.refuse(message, replay.side_of(call))
        self._call = call
        self._before = AROUND.get()
        AROUND.set(call)
        return call


def done_by(tool: Tool, function: Any, asked: tuple[Any, str | None, str | None]) -> Callable[..., Any]:
    """A function whose call is a call of the tool that was asked for: its own arguments are not recorded."""
    from runstone.engine.wrapping import wrapped

    def recorder(inner: Any) -> Any:
        made = type(tool)(tool.run, tool.name, tool.contract, inner)
        made.asked = asked
        return made

    return wrapped(function, recorder, "tool")  # type: ignore[no-any-return]  # of the kind that it is given
