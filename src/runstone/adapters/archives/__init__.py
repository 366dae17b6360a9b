"""Bundles in archives: tar (also compressed with gzip) and zip, hostile ones included."""

from __future__ import annotations

from runstone.adapters.archives.bundle import ArchiveBundle


def open_archive(path: str) -> ArchiveBundle:
    """The bundle in an archive. What the archive lies about is found here, before a byte of it is used.

    Raises `file_not_found`, and `invalid_archive` with the member's name in `details`.
    """
    return ArchiveBundle(path)
