"""Bundles in archives: every form reads the same, and what lies is refused when it is opened."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runstone.adapters.archives import bundle as bundle_module
from runstone.adapters.archives import inflate as inflate_module
from runstone.adapters.archives import open_archive
from runstone.adapters.archives import tar as tar_module
from runstone.errors import RunstoneError

from . import archive_files as make

MIB = 1 << 20


def contents(path: str) -> dict[str, bytes]:
    """All files of an archive."""
    bundle = open_archive(path)
    try:
        files = [entry.path for entry in bundle.entries() if entry.kind == "file"]
        return {path: b"".join(bundle.read(path)) for path in files}
    finally:
        bundle.close()


def refusal(path: str) -> RunstoneError:
    """The error with which an archive is refused when it is opened."""
    with pytest.raises(RunstoneError) as caught:
        open_archive(path).close()
    assert caught.value.code == "invalid_archive"
    return caught.value


def test_what_is_refused_names_the_archive(tmp_path: Path) -> None:
    """One that was cut anywhere, or is none: which file it is, whatever is wrong with it."""
    for form, pack in make.FORMS.items():
        whole = pack(make.FILES)
        for end in (0, 2, 300, len(whole) // 2):
            path = tmp_path / f"cut-{form}-{end}"
            path.write_bytes(whole[:end])
            refused = refusal(str(path))
            assert refused.message.startswith(f"{path}: ")
            assert refused.details["path"] == str(path)


# what can be read


@pytest.mark.parametrize("form", make.FORMS)
def test_every_form_reads_the_same(form: str, tmp_path: Path) -> None:
    """Tar of any dialect, compressed or not, and zip give the same paths and bytes."""
    assert contents(make.written(tmp_path, make.FORMS[form](make.FILES))) == make.FILES


@pytest.mark.parametrize("form", make.FORMS)
def test_entries_are_sorted_with_kind_and_size(form: str, tmp_path: Path) -> None:
    """Entries come by UTF-8 path, without folders."""
    entries = open_archive(make.written(tmp_path, make.FORMS[form](make.FILES))).entries()
    expected = [(name, "file", len(make.FILES[name])) for name in sorted(make.FILES, key=str.encode)]
    assert [tuple(entry) for entry in entries] == expected


@pytest.mark.parametrize("form", ["exported", "tar-gz", "zip", "zip-stored"])
def test_any_range_can_be_read(form: str, tmp_path: Path) -> None:
    """A range is what a slice is, whether it lies in plain or in compressed bytes."""
    bundle = open_archive(make.written(tmp_path, make.FORMS[form](make.FILES)))
    body = make.FILES["artifacts/data.csv"]

    @settings(max_examples=40)
    @given(st.integers(0, len(body) + 3), st.none() | st.integers(0, len(body) + 3))
    def check(start: int, end: int | None) -> None:
        assert b"".join(bundle.read("artifacts/data.csv", start, end)) == body[start:end]

    check()
    bundle.close()


def test_bundle_reads_on_after_rest(tmp_path: Path) -> None:
    """`rest` closes the file; reading opens it again, and closing twice is once."""
    bundle = open_archive(make.written(tmp_path, make.exported(make.FILES)))
    before = len(os.listdir("/proc/self/fd"))
    bundle.rest()
    assert len(os.listdir("/proc/self/fd")) == before - 1
    assert b"".join(bundle.read("manifest.json")) == b"{}"
    bundle.close()
    bundle.close()


def test_archive_replaced_while_at_rest_is_proved_anew(tmp_path: Path) -> None:
    """After `rest` another archive may lie there; its names are checked like the first one's."""
    path = make.written(tmp_path, make.exported(make.FILES))
    bundle = open_archive(path)
    bundle.rest()
    make.written(tmp_path, make.tar_of(("../x", b"")))
    with pytest.raises(RunstoneError) as caught:
        bundle.entries()
    assert caught.value.code == "invalid_archive"


def test_longest_path_below_a_folder_can_be_read(tmp_path: Path) -> None:
    """The limit of a path counts from the bundle, not from the folder that an export puts around it."""
    path = "/".join(["d" * 255] * 3 + ["e" * 255])
    assert len(path) == 1023
    files = {"manifest.json": b"{}", path: b"x"}
    assert contents(make.written(tmp_path, make.exported(files, "r" * 128))) == files


