"""The GitHub action: its scripts with the variables and files of a job, and its description beside the guide."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.ci.github_job import FAKE_JUDGE, Job, read_yaml
from tests.docs.pages import ROOT, fenced, first_codes, sections, text_of

import runstone
from runstone.engine.store import Store

ACTION: dict[str, Any] = read_yaml(text_of("action.yml"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job of the main branch."""
    return Job(tmp_path / "job")


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts a verb `judge` into the command; answers where it writes down how it was called."""
    stub = tmp_path / "stub" / "runstone"
    stub.mkdir(parents=True)
    (stub / "__init__.py").touch()
    (stub / "__main__.py").write_text(FAKE_JUDGE)
    monkeypatch.setenv("REAL_PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv("PYTHONPATH", str(stub.parent))
    monkeypatch.setenv("JUDGED", str(tmp_path / "judged.json"))
    return tmp_path / "judged.json"


def store_of(job: Job) -> Store:
    """The store that the first step recorded in."""
    return runstone.open(job.outputs["record"]["store"])


def run_of(job: Job) -> str:
    """The id of the run that it recorded."""
    return job.outputs["record"]["run-id"]


# record and keep


def test_a_command_that_passes(job: Job) -> None:
    """Its output is the step's, its status too; run, labels, commit and files stand in the record and on the page."""
    step = job.record("echo made > out.txt\necho hello", outputs="out.txt\n", labels="env=ci\n\nteam=data")
    assert (step.status, step.out) == (0, "hello\n")
    kept = job.keep()
    assert kept.status == 0, kept.err
    sealed = store_of(job).get(run_of(job))
    assert kept.outputs["status"] == sealed.status == "success"
    assert kept.outputs["digest"] == sealed.digest
    assert kept.outputs["verdict"] == "none"
    assert sealed.kind == "build"
    assert sealed.labels["env"] == "ci"
    assert sealed.labels["github.repository"] == "octo-org/octo-repo"
    assert sealed.opened["data"]["git"] == {"sha": job.variables["GITHUB_SHA"], "ref": "refs/heads/main"}
    assert [event["data"]["name"] for event in sealed.events("output")] == ["out.txt"]
    assert job.summary.startswith("### `build`: success\n")
    assert "| `out.txt` |" in job.summary
    [archive] = Path(kept.outputs["kept"]).iterdir()
    assert runstone.verify(archive, digest=sealed.digest).ok


def test_a_command_that_fails(job: Job) -> None:
    """The step fails with its status; what was recorded is kept all the same, and the page says what happened."""
    step = job.record("echo before\nfalse\necho after")
    assert (step.status, step.out) == (1, "before\n")
    kept = job.keep()
    assert (kept.status, kept.outputs["status"]) == (0, "failed")
    assert job.summary.startswith("### `build`: failed\n")
    assert "| exit status | 1 |" in job.summary
    assert len(list(Path(kept.outputs["kept"]).iterdir())) == 1
    assert "baseline" not in kept.outputs


def test_a_pipe_that_fails_in_its_first_part(job: Job) -> None:
    """As in a step of `shell: bash`."""
    assert job.record("false | cat").status == 1


def test_a_command_that_is_missing(job: Job) -> None:
    """127, said by the shell, and kept."""
    step = job.record("no-such-command-here --now")
    assert step.status == 127
    assert "no-such-command-here" in step.err
    job.keep()
    assert "| exit status | 127 |" in job.summary
    assert store_of(job).get(run_of(job)).status == "failed"


def test_no_commands(job: Job) -> None:
    """The step fails before anything is recorded, and there is nothing to keep."""
    step = job.record(" \n")
    assert (step.status, step.outputs) == (125, {})
    assert step.out == "::error title=Runstone::the input `run` is empty: there is nothing to run\n"


def test_a_variable_that_is_missing(job: Job) -> None:
    """The commands are not run; the page says why."""
    step = job.record("touch ran", required_env="DEPLOY_TOKEN")
    assert (step.status, (job.workspace / "ran").exists()) == (1, False)
    job.keep()
    assert "| fail | `Required environment variables present` | - |" in job.summary


def test_wrong_use_leaves_nothing_and_says_so(job: Job) -> None:
    """A label that is none: no run; the keeping step has nothing to keep, and does not fail for it."""
    assert job.record("true", labels="no label").status == 125
    kept = job.keep()
    assert (kept.status, kept.outputs) == (0, {"verdict": "none"})
    assert job.summary == "Nothing was recorded of this step.\n"


