"""The format page says what the program does: every table and every example is computed again."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.format.golden_files import expected_faults, names, read_files, vector
from tests.format.page import PAGE, examples, sections, tables
from tests.format.page import names as quoted
from tests.format.vectors import journal_of

from runstone.contracts.runstone.document import CONTRACT, PROFILE
from runstone.core import ids, layout, limits, manifest, media, outcome, parsing, printing, words
from runstone.core.canonical import canonical_bytes
from runstone.core.events import FIELDS
from runstone.core.journal import marks_fit
from runstone.core.merkle import MerkleTree
from runstone.core.runlog import log_pieces
from runstone.engine import verifier
from runstone.testing.purging import tombstone

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PARSING_CODES = "codes of 2.1"
ANY_STEP = "any"
READING_CODES = {"store_unavailable", "invalid_archive", "changed_while_read"}
"""With which a bundle's bytes are refused, whatever they say: at whatever step reads them."""


def everything() -> Any:
    """The journal of the golden bundle with every event type."""
    return journal_of(read_files("good", "everything")["events.jsonl"])


def golden_events() -> list[dict[str, Any]]:
    """The events of all good golden bundles."""
    journals = [journal_of(read_files("good", name)["events.jsonl"]) for name in names("good")]
    return [event for journal in journals for event in journal.events()]


# 2 values


def test_numbers_print_as_the_page_says() -> None:
    """Each number of section 2.1 has its canonical text."""
    rows = tables("2.1 Canonical JSON")[1]
    assert [canonical_bytes(float(number)).decode() for number, _ in rows] == [quoted(text)[0] for _, text in rows]


def test_number_forms_are_told_apart_by_digits_and_exponent() -> None:
    """The five forms of section 2.1, written as a program here, print a wide sample as the kernel does."""
    for power in range(-12, 24):
        for digits in ("1", "12", "123456789", "12345678901234567"):
            value = float(f"0.{digits}e{power}")
            assert _form(*_shortest(value)) == canonical_bytes(value).decode()


def _shortest(value: float) -> tuple[str, int]:
    mantissa, exponent = f"{value:.16e}".split("e")
    for size in range(17):
        mantissa, exponent = f"{value:.{size}e}".split("e")
        if float(f"{mantissa}e{exponent}") == value:
            break
    return mantissa.replace(".", "").rstrip("0"), int(exponent) + 1


def _form(digits: str, n: int) -> str:
    k = len(digits)
    if k <= n <= 21:
        return digits + "0" * (n - k)
    if 0 < n <= 21:
        return f"{digits[:n]}.{digits[n:]}"
    if -6 < n <= 0:
        return "0." + "0" * -n + digits
    return digits[0] + ("." + digits[1:] if k > 1 else "") + "e" + ("+" if n > 0 else "-") + str(abs(n - 1))


def test_codes_of_refusals() -> None:
    """The codes of section 2.1 are those with which the vectors are refused, and those that the parser can give."""
    codes = {quoted(row[0])[0] for row in tables("2.1 Canonical JSON")[2]}
    assert codes == {row["code"] for row in vector("canonical.json")["refused"]} | {"too_large"}
    assert codes == _raised(parsing)


def _raised(*sources: Any) -> set[str]:
    """Codes that stand as text in calls of `error(…)` and `_fault(…)`."""
    calls = [node for source in sources for node in ast.walk(_tree(source)) if isinstance(node, ast.Call)]
    raising = [call for call in calls if _called(call) in ("error", "_fault") and call.args]
    return {str(call.args[0].value) for call in raising if isinstance(call.args[0], ast.Constant)}


def _tree(source: Any) -> ast.Module:
    return ast.parse(inspect.cleandoc("\n" + inspect.getsource(source)))


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def test_print_profiles() -> None:
    """The table of section 2.4 names the profiles, their order of keys, layout, numbers and text."""
    numbers = {
        printing.number_text: "canonical",
        printing.python_float: "Python",
        printing.plain_float: "plain",
    }
    shown = []
    for profile in printing.PROFILES.values():
        keys = "as given" if profile.sort is None else "code points"
        form = "compact" if not profile.indent else f"indent 2, {'LF' if profile.end else 'nothing'} at the end"
        text = "ASCII" if profile.quote("é") == '"\\u00e9"' else "canonical"
        shown.append([profile.name, keys, form, numbers[profile.number], text])
    shown[0][1] = "UTF-16 code units"
    assert [[quoted(row[0])[0], *row[1:5]] for row in tables("2.4 Print profiles")[0]] == shown


