"""Find what a name stands for: a store behind a URL, a contract behind its name.

The one module that imports adapters; contracts are imported by dotted name, when one is asked for.
"""

from __future__ import annotations

import _thread
import os

from runstone.core import layout
from runstone.engine.current import PARENT, PARENT_STORE, REPLAY, says_yes
from runstone.engine.store import Store
from runstone.errors import RunstoneError, error, excerpt, hide_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Final

    from runstone.adapters.fs.packs.packing import Packing
    from runstone.adapters.fs.places import Places
    from runstone.core.contract import Contract
    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.state_records import StateRecords
    from runstone.engine.states import StateStore
    from runstone.ports.catalog import Catalog
    from runstone.ports.members import Members
    from runstone.ports.objects import Bundle
    from runstone.ports.packs import Packs
    from runstone.ports.records import Records
    from runstone.ports.schemas import Schemas

__version__: Final = "0.1.0"
GENERATOR: Final = {"name": "runstone", "version": __version__}

DEFAULT_STORE: Final = "runs"
STORE_SETTING: Final = "RUNSTONE_STORE"
PACKED_SETTING: Final = "RUNSTONE_PACKED"
SPOOL_SETTING: Final = "RUNSTONE_SPOOL"
STATES_SETTING: Final = "RUNSTONE_STATES"
DEFAULT_STATES: Final = "states.db"

CONTRACTS: Final = {
    "agent": {"1": "runstone.contracts.agent.document:CONTRACT"},
    "lotus": {"1.0": "runstone.contracts.lotus.document:CONTRACT"},
    "ovc": {"0.1": "runstone.contracts.ovc.document:CONTRACT"},
    "rentl": {"1": "runstone.contracts.rentl.document:CONTRACT"},
    "rmos": {"1": "runstone.contracts.rmos.document:CONTRACT"},
    "runstone": {"1": "runstone.contracts.runstone.document:CONTRACT"},
}
"""Contract name → version → dotted name. Versions stand oldest first; every released one stays."""

_loaded: dict[str, Contract] = {}


def contract_of(name: str, version: str | None = None) -> Contract:
    """The contract of a name and version (without one the newest); raises `unknown_contract`."""
    versions = CONTRACTS.get(name, {})
    dotted = versions.get(next(reversed(versions), "") if version is None else version)
    if dotted is None:
        asked = name if version is None else f"{name}/{version}"
        known = [f"{known}/{number}" for known, numbers in CONTRACTS.items() for number in numbers]
        raise error("unknown_contract", f"no contract {excerpt(asked)!r}; known are {', '.join(known)}", known=known)
    contract = _loaded.get(dotted)
    if contract is None:
        module, _, attribute = dotted.partition(":")
        contract = _loaded[dotted] = getattr(__import__(module, fromlist=(attribute,)), attribute)
    return contract


def open_store(
    url: str | os.PathLike[str] | None = None, default: str = DEFAULT_STORE, *, packed: bool = False
) -> Store:
    """The store at a path or URL; without one `RUNSTONE_STORE`, else `./runs`. Nothing is written by opening.

    A path, `file:PATH`, or `memory:` (a new, empty store in this process, which packs nothing). What is recorded
    through a store that is `packed` goes into packs. Raises `unsupported_store`.
    """
    from runstone.adapters.system import SystemClock, SystemEntropy, SystemHost

    chosen = _named((os.environ.get(STORE_SETTING) or default) if url is None else url)
    host, clock, entropy = SystemHost(), SystemClock(), SystemEntropy()
    if chosen == "memory:":
        from runstone.adapters.memory.adapter import MemoryJournals, MemoryObjects

        memory = MemoryObjects()
        journals = MemoryJournals(memory)
        return Store(
            chosen, memory, journals, host, clock, entropy, contract_of, GENERATOR, _spare_catalogs, None, _schemas
        )
    from runstone.adapters.fs.journals import FsJournals
    from runstone.adapters.fs.objects import FsObjects
    from runstone.adapters.fs.places import Places

    places = Places(store_path(chosen))
    packing = _packing(places) if packed else None
    ports = (FsObjects(places, packing), FsJournals(places, packing), host, clock, entropy)
    late = (lambda: _catalogs(places), lambda: _packs(places), _schemas)
    return Store(places.root, *ports, contract_of, GENERATOR, *late)


