"""A record as a replay reads it: which calls were made, what each answered, and what was recorded meanwhile.

- A fact that is recorded while calls are open belongs to the innermost of them; where several stand side by side, to
  the one that was called last. What belongs to a call of a tool is repeated when the call is answered from the record.
- Calls of tracked functions are the program's own code: `OWN_CALLS` is how their ids begin.
- A run that was begun in a call is told by the answer of that. Any other one counts as begun by the program itself:
  which calls were open when it was sealed says nothing of it.
- A text stays a text: of what stood there the mark `coerced` does not tell.
- Whatever a program has recorded of its own, reading is total: an answer without a call, or a second one, is passed
  over.
"""

from __future__ import annotations

from runstone.core.calls import CALLED, RETURNED, TOOL
from runstone.core.canonical import canonical_bytes, pointer
from runstone.core.digests import sha256_hex
from runstone.core.events import CLOSED, OPENED
from runstone.core.times import SECOND_NS, parse_time
from runstone.core.values import COERCED
from runstone.core.words import CANCELLED
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from typing import Any, Final

    from runstone.core.events import Event

OWN_CALLS: Final = "track-"
DRAWN: Final = {"now": "time", "uuid": "uuid", "seed": "seed"}
"""Type of event → the member that has what was drawn."""
NOT_REPEATED: Final = frozenset({OPENED, CLOSED, "git", "child", "dropped", "divergence", "replay", "environment"})
_BESIDE: Final = frozenset({"class", "code", "details"})
"""Members of an error beside its type and message."""
VERDICT: Final = "verdict"


class RecordedCall:
    """One call of a record. `facts` are the events that belong to it, and those of the calls in it, in order."""

    __slots__ = (
        *("answer", "approvals", "called", "facts", "id", "inner", "kind"),
        *("key", "name", "parent", "shown", "used"),
    )

    def __init__(self, kind: str, event: Event, parent: RecordedCall | None) -> None:
        data = event["data"]
        self.kind = kind
        self.id: str = data["call"]
        self.parent = parent
        self.called = event
        self.answer: Event | None = None
        self.name: str = data["name"] if kind == TOOL else data["model"]
        self.shown = asked_of(kind, data)
        self.key = key_of(kind, self.name, self.shown)
        self.approvals: list[Event] = []
        self.facts: list[Event] = []
        self.inner: list[RecordedCall] = []
        self.used = False

    @property
    def line(self) -> int:
        """The line of the journal that it began in."""
        return int(self.called["seq"]) + 1

    @property
    def own(self) -> bool:
        """Whether it is the program's own code that was tracked."""
        return self.id.startswith(OWN_CALLS)

    def said(self, member: str) -> Any:
        """A member of the answer; `None` without one."""
        return None if self.answer is None else self.answer["data"].get(member)

    @property
    def runs(self) -> list[str]:
        """Ids of the runs that were begun in it, and in no call in it, as its answer tells."""
        told = [self.said("child"), *(found if type(found := self.said("children")) is list else [])]
        return list(dict.fromkeys(run for run in told if type(run) is str))

    def around(self) -> Iterator[RecordedCall]:
        """It, and the calls that it is in, the outermost last."""
        call: RecordedCall | None = self
        while call is not None:
            yield call
            call = call.parent

    def below(self) -> Iterator[RecordedCall]:
        """The calls in it, and those in them."""
        for call in self.inner:
            yield call
            yield from call.below()

    def outcome(self) -> dict[str, Any]:
        """What became of it, as two sides of a replay are compared."""
        return {} if self.answer is None else outcome_of(self.kind, self.answer["data"])

    def side(self) -> dict[str, Any]:
        """The call as a side of a divergence."""
        return {"kind": self.kind, "name": self.name, "args": self.shown, "call": self.id, "line": self.line}


def asked_of(kind: str, data: Any) -> Any:
    """What a call is known by, beside its name: arguments, or digest of the prompt and parameters."""
    if kind == TOOL:
        return data["args"]
    return {"prompt": data["prompt"], "parameters": data["parameters"]}


def outcome_of(kind: str, data: Any) -> dict[str, Any]:
    """Of an answer what counts: times, tokens and prices do not, nor what an error is beside its type and message; of
    what was cancelled the type alone, as the message may hold an address."""
    error = data["error"]
    if type(error) is dict:
        left_out = _BESIDE | {"message"} if data["status"] == CANCELLED else _BESIDE
        error = {name: told for name, told in error.items() if name not in left_out}
    if kind == TOOL:
        found = {"status": data["status"], "result": data["result"], "error": error}
        return found | {name: data[name] for name in ("items", "yielded") if name in data}
    output = data["output"] or {}
    return {"status": data["status"], "output": output.get("sha256"), "error": error}


def key_of(kind: str, name: str, asked: Any) -> str:
    """What two calls share that ask the same of the same."""
    return sha256_hex(canonical_bytes([kind, name, asked]))


