"""States of channels through the port `states`: as deltas, encrypted, read with bounded memory.

- A channel is stored beside what the parent step has of it; where somebody has deleted that in the meantime, whole.
- The blobs that were put or read last are held, up to so many bytes, so that the next put need not read. Nothing that
  is held is trusted to be in the store: the port says when it is not.
- What is stored is bound to its place by encryption, where there is any, and to its base by the record.
"""

from __future__ import annotations

import _thread
import os
import sys
from collections import OrderedDict
from weakref import WeakSet

from runstone.core.state.packing import best_packer
from runstone.core.state.record import beside, due, read_record, tag_of, whole
from runstone.engine.state_cipher import check_mark
from runstone.errors import error
from runstone.ports.states import BaseGone, NewRecord, Place, Record, Step, Use, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from typing import Final

    from runstone.engine.state_cipher import Cipher, Plain
    from runstone.ports.states import Found, States

CACHE_BYTES: Final = 64 << 20
MAX_KNOWN_STEPS: Final = 4096
MAX_NAME_BYTES: Final = 4096
MAX_TRIES: Final = 4
PAGE: Final = 500
"""At most so many steps, or places, are asked for at once."""


class _Held:
    """A blob, and the chain that its record ends: how many deltas, of how many bytes, behind how large a keyframe."""

    __slots__ = ("blob", "depth", "keyframe", "tag", "weight")

    def __init__(self, blob: bytes, tag: bytes, depth: int, weight: int, keyframe: int) -> None:
        self.blob = blob
        self.tag = tag
        self.depth = depth
        self.weight = weight
        self.keyframe = keyframe


