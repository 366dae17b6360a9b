"""`runstone.toml` beside a run: what it says holds for every door, and a file that is wrong stops the run."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from random import Random

import pytest
from core.planted import checked, drawn

import runstone
from runstone.adapters.fs.journals import FsJournals
from runstone.adapters.fs.places import Places
from runstone.errors import RunstoneError
from runstone.testing.ground import code_of

from .scenes import of_type

TOKEN = "acme_" + drawn(Random(1), "0123456789abcdef", 32)
GITHUB = "ghp_" + checked(Random(2))
RULE = """
[[redaction.rules]]
id = "acme-token"
about = "token of the deploy robot"
pattern = 'acme_[0-9a-f]{32}'
example = "acme_00112233445566778899aabbccddeeff"
counter = "acme_deploy"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_rule_holds_at_every_door(here: Path) -> None:
    """Log, label, configuration, stream, a kept file; the first line says which rules were in force."""
    (here / "runstone.toml").write_text(RULE)
    (here / "a.txt").write_text(f"x {TOKEN}\n")
    store = runstone.open("runs")
    with store.run("k", run_id="a", labels={"l": TOKEN}, config={"c": TOKEN}) as run:
        run.log(TOKEN)
        run.stream("stdout", TOKEN.encode())
        run.output("file", "a.txt", keep=True)
    assert [path for path in here.glob("runs/**/*") if path.is_file() and TOKEN.encode() in path.read_bytes()] == []
    opened = store.get("a").opened["data"]
    assert opened["ruleset"]["name"] == "runstone+local"
    assert opened["labels"] == {"l": "[REDACTED:acme-token]"}
    assert of_type(store, "a", "output")[0]["problem"] == "not_kept:redacted:acme-token"
    assert store.verify("a")


def test_a_file_that_is_wrong_stops_the_run(here: Path) -> None:
    """A tolerant run as well: nothing is recorded under rules that are not the ones meant."""
    (here / "runstone.toml").write_text(RULE.replace("acme_deploy", TOKEN))
    store = runstone.open("runs")
    assert code_of(lambda: store.run("k")) == "invalid_settings"
    assert not (here / "runs").exists()


def test_a_file_elsewhere_is_named_by_the_environment(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`RUNSTONE_CONFIG` wins over the working directory; one that is not there is an error."""
    (here / "runstone.toml").write_text("not toml")
    (here / "other.toml").write_text(RULE)
    monkeypatch.setenv("RUNSTONE_CONFIG", str(here / "other.toml"))
    store = runstone.open("runs")
    with store.run("k", run_id="a") as run:
        run.log(TOKEN)
    assert of_type(store, "a", "log")[0]["text"] == "[REDACTED:acme-token]"
    monkeypatch.setenv("RUNSTONE_CONFIG", "missing.toml")
    assert code_of(lambda: runstone.open("runs").run("k")) == "invalid_settings"


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: path.write_bytes(b"#" * (1 << 20) + b"#")])
def test_what_is_no_settings_file_is_an_error(here: Path, make: object) -> None:
    """A folder of that name; one of more than a megabyte."""
    assert callable(make)
    make(here / "runstone.toml")
    assert code_of(lambda: runstone.open("runs").run("k")) == "invalid_settings"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.mkdir(), "runstone.toml is a folder, not a file of settings"),
        (lambda path: os.mkfifo(path), "runstone.toml is a pipe, not a file of settings"),
        (lambda path: path.symlink_to(path), "runstone.toml cannot be read: Too many levels of symbolic links"),
        (lambda path: path.touch(), None),
    ],
)
def test_what_stands_in_the_place_of_the_settings_is_named(here: Path, make: object, said: str | None) -> None:
    """Nobody may take a pipe, which holds nothing yet, for a file without settings."""
    assert callable(make)
    make(here / "runstone.toml")
    if said is None:
        runstone.open("runs").run("k").finish()
        return
    with pytest.raises(RunstoneError) as caught:
        runstone.open("runs").run("k")
    assert (caught.value.code, caught.value.message) == ("invalid_settings", said)


# pseudonyms


def test_equal_values_compare_equal_within_a_store(here: Path) -> None:
    """Across its runs and processes; in another store the same value has another pseudonym."""
    (here / "runstone.toml").write_text("[redaction]\npseudonyms = true\n")
    said = []
    for place, name in (("runs", "a"), ("runs", "b"), ("other", "a")):
        store = runstone.open(place)
        with store.run("k", run_id=name) as run:
            run.log(GITHUB)
        said.append(of_type(store, name, "log")[0]["text"])
        assert store.verify(name)
    assert said[0] == said[1] != said[2]
    assert said[0].startswith("[REDACTED:github-token:")
    key = here / "runs" / ".runstone" / "pseudonym.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.stat().st_size == 32


def test_the_first_key_stays(here: Path) -> None:
    """Whoever comes second gets it; what is no key is refused, and the runs have plain marks."""
    journals = FsJournals(Places("runs"))
    first, second = os.urandom(32), os.urandom(32)
    assert journals.pseudonym_key(first) == first
    assert FsJournals(Places("runs")).pseudonym_key(second) == first
    assert os.listdir("runs/.runstone/tmp") == []
    Path("runs/.runstone/pseudonym.key").write_bytes(b"short")
    assert code_of(lambda: journals.pseudonym_key(second)) == "store_unavailable"
    (here / "runstone.toml").write_text("[redaction]\npseudonyms = true\n")
    store = runstone.open("runs")
    with store.run("k", run_id="a") as run:
        run.log(GITHUB)
    assert of_type(store, "a", "log")[0]["text"] == "[REDACTED:github-token]"


def test_a_key_that_another_process_makes_meanwhile_is_taken(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the making."""
    journals = FsJournals(Places("runs"))
    first = journals.pseudonym_key(b"1" * 32)
    monkeypatch.setattr(os.path, "lexists", lambda _: False)
    assert journals.pseudonym_key(b"2" * 32) == first
    assert os.listdir("runs/.runstone/tmp") == []


def test_stores_in_memory_have_a_key_of_their_own() -> None:
    """As long as the store lives."""
    journals = runstone.open("memory:").journals
    assert journals.pseudonym_key(b"1" * 32) == journals.pseudonym_key(b"2" * 32) == b"1" * 32
    assert runstone.open("memory:").journals.pseudonym_key(b"3" * 32) == b"3" * 32
