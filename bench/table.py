"""`python -m bench.table RESULTS... > bench/RESULTS.md`: results as Markdown.

- A figure is the median over the repeats; a ratio is the median of the repeats' ratios, each to the floor
  of its own moment.
- A target is called met or missed by the median of Runstone's measurements. Nothing is asserted.
"""

import argparse
import importlib
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import rows
from bench.contenders import CONTENDERS, PEERS
from bench.measurement import (
    Case,
    Measurement,
    Row,
    Target,
    measurement_from,
    read_records,
)

HEAD = """# Results

Written by `python -m bench.table`; do not edit. What each row measures and how its floor is built stands
at the top of its module in `bench/rows/`. Rows are measured on different days, each beside its own floor and
peers. Read ratios first: absolute figures belong to the machine named here."""


@dataclass
class Results:
    """What results files hold."""

    machines: list[dict[str, Any]] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    unmeasured: list[dict[str, Any]] = field(default_factory=list)

    def of(self, row: Row, case: Case) -> dict[str, list[Measurement]]:
        """Measurements of a table by contender: floors, Runstone, then peers."""
        own = (case.floor, *case.references, case.ours)
        found = {
            name: [
                item
                for item in self.measurements
                if (item.row, item.case, item.contender) == (row.name, case.name, name)
            ]
            for name in (*own, *case.peers)
        }
        return {name: items for name, items in found.items() if items}

    def versions(self) -> dict[str, str]:
        """Version by distribution."""
        return {
            CONTENDERS[item.contender].distribution or item.contender: item.version
            for item in self.measurements
            if item.version
        }


def read_results(paths: Iterable[Path]) -> Results:
    """Results files, joined."""
    results = Results()
    for record in read_records(paths):
        kind = record.pop("record")
        if kind == "measurement":
            results.measurements.append(measurement_from(record))
        else:
            (results.machines if kind == "machine" else results.unmeasured).append(record)
    return results


def median_of(items: Sequence[Measurement], number: str) -> float | None:
    """Median over the repeats of a value, ratio or numeric detail."""
    found = [value for item in items if (value := item.number(number)) is not None]
    return statistics.median(found) if found else None


def show_number(value: float | None) -> str:
    """Three significant digits, thousands grouped; a dash for nothing."""
    if value is None:
        return "–"
    if abs(value) < 1:
        return f"{value:.3g}"
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def over(value: float | None, ours: float | None) -> float | None:
    """How many times ours a figure is."""
    return value / ours if value is not None and ours else None


def show_detail(items: Sequence[Measurement], name: str) -> str:
    """A numeric detail's median, or the last text."""
    texts = [value for item in items if isinstance(value := item.details.get(name), str)]
    return texts[-1] if texts else show_number(median_of(items, name))


def show_target(target: Target, items: Sequence[Measurement]) -> str:
    """A target, what was found, and whether it is met."""
    found = median_of(items, target.number)
    if found is None:
        return f"- {target.text}: not measured"
    verdict = "met" if target.met_by(found) else "**missed**"
    return f"- {target.text}: {show_number(found)}, {verdict}"


def markdown_table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    rule = ["---"] * len(header)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, rule, *lines])


def case_table(case: Case, found: dict[str, list[Measurement]]) -> str:
    """One line a contender."""
    unit = next(iter(found.values()))[0].unit
    ours = median_of(found.get(case.ours, ()), case.peer_number) if found.keys() & set(case.peers) else None
    by = "" if case.peer_number == "value" else f" ({case.peer_number.replace('_', ' ')})"
    beside_ours = () if ours is None else (f"× {case.ours}{by}",)
    header = (
        "",
        unit,
        f"× {case.ratio_to}",
        *beside_ours,
        *(name.replace("_", " ") for name in case.columns),
        "repeats",
    )
    return markdown_table(
        header,
        (
            (
                f"**{name}**" if name == case.ours else name,
                show_number(median_of(items, "value")),
                show_number(median_of(items, "ratio")),
                *(show_number(over(median_of(items, case.peer_number), ours)) for _ in beside_ours),
                *(show_detail(items, column) for column in case.columns),
                str(len(items)),
            )
            for name, items in found.items()
        ),
    )


