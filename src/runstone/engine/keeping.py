"""How a file is kept: if no secret is found in it, as a redacted copy else, or whatever is found.

- Nothing is kept that was not searched; a copy from which secrets were taken out is searched again.
- Where the copy and the digest of the file are both told, they are of the same bytes, read once.
- What is kept whatever is found in it tells by which rules something was, and who asked.
"""

from __future__ import annotations

from runstone.core import layout
from runstone.core.redaction.redactor import FAILED
from runstone.engine.artifacts import ANYWAY, REDACTED, SecretInFile, kept_names
from runstone.engine.encoded import STRICT
from runstone.engine.search import Search
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, NoReturn

    from runstone.core.manifest import FileFact
    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.artifacts import Source

    Keep = Callable[[str, Iterator[bytes]], FileFact]
    Facts = dict[str, Any]


class Keeper:
    """Keeps one file under a name. `keep` copies pieces to a path of the bundle; it raises `file_exists`."""

    def __init__(self, source: Source, name: str, keep: Keep, redactor: Redactor) -> None:
        self._source = source
        self._name = name
        self._keep = keep
        self._redactor = redactor

    def facts(self, way: str, asked_by: str | None) -> Facts:
        """`sha256`, `size` and `path` of the file's event, and what more is to be told of it.

        `copy`, where there is one, has the same of a copy, and its name. Raises `SecretInFile`, `ChangedWhileRead`,
        `OSError` and `RunstoneError`: then nothing is kept.
        """
        if way == ANYWAY:
            return self._anyway(asked_by)
        try:
            return _told(self._placed(self._path, self._clean))
        except SecretInFile as exc:
            if way != REDACTED:
                raise
            return self._with_copy(exc.rule)

    def _clean(self) -> Iterator[bytes]:
        return Search(self._redactor).watched(self._source.reader(hashed=False).chunks(), _refuse)

    def _anyway(self, asked_by: str | None) -> Facts:
        rules: dict[str, None] = {}

        def pieces() -> Iterator[bytes]:
            rules.clear()
            return Search(self._redactor).watched(self._source.reader(hashed=False).chunks(), rules.setdefault)

        told = _told(self._placed(self._path, pieces))
        return {**told, "kept_anyway": {"asked_by": asked_by, "rules": list(rules)}}

    def _with_copy(self, rule: str) -> Facts:
        """The file by reference, and its copy. What `rule` found must be out of it."""
        reader = self._source.reader(hashed=True)
        search = Search(self._redactor)

        def pieces() -> Iterator[bytes]:
            nonlocal reader, search
            reader = self._source.reader(hashed=True)
            search = Search(self._redactor)
            try:
                yield from Search(self._redactor).watched(search.cleaned(reader.chunks(), STRICT), _refuse)
            except UnicodeDecodeError:
                raise SecretInFile(rule) from None
            if FAILED in search.rules:
                raise SecretInFile(FAILED)
            if not search.rules:  # it is another file by now
                raise SecretInFile(rule)

        copy = _told(self._placed(copy_name(self._path), pieces))
        source = {"name": self._name, "sha256": reader.sha256, "rules": list(search.rules)}
        return {
            "sha256": reader.sha256,
            "size": reader.size,
            "path": None,
            "problem": f"not_kept:redacted:{rule}",
            "copy": {"name": copy_name(self._name), **copy, "redacted_from": source},
        }

    @property
    def _path(self) -> str:
        """The file's name where a bundle can hold it. A path is seen by everybody, so it has no secret in it."""
        name = next(kept_names(self._name))
        rules = self._redactor.text(layout.artifact(name))[1]
        return f"REDACTED-{rules[0]}" if rules else name

    def _placed(self, path: str, pieces: Callable[[], Iterator[bytes]]) -> FileFact:
        """Copy the pieces to the first path that is free."""
        for candidate in kept_names(path):
            try:
                return self._keep(layout.artifact(candidate), pieces())
            except RunstoneError as exc:
                if exc.code != "file_exists":
                    raise
        raise AssertionError("kept_names is endless")


def _refuse(rule: str) -> NoReturn:
    raise SecretInFile(rule)


def _told(kept: FileFact) -> Facts:
    return {"sha256": kept.sha256, "size": kept.size, "path": kept.path}


def copy_name(name: str) -> str:
    """The name of a file's redacted copy: `a/b.redacted.csv` of `a/b.csv`, `.env.redacted` of `.env`."""
    folder, slash, file = name.rpartition("/")
    stem, _, extension = file.rpartition(".")
    return folder + slash + (f"{stem}.redacted.{extension}" if stem else f"{file}.redacted")
