"""Runstone step by step: record real work, find, compare and judge it, prove it, damage it, kill a run, hide a secret,
decide at a gate, audit an agent, kill it and go on, do its run again.

    python examples/demo.py [--work DIR]

- Every command stands behind a `$` exactly as bash runs it in the work folder; only long output is cut, and says so.
- Every step checks what it says. The first claim that does not hold ends the demo.
- Everything is made in the work folder (`demo-out` in the project). It is made anew, but only a folder that the demo
  made itself is ever deleted.

No network is used. Exit status: 0 all claims hold; 1 one does not; 2 wrong use.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import runstone

PROJECT = Path(__file__).resolve().parents[1]
PIPELINE = PROJECT / "examples" / "market" / "pipeline.py"
MARKER = ".runstone-demo"
MARKER_TEXT = "This folder was made by examples/demo.py, which deletes it when it runs again.\n"
COLUMNS = 80
LIMIT_S = 60
SECRET = "correct-horse-battery-staple"


class ClaimError(Exception):
    """Something that the demo says does not hold."""


def claim(holds: bool, text: str) -> None:
    """Raise `ClaimError` with what should have been true, unless it `holds`."""
    if not holds:
        raise ClaimError(text)


class Stage:
    """The work folder, the environment of the commands, and how both are shown."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.sections = 0
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNSTONE_")}
        self.environment |= {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "RUNSTONE_STORE": str(work / "runs"),
            "COLUMNS": str(COLUMNS),
        }
        self.store = runstone.open(work / "runs")

    def section(self, title: str, sentence: str) -> None:
        """Begin the next section: its number, its title, and what happens in it."""
        self.sections += 1
        title = f"{self.sections}. {title}"
        print(f"\n\n{title}\n{'-' * len(title)}\n{sentence}", flush=True)

    def sh(self, line: str, *, status: int = 0, only: str = "", lines: int | None = None) -> str:
        """Show a command line, run it, show and return its output; `ClaimError` for another exit status.

        `only` is a pattern of the lines to show, `lines` how many of them; without either all are shown.
        """
        print(f"\n$ {line}", flush=True)
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.work,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            encoding="utf-8",
            errors="backslashreplace",
        )
        right = done.returncode == status
        print(excerpt(done.stdout, only, lines) if right else done.stdout, end="")
        if status or not right:
            print(f"[exit status {done.returncode}]")
        claim(right, f"`{line}` ends with status {status}; it ended with {done.returncode}")
        return done.stdout

    def start(self, line: str) -> subprocess.Popen[str]:
        """Show a command line and start it in the background; its output is a pipe."""
        print(f"\n$ {line} &", flush=True)
        return subprocess.Popen(
            ["bash", "-c", f"exec {line}"], cwd=self.work, env=self.environment, stdout=subprocess.PIPE, text=True
        )


def excerpt(output: str, only: str, lines: int | None) -> str:
    """Return the lines that fit `only`, the first `lines` of them; what is left out or cut is said."""
    every = output.splitlines()
    if not only and lines is None:
        return output
    shown = [line for line in every if re.search(only, line)][:lines]
    cut = [line if len(line) <= COLUMNS else line[: COLUMNS - 3] + "..." for line in shown]
    notes = [f"{len(shown)} of {len(every)} lines"] if len(shown) < len(every) else []
    notes += ["long ones cut"] if cut != shown else []
    return "".join(f"{line}\n" for line in cut) + (f"[{', '.join(notes)}]\n" if notes else "")


def baseline(stage: Stage) -> None:
    """Record the pipeline as it is."""
    stage.section(
        "Record a pipeline over real prices",
        "Three steps copy, derive and validate 12,154 daily stock prices; each leaves a\n"
        "record. Two write it from Python, the third is a bash script that was wrapped.",
    )
    pipeline = os.path.relpath(PIPELINE, stage.work)
    output = stage.sh(f"python {pipeline} --work market", only=r"^(==|result|PASS  [a-z]+_)")
    claim("One row for each price: 12154 rows" in output, "12,154 prices are derived")
    claim("result: 17 checks passed, 0 failed" in output, "the validation passes its 17 checks")


