"""Compare sealed runs: hand their journals and kept files to `core.diff`.

- What is compared is what was sealed: a journal or kept file that is not the one of its manifest is `bundle_damaged`.
  So is an outcome digest that what differs belies. Nothing else of the bundles is proved.
"""

from __future__ import annotations

from contextlib import ExitStack

from runstone.core import layout
from runstone.core.diff.comparison import Side, compare
from runstone.core.diff.content import MAX_CONTENT_BYTES
from runstone.core.digests import sha256_hex
from runstone.engine.reader import Sealed
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    from runstone.core.diff.comparison import Comparison
    from runstone.core.journal import Journal

    Made = TypeVar("Made")
    Said = Callable[[Sealed], list[dict[str, Any]]]
    """What was said of a run since it was sealed, as `Store.annotations` has it."""


def _nothing(_: Sealed) -> list[dict[str, Any]]:
    return []


def compare_opened(open_run: Callable[[Any], Sealed], runs: Iterable[Any], said: Said = _nothing) -> Comparison:
    """Compare what `open_run` makes of `runs`, the baseline first; `said` has what was said of a run since its seal."""
    return with_opened(open_run, runs, lambda sides: compare_sealed(sides[0], sides[1:], said))


def with_opened(open_run: Callable[[Any], Sealed], runs: Iterable[Any], work: Callable[[list[Sealed]], Made]) -> Made:
    """What `work` makes of the runs that `open_run` opens; they are closed again.

    A `Sealed` is taken as it is, and stays open.
    """
    with ExitStack() as opened:
        return work([run if isinstance(run, Sealed) else opened.enter_context(open_run(run)) for run in runs])


def compare_sealed(a: Sealed, candidates: Iterable[Sealed], said: Said) -> Comparison:
    """The comparison of baseline `a` with the first candidate, the others in its `more`. Raises `bundle_damaged`."""
    with a.reading():
        side = side_of(a, said)
    first, *others = [_compared(a, side, b, said) for b in candidates]
    first.more = others
    return first


def _compared(a: Sealed, side: Side, b: Sealed, said: Said) -> Comparison:
    with a.reading(), b.reading():
        comparison = compare(side, side_of(b, said))
        if comparison.same == any(item.outcome for item in comparison.differences):
            raise error("invalid_event", "an outcome digest is not the one that its journal gives")
    return comparison


def side_of(sealed: Sealed, said: Said) -> Side:
    """A sealed run as a side of a comparison. What is damaged raises: call it inside of `sealed.reading()`."""
    journal = sealed.journal()
    behind = sealed.bundle.read(layout.JOURNAL, journal.index.size)  # the manifest says how far the journal is read
    if journal.index.root() != sealed.manifest["events"]["root"] or any(behind):
        raise error("invalid_event", "the journal has other lines than the manifest says")
    files = {entry["path"]: entry["sha256"] for entry in sealed.manifest["files"]}
    side = Side(_about(sealed, journal), journal, files, lambda path: _kept(sealed, path, files[path]))
    side.facts.amend(said(sealed))
    return side


def _about(sealed: Sealed, journal: Journal) -> dict[str, Any]:
    return {
        "run_id": sealed.run_id,
        "kind": sealed.kind,
        "version": journal.opened["data"]["version"],
        "contract": sealed.contract,
        "status": sealed.status,
        "opened_at": sealed.opened_at,
        "closed_at": sealed.closed_at,
        "digest": sealed.digest,
        "outcome_digest": sealed.outcome_digest,
        "path": sealed.path,
    }


def _kept(sealed: Sealed, path: str, sha256: str) -> bytes:
    """A small file of a bundle, proved."""
    with sealed.reading(path):
        data = b"".join(sealed.bundle.read(path, 0, MAX_CONTENT_BYTES + 1))
        if sha256_hex(data) != sha256:
            raise error("invalid_event", f"{path} has other bytes than the manifest says", path=path)
    return data
