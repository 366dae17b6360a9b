"""Runs and stores as rich text, for notebooks: `_repr_html_` of `Run`, `Sealed` and `Store`.

- All text is escaped, and shown without control characters: what was recorded is markup to nobody, and reorders nothing
  that stands beside it.
- Words have the colour of the page around them, so they can be read in the light and in the dark; a status has a mark
  beside it, whose colour is seen on both.
- It is as wide as it may be, not as its longest name: what is long is broken, and cut at `MAX_TEXT`.
- It never raises: what cannot be read is shown by its `repr`.
"""

from __future__ import annotations

from itertools import islice

from runstone.core.readable import count_text, failure_text, number_text
from runstone.core.terminal import safe_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Final

    from runstone.core.journal import Journal
    from runstone.engine.reader import Sealed
    from runstone.engine.recorder import Run
    from runstone.engine.store import Store

    Row = tuple[str, str]
    """The markup of what it is, and of its value."""

MAX_RUNS: Final = 20
MAX_METRICS: Final = 10
MAX_LABELS: Final = 10
MAX_FAILING: Final = 5
MAX_TEXT: Final = 200
"""Characters of a name or a value."""
COLOURS: Final = {"good": "#2a9d5c", "bad": "#d9484c", "warn": "#b8860b", "live": "#3b82c4"}
_MEANING: Final = {
    "success": "good",
    "failed": "bad",
    "blocked": "bad",
    "damaged": "bad",
    "running": "live",
}
_CELL: Final = (
    "text-align:left;vertical-align:top;padding:2px 12px 2px 0;max-width:48em;white-space:normal;overflow-wrap:anywhere"
)
_WORD: Final = "white-space:nowrap;overflow-wrap:normal"
_MARK: Final = "display:inline-block;width:.6em;height:.6em;margin-right:.4em;border-radius:50%"
_CHECKS: Final = ("fail", "skip", "pass")


def run_html(run: Run) -> str:
    """A run that is being recorded."""
    rows = [("run", _value(run.run_id)), ("status", _status(run.status))]
    if run.digest is not None:
        rows.append(("digest", _value(run.digest)))
    elif not run.recording:
        rows.append(("recorded", "nothing"))
    return _shown(run, lambda: _page("Run", _named(rows)))


def sealed_html(sealed: Sealed) -> str:
    """A sealed run: what its manifest says, why it failed, how its checks went, its last metrics."""
    return _shown(sealed, lambda: _page(_value(sealed.kind), _named(_facts(sealed)), _metrics(sealed)))


def store_html(store: Store) -> str:
    """A store: its newest runs."""
    return _shown(store, lambda: _store(store))


def _shown(thing: object, html: Callable[[], str]) -> str:
    try:
        return html()
    except Exception:  # a notebook shows what there is
        return f"<pre>{_text(repr(thing))}</pre>"


def _facts(sealed: Sealed) -> list[Row]:
    with sealed.reading():
        journal = sealed.journal()
        failure = journal.closed["data"]["error"]
        rows: list[Row] = [
            ("run", _value(sealed.run_id)),
            ("status", _status(sealed.status)),
            *([] if failure is None else [("error", _value(_failure(failure)))]),
            ("opened", _whole(sealed.opened_at)),
            ("closed", _whole(sealed.closed_at)),
            ("digest", _value(sealed.digest)),
            ("recorded", _recorded(sealed.counts())),
            *_checks(journal),
        ]
    labels = [f"{_value(name)}={_value(value)}" for name, value in islice(sealed.labels.items(), MAX_LABELS)]
    return [*rows, *_listed("label", labels, len(sealed.labels))]


def _failure(told: Any) -> str:
    return (failure_text(told) if isinstance(told, dict) else "") or number_text(told)


def _recorded(counts: dict[str, int]) -> str:
    texts = [count_text(count, name[:-1]) for name, count in counts.items() if count and name != "dropped"]
    return ", ".join([*texts, f"{counts['dropped']} dropped"] if counts["dropped"] else texts)


