"""Rich text of runs and stores: escaped, complete, and never an exception."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from runstone.engine.notebook import MAX_METRICS, MAX_RUNS
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
    for text in ("scene", "full", "success", sealed.digest, "1 checks", "env=test", "loss", "0.5"):
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
    assert "… and 3 metrics more" in Page(store.get(run.run_id)._repr_html_()).text


def test_what_is_damaged_is_shown_by_its_repr(sealed: Sealed, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception reaches the notebook."""
    Path(sealed.path, "events.jsonl").write_bytes(b"torn")
    assert Page(sealed._repr_html_()).tags == {"pre"}
    monkeypatch.setattr(store, "rows", lambda: 1 / 0)
    assert "Store" in Page(store._repr_html_()).text
