"""Calls that their caller did not let come to their end: tasks that are cancelled, generators that are spoken to."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from .replayed import Program

SLOW = """
@run.tool()
async def slow(seconds):
    await asyncio.sleep(seconds)
    return seconds

@run.tool()
async def slow_items(seconds):
    yield "first"
    await asyncio.sleep(seconds)

async def read_all():
    return [item async for item in slow_items(60)]
"""
CANCELLED = {
    "by a timeout": """
        async def main():
            try:
                async with asyncio.timeout(0.1):
                    await slow(60)
            except TimeoutError:
                return "timeout"
        """,
    "by waiting for so long": """
        async def main():
            try:
                return await asyncio.wait_for(slow(60), 0.1)
            except TimeoutError:
                return "timeout"
        """,
    "as another one is there first": """
        async def main():
            tasks = [asyncio.create_task(slow(seconds)) for seconds in (60, 0.01)]
            done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel("too late")
            told = await asyncio.gather(*rest, return_exceptions=True)
            return [task.result() for task in done] + [str(exc) for exc in told]
        """,
    "for a reason that is another one each time": """
        async def main():
            task = asyncio.create_task(slow(60))
            await asyncio.sleep(0.01)
            task.cancel(f"by process {os.getpid()}")
            await asyncio.wait([task])
            return "cancelled"
        """,
    "as another one of the group has failed": """
        async def fail():
            await asyncio.sleep(0.01)
            raise ValueError("failed")

        async def main():
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(slow(60))
                    group.create_task(fail())
            except* ValueError as exc:
                told = str(exc)
            return told
        """,
    "between two items": """
        async def main():
            try:
                return await asyncio.wait_for(read_all(), 0.1)
            except TimeoutError:
                return "timeout"
        """,
    "at the end of the program": """
        async def main():
            kept.append(asyncio.create_task(slow(60)))
            await asyncio.sleep(0.01)
            return "over"

        kept = []
        """,
    "as nobody awaits it": """
        async def main():
            return "begun"

        waiting = slow(60)
        loop = asyncio.new_event_loop()
        task = loop.create_task(waiting)
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()
        waiting.close()
        """,
}


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A program in a folder of its own."""
    return Program(tmp_path)


@pytest.mark.parametrize("how", CANCELLED)
def test_a_call_that_was_cancelled_is_cancelled_again(program: Program, how: str) -> None:
    """By the program, as then; no call of it comes to anything before."""
    run_id = program.run(f"{SLOW}\n{dedent(CANCELLED[how])}\nrun.finish(result=asyncio.run(main()))")
    found = program.replay(run_id)
    assert (found.divergence, found.notes, found.ok) == (None, [], True)


BY_ITSELF = """
@run.tool()
async def stops(x):
    raise asyncio.CancelledError

async def main():
    try:
        await stops(1)
    except asyncio.CancelledError:
        return "stopped"

run.finish(result=asyncio.run(main()))
"""
_IN_A_HURRY = "import runstone.engine.replay.answering as answering\nanswering.PATIENCE_S = 0.1\n"


def test_a_tool_that_nobody_cancels_is_so_after_a_while(program: Program) -> None:
    """It may have come to it by itself, so that is no divergence, but remarked."""
    found = program.replay(program.run(BY_ITSELF, before=_IN_A_HURRY))
    assert (found.divergence, found.ok) == (None, True)
    assert found.notes == ["tool stops was cancelled then, and nobody cancels it now (call-1)"]


def test_a_program_that_does_not_cancel_any_more_comes_to_its_end(program: Program) -> None:
    """As the tool has no answer, it is cancelled all the same, and the outcome is another one."""
    body = SLOW + "\nasync def main():\n    async with asyncio.timeout(0.1):\n        await slow(60)\n"
    body += "try:\n    asyncio.run(main())\nexcept TimeoutError:\n    run.finish(result='timeout')\n"
    run_id = program.run(body, before=_IN_A_HURRY)
    program.write(body.replace("timeout(0.1)", "timeout(None)"), before=_IN_A_HURRY)
    found = program.replay(run_id)
    assert (found.ok, found.same) == (False, False)
    assert found.notes == ["tool slow was cancelled then, and nobody cancels it now (call-1)"]


