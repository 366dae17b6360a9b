"""Recording: how a run ends, who may write, what is recorded of what."""

from __future__ import annotations

import copy
import errno
import inspect
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.docs.pages import codes, sections

from runstone.adapters.fs import durable
from runstone.engine.disabled import DISABLED
from runstone.engine.recorder import Run
from runstone.engine.store import Store
from runstone.errors import RunstoneError
from runstone.locate import open_store as open_real_store

from .scenes import events, full_run, of_type, open_store, python


def closing(store: Store, run_id: str) -> dict[str, Any]:
    """The `data` of the last event of a run that verifies."""
    report = store.verify(run_id)
    assert report.ok, report.findings
    return of_type(store, run_id, "run.closed")[0]


# how a run ends


def test_block_that_ends_is_success(store: Store) -> None:
    """Leaving the `with` block seals the run as `success`."""
    with store.run("job") as run:
        assert run.recording
    assert (run.recording, run.status, closing(store, run.run_id)["status"]) == (False, "success", "success")


def test_an_exception_that_a_run_is_finished_with_is_told(store: Store) -> None:
    """As one that ends its block: type, message, traceback."""
    run = store.run("job")
    try:
        raise ValueError("no rows")
    except ValueError as exc:
        run.finish("failed", error=exc)
    told = closing(store, run.run_id)["error"]
    assert (told["type"], told["message"]) == ("ValueError", "no rows")
    assert 'raise ValueError("no rows")' in told["traceback"]


def test_exception_is_failed_and_comes_through(store: Store) -> None:
    """An exception seals the run as `failed` with type, message and traceback, and reaches the caller."""
    with pytest.raises(ZeroDivisionError), store.run("job") as run:
        _ = 1 / 0
    closed = closing(store, run.run_id)
    assert (closed["status"], closed["error"]["type"], closed["exit"]) == ("failed", "ZeroDivisionError", None)
    assert "1 / 0" in closed["error"]["traceback"]


@pytest.mark.parametrize(
    ("code", "status", "exit"),
    [(0, "success", None), (None, "success", None), (3, "failed", 3), ("text", "failed", None), (True, "failed", None)],
)
def test_system_exit_ends_by_its_code(store: Store, code: Any, status: str, exit: int | None) -> None:
    """`SystemExit` with 0 or nothing is no failure; another number is recorded as the exit status."""
    with pytest.raises(SystemExit), store.run("job") as run:
        sys.exit(code)
    closed = closing(store, run.run_id)
    assert (closed["status"], closed["exit"]) == (status, exit)


def test_keyboard_interrupt_is_cancelled(store: Store) -> None:
    """Ctrl-C seals the run as `cancelled`."""
    with pytest.raises(KeyboardInterrupt), store.run("job") as run:
        raise KeyboardInterrupt
    assert closing(store, run.run_id)["status"] == "cancelled"


@pytest.mark.parametrize(
    ("results", "status"),
    [([], "success"), (["pass"], "success"), (["pass", "skip"], "partial"), (["skip", "fail", "pass"], "failed")],
)
def test_checks_decide(store: Store, results: list[str], status: str) -> None:
    """Without a status given, a failed check makes `failed`, a skipped one `partial`."""
    with store.run("job") as run:
        for number, result in enumerate(results):
            run.check(f"check {number}", result)
    assert closing(store, run.run_id)["status"] == status


def test_given_status_stands(store: Store) -> None:
    """A status that the caller gives is not changed by checks."""
    run = store.run("job")
    run.check("rows", "fail")
    run.finish("partial", exit=4, result={"rows": 0}, resources={"max_rss_bytes": 1})
    closed = closing(store, run.run_id)
    assert (closed["status"], closed["exit"], closed["result"]) == ("partial", 4, {"rows": 0})
    assert closed["resources"] == {"max_rss_bytes": 1}


