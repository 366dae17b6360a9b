"""Import and export: the same bytes in every store, and nothing hostile gets in (threats 1 to 5, 8, 18)."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import runstone
from runstone.engine.exporter import export_tar
from runstone.engine.reader import Sealed
from runstone.engine.store import Store
from runstone.errors import InvalidInput, RunstoneError
from runstone.locate import open_bundle

from .forging import Files, files_of, listed_anew, rooted_anew
from .scenes import abandon, full_run, open_store, tree


@pytest.fixture
def other(tmp_path: Path) -> Store:
    """A second, empty store."""
    return open_store(tmp_path / "other" / "runs")


@pytest.fixture
def files(sealed: Sealed) -> Files:
    """The files of a good bundle."""
    return files_of(sealed)


def exported(sealed: Sealed, path: Path) -> str:
    """A tar of a run at `path`."""
    path.write_bytes(b"".join(export_tar(sealed)))
    return str(path)


def import_from(store: Store, path: str) -> tuple[str, str, str]:
    """Import what lies at `path`."""
    bundle = open_bundle(path)
    try:
        return store.import_bundle(bundle)
    finally:
        bundle.close()


def refused(store: Store, path: str) -> RunstoneError:
    """The error of an import that must fail and leave the store's folder, and all beside it, as it was."""
    folder = Path(store.url).parent
    folder.mkdir(exist_ok=True)
    before = tree(folder)
    with pytest.raises(RunstoneError) as caught:
        import_from(store, path)
    assert tree(folder) == before
    return caught.value


# the way there and back


def test_export_and_import_give_the_same_bundle(sealed: Sealed, other: Store, tmp_path: Path) -> None:
    """A tar of a run, imported elsewhere, is the run: same id, same digest, same bytes, read-only."""
    answer = import_from(other, exported(sealed, tmp_path / "run.tar"))
    assert answer == ("full", sealed.digest, "created")
    assert tree(Path(other.url) / "full") == tree(Path(sealed.path))
    assert other.verify("full").ok
    modes = {stat.S_IMODE(path.stat().st_mode) for path in Path(other.url, "full").rglob("*") if path.is_file()}
    assert modes == {0o444}


def test_export_is_the_same_from_every_store(sealed: Sealed, other: Store, tmp_path: Path) -> None:
    """The tar is a function of the bundle."""
    path = exported(sealed, tmp_path / "run.tar")
    import_from(other, path)
    assert b"".join(export_tar(other.get("full"))) == Path(path).read_bytes()


def test_plain_tar_reads_an_export(sealed: Sealed, tmp_path: Path) -> None:
    """What is exported needs no Runstone to be unpacked, and is a bundle when it is."""
    with tarfile.open(exported(sealed, tmp_path / "run.tar")) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    report = runstone.verify(tmp_path / "unpacked" / "full")
    assert (report.ok, report.digest) == (True, sealed.digest)


@pytest.mark.parametrize("form", ["folder", "tar", "tar.gz", "zip"])
def test_every_form_is_imported(sealed: Sealed, other: Store, tmp_path: Path, form: str) -> None:
    """A folder, a tar, a compressed tar and a zip of one run are one run."""
    import shutil

    path = str(Path(sealed.path))
    if form != "folder":
        kind = {"tar": "tar", "tar.gz": "gztar", "zip": "zip"}[form]
        path = shutil.make_archive(str(tmp_path / "packed"), kind, Path(sealed.path).parent, "full")
    assert import_from(other, path) == ("full", sealed.digest, "created")


def test_second_import_is_identical(sealed: Sealed, other: Store) -> None:
    """Importing what is there already changes nothing."""
    import_from(other, sealed.path)
    before = tree(Path(other.url))
    assert import_from(other, sealed.path) == ("full", sealed.digest, "identical")
    assert tree(Path(other.url)) == before


def test_import_into_its_own_store_is_identical(store: Store, sealed: Sealed) -> None:
    """A bundle is already in the store that it lies in."""
    assert import_from(store, sealed.path) == ("full", sealed.digest, "identical")


def test_other_bundle_of_the_id_is_a_conflict(sealed: Sealed, other: Store) -> None:
    """The run that was there stays."""
    with other.run("mine", run_id="full"):
        pass
    before = tree(Path(other.url) / "full")
    with pytest.raises(RunstoneError) as caught:
        import_from(other, sealed.path)
    assert (caught.value.code, tree(Path(other.url) / "full")) == ("run_exists", before)


