"""The research agent with a store of states, killed by SIGKILL at every step: nothing is lost, and nothing that was
stored is done again."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from research import main

from runstone.contracts.agent import ArtifactStore, RunArtifact
from runstone.ingest.langgraph import RunstoneSaver

HERE = Path(__file__).resolve().parent
PROMPT, QUESTIONS = "candidate", ("pass", "power")  # one is searched for, one calculated
LIMIT_S = 250


@dataclass(frozen=True)
class Killed:
    """A folder of `killing.py`: a command that was started until it came to its end."""

    folder: Path

    @cached_property
    def marks(self) -> list[list[list[Any]]]:
        """The marks of each process."""
        files = (self.folder / f"marks-{number}" for number in range(len(list(self.folder.glob("marks-*")))))
        return [[json.loads(line) for line in file.read_text().splitlines()] for file in files]

    @cached_property
    def runs(self) -> list[RunArtifact]:
        """The run of each process, in the order of their links."""
        store = ArtifactStore(self.folder / "runs")
        sealed = [store.get(row["run_id"]) for row in store.list(limit=None).rows]
        return sealed[::-1]

    @property
    def reports(self) -> dict[str, str]:
        """The reports by name."""
        return {path.name: path.read_text(encoding="utf-8") for path in (self.folder / "reports").iterdir()}

    @property
    def conversations(self) -> list[list[tuple[str, str, Any]]]:
        """What was said, question by question, as the store of states has it."""
        found = []
        with RunstoneSaver.open(self.folder / "states.db") as saver:
            for question in QUESTIONS:
                state = saver.get_tuple({"configurable": {"thread_id": f"research/{PROMPT}/{question}"}})
                assert state is not None
                messages = state.checkpoint["channel_values"]["messages"]
                found.append([(one.type, one.content, getattr(one, "tool_calls", None)) for one in messages])
        return found

    def samples(self) -> Any:
        """Which questions the last run answered right."""
        card = self.runs[-1].scorecard
        assert card is not None
        return card["scores"][0]["samples"]


def effects(marks: list[list[Any]]) -> "Counter[str]":
    """What was begun and done, and how often: calls of the model and of tools, and what these do."""
    return Counter(json.dumps(mark) for mark in marks if mark[0] != "state")


def behind_the_last_state(marks: list[list[Any]]) -> list[list[Any]]:
    """What a process did for a step that was not stored when it died."""
    stored = [place for place, mark in enumerate(marks, 1) if mark[:2] == ["state", "stored"]]
    return marks[stored[-1] if stored else 0 :]


@pytest.fixture(scope="module")
def all_of_them(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Killed]:
    """By name: the whole one, one for each mark, the chain."""
    folder = tmp_path_factory.mktemp("killed")
    command = [sys.executable, str(HERE / "killing.py"), str(folder), PROMPT, *QUESTIONS]
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    return {each.name: Killed(each) for each in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def whole(all_of_them: dict[str, Killed]) -> Killed:
    """The undisturbed one."""
    return all_of_them["whole"]


@pytest.fixture(scope="module")
def killed(all_of_them: dict[str, Killed]) -> dict[str, Killed]:
    """The others: killed at each mark, and the chain."""
    found = {name: each for name, each in all_of_them.items() if name not in ("whole", "warm")}
    assert found
    return found


def test_every_step_is_killed(whole: Killed, killed: dict[str, Killed]) -> None:
    """There is one for each mark of the whole one, which died right there; model, tools, files and states have marks
    before and behind them."""
    [marks] = whole.marks
    assert len(killed) == len(marks) + 1
    for place in range(1, len(marks) + 1):
        assert killed[f"{place:03}"].marks[0] == marks[:place]
    told = Counter(mark[0] for mark in marks)
    assert told["model"] == 2 * 3 * len(QUESTIONS)
    assert told["call"] == 2 * 2 * len(QUESTIONS)
    assert told["world"] == (2 + 3) * len(QUESTIONS)
    assert told["state"] == 2 * (7 + 6) * len(QUESTIONS)


def test_no_step_is_lost_or_doubled(whole: Killed, killed: dict[str, Killed]) -> None:
    """Every effect happens as often as in the whole one, and once more only if the process died before the step that
    it belongs to was stored."""
    once = effects(whole.marks[0])
    assert set(once.values()) == {1}
    for name, each in killed.items():
        unstored = Counter[str]()
        for marks in each.marks[:-1]:
            unstored += effects(behind_the_last_state(marks))
        assert effects([mark for marks in each.marks for mark in marks]) == once + unstored, name


def test_a_tool_killed_in_its_midst_is_called_again(whole: Killed, killed: dict[str, Killed]) -> None:
    """A report of which half was written is written again, whole."""
    [marks] = whole.marks
    halves = [place for place, mark in enumerate(marks, 1) if mark[:2] == ["world", "write is at its half"]]
    assert len(halves) == len(QUESTIONS)
    for place in halves:
        again = killed[f"{place:03}"]
        assert again.marks[1][0][:3] == ["call", "write_report", "begin"]
        assert again.reports == whole.reports


def test_it_comes_to_the_same(whole: Killed, killed: dict[str, Killed]) -> None:
    """The same conversations, message for message, the same reports, the same score."""
    for name, each in killed.items():
        assert each.conversations == whole.conversations, name
        assert each.reports == whole.reports, name
        assert each.samples() == whole.samples(), name


def test_each_process_has_a_run(killed: dict[str, Killed]) -> None:
    """Those that were killed are interrupted, and retried by the next one; the last is a success, and has retrieved
    what it cites. All verify."""
    for name, each in killed.items():
        assert [run.status for run in each.runs] == ["interrupted"] * (len(each.marks) - 1) + ["success"], name
        for run, following in zip(each.runs, each.runs[1:], strict=False):
            links = [{"rel": "retries", "run_id": run.run_id, "digest": run.digest}]
            assert following.opened["data"]["links"] == links, name
        evidence = each.runs[-1].evidence
        assert evidence is not None
        assert evidence["cited_but_not_retrieved"] == [], name
        store = ArtifactStore(each.folder / "runs").store
        assert all(store.verify(run.run_id).ok for run in each.runs), name


def test_what_is_over_is_not_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A thread that came to its end answers from its states; another prompt, or another thread, begins."""
    monkeypatch.setenv("RUNSTONE_STORE", str(tmp_path / "runs"))
    command = ["--out", str(tmp_path), "--states", str(tmp_path / "states.db"), "--prompt"]
    calls = []
    for more in (["candidate"], ["candidate"], ["candidate", "--thread", "other"], ["baseline"]):
        assert main([*command, *more]) == 0
        run = ArtifactStore().get(capsys.readouterr().out.strip())
        assert run.opened["data"]["links"] == []
        calls.append(0 if run.tool_calls is None else len(run.tool_calls["calls"]))
    assert calls[0] == calls[2] > 0 == calls[1] < calls[3]


def test_a_thread_is_worked_on_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While a process works on a thread, another one is refused."""
    from research import described

    monkeypatch.setenv("RUNSTONE_STORE", str(tmp_path / "runs"))
    command = ["--out", str(tmp_path), "--states", str(tmp_path / "states.db"), "--prompt", "candidate"]
    with ArtifactStore().open(described("candidate", "research")):
        assert main(command) == 2
    assert "its process is alive" in capsys.readouterr().err
    assert not (tmp_path / "states.db").exists()
