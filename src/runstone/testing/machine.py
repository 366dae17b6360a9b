"""A store beside a dict: random sequences of calls, after each of which both must say the same.

Needs Hypothesis; the suite imports this module when its test runs.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from runstone.core import layout
from runstone.core.ids import fold_id
from runstone.testing.ground import code_of, contents

if TYPE_CHECKING:
    from runstone.ports.objects import Stage
    from runstone.testing.ground import Files, Ground

IDS = st.sampled_from(["a", "A", "b"])
MANIFESTS = st.sampled_from([b"{}", b"[]"])
PATHS = st.sampled_from(["run.json", "artifacts/x", "artifacts/y/z", "artifacts/é"])
some_stage = precondition(lambda machine: machine.stages)


def run_against_a_dict(ground: Ground, examples: int = 20) -> None:
    """Run the state machine on the store of a ground."""
    run_state_machine_as_test(
        type("StoreBesideDict", (StoreBesideDict,), {"ground": ground, "prefixes": count()}),
        settings=settings(
            max_examples=examples,
            stateful_step_count=15,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


class StoreBesideDict(RuleBasedStateMachine):
    """Stages are begun, filled, committed and thrown away. Each example works on ids of its own."""

    ground: ClassVar[Ground]
    prefixes: ClassVar[count[int]]

    def __init__(self) -> None:
        super().__init__()
        self.store = self.ground.make()
        self.prefix = f"m{next(self.prefixes)}-"
        self.expected: dict[str, Files] = {}
        self.stages: list[tuple[str, Stage, Files]] = []

    @rule(run=IDS, manifest=MANIFESTS)
    def stage(self, run: str, manifest: bytes) -> None:
        """Begin a bundle."""
        stage = self.store.stage(self.prefix + run)
        stage.put(layout.MANIFEST, [manifest])
        self.stages.append((self.prefix + run, stage, {layout.MANIFEST: manifest}))

    @rule(run=IDS, manifest=MANIFESTS)
    def seal(self, run: str, manifest: bytes) -> None:
        """Begin and commit."""
        self.stage(run, manifest)
        self._commit(len(self.stages) - 1)

    @some_stage
    @rule(path=PATHS, body=st.binary(max_size=4), data=st.data())
    def put(self, path: str, body: bytes, data: Any) -> None:
        """Put a file into some stage; the second time it must be refused."""
        _, stage, files = data.draw(st.sampled_from(self.stages))
        code = code_of(lambda: stage.put(path, [body]))
        assert code == ("file_exists" if path in files else None)
        files.setdefault(path, body)

    @some_stage
    @rule(data=st.data())
    def commit(self, data: Any) -> None:
        """Commit some stage."""
        self._commit(data.draw(st.integers(0, len(self.stages) - 1)))

    def _commit(self, number: int) -> None:
        run_id, stage, files = self.stages.pop(number)
        answers: list[str] = []
        code = code_of(lambda: answers.append(stage.commit()))
        stage.discard()
        assert (code or answers[0]) == self._expected(run_id, files)

    def _expected(self, run_id: str, files: Files) -> str:
        """What `commit` must answer, by the dict; the dict takes the bundle."""
        taken = {fold_id(name): name for name in self.expected}.get(fold_id(run_id))
        if taken is None:
            self.expected[run_id] = files
            return "created"
        same = taken == run_id and self.expected[taken][layout.MANIFEST] == files[layout.MANIFEST]
        return "identical" if same else "run_exists"

    @some_stage
    @rule(data=st.data())
    def discard(self, data: Any) -> None:
        """Throw some stage away."""
        self.stages.pop(data.draw(st.integers(0, len(self.stages) - 1)))[1].discard()

    @rule()
    def reopen(self) -> None:
        """Go on with another handle."""
        self.store = self.ground.make()

    @invariant()
    def both_say_the_same(self) -> None:
        """The store holds exactly the bundles of the dict."""
        listed = {run_id for run_id in self.store.run_ids() if run_id.startswith(self.prefix)}
        assert {run_id: contents(self.store, run_id) for run_id in listed} == self.expected

    def teardown(self) -> None:
        """Leave no stage behind."""
        for _, stage, _ in self.stages:
            stage.discard()
