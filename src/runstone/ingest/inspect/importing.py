"""Import an eval log of Inspect as a foreign run: its samples, scores, metrics and errors, and the calls that it tells.

- The same log gives the same digest everywhere, and importing it again changes nothing.
- The log itself is not kept, as it is full of prompts and answers: the run names its size and SHA-256. Of prompts,
  answers, inputs and targets there are sizes and digests. Arguments and results of tools are recorded, and redacted.
"""

from __future__ import annotations

import os

from runstone.core.ids import is_run_id
from runstone.core.times import parse_time
from runstone.core.words import CANCELLED, FAILED, INTERRUPTED, SUCCESS
from runstone.engine.importer import ForeignRun, import_foreign
from runstone.errors import error
from runstone.ingest.inspect.calls import calls_of
from runstone.ingest.inspect.log import read_log, time_of
from runstone.ingest.inspect.messages import measured, settings_of
from runstone.ingest.inspect.scores import Graded, scores_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final

    from runstone.core.digests import Digest
    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.store import Store
    from runstone.ingest.inspect.calls import Fact
    from runstone.ingest.inspect.log import Log, Placed
    from runstone.ports.objects import Committed

FORMAT: Final = "inspect-eval-log"
CONTRACT: Final = ("agent", "1")
SAMPLE: Final = "x.inspect.sample"
_KERNEL: Final = {"success": SUCCESS, "error": FAILED, "cancelled": CANCELLED, "started": INTERRUPTED}
_TRACEBACK_CHARACTERS: Final = 16_000
_SETTINGS: Final = ("task_args", "model", "solver", "config")


def import_log(path: str | os.PathLike[str], store: Store) -> tuple[str, Digest, Committed]:
    """Import the log at `path`; answers run id, run digest and whether it was there.

    Raises `file_not_found`, `invalid_archive` with the place of the fault, `too_large`, `too_deep`, `run_exists`.
    """
    log = read_log(os.fspath(path))
    try:
        redactor = store.redactor()
        return import_foreign(_foreign(log, redactor), store.objects, store.contract_of(*CONTRACT), redactor)
    except RecursionError:
        raise error("too_deep", f"{log.name} nests deeper than a bundle can", path=log.name) from None
    finally:
        log.close()


def _foreign(log: Log, redactor: Redactor) -> ForeignRun:
    graded = Graded()
    places = [{"path": log.name, "json_path": "$.eval"}]
    facts: list[Fact] = []
    for place, fact in _facts(log, graded):
        places.append(place)
        facts.append(fact)
    started, ended = _times(log)
    closed = _closed(log, started, ended)
    opened = _opened(log, redactor)
    return ForeignRun(opened, facts, closed, started=started, ended=ended, originals={}, places=places)


def _facts(log: Log, graded: Graded) -> Iterator[tuple[dict[str, str], Fact]]:
    whole = {"path": log.name}
    yield whole, ("config", {"value": _config(log), "sources": {}, "volatile": []})
    yield whole, ("input", _original(log))
    next_id = _numbered()
    for placed in log.samples():
        graded.take(placed[1])
        for fact in _sample_facts(placed, next_id):
            yield placed[0], fact
    for fact in scores_of(log.header.get("results"), graded):
        yield {**whole, "json_path": "$.results"}, fact
    if tokens := _tokens(log):
        yield {**whole, "json_path": "$.stats"}, ("metric", {"values": tokens, "step": None})


def _numbered() -> Callable[[], str]:
    from itertools import count

    numbers = count(1)
    return lambda: f"call-{next(numbers)}"


def _sample_facts(placed: Placed, next_id: Callable[[], str]) -> Iterator[Fact]:
    _, sample = placed
    failure, limit = sample.get("error"), sample.get("limit")
    yield (
        SAMPLE,
        {
            "id": str(sample["id"]),
            "epoch": sample["epoch"],
            "status": "error" if isinstance(failure, dict) else "ok",
            "limit": limit.get("type") if isinstance(limit, dict) else None,
            "input": measured(sample.get("input")),
            "target": measured(sample.get("target")),
            "total_time_s": sample.get("total_time"),
            "working_time_s": sample.get("working_time"),
        },
    )
    yield from calls_of(sample, next_id)
    if isinstance(failure, dict):
        text = f"sample {sample['id']} (epoch {sample['epoch']}): {failure.get('message')}"
        yield "log", {"level": "error", "text": text}


