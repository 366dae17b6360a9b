"""Judge the run against the last good one of the baseline's branch, if there is one.

The baseline is a sealed run in the form that travels, which an earlier job left in the cache. It is verified when it
is imported. A job of another branch cannot leave one for this: GitHub keeps caches of branches apart.
"""

from __future__ import annotations

import json
import sys

from github import given, lines, put, runstone, say, temporary

BASELINE = "runstone-baseline/run.tar"
PASS, FAIL, NONE = "pass", "fail", "none"


def main() -> int:
    """The status of `runstone judge`; 0 where there is nothing to judge against yet."""
    store, archive = given("STORE"), temporary(BASELINE)
    if not archive.is_file():
        say("notice", "there is no baseline yet: the first good run of its branch becomes it")
        put(verdict=NONE)
        return 0
    imported = runstone("import", str(archive), "--store", store, "--json")
    if imported.returncode != 0:
        say("error", "the baseline of the cache is no bundle that verifies")
        return imported.returncode
    [baseline] = json.loads(imported.stdout)
    rules = [f"--max={limit}" for limit in lines("MAX")] + [f"--require={name}" for name in lines("REQUIRE")]
    judged = runstone("judge", given("RUN_ID"), "--baseline", baseline["digest"], *rules, "--store", store)
    sys.stdout.write(judged.stdout)
    report = temporary(f"runstone-verdict-{given('RUN_ID')}.txt")
    report.write_text(judged.stdout, encoding="utf-8")
    if judged.returncode in (0, 1):
        put(verdict=PASS if judged.returncode == 0 else FAIL, report=str(report))
    else:
        say("error", f"the judgement could not be made: status {judged.returncode}")
    return judged.returncode


if __name__ == "__main__":
    sys.exit(main())
