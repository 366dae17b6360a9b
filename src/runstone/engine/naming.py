"""Which run a word names: an id, a unique prefix, a digest, an alias, `@latest`; and what is said where none is."""

from __future__ import annotations

from runstone.core.canonical import is_unicode
from runstone.core.digests import parse_digest
from runstone.core.ids import is_run_id
from runstone.engine.finder import asking
from runstone.engine.reader import sealed_under
from runstone.errors import RunstoneError, error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from runstone.core.digests import Digest
    from runstone.core.tombstone import Tombstone
    from runstone.engine.finder import Finder
    from runstone.engine.store import Store
    from runstone.ports.objects import Objects

LATEST: Final = "@latest"


def sealed_id(store: Store, finder: Finder, run: str) -> str:
    """The id of the sealed run that RUN names. Errors as `Store.get`."""
    if not isinstance(run, str):
        raise error("run_not_found", f"a run is named by text; found {type(run).__name__}", store=store.url)
    if not is_unicode(run):
        raise _unknown(store, run)
    if run == LATEST:
        newest = next(store.runs(), None)
        if newest is None:
            raise error("run_not_found", f"no sealed run in {store.url}", store=store.url)
        return newest.run_id
    if run.startswith("@"):
        return _by_alias(store, finder, run)
    if run.startswith("sha256:"):
        return _by_digest(store, finder, run)
    if is_run_id(run) and store.objects.exists(run):
        return run
    return _by_prefix(store, run)


def _by_alias(store: Store, finder: Finder, name: str) -> str:
    from runstone.engine.annotating import aliased

    run_id = aliased(finder, name[1:])
    if run_id is None or not store.objects.exists(run_id):
        raise _unknown(store, name)
    return run_id


def _by_digest(store: Store, finder: Finder, digest: Digest) -> str:
    parse_digest(digest)
    for run_id in finder.sealed(asking("digest", digest)):
        if _digest_of(store, run_id) == digest:
            return run_id
    message = f"no run with digest {digest} in {store.url}"
    raise _purged(store, digest) or error("run_not_found", message, digest=digest, store=store.url)


def _digest_of(store: Store, run_id: str) -> Digest | None:
    """The digest of a run as it is now; `None` where it cannot be read."""
    try:
        sealed = sealed_under(store.objects, run_id, store.contract_of)
    except RunstoneError:
        return None
    sealed.bundle.close()
    return sealed.digest


def _by_prefix(store: Store, prefix: str) -> str:
    still_open = store.journals.open_ids()
    if prefix in still_open:
        raise _is_open(store, prefix)
    sealed = {run_id for run_id in store.objects.run_ids() if prefix and run_id.startswith(prefix)}
    found = sorted(sealed.union(run_id for run_id in still_open if prefix and run_id.startswith(prefix)))
    if not found:
        raise _purged(store, prefix) or _unknown(store, prefix)
    if len(found) > 1:
        shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
        raise error("ambiguous_run", f"{prefix!r} fits {len(found)} runs: {shown}", prefix=prefix, found=found[:20])
    if found[0] not in sealed:
        raise _is_open(store, found[0])
    return found[0]


def _is_open(store: Store, run_id: str) -> RunstoneError:
    import shlex

    command = shlex.join(["runstone", "recover", run_id, "--store", store.url])
    message = f"run {run_id} is not sealed yet; if its process died, `{command}` seals it"
    return error("run_is_open", message, run_id=run_id)


def open_id(store: Store, run: str) -> str:
    """The id of the open run that an id or a unique prefix names. Raises `run_not_found`, `ambiguous_run`."""
    found = [run_id for run_id in store.journals.open_ids() if run and run_id.startswith(run)]
    if run in found:
        return run
    if len(found) == 1:
        return found[0]
    if found:
        raise error("ambiguous_run", f"{run!r} fits {len(found)} open runs", prefix=run, found=found[:20])
    raise _unknown(store, run, "open run")


def _unknown(store: Store, named: str, what: str = "run") -> RunstoneError:
    named = excerpt(named, 140)
    return error("run_not_found", f"no {what} {named!r} in {store.url}", run=named, store=store.url)


def _purged(store: Store, named: str) -> RunstoneError | None:
    stone = purged_run(store.objects, named)
    return None if stone is None else stone.error()


def purged_run(objects: Objects, run: str) -> Tombstone | None:
    """The tombstone of the run that an id, a prefix that fits one, or `sha256:<hex>` names, if that is gone."""
    gone = [stone for stone in objects.tombstones() if not objects.exists(stone.run_id)]
    exact = [stone for stone in gone if run in (stone.run_id, stone.digest)]
    found = exact or [stone for stone in gone if run and stone.run_id.startswith(run)]
    return found[0] if len(found) == 1 else None