def changed(stage: Stage) -> None:
    """Record it again with another threshold."""
    stage.section(
        "Again, with one threshold changed",
        "A session now counts as a trend from 5 % on, not 2 %; the checks pass as before.",
    )
    pipeline = os.path.relpath(PIPELINE, stage.work)
    output = stage.sh(f"python {pipeline} --work market \\\n    --trend-threshold 0.05", only="^(==|result)")
    claim("result: 17 checks passed, 0 failed" in output, "the validation passes its 17 checks again")


def list_runs(stage: Stage) -> None:
    """List the six records."""
    stage.section("What was recorded", "Six runs, newest first; every one is sealed and read-only.")
    output = stage.sh("runstone ls")
    for kind in ("P2-Backfill", "B1-DerivedC1", "B2-DerivedValidation"):
        claim(output.count(f"__{kind}__") == 2, f"`runstone ls` shows two runs of {kind}")
    claim(output.count("  success  ") == 6, "`runstone ls` shows six successful runs")
    for run in stage.store.runs():
        files = [path for path in Path(run.path).rglob("*") if path.is_file()]
        claim(not any(path.stat().st_mode & 0o222 for path in files), f"every file of {run.run_id} is read-only")


def show_one(stage: Stage) -> None:
    """Show the changed derivation."""
    stage.section("One run", "A run says which command ran on which bytes, and what came of it.")
    shown = stage.sh(f"runstone show {derivations(stage)[0].run_id}")
    claim("--trend-threshold 0.05" in shown, "the record holds the threshold that was given")


def annotate(stage: Stage) -> None:
    """Name two runs, and say something of one, after the seal."""
    stage.section(
        "Say something afterwards",
        "Names, labels and notes are runs of their own: no byte of a sealed run changes.\n"
        "@published and @trial stand for the two runs from now on.",
    )
    after, before = derivations(stage)
    stage.sh(f"runstone alias published {before.run_id}")
    stage.sh(f"runstone alias trial {after.run_id}")
    stage.sh('runstone annotate @trial --label reviewed=yes \\\n    --note "is 5 % too much?"')
    output = stage.sh("runstone ls label.reviewed:yes")
    claim(after.run_id in output, "the new label finds the run")
    claim(before.run_id not in output, "the new label finds no other run")
    output = stage.sh("runstone show @trial", only="^(run|digest|ANNOTATIONS|  [0-9]{4}-)")
    claim("is 5 % too much?" in output, "`runstone show` tells the note")
    claim(stage.store.get("@trial").digest == after.digest, "the run has the digest that it had")


def find(stage: Stage) -> None:
    """Ask of a file which runs made and read it."""
    stage.section(
        "Which run made this file",
        "A file is known by its bytes, wherever it lies and whatever it is called.",
    )
    stage.sh("cp market/data/features.csv what-is-this.csv")
    output = stage.sh("runstone find what-is-this.csv")
    after, before = derivations(stage)
    claim(after.run_id in output, "the file was made by the second derivation")
    claim(before.run_id not in output, "the file was not made by the first derivation")
    output = stage.sh("runstone find --lineage what-is-this.csv")
    claim("read data/prices.csv" in output, "it came from the prices")
    claim(output.count("  P2-Backfill  ") == 2, "two backfills made these very prices")


def compare(stage: Stage) -> None:
    """Tell what differs between the two derivations."""
    stage.section("What differs", "Only what is not the same is shown; * makes the outcome another one.")
    output = stage.sh("runstone diff @published @trial")
    for said in ("outcome  differs", "--trend-threshold 0.05", "* ~ data/features.csv", "regimes.csv row 15"):
        claim(said in output, f"the comparison says: {said}")
    claim("prices.csv" not in output, "the inputs are the same")


def judge(stage: Stage) -> None:
    """Two verdicts, of which one fails."""
    stage.section(
        "A verdict",
        "Rules say what must hold beside a baseline; the verdict is recorded as a run.",
    )
    rules = "--baseline @published \\\n    --require check.rows_match_prices --require-same inputs"
    claim(" passes\n" in stage.sh(f"runstone judge @trial {rules}"), "the trial passes by these rules")
    output = stage.sh(f"runstone judge @trial {rules} \\\n    --require-same outcome", status=1)
    claim(" fails\n" in output, "the trial fails where the outcome must be the same")
    output = stage.sh("runstone ls kind:judge")
    claim(output.count("  judge  ") == 2, "both verdicts are in the store")


