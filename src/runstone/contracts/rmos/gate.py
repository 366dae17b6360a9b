"""Toolpath requests behind a gate: judged by the server, built or not, recorded, published, and only then answered.

- Feasibility is computed by the server. The client's is dropped before anybody sees the request.
- Every request is a run: one that was allowed, blocked, or failed.
"""

from __future__ import annotations

from contextlib import suppress

from runstone.contracts.rmos import layout
from runstone.contracts.rmos.document import NAME, STATUSES, VERSION
from runstone.contracts.rmos.hashing import STABLE, as_json, in_order, stable_json, summarize_request
from runstone.contracts.rmos.policy import ERROR, UNKNOWN, Judge, flags_of, policy_of
from runstone.contracts.rmos.writing import record_toolpaths, short_label
from runstone.core.parsing import parse_json
from runstone.core.values import Foreign
from runstone.core.words import BLOCKED, DERIVES_FROM
from runstone.engine.current import current_run
from runstone.engine.facts import kept_out_of, text_of, without_heard
from runstone.engine.gatekeeper import Gatekeeper
from runstone.engine.gates import Gate
from runstone.engine.publishing import publisher_of
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

    from runstone.contracts.rmos.store import RunStore
    from runstone.core.policy.policy import Policy
    from runstone.engine.recorder import Run

    Feasibility = Callable[..., Mapping[str, Any]]
    """Called with `tool_id` and `req`; answers what the policy decides on."""
    Builder = Callable[..., Mapping[str, Any]]
    """Called with `mode`, `req` and `feasibility`; answers the toolpaths payload."""

BLOCKED_MESSAGE: Final = "Toolpath generation blocked by server-side safety policy."
UNKNOWN_MODE: Final = "unknown"
WAIT_S: Final = 30.0
_ASKED_OF_THE_GATE: Final = ("feasibility", "override_of")
"""Members of a request that do not say what is to be built."""


class Answer:
    """What is answered to a request: an HTTP status and a JSON object."""

    __slots__ = ("content", "status")

    def __init__(self, status: int, content: dict[str, Any]) -> None:
        self.status = status
        self.content = content


class ToolpathGate:
    """Answers toolpath requests. Safe to share between threads.

    `feasibility` and `toolpaths` are functions by mode; `policy` is a `runstone.Policy`, the mapping of one, or
    nothing: then RED and UNKNOWN block. `resolve_mode` says the mode of a tool id.
    """

    def __init__(
        self,
        store: RunStore,
        feasibility: Mapping[str, Feasibility],
        toolpaths: Mapping[str, Builder],
        policy: Policy | Mapping[str, Any] | None = None,
        resolve_mode: Callable[[str], str] | None = None,
    ) -> None:
        self.store = store
        self.feasibility = dict(feasibility)
        self.toolpaths = dict(toolpaths)
        self.policy = policy_of(policy)
        self.resolve_mode = resolve_mode or mode_of_tool

    def answer(self, req: Mapping[str, Any]) -> Answer:
        """Record one request and answer it: 200, 409, 500, or 503 where nothing can be recorded. Raises `not_json` and
        `lone_surrogate` for a request that is no JSON."""
        return Attempt(self, req).answer()


def mode_of_tool(tool_id: str) -> str:
    """`saw` for tools that say so, else `router`."""
    return "saw" if tool_id.startswith("saw:") else "router"