def test_an_ending_that_cannot_be_told_says_what_it_lacks(store: Store) -> None:
    """The run is sealed without it, and the record has a mark in each place."""
    run = store.run("job")
    run.finish("success", exit="four", result={"rows": 0})  # type: ignore[arg-type]  # no number
    sealed = store.get(run.run_id)
    (event,) = sealed.events("run.closed")
    assert (event["data"]["exit"], event["data"]["result"], event["data"]["error"]) == (None, None, None)
    assert event["marks"] == [["/exit", "truncated"], ["/result", "truncated"]]
    assert store.verify(run.run_id)


@pytest.mark.parametrize("status", ["interrupted", "running", "ok", ""])
def test_status_that_no_caller_gives_is_refused(store: Store, status: str) -> None:
    """Only recovery gives `interrupted`; a word that is no status is an error where strictness was asked for."""
    run = store.run("job", strict=True)
    with pytest.raises(RunstoneError) as caught:
        run.finish(status)
    assert caught.value.code == "invalid_status"
    run.finish()
    assert closing(store, run.run_id)["status"] == "success"


def test_second_finish_changes_nothing(store: Store) -> None:
    """Finishing again answers the same digest, also by leaving the block."""
    with store.run("job") as run:
        first = run.finish("partial")
        assert run.finish("failed") == first
    assert (store.get(run.run_id).digest, closing(store, run.run_id)["status"]) == (first, "partial")


def test_what_comes_after_the_end_is_said_once(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Calls on a finished run record nothing; standard error says so once."""
    run = store.run("job")
    run.finish()
    before = store.get(run.run_id).digest
    run.log("late")
    run.note("later")
    assert store.get(run.run_id).digest == before
    assert capsys.readouterr().err.count("is finished") == 1


def test_what_comes_after_the_end_raises_when_strict(store: Store) -> None:
    """With `strict` it is `already_finished`."""
    run = store.run("job", strict=True)
    run.finish()
    with pytest.raises(RunstoneError) as caught:
        run.log("late")
    assert caught.value.code == "already_finished"


def test_process_that_ends_without_finish_seals_as_failed(tmp_path: Path) -> None:
    """A run that nobody finished is sealed at the end of the process, and says why it failed."""
    program = "import runstone, sys; run = runstone.open(sys.argv[1]).run('job', run_id='left'); run.log('x')"
    done = python(program, tmp_path / "runs")
    assert (done.returncode, done.stderr) == (0, "")
    closed = closing(open_store(tmp_path / "runs"), "left")
    assert (closed["status"], closed["error"]["type"]) == ("failed", "NotFinished")


def test_process_that_dies_leaves_an_open_run(tmp_path: Path) -> None:
    """What a process had recorded when it was killed is there, in a run that is open and not alive."""
    program = (
        "import os, runstone, signal, sys\n"
        "run = runstone.open(sys.argv[1]).run('job', run_id='killed')\n"
        "for number in range(500): run.log(f'line {number}')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    python(program, tmp_path / "runs")
    store = open_store(tmp_path / "runs")
    [summary] = store.open_runs()
    assert (summary.run_id, summary.alive) == ("killed", False)
    assert [data["text"] for data in of_type(store, "killed", "log")] == [f"line {number}" for number in range(500)]


# threads


@pytest.fixture
def busy_switching() -> Any:
    """The interpreter changes threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("busy_switching")
def test_threads_share_a_run(store: Store) -> None:
    """8 threads of 200 events: all are there, numbered without gaps, each thread's own in its order."""
    with store.run("job") as run, ThreadPoolExecutor(8) as pool:
        for thread in range(8):
            pool.submit(lambda thread=thread: [run.event("x.step", {"n": n, "t": thread}) for n in range(200)])
    recorded = events(store, run.run_id)
    assert [event["seq"] for event in recorded] == list(range(1602))
    steps = of_type(store, run.run_id, "x.step")
    assert [[data["n"] for data in steps if data["t"] == thread] for thread in range(8)] == [list(range(200))] * 8
    assert store.verify(run.run_id).ok


@pytest.mark.usefixtures("busy_switching")
def test_log_reference_leads_to_its_line(store: Store) -> None:
    """What `log` answers is the line that holds the message, whoever else writes at the same time."""
    with store.run("job") as run, ThreadPoolExecutor(8) as pool:
        messages = [f"message {number}" for number in range(800)]
        references = list(pool.map(run.log, messages))
    lines = store.get(run.run_id).document("run.log").splitlines()
    assert [lines[int(reference.rpartition(":")[2]) - 1] for reference in references] == messages


@pytest.mark.usefixtures("busy_switching")
def test_finish_waits_for_nobody_and_loses_nothing_recorded(store: Store) -> None:
    """Threads that go on while the run is finished break nothing: the bundle verifies."""
    run = store.run("job")
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(lambda: [run.log(f"{number}") for number in range(300)]) for _ in range(4)]
        run.finish()
    for writer in writers:
        writer.result()
    assert store.verify(run.run_id).ok


