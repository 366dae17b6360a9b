"""The stores of rentl as its protocols want them: asynchronous.

Written by `tools/async_layer.py` from `stores.py`: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstone.engine.hopping import Hopping

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    from runstone.contracts.rentl.protocols import ModelT, Payload
    from runstone.contracts.rentl.stores import Artifacts, Logs, RunStates
    from runstone.engine.hopping import Threads


class AsyncRunStates(Hopping):
    """`RunStateStore` over `RunStates`: its methods awaited, each made in a thread; `sync` is the plain one."""

    def __init__(self, sync: RunStates, threads: Threads | None = None) -> None:
        super().__init__(threads)
        self.sync = sync

    async def save_run_state(
        self,
        record: RunStateRecord,
        *,
        expected_updated_at: str | None = None,
    ) -> None:
        """Store the state of a run, in the place of what was there: old or new, never torn, durable at return.

        `expected_updated_at` is the `stored_at` of the record that the caller has read; empty: there was none. Raises
        `conflict` where another one stands there by now. Without it the last one wins.
        """
        await self.in_thread(
            self.sync.save_run_state,
            record,
            expected_updated_at=expected_updated_at,
        )

    async def load_run_state(
        self,
        run_id: RunId,
    ) -> RunStateRecord | None:
        """The state of a run; `None` where none is stored. Raises `serialization_error`; `validation_error` for what is
        no such record, or is another run's."""
        return await self.in_thread(self.sync.load_run_state, run_id)

    async def save_run_index(
        self,
        record: RunIndexRecord,
    ) -> None:
        """Store what lists show of a run, durable at return."""
        await self.in_thread(self.sync.save_run_index, record)

    async def load_run_index(
        self,
        run_id: RunId,
    ) -> RunIndexRecord | None:
        """What lists show of a run; `None` where none is stored. Errors as `load_run_state`."""
        return await self.in_thread(self.sync.load_run_index, run_id)

    async def list_run_index(
        self,
        *,
        status: RunStatus | None = None,
        limit: int | None = None,
    ) -> list[RunIndexRecord]:
        """Runs by the time they were created at, newest first. Errors as `load_run_state`, for a negative limit too."""
        return await self.in_thread(
            self.sync.list_run_index,
            status=status,
            limit=limit,
        )


class AsyncArtifacts(Hopping):
    """`ArtifactStore` over `Artifacts`: its methods awaited, each made in a thread; `sync` is the plain one."""

    def __init__(self, sync: Artifacts, threads: Threads | None = None) -> None:
        super().__init__(threads)
        self.sync = sync

    async def write_artifact_json(
        self,
        artifact: ArtifactMetadata,
        payload: Payload,
    ) -> ArtifactMetadata:
        """Store an artifact of format `json`; answers its metadata with the place where it is. Durable at return.

        The same artifact can be written again, with the same content. Raises `conflict` for another content, format or
        run under a known id, `unsupported_format` for metadata of another format, `serialization_error`, and
        `validation_error` for a size or checksum that is not the content's as it is printed here. Of content with a
        secret the metadata has those of what is stored.
        """
        return await self.in_thread(
            self.sync.write_artifact_json,
            artifact,
            payload,
        )

    async def write_artifact_jsonl(
        self,
        artifact: ArtifactMetadata,
        payload: Sequence[Payload],
    ) -> ArtifactMetadata:
        """Store an artifact of format `jsonl`, an item a line. As `write_artifact_json`."""
        return await self.in_thread(
            self.sync.write_artifact_jsonl,
            artifact,
            payload,
        )

    async def write_artifact_text(
        self,
        artifact: ArtifactMetadata,
        text: str,
    ) -> ArtifactMetadata:
        """Store an artifact of format `csv` or `txt`, in UTF-8. As `write_artifact_json`."""
        return await self.in_thread(
            self.sync.write_artifact_text,
            artifact,
            text,
        )

    async def list_artifacts(
        self,
        run_id: RunId,
    ) -> list[ArtifactMetadata]:
        """The artifacts of a run, in the order in which they were stored; none is an empty list."""
        return await self.in_thread(self.sync.list_artifacts, run_id)

    async def load_artifact_json(
        self,
        artifact_id: ArtifactId,
        model: type[ModelT],
    ) -> ModelT:
        """The content of an artifact. Raises `not_found`, `unsupported_format` for one of another format,
        `serialization_error` for what is no JSON, `validation_error` for what is no such model."""
        return await self.in_thread(
            self.sync.load_artifact_json,
            artifact_id,
            model,
        )

    async def load_artifact_jsonl(
        self,
        artifact_id: ArtifactId,
        model: type[ModelT],
    ) -> list[ModelT]:
        """The items of an artifact, in their order. As `load_artifact_json`."""
        return await self.in_thread(
            self.sync.load_artifact_jsonl,
            artifact_id,
            model,
        )

    async def load_artifact_text(
        self,
        artifact_id: ArtifactId,
    ) -> str:
        """The text of an artifact of format `csv` or `txt`. As `load_artifact_json`."""
        return await self.in_thread(self.sync.load_artifact_text, artifact_id)

    async def get_artifact(
        self,
        artifact_id: ArtifactId,
    ) -> ArtifactMetadata:
        """The metadata of an artifact. Raises `not_found`."""
        return await self.in_thread(self.sync.get_artifact, artifact_id)

    async def read_artifact(
        self,
        artifact_id: ArtifactId,
    ) -> bytes:
        """The bytes of an artifact of any format. Raises `not_found`, and `serialization_error` where they are not
        those of the metadata's checksum."""
        return await self.in_thread(self.sync.read_artifact, artifact_id)


class AsyncLogs(Hopping):
    """`LogStore` over `Logs`: its methods awaited, each made in a thread; `sync` is the plain one."""

    def __init__(self, sync: Logs, threads: Threads | None = None) -> None:
        super().__init__(threads)
        self.sync = sync

    async def append_log(
        self,
        entry: LogEntry,
    ) -> None:
        """Add a line to the log of its run, durable at return."""
        await self.in_thread(self.sync.append_log, entry)

    async def append_logs(
        self,
        entries: Sequence[LogEntry],
    ) -> None:
        """Add lines, all of one run, in their order; none is nothing. Raises `validation_error`."""
        await self.in_thread(self.sync.append_logs, entries)

    async def get_log_reference(
        self,
        run_id: RunId,
    ) -> LogFileReference | None:
        """Where the log of a run is, and how many lines it has; `None` where there is none.

        It was created and updated when its first and last lines say.
        """
        return await self.in_thread(self.sync.get_log_reference, run_id)

    async def load_logs(
        self,
        run_id: RunId,
    ) -> list[LogEntry]:
        """The lines of a run's log, in their order; none where there is none."""
        return await self.in_thread(self.sync.load_logs, run_id)

    async def list_logs(self) -> list[LogFileReference]:
        """All logs, the one that was written to last first."""
        return await self.in_thread(self.sync.list_logs)

    async def remove_log(
        self,
        run_id: RunId,
    ) -> bool:
        """Take a log away, for good; `False` where there is none."""
        return await self.in_thread(self.sync.remove_log, run_id)

    async def prune_logs(
        self,
        *,
        older_than: str | None = None,
        keep: int | None = None,
    ) -> list[LogFileReference]:
        """Take logs away that nobody has written to since a time (a timestamp), and all but the newest `keep`; answers
        what is gone. Without either nothing goes. A log that is written to meanwhile stays. Raises `validation_error`
        for what is no timestamp, or no number from 0 on."""
        return await self.in_thread(
            self.sync.prune_logs,
            older_than=older_than,
            keep=keep,
        )
