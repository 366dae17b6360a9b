"""A run folder as OVC's own writer left it: read without following links, and proved to have the right shape.

What is wrong is refused with the file and the place in it; keys that nobody knows are left alone.
"""

from __future__ import annotations

from runstone.contracts.ovc import layout
from runstone.contracts.ovc.trigger import TRIGGER_TYPES
from runstone.core import layout as bundle_layout
from runstone.core.limits import MAX_DOCUMENT_BYTES
from runstone.core.parsing import parse_json
from runstone.core.times import is_time
from runstone.core.words import CHECK_STATUSES, FAILED, PARTIAL, SUCCESS
from runstone.engine.reader import read_limited
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from runstone.ports.objects import Bundle

    Fits = Callable[[Any], bool]
    Shape = dict[str, tuple[str, Fits]]
    """Key → what is expected, in words, and the proof."""


class Original:
    """One run: its parsed documents, its log without the line that names the run, and every file's bytes."""

    def __init__(self, run: dict[str, Any], checks: list[dict[str, Any]], log: bytes, files: dict[str, bytes]) -> None:
        self.run = run
        self.checks = checks
        self.log = log
        self.files = files

    @property
    def encoding(self) -> str:
        """What decodes the log without loss: UTF-8, or Latin-1 where it is none."""
        try:
            self.log.decode()
        except UnicodeDecodeError:
            return "latin-1"
        return "utf-8"


def run_folders(bundle: Bundle) -> list[str]:
    """Where the runs are in a place: `[""]` where it is one itself, else `["<folder>/", …]`, sorted.

    Folders with a manifest are sealed bundles and none of these. Raises `invalid_archive` if there is no run.
    """
    paths = {entry.path for entry in bundle.entries()}
    folders = sorted(
        path[: -len(layout.RUN)] for path in paths if path == layout.RUN or path.endswith("/" + layout.RUN)
    )
    found = [folder for folder in folders if folder.count("/") < 2 and folder + bundle_layout.MANIFEST not in paths]
    if not found:
        raise error(
            "invalid_archive",
            f"{bundle.location}: neither it nor a folder in it holds a {layout.RUN} without a {bundle_layout.MANIFEST}",
            path=bundle.location,
        )
    return found[:1] if "" in found else found


def read_original(bundle: Bundle, folder: str) -> Original:
    """The run in one folder. Raises `invalid_archive`, `invalid_path`, `too_large`."""
    files: dict[str, bytes] = {}
    for entry in bundle.entries():
        if not entry.path.startswith(folder):
            continue
        if entry.kind != "file":
            raise error("invalid_archive", f"{entry.path} is a {entry.kind}, not a file", path=entry.path)
        name = entry.path[len(folder) :]
        bundle_layout.check_path(bundle_layout.original(name))
        files[name] = read_limited(bundle, entry.path, MAX_DOCUMENT_BYTES)
    bundle_layout.check_distinct(map(bundle_layout.original, files))
    run = _document(files[layout.RUN], folder + layout.RUN, _RUN)
    return Original(run, _checks(files, folder), _log(files, run["run_id"]), files)


def _checks(files: dict[str, bytes], folder: str) -> list[dict[str, Any]]:
    if layout.CHECKS not in files:
        return []
    checks: list[dict[str, Any]] = _document(files[layout.CHECKS], folder + layout.CHECKS, _CHECKS)["checks"]
    return checks


def _log(files: dict[str, bytes], run_id: str) -> bytes:
    head = f"RUN_ID={run_id}".encode()
    log = files.get(layout.LOG, b"")
    first, _, rest = log.partition(b"\n")
    return rest if first.rstrip(b"\r") == head else log


def _document(data: bytes, where: str, shape: Shape) -> dict[str, Any]:
    try:
        value = parse_json(data)
    except RunstoneError as exc:
        raise error("invalid_archive", f"{where}: {exc.message}", **{**exc.details, "path": where}) from exc
    _prove(value, shape, where, "$")
    for key, item_shape in _ITEMS.items():
        for number, item in enumerate(value[key] if key in shape else ()):
            _prove(item, item_shape, where, f"$.{key}[{number}]")
    return {key: value[key] for key in shape}


def _prove(value: Any, shape: Shape, where: str, place: str) -> None:
    if not isinstance(value, dict):
        raise _unfit(where, place, "an object", value)
    for key, (expected, fits) in shape.items():
        if key not in value or not fits(value[key]):
            raise _unfit(where, f"{place}.{key}", expected, value.get(key, "nothing"))


def _unfit(where: str, place: str, expected: str, found: Any) -> RunstoneError:
    shown = repr(found)[:80]
    return error(
        "invalid_archive",
        f"{where}: {place}: expected {expected}, found {shown}",
        path=where,
        json_path=place,
        expected=expected,
        found=shown,
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _one_of(*words: str) -> tuple[str, Fits]:
    return " or ".join(words), lambda value: isinstance(value, str) and value in words


def _object(**fields: Fits) -> Fits:
    return lambda value: isinstance(value, dict) and all(fits(value.get(key)) for key, fits in fields.items())


def is_utc_second(value: Any) -> bool:
    """Whether a value is `YYYY-MM-DDTHH:MM:SSZ` of a second that exists."""
    return isinstance(value, str) and len(value) == 20 and value[-1] == "Z" and is_time(f"{value[:-1]}.000000Z")


_TEXT: Final = ("text", _is_text)
_TIME: Final = ("a time YYYY-MM-DDTHH:MM:SSZ", is_utc_second)
_LIST: Final = ("a list", _is_list)

_RUN: Final[Shape] = {
    "run_id": ("a run id <utc>__<pipeline_id>__<git_sha7>", layout.is_run_id),
    "pipeline_id": ("letters, digits and -", layout.is_pipeline_id),
    "pipeline_version": _TEXT,
    "started_utc": _TIME,
    "finished_utc": _TIME,
    "duration_ms": ("a whole number from 0", lambda value: type(value) is int and value >= 0),
    "status": _one_of(SUCCESS, PARTIAL, FAILED),
    "trigger": (
        "an object of texts type, source and actor",
        _object(type=_one_of(*TRIGGER_TYPES)[1], source=_is_text, actor=_is_text),
    ),
    "git": ("an object of texts sha, sha7 and ref", _object(sha=_is_text, sha7=_is_text, ref=_is_text)),
    "env": ("an object of lists present and missing", _object(present=_are_texts, missing=_are_texts)),
    "inputs": _LIST,
    "outputs": _LIST,
}
_CHECKS: Final[Shape] = {"checks": _LIST}
_CHECK: Final[Shape] = {
    "id": ("text that is not empty", lambda value: isinstance(value, str) and value != ""),
    "name": _TEXT,
    "status": _one_of(*CHECK_STATUSES),
    "evidence": ("a list of texts", _are_texts),
}
_ARTIFACT: Final[Shape] = {"type": _TEXT, "ref": _TEXT}
_ITEMS: Final[dict[str, Shape]] = {"inputs": _ARTIFACT, "outputs": _ARTIFACT, "checks": _CHECK}
