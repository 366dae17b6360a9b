"""Runs that are so damaged that no question finds them any more: known by what is left of manifest and first line.

Who tells others that there is no such run, or that nothing else was said of one, asks here before.
"""

from __future__ import annotations

from contextlib import closing

from runstone.core.canonical import canonical_bytes
from runstone.core.card import DAMAGED, SEALED
from runstone.core.journal import split_lines
from runstone.core.layout import JOURNAL, MANIFEST
from runstone.core.limits import MAX_MANIFEST_BYTES
from runstone.core.query import Query, exactly
from runstone.engine.damage import prove
from runstone.engine.reader import read_limited
from runstone.errors import RunstoneError, StoreUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from runstone.core.query import Match
    from runstone.engine.store import Store
    from runstone.ports.objects import Bundle

_SHOWN: Final = (SEALED, DAMAGED)


def prove_lost(store: Store, told: list[bytes], *known: Match) -> None:
    """Prove every run that is damaged, or fits one of the terms `known`, and on which all members `told` still stand.

    Raises `bundle_damaged`; `store_unavailable` where the store cannot be read.
    """
    for term in (*known, exactly("status", DAMAGED)):
        for row in store.page(Query([term]), limit=None).rows:
            if row["state"] in _SHOWN:
                _prove(store, row["run_id"], told)


def member(name: str, value: Any) -> bytes:
    """A member of an object as a bundle spells it."""
    return canonical_bytes({name: value})[1:-1]


def _prove(store: Store, run_id: str, told: list[bytes]) -> None:
    try:
        bundle = store.objects.open(run_id)
    except StoreUnavailable:
        raise
    except RunstoneError:  # purged at this moment
        return
    with closing(bundle):
        left = b"\n".join(_left(read, bundle) for read in (_manifest, _first_line))
        if all(one in left for one in told):
            prove(bundle, store.contract_of)


def _left(read: Callable[[Bundle], bytes], bundle: Bundle) -> bytes:
    """What is left of a file; nothing where it cannot be read for what became of the bundle."""
    try:
        return read(bundle)
    except StoreUnavailable:
        raise
    except RunstoneError:
        return b""


def _manifest(bundle: Bundle) -> bytes:
    return read_limited(bundle, MANIFEST, MAX_MANIFEST_BYTES)


def _first_line(bundle: Bundle) -> bytes:
    return next(split_lines(bundle.read(JOURNAL)), b"")
