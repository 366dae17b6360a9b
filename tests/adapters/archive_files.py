"""Archives for tests: plain ones in every form, and ones that say what their maker wants."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

from runstone.core.tar import tar_pieces

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Files = dict[str, bytes]

FILES: Files = {
    "manifest.json": b"{}",
    "events.jsonl": b'{"seq":0}\n' * 3,
    "artifacts/data.csv": b"a,b\n" * 5000,
    "artifacts/empty": b"",
    "artifacts/" + "long-" * 40 + "/é.txt": b"deep",
}


def exported(files: Files, top: str = "run-1") -> bytes:
    """As an export writes it."""
    return b"".join(tar_pieces(top, {name: len(body) for name, body in files.items()}, lambda name: [files[name]]))


def tar(files: Files, form: int = tarfile.PAX_FORMAT, top: str = "", mode: str = "w") -> bytes:
    """As Python or GNU tar write it, with an entry for each folder."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=mode, format=form) as archive:
        for folder in sorted({name.rsplit("/", 1)[0] for name in files if "/" in name}):
            info = tarfile.TarInfo(top + folder)
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
        for name, body in files.items():
            info = tarfile.TarInfo(top + name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return sink.getvalue()


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED, top: str = "") -> bytes:
    """As Python writes it."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, body in files.items():
            archive.writestr(zip_info(top + name, method), body)
    return sink.getvalue()


def zipped64(files: Files) -> bytes:
    """With zip64 fields in every header, as a writer to a pipe makes it."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            with archive.open(zip_info(name), "w", force_zip64=True) as member:
                member.write(body)
    return sink.getvalue()


def zip_info(name: str, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    """A member under exactly this name: `ZipInfo` itself cuts at a NUL."""
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name
    info.compress_type = method
    return info


def tar_of(*members: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    """A tar with these members in this order, whatever they are."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            if isinstance(member, tuple):
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
            else:
                archive.addfile(member)
    return sink.getvalue()


def zip_of(*members: tuple[str, bytes]) -> bytes:
    """A zip with these members in this order, also twice the same."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, body in members:
            archive.NameToInfo.clear()  # which would warn of a second member of one name
            archive.writestr(zip_info(name), body)
    return sink.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A link, device or pipe."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


FORMS: dict[str, Callable[[Files], bytes]] = {
    "exported": exported,
    "ustar-pax": tar,
    "gnu": lambda files: tar(files, tarfile.GNU_FORMAT),
    "gnu-dot": lambda files: tar(files, tarfile.GNU_FORMAT, "./"),
    "pax-in-folder": lambda files: tar(files, tarfile.PAX_FORMAT, "run-1/"),
    "tar-gz": lambda files: tar(files, tarfile.GNU_FORMAT, "run-1/", "w:gz"),
    "zip": zipped,
    "zip-stored": lambda files: zipped(files, zipfile.ZIP_STORED),
    "zip-in-folder": lambda files: zipped(files, top="run-1/"),
    "zip64": zipped64,
}


def written(folder: Path, data: bytes) -> str:
    """The path of a file that holds an archive."""
    path = folder / "archive"
    path.write_bytes(data)
    return str(path)
