"""A second fold of contract `agent/1`, written from its page alone: the standard library, and no line of the kernel.

Sections are those of `docs/format/agent-1.md`.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

TOKENS = ("input_tokens", "output_tokens", "cached_tokens")


def text(value: Any) -> Any:
    return value if isinstance(value, str) else None


def count(value: Any) -> Any:
    return value if type(value) is int and 0 <= value < 2**53 else None


def printed(value: Any) -> bytes:
    """Profile `pretty-ascii`, for values whose numbers Python spells alike."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=True) + "\n").encode()


def compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Call:
    """4: a call with its answer."""

    def __init__(self, event: dict[str, Any], events: list[dict[str, Any]]) -> None:
        self.tool = event["type"] == "tool.called"
        self.told, self.at, self.at_seq = event["data"], event["ts"], event["seq"]
        kind = "tool.returned" if self.tool else "model.returned"
        below = [one["data"] for one in events[event["seq"] :] if one["type"] == kind]
        answers = [data for data in below if data["call"] == self.told["call"]]
        self.answer = answers[-1] if answers else None
        self.within: list[str] = []
        self.rulings: dict[str, list[dict[str, Any]]] = {"decision": [], "approval": []}

    def said(self, name: str) -> Any:
        return None if self.answer is None else self.answer.get(name)

    @property
    def status(self) -> str:
        return "open" if self.answer is None else text(self.answer["status"]) or ""

    @property
    def usage(self) -> Any:
        usage = self.said("usage")
        return {name: count(usage.get(name)) or 0 for name in TOKENS} if isinstance(usage, dict) else None

    @property
    def cost(self) -> Any:
        cost = self.said("cost")
        if not isinstance(cost, dict) or not text(cost.get("currency")) or not is_amount(cost.get("amount")):
            return None
        prices = cost.get("prices_sha256")
        known = prices if text(prices) and re.fullmatch("[0-9a-f]{64}", prices) else None
        return {"amount": cost["amount"], "currency": cost["currency"], "prices_sha256": known}

    def summary(self) -> dict[str, Any]:
        """4.1."""
        decisions = [
            {"at": one["ts"], **{name: one["data"][name] for name in ("outcome", "block_reason", "rules", "policy")}}
            for one in self.rulings["decision"]
        ]
        approvals = [
            {"at": one["ts"], **{name: text(one["data"].get(name)) for name in ("outcome", "by", "reason", "rule")}}
            for one in self.rulings["approval"]
        ]
        both = {
            "call": self.told["call"],
            "parent": text(self.told["parent"]),
            "calls": self.within,
            "runs": self.runs(),
            "ref": text(self.told.get("ref")),
            "called_at": self.at,
            "status": self.status,
            "error": self.said("error"),
            "duration_ns": count(self.said("duration_ns")),
            "attempts": count(self.said("attempts")) or 0,
            "usage": self.usage,
            "cost": self.cost,
            "decisions": decisions,
            "approvals": approvals,
        }
        return {**both, **(self._tool() if self.tool else self._model())}

    def runs(self) -> list[str]:
        """4.1: who was begun in it."""
        several, one = self.said("children"), self.said("child")
        return [run for run in (several if isinstance(several, list) else [one]) if text(run) is not None]

    def _tool(self) -> dict[str, Any]:
        effect = self.told.get("side_effect")
        problems = self.said("problems")
        return {
            **{name: self.told[name] for name in ("name", "contract_sha256", "args")},
            "side_effect": effect if effect in ("none", "read", "write", "irreversible") else None,
            "result": self.said("result"),
            "items": count(self.said("items")),
            "model": text(self.said("model")),
            "problems": problems if isinstance(problems, list) else [],
        }

    def _model(self) -> dict[str, Any]:
        def sized(value: Any, many: str) -> Any:
            if not isinstance(value, dict):
                return None
            return {
                "bytes": count(value.get("bytes")),
                "sha256": text(value.get("sha256")),
                many: count(value.get(many)),
            }

        return {
            "model": text(self.told["model"]) or "",
            "answered_by": text(self.said("model")),
            "provider": text(self.told["provider"]),
            "parameters": self.told["parameters"],
            "prompt": sized(self.told["prompt"], "messages"),
            "output": sized(self.said("output"), "chunks"),
            "finish_reason": text(self.said("finish_reason")),
        }


def is_amount(value: Any) -> bool:
    return text(value) is not None and len(value) <= 40 and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value) is not None


def sums(calls: list[Call]) -> dict[str, Any]:
    """2.2."""
    usages = [call.usage for call in calls if call.usage is not None]
    money: dict[str, Decimal] = {}
    for cost in (call.cost for call in calls if call.cost is not None):
        money[cost["currency"]] = money.get(cost["currency"], Decimal(0)) + Decimal(cost["amount"])
    shown = {name: f"{amount:f}" for name, amount in money.items()}
    shown = {name: shown[name].rstrip("0").rstrip(".") if "." in shown[name] else shown[name] for name in shown}
    tokens = {name: min(sum(usage[name] for usage in usages), 2**53 - 1) for name in TOKENS}
    return {"tokens": tokens, "cost": {name: "0" if amount == "-0" else amount for name, amount in shown.items()}}


