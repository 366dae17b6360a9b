"""`runstone doctor`: what is promised on this machine and this disk, what is not, and what was not checked."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import click

from runstone.cli.measures import count_text, size_text
from runstone.cli.parameters import json_option, store_option
from runstone.cli.rendering import Cell, Screen, Span, print_json
from runstone.cli.runs import store_exists, typed
from runstone.core import layout
from runstone.core.redaction.ruleset import ruleset_of_settings
from runstone.core.retention import policy_of_file
from runstone.core.times import time_text
from runstone.engine.current import PARENT, PARENT_STORE, SWITCHED_OFF
from runstone.engine.store import Store
from runstone.errors import RunstoneError
from runstone.locate import STORE_SETTING, __version__, open_store, probe_file_system

BAD: Final = 1
PACKAGES: Final = ("orjson", "hyperscan", "click")
SETTINGS: Final = (STORE_SETTING, SWITCHED_OFF, PARENT, PARENT_STORE)
COUNTS: Final = (
    "sealed",
    "open",
    "to_recover",
    "foreign",
    "leftovers",
    "leftover_bytes",
    "unkept",
    "unkept_bytes",
)
"""What is counted in a store."""

KILL: Final = "what a run has recorded survives the death of its process (kill -9)"
POWER: Final = "a run that is sealed survives power loss"
ONCE: Final = "a sealed run is never overwritten; of two that seal one id, one wins"
ALIVE: Final = "a run whose process died is told from one that is alive, and recovered"
DISK: Final = "that the disk keeps what it says it has written"
CLOCK: Final = "that the clock is right; no order within a run and no digest depends on it"
SIGNED: Final = "who sealed a run: bundles of this format carry no signature"


@click.command()
@store_option()
@json_option("Print everything as one JSON object.")
def command(store: str | None, *, as_json: bool) -> int:
    """Say what is promised on this machine and this disk, and what is not.

    A real lock, a real sync and a real create-once rename are tried in the store's temporary folder (or above a
    store that is not there yet); nothing of it remains. What keeps a store from being made there, and a settings
    file that says something wrong, are problems, too. The status is 1 where something does not work.
    """
    opened = open_store(store)
    found = examine(opened)
    if as_json:
        print_json(found)
    else:
        _print(Screen(), found, typed(opened, "recover"))
    return BAD if found["problems"] else 0


def examine(store: Store) -> dict[str, Any]:
    """Every fact as JSON: versions, platform, settings, their file, store, file system, clock, promises, problems."""
    disk = probe_file_system(store.url) if store.objects.properties.local else None
    clock, clock_problems = _clock(store)
    settings_file, settings_problems = _settings_file(store)
    problems = [*(disk["problems"] if disk else []), *settings_problems, *clock_problems]
    return {
        "versions": {"runstone": __version__, "python": _python(), **{name: _version(name) for name in PACKAGES}},
        "platform": store.host.platform(),
        "settings": {name: store.host.setting(name) for name in SETTINGS},
        "settings_file": settings_file,
        "store": _store(store),
        "file_system": disk,
        "clock": clock,
        **promises(disk),
        "problems": problems,
    }


def promises(disk: dict[str, Any] | None) -> dict[str, list[str]]:
    """What holds here, what the tests have not shown for this kind of disk, and what nobody promises."""
    answer: dict[str, list[str]] = {"promised": [], "not_checked": [], "not_promised": []}
    if disk is None:
        answer["not_promised"] = [KILL, POWER, SIGNED]
        return answer
    standing = disk["standing"].replace(" ", "_")
    works = {
        KILL: disk["writable"],
        POWER: disk["sync_file_ms"] is not None and disk["sync_folder_ms"] is not None,
        ONCE: disk["create_once"],
        ALIVE: disk["locks"],
    }
    for promise, tried in works.items():
        answer[standing if tried else "not_promised"].append(promise)
    answer["not_checked"] += [DISK, CLOCK]
    answer["not_promised"].append(SIGNED)
    return answer


def _python() -> str:
    return f"{sys.implementation.name} {sys.version.partition(' ')[0]}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _store(store: Store) -> dict[str, Any]:
    if not store_exists(store):
        return {"url": store.url, "exists": False, **dict.fromkeys(COUNTS, 0)}
    open_runs = store.open_runs()
    alive = sum(summary.alive for summary in open_runs)
    left, unkept = store.leftovers(), store.journals.unkept()
    return {
        "url": store.url,
        "exists": True,
        "sealed": sum(1 for _ in store.objects.run_ids()),
        "open": alive,
        "to_recover": len(open_runs) - alive,
        "foreign": len(store.objects.foreign()),
        "leftovers": len(left),
        "leftover_bytes": sum(leftover.size_bytes for leftover in left),
        "unkept": len(unkept),
        "unkept_bytes": sum(leftover.size_bytes for leftover in unkept),
    }


def _clock(store: Store) -> tuple[dict[str, Any], list[str]]:
    """The clock's answer, and whether it stands before a run that was recorded already."""
    now = time_text(store.clock.time_ns())
    newest = next((sealed.closed_at for sealed in store.runs("kind:*")), None) if store_exists(store) else None
    problems = []
    if newest is not None and newest > now:
        problems.append(
            f"the clock says {now}, and a run was closed at {newest}: new runs will stand below it in lists"
        )
    return {"now": now, "newest_run_closed_at": newest}, problems


