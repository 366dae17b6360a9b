"""Kill the research agent at every step, and start it again: no part of the example, but of its tests.

    python examples/agent/killing.py FOLDER PROMPT QUESTION...

- `FOLDER/whole` is an undisturbed run of the command; `FOLDER/N` one that was killed at its N-th mark and started
  again; `FOLDER/chain` one that was killed again and again, after a few marks each. Each process is a fork with the
  libraries loaded, runs `research.main`, and dies of SIGKILL.
- Marks stand around each model call, each call of a tool, what a tool does to the world, and each put of a state. What
  is marked is appended to `marks-P`, P being the number of the process, before the kill.
- LangGraph puts checkpoints, and what tasks wrote behind them, from threads of its own. Here each waits for what it
  stands behind, so that marks have one order.
"""

import itertools
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import corpus
import research
import tools
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from scripted_model import ScriptedResearcher

from runstone.ingest.langgraph import RunstoneSaver

CHAIN = 9
"""Marks of a process of the chain: more than the longest step has."""
PATIENCE_S = 60


class Marks:
    """The marks of a process, the last of which it does not survive."""

    def __init__(self, path: Path, last: int | None) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._left = last

    def __call__(self, *told: object) -> None:
        """Append a mark; the last one kills."""
        os.write(self._file, (json.dumps(told) + "\n").encode())
        if self._left is not None:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function: Callable[..., Any], *told: str) -> Callable[..., Any]:
        """The function, between two marks."""

        def marked(*args: Any, **kwargs: Any) -> Any:
            asked = [*map(str, args), kwargs]
            self(*told, "begin", asked)
            answer = function(*args, **kwargs)
            self(*told, "end", asked)
            return answer

        return marked


def saver_with(mark: Marks) -> type[RunstoneSaver]:
    """A saver between marks."""
    turn = threading.Condition()

    class Marked(RunstoneSaver):
        def put(
            self,
            config: RunnableConfig,
            checkpoint: Checkpoint,
            metadata: CheckpointMetadata,
            new_versions: ChannelVersions,
        ) -> RunnableConfig:
            with turn:
                if metadata["source"] == "loop":
                    self._wait(lambda: bool((found := self.get_tuple(config)) and found.pending_writes))
                mark("state", "put begins", metadata["step"])
                stored = super().put(config, checkpoint, metadata, new_versions)
                mark("state", "stored", metadata["step"])
                turn.notify_all()
            return stored

        def put_writes(
            self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
        ) -> None:
            with turn:
                self._wait(lambda: self.get_tuple(config) is not None)
                mark("state", "writes begin")
                super().put_writes(config, writes, task_id, task_path)
                mark("state", "stored", "writes")
                turn.notify_all()

        def _wait(self, until: Callable[[], bool]) -> None:
            assert turn.wait_for(until, PATIENCE_S), "what it stands behind is put"

    return Marked


def marked(mark: Marks) -> None:
    """Put marks into the agent of this process."""

    class Model(ScriptedResearcher):
        def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
            asked = [str(messages[1].content), len(messages)]
            mark("model", "begin", asked)
            answer = super()._generate(messages, *args, **kwargs)
            mark("model", "end", asked)
            return answer

    write = Path.write_text
    make = tools.tools_for

    def write_in_halves(path: Path, text: str, encoding: str) -> int:
        mark("world", "write begins", path.name)
        write(path, text[: len(text) // 2], encoding=encoding)
        mark("world", "write is at its half", path.name)
        written = write(path, text, encoding=encoding)
        mark("world", "write ends", path.name)
        return written

    calculate = vars(tools)["calculate"]
    attributes: list[tuple[Any, str, Any]] = [
        (research, "ScriptedResearcher", Model),
        (research, "RunstoneSaver", saver_with(mark)),
        (research, "tools_for", lambda *given: {n: mark.around(tool, "call", n) for n, tool in make(*given).items()}),
        (corpus, "search", mark.around(corpus.search, "world", "search")),
        (tools, "calculate", mark.around(calculate, "world", "calculate")),
        (Path, "write_text", write_in_halves),
    ]
    for owner, name, value in attributes:
        setattr(owner, name, value)


def process(folder: Path, number: int, prompt: str, chosen: Sequence[str], last: int | None = None) -> bool:
    """Run the command in a process, up to a mark; whether it came to its end."""
    folder.mkdir(parents=True, exist_ok=True)
    child = os.fork()
    if not child:
        os.environ["RUNSTONE_STORE"] = str(folder / "runs")
        marked(Marks(folder / f"marks-{number}", last))
        every = research.questions()
        research.questions = lambda: [asked for asked in every if asked.id in chosen]
        os._exit(research.main(["--prompt", prompt, "--out", str(folder), "--states", str(folder / "states.db")]))
    status = os.waitpid(child, 0)[1]
    if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status) == 0:
        return True
    if os.waitstatus_to_exitcode(status) == -signal.SIGKILL and last is not None:
        return False
    sys.exit(f"{folder.name}: process {number} ended with {os.waitstatus_to_exitcode(status)}")


def main(where: str, prompt: str, *chosen: str) -> None:
    """The command."""
    folder = Path(where)
    os.environ["RUNSTONE_STORE"] = "memory:"
    research.main(["--prompt", prompt, "--out", str(folder / "warm"), "--states", "memory:"])  # loads all libraries
    process(folder / "whole", 0, prompt, chosen)
    every = len((folder / "whole" / "marks-0").read_bytes().splitlines())
    for last in range(1, every + 1):
        killed = folder / f"{last:03}"
        if process(killed, 0, prompt, chosen, last) or not process(killed, 1, prompt, chosen):
            sys.exit(f"mark {last} was not come to, or not survived")
    for number in itertools.count():
        if process(folder / "chain", number, prompt, chosen, CHAIN):
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
