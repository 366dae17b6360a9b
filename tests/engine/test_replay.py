"""`Store.replay`: a run done again, its tools answered from the record. Every replay here is a real process."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import runstone
from runstone.core.layout import TEMPORARY
from runstone.engine.replay import preparing
from runstone.errors import RunstoneError

from .replayed import Program

EVERY_KIND = """
class Missing(LookupError):
    pass

@run.tool()
async def later(q: str) -> str:
    if q == "bad":
        raise Missing("no " + q)
    return Path("backend.txt").read_text() + q

@run.tool()
def count(n: int):
    for number in range(n):
        yield {"number": number, "of": Path("backend.txt").read_text()}
    return "counted"

@run.tool()
async def flow(n: int):
    for number in range(n):
        yield number
    if n > 2:
        raise KeyError("end")

@run.tool()
def lazily(q: str):
    return later(q)

async def together():
    found = [item async for item in flow(2)]
    try:
        async for item in flow(3):
            found.append(item)
    except KeyError as exc:
        found.append(repr(exc))
    try:
        await later("bad")
    except Missing as exc:
        found.append(str(exc))
    return [*found, await later("good"), await lazily("x")]

counted = count(2)
numbers, end = [next(counted), next(counted)], None
try:
    next(counted)
except StopIteration as stop:
    end = stop.value
done = run.tool_call("size", {"of": "backend"}).do(lambda: len(Path("backend.txt").read_bytes()))
at = run.now()
told = [read("backend.txt"), numbers, end, asyncio.run(together()), done]
run.finish(result={"told": told, "at": at, "id": run.uuid(), "drawn": run.random("a").random(), "seed": run.seed()})
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A program in a folder of its own."""
    return Program(tmp_path)


def test_the_same_outcome_without_the_backends(program: Program) -> None:
    """Tools of every kind answer, yield and raise as they did; time, ids and chance are given back."""
    run_id = program.run(EVERY_KIND)
    found = program.replay(run_id)
    assert (found.divergence, found.refused) == (None, [])
    assert found.ok
    assert found.same
    recorded, replayed = program.store.get(run_id), program.store.get(found.replayed["run_id"])
    assert replayed.outcome_digest == recorded.outcome_digest
    assert replayed.document("run.json")["result"] == recorded.document("run.json")["result"]
    assert [link["rel"] for link in replayed.manifest["links"]] == ["replays"]
    assert replayed.manifest["links"][0]["digest"] == recorded.digest
    assert program.store.verify(replayed.run_id).ok


def test_the_report_names_the_guards(program: Program) -> None:
    """Each with whether it was active and why not; the replay's own record has them, too."""
    program.run("read('backend.txt')")
    found = program.replay()
    assert [guard["name"] for guard in found.guards] == ["audit hook", "network namespace", "landlock"]
    assert found.guards[0]["active"] is True
    assert all(guard["active"] or guard["reason"] for guard in found.guards)
    (told,) = program.store.get(found.replayed["run_id"]).events("replay")
    assert told["data"] == {"mode": "strict", "live": [], "guards": found.guards}


CHANGES = {
    "arguments": ("read('backend.txt'); read('other.txt')", "read('backend.txt'); read('another.txt')"),
    "order": ("read('backend.txt'); read('other.txt')", "read('other.txt'); read('backend.txt')"),
    "missing": ("read('backend.txt'); read('other.txt')", "read('backend.txt')"),
    "not_recorded": ("read('backend.txt')", "read('backend.txt'); read('backend.txt')"),
}


@pytest.mark.parametrize("reason", CHANGES)
def test_the_first_divergence_is_named_with_both_sides(program: Program, reason: str) -> None:
    """A call that is another one, comes in another order, is one too many or never comes."""
    (program.folder / "other.txt").write_text("other")
    before, after = CHANGES[reason]
    run_id = program.run(before)
    program.write(after)
    found = program.replay(run_id)
    assert not found.ok
    assert found.divergence is not None
    assert found.divergence["reason"] == reason
    sides = [found.divergence[side] and found.divergence[side]["args"] for side in ("expected", "found")]
    assert (
        sides
        == {
            "arguments": [{"name": "other.txt"}, {"name": "another.txt"}],
            "order": [{"name": "backend.txt"}, {"name": "other.txt"}],
            "missing": [{"name": "other.txt"}, None],
            "not_recorded": [None, {"name": "backend.txt"}],
        }[reason]
    )
    (told,) = program.store.get(found.replayed["run_id"]).events("divergence")
    assert told["data"]["reason"] == reason