# forks and children


FORK = """
import os, runstone, sys
store = runstone.open(sys.argv[1])
run = store.run("parent", run_id="parent", strict="strict" in sys.argv)
child = os.fork()
if child == 0:
    try:
        run.log("from the child")
        run.finish()
    except runstone.RunstoneError as exc:
        print(exc.code, flush=True)
    print(os.environ["RUNSTONE_PARENT"], run.recording, flush=True)
    with store.run("child", run_id="child") as own:
        own.log("of its own")
    sys.exit(0)
os.waitpid(child, 0)
run.log("from the parent")
run.finish()
print(os.environ.get("RUNSTONE_PARENT"), flush=True)
"""


def test_child_of_a_fork_holds_an_inert_copy(tmp_path: Path) -> None:
    """The child records and seals nothing of its parent's run, says so once, and the parent goes on."""
    done = python(FORK, tmp_path / "runs")
    store = open_store(tmp_path / "runs")
    assert (done.returncode, done.stdout.splitlines()) == (0, ["parent False", "None"])
    assert done.stderr.count("belongs to the parent process") == 1
    assert [data["text"] for data in of_type(store, "parent", "log")] == ["from the parent"]
    assert store.verify("parent").ok


def test_run_of_a_forked_child_is_a_child(tmp_path: Path) -> None:
    """A new run in the child points at the parent's."""
    python(FORK, tmp_path / "runs")
    links = open_store(tmp_path / "runs").get("child").opened["data"]["links"]
    assert links == [{"digest": None, "rel": "child-of", "run_id": "parent"}]


OUT_OF_DESCRIPTORS = """
import os, resource, runstone, sys
with runstone.open(sys.argv[1]).run("leaky", run_id="leaky") as run:
    run.log("working")
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    while True:
        os.open(os.devnull, os.O_RDONLY)
"""


def test_block_that_ends_out_of_descriptors_tells_why(tmp_path: Path) -> None:
    """What the program raised goes through, and is in the record that recovery seals: no part that is loaded late is
    needed for it."""
    done = python(OUT_OF_DESCRIPTORS, tmp_path / "runs")
    assert done.stderr.splitlines()[-1] == "OSError: [Errno 24] Too many open files: '/dev/null'"
    assert "During handling" not in done.stderr
    store = open_store(tmp_path / "runs")
    store.recover()
    assert store.get("leaky").status == "failed"
    [closed] = of_type(store, "leaky", "run.closed")
    error = {name: closed["error"][name] for name in ("type", "message")}
    assert error == {"type": "OSError", "message": "[Errno 24] Too many open files: '/dev/null'"}
    assert store.verify("leaky").ok


