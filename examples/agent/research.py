"""Record the research agent: every question, call, block, approval, citation and score of it is one sealed run.

    python examples/agent/research.py --prompt baseline --out DIR
    python examples/agent/research.py --prompt candidate --out DIR --baseline RUN

The runs go to the store that `RUNSTONE_STORE` names, or `./runs`. With a baseline the run is judged beside it, and the
exit status is 1 where the verdict is bad.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph import graph_of
from langchain_core.messages import HumanMessage, SystemMessage
from scripted_model import NAME, ScriptedResearcher
from tools import HERE, desk, tools_for

from runstone import Run, RunstoneError, Verdict
from runstone.contracts.agent import AgentRun, ArtifactStore
from runstone.ingest.langchain import RunstoneHandler

AGENT = "research"
VERSION = "1.0"
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


def described(prompt: str, request_id: str | None = None) -> AgentRun:
    """The run as it is opened, by whatever door it comes."""
    return AgentRun(
        AGENT,
        version=VERSION,
        request_id=request_id,
        config={"model": NAME, "prompt": prompt, "questions": len(questions())},
        sources={"/prompt": f"prompts/{prompt}.txt", "/questions": "questions.json"},
        labels={"prompt": prompt},
    )


def research(run: Run, prompt: str, folder: Path, baseline: str | None = None) -> Verdict | None:
    """Answer all questions, say how well, and have that judged beside a baseline where there is one."""
    run.govern(HERE / "policy.json", desk, HERE / "prices.json")
    agent = graph_of(ScriptedResearcher(), tools_for(run, folder))
    handler = RunstoneHandler(run, tools=False)  # the tools are recorded behind their contracts
    right = {}
    for asked in questions():
        messages = [SystemMessage(prompt_named(prompt)), HumanMessage(asked.question)]
        done: dict[str, Any] = agent.invoke({"messages": messages}, config={"callbacks": [handler]})
        found = json.loads(done["messages"][-1].content)
        if found["cited"]:
            run.cite(found["cited"])
        right[asked.id] = asked.is_answered(found["answer"])
    run.score("accuracy", samples=right, threshold=0.5)
    return run.judge(*RULES, baseline=baseline) if baseline else None


def main(argv: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Record the research agent over its questions.")
    parser.add_argument("--prompt", choices=("baseline", "candidate"), required=True)
    parser.add_argument("--out", type=Path, default=Path("research-out"), help="where reports are written")
    parser.add_argument("--baseline", help="a run to be judged beside: an id, a prefix, @alias or @latest")
    asked = parser.parse_args(argv)
    try:
        with ArtifactStore().open(described(asked.prompt)) as run:
            verdict = research(run, asked.prompt, asked.out, asked.baseline)
    except RunstoneError as exc:
        print(f"research: {exc.message}", file=sys.stderr)
        return 2
    print(run.run_id)
    for rule in verdict.rules if verdict else ():
        print(f"{rule['status']:5} {rule['id']}: {rule['measured']} (threshold {rule['threshold']})", file=sys.stderr)
    return 0 if verdict is None or verdict else 1


if __name__ == "__main__":
    sys.exit(main())
