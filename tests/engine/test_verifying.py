"""Verification: each step finds what it is there for, names it, and nothing that was changed is called good (P4)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import runstone
from runstone.adapters.memory.adapter import MemoryBundle
from runstone.core.canonical import canonical_bytes
from runstone.core.layout import JOURNAL, MANIFEST
from runstone.core.parsing import load
from runstone.engine.reader import Sealed
from runstone.engine.store import Store
from runstone.engine.verifier import STEPS, verify_bundle
from runstone.errors import RunstoneError, error
from runstone.locate import contract_of
from runstone.testing.ground import code_of

from .forging import Files, files_of, listed_anew, rooted_anew, verify, with_journal, with_manifest
from .scenes import tree


@pytest.fixture
def files(sealed: Sealed) -> Files:
    """The files of a good bundle."""
    return files_of(sealed)


def findings(files: Files, **options: Any) -> set[tuple[int, str, str | None]]:
    """Step, code and file of what is found."""
    return {(found.step, found.code, found.file) for found in verify(files, **options).findings}


# what is good


def test_good_bundle_has_no_findings(files: Files) -> None:
    """Every step is done and nothing is found."""
    report = verify(files)
    assert (report.ok, bool(report), report.findings) == (True, True, [])
    assert report.checked == [f"{number} {STEPS[number]}" for number in range(10)]


def test_what_is_not_checked_is_told(files: Files) -> None:
    """An answer without a digest from elsewhere says that a rewritten bundle would pass, and that nobody signed."""
    told = " ".join(verify(files).not_checked)
    assert "rewritten" in told
    assert "signature" in told
    assert "published" in told


def test_digest_from_elsewhere_is_compared(files: Files) -> None:
    """With the right digest there is one thing less that was not checked; with a wrong one the bundle is bad."""
    digest = verify(files).digest
    report = verify(files, digest=digest)
    assert report.ok
    assert "rewritten" not in " ".join(report.not_checked)
    assert findings(files, digest="sha256:" + "0" * 64) == {(1, "digest_mismatch", MANIFEST)}


@pytest.mark.parametrize("digest", ["", "0" * 64, "sha256:" + "A" * 64])
def test_a_digest_that_is_none_is_refused(digest: str, sealed: Sealed) -> None:
    """No bundle has it: a good one is not called bad for it."""
    assert code_of(lambda: runstone.verify(sealed, digest=digest)) == "invalid_digest"


def test_wholly_rewritten_bundle_is_found_by_its_digest_alone(files: Files, store: Store) -> None:
    """A consistent bundle of other facts verifies; only who knows the digest finds it."""
    before = verify(files).digest
    with store.run("scene", run_id="full-2") as run:
        run.log("another story")
    other = files_of(store.get("full-2"))
    assert verify(other).ok
    assert not verify(other, digest=before).ok


def test_report_is_json(files: Files) -> None:
    """The report can be told as JSON with the fields of the command's answer."""
    import json

    told = json.loads(json.dumps(verify({**files, "stray": b""}).as_dict()))
    assert set(told) == {"ok", "run_id", "digest", "checked", "not_checked", "findings"}
    assert told["findings"][0]["file"] == "stray"


# 0 names, no links, closed world, sizes, limits


def test_step_0_finds_an_extra_file(files: Files) -> None:
    """A file that the manifest does not name."""
    assert findings({**files, "notes.txt": b"x"}) == {(0, "extra_file", "notes.txt")}


@pytest.mark.parametrize("path", ["run.json", "artifacts/in.csv", JOURNAL])
def test_step_0_finds_a_missing_file(files: Files, path: str) -> None:
    """A file that the manifest names and that is not there."""
    del files[path]
    assert (0, "missing_file", path) in findings(files)


@pytest.mark.parametrize("change", [b"", b"x"], ids=["shorter", "longer"])
def test_step_0_finds_a_wrong_size(files: Files, change: bytes) -> None:
    """A file that was cut short or added to."""
    files["run.json"] = files["run.json"][:-1] if not change else files["run.json"] + change
    assert {(0, "wrong_size", "run.json"), (2, "wrong_sha256", "run.json")} <= findings(files)