def verify_all(stage: Stage) -> None:
    """Prove every record."""
    stage.section(
        "Prove all of it",
        "Every byte is hashed; every document is made anew from the journal and compared.",
    )
    output = stage.sh("runstone verify --all")
    claim(": 11 verified" in output, "six runs verify, and five that say something of them")


def tamper(stage: Stage) -> None:
    """Change one byte of a copy, and let `verify` find it."""
    stage.section(
        "Change one byte",
        "In a copy the recorded threshold 0.05 becomes 0.02, as if nothing had changed.",
    )
    run = derivations(stage)[0]
    stage.sh(f"runstone get {run.run_id} -o copy")
    stage.sh("runstone verify ./copy", only=f"^{re.escape(run.run_id)}")
    stage.sh(
        'sed -i.bak \'s/"trend_threshold":"0.05"/"trend_threshold":"0.02"/\' \\\n'
        "    copy/events.jsonl && mv copy/events.jsonl.bak original.jsonl"
    )
    stage.sh("cmp original.jsonl copy/events.jsonl", status=1)
    pair = [(stage.work / name).read_bytes() for name in ("original.jsonl", "copy/events.jsonl")]
    claim(sum(one != other for one, other in zip(*pair, strict=True)) == 1, "exactly one byte differs")
    output = stage.sh("runstone verify ./copy", status=1)
    for name in ("wrong_sha256 events.jsonl", "wrong_root", "wrong_document run.json"):
        claim(name in output, f"`runstone verify` names {name}")
    print("\nThe file is named, and each step of the proof that the change breaks.")


def kill(stage: Stage) -> None:
    """Kill a run in the middle with SIGKILL, and recover it."""
    stage.section(
        "Kill a run in the middle",
        "kill -9 leaves no time to tidy up; what was recorded until then is still there.",
    )
    process = stage.start(
        "runstone run --kind nightly -- \\\n"
        """    bash -c 'for i in {1..500}; do echo "item $i"; sleep 0.02; done'"""
    )
    try:
        printed = read_until(process, "item 40")
        print("item 1\n...\nitem 40")
        stage.sh(f"kill -9 {process.pid}")
        printed += process.communicate()[0].splitlines()
    finally:
        process.kill()
    claim(process.returncode == -signal.SIGKILL, "the recorder was killed by signal 9")
    claim("to recover" in stage.sh("runstone ls kind:nightly"), "the killed run is marked `to recover`")
    recovered = stage.sh("runstone recover")
    run = next(stage.store.runs("kind:nightly"))
    events = run.counts()["events"]
    claim(f"interrupted, {events} events" in recovered, "`runstone recover` says how many events it kept")
    shown = stage.sh(f"runstone show {run.run_id}", lines=6)
    claim("nightly  interrupted" in shown, "`runstone show` says that the run was interrupted")
    stage.sh(f"runstone logs {run.run_id} | tail -n 2")
    kept = run.file("run.log").decode().splitlines()
    claim(bool(kept) and kept == printed[: len(kept)], "the log is what was printed, from its start")
    claim(stage.store.verify(run.run_id).ok, "the recovered run verifies")
    print(f"\nThe command had printed {len(printed)} lines; {len(kept)} of them are in the record, and it verifies.")


def hide(stage: Stage) -> None:
    """Pass an exit status through, and keep a secret out of the store."""
    stage.section(
        "A wrapped command, and a secret",
        "The exit status is the command's own; a value that the environment declares as\n"
        "secret by its name is taken out before anything is written.",
    )
    line = """runstone run --kind publish -- \\\n    bash -c 'echo "publishing with $API_TOKEN"; exit 3'"""
    live = stage.sh(f"API_TOKEN={SECRET} \\\n    {line}", status=3)
    claim(SECRET in live, "the command's own output is passed on as it is")
    logged = stage.sh("runstone logs @latest")
    claim("[REDACTED:" in logged, "the log says that something was taken out")
    stage.sh(f"grep -r {SECRET} runs", status=1)
    everything = b"".join(path.read_bytes() for path in (stage.work / "runs").rglob("*") if path.is_file())
    claim(SECRET.encode() not in everything, "no file of the store holds the secret")
    claim(next(stage.store.runs()).status == "failed", "a command that ends with status 3 is a failed run")
    print("\nThe command printed it, and grep finds it nowhere in the store.")