def _settings_file(store: Store) -> tuple[str | None, list[str]]:
    """Where the settings file is, if one is there or named, and what is wrong with it: so nothing is recorded."""
    try:
        found = store.host.settings_file()
    except RunstoneError as exc:
        return str(exc.details["path"]), [exc.message]
    if found is None:
        return None, []
    try:
        ruleset_of_settings(found)
        policy_of_file(*found, store.clock.time_ns())
    except RunstoneError as exc:
        return found[1], [exc.message]
    return found[1], []


def _print(screen: Screen, found: dict[str, Any], recover: str) -> None:
    versions, platform = found["versions"], found["platform"]
    screen.line(Span(f"Runstone {versions['runstone']}", "bold"))
    screen.line()
    machine = " ".join(str(platform[name]) for name in ("system", "release", "machine") if platform[name])
    facts: list[tuple[str, list[Cell]]] = [("machine", [machine]), ("python", [versions["python"]])]
    facts.append(("packages", [", ".join(f"{name} {versions[name] or 'absent'}" for name in PACKAGES)]))
    if versions["hyperscan"] is None:
        facts.append(("", ["without hyperscan redaction is slower, with the same result"]))
    facts += [
        (name.removeprefix("RUNSTONE_").lower(), [f"{name}={value}"])
        for name, value in found["settings"].items()
        if value
    ]
    if found["settings_file"] is not None:
        facts.append(("settings", [found["settings_file"]]))
    facts += _store_facts(found["store"], recover)
    if found["file_system"] is not None:
        facts += _disk_facts(found["file_system"])
    facts.append(("clock", [found["clock"]["now"]]))
    screen.facts(facts)
    for key, title in (
        ("problems", "PROBLEMS"),
        ("promised", "PROMISED"),
        ("not_checked", "NOT CHECKED"),
        ("not_promised", "NOT PROMISED"),
    ):
        if found[key]:
            screen.heading(title)
            for text in found[key]:
                screen.wrapped("  -", [Span(text, "bad") if key == "problems" else text], indent=4)


def _store_facts(store: dict[str, Any], recover: str) -> list[tuple[str, list[Cell]]]:
    counts = [count_text(store["sealed"], "sealed run")]
    counts += [
        f"{store[key]} {text}"
        for key, text in (("open", "open"), ("to_recover", "to recover"), ("foreign", "foreign"))
        if store[key]
    ]
    rows: list[tuple[str, list[Cell]]] = [("store", [store["url"]])]
    rows.append(("", [", ".join(counts) if store["exists"] else "not there yet"]))
    if store["leftovers"]:
        left = count_text(store["leftovers"], "temporary file")
        size = size_text(store["leftover_bytes"])
        rows.append(("", [Span(f"{left} of dead processes, {size}: `{recover}` removes them", "warn")]))
    if store["unkept"]:
        runs = count_text(store["unkept"], "run")
        size = size_text(store["unkept_bytes"])
        text = f"files of {runs} that no bundle has, {size}: in {layout.UNKEPT}/"
        rows.append(("", [Span(text, "warn")]))
    return rows


def _disk_facts(disk: dict[str, Any]) -> list[tuple[str, list[Cell]]]:
    free = "" if disk["free_bytes"] is None else f", {size_text(disk['free_bytes'])} free"
    rows: list[tuple[str, list[Cell]]] = [
        ("disk", [f"{disk['kind']} at {disk['point'] or '?'}{free}; durability {disk['standing']}"])
    ]
    if not disk["writable"]:
        return [*rows, ("", [Span("cannot be written", "bad")])]
    rows.append(("locks", [_works(disk["locks"], "the second who asks is refused")]))
    rows.append(("names", [_works(disk["create_once"], "a name that is taken is refused")]))
    synced = disk["sync_file_ms"] is not None and disk["sync_folder_ms"] is not None
    rows.append(("syncs", [_works(synced, f"{disk['sync_file_ms']} ms a file, {disk['sync_folder_ms']} ms a folder")]))
    return rows


def _works(works: bool | None, detail: str) -> Cell:
    return f"work: {detail}" if works else Span("do not work", "bad")