@pytest.mark.parametrize("path", ["../x", "CON", "a\\b", "x."])
def test_step_0_finds_a_bad_name(files: Files, path: str) -> None:
    """A name that no bundle can hold, though a folder on this machine can."""
    assert (0, "invalid_path", path) in findings({**files, path: b""})


def test_step_0_finds_names_that_collide(files: Files) -> None:
    """Two names that are one on some file system."""
    assert (0, "path_collision", None) in findings({**files, "RUN.json": b""})


def test_step_0_finds_a_file_named_twice(files: Files) -> None:
    """An entry of the manifest that stands there twice."""
    twice = with_manifest(files, lambda manifest: manifest["files"].append(manifest["files"][0]))
    assert (0, "duplicate_file", MANIFEST) in findings(twice)


@pytest.mark.parametrize("kind", ["link", "link to a folder", "pipe", "socket"])
def test_step_0_finds_what_is_no_file(
    sealed: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A link, a pipe or a socket in the folder: told, never followed, and nothing waits for it."""
    import socket

    place = Path(sealed.path, "special")
    (tmp_path / "secret").write_text("secret")
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "socket":
        monkeypatch.chdir(sealed.path)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("special")
    else:
        place.symlink_to(tmp_path / "secret" if kind == "link" else tmp_path)
    report = runstone.verify(sealed.path)
    assert {(found.step, found.code, found.file) for found in report.findings} == {
        (0, "not_a_file", "special"),
        (0, "extra_file", "special"),
    }


@pytest.mark.parametrize("path", ["run.json", JOURNAL, MANIFEST, "artifacts/in.csv"])
def test_step_0_finds_a_file_that_became_a_link(sealed: Sealed, tmp_path: Path, path: str) -> None:
    """A link to the very same bytes is no file of the bundle."""
    place = Path(sealed.path, path)
    (tmp_path / "moved").write_bytes(place.read_bytes())
    place.unlink()
    place.symlink_to(tmp_path / "moved")
    assert (0, "not_a_file") in {(found.step, found.code) for found in runstone.verify(sealed.path).findings}


def test_step_0_finds_a_folder_that_became_a_link(sealed: Sealed, tmp_path: Path) -> None:
    """So for a folder."""
    Path(sealed.path, "artifacts").rename(tmp_path / "moved")
    Path(sealed.path, "artifacts").symlink_to(tmp_path / "moved")
    assert (0, "not_a_file") in {(found.step, found.code) for found in runstone.verify(sealed.path).findings}


def test_step_0_finds_a_name_that_is_no_text(sealed: Sealed) -> None:
    """A file name of bytes that are not UTF-8 is told in words that can be printed as JSON."""
    import json

    Path(os.fsdecode(os.fsencode(sealed.path) + b"/\xff")).write_bytes(b"")
    report = runstone.verify(sealed.path)
    assert {found.code for found in report.findings} == {"invalid_path", "extra_file"}
    json.dumps(report.as_dict()).encode()


# 1 manifest canonical


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"\n",
        lambda data: data.replace(b":", b": ", 1),
        lambda data: data.replace(b'{"closed_at"', b'{"a":1,"closed_at"', 1),
        lambda data: data[:-1],
        lambda data: b"[]",
        lambda data: b"",
        lambda data: b"\xff" + data,
        lambda data: b"[" * 100_000,
        lambda data: data.replace(b'"kind":"scene"', b'"kind":"scene","kind":"scene"'),
        lambda data: data.replace(b'"size":256', b'"size":-256'),
        lambda data: data.replace(b'"size":256', b'"size":1e400'),
        lambda data: data.replace(b'"size":256', b'"size":NaN'),
    ],
)
def test_step_1_finds_a_manifest_that_is_not_canonical(files: Files, change: Any) -> None:
    """Spacing, trailing bytes, other keys, odd numbers, damage: a manifest has one spelling."""
    report = verify({**files, MANIFEST: change(files[MANIFEST])})
    assert {(found.step, found.file) for found in report.findings} == {(1, MANIFEST)}
    assert (report.run_id, any(told.startswith("2 ") for told in report.not_checked)) == (None, True)


def test_step_1_finds_another_format(files: Files) -> None:
    """A version that this reader does not know is told as that."""
    other = with_manifest(files, lambda manifest: manifest.update(format="runstone-bundle/2"))
    assert findings(other) == {(1, "unsupported_format", MANIFEST)}


def test_step_1_finds_a_missing_manifest(files: Files) -> None:
    """A bundle without its seal."""
    del files[MANIFEST]
    assert findings(files) == {(1, "missing_file", MANIFEST)}


# 2 every byte's SHA-256


@pytest.mark.parametrize("path", ["run.json", "artifacts/in.csv", "artifacts/deep/er.bin"])
def test_step_2_finds_a_changed_byte(files: Files, path: str) -> None:
    """A byte that changed, and says what was expected and what is there."""
    files[path] = bytes([files[path][0] ^ 1]) + files[path][1:]
    found = next(found for found in verify(files).findings if found.step == 2)
    assert (found.code, found.file, len(found.expected), len(found.found)) == ("wrong_sha256", path, 64, 64)


@pytest.mark.parametrize("path", ["run.json", "artifacts/in.csv", JOURNAL])
def test_step_2_names_line_ends_as_the_cause(files: Files, path: str) -> None:
    """A file that a checkout turned into CRLF is told as that."""
    files[path] = files[path].replace(b"\n", b"\r\n")
    assert (2, "line_ends_changed", path) in findings(files)


def test_step_2_finds_files_that_were_exchanged(files: Files) -> None:
    """Two files of a bundle under each other's name, whichever two."""
    for one, other in permutations(set(files) - {MANIFEST}, 2):
        swapped = {**files, one: files[other], other: files[one]}
        assert {(2, "wrong_sha256", one), (2, "wrong_sha256", other)} <= findings(swapped)


# 3 every journal line canonical


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"seq":3', b'"seq": 3'),
        (b'"seq":3', b'"seq":3.0'),
        (b'"seq":3', b'"seq":3,"seq":3'),
        (b'"20 rows"', b'"\\u0032\\u0030 rows"'),
        (b'"20 rows"', b'"20\nrows"'),
        (b'"20 rows"', b'"\xff"'),
        (b'"20 rows"', b'"\\ud800"'),
    ],
)
def test_step_3_finds_a_line_that_is_not_canonical(files: Files, old: bytes, new: bytes) -> None:
    """Spacing, double keys, needless escapes: told with the line, though all digests were made to fit."""
    assert old in files[JOURNAL]
    forged = listed_anew({**files, JOURNAL: files[JOURNAL].replace(old, new, 1)})
    [found] = verify(forged).findings
    assert (found.step, found.file) == (3, JOURNAL)
    assert found.line is not None


