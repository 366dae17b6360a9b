"""Import an eval log of Inspect as a foreign run: its samples, scores, metrics and errors, and the calls that it tells.

- The same log gives the same digest everywhere, and importing it again changes nothing.
- The log itself is not kept, as it is full of prompts and answers: the run names its size and SHA-256. Of prompts,
  answers, inputs and targets there are sizes and digests. Arguments and results of tools are recorded, and redacted.
- Times are those of the log: samples go on beside one another, and so do their calls. Where it tells none, as old ones
  do, it is the time of what is known to have been before.
"""

from __future__ import annotations

import os

from runstone.core.canonical import is_unicode
from runstone.core.ids import is_run_id
from runstone.core.limits import MAX_LABEL_VALUE_BYTES, MAX_SAFE_INTEGER
from runstone.core.times import parse_time
from runstone.core.words import CANCELLED, FAILED, INTERRUPTED, SUCCESS
from runstone.engine.importer import ForeignRun, import_foreign, time_of
from runstone.errors import error
from runstone.ingest.inspect.calls import calls_of
from runstone.ingest.inspect.log import items_of, object_of, read_log
from runstone.ingest.inspect.messages import measured, settings_of
from runstone.ingest.inspect.scores import Graded, scores_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final, TypeAlias

    from runstone.core.digests import Digest
    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.store import Store
    from runstone.ingest.inspect.calls import Fact, Timed
    from runstone.ingest.inspect.log import Log
    from runstone.ports.objects import Committed

    Told: TypeAlias = tuple[str, dict[str, str], Fact]
    """When it was, where it stands in the log, what it is."""

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
    started, ended = _times(log)
    told = [*_of_eval(log, started), *_of_samples(log, graded, started)]
    ended = max(ended, *(at for at, _, _ in told))
    told += _of_results(log, graded, ended)
    return ForeignRun(
        _opened(log, redactor),
        [fact for _, _, fact in told],
        _closed(log, started, ended),
        started=started,
        ended=ended,
        originals={},
        places=[{"path": log.name, "json_path": "$.eval"}, *(place for _, place, _ in told)],
        times=[at for at, _, _ in told],
    )


def _of_eval(log: Log, started: str) -> Iterator[Told]:
    whole = {"path": log.name}
    yield started, whole, ("config", {"value": _config(log), "sources": {}, "volatile": []})
    yield started, whole, ("input", _original(log))


def _of_samples(log: Log, graded: Graded, started: str) -> list[Told]:
    """What happened in the samples, in the order of time, for they go on beside one another; calls by numbers in that
    order. What was told at one time is in the order of the samples."""
    told: list[Told] = []
    next_id = _numbered()
    for place, sample in log.samples():
        graded.take(sample)
        told += [(max(at, started), place, fact) for at, fact in _sample_facts(sample, started, next_id)]
    told.sort(key=lambda one: one[0])
    names: dict[str, str] = {}
    for _, _, (_, data) in told:
        if "call" in data:
            data["call"] = names.setdefault(data["call"], f"call-{len(names) + 1}")
    return told


def _of_results(log: Log, graded: Graded, ended: str) -> Iterator[Told]:
    whole = {"path": log.name}
    for fact in scores_of(log.header.get("results"), graded):
        yield ended, {**whole, "json_path": "$.results"}, fact
    if tokens := _tokens(log):
        yield ended, {**whole, "json_path": "$.stats"}, ("metric", {"values": tokens, "step": None})


def _numbered() -> Callable[[], str]:
    from itertools import count

    numbers = count(1)
    return lambda: str(next(numbers))


def _sample_facts(sample: dict[str, Any], started: str, next_id: Callable[[], str]) -> Iterator[Timed]:
    """Its calls, then what became of it, at its end."""
    begun = time_of(sample.get("started_at")) or started
    calls = list(calls_of(sample, begun, next_id))
    yield from calls
    ended = time_of(sample.get("completed_at")) or max([begun, *(at for at, _ in calls)])
    failure = sample.get("error")
    facts = {
        "id": str(sample["id"]),
        "epoch": sample["epoch"],
        "status": "error" if isinstance(failure, dict) else "ok",
        "limit": object_of(sample.get("limit")).get("type"),
        "input": measured(sample.get("input")),
        "target": measured(sample.get("target")),
        "total_time_s": sample.get("total_time"),
        "working_time_s": sample.get("working_time"),
    }
    yield ended, (SAMPLE, facts)
    if isinstance(failure, dict):
        text = f"sample {sample['id']} (epoch {sample['epoch']}): {failure.get('message')}"
        yield ended, ("log", {"level": "error", "text": text})


