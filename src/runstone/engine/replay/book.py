"""What a record answers to the calls of a replay: the book of one run. Safe to share between threads.

- In strict order a call is the next one of the record, and nothing else. By key it is the next one that asks the same
  of the same tool, in whatever order: so it is where calls of the record stood side by side.
- A call that is answered takes with it the calls that were made in it, and what was recorded meanwhile: that is
  repeated.
- What is different is noted once, the first; a call that has no answer in the record stops the replay.
"""

from __future__ import annotations

import _thread
import threading
from collections import deque
from typing import TYPE_CHECKING

from runstone.core.calls import CALLED, RETURNED
from runstone.core.canonical import canonical_bytes
from runstone.core.parsing import load
from runstone.core.recorded import DRAWN, VERDICT, asked_of, key_of, outcome_of
from runstone.core.times import parse_time
from runstone.core.tools.approval import APPROVED, UNANSWERED, Approval
from runstone.engine.admitted import admit
from runstone.engine.calls import failure_of
from runstone.engine.replay.stopping import (
    ARGUMENTS,
    MISSING,
    NOT_RECORDED,
    ORDER,
    REFUSED,
    RESULT,
    Divergence,
    Stopped,
)
from runstone.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

    from runstone.core.events import Event
    from runstone.core.judgement.verdict import Verdict
    from runstone.core.recorded import Record, RecordedCall
    from runstone.core.tools.approval import ApprovalRequest
    from runstone.core.values import Mark
    from runstone.engine.calls import Call
    from runstone.engine.recorder import Run
    from runstone.engine.replay.session import Session

STRICT: Final = "strict"
BY_KEY: Final = "by-key"


