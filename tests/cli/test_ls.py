"""`runstone ls`."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import Invoke, seal, spoil
from runstone.cli import ls, main
from runstone.cli.ls import short_ids
from runstone.cli.measures import duration_text
from runstone.engine.store import Store


def test_newest_first(store: Store, invoke: Invoke) -> None:
    """Rows stand in the order of opening, the newest on top."""
    for name in ("r-1", "r-2", "r-3"):
        seal(store, run_id=name)
    rows = invoke("ls").out.splitlines()
    assert rows[0].split() == ["RUN", "KIND", "STATUS", "OPENED", "(UTC)", "TOOK"]
    assert [row.split()[0] for row in rows[1:]] == ["r-3", "r-2", "r-1"]


def test_json_is_the_stores_rows(store: Store, invoke: Invoke) -> None:
    """`--json` prints what `Store.rows` answers."""
    seal(store)
    assert invoke("ls", "--json").value == store.rows()


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        (["kind:a"], ["a"]),
        (["status:failed"], ["b"]),
        (["kind:a,b", "status:success"], ["a"]),
        (["kind:a,b -status:success"], ["b"]),
        (["-kind:a"], ["b"]),
        (["-kind:h*", "-status:failed"], ["a"]),
    ],
)
def test_query(store: Store, invoke: Invoke, query: list[str], kinds: list[str]) -> None:
    """Terms are joined by AND, as words or in one; a leading `-` negates and is no option."""
    seal(store, "a")
    with store.run("b") as run:
        run.check("c", "fail")
    assert [row["kind"] for row in invoke("ls", *query, "--json").value] == kinds
    assert [row.split()[1] for row in invoke("ls", "--", *query).out.splitlines()[1:]] == kinds


def test_a_wrong_query_points_at_the_column(store: Store, invoke: Invoke) -> None:
    """An unknown field is an error with its place."""
    seal(store)
    answer = invoke("ls", "kind:a", "colour:red")
    assert answer.status == 2
    assert "column 8" in answer.err


def test_an_empty_store_is_named(invoke: Invoke, tmp_path: Path) -> None:
    """Finding nothing is no error, and says where it looked."""
    answer = invoke("ls")
    assert (answer.status, answer.out) == (0, "")
    assert str(tmp_path / "runs") in answer.err
    assert not (tmp_path / "runs").exists()


def test_an_empty_answer_is_an_empty_list(invoke: Invoke) -> None:
    """`--json` of nothing is `[]`, and the store is still named."""
    answer = invoke("ls", "--json", "--store", "elsewhere")
    assert answer.value == []
    assert "elsewhere" in answer.err


def test_no_run_fits(store: Store, invoke: Invoke) -> None:
    """A query that fits none is named beside the store."""
    seal(store)
    answer = invoke("ls", "kind:other")
    assert (answer.status, answer.out) == (0, "")
    assert "'kind:other'" in answer.err
    assert store.url in answer.err


def test_open_runs_are_marked(store: Store, invoke: Invoke) -> None:
    """A run that is being recorded says so."""
    run = store.run("live", run_id="live-1")
    try:
        row = invoke("ls").out.splitlines()[1]
        assert row.split()[:4] == ["live-1", "live", "running", "(open)"]
    finally:
        run.finish()


def test_damaged_runs_are_marked_and_last(store: Store, invoke: Invoke) -> None:
    """A bundle whose manifest cannot be read stays in the list."""
    seal(store, run_id="bad")
    seal(store, run_id="good")
    spoil(Path(store.url, "bad", "manifest.json"))
    rows = [row.split() for row in invoke("ls").out.splitlines()[1:]]
    assert rows[0][0] == "good"
    assert rows[1] == ["bad", "-", "damaged", "-", "-"]


def test_three_hundred_runs(crowd: Path, invoke: Invoke) -> None:
    """All are listed, newest first, each under a prefix that names it alone."""
    answer = invoke("ls", "--store", str(crowd))
    shown = [row.split()[0] for row in answer.out.splitlines()[1:]]
    whole = [row["run_id"] for row in invoke("ls", "--store", str(crowd), "--json").value]
    assert len(whole) == 300
    assert all(run_id.startswith(prefix) for run_id, prefix in zip(whole, shown, strict=True))
    assert all(sum(other.startswith(prefix) for other in whole) == 1 for prefix in shown)


def test_short_ids_are_prefixes_that_fit_one_run() -> None:
    """Ids that share a beginning get as many digits as tell them apart; a caller's own id stays whole."""
    one, two, three = "a" * 31 + "1", "a" * 31 + "2", "b" * 32
    assert short_ids({one, two, three, "my-run"}) == {one: one, two: two, three: "b" * 16, "my-run": "my-run"}


