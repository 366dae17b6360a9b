"""What is recorded of toolpaths: of an answer of the gate, or of an artifact that is written as a whole.

- G-code is told as an output, by the SHA-256 of its bytes: `runstone find` names the run of such a file anywhere.
- What is too long for the document is kept as a file of the bundle, which the document names in its place.
- A hash in an artifact is that of the content beside it, or the artifact is refused before anything is recorded.
"""

from __future__ import annotations

from runstone.contracts.rmos import layout
from runstone.contracts.rmos.document import (
    HASHES,
    NAME,
    OUTPUTS,
    STATUSES,
    VERSION,
    contents_of,
    decision_of,
    double_of,
    gcode_of,
    hash_of,
    mode_of,
    opplan_of,
)
from runstone.contracts.rmos.hashing import STABLE, as_json, in_order, sha256_json, stable_json
from runstone.core.canonical import canonical_bytes
from runstone.core.digests import is_sha256, sha256_hex
from runstone.core.limits import MAX_LINE_BYTES
from runstone.core.policy.decision import ALLOW, BLOCK
from runstone.core.printing import print_json
from runstone.core.redaction.cutting import beginning
from runstone.core.times import time_text
from runstone.core.values import Foreign
from runstone.core.words import BLOCKED, FAILED, SUCCESS
from runstone.errors import RunstoneError, error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

    from runstone.contracts.rmos.models import RunArtifact
    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.recorder import Run
    from runstone.engine.store import Store

KERNEL_STATUSES: Final = {"OK": SUCCESS, "BLOCKED": BLOCKED, "ERROR": FAILED}
PRINT: Final = "py-pretty-utf8"
_ENVELOPE_BYTES: Final = 1024
"""Room on a line for what stands around a document."""
_TEXT: Final = "text"
_OBJECT: Final = "an object"
_NUMBER: Final = "a number"
_TEXTS: Final = "a list of texts"
_IS: Final[Mapping[str, Callable[[Any], bool]]] = {
    _TEXT: lambda value: isinstance(value, str),
    _OBJECT: lambda value: isinstance(value, dict),
    _NUMBER: lambda value: type(value) in (int, float) and double_of(value) is not None,
    _TEXTS: lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
}
_MEMBERS: Final[Mapping[str, Mapping[str, str]]] = {
    "request_summary": {},
    "feasibility": {},
    "decision": {
        "risk_level": _TEXT,
        "score": _NUMBER,
        "block_reason": _TEXT,
        "warnings": _TEXTS,
        "details": _OBJECT,
    },
    "hashes": {},
    "outputs": {**dict.fromkeys(OUTPUTS, _TEXT), "opplan_json": _OBJECT},
    "meta": {},
}
"""Parts of an artifact, each an object, and of which types their members are. What is null is not there."""


def record_toolpaths(run: Run, payload: dict[str, Any]) -> None:
    """Record a toolpaths payload and its G-code; what is large, its plan too, as files of the bundle."""
    body = stable_json(payload)
    gcode, opplan = gcode_of(payload), opplan_of(payload)
    if gcode is not None:
        _record_gcode(run, gcode)
    if len(body) <= layout.MAX_INLINE_PAYLOAD:
        run.event(layout.BUILT, {"payload": Foreign(in_order(payload), STABLE)})
        return
    run.output(layout.TOOLPATHS, body, keep="redacted")
    small = opplan is not None and not _keeps_plan(run, opplan)
    run.event(
        layout.BUILT,
        {
            "payload": None,
            "gcode_text": None if gcode is None or _is_long(gcode) else gcode,
            "opplan": Foreign(in_order(opplan), STABLE) if small else None,
        },
    )


def _is_long(gcode: str) -> bool:
    return len(gcode) > layout.MAX_INLINE_GCODE


def _record_gcode(run: Run, gcode: str) -> None:
    data = gcode.encode()
    if _is_long(gcode):
        run.output(layout.GCODE, data, keep="redacted")
    else:
        run.output("file", None, name=layout.GCODE, sha256=sha256_hex(data), size=len(data))


