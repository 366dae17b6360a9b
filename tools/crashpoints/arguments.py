"""Values in the arguments of a traced call.

- The trace is taken with `strace -y -xx -v`: strings and path notes are wholly hexadecimal, so no
  comma, quote or bracket of a file's content can be mistaken for syntax.
- Text that strace cut short is an error, never a shorter value.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from crashpoints.errors import ToolError

_HEX = re.compile(r"\\x([0-9a-f]{2})")
_DESCRIPTOR = re.compile(r"^(AT_FDCWD|-?\d+)(?:<([^>]*)>(\(deleted\))?)?")
_DELETED = " (deleted)"


class Descriptor(NamedTuple):
    """A descriptor argument: its number (None for AT_FDCWD) and the path strace noted beside it."""

    number: int | None
    path: str | None
    deleted: bool = False


def unhex(text: str) -> bytes:
    """The bytes of all the hexadecimal escapes in `text`."""
    return bytes.fromhex("".join(_HEX.findall(text)))


def split_arguments(text: str) -> list[str]:
    """The arguments of a call: `text` split at its top-level commas."""
    found: list[str] = []
    depth, quoted, begin = 0, False, 0
    for i, ch in enumerate(text):
        if ch == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif ch in "([{<":
            depth += 1
        elif ch in ")]}" or (ch == ">" and text[i - 1] != "="):  # "=>" is strace's arrow, not a bracket
            depth -= 1
        elif ch == "," and depth == 0:
            found.append(text[begin:i].strip())
            begin = i + 1
    tail = text[begin:].strip()
    return [*found, tail] if tail else found


def string_bytes(argument: str) -> bytes:
    """The bytes of a quoted argument. Raises ToolError when it was cut short or is no string."""
    if argument.endswith("..."):
        raise ToolError("a string in the trace was cut short; raise --max-write")
    if not argument.startswith('"'):
        raise ToolError(f"expected a string in the trace, found {argument[:60]!r}")
    return unhex(argument)


def vector_bytes(argument: str) -> bytes:
    """The joined bytes of an iovec array. Raises ToolError when it was cut short."""
    if "..." in argument:
        raise ToolError("a vector write in the trace was cut short; raise --max-write")
    return b"".join(unhex(base) for base in re.findall(r'iov_base="([^"]*)"', argument))


def descriptor(argument: str) -> Descriptor:
    """The descriptor that an argument or a result holds; number -1 when it holds none."""
    m = _DESCRIPTOR.match(argument)
    if not m:
        return Descriptor(-1, None)
    number = None if m[1] == "AT_FDCWD" else int(m[1])
    if m[2] is None:
        return Descriptor(number, None)
    path = os.fsdecode(unhex(m[2]))
    # Newer straces print the kernel's mark of an unlinked file behind the note, older ones inside it.
    deleted = m[3] is not None or path.endswith(_DELETED)
    return Descriptor(number, path.removesuffix(_DELETED), deleted)


def integer(argument: str) -> int:
    """A number as strace prints it: decimal, hexadecimal (`0x1f`) or octal (`022`)."""
    return int(argument, 8 if re.fullmatch("0[0-7]+", argument) else 0)


def pointed_integer(argument: str) -> int | None:
    """The number behind a pointer as it was before the call (`[8] => [12]`, or `[8 => 12]`, is 8), None for NULL."""
    m = re.match(r"\[(\d+)", argument)
    return int(m[1]) if m else None