def tally(words: list[str]) -> dict[str, int]:
    return {word: words.count(word) for word in words}


class Agent:
    """The documents of one journal."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self.events = events
        self.opened, self.closed = events[0], events[-1]
        self.calls: dict[tuple[str, str], Call] = {}
        for event in events:
            if event["type"] in ("tool.called", "model.called"):
                self.calls.setdefault((event["type"], event["data"]["call"]), Call(event, events))
        first: dict[str, Call] = {}
        for (_, name), call in self.calls.items():
            first.setdefault(name, call)
        seen: dict[str, Call] = {}
        for event in events:
            if event["type"] in ("tool.called", "model.called"):
                around = seen.get(event["data"]["parent"])
                if around is not None and self.calls[event["type"], event["data"]["call"]].at_seq == event["seq"]:
                    around.within.append(event["data"]["call"])
                seen.setdefault(event["data"]["call"], first[event["data"]["call"]])
            elif event["type"] in ("decision", "approval") and event["data"]["call"] in seen:
                seen[event["data"]["call"]].rulings[event["type"]].append(event)

    def data(self, kind: str) -> list[dict[str, Any]]:
        return [event["data"] for event in self.events if event["type"] == kind]

    def documents(self) -> dict[str, Any]:
        """1."""
        found = {
            "config.snapshot.json": self.config(),
            "tool_calls.json": self.tool_calls(),
            "evidence.json": self.evidence(),
            "eval/scorecard.json": self.scorecard(),
            "eval/gate.json": self.gate(),
        }
        there = {path: value for path, value in found.items() if value is not None}
        return {**there, "run.json": self.run(there)}

    def run(self, there: dict[str, Any]) -> dict[str, Any]:
        """2."""
        opened, closed = self.opened["data"], self.closed["data"]
        asked: dict[str, Any] = dict.fromkeys(("request_id", "tenant", "user"))
        providers: dict[str, str] = {}
        for data in self.data("context"):
            asked.update({name: data[name] for name in asked if text(data[name]) is not None})
            providers.update(data["versions"])
        git = self.data("git")[-1:] or ([{**opened["git"], "dirty": None}] if opened["git"] else [])
        decisions = [data for data in self.data("decision") if data["call"] is None]
        calls = list(self.calls.values())
        pointers = {name.split("/")[-1].split(".")[0]: name for name in there}
        config = there.get("config.snapshot.json")
        sha256 = None if config is None else hashlib.sha256(printed(config)).hexdigest()
        return {
            "contract": "agent/1",
            "run_id": opened["run_id"],
            **asked,
            "agent": opened["kind"],
            "version": opened["version"],
            "status": closed["status"],
            "started_at": self.opened["ts"],
            "ended_at": self.closed["ts"],
            "duration_ms": self.duration_ms(),
            "error": self.error(closed["error"]),
            "config": None if config is None else {"path": "config.snapshot.json", "sha256": sha256},
            "versions": {
                "runstone": opened["generator"]["version"],
                "git": git[0] if git else None,
                "providers": providers,
            },
            "labels": opened["labels"],
            "links": opened["links"],
            "children": self.data("child"),
            "files": {"events": "events.jsonl", **pointers},
            **{f"{kind}s": self.data(kind) for kind in ("input", "output", "check")},
            "decision": decisions[-1] if decisions else None,
            "counts": self.counts(),
            **sums(calls),
            "models": self.models(),
            "result": closed["result"],
        }

    def duration_ms(self) -> int:
        passed = self.closed["data"]["duration_ns"]
        if passed is not None:
            return int(passed // 10**6)
        took = datetime.fromisoformat(self.closed["ts"]) - datetime.fromisoformat(self.opened["ts"])
        return (took.days * 86_400_000_000 + took.seconds * 1_000_000 + took.microseconds) // 1000

    def error(self, said: Any) -> Any:
        if said is None:
            return None
        if isinstance(said, dict):
            return {name: text(said.get(name)) for name in ("type", "code", "message")}
        return {"type": None, "code": None, "message": said if isinstance(said, str) else compact(said)}

    def counts(self) -> dict[str, Any]:
        """2.1."""
        statuses = {kind: [call.status for call in self.calls.values() if call.tool == kind] for kind in (True, False)}
        checks = [data["status"] for data in self.data("check")]
        return {
            "events": len(self.events),
            "tool_calls": tally(statuses[True]),
            "model_calls": tally(statuses[False]),
            "approvals": tally([str(data["outcome"]) for data in self.data("approval")]),
            "checks": {word: checks.count(word) for word in ("pass", "fail", "skip")},
            "warnings": sum(data.get("level") == "warning" for data in self.data("log")),
            **{name: self.closed["data"][name] for name in ("dropped", "redactions")},
        }

    def models(self) -> list[dict[str, Any]]:
        groups: dict[tuple[tuple[str, ...], str], list[Call]] = {}
        for call in self.calls.values():
            if not call.tool:
                provider = text(call.told["provider"])
                name = (() if provider is None else (provider,), text(call.told["model"]) or "")
                groups.setdefault(name, []).append(call)
        return [
            {"provider": (*who, None)[0], "model": model, "calls": tally([c.status for c in group]), **sums(group)}
            for (who, model), group in sorted(groups.items(), key=lambda item: item[0])
        ]

    def config(self) -> Any:
        """3."""
        if not self.data("config"):
            return None
        data = self.data("config")[-1]
        values: list[dict[str, Any]] = []

        def walk(path: str, value: Any) -> None:
            if isinstance(value, (dict, list)) and value:
                members = sorted(value.items()) if isinstance(value, dict) else enumerate(value)
                for name, inner in members:
                    walk(path + "/" + str(name).replace("~", "~0").replace("/", "~1"), inner)
                return
            above = path
            while above not in data["sources"] and above:
                above = above[: above.rindex("/")]
            values.append({"path": path, "value": value, "source": data["sources"].get(above)})

        walk("", data["value"])
        return {"config": data["value"], "values": values, "sources": data["sources"], "volatile": data["volatile"]}

    def tool_calls(self) -> Any:
        """4."""
        if not self.calls:
            return None
        contracts: dict[str, Any] = {}
        for data in self.data("contract"):
            contracts.setdefault(data["sha256"], data["document"])
        calls = list(self.calls.values())
        return {
            "run_id": self.opened["data"]["run_id"],
            "calls": [call.summary() for call in calls if call.tool],
            "model_calls": [call.summary() for call in calls if not call.tool],
            "contracts": contracts,
        }

    def evidence(self) -> Any:
        """5."""
        if not self.data("evidence") and not self.data("citation"):
            return None
        cited = list(dict.fromkeys(name for data in self.data("citation") for name in data["ids"]))
        passages = [one for data in self.data("evidence") for one in data["passages"] if isinstance(one, dict)]
        found = list(dict.fromkeys(one["id"] for one in passages if text(one.get("id")) is not None))
        members = ("query", "corpus", "passages")
        return {
            "run_id": self.opened["data"]["run_id"],
            "retrievals": [
                {**{name: data[name] for name in members}, "version": data.get("version")}
                for data in self.data("evidence")
            ],
            "citations": cited,
            "cited_but_not_retrieved": [name for name in cited if name not in found],
            "retrieved_but_not_used": [name for name in found if name not in cited],
        }

    def scorecard(self) -> Any:
        """6."""
        if not self.data("score"):
            return None
        last = {data["name"]: data for data in self.data("score")}
        return {"run_id": self.opened["data"]["run_id"], "scores": [self.score(data) for data in last.values()]}

    def score(self, data: dict[str, Any]) -> dict[str, Any]:
        words = ("NaN", "Infinity", "-Infinity")
        good_one = {
            "direction": lambda told: told in ("higher", "lower"),
            "unit": lambda told: isinstance(told, str),
            "threshold": lambda told: type(told) in (int, float) or (isinstance(told, str) and told in words),
            "interval": lambda told: isinstance(told, dict),
        }
        facts = {name: data.get(name) if fits(data.get(name)) else None for name, fits in good_one.items()}
        value, threshold = data["value"], facts["threshold"]
        good = None
        if threshold is not None:
            numbers = type(value) in (int, float) and type(threshold) in (int, float)
            good = numbers and (value <= threshold if facts["direction"] == "lower" else value >= threshold)
        samples = data.get("samples") if isinstance(data.get("samples"), list) else None
        values: dict[str, list[Any]] = {}
        for sample in samples or []:
            if isinstance(sample, dict) and text(sample.get("id")) is not None:
                values.setdefault(sample["id"], []).append(sample.get("value"))
        without = sum(all(value is None for value in tries) for tries in values.values())
        return {
            **{name: data[name] for name in ("name", "value")},
            **facts,
            "meets_threshold": good,
            "counts": None if samples is None else {"samples": len(values), "without_value": without},
            "samples": samples,
        }

    def gate(self) -> Any:
        """7."""
        events = [event for event in self.events if event["type"] == "verdict"]
        if not events:
            return None
        members = ("ok", "baseline", "rules")
        verdicts = [{"at": one["ts"], **{name: one["data"][name] for name in members}} for one in events]
        ok = all(verdict["ok"] for verdict in verdicts)
        return {"run_id": self.opened["data"]["run_id"], "ok": ok, "verdicts": verdicts}
