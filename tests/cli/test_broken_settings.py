"""A slip of the pen in `runstone.toml`: who needs the file says what is wrong in it, and everybody else works."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from threading import Thread

import pytest
from core.planted import checked

from cli.conftest import Invoke
from runstone import locate
from runstone.adapters.system import SystemHost
from runstone.engine.store import Store
from runstone.testing.ground import code_of

TOKEN = "ghp" + "_" + checked(Random(61))

FILES = {
    "[redaction]\nexcempt = []\n": "redaction has no setting 'excempt'; known are exemptions, pseudonyms, rules",
    "[foo]\n": "the file has no setting 'foo'; known are redaction, retention",
    "foo = 1\n": "the file has no setting 'foo'; known are redaction, retention",
    "[redact]\n": "the file has no setting 'redact'; known are redaction, retention",
    "[[redaction.rules]]\nnope = 1\n": (
        "redaction.rules[0] has no setting 'nope'; known are about, counter, example, id, pattern"
    ),
    "redaction = 1\n": "redaction is a number, not a table",
    f"{TOKEN} = 1\n": "the file has no setting '[REDACTED:github-token]'; known are redaction, retention",
    "[redaction": "Expected ']' at the end of a table declaration (at end of document)",
}
NEED_IT = [
    "annotate r --note text",
    "alias best r",
    "judge r --require check.rows",
    "verify r --secrets",
    "verify ./runs/r --secrets",
    "verify --all --secrets",
    "redact --check .",
    "redact -",
]
OTHERS = {
    "show r": 0,
    "show nope": 3,
    "ls": 0,
    "ls foo": 2,
    "verify r": 0,
    "verify --all": 0,
    "verify nope": 3,
    "find sha256:0": 2,
    "recover": 0,
    "recover nope": 3,
    "get r nope -o out": 3,
    "diff r r": 0,
    "export nope": 3,
    "import nope": 3,
    "--bogus": 2,
}


@pytest.fixture(autouse=True)
def as_a_new_process(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    """No error was met before; a run stands in the store."""
    store.run("k", run_id="r").finish()
    monkeypatch.setattr(locate, "_of_errors", [])


@pytest.mark.parametrize("text", FILES, ids=range(len(FILES)))
@pytest.mark.parametrize("line", NEED_IT)
def test_a_verb_that_needs_the_settings_says_what_is_wrong(invoke: Invoke, line: str, text: str) -> None:
    """The file, the table and the fault, in one line; status 2, and for `--all` as well: no run is at fault."""
    Path("runstone.toml").write_text(text)
    assert invoke(*line.split()) == (2, "", f"runstone: runstone.toml: {FILES[text]}\n")


@pytest.mark.parametrize("text", FILES, ids=range(len(FILES)))
@pytest.mark.parametrize("line", OTHERS)
def test_a_verb_that_needs_no_settings_answers_as_ever(invoke: Invoke, line: str, text: str) -> None:
    """Also with an error of its own, which is told without what the rules of Runstone take for a secret."""
    Path("runstone.toml").write_text(text)
    answer = invoke(*line.split())
    assert (answer.status, "Traceback" in answer.err) == (OTHERS[line], False)


@pytest.mark.parametrize("text", FILES, ids=range(len(FILES)))
def test_a_command_is_not_started(process: Invoke, text: str) -> None:
    """Status 125, in one line."""
    Path("runstone.toml").write_text(text)
    answer = process("run", "--", "echo", "begun")
    assert answer == (125, "", f"runstone run: runstone.toml: {FILES[text]}\n")


@pytest.mark.parametrize("text", [*FILES, "[[retention.holds]]\nquery = 'since:never'\n"], ids=range(len(FILES) + 1))
def test_doctor_tells(invoke: Invoke, text: str) -> None:
    """Which file it is, and what is wrong in it: nothing works that needs it."""
    Path("runstone.toml").write_text(text)
    answer = invoke("doctor", "--json")
    problem = FILES.get(text, "retention.holds[0] has a query that is none")
    assert (answer.status, answer.value["settings_file"]) == (1, "runstone.toml")
    assert [found.startswith(f"runstone.toml: {problem}") for found in answer.value["problems"]] == [True]
    assert "settings runstone.toml\n" in invoke("doctor").out


def test_doctor_tells_of_a_file_that_is_not_there(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is named has to be there; that of the working directory has not."""
    assert invoke("doctor", "--json").value["settings_file"] is None
    monkeypatch.setenv("RUNSTONE_CONFIG", "/nope")
    answer = invoke("doctor", "--json")
    assert (answer.status, answer.value["settings_file"]) == (1, "/nope")
    assert answer.value["problems"] == ["/nope cannot be read: No such file or directory"]


def test_a_program_is_told(store: Store) -> None:
    """`Store.run` raises `invalid_settings`, at each call."""
    Path("runstone.toml").write_text("[foo]\n")
    fresh = locate.open_store(store.url)
    assert [code_of(lambda: fresh.run("k")) for _ in range(2)] == ["invalid_settings"] * 2


def test_the_settings_are_read_once_for_all_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are wrong as well: an error costs no reading."""
    Path("runstone.toml").write_text("[foo]\n")
    counts: Counter[str] = Counter()
    read = SystemHost.settings_file
    monkeypatch.setattr(SystemHost, "settings_file", lambda host: counts.update(["read"]) or read(host))
    assert [locate.hidden(f"a {TOKEN}") for _ in range(3)] == ["a [REDACTED:github-token]"] * 3
    assert counts["read"] == 1


def test_settings_that_another_thread_reads_are_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one thread reads them, an error of another is told by the rules of the file all the same."""
    Path("runstone.toml").write_text(
        "[[redaction.rules]]\nid = 'acme'\nabout = 'a token'\npattern = 'acme_[0-9]{8}'\n"
        "example = 'acme_12345678'\ncounter = 'acme_x'\n"
    )
    read, told = SystemHost.settings_file, []
    other = Thread(target=lambda: told.append(locate.hidden("acme_87654321")))

    def read_while_another_does(host: SystemHost) -> tuple[bytes, str] | None:
        if not other.ident:
            told.append(locate.hidden("of this thread"))
            other.start()
            other.join()
        return read(host)

    monkeypatch.setattr(SystemHost, "settings_file", read_while_another_does)
    assert locate.hidden("acme_12345678") == "[REDACTED:acme]"
    assert told == ["of this thread", "[REDACTED:acme]"]
