"""The document of `rmos/1`, published: one JSON file a run, in print profile `py-pretty-utf8`.

- A run behind the gate is told by `x.rmos.request`, its decision, `x.rmos.toolpaths` and `run.closed`; a run that was
  written as a whole, or imported, by `x.rmos.artifact`.
- Hashes are over what is recorded; that of G-code and of a payload that stand as files is that of the file.
- Total: any journal that can be sealed has its document. Feasibility that is not there is `{}`.
- What an imported run says of itself stands, key by key in its order: null and absent stay apart.
"""

from __future__ import annotations

from runstone.contracts.rmos import layout
from runstone.contracts.rmos.hashing import in_order, sha256_parsed, sha256_text
from runstone.core.canonical import canonical_bytes
from runstone.core.contract import PUBLISHED, Document
from runstone.core.foreign import foreign_object
from runstone.core.outcome import run_decision
from runstone.core.policy.decision import DETAILS_OF_THE_GATE
from runstone.core.printing import print_pieces
from runstone.core.values import coerce, is_finite
from runstone.core.words import BLOCKED, CANCELLED, FAILED, INTERRUPTED, PARTIAL, SUCCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.core.journal import Journal

NAME: Final = "rmos"
VERSION: Final = "1"
PROFILE: Final = "py-pretty-utf8"

STATUSES: Final = {
    SUCCESS: "OK",
    PARTIAL: "OK",
    FAILED: "ERROR",
    BLOCKED: "BLOCKED",
    CANCELLED: "ERROR",
    INTERRUPTED: "ERROR",
}
"""Kernel status → status of the document."""
UNKNOWN: Final = "UNKNOWN"
DECISION: Final = ("risk_level", "score", "block_reason", "warnings", "details")
HASHES: Final = ("feasibility_sha256", "toolpaths_sha256", "gcode_sha256", "opplan_sha256")
OUTPUTS: Final = ("gcode_text", "opplan_json", "gcode_path", "opplan_path", "preview_svg_path")
FIELDS: Final = (
    "run_id", "created_at_utc", "mode", "tool_id", "status", "request_summary", "feasibility", "decision", "hashes",
    "outputs", "meta",
)  # fmt: skip


class RmosContract:
    """`rmos/1`: what the readers of RMOS run artifacts depend on."""

    name: Final = NAME
    version: Final = VERSION

    def documents(self, journal: Journal) -> Iterator[Document]:
        """The one document."""
        opened = journal.opened
        (place,) = self.places(opened["data"]["run_id"], opened["ts"])
        yield Document(layout.RUN, lambda: print_pieces(document(journal), PROFILE), PUBLISHED, place)

    def places(self, run_id: str, opened_at: str) -> list[str]:
        """Where it is published."""
        return [layout.place(run_id, opened_at)]


CONTRACT: Final = RmosContract()


def document(journal: Journal) -> dict[str, Any]:
    """The document as a value, its keys in their order."""
    told = journal.last(layout.ARTIFACT)
    if told is None:
        return _recorded(journal)
    value = foreign_object(told["data"].get("document"))
    if "imported" in journal.opened["data"]:
        return value
    facts = {**value, **_identity(journal), **_written(journal, value)}
    if journal.closed["data"]["status"] in (INTERRUPTED, CANCELLED):
        facts["status"] = STATUSES[journal.closed["data"]["status"]]
    return _ordered(facts)


def _written(journal: Journal, value: dict[str, Any]) -> dict[str, Any]:
    """`outputs` and `hashes` of an artifact that was written: of what is recorded, with the paths of what is kept."""
    outputs, hashes = dict(part_of(value, "outputs")), dict(part_of(value, "hashes"))
    hashes.update({name: hash_of(content) for name, content in contents_of(value).items() if name in hashes})
    files = {data["name"]: data for data in journal.data("output")}
    for name, kind in ((layout.GCODE, "gcode"), (layout.OPPLAN, "opplan")):
        if name in files and (path := _kept(files, name)) is not None:
            outputs[f"{kind}_path"], hashes[f"{kind}_sha256"] = path, files[name]["sha256"]
    return {key: found for key, found in (("outputs", outputs), ("hashes", hashes)) if isinstance(value.get(key), dict)}


