"""Proving at once: a small bundle is called good by rebuilding it exactly where the steps call it good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.format.golden_files import GOLDEN, names, read_files

import runstone
from runstone.adapters.memory.adapter import MemoryBundle
from runstone.contracts.runstone.document import CONTRACT
from runstone.core.contract import SEALED
from runstone.core.digests import sha256_hex
from runstone.core.journal import HELD_BYTES, Journal, JournalIndex
from runstone.core.layout import JOURNAL, MANIFEST
from runstone.core.manifest import FileFact, manifest_bytes
from runstone.core.parsing import load
from runstone.engine import verifier
from runstone.engine.reader import Sealed
from runstone.engine.rebuilding import ReadOnce, prove
from runstone.engine.verifier import verify_bundle
from runstone.errors import RunstoneError, error
from runstone.locate import contract_of

from .forging import Files, files_of, listed_anew, rooted_anew, verify

GOLDENS = [(group, name) for group in ("good", "damaged") for name in names(group)]


def by_steps(files: Files) -> dict[str, Any]:
    """The report of the steps alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier._Verification, "is_rebuilt", lambda *_: False)
        return verify(files).as_dict()


@pytest.fixture
def files(sealed: Sealed) -> Files:
    """The files of a good bundle."""
    return files_of(sealed)


