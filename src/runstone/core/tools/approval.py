"""Approvals: what somebody is asked before a call, and what they say."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from runstone.core.tools.contract import ToolContract

    Approver = Callable[["ApprovalRequest"], Any]
    """Answers an `Approval`, a yes or no, or `None`; one for calls in a task may answer by `await`."""

APPROVED: Final = "approved"
REFUSED: Final = "refused"
UNANSWERED: Final = "unanswered"


class Approval:
    """An answer: whether the call may be made, who says so, and why."""

    __slots__ = ("approved", "by", "reason")

    def __init__(self, approved: bool, by: str, reason: str = "") -> None:
        self.approved = approved
        self.by = by
        self.reason = reason

    def __repr__(self) -> str:
        return f"<Approval {self.outcome} by {self.by}>"

    @property
    def outcome(self) -> str:
        """`approved` or `refused`."""
        return APPROVED if self.approved is True else REFUSED


class ApprovalRequest:
    """What is asked: `tool`, its `contract` or `None`, `args` as they were given, the `rule` that asks, `run_id` and
    `call`."""

    __slots__ = ("args", "call", "contract", "rule", "run_id", "tool")

    def __init__(
        self, tool: str, contract: ToolContract | None, args: Any, rule: dict[str, Any], run_id: str, call: str
    ) -> None:
        self.tool = tool
        self.contract = contract
        self.args = args
        self.rule = rule
        self.run_id = run_id
        self.call = call

    def __repr__(self) -> str:
        return f"<ApprovalRequest {self.tool} {self.call}>"


def answered(answer: Any) -> Approval | None:
    """What an approver's answer means; `None` for anything that is neither an approval nor a yes or no."""
    if isinstance(answer, Approval):
        return answer
    return Approval(answer, "") if isinstance(answer, bool) else None
