"""The asynchronous layer: the same methods as the plain one, in threads of its own, and runs that have an end."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from tools import async_layer

import runstone
from runstone.engine.async_run import AsyncRun
from runstone.engine.async_store import AsyncStore
from runstone.engine.recorder import Run
from runstone.engine.store import Store


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def in_loop(work: Any) -> Any:
    return asyncio.run(work)


# the two surfaces


def test_the_layer_is_what_its_sources_say() -> None:
    """Nobody has changed the plain classes without writing the layer anew, nor the layer by hand."""
    assert async_layer.main(["--check"]) == 0


def members(kind: type) -> dict[str, Any]:
    return {
        name: value
        for one in reversed(kind.__mro__)
        if one.__module__.startswith("runstone") and one.__name__ != "Hopping"
        for name, value in vars(one).items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
    }


def signature(function: Any) -> list[tuple[Any, ...]]:
    found = inspect.signature(function).parameters.values()
    return [(one.name, one.kind, one.default, one.annotation) for one in found]


@pytest.mark.parametrize(
    ("plain", "layer", "kernels"),
    [(Store, AsyncStore, set()), (Run, AsyncRun, {"open", "finishing"})],
)
def test_both_have_the_same_methods(plain: type, layer: type, kernels: set[str]) -> None:
    """By name, parameters with defaults and annotations, and text; properties stay properties."""
    ours, theirs = members(plain), members(layer)
    extra = {name for source in (async_layer.STORE, async_layer.RUN) for name, _ in source.attributes}
    assert set(ours) - kernels == set(theirs) - extra
    for name in set(ours) - kernels:
        assert isinstance(ours[name], property) == isinstance(theirs[name], property), name
        if not isinstance(ours[name], property):
            assert signature(ours[name]) == signature(theirs[name]), name
        assert inspect.getdoc(ours[name]) == inspect.getdoc(theirs[name]), name


def test_a_method_that_nobody_has_decided_on_is_not_written() -> None:
    """A new method of `Run` has to be put into a list: whether it is awaited is no guess."""
    source = async_layer.RUN._replace(ways={})
    method = next(iter(async_layer.Plain(source.module).methods("Run")))
    while async_layer.is_property(method):
        method = next(one for one in async_layer.Plain(source.module).methods("Run") if one.name == "log")
    with pytest.raises(SystemExit, match=r"is in no list"):
        async_layer.way_of(source, method)


# recording


def test_what_is_told_hops_no_thread(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that append are made in the thread of the loop; those that open and seal are not."""
    threads: dict[str, int] = {}

    def watched(kind: type, name: str) -> None:
        real = getattr(kind, name)

        def call(self: Any, *args: Any, **options: Any) -> Any:
            threads[name] = threading.get_ident()
            return real(self, *args, **options)

        monkeypatch.setattr(kind, name, call)

    for name in ("log", "check", "metrics", "event", "note", "finish", "output"):
        watched(Run, name)
    watched(Store, "run")

    async def main() -> int:
        async with runstone.open_async(place) as store, store.run("kind") as run:
            run.log("text")
            run.check("rows", "pass")
            run.metrics({"a": 1})
            run.event("x.mine", {})
            run.note("so")
            await run.output("table", "t")
        return threading.get_ident()

    here = in_loop(main())
    assert {name for name, thread in threads.items() if thread == here} == {"log", "check", "metrics", "event", "note"}
    assert {"run", "finish", "output"} <= set(threads)


def test_a_block_seals_its_run(place: Path) -> None:
    """As the plain one does: by its checks, or by what is raised in it."""

    async def main() -> list[str]:
        async with runstone.open_async(place) as store:
            async with store.run("good") as good:
                good.check("rows", "skip")
            with pytest.raises(ValueError, match="no"):
                async with store.run("bad"):
                    raise ValueError("no")
            loose = await store.run("loose")
            loose.log("text")
            assert await loose.finish("success") == loose.digest
            return [sealed.status async for sealed in store.runs("sort:kind")]

    assert sorted(in_loop(main())) == ["failed", "partial", "success"]
    assert all(runstone.verify(sealed) for sealed in runstone.open(place).runs())


def test_the_run_around_is_that_of_the_task(place: Path) -> None:
    """Tasks that record side by side each have their own, also in the threads that they call."""

    async def work(store: AsyncStore, name: str) -> None:
        async with store.run(name) as run:
            await asyncio.sleep(0)
            inside = await store.in_thread(runstone.current_run)
            around = runstone.current_run()
            async with run.child("part") as child:
                assert runstone.current_run() is child.sync
            assert around is run.sync
            assert inside is run.sync

    async def main() -> None:
        async with runstone.open_async(place) as store:
            await asyncio.gather(*(work(store, f"k{n}") for n in range(5)))
            assert runstone.current_run() is None
            assert len([sealed async for sealed in store.runs()]) == 10

    in_loop(main())


# cancellation


