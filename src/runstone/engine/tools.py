"""Calls of tools as they happen: what is asked before, what is recorded of each, and what it used.

- A call is recorded before it is made: `tool.called`, then a decision where a rule fires, then `tool.returned`. The
  contract of a tool comes before its first call.
- What the tool answers, yields and raises goes through unchanged. Arguments that do not fit its contract raise before
  it is called; a result that does not fit is told, as the work is done.
- A record that is lost stops no tool, unless something rules over it (`engine.governing`): that is not called then.
- What a contract takes out of the arguments is taken out of what the call raises as well.
"""

from __future__ import annotations

from types import AsyncGeneratorType, CoroutineType, GeneratorType

from runstone.core.bounding import Bounded
from runstone.core.canonical import canonical_bytes
from runstone.core.tools.contract import ToolContract
from runstone.core.tools.limits import limits_of_contract
from runstone.core.tools.reach import reaches
from runstone.core.values import TRUNCATED, Coerced, coerce, with_encoded_bytes
from runstone.engine.calls import BLOCKED, CANCELLED, ERROR, OK, Call, failure_of, left_early, shorten_for, status_of
from runstone.engine.driving import drive, drive_async
from runstone.engine.facts import maybe_text, text_of
from runstone.engine.governing import Admission, is_block_of, records_nothing, refused
from runstone.engine.taken_out import hear
from runstone.engine.tool_call import CallBlock, ToolCall
from runstone.engine.wrapping import Parameters, async_yielding, awaited, wrapped, yielded
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from runstone.core.values import Mark
    from runstone.engine.contracted import Contracted
    from runstone.engine.recorder import Run