def _keeps_plan(run: Run, opplan: dict[str, Any]) -> bool:
    """Keep a plan as a file, if it is large; answers whether it was."""
    plan = stable_json(opplan)
    large = len(plan) > layout.MAX_INLINE_PAYLOAD
    if large:
        run.output(layout.OPPLAN, plan, keep="redacted")
    return large


def short_label(text: str, redactor: Callable[[], Redactor]) -> str:
    """What a run's label says of a text, as the name of its tool: of a long one the beginning, cut once its secrets are
    out of it. Half of a secret is none that is found."""
    if len(text) <= layout.MAX_LABEL_CHARACTERS:
        return text
    known = redactor()
    return beginning(known, known.text(text)[0], layout.MAX_LABEL_CHARACTERS)


def write_artifact(store: Store, artifact: RunArtifact | Mapping[str, Any]) -> str:
    """Record, seal and publish an artifact as a whole; answers its run id. See `RunStore.write_artifact`."""
    value = proved(artifact)
    told = Told(value)
    told.check_size()
    kind, label = str(mode_of(value) or "unknown"), short_label(str(value["tool_id"]), store.redactor)
    run_id: str = value["run_id"]
    place = layout.place(run_id, time_text(store.clock.time_ns()))
    if store.journals.published.stands(place) and not store.objects.exists(run_id):
        raise taken(store, place)
    run = store.run(kind, run_id=run_id, contract=f"{NAME}/{VERSION}", labels={layout.TOOL_LABEL: label}, strict=True)
    if not run.recording:
        raise error("store_unavailable", "recording is switched off by RUNSTONE_DISABLED", store=store.url)
    with run:
        told.record(run)
        run.event("decision", decision_event(value))
        run.finish(KERNEL_STATUSES[value["status"]])
    return run_id


def taken(store: Store, place: str) -> RunstoneError:
    """What is raised where other bytes stand at the place of a document."""
    path = store.journals.published.location(place)
    message = f"{path} has other bytes than the document that is to be published there: use another folder"
    return error("published_conflict", message, path=path, place=place)


class Told:
    """An artifact as it is recorded: without the G-code and the plan that are too long for its document."""

    def __init__(self, value: dict[str, Any]) -> None:
        outputs = value.get("outputs")
        self._outputs: dict[str, Any] = dict(outputs) if isinstance(outputs, dict) else {}
        self._gcode: str | None = self._outputs.get("gcode_text")
        self._gcode_sha256: str | None = value["hashes"].get("gcode_sha256")
        opplan: dict[str, Any] | None = self._outputs.get("opplan_json")
        is_large = opplan is not None and len(stable_json(opplan)) > layout.MAX_INLINE_PAYLOAD
        self._large_plan = opplan if is_large else None
        if self._gcode is not None and _is_long(self._gcode):
            self._leave_out("gcode_text", "gcode_path")
        if is_large:
            self._leave_out("opplan_json", "opplan_path")
        self._document = Foreign({**value, "outputs": self._outputs} if isinstance(outputs, dict) else value, PRINT)

    def _leave_out(self, content: str, path: str) -> None:
        if self._outputs.get(path) is not None:
            rule = f"outputs.{content} is too long for the document and becomes a file: leave outputs.{path} out"
            raise error("invalid_option", rule, option="outputs", path=self._outputs[path])
        self._outputs[content] = None

    def check_size(self) -> None:
        """Raise `too_large` for a document that does not fit into one line of the journal."""
        text = print_json(self._document.value, PRINT).decode()  # raises for what is no Unicode
        size = len(canonical_bytes({"document": {"$json": text}})) + _ENVELOPE_BYTES
        if size > MAX_LINE_BYTES:
            message = f"an artifact of {size} bytes; the limit is {MAX_LINE_BYTES}"
            raise error("too_large", message, found=size, limit=MAX_LINE_BYTES)

    def record(self, run: Run) -> None:
        """Record what is kept beside it, and the document."""
        if self._gcode is not None:
            _record_gcode(run, self._gcode)
        elif self._gcode_sha256 is not None:
            run.output("file", None, name=layout.GCODE, sha256=self._gcode_sha256)
        if self._large_plan is not None:
            _keeps_plan(run, self._large_plan)
        run.event(layout.ARTIFACT, {"document": self._document})