SPOKEN_TO = {
    "sent a value": """
        flow = items(5)
        told = [next(flow), flow.send("a"), flow.send("b")]
        try:
            flow.send("stop")
        except StopIteration as stop:
            told.append(stop.value)
        """,
    "thrown what it catches": """
        flow = items(5)
        told = [next(flow), flow.throw(KeyError("caught")), next(flow)]
        flow.close()
        """,
    "thrown what it answers to by ending": """
        flow = items(5)
        told = [next(flow)]
        try:
            flow.throw(LookupError("end"))
        except StopIteration as stop:
            told.append(stop.value)
        """,
    "thrown what it does not catch": """
        flow = items(5)
        told, thrown = [next(flow)], ValueError("not caught")
        try:
            flow.throw(thrown)
        except ValueError as exc:
            told += [str(exc), exc is thrown]
        """,
    "thrown what it answers to by another of the class": """
        flow = items(5)
        told = [next(flow)]
        try:
            flow.throw(OSError("gone"))
        except OSError as exc:
            told.append(str(exc))
        """,
    "thrown a secret that it does not catch": """
        flow = items(5)
        told, thrown = [next(flow)], ValueError("not caught: declared-secret-1, " + run.run_id)
        try:
            flow.throw(thrown)
        except ValueError as exc:
            told += [exc is thrown]
        """,
    "closed": """
        flow = items(5)
        told = [next(flow), next(flow)]
        flow.close()
        """,
    "closed, and fails": """
        flow = items(0)
        told = [next(flow)]
        try:
            flow.close()
        except RuntimeError as exc:
            told.append(str(exc))
        """,
    "spoken to in a task": """
        async def main():
            flow = later(5)
            told = [await anext(flow), await flow.asend("a"), await flow.athrow(KeyError("caught"))]
            await flow.aclose()
            flow, thrown = later(5), ValueError("not caught")
            told.append(await anext(flow))
            try:
                await flow.athrow(thrown)
            except ValueError as exc:
                told += [str(exc), exc is thrown]
            flow = later(0)
            await anext(flow)
            try:
                await flow.aclose()
            except RuntimeError as exc:
                told.append(str(exc))
            return told

        told = asyncio.run(main())
        """,
}
_SPEAKING = """
@run.tool()
def items(n):
    number, sent = 0, Path("backend.txt").read_text()
    while True:
        try:
            sent = yield [number, sent]
        except KeyError as exc:
            sent = str(exc)
        except LookupError as exc:
            return f"ended by {exc}"
        except OSError as exc:
            raise OSError(f"page {number}: {exc}") from exc
        except GeneratorExit:
            if not n:
                raise RuntimeError("not closed")
            raise
        number += 1
        if sent == "stop":
            return "stopped"

@run.tool()
async def later(n):
    flow = items(n)
    item = next(flow)
    while True:
        try:
            sent = yield item
            item = flow.send(sent)
        except KeyError as exc:
            item = flow.throw(exc)
        except GeneratorExit:
            flow.close()
            raise
"""


@pytest.mark.parametrize("how", SPOKEN_TO)
def test_a_generator_may_be_spoken_to(program: Program, how: str) -> None:
    """It yields, answers and raises what it did then, whatever it is sent."""
    body = f"{_SPEAKING}\n{dedent(SPOKEN_TO[how])}\nrun.finish(result=told)"
    run_id = program.run(body, options=", secrets=['declared-secret-1']")
    found = program.replay(run_id)
    assert (found.divergence, found.ok) == (None, True)


def test_a_generator_is_not_read_further_than_then(program: Program) -> None:
    """What it would have yielded then nobody knows."""
    body = _SPEAKING + "\nflow = items(5)\nnext(flow)\nflow.close()\n"
    run_id = program.run(body)
    program.write(body.replace("flow.close()", "next(flow)"))
    found = program.replay(run_id)
    assert found.divergence is not None
    message = "tool items was cancelled then, and is let through now"
    assert (found.divergence["reason"], found.divergence["message"]) == ("result", message)
