"""Catalogs that misbehave, each in one way, each named for what it does. `CATALOG_ZOO` says which test must fail on it.

They are built on `runstone.testing.drawer`, so each is nothing but its fault.
"""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runstone.core.card import amended, folded
from runstone.errors import RunstoneError
from runstone.ports.catalog import Known
from runstone.testing.drawer import Drawer, PlainCatalog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runstone.core.card import Card
    from runstone.core.query import Cursor, Query


class StampsWhatIsNew(PlainCatalog):
    """Has a stamp before it was given one."""

    def stamp(self) -> str | None:
        """Broken."""
        return super().stamp() or ""


class KeepsToItself(PlainCatalog):
    """Shows other handles nothing."""

    def __init__(self, drawer: Drawer) -> None:  # noqa: ARG002  # as the one that it stands for
        super().__init__(Drawer())


class KeepsTheFirst(PlainCatalog):
    """Keeps no card of a run that it has one of."""

    def update(self, known: Iterable[Known], gone: Iterable[str], stamp: str | None) -> None:
        """Broken."""
        super().update((), gone, stamp)
        super().update([one for one in known if one.card["run_id"] not in self.drawer.known], (), stamp)


class ForgetsNothing(PlainCatalog):
    """Finds what is gone."""

    def update(self, known: Iterable[Known], gone: Iterable[str], stamp: str | None) -> None:  # noqa: ARG002  # as the one that it stands for
        """Broken."""
        super().update(known, (), stamp)


class KeepsTheStamp(PlainCatalog):
    """Lets the stamp stand where none is given."""

    def update(self, known: Iterable[Known], gone: Iterable[str], stamp: str | None) -> None:
        """Broken."""
        super().update(known, gone, stamp or self.stamp())


class ClearsTheStampAlone(PlainCatalog):
    """Forgets the stamp, and no card."""

    def clear(self) -> None:
        """Broken."""
        known = self.drawer.known
        super().clear()
        self.drawer.known = known


class IsOfOneGeneration(PlainCatalog):
    """Does not say that everything was forgotten."""

    def generation(self) -> int:
        """Broken."""
        return 0


class HidesDamage(PlainCatalog):
    """Tells of no damaged run."""

    def damaged(self) -> list[str]:
        """Broken."""
        return []


class FoldsNothing(PlainCatalog):
    """Answers cards as they came."""

    def effective(self) -> list[Card]:
        """Broken."""
        return [known.card for known in self.drawer.known.values()]


class FoldsTheLast(PlainCatalog):
    """Takes the annotation that came last for the latest."""

    def effective(self) -> list[Card]:
        """Broken."""
        cards = [known.card for known in self.drawer.known.values()]
        last = {link["run_id"]: card["run_id"] for card in cards for link in amended(card)}
        return folded([card for card in cards if not amended(card) or card["run_id"] in last.values()])


class FoldsWhatNobodyAmends(PlainCatalog):
    """Takes an annotation that is annotated for one that is none any more."""

    def effective(self) -> list[Card]:
        """Broken."""
        cards = [known.card for known in self.drawer.known.values()]
        targets = {link["run_id"] for card in cards for link in amended(card)}
        return folded([{**card, "annotation": None} if card["run_id"] in targets else card for card in cards])


class KeepsAliases(PlainCatalog):
    """Takes no alias away from a run."""

    def effective(self) -> list[Card]:
        """Broken."""
        cards = [known.card for known in self.drawer.known.values()]
        given = {
            link["run_id"]: list(card["annotation"].get("aliases", {})) for card in cards for link in amended(card)
        }
        return [{**card, "aliases": given.get(card["run_id"], card["aliases"])} for card in super().effective()]


class TakesAnyCursor(PlainCatalog):
    """Begins anew where a cursor leads nowhere."""

    def cards(self, query: Query, after: Cursor | None, limit: int | None) -> list[Card]:
        """Broken."""
        try:
            return super().cards(query, after, limit)
        except RunstoneError:
            return super().cards(query, None, limit)


