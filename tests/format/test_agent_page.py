"""The page of contract `agent/1` says what the program does: its tables are computed again."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.format import independent_agent
from tests.format.golden_files import GOLDEN, read_files
from tests.format.golden_files import names as every
from tests.format.page import PAGE, names, tables
from tests.format.vectors import journal_of

from runstone.contracts.agent.document import CONTRACT, PROFILE
from runstone.contracts.agent.schemas import SCHEMAS
from runstone.core.calls import MAX_AMOUNT_CHARACTERS, parse_amount, total_cost
from runstone.core.contract import DERIVED
from runstone.core.words import SIDE_EFFECTS

AGENT = PAGE.with_name("agent-1.md")
GOLDENS = sorted(path.name for path in (GOLDEN / "good").glob("agent*"))


def document(path: str) -> dict[str, Any]:
    """A document of the golden run that has all."""
    return json.loads(read_files("good", "agent")[path])


def test_files_are_those_of_the_page() -> None:
    """Section 1 names each file with its schema, and which is derived."""
    rows = tables("1 Files", AGENT)[0]
    shown = {names(path)[0]: (names(schema) or [None])[0] for path, _, _, schema in rows}
    assert {path: schema for path, schema in shown.items() if schema} == dict(SCHEMAS)
    journal = journal_of(read_files("good", "agent")["events.jsonl"])
    folded = {found.path: found.standing for found in CONTRACT.documents(journal)}
    assert {*folded, "events.jsonl"} == set(shown)
    assert [path for path, standing in folded.items() if standing == DERIVED] == ["run.log"]
    assert f"profile `{PROFILE}`" in AGENT.read_text()


@pytest.mark.parametrize("name", GOLDENS)
def test_documents_are_there_if_the_page_says_so(name: str) -> None:
    """A document stands in a golden bundle if and only if the event that the page names is in its journal."""
    files = read_files("good", name)
    kinds = {json.loads(line)["type"] for line in files["events.jsonl"].splitlines()}
    for path, condition, *_ in tables("1 Files", AGENT)[0]:
        needed = set(names(condition))
        if names(path)[0] != "run.log":
            assert (names(path)[0] in files) == (condition == "always" or bool(needed & kinds))


@pytest.mark.parametrize(
    ("heading", "value"),
    [
        ("2 `run.json`", document("run.json")),
        ("2.1 Counts", document("run.json")["counts"]),
        ("3 `config.snapshot.json`", document("config.snapshot.json")),
        ("4 `tool_calls.json`", document("tool_calls.json")),
        ("5 `evidence.json`", document("evidence.json")),
        ("6 `eval/scorecard.json`", document("eval/scorecard.json")),
        ("7 `eval/gate.json`", document("eval/gate.json")),
    ],
)
def test_members_are_those_of_the_page(heading: str, value: dict[str, Any]) -> None:
    """Each section names exactly the members of its document."""
    assert sorted(name for row in tables(heading, AGENT)[0] for name in names(row[0])) == sorted(value)


@pytest.mark.parametrize(("kind", "member"), [("tools", "calls"), ("models", "model_calls")])
def test_members_of_a_call_are_those_of_the_page(kind: str, member: str) -> None:
    """Section 4.1 names exactly the members of calls of either kind."""
    found: dict[str, list[str]] = {"both": [], "tools": [], "models": []}
    of = ""
    for first, member_names, _ in tables("4.1 Calls", AGENT)[0]:
        of = first or of
        found[of] += names(member_names)
    for call in document("tool_calls.json")[member]:
        assert sorted(found["both"] + found[kind]) == sorted(call)


def test_sums_of_the_page() -> None:
    """Each row of section 2.2, computed."""
    for amounts, total in tables("2.2 Sums", AGENT)[0]:
        costs = [{"amount": text, "currency": "EUR"} for text in names(amounts) if parse_amount(text) is not None]
        assert total_cost(costs) == {"EUR": names(total)[0]}
    assert f"at most {MAX_AMOUNT_CHARACTERS} characters" in AGENT.read_text()


def test_side_effects_of_the_page() -> None:
    """Section 4.1 names the classes that are known."""
    (row,) = [row for row in tables("4.1 Calls", AGENT)[0] if "`side_effect`" in row[1]]
    assert tuple(names(row[2])) == SIDE_EFFECTS


def test_links_to_the_format_lead_somewhere() -> None:
    """Each section of the format that the page points at is there."""
    from tests.docs.pages import anchors, links

    found = {link for link in links(AGENT.read_text()) if "#" in link}
    for page, anchor in (link.split("#") for link in found):
        assert anchor in anchors((AGENT.parent / Path(page or AGENT.name)).read_text())


# the second fold


def test_second_fold_imports_the_standard_library_only() -> None:
    """It shares no line with the kernel: the page alone is enough."""
    tree = ast.parse(Path(independent_agent.__file__).read_text())
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {alias.name for node in imported if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module) for node in imported if isinstance(node, ast.ImportFrom)}
    assert modules <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("name", GOLDENS)
def test_goldens_are_folded_alike(name: str) -> None:
    """A program that was written from the page makes every document of a golden bundle, byte for byte."""
    files = read_files("good", name)
    events = [json.loads(line) for line in files["events.jsonl"].splitlines()]
    made = {
        path: independent_agent.printed(value) for path, value in independent_agent.Agent(events).documents().items()
    }
    assert made == {path: body for path, body in files.items() if path not in ("manifest.json", "events.jsonl")}


@pytest.mark.parametrize("name", [name for name in every("good") if name not in GOLDENS])
def test_runs_of_other_contracts_are_folded_alike(name: str) -> None:
    """Both folds make the same values of the journals of all other golden bundles, whatever they tell."""
    data = read_files("good", name)["events.jsonl"]
    events = [json.loads(line) for line in data.splitlines()]
    folded = {
        found.path: json.loads(b"".join(found.pieces()))
        for found in CONTRACT.documents(journal_of(data))
        if found.standing != DERIVED
    }
    made = independent_agent.Agent(events).documents()
    for documents in (made, folded):
        if documents["run.json"]["config"]:
            documents["run.json"]["config"]["sha256"] = "of numbers that Python spells in another way"
    assert made == folded
