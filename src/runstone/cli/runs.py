"""What a command line names: a store, and a sealed run in it that may turn out to be damaged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from runstone.engine.reader import Sealed
from runstone.engine.store import Store
from runstone.errors import InvalidInput, error

_NOT_ABOUT_BYTES: Final = frozenset({"unknown_contract", "invalid_option"})
_BROKEN_PROMISES: Final = (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError)


@contextmanager
def sealed_run(store: Store, name: str) -> Iterator[Sealed]:
    """The sealed run that RUN names, for reading.

    Raises as `Store.get`; and `bundle_damaged` where what is read is not what the format says.
    """
    run_id = store.resolve(name)
    with reading(store, run_id):
        sealed = Sealed(store.objects.open(run_id), store.contract_of)
        try:
            yield sealed
        finally:
            sealed.bundle.close()


@contextmanager
def reading(store: Store, run_id: str) -> Iterator[None]:
    """Errors that come from a damaged bundle become `bundle_damaged`; a fault of this program stays what it is."""
    try:
        yield
    except InvalidInput as exc:
        if exc.code in _NOT_ABOUT_BYTES:
            raise
        raise _damaged(run_id, exc.message, exc.code) from exc
    except _BROKEN_PROMISES as exc:
        if store.verify(run_id).ok:
            raise
        raise _damaged(run_id, f"{type(exc).__name__}: {exc}", "bundle_damaged") from exc


def _damaged(run_id: str, reason: str, code: str) -> Exception:
    message = f"run {run_id} is damaged: {reason} (runstone verify {run_id} names every fault)"
    return error("bundle_damaged", message, run_id=run_id, reason=reason, cause=code)


def store_exists(store: Store) -> bool:
    """Whether anything has been recorded at the store's place; opening a store makes nothing."""
    return not store.objects.properties.local or os.path.isdir(store.url)


def nothing_in(store: Store, what: str) -> str:
    """The remark of a verb that found nothing: it names the store that was read."""
    return f"{what} in {store.url}" + ("" if store_exists(store) else " (there is no store there yet)")
