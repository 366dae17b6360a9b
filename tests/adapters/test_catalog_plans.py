"""Every query finds its runs by the index that its plan names, or says that it scans: SQLite tells, and is counted."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from runstone.adapters.sqlite import catalog as sqlite_catalog
from runstone.adapters.sqlite import plans as planning
from runstone.adapters.sqlite.catalog import SqliteCatalog
from runstone.core.card import row_of
from runstone.core.query import Cursor, parse_query
from runstone.ports.catalog import Known
from runstone.testing.catalog import card

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNS = 3_000
PAGE = 10
STEPS = RUNS * 3
"""Of SQLite's machine: to look at an entry of an index takes four or more, so this is no look at all of them."""

NEWEST = ("", "sort:opened", "since:1970-01-01", "since:1970-01-01T00:49 until:1970-01-01T00:49:30")
STREAMS = (
    "kind:k3", "label.team:t3", "status:failed", "check.rows:fail", "contract:runstone", "output:table",
    "label.team:t3 status:success", "kind:k3 since:1970-01-01T00:10", "kind:k3 -label.team:t3", "config./word:w1",
)  # fmt: skip
FEW = (
    "id:run-01500", "id:run-0150*", "metric.loss<0.002", "metric.loss>=0.5 metric.loss<0.502", "metric.loss:0.5",
    "digest:sha256:run-00007,sha256:run-00009", "config./lr:7", "config./lr>2998", '"word77"', "input:s3/77",
    "duration<0.5", "alias:nobody", "label.none:x", '"word77" kind:k7',
)  # fmt: skip
SORTED = (
    "sort:metric.loss", "sort:-metric.loss", "sort:status", "sort:-status", "sort:duration", "sort:-duration",
    "sort:kind", "sort:-metric.loss kind:k3", "sort:metric.loss label.team:t3 config./lr<100",
)  # fmt: skip
SCANS = ("id:*77", "-kind:k3", "kind:k1,k2", "kind:k*", "metric.loss<0.9", '-"word77"')


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteCatalog]:
    """Many runs, a second apart."""
    found = SqliteCatalog(str(tmp_path_factory.mktemp("catalog") / "catalog.sqlite"), nullcontext)
    found.update([Known("mark", run(number)) for number in range(RUNS)], (), None)
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is few among a million is few among three thousand."""
    monkeypatch.setattr(planning, "FEW", 100)
    monkeypatch.setattr(planning, "PATIENCE", 30)
    monkeypatch.setattr(sqlite_catalog, "PATIENCE", 30)


def run(number: int) -> dict[str, Any]:
    """The card of a run; values are spread over the whole time."""
    return card(
        f"run-{number:05}",
        number,
        kind=f"k{number % 10}",
        status="success" if number % 7 else "failed",
        labels={"team": f"t{number % 10}"},
        checks={"rows": "fail" if number % 7 == 1 else "pass"},
        metrics={"loss": (number * 7) % RUNS / RUNS, "age": number},
        config={"/lr": number * 11 % RUNS, "/word": f"w{number % 3}"},
        inputs=[[f"in{number}", "table", None, f"s3/{number}"]],
        outputs=[["table", "table", None, None]],
        words=f"word{number % 300}",
    )


def explained(catalog: SqliteCatalog, query: str, after: Cursor | None = None) -> list[str]:
    """What SQLite says of each statement of a query, a line each step."""

    def question(db: Any) -> list[str]:
        found = []
        for plan in catalog._plans(db, parse_query(query), after, patient=True):
            sql = "EXPLAIN QUERY PLAN " + plan.sql.format("r.run, r.row")
            found += [detail for _, _, _, detail in db.execute(sql, plan.values)]
        return found

    return catalog._asked(question)


def steps(catalog: SqliteCatalog, ask: Callable[[], Any]) -> int:
    """How many steps SQLite's machine takes to answer, in tens."""
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 10

    catalog._asked(lambda db: db.set_progress_handler(count, 10))
    ask()
    catalog._asked(lambda db: db.set_progress_handler(None, 0))
    return taken


