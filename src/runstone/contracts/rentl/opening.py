"""The three stores of one place: `<place>/state`, `<place>/artifacts` and `<place>/logs`, or one file of SQLite."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from runstone.contracts.rentl import layout
from runstone.contracts.rentl.async_stores import AsyncArtifacts, AsyncLogs, AsyncRunStates
from runstone.contracts.rentl.stores import Artifacts, Logs, RunStates
from runstone.engine.hopping import WORKERS, Threads
from runstone.locate import open_records

if TYPE_CHECKING:
    from runstone.core.redaction.redactor import Redactor
    from runstone.ports.records import Records


class Stores(NamedTuple):
    """The plain stores of one place."""

    states: RunStates
    artifacts: Artifacts
    logs: Logs


class AsyncStores(NamedTuple):
    """The same for an event loop; they share threads, which `aclose` gives back."""

    states: AsyncRunStates
    artifacts: AsyncArtifacts
    logs: AsyncLogs

    async def aclose(self) -> None:
        """Wait for what is being done, and give the threads back."""
        await self.states.aclose()


def open_stores(
    url: str | os.PathLike[str] | Records, *, redact: bool | Redactor = True, checksums: bool = False
) -> Stores:
    """The stores at a folder (a path, `file:PATH`), in a file of SQLite (`sqlite:PATH`) or in `memory:`; or over any
    port `records`.

    What is written passes the redactor, unless `redact` is false; `checksums` are those of `Artifacts`. Nothing is
    written by opening. Raises `unsupported_store`.
    """
    records = url if hasattr(url, "place") else open_records(url)
    state, artifacts, logs = (f"{folder}/" for folder in layout.FOLDERS)
    return Stores(
        RunStates(records, prefix=state, redact=redact),
        Artifacts(records, prefix=artifacts, redact=redact, checksums=checksums),
        Logs(records, prefix=logs, redact=redact),
    )


def open_async_stores(
    url: str | os.PathLike[str] | Records,
    *,
    redact: bool | Redactor = True,
    checksums: bool = False,
    workers: int = WORKERS,
) -> AsyncStores:
    """As `open_stores`, for an event loop: calls are made in so many threads of their own."""
    plain, threads = open_stores(url, redact=redact, checksums=checksums), Threads(workers)
    return AsyncStores(
        AsyncRunStates(plain.states, threads), AsyncArtifacts(plain.artifacts, threads), AsyncLogs(plain.logs, threads)
    )
