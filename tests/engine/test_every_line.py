"""A signal handler at every line, one after the other, of a line that is recorded, of a stream, and of a run that is
opened or becomes loose: it raises, records, or finishes the run."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

AT_ONE_LINE = """
import sys, runstone

class Alarm(BaseException):
    pass

seen, step = set(), [0]

def at_a_new_line(files, passed, handler):
    '''Calls `handler` once, at the first line of these files that is not seen yet; answers what says whether it did.'''
    hit = []
    def trace(frame, event, _):
        code = frame.f_code
        if not code.co_filename.endswith(files):
            return None
        place = (code.co_filename, code.co_name, frame.f_lineno, event, step[0])
        if event in ("line", "return") and not hit and place not in seen and code.co_name not in passed:
            seen.add(place)
            hit.append(place)
            sys.settrace(None)
            handler()
        return trace
    sys.settrace(trace)
    return hit
"""

RECORDED = (
    AT_ONE_LINE
    + """
from runstone.engine.indexing import BackgroundIndex
from runstone.errors import error

what, kind = sys.argv[1:]
SECRET = "tok-s3cretvalue"
faults = []

WORK = [
    lambda: run.event("x.step", {"n": (1,)}),
    lambda: run.log("a message with " + SECRET),
    lambda: run.stream("stdout", b"a piece\\n"),
    lambda: run.log("another with " + SECRET),
    lambda: run.stream("stdout", SECRET.encode() + b" in a piece\\n"),
    lambda: run.log("one more"),
    lambda: run.event("x.step", {"n": 2}),
    lambda: run.event("no type", {}),
]

def work():
    for step[0], call in enumerate(WORK):
        call()

def before():
    append = run.writer._append
    def appending(line):
        run.writer._append = append
        if kind == "after a loss":
            raise error("store_unavailable", "the disk is full")
        append(line)
        run.note("waits")
        run.note("waits, too")
    run.writer._append = appending
    run.log("before")

def handler():
    if "finish" in what:
        run.finish("cancelled")
    if "record" in what:
        said.append(run.log("of the handler"))
    if "raise" in what:
        raise Alarm

def fault():
    if findings := store.verify("r").findings:
        return findings
    sealed = store.get("r")
    if "finish" in what:
        return None if sealed.status == "cancelled" else sealed.status
    lines = sealed.file("run.log").decode().split("\\n")
    dropped = sum(event["data"]["events"] for event in sealed.events("dropped"))
    last = [line for line in lines if line.startswith("after ")]
    if last != ["after 0", "after 1", "after 2"]:
        return "what comes after is lost"
    if [lines[int(ref.rpartition(":")[2]) - 1] for ref in after] != last:
        return "references lead elsewhere"
    if what == "record" and (dropped != 1 + (kind == "after a loss") or lines.count("of the handler") != 1):
        return "something is lost, or is there twice"
    if kind == "with lines that wait" and [event["data"]["text"] for event in sealed.events("note")] != NOTES:
        return "what waited is lost"
    told = [lines[int(ref.rpartition(":")[2]) - 1] for ref in said if ref != "run.log:line:0"]
    if told not in ([], ["of the handler"]):
        return "the reference of the handler leads elsewhere"
    return None

NOTES = ["waits", "waits, too"]
hit = True
while hit:
    said = []
    store = runstone.open("memory:")
    run = store.run("job", run_id="r", secrets=[SECRET])
    index = BackgroundIndex(run.writer) if kind == "beside an index" else None
    if kind in ("after a loss", "with lines that wait"):
        before()
    hit = at_a_new_line(
        ("engine/writer.py", "engine/admitted.py", "engine/indexing.py"), ("_told", "say"), handler
    )
    try:
        work()
    except Alarm:
        pass
    sys.settrace(None)
    after = [run.log(f"after {number}") for number in range(3)]
    if index is not None:
        index.finish()
    run.finish()
    if hit and (found := fault()):
        faults.append((*hit, found))
print(len(seen), faults)
"""
)


WHAT = ["raise", "record", "record and raise", "finish"]
KINDS = ["plain", "after a loss", "with lines that wait", "beside an index"]
BOTH = [(what, kind) for what in WHAT for kind in KINDS if (what, kind) != ("finish", "beside an index")]
"""Who has an index beside ends it before the run."""


@pytest.mark.parametrize(("what", "kind"), BOTH)
def test_a_line_is_whole_or_cut_off_and_all_counts_are_right(what: str, kind: str) -> None:
    """What comes after is recorded, references lead where they say, and the bundle verifies."""
    command = [sys.executable, "-c", RECORDED, what, kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    lines, _, faults = done.stdout.strip().partition(" ")
    assert int(lines) > 130
    assert faults == "[]"


TIMED_OUT = (
    AT_ONE_LINE
    + """
