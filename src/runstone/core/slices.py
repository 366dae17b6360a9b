"""Slices: bundles as they stand one behind the other in a segment of a pack. docs/format/packs-1.md is the rule.

- A slice is the tar form of a bundle (`core.tar`) without the end of the archive.
- Nothing is believed: a header counts only if it is, byte for byte, the one that its name and size have; a slice only
  if its files are those of its manifest, each with its digest, and everything between them is zero.
- A slice that is not sound counts as damaged, and not as torn, only where a sound one stands behind it.
"""

from __future__ import annotations

from zlib import crc32

from runstone.core import layout
from runstone.core.canonical import canonical_bytes
from runstone.core.digests import PREFIX, is_sha256, new_hash
from runstone.core.ids import is_run_id
from runstone.core.limits import MAX_MANIFEST_BYTES, MAX_PATH_BYTES
from runstone.core.manifest import parse_manifest
from runstone.core.parsing import parse_canonical
from runstone.core.tar import BLOCK, header, in_order
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, Final

    Read = Callable[[int, int], bytes]
    """The bytes at an offset, at most so many; fewer only where the segment ends."""

INDEX_FORMAT: Final = "runstone-pack-index/1"
MAX_INDEX_BYTES: Final = 256 << 20
_CHUNK: Final = 1 << 20
_MAX_PAX_BYTES: Final = MAX_PATH_BYTES + 1024
_PAX: Final = b"x"


class Slice:
    """Where a bundle stands in a segment, and which: `digest` is its run digest, `crc32` that of the whole slice."""

    __slots__ = ("crc32", "digest", "length", "offset", "run_id", "sound")

    def __init__(self, run_id: str, digest: str, offset: int, length: int, crc: int, *, sound: bool = True) -> None:
        self.run_id = run_id
        self.digest = digest
        self.offset = offset
        self.length = length
        self.crc32 = crc
        self.sound = sound

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + self.length

    @property
    def mark(self) -> str:
        """A text that is another where other bytes stand."""
        return f"{self.digest}-{self.length}-{self.crc32}"

    def row(self) -> list[Any]:
        """As an index has it."""
        return [self.run_id, self.digest, self.offset, self.length, self.crc32]

    def __repr__(self) -> str:
        return f"<Slice {self.run_id} at {self.offset}>"


class Member:
    """A file in a slice: its path in the bundle, and where its bytes stand."""

    __slots__ = ("path", "size", "start")

    def __init__(self, path: str, start: int, size: int) -> None:
        self.path = path
        self.start = start
        self.size = size

    @property
    def end(self) -> int:
        """The offset behind its last block."""
        return self.start + self.size + -self.size % BLOCK


def slice_of(run_id: str, files: Mapping[str, bytes]) -> bytes:
    """The slice of a bundle whose files are all in memory, the manifest among them."""
    pieces: list[bytes] = []
    for path in in_order(files):
        data = files[path]
        pieces += (header(f"{run_id}/{path}", len(data)), data, bytes(-len(data) % BLOCK))
    return b"".join(pieces)


def member_at(read: Read, at: int) -> tuple[str, Member] | None:
    """The run id and the file whose header stands at an offset; `None` where none does, in its one spelling."""
    try:
        name, size, start = _header_at(read, at)
    except (ValueError, IndexError):  # no header, or none that could be ours
        return None
    run_id, slash, path = name.partition("/")
    spelled = header(name, size)
    if not slash or not is_run_id(run_id) or read(at, len(spelled)) != spelled:
        return None
    return run_id, Member(path, start, size)


def _header_at(read: Read, at: int) -> tuple[str, int, int]:
    block = read(at, BLOCK)
    size = int(block[124:135], 8)
    if size < 0:
        raise ValueError(size)
    if block[156:157] != _PAX:
        return block[:100].rstrip(b"\0").decode(), size, at + BLOCK
    if size > _MAX_PAX_BYTES:
        raise ValueError(size)
    told: dict[str, str] = {}
    rest = read(at + BLOCK, size)
    while rest:
        length, _, _ = rest.partition(b" ")
        key, _, value = rest[len(length) + 1 : int(length) - 1].decode().partition("=")
        told[key], rest = value, rest[max(1, int(length)) :]
    inner = at + BLOCK + size + -size % BLOCK
    size = int(told["size"]) if "size" in told else int(read(inner, BLOCK)[124:135], 8)
    return told.get("path", ""), size, inner + BLOCK


def members(read: Read, found: Slice) -> Iterator[Member]:
    """The files of a slice in their order, up to the first that does not stand there as it must."""
    at = found.offset
    while at < found.end:
        told = member_at(read, at)
        if told is None or told[0] != found.run_id or told[1].end > found.end or not _is_padded(read, told[1]):
            return
        yield told[1]
        at = told[1].end


def _is_padded(read: Read, member: Member) -> bool:
    behind = member.start + member.size
    return not read(behind, member.end - behind).strip(b"\0")


def scan(read: Read, start: int, end: int) -> Iterator[Slice]:
    """The slices between two offsets. One that is not sound comes only if a sound one stands behind it."""
    damaged: list[Slice] = []
    at = start
    while at + BLOCK <= end:
        found = slice_at(read, at, end)
        if found is None:
            at += BLOCK
            continue
        if damaged and not damaged[-1].length:
            damaged[-1].length = at - damaged[-1].offset
        if found.end > end:
            return  # its end is not written
        if found.sound:
            yield from damaged
            yield found
            damaged = []
        else:
            damaged.append(found)
        at = found.end if found.length else at + BLOCK


