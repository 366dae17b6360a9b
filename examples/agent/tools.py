"""The tools of the agent, each behind its contract (`contracts.json`), and who is asked before a report is written."""

import json
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import corpus
from calculator import calculate
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

from runstone import Run
from runstone.contracts.agent import Approval, ApprovalRequest

HERE = Path(__file__).resolve().parent
CONTRACTS = {contract["name"]: contract for contract in json.loads((HERE / "contracts.json").read_text())}


def tools_for(run: Run, folder: Path) -> dict[str, Callable[..., Any]]:
    """The tools by name, recorded in a run; reports are written below `folder`."""

    def search(query: str, passages: int) -> list[dict[str, str]]:
        found = corpus.search(query, passages)
        told = [
            {"id": hit.id, "source": hit.topic, "span": (hit.start, hit.end), "score": score, "text": hit.text}
            for hit, score in found
        ]
        run.evidence(query, told, corpus=corpus.NAME, version=corpus.version())
        return [{"id": hit.id, "text": hit.text} for hit, _ in found]

    def write_report(path: str, text: str) -> str:
        target = folder / PurePosixPath(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        run.output("file", target, name=path)
        return f"{len(text)} characters written"

    def run_shell(command: str) -> str:
        return subprocess.run(["sh", "-c", command], capture_output=True, check=False, text=True).stdout

    functions: dict[str, Callable[..., Any]] = {
        "search": search,
        "calculate": lambda expression: calculate(expression),
        "write_report": write_report,
        "run_shell": run_shell,
    }
    return {name: run.tool(CONTRACTS[name])(function) for name, function in functions.items()}


def found_before(run: Run, messages: Iterable[AnyMessage]) -> None:
    """Tell a run what an interrupted one had found, by the conversation that it goes on with: answers may cite it."""
    queries: dict[str | None, str] = {}
    for message in messages:
        if isinstance(message, AIMessage):
            queries |= {call["id"]: call["args"]["query"] for call in message.tool_calls if call["name"] == "search"}
        elif isinstance(message, ToolMessage) and message.tool_call_id in queries and message.status == "success":
            told = json.loads(str(message.content))
            run.evidence(queries[message.tool_call_id], told, corpus=corpus.NAME, version=corpus.version())


def desk(request: ApprovalRequest) -> Approval:
    """Who is asked before something is written: reports may be, below `reports/` and nowhere else."""
    parts = PurePosixPath(request.args["path"]).parts
    good = len(parts) == 2 and parts[0] == "reports"
    return Approval(good, "research-desk", "a report" if good else "only files in reports/ are written")
