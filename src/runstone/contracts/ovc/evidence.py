"""Evidence of checks: which text is a reference in an `ovc` document.

A reference is `run.json:$.path`, `run.log:line:N` or `artifacts/path`, printable and nothing else. All other text
is free.
"""

from __future__ import annotations

from runstone.contracts.ovc import layout
from runstone.core import layout as bundle
from runstone.core.evidence import parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from runstone.core.evidence import Reference

_ARTIFACT: Final = bundle.ARTIFACTS + "/"


def try_reference(text: str) -> Reference | None:
    """The reference that `text` is in an `ovc` document, or `None` for free text."""
    reference = parse_reference(text) if text.isprintable() else None
    if reference is None or reference.file not in (layout.RUN, layout.LOG):
        return reference if text.startswith(_ARTIFACT) and text != _ARTIFACT else None
    fits = reference.json_path if reference.file == layout.RUN else reference.line
    return None if fits is None else reference
