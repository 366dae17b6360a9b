"""What differs in inputs and outputs, by name and type."""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.diff.difference import ABSENT, Difference
from runstone.core.diff.pairing import matched, paired

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.core.diff.facts import RunFacts

SHOWN: Final = ("type", "sha256", "size", "ref", "path", "problem")


def inputs(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """What the runs consumed."""
    for one, other in artifact_pairs(a.inputs, b.inputs):
        yield _difference("inputs", one, other)


def outputs(a: RunFacts, b: RunFacts) -> Iterator[Difference]:
    """What the runs produced."""
    for one, other in artifact_pairs(a.outputs, b.outputs):
        yield _difference("outputs", one, other)


def artifact_pairs(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> Iterator[tuple[Any, Any]]:
    """Artifacts of the same name and type that differ; `ABSENT` where one run has fewer of them."""
    same, left, right = matched(a, b, _bound)
    changed = [pair for pair in same if _facts(pair[0]) != _facts(pair[1])]
    told = [*paired(left, right, _about), *((_about(one), one, other) for one, other in changed)]
    yield from ((one, other) for _, one, other in sorted(told, key=lambda row: row[0]))


def _about(artifact: dict[str, Any]) -> tuple[str, str]:
    return artifact["name"], artifact["type"]


def _bound(artifact: dict[str, Any]) -> bytes:
    """What the outcome digest covers of it: the reference counts only where no digest tells more."""
    sha256 = artifact["sha256"]
    return canonical_bytes([artifact["name"], artifact["type"], sha256, None if sha256 else artifact["ref"]])


def _facts(artifact: dict[str, Any]) -> dict[str, Any]:
    """What is shown of it; a bundle's own path is not, but whether the bytes are kept is."""
    return {**{field: artifact[field] for field in SHOWN}, "path": artifact["path"] is not None}


def _difference(section: str, one: Any, other: Any) -> Difference:
    sides = [
        artifact if artifact is ABSENT else {field: artifact[field] for field in SHOWN} for artifact in (one, other)
    ]
    counts = ABSENT in sides or _bound(one) != _bound(other)
    sizes = (None, None) if ABSENT in sides else (one["size"], other["size"])
    return Difference(section, (one if other is ABSENT else other)["name"], *sides, outcome=counts, numbers=sizes)