class Attempt:
    """One request."""

    def __init__(self, gate: ToolpathGate, req: Mapping[str, Any]) -> None:
        self._gate = gate
        self._store = gate.store
        self._req = {key: req[key] for key in req if key not in _ASKED_OF_THE_GATE}
        self._summary = in_order(as_json(summarize_request(self._req)))
        stable_json(self._summary)  # raises for text that is no Unicode: it could not be recorded
        self._override_of = text_of(req["override_of"]) if req.get("override_of") else None
        self._tool_id = text_of(req.get("tool_id") or "")
        self._mode = _resolved(gate.resolve_mode, self._tool_id)
        self._judge = Judge(gate.policy)
        self._feasibility: dict[str, Any] = {}
        self._payload: dict[str, Any] = {}
        self._run: Run | None = None  # until the gate has opened one
        self._run_id = ""

    def answer(self) -> Answer:
        """The answer; the run is sealed and published then, or the answer says that it is not."""
        try:
            self._behind_the_gate()(self._build)()
        except Exception as exc:  # whatever the builder raised: it is in the record
            if isinstance(exc, RunstoneError) and not self._tells(exc):
                return Answer(503, {"detail": {"error": "STORE_UNAVAILABLE", "message": exc.message}})
            return self._told()
        path, found = self._published()
        told = {"_run_id": self._run_id, "_run_artifact_path": path, "_hashes": found["hashes"]}
        return Answer(200, {**self._payload, **told})

    def _published(self) -> tuple[str | None, dict[str, Any]]:
        """Where the document stands, and what it says; folded anew where it was not published from memory. No place
        where something else stands there, or nothing."""
        for copy in self._run.copies if self._run is not None else ():
            return publisher_of(self._store.store).location(copy), parse_json(copy.body)
        body, path = self._store.read(self._run_id), self._store.path(self._run_id)
        try:
            stands = path.read_bytes() == body
        except OSError:
            stands = False
        return str(path) if stands else None, parse_json(body)

    def _tells(self, exc: RunstoneError) -> bool:
        """Whether the run tells of an error of ours: a gate gives what came out of its work the id of the run."""
        return self._run_id != "" and (exc.code == "answer_withheld" or getattr(exc, "run_id", None) == self._run_id)

    def _told(self) -> Answer:
        """The answer to a request that was not served, by the status of the run that tells of it: blocked, or failed.
        The place of its document is `None` where that does not stand: recovery will make it."""
        path: str | None = None
        found: dict[str, Any] = {}
        with suppress(RunstoneError):  # it could not be sealed
            path, found = self._published()
        told: dict[str, Any] = {"run_id": self._run_id, "run_artifact_path": path}
        if found.get("status") == STATUSES[BLOCKED]:
            blocked = {"error": "SAFETY_BLOCKED", "message": BLOCKED_MESSAGE, **told, "decision": found["decision"]}
            return Answer(409, {"detail": blocked})
        return Answer(500, {"detail": {"error": "TOOLPATHS_ERROR", **told}})

    def _behind_the_gate(self) -> Gate:
        parent = self._parent()
        digest = None if parent is None else self._store.digest_of(parent)
        link = {"rel": DERIVES_FROM, "run_id": parent, "digest": digest}
        asked = {
            "facts": self._judged,
            "request": self._summary,
            "override_of": self._override_of,
            "labels": {layout.TOOL_LABEL: short_label(self._tool_id, self._store.store.redactor)},
        }
        options = {"contract": f"{NAME}/{VERSION}", "links": [link] if digest else []}
        keeper = Gatekeeper(
            self._mode, self._judge, asked, lambda: self._store.store, options, wait_s=WAIT_S, result=False
        )
        return Gate(keeper)

    def _parent(self) -> str | None:
        """The plan that the request says to carry out."""
        named = self._req.get("parent_plan_run_id")
        return named if isinstance(named, str) and named else None

    def _judged(self) -> Foreign:
        """Record the request, and compute what the policy decides on."""
        run = current_run()
        assert run is not None
        self._run, self._run_id = run, run.run_id
        request: dict[str, Any] = {
            "mode": self._mode,
            "tool_id": self._tool_id,
            "summary": Foreign(self._summary, STABLE),
            "policy": flags_of(self._gate.policy),
        }
        if (parent := self._parent()) is not None:
            request["parent"] = parent
        run.event(layout.REQUEST, request)
        function = self._gate.feasibility.get(self._mode)
        if function is None:
            self._judge.verdict = UNKNOWN, f"No feasibility is known for mode {self._mode!r}"
        else:
            try:
                found = _mapping(function(tool_id=self._tool_id, req=dict(self._req)), "feasibility")
                stable_json(found)  # text that is no Unicode cannot be recorded, so nothing can be decided on it
                self._feasibility = found
            except Exception as exc:  # what cannot be computed blocks, whatever kept it from being computed
                why = without_heard(text_of(exc), kept_out_of(exc))
                self._judge.verdict = ERROR, f"Feasibility could not be computed: {type(exc).__name__}: {why}"
        return Foreign(in_order(self._feasibility), STABLE)

    def _build(self) -> None:
        """The work: build toolpaths and record them."""
        run = current_run()
        assert run is not None
        builder = self._gate.toolpaths.get(self._mode)
        if builder is None:
            raise error("invalid_option", f"no toolpaths are built for mode {self._mode!r}", option="mode")
        found = builder(mode=self._mode, req=dict(self._req), feasibility=dict(self._feasibility))
        self._payload = _mapping(found, "the toolpaths payload")
        record_toolpaths(run, self._payload)


def _resolved(resolve_mode: Callable[[str], str], tool_id: str) -> str:
    """The mode of a tool id; where it cannot be told, one that nobody can judge."""
    try:
        return text_of(resolve_mode(tool_id)) or UNKNOWN_MODE
    except Exception:  # the program's own function: the request is a run all the same
        return UNKNOWN_MODE


def _mapping(value: Any, what: str) -> dict[str, Any]:
    found = as_json(value)
    if not isinstance(found, dict):
        raise TypeError(f"{what} is a mapping; found {type(value).__name__}")
    return found
