"""What `add_input` and `add_output` are given, as arguments of `Run.input` and `Run.output`.

Where a reference is a file that exists, its digest is taken, whatever type the caller gives it.
"""

from __future__ import annotations

import os

from runstone.engine.artifacts import artifact_name, file_facts
from runstone.engine.facts import mapping_of, reference_text, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from runstone.engine.recorder import Run

KERNEL: Final = frozenset({"name", "sha256", "size", "media_type", "keep"})
OUTPUT_EXTRAS: Final = frozenset({"rows_written", "rows_updated"})


def gathered(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an output, those that have no place of their own in `run.json` gathered in `extra`."""
    known = {key: value for key, value in facts.items() if key in _kernel(facts) | OUTPUT_EXTRAS}
    more = {key: value for key, value in facts.items() if key not in known and key != "extra"}
    if "extra" in facts or more:
        known["extra"] = _joined(facts.get("extra"), more)
    return known


def _joined(extra: Any, more: dict[str, Any]) -> Any:
    """`extra` with what has other names; where it cannot take them, it stands beside them under its own."""
    if not more or extra is None:
        return more or extra
    own = mapping_of(extra) if isinstance(extra, dict) else {"extra": extra}
    return {"extra": extra, **more} if own.keys() & more.keys() else {**own, **more}


def arguments(run: Run, cwd: str | None, type: str, ref: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of `Run.input` and `Run.output`. Never raises for a value or what the file system answers."""
    kernel = _kernel(facts)
    known = {key: value for key, value in facts.items() if key in kernel}
    extra = {key: value for key, value in facts.items() if key not in kernel}
    path = _file(cwd, ref)
    keep = known.get("keep")
    kept = keep is not None and keep is not False
    if text_of(type) != "file" and path and run.recording and not kept and known.get("sha256") is None:
        found = file_facts(path)
        known |= {"sha256": found["sha256"], "size": found["size"]}
        known.setdefault("name", artifact_name(path, cwd))
        if "problem" in found:
            extra["problem"] = found["problem"]
    return {**known, "extra": extra} if extra else known


def _kernel(facts: Mapping[str, Any]) -> frozenset[str]:
    """Names that mean what they do in `Run.output`; `asked_by` does beside `keep`, and is the caller's own else."""
    return KERNEL | {"asked_by"} if "keep" in facts else KERNEL


def _file(cwd: str | None, ref: Any) -> str:
    """The path of the file that `ref` is, or nothing."""
    if not isinstance(ref, (str, bytes, os.PathLike)):
        return ""
    path = os.path.join(cwd or "", reference_text(ref))
    return path if "\0" not in path and os.path.isfile(path) else ""