def case_text(row: Row, case: Case, results: Results) -> str:
    """Table, targets and what is missing of one case."""
    found = results.of(row, case)
    parts = [f"### {case.name}"] if case.name else []
    parts.append(case_table(case, found) if found else "Nothing was measured.")
    if case.targets:
        parts.append("\n".join(show_target(target, found.get(case.ours, [])) for target in case.targets))
    missing = {
        item["contender"]: item["reason"]
        for item in results.unmeasured
        if (item["row"], item["case"]) == (row.name, case.measured_with or case.name)
    }
    if missing:
        parts.append("\n".join(f"- not measured: {name} ({reason})" for name, reason in missing.items()))
    return "\n\n".join(parts)


def case_section(row: Row, case: Case, paths: Iterable[Path]) -> str:
    """One case with its heading, as printed while measuring."""
    return f"## {row.title}\n\n{case_text(row, case, read_results(paths))}\n"


def machine_text(results: Results) -> str:
    """The kinds of machine, one line each: what was found of it, from the least to the most."""
    kinds: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for machine in results.machines:
        kinds.setdefault((machine["kind"], machine["system"], machine["python"]), []).append(machine)
    return "\n".join(
        f"- {spanned(runs, 'date')}: {kind}; {system}, {python}; "
        f"creating a file takes {spanned(runs, 'create_us')} µs, syncing 4 KB {spanned(runs, 'sync_us')} µs, "
        f"SHA-256 runs at {spanned(runs, 'sha256_gb_s')} GB/s; load at start {spanned(runs, 'load')}"
        for (kind, system, python), runs in kinds.items()
    )


def spanned(runs: Iterable[dict[str, Any]], name: str) -> str:
    """The values of a name: the only one, or the least and the most."""
    found = sorted({run[name] for run in runs})
    return str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"


def summary_table(all_rows: Iterable[Row], results: Results) -> str:
    """One line a target: ours, the ratio, the quickest peer, the verdict."""
    header = ("what", "runstone", "ratio", "best peer", "target")
    cases = [(row, case) for row in all_rows for case in row.cases]
    return markdown_table(
        header,
        (
            (f"{row.title} {case.name}".rstrip(), *summary_figures(case, results.of(row, case), target))
            for row, case in cases
            for target in case.targets
        ),
    )


def summary_figures(case: Case, found: dict[str, list[Measurement]], target: Target) -> Sequence[str]:
    """The figures of one line of the summary."""
    ours = found.get(case.ours, [])
    value = f"{show_number(median_of(ours, 'value'))} {ours[0].unit}" if ours else "–"
    verdict = show_target(target, ours).removeprefix("- ")
    return (value, show_number(median_of(ours, "ratio")), best_peer(case, found), verdict)


def best_peer(case: Case, found: dict[str, list[Measurement]]) -> str:
    """The peer with the best median of those that dropped nothing: the least, or the most in per cent or a second."""
    values = {
        name: value
        for name, items in found.items()
        if name in PEERS
        and (value := median_of(items, case.peer_number)) is not None
        and not median_of(items, "dropped_events")
    }
    if not values:
        return "–"
    unit = next(iter(found.values()))[0].unit
    best = max if unit == "%" or unit.endswith("/s") else min
    name = best(values, key=lambda name: values[name])
    by = "" if case.peer_number == "value" else f" ({case.peer_number.replace('_', ' ')})"
    return f"{name} {show_number(values[name])}{by}"


def results_page(results: Results) -> str:
    """The whole page."""
    all_rows: list[Row] = [importlib.import_module(f"bench.rows.{name}").ROW for name in rows.NAMES]
    measured = [row for row in all_rows if any(results.of(row, case) for case in row.cases)]
    parts = [HEAD, machine_text(results), "## Targets", summary_table(measured, results)]
    for row in measured:
        parts += [f"## {row.title}", *(case_text(row, case, results) for case in row.cases)]
    versions = [f"- {name} {version}" for name, version in sorted(results.versions().items())]
    parts += ["## Versions", "\n".join(versions), "## How peers were driven", mapping_list(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def mapping_list(results: Results) -> str:
    """What stands for events, files and so on in each contender."""
    found = {item.contender: item.details["mapping"] for item in results.measurements if item.details.get("mapping")}
    return "\n".join(f"- {name}: {text}" for name, text in found.items())


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.table")
    parser.add_argument("results", nargs="+", type=Path)
    print(results_page(read_results(parser.parse_args().results)), end="")


if __name__ == "__main__":
    main()
