"""Examples run, links lead somewhere, and what is named as a file is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import runstone
from runstone.adapters.fs.probe import NOT_CHECKED, NOT_PROMISED, PROMISED, STANDINGS

from .pages import ROOT, anchors, codes, fenced, links, pages, rows, sections, text_of

PAGES = ("README.md", *(f"docs/{name}.md" for name in ("agents", "annotations", "compare", "library", "lotus", "ovc")))
PAGES += (
    "docs/agent.md",
    "docs/async.md",
    "docs/deterministic.md",
    "docs/evaluation.md",
    "docs/audit.md",
    "docs/frameworks.md",
    "docs/packs.md",
    "docs/prompts.md",
    "docs/queries.md",
    "docs/replay.md",
    "docs/tracking.md",
)
ELSEWHERE = (
    "docs/gates.md",
    "docs/processes.md",
    "docs/rentl.md",
    "docs/rmos.md",
    "docs/start.md",
    "docs/state.md",
    "docs/tools.md",
)
"""Pages whose examples are run by tests of their own."""
PYTHON = [(name, code) for name in PAGES for code in fenced(name, "python")]
PACKAGE = ROOT / "src" / "runstone"


def run(command: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder of its own, with this interpreter's commands first in the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_there_are_examples() -> None:
    """No page has any that is not run."""
    shown = {path.relative_to(ROOT).as_posix() for path in pages()}
    assert {name for name in shown if fenced(name, "python")} == {*PAGES, *ELSEWHERE}
    assert fenced("README.md", "sh")


@pytest.mark.parametrize(
    "code", [pytest.param(code, id=f"{name}-{number}") for number, (name, code) in enumerate(PYTHON)]
)
def test_python_examples_run(code: str, tmp_path: Path) -> None:
    """An example runs as it stands, says only what it logs on standard error, and leaves runs that verify."""
    done = run([sys.executable, "-c", code], tmp_path)
    assert (done.returncode, done.stderr) == (0, "only 3 steps\n" if "logging" in code else "")
    if "import build_artifact" in code:  # which only makes a document
        assert list(tmp_path.iterdir()) == []
        return
    place = next(path for path in (tmp_path / "runs", tmp_path / "reports" / "runs") if path.is_dir())
    store = runstone.open(place)
    found = list(store.runs())
    assert found
    assert all(store.verify(sealed.run_id) for sealed in found)
    assert {sealed.status for sealed in found} == {"success"}


LEAVES = (["evaluate", "prepare", "train"], ["load", "shard", "shard", "shard", "shard"], ["train", "train"], ["train"])
"""Kinds of the runs that each example of the guide to many processes leaves."""


@pytest.mark.parametrize(("number", "kinds"), list(enumerate(LEAVES)))
def test_examples_of_many_processes_run(number: int, kinds: list[str], tmp_path: Path) -> None:
    """Each runs as a file, as a process that is spawned imports it; the parts belong to the run around them."""
    examples = fenced("docs/processes.md", "python")
    assert len(examples) == len(LEAVES)
    (tmp_path / "example.py").write_text(examples[number])
    done = run([sys.executable, "example.py"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    store = runstone.open(tmp_path / "runs")
    found = list(store.runs())
    assert sorted(sealed.kind for sealed in found) == kinds
    assert all(store.verify(sealed.run_id) for sealed in found)
    if len(kinds) > 2:
        [top] = [sealed for sealed in found if sealed.kind in ("train", "load")]
        assert len(store.children(top.run_id)) == len(list(top.events("child"))) == len(kinds) - 1


def test_shell_examples_of_the_readme_run(tmp_path: Path) -> None:
    """They run one after the other, stopping at the first that fails."""
    for script in fenced("README.md", "sh"):
        done = run(["bash", "-euo", "pipefail", "-c", script], tmp_path)
        assert done.returncode == 0, done.stderr
    assert runstone.open(tmp_path / "runs").get("@latest").kind == "backfill"


def test_the_first_hour_runs(tmp_path: Path) -> None:
    """Block after block as the page has them: what each is said to show, it shows."""
    [program] = fenced("docs/start.md", "python")
    Path(tmp_path, "mean.py").write_text(program)
    told = ""
    for script in fenced("docs/start.md", "sh"):
        done = run(["bash", "-euo", "pipefail", "-c", script], tmp_path)
        assert done.returncode == 0, done.stderr
        told += done.stdout + done.stderr
    for part in ("failed -> success", "[REDACTED:github-token]", "to recover", "half way", "wrong_sha256 checks.json"):
        assert part in told
    assert "status 1\n" in told
    store = runstone.open(tmp_path / "runs")
    assert sorted(sealed.kind for sealed in store.runs()) == ["import", "mean", "mean", "mean", "report"]
    assert store.get("killed").status == "interrupted"
    assert runstone.verify(tmp_path / "mean.tar").digest == store.get("@prod").digest


def test_the_script_for_any_ci_keeps_the_run_of_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the command records runs of its own; its status is the script's."""
    [script] = fenced("docs/ci.md", "sh")
    Path(tmp_path, "train.py").write_text("import runstone, sys\nrunstone.child('epoch').finish()\nsys.exit(3)\n")
    monkeypatch.setenv("BUILD_ID", "17")
    assert run(["bash", "-euo", "pipefail", "-c", script], tmp_path).returncode == 3
    assert runstone.verify(tmp_path / "run.tar").run_id == "train-17"
    assert "`train-17`" in Path(tmp_path, "run.md").read_text()