def _config(log: Log) -> dict[str, Any]:
    """What was evaluated, how. Model arguments may hold whole answers, plans whole prompts: of these there is a digest,
    and the names of the steps."""
    told = log.eval
    dataset, plan = object_of(told.get("dataset")), object_of(log.header.get("plan"))
    return {
        "task": told["task"],
        "task_version": told.get("task_version"),
        **{name: told.get(name) for name in _SETTINGS},
        "generate_config": {
            **settings_of(told.get("model_generate_config")),
            **settings_of(plan.get("config")),
        },
        "model_args": measured(told.get("model_args")),
        "dataset": {name: dataset.get(name) for name in ("name", "samples", "shuffled")},
        "steps": _names(plan.get("steps"), "solver"),
        "scorers": _names(told.get("scorers"), "name"),
        "tags": log.header.get("tags"),
    }


def _names(items: Any, key: str) -> list[Any]:
    return [item.get(key) for item in items_of(items) if isinstance(item, dict)]


def _original(log: Log) -> dict[str, Any]:
    facts = {"sha256": log.sha256, "size": log.size, "media_type": None, "path": None}
    return {"name": log.name, "type": "original", "ref": None, **facts}


def _tokens(log: Log) -> dict[str, int]:
    """Tokens of all models together."""
    usage = object_of(object_of(log.header.get("stats")).get("model_usage"))
    found: dict[str, int] = {}
    for name in ("input", "output", "total"):
        counts = [object_of(row).get(f"{name}_tokens") for row in usage.values()]
        known = [count for count in counts if type(count) is int]
        if known:
            found[f"tokens.{name}"] = sum(known)
    return found


def _times(log: Log) -> tuple[str, str]:
    """From when to when: as its statistics tell, else when it was created."""
    told = object_of(log.header.get("stats"))
    started = time_of(told.get("started_at")) or log.created
    return started, max(started, time_of(told.get("completed_at")) or started)


def _identity(log: Log) -> str:
    """The id that Inspect gave to the eval; of logs that have none, which are old, one by the log's own bytes."""
    name = log.eval.get("eval_id")
    identity = f"inspect-{name}"
    return identity if isinstance(name, str) and is_run_id(identity) else f"inspect-{log.sha256[:32]}"


def _opened(log: Log, redactor: Redactor) -> dict[str, Any]:
    version = object_of(log.eval.get("packages")).get("inspect_ai")
    commit = object_of(log.eval.get("revision")).get("commit")
    task_version, model = log.eval.get("task_version"), log.eval.get("model")
    return {
        "run_id": _identity(log),
        "kind": log.eval["task"],
        "version": None if task_version is None else str(task_version),
        "contract": dict(zip(("name", "version"), CONTRACT, strict=True)),
        "generator": {"name": "inspect_ai", "version": version if isinstance(version, str) else "unknown"},
        "ruleset": redactor.ruleset,
        "labels": {"model": model} if _is_label(model) else {},
        "git": {"sha": commit, "ref": None} if isinstance(commit, str) else None,
        "imported": {"format": f"{FORMAT}/{log.header.get('version')}", "sha256": log.sha256},
    }


def _is_label(value: Any) -> bool:
    return isinstance(value, str) and is_unicode(value) and 0 < len(value.encode()) <= MAX_LABEL_VALUE_BYTES


def _closed(log: Log, started: str, ended: str) -> dict[str, Any]:
    results = log.header.get("results")
    names = ("total_samples", "completed_samples")
    return {
        "status": _KERNEL[log.status],
        "error": _error(log.header.get("error")),
        "result": {name: results.get(name) for name in names} if isinstance(results, dict) else None,
        "duration_ns": None if log.status == "started" else _duration_ns(started, ended),
    }


def _duration_ns(started: str, ended: str) -> int | None:
    """What is longer than a number of the format can tell, as of a clock that was never set, is not known."""
    found = parse_time(ended) - parse_time(started)
    return found if found <= MAX_SAFE_INTEGER else None


def _error(told: Any) -> dict[str, Any] | None:
    """An error as exceptions are recorded: type, message, traceback."""
    if not isinstance(told, dict):
        return None
    message = str(told.get("message"))
    name = message.partition("(")[0]
    trace = str(told.get("traceback") or "")[-_TRACEBACK_CHARACTERS:]
    return {"type": name if name.isidentifier() else "Error", "message": message, "traceback": trace}
