"""The ports of rentl: what an orchestrator asks of whoever keeps its state, its artifacts and its logs.

- Asynchronous, and handed to the orchestrator, which knows of no files. Any object with these methods will do.
- Every method raises `StorageError`: `io_error` where the store cannot be used, and the codes that it names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from pydantic import BaseModel, JsonValue

from runstone.contracts.rentl.models import (
    ArtifactId,
    ArtifactMetadata,
    LogEntry,
    LogFileReference,
    RunId,
    RunIndexRecord,
    RunStateRecord,
    RunStatus,
)

ModelT = TypeVar("ModelT", bound=BaseModel)
Payload = BaseModel | JsonValue
"""What an artifact holds: a model, or what JSON can hold."""


class RunStateStore(Protocol):
    """The state of runs, and a list of them."""

    async def save_run_state(self, record: RunStateRecord, *, expected_updated_at: str | None = None) -> None:
        """Store the state of a run, in the place of what was there: old or new, never torn.

        `expected_updated_at` is the `stored_at` of the record that the caller has read; empty: there was none. Raises
        `conflict` where another one stands there by now. Without it the last one wins.
        """
        ...

    async def load_run_state(self, run_id: RunId) -> RunStateRecord | None:
        """The state of a run; `None` where none is stored. Raises `serialization_error`, `validation_error`."""
        ...

    async def save_run_index(self, record: RunIndexRecord) -> None:
        """Store what lists show of a run."""
        ...

    async def list_run_index(
        self, *, status: RunStatus | None = None, limit: int | None = None
    ) -> list[RunIndexRecord]:
        """Runs by the time they were created at, newest first. Errors as `load_run_state`, for a negative limit too."""
        ...


class ArtifactStore(Protocol):
    """What phases make."""

    async def write_artifact_json(self, artifact: ArtifactMetadata, payload: Payload) -> ArtifactMetadata:
        """Store an artifact of format `json`; answers its metadata with the place where it is.

        The same artifact can be written again, with the same content. Raises `conflict` for another content, format or
        run under a known id, `unsupported_format` for metadata of another format, `serialization_error`.
        """
        ...

    async def write_artifact_jsonl(self, artifact: ArtifactMetadata, payload: Sequence[Payload]) -> ArtifactMetadata:
        """Store an artifact of format `jsonl`, an item a line. As `write_artifact_json`."""
        ...

    async def list_artifacts(self, run_id: RunId) -> list[ArtifactMetadata]:
        """The artifacts of a run, in the order in which they were stored; none is an empty list."""
        ...

    async def load_artifact_json(self, artifact_id: ArtifactId, model: type[ModelT]) -> ModelT:
        """The content of an artifact. Raises `not_found`, `unsupported_format` for one of another format,
        `serialization_error` for what is no JSON, `validation_error` for what is no such model."""
        ...

    async def load_artifact_jsonl(self, artifact_id: ArtifactId, model: type[ModelT]) -> list[ModelT]:
        """The items of an artifact, in their order. As `load_artifact_json`."""
        ...


class LogStore(Protocol):
    """The logs of runs."""

    async def append_log(self, entry: LogEntry) -> None:
        """Add a line to the log of its run."""
        ...

    async def append_logs(self, entries: Sequence[LogEntry]) -> None:
        """Add lines, all of one run, in their order; none is nothing. Raises `validation_error`."""
        ...

    async def get_log_reference(self, run_id: RunId) -> LogFileReference | None:
        """Where the log of a run is, and how many lines it has; `None` where there is none."""
        ...
