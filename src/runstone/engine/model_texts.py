"""Prompts and answers of models as bytes, of which an event tells size and digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstone.core.canonical import canonical_bytes
from runstone.core.digests import new_hash
from runstone.core.values import coerce, undecoded, with_encoded_bytes
from runstone.engine.facts import text_of

if TYPE_CHECKING:
    from typing import Any


class Answer:
    """What a model has answered so far. The text itself is held only where it will be kept."""

    def __init__(self) -> None:
        self.keeps = False
        self.clear()

    def clear(self) -> None:
        """Nothing has been answered."""
        self._pieces: list[bytes] = []
        self._digest = new_hash()
        self._size = 0
        self._chunks = 0
        self._begun = False

    def add(self, piece: bytes) -> None:
        """Take in what follows."""
        self._begun = True
        self._chunks += 1
        self._take(piece)

    def replace(self, text: bytes) -> None:
        """Take this for the whole answer, in as many chunks as came."""
        chunks = self._chunks
        self.clear()
        self._begun, self._chunks = True, chunks
        self._take(text)

    def _take(self, piece: bytes) -> None:
        self._digest.update(piece)
        self._size += len(piece)
        if self.keeps:
            self._pieces.append(piece)

    def facts(self) -> dict[str, Any] | None:
        """As the event has it; `None` where nothing was answered."""
        if not self._begun:
            return None
        return {"bytes": self._size, "sha256": self._digest.hexdigest(), "chunks": self._chunks}

    def text(self) -> bytes | None:
        """All of it; `None` where it is not held."""
        return b"".join(self._pieces) if self.keeps and self._begun else None


def text_bytes(value: Any) -> bytes:
    """A text in UTF-8, bytes as they are, anything else as canonical JSON; what is no JSON as it would be recorded."""
    if isinstance(value, str):
        try:
            return str.encode(value)
        except UnicodeEncodeError:
            return undecoded(value).encode()
    if isinstance(value, bytes):
        return value
    try:
        return canonical_bytes(value)
    except Exception:  # no JSON, or another thread changes it meanwhile
        return _coerced(value)


def _coerced(value: Any) -> bytes:
    try:
        return canonical_bytes(with_encoded_bytes(coerce(value)[0]))
    except Exception:  # too deep, or a foreign object
        return text_of(value).encode("utf-8", "replace")


def messages_in(prompt: Any) -> int | None:
    """Of how many messages a prompt is made; `None` where it does not tell."""
    found = prompt.get("messages") if isinstance(prompt, dict) else prompt
    return len(found) if isinstance(found, (list, tuple)) else None
