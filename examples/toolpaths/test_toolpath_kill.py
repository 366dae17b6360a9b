"""kill -9 under load: no decision that was answered is lost, no work that was begun is hidden, nothing is half."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from test_saw import GOOD

from runstone.contracts.rmos import RunStore

HERE = Path(__file__).parent
CLIENTS = 8
KILLS = 3
LEAST_ANSWERS = 20
SIGNALS = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="other OS")


class Service:
    """The service in a process of its own, on a port that the kernel chooses."""

    def __init__(self, folder: Path, *, packed: bool) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        paths = [str(HERE), *sys.path]
        settings = {"RMOS_RUNS_DIR": str(folder / "runs"), "STARTED_FILE": str(folder / "started")}
        settings["RUNSTONE_PACKED"] = "1" if packed else "0"
        fd = self._socket.fileno()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "--fd", str(fd), "--log-level", "warning", "killed_service:app"],
            env={**os.environ, **settings, "PYTHONPATH": os.pathsep.join(paths)},
            pass_fds=[fd],
        )

    def ask(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """One request; raises `OSError` or `HTTPException` where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/api/rmos/toolpaths", json.dumps(request), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def kill(self) -> None:
        """End it as a power switch would."""
        self.process.kill()
        self.process.wait()
        self._socket.close()


@SIGNALS
@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
def test_killed_under_load(tmp_path: Path, packed: bool) -> None:
    """Whatever was answered is sealed as it was answered; whatever was begun is there, as interrupted if not sealed."""
    answered: dict[str, str] = {}
    requests = [GOOD, {**GOOD, "rpm": 9000}, {**GOOD, "depth_mm": 12}, {**GOOD, "material": "oak"}]
    for seed in range(KILLS):
        service = Service(tmp_path, packed=packed)
        chance = random.Random(seed)

        def ask_until_it_is_gone(_: int, service: Service = service, chance: random.Random = chance) -> int:
            count = 0
            while True:
                try:
                    status, told = service.ask(chance.choice(requests))
                except (OSError, http.client.HTTPException):
                    return count
                if status == 503:
                    continue
                assert status in (200, 409), told
                run_id = told["_run_id"] if status == 200 else told["detail"]["run_id"]
                answered[run_id] = "OK" if status == 200 else "BLOCKED"
                count += 1

        with ThreadPoolExecutor(CLIENTS) as clients:
            try:
                before = len(answered)
                counts = [clients.submit(ask_until_it_is_gone, number) for number in range(CLIENTS)]
                while len(answered) < before + LEAST_ANSWERS and not all(count.done() for count in counts):
                    time.sleep(0.01)
                time.sleep(chance.random() / 5)
            finally:
                service.kill()
            assert sum(count.result() for count in counts) >= LEAST_ANSWERS
    store = RunStore(tmp_path / "runs")
    store.store.recover()
    documents = {path.stem: json.loads(path.read_bytes()) for path in (tmp_path / "runs").glob("*/*.json")}
    assert {run_id: documents[run_id]["status"] for run_id in answered} == answered
    begun = (tmp_path / "started").read_text().split()
    sealed = {run.run_id: run.status for run in store.store.runs()}
    assert set(begun) <= sealed.keys() == documents.keys()
    assert {sealed[run_id] for run_id in begun} <= {"success", "partial", "interrupted"}
    assert all(store.store.verify(run_id).ok for run_id in sealed)
    assert len(store.store.open_runs()) == 0
