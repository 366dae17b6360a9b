"""Which runs a purge takes: a pure function of rules, cards, sizes and the time.

- A rule takes sealed runs that its query fits and that its limits (age, number, size) leave over; the first rule that
  takes a run decides. Age is counted from the end of a run.
- A hold wins over every rule: those of the policy, and three that always stand: an alias names the run, an open run
  links to it, it cannot be read.
- An annotation goes with the run that it amends, and is held with it. Alone, annotations and verdicts go only by a
  rule whose query names their kind.
"""

from __future__ import annotations

from runstone.core.amounts import SIZE_EXAMPLES, SPAN_EXAMPLES, size_bytes, span_s
from runstone.core.card import SEALED, place_of
from runstone.core.events import ANNOTATION
from runstone.core.query import parse_query
from runstone.core.settings import Table, whole_file
from runstone.core.times import SECOND_NS, parse_time
from runstone.core.words import AMENDS
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any, Final

    from runstone.core.card import Card
    from runstone.core.query import Query

DEFAULT_GRACE_S: Final = 7 * 86_400.0
MARKED: Final = "marked before"
_RETENTION: Final = {"grace", "rules", "holds"}
_RULE: Final = {"name", "query", "older_than", "keep_last", "max_size"}
_HOLD: Final = {"name", "query"}


class Rule:
    """Takes of the runs that `query` fits those that are older than `older_than_s`, are not among the `keep_last`
    newest of their kind, and, the oldest first, do not fit into `max_bytes` together; limits that are `None` take all.
    """

    __slots__ = ("keep_last", "max_bytes", "name", "older_than_s", "query")

    def __init__(
        self, name: str, query: Query, older_than_s: float | None, keep_last: int | None, max_bytes: int | None
    ) -> None:
        self.name = name
        self.query = query
        self.older_than_s = older_than_s
        self.keep_last = keep_last
        self.max_bytes = max_bytes


class Hold:
    """Runs that no rule takes."""

    __slots__ = ("name", "query")

    def __init__(self, name: str, query: Query) -> None:
        self.name = name
        self.query = query


class Policy:
    """Rules in their order, holds, and how long a marked run stays readable; `None` where nothing is said."""

    __slots__ = ("grace_s", "holds", "rules")

    def __init__(self, rules: tuple[Rule, ...], holds: tuple[Hold, ...], grace_s: float | None) -> None:
        self.rules = rules
        self.holds = holds
        self.grace_s = grace_s


class Decision:
    """What becomes of one run, and the rule or hold that decided."""

    __slots__ = ("follows", "held", "purge", "rule", "run_id")

    def __init__(
        self, run_id: str, rule: str, *, purge: bool = False, held: bool = False, follows: str | None = None
    ) -> None:
        self.run_id = run_id
        self.rule = rule
        self.purge = purge
        self.held = held
        """Whether a hold keeps it, and not only a limit of the rule."""
        self.follows = follows
        """The run that it amends, where it goes with that one."""


def policy_of_file(data: bytes, path: str, now_ns: int) -> Policy:
    """The policy in the table `retention` of a settings file. Raises `invalid_settings`."""
    return _policy(whole_file(data, path).table("retention", _RETENTION), now_ns)


def policy_of(value: Mapping[str, Any], now_ns: int) -> Policy:
    """The policy that a mapping of the same shape is. Raises `invalid_settings`."""
    return _policy(Table(value, "the policy", "retention", _RETENTION), now_ns)


def _policy(table: Table, now_ns: int) -> Policy:
    rules = tuple(_rule(row, now_ns) for row in table.tables("rules", _RULE))
    holds = tuple(
        Hold(row.maybe_text("name") or row.text("query"), _query(row, now_ns)) for row in table.tables("holds", _HOLD)
    )
    return Policy(rules, holds, _span(table, "grace"))


def _rule(row: Table, now_ns: int) -> Rule:
    older_than_s, keep_last = _span(row, "older_than"), row.maybe_number("keep_last")
    size = row.maybe_text("max_size")
    max_bytes = None if size is None else size_bytes(size)
    if size is not None and max_bytes is None:
        raise row.wrong(f"has a 'max_size' that is no size; write {SIZE_EXAMPLES}")
    text = row.maybe_text("query") or ""
    if not text.strip() and older_than_s is None and keep_last is None and max_bytes is None:
        raise row.wrong("would take every run: give a query, older_than, keep_last or max_size")
    words = [
        text.strip(),
        f"older than {row.maybe_text('older_than')}" if older_than_s is not None else "",
        f"not among the last {keep_last}" if keep_last is not None else "",
        f"over {size} together" if max_bytes is not None else "",
    ]
    name = row.maybe_text("name") or ", ".join(word for word in words if word)
    return Rule(name, _query(row, now_ns), older_than_s, keep_last, max_bytes)


def _query(row: Table, now_ns: int) -> Query:
    try:
        return parse_query(row.maybe_text("query") or "", now_ns)
    except RunstoneError as exc:
        raise row.wrong(f"has a query that is none: {exc.message}") from None


