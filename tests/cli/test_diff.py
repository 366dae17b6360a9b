"""`runstone diff`: what people and programs are told, and with which status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import runstone
from cli.conftest import HOSTILE, Invoke, raw_controls, seal, seal_hostile
from runstone.cli.rendering import Screen
from runstone.core.terminal import text_width
from runstone.engine.store import Store


def record(store: Store, run_id: str, loss: float, **config: object) -> str:
    """A run with a setting, a kept report, a metric and a check."""
    Path("report.txt").write_text(f"report\nloss {loss}\n")
    with store.run("train", run_id=run_id, config=config) as run:
        run.output("file", "report.txt", keep=True)
        run.metrics({"loss": loss})
        run.check("good", "pass" if loss < 0.5 else "fail")
    return run_id


def test_only_what_differs(store: Store, invoke: Invoke) -> None:
    """Section by section, marks before, numbers with their difference."""
    record(store, "one", 0.25, rate=0.1, same=1)
    record(store, "two", 0.5, rate=0.1, same=1, extra=[1])
    answer = invoke("diff", "one", "two")
    assert answer.status == 0
    _, _, text = answer.out.partition("\nRUN\n")
    assert text == (
        "* ~ status  success -> failed\n"
        "\nCONFIG\n"
        "* + /extra  [1]\n"
        "\nOUTPUTS\n"
        f"* ~ report.txt  {_sha(store, 'one')}, 17 bytes, kept -> {_sha(store, 'two')}, 16 bytes, kept\n"
        "\nCONTENT\n"
        "  ~ report.txt\n      @@ -1,2 +1,2 @@\n       report\n      -loss 0.25\n      +loss 0.5\n"
        "\nCHECKS\n"
        "* ~ good  pass -> fail\n"
        "\nMETRICS\n"
        "  ~ loss  0.25 -> 0.5  +0.25 (+100 %)\n"
        "\nJOURNAL\n"
        "  ~ middle  they part in the middle\n"
        "      a  line 2 of 6  config\n"
        "      b  line 2 of 6  config  /data/value/extra [1]\n"
    )


def test_a_part_is_never_shown_as_all_of_it(store: Store, invoke: Invoke) -> None:
    """Nor is a multiple in powers of ten; what is one is no plural."""
    for run_id, rate, factor in (("one", 0.5, 1), ("two", 1e-5, 11)):
        with store.run("train", run_id=run_id, config={"rate": rate, "factor": factor}) as run:
            run.output("table", "rows", sha256=f"{factor:064d}", size=factor)
    text = invoke("diff", "one", "two").out
    assert "* ~ /rate    0.5 -> 1e-05  -0.49999 (-99.998 %)\n" in text
    assert "* ~ /factor  1 -> 11  +10 (+1000 %)\n" in text
    assert "000000000000, 1 byte -> 000000000000, 11 bytes\n" in text


def test_no_cell_of_a_table_is_rounded_to_the_one_beside_it(store: Store, invoke: Invoke) -> None:
    """Of several candidates the baseline has the digits that the nearest one takes."""
    for run_id, accuracy in (("one", 0.99999999), ("two", 1.0), ("three", 0.5)):
        with store.run("train", run_id=run_id) as run:
            run.metrics({"accuracy": accuracy})
    (row,) = [line for line in invoke("diff", "one", "two", "three").out.splitlines() if "metric.accuracy" in line]
    assert row.split() == ["metric.accuracy", "0.99999999", "1", "(+0.000001", "%)", "0.5", "(-50", "%)"]


def _sha(store: Store, run_id: str) -> str:
    (output,) = store.get(run_id).events("output")
    return str(output["data"]["sha256"][:12])


def test_the_library_prints_the_same(store: Store, invoke: Invoke) -> None:
    """`str` of a comparison is what goes into a pipe, for two runs and for several."""
    for run_id, loss in (("one", 0.25), ("two", 0.5), ("three", 0.25)):
        record(store, run_id, loss)
    assert invoke("diff", "one", "two").out == f"{store.compare('one', 'two')}\n"
    assert invoke("diff", "one", "two", "three").out == f"{store.compare('one', 'two', 'three')}\n"


def test_nothing_differs(store: Store, invoke: Invoke) -> None:
    """It is said, and `--exit-code` is 0."""
    seal(store, run_id="one")
    answer = invoke("diff", "one", "one", "--exit-code")
    assert answer.status == 0
    assert "outcome  same" in answer.out
    assert answer.out.endswith("\nNothing differs.\n")


@pytest.mark.parametrize("words", [("a", "b"), ("a", "a", "b")])
def test_exit_code(store: Store, invoke: Invoke, words: tuple[str, ...]) -> None:
    """Any difference that is shown counts, of any candidate; without the option it is no failure."""
    seal(store, run_id="a", labels={"env": "dev"})
    seal(store, run_id="b", labels={"env": "prod"})
    assert invoke("diff", *words).status == 0
    assert invoke("diff", *words, "--exit-code").status == 1


def test_in_which_pieces_output_was_read_is_no_difference(store: Store, invoke: Invoke) -> None:
    """Two runs of one command, which the machine read as it happened."""
    for run_id, pieces in (("one", [b"a\nb\n"]), ("two", [b"a", b"\n", b"b\n"])):
        with store.run("job", run_id=run_id) as run:
            for piece in pieces:
                run.stream("stdout", piece)
    assert invoke("diff", "one", "two", "--exit-code").status == 0
    assert invoke("judge", "two", "--baseline", "one", "--require-same", "recorded").status == 0


def test_json(store: Store, invoke: Invoke) -> None:
    """The comparison as the library has it; a side that has no such thing has no such member."""
    record(store, "one", 0.25)
    record(store, "two", 0.25, extra=None)
    value = invoke("diff", "one", "two", "--json").value
    assert value == store.compare("one", "two").as_dict()
    (item,) = [item for item in value["differences"] if item["section"] == "config"]
    assert item == {"section": "config", "name": "/extra", "change": "added", "b": None, "outcome": True}


def test_paths_and_names(store: Store, invoke: Invoke, tmp_path: Path) -> None:
    """A RUN of the store comes first; a folder or an archive anywhere is taken by its path."""
    record(store, "one", 0.25)
    record(store, "two", 0.5)
    assert invoke("export", "two", "-o", "two.tar").status == 0
    expected = invoke("diff", "one", "two", "--json").value["differences"]
    for a, b in ((str(tmp_path / "runs/one"), "two.tar"), ("one", "./runs/two"), (store.get("one").digest, "@latest")):
        assert invoke("diff", a, b, "--json").value["differences"] == expected


def test_errors(store: Store, invoke: Invoke) -> None:
    """Typed, with the status of the code; one run alone is wrong use."""
    record(store, "one", 0.25)
    assert invoke("diff", "one", "nothing").status == 3
    assert invoke("diff", "one", "./nothing").status == 3
    assert invoke("diff", "one").status == 2
    assert invoke("diff", "one", "nothing", "--json").value["code"] == "run_not_found"
    journal = Path(store.url, "one", "events.jsonl")
    journal.chmod(0o644)
    journal.write_bytes(journal.read_bytes().replace(b"0.25", b"0.26"))
    assert invoke("diff", "one", "one", "--json").value["code"] == "bundle_damaged"


def test_several_candidates(store: Store, invoke: Invoke) -> None:
    """A column each; what is as the baseline has it is `=`."""
    for run_id, loss in (("base", 0.25), ("same", 0.25), ("worse", 0.5)):
        record(store, run_id, loss)
    lines = invoke("diff", "base", "same", "worse").out.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines[5:]}
    assert rows["outcome"][1:] == ["same", "differs"]
    assert rows["status"] == ["success", "=", "failed"]
    assert rows["check.good"] == ["pass", "=", "fail"]
    assert rows["metric.loss"] == ["0.25", "=", "0.5", "(+100", "%)"]


def test_on_a_terminal(store: Store, on_terminal: Callable[..., str]) -> None:
    """Colour, and no line over 80 columns, whatever is compared; the places that differ are not what is cut."""
    record(store, "one", 0.25, text="a" * 300 + "X" + "b" * 300, **{"k" * 200: 1})
    record(store, "two", 0.5, text="a" * 300 + "Y" + "b" * 300)
    shown = on_terminal("diff", "one", "two")
    assert "\x1b[31m-loss 0.25\x1b[0m" in shown
    plain = runstone_colours(shown)
    assert max(map(text_width, plain.splitlines())) <= 80
    assert "...aaa" in plain
    assert "aXb" in plain
    assert "aYb" in plain
    assert max(map(text_width, runstone_colours(on_terminal("diff", "one", *["two"] * 9)).splitlines())) <= 80


@pytest.mark.parametrize("columns", [40, 80])
def test_what_stands_behind_a_name_fits(store: Store, on_terminal: Callable[..., str], columns: int) -> None:
    """A digest, a change, a word on the journal: below, where there is no room beside."""
    for run_id, count in (("one", 1), ("two", 10)):
        with store.run("train", run_id=run_id) as run:
            for _ in range(count):
                run.event(f"x.{'a-long-name-of-an-event.' * 3}end", {})
            run.log("last")
    digest = store.get("one").manifest["outcome_digest"]
    lines = runstone_colours(on_terminal("diff", "one", "two", COLUMNS=str(columns))).splitlines()
    assert lines[lines.index("outcome  same") + 1] == f"      {digest}"
    rest = [line for line in lines if digest not in line]
    assert max(map(text_width, rest)) <= columns
    assert "      +9 (+900 %)" in rest


@pytest.mark.parametrize("columns", [40, 80])
def test_a_table_of_long_names_fits(store: Store, on_terminal: Callable[..., str], columns: int) -> None:
    """A long name stands above its row; kind and status are said below a run's id, and no line is wider than that."""
    long = "tests/test_store.py::TestStore::test_that_a_run_is_sealed_once_and_only_once"
    ids = ["0123456789abcdef" * 2, "fedcba9876543210" * 2, "00112233" * 4]
    for number, run_id in enumerate(ids):
        with store.run("train-the-model", run_id=run_id) as run:
            run.metrics({"validation/accuracy": 0.5 + number / 7, "loss": number, f"{long}[ext4]": number})
    for colour in ({}, {"NO_COLOR": "1"}):
        lines = runstone_colours(on_terminal("diff", *ids, COLUMNS=str(columns), **colour)).splitlines()
        assert max(map(text_width, lines)) <= columns
        assert [line for line in lines if line != line.rstrip()] == []
        (kinds,) = {line.split()[0] for line in lines if line.strip().startswith("train")}
        assert kinds == "train-the-model"
        assert any(line.endswith("[ext4]") and line.startswith("metric.tests") for line in lines)
        assert any(line.split() == ["metric.loss", "0", "1"] for line in (" ".join(line.split()[:3]) for line in lines))


