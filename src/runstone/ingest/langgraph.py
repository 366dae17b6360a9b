"""A checkpoint saver of LangGraph over a store of states: `RunstoneSaver`, and `migrate`, which fills one from another.

- What LangGraph hands over is kept as its serialiser writes it, each channel by itself: one that did not change is
  stored once, one that did beside what the parent has of it.
- Every method has an asynchronous twin, which does the same in a thread.
- A step names the runs that made it: LangGraph's own (`run_id`), and Runstone's (`runstone_run_id` in the metadata or
  the configurable part of the config, else the current run). Either can be deleted by.
- Pruning keeps what delta channels are made again of.
"""

from __future__ import annotations

import asyncio
import builtins
import os
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any

from runstone.engine.current import current_run
from runstone.engine.states import StateStore, framed, unframed
from runstone.errors import error
from runstone.extras import Extra
from runstone.locate import open_state_records
from runstone.ports.states import Place, Write

with Extra("langgraph"):
    from langgraph.checkpoint.base import (
        WRITES_IDX_MAP,
        BaseCheckpointSaver,
        CheckpointTuple,
        get_checkpoint_id,
        get_checkpoint_metadata,
    )

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from typing import Final, Self

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import (
        ChannelVersions,
        Checkpoint,
        CheckpointMetadata,
        DeltaChannelHistory,
        PendingWrite,
    )
    from langgraph.checkpoint.serde.base import SerializerProtocol

    from runstone.engine.state_records import StateRecords
    from runstone.ports.states import Found

BODY: Final = ""
"""The channel of what a checkpoint says of itself: all of it but the values of its channels."""
RUN: Final = "runstone_run_id"
THEIR_RUN: Final = "run_id"
DELTA_COUNTERS: Final = "counters_since_delta_snapshot"
KEEP_LATEST, DELETE = "keep_latest", "delete"


