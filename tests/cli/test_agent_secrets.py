"""A secret in anything that an agent handles is in no file, no database and no export, and nothing that is asked of
the run says it: one agent, with a secret of its own in each place, and a search of all that is left of it.

Most secrets have a shape, so that rules take them out. Those of prompts, answers, passages and arguments which a
contract drops have none: they must never be written at all.
"""

from __future__ import annotations

import base64
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path
from random import Random

import pytest
from core.planted import LETTERS, checked, drawn

import runstone
from runstone.engine.live import forget

from .conftest import Invoke

SHAPED = (
    *("argument", "named argument", "key", "result", "item", "argument header", "parameter header", "header value"),
    *("exception", "exception of the run", "config", "source of config", "approver", "reason", "refusal", "source"),
    *("query", "sample", "sample note", "score", "tool", "ref", "label", "check", "log", "policy", "contract", "kept"),
    *("version", "citation", "default", "blocked argument", "open argument", "child", "context", "annotation", "rule"),
)
UNSHAPED = ("prompt", "answer", "chunk", "passage", "dropped", "provider error", "dropped exception", "dropped answer")
NAMED = (
    *("argument header", "config", "default", "kept", "log", "named argument", "parameter header", "source"),
    "source of config",
)
"""These go by what is beside them: a word for a password, a name, a scheme."""
LATER = ("annotation", "open argument")
"""These are planted by the tests."""

AGENT = """
import sys, runstone
from runstone.contracts.agent import AgentRun, Approval, ArtifactStore

S = dict(line.rstrip("\\n").split("=", 1) for line in sys.stdin)
url, run_id = sys.argv[1:]

def approver(request):
    text = request.args["text"]
    if text == "no":
        return Approval(False, by="ann", reason=f"not {S['refusal']}")
    return Approval(True, by=f"ann {S['approver']}", reason=f"as {S['reason']} and {S['dropped answer']} say")

contract = {
    "name": "write", "version": "1", "side_effect": "write", "approval": "always",
    "description": f"writes with {S['contract']}",
    "arguments": {"type": "object"},
    "handling": {"arguments": {"/private": "drop", "/said": "drop"}},
}
policy = {
    "name": f"careful {S['policy']}", "version": "1", "deny": ["shell*"],
    "bounds": [{"tool": "pay", "path": "/to", "in": ["me"]}],
}
about = AgentRun(
    "research", run_id=run_id, version=f"1-{S['version']}", user=f"ann {S['context']}",
    config={"endpoint": f"https://u:p@example.org/?token={S['config']}", "heat": 0.5},
    sources={"/heat": f"--token {S['source of config']}"},
    labels={"team": S["label"]},
)
run = ArtifactStore(url).open(about)
run.govern(policy, approver)

@run.tool(contract)
def write(text, private=None, said=None):
    if text == "fail":
        raise ValueError(f"cannot write {private}")
    return {"wrote": S["result"], S["key"]: 1}

@run.tool(name=f"fetch {S['tool']}")
def fetch(url: str, api_key: str, headers: dict, limit: str = f"--token {S['default']}"):
    raise ConnectionError(f"refused: {S['exception']}")

@run.tool()
def stream(n: int):
    yield S["item"]
    return [S["item"]] * n

with run.model_call(
    "small-1", [{"role": "user", "content": f"please {S['prompt']}"}], ref=S["ref"],
    parameters={"extra_headers": {"Authorization": f"Bearer {S['parameter header']}", "X-Other": S["header value"]}},
) as call:
    call.chunk(f"well, {S['chunk']}")
    call.answered(f"I say {S['answer']}", "stop")
    call.usage("small-1-of-today", input_tokens=3, output_tokens=4)
try:
    with run.model_call("small-1", f"please {S['prompt']}"):
        raise RuntimeError(f"you asked {S['provider error']}")
except RuntimeError:
    pass
write("a text", private=S["dropped"], said=S["dropped answer"])
for text in ("no", "fail"):
    try:
        write(text, private=S["dropped exception"], said=S["dropped answer"])
    except (runstone.PolicyBlocked, ValueError):
        pass
try:
    fetch(f"https://example.org/?q={S['argument']}", api_key=S["named argument"],
          headers={"Authorization": f"Bearer {S['argument header']}"})
except ConnectionError:
    pass
list(stream(2))
next(stream(2))
for name in ("shell", "pay"):
    try:
        with run.tool_call(name, {"to": S["blocked argument"]}):
            raise AssertionError
    except runstone.PolicyBlocked as blocked:
        print(blocked, file=sys.stderr)
source = f"https://u:{S['source']}@example.org/a"
found = [{"id": f"p1 {S['citation']}", "source": source, "text": f"it is {S['passage']}"}]
run.evidence(f"where is {S['query']}", found, corpus="rocks")
run.cite(f"p1 {S['citation']}")
samples = [{"id": S["sample"], "value": 1, "note": f"was {S['sample note']}"}]
run.score(f"accuracy {S['score']}", samples=samples, threshold=0.5)
run.check(f"uses {S['check']}", "pass")
run.log(f"token={S['log']}", level="warning")
with open("notes.txt", "w") as file:
    file.write(f"password: {S['kept']}")
run.output("file", "notes.txt", keep="redacted")
with run.tool_call("delegate"), run.child(f"reader {S['child']}") as part:
    part.log(S["child"])
print(run.judge(f"max score.{S['rule']}:1", "cited").as_dict(), file=sys.stderr)
run.finish("failed", error=RuntimeError(f"gave up on {S['exception of the run']}"), result={"said": S["result"]})
"""
"""An agent that puts a secret wherever it can; what it prints is looked at, too."""


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    """Place → secret."""
    random = Random(11)
    opaque = {place: drawn(random, LETTERS, 24) for place in UNSHAPED}
    return {**{place: "ghp_" + checked(random) for place in SHAPED}, **opaque}


