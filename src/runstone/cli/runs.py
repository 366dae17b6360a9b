"""What a command line names: a store, and a sealed run in it that may turn out to be damaged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from runstone.engine.reader import Sealed
from runstone.engine.store import Store


@contextmanager
def sealed_run(store: Store, name: str) -> Iterator[Sealed]:
    """The sealed run that RUN names, for reading.

    Raises as `Store.get`; and `bundle_damaged` where what is read is not what the format says.
    """
    sealed = store.get(name)
    try:
        with sealed.reading():
            yield sealed
    finally:
        sealed.bundle.close()


def store_exists(store: Store) -> bool:
    """Whether anything has been recorded at the store's place; opening a store makes nothing."""
    return not store.objects.properties.local or os.path.isdir(store.url)


def nothing_in(store: Store, what: str) -> str:
    """The remark of a verb that found nothing: it names the store that was read."""
    return f"{what} in {store.url}" + ("" if store_exists(store) else " (there is no store there yet)")
