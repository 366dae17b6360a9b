"""What `show` says of a run that is not sealed: what it recorded when it was opened, and how far it has come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from runstone.cli.family import children
from runstone.cli.ls import STATE_TEXTS, STATUS_STYLES
from runstone.cli.measures import count_text
from runstone.cli.rendering import Screen, Span
from runstone.cli.runs import unsealed_hint, while_open
from runstone.cli.sections import Fact, limited
from runstone.engine.family import totals
from runstone.engine.open_summary import OpenSummary
from runstone.engine.store import Store

_OPENED: Final = ("version", "generator", "entry", "argv", "cwd", "git", "platform", "labels", "links")


def describe(store: Store, run_id: str) -> dict[str, Any] | None:
    """The row of `ls`, what the first event tells, `alive`, `counts` and `hint`; `None` if no such run is open now."""
    found = while_open(store, run_id, _ends)
    if found is None:
        return None
    (opened, last, events), alive = found
    row = OpenSummary(run_id, opened, alive=alive).row()
    data = opened["data"] if opened else {}
    below = store.children(run_id)
    return {
        **row,
        **{name: data.get(name) for name in _OPENED},
        "last_at": last["ts"] if last else None,
        "alive": alive,
        "counts": {"events": events},
        "children": below,
        "children_total": totals(below),
        "hint": unsealed_hint(store, run_id, alive=alive),
    }


def _ends(events: Iterator[dict[str, Any]]) -> tuple[dict[str, Any] | None, dict[str, Any] | None, int]:
    """The first event, the last, and how many there are."""
    first = last = next(events, None)
    count = int(first is not None)
    for event in events:
        last = event
        count += 1
    return first, last, count


def print_page(screen: Screen, page: dict[str, Any], origin: Iterator[Fact]) -> None:
    """The page of an open run. `origin` are the facts on where it came from."""
    kind = page["kind"] or "nothing recorded yet"
    version = f" {page['version']}" if page["version"] is not None else ""
    state = Span(STATE_TEXTS[page["state"]], STATUS_STYLES[page["status"]])
    screen.title(kind + version, state)
    screen.line()
    screen.facts(_facts(page, origin))
    children(screen, page)
    screen.line()
    screen.wrapped("", [page["hint"]], indent=0)


def _facts(page: dict[str, Any], origin: Iterator[Fact]) -> Iterator[Fact]:
    yield "run", [page["run_id"]]
    if page["opened_at"] is not None:
        yield "opened", [page["opened_at"]]
    if page["contract"] is not None:
        yield "contract", [page["contract"]]
    yield from origin
    yield from limited(("label", [f"{name}={value}"]) for name, value in (page["labels"] or {}).items())
    yield from limited(("link", [f"{link['rel']} {link['run_id']}"]) for link in page["links"] or [])
    yield "process", ["alive" if page["alive"] else Span("gone", "warn")]
    last = "" if page["last_at"] is None else f", the last at {page['last_at']}"
    yield "recorded", [f"{count_text(page['counts']['events'], 'event')} so far{last}"]