class Tool:
    """How calls of one tool are recorded in a run. Safe to share between threads."""

    def __init__(self, run: Run, name: str, contract: ToolContract | None, function: Any = None) -> None:
        self.run = run
        self.name = name
        self.contract = contract
        self.asked: tuple[Any, str | None, str | None] | None = None
        """What a call is recorded to be, whatever the function is called with (`CallBlock.do`)."""
        self.function = function
        if run.replay is not None and not run.replay.runs(name):
            from runstone.engine.replay.answering import stand_in

            self.function = stand_in(function)
        self.limits = limits_of_contract(None if contract is None else contract.budget)
        self._asks = contract is not None and (contract.approval == "always" or not self.limits.none)
        self._contracted = None if contract is None else contracted(run, contract)
        self._parameters = Parameters(function)
        known = None if contract is None else contract.arguments
        found = self._parameters.defaults.items()
        self._defaults = {name: value for name, value in found if known is None or reaches(known, [name])}

    def begin(self, args: tuple[Any, ...], named: dict[str, Any]) -> ToolCall:
        """It is called as a function."""
        return self.enter(*self._asked(args, named))

    async def begin_async(self, args: tuple[Any, ...], named: dict[str, Any]) -> ToolCall:
        """The same in a task."""
        return await self.enter_async(*self._asked(args, named))

    def _asked(self, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any, str | None, str | None]:
        """The arguments that the tool will have, those among them that its caller gives, and `ref` and `parent`."""
        if self.asked is not None:
            told, ref, parent = self.asked
            return told, told, ref, parent
        given = self._parameters.named(args, named)
        return {**self._defaults, **given} if self._defaults else given, given, None, None

    def enter(self, args: Any, given: Any, ref: str | None, parent: str | None) -> ToolCall:
        """Record that it is called, and ask what rules over it; raises what keeps it from being called.

        `args` are recorded and ruled over; of these the contract is about what the caller has `given`.
        """
        call = self._called(args, given, ref, parent)
        if call.admission is not None:
            try:
                drive(call.admission.steps())
            except BaseException as exc:
                self.fail(call, exc, blocked=True)
                raise
        return call

    async def enter_async(self, args: Any, given: Any, ref: str | None, parent: str | None) -> ToolCall:
        """The same in a task."""
        call = self._called(args, given, ref, parent)
        if call.admission is not None:
            try:
                await drive_async(call.admission.steps())
            except BaseException as exc:
                self.fail(call, exc, blocked=True)
                raise
        return call

    def end(self, call: ToolCall, result: Any, items: int | None = None) -> Any:
        """It answered, after so many items where it yields. What goes on after the answer is a part of the call."""
        if items is None and type(result) in _GOING_ON:
            call.form, going_on = _GOING_ON[type(result)]
            return going_on(self, call, result)
        self.over(call, result, items)
        return result

    def over(self, call: ToolCall, result: Any, items: int | None = None) -> None:
        """It answered, and nothing of it goes on."""
        call.end()
        if call.id and call.run.writer.recording:
            self._ended(call, result, items)

    def left(self, call: ToolCall, items: int) -> None:
        """Its caller wanted no more than so many items."""
        call.end()
        if call.id:
            more, marks = self._yielded(call)
            self._returned(call, CANCELLED, None, left_early(items), marks, {**more, "items": items})

    def fail(self, call: ToolCall, exc: BaseException, *, blocked: bool = False) -> None:
        """It raised, or was `blocked` and not called. Whatever becomes of this record, the exception goes on."""
        call.end()
        if not call.id:
            return
        if blocked:
            call.attempts = 0
        status = status_of(exc)
        if status == ERROR and (blocked or is_block_of(exc, call)):
            status = BLOCKED
        try:
            if call.taken:
                hear(call, exc)
            more, marks = self._yielded(call)
            failure: dict[str, Any] = failure_of(call.run, exc)
            if status == ERROR and isinstance(exc, RunstoneError):
                from runstone.engine.own_errors import told_of_own

                own, places = told_of_own(call.run, exc)
                failure, marks = {**failure, **own}, [*marks, *places]
            self._returned(call, status, None, failure, marks, more)
        except Exception:  # of a strict run
            return

    def _called(self, args: Any, given: Any, ref: str | None, parent: str | None) -> ToolCall:
        run, calls = self.run, self.run.calls
        ruled = self._asks or calls.ruled
        if not run.recording:
            return self._unrecorded(ruled=ruled, given=given)
        call = ToolCall(run, calls.next_id(), self)
        recorded, marks = self._shown(args)
        data = {"call": call.id, "parent": call.parent if parent is None else parent, "name": self.name}
        contract = self.contract
        if contract is not None:
            data |= {"contract_sha256": contract.sha256, "side_effect": contract.side_effect}
        else:
            data["contract_sha256"] = None
        if ref is not None:
            data["ref"] = ref
        data["args"] = recorded
        record = run.writer.surely if ruled else run.writer.record
        try:
            if contract is not None:
                calls.tell(contract, record)
            record("tool.called", data, marks)
        except RunstoneError as exc:
            if ruled:
                raise refused(call, exc) from exc
            raise
        if run.replay is not None:
            run.replay.called(call, "tool.called", data, marks)
        if self._contracted is not None:
            call.taken = self._contracted.taken(args)
        self._check(call, given)
        if ruled:
            try:
                call.admission = Admission(call, args, self._held(args), recorded)
            except RunstoneError as exc:  # they nest too deep for any rule, or nobody knows their names
                self.fail(call, exc, blocked=True)
                raise
        else:
            calls.take(self.name, self.limits, {}, call.started_ns)
        return call

    def _held(self, args: Any) -> Any:
        """Arguments as rules see them: what their models hold, whatever they are dumped to."""
        if self._contracted is not None:
            return self._contracted.held(args)
        from runstone.engine.spelling import held_by_name  # rules are few, and models fewer

        return held_by_name(args, sure=True)

    def _unrecorded(self, *, ruled: bool, given: Any) -> ToolCall:
        """A call that no run records: not made if something rules over it, else checked all the same."""
        call = ToolCall(self.run, "", self)
        if ruled:
            raise refused(call, records_nothing(self.run))
        if self.run.replay is not None:
            raise self.run.replay.refuse(f"tool {self.name} is called when the run records nothing any more")
        self._check(call, given)
        return call

    def _check(self, call: ToolCall, given: Any) -> None:
        problems = [] if self._contracted is None else self._contracted.problems(given)
        if problems:
            first = problems[0]
            message = (
                f"tool {self.name}: its arguments do not fit its contract: {first['path'] or '/'} {first['message']}"
            )
            invalid = error("invalid_arguments", message, tool=self.name, problems=problems)
            if call.id:
                call.attempts = 0
                failure = {"type": invalid.code, "message": message}
                self._returned(call, ERROR, None, failure, [], {"problems": problems})
            raise invalid

    def _shown(self, args: Any) -> tuple[Any, list[Mark]]:
        shorten = shorten_for(self.run)
        if self._contracted is not None:
            return self._contracted.args(args, shorten)
        bounded = Bounded(shorten, "args")
        return bounded.value(args), bounded.marks

    def _ended(self, call: ToolCall, result: Any, items: int | None) -> None:
        more, kept = self._yielded(call)
        if items is not None:
            more["items"] = items
        shorten, known = shorten_for(call.run), self._contracted
        if known is None:
            bounded = Bounded(shorten, "result")
            value, marks = bounded.value(result), bounded.marks
        else:
            value, marks = known.result(result, shorten)
            if items is None and (problems := known.result_problems(result)):
                more["problems"] = problems
        marks = [*marks, *kept]
        if "problems" in more and call.run.writer.strict:
            message = f"tool {self.name} answered what does not fit its contract"
            self._returned(call, ERROR, value, {"type": "invalid_result", "message": message}, marks, more)
            raise error("invalid_result", message, tool=self.name, problems=more["problems"])
        self._returned(call, OK, value, None, marks, more)

    def shown_item(self, item: Any, number: int) -> tuple[Any, list[Mark], int]:
        """What may be recorded of an item that it yields, with the marks, and of how many bytes that is."""
        value: Any
        if self._contracted is None:
            bounded = Bounded(shorten_for(self.run), "yielded", str(number))
            value, marks = bounded.value(item), bounded.marks
        else:
            value, marks = self._contracted.item(item, number, shorten_for(self.run))
        return of_item(value, marks, number)

    def _yielded(self, call: ToolCall) -> tuple[dict[str, Any], list[Mark]]:
        """Optional members of an answer: how the work went on, and what was yielded."""
        told: dict[str, Any] = {} if call.form is None else {"form": call.form}
        items, marks = call.items
        if items or marks:
            told["yielded"] = items
        return told, marks

    def _returned(
        self,
        call: ToolCall,
        status: str,
        result: Any,
        failure: Any,
        marks: list[Mark],
        more: Mapping[str, Any] | None = None,
    ) -> None:
        writer = call.run.writer
        if not writer.recording:
            return
        data = {"call": call.id, "status": status, "result": result, "error": failure}
        data |= {"duration_ns": call.duration_ns, "attempts": call.attempts}
        data |= {**call.told, **call.used, **(more or {})}
        if call.run.replay is not None:
            call.run.replay.returned(call, "tool.returned", data, marks)
        writer.record("tool.returned", data, marks)


