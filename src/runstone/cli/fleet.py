"""Verify every run of a store, on all processors, and keep the reports in the order of the ids."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from multiprocessing import parent_process
from threading import Thread
from typing import Any, Final

from runstone.cli.measures import count_text
from runstone.cli.progress import Progress
from runstone.core import layout
from runstone.core.ids import is_run_id
from runstone.engine.naming import purged_run
from runstone.engine.store import Store
from runstone.engine.verifier import Finding
from runstone.errors import RunstoneError, error
from runstone.locate import open_store

FEW_RUNS: Final = 16
"""Below this, starting processes takes longer than the work."""
MAX_TEXTS: Final = 12
_ENDING: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that are for the process that prints, though a terminal or `timeout` sends them to all."""

_store: dict[str, Store] = {}


class Fleet:
    """The reports of all runs, the names that are no bundles, how many runs are still open, and how many were purged
    between being listed and being read."""

    def __init__(
        self, reports: list[dict[str, Any]], foreign: list[str], open_runs: int, purged: int, *, quick: bool
    ) -> None:
        self.reports = reports
        self.foreign = foreign
        self.open_runs = open_runs
        self.purged = purged
        self.quick = quick

    @property
    def ok(self) -> bool:
        """Whether no run has a fault."""
        return all(report["ok"] for report in self.reports)

    def not_checked(self) -> list[str]:
        """What the reports leave out, each thing once; for faulty runs only that their reports say it."""
        good = [report for report in self.reports if report["ok"]]
        counts = Counter(text for report in good for text in report["not_checked"])
        texts = [
            text if count == len(good) else f"{text} ({count_text(count, 'run')})" for text, count in counts.items()
        ]
        if len(good) < len(self.reports):
            texts.append("what the faults above kept from being read: `runstone verify RUN` lists it")
        if self.open_runs:
            texts.append(f"{count_text(self.open_runs, 'open run')}: not sealed yet")
        if self.purged:
            texts.append(f"{count_text(self.purged, 'run')}: purged meanwhile")
        rest = len(texts) - MAX_TEXTS
        return texts if rest <= 0 else [*texts[:MAX_TEXTS], f"{count_text(rest, 'more thing')}, named by --json"]

    def as_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return {
            "ok": self.ok,
            "runs": self.reports,
            "foreign": self.foreign,
            "open_runs": self.open_runs,
            "purged": self.purged,
        }


def verify_all(store: Store, *, quick: bool, secrets: bool) -> Fleet:
    """Verify every bundle of the store. A folder that has lost its manifest is a bundle too, and faulty.

    With `secrets` raises `invalid_settings`: what the settings say wrong is the fault of no run.
    """
    if secrets:
        store.redactor()
    still_open = {summary.run_id for summary in store.open_runs()}  # first: what is sealed meanwhile is then verified
    foreign = store.objects.foreign()
    torn = [name for name in foreign if _has_journal(store, name)]
    run_ids = sorted([*store.objects.run_ids(), *torn])
    progress = Progress()
    reports = []
    try:
        for done, report in enumerate(_reports(store, run_ids, quick=quick, secrets=secrets), 1):
            if report is not None:
                reports.append(report)
            percent = done * 100 // len(run_ids)
            progress.show(f"{done} of {len(run_ids)} runs verified, {percent} %", percent)
    except BrokenProcessPool as exc:
        raise error("store_unavailable", "a process that verified runs was killed; nothing is proved") from exc
    finally:
        progress.clear()
    open_runs, purged = len(still_open.difference(run_ids)), len(run_ids) - len(reports)
    return Fleet(reports, [name for name in foreign if name not in torn], open_runs, purged, quick=quick)


def _has_journal(store: Store, name: str) -> bool:
    if not is_run_id(name):
        return False
    try:
        bundle = store.objects.open(name)
    except RunstoneError:
        return False
    with closing(bundle):
        return any(entry.path == layout.JOURNAL for entry in bundle.entries())


def _reports(store: Store, run_ids: list[str], *, quick: bool, secrets: bool) -> Iterator[dict[str, Any] | None]:
    workers = min(_processors(), len(run_ids) // FEW_RUNS)
    if workers < 2 or not store.objects.properties.local:
        yield from (_verify(store, run_id, quick, secrets) for run_id in run_ids)
        return
    with ProcessPoolExecutor(workers, initializer=_open, initargs=(store.url,)) as pool:
        jobs = [(run_id, quick, secrets) for run_id in run_ids]
        yield from pool.map(_verify_there, jobs, chunksize=max(1, min(64, len(jobs) // (workers * 4))))


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _open(url: str) -> None:
    for ending in _ENDING:
        signal.signal(ending, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    _store["it"] = open_store(url)


def _end_with_parent() -> None:
    """Nobody asks a worker any more whose parent was killed: it would wait for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _verify_there(job: tuple[str, bool, bool]) -> dict[str, Any] | None:
    return _verify(_store["it"], *job)


def _verify(store: Store, run_id: str, quick: bool, secrets: bool) -> dict[str, Any] | None:
    """One report as a mapping; a run that cannot be read at all has a fault that says so. `None` where it was purged
    since it was listed."""
    try:
        report = store.verify(run_id, quick=quick, secrets=secrets).as_dict()
    except RunstoneError as exc:
        finding = Finding(0, exc.code, exc.message).as_dict()
        report = {"ok": False, "run_id": None, "digest": None, "checked": [], "not_checked": [], "findings": [finding]}
    if report["run_id"] != run_id and _is_purged(store, run_id):  # the id may be a prefix of another run's
        return None
    return {**report, "run_id": run_id}


def _is_purged(store: Store, run_id: str) -> bool:
    """Whether a run went lawfully: it has a tombstone, and nothing of it is left."""
    stone = purged_run(store.objects, run_id)
    return stone is not None and stone.run_id == run_id and not _has_journal(store, run_id)
