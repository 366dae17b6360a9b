"""Import of run folders that another writer of OVC run artifacts left."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runstone
from runstone.contracts.ovc import RunWriter
from runstone.contracts.ovc.importing import import_runs
from runstone.core.limits import MAX_LINE_BYTES
from runstone.errors import RunstoneError

Prove = Callable[[Path], Any]
HUGE = "x" * MAX_LINE_BYTES
ID = "20260215T101112Z__B9-Mirror__beef123"
HEAD = f"RUN_ID={ID}\n".encode()
KEY = ("-----BEGIN " + "PRIVATE KEY-----\n" + 2 * ("MIIE" * 10 + "\n") + "-----END " + "PRIVATE KEY-----\n").encode()


def original_run(**changes: Any) -> dict[str, Any]:
    """A `run.json` of another writer."""
    return {
        "run_id": ID,
        "pipeline_id": "B9-Mirror",
        "pipeline_version": "0.3.1",
        "started_utc": "2026-02-15T10:11:12Z",
        "finished_utc": "2026-02-15T10:11:14Z",
        "duration_ms": 2345,
        "status": "success",
        "trigger": {"type": "worker_http", "source": "POST /mirror", "actor": "gateway"},
        "git": {"sha": "beef123" + "0" * 33, "sha7": "beef123", "ref": "refs/heads/trunk"},
        "env": {"present": ["B_URL", "A_URL"], "missing": []},
        "inputs": [{"type": "csv", "ref": "in/ä.csv", "range": "2004"}, {"type": "command", "ref": "/bin/mirror -x"}],
        "outputs": [{"type": "file", "ref": "out.csv", "rows_written": 3}, {"type": "artifact", "ref": f"runs/{ID}"}],
        **changes,
    }


def original_check(status: str = "pass", *evidence: str, **changes: Any) -> dict[str, Any]:
    """A check in a `checks.json` of another writer."""
    return {"id": "row_count", "name": "Row count", "status": status, "evidence": list(evidence), **changes}


def leave(
    folder: Path,
    run: Any = None,
    checks: list[Any] | None = None,
    log: bytes | None = b"RUN_ID=" + ID.encode() + b"\none\ntwo\n",
    files: dict[str, bytes] | None = None,
) -> Path:
    """Write a run folder as that writer leaves it, without the promised ASCII; answers the folder."""
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(run or original_run(), ensure_ascii=False, indent=2), "utf-8")
    if checks is not None:
        (folder / "checks.json").write_text(json.dumps({"run_id": ID, "checks": checks}), "utf-8")
    if log is not None:
        (folder / "run.log").write_bytes(log)
    for name, body in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return folder


@pytest.fixture
def imported(place: Path, proved: Prove) -> Callable[[Path], Any]:
    """Import one folder into the store `sealed`; its documents, proved."""

    def run(folder: Path) -> Any:
        ((run_id, digest, committed),) = import_runs(folder, runstone.open("sealed"))
        assert committed == "created"
        assert runstone.open("sealed").get(run_id).digest == digest
        return proved(place / "sealed" / run_id)

    return run


class TestFacts:
    """What becomes of an original."""

    def test_documents_tell_what_the_original_told(self, place: Path, imported: Callable[[Path], Any]) -> None:
        """Every value stands as it was; names of variables are sorted, and JSON is ASCII now."""
        found = imported(leave(place / "old", checks=[original_check("skip", "run.log:line:3", "run.json:$.inputs")]))
        run = original_run()
        assert found.run == {**run, "env": {"present": ["A_URL", "B_URL"], "missing": []}}
        assert found.checks["checks"] == [original_check("skip", "run.log:line:3", "run.json:$.inputs")]
        assert found.lines[1:] == [b"one", b"two"]

    @pytest.mark.parametrize(
        "ref", [f"reports/runs/{ID}/", ID, f"s3://bucket/{ID}", f"copy-of-{ID}", f"reports\\runs\\{ID}"]
    )
    def test_no_fact_of_an_output_is_lost(self, place: Path, imported: Callable[[Path], Any], ref: str) -> None:
        """Whatever place it names; only the run's own folder, which the id names, is no part of the outcome."""
        row = {"type": "artifact", "ref": ref, "rows_written": 3, "rows_updated": 1, "extra": {"md5": "x"}}
        assert imported(leave(place / "old", original_run(outputs=[row]))).run["outputs"] == [row]
        own = "output" not in {event["type"] for event in runstone.open("sealed").get(ID).events()}
        assert own == ("copy" not in ref and "bucket" not in ref)

    def test_the_status_is_the_originals(self, place: Path, imported: Callable[[Path], Any]) -> None:
        """A run that called itself a success beside a failed check is told as it was."""
        found = imported(leave(place / "old", checks=[original_check("fail")]))
        assert found.run["status"] == "success"
        assert runstone.open("sealed").get(ID).status == "success"

    def test_its_times_are_the_originals(self, place: Path, imported: Callable[[Path], Any]) -> None:
        """Every line has the original's start, the last one its end; argv, folder and machine are unknown."""
        imported(leave(place / "old", checks=[original_check()]))
        sealed = runstone.open("sealed").get(ID)
        times = [event["ts"] for event in sealed.events()]
        assert set(times[:-1]) == {"2026-02-15T10:11:12.000000Z"}
        assert times[-1] == "2026-02-15T10:11:14.000000Z"
        opened = sealed.opened["data"]
        assert [opened[key] for key in ("argv", "cwd", "platform", "entry")] == [None] * 4
        assert opened["imported"]["format"] == "ovc-run-artifact/0.1"

    def test_every_file_is_kept_as_it_was(self, place: Path, imported: Callable[[Path], Any]) -> None:
        """Byte for byte, under `artifacts/original/`."""
        folder = leave(place / "old", checks=[], files={"artifacts/deep/plot.svg": b"<svg/>", "notes.txt": b"\xff\x00"})
        found = imported(folder)
        kept = found.folder / "artifacts" / "original"
        names = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
        assert {path.relative_to(kept) for path in kept.rglob("*") if path.is_file()} == names
        assert all((kept / name).read_bytes() == (folder / name).read_bytes() for name in names)

    def test_the_same_original_has_the_same_digest(self, place: Path) -> None:
        """Wherever and however often it is imported; again, it is there already."""
        leave(place / "old", checks=[original_check()])
        first = import_runs(place / "old", runstone.open("one"))
        assert import_runs(place / "old", runstone.open("one")) == [(*first[0][:2], "identical")]
        assert import_runs(place / "old", runstone.open("two")) == first

    def test_another_original_of_that_id_is_a_conflict(self, place: Path) -> None:
        """The store keeps the first."""
        import_runs(leave(place / "old"), runstone.open("sealed"))
        with pytest.raises(RunstoneError) as caught:
            import_runs(leave(place / "other", log=b"changed\n"), runstone.open("sealed"))
        assert caught.value.code == "run_exists"

    def test_a_run_without_checks_and_log_has_empty_ones(self, place: Path, imported: Callable[[Path], Any]) -> None:
        """What the original lacks happened nowhere."""
        found = imported(leave(place / "old", log=None))
        assert found.checks["summary"] == {"pass": 0, "fail": 0, "skip": 0}
        assert found.lines == [f"RUN_ID={ID}".encode()]

    def test_a_clock_that_went_back_is_no_fault(self, place: Path, imported: Callable[[Path], Any]) -> None:
        """An end before the start is told as the start; the duration is the original's."""
        found = imported(leave(place / "old", original_run(finished_utc="2026-02-15T10:00:00Z")))
        assert found.run["finished_utc"] == "2026-02-15T10:11:12Z"
        assert found.run["duration_ms"] == 2345


