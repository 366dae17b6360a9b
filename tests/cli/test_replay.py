"""`runstone replay`: what it prints, how it ends, and wrapped commands that are run again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import HOSTILE, Invoke, raw_controls
from runstone.engine.replay.isolation import probe
from runstone.engine.store import Store

AGENT = """\
import sys
import runstone

with runstone.open("runs").run("agent") as run:
    @run.tool()
    def look(q: str) -> str:
        return open("backend.txt").read()

    print(look(sys.argv[1]))
"""


NETWORKS = """\
import socket

with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
    here = client.getpeername() == server.getsockname()
with open("out.txt", "w") as file:
    print([name for _, name in socket.if_nameindex()], here, file=file)
"""


@pytest.fixture
def agent(store: Store) -> str:
    """The id of a recorded agent's run, whose backend is gone; its program stands in the working directory."""
    Path("agent.py").write_text(AGENT)
    Path("backend.txt").write_text("the answer")
    subprocess.run([sys.executable, "agent.py", "what"], check=True, stdout=subprocess.DEVNULL)
    Path("backend.txt").unlink()
    return next(store.runs()).run_id


def test_the_same_outcome(agent: str, process: Invoke) -> None:
    """Status 0; what the program prints goes to standard error, the report to standard output."""
    answer = process("replay", agent)
    assert answer.status == 0
    assert answer.out.startswith(f"{agent}  same outcome\n")
    assert "guard    audit hook\n" in answer.out
    assert "the answer" in answer.err
    assert "the answer" not in answer.out


def test_a_divergence_has_both_sides(agent: str, process: Invoke) -> None:
    """Status 1, and a line to go on with; no line is over 80 columns where that is the width."""
    Path("agent.py").write_text(AGENT.replace("sys.argv[1]", "'why'"))
    answer = process("replay", agent)
    assert answer.status == 1
    assert "FIRST DIVERGENCE  arguments" in answer.out
    assert '  then  tool look call-1 line 3 args {"q": "what"}' in answer.out
    assert '  now   tool look call-1 args {"q": "why"}' in answer.out
    assert f"runstone diff {agent} " in answer.out


def test_it_fits_a_narrow_screen(agent: str, process: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what has no spaces is wider than 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    Path("agent.py").write_text(AGENT.replace("sys.argv[1]", "'why ' * 30"))
    out = process("replay", agent).out
    assert "FIRST DIVERGENCE" in out
    assert [line for line in out.splitlines() if len(line) > 80] == []


def test_as_json(agent: str, process: Invoke) -> None:
    """One object, and nothing else on standard output."""
    found = process("replay", agent, "--json").value
    assert (found["ok"], found["same"], found["kind"], found["mode"]) == (True, True, "process", "strict")
    assert found["replayed"]["outcome_digest"] == found["run"]["outcome_digest"]
    assert found["argv"] == [sys.executable, "agent.py", "what"]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("nothing",), 3),
        (("@latest", "--mode", "loose"), 2),
        (("@latest", "--mode", "hybrid"), 2),
        (("@latest", "--live", "send"), 2),
        (("@latest", "--identity", "missing.txt"), 3),
    ],
)
def test_wrong_use(agent: str, store: Store, process: Invoke, words: tuple[str, ...], status: int) -> None:
    """By the table of statuses; no run is made."""
    assert process("replay", *words).status == status
    assert [run.run_id for run in store.runs()] == [agent]


def test_what_cannot_be_replayed(store: Store, process: Invoke) -> None:
    """A conflict, with the places."""
    code = AGENT.replace("@run.tool()", '@run.tool({"name": "look", "version": "1", "arguments": {"type": "object"},'
                         ' "handling": {"result": {"": "mask"}}})')  # fmt: skip
    Path("agent.py").write_text(code)
    Path("backend.txt").write_text("the answer")
    subprocess.run([sys.executable, "agent.py", "what"], check=True, stdout=subprocess.DEVNULL)
    answer = process("replay", "@latest", "--json")
    assert answer.status == 4
    assert answer.value["details"]["problems"] == ["call-1 look /result: redacted:tool-mask"]
    assert process("replay", "@latest", "--live", "look").status == 0
    assert len(list(store.runs())) == 2