# 4 seq, ts, first and last line


@pytest.mark.parametrize(
    "change",
    [
        lambda events: events.pop(3),
        lambda events: events.insert(3, events[2]),
        lambda events: events.__setitem__(slice(2, 4), events[3:1:-1]),
        lambda events: events.pop(0),
        lambda events: events.pop(),
        lambda events: events.append({**events[-1], "seq": len(events)}),
        lambda events: events.append({**events[1], "seq": len(events)}),
        lambda events: events[3].update(ts="2020-01-01T00:00:00.000000Z"),
        lambda events: events[3].update(ts="2026-02-30T00:00:00.000000Z"),
        lambda events: events[3].update(more=1),
        lambda events: events[3].pop("data"),
        lambda events: events[-1]["data"].update(redactions=1),
        lambda events: events[-1]["data"].update(dropped=1),
        lambda events: events[-1]["data"].update(status="splendid"),
        lambda events: events[1]["data"].pop("value"),
    ],
)
def test_step_4_finds_a_journal_out_of_order(files: Files, change: Any) -> None:
    """Lines left out, doubled, exchanged, added, with other times or counts, and a manifest made to fit."""
    first = next(found for found in verify(with_journal(files, change)).findings if found.step)
    assert (first.step, first.file) == (4, JOURNAL)


# 5 Merkle root


def test_step_5_finds_a_wrong_root(files: Files) -> None:
    """A root that is not that of the lines."""
    forged = with_manifest(files, lambda manifest: manifest["events"].update(root="0" * 64))
    assert (5, "wrong_root", MANIFEST) in findings(forged)