class TestEvidence:
    """References of an original's checks."""

    @pytest.mark.parametrize(
        "reference", ["run.log:line:9", "run.log:line:0", "run.json:$.nothing", "artifacts/missing.txt"]
    )
    def test_what_leads_nowhere_is_a_failed_check(
        self, place: Path, imported: Callable[[Path], Any], reference: str
    ) -> None:
        """It is said in the log; the reference itself stays."""
        found = imported(leave(place / "old", checks=[original_check("pass", reference)]))
        assert found.check("row_count")["evidence"] == [reference]
        (line,) = found.check("evidence_resolves")["evidence"]
        assert found.line(line).endswith(f"evidence leads nowhere: row_count: {reference}")
        assert found.run["status"] == "success"

    def test_free_text_becomes_a_line_behind_the_log(self, place: Path, imported: Callable[[Path], Any]) -> None:
        """The check points at it; a log that ended in the middle of a line keeps that line."""
        log = f"RUN_ID={ID}\nno end".encode()
        found = imported(leave(place / "old", checks=[original_check("pass", "rows=3", "run.log:line:2")], log=log))
        first, second = found.check("row_count")["evidence"]
        assert found.line(first) == "2026-02-15T10:11:12Z rows=3"
        assert found.line(second) == "no end"

    @pytest.mark.parametrize(
        ("log", "line"),
        [
            (HEAD + b"a\n" + KEY + b"rows=5\n" + b"b\n" * 9, 7),
            (HEAD + KEY + KEY + b"a\n" + KEY + b"rows=5\n" + b"b\n" * 20, 15),
            (b"a\nrows=5\nb\n", 2),
            (b"\xef\xbb\xbf" + HEAD + b"rows=5\nb\n", 2),
            (b"RUN_ID=other\nrows=5\nb\n", 2),
            (b"a\r\n\xff\n" + KEY + b"rows=5", 7),
        ],
        ids=["key", "keys", "no head", "mark before the head", "another run", "bytes"],
    )
    def test_a_line_is_the_same_line_in_the_import(
        self, place: Path, imported: Callable[[Path], Any], log: bytes, line: int
    ) -> None:
        """Also behind what was taken out, or where the line that names the run stands before the log."""
        assert log.splitlines()[line - 1] == b"rows=5"
        found = imported(leave(place / "old", checks=[original_check("pass", f"run.log:line:{line}")], log=log))
        (reference,) = found.check("row_count")["evidence"]
        assert found.line(reference) == "rows=5"
        assert [check["id"] for check in found.checks["checks"]] == ["row_count"]

    def test_a_line_of_a_secret_is_that_of_its_mark(self, place: Path, imported: Callable[[Path], Any]) -> None:
        """Whichever of its lines the check pointed at."""
        references = [f"run.log:line:{number}" for number in range(1, 7)]
        found = imported(leave(place / "old", checks=[original_check("pass", *references)], log=HEAD + KEY + b"behind"))
        lines = [found.line(text) for text in found.check("row_count")["evidence"]]
        assert lines == [f"RUN_ID={ID}", *["[REDACTED:private-key]"] * 4, "behind"]

    @pytest.mark.parametrize("log", [None, HEAD, b"a"])
    def test_a_line_that_only_the_import_has_is_no_evidence(
        self, place: Path, imported: Callable[[Path], Any], log: bytes | None
    ) -> None:
        """What the original's log lacks stays lacking, however many lines the import adds."""
        reference = "run.log:line:1" if log is None else "run.log:line:2"
        found = imported(leave(place / "old", checks=[original_check("pass", "one", "two", reference)], log=log))
        assert found.check("evidence_resolves")["status"] == "fail"

    def test_a_name_of_a_variable_that_moved_is_no_evidence(self, place: Path, imported: Callable[[Path], Any]) -> None:
        """Names are sorted, so its number leads to another one; the list itself still stands."""
        checks = [original_check("pass", "run.json:$.env.present", "run.json:$.env.present[0]")]
        found = imported(leave(place / "old", checks=checks))
        (line,) = found.check("evidence_resolves")["evidence"]
        assert found.line(line).endswith("row_count: run.json:$.env.present[0]")

    def test_an_artifact_is_found_at_its_new_place(self, place: Path, imported: Callable[[Path], Any]) -> None:
        """The kept original is what the check points at."""
        checks = [original_check("pass", "artifacts/plot.svg")]
        found = imported(leave(place / "old", checks=checks, files={"artifacts/plot.svg": b"<svg/>"}))
        assert found.check("row_count")["evidence"] == ["artifacts/original/artifacts/plot.svg"]
        assert "evidence_resolves" not in {check["id"] for check in found.checks["checks"]}


