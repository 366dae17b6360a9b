"""`runstone show`."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random

import pytest
from core.planted import checked

from cli.conftest import Invoke, seal, spoil
from runstone.cli.measures import size_text
from runstone.contracts.rmos import RunStore, sha256_json
from runstone.core.canonical import canonical_bytes
from runstone.engine.store import Store
from runstone.errors import RunstoneError


@pytest.fixture
def rich(store: Store, tmp_path: Path) -> str:
    """A run with something in every section."""
    Path("prices.csv").write_text("day,close\n")
    config = {"symbols": ["A", "B"], "threshold": {"trend": 0.02}, "host": "h1"}
    with store.run("backfill", version="1.2", labels={"env": "prod"}, argv=["job", "two words"], run_id="rich") as run:
        run.config(config, volatile=["/host"])
        run.input("table", "blocks", sha256="ab" * 32)
        run.output("file", "prices.csv", keep=True)
        run.output("file", "gone.csv")
        reference = run.log("10 rows")
        run.log("odd", "warning")
        run.check("Row count", "pass", reference)
        run.check("Gaps", "fail", [reference, "artifacts/prices.csv"])
        for step in range(3):
            run.metrics({"loss": 1 / (step + 1)}, step=step)
        run.note("a remark")
        run.finish(
            "failed", exit=3, error={"type": "ValueError", "message": "no rows", "traceback": "line one\nline two"}
        )
    return run.run_id


def test_the_page_in_80_columns(rich: str, store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that was recorded is on the page, and no line is wider than asked for."""
    monkeypatch.setenv("COLUMNS", "80")
    out = invoke("show", "rich").out
    sealed = store.get("rich")
    lines = out.splitlines()
    assert lines[0].startswith("backfill 1.2  failed  ")
    for expected in (
        f"digest   {sealed.digest}",
        f"outcome  {sealed.outcome_digest}",
        f"opened   {sealed.opened_at}",
        "command  job 'two words'",
        "label    env=prod",
        "exit     3",
        "recorded 14 events, 5 files, 2 checks, 1 warning",
        "  ValueError: no rows",
        "CHECKS  1 pass, 1 fail",
        "  fail    Gaps       run.log:line:1, artifacts/prices.csv",
        "  prices.csv  file  10 B  c73e46c9d67c  artifacts/prices.csv",
        "  gone.csv    file     -  no digest     not_found",
        "  blocks  table     -  abababababab  -",
        "  loss  0.333333  0.333333    1      3",
        "  threshold.trend  0.02",
        "  a remark",
    ):
        assert any(line.startswith(expected) for line in lines), f"{expected!r} in\n{out}"
    paths = {sealed.path, str(Path.cwd())}
    assert all(len(line) <= 80 for line in lines if not any(path in line for path in paths))


def test_failed_checks_stand_first(rich: str, invoke: Invoke) -> None:
    """What went wrong is read before what went well."""
    out = invoke("show", "rich").out
    assert out.index("Gaps") < out.index("Row count")


def test_volatile_settings_are_marked(rich: str, invoke: Invoke) -> None:
    """A setting that the outcome does not depend on says so."""
    lines = invoke("show", "rich").out.splitlines()
    assert [line.split() for line in lines if line.endswith("volatile")] == [["host", "h1", "volatile"]]


def test_volatile_is_what_a_pointer_leads_to_and_nothing_beside_it(store: Store, invoke: Invoke) -> None:
    """`/a` has `/a/b` in it, and not `/ab`; the empty pointer names no member."""
    with store.run("job", run_id="r") as run:
        run.config({"a": {"b": 1}, "ab": 2}, volatile=["/a", ""])
    lines = invoke("show", "r").out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith("volatile")] == ["a.b"]


def test_settings_are_told_apart(store: Store, invoke: Invoke) -> None:
    """Text that reads as another value, and a name that reads as several or as none, stand in quotes."""
    config = {"a.b": 1, "a": {"b": 2}, "": "x", "t": "1", "n": 1, "s": "null", "z": None, "e": "", '"q"': "plain"}
    with store.run("eval", run_id="r", config=config):
        pass
    lines = invoke("show", "r").out.partition("\nCONFIG")[2].splitlines()[2:]
    assert sorted(" ".join(line.split()) for line in lines[: lines.index("")]) == [
        '"" x',
        '"\\"q\\"" plain',
        '"a.b" 1',
        "a.b 2",
        'e ""',
        "n 1",
        's "null"',
        't "1"',
        "z null",
    ]


