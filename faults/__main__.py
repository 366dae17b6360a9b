"""Run the sweeps: `python -m faults [--sample] [--only NAME,…]`. Exit 1 if one found something or tried too little."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from faults.crash_states import caught, crash_states
from faults.failing_calls import errors_not_held_back, failing_calls
from faults.flips import bytes_not_read, flips
from faults.names import names
from faults.races import lock_not_checked, races
from faults.readers import open_runs_asked_last, readers
from faults.stopped import journal_not_copied, stopped_writer
from faults.sweep import CannotTraceError, Sweep

SWEEPS: dict[str, Sweep] = {
    "record": crash_states("record"),
    "seal": crash_states("seal", prepare="record"),
    "recover": crash_states("recover", prepare="leave-open"),
    "import": crash_states("import", prepare="make-archives"),
    "purge": crash_states("purge", prepare="make-marked"),
    "removed-in-place": caught("purge", "removed-in-place", prepare="make-marked"),
    "name-not-synced": caught("purge", "name-not-synced", prepare="make-marked"),
    "tombstone-not-synced": caught("purge", "no-folder-sync", prepare="make-marked"),
    "rentl": crash_states("rentl"),
    "rentl-unsynced": caught("rentl", "no-folder-sync"),
    "publish": crash_states("publish"),
    "publish-packed": crash_states("publish-packed"),
    "copy-not-synced": caught("publish", "copy-not-synced"),
    "withdraw": crash_states("withdraw", prepare="publish"),
    "copy-removed-last": caught("withdraw", "copy-removed-last", prepare="publish"),
    "gate": crash_states("gate"),
    "gate-not-synced": caught("gate", "gate-not-synced"),
    "packed-gate": crash_states("packed-gate"),
    "move": crash_states("move", prepare="record"),
    "purge-packed": crash_states("purge", prepare="make-marked-and-packed", told="purge-packed"),
    "recover-packed": crash_states("recover-packed", prepare="leave-packed"),
    "slice-not-synced": caught("packed-gate", "slice-not-synced"),
    "spool-first": caught("packed-gate", "spool-first"),
    "folder-first": caught("move", "folder-first", prepare="record"),
    "old-segment-first": caught("purge", "old-segment-first", prepare="make-marked-and-packed"),
    "put-states": crash_states("put-states"),
    "remove-states": crash_states("remove-states", prepare="put-states"),
    "states-not-synced": caught("put-states", "states-not-synced"),
    "no-folder-sync": caught("record", "no-folder-sync"),
    "no-file-sync": caught("record", "no-file-sync"),
    "sync-after-rename": caught("record", "sync-after-rename"),
    "calls": failing_calls,
    "errors-not-held-back": errors_not_held_back,
    "flips": flips,
    "bytes-not-read": bytes_not_read,
    "names": names,
    "stopped": stopped_writer,
    "journal-not-copied": journal_not_copied,
    "races": races,
    "lock-not-checked": lock_not_checked,
    "readers": readers,
    "open-runs-asked-last": open_runs_asked_last,
}


def main() -> int:
    """Run the chosen sweeps, print a line for each and what it found."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--sample", action="store_true", help="a bounded part of each sweep")
    parser.add_argument("--only", default="", metavar="NAME,…", help=f"of {', '.join(SWEEPS)}")
    options = parser.parse_args()
    chosen = [name for name in options.only.split(",") if name] or list(SWEEPS)
    if unknown := [name for name in chosen if name not in SWEEPS]:
        parser.error(f"no sweep {', '.join(unknown)}; there are {', '.join(SWEEPS)}")
    failed = 0
    for name in chosen:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="runstone-faults-") as scratch:
            try:
                result = SWEEPS[name](Path(scratch), options.sample)
            except CannotTraceError as exc:
                print(f"{name:34} skipped: no right to trace ({exc})", flush=True)
                continue
        print(f"{result}  {time.monotonic() - began:.0f} s", flush=True)
        for problem in result.problems[:10]:
            print(f"    {problem}", flush=True)
        failed += not result.passed
    print(f"{len(chosen) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
