"""Every path of a bundle and of a store, and the grammar of paths inside a bundle.

No other module spells one of these names. Paths here are relative and use `/`.
"""

from __future__ import annotations

from runstone.core.ids import DEVICE_NAMES, fold_id
from runstone.core.limits import MAX_COMPONENT_BYTES, MAX_PATH_BYTES
from runstone.errors import error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

# the bundle
FORMAT: Final = "runstone-bundle/1"
MANIFEST: Final = "manifest.json"
JOURNAL: Final = "events.jsonl"
ARTIFACTS: Final = "artifacts"
ORIGINALS: Final = "artifacts/original"

# the store
PRIVATE: Final = ".runstone"
GIT_ATTRIBUTES: Final = ".gitattributes"
GIT_ATTRIBUTES_TEXT: Final = b"* -text\n"
STORE_FILE: Final = f"{PRIVATE}/store.json"
STORE_FORMAT: Final = "runstone-store/1"
TEMPORARY: Final = f"{PRIVATE}/tmp"  # noqa: S108  # the store's own folder, not the system's
PSEUDONYM_KEY: Final = f"{PRIVATE}/pseudonym.key"
OPEN: Final = f"{PRIVATE}/open"
CATALOG: Final = f"{PRIVATE}/catalog.sqlite"
CATALOG_LOCK: Final = f"{PRIVATE}/catalog.lock"
LEASES: Final = f"{PRIVATE}/lease"
UNKEPT: Final = f"{PRIVATE}/unkept"
CHILDREN: Final = f"{PRIVATE}/children"
TOMBSTONES: Final = f"{PRIVATE}/tombstones"
CLAIMS: Final = f"{PRIVATE}/idem"
PUBLISHED: Final = f"{PRIVATE}/published"
DEBUG: Final = f"{PRIVATE}/debug"
INNER_STORE: Final = f"{PRIVATE}/store"
"""Where a store stands in a folder that other programs read: documents are published in that folder."""
PACKS: Final = f"{PRIVATE}/packs"
SEGMENT_END: Final = ".tar"
INDEX_END: Final = ".idx"
SPOOLS: Final = f"{PRIVATE}/spool"
SPOOL_END: Final = ".jsonl"
MOVED_END: Final = ".folder"
NEW_END: Final = ".new"
NOT_RUNS: Final = frozenset({PRIVATE, GIT_ATTRIBUTES})
MAX_FOLDERS: Final = 64
"""Nesting of folders that a reader follows in a bundle."""


def open_run(run_id: str) -> str:
    """The folder of a run that is being recorded."""
    return f"{OPEN}/{run_id}"


def arriving(run_id: str, number: int) -> str:
    """A file on its way into a run, until it is whole: no name of a bundle."""
    return f"{OPEN}/{run_id}/.arriving-{number}"


def unkept(run_id: str) -> str:
    """The folder in which a program puts files for its run to keep; no part of the run before it keeps them."""
    return f"{UNKEPT}/{run_id}"


def children(run_id: str) -> str:
    """The folder in which runs of other processes leave their ids for a run that is open, as they are its children."""
    return f"{CHILDREN}/{run_id}"


def debug(run_id: str) -> str:
    """The folder of what debug mode keeps of a run: encrypted, no part of its bundle, and gone with it."""
    return f"{DEBUG}/{run_id}"


def debug_file(run_id: str, name: str) -> str:
    """One prompt, answer or message, encrypted; `name` is random."""
    return f"{DEBUG}/{run_id}/{name}"


def claim(name: str) -> str:
    """The file that says that something was claimed, once and for ever; `name` is digits, small letters and dots."""
    return f"{CLAIMS}/{name}"


def lease(run_id: str) -> str:
    """The file whose existence says that the id is taken, and whose lock says that its writer is alive."""
    return f"{LEASES}/{fold_id(run_id)}"


def tombstone(run_id: str) -> str:
    """The file that says that a run is marked to be purged, or that it was; it takes the id."""
    return f"{TOMBSTONES}/{fold_id(run_id)}.json"


