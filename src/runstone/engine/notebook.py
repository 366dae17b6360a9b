"""Runs and stores as rich text, for notebooks: `_repr_html_` of `Run`, `Sealed` and `Store`.

- All text is escaped, and shown without control characters: what was recorded is markup to nobody.
- Colours are those of the page around it, so it can be read in the light and in the dark; the one of a status has
  contrast to both.
- It never raises: what cannot be read is shown by its `repr`.
"""

from __future__ import annotations

from itertools import islice

from runstone.core.terminal import safe_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Final

    from runstone.engine.reader import Sealed
    from runstone.engine.recorder import Run
    from runstone.engine.store import Store

MAX_RUNS: Final = 20
MAX_METRICS: Final = 10
_GOOD, _BAD, _WARN, _LIVE = "#2a9d5c", "#d9484c", "#b8860b", "#3b82c4"
_COLOURS: Final = {
    "success": _GOOD,
    "failed": _BAD,
    "blocked": _BAD,
    "damaged": _BAD,
    "running": _LIVE,
}
_CELL: Final = 'style="text-align:left;padding:2px 12px 2px 0;vertical-align:top"'


def run_html(run: Run) -> str:
    """A run that is being recorded."""
    rows = [("run", run.run_id), ("status", _Status(run.status))]
    if run.digest is not None:
        rows.append(("digest", run.digest))
    elif not run.recording:
        rows.append(("", "not recorded"))
    return _shown(run, lambda: _facts("Run", rows))


def sealed_html(sealed: Sealed) -> str:
    """A sealed run: what its manifest says, how its checks went, its last metrics."""
    return _shown(sealed, lambda: _facts(sealed.kind, _sealed_rows(sealed)))


def store_html(store: Store) -> str:
    """A store: its newest runs."""
    return _shown(store, lambda: _store(store))


def _shown(thing: object, html: Callable[[], str]) -> str:
    try:
        return html()
    except Exception:  # a notebook shows what there is
        return f"<pre>{_text(repr(thing))}</pre>"


class _Status(str):
    """A text that is shown in the colour of the status that it is."""

    __slots__ = ()


def _sealed_rows(sealed: Sealed) -> list[tuple[str, Any]]:
    counts = sealed.counts()
    rows: list[tuple[str, Any]] = [
        ("run", sealed.run_id),
        ("status", _Status(sealed.status)),
        ("opened", sealed.opened_at),
        ("closed", sealed.closed_at),
        ("digest", sealed.digest),
        ("recorded", ", ".join(f"{count} {name}" for name, count in counts.items() if count)),
    ]
    rows += [("label", f"{name}={value}") for name, value in sealed.labels.items()]
    metrics: dict[str, Any] = {}
    for event in sealed.events("metric"):
        metrics.update(event["data"]["values"])
    rows += [(name, _number(value)) for name, value in islice(metrics.items(), MAX_METRICS)]
    if len(metrics) > MAX_METRICS:
        rows.append(("", f"… and {len(metrics) - MAX_METRICS} metrics more"))
    return rows


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _store(store: Store) -> str:
    rows = store.rows()
    lines = [
        [row["run_id"], row["kind"] or "-", _Status(row["status"]), (row["opened_at"] or "-")[:19].replace("T", " ")]
        for row in rows[:MAX_RUNS]
    ]
    head = _row(["run", "kind", "status", "opened (UTC)"], "th")
    more = f"<div>… and {len(rows) - MAX_RUNS} more</div>" if len(rows) > MAX_RUNS else ""
    title = f"{len(rows)} {'run' if len(rows) == 1 else 'runs'} in {store.url}"
    return _page(title, head + "".join(_row(line) for line in lines) if lines else "") + more


def _facts(title: str, rows: Iterable[tuple[str, Any]]) -> str:
    return _page(title, "".join(_row([_Label(name), value]) for name, value in rows))


class _Label(str):
    """A text that says what stands beside it."""

    __slots__ = ()


def _page(title: str, rows: str) -> str:
    table = f'<table style="background:transparent;border:0">{rows}</table>' if rows else ""
    return f"<div><strong>{_text(title)}</strong>{table}</div>"


def _row(cells: Iterable[str], tag: str = "td") -> str:
    return f"<tr>{''.join(f'<{tag} {_CELL}>{_cell(cell)}</{tag}>' for cell in cells)}</tr>"


def _cell(cell: str) -> str:
    if isinstance(cell, _Label):
        return f'<span style="opacity:.65">{_text(cell)}</span>'
    if isinstance(cell, _Status):
        return f'<span style="color:{_COLOURS.get(cell, _WARN)}">{_text(cell)}</span>'
    return f"<code>{_text(cell)}</code>" if len(cell) > 24 and " " not in cell else _text(cell)


def _text(text: str) -> str:
    from html import escape

    return escape(safe_text(text))
