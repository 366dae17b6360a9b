"""Port: the files of an archive that another program made, which is no bundle."""

from __future__ import annotations

from typing import Protocol


class Members(Protocol):
    """An open archive, for reading. Names are whatever that program wrote, and nothing is to be written by them."""

    @property
    def location(self) -> str:
        """Where it lies, for people."""

    @property
    def size(self) -> int:
        """Of the archive, in bytes."""

    @property
    def names(self) -> list[str]:
        """Every file, in the archive's order; a name that stands there twice once, for the last one."""

    def sha256(self) -> str:
        """Of the archive's own bytes, 64 hexadecimal digits. Raises `invalid_archive`, `store_unavailable`."""

    def read(self, name: str, limit: int) -> bytes:
        """A file, whole, of at most `limit` bytes. Raises `file_not_found`, `too_large`, `invalid_archive`."""

    def close(self) -> None:
        """Close it; nothing can be read afterwards."""
