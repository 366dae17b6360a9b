"""What debug mode has kept of a sealed run, decrypted: each text proved against the event that tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstone.core import layout
from runstone.core.digests import PREFIX, sha256_hex
from runstone.core.events import MODEL_CALLED, MODEL_RETURNED
from runstone.engine.age import decrypted
from runstone.errors import error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Final

    from runstone.core.events import Event
    from runstone.engine.reader import Sealed
    from runstone.engine.store import Store

PROMPT: Final = "prompt"
OUTPUT: Final = "output"
ERROR: Final = "error"


class DebugTexts:
    """The prompts, answers and exceptions of a run's model calls, as files: `call-1.prompt`, `call-1.output`,
    `call-1.error`. Raises `file_not_found` where nothing is here.

    `missing` are those that the run tells of and this store does not have.
    """

    def __init__(self, store: Store, sealed: Sealed, identities: Sequence[Any]) -> None:
        self.run_id = sealed.run_id
        self._debug = store.journals.debug
        self._identities = identities
        told = dict(_told(sealed))
        here = set(self._debug.names(self.run_id))
        self._files = {path: kept for path, kept in told.items() if kept[0] in here}
        self.missing = sorted(told.keys() - self._files.keys())
        if not self._files:
            raise self._nothing()

    def _nothing(self) -> Exception:
        why = "what was kept is not in this store" if self.missing else "it was not recorded in debug mode"
        return error("file_not_found", f"no prompts of run {self.run_id} are kept: {why}", run_id=self.run_id)

    @property
    def paths(self) -> list[str]:
        """All that can be read, each a path that a bundle could hold. Raises `invalid_path`, `path_collision`."""
        paths = [layout.check_path(path) for path in self._files]  # a journal may name its calls as it likes
        layout.check_distinct(paths)
        return paths

    def pieces(self, path: str) -> Iterator[bytes]:
        """A text. Raises `file_not_found`, `digest_mismatch`, and `invalid_debug_key` for an identity that does not
        open it."""
        if path not in self._files:
            raise error("file_not_found", f"debug mode has kept no {path!r} of run {self.run_id}", path=path)
        name, sha256, _ = self._files[path]
        found = self._debug.read(self.run_id, name)
        data = b"" if found is None else b"".join(found)
        if sha256_hex(data) != sha256:
            expected, got = PREFIX + sha256, PREFIX + sha256_hex(data)
            message = f"what is kept of {path} is not what the run tells of: expected {expected}, found {got}"
            raise error("digest_mismatch", message, path=path, expected=expected, found=got)
        yield decrypted(data, self._identities)

    def expected(self, path: str) -> str | None:
        """The digest of a text, as its event has it; `None` for the text of an exception."""
        sha256 = self._files[path][2]
        return None if sha256 is None else PREFIX + sha256


def _told(sealed: Sealed) -> Iterator[tuple[str, tuple[str, str, str | None]]]:
    """By path: the name of the file, the SHA-256 of the file, and that of the text."""
    for event in sealed.events(MODEL_CALLED, MODEL_RETURNED):
        data, call = event["data"], event["data"]["call"]
        what = PROMPT if event["type"] == MODEL_CALLED else OUTPUT
        for member, part, text in (("debug", what, _text_sha256(event, what)), ("debug_error", ERROR, None)):
            kept = data.get(member)
            if isinstance(kept, dict) and isinstance(kept.get("name"), str) and isinstance(kept.get("sha256"), str):
                yield f"{call}.{part}", (kept["name"], kept["sha256"], text)


def _text_sha256(event: Event, member: str) -> str | None:
    facts = event["data"][member]
    sha256 = facts.get("sha256") if isinstance(facts, dict) else None
    return sha256 if isinstance(sha256, str) else None
