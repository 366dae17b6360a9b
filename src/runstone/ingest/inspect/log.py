"""An eval log of Inspect as its own writer left it: a `.eval` file (a zip archive), or one of JSON.

Read without Inspect. What a log must have is proved: the task, when it was made, how it ended, an id and an epoch of
each sample. All else is told as far as it is there and has the shape that Inspect gives it; what nobody knows is left
alone. Samples stand in the order of their epochs, then their ids, whichever was finished first.
"""

from __future__ import annotations

import json
import os
from functools import partial

from runstone.core.digests import sha256_hex
from runstone.core.limits import MAX_DOCUMENT_BYTES
from runstone.engine.importer import time_of, unfit
from runstone.errors import RunstoneError, error
from runstone.locate import open_members, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final, TypeAlias

    from runstone.ports.members import Members

    Placed: TypeAlias = tuple[dict[str, str], dict[str, Any]]
    """Where something stands in the log (`path`, `json_path`), and what it is."""

HEADER: Final = "header.json"
START: Final = "_journal/start.json"
"""What a log has while its eval runs, and has alone where that was killed."""
SAMPLES: Final = "samples/"
SUFFIX: Final = ".eval"
STATUSES: Final = ("started", "success", "cancelled", "error")
_EPOCH: Final = "_epoch_"
_HEAD_BYTES: Final = 4096
_MEMBERS: Final = frozenset(("version", "status", "plan", "samples"))


class Log:
    """A log: its header, its samples, and what binds it: `size` and `sha256` of the file. To be closed."""

    def __init__(
        self, header: dict[str, Any], samples: list[Callable[[], Placed]], name: str, size: int, sha256: str
    ) -> None:
        self.header = header
        self.eval: dict[str, Any] = header["eval"]
        self.status: str = header["status"]
        self.created = time_of(self.eval["created"]) or ""
        self._samples = samples
        self.name = name
        self.size = size
        self.sha256 = sha256
        self.close: Callable[[], None] = lambda: None

    def samples(self) -> Iterator[Placed]:
        """Each sample with its place, in order; of a `.eval` file one is held at a time."""
        for read in self._samples:
            yield read()


def is_log(path: str) -> bool:
    """Whether a file is a log: by its ending, or, of JSON, by how it begins or by what it holds."""
    if not os.path.isfile(path):
        return False
    if path.endswith(SUFFIX):
        return True
    if not path.endswith(".json"):
        return False
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:  # the same
        return False
    return all(word in head for word in (b'"version"', b'"status"', b'"eval"', b'"task"')) or _holds_log(path)


def _holds_log(path: str) -> bool:
    """Whether JSON has members of a log, be it that it lacks others; and is no run, or runs by their ids."""
    try:
        value = json.loads(read_file(path))
    except (RunstoneError, RecursionError, ValueError):  # who reads it tells what is wrong with it
        return False
    if not isinstance(value, dict) or "run_id" in value or object_of(value.get("eval")).get("run_id") == "eval":
        return False
    return "eval" in value or value.keys() >= _MEMBERS


def read_log(path: str) -> Log:
    """The log at `path`. Raises `file_not_found`, `too_large`, `invalid_archive` with the place of what is wrong."""
    if path.endswith(".json"):
        return _json_log(read_file(path), path)
    members = open_members(path)
    try:
        names = [name for name in members.names if name.startswith(SAMPLES) and name.endswith(".json")]
        readers = [_reader(members, name) for name in sorted(names, key=_order)]
        log = Log(_header(members), readers, "log.eval", members.size, members.sha256())
    except BaseException:
        members.close()
        raise
    log.close = members.close
    return log


def _header(members: Members) -> dict[str, Any]:
    if HEADER in members.names:
        return _proved(_parsed(members.read(HEADER, MAX_DOCUMENT_BYTES), HEADER), HEADER)
    if START in members.names:
        started = object_of(_parsed(members.read(START, MAX_DOCUMENT_BYTES), START))
        return _proved({**started, "status": STATUSES[0]}, START)
    where = members.location
    raise error("invalid_archive", f"{where} is no eval log of Inspect: it has no {HEADER}", path=where)


def _reader(members: Members, name: str) -> Callable[[], Placed]:
    place = {"path": name, "json_path": "$"}
    return lambda: _sample(_parsed(members.read(name, MAX_DOCUMENT_BYTES), name), place)


def _json_log(body: bytes, path: str) -> Log:
    name = os.path.basename(path)
    if len(body) > MAX_DOCUMENT_BYTES:
        raise error("too_large", f"{name} has {len(body)} bytes", path=name, limit=MAX_DOCUMENT_BYTES)
    header = _proved(_parsed(body, name), name)
    samples = [
        _sample(sample, {"path": name, "json_path": f"$.samples[{number}]"})
        for number, sample in enumerate(items_of(header.get("samples")))
    ]
    samples.sort(key=lambda placed: _key(placed[1]["epoch"], str(placed[1]["id"])))
    readers: list[Callable[[], Placed]] = [partial(_as_is, placed) for placed in samples]
    return Log(header, readers, "log.json", len(body), sha256_hex(body))


def _as_is(placed: Placed) -> Placed:
    return placed


def _order(name: str) -> tuple[int, int, int, str]:
    """A sample's place by the name of its file: `samples/<id>_epoch_<n>.json`."""
    identity, _, epoch = name.removeprefix(SAMPLES).removesuffix(".json").rpartition(_EPOCH)
    return _key(int(epoch) if epoch.isascii() and epoch.isdecimal() else 0, identity)


def _key(epoch: int, identity: str) -> tuple[int, int, int, str]:
    number = identity.isascii() and identity.isdecimal() and len(identity) < 100
    return epoch, 0 if number else 1, int(identity) if number else 0, identity


def _parsed(body: bytes, where: str) -> Any:
    """JSON as Inspect writes it, with `NaN` and infinities. No object has two members of one name."""
    try:
        return json.loads(body, object_pairs_hook=_members)
    except RecursionError:
        raise error("too_deep", f"{where} nests too deep", path=where) from None
    except ValueError as exc:
        raise error("invalid_archive", f"{where}: no JSON: {exc}", path=where) from exc


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"the member {name[:80]!r} stands twice in an object")
            seen.add(name)
    return found


def object_of(value: Any) -> dict[str, Any]:
    """An object, or an empty one in the place of what is none."""
    return value if isinstance(value, dict) else {}


def items_of(value: Any) -> list[Any]:
    """A list, or an empty one in the place of what is none."""
    return value if isinstance(value, list) else []


def _proved(value: Any, where: str) -> dict[str, Any]:
    header = object_of(value)
    told = header.get("eval")
    if not isinstance(told, dict):
        raise unfit(where, "$.eval", "an object", told)
    if not isinstance(told.get("task"), str) or not told["task"]:
        raise unfit(where, "$.eval.task", "text that is not empty", told.get("task"))
    if time_of(told.get("created")) is None:
        raise unfit(where, "$.eval.created", "a time", told.get("created"))
    if header.get("status") not in STATUSES:
        raise unfit(where, "$.status", " or ".join(STATUSES), header.get("status"))
    return header


def _sample(value: Any, place: dict[str, str]) -> Placed:
    sample = object_of(value)
    if type(sample.get("id")) not in (str, int):
        raise unfit(place["path"], f"{place['json_path']}.id", "text or a whole number", sample.get("id"))
    if type(sample.get("epoch")) is not int:
        raise unfit(place["path"], f"{place['json_path']}.epoch", "a whole number", sample.get("epoch"))
    return place, sample