def _checks(journal: Journal) -> list[Row]:
    """How many came to what, and the first that failed."""
    failing: list[str] = []
    counts = dict.fromkeys(_CHECKS, 0)
    for data in journal.data("check"):
        counts[data["status"]] += 1
        if data["status"] == "fail" and len(failing) < MAX_FAILING:
            failing.append(_value(data["name"]))
    told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return [*([("checks", told)] if told else []), *_listed("failing", failing, counts["fail"])]


def _listed(name: str, values: list[str], count: int) -> list[Row]:
    """Rows of something of which there are so many."""
    more = [f"… and {count - len(values)} more"] if count > len(values) else []
    return [(name, value) for value in (*values, *more)]


def _metrics(sealed: Sealed) -> str:
    metrics: dict[str, Any] = {}
    for event in sealed.events("metric"):
        metrics.update(event["data"]["values"])
    rows = [(_value(name), _whole(number_text(value))) for name, value in islice(metrics.items(), MAX_METRICS)]
    more = f"<div>… and {len(metrics) - MAX_METRICS} more</div>" if len(metrics) > MAX_METRICS else ""
    return (
        _table(rows, f'<caption style="{_WORD};text-align:left;padding:4px 0">Metrics, the last of each</caption>')
        + more
    )


def _store(store: Store) -> str:
    rows = store.rows()
    lines = [
        _row(
            _value(row["run_id"]),
            [
                _value(row["kind"] or "-") + (f" “{_value(row['name'])}”" if row["name"] else ""),
                _status(row["status"]),
                _whole((row["opened_at"] or "-")[:19].replace("T", " ")),
            ],
        )
        for row in rows[:MAX_RUNS]
    ]
    titles = ("run", "kind", "status", "opened (UTC)")
    head = "".join(f'<th scope="col" style="{_CELL};{_WORD}">{title}</th>' for title in titles)
    more = f"<div>… and {len(rows) - MAX_RUNS} more</div>" if len(rows) > MAX_RUNS else ""
    title = f"{count_text(len(rows), 'run')} in {_value(store.url)}"
    return _page(title, _framed(f"<tr>{head}</tr>{''.join(lines)}") if lines else "", more)


def _page(title: str, *parts: str) -> str:
    return f"<div><strong>{title}</strong>{''.join(parts)}</div>"


def _named(rows: Iterable[Row]) -> str:
    """A table of rows with names of ours."""
    return _table((_whole(name), value) for name, value in rows)


def _table(rows: Iterable[Row], caption: str = "") -> str:
    """Rows of a name and a value; nothing without any."""
    lines = "".join(_row(f'<span style="opacity:.65">{name}</span>', [value]) for name, value in rows)
    return _framed(caption + lines) if lines else ""


def _framed(rows: str) -> str:
    return f'<table style="background:transparent;border:0">{rows}</table>'


def _row(head: str, cells: Iterable[str]) -> str:
    named = f'<th scope="row" style="{_CELL};font-weight:normal">{head}</th>'
    values = "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells)
    return f"<tr>{named}{values}</tr>"


def _status(status: str) -> str:
    """The word, behind a mark in the colour of what it means."""
    colour = COLOURS[_MEANING.get(status, "warn")]
    mark = f'<span aria-hidden="true" style="{_MARK};background:{colour}"></span>'
    return f'<span style="{_WORD}">{mark}{_text(status)}</span>'


def _whole(text: str) -> str:
    """What is short, and not broken."""
    return f'<span style="{_WORD}">{_text(text)}</span>'


def _value(text: str) -> str:
    """Text that somebody recorded, apart from what stands beside it."""
    shown = _text(text)
    return f"<bdi>{f'<code>{shown}</code>' if len(text) > 24 and ' ' not in text else shown}</bdi>"


def _text(text: str) -> str:
    from html import escape

    shown = safe_text(text)
    return escape(shown[:MAX_TEXT] + ("…" if len(shown) > MAX_TEXT else ""))