def leaks(data: bytes, secrets: dict[str, str]) -> list[str]:
    """The places whose secret stands in some bytes: whole or in its greater part, in any case, as text of one, two or
    four bytes a character, backwards, in hexadecimal, in base64 at any offset."""
    found, lower = [], data.lower()
    for place, secret in secrets.items():
        part = secret.removeprefix("ghp_").encode()[:20]
        wide = [part.decode().lower().encode(code) for code in ("utf-16-le", "utf-32-le")]
        in_base64 = [base64.b64encode(b"x" * shift + part)[4:-4] for shift in range(3)]
        near = [part.lower(), part[::-1].lower(), part.hex().encode(), *wide]
        if any(one in lower for one in near) or any(one in data for one in in_base64):
            found.append(place)
    return found


def run_agent(folder: Path, secrets: dict[str, str], run_id: str) -> str:
    """A run of the agent; answers what it printed."""
    program = folder / "agent.py"
    program.write_text(AGENT)
    given = "".join(f"{place}={secret}\n" for place, secret in secrets.items())
    command = [sys.executable, str(program), str(folder / "runs"), run_id]
    done = subprocess.run(command, input=given, capture_output=True, text=True, cwd=folder, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    (folder / "notes.txt").unlink()
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, secrets: dict[str, str]) -> tuple[Path, str]:
    """A folder with two runs of the agent, and what they printed."""
    folder = tmp_path_factory.mktemp("agent")
    said = "".join(run_agent(folder, secrets, run_id) for run_id in ("first", "second"))
    return folder, said


def test_the_search_finds_what_is_there(secrets: dict[str, str]) -> None:
    """In each of its forms; else nothing below says anything."""
    (one, *_) = secrets.values()
    hidden = base64.b64encode(b"ab" + one.encode())
    for form in (one, one.upper(), one[::-1], one.encode().hex(), f"x{one[:30]}y"):
        assert leaks(form.encode(), secrets) == ["argument"]
    assert leaks(one.encode("utf-16"), secrets) == leaks(hidden, secrets) == ["argument"]
    assert leaks(AGENT.encode(), secrets) == []


def test_the_agent_did_all_of_it(recorded: tuple[Path, str]) -> None:
    """Every kind of event that it could record is there: what was planted had its chance."""
    store = runstone.open(recorded[0] / "runs")
    kinds = [event["type"] for event in store.get("first").events()]
    told = {"approval", "check", "child", "citation", "config", "context", "contract", "decision", "evidence", "log"}
    told |= {"model.called", "model.returned", "output", "score", "tool.called", "tool.returned", "verdict"}
    assert told <= set(kinds)
    document = store.get("first").document("tool_calls.json")
    assert {call["status"] for call in document["calls"]} == {"ok", "error", "blocked", "cancelled"}
    approvals = [event["data"]["outcome"] for event in store.get("first").events("approval")]
    assert approvals == ["approved", "refused", "approved"]


def test_each_place_is_recorded(tmp_path: Path, secrets: dict[str, str]) -> None:
    """Words in place of the secrets stand in the bundle, but where a name says that it is one, and texts of models."""
    words = {place: f"pelican{number:02d}sings" for number, place in enumerate(secrets)}
    run_agent(tmp_path, words, "plain")
    bundle = b"".join(path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file())
    there = {place for place, word in words.items() if word.encode() in bundle}
    assert set(words) - there == {*UNSHAPED, *NAMED, *LATER}


def test_what_the_agent_was_told_has_none(recorded: tuple[Path, str], secrets: dict[str, str]) -> None:
    """Errors of blocked calls and the verdict, as a program prints them."""
    assert "is blocked" in recorded[1]
    assert leaks(recorded[1].encode(), secrets) == []


