"""The research agent: what it answers, what is recorded of it, and that command and service record the same."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import corpus
import pytest
from agent_service import app
from calculator import CalculationError, calculate
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from research import described, main, questions, research

from runstone.contracts.agent import ArtifactStore, RunArtifact


def recorded(folder: Path, prompt: str, baseline: str | None = None) -> RunArtifact:
    """A sealed run of the agent, in the store of that folder."""
    store = ArtifactStore(folder / "runs")
    with store.open(described(prompt)) as run:
        research(run, prompt, folder / "out", baseline)
    return store.get(run.run_id)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunArtifact, RunArtifact]:
    """The baseline, and the candidate that was judged beside it."""
    folder = tmp_path_factory.mktemp("agent")
    baseline = recorded(folder, "baseline")
    return baseline, recorded(folder, "candidate", baseline.run_id)


def calls_of(artifact: RunArtifact, name: str) -> list[dict[str, Any]]:
    """The calls of a tool, as `tool_calls.json` has them."""
    document = artifact.tool_calls
    assert document is not None
    return [call for call in document["calls"] if call["name"] == name]


def test_the_candidate_is_better(pair: tuple[RunArtifact, RunArtifact]) -> None:
    """It reads more and calculates, and more answers hold what they should: how many more, the interpreter's own corpus
    decides."""
    right = []
    for artifact in pair:
        card = artifact.scorecard
        assert card is not None
        [score] = card["scores"]
        right.append({sample["id"]: bool(sample["value"]) for sample in score["samples"]})
    baseline, candidate = right
    assert list(baseline) == list(candidate) == [asked.id for asked in questions()]
    assert sum(baseline.values()) < sum(candidate.values())
    assert not baseline["share"]
    assert candidate["share"]


def test_the_verdict_is_recorded(pair: tuple[RunArtifact, RunArtifact]) -> None:
    """The candidate's gate names the baseline and each rule; the baseline has none."""
    baseline, candidate = pair
    assert baseline.gate is None
    gate = candidate.gate
    assert gate is not None
    assert gate["ok"]
    assert gate["verdicts"][0]["baseline"]["run_id"] == baseline.run_id
    assert {rule["status"] for rule in gate["verdicts"][0]["rules"]} == {"pass"}


def test_what_the_policy_denies_is_blocked(pair: tuple[RunArtifact, RunArtifact]) -> None:
    """The baseline's prompt asks for the shell: each try is a blocked call, with a decision that names the rule."""
    baseline, candidate = pair
    tries = calls_of(baseline, "run_shell")
    assert len(tries) == len(questions())
    assert {call["status"] for call in tries} == {"blocked"}
    assert calls_of(candidate, "run_shell") == []
    outcomes = [event["data"] for event in baseline.events("decision") if event["data"]["outcome"] == "block"]
    assert {decision["rules"][0]["id"] for decision in outcomes} == {"deny"}
    assert {decision["policy"]["name"] for decision in outcomes} == {"research-desk"}


def test_reports_are_approved(pair: tuple[RunArtifact, RunArtifact]) -> None:
    """Each report was asked for, and is there with the digest that the record has; its text is not in the record."""
    _, candidate = pair
    approvals = [event["data"] for event in candidate.events("approval")]
    assert [approval["by"] for approval in approvals] == ["research-desk"] * len(questions())
    assert {call["args"]["text"] for call in calls_of(candidate, "write_report")} == {"[REDACTED:tool-mask]"}
    assert len(candidate.run["outputs"]) == len(questions())


def test_a_report_elsewhere_is_refused(tmp_path: Path) -> None:
    """The desk says no: nothing is written, and the refusal is recorded."""
    from tools import desk, tools_for

    from runstone import PolicyBlocked

    store = ArtifactStore(tmp_path / "runs")
    with store.open("research") as run:
        run.govern(approver=desk)
        with pytest.raises(PolicyBlocked, match="approval_refused"):
            tools_for(run, tmp_path / "out")["write_report"](path="../elsewhere.md", text="x")
    assert not (tmp_path / "elsewhere.md").exists()
    assert [event["data"]["outcome"] for event in store.get(run.run_id).events("approval")] == ["refused"]