def carry(stage: Stage) -> None:
    """Export a run and import it elsewhere."""
    stage.section(
        "Take a run elsewhere",
        "A run travels as a plain tar archive and keeps its digest in the second store.",
    )
    run = derivations(stage)[0]
    stage.sh(f"runstone export {run.run_id} \\\n    --as tar -o derive.tar")
    stage.sh("runstone import derive.tar --store second")
    stage.sh(f"runstone verify {run.run_id} --store second \\\n    --digest \\\n    {run.digest}", lines=2)
    there = runstone.open(stage.work / "second").get(run.run_id)
    claim(there.digest == run.digest, "the run has the same digest in both stores")
    print("\nWho has the digest from elsewhere knows that this is the run that was sealed.")


def decide(stage: Stage) -> None:
    """Let calls pass a gate, and look at what is left of those that did not."""
    stage.section(
        "Decide, block, answer for it",
        "A gate decides on each call before its work: allowed, blocked or failed, each is\n"
        "a sealed run before it is answered, many in one file, by one sync of the disk.",
    )
    decisions = os.path.relpath(PROJECT / "examples" / "decisions.py", stage.work)
    output = stage.sh(f"RUNSTONE_STORE=decisions python {decisions}")
    claim("400 calls from 8 threads: 274 allowed, 68 blocked, 58 failed" in output, "each call has its outcome")
    blocked = next(runstone.open(stage.work / "decisions").runs("status:blocked"))
    stage.sh(f"runstone show {blocked.run_id} --store decisions", only="blocked|rim_speed|pack")
    output = stage.sh("runstone verify --all --store decisions", lines=3)
    claim("400" in output, "all 400 runs verify")


def act(stage: Stage) -> None:
    """Record an agent under two prompts, and look at what it did and was kept from."""
    stage.section(
        "What did the agent do",
        "A research agent answers nine questions about Python under two prompts. A policy\n"
        "rules over its tools; the second prompt is judged beside the first.",
    )
    research = os.path.relpath(PROJECT / "examples" / "agent" / "research.py", stage.work)
    stage.sh(f"RUNSTONE_STORE=agents python {research} \\\n    --prompt baseline --out reports")
    output = stage.sh(
        f"RUNSTONE_STORE=agents python {research} \\\n    --prompt candidate --out reports --baseline @latest",
        only="^(pass|fail) ",
    )
    claim(output.count("pass  ") == 4, "the candidate passes its four rules")
    agents = runstone.open(stage.work / "agents")
    candidate, baseline = agents.runs()
    output = stage.sh(f"runstone audit {baseline.run_id} --store agents", lines=22)
    claim("blocked by rule deny" in output, "the shell was blocked")
    claim("approved by research-desk" in output, "reports were approved")
    stage.sh(f"runstone show {candidate.run_id} --store agents \\\n    --samples accuracy --baseline {baseline.run_id}")
    told = b"".join(path.read_bytes() for path in (stage.work / "agents").rglob("*") if path.is_file())
    claim(b"answer questions about the Python language" not in told, "no prompt is in the record")


