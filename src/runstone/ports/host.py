"""Port `host`: the facts of the process that records."""

from __future__ import annotations

from typing import Any, Protocol


class Meters(Protocol):
    """What the machine and this process use. The first reading is where counting begins.

    Names, units and meaning are those of `docs/tracking.md`; what cannot be had here is absent.
    """

    def read(self) -> dict[str, float]:
        """By name, since the last reading where it is a rate. Answers at once and never raises."""
        ...

    def read_gpus(self) -> dict[str, float]:
        """The same of graphics cards. May take long; `close` ends it. Never raises."""
        ...

    def close(self) -> None:
        """Nothing more will be read. Any thread may call it."""
        ...


class Host(Protocol):
    """Facts of the process, its machine and its folder. Every method answers at once and never raises, but for one."""

    def argv(self) -> list[str]:
        """The command line of this process."""
        ...

    def cwd(self) -> str | None:
        """The working directory, absolute; `None` where it is gone."""
        ...

    def entry(self) -> str | None:
        """What was started: a script's path, or `-m` and a module's name."""
        ...

    def platform(self) -> dict[str, Any]:
        """Operating system, machine and Python: `system`, `release`, `machine`, `python`, `implementation`."""
        ...

    def git(self) -> dict[str, Any] | None:
        """`sha` and `ref` read from the files of `.git`, or what the CI says; `None` outside a repository."""
        ...

    def user(self) -> str:
        """The name of the user that the process runs as; `unknown` where there is none."""
        ...

    def setting(self, name: str) -> str | None:
        """An environment variable, read now; an empty one is `None`."""
        ...

    def settings_file(self) -> tuple[bytes, str] | None:
        """The bytes of `runstone.toml` and its path; `None` where there is none. Raises `invalid_settings` where there
        is one that cannot be read: nothing may be recorded under other settings than the ones meant."""
        ...

    def secrets(self) -> dict[str, str]:
        """Values of environment variables whose names say secret, each with the rule `environment`.

        Only values of 8 characters or more that are neither a common word nor an existing path.
        """
        ...

    def meters(self) -> Meters:
        """New meters of the machine and this process."""
        ...

    def cached(self, name: str) -> bytes | None:
        """What `cache` kept under a name, in this process or an earlier one of the same user, on a machine of the
        same kind."""
        ...

    def cache(self, name: str, data: bytes) -> None:
        """Keep bytes that take long to make and hold no secret. Where that cannot be done, nothing happens."""
        ...
