"""Log sinks of an orchestrator: bounded, redacted, never in its way; and progress that costs no seal."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from runstone.adapters.fs import durable
from runstone.contracts.rentl import LogEntry, open_async_stores, open_stores
from runstone.contracts.rentl.errors import storage_error
from runstone.contracts.rentl.models import PhaseName
from runstone.contracts.rentl.phases import Phase, PhaseContext, PhaseOutput
from runstone.contracts.rentl.runner import PhaseRunner
from runstone.contracts.rentl.sinks import LogSink, Progress, ProgressStream
from runstone.core.redaction.redactor import Redactor
from runstone.testing.racing import RACERS, race

RUN = UUID("01890a5c-91c8-7b2a-9f51-9b40d0cf0001")
OTHER = UUID("01890a5c-91c8-7b2a-9f51-9b40d0cf0002")
SECRET = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"


def entry(number: int = 0, run: UUID = RUN, **more: Any) -> LogEntry:
    known = {"timestamp": "2026-02-03T04:05:06Z", "level": "info", "event": "e", "run_id": run, "message": f"m{number}"}
    return LogEntry.model_validate({**known, **more})


class Held:
    """A log store that writes when it is told to."""

    def __init__(self) -> None:
        self.calls: list[list[LogEntry]] = []
        self.open = asyncio.Event()
        self.failing = False

    async def append_log(self, entry: LogEntry) -> None:
        await self.append_logs([entry])

    async def append_logs(self, entries: Sequence[LogEntry]) -> None:
        await self.open.wait()
        if self.failing:
            raise storage_error("io_error", "the disk is away")
        self.calls.append(list(entries))

    async def get_log_reference(self, run_id: UUID) -> None:
        return None

    @property
    def messages(self) -> list[str]:
        return [line.message for call in self.calls for line in call]


def test_lines_are_written_in_order_and_many_at_once(tmp_path: Path) -> None:
    """By run; at the end all are there, with few calls of the store; the reference counts them."""

    async def main() -> None:
        held = Held()
        async with LogSink(held, batch=50) as sink:
            for number in range(120):
                await sink.emit(entry(number))
            await sink.emit(entry(0, OTHER))
            held.open.set()
        assert held.messages == [*(f"m{number}" for number in range(120)), "m0"]
        assert len(held.calls) <= 6
        assert all(len({line.run_id for line in call}) == 1 for call in held.calls)
        assert (sink.written, sink.dropped, sink.failed) == (121, 0, 0)
        kept = open_async_stores(tmp_path)
        async with LogSink(kept.logs) as real:
            for number in range(10):
                await real.emit(entry(number))
        reference = await kept.logs.get_log_reference(RUN)
        assert reference is not None
        assert reference.entry_count == 10
        assert Path(reference.location.path or "").read_bytes().count(b"\n") == 10
        await kept.aclose()

    asyncio.run(main())


def test_a_full_queue_holds_back_who_can_wait(tmp_path: Path) -> None:
    """`emit` waits until there is room, and nothing is lost; the queue never has more than its capacity."""

    async def main() -> None:
        held = Held()
        sink = LogSink(held, capacity=5, batch=1)

        async def work() -> None:
            for number in range(20):
                await sink.emit(entry(number))

        task = asyncio.create_task(work())
        for _ in range(200):
            await asyncio.sleep(0)
        assert not task.done()
        assert len(sink._waiting) <= 5
        held.open.set()
        await task
        await sink.aclose()
        assert held.messages == [f"m{number}" for number in range(20)]

    asyncio.run(main())


def test_what_is_offered_to_a_full_queue_is_dropped_and_told() -> None:
    """`offer` never waits; the log has a line with the number."""

    async def main() -> None:
        held = Held()
        sink = LogSink(held, capacity=3, batch=100)
        taken = [sink.offer(entry(number)) for number in range(10)]
        assert taken == [True] * 3 + [False] * 7
        held.open.set()
        await sink.aclose()
        assert held.messages == ["m0", "m1", "m2", "7 log lines were dropped: the queue was full"]
        assert (sink.written, sink.dropped) == (4, 7)

    asyncio.run(main())


def test_any_thread_may_offer_a_line() -> None:
    """The writer in the loop is woken: all lines are written while the sink stays open."""

    async def main() -> None:
        held = Held()
        held.open.set()
        async with LogSink(held) as sink:
            await sink.emit(entry(0))
            await sink.flush()
            assert await asyncio.to_thread(lambda: [sink.offer(entry(number)) for number in (1, 2)]) == [True, True]
            while len(held.messages) < 3:
                await asyncio.sleep(0)
        assert held.messages == ["m0", "m1", "m2"]

    asyncio.run(asyncio.wait_for(main(), 10))


def test_a_line_that_is_offered_first_is_written() -> None:
    """In the loop in which it was offered, though nobody has emitted or flushed; in a second loop as well."""
    held = Held()
    held.open.set()
    sink = LogSink(held)

    async def main(number: int) -> None:
        assert sink.offer(entry(number)) is True
        while len(held.messages) < number:
            await asyncio.sleep(0)
        await sink.aclose()

    for number in (1, 2):
        asyncio.run(asyncio.wait_for(main(number), 10))
    assert held.messages == ["m1", "m2"]


def test_what_is_offered_before_there_is_a_loop_waits() -> None:
    """For the first one that the sink is used in; of many threads no more than fits, and every other line is told."""
    held = Held()
    sink = LogSink(held, capacity=50, batch=1000)
    answers = race(lambda racer: str(sum(sink.offer(entry(racer)) for _ in range(40))))
    assert sum(map(int, answers)) == len(sink._waiting) == 50
    assert sink.dropped == 40 * RACERS - 50

    async def main() -> None:
        held.open.set()
        await sink.aclose()

    asyncio.run(main())
    assert held.messages[50:] == [f"{sink.dropped} log lines were dropped: the queue was full"]
    assert sink.offer(entry(1)) is True  # the loop has ended: it waits for the next one
    assert len(sink._waiting) == 1


def test_a_phase_may_log_and_report_from_a_thread(tmp_path: Path) -> None:
    """The phase goes on, its lines are in the log, and who watches is woken."""

    async def main() -> list[Progress]:
        kept = open_async_stores(tmp_path)
        seen: list[Progress] = []
        watched = asyncio.Event()

        async def watch(stream: ProgressStream) -> None:
            async for progress in stream.watch():
                seen.append(progress)
                watched.set()

        async def work(context: PhaseContext) -> PhaseOutput:
            def in_thread() -> None:
                context.progress(1, 1)
                context.log("worked", "in a thread")

            await asyncio.to_thread(in_thread)
            await watched.wait()
            return PhaseOutput()

        async with LogSink(kept.logs) as sink:
            stream = ProgressStream(sink)
            task = asyncio.create_task(watch(stream))
            await asyncio.sleep(0)
            runner = PhaseRunner(
                [Phase(PhaseName.INGEST, work)],
                project_name="p",
                source_language="ja",
                target_languages=["en"],
                logs=sink,
                progress=stream,
            )
            await runner.run(RUN)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await kept.aclose()
        return seen

    seen = asyncio.run(asyncio.wait_for(main(), 10))
    assert seen == [Progress(RUN, PhaseName.INGEST, None, 1, 1)]
    lines = [line.message for line in open_stores(tmp_path).logs.load_logs(RUN)]
    assert lines[2:4] == ["1 of 1", "in a thread"]


def test_a_store_that_fails_stops_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    """The loss is counted, said once, and the next lines are written."""

    async def main() -> None:
        held = Held()
        held.open.set()
        held.failing = True
        async with LogSink(held, batch=1) as sink:
            await sink.emit(entry(1))
            await sink.emit(entry(2))
            await sink.flush()
            held.failing = False
            await sink.emit(entry(3))
        assert (held.messages, sink.failed, sink.written) == (["m3"], 2, 1)

    asyncio.run(main())
    assert capfd.readouterr().err.count("log lines are lost: the disk is away") == 1


def test_a_store_that_raises_anything_stops_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    """A store that somebody else wrote raises what it likes: `flush` comes to its end, and no secret is said."""

    class Full(Held):
        async def append_logs(self, entries: Sequence[LogEntry]) -> None:
            if self.failing:
                raise OSError(f"no room for {SECRET}")
            await super().append_logs(entries)

    async def main() -> None:
        held = Full()
        held.open.set()
        held.failing = True
        async with LogSink(held, capacity=1, batch=1) as sink:
            for number in range(3):
                await sink.emit(entry(number))
            await asyncio.wait_for(sink.flush(), 10)
            held.failing = False
            await sink.emit(entry(3))
        assert (held.messages, sink.failed, sink.written) == (["m3"], 3, 1)

    asyncio.run(main())
    said = capfd.readouterr().err
    assert (said.count("log lines are lost: OSError: no room for"), SECRET in said) == (1, False)


def test_secrets_do_not_pass_the_boundary() -> None:
    """Whatever store stands behind; digests do."""
    digest = "0a" * 32

    async def main() -> None:
        held = Held()
        held.open.set()
        async with LogSink(held) as sink:
            await sink.emit(entry(message=f"with {SECRET}", data={"sha256": digest, "api_key": "abcdef-123456"}))
            sink.offer(entry(data={"note": SECRET}))
        text = repr(held.calls)
        assert SECRET not in text
        assert "abcdef-123456" not in text
        assert digest in text

    asyncio.run(main())


def test_a_secret_changes_nothing_beside_it() -> None:
    """Keys that begin with a dollar and numbers of any size are handed on as they are."""
    beside = {"$schema": "x", "$json": "y", "n": 12345678901234567890}

    async def main() -> None:
        held = Held()
        held.open.set()
        async with LogSink(held) as sink:
            await sink.emit(entry(data={**beside, "password": "hunter2hunter2"}))
        assert held.calls[0][0].data == {**beside, "password": "[REDACTED:named-secret]"}

    asyncio.run(main())


# progress


def test_progress_ten_times_a_second_costs_no_seal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred reports in ten seconds: nothing is renamed, at most a line a second is written, the last one is."""
    renamed: list[str] = []
    synced: list[int] = []
    monkeypatch.setattr(os, "rename", lambda *names: renamed.append(names[0]))
    monkeypatch.setattr(os, "replace", lambda *names: renamed.append(names[0]))
    real = durable.sync_data
    monkeypatch.setattr(durable, "sync_data", lambda fd: (synced.append(fd), real(fd)))
    now = [1_700_000_000_000_000_000]

    async def main() -> None:
        kept = open_async_stores(tmp_path)
        sink = LogSink(kept.logs)
        stream = ProgressStream(sink, clock=lambda: now[0])
        for number in range(1, 101):
            now[0] += 100_000_000
            stream.report(Progress(RUN, PhaseName.TRANSLATE, "en", number, 100))
        await sink.aclose()
        await kept.aclose()

    asyncio.run(main())
    lines = open_stores(tmp_path).logs.load_logs(RUN)
    assert 9 <= len(lines) <= 12
    assert lines[-1].message == "100 of 100"
    assert renamed == []
    assert len(synced) <= len(lines)


