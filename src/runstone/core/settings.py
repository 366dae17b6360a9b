"""The settings file, `runstone.toml`: its tables, read with errors that say where."""

from __future__ import annotations

import tomllib

from runstone.errors import error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

TABLES: Final = {"redaction", "retention"}
"""What the file may hold."""


def whole_file(data: bytes, path: str) -> Table:
    """The file as a table. Raises `invalid_settings`."""
    return Table(_parsed(data, path), path, "the file", TABLES)


class Table:
    """A table of the file, read with errors that say where."""

    def __init__(self, value: Any, path: str, place: str, known: set[str]) -> None:
        self._path = path
        self.place = place
        if not isinstance(value, dict):
            raise self.wrong(f"is {_kind(value)}, not a table")
        self._value = value
        for key in value:
            if key not in known:
                raise self.wrong(f"has no setting {excerpt(key, 40)!r}; known are {', '.join(sorted(known))}")

    def wrong(self, problem: str) -> Exception:
        """The error that says what is wrong, and in which table."""
        return error("invalid_settings", f"{self._path}: {self.place} {problem}", path=self._path, table=self.place)

    def text(self, key: str) -> str:
        """A text that must be there."""
        value = self._value.get(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(f"needs {key!r}, a text" if value is None else f"has a {key!r} that is no text, or empty")
        return value

    def maybe_text(self, key: str) -> str | None:
        """A text that may be left out."""
        return None if key not in self._value else self.text(key)

    def texts(self, key: str) -> list[str]:
        """A list of texts; none where it is left out."""
        value = self._value.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.wrong(f"has a {key!r} that is no list of texts")
        return value

    def flag(self, key: str) -> bool:
        """True or false; false where it is left out."""
        value = self._value.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(f"has a {key!r} that is neither true nor false")
        return value

    def maybe_number(self, key: str) -> int | None:
        """A whole number from 0 that may be left out."""
        value = self._value.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise self.wrong(f"has a {key!r} that is no whole number from 0")
        return value

    def table(self, key: str, known: set[str]) -> Table:
        """A table in this one, of these settings; an empty one where it is left out."""
        return Table(self._value.get(key, {}), self._path, key, known)

    def tables(self, key: str, known: set[str]) -> Iterator[Table]:
        """The tables of a list, of these settings each."""
        value = self._value.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(f"has {key!r} as one value; write [[{self.place}.{key}]]")
        for index, item in enumerate(value):
            yield Table(item, self._path, f"{self.place}.{key}[{index}]", known)


def _parsed(data: bytes, path: str) -> Any:
    try:
        return tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as exc:
        raise error("invalid_settings", f"{path}: {exc}", path=path, table=None) from None


def _kind(value: object) -> str:
    return {bool: "a truth value", int: "a number", float: "a number", str: "a text", list: "a list"}.get(
        type(value), type(value).__name__
    )
