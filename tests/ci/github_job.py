"""A job of GitHub Actions, as far as the scripts of the action see one: its variables, and the files that it reads."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tests.docs.pages import ROOT

FAKE_JUDGE = """
import json, os, runpy, subprocess, sys
if sys.argv[1] == "judge":
    with open(os.environ["JUDGED"], "w") as file:
        json.dump(sys.argv[2:], file)
    print("``` loss 0.5 > 0.4 # @everybody")
    sys.exit(int(os.environ.get("JUDGE_STATUS", "0")))
real = {**os.environ, "PYTHONPATH": os.environ["REAL_PYTHONPATH"]}
sys.exit(subprocess.call([sys.executable, "-P", "-m", "runstone", *sys.argv[1:]], env=real))
"""
"""A `runstone` whose verb `judge` writes down what it was asked; every other verb is the real one."""


class Step(NamedTuple):
    """How a step ended, and what it put out."""

    status: int
    out: str
    err: str
    outputs: dict[str, str]


class Job:
    """One job. `summary` is what its steps have added to the page."""

    def __init__(self, folder: Path, run_id: str = "4711", ref: str = "refs/heads/main") -> None:
        self.folder = folder
        self.temporary = folder / "temp"
        self.workspace = folder / "workspace"
        for path in (self.temporary, self.workspace):
            path.mkdir(parents=True, exist_ok=True)
        self.variables = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_ACTOR": "octocat",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_JOB": "build",
            "GITHUB_REF": ref,
            "GITHUB_REPOSITORY": "octo-org/octo-repo",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": run_id,
            "GITHUB_SHA": "ffac537e6cbbf934b08745a378932722df287a53",
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            "GITHUB_WORKFLOW": "CI",
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temporary),
        }
        self.outputs: dict[str, dict[str, str]] = {}

    @property
    def summary(self) -> str:
        """The page of the job."""
        path = Path(self.variables["GITHUB_STEP_SUMMARY"])
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def step(self, script: str, *before: str, **inputs: str) -> Step:
        """Run a script of the action; `before` are lines of `action.yml`'s `env` that take an earlier step's output."""
        output = self.folder / f"output-{len(os.listdir(self.folder))}"
        output.touch()
        given = {f"RUNSTONE_ACTION_{name.upper()}": value for name, value in inputs.items()}
        kept = ("PATH", "HOME", "PYTHONPATH", "XDG_CACHE_HOME", "JUDGED", "JUDGE_STATUS", "REAL_PYTHONPATH")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        path = ROOT / "action" / script
        done = subprocess.run(
            ["sh", str(path)] if path.suffix == ".sh" else [sys.executable, str(path)],
            cwd=self.workspace,
            env={**environment, **self.variables, "GITHUB_OUTPUT": str(output), **given},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        lines = output.read_text(encoding="utf-8").splitlines()
        return Step(done.returncode, done.stdout, done.stderr, dict(line.split("=", 1) for line in lines))

    def record(self, run: str, **inputs: str) -> Step:
        """The step that runs the commands."""
        step = self.step("record.py", run=run, **inputs)
        self.outputs["record"] = step.outputs
        return step

    def judge(self, **inputs: str) -> Step:
        """The step that judges, with what the first one put out."""
        recorded = self.outputs["record"]
        step = self.step("judge.py", store=recorded["store"], run_id=recorded["run-id"], **inputs)
        self.outputs["judge"] = step.outputs
        return step

    def keep(self, branch: str = "main") -> Step:
        """The step that keeps, with what both put out."""
        recorded, judged = self.outputs["record"], self.outputs.get("judge", {})
        return self.step(
            "keep.py",
            store=recorded["store"],
            run_id=recorded["run-id"],
            verdict=judged.get("verdict", ""),
            report=judged.get("report", ""),
            baseline_branch=branch,
        )


def read_yaml(text: str) -> Any:
    """The YAML that the action and its examples are written in: mappings, lists, plain and quoted text, `|` and `>-`.

    Nothing else is taken for anything: what it does not know fails.
    """
    lines = [line for line in text.split("\n") if not line.lstrip().startswith("#")]
    value, rest = _node([line for line in lines if line.strip()], 0)
    assert rest == [], rest
    return value


def _node(lines: list[str], indent: int) -> tuple[Any, list[str]]:
    if lines[0].lstrip().startswith("- "):
        return _list(lines, indent)
    found: dict[str, Any] = {}
    while lines and _indent(lines[0]) == indent:
        matched = re.fullmatch(r"([\w.-]+|'on'):(?: (.*))?", lines[0].strip())
        assert matched, lines[0]
        key, text = matched.groups()
        assert key not in found, key
        lines = lines[1:]
        if text in ("|", ">-"):
            block = _taken(lines, indent)
            lines = lines[len(block) :]
            found[key] = (
                "\n".join(line[indent + 2 :] for line in block) if text == "|" else " ".join(map(str.strip, block))
            )
        elif text is not None:
            found[key] = _scalar(text)
        elif lines and _indent(lines[0]) > indent:
            found[key], lines = _node(lines, _indent(lines[0]))
        else:
            found[key] = None
    return found, lines


def _list(lines: list[str], indent: int) -> tuple[list[Any], list[str]]:
    found = []
    while lines and _indent(lines[0]) == indent and lines[0].lstrip().startswith("- "):
        first = lines[0].replace("- ", "  ", 1)
        if re.match(r"\s*[\w.-]+:(?: |$)", first):
            value, lines = _node([first, *lines[1:]], indent + 2)
            found.append(value)
        else:
            found.append(_scalar(first.strip()))
            lines = lines[1:]
    return found, lines


def _taken(lines: list[str], indent: int) -> list[str]:
    count = next((at for at, line in enumerate(lines) if _indent(line) <= indent), len(lines))
    return lines[:count]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _scalar(text: str) -> Any:
    if text.startswith("'"):
        assert text.endswith("'"), text
        return text[1:-1].replace("''", "'")
    if text.startswith(("[", '"', "{")):
        return json.loads(text) if not text.startswith("[") else [part.strip() for part in text[1:-1].split(",")]
    return {"true": True, "false": False}.get(text, text)
