"""Calls of tools and models as a journal tells them, each with what ruled over it: decisions and approvals.

- A call is told by `tool.called` or `model.called` and by the answer of its kind with the same id. The first telling of
  an id counts, and the last answer (`core.outcome` has the same rule); an answer to no call is passed over.
- A decision or an approval belongs to the call that it names.
- Whatever a program has recorded in an optional member, what is read here has its type: anything else counts as not
  said. So every fold of calls is total.
"""

from __future__ import annotations

from runstone.core.digests import is_sha256
from runstone.core.limits import MAX_SAFE_INTEGER
from runstone.core.words import SIDE_EFFECTS, TOKENS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Final

    from runstone.core.events import Event

TOOL: Final = "tool"
MODEL: Final = "model"
OPEN: Final = "open"
"""Status of a call without an answer."""
BLOCKED: Final = "blocked"

CALLED: Final = {"tool.called": TOOL, "model.called": MODEL}
RETURNED: Final = {"tool.returned": TOOL, "model.returned": MODEL}
EVENTS: Final = (*CALLED, *RETURNED, "decision", "approval", "contract")
"""Types of events that tell of calls."""

MAX_AMOUNT_CHARACTERS: Final = 40


class Call:
    """One call: the data of its events, when they were recorded, and the line of the journal that it began in."""

    __slots__ = ("answer", "approvals", "at", "calls", "decisions", "kind", "line", "told")

    def __init__(self, kind: str, event: Event) -> None:
        self.kind = kind
        self.told: Mapping[str, Any] = event["data"]
        self.at: str = event["ts"]
        self.line: int = event["seq"] + 1
        self.answer: Mapping[str, Any] | None = None
        self.decisions: list[Event] = []
        self.approvals: list[Event] = []
        self.calls: list[str] = []
        """Ids of the calls that were made in it, in the order of calling: those told behind it that name it."""

    @property
    def id(self) -> str:
        """The call's id in its run."""
        return str(self.told.get("call"))

    @property
    def name(self) -> str:
        """The tool's name, or the model's."""
        return text(self.told.get("name" if self.kind == TOOL else "model")) or ""

    @property
    def parent(self) -> str | None:
        """Id of the call around it."""
        return text(self.told.get("parent"))

    @property
    def runs(self) -> list[str]:
        """Ids of the runs that were begun in it: all that its answer names, or the one."""
        several = self.said("children")
        told = several if isinstance(several, list) else [self.said("child")]
        return [run for run in told if isinstance(run, str)]

    @property
    def status(self) -> str:
        """`ok`, `error`, `cancelled`, `blocked`, or what else a program said; `open` without an answer."""
        return OPEN if self.answer is None else text(self.answer.get("status")) or ""

    def said(self, member: str) -> Any:
        """A member of the answer; `None` without one."""
        return None if self.answer is None else self.answer.get(member)

    @property
    def duration_ns(self) -> int | None:
        """How long it took; `None` where that is not known."""
        return count(self.said("duration_ns"))

    @property
    def attempts(self) -> int:
        """How often it was tried; 0 without an answer."""
        return count(self.said("attempts")) or 0

    @property
    def usage(self) -> dict[str, int] | None:
        """Tokens by `TOKENS`, those that were not said as 0; `None` where nothing was."""
        said = self.said("usage")
        return {name: count(said.get(name)) or 0 for name in TOKENS} if isinstance(said, dict) else None

    @property
    def cost(self) -> dict[str, Any] | None:
        """`amount` (decimal text), `currency` and `prices_sha256` (or null); `None` where it is not known."""
        said = self.said("cost")
        if not isinstance(said, dict) or parse_amount(said.get("amount")) is None or not text(said.get("currency")):
            return None
        prices = said.get("prices_sha256")
        known = prices if is_sha256(prices) else None
        return {"amount": said["amount"], "currency": said["currency"], "prices_sha256": known}

    @property
    def side_effect(self) -> str | None:
        """The class of what the tool does to the world, as it was told with the call."""
        said = self.told.get("side_effect")
        return said if said in SIDE_EFFECTS else None