def contents_of(value: dict[str, Any]) -> dict[str, Any]:
    """What a document holds of that which its hashes are of, by the name of the hash."""
    outputs = part_of(value, "outputs")
    contents = (value.get("toolpaths"), outputs.get("gcode_text"), outputs.get("opplan_json"))
    found = {
        name: content for name, content in zip(HASHES[1:], contents, strict=True) if isinstance(content, str | dict)
    }
    return {HASHES[0]: value.get("feasibility"), **found}


def hash_of(content: Any) -> str:
    """The hash of a content, G-code or JSON."""
    return sha256_text(content) if isinstance(content, str) else sha256_parsed(content)


def _identity(journal: Journal) -> dict[str, Any]:
    return {"run_id": journal.opened["data"]["run_id"], "created_at_utc": journal.opened["ts"]}


def _recorded(journal: Journal) -> dict[str, Any]:
    event = journal.last(layout.REQUEST)
    request = event["data"] if event else {}
    decision = run_decision(journal) or {}
    details = decision.get("details")
    details = details if isinstance(details, dict) else {}
    feasibility = foreign_object(details.get("facts"))
    outputs, hashes = _outputs(journal)
    return _ordered(
        {
            **_identity(journal),
            "mode": _text(request.get("mode"), journal.opened["data"]["kind"]),
            "tool_id": _text(request.get("tool_id"), ""),
            "status": STATUSES[journal.closed["data"]["status"]],
            "request_summary": foreign_object(request.get("summary")),
            "feasibility": feasibility,
            "decision": {
                "risk_level": decision.get("risk_level") or UNKNOWN,
                "score": double_of(decision.get("score")),
                "block_reason": decision.get("block_reason"),
                "warnings": decision.get("warnings") or [],
                "details": _as_computed(details, feasibility),
            },
            "hashes": {"feasibility_sha256": sha256_parsed(feasibility), **hashes},
            "outputs": outputs,
            "meta": _meta(journal, request, details),
        }
    )


def double_of(score: Any) -> float | None:
    """A score as a float, which it is; the journal, as canonical JSON, does not tell 90.0 from 90, and has numbers as
    text that no float holds exactly. `None` for what is beyond the floats, or no number."""
    try:
        number = float(score) if type(score) in (int, float, str) else float("nan")
    except (OverflowError, ValueError):
        return None
    return number if is_finite(number) else None


def _as_computed(details: dict[str, Any], feasibility: dict[str, Any]) -> dict[str, Any]:
    """The policy's details; where they are the feasibility's own, those, whole and with their numbers."""
    recorded = _of_the_policy(details)
    for part in (part_of(feasibility, "safety"), feasibility):
        told = part_of(part, "details")
        if told and canonical_bytes(coerce(_of_the_policy(told))[0]) == canonical_bytes(recorded):
            return told
    return recorded


def _of_the_policy(details: dict[str, Any]) -> dict[str, Any]:
    return {key: details[key] for key in details if key not in DETAILS_OF_THE_GATE}


def _meta(journal: Journal, request: dict[str, Any], details: dict[str, Any]) -> dict[str, Any]:
    closed = journal.closed["data"]
    status = STATUSES[closed["status"]]
    meta: dict[str, Any] = {}
    if status == "BLOCKED":
        meta["policy"] = request.get("policy") or {"block_on_red": True, "treat_unknown_as_red": True}
    elif status == "OK":
        meta["dispatch"] = {"mode": _text(request.get("mode"), journal.opened["data"]["kind"])}
    else:
        failure = closed["error"] if isinstance(closed["error"], dict) else {}
        word = closed["status"].capitalize()
        meta["exception"] = {
            "type": _text(failure.get("type"), word),
            "message": _text(failure.get("message"), f"the run was {closed['status']}"),
        }
    if "parent" in request:
        meta["lineage"] = {"parent_plan_run_id": request["parent"]}
    if "override" in details:
        meta["override"] = details["override"]
    return meta


