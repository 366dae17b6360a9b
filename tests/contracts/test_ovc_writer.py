"""`RunWriter`: what a pipeline's program records, and the files that come of it."""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runstone
from runstone.adapters.fs import durable
from runstone.contracts.ovc import RunWriter, detect_trigger
from runstone.engine.store import Store
from runstone.errors import InvalidInput, RunstoneError, error
from runstone.locate import open_store

Prove = Callable[[Path], Any]
OnlyRun = Callable[[], Any]


class StoppedClock:
    """A wall clock that stands; the monotonic one goes on by a millisecond a look."""

    def __init__(self, second: int) -> None:
        self._time_ns = second * 1_000_000_000 + 999_999_000
        self._ticks = 0

    def time_ns(self) -> int:
        return self._time_ns

    def monotonic_ns(self) -> int:
        self._ticks += 1_000_000
        return self._ticks


def finished(writer: RunWriter, status: str | None = None) -> RunWriter:
    """Finish it, and see that it was sealed."""
    assert writer.finish(status) is not None
    return writer


class TestFiles:
    """The three files of a run."""

    def test_the_seeds_own_example(self, place: Path, only_run: OnlyRun) -> None:
        """Started, fed and finished as the seed's notes say, a run has three valid files in `reports/runs`."""
        output = place / "out.csv"
        output.write_text("a\n1\n")
        trigger_type, trigger_source, actor = detect_trigger()
        writer = RunWriter("YourPipelineId", "0.1.0", ["PATH"])
        writer.start(trigger_type=trigger_type, trigger_source=trigger_source, actor=actor)
        writer.add_input(type="neon_table", ref="ovc.ovc_blocks_v01_1_min")
        writer.add_output(type="file", ref=str(output))
        writer.check(name="row_count", status="pass", evidence="rows=1")
        finished(writer, "success")
        found = only_run()
        assert found.run["status"] == "success"
        assert found.run["env"] == {"present": ["PATH"], "missing": []}
        assert found.run["inputs"] == [{"type": "neon_table", "ref": "ovc.ovc_blocks_v01_1_min"}]
        assert found.run["outputs"] == [{"type": "file", "ref": str(output)}]
        (evidence,) = found.check("row_count")["evidence"]
        assert found.line(evidence).endswith("Z rows=1")

    def test_json_is_ascii_and_the_log_is_not(self, place: Path, only_run: OnlyRun) -> None:
        """Text of any script is escaped in JSON and stands as it is in `run.log`."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        writer.start("local_cli", "cli", "Jürgen 😀")
        writer.check("Grüße stimmen", "pass", writer.log("grüße 😀"))
        finished(writer)
        found = only_run()
        assert found.run["trigger"]["actor"] == "Jürgen 😀"
        assert b"J\\u00fcrgen \\ud83d\\ude00" in (found.folder / "run.json").read_bytes()
        assert found.lines[1].decode().endswith("Z grüße 😀")

    def test_what_has_no_place_in_run_json_joins_extra(self, place: Path, only_run: OnlyRun) -> None:
        """Key sets are exact; nothing that an output was given is lost."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        writer.add_input("csv", "a", range="2004..2005", note="not for run.json")
        writer.add_output("csv", "b", rows_written=2, rows_updated=0, extra={"x": 1}, colour="red")
        finished(writer)
        found = only_run()
        assert found.run["inputs"] == [{"type": "csv", "ref": "a", "range": "2004..2005"}]
        assert found.run["outputs"] == [
            {"type": "csv", "ref": "b", "rows_written": 2, "rows_updated": 0, "extra": {"x": 1, "colour": "red"}}
        ]
        (event,) = runstone.open("reports/runs").get(writer.run_id).events("input")
        assert event["data"]["extra"]["note"] == "not for run.json"

    @pytest.mark.parametrize(
        ("extra", "expected"),
        [
            ("text", {"extra": "text", "b": 2}),
            ([1, 2], {"extra": [1, 2], "b": 2}),
            ({"b": 1}, {"extra": {"b": 1}, "b": 2}),
            (None, {"b": 2}),
        ],
    )
    def test_an_extra_that_cannot_be_joined_stands_under_its_name(
        self, place: Path, only_run: OnlyRun, extra: Any, expected: Any
    ) -> None:
        """What is no object, or has the same key, is not lost for the sake of another name."""
        writer = RunWriter("P", "1")
        writer.add_output("csv", "a", extra=extra, b=2)
        writer.add_output("csv", "b", extra=extra)
        finished(writer)
        assert [row["extra"] for row in only_run().run["outputs"]] == [expected, extra]

    def test_who_asks_for_a_file_is_the_kernels_word_beside_keep(self, place: Path, only_run: OnlyRun) -> None:
        """`asked_by` goes with `keep`; without it the name is the caller's own, and lost no more than any other."""
        (place / "p.csv").write_text("1\n")
        writer = RunWriter("P2-Backfill", "0.1.0")
        writer.add_output("csv", "p.csv", keep="anyway", asked_by="Operations")
        writer.add_output("csv", "db.table", asked_by="a customer")
        finished(writer)
        first, second = runstone.open("reports/runs").get(writer.run_id).events("output")
        assert first["data"]["path"] == "artifacts/p.csv"
        assert first["data"]["kept_anyway"] == {"asked_by": "Operations", "rules": []}
        assert second["data"]["extra"]["extra"] == {"asked_by": "a customer"}
        assert only_run().run["outputs"][1]["extra"] == {"asked_by": "a customer"}

    def test_a_file_has_its_digest_whatever_its_type(self, place: Path) -> None:
        """An existing file is bound by digest, and named below the working directory; never by an absolute path."""
        (place / "data").mkdir()
        (place / "data" / "p.csv").write_text("1\n")
        writer = RunWriter("P2-Backfill", "0.1.0")
        writer.add_input("csv", place / "data" / "p.csv")
        writer.add_output("csv", "/etc/hostname" if os.path.exists("/etc/hostname") else "/etc/passwd")
        writer.add_output("csv", "data")
        finished(writer)
        first, second, third = runstone.open("reports/runs").get(writer.run_id).events("input", "output")
        assert first["data"]["name"] == "data/p.csv"
        assert first["data"]["size"] == 2
        assert len(first["data"]["sha256"]) == len(second["data"]["sha256"]) == 64
        assert "/" not in second["data"]["name"]
        assert third["data"]["sha256"] is None

    def test_files_in_the_artifacts_folder_are_kept(self, place: Path, only_run: OnlyRun) -> None:
        """They stand in the bundle under `artifacts/`, evidence finds them; but for a link the folder is empty."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        folder = writer.artifacts_dir
        (folder / "plots").mkdir()
        (folder / "plots" / "a.txt").write_text("kept")
        (folder / "link").symlink_to("/etc/passwd")
        writer.check("plotted", "pass", "artifacts/plots/a.txt")
        finished(writer)
        found = only_run()
        assert (found.folder / "artifacts" / "plots" / "a.txt").read_text() == "kept"
        assert found.run["outputs"] == [{"type": "artifact", "ref": "artifacts/plots/a.txt"}]
        assert found.check("plotted")["evidence"] == ["artifacts/plots/a.txt"]
        assert found.lines[1].decode().endswith("link in the artifacts folder is not a regular file; not kept")
        assert [path.name for path in folder.iterdir()] == ["link"]

    def test_what_the_bundle_does_not_hold_stays(
        self, place: Path, only_run: OnlyRun, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A file with a secret is nowhere else: it is not removed, and it is said where it is."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        folder = writer.artifacts_dir
        (folder / "good.csv").write_text("row\n")
        (folder / "report.csv").write_text("row\nAKIA" + "ABCDEFGHIJKLMNOP\n")
        finished(writer)
        assert [path.name for path in folder.iterdir()] == ["report.csv"]
        assert [path.name for path in (only_run().folder / "artifacts").iterdir()] == ["good.csv"]
        assert str(folder) in capsys.readouterr().err.splitlines()[-1]

    def test_a_file_that_could_not_be_copied_stays(
        self, place: Path, only_run: OnlyRun, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The disk is full for the larger one: the program's results are not lost with the copy."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        folder = writer.artifacts_dir
        (folder / "big.bin").write_bytes(b"x" * 600_000)
        (folder / "small.bin").write_bytes(b"x")
        write_all = durable.write_all

        def limited(fd: int, data: Any) -> None:
            if len(data) > 500_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            write_all(fd, data)

        monkeypatch.setattr(durable, "write_all", limited)
        finished(writer)
        assert [path.name for path in folder.iterdir()] == ["big.bin"]
        assert [path.name for path in (only_run().folder / "artifacts").iterdir()] == ["small.bin"]

    def test_a_file_that_is_written_to_after_it_was_copied_stays(
        self, place: Path, only_run: OnlyRun, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The bundle has what it was; what it is now stands in the folder alone."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        file = writer.artifacts_dir / "a.txt"
        file.write_text("first")
        finish = writer.run.finish

        def overtaken(*given: Any, **named: Any) -> Any:
            file.write_text("later")
            return finish(*given, **named)

        monkeypatch.setattr(writer.run, "finish", overtaken)
        finished(writer)
        assert (only_run().folder / "artifacts" / "a.txt").read_text() == "first"
        assert file.read_text() == "later"

    def test_nothing_is_removed_from_the_artifacts_of_a_run_that_is_not_sealed(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They are copied, but the copy is no bundle yet."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        file = writer.artifacts_dir / "a.txt"
        file.write_text("kept")

        def refused(*_: Any) -> None:
            raise error("store_unavailable", "no space for the seal")

        monkeypatch.setattr("runstone.engine.recorder.seal", refused)
        assert writer.finish() is None
        assert file.read_text() == "kept"

    def test_threads_share_one_artifacts_folder(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A thread that asks while another makes the folder waits for it, and gets the same."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        writer.start()
        making, go_on = threading.Event(), threading.Event()
        found: list[Path] = []
        mkdir = os.mkdir

        def slow(*given: Any) -> None:
            mkdir(*given)
            making.set()
            assert go_on.wait(60)

        monkeypatch.setattr(os, "mkdir", slow)
        first, second = (threading.Thread(target=lambda: found.append(writer.artifacts_dir)) for _ in range(2))
        first.start()
        assert making.wait(60)
        second.start()
        second.join(0.05)  # it cannot answer before the first does; without the lock it does here
        go_on.set()
        first.join()
        second.join()
        assert found[0] == found[1]
        finished(writer)

    def test_the_artifacts_folder_stands_in_the_store(self, place: Path) -> None:
        """Under the run's id, for its owner only, and asking for it starts the run."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        folder = writer.artifacts_dir
        assert folder == writer.artifacts_dir == place / "reports/runs/.runstone/unkept" / writer.run_id
        assert folder.stat().st_mode & 0o777 == 0o700
        finished(writer)
        assert not folder.exists()
        assert runstone.open("reports/runs").objects.foreign() == []

    def test_a_store_without_a_place_has_the_folder_elsewhere(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Among the system's temporary files; what is put there is kept all the same."""
        (place / "temporary").mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(place / "temporary"))
        store = open_store("memory:")
        writer = RunWriter("P2-Backfill", "0.1.0", store=store)
        (writer.artifacts_dir / "a.txt").write_text("kept")
        assert writer.artifacts_dir.parent == place / "temporary"
        finished(writer)
        assert b"".join(store.objects.open(writer.run_id).read("artifacts/a.txt")) == b"kept"
        assert list((place / "temporary").iterdir()) == []

    def test_the_duration_is_monotonic(self, place: Path, prove_memory: Callable[[Store], Any]) -> None:
        """It is measured by the clock that never goes back, not from the truncated second."""
        store = open_store("memory:")
        store.clock = StoppedClock(1_768_660_252)
        writer = RunWriter("P2-Backfill", "0.1.0", store=store)
        writer.start()
        finished(writer)
        run = prove_memory(store)
        assert run["duration_ms"] == 1
        assert run["started_utc"] == run["finished_utc"] == "2026-01-17T14:30:52Z"


