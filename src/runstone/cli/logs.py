"""`runstone logs`: the text that a run logged and its command printed, also while it is being recorded."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

import click

from runstone.cli.parameters import json_option, run_argument, store_option
from runstone.cli.rendering import Screen, print_json_line, say
from runstone.cli.runs import open_id, sealed_run, typed
from runstone.contracts.runstone.document import LOG_PATH
from runstone.core import layout
from runstone.core.journal import LineReader, split_lines
from runstone.core.runlog import chunk_bytes, message_line
from runstone.engine.reader import Sealed
from runstone.engine.store import Store
from runstone.errors import RunstoneError, error
from runstone.locate import open_store

POLL_S: Final = 0.25


@click.command()
@run_argument()
@click.option("--follow", "-f", is_flag=True, help="Go on until the run is sealed or its process is gone.")
@store_option()
@json_option("Print each log event as a line of JSON.")
def command(run: str, store: str | None, *, follow: bool, as_json: bool) -> None:
    """Print the log of a run, of one that is being recorded as far as it has come.

    Control characters are shown escaped, whatever the output is; `runstone get RUN run.log -o -` has the bytes.
    """
    opened = open_store(store)
    run_id = open_id(opened, run)
    show = _json_lines if as_json else _Text().lines
    if run_id is not None:
        show(_live(opened, run_id, follow=follow))
    elif as_json:
        with sealed_run(opened, run) as sealed:
            show(sealed.events("log"))
    else:
        with sealed_run(opened, run) as sealed:
            _print_log(sealed)


def _print_log(sealed: Sealed) -> None:
    try:
        Screen().pieces(sealed.pieces(LOG_PATH))
    except RunstoneError as exc:
        if exc.code != "file_not_found":
            raise
        say(f"run {sealed.run_id} in {sealed.path} logged nothing")


def _json_lines(events: Iterable[dict[str, Any]]) -> None:
    for event in events:
        print_json_line({"seq": event["seq"], "ts": event["ts"], **event["data"]})


class _Text:
    """Log events as text, in the order in which they were recorded; a stream's unfinished line waits for its end."""

    def __init__(self) -> None:
        self._screen = Screen()
        self._waiting: dict[str, list[bytes]] = {}

    def lines(self, events: Iterable[dict[str, Any]]) -> None:
        """Print whole lines as they come, and what is left of a line at the end."""
        for event in events:
            data = event["data"]
            if "stream" not in data:
                self._print(message_line(event, stamped=False))
                continue
            pieces = self._waiting.pop(data["stream"], [])  # a line may be all that a command prints
            whole, end, rest = chunk_bytes(data).rpartition(b"\n")
            if end:
                self._print(b"".join([*pieces, whole, end]))
                pieces = []
            if rest:
                pieces.append(rest)
            self._waiting[data["stream"]] = pieces
        for pieces in self._waiting.values():
            if pieces:
                self._print(b"".join([*pieces, b"\n"]))

    def _print(self, lines: bytes) -> None:
        self._screen.pieces([lines])
        self._screen.flush()


def _live(store: Store, run_id: str, *, follow: bool) -> Iterator[dict[str, Any]]:
    """Log events of an open run; with `follow` until it is sealed, or its writer is gone."""
    reader, size = LineReader(), 0
    while True:
        sealed = store.objects.exists(run_id)
        alive = sealed or store.journals.alive(run_id)
        for line in _whole_lines(store, run_id, size, sealed=sealed):
            event = _proved(reader, line, run_id)
            size += len(line)
            if event["type"] == "log":
                yield event
        if sealed:
            return
        if store.objects.exists(run_id):
            continue  # it was sealed a moment ago: its last lines are in the bundle
        if not follow:
            return
        if not alive:
            say(f"run {run_id} was left unsealed by its process: {typed(store, 'recover', run_id)}")
            return
        _pause()


def _pause() -> None:
    """A moment. Raises `BrokenPipeError` as soon as nobody reads standard output any more."""
    try:
        gone = select.poll()
        gone.register(sys.stdout.fileno(), 0)
    except (AttributeError, OSError, ValueError):  # a system without, a stream that is no file
        time.sleep(POLL_S)
        return
    if gone.poll(POLL_S * 1000):
        raise BrokenPipeError


def _proved(reader: LineReader, line: bytes, run_id: str) -> dict[str, Any]:
    try:
        return reader.read(line)
    except RunstoneError as exc:
        where = reader.next_seq + 1
        message = f"run {run_id}, journal line {where}: {exc.message}; what follows is not shown"
        raise error("bundle_damaged", message, run_id=run_id, line=where, cause=exc.code) from exc


def _whole_lines(store: Store, run_id: str, start: int, *, sealed: bool) -> Iterator[bytes]:
    """Lines of the journal from an offset on, as far as they are whole; a torn one is asked for again.

    Nothing where the open run is gone: then it was sealed between two looks.
    """
    left = None if sealed else store.journals.read(run_id)
    if not sealed and left is None:
        return
    chunks = store.objects.open(run_id).read(layout.JOURNAL, start) if left is None else left.read(start)
    try:
        yield from (line for line in split_lines(chunks) if line.endswith(b"\n"))
    except FileNotFoundError:
        if sealed:
            raise
