"""`runstone show`: the page of one run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any, Final

import click

from runstone.cli import unsealed
from runstone.cli.ls import status_span
from runstone.cli.measures import count_text, duration_text, resource_text, size_text
from runstone.cli.parameters import complete_run, json_option, run_argument, store_option
from runstone.cli.rendering import Cell, Screen, Span, print_json
from runstone.cli.runs import open_id, sealed_run, while_open
from runstone.cli.sections import SECTIONS, Fact, deleted, dropped_events, limited, output_over_limit
from runstone.cli.summary import summarize
from runstone.engine.store import Store
from runstone.locate import open_store

_PLATFORM: Final = (("system", "release", "machine"), ("implementation", "python"))


@click.command()
@run_argument()
@store_option()
@click.option(
    "--plot",
    "plots",
    multiple=True,
    metavar="METRIC",
    help="Draw a metric instead of the page; `*` stands for any text. May be repeated.",
)
@click.option("--samples", metavar="SCORE", help="List the samples of a score instead.")
@click.option("--baseline", metavar="RUN", shell_complete=complete_run, help="With --samples: beside those of RUN.")
@json_option("Print everything as one JSON object.")
def command(
    run: str, store: str | None, plots: tuple[str, ...], samples: str | None, baseline: str | None, *, as_json: bool
) -> None:
    """Show one run: when, what, by which code, from which inputs, with which results.

    It shows what was recorded, and proves nothing: that is `runstone verify`. Of a run that is not sealed it shows
    how it was opened and how far it has come.
    """
    if plots and as_json:
        raise click.UsageError("--plot draws for people; --json has the metrics")
    if plots and samples is not None:
        raise click.UsageError("--plot and --samples each show something instead of the page")
    if baseline is not None and samples is None:
        raise click.UsageError("--baseline goes with --samples; runstone diff compares runs")
    opened = open_store(store)
    if samples is not None:
        from runstone.cli.samples import show_samples

        show_samples(opened, run, samples, baseline, as_json=as_json)
        return
    run_id = open_id(opened, run)
    if plots:
        _plot(opened, run, run_id, plots)
        return
    page = None if run_id is None else unsealed.describe(opened, run_id)
    if page is not None:
        _show_open(page, as_json=as_json)
        return
    with sealed_run(opened, run) as sealed:
        summary = summarize(opened, sealed)
        if as_json:
            print_json(summary)
        else:
            _print(Screen(), summary)


def _print(screen: Screen, summary: dict[str, Any]) -> None:
    _title(screen, summary)
    screen.line()
    screen.facts(_facts(summary))
    for section in SECTIONS:
        section(screen, summary)


def _plot(store: Store, run: str, run_id: str | None, names: tuple[str, ...]) -> None:
    from runstone.cli.plot import plot_open, plot_sealed, plotted

    found = None if run_id is None else while_open(store, run_id, plotted)
    if run_id is not None and found is not None:
        plot_open(Screen(), run_id, found[0], names)
        return
    with sealed_run(store, run) as sealed:
        plot_sealed(Screen(), sealed, names)


def _show_open(page: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(page)
    else:
        unsealed.print_page(Screen(), page, _origin(page))


def _title(screen: Screen, summary: dict[str, Any]) -> None:
    version = "" if summary["version"] is None else f" {summary['version']}"
    screen.title(summary["kind"] + version, status_span(summary["status"]), duration_text(summary["duration_ms"]))


def _facts(summary: dict[str, Any]) -> Iterator[Fact]:
    if summary["name"] is not None:
        yield "name", [Span(summary["name"], "bold")]
    yield "run", [summary["run_id"], *(Span(f"@{alias}", "live") for alias in summary["aliases"])]
    yield "opened", [summary["opened_at"]]
    yield "closed", [summary["closed_at"]]
    yield "digest", [summary["digest"]]
    yield "outcome", [summary["outcome_digest"]]
    yield "contract", [f"{summary['contract']}, recorded by {_named(summary['generator'])}"]
    yield from _origin(summary)
    yield from limited(("label", [f"{name}={value}"]) for name, value in summary["labels"].items())
    yield from limited(
        ("link", [f"{link['rel']} {link['run_id']}", *_digest(link["digest"])]) for link in summary["links"]
    )
    yield "recorded", [_counts(summary)]
    yield from _ending(summary)
    gone = summary["withdrawn"]
    if gone is not None:
        yield "deleted", [Span(deleted(gone), "warn"), Span("(the sealed run stays)", "dim")]
    yield "path", [summary["path"]]


def _named(named: dict[str, Any]) -> str:
    return f"{named['name']} {named['version']}"


def _digest(digest: str | None) -> list[Cell]:
    return [] if digest is None else [Span(digest, "dim")]


def _origin(summary: dict[str, Any]) -> Iterator[Fact]:
    """Where the run came from: command, folder, commit, machine, or the system that it was imported from."""
    if summary["argv"] is not None:
        yield "command", [shlex.join(summary["argv"])]
    if summary["cwd"] is not None:
        yield "cwd", [summary["cwd"]]
    git = summary["git"]
    if git is not None:
        dirty = {True: ", changed files", False: ", clean", None: ""}[git["dirty"]]
        yield "git", [f"{git['sha'] or 'no commit'}{_on(git['ref'])}{dirty}"]
    platform = summary["platform"]
    if platform:
        yield "platform", [_machine(platform)]
    imported = summary.get("imported")
    if isinstance(imported, dict):
        yield (
            "imported",
            [f"from {imported.get('format')}: not recorded here", Span(str(imported.get("sha256")), "dim")],
        )


def _machine(platform: dict[str, Any]) -> str:
    """`Linux 6.1 x86_64, cpython 3.11.7`, and whatever else was recorded."""
    known = [[str(platform[name]) for name in names if platform.get(name)] for names in _PLATFORM]
    others = [
        [f"{name} {value}"]
        for name, value in platform.items()
        if value and not any(name in names for names in _PLATFORM)
    ]
    return ", ".join(" ".join(words) for words in [*known, *others] if words)


def _on(ref: str | None) -> str:
    return "" if ref is None else f" {ref}"


def _counts(summary: dict[str, Any]) -> str:
    counts = summary["counts"]
    texts = [count_text(counts["events"], "event"), count_text(counts["files"], "file")]
    texts += [count_text(counts[name], name[:-1]) for name in ("checks", "warnings", "redactions") if counts[name]]
    others = counts["dropped"] - sum(data["events"] for data in output_over_limit(summary))
    if others > 0:
        texts.append(f"{others} dropped")
    return ", ".join(texts)


def _ending(summary: dict[str, Any]) -> Iterator[Fact]:
    """How it ended, apart from the status: exit status, resources, what recovery could not save."""
    if summary["exit"] is not None:
        yield "exit", [str(summary["exit"])]
    if summary["resources"]:
        yield "used", [", ".join(resource_text(name, value) for name, value in summary["resources"].items())]
    for data in output_over_limit(summary):
        digest = None if data["sha256"] is None else f"sha256:{data['sha256']}"
        yield "not kept", [Span(f"{size_text(data['bytes'])} of output, over --max-output", "warn"), *_digest(digest)]
    for reason, (events, size) in dropped_events(summary).items():
        bytes_of = f" of {size_text(size)}" if size else ""
        yield "dropped", [Span(f"{count_text(events, 'event')}{bytes_of}: {reason}", "warn")]
    if summary["torn_bytes"]:
        yield "torn", [Span(f"{size_text(summary['torn_bytes'])} at the end of the journal could not be read", "warn")]
    for path in summary["lost"]:
        yield "lost", [Span(path, "warn")]
