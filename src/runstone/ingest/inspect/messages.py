"""What passes between a program and a model, of a sample of a log: as sizes and digests, never as text.

A log says each text once: messages stand in a pool that events refer to (`input_refs`, from and to), and what is long
stands among the attachments (`attachment://<id>`). Both are put back before anything is measured, so the same prompt
has the same digest however it was written down. Ids that Inspect gives to messages are no part of a prompt.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.digests import sha256_hex
from runstone.core.values import coerce
from runstone.errors import error
from runstone.ingest.inspect.log import items_of, object_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

_ATTACHMENT: Final = "attachment://"
_SYSTEM_MESSAGE: Final = "system_message"
MAX_ATTACHED: Final = 64 * 1024 * 1024
"""Characters that are put back into one value: a short log can refer to a long text any number of times."""


class Texts:
    """The pools of one sample."""

    def __init__(self, sample: dict[str, Any]) -> None:
        self._attachments = object_of(sample.get("attachments"))
        self._messages = items_of(object_of(sample.get("events_data")).get("messages"))
        self._sample = f"sample {sample.get('id')} (epoch {sample.get('epoch')})"
        self._attached = 0

    def whole(self, value: Any) -> Any:
        """A value with the attachments that it refers to in their places. Raises `too_large`."""
        self._attached = 0
        return self._whole(value)

    def _whole(self, value: Any) -> Any:
        if isinstance(value, str) and value.startswith(_ATTACHMENT):
            return self._text(self._attachments.get(value.removeprefix(_ATTACHMENT)), value)
        if isinstance(value, list):
            return [self._whole(item) for item in value]
        if isinstance(value, dict):
            return {key: self._whole(item) for key, item in value.items()}
        return value

    def _text(self, attachment: Any, reference: str) -> str:
        if not isinstance(attachment, str):
            return reference
        self._attached += len(attachment)
        if self._attached > MAX_ATTACHED:
            message = f"{self._sample}: one of its events refers to more than {MAX_ATTACHED} characters of attachments"
            raise error("too_large", message, limit=MAX_ATTACHED)
        return attachment

    def prompt(self, event: dict[str, Any]) -> dict[str, Any]:
        """What a model was asked, by a model event: `bytes`, `sha256`, `messages`."""
        messages = list(items_of(event.get("input")))
        for span in items_of(event.get("input_refs")):
            if isinstance(span, list) and len(span) == 2 and all(type(at) is int and at >= 0 for at in span):
                messages += self._messages[span[0] : span[1]]
        return {**measured([_nameless(message) for message in self.whole(messages)]), "messages": len(messages)}

    def output(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """What a model answered: `bytes`, `sha256`, `chunks`; `None` where it gave no answer."""
        message = _choice(event).get("message")
        if not isinstance(message, dict):
            return None
        whole = _nameless(self.whole(message))
        plain = isinstance(whole.get("content"), str) and not whole.get("tool_calls")
        return {**measured(whole["content"] if plain else whole), "chunks": None}


def finish_reason(event: dict[str, Any]) -> str | None:
    """Why a model ended its answer."""
    reason = _choice(event).get("stop_reason")
    return reason if isinstance(reason, str) else None


def _choice(event: dict[str, Any]) -> dict[str, Any]:
    choices = items_of(object_of(event.get("output")).get("choices"))
    return object_of(choices[0]) if choices else {}


def _nameless(message: Any) -> Any:
    """A message without the id that Inspect gave it."""
    return {key: value for key, value in message.items() if key != "id"} if isinstance(message, dict) else message


def settings_of(config: Any) -> dict[str, Any]:
    """How a model was asked to answer, with the digest of the system message that may be among it."""
    known = dict(object_of(config))
    if known.get(_SYSTEM_MESSAGE) is not None:
        known[_SYSTEM_MESSAGE] = measured(known[_SYSTEM_MESSAGE])
    return known


def measured(value: Any) -> dict[str, Any]:
    """`bytes` and `sha256` of a text in UTF-8, or of the canonical bytes of any other value."""
    body = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else canonical_bytes(coerce(value)[0])
    return {"bytes": len(body), "sha256": sha256_hex(body)}