def runstone_colours(text: str) -> str:
    """The text without this program's own colours."""
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_long_lines_of_a_text_are_cut_on_a_terminal(store: Store, on_terminal: Callable[..., str]) -> None:
    """At 80 columns; into a pipe they are whole, up to 500 characters."""
    for run_id in ("one", "two"):
        Path("long.txt").write_text(f"{run_id} {'word ' * 30}\n")
        with store.run("kept", run_id=run_id) as run:
            run.output("file", "long.txt", keep=True)
    assert max(map(text_width, runstone_colours(on_terminal("diff", "one", "two")).splitlines())) <= 80
    assert f"+two {'word ' * 29}word" in str(store.compare("one", "two"))


def test_hostile_text(store: Store, invoke: Invoke, on_terminal: Callable[..., str]) -> None:
    """Names and values of both runs are shown escaped, in every section and in the table."""
    hostile = seal_hostile(store)
    plain = seal(store)
    Path("evil.txt").write_text(f"one\n{HOSTILE}\n")
    with store.run("kept", run_id="kept") as run:
        run.output("file", "evil.txt", keep=True)
    Path("evil.txt").write_text("one\n")
    with store.run("kept", run_id="other") as run:
        run.output("file", "evil.txt", keep=True)
    for words in ((hostile, plain), (plain, hostile), (plain, hostile, hostile), ("kept", "other")):
        answer = invoke("diff", *words)
        assert raw_controls(answer.out + answer.err) == []
        assert "\x1b" not in answer.out
        shown = on_terminal("diff", *words)
        assert raw_controls(shown) == []
        assert "\nforged" not in shown


def test_a_page_has_no_style_that_a_screen_does_not_know(store: Store) -> None:
    """What the core names, the command paints."""
    from runstone.cli.rendering import STYLES
    from runstone.core.diff.page import page

    for run_id, loss in (("one", 0.25), ("two", 0.5)):
        record(store, run_id, loss)
    comparisons = [store.compare("one", "two"), store.compare("one", "one"), store.compare("one", "two", "two")]
    styles = {style for found in comparisons for line in page(found, None) for _, style in line}
    assert styles <= {"", *STYLES}
    assert Screen().terminal is False


def test_a_sealed_run_can_be_compared_by_the_library(store: Store) -> None:
    """With no command at hand."""
    record(store, "one", 0.25)
    assert runstone.compare(store.get("one"), store.get("one")).same