class TestLog:
    """The original's log."""

    @pytest.mark.parametrize("body", [b"\xff\xfe\x00bytes\n", "äöü \u2028 😀\r\n".encode(), b"\n\n\n"])
    def test_its_bytes_stand_as_they_were(self, place: Path, imported: Callable[[Path], Any], body: bytes) -> None:
        """Whatever they are."""
        found = imported(leave(place / "old", log=f"RUN_ID={ID}\n".encode() + body))
        assert (found.folder / "run.log").read_bytes() == f"RUN_ID={ID}\n".encode() + body

    def test_a_long_log_is_whole(self, place: Path, imported: Callable[[Path], Any]) -> None:
        """More than one event of it, none of which divides a character."""
        body = ("ä" * 600_001 + "\n").encode() * 3
        found = imported(leave(place / "old", log=body))
        assert (found.folder / "run.log").read_bytes() == f"RUN_ID={ID}\n".encode() + body

    def test_the_line_of_another_run_stays(self, place: Path, imported: Callable[[Path], Any]) -> None:
        """Only the line that names this run is folded anew."""
        found = imported(leave(place / "old", log=b"RUN_ID=other\none\n"))
        assert found.lines[1:] == [b"RUN_ID=other", b"one"]

    def test_a_secret_is_taken_out_of_all_but_the_original(self, place: Path, imported: Callable[[Path], Any]) -> None:
        """Also one of several lines, behind which line numbers still hold."""
        log = HEAD + b"before\n" + KEY + b"behind\n"
        found = imported(leave(place / "old", checks=[original_check("pass", "rows=3")], log=log))
        assert found.line(*found.check("row_count")["evidence"]).endswith("rows=3")
        assert found.lines[1:4] == [b"before", b"[REDACTED:private-key]", b"behind"]
        assert b"MIIE" not in (found.folder / "events.jsonl").read_bytes()
        assert (found.folder / "artifacts" / "original" / "run.log").read_bytes() == log


