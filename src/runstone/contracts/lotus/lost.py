"""What a look-up does not find: there is no such run, or one is there and so damaged that it is not found any more.

Runs are looked up by labels, which stand in the runs themselves. One that has lost what it is found by is known by what
is left of its first line.
"""

from __future__ import annotations

from runstone.contracts.lotus.document import NAME
from runstone.core.canonical import canonical_bytes
from runstone.core.card import DAMAGED, SEALED
from runstone.core.journal import split_lines
from runstone.core.layout import JOURNAL
from runstone.core.query import Match, Pattern, Query
from runstone.engine.damage import prove
from runstone.errors import RunstoneError, StoreUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from runstone.engine.store import Store
    from runstone.ports.objects import Bundle

_SHOWN: Final = (SEALED, DAMAGED)


def check_lost(store: Store, kind: str, label: str, value: str) -> None:
    """Raise `bundle_damaged` where a damaged run of this contract has this kind and this value of a label, as far as
    that can still be told; `store_unavailable` where the store cannot be read."""
    named: Any = Match(f"label.{label}", (Pattern((value,)),), negated=False)
    broken: Any = Match("status", (Pattern((DAMAGED,)),), negated=False)
    told = [canonical_bytes(member)[1:-1] for member in ({"kind": kind}, {label: value})]
    told.append(canonical_bytes({"contract": {"name": NAME}})[1:-2])
    for term in (named, broken):
        for row in store.page(Query([term]), limit=None).rows:
            if row["state"] in _SHOWN:
                _check(store, row["run_id"], told)


def _check(store: Store, run_id: str, told: list[bytes]) -> None:
    """Prove a run on whose first line all of this stands."""
    try:
        bundle = store.objects.open(run_id)
    except StoreUnavailable:
        raise
    except RunstoneError:  # purged at this moment
        return
    try:
        line = _first_line(bundle)
        if all(member in line for member in told):
            prove(bundle, store.contract_of)
    finally:
        bundle.close()


def _first_line(bundle: Bundle) -> bytes:
    """What is left of it; nothing where it cannot be read for what became of the bundle."""
    try:
        return next(split_lines(bundle.read(JOURNAL)), b"")
    except StoreUnavailable:
        raise
    except RunstoneError:
        return b""