def test_json_has_the_promised_keys(rich: str, store: Store, invoke: Invoke) -> None:
    """Programs find identity, digests, times, labels, place and counts, as the kernel tells them."""
    value, sealed = invoke("show", "rich", "--json").value, store.get("rich")
    for key in (
        "run_id",
        "kind",
        "contract",
        "status",
        "digest",
        "outcome_digest",
        "opened_at",
        "closed_at",
        "labels",
        "path",
    ):
        assert value[key] == getattr(sealed, key)
    assert value["counts"] == sealed.counts()
    assert value["config"]["value"]["threshold"] == {"trend": 0.02}
    assert [check["status"] for check in value["checks"]] == ["pass", "fail"]


def test_the_view_is_the_same_for_every_contract(store: Store, invoke: Invoke) -> None:
    """A run of another contract is shown in the kernel's words."""
    with store.run("P2", contract="ovc", version="1", run_id="20260101T000000Z__P2__0000000") as run:
        run.check("Row count", "pass", "run.json:$.status")
    value = invoke("show", "2026", "--json").value
    assert (value["contract"], value["kind"], value["version"]) == ("ovc/0.1", "P2", "1")
    assert value["checks"][0]["id"] == "row_count"


@pytest.mark.parametrize("form", ["rich", "ric", "@latest", "digest"])
def test_every_form_of_run(rich: str, store: Store, invoke: Invoke, form: str) -> None:
    """An id, a prefix, a digest and @latest name the same run."""
    name = store.get(rich).digest if form == "digest" else form
    assert invoke("show", name, "--json").value["run_id"] == rich


def test_children_are_shown(store: Store, invoke: Invoke) -> None:
    """Runs that point at this one as their parent are found, sealed and open ones."""
    seal(store, run_id="parent")
    link = {"rel": "child-of", "run_id": "parent"}
    seal(store, run_id="child-1", links=[link])
    living = store.run("x", run_id="child-2", links=[link])
    try:
        children = invoke("show", "parent", "--json").value["children"]
    finally:
        living.finish()
    assert [(child["run_id"], child["status"]) for child in children] == [
        ("child-1", "success"),
        ("child-2", "running"),
    ]


