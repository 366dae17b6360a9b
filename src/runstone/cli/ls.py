"""`runstone ls`: runs, newest first."""

from __future__ import annotations

from contextlib import suppress
from shutil import get_terminal_size
from time import sleep
from typing import Any, Final

import click

from runstone.cli.measures import count_text, duration_text
from runstone.cli.parameters import json_option, store_option
from runstone.cli.progress import reading
from runstone.cli.rendering import Cell, Column, Screen, Span, print_json, say
from runstone.cli.runs import nothing_in, typed
from runstone.core.card import DAMAGED
from runstone.core.ids import is_random_id
from runstone.core.query import FAMILIES, FIELDS
from runstone.core.times import time_text
from runstone.engine.store import Store
from runstone.errors import error
from runstone.locate import open_store

SEALED: Final = "sealed"
"""The `state` of a row."""
MIN_PREFIX_DIGITS: Final = 16
"""Of an id that the kernel made: 12 digits of time, then chance. Longer where two ids need more."""
STATUS_STYLES: Final = {
    "success": "good",
    "partial": "warn",
    "failed": "bad",
    "blocked": "bad",
    "cancelled": "warn",
    "interrupted": "warn",
    "running": "live",
    DAMAGED: "bad",
}
STATE_TEXTS: Final = {"open": "running (open)", "to recover": "to recover"}
_COLUMNS: Final = (
    Column("RUN"),
    Column("KIND", flexible=True, keep=3),
    Column("STATUS"),
    Column("OPENED (UTC)", keep=2),
    Column("TOOK", right=True, keep=1),
)


_NEGATED: Final = (*(f"-{field}:" for field in FIELDS), *(f"-{family}." for family in FAMILIES), "-duration", '-"')
WATCH_S: Final = 2.0
_AROUND: Final = 2
"""Lines below the title of a page and below its rows."""
TERMINAL_ROWS: Final = 50
"""So many runs are listed on a terminal where nobody says how many."""


class QueryCommand(click.Command):
    """A negated term of a query (`-kind:probe`) is no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set negated terms behind `--`; terms are joined by AND, so their order says nothing.

        The word behind an option that takes a value is its value; where there is none, click says so.
        """
        end = args.index("--") if "--" in args else len(args)
        with_value = {
            flag for one in self.params if isinstance(one, click.Option) and not one.is_flag for flag in one.opts
        }
        options: list[str] = []
        terms: list[str] = []
        words = iter(args[:end])
        for word in words:
            (terms if word.startswith(_NEGATED) else options).append(word)
            if word in with_value:
                value = next(words, None)
                if value is None:
                    return super().parse_args(ctx, options)
                options.append(value)
        terms += args[end + 1 :]
        return super().parse_args(ctx, [*options, "--", *terms] if terms else options)


def query_text(words: tuple[str, ...]) -> str:
    """The query of a command line. The shell has taken the quotes from around words: they are put back."""
    return " ".join(f'"{word}"' if " " in word and not set(word) & set(':<>"') else word for word in words)


@click.command(cls=QueryCommand)
@click.argument("query", nargs=-1)
@click.option("-n", "--limit", type=click.IntRange(min=0), metavar="N", help="List at most N runs; 0 lists all.")
@click.option("--after", metavar="CURSOR", help="Go on behind the place that an earlier list ended with.")
@click.option("--explain", is_flag=True, help="Say by which index the runs are found, or that all are looked at.")
@click.option("--watch", is_flag=True, help="Print the newest anew every two seconds, until Ctrl-C; on a terminal.")
@store_option()
@json_option("Print the rows as a JSON list.")
def command(
    query: tuple[str, ...],
    limit: int | None,
    after: str | None,
    store: str | None,
    *,
    explain: bool,
    watch: bool,
    as_json: bool,
) -> None:
    """List runs, newest first: sealed ones, open ones, damaged ones.

    QUERY is terms joined by AND: kind:backfill, status:failed,partial, label.env:prod, since:7d, metric.loss<0.1,
    "words of the log", sort:-metric.acc; a leading - negates a term.

    On a terminal the newest 50 are listed, and an id that Runstone made is shown as a prefix that no other run of the
    store has; a pipe and --json have all runs and whole ids.
    `to recover` marks a run whose process died before it was sealed.
    """
    opened = open_store(store)
    words = query_text(query)
    screen = Screen()
    if explain:
        plan = opened.plan(words)
        if as_json:
            print_json({"plan": plan})
        else:
            screen.line(plan)
        return
    if watch:
        if as_json or not screen.terminal:
            raise error("invalid_option", "--watch is for a terminal", option="--watch")
        if not screen.moves:
            raise error(
                "invalid_option", "--watch wipes the terminal, which one of TERM=dumb cannot do", option="--watch"
            )
        _watch(opened, words, limit)
        return
    wanted = TERMINAL_ROWS if limit is None and screen.terminal and not as_json else limit
    with reading() as progress:
        page = opened.page(words, limit=wanted or None, after=after, progress=progress)
    if as_json:
        print_json(page.rows)
    if not page.rows:
        say(_nothing(opened, words))
    elif not as_json:
        _print(screen, opened, page.rows)
    if page.next is not None:
        say(f"there are more: -n 0 lists all, --after {page.next} goes on")