@pytest.fixture
def prove_memory() -> Callable[[Store], Any]:
    """`run.json` of the newest run of a store in memory, verified."""

    def prove(store: Store) -> Any:
        newest = next(store.runs())
        assert store.verify(newest.run_id).ok
        return newest.document("run.json")

    return prove


class TestIds:
    """Run ids and what they are made of."""

    def test_a_taken_id_moves_to_the_next_free_second(self, place: Path) -> None:
        """Nobody sleeps, and `started_utc` stays the true second."""
        store = open_store("memory:")
        store.clock = StoppedClock(1_768_660_252)
        ids = []
        for _ in range(3):
            writer = RunWriter("P2-Backfill", "0.1.0", store=store)
            ids.append(writer.start())
            finished(writer)
        assert [run_id[:16] for run_id in ids] == ["20260117T143052Z", "20260117T143053Z", "20260117T143054Z"]
        assert {store.get(run_id).document("run.json")["started_utc"] for run_id in ids} == {"2026-01-17T14:30:52Z"}

    def test_other_pipelines_and_commits_share_a_second(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Only the whole id must be free."""
        store = open_store("memory:")
        store.clock = StoppedClock(1_768_660_252)
        writers = [RunWriter("A", "1", store=store), RunWriter("B", "1", store=store)]
        ids = [writer.start() for writer in writers]
        monkeypatch.setenv("GITHUB_SHA", "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678")
        writers.append(RunWriter("A", "1", store=store))
        ids.append(writers[-1].start())
        assert ids == [f"20260117T143052Z__{rest}" for rest in ("A__0000000", "B__0000000", "A__a1b2c3d")]
        for writer in writers:
            finished(writer)

    def test_without_git_there_are_zeros(self, place: Path, only_run: OnlyRun) -> None:
        """Outside a repository commit and ref have their fixed words."""
        finished(RunWriter("P2-Backfill", "0.1.0"))
        found = only_run()
        assert found.run["git"] == {"sha": "0" * 40, "sha7": "0" * 7, "ref": "refs/heads/unknown"}
        assert found.run["run_id"].endswith("__P2-Backfill__0000000")

    def test_the_repository_is_read_from_its_files(self, place: Path, only_run: OnlyRun) -> None:
        """Commit and branch of the working directory, without starting a program."""
        sha = "0123456789abcdef0123456789abcdef01234567"
        (place / ".git" / "refs" / "heads").mkdir(parents=True)
        (place / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        (place / ".git" / "refs" / "heads" / "main").write_text(sha + "\n")
        finished(RunWriter("P2-Backfill", "0.1.0"))
        assert only_run().run["git"] == {"sha": sha, "sha7": "0123456", "ref": "refs/heads/main"}

    def test_what_the_ci_says_wins(self, place: Path, monkeypatch: pytest.MonkeyPatch, only_run: OnlyRun) -> None:
        """`GITHUB_SHA` and `GITHUB_REF` stand before the files of the repository."""
        monkeypatch.setenv("GITHUB_SHA", "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678")
        monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
        (place / ".git").mkdir()
        (place / ".git" / "HEAD").write_text("0123456789abcdef0123456789abcdef01234567\n")
        finished(RunWriter("P2-Backfill", "0.1.0"))
        found = only_run()
        assert found.run["git"]["sha7"] == "a1b2c3d"
        assert found.run["git"]["ref"] == "refs/pull/7/merge"
        assert found.run["run_id"].endswith("__a1b2c3d")

    @pytest.mark.parametrize("pipeline_id", ["", "my pipeline", "P2_Backfill", "../x", "x" * 102])
    def test_an_impossible_pipeline_id_is_refused(self, place: Path, pipeline_id: str) -> None:
        """It could not stand in a run id; nothing is made."""
        with pytest.raises(InvalidInput) as caught:
            RunWriter(pipeline_id, "0.1.0")
        assert caught.value.code == "invalid_option"
        assert list(place.iterdir()) == []

    def test_the_store_is_read_from_the_environment(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """`RUNSTONE_STORE` names another store, at each call."""
        monkeypatch.setenv("RUNSTONE_STORE", "elsewhere")
        writer = finished(RunWriter("P2-Backfill", "0.1.0"))
        assert (place / "elsewhere" / writer.run_id / "run.json").is_file()
        assert writer.path == f"elsewhere/{writer.run_id}"
        assert not (place / "reports").exists()


class TestTrigger:
    """What started a run."""

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({}, ("local_cli", "cli", "ada")),
            ({"GITHUB_ACTIONS": "false"}, ("local_cli", "cli", "ada")),
            (
                {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "schedule"},
                ("github_schedule", "workflow:unknown:schedule", "unknown"),
            ),
            (
                {
                    "GITHUB_ACTIONS": "true",
                    "GITHUB_EVENT_NAME": "workflow_dispatch",
                    "GITHUB_WORKFLOW": "backfill",
                    "GITHUB_ACTOR": "bot",
                },
                ("github_dispatch", "workflow:backfill:workflow_dispatch", "bot"),
            ),
        ],
    )
    def test_it_is_read_from_the_environment(
        self,
        place: Path,
        monkeypatch: pytest.MonkeyPatch,
        settings: dict[str, str],
        expected: tuple[str, str, str],
    ) -> None:
        """A CI says what it does; else a user at a command line did it."""
        monkeypatch.setenv("LOGNAME", "ada")
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        assert detect_trigger() == expected

    def test_a_worker_says_so_itself(self, place: Path, only_run: OnlyRun) -> None:
        """A trigger that is given stands."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        writer.start("worker_cron", "cron:*/5", "worker")
        finished(writer)
        assert only_run().run["trigger"] == {"type": "worker_cron", "source": "cron:*/5", "actor": "worker"}

    def test_it_can_be_told_inside_the_block(self, place: Path, only_run: OnlyRun) -> None:
        """Entering a block starts the run; `start` then tells the trigger, and the start stays what it was."""
        with RunWriter("P2-Backfill", "0.1.0") as writer:
            run_id = writer.run_id
            assert writer.start("worker_http", "POST /run", "gateway") == run_id
        assert only_run().run["trigger"] == {"type": "worker_http", "source": "POST /run", "actor": "gateway"}

    def test_an_unknown_type_is_refused(self, place: Path) -> None:
        """Wrong use is said before anything is recorded."""
        with pytest.raises(InvalidInput, match="github_schedule, github_dispatch, local_cli"):
            RunWriter("P2-Backfill", "0.1.0").start("manual")
        assert list(place.iterdir()) == []


class TestEvidence:
    """References of checks."""

    def test_log_answers_the_line_that_holds_its_text(self, place: Path, only_run: OnlyRun) -> None:
        """Also behind text that would be several lines elsewhere."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        said = {writer.log(text): text for text in ("one", "two\nlines\r\n", "u2028 \u2028 nel \x85", "", "last")}
        finished(writer)
        found = only_run()
        shown = [text.replace("\n", "\\n").replace("\r", "\\r") for text in said.values()]
        shown = [text.replace("\u2028", "\\u2028").replace("\x85", "\\u0085") for text in shown]
        assert [found.line(reference)[21:] for reference in said] == shown
        assert list(said) == [f"run.log:line:{number}" for number in range(2, 7)]

    def test_threads_get_the_lines_of_their_own_texts(self, place: Path, only_run: OnlyRun) -> None:
        """However they take turns."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        writer.start()
        said: dict[str, str] = {}

        def work(name: int) -> None:
            for number in range(250):
                said[f"{name} says {number}"] = writer.log(f"{name} says {number}")

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)
        finished(writer)
        found = only_run()
        assert [found.line(reference)[21:] for reference in said.values()] == list(said)

    def test_a_line_that_was_left_out_is_not_counted(self, place: Path, only_run: OnlyRun) -> None:
        """A message over the limit of an event leads nowhere; the next one is where it says."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        assert writer.log("x" * (9 << 20)) == "run.log:line:0"
        writer.check("row_count", "pass", writer.log("small"))
        finished(writer)
        found = only_run()
        assert found.line(*found.check("row_count")["evidence"]).endswith("Z small")

    @pytest.mark.parametrize(
        "text",
        [
            *("rows=5", "run.log:line:", "run.log:$.x", "run.json:line:1", "checks.json:$.summary"),
            *("artifacts/a\nb", "artifacts/", "a:b"),
        ],
    )
    def test_free_text_becomes_a_line(self, place: Path, only_run: OnlyRun, text: str) -> None:
        """What is no reference of the contract is said in the log, and the check points there."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        writer.check("Row count", "pass", [text, "run.json:$.git.sha"])
        finished(writer)
        found = only_run()
        assert found.check("row_count")["evidence"] == ["run.log:line:2", "run.json:$.git.sha"]
        assert found.lines[1].decode()[21:] == text.replace("\n", "\\n")
        assert found.run["status"] == "success"

    @pytest.mark.parametrize("evidence", [None, [], "", ()])
    def test_no_evidence_is_an_empty_list(self, place: Path, only_run: OnlyRun, evidence: Any) -> None:
        """A check may point at nothing."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        writer.check("row_count", "skip", evidence)
        finished(writer)
        assert only_run().check("row_count")["evidence"] == []

    @pytest.mark.parametrize(
        "reference",
        [
            "run.log:line:0",
            "run.log:line:99",
            "run.json:$.nothing",
            "run.json:$.outputs[1].ref",
            "artifacts/never-written",
        ],
    )
    def test_what_leads_nowhere_is_a_failed_check(self, place: Path, only_run: OnlyRun, reference: str) -> None:
        """Nothing raises; the run is failed, and a line of the log says which reference it was."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        writer.add_output("table", "t")
        writer.check("row_count", "pass", [reference, "run.json:$.outputs[0].ref"])
        finished(writer, "success")
        found = only_run()
        assert found.run["status"] == "failed"
        (line,) = found.check("evidence_resolves")["evidence"]
        assert found.line(line).endswith(f"evidence of check row_count leads nowhere: {reference}")

    def test_a_line_that_comes_later_is_there_at_the_end(self, place: Path, only_run: OnlyRun) -> None:
        """References are resolved when the run is finished."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        writer.check("row_count", "pass", "run.log:line:3")
        writer.log("two")
        writer.log("three")
        finished(writer)
        assert only_run().run["status"] == "success"


class TestStatus:
    """How a run ends."""

    @pytest.mark.parametrize(
        ("given", "checks", "expected"),
        [
            (None, [], "success"),
            ("success", ["pass"], "success"),
            ("success", ["fail", "skip"], "failed"),
            ("success", ["skip"], "partial"),
            (None, ["skip"], "partial"),
            ("partial", [], "partial"),
            ("failed", ["pass"], "failed"),
            ("cancelled", [], "failed"),
            ("splendid", [], "failed"),
            ("interrupted", [], "failed"),
            ("success", ["maybe"], "failed"),
        ],
    )
    def test_it_follows_what_was_given_and_the_checks(
        self, place: Path, only_run: OnlyRun, given: str | None, checks: list[str], expected: str
    ) -> None:
        """A given success yields to the checks; a word that nobody knows is a failure."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        for number, status in enumerate(checks):
            writer.check(f"check {number}", status)
        finished(writer, given)
        assert only_run().run["status"] == expected

    @pytest.mark.parametrize("given", ["success", "partial", "failed", None])
    def test_a_missing_variable_is_a_failure_whatever_is_given(
        self, place: Path, monkeypatch: pytest.MonkeyPatch, only_run: OnlyRun, given: str | None
    ) -> None:
        """An empty variable is missing, too; names stand sorted and once."""
        monkeypatch.setenv("HERE", "x")
        monkeypatch.setenv("EMPTY", "")
        monkeypatch.delenv("ABSENT", raising=False)
        writer = RunWriter("P2-Backfill", "0.1.0", ["HERE", "EMPTY", "ABSENT", "EMPTY"])
        writer.start()
        assert writer.missing == ["ABSENT", "EMPTY"]
        finished(writer, given)
        found = only_run()
        assert found.run["status"] == "failed"
        assert runstone.open("reports/runs").get(writer.run_id).status == "failed"
        assert found.run["env"] == {"present": ["HERE"], "missing": ["ABSENT", "EMPTY"]}
        assert found.check("required_env_present") == {
            "id": "required_env_present",
            "name": "Required environment variables present",
            "status": "fail",
            "evidence": ["run.json:$.env.missing"],
        }

    def test_the_manifest_says_the_same(self, place: Path) -> None:
        """A success that was given and did not hold is none anywhere."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        writer.check("row_count", "fail")
        finished(writer, "success")
        assert runstone.open("reports/runs").get(writer.run_id).status == "failed"

    def test_a_second_finish_changes_nothing(self, place: Path, only_run: OnlyRun) -> None:
        """The first answer stands, and both are the run digest."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        assert writer.finish("success") == writer.finish("failed")
        assert only_run().run["status"] == "success"

    @pytest.mark.parametrize(
        ("raised", "expected", "kernel"),
        [
            (ValueError("no rows"), "failed", "failed"),
            (KeyboardInterrupt(), "failed", "cancelled"),
            (SystemExit(3), "failed", "failed"),
            (SystemExit(0), "success", "success"),
            (SystemExit(None), "success", "success"),
        ],
    )
    def test_an_exception_ends_the_block(
        self, place: Path, only_run: OnlyRun, raised: BaseException, expected: str, kernel: str
    ) -> None:
        """It goes on to the caller, and the run says how it ended."""
        with pytest.raises(type(raised)), RunWriter("P2-Backfill", "0.1.0") as writer:
            raise raised
        found = only_run()
        assert found.run["status"] == expected
        assert runstone.open("reports/runs").get(writer.run_id).status == kernel
        assert (type(raised).__name__.encode() in found.lines[-1]) == (expected == "failed")

    def test_an_exit_by_a_truth_value_has_no_number(self, place: Path) -> None:
        """`sys.exit(condition)` is common; what is no number is recorded as none."""
        with pytest.raises(SystemExit), RunWriter("P2-Backfill", "0.1.0") as writer:
            sys.exit(True)
        (closed,) = runstone.open("reports/runs").get(writer.run_id).events("run.closed")
        assert (closed["data"]["exit"], closed["data"]["status"]) == (None, "failed")

    def test_the_same_work_has_the_same_outcome(self, place: Path) -> None:
        """Time, id and a log do not count; what was read and found does."""
        digests = []
        for text in ("same", "same", "other"):
            (place / "p.csv").write_text(text)
            writer = RunWriter("P2-Backfill", "0.1.0")
            writer.add_input("csv", "p.csv")
            (writer.artifacts_dir / "a.txt").write_text("kept")
            writer.check("row_count", "pass", f"run {writer.run_id}")
            finished(writer)
            digests.append(runstone.open("reports/runs").get(writer.run_id).outcome_digest)
        assert digests[0] == digests[1] != digests[2]


