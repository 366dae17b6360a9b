"""Clock, entropy and host that answer the same every time: the same calls record the same bytes.

- Nothing here asks the machine. What a run records of its surroundings is what the test says.
- `FixedClock` stands still until it is told to move, so times do not depend on how often it is read.
- Hand them to `runstone.engine.store.Store` in place of the system's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstone.core.digests import new_hash
from runstone.core.times import SECOND_NS, parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final

START: Final = "2026-01-02T03:04:05.000000Z"
"""Where a `FixedClock` stands if nothing else is said."""

PLATFORM: Final = {
    "system": "Linux",
    "release": "6.1.0",
    "machine": "x86_64",
    "python": "3.11.7",
    "implementation": "cpython",
}
"""The machine that a `FixedHost` describes if nothing else is said."""


class FixedClock:
    """Port `clock`: both readings stand still until `advance` or `set_back` is called.

    `start` is a UTC time in the form of the format (`2026-01-02T03:04:05.000000Z`); raises `invalid_event` for others.
    """

    def __init__(self, start: str = START) -> None:
        self._wall_ns = parse_time(start)
        self._monotonic_ns = 0

    def time_ns(self) -> int:
        """Wall clock: nanoseconds since 1970-01-01 UTC."""
        return self._wall_ns

    def monotonic_ns(self) -> int:
        """Nanoseconds that `advance` has let pass."""
        return self._monotonic_ns

    def advance(self, seconds: float) -> None:
        """Let time pass, on both readings; `seconds` is not negative."""
        if seconds < 0:
            raise ValueError("time that passes is not negative; `set_back` turns the wall clock back")
        passed_ns = round(seconds * SECOND_NS)
        self._wall_ns += passed_ns
        self._monotonic_ns += passed_ns

    def set_back(self, seconds: float) -> None:
        """Turn the wall clock back, as an administrator or a time server does; the other reading does not move."""
        self._wall_ns -= round(seconds * SECOND_NS)


class FixedEntropy:
    """Port `entropy`: a stream of bytes that depends on `seed` alone (SHA-256 of the seed and a counter).

    Unlike the real port, two of the same seed give the same bytes: never use it where ids or salts must be unique.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._calls = 0

    def random_bytes(self, count: int) -> bytes:
        """The next `count` bytes of the stream."""
        self._calls += 1
        blocks = range((count + 31) // 32)
        return b"".join(new_hash(b"%d:%d:%d" % (self._seed, self._calls, block)).digest() for block in blocks)[:count]


class FixedMeters:
    """Port `meters`: readings that were given, the last one again and again."""

    def __init__(
        self, readings: Sequence[Mapping[str, float]] = ({},), gpus: Mapping[str, float] | None = None
    ) -> None:
        self._readings = [dict(reading) for reading in readings]
        self._gpus = dict(gpus or {})
        self.closed = False

    def read(self) -> dict[str, float]:
        """The next reading."""
        return self._readings.pop(0) if len(self._readings) > 1 else dict(self._readings[0])

    def read_gpus(self) -> dict[str, float]:
        """What was given."""
        return dict(self._gpus)

    def close(self) -> None:
        """Told by `closed`."""
        self.closed = True


class FixedHost:
    """Port `host`: the facts that it was made with.

    `settings` are the environment variables that the process has, `secrets` those values (with their rule) that the
    redactor looks for.
    """

    def __init__(
        self,
        *,
        argv: Sequence[str] = ("python", "job.py"),
        cwd: str | None = "/srv/job",
        entry: str | None = "job.py",
        platform: Mapping[str, Any] | None = None,
        git: Mapping[str, Any] | None = None,
        user: str = "somebody",
        settings: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        settings_file: tuple[bytes, str] | None = None,
        meters: FixedMeters | None = None,
    ) -> None:
        self._meters = meters
        self._argv = list(argv)
        self._cwd = cwd
        self._entry = entry
        self._platform = dict(PLATFORM if platform is None else platform)
        self._git = None if git is None else dict(git)
        self._user = user
        self._settings = dict(settings or {})
        self._secrets = dict(secrets or {})
        self._settings_file = settings_file
        self._cached: dict[str, bytes] = {}

    def meters(self) -> FixedMeters:
        """Those that were given, else some that read nothing."""
        return self._meters or FixedMeters()

    def cached(self, name: str) -> bytes | None:
        """What was kept under the name since this host was made."""
        return self._cached.get(name)

    def cache(self, name: str, data: bytes) -> None:
        """Keep bytes as long as this host."""
        self._cached[name] = data

    def settings_file(self) -> tuple[bytes, str] | None:
        """What was given."""
        return self._settings_file

    def argv(self) -> list[str]:
        """The command line of the process."""
        return list(self._argv)

    def cwd(self) -> str | None:
        """The working directory."""
        return self._cwd

    def entry(self) -> str | None:
        """What was started."""
        return self._entry

    def platform(self) -> dict[str, Any]:
        """Operating system, machine and Python."""
        return dict(self._platform)

    def git(self) -> dict[str, Any] | None:
        """`sha` and `ref`, or `None`."""
        return None if self._git is None else dict(self._git)

    def user(self) -> str:
        """The user's name."""
        return self._user

    def setting(self, name: str) -> str | None:
        """An environment variable; an empty one is `None`."""
        return self._settings.get(name) or None

    def secrets(self) -> dict[str, str]:
        """Secret values, each with its rule."""
        return dict(self._secrets)