class TestPlaces:
    """Where originals may lie."""

    def test_a_folder_of_many(self, place: Path) -> None:
        """Every folder with a `run.json` is imported, in the order of their names; the rest is left alone."""
        ids = [f"20260215T10111{number}Z__B9-Mirror__beef123" for number in range(3)]
        for run_id in ids:
            leave(place / "old" / run_id, original_run(run_id=run_id))
        (place / "old" / "not-a-run").mkdir()
        (place / "old" / "README.txt").write_text("x")
        assert [found[0] for found in import_runs(place / "old", runstone.open("sealed"))] == ids

    def test_sealed_runs_beside_them_are_left_alone(self, place: Path) -> None:
        """A store that holds old folders and new bundles gives the old ones."""
        writer = RunWriter("P2-Backfill", "0.1.0")
        writer.finish("success")
        leave(place / "reports" / "runs" / ID)
        assert [found[0] for found in import_runs("reports/runs", runstone.open("sealed"))] == [ID]
        assert runstone.open("reports/runs").verify(writer.run_id).ok

    @pytest.mark.parametrize("inside", ["", ID])
    def test_a_folder_inside_its_own_store_is_refused(self, place: Path, inside: str) -> None:
        """Its bundle would need the very name that it has; the error says what to do."""
        RunWriter("P2-Backfill", "0.1.0").finish()
        leave(place / "reports" / "runs" / ID)
        with pytest.raises(RunstoneError, match="use another store") as caught:
            import_runs(place / "reports" / "runs" / inside, runstone.open("reports/runs"))
        assert caught.value.code == "inside_own_store"

    @pytest.mark.parametrize("other", [ID, ID.lower().replace("t1", "T1").replace("z__", "Z__")])
    def test_two_folders_with_one_id_are_refused(self, place: Path, other: str) -> None:
        """Both are named, and nothing is imported: not even the good run before them."""
        leave(place / "old" / "a", original_run(run_id="20260215T101110Z__B9-Mirror__beef123"))
        leave(place / "old" / "b")
        leave(place / "old" / "c", original_run(run_id=other))
        with pytest.raises(RunstoneError, match=r"twice: b/run\.json: \$ and c/run\.json: \$") as caught:
            import_runs(place / "old", runstone.open("sealed"))
        assert caught.value.code == "invalid_archive"
        assert caught.value.details["path"] == "c/run.json"
        assert list(runstone.open("sealed").runs()) == []

    @pytest.mark.parametrize("taken", ["sealed", "sealed in another case", "open", "purged"])
    def test_an_id_that_another_run_has_refuses_the_import(self, place: Path, taken: str) -> None:
        """The folder is named, and the good runs beside it are not imported either."""
        store = runstone.open("sealed")
        run = store.run("k", run_id=ID.swapcase() if taken == "sealed in another case" else ID)
        if taken != "open":
            run.finish()
        if taken == "purged":
            store.purge({"rules": [{"query": "kind:k"}], "grace": "0"}, apply=True)
            store.purge({"rules": [{"query": "kind:k"}], "grace": "0"}, apply=True)
        leave(place / "old" / "a", original_run(run_id="20260215T101110Z__B9-Mirror__beef123"))
        leave(place / "old" / "b")
        with pytest.raises(RunstoneError, match=r"^b/run\.json: \$: run id") as caught:
            import_runs(place / "old", store)
        assert caught.value.code == "run_exists"
        assert caught.value.details["path"] == "b/run.json"
        assert not (place / "sealed" / "20260215T101110Z__B9-Mirror__beef123").exists()

    def test_an_archive_of_runs(self, place: Path) -> None:
        """What CI keeps is often one."""
        leave(place / "old" / ID)
        with tarfile.open(place / "old.tar", "w") as archive:
            archive.add(place / "old" / ID, ID)
        ((run_id, digest, _),) = import_runs(place / "old.tar", runstone.open("one"))
        assert [(run_id, digest)] == [found[:2] for found in import_runs(place / "old", runstone.open("two"))]

    def test_a_place_that_is_not_there(self, place: Path) -> None:
        """Is said to be so."""
        with pytest.raises(RunstoneError) as caught:
            import_runs(place / "nowhere", runstone.open("sealed"))
        assert caught.value.code in ("file_not_found", "invalid_archive")

    def test_a_place_without_a_run(self, place: Path) -> None:
        """Nothing to import is an error that says what was looked for."""
        (place / "old").mkdir()
        with pytest.raises(RunstoneError, match=r"run\.json") as caught:
            import_runs(place / "old", runstone.open("sealed"))
        assert caught.value.code == "invalid_archive"


