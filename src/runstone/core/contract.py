"""What a contract is: a name, a version, and a pure function from a run to documents."""

from __future__ import annotations

from runstone.core.digests import new_hash
from runstone.core.printing import print_pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Final, Protocol

    from runstone.core.journal import Journal

    class Contract(Protocol):
        """A versioned pure function from a run to the exact bytes that somebody downstream depends on.

        `documents` yields the contract's documents in the order of their paths. Those that are `SEALED` stand in
        the bundle of a run of this contract; `DERIVED` ones are made when they are read and stored nowhere; a copy of
        those that are `PUBLISHED` stands outside of all bundles, at their `place`.

        A contract that publishes has `places(run_id, opened_at)` as well: those places, known without the journal.
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
PUBLISHED: Final = "published"


class Document:
    """One document: its path in the bundle, where it stands, and its bytes in pieces (made at each call).

    One that is published has a `place` below the store's public folder; of any other that is empty.
    """

    __slots__ = ("path", "pieces", "place", "standing")

    def __init__(
        self, path: str, pieces: Callable[[], Iterator[bytes]], standing: str = SEALED, place: str = ""
    ) -> None:
        self.path = path
        self.pieces = pieces
        self.standing = standing
        self.place = place

    def sha256(self) -> str:
        """The digest of its bytes, as 64 hexadecimal digits."""
        digest = new_hash(size=0)
        for piece in self.pieces():
            digest.update(piece)
        return digest.hexdigest()


def places_of(contract: Contract, run_id: str, opened_at: str) -> list[str]:
    """Where a contract publishes documents of a run; nowhere for one that publishes none."""
    places = getattr(contract, "places", None)
    return [] if places is None else list(places(run_id, opened_at))


def json_document(path: str, value: Any, profile: str) -> Document:
    """A document that is one JSON value in a print profile."""
    return Document(path, lambda: print_pieces(value, profile))
