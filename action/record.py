"""Run the commands of the step under a record. What becomes of them is this process's status.

The store is a new folder of this step, so that all that the commands record is found there and kept with the run.
Where to find it is put out before the commands begin: they may be killed.
"""

from __future__ import annotations

import os
import secrets
import sys

from github import INPUT, command, given, lines, put, say, temporary

WRONG_USE = 125
FACTS = {
    "github.repository": "GITHUB_REPOSITORY",
    "github.workflow": "GITHUB_WORKFLOW",
    "github.job": "GITHUB_JOB",
    "github.event": "GITHUB_EVENT_NAME",
    "github.actor": "GITHUB_ACTOR",
    "github.run": "GITHUB_RUN_ID",
    "github.attempt": "GITHUB_RUN_ATTEMPT",
}
"""Label → variable of the job."""


def main() -> int:  # noqa: RET503  # it ends as another program
    """Become the wrapped command; answers a status only where that cannot be."""
    script = given("RUN")
    if not script.strip():
        say("error", "the input `run` is empty: there is nothing to run")
        return WRONG_USE
    run_id = f"gh-{os.environ.get('GITHUB_RUN_ID', '0')}-{secrets.token_hex(4)}"
    store = str(temporary(f"runstone-{run_id}"))
    put(run_id=run_id, store=store, artifact=given("ARTIFACT") or f"runstone-{run_id}")
    words = command("run", "--store", store, "--run-id", run_id, *_options(), "--", *_shell(script))
    sys.stdout.flush()
    os.execve(words[0], words, {**_without_inputs(), "RUNSTONE_STORE": store})  # noqa: S606  # signals are the wrapper's


def _shell(script: str) -> list[str]:
    """As GitHub runs a step that says `shell: bash`; the script itself is in the record."""
    return ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]


def _options() -> list[str]:
    options = ["--kind", given("KIND") or os.environ.get("GITHUB_JOB") or "step"]
    labels = [f"{label}={os.environ[name]}" for label, name in FACTS.items() if os.environ.get(name)]
    for flag, values in (
        ("--label", labels + lines("LABELS")),
        ("--input", lines("INPUTS")),
        ("--output", lines("OUTPUTS")),
        ("--required-env", lines("REQUIRED_ENV")),
    ):
        options += [f"{flag}={value}" for value in values]
    return options


def _without_inputs() -> dict[str, str]:
    """The environment of the job: what the commands see is what they would see in a step of their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(INPUT)}


if __name__ == "__main__":
    sys.exit(main())