def _packing(places: Places) -> Packing:
    from runstone.adapters.fs.packs.packing import Packing

    return Packing(places, os.environ.get(SPOOL_SETTING) or None)


def _packs(places: Places) -> Packs:
    from runstone.adapters.fs.packs.moving import FsPacks

    return FsPacks(places)


def _schemas() -> Schemas:
    from runstone.adapters.schemas import JsonSchemas

    return JsonSchemas()


def open_states(url: str | os.PathLike[str] | None = None, *, redact: bool = False) -> StateStore:
    """The store of states at a path or URL; without one `RUNSTONE_STATES`, else `./states.db`.

    See `open_state_records`.
    """
    from runstone.engine.states import StateStore

    chosen = _named((os.environ.get(STATES_SETTING) or DEFAULT_STATES) if url is None else url)
    return StateStore(chosen, open_state_records(chosen), open_redactor, redact=redact)


def open_state_records(url: str | None = None) -> StateRecords:
    """The records behind a store of states: at a path, `sqlite:PATH` or `file:PATH`, or `memory:` (new and empty).

    They are encrypted by the key in `RUNSTONE_STATE_KEY`, where it is set. In a process that replays a run they are
    those that the run found. Raises `unsupported_store`, `invalid_state_key`, `missing_extra`.
    """
    from runstone.adapters.system import SystemEntropy
    from runstone.engine.state_cipher import KEY_SETTING, Cipher, Plain
    from runstone.engine.state_records import StateRecords
    from runstone.ports.states import States

    chosen = _named((os.environ.get(STATES_SETTING) or DEFAULT_STATES) if url is None else url)
    key = os.environ.get(KEY_SETTING)
    cipher = Cipher(key, SystemEntropy()) if key else Plain()
    states: States
    if chosen == "memory:":
        from runstone.adapters.memory.states import MemoryStates

        states = MemoryStates()
    else:
        from importlib.util import find_spec

        if find_spec("_sqlite3") is None:  # a Python that was built without it
            message = "this Python has no SQLite: only memory: keeps states"
            raise error("unsupported_store", message, url=excerpt(chosen, 200))
        from runstone.adapters.sqlite.states import SqliteStates

        path = os.path.abspath(store_path(chosen.removeprefix("sqlite:")))
        if REPLAY.session is not None:
            from runstone.adapters.sqlite import copying

            path = REPLAY.session.states.then(path, copying, lambda copy: StateRecords(SqliteStates(copy), cipher))
        states = SqliteStates(path)
    return StateRecords(states, cipher)


def packs_by_default() -> bool:
    """Whether a program that does not say so records into packs, by `RUNSTONE_PACKED`."""
    return says_yes(os.environ.get(PACKED_SETTING))


def _catalogs(places: Places) -> list[Catalog]:
    if REPLAY.session is not None and not REPLAY.session.writes_in(places.root):
        return _spare_catalogs()  # a replay reads other stores, and writes nothing there
    try:
        from runstone.adapters.sqlite.catalog import SqliteCatalog
    except ImportError:  # a Python that was built without it
        return _spare_catalogs()
    catalog = SqliteCatalog(places.at(layout.CATALOG), lambda: places.locked(layout.CATALOG_LOCK))
    return [catalog, *_spare_catalogs()]


def _spare_catalogs() -> list[Catalog]:
    from runstone.adapters.memory.catalog import MemoryCatalog

    return [MemoryCatalog()]


def open_parent_store() -> Store:
    """The store of the run around this process, as `RUNSTONE_PARENT` and `RUNSTONE_PARENT_STORE` tell; without one as
    `open_store`."""
    named = os.environ.get(PARENT_STORE) if os.environ.get(PARENT) else None
    return open_store(named or None)


