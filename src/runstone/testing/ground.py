"""What a suite needs of an adapter under test, and the words its tests are written in.

An adapter's test hands in a `Ground`: a way to open the store, and a way round it, so that a store is not believed
when it speaks of itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from runstone.core import layout
from runstone.errors import RunstoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from runstone.ports.objects import Committed, Objects

    Files = dict[str, bytes]
    Operation = tuple[str, str]

ONE: Files = {
    layout.MANIFEST: b'{"one":1}',
    layout.JOURNAL: b'{"seq":0}\n{"seq":1}\n',
    "artifacts/deep/er/data.bin": bytes(range(256)),
    "run.json": b"{}",
}
"""A bundle. A store does not look into files, so they need not mean anything."""

OTHER: Files = {**ONE, layout.MANIFEST: b'{"two":2}', "run.json": b"[]"}
"""Another bundle: its manifest is not that of `ONE`."""

BAD_PATHS = ("", "/x", "../x", "a/../x", "a//x", "./x", "a/", "a\0b", "a\\b", "C:x", "CON", "x.", "e\u0301", "n" * 256)
BAD_IDS = ("", ".", "..", "../x", "a/b", ".runstone", "-x", "--help", "x.", "con", "a\0b", "a b", "é", "n" * 129)


class Ground(Protocol):
    """Where a store under test stands."""

    def make(self) -> Objects:
        """The store, opened anew: what was committed through another handle is there."""
        ...

    def raw_read(self, run_id: str, path: str) -> bytes | None:
        """What really stands in a sealed bundle, read without the store; `None` if nothing does."""
        ...

    def raw_write(self, run_id: str, path: str, body: bytes) -> None:
        """Put a file into the place of a sealed bundle without the store; replaces what is there."""
        ...

    def raw_remove(self, run_id: str) -> None:
        """Take a sealed bundle away without the store."""
        ...


class DurableGround(Ground, Protocol):
    """Where a store stands whose bundles survive the process."""

    def watch(self) -> AbstractContextManager[list[Operation]]:
        """A list that grows by each durable operation inside the `with` block, in order.

        `("sync", path)` makes a file's bytes or a folder's names durable; paths are relative to the bundle, `""` is
        its own folder, `".."` the folder that holds it. `("publish", "")` gives the bundle its name.
        """
        ...


def seal(store: Objects, run_id: str, files: Files) -> Committed:
    """Put and commit a bundle; the stage is discarded whatever happens, as every caller does."""
    stage = store.stage(run_id)
    try:
        for path, body in files.items():
            stage.put(path, [body])
        return stage.commit()
    finally:
        stage.discard()


def contents(store: Objects, run_id: str) -> Files:
    """Every file of a bundle, as the store tells it."""
    bundle = store.open(run_id)
    try:
        return {entry.path: b"".join(bundle.read(entry.path)) for entry in bundle.entries()}
    finally:
        bundle.close()


def code_of(call: Callable[[], object]) -> str | None:
    """The code of the error that a call raises; `None` if it raises none."""
    try:
        call()
    except RunstoneError as exc:
        return exc.code
    return None


def codes_of(names: Iterable[str], call: Callable[[str], object]) -> dict[str, str | None]:
    """The code that a call raises for each of several names."""
    return {name: code_of(lambda name=name: call(name)) for name in names}  # type: ignore[misc]  # a default binds the loop's name
