"""Runs that are parts of another one: what a child leaves for its parent, and what the parent tells of its children.

- A child names its parent by a `child-of` link. That is enough to find it, for ever.
- A parent tells, by `child` events, of those that it knows: one that is sealed in its own process as soon as it is,
  all others of the same store when the parent itself is sealed, in the order of their ids. So the parent's digest
  binds theirs. One that is not sealed then is `running`, without a digest.
- A child in another process leaves its id with the store as long as the parent is open there (`Journals.adopt`).
"""

from __future__ import annotations

from runstone.core.values import coerce
from runstone.core.words import CHILD_OF, RUNNING
from runstone.engine.current import place_of
from runstone.engine.facts import keep_out
from runstone.engine.live import LIVE
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from runstone.core.redaction.redactor import Redactor
    from runstone.core.values import Mark
    from runstone.engine.recorder import Run
    from runstone.engine.store import Store


def parents_of(links: Iterable[Any]) -> list[str]:
    """The runs that links name as parents. What is no link, as in a bundle that nobody has verified, is passed over."""
    return [link["run_id"] for link in links if isinstance(link, dict) and link.get("rel") == CHILD_OF]


def announce(run_id: str, parents: Iterable[str], store: Store) -> None:
    """A run was opened: leave word for its parents in other processes."""
    for parent in parents:
        if _live(parent, store) is None:
            store.journals.adopt(parent, run_id)


def tell_secrets(run: Run, store: Store, exc: BaseException) -> None:
    """A run is left by an exception, which may go on to its parents: what they record of it, and what they end with, is
    without its secrets."""
    if run.parents:
        keep_out(exc, (run.redactor, *run.writer.heard))
    for parent in run.parents:
        live = _live(parent, store)
        if live is not None:
            heard = live.writer.heard
            heard.extend(one for one in (run.redactor, *run.writer.heard) if one not in heard)


def without_secrets(error: Any, heard: Iterable[Redactor]) -> tuple[Any, list[Mark]]:
    """An error as a run may record it, and what was taken out of it, by the place in `run.closed`."""
    tree, marks = coerce({"error": error})
    for redactor in heard:
        tree = redactor.tree(tree, marks)
    if "error" not in tree:  # a redactor failed, and dropped all that it was given
        return None, [["/error", mark] for _, mark in marks]
    return tree["error"], marks


def tell_parents(run_id: str, parents: Iterable[str], store: Store, *, digest: str, status: str) -> None:
    """A run was sealed: its parents in this process record it."""
    for parent in parents:
        run = _live(parent, store)
        if run is not None and run.recording:
            try:
                run.event("child", {"run_id": run_id, "digest": digest, "status": status})
            except RunstoneError:  # of a strict parent: its next call raises that, too
                continue


def found_at_seal(run: Run, store: Store) -> list[dict[str, Any]]:
    """The children of a run that is about to be sealed of which it has not told yet, by id, as `child` events."""
    here = {child.run_id for child in list(LIVE.values()) if run.run_id in child.parents and _same(child.store, store)}
    try:
        elsewhere = store.journals.adopted(run.run_id)
    except RunstoneError:  # the store cannot be read: their links name the parent
        elsewhere = []
    found = [_child(run_id, store) for run_id in sorted({*here, *elsewhere})]
    return [child for child in found if child is not None]


def _live(run_id: str, store: Store) -> Run | None:
    """The run of that id which this process records in the same store."""
    for run in list(LIVE.values()):
        if run.run_id == run_id and _same(run.store, store):
            return run
    return None


def _same(one: Store, other: Store) -> bool:
    """Whether two stores are one: a folder may be opened many times, memory is its own."""
    place = place_of(one)
    return one is other or (place != "" and place == place_of(other))


def _child(run_id: str, store: Store) -> dict[str, Any] | None:
    """What is to be told of a child now; `None` if there is no such run."""
    try:
        for _ in range(2):  # between the two looks it may be sealed
            if store.objects.exists(run_id):
                return _sealed(run_id, store)
            if store.journals.read(run_id) is not None:
                return {"run_id": run_id, "digest": None, "status": RUNNING}
    except RunstoneError:  # damaged, and its digest says nothing; or the store cannot be read
        return None
    return None


def _sealed(run_id: str, store: Store) -> dict[str, Any]:
    from runstone.engine.reader import sealed_under  # most runs have no children

    sealed = sealed_under(store.objects, run_id, store.contract_of)
    try:
        return {"run_id": run_id, "digest": sealed.digest, "status": sealed.status}
    finally:
        sealed.bundle.close()