def slice_at(read: Read, at: int, end: int) -> Slice | None:
    """The slice that begins at an offset; `None` where there is no manifest that tells of one.

    It may end behind `end`: then it is not all there, and what is there is as its manifest says. Its `length` is 0
    where the manifest and the headers behind it do not agree, or it is not sound and what stands behind it is in the
    middle of something: nobody knows where it ends.
    """
    told = member_at(read, at)
    if told is None:
        return None
    run_id, manifest = told
    if manifest.path != layout.MANIFEST or manifest.size > MAX_MANIFEST_BYTES or manifest.end > end:
        return None
    data = read(manifest.start, manifest.size)
    try:
        told_by = parse_manifest(data)
        facts = {entry["path"]: entry for entry in told_by["files"]}
        if told_by["run_id"] != run_id or layout.MANIFEST in facts:
            return None
        places = _places(run_id, facts, manifest)
    except RunstoneError:
        return None
    length = (places[-1].end if places else manifest.end) - at
    found = Slice(run_id, f"{PREFIX}{_digest(read, manifest)}", at, length, 0, sound=False)
    if not _stand(read, run_id, places, end):
        found.length = 0
    elif found.end <= end:
        inside = all(_is_padded(read, member) for member in (manifest, *places))
        found.sound = inside and all(_digest(read, member) == facts[member.path]["sha256"] for member in places)
        if not found.sound and not _ends(read, found.end):
            found.length = 0
        for begin in range(at, found.end, _CHUNK):
            found.crc32 = crc32(read(begin, min(_CHUNK, found.end - begin)), found.crc32)
    return found


def _ends(read: Read, at: int) -> bool:
    """Whether a slice may end at an offset: a file stands behind it, or zeros, or nothing."""
    block = read(at, BLOCK)
    return len(block) < BLOCK or not block.strip(b"\0") or member_at(read, at) is not None


def _stand(read: Read, run_id: str, places: list[Member], end: int) -> bool:
    """Whether the headers of files stand where they must, as far as there is anything."""
    for member in places:
        spelled = header(f"{run_id}/{member.path}", member.size)
        at = member.start - len(spelled)
        if at >= end:
            return True
        if read(at, min(len(spelled), end - at)) != spelled[: end - at]:
            return False
    return True


def _places(run_id: str, facts: Mapping[str, Any], manifest: Member) -> list[Member]:
    """Where the files that a manifest names stand behind it."""
    found, at = [], manifest.end
    for path in in_order(facts)[1:]:
        layout.check_path(path)
        size = facts[path]["size"]
        found.append(Member(path, at + len(header(f"{run_id}/{path}", size)), size))
        at = found[-1].end
    return found


def _digest(read: Read, member: Member) -> str:
    digest, behind = new_hash(size=member.size), member.start + member.size
    for start in range(member.start, behind, _CHUNK):
        digest.update(read(start, min(_CHUNK, behind - start)))
    return digest.hexdigest()


# the index of a closed segment


def index_bytes(size: int, slices: Iterable[Slice]) -> bytes:
    """The index of a segment of `size` bytes, its end included."""
    return canonical_bytes({"format": INDEX_FORMAT, "size": size, "slices": [found.row() for found in slices]})


def parse_index(data: bytes, size: int) -> tuple[list[Slice], int] | None:
    """The slices of an index, and the size that the segment had; `None` if it is none of a segment of `size` bytes:
    then the segment is scanned.

    A segment that is smaller has lost bytes since it was closed: what the index names was there (`found_again`).
    """
    try:
        value = parse_canonical(data, limit=MAX_INDEX_BYTES)
        if value["format"] != INDEX_FORMAT or value["size"] < size:
            return None
        found, at, size = [], 0, value["size"]
        if type(size) is not int:
            return None
        for run_id, digest, offset, length, crc in value["slices"]:
            fits = type(offset) is int and type(length) is int and at <= offset < offset + length <= size
            if not fits or not is_run_id(run_id) or not is_sha256(digest.removeprefix(PREFIX)):
                return None
            found.append(Slice(run_id, digest, offset, length, crc))
            at = offset + length
    except (RunstoneError, LookupError, TypeError, ValueError, AttributeError):
        return None
    return found, size


def found_again(indexed: list[Slice], read: Read, size: int) -> list[Slice]:
    """The slices of a segment that had more than its `size` bytes when they were indexed: a sound one where a scan
    finds it. Each other one is damaged: it has what is left between its neighbours, or stands where there is nothing.
    """
    sound = {(found.run_id, found.digest): found for found in scan(read, 0, size) if found.sound}
    found = [sound.get((one.run_id, one.digest)) for one in indexed]
    ends: list[int] = []  # of each the offset where the next sound one begins
    end = size + sum(one.length for one in indexed)
    for place in reversed(found):
        ends.append(end)
        end = end if place is None else place.offset
    placed: list[Slice] = []
    gone: list[Slice] = []
    at = 0
    for one, place, end in zip(indexed, found, reversed(ends), strict=True):
        there = place if place is not None and place.offset >= at else _damaged(one, at, min(one.length, end - at))
        if there.length < BLOCK:
            gone.append(one)
        else:
            placed.append(there)
            at = there.end
    for one in gone:
        placed.append(_damaged(one, max(at, size), one.length))
        at = placed[-1].end
    return placed


def _damaged(one: Slice, offset: int, length: int) -> Slice:
    return Slice(one.run_id, one.digest, offset, length, one.crc32, sound=False)
