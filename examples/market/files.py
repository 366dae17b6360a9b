"""The names of the pipeline's files, and how one of them is replaced whole.

- Every file name stands here once; the steps find them under the directory that `MARKET_DATA` names.
- A file is replaced by rename after a sync, so that a reader sees the old bytes or the new ones.
- Files are UTF-8 with LF on every system.
"""

import os
from pathlib import Path

from prices import MarketDataError

DATA_ENV = "MARKET_DATA"
PRICES = "prices.csv"
PRICES_CHECKPOINT = "prices.checkpoint.json"
FEATURES = "features.csv"


def data_directory() -> Path:
    """Return the directory that `MARKET_DATA` names, made if missing; `MarketDataError` if it names none."""
    value = os.environ.get(DATA_ENV, "")
    if not value:
        raise MarketDataError(f"{DATA_ENV} must name the directory of the tables")
    directory = Path(value)
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def replace_file(path: Path, body: bytes) -> None:
    """Put `body` at `path`, whole and synced, or leave what stood there."""
    staged = path.with_name(path.name + ".new")
    with staged.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` survive a power cut, where the system can sync a directory."""
    if os.name == "nt":
        return  # Windows opens no directory for a sync
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