def test_a_task_that_is_cancelled_leaves_a_cancelled_run(place: Path) -> None:
    """Sealed, before the cancellation goes on."""

    async def main() -> str:
        async with runstone.open_async(place) as store:
            started = asyncio.Event()

            async def work() -> None:
                async with store.run("kind"):
                    started.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(work())
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return str((await store.get("@latest")).status)

    assert in_loop(main()) == "cancelled"


@pytest.mark.parametrize("times", [1, 2])
def test_a_seal_goes_on_when_its_task_is_cancelled(place: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Once: the task waits for it. Twice: the task goes, and the run is sealed all the same."""
    sealing, go_on = threading.Event(), threading.Event()
    real = Run.finish

    def held(self: Run, *args: Any, **options: Any) -> Any:
        sealing.set()
        assert go_on.wait(30)
        return real(self, *args, **options)

    monkeypatch.setattr(Run, "finish", held)

    async def main() -> tuple[bool, str]:
        async with runstone.open_async(place) as store:

            async def work() -> None:
                async with store.run("kind") as run:
                    run.log("text")

            task = asyncio.create_task(work())
            await asyncio.to_thread(sealing.wait)
            for _ in range(times):
                task.cancel()
                for _ in range(5):
                    await asyncio.sleep(0)
            waits = not task.done()
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            await store.aclose()
            return waits, str((await store.get("@latest")).status)

    assert in_loop(main()) == (times == 1, "success")


def test_a_run_that_was_opened_for_nobody_is_ended(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that is cancelled while its run is opened leaves none open."""
    opening, go_on = threading.Event(), threading.Event()
    real = Store.run

    def held(self: Store, *args: Any, **options: Any) -> Run:
        opening.set()
        assert go_on.wait(30)
        return real(self, *args, **options)

    monkeypatch.setattr(Store, "run", held)

    async def main() -> None:
        async with runstone.open_async(place) as store:

            async def work() -> None:
                async with store.run("kind"):
                    raise AssertionError("the task was cancelled before")

            task = asyncio.create_task(work())
            await asyncio.to_thread(opening.wait)
            task.cancel()
            await asyncio.sleep(0)
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await store.open_runs() == []
            assert [sealed.status async for sealed in store.runs()] == ["cancelled"]

    in_loop(main())


def test_a_plain_block_in_a_task_that_is_cancelled_is_cancelled(place: Path) -> None:
    """The plain `Run` knows what cancels a task as well."""

    async def main() -> None:
        with runstone.open(place).run("kind"):
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        in_loop(main())
    assert runstone.open(place).get("@latest").status == "cancelled"


# threads


def test_a_store_that_was_closed_can_be_used_again(place: Path) -> None:
    """It makes threads anew; a loop that comes later can use it as well."""
    store = runstone.open_async(place, workers=1)

    async def main() -> list[dict[str, Any]]:
        async with store:
            return await store.rows()

    assert (in_loop(main()), in_loop(main())) == ([], [])
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("runstone")]


@pytest.mark.parametrize("workers", [0, -1, True, 1.5, "4", None])
def test_a_number_of_threads_that_is_none_is_refused(place: Path, workers: Any) -> None:
    """Where the store is opened, and not at its first call."""
    with pytest.raises(runstone.InvalidInput) as caught:
        runstone.open_async(place, workers=workers)
    assert caught.value.code == "invalid_option"


def test_a_run_that_nobody_opens_is_said(place: Path) -> None:
    """As of a coroutine that nobody awaits: nothing is recorded of it."""
    store = runstone.open_async(place)
    with pytest.warns(RuntimeWarning, match="never opened"):
        store.run("job")
    assert list(store.sync.runs()) == []


def test_both_say_what_they_are_of(place: Path) -> None:
    """A store by its place, a run by its id and how it stands."""

    async def main() -> None:
        store = runstone.open_async(place)
        assert repr(store) == f"<AsyncStore {store.sync!r}>"
        async with store.run("job", run_id="r") as run:
            assert repr(run) == "<AsyncRun <Run r running>>"
        await store.aclose()

    in_loop(main())


FORKED = """
import asyncio, os, signal, runstone
store = runstone.open_async("runs")
async def work(name):
    async with store.run("job", run_id=name):
        pass
asyncio.run(work("before"))
pid = os.fork()
signal.alarm(30)  # who hangs is ended, and fails the test
asyncio.run(work("after" if pid else "child"))
asyncio.run(store.aclose())
assert not pid or os.waitpid(pid, 0)[1] == 0
"""


def test_a_forked_child_has_threads_of_its_own(tmp_path: Path) -> None:
    """A store that was used before the fork is used in the child, and closed there; nobody waits for ever."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {sealed.run_id for sealed in runstone.open(tmp_path / "runs").runs()} == {"before", "child", "after"}


def test_errors_are_those_of_the_plain_one(place: Path) -> None:
    """They come out of the await."""

    async def main() -> None:
        async with runstone.open_async(place) as store:
            with pytest.raises(runstone.NotFound) as raised:
                await store.get("nothing")
            assert raised.value.code == "run_not_found"
            with pytest.raises(runstone.InvalidInput):
                async with store.run("kind", run_id="../x"):
                    pass

    in_loop(main())
