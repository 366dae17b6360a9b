"""The environment of workers: peers are kept quiet and off the network."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
QUIET = {
    "AIM_ANALYTICS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
    "GIT_PYTHON_REFRESH": "quiet",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
    "NO_WARN": "1",
    "PYTHONWARNINGS": "ignore",
    "TQDM_DISABLE": "1",
    "WANDB_DISABLE_CODE": "true",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "__AIM_TELEMETRY": "0",
}


def worker_environment() -> dict[str, str]:
    """Ours, quiet, without Runstone's own settings; any virtual environment can import the harness."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RUNSTONE_")}
    return {**inherited, **QUIET, "PYTHONPATH": str(PROJECT)}