@pytest.mark.parametrize(("column", "profile"), [(1, "jcs"), (2, "py-compact-utf8"), (3, "compact-utf8")])
def test_numbers_of_profiles(column: int, profile: str) -> None:
    """Each number of section 2.4 prints as its column says."""
    for row in tables("2.4 Print profiles")[1]:
        token, is_integer = re.fullmatch(r"(\S+)( \(integer\))?", row[0]).groups()
        value = int(token) if is_integer else float(token)
        assert printing.print_json(value, profile).decode() == quoted(row[column])[0]


# 3 journal

WORDS: dict[str, Callable[[Any], bool]] = {
    "any": lambda _: True,
    "text": lambda value: isinstance(value, str),
    "texts": lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    "list": lambda value: isinstance(value, list),
    "objects": lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
    "object": lambda value: isinstance(value, dict),
    "boolean": lambda value: value is True or value is False,
    "integer": lambda value: type(value) is int,
    "count": lambda value: type(value) is int and value >= 0,
    "number": lambda value: type(value) in (int, float) or value in ("NaN", "Infinity", "-Infinity"),
    "numbers": lambda value: isinstance(value, dict) and all(map(WORDS["number"], value.values())),
    "sha256": lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None,
    "run id": lambda value: isinstance(value, str) and re.fullmatch("[A-Za-z0-9]+", value) is not None,
    "named version": lambda value: isinstance(value, dict) and {"name", "version"} <= value.keys(),
    "ruleset": lambda value: isinstance(value, dict) and {"name", "sha256"} <= value.keys(),
    "git": lambda value: isinstance(value, dict) and not isinstance(value.get("sha"), int),
    "labels": lambda value: isinstance(value, dict) and all(isinstance(item, str) for item in value.values()),
    "changed labels": lambda value: (
        isinstance(value, dict) and all(item is None or isinstance(item, str) for item in value.values())
    ),
    "flags": lambda value: isinstance(value, dict) and all(map(WORDS["boolean"], value.values())),
    "links": lambda value: isinstance(value, list) and all(isinstance(item, dict) and "rel" in item for item in value),
    "check status": lambda value: value in ("pass", "fail", "skip"),
    "final status": lambda value: value in ("success", "partial", "failed", "blocked", "cancelled", "interrupted"),
    "child status": lambda value: value == "running" or WORDS["final status"](value),
}
"""What each word of section 3.3 means for the values below."""

LINK = {"rel": "amends", "run_id": "a", "digest": None}
PROBES: list[Any] = [
    *(None, True, False, 0, -1, 7, 1.5, 1e21, "", "a", "NaN", "success", "pass", "running", "a" * 64, "A" * 63 + "!"),
    *([], ["a"], [1], [{}], [["a"]], [LINK], {}, {"a": "b"}, {"a": 1}, {"a": "NaN"}, {"sha": None}, {"sha": 1}),
    *({"name": "n", "version": "v"}, {"name": "n", "sha256": "a" * 64}, {"a": None}, {"a": True}),
]


def _fields() -> dict[str, dict[str, str]]:
    """The table of events: type → member → word."""
    found: dict[str, dict[str, str]] = {}
    kind = ""
    for first, member, word, _ in tables("3.4 Events")[0]:
        kind = quoted(first)[0] if first else kind
        found.setdefault(kind, {})
        if member:
            found[kind][quoted(member)[0]] = word
    found["output"] = found["input"]
    return found


def test_events_have_the_members_of_the_page() -> None:
    """The table of events and the program know the same types, each with the same required members."""
    assert {kind: list(members) for kind, members in _fields().items()} == {
        kind: list(members) for kind, members in FIELDS.items()
    }