def open_redactor() -> Redactor:
    """What takes secrets out as a run would that is recorded here now: by the rules, those of `runstone.toml` too, and
    values of the environment. Raises `invalid_settings`."""
    from runstone.adapters.system import SystemHost
    from runstone.core.redaction.redactor import Redactor
    from runstone.core.redaction.ruleset import ruleset_of_settings

    host = SystemHost()
    return Redactor(host.secrets(), ruleset_of_settings(host.settings_file()), host)


def hidden(text: str) -> str:
    """`text` without its secrets, for who is shown it: by what the runs of this process know, and what this machine
    tells. Where that cannot be read, by the rules alone."""
    return _hides()(text)


def _hides() -> Callable[[str], str]:
    """For an error that is made now: what it says may hold what a run was told that is finished when it is seen."""
    from runstone.engine.live import LIVE

    here = {id(run.redactor): run.redactor for run in list(LIVE.values())}

    def hide(text: str) -> str:
        for redactor in (*here.values(), _redactor_of_errors()):
            text = redactor.text(text)[0]
        return text

    return hide


_of_errors: list[Redactor] = []


class _Reading(_thread._local):  # noqa: SLF001  # `threading` only names it
    """What a thread tells errors by that reads the settings for them: an error of theirs must not read them again."""

    plain: Redactor | None = None


_reading = _Reading()


def _redactor_of_errors() -> Redactor:
    """Made once: a process may meet many errors. Where the settings cannot be read, by the rules alone."""
    if not _of_errors:
        if _reading.plain is not None:
            return _reading.plain
        from runstone.adapters.system import SystemHost
        from runstone.core.redaction.redactor import Redactor

        _reading.plain = made = Redactor(SystemHost().secrets())
        try:
            made = open_redactor()
        except RunstoneError:  # of the settings, and it is about to be told
            pass
        finally:
            _reading.plain = None
        _of_errors.append(made)
    return _of_errors[0]


hide_by(_hides)


def _named(url: Any) -> str:
    """What names a store, as text; raises `unsupported_store` for what is neither text nor a path."""
    named = os.fspath(url) if hasattr(type(url), "__fspath__") else url
    if not isinstance(named, str):
        raise error("unsupported_store", f"a store is named by text, or by a path; found {type(named).__name__}")
    return named


def store_path(url: str) -> str:
    """The folder of a store's URL; raises `unsupported_store` for a scheme that no adapter serves, and for no path."""
    scheme, mark, rest = url.partition(":")
    if mark and scheme == "file":
        return _checked_path(_path_of_url(rest, url) if rest.startswith("//") else rest)
    if mark and len(scheme) > 1 and scheme.isalnum() and (rest.startswith("//") or scheme in _SCHEMES):
        raise error(
            "unsupported_store",
            f"no adapter serves {scheme}: stores; give a path",
            url=excerpt(url, 200),
            scheme=scheme,
        )
    return _checked_path(url)


def _path_of_url(rest: str, url: str) -> str:
    """What stands behind `file:` in a URL with `//` (RFC 8089), such as `Path.as_uri` makes."""
    host, slash, path = rest[2:].partition("/")
    if host not in ("", "localhost"):
        message = f"{excerpt(url, 200)} names the machine {excerpt(host)}; give a path, file:PATH or file:///PATH"
        raise error("unsupported_store", message, url=excerpt(url, 200), host=excerpt(host))
    if "%" in path:
        from urllib.parse import unquote_to_bytes

        path = os.fsdecode(unquote_to_bytes(path))
    if not path or (os.name == "nt" and path[1:2] == ":"):  # `file:///C:/runs` names a drive
        return path
    return slash + path


def _checked_path(path: str) -> str:
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:  # half of a surrogate pair
        message = "a store's path holds what no name of a file can"
        raise error("unsupported_store", message, url=excerpt(ascii(path), 200)) from None
    if not path or b"\0" in encoded:
        raise error("unsupported_store", "a store's path is empty or holds a NUL", url=excerpt(path, 200))
    return path


