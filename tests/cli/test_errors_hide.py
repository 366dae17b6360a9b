"""What the command says of what it was given: no secret, on standard error, and in the JSON of an error."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from core.planted import LETTERS, checked, drawn

from cli.conftest import Invoke
from runstone.engine.store import Store

TOKEN = "ghp" + "_" + checked(Random(51))
LONG = "sk-" + "ant-" + drawn(Random(52), LETTERS, 90)

COMMANDS = [
    "show {}",
    "show {} --json",
    "ls nofield:{}",
    "ls --json nofield:{}",
    "logs {}",
    "get @latest {}",
    "diff {} {}",
    "judge @latest --baseline {}",
    "judge @latest --baseline @latest --max {}",
    "find {}",
    "find sha256:{} --json",
    "alias {} @latest",
    "annotate @latest --score a={}",
    "contract {} @latest",
    "export @latest --as {}",
    "import /nowhere/{}",
    "verify @latest --digest {}",
    "redact /nowhere/{}",
    "recover {}",
    "--{}",
    "{}",
    "show --{}",
]
RUN = ["--{}", "--bogus={}", "--label {}", "--run-id {}/..", "--max-output {}", "--contract {}", "--resume {}"]


@pytest.mark.parametrize("token", [TOKEN, LONG], ids=["token", "long token"])
@pytest.mark.parametrize("line", COMMANDS)
def test_a_verb_repeats_no_secret(invoke: Invoke, store: Store, line: str, token: str) -> None:
    """Neither whole nor cut short."""
    store.run("k").finish()
    answer = invoke(*line.replace("{}", token).split())
    assert answer.status != 0
    assert answer.err + answer.out
    assert token[:20] not in answer.err + answer.out
    assert token[-20:] not in answer.err + answer.out


@pytest.mark.parametrize("token", [TOKEN, LONG], ids=["token", "long token"])
@pytest.mark.parametrize("line", RUN)
def test_run_repeats_no_secret(process: Invoke, line: str, token: str) -> None:
    """Its options are read before anything is loaded that knows secrets."""
    answer = process("run", *line.replace("{}", token).split(), "--", "true")
    assert answer.status == 125
    assert token[:20] not in answer.err + answer.out


def test_an_answer_repeats_no_secret(invoke: Invoke, store: Store) -> None:
    """Where somebody asked about a path, or by a rule, that holds one."""
    store.run("k", run_id="r").finish()
    Path(f"no-{TOKEN}").mkdir()
    Path(f"no-{TOKEN}", "events.jsonl").touch()  # a bundle that has lost its manifest
    judged = ("judge", "r", "--baseline", "r", "--max", f"metric.{TOKEN}:+1%")
    for words in (("get", "r", "-o", f"to-{TOKEN}"), ("verify", f"./no-{TOKEN}"), judged, (*judged, "--json")):
        answer = invoke(*words)
        assert answer.out
        assert TOKEN not in answer.out + answer.err


def test_an_option_that_tells_a_password(process: Invoke) -> None:
    """It is no option; its value is not repeated."""
    answer = process("run", "--password=hunter2x", "--", "true")
    assert (answer.status, "hunter2x" in answer.err) == (125, False)
