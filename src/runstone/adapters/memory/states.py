"""Port `states` in memory: what each answer must agree with. It lasts as long as the object."""

from __future__ import annotations

import _thread
from contextlib import suppress

from runstone.errors import RunstoneError, error
from runstone.ports.states import MAX_LOOSE, BaseGone, Found, Place, Record, Step, Use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from runstone.ports.states import Carry, NewRecord, Rewrite, Write


class _Space:
    """One place: its steps, what each is made of, its records and writes."""

    def __init__(self) -> None:
        self.steps: dict[str, tuple[Step, list[int]]] = {}
        self.records: dict[int, Record] = {}
        self.writes: dict[str, dict[tuple[str, int], Write]] = {}
        self.replaced = 0

    def found(self, step: str) -> Found:
        told, numbers = self.steps[step]
        records = [self.records[number] for number in numbers]
        return Found(told, tuple(Use(record.channel, record.version, record.number) for record in records))

    def chain(self, number: int) -> list[Record]:
        chain = []
        record = self.records.get(number)
        while record is not None:
            chain.append(record)
            record = None if record.base is None else self.records[record.base]
        return chain[::-1]


class MemoryStates:
    """Everything in dicts, under one lock."""

    def __init__(self) -> None:
        self._spaces: dict[Place, _Space] = {}
        self._mark: str | None = None
        self._last = 0
        self._lock = _thread.allocate_lock()

    def mark(self, text: str | None) -> str | None:
        with self._lock:
            if self._mark is None:
                self._mark = text
            return self._mark

    def put(
        self, step: Step, records: Sequence[NewRecord], kept: Sequence[int], rewrite: Rewrite | None = None
    ) -> list[int]:
        with self._lock:
            there = self._spaces.get(step.place) or _Space()
            needed = {*kept, *(record.base for record in records if record.base is not None)}
            if not needed <= there.records.keys():
                raise BaseGone
            numbers = []
            for record in records:
                self._last += 1
                there.records[self._last] = Record(self._last, *record)
                numbers.append(self._last)
            there.replaced += len(there.steps.get(step.step, (step, []))[1])
            there.steps[step.step] = (step, [*numbers, *kept])
            if rewrite is not None and there.replaced > MAX_LOOSE:
                with suppress(RunstoneError):
                    there, _ = _without(step.place, there, (), rewrite)
            self._spaces[step.place] = there
            return numbers

    def get(self, place: Place, step: str | None) -> Found | None:
        with self._lock:
            there = self._spaces.get(place)
            if there is None or not there.steps:
                return None
            name = max(there.steps, key=_bytes) if step is None else step
            return there.found(name) if name in there.steps else None

    def steps(self, place: Place, before: str | None, limit: int) -> list[Found]:
        with self._lock:
            there = self._spaces.get(place) or _Space()
            names = sorted(there.steps, key=_bytes, reverse=True)
            chosen = [name for name in names if before is None or _bytes(name) < _bytes(before)]
            return [there.found(name) for name in chosen[:limit]]

    def places(self, thread: str | None, after: Place | None, limit: int) -> list[Place]:
        with self._lock:
            known = [place for place, there in self._spaces.items() if there.steps]
        chosen = sorted((place for place in known if thread in (None, place.thread)), key=_place_bytes)
        return [place for place in chosen if after is None or _place_bytes(place) > _place_bytes(after)][:limit]

    def chain(self, place: Place, number: int) -> list[Record]:
        with self._lock:
            there = self._spaces.get(place)
            return there.chain(number) if there is not None else []

    def add_writes(self, place: Place, step: str, writes: Sequence[Write]) -> None:
        with self._lock:
            there = self._spaces.setdefault(place, _Space()).writes.setdefault(step, {})
            for write in writes:
                key = (write.task, write.at)
                if write.at < 0 or key not in there:
                    there[key] = write

    def writes(self, place: Place, step: str) -> list[Write]:
        with self._lock:
            there = self._spaces.get(place)
            found = list(there.writes.get(step, {}).values()) if there is not None else []
        return sorted(found, key=lambda write: (_bytes(write.path), _bytes(write.task), write.at))

    def steps_of(self, runs: Collection[str]) -> list[tuple[Place, str]]:
        wanted = set(runs)
        with self._lock:
            found = [
                (place, name)
                for place, there in self._spaces.items()
                for name, (step, _) in there.steps.items()
                if wanted.intersection(step.runs)
            ]
        return sorted(found, key=lambda one: (*_place_bytes(one[0]), _bytes(one[1])))

    def remove(self, gone: Mapping[Place, Collection[str]], rewrite: Rewrite) -> int:
        with self._lock:
            count = 0
            new: dict[Place, _Space] = {}
            for place, names in gone.items():
                there = self._spaces.get(place)
                if there is None:
                    continue
                new[place], went = _without(place, there, names, rewrite)
                count += went
            for place, left in new.items():
                if left.steps or left.writes:
                    self._spaces[place] = left
                else:
                    del self._spaces[place]
            return count

    def remove_thread(self, thread: str) -> int:
        with self._lock:
            places = [place for place in self._spaces if place.thread == thread]
            return sum(len(self._spaces.pop(place).steps) for place in places)

    def copy(self, source: str, target: str, carry: Carry) -> int:
        with self._lock:
            if any(place.thread == target for place in self._spaces):
                raise error("state_exists", f"thread {target!r} has states already", thread=target)
            copies = {}
            for place, there in self._spaces.items():
                if place.thread == source:
                    copies[Place(target, place.namespace)] = self._copied(place, there, target, carry)
            self._spaces |= copies
            return sum(len(there.steps) for there in copies.values())

    def close(self) -> None:
        pass

    def _copied(self, place: Place, there: _Space, target: str, carry: Carry) -> _Space:
        copy, numbers = _Space(), {}
        for record in (there.records[number] for number in sorted(there.records)):
            self._last += 1
            numbers[record.number] = self._last
            base = None if record.base is None else numbers[record.base]
            data = carry(place, "", record)
            copy.records[self._last] = Record(self._last, record.channel, record.version, base, data)
        for name, (step, uses) in there.steps.items():
            moved = step._replace(place=Place(target, place.namespace), metadata=carry(place, name, step))
            copy.steps[name] = (moved, [numbers[number] for number in uses])
        for name, writes in there.writes.items():
            copy.writes[name] = {key: write._replace(data=carry(place, name, write)) for key, write in writes.items()}
        return copy


def _without(place: Place, there: _Space, names: Iterable[str], rewrite: Rewrite) -> tuple[_Space, int]:
    """A place without some of its steps, and how many went."""
    lost = set(names)
    left = _Space()
    left.steps = {name: told for name, told in there.steps.items() if name not in lost}
    left.writes = {name: writes for name, writes in there.writes.items() if name not in lost}
    used = {number for _, numbers in left.steps.values() for number in numbers}
    for number in sorted(used):
        record = there.records[number]
        if record.base is not None and record.base not in used:
            chain = there.chain(number)
            stays = [one.number for one in chain[:-1] if one.number in used]
            base, data = rewrite(place, chain, stays[-1] if stays else None)
            record = record._replace(base=base, data=data)
        left.records[number] = record
    return left, len(there.steps) - len(left.steps)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _place_bytes(place: Place) -> tuple[bytes, bytes]:
    return _bytes(place.thread), _bytes(place.namespace)
