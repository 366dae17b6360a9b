"""What a run tells of who acts in it: tools and models that are called, what rules over them, what was retrieved, and
how good it was.

Here is what the words mean; what happens is in the modules that they import when they are first used: most runs never
say any of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from runstone.core.tools.approval import Approver
    from runstone.core.tools.contract import ToolContract
    from runstone.core.tools.prices import PriceTable
    from runstone.core.tools.rules import CallPolicy
    from runstone.engine.calls import Calls
    from runstone.engine.tool_call import CallBlock, ToolCall

    Function = TypeVar("Function", bound=Callable[..., Any])
    Source = str | os.PathLike[str] | Mapping[str, Any]


class Acting:
    """The methods of `Run` that an agent's run has use for."""

    _calls: Calls | None = None

    @property
    def calls(self) -> Calls:
        """What is counted of the run's calls, and what rules over them. The kernel's own."""
        found = self._calls
        if found is None:
            from runstone.engine.calls import Calls

            made: Calls = self.__dict__.setdefault("_calls", Calls(None))  # of two threads one makes it
            return made
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

        return tool_of(self, contract, name)  # type: ignore[arg-type]  # it is a run

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

        return call_of(self, name, args, contract, ref, parent)  # type: ignore[arg-type]  # it is a run

    def govern(
        self,
        policy: CallPolicy | Source | None = None,
        approver: Approver | None = None,
        prices: PriceTable | Source | None = None,
    ) -> None:
        """Have a policy rule over the calls of this run, and of its children in this process, from now on.

        `approver` is asked where a policy or a contract wants it: it is given an `ApprovalRequest` and answers an
        `Approval`, a yes or no, or `None`; for calls in a task it may be asynchronous. `prices` say what tokens cost.
        What is not given stays as it is. Raises `invalid_call_policy`, `invalid_price_table`, `file_not_found`,
        `invalid_option`.
        """
        from runstone.engine.governing import govern

        govern(self, policy, approver, prices)  # type: ignore[arg-type]  # it is a run

    def _started(self, child: Any) -> None:
        """A run that is a part of this one was opened: what rules over this one rules over it, and the call around it
        tells of it."""
        from runstone.engine.calls import Calls, call_around

        if isinstance(child, Acting):
            child._calls = Calls(self.calls)  # noqa: SLF001  # of this class
            call = call_around(self)  # type: ignore[arg-type]  # it is a run
            if call is not None:
                call.children = (*call.children, child.run_id)  # type: ignore[attr-defined]  # the same