def test_what_was_not_drawn_is_not_given(program: Program) -> None:
    """The time is asked for once more than then; a tracked function that answers another thing is named, too."""
    body = """
    @runstone.track
    def own():
        return os.environ.get("CHANGED", "as it was")

    own()
    run.now()
    """
    run_id = program.run(body)
    program.write(body.replace("run.now()", "run.now(); run.now()"))
    found = program.replay(run_id)
    assert found.divergence is not None
    assert (found.divergence["reason"], found.divergence["found"]["kind"]) == ("not_recorded", "now")
    program.write(body.replace('"as it was"', '"otherwise"'))
    found = program.replay(run_id)
    assert found.divergence is not None
    assert (found.divergence["reason"], found.divergence["found"]["result"]) == ("result", "otherwise")


def test_nothing_swallows_the_end_of_a_replay(program: Program) -> None:
    """A framework that takes every exception for the failure of a tool goes on to the next call, which ends as well."""
    run_id = program.run("read('backend.txt')")
    program.write(
        """
        for name in ("a", "b", "backend.txt"):
            try:
                read(name)
            except Exception:
                run.log("the tool has failed")
        """
    )
    found = program.replay(run_id)
    assert found.divergence is not None
    assert found.divergence["found"]["args"] == {"name": "a"}
    assert found.exit_status == 1
    assert list(program.store.get(found.replayed["run_id"]).events("log")) == []