class RunstoneSaver(BaseCheckpointSaver[str]):
    """Checkpoints of LangGraph in a store of states. Made by `open`; a context manager, plain and asynchronous.

    Safe to share between threads and event loops. Methods raise `store_unavailable`, `state_damaged`, `too_large`,
    `unsupported_format`, `invalid_state_key`, `missing_extra`, and `invalid_option` where a config names no thread.
    """

    def __init__(self, records: StateRecords, *, serde: SerializerProtocol | None = None) -> None:
        super().__init__(serde=serde)
        self.records = records

    @classmethod
    def open(
        cls, url: str | os.PathLike[str] | StateStore | None = None, *, serde: SerializerProtocol | None = None
    ) -> Self:
        """The saver of the store of states at a path or URL (without one `RUNSTONE_STATES`, else `./states.db`), or of
        one that is open. Raises `unsupported_store`, `invalid_state_key`, `missing_extra`."""
        if isinstance(url, StateStore):
            return cls(url.records, serde=serde)
        return cls(open_state_records(None if url is None else os.fspath(url)), serde=serde)

    def close(self) -> None:
        """Give back what the store holds; what is asked of it later opens it again."""
        self.records.states.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.to_thread(self.close)

    def get_next_version(self, current: Any, channel: None) -> str:
        """A version behind `current`, which no other fork of the thread has."""
        del channel
        number = 0 if current is None else int(str(current).partition(".")[0])
        return f"{number + 1:032}.{os.urandom(8).hex()}"

    # put

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint; when this returns, it survives power loss."""
        place, parent = _place_of(config), get_checkpoint_id(config)
        body: dict[str, Any] = {**checkpoint}
        values = body.pop("channel_values", {})
        step = checkpoint["id"]
        told = _told_of(config, metadata)
        channels = {BODY: step, **{name: str(version) for name, version in checkpoint["channel_versions"].items()}}
        channels |= {name: step for name in values if name not in channels}

        def blob_of(channel: str) -> bytes | None:
            if channel == BODY:
                return self._framed(body)
            return self._framed(values[channel]) if channel in values else None

        self.records.put(
            place,
            step,
            parent=parent,
            runs=[str(told[name]) for name in (THEIR_RUN, RUN) if told.get(name)],
            metadata=self._framed(told),
            channels=channels,
            changed={BODY, *new_versions},
            blob_of=blob_of,
        )
        return _config_of(place, step)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task has written behind a checkpoint."""
        step = get_checkpoint_id(config)
        if step is None:
            raise error("invalid_option", "writes belong to a checkpoint, and the config names none", option="config")
        stored = [
            Write(task_id, WRITES_IDX_MAP.get(channel, number), task_path, channel, self._framed(value))
            for number, (channel, value) in enumerate(writes)
        ]
        self.records.add_writes(_place_of(config), step, stored)

    # get

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that a config names, or the last one of its thread and namespace."""
        found = self.records.get(_place_of(config), get_checkpoint_id(config))
        return None if found is None else self._tuple(found)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Checkpoints that fit, the last first; without a thread one place after the other."""
        last = get_checkpoint_id(before) if before else None
        named = get_checkpoint_id(config) if config else None
        found = (one for one in self._steps(config, last) if named is None or one.step.step == named)
        fitting = (one for one in found if not filter or _fits(self._loaded(one.step.metadata), filter))
        return map(self._tuple, islice(fitting, limit))

    def _steps(self, config: RunnableConfig | None, before: str | None) -> Iterator[Found]:
        asked = config["configurable"] if config else {}
        thread = str(asked["thread_id"]) if "thread_id" in asked else None
        if thread is not None and asked.get("checkpoint_ns") is not None:
            yield from self.records.all_steps(Place(thread, asked["checkpoint_ns"]), before)
        elif thread is not None:
            found = [self.records.all_steps(place, before) for place in self.records.all_places(thread)]
            yield from merge(*found, key=lambda one: one.step.step, reverse=True)
        else:
            for place in self.records.all_places():
                yield from self.records.all_steps(place, before)

    def _tuple(self, found: Found) -> CheckpointTuple:
        step = found.step
        uses = {use.channel: use for use in found.uses}
        if BODY not in uses:
            message = f"step {step.step!r} of thread {step.place.thread!r} was not put by a saver of LangGraph"
            raise error("state_not_found", message, thread=step.place.thread, step=step.step)
        body = self._loaded(self.records.blob(step.place, uses.pop(BODY)))
        values = {channel: self._loaded(self.records.blob(step.place, use)) for channel, use in uses.items()}
        body["channel_values"] = values
        return CheckpointTuple(
            config=_config_of(step.place, step.step),
            checkpoint=body,
            metadata=self._loaded(step.metadata),
            parent_config=None if step.parent is None else _config_of(step.place, step.parent),
            pending_writes=self._writes(step.place, step.step),
        )

    def _writes(self, place: Place, step: str) -> builtins.list[PendingWrite]:
        writes = self.records.writes(place, step)
        return [(write.task, write.channel, self._loaded(write.data)) for write in writes]

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """What the ancestors of a checkpoint have written to delta channels, the oldest first, and what that begins
        with. Other channels are not read."""
        place, left = _place_of(config), set(channels)
        writes: dict[str, builtins.list[PendingWrite]] = {channel: [] for channel in channels}
        history: dict[str, DeltaChannelHistory] = {channel: {"writes": writes[channel]} for channel in channels}
        target = self.records.get(place, get_checkpoint_id(config))
        parent = None if target is None else target.step.parent
        while left and parent is not None and (found := self.records.get(place, parent)) is not None:
            for write in reversed(self.records.writes(place, parent)):
                if write.channel in left:
                    writes[write.channel].append((write.task, write.channel, self._loaded(write.data)))
            for use in found.uses:
                if use.channel in left:
                    history[use.channel]["seed"] = self._loaded(self.records.blob(place, use))
                    left.discard(use.channel)
            parent = found.step.parent
        for rows in writes.values():
            rows.reverse()
        return history

    # what goes

    def delete_thread(self, thread_id: str) -> None:
        """Delete all of a thread."""
        self.records.remove_thread(str(thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints that runs made, by LangGraph's ids or Runstone's, with their writes.

        A delta channel whose history goes by that starts empty afterwards.
        """
        self.records.remove_runs([str(run) for run in run_ids])

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy all of a thread to one that has nothing yet. Raises `state_exists`."""
        self.records.copy(str(source_thread_id), str(target_thread_id))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = KEEP_LATEST) -> None:
        """Delete all but the last checkpoint of each namespace and what its delta channels need; by `delete`, all.

        Raises `invalid_option` for another strategy.
        """
        if strategy not in (KEEP_LATEST, DELETE):
            message = f"threads are pruned by {KEEP_LATEST!r} or {DELETE!r}; found {strategy!r}"
            raise error("invalid_option", message, option="strategy")
        for thread in map(str, thread_ids):
            if strategy == DELETE:
                self.records.remove_thread(thread)
                continue
            gone = {}
            for place in self.records.all_places(thread):
                steps = [found.step.step for found in self.records.all_steps(place)]
                kept = self._needed(place, steps[0]) if steps else set()
                gone[place] = [step for step in steps if step not in kept]
            self.records.remove(gone)

    def _needed(self, place: Place, step: str) -> set[str]:
        """A step, and the ancestors back to where each of its delta channels is stored whole."""
        found = self.records.get(place, step)
        if found is None:
            return {step}
        needed = {step}
        left = set(self._loaded(found.step.metadata).get(DELTA_COUNTERS) or ())
        left -= {use.channel for use in found.uses}
        while left and found is not None and found.step.parent is not None:
            needed.add(found.step.parent)
            found = self.records.get(place, found.step.parent)
            left -= {use.channel for use in found.uses} if found is not None else set()
        return needed

    # bytes

    def _framed(self, value: Any) -> bytes:
        kind, data = self.serde.dumps_typed(value)
        return framed(kind, data)

    def _loaded(self, blob: bytes) -> Any:
        try:
            return self.serde.loads_typed(unframed(blob))
        except (ValueError, NotImplementedError) as exc:
            message = f"a stored state is none that this serialiser reads: another key, or changed bytes: {exc}"
            raise error("state_damaged", message) from exc

    # the same, asynchronously

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """`put`, in a thread."""
        return await asyncio.to_thread(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """`put_writes`, in a thread."""
        await asyncio.to_thread(self.put_writes, config, writes, task_id, task_path)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """`get_tuple`, in a thread."""
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """`list`, a checkpoint at a time in a thread."""
        found = self.list(config, filter=filter, before=before, limit=limit)
        while (one := await asyncio.to_thread(next, found, None)) is not None:
            yield one

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """`get_delta_channel_history`, in a thread."""
        return await asyncio.to_thread(self.get_delta_channel_history, config=config, channels=channels)

    async def adelete_thread(self, thread_id: str) -> None:
        """`delete_thread`, in a thread."""
        await asyncio.to_thread(self.delete_thread, thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """`delete_for_runs`, in a thread."""
        await asyncio.to_thread(self.delete_for_runs, run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """`copy_thread`, in a thread."""
        await asyncio.to_thread(self.copy_thread, source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = KEEP_LATEST) -> None:
        """`prune`, in a thread."""
        await asyncio.to_thread(self.prune, thread_ids, strategy=strategy)


def migrate(
    source: BaseCheckpointSaver[Any], target: RunstoneSaver, *, progress: Callable[[int], None] | None = None
) -> int:
    """Copy every checkpoint of another saver, with its writes, parents and metadata; how many.

    Each namespace of a thread goes from the first checkpoint to the last, so that each is stored beside its parent.
    What is there already is put again: a migration that was broken off can be begun anew. `progress` is called with how
    many are copied. Raises what the two savers raise.
    """
    known: dict[Place, builtins.list[str]] = {}
    for listed in source.list(None):
        known.setdefault(_place_of(listed.config), []).append(listed.config["configurable"]["checkpoint_id"])
    count = 0
    for place, steps in sorted(known.items()):
        versions: dict[str, ChannelVersions] = {}
        for step in sorted(steps):
            one = source.get_tuple(_config_of(place, step))
            if one is None:
                continue  # deleted meanwhile
            parent = None if one.parent_config is None else get_checkpoint_id(one.parent_config)
            now = one.checkpoint["channel_versions"]
            before = versions.get(parent or "", {})
            new = {channel: version for channel, version in now.items() if before.get(channel) != version}
            target.put(_config_of(place, parent), one.checkpoint, one.metadata, new)
            versions[step] = now
            for number, (task, writes) in enumerate(_by_task(one.pending_writes or ()).items()):
                target.put_writes(one.config, writes, task, f"{number:010}")
            count += 1
            if progress is not None:
                progress(count)
    return count


def _by_task(writes: Sequence[PendingWrite]) -> dict[str, builtins.list[tuple[str, Any]]]:
    """Writes by task, in the order in which the other saver gives them: its path of each task is not told."""
    found: dict[str, builtins.list[tuple[str, Any]]] = {}
    for task, channel, value in writes:
        found.setdefault(task, []).append((channel, value))
    return found


def _place_of(config: RunnableConfig) -> Place:
    asked = config.get("configurable", {})
    if asked.get("thread_id") is None:
        message = "a checkpoint belongs to a thread: give config['configurable']['thread_id']"
        raise error("invalid_option", message, option="thread_id")
    return Place(str(asked["thread_id"]), asked.get("checkpoint_ns") or "")


def _config_of(place: Place, step: str | None) -> RunnableConfig:
    named = {"thread_id": place.thread, "checkpoint_ns": place.namespace}
    return {"configurable": named if step is None else {**named, "checkpoint_id": step}}


def _told_of(config: RunnableConfig, metadata: CheckpointMetadata) -> dict[str, Any]:
    told: dict[str, Any] = {**get_checkpoint_metadata(config, metadata)}
    run = current_run()
    if RUN not in told and run is not None:
        told[RUN] = run.run_id
    return told


def _fits(metadata: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    return all(metadata.get(name) == value for name, value in asked.items())