import os
from runstone.core.values import Foreign

kind, where = sys.argv[1:]
SECRET = "tok-s3cretvalue"

class Timeout({"any": Exception, "system": TimeoutError}[kind]):
    pass

def handler():
    raise Timeout

def work():
    run.event("x.step", {"text": "with " + SECRET})
    run.event("x.step", {"plan": Foreign([SECRET, float("nan")], "py-compact-utf8")})
    run.log("a message with " + SECRET)
    run.output("file", where + "/kept.txt", keep=True)

with open(where + "/kept.txt", "w") as file:
    file.write("password=[REDACTED:named-secret]\\n")
faults, hit = [], True
while hit:
    store = runstone.open(where + "/runs")
    run = store.run("job", secrets=[SECRET])
    files = ("redaction/redactor.py", "redaction/tree.py", "redaction/gate.py", "engine/search.py")
    hit = at_a_new_line(files, ("__del__",), handler)
    told = False
    try:
        work()
    except Timeout:
        told = True
    sys.settrace(None)
    if told and os.path.exists(f"{where}/runs/.runstone/open/{run.run_id}/artifacts"):
        faults.append((*hit, "a file is kept that nothing tells of"))
    run.finish()
    sealed = store.get(run.run_id)
    if hit and not told:
        faults.append((*hit, "it is swallowed"))
    if hit and store.verify(run.run_id).findings:
        faults.append((*hit, "the bundle is wrong"))
print(len(seen), faults)
"""
)


@pytest.mark.parametrize("kind", ["any", "system"])
def test_a_timeout_within_the_redactor_is_the_programs(kind: str, tmp_path: Path) -> None:
    """It is no fault of the redactor: it goes through, and what comes after is recorded."""
    command = [sys.executable, "-c", TIMED_OUT, kind, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    lines, _, faults = done.stdout.strip().partition(" ")
    assert int(lines) > 100
    assert faults == "[]"


STREAMED = (
    AT_ONE_LINE
    + """
from runstone.engine.streams import RunStreams

what = sys.argv[1]
CODE = RunStreams.record.__code__
FIRST = min(line for _, _, line in CODE.co_lines() if (line or 0) > CODE.co_firstlineno)
FILES = ("engine/streams.py", "engine/writer.py", "engine/characters.py", "redaction/cutting.py")
faults, hit = [], True

def handler():
    if "record" in what:
        run.stream("stdout", b"of the handler\\n")
    if "finish" in what:
        run.finish("cancelled")
    if "raise" in what:
        raise Alarm

def fault():
    if findings := store.verify("r").findings:
        return findings
    text = "".join(event["data"]["text"] for event in store.get("r").events("log"))
    lost = sum(event["data"]["events"] for event in store.get("r").events("dropped"))
    if what == "finish":
        lost += store.get("r").status == "cancelled" and text.count("piece one") == 0
    was_taken = hit[0][:3] != (CODE.co_filename, "record", FIRST)
    expected = ["begin, "] + ["piece one"] * ("raise" not in what or was_taken)
    expected += ["of the handler"] * ("record" in what) + ["piece two"] * (what != "finish")
    if [word for word in expected if text.count(word) != 1] and not lost:
        return text
    return "something is lost" if what == "record" and lost else None

while hit:
    store = runstone.open("memory:")
    run = store.run("job", run_id="r")
    run.stream("stdout", b"begin, ")
    hit = at_a_new_line(FILES, ("_told", "say", "recording"), handler)
    try:
        run.stream("stdout", b"piece one\\n")
    except Alarm:
        pass
    sys.settrace(None)
    run.stream("stdout", b"piece two\\n")
    run.finish()
    if hit and (found := fault()):
        faults.append((*hit, found))
print(len(seen), faults)
"""
)


@pytest.mark.parametrize("what", ["raise", "record", "record and raise", "finish"])
def test_a_piece_of_a_stream_is_recorded_once_or_its_loss_is_counted(what: str) -> None:
    """What waited for the end of its line as well; what a handler gives stands behind it."""
    command = [sys.executable, "-c", STREAMED, what]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    lines, _, faults = done.stdout.strip().partition(" ")
    assert int(lines) > 70
    assert faults == "[]"


LOOSENED = (
    AT_ONE_LINE
    + """
