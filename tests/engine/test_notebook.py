"""Rich text of runs and stores: escaped, complete, and never an exception."""

from __future__ import annotations

import re
from contextlib import suppress
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from runstone.engine.notebook import COLOURS, MAX_FAILING, MAX_LABELS, MAX_METRICS, MAX_RUNS, MAX_TEXT
from runstone.engine.reader import Sealed
from runstone.engine.store import Store

HOSTILE = "<script>alert('x')</script>&\x1b[31m"
VOID = {"br", "hr", "img"}


class Page(HTMLParser):
    """The text of markup, its tags, and whether each is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def test_a_sealed_run_is_shown(sealed: Sealed) -> None:
    """Kind, id, status, digest, counts, labels, metrics."""
    page = Page(sealed._repr_html_())
    for text in ("scene", "full", "success", sealed.digest, "1 check,", "env = test", "loss", "0.5"):
        assert text in page.text


def test_a_run_is_shown_before_and_after(store: Store) -> None:
    """Running, then with its digest; and one that could not be recorded."""
    run = store.run("job", run_id="r")
    assert "running" in Page(run._repr_html_()).text
    run.finish()
    text = Page(run._repr_html_()).text
    assert "success" in text
    assert str(run.digest) in text


def test_a_store_is_shown(store: Store) -> None:
    """Its newest runs, and how many there are more."""
    assert "0 runs" in Page(store._repr_html_()).text
    for number in range(MAX_RUNS + 2):
        store.run(f"kind-{number}").finish("failed")
    text = Page(store._repr_html_()).text
    assert f"{MAX_RUNS + 2} runs" in text
    assert "… and 2 more" in text
    assert text.count("failed") == MAX_RUNS


def test_all_text_is_escaped(store: Store) -> None:
    """What was recorded is no markup, and no control character comes through."""
    with store.run(HOSTILE, labels={HOSTILE: HOSTILE}) as run:
        run.metrics({HOSTILE: 1.0})
    for thing in (store.get(run.run_id), store):
        html = thing._repr_html_()
        assert "script" not in Page(html).tags
        assert "<script" not in html
        assert "\x1b" not in html
        assert "alert('x')" in Page(html).text


def test_many_metrics_are_counted(store: Store) -> None:
    """The first are shown."""
    with store.run("job") as run:
        run.metrics({f"m{number}": number for number in range(MAX_METRICS + 3)})
    assert "… and 3 more" in Page(store.get(run.run_id)._repr_html_()).text


def test_a_failed_run_says_why(store: Store) -> None:
    """Its error, how its checks went and which failed first; no count has a plural that it should not have."""
    with suppress(ValueError), store.run("job", run_id="r") as run:
        run.check("Row count", "pass")
        for number in range(MAX_FAILING + 2):
            run.check(f"Gap {number}", "fail")
        raise ValueError("no rows")
    rows = rows_of(store.get("r")._repr_html_())
    assert ["error", "ValueError: no rows"] in rows
    assert ["checks", f"{MAX_FAILING + 2} fail, 1 pass"] in rows
    assert [value for name, value in rows if name == "failing"] == [
        *(f"Gap {number}" for number in range(MAX_FAILING)),
        "… and 2 more",
    ]


def test_metrics_are_no_facts(store: Store) -> None:
    """They stand in a table of their own below the facts, whatever they are called."""
    with store.run("job", labels={f"l{number}": "x" for number in range(MAX_LABELS + 1)}) as run:
        run.metrics({"digest": 3, "status": 0.5})
    facts, metrics = store.get(run.run_id)._repr_html_().split("<caption")
    assert [name for name, _ in rows_of(facts)] == [
        *("run", "status", "opened", "closed", "digest", "recorded"),
        *["label"] * (MAX_LABELS + 1),
    ]
    assert rows_of(metrics) == [["digest", "3"], ["status", "0.5"]]


def test_a_run_with_a_name_is_listed_with_it(store: Store) -> None:
    """Behind its kind, as in every list."""
    with store.run("job", run_id="r"):
        pass
    store.annotate("r", name="My best")
    assert ["r", "job “My best”", "success"] in [row[:3] for row in rows_of(store._repr_html_())]


def test_long_text_is_cut_and_broken(store: Store) -> None:
    """No name makes the page wider than it is; what must stay whole says so."""
    with store.run("job", run_id="r" * 120, labels={"a" * 60: "b" * 400}) as run:
        run.metrics({"m" * 300: 1})
    html = store.get(run.run_id)._repr_html_()
    assert html.count("…") == 2
    assert f"{'m' * MAX_TEXT}…" in html
    for cell in re.findall("<t[dh] [^>]*>", html + store._repr_html_()):
        assert "overflow-wrap:anywhere" in cell or "nowrap" in cell


def test_text_of_any_direction_stays_in_its_place(store: Store) -> None:
    """Whatever was recorded is isolated from what stands beside it."""
    with store.run("ניסוי", labels={"סביבה": "ייצור"}) as run:
        run.check("קבצים 2", "fail")
        run.metrics({"דיוק": 0.5})
    html = store.get(run.run_id)._repr_html_() + store._repr_html_()
    for text in ("ניסוי", "סביבה", "ייצור", "קבצים 2", "דיוק"):
        assert html.count(text) == html.count(f"<bdi>{text}</bdi>")


def test_a_status_can_be_read_on_any_page(store: Store) -> None:
    """Its word has the page's colour; its mark is seen in the light and in the dark (WCAG 2.2, 1.4.11)."""
    for status in ("success", "failed", "partial"):
        store.run("job").finish(status)
    html = store._repr_html_()
    assert not re.search(r"[;\"]color:", html)
    for colour in COLOURS.values():
        assert html.count(colour) == (colour != COLOURS["live"])
        for page in ("#ffffff", "#111111"):
            assert contrast(colour, page) >= 3


def luminance(colour: str) -> float:
    """Of `#rrggbb` (WCAG 2.2, relative luminance)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Of two colours (WCAG 2.2, contrast ratio)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def rows_of(html: str) -> list[list[str]]:
    """The texts of the cells of each row that begins with a name."""
    rows = re.findall('<tr><th scope="row".*?</tr>', html)
    return [[unescape(re.sub("<[^>]*>", "", cell)) for cell in re.split("</t[dh]>", row)[:-1]] for row in rows]


def test_what_is_damaged_is_shown_by_its_repr(sealed: Sealed, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception reaches the notebook."""
    Path(sealed.path, "events.jsonl").write_bytes(b"torn")
    assert Page(sealed._repr_html_()).tags == {"pre"}
    monkeypatch.setattr(store, "rows", lambda: 1 / 0)
    assert "Store" in Page(store._repr_html_()).text
