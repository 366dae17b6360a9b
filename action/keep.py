"""Keep what was recorded, however it ended: archives to upload, the page in the summary, the baseline of the branch.

Runs whose process was killed are sealed first. This step fails only where there was something to keep that could not
be kept: the job's own failure is told by its own steps.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from github import given, put, runstone, say, summarize, temporary
from judge import BASELINE, FAIL, NONE

EVERYTHING = "id:*"
"""A query that leaves no kind out."""
MAX_REPORT = 64_000
"""Characters of the verdict's text that the summary shows."""


def main() -> int:
    """0, or the status of the export that failed."""
    store, run_id = given("STORE"), given("RUN_ID")
    runstone("recover", "--store", store, "--json")
    listed = runstone("ls", EVERYTHING, "--store", store, "--json")
    rows = {row["run_id"]: row for row in json.loads(listed.stdout) if row["state"] == "sealed"}
    verdict = given("VERDICT") or NONE
    put(verdict=verdict)
    if run_id not in rows:
        say("warning", "nothing was recorded of this step")
        summarize("Nothing was recorded of this step.\n")
        return 0
    status = _export(store, list(rows), temporary(f"runstone-kept-{run_id}"))
    put(status=rows[run_id]["status"], digest=rows[run_id]["digest"])
    page = runstone("export", run_id, "--store", store, "--as", "markdown")
    summarize(f"{page.stdout}{_verdict(verdict)}\n")
    if status == 0 and _is_baseline(rows[run_id], verdict):
        _become_baseline(store, run_id)
    return status or page.returncode


def _export(store: str, run_ids: list[str], folder: Path) -> int:
    """An archive a run; the status of the first that could not be made."""
    folder.mkdir(parents=True)
    put(kept=str(folder))
    found = [runstone("export", run_id, "--store", store, "-o", str(folder / f"{run_id}.tar")) for run_id in run_ids]
    return next((done.returncode for done in found if done.returncode), 0)


def _is_baseline(row: dict[str, Any], verdict: str) -> bool:
    """A good run of the branch itself; never one of a pull request."""
    branch = f"refs/heads/{given('BASELINE_BRANCH')}"
    return os.environ.get("GITHUB_REF") == branch and row["status"] == "success" and verdict != FAIL


def _become_baseline(store: str, run_id: str) -> None:
    archive = temporary(BASELINE)
    archive.parent.mkdir(exist_ok=True)
    archive.unlink(missing_ok=True)
    if runstone("export", run_id, "--store", store, "-o", str(archive)).returncode == 0:
        put(baseline=str(archive))


def _verdict(verdict: str) -> str:
    """The verdict and what was printed with it, as text that is not obeyed."""
    if verdict == NONE or not given("REPORT"):
        return ""
    text = Path(given("REPORT")).read_text(encoding="utf-8")[:MAX_REPORT]
    fence = "`" * (3 + text.count("`"))
    return f"\n#### Verdict: {verdict}\n\n{fence}\n{text.rstrip()}\n{fence}\n"


if __name__ == "__main__":
    sys.exit(main())