# 6 manifest rebuilt from the journal


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.update(kind="other"),
        lambda manifest: manifest.update(status="failed"),
        lambda manifest: manifest.update(run_id="other"),
        lambda manifest: manifest.update(opened_at="2020-01-01T00:00:00.000000Z"),
        lambda manifest: manifest.update(links=[{"rel": "retries", "run_id": "x", "digest": None}]),
        lambda manifest: manifest["events"].update(count=3),
        lambda manifest: manifest["files"][0].update(role="document"),
        lambda manifest: manifest["files"][0].update(media_type="text/html"),
        lambda manifest: manifest["files"].reverse(),
        lambda manifest: manifest["contract"].update(version="0"),
    ],
)
def test_step_6_finds_a_manifest_that_the_journal_does_not_give(files: Files, change: Any) -> None:
    """Whatever the manifest says of the run, the journal says it too, or it is a fault."""
    assert (6, "wrong_manifest", MANIFEST) in findings(with_manifest(files, change))


def test_step_6_finds_an_artifact_that_is_not_its_events(files: Files) -> None:
    """A kept file with a manifest made to fit is still not the file that its event names."""
    forged = listed_anew({**files, "artifacts/in.csv": b"other"})
    assert findings(forged) == {(6, "wrong_sha256", "artifacts/in.csv")}


# 7 documents refolded


@pytest.mark.parametrize("path", ["run.json", "checks.json", "eval/scorecard.json"])
def test_step_7_finds_a_document_that_the_journal_does_not_give(files: Files, path: str) -> None:
    """A document with a manifest made to fit is not what the fold gives."""
    forged = listed_anew({**files, path: files[path].replace(b"full", b"fool")})
    assert findings(forged) == {(7, "wrong_document", path)}


def test_step_7_finds_a_document_too_many(files: Files) -> None:
    """A file that is no document of the contract and was kept by no event."""
    entry = {"path": "zz.json", "size": 2, "sha256": "", "media_type": "application/json", "role": "document"}
    added = with_manifest({**files, "zz.json": b"{}"}, lambda manifest: manifest["files"].append(entry))
    assert findings(listed_anew(added)) == {(7, "extra_file", "zz.json")}


def test_step_7_finds_a_document_too_few(files: Files) -> None:
    """A document that the contract makes and the bundle does not have."""

    def without(manifest: dict[str, Any]) -> None:
        manifest["files"] = [entry for entry in manifest["files"] if entry["path"] != "checks.json"]

    del files["checks.json"]
    assert (7, "missing_file", "checks.json") in findings(with_manifest(files, without))


def test_unknown_contract_is_told_as_not_checked(files: Files) -> None:
    """A bundle of a contract that is not known here is proved as far as it goes, and the answer says so."""

    def rename(events: list[dict[str, Any]]) -> None:
        events[0]["data"]["contract"] = {"name": "elsewhere", "version": "7"}

    forged = with_journal(files, rename)
    forged = with_manifest(forged, lambda manifest: manifest["contract"].update(name="elsewhere", version="7"))
    report = verify(forged)
    assert {found.step for found in report.findings} == {6, 8}  # the outcome names the contract as well
    assert any("contract is not known" in told for told in report.not_checked)


# 8 outcome digest


def test_step_8_finds_a_wrong_outcome(files: Files) -> None:
    """An outcome digest that the journal does not give."""
    forged = with_manifest(files, lambda manifest: manifest.update(outcome_digest="sha256:" + "0" * 64))
    assert {(6, "wrong_manifest", MANIFEST), (8, "wrong_outcome", MANIFEST)} == findings(forged)


# 9 evidence references resolve


@pytest.mark.parametrize("reference", ["run.log:line:99", "run.json:$.nowhere", "artifacts/absent"])
def test_step_9_finds_evidence_that_leads_nowhere(store: Store, reference: str) -> None:
    """A check that points at nothing is a fault of the bundle, unless the run itself says so."""
    with store.run("job", run_id="r") as run:
        run.check("a", "pass", evidence=reference)
    [found] = store.verify("r").findings
    assert (found.step, found.code, found.found) == (9, "evidence_unresolved", reference)