def test_readers_see_the_newest() -> None:
    """A slow reader misses what is no longer new, and holds nobody back; each phase is told."""

    async def main() -> list[Progress]:
        stream = ProgressStream()
        seen: list[Progress] = []

        async def read() -> None:
            async for progress in stream.watch():
                seen.append(progress)
                await asyncio.sleep(0)

        task = asyncio.create_task(read())
        await asyncio.sleep(0)
        for number in range(1000):
            stream.report(Progress(RUN, PhaseName.TRANSLATE, None, number, 999))
        stream.report(Progress(RUN, PhaseName.QA, None, 1, None))
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert stream._readers == set()
        return seen

    seen = asyncio.run(main())
    assert seen == [Progress(RUN, PhaseName.TRANSLATE, None, 999, 999), Progress(RUN, PhaseName.QA, None, 1, None)]


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


ODD: list[tuple[tuple[Any, Any], dict[str, Any], tuple[str, str, Any]]] = [
    (("x", ""), {}, ("x", "x", None)),
    (("x", 5), {}, ("x", "5", None)),
    (("x", "\ud800"), {}, ("x", "\u00ed\u00a0\u0080", None)),
    (("Line Done!", "y"), {}, ("line_done", "y", None)),
    (("\u6e2f", "y"), {}, ("event", "y", None)),
    ((7, "y"), {"level": "loud"}, ("event_7", "y", None)),
    (("x", "y"), {"d": datetime(2026, 2, 3, tzinfo=UTC)}, ("x", "y", {"d": "2026-02-03T00:00:00.000000Z"})),
    (("x", "y"), {"d": float("nan"), "e": b"a"}, ("x", "y", {"d": "NaN", "e": {"$bytes": "YQ=="}})),
    (("x", "y"), {"d": 10**20, "$e": 1.0}, ("x", "y", {"d": 10**20, "$e": 1.0})),
    (("x", "y"), {"d": nested(58)}, ("x", "y", {"d": nested(58)})),
    (("x", "y"), {"d": nested(61)}, ("x", "y", {"dropped": "too_deep"})),
    (("x", SECRET), {"d": nested(5000)}, ("x", "[REDACTED:stripe-key]", {"dropped": "too_deep"})),
    ((SECRET, "y"), {}, ("redacted_stripe_key", "y", None)),
    (("x", "y"), {"d": "a\ud800"}, ("x", "y", {"d": "a\u00ed\u00a0\u0080"})),
    (("x", "y"), {"d": 10**5000}, ("x", "y", {"d": hex(10**5000)})),
]


