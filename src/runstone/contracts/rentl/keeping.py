"""What the three stores have in common: records below a prefix, redaction, and errors in rentl's words."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from runstone.contracts.rentl.errors import storage_error, translated
from runstone.contracts.rentl.models import StorageBackend, StorageReference
from runstone.contracts.rentl.printing import bytes_of, utf8, without_secrets
from runstone.engine.saying import say
from runstone.errors import RunstoneError
from runstone.locate import open_records, open_redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runstone.core.redaction.redactor import Redactor
    from runstone.ports.records import Lines, Records


class Healed(NamedTuple):
    """A torn line that was found behind the lines of a record; the next line that is written takes it away."""

    place: str
    torn: bytes
    taken_away: bool


class Kept:
    """Records at a path or URL (see `runstone.locate.open_records`), or in `Records` that somebody has opened.

    What is written passes the redactor, unless `redact` is false. `prefix` goes before every key. `healed` has what was
    torn; each is said on standard error, too. Safe to share between threads and processes.
    """

    def __init__(
        self, records: str | os.PathLike[str] | Records, *, prefix: str = "", redact: bool | Redactor = True
    ) -> None:
        self.records = open_records(records) if isinstance(records, str | os.PathLike) else records
        self.prefix = prefix
        self.healed: list[Healed] = []
        self._redact = redact
        self._redactor: Redactor | None = None

    def _reference(self, name: str) -> StorageReference:
        """Where a record is."""
        place, backend = self.records.place(self.prefix + name), StorageBackend(self.records.properties.backend)
        if backend is StorageBackend.FILESYSTEM:
            return StorageReference(backend=backend, path=place)
        return StorageReference(backend=backend, uri=place)

    def _about(self, name: str) -> dict[str, Any]:
        """Where a record is, as details of an error."""
        return self._reference(name).model_dump(mode="json", exclude_none=True)

    @contextmanager
    def _doing(self, operation: str, name: str, **details: Any) -> Iterator[dict[str, Any]]:
        """What is done to a record: errors say so. Answers the details."""
        about = {"operation": operation, **details}
        try:
            about |= self._about(name)
            yield about
        except RunstoneError as exc:
            told = translated(exc, **about)
            if told is exc:
                raise
            raise told from exc

    def _printed(self, value: Any) -> bytes:
        """JSON types as they are written, without secrets. Raises `not_json`, `lone_surrogate`, `too_deep`."""
        return self._spelled(value)[1]

    def _spelled(self, value: Any) -> tuple[bytes, bytes]:
        """The same with secrets, and without."""
        body, redactor = bytes_of(value), self._rules()
        clean = value if redactor is None else without_secrets(value, redactor)
        return body, body if clean is value else bytes_of(clean)

    def _text_bytes(self, text: str) -> bytes:
        """A text in UTF-8, without secrets. Raises `lone_surrogate`."""
        redactor = self._rules()
        return utf8(text if redactor is None else redactor.text(text)[0])

    def _rules(self) -> Redactor | None:
        if self._redactor is None and self._redact is not False:
            self._redactor = open_redactor() if self._redact is True else self._redact
        return self._redactor

    def _lines(self, name: str) -> Lines:
        """The lines of a record; one that is torn is told of."""
        found = self.records.lines(self.prefix + name)
        if found.torn:
            self._tell(name, found.torn, taken_away=False)
        return found

    def _append(self, name: str, lines: list[bytes]) -> None:
        torn = self.records.append(self.prefix + name, lines)
        if torn:
            self._tell(name, torn, taken_away=True)

    def _tell(self, name: str, torn: bytes, *, taken_away: bool) -> None:
        place = self.records.place(self.prefix + name)
        healed = Healed(place, torn, taken_away)
        if healed in self.healed:
            return
        self.healed.append(healed)
        did = "it was taken away" if taken_away else "it is not read, and the next line takes it away"
        message = f"{place} ended in a torn line of {len(torn)} bytes, of a writer that died: {did}"
        say(message, self._rules() or open_redactor())


def checked_limit(limit: int | None, operation: str) -> None:
    """Raise `validation_error` for what is no limit of a list."""
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        reason = "limit is a number from 0 on, or None"
        raise storage_error("validation_error", f"{operation}: {reason}", operation=operation, reason=reason)