def middle(query: str) -> Cursor:
    """A place deep inside of an answer."""
    return parse_query(query).cursor(run(RUNS // 2))


@pytest.mark.parametrize("query", [*NEWEST, *STREAMS, *FEW, *SORTED])
def test_a_page_takes_no_look_at_every_run(catalog: SqliteCatalog, query: str) -> None:
    """The first page, and one deep inside."""
    asked = parse_query(query)
    found = [
        steps(catalog, lambda: catalog.rows(asked, None, PAGE)),
        steps(catalog, lambda: catalog.rows(asked, middle(query), PAGE)),
    ]
    if query in SORTED and "kind:" not in query and "label" not in query:
        assert catalog.rows(asked, middle(query), PAGE), query
    assert max(found) < STEPS, found


def test_the_count_of_steps_tells_a_scan(catalog: SqliteCatalog) -> None:
    """What must look at every run takes more."""
    assert steps(catalog, lambda: catalog.rows(parse_query("id:*nobody"), None, PAGE)) > STEPS


@pytest.mark.parametrize("query", [*NEWEST, *STREAMS, *FEW])
def test_no_statement_scans(catalog: SqliteCatalog, query: str) -> None:
    """But for the index on time, from its newest end; and the index of words, which SQLite calls a scan."""
    allowed = ("SEARCH ", "SCAN r USING INDEX newest", "SCAN search VIRTUAL TABLE INDEX", "USE TEMP", "LIST SUBQUERY",
               "CORRELATED", "COMPOUND", "LEFT-MOST", "UNION ALL")  # fmt: skip
    found = [*explained(catalog, query), *explained(catalog, query, middle(query))]
    assert [step for step in found if not step.startswith(allowed)] == []


@pytest.mark.parametrize("query", [*NEWEST, *STREAMS, *(query for query in SORTED if "label" not in query)])
def test_what_an_index_has_in_order_is_not_sorted(catalog: SqliteCatalog, query: str) -> None:
    """Only runs of the same time, or the few of the same value."""
    found = [*explained(catalog, query), *explained(catalog, query, middle(query))]
    assert "USE TEMP B-TREE FOR ORDER BY" not in found
    if query in NEWEST:
        assert not any("TEMP" in step for step in found)


@pytest.mark.parametrize("query", [*NEWEST, *STREAMS, *FEW, *SORTED])
def test_a_plan_names_the_index_that_is_used(catalog: SqliteCatalog, query: str) -> None:
    """In words, and in SQLite's: facts by their text or their number."""
    said, found = catalog.plan(parse_query(query)), explained(catalog, query)
    assert said.startswith("by the index on ")
    used = {"time": "INDEX newest", "words": "SCAN search VIRTUAL TABLE"}
    field = said.removeprefix("by the index on ").split(";")[0].split(",")[0]
    known = (used.get(field), "SEARCH f USING", "SEARCH facts USING")
    assert any(part in step for step in found for part in known if part), found


@pytest.mark.parametrize("query", SCANS)
def test_what_no_index_finds_says_so(catalog: SqliteCatalog, query: str) -> None:
    """The newest are looked at first."""
    assert catalog.plan(parse_query(query)) == "scans, in order of time, until the page is full"
    assert any("INDEX newest" in step for step in explained(catalog, query))


@pytest.mark.parametrize("query", ["metric.age<200", "id:run-000*", "metric.age>=50 metric.age<400 -kind:k3"])
def test_a_look_in_vain_ends(catalog: SqliteCatalog, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where many fit and none of them is new, they are found by an index after some were looked at."""
    monkeypatch.setattr(planning, "FEW", 50)
    looked = 0
    read = sqlite_catalog.effective_card

    def counted(db: Any, number: int) -> Any:
        nonlocal looked
        looked += 1
        return read(db, number)

    monkeypatch.setattr(sqlite_catalog, "effective_card", counted)
    asked = parse_query(query)
    expected = asked.page([run(number) for number in range(RUNS)], None, PAGE)
    assert catalog.rows(asked, None, PAGE) == [row_of(one) for one in expected] != []
    assert looked < RUNS / 3