IMPORTING = """
import os, runstone, signal, sys, threading

class Held:  # the import of one module begins, and goes on when the process is about to fork
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[2]:
            begun.set()
            forking.wait(20)

begun, forking = threading.Event(), threading.Event()
with runstone.open(sys.argv[1]).run("parent", run_id="parent") as run:
    os.register_at_fork(before=forking.set)
    sys.meta_path.insert(0, Held())
    other = threading.Thread(target=run.log, args=["password=hunter2hunter2"])
    other.start()
    assert begun.wait(20)
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # else for ever
        with runstone.child("child", run_id="child") as own:
            own.log("password=hunter2hunter2")
        os._exit(0)
    other.join()
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize("module", ["runstone.core.redaction.rules", "runstone.core.redaction.rule"])
def test_child_waits_for_no_import_of_a_thread_that_it_lacks(tmp_path: Path, module: str) -> None:
    """A fork while another thread loads what takes out its first secret: the child takes out its own."""
    program = tmp_path / "importing.py"  # in a file, as `run.opened` has the words of the command
    program.write_text(IMPORTING)
    done = python("import runpy, sys; runpy.run_path(sys.argv.pop(1))", program, tmp_path / "runs", module)
    assert (done.returncode, done.stderr) == (0, "")
    store = open_store(tmp_path / "runs")
    for run in ("parent", "child"):
        assert store.get(run).status == "success"
        assert "hunter2" not in str(of_type(store, run, "log"))


def test_strict_child_is_told_that_it_is_not_the_writer(tmp_path: Path) -> None:
    """With `strict` the child's calls raise `not_the_writer`."""
    done = python(FORK, tmp_path / "runs", "strict")
    assert done.stdout.splitlines()[0] == "not_the_writer"


def test_child_that_ends_does_not_seal_its_parents_run(tmp_path: Path) -> None:
    """A child's `atexit` leaves the parent's run open, and the parent's lease is not given back by it."""
    program = (
        "import os, runstone, sys\n"
        "store = runstone.open(sys.argv[1])\n"
        "run = store.run('parent', run_id='parent')\n"
        "if os.fork() == 0: sys.exit(0)\n"
        "os.wait()\n"
        "[summary] = store.open_runs()\n"
        "print(summary.alive, [recovery.outcome for recovery in store.recover()])\n"
        "run.finish()\n"
    )
    done = python(program, tmp_path / "runs")
    assert done.stdout == "True ['alive']\n"