def test_the_tree_of_children_in_80_columns(store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Children below their parents with what each comes to, then the sums; what is not the recorded run is said."""
    monkeypatch.setenv("COLUMNS", "80")
    with store.run("train", run_id="train") as run:
        with run.child("prepare", run_id="a") as prepare:
            prepare.output("table", "blocks")
            prepare.child("shard", run_id="b").finish("failed")
        for number in range(2):
            with run.child("evaluate", run_id=f"e{number}") as evaluate:
                evaluate.check("rows", "pass" if number else "fail")
                evaluate.metrics({"loss": 1}, step=1)
        run.event("child", {"run_id": "e1", "digest": "sha256:" + "0" * 64, "status": "success"})
        run.event("child", {"run_id": "gone", "digest": None, "status": "failed"})
    out = invoke("show", "train").out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "CHILDREN 5 runs: 3 failed, 2 success" in lines
    at = lines.index("RUN KIND STATUS TOOK CHECKS OUTPUTS METRICS REDACTED")
    assert [line.split()[:3] for line in lines[at + 1 : at + 6]] == [
        ["a", "prepare", "success"],
        ["b", "shard", "failed"],
        ["e0", "evaluate", "failed"],
        ["e1", "evaluate", "success"],
        ["gone", "-", "failed"],
    ]
    assert lines[at + 6].startswith("all ")
    assert lines[at + 6].endswith("1 fail, 1 pass 1 2 0")
    assert "of 1 run the sums know nothing: open, damaged, or not here" in lines
    assert "e1 is not the run that train recorded" in lines
    assert next(line for line in out.splitlines() if "  b " in line).startswith("    b ")
    assert all(len(line) <= 80 for line in out.splitlines() if str(Path.cwd()) not in line)


def test_below_their_ids_kinds_are_as_deep(store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the tree that takes two lines a run."""
    with store.run("parent", run_id="p") as run, run.child("one", run_id="p-1") as child:
        child.child("deep", run_id="p-2" * 10).finish()
    monkeypatch.setenv("COLUMNS", "40")
    lines = invoke("show", "p").out.splitlines()
    assert lines[lines.index("  p-1") + 1].startswith("    one ")
    assert lines[lines.index("    " + "p-2" * 10) + 1].startswith("      deep ")


def test_a_kind_that_is_cut_is_as_deep(store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cut is the name, not the space before it, as long as half of the column is left."""
    with ExitStack() as stack:
        run = stack.enter_context(store.run("parent", run_id="p"))
        for depth in range(1, 6):
            run = stack.enter_context(run.child(f"a-kind-of-work-{depth}", run_id=f"p-{depth}"))
            for name in "abc":
                run.check(name, "pass")
                run.check(f"not {name}", "fail")
    monkeypatch.setenv("COLUMNS", "40")
    lines = invoke("show", "p").out.splitlines()
    kinds = [lines[lines.index("  " * depth + f"p-{depth}") + 1] for depth in range(1, 6)]
    depths = [len(line) - len(line.lstrip()) - 2 for line in kinds]
    assert depths[:2] == [2, 4]
    assert depths == sorted(depths)
    assert [line.split()[0][0] + line.split()[0][-1] for line in kinds] == ["a1", "a2", "a3", "a4", "a5"]
    assert max(map(len, kinds)) <= 40


def test_many_children_are_counted_not_printed(store: Store, invoke: Invoke) -> None:
    """Sixty children are a page that ends; the sums and `--json` have them all."""
    with store.run("train", run_id="train") as run:
        for number in range(60):
            run.child("shard", run_id=f"s{number:02d}").finish()
    out = invoke("show", "train").out
    assert "… and 10 more; --json has all" in out
    value = invoke("show", "train", "--json").value
    assert (len(value["children"]), value["children_total"]["runs"]) == (60, 60)


def test_without_children_there_is_no_section(store: Store, invoke: Invoke) -> None:
    """Nothing is said of what is not there; in JSON the list is empty, and the sums are zero."""
    seal(store, run_id="alone")
    assert "CHILDREN" not in invoke("show", "alone").out
    value = invoke("show", "alone", "--json").value
    assert (value["children"], value["children_total"]["runs"]) == ([], 0)


def test_long_tables_are_counted_not_printed(store: Store, invoke: Invoke) -> None:
    """A hundred outputs make a short page; `--json` has them all."""
    with store.run("x", run_id="long") as run:
        for number in range(100):
            run.output("table", f"t{number:03d}")
    out = invoke("show", "long").out
    assert "  … and 80 more; --json has all" in out
    assert "t020" not in out
    assert len(invoke("show", "long", "--json").value["outputs"]) == 100


def test_a_large_result_and_long_notes_are_counted_not_printed(store: Store, invoke: Invoke) -> None:
    """Their first lines, and of a line its beginning; labels as tables. JSON has all."""
    with store.run("x", run_id="large", labels={f"l{number:02}": "v" for number in range(25)}) as run:
        run.note("first\n" + "line\n" * 3000)
        run.finish(result={"rows": [{"day": number} for number in range(5000)], "text": "x" * 5000})
    page = invoke("show", "large").out
    assert len(page.splitlines()) < 120
    assert "  … and 14975 lines more; --json has all" in page
    assert "  … and 2972 lines more; --json has all" in page
    assert "… and 5 more; --json has all" in page
    assert invoke("show", "large", "--json").value["result"]["rows"][-1] == {"day": 4999}
    with store.run("x", run_id="wide") as run:
        run.note("x" * 5000)
    assert f"  {'x' * 2000} … and 3000 characters more\n" in invoke("show", "wide").out


def test_a_long_traceback_is_counted_not_printed(store: Store, invoke: Invoke) -> None:
    """Its last lines; of a long message and a long line the beginning."""
    error = {
        "type": "ValueError",
        "message": "m" * 5000,
        "traceback": "".join(f"line {number}\n" for number in range(50)) + "t" * 5000,
    }
    with store.run("x", run_id="failed") as run:
        run.finish("failed", error=error)
    lines = invoke("show", "failed").out.splitlines()
    at = lines.index("ERROR")
    assert lines[at + 1].endswith("mm … and 3012 characters more")
    assert lines[at + 2 : at + 4] == ["  … 21 lines more above these; --json has all", "  line 21"]
    assert lines[at + 32] == f"  {'t' * 2000} … and 3000 characters more"
    assert invoke("show", "failed", "--json").value["error"] == error


def test_tables_fit_a_narrow_terminal(rich: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """In 40 columns, too: what says least is left out, and names stay whole."""
    monkeypatch.setenv("COLUMNS", "40")
    lines = invoke("show", rich).out.splitlines()
    for title, columns in (
        ("OUTPUTS", "NAME TYPE SIZE KEPT AS"),
        ("METRICS", "NAME LAST MIN MAX COUNT"),
        ("FILES", "PATH ROLE SIZE"),
    ):
        at = next(number for number, line in enumerate(lines) if line.startswith(title))
        table = lines[at + 1 : [*lines, ""].index("", at)]
        assert table[0].split() == columns.split()
        assert max(map(len, table)) <= 40
    assert any(line.startswith("  events.jsonl ") for line in lines)


def test_how_a_file_with_a_secret_was_kept_is_shown(store: Store, invoke: Invoke) -> None:
    """A redacted copy names its file, a file that was kept anyway who asked; both name the rules."""
    token = "ghp" + "_" + checked(Random(17))
    for name in ("a.txt", "b.txt"):
        Path(name).write_text(f"t: {token}\n")
    Path("clean.txt").write_text("x\n")
    with store.run("job", run_id="r") as run:
        run.output("file", "a.txt", keep="redacted")
        run.input("file", "b.txt", keep="anyway", asked_by="Operations")
        run.output("file", "clean.txt", keep="anyway", asked_by="Operations")
    lines = invoke("show", "r").out.splitlines()
    assert "  a.redacted.txt is a redacted copy of a.txt (found: github-token)" in lines
    assert "  b.txt was kept anyway, asked by Operations (found: github-token)" in lines
    assert "  clean.txt was kept anyway, asked by Operations (found: no secret)" in lines


@pytest.mark.parametrize("value", [1, "x", [], {}, {"rules": 1}, {"rules": [None]}])
def test_what_another_writer_says_of_a_kept_file_is_shown(store: Store, invoke: Invoke, value: object) -> None:
    """A bundle from elsewhere may say anything there."""
    artifact = {
        "name": "a",
        "type": "file",
        "ref": None,
        "sha256": None,
        "size": None,
        "media_type": None,
        "path": None,
    }
    with store.run("job", run_id="r") as run:
        for key in ("redacted_from", "kept_anyway"):
            run.writer.record("output", {**artifact, key: value})
    assert invoke("show", "r").status == 0


def test_what_recovery_lost_is_shown(store: Store, invoke: Invoke) -> None:
    """A page never looks whole where something is missing."""
    run = store.run("x", run_id="torn")
    Path("kept.txt").write_text("k")
    run.output("file", "kept.txt", keep=True)
    folder = Path(store.url, ".runstone/open/torn")
    (folder / "artifacts/kept.txt").write_text("other")
    with (folder / "events.jsonl").open("ab") as journal:
        journal.write(b'{"torn')
    store.recover("torn", force=True)
    with suppress(RunstoneError):
        run.finish()
    out = invoke("show", "torn").out
    assert "torn     6 B at the end of the journal could not be read" in out
    assert "lost     artifacts/kept.txt" in out


def test_an_unknown_run_is_status_3_and_names_the_store(store: Store, invoke: Invoke) -> None:
    """Not finding says where it looked."""
    answer = invoke("show", "nobody")
    assert answer.status == 3
    assert store.url in answer.err


def test_a_store_that_is_not_there_is_told(invoke: Invoke) -> None:
    """Somebody may stand in another folder; of a store that is there nothing of the kind is said."""
    assert invoke("show", "nobody").err.endswith("runs (there is no store there yet)\n")
    Path("runs").mkdir()
    assert invoke("show", "nobody").err.endswith("runs\n")


def test_an_ambiguous_prefix_is_status_2(store: Store, invoke: Invoke) -> None:
    """A prefix of two runs names them."""
    seal(store, run_id="ab-1")
    seal(store, run_id="ab-2")
    answer = invoke("show", "ab")
    assert answer.status == 2
    assert answer.err == "runstone: 'ab' fits 2 runs: ab-1, ab-2\n"


def test_a_prefix_of_many_runs_names_the_first_and_says_that_there_are_more(store: Store, invoke: Invoke) -> None:
    """Five ids, and no more than that on a line."""
    for number in range(7):
        seal(store, run_id=f"ab-{number}")
    assert invoke("show", "ab").err == "runstone: 'ab' fits 7 runs: ab-0, ab-1, ab-2, ab-3, ab-4, …\n"


def test_a_damaged_manifest_is_status_1(rich: str, store: Store, invoke: Invoke) -> None:
    """The thing asked about is bad; the message names the verb that says more."""
    spoil(Path(store.url, rich, "manifest.json"))
    answer = invoke("show", rich)
    assert answer.status == 1
    assert f"(runstone verify {rich} --store {store.url} names every fault)" in answer.err


@pytest.mark.parametrize("damage", ["shape", "bytes", "empty"])
def test_a_damaged_journal_is_status_1(rich: str, store: Store, invoke: Invoke, damage: str) -> None:
    """A journal that is not what the format says ends in a typed error and never in a traceback."""
    journal = Path(store.url, rich, "events.jsonl")
    journal.chmod(0o644)
    data = journal.read_bytes()
    changed = {"shape": data.replace(b'"status":"pass"', b'"status":7     '), "bytes": data[:100], "empty": b""}[damage]
    journal.write_bytes(changed)
    answer = invoke("show", rich)
    assert answer.status == 1
    assert answer.err.startswith("runstone: run rich is damaged: ")


def test_a_deep_value_is_shown(store: Store, invoke: Invoke) -> None:
    """Nesting up to the format's limit is no trouble."""
    value: object = 1
    for _ in range(50):
        value = {"a": value}
    canonical_bytes(value)
    with store.run("x", config=value, run_id="deep"):
        pass
    assert ".a" * 49 + "  1" in invoke("show", "deep").out


def test_resources_are_said_in_words(store: Store, invoke: Invoke) -> None:
    """Memory in megabytes and times in milliseconds; what is not known keeps its name."""
    with store.run("x", run_id="used") as run:
        run.finish(resources={"max_rss_bytes": 10510336, "system_s": 0, "user_s": 0.000929, "gpu": 2})
    assert "used     gpu 2, peak memory 10.5 MB, CPU 0 ms system, CPU 0.9 ms user" in invoke("show", "used").out


def test_output_over_the_limit_is_told_in_bytes(invoke: Invoke) -> None:
    """Where `--max-output` was reached, the page says how much of the output it has not."""
    script = "for number in range(2000): print('x' * 99, flush=True)"
    words = ("run", "--run-id", "loud", "--max-output", "64K", "--", sys.executable, "-c", script)
    assert invoke(*words).status == 0
    (dropped,) = invoke("show", "loud", "--json").value["dropped"]
    page = invoke("show", "loud").out
    assert dropped["reason"] == "max_output"
    said = f"not kept {size_text(dropped['bytes'])} of output, over --max-output sha256:{dropped['sha256']}"
    assert said in page.splitlines()
    assert " dropped" not in page


def test_events_that_were_dropped_are_told_by_their_reason(store: Store, invoke: Invoke) -> None:
    """How many and why, a line for each reason, so that a page never looks whole where something is missing."""
    with store.run("x", run_id="holes") as run:
        run.event("no-type-of-mine", {})
        run.event("nor this", {})
        run.event("x.large", {"texts": ["x" * 1000] * 20_000})
    page = invoke("show", "holes").out.splitlines()
    assert "dropped  2 events: invalid_event" in page
    assert [line for line in page if line.startswith("dropped  1 event of 20.1 MB: too_large")]


def test_a_run_that_was_deleted_says_so(tmp_path: Path, invoke: Invoke) -> None:
    """By whom, when and why its document was taken away; of a run that stands nothing is said of it."""
    cuts, judged = RunStore(tmp_path / "cuts"), {"risk_level": "GREEN"}
    for run_id in ("gone", "stands"):
        named = {"run_id": run_id, "mode": "saw", "tool_id": "saw:kerf", "status": "OK"}
        cuts.write_artifact({**named, "feasibility": judged, "hashes": {"feasibility_sha256": sha256_json(judged)}})
    cuts.delete("gone", by="ann", reason="a test piece")
    shown = [json.loads(invoke("show", name, "--json", "--store", cuts.store.url).out) for name in ("gone", "stands")]
    told = shown[0]["withdrawn"]
    assert (told["by"], told["reason"], shown[1]["withdrawn"]) == ("ann", "a test piece", None)
    pages = [invoke("show", name, "--store", cuts.store.url).out for name in ("gone", "stands")]
    assert [line.split(maxsplit=1) for line in pages[0].splitlines() if line.split()[:1] == ["deleted"]] == [
        ["deleted", f"{told['at']} by ann: “a test piece” (the sealed run stays)"]
    ]
    assert not any(line.split()[:1] == ["deleted"] for line in pages[1].splitlines())
    assert "a test piece" in invoke("export", "gone", "--as", "markdown", "-o", "-", "--store", cuts.store.url).out
