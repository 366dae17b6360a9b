"""Stores that a program opens beside that of its run: a replay reads them, and writes nothing there."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

import runstone
from runstone.engine.replay.launching import MAX_TOLD, hear

from .replayed import Program

WRITES = {
    "records in a folder": "open_records('other').append('log', [b'1'])",
    "records in a database": "open_records('sqlite:other').append('log', [b'1'])",
    "logs of a project": "open_stores('other').logs.append_log(ENTRY)",
}
_BEFORE = """
from runstone.contracts.rentl import LogEntry, open_stores
from runstone.locate import open_records

ENTRY = LogEntry.model_validate({
    "timestamp": "2026-02-03T04:05:06Z", "level": "info", "event": "e", "message": "m",
    "run_id": "01890a5c-91c8-7b2a-9f51-9b40d0cf0001",
})
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A program in a folder of its own."""
    return Program(tmp_path)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("live", [[], ["read"]])
@pytest.mark.parametrize("what", WRITES)
def test_what_is_written_there_is_refused_and_named(program: Program, what: str, live: list[str]) -> None:
    """By the line of the program; also where no kernel keeps the process from it, as what it calls for real is over."""
    body = f"""
    read("backend.txt")
    try:
        {WRITES[what]}
    except runstone.RunstoneError:
        pass
    """
    run_id = program.run(body, before=_BEFORE)
    before = _files(program.folder)
    found = program.store.replay(run_id, live=live)
    assert _files(program.folder) == before
    assert not found.ok
    assert found.divergence is not None
    assert found.divergence["reason"] == "refused"
    assert {each["kind"] for each in found.refused} == {"write"}
    assert all(f"{program.folder}{os.sep}agent.py:" in each["where"] for each in found.refused)


def test_what_a_tool_writes_that_is_called_for_real_is_written(program: Program) -> None:
    """Into whatever store."""
    body = """
    @run.tool()
    def keep(text):
        open_records("other").append("log", [text.encode()])

    keep("x")
    """
    run_id = program.run(body, before=_BEFORE)
    before = _files(program.folder)
    assert program.store.replay(run_id, live=["keep"]).ok
    assert _files(program.folder) != before


def test_another_store_is_read(program: Program) -> None:
    """Its catalog stays as it is."""
    with runstone.open(program.folder / "other").run("kept") as kept:
        kept.finish(result=1)
    body = "run.finish(result=[one.run_id for one in runstone.open('other').runs('kind:kept')])"
    run_id = program.run(body)
    assert program.store.get(run_id).document("run.json")["result"] == [kept.run_id]
    before = _files(program.folder)
    found = program.store.replay(run_id)
    assert (found.divergence, found.refused) == (None, [])
    assert found.ok
    assert _files(program.folder) == before


def test_a_store_with_a_spool_of_its_own(program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is open stands elsewhere: a replay writes there as well."""
    monkeypatch.setenv("RUNSTONE_PACKED", "1")
    monkeypatch.setenv("RUNSTONE_SPOOL", str(tmp_path / "spool"))
    found = program.replay(program.run("read('backend.txt')"))
    assert (found.divergence, found.refused) == (None, [])
    assert found.ok


def test_many_refusals_hide_nothing_else() -> None:
    """Of what a process tells again and again so much is heard; what it tells once is."""
    told: list[dict[str, object]] = []
    read, write = os.pipe()
    thread = threading.Thread(target=hear, args=(read, told))
    thread.start()
    with open(write, "wb") as file:
        file.write(
            b'{"refused": {}}\n{"note": ""}\n' * MAX_TOLD + b'{"opened": "r", "mode": "strict"}\n{"divergence": {}}\n'
        )
    thread.join()
    assert len(told) == MAX_TOLD + 2
    assert told[-2:] == [{"opened": "r", "mode": "strict"}, {"divergence": {}}]