@pytest.mark.parametrize("page", [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in pages()])
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of the project finds it, and its heading where it names one."""
    broken = []
    for target in links(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        if not found.exists() or (anchor and anchor not in anchors(found.read_text(encoding="utf-8"))):
            broken.append(target)
    assert broken == []


def test_every_page_can_be_reached() -> None:
    """From the README a reader comes to every page of `docs` and of the top folder."""
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        targets = [
            (page.parent / target.partition("#")[0]).resolve() for target in links(page.read_text(encoding="utf-8"))
        ]
        waiting += [target for target in targets if target.suffix == ".md" and target not in seen and target.is_file()]
    wanted = {path for path in pages() if path.parent == ROOT or "docs" in path.relative_to(ROOT).parts[:1]}
    assert wanted - seen == set()


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", "README.md"])
def test_files_that_are_named_are_there(name: str) -> None:
    """What a page names as a file or folder, below the project or its package, is there."""
    named = [code for code in codes(text_of(name)) if re.fullmatch(r"[\w.]+(?:/[\w.]+)*(?:\.(?:py|md|lock)|/)", code)]
    files = [code for code in named if "/" in code or code.endswith(".py")]
    places = [ROOT, PACKAGE, PACKAGE / "adapters"]
    missing = [code for code in files if not any((place / code).exists() for place in places) and not own(code)]
    assert missing == []
    assert files or name == "README.md"


def own(name: str) -> bool:
    """A bare module name: of the package, wherever it stands."""
    return "/" not in name and any(PACKAGE.rglob(name))


def test_invariants_name_code_and_tests() -> None:
    """Each invariant says where it is enforced and where it is tested, in files that are there."""
    table = list(rows(sections("ARCHITECTURE.md")["What always holds"]))
    assert len(table) > 10
    for invariant, enforced, tested in table:
        for code in codes(enforced):
            assert (PACKAGE / code).exists() or (ROOT / code).exists(), f"{invariant}: {code}"
        tests = codes(tested)
        assert tests, invariant
        assert all((ROOT / code).is_file() for code in tests), f"{invariant}: {tests}"


def test_the_table_of_folders_is_the_listing() -> None:
    """The folders of the package are those of the architecture's table."""
    named = {codes(cells[0])[0].rstrip("/") for cells in rows(sections("ARCHITECTURE.md")["Layers"])}
    assert named == {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}


def test_the_life_of_a_run_has_ten_steps_in_real_modules() -> None:
    """Each step names a module of the package."""
    steps = re.split(r"^\d+\. ", sections("ARCHITECTURE.md")["The life of one run"], flags=re.MULTILINE)[1:]
    assert len(steps) == 10
    for step in steps:
        modules = [code for code in codes(step) if code.endswith(".py")]
        assert modules, step
        assert all((PACKAGE / module).is_file() for module in modules), modules


NAMES = {"F2FS": "f2fs", "XFS": "xfs", "Btrfs": "btrfs", "ZFS": "zfs", "bcachefs": "bcachefs", "ext4": "ext4"}
NAMES |= {"APFS": "apfs", "NTFS": "ntfs", "NFS": "nfs", "SMB": "smb3", "Ceph": "ceph", "Lustre": "lustre"}
NAMES |= {"overlay": "overlay", "tmpfs": "tmpfs"}


def test_the_table_of_file_systems_is_the_doctors() -> None:
    """The README promises for a file system what `runstone doctor` says of it."""
    table = {cells[0]: cells[1] for cells in rows(sections("README.md")["What it promises"])}
    told = {name: standing for kinds, standing in table.items() for name in NAMES if re.search(rf"\b{name}\b", kinds)}
    assert set(told) == set(NAMES)
    for name, standing in told.items():
        found = next(word for word in (NOT_CHECKED, NOT_PROMISED, PROMISED) if standing.startswith(word))
        assert found == STANDINGS[NAMES[name]], name


KNOWN = ("/tmp/", "/proc/", "/dev/", "/etc/", "/usr/", "/srv/", "/api/", "/rebalance/", "/args/")
"""Places that every machine has, routes, and pointers into values."""


@pytest.mark.parametrize("page", [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in pages()])
def test_no_page_names_a_place_of_one_machine(page: Path) -> None:
    """No absolute path but those that every machine has, and nothing outside the project."""
    text = page.read_text(encoding="utf-8")
    absolute = re.findall(r"(?<![\w.:/)>}*~-])/[a-z][\w.-]*/[\w.-]+", text)
    assert [path for path in absolute if not path.startswith(KNOWN)] == []
    assert "../shared" not in text