def test_lease_ends_with_the_writer_and_not_with_its_child(tmp_path: Path) -> None:
    """A child that lives on after its parent was killed does not keep the parent's run alive."""
    program = (
        "import os, runstone, signal, sys\n"
        "run = runstone.open(sys.argv[1]).run('parent', run_id='parent')\n"
        "read, write = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.close(write)\n"
        "    os.read(read, 1)\n"  # returns when the parent is gone
        "    os.write(1, os.read(0, 1))\n"
        "    os._exit(0)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    import subprocess

    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "runs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    child.wait(60)
    try:
        [summary] = open_store(tmp_path / "runs").open_runs()
        assert not summary.alive
    finally:
        assert child.communicate(b"x", timeout=60)[0] == b"x"


def test_parent_of_the_environment_is_linked(tmp_path: Path) -> None:
    """`RUNSTONE_PARENT` makes a run the child of the one that it names."""
    store = open_store(tmp_path / "runs", settings={"RUNSTONE_PARENT": "outer"})
    with store.run("job") as run:
        pass
    assert store.get(run.run_id).manifest["links"] == [{"digest": None, "rel": "child-of", "run_id": "outer"}]


@pytest.mark.parametrize("parent", ["../x", "", "a b"])
def test_parent_that_is_no_id_is_passed_over(tmp_path: Path, parent: str) -> None:
    """What the environment says is not believed: no id, no link."""
    store = open_store(tmp_path / "runs", settings={"RUNSTONE_PARENT": parent})
    with store.run("job") as run:
        pass
    assert store.get(run.run_id).manifest["links"] == []


# recording switched off


@pytest.mark.parametrize(("value", "off"), [("true", True), ("YES", True), ("on", True), ("0", False), ("", False)])
def test_other_words_that_switch_recording_off(tmp_path: Path, value: str, *, off: bool) -> None:
    """Whoever writes `true` means it; `0` and nothing leave it on."""
    store = open_store(tmp_path / "runs", settings={"RUNSTONE_DISABLED": value})
    with store.run("job") as run:
        pass
    assert (run is DISABLED) is off


def test_disabled_recorder_is_one_shared_no_op(tmp_path: Path) -> None:
    """`RUNSTONE_DISABLED=1` gives the same silent object to everybody, and nothing is written."""
    store = open_store(tmp_path / "runs", settings={"RUNSTONE_DISABLED": "1"})
    with store.run("job", strict=True) as run:
        run.output("file", "absent", keep=True)
        run.git_state(None, None, dirty=None)
        assert run.log("x") == "run.log:line:0"
        assert (run.git, run.recording) == (None, False)
    assert run is store.run("other") is DISABLED is copy.deepcopy(DISABLED)
    assert isinstance(run, Run)  # as who checks types at run time asks
    assert not (tmp_path / "runs").exists()


VARIED, NAMED = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD

KERNEL_OWN = {"calls", "finishing", "open", "writer"}
"""Names of a run that the kernel alone uses."""


def documented_names(run: Run) -> set[str]:
    """The names of a run that `docs/library.md` has, for whoever records."""
    words = {code.partition("(")[0] for code in codes(sections("docs/library.md")["Run"])}
    return {word for word in words if word.isidentifier() and hasattr(run, word)} - KERNEL_OWN


def test_disabled_run_answers_every_documented_name(store: Store) -> None:
    """Code that records works unchanged when recording is off: what a run has, the silent one has, of the same sort."""
    run = store.run("job")
    names = documented_names(run)
    run.finish()
    assert {"input", "finish", "recording", "digest", "git", "git_state", "redactor", "stream"} <= names
    lacking = [name for name in names if not hasattr(DISABLED, name)]
    assert lacking == []
    assert [name for name in names if callable(getattr(run, name)) != callable(getattr(DISABLED, name))] == []


def ways_to_call(method: Callable[..., Any]) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Arguments for all that a method takes: as many by position as can be, as many by name, and the needed alone."""
    parameters = [one for one in inspect.signature(method).parameters.values() if one.kind not in (VARIED, NAMED)]
    free = [one.name for one in parameters if one.kind is not one.KEYWORD_ONLY]
    only = [one.name for one in parameters if one.kind is one.KEYWORD_ONLY]
    named = [one.name for one in parameters if one.kind is not one.POSITIONAL_ONLY]
    needed = [name for name in named if inspect.signature(method).parameters[name].default is inspect.Parameter.empty]
    first = [None] * (len(parameters) - len(named))
    yield [None] * len(free), dict.fromkeys(only)
    yield first, dict.fromkeys(named)
    yield first, dict.fromkeys(needed)


def test_disabled_run_takes_every_call_that_a_run_takes(store: Store) -> None:
    """By position and by name: no argument is asked for that a run has not, and none is refused."""
    run = store.run("job")
    methods = [name for name in documented_names(run) if inspect.ismethod(getattr(run, name))]
    assert {"event", "evidence", "tool", "output"} <= set(methods)
    for name in methods:
        for by_position, by_name in ways_to_call(getattr(run, name)):
            inspect.signature(getattr(DISABLED, name)).bind(*by_position, **by_name)
    run.finish()


def test_seal_whose_last_sync_fails_is_told_and_does_not_raise(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bundle has its name already, and nobody else gave it: the run is unsealed, and the work goes on (P5)."""
    run = store.run("job", run_id="mine")
    sync_folder = durable.sync_folder

    def failing(path: str) -> None:
        if path == store.url:
            raise OSError(errno.EIO, "Input/output error")
        sync_folder(path)

    monkeypatch.setattr(durable, "sync_folder", failing)
    assert run.finish() is None
    assert "is not sealed" in capsys.readouterr().err


# opening


class Hostile:
    """Raises whenever it is looked at."""

    def _raise(self, *_: object) -> Any:
        raise ZeroDivisionError

    __str__ = __repr__ = __iter__ = __len__ = __bool__ = _raise


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"run_id": "../x"}, "invalid_run_id"),
        ({"run_id": "--help"}, "invalid_run_id"),
        ({"run_id": "con"}, "invalid_run_id"),
        ({"run_id": ""}, "invalid_run_id"),
        ({"run_id": "x" * 129}, "invalid_run_id"),
        ({"run_id": "ghp_" + "a" * 30 + "1yLcDB"}, "secret_in_run_id"),
        ({"labels": {"": "x"}}, "invalid_label"),
        ({"labels": {"n" * 65: "x"}}, "invalid_label"),
        ({"labels": {"x": "v" * 1025}}, "invalid_label"),
        ({"labels": {str(number): "x" for number in range(65)}}, "invalid_label"),
        ({"labels": {1: "x"}}, "invalid_label"),
        ({"links": [{"rel": "likes", "run_id": "x"}]}, "invalid_link"),
        ({"links": [{"rel": "retries", "run_id": "../x"}]}, "invalid_link"),
        ({"links": [{"rel": "retries", "run_id": "x", "digest": "0" * 64}]}, "invalid_link"),
        ({"links": [{"rel": "retries", "run_id": "x", "more": 1}]}, "invalid_link"),
        ({"secrets": ["abc"]}, "invalid_option"),
        ({"secrets": [1]}, "invalid_option"),
        ({"contract": "nobody"}, "unknown_contract"),
        ({"contract": "runstone/99"}, "unknown_contract"),
        *[({"run_id": wrong}, "invalid_run_id") for wrong in (7, b"x", Hostile(), [])],
        *[({"labels": wrong}, "invalid_label") for wrong in (7, "text", ["ab", "c"], Hostile(), {Hostile(): "x"})],
        *[
            ({"links": wrong}, "invalid_link")
            for wrong in (None, 7, "text", [7], [None], ["x"], Hostile(), [Hostile()])
        ],
        ({"links": [{"rel": Hostile(), "run_id": "x"}]}, "invalid_link"),
        *[({"secrets": wrong}, "invalid_option") for wrong in (None, 7, Hostile(), [Hostile()])],
        *[({"argv": wrong}, "invalid_option") for wrong in (7, "ls -l", [7], {"a": 1}, Hostile())],
        *[({"entry": wrong}, "invalid_option") for wrong in (7, [], Hostile())],
        *[({"contract": wrong}, "invalid_option") for wrong in (None, 7, b"ovc", Hostile())],
    ],
)
def test_wrong_opening_is_refused_and_leaves_nothing(tmp_path: Path, arguments: dict[str, Any], code: str) -> None:
    """What cannot be recorded as it was given is refused before the store is touched."""
    store = open_store(tmp_path / "runs")
    with pytest.raises(RunstoneError) as caught:
        store.run("job", **arguments)
    assert (caught.value.code, (tmp_path / "runs").exists()) == (code, False)


