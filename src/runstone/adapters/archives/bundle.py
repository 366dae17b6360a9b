"""Port `Bundle` over an archive that is read where it lies.

- Names are proved when the archive is opened: those that no bundle can hold, those that stand there twice or are
  the same on some file system are refused. Links, devices and pipes are listed as what they are, never followed.
- Nothing is extracted by name: an importer writes through a stage, which proves paths once more.
- A packed member of which parts are asked for is unpacked once, to a file that has no name.
- The bundle's files stand at the top level or, as an export writes them, in one folder.
"""

from __future__ import annotations

from runstone.adapters.archives.inflate import inflated, spooled, ungzipped
from runstone.adapters.archives.source import Member, Source, named, refused
from runstone.adapters.archives.tar import is_tar, tar_members
from runstone.adapters.archives.zip import is_zip, zip_members
from runstone.core import layout
from runstone.core.limits import MAX_FILES
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final

    from runstone.ports.objects import Entry

_HEAD_BYTES: Final = 512
_GZIP: Final = b"\x1f\x8b"


class ArchiveBundle:
    """A bundle in an archive. Raises `file_not_found` and `invalid_archive` from the constructor."""

    def __init__(self, path: str) -> None:
        self.location = path
        self._source: Source | None = None
        self._members: dict[str, Member] = {}
        self._spooled: dict[str, Source] = {}
        self._take()

    def _take(self) -> Source:
        """The archive's bytes; opened, with every name proved anew, where nothing is held."""
        if self._source is None:
            source = Source.at(self.location)
            try:
                self._source = self._opened(source)
            except RunstoneError as exc:
                raise named(exc, self.location) from exc
        return self._source

    def _opened(self, source: Source) -> Source:
        try:
            source = unpacked(source)
            head = source.exactly(0, min(_HEAD_BYTES, source.size))
            self._members = bundle_paths(zip_members(source) if is_zip(head) else tar_members(source))
        except BaseException:
            source.close()
            raise
        return source

    def entries(self) -> list[Entry]:
        from runstone.ports.objects import Entry

        self._take()
        return [
            Entry(path, "link" if member.kind == "link" else "file" if member.kind == "file" else "other", member.size)
            for path, member in sorted(self._members.items(), key=lambda item: item[0].encode())
        ]

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        source = self._take()
        member = self._members.get(path)
        if member is None or member.kind != "file":
            raise error("file_not_found", f"{self.location} has no file {path[:1024]!r}", path=path[:1024])
        end = member.size if end_exclusive is None else min(end_exclusive, member.size)
        if member.packed is None:
            yield from source.chunks(member.offset + start, member.offset + end)
        elif start == 0 and end == member.size:
            yield from inflated(source, member)
        else:  # folds ask for many parts of one file
            if path not in self._spooled:
                self._spooled[path] = spooled(inflated(source, member))
            yield from self._spooled[path].chunks(start, end)

    def rest(self) -> None:
        self.close()

    def close(self) -> None:
        if self._source is not None:
            for source in (self._source, *self._spooled.values()):
                source.close()
            self._source = None
            self._spooled = {}
            self._members = {}

    def __del__(self) -> None:
        if getattr(self, "_source", None) is not None:
            self.close()


def unpacked(source: Source) -> Source:
    """The bytes of a tar or zip archive, which may be compressed as a whole; those that are not used are closed."""
    head = source.exactly(0, min(_HEAD_BYTES, source.size))
    if not head.startswith(_GZIP):
        if is_tar(head) or is_zip(head):
            return source
        raise refused("it is neither a tar nor a zip archive")
    whole = spooled(ungzipped(source))
    source.close()
    if is_tar(whole.exactly(0, min(_HEAD_BYTES, whole.size))):
        return whole
    whole.close()
    raise refused("it is compressed, and what it holds is no tar archive")


def bundle_paths(members: Iterable[Member]) -> dict[str, Member]:
    """Path in the bundle → member, for all but folders. Raises `invalid_archive`."""
    named = [(_plain(member), member) for member in members]
    top = _top_folder([name for name, member in named if member.kind != "folder"])
    found: dict[str, Member] = {}
    for name, member in named:
        path = _below(top, name, member)
        if path is None:
            continue
        if path in found:
            raise refused("it stands there twice", member.name)
        if member.kind != "folder":
            found[path] = member
    if len(found) > MAX_FILES + 1:
        raise refused(f"{len(found)} files; the limit is {MAX_FILES}")
    try:
        layout.check_distinct(found)
    except RunstoneError as exc:
        raise refused(exc.message, exc.details["paths"][0]) from exc
    return found


def _plain(member: Member) -> str:
    """A member's name without the `./` that archivers put before it and the `/` after a folder's."""
    name = member.name[:-1] if member.kind == "folder" and member.name.endswith("/") else member.name
    return "" if member.kind == "folder" and name == "." else name.removeprefix("./")


def _top_folder(names: list[str]) -> str | None:
    """The one folder in which everything stands, if there is one."""
    tops = {name.partition("/")[0] for name in names if "/" in name}
    return tops.pop() if len(tops) == 1 and all("/" in name for name in names) else None


def _below(top: str | None, name: str, member: Member) -> str | None:
    """The path below the top folder, proved; `None` for the top itself."""
    if member.kind == "folder" and name in ("", top):
        problem, path = (layout.path_problem(name) if name else None), None
    elif top is not None and name.startswith(top + "/"):
        path = name[len(top) + 1 :]
        problem = layout.path_problem(top) or layout.path_problem(path)
    else:
        path, problem = name, layout.path_problem(name)
    if problem:
        raise refused(problem, member.name)
    return path