def tool_of(run: Run, contract: Any, name: str | None) -> Callable[[Any], Any]:
    """The decorator of `Run.tool`."""
    known = None if contract is None else ToolContract.of(contract)

    def decorated(function: Any) -> Any:
        def recorder(inner: Any) -> Tool:
            agreed = known
            if agreed is None:
                from runstone.engine.functions import contract_of_function

                agreed = contract_of_function(inner, **({} if name is None else {"name": name}))
            return Tool(run, agreed.name if name is None else text_of(name), agreed, inner)

        return wrapped(function, recorder, "tool")

    return decorated


def call_of(run: Run, name: str, args: Any, contract: Any, ref: Any, parent: Any) -> CallBlock:
    """The block of `Run.tool_call`."""
    known = None if contract is None else ToolContract.of(contract)
    around = parent.id if isinstance(parent, Call) else maybe_text(parent)
    given = {} if args is None and known is not None else args  # called with nothing, which a contract may allow
    return CallBlock(Tool(run, text_of(name), known), given, maybe_text(ref), around)


def contracted(run: Run, contract: ToolContract) -> Contracted:
    """A contract made ready for the calls of a run."""
    known = run.calls.known
    found = known.get(contract.sha256)
    return known.setdefault(contract.sha256, run.store.contracted(contract)) if found is None else found


def _awaited(tool: Tool, call: ToolCall, work: Any) -> Any:
    return awaited(tool, call, lambda: work)


def _items_of(tool: Tool, call: ToolCall, generator: Any) -> Any:
    return yielded(tool, call, generator)


def _items_async_of(tool: Tool, call: ToolCall, generator: Any) -> Any:
    async def begun(_: tuple[Any, ...], __: dict[str, Any]) -> Call:
        return call

    return async_yielding(tool, begun, lambda: generator)()


def of_item(value: Any, marks: list[Mark], number: int) -> tuple[Any, list[Mark], int]:
    """An item as it is told among the others: what it is now, whatever becomes of it, its marks, its size."""
    try:
        tree, coerced = coerce({"yielded": value})
        size = len(canonical_bytes(with_encoded_bytes(tree)))
    except RunstoneError:
        return None, [[f"/yielded/{number}", TRUNCATED]], 0
    here = [[f"/yielded/{number}{place.removeprefix('/yielded')}", mark] for place, mark in coerced]
    return Coerced(tree["yielded"]), [*marks, *here], size


_GOING_ON = {
    GeneratorType: ("generator", _items_of),
    CoroutineType: ("coroutine", _awaited),
    AsyncGeneratorType: ("async generator", _items_async_of),
}
"""Answers of a plain function behind which the work is still to be done, as `form` names them."""