@pytest.mark.parametrize(
    ("kind", "member", "word"),
    [(kind, member, word) for kind, members in _fields().items() for member, word in members.items()],
)
def test_members_take_the_values_of_the_page(kind: str, member: str, word: str) -> None:
    """A member accepts exactly the values that its word allows."""
    plain = word.removesuffix("?")
    expected = [value is None if value is None and word != plain else WORDS[plain](value) for value in PROBES]
    assert [bool(FIELDS[kind][member](value)) for value in PROBES] == expected


def test_words_are_explained() -> None:
    """Section 3.3 explains exactly the words that the table of events uses."""
    explained = [row[0] for row in tables("3.3 Types of values")[0]]
    used = {word.removesuffix("?") for members in _fields().values() for word in members.values()}
    assert set(explained) == used | {"number"} == set(WORDS)


def test_statuses_and_relations() -> None:
    """The page names the statuses and relations that the program knows, and no other."""
    meaning = {word: quoted(value) for word, value in tables("3.3 Types of values")[0]}
    assert set(meaning["final status"]) == set(words.FINAL_STATUSES)
    assert set(meaning["check status"]) == set(words.CHECK_STATUSES)
    relations = re.search(r"`rel` is one of (.+?);", sections()["4.1 Links"]).group(1)
    assert quoted(relations) == list(words.LINK_RELATIONS)


def test_marks() -> None:
    """Each mark of section 3.2 is accepted, and the golden bundles have no other."""
    marks = [quoted(row[0])[0] for row in tables("3.2 Marks")[0]]
    assert all(marks_fit([["/a", mark.replace("RULE", "some-rule")]]) for mark in marks)
    assert not marks_fit([["/a", "improved"]])
    events = golden_events()
    used = {mark.partition(":")[0] for event in events for _, mark in event.get("marks", [])}
    assert used <= {mark.partition(":")[0] for mark in marks}


def test_optional_members_are_recorded_somewhere() -> None:
    """Every optional member of the page stands in a golden bundle."""
    events = golden_events()
    for kinds, member, _, _ in tables("3.4 Events")[1]:
        assert any(event["type"] in quoted(kinds) and quoted(member)[0] in event["data"] for event in events)


# 4 manifest, 5 outcome digest


def test_manifest_has_the_members_of_the_page() -> None:
    """Section 4 names exactly the manifest's members."""
    members = [name for row in tables("4 Manifest")[0] for name in quoted(row[0])]
    assert sorted(members) == sorted(json.loads(read_files("good", "minimal")["manifest.json"]))


def test_entries_have_the_members_of_the_page() -> None:
    """Section 4 names exactly the members of an entry of `files`."""
    sentence = re.search(r"An entry of `files` has exactly (.+)\.", sections()["4 Manifest"]).group(1)
    entry = json.loads(read_files("good", "minimal")["manifest.json"])["files"][0]
    assert sorted(quoted(sentence)) == sorted(entry)


def test_merkle_roots_of_the_page() -> None:
    """The roots of section 4.2."""
    for leaves, root in tables("4.2 Merkle root")[0]:
        tree = MerkleTree()
        for leaf in quoted(leaves):
            tree.extend([leaf.encode()])
        assert tree.root() == quoted(root)[0]


def test_outcome_has_the_members_of_the_page() -> None:
    """Section 5 names exactly the members of the outcome object, and of its decision."""
    rows = tables("5 Outcome digest")[0]
    value = outcome.outcome(everything())
    assert sorted(name for row in rows for name in quoted(row[0])) == sorted(value)
    decision = next(row[1] for row in rows if row[0] == "`decision`")
    assert quoted(decision) == list(value["decision"])


def test_outcome_example() -> None:
    """The object and digest of section 5 are those of the vector."""
    row = vector("outcome/01-nothing-happened.json")
    shown = examples()
    assert shown["outcome=01-nothing-happened"] == canonical_bytes(row["outcome"]).decode() + "\n"
    assert shown["outcome-digest=01-nothing-happened"] == row["outcome_digest"] + "\n"


# 6 names and limits, 7 places