LONG_ID = "20260101T000000Z__P2-Backfill__abcdef0"
LONG_KIND = "a-kind-of-work-with-a-rather-long-name-" * 3


@pytest.mark.parametrize("width", [60, 70, 80, 100, 140])
def test_a_list_fits_the_width(store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """With long kinds and long ids no line is wider than asked for, no id is cut, and no column is missing."""
    seal(store, LONG_KIND, run_id=LONG_ID)
    monkeypatch.setenv("COLUMNS", str(width))
    out = invoke("ls").out
    assert max(map(len, out.splitlines())) <= width
    assert [word for line in out.splitlines() for word in line.split()].count(LONG_ID) == 1
    assert [title for title in ("RUN", "KIND", "STATUS", "OPENED (UTC)", "TOOK") if title not in out] == []


def test_a_very_narrow_list_keeps_kind_and_status(
    store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a run was and how it ended are there at 40 columns, too; when it was is what goes."""
    store.run("P2-Backfill", run_id=LONG_ID).finish("cancelled")
    monkeypatch.setenv("COLUMNS", "40")
    titles, below, name, row = invoke("ls").out.splitlines()
    assert (titles, name) == ("RUN", LONG_ID)
    assert (below.split(), row.split()) == (["KIND", "STATUS"], ["P2-Backfill", "cancelled"])


def test_long_ids_stand_above_their_rows(store: Store, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an id leaves no room for the rest of its row, the rest is below it, and a short kind is whole there."""
    seal(store, "P2-Backfill", run_id=LONG_ID)
    seal(store, "short", run_id="b")
    monkeypatch.setenv("COLUMNS", "80")
    titles, below, *rows = invoke("ls").out.splitlines()
    assert (titles, below.split()[:2]) == ("RUN", ["KIND", "STATUS"])
    assert {name: row.split()[:2] for name, row in zip(rows[::2], rows[1::2], strict=True)} == {
        LONG_ID: ["P2-Backfill", "success"],
        "b": ["short", "success"],
    }


def test_into_a_pipe_a_row_is_a_line(store: Store, invoke: Invoke) -> None:
    """However long its id is, so that a list can be searched."""
    seal(store, LONG_KIND, run_id=LONG_ID)
    row = invoke("ls").out.splitlines()[1]
    assert row.split()[:3] == [LONG_ID, LONG_KIND, "success"]


def test_into_a_pipe_nothing_is_cut(store: Store, invoke: Invoke) -> None:
    """Without a terminal and without COLUMNS a list can be searched."""
    kind = "a-kind-of-work-with-a-rather-long-name-" * 3
    seal(store, kind)
    assert kind in invoke("ls").out


def test_into_a_pipe_ids_are_whole(store: Store, invoke: Invoke) -> None:
    """An id that Runstone made is not shortened for a program."""
    run_id = seal(store)
    assert invoke("ls").out.splitlines()[1].split()[0] == run_id


def test_on_a_terminal_ids_are_short(store: Store, on_terminal: Callable[..., str]) -> None:
    """A prefix leaves room for the rest of the row, and names the run."""
    run_id = seal(store)
    shown = on_terminal("ls", NO_COLOR="1").splitlines()[1].split()[0]
    assert len(shown) == 16
    assert run_id.startswith(shown)


def test_the_duration_is_that_of_show(invoke: Invoke, shared: Path) -> None:
    """An imported run took what was recorded of it, which its times, in seconds, do not tell."""
    (found,) = invoke("import", str(shared / "samples/ovc/writer_samples/ok"), "--json").value
    page = invoke("show", found["run_id"]).out.splitlines()[0]
    took = duration_text(invoke("show", found["run_id"], "--json").value["duration_ms"])
    assert page.endswith(took)
    assert invoke("ls").out.splitlines()[1].endswith(f"  {took}")


@pytest.mark.parametrize("size", [10, 10_000])
def test_the_duration_is_read_off_the_last_line(store: Store, invoke: Invoke, size: int) -> None:
    """However long what the run returned makes that line."""
    with store.run("x", run_id="long") as run:
        run.finish(result="r" * size)
    took = duration_text(invoke("show", "long", "--json").value["duration_ms"])
    assert invoke("ls").out.splitlines()[1].endswith(f"  {took}")


@pytest.mark.parametrize("data", [b"", b"x", b"{}\n", b"x" * 9_000_000])
def test_a_damaged_journal_has_no_duration(store: Store, invoke: Invoke, data: bytes) -> None:
    """The row stays in the list."""
    seal(store, run_id="bad")
    journal = Path(store.url, "bad", "events.jsonl")
    journal.chmod(0o644)
    journal.write_bytes(data)
    answer = invoke("ls")
    assert answer.status == 0
    assert answer.out.splitlines()[1].split()[-1] == "-"


def test_wide_characters_are_counted(store: Store, invoke: Invoke) -> None:
    """Columns stand below each other beside a script of wide characters."""
    seal(store, "日本語", run_id="wide")
    seal(store, "abcdef", run_id="slim")
    slim, wide = invoke("ls").out.splitlines()[1:]
    assert slim.index("success") == wide.index("success") + 3


def test_a_store_that_is_no_folder_is_status_5(invoke: Invoke, tmp_path: Path) -> None:
    """A path that cannot be a store is an error of the store."""
    (tmp_path / "runs").write_text("")
    assert invoke("ls").status == 5


def test_a_store_may_begin_with_a_dash(invoke: Invoke, tmp_path: Path) -> None:
    """The value of an option is taken as it stands."""
    answer = invoke("ls", "--store", "-odd-")
    assert str(tmp_path / "-odd-") in answer.err


@pytest.mark.parametrize(
    "words",
    [
        ("ls", "--store"), ("ls", "-n"), ("ls", "-kind:x", "--store"), ("ls", "--after", "--", "id:x"),
        ("pack", "--store"), ("unpack", "--store"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_an_option_without_its_value_is_wrong_use(invoke: Invoke, words: tuple[str, ...]) -> None:
    """As of every other verb; no store of another name is read."""
    answer = invoke(*words)
    assert (answer.status, answer.out) == (2, "")
    assert "requires an argument" in answer.err


def test_terms_stand_anywhere(store: Store, invoke: Invoke) -> None:
    """Negated ones before, between and behind options; what stands behind `--` is a term whatever it looks like."""
    seal(store, "probe", run_id="p1")
    seal(store, "probe", run_id="p2")
    seal(store, "other", run_id="o1")
    for words in (
        ("-kind:other", "-n", "5", "-id:p1", "--json"), ("--json", "--", "-kind:other", "-id:p1"),
        ("kind:probe", "--limit=5", "--json", "-id:p1", "--"),
    ):  # fmt: skip
        assert [row["run_id"] for row in invoke("ls", *words).value] == ["p2"]


def test_watch_prints_the_newest_again_and_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each page from the top of the terminal, with what has come meanwhile; Ctrl-C ends it, and well."""
    seal(store)

    def wait(_: float) -> None:
        if len(store.rows()) > 1:
            raise KeyboardInterrupt
        seal(store)

    monkeypatch.setattr(ls, "sleep", wait)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["ls", "--watch", "--store", store.url]) == 0
    first, second = capsys.readouterr().out.split("\x1b[H\x1b[2J")[1:]
    assert (first.count("success"), second.count("success")) == (1, 2)


def watched(store: Store, monkeypatch: pytest.MonkeyPatch, columns: int, lines: int) -> str:
    """The first page of `ls --watch` on a terminal of that size."""

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    out = io.StringIO()
    out.isatty = lambda: True  # type: ignore[method-assign]  # no class for one answer
    monkeypatch.setattr(ls, "sleep", stop)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(lines))
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(["ls", "--watch", "--store", store.url]) == 0
    return out.getvalue().removeprefix("\x1b[H\x1b[2J")


@pytest.mark.parametrize(("columns", "lines"), [(50, 14), (80, 18), (100, 12)])
def test_watch_shows_the_newest_whatever_a_row_takes(
    store: Store, monkeypatch: pytest.MonkeyPatch, columns: int, lines: int
) -> None:
    """The page is no longer than the terminal, where a row is two lines, too, and an id takes more than one."""
    for number in range(20):
        seal(store, "a-kind-of-work", run_id=f"run-{number:02}")
    seal(store, "newest", run_id="n" * 60)
    page = watched(store, monkeypatch, columns, lines).splitlines()
    assert sum(max(1, -(-len(line) // columns)) for line in page) < lines
    assert sum(line.startswith("n" * 60) for line in page) == 1
    assert sum("run-19" in line for line in page) == 1


def test_watch_says_that_there_is_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an empty store as a list does."""
    assert f"no runs in {store.url}" in watched(store, monkeypatch, 80, 24)


def test_watch_is_for_a_terminal_that_can_be_wiped(store: Store, on_terminal: Callable[..., str]) -> None:
    """One of TERM=dumb gets an error and no code that it cannot obey."""
    seal(store)
    shown = on_terminal("ls", "--watch", TERM="dumb")
    assert "TERM=dumb" in shown
    assert "\x1b" not in shown


def test_watch_is_for_a_terminal(store: Store, invoke: Invoke) -> None:
    """A pipe gets an error, not an endless stream."""
    assert invoke("ls", "--watch").status == 2
    assert "terminal" in invoke("ls", "--watch").err
