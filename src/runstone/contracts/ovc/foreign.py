"""An original run folder as facts: what it tells, in its order and at its times.

- Every file is kept unchanged under `artifacts/original/`; the log's bytes become `log` events.
- Evidence into `artifacts/` points at the kept original; free text becomes a line at the end of the log. Evidence
  that leads nowhere is a failed check `evidence_resolves`; the status stays what it was.
- Pure: the same original and the same redaction give the same facts.
"""

from __future__ import annotations

from runstone.contracts.ovc import layout
from runstone.contracts.ovc.document import (
    NAME,
    OUTPUT,
    STARTED,
    VERSION,
    environment,
    git_facts,
    input_row,
    output_row,
    trigger_facts,
)
from runstone.contracts.ovc.evidence import try_reference
from runstone.core import layout as bundle_layout
from runstone.core.canonical import canonical_bytes
from runstone.core.digests import sha256_hex
from runstone.core.evidence import RESOLVES, json_path_exists
from runstone.core.limits import MAX_SAFE_INTEGER
from runstone.core.media import media_type
from runstone.engine.artifacts import artifact_name
from runstone.engine.importer import ForeignRun

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.contracts.ovc.original import Original
    from runstone.core.evidence import Reference
    from runstone.core.redaction.redactor import Redactor

    Fact = tuple[str, dict[str, Any]]

FORMAT: Final = "ovc-run-artifact/0.1"
_STREAM: Final = "log"
_CHUNK_BYTES: Final = 1 << 20


def foreign_run(original: Original, redactor: Redactor) -> ForeignRun:
    """The run to record. `redactor` is the one that will clean it: it decides how many lines the log has."""
    run = original.run
    inputs = [("input", _artifact(item, "range")) for item in run["inputs"]]
    outputs = [_output(item, run["run_id"]) for item in run["outputs"]]
    started = _started(run)
    shape = {
        **dict.fromkeys(run),
        "trigger": started["trigger"],
        "git": git_facts(run["git"]),
        "env": started["env"],
        "inputs": [input_row(data) for _, data in inputs],
        "outputs": [output_row(data) for _, data in outputs],
    }
    log, lines = _log(original, redactor)
    checks = _checks(original, lines, shape)
    return ForeignRun(
        _opened(original, redactor),
        [(STARTED, started), *_originals(original), *inputs, *log, *checks, *outputs],
        _closed(run),
        started=_ts(run["started_utc"]),
        ended=_ts(run["finished_utc"]),
        originals=original.files,
    )


def _ts(utc_second: str) -> str:
    return f"{utc_second[:-1]}.000000Z"


def _opened(original: Original, redactor: Redactor) -> dict[str, Any]:
    run = original.run
    digests = [[name, sha256_hex(body)] for name, body in sorted(original.files.items())]
    return {
        "run_id": run["run_id"],
        "kind": run["pipeline_id"],
        "version": run["pipeline_version"],
        "contract": {"name": NAME, "version": VERSION},
        "generator": {"name": NAME, "version": VERSION},
        "ruleset": redactor.ruleset,
        "labels": {},
        "links": [],
        "idempotency": None,
        "argv": None,
        "cwd": None,
        "git": {"sha": run["git"]["sha"], "ref": run["git"]["ref"]},
        "platform": None,
        "entry": None,
        "imported": {"format": FORMAT, "sha256": sha256_hex(canonical_bytes(digests))},
    }


def _closed(run: dict[str, Any]) -> dict[str, Any]:
    duration_ns = run["duration_ms"] * 1_000_000
    return {
        "status": run["status"],
        "exit": None,
        "error": None,
        "result": None,
        "duration_ns": duration_ns if duration_ns <= MAX_SAFE_INTEGER else None,
        "resources": None,
        "torn_bytes": 0,
        "lost": [],
    }


def _started(run: dict[str, Any]) -> dict[str, Any]:
    return {
        "started_utc": run["started_utc"],
        "trigger": trigger_facts(run["trigger"]),
        "env": {key: sorted(set(names)) for key, names in environment(run["env"]).items()},
    }


def _originals(original: Original) -> Iterator[Fact]:
    for name, body in sorted(original.files.items()):
        facts = {"sha256": sha256_hex(body), "size": len(body), "path": bundle_layout.original(name)}
        yield "input", {"name": name, "type": "original", "ref": None, "media_type": media_type(name), **facts}


def _artifact(item: dict[str, Any], *extras: str) -> dict[str, Any]:
    ref = item["ref"]
    return {
        "name": artifact_name(ref, None) if ref.startswith("/") else ref,
        "type": item["type"],
        "ref": ref,
        "sha256": None,
        "size": None,
        "media_type": None,
        "path": None,
        "extra": {key: item[key] for key in extras if key in item},
    }


def _output(item: dict[str, Any], run_id: str) -> Fact:
    if item["type"] == "artifact" and item["ref"].rstrip("/").endswith(run_id):  # the run's own folder
        return OUTPUT, {"type": item["type"], "ref": item["ref"]}
    return "output", _artifact(item, "rows_written", "rows_updated", "extra")


def _log(original: Original, redactor: Redactor) -> tuple[list[Fact], int]:
    """The log's bytes as events, and how many lines they will be, with the one that names the run.

    A log that ends within a line gets its LF: the lines of the import stand behind it.
    """
    encoding = original.encoding
    key = "text" if encoding == "utf-8" else "latin1"
    chunks = [(key, chunk.decode(encoding)) for chunk in _chunks(original.log, redactor, key)]
    clean = redactor.text(original.log.decode(encoding))[0]
    if clean and not clean.endswith("\n"):
        chunks.append(("text", "\n"))
        clean += "\n"
    return [("log", {"stream": _STREAM, key: text}) for key, text in chunks], 1 + clean.count("\n")


def _chunks(log: bytes, redactor: Redactor, key: str) -> Iterator[bytes]:
    """The log in pieces that divide neither a secret nor a character."""
    while log:
        end = len(log)
        if end > _CHUNK_BYTES:
            end = redactor.safe_end(log[:_CHUNK_BYTES]) or _CHUNK_BYTES
            while key == "text" and log[end] & 0xC0 == 0x80:
                end -= 1
        yield log[:end]
        log = log[end:]


def _checks(original: Original, lines: int, shape: dict[str, Any]) -> Iterator[Fact]:
    """Checks with evidence that an `ovc` document can hold, and the log lines that free text becomes."""
    lost: list[str] = []
    for check in original.checks:
        evidence = []
        for text in check["evidence"]:
            reference = try_reference(text)
            if reference is None:
                lines += 1
                yield _line(text)
                evidence.append(f"{layout.LOG}:line:{lines}")
            elif text in original.files:
                evidence.append(bundle_layout.original(text))
            else:
                evidence.append(text)
                lost += [] if _resolves(reference, lines, shape) else [f"{check['id']}: {text}"]
        yield "check", {**{key: check[key] for key in ("id", "name", "status")}, "evidence": evidence}
    if lost:
        first = lines + 1
        yield from (_line(f"evidence leads nowhere: {text}") for text in lost)
        numbers = [f"{layout.LOG}:line:{first + number}" for number in range(len(lost))]
        yield "check", {"id": RESOLVES, "name": "Evidence resolves", "status": "fail", "evidence": numbers}


def _line(text: str) -> Fact:
    return "log", {"level": "info", "text": text}


def _resolves(reference: Reference, lines: int, shape: dict[str, Any]) -> bool:
    if reference.line is not None:
        return 0 < reference.line <= lines
    return reference.json_path is not None and json_path_exists(shape, reference.json_path)
