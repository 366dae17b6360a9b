"""Toolpath requests of many threads, and of a process that is killed among them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from saw_service import CALM, WILD, Service

PROGRAM = """
import sys, threading
from pathlib import Path
from saw_service import CALM, WILD, Service

service = Service(Path(sys.argv[1]))
lock = threading.Lock()

def ask(number):
    while True:
        answer = service.ask(WILD if number % 2 else CALM, number=number)
        told = answer.content.get("detail", answer.content)
        with lock:
            print(answer.status, told.get("run_id") or told["_run_id"], flush=True)

for number in range(4):
    threading.Thread(target=ask, args=(number,), daemon=True).start()
threading.Event().wait()
"""


def check(service: Service, answered: dict[str, int]) -> None:
    """Every answer is in a sealed run with its document, every document has its run, and all verify."""
    store = service.store.store
    found = {sealed.run_id for sealed in store.runs()}
    assert set(answered) <= found
    for run_id in found:
        assert store.verify(run_id).findings == []
        status = json.loads(service.store.path(run_id).read_bytes())["status"]
        assert status == {200: "OK", 409: "BLOCKED"}.get(answered.get(run_id, 0), status)
    assert {path.stem for path in service.folder.glob("*-*-*/*.json")} == found


def test_threads_do_not_meet(tmp_path: Path) -> None:
    """Each request has its own run, whatever the others do."""
    service = Service(tmp_path / "runs")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: service.ask(WILD if number % 2 else CALM, number=number), range(24)))
    check(service, {service.one(answer)["run_id"]: answer.status for answer in answers})
    summaries = [service.one(answer)["request_summary"]["number"] for answer in answers]
    assert summaries == list(range(24))


def test_a_killed_service_loses_no_answer(tmp_path: Path) -> None:
    """What was answered is sealed and published; what was begun is there once recovery has run."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "runs")]
    here = str(Path(__file__).parent)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=here) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(12)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    whole = [line.split() for line in lines if line.endswith("\n")]
    service = Service(tmp_path / "runs")
    answered = {run_id: int(status) for status, run_id in whole}
    sealed = {one.run_id for one in service.store.store.runs()}
    assert set(answered) <= sealed
    assert all(service.store.path(run_id).is_file() for run_id in answered)
    service.store.store.recover()
    assert service.store.store.recover() == []
    check(service, answered)