_ELSEWHERE = "here = os.open('.', os.O_RDONLY); os.chdir(tempfile.gettempdir())"
REFUSED = {
    "a socket": ("network", "socket.socket()"),
    "a connection": ("network", "socket.create_connection(('127.0.0.1', 9))"),
    "a name": ("network", "socket.gethostbyname('localhost')"),
    "a local socket": ("network", "socket.socket(socket.AF_UNIX).connect('/nowhere')"),
    "a process": ("process", "subprocess.run(['true'])"),
    "a shell": ("process", "os.system('true')"),
    "a fork": ("process", "os.fork()"),
    "another program": ("process", "os.execv('/bin/true', ['true'])"),
    "a pool": ("process", "__import__('multiprocessing').get_context('spawn').Process(target=print).start()"),
    "a signal": ("process", "os.kill(1, 15)"),
    "a file": ("write", "open('made.txt', 'w')"),
    "a descriptor": ("write", "os.open('made.txt', os.O_CREAT | os.O_WRONLY)"),
    "a folder": ("write", "os.mkdir('made.txt')"),
    "a removal": ("write", "os.remove('kept.txt')"),
    "a new name": ("write", "os.rename('kept.txt', 'made.txt')"),
    "a link out of the scratch folder": (
        "write",
        "os.symlink('/etc', tempfile.mkdtemp() + '/l') or open('made.txt', 'a')",
    ),
    "a database": ("write", "sqlite3.connect('made.txt')"),
    "a database by a URI": ("write", "sqlite3.connect('file:./m%61de.txt?x=mode=ro', uri=True)"),
    "a name in an open folder": ("write", f"{_ELSEWHERE}; os.mkdir('made.txt', dir_fd=here)"),
    "a removal in an open folder": ("write", f"{_ELSEWHERE}; os.remove('kept.txt', dir_fd=here)"),
    "a new name in an open folder": (
        "write",
        f"{_ELSEWHERE}; Path('x').touch(); os.rename('x', 'made.txt', dst_dir_fd=here)",
    ),
    "rights by a descriptor": ("write", "os.fchmod(os.open('kept.txt', os.O_RDONLY), 0o600)"),
    "a file by the number of its descriptor": (
        "write",
        "open(f\"/proc/self/fd/{os.open('kept.txt', os.O_RDONLY)}\", 'w')",
    ),
    "a process of C": ("process", "ctypes.CDLL(None).system(b'touch made.txt')"),
    "a socket of C": ("network", "ctypes.CDLL(None).socket(2, 1, 0)"),
    "a file of C": ("write", "ctypes.CDLL(None).open(b'made.txt', 0o101, 0o600)"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_replay_must_not_do_is_stopped_and_named(program: Program, what: str) -> None:
    """In a function that a program calls as a tool of its own: nothing comes of it, and the line of code is named."""
    kind, code = REFUSED[what]
    (program.folder / "kept.txt").write_text("kept")
    run_id = program.run("read('backend.txt')")
    program.write(f"def tool():\n    {code}\n    run.log('it was done')\nread('backend.txt')\ntool()\n")
    found = program.replay(run_id)
    assert not found.ok
    assert found.divergence is not None
    assert found.divergence["reason"] == "refused"
    assert found.refused[0]["kind"] == kind
    assert " in tool" in found.refused[0]["where"]
    assert str(program.folder / "agent.py") in found.refused[0]["where"]
    assert sorted(path.name for path in program.folder.iterdir()) == ["agent.py", "kept.txt"]
    assert list(program.store.get(found.replayed["run_id"]).events("log")) == []
    assert any("--scratch" in note for note in found.notes) is (kind == "write")


UNSEEN = {
    "a database that is attached": "sqlite3.connect(':memory:').execute(\"ATTACH 'made.txt' AS a\")",
    "a copy of a database": "sqlite3.connect(':memory:').execute(\"VACUUM INTO 'made.txt'\")",
    "a pipe with a name": "os.mkfifo('made.txt')",
    "a file in an open folder": f"{_ELSEWHERE}; os.open('made.txt', os.O_CREAT | os.O_WRONLY, dir_fd=here)",
    "a C library": "ctypes.CDLL(os.environ['LIBRARY']).unlink(b'kept.txt')",
}


@pytest.mark.parametrize("what", UNSEEN)
def test_what_the_hook_does_not_see_writes_nothing_either(
    program: Program, what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By Landlock, which the report names; the program is told as on a disk that is read only."""
    (tmp_path / "other.so").symlink_to(next(Path("/").glob("lib/*-linux-gnu/libc.so.6"), Path("/nothing")))
    monkeypatch.setenv("LIBRARY", str(tmp_path / "other.so"))
    (program.folder / "kept.txt").write_text("kept")
    run_id = program.run("read('backend.txt')")
    program.write(f"read('backend.txt')\ntry:\n    {UNSEEN[what]}\nexcept Exception as exc:\n    print(exc)\n")
    found = program.replay(run_id)
    (guard,) = (guard for guard in found.guards if guard["name"] == "landlock")
    assert guard["active"] is (guard["reason"] is None)
    if not guard["active"]:
        pytest.skip(f"no Landlock: {guard['reason']}")
    assert sorted(path.name for path in program.folder.iterdir()) == ["agent.py", "kept.txt"]
    assert found.ok


def test_the_scratch_folder_may_be_written(program: Program, tmp_path: Path) -> None:
    """Temporary files, and below the folder that is named, which stays; a link out of it leads nowhere."""
    (program.folder / "out").mkdir()
    body = """
    read("backend.txt")
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("x")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "deep/deeper").mkdir(parents=True)
        Path(folder, "deep/deeper/made.txt").write_text("x")
        sqlite3.connect(Path(folder, "made.db")).execute("CREATE TABLE t (a)")
        os.fchmod(os.open(Path(folder, "made.db"), os.O_RDWR), 0o600)
    os.fchmod(os.pipe()[1], 0o600)
    open("/proc/self/fd/2", "a").close()
    sqlite3.connect("file:x?mode=memory", uri=True).execute("CREATE TABLE t (a)")
    sqlite3.connect("").execute("CREATE TABLE t (a)")
    Path("out/made.txt").write_text("made")
    os.makedirs("out/deep", exist_ok=True)
    run.output("file", "out/made.txt")
    """
    run_id = program.run(body)
    (program.folder / "out/made.txt").unlink()
    refused = program.replay(run_id)
    assert refused.refused[0]["kind"] == "write"
    found = program.replay(run_id, scratch=program.folder / "out")
    assert found.ok
    assert (program.folder / "out/made.txt").read_text() == "made"
    (program.folder / "out/made.txt").unlink()
    (program.folder / "out/made.txt").symlink_to(tmp_path / "elsewhere.txt")
    program.replay(run_id, scratch=program.folder / "out")
    assert not (tmp_path / "elsewhere.txt").exists()


def test_what_was_recorded_in_a_tool_is_recorded_again(program: Program) -> None:
    """Facts, kept files, checks, citations and inner calls of a call that is answered: the documents are the same."""
    body = """
    @run.tool()
    def research(q: str) -> str:
        page = read("backend.txt")["text"]
        run.evidence(q, [{"id": "p1", "text": page}], corpus="web")
        run.cite("p1")
        run.output("report.json", {"page": page})
        run.check("found", "pass", evidence="artifacts/report.json")
        run.metrics({"hits": 1})
        run.random("in the tool")
        return page

    research("what")
    run.note("behind")
    """
    run_id = program.run(body)
    found = program.replay(run_id)
    assert found.ok
    recorded, replayed = program.store.get(run_id), program.store.get(found.replayed["run_id"])
    for path in ("checks.json", "evidence.json", "artifacts/report.json"):
        assert replayed.file(path).replace(replayed.run_id.encode(), run_id.encode()) == recorded.file(path)
    calls = [[call["call"], call["parent"], call["name"]] for call in replayed.document("tool_calls.json")["calls"]]
    assert calls == [["call-1", None, "research"], ["call-2", "call-1", "read"]]
    assert program.store.verify(replayed.run_id).ok


def test_a_generator_that_is_not_read_to_its_end(program: Program) -> None:
    """What it did until then is repeated, and its calls are not missed."""
    body = """
    @run.tool()
    def pages(n: int):
        for number in range(n):
            run.output("table", f"page-{number}", sha256="a" * 64)
            yield read("backend.txt")

    flow = pages(5)
    told = [next(flow), next(flow)]
    flow.close()
    run.finish(result=told)
    """
    program.run(body)
    found = program.replay()
    assert (found.divergence, found.ok) == (None, True)


def test_what_libraries_try_while_they_are_imported_is_a_remark(program: Program) -> None:
    """It is refused all the same, and does not end the replay."""
    (program.folder / "library.py").write_text(
        "import socket, subprocess\nfound = []\n"
        "for attempt in (socket.socket, lambda: subprocess.run(['touch', 'made.txt'])):\n"
        "    try:\n        attempt()\n    except OSError as exc:\n        found.append(type(exc).__name__)\n"
    )
    run_id = program.run("read('backend.txt')")
    program.write("import library\nread('backend.txt')\nassert library.found == ['PermissionError'] * 2")
    found = program.replay(run_id)
    assert (found.ok, len(found.notes)) == (True, 2)
    assert "library.py:4" in found.notes[0] or "library.py:5" in found.notes[0]
    assert not (program.folder / "made.txt").exists()


def test_a_replay_can_be_replayed(program: Program) -> None:
    """It has the same outcome, and points at what it replays."""
    program.run(EVERY_KIND)
    first = program.replay()
    second = program.replay(first.replayed["run_id"])
    assert second.ok
    assert second.run["run_id"] == first.replayed["run_id"]
    links = program.store.get(second.replayed["run_id"]).manifest["links"]
    assert links == [{"rel": "replays", "run_id": first.replayed["run_id"], "digest": first.replayed["digest"]}]


TAKEN_OUT = """
DROPS = {"result": {"/*/text": "drop"}}

@run.tool({"name": "look", "version": "1", "arguments": {"type": "object"}, "handling": DROPS})
def look(q):
    return [{"id": 1, "text": Path("backend.txt").read_text()}]

run.finish(result=len(look("x")))
"""


def test_what_the_record_does_not_hold_is_said_before(program: Program) -> None:
    """With the places; nothing is started, and no run is made. Where the tool is called for real, it can be done."""
    run_id = program.run(TAKEN_OUT)
    with pytest.raises(RunstoneError) as caught:
        program.store.replay(run_id)
    assert caught.value.code == "cannot_replay"
    assert caught.value.details["problems"] == ["call-1 look /result/0/text: redacted:tool-drop"]
    assert [run.run_id for run in program.store.runs()] == [run_id]
    assert program.store.replay(run_id, live=["look"]).ok


def test_a_secret_does_not_come_out(program: Program, capfd: pytest.CaptureFixture[str]) -> None:
    """What a tool answered that was a secret is in no report, on no stream and in no file."""
    (program.folder / "backend.txt").write_text("tiger-in-the-tank-42")
    run_id = program.run("read('backend.txt')", options=", secrets=['tiger-in-the-tank-42']")
    with pytest.raises(RunstoneError) as caught:
        program.store.replay(run_id)
    assert caught.value.details["problems"] == ["call-1 read /result/text: redacted:declared"]
    found = program.replay(run_id, live=["read"])
    shown = "".join([*capfd.readouterr(), str(found.as_dict()), str(caught.value)])
    assert "tiger" not in shown
    assert not any(b"tiger" in path.read_bytes() for path in Path(program.store.url).rglob("*") if path.is_file())


def test_a_tool_that_is_called_for_real(program: Program) -> None:
    """Its answer counts: another one is the first divergence, with both sides, and the program goes on with it."""
    run_id = program.run("run.finish(result=read('backend.txt'))")
    program.backend.write_text("something else")
    found = program.store.replay(run_id, live=["read"])
    assert found.divergence is not None
    assert found.divergence["reason"] == "result"
    assert found.divergence["expected"]["result"] == {"text": "what the backend says"}
    assert found.divergence["found"]["result"] == {"text": "something else"}
    assert not found.same
    assert found.guards[1]["active"] is False
    program.backend.write_text("what the backend says")
    assert program.store.replay(run_id, live=["read"]).ok


def test_a_block_is_not_entered(program: Program) -> None:
    """What is done in it cannot be left out, so the replay ends before it, unless it is named."""
    body = """
    with run.tool_call("send", {"to": "x"}) as call:
        Path("sent.txt").touch()
        call.returned("sent")
    """
    run_id = program.run(body)
    (program.folder / "sent.txt").unlink()
    found = program.replay(run_id)
    assert found.divergence is not None
    assert (found.divergence["reason"], found.divergence["found"]["name"]) == ("refused", "send")
    assert not (program.folder / "sent.txt").exists()
    assert program.replay(run_id, live=["send"]).ok
    assert (program.folder / "sent.txt").exists()


def test_tools_side_by_side_are_answered_by_what_they_ask(program: Program) -> None:
    """Where the record has calls that overlap, the order in which they come does not count."""
    body = """
    first, second = threading.Event(), threading.Event()

    @run.tool()
    def meet(name: str) -> str:
        (first if name == "a" else second).set()
        (second if name == "a" else first).wait(30)
        return name + name

    found = {}
    def ask(name):
        found[name] = meet(name)

    names = ("a", "b")
    threads = [threading.Thread(target=ask, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish(result=found)
    """
    run_id = program.run(body)
    text = (program.folder / "agent.py").read_text()
    (program.folder / "agent.py").write_text(text.replace('("a", "b")', '("b", "a")'))
    found = program.replay(run_id)
    assert (found.mode, found.ok) == ("by-key", True)


def test_an_approver_is_not_asked_again(program: Program) -> None:
    """What was said then is said now, and a call that was refused is refused."""
    body = """
    from runstone.contracts.agent import Approval

    def desk(request):
        said = Path("answers.txt").read_text().split()
        return Approval(request.args["name"] in said, "desk", "as the list says")

    run.govern(approver=desk)

    @run.tool({"name": "write", "version": "1", "arguments": {"type": "object"}, "approval": "always"})
    def write(name):
        return name

    told = [write("a")]
    try:
        write("b")
    except runstone.PolicyBlocked as exc:
        told.append(exc.reason)
    run.finish(result=told)
    """
    (program.folder / "answers.txt").write_text("a")
    run_id = program.run(body)
    (program.folder / "answers.txt").unlink()
    found = program.replay(run_id)
    assert found.ok
    said = [event["data"]["by"] for event in program.store.get(found.replayed["run_id"]).events("approval")]
    assert said == ["desk", "desk"]


def test_rates_are_measured_by_the_time_of_the_record(program: Program) -> None:
    """A replay is quicker than the work was: what was within a limit for a minute is so now."""
    body = """
    @run.tool({"name": "ask", "version": "1", "arguments": {"type": "object"}, "budget": {"per_minute": 1}})
    def ask(q):
        return q

    ask("a")
    clock.advance(90)
    ask("a")
    """
    before = """
    from runstone.testing.fakes import FixedClock
    clock = FixedClock()
    store.clock = clock
    """
    run_id = program.run(body, before=before)
    program.write(body.replace("clock.advance(90)", "clock.advance(1)"), before=before)
    assert program.replay(run_id).ok


def test_a_run_in_the_run_is_replayed_with_it(program: Program) -> None:
    """Its tools are answered from its own record, and it is a part of the replay."""
    body = """
    with run.child("agent-2") as part:
        @part.tool()
        def inner(q: str) -> str:
            return Path("backend.txt").read_text() + q
        told = inner("x")
    run.finish(result=told)
    """
    run_id = program.run(body)
    found = program.replay(run_id)
    assert found.ok
    (part,) = [sealed for sealed in program.store.runs("kind:agent-2") if sealed.run_id not in _parts(program, run_id)]
    assert {link["rel"] for link in part.manifest["links"]} == {"child-of", "replays"}


def test_a_part_that_does_not_begin_alone_says_what_to_replay(program: Program) -> None:
    """It is what `@latest` names where it was begun last; the program begins with the run around it."""
    body = """
    read("backend.txt")
    with run.child("agent-2") as part:
        part.tool(name="size")(lambda q: len(q))("x")
    """
    run_id = program.run(body)
    found = program.replay("@latest")
    assert (found.ok, found.replayed) == (False, None)
    assert [note for note in found.notes if run_id in note and "is a part of run" in note]
    assert program.replay(run_id).notes == []


def _parts(program: Program, run_id: str) -> list[str]:
    return [event["data"]["run_id"] for event in program.store.get(run_id).events("child")]


def test_other_runs_of_the_process_reach_nothing(program: Program) -> None:
    """They are recorded nowhere but in the scratch folder, and their tools have no answers; so are annotations."""
    body = """
    read("backend.txt")
    store.alias("prod", [run.run_id for run in store.runs()][0]) if list(store.runs()) else None
    with store.run("other") as other:
        other.tool()(len) and None
    """
    run_id = program.run(body)
    before = {run.run_id for run in program.store.runs("kind:*")}
    found = program.replay(run_id)
    assert found.ok
    assert {run.run_id for run in program.store.runs("kind:*")} - before == {found.replayed["run_id"]}
    assert program.store.aliases() == {}


CHANGED = {
    "purges runs": "store.purge({'rules': [{'query': 'kind:old', 'older_than': '0d'}]}, grace='0d', apply=True)",
    "moves runs": "store.pack('kind:old')",
}


@pytest.mark.parametrize("what", CHANGED)
def test_a_store_is_not_changed_a_second_time(program: Program, what: str) -> None:
    """What a program does to the store for good is not done in a replay, and is named."""
    run_id = program.run(f"if os.environ.get('NEVER'):\n    {CHANGED[what]}\n")
    with program.store.run("old"):
        pass
    program.write(f"{CHANGED[what]}\n")
    before = [(run.run_id, run.path) for run in program.store.runs("kind:old")]
    found = program.replay(run_id)
    assert found.divergence is not None
    assert (found.divergence["reason"], what in found.divergence["message"]) == ("refused", True)
    assert [(run.run_id, run.path) for run in program.store.runs("kind:old")] == before


def test_a_replay_that_is_killed_is_interrupted(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it recorded is sealed, and verifies."""
    run_id = program.run("read('backend.txt')\nos.environ.get('KILLED') and os.kill(os.getpid(), 9)\nrun.note('end')")
    monkeypatch.setenv("KILLED", "1")
    found = program.replay(run_id)
    assert not found.ok
    assert found.exit_status == -9
    assert found.replayed["status"] == "interrupted"
    assert program.store.get(found.replayed["run_id"]).document("tool_calls.json")["calls"][0]["status"] == "ok"
    assert program.store.verify(found.replayed["run_id"]).ok


def test_a_damaged_bundle_starts_nothing(program: Program) -> None:
    """It is verified first."""
    run_id = program.run("Path('started').touch()")
    (program.folder / "started").unlink()
    journal = Path(program.store.url, run_id, "events.jsonl")
    journal.chmod(0o644)
    journal.write_bytes(journal.read_bytes().replace(b"agent.py", b"other.py"))
    with pytest.raises(RunstoneError) as caught:
        program.replay(run_id)
    assert caught.value.code == "bundle_damaged"
    assert not (program.folder / "started").exists()


def test_an_imported_run_starts_nothing_untrusted(program: Program, tmp_path: Path) -> None:
    """What it would start is said. A run that was recorded here and comes back is no stranger's."""
    run_id = program.run("read('backend.txt')")
    other = runstone.open(tmp_path / "second")
    other.import_bundle(program.store.get(run_id).bundle)
    with pytest.raises(RunstoneError, match=r"agent\.py") as caught:
        other.replay(run_id)
    assert caught.value.code == "not_trusted"
    assert caught.value.details["argv"] == [sys.executable, "agent.py"]
    assert other.replay(run_id, trust=True).ok
    program.store.import_bundle(other.get(run_id).bundle)
    assert program.replay(run_id).ok


def test_what_an_imported_run_would_start_is_said_word_by_word(tmp_path: Path) -> None:
    """As a shell would have it: who is asked for trust sees where each word ends."""
    store, other = runstone.open(tmp_path / "first"), runstone.open(tmp_path / "second")
    with store.run("job", argv=["sh", "-c", "echo a; echo b"], entry="sh") as run:
        pass
    other.import_bundle(store.get(run.run_id).bundle)
    with pytest.raises(RunstoneError, match="sh -c 'echo a; echo b'") as caught:
        other.replay(run.run_id)
    assert caught.value.code == "not_trusted"


def test_files_that_were_read_are_looked_at_first(program: Program) -> None:
    """Those that are not there or are others now are named, and nothing is started."""
    (program.folder / "in.txt").write_text("in")
    run_id = program.run("run.input('file', 'in.txt')")
    (program.folder / "in.txt").write_text("changed")
    with pytest.raises(RunstoneError, match=r"in\.txt") as caught:
        program.replay(run_id)
    assert caught.value.code == "digest_mismatch"
    (program.folder / "in.txt").unlink()
    with pytest.raises(RunstoneError, match=r"in\.txt") as caught:
        program.replay(run_id)
    assert caught.value.code == "file_not_found"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mode": "loose"}, "no mode"),
        ({"mode": "hybrid"}, "name it"),
        ({"live": ["reed"]}, "no tool or model reed is called .*known are read"),
    ],
)
def test_wrong_options_are_refused(program: Program, options: dict[str, Any], says: str) -> None:
    """Before anything is started."""
    run_id = program.run("read('backend.txt')")
    with pytest.raises(RunstoneError, match=says) as caught:
        program.replay(run_id, **options)
    assert caught.value.code == "invalid_option"


def test_what_keeps_the_guards_out_is_refused(program: Program) -> None:
    """A Python that loads nothing of ours would run unguarded."""
    run_id = program.run("read('backend.txt')", "-s", "-E")
    with pytest.raises(RunstoneError, match="keeps the guards out") as caught:
        program.replay(run_id)
    assert caught.value.code == "cannot_replay"


@pytest.mark.parametrize("words", [[], ["-"], ["-u", "-Wignore", "-X", "dev"], ["-m", "ipykernel_launcher", "-f", "x"]])
def test_a_program_that_is_not_in_the_record_is_said_before(program: Program, words: list[str]) -> None:
    """One that came by standard input, was typed in, or is a notebook: nothing is started."""
    with program.store.run("agent", argv=[sys.executable, *words]) as run:
        run.finish()
    with pytest.raises(RunstoneError, match=r"standard input|notebook") as caught:
        program.store.replay(run.run_id)
    assert caught.value.code == "cannot_replay"
    assert len(list(program.store.runs())) == 1


def test_a_program_that_is_gone_is_said_before(program: Program) -> None:
    """By its path; one that begins no run any more is told with how it ended."""
    run_id = program.run("read('backend.txt')", "-W", "ignore", "-u")
    (program.folder / "agent.py").write_text("raise SystemExit(7)")
    found = program.replay(run_id)
    assert (found.replayed, found.exit_status) == (None, 7)
    assert found.divergence is not None
    assert found.divergence["message"] == "the program has begun no run of kind agent, and ended with status 7"
    (program.folder / "agent.py").unlink()
    with pytest.raises(RunstoneError, match=r"agent\.py") as caught:
        program.replay(run_id)
    assert caught.value.code == "file_not_found"
    assert len(list(program.store.runs())) == 1


def test_calls_of_many_threads_that_did_not_overlap(program: Program) -> None:
    """The record has them in an order; where that is another one now, the message says which mode has none."""
    body = """
    for name in {names}:
        thread = threading.Thread(target=read, args=(name,))
        thread.start()
        thread.join()
    """
    (program.folder / "other.txt").write_text("other")
    run_id = program.run(body.format(names=["backend.txt", "other.txt"]))
    program.write(body.format(names=["other.txt", "backend.txt"]))
    assert program.replay(run_id, mode="by-key").ok
    found = program.replay(run_id)
    assert found.divergence is not None
    assert found.divergence["reason"] == "order"
    assert "--mode by-key" in found.divergence["message"]


def test_recording_must_be_on(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay is a record."""
    run_id = program.run("read('backend.txt')")
    monkeypatch.setenv("RUNSTONE_DISABLED", "1")
    with pytest.raises(RunstoneError) as caught:
        program.replay(run_id)
    assert caught.value.code == "store_unavailable"


NOT_REPLAYED: dict[str, tuple[dict[str, Any], str]] = {
    "another system's": ({"imported": {"format": "inspect"}}, "recorded by another system"),
    "a service's": ({"contract": "rmos"}, "send the request again"),
    "under a key": ({"idempotency": {"key_sha256": "0", "request_sha256": "0"}}, "send the request again"),
    "interrupted": ({"status": "interrupted"}, "no end"),
    "without a command line": ({"argv": None}, "does not tell what was started"),
    "with a secret": ({"marks": [["/argv/1", "redacted:aws"]]}, "not in the record as it was"),
    "another language's": ({"argv": ["ruby", "job.rb"]}, "no Python"),
}


@pytest.mark.parametrize("name", NOT_REPLAYED)
def test_runs_that_are_not_replayed(name: str, tmp_path: Path) -> None:
    """By what their records say, before anything else is looked at."""
    changes, says = NOT_REPLAYED[name]
    told = {"argv": ["python", "job.py"], "cwd": str(tmp_path), "entry": "job.py", "idempotency": None}
    told |= {key: value for key, value in changes.items() if key in (*told, "imported")}
    sealed: Any = SimpleNamespace(
        run_id="r",
        status=changes.get("status", "success"),
        opened={"data": told, "marks": changes.get("marks", [])},
        manifest={"contract": {"name": changes.get("contract", "runstone")}},
    )
    with pytest.raises(RunstoneError, match=says) as caught:
        _prepare(sealed)
    assert caught.value.code == "cannot_replay"


def _prepare(sealed: Any) -> None:
    preparing.kind_of(sealed)
    preparing.interpreter_words(sealed, sys.executable)


def test_a_store_in_memory_has_no_replays() -> None:
    """Another process cannot read it."""
    store = runstone.open("memory:")
    with store.run("agent", run_id="r"):
        pass
    with pytest.raises(RunstoneError) as caught:
        store.replay("r")
    assert caught.value.code == "unsupported_store"


def test_a_store_that_cannot_be_written(program: Program) -> None:
    """The program goes on unrecorded, and its replay is not one that is compared: the store is at fault, not RUN."""
    run_id = program.run("run.log('done')")
    folder = Path(program.store.url, TEMPORARY)
    shutil.rmtree(folder)
    folder.touch()
    with pytest.raises(runstone.StoreUnavailable) as caught:
        program.replay(run_id)
    assert caught.value.details["store"] == program.store.url