_SCHEMES: Final = frozenset({"memory", "s3", "postgres", "sqlite", "http", "https"})


def open_records(url: str | os.PathLike[str]) -> Records:
    """Records by key at a path or URL: a folder (a path, `file:PATH`), a file of SQLite (`sqlite:PATH`), or `memory:`,
    which are new, empty ones in this process. Nothing is written by opening. Raises `unsupported_store`.
    """
    chosen = _named(url)
    if chosen == "memory:":
        from runstone.adapters.memory.records import MemoryRecords

        return MemoryRecords()
    scheme, _, rest = chosen.partition(":")
    if scheme == "sqlite" and rest:
        from runstone.adapters.sqlite.records import SqliteRecords

        return SqliteRecords(_checked_path(rest.removeprefix("//")))
    from runstone.adapters.fs.records import FsRecords

    return FsRecords(store_path(chosen))


def open_bundle(path: str) -> Bundle:
    """A bundle that lies anywhere: a folder, a tar or a zip archive. Raises `file_not_found`, `invalid_archive`."""
    if os.path.isdir(path):
        from runstone.adapters.fs.objects import FsBundle

        try:
            return FsBundle(os.path.abspath(path), shared=True)
        except OSError as exc:
            raise error("file_not_found", f"{path}: {exc.strerror}", path=path) from exc
    from runstone.adapters.archives import open_archive

    return open_archive(path)


def open_one(path: str) -> Bundle:
    """As `open_bundle`, for who reads a bundle: a folder that holds none is refused, and a store is said to be one
    (`invalid_archive`)."""
    if os.path.isdir(path) and not os.path.lexists(os.path.join(path, layout.MANIFEST)):
        if os.path.isfile(os.path.join(path, layout.STORE_FILE)):
            message = f"{path} is a store and no bundle: name a run in it, and the store by --store {path}"
            raise error("invalid_archive", message, path=path)
        if not os.path.lexists(os.path.join(path, layout.JOURNAL)):
            message = f"{path} holds no bundle: neither {layout.MANIFEST} nor {layout.JOURNAL} is in it"
            raise error("invalid_archive", message, path=path)
    return open_bundle(path)


def name_in_store(path: str, run_id: str) -> str:
    """Under which name the bundle of a run stands at a path: the folder's, if that is in a store; else its own id."""
    folder, name = os.path.split(os.path.realpath(path))
    if not os.path.isdir(path) or not os.path.isfile(os.path.join(folder, layout.STORE_FILE)):
        return run_id
    try:  # by another spelling it may be reached where names have no case
        return run_id if os.path.samefile(path, os.path.join(folder, run_id)) else name
    except OSError:
        return name


def open_members(path: str) -> Members:
    """The files of a zip archive that another program made, by their names. Raises `file_not_found`,
    `invalid_archive`."""
    from runstone.adapters.archives.members import ZipMembers

    return ZipMembers(path)


def read_file(path: str) -> bytes:
    """The bytes of a file of the user's; raises `file_not_found`."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError) as exc:
        raise error("file_not_found", f"{path}: {getattr(exc, 'strerror', None) or exc}", path=path) from exc


def write_new(path: str, pieces: Iterable[bytes]) -> tuple[int, str]:
    """Write a new file of the user's, whole or not at all; answers its size and SHA-256. Raises `file_exists`."""
    from runstone.adapters.fs.outgoing import write_new as write

    return write(path, pieces)


def probe_file_system(root: str) -> dict[str, Any]:
    """What the file system below a store is and does, tried there: see `adapters.fs.probe`. Nothing remains."""
    from runstone.adapters.fs.probe import probe

    return probe(root)


def no_store(root: str) -> RunstoneError:
    """What is raised where a store is to be read and no folder is: see `adapters.fs.probe`."""
    from runstone.adapters.fs.probe import no_store as made

    return made(root)


def in_the_way(path: str) -> str | None:
    """What keeps a folder from being at a path, in words: see `adapters.fs.probe`."""
    from runstone.adapters.fs.probe import in_the_way as found

    return found(path)