class StateRecords:
    """What engines put into a store of states, and read. Safe to share between threads; a fork has its own.

    Methods raise what port `states` does, `invalid_state_key` where the store stands under another key or none, and
    those that read bytes `state_damaged`, `unsupported_format`, `missing_extra`.
    """

    def __init__(self, states: States, cipher: Cipher | Plain, cache_bytes: int = CACHE_BYTES) -> None:
        self.states = states
        self._cipher = cipher
        self._most = cache_bytes
        self._held: OrderedDict[int, _Held] = OrderedDict()
        self._bytes = 0
        self._known: OrderedDict[tuple[Place, str], tuple[Use, ...]] = OrderedDict()
        self._packer = best_packer()
        self._agreed = False
        self.renew()
        _alive.add(self)

    def renew(self) -> None:
        """Locks of its own, after a fork."""
        self._lock = _thread.RLock()
        self._packing = _thread.allocate_lock()

    # steps

    def put(
        self,
        place: Place,
        step: str,
        *,
        parent: str | None,
        runs: Sequence[str],
        metadata: bytes,
        channels: Mapping[str, str],
        changed: Collection[str],
        blob_of: Callable[[str], bytes | None],
    ) -> None:
        """Store a step that has these channels, each in a version. What is not changed is kept as the parent has it.

        `blob_of` gives the bytes of a channel that must be stored, `None` where it has none and is left out. Raises
        `too_large`, `invalid_option`, `invalid_state_key`, `store_unavailable`, `unsupported_format`, `state_damaged`.
        """
        for name in (*place, step, *(() if parent is None else (parent,)), *runs):
            check_name(name)
        self._agree(write=True)
        sealed = self._cipher.sealed(metadata, ("metadata", *place, step))
        told = Step(place, step, parent, tuple(runs), sealed)
        for attempt in range(MAX_TRIES):
            uses = self._uses_of(place, parent) if parent is not None else ()
            try:
                self._try_put(told, {use.channel: use for use in uses}, channels, changed, blob_of, alone=attempt > 1)
            except BaseGone:
                self._forget(place)
                continue
            return
        raise error("store_unavailable", "what this state rests on is deleted over and over while it is stored")

    def _try_put(
        self,
        step: Step,
        parent: Mapping[str, Use],
        channels: Mapping[str, str],
        changed: Collection[str],
        blob_of: Callable[[str], bytes | None],
        *,
        alone: bool,
    ) -> None:
        new: list[tuple[NewRecord, _Held]] = []
        kept: list[Use] = []
        for channel, version in channels.items():
            before = parent.get(channel)
            if channel not in changed and before is not None and before.version == version and not alone:
                kept.append(before)
                continue
            blob = blob_of(channel)
            if blob is not None:
                new.append(self._made(step.place, channel, version, blob, None if alone else before))
        numbers = self.states.put(step, [record for record, _ in new], [use.number for use in kept], self._rewritten)
        for number, (record, held) in zip(numbers, new, strict=True):
            self._hold(number, held, instead_of=record.base)
        uses = [Use(record.channel, record.version, number) for number, (record, _) in zip(numbers, new, strict=True)]
        self._know(step.place, step.step, (*uses, *kept))

    def _made(
        self, place: Place, channel: str, version: str, blob: bytes, before: Use | None
    ) -> tuple[NewRecord, _Held]:
        """The record of a blob, beside what the parent has of its channel where that is worth it."""
        base = None if before is None else self._find(place, before.number)
        data, number = None, None
        with self._packing:
            if base is not None and before is not None and not due(base.depth, base.weight, base.keyframe):
                data, number = beside(blob, base.blob, base.tag, self._packer), before.number
            if data is None or base is None:
                data, number = whole(blob, self._packer), None
                held = _Held(blob, tag_of(data), 0, 0, len(data))
            else:
                held = _Held(blob, tag_of(data), base.depth + 1, base.weight + len(data), base.keyframe)
        sealed = self._cipher.sealed(data, ("blob", *place, channel, version))
        return NewRecord(channel, version, number, sealed), held

    def get(self, place: Place, step: str | None) -> Found | None:
        """A step, or the last one, its metadata open."""
        self._agree()
        found = self.states.get(place, step)
        return None if found is None else self._opened(found)

    def steps(self, place: Place, before: str | None, limit: int) -> list[Found]:
        """Steps before one, the last ones first, their metadata open."""
        self._agree()
        return [self._opened(found) for found in self.states.steps(place, before, limit)]

    def all_steps(self, place: Place, before: str | None = None, limit: int | None = None) -> Iterator[Found]:
        """At most `limit` steps (`None`: all) before one, or of all, the last ones first: a page at a time."""
        left = sys.maxsize if limit is None else limit
        while left > 0 and (found := self.steps(place, before, min(PAGE, left))):
            yield from found
            before, left = found[-1].step.step, left - len(found)

    def all_places(
        self, thread: str | None = None, after: Place | None = None, limit: int | None = None
    ) -> Iterator[Place]:
        """At most `limit` places (`None`: all) that hold steps, of a thread or of all, in order: a page at a time."""
        left = sys.maxsize if limit is None else limit
        while left > 0 and (found := self.states.places(thread, after, min(PAGE, left))):
            yield from found
            after, left = found[-1], left - len(found)

    def blob(self, place: Place, use: Use) -> bytes:
        """What a channel of a step holds. Raises `state_not_found` where it was deleted meanwhile, `state_damaged`."""
        held = self._find(place, use.number)
        if held is None:
            message = f"the state of thread {place.thread!r} was deleted while it was read"
            raise error("state_not_found", message, thread=place.thread, namespace=place.namespace)
        return held.blob

    # writes

    def add_writes(self, place: Place, step: str, writes: Sequence[Write]) -> None:
        """Store what a task has written behind a step; `data` of each is its bytes."""
        for name in (*place, step):
            check_name(name)
        self._agree(write=True)
        with self._packing:
            packed = [write._replace(data=whole(write.data, self._packer)) for write in writes]
        sealed = [write._replace(data=self._cipher.sealed(write.data, _names(place, step, write))) for write in packed]
        self.states.add_writes(place, step, sealed)

    def writes(self, place: Place, step: str) -> list[Write]:
        """Writes behind a step, by path, task and place."""
        return [
            write._replace(data=read_record(self._cipher.opened(write.data, _names(place, step, write))).blob(None))
            for write in self.states.writes(place, step)
        ]

    # all of it

    def remove(self, gone: Mapping[Place, Collection[str]]) -> int:
        """Delete steps; how many went."""
        self._agree()
        self._forget()
        return self.states.remove(gone, self._rewritten)

    def remove_runs(self, runs: Collection[str]) -> int:
        """Delete the steps that any of these runs made, in every thread; how many went."""
        gone: dict[Place, list[str]] = {}
        for place, step in self.states.steps_of(runs):
            gone.setdefault(place, []).append(step)
        return self.remove(gone)

    def remove_thread(self, thread: str) -> int:
        """Delete a thread; how many steps went."""
        self._agree()
        self._forget()
        return self.states.remove_thread(thread)

    def copy(self, source: str, target: str) -> int:
        """Copy a thread; how many steps. Raises `state_exists`."""
        check_name(target)
        self._agree(write=True)
        return self.states.copy(source, target, lambda place, step, item: self._carried(place, step, item, target))

    def _rewritten(self, place: Place, chain: Sequence[Record], stays: int | None) -> tuple[int | None, bytes]:
        blobs, record = self._chain_of(place, chain, stays), chain[-1]
        last, data = blobs[record.number], None
        with self._packing:
            if stays is not None:
                data = beside(last.blob, blobs[stays].blob, blobs[stays].tag, self._packer, last.tag)
            if data is None:
                stays, data = None, whole(last.blob, self._packer, last.tag)
        return stays, self._cipher.sealed(data, ("blob", *place, record.channel, record.version))

    def _carried(self, place: Place, step: str, item: Record | Write | Step, target: str) -> bytes:
        to = Place(target, place.namespace)
        if isinstance(item, Step):
            data = self._cipher.opened(item.metadata, ("metadata", *place, step))
            return self._cipher.sealed(data, ("metadata", *to, step))
        if isinstance(item, Write):
            return self._cipher.sealed(
                self._cipher.opened(item.data, _names(place, step, item)), _names(to, step, item)
            )
        names = (item.channel, item.version)
        return self._cipher.sealed(self._cipher.opened(item.data, ("blob", *place, *names)), ("blob", *to, *names))

    # what is held

    def _find(self, place: Place, number: int) -> _Held | None:
        """A blob that is held, or else read with its chain; `None` where it is gone."""
        with self._lock:
            held = self._held.get(number)
            if held is not None:
                self._held.move_to_end(number)
                return held
        chain = self.states.chain(place, number)
        if not chain:
            return None
        blobs = self._chain_of(place, chain)
        for found, one in blobs.items():
            self._hold(found, one)
        return blobs[number]

    def _chain_of(self, place: Place, chain: Sequence[Record], wanted: int | None = None) -> dict[int, _Held]:
        """The blobs of a chain by the numbers of their records: the last one, the one that is wanted, and those before
        the last that there is room for. Raises `state_damaged`."""
        found: dict[int, _Held] = {}
        held, room = None, self._most // 4
        for record in chain:
            held = self._next(place, record, held)
            found[record.number] = held
            room -= len(held.blob)
            while room < 0 and len(found) > 2:
                number = next(number for number in found if number != wanted)
                room += len(found.pop(number).blob)
        return found

    def _next(self, place: Place, record: Record, base: _Held | None) -> _Held:
        data = self._cipher.opened(record.data, ("blob", *place, record.channel, record.version))
        read = read_record(data)
        if read.is_whole:
            return _Held(read.blob(None), read.tag, 0, 0, len(data))
        if base is None or base.tag != read.base_tag:
            message = "a stored state rests on another one than it was made of"
            raise error("state_damaged", message, thread=place.thread, namespace=place.namespace, record=record.number)
        return _Held(read.blob(base.blob), read.tag, base.depth + 1, base.weight + len(data), base.keyframe)

    def _hold(self, number: int, held: _Held, instead_of: int | None = None) -> None:
        """Hold a blob; in place of its base, which none but a fork needs again."""
        with self._lock:
            base = None if instead_of is None else self._held.pop(instead_of, None)
            self._bytes -= 0 if base is None else len(base.blob)
            if len(held.blob) > self._most:
                return
            before = self._held.pop(number, None)
            self._bytes += len(held.blob) - (0 if before is None else len(before.blob))
            self._held[number] = held
            while self._bytes > self._most:
                _, oldest = self._held.popitem(last=False)
                self._bytes -= len(oldest.blob)

    def _know(self, place: Place, step: str, uses: tuple[Use, ...]) -> None:
        with self._lock:
            self._known[place, step] = uses
            self._known.move_to_end((place, step))
            while len(self._known) > MAX_KNOWN_STEPS:
                self._known.popitem(last=False)

    def _uses_of(self, place: Place, step: str) -> tuple[Use, ...]:
        with self._lock:
            known = self._known.get((place, step))
        if known is None:
            found = self.states.get(place, step)
            known = () if found is None else found.uses
        return known

    def _forget(self, place: Place | None = None) -> None:
        """Hold nothing any more, of a place or at all: somebody deletes."""
        with self._lock:
            for known in [key for key in self._known if place in (None, key[0])]:
                del self._known[known]
            self._held.clear()
            self._bytes = 0

    def _opened(self, found: Found) -> Found:
        step = found.step
        metadata = self._cipher.opened(step.metadata, ("metadata", *step.place, step.step))
        return found._replace(step=step._replace(metadata=metadata))

    def _agree(self, *, write: bool = False) -> None:
        """Make sure that the store is under this key, or none. Raises `invalid_state_key`."""
        if not self._agreed:
            stands = self.states.mark(self._cipher.mark if write else None)
            check_mark(stands, self._cipher.mark)
            self._agreed = stands is not None


def check_name(name: object) -> None:
    """A name of a thread, namespace, step or run: text of at most 4,096 bytes. Raises `invalid_option`."""
    try:
        fits = isinstance(name, str) and len(name.encode()) <= MAX_NAME_BYTES
    except UnicodeEncodeError:
        fits = False
    if not fits:
        message = f"names of threads, namespaces, steps and runs are text of at most {MAX_NAME_BYTES} bytes"
        found = f"{len(name)} characters" if isinstance(name, str) else type(name).__name__
        raise error("invalid_option", f"{message}; found {found}", option="name")


def _names(place: Place, step: str, write: Write) -> tuple[str, ...]:
    return ("write", *place, step, write.task, str(write.at), write.channel)


_alive: Final[WeakSet[StateRecords]] = WeakSet()


def _renew() -> None:
    for records in list(_alive):
        records.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
