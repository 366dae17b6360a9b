"""Export: a sealed run in a form that travels.

What is written is what was sealed: each file is compared with the manifest on the way, and the first that differs, or
cannot be read, ends the export. What the manifest does not name stays behind.
"""

from __future__ import annotations

from runstone.core import layout
from runstone.core.digests import PREFIX, new_hash
from runstone.core.tar import tar_pieces
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runstone.engine.reader import Sealed


def export_tar(sealed: Sealed) -> Iterator[bytes]:
    """The bundle as a tar archive, in pieces; the same bytes for the same run, whoever exports it.

    Raises `digest_mismatch` for a file that is not what was sealed, `bundle_damaged` for one that cannot be read.
    """
    size = next((entry.size for entry in sealed.bundle.entries() if entry.path == layout.MANIFEST), 0)
    sizes = {layout.MANIFEST: size}
    digests: dict[str, str] = {layout.MANIFEST: sealed.digest}
    for entry in sealed.manifest["files"]:
        sizes[entry["path"]], digests[entry["path"]] = entry["size"], PREFIX + entry["sha256"]

    def proved(path: str) -> Iterator[bytes]:
        digest = new_hash()
        with sealed.reading(path):
            for piece in sealed.bundle.read(path):
                digest.update(piece)
                yield piece
        check_sealed(sealed.run_id, path, digests[path], PREFIX + digest.hexdigest())

    return tar_pieces(sealed.run_id, sizes, proved)


def check_sealed(run_id: str, path: str, expected: str, found: str) -> None:
    """Raise `digest_mismatch` where the digest of a file, as it was read, is not that of the seal."""
    if expected != found:
        message = f"{path} of run {run_id} is not what was sealed: expected {expected}, found {found}"
        raise error("digest_mismatch", message, path=path, expected=expected, found=found)
