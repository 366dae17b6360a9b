"""What a look-up does not find: there is no such run, or one is there and so damaged that it is not found any more.

Runs are looked up by labels, which stand in the runs themselves. One that has lost what it is found by is known by what
is left of its first line.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.card import DAMAGED, SEALED
from runstone.core.journal import split_lines
from runstone.core.layout import JOURNAL
from runstone.core.query import Match, Pattern, Query
from runstone.engine.damage import prove
from runstone.errors import Damaged, RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from runstone.engine.store import Store

_SHOWN: Final = (SEALED, DAMAGED)


def check_lost(store: Store, label: str, value: str) -> None:
    """Raise `bundle_damaged` where a damaged run has this value of a label, as far as that can still be told."""
    named: Any = Match(f"label.{label}", (Pattern((value,)),), negated=False)
    broken: Any = Match("status", (Pattern((DAMAGED,)),), negated=False)
    for term in (named, broken):
        for row in store.page(Query([term]), limit=None).rows:
            if row["state"] in _SHOWN:
                _check(store, row["run_id"], value)


def _check(store: Store, run_id: str, value: str) -> None:
    try:
        bundle = store.objects.open(run_id)
    except RunstoneError:  # purged at this moment
        return
    try:
        if canonical_bytes(value) in next(split_lines(bundle.read(JOURNAL)), b""):
            prove(bundle, store.contract_of)
    except Damaged:
        raise
    except RunstoneError:  # not even its first line can be read
        return
    finally:
        bundle.close()
