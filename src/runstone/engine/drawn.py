"""What a program takes from outside of itself and asks its run for: the time, ids, and the seeds of random numbers.

- Each is recorded before it is given, and a replay gives it back: times and ids in their order, seeds by their names.
- Nothing in the process is patched. What code takes from the clock or from the kernel on its own is not known here, and
  shows in a replay as a divergence.
- A seed is drawn once a name. Where the setting `RUNSTONE_SEED` says one, every seed and id is made of that and the
  name: the same in every run.
"""

from __future__ import annotations

import _thread
from itertools import count
from typing import TYPE_CHECKING

from runstone.core.digests import new_hash
from runstone.core.times import parse_time, time_text
from runstone.engine.facts import text_of
from runstone.errors import error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from random import Random
    from typing import Any, Final
    from uuid import UUID

    from runstone.engine.recorder import Run

NOW: Final = "now"
UUID_EVENT: Final = "uuid"
SEED: Final = "seed"
SEED_SETTING: Final = "RUNSTONE_SEED"
SEED_BYTES: Final = 4
"""Of a seed: what NumPy takes as well."""


class Drawn:
    """What was drawn in one run. Safe to share between threads."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lock = _thread.RLock()
        self._seeds: dict[str, int] = {}
        self._randoms: dict[str, Random] = {}
        self._uuids = count(1)

    def now(self) -> datetime:
        """The time, UTC, in microseconds."""
        run = self._run
        text = time_text(run.store.clock.time_ns()) if run.replay is None else run.replay.drawn(NOW, "")
        run.writer.record(NOW, {"time": text})
        return moment(parse_time(text))

    def uuid(self) -> UUID:
        """A new id of version 4."""
        from uuid import UUID

        run = self._run
        with self._lock:
            number = next(self._uuids)
        if run.replay is not None:
            made = UUID(run.replay.drawn(UUID_EVENT, ""))
        else:
            made = UUID(bytes=drawn_bytes(run, f"{UUID_EVENT} {number}", 16), version=4)
        run.writer.record(UUID_EVENT, {"uuid": str(made)})
        return made

    def seed(self, name: str) -> int:
        """The seed of a name, 0 to 2^32 - 1."""
        with self._lock:
            known = self._seeds.get(name)
            if known is not None:
                return known
            run = self._run
            if run.replay is not None:
                made: int = run.replay.drawn(SEED, name)
            else:
                made = int.from_bytes(drawn_bytes(run, f"{SEED} {name}", SEED_BYTES), "big")
            self._seeds[name] = made
        run.writer.record(SEED, {"name": name, "seed": made})
        return made

    def seeded(self, name: str, seed: int) -> bool:
        """A replay says that a tool which it does not call drew the seed of a name; whether nobody had drawn it."""
        with self._lock:
            first = name not in self._seeds
            self._seeds.setdefault(name, seed)
        return first

    def random(self, name: str) -> Random:
        """The generator of a name, the same one each time."""
        from random import Random

        seed = self.seed(name)
        with self._lock:
            if name not in self._randoms:
                self._randoms[name] = Random(seed)  # noqa: S311  # for samples, not for secrets
            return self._randoms[name]


def drawn_bytes(run: Run, what: str, size: int) -> bytes:
    """Bytes for one use: of the seed that is set, or of the kernel."""
    chosen = run.store.host.setting(SEED_SETTING)
    return run.store.entropy.random_bytes(size) if chosen is None else derived(chosen, what, size)


def derived(chosen: str, what: str, size: int) -> bytes:
    """Bytes that a seed and what they are for always give, 32 at most."""
    digest = new_hash()
    digest.update(f"{chosen}\0{what}".encode("utf-8", "surrogateescape"))
    return digest.digest()[:size]


def derived_seed(chosen: str, name: str) -> int:
    """The seed of a name that a seed that is set gives."""
    return int.from_bytes(derived(chosen, f"{SEED} {name}", SEED_BYTES), "big")


def moment(ns: int) -> datetime:
    """A time of nanoseconds since 1970, cut to microseconds, as Python has it: aware, UTC."""
    from datetime import UTC, datetime, timedelta

    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)


def name_of(name: Any) -> str:
    """The name of a seed, as it is recorded."""
    return name if type(name) is str else text_of(name)


def seed_all(seed: int, modules: Iterable[Any]) -> None:
    """Seed what a program hands in, in this process: `random`, `numpy`, `torch`, a `random.Random`, or whatever has a
    method `seed` or `manual_seed`. Raises `invalid_option` for what has neither, and seeds nothing then."""
    for seeds in [_seeding(module) for module in modules]:
        seeds(seed)


def _seeding(module: Any) -> Callable[[int], object]:
    for owner, name in ((module, "manual_seed"), (module, "seed"), (getattr(module, "random", None), "seed")):
        method = getattr(owner, name, None)
        if callable(method):
            found: Callable[[int], object] = method
            return found
    what = getattr(module, "__name__", type(module).__name__)
    raise error("invalid_option", f"{text_of(what)} has neither seed() nor manual_seed()", option="seed")
