"""Makes the card of a run from its bundle, or from its journal while it is open: one pass, a line at a time."""

from __future__ import annotations

from runstone.core import layout
from runstone.core.card import EVENTS, CardMaker, damaged_card
from runstone.core.events import data_problem
from runstone.core.journal import proved_prefix, split_lines, type_of
from runstone.core.limits import MAX_LINE_BYTES
from runstone.core.parsing import load
from runstone.engine.reader import sealed_under
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runstone.core.card import Card
    from runstone.ports.journals import LeftRun
    from runstone.ports.objects import Objects


def sealed_card(objects: Objects, run_id: str) -> Card | None:
    """The card of a sealed run; `damaged` where the bundle cannot be read, `None` where it is gone.

    It proves nothing: that is verification.
    """
    try:
        with sealed_under(objects, run_id, _no_contract) as sealed:
            maker = CardMaker()
            for line in split_lines(sealed.bundle.read(layout.JOURNAL)):
                kind = type_of(line)
                if kind in EVENTS and (kind != "log" or maker.wants_log):
                    event = load(line)
                    if data_problem(kind, event["data"]) is not None:
                        return damaged_card(run_id)
                    maker.add(event)
            return maker.sealed(sealed.manifest, sealed.digest)
    except (RunstoneError, ValueError, TypeError, LookupError):  # it is not what the format says: no list breaks by it
        return damaged_card(run_id) if objects.exists(run_id) else None


def open_card(left: LeftRun, *, alive: bool, whole: bool) -> Card:
    """The card of an open run; of its first event alone where not the `whole` of it is wanted."""
    maker = CardMaker()
    for _, event in proved_prefix(split_lines(left.read(0, None if whole else MAX_LINE_BYTES))):
        maker.add(event)
        if not whole:
            break
    return maker.open(left.run_id, alive=alive)


def _no_contract(name: str, version: str | None) -> Any:
    raise AssertionError(f"a card needs no contract: {name}/{version}")
