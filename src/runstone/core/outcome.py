"""The outcome digest: what must reproduce, without times, ids and hosts.

SHA-256 of the canonical bytes of one object with every key present (`docs/format/bundle-1.md`, section 5).
Lists are sorted by their items' canonical bytes, duplicates kept; only `warnings` keeps its order. Values are
hashed as recorded.
"""

from __future__ import annotations

from runstone.core.canonical import array_index, canonical_bytes, tokens
from runstone.core.digests import digest_of, sha256_hex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from runstone.core.digests import Digest
    from runstone.core.journal import Journal

VERSION: Final = "runstone-outcome/1"


def outcome_digest(journal: Journal) -> Digest:
    """`sha256:<hex>` of the run's outcome."""
    return digest_of(canonical_bytes(outcome(journal)))


def outcome(journal: Journal) -> dict[str, Any]:
    """The object whose canonical bytes are hashed."""
    opened, closed = journal.opened["data"], journal.closed["data"]
    return {
        "v": VERSION,
        "contract": contract_major(opened["contract"]),
        "kind": opened["kind"],
        "version": opened["version"],
        "status": closed["status"],
        "config": _config(journal),
        "inputs": _sorted([_artifact(data) for data in journal.data("input")]),
        "outputs": _sorted([_artifact(data) for data in journal.data("output")]),
        "checks": _sorted([[data["id"], data["status"]] for data in journal.data("check")]),
        "decision": _decision(journal),
        "scores": _sorted([[data["name"], data["value"]] for data in journal.data("score")]),
        "tools": _tools(journal),
        "result": None if closed["result"] is None else _sha256(closed["result"]),
        "exit": closed["exit"],
    }


def contract_major(contract: dict[str, Any]) -> str:
    """`<name>/<major>` of a contract's name and version."""
    return f"{contract['name']}/{contract['version'].partition('.')[0]}"


def _sha256(value: Any) -> str:
    return sha256_hex(canonical_bytes(value))


def _sorted(items: list[Any]) -> list[Any]:
    return sorted(items, key=canonical_bytes) if len(items) > 1 else items


def _artifact(data: dict[str, Any]) -> list[Any]:
    bound = data["sha256"] is not None
    return [data["name"], data["type"], data["sha256"], None if bound else data["ref"]]


def _config(journal: Journal) -> str | None:
    event = journal.last("config")
    if event is None:
        return None
    value = event["data"]["value"]
    for pointer in event["data"]["volatile"]:
        value = without(value, pointer)
    return _sha256(value)


def without(value: Any, pointer: str) -> Any:
    """A copy of `value` without the member that a JSON Pointer names; `value` itself if there is none.

    An element of an array becomes null, so that the others keep their places.
    """
    return _without(value, tokens(pointer)) if pointer.startswith("/") else value


def _without(value: Any, path: list[str]) -> Any:
    key, *rest = path
    if isinstance(value, dict) and key in value:
        copy = dict(value)
        if rest:
            copy[key] = _without(value[key], rest)
        else:
            del copy[key]
        return copy
    index = array_index(key, value)
    if index is None:
        return value
    items = list(value)
    items[index] = _without(items[index], rest) if rest else None
    return items


def _decision(journal: Journal) -> dict[str, Any] | None:
    data = run_decision(journal)
    if data is None:
        return None
    fields = ("id", "status", "reason_code", "measured", "threshold")
    return {
        "outcome": data["outcome"],
        "risk_level": data["risk_level"],
        "score": data["score"],
        "block_reason": data["block_reason"],
        "warnings": data["warnings"],
        "rules": _sorted([[rule.get(field) for field in fields] for rule in data["rules"]]),
        "policy": (data["policy"] or {}).get("sha256"),
    }


def run_decision(journal: Journal) -> dict[str, Any] | None:
    """The run's own decision: the last that belongs to no tool call."""
    found = None
    for data in journal.data("decision"):
        if data["call"] is None:
            found = data
    return found


def _tools(journal: Journal) -> list[Any]:
    items: list[Any] = []
    for called, returned in tool_calls(journal):
        result = None if returned is None or returned["result"] is None else _sha256(returned["result"])
        status = "open" if returned is None else returned["status"]
        items.append([called["name"], _sha256(called["args"]), result, status])
    return _sorted(items)


def tool_calls(journal: Journal) -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Each `tool.called` with its `tool.returned`, or with `None` where the run ended first; in order of calling."""
    calls: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {}
    for event in journal.events("tool.called", "tool.returned"):
        data = event["data"]
        if event["type"] == "tool.called":
            calls.setdefault(data["call"], (data, None))
        elif data["call"] in calls:
            calls[data["call"]] = (calls[data["call"]][0], data)
    return list(calls.values())