@pytest.mark.parametrize("path", ["absent", "artifacts", "../archive", "a\0b", ""])
def test_missing_file_is_not_found(path: str, tmp_path: Path) -> None:
    """What is no file of the bundle is `file_not_found`."""
    bundle = open_archive(make.written(tmp_path, make.exported(make.FILES)))
    with pytest.raises(RunstoneError) as caught:
        list(bundle.read(path))
    bundle.close()
    assert caught.value.code == "file_not_found"


# what is no archive


def test_missing_archive_is_not_found(tmp_path: Path) -> None:
    """A path with nothing at it is `file_not_found`."""
    with pytest.raises(RunstoneError) as caught:
        open_archive(str(tmp_path / "absent"))
    assert caught.value.code == "file_not_found"


def test_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    """A FIFO where an archive is expected is refused at once."""
    os.mkfifo(tmp_path / "pipe")
    refusal(str(tmp_path / "pipe"))


@pytest.mark.parametrize(
    "data", [b"", b"text", bytes(256), b"PK\x03\x04", b"\x1f\x8b", b"\x1f\x8b" + bytes(600), bytes(512)]
)
def test_other_bytes_are_refused(data: bytes, tmp_path: Path) -> None:
    """What is no archive, or only begins like one, is refused."""
    refusal(make.written(tmp_path, data))


def test_compressed_text_is_refused(tmp_path: Path) -> None:
    """A gzip file that holds no tar is refused."""
    import gzip

    refusal(make.written(tmp_path, gzip.compress(b"x" * 2000)))


# names

HOSTILE = [
    "../x",
    "a/../../x",
    "a/./b",
    "/etc/passwd",
    "//x",
    "a//b",
    "C:\\x",
    "C:/x",
    "a\\b",
    "a\0b",
    "CON",
    "aux.txt",
    "a./b",
    "a /b",
    "x.",
    "e\u0301",
    "a\nb",
    "a\x7f",
    "n" * 256,
    "/".join(["n" * 200] * 6),
    "",
    ".",
    "..",
    "./../x",
    "././x",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("build", [make.tar_of, make.zip_of], ids=["tar", "zip"])
def test_hostile_name_is_refused_and_told(build, name: str, tmp_path: Path) -> None:
    """A name that no bundle can hold is refused when the archive is opened, with the name in the details."""
    error = refusal(make.written(tmp_path, build(("manifest.json", b"{}"), (name, b"x"))))
    assert error.details.get("member", name).startswith(name[:1000].partition("\0")[0])


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20) | st.sampled_from(HOSTILE), st.booleans())
def test_accepted_name_can_stand_in_a_bundle(tmp_path_factory: pytest.TempPathFactory, name: str, zip: bool) -> None:
    """Whatever names an archive has, those that come out of it follow the grammar of paths."""
    from runstone.core.layout import path_problem

    build = make.zip_of if zip else make.tar_of
    path = make.written(tmp_path_factory.getbasetemp(), build(("manifest.json", b"{}"), (name, b"x")))
    try:
        paths = [entry.path for entry in open_archive(path).entries()]
    except RunstoneError as exc:
        assert exc.code == "invalid_archive"
    else:
        assert [path for path in paths if path_problem(path)] == []


@pytest.mark.parametrize("build", [make.tar_of, make.zip_of], ids=["tar", "zip"])
@pytest.mark.parametrize(
    "names",
    [
        ("run.json", "run.json"),
        ("./run.json", "run.json"),
        ("A", "a"),
        ("STRASSE", "straße"),
        ("d/x", "D/y"),
        ("d/x", "d"),
    ],
)
def test_names_that_collide_are_refused(build, names: tuple[str, str], tmp_path: Path) -> None:
    """A name that stands there twice, exactly or on some file system, is refused and told."""
    error = refusal(make.written(tmp_path, build(("manifest.json", b"{}"), *((name, b"x") for name in names))))
    assert "member" in error.details


@pytest.mark.parametrize("name", [b"caf\xe9", b"\xff"])
def test_name_that_is_not_utf8_is_refused(name: bytes, tmp_path: Path) -> None:
    """Bytes that are no text are no name, in tar and in zip."""
    tar = make.tar_of(("manifest.json", b"{}"), ("x" * len(name), b""))
    header = tar.index(b"x" * len(name), 512)
    block = bytearray(tar[header : header + 512])
    block[: len(name)] = name
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + 256 + sum(block[156:]))
    refusal(make.written(tmp_path, tar[:header] + bytes(block) + tar[header + 512 :]))
    refusal(make.written(tmp_path, make.zip_of(("x" * len(name), b"")).replace(b"x" * len(name), name)))


