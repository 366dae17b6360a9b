"""The pipeline delivers its lines, finds what is wrong with them, and ends the same whenever it was killed."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import random
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pipeline
import pytest
from phases import ScriptPhases
from translation import Tables, issues_of

import runstone
from runstone.contracts.rentl import open_stores
from runstone.contracts.rentl.models import PhaseName

RUN = UUID("01890a5c-91c8-7b2a-9f51-9b40d0cf0001")
TABLES = Tables.load(Path(pipeline.HERE) / "tables.json")
KILLS = 50


def run(place: Path, run_id: UUID = RUN) -> None:
    """Work a run off, in a project and a store of a folder."""
    store = runstone.open(place / "runs")
    asyncio.run(pipeline.translate(place / "project", store, run_id, [], None))


def outcome(place: Path, run_id: UUID = RUN) -> dict[str, str]:
    """The outcome digest of the run and of each phase; all verify, and nothing else was sealed."""
    store = runstone.open(place / "runs")
    found = {sealed.run_id.removeprefix(str(run_id)): sealed.outcome_digest for sealed in store.runs()}
    assert len(found) == 8
    assert all(store.verify(sealed.run_id) for sealed in store.runs())
    assert store.open_runs() == []
    return found


# the work


def test_every_line_is_delivered(tmp_path: Path) -> None:
    """As a table and as a text, with its placeholders; nothing is left in the script's own language."""
    run(tmp_path)
    store = runstone.open(tmp_path / "runs")
    export = store.get(f"{RUN}.export-en")
    rows = list(csv.DictReader(io.StringIO(export.file("artifacts/original/export.en.csv").decode())))
    assert len(rows) == 62
    assert [issue for row in rows for issue in issues_of(row["id"], row["text"], row["target"], TABLES)] == []
    text = export.file("artifacts/original/export.en.txt").decode()
    assert text.startswith("== harbour (14 lines in all)\n\nAkari: {player}, welcome to the harbour.\n")
    assert all(row["target"] in text for row in rows)


def test_what_is_wrong_is_found_and_edited(tmp_path: Path) -> None:
    """Lines that no rule fits, one that is too long and lacks its term; the summary counts them."""
    run(tmp_path)
    state = open_stores(tmp_path / "project").states.load_run_state(RUN)
    assert state is not None
    history = {record.phase: record for record in state.state.phase_history or []}
    qa = history[PhaseName.QA].summary
    assert qa is not None
    assert qa.qa_summary is not None
    assert qa.qa_summary.total_issues == 4
    assert {str(name): count for name, count in qa.qa_summary.by_severity.items()} == {
        "critical": 2,
        "major": 1,
        "minor": 1,
    }
    edited = history[PhaseName.EDIT].summary
    assert edited is not None
    assert {one.metric_key: one.value for one in edited.metrics} == {"lines_edited": 3, "issues_left": 0}


@pytest.mark.parametrize(
    ("source", "target", "categories"),
    [
        ("{player}さん、港へようこそ。", "{player}, welcome to the harbour.", []),
        ("{player}さん、港へようこそ。", "Welcome to the harbour.", ["formatting"]),
        ("港へようこそ。", "{player}, welcome to the harbour.", ["formatting"]),
        ("{gold}枚の{item}", "{item} {gold}", []),
        ("{gold}枚の{gold}", "{gold}", ["formatting"]),
        ("港へようこそ。", "Welcome to the port.", ["terminology"]),
        ("港へようこそ。", "港へようこそ。", ["other"]),
        ("港へようこそ。", " ", ["other"]),
        ("にゃあ。", "Meow." * 20, ["style"]),
    ],
)
def test_the_critic_finds_what_is_wrong(source: str, target: str, categories: list[str]) -> None:
    """Placeholders that are lost, added or doubled; terms; lines that are left; length."""
    assert [issue.category for issue in issues_of("L1", source, target, TABLES)] == categories


def test_what_is_critical_and_has_no_correction_fails(tmp_path: Path) -> None:
    """The run says so, and goes on once there is one."""
    phases = ScriptPhases(
        pipeline.script, Tables({**json.loads((pipeline.HERE / "tables.json").read_text()), "corrections": {}})
    )

    async def go() -> None:
        from runstone.contracts.rentl import PhaseRunner, open_async_stores

        stores = open_async_stores(tmp_path / "project")
        known = {"project_name": "p", "source_language": "ja", "target_languages": ["en"]}
        runner = PhaseRunner(phases.phases(), states=stores.states, artifacts=stores.artifacts, **known)  # type: ignore[arg-type]  # names of three kinds
        with pytest.raises(ValueError, match="no correction: L060"):
            await runner.run(RUN)
        await stores.aclose()

    asyncio.run(go())
    run(tmp_path)
    assert "" in outcome(tmp_path)


# the end of it


def test_killed_at_random_moments_it_ends_the_same(tmp_path: Path) -> None:
    """Fifty times in all, as `kill -9` does it: it goes on at the right phase, and leaves one sealed run with a child
    for each phase, whose outcome is that of a run that nobody disturbed."""
    began = time.monotonic()
    run(tmp_path / "calm")
    lasts = time.monotonic() - began
    expected = outcome(tmp_path / "calm")
    moments = random.Random(60)
    kills = number = 0
    while kills < KILLS:
        place, run_id = tmp_path / f"killed-{number}", UUID(int=RUN.int + number)
        number += 1
        for _ in range(10):
            if finishes(place, run_id, moments.uniform(0, lasts)):
                break
            kills += 1
        run(place, run_id)
        assert outcome(place, run_id) == expected
        state = open_stores(place / "project").states.load_run_state(run_id)
        assert state is not None
        assert [one.revision for one in state.state.phase_history or []] == [1] * 7
    assert number > 1


def finishes(place: Path, run_id: UUID, after_s: float) -> bool:
    """Whether a process of its own ends before it is killed, some time after it has begun."""
    began, begins = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(begins, b".")
            run(place, run_id)
            status = 0
        finally:
            os._exit(status)
    os.read(began, 1)
    os.close(began)
    os.close(begins)
    handle = os.pidfd_open(child)
    timer = threading.Timer(after_s, kill, [handle])
    timer.start()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    timer.join()
    os.close(handle)
    return status == 0


def kill(handle: int) -> None:
    """Kill a child, and nobody who has its number later."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, signal.SIGKILL)


def test_an_early_phase_again_makes_a_second_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command: what was made from it is stale, and made anew; the second run retries the first."""
    monkeypatch.chdir(tmp_path)
    assert pipeline.main(["--run-id", str(RUN)]) == 0
    assert pipeline.main(["--run-id", str(RUN), "--again", "pretranslation", "--until", "pretranslation"]) == 0
    told = capsys.readouterr().out
    assert told.count("revision 1, stale") == 5
    assert pipeline.main(["--run-id", str(RUN)]) == 0
    store = runstone.open()
    first, second = store.get(str(RUN)), store.get(f"{RUN}.2")
    assert (first.outcome_digest == second.outcome_digest, first.digest == second.digest) == (True, False)
