"""The documents of `agent/1`, in print profile `pretty-ascii`: what an agent was asked, did, cost and was worth.

- `run.json` stands in every bundle and points at the others, each of which is there only if what it tells of happened.
- Prompts and outputs of models are in no document: the journal has their sizes and digests only.
- `run.log` is derived, as references of checks lead into it.
- Total: any journal that can be sealed has its documents. What a program says in an optional member and is not of its
  type counts as not said.
"""

from __future__ import annotations

from runstone.contracts.agent import layout
from runstone.core.audit import Context
from runstone.core.calls import EVENTS, MODEL, TOOL, Calls, count, status_counts, text, total_cost, total_tokens
from runstone.core.canonical import canonical_bytes, pointer
from runstone.core.contract import DERIVED, Document, json_document
from runstone.core.evaluation.documents import evidence_document, gate_document, scorecard_document
from runstone.core.outcome import run_decision
from runstone.core.runlog import log_pieces
from runstone.core.totals import check_summary, duration_ms, git_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Final

    from runstone.core.calls import Call
    from runstone.core.events import Event
    from runstone.core.journal import Journal

NAME: Final = "agent"
VERSION: Final = "1"
PROFILE: Final = "pretty-ascii"


class AgentContract:
    """`agent/1`: what the readers of an agent's run artifacts depend on."""

    name: Final = NAME
    version: Final = VERSION

    def documents(self, journal: Journal) -> Iterator[Document]:
        """All documents of a run in the order of their paths, the derived log behind them."""
        calls = Calls(journal.events(*EVENTS))
        values = {
            layout.CONFIG: config_snapshot(journal),
            layout.GATE: gate_document(journal),
            layout.SCORECARD: scorecard_document(journal),
            layout.EVIDENCE: evidence_document(journal),
            layout.TOOL_CALLS: tool_calls(journal, calls),
        }
        found = {path: json_document(path, value, PROFILE) for path, value in values.items() if value is not None}
        found[layout.RUN] = json_document(layout.RUN, _run(journal, calls, found), PROFILE)
        yield from (found[path] for path in sorted(found))
        if journal.count("log"):
            yield Document(layout.LOG, lambda: log_pieces(journal), DERIVED)


CONTRACT: Final = AgentContract()


# config.snapshot.json


def config_snapshot(journal: Journal) -> dict[str, Any] | None:
    """The configuration, each of its values with where it came from; `None` where none was recorded."""
    event = journal.last("config")
    if event is None:
        return None
    value, sources, volatile = (event["data"][name] for name in ("value", "sources", "volatile"))
    values = [{"path": path, "value": leaf, "source": source} for path, leaf, source in _leaves(value, sources)]
    return {"config": value, "values": values, "sources": sources, "volatile": volatile}