def test_step_9_is_a_note_where_the_run_says_so_itself(store: Store) -> None:
    """A failed check `evidence_resolves`, or an interrupted run, makes it a note: the bundle is good."""
    with store.run("job", run_id="r") as run:
        run.check("a", "pass", evidence="run.log:line:99")
        run.check("evidence resolves", "fail")
    report = store.verify("r")
    assert (report.ok, [(found.step, found.level) for found in report.findings]) == (True, [(9, "note")])


# everything that can be changed by little


def test_every_byte_counts(files: Files) -> None:
    """Any byte of any file changed in any one bit makes the bundle bad, and the file is named."""
    assert len(files) >= 8
    changed = 0
    for path, body in files.items():
        for at in range(len(body)):
            forged = body[:at] + bytes([body[at] ^ (1 << at % 8)]) + body[at + 1 :]
            report = verify({**files, path: forged})
            assert not report.ok, (path, at)
            assert path == MANIFEST or any(found.file == path for found in report.findings), (path, at)
            changed += 1
    assert changed == sum(map(len, files.values())) > 4_000


def test_every_truncation_counts(files: Files) -> None:
    """Any file cut off anywhere makes the bundle bad."""
    for path, body in files.items():
        for end in {*range(0, len(body), 61), len(body) - 1}:
            assert not verify({**files, path: body[:end]}).ok, (path, end)


