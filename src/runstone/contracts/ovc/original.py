"""A run folder as OVC's own writer left it: read without following links, and proved to have the right shape.

What is wrong is refused with the file and the place in it; keys that nobody knows are left alone.
"""

from __future__ import annotations

from runstone.contracts.ovc import layout
from runstone.contracts.ovc.trigger import TRIGGER_TYPES
from runstone.core import layout as bundle_layout
from runstone.core.limits import MAX_DOCUMENT_BYTES, MAX_FILES
from runstone.core.parsing import parse_json
from runstone.core.times import is_time
from runstone.core.words import CHECK_STATUSES, FAILED, PARTIAL, SUCCESS
from runstone.engine.importer import unfit
from runstone.engine.reader import read_limited
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from runstone.ports.objects import Bundle, Entry

    Fits = Callable[[Any], bool]
    Shape = dict[str, tuple[str, Fits]]
    """Key → what is expected, in words, and the proof."""


_OWN_FILES: Final = 4
"""Files of the bundle beside the originals: the journal and three documents."""


class Original:
    """One run: its parsed documents, its log without the line that names the run, and every file's bytes.

    `folder` is where it stands in what is imported: `""`, or a name and `/`.
    """

    def __init__(
        self,
        folder: str,
        run: dict[str, Any],
        checks: list[dict[str, Any]],
        log: bytes,
        files: dict[str, bytes],
    ) -> None:
        self.folder = folder
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

    @property
    def has_head(self) -> bool:
        """Whether the log had the line that names the run."""
        return self.log != self.files.get(layout.LOG, b"")


def run_folders(bundle: Bundle) -> dict[str, list[Entry]]:
    """What stands in each run folder of a place: under `""` where it is one itself, else under `<folder>/`, sorted.

    Folders with a manifest are sealed bundles and none of these. Raises `invalid_archive` if there is no run.
    """
    entries = bundle.entries()
    if _is_run({entry.path for entry in entries}, ""):
        return {"": entries}
    inside: dict[str, list[Entry]] = {}
    for entry in entries:
        folder, slash, _ = entry.path.partition("/")
        inside.setdefault(folder + slash, []).append(entry)
    found = {
        folder: inside[folder]
        for folder in sorted(inside)
        if folder.endswith("/") and _is_run({entry.path for entry in inside[folder]}, folder)
    }
    if not found:
        raise error(
            "invalid_archive",
            f"{bundle.location} holds no run: expected a {layout.RUN}, in it or in a folder of it,"
            f" that has no {bundle_layout.MANIFEST} beside it",
            path=bundle.location,
        )
    return found


def _is_run(paths: set[str], folder: str) -> bool:
    return folder + layout.RUN in paths and folder + bundle_layout.MANIFEST not in paths


def read_original(bundle: Bundle, folder: str, entries: list[Entry]) -> Original:
    """The run in one folder, of `run_folders`. Raises `invalid_archive`, `invalid_path`, `too_large`."""
    if len(entries) + _OWN_FILES > MAX_FILES:
        where, limit = folder or bundle.location, MAX_FILES - _OWN_FILES
        raise error("too_large", f"{where} has {len(entries)} files; the limit is {limit}", path=where, limit=limit)
    files: dict[str, bytes] = {}
    for entry in entries:
        if entry.kind != "file":
            raise error("invalid_archive", entry.no_file(), path=entry.path)
        name = entry.path[len(folder) :]
        bundle_layout.check_path(bundle_layout.original(name))
        files[name] = read_limited(bundle, entry.path, MAX_DOCUMENT_BYTES)
    bundle_layout.check_distinct(map(bundle_layout.original, files))
    run = _document(files[layout.RUN], folder + layout.RUN, _RUN)
    return Original(folder, run, _checks(files, folder), _log(files, run["run_id"]), files)


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
        raise unfit(where, place, "an object", value)
    for key, (expected, fits) in shape.items():
        if key not in value or not fits(value[key]):
            raise unfit(where, f"{place}.{key}", expected, value.get(key, "nothing"))


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
