"""What rules over a call of a tool, in order: what is forbidden, what is used up, who must be asked.

- What comes of it is recorded before the call is made or refused: a decision with the rule that fired, and who approved
  or refused, when. What cannot be recorded is not done.
- A policy rules over the run that it was given to and over the runs that are a part of it, in this process; a part may
  add a policy of its own, and takes none away. Who is asked is the approver beside the policy, or one further out.
- A call that waits for an approval is counted, and given back where it is refused: of two that wait, both may be made.
"""

from __future__ import annotations

import os

from runstone.core.policy.decision import ALLOW, BLOCK, PASS, Decision
from runstone.core.policy.loading import document_of
from runstone.core.policy.rule import Facts
from runstone.core.tools.approval import APPROVED, UNANSWERED, ApprovalRequest, answered
from runstone.core.tools.limits import fired, limits_of_contract
from runstone.core.tools.prices import PriceTable
from runstone.core.tools.rules import CODE, Asked, CallPolicy
from runstone.core.values import COERCED, coerce
from runstone.engine.driving import Asking
from runstone.engine.facts import maybe_text
from runstone.engine.taken_out import without_taken
from runstone.errors import PolicyBlocked, RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final, TypeVar

    from runstone.core.tools.approval import Approval, Approver
    from runstone.core.tools.contract import ToolContract
    from runstone.engine.calls import Call, Calls, Fired
    from runstone.engine.driving import Steps
    from runstone.engine.recorder import Run
    from runstone.engine.tool_call import ToolCall

    Loaded = TypeVar("Loaded", CallPolicy, PriceTable)

DECISION: Final = "decision"
MAX_BYTES: Final = 1 << 20
NOTHING: Final = limits_of_contract(None)


def govern(run: Run, policy: Any, approver: Approver | None, prices: Any, debug_key: Any) -> None:
    """Have these rule over the calls of a run from now on; what is not given stays as it is."""
    known = None if policy is None else load_call_policy(policy)
    table = None if prices is None else load_price_table(prices)
    if approver is not None and not callable(approver):
        raise error("invalid_option", "an approver is something that can be called", option="approver")
    if approver is not None and run.replay is not None:
        approver = run.replay.session.approver_for(approver)
    if debug_key is not None:
        from runstone.engine.debug_vault import check_key

        run.debug_key = check_key(debug_key)
    calls = run.calls
    with calls.lock:
        calls.policy = known or calls.policy
        calls.approver = approver or calls.approver
        calls.prices = table or calls.prices


def load_call_policy(source: Any) -> CallPolicy:
    """The policy of a file (`.json`, else TOML) or of a mapping; one that is loaded as it is.

    Raises `invalid_call_policy`, `file_not_found`.
    """
    return _loaded(source, CallPolicy, CODE)


def load_price_table(source: Any) -> PriceTable:
    """The prices of a file (`.json`, else TOML) or of a mapping; a table as it is.

    Raises `invalid_price_table`, `file_not_found`.
    """
    return _loaded(source, PriceTable, "invalid_price_table")


def _loaded(source: Any, kind: type[Loaded], code: str) -> Loaded:
    if isinstance(source, kind):
        return source
    if not isinstance(source, (str, os.PathLike)):
        return kind.of(source)
    path = os.fspath(source)
    return kind.of(document_of(_read(path, code), path, code), path)