def nested(depth: int) -> Any:
    """Lists in lists."""
    return [nested(depth - 1)] if depth > 1 else []


def with_input(value: Any) -> dict[str, Any]:
    """A run whose second input has `value` as its range."""
    return original_run(inputs=[{"type": "csv", "ref": "a"}, {"type": "csv", "ref": "b", "range": value}])


class TestLimits:
    """Originals that hold more than a bundle can."""

    @pytest.mark.parametrize("value", [nested(60), {"k" * 1024: 1}])
    def test_what_just_fits_is_imported(self, place: Path, imported: Callable[[Path], Any], value: Any) -> None:
        """The greatest depth and the longest key."""
        assert imported(leave(place / "old", with_input(value))).run["inputs"][1]["range"] == value

    @pytest.mark.parametrize(
        ("run", "checks", "code", "where"),
        [
            (with_input(nested(61)), [], "too_deep", ["b/run.json", "$.inputs[1]"]),
            (with_input({"k" * 1025: 1}), [], "too_large", ["b/run.json", "$.inputs[1]"]),
            (with_input({"$" + "k" * 1023: 1}), [], "too_large", ["b/run.json", "$.inputs[1]"]),
            (with_input(HUGE), [], "too_large", ["b/run.json", "$.inputs[1]"]),
            (original_run(outputs=[{"type": "t", "ref": HUGE}]), [], "too_large", ["b/run.json", "$.outputs[0]"]),
            (original_run(pipeline_version=HUGE), [], "too_large", ["b/run.json", "$"]),
            (
                original_run(trigger={"type": "local_cli", "source": HUGE, "actor": ""}),
                [],
                "too_large",
                ["b/run.json", "$"],
            ),
            (None, [original_check(), original_check(name=HUGE)], "too_large", ["b/checks.json", "$.checks[1]"]),
            (None, [original_check("pass", HUGE)], "too_large", ["b/checks.json", "$.checks[0]"]),
            (None, [original_check("pass", f"artifacts/{HUGE}")], "too_large", ["b/checks.json", "$.checks[0]"]),
        ],
        ids=["depth", "key", "$key", "range", "ref", "version", "trigger", "check", "text", "reference"],
    )
    def test_what_no_event_can_hold_is_named_by_its_place(
        self, place: Path, run: Any, checks: list[Any], code: str, where: list[str]
    ) -> None:
        """File and JSON path are in the error, and nothing is written: not even the good run before it."""
        leave(place / "old" / "a")
        leave(place / "old" / "b", run, checks)
        with pytest.raises(RunstoneError) as caught:
            import_runs(place / "old", runstone.open("sealed"))
        assert caught.value.code == code
        assert [caught.value.details["path"], caught.value.details["json_path"]] == where
        assert caught.value.message.startswith(": ".join(where))
        assert len(caught.value.message) < 200
        assert not (place / "sealed").exists()

    def test_more_files_than_a_bundle_can_hold_are_refused(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Before one of them is read; the bundle adds four of its own."""
        monkeypatch.setattr("runstone.contracts.ovc.original.MAX_FILES", 6)
        folder = leave(place / "old")
        import_runs(folder, runstone.open("sealed"))
        (folder / "one.more").write_text("")
        with pytest.raises(RunstoneError, match="3 files; the limit is 2") as caught:
            import_runs(folder, runstone.open("other"))
        assert caught.value.code == "too_large"
        assert not (place / "other").exists()


class TestFaults:
    """Originals that are not what they should be."""

    @pytest.mark.parametrize(
        ("changes", "json_path"),
        [
            ({"run_id": "../x"}, "$.run_id"),
            ({"run_id": 7}, "$.run_id"),
            ({"pipeline_id": "a b"}, "$.pipeline_id"),
            ({"pipeline_version": None}, "$.pipeline_version"),
            ({"started_utc": "2026-02-15 10:11:12"}, "$.started_utc"),
            ({"finished_utc": "2026-02-30T10:11:12Z"}, "$.finished_utc"),
            ({"duration_ms": -1}, "$.duration_ms"),
            ({"duration_ms": 1.5}, "$.duration_ms"),
            ({"status": "done"}, "$.status"),
            ({"status": ["success"]}, "$.status"),
            ({"trigger": {"type": "cron", "source": "", "actor": ""}}, "$.trigger"),
            ({"git": {}}, "$.git"),
            ({"env": {"present": [], "missing": [7]}}, "$.env"),
            ({"inputs": {}}, "$.inputs"),
            ({"inputs": [{"type": "csv", "ref": "a"}, "x"]}, "$.inputs[1]"),
            ({"outputs": [{"type": "csv", "ref": None}]}, "$.outputs[0].ref"),
        ],
    )
    def test_a_wrong_value_is_named_by_its_place(self, place: Path, changes: dict[str, Any], json_path: str) -> None:
        """File and JSON path are in the error, and nothing is written: not even the good runs beside it."""
        leave(place / "old" / "a", original_run())
        leave(place / "old" / "b", original_run(**changes))
        with pytest.raises(RunstoneError) as caught:
            import_runs(place / "old", runstone.open("sealed"))
        assert caught.value.code == "invalid_archive"
        assert caught.value.details["path"] == "b/run.json"
        assert caught.value.details["json_path"] == json_path
        assert not (place / "sealed").exists()

    @pytest.mark.parametrize(
        "check",
        [original_check(id=""), original_check(status="maybe"), original_check(evidence="rows=3"), "row_count"],
    )
    def test_a_wrong_check_is_named_by_its_place(self, place: Path, check: Any) -> None:
        """As a wrong value of the run is."""
        with pytest.raises(RunstoneError, match=r"checks\.json: \$\.checks\[1\]"):
            import_runs(leave(place / "old", checks=[original_check(), check]), runstone.open("sealed"))

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"run_id":1,"run_id":2}', b"\xff", b"[" * 100_000])
    def test_what_is_no_json_object_is_refused(self, place: Path, body: bytes) -> None:
        """Duplicate keys and endless nesting, too."""
        folder = leave(place / "old")
        (folder / "run.json").write_bytes(body)
        with pytest.raises(RunstoneError, match=r"^run\.json: ") as caught:
            import_runs(folder, runstone.open("sealed"))
        assert caught.value.code == "invalid_archive"

    @pytest.mark.parametrize("name", ["run.log", "artifacts"])
    def test_a_link_is_never_followed(self, place: Path, name: str) -> None:
        """It is refused by name."""
        folder = leave(place / "old", log=None)
        (folder / name).symlink_to("/etc")
        with pytest.raises(RunstoneError, match=f"{name} is a link") as caught:
            import_runs(folder, runstone.open("sealed"))
        assert caught.value.code == "invalid_archive"

    def test_a_name_that_no_bundle_can_hold_is_refused(self, place: Path) -> None:
        """Before anything is written."""
        folder = leave(place / "old", files={"artifacts/con.txt": b"x"})
        with pytest.raises(RunstoneError) as caught:
            import_runs(folder, runstone.open("sealed"))
        assert caught.value.code == "invalid_path"
        assert not (place / "sealed").exists()