# kinds


@pytest.mark.parametrize(
    ("kind", "listed"),
    [(tarfile.SYMTYPE, "link"), (tarfile.LNKTYPE, "link"), (tarfile.FIFOTYPE, "other"), (tarfile.CHRTYPE, "other")],
)
def test_special_member_of_a_tar_is_listed_and_never_read(kind: bytes, listed: str, tmp_path: Path) -> None:
    """Links, pipes and devices are what they are in the list; reading one is `file_not_found`."""
    data = make.tar_of(("manifest.json", b"{}"), make.special("x", kind, "/etc/passwd"))
    bundle = open_archive(make.written(tmp_path, data))
    assert [(entry.path, entry.kind) for entry in bundle.entries()] == [("manifest.json", "file"), ("x", listed)]
    with pytest.raises(RunstoneError) as caught:
        list(bundle.read("x"))
    bundle.close()
    assert caught.value.code == "file_not_found"


@pytest.mark.parametrize(("mode", "listed"), [(0o120777, "link"), (0o010644, "other"), (0o100644, "file")])
def test_special_member_of_a_zip_is_listed(mode: int, listed: str, tmp_path: Path) -> None:
    """The Unix mode of a member tells its kind."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        info = make.zip_info("x")
        info.external_attr = mode << 16
        archive.writestr(info, b"/etc/passwd")
    entries = open_archive(make.written(tmp_path, sink.getvalue())).entries()
    assert [entry.kind for entry in entries] == [listed]


@pytest.mark.parametrize("kind", [b"S", b"M", b"V", b"D", b"A"])
def test_member_that_no_bundle_needs_is_refused(kind: bytes, tmp_path: Path) -> None:
    """Sparse members, volumes and private kinds are refused."""
    refusal(make.written(tmp_path, make.tar_of(make.special("x", kind))))


@pytest.mark.parametrize(
    "headers",
    [
        {"GNU.sparse.map": "0,10", "GNU.sparse.realsize": "99999"},
        {"GNU.sparse.major": "1"},
        {"hdrcharset": "BINARY"},
        {"size": "-1"},
        {"size": "0x10"},
        {"size": "9" * 30},
    ],
)
def test_pax_record_that_lies_is_refused(headers: dict[str, str], tmp_path: Path) -> None:
    """Sparse maps, other character sets and sizes that are no numbers are refused."""
    info = tarfile.TarInfo("x")
    info.pax_headers = headers
    refusal(make.written(tmp_path, make.tar_of(info)))


def test_global_name_is_refused(tmp_path: Path) -> None:
    """A pax record that names every member is refused; one that only comments is read over."""
    for headers, accepted in (({"path": "x"}, False), ({"comment": "by hand"}, True)):
        sink = io.BytesIO()
        with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers) as archive:
            archive.addfile(tarfile.TarInfo("y"))
        path = make.written(tmp_path, sink.getvalue())
        if accepted:
            assert contents(path) == {"y": b""}
        else:
            refusal(path)


# sizes


def reheaded(tar: bytes, at: int, start: int, field: bytes) -> bytes:
    """A tar with one field of the header at `at` replaced, and its checksum made to fit."""
    block = bytearray(tar[at : at + 512])
    block[start : start + len(field)] = field
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + 256 + sum(block[156:]))
    return tar[:at] + bytes(block) + tar[at + 512 :]


@pytest.mark.parametrize(
    "size", [b"00000050001\0", b"77777777777\0", b"\x80" + b"\xff" * 11, b"\xff" * 12, b"-0000000001\0", b"9" * 12]
)
def test_tar_member_that_claims_too_much_is_refused(size: bytes, tmp_path: Path) -> None:
    """A size that goes past the end of the archive, below zero, or is no number, is refused."""
    refusal(make.written(tmp_path, reheaded(make.tar_of(("x", b"1")), 0, 124, size)))


def test_tar_header_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    """A header in which a bit has changed is no header."""
    tar = bytearray(make.tar_of(("x", b"1")))
    tar[110] ^= 1
    refusal(make.written(tmp_path, bytes(tar)))


def test_zip_member_that_unpacks_to_more_is_refused_when_read(tmp_path: Path) -> None:
    """A member may not hold more than it claims: reading stops there, and says so."""
    assert read_of_zip_that_claims(tmp_path, -1) == "invalid_archive"


def test_zip_member_that_unpacks_to_less_is_refused_when_read(tmp_path: Path) -> None:
    """Nor less."""
    assert read_of_zip_that_claims(tmp_path, +1) == "invalid_archive"


def read_of_zip_that_claims(folder: Path, more: int) -> str:
    """The code of reading a member of 5,000 bytes whose headers say another size; no byte past it is given out."""
    size = 5000
    data = make.zip_of(("x", b"x" * size)).replace(size.to_bytes(4, "little"), (size + more).to_bytes(4, "little"))
    bundle = open_archive(make.written(folder, data))
    given: list[bytes] = []
    with pytest.raises(RunstoneError) as caught:
        given.extend(bundle.read("x"))
    bundle.close()
    assert len(b"".join(given)) <= size + more
    return caught.value.code


def test_member_that_lies_is_not_unpacked_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 64 MiB behind a claim of a few bytes no more than the first chunk is unpacked."""
    size = 64 * MIB
    data = make.zipped({"x": bytes(size)}).replace(size.to_bytes(4, "little"), (5000).to_bytes(4, "little"))
    unpacked: list[int] = []
    unpack = inflate_module._unpack

    def counted(*arguments):
        for piece in unpack(*arguments):
            unpacked.append(len(piece))
            yield piece

    monkeypatch.setattr(inflate_module, "_unpack", counted)
    bundle = open_archive(make.written(tmp_path, data))
    with pytest.raises(RunstoneError):
        b"".join(bundle.read("x"))
    bundle.close()
    assert sum(unpacked) <= MIB