def go_on(stage: Stage) -> None:
    """Kill the agent in its midst, and start it again."""
    stage.section(
        "Kill the agent, and go on",
        "With a store of states every step of the agent is durable before the next one\n"
        "begins: killed, and started again, it goes on where it was.",
    )
    research = os.path.relpath(PROJECT / "examples" / "agent" / "research.py", stage.work)
    command = f"python {research} \\\n    --prompt candidate --out answers --states states.db"
    process = stage.start(f"env RUNSTONE_STORE=killed {command}")
    deadline = time.monotonic() + LIMIT_S
    while process.poll() is None and len(list((stage.work / "answers").glob("reports/*"))) < 3:
        claim(time.monotonic() < deadline, "three reports are written")
        time.sleep(0.001)
    stage.sh(f"kill -9 {process.pid}")
    process.communicate()
    claim(process.returncode == -signal.SIGKILL, "the agent was killed by signal 9")
    stage.sh(f"RUNSTONE_STORE=killed {command}")
    stage.sh("runstone ls --store killed")
    last, first = (run.run_id for run in runstone.open(stage.work / "killed").runs())
    shown = stage.sh(f"runstone show {last} --store killed", only="^link|accuracy")
    claim(f"retries {first}" in shown, "the second run retries the first")
    stage.sh(f"runstone audit {last} --store killed", only="^CALLS")
    candidate = next(runstone.open(stage.work / "agents").runs())
    whole, left = model_calls(candidate), model_calls(runstone.open(stage.work / "killed").get(last))
    claim(whole > left > 0, "going on takes fewer calls of the model than all of it")
    claim(len(list((stage.work / "answers" / "reports").iterdir())) == 9, "there are nine reports")
    print(f"\nOf {whole} calls of the model, {left} were left to the second run.")


def repeat(stage: Stage) -> None:
    """Do the agent's first run again, though what it wrote is gone."""
    stage.section(
        "Do it again",
        "Its tools are not called: the record answers, and whatever else would reach the\n"
        "world is refused. Two are called for real, the search and the scripted model.",
    )
    _, baseline = runstone.open(stage.work / "agents").runs()
    stage.sh("rm -r reports")
    output = stage.sh(
        f"runstone replay {baseline.run_id} --store agents \\\n    --live search --live scripted-researcher-1",
        only="outcome|^replay|^mode|^guard",
    )
    claim("  same outcome\n" in output, "the replay comes to the same outcome digest")
    claim(not (stage.work / "reports").exists(), "no report was written again")


def phases(stage: Stage) -> None:
    """Translate a script in seven phases, killed in their midst."""
    stage.section(
        "Killed between its phases",
        "A script of 62 lines is translated in seven phases. The process is killed on its\n"
        "way; another one goes on where it was. One run is sealed, with seven children.",
    )
    pipeline = os.path.relpath(PROJECT / "examples" / "phases" / "pipeline.py", stage.work)
    run_id = "01890a5c-91c8-7b2a-9f51-9b40d0cf0001"
    command = f"python {pipeline} \\\n    --run-id {run_id} --project translation"
    process = stage.start(f"env RUNSTONE_STORE=translated {command}")
    log = stage.work / "translation" / "logs" / f"{run_id}.jsonl"
    deadline = time.monotonic() + LIMIT_S
    while process.poll() is None and not (log.is_file() and b"phase_completed" in log.read_bytes()):
        claim(time.monotonic() < deadline, "the first phase is completed")
        time.sleep(0.001)
    process.kill()
    process.communicate()
    output = stage.sh(f"RUNSTONE_STORE=translated {command}")
    claim(output.count("completed, revision 1") == 7, "every phase was done once")
    output = stage.sh("runstone ls --store translated contract:rentl", lines=5)
    claim(output.count("  success  ") == 8, "a run, and seven phases")
    stage.sh("cat translation/artifacts/*/*.txt", lines=5)
    stage.sh("runstone verify --all --store translated", lines=1)


def purge(stage: Stage) -> None:
    """Take runs out of the store, by a rule and with a tombstone."""
    stage.section(
        "What may go",
        "A rule says which runs a store need not keep; a plan comes first, and what went\n"
        "leaves a tombstone. Runs that an alias names stay whatever a rule says.",
    )
    gone = next(stage.store.runs("kind:publish")).run_id
    stage.sh("runstone purge --query kind:publish")
    claim(stage.store.get(gone).run_id == gone, "a plan takes nothing")
    stage.sh("runstone purge --query kind:publish \\\n    --grace 0 --apply --reason 'it failed'")
    stage.sh(f"runstone show {gone}", status=3)
    stage.sh("runstone purge --list")
    claim(not list(stage.store.runs("kind:publish")), "the run is gone")
    print("\nWho asks for it is told when it went, by whom and why.")


def derivations(stage: Stage) -> list[runstone.Sealed]:
    """Return the two runs of the derivation, newest first."""
    runs = list(stage.store.runs("kind:B1-DerivedC1"))
    claim(len(runs) == 2, f"there are two runs of B1-DerivedC1; found {len(runs)}")
    return runs