def test_kind_version_and_label_that_cannot_be_shown_are_told_by_their_type(store: Store) -> None:
    """Where any text will do, an object that does not tell itself does not keep the run from being recorded."""
    with store.run(Hostile(), version=Hostile(), labels={"who": Hostile()}) as run:
        pass
    opened = store.get(run.run_id).opened["data"]
    assert (opened["kind"], opened["version"], opened["labels"]) == ("<Hostile>", "<Hostile>", {"who": "<Hostile>"})
    assert store.get(store.run(["a"]).finish()).kind == "['a']"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"links": ["x"]}, "found str"),
        ({"links": [{"rel": "likes", "run_id": "x"}]}, "child-of"),
        ({"labels": {1: "x"}}, "found 1"),
    ],
)
def test_a_refusal_says_what_was_found_or_can_stand_there(store: Store, arguments: dict[str, Any], told: str) -> None:
    """Of several things the one that is wrong; of a word the words that there are."""
    with pytest.raises(RunstoneError, match=told):
        store.run("job", **arguments)


def test_refused_opening_leaves_its_id_free(store: Store) -> None:
    """A call that was refused has taken nothing: the same id can be used at once."""
    for wrong in ({"argv": [7]}, {"links": [7]}, {"entry": 7}):
        with pytest.raises(RunstoneError):
            store.run("job", run_id="mine", **wrong)
    with store.run("job", run_id="mine"):
        pass
    assert store.verify("mine").ok