def decision_event(value: Mapping[str, Any]) -> dict[str, Any]:
    """The kernel's decision of a document that was written as a whole; its facts are the feasibility, as at a gate."""
    feasibility = value.get("feasibility")
    told = isinstance(feasibility, dict)
    return {
        "call": None,
        "outcome": BLOCK if value.get("status") == STATUSES[BLOCKED] else ALLOW,
        **decision_of(dict(value)),
        "rules": [],
        "details": {"facts": Foreign(in_order(feasibility), STABLE)} if told else None,
        "policy": None,
    }


def proved(artifact: Any) -> dict[str, Any]:
    """An artifact that can be recorded, with the hash of all that stands in it. Raises `invalid_option` where a hash is
    none, or of something else; that of the feasibility has to be there. Errors as `as_json`, too."""
    value = as_json(artifact)
    if not isinstance(value, dict):
        raise error("invalid_option", "an artifact is a RunArtifact, or a mapping as one", option="artifact")
    for key in ("run_id", "tool_id", "mode"):
        if not isinstance(value.get(key), str):
            raise error("invalid_option", f"{key} of an artifact is text", option=key)
    if value.get("status") not in tuple(KERNEL_STATUSES):  # by equality: it may be a list
        words = ", ".join(KERNEL_STATUSES)
        raise error("invalid_option", f"status of an artifact is one of {words}", option="status")
    for part, members in _MEMBERS.items():
        _check_part(part, value.get(part), members)
    stable_json(value)  # text that is no Unicode has no hash, and would leave a document without what it is in
    return {**value, "hashes": _hashes(value, artifact)}


def _check_part(part: str, value: Any, members: Mapping[str, str]) -> None:
    """Raise `invalid_option` where a part of an artifact, or a member of it, is there and of another type."""
    found = {part: (value, _OBJECT)}
    if isinstance(value, dict):
        found.update({f"{part}.{name}": (value.get(name), word) for name, word in members.items()})
    for name, (member, word) in found.items():
        if member is not None and not _IS[word](member):
            raise error("invalid_option", f"{name} of an artifact is {word}, or null", option=part)


def _hashes(value: dict[str, Any], artifact: Any) -> dict[str, Any]:
    told = value.get("hashes")
    hashes: dict[str, Any] = dict(told) if isinstance(told, dict) else {}
    for name in HASHES:
        if hashes.get(name) is not None and not is_sha256(hashes[name]):
            message = f"hashes.{name} is a SHA-256 in 64 lower-case hexadecimal digits"
            raise error("invalid_option", message, option="hashes", found=excerpt(str(hashes[name])))
    for name, content in contents_of(value).items():
        expected, found = hash_of(content), hashes.get(name)
        is_told = found is not None or name == HASHES[0]
        if is_told and found != expected and found != _hash_as_handed(artifact, name):
            message = f"hashes.{name} is not the hash of what stands in the artifact"
            raise error("invalid_option", message, option="hashes", expected=expected, found=found)
        hashes[name] = expected
    return hashes


def _hash_as_handed(artifact: Any, name: str) -> str | None:
    """The hash of what was handed in, where keys that are numbers are sorted as numbers: in the document they are text.
    `None` where it has none."""
    try:
        members = dict(artifact)
        members["outputs"] = dict(members.get("outputs") or {})
        content = contents_of(members).get(name)
        return sha256_json(content) if isinstance(content, dict) else None
    except (RunstoneError, TypeError, ValueError):
        return None
