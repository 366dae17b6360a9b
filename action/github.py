"""What a step of a job is told, and how it answers: variables, and files that GitHub reads when the step has ended.

- Inputs come as variables, never as text in a script: what somebody wrote into them is no command.
- Notes and errors are lines on standard output; what could begin another command in them is escaped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

INPUT = "RUNSTONE_ACTION_"
MAX_SUMMARY_BYTES = 1 << 20
"""GitHub takes no more from a step, and nothing of a longer one."""


def given(name: str) -> str:
    """An input of the step, or what an earlier step has put out; empty where there is none."""
    return os.environ.get(INPUT + name, "")


def lines(name: str) -> list[str]:
    """An input of several lines, without the empty ones."""
    return [line.strip() for line in given(name).splitlines() if line.strip()]


def temporary(name: str) -> Path:
    """A place in the job's own temporary folder."""
    return Path(os.environ["RUNNER_TEMP"], name)


def put(**values: str) -> None:
    """Tell later steps of the action."""
    with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as file:
        for name, value in values.items():
            if "\n" in value or "\r" in value:
                raise ValueError(f"output {name} is not one line")
            file.write(f"{name.replace('_', '-')}={value}\n")


def summarize(markdown: str) -> None:
    """Add to the job's summary; what would make it too large is left out, and said."""
    path = Path(os.environ["GITHUB_STEP_SUMMARY"])
    before = path.stat().st_size if path.exists() else 0
    data = markdown.encode()
    if before + len(data) > MAX_SUMMARY_BYTES:
        data = b"The run's page has no room in this summary; `runstone export --as markdown` makes it anew.\n"
    if before + len(data) <= MAX_SUMMARY_BYTES:
        with path.open("ab") as file:
            file.write(data)


def say(level: str, message: str) -> None:
    """A line of the log that GitHub shows as `notice`, `warning` or `error`."""
    escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    print(f"::{level} title=Runstone::{escaped}", flush=True)  # noqa: T201  # this is how a step speaks


def command(*words: str) -> list[str]:
    """The command line of `runstone WORDS`; nothing of the working directory is imported."""
    return [sys.executable, "-P", "-m", "runstone", *words]


def runstone(*words: str) -> subprocess.CompletedProcess[str]:
    """`runstone WORDS` to its end; its standard error is ours."""
    line = command(*words)
    return subprocess.run(line, stdout=subprocess.PIPE, encoding="utf-8", check=False)  # noqa: S603  # our own command