def test_empty_kind_is_refused(store: Store) -> None:
    """A run says what work it is, whether or not it has links."""
    for links in ([], [{"rel": "retries", "run_id": "x"}]):
        with pytest.raises(RunstoneError) as caught:
            store.run("", links=links)
        assert caught.value.code == "invalid_option"


def test_longest_label_and_most_labels_are_kept(store: Store) -> None:
    """Limits are inclusive."""
    labels = {f"{number:0>64}": "v" * 1024 for number in range(64)}
    with store.run("job", labels=labels) as run:
        pass
    assert store.get(run.run_id).labels == labels


@pytest.mark.parametrize("spelling", ["full", "FULL", "Full"])
def test_taken_id_is_refused(store: Store, tmp_path: Path, spelling: str) -> None:
    """An id that a sealed run has, in whatever case, is `run_exists`, and the sealed run stays as it was."""
    digest = full_run(store, tmp_path).digest
    with pytest.raises(RunstoneError) as caught:
        store.run("job", run_id=spelling)
    assert (caught.value.code, store.get("full").digest) == ("run_exists", digest)


def test_id_of_an_open_run_is_taken(store: Store) -> None:
    """So is the id of a run that is being recorded."""
    run = store.run("job", run_id="open")
    with pytest.raises(RunstoneError) as caught:
        store.run("job", run_id="OPEN")
    run.finish()
    assert caught.value.code == "run_exists"


def test_links_are_sorted_and_said_once(store: Store) -> None:
    """Links stand in the order of the format, each once."""
    given = [{"rel": "retries", "run_id": "b"}, {"rel": "amends", "run_id": "a"}, {"rel": "retries", "run_id": "b"}]
    with store.run("job", links=given) as run:
        pass
    assert [link["rel"] for link in store.get(run.run_id).manifest["links"]] == ["amends", "retries"]


def test_store_that_cannot_be_made_does_not_stop_the_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no run can be opened the block runs all the same, and standard error says once that nothing is kept."""
    (tmp_path / "runs").write_text("in the way")
    with open_store(tmp_path / "runs").run("job") as run:
        run.log("one")
        run.output("file", tmp_path / "runs", keep=True)
        assert not run.recording
    assert run.finish() is None
    assert capsys.readouterr().err.count("runstone:") == 1


def test_store_that_cannot_be_made_raises_when_strict(tmp_path: Path) -> None:
    """With `strict` it is `store_unavailable`."""
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(RunstoneError) as caught:
        open_store(tmp_path / "runs").run("job", strict=True)
    assert caught.value.code == "store_unavailable"


def test_a_relative_path_is_one_of_the_moment(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `chdir` a path means what it means to the program; its name is still that below the run's own folder."""
    (tmp_path / "work" / "deep").mkdir(parents=True)
    (tmp_path / "work" / "deep" / "out.csv").write_text("a\n")
    monkeypatch.chdir(tmp_path / "work")
    with open_real_store(str(tmp_path / "runs")).run("job", run_id="moved") as run:
        monkeypatch.chdir(tmp_path / "work" / "deep")
        run.output("file", "out.csv")
    [output] = of_type(open_store(tmp_path / "runs"), "moved", "output")
    assert (output["ref"], output["name"], output["size"]) == ("out.csv", "deep/out.csv", 2)


def test_evidence_that_leads_nowhere_fails_the_run(store: Store) -> None:
    """A bundle with it would be faulty for ever; a run that says so itself verifies, and its status follows."""
    with store.run("job", run_id="r") as run:
        run.check("rows", "pass", evidence="run.log:line:99")
    assert store.get("r").status == "failed"
    assert [data["id"] for data in of_type(store, "r", "check")] == ["rows", "evidence_resolves"]
    assert store.verify("r").ok


def test_a_run_knows_when_it_was_opened(store: Store) -> None:
    """To the microsecond of its first line, and for good."""
    with store.run("job") as run:
        run.log("later")
        told = run.opened_at
    sealed = store.get(run.run_id)
    assert told == run.opened_at == sealed.opened_at == sealed.opened["ts"]