class Calls:
    """All calls of a run, in the order of calling, and the tool contracts that it recorded."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._known: dict[tuple[str, str], Call] = {}
        self._by_id: dict[str, Call] = {}
        self.contracts: dict[str, Any] = {}
        """Digest → document of a tool contract, of the first event that has the digest."""
        self.decisions: list[Event] = []
        """Decisions that belong to no known call: the run's own."""
        self.approvals: list[Event] = []
        """Approvals that belong to no known call."""
        for event in events:
            self.add(event)

    def __iter__(self) -> Any:
        return iter(self._known.values())

    def of(self, kind: str) -> list[Call]:
        """The calls of tools, or those of models."""
        return [call for call in self._known.values() if call.kind == kind]

    def add(self, event: Event) -> None:
        """Take in the next event of a type in `EVENTS`; others are passed over."""
        kind, data = event["type"], event["data"]
        if kind in CALLED:
            call = Call(CALLED[kind], event)
            if (call.kind, call.id) not in self._known:
                self._known[call.kind, call.id] = call
                around = None if call.parent is None else self._by_id.get(call.parent)
                if around is not None:
                    around.calls.append(call.id)
                self._by_id.setdefault(call.id, call)
        elif kind in RETURNED:
            known = self._known.get((RETURNED[kind], str(data.get("call"))))
            if known is not None:
                known.answer = data
        elif kind in ("decision", "approval"):
            self._ruled(kind, event)
        elif kind == "contract" and is_sha256(data.get("sha256")):
            self.contracts.setdefault(data["sha256"], data.get("document"))

    def _ruled(self, kind: str, event: Event) -> None:
        named = event["data"].get("call")
        owner = self if named is None else self._by_id.get(str(named), self)
        (owner.decisions if kind == "decision" else owner.approvals).append(event)


def text(value: Any) -> str | None:
    """`value`, if it is text."""
    return value if isinstance(value, str) else None


def count(value: Any) -> int | None:
    """`value`, if it is an integer, 0 or more."""
    return value if type(value) is int and value >= 0 else None


def parse_amount(value: Any) -> tuple[int, int] | None:
    """Decimal text (`12`, `-0.0031`) as an integer and how many of its digits stand behind the point; else `None`."""
    if not isinstance(value, str) or not value.isascii() or len(value) > MAX_AMOUNT_CHARACTERS:
        return None
    whole, point, part = value.removeprefix("-").partition(".")
    if not whole.isdecimal() or bool(point) != bool(part) or (part and not part.isdecimal()):
        return None
    number = int(whole + part)
    return (-number if value.startswith("-") else number), len(part)


def total_cost(costs: Iterable[Mapping[str, Any] | None]) -> dict[str, str]:
    """Currency → the exact sum of the amounts, decimal text without needless zeros, by the currency's name."""
    sums: dict[str, tuple[int, int]] = {}
    for cost in costs:
        amount = None if cost is None else parse_amount(cost["amount"])
        if cost is not None and amount is not None:
            sums[cost["currency"]] = _added(sums.get(cost["currency"], (0, 0)), amount)
    return {currency: _spelled(*sums[currency]) for currency in sorted(sums)}


def _added(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    digits = max(a[1], b[1])
    return a[0] * 10 ** (digits - a[1]) + b[0] * 10 ** (digits - b[1]), digits


def _spelled(number: int, digits: int) -> str:
    shown = str(abs(number)).rjust(digits + 1, "0")
    whole, part = shown[: len(shown) - digits], shown[len(shown) - digits :].rstrip("0")
    return ("-" if number < 0 else "") + whole + (f".{part}" if part else "")


def total_tokens(usages: Iterable[Mapping[str, int] | None]) -> dict[str, int]:
    """The sums of tokens, by `TOKENS`; what is over the largest number that JSON holds exactly is that number."""
    known = [usage for usage in usages if usage is not None]
    return {name: min(sum(usage[name] for usage in known), MAX_SAFE_INTEGER) for name in TOKENS}


def status_counts(calls: Iterable[Call]) -> dict[str, int]:
    """Status → how many calls have it, by the status's name."""
    counts: dict[str, int] = {}
    for call in calls:
        counts[call.status] = counts.get(call.status, 0) + 1
    return {status: counts[status] for status in sorted(counts)}