def _read(path: str, code: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as exc:
        raise error("file_not_found", f"{path}: {exc}", path=path) from exc
    if len(data) > MAX_BYTES:
        raise error(code, f"{path}: over {MAX_BYTES} bytes", path=path)
    return data


class Admission:
    """One call that is to be let through or blocked. `args` are as they were given, `held` as the contract names them,
    `shown` as they are recorded."""

    __slots__ = ("_args", "_asked", "_at_ns", "_call", "_calls")

    def __init__(self, call: ToolCall, args: Any, held: Any, shown: Any) -> None:
        self._call = call
        self._calls: Calls = call.run.calls
        self._args = args
        contract = call.contract
        tree, marks = coerce(held)
        facts = Facts(tree, frozenset(at for at, mark in marks if mark == COERCED))
        effect = None if contract is None else contract.side_effect
        self._asked = Asked(call.tool, effect, facts, shown)
        self._at_ns = 0

    def steps(self) -> Steps:
        """Let the call through, or answer why not."""
        try:
            found = self._forbidden() or self.take()
            if found is not None:
                return None, self.blocked(*found)
            for approver, rules in self._approvals():
                approval, failure = yield from self._ask(approver, rules)
                if approval is None or approval.outcome != APPROVED or failure is not None:
                    self._calls.give_back(self._call.tool, self._at_ns)
                    return None, self._unapproved(approval, rules, failure)
                passed = [{**rule, "status": PASS, "reason_code": None} for rule, _ in rules]
                decide(self._call, {"tool": self._call.tool}, ALLOW, None, passed, rules[0][1])
        except RunstoneError as exc:
            return None, refused(self._call, exc)
        return None, None

    def take(self) -> Fired | None:
        """Count the call; or the rule that fires on one more."""
        call = self._call
        replay = call.run.replay
        then_ns = None if replay is None else replay.at_ns(call)
        self._at_ns = call.run.writer.monotonic_ns() if then_ns is None else then_ns
        return self._calls.take(call.tool, call.limits, told_of(call.contract), self._at_ns)

    def blocked(self, rule: dict[str, Any], document: dict[str, Any]) -> RunstoneError:
        """Record that a rule blocks the call; the error that says so."""
        return blocked_by(self._call, {"tool": self._call.tool}, rule, document)

    def _forbidden(self) -> Fired | None:
        for calls in self._calls.chain():
            policy = calls.policy
            if policy is not None and (rule := policy.forbids(self._asked)) is not None:
                return rule, policy.told
        return None

    def _approvals(self) -> list[tuple[Approver | None, list[Fired]]]:
        """Who is to be asked, each once, and by which rules."""
        found: list[tuple[Approver | None, list[Fired]]] = []
        for approver, rule, document in self._asking():
            rules = next((rules for known, rules in found if known is approver), None)
            if rules is None:
                found.append((approver, [(rule, document)]))
            else:
                rules.append((rule, document))
        return found

    def _asking(self) -> Iterator[tuple[Approver | None, dict[str, Any], dict[str, Any]]]:
        contract = self._call.contract
        if contract is not None and contract.approval == "always":
            rule = fired("contract.approval", "approval_needed", contract.side_effect, "always")
            yield _approver(self._calls), rule, told_of(contract)
        for calls in self._calls.chain():
            policy = calls.policy
            if policy is not None and (found := policy.needs_approval(self._asked)) is not None:
                yield _approver(calls), found, policy.told

    def _ask(self, approver: Approver | None, rules: list[Fired]) -> Steps:
        call = self._call
        answer, failure = None, None
        if approver is not None:
            rule = rules[0][0]
            request = ApprovalRequest(call.tool, call.contract, self._args, rule, call.run.run_id, call.id)
            answer, failure = yield Asking(approver, (request,), {})
        approval = answered(answer)
        data = {"call": call.id, "outcome": UNANSWERED, "by": None, "reason": None, "rule": rules[0][0]["id"]}
        if approval is not None:
            said = {"by": approval.by, "reason": approval.reason}
            clean = {name: without_taken(call, maybe_text(value)) or None for name, value in said.items()}
            data |= {"outcome": approval.outcome, **clean}
        call.run.writer.surely("approval", data, [])
        return approval, failure

    def _unapproved(
        self, approval: Approval | None, rules: list[Fired], failure: BaseException | None
    ) -> BaseException:
        rule, document = rules[0]
        reason = "approval_needed" if approval is None else "approval_refused"
        found = self.blocked({**rule, "reason_code": reason}, document)
        return found if failure is None else failure


def decide(
    call: Call,
    called: dict[str, Any],
    outcome: str,
    reason: str | None,
    rules: list[dict[str, Any]],
    document: dict[str, Any],
) -> dict[str, Any]:
    """Record what was decided of a call, of the `tool` or `model` that is called; answers the `data` of the event."""
    decision = Decision(outcome, None, None, reason, [], rules, called, document)
    data = {**decision.data(), "call": call.id}
    call.run.writer.surely(DECISION, data, [])
    return data


def blocked_by(call: Call, called: dict[str, Any], rule: dict[str, Any], document: dict[str, Any]) -> RunstoneError:
    """Record that a rule blocks a call; the error that says so."""
    reason = f"{rule['id']}: {rule['reason_code']}"
    decision = decide(call, called, BLOCK, reason, [rule], document)
    clean = call.run.redactor.tree(coerce(decision)[0], [])
    (kind, name), *_ = called.items()
    details = {"run_id": call.run.run_id, "call": call.id, **called, "rule": clean["rules"][0]}
    return error("tool_blocked", f"{kind} {name} is blocked: {reason}", **details, reason=reason, decision=clean)


def is_block_of(exc: BaseException, call: Call) -> bool:
    """Whether it is the call itself that a rule blocked, by one more try; not one that is a part of it."""
    if not isinstance(exc, PolicyBlocked):
        return False
    return (exc.details.get("run_id"), exc.details.get("call")) == (call.run.run_id, call.id)


def told_of(contract: ToolContract | None) -> dict[str, Any]:
    """What a decision says of a contract whose rule fired."""
    if contract is None:
        return {}
    return {"name": contract.name, "version": contract.version, "sha256": contract.sha256}


def refused(call: ToolCall, exc: RunstoneError) -> RunstoneError:
    """The error that a call is not made because it cannot be recorded."""
    return unrecorded(call.run, {"tool": call.tool}, exc)


def records_nothing(run: Run) -> RunstoneError:
    """Why nothing of a call can be recorded where its run is over, or another process's, or was never opened."""
    return error("store_unavailable", f"run {run.run_id} records nothing")


def unrecorded(run: Run, called: dict[str, Any], exc: RunstoneError) -> RunstoneError:
    """The same of a `tool` or a `model`."""
    (kind, name), *_ = called.items()
    message = f"{kind} {name} is not called: what rules over it asks for a record, and there is none: {exc.message}"
    return error("store_unavailable", message, run_id=run.run_id, **called, reason=exc.code)


def _approver(calls: Calls) -> Approver | None:
    return next((one.approver for one in calls.chain() if one.approver is not None), None)