def test_no_text_of_a_prompt_or_passage_is_kept(pair: tuple[RunArtifact, RunArtifact]) -> None:
    """Sizes, digests and tokens alone: neither the instructions nor a sentence of the corpus stands in a bundle."""
    for artifact in pair:
        told = b"".join(path.read_bytes() for path in Path(artifact.path).rglob("*") if path.is_file())
        assert b"answer questions about the Python language" not in told
        assert b"null operation" not in told


def test_what_was_cited_had_been_retrieved(pair: tuple[RunArtifact, RunArtifact]) -> None:
    """The evidence names the corpus and its version, and no citation leads nowhere."""
    for artifact in pair:
        evidence = artifact.evidence
        assert evidence is not None
        assert evidence["cited_but_not_retrieved"] == []
        assert {(found["corpus"], found["version"]) for found in evidence["retrievals"]} == {
            (corpus.NAME, corpus.version())
        }


def test_the_outcome_reproduces(pair: tuple[RunArtifact, RunArtifact], tmp_path: Path) -> None:
    """The same prompt again comes to the same outcome; another prompt does not."""
    again = recorded(tmp_path, "baseline")
    assert again.outcome_digest == pair[0].outcome_digest != pair[1].outcome_digest


def test_command_and_service_record_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both go through one function: the same outcome, with the same documents."""
    monkeypatch.setenv("RUNSTONE_STORE", str(tmp_path / "runs"))
    monkeypatch.setattr("agent_service.OUT", tmp_path / "out")
    assert main(["--prompt", "candidate", "--out", str(tmp_path / "out")]) == 0
    by_command = ArtifactStore().get(capsys.readouterr().out.strip())
    answered = TestClient(app).post("/research", json={"prompt": "candidate", "request_id": "r-1"})
    assert answered.status_code == 200
    by_service = ArtifactStore().get(answered.json()["run_id"])
    assert by_service.outcome_digest == by_command.outcome_digest
    assert by_service.run["request_id"] == "r-1"
    assert TestClient(app).get(f"/runs/{by_service.run_id}").json() == json.loads(json.dumps(by_service.run))
    assert TestClient(app).get("/runs/nothing").status_code == 404


def test_a_bad_candidate_ends_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judged beside the candidate the baseline does not pass; a baseline that is not there is told."""
    monkeypatch.setenv("RUNSTONE_STORE", str(tmp_path / "runs"))
    better = recorded(tmp_path, "candidate")
    assert main(["--prompt", "baseline", "--out", str(tmp_path / "out"), "--baseline", better.run_id]) == 1
    assert main(["--prompt", "baseline", "--out", str(tmp_path / "out"), "--baseline", "nothing"]) == 2


@given(st.integers(-999, 999), st.integers(-999, 999), st.sampled_from(["+", "-", "*", "//", "%"]))
def test_the_calculator_is_exact(left: int, right: int, sign: str) -> None:
    """As Python's own integers; a division by nought is none."""
    expression = f"({left}) {sign} ({right})"
    if right == 0 and sign in ("//", "%"):
        with pytest.raises(CalculationError):
            calculate(expression)
    else:
        assert Fraction(calculate(expression)) == eval(expression)  # of numbers that were drawn


@pytest.mark.parametrize(
    "expression", ["__import__('os')", "2 ** 999", "9 ** 64 ** 64", "(" * 150, "a", "", "1 if 1 else 2"]
)
def test_the_calculator_understands_nothing_else(expression: str) -> None:
    """No name, no call, no number without a bound."""
    with pytest.raises(CalculationError):
        calculate(expression)


def test_the_search_finds_the_paragraph() -> None:
    """By words that stand nowhere else; the score falls."""
    found = corpus.search("null operation placeholder", 3)
    assert found[0][0].topic == "pass"
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)
    assert corpus.search("zzzz qqqq", 3) == []
