"""The second reader and the kernel judge alike: every golden bundle, random bundles, flipped bits, forged events."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.format import independent_reader as reader
from tests.format.damage import adjust
from tests.format.golden_files import GOLDEN, HERE, VECTORS, bundle_of, names, read_files, vector
from tests.format.page import names as quoted
from tests.format.page import tables
from tests.format.strategies import bundles, forged
from tests.format.vectors import journal_of

from runstone.core.runlog import log_pieces
from runstone.engine.verifier import FAULT, verify_bundle
from runstone.locate import contract_of

if TYPE_CHECKING:
    from tests.format.surroundings import Files

ALL = [(group, name) for group in ("good", "damaged") for name in names(group)]
TWO_CODES = {"leading zero", "no digits behind the point"}
"""`01` is no number, or `0` with something behind it."""
FORGED = [
    "everything",
    "interrupted",
    "tool-calls",
    "blocked-decision",
    "redacted",
    "linked",
    "kept-files",
    "big-numbers",
    "annotation",
    "overridden",
    "evaluated",
]


def kernel(files: Files) -> set[tuple[int, str]]:
    """The faults that the kernel finds."""
    report = verify_bundle(bundle_of(files), contract_of)
    return {(finding.step, finding.code) for finding in report.findings if finding.level == FAULT}


def test_reader_imports_the_standard_library_only() -> None:
    """The second reader shares no line with the kernel."""
    tree = ast.parse((HERE / "independent_reader.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    modules = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
    assert modules <= set(sys.stdlib_module_names)


def test_reader_knows_the_events_of_the_page() -> None:
    """Each type of section 3.4 with its required members: what the page refuses, the second reader refuses."""
    page: dict[str, list[str]] = {}
    kind = ""
    for first, member, _, _ in tables("3.4 Events")[0]:
        kind = quoted(first)[0] if first else kind
        page.setdefault(kind, []).extend(quoted(member)[:1])
    known = {kind: [word.partition(":")[0] for word in members.split()] for kind, members in reader.EVENTS.items()}
    assert {**known, "log": [], "output": []} == page


ANNOTATED = [("name", 1), ("by", None), ("override", None), ("override", {}), ("override", {"outcome": "allow"})]


@pytest.mark.parametrize(("member", "value"), ANNOTATED, ids=str)
def test_optional_members_of_an_annotation_are_judged_alike(member: str, value: object) -> None:
    """An annotation whose name, author or override is none is refused by both."""
    files = read_files("good", "overridden")
    events, _ = reader.read_journal(files["events.jsonl"])
    assert events[1]["type"] == "annotation"
    events[1]["data"][member] = value
    files["events.jsonl"] = b"".join(reader.spelled(event) + b"\n" for event in events)
    bundle = sealed_again(files)
    assert reader.verify(bundle) == kernel(bundle) == {(4, "invalid_event")}


@pytest.mark.parametrize(("group", "name"), ALL, ids=lambda value: str(value))
def test_golden_bundle_is_judged_alike(group: str, name: str) -> None:
    """Both find the same faults at the same steps in a golden bundle, or none."""
    files = read_files(group, name)
    faults = kernel(files)
    assert reader.verify(files) == faults
    assert bool(faults) == (group == "damaged")


@given(bundles())
def test_random_bundle_is_good_to_both(files: Files) -> None:
    """Whatever a run records, its bundle is good to both; free evidence may lead nowhere, to both."""
    faults = kernel(files)
    assert reader.verify(files) == faults
    assert faults <= {(9, "evidence_unresolved")}
    assert_logs_agree(files)


@pytest.mark.parametrize("name", names("good"))
def test_log_is_folded_alike(name: str) -> None:
    """Both fold the same `run.log` from a golden bundle, which does not hold it."""
    assert_logs_agree(read_files("good", name))


def assert_logs_agree(files: Files) -> None:
    """`run.log` is derived, so no digest of the bundle binds it."""
    events, _ = reader.read_journal(files["events.jsonl"])
    assert reader.Run(events).log() == b"".join(log_pieces(journal_of(files["events.jsonl"])))


@given(st.sampled_from(ALL), st.data())
def test_flipped_bit_is_found_by_both(which: tuple[str, str], data: st.DataObject) -> None:
    """One changed bit anywhere in a golden bundle is a fault to both."""
    files = read_files(*which)
    path = data.draw(st.sampled_from(sorted(path for path, body in files.items() if body)))
    at = data.draw(st.integers(0, len(files[path]) - 1))
    body = bytearray(files[path])
    body[at] ^= 1 << data.draw(st.integers(0, 7))
    files[path] = bytes(body)
    assert kernel(files)
    assert reader.verify(files)


@given(st.sampled_from(FORGED), st.data())
def test_forged_event_is_judged_alike(name: str, data: st.DataObject) -> None:
    """An event in which something was changed, in a bundle that was made anew around it: both find the same."""
    files = read_files("good", name)
    events, _ = reader.read_journal(files["events.jsonl"])
    at = data.draw(st.integers(0, len(events) - 1))
    events[at] = data.draw(forged(events[at]))
    files["events.jsonl"] = b"".join(reader.spelled(event) + b"\n" for event in events)
    bundle = sealed_again(files)
    assert reader.verify(bundle) == kernel(bundle)


def sealed_again(files: Files) -> Files:
    """The bundle of a changed journal; where it has faults, the old documents in a manifest that agrees with them."""
    events, faults = reader.read_journal(files["events.jsonl"])
    if faults:
        adjust(files)
        return files
    run = reader.Run(events)
    known = (run.opened["contract"]["name"], run.opened["contract"]["version"]) == ("runstone", "1")
    kept = {path: body for path, body in files.items() if path in run.held}
    made = {**kept, **(run.documents() if known else {}), "events.jsonl": files["events.jsonl"]}
    return {**made, "manifest.json": reader.spelled(run.manifest(made))}


@pytest.mark.parametrize("path", sorted((VECTORS / "outcome").glob("*.json")), ids=lambda path: path.stem)
def test_outcome_vector(path) -> None:
    """The second reader computes the outcome object and digest of a golden journal."""
    row = vector(f"outcome/{path.name}")
    events, faults = reader.read_journal("".join(line + "\n" for line in row["journal"]).encode())
    assert faults == set()
    outcome = reader.Run(events).outcome()
    assert outcome == row["outcome"]
    assert "sha256:" + reader.sha256(reader.spelled(outcome)) == row["outcome_digest"]


@pytest.mark.parametrize("row", vector("canonical.json")["refused"], ids=lambda row: row["name"])
def test_refused_json_vector(row: dict[str, str]) -> None:
    """The second reader refuses what is not canonical, with the same code where only one fits."""
    with pytest.raises(reader.RefusedError) as refusal:
        reader.parse_canonical(bytes.fromhex(row["hex"]), 1 << 20)
    assert row["name"] in TWO_CODES or refusal.value.args == (row["code"],)


@pytest.mark.parametrize("row", vector("canonical.json")["accepted"], ids=lambda row: row["name"])
def test_accepted_json_vector(row: dict[str, str]) -> None:
    """The second reader accepts what is canonical."""
    data = bytes.fromhex(row["hex"])
    assert reader.spelled(reader.parse_canonical(data, 1 << 20)) == data


def test_merkle_vectors() -> None:
    """The second reader computes the same roots."""
    rows = vector("merkle.json")
    roots = [reader.merkle([bytes.fromhex(leaf) for leaf in row["leaves_hex"]]).hex() for row in rows]
    assert roots == [row["root"] for row in rows]


@pytest.mark.parametrize(("name", "status"), [("good/everything", 0), ("damaged/wrong-root", 1)])
def test_reader_is_a_command(name: str, status: int) -> None:
    """The file is a program of its own."""
    command = [sys.executable, "-I", "-S", str(HERE / "independent_reader.py"), str(GOLDEN / name)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == status