def test_zip_members_that_overlap_are_refused(tmp_path: Path) -> None:
    """A member that lies inside another's bytes is a bomb, or a trick."""
    inner = make.zipped({"inner": b"2"}, zipfile.ZIP_STORED)
    inner_local, inner_entry = inner[: inner.index(b"PK\x01\x02")], inner[inner.index(b"PK\x01\x02") : -22]
    outer = make.zipped({"outer": inner_local}, zipfile.ZIP_STORED)
    start = outer.index(b"PK\x01\x02")
    at = outer.index(inner_local).to_bytes(4, "little")
    entries = outer[start:-22] + inner_entry[:42] + at + inner_entry[46:]
    counts = (2).to_bytes(2, "little") * 2
    end = (
        b"PK\x05\x06" + bytes(4) + counts + len(entries).to_bytes(4, "little") + start.to_bytes(4, "little") + bytes(2)
    )
    assert "overlap" in refusal(make.written(tmp_path, outer[:start] + entries + end)).message


def test_zip_headers_that_disagree_are_refused(tmp_path: Path) -> None:
    """A member that the directory calls otherwise than its own header is refused."""
    data = make.zip_of(("name-a", b"1"))
    refusal(make.written(tmp_path, data.replace(b"name-a", b"name-b", 1)))


def test_encrypted_zip_is_refused(tmp_path: Path) -> None:
    """An encrypted member is refused, and it is said why."""
    data = bytearray(make.zip_of(("x", b"1")))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refusal(make.written(tmp_path, bytes(data))).message


def test_zip_of_another_method_is_refused(tmp_path: Path) -> None:
    """Only stored and deflated members can be read."""
    assert "method 12" in refusal(make.written(tmp_path, make.zipped({"x": b"1"}, zipfile.ZIP_BZIP2))).message


@pytest.mark.parametrize("form", ["exported", "tar-gz", "zip", "zip64"])
def test_no_prefix_of_an_archive_is_one(form: str, tmp_path: Path) -> None:
    """An archive that was cut off anywhere is refused, not read as far as it goes."""
    whole = make.FORMS[form]({"manifest.json": b"{}", "a": b"1" * 700})
    ends = {*range(0, len(whole), 37), *range(512, len(whole), 512), len(whole) - 1}
    for end in sorted(ends):
        refusal(make.written(tmp_path, whole[:end]))


def test_bytes_behind_the_end_are_refused(tmp_path: Path) -> None:
    """What another reader might take for more of the archive is refused; more zeros are padding."""
    whole = make.exported(make.FILES)
    assert contents(make.written(tmp_path, whole + bytes(10240))) == make.FILES
    refusal(make.written(tmp_path, whole + whole))
    refusal(make.written(tmp_path, make.zip_of(("x", b"1")) + b"x"))


