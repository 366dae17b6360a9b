"""Publishes documents: create-once copies outside the bundle, byte-equal to the fold.

- A copy is made of a sealed bundle, and while that is held: nobody purges it meanwhile. Order: note that the store
  publishes, seal, publish. So what a crash leaves is a sealed run whose copy is missing, which `recover` finds.
- A copy that was withdrawn is claimed, create-once, before it goes: nobody writes it again, and the run stays.
- What a recorder has just sealed is published from the journal in its hands; the bundle is held meanwhile and not read.
- A purge takes the copies away before the bundle, and puts them back where that stays.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.contract import PUBLISHED, places_of
from runstone.core.digests import sha256_hex
from runstone.core.parsing import parse_canonical
from runstone.core.times import time_text
from runstone.engine.reader import sealed_under
from runstone.errors import Conflict, NotFound, RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, Final

    from runstone.core.contract import Contract, Document
    from runstone.core.journal import Journal
    from runstone.engine.reader import ContractOf, Sealed
    from runstone.engine.store import Store
    from runstone.ports.journals import Journals
    from runstone.ports.objects import Objects

    Row = Mapping[str, Any]

MISSING: Final = "missing"
WITHDRAWN: Final = "withdrawn"
SAME: Final = "same"
DIFFERENT: Final = "different"


class Copy:
    """A published copy: its place, and its bytes."""

    __slots__ = ("body", "place")

    def __init__(self, place: str, body: bytes) -> None:
        self.place = place
        self.body = body


class Publisher:
    """The published copies of one store."""

    def __init__(self, objects: Objects, journals: Journals, contract_of: ContractOf) -> None:
        self._objects = objects
        self._claims = journals.claims
        self._copies = journals.published
        self._contract_of = contract_of

    def begin(self, contract: Contract) -> None:
        """Before a run of a contract is sealed: note that there may be a copy to make."""
        if getattr(contract, "places", None) is not None:
            self._copies.begin()

    def publish(self, run_id: str) -> list[str]:
        """Make the copies of a sealed run that are missing, or take those away that were withdrawn; answers the places
        of what was done. Raises `published_conflict`, `run_not_found`, `run_purged`, `bundle_damaged`."""
        sealed = sealed_under(self._objects, run_id, self._contract_of)
        try:
            places = self.places(sealed)
            if not places:
                return []
            if self.withdrawn(run_id) is not None:
                return [place for place in places if self._copies.remove(place)]
            self._copies.begin()
            return [
                document.place
                for document in sealed.documents()
                if document.standing == PUBLISHED and self._copies.put(document.place, document.pieces()) == "created"
            ]
        finally:
            sealed.bundle.close()

    def publish_sealed(self, run_id: str, contract: Contract, journal: Journal) -> list[Copy]:
        """Make the copies of a run that was sealed a moment ago, of the journal that was; answers those that stand.
        Nothing of the bundle is read where that journal is held. Raises as `publish`."""
        if not journal.is_held:
            self.publish(run_id)
            return []
        bundle = self._objects.open(run_id)
        try:
            if self.withdrawn(run_id) is not None:
                return []
            copies = [
                Copy(document.place, b"".join(document.pieces()))
                for document in contract.documents(journal)
                if document.standing == PUBLISHED
            ]
            for copy in copies:
                self._copies.put(copy.place, [copy.body])
            return copies
        finally:
            bundle.close()

    def location(self, copy: Copy) -> str:
        """The path of a copy, for people."""
        return self._copies.location(copy.place)

    def places(self, sealed: Sealed) -> list[str]:
        """Where the documents of a sealed run are published; nowhere where its contract is not known here."""
        return self.places_by(sealed.contract, sealed.run_id, sealed.opened_at)

    def places_by(self, contract: str, run_id: str, opened_at: str) -> list[str]:
        """The same of what is known of a run."""
        name, _, version = contract.partition("/")
        try:
            return places_of(self._contract_of(name, version), run_id, opened_at)
        except RunstoneError:
            return []

    def locations(self, sealed: Sealed) -> list[str]:
        """Paths of the copies of a sealed run, for people."""
        return [self._copies.location(place) for place in self.places(sealed)]

    def mend(self, rows: Callable[[], Iterable[Row]]) -> Iterator[tuple[str, list[str], RunstoneError | None]]:
        """Make every copy that is missing: run id, places of what was done, and what kept it from being done.

        `rows` answers what a list shows of sealed runs, as far as one is at hand. It is believed: those runs are opened
        only where a copy is not as it should be. Of all others the manifest is read.
        """
        if not self._copies.begun():
            return
        others = set(self._objects.run_ids())
        for row in rows():
            if row["run_id"] in others:
                others.discard(row["run_id"])
                yield from self._mended(row["run_id"], row)
        for run_id in sorted(others):
            yield from self._mended(run_id, None)

    def _mended(self, run_id: str, row: Row | None) -> Iterator[tuple[str, list[str], RunstoneError | None]]:
        try:
            done = self.publish(run_id) if self._wants(run_id, row) else []
        except NotFound:  # purged at this moment
            return
        except RunstoneError as exc:
            if exc.code != "bundle_damaged":  # `verify` tells of that
                yield run_id, [], exc
            return
        if done:
            yield run_id, done, None

    def _wants(self, run_id: str, row: Row | None) -> bool:
        """Whether a copy of a run is not as it should be, by its name alone."""
        places = self._places_of(run_id) if row is None else self.places_by(row["contract"], run_id, row["opened_at"])
        if not places:
            return False
        gone = self.withdrawn(run_id) is not None
        return any(self._copies.stands(place) == gone for place in places)

    def _places_of(self, run_id: str) -> list[str]:
        sealed = sealed_under(self._objects, run_id, self._contract_of)
        sealed.bundle.close()
        return self.places(sealed)

    def state(self, document: Document, run_id: str) -> str:
        """How the copy of a document stands: `same`, `different`, `missing` or `withdrawn` (though it stands)."""
        found = self._copies.read(document.place)
        if self.withdrawn(run_id) is not None:
            return SAME if found is None else WITHDRAWN
        if found is None:
            return MISSING
        return SAME if b"".join(found) == b"".join(document.pieces()) else DIFFERENT

    # what is taken away

    def withdraw(self, sealed: Sealed, at: str, by: str, reason: str) -> dict[str, Any]:
        """Take the copies of a sealed run away for good; answers what is noted of it: the first one who did it."""
        if not self.places(sealed):
            message = f"run {sealed.run_id} has no published document: its contract {sealed.contract} makes none"
            raise error("invalid_option", message, option="run", run_id=sealed.run_id)
        noted = {"run_id": sealed.run_id, "digest": sealed.digest, "at": at, "by": by, "reason": reason}
        self._claims.put_new(_name(sealed.run_id), canonical_bytes(noted))
        self.remove(self.places(sealed))
        return self.withdrawn(sealed.run_id) or noted

    def withdrawn(self, run_id: str) -> dict[str, Any] | None:
        """What is noted of the withdrawal of a run: `run_id`, `digest`, `at`, `by`, `reason`; `None` without one."""
        body = self._claims.get(_name(run_id))
        if body is None:
            return None
        found: dict[str, Any] = parse_canonical(body)
        return found

    def remove(self, places: list[str]) -> None:
        """Take copies away, as far as they stand."""
        for place in places:
            self._copies.remove(place)

    def restore(self, run_id: str) -> None:
        """Put the copies of a run back that a purge took away and did not purge; where that fails, `recover` will."""
        try:
            self.publish(run_id)
        except (Conflict, NotFound):
            return


def publisher_of(store: Store) -> Publisher:
    """The published copies of a store."""
    return Publisher(store.objects, store.journals, store.contract_of)


def withdraw(store: Store, run: str, *, by: str, reason: str) -> dict[str, Any]:
    """Take the published copies of a sealed run away for good: recovery does not make them again. The run stays.

    Answers what is noted: `run_id`, `digest`, `at`, `by`, `reason`, of the first who withdrew it. Raises
    `invalid_option` for a run that publishes nothing, `store_unavailable`, and as `Store.get`.
    """
    from runstone.engine.current import not_in_a_replay

    not_in_a_replay("withdraws a copy")
    clean = store.redactor().text
    at = time_text(store.clock.time_ns())
    return publisher_of(store).withdraw(store.get(run), at, clean(by)[0], clean(reason)[0])


def _name(run_id: str) -> str:
    return f"{sha256_hex(run_id.lower().encode())}.withdrawn"