@given(st.data())
def test_random_damage_is_found_and_nothing_escapes(damaged: Files, data: st.DataObject) -> None:
    """A slice of any file replaced by any bytes: found, unless nothing changed, and never an exception."""
    path = data.draw(st.sampled_from(sorted(damaged)))
    body = damaged[path]
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 40)))
    forged = body[:start] + data.draw(st.binary(max_size=40)) + body[end:]
    made = {**damaged, path: forged}
    assert verify(made).ok == (forged == body)
    for fit in (listed_anew, rooted_anew):
        try:
            refitted = fit(made)
        except (ValueError, KeyError, TypeError, RunstoneError):
            continue  # the manifest itself was hit
        verify(refitted)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The files of a good bundle, for many examples."""
    from .scenes import full_run, open_store

    folder = tmp_path_factory.mktemp("damaged")
    return files_of(full_run(open_store(folder / "runs"), folder))


# quick


def test_quick_reads_manifest_and_journal_only(files: Files) -> None:
    """`quick` opens no other file, and names those that it did not read."""
    opened: list[str] = []

    class Watched(MemoryBundle):
        def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
            opened.append(path)
            return super().read(path, start, end_exclusive)

    report = verify_bundle(Watched("memory:watched", files), contract_of, quick=True)
    assert (report.ok, set(opened)) == (True, {MANIFEST, JOURNAL})
    told = next(text for text in report.not_checked if text.startswith("2 "))
    assert all(path in told for path in set(files) - {MANIFEST, JOURNAL})
    assert {text[0] for text in report.not_checked} >= {"2", "7", "9"}


def test_quick_finds_what_the_journal_tells(files: Files) -> None:
    """A changed journal or manifest, a missing, extra or resized file are found; a byte in a document is not."""
    assert not verify({**files, JOURNAL: files[JOURNAL].replace(b"20 rows", b"21 rows")}, quick=True).ok
    assert not verify(with_manifest(files, lambda manifest: manifest.update(kind="x")), quick=True).ok
    assert not verify({**files, "stray": b""}, quick=True).ok
    assert not verify({**files, "run.json": b"{}"}, quick=True).ok
    assert verify({**files, "run.json": files["run.json"].replace(b"full", b"fool")}, quick=True).ok


# a file that changes meanwhile


def test_verification_writes_nothing(sealed: Sealed, tmp_path: Path) -> None:
    """Not a byte, a name or a time in the store changes."""
    before = tree(tmp_path / "runs")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")}
    runstone.verify(sealed.path)
    assert tree(tmp_path / "runs") == before
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")} == times


def test_bundle_in_a_folder_that_cannot_be_written_is_verified(sealed: Sealed) -> None:
    """Reading needs no right to write."""
    Path(sealed.path).chmod(0o555)
    assert runstone.verify(sealed.path).ok
    Path(sealed.path).chmod(0o755)


class Changing(MemoryBundle):
    """A bundle of which one file is another from its second reading on."""

    def __init__(self, files: Files, path: str, later: bytes, after: int) -> None:
        super().__init__("memory:changing", files)
        self._path, self._later, self._left = path, later, after

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        if path == self._path:
            self._left -= 1
            if self._left < 0:
                yield self._later[start:end_exclusive]
                return
        yield from super().read(path, start, end_exclusive)


@pytest.fixture
def large(store: Store) -> Files:
    """A bundle whose journal is too large to be held."""
    with store.run("large", run_id="large") as run:
        run.check("first", "pass", evidence=run.log("one"))
        for number in range(4_000):
            run.event("x.fill", {"n": number, "t": "x" * 500})
        run.metrics({"m": 1})
        run.check("last", "pass")
    return files_of(store.get("large"))


@pytest.mark.parametrize("after", range(1, 12))
def test_journal_that_changes_between_two_readings_is_never_called_good(large: Files, after: int) -> None:
    """Folds read a large journal again; what they use is what was hashed, or the bundle is bad."""
    for later in (
        large[JOURNAL].replace(b'"pass"', b'"fail"'),
        large[JOURNAL].replace(b'{"data"', b'["data"'),
        large[JOURNAL].replace(b"x" * 500, b"\n" * 500),
        large[JOURNAL][: 1 << 20],
        b"",
    ):
        bundle = Changing(large, JOURNAL, later, after)
        report = verify_bundle(bundle, contract_of)
        assert report.ok == (bundle._left >= 0)


def test_file_that_changes_while_it_is_verified_is_told_as_that(files: Files) -> None:
    """A file that has the wrong digest at one moment and the right one at the next is not called damaged."""

    class Flickering(Changing):
        def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
            yield from super().read(path, start, end_exclusive)
            self._later = files[path]

    bundle = Flickering(files, "artifacts/in.csv", b"other", 0)
    assert next(found.code for found in verify_bundle(bundle, contract_of).findings) == "changed_while_read"


@pytest.mark.parametrize("path", ["run.json", "checks.json"])
def test_document_that_changes_is_never_called_good(files: Files, path: str) -> None:
    """A document is read once: the bytes that are hashed are those that the fold is compared with."""
    later = files[path].replace(b"full", b"fool")
    assert not verify_bundle(Changing(files, path, later, 0), contract_of).ok
    once = Changing(files, path, later, 1)
    assert verify_bundle(once, contract_of).ok
    assert once._left == 0


def test_flicker_is_never_called_good_while_it_is_bad(sealed: Sealed) -> None:
    """A writer flips a byte for ever: every answer is one that some true state of the bundle had."""
    path = Path(sealed.path, "artifacts/deep/er.bin")
    path.chmod(0o644)
    stop = Event()

    def flicker() -> None:
        with path.open("r+b", buffering=0) as file:
            while not stop.is_set():
                for byte in (b"\xff", b"\x00"):
                    file.seek(0)
                    file.write(byte)

    writer = Thread(target=flicker)
    writer.start()
    try:
        reports = [runstone.verify(sealed.path) for _ in range(60)]
    finally:
        stop.set()
        writer.join()
    bad = {(found.step, found.code, found.file) for report in reports for found in report.findings}
    assert bad <= {
        (2, "wrong_sha256", "artifacts/deep/er.bin"),
        (2, "changed_while_read", "artifacts/deep/er.bin"),
        (6, "wrong_sha256", "artifacts/deep/er.bin"),
        (6, "wrong_manifest", MANIFEST),
    }
    assert runstone.verify(sealed.path).ok


# bundles name no code


def test_bundle_cannot_make_verification_import(files: Files) -> None:
    """A contract named like a module imports nothing (threat 24)."""
    import sys

    def rename(events: list[dict[str, Any]]) -> None:
        events[0]["data"]["contract"] = {"name": "antigravity", "version": "this:main"}

    verify(with_journal(files, rename))
    assert not {"antigravity", "this"} & set(sys.modules)


# what cannot be read


class Unreadable(MemoryBundle):
    """A bundle of which one file cannot be read, from its beginning or behind some bytes."""

    def __init__(self, files: Files, path: str, code: str = "store_unavailable", after: int = 0) -> None:
        super().__init__("memory:unreadable", files)
        self.path = path
        self.code = code
        self.after = after

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        if path != self.path:
            yield from super().read(path, start, end_exclusive)
            return
        if self.after:
            yield self._files[path][: self.after]
        raise error(self.code, f"{path}: Input/output error", path=path)


def numbers(texts: list[str]) -> list[int]:
    """The steps that a list of what was checked, or not, names."""
    return [int(text.split()[0]) for text in texts if text[0].isdigit()]


@pytest.mark.parametrize("code", ["store_unavailable", "invalid_archive"])
@pytest.mark.parametrize("after", [0, 10])
def test_file_that_cannot_be_read_keeps_no_other_from_it(files: Files, code: str, after: int) -> None:
    """It is one fault; the files behind it, and all steps, are checked, and what they find is told."""
    files["run.json"] = files["run.json"].replace(b'"kind"', b'"kinD"')
    report = verify_bundle(Unreadable(files, "artifacts/in.csv", code, after), contract_of)
    assert {(found.step, found.code, found.file) for found in report.findings} == {
        (2, code, "artifacts/in.csv"),
        (2, "wrong_sha256", "run.json"),
        (6, "wrong_manifest", MANIFEST),
        (7, "wrong_document", "run.json"),
    }
    assert (numbers(report.checked), numbers(report.not_checked)) == (list(range(10)), [10])


def test_file_that_vanishes_is_missing(files: Files) -> None:
    """It was there when the names were listed."""
    report = verify_bundle(Unreadable(files, "artifacts/in.csv", "file_not_found"), contract_of)
    assert [(found.step, found.code, found.file) for found in report.findings] == [
        (2, "missing_file", "artifacts/in.csv")
    ]


@pytest.mark.parametrize("after", [0, 10, 1000])
def test_journal_that_cannot_be_read_is_not_called_checked(files: Files, after: int) -> None:
    """A disk that fails is no fault of a line; nothing that needs the journal counts as checked."""
    report = verify_bundle(Unreadable(files, JOURNAL, after=after), contract_of)
    assert [(found.step, found.code, found.line) for found in report.findings] == [(2, "store_unavailable", None)]
    assert (numbers(report.checked), numbers(report.not_checked)) == ([0, 1, 2], list(range(3, 11)))


def test_journal_that_is_not_there_is_not_called_checked(files: Files) -> None:
    """Nobody has seen a line, nor its `seq`."""
    del files[JOURNAL]
    report = verify(files)
    assert (numbers(report.checked), numbers(report.not_checked)) == ([0, 1, 2], list(range(3, 11)))


def test_names_that_cannot_be_listed_leave_every_step_unchecked(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is either checked or said not to be."""
    bundle = MemoryBundle("memory:x", files)

    def fails() -> Any:
        raise error("store_unavailable", "Input/output error")

    monkeypatch.setattr(bundle, "entries", fails)
    report = verify_bundle(bundle, contract_of)
    assert (report.ok, numbers(report.checked), numbers(report.not_checked)) == (False, [0], list(range(1, 11)))


def test_journal_that_fails_later_leaves_the_steps_behind_unchecked(large: Files) -> None:
    """A fold that reads the journal again and cannot ends there, and says what it has not done."""

    class FailsLater(MemoryBundle):
        readings = 0

        def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
            FailsLater.readings += path == JOURNAL
            if path == JOURNAL and FailsLater.readings > 1:
                raise error("store_unavailable", "Input/output error", path=path)
            yield from super().read(path, start, end_exclusive)

    report = verify_bundle(FailsLater("memory:x", large), contract_of)
    steps = numbers(report.checked) + numbers(report.not_checked)
    assert ([found.code for found in report.findings], sorted(steps)) == (["store_unavailable"], list(range(11)))


def test_name_that_leads_out_of_the_bundle_is_named(files: Files) -> None:
    """A manifest that claims `../../etc/passwd` is told as that, and nothing is looked for there."""
    manifest = load(files[MANIFEST])
    manifest["files"].append({**manifest["files"][0], "path": "../../etc/passwd"})
    report = verify_bundle(MemoryBundle("memory:out", {**files, MANIFEST: canonical_bytes(manifest)}), contract_of)
    assert (0, "invalid_path") in {(finding.step, finding.code) for finding in report.findings}
