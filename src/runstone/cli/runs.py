"""What a command line names: a store, and a run in it: open, sealed, or damaged as it turns out."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from runstone.core.journal import proved_prefix, split_lines
from runstone.engine.reader import Sealed
from runstone.engine.store import Store
from runstone.errors import RunstoneError
from runstone.locate import contract_of, no_store, open_one, open_store

_T = TypeVar("_T")
NO_STORE_YET: Final = "there is no store there yet"


@contextmanager
def sealed_run(store: Store, name: str) -> Iterator[Sealed]:
    """The sealed run that RUN names, for reading.

    Raises as `Store.get`; and `bundle_damaged` where what is read is not what the format says.
    """
    with store.get(name) as sealed, sealed.reading():
        yield sealed


def sealed_or_path(store: Store, name: str) -> Sealed:
    """The sealed run that RUN names, or the bundle at that path; a run of the store comes first.

    Raises as `Store.get`, and `file_not_found`, `invalid_archive` for a path. The caller closes its bundle.
    """
    if not os.path.dirname(name):
        try:
            return store.get(name)
        except RunstoneError as exc:
            if exc.code != "run_not_found" or not os.path.lexists(name):
                raise
    return Sealed(open_one(name), contract_of)


def open_id(store: Store, name: str) -> str | None:
    """The id of the open run that RUN names, or `None` where it names a sealed one. Raises `run_not_found`."""
    if name in store.journals.open_ids() and not store.objects.exists(name):
        return name
    try:
        store.resolve(name)
    except RunstoneError as exc:
        if exc.code != "run_is_open":
            raise
        return str(exc.details["run_id"])
    return None


def while_open(store: Store, run_id: str, look: Callable[[Iterator[dict[str, Any]]], _T]) -> tuple[_T, bool] | None:
    """What `look` makes of the events that an open run has recorded so far, and whether its process is alive.

    `None` if no such run is open, or not any more when it has been read: what is sealed meanwhile takes its journal
    away from under the reader, who may have seen nothing of it.
    """
    left = store.journals.read(run_id)
    if left is None:
        return None
    found = look(event for _, event in proved_prefix(split_lines(left.read())))
    alive = store.journals.alive(run_id)
    if store.objects.exists(run_id) or store.journals.read(run_id) is None:
        return None
    return found, alive


def typed(store: Store, *words: str) -> str:
    """A command on a store, as a shell takes it: with `--store`, unless that is the one which is read without."""
    try:
        is_default = store.url == open_store().url
    except RunstoneError:  # `RUNSTONE_STORE` names none
        is_default = False
    return shlex.join(["runstone", *words, *(() if is_default else ("--store", store.url))])


def unsealed_hint(store: Store, run_id: str, *, alive: bool) -> str:
    """What becomes of a run that is not sealed, in a sentence."""
    if alive:
        return "it is sealed when its process finishes it"
    return f"its process is gone: {typed(store, 'recover', run_id)} seals it"


def store_exists(store: Store) -> bool:
    """Whether anything has been recorded at the store's place; opening a store makes nothing."""
    return not store.objects.properties.local or os.path.isdir(store.url)


def existing(store: Store) -> Store:
    """The store itself, for a verb that has nothing to do without one. Raises `store_not_found`, and
    `store_unavailable` where something else stands there."""
    if not store_exists(store):
        raise no_store(store.url)
    return store


def nothing_in(store: Store, what: str) -> str:
    """The remark of a verb that found nothing: it names the store that was read."""
    return f"{what} in {store.url}" + ("" if store_exists(store) else f" ({NO_STORE_YET})")


def worst(problems: Iterable[RunstoneError | None]) -> int:
    """The status for what could not be done to some runs; that one is in use is no failure."""
    return max((one.exit_status for one in problems if one is not None and one.code != "run_in_use"), default=0)