def test_nothing_below_the_store_has_one(recorded: tuple[Path, str], secrets: dict[str, str], invoke: Invoke) -> None:
    """Bundles, leases, the catalog with its log of writes while somebody reads it, segments once they are packed."""
    root = recorded[0] / "runs"
    assert invoke("ls", "--store", str(root)).status == 0
    (catalog,) = root.rglob("*.sqlite*")
    reader = sqlite3.connect(catalog)  # a log of writes stays as long as somebody reads
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
    assert invoke("annotate", "first", "--note", f"see {secrets['annotation']}", "--store", str(root)).status == 0
    assert invoke("ls", '"reader"', "--store", str(root)).status == 0
    files = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert {path.name.partition(".sqlite")[2] for path in files if ".sqlite" in path.name} >= {"-wal"}
    reader.close()
    assert invoke("pack", "--store", str(root)).status == 0
    files |= {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert any("pack" in str(path) for path in files)
    assert {str(path): leaks(body, secrets) for path, body in files.items() if leaks(body, secrets)} == {}
    assert leaks("\n".join(map(str, root.rglob("*"))).encode(), secrets) == []
    assert invoke("unpack", "--store", str(root)).status == 0


WORDS = [
    ("audit", "first"),
    ("audit", "first", "--json"),
    ("show", "first"),
    ("show", "first", "--json"),
    ("show", "first", "--samples", "*"),
    ("logs", "first"),
    ("ls", "--json"),
    ("diff", "first", "second"),
    ("diff", "first", "second", "--json"),
    ("judge", "first", "--baseline", "second", "--meet", "scores", "--cited"),
    ("judge", "first", "--max", "metric.{rule}:1", "--json"),
    ("verify", "first", "--json"),
    ("verify", "first", "--secrets"),
    ("contract", "runstone", "first"),
    ("contract", "agent", "first", "--json"),
    ("contract", "ovc", "first", "--json"),
    ("export", "first", "--as", "tar"),
    ("export", "first", "--as", "markdown"),
    ("find", "--lineage", "first"),
    ("ls", "{argument}"),
    ("ls", "label.team:{label}"),
    ("show", "{argument}"),
    ("audit", "{argument}", "--json"),
]


@pytest.mark.parametrize("words", WORDS, ids=[" ".join(words[:1] + words[2:]) for words in WORDS])
def test_no_answer_has_one(
    recorded: tuple[Path, str], secrets: dict[str, str], invoke: Invoke, words: tuple[str, ...]
) -> None:
    """On standard output and standard error, for people and for programs; also where the question holds one."""
    asked = [word.format(**secrets) for word in words]
    answer = invoke(*asked, "--store", str(recorded[0] / "runs"))
    said = (answer.out + answer.err).encode(errors="surrogateescape")
    assert said
    assert leaks(said, secrets) == []


def test_an_export_has_none(
    recorded: tuple[Path, str], secrets: dict[str, str], invoke: Invoke, tmp_path: Path
) -> None:
    """Each file in it, and each of those that `get` copies out; it can be imported and verified elsewhere."""
    root = str(recorded[0] / "runs")
    assert invoke("export", "first", "-o", "first.tar", "--store", root).status == 0
    with tarfile.open("first.tar") as archive:
        archive.extractall("unpacked", filter="data")
    assert leaks(Path("first.tar").read_bytes(), secrets) == []
    unpacked = {path.relative_to("unpacked").as_posix(): path for path in Path("unpacked").rglob("*") if path.is_file()}
    assert {name.partition("/")[2] for name in unpacked} >= {"run.json", "tool_calls.json", "eval/gate.json"}
    assert invoke("get", "first", "-o", "copied", "--store", root).status == 0
    copied = [path for path in Path("copied").rglob("*") if path.is_file()]
    assert copied
    assert [str(path) for path in (*unpacked.values(), *copied) if leaks(path.read_bytes(), secrets)] == []
    assert invoke("import", "first.tar", "--store", str(tmp_path / "other")).status == 0


def test_an_open_run_and_one_whose_process_died_have_none(
    tmp_path: Path, secrets: dict[str, str], invoke: Invoke
) -> None:
    """While a call goes on: the journal that is written to, what is asked of it, and what recovery makes of it."""
    root = tmp_path / "open"
    store = runstone.open(root)
    run = store.run("agent", run_id="left")
    call = run.tool_call("send", {"token": secrets["open argument"]})
    call.__enter__()
    said = [invoke(verb, "left", "--store", str(root)) for verb in ("audit", "show")]
    run.writer.become_inert()
    forget(run)
    assert run.writer.journal is not None
    run.writer.journal.close()
    said += [invoke(verb, "left", "--store", str(root)) for verb in ("audit", "recover", "audit", "show")]
    assert leaks("".join(one.out + one.err for one in said).encode(), secrets) == []
    assert [path for path in root.rglob("*") if path.is_file() and leaks(path.read_bytes(), secrets)] == []


def test_what_a_library_answers_has_none(recorded: tuple[Path, str], secrets: dict[str, str]) -> None:
    """Rich text of a notebook, a table, a comparison, a verdict, and an archive in memory."""
    from runstone.engine.exporter import export_tar

    store = runstone.open(recorded[0] / "runs")
    first, second = store.get("first"), store.get("second")
    packed = b"".join(export_tar(first))
    told = [repr(first), first._repr_html_(), repr(store), store._repr_html_(), str(store.compare("first", "second"))]
    told += [repr(store.judge("first", rules=["cited"]).as_dict()), store.to_pandas().to_csv(), repr(second.manifest)]
    assert leaks("".join(map(str, told)).encode() + packed, secrets) == []
