"""`runstone find`: which runs made or read these bytes, and what led to what."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from errno import ENXIO
from typing import Any, Final

import click

from runstone.cli.ls import second_text, status_span
from runstone.cli.measures import count_text, short_sha256
from runstone.cli.parameters import complete_file, json_option, store_option
from runstone.cli.patterns import files_named
from runstone.cli.progress import Progress
from runstone.cli.rendering import Column, Screen, Span, cut, print_json, say
from runstone.cli.runs import nothing_in
from runstone.core.digests import PREFIX, is_sha256, new_hash, parse_digest
from runstone.engine.store import Store
from runstone.engine.tracing import Lineage, Use
from runstone.engine.walk import SPECIAL, chunks_of, files_below
from runstone.errors import error
from runstone.locate import open_store

NOT_FOUND: Final = 3
_COLUMNS: Final = (
    Column("RUN"),
    Column("KIND", flexible=True, keep=2),
    Column("STATUS", keep=3),
    Column("OPENED (UTC)", keep=1),
    Column("DID"),
    Column("AS", flexible=True),
)
_DECIDED: Final = (Column("DECISION"), Column("FACTS"))
_DECISION_CELLS: Final = 24
_DECISION_STYLES: Final = {"allow": "good", "review": "warn", "block": "bad"}
_DEEPEST: Final = 12
"""So many steps from where it started a tree goes to the right; behind them each step has its number."""
_SHOWN_DIGEST: Final = 19
"""`sha256:` and twelve digits."""


@click.command()
@click.argument("targets", metavar="FILE|DIGEST...", nargs=-1, required=True, shell_complete=complete_file)
@click.option("--lineage", is_flag=True, help="Walk on: what led to it, and what it led to. Also from a RUN.")
@click.option("--dot", is_flag=True, help="With --lineage: print the graph for Graphviz.")
@store_option()
@json_option("Print what was found as a JSON list; with --lineage as one object.")
def command(targets: tuple[str, ...], store: str | None, *, lineage: bool, dot: bool, as_json: bool) -> int:
    """Say which runs made or read a file, newest first, by the digest of its bytes.

    A folder stands for the files below it, a pattern in quotes ('out/**/*.csv') for those that fit; a digest is
    sha256:<hex>. With --lineage one file, digest or RUN is walked up to what led to it and down to what it led to.
    The status is 3 where no run knows any of them.
    """
    if dot and as_json:
        raise click.UsageError("--dot draws for Graphviz; --json has the same graph")
    opened = open_store(store)
    if dot and not lineage:
        raise error("invalid_option", "--dot draws what --lineage finds: give both", option="--dot")
    if lineage:
        if len(targets) != 1:
            raise error("invalid_option", "--lineage starts from one file, digest or run", option="--lineage")
        return _lineage(opened, targets[0], dot=dot, as_json=as_json)
    found: list[dict[str, Any]] = [
        {"target": target, "digest": digest, "uses": opened.find(digest)} for target, digest in _named(targets, opened)
    ]
    if as_json:
        print_json([{**one, "uses": [use.as_dict() for use in one["uses"]]} for one in found])
    else:
        _print(found)
    if any(one["uses"] for one in found):
        return 0
    say(nothing_in(opened, f"no run made or read {'it' if len(found) == 1 else 'any of them'}"))
    return NOT_FOUND


def _named(targets: tuple[str, ...], store: Store) -> Iterator[tuple[str, str]]:
    """What the command line names, each with its digest; the store's own files are not looked at.

    A file that a folder or a pattern stands for and that cannot be read is said and passed over.
    """
    progress = Progress()
    own = os.path.realpath(store.url) + os.sep

    def skip(path: str, why: str) -> None:
        progress.clear()
        say(f"{path}: {why}")

    for target in targets:
        digest = None if os.path.lexists(target) else _digest_in(target)
        if digest is not None:
            yield target, digest
        elif os.path.lexists(target) and not os.path.isdir(target):
            if not os.path.realpath(target).startswith(own):
                yield target, _digest_of_named(target, progress)
        else:
            for path in _files(target, skip):
                if os.path.realpath(path).startswith(own):
                    continue
                try:
                    yield path, _digest(path, progress)
                except OSError as exc:
                    skip(path, exc.strerror or str(exc))
    progress.clear()


def _digest_in(target: str) -> str | None:
    """The digest that a word is, with or without `sha256:`. Raises `invalid_digest`."""
    if target.startswith(PREFIX):
        parse_digest(target)
        return target
    return PREFIX + target if is_sha256(target) else None


def _files(target: str, skip: Callable[[str, str], None]) -> Iterator[str]:
    """The files that a folder or a pattern stands for."""
    if os.path.isdir(target):
        yield from files_below(target, skip)
        return
    paths = files_named(target, hidden=False)
    if not paths:
        raise error("file_not_found", f"there is no file {target}, and it is no digest", path=target)
    yield from paths


def _digest_of_named(path: str, progress: Progress) -> str:
    """The digest of the one file that somebody named. Raises `file_not_found`, `invalid_option`, `OSError`."""
    try:
        return _digest(path, progress)
    except FileNotFoundError as exc:
        raise error("file_not_found", f"{path}: no such file, or a link that leads to none", path=path) from exc
    except OSError as exc:
        if exc.strerror != SPECIAL and exc.errno != ENXIO:  # which a socket answers
            raise
        raise error("invalid_option", f"{path} is no file: only the bytes of files have a digest", path=path) from exc


def _digest(path: str, progress: Progress) -> str:
    digest, size = new_hash(), 0
    for chunk in chunks_of(os.path.realpath(path)):
        digest.update(chunk)
        size += len(chunk)
        progress.show(f"{size >> 20} MB of {path} read", size >> 26)
    return PREFIX + digest.hexdigest()


def _print(found: list[dict[str, Any]]) -> None:
    screen = Screen()
    known = [one for one in found if one["uses"]]
    for number, one in enumerate(known):
        if number:
            screen.line()
        if len(found) > 1 or one["target"] != one["digest"]:
            screen.line(Span(one["target"], "bold"), "  ", Span(one["digest"], "dim"))
        decided = any(use.decision is not None for use in one["uses"])
        rows = [[*_cells(use), *(_decision(use) if decided else ())] for use in one["uses"]]
        screen.listing((*_COLUMNS, *(_DECIDED if decided else ())), rows)
    if known and len(known) < len(found):
        screen.line()
        screen.line(Span(f"{count_text(len(found) - len(known), 'file')} of {len(found)} known to no run", "dim"))


def _cells(use: Use) -> list[Any]:
    row = use.row
    status = status_span(row["status"])
    return [row["run_id"], row["kind"] or "-", status, second_text(row["opened_at"]), f"{use.role} it", use.name]


def _decision(use: Use) -> list[Any]:
    """The outcome that counts now and the level of risk; what it was decided on, by the first digits of its digest."""
    told = use.decision
    if told is None:
        return ["-", "-"]
    by = f"by {told['by']}" if told.get("by") else ""
    words = " ".join(word for word in (told["outcome"], told["risk_level"], by) if word)
    shown = Span(cut(words, _DECISION_CELLS) or "-", _DECISION_STYLES.get(told["outcome"], ""))
    return [shown, short_sha256(told["facts_sha256"])]


def _lineage(store: Store, target: str, *, dot: bool, as_json: bool) -> int:
    found = store.lineage(_start(store, target))
    if as_json:
        print_json(found.as_dict())
    elif dot:
        Screen().text(found.dot())
    elif found.edges:
        _print_tree(found)
    if not found.whole:
        say("the walk was ended: it met too many runs")
    if found.edges:
        return 0
    say(nothing_in(store, "nothing led to it, and it led to nothing"))
    return 0 if found.runs else NOT_FOUND


def _start(store: Store, target: str) -> str:
    if os.path.lexists(target):
        return _digest_of_named(target, Progress())
    digest = _digest_in(target)
    if digest is not None and store.find(digest):
        return digest
    return f"run:{store.resolve(digest or target)}"


def _print_tree(found: Lineage) -> None:
    screen = Screen()
    screen.line(Span(_title(found, found.start), "bold"))
    for title, up in (("came from", True), ("led to", False)):
        steps = _steps(found, up=up)
        if steps.get(found.start):
            screen.line()
            screen.line(Span(title, "dim"))
            _branch(screen, found, steps, found.start, up=up)


def _steps(found: Lineage, *, up: bool) -> dict[str, list[tuple[str, str]]]:
    steps: dict[str, list[tuple[str, str]]] = {}
    for edge in found.edges:
        here, there = (edge.target, edge.source) if up else (edge.source, edge.target)
        steps.setdefault(here, []).append((there, edge.relation))
    return steps


def _branch(screen: Screen, found: Lineage, steps: dict[str, list[tuple[str, str]]], start: str, *, up: bool) -> None:
    """The tree below a node; what was shown before is named and not walked again."""
    shown = {start}
    left = [(node, relation, 1) for node, relation in reversed(steps[start])]
    while left:
        node, relation, depth = left.pop()
        again = node in shown and node in steps
        words = _WORDS.get((relation, up), relation)
        title = _title(found, node) + (" (above)" if again else "")
        deep = f"{depth}: " if depth > _DEEPEST else ""
        screen.line("  " * min(depth, _DEEPEST), Span(f"{deep}{words} ", "dim"), title)
        if not again:
            shown.add(node)
            left += [(there, how, depth + 1) for there, how in reversed(steps.get(node, []))]


_WORDS: Final = {
    ("made", True): "made by",
    ("read", True): "read",
    ("made", False): "made",
    ("read", False): "read by",
}


def _title(found: Lineage, node: str) -> str:
    if node.startswith("run:"):
        row = found.runs.get(node.removeprefix("run:"))
        return node if row is None else f"{row['run_id']}  {row['kind']}  {row['status']}"
    return "  ".join([", ".join(found.files.get(node, [])[:3]), node[:_SHOWN_DIGEST]]).strip()