@settings(max_examples=300)
@given(st.sampled_from(["exported", "gnu", "tar-gz", "zip", "zip64"]), st.integers(0, 100_000), st.integers(1, 255))
def test_changed_byte_gives_files_or_the_typed_error(
    tmp_path_factory: pytest.TempPathFactory, form: str, at: int, mask: int
) -> None:
    """Whatever one byte becomes, nothing but `invalid_archive` escapes."""
    data = bytearray(_small(form))
    data[at % len(data)] ^= mask
    code = None
    try:
        contents(make.written(tmp_path_factory.getbasetemp(), bytes(data)))
    except RunstoneError as exc:
        code = exc.code
    assert code in (None, "invalid_archive")


_made: dict[str, bytes] = {}


def _small(form: str) -> bytes:
    if form not in _made:
        _made[form] = make.FORMS[form]({"manifest.json": b"{}", "artifacts/" + "n" * 120: b"12345" * 30})
    return _made[form]


# limits


def test_zip_bomb_is_refused_when_opened(tmp_path: Path) -> None:
    """200 kB that become 200 MB are refused before one byte is unpacked."""
    data = make.zipped({"x": bytes(200 * MIB)})
    assert len(data) < 220_000
    assert "200 for 1" in refusal(make.written(tmp_path, data)).message


def test_gzip_bomb_is_refused(tmp_path: Path) -> None:
    """The same in gzip is refused once the limit is passed."""
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = engine.compress(make.tar_of(("x", bytes(64 * MIB)))) + engine.flush()
    assert "200 for 1" in refusal(make.written(tmp_path, data)).message


def test_small_text_may_shrink_as_it_likes(tmp_path: Path) -> None:
    """Below 16 MiB no ratio is an attack."""
    files = {"manifest.json": b"{}", "x": bytes(8 * MIB)}
    assert contents(make.written(tmp_path, make.zipped(files))) == files


def test_members_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More files than a bundle may have, and more headers than an archive may have, are refused."""
    path = make.written(tmp_path, make.tar_of(*((f"{number}", b"") for number in range(20))))
    monkeypatch.setattr(bundle_module, "MAX_FILES", 15)
    assert "the limit is 15" in refusal(path).message
    monkeypatch.setattr(tar_module, "MAX_ARCHIVE_RECORDS", 10)
    assert "more than 10 headers" in refusal(path).message


def test_long_name_record_is_limited(tmp_path: Path) -> None:
    """A record of a name may not fill the memory."""
    info = tarfile.TarInfo("x")
    info.pax_headers = {"comment": "x" * 70_000}
    assert "65536" in refusal(make.written(tmp_path, make.tar_of(info))).message


def test_large_members_are_read_in_little_memory(tmp_path: Path) -> None:
    """Hundreds of megabytes pass through within 64 MiB, plain and compressed."""
    noise = os.urandom(MIB)
    body = b"".join(noise[:-1] + bytes([number]) for number in range(100))
    plain, packed = tmp_path / "a.tar", tmp_path / "a.zip"
    plain.write_bytes(make.exported({"manifest.json": b"{}", "x": body}))
    packed.write_bytes(make.zipped({"manifest.json": b"{}", "x": body}))
    del body
    program = (
        "import resource, sys\n"
        "from runstone.adapters.archives import open_archive\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "open_archive(sys.argv[1]).close()\n"
        "before = peak()\n"
        "for path in sys.argv[1:]:\n"
        "    assert sum(map(len, open_archive(path).read('x'))) == 100 << 20\n"
        "print(peak() - before)\n"
    )
    grown = subprocess.run([sys.executable, "-c", program, plain, packed], check=True, capture_output=True, text=True)
    assert int(grown.stdout) < 64 * 1024


def test_parts_of_a_packed_member_unpack_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are asked for, in any order; and anew after a rest."""
    unpacked: list[str] = []
    true = bundle_module.inflated

    def counted(source, member):
        unpacked.append(member.name)
        return true(source, member)

    monkeypatch.setattr(bundle_module, "inflated", counted)
    path, data = tmp_path / "b.zip", bytes(range(256)) * 4096
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("events.jsonl", data)
    bundle = open_archive(str(path))
    for start in (500_000, 0, 1_000_000, 17):
        assert b"".join(bundle.read("events.jsonl", start, start + 1000)) == data[start : start + 1000]
    assert b"".join(bundle.read("events.jsonl", len(data) - 5)) == data[-5:]
    assert unpacked == ["events.jsonl"]
    bundle.rest()
    assert b"".join(bundle.read("events.jsonl", 1, 3)) == data[1:3]
    assert len(unpacked) == 2
    bundle.close()
