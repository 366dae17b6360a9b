"""`runstone export --as markdown`: a page that shows what was recorded and obeys none of it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

import runstone
from cli.conftest import HOSTILE, Invoke, seal, seal_hostile
from runstone.cli import page as pages
from runstone.cli.page import page
from runstone.cli.summary import summarize
from runstone.core.markdown import MAX_BLOCK, MAX_SPAN, block, cell, span, table
from runstone.core.terminal import safe_text
from runstone.engine.store import Store

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
SHOWN = {"code_inline", "fence"}
STRUCTURE = {"heading", "paragraph", "table", "thead", "tbody", "tr", "th", "td"}

INJECTIONS = [
    "![x](https://example.org/pixel.png)",
    "[x](https://example.org)",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</table></details><h1>x</h1>",
    "<!-- ",
    "@everybody #1 owner/repo#2 GH-3",
    "https://example.org www.example.org a@example.org",
    ":tada: **bold** ~~gone~~ _it_ $`x`$ $$x$$",
    "`` ` ``` ```",
    "```\n# forged\n```",
    "\n\n# forged\n",
    "| a | b |\n| --- | --- |",
    "a\\|b|c\\\\|d\\",
    "\\`",
    "`",
    " ` ",
    "  ",
    "x |",
    "&lt;b&gt; &#64;",
    "[^1]: note",
    "    indented",
    "\t- list",
    "::error::forged",
    HOSTILE,
]


def tokens(text: str) -> list[Token]:
    """Every token of a page, those within lines too."""
    return [inner for token in PARSER.parse(text) for inner in (token, *(token.children or ()))]


def skeleton(text: str) -> list[tuple[str, str]]:
    """A page without what is shown in spans and blocks: its structure, and the words outside of them."""
    return [(token.type, "" if token.type in SHOWN | {"inline"} else token.content) for token in tokens(text)]


def shown(text: str) -> list[str]:
    """What stands in spans and blocks, in order."""
    return [token.content for token in tokens(text) if token.type in SHOWN]


def record(store: Store, text: str) -> str:
    """A run with `text` in every place that takes any; answers its id."""
    with store.run(text, version=text, labels={text[:10]: text}, argv=[text], contract="runstone") as run:
        run.input(text, text, name=text)
        run.output(text, text, name=text)
        run.check(text, "fail", text)
        run.metrics({text: 1.5})
        run.note(text)
        bounds = {"interval": {"low": text, "high": text, "confidence": text}, "threshold": text, "direction": text}
        run.event("score", {"name": text, "value": 1, "unit": text, **bounds})
        decision = {"call": None, "outcome": text, "risk_level": text, "score": text, "block_reason": text}
        rule = {"id": text, "reason_code": text, "status": text, "measured": [text], "threshold": text, "unit": text}
        run.event("decision", {**decision, "warnings": [text], "rules": [rule], "details": None, "policy": None})
        run.event("verdict", {"ok": False, "baseline": {"run_id": text, "digest": text}, "rules": [rule]})
        run.child(text, run_id="child").finish()
        run.finish("failed", error={"type": text, "message": text, "traceback": text})
    store.annotate(run.run_id, labels={text[:10]: text}, note=text, scores={"s": 1}, name=text, by=text)
    store.alias("best", run.run_id, by=text)
    return run.run_id


def page_of(store: Store, run_id: str) -> str:
    """The page of a run, with times and digests of no particular run; some words are taken for names of secrets."""
    text = re.sub(r", \d+ redactions?", "", page(summarize(store, store.get(run_id))))
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z|[\d.]+ (?:ms|s)\b", "TIME", text)
    return re.sub(r"[0-9a-f]{32,64}", "DIGEST", text)


def recorded(text: str) -> str:
    """The page of a run with `text` everywhere."""
    store = runstone.open("memory:")
    return page_of(store, record(store, text))


@cache
def neutral() -> list[tuple[str, str]]:
    """The structure of the page of a run with plain words."""
    return skeleton(recorded("word"))


# one text


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_span_shows_text_and_nothing_else(text: str) -> None:
    """Within a line: one span, and in it the text."""
    line = f"a {span(text)} b"
    assert [token.type for token in tokens(line)][2:-1] == ["text", "code_inline", "text"]
    assert shown(line) == [safe_text(text)]


@given(st.text(min_size=1, max_size=40))
def test_any_text_in_a_span(text: str) -> None:
    """Whatever it is: one span."""
    assert shown(f"a {span(text)} b") == [safe_text(text)]


@given(st.text(alphabet="|\\` ab&<\n", min_size=1, max_size=20), st.text(alphabet="|\\` a", min_size=1, max_size=9))
def test_any_text_in_a_cell(one: str, other: str) -> None:
    """Two cells are two, to a reader for whom a backslash guards any character and to one for whom only a pipe."""
    text = table(("a", "b"), [(cell(one), cell(other))])
    expected = [safe_text(part).replace("\\|", "\\\\x7c") for part in (one, other)]
    assert shown(text) == expected
    row = text.splitlines()[-1]
    assert len(re.findall(r"(?<!\\)\|", row)) == len(re.findall(r"\|", re.sub(r"\\.", "", row))) == 3


@given(st.text(max_size=60))
def test_any_text_in_a_block(text: str) -> None:
    """A block ends where we end it, and keeps its lines."""
    parsed = [token for token in PARSER.parse(f"{block(text)}\nafter\n") if token.level == 0]
    assert [token.type for token in parsed] == ["fence", "paragraph_open", "paragraph_close"]
    lines = text.rstrip("\n").split("\n")
    assert parsed[0].content == "\n".join("\t".join(map(safe_text, line.split("\t"))) for line in lines) + "\n"


def test_long_text_is_cut() -> None:
    """A span keeps its beginning, a block its end; both say that there was more."""
    assert span("a" * 300) == "`" + "a" * MAX_SPAN + "`…"
    assert span("a" * MAX_SPAN) == "`" + "a" * MAX_SPAN + "`"
    assert shown(block("b" + "a" * MAX_BLOCK)) == ["…" + "a" * MAX_BLOCK + "\n"]
    assert span("") == "(empty)"


# the page


@pytest.mark.parametrize("text", INJECTIONS)
def test_no_recorded_text_changes_the_page(text: str) -> None:
    """The structure of the page, and every word outside of spans and blocks, are those of a run with plain words."""
    assert skeleton(recorded(text)) == neutral()


@given(st.text(min_size=1, max_size=30))
@settings(max_examples=30)
def test_nor_does_any_other_text(text: str) -> None:
    """The same for texts that nobody thought of."""
    assert skeleton(recorded(text)) == neutral()


def test_the_page_has_no_links_images_or_html() -> None:
    """Of all that Markdown can, it has headings, paragraphs, tables, spans and blocks."""
    kinds = {kind.removesuffix("_open").removesuffix("_close") for kind, _ in neutral()}
    assert kinds <= STRUCTURE | SHOWN | {"inline", "text", "softbreak"}


def test_what_is_on_the_page(store: Store, invoke: Invoke) -> None:
    """A heading with the status, the command, the commit, and a table for each thing that was recorded."""
    with store.run("train", version="2", argv=["python", "train.py"], labels={"env": "ci"}, run_id="r") as run:
        run.git = None
        run.input("table", "blocks", sha256="ab" * 32, size=1500)
        run.check("Row count", "pass", run.log("10 rows"))
        run.check("Gaps", "fail")
        run.metrics({"loss": 0.5}, step=1)
        run.metrics({"loss": 0.25}, step=2)
        run.finish("failed", exit=3, error={"type": "ValueError", "message": "no rows", "traceback": "line 1\nline 2"})
    answer = invoke("export", "r", "--as", "markdown")
    assert answer.status == 0
    for line in (
        "### `train` `2`: failed",
        "| run | `r` |",
        "| command | `python train.py` |",
        "| exit status | 3 |",
        "| label | `env` `ci` |",
        f"| run digest | `{store.get('r').digest}` |",
        "ValueError: no rows",
        "line 2",
        "| fail | `Gaps` | - |",
        "| pass | `Row count` | `run.log:line:1` |",
        "| `loss` | 0.25 | 0.25 | 0.5 | 2 |",
        f"| `blocks` | `table` | 1.5 kB | `{'ab' * 32}` | - |",
    ):
        assert line in answer.out.splitlines(), f"{line!r} in\n{answer.out}"
    assert str(Path.cwd()) not in answer.out


def test_the_page_says_what_show_says(store: Store, invoke: Invoke) -> None:
    """How it was judged, how good it had to be, what it is called, what was said of it since and what is missing."""
    with store.run("train", run_id="r", labels={f"l{number}": "x" for number in range(60)}) as run:
        run.metrics({"loss": 0.25})
        run.score("accuracy", 0.8999999, threshold=0.9, unit="share")
        run.judge("max metric.loss:0.2")
        run.writer.left_out("max_output", "more than is kept", 3, 1234, "ab" * 32)
    store.annotate("r", note="look at this", name="The best one", by="ann")
    store.alias("best", "r", by="ann")
    lines = invoke("export", "r", "--as", "markdown").out.splitlines()
    at = lines.index("The run fails:")
    assert lines[at + 4] == "| `max metric.loss:0.2` | `fail` | 0.25 | 0.2 | - | `over_limit` |"
    for line in (
        "| fact | value |",
        "| name | `The best one` |",
        "| alias | `@best` |",
        "| label | … and 10 more |",
        f"| not kept | 1.2 kB of output, over the limit `sha256:{'ab' * 32}` |",
        "| score | value | wanted |",
        "| `accuracy` | `0.8999999 share` | `at least 0.9` |",
    ):
        assert line in lines, f"{line!r} in {lines}"
    assert any(line.endswith("| `ann` | `named The best one`, `“look at this”` |") for line in lines)


def test_the_largest_page_is_bounded(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    """Tables are counted behind their first rows; a section that no longer fits is named."""
    wide = "\x1b\u202e" * 150
    with store.run("job", run_id="r") as run:
        for number in range(60):
            run.output(wide, wide, name=f"{wide}{number}")
            run.check(f"{wide}{number}", "pass", [wide] * 20)
            run.metrics({f"{wide}{number}": number})
        for _ in range(12):
            run.note(wide * 60)
    text = page(summarize(store, store.get("r")))
    assert len(text.encode()) < 1 << 20
    assert text.count("… and 10 more.") == 3
    assert "… and 2 more." in text
    monkeypatch.setattr(pages, "MAX_BYTES", 2000)
    small = page(summarize(store, store.get("r")))
    assert len(small.encode()) < 3000
    assert small.endswith("Left out, as the page is full: Checks, Metrics, Outputs, Notes.\n")


def test_a_page_goes_to_a_terminal_and_a_file(store: Store, invoke: Invoke) -> None:
    """Text is for terminals, too, as nothing in it controls one; a file is new, and told with its digest."""
    run_id = seal_hostile(store)
    out = invoke("export", run_id, "--as", "markdown").out
    assert "\x1b" not in out
    assert "\u202e" not in out
    facts = invoke("export", run_id, "--as", "markdown", "-o", "page.md", "--json").value
    assert (facts["as"], facts["size"]) == ("markdown", len(out.encode()))
    assert Path("page.md").read_text() == out
    assert invoke("export", run_id, "--as", "markdown", "-o", "page.md").status == 4


def test_an_open_run_has_no_page(store: Store, invoke: Invoke) -> None:
    """It is sealed first: what is shown there is a finished record."""
    run = store.run("job", run_id="r")
    assert invoke("export", "r", "--as", "markdown").status == 4
    run.finish()


def test_a_form_that_is_not_there(store: Store, invoke: Invoke) -> None:
    """Named by the error with those that are."""
    seal(store, run_id="r")
    answer = invoke("export", "r", "--as", "html", "--json")
    assert (answer.status, answer.value["code"]) == (2, "invalid_option")