def test_good_bundle_is_proved_without_the_steps(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """No manifest is parsed and no step is taken."""
    monkeypatch.setattr(verifier, "parse_manifest", None)
    assert verify(files).ok


def test_large_bundle_is_left_to_the_steps(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held at once is bounded."""
    monkeypatch.setattr(verifier, "prove", None)
    report = verify({**files, "more.bin": bytes(HELD_BYTES)})
    assert {found.code for found in report.findings} == {"extra_file"}


@pytest.mark.parametrize(("group", "name"), GOLDENS)
def test_golden_bundle_is_told_alike(group: str, name: str) -> None:
    """Every golden bundle gets the report of the steps, word for word; no damaged one is rebuilt."""
    files = read_files(group, name)
    assert verify(files).as_dict() == by_steps(files)
    assert group == "good" or prove(files, contract_of) is None


@pytest.mark.parametrize("name", ["minimal", "redacted"])
def test_every_byte_is_told_alike(name: str) -> None:
    """One bit of any byte of any file: never rebuilt, and told as the steps alone tell it."""
    files = read_files("good", name)
    for path, body in files.items():
        for at in range(len(body)):
            forged = {**files, path: body[:at] + bytes([body[at] ^ (1 << at % 8)]) + body[at + 1 :]}
            assert prove(forged, contract_of) is None
            if at % 7 == 0:
                assert verify(forged).as_dict() == by_steps(forged)


@given(st.sampled_from(GOLDENS), st.data())
def test_random_damage_is_told_alike(which: tuple[str, str], data: st.DataObject) -> None:
    """A slice of a file replaced, and what a careful forger does behind it."""
    files = read_files(*which)
    path = data.draw(st.sampled_from(sorted(files)))
    start = data.draw(st.integers(0, len(files[path])))
    end = data.draw(st.integers(start, start + 40))
    made = {**files, path: files[path][:start] + data.draw(st.binary(max_size=40)) + files[path][end:]}
    for fit in (dict, listed_anew, rooted_anew):
        try:
            forged = fit(made)
        except (ValueError, KeyError, TypeError, AttributeError, RunstoneError):
            continue  # the manifest itself was hit
        assert verify(forged).as_dict() == by_steps(forged)


@pytest.mark.parametrize("change", ["missing", "more", "less", "renamed"])
@pytest.mark.parametrize("path", [MANIFEST, JOURNAL, "run.json", "artifacts/in.csv"])
def test_changed_set_of_files_is_told_alike(files: Files, path: str, change: str) -> None:
    """A file that is gone, longer, shorter, or stands under another name."""
    body = files.pop(path)
    if change != "missing":
        files["other" if change == "renamed" else path] = {"more": body + b"\n", "less": body[:-1]}.get(change, body)
    assert prove(files, contract_of) is None
    assert verify(files).as_dict() == by_steps(files)


def sealed_anew(files: Files, lines: bytes) -> Files:
    """What a sealer that proves nothing makes of a journal and the kept files: manifest and documents agree with it."""
    whole = lines[: lines.rfind(b"\n") + 1]
    index = JournalIndex()
    index.feed(lines)
    journal = Journal(index, lambda start, end: (whole[start:end],), [load(line) for line in whole.splitlines()])
    documents = CONTRACT.documents(journal)
    made = {found.path: b"".join(found.pieces()) for found in documents if found.standing == SEALED}
    made |= {path: body for path, body in files.items() if path.startswith("artifacts/")}
    facts = [FileFact(path, len(body), sha256_hex(body)) for path, body in made.items()]
    return {**made, JOURNAL: lines, MANIFEST: manifest_bytes(journal, facts)}


def test_journal_that_was_sealed_anew_is_good(files: Files) -> None:
    """What the next test forges with makes of a good journal the same bundle."""
    assert sealed_anew(files, files[JOURNAL]) == files


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"dropped":0', b'"dropped":1'),
        (b'"redactions":0', b'"redactions":1'),
        (b'"seq":1,', b'"seq":2,'),
        (b'"type":"run.closed"}\n', b'"type":"run.closed"}\n{}'),
        (b'"seq":1,', b'"seq":1.0,'),
    ],
)
def test_fault_of_a_journal_that_all_agrees_with_is_told_alike(files: Files, old: bytes, new: bytes) -> None:
    """Where manifest and documents are what the journal gives, what is wrong with it is seen in it alone."""
    assert old in files[JOURNAL]
    forged = sealed_anew(files, files[JOURNAL].replace(old, new, 1))
    assert prove(forged, contract_of) is None
    assert verify(forged).as_dict() == by_steps(forged)
    assert not verify(forged).ok


def test_digest_from_elsewhere_is_told_alike(files: Files) -> None:
    """A whole bundle with another digest than the caller's is a finding of its step."""
    report = verify(files, digest="sha256:" + "0" * 64)
    assert [(found.step, found.code) for found in report.findings] == [(1, "digest_mismatch")]
    assert verify(files, digest=report.digest).ok


def test_bundle_on_disk_is_proved_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one in memory."""
    monkeypatch.setattr(verifier, "parse_manifest", None)
    assert runstone.verify(GOLDEN / "good" / "everything").ok


# readings that are made once


class Counted(MemoryBundle):
    """A bundle that counts readings; one file may fail, behind its first byte."""

    def __init__(self, files: Files, failing: str = "") -> None:
        super().__init__("memory:counted", files)
        self.readings: list[str] = []
        self.failing = failing

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        self.readings.append(path)
        if path == self.failing:
            yield self._files[path][:1]
            raise error("store_unavailable", "Input/output error", path=path)
        yield from super().read(path, start, end_exclusive)


def test_taken_files_are_not_read_again() -> None:
    """The next reading of each gives what was read; the one behind it, and one of a part, asks the bundle."""
    bundle = Counted({"a": b"one", "b": b"two"})
    once = ReadOnce(bundle)
    assert once.take(bundle.entries()) == {"a": b"one", "b": b"two"}
    assert (b"".join(once.read("b", 1)), b"".join(once.read("b"))) == (b"wo", b"two")
    assert bundle.readings == ["a", "b", "b"]
    assert b"".join(once.read("b")) == b"two"
    assert bundle.readings == ["a", "b", "b", "b"]


def test_failed_reading_fails_again() -> None:
    """With its bytes and its error, and is made once; files behind it are not taken."""
    bundle = Counted({"a": b"one", "b": b"two"}, failing="a")
    once = ReadOnce(bundle)
    assert once.take(bundle.entries()) is None
    again = once.read("a")
    assert next(again) == b"o"
    with pytest.raises(RunstoneError, match="Input/output"):
        next(again)
    assert bundle.readings == ["a"]


def test_file_that_grows_is_not_taken() -> None:
    """No more of it is held than it had; its reading goes on where it stood."""

    class Growing(MemoryBundle):
        def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
            for _ in range(5):
                pieces.append(path)
                yield b"more"

    pieces: list[str] = []
    once = ReadOnce(Growing("memory:growing", {"a": b"one"}))
    assert once.take(once.entries()) is None
    assert len(pieces) == 1
    assert b"".join(once.read("a")) == b"more" * 5
    assert len(pieces) == 5


@pytest.mark.parametrize("failing", ["", MANIFEST, JOURNAL, "run.json"])
def test_good_and_failing_files_are_read_once(files: Files, failing: str) -> None:
    """Whichever way a bundle is verified."""
    bundle = Counted(files, failing)
    assert verify_bundle(bundle, contract_of).ok == (not failing)
    assert len(bundle.readings) == len(set(bundle.readings))