def _span(table: Table, key: str) -> float | None:
    text = table.maybe_text(key)
    seconds = None if text is None else span_s(text)
    if text is not None and seconds is None:
        raise table.wrong(f"has {key!r} that is no span of time; write {SPAN_EXAMPLES}")
    return seconds


def amended_ids(card: Mapping[str, Any]) -> list[str]:
    """The runs that an annotation amends: it goes with them."""
    if card["kind"] != ANNOTATION:
        return []
    return [link["run_id"] for link in card["links"] if link["rel"] == AMENDS]


def held(holds: Iterable[Hold], cards: Iterable[Card], needed: Collection[str]) -> dict[str, str]:
    """By run id, why a run is not to be taken. `needed` are runs that an open run links to."""
    found = {}
    waiting = []
    for card in cards:
        why = _hold(card, holds, needed)
        if why is not None:
            found[card["run_id"]] = why
        elif amended_ids(card):
            waiting.append(card)
    for card in sorted(waiting, key=place_of):
        for target in amended_ids(card):
            if target in found:
                found[card["run_id"]] = f"its run {target} is held"
    return found


def _hold(card: Card, holds: Iterable[Hold], needed: Collection[str]) -> str | None:
    if card["state"] != SEALED:
        return "it cannot be read"
    if card["aliases"]:
        return f"the alias {card['aliases'][0]} names it"
    if card["run_id"] in needed:
        return "an open run links to it"
    return next((f"held: {hold.name}" for hold in holds if hold.query.fits(card)), None)


def decide(
    policy: Policy,
    cards: Iterable[Card],
    sizes: Mapping[str, int],
    now_ns: int,
    *,
    marked: Collection[str] = (),
    gone: Collection[str] = (),
    needed: Collection[str] = (),
) -> list[Decision]:
    """For every run that a rule's query fits, that is marked, or that goes with another: whether it goes, and why.

    `cards` are effective ones: of every run that a rule fits, of the marked ones, of what amends those, and of the
    runs that an annotation amends which a rule fits. `sizes` are bytes by run id, for rules with `max_size`. `marked`
    are runs that a purge has marked; they go unless they are held. `gone` are runs that were purged.
    """
    ordered = sorted(cards, key=place_of)
    kept = held(policy.holds, ordered, needed)
    answer = {run_id: Decision(run_id, MARKED, purge=True) for run_id in marked if run_id not in kept}
    spared: dict[str, Decision] = {}
    for rule in policy.rules:
        fitting = [card for card in ordered if card["run_id"] not in answer and rule.query.fits(card)]
        for decision in _by_rule(rule, fitting, kept, sizes, now_ns):
            (answer if decision.purge else spared)[decision.run_id] = decision
    for run_id in marked:
        if run_id in kept:
            spared[run_id] = Decision(run_id, kept[run_id], held=True)
    for card in ordered:
        run_id, targets = card["run_id"], amended_ids(card)
        going = [target for target in targets if target in answer or target in gone]
        if targets and len(going) == len(targets) and run_id not in answer and run_id not in kept:
            answer[run_id] = Decision(run_id, f"goes with run {going[0]}", purge=True, follows=going[0])
    return [*answer.values(), *(decision for run_id, decision in spared.items() if run_id not in answer)]


def _by_rule(
    rule: Rule, fitting: list[Card], kept: Mapping[str, str], sizes: Mapping[str, int], now_ns: int
) -> list[Decision]:
    """Of runs in the order of their age, the oldest first, what one rule makes of each."""
    newest = _newest(fitting, rule.keep_last)
    room = None if rule.max_bytes is None else sum(sizes[card["run_id"]] for card in fitting) - rule.max_bytes
    decisions = []
    for card in fitting:
        run_id = card["run_id"]
        if run_id in kept:
            decisions.append(Decision(run_id, kept[run_id], held=True))
        elif rule.older_than_s is not None and _age_s(card, now_ns) < rule.older_than_s:
            decisions.append(Decision(run_id, f"younger than {rule.name!r} takes"))
        elif run_id in newest:
            decisions.append(Decision(run_id, f"among the last {rule.keep_last} of its kind"))
        elif room is not None and room <= 0:
            decisions.append(Decision(run_id, f"fits into the size of {rule.name!r}"))
        else:
            decisions.append(Decision(run_id, rule.name, purge=True))
            room = None if room is None else room - sizes[run_id]
    return decisions


def _newest(fitting: list[Card], keep_last: int | None) -> set[str]:
    if keep_last is None:
        return set()
    by_kind: dict[str | None, list[str]] = {}
    for card in fitting:
        by_kind.setdefault(card["kind"], []).append(card["run_id"])
    return {run_id for run_ids in by_kind.values() for run_id in run_ids[max(0, len(run_ids) - keep_last) :]}


def _age_s(card: Card, now_ns: int) -> float:
    return (now_ns - parse_time(card["closed_at"])) / SECOND_NS