def test_run_id_pattern() -> None:
    """The pattern of section 6.1 and the program accept the same texts, device names set aside."""
    pattern = quoted(sections()["6.1 Run ids"])[0]
    probes = ["a", "A1", "a.b", "a-", "a_", "a.", "-a", ".a", "_a", "", "a b", "é", "a" * 128, "a" * 129, "a\n", "a/b"]
    assert [bool(re.fullmatch(pattern, text)) for text in probes] == [ids.is_run_id(text) for text in probes]


def test_device_names() -> None:
    """Section 6.1 names the device names."""
    text = sections()["6.1 Run ids"]
    *plain, first, second, numbers = quoted(text[text.index("Device names:") :])
    assert {*plain, *(prefix + number for prefix in (first, second) for number in numbers)} == ids.DEVICE_NAMES


def test_paths_of_the_page() -> None:
    """A path of section 6.2 has a problem if the page says so."""
    for path, problem in tables("6.2 Paths")[0]:
        assert (layout.path_problem(quoted(path)[0]) is None) == (problem == "none")


def test_limits() -> None:
    """The table of section 6.3 and the module of limits hold the same names and figures."""
    rows = {quoted(row[0])[0]: int(row[1]) for row in tables("6.3 Limits")[0]}
    assert rows == {name: value for name, value in vars(limits).items() if name.isupper()}


def test_tombstones() -> None:
    """Section 7.1 has the members of a tombstone."""
    documented = {name for row in tables("7.1 Tombstones")[0] for name in quoted(row[0])}
    assert documented == set(json.loads(tombstone("run").data()))


def test_places() -> None:
    """Section 7 names the places of a store as the program does."""
    places = [quoted(row[0])[0] for row in tables("7 Places")[0]]
    made = [
        layout.GIT_ATTRIBUTES,
        layout.STORE_FILE,
        layout.PSEUDONYM_KEY,
        layout.OPEN,
        layout.LEASES,
        layout.CHILDREN,
        layout.CLAIMS,
        layout.PUBLISHED,
        layout.TEMPORARY,
        layout.TOMBSTONES,
        layout.UNKEPT,
    ]
    assert [re.sub(r"/?(<.*)?$", "", place) for place in places] == made
    store_file = quoted(tables("7 Places")[0][1][1])[0]
    assert json.loads(store_file) == {"format": layout.STORE_FORMAT}


# 8 verification


def test_steps() -> None:
    """The page numbers the steps as the program does."""
    assert [row[0] for row in tables("8 Verification")[0]] == [str(step) for step in range(len(verifier.STEPS))]


def test_codes_of_findings() -> None:
    """The table of findings holds exactly the codes that verification can give, at their steps."""
    page: set[tuple[int, str]] = set()
    for step, code, _ in tables("8 Verification")[1]:
        if step == ANY_STEP:
            assert set(quoted(code)) <= READING_CODES
            continue
        known = _raised(parsing) if PARSING_CODES in code else quoted(code)
        page |= {(int(step), name) for name in known}
    refusals = {(step, code) for step in (1, 3) for code in _raised(parsing)}
    refusals |= {(1, code) for code in _raised(manifest.parse_manifest)} | {(4, "invalid_event")}
    refusals |= {(0, code) for code in _raised(layout._collision)}
    assert page == _given_codes() | refusals


REPORTING = ("fault", "note", "report", "compare", "bad_line", "Finding")
"""What the verifier calls to report a finding: step and code come first."""


def _given_codes() -> set[tuple[int, str]]:
    """(step, code) of the verifier's own findings, read from its source; a code may be chosen by an `if` before."""
    found = set()
    for function in (node for node in ast.walk(_tree(verifier)) if isinstance(node, ast.FunctionDef)):
        choices = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
        chosen = {ast.unparse(node.targets[0]): node.value for node in choices if isinstance(node.value, ast.IfExp)}
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            if _called(call) in REPORTING and isinstance(call.args[0], ast.Constant):
                choice = chosen.get(ast.unparse(call.args[1]))
                branches = [choice.body, choice.orelse] if isinstance(choice, ast.IfExp) else [call.args[1]]
                found |= {(call.args[0].value, node.value) for node in branches if isinstance(node, ast.Constant)}
    return found