@pytest.mark.parametrize("alive", [True, False])
def test_id_that_is_being_recorded_here_is_a_conflict(sealed: Sealed, other: Store, alive: bool) -> None:
    """A run that is open here, alive or dead, keeps its id, and seals what it recorded."""
    run = other.run("mine", run_id="full")
    run.log("precious")
    if not alive:
        abandon(run)
    with pytest.raises(RunstoneError) as caught:
        import_from(other, sealed.path)
    assert caught.value.code == "run_exists"
    _ = run.finish() if alive else other.recover()
    assert other.get("full").document("run.log") == "precious\n"


def test_id_in_another_case_is_a_conflict(sealed: Sealed, other: Store) -> None:
    """An imported id may not stand beside one that differs in case only, nor be taken by one afterwards."""
    with other.run("mine", run_id="FULL"):
        pass
    with pytest.raises(RunstoneError) as caught:
        import_from(other, sealed.path)
    assert caught.value.code == "run_exists"
    third = open_store(Path(other.url).parent / "third")
    import_from(third, sealed.path)
    with pytest.raises(RunstoneError) as caught:
        third.run("mine", run_id="FULL")
    assert caught.value.code == "run_exists"


def test_import_changes_nothing_of_the_original(sealed: Sealed, other: Store) -> None:
    """The folder that was imported is as it was."""
    before = tree(Path(sealed.path))
    import_from(other, sealed.path)
    assert tree(Path(sealed.path)) == before


# damage


def packed(files: Files, path: Path, form: str) -> str:
    """The files as an archive or a folder; also with names that a bundle cannot have, where the form can."""
    if form == "folder":
        for name, body in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(body)
        return str(path)
    sink = io.BytesIO()
    if form == "tar":
        with tarfile.open(fileobj=sink, mode="w") as archive:
            for name, body in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(body)
                archive.addfile(info, io.BytesIO(body))
    else:
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, body in files.items():
                info = zipfile.ZipInfo("x")
                info.filename = info.orig_filename = name
                zipped.writestr(info, body)
    path.write_bytes(sink.getvalue())
    return str(path)


FORMS = ["folder", "tar", "zip"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["run.json", "events.jsonl", "manifest.json", "artifacts/in.csv"])
def test_damaged_bundle_is_refused(files: Files, other: Store, tmp_path: Path, form: str, name: str) -> None:
    """A byte that changed in any file: nothing is imported, and the error holds the findings."""
    files[name] = bytes([files[name][0] ^ 1]) + files[name][1:]
    error = refused(other, packed(files, tmp_path / "bad", form))
    assert error.code == "bundle_damaged"
    assert error.details["report"]["findings"]


@pytest.mark.parametrize("form", FORMS)
def test_bundle_without_manifest_is_refused(files: Files, other: Store, tmp_path: Path, form: str) -> None:
    """A folder or archive that is no bundle."""
    del files["manifest.json"]
    assert refused(other, packed(files, tmp_path / "bad", form)).code == "bundle_damaged"


def test_bundle_whose_manifest_names_a_file_outside_is_refused(files: Files, other: Store, tmp_path: Path) -> None:
    """A manifest that claims a file above the bundle gets nothing of it."""
    import json

    from runstone.core.canonical import canonical_bytes

    (tmp_path / "secret").write_bytes(b"secret")
    manifest = json.loads(files["manifest.json"])
    manifest["files"].append(
        {"path": "../secret", "size": 6, "sha256": "0" * 64, "media_type": "text/plain", "role": "document"}
    )
    files["manifest.json"] = canonical_bytes(manifest)
    assert refused(other, packed(files, tmp_path / "bad", "folder")).code == "bundle_damaged"


def test_run_id_of_a_path_is_refused(files: Files, other: Store, tmp_path: Path) -> None:
    """A forged run id that would lead out of the store."""
    for name, body in files.items():
        files[name] = body.replace(b'"run_id":"full"', b'"run_id":"../x"').replace(
            b'"run_id": "full"', b'"run_id": "../x"'
        )
    assert refused(other, packed(rooted_anew(files), tmp_path / "bad", "folder")).code == "bundle_damaged"