import os
from runstone.adapters.fs import places
from runstone.adapters.fs.packs import open_run

what, where = sys.argv[1:]
places.LOCK_WAIT_S, open_run.MAX_HELD_BYTES = 0.0, 8000 * (1 + 10 * ("packed" in what))
store = runstone.open(where, packed=True)
faults, hit = [], True

def handler():
    if "finish" in what:
        run.finish("cancelled")
    if "keep" in what:
        run.output("of_the_handler.json", {"a": 1})
    if "raise" in what:
        raise Alarm

def fault():
    if not store.objects.exists(run.run_id):
        return "it is not sealed"
    sealed = store.get(run.run_id)
    if store.open_runs() or os.path.lexists(f"{where}/.runstone/open/{run.run_id}/events.jsonl"):
        return "it is open, too"
    if "#" in sealed.path and os.path.lexists(f"{where}/.runstone/lease/{run.run_id}"):
        return "its lease stands"
    if "finish" in what and sealed.status != "cancelled":
        return sealed.status
    if "finish" not in what and "after" not in sealed.file("run.log").decode():
        return "what comes after is lost"
    if "keep" in what and not sealed.file("artifacts/of_the_handler.json"):
        return "what the handler keeps is lost"
    return store.verify(run.run_id).findings or None

while hit:
    run = store.run("job")
    hit = at_a_new_line(("packs/open_run.py", "packs/spooling.py", "fs/durable.py"), (), handler)
    try:
        run.output("kept.json", {"b": 1})
        for step[0], text in enumerate(("before", "x" * 8000)):
            run.log(text)
    except Alarm:
        pass
    sys.settrace(None)
    run.log("after")
    run.finish()
    if hit and (found := fault()):
        faults.append((*hit, found))
print(len(seen), faults)
"""
)


@pytest.mark.parametrize("what", ["raise", "finish", "finish and raise", "keep", "keep, packed"])
def test_a_packed_run_that_becomes_loose_is_sealed_once(what: str, tmp_path: Path) -> None:
    """Nothing of it is open any more, and nobody waits for the lease that the interrupted call holds."""
    command = [sys.executable, "-c", LOOSENED, what, str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    lines, _, faults = done.stdout.strip().partition(" ")
    assert int(lines) > 80
    assert faults == "[]"


OPENED = """
import os, sys, runstone

class Alarm(BaseException):
    pass

where, kind = sys.argv[1:]
parts = tuple(os.path.join(os.path.dirname(runstone.__file__), name) for name in ("engine", "adapters"))
store = runstone.open(where, packed=kind == "packed")

def opening(number):
    # stopped at the line of this number
    seen = set()
    def trace(frame, event, _):
        code = frame.f_code
        if not code.co_filename.startswith(parts) or code.co_name in ("give_up", "_give_up"):
            return None
        if event == "line":
            seen.add((code, frame.f_lineno))
            if len(seen) == number:
                sys.settrace(None)
                raise Alarm
        return trace
    sys.settrace(trace)
    store.run("job", run_id=given, config={"a": 1})
    sys.settrace(None)

def fault():
    if store.open_runs():
        return "it is open for ever"
    if given is not None and not store.objects.exists(given):
        store.run("job", run_id=given).finish()
    return None

with store.run("warm", config={"a": 1}):
    pass
faults, number, more = [], 0, True
while more:
    number += 1
    given = None if kind == "packed" else f"r{number}"
    child = os.fork()
    if not child:
        try:
            opening(number)
        except Alarm:
            sys.exit(1)
        sys.exit(0)
    more = os.waitpid(child, 0)[1] != 0
    store.recover()
    store.sweep()
    try:
        found = fault()
    except Exception as exc:
        found = str(exc)
    if found:
        faults.append((number, found))
faults += [sealed.run_id for sealed in store.runs() if not store.verify(sealed.run_id).ok]
print(number, faults)
"""


@pytest.mark.parametrize("kind", ["loose", "packed"])
def test_a_run_is_open_or_there_is_none(kind: str, tmp_path: Path) -> None:
    """Once the process has ended, recovery seals what was opened; of what was not, nothing is left."""
    command = [sys.executable, "-c", OPENED, str(tmp_path / "runs"), kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    lines, _, faults = done.stdout.strip().rpartition("\n")[2].partition(" ")
    assert int(lines) > 200
    assert faults == "[]"
