"""Save the state of a graph at each step, and go on from it.

- `chat of 2 KB`, `chat of 10 KB`: a conversation of 400 turns of so many letters; each step puts the whole list of
  messages. `state of 10 KB`, `state of 1 MB`: a text of which each of 1,000, or 200, steps changes 1 KB, at another
  place. Microseconds a put, serialising included; `stored` is bytes in the store for each byte that was new. A
  contender that takes longer than `MAX_SECONDS` ends earlier (`puts`). They take turns, step by step, in one process.
- `resume`: milliseconds to the last checkpoint of a thread of 100,000 steps, by a saver that has just been opened, in
  the median of 20. The threads are put unsynced.

Ratios are to LangGraph's SQLite saver. It and ours sync each put; PostgreSQL's is on a server that syncs nothing, and
the one in memory stores nothing.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench.clock import Stopwatch
from bench.measurement import Case, Measurement, Row, Target
from bench.peers.savers import load_saver

TURNS = 400
MAX_SECONDS = 8.0
CHANGES = {10 << 10: 1000, 1 << 20: 200}
"""How many times a text of so many bytes is changed."""
LONG_STEPS = 100_000
RESUMES = 20
LETTERS = "abcdefghijklmnopqrstuvwxyz     "

State = tuple[str, Any, int]
"""Name of the channel, its value, and how many bytes of it are new."""


def letters(size: int, rnd: random.Random) -> str:
    """Text of random letters."""
    return "".join(rnd.choices(LETTERS, k=size))


def chat(size: int) -> Iterator[State]:
    """A list of messages that grows by one a step."""
    from langchain_core.messages import AIMessage, HumanMessage

    rnd, messages = random.Random(size), []
    for turn in range(TURNS):
        kind = HumanMessage if turn % 2 == 0 else AIMessage
        messages = [*messages, kind(letters(size, rnd), id=f"message-{turn}")]
        yield "messages", messages, size


def changing(size: int) -> Iterator[State]:
    """A text of which a piece, a tenth of it and a kilobyte at most, is another one at each step."""
    rnd, piece = random.Random(1), min(1 << 10, size // 10)
    text = letters(size, rnd)
    yield "text", text, size
    for _ in range(CHANGES[size]):
        at = rnd.randrange(size - piece)
        text = text[:at] + letters(piece, rnd) + text[at + piece :]
        yield "text", text, piece


class Thread:
    """A thread of a saver, put step by step."""

    def __init__(self, saver: Any) -> None:
        self.saver = saver
        self.config: Any = {"configurable": {"thread_id": "thread", "checkpoint_ns": ""}}
        self.version: Any = None
        self.step = 0

    def put(self, channel: str, value: Any) -> None:
        """The next step."""
        from langgraph.checkpoint.base import empty_checkpoint
        from langgraph.checkpoint.base.id import uuid6

        checkpoint = empty_checkpoint()
        checkpoint["id"] = str(uuid6(clock_seq=self.step))
        self.version = self.saver.get_next_version(self.version, None)
        checkpoint["channel_values"] = {channel: value}
        checkpoint["channel_versions"] = {channel: self.version}
        told = {"source": "loop", "step": self.step, "parents": {}}
        self.config = self.saver.put(self.config, checkpoint, told, {channel: self.version})
        self.step += 1


def measure_puts(states: Callable[[], Iterator[State]], contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """Put in turns, each contender until the states end or it has had its time."""
    savers = [load_saver(name, scratch) for name in contenders]
    threads = [Thread(one.saver) for one in savers]
    watches = [Stopwatch() for _ in savers]
    new = [0] * len(savers)
    for channel, value, size in states():
        for index, (thread, watch) in enumerate(zip(threads, watches, strict=True)):
            if watch.wall_s < MAX_SECONDS:
                with watch:
                    thread.put(channel, value)
                new[index] += size
    found = []
    for name, one, thread, watch, size in zip(contenders, savers, threads, watches, new, strict=True):
        one.close()
        details = {"puts_s": thread.step / watch.seconds, "stored": one.stored_bytes() / size, "puts": thread.step}
        found.append(Measurement(name, 1e6 * watch.seconds / thread.step, "us", details=details))
    return found


def measure_resume(contenders: Sequence[str], scratch: Path) -> list[Measurement]:
    """The last checkpoint of a long thread."""
    found = []
    for name in contenders:
        saver = load_saver(name, scratch, quick=True)
        thread = Thread(saver.saver)
        value = letters(200, random.Random(2))
        began = time.perf_counter()
        for step in range(LONG_STEPS):
            thread.put("note", f"{step:08} {value}")
        put_s = time.perf_counter() - began
        saver.close()
        took = []
        for _ in range(RESUMES):
            fresh = load_saver(name, scratch)
            with Stopwatch() as watch:
                last = fresh.saver.get_tuple({"configurable": {"thread_id": "thread"}})
            took.append(watch.seconds)
            assert last is not None
            assert last.checkpoint["channel_values"]["note"].startswith(f"{LONG_STEPS - 1:08}")
            fresh.close()
        details = {"steps": LONG_STEPS, "unsynced_put_us": 1e6 * put_s / LONG_STEPS}
        found.append(Measurement(name, 1e3 * statistics.median(took), "ms", details=details))
    return found


STORED = Target("stored", 2.0, "at most 2 bytes stored for each new byte")
QUICKER = Target("ratio", 1.0, "quicker puts than the SQLite saver beside it")


def _puts(name: str, states: Callable[[], Iterator[State]]) -> Case:
    return Case(
        partial(measure_puts, states),
        floor="langgraph:sqlite",
        targets=(STORED, QUICKER),
        name=name,
        references=("langgraph:memory", "langgraph:postgres"),
        columns=("puts_s", "stored", "puts"),
        max_reps=3,
        ratio_to="the SQLite saver",
    )


ROW = Row(
    "states",
    "Save the state of a graph",
    (
        _puts("chat of 2 KB", partial(chat, 2 << 10)),
        _puts("chat of 10 KB", partial(chat, 10 << 10)),
        _puts("state of 10 KB", partial(changing, 10 << 10)),
        _puts("state of 1 MB", partial(changing, 1 << 20)),
        Case(
            measure_resume,
            floor="langgraph:sqlite",
            name="resume",
            columns=("steps", "unsynced_put_us"),
            max_reps=1,
            ratio_to="the SQLite saver",
            timeout_s=600,
        ),
    ),
)
