"""Golden bundles: the good ones verify, each damaged one gives exactly its faults, and the generator makes them all."""

from __future__ import annotations

import os
import shutil
import unicodedata
from typing import TYPE_CHECKING

import pytest
from tests.format.damage import change_manifest, rewrite
from tests.format.generate import HERE, all_files, digests, stored_paths
from tests.format.golden_files import GOLDEN, bundle_of, expected_faults, names, read_files
from tests.format.surroundings import Surroundings

import runstone
from runstone.core import journal
from runstone.engine import verifier
from runstone.engine.verifier import FAULT, NOTE, verify_bundle
from runstone.locate import contract_of

if TYPE_CHECKING:
    from pathlib import Path

    from runstone.engine.verifier import Report

NOTED = {"interrupted", "evidence-noted"}
"""Good bundles whose unresolved evidence is a note."""


def faults(report: Report) -> list[tuple[int, str]]:
    return sorted((finding.step, finding.code) for finding in report.findings if finding.level == FAULT)


def test_generator_makes_the_stored_bytes() -> None:
    """Running the generator again gives every golden file and vector, byte for byte, and no other file."""
    made = all_files()
    stored = {path: (HERE / path).read_bytes() for path in stored_paths(HERE)}
    assert digests(stored) == digests(made)


@pytest.fixture(params=["held", "not held"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small journals are held and large ones are not; every finding is the same."""
    if request.param == "not held":
        monkeypatch.setattr(journal, "HELD_BYTES", -1)
        monkeypatch.setattr(verifier, "HELD_BYTES", -1)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", names("good"))
def test_good_bundle_verifies(name: str) -> None:
    """A good bundle has no fault, read from disk through the public function."""
    report = runstone.verify(GOLDEN / "good" / name)
    assert faults(report) == []
    assert bool([finding for finding in report.findings if finding.level == NOTE]) == (name in NOTED)
    assert report.run_id == name


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("name", "expected"), expected_faults().items(), ids=lambda value: str(value)[:40])
def test_damaged_bundle_gives_its_faults(name: str, expected: list[tuple[int, str]]) -> None:
    """A damaged bundle gives the faults that its recipe names, at their steps, and no other."""
    assert faults(runstone.verify(GOLDEN / "damaged" / name)) == sorted(expected)


def test_every_damaged_bundle_says_what_it_must_give() -> None:
    """The list of findings and the folders are the same set."""
    assert sorted(expected_faults()) == names("damaged")


@pytest.mark.parametrize("name", names("open"))
def test_recovery_gives_the_golden_bundle(name: str) -> None:
    """What an interrupted process left behind is sealed as the good bundle of the same name, and again as the same."""
    left, expected = read_files("open", name), read_files("good", name)
    sealed = []
    for _ in range(2):
        surroundings = Surroundings(name)
        journal = surroundings.journals.create(name)
        journal.append(left["events.jsonl"])
        for path in set(left) - {"events.jsonl"}:
            journal.keep(path, [left[path]])
        journal.close()
        surroundings.store().recover(name)
        sealed.append(surroundings.sealed())
    assert sealed == [expected, expected]


# damage that git, or the file system of somebody who checks this out, may not keep


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of a good bundle with kept files, in a folder."""
    return shutil.copytree(GOLDEN / "good" / "kept-files", tmp_path / "bundle")


def test_link_is_found(copy: Path) -> None:
    """A symbolic link is a fault even where its target has the right bytes."""
    target = copy.parent / "elsewhere"
    (copy / "artifacts/README").rename(target)
    (copy / "artifacts/README").symlink_to(target)
    assert (0, "not_a_file") in faults(runstone.verify(copy))


def test_linked_folder_is_found(copy: Path) -> None:
    """A link in the place of a folder is not followed."""
    (copy / "artifacts/a").rename(copy.parent / "a")
    (copy / "artifacts/a").symlink_to(copy.parent / "a", target_is_directory=True)
    assert (0, "not_a_file") in faults(runstone.verify(copy))


def test_fifo_is_found(copy: Path) -> None:
    """A pipe in the place of a file is a fault, and verifying does not wait for a writer."""
    (copy / "artifacts/README").unlink()
    os.mkfifo(copy / "artifacts/README")
    assert (0, "not_a_file") in faults(runstone.verify(copy))


def test_file_under_a_bad_name_is_not_read(copy: Path) -> None:
    """It may be another thing on another system: for what the manifest names so, no file is there."""
    (copy / "artifacts/README").rename(copy / "artifacts/con")
    manifest = (copy / "manifest.json").read_bytes()
    (copy / "manifest.json").write_bytes(manifest.replace(b'"artifacts/README"', b'"artifacts/con"'))
    found = faults(runstone.verify(copy))
    assert [fault for fault in found if fault[0] < 6] == [(0, "invalid_path"), (0, "invalid_path"), (2, "missing_file")]


@pytest.mark.parametrize(
    "path", ["CON", "a/com1.txt", "dot.", "space ", "a:b", "a\\b", "tab\t", "../up", "/root", "a//b"]
)
def test_path_that_some_system_cannot_hold_is_found(path: str) -> None:
    """A name outside the grammar of paths is a fault, also where this file system allows it."""
    report = verify_bundle(bundle_of({**read_files("good", "minimal"), path: b""}), contract_of)
    assert (0, "invalid_path") in faults(report)


def test_decomposed_name_is_found() -> None:
    """A name that is not in Unicode normal form C is a fault."""
    path = "artifacts/" + unicodedata.normalize("NFD", "é")
    report = verify_bundle(bundle_of({**read_files("good", "minimal"), path: b""}), contract_of)
    assert (0, "invalid_path") in faults(report)


@pytest.mark.parametrize(("one", "other"), ["Aa", ("straße", "STRASSE"), "éÉ", ("x", "X/y"), ("d/x", "D/y")])
def test_case_collision_is_found(one: str, other: str) -> None:
    """Two names that are one on some file system are a fault."""
    files = {**read_files("good", "minimal"), f"artifacts/{one}": b"", f"artifacts/{other}": b""}
    assert (0, "path_collision") in faults(verify_bundle(bundle_of(files), contract_of))


def test_wrong_run_digest_is_found() -> None:
    """A consistent bundle is another one than the digest from elsewhere names."""
    report = runstone.verify(GOLDEN / "good" / "minimal", digest="sha256:" + "0" * 64)
    assert faults(report) == [(1, "digest_mismatch")]


def test_bundle_under_another_name_is_found() -> None:
    """A bundle that stands under another run's name in a store is a fault."""
    surroundings = Surroundings("other")
    surroundings.objects.bundles["other"] = read_files("good", "minimal")
    assert faults(surroundings.store().verify("other")) == [(0, "wrong_name")]


def test_contract_without_a_version_is_not_known() -> None:
    """Versions are exact: what has none is not folded by the newest."""
    files = read_files("good", "minimal")
    change_manifest(files, contract={"name": "runstone", "version": ""})
    rewrite(files, b'"contract":{"name":"runstone","version":"1"}', b'"contract":{"name":"runstone","version":""}')
    report = verify_bundle(bundle_of(files), contract_of)
    assert [text[:1] for text in report.not_checked if text[1:2] == " "] == ["7", "9"]


def test_too_many_files_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle over the limit of files is a fault."""
    monkeypatch.setattr("runstone.engine.verifier.MAX_FILES", 1)
    assert (0, "too_large") in faults(runstone.verify(GOLDEN / "good" / "minimal"))