def test_an_imported_run_is_not_started(agent: str, process: Invoke) -> None:
    """Wrong use, until it is trusted: the message says what would be started."""
    assert process("export", agent, "--as", "tar", "-o", "run.tar").status == 0
    assert process("import", "run.tar", "--store", "other").status == 0
    answer = process("replay", agent, "--store", "other")
    assert answer.status == 2
    assert f"{sys.executable} agent.py what" in answer.err
    assert process("replay", agent, "--store", "other", "--trust").status == 0


def test_hostile_text_stays_text(store: Store, process: Invoke) -> None:
    """What a record says of a call is shown escaped."""
    Path("agent.py").write_text(AGENT.replace("sys.argv[1]", repr(HOSTILE)))
    Path("backend.txt").write_text(HOSTILE)
    subprocess.run([sys.executable, "agent.py"], check=True, stdout=subprocess.DEVNULL)
    Path("agent.py").write_text(AGENT.replace("sys.argv[1]", repr(HOSTILE + "x")))
    answer = process("replay", "@latest")
    assert answer.status == 1
    assert raw_controls(answer.out) == []


class TestWrapped:
    """Commands are wrapped again: words, folder, chosen variables, inputs and outputs as they were."""

    SORT = (
        "--input",
        "in.txt",
        "--output",
        "out.txt",
        "--",
        "sh",
        "-c",
        "sort in.txt > out.txt; echo sorted; echo $TZ",
    )

    def test_the_same_outcome(
        self, store: Store, process: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """From any folder; what the command prints goes to standard error; the variables are set again."""
        Path("in.txt").write_text("b\na\n")
        assert process("run", "--run-id", "r", "--deterministic", *self.SORT).status == 0
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        answer = process("replay", "r", "--store", str(tmp_path / "runs"))
        assert answer.status == 0
        assert "sorted\nUTC\n" in answer.err
        replayed = next(store.runs())
        assert replayed.outcome_digest == store.get("r").outcome_digest
        assert replayed.manifest["links"] == [{"rel": "replays", "run_id": "r", "digest": store.get("r").digest}]
        assert store.verify(replayed.run_id).ok

    def test_an_input_that_changed_is_named_first(self, store: Store, process: Invoke) -> None:
        """Nothing is run: status 1 for other bytes, 3 for no file."""
        Path("in.txt").write_text("b\na\n")
        process("run", "--run-id", "r", *self.SORT)
        Path("in.txt").write_text("c\n")
        Path("out.txt").unlink()
        answer = process("replay", "r")
        assert (answer.status, "in.txt" in answer.err) == (1, True)
        Path("in.txt").unlink()
        assert process("replay", "r").status == 3
        assert not Path("out.txt").exists()
        assert len(list(store.runs())) == 1

    def test_another_outcome_is_told_by_its_differences(self, process: Invoke) -> None:
        """As `runstone diff` tells them."""
        Path("state").write_text("0")
        process("run", "--run-id", "r", "--output", "out.txt", "--", "sh", "-c", "cat state > out.txt; echo 1 > state")
        answer = process("replay", "r")
        assert answer.status == 1
        assert "* ~ out.txt" in answer.out

    def test_an_output_that_was_not_written_again_is_none(self, process: Invoke) -> None:
        """The file of then proves nothing, whatever its bytes."""
        process("run", "--run-id", "r", "--output", "out.txt", "--", "sh", "-c", "test -e out.txt || echo x > out.txt")
        answer = process("replay", "r")
        assert answer.status == 1
        assert "out.txt was not written again" in answer.out

    def test_a_failed_command_fails_again(self, store: Store, process: Invoke) -> None:
        """Its status and the run's are part of the outcome; a variable that is needed is looked for again."""
        process("run", "--run-id", "r", "--", "sh", "-c", "exit 3")
        answer = process("replay", "r", "--json")
        assert (answer.status, answer.value["exit_status"]) == (0, 3)
        process("run", "--run-id", "s", "--required-env", "NOT_SET_HERE", "--", "true")
        assert process("replay", "s").status == 0
        assert next(store.runs()).status == "failed"

    @staticmethod
    def networks(process: Invoke) -> str:
        """Record a command that looks for networks; what it has found."""
        Path("job.py").write_text(NETWORKS)
        process("run", "--run-id", "r", "--output", "out.txt", "--", sys.executable, "job.py")
        return Path("out.txt").read_text()

    def test_a_command_has_no_network(self, process: Invoke) -> None:
        """But its own loopback; the guard is named."""
        out = self.networks(process)
        found = process("replay", "r", "--json").value
        assert [guard["name"] for guard in found["guards"]] == ["audit hook", "network namespace", "landlock"]
        why_not = probe()
        assert found["guards"][1] == {"name": "network namespace", "active": why_not is None, "reason": why_not}
        if why_not is not None:
            pytest.skip(f"no right to make namespaces: {why_not}")
        assert Path("out.txt").read_text() == "['lo'] True\n"
        assert found["ok"] is (out == "['lo'] True\n")

    def test_a_command_is_let_out(self, process: Invoke) -> None:
        """With `--network`; the guard that is missing says why."""
        out = self.networks(process)
        answer = process("replay", "r", "--network")
        assert (answer.status, Path("out.txt").read_text()) == (0, out)
        assert "network namespace (not active): it was asked for" in answer.out

    def test_a_command_without_a_network_is_as_it_was(self, process: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
        """Environment, arguments and signals; one that is not there, or cannot be executed, ends as it did."""
        monkeypatch.setenv("LC_ALL", "")
        monkeypatch.setenv("LANG", "C")
        Path("text").write_text("no program")
        Path("text").chmod(0o700)
        words = ["sh", "-c", 'env | sort > out.txt; echo "$@" >> out.txt; yes | head -n 1; kill -9 $$', "x", "-a b", ""]
        assert process("run", "--run-id", "r", "--output", "out.txt", "--", *words).status == 128 + 9
        before = Path("out.txt").read_text()
        answer = process("replay", "r", "--json").value
        assert (answer["ok"], answer["exit_status"]) == (False, 128 + 9)  # the id of the run around is another one
        changed = set(Path("out.txt").read_text().splitlines()) ^ set(before.splitlines())
        assert {line.partition("=")[0] for line in changed} == {"RUNSTONE_PARENT"}
        for word, status in (("./nothing", 127), ("./text", 126)):
            process("run", "--run-id", f"r{status}", "--", word)
            assert process("replay", f"r{status}", "--json").value["exit_status"] == status

    def test_the_network_is_for_commands(self, agent: str, process: Invoke) -> None:
        """Of an agent's run what is called for real is named."""
        assert process("replay", agent, "--network").status == 2

    def test_a_run_in_a_deterministic_command(self, store: Store, process: Invoke) -> None:
        """It is replayed with the variables that the command had."""
        body = "import runstone, os\nwith runstone.open('runs').run('inner') as run:\n    "
        body += "run.finish(result=[hash('x'), os.environ['TZ'], run.random().random()])\n"
        Path("job.py").write_text(body)
        assert process("run", "--deterministic", "--", sys.executable, "job.py").status == 0
        (inner,) = store.runs("kind:inner")
        assert process("replay", inner.run_id).status == 0

    def test_modes_are_not_for_commands(self, process: Invoke) -> None:
        """There is no call to match."""
        process("run", "--run-id", "r", "--", "true")
        assert process("replay", "r", "--mode", "strict").status == 2

    def test_contract_ovc_is_run_again_by_hand(self, store: Store, process: Invoke) -> None:
        """Its log is its wrapper's own."""
        process("run", "--contract", "ovc", "--store", "runs", "--kind", "A", "--", "true")
        answer = process("replay", "@latest")
        assert (answer.status, "run the command again" in answer.err) == (4, True)
        assert len(list(store.runs())) == 1


def test_json_of_a_command(process: Invoke) -> None:
    """The same members; no hook is active."""
    process("run", "--run-id", "r", "--", "true")
    done = process("replay", "r", "--json")
    assert json.loads(done.out)["guards"][0]["active"] is False