def _outputs(journal: Journal) -> tuple[dict[str, Any], dict[str, Any]]:
    """`outputs`, and the hashes of what is in them; an answer that was blocked or failed has none."""
    outputs: dict[str, Any] = dict.fromkeys(OUTPUTS)
    hashes: dict[str, Any] = dict.fromkeys(HASHES[1:])
    event = journal.last(layout.BUILT)
    if event is None or STATUSES[journal.closed["data"]["status"]] != "OK":
        return outputs, hashes
    inline = event["data"].get("payload") is not None
    payload = foreign_object(event["data"].get("payload"))
    files = {data["name"]: data for data in journal.data("output")}
    if inline:
        hashes["toolpaths_sha256"] = sha256_parsed(payload)
    elif layout.TOOLPATHS in files:
        hashes["toolpaths_sha256"] = files[layout.TOOLPATHS]["sha256"]
    gcode = gcode_of(payload) if inline else event["data"].get("gcode_text")
    if isinstance(gcode, str) and len(gcode) <= layout.MAX_INLINE_GCODE:
        outputs["gcode_text"], hashes["gcode_sha256"] = gcode, sha256_text(gcode)
    elif layout.GCODE in files:
        hashes["gcode_sha256"] = files[layout.GCODE]["sha256"]
        outputs["gcode_path"] = _kept(files, layout.GCODE)
    told = event["data"].get("opplan")
    opplan = opplan_of(payload) if inline else foreign_object(told) if isinstance(told, dict) else None
    if opplan is not None:
        outputs["opplan_json"], hashes["opplan_sha256"] = opplan, sha256_parsed(opplan)
    elif not inline and layout.OPPLAN in files:
        hashes["opplan_sha256"] = files[layout.OPPLAN]["sha256"]
        outputs["opplan_path"] = _kept(files, layout.OPPLAN)
    return outputs, hashes


def _kept(files: dict[str, dict[str, Any]], name: str) -> str | None:
    """The path in the bundle of a file, or of its copy without secrets."""
    stem, _, extension = name.rpartition(".")
    return next(
        (
            files[known]["path"]
            for known in (name, f"{stem}.redacted.{extension}")
            if known in files and files[known]["path"]
        ),
        None,
    )


def gcode_of(payload: dict[str, Any]) -> str | None:
    """The G-code of a toolpaths payload."""
    found = payload.get("gcode") or payload.get("gcode_text")
    return found if isinstance(found, str) else None


def opplan_of(payload: dict[str, Any]) -> dict[str, Any] | None:
    """The operation plan of a toolpaths payload."""
    found = payload.get("opplan") or payload.get("opplan_json")
    return found if isinstance(found, dict) else None


def _text(value: Any, otherwise: str) -> str:
    return value if isinstance(value, str) else otherwise


def _ordered(facts: dict[str, Any]) -> dict[str, Any]:
    """Declared fields in their order, others behind them; keys of free maps by code point."""
    declared = {"decision": DECISION, "hashes": HASHES, "outputs": OUTPUTS}
    result = {}
    for key in (*FIELDS, *sorted(facts.keys() - set(FIELDS))):
        if key in facts:
            value = facts[key]
            order = declared.get(key)
            if order is not None and isinstance(value, dict):
                names = [*(name for name in order if name in value), *sorted(value.keys() - set(order))]
                result[key] = {name: in_order(value[name]) for name in names}
            else:
                result[key] = in_order(value)
    return result


def row_of(value: dict[str, Any], path: str) -> dict[str, Any]:
    """What a list shows of a document; of one of another writer what it tells by another name."""
    feasibility, hashes = part_of(value, "feasibility"), part_of(value, "hashes")
    safety = part_of(feasibility, "safety") or feasibility
    decision = part_of(value, "decision") or safety
    return {
        **{key: value.get(key) for key in ("run_id", "created_at_utc", "status")},
        "mode": mode_of(value),
        "tool_id": value.get("tool_id"),
        "risk_level": decision.get("risk_level"),
        "score": decision.get("score"),
        "feasibility_sha256": hashes.get("feasibility_sha256"),
        "toolpaths_sha256": hashes.get("toolpaths_sha256") or value.get("toolpaths_hash"),
        "artifact_path": path,
    }


def mode_of(value: dict[str, Any]) -> Any:
    """The mode of a document; older writers call it `workflow_mode`."""
    return value.get("mode") or value.get("workflow_mode")


def decision_of(value: dict[str, Any]) -> dict[str, Any]:
    """The decision of a document of any writer, in the fields of this contract."""
    feasibility = part_of(value, "feasibility")
    told = part_of(value, "decision") or part_of(feasibility, "safety") or feasibility
    return {
        "risk_level": told.get("risk_level") if isinstance(told.get("risk_level"), str) else None,
        "score": told.get("score"),
        "block_reason": told.get("block_reason") if isinstance(told.get("block_reason"), str) else None,
        "warnings": told["warnings"] if isinstance(told.get("warnings"), list) else [],
    }


def part_of(value: dict[str, Any], key: str) -> dict[str, Any]:
    """A member that is an object; else an empty one."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}