def test_the_commands_see_no_input_of_the_action(job: Job) -> None:
    """Their environment is the job's, with the store in which all that they record is kept."""
    job.record("env", labels="secret-plan=x")
    seen = job.outputs["record"]["store"]
    names = {event["data"]["text"] for event in store_of(job).get(run_of(job)).events("log")}
    text = "".join(names)
    assert "RUNSTONE_ACTION_" not in text
    assert f"RUNSTONE_STORE={seen}\n" in text
    assert f"RUNSTONE_PARENT={run_of(job)}\n" in text


def test_what_the_commands_record_is_kept_with_them(job: Job) -> None:
    """Their own runs are children of the step's; each is an archive of its own."""
    program = "import runstone; runstone.open().run('train', run_id='train').finish()"
    assert job.record(f'{sys.executable} -c "{program}"').status == 0
    kept = job.keep()
    names = {path.name for path in Path(kept.outputs["kept"]).iterdir()}
    assert names == {"train.tar", f"{run_of(job)}.tar"}
    assert "#### Children" in job.summary


def test_a_step_that_is_killed_is_kept(job: Job) -> None:
    """The wrapper's process is gone in the middle: its run is sealed as interrupted before it is kept."""
    step = job.record("echo begun; kill -9 $PPID")
    assert step.status == -signal.SIGKILL
    kept = job.keep()
    assert (kept.status, kept.outputs["status"]) == (0, "interrupted")
    assert job.summary.startswith("### `build`: interrupted\n")


def test_inputs_are_no_commands(job: Job) -> None:
    """What stands in labels, kinds and file names is text, whatever a shell would make of it."""
    hostile = "$(touch hit) `touch hit`; touch hit"
    job.record("true", kind=hostile, labels=f"a={hostile}", outputs=hostile, inputs=hostile)
    job.keep()
    assert os.listdir(job.workspace) == []
    assert store_of(job).get(run_of(job)).kind == hostile


def test_no_secret_reaches_the_summary(job: Job) -> None:
    """A variable whose name says secret, printed and handed to a command, is nowhere in what is kept."""
    secret = "c0rrect-horse-" + "battery"
    job.variables["DEPLOY_PASSWORD"] = secret
    job.record(f"echo $DEPLOY_PASSWORD; echo {secret}")
    kept = job.keep()
    held = [path.read_bytes() for path in Path(kept.outputs["kept"]).iterdir()]
    assert secret not in job.summary
    assert not any(secret.encode() in body for body in held)


def test_a_full_summary_is_left_as_it_is(job: Job) -> None:
    """GitHub takes 1 MiB: a page that would pass it is not added, and nothing fails."""
    path = Path(job.variables["GITHUB_STEP_SUMMARY"])
    for before, added in (((1 << 20) - 200, True), (1 << 20, False)):
        path.write_text("x" * before)
        job.record("true")
        assert job.keep().status == 0
        assert (before < len(job.summary) <= 1 << 20) == added


# judge


def test_without_a_baseline_nothing_is_judged(job: Job, judged: Path) -> None:
    """The first run of the main branch becomes the baseline."""
    job.record("true")
    step = job.judge(max="metric.loss:+2%")
    assert (step.status, step.outputs) == (0, {"verdict": "none"})
    assert step.out.startswith("::notice title=Runstone::there is no baseline yet")
    kept = job.keep()
    assert kept.outputs["baseline"] == str(job.temporary / "runstone-baseline/run.tar")
    assert runstone.verify(kept.outputs["baseline"]).run_id == run_of(job)
    assert not judged.exists()


def second(job: Job, tmp_path: Path, **options: str) -> Job:
    """A later job, with the baseline that the first one left in the cache."""
    job.record("true")
    job.keep()
    later = Job(tmp_path / "later", run_id="4712", **options)
    (later.temporary / "runstone-baseline").mkdir()
    left = job.temporary / "runstone-baseline/run.tar"
    (later.temporary / "runstone-baseline/run.tar").write_bytes(left.read_bytes())
    later.record("true")
    return later