def model_calls(run: runstone.Sealed) -> int:
    """Return how often a model was asked in a run."""
    return sum(1 for _ in run.events("model.called"))


def read_until(process: subprocess.Popen[str], last: str) -> list[str]:
    """Return the lines that a process printed, up to and with `last`; `ClaimError` if it ends before."""
    lines: list[str] = []
    for line in process.stdout or ():
        lines.append(line.rstrip("\n"))
        if lines[-1] == last:
            return lines
    raise ClaimError(f"the command prints {last!r}; it ended before")


SECTIONS: Sequence[Callable[[Stage], None]] = (
    baseline,
    changed,
    list_runs,
    show_one,
    annotate,
    find,
    compare,
    judge,
    verify_all,
    tamper,
    kill,
    hide,
    carry,
    decide,
    act,
    go_on,
    repeat,
    phases,
    purge,
)
"""In this order. What takes runs away comes last."""


def farewell(work: Path, took_s: float) -> None:
    """Say where everything lies and what to try next."""
    folder, command = shortest(work), shortest(Path(sys.executable).parent / "runstone")
    print(f"\n\nEverything held, in {took_s:.0f} s. It all lies in {folder}:\n")
    for name, what in (
        ("runs", "the store: seven runs, what was said of them, a tombstone"),
        ("market/data", "the tables that the pipeline made"),
        ("copy", "the copy with the changed byte"),
        ("derive.tar", "the exported run"),
        ("second", "the store that it was imported into"),
        ("decisions", "the store of 400 decisions, packed"),
        ("translated", "the store of a pipeline of phases; its files are in `translation`"),
        ("agents", "the store of two runs of an agent, and of a replay of the first"),
        ("killed", "the store of an agent that was killed and gone on with"),
        ("states.db", "the states that it went on from"),
    ):
        print(f"  {name:<13}{what}")
    print("\nTry next:\n")
    print(f"  export RUNSTONE_STORE={folder}/runs")
    print(f"  {command} ls status:failed,interrupted")
    print(f"  {command} show @trial")
    print(f"  {command} run -- python3 -c 'print(6 * 7)'")


def shortest(path: Path) -> str:
    """Return a path as it is typed from the current directory."""
    return min(os.path.relpath(path), str(path), key=len)


def fresh_folder(folder: Path) -> Path:
    """Make `folder` anew and return its absolute path; `FileExistsError` for what is not the demo's."""
    if folder.is_symlink() or (folder.exists() and not is_own(folder)):
        raise FileExistsError(f"{folder} was not made by the demo, so it is left alone; name another with --work")
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARKER).write_text(MARKER_TEXT, encoding="utf-8")
    return folder.resolve()


def is_own(folder: Path) -> bool:
    """Whether a folder is empty or carries the demo's marker."""
    marker = folder / MARKER
    if marker.is_file():
        return marker.read_text(encoding="utf-8", errors="replace") == MARKER_TEXT
    return folder.is_dir() and not any(folder.iterdir())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the steps in the work folder and return the exit status."""
    parser = argparse.ArgumentParser(prog="demo.py", description="Runstone step by step.")
    parser.add_argument("--work", type=Path, default=PROJECT / "demo-out", metavar="DIR", help="made anew")
    started = time.monotonic()
    try:
        stage = Stage(fresh_folder(parser.parse_args(arguments).work))
    except OSError as error:
        parser.error(str(error))
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(LIMIT_S)
    try:
        print("Runstone: runs, carved in stone.\n")
        print(f"$ cd {shortest(stage.work)}\n$ export RUNSTONE_STORE=$PWD/runs")
        for section in SECTIONS:
            section(stage)
    except (ClaimError, runstone.RunstoneError) as error:
        print(f"\ndemo: this should hold, and does not: {error}", file=sys.stderr)
        return 1
    farewell(stage.work, time.monotonic() - started)
    return 0


def out_of_time(_number: int, _frame: object) -> None:
    """End the demo when it took too long."""
    raise ClaimError(f"the demo ends within {LIMIT_S} s")


if __name__ == "__main__":
    sys.exit(main())
