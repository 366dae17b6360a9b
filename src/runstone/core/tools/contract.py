"""A tool's contract: what it is called with, what it answers, what it does to the world, and who must be asked."""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.digests import sha256_hex
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

SIDE_EFFECTS: Final = ("none", "read", "write", "irreversible")


class ToolContract:
    """A versioned document, taken whole; `sha256` is the digest of its canonical bytes."""

    __slots__ = (
        "approval",
        "arguments",
        "budget",
        "data",
        "description",
        "handling",
        "name",
        "result",
        "sha256",
        "side_effect",
        "version",
    )

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.data: dict[str, Any] = dict(document)
        self.name: str = self.data["name"]
        self.version: str = self.data["version"]
        self.description: str | None = self.data.get("description")
        self.arguments: Any = self.data["arguments"]
        self.result: Any = self.data.get("result")
        self.side_effect: str = self.data.get("side_effect", "write")
        self.handling: Any = self.data.get("handling", {})
        self.approval: str = self.data.get("approval", "never")
        self.budget: dict[str, Any] | None = self.data.get("budget")
        self.sha256 = sha256_hex(canonical_bytes(self.data))

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> ToolContract:
        """The contract of a document; raises `invalid_policy`."""
        for member in ("name", "version", "arguments"):
            if member not in document:
                raise error("invalid_policy", f"a tool's contract needs {member!r}", path=f"/{member}")
        return cls(document)