# hostile names, in every form

names = (
    st.sampled_from(
        [
            "../x", "../../x", "/tmp/x", "a/../../x", "C:\\x", "C:x", "a\\..\\x", "a\0b", "CON", "nul.txt", "x.", "x ",
            "e\u0301", "MANIFEST.JSON", "Run.json", "artifacts", "artifacts/IN.csv", "run.json/x", ".", "..", "",
            "full/../../x", "a//b", "~/x", "-rf", "a" * 300, "\u202e", "a\nb", "a:b",
        ]
    )
    | st.text(min_size=1, max_size=12)
    | st.lists(st.sampled_from(["..", ".", "a", "", "full", "artifacts"]), min_size=1, max_size=5).map("/".join)
)  # fmt: skip


@given(names, st.sampled_from(["tar", "zip"]), st.booleans())
def test_member_of_any_name_writes_nothing(
    tmp_path_factory: pytest.TempPathFactory, good: Files, name: str, form: str, nested: bool
) -> None:
    """A good bundle with one more member, whatever its name: refused before a byte is written anywhere."""
    folder = tmp_path_factory.mktemp("hostile")
    top = "full/" if nested else ""
    members = {top + path: body for path, body in good.items()}
    if name in members or name.removeprefix("./") in members or name.endswith("/"):
        return
    try:
        path = packed({**members, name: b"hostile"}, folder / "archive", form)
    except (UnicodeEncodeError, ValueError):
        return  # no archive can have that name
    store = open_store(folder / "store" / "runs")
    assert refused(store, path).code in ("invalid_archive", "bundle_damaged")
    assert sorted(os.listdir(folder)) == ["archive", "store"]


@given(names)
def test_name_of_any_kind_in_a_folder_writes_nothing(
    tmp_path_factory: pytest.TempPathFactory, good: Files, name: str
) -> None:
    """The same in a folder, as far as this file system can have the name."""
    folder = tmp_path_factory.mktemp("hostile")
    path = packed(good, folder / "bundle", "folder")
    extra = Path(path, name.lstrip("/"))
    try:
        if ".." in name or extra.exists():
            return
        extra.parent.mkdir(parents=True, exist_ok=True)
        extra.write_bytes(b"hostile")
    except (OSError, ValueError):
        return
    store = open_store(folder / "store" / "runs")
    assert refused(store, path).code == "bundle_damaged"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The files of a good bundle, for many examples."""
    folder = tmp_path_factory.mktemp("good")
    return files_of(full_run(open_store(folder / "runs"), folder))


# links, pipes, bombs


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_special_member_is_refused(good: Files, other: Store, tmp_path: Path, kind: bytes) -> None:
    """A link, device or pipe in a tar is neither followed nor made."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, body in good.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
        info = tarfile.TarInfo("special")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    (tmp_path / "bad").write_bytes(sink.getvalue())
    error = refused(other, str(tmp_path / "bad"))
    assert error.code == "bundle_damaged"
    assert any(found["code"] == "not_a_file" for found in error.details["report"]["findings"])


@pytest.mark.parametrize("place", ["run.json", "artifacts/in.csv", "artifacts/more"])
def test_link_to_a_secret_is_not_imported(sealed: Sealed, other: Store, tmp_path: Path, place: str) -> None:
    """A link in a bundle's folder: what it points at is not read, let alone copied."""
    secret = tmp_path / "secret"
    target = Path(sealed.path, place)
    secret.write_bytes(target.read_bytes() if target.exists() else b"secret")
    target.unlink(missing_ok=True)
    target.symlink_to(secret)
    assert refused(other, sealed.path).code == "bundle_damaged"


def test_folder_that_is_a_link_is_refused(sealed: Sealed, other: Store, tmp_path: Path) -> None:
    """The bundle's own folder may not be a link either: what is imported is named by what it is."""
    (tmp_path / "link").symlink_to(sealed.path)
    assert refused(other, str(tmp_path / "link")).code == "file_not_found"


def test_pipe_in_a_bundle_does_not_hang(sealed: Sealed, other: Store) -> None:
    """A FIFO under the name of a file is refused at once."""
    place = Path(sealed.path, "run.json")
    place.unlink()
    os.mkfifo(place)
    assert refused(other, sealed.path).code == "bundle_damaged"