def segment(name: str) -> str:
    """The archive in which the slices of many runs stand."""
    return f"{PACKS}/{name}{SEGMENT_END}"


def segment_index(name: str) -> str:
    """What stands where in a segment that is closed; a scan of the segment makes it anew."""
    return f"{PACKS}/{name}{INDEX_END}"


def moved_spool(name: str) -> str:
    """The file that tells of another folder in which events of this store are spooled."""
    return f"{SPOOLS}/{name}{MOVED_END}"


def artifact(name: str) -> str:
    """Where a kept file called `name` stands in its bundle."""
    return f"{ARTIFACTS}/{name}"


def original(name: str) -> str:
    """Where an imported run keeps an original file."""
    return f"{ORIGINALS}/{name}"


def path_problem(path: str) -> str | None:
    """What is wrong with a path inside a bundle, or `None`.

    Relative, `/` between components, NFC, no `.` or `..`, nothing that Windows cannot hold, within the limits.
    """
    if path in _GOOD:
        return None
    problem = _path_problem(path)
    if problem is None:
        if len(_GOOD) >= _GOOD_PATHS:
            _GOOD.clear()
        _GOOD.add(path)
    return problem


_GOOD_PATHS: Final = 1024
_GOOD: Final[set[str]] = set()
"""Paths that were found good: bundles have the same names again and again."""


def _path_problem(path: str) -> str | None:
    if not path or path.startswith("/") or path.endswith("/"):
        return "it is empty, absolute or ends with a slash"
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "it is not Unicode text"
    if size > MAX_PATH_BYTES:
        return f"it has {size} bytes; the limit is {MAX_PATH_BYTES}"
    if not path.isascii() and not _is_nfc(path):
        return "it is not in Unicode normal form C"
    for component in path.split("/"):
        problem = _component_problem(component)
        if problem:
            return problem
    return None


def _component_problem(name: str) -> str | None:
    if name in ("", ".", ".."):
        return "a component is empty, `.` or `..`"
    if len(name.encode()) > MAX_COMPONENT_BYTES:
        return f"a component has more than {MAX_COMPONENT_BYTES} bytes"
    if any(mark < " " or mark in '\\:*?"<>|\x7f' for mark in name):
        return 'a component has a control character or one of \\ : * ? " < > |'
    if name[-1] in ". ":
        return "a component ends with a dot or a space"
    if name.partition(".")[0].rstrip(" ").lower() in DEVICE_NAMES:
        return "a component is a Windows device name"
    return None


def check_path(path: str) -> str:
    """`path`, if it can stand in a bundle; raises `invalid_path`."""
    problem = path_problem(path)
    if problem:
        raise error(
            "invalid_path", f"{excerpt(path, 120)!r} cannot stand in a bundle: {problem}", path=excerpt(path, 1024)
        )
    return path


def fold_path(path: str) -> str:
    """The form in which two paths are the same file on some file system."""
    if path.isascii():
        return path.lower()
    import unicodedata

    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def check_distinct(paths: Iterable[str]) -> None:
    """Raise `path_collision` if two paths, or a path and a folder of another, cannot stand side by side."""
    paths = list(paths)
    if "/" not in "".join(paths) and len(set(map(fold_path, paths))) == len(paths):
        return  # no folders, and no two alike
    seen: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in paths:
        folded = fold_path(path)
        if folded in seen:
            raise _collision(path, seen[folded])
        seen[folded] = path
        parts = folded.split("/")
        spelled = path.split("/")
        for depth in range(1, len(parts)):
            folder, spelling = "/".join(parts[:depth]), "/".join(spelled[:depth])
            if folders.setdefault(folder, spelling) != spelling:
                raise _collision(path, folders[folder])
    for folder, spelling in folders.items():
        if folder in seen:
            raise _collision(spelling, seen[folder])


def _collision(one: str, other: str) -> Exception:
    return error("path_collision", f"{one!r} and {other!r} are the same name on some file systems", paths=[one, other])


def _is_nfc(text: str) -> bool:
    import unicodedata

    return unicodedata.is_normalized("NFC", text)
