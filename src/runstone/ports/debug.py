"""Port `debug`: what debug mode keeps of a run. Its caller has encrypted it: no port sees a prompt.

It is a port of its own, and neither `objects` nor `journals`: what it keeps outlives the open run and is part of no
bundle, is never sealed, never packed, and never leaves the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Debug(Protocol):
    """Files by run id and name: 1 to 100 digits, small letters and dots. Safe for any number of threads and processes.

    `objects.remove` takes those of the run away with it.
    """

    def put(self, run_id: str, name: str, data: bytes) -> None:
        """Keep a file, create-once: at return it is whole and survives power loss.

        Raises `store_unavailable`, and `file_exists` where the name is taken. Nothing half-written stands then.
        """
        ...

    def names(self, run_id: str) -> list[str]:
        """The names of a run's files, sorted; none where nothing was kept. Raises `store_unavailable`."""
        ...

    def read(self, run_id: str, name: str) -> Iterator[bytes] | None:
        """A file's bytes, in chunks; `None` where there is none. Links are never followed. Raises
        `store_unavailable`."""
        ...

    def remove(self, run_id: str) -> None:
        """Take all of a run's files away; nothing happens where there are none. Raises `store_unavailable`."""
        ...