def test_folder_exchanged_for_a_link_is_never_followed(sealed: Sealed, tmp_path: Path) -> None:
    """Somebody exchanges a folder for a link to a copy with other bytes, for ever: no import takes one of them."""
    artifacts = Path(sealed.path, "artifacts")
    evil, aside = tmp_path / "evil", tmp_path / "aside"
    evil.mkdir()
    (evil / "in.csv").write_bytes(b"stolen")
    (evil / "deep").mkdir()
    (evil / "deep/er.bin").write_bytes(b"stolen")
    stop = Event()

    def exchange() -> None:
        while not stop.is_set():
            artifacts.rename(aside)
            artifacts.symlink_to(evil)
            artifacts.unlink()
            aside.rename(artifacts)

    thread = Thread(target=exchange)
    thread.start()
    try:
        for number in range(60):
            target = open_store(tmp_path / f"target-{number}")
            try:
                import_from(target, sealed.path)
            except RunstoneError:
                continue
            assert target.get("full").digest == sealed.digest
            assert target.verify("full").ok
    finally:
        stop.set()
        thread.join()
    held = [body for number in range(60) for body in tree_of(tmp_path / f"target-{number}")]
    assert b"stolen" not in held


def tree_of(root: Path) -> list[Any]:
    """The bytes of everything below a folder that may not be there."""
    return list(tree(root).values()) if root.exists() else []


def test_bundle_that_changes_while_it_is_imported_is_refused(sealed: Sealed, other: Store) -> None:
    """A file that changes between its verification and its copy is not taken: nothing half-true is sealed."""
    real = sealed.bundle

    class Changing:
        location = real.location
        readings = 0

        def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Any:
            if path == "artifacts/in.csv":
                self.readings += 1
                if self.readings > 1:
                    return iter([b"something else"])
            return real.read(path, start, end_exclusive)

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    with pytest.raises(RunstoneError) as caught:
        other.import_bundle(Changing())  # type: ignore[arg-type]  # a bundle of its own making
    assert (caught.value.code, caught.value.details["path"]) == ("changed_while_read", "artifacts/in.csv")
    assert not other.objects.exists("full")
    assert list((Path(other.url) / ".runstone/tmp").iterdir()) == []


def test_bomb_is_refused(other: Store, good: Files, tmp_path: Path) -> None:
    """200 kB that become 200 MB: refused by its ratio, not by patience."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", good["manifest.json"])
        archive.writestr("artifacts/bomb", bytes(200 << 20))
    assert len(sink.getvalue()) < 250_000
    (tmp_path / "bomb.zip").write_bytes(sink.getvalue())
    assert refused(other, str(tmp_path / "bomb.zip")).code == "invalid_archive"


def test_two_members_of_one_name_are_refused(other: Store, good: Files, tmp_path: Path) -> None:
    """Two `run.json` in one tar: whichever a reader takes, another may take the other."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, body in [*good.items(), ("run.json", b"{}")]:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    (tmp_path / "bad").write_bytes(sink.getvalue())
    error = refused(other, str(tmp_path / "bad"))
    assert (error.code, error.details["member"]) == ("invalid_archive", "run.json")


def test_two_bundles_in_one_archive_are_refused(other: Store, good: Files, tmp_path: Path) -> None:
    """An archive is one bundle."""
    both = {f"{top}/{name}": body for top in ("one", "two") for name, body in good.items()}
    assert refused(other, packed(both, tmp_path / "bad", "tar")).code == "bundle_damaged"


def test_careful_forgery_is_refused(good: Files, other: Store, tmp_path: Path) -> None:
    """Another document with a manifest made to fit is found by the fold."""
    forged = listed_anew({**good, "checks.json": good["checks.json"].replace(b'"pass"', b'"fail"')})
    assert refused(other, packed(forged, tmp_path / "bad", "folder")).code == "bundle_damaged"


@pytest.mark.parametrize("odd", ["a.tar", Path("a.tar"), None, 7])
def test_what_is_no_bundle_is_told(store: Store, odd: Any) -> None:
    """A path, say, is opened first; the error says how."""
    with pytest.raises(InvalidInput, match=r"open_bundle\(path\)") as caught:
        store.import_bundle(odd)
    assert (caught.value.code, caught.value.details["option"]) == ("invalid_option", "bundle")