class Record:
    """What a replay knows of a run. `calls` are in the order of calling; `together` says whether two of them were open
    side by side, neither in the other."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.calls: list[RecordedCall] = []
        self.drawn: dict[tuple[str, str], list[Event]] = {}
        """Type of event and name → what was drawn."""
        self.inputs: list[Event] = []
        """Inputs that the program itself has recorded, outside of every call."""
        self.children: list[str] = []
        """Ids of runs that are a part of it."""
        self.verdicts: list[Event] = []
        """Verdicts on the run itself."""
        self.contracts: dict[str, Any] = {}
        """By digest: contracts of the tools."""
        self.run_id = ""
        self.opened_at = ""
        """When it began."""
        self.together = False
        self._begun: dict[str, RecordedCall] = {}
        self._by_id: dict[str, RecordedCall] = {}
        self._open: list[RecordedCall] = []
        for event in events:
            self._add(event)

    def _add(self, event: Event) -> None:
        kind, data = event["type"], event["data"]
        if kind in CALLED:
            self._called(CALLED[kind], event)
        elif kind in RETURNED:
            self._returned(event)
        elif kind in ("decision", "approval") and data.get("call") in self._by_id:
            self._ruled(self._by_id[data["call"]], event)
        else:
            self._fact(event)

    def _called(self, kind: str, event: Event) -> None:
        data = event["data"]
        if data["call"] in self._by_id:
            return
        parent = self._by_id.get(data["parent"]) if data["parent"] is not None else None
        call = RecordedCall(kind, event, parent)
        if parent is not None:
            parent.inner.append(call)
        self.together = self.together or any(not _is_in(call, other) for other in self._open)
        self.calls.append(call)
        self._by_id[call.id] = call
        self._open.append(call)
        _tell(parent, event)

    def _returned(self, event: Event) -> None:
        call = self._by_id.get(event["data"]["call"])
        if call is None or call.kind != RETURNED[event["type"]] or call.answer is not None:
            return
        call.answer = event
        self._begun |= dict.fromkeys(call.runs, call)
        if call in self._open:
            self._open.remove(call)
        _tell(call.parent, event)

    def _ruled(self, call: RecordedCall, event: Event) -> None:
        if event["type"] == "approval":
            call.approvals.append(event)
        _tell(call.parent, event)

    def _fact(self, event: Event) -> None:
        kind, data = event["type"], event["data"]
        if kind in DRAWN:
            self.drawn.setdefault((kind, data.get("name", "")), []).append(event)
        elif kind == VERDICT:
            self.verdicts.append(event)
        elif kind == "contract":
            self.contracts[data["sha256"]] = data["document"]
        elif kind == OPENED:
            self.run_id, self.opened_at = data["run_id"], event["ts"]
        elif kind == "child":
            self.children.append(data["run_id"])
        owner = self._innermost()
        if kind == "input" and owner is None:
            self.inputs.append(event)
        if kind not in NOT_REPEATED:
            _tell(owner, event)

    def passed_s(self, call: RecordedCall) -> float:
        """Seconds from the beginning of the run to the answer of a call; 0 of one that has none."""
        if call.answer is None:
            return 0
        return max(0, parse_time(call.answer["ts"]) - parse_time(self.opened_at)) / SECOND_NS

    def children_begun(self, live: Container[str]) -> list[str]:
        """Ids of the runs that are a part of it and that a replay begins: not those that an answer tells of a call that
        it answers, which is every one but the program's own and what is called for real (`live`)."""
        return [run for run in self.children if not self._is_in_answered(self._begun.get(run), live)]

    def _is_in_answered(self, call: RecordedCall | None, live: Container[str]) -> bool:
        return call is not None and any(not one.own and one.name not in live for one in call.around())

    def _innermost(self) -> RecordedCall | None:
        """The call that was called last of those that are open and around no other open one."""
        around = {call.parent.id for call in self._open if call.parent is not None}
        return next((call for call in reversed(self._open) if call.id not in around), None)


def _tell(call: RecordedCall | None, event: Event) -> None:
    while call is not None:
        call.facts.append(event)
        call = call.parent


def _is_in(call: RecordedCall, around: RecordedCall) -> bool:
    return any(one is around for one in call.around())


def gaps(call: RecordedCall) -> Iterator[tuple[str, str]]:
    """What of a call of a tool the record does not hold: places (JSON Pointers into the answer), and why."""
    if call.answer is None:
        yield "", "no answer was recorded"
        return
    data = call.answer["data"]
    for place, mark in call.answer.get("marks", ()):
        if place.split("/")[1] in ("result", "yielded") and mark != COERCED:
            yield place, mark
    for member in ("result", "yielded"):
        for place in _unknown(data.get(member), [member]):
            yield place, "only its type was recorded"
    if type(data.get("items")) is int and data["items"] and "yielded" not in data:
        yield "/yielded", "what it yielded was not recorded"


def _unknown(value: Any, path: list[str]) -> Iterator[str]:
    """Places of what has no JSON, of which a record has the type alone."""
    if type(value) is dict:
        if len(value) == 1 and ("$repr" in value or "$redacted" in value):
            yield pointer(path)
            return
        for key, item in value.items():
            yield from _unknown(item, [*path, key])
    elif type(value) is list:
        for number, item in enumerate(value):
            yield from _unknown(item, [*path, str(number)])


def _bytes(text: str) -> bytes:
    from binascii import a2b_base64

    return a2b_base64(text, strict_mode=True)


def _json(text: str) -> Any:
    from runstone.core.parsing import parse_json

    return parse_json(text.encode())


_FORMS: Final = {"$bytes": _bytes, "$json": _json}


def restored(value: Any) -> Any:
    """A recorded value as a program is given it: JSON, bytes again, keys as the program had them."""
    if type(value) is list:
        return [restored(item) for item in value]
    if type(value) is not dict:
        return value
    if len(value) == 1:
        ((key, item),) = value.items()
        if key in _FORMS and type(item) is str:
            try:
                return _FORMS[key](item)
            except (ValueError, RunstoneError):  # whoever wrote the record did not keep to the form
                return value
    return {key[1:] if key.startswith("$$") else key: restored(item) for key, item in value.items()}
