"""Decide, build, seal, publish and answer over HTTP: microseconds a request, with so many clients at once.

The service (`bench/peers/http_service.py`) is one process of uvicorn with FastAPI; clients are threads of this one,
each with a connection of its own. Floor: `floor:http` answers the same without a record. `runstone:rmos` is the gate
of the contract called without HTTP, one thread a client, in this process. Runs are packed, and each document is
published as a file: `sync us` is what the disk takes for one synced append in the same moment. A request waits for
four: for its decision and its seal, which it shares with others, and for its document and the folder of that.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench.measurement import Case, Measurement, Row, under_load
from bench.peers import http_service
from bench.rows.decisions import SECONDS, WARM_UP_S, in_threads, sync_us

CLIENTS = (1, 4, 16, 64)
BODY = json.dumps(http_service.REQUEST).encode()
APPS = {"floor:http": "bare", "runstone": "recorded"}
START_S = 30.0


class Served:
    """A service in a process of its own, on a free port of the loopback device."""

    def __init__(self, app: str, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        name = f"bench.peers.http_service:{app}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "--factory", "--port", str(self.port), "--log-level", "error", name],
            env={**os.environ, "RMOS_RUNS_DIR": str(folder)},
        )
        self._own = threading.local()
        self._until_it_listens()

    def _until_it_listens(self) -> None:
        ends = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                if time.monotonic() > ends or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return

    def call(self, _: int) -> None:
        """One request, on the connection of this thread."""
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_S)
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._own.connection = connection
        connection.request("POST", "/api/rmos/toolpaths", BODY, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"answered {answer.status}: {told[:200]!r}")

    def close(self) -> None:
        """End the service."""
        self._process.terminate()
        self._process.wait()


def measure(clients: int, contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Ask for some seconds, one contender after the other."""
    return [_measured(clients, name, scratch) for name in contenders]


def _measured(clients: int, name: str, scratch: Path) -> Measurement:
    folder = scratch / name.replace(":", "-")
    if name not in APPS:
        gate = http_service.gate(folder)
        return _loaded(name, lambda _: gate.answer(http_service.REQUEST), clients, scratch)
    served = Served(APPS[name], folder)
    try:
        return _loaded(name, served.call, clients, scratch)
    finally:
        served.close()


def _loaded(name: str, call: Callable[[int], object], clients: int, scratch: Path) -> Measurement:
    in_threads(call, clients, WARM_UP_S)
    disk = sync_us(scratch)
    started = time.perf_counter()
    took = in_threads(call, clients, SECONDS)
    return under_load(name, took, time.perf_counter() - started, "requests_a_s", sync_us=disk)


ROW = Row(
    "services",
    "Decide, seal, publish and answer over HTTP",
    tuple(
        Case(
            partial(measure, clients),
            name=f"clients {clients}",
            floor="floor:http",
            references=("runstone:rmos",),
            columns=("requests_a_s", "p50_ms", "p99_ms", "sync_us"),
            max_reps=3,
        )
        for clients in CLIENTS
    ),
)
