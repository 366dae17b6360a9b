"""Record the research agent: every question, call, block, approval, citation and score of it is one sealed run.

    python examples/agent/research.py --prompt baseline --out DIR
    python examples/agent/research.py --prompt candidate --out DIR --baseline RUN
    python examples/agent/research.py --prompt candidate --out DIR --states STORE [--thread NAME]

The runs go to the store that `RUNSTONE_STORE` names, or `./runs`. With a baseline the run is judged beside it, and the
exit status is 1 where the verdict is bad. With a store of states every step is durable before the next one begins: the
same command, started again after it was killed, goes on where it was, in a run that retries the interrupted one.
"""

import argparse
import json
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph import graph_of
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from scripted_model import NAME, ScriptedResearcher
from tools import HERE, desk, found_before, tools_for

from runstone import Run, RunstoneError, Verdict
from runstone.contracts.agent import AgentRun, ArtifactStore
from runstone.ingest.langchain import RunstoneHandler
from runstone.ingest.langgraph import RunstoneSaver

AGENT = "research"
VERSION = "1.0"
UNFINISHED = ("running", "interrupted", "failed", "cancelled")
"""How a run stands that is retried; one that is running is refused, unless its process died."""
RULES = ("meet scores", "min score.accuracy:-0", "max worse.accuracy:1", "cited")


@dataclass(frozen=True)
class Question:
    """A question, and what a right answer holds."""

    id: str
    question: str
    expected: str

    def is_answered(self, answer: str) -> bool:
        """Whether an answer holds what is expected."""
        return self.expected.casefold() in answer.casefold()


def questions() -> list[Question]:
    """The questions of `questions.json`."""
    return [Question(**each) for each in json.loads((HERE / "questions.json").read_text(encoding="utf-8"))]


def prompt_named(name: str) -> str:
    """The text of a prompt in `prompts/`."""
    return (HERE / "prompts" / f"{name}.txt").read_text(encoding="utf-8")


def described(prompt: str, request_id: str | None = None, resume: str | None = None) -> AgentRun:
    """The run as it is opened, by whatever door it comes."""
    return AgentRun(
        AGENT,
        version=VERSION,
        request_id=request_id,
        config={"model": NAME, "prompt": prompt, "questions": len(questions())},
        sources={"/prompt": f"prompts/{prompt}.txt", "/questions": "questions.json"},
        labels={"prompt": prompt},
        resume=resume,
    )


def earlier(store: ArtifactStore, prompt: str, thread: str) -> str | None:
    """The last run of a thread, if it did not come to its end."""
    rows = store.list(f"label.prompt:{prompt}", agent=AGENT, request_id=thread, limit=1).rows
    return str(rows[0]["run_id"]) if rows and rows[0]["status"] in UNFINISHED else None


def research(
    run: Run,
    prompt: str,
    folder: Path,
    baseline: str | None = None,
    *,
    saver: BaseCheckpointSaver[str] | None = None,
    thread: str = AGENT,
) -> Verdict | None:
    """Answer all questions, say how well, and have that judged beside a baseline where there is one.

    A saver keeps a conversation for each question, named by thread, prompt and question.
    """
    run.govern(HERE / "policy.json", desk, HERE / "prices.json")
    agent = graph_of(ScriptedResearcher(), tools_for(run, folder), saver)
    handler = RunstoneHandler(run, tools=False)  # the tools are recorded behind their contracts
    right = {}
    for asked in questions():
        messages = [SystemMessage(prompt_named(prompt)), HumanMessage(asked.question)]
        config = RunnableConfig(callbacks=[handler], configurable={"thread_id": f"{thread}/{prompt}/{asked.id}"})
        done = conversation(agent, {"messages": messages}, config, run)
        found = json.loads(done["messages"][-1].content)
        if found["cited"]:
            run.cite(found["cited"])
        right[asked.id] = asked.is_answered(found["answer"])
    run.score("accuracy", samples=right, threshold=0.5)
    return run.judge(*RULES, baseline=baseline) if baseline else None


def conversation(
    agent: CompiledStateGraph[Any, Any, Any, Any], begin: dict[str, Any], config: RunnableConfig, run: Run
) -> dict[str, Any]:
    """A conversation at its end: one that a saver knows goes on where it was, if it is not over."""
    if agent.checkpointer is None:
        return agent.invoke(begin, config)
    known = agent.get_state(config)
    found_before(run, known.values.get("messages", ()))
    return agent.invoke(begin if known.created_at is None else None, config, durability="sync")


def main(argv: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Record the research agent over its questions.")
    parser.add_argument("--prompt", choices=("baseline", "candidate"), required=True)
    parser.add_argument("--out", type=Path, default=Path("research-out"), help="where reports are written")
    parser.add_argument("--baseline", help="a run to be judged beside: an id, a prefix, @alias or @latest")
    parser.add_argument("--states", help="the store of states to go on from, and to keep every step in: a path or URL")
    parser.add_argument("--thread", default=AGENT, help="with --states: what is gone on with")
    asked = parser.parse_args(argv)
    try:
        store = ArtifactStore()
        agent_run = described(asked.prompt)
        if asked.states:
            agent_run = described(asked.prompt, asked.thread, earlier(store, asked.prompt, asked.thread))
        states = RunstoneSaver.open(asked.states) if asked.states else nullcontext()
        with states as saver, store.open(agent_run) as run:
            verdict = research(run, asked.prompt, asked.out, asked.baseline, saver=saver, thread=asked.thread)
    except RunstoneError as exc:
        print(f"research: {exc.message}", file=sys.stderr)
        return 2
    print(run.run_id)
    for rule in verdict.rules if verdict else ():
        print(f"{rule['status']:5} {rule['id']}: {rule['measured']} (threshold {rule['threshold']})", file=sys.stderr)
    return 0 if verdict is None or verdict else 1


if __name__ == "__main__":
    sys.exit(main())
