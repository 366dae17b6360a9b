"""What counts of a call that is answered from the record: the calls that were made in it, and what they used.

- A call counts as often as it was let through then, at the time of the record; one that a rule blocked does not, nor
  does a tracked function, which is no call of a tool.
- So do those of the runs that were begun in it: they count in the run around them, and these are not begun.
- What it cost is asked of the prices of today, by the name of the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstone.core.calls import TOOL
from runstone.core.times import parse_time
from runstone.core.tools.limits import limits_of_contract
from runstone.core.words import TOKENS
from runstone.engine.calls import AROUND, usage_of
from runstone.engine.facts import maybe_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from runstone.core.recorded import Record, RecordedCall
    from runstone.engine.replay.book import Book

MAX_ATTEMPTS: Final = 1000
"""Of one call, so many are counted; a record may say any number."""
MAX_DEPTH: Final = 16
"""Of runs in runs."""


def count_below(book: Book, match: RecordedCall) -> None:
    """Count the calls that were made in one that is answered here, in the call around."""
    for record, call in _within(book, match):
        _count(book, record, call)


def tries_of(call: RecordedCall) -> int:
    """How often a call was let through; of one without an answer at least once."""
    if call.answer is None:
        return 1
    tries = call.said("attempts")
    return min(tries, MAX_ATTEMPTS) if type(tries) is int else 0


def _within(book: Book, match: RecordedCall) -> Iterator[tuple[Record, RecordedCall]]:
    """All calls in a call, with the record of the run that they belong to."""
    runs = list(match.runs)
    for call in match.below():
        yield book.record, call
        runs += call.runs
    seen = set(runs)
    for _ in range(MAX_DEPTH):
        records = [record for run_id in runs if (record := book.session.part(run_id)) is not None]
        for record in records:
            yield from ((record, call) for call in record.calls)
        runs = [run_id for record in records for run_id in record.children if run_id not in seen]
        seen.update(runs)


def _count(book: Book, record: Record, call: RecordedCall) -> None:
    calls = book.run.calls
    if call.own:
        return
    if call.kind == TOOL:
        at_ns, kept = parse_time(call.called["ts"]), _kept(record, call)
        for _ in range(tries_of(call)):
            calls.count(call.name, kept, at_ns)
    used = call.said("usage")
    if type(used) is dict:
        tools = [one.name for one in call.around() if one.kind == TOOL and not one.own]
        model = maybe_text(call.said("model")) or (None if call.kind == TOOL else call.name)
        calls.spend(AROUND.get(), model, usage_of(*(used.get(name) for name in TOKENS)), tools)


def _kept(record: Record, call: RecordedCall) -> int:
    """How many calls of its tool the rate of its contract tells apart."""
    document: Any = record.contracts.get(call.called["data"]["contract_sha256"])
    budget = document.get("budget") if type(document) is dict else None
    kept = limits_of_contract(budget if type(budget) is dict else None).kept
    return kept if type(kept) is int else 0
