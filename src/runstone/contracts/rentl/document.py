"""The documents of `rentl/1`, in print profile `compact-utf8`: the records of a finished pipeline, and of each phase.

- A run that was sealed or imported is told by `x.rentl.state` and `x.rentl.index`, that of a phase by `x.rentl.phase`,
  what was made by `x.rentl.artifact`, one each; the lines of its log stand in its `log` events as `entry`, whose
  `message` is the text of the event where it is null.
- Total: any journal that can be sealed has its documents; one that tells no index has that of its own status.
"""

from __future__ import annotations

from runstone.contracts.rentl import layout
from runstone.core.contract import DERIVED, Document, json_document
from runstone.core.foreign import foreign_object
from runstone.core.ids import is_random_id
from runstone.core.layout import ARTIFACTS
from runstone.core.printing import print_json
from runstone.core.runlog import log_pieces
from runstone.core.words import BLOCKED, CANCELLED, FAILED, INTERRUPTED, PARTIAL, SUCCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.core.journal import Journal

NAME: Final = "rentl"
VERSION: Final = "1"
PROFILE: Final = "compact-utf8"

STATUSES: Final = {
    SUCCESS: "completed",
    PARTIAL: "completed",
    FAILED: "failed",
    BLOCKED: "failed",
    CANCELLED: "cancelled",
    INTERRUPTED: "failed",
}
"""Kernel status → status of the record."""


class RentlContract:
    """`rentl/1`: what the readers of rentl's records depend on."""

    name: Final = NAME
    version: Final = VERSION

    def documents(self, journal: Journal) -> Iterator[Document]:
        """All documents of a run, sealed ones first, each group in the order of its paths."""
        told = {kind: _told(journal, kind) for kind in (layout.PHASE_EVENT, layout.INDEX_EVENT, layout.STATE_EVENT)}
        if journal.count(layout.ARTIFACT_EVENT):
            yield json_document(layout.ARTIFACTS_DOCUMENT, _manifest(journal), PROFILE)
        if any("entry" in data for data in journal.data("log")):
            yield Document(layout.LOG_DOCUMENT, lambda: _log(journal))
        if told[layout.PHASE_EVENT] is not None:
            yield json_document(layout.PHASE_DOCUMENT, told[layout.PHASE_EVENT], PROFILE)
        else:
            yield json_document(layout.INDEX_DOCUMENT, told[layout.INDEX_EVENT] or _own_index(journal), PROFILE)
        if told[layout.STATE_EVENT] is not None:
            yield json_document(layout.STATE_DOCUMENT, told[layout.STATE_EVENT], PROFILE)
        if journal.count("log"):
            yield Document("run.log", lambda: log_pieces(journal), DERIVED)


CONTRACT: Final = RentlContract()


def _told(journal: Journal, kind: str) -> dict[str, Any] | None:
    event = journal.last(kind)
    return None if event is None else record_of(event["data"])


def record_of(data: dict[str, Any]) -> dict[str, Any]:
    """The record that an event tells; empty where it was dropped, or is none."""
    return foreign_object(data.get("record"))


def _manifest(journal: Journal) -> dict[str, Any]:
    """The artifacts of a run, as rentl lists them."""
    opened = journal.opened
    artifacts = [record_of(data) for data in journal.data(layout.ARTIFACT_EVENT)]
    run_id = next((one["run_id"] for one in artifacts if "run_id" in one), opened["data"]["run_id"])
    return {"run_id": run_id, "generated_at": journal.closed["ts"], ARTIFACTS: artifacts}


def _log(journal: Journal) -> Iterator[bytes]:
    for data in journal.data("log"):
        entry = foreign_object(data.get("entry"))
        if entry:
            if entry.get("message", "") is None:
                entry = {**entry, "message": data.get("text")}
            yield print_json(entry, PROFILE) + b"\n"


def _own_index(journal: Journal) -> dict[str, Any]:
    """What a list would show of a run that tells no index: by what the kernel knows."""
    opened, closed = journal.opened, journal.closed
    config = journal.last("config")
    told = config["data"]["value"] if config is not None and isinstance(config["data"]["value"], dict) else {}
    error = closed["data"]["error"]
    index: dict[str, Any] = {
        "metadata": {
            "run_id": _uuid(opened["data"]["run_id"]),
            "schema_version": {"major": 0, "minor": 1, "patch": 0},
            "status": STATUSES[closed["data"]["status"]],
            "created_at": opened["ts"],
            "started_at": opened["ts"],
            "completed_at": closed["ts"],
        },
        "project_name": opened["data"]["kind"],
        "source_language": told.get("source_language", "en"),
        "target_languages": told.get("target_languages") or ["en"],
        "updated_at": closed["ts"],
    }
    if isinstance(error, dict):
        code, said = (str(error.get(name) or STATUSES[closed["data"]["status"]]) for name in ("type", "message"))
        index["last_error"] = {"code": code, "message": said}
    return index


def _uuid(run_id: str) -> str:
    """A random id of the kernel as the UUID of its digits; any other as it is."""
    if not is_random_id(run_id):
        return run_id
    return "-".join((run_id[:8], run_id[8:12], run_id[12:16], run_id[16:20], run_id[20:]))