@pytest.mark.parametrize(("said", "data", "line"), ODD)
def test_no_value_that_is_logged_ends_a_phase(
    said: tuple[Any, Any], data: dict[str, Any], line: tuple[str, str, Any]
) -> None:
    """What a line cannot hold is coerced, or left out and said to be; what it can hold stays as it is."""

    async def work(context: PhaseContext) -> PhaseOutput:
        context.log(*said, **data)
        return PhaseOutput()

    async def main() -> None:
        kept = open_async_stores("memory:")
        known = {"project_name": "p", "source_language": "ja", "target_languages": ["en"]}
        async with LogSink(kept.logs) as sink:
            state = await PhaseRunner([Phase(PhaseName.INGEST, work)], **known, logs=sink).run(RUN)  # type: ignore[arg-type]  # names of two kinds
            assert (sink.dropped, sink.failed, state.metadata.status) == (0, 0, "completed")
        lines = [
            (one.event, one.message, one.data) for one in await kept.logs.load_logs(RUN) if one.event[:4] != "run_"
        ]
        assert lines[1:-1] == [line]
        await kept.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("number", [float("nan"), Decimal("1.5"), None])
def test_no_number_that_is_reported_ends_a_phase(number: Any) -> None:
    """It is logged as it can be."""

    async def main() -> None:
        kept = open_async_stores("memory:")
        async with LogSink(kept.logs) as sink:
            ProgressStream(sink).report(Progress(RUN, PhaseName.INGEST, None, number, 2))
        [line] = await kept.logs.load_logs(RUN)
        assert (line.event, line.message) == ("progress", f"{number} of 2")
        await kept.aclose()

    asyncio.run(main())


def test_a_secret_that_is_an_event_ends_no_phase() -> None:
    """Nor a line whose members nobody knows."""

    async def main() -> None:
        kept = open_async_stores("memory:")
        redactor = Redactor({"inside_information": "declared"})
        async with LogSink(kept.logs, redact=redactor) as sink:
            await sink.emit(entry(event="inside_information"))
            assert sink.offer(entry(more=nested(70), message=SECRET))
        lines = [(one.event, one.message, one.data) for one in await kept.logs.load_logs(RUN)]
        assert lines == [("redacted_declared", "m0", None), ("e", "[REDACTED:stripe-key]", {"dropped": "too_deep"})]
        await kept.aclose()

    asyncio.run(main())
