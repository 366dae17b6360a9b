"""Purge: the only way in which a sealed run leaves a store.

- Two phases: a run is marked first and stays readable; once its time to think it over has passed, the next purge
  removes it. Between the two a hold, or who asks for it, takes the mark back.
- What a policy means is decided by `core.retention`; here are the runs that it is asked about, and what is done.
- Holds are looked at again right before anything is removed, some runs at a time: what was labelled or named meanwhile
  stays.
- A run that cannot be marked or removed now is told with the reason and stays as it is; the others go on.
- One run alone goes at once or stays unmarked; what else is marked is none of its business.
"""

from __future__ import annotations

import time
from contextlib import closing

from runstone.core.events import ANNOTATION
from runstone.core.retention import DEFAULT_GRACE_S, Policy, amended_ids, decide, held
from runstone.core.times import SECOND_NS, time_text
from runstone.core.tombstone import MAX_TEXT_CHARACTERS, PENDING, Tombstone
from runstone.engine.finder import among
from runstone.engine.publishing import publisher_of
from runstone.engine.retention import policy_in_force
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, Final

    from runstone.core.card import Card
    from runstone.core.retention import Decision
    from runstone.engine.finder import Finder
    from runstone.engine.publishing import Publisher
    from runstone.engine.store import Store
    from runstone.ports.objects import Objects, Removed

    Progress = Callable[[int, int], None]
    """Told how many runs are done, of how many."""

MARK: Final = "mark"
WAIT: Final = "wait"
REMOVE: Final = "remove"
RELEASE: Final = "release"
ACTIONS: Final = (REMOVE, MARK, WAIT, RELEASE)
BATCH: Final = 100
"""So many runs are removed between two looks at the holds."""
TAKE_BACK_S: Final = 1.0
"""So long it is tried to take back a mark of which somebody has the run for a moment."""
_PAUSE_S: Final = 0.02


class Fate:
    """What a purge does with one run."""

    __slots__ = (
        "action", "digest", "done", "follows", "kind", "not_before", "opened_at", "outcome_digest", "problem", "rule",
        "run_id", "size_bytes", "status",
    )  # fmt: skip

    def __init__(self, known: Card | Tombstone, action: str, rule: str, not_before: str, follows: str | None) -> None:
        facts: Any = known.as_dict() if isinstance(known, Tombstone) else known
        self.run_id: str = facts["run_id"]
        self.kind: str = facts["kind"]
        self.status: str = facts["status"]
        self.opened_at: str = facts["opened_at"]
        self.digest: str = facts["digest"]
        self.outcome_digest: str = facts["outcome_digest"]
        self.size_bytes = 0
        self.rule = rule
        self.follows = follows
        """The run that it amends, and goes with."""
        self.action = action
        """`mark`, `wait` (marked, its time has not come), `remove`, or `release` (marked, and now held)."""
        self.not_before = not_before
        """When it may be removed, in UTC."""
        self.done = False
        self.problem: RunstoneError | None = None
        """Why it was not done."""

    def as_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        found = {name: getattr(self, name) for name in sorted(self.__slots__)}
        return {**found, "problem": None if self.problem is None else self.problem.as_dict()}

    def __repr__(self) -> str:
        return f"<Fate {self.run_id} {self.action}>"


class Purge:
    """What a purge does, or would do: `fates` in the order of removal, and how many runs were `kept`, by the reason."""

    __slots__ = ("applied", "fates", "kept")

    def __init__(self, fates: list[Fate], kept: dict[str, int]) -> None:
        self.fates = fates
        self.kept = kept
        self.applied = False

    def of(self, action: str) -> list[Fate]:
        """The runs of one action."""
        return [fate for fate in self.fates if fate.action == action]

    def as_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        runs = [fate.as_dict() for fate in self.fates]
        return {"applied": self.applied, "runs": runs, "kept": dict(sorted(self.kept.items()))}

    def only(self, run_id: str) -> Purge:
        """What of it concerns one run: that, and what amends it."""
        going = {run_id}
        fates = []
        for fate in self.fates:  # what amends a run stands behind it
            if fate.run_id == run_id or fate.follows in going:
                going.add(fate.run_id)
                fates.append(fate)
        return Purge(fates, {})

    def __repr__(self) -> str:
        return f"<Purge of {len(self.fates)} runs>"


