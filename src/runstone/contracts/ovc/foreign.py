"""An original run folder as facts: what it tells, in its order and at its times.

- Every file is kept unchanged under `artifacts/original/`; the log's bytes become `log` events.
- Evidence into `artifacts/` points at the kept original, that of a line at the same line, which may have another number
  here; free text becomes a line at the end of the log. Evidence that leads nowhere, or would lead elsewhere, is a
  failed check `evidence_resolves`; the status stays what it was.
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
from runstone.core.redaction.cutting import Cutter
from runstone.engine.artifacts import artifact_name
from runstone.engine.importer import ForeignRun, original_fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.contracts.ovc.original import Original
    from runstone.core.evidence import Reference
    from runstone.core.redaction.redactor import Redactor

    Fact = tuple[str, dict[str, Any]]
    Placed = tuple[str, str, Fact]
    """File, path inside its JSON (or nothing), and the fact that is told there."""

FORMAT: Final = "ovc-run-artifact/0.1"
_STREAM: Final = "log"
_HEAD: Final = 1
"""The number of the line that names the run."""
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
        # the names are sorted anew: of a list in which some have moved, no item is found under its number
        "env": {key: names if names == run["env"][key] else None for key, names in started["env"].items()},
        "inputs": [input_row(data) for _, data in inputs],
        "outputs": [output_row(data) for _, data in outputs],
    }
    log, numbers = _log(original, redactor)
    placed: list[Placed] = [
        (layout.RUN, "$", (STARTED, started)),
        *((name, "", ("input", original_fact(name, body))) for name, body in sorted(original.files.items())),
        *((layout.RUN, f"$.inputs[{number}]", fact) for number, fact in enumerate(inputs)),
        *((layout.LOG, "", fact) for fact in log),
        *_checks(original, numbers, shape),
        *((layout.RUN, f"$.outputs[{number}]", fact) for number, fact in enumerate(outputs)),
    ]
    return ForeignRun(
        _opened(original, redactor),
        [fact for _, _, fact in placed],
        _closed(run),
        started=_ts(run["started_utc"]),
        ended=_ts(run["finished_utc"]),
        originals=original.files,
        places=[_place(original, *place) for place in ((layout.RUN, "$"), *((file, at) for file, at, _ in placed))],
    )


def _place(original: Original, file: str, json_path: str) -> dict[str, str]:
    """As `details` of an error name it."""
    path = original.folder + file
    return {"path": path, "json_path": json_path} if json_path else {"path": path}


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
        "git": {"sha": run["git"]["sha"], "ref": run["git"]["ref"]},
        "imported": {"format": FORMAT, "sha256": sha256_hex(canonical_bytes(digests))},
    }


def _closed(run: dict[str, Any]) -> dict[str, Any]:
    duration_ns = run["duration_ms"] * 1_000_000
    return {"status": run["status"], "duration_ns": duration_ns if duration_ns <= MAX_SAFE_INTEGER else None}


def _started(run: dict[str, Any]) -> dict[str, Any]:
    return {
        "started_utc": run["started_utc"],
        "trigger": trigger_facts(run["trigger"]),
        "env": {key: sorted(set(names)) for key, names in environment(run["env"]).items()},
    }


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
        "extra": _extra(item, *extras),
    }


def _extra(item: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: item[name] for name in names if name in item}


def _output(item: dict[str, Any], run_id: str) -> Fact:
    extras = ("rows_written", "rows_updated", "extra")
    if item["type"] == "artifact" and _is_own_folder(item["ref"], run_id):
        return OUTPUT, {"type": item["type"], "ref": item["ref"], "extra": _extra(item, *extras)}
    return "output", _artifact(item, *extras)


def _is_own_folder(ref: str, run_id: str) -> bool:
    """Whether a reference is the path of the run's folder; a URL that ends with the id is of something else."""
    return "://" not in ref and ref.replace("\\", "/").rstrip("/").rpartition("/")[2] == run_id


def _log(original: Original, redactor: Redactor) -> tuple[list[Fact], list[int]]:
    """The log's bytes as events, and for each line of the original's log the number that it has here, behind the one
    that names the run.

    A log that ends within a line gets its LF: the lines of the import stand behind it.
    """
    encoding = original.encoding
    key = "text" if encoding == "utf-8" else "latin1"
    chunks = [(key, chunk.decode(encoding)) for chunk in _chunks(original.log, redactor, key)]
    clean, lines = redactor.lined(original.log.decode(encoding))
    if clean and not clean.endswith("\n"):
        chunks.append(("text", "\n"))
    ended = lines[:-1] if original.log.endswith(b"\n") or not original.log else lines
    numbers = [*([_HEAD] if original.has_head else []), *(_HEAD + 1 + line for line in ended)]
    return [("log", {"stream": _STREAM, key: text}) for key, text in chunks], numbers


def _chunks(log: bytes, redactor: Redactor, key: str) -> Iterator[bytes]:
    """The log in pieces that divide neither a secret nor a character."""
    cutter = Cutter(redactor)
    while log:
        end = len(log)
        if end > _CHUNK_BYTES:
            end = cutter.safe_end(log[:_CHUNK_BYTES]) or _CHUNK_BYTES
            while key == "text" and log[end] & 0xC0 == 0x80:
                end -= 1
        yield log[:end]
        log = log[end:]


def _checks(original: Original, numbers: list[int], shape: dict[str, Any]) -> Iterator[Placed]:
    """Checks with evidence that an `ovc` document can hold, and the log lines that free text becomes."""
    lost: list[str] = []
    lines = numbers[-1] if numbers else _HEAD
    for number, check in enumerate(original.checks):
        place, evidence = f"$.checks[{number}]", []
        for text in check["evidence"]:
            reference = try_reference(text)
            if reference is None:
                lines += 1
                yield layout.CHECKS, place, _line(text)
                evidence.append(_numbered(lines))
            else:
                found = _found(reference, original, numbers, shape)
                evidence.append(found or text)
                lost += [] if found else [f"{check['id']}: {text}"]
        data = {**{key: check[key] for key in ("id", "name", "status")}, "evidence": evidence}
        yield layout.CHECKS, place, ("check", data)
    if lost:
        yield from ((layout.CHECKS, "$.checks", fact) for fact in _lost(lost, lines))


def _found(reference: Reference, original: Original, numbers: list[int], shape: dict[str, Any]) -> str:
    """The reference to the same thing in the import, or nothing."""
    file, path, line = reference.file, reference.json_path, reference.line
    if line is not None:
        return _numbered(numbers[line - 1]) if 0 < line <= len(numbers) else ""
    if path is not None:
        return f"{file}:{path}" if json_path_exists(shape, path) else ""
    return bundle_layout.original(file) if file in original.files else ""


def _lost(lost: list[str], lines: int) -> Iterator[Fact]:
    """A line for each reference that leads nowhere, behind `lines` others, and the failed check."""
    yield from (_line(f"evidence leads nowhere: {text}") for text in lost)
    evidence = [_numbered(lines + number) for number in range(1, len(lost) + 1)]
    yield "check", {"id": RESOLVES, "name": "Evidence resolves", "status": "fail", "evidence": evidence}


def _line(text: str) -> Fact:
    return "log", {"level": "info", "text": text}


def _numbered(line: int) -> str:
    return f"{layout.LOG}:line:{line}"
