"""`StateStore`: resumable state of engines, by thread, namespace and step; and `StateCheckpoint`, one of them.

- A state is stored as it is. It passes the redactor only where that is asked for, as redacted state cannot be resumed;
  encryption at rest is the answer to secrets in it.
- State is part of no bundle: a step names the run that made it, and that is all that the two know of one another.
- What a caller names is checked before anything is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runstone.core.canonical import canonical_bytes
from runstone.core.limits import MAX_SAFE_INTEGER
from runstone.core.parsing import load
from runstone.core.values import coerce
from runstone.engine.current import OfThisProcess, current_run
from runstone.engine.state_records import StateRecords, check_name
from runstone.errors import RunstoneError, error
from runstone.ports.states import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Final, Self, TypeAlias

    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.recorder import Run
    from runstone.ports.states import Found

    Places: TypeAlias = list[Place]
    Names: TypeAlias = list[str]

STEP_DIGITS: Final = 20
CHANNEL: Final = "state"
JSON, BYTES = "json", "bytes"


@dataclass(frozen=True)
class StateCheckpoint:
    """A state that is stored: where it stands, from which step and run it came, and what it says.

    `step` is the number or the text that it was put under. `parent` is the step before, `run_id` the run that made it;
    both may be `None`. `redacted` says that it passed the redactor when it was put: it can be looked at, and not be
    resumed from.
    """

    thread: str
    namespace: str
    step: int | str
    parent: int | str | None
    run_id: str | None
    metadata: Mapping[str, Any]
    redacted: bool
    _read: Callable[[], Any] = field(repr=False, compare=False)

    @property
    def state(self) -> Any:
        """The state: the JSON value or the bytes that were put, read when it is asked for and not held.

        Raises `state_not_found` if it was deleted meanwhile, `state_damaged`, `store_unavailable`.
        """
        return self._read()


class StateStore(OfThisProcess):
    """States of a store, for any number of threads and processes. Use it as a context manager, or `close` it.

    With `redact` every state is redacted that is put without saying so itself.
    """

    _elsewhere = "hand its `url` on, and `runstone.open_states` that there"

    def __init__(
        self, url: str, records: StateRecords, redactor_of: Callable[[], Redactor], *, redact: bool = False
    ) -> None:
        self.url = url
        self.records = records
        self._redactor_of = redactor_of
        self._redact = redact

    # put and get

    def put(
        self,
        thread: str,
        step: int | str,
        state: Any,
        *,
        namespace: str = "",
        parent: int | str | None = None,
        run: Run | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        redact: bool | None = None,
    ) -> StateCheckpoint:
        """Store the state of a step; when this returns, it survives power loss. A state of that step is replaced.

        `state` is a JSON value, or bytes, which are kept byte by byte. Steps are whole numbers, or texts in the order
        of their UTF-8 bytes. Without a `parent` the last step before this one is. Without a `run` the current run made
        it. With `redact` secrets are taken out of state and metadata, and it is marked as redacted.

        Raises `not_json`, `lone_surrogate`, `too_deep`, `too_large`, `invalid_option`, `invalid_state_key`,
        `missing_extra`, `store_unavailable`, `unsupported_format`, `state_damaged`.
        """
        place, name = Place(thread, namespace), _name_of(step)
        told = {"metadata": _mapping(metadata), "redacted": self._redact if redact is None else redact}
        around = current_run()
        if told["redacted"]:
            redactor = self._redactor_of() if around is None or not around.recording else around.redactor
            state = _redacted(redactor, state, "state")
            told["metadata"] = _redacted(redactor, told["metadata"], "metadata")
        blob = framed(BYTES, bytes(state)) if _is_bytes(state) else framed(JSON, canonical_bytes(state))
        made_by = _run_id(around if run is None else run)
        before = self._last_before(place, name) if parent is None else _name_of(parent)
        self.records.put(
            place,
            name,
            parent=before,
            runs=() if made_by is None else (made_by,),
            metadata=framed(JSON, canonical_bytes(told)),
            channels={CHANNEL: name},
            changed=(CHANNEL,),
            blob_of=lambda _: blob,
        )
        return self._told(place, name, before, made_by, told)

    def get(self, thread: str, step: int | str | None = None, *, namespace: str = "") -> StateCheckpoint | None:
        """The state of a step, without one of the last step; `None` where there is none.

        Raises `invalid_option`, `invalid_state_key`, `store_unavailable`, `unsupported_format`, `state_damaged`.
        """
        found = self.records.get(_place(thread, namespace), None if step is None else _name_of(step))
        return None if found is None else self._checkpoint(found)

    # lists

    def list(
        self, thread: str, *, namespace: str = "", before: int | str | None = None, limit: int | None = 50
    ) -> list[StateCheckpoint]:
        """At most `limit` states of a thread (`None`: all), the last step first, from the one `before` a step on.

        Raises as `get`.
        """
        _check_limit(limit)
        place, name = _place(thread, namespace), None if before is None else _name_of(before)
        return [self._checkpoint(found) for found in self.records.all_steps(place, name, limit)]

    def places(self, thread: str | None = None, *, limit: int | None = 50, after: Place | None = None) -> Places:
        """At most `limit` pairs (`None`: all) of thread and namespace that hold states, in order, from behind one on.

        Of a thread, or of all. Raises as `get`.
        """
        _check_limit(limit)
        if thread is not None:
            check_name(thread)
        return list(self.records.all_places(thread, None if after is None else _pair(after), limit))

    # what goes

    def delete(self, thread: str, step: int | str | None = None, *, namespace: str | None = None) -> int:
        """Delete a step (of the namespace given, else of the one without a name), or without one a namespace, or
        without that the whole thread; how many steps went. What other steps need stays. Raises as `get`."""
        if step is not None:
            return self.records.remove({_place(thread, namespace or ""): [_name_of(step)]})
        if namespace is None:
            check_name(thread)
            return self.records.remove_thread(thread)
        place = _place(thread, namespace)
        return self.records.remove({place: [found.step.step for found in self.records.all_steps(place)]})

    def delete_runs(self, runs: Iterable[str]) -> int:
        """Delete the steps that these runs made, in every thread; how many. Raises as `get`."""
        if isinstance(runs, str) or not hasattr(runs, "__iter__"):
            found = "one text" if isinstance(runs, str) else type(runs).__name__
            raise error("invalid_option", f"`runs` are ids in a list or the like; found {found}", option="runs")
        names = list(runs)
        for name in names:
            check_name(name)
        return self.records.remove_runs(names)

    def prune(
        self, thread: str, *, namespace: str | None = None, keep: int = 1, before: int | str | None = None
    ) -> int:
        """Delete the steps of a namespace, or of each, but for the last `keep`; with `before` only earlier ones than
        that step. How many went. Raises `invalid_option`, and as `get`."""
        if isinstance(keep, bool) or not isinstance(keep, int) or keep < 0:
            raise error("invalid_option", f"`keep` is a whole number of at least 0; found {keep!r}", option="keep")
        check_name(thread)
        places = list(self.records.all_places(thread)) if namespace is None else [_place(thread, namespace)]
        name = None if before is None else _name_of(before)
        gone: dict[Place, Names] = {}
        for place in places:
            last = self.records.steps(place, None, min(keep, MAX_SAFE_INTEGER)) if keep else ()
            kept = {found.step.step for found in last}
            steps = (found.step.step for found in self.records.all_steps(place, name))
            gone[place] = [step for step in steps if step not in kept]
        return self.records.remove(gone)

    def copy(self, source: str, target: str) -> int:
        """Copy all of a thread to one that has nothing yet; how many steps. Raises `state_exists`, and as `get`."""
        check_name(source)
        return self.records.copy(source, target)

    # the store

    def close(self) -> None:
        """Give back what it holds. What is asked of it later opens it again."""
        self.records.states.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<StateStore {self.url}>"

    def _last_before(self, place: Place, step: str) -> str | None:
        check_name(place.thread)
        check_name(place.namespace)
        rows = self.records.steps(place, step, 1)
        return rows[0].step.step if rows else None

    def _checkpoint(self, found: Found) -> StateCheckpoint:
        step = found.step
        kind, metadata = unframed(step.metadata)
        told = _loaded(metadata) if kind == JSON else {}
        if not isinstance(told, dict):
            raise _damaged()
        return self._told(step.place, step.step, step.parent, step.runs[0] if step.runs else None, told)

    def _told(
        self, place: Place, step: str, parent: str | None, run_id: str | None, told: Mapping[str, Any]
    ) -> StateCheckpoint:
        return StateCheckpoint(
            place.thread,
            place.namespace,
            _number_of(step),
            None if parent is None else _number_of(parent),
            run_id,
            told.get("metadata", {}),
            bool(told.get("redacted")),
            lambda: self._state(place, step),
        )

    def _state(self, place: Place, step: str) -> Any:
        found = self.records.get(place, step)
        use = None if found is None else next((use for use in found.uses if use.channel == CHANNEL), None)
        if use is None:
            put_by = (
                "is not there, or no longer" if found is None else "was put by another engine's saver: read it by that"
            )
            message = f"step {step!r} of thread {place.thread!r} {put_by}"
            raise error("state_not_found", message, thread=place.thread, namespace=place.namespace, step=step)
        kind, data = unframed(self.records.blob(place, use))
        return data if kind == BYTES else _loaded(data)


def _check_limit(limit: int | None) -> None:
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        raise error("invalid_option", f"`limit` is a whole number of at least 0; found {limit!r}", option="limit")


def framed(kind: str, data: bytes) -> bytes:
    """Bytes with the name of what they are before them: one byte of its length, the name, the bytes."""
    name = kind.encode()
    return bytes((len(name),)) + name + data


def unframed(blob: bytes) -> tuple[str, bytes]:
    """What `framed` has put together. Raises `state_damaged`."""
    if not blob or len(blob) < 1 + blob[0]:
        raise _damaged()
    try:
        return blob[1 : 1 + blob[0]].decode(), blob[1 + blob[0] :]
    except UnicodeDecodeError as exc:
        raise _damaged() from exc


def _loaded(data: bytes) -> Any:
    try:
        return load(data)
    except ValueError as exc:
        raise _damaged() from exc


def _damaged() -> RunstoneError:
    return error("state_damaged", "a stored state does not say what it is: its bytes were changed")


def _place(thread: str, namespace: str) -> Place:
    check_name(thread)
    check_name(namespace)
    return Place(thread, namespace)


def _pair(after: Any) -> Place:
    if not isinstance(after, (tuple, list)) or len(after) != 2:
        message = f"`after` is a pair of thread and namespace; found {type(after).__name__}"
        raise error("invalid_option", message, option="after")
    return _place(*after)


def _name_of(step: Any) -> str:
    """A number as twenty digits, so that names are in the order of numbers."""
    if isinstance(step, int) and not isinstance(step, bool) and 0 <= step < 10**STEP_DIGITS:
        return f"{step:0{STEP_DIGITS}}"
    if not isinstance(step, str) or not step:
        message = f"a step is a whole number of at least 0, or text that is not empty; found {type(step).__name__}"
        raise error("invalid_option", message, option="step")
    check_name(step)
    return step


def _mapping(metadata: Any) -> dict[str, Any]:
    try:
        return dict(metadata or {})
    except (TypeError, ValueError) as exc:
        message = f"metadata is a mapping; found {type(metadata).__name__}"
        raise error("invalid_option", message, option="metadata") from exc


def _run_id(run: Run | str | None) -> str | None:
    if run is None:
        return None
    found: Any = getattr(run, "run_id", run)
    check_name(found)
    return str(found)


def _number_of(step: str) -> int | str:
    return int(step) if len(step) == STEP_DIGITS and step.isascii() and step.isdigit() else step


def _redacted(redactor: Redactor, value: Any, what: str) -> Any:
    if _is_bytes(value):
        message = (
            f"bytes cannot be redacted, as nothing is known of their form: give the {what} as JSON, or put it as it is"
        )
        raise error("invalid_option", message, option="redact")
    canonical_bytes(value)  # what cannot be stored is refused, and not made into something else
    known, marks = coerce(value)
    return redactor.tree(known, marks)


def _is_bytes(value: object) -> bool:
    return isinstance(value, bytes | bytearray | memoryview)