def _config(log: Log) -> dict[str, Any]:
    """What was evaluated, how. Model arguments may hold whole answers, plans whole prompts: of these there is a digest,
    and the names of the steps."""
    told = log.eval
    dataset, scorers, plan = told.get("dataset"), told.get("scorers"), log.header.get("plan")
    steps = plan.get("steps") if isinstance(plan, dict) else None
    known = dataset if isinstance(dataset, dict) else {}
    return {
        "task": told["task"],
        "task_version": told.get("task_version"),
        **{name: told.get(name) for name in _SETTINGS},
        "generate_config": {
            **settings_of(told.get("model_generate_config")),
            **settings_of(plan.get("config") if isinstance(plan, dict) else None),
        },
        "model_args": measured(told.get("model_args")),
        "dataset": {name: known.get(name) for name in ("name", "samples", "shuffled")},
        "steps": _names(steps, "solver"),
        "scorers": _names(scorers, "name"),
        "tags": log.header.get("tags"),
    }


def _names(items: Any, key: str) -> list[Any]:
    return [item.get(key) for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _original(log: Log) -> dict[str, Any]:
    facts = {"sha256": log.sha256, "size": log.size, "media_type": None, "path": None}
    return {"name": log.name, "type": "original", "ref": None, **facts}


def _tokens(log: Log) -> dict[str, int]:
    """Tokens of all models together."""
    stats = log.header.get("stats")
    usage = stats.get("model_usage") if isinstance(stats, dict) else None
    rows = [row for row in usage.values() if isinstance(row, dict)] if isinstance(usage, dict) else []
    found: dict[str, int] = {}
    for name in ("input", "output", "total"):
        counts = [row.get(f"{name}_tokens") for row in rows]
        known = [count for count in counts if type(count) is int]
        if known:
            found[f"tokens.{name}"] = sum(known)
    return found


def _times(log: Log) -> tuple[str, str]:
    """From when to when: as its statistics tell, else when it was created."""
    stats = log.header.get("stats")
    told = stats if isinstance(stats, dict) else {}
    started = time_of(told.get("started_at")) or log.created
    return started, max(started, time_of(told.get("completed_at")) or started)


def _identity(log: Log) -> str:
    """The id that Inspect gave to the eval; of logs that have none, which are old, one by the log's own bytes."""
    name = log.eval.get("eval_id")
    identity = f"inspect-{name}"
    return identity if isinstance(name, str) and is_run_id(identity) else f"inspect-{log.sha256[:32]}"


def _opened(log: Log, redactor: Redactor) -> dict[str, Any]:
    packages, revision = log.eval.get("packages"), log.eval.get("revision")
    version = packages.get("inspect_ai") if isinstance(packages, dict) else None
    commit = revision.get("commit") if isinstance(revision, dict) else None
    task_version, model = log.eval.get("task_version"), log.eval.get("model")
    return {
        "run_id": _identity(log),
        "kind": log.eval["task"],
        "version": None if task_version is None else str(task_version),
        "contract": dict(zip(("name", "version"), CONTRACT, strict=True)),
        "generator": {"name": "inspect_ai", "version": version if isinstance(version, str) else "unknown"},
        "ruleset": redactor.ruleset,
        "labels": {"model": model} if isinstance(model, str) and 0 < len(model.encode()) <= _MAX_MODEL_BYTES else {},
        "links": [],
        "idempotency": None,
        "argv": None,
        "cwd": None,
        "git": {"sha": commit, "ref": None} if isinstance(commit, str) else None,
        "platform": None,
        "entry": None,
        "imported": {"format": f"{FORMAT}/{log.header.get('version')}", "sha256": log.sha256},
    }


_MAX_MODEL_BYTES: Final = 1024


def _closed(log: Log, started: str, ended: str) -> dict[str, Any]:
    results = log.header.get("results")
    names = ("total_samples", "completed_samples")
    return {
        "status": _KERNEL[log.status],
        "exit": None,
        "error": _error(log.header.get("error")),
        "result": {name: results.get(name) for name in names} if isinstance(results, dict) else None,
        "duration_ns": None if log.status == "started" else parse_time(ended) - parse_time(started),
        "resources": None,
        "torn_bytes": 0,
        "lost": [],
    }


def _error(told: Any) -> dict[str, Any] | None:
    """An error as exceptions are recorded: type, message, traceback."""
    if not isinstance(told, dict):
        return None
    message = str(told.get("message"))
    name = message.partition("(")[0]
    trace = str(told.get("traceback") or "")[-_TRACEBACK_CHARACTERS:]
    return {"type": name if name.isidentifier() else "Error", "message": message, "traceback": trace}
