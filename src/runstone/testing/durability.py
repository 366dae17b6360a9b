"""Port `objects`: what holds of bundles that survive the process, and of several processes.

Needs `os.fork`.
"""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import TYPE_CHECKING

from runstone.core import layout
from runstone.testing.ground import ONE, contents, seal
from runstone.testing.purging import removal_of, tombstone
from runstone.testing.racing import answer_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from runstone.testing.ground import DurableGround, Operation

RACERS = 6
ROUNDS = 5


class DurableSuite:
    """Order of durable operations; processes that race, and die."""

    def test_survival_is_declared(self, ground: DurableGround) -> None:
        """The store says that its bundles survive the process."""
        assert ground.make().properties.survives in ("kill", "power")

    def test_every_file_is_synced_before_the_bundle_is_published(self, ground: DurableGround) -> None:
        """A bundle that has its name has its bytes: each file is synced before."""
        before, _ = _operations(ground)
        assert _synced(before) >= set(ONE)

    def test_every_folder_is_synced_before_the_bundle_is_published(self, ground: DurableGround) -> None:
        """A bundle that has its name has the names in it: each folder is synced before."""
        before, _ = _operations(ground)
        assert _synced(before) >= {"", "artifacts", "artifacts/deep", "artifacts/deep/er"}

    def test_name_is_synced_after_the_bundle_is_published(self, ground: DurableGround) -> None:
        """The folder that holds the bundle is synced after the bundle stands in it, before the answer."""
        _, after = _operations(ground)
        assert ".." in _synced(after)

    def test_identical_answer_is_as_durable(self, ground: DurableGround) -> None:
        """Whoever gets `identical` may rely on the bundle too, though its first writer has not come so far."""
        seal(ground.make(), "run", ONE)
        with ground.watch() as operations:
            seal(ground.make(), "run", ONE)
        assert ("sync", "..") in operations

    def test_bundle_survives_a_kill_after_the_answer(self, ground: DurableGround) -> None:
        """A process that is killed as soon as it has its answer leaves the whole bundle."""

        def work(_: int) -> str:
            seal(ground.make(), "run", ONE)
            os.kill(os.getpid(), signal.SIGKILL)
            return "never"

        assert in_children(1, work) == [""]
        assert contents(ground.make(), "run") == ONE

    def test_kill_before_commit_leaves_nothing(self, ground: DurableGround) -> None:
        """A process that is killed with a stage in its hands leaves no run, and the id free."""

        def work(_: int) -> str:
            stage = ground.make().stage("run")
            for path, body in ONE.items():
                stage.put(path, [body])
            os.kill(os.getpid(), signal.SIGKILL)
            return "never"

        assert in_children(1, work) == [""]
        assert not ground.make().exists("run")
        assert seal(ground.make(), "run", ONE) == "created"

    def test_processes_racing_on_one_id_have_one_winner(self, ground: DurableGround) -> None:
        """Of bundles with different manifests one is `created`, the others get `run_exists`; the winner's is whole."""
        bundles = [{layout.MANIFEST: b"%d" % racer, "artifacts/x": b"%d" % racer} for racer in range(RACERS)]
        for run_id in (f"run-{number}" for number in range(ROUNDS)):
            answers = in_children(RACERS, partial(answer_of, ground, run_id, bundles))
            assert sorted(answers) == ["created", *["run_exists"] * (RACERS - 1)]
            assert contents(ground.make(), run_id) == bundles[answers.index("created")]

    def test_processes_racing_in_case_have_one_winner(self, ground: DurableGround) -> None:
        """Ids that differ in case only are one id for processes that race as well."""
        spellings = ["run-x", "RUN-X", "Run-X", "rUN-x"]

        answers = in_children(len(spellings), lambda racer: answer_of(ground, spellings[racer], [ONE] * 4, racer))
        assert sorted(answers) == ["created", *["run_exists"] * 3]
        assert list(ground.make().run_ids()) == [spellings[answers.index("created")]]

    def test_processes_that_remove_one_run_agree(self, ground: DurableGround) -> None:
        """One removes it, the others find it gone or in use; its tombstone is there, and nothing of it is left."""
        for run_id in (f"run-{number}" for number in range(ROUNDS)):
            seal(ground.make(), run_id, ONE)
            ground.make().mark(tombstone(run_id))
            answers = in_children(RACERS, partial(removal_of, ground, run_id))
            assert (answers.count("removed"), set(answers) - {"removed", "gone", "run_in_use"}) == (1, set())
            assert not ground.make().exists(run_id)
            assert [ground.raw_read(run_id, path) for path in ONE] == [None] * len(ONE)

    def test_process_that_reads_keeps_a_run(self, ground: DurableGround) -> None:
        """What another process has open is read to its end, whatever this one removes meanwhile."""
        seal(ground.make(), "run", ONE)
        ground.make().mark(tombstone("run"))
        gate_read, gate_write = os.pipe()

        def work(number: int) -> str:
            if number == 0:
                bundle = ground.make().open("run")
                os.write(gate_write, b"open")
                read = {}
                for entry in bundle.entries():
                    read[entry.path] = b"".join(bundle.read(entry.path))
                    removal_of(ground, "run", 0)
                return "whole" if read == ONE else "torn"
            os.read(gate_read, 4)
            return removal_of(ground, "run", 0)

        reader, _ = in_children(2, work)
        assert reader == "whole"
        assert removal_of(ground, "run", 0) in ("removed", "gone")


def _operations(ground: DurableGround) -> tuple[list[Operation], list[Operation]]:
    """What one commit did before it gave the bundle its name, and after."""
    with ground.watch() as operations:
        seal(ground.make(), "run", ONE)
    published = operations.index(("publish", ""))
    return operations[:published], operations[published:]


def _synced(operations: list[Operation]) -> set[str]:
    return {path for word, path in operations if word == "sync"}


def in_children(count: int, work: Callable[[int], str]) -> list[str]:
    """What each of `count` forked children answers; they begin together. A child that died answers nothing."""
    gate_read, gate_write = os.pipe()
    children = []
    for number in range(count):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(gate_write)
            _work_and_leave(gate_read, write, lambda number=number: work(number))  # type: ignore[misc]  # a default has no type
        os.close(write)
        children.append((child, read))
    os.close(gate_read)
    os.close(gate_write)  # every child reads the end of the gate now
    answers = []
    for child, read in children:
        with os.fdopen(read, "rb") as pipe:
            answers.append(pipe.read().decode())
        os.waitpid(child, 0)
    return answers


def _work_and_leave(gate: int, answer: int, work: Callable[[], str]) -> None:
    """In a child: wait for the gate, work, answer, and leave without what the parent wants done at its end."""
    status = 1
    try:
        os.read(gate, 1)
        os.write(answer, work().encode())
        status = 0
    finally:
        os._exit(status)