class Purger:
    """Purges one store under one policy. `now_ns` is asked once: all that one purge does is of one moment.

    `needed` answers the runs that open runs link to.
    """

    def __init__(
        self,
        finder: Finder,
        objects: Objects,
        publisher: Publisher,
        policy: Policy,
        now_ns: int,
        needed: Callable[[], set[str]],
        progress: Progress | None,
    ) -> None:
        self._finder = finder
        self._objects = objects
        self._publisher = publisher
        self._policy = policy
        self._now_ns = now_ns
        self._needed = needed
        self._progress = progress
        self._grace_s = DEFAULT_GRACE_S if policy.grace_s is None else policy.grace_s
        self._marked: list[str] = []

    # what would be done

    def plan(self) -> Purge:
        """What is to be done; nothing is written."""
        there = set(self._objects.run_ids())
        stones = {stone.run_id: stone for stone in self._objects.tombstones()}
        marked = {run_id: stone for run_id, stone in stones.items() if stone.state == PENDING and run_id in there}
        cards = self._cards(marked)
        decisions = decide(
            self._policy,
            cards.values(),
            self._sizes(cards.values()),
            self._now_ns,
            marked=marked,
            gone={run_id for run_id in stones if run_id not in there},
            needed=self._needed(),
        )
        halfway = [stone for stone in stones.values() if stone.state == PENDING and stone.run_id not in there]
        fates = [Fate(stone, REMOVE, stone.rule, stone.not_before, stone.follows) for stone in halfway]
        kept: dict[str, int] = {}
        for decision in decisions:
            fate = self._fate(decision, cards, marked.get(decision.run_id))
            if fate is None:
                kept[decision.rule] = kept.get(decision.rule, 0) + 1
            else:
                fates.append(fate)
        return Purge(self._ordered(fates), kept)

    def _cards(self, marked: Iterable[str]) -> dict[str, Card]:
        """All cards that `decide` asks for."""
        found: dict[str, Card] = {}
        for query in [rule.query for rule in self._policy.rules] + [among("kind", [ANNOTATION])]:
            found.update((card["run_id"], card) for card in self._finder.cards(query))
        targets = {target for card in found.values() for target in amended_ids(card)}
        self._add(found, {*marked, *targets} - found.keys())
        return found

    def _add(self, found: dict[str, Card], run_ids: Iterable[str]) -> None:
        for batch in batches(sorted(run_ids)):
            found.update((card["run_id"], card) for card in self._finder.cards(among("id", batch)))

    def _sizes(self, cards: Iterable[Card]) -> dict[str, int]:
        """Bytes of every run that a rule with a limit of size fits."""
        queries = [rule.query for rule in self._policy.rules if rule.max_bytes is not None]
        wanted = [card["run_id"] for card in cards if any(query.fits(card) for query in queries)]
        return dict(self._measured(wanted))

    def _measured(self, run_ids: list[str]) -> Iterator[tuple[str, int]]:
        for done, run_id in enumerate(run_ids, 1):
            yield run_id, size_of(self._objects, run_id)
            self._tell(done, len(run_ids))

    def _fate(self, decision: Decision, cards: dict[str, Card], stone: Tombstone | None) -> Fate | None:
        """What is done with a run; `None` where it is kept. `stone` is its mark, if it is marked."""
        if stone is not None and decision.held:
            return Fate(stone, RELEASE, decision.rule, stone.not_before, stone.follows)
        if stone is not None:
            due = stone.not_before <= time_text(self._now_ns)
            return Fate(stone, REMOVE if due else WAIT, stone.rule, stone.not_before, stone.follows)
        if not decision.purge:
            return None
        not_before = time_text(self._now_ns + int(self._grace_s * SECOND_NS))
        return Fate(cards[decision.run_id], MARK, decision.rule, not_before, decision.follows)

    def _ordered(self, fates: list[Fate]) -> list[Fate]:
        """The oldest first, what amends a run behind it; what goes with a run goes when that one does."""
        by_id = {fate.run_id: fate for fate in fates}
        for fate in fates:
            target = by_id.get(fate.follows or "")
            if fate.action == MARK and target is not None:
                fate.not_before = target.not_before
            elif fate.action == MARK and fate.follows is not None:  # its run is gone
                fate.not_before = time_text(self._now_ns)
        sizes = dict(self._measured([fate.run_id for fate in fates]))
        for fate in fates:
            fate.size_bytes = sizes[fate.run_id]
        return sorted(fates, key=lambda fate: (fate.follows is not None, fate.opened_at, fate.run_id))

    # what is done

    def apply(self, purge: Purge, by: str | None, user: str, reason: str | None, clean: Callable[[str], str]) -> None:
        """Do what is planned: take back marks, mark, and remove what is due. `clean` takes secrets out of texts.

        `by` is who asks for it (else the `user`); what somebody else has marked before is removed by the `user`.
        """
        purge.applied = True
        asks = clean(by or user)[:MAX_TEXT_CHARACTERS]
        for fate in purge.of(RELEASE):
            self._release(fate)
        for fate in purge.of(MARK):
            self._mark(fate, self._tombstone(fate, asks, reason, clean))
        now = time_text(self._now_ns)
        due = [
            fate
            for fate in purge.fates
            if fate.action == REMOVE or (fate.action == MARK and fate.done and fate.not_before <= now)
        ]
        asked = {fate.run_id for fate in due if fate.action == MARK}
        by_run = {fate.run_id: asks if fate.run_id in asked else user for fate in due}
        stay: set[str] = set()
        for done, batch in enumerate(batches(due)):
            self._remove(batch, by_run, stay)
            self._tell(min((done + 1) * BATCH, len(due)), len(due))

    def _mark(self, fate: Fate, stone: Tombstone) -> None:
        try:
            fate.done = self._objects.mark(stone)
        except RunstoneError as exc:
            fate.problem = exc
        else:
            if fate.done:
                self._marked.append(fate.run_id)
            else:  # another purge was first, and its time stands
                fate.action = WAIT

    def take_back(self) -> list[str]:
        """Take back the marks of this purge of which the runs are there; answers those that somebody has just now."""
        return [run_id for run_id in self._marked if not self._is_unmarked(run_id)]

    def _is_unmarked(self, run_id: str) -> bool:
        try:
            self._objects.unmark(run_id)
        except RunstoneError:
            return False
        return True

    def _remove(self, batch: list[Fate], by_run: Mapping[str, str], stay: set[str]) -> None:
        """Remove runs, but for those that are held by now, and for what amends a run that stays; `stay` grows."""
        cards: dict[str, Card] = {}
        self._add(cards, [fate.run_id for fate in batch])
        self._add(cards, {target for card in list(cards.values()) for target in amended_ids(card)} - cards.keys())
        kept = held(self._policy.holds, cards.values(), self._needed())
        together: dict[str, Fate] = {}
        for fate in batch:
            if fate.follows in together:  # whether it may go is known when that one has gone
                self._remove_all(together, by_run, stay, cards)
            if fate.run_id in kept:
                fate.rule = kept[fate.run_id]
                self._release(fate)
                stay.add(fate.run_id)
            elif fate.follows in stay:
                fate.action, fate.done = WAIT, False
                stay.add(fate.run_id)
            else:
                together[fate.run_id] = fate
        self._remove_all(together, by_run, stay, cards)

    def _remove_all(
        self, together: dict[str, Fate], by_run: Mapping[str, str], stay: set[str], cards: dict[str, Card]
    ) -> None:
        """Remove runs, and note what became of each; `together` is empty afterwards, and `stay` grows."""
        places = {run_id: self._places(fate, cards.get(run_id)) for run_id, fate in together.items()}
        blocked = self._taken_away(places)  # first: nobody would know of a copy without its bundle
        due = [run_id for run_id in together if run_id not in blocked]
        answers: dict[str, Removed | RunstoneError] = {**blocked}
        for by in sorted({by_run[run_id] for run_id in due}):
            theirs = [run_id for run_id in due if by_run[run_id] == by]
            answers.update(self._objects.remove_many(theirs, time_text(self._now_ns), by))
        for run_id, fate in together.items():
            answer = answers[run_id]
            fate.action, fate.done = REMOVE, answer in ("removed", "gone")
            if isinstance(answer, RunstoneError):
                fate.problem = answer
            elif not fate.done:  # somebody took the mark back a moment ago
                fate.action, fate.rule, fate.done = RELEASE, "its mark was taken back", True
            if fate.action == REMOVE and fate.done:
                self._publisher.remove(places[run_id])  # that a recovery has made again meanwhile
                continue
            stay.add(run_id)
            if places[run_id]:
                self._publisher.restore(run_id)
        together.clear()

    def _places(self, fate: Fate, card: Card | None) -> list[str]:
        """Where a run has published copies."""
        return [] if card is None else self._publisher.places_by(card["contract"], fate.run_id, fate.opened_at)

    def _taken_away(self, places: dict[str, list[str]]) -> dict[str, RunstoneError]:
        """Take copies away; answers the runs of which that cannot be done, and why."""
        problems = {}
        for run_id, copies in places.items():
            try:
                self._publisher.remove(copies)
            except RunstoneError as exc:
                problems[run_id] = exc
        return problems

    def _release(self, fate: Fate) -> None:
        fate.action, fate.done = RELEASE, False
        try:
            self._objects.unmark(fate.run_id)
        except RunstoneError as exc:
            fate.problem = exc
        else:
            fate.done = True

    def _tombstone(self, fate: Fate, by: str, reason: str | None, clean: Callable[[str], str]) -> Tombstone:
        return Tombstone(
            run_id=fate.run_id,
            kind=fate.kind[:MAX_TEXT_CHARACTERS],
            status=fate.status,
            digest=fate.digest,
            outcome_digest=fate.outcome_digest,
            opened_at=fate.opened_at,
            rule=clean(fate.rule)[:MAX_TEXT_CHARACTERS],
            reason=None if reason is None else clean(reason)[:MAX_TEXT_CHARACTERS],
            follows=fate.follows,
            marked_at=time_text(self._now_ns),
            marked_by=by,
            not_before=fate.not_before,
        )

    def _tell(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(done, total)


def purger_of(store: Store, policy: Policy, now_ns: int, progress: Progress | None = None) -> Purger:
    """The purger of a store under a policy."""
    finder, needed = store._finder, store._needed  # noqa: SLF001  # parts of the store, which it gives nobody else
    return Purger(finder, store.objects, publisher_of(store), policy, now_ns, needed, progress)


def purge_run(store: Store, run_id: str, rule: str, *, by: str, reason: str) -> None:
    """Purge one run at once, and what amends it; what else is marked stays as it is.

    `rule` is what its tombstone names. Raises `run_in_use` where the run stays: then nothing is marked that was not
    marked before, or the error says so. What a call has marked that dies is for the next purge of the store.
    """
    from runstone.engine.current import not_in_a_replay

    not_in_a_replay("purges runs")
    now_ns, redactor = store.clock.time_ns(), store.redactor()
    force = policy_in_force({"rules": [{"name": rule, "query": f'id:"{run_id}"'}], "grace": "0"}, store.host, now_ns)
    purger = purger_of(store, force, now_ns)
    purge = purger.plan().only(run_id)
    purger.apply(purge, by, store.host.user(), reason, lambda text: redactor.text(text)[0])
    fate = next((fate for fate in purge.fates if fate.run_id == run_id), None)
    if fate is not None and fate.action == REMOVE and fate.done:
        return
    why = _why_it_stays(fate)
    waits_until = time.monotonic() + TAKE_BACK_S
    while purger.take_back():
        if time.monotonic() >= waits_until:
            why += "; its mark stands, as somebody has it: the next purge takes it"
            break
        time.sleep(_PAUSE_S)
    raise error("run_in_use", f"run {run_id} is not purged: {why}", target=run_id, reason=why)


def _why_it_stays(fate: Fate | None) -> str:
    if fate is not None and fate.problem is not None:
        return fate.problem.message
    if fate is not None and fate.action == WAIT:
        return f"it is marked already, and goes by the first purge after {fate.not_before}"
    return "a hold, a name or an open run keeps it"


def cancel(finder: Finder, objects: Objects, run_id: str) -> list[str]:
    """Take the mark of a run back, and those of what goes with it: what amends it, what amends that, and so on.

    Answers their ids, none if it is not marked.
    """
    if not objects.unmark(run_id):
        return []
    going = {
        stone.run_id: {stone.follows} for stone in objects.tombstones() if stone.follows and stone.state == PENDING
    }
    for batch in batches(sorted(going)):
        for card in finder.cards(among("id", batch)):
            going[card["run_id"]].update(amended_ids(card))  # the mark names one run of those that it amends
    found = [run_id]
    for target in found:
        found += [other for other in going if target in going[other] and other not in found and objects.unmark(other)]
    return found


def size_of(objects: Objects, run_id: str) -> int:
    """Bytes of a bundle's files; 0 where there is none."""
    try:
        with closing(objects.open(run_id)) as bundle:
            return sum(entry.size for entry in bundle.entries())
    except RunstoneError:
        return 0


def batches(items: list[Any]) -> Iterator[list[Any]]:
    """A list in parts of `BATCH`."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