class Book:
    """The answers for one run that replays another, in a replay that may have several (`session`). `live` are the names
    of what is called for real, `texts` what debug mode had kept of answers, by call. `files` reads what the recorded
    run keeps."""

    def __init__(
        self,
        run: Run,
        record: Record,
        session: Session,
        *,
        mode: str,
        live: frozenset[str],
        texts: Mapping[str, Any],
        files: Callable[[str], Any],
    ) -> None:
        self.run = run
        self.record = record
        self.session = session
        self.live = live
        self.texts = texts
        self.files = files
        self.ids: dict[str, str] = {}
        """Id of a call in the record → its id here."""
        self._mode = mode
        self._at = 0
        self._by_key: dict[str, deque[RecordedCall]] = {}
        for known in record.calls:
            self._by_key.setdefault(known.key, deque()).append(known)
        self._in_threads = False
        self._lock = _thread.RLock()
        self._matched: dict[str, RecordedCall] = {}
        self._reworded: dict[str, Any] = {}
        """Id of a call in the record → the error that it has here, where none could be made that says the same."""
        self._stopped: Stopped | None = None
        run.writer.at_end(self._ended)

    def runs(self, name: str) -> bool:
        """Whether a tool or model of this name is called for real."""
        return name in self.live

    def called(self, call: Call, kind: str, data: Mapping[str, Any], marks: list[Mark]) -> RecordedCall:
        """The recorded call that this one is. Raises `Stopped` where it is none."""
        told = self._told(kind, data, marks)
        what = CALLED[kind]
        asked, name = asked_of(what, told), told["name" if kind == "tool.called" else "model"]
        key = key_of(what, name, asked)
        found = {"kind": what, "name": name, "args": asked, "call": call.id, "line": None}
        with self._lock:
            if self._stopped is not None:
                raise self._stopped
            self._in_threads = self._in_threads or threading.current_thread() is not threading.main_thread()
            match = self._next(key)
            if match is None:
                raise self.stop(self._not_found(key, found))
            match.used = True
            self._matched[call.id] = match
            self.session.count_live(self.runs(name))
            self.ids[match.id] = call.id
            return match

    def returned(self, call: Call, kind: str, data: Mapping[str, Any], marks: list[Mark]) -> None:
        """A call came to something: another thing than in the record is a divergence. A call that was answered from
        the record came to what it says."""
        match = self._matched.get(call.id)
        if match is None:
            return
        self.session.count_live(-self.runs(match.name))
        if match.answer is None:
            return
        found = outcome_of(RETURNED[kind], self._told(kind, data, marks))
        expected = match.outcome()
        if match.id in self._reworded and found["error"] == self._reworded[match.id]:
            found["error"] = expected["error"]
        if canonical_bytes(found) != canonical_bytes(expected):
            sides = ({**match.side(), **expected}, {**match.side(), **found, "call": call.id, "line": None})
            self.note(Divergence(RESULT, f"{match.kind} {match.name} came to something else", *sides))

    def raised(self, match: RecordedCall, exc: BaseException) -> bool:
        """Whether a call ended with this exception then, as far as its class and message tell."""
        if match.answer is None:
            return False
        found, error = self._error_of(match.answer, exc), match.said("error")
        told = error if type(error) is dict else {}
        return all(told.get(member) == found[member] for member in found)

    def reworded(self, match: RecordedCall, exc: BaseException) -> None:
        """A call ends with this exception, which says in other words what was said then."""
        if match.answer is not None:
            error = self._error_of(match.answer, exc)
            self._reworded[match.id] = outcome_of(match.kind, {**match.answer["data"], "error": error})["error"]

    def matched(self, call_id: str) -> RecordedCall | None:
        """The recorded call that a call of this run is."""
        return self._matched.get(call_id)

    def take_below(self, match: RecordedCall) -> None:
        """A call is answered: those in it will not come, and what was drawn or judged in it is not once more."""
        with self._lock:
            said = {event["seq"] for event in match.facts if event["type"] == VERDICT}
            self.record.verdicts[:] = [event for event in self.record.verdicts if event["seq"] not in said]
            for inner in match.below():
                inner.used = True
            for event in match.facts:
                if event["type"] in DRAWN:
                    waiting = self.record.drawn.get((event["type"], event["data"].get("name", "")), [])
                    waiting[:] = [other for other in waiting if other["seq"] != event["seq"]]

    def drawn(self, kind: str, name: str) -> Any:
        """What was drawn then. Raises `Stopped` where the record has nothing more."""
        with self._lock:
            waiting = self.record.drawn.get((kind, name))
            if waiting:
                return waiting.pop(0)["data"][DRAWN[kind]]
        said = f" {name!r}" if name else ""
        found = {"kind": kind, "name": name, "args": None, "call": None, "line": None}
        message = f"the program asks for {kind}{said} once more than the record has it"
        raise self.stop(Divergence(NOT_RECORDED, message, None, found))

    def approved(self, request: ApprovalRequest) -> Approval | None:
        """What was answered then to the one who is asked now."""
        match = self._matched.get(request.call)
        if match is None or not match.approvals:
            return None
        said = match.approvals.pop(0)["data"]
        return (
            None if said["outcome"] == UNANSWERED else Approval(said["outcome"] == APPROVED, said["by"], said["reason"])
        )

    def judged(self, baseline: Any, judge: Callable[[Any], Verdict]) -> Verdict:
        """The verdict on the run: beside the baseline of then, where a name as `@latest` may mean another run by now.

        `judge` judges beside a baseline, and raises `NotFound` where that is gone: then beside the one of now.
        """
        then = self.record.verdicts.pop(0) if self.record.verdicts else None
        known = None if then is None or then["data"]["baseline"] is None else then["data"]["baseline"]["run_id"]
        try:
            verdict = judge(known if type(baseline) is str and known is not None else baseline)
        except NotFound:
            verdict = judge(baseline)
        found = _verdict_side(verdict.event(), None)
        expected = None if then is None else _verdict_side(then["data"], int(then["seq"]) + 1)
        if expected is None or expected["args"] != found["args"]:
            self.note(Divergence(RESULT, "the verdict on the run is another one", expected, found))
        return verdict

    def at_ns(self, call: Call) -> int | None:
        """When a call was made then: rates are measured by that."""
        match = self._matched.get(call.id)
        return None if match is None else parse_time(match.called["ts"])

    def side_of(self, call: Call) -> dict[str, Any] | None:
        """A call of this run as a side of a divergence."""
        match = self._matched.get(call.id)
        return None if match is None else {**match.side(), "call": call.id, "line": None}

    def refuse(self, message: str, found: dict[str, Any] | None = None) -> Stopped:
        """Something is not done in a replay: note it; the exception that says so."""
        return self.stop(Divergence(REFUSED, message, None, found))

    def stop(self, divergence: Divergence) -> Stopped:
        """Note what is different; the exception that ends the replay, now and at every further call."""
        self.note(divergence)
        with self._lock:
            if self._stopped is None:
                self._stopped = Stopped(divergence.message)
            return self._stopped

    def note(self, divergence: Divergence) -> None:
        """Something is different."""
        self.session.note(self.run, divergence)

    def _told(self, kind: str, data: Mapping[str, Any], marks: list[Mark]) -> Any:
        """The data of an event as it is recorded, the ids of runs being those of the record."""
        return load(self.session.renamed(admit(kind, data, list(marks), self.run.redactor).body))

    def _error_of(self, answer: Event, exc: BaseException) -> Any:
        """An exception as the answer of a call tells it."""
        return self._told(answer["type"], {**answer["data"], "error": failure_of(self.run, exc)}, [])["error"]

    def _next(self, key: str) -> RecordedCall | None:
        calls = self.record.calls
        while self._at < len(calls) and calls[self._at].used:
            self._at += 1
        if self._mode == STRICT:
            return calls[self._at] if self._at < len(calls) and calls[self._at].key == key else None
        waiting = self._by_key.get(key, deque())
        while waiting and waiting[0].used:
            waiting.popleft()
        return waiting[0] if waiting else None

    def _not_found(self, key: str, found: dict[str, Any]) -> Divergence:
        waiting = [call for call in self.record.calls if not call.used]
        what = f"{found['kind']} {found['name']}"
        if any(call.key == key for call in waiting):  # in strict order alone
            expected = waiting[0]
            message = f"{what} is called before {expected.name}"
            if self._in_threads:
                message += "; where calls of several threads have no order, say so (--mode by-key)"
            return Divergence(ORDER, message, expected.side(), found)
        likely = waiting[:1] if self._mode == STRICT else waiting
        for call in likely:
            if (call.kind, call.name) == (found["kind"], found["name"]):
                return Divergence(ARGUMENTS, f"{what} is called with other arguments", call.side(), found)
        if not waiting:
            return Divergence(NOT_RECORDED, f"{what} is called, and the record has no further call", None, found)
        side = waiting[0].side() if self._mode == STRICT else None
        return Divergence(NOT_RECORDED, f"{what} is called, and the record has no such call", side, found)

    def _ended(self) -> None:
        left = next((call for call in self.record.calls if not call.used), None)
        if left is not None and self._stopped is None:
            message = f"{left.kind} {left.name} was called then, and is not now"
            self.note(Divergence(MISSING, message, left.side(), None))


def _verdict_side(data: Mapping[str, Any], line: int | None) -> dict[str, Any]:
    told = {"baseline": data["baseline"] and data["baseline"]["run_id"], "ok": data["ok"]}
    return {"kind": "verdict", "name": "", "args": told, "call": None, "line": line}
