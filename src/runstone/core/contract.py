"""What a contract is: a name, a version, and a pure function from a run to documents."""

from __future__ import annotations

from runstone.core.printing import print_pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final, Protocol

    from runstone.core.journal import Journal

    class Contract(Protocol):
        """A versioned pure function from a run to the exact bytes that somebody downstream depends on.

        `documents` yields the contract's documents in the order of their paths. Those that are `SEALED` stand in
        the bundle of a run of this contract; `DERIVED` ones are made when they are read and stored nowhere.
        """

        @property
        def name(self) -> str:
            """`ovc`, `runstone`: the word before the slash."""

        @property
        def version(self) -> str:
            """As `run.opened` records it; a released version never changes what it makes."""

        def documents(self, journal: Journal) -> Iterator[Document]:
            """The documents of a whole journal."""


SEALED: Final = "sealed"
DERIVED: Final = "derived"


class Document:
    """One document: its path in the bundle, where it stands, and its bytes in pieces (made at each call)."""

    __slots__ = ("path", "pieces", "standing")

    def __init__(self, path: str, pieces: Callable[[], Iterator[bytes]], standing: str = SEALED) -> None:
        self.path = path
        self.pieces = pieces
        self.standing = standing


def json_document(path: str, value: Any, profile: str) -> Document:
    """A document that is one JSON value in a print profile."""
    return Document(path, lambda: print_pieces(value, profile))
