"""The documents of `ovc/0.1`, all sealed: `checks.json` and `run.json` in print profile `pretty-ascii`, `run.log`.

- Exact key sets: what a caller says beyond them stays in the journal.
- Facts that the kernel has no event for come from `x.ovc.started` (`started_utc`, `trigger`, `env`) and
  `x.ovc.output` (an output that names the run itself, which must not enter the outcome digest).
- Total: any journal that can be sealed has its three documents. A run that was killed before it said how it was
  started has the values of `UNKNOWN_…`.
- A given success becomes failed after a failed check and partial after a skipped one; a missing variable always
  means failed. What an imported run says of itself stands.
"""

from __future__ import annotations

from runstone.contracts.ovc import layout
from runstone.core import layout as bundle
from runstone.core.contract import Document, json_document
from runstone.core.runlog import log_pieces
from runstone.core.totals import check_summary, duration_ms
from runstone.core.words import BLOCKED, CANCELLED, FAILED, INTERRUPTED, PARTIAL, SUCCESS, status_from_checks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.core.journal import Journal

NAME: Final = "ovc"
VERSION: Final = "0.1"
PROFILE: Final = "pretty-ascii"

STARTED: Final = "x.ovc.started"
OUTPUT: Final = "x.ovc.output"

UNKNOWN_SHA: Final = "0" * 40
UNKNOWN_REF: Final = "refs/heads/unknown"
UNKNOWN_TRIGGER: Final = {"type": "local_cli", "source": "cli", "actor": "unknown"}
UNKNOWN_VERSION: Final = "unknown"

STATUSES: Final = {
    SUCCESS: "success",
    PARTIAL: "partial",
    FAILED: "failed",
    BLOCKED: "failed",
    CANCELLED: "failed",
    INTERRUPTED: "failed",
}
"""Kernel status → status of `run.json`."""

_INPUT_EXTRAS: Final = ("range",)
_OUTPUT_EXTRAS: Final = ("rows_written", "rows_updated", "extra")


class OvcContract:
    """`ovc/0.1`: what the readers of OVC run artifacts depend on."""

    name: Final = NAME
    version: Final = VERSION

    def documents(self, journal: Journal) -> Iterator[Document]:
        """The three documents in the order of their paths."""
        run_id = journal.opened["data"]["run_id"]
        summary = check_summary(journal)
        yield json_document(layout.CHECKS, _checks(journal, run_id, summary), PROFILE)
        yield json_document(layout.RUN, _run(journal, summary), PROFILE)
        head = f"RUN_ID={run_id}\n".encode()
        yield Document(layout.LOG, lambda: log_pieces(journal, head, stamped=True))


CONTRACT: Final = OvcContract()


def _checks(journal: Journal, run_id: str, summary: dict[str, int]) -> dict[str, Any]:
    def rows() -> Iterator[dict[str, Any]]:
        for data in journal.data("check"):
            yield {key: data[key] for key in ("id", "name", "status", "evidence")}

    return {"run_id": run_id, "checks": journal.array(rows), "summary": summary}


def _run(journal: Journal, summary: dict[str, int]) -> dict[str, Any]:
    opened, closed = journal.opened["data"], journal.closed["data"]
    event = journal.last(STARTED)
    started = event["data"] if event else {}
    started_utc = _text(started.get("started_utc"), utc_second(journal.opened["ts"]))
    env = environment(started.get("env"))
    imported = "imported" in opened
    status = STATUSES[closed["status"]]
    return {
        "run_id": opened["run_id"],
        "pipeline_id": opened["kind"],
        "pipeline_version": _text(opened["version"], UNKNOWN_VERSION),
        "started_utc": started_utc,
        "finished_utc": max(started_utc, utc_second(journal.closed["ts"])),
        "duration_ms": duration_ms(journal),
        "status": status if imported else settled_status(status, summary, env["missing"]),
        "trigger": trigger_facts(started.get("trigger")),
        "git": git_facts(opened["git"]),
        "env": env,
        "inputs": journal.array(lambda: map(input_row, _own_inputs(journal))),
        "outputs": journal.array(lambda: map(output_row, journal.data("output", OUTPUT))),
    }


def settled_status(status: str, summary: dict[str, int], missing: list[str]) -> str:
    """The status of `run.json` from the one that was given, the counts of checks and the missing variables."""
    if missing:
        return "failed"
    if status == "success":
        return STATUSES[status_from_checks(name for name, count in summary.items() if count)]
    return status


def git_facts(git: dict[str, Any] | None) -> dict[str, str]:
    """`sha`, `sha7` and `ref` as documents show them; without a commit zeros, without a ref an unknown branch."""
    facts = git or {}
    sha = _text(facts.get("sha"), UNKNOWN_SHA).lower()
    if not layout.is_sha(sha):
        sha = UNKNOWN_SHA
    return {"sha": sha, "sha7": sha[: layout.SHA7_LENGTH], "ref": _text(facts.get("ref"), "") or UNKNOWN_REF}


def input_row(data: dict[str, Any]) -> dict[str, Any]:
    """An entry of `inputs` from the data of its event."""
    return _row(data, _INPUT_EXTRAS)


def output_row(data: dict[str, Any]) -> dict[str, Any]:
    """An entry of `outputs` from the data of its event."""
    return _row(data, _OUTPUT_EXTRAS)


def _row(data: dict[str, Any], extras: tuple[str, ...]) -> dict[str, Any]:
    kind = _text(data.get("type"), "artifact")
    kept = data.get("path") if kind == "artifact" else None  # such a file is known by its place in the bundle
    ref = next((text for text in (kept, data.get("ref"), data.get("name")) if isinstance(text, str)), "")
    extra = data.get("extra")
    known = {key: extra[key] for key in extras if key in extra} if isinstance(extra, dict) else {}
    return {"type": kind, "ref": ref, **known}


def _own_inputs(journal: Journal) -> Iterator[dict[str, Any]]:
    """Inputs of the run itself; the files that an import keeps tell of the run and were not read by it."""
    imported = "imported" in journal.opened["data"]
    for data in journal.data("input"):
        if not (imported and (data["path"] or "").startswith(bundle.ORIGINALS + "/")):
            yield data


def trigger_facts(value: Any) -> dict[str, str]:
    """`type`, `source` and `actor`, unknown ones by their fixed words."""
    facts = value if isinstance(value, dict) else {}
    return {key: _text(facts.get(key), unknown) for key, unknown in UNKNOWN_TRIGGER.items()}


def environment(value: Any) -> dict[str, list[str]]:
    """The names of variables that were `present` and `missing`."""
    facts = value if isinstance(value, dict) else {}
    return {key: _texts(facts.get(key)) for key in ("present", "missing")}


def _text(value: Any, otherwise: str) -> str:
    return value if isinstance(value, str) else otherwise


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def utc_second(ts: str) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ` of a timestamp of the journal."""
    return f"{ts[:19]}Z"
