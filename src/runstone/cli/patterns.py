"""Files that a pattern names: `*` within a name, `**` for any number of folders.

`**` enters no link to a folder, which may lead round in a circle, and no store of runs: what stands in one is no
output. A folder that the pattern names itself is entered whatever it is.
"""

from __future__ import annotations

import os
from glob import escape, iglob

from runstone.core import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

_ANY_FOLDERS: Final = "**"


def files_named(pattern: str, *, hidden: bool) -> list[str]:
    """The paths of files that fit, sorted; a link to a file is one.

    With `hidden` stars stand for names that begin with a dot, too. What may not be read has nothing that fits.
    """
    return sorted({path for path in _fitting(pattern, hidden=hidden) if os.path.isfile(path)})


def _fitting(pattern: str, *, hidden: bool) -> Iterator[str]:
    parts = pattern.split("/")
    if _ANY_FOLDERS not in parts:
        yield from iglob(pattern, include_hidden=hidden)
        return
    at = parts.index(_ANY_FOLDERS)
    above = "".join(f"{part}/" for part in parts[:at])
    below = "/".join(parts[at + 1 :]) or "*"
    for top in iglob(above, include_hidden=hidden) if above else [""]:
        for folder in _folders(top, hidden=hidden):
            yield from _fitting(escape(folder) + below, hidden=hidden)


def _folders(top: str, *, hidden: bool) -> Iterator[str]:
    """A folder and all below it, each with a slash at its end; nothing for the working directory."""
    left = [top]
    while left:
        folder = left.pop()
        yield folder
        try:
            with os.scandir(folder or os.curdir) as entries:
                names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        left += [f"{folder}{name}/" for name in names if (hidden or name[0] != ".") and not _is_store(folder, name)]


def _is_store(folder: str, name: str) -> bool:
    return name == layout.PRIVATE or os.path.isfile(os.path.join(folder, name, layout.STORE_FILE))