def test_golden_faults_are_on_the_page() -> None:
    """Every fault that a golden bundle must give is in the table of findings, and each of its codes but those that
    only a file system or a store can show has a golden bundle."""
    table = [row for row in tables("8 Verification")[1] if row[0] != ANY_STEP]
    rows = {(int(step), name) for step, code, _ in table for name in quoted(code)}
    golden = {fault for faults in expected_faults().values() for fault in faults}
    parsed = {(step, code) for step in (1, 3) for code in _raised(parsing)}
    assert golden <= rows | parsed
    at_test_time = {"not_a_file", "invalid_path", "path_collision", "too_large", "wrong_name", "digest_mismatch"}
    at_test_time |= {"repairable", "wrong_copy"}
    asked_for = {"secret_found"}  # and no fault of the proof
    assert {code for _, code in rows - golden} <= at_test_time | {"changed_while_read", "missing_file"} | asked_for


# A contract runstone/1, B media types


def test_documents() -> None:
    """Appendix A names exactly the documents of the contract; the golden bundle with all events has all of them."""
    rows = tables("A.1 Documents")[0]
    documents = {document.path: document.standing for document in CONTRACT.documents(everything())}
    assert {quoted(row[0])[0]: "derived" if row[2].startswith("derived") else "sealed" for row in rows} == documents
    assert f"profile `{PROFILE}`" in sections()["A Contract `runstone/1`"]


def test_members_of_run_json() -> None:
    """Appendix A.2 names exactly the members of `run.json`."""
    members = [name for row in tables("A.2 `run.json`")[0] for name in quoted(row[0])]
    assert sorted(members) == sorted(json.loads(read_files("good", "everything")["run.json"]))


def test_media_types() -> None:
    """Appendix B and the program have the same table."""
    assert {quoted(row[0])[0]: quoted(row[1])[0] for row in tables("B Media types")[0]} == media.TYPES


# D a whole bundle


@pytest.mark.parametrize("path", ["events.jsonl", "run.json", "manifest.json"])
def test_files_of_the_example(path: str) -> None:
    """The files of the example are those of the golden bundle, byte for byte."""
    stored = read_files("good", "minimal")[path].decode()
    assert examples()[f"file=minimal/{path}"] == (stored if stored.endswith("\n") else stored + "\n")


def test_digests_of_the_example() -> None:
    """The digests on the way to the example's manifest, computed from the page's own bytes."""
    shown = examples()
    journal, document = shown["file=minimal/events.jsonl"].encode(), shown["file=minimal/run.json"].encode()
    leaves = [hashlib.sha256(b"\x00" + line).digest() for line in journal.splitlines()]
    whole = [hashlib.sha256(data).hexdigest() for data in (b"\x01" + b"".join(leaves), journal, document)]
    assert shown["digests=minimal"].splitlines() == [*(leaf.hex() for leaf in leaves), *whole]
    seal = shown["file=minimal/manifest.json"].rstrip("\n").encode()
    assert shown["run-digest=minimal"] == f"sha256:{hashlib.sha256(seal).hexdigest()}\n"
    assert all(digest in seal.decode() for digest in whole)


def test_log_of_the_example() -> None:
    """The example's log events fold into the bytes that the page shows."""
    shown = examples()
    journal = read_files("good", "latin1-output")["events.jsonl"]
    assert shown["lines=latin1-output/2-7"] == b"".join(journal.splitlines(keepends=True)[1:7]).decode()
    lines = b"".join(log_pieces(journal_of(journal))).splitlines(keepends=True)
    assert shown["run-log=latin1-output"].splitlines() == [line.hex() for line in lines]


def test_links_of_the_page_lead_somewhere() -> None:
    """Every link inside the page names a heading of it."""
    text = PAGE.read_text(encoding="utf-8")
    targets = set(re.findall(r"\]\(#([^)]+)\)", text))
    kept = re.compile(r"[^\w\- ]")
    headings = {kept.sub("", heading.lower()).replace(" ", "-") for heading in sections()}
    assert targets <= headings