def test_the_run_is_judged_against_the_baseline(job: Job, judged: Path, tmp_path: Path) -> None:
    """By its digest, with each limit and each demand; a verdict that passes makes it the next baseline."""
    later = second(job, tmp_path)
    step = later.judge(max="metric.loss:+2%\nduration:+50%\n", require="check.row_count")
    assert (step.status, step.outputs["verdict"]) == (0, "pass")
    digest = store_of(job).get(run_of(job)).digest
    assert json.loads(judged.read_text()) == [
        *[run_of(later), "--baseline", digest],
        *["--max=metric.loss:+2%", "--max=duration:+50%", "--require=check.row_count"],
        *["--store", later.outputs["record"]["store"]],
    ]
    kept = later.keep()
    assert "#### Verdict: pass\n\n``````\n``` loss 0.5 > 0.4 # @everybody\n``````\n" in later.summary
    assert runstone.verify(kept.outputs["baseline"]).run_id == run_of(later)
    assert kept.outputs["verdict"] == "pass"


def test_a_verdict_that_fails(job: Job, judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step fails, the page tells the verdict, and the baseline stays what it was."""
    later = second(job, tmp_path)
    monkeypatch.setenv("JUDGE_STATUS", "1")
    step = later.judge(require="check.row_count")
    assert (step.status, step.outputs["verdict"]) == (1, "fail")
    kept = later.keep()
    assert "#### Verdict: fail" in later.summary
    assert "baseline" not in kept.outputs


def test_a_judgement_that_cannot_be_made(
    job: Job, judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a limit that is none: the step fails, and there is no verdict."""
    later = second(job, tmp_path)
    monkeypatch.setenv("JUDGE_STATUS", "2")
    step = later.judge(max="nonsense")
    assert (step.status, step.outputs) == (2, {})
    assert "::error title=Runstone::the judgement could not be made: status 2" in step.out


def test_a_baseline_that_is_damaged(job: Job, judged: Path, tmp_path: Path) -> None:
    """It is verified, and refused: nothing is judged by it."""
    later = second(job, tmp_path)
    path = later.temporary / "runstone-baseline/run.tar"
    path.write_bytes(path.read_bytes().replace(b'"success"', b'"failed!"'))
    step = later.judge(require="check.row_count")
    assert step.status != 0
    assert "::error title=Runstone::the baseline of the cache is no bundle that verifies" in step.out
    assert not judged.exists()


@pytest.mark.parametrize("ref", ["refs/pull/7/merge", "refs/heads/feature", "refs/tags/main"])
def test_only_the_branch_makes_a_baseline(tmp_path: Path, ref: str) -> None:
    """Not a pull request, nor another branch, nor a tag of its name."""
    job = Job(tmp_path / "job", ref=ref)
    job.record("true")
    assert "baseline" not in job.keep().outputs
    assert not (job.temporary / "runstone-baseline").exists()


# install


def test_install_refuses_an_old_python(job: Job, tmp_path: Path) -> None:
    """With an error that says what to do; nothing is installed."""
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    step = job.step("install.sh", python=str(old))
    assert (step.status, step.outputs) == (1, {})
    assert step.out.startswith(f"::error title=Runstone::{old} is not Python 3.11 or newer")


def test_install_makes_an_environment_once(job: Job, tmp_path: Path) -> None:
    """A second use of the action in a job has it already; a half-made one is made anew."""
    calls, fake = tmp_path / "calls", tmp_path / "python"
    fake.write_text(f"""#!/bin/sh
echo "$@" >> {calls}
case "$2" in venv) mkdir -p "$4/bin"; cp "$0" "$4/bin/python";; esac
""")
    fake.chmod(0o755)
    for _ in range(2):
        step = job.step("install.sh", python=str(fake))
        assert (step.status, step.outputs) == (0, {"python": f"{job.temporary}/runstone-action/bin/python"})
    words = [line.split()[:3] for line in calls.read_text().splitlines() if not line.startswith("-c")]
    assert words == [["-m", "venv", "--clear"], ["-m", "pip", "install"], ["-m", "pip", "install"]]
    assert f"-r {ROOT}/requirements/runtime.lock" in calls.read_text()


# action.yml


def test_inputs_and_outputs_are_documented() -> None:
    """The tables of the guide have the action's inputs and outputs, in order, and no other."""
    guide = sections("docs/ci.md")
    assert first_codes(guide["Inputs"]) == list(ACTION["inputs"])
    assert first_codes(guide["Outputs"]) == list(ACTION["outputs"])
    assert all(entry["description"] for table in ("inputs", "outputs") for entry in ACTION[table].values())


def test_defaults_are_documented() -> None:
    """The second column of the guide is the default, and says which input is required."""
    from tests.docs.pages import rows

    documented = {cells[0].strip("`"): cells[1] for cells in rows(sections("docs/ci.md")["Inputs"])}
    for name, entry in ACTION["inputs"].items():
        default = entry.get("default")
        expected = "required" if default is None else f"`{default}`" if default else ""
        assert documented[name] == expected, name


def test_every_input_is_used_and_every_use_is_an_input() -> None:
    """Steps name the action's inputs, and outputs of steps that come before them."""
    text = text_of("action.yml").partition("\nruns:")[2]
    assert set(re.findall(r"\binputs\.([\w-]+)", text)) == set(ACTION["inputs"])
    seen: set[str] = set()
    for step in STEPS:
        named = set(re.findall(r"\bsteps\.(\w+)\.", json.dumps(step)))
        assert named <= seen, step
        seen |= {step["id"]} if "id" in step else set()


def test_outputs_are_put_out_by_scripts(job: Job, judged: Path, tmp_path: Path) -> None:
    """What the description takes from a step is what the step's script writes."""
    later = second(job, tmp_path)
    written = {
        "install": {"python"},
        "record": set(later.outputs["record"]),
        "judge": set(later.judge(require="check.x").outputs),
        "keep": set(later.keep().outputs),
    }
    taken = re.findall(r"\bsteps\.(\w+)\.outputs\.([\w-]+)", text_of("action.yml"))
    assert {(step, name) for step, name in taken if name not in written[step]} == set()


def test_scripts_are_given_the_variables_that_they_read() -> None:
    """The `env` of each step is what its script asks for."""
    for step in STEPS:
        script = re.search(r"action/(\w+)\.(?:py|sh)", step.get("run", ""))
        if script is None:
            continue
        [path] = (ROOT / "action").glob(f"{script[1]}.*")
        read = set(re.findall(r"""(?:given|lines)\(["']([A-Z_]+)["']\)""", path.read_text()))
        set_here = {name.removeprefix("RUNSTONE_ACTION_") for name in step["env"]}
        assert set_here - {"PYTHON"} == read, path.name


def test_no_input_stands_in_a_script() -> None:
    """Expressions are put into variables, where they are text: in a script they would be commands."""
    assert [step["run"] for step in STEPS if "${{" in step.get("run", "")] == []


def test_records_are_uploaded_whatever_happened() -> None:
    """The keeping and the upload run after a failure too; the judgement and the new baseline only after success."""
    conditions = {step.get("id", step.get("uses", "").partition("@")[0]): step.get("if", "") for step in STEPS}
    assert conditions["keep"].startswith("always() && ")
    assert conditions["actions/upload-artifact"].startswith("always() && ")
    assert "always()" not in conditions["judge"] + conditions["actions/cache/save"] + conditions["record"]


def test_other_actions_are_pinned() -> None:
    """By their major version, in the action and in the guide's workflows."""
    workflows = "\n".join(fenced("docs/ci.md", "yaml"))
    used = re.findall(r"uses: (\S+)", text_of("action.yml") + workflows)
    assert used
    assert [name for name in used if not re.search(r"@v\d+$|@[0-9a-f]{40}$|^OWNER/", name)] == []


def test_workflows_of_the_guide_use_the_actions_inputs() -> None:
    """Each example reads as YAML, and hands the action what it takes."""
    examples = [read_yaml(text) for text in fenced("docs/ci.md", "yaml")]
    assert examples
    uses = [
        step
        for example in examples
        for one in example["jobs"].values()
        for step in one["steps"]
        if "runstone" in step.get("uses", "")
    ]
    assert uses
    assert [set(step["with"]) - set(ACTION["inputs"]) for step in uses] == [set()] * len(uses)
    required = {name for name, entry in ACTION["inputs"].items() if entry.get("required")}
    assert all(required <= set(step["with"]) for step in uses)


def test_the_shell_script_is_sound() -> None:
    """It parses, and stops at the first error."""
    path = ROOT / "action" / "install.sh"
    assert subprocess.run(["sh", "-n", str(path)], check=False).returncode == 0
    assert "set -eu" in path.read_text()
