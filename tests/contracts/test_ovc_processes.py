"""`RunWriter` across processes: many at once, one that is killed, one that forgets, one that forks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import runstone

Prove = Callable[[Path], Any]

MANY = """
import os, sys
from runstone.contracts.ovc import RunWriter
wait, go = os.pipe()
children = []
for number in range(50):
    pid = os.fork()
    if pid == 0:
        os.close(go)
        os.read(wait, 1)
        writer = RunWriter("C-Eval", "0.1.0")
        writer.check("number", "pass", writer.log(f"child {number}"))
        os._exit(0 if writer.finish("success") else 1)
    children.append(pid)
os.close(go)
sys.exit(any(os.waitpid(pid, 0)[1] for pid in children))
"""

KILLED = """
import sys
from runstone.contracts.ovc import RunWriter
writer = RunWriter("P2-Backfill", "0.1.0", ["PATH"])
writer.start()
writer.add_input("neon_table", "ovc.blocks")
writer.check("row_count", "pass", writer.log("grüße"))
print(writer.run_id, flush=True)
sys.stdin.read()
"""

KILLED_WITH_FILES = """
import sys
from runstone.contracts.ovc import RunWriter
writer = RunWriter("P2-Backfill", "0.1.0")
(writer.artifacts_dir / "plots").mkdir()
(writer.artifacts_dir / "plots" / "a.txt").write_text("an hour of work")
writer.check("plotted", "pass", "artifacts/plots/a.txt")
print(writer.run_id, flush=True)
sys.stdin.read()
"""

FORGOTTEN = """
from runstone.contracts.ovc import RunWriter
writer = RunWriter("P2-Backfill", "0.1.0")
(writer.artifacts_dir / "a.txt").write_text("kept")
writer.check("row_count", "pass", "run.log:line:7")
print(writer.artifacts_dir)
"""

FORKED = """
import os, sys
from runstone.contracts.ovc import RunWriter
writer = RunWriter("P2-Backfill", "0.1.0")
(writer.artifacts_dir / "a.txt").write_text("kept")
writer.start()
pid = os.fork()
if pid == 0:
    writer.log("from the child")
    writer.finish("failed")
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
writer.log("from the parent")
writer.finish("success")
"""


def python(code: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True, **options)


def test_fifty_processes_at_once_leave_fifty_runs(place: Path, proved: Prove) -> None:
    """All start in one moment; every id is its own and valid, and every run is whole."""
    python(MANY)
    folders = sorted((place / "reports" / "runs").glob("*__C-Eval__*"))
    assert len(folders) == 50
    said = {proved(folder).line("run.log:line:2")[21:] for folder in folders}
    assert said == {f"child {number}" for number in range(50)}
    assert runstone.open("reports/runs").open_runs() == []


def killed(code: str, **options: Any) -> str:
    """Run a program until it has said its run id, and kill it; answers the id."""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    ) as child:
        assert child.stdout is not None
        run_id = child.stdout.readline().strip()
        child.send_signal(signal.SIGKILL)
    return run_id


def test_what_a_killed_writer_made_is_found_in_the_store(place: Path, proved: Prove) -> None:
    """By its run id, before and after recovery; it is in no bundle, and nothing is left among temporary files."""
    temporary = place / "temporary"
    temporary.mkdir()
    run_id = killed(KILLED_WITH_FILES, env={**os.environ, "TMPDIR": str(temporary)})
    file = place / "reports" / "runs" / ".runstone" / "unkept" / run_id / "plots" / "a.txt"
    assert file.read_text() == "an hour of work"
    (recovery,) = runstone.open("reports/runs").recover()
    assert recovery.lost == []
    assert proved(place / "reports" / "runs" / run_id).run["outputs"] == []
    assert file.read_text() == "an hour of work"
    assert list(temporary.iterdir()) == []


def test_a_killed_writer_is_recovered_as_failed(place: Path, proved: Prove) -> None:
    """After `kill -9` recovery seals the three files with all that was recorded."""
    run_id = killed(KILLED)
    (recovery,) = runstone.open("reports/runs").recover()
    assert (recovery.run_id, recovery.status) == (run_id, "interrupted")
    found = proved(place / "reports" / "runs" / run_id)
    assert found.run["status"] == "failed"
    assert found.run["env"]["present"] == ["PATH"]
    assert found.run["inputs"] == [{"type": "neon_table", "ref": "ovc.blocks"}]
    assert found.line(*found.check("row_count")["evidence"]).endswith("Z grüße")


def test_a_forgotten_writer_is_sealed_at_exit(place: Path, proved: Prove) -> None:
    """It is failed, its artifacts are kept, its evidence is resolved, and nothing is left outside the store."""
    left = Path(python(FORGOTTEN).stdout.strip())
    (folder,) = (place / "reports" / "runs").glob("*__*")
    found = proved(folder)
    assert found.run["status"] == "failed"
    assert (folder / "artifacts" / "a.txt").read_text() == "kept"
    assert found.check("evidence_resolves")["status"] == "fail"
    assert not left.exists()


def test_a_fork_leaves_the_run_to_its_parent(place: Path, proved: Prove) -> None:
    """What the child says and finishes is not recorded, and the artifacts are the parent's to keep."""
    python(FORKED)
    (folder,) = (place / "reports" / "runs").glob("*__*")
    found = proved(folder)
    assert found.run["status"] == "success"
    assert [line[21:] for line in found.lines[1:]] == [b"from the parent"]
    assert (folder / "artifacts" / "a.txt").read_text() == "kept"


def test_the_wrapper_loads_no_more_than_it_needs(place: Path) -> None:
    """Every wrapped command waits for what is loaded: no parser of options, no patterns, no JSON, no types."""
    heavy = ("argparse", "json", "pathlib", "re", "shutil", "subprocess", "tempfile", "typing", "orjson")
    code = f"import sys, runstone.contracts.ovc.__main__; print([name for name in {heavy} if name in sys.modules])"
    source = str(Path(runstone.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env={"PYTHONPATH": source}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_the_package_loads_nothing_until_it_is_used(place: Path) -> None:
    """Importing the contract's package costs next to nothing; its two names come when they are used."""
    code = (
        "import sys, runstone.contracts.ovc as ovc; assert 'runstone.contracts.ovc.writer' not in sys.modules\n"
        "assert dir(ovc) == ['RunWriter', 'detect_trigger']; ovc.RunWriter, ovc.detect_trigger\n"
        "try: ovc.nothing\nexcept AttributeError as exc: assert 'nothing' in str(exc)\nelse: sys.exit(1)"
    )
    python(code)
