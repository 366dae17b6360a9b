"""Export: a sealed run in a form that travels."""

from __future__ import annotations

from runstone.core.tar import tar_pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runstone.engine.reader import Sealed


def export_tar(sealed: Sealed) -> Iterator[bytes]:
    """The bundle as a tar archive, in pieces; the same bytes for the same run, whoever exports it."""
    bundle = sealed.bundle
    sizes = {entry.path: entry.size for entry in bundle.entries() if entry.kind == "file"}
    return tar_pieces(sealed.run_id, sizes, bundle.read)