def _watch(store: Store, words: str, limit: int | None) -> None:
    """The newest runs, as many as there is room for, again and again."""
    with suppress(KeyboardInterrupt):
        while True:
            screen = Screen()  # which may have another size by now
            title = Span(f"{words or 'all runs'} · {time_text(store.clock.time_ns())[11:19]} UTC", "dim")
            room = max(1, get_terminal_size().lines - screen.lines(title) - _AROUND)
            page = store.page(words, limit=min(room, limit or room))
            screen.begin_page()
            screen.line(title)
            screen.line()
            if page.rows:
                _print(screen, store, page.rows, room)
            else:
                screen.line(_nothing(store, words))
            screen.flush()
            sleep(WATCH_S)


def _nothing(store: Store, words: str) -> str:
    return nothing_in(store, f"no run fits {words!r}" if words else "no runs")


def _print(screen: Screen, store: Store, rows: list[dict[str, Any]], room: int | None = None) -> None:
    """The rows; of more than there is room for, in lines, the first ones."""
    names = short_ids({*store.objects.run_ids(), *store.journals.open_ids()}) if screen.terminal else {}
    cells = [_cells(row, names.get(row["run_id"], row["run_id"])) for row in rows]
    dead = sum(row["state"] == "to recover" for row in rows)
    told = Span(f"{count_text(dead, 'run')} to recover: {typed(store, 'recover')}", "dim")
    tells = dead and screen.terminal
    if room is not None:
        room -= 1 + screen.lines(told) if tells else 0
        while len(cells) > 1 and screen.height(_COLUMNS, cells) > room:
            cells.pop()
    screen.listing(_COLUMNS, cells)
    if tells:
        screen.line()
        screen.line(told)


def _cells(row: dict[str, Any], name: str) -> list[Cell]:
    return [
        name,
        " ".join(text for text in (row["kind"] or "-", row["name"] and f"“{row['name']}”") if text),
        Span(STATE_TEXTS.get(row["state"], row["status"]), STATUS_STYLES.get(row["status"], "")),
        second_text(row["opened_at"]),
        _took(row),
    ]


def _took(row: dict[str, Any]) -> str:
    return "-" if row["duration_ms"] is None else duration_text(row["duration_ms"])


def status_span(status: str) -> Span:
    """A status in its colour."""
    return Span(status, STATUS_STYLES.get(status, ""))


def second_text(time: str | None) -> str:
    """A recorded time to the second: `2026-01-02 03:04:05`; `-` where there is none."""
    return "-" if time is None else time[:19].replace("T", " ")


def short_ids(run_ids: set[str]) -> dict[str, str]:
    """Id → what a list shows of it: the shortest prefix that fits no other id, for ids that the kernel made."""
    ordered = sorted(run_ids)
    shown = {}
    for at, run_id in enumerate(ordered):
        shared = max((_shared(run_id, other) for other in (ordered[at - 1 : at] + ordered[at + 1 : at + 2])), default=0)
        shown[run_id] = run_id[: max(MIN_PREFIX_DIGITS, shared + 1)] if is_random_id(run_id) else run_id
    return shown


def _shared(one: str, other: str) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