class EndsAtNul(PlainCatalog):
    """Keeps a name up to its first NUL."""

    def update(self, known: Iterable[Known], gone: Iterable[str], stamp: str | None) -> None:
        """Broken."""
        cut = [
            one._replace(card={**one.card, "name": one.card["name"] and one.card["name"].partition("\0")[0]})
            for one in known
        ]
        super().update(cut, gone, stamp)


class EndsEarly(PlainCatalog):
    """Gives no more than five hundred at once."""

    def cards(self, query: Query, after: Cursor | None, limit: int | None) -> list[Card]:
        """Broken."""
        return super().cards(query, after, 500 if limit is None else min(limit, 500))


class AnswersWholeCards(PlainCatalog):
    """Takes a card for its row."""

    def rows(self, query: Query, after: Cursor | None, limit: int | None) -> list[dict[str, Any]]:
        """Broken."""
        return self.cards(query, after, limit)


class ShowsCardByCard(PlainCatalog):
    """Makes of an update one for each card."""

    def update(self, known: Iterable[Known], gone: Iterable[str], stamp: str | None) -> None:
        """Broken."""
        super().update((), gone, stamp)
        for one in known:
            sleep(0.0005)
            super().update([one], (), stamp)


class LosesUpdates(PlainCatalog):
    """Reads, adds and keeps without a lock: of two that update one is lost."""

    def update(self, known: Iterable[Known], gone: Iterable[str], stamp: str | None) -> None:
        """Broken."""
        mine = Drawer()
        mine.known = self.drawer.known
        PlainCatalog(mine).update(known, gone, stamp)
        sleep(0.0005)
        self.drawer.known, self.drawer.stamp = mine.known, stamp


class Filing(NamedTuple):
    """A catalog that misbehaves, and the test that must fail on it."""

    caught_by: str
    catalog: type[PlainCatalog]


CATALOG_ZOO: Final = {
    "stamps what is new": Filing("test_a_new_catalog_knows_nothing", StampsWhatIsNew),
    "keeps to itself": Filing("test_it_keeps_cards_marks_and_the_stamp", KeepsToItself),
    "keeps the first": Filing("test_a_card_replaces_an_earlier_one", KeepsTheFirst),
    "forgets nothing": Filing("test_what_is_gone_is_forgotten", ForgetsNothing),
    "keeps the stamp": Filing("test_cards_without_a_stamp_take_it_away", KeepsTheStamp),
    "clears the stamp alone": Filing("test_clear_forgets_everything", ClearsTheStampAlone),
    "is of one generation": Filing("test_a_generation_ends_when_everything_is_forgotten", IsOfOneGeneration),
    "hides damage": Filing("test_damaged_runs_are_told_and_come_last", HidesDamage),
    "folds nothing": Filing("test_annotations_are_folded_in_order_of_time", FoldsNothing),
    "folds the last": Filing("test_annotations_are_folded_in_order_of_time", FoldsTheLast),
    "folds what nobody amends": Filing(
        "test_an_annotation_that_is_annotated_itself_still_counts", FoldsWhatNobodyAmends
    ),
    "keeps aliases": Filing("test_an_alias_is_of_the_run_that_got_it_last", KeepsAliases),
    "takes any cursor": Filing("test_a_cursor_of_another_order_is_refused", TakesAnyCursor),
    "ends at NUL": Filing("test_hostile_values_are_literals", EndsAtNul),
    "ends early": Filing("test_a_store_of_many_has_its_pages", EndsEarly),
    "answers whole cards": Filing("test_any_sequence_of_changes_agrees_with_looking_at_every_card", AnswersWholeCards),
    "shows card by card": Filing("test_an_update_is_seen_whole", ShowsCardByCard),
    "loses updates": Filing("test_threads_that_update_at_once_lose_nothing", LosesUpdates),
}
