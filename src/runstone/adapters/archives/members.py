"""The files of a zip archive that another program made and that is no bundle: by their names, whatever these are.

Nothing is written by such a name. Of several of one name the last counts, as it does for every reader of zip.
"""

from __future__ import annotations

from runstone.adapters.archives.inflate import inflated
from runstone.adapters.archives.source import Member, Source, named, refused
from runstone.adapters.archives.zip import is_zip, zip_members
from runstone.core.digests import new_hash
from runstone.errors import RunstoneError, error

_HEAD_BYTES = 4


class ZipMembers:
    """Port `Members` over a zip archive. Raises `file_not_found` and `invalid_archive` from the constructor."""

    def __init__(self, path: str) -> None:
        self.location = path
        self._source = Source.at(path)
        try:
            if not is_zip(self._source.exactly(0, min(_HEAD_BYTES, self._source.size))):
                raise refused(f"{path} is no zip archive")
            self._members = _members(self._source, path)
        except BaseException:
            self._source.close()
            raise

    @property
    def size(self) -> int:
        return self._source.size

    def sha256(self) -> str:
        digest = new_hash()
        for piece in self._source.chunks(0, self._source.size):
            digest.update(piece)
        return digest.hexdigest()

    @property
    def names(self) -> list[str]:
        return list(self._members)

    def read(self, name: str, limit: int) -> bytes:
        member = self._members.get(name)
        if member is None:
            raise error("file_not_found", f"{self.location} has no file {name[:1024]!r}", path=name[:1024])
        if member.size > limit:
            message = f"{name[:1024]!r} has {member.size} bytes; the limit is {limit}"
            raise error("too_large", message, path=name[:1024], limit=limit)
        if member.packed is not None:
            return b"".join(inflated(self._source, member))
        return b"".join(self._source.chunks(member.offset, member.offset + member.size))

    def close(self) -> None:
        self._source.close()


def _members(source: Source, path: str) -> dict[str, Member]:
    try:
        return {member.name: member for member in zip_members(source) if member.kind == "file"}
    except RunstoneError as exc:
        raise named(exc, path) from exc
