"""An object of the program as the bytes of a file, in the form that the file's name asks for.

- Each is written by its own method, found by name: no library is imported here, and none is needed.
- It is written to memory: the bytes are searched for secrets before any of them reaches a disk.
- The same object gives the same bytes where its library can do that: no time of making stands in them.
"""

from __future__ import annotations

import io
import sys

from runstone.core.printing import print_json
from runstone.core.values import Foreign, coerce, with_encoded_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    Write = Callable[[Any, str], bytes | None]
    """The bytes of an object for an extension; `None` where it is not of the kind. Raises what its method raises."""

_TIMELESS: Final[dict[str, dict[str, None]]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
"""What Matplotlib writes into a figure if nothing is said: a time, or its own version."""
_SVG_SALT: Final = "runstone"
_IMAGES: Final = {"jpg": "jpeg", "tif": "tiff"}
_SEPARATORS: Final = {"csv": ",", "tsv": "\t"}
_LINES: Final = ("jsonl", "ndjson")


class NotWritten(Exception):  # noqa: N818  # a finding, not a failure
    """The object has no such form, or its own method failed. The text says which, in a word."""


def file_bytes(value: Any, extension: str) -> bytes:
    """`value` as a file. Raises `NotWritten`."""
    try:
        for write in _KINDS:
            data = write(value, extension)
            if data is not None:
                return data
    except NotWritten:
        raise
    except Exception as exc:  # of a foreign method
        raise NotWritten(type(exc).__name__) from exc
    raise NotWritten("unknown_object")


def _as_bytes(value: Any, _: str) -> bytes | None:
    return bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else None


def _as_frame(value: Any, extension: str) -> bytes | None:
    """A pandas or Polars table, or a column of one."""
    if hasattr(type(value), "write_csv"):
        return _polars(value, extension)
    if hasattr(type(value), "to_csv"):
        return _pandas(value, extension)
    if hasattr(type(value), "to_frame"):
        return _as_frame(value.to_frame(), extension)
    return None


def _polars(frame: Any, extension: str) -> bytes:
    file = io.BytesIO()
    if extension in _SEPARATORS:
        frame.write_csv(file, separator=_SEPARATORS[extension])
    elif extension == "parquet":
        frame.write_parquet(file)
    elif extension == "json":
        frame.write_json(file)
    elif extension in _LINES:
        frame.write_ndjson(file)
    else:
        raise NotWritten("unknown_extension")
    return file.getvalue()


def _pandas(frame: Any, extension: str) -> bytes:
    if extension in _SEPARATORS:
        return _encoded(frame.to_csv(sep=_SEPARATORS[extension], lineterminator="\n"))
    if extension == "parquet":
        file = io.BytesIO()
        (frame if hasattr(frame, "to_parquet") else frame.to_frame()).to_parquet(file)
        return file.getvalue()
    if extension == "json":
        return _encoded(frame.to_json(orient="records", date_format="iso"))
    if extension in _LINES:
        return _encoded(frame.to_json(orient="records", date_format="iso", lines=True))
    if extension in ("html", "htm") and hasattr(frame, "to_html"):
        return _encoded(frame.to_html())
    raise NotWritten("unknown_extension")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _as_figure(value: Any, extension: str) -> bytes | None:
    """A Matplotlib figure, what belongs to one, or what is drawn on one (`savefig`)."""
    save = getattr(value, "savefig", None) or getattr(getattr(value, "figure", None), "savefig", None)
    if not callable(save):
        return None
    file = io.BytesIO()
    options: dict[str, Any] = {"format": extension}
    if extension in _TIMELESS:
        options["metadata"] = _TIMELESS[extension]
    context = getattr(sys.modules.get("matplotlib"), "rc_context", None)
    if context is None:
        save(file, **options)
    else:
        with context({"svg.hashsalt": _SVG_SALT}):
            save(file, **options)
    return file.getvalue()


def _as_image(value: Any, extension: str) -> bytes | None:
    """A Pillow image."""
    if not (callable(getattr(value, "save", None)) and hasattr(value, "mode") and hasattr(value, "getbbox")):
        return None
    file = io.BytesIO()
    value.save(file, format=_IMAGES.get(extension, extension))
    return file.getvalue()


def _as_array(value: Any, extension: str) -> bytes | None:
    """A NumPy array."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.ndarray):
        return None
    file = io.BytesIO()
    if extension == "npy":
        numpy.save(file, value, allow_pickle=False)
    elif extension == "npz":
        numpy.savez(file, value)
    elif extension in _SEPARATORS or extension == "txt":
        form = "%.17g" if value.dtype.kind == "f" else "%s"
        numpy.savetxt(file, value, fmt=form, delimiter=_SEPARATORS.get(extension, " "), encoding="utf-8")
    elif extension == "json":
        return _as_json(value.tolist(), extension)
    else:
        raise NotWritten("unknown_extension")
    return file.getvalue()


def _as_json(value: Any, extension: str) -> bytes | None:
    """What JSON can hold, by the rules of recorded values; of a list for `jsonl` a line each."""
    tree = coerce(value)[0]
    if isinstance(tree, (bytes, Foreign)) or (type(tree) is dict and set(tree) == {"$repr"}):
        return None
    if extension == "json":
        return print_json(with_encoded_bytes(tree), "pretty-ascii")
    if extension in _LINES and type(tree) is list:
        return b"".join(print_json(with_encoded_bytes(item), "jcs") + b"\n" for item in tree)
    raise NotWritten("unknown_extension")


_KINDS: Final[tuple[Write, ...]] = (_as_bytes, _as_frame, _as_image, _as_figure, _as_array, _as_json)