def _leaves(value: Any, sources: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """JSON Pointer, value and source of each value that holds no others, in order; a source counts for all below it."""
    left: list[tuple[str, Any, Any]] = [("", value, sources.get(""))]
    while left:
        path, item, source = left.pop()
        if not isinstance(item, (dict, list)) or not item:
            yield path, item, source
            continue
        members = sorted(item.items()) if isinstance(item, dict) else enumerate(item)
        inner = [(path + pointer([str(name)]), one) for name, one in members]
        left += [(at, one, sources.get(at, source)) for at, one in reversed(inner)]


# tool_calls.json


def tool_calls(journal: Journal, calls: Calls) -> dict[str, Any] | None:
    """The calls of tools and of models in short; `None` where there was none."""
    tools, models = calls.of(TOOL), calls.of(MODEL)
    if not tools and not models:
        return None
    return {
        "run_id": journal.opened["data"]["run_id"],
        "calls": [_tool(call) for call in tools],
        "model_calls": [_model(call) for call in models],
        "contracts": calls.contracts,
    }


def _tool(call: Call) -> dict[str, Any]:
    problems = call.said("problems")
    return {
        **_any(call),
        "name": call.name,
        "contract_sha256": call.told["contract_sha256"],
        "side_effect": call.side_effect,
        "args": call.told["args"],
        "result": call.said("result"),
        "items": count(call.said("items")),
        "model": text(call.said("model")),
        "problems": problems if isinstance(problems, list) else [],
    }


def _model(call: Call) -> dict[str, Any]:
    return {
        **_any(call),
        "model": call.name,
        "answered_by": text(call.said("model")),
        "provider": text(call.told.get("provider")),
        "parameters": call.told.get("parameters"),
        "prompt": _sized(call.told.get("prompt"), "messages"),
        "output": _sized(call.said("output"), "chunks"),
        "finish_reason": text(call.said("finish_reason")),
    }


def _any(call: Call) -> dict[str, Any]:
    """What is told of a call of either kind."""
    return {
        "call": call.id,
        "parent": call.parent,
        "calls": call.calls,
        "runs": call.runs,
        "ref": text(call.told.get("ref")),
        "called_at": call.at,
        "status": call.status,
        "error": call.said("error"),
        "duration_ns": call.duration_ns,
        "attempts": call.attempts,
        "usage": call.usage,
        "cost": call.cost,
        "decisions": [_decision(event) for event in call.decisions],
        "approvals": [_approval(event) for event in call.approvals],
    }


def _sized(said: Any, how_many: str) -> dict[str, Any] | None:
    """A prompt or an output without its text."""
    if not isinstance(said, dict):
        return None
    return {"bytes": count(said.get("bytes")), "sha256": text(said.get("sha256")), how_many: count(said.get(how_many))}


def _decision(event: Event) -> dict[str, Any]:
    data = event["data"]
    return {"at": event["ts"], **{name: data[name] for name in ("outcome", "block_reason", "rules", "policy")}}


def _approval(event: Event) -> dict[str, Any]:
    data = event["data"]
    return {"at": event["ts"], **{name: text(data.get(name)) for name in ("outcome", "by", "reason", "rule")}}


# run.json


def _run(journal: Journal, calls: Calls, found: Mapping[str, Document]) -> dict[str, Any]:
    opened, closed = journal.opened["data"], journal.closed["data"]
    context = Context(journal.data("context"))
    config = found.get(layout.CONFIG)
    return {
        "contract": f"{NAME}/{VERSION}",
        "run_id": opened["run_id"],
        **context.asked,
        "agent": opened["kind"],
        "version": opened["version"],
        "status": closed["status"],
        "started_at": journal.opened["ts"],
        "ended_at": journal.closed["ts"],
        "duration_ms": duration_ms(journal),
        "error": _error(closed["error"]),
        "config": None if config is None else {"path": layout.CONFIG, "sha256": config.sha256()},
        "versions": {"runstone": opened["generator"]["version"], "git": git_of(journal), "providers": context.versions},
        "labels": opened["labels"],
        "links": opened["links"],
        "children": journal.array(lambda: journal.data("child")),
        "files": {name: path for name, path in layout.POINTERS.items() if name == "events" or path in found},
        "inputs": journal.array(lambda: journal.data("input")),
        "outputs": journal.array(lambda: journal.data("output")),
        "checks": journal.array(lambda: journal.data("check")),
        "decision": run_decision(journal),
        "counts": _counts(journal, calls),
        "tokens": total_tokens(call.usage for call in calls),
        "cost": total_cost(call.cost for call in calls),
        "models": _models(calls),
        "result": closed["result"],
    }


def _error(said: Any) -> dict[str, Any] | None:
    """An error in short: its traceback is in the journal."""
    if said is None:
        return None
    if not isinstance(said, dict):
        return {"type": None, "code": None, "message": said if isinstance(said, str) else _spelled(said)}
    return {name: text(said.get(name)) for name in ("type", "code", "message")}


def _spelled(value: Any) -> str:
    return canonical_bytes(value).decode()


def _counts(journal: Journal, calls: Calls) -> dict[str, Any]:
    approvals = [event for call in calls for event in call.approvals] + calls.approvals
    outcomes = [str(event["data"].get("outcome")) for event in approvals]
    closed = journal.closed["data"]
    return {
        "events": journal.index.count,
        "tool_calls": status_counts(calls.of(TOOL)),
        "model_calls": status_counts(calls.of(MODEL)),
        "approvals": {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))},
        "checks": check_summary(journal),
        "warnings": journal.index.warnings,
        "dropped": closed["dropped"],
        "redactions": closed["redactions"],
    }


def _models(calls: Calls) -> list[dict[str, Any]]:
    """What each model of each provider was used for, by the provider's name and the model's."""
    groups: dict[tuple[bool, str, str], list[Call]] = {}
    for call in calls.of(MODEL):
        provider = text(call.told.get("provider"))
        groups.setdefault((provider is not None, provider or "", call.name), []).append(call)
    return [
        {
            "provider": provider if named else None,
            "model": model,
            "calls": status_counts(group),
            "tokens": total_tokens(call.usage for call in group),
            "cost": total_cost(call.cost for call in group),
        }
        for (named, provider, model), group in sorted(groups.items(), key=lambda item: item[0])
    ]
