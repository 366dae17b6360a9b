"""A pipeline goes on at the right phase, whatever ended it; what was made from what is made anew is stale; of two that
work on one run one goes on."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from runstone.contracts.rentl import AsyncStores, LogEntry, StorageError, open_async_stores
from runstone.contracts.rentl.models import PhaseName, PhaseStatus, RunIndexRecord, RunState, RunStateRecord
from runstone.contracts.rentl.phases import Phase, PhaseContext, PhaseOutput
from runstone.contracts.rentl.planning import Plan, to_do
from runstone.contracts.rentl.runner import PhaseRunner
from runstone.contracts.rentl.sinks import LogSink, ProgressStream
from runstone.testing.racing import race, stepping

P = PhaseName
RUN = UUID("01890a5c-91c8-7b2a-9f51-9b40d0cf0001")
FOUR = [P.INGEST, P.CONTEXT, P.TRANSLATE, P.EXPORT]


class Bench:
    """Phases that say what they did, and stores to put it in."""

    def __init__(self, url: Any, **options: Any) -> None:
        self.done: list[str] = []
        self.failing: dict[P, BaseException] = {}
        self.kept: AsyncStores = open_async_stores(url)
        self.options = options
        self.hooks: dict[P, Any] = {}

    async def work(self, context: PhaseContext) -> PhaseOutput:
        name = f"{context.phase.value}{f' {context.language}' if context.language else ''}"
        self.done.append(name)
        if context.phase in self.hooks:
            await self.hooks[context.phase](context)
        if context.phase in self.failing:
            raise self.failing[context.phase]
        made = {phase.value: items for phase, items in context.inputs.items()}
        return PhaseOutput([{"made": name, "from": made}])

    def runner(self, **more: Any) -> PhaseRunner:
        phases = [
            Phase(P.INGEST, self.work),
            Phase(P.CONTEXT, self.work),
            Phase(P.TRANSLATE, self.work, needs=[P.INGEST, P.CONTEXT], by_language=True),
            Phase(P.EXPORT, self.work, timeout_s=5),
        ]
        known = {"project_name": "p", "source_language": "ja", "target_languages": ["en", "de"]}
        stores = {"states": self.kept.states, "artifacts": self.kept.artifacts}
        return PhaseRunner(phases, **{**known, **stores, **self.options, **more})


ALL = ["ingest", "context", "translate en", "translate de", "export"]


def states_of(state: RunState) -> dict[str, tuple[int, bool]]:
    found = {}
    for one in state.phase_history or []:
        if one.status is PhaseStatus.COMPLETED:
            name = f"{one.phase.value}{f' {one.target_language}' if one.target_language else ''}"
            found[name] = (one.revision, one.stale)
    return found


def test_a_run_goes_through_its_phases(tmp_path: Path) -> None:
    """Each is given what it needs; its output is an artifact with a reference that resolves; the run is listed."""

    async def main() -> None:
        bench = Bench(tmp_path)
        async with LogSink(bench.kept.logs) as sink:
            state = await bench.runner(logs=sink, progress=ProgressStream(sink)).run(RUN)
        assert bench.done == ALL
        assert state.metadata.status == "completed"
        assert states_of(state) == dict.fromkeys(ALL, (1, False))
        stored = await bench.kept.states.load_run_state(RUN)
        assert stored is not None
        assert stored.state == state
        references = [one for phase in state.artifacts for one in phase.artifacts]
        assert len(references) == 5
        for reference in references:
            metadata = await bench.kept.artifacts.get_artifact(reference.artifact_id)
            assert reference.path == metadata.location.path
            assert Path(reference.path).read_bytes() == await bench.kept.artifacts.read_artifact(reference.artifact_id)
        [listed] = await bench.kept.states.list_run_index()
        assert (listed.metadata.status, listed.progress and listed.progress.percent_complete) == ("completed", 100.0)
        events = [line.event for line in await bench.kept.logs.load_logs(RUN)]
        assert events[0] == "run_started"
        assert events[-1] == "run_completed"
        assert events.count("phase_completed") == 5
        export = await bench.kept.artifacts.read_artifact(references[-1].artifact_id)
        assert export.count(b'"made":"ingest"') == 4
        await bench.kept.aclose()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source_language", "japanese"),
        ("target_languages", ["en", "English"]),
        ("target_languages", []),
        ("project_name", ""),
        ("project_name", 5),
    ],
)
def test_what_no_list_can_show_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    """When the runner is made, with its place; nothing is stored."""
    with pytest.raises(StorageError, match=rf"\$\.{name}") as caught:
        Bench(tmp_path).runner(**{name: value})
    assert caught.value.code == "validation_error"
    assert [path for path in tmp_path.rglob("*.json") if path.is_file()] == []


def test_what_a_phase_says_is_cut_where_it_is_long(tmp_path: Path) -> None:
    """The message of an exception or of an output, without its secrets first; so a state has its bounds."""
    secret = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
    long = "x" * 63_990 + " " + secret + " x" * 100

    async def say(_: PhaseContext) -> PhaseOutput:
        return PhaseOutput([1], message=long)

    async def fail(_: PhaseContext) -> PhaseOutput:
        raise ValueError(long)

    async def main() -> None:
        kept = open_async_stores(tmp_path, redact=False)
        known = {"project_name": "p", "source_language": "ja", "target_languages": ["en"], "states": kept.states}
        phases = [Phase(P.INGEST, say), Phase(P.EXPORT, fail)]
        with pytest.raises(ValueError, match="xxx"):
            await PhaseRunner(phases, **known).run(RUN)  # type: ignore[arg-type]  # names of three kinds
        record = await kept.states.load_run_state(RUN)
        assert record is not None
        [said, failed] = record.state.phase_history or []
        assert failed.error is not None
        for text in (said.message or "", failed.error.message):
            assert len(text) == 64_000
            assert text.endswith("x [REDACTED")
        await kept.aclose()

    asyncio.run(main())


def test_a_finished_run_has_nothing_to_do(tmp_path: Path) -> None:
    """It is given back as it is, and nothing is stored."""

    async def main() -> None:
        bench = Bench(tmp_path)
        first = await bench.runner().run(RUN)
        path = tmp_path / "state" / "runs" / f"{RUN}.json"
        before = path.read_bytes()
        assert await bench.runner().run(RUN) == first
        assert (bench.done, path.read_bytes()) == (ALL, before)

    asyncio.run(main())


def test_a_run_goes_on_where_a_phase_failed(tmp_path: Path) -> None:
    """The state tells what failed and why, without secrets; what was done is not done again."""
    secret = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"

    async def main() -> None:
        bench = Bench(tmp_path)
        bench.failing[P.TRANSLATE] = ValueError(f"no key {secret}")
        with pytest.raises(ValueError, match="no key"):
            await bench.runner().run(RUN)
        stored = await bench.kept.states.load_run_state(RUN)
        assert stored is not None
        failed = stored.state
        assert failed.metadata.status == "failed"
        assert failed.last_error is not None
        assert (failed.last_error.code, secret in failed.last_error.message) == ("ValueError", False)
        assert (failed.phase_history or [])[-1].status == "failed"
        assert {one.phase: one.status for one in failed.progress.phases} == {
            P.INGEST: "completed",
            P.CONTEXT: "completed",
            P.TRANSLATE: "failed",
            P.EXPORT: "pending",
        }
        bench.failing.clear()
        state = await bench.runner().run(RUN)
        assert bench.done == ["ingest", "context", "translate en", *ALL[2:]]
        assert (state.metadata.status, state.last_error) == ("completed", None)

    asyncio.run(main())


def test_a_phase_that_takes_too_long_fails(tmp_path: Path) -> None:
    """By its timeout; the run goes on later."""

    async def main() -> None:
        bench = Bench(tmp_path)

        async def long(_: PhaseContext) -> None:
            await asyncio.Event().wait()

        bench.hooks[P.EXPORT] = long
        runner = bench.runner()
        runner.phases[P.EXPORT] = runner.phases[P.EXPORT]._replace(timeout_s=0.01)
        with pytest.raises(TimeoutError):
            await runner.run(RUN)
        stored = await bench.kept.states.load_run_state(RUN)
        assert stored is not None
        assert stored.state.last_error is not None
        assert (stored.state.metadata.status, stored.state.last_error.code) == ("failed", "TimeoutError")
        bench.hooks.clear()
        assert (await bench.runner().run(RUN)).metadata.status == "completed"

    asyncio.run(main())


def test_a_run_that_is_cancelled_says_so_and_goes_on(tmp_path: Path) -> None:
    """The state is stored before the cancellation goes on."""

    async def main() -> None:
        bench = Bench(tmp_path)
        inside = asyncio.Event()

        async def hang(_: PhaseContext) -> None:
            inside.set()
            await asyncio.Event().wait()

        bench.hooks[P.TRANSLATE] = hang
        task = asyncio.create_task(bench.runner().run(RUN))
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stored = await bench.kept.states.load_run_state(RUN)
        assert stored is not None
        assert stored.state.metadata.status == "cancelled"
        assert states_of(stored.state) == {"ingest": (1, False), "context": (1, False)}
        assert [one.status.value for one in stored.state.progress.phases] == [*["completed"] * 2, *["pending"] * 2]
        bench.hooks.clear()
        assert (await bench.runner().run(RUN)).metadata.status == "completed"
        assert bench.done.count("ingest") == 1

    asyncio.run(main())


def test_a_store_that_fails_hides_no_cancellation(tmp_path: Path) -> None:
    """Who cancels a task is told that it is cancelled, whatever a store raises meanwhile."""

    async def main() -> None:
        bench = Bench(tmp_path)

        class Away:
            async def load_run_state(self, _: UUID) -> None:
                return None

            async def save_run_state(self, record: RunStateRecord, **_: Any) -> None:
                if record.state.metadata.status == "cancelled":
                    raise OSError("the disk is away")

            async def save_run_index(self, _: RunIndexRecord) -> None:
                pass

        async def cancel(_: PhaseContext) -> None:
            task.cancel()
            await asyncio.sleep(0)

        bench.hooks[P.INGEST] = cancel
        task = asyncio.create_task(bench.runner(states=Away()).run(RUN))
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_seal_that_fails_hides_no_error_of_a_phase(tmp_path: Path) -> None:
    """The caller is told what the phase raised, with a note of what went wrong behind it."""

    class OwnError(Exception):
        pass

    class Away:
        async def seal(self, _: UUID) -> None:
            raise OSError("the disk is away")

    async def main() -> None:
        bench = Bench(tmp_path)
        bench.failing[P.CONTEXT] = OwnError("no context")
        with pytest.raises(OwnError, match="no context") as caught:
            await bench.runner(seal=Away()).run(RUN)
        assert caught.value.__notes__ == ["the end of the run is not stored either: OSError: the disk is away"]

    asyncio.run(main())


@pytest.mark.parametrize("number", range(1, 13))
def test_a_run_that_is_cancelled_while_its_state_is_stored_says_so(tmp_path: Path, number: int) -> None:
    """Whichever store of the run it is: it is cancelled, or completed where all was done, and goes on."""

    async def main() -> None:
        bench = Bench(tmp_path)
        calls = 0

        class Cancelling:
            """Stores, and has the task cancelled before it knows of that."""

            def __getattr__(self, name: str) -> Any:
                return getattr(bench.kept.states, name)

            async def save_run_state(self, record: RunStateRecord, **options: Any) -> None:
                nonlocal calls
                calls += 1
                bench.kept.states.sync.save_run_state(record, **options)
                if calls == number:
                    task.cancel()
                await asyncio.sleep(0)

        task = asyncio.create_task(bench.runner(states=Cancelling()).run(RUN))
        with pytest.raises(asyncio.CancelledError):
            await task
        stored = await bench.kept.states.load_run_state(RUN)
        assert stored is not None
        [listed] = await bench.kept.states.list_run_index()
        assert stored.state.metadata.status == ("completed" if number == 12 else "cancelled")
        assert listed.metadata == stored.state.metadata
        state = await bench.runner().run(RUN)
        assert (state.metadata.status, bench.done) == ("completed", ALL)

    asyncio.run(main())


def test_a_phase_may_raise_a_conflict_of_its_own(tmp_path: Path) -> None:
    """It is the phase that failed; nobody else works on the run."""

    class TakenError(Exception):
        code = "conflict"

    async def main() -> None:
        bench = Bench(tmp_path)
        bench.failing[P.CONTEXT] = TakenError("two of that name")
        with pytest.raises(TakenError):
            await bench.runner().run(RUN)
        stored = await bench.kept.states.load_run_state(RUN)
        assert stored is not None
        assert (stored.state.metadata.status, stored.state.last_error and stored.state.last_error.code) == (
            "failed",
            "conflict",
        )

    asyncio.run(main())


def test_a_list_that_a_crash_left_behind_is_mended(tmp_path: Path) -> None:
    """A process that died between the last state and its place in the list: the next `run` lists it."""

    class Dying:
        def __init__(self, bench: Bench) -> None:
            self.states = bench.kept.states

        def __getattr__(self, name: str) -> Any:
            return getattr(self.states, name)

        async def save_run_index(self, record: RunIndexRecord) -> None:
            if record.metadata.status == "completed":
                raise ProcessLookupError
            await self.states.save_run_index(record)

    async def main() -> None:
        bench = Bench(tmp_path)
        with pytest.raises(ProcessLookupError):
            await bench.runner(states=Dying(bench)).run(RUN)
        state = await bench.runner().run(RUN)
        [listed] = await bench.kept.states.list_run_index()
        assert (state.metadata.status, listed.metadata) == ("completed", state.metadata)
        assert bench.done == ALL

    asyncio.run(main())


def test_a_store_of_the_protocol_alone_will_do(tmp_path: Path) -> None:
    """A finished run is looked for in its list, and listed where it is not there."""

    class Own:
        """What the protocol names."""

        def __init__(self, bench: Bench) -> None:
            states = bench.kept.states
            self.load_run_state, self.save_run_state = states.load_run_state, states.save_run_state
            self.save_run_index, self.list_run_index = states.save_run_index, states.list_run_index

    async def main() -> None:
        bench = Bench(tmp_path)
        await bench.runner(states=Own(bench)).run(RUN)
        path = tmp_path / "state" / "index" / f"{RUN}.json"
        before, written = path.read_bytes(), path.stat().st_mtime_ns
        await bench.runner(states=Own(bench)).run(RUN)
        assert path.stat().st_mtime_ns == written
        path.unlink()
        state = await bench.runner(states=Own(bench)).run(RUN)
        assert (state.metadata.status, path.read_bytes(), bench.done) == ("completed", before, ALL)

    asyncio.run(main())


@pytest.mark.parametrize("wrong", [{"until": P.QA}, {"again": [P.QA]}])
def test_a_phase_that_is_none_is_refused_before_anything(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """No state is stored of such a call."""

    async def main() -> None:
        bench = Bench(tmp_path)
        with pytest.raises(ValueError, match="there is no phase qa here, but ingest, context"):
            await bench.runner().run(RUN, **wrong)
        assert await bench.kept.states.load_run_state(RUN) is None

    asyncio.run(main())


def test_of_two_on_one_run_one_is_told(tmp_path: Path) -> None:
    """The one that began last goes on; the other is told by `conflict` at its next phase, and changes nothing more."""

    async def main() -> None:
        bench, second = Bench(tmp_path), Bench(tmp_path)
        inside, go_on = asyncio.Event(), asyncio.Event()

        async def wait(_: PhaseContext) -> None:
            inside.set()
            await go_on.wait()

        bench.hooks[P.CONTEXT] = wait
        task = asyncio.create_task(bench.runner().run(RUN))
        await inside.wait()
        state = await second.runner().run(RUN)
        go_on.set()
        with pytest.raises(StorageError) as raised:
            await task
        assert raised.value.code == "conflict"
        stored = await bench.kept.states.load_run_state(RUN)
        assert stored is not None
        assert stored.state == state
        assert (bench.done, second.done) == (["ingest", "context"], ["context", *ALL[2:]])

    asyncio.run(main())


def test_of_two_that_begin_at_once_one_wins(tmp_path: Path) -> None:
    """Of many that begin a run in the same moment at least one goes on to the end, and all others are told."""

    async def main() -> None:
        benches = [Bench(tmp_path) for _ in range(5)]
        answers = await asyncio.gather(*(bench.runner().run(RUN) for bench in benches), return_exceptions=True)
        told = [answer for answer in answers if isinstance(answer, StorageError)]
        assert {answer.code for answer in told} <= {"conflict"}
        assert len(told) >= 1
        [won] = [answer for answer in answers if isinstance(answer, RunState)]
        stored = await benches[0].kept.states.load_run_state(RUN)
        assert stored is not None
        assert stored.state == won

    asyncio.run(main())


def test_an_early_phase_again_makes_later_ones_stale(tmp_path: Path) -> None:
    """What was made from it, until that is made anew; what was not stays fresh."""

    async def main() -> None:
        bench = Bench(tmp_path)
        await bench.runner().run(RUN)
        state = await bench.runner().run(RUN, again=[P.CONTEXT], until=P.CONTEXT)
        assert states_of(state) == {
            "ingest": (1, False),
            "context": (2, False),
            "translate en": (1, True),
            "translate de": (1, True),
            "export": (1, True),
        }
        assert state.metadata.status == "running"
        state = await bench.runner().run(RUN)
        assert states_of(state) == {"ingest": (1, False), **dict.fromkeys(ALL[1:], (2, False))}
        assert bench.done == [*ALL, "context", *ALL[2:]]

    asyncio.run(main())


def test_without_stores_it_works_in_memory() -> None:
    """The orchestration needs none."""

    async def main() -> None:
        bench = Bench("memory:")
        runner = PhaseRunner(
            [Phase(P.INGEST, bench.work), Phase(P.EXPORT, bench.work)],
            project_name="p",
            source_language="ja",
            target_languages=["en"],
        )
        state = await runner.run()
        assert (bench.done, state.metadata.status, state.artifacts) == (["ingest", "export"], "completed", [])
        assert state.metadata.run_id.version == 7

    asyncio.run(main())


def test_phases_that_cannot_be_are_refused() -> None:
    """An order that is none, a phase that stands twice, a need that does not come before."""
    for phases, needs in (
        ([P.CONTEXT, P.INGEST], {}),
        ([P.INGEST, P.INGEST], {}),
        ([P.INGEST, P.QA], {P.INGEST: [P.QA]}),
        ([P.QA], {P.QA: [P.INGEST]}),
    ):
        with pytest.raises(ValueError, match=r"phases stand once|does not come before"):
            Plan(phases, ["en"], needs=needs, by_language=[])


@pytest.mark.parametrize(
    ("phases", "languages", "error", "said"),
    [
        ([P.INGEST, P.INGEST], ["en"], ValueError, "phases stand once each"),
        ([], ["en"], ValueError, "at least one phase"),
        (["zork"], ["en"], ValueError, "zork"),
        ([P.INGEST], "en", TypeError, "a list of texts"),
    ],
)
def test_a_runner_of_what_cannot_be_is_not_made(
    tmp_path: Path, phases: Any, languages: Any, error: type[Exception], said: str
) -> None:
    """Before it is asked for anything."""
    work = Bench(tmp_path).work
    with pytest.raises(error, match=said):
        PhaseRunner(
            [Phase(name, work) for name in phases],
            project_name="p",
            source_language="ja",
            target_languages=languages,
        )


def test_a_phase_may_be_named_by_text(tmp_path: Path) -> None:
    """As in the file of a project."""
    bench = Bench(tmp_path)
    name: Any = "ingest"
    runner = PhaseRunner([Phase(name, bench.work)], project_name="p", source_language="ja", target_languages=["en"])
    assert (asyncio.run(runner.run()).metadata.status, bench.done) == ("completed", ["ingest"])


@pytest.mark.parametrize("answer", [None, [{"id": 1}]])
def test_a_phase_that_answers_something_else_fails(tmp_path: Path, answer: Any) -> None:
    """The error says what it answered, and so does the history of the run."""

    async def main() -> None:
        bench = Bench(tmp_path)

        async def work(_: PhaseContext) -> Any:
            return answer

        runner = bench.runner()
        runner.phases[P.INGEST] = runner.phases[P.INGEST]._replace(work=work)
        with pytest.raises(TypeError, match=f"ingest answers a PhaseOutput; found {type(answer).__name__}"):
            await runner.run(RUN)
        stored = await bench.kept.states.load_run_state(RUN)
        assert stored is not None
        assert stored.state.metadata.status == "failed"
        assert [record.status for record in stored.state.phase_history or []] == ["failed"]

    asyncio.run(main())


def test_a_phase_is_given_what_is_kept(tmp_path: Path) -> None:
    """Without secrets, in the run that made it as in one that goes on: both end the same."""
    secret = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"
    seen: list[str] = []

    async def make(_: PhaseContext) -> PhaseOutput:
        return PhaseOutput([{"text": secret}])

    async def look(context: PhaseContext) -> PhaseOutput:
        seen.append(repr(context.inputs))
        return PhaseOutput()

    async def main() -> None:
        kept = open_async_stores(tmp_path)
        known = {"project_name": "p", "source_language": "ja", "target_languages": ["en"]}
        phases = [Phase(P.INGEST, make), Phase(P.EXPORT, look)]
        await PhaseRunner(phases, states=kept.states, artifacts=kept.artifacts, **known).run(RUN)  # type: ignore[arg-type]  # names of three kinds
        await kept.aclose()

    asyncio.run(main())
    assert len(seen) == 1
    assert secret not in seen[0]


@pytest.mark.parametrize("kept", [True, False])
def test_what_a_phase_does_to_its_inputs_is_its_own(tmp_path: Path, kept: bool) -> None:
    """Each language is given what was made, also after another one has changed it; and what a phase changes once it
    has answered was not its answer. So it is in a run that goes on behind a failure."""
    made: list[Any] = []
    seen: list[Any] = []
    failing = ["fr"] if kept else []

    async def make(_: PhaseContext) -> PhaseOutput:
        made[:] = [{"text": "hi", "in": {"deep": [1]}}]
        return PhaseOutput(made)

    async def spoil(context: PhaseContext) -> PhaseOutput:
        made[0]["text"] = "another"
        if context.language in failing:
            failing.clear()
            raise ValueError("once")
        items: list[Any] = context.inputs[P.INGEST]
        for item in items:
            item["text"] += f"->{context.language}"
            item["in"]["deep"].append(context.language)
        return PhaseOutput(items)

    async def look(context: PhaseContext) -> PhaseOutput:
        seen.append(context.inputs[P.TRANSLATE])
        return PhaseOutput()

    async def main() -> None:
        stores = open_async_stores(tmp_path)
        phases = [Phase(P.INGEST, make), Phase(P.TRANSLATE, spoil, by_language=True), Phase(P.EXPORT, look)]
        known: dict[str, Any] = {"project_name": "p", "source_language": "ja", "target_languages": ["en", "fr", "de"]}
        if kept:
            known |= {"states": stores.states, "artifacts": stores.artifacts}
            with pytest.raises(ValueError, match="once"):
                await PhaseRunner(phases, **known).run(RUN)
        await PhaseRunner(phases, **known).run(RUN)
        await stores.aclose()

    asyncio.run(main())
    assert seen == [[{"text": f"hi->{one}", "in": {"deep": [1, one]}} for one in ("en", "fr", "de")]]


@pytest.mark.parametrize("member", ["message", "code"])
def test_an_error_that_is_no_unicode_is_recorded(tmp_path: Path, member: str) -> None:
    """As the name of a file that is no text: the caller is told what the phase raised, and so is the history."""

    class OwnError(Exception):
        code = "odd\udce9" if member == "code" else "odd"

    raised = OwnError("no such file: 'b\udce9.txt'" if member == "message" else "no such file")

    async def main() -> None:
        bench = Bench(tmp_path)
        bench.failing[P.CONTEXT] = raised
        with pytest.raises(OwnError) as caught:
            await bench.runner().run(RUN)
        assert (caught.value is raised, getattr(raised, "__notes__", [])) == (True, [])
        stored = await bench.kept.states.load_run_state(RUN)
        assert stored is not None
        failed = (stored.state.phase_history or [])[-1]
        assert (failed.phase, failed.status, failed.error) == (P.CONTEXT, "failed", stored.state.last_error)
        assert failed.error is not None
        said = {"message": "no such file: 'b\xe9.txt'"} if member == "message" else {"code": "odd\xe9"}
        assert said.items() <= failed.error.model_dump().items()

    asyncio.run(main())


def test_a_message_that_is_no_unicode_is_recorded(tmp_path: Path) -> None:
    """Of a phase that is done: the run goes on."""

    async def work(_: PhaseContext) -> PhaseOutput:
        return PhaseOutput(message="read 'b\udce9.txt'")

    async def main() -> None:
        bench = Bench(tmp_path)
        runner = bench.runner()
        runner.phases[P.INGEST] = runner.phases[P.INGEST]._replace(work=work)
        state = await runner.run(RUN)
        assert (state.metadata.status, (state.phase_history or [])[0].message) == ("completed", "read 'b\xe9.txt'")

    asyncio.run(main())


def test_threads_of_a_phase_are_told_times_of_their_own(tmp_path: Path) -> None:
    """Each line has its own, though the clock stands still and the threads meet in any line."""

    async def work(context: PhaseContext) -> PhaseOutput:
        def tell(racer: int) -> str:
            for _ in range(3):
                context.log("told", str(racer))
            return "told"

        await asyncio.to_thread(lambda: race(stepping(tell), racers=4))
        return PhaseOutput()

    async def main() -> list[LogEntry]:
        kept = open_async_stores(tmp_path)
        known: dict[str, Any] = {"project_name": "p", "source_language": "ja", "target_languages": ["en"]}
        async with LogSink(kept.logs) as sink:
            clock = 1_700_000_000_000_000_000
            await PhaseRunner([Phase(P.INGEST, work)], **known, logs=sink, clock=lambda: clock).run(RUN)
        lines = await kept.logs.load_logs(RUN)
        await kept.aclose()
        return lines

    lines = asyncio.run(main())
    assert sum(line.event == "told" for line in lines) == 12
    assert len({line.timestamp for line in lines}) == len(lines)


def test_a_clock_that_went_back_makes_no_older_state(tmp_path: Path) -> None:
    """A state is never stored at the time of the one before it, or earlier, however far the clock is behind."""

    async def main() -> None:
        bench = Bench(tmp_path)
        await bench.runner(clock=lambda: 2_000_000_000_000_000_000).run(RUN, until=P.INGEST)
        first = await bench.kept.states.load_run_state(RUN)
        await bench.runner(clock=lambda: 1_000_000_000_000_000_000).run(RUN)
        second = await bench.kept.states.load_run_state(RUN)
        assert first is not None
        assert second is not None
        assert first.stored_at < second.stored_at < "2033-05-18T03:33:21"
        assert second.state.metadata.status == "completed"

    asyncio.run(main())


# stale, against a model


class StaleMachine(RuleBasedStateMachine):
    """Runs, reruns and failures in any order, beside a model that knows of each step only: made from which versions."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench("memory:")
        self.loop = asyncio.new_event_loop()
        self.versions = itertools.count(1)
        self.model: dict[str, tuple[int, dict[str, int]]] = {}
        self.wanted: set[str] = set()

    NEEDS = {  # noqa: RUF012  # what the model knows of the pipeline
        "ingest": [],
        "context": ["ingest"],
        "translate en": ["ingest", "context"],
        "translate de": ["ingest", "context"],
        "export": ["translate en", "translate de"],
    }

    def good(self, name: str) -> bool:
        """By the model: it was made, nobody wants it anew, and all that it was made from is good and the same."""
        if name not in self.model or name in self.wanted:
            return False
        return all(self.good(need) and self.model[need][0] == was for need, was in self.model[name][1].items())

    def play(self, names: list[str], failing: str | None) -> None:
        for name in names:
            if self.good(name):
                continue
            if name == failing:
                return
            self.model[name] = next(self.versions), {need: self.model[need][0] for need in self.NEEDS[name]}
            self.wanted.discard(name)

    @rule(
        again=st.lists(st.sampled_from(FOUR), max_size=2),
        until=st.none() | st.sampled_from(FOUR),
        failing=st.none() | st.sampled_from(FOUR),
    )
    def run(self, again: list[P], until: P | None, failing: P | None) -> None:
        self.bench.failing = {} if failing is None else {failing: ValueError("no")}
        names = [name for name in ALL if until is None or FOUR.index(P(name.split()[0])) <= FOUR.index(until)]
        self.wanted |= {name for name in self.model if name.split()[0] in again}
        first = next((name for name in ALL if failing is not None and name.split()[0] == failing), None)
        self.play(names, first)
        try:
            self.loop.run_until_complete(self.bench.runner().run(RUN, again=again, until=until))
        except ValueError:
            pass

    @invariant()
    def the_same_is_fresh(self) -> None:
        stored = self.loop.run_until_complete(self.bench.kept.states.load_run_state(RUN))
        if stored is None:
            return
        state = stored.state
        left = [str(step) for step in to_do(self.bench.runner().plan, state.phase_history or [])]
        assert left == [name for name in ALL if not self.good(name)]
        for name, (revision, is_stale) in states_of(state).items():
            assert is_stale == (not self.good(name)), name
            assert revision == sum(
                1
                for one in (state.phase_history or [])
                if one.status == "completed"
                and one.phase == name.split()[0]
                and (one.target_language or "") == name[len(name.split()[0]) + 1 :]
            )
        assert (state.metadata.status == "completed") <= (left == [])

    def teardown(self) -> None:
        self.loop.run_until_complete(self.bench.kept.aclose())
        self.loop.close()


StaleMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)
TestStale = StaleMachine.TestCase
TestStale.__doc__ = "Stale marks are what a small model says, after whatever was run, made again or failed."
