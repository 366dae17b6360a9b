"""Run artifacts as another writer left them: read, proved to have what every run has, and named by their places.

Two forms: a folder of `<YYYY-MM-DD>/<run_id>.json`, and one file `{run_id: run}`. What nobody knows is left alone; what
is null stays null, and what is absent stays absent.
"""

from __future__ import annotations

from runstone.contracts.rmos.document import STATUSES
from runstone.core.ids import is_run_id
from runstone.core.limits import MAX_DOCUMENT_BYTES
from runstone.core.parsing import parse_json
from runstone.core.times import is_time
from runstone.engine.importer import time_of, unfit
from runstone.engine.reader import read_limited
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.ports.objects import Bundle

ATTACHMENTS: Final = "attachments/"
MAX_SHARED_BYTES: Final = 1 << 20
"""A file of many runs up to this size is kept by each of them; of a larger one each keeps its own part."""
_DAY_CHARACTERS: Final = len("2026-01-02")


class Original:
    """One run: its value, the bytes and the name of the file that tells of it, and the files of its attachments.

    `place` is where it stands, for errors.
    """

    def __init__(self, value: dict[str, Any], name: str, body: bytes, place: dict[str, str]) -> None:
        self.value = value
        self.name = name
        self.body = body
        self.place = place
        self.files: dict[str, bytes] = {}


def originals(bundle: Bundle) -> Iterator[Original]:
    """Every run below a folder, by day and name. Raises `invalid_archive` where there is none."""
    entries = {entry.path: entry for entry in bundle.entries()}
    found = sorted(path for path in entries if is_artifact(path))
    if not found:
        message = f"{bundle.location} holds no <YYYY-MM-DD>/<run_id>.json"
        raise error("invalid_archive", message, path=bundle.location)
    kept = [path for path in entries if path.startswith(ATTACHMENTS) and entries[path].kind == "file"]
    for path in found:
        if entries[path].kind != "file":
            raise error("invalid_archive", entries[path].no_file(), path=path)
        body = read_limited(bundle, path, MAX_DOCUMENT_BYTES)
        value = _parsed(body, path)
        original = Original(_proved(value, path, "$"), path.rpartition("/")[2], body, {"path": path})
        if original.value["run_id"] != original.name.removesuffix(".json"):
            raise unfit(path, "$.run_id", "the name of the file", value["run_id"])
        for sha256 in _attached(original.value):
            for other in (other for other in kept if other.rpartition("/")[2].partition(".")[0] == sha256):
                name = f"{ATTACHMENTS}{other.rpartition('/')[2]}"
                original.files[name] = read_limited(bundle, other, MAX_DOCUMENT_BYTES)
        yield original


def originals_of_file(body: bytes, path: str) -> Iterator[Original]:
    """Every run of one file `{run_id: run}`, in its order; or the one run that the file is."""
    value = _parsed(body, path)
    name = path.replace("\\", "/").rpartition("/")[2]
    if isinstance(value, dict) and isinstance(value.get("run_id"), str):
        yield Original(_proved(value, path, "$"), name, body, {"path": path, "json_path": "$"})
        return
    if not isinstance(value, dict) or not value:
        raise unfit(path, "$", "an object of runs by their ids", value)
    parts = _parts(body.decode()) if len(body) > MAX_SHARED_BYTES else {}
    for run_id, run in value.items():
        place = f"$.{run_id}"
        found = _proved(run, path, place)
        if found["run_id"] != run_id:
            raise unfit(path, f"{place}.run_id", f"{run_id!r}, as its key", found["run_id"])
        part = parts.get(run_id)
        kept = (name, body) if part is None else (f"{run_id}.json", part)
        yield Original(found, *kept, {"path": path, "json_path": place})


def _parts(text: str) -> dict[str, bytes]:
    """The bytes of each member of an object that was proved to be JSON."""
    from json import JSONDecoder

    def skipped(at: int) -> int:
        while text[at : at + 1] in (" ", "\t", "\n", "\r"):
            at += 1
        return at

    decode = JSONDecoder().raw_decode
    parts: dict[str, bytes] = {}
    at = skipped(skipped(0) + 1)
    while text[at] != "}":
        key, at = decode(text, at)
        begin = skipped(skipped(at) + 1)
        _, end = decode(text, begin)
        parts[key] = text[begin:end].encode()
        at = skipped(end)
        if text[at] == ",":
            at = skipped(at + 1)
    return parts


def is_artifact(path: str) -> bool:
    """Whether a path is `<YYYY-MM-DD>/<name>.json`, of a day that exists."""
    day, _, name = path.partition("/")
    return "/" not in name and name.endswith(".json") and len(day) == _DAY_CHARACTERS and _is_day(day)


def _is_day(text: str) -> bool:
    return is_time(f"{text}T00:00:00.000000Z")


def _attached(value: dict[str, Any]) -> list[str]:
    told = value.get("attachments")
    items = told if isinstance(told, list) else []
    return [item["sha256"] for item in items if isinstance(item, dict) and isinstance(item.get("sha256"), str)]


def _parsed(body: bytes, path: str) -> Any:
    try:
        return parse_json(body)
    except RunstoneError as exc:
        raise error("invalid_archive", f"{path}: {exc.message}", **{**exc.details, "path": path}) from exc


def _proved(value: Any, path: str, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise unfit(path, place, "an object", value)
    run_id = value.get("run_id")
    if not is_run_id(run_id):
        raise unfit(path, f"{place}.run_id", "a run id", run_id)
    if value.get("status") not in STATUSES.values():
        raise unfit(path, f"{place}.status", "OK, BLOCKED or ERROR", value.get("status"))
    if started(value) is None:
        raise unfit(path, f"{place}.created_at_utc", "a time", value.get("created_at_utc"))
    return value


def started(value: dict[str, Any]) -> str | None:
    """The time of a run in the form of the format; `None` where it has none."""
    return time_of(value.get("created_at_utc"))