class TestWorkGoesOn:
    """Recording never breaks the work."""

    def test_switched_off_everything_works_and_nothing_is_written(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With `RUNSTONE_DISABLED=1` every call answers; what is put into the artifacts folder stays in it."""
        (place / "temporary").mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(place / "temporary"))
        monkeypatch.setenv("RUNSTONE_DISABLED", "1")
        with RunWriter("P2-Backfill", "0.1.0", ["ABSENT"]) as writer:
            writer.add_input("csv", "p.csv")
            writer.add_output("csv", "p.csv", rows_written=1)
            folder = writer.artifacts_dir
            (folder / "a.txt").write_text("x")
            writer.check("row_count", "pass", ["artifacts/x", "rows=1"])
            assert writer.log("x").startswith("run.log:line:")
            assert writer.missing == ["ABSENT"]
        assert writer.finish("success") is None
        assert list(place.iterdir()) == [place / "temporary"]
        assert [path.name for path in folder.iterdir()] == ["a.txt"]

    def test_a_store_that_cannot_be_written_is_said_once(self, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The program goes on, and nothing raises."""
        (place / "reports").write_text("a file where the store should be")
        with RunWriter("P2-Backfill", "0.1.0") as writer:
            writer.add_output("csv", "p.csv")
            writer.check("row_count", "pass", "rows=1")
        assert capsys.readouterr().err.count("is not recorded") == 1

    @pytest.mark.parametrize("ref", [None, 7, "a\0b", b"bytes", Path("p"), "\udcff", "x" * 5000])
    def test_no_reference_breaks_it(self, place: Path, only_run: OnlyRun, ref: Any) -> None:
        """Whatever is given as a reference, the run is recorded."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        writer.add_input("csv", ref)
        writer.add_output("csv", ref)
        finished(writer)
        assert len(only_run().run["outputs"]) == 1

    def test_a_secret_reaches_no_file(self, place: Path, monkeypatch: pytest.MonkeyPatch, only_run: OnlyRun) -> None:
        """The value of a required variable whose name says secret is redacted in every door."""
        secret = "kept-" + "from-the-disk"
        monkeypatch.setenv("DATABASE_PASSWORD", secret)
        writer = RunWriter("P2-Backfill", "0.1.0", ["DATABASE_PASSWORD"])
        writer.start("local_cli", secret, secret)
        writer.add_input("table", f"t?{secret}", range=secret)
        writer.check(secret, "pass", f"rows of {secret}")
        finished(writer)
        folder = only_run().folder
        assert all(secret.encode() not in file.read_bytes() for file in folder.rglob("*") if file.is_file())
        assert json.loads((folder / "run.json").read_bytes())["env"]["present"] == ["DATABASE_PASSWORD"]

    def test_recovery_elsewhere_is_told(self, place: Path) -> None:
        """A writer whose run was sealed by forced recovery hears of it when it finishes."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        writer.start()
        runstone.open("reports/runs").recover(writer.run_id, force=True)
        with pytest.raises(RunstoneError) as caught:
            writer.finish("success")
        assert caught.value.code == "recovered_elsewhere"


class Silent(Exception):  # noqa: N818  # it is no error of ours
    """An exception of somebody's that cannot be shown; as a value, no better."""

    def __str__(self) -> str:
        raise ZeroDivisionError("shown")


class Lost:
    """A path that cannot be told."""

    def __fspath__(self) -> str:
        raise ZeroDivisionError("told")


class Unequal:
    """A value that cannot be compared, as an array of several numbers has no one answer."""

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError("compared")

    def __bool__(self) -> bool:
        raise ZeroDivisionError("counted")

    __hash__ = None  # type: ignore[assignment]  # nothing that can be looked up either


class TestForeignValues:
    """What a caller hands in may raise whatever it is asked."""

    def test_an_exception_that_cannot_be_shown(self, place: Path, only_run: OnlyRun) -> None:
        """It leaves the block as it was, and the run is sealed as failed."""
        with pytest.raises(Silent), RunWriter("P", "1"):
            raise Silent
        found = only_run()
        assert found.run["status"] == "failed"
        assert found.lines[-1].decode().endswith("Silent: <Silent>")

    @pytest.mark.parametrize("several", [False, True])
    def test_evidence_that_cannot_be_shown(self, place: Path, only_run: OnlyRun, several: bool) -> None:
        """It is named by its type."""
        with RunWriter("P", "1") as writer:
            writer.check("seen", "pass", ["first", Silent()] if several else Silent())
        found = only_run()
        assert found.line(found.check("seen")["evidence"][-1]).endswith("<Silent>")

    @pytest.mark.parametrize("value", [Lost(), Silent(), Unequal(), 10**5000], ids=["path", "text", "equal", "digits"])
    def test_every_call_answers(self, place: Path, only_run: OnlyRun, value: Any) -> None:
        """Whatever is given for whatever argument, and the run is sealed."""
        (place / "p.csv").write_text("1\n")
        writer = RunWriter("P", "1")
        writer.start()
        for add in (writer.add_input, writer.add_output):
            add("file", value)
            add(value, "p.csv")
            add("csv", "p.csv", keep=value)
            add("csv", "p.csv", extra=value, more=value)
        writer.check(value, value, value, id=value)
        writer.log(value)
        assert writer.finish(value, exit=value, error=value, resources=value) is not None
        found = only_run()
        assert found.run["status"] == "failed"
        assert len(found.run["outputs"]) == 4

    def test_one_required_variable_is_one_name(self, place: Path, only_run: OnlyRun) -> None:
        """A text is not taken apart into characters."""
        with RunWriter("P", "1", "HOME"):
            pass
        assert only_run().run["env"] == {"present": ["HOME"], "missing": []}

    @pytest.mark.parametrize("status", ["blocked", "cancelled", "interrupted", "no status", Silent()])
    def test_a_status_of_other_words_is_failed(self, place: Path, only_run: OnlyRun, status: Any) -> None:
        """Readers of `run.json` know three words; nothing raises."""
        writer = RunWriter("P", "1")
        writer.start()
        finished(writer, status)
        assert only_run().run["status"] == "failed"


def test_exception_of_a_child_is_logged_without_its_secrets(tmp_path: Path) -> None:
    """What a child alone knows stands in no file of the run that it leaves by an exception."""
    secret = "plain words that a child alone knows"
    store = open_store(tmp_path / "runs")

    def fail() -> None:
        with RunWriter("p", "1", store=store) as writer, writer.run.child("part", secrets=[secret]):
            raise ValueError(f"bad: {secret}")

    with pytest.raises(ValueError, match="bad"):
        fail()
    (sealed,) = (sealed for sealed in store.runs() if sealed.kind == "p")
    whole = b"".join(sealed.file(entry["path"]) for entry in sealed.manifest["files"])
    assert (secret.encode() in whole, b"ValueError: bad: [REDACTED" in whole) == (False, True)
